/* Encoders, decoders and the blocking client of payd's door. */
#include "api.h"

#include "io/wire_client.h"

enum {
    LOOK_WAIT_MS = 3000,
    ORDER_WAIT_MS = 12000, /* a cancel waits for the provider */
    EVENT_BYTES = 8 + 3 * ID_BYTES + 1 + 8 + 3 + 8,
    DOUBT_BYTES = 2 * ID_BYTES + 4 * 8 + 2 + 32,
    PATH_CAP = 108
};

struct pay_client {
    wire_client_t wire;
    char path[PATH_CAP];
};

typedef struct state_row {
    const char *name;
    bool final;
} state_row_t;

#define PAY_STATE_ROW(name, number, final) [number] = {#name, (final)},
static const state_row_t STATES[] = {PAY_STATES(PAY_STATE_ROW)};

const char *pay_state_name(unsigned state)
{
    return state < BASE_COUNT(STATES) && STATES[state].name ? STATES[state].name : "?";
}

bool pay_state_final(unsigned state)
{
    return state < BASE_COUNT(STATES) && STATES[state].final;
}

static pay_state_t state_get(cursor_t *c)
{
    uint8_t state = cur_u8(c);
    if (state >= BASE_COUNT(STATES) || !STATES[state].name) {
        c->bad = true;
    }
    return (pay_state_t)state;
}

void pay_order_put(buf_t *b, const pay_order_t *o)
{
    buf_put(b, id_slice(&o->request));
    buf_put(b, id_slice(&o->booking));
    buf_i64(b, o->amount_minor);
    buf_put(b, slice_make(o->currency, 3));
    buf_u8(b, o->lang);
    buf_i64(b, o->expires_us);
    buf_str16(b, o->description);
    buf_str16(b, o->client_token);
    buf_str16(b, o->provider);
}

pay_order_t pay_order_get(cursor_t *c)
{
    pay_order_t o = {0};
    cur_copy(c, o.request.b, ID_BYTES);
    cur_copy(c, o.booking.b, ID_BYTES);
    o.amount_minor = cur_i64(c);
    cur_copy(c, o.currency, 3);
    o.lang = cur_u8(c);
    o.expires_us = cur_i64(c);
    o.description = cur_str16(c);
    o.client_token = cur_str16(c);
    o.provider = cur_str16(c);
    return o;
}

void pay_attempt_view_put(buf_t *b, const pay_attempt_view_t *v)
{
    buf_put(b, id_slice(&v->attempt));
    buf_put(b, id_slice(&v->booking));
    buf_u8(b, (uint8_t)v->state);
    buf_i64(b, v->amount_minor);
    buf_put(b, slice_make(v->currency, 3));
    buf_i64(b, v->changed_us);
}

pay_attempt_view_t pay_attempt_view_get(cursor_t *c)
{
    pay_attempt_view_t v = {0};
    cur_copy(c, v.attempt.b, ID_BYTES);
    cur_copy(c, v.booking.b, ID_BYTES);
    v.state = state_get(c);
    v.amount_minor = cur_i64(c);
    cur_copy(c, v.currency, 3);
    v.changed_us = cur_i64(c);
    return v;
}

void pay_event_put(buf_t *b, const pay_event_t *e)
{
    buf_u64(b, e->seq);
    buf_put(b, id_slice(&e->attempt));
    buf_put(b, id_slice(&e->booking));
    buf_put(b, id_slice(&e->request));
    buf_u8(b, (uint8_t)e->state);
    buf_i64(b, e->amount_minor);
    buf_put(b, slice_make(e->currency, 3));
    buf_i64(b, e->time_us);
}

pay_event_t pay_event_get(cursor_t *c)
{
    pay_event_t e = {.seq = cur_u64(c)};
    cur_copy(c, e.attempt.b, ID_BYTES);
    cur_copy(c, e.booking.b, ID_BYTES);
    cur_copy(c, e.request.b, ID_BYTES);
    e.state = state_get(c);
    e.amount_minor = cur_i64(c);
    cur_copy(c, e.currency, 3);
    e.time_us = cur_i64(c);
    return e;
}

void pay_doubt_put(buf_t *b, const pay_doubt_t *d)
{
    buf_put(b, id_slice(&d->attempt));
    buf_put(b, id_slice(&d->booking));
    buf_u64(b, d->notice);
    buf_i64(b, d->amount_minor);
    buf_i64(b, d->told_minor);
    buf_i64(b, d->time_us);
    buf_str16(b, slice_make(d->why, strnlen(d->why, sizeof d->why - 1)));
}

