/* A request's walk without a server: memory that fails, bodies that come late or without end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_room.h"
#include "web/priv.h"

static test_room_t room = {.lock = PTHREAD_MUTEX_INITIALIZER, .custom_errors = true};
static web_app_t *app;

static int start(void **state)
{
    web_config_t config = test_room_config(&room, -1);
    return err_failed(web_app_make(&config, &app));
}

static int stop(void **state)
{
    web_app_stop(app, 0);
    return 0;
}

static const web_pair_t FORM[] = {
    {{(const uint8_t *)"Host", 4}, {(const uint8_t *)"shop.localhost", 14}},
    {{(const uint8_t *)"Content-Type", 12},
     {(const uint8_t *)"application/x-www-form-urlencoded", 33}},
    {{(const uint8_t *)"Cookie", 6}, {(const uint8_t *)"lang=en", 7}},
};

/* Whatever allocation fails, an answer goes out, and the handler sees the whole or nothing. */
static void test_every_allocation(void **state)
{
    int good = 0, refused = 0;
    for (int64_t nth = 0; nth < 60; nth++) {
        web_turn_t *turn = web_turn_new(app, SLICE("/back/abc?q=%41"));
        assert_non_null(turn);
        turn->arena.fail_after = nth;
        unsigned before = room.handled;
        web_turn_begin(turn, SLICE("POST"), FORM, BASE_COUNT(FORM), 9);
        assert_true(web_turn_body(turn, SLICE("name=%E6%")));
        web_turn_finish(turn);
        assert_true(turn->res.is_set && turn->res.body.len > 0);
        /* with memory: the form is malformed */
        assert_true(turn->res.status == 400 || turn->res.status == 500 || turn->res.status == 431 ||
                    turn->res.status == 413);
        assert_int_equal(room.handled, before);
        good += turn->res.status == 400;
        refused += turn->res.status != 400;
        web_turn_free(turn);
    }
    assert_true(good > 0 && refused > 0);
    assert_int_equal(web_app_running(app), 0);
}

static web_turn_t *begin(const char *target, int64_t length, bool *ret_go_on)
{
    web_turn_t *turn = web_turn_new(app, slice_cstr_in(target));
    assert_non_null(turn);
    *ret_go_on = web_turn_begin(turn, SLICE("POST"), FORM, BASE_COUNT(FORM), length);
    return turn;
}

static void test_bodies(void **state)
{
    static const uint8_t piece[64 * 1024] = {'a'};
    slice_t part = slice_make(piece, sizeof piece);
    bool go_on;
    /* late */
    web_turn_t *turn = begin("/back/abc", 100, &go_on);
    assert_true(go_on && web_turn_body(turn, SLICE("a=1")));
    turn->started_us -= INT64_C(31000000);
    assert_false(web_turn_body(turn, SLICE("&b=2")));
    web_turn_free(turn);
    /* without end: swallowed for a while, then cut off */
    turn = begin("/back/abc", -1, &go_on);
    int pieces = 0;
    while (web_turn_body(turn, part)) {
        assert_true(++pieces < 200);
    }
    assert_true(pieces >= 16);
    web_turn_finish(turn);
    assert_int_equal(turn->res.status, 413);
    web_turn_free(turn);
    /* said to be far too long: not even read */
    turn = begin("/back/abc", INT64_MAX, &go_on);
    assert_false(go_on);
    web_turn_finish(turn);
    assert_int_equal(turn->res.status, 413);
    web_turn_free(turn);
    /* longer than it said */
    turn = begin("/back/abc", 3, &go_on);
    assert_true(go_on && web_turn_body(turn, SLICE("a=1&b=2")));
    web_turn_finish(turn);
    assert_int_equal(turn->res.status, 413);
    web_turn_free(turn);
}

static void test_reveal_mark(void **state)
{
    bool go_on;
    web_turn_t *turn = begin("/back/abc", 0, &go_on);
    for (size_t i = 0; i < TEST_ROUTES_N; i++) {
        turn->req.route = &TEST_ROUTES[i];
        assert_int_equal(err_failed(web_req_may_reveal(&turn->req)),
                         !(TEST_ROUTES[i].flags & WEB_REVEALS));
    }
    turn->req.route = NULL;
    assert_true(err_is(web_req_may_reveal(&turn->req), ERR_DENIED));
    web_turn_free(turn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_reveal_mark),
    };
    return cmocka_run_group_tests_name("serve", tests, start, stop);
}
