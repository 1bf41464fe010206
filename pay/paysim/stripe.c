/* Stripe Checkout as its public documents tell: forms in, JSON out, events with a time in their
 * signature. */
#include "wires.h"

#include "base/clock.h"
#include "text/form.h"
#include "text/json.h"

static void text(buf_t *out, const char *before, const char *value)
{
    buf_cstr(out, before);
    json_put_string(out, slice_cstr_in(value));
}

static void number(buf_t *out, const char *before, int64_t value)
{
    buf_cstr(out, before);
    buf_dec(out, value);
}

static const char *status_of(const sim_session_t *s)
{
    bool paid = s->status == SIM_CAPTURED || s->status == SIM_REFUNDED;
    return paid                                                             ? "complete"
           : s->status == SIM_CANCELLED || clock_wall_us() >= s->expires_us ? "expired"
                                                                            : "open";
}

/* whole: with payment_intent.latest_charge expanded. */
static void session_json(const sim_t *sim, const sim_session_t *s, int64_t amount_minor, bool live,
                         bool whole, buf_t *out)
{
    bool paid = s->status == SIM_CAPTURED || s->status == SIM_REFUNDED;
    text(out, "{\"id\":", s->id);
    text(out, ",\"object\":\"checkout.session\",\"mode\":\"payment\",\"status\":", status_of(s));
    text(out, ",\"payment_status\":", paid ? "paid" : "unpaid");
    number(out, ",\"amount_total\":", amount_minor);
    text(out, ",\"currency\":", s->dollars ? "usd" : "jpy");
    text(out, ",\"client_reference_id\":", s->order);
    buf_cstr(out, live ? ",\"livemode\":true" : ",\"livemode\":false");
    text(out, ",\"metadata\":{\"booking\":", s->booking);
    number(out, "},\"expires_at\":", s->expires_us / CLOCK_SECOND_US);
    buf_cstr(out, ",\"url\":\"");
    buf_cstr(out, sim->origin);
    buf_cstr(out, "/sessions/");
    buf_cstr(out, s->id);
    buf_cstr(out, "\",\"payment_intent\":");
    if (!paid && s->status != SIM_FAILED) {
        buf_cstr(out, "null}");
        return;
    }
    if (!whole) {
        text(out, "", s->payment);
        buf_u8(out, '}');
        return;
    }
    text(out, "{\"id\":", s->payment);
    if (paid) {
        number(out, ",\"last_payment_error\":null,\"latest_charge\":{\"amount_refunded\":",
               s->refunded_minor);
        buf_cstr(out, "}}}");
        return;
    }
    buf_cstr(out, ",\"latest_charge\":null,\"last_payment_error\":{\"type\":\"card_error\"}}}");
}

/* ---- API ---- */

static err_t field(web_req_t *req, const char *name, char *out, size_t cap)
{
    slice_t value;
    TRY(form_get(req->body, req->arena, slice_cstr_in(name), &value));
    ENSURE(value.len > 0 && value.len < cap, ERR_RANGE);
    memcpy(out, value.ptr, value.len);
    out[value.len] = 0;
    return OK;
}

static err_t number_field(web_req_t *req, const char *name, int64_t max, int64_t *ret)
{
    slice_t value;
    TRY(form_get(req->body, req->arena, slice_cstr_in(name), &value));
    return slice_parse_i64(value, 1, max, ret);
}

static err_t wish_read(web_req_t *req, sim_session_t *ret_wish)
{
    sim_session_t w = {.wire = SIM_STRIPE};
    char word[16];
    int64_t expires_s;
    TRY(field(req, "mode", word, sizeof word));
    ENSURE(strcmp(word, "payment") == 0, ERR_RANGE);
    TRY(field(req, "line_items[0][price_data][currency]", word, sizeof word));
    ENSURE(strcmp(word, "jpy") == 0, ERR_RANGE);
    TRY(field(req, "line_items[0][price_data][product_data][name]", w.description,
              sizeof w.description));
    TRY(field(req, "client_reference_id", w.order, 201));
    TRY(field(req, "success_url", w.return_url, sizeof w.return_url));
    TRY(field(req, "metadata[booking]", w.booking, sizeof w.booking));
    TRY(field(req, "locale", word, sizeof word));
    TRY(number_field(req, "line_items[0][price_data][unit_amount]", INT64_C(99999999),
                     &w.amount_minor));
    TRY(number_field(req, "expires_at", INT64_C(1) << 40, &expires_s));
    w.english = strcmp(word, "en") == 0;
    w.expires_us = expires_s * CLOCK_SECOND_US;
    ENSURE(sim_back_is_shop(slice_cstr_in(w.return_url)), ERR_RANGE);
    *ret_wish = w;
    return OK;
}

