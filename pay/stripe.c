/* Stripe Checkout. Requests are forms, answers and notifications JSON, read with the house's own
 * strict reader; what it does not understand is an error, never a guess. Amounts of a currency
 * without decimals (JPY) are whole yen there as well. */
#include "stripe.h"

#include "base/clock.h"
#include "http.h"
#include "read.h"
#include "text/form.h"
#include "text/json.h"

enum {
    CREATE_MS = 5500, /* a page may take cancel, query and create: within PAY_CREATE_WAIT_MS */
    CANCEL_MS = 3000,
    QUERY_MS = 3000,
    LIST_MS = 8000,
    REFUND_MS = 8000,
    LIFE_MIN_S = 1800 + 60, /* Stripe's least is half an hour, by its own clock */
    LIFE_MAX_S = 86400 - 60,
    SIGNATURES_MOST = 8, /* looked at in one header */
};

/* ---- reading ---- */

/* "jpy" */
static err_t currency_read(slice_t json, arena_t *a, slice_t path, char out[3])
{
    char text[3];
    TRY(read_currency(json, a, path, text));
    for (size_t i = 0; i < 3; i++) {
        ENSURE(text[i] >= 'a' && text[i] <= 'z', ERR_SYNTAX);
        out[i] = (char)(text[i] - 'a' + 'A');
    }
    return OK;
}

static err_t path_of(arena_t *a, const char *at, const char *leaf, slice_t *ret_path)
{
    return arena_printf(a, ret_path, "%s%s", at, leaf);
}

/* The payment of a session is its id, or the whole of it where we asked for that. */
static err_t payment_id_read(slice_t json, arena_t *a, const char *at, adapter_news_t *n,
                             bool *ret_whole)
{
    slice_t path, inner;
    TRY(path_of(a, at, "payment_intent", &path));
    TRY(path_of(a, at, "payment_intent.id", &inner));
    TRY(read_id(json, a, inner, &n->payment));
    *ret_whole = n->payment.len > 0;
    return *ret_whole ? OK : read_id(json, a, path, &n->payment);
}

/* With the whole payment there: what went back, and whether a card was declined. */
static err_t payment_whole_read(slice_t json, arena_t *a, const char *at, adapter_news_t *n)
{
    slice_t refunded, error, path;
    TRY(path_of(a, at, "payment_intent.latest_charge.amount_refunded", &refunded));
    TRY(path_of(a, at, "payment_intent.last_payment_error.type", &path));
    TRY(read_sum(json, a, refunded, &n->refunded_minor));
    TRY(read_text(json, a, path, &error));
    if (!n->knows && error.len) {
        n->fact = PAY_FACT_FAILED;
        n->knows = true;
    }
    if (n->knows && n->fact == PAY_FACT_CAPTURED && n->amount_minor > 0 &&
        n->refunded_minor >= n->amount_minor) {
        n->fact = PAY_FACT_REFUNDED;
    }
    return OK;
}

/* `paid` counts whatever became of the page. */
static err_t status_read(slice_t json, arena_t *a, const char *at, adapter_news_t *n)
{
    slice_t path, status, paid;
    TRY(path_of(a, at, "status", &path));
    TRY(read_text(json, a, path, &status));
    TRY(path_of(a, at, "payment_status", &path));
    TRY(read_text(json, a, path, &paid));
    ENSURE(slice_eq(status, SLICE("open")) || slice_eq(status, SLICE("complete")) ||
               slice_eq(status, SLICE("expired")),
           ERR_SYNTAX);
    if (slice_eq(paid, SLICE("paid"))) {
        n->fact = PAY_FACT_CAPTURED;
        n->knows = true;
    } else if (slice_eq(status, SLICE("expired"))) {
        n->fact = PAY_FACT_EXPIRED;
        n->knows = true;
    }
    return OK;
}

