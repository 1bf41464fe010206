/* SBPS link type. The customer's own browser carries our signed form to the provider, so there is
 * no call that makes a page and none that ends one. The hash joins all values without a separator:
 * bytes may move from one field to the next and the hash stays right. So after the hash each field
 * is held against what we would send ourselves (`echo`), and the rest against a strict form. */
#include "sbps.h"

#include <sodium.h>

#include "base/clock.h"
#include "read.h"
#include "sbps_wire.h"

enum {
    ITEM_NAME_BYTES = 40,
    LIMIT_S = 600, /* how long after request_date the form is taken there */
    ECHO_BYTES = 16
};

/* EMV 3-D Secure, as the guideline wants. */
#define PAY_METHOD SLICE("credit3d2")

/* ---- what we send ---- */

/* Our values in the order of A02-1, Shift_JIS; empty where we send nothing or the provider adds. */
static err_t ours_fill(const adapter_t *self, arena_t *a, const adapter_order_t *o,
                       slice_t ret[SBPS_FIELD_COUNT], slice_t *ret_item_utf8)
{
    slice_t order, booking, amount;
    TRY(arena_printf(a, &amount, "%lld", (long long)o->amount_minor));
    buf_t letters;
    TRY(arena_buf(a, 2 * ID_TEXT, &letters));
    buf_id(&letters, o->attempt);
    buf_id(&letters, o->booking);
    order = slice_sub(buf_slice(&letters), 0, ID_TEXT);
    booking = slice_from(buf_slice(&letters), ID_TEXT);
    for (size_t i = 0; i < SBPS_FIELD_COUNT; i++) {
        ret[i] = SLICE_EMPTY;
    }
    ret[SBPS_pay_method] = PAY_METHOD;
    ret[SBPS_merchant_id] = slice_cstr_in(self->merchant);
    ret[SBPS_service_id] = slice_cstr_in(self->service);
    ret[SBPS_cust_code] = booking; /* no customer of ours is known there */
    ret[SBPS_order_id] = order;
    ret[SBPS_item_id] = SLICE("tour");
    ret[SBPS_amount] = amount;
    ret[SBPS_pay_type] = SLICE("0");
    ret[SBPS_service_type] = SLICE("0");
    ret[SBPS_terminal_type] = SLICE("0");
    return sbps_text_fit(a, o->description, ITEM_NAME_BYTES, &ret[SBPS_item_name], ret_item_utf8);
}

static void form_field(adapter_form_t *f, const char *name, slice_t value)
{
    CHECK(f->n < ADAPTER_FIELDS_MAX);
    f->fields[f->n].name = name;
    f->fields[f->n++].value = value;
}

/* The four addresses that stand after terminal_type. */
static err_t addresses_put(arena_t *a, const adapter_order_t *o, adapter_form_t *f)
{
    slice_t notify;
    size_t at = slice_find(o->return_url, SLICE("/pay/return/"));
    ENSURE(at != SIZE_MAX, ERR_USAGE);
    TRY(arena_printf(a, &notify, "%.*s/pay/notify/sbps",
                     SLICE_FMT(slice_sub(o->return_url, 0, at))));
    form_field(f, "success_url", o->return_url);
    form_field(f, "cancel_url", o->return_url);
    form_field(f, "error_url", o->return_url);
    form_field(f, "pagecon_url", notify);
    return OK;
}

/* The hash of what the browser will send: it sends all but the item's name in ASCII. */
static err_t form_sign(const adapter_t *self, arena_t *a, slice_t item_sjis, adapter_form_t *f)
{
    slice_t values[ADAPTER_FIELDS_MAX], hash;
    for (size_t i = 0; i < f->n; i++) {
        bool item = strcmp(f->fields[i].name, "item_name") == 0;
        values[i] = item && self->hash_in_sjis ? item_sjis : f->fields[i].value;
    }
    TRY(sbps_hash(a, values, f->n, &self->webhook_keys[0], &hash));
    form_field(f, "sps_hashcode", hash);
    return OK;
}