pay_doubt_t pay_doubt_get(cursor_t *c)
{
    pay_doubt_t d = {0};
    cur_copy(c, d.attempt.b, ID_BYTES);
    cur_copy(c, d.booking.b, ID_BYTES);
    d.notice = cur_u64(c);
    d.amount_minor = cur_i64(c);
    d.told_minor = cur_i64(c);
    d.time_us = cur_i64(c);
    slice_t why = cur_str16(c);
    if (why.len >= sizeof d.why || slice_find_byte(why, 0) != SIZE_MAX) {
        c->bad = true;
    } else if (why.len) {
        memcpy(d.why, why.ptr, why.len);
    }
    return d;
}

/* ---- client ---- */

err_t pay_client_new(const char *path, unsigned self_room, pay_client_t **ret_client)
{
    pay_client_t *c = calloc(1, sizeof *c);
    ENSURE(c, ERR_MEMORY);
    int n = snprintf(c->path, sizeof c->path, "%s", path);
    if (n < 0 || (size_t)n >= sizeof c->path) {
        free(c);
        return FAIL(ERR_LIMIT);
    }
    wire_client_init(&c->wire, &(wire_client_conf_t){.path = {c->path},
                                                     .self = (room_id_t)self_room,
                                                     .peer = ROOM_PAY,
                                                     .api_version = PAY_API_VERSION,
                                                     .max_conns = 24});
    *ret_client = c;
    return OK;
}

void pay_client_free(pay_client_t *c)
{
    if (c) {
        wire_client_deinit(&c->wire);
        free(c);
    }
}

err_t pay_create(pay_client_t *c, arena_t *a, const pay_order_t *order, id128_t *ret_attempt,
                 slice_t *ret_url)
{
    uint8_t out[1024], in[PAY_URL_MAX + 512];
    buf_t request = BUF_ON_ARRAY(out), answer = BUF_ON_ARRAY(in);
    cursor_t body;
    id128_t attempt;
    wire_begin(&request, PAY_CREATE);
    pay_order_put(&request, order);
    TRY(buf_check(&request));
    TRY(wire_client_ask(&c->wire, buf_slice(&request), PAY_CREATE_WAIT_MS, &answer, PAY_CREATED_OK,
                        &body));
    cur_copy(&body, attempt.b, ID_BYTES);
    slice_t url = cur_str16(&body);
    WIRE_CLIENT_END(&body);
    TRY(arena_copy(a, url, ret_url));
    *ret_attempt = attempt;
    return OK;
}

static err_t look(pay_client_t *c, const buf_t *request, pay_attempt_view_t *ret_view)
{
    uint8_t in[512];
    buf_t answer = BUF_ON_ARRAY(in);
    cursor_t body;
    TRY(buf_check(request));
    TRY(wire_client_ask(&c->wire, buf_slice(request), LOOK_WAIT_MS, &answer, PAY_ATTEMPT_IS,
                        &body));
    pay_attempt_view_t v = pay_attempt_view_get(&body);
    WIRE_CLIENT_END(&body);
    *ret_view = v;
    return OK;
}

err_t pay_look(pay_client_t *c, id128_t attempt, pay_attempt_view_t *ret_view)
{
    uint8_t out[64];
    buf_t request = BUF_ON_ARRAY(out);
    wire_begin(&request, PAY_LOOK);
    buf_put(&request, id_slice(&attempt));
    return look(c, &request, ret_view);
}

err_t pay_look_token(pay_client_t *c, slice_t token, pay_attempt_view_t *ret_view)
{
    uint8_t out[PAY_TOKEN_MAX + 16];
    buf_t request = BUF_ON_ARRAY(out);
    ENSURE(token.len <= PAY_TOKEN_MAX, ERR_DENIED);
    wire_begin(&request, PAY_LOOK_TOKEN);
    buf_str16(&request, token);
    return look(c, &request, ret_view);
}

static err_t order_done(pay_client_t *c, const buf_t *request)
{
    uint8_t in[512];
    buf_t answer = BUF_ON_ARRAY(in);
    cursor_t body;
    TRY(buf_check(request));
    TRY(wire_client_ask(&c->wire, buf_slice(request), ORDER_WAIT_MS, &answer, PAY_DONE, &body));
    WIRE_CLIENT_END(&body);
    return OK;
}

err_t pay_refund(pay_client_t *c, id128_t request, id128_t attempt, int64_t amount_minor,
                 slice_t reason)
{
    uint8_t out[512];
    buf_t b = BUF_ON_ARRAY(out);
    wire_begin(&b, PAY_REFUND_ORDER);
    buf_put(&b, id_slice(&request));
    buf_put(&b, id_slice(&attempt));
    buf_i64(&b, amount_minor);
    buf_str16(&b, slice_sub(reason, 0, PAY_TEXT_MAX));
    return order_done(c, &b);
}

