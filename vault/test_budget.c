/* The leak budget: who has how much left, across minutes, days, kills and damaged files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "budget.h"

static clock_cell_t cell;
static char path_text[64];
static budget_t *b;

static void after(int64_t seconds)
{
    cell.offset_us += seconds * CLOCK_SECOND_US;
}

static void reopen(bool want_fresh)
{
    bool fresh = !want_fresh;
    budget_conf_t conf = {.path = {path_text}};
    for (unsigned i = 0; i < BUDGET_PURPOSES; i++) {
        conf.limits[i] = (budget_limits_t){10, 30, 50, 100};
    }
    conf.limits[BUDGET_ALL] = (budget_limits_t){0, 0, 60, 120};
    budget_close(b);
    b = NULL;
    err_t e = budget_open(&conf, &b, &fresh);
    assert_false(err_failed(e));
    assert_int_equal(fresh, want_fresh);
}

static int setup(void **state)
{
    (void)state;
    assert_true(sodium_init() >= 0);
    snprintf(path_text, sizeof path_text, "%s/vault-budget-%d",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
    cell.offset_us = 0;
    clock_attach(&cell);
    unlink(path_text);
    reopen(true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    budget_close(b);
    b = NULL;
    clock_attach(NULL);
    return unlink(path_text);
}

static id128_t numbered(unsigned n)
{
    id128_t id = {.b = {0xaa}};
    memcpy(id.b + 8, &n, sizeof n);
    return id;
}

static const char *take_for(vault_purpose_t purpose, unsigned actor, unsigned first, unsigned n)
{
    id128_t people[VAULT_BATCH_MAX];
    budget_hit_t hit = {.which = "?"};
    for (unsigned i = 0; i < n; i++) {
        people[i] = numbered(1000000 + first + i);
    }
    err_t e = budget_take(b,
                          &(budget_ask_t){.room = ROOM_SHOP,
                                          .purpose = purpose,
                                          .actor = actor ? numbered(actor) : id_zero(),
                                          .subjects = people,
                                          .n = n},
                          &hit);
    assert_true(!err_failed(e) || err_is(e, ERR_BUDGET));
    return err_failed(e) ? hit.which : "";
}

/* n people from `first` on, in one batch. "" = given, else which budget was hit. */
static const char *take(unsigned actor, unsigned first, unsigned n)
{
    return take_for(VAULT_FOR_SHOW_TO_OWNER, actor, first, n);
}

static void an_actor_has_so_many_a_minute_and_a_day(void **state)
{
    (void)state;
    assert_string_equal(take(1, 0, 10), "");
    assert_string_equal(take(1, 10, 1), "actor_minute");
    assert_string_equal(take(1, 0, 10), ""); /* the same people again are free */
    assert_string_equal(take(2, 10, 1), ""); /* another actor */
    after(59);
    assert_string_equal(take(1, 10, 1), "actor_minute");
    after(12);
    assert_string_equal(take(1, 10, 10), "");
    after(71);
    assert_string_equal(take(1, 20, 10), "");
    after(71);
    assert_string_equal(take(1, 30, 1), "actor_day");
    after(23 * 3600);
    assert_string_equal(take(1, 30, 1), "actor_day");
    after(2 * 3600 + 60);
    assert_string_equal(take(1, 30, 1), "");
    assert_string_equal(take(1, 0, 9), ""); /* of yesterday: they count anew */
    assert_string_equal(take(1, 9, 1), "actor_minute");
}

static void all_or_nothing(void **state)
{
    (void)state;
    assert_string_equal(take(1, 0, 11), "actor_minute");
    assert_string_equal(take(1, 0, 10), "");
    assert_string_equal(take(1, 5, 10), "actor_minute"); /* five of them are new */
    assert_string_equal(take(1, 5, 5), "");
}

/* Invented actors help nobody: the room has an end of its own. */
static void a_room_has_so_many_for_all_its_actors(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        assert_string_equal(take(100 + i, i, 1), "");
    }
    assert_string_equal(take(999, 50, 1), "room_minute");
    assert_string_equal(take(0, 50, 1), "room_minute");
    assert_string_equal(take(999, 7, 1), ""); /* a booking that was read today is read again */
    after(71);
    for (unsigned i = 50; i < 100; i++) {
        assert_string_equal(take(100 + i, i, 1), "");
    }
    after(71);
    assert_string_equal(take(5, 100, 1), "room_day");
}