/* A01-1: empty fields are sent as well. */
static err_t form(const adapter_t *self, arena_t *a, const adapter_order_t *o,
                  adapter_form_t *ret_form)
{
    slice_t ours[SBPS_FIELD_COUNT], item_utf8, now, limit;
    adapter_form_t f = {.charset = "Shift_JIS"};
    int64_t limit_s = o->lives_s < LIMIT_S ? o->lives_s : LIMIT_S;
    ENSURE(self->webhook_keys[0].len && memcmp(o->currency, "JPY", 3) == 0, ERR_RANGE);
    TRY(ours_fill(self, a, o, ours, &item_utf8));
    for (size_t i = SBPS_pay_method; i <= SBPS_terminal_type; i++) {
        form_field(&f, sbps_field_name((sbps_field_t)i), i == SBPS_item_name ? item_utf8 : ours[i]);
    }
    TRY(addresses_put(a, o, &f));
    form_field(&f, "free1", SLICE_EMPTY);
    form_field(&f, "free2", SLICE_EMPTY);
    form_field(&f, "free3", SLICE_EMPTY);
    form_field(&f, "free_csv", SLICE_EMPTY);
    TRY(sbps_stamp_put(a, clock_wall_us(), &now));
    form_field(&f, "request_date", now);
    TRY(arena_printf(a, &limit, "%lld", (long long)limit_s));
    form_field(&f, "limit_second", limit);
    TRY(form_sign(self, a, ours[SBPS_item_name], &f));
    TRY(arena_printf(a, &f.action, "%s/f01/FepBuyInfoReceive.do", self->page_origin));
    *ret_form = f;
    return OK;
}

/* No call: the way to the provider is a page of our own, which carries the form. */
static err_t create(const adapter_t *self, arena_t *a, const adapter_order_t *o,
                    adapter_news_t *ret_news)
{
    buf_t letters;
    slice_t url;
    size_t at = slice_find(o->return_url, SLICE("/pay/return/"));
    ENSURE(at != SIZE_MAX, ERR_USAGE);
    TRY(arena_buf(a, ID_TEXT, &letters));
    buf_id(&letters, o->attempt);
    TRY(arena_printf(a, &url, "/pay/go/%.*s",
                     SLICE_FMT(slice_from(o->return_url, at + strlen("/pay/return/")))));
    *ret_news = (adapter_news_t){.session = buf_slice(&letters),
                                 .order = buf_slice(&letters),
                                 .page_minor = o->amount_minor,
                                 .url = url};
    memcpy(ret_news->currency, o->currency, sizeof o->currency);
    return OK;
}

/* ---- what comes back ---- */

/* Each value of the part that repeats our request, with its length before it. */
static err_t echo_of(arena_t *a, const slice_t at[SBPS_FIELD_COUNT], slice_t *ret_echo)
{
    uint8_t digest[ECHO_BYTES];
    crypto_generichash_state h;
    buf_t hex;
    TRY(arena_buf(a, 2 * ECHO_BYTES, &hex));
    crypto_generichash_init(&h, NULL, 0, sizeof digest);
    for (size_t i = 0; i < SBPS_FIELD_COUNT; i++) {
        uint8_t len[2] = {(uint8_t)(at[i].len >> 8), (uint8_t)at[i].len};
        if (sbps_field_rule((sbps_field_t)i) == SBPS_RULE_OURS) {
            crypto_generichash_update(&h, len, sizeof len);
            crypto_generichash_update(&h, at[i].ptr, at[i].len);
        }
    }
    crypto_generichash_final(&h, digest, sizeof digest);
    buf_hex(&hex, slice_make(digest, sizeof digest));
    *ret_echo = buf_slice(&hex);
    return buf_check(&hex);
}

static err_t echo(const adapter_t *self, arena_t *a, const adapter_order_t *o, slice_t *ret_echo)
{
    slice_t ours[SBPS_FIELD_COUNT], item;
    TRY(ours_fill(self, a, o, ours, &item));
    return echo_of(a, ours, ret_echo);
}

/* The values in the charset of the hash. */
static err_t hashed_values(const adapter_t *self, arena_t *a, const sbps_report_t *r,
                           slice_t ret[SBPS_FIELD_COUNT])
{
    for (size_t i = 0; i < SBPS_FIELD_COUNT; i++) {
        ret[i] = r->at[i];
        if (!self->hash_in_sjis) {
            TRY(sbps_to_utf8(a, r->at[i], &ret[i]));
        }
    }
    return OK;
}

static err_t verify(const adapter_t *self, arena_t *a, slice_t signature, slice_t raw)
{
    sbps_report_t r;
    slice_t values[SBPS_FIELD_COUNT], want;
    uint8_t lower[40];
    bool good = false;
    err_t e = sbps_report_read(a, raw, &r);
    ENSURE(!err_is(e, ERR_MEMORY), ERR_MEMORY);
    ENSURE(!err_failed(e) && r.hash.len == sizeof lower, ERR_CRYPTO);
    for (size_t i = 0; i < sizeof lower; i++) { /* some send it in capitals */
        uint8_t c = r.hash.ptr[i];
        lower[i] = c >= 'A' && c <= 'F' ? (uint8_t)(c + 32) : c;
    }
    e = hashed_values(self, a, &r, values);
    ENSURE(!err_failed(e), err_is(e, ERR_MEMORY) ? ERR_MEMORY : ERR_CRYPTO);
    for (size_t k = 0; k < BASE_COUNT(self->webhook_keys); k++) {
        TRY(sbps_hash(a, values, SBPS_FIELD_COUNT, &self->webhook_keys[k], &want));
        bool same = slice_eq_ct(want, slice_make(lower, sizeof lower));
        good |= self->webhook_keys[k].len && same;
    }
    ENSURE(good, ERR_CRYPTO);
    return OK;
}

