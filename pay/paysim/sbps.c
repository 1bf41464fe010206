/* SBPS's link type as far as public sources tell: the signed form from the browser, the result
 * notification, the XML API. Hash and charset are worked out here apart from payd's own code. */
#include "wires.h"

#include <iconv.h>
#include <openssl/evp.h>

#include "base/clock.h"
#include "text/form.h"
#include "text/time.h"
#include "text/url.h"

static const char *const REQUEST[] = {"pay_method",
                                      "merchant_id",
                                      "service_id",
                                      "cust_code",
                                      "sps_cust_no",
                                      "sps_payment_no",
                                      "order_id",
                                      "item_id",
                                      "pay_item_id",
                                      "item_name",
                                      "tax",
                                      "amount",
                                      "pay_type",
                                      "auto_charge_type",
                                      "service_type",
                                      "div_settele",
                                      "last_charge_month",
                                      "camp_type",
                                      "tracking_id",
                                      "terminal_type",
                                      "success_url",
                                      "cancel_url",
                                      "error_url",
                                      "pagecon_url",
                                      "free1",
                                      "free2",
                                      "free3",
                                      "free_csv",
                                      "request_date",
                                      "limit_second"};
enum { REPEATED = 20 /* of them the report repeats so many, then free1-3 and request_date */ };

static iconv_t to_utf8;

err_t sbps_sim_open(void)
{
    to_utf8 = iconv_open("UTF-8", "CP932");
    ENSURE(to_utf8 != (iconv_t)-1, ERR_UNAVAILABLE);
    return OK;
}

/* SHA-1 over bytes that lie one after the other, and the key; the sim's lock is held or the caller
 * is alone with to_utf8. */
static void hash(const sim_t *sim, bool old, slice_t joined, char out[41])
{
    static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
    const secret_t *key = old ? &sim->old_key[SIM_SBPS] : &sim->webhook_key[SIM_SBPS];
    uint8_t digest[EVP_MAX_MD_SIZE], mem[8192];
    char text[SIM_FORM_MAX + 1];
    unsigned len = 0;
    buf_t all = BUF_ON_ARRAY(mem);
    if (sim->hash_in_sjis) {
        buf_put(&all, joined);
    } else {
        size_t left = joined.len < SIM_FORM_MAX ? joined.len : SIM_FORM_MAX, room = sizeof mem;
        char *from = text, *to = (char *)mem;
        memcpy(text, joined.ptr, left);
        pthread_mutex_lock(&one);
        (void)iconv(to_utf8, &from, &left, &to, &room);
        pthread_mutex_unlock(&one);
        all.len = sizeof mem - room;
    }
    buf_put(&all, slice_make(key->b, SECRET_BYTES));
    CHECK(!all.full && EVP_Digest(all.ptr, all.len, digest, &len, EVP_sha1(), NULL));
    for (unsigned i = 0; i < 20; i++) {
        snprintf(out + (size_t)2 * i, 3, "%02x", digest[i]);
    }
}

/* The value of a field as bytes; empty when missing. */
static slice_t value_of(arena_t *a, slice_t form, const char *want)
{
    form_cursor_t c = form_on(form, 128, FORM_LENIENT);
    slice_t name, value;
    while (form_more(&c)) {
        if (err_failed(form_next(&c, a, &name, &value))) {
            break;
        }
        if (slice_eq(name, slice_cstr_in(want))) {
            return value;
        }
    }
    return SLICE_EMPTY;
}

static bool copy_out(slice_t value, char *out, size_t cap)
{
    if (value.len == 0 || value.len >= cap) {
        return false;
    }
    memcpy(out, value.ptr, value.len);
    out[value.len] = 0;
    return true;
}

/* ---- the form ---- */

static err_t form_check(const sim_t *sim, web_req_t *req)
{
    buf_t joined;
    char want[41];
    TRY(arena_buf(req->arena, SIM_FORM_MAX, &joined));
    for (size_t i = 0; i < BASE_COUNT(REQUEST); i++) {
        buf_put(&joined, value_of(req->arena, req->body, REQUEST[i]));
    }
    TRY(buf_check(&joined));
    hash(sim, false, buf_slice(&joined), want);
    ENSURE(slice_eq(value_of(req->arena, req->body, "sps_hashcode"), slice_cstr_in(want)),
           ERR_AUTH);
    return OK;
}

