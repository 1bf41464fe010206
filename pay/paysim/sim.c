#include "sim.h"

#include <sodium.h>

#include "base/clock.h"

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

const char *sim_wire_name(unsigned wire)
{
    static const char *const NAMES[SIM_WIRES] = {"komoju", "stripe", "sbps"};
    return wire < SIM_WIRES ? NAMES[wire] : "?";
}

bool sim_lie_is_attack(sim_lie_t lie)
{
    return lie == SIM_FORGED_SIGNATURE || lie == SIM_STALE_SIGNATURE || lie == SIM_SHIFTED_FIELDS ||
           lie == SIM_OTHER_MERCHANT || lie == SIM_OLD_SIGNATURE;
}

/* 25 characters of base 36 like the provider's own ids, made from what they belong to: the same
 * order gives the same ids. */
static void id_make(sim_wire_t wire, const char *kind, const char *from, uint64_t number,
                    char out[SIM_REF + 1])
{
    static const char *const STRIPE[][2] = {
        {"session", "cs_test_"}, {"payment", "pi_"}, {"event", "evt_"}};
    size_t at = 0;
    static const char DIGITS[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint8_t hash[32];
    crypto_generichash_state s;
    crypto_generichash_init(&s, NULL, 0, sizeof hash);
    crypto_generichash_update(&s, (const uint8_t *)kind, strlen(kind) + 1);
    crypto_generichash_update(&s, (const uint8_t *)from, strlen(from) + 1);
    crypto_generichash_update(&s, (const uint8_t *)&number, sizeof number);
    crypto_generichash_final(&s, hash, sizeof hash);
    for (size_t i = 0; wire == SIM_STRIPE && i < BASE_COUNT(STRIPE); i++) {
        if (strcmp(kind, STRIPE[i][0]) == 0) {
            at = (size_t)snprintf(out, SIM_REF + 1, "%s", STRIPE[i][1]);
        }
    }
    bool digits = wire == SIM_SBPS && strcmp(kind, "payment") == 0; /* a tracking id */
    for (size_t i = 0; i < (digits ? 14 : SIM_ID); i++) {
        out[at++] = DIGITS[hash[i] % (digits ? 10 : 36)];
    }
    out[at] = 0;
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
                     int64_t after_s, const char *event, sim_lie_t lie)
{
    for (size_t i = 0; i < SIM_HOOKS; i++) {
        sim_hook_t *h = &sim->hooks[i];
        if (h->used) {
            continue;
        }
        *h = (sim_hook_t){.used = true,
                          .due_us = clock_wall_us() + after_s * CLOCK_SECOND_US,
                          .lie = lie,
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
    char event[SIM_REF + 1];
    id_make(s->wire, "event", s->order, sim->next_event++, event);
    hook_add(sim, s, type, amount_minor, after_s, event, SIM_TRUE);
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
    id_make(s->wire, "session", wish->order, 0, s->id);
    id_make(s->wire, "payment", wish->order, 0, s->payment);
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
    } else if (s->refunds_to_fail > 0) {
        s->refunds_to_fail--;
        e = FAIL(ERR_CONFLICT);
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
    char event[SIM_REF + 1];
    id_make(s->wire, "event", s->order, sim->next_event++, event);
    capture(sim, s);
    for (int i = 0; i < 5; i++) {
        hook_add(sim, s, "payment.captured", s->amount_minor, 0, event, SIM_TRUE);
    }
    hook_new(sim, s, "payment.captured", s->amount_minor, 0);
    return true;
}

/* A notification of a capture that says something else than the truth, or says it wrongly. */
static bool play_lie(sim_t *sim, sim_session_t *s, sim_lie_t lie, bool paid)
{
    char event[SIM_REF + 1];
    id_make(s->wire, "event", s->order, sim->next_event++, event);
    if (paid) {
        capture(sim, s);
    }
    hook_add(sim, s, "payment.captured", s->amount_minor, 0, event, lie);
    return true;
}

/* Told of the refund first, of the capture two seconds later. */
static bool play_out_of_order(sim_t *sim, sim_session_t *s)
{
    capture(sim, s);
    s->status = SIM_REFUNDED;
    s->refunded_minor = s->paid_minor;
    hook_new(sim, s, "payment.refunded", s->paid_minor, 0);
    hook_new(sim, s, "payment.captured", s->paid_minor, 2);
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
    case SIM_ABANDON: /* only KOMOJU ends the session then */
        s->status = s->wire == SIM_KOMOJU ? SIM_CANCELLED : s->status;
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
        return play_lie(sim, s, SIM_FORGED_SIGNATURE, false);
    case SIM_STALE:
        return play_lie(sim, s, SIM_STALE_SIGNATURE, false);
    case SIM_EXTRA_V1:
        return play_lie(sim, s, SIM_EXTRA_SIGNATURE, true);
    case SIM_OLD_KEY:
        return play_lie(sim, s, SIM_OLD_SIGNATURE, true);
    case SIM_WRONG_CURRENCY:
        return play_lie(sim, s, SIM_OTHER_CURRENCY, true);
    case SIM_WRONG_ORDER:
        return play_lie(sim, s, SIM_OTHER_ORDER, true);
    case SIM_WRONG_MERCHANT:
        return play_lie(sim, s, SIM_OTHER_MERCHANT, true);
    case SIM_SHIFT:
        return play_lie(sim, s, SIM_SHIFTED_FIELDS, false);
    case SIM_OUT_OF_ORDER:
        return play_out_of_order(sim, s);
    case SIM_WEBHOOK_ONLY:
        capture(sim, s);
        hook_new(sim, s, "payment.captured", s->amount_minor, 0);
        return false;
    case SIM_CHARGEBACK:
        capture(sim, s);
        hook_new(sim, s, "payment.captured", s->amount_minor, 0);
        hook_new(sim, s, "payment.disputed", s->amount_minor, 2);
        return true;
    case SIM_REFUND_FAILS:
        s->refunds_to_fail = 2;
        capture(sim, s);
        hook_new(sim, s, "payment.captured", s->amount_minor, 0);
        return true;
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

size_t sim_paid_list(sim_t *sim, sim_wire_t wire, int64_t since_us, sim_session_t *ret, size_t cap)
{
    size_t n = 0;
    pthread_mutex_lock(&sim->lock);
    for (size_t i = 0; i < SIM_SESSIONS && n < cap; i++) {
        const sim_session_t *s = &sim->sessions[(sim->next_session + i) % SIM_SESSIONS];
        bool paid = s->status == SIM_CAPTURED || s->status == SIM_REFUNDED;
        if (s->used && s->wire == wire && paid && s->created_us >= since_us) {
            ret[n++] = *s;
        }
    }
    pthread_mutex_unlock(&sim->lock);
    return n;
}