static err_t session_read(slice_t json, arena_t *a, const char *at, adapter_news_t *ret_news)
{
    adapter_news_t n = {0};
    slice_t path;
    bool whole = false;
    TRY(path_of(a, at, "id", &path));
    TRY(read_id_needed(json, a, path, &n.session));
    TRY(path_of(a, at, "client_reference_id", &path));
    TRY(read_id(json, a, path, &n.order));
    TRY(path_of(a, at, "metadata.booking", &path));
    TRY(read_booking(json, a, path, &n.booking));
    TRY(path_of(a, at, "amount_total", &path));
    TRY(read_sum_needed(json, a, path, &n.page_minor));
    TRY(path_of(a, at, "currency", &path));
    TRY(currency_read(json, a, path, n.currency));
    n.amount_minor = n.page_minor;
    TRY(status_read(json, a, at, &n));
    TRY(payment_id_read(json, a, at, &n, &whole));
    if (whole) {
        TRY(payment_whole_read(json, a, at, &n));
    }
    ENSURE(!n.knows || !pay_fact_is_money(n.fact) || n.payment.len, ERR_SYNTAX);
    *ret_news = n;
    return OK;
}

/* Of a test account's key in a production house, or the other way round. */
static err_t mode_check(const adapter_t *self, slice_t json, arena_t *a)
{
    json_token_t live;
    TRY(json_get(json, a, SLICE("livemode"), &live));
    ENSURE(live.kind == (self->https_only ? JSON_TRUE : JSON_FALSE), ERR_SYNTAX);
    return OK;
}

/* ---- asking ---- */

static err_t ask(const adapter_t *self, arena_t *a, const char *path, const buf_t *body,
                 slice_t idempotency, long total_ms, slice_t *ret_answer)
{
    long status;
    slice_t url, line = SLICE_EMPTY;
    TRY(arena_printf(a, &url, "%s%s", self->base_url, path));
    if (idempotency.len) {
        TRY(arena_printf(a, &line, "Idempotency-Key: %.*s", SLICE_FMT(idempotency)));
    }
    http_call_t call = {.method = body ? "POST" : "GET",
                        .url = (const char *)url.ptr,
                        .body = body ? buf_slice(body) : SLICE_EMPTY,
                        .type = "application/x-www-form-urlencoded",
                        .user = &self->api_key,
                        .idempotency = (const char *)line.ptr,
                        .resolve = self->resolve,
                        .total_ms = total_ms,
                        .https_only = self->https_only};
    TRY(http_do(a, &call, &status, ret_answer));
    ENSURE(status < 500, ERR_TIMEOUT);                   /* it may have acted all the same */
    ENSURE(status != 409 && status != 429, ERR_TIMEOUT); /* the same key at the same moment */
    ENSURE(status != 404, ERR_NOT_FOUND);
    ENSURE(status >= 200 && status < 300, ERR_UPSTREAM);
    return OK;
}

static void put(buf_t *b, const char *name, slice_t value)
{
    form_put(b, slice_cstr_in(name), value);
}

static void put_number(buf_t *b, const char *name, int64_t value)
{
    uint8_t mem[24];
    buf_t text = BUF_ON_ARRAY(mem);
    buf_dec(&text, value);
    put(b, name, buf_slice(&text));
}

/* The page lives at least as long as Stripe allows; when our own time is over before, the cashier
 * ends it. The same order gives the same form each time: Stripe compares it with the key. */
static int64_t expires_at_s(const adapter_order_t *o)
{
    int64_t made_s = id_time_ms(o->attempt) / 1000, at_s = o->expires_us / CLOCK_SECOND_US;
    at_s = at_s < made_s + LIFE_MIN_S ? made_s + LIFE_MIN_S : at_s;
    return at_s > made_s + LIFE_MAX_S ? made_s + LIFE_MAX_S : at_s;
}

static err_t session_form(const adapter_order_t *o, slice_t order, buf_t *b)
{
    char booking[ID_TEXT];
    id_encode(o->booking, booking);
    put(b, "mode", SLICE("payment"));
    put(b, "client_reference_id", order);
    put(b, "payment_method_types[]", SLICE("card"));
    put(b, "payment_method_options[card][request_three_d_secure]", SLICE("automatic"));
    put(b, "line_items[0][quantity]", SLICE("1"));
    put(b, "line_items[0][price_data][currency]", SLICE("jpy"));
    put_number(b, "line_items[0][price_data][unit_amount]", o->amount_minor);
    put(b, "line_items[0][price_data][product_data][name]", o->description);
    put(b, "success_url", o->return_url);
    put(b, "cancel_url", o->return_url);
    put(b, "locale", o->lang ? SLICE("en") : SLICE("ja"));
    put_number(b, "expires_at", expires_at_s(o));
    put(b, "metadata[booking]", slice_make(booking, sizeof booking));
    put(b, "metadata[attempt]", order);
    put(b, "payment_intent_data[capture_method]", SLICE("automatic"));
    put(b, "payment_intent_data[metadata][attempt]", order);
    return buf_check(b);
}

