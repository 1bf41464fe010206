/* SBPS's XML API: what became of a payment, and paying back. The meaning of payment_status and the
 * names of its sums are not in any public document that we saw: to be tried against the provider's
 * test account. What is not understood is not known. */
#include "base/clock.h"
#include "http.h"
#include "read.h"
#include "sbps_wire.h"

enum { CALL_MS = 8000, XML_MAX = 2048 };

typedef struct request {
    const char *id;
    struct {
        const char *name, *parent; /* parent: an element around it, or NULL */
        slice_t value;
    } at[10];
    size_t n;
} request_t;

static void add(request_t *r, const char *parent, const char *name, slice_t value)
{
    CHECK(r->n < BASE_COUNT(r->at));
    r->at[r->n].parent = parent;
    r->at[r->n].name = name;
    r->at[r->n++].value = value;
}

static void element(buf_t *b, const char *name, slice_t value)
{
    buf_u8(b, '<');
    buf_cstr(b, name);
    buf_u8(b, '>');
    buf_put(b, value); /* digits and plain names only */
    buf_cstr(b, "</");
    buf_cstr(b, name);
    buf_u8(b, '>');
}

static err_t request_xml(const adapter_t *self, arena_t *a, const request_t *r, slice_t *ret_xml)
{
    slice_t values[BASE_COUNT(r->at)], hash;
    buf_t b;
    TRY(arena_buf(a, XML_MAX, &b));
    buf_cstr(&b, "<?xml version=\"1.0\" encoding=\"Shift_JIS\"?>\n<sps-api-request id=\"");
    buf_cstr(&b, r->id);
    buf_cstr(&b, "\">");
    for (size_t i = 0; i < r->n; i++) {
        values[i] = r->at[i].value;
        if (r->at[i].parent) {
            buf_u8(&b, '<');
            buf_cstr(&b, r->at[i].parent);
            buf_u8(&b, '>');
        }
        element(&b, r->at[i].name, values[i]);
        if (r->at[i].parent) {
            buf_cstr(&b, "</");
            buf_cstr(&b, r->at[i].parent);
            buf_u8(&b, '>');
        }
    }
    TRY(sbps_hash(a, values, r->n, &self->webhook_keys[0], &hash));
    element(&b, "sps_hashcode", hash);
    buf_cstr(&b, "</sps-api-request>");
    *ret_xml = buf_slice(&b);
    return buf_check(&b);
}

static err_t ask(const adapter_t *self, arena_t *a, const request_t *r, slice_t *ret_answer)
{
    long status;
    slice_t xml, url, result;
    adapter_key_t user = {0};
    buf_t name = BUF_ON_ARRAY(user.b);
    buf_cstr(&name, self->merchant);
    buf_cstr(&name, self->service);
    user.len = name.len;
    TRY(request_xml(self, a, r, &xml));
    TRY(arena_printf(a, &url, "%s/api/xmlapi.do", self->base_url));
    http_call_t call = {.method = "POST",
                        .url = (const char *)url.ptr,
                        .body = xml,
                        .type = "text/xml",
                        .user = &user,
                        .password = &self->api_key,
                        .resolve = self->resolve,
                        .total_ms = CALL_MS,
                        .https_only = self->https_only};
    TRY(http_do(a, &call, &status, ret_answer));
    ENSURE(status < 500, ERR_TIMEOUT);
    ENSURE(status >= 200 && status < 300, ERR_UPSTREAM);
    ENSURE(!err_failed(sbps_xml_get(*ret_answer, SLICE("res_result"), &result)), ERR_TIMEOUT);
    ENSURE(slice_eq(result, SLICE("OK")) || slice_eq(result, SLICE("NG")), ERR_TIMEOUT);
    ENSURE(slice_eq(result, SLICE("OK")), ERR_UPSTREAM);
    return OK;
}

static err_t request_begin(const adapter_t *self, const char *id, slice_t tracking,
                           request_t *ret_request)
{
    ENSURE(sbps_is_digits(tracking, 14, 14), ERR_SYNTAX);
    *ret_request = (request_t){.id = id};
    add(ret_request, NULL, "merchant_id", slice_cstr_in(self->merchant));
    add(ret_request, NULL, "service_id", slice_cstr_in(self->service));
    add(ret_request, NULL, "sps_transaction_id", SLICE_EMPTY);
    add(ret_request, NULL, "tracking_id", tracking);
    return OK;
}

