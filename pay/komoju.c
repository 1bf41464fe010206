/* KOMOJU. Answers and notifications, which come from outside, are read with the house's own strict
 * JSON reader; what it does not understand is an error, never a guess. */
#include "komoju.h"

#include <openssl/hmac.h>

#include "base/clock.h"
#include "http.h"
#include "text/b64.h"
#include "text/hex.h"
#include "text/json.h"
#include "text/time.h"

/* Of what we read: far above any tour, far below overflow. */
#define SUM_MAX_MINOR INT64_C(1000000000000)

enum {
    CREATE_MS = 5500, /* a page may take cancel, query and create: within PAY_CREATE_WAIT_MS */
    CANCEL_MS = 3000,
    QUERY_MS = 3000,
    LIST_MS = 8000,
    REFUND_MS = 8000,
};

/* Type of a notification or status of a payment -> what it means to us. */
typedef struct word {
    const char *text;
    pay_fact_t fact;
} word_t;

static const word_t PAYMENT_STATUS[] = {
    {"authorized", PAY_FACT_AUTHORIZED}, {"captured", PAY_FACT_CAPTURED},
    {"failed", PAY_FACT_FAILED},         {"expired", PAY_FACT_EXPIRED},
    {"cancelled", PAY_FACT_CANCELLED},   {"refunded", PAY_FACT_REFUNDED},
};

/* STATUS: the payment's own status says it. */
enum { STATUS = PAY_FACT_COUNT };
static const word_t EVENT_TYPE[] = {
    {"payment.authorized", PAY_FACT_AUTHORIZED},
    {"payment.captured", PAY_FACT_CAPTURED},
    {"payment.failed", PAY_FACT_FAILED},
    {"payment.expired", PAY_FACT_EXPIRED},
    {"payment.cancelled", PAY_FACT_CANCELLED},
    {"payment.refunded", PAY_FACT_REFUNDED},
    {"payment.refund.created", (pay_fact_t)STATUS},
    {"payment.updated", (pay_fact_t)STATUS},
};

static bool word_find(const word_t *words, size_t n, slice_t text, pay_fact_t *ret_fact)
{
    for (size_t i = 0; i < n; i++) {
        if (slice_eq(text, slice_cstr_in(words[i].text))) {
            *ret_fact = words[i].fact;
            return true;
        }
    }
    return false;
}

/* ---- reading ---- */

/* A field that may be missing or null (then empty); of another kind, or there twice, it is an
 * error. */
static err_t maybe_text(slice_t json, arena_t *a, slice_t path, slice_t *ret_text)
{
    json_token_t t;
    err_t e = json_get(json, a, path, &t);
    *ret_text = SLICE_EMPTY;
    if (err_is(e, ERR_NOT_FOUND)) {
        return OK;
    }
    TRY(e);
    ENSURE(t.kind == JSON_STRING || t.kind == JSON_NULL, ERR_SYNTAX);
    *ret_text = t.text;
    return OK;
}

static err_t maybe_sum(slice_t json, arena_t *a, slice_t path, int64_t *ret_sum)
{
    json_token_t t;
    err_t e = json_get(json, a, path, &t);
    *ret_sum = 0;
    if (err_is(e, ERR_NOT_FOUND) || (!err_failed(e) && t.kind == JSON_NULL)) {
        return OK;
    }
    TRY(e);
    ENSURE(t.kind == JSON_NUMBER, ERR_SYNTAX);
    return slice_parse_i64(t.text, 0, SUM_MAX_MINOR, ret_sum);
}

/* The provider's own names and ours: letters, digits, '_', '-', '.'. */
static bool is_plain(slice_t text, size_t max)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '-' || c == '.';
        if (!plain) {
            return false;
        }
    }
    return text.len <= max;
}

static err_t maybe_id(slice_t json, arena_t *a, slice_t path, slice_t *ret_id)
{
    TRY(maybe_text(json, a, path, ret_id));
    ENSURE(is_plain(*ret_id, ADAPTER_REF_MAX), ERR_SYNTAX);
    return OK;
}

/* Ours, when it is there at all and reads like an id of ours: it is a help, never a proof. */
static err_t maybe_booking(slice_t json, arena_t *a, slice_t path, slice_t *ret_booking)
{
    id128_t id;
    slice_t text;
    *ret_booking = SLICE_EMPTY;
    err_t e = maybe_text(json, a, path, &text);
    if (err_is(e, ERR_SYNTAX)) {
        return OK;
    }
    TRY(e);
    if (!err_failed(id_decode(text, &id))) {
        *ret_booking = text;
    }
    return OK;
}