static err_t create(const adapter_t *self, arena_t *a, const adapter_order_t *o,
                    adapter_news_t *ret_news)
{
    char letters[ID_TEXT];
    slice_t answer, order = slice_make(letters, ID_TEXT);
    buf_t body;
    adapter_news_t n;
    id_encode(o->attempt, letters);
    ENSURE(memcmp(o->currency, "JPY", 3) == 0, ERR_RANGE);
    TRY(arena_buf(a, 16384, &body));
    TRY(session_form(o, order, &body));
    err_t e = ask(self, a, "/v1/checkout/sessions", &body, order, CREATE_MS, &answer);
    ENSURE(!err_is(e, ERR_NOT_FOUND), ERR_UPSTREAM);
    TRY(e);
    ENSURE(!err_failed(session_read(answer, a, "", &n)), ERR_UPSTREAM);
    ENSURE(!err_failed(mode_check(self, answer, a)), ERR_UPSTREAM);
    ENSURE(!err_failed(read_text(answer, a, SLICE("url"), &n.url)), ERR_UPSTREAM);
    ENSURE(read_url_is_own(self->page_origin, n.url), ERR_UPSTREAM);
    *ret_news = n;
    return OK;
}

/* An answer that cannot be read, or is about another session, says nothing: nobody knows. */
static err_t session_answer(const adapter_t *self, slice_t json, arena_t *a, slice_t session,
                            adapter_news_t *ret_news)
{
    adapter_news_t n;
    ENSURE(!err_failed(session_read(json, a, "", &n)), ERR_TIMEOUT);
    ENSURE(!err_failed(mode_check(self, json, a)), ERR_TIMEOUT);
    ENSURE(slice_eq(n.session, session), ERR_TIMEOUT);
    *ret_news = n;
    return OK;
}

static err_t session_path(arena_t *a, slice_t session, const char *after, const char **ret_path)
{
    slice_t path;
    ENSURE(read_is_plain(session, ADAPTER_REF_MAX) && session.len, ERR_SYNTAX);
    TRY(arena_printf(a, &path, "/v1/checkout/sessions/%.*s%s", SLICE_FMT(session), after));
    *ret_path = (const char *)path.ptr;
    return OK;
}

static err_t query(const adapter_t *self, arena_t *a, const adapter_ref_t *ref,
                   adapter_news_t *ret_news)
{
    const char *path;
    slice_t answer;
    TRY(session_path(a, ref->session, "?expand[]=payment_intent.latest_charge", &path));
    TRY(ask(self, a, path, NULL, SLICE_EMPTY, QUERY_MS, &answer));
    return session_answer(self, answer, a, ref->session, ret_news);
}

/* Only an open session can be ended; any other is refused (400), and asking tells why. */
static err_t cancel(const adapter_t *self, arena_t *a, const adapter_ref_t *ref,
                    adapter_news_t *ret_news)
{
    const char *path;
    slice_t answer;
    uint8_t none[1];
    buf_t body = BUF_ON_ARRAY(none);
    TRY(session_path(a, ref->session, "/expire", &path));
    TRY(ask(self, a, path, &body, SLICE_EMPTY, CANCEL_MS, &answer));
    TRY(session_answer(self, answer, a, ref->session, ret_news));
    if (ret_news->knows && ret_news->fact == PAY_FACT_EXPIRED) {
        ret_news->fact = PAY_FACT_CANCELLED; /* by us */
    }
    return OK;
}

/* The key names what is to be true afterwards, so that the same refund asked for again is the same
 * refund. A failed one is a refusal. */
