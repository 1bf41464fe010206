#include "sim.h"

#include <sodium.h>

#include "base/clock.h"
#include "text/json.h"
#include "text/time.h"

const char *sim_scenario_name(unsigned scenario)
{
#define SIM_SCENARIO_NAME(name, text) text,
    static const char *const NAMES[] = {SIM_SCENARIOS(SIM_SCENARIO_NAME)};
#undef SIM_SCENARIO_NAME
    return scenario < SIM_SCENARIO_COUNT ? NAMES[scenario] : "?";
}

bool sim_scenario_find(slice_t name, sim_scenario_t *ret_scenario)
{
    for (unsigned i = 0; i < SIM_SCENARIO_COUNT; i++) {
        if (slice_eq(name, slice_cstr_in(sim_scenario_name(i)))) {
            *ret_scenario = (sim_scenario_t)i;
            return true;
        }
    }
    return false;
}

/* 25 characters of base 36 like the provider's own ids, made from what they belong to: the same
 * order gives the same ids. */
static void id_make(const char *kind, const char *from, uint64_t number, char out[SIM_ID + 1])
{
    static const char DIGITS[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint8_t hash[32];
    crypto_generichash_state s;
    crypto_generichash_init(&s, NULL, 0, sizeof hash);
    crypto_generichash_update(&s, (const uint8_t *)kind, strlen(kind) + 1);
    crypto_generichash_update(&s, (const uint8_t *)from, strlen(from) + 1);
    crypto_generichash_update(&s, (const uint8_t *)&number, sizeof number);
    crypto_generichash_final(&s, hash, sizeof hash);
    for (size_t i = 0; i < SIM_ID; i++) {
        out[i] = DIGITS[hash[i] % 36];
    }
    out[SIM_ID] = 0;
}

static sim_session_t *find(sim_t *sim, slice_t id, bool by_payment)
{
    for (size_t i = 0; i < SIM_SESSIONS; i++) {
        sim_session_t *s = &sim->sessions[i];
        if (s->used && slice_eq(id, slice_cstr_in(by_payment ? s->payment : s->id))) {
            return s;
        }
    }
    return NULL;
}

static sim_session_t *find_order(sim_t *sim, const char *order)
{
    for (size_t i = 0; i < SIM_SESSIONS; i++) {
        if (sim->sessions[i].used && strcmp(sim->sessions[i].order, order) == 0) {
            return &sim->sessions[i];
        }
    }
    return NULL;
}

bool sim_session_expired(const sim_session_t *s)
{
    return s->status == SIM_PENDING && clock_wall_us() >= s->expires_us;
}

static bool copy_out(sim_t *sim, slice_t id, bool by_payment, sim_session_t *ret_session)
{
    pthread_mutex_lock(&sim->lock);
    sim_session_t *s = find(sim, id, by_payment);
    if (s) {
        *ret_session = *s;
    }
    pthread_mutex_unlock(&sim->lock);
    return s != NULL;
}

bool sim_session_get(sim_t *sim, slice_t id, sim_session_t *ret_session)
{
    return copy_out(sim, id, false, ret_session);
}

bool sim_payment_get(sim_t *sim, slice_t payment, sim_session_t *ret_session)
{
    return copy_out(sim, payment, true, ret_session);
}

/* ---- notifications to come; lock held ---- */

static void hook_add(sim_t *sim, const sim_session_t *s, const char *type, int64_t amount_minor,
                     int64_t after_s, const char *event, bool forged)
{
    for (size_t i = 0; i < SIM_HOOKS; i++) {
        sim_hook_t *h = &sim->hooks[i];
        if (h->used) {
            continue;
        }
        *h = (sim_hook_t){.used = true,
                          .due_us = clock_wall_us() + after_s * CLOCK_SECOND_US,
                          .forged = forged,
                          .session = (size_t)(s - sim->sessions),
                          .amount_minor = amount_minor};
        snprintf(h->type, sizeof h->type, "%s", type);
        snprintf(h->event, sizeof h->event, "%s", event);
        pthread_cond_broadcast(&sim->news);
        return;
    }
}

static void hook_new(sim_t *sim, const sim_session_t *s, const char *type, int64_t amount_minor,
                     int64_t after_s)
{
    char event[SIM_ID + 1];
    id_make("event", s->order, sim->next_event++, event);
    hook_add(sim, s, type, amount_minor, after_s, event, false);
}

static void capture(sim_t *sim, sim_session_t *s)
{
    s->status = SIM_CAPTURED;
    sim->counts.captured++;
}

/* ---- the API ---- */

err_t sim_session_create(sim_t *sim, const sim_session_t *wish, sim_session_t *ret_session)
{
    pthread_mutex_lock(&sim->lock);
    sim_session_t *s = find_order(sim, wish->order);
    if (s) { /* the same order again: the same page (idempotency) */
        *ret_session = *s;
        pthread_mutex_unlock(&sim->lock);
        return OK;
    }
    size_t place = sim->next_session++ % SIM_SESSIONS; /* the oldest is forgotten */
    s = &sim->sessions[place];
    for (size_t i = 0; s->used && i < SIM_HOOKS; i++) {
        sim->hooks[i].used = sim->hooks[i].used && sim->hooks[i].session != place;
    }
    *s = *wish;
    s->used = true;
    s->status = SIM_PENDING;
    s->created_us = clock_wall_us();
    s->paid_minor = s->amount_minor;
    id_make("session", wish->order, 0, s->id);
    id_make("payment", wish->order, 0, s->payment);
    sim->counts.created++;
    bool early = sim->has_next && sim->next == SIM_EARLY;
    if (early) {
        sim->has_next = false;
        s->acted_us = s->created_us;
        capture(sim, s);
        hook_new(sim, s, "payment.captured", s->amount_minor, 0);
    }
    *ret_session = *s;
    pthread_mutex_unlock(&sim->lock);
    return OK;
}

err_t sim_session_cancel(sim_t *sim, slice_t id, sim_session_t *ret_session)
{
    err_t e = OK;
    pthread_mutex_lock(&sim->lock);
    sim_session_t *s = find(sim, id, false);
    if (!s) {
        e = FAIL(ERR_NOT_FOUND);
    } else if (s->status == SIM_CAPTURED || s->status == SIM_REFUNDED) {
        e = FAIL(ERR_CONFLICT);
    } else {
        sim->counts.cancelled += s->status != SIM_CANCELLED;
        s->status = SIM_CANCELLED;
        *ret_session = *s;
    }
    pthread_mutex_unlock(&sim->lock);
    return e;
}

err_t sim_refund(sim_t *sim, slice_t payment, int64_t amount_minor, sim_session_t *ret_session)
{
    err_t e = OK;
    pthread_mutex_lock(&sim->lock);
    sim_session_t *s = find(sim, payment, true);
    if (!s) {
        e = FAIL(ERR_NOT_FOUND);
    } else if (s->status != SIM_CAPTURED || amount_minor <= 0 ||
               amount_minor > s->paid_minor - s->refunded_minor) {
        e = FAIL(ERR_CONFLICT);
    } else {
        s->refunded_minor += amount_minor;
        if (s->refunded_minor == s->paid_minor) {
            s->status = SIM_REFUNDED;
        }
        sim->counts.refunded++;
        hook_new(sim, s, s->status == SIM_REFUNDED ? "payment.refunded" : "payment.refund.created",
                 s->paid_minor, 1);
        *ret_session = *s;
    }
    pthread_mutex_unlock(&sim->lock);
    return e;
}

/* ---- scenarios; lock held; true = the browser goes back ---- */

static bool play_duplicate(sim_t *sim, sim_session_t *s)
{
    char event[SIM_ID + 1];
    id_make("event", s->order, sim->next_event++, event);
    capture(sim, s);
    for (int i = 0; i < 5; i++) {
        hook_add(sim, s, "payment.captured", s->amount_minor, 0, event, false);
    }
    hook_new(sim, s, "payment.captured", s->amount_minor, 0);
    return true;
}

static bool play_forged(sim_t *sim, sim_session_t *s)
{
    char event[SIM_ID + 1];
    id_make("event", s->order, sim->next_event++, event);
    hook_add(sim, s, "payment.captured", s->amount_minor, 0, event, true);
    return true;
}

static bool play(sim_t *sim, sim_session_t *s, sim_scenario_t scenario)
{
    s->acted_us = s->acted_us ? s->acted_us : clock_wall_us();
    switch (scenario) {
    case SIM_SUCCESS:
    case SIM_EARLY:
        capture(sim, s);
        hook_new(sim, s, "payment.captured", s->amount_minor, 0);
        return true;
    case SIM_DECLINE:
        s->status = SIM_FAILED;
        hook_new(sim, s, "payment.failed", s->amount_minor, 0);
        return true;
    case SIM_CHALLENGE:
        s->challenged = true;
        return false;
    case SIM_ABANDON:
        s->status = SIM_CANCELLED;
        return true;
    case SIM_LEAVE:
        return false;
    case SIM_DELAYED:
        capture(sim, s);
        hook_new(sim, s, "payment.captured", s->amount_minor, sim->delay_s);
        return true;
    case SIM_DUPLICATE:
        return play_duplicate(sim, s);
    case SIM_FORGED:
        return play_forged(sim, s);
    case SIM_WRONG_AMOUNT:
        capture(sim, s);
        hook_new(sim, s, "payment.captured", s->amount_minor - 1, 0);
        return true;
    case SIM_WRONG_TOTAL:
        s->paid_minor = s->amount_minor - 1;
        capture(sim, s);
        hook_new(sim, s, "payment.captured", s->paid_minor, 0);
        return true;
    case SIM_NO_WEBHOOK:
        capture(sim, s);
        return true;
    case SIM_SCENARIO_COUNT:
        break;
    }
    return false;
}

err_t sim_play(sim_t *sim, slice_t id, sim_scenario_t scenario, bool *ret_back)
{
    err_t e = OK;
    pthread_mutex_lock(&sim->lock);
    sim_session_t *s = find(sim, id, false);
    if (!s) {
        e = FAIL(ERR_NOT_FOUND);
    } else if (sim_session_expired(s)) {
        e = FAIL(ERR_EXPIRED);
    } else if (s->status != SIM_PENDING && s->status != SIM_FAILED) {
        e = FAIL(ERR_CONFLICT);
    } else {
        *ret_back = play(sim, s, scenario);
    }
    pthread_mutex_unlock(&sim->lock);
    return e;
}

/* ---- JSON ---- */

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

static void instant(buf_t *out, const char *before, int64_t us)
{
    buf_cstr(out, before);
    buf_u8(out, '"');
    time_put_rfc3339(out, us);
    buf_u8(out, '"');
}

static const char *payment_status(sim_status_t status)
{
    switch (status) {
    case SIM_CAPTURED:
        return "captured";
    case SIM_REFUNDED:
        return "refunded";
    case SIM_FAILED:
        return "failed";
    case SIM_CANCELLED:
        return "cancelled";
    case SIM_PENDING:
        break;
    }
    return "pending";
}

void sim_payment_json(const sim_session_t *s, int64_t amount_minor, buf_t *out)
{
    text(out, "{\"id\":", s->payment);
    text(out, ",\"resource\":\"payment\",\"status\":", payment_status(s->status));
    number(out, ",\"amount\":", amount_minor);
    number(out,
           ",\"tax\":0,\"customer\":null,\"payment_deadline\":null,\"payment_details\":{\"type\":"
           "\"credit_card\"},"
           "\"payment_method_fee\":0,\"total\":",
           amount_minor);
    text(out, ",\"currency\":\"JPY\",\"description\":", s->description);
    text(out, ",\"captured_at\":null,\"external_order_num\":", s->order);
    text(out, ",\"metadata\":{\"attempt\":", s->order);
    text(out, ",\"booking\":", s->booking);
    instant(out, "},\"created_at\":", s->acted_us);
    number(out, ",\"amount_refunded\":", s->refunded_minor);
    text(out, ",\"locale\":\"ja\",\"session\":", s->id);
    buf_cstr(out, ",\"refunds\":[],\"refund_requests\":[]}");
}

static const char *session_status(const sim_session_t *s)
{
    switch (s->status) {
    case SIM_CAPTURED:
    case SIM_REFUNDED:
        return "completed";
    case SIM_CANCELLED:
        return "cancelled";
    case SIM_FAILED:
    case SIM_PENDING:
        break;
    }
    return "pending";
}

void sim_session_json(const sim_t *sim, const sim_session_t *s, buf_t *out)
{
    text(out, "{\"id\":", s->id);
    number(out, ",\"resource\":\"session\",\"mode\":\"payment\",\"amount\":", s->amount_minor);
    buf_cstr(out, ",\"currency\":\"JPY\",\"session_url\":\"");
    buf_cstr(out, sim->origin);
    buf_cstr(out, "/sessions/");
    buf_cstr(out, s->id);
    text(out, "\",\"return_url\":", s->return_url);
    instant(out,
            ",\"default_locale\":\"ja\",\"payment_methods\":[{\"type\":\"credit_card\"}],\"created_"
            "at\":",
            s->created_us);
    text(out, ",\"cancelled_at\":null,\"completed_at\":null,\"status\":", session_status(s));
    buf_cstr(out, sim_session_expired(s) ? ",\"expired\":true" : ",\"expired\":false");
    text(out, ",\"metadata\":{\"attempt\":", s->order);
    text(out, ",\"booking\":", s->booking);
    text(out, "},\"payment_data\":{\"external_order_num\":", s->order);
    buf_cstr(out, "},\"line_items\":[],\"payment\":");
    if (s->status == SIM_PENDING) {
        buf_cstr(out, "null}");
        return;
    }
    sim_payment_json(s, s->paid_minor, out);
    buf_u8(out, '}');
}

/* A payment exists once the customer acted. Oldest first, so that pages stay where they are while
 * new payments come in. */
err_t sim_list_json(sim_t *sim, int64_t since_us, int64_t page, int64_t per_page, buf_t *out)
{
    int64_t seen = 0, first = (page - 1) * per_page, put = 0;
    buf_t rows = *out;
    pthread_mutex_lock(&sim->lock);
    buf_cstr(&rows, "{\"resource\":\"list\",\"data\":[");
    for (size_t i = 0; i < SIM_SESSIONS; i++) {
        size_t at = (sim->next_session + i) % SIM_SESSIONS;
        const sim_session_t *s = &sim->sessions[at];
        bool is_payment =
            s->used && s->acted_us >= since_us && s->acted_us > 0 && s->status != SIM_PENDING;
        if (!is_payment) {
            continue;
        }
        if (seen++ >= first && put < per_page) {
            buf_cstr(&rows, put++ ? "," : "");
            sim_payment_json(s, s->paid_minor, &rows);
        }
    }
    pthread_mutex_unlock(&sim->lock);
    number(&rows, "],\"total\":", seen);
    number(&rows, ",\"page\":", page);
    number(&rows, ",\"per_page\":", per_page);
    number(&rows, ",\"last_page\":", seen ? (seen + per_page - 1) / per_page : 1);
    buf_u8(&rows, '}');
    *out = rows;
    return buf_check(out);
}

void sim_hook_json(const sim_hook_t *hook, const sim_session_t *s, buf_t *out)
{
    sim_session_t as_told = *s;
    if (hook->forged) {
        as_told.status = SIM_CAPTURED;
    }
    text(out, "{\"id\":", hook->event);
    text(out, ",\"type\":", hook->type);
    instant(out, ",\"resource\":\"event\",\"created_at\":", hook->due_us);
    buf_cstr(out, ",\"reason\":null,\"data\":");
    sim_payment_json(&as_told, hook->amount_minor, out);
    buf_u8(out, '}');
}