/* The forms that need no record of ours. */
static err_t report_check(const adapter_t *self, const sbps_report_t *r)
{
    ENSURE(slice_eq(r->at[SBPS_merchant_id], slice_cstr_in(self->merchant)), ERR_SYNTAX);
    ENSURE(slice_eq(r->at[SBPS_service_id], slice_cstr_in(self->service)), ERR_SYNTAX);
    for (size_t i = 0; i < SBPS_FIELD_COUNT; i++) {
        slice_t v = r->at[i];
        switch (sbps_field_rule((sbps_field_t)i)) {
        case SBPS_RULE_TIME:
            ENSURE(sbps_is_digits(v, 14, 14), ERR_SYNTAX);
            break;
        case SBPS_RULE_WORD:
            ENSURE(read_is_plain(v, 64), ERR_SYNTAX);
            break;
        case SBPS_RULE_TRACKING:
            ENSURE(v.len == 0 || sbps_is_digits(v, 14, 14), ERR_SYNTAX);
            break;
        case SBPS_RULE_ORDER:
            ENSURE(v.len == ID_TEXT && read_is_plain(v, ID_TEXT), ERR_SYNTAX);
            break;
        case SBPS_RULE_OURS:
        case SBPS_RULE_CONF:
        case SBPS_RULE_SUM:
        case SBPS_RULE_RESULT:
            break;
        }
    }
    return OK;
}

/* One name for the same report, however often it comes. */
static err_t event_name(arena_t *a, const sbps_report_t *r, slice_t *ret_event)
{
    uint8_t digest[20];
    crypto_generichash_state h;
    buf_t text;
    TRY(arena_buf(a, ADAPTER_EVENT_MAX, &text));
    crypto_generichash_init(&h, NULL, 0, sizeof digest);
    for (size_t i = 0; i < SBPS_FIELD_COUNT; i++) {
        crypto_generichash_update(&h, (const uint8_t[]){(uint8_t)r->at[i].len}, 1);
        crypto_generichash_update(&h, r->at[i].ptr, r->at[i].len);
    }
    crypto_generichash_final(&h, digest, sizeof digest);
    buf_cstr(&text, "a02-");
    buf_hex(&text, slice_make(digest, sizeof digest));
    *ret_event = buf_slice(&text);
    return buf_check(&text);
}

static err_t parse(const adapter_t *self, arena_t *a, slice_t raw, adapter_news_t *ret_news)
{
    sbps_report_t r;
    adapter_news_t n = {.currency = {'J', 'P', 'Y'}};
    TRY(sbps_report_read(a, raw, &r));
    TRY(report_check(self, &r));
    slice_t sum = r.at[SBPS_amount];
    ENSURE(sum.len == 1 || !slice_starts(sum, SLICE("0")), ERR_SYNTAX); /* of the field before? */
    TRY(slice_parse_i64(sum, 0, SUM_MAX_MINOR, &n.amount_minor));
    TRY(echo_of(a, r.at, &n.echo));
    TRY(event_name(a, &r, &n.event));
    n.order = r.at[SBPS_order_id];
    n.session = n.order;
    n.payment = r.at[SBPS_res_tracking_id];
    if (slice_eq(r.at[SBPS_res_result], SLICE("OK"))) {
        ENSURE(n.payment.len, ERR_SYNTAX);
        n.kind = SLICE("result.OK");
        n.fact = PAY_FACT_CAPTURED; /* by contract the sale is made with the payment */
        n.knows = true;
    } else if (slice_eq(r.at[SBPS_res_result], SLICE("NG"))) {
        n.kind = SLICE("result.NG");
        n.fact = PAY_FACT_FAILED;
        n.knows = true;
        n.payment = SLICE_EMPTY; /* nothing was paid under it */
    } else {
        ENSURE(slice_eq(r.at[SBPS_res_result], SLICE("PY")), ERR_SYNTAX);
        n.kind = SLICE("result.PY");
    }
    *ret_news = n;
    return OK;
}

void sbps_init(adapter_t *adapter)
{
    adapter->name = "sbps";
    adapter->ok_answer = "OK,";
    adapter->no_answer = "NG,";
    adapter->create = create;
    adapter->query = sbps_query;
    adapter->refund = sbps_refund;
    adapter->verify = verify;
    adapter->parse = parse;
    adapter->echo = echo;
    adapter->form = form;
}