static err_t refund(const adapter_t *self, arena_t *a, const adapter_refund_t *r,
                    adapter_news_t *ret_news)
{
    slice_t answer, key, status, payment;
    buf_t body;
    int64_t amount;
    ENSURE(read_is_plain(r->of.payment, ADAPTER_REF_MAX), ERR_SYNTAX);
    TRY(arena_buf(a, 1024, &body));
    put(&body, "payment_intent", r->of.payment);
    put_number(&body, "amount", r->amount_minor);
    TRY(buf_check(&body));
    TRY(arena_printf(a, &key, "refund-%.*s-%lld", SLICE_FMT(r->of.payment),
                     (long long)(r->before_minor + r->amount_minor)));
    TRY(ask(self, a, "/v1/refunds", &body, key, REFUND_MS, &answer));
    ENSURE(!err_failed(read_text(answer, a, SLICE("status"), &status)), ERR_TIMEOUT);
    ENSURE(!err_failed(read_id(answer, a, SLICE("payment_intent"), &payment)), ERR_TIMEOUT);
    ENSURE(!err_failed(read_sum_needed(answer, a, SLICE("amount"), &amount)), ERR_TIMEOUT);
    ENSURE(slice_eq(status, SLICE("succeeded")) || slice_eq(status, SLICE("pending")),
           ERR_UPSTREAM);
    ENSURE(slice_eq(payment, r->of.payment) && amount == r->amount_minor, ERR_TIMEOUT);
    int64_t back = r->before_minor + amount;
    *ret_news =
        (adapter_news_t){.knows = true,
                         .fact = back >= r->whole_minor ? PAY_FACT_REFUNDED : PAY_FACT_CAPTURED,
                         .payment = r->of.payment,
                         .amount_minor = r->whole_minor,
                         .refunded_minor = back,
                         .currency = {'J', 'P', 'Y'}};
    return OK;
}

/* Complete sessions only: a page that nobody paid on says nothing. `after`: the last session of the
 * page before. Stripe lists the newest first. */
static err_t list(const adapter_t *self, arena_t *a, int64_t since_us, slice_t after,
                  adapter_news_t *ret_news, size_t cap, size_t *ret_n, slice_t *ret_after)
{
    slice_t path, answer, at;
    json_token_t more, there;
    size_t n = 0;
    ENSURE(read_is_plain(after, ADAPTER_REF_MAX), ERR_SYNTAX);
    TRY(arena_printf(a, &path,
                     "/v1/checkout/sessions?status=complete&created[gte]=%lld&limit=%d"
                     "&expand[]=data.payment_intent.latest_charge%s%.*s",
                     (long long)(since_us / CLOCK_SECOND_US), ADAPTER_PAGE,
                     after.len ? "&starting_after=" : "", SLICE_FMT(after)));
    TRY(ask(self, a, (const char *)path.ptr, NULL, SLICE_EMPTY, LIST_MS, &answer));
    ENSURE(!err_failed(json_get(answer, a, SLICE("has_more"), &more)), ERR_TIMEOUT);
    for (;; n++) {
        TRY(arena_printf(a, &at, "data.%zu.", n));
        TRY(arena_printf(a, &path, "data.%zu.id", n));
        if (err_is(json_get(answer, a, path, &there), ERR_NOT_FOUND)) {
            break;
        }
        ENSURE(n < cap, ERR_TIMEOUT);
        ENSURE(!err_failed(session_read(answer, a, (const char *)at.ptr, &ret_news[n])),
               ERR_TIMEOUT);
    }
    *ret_n = n;
    *ret_after = more.kind == JSON_TRUE && n ? ret_news[n - 1].session : SLICE_EMPTY;
    return OK;
}

/* ---- notifications ---- */

/* "t=1492774577,v1=5257a8...,v0=..." - several v1 while a key is changed there; each key of ours is
 * tried on each of them, and none is an early end. */
