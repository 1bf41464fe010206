/* The truth table: every scenario of the stand-in, with each provider, in several orders of events,
 * must end in one right state. Real payd, paysim and ledgerd. */
#include "test_house.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static test_house_t house;
static arena_t arena;

static int up(void **state)
{
    arena_init(&arena, 16 * 1024 * 1024);
    house.separated = geteuid() == 0;
    test_house_up(&house);
    test_house_pay_up(&house);
    return 0;
}

static int down(void **state)
{
    int status = test_house_down(&house);
    arena_deinit(&arena);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

enum { WIRES = 3, DOUBT = 100 /* alarm, waits for a person; never captured */ };
static const char *const NAMES[WIRES] = {"komoju", "stripe", "sbps"};

/* What is true in the end. `once`: its notifications are an attack's and are not sent again, so the
 * orders that lose them are another story. */
typedef struct row {
    const char *scenario;
    int want[WIRES];
    bool once;
} row_t;

/* SBPS cannot be asked before a notification brought its number: what nobody told stands in the
 * settlement file (test_settle). */
static const row_t ROWS[] = {
    {"success", {PAY_CAPTURED, PAY_CAPTURED, PAY_CAPTURED}, false},
    {"decline", {PAY_DECLINED, PAY_EXPIRED, PAY_EXPIRED}, false}, /* a declined page ends as well */
    {"challenge", {PAY_EXPIRED, PAY_EXPIRED, PAY_EXPIRED}, false}, /* left there */
    {"abandon", {PAY_ABANDONED, PAY_EXPIRED, PAY_EXPIRED}, false},
    {"leave", {PAY_EXPIRED, PAY_EXPIRED, PAY_EXPIRED}, false},
    {"delayed", {PAY_CAPTURED, PAY_CAPTURED, PAY_CAPTURED}, false},
    {"duplicate", {PAY_CAPTURED, PAY_CAPTURED, PAY_CAPTURED}, false},
    {"webhook_only", {PAY_CAPTURED, PAY_CAPTURED, PAY_CAPTURED}, false},
    {"no_webhook", {PAY_CAPTURED, PAY_CAPTURED, PAY_EXPIRED}, false},
    {"out_of_order", {PAY_REFUNDED, PAY_REFUNDED, PAY_REFUNDED}, false},
    {"chargeback", {PAY_CAPTURED, PAY_CAPTURED, PAY_CAPTURED}, false},
    {"refund_fails", {PAY_CAPTURED, PAY_CAPTURED, PAY_CAPTURED}, false},
    {"extra_v1", {PAY_CAPTURED, PAY_CAPTURED, PAY_CAPTURED}, false},
    {"wrong_total", {DOUBT, DOUBT, DOUBT}, false},
    {"wrong_amount", {DOUBT, DOUBT, DOUBT}, true}, /* a query that is first says otherwise */
    {"wrong_currency", {DOUBT, DOUBT, DOUBT}, true},
    {"wrong_order", {PAY_CAPTURED, PAY_CAPTURED, PAY_EXPIRED}, false},
    {"wrong_merchant", {DOUBT, PAY_CAPTURED, PAY_EXPIRED}, true},
    {"forged", {PAY_EXPIRED, PAY_EXPIRED, PAY_EXPIRED}, true},
    {"stale", {PAY_EXPIRED, PAY_EXPIRED, PAY_EXPIRED}, true},
    {"old_key", {PAY_CAPTURED, PAY_CAPTURED, PAY_EXPIRED}, true},
    {"shift", {PAY_EXPIRED, PAY_EXPIRED, DOUBT}, true},
};
enum { CASES = BASE_COUNT(ROWS) * WIRES };

typedef struct buy {
    id128_t booking, attempt;
    slice_t url;
    char path[PAY_URL_MAX + 1];
    char token[ID_TEXT];
} buy_t;

static err_t try_begin(buy_t *b, const char *provider)
{
    pay_order_t o = {.request = id_new(),
                     .booking = b->booking,
                     .amount_minor = 12000,
                     .currency = {'J', 'P', 'Y'},
                     .expires_us = clock_wall_us() + 1700 * CLOCK_SECOND_US,
                     .description = SLICE("SK-1 花見の旅 🌸"),
                     .provider = slice_cstr_in(provider),
                     .client_token = slice_make(b->token, ID_TEXT)};
    return pay_create(house.pay, &arena, &o, &b->attempt, &b->url);
}

static buy_t begin(const char *provider)
{
    buy_t b = {.booking = id_new()};
    random_letters(b.token, ID_TEXT);
    assert_ok(try_begin(&b, provider));
    assert_int_equal(test_psp_page(&house, b.url, b.path), 303);
    return b;
}

static void act(const buy_t *b, const char *scenario)
{
    char json[64];
    snprintf(json, sizeof json, "{\"next\":\"%s\"}", scenario);
    test_psp_control(&house, json);
    char *answer = test_http(house.psp_port, "GET", b->path, "", SLICE_EMPTY);
    assert_non_null(strstr(answer, " 303 "));
    free(answer);
}

static pay_state_t state_of(id128_t attempt)
{
    pay_attempt_view_t v;
    assert_ok(pay_look(house.pay, attempt, &v));
    return v.state;
}

/* How often the shop was told of this state of an attempt. */
static size_t told(id128_t attempt, pay_state_t state)
{
    pay_event_t e[PAY_EVENTS_MAX];
    uint64_t after = 0;
    size_t n, found = 0;
    do {
        assert_ok(pay_events(house.pay, after, 0, e, PAY_EVENTS_MAX, &n));
        for (size_t i = 0; i < n; i++) {
            after = e[i].seq;
            found += id_eq(e[i].attempt, attempt) && e[i].state == state;
        }
    } while (n);
    return found;
}

static bool is_right(const buy_t *b, int want)
{
    pay_state_t state = state_of(b->attempt);
    if (want == DOUBT) {
        return state != PAY_CAPTURED && state != PAY_REFUNDED &&
               test_records(&house, b->attempt, LEDGER_PAY_QUARANTINE, NULL) > 0;
    }
    return (int)state == want;
}

/* ---- orders of events ---- */

typedef enum order {
    PLAIN,
    LOOKS_FIRST, /* notifications come when the provider was asked already */
    KILLED,      /* payd is killed just after the customer acted */
    SENT_AGAIN,  /* the customer's form comes once more afterwards */
    ORDERS
} order_t;
static const char *const ORDER_NAMES[ORDERS] = {"plain", "looks first", "killed", "sent again"};

static bool plays(const row_t *row, order_t order)
{
    bool loses = order == LOOKS_FIRST || order == KILLED;
    return !(row->once && loses);
}

static void disturb(order_t order, buy_t *all)
{
    if (order == LOOKS_FIRST) {
        for (int i = 0; i < 4; i++) {
            test_house_step(&house, 31);
            usleep(400000);
        }
        __atomic_store_n(&house.relay_off, false, __ATOMIC_SEQ_CST);
    }
    if (order == KILLED) {
        test_house_payd_again(&house, SIGKILL);
    }
    for (size_t i = 0; order == SENT_AGAIN && i < CASES; i++) {
        buy_t again = all[i];
        err_ignore(try_begin(&again, NAMES[i % WIRES])); /* its own page, or CONFLICT */
        assert_true(id_eq(again.attempt, all[i].attempt));
    }
}

/* Everything comes to rest: retries, looks, the end of the pages. */
static void rest(void)
{
    static const int64_t STEPS[] = {16, 31, 61, 121, 301, 301, 301, 301, 301, 301, 601, 3601};
    for (size_t i = 0; i < BASE_COUNT(STEPS); i++) {
        test_house_step(&house, STEPS[i]);
        usleep(150000);
    }
}

/* A person's verdict on doubt: give back. The sum is back, and the shop never heard "captured". */
static void give_back(const buy_t *b, bool was_paid)
{
    assert_ok(pay_settle(house.pay, id_new(), b->attempt, 0, PAY_RETURN, SLICE("two stories")));
    if (was_paid) {
        WAIT_UNTIL(state_of(b->attempt) == PAY_REFUNDED);
    }
    assert_int_equal(told(b->attempt, PAY_CAPTURED), 0);
}

static void ends_right(const row_t *row, size_t wire, const buy_t *b, order_t order)
{
    int want = row->want[wire];
    int64_t until = clock_wait_us() + (int64_t)HOUSE_WAIT_MS * 2000;
    for (int i = 1; !is_right(b, want) && clock_wait_us() < until; i++) {
        usleep(50000);
        test_house_step(&house, i % 40 == 0 ? 301 : 0); /* what was slow is tried again */
    }
    if (!is_right(b, want)) {
        fail_msg("%s, %s, %s: %s", row->scenario, NAMES[wire], ORDER_NAMES[order],
                 pay_state_name(state_of(b->attempt)));
    }
    size_t captured = told(b->attempt, PAY_CAPTURED);
    assert_true(captured == (size_t)(want == PAY_CAPTURED) ||
                (want == PAY_REFUNDED && captured <= 1));
    assert_int_equal(told(b->attempt, PAY_REFUNDED), want == PAY_REFUNDED);
    if (want == DOUBT) {
        give_back(b, strcmp(row->scenario, "shift") != 0);
    }
}

/* What an attack's notification says must be there before a look tells the truth. */
static void act_row(const row_t *row, const buy_t *b, order_t order)
{
    bool stays = strcmp(row->scenario, "challenge") == 0 || strcmp(row->scenario, "leave") == 0;
    if (!plays(row, order) || stays) {
        return;
    }
    act(b, row->scenario);
    if (row->once) {
        WAIT_UNTIL(test_psp_count(&house, "hooks_due") == 0);
        usleep(50000);
    }
}

static void play_all(order_t order)
{
    static buy_t all[CASES];
    test_psp_control(&house, "{\"delay_s\":2400}"); /* after the page's end */
    memset(all, 0, sizeof all);
    bool at_once = order == PLAIN || order == SENT_AGAIN;
    for (size_t i = 0; i < CASES; i++) {
        all[i] = begin(NAMES[i % WIRES]);
        if (at_once) {
            act_row(&ROWS[i / WIRES], &all[i], order);
        }
    }
    __atomic_store_n(&house.relay_off, order == LOOKS_FIRST, __ATOMIC_SEQ_CST);
    for (size_t i = 0; i < CASES && !at_once; i++) {
        act_row(&ROWS[i / WIRES], &all[i], order);
    }
    disturb(order, all);
    rest();
    for (size_t i = 0; i < CASES; i++) {
        if (plays(&ROWS[i / WIRES], order)) {
            ends_right(&ROWS[i / WIRES], i % WIRES, &all[i], order);
        }
    }
    arena_reset(&arena);
}

static void plain(void **state)
{
    play_all(PLAIN);
}

static void looks_first(void **state)
{
    play_all(LOOKS_FIRST);
}

static void killed(void **state)
{
    play_all(KILLED);
}

static void sent_again(void **state)
{
    play_all(SENT_AGAIN);
}

/* ---- beside the table ---- */

/* Captured and notified before the page's address is answered (SBPS: before the browser is there).
 */
static void early(void **state)
{
    for (size_t w = 0; w < WIRES; w++) {
        buy_t b = {.booking = id_new()};
        random_letters(b.token, ID_TEXT);
        test_psp_control(&house, "{\"next\":\"early\"}");
        assert_ok(try_begin(&b, NAMES[w]));
        assert_int_equal(test_psp_page(&house, b.url, b.path), 303);
        WAIT_UNTIL(state_of(b.attempt) == PAY_CAPTURED);
        assert_int_equal(told(b.attempt, PAY_CAPTURED), 1);
    }
}

/* The provider made the page and its answer was lost: the same form finds the same page. */
static void answer_lost(void **state)
{
    for (size_t w = 0; w < WIRES - 1; w++) { /* SBPS makes no page by a call */
        buy_t b = {.booking = id_new()}, again;
        random_letters(b.token, ID_TEXT);
        int64_t created = test_psp_count(&house, "created");
        test_psp_control(&house, "{\"lost\":true}");
        assert_err(try_begin(&b, NAMES[w]), ERR_TIMEOUT);
        test_psp_control(&house, "{\"lost\":false}");
        again = b;
        assert_ok(try_begin(&again, NAMES[w]));
        assert_int_equal(test_psp_page(&house, again.url, again.path), 303);
        assert_int_equal(test_psp_count(&house, "created"), created + 1);
        act(&again, "success");
        WAIT_UNTIL(state_of(again.attempt) == PAY_CAPTURED);
    }
}

/* Refused twice there; tried until done, and once only. */
static void refunds_go_through(void **state)
{
    for (size_t w = 0; w < WIRES; w++) {
        buy_t b = begin(NAMES[w]);
        int64_t refunded = test_psp_count(&house, "refunded");
        act(&b, "refund_fails");
        WAIT_UNTIL(state_of(b.attempt) == PAY_CAPTURED);
        assert_ok(pay_refund(house.pay, id_new(), b.attempt, 12000, SLICE("cancelled")));
        for (int i = 0; i < 4; i++) {
            test_house_step(&house, 301);
            usleep(700000);
        }
        WAIT_UNTIL(state_of(b.attempt) == PAY_REFUNDED);
        assert_int_equal(test_psp_count(&house, "refunded"), refunded + 1);
        assert_int_equal(told(b.attempt, PAY_REFUNDED), 1);
    }
}

/* Parts, each said as the sum so far; never more than was paid. */
static void parts_go_back(void **state)
{
    for (size_t w = 0; w < WIRES; w++) {
        buy_t b = begin(NAMES[w]);
        act(&b, "success");
        WAIT_UNTIL(state_of(b.attempt) == PAY_CAPTURED);
        int64_t refunded = test_psp_count(&house, "refunded");
        assert_ok(pay_refund(house.pay, id_new(), b.attempt, 3000, SLICE("part")));
        assert_ok(pay_refund(house.pay, id_new(), b.attempt, 3000, SLICE("part"))); /* sent twice */
        WAIT_UNTIL(test_records(&house, b.attempt, LEDGER_PAY_REFUND, "step=done") == 1);
        assert_int_equal(test_psp_count(&house, "refunded"), refunded + 1);
        assert_int_equal(state_of(b.attempt), PAY_CAPTURED);
        assert_err(pay_refund(house.pay, id_new(), b.attempt, 0, SLICE("x")), ERR_RANGE);
        assert_err(pay_refund(house.pay, id_new(), b.attempt, 12001, SLICE("x")), ERR_RANGE);
        assert_ok(pay_refund(house.pay, id_new(), b.attempt, 12000, SLICE("all")));
        WAIT_UNTIL(state_of(b.attempt) == PAY_REFUNDED);
        assert_int_equal(test_psp_count(&house, "refunded"), refunded + 2);
        assert_int_equal(told(b.attempt, PAY_REFUNDED), 1);
    }
}

/* A chargeback waits for a person, with an alarm; the payment stays what it was. */
static void chargeback_is_shown(void **state)
{
    buy_t b = begin("stripe");
    pay_doubt_t d[PAY_DOUBTS_MAX];
    size_t n, found = 0;
    act(&b, "chargeback");
    WAIT_UNTIL(state_of(b.attempt) == PAY_CAPTURED);
    test_house_step(&house, 3);
    WAIT_UNTIL(test_records(&house, b.attempt, LEDGER_PAY_QUARANTINE, "why=dispute") == 1);
    assert_int_equal(test_records(&house, b.attempt, LEDGER_ALARM, NULL), 1);
    assert_ok(pay_doubts(house.pay, d, PAY_DOUBTS_MAX, &n));
    for (size_t i = 0; i < n; i++) {
        found += id_eq(d[i].attempt, b.attempt) && strcmp(d[i].why, "dispute") == 0;
    }
    assert_true(found == 1 || n == PAY_DOUBTS_MAX);
    assert_int_equal(state_of(b.attempt), PAY_CAPTURED);
}

/* payd's own page: script-free, one button, the provider's origin in form-action of it alone. */
static void link_page(void **state)
{
    buy_t b = begin("sbps");
    char go[PAY_URL_MAX + 1] = {0}, origin[100];
    memcpy(go, b.url.ptr, b.url.len);
    snprintf(origin, sizeof origin, "form-action 'self' http://psp.localhost:%u", house.psp_port);
    char *page = test_http(house.hook_port, "GET", go, "", SLICE_EMPTY);
    assert_non_null(strstr(page, " 200 "));
    assert_non_null(strstr(page, origin));
    assert_non_null(strstr(page, "accept-charset=\"Shift_JIS\""));
    assert_null(strstr(page, "<script"));
    const char *button = strstr(page, "<button");
    assert_true(button && !strstr(button + 1, "<button"));
    free(page);
    go[10] = go[10] == 'b' ? 'c' : 'b'; /* another token */
    page = test_http(house.hook_port, "GET", go, "", SLICE_EMPTY);
    assert_non_null(strstr(page, " 404 "));
    free(page);
    buy_t other = begin("stripe"); /* no form there */
    act(&other, "success");
    act(&b, "success");
    WAIT_UNTIL(state_of(b.attempt) == PAY_CAPTURED);
    memcpy(go, b.url.ptr, b.url.len);
    page = test_http(house.hook_port, "GET", go, "", SLICE_EMPTY); /* paid: over */
    assert_non_null(strstr(page, " 410 "));
    free(page);
}

/* The door to SBPS's page is shut by the brake; who stands there already may still pay. */
static void brake_shuts_the_link_page(void **state)
{
    buy_t b = begin("sbps");
    char go[PAY_URL_MAX + 1] = {0};
    memcpy(go, b.url.ptr, b.url.len);
    test_house_brake(&house, false);
    WAIT_UNTIL(state_of(b.attempt) == PAY_ABANDONED);
    char *page = test_http(house.hook_port, "GET", go, "", SLICE_EMPTY);
    assert_non_null(strstr(page, " 503 "));
    free(page);
    act(&b, "success"); /* the money is there and is not lost sight of */
    WAIT_UNTIL(state_of(b.attempt) == PAY_CAPTURED);
    test_house_brake(&house, true);
}

#define CASE(fn) cmocka_unit_test(fn)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(plain),
        CASE(looks_first),
        CASE(killed),
        CASE(sent_again),
        CASE(early),
        CASE(answer_lost),
        CASE(refunds_go_through),
        CASE(parts_go_back),
        CASE(chargeback_is_shown),
        CASE(link_page),
        CASE(brake_shuts_the_link_page),
    };
    if (argc < 4) {
        return 2;
    }
    house.payd_path = argv[1];
    house.paysim_path = argv[2];
    house.ledgerd_path = argv[3];
    house.hash_charset = argc > 4 ? argv[4] : NULL;
    if (argc > 5) {
        cmocka_set_test_filter(argv[5]);
    }
    return cmocka_run_group_tests_name("pay truth", tests, up, down);
}
