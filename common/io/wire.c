#include <stdarg.h>

#include "io/wire.h"

static const char PEER[] = "peer";

void wire_begin(buf_t *b, uint16_t kind)
{
    buf_u16(b, WIRE_VERSION);
    buf_u16(b, kind);
}

err_t wire_open(slice_t message, uint16_t *ret_kind, cursor_t *ret_body)
{
    ENSURE(message.len >= WIRE_HEAD_BYTES, ERR_SYNTAX);
    ENSURE(message.len <= WIRE_MAX_BYTES, ERR_LIMIT);
    cursor_t c = cur_on(message);
    ENSURE(cur_u16(&c) == WIRE_VERSION, ERR_VERSION);
    *ret_kind = cur_u16(&c);
    *ret_body = c;
    return OK;
}

static void put_hello(buf_t *b, uint16_t kind, room_id_t self, uint16_t api_version)
{
    wire_begin(b, kind);
    buf_u16(b, (uint16_t)self);
    buf_u16(b, api_version);
}

void wire_put_hello(buf_t *b, room_id_t self, uint16_t api_version)
{
    put_hello(b, WIRE_HELLO, self, api_version);
}

void wire_put_hello_ok(buf_t *b, room_id_t self, uint16_t api_version)
{
    put_hello(b, WIRE_HELLO_OK, self, api_version);
}

err_t wire_get_hello(cursor_t *body, room_id_t *ret_room, uint16_t *ret_api_version)
{
    uint16_t room = cur_u16(body);
    uint16_t api_version = cur_u16(body);
    TRY(cur_end(body));
    ENSURE(room > ROOM_NONE && room < ROOM_COUNT, ERR_DENIED);
    *ret_room = (room_id_t)room;
    *ret_api_version = api_version;
    return OK;
}

err_t wire_check_hello_ok(slice_t message, room_id_t server, uint16_t api_version)
{
    uint16_t kind, version;
    cursor_t body;
    room_id_t room;
    TRY(wire_open(message, &kind, &body));
    if (kind == WIRE_ERROR) {
        return wire_get_error(&body, NULL);
    }
    ENSURE(kind == WIRE_HELLO_OK, ERR_VERSION);
    TRY(wire_get_hello(&body, &room, &version));
    ENSURE(room == server && version == api_version, ERR_VERSION);
    return OK;
}

void wire_put_error(buf_t *b, err_t e, const char *text)
{
    wire_begin(b, WIRE_ERROR);
    buf_u16(b, e.code);
    buf_str16(b, slice_sub(slice_cstr_in(text ? text : err_text(e.code)), 0, WIRE_TEXT_MAX));
}

err_t wire_get_error(cursor_t *body, slice_t *ret_text)
{
    uint16_t code = cur_u16(body);
    slice_t text = cur_str16(body);
    TRY(cur_end(body));
    ENSURE(code != ERR_NONE && text.len <= WIRE_TEXT_MAX, ERR_SYNTAX);
    if (ret_text) {
        *ret_text = text;
    }
    return (err_t){code, 0, 0, PEER};
}

bool wire_err_is_peers(err_t e)
{
    return e.where == PEER;
}

static void copy_text(char *out, size_t cap, slice_t text)
{
    slice_t cut = slice_sub(text, 0, cap - 1);
    memset(out, 0, cap);
    if (cut.len) {
        memcpy(out, cut.ptr, cut.len);
    }
}

void health_add(health_t *h, health_state_t state, const char *name, const char *fmt, ...)
{
    if (state > h->state) {
        h->state = state;
    }
    if (h->count == HEALTH_ROWS) {
        return;
    }
    struct health_row *row = &h->rows[h->count++];
    row->state = state;
    copy_text(row->name, sizeof row->name, slice_cstr_in(name));
    va_list args;
    va_start(args, fmt);
    vsnprintf(row->text, sizeof row->text, fmt, args);
    va_end(args);
}

const char *health_state_name(health_state_t state)
{
    static const char *const NAMES[] = {"ok", "degraded", "down"};
    return (unsigned)state < BASE_COUNT(NAMES) ? NAMES[state] : "down";
}

void wire_put_health(buf_t *b, const health_t *h)
{
    wire_begin(b, WIRE_HEALTH_OK);
    buf_u8(b, (uint8_t)h->state);
    buf_u8(b, (uint8_t)h->count);
    for (unsigned i = 0; i < h->count; i++) {
        buf_u8(b, (uint8_t)h->rows[i].state);
        buf_str16(b, slice_cstr_in(h->rows[i].name));
        buf_str16(b, slice_cstr_in(h->rows[i].text));
    }
}

static bool get_state(cursor_t *body, health_state_t *ret_state)
{
    uint8_t state = cur_u8(body);
    *ret_state = (health_state_t)state;
    return state <= HEALTH_DOWN;
}

err_t wire_get_health(cursor_t *body, health_t *ret_health)
{
    health_t h = {0};
    ENSURE(get_state(body, &h.state), ERR_SYNTAX);
    h.count = cur_u8(body);
    ENSURE(h.count <= HEALTH_ROWS, ERR_SYNTAX);
    for (unsigned i = 0; i < h.count; i++) {
        struct health_row *row = &h.rows[i];
        ENSURE(get_state(body, &row->state), ERR_SYNTAX);
        slice_t name = cur_str16(body);
        slice_t text = cur_str16(body);
        ENSURE(name.len < HEALTH_NAME && text.len < HEALTH_TEXT, ERR_SYNTAX);
        copy_text(row->name, sizeof row->name, name);
        copy_text(row->text, sizeof row->text, text);
    }
    TRY(cur_end(body));
    *ret_health = h;
    return OK;
}

void metrics_put(buf_t *b, const char *name, int64_t value)
{
    buf_cstr(b, name);
    buf_u8(b, ' ');
    buf_dec(b, value);
    buf_u8(b, '\n');
}
