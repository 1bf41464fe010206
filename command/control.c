#include "control.h"

enum { CONTROL_WAIT_MS = 2000 };

const char *process_state_name(process_state_t state)
{
    static const char *const NAMES[] = {"down", "starting", "ready", "waiting"};
    return (unsigned)state < BASE_COUNT(NAMES) ? NAMES[state] : "unknown";
}

void control_status_put(buf_t *b, const control_status_t *s)
{
    wire_begin(b, CONTROL_STATUS_IS);
    buf_u8(b, (uint8_t)s->profile);
    buf_u8(b, s->separated);
    buf_u16(b, s->port);
    buf_u16(b, (uint16_t)s->n);
    for (size_t i = 0; i < s->n; i++) {
        const control_row_t *row = &s->rows[i];
        buf_str16(b, slice_cstr_in(row->name));
        buf_u8(b, (uint8_t)row->state);
        buf_u32(b, (uint32_t)row->pid);
        buf_u32(b, row->restarts);
        buf_i64(b, row->since_us);
    }
}

err_t control_status_get(cursor_t *c, control_status_t *ret_status)
{
    control_status_t s = {.profile = (profile_t)cur_u8(c)};
    s.separated = cur_bool(c);
    s.port = cur_u16(c);
    s.n = cur_u16(c);
    ENSURE(s.n <= CONTROL_PROCESSES && s.profile <= PROFILE_PRODUCTION, ERR_SYNTAX);
    for (size_t i = 0; i < s.n; i++) {
        control_row_t *row = &s.rows[i];
        slice_t name = cur_str16(c);
        ENSURE(name.len < sizeof row->name, ERR_SYNTAX);
        if (name.len) {
            memcpy(row->name, name.ptr, name.len);
        }
        row->state = (process_state_t)cur_u8(c);
        row->pid = (int32_t)cur_u32(c);
        row->restarts = cur_u32(c);
        row->since_us = cur_i64(c);
    }
    TRY(cur_end(c));
    *ret_status = s;
    return OK;
}

static err_t ask(house_t *h, const buf_t *request, uint16_t want, buf_t *mem, cursor_t *ret_body)
{
    wire_client_t client;
    wire_client_conf_t conf = {.path = house_path(h, h->var, "run", "control.sock", NULL),
                               .self = ROOM_COMMAND,
                               .peer = ROOM_COMMAND,
                               .api_version = CONTROL_VERSION,
                               .max_conns = 1};
    TRY(buf_check(request));
    wire_client_init(&client, &conf);
    err_t e = wire_client_ask(&client, buf_slice(request), CONTROL_WAIT_MS, mem, want, ret_body);
    wire_client_deinit(&client);
    return e;
}

err_t control_status(house_t *h, control_status_t *ret_status)
{
    uint8_t out[16], in[4096];
    buf_t request = BUF_ON_ARRAY(out), answer = BUF_ON_ARRAY(in);
    cursor_t body;
    wire_begin(&request, CONTROL_STATUS);
    TRY(ask(h, &request, CONTROL_STATUS_IS, &answer, &body));
    return control_status_get(&body, ret_status);
}

err_t control_stop(house_t *h)
{
    uint8_t out[16], in[256];
    buf_t request = BUF_ON_ARRAY(out), answer = BUF_ON_ARRAY(in);
    cursor_t body;
    wire_begin(&request, CONTROL_STOP);
    return ask(h, &request, WIRE_DONE, &answer, &body);
}

err_t control_clock(house_t *h, int64_t add_us, int64_t *ret_offset_us)
{
    uint8_t out[32], in[256];
    buf_t request = BUF_ON_ARRAY(out), answer = BUF_ON_ARRAY(in);
    cursor_t body;
    wire_begin(&request, CONTROL_CLOCK);
    buf_i64(&request, add_us);
    TRY(ask(h, &request, CONTROL_CLOCK_IS, &answer, &body));
    *ret_offset_us = cur_i64(&body);
    return cur_end(&body);
}

err_t control_kill(house_t *h, const char *process, int signal_number)
{
    uint8_t out[64], in[256];
    buf_t request = BUF_ON_ARRAY(out), answer = BUF_ON_ARRAY(in);
    cursor_t body;
    wire_begin(&request, CONTROL_KILL);
    buf_u8(&request, (uint8_t)signal_number);
    buf_str16(&request, slice_cstr_in(process));
    return ask(h, &request, WIRE_DONE, &answer, &body);
}