err_t pay_cancel(pay_client_t *c, id128_t request, id128_t attempt, slice_t reason)
{
    uint8_t out[512];
    buf_t b = BUF_ON_ARRAY(out);
    wire_begin(&b, PAY_CANCEL_ORDER);
    buf_put(&b, id_slice(&request));
    buf_put(&b, id_slice(&attempt));
    buf_str16(&b, slice_sub(reason, 0, PAY_TEXT_MAX));
    return order_done(c, &b);
}

err_t pay_events(pay_client_t *c, uint64_t after_seq, uint32_t wait_ms, pay_event_t *ret_events,
                 size_t cap, size_t *ret_n)
{
    uint8_t out[32], in[PAY_EVENTS_MAX * EVENT_BYTES + 512];
    buf_t request = BUF_ON_ARRAY(out), answer = BUF_ON_ARRAY(in);
    cursor_t body;
    size_t want = cap < PAY_EVENTS_MAX ? cap : PAY_EVENTS_MAX;
    wire_begin(&request, PAY_EVENTS);
    buf_u64(&request, after_seq);
    buf_u32(&request, (uint32_t)want);
    buf_u32(&request, wait_ms);
    TRY(wire_client_ask(&c->wire, buf_slice(&request), (int64_t)wait_ms + LOOK_WAIT_MS, &answer,
                        PAY_EVENT_LIST, &body));
    size_t n = cur_u16(&body);
    CHECK(n <= want);
    for (size_t i = 0; i < n; i++) {
        ret_events[i] = pay_event_get(&body);
    }
    WIRE_CLIENT_END(&body);
    *ret_n = n;
    return OK;
}

err_t pay_open(pay_client_t *c, bool *ret_open, char ret_reason[32])
{
    uint8_t out[16], in[512];
    buf_t request = BUF_ON_ARRAY(out), answer = BUF_ON_ARRAY(in);
    cursor_t body;
    wire_begin(&request, PAY_OPEN);
    TRY(wire_client_ask(&c->wire, buf_slice(&request), LOOK_WAIT_MS, &answer, PAY_OPEN_IS, &body));
    bool open = cur_bool(&body);
    slice_t reason = cur_str16(&body);
    WIRE_CLIENT_END(&body);
    CHECK(reason.len < 32);
    memset(ret_reason, 0, 32);
    if (reason.len) {
        memcpy(ret_reason, reason.ptr, reason.len);
    }
    *ret_open = open;
    return OK;
}

err_t pay_doubts(pay_client_t *c, pay_doubt_t *ret_doubts, size_t cap, size_t *ret_n)
{
    uint8_t out[16], in[PAY_DOUBTS_MAX * DOUBT_BYTES + 512];
    buf_t request = BUF_ON_ARRAY(out), answer = BUF_ON_ARRAY(in);
    cursor_t body;
    wire_begin(&request, PAY_DOUBTS);
    TRY(wire_client_ask(&c->wire, buf_slice(&request), LOOK_WAIT_MS, &answer, PAY_DOUBT_LIST,
                        &body));
    size_t n = cur_u16(&body);
    CHECK(n <= PAY_DOUBTS_MAX);
    for (size_t i = 0; i < n; i++) {
        pay_doubt_t d = pay_doubt_get(&body);
        if (i < cap) {
            ret_doubts[i] = d;
        }
    }
    WIRE_CLIENT_END(&body);
    *ret_n = n < cap ? n : cap;
    return OK;
}

err_t pay_settle(pay_client_t *c, id128_t request, id128_t attempt, uint64_t notice,
                 pay_verdict_t verdict, slice_t reason)
{
    uint8_t out[512];
    buf_t b = BUF_ON_ARRAY(out);
    wire_begin(&b, PAY_SETTLE);
    buf_put(&b, id_slice(&request));
    buf_put(&b, id_slice(&attempt));
    buf_u64(&b, notice);
    buf_u8(&b, (uint8_t)verdict);
    buf_str16(&b, slice_sub(reason, 0, PAY_TEXT_MAX));
    return order_done(c, &b);
}

err_t pay_forget(pay_client_t *c, id128_t booking)
{
    uint8_t out[64];
    buf_t b = BUF_ON_ARRAY(out);
    wire_begin(&b, PAY_FORGET);
    buf_put(&b, id_slice(&booking));
    return order_done(c, &b);
}
