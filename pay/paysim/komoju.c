/* KOMOJU's JSON. */
#include "base/clock.h"
#include "sim.h"
#include "text/json.h"
#include "text/time.h"

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
    text(out, ",\"currency\":", s->dollars ? "USD" : "JPY");
    text(out, ",\"description\":", s->description);
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
        bool is_payment = s->used && s->wire == SIM_KOMOJU && s->acted_us >= since_us &&
                          s->acted_us > 0 && s->status != SIM_PENDING;
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
    if (sim_lie_is_attack(hook->lie)) {
        as_told.status = SIM_CAPTURED;
    }
    if (hook->lie == SIM_OTHER_ORDER) {
        memset(as_told.order, 'b', strlen(as_told.order));
    }
    if (hook->lie == SIM_OTHER_MERCHANT) {
        snprintf(as_told.id, sizeof as_told.id, "another");
    }
    as_told.dollars = hook->lie == SIM_OTHER_CURRENCY;
    text(out, "{\"id\":", hook->event);
    text(out, ",\"type\":", hook->type);
    instant(out, ",\"resource\":\"event\",\"created_at\":", hook->due_us);
    buf_cstr(out, ",\"reason\":null,\"data\":");
    sim_payment_json(&as_told, hook->amount_minor, out);
    buf_u8(out, '}');
}