static err_t need_id(slice_t json, arena_t *a, slice_t path, slice_t *ret_id)
{
    TRY(maybe_id(json, a, path, ret_id));
    ENSURE(ret_id->len > 0, ERR_SYNTAX);
    return OK;
}

static err_t need_sum(slice_t json, arena_t *a, slice_t path, int64_t *ret_sum)
{
    int64_t sum;
    TRY(json_get_i64(json, a, path, &sum));
    ENSURE(sum >= 0 && sum <= SUM_MAX_MINOR, ERR_RANGE);
    *ret_sum = sum;
    return OK;
}

static err_t need_currency(slice_t json, arena_t *a, slice_t path, char out[3])
{
    slice_t text;
    TRY(json_get_string(json, a, path, &text));
    ENSURE(text.len == 3 && is_plain(text, 3), ERR_SYNTAX);
    memcpy(out, text.ptr, 3);
    return OK;
}

/* Paths of a Payment object that stands at `at` ("data." in a notification, "payment." in a
 * session). */
typedef struct payment_paths {
    slice_t id, status, currency, order, session, total, fee, amount_refunded, booking;
} payment_paths_t;

static const payment_paths_t IN_EVENT = {
    {(const uint8_t *)"data.id", 7},
    {(const uint8_t *)"data.status", 11},
    {(const uint8_t *)"data.currency", 13},
    {(const uint8_t *)"data.external_order_num", 23},
    {(const uint8_t *)"data.session", 12},
    {(const uint8_t *)"data.total", 10},
    {(const uint8_t *)"data.payment_method_fee", 23},
    {(const uint8_t *)"data.amount_refunded", 20},
    {(const uint8_t *)"data.metadata.booking", 21},
};
static const payment_paths_t IN_SESSION = {
    {(const uint8_t *)"payment.id", 10},
    {(const uint8_t *)"payment.status", 14},
    {(const uint8_t *)"payment.currency", 16},
    {(const uint8_t *)"payment.external_order_num", 26},
    {(const uint8_t *)"id", 2},
    {(const uint8_t *)"payment.total", 13},
    {(const uint8_t *)"payment.payment_method_fee", 26},
    {(const uint8_t *)"payment.amount_refunded", 23},
    {(const uint8_t *)"metadata.booking", 16},
};
static const payment_paths_t ALONE = {
    {(const uint8_t *)"id", 2},
    {(const uint8_t *)"status", 6},
    {(const uint8_t *)"currency", 8},
    {(const uint8_t *)"external_order_num", 18},
    {(const uint8_t *)"session", 7},
    {(const uint8_t *)"total", 5},
    {(const uint8_t *)"payment_method_fee", 18},
    {(const uint8_t *)"amount_refunded", 15},
    {(const uint8_t *)"metadata.booking", 16},
};

/* total - payment_method_fee is what is compared with our price, as the provider's own plug-ins do.
 * A payment is refunded for us only when all of it went back; until then it is captured, with a
 * part refunded. */
static err_t payment_read(slice_t json, arena_t *a, const payment_paths_t *at, adapter_news_t *n)
{
    int64_t total, fee;
    slice_t status;
    TRY(need_id(json, a, at->id, &n->payment));
    TRY(need_sum(json, a, at->total, &total));
    TRY(maybe_sum(json, a, at->fee, &fee));
    TRY(maybe_sum(json, a, at->amount_refunded, &n->refunded_minor));
    TRY(maybe_id(json, a, at->order, &n->order));
    TRY(maybe_id(json, a, at->session, &n->session));
    TRY(need_currency(json, a, at->currency, n->currency));
    TRY(maybe_booking(json, a, at->booking, &n->booking));
    TRY(maybe_text(json, a, at->status, &status));
    ENSURE(fee <= total, ERR_RANGE);
    n->amount_minor = total - fee;
    n->knows = word_find(PAYMENT_STATUS, BASE_COUNT(PAYMENT_STATUS), status, &n->fact);
    return OK;
}

static void refund_weigh(adapter_news_t *n)
{
    if (n->knows && n->fact == PAY_FACT_REFUNDED && n->refunded_minor < n->amount_minor) {
        n->fact = PAY_FACT_CAPTURED;
    }
}

