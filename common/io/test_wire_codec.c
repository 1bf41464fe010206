/* The wire's encoders and decoders, and the table of rooms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/wire.h"

#define must(expr) assert_string_equal(err_name((expr).code), "NONE")
#define must_fail(expr, want) assert_string_equal(err_name((expr).code), err_name(want))

static void test_encoders(void **state)
{
    (void)state;
    uint8_t mem[8192];
    buf_t b = BUF_ON_ARRAY(mem);
    uint16_t kind, version;
    cursor_t body;
    room_id_t room;
    slice_t text;
    health_t h = {0}, again;
    wire_put_hello(&b, ROOM_SHOP, 7);
    assert_true(slice_eq(buf_slice(&b), slice_make("\1\0\1\0\2\0\7\0", 8)));
    must(wire_open(buf_slice(&b), &kind, &body));
    must(wire_get_hello(&body, &room, &version));
    assert_int_equal(kind, WIRE_HELLO);
    assert_int_equal(room, ROOM_SHOP);
    assert_int_equal(version, 7);
    buf_reset(&b);
    wire_put_error(&b, FAIL(ERR_FULL), NULL);
    must(wire_open(buf_slice(&b), &kind, &body));
    err_t e = wire_get_error(&body, &text);
    assert_int_equal(e.code, ERR_FULL);
    assert_true(wire_err_is_peers(e));
    assert_false(wire_err_is_peers(FAIL(ERR_FULL)));
    assert_true(slice_eq(text, slice_cstr_in(err_text(ERR_FULL))));
    for (int i = 0; i < HEALTH_ROWS + 3; i++) {
        health_add(&h, i == 17 ? HEALTH_DOWN : HEALTH_OK, "a name longer than thirty-two bytes is",
                   "%0300d", i);
    }
    assert_int_equal(h.state, HEALTH_DOWN);
    buf_reset(&b);
    wire_put_health(&b, &h);
    must(buf_check(&b));
    must(wire_open(buf_slice(&b), &kind, &body));
    must(wire_get_health(&body, &again));
    assert_memory_equal(&h, &again, sizeof h);
}

/* Every cut and every surplus byte of a good message is refused. */
static void test_cut_and_surplus(void **state)
{
    (void)state;
    uint8_t mem[512];
    buf_t b = BUF_ON_ARRAY(mem);
    health_t h = {0};
    uint16_t kind;
    cursor_t body;
    health_add(&h, HEALTH_OK, "disk", "fine");
    wire_put_health(&b, &h);
    for (size_t len = 0; len <= b.len + 1; len++) {
        bool opens = !err_failed(wire_open(slice_make(mem, len), &kind, &body));
        bool reads = opens && !err_failed(wire_get_health(&body, &h));
        assert_int_equal(reads, len == b.len);
    }
    mem[0] = 2;
    must_fail(wire_open(buf_slice(&b), &kind, &body), ERR_VERSION);
}

static void test_room_table(void **state)
{
    (void)state;
    assert_true(room_callers(ROOM_LEDGER) & ROOM_BIT(ROOM_GUARD));
    assert_true(room_callers(ROOM_VAULT) & ROOM_BIT(ROOM_COMMAND));
    assert_false(room_callers(ROOM_VAULT) & ROOM_BIT(ROOM_GUARD));
    assert_false(room_callers(ROOM_VAULT) & ROOM_BIT(ROOM_TEST));
    assert_int_equal(room_callers(ROOM_GUARD), 0);
    for (unsigned i = ROOM_NONE + 1; i < ROOM_COUNT; i++) { /* no circle of two */
        for (unsigned j = ROOM_NONE + 1; j < ROOM_COUNT; j++) {
            assert_false((room_may_call((room_id_t)i) & ROOM_BIT(j)) &&
                         (room_may_call((room_id_t)j) & ROOM_BIT(i)));
        }
        assert_int_equal(room_by_name(slice_cstr_in(room_name((room_id_t)i))), i);
    }
    assert_int_equal(room_by_name(SLICE("x")), ROOM_NONE);
    assert_string_equal(room_name((room_id_t)99), "none");
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_encoders),
        cmocka_unit_test(test_cut_and_surplus),
        cmocka_unit_test(test_room_table),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