static err_t verify(const adapter_t *self, arena_t *a, slice_t signature, slice_t raw)
{
    slice_t rest = signature, word, time = SLICE_EMPTY, first;
    slice_t v1[SIGNATURES_MOST];
    size_t n = 0, times = 0;
    bool good = false;
    int64_t at_s;
    while (slice_split(&rest, ',', &word)) {
        if (slice_starts(word, SLICE("t="))) {
            time = slice_from(word, 2);
            times++;
        } else if (slice_starts(word, SLICE("v1=")) && n < SIGNATURES_MOST) {
            v1[n++] = slice_from(word, 3);
        }
    }
    ENSURE(times == 1 && !err_failed(slice_parse_i64(time, 0, INT64_C(1) << 40, &at_s)),
           ERR_CRYPTO);
    TRY(arena_printf(a, &first, "%.*s.", SLICE_FMT(time)));
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < BASE_COUNT(self->webhook_keys); k++) {
            good |= read_is_signed(&self->webhook_keys[k], v1[i], first, raw);
        }
    }
    ENSURE(good, ERR_CRYPTO);
    int64_t age_s = clock_wall_us() / CLOCK_SECOND_US - at_s;
    ENSURE(age_s <= STRIPE_TOLERANCE_S && age_s >= -STRIPE_TOLERANCE_S, ERR_CRYPTO);
    return OK;
}

static bool is_one_of(slice_t kind, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (slice_eq(kind, slice_cstr_in(list[i]))) {
            return true;
        }
    }
    return false;
}

/* A session as it stood then. The type of the notification counts, so that news that come late keep
 * their meaning. */
static err_t session_event_read(slice_t raw, arena_t *a, slice_t kind, adapter_news_t *n)
{
    TRY(session_read(raw, a, "data.object.", n));
    bool failed = slice_eq(kind, SLICE("checkout.session.async_payment_failed"));
    bool expired = slice_eq(kind, SLICE("checkout.session.expired"));
    bool succeeded = slice_eq(kind, SLICE("checkout.session.async_payment_succeeded"));
    if (failed || expired) {
        n->fact = failed ? PAY_FACT_FAILED : PAY_FACT_EXPIRED;
        n->knows = true;
    }
    /* "succeeded" of an unpaid session, "expired" of a paid one: two stories */
    ENSURE(!succeeded || (n->knows && pay_fact_is_money(n->fact)), ERR_SYNTAX);
    return OK;
}

/* Refunds and disputes name the payment, not what is true of it in all: it is asked for. */
static err_t payment_event_read(slice_t raw, arena_t *a, slice_t kind, adapter_news_t *n)
{
    TRY(read_id_needed(raw, a, SLICE("data.object.payment_intent"), &n->payment));
    TRY(read_sum_needed(raw, a, SLICE("data.object.amount"), &n->amount_minor));
    TRY(currency_read(raw, a, SLICE("data.object.currency"), n->currency));
    n->dispute = slice_eq(kind, SLICE("charge.dispute.created"));
    n->ask = true;
    return OK;
}

static err_t parse(const adapter_t *self, arena_t *a, slice_t raw, adapter_news_t *ret_news)
{
    static const char *const OF_SESSION[] = {
        "checkout.session.completed", "checkout.session.expired",
        "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed"};
    static const char *const OF_PAYMENT[] = {"refund.created", "refund.updated", "refund.failed",
                                             "charge.dispute.created"};
    adapter_news_t n = {0};
    slice_t event, kind;
    TRY(read_id_needed(raw, a, SLICE("id"), &event));
    TRY(read_id_needed(raw, a, SLICE("type"), &kind));
    ENSURE(event.len <= ADAPTER_EVENT_MAX, ERR_SYNTAX);
    if (is_one_of(kind, OF_SESSION, BASE_COUNT(OF_SESSION))) {
        TRY(mode_check(self, raw, a));
        TRY(session_event_read(raw, a, kind, &n));
    } else if (is_one_of(kind, OF_PAYMENT, BASE_COUNT(OF_PAYMENT))) {
        TRY(mode_check(self, raw, a));
        TRY(payment_event_read(raw, a, kind, &n));
    }
    n.event = event;
    n.kind = slice_sub(kind, 0, kind.len < ADAPTER_KIND_MAX ? kind.len : ADAPTER_KIND_MAX);
    *ret_news = n;
    return OK;
}

void stripe_init(adapter_t *adapter)
{
    adapter->name = "stripe";
    adapter->signature_header = "stripe-signature";
    adapter->ok_answer = "ok\n";
    adapter->page_outlives = true;
    adapter->create = create;
    adapter->query = query;
    adapter->cancel = cancel;
    adapter->refund = refund;
    adapter->list = list;
    adapter->verify = verify;
    adapter->parse = parse;
}