/* Purposes are what the room says, too: one that was taken over has not all their budgets. */
static void a_room_has_so_many_for_all_its_purposes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        assert_string_equal(take_for(VAULT_FOR_SHOW_TO_OWNER, 100 + i, i, 1), "");
        assert_string_equal(take_for(VAULT_FOR_MAIL, 0, i, 1), ""); /* the same person: once */
    }
    assert_string_equal(take_for(VAULT_FOR_PAPER, 0, 50, 10), "");
    assert_string_equal(take_for(VAULT_FOR_PAPER, 0, 60, 1), "all_minute");
    assert_string_equal(take_for(VAULT_FOR_DESK, 7, 61, 1), "all_minute");
    assert_string_equal(take_for(VAULT_FOR_DESK, 7, 3, 1), "");
    assert_string_equal(take_for(VAULT_FOR_INCIDENT, 0, 61, 50), ""); /* by order */
    after(71);
    for (unsigned i = 0; i < 60; i++) {
        assert_string_equal(take_for(i % 2 ? VAULT_FOR_DESK : VAULT_FOR_PAPER, 200 + i, 60 + i, 1),
                            "");
    }
    after(71);
    assert_string_equal(take_for(VAULT_FOR_DESK, 9, 500, 1), "all_day");
    assert_string_equal(take_for(VAULT_FOR_PAPER, 9, 500, 1), "all_day");
}

static void an_alarm_an_hour(void **state)
{
    (void)state;
    budget_hit_t hit = {0};
    id128_t people[11];
    for (unsigned i = 0; i < 11; i++) {
        people[i] = numbered(i + 1);
    }
    budget_ask_t ask = {ROOM_SHOP, VAULT_FOR_DESK, numbered(1), people, 11};
    for (unsigned i = 0; i < 3; i++) {
        hit = (budget_hit_t){0};
        assert_true(err_is(budget_take(b, &ask, &hit), ERR_BUDGET));
        assert_int_equal(hit.alarm, i == 0);
        assert_int_equal(hit.limit, 10);
    }
    after(3601);
    assert_true(err_is(budget_take(b, &ask, &hit), ERR_BUDGET));
    assert_true(hit.alarm);
}

static void kept_by_the_file(void **state)
{
    (void)state;
    assert_string_equal(take(1, 0, 10), "");
    reopen(false);
    assert_string_equal(take(1, 10, 1), "actor_minute");
    pid_t child = fork(); /* killed without any closing */
    assert_true(child >= 0);
    if (child == 0) {
        after(71);
        bool good = strcmp(take(1, 10, 10), "") == 0 && strcmp(take(3, 10, 10), "") == 0;
        kill(getpid(), good ? SIGKILL : SIGTERM);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WTERMSIG(status), SIGKILL);
    reopen(false);
    assert_string_equal(take(3, 30, 1), "actor_minute");
}

/* A step of the wall clock gives nothing while we run, and a day at most between two runs. */
static void clock_steps(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++, after(71)) {
        assert_string_equal(take(1, 10 * i, 10), "");
    }
    assert_string_equal(take(1, 40, 1), "actor_day");
    after(-10 * 365 * 86400LL);
    assert_string_equal(take(1, 40, 1), "actor_day");
    reopen(false);
    assert_string_equal(take(1, 40, 1), "actor_day");
    after(10 * 365 * 86400LL);
    reopen(false);
    after(26 * 3600);
    assert_string_equal(take(1, 40, 10), "");
    assert_string_equal(take(1, 50, 1), "actor_minute");
}

static void damaged_files_begin_anew(void **state)
{
    (void)state;
    assert_string_equal(take(1, 0, 10), "");
    budget_close(b);
    b = NULL;
    assert_int_equal(truncate(path_text, 100), 0);
    reopen(true);
    budget_close(b);
    b = NULL;
    int fd = open(path_text, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 0), 1);
    close(fd);
    reopen(true);
    assert_string_equal(take(1, 0, 10), "");
}

/* More actors and people than there is room for: bounded, and the room's own count stays right. */
static void full_tables(void **state)
{
    (void)state;
    unsigned given = 0;
    for (unsigned i = 0; i < 40000; i++) {
        given += take(1 + i, i, 1)[0] == 0;
        if (i % 50 == 49) {
            after(71);
        }
    }
    /* 100 in 24 hours, and less than 8 days went by */
    assert_true(given >= 100 && given <= 40000 / 50 * 71 / 86400 * 100 + 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_actor_has_so_many_a_minute_and_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(all_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_room_has_so_many_for_all_its_actors, setup, teardown),
        cmocka_unit_test_setup_teardown(a_room_has_so_many_for_all_its_purposes, setup, teardown),
        cmocka_unit_test_setup_teardown(an_alarm_an_hour, setup, teardown),
        cmocka_unit_test_setup_teardown(kept_by_the_file, setup, teardown),
        cmocka_unit_test_setup_teardown(clock_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_files_begin_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(full_tables, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
