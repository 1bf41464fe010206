/* What a test may make happen, and counts. Development and tests only. */
#include "base/clock.h"
#include "text/json.h"
#include "wires.h"

static bool flag_read(web_req_t *req, slice_t path, bool *flag)
{
    json_token_t token;
    if (err_failed(json_get(req->body, req->arena, path, &token))) {
        return false;
    }
    __atomic_store_n(flag, token.kind == JSON_TRUE, __ATOMIC_RELAXED);
    return true;
}

/* {"next": "early" | ... | "", "down": bool, "hang": bool, "lost": bool, "delay_s": n} - any of
 * them. */
err_t sim_control(void *room, web_req_t *req, web_res_t *res)
{
    sim_t *sim = room;
    slice_t next;
    int64_t delay_s;
    sim_scenario_t scenario = SIM_SUCCESS;
    bool has_next = !err_failed(json_get_string(req->body, req->arena, SLICE("next"), &next));
    ENSURE(!has_next || next.len == 0 || sim_scenario_find(next, &scenario), ERR_RANGE);
    flag_read(req, SLICE("down"), &sim->down);
    flag_read(req, SLICE("hang"), &sim->hang);
    flag_read(req, SLICE("lost"), &sim->lost);
    pthread_mutex_lock(&sim->lock);
    if (has_next) {
        sim->has_next = next.len > 0;
        sim->next = scenario;
    }
    if (!err_failed(json_get_i64(req->body, req->arena, SLICE("delay_s"), &delay_s)) &&
        delay_s >= 0) {
        sim->delay_s = delay_s;
    }
    pthread_mutex_unlock(&sim->lock);
    web_empty(res, 204);
    return OK;
}

static void count(buf_t *out, const char *before, uint64_t n)
{
    buf_cstr(out, before);
    buf_dec(out, (int64_t)n);
}

err_t sim_control_state(void *room, web_req_t *req, web_res_t *res)
{
    sim_t *sim = room;
    buf_t *out = web_json(res, 200);
    pthread_mutex_lock(&sim->lock);
    sim_counts_t c = sim->counts;
    uint64_t due = 0;
    for (size_t i = 0; i < SIM_HOOKS; i++) {
        due += sim->hooks[i].used && sim->hooks[i].due_us <= clock_wall_us();
    }
    pthread_mutex_unlock(&sim->lock);
    count(out, "{\"created\":", c.created);
    count(out, ",\"captured\":", c.captured);
    count(out, ",\"cancelled\":", c.cancelled);
    count(out, ",\"refunded\":", c.refunded);
    count(out, ",\"hooks_sent\":", c.hooks_sent);
    count(out, ",\"hooks_failed\":", c.hooks_failed);
    count(out, ",\"hooks_due\":", due);
    buf_u8(out, '}');
    return OK;
}