/* A page that was cancelled or has run out ends an attempt, but never money that moved. */
static err_t session_end_read(slice_t json, arena_t *a, adapter_news_t *n)
{
    slice_t status;
    json_token_t expired;
    TRY(maybe_text(json, a, SLICE("status"), &status));
    err_t e = json_get(json, a, SLICE("expired"), &expired);
    ENSURE(!err_failed(e) || err_is(e, ERR_NOT_FOUND), e.code);
    bool is_over = !err_failed(e) && expired.kind == JSON_TRUE;
    if (n->knows && pay_fact_is_money(n->fact)) {
        return OK;
    }
    if (slice_eq(status, SLICE("cancelled"))) {
        n->fact = PAY_FACT_CANCELLED;
        n->knows = true;
    } else if (!n->knows && is_over) {
        n->fact = PAY_FACT_EXPIRED;
        n->knows = true;
    }
    return OK;
}

static err_t session_read(slice_t json, arena_t *a, adapter_news_t *ret_news)
{
    adapter_news_t n = {0};
    slice_t session, order, url, payment;
    TRY(need_id(json, a, SLICE("id"), &session));
    TRY(maybe_text(json, a, SLICE("session_url"), &url));
    TRY(maybe_id(json, a, SLICE("payment_data.external_order_num"), &order));
    TRY(maybe_id(json, a, IN_SESSION.id, &payment));
    if (payment.len) {
        TRY(payment_read(json, a, &IN_SESSION, &n));
        refund_weigh(&n);
    }
    TRY(need_sum(json, a, SLICE("amount"), &n.page_minor));
    TRY(need_currency(json, a, SLICE("currency"), n.currency));
    n.session = session;
    n.url = url;
    n.order = order.len ? order : n.order;
    TRY(session_end_read(json, a, &n));
    *ret_news = n;
    return OK;
}

/* ---- asking ---- */

static err_t url_make(const adapter_t *self, arena_t *a, const char *before, slice_t id,
                      const char *after, const char **ret_url)
{
    slice_t url;
    ENSURE(is_plain(id, ADAPTER_REF_MAX), ERR_SYNTAX);
    TRY(arena_printf(a, &url, "%s%s%.*s%s", self->base_url, before, SLICE_FMT(id), after));
    *ret_url = (const char *)url.ptr;
    return OK;
}

static err_t ask(const adapter_t *self, arena_t *a, const char *method, const char *url,
                 slice_t body, const char *idempotency_key, long total_ms, slice_t *ret_answer)
{
    long status;
    http_call_t call = {.method = method,
                        .url = url,
                        .body = body,
                        .user = &self->api_key,
                        .idempotency_key = idempotency_key,
                        .resolve = self->resolve,
                        .total_ms = total_ms,
                        .https_only = self->https_only};
    TRY(http_do(a, &call, &status, ret_answer));
    ENSURE(status < 500, ERR_TIMEOUT); /* it may have acted all the same */
    ENSURE(status != 404, ERR_NOT_FOUND);
    ENSURE(status >= 200 && status < 300, ERR_UPSTREAM);
    return OK;
}

static void member_text(buf_t *b, const char *before, slice_t value)
{
    buf_cstr(b, before);
    json_put_string(b, value);
}

static void member_number(buf_t *b, const char *before, int64_t value)
{
    buf_cstr(b, before);
    buf_dec(b, value);
}

static void session_body(buf_t *b, const adapter_order_t *o, slice_t order)
{
    char booking[ID_TEXT];
    member_number(b, "{\"mode\":\"payment\",\"amount\":", o->amount_minor);
    member_text(b, ",\"currency\":", slice_make(o->currency, 3));
    member_text(b, ",\"return_url\":", o->return_url);
    member_number(b, ",\"expires_in_seconds\":", o->lives_s);
    member_text(b, ",\"default_locale\":", o->lang ? SLICE("en") : SLICE("ja"));
    member_text(b,
                ",\"payment_types\":[\"credit_card\"],\"payment_data\":{\"capture\":\"auto\","
                "\"external_order_num\":",
                order);
    member_text(b, "},\"line_items\":[{\"quantity\":1,\"description\":", o->description);
    member_number(b, ",\"amount\":", o->amount_minor);
    member_text(b, "}],\"metadata\":{\"attempt\":", order);
    id_encode(o->booking, booking);
    member_text(b, ",\"booking\":", slice_make(booking, sizeof booking));
    buf_cstr(b, "}}");
}

