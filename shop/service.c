/* Answers of the wire. */
#include "service.h"
#include "api.h"
#include "booking.h"
#include "forget.h"
#include "health.h"
#include "house.h"

enum { ARENA_BYTES = 64 * 1024, FORGET_ARENA_BYTES = 1024 * 1024, FIND_WAIT_MS = 200 };

static err_t find(service_t *s, slice_t number, booking_t *ret_booking)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, ARENA_BYTES);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(s->shop->db, FIND_WAIT_MS, &lease));
    err_t e = booking_by_number(lease.db, &a, number, ret_booking);
    return err_is(e, ERR_SYNTAX) ? FAIL(ERR_NOT_FOUND) : e;
}

static err_t on_find(service_t *s, wire_conn_t from, bool person, cursor_t *body)
{
    booking_t b;
    uint8_t mem[128];
    buf_t out = BUF_ON_ARRAY(mem);
    slice_t number = cur_str16(body);
    TRY(cur_end(body));
    TRY(find(s, number, &b));
    ENSURE(!person || !id_is_zero(b.subject), ERR_NOT_FOUND);
    wire_begin(&out, person ? SHOP_PERSON_IS : SHOP_BOOKING_IS);
    buf_put(&out, id_slice(person ? &b.subject : &b.id));
    if (!person) {
        buf_str16(&out, slice_cstr_in(booking_state_code(b.state)));
    }
    TRY(buf_check(&out));
    wire_reply(s->wire, from, buf_slice(&out));
    return OK;
}

/* Rare, and the command's alone: it may keep the loop for the time of one commit. */
static err_t on_forget(service_t *s, wire_conn_t from, cursor_t *body)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    id128_t request, subject, bookings[SHOP_FORGET_MAX];
    uint8_t mem[64 + sizeof bookings];
    buf_t out = BUF_ON_ARRAY(mem);
    size_t n = 0;
    arena_init(&a, FORGET_ARENA_BYTES);
    cur_copy(body, request.b, ID_BYTES);
    cur_copy(body, subject.b, ID_BYTES);
    TRY(cur_end(body));
    room_id_t peer = wire_peer(s->wire, from);
    ENSURE(peer == ROOM_COMMAND || peer == ROOM_TEST, ERR_DENIED);
    TRY(forget_person(s->shop, &a, request, subject, bookings, SHOP_FORGET_MAX, &n));
    wire_begin(&out, SHOP_FORGOTTEN);
    buf_u16(&out, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        buf_put(&out, id_slice(&bookings[i]));
    }
    TRY(buf_check(&out));
    wire_reply(s->wire, from, buf_slice(&out));
    return OK;
}

static err_t on_message(void *ctx, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    service_t *s = ctx;
    switch (kind) {
    case SHOP_FIND_BOOKING:
    case SHOP_FIND_PERSON:
        return on_find(s, from, kind == SHOP_FIND_PERSON, body);
    case SHOP_FORGET:
        return on_forget(s, from, body);
    default:
        return FAIL(ERR_SYNTAX);
    }
}

static void on_metrics(void *ctx, buf_t *out)
{
    house_metrics(((service_t *)ctx)->shop, out);
}

static void on_health(void *ctx, health_t *out)
{
    health_rows(((service_t *)ctx)->shop, out);
}

const wire_events_t SERVICE_EVENTS = {
    .on_message = on_message, .on_metrics = on_metrics, .on_health = on_health};