static err_t wish_read(web_req_t *req, sim_session_t *ret_wish)
{
    sim_session_t w = {.wire = SIM_SBPS};
    arena_t *a = req->arena;
    int64_t limit_s;
    ENSURE(req->body.len <= SIM_FORM_MAX && copy_out(req->body, w.form, sizeof w.form), ERR_RANGE);
    ENSURE(copy_out(value_of(a, req->body, "order_id"), w.order, 39), ERR_RANGE);
    ENSURE(copy_out(value_of(a, req->body, "cust_code"), w.booking, sizeof w.booking), ERR_RANGE);
    ENSURE(copy_out(value_of(a, req->body, "success_url"), w.return_url, sizeof w.return_url),
           ERR_RANGE);
    ENSURE(sim_back_is_shop(slice_cstr_in(w.return_url)), ERR_RANGE);
    TRY(slice_parse_i64(value_of(a, req->body, "amount"), 1, 99999999, &w.amount_minor));
    TRY(slice_parse_i64(value_of(a, req->body, "limit_second"), 1, 600, &limit_s));
    snprintf(w.description, sizeof w.description, "SBPS %.38s", w.order);
    w.expires_us = clock_wall_us() + 1800 * CLOCK_SECOND_US; /* the page's own life */
    *ret_wish = w;
    return OK;
}

err_t sbps_buy(void *room, web_req_t *req, web_res_t *res)
{
    sim_t *sim = room;
    sim_session_t wish, session;
    slice_t url;
    ENSURE(sim->has_wire[SIM_SBPS], ERR_NOT_FOUND);
    TRY(form_check(sim, req));
    TRY(wish_read(req, &wish));
    TRY(sim_session_create(sim, &wish, &session));
    TRY(arena_printf(req->arena, &url, "/sessions/%s", session.id));
    return web_redirect(res, 303, url);
}

/* ---- the report ---- */

typedef struct report {
    buf_t *out;
    buf_t joined;
} report_t;

static void put(report_t *r, const char *name, slice_t value)
{
    buf_cstr(r->out, r->out->len ? "&" : "");
    buf_cstr(r->out, name);
    buf_u8(r->out, '=');
    url_put_component(r->out, value);
    buf_put(&r->joined, value);
}

static void stamp(int64_t us, char out[20])
{
    date_ymd_t day = date_to_ymd(tokyo_date(us));
    unsigned minute = tokyo_minute(us);
    snprintf(out, 20, "%04u%02u%02u%02u%02u%02u", (unsigned)day.year % 10000, day.month, day.day,
             minute / 60 % 100, minute % 60, (unsigned)(us / CLOCK_SECOND_US % 60));
}

/* The repeated part, with what the lie changes. The shift moves the sum's first digit into the
 * field before it: the bytes stay, and with them the hash. */
