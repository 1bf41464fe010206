/* KOMOJU. Answers and notifications, which come from outside, are read with the house's own strict
 * JSON reader; what it does not understand is an error, never a guess. */
#include "komoju.h"

#include "base/clock.h"
#include "http.h"
#include "read.h"
#include "text/json.h"
#include "text/time.h"

enum {
    CREATE_MS = 5500, /* a page may take cancel, query and create: within PAY_CREATE_WAIT_MS */
    CANCEL_MS = 3000,
    QUERY_MS = 3000,
    LIST_MS = 8000,
    REFUND_MS = 8000,
    LIST_PAGES_MAX = 100000,
};

static const read_word_t PAYMENT_STATUS[] = {
    {"authorized", PAY_FACT_AUTHORIZED}, {"captured", PAY_FACT_CAPTURED},
    {"failed", PAY_FACT_FAILED},         {"expired", PAY_FACT_EXPIRED},
    {"cancelled", PAY_FACT_CANCELLED},   {"refunded", PAY_FACT_REFUNDED},
};

/* STATUS: the payment's own status says it. */
enum { STATUS = PAY_FACT_COUNT };
static const read_word_t EVENT_TYPE[] = {
    {"payment.authorized", PAY_FACT_AUTHORIZED},
    {"payment.captured", PAY_FACT_CAPTURED},
    {"payment.failed", PAY_FACT_FAILED},
    {"payment.expired", PAY_FACT_EXPIRED},
    {"payment.cancelled", PAY_FACT_CANCELLED},
    {"payment.refunded", PAY_FACT_REFUNDED},
    {"payment.refund.created", (pay_fact_t)STATUS},
    {"payment.updated", (pay_fact_t)STATUS},
};

/* ---- reading ---- */

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
    TRY(read_id_needed(json, a, at->id, &n->payment));
    TRY(read_sum_needed(json, a, at->total, &total));
    TRY(read_sum(json, a, at->fee, &fee));
    TRY(read_sum(json, a, at->amount_refunded, &n->refunded_minor));
    TRY(read_id(json, a, at->order, &n->order));
    TRY(read_id(json, a, at->session, &n->session));
    TRY(read_currency(json, a, at->currency, n->currency));
    TRY(read_booking(json, a, at->booking, &n->booking));
    TRY(read_text(json, a, at->status, &status));
    ENSURE(fee <= total, ERR_RANGE);
    n->amount_minor = total - fee;
    n->knows = read_word(PAYMENT_STATUS, BASE_COUNT(PAYMENT_STATUS), status, &n->fact);
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
    TRY(read_text(json, a, SLICE("status"), &status));
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
    TRY(read_id_needed(json, a, SLICE("id"), &session));
    TRY(read_text(json, a, SLICE("session_url"), &url));
    TRY(read_id(json, a, SLICE("payment_data.external_order_num"), &order));
    TRY(read_id(json, a, IN_SESSION.id, &payment));
    if (payment.len) {
        TRY(payment_read(json, a, &IN_SESSION, &n));
        refund_weigh(&n);
    }
    TRY(read_sum_needed(json, a, SLICE("amount"), &n.page_minor));
    TRY(read_currency(json, a, SLICE("currency"), n.currency));
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
    ENSURE(read_is_plain(id, ADAPTER_REF_MAX), ERR_SYNTAX);
    TRY(arena_printf(a, &url, "%s%s%.*s%s", self->base_url, before, SLICE_FMT(id), after));
    *ret_url = (const char *)url.ptr;
    return OK;
}