/* The key must name the same order each time; a new session must live half an hour at least. */
err_t stripe_create(void *room, web_req_t *req, web_res_t *res)
{
    sim_t *sim = room;
    sim_session_t wish, session;
    TRY(sim_api_begin(sim, req, SIM_STRIPE));
    TRY(wish_read(req, &wish));
    ENSURE(slice_eq(web_req_header(req, "idempotency-key"), slice_cstr_in(wish.order)), ERR_RANGE);
    int64_t lives_us = wish.expires_us - clock_wall_us();
    ENSURE(lives_us <= CLOCK_DAY_US, ERR_RANGE);
    TRY(sim_session_create(sim, &wish, &session));
    ENSURE(session.amount_minor == wish.amount_minor && session.expires_us == wish.expires_us,
           ERR_CONFLICT); /* other parameters under the same key */
    TRY(sim_api_end(sim, &session));
    session_json(sim, &session, session.amount_minor, false, false, web_json(res, 200));
    return OK;
}

err_t stripe_get(void *room, web_req_t *req, web_res_t *res)
{
    sim_session_t session;
    TRY(sim_api_begin(room, req, SIM_STRIPE));
    ENSURE(sim_session_get(room, web_req_param(req, "id"), &session), ERR_NOT_FOUND);
    TRY(sim_api_end(room, NULL));
    session_json(room, &session, session.paid_minor, false, true, web_json(res, 200));
    return OK;
}

/* 400 unless the session is open. */
err_t stripe_expire(void *room, web_req_t *req, web_res_t *res)
{
    sim_session_t session;
    TRY(sim_api_begin(room, req, SIM_STRIPE));
    ENSURE(sim_session_get(room, web_req_param(req, "id"), &session), ERR_NOT_FOUND);
    ENSURE(strcmp(status_of(&session), "open") == 0, ERR_RANGE);
    TRY(sim_session_cancel(room, web_req_param(req, "id"), &session));
    TRY(sim_api_end(room, NULL));
    session_json(room, &session, session.amount_minor, false, false, web_json(res, 200));
    return OK;
}

/* Newest first, cut by starting_after. */
err_t stripe_list(void *room, web_req_t *req, web_res_t *res)
{
    enum { MOST = 512 };
    sim_t *sim = room;
    sim_session_t *all = ARENA_ARRAY(req->arena, sim_session_t, MOST);
    int64_t since_s = 0, limit = 10;
    slice_t after = web_req_query(req, "starting_after");
    TRY(sim_api_begin(sim, req, SIM_STRIPE));
    ENSURE(all, ERR_MEMORY);
    TRY(slice_parse_i64(web_req_query(req, "created[gte]"), 0, INT64_C(1) << 40, &since_s));
    TRY(slice_parse_i64(web_req_query(req, "limit"), 1, 100, &limit));
    size_t n = sim_paid_list(sim, SIM_STRIPE, since_s * CLOCK_SECOND_US, all, MOST);
    buf_t *out = web_json(res, 200);
    bool begun = after.len == 0, more = false;
    int64_t put = 0;
    buf_cstr(out, "{\"object\":\"list\",\"data\":[");
    while (n-- > 0) {
        if (begun && put < limit) {
            buf_cstr(out, put++ ? "," : "");
            session_json(sim, &all[n], all[n].paid_minor, false, true, out);
        } else {
            more |= begun;
        }
        begun |= slice_eq(after, slice_cstr_in(all[n].id));
    }
    buf_cstr(out, more ? "],\"has_more\":true}" : "],\"has_more\":false}");
    return OK;
}