static slice_t repeated(arena_t *a, const sim_hook_t *hook, const sim_session_t *s,
                        const char *name)
{
    static char sum[24], digit[2];
    slice_t form = slice_cstr_in(s->form);
    snprintf(sum, sizeof sum, "%lld", (long long)hook->amount_minor);
    bool is_sum = strcmp(name, "amount") == 0;
    if (hook->lie == SIM_SHIFTED_FIELDS && (is_sum || strcmp(name, "tax") == 0)) {
        digit[0] = sum[0];
        return is_sum ? slice_cstr_in(sum + 1) : slice_cstr_in(digit);
    }
    if (is_sum) {
        return slice_cstr_in(sum);
    }
    if (hook->lie == SIM_OTHER_ORDER && strcmp(name, "order_id") == 0) {
        return SLICE("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    }
    if (hook->lie == SIM_OTHER_MERCHANT && strcmp(name, "merchant_id") == 0) {
        return SLICE("99999");
    }
    if (hook->lie == SIM_OTHER_CURRENCY && strcmp(name, "item_id") == 0) {
        return SLICE("usd"); /* SBPS knows yen only: something else of the order is wrong */
    }
    return value_of(a, form, name);
}

static void results_put(report_t *r, const sim_hook_t *hook, const sim_session_t *s, bool ok)
{
    char when[20];
    stamp(hook->due_us, when);
    put(r, "res_pay_method", SLICE("credit"));
    put(r, "res_result", ok ? SLICE("OK") : SLICE("NG"));
    put(r, "res_tracking_id", ok ? slice_cstr_in(s->payment) : SLICE_EMPTY);
    put(r, "res_sps_cust_no", SLICE_EMPTY);
    put(r, "res_sps_payment_no", SLICE_EMPTY);
    put(r, "res_payinfo_key", SLICE_EMPTY);
    put(r, "res_payment_date", ok ? slice_cstr_in(when) : SLICE_EMPTY);
    put(r, "res_err_code", ok ? SLICE_EMPTY : SLICE("10102999"));
    put(r, "res_date", slice_cstr_in(when));
}

bool sim_sbps_hook(const sim_t *sim, const sim_hook_t *hook, const sim_session_t *s, buf_t *out,
                   char line[SIM_LINE_MAX])
{
    static uint8_t mem[SIM_FORM_MAX];
    BASE_CLEANUP(arena_deinit) arena_t a;
    report_t r = {.out = out, .joined = BUF_ON_ARRAY(mem)};
    char hex[41];
    bool ok = strcmp(hook->type, "payment.captured") == 0;
    arena_init(&a, 512 * 1024);
    if (!ok && strcmp(hook->type, "payment.failed") != 0) {
        return false; /* what comes after is asked for, or stands in the settlement file */
    }
    for (size_t i = 0; i < REPEATED; i++) {
        put(&r, REQUEST[i], repeated(&a, hook, s, REQUEST[i]));
    }
    put(&r, "free1", SLICE_EMPTY);
    put(&r, "free2", SLICE_EMPTY);
    put(&r, "free3", SLICE_EMPTY);
    put(&r, "request_date", value_of(&a, slice_cstr_in(s->form), "request_date"));
    results_put(&r, hook, s, ok);
    put(&r, "limit_second", value_of(&a, slice_cstr_in(s->form), "limit_second"));
    hash(sim, hook->lie == SIM_OLD_SIGNATURE, buf_slice(&r.joined), hex);
    bool forged = hook->lie == SIM_FORGED_SIGNATURE || hook->lie == SIM_STALE_SIGNATURE;
    hex[0] = forged ? (hex[0] == '0' ? '1' : '0') : hex[0];
    buf_cstr(out, "&sps_hashcode=");
    buf_cstr(out, hex);
    line[0] = 0;
    return true;
}

/* ---- XML ---- */

static slice_t element(slice_t xml, const char *name)
{
    char open[64];
    int len = snprintf(open, sizeof open, "<%s>", name);
    size_t at = slice_find(xml, slice_make(open, (size_t)len));
    if (at == SIZE_MAX) {
        return SLICE_EMPTY;
    }
    slice_t rest = slice_from(xml, at + (size_t)len);
    size_t end = slice_find_byte(rest, '<');
    return end == SIZE_MAX ? SLICE_EMPTY : slice_sub(rest, 0, end);
}

static const char *status_of(const sim_session_t *s)
{
    bool part = s->refunded_minor > 0 && s->refunded_minor < s->paid_minor;
    return s->status == SIM_REFUNDED ? "4" : part ? "5" : s->status == SIM_CAPTURED ? "2" : "3";
}

static void answer(web_res_t *res, bool ok, const sim_session_t *s)
{
    buf_t *out = web_text(res, 200);
    buf_cstr(out, "<?xml version=\"1.0\" encoding=\"Shift_JIS\"?><sps-api-response id=\"x\">");
    buf_cstr(out, ok ? "<res_result>OK</res_result>" : "<res_result>NG</res_result>");
    if (s) {
        buf_cstr(out, "<res_pay_method_info><payment_status>");
        buf_cstr(out, status_of(s));
        buf_cstr(out, "</payment_status><amount>");
        buf_dec(out, s->paid_minor);
        buf_cstr(out, "</amount><refund_amount>");
        buf_dec(out, s->refunded_minor);
        buf_cstr(out, "</refund_amount></res_pay_method_info>");
    }
    buf_cstr(out, "</sps-api-response>");
}

static err_t refund(sim_t *sim, slice_t xml, web_res_t *res, sim_session_t *s, bool all)
{
    int64_t amount_minor = s->paid_minor - s->refunded_minor;
    if (!all) {
        TRY(slice_parse_i64(element(xml, "amount"), 1, 99999999, &amount_minor));
    }
    err_t e = sim_refund(sim, slice_cstr_in(s->payment), amount_minor, s);
    TRY(sim_api_end(sim, NULL));
    answer(res, !err_failed(e), NULL);
    return OK;
}

/* 30132 + 001 : key, as Basic. */
err_t sbps_xml(void *room, web_req_t *req, web_res_t *res)
{
    sim_t *sim = room;
    sim_session_t s;
    slice_t xml = req->body;
    TRY(sim_api_begin(sim, req, SIM_SBPS));
    bool known = sim_payment_get(sim, element(xml, "tracking_id"), &s) && s.wire == SIM_SBPS;
    if (!known) {
        answer(res, false, NULL);
    } else if (slice_find(xml, SLICE("\"MG01-00101-101\"")) != SIZE_MAX) {
        TRY(sim_api_end(sim, NULL));
        answer(res, true, &s);
    } else if (slice_find(xml, SLICE("\"ST02-00303-101\"")) != SIZE_MAX) {
        return refund(sim, xml, res, &s, true);
    } else if (slice_find(xml, SLICE("\"ST02-00307-101\"")) != SIZE_MAX) {
        return refund(sim, xml, res, &s, false);
    } else {
        answer(res, false, NULL);
    }
    return OK;
}