static err_t ask(const adapter_t *self, arena_t *a, const char *method, const char *url,
                 slice_t body, const char *idempotency_key, long total_ms, slice_t *ret_answer)
{
    long status;
    slice_t idempotency = SLICE_EMPTY;
    if (idempotency_key) {
        TRY(arena_printf(a, &idempotency, "X-KOMOJU-IDEMPOTENCY: %s", idempotency_key));
    }
    http_call_t call = {.method = method,
                        .url = url,
                        .body = body,
                        .type = "application/json",
                        .user = &self->api_key,
                        .idempotency = (const char *)idempotency.ptr,
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
    ENSURE(read_url_is_own(self->page_origin, n.url), ERR_UPSTREAM);
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

static err_t query(const adapter_t *self, arena_t *a, const adapter_ref_t *ref,
                   adapter_news_t *ret_news)
{
    const char *url;
    slice_t answer;
    TRY(url_make(self, a, "/api/v1/sessions/", ref->session, "", &url));
    TRY(ask(self, a, "GET", url, SLICE_EMPTY, NULL, QUERY_MS, &answer));
    return session_answer(answer, a, ref->session, ret_news);
}

static err_t cancel(const adapter_t *self, arena_t *a, const adapter_ref_t *ref,
                    adapter_news_t *ret_news)
{
    const char *url;
    slice_t answer;
    TRY(url_make(self, a, "/api/v1/sessions/", ref->session, "/cancel", &url));
    TRY(ask(self, a, "POST", url, SLICE_EMPTY, NULL, CANCEL_MS, &answer));
    return session_answer(answer, a, ref->session, ret_news);
}

static err_t refund(const adapter_t *self, arena_t *a, const adapter_refund_t *r,
                    adapter_news_t *ret_news)
{
    const char *url;
    slice_t answer;
    uint8_t mem[64];
    buf_t body = BUF_ON_ARRAY(mem);
    adapter_news_t n = {0};
    TRY(url_make(self, a, "/api/v1/payments/", r->of.payment, "/refund", &url));
    member_number(&body, "{\"amount\":", r->amount_minor);
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

static err_t list_url(const adapter_t *self, arena_t *a, int64_t since_us, int64_t page,
                      const char **ret_url)
{
    uint8_t mem[40];
    buf_t when = BUF_ON_ARRAY(mem);
    slice_t url;
    time_put_rfc3339(&when, since_us - since_us % CLOCK_SECOND_US);
    TRY(buf_check(&when));
    TRY(arena_printf(a, &url, "%s/api/v1/payments?start_time=%.*s&per_page=%d&page=%lld",
                     self->base_url, SLICE_FMT(buf_slice(&when)), ADAPTER_PAGE, (long long)page));
    *ret_url = (const char *)url.ptr;
    return OK;
}

/* `after` is the number of the page before. */
static err_t list(const adapter_t *self, arena_t *a, int64_t since_us, slice_t after,
                  adapter_news_t *ret_news, size_t cap, size_t *ret_n, slice_t *ret_after)
{
    const char *url;
    slice_t answer, next = SLICE_EMPTY;
    int64_t last_page, page = 0;
    size_t n = 0;
    if (after.len) {
        TRY(slice_parse_i64(after, 0, LIST_PAGES_MAX, &page));
    }
    page++;
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
    if (page < last_page) {
        TRY(arena_printf(a, &next, "%lld", (long long)page));
    }
    *ret_n = n;
    *ret_after = next;
    return OK;
}

static err_t verify(const adapter_t *self, arena_t *a, slice_t signature, slice_t raw)
{
    bool good = false;
    for (size_t i = 0; i < BASE_COUNT(self->webhook_keys); i++) {
        good |= read_is_signed(&self->webhook_keys[i], signature, raw, SLICE_EMPTY);
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
    TRY(read_id_needed(raw, a, SLICE("id"), &event));
    TRY(read_id_needed(raw, a, SLICE("type"), &kind));
    ENSURE(event.len <= ADAPTER_EVENT_MAX && kind.len <= ADAPTER_KIND_MAX, ERR_SYNTAX);
    if (read_word(EVENT_TYPE, BASE_COUNT(EVENT_TYPE), kind, &type)) {
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
    adapter->ok_answer = "ok\n";
    adapter->create = create;
    adapter->query = query;
    adapter->cancel = cancel;
    adapter->refund = refund;
    adapter->list = list;
    adapter->verify = verify;
    adapter->parse = parse;
}