/* The page stands on the provider's configured origin, whatever the answer says: our customers are
 * sent nowhere else. */
static bool url_is_own(const adapter_t *self, slice_t url)
{
    slice_t origin = slice_cstr_in(self->page_origin);
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] <= ' ' || url.ptr[i] >= 0x7F || url.ptr[i] == '\\') {
            return false;
        }
    }
    return url.len <= PAY_URL_MAX && slice_starts(url, origin) &&
           slice_starts(slice_from(url, origin.len), SLICE("/"));
}

static err_t create(const adapter_t *self, arena_t *a, const adapter_order_t *o,
                    adapter_news_t *ret_news)
{
    char order[ID_TEXT + 1] = {0};
    const char *url;
    slice_t answer;
    buf_t body;
    adapter_news_t n;
    id_encode(o->attempt, order);
    TRY(url_make(self, a, "/api/v1/sessions", SLICE_EMPTY, "", &url));
    TRY(arena_buf(a, 8192, &body));
    session_body(&body, o, slice_make(order, ID_TEXT));
    TRY(buf_check(&body));
    err_t e = ask(self, a, "POST", url, buf_slice(&body), order, CREATE_MS, &answer);
    ENSURE(!err_is(e, ERR_NOT_FOUND), ERR_UPSTREAM);
    TRY(e);
    ENSURE(!err_failed(session_read(answer, a, &n)), ERR_UPSTREAM);
    ENSURE(url_is_own(self, n.url), ERR_UPSTREAM);
    *ret_news = n;
    return OK;
}

/* An answer that cannot be read, or is about another session, says nothing: nobody knows. */
static err_t session_answer(slice_t json, arena_t *a, slice_t session, adapter_news_t *ret_news)
{
    adapter_news_t n;
    ENSURE(!err_failed(session_read(json, a, &n)), ERR_TIMEOUT);
    ENSURE(slice_eq(n.session, session), ERR_TIMEOUT);
    *ret_news = n;
    return OK;
}

static err_t query(const adapter_t *self, arena_t *a, slice_t session, adapter_news_t *ret_news)
{
    const char *url;
    slice_t answer;
    TRY(url_make(self, a, "/api/v1/sessions/", session, "", &url));
    TRY(ask(self, a, "GET", url, SLICE_EMPTY, NULL, QUERY_MS, &answer));
    return session_answer(answer, a, session, ret_news);
}

static err_t cancel(const adapter_t *self, arena_t *a, slice_t session, adapter_news_t *ret_news)
{
    const char *url;
    slice_t answer;
    TRY(url_make(self, a, "/api/v1/sessions/", session, "/cancel", &url));
    TRY(ask(self, a, "POST", url, SLICE_EMPTY, NULL, CANCEL_MS, &answer));
    return session_answer(answer, a, session, ret_news);
}

static err_t refund(const adapter_t *self, arena_t *a, slice_t payment, int64_t amount_minor,
                    adapter_news_t *ret_news)
{
    const char *url;
    slice_t answer;
    uint8_t mem[64];
    buf_t body = BUF_ON_ARRAY(mem);
    adapter_news_t n = {0};
    TRY(url_make(self, a, "/api/v1/payments/", payment, "/refund", &url));
    member_number(&body, "{\"amount\":", amount_minor);
    buf_u8(&body, '}');
    TRY(ask(self, a, "POST", url, buf_slice(&body), NULL, REFUND_MS, &answer));
    ENSURE(!err_failed(payment_read(answer, a, &ALONE, &n)), ERR_TIMEOUT);
    refund_weigh(&n);
    *ret_news = n;
    return OK;
}

/* Paths of the payment number i in a list. */
static err_t row_paths(arena_t *a, size_t i, payment_paths_t *ret)
{
    static const char *const FIELDS[] = {"id",
                                         "status",
                                         "currency",
                                         "external_order_num",
                                         "session",
                                         "total",
                                         "payment_method_fee",
                                         "amount_refunded",
                                         "metadata.booking"};
    slice_t *at[] = {&ret->id,    &ret->status, &ret->currency,        &ret->order,  &ret->session,
                     &ret->total, &ret->fee,    &ret->amount_refunded, &ret->booking};
    for (size_t k = 0; k < BASE_COUNT(FIELDS); k++) {
        TRY(arena_printf(a, at[k], "data.%zu.%s", i, FIELDS[k]));
    }
    return OK;
}