static err_t request_end(arena_t *a, request_t *r)
{
    slice_t now;
    TRY(sbps_stamp_put(a, clock_wall_us(), &now));
    add(r, NULL, "request_date", now);
    add(r, NULL, "limit_second", SLICE("600"));
    return OK;
}

static err_t sum_get(slice_t xml, slice_t path, int64_t *ret_sum)
{
    slice_t text;
    *ret_sum = 0;
    err_t e = sbps_xml_get(xml, path, &text);
    if (err_is(e, ERR_NOT_FOUND)) {
        return OK;
    }
    TRY(e);
    return slice_parse_i64(text, 0, SUM_MAX_MINOR, ret_sum);
}

static err_t status_read(slice_t xml, adapter_news_t *n)
{
    static const read_word_t STATUS[] = {{"1", PAY_FACT_AUTHORIZED},
                                         {"2", PAY_FACT_CAPTURED},
                                         {"3", PAY_FACT_CANCELLED},
                                         {"4", PAY_FACT_REFUNDED},
                                         {"5", PAY_FACT_CAPTURED}}; /* 5: a part went back */
    slice_t status;
    TRY(sbps_xml_get(xml, SLICE("res_pay_method_info.payment_status"), &status));
    TRY(sum_get(xml, SLICE("res_pay_method_info.amount"), &n->amount_minor));
    TRY(sum_get(xml, SLICE("res_pay_method_info.refund_amount"), &n->refunded_minor));
    n->knows = read_word(STATUS, BASE_COUNT(STATUS), status, &n->fact) && n->amount_minor > 0;
    if (n->fact == PAY_FACT_REFUNDED) {
        n->refunded_minor = n->amount_minor;
    }
    return OK;
}

/* MG01-00101-101. Asked by the number that the first notification brings; before it nothing can be
 * asked, and the page's time is all we know. */
err_t sbps_query(const adapter_t *self, arena_t *a, const adapter_ref_t *ref,
                 adapter_news_t *ret_news)
{
    request_t r;
    slice_t answer;
    adapter_news_t n = {.currency = {'J', 'P', 'Y'}, .session = ref->session};
    if (!ref->payment.len) {
        n.knows = clock_wall_us() >= ref->expires_us;
        n.fact = PAY_FACT_EXPIRED;
        *ret_news = n;
        return OK;
    }
    TRY(request_begin(self, "MG01-00101-101", ref->payment, &r));
    add(&r, NULL, "response_info_type", SLICE("2"));
    add(&r, NULL, "encrypted_flg", SLICE("0"));
    TRY(request_end(a, &r));
    TRY(ask(self, a, &r, &answer));
    ENSURE(!err_failed(status_read(answer, &n)), ERR_TIMEOUT);
    n.payment = ref->payment;
    *ret_news = n;
    return OK;
}

/* ST02-00303-101 takes all back, ST02-00307-101 a part. */
err_t sbps_refund(const adapter_t *self, arena_t *a, const adapter_refund_t *order,
                  adapter_news_t *ret_news)
{
    request_t r;
    slice_t answer, amount, now;
    bool all = order->before_minor == 0 && order->amount_minor == order->whole_minor;
    TRY(request_begin(self, all ? "ST02-00303-101" : "ST02-00307-101", order->of.payment, &r));
    TRY(sbps_stamp_put(a, clock_wall_us(), &now));
    add(&r, NULL, "processing_datetime", now);
    if (!all) {
        TRY(arena_printf(a, &amount, "%lld", (long long)order->amount_minor));
        add(&r, "pay_option_manage", "amount", amount);
    }
    TRY(request_end(a, &r));
    TRY(ask(self, a, &r, &answer));
    int64_t back = order->before_minor + order->amount_minor;
    *ret_news =
        (adapter_news_t){.knows = true,
                         .fact = back >= order->whole_minor ? PAY_FACT_REFUNDED : PAY_FACT_CAPTURED,
                         .payment = order->of.payment,
                         .amount_minor = order->whole_minor,
                         .refunded_minor = back,
                         .currency = {'J', 'P', 'Y'}};
    return OK;
}