err_t stripe_refund(void *room, web_req_t *req, web_res_t *res)
{
    sim_session_t s;
    char payment[SIM_REF + 1];
    int64_t amount_minor;
    TRY(sim_api_begin(room, req, SIM_STRIPE));
    TRY(field(req, "payment_intent", payment, sizeof payment));
    TRY(number_field(req, "amount", INT64_C(99999999), &amount_minor));
    ENSURE(web_req_header(req, "idempotency-key").len, ERR_RANGE);
    err_t e = sim_refund(room, slice_cstr_in(payment), amount_minor, &s);
    ENSURE(!err_is(e, ERR_CONFLICT), ERR_RANGE); /* 400 */
    TRY(e);
    TRY(sim_api_end(room, NULL));
    buf_t *out = web_json(res, 200);
    number(out, "{\"id\":\"re_", s.refunded_minor);
    number(out, "\",\"object\":\"refund\",\"status\":\"succeeded\",\"amount\":", amount_minor);
    text(out, ",\"currency\":\"jpy\",\"payment_intent\":", s.payment);
    buf_u8(out, '}');
    return OK;
}

/* ---- events ---- */

static const char *event_type(const char *type)
{
    static const char *const NAMES[][2] = {{"payment.captured", "checkout.session.completed"},
                                           {"payment.expired", "checkout.session.expired"},
                                           {"payment.refunded", "refund.created"},
                                           {"payment.refund.created", "refund.created"},
                                           {"payment.disputed", "charge.dispute.created"}};
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        if (strcmp(type, NAMES[i][0]) == 0) {
            return NAMES[i][1];
        }
    }
    return NULL; /* a declined card is no event: the customer tries again on the page */
}

static void object_json(const sim_t *sim, const sim_hook_t *hook, sim_session_t *s,
                        const char *type, bool live, buf_t *out)
{
    if (strncmp(type, "checkout.", 9) == 0) {
        s->status = SIM_CAPTURED;
        session_json(sim, s, hook->amount_minor, live, false, out);
        return;
    }
    number(out, "{\"id\":\"obj_1\",\"amount\":", hook->amount_minor);
    text(out, ",\"currency\":\"jpy\",\"status\":\"succeeded\",\"payment_intent\":", s->payment);
    buf_u8(out, '}');
}

static void signature(const sim_t *sim, const sim_hook_t *hook, slice_t body,
                      char line[SIM_LINE_MAX])
{
    char time[32], first[40], hex[65], wrong[65];
    int64_t at_s = clock_wall_us() / CLOCK_SECOND_US;
    at_s -= hook->lie == SIM_STALE_SIGNATURE ? 3600 : 0;
    snprintf(time, sizeof time, "%lld", (long long)at_s);
    snprintf(first, sizeof first, "%s.", time);
    sim_hmac_hex(hook->lie == SIM_OLD_SIGNATURE ? &sim->old_key[SIM_STRIPE]
                                                : &sim->webhook_key[SIM_STRIPE],
                 slice_cstr_in(first), body, hex);
    memcpy(wrong, hex, sizeof wrong);
    wrong[0] = hex[0] == '0' ? '1' : '0';
    bool forged = hook->lie == SIM_FORGED_SIGNATURE || hook->lie == SIM_SHIFTED_FIELDS;
    if (hook->lie == SIM_EXTRA_SIGNATURE) {
        snprintf(line, SIM_LINE_MAX, "Stripe-Signature: t=%s,v1=%s,v1=%s", time, wrong, hex);
        return;
    }
    snprintf(line, SIM_LINE_MAX, "Stripe-Signature: t=%s,v1=%s", time, forged ? wrong : hex);
}

bool sim_stripe_hook(const sim_t *sim, const sim_hook_t *hook, const sim_session_t *session,
                     buf_t *out, char line[SIM_LINE_MAX])
{
    sim_session_t s = *session;
    const char *type = event_type(hook->type);
    bool live = hook->lie == SIM_OTHER_MERCHANT;
    if (!type) {
        return false;
    }
    if (hook->lie == SIM_OTHER_ORDER) {
        memset(s.order, 'b', strlen(s.order));
    }
    s.dollars = hook->lie == SIM_OTHER_CURRENCY;
    text(out, "{\"id\":", hook->event);
    text(out, ",\"object\":\"event\",\"type\":", type);
    number(out, ",\"created\":", hook->due_us / CLOCK_SECOND_US);
    buf_cstr(out, live ? ",\"livemode\":true" : ",\"livemode\":false");
    buf_cstr(out, ",\"data\":{\"object\":");
    object_json(sim, hook, &s, type, live, out);
    buf_cstr(out, "}}");
    signature(sim, hook, buf_slice(out), line);
    return true;
}