static err_t list_url(const adapter_t *self, arena_t *a, int64_t since_us, unsigned page,
                      const char **ret_url)
{
    uint8_t mem[40];
    buf_t when = BUF_ON_ARRAY(mem);
    slice_t url;
    time_put_rfc3339(&when, since_us - since_us % CLOCK_SECOND_US);
    TRY(buf_check(&when));
    TRY(arena_printf(a, &url, "%s/api/v1/payments?start_time=%.*s&per_page=%d&page=%u",
                     self->base_url, SLICE_FMT(buf_slice(&when)), ADAPTER_PAGE, page));
    *ret_url = (const char *)url.ptr;
    return OK;
}

static err_t list(const adapter_t *self, arena_t *a, int64_t since_us, unsigned page,
                  adapter_news_t *ret_news, size_t cap, size_t *ret_n, bool *ret_more)
{
    const char *url;
    slice_t answer;
    int64_t last_page;
    size_t n = 0;
    TRY(list_url(self, a, since_us, page, &url));
    TRY(ask(self, a, "GET", url, SLICE_EMPTY, NULL, LIST_MS, &answer));
    ENSURE(!err_failed(json_get_i64(answer, a, SLICE("last_page"), &last_page)), ERR_TIMEOUT);
    for (;; n++) {
        payment_paths_t at;
        json_token_t there;
        TRY(row_paths(a, n, &at));
        if (err_is(json_get(answer, a, at.id, &there), ERR_NOT_FOUND)) {
            break;
        }
        ENSURE(n < cap, ERR_TIMEOUT);
        ret_news[n] = (adapter_news_t){0};
        ENSURE(!err_failed(payment_read(answer, a, &at, &ret_news[n])), ERR_TIMEOUT);
        refund_weigh(&ret_news[n]);
    }
    *ret_n = n;
    *ret_more = page < last_page;
    return OK;
}

static bool signed_with(const adapter_key_t *key, slice_t signature, slice_t raw)
{
    uint8_t mac[32], hex[64];
    unsigned len = 0;
    buf_t text = BUF_ON_ARRAY(hex);
    bool made = HMAC(EVP_sha256(), key->b, (int)key->len, raw.ptr, raw.len, mac, &len) != NULL;
    buf_hex(&text, slice_make(mac, sizeof mac));
    return key->len && made && len == sizeof mac && slice_eq_ct(buf_slice(&text), signature);
}

static err_t verify(const adapter_t *self, slice_t signature, slice_t raw)
{
    bool good = false;
    for (size_t i = 0; i < BASE_COUNT(self->webhook_keys); i++) {
        good |= signed_with(&self->webhook_keys[i], signature, raw);
    }
    ENSURE(good, ERR_CRYPTO);
    return OK;
}

/* The type of the notification counts, so that news that arrive late keep their meaning; where the
 * type alone says nothing, the payment's status does. */
static err_t payment_event_read(slice_t raw, arena_t *a, pay_fact_t type, adapter_news_t *n)
{
    TRY(payment_read(raw, a, &IN_EVENT, n));
    if (type != (pay_fact_t)STATUS) {
        n->fact = type;
        n->knows = true;
    }
    /* "refunded" without its sum would be weighed as nothing */
    ENSURE(type != PAY_FACT_REFUNDED || n->refunded_minor > 0, ERR_SYNTAX);
    refund_weigh(n);
    return OK;
}

static err_t parse(const adapter_t *self, arena_t *a, slice_t raw, adapter_news_t *ret_news)
{
    adapter_news_t n = {0};
    slice_t event, kind;
    pay_fact_t type = PAY_FACT_NO_ANSWER;
    TRY(need_id(raw, a, SLICE("id"), &event));
    TRY(need_id(raw, a, SLICE("type"), &kind));
    ENSURE(kind.len <= ADAPTER_KIND_MAX, ERR_SYNTAX);
    if (word_find(EVENT_TYPE, BASE_COUNT(EVENT_TYPE), kind, &type)) {
        TRY(payment_event_read(raw, a, type, &n));
    }
    n.event = event;
    n.kind = kind;
    *ret_news = n;
    return OK;
}

void komoju_init(adapter_t *adapter)
{
    adapter->name = "komoju";
    adapter->signature_header = "x-komoju-signature";
    adapter->create = create;
    adapter->query = query;
    adapter->cancel = cancel;
    adapter->refund = refund;
    adapter->list = list;
    adapter->verify = verify;
    adapter->parse = parse;
}
