/* Leaks as the record tells them: each way a reveal can end, filters, records by rooms that have no
 * say, boundaries and exposures. The rooms' records are written as they write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "keeper.h"
#include "ledger/api_leak.h"
#include "tests/records.h"
#include "tests/tmpdir.h"

enum { SEGMENT = 256 };

static tmpdir_t tmp;
static note_key_t key;
static keeper_t keeper;
static query_t *q;
static uint64_t reveals;
static clock_cell_t cell;

static int setup(void **state)
{
    static const uint8_t SEED[NOTE_SEED] = {7};
    char why[KEEPER_FAULT];
    tmp = tmpdir_make();
    q = NULL;
    reveals = 0;
    CHECK(!err_failed(note_key_init(SLICE("sekisho.local/test"), SEED, &key)));
    keeper_conf_t conf = {.dir = {tmp.path},
                          .key = &key,
                          .profile = "test",
                          .piece_bytes = WAL_PIECE_MIN,
                          .gather_ms = 1,
                          .segment_leaves = SEGMENT};
    return err_failed(keeper_open(&keeper, &conf, why)) ? -1 : 0;
}

static int teardown(void **state)
{
    query_close(q);
    clock_attach(NULL);
    tmpdir_remove(&tmp);
    return 0;
}

static void add(room_id_t room, const ledger_record_t *rec)
{
    record_add(&keeper, room, rec);
}

/* Closes the ledger and opens it for questions. */
static void ask(void)
{
    char why[QUERY_FAULT];
    int64_t until = clock_wait_us() + 60 * CLOCK_SECOND_US;
    while (keeper_waiting(&keeper) ||
           worker_state(keeper.worker).done < keeper_size(&keeper) / SEGMENT ||
           sealer_state(keeper.sealer).signed_cp.size < keeper_size(&keeper)) {
        if (keeper_waiting(&keeper)) {
            assert_false(err_failed(keeper_flush(&keeper)));
        }
        keeper_sealed(&keeper);
        CHECK(clock_wait_us() < until);
        usleep(500);
    }
    keeper_close(&keeper);
    err_t e = query_open(tmp.path, NULL, why, &q);
    if (err_failed(e)) {
        fail_msg("%s", why);
    }
}

typedef enum ends { DELIVERED, LOST, GONE, REFUSED, FAKE_REFUSED } ends_t;

typedef struct play {
    uint64_t request, object, subject, actor;
    ends_t ends;
    const char *room; /* that asked the vault; NULL: shop */
    int64_t process;
} play_t;

static void reveal(const play_t *p)
{
    uint8_t mem[256], end_mem[256];
    buf_t facts = BUF_ON_ARRAY(mem), end = BUF_ON_ARRAY(end_mem);
    ledger_fact_i64(&facts, "reveal", (int64_t)++reveals);
    ledger_fact(&facts, "room", slice_cstr_in(p->room ? p->room : "shop"));
    ledger_fact_i64(&facts, "process", p->process);
    ledger_fact(&facts, "purpose", SLICE("SHOW_TO_OWNER"));
    ledger_record_t rec = {.type = LEDGER_REVEAL_INTENT,
                           .request = p->request ? id_of(p->request) : id_zero(),
                           .object = id_of(p->object),
                           .subject = id_of(p->subject),
                           .actor = id_of(p->actor),
                           .count = 3,
                           .facts = buf_slice(&facts)};
    add(ROOM_VAULT, &rec);
    ledger_fact_i64(&end, "reveal", (int64_t)reveals);
    if (p->ends == DELIVERED || p->ends == GONE) {
        ledger_fact_i64(&end, "delivered", p->ends == DELIVERED);
        rec.type = LEDGER_REVEAL_OUTCOME;
    } else {
        ledger_fact(&end, "reason", SLICE("CRYPTO"));
        rec.type = LEDGER_REVEAL_REFUSED;
    }
    rec.facts = buf_slice(&end);
    if (p->ends != LOST) {
        add(p->ends == FAKE_REFUSED ? ROOM_SHOP : ROOM_VAULT, &rec);
    }
}

static void http(uint64_t request, uint64_t address, const char *facts)
{
    add(ROOM_GUARD, &(ledger_record_t){.type = LEDGER_HTTP_REQUEST,
                                       .request = id_of(request),
                                       .address = id_of(address),
                                       .count = 1,
                                       .facts = slice_cstr_in(facts)});
}

static const char OK_FACTS[] = "m=GET&h=shop.localhost&p=/bookings/:id&s=200&ses=00000000000000aa";

static leak_t leak_of(const leak_ask_t *what)
{
    leak_t leak;
    err_t e = query_leak(q, what, &leak);
    if (err_failed(e)) {
        fail_msg("%s:%d %s", e.where, e.line, query_fault(q));
    }
    return leak;
}

static const leak_subject_t *row(const leak_t *leak, uint64_t subject)
{
    for (size_t i = 0; i < leak->subject_count; i++) {
        if (id_eq(leak->subjects[i].subject, id_of(subject))) {
            return &leak->subjects[i];
        }
    }
    return NULL;
}

static void must_be(const leak_t *leak, uint64_t subject, leak_class_t class_, leak_why_t why)
{
    const leak_subject_t *s = row(leak, subject);
    if (!s || s->class_ != class_ || s->why != why) {
        fail_msg("subject %llu is %s (%s), wanted %s (%s)", (unsigned long long)subject,
                 s ? leak_class_name(s->class_) : "absent", s ? leak_why_name(s->why) : "-",
                 leak_class_name(class_), leak_why_name(why));
    }
}

#define ALL_TIME .from_us = INT64_MIN, .to_us = INT64_MAX

static void test_each_end(void **state)
{
    reveal(&(play_t){100, 1, 11, 5, DELIVERED});
    http(100, 7, OK_FACTS);
    reveal(&(play_t){101, 2, 12, 5, LOST});
    http(101, 7, OK_FACTS);
    reveal(&(play_t){102, 3, 13, 5, GONE});
    http(102, 7, OK_FACTS);
    reveal(&(play_t){103, 4, 14, 5, DELIVERED}); /* no request record */
    reveal(&(play_t){104, 5, 15, 5, DELIVERED});
    http(104, 7, "m=GET&p=/x&s=503");
    reveal(&(play_t){105, 6, 16, 5, DELIVERED});
    http(105, 7, "m=GET&p=/x&s=303");
    reveal(&(play_t){106, 7, 17, 5, DELIVERED});
    http(106, 7, "m=HEAD&p=/x&s=200");
    reveal(&(play_t){107, 8, 18, 5, REFUSED});
    http(107, 7, OK_FACTS);
    reveal(&(play_t){108, 9, 19, 5, FAKE_REFUSED}); /* by a shop that was taken over */
    http(108, 7, OK_FACTS);
    reveal(&(play_t){0, 10, 20, 0, DELIVERED}); /* a letter */
    reveal(&(play_t){0, 10, 21, 0, LOST});
    add(ROOM_SHOP, &(ledger_record_t){.type = LEDGER_REVEAL_INTENT, /* not the vault's word */
                                      .request = id_of(109),
                                      .subject = id_of(22)});
    add(ROOM_SHOP, &(ledger_record_t){.type = LEDGER_HTTP_REQUEST, /* nor the guard's */
                                      .request = id_of(103),
                                      .facts = SLICE("m=GET&s=200")});
    ask();
    leak_t leak = leak_of(&(leak_ask_t){ALL_TIME});
    must_be(&leak, 11, LEAK_CERTAIN, LEAK_DELIVERED);
    must_be(&leak, 12, LEAK_POSSIBLE, LEAK_NO_OUTCOME);
    must_be(&leak, 13, LEAK_POSSIBLE, LEAK_NOT_DELIVERED);
    must_be(&leak, 14, LEAK_POSSIBLE, LEAK_ANSWER_UNKNOWN);
    must_be(&leak, 15, LEAK_POSSIBLE, LEAK_ANSWER_ERROR);
    must_be(&leak, 16, LEAK_POSSIBLE, LEAK_ANSWER_ERROR);
    must_be(&leak, 17, LEAK_POSSIBLE, LEAK_ANSWER_ERROR);
    must_be(&leak, 18, LEAK_INFERABLE, LEAK_SAME_REQUEST);
    must_be(&leak, 19, LEAK_POSSIBLE, LEAK_NO_OUTCOME);
    must_be(&leak, 20, LEAK_CERTAIN, LEAK_DELIVERED);
    must_be(&leak, 21, LEAK_POSSIBLE, LEAK_NO_OUTCOME);
    assert_null(row(&leak, 22));
    assert_int_equal(leak.count[LEAK_CERTAIN], 2);
    assert_int_equal(leak.count[LEAK_POSSIBLE], 8);
    assert_false(leak.all);
}

/* One thief among others; what cannot be said of his address is possible, not left out. */
static void test_filters(void **state)
{
    for (uint64_t i = 0; i < 300; i++) {
        uint64_t who = i % 10 == 3 ? 66 : 70 + i % 5;
        reveal(&(play_t){1000 + i, 2000 + i, 3000 + i, 4000 + who, DELIVERED});
        if (i % 50 != 7) {
            http(1000 + i, who, who == 66 ? "m=GET&s=200&ses=00000000000000bb" : OK_FACTS);
        }
    }
    ask();
    leak_t leak = leak_of(&(leak_ask_t){ALL_TIME, .address = id_of(66)});
    assert_int_equal(leak.count[LEAK_CERTAIN], 30);
    assert_int_equal(leak.count[LEAK_POSSIBLE], 6); /* those without a record of the request */
    for (uint64_t i = 3; i < 300; i += 10) {
        must_be(&leak, 3000 + i, LEAK_CERTAIN, LEAK_DELIVERED);
    }
    leak = leak_of(&(leak_ask_t){ALL_TIME, .session = "00000000000000bb"});
    assert_int_equal(leak.count[LEAK_CERTAIN], 30);
    leak = leak_of(&(leak_ask_t){ALL_TIME, .actor = id_of(4066)});
    assert_int_equal(leak.count[LEAK_CERTAIN], 30);
    assert_int_equal(leak.count[LEAK_POSSIBLE], 0);
    leak = leak_of(&(leak_ask_t){ALL_TIME, .request = id_of(1003)});
    assert_int_equal(leak.subject_count, 1);
    leak = leak_of(&(leak_ask_t){ALL_TIME, .subject = id_of(3007)});
    assert_int_equal(leak.count[LEAK_POSSIBLE], 1);
    leak = leak_of(&(leak_ask_t){ALL_TIME, .actor = id_of(1)});
    assert_int_equal(leak.subject_count, 0);
    leak = leak_of(&(leak_ask_t){.from_us = 0, .to_us = 1});
    assert_int_equal(leak.subject_count, 0);
    assert_true(leak.boundary_count > 0); /* before the record begins */
    assert_int_equal(leak.boundary[0].kind, BOUNDARY_BEFORE);
}

static void test_inferable(void **state)
{
    add(ROOM_SHOP,
        &(ledger_record_t){.type = LEDGER_CONSENT, .object = id_of(50), .subject = id_of(61)});
    add(ROOM_SHOP,
        &(ledger_record_t){.type = LEDGER_CONSENT, .object = id_of(51), .subject = id_of(62)});
    reveal(&(play_t){100, 50, 60, 5, DELIVERED}); /* a companion's data, not the payer's */
    http(100, 66, OK_FACTS);
    add(ROOM_SHOP, &(ledger_record_t){
                       .type = LEDGER_GUEST_ACCESS, .request = id_of(101), .object = id_of(51)});
    http(101, 66, OK_FACTS);
    ask();
    leak_t leak = leak_of(&(leak_ask_t){ALL_TIME, .address = id_of(66)});
    must_be(&leak, 60, LEAK_CERTAIN, LEAK_DELIVERED);
    must_be(&leak, 61, LEAK_INFERABLE, LEAK_SAME_OBJECT);
    must_be(&leak, 62, LEAK_INFERABLE, LEAK_SAME_OBJECT);
    assert_int_equal(leak.count[LEAK_INFERABLE], 2);
}

static void test_exposures(void **state)
{
    for (uint64_t i = 0; i < 20; i++) {
        add(ROOM_SHOP, &(ledger_record_t){.type = LEDGER_TRAVELLERS_SEALED,
                                          .object = id_of(500 + i),
                                          .subject = id_of(600 + i)});
        add(ROOM_SHOP, &(ledger_record_t){.type = LEDGER_CONSENT,
                                          .object = id_of(500 + i),
                                          .subject = id_of(600 + i)});
    }
    /* who typed and went away without agreeing; who has an account and no booking */
    add(ROOM_SHOP, &(ledger_record_t){.type = LEDGER_TRAVELLERS_SEALED, .subject = id_of(620)});
    add(ROOM_SHOP, &(ledger_record_t){.type = LEDGER_ACCOUNT_CREATED, .subject = id_of(621)});
    add(ROOM_VAULT, &(ledger_record_t){
                        .type = LEDGER_ERASED, .subject = id_of(603), .facts = SLICE("step=done")});
    /* promised, not done; and said by a room that has no say */
    add(ROOM_VAULT, &(ledger_record_t){.type = LEDGER_ERASED,
                                       .subject = id_of(604),
                                       .facts = SLICE("step=intent")});
    add(ROOM_SHOP, &(ledger_record_t){
                       .type = LEDGER_ERASED, .subject = id_of(605), .facts = SLICE("step=done")});
    ask();
    int64_t now = query_scope(q).last_us;
    leak_ask_t what = {.from_us = now - 1000000,
                       .to_us = now + 1,
                       .exposures = {{LEAK_HOST_VAULT, now, now + 1}},
                       .exposure_count = 1};
    leak_t leak = leak_of(&what);
    assert_true(leak.all);
    assert_int_equal(leak.count[LEAK_POSSIBLE], 21); /* but for the one that was erased before */
    assert_null(row(&leak, 603));
    must_be(&leak, 604, LEAK_POSSIBLE, LEAK_HOST);
    must_be(&leak, 605, LEAK_POSSIBLE, LEAK_HOST);
    must_be(&leak, 619, LEAK_POSSIBLE, LEAK_HOST);
    must_be(&leak, 620, LEAK_POSSIBLE, LEAK_HOST);
    must_be(&leak, 621, LEAK_POSSIBLE, LEAK_HOST);
    assert_int_equal(leak.known_bookings, 20);
    what.exposures[0].host = LEAK_HOST_PAY;
    leak = leak_of(&what);
    assert_false(leak.all);
    for (unsigned i = 0; i < LEAK_HOSTS; i++) {
        leak_host_t host;
        assert_true(leak_host_parse(leak_host_name((leak_host_t)i), &host) && host == i);
        what.exposures[0] = (leak_exposure_t){(leak_host_t)i, INT64_MIN, INT64_MAX};
        leak = leak_of(&what);
        assert_true(leak.subject_count > 0); /* never "none" */
    }
}

/* Keys that were copied stay copied: the answer about a later time is "all", too. */
static void test_keys_stay_copied(void **state)
{
    add(ROOM_SHOP, &(ledger_record_t){.type = LEDGER_CONSENT, .subject = id_of(600)});
    ask();
    int64_t now = query_scope(q).last_us;
    static const leak_host_t ALL[] = {LEAK_HOST_MACHINE, LEAK_HOST_VAULT, LEAK_HOST_LEDGER};
    for (size_t i = 0; i < BASE_COUNT(ALL); i++) {
        leak_ask_t what = {.from_us = now + 10,
                           .to_us = now + 20,
                           .exposures = {{ALL[i], now, now + 1}},
                           .exposure_count = 1};
        leak_t leak = leak_of(&what);
        assert_true(leak.all);
        must_be(&leak, 600, LEAK_POSSIBLE, LEAK_HOST);
        assert_int_equal(leak.boundary[0].kind, BOUNDARY_EXPOSURE);
        what.exposures[0].from_us = now + 21; /* it began later */
        assert_false(leak_of(&what).all);
    }
}

/* A shop that was taken over says of its reveals what it likes. */
static void test_compromised_shop(void **state)
{
    reveal(&(play_t){0, 1, 10, 0, DELIVERED, .process = 7});   /* no request: its own work */
    reveal(&(play_t){900, 2, 11, 5, DELIVERED, .process = 7}); /* one that never was */
    reveal(&(play_t){901, 3, 12, 5, DELIVERED, .process = 7}); /* somebody else's */
    http(901, 70, "m=GET&p=/x&s=404");
    reveal(&(play_t){901, 3, 13, 5, GONE, .process = 7});
    reveal(&(play_t){901, 3, 14, 5, LOST, .process = 7});
    reveal(&(play_t){901, 3, 15, 5, REFUSED, .process = 7});
    reveal(&(play_t){901, 3, 16, 5, FAKE_REFUSED, .process = 7});
    reveal(&(play_t){902, 4, 17, 6, DELIVERED, .process = 8}); /* the honest one's */
    http(902, 71, OK_FACTS);
    reveal(&(play_t){903, 5, 18, 9, DELIVERED, "office", 9});
    http(903, 72, OK_FACTS);
    add(ROOM_SHOP, &(ledger_record_t){.type = LEDGER_TRAVELLERS_SEALED, .subject = id_of(19)});
    add(ROOM_SHOP, &(ledger_record_t){.type = LEDGER_CONSENT, .subject = id_of(20)});
    ask();
    leak_t leak = leak_of(&(leak_ask_t){ALL_TIME, .address = id_of(66),
                                        .exposures = {{LEAK_HOST_SHOP, INT64_MIN, INT64_MAX}},
                                        .exposure_count = 1});
    assert_false(leak.all);
    must_be(&leak, 10, LEAK_CERTAIN, LEAK_TO_HOST);
    must_be(&leak, 11, LEAK_CERTAIN, LEAK_TO_HOST);
    must_be(&leak, 12, LEAK_CERTAIN, LEAK_TO_HOST);
    must_be(&leak, 13, LEAK_POSSIBLE, LEAK_NOT_DELIVERED);
    must_be(&leak, 14, LEAK_POSSIBLE, LEAK_NO_OUTCOME);
    assert_true(row(&leak, 15)->class_ > LEAK_POSSIBLE);
    must_be(&leak, 16, LEAK_POSSIBLE, LEAK_NO_OUTCOME);
    must_be(&leak, 17, LEAK_CERTAIN, LEAK_TO_HOST); /* it passed through the same hands */
    must_be(&leak, 19, LEAK_POSSIBLE, LEAK_HOST);
    assert_true(!row(&leak, 18) || row(&leak, 18)->class_ > LEAK_POSSIBLE);
    assert_true(!row(&leak, 20) || row(&leak, 20)->class_ > LEAK_POSSIBLE);
    leak = leak_of(&(leak_ask_t){ALL_TIME, .process = 7});
    assert_int_equal(leak.count[LEAK_CERTAIN] + leak.count[LEAK_POSSIBLE], 6);
    must_be(&leak, 10, LEAK_CERTAIN, LEAK_DELIVERED);
    must_be(&leak, 11, LEAK_POSSIBLE, LEAK_ANSWER_UNKNOWN);
    must_be(&leak, 12, LEAK_POSSIBLE, LEAK_ANSWER_ERROR);
    leak = leak_of(&(leak_ask_t){ALL_TIME, .process = 8, .address = id_of(71)});
    assert_int_equal(leak.count[LEAK_CERTAIN], 1);
    assert_int_equal(leak.count[LEAK_POSSIBLE], 0); /* the thief's unknown requests are not his */
}

/* The asker chooses what his intents say. However he does, all is found, and in bounded time: many
 * reveals under one request, or under none and one object, over more than an hour. */
static void test_many_under_one(void **state)
{
    enum { MANY = 6000 };
    clock_attach(&cell);
    cell.offset_us = 0;
    for (uint64_t i = 0; i < MANY; i++) {
        reveal(&(play_t){500, 1, 10000 + i, 5, i % 100 ? DELIVERED : GONE});
        reveal(&(play_t){0, 2, 9000, 0, DELIVERED}); /* the same person again and again */
        if (i % 1000 == 999) {                       /* each a while after the one before */
            assert_false(err_failed(keeper_flush(&keeper)));
            cell.offset_us += 25 * 60 * CLOCK_SECOND_US;
        }
    }
    http(500, 66, OK_FACTS);
    ask();
    leak_t leak = leak_of(&(leak_ask_t){ALL_TIME, .request = id_of(500)});
    assert_int_equal(leak.count[LEAK_CERTAIN] + leak.count[LEAK_POSSIBLE], MANY);
    for (uint64_t i = 0; i < MANY; i += 100) {
        must_be(&leak, 10000 + i, LEAK_POSSIBLE, LEAK_NOT_DELIVERED);
    }
    leak = leak_of(&(leak_ask_t){ALL_TIME, .subject = id_of(9000)});
    assert_int_equal(leak.event_count, MANY);
    must_be(&leak, 9000, LEAK_CERTAIN, LEAK_DELIVERED);
    for (size_t i = 0; i < leak.event_count; i++) {
        assert_int_equal(leak.events[i].class_, LEAK_CERTAIN);
    }
}

static const boundary_t *boundary_of(const leak_t *leak, boundary_kind_t kind, unsigned room)
{
    for (size_t i = 0; i < leak->boundary_count; i++) {
        if (leak->boundary[i].kind == kind && leak->boundary[i].room == room) {
            return &leak->boundary[i];
        }
    }
    return NULL;
}

static void test_boundary(void **state)
{
    clock_attach(&cell);
    cell.offset_us = 0;
    add(ROOM_VAULT, &(ledger_record_t){.type = LEDGER_ROOM_START});
    add(ROOM_VAULT, &(ledger_record_t){.type = LEDGER_ROOM_START}); /* died between */
    add(ROOM_SHOP, &(ledger_record_t){.type = LEDGER_ROOM_START});
    add(ROOM_SHOP, &(ledger_record_t){.type = LEDGER_ROOM_STOP});
    add(ROOM_SHOP, &(ledger_record_t){.type = LEDGER_ROOM_START});
    add(ROOM_GUARD, &(ledger_record_t){.type = LEDGER_GAP, .count = 12, .facts = SLICE("lost=12")});
    add(ROOM_PAY, &(ledger_record_t){.type = LEDGER_GAP, .facts = SLICE("resent=3")});
    assert_false(err_failed(keeper_flush(&keeper)));
    cell.offset_us = 100 * CLOCK_SECOND_US;
    add(ROOM_SHOP, &(ledger_record_t){.type = LEDGER_ALARM});
    ask();
    leak_t leak = leak_of(&(leak_ask_t){ALL_TIME});
    assert_non_null(boundary_of(&leak, BOUNDARY_DIED, ROOM_VAULT));
    assert_null(boundary_of(&leak, BOUNDARY_DIED, ROOM_SHOP));
    assert_null(boundary_of(&leak, BOUNDARY_DIED, ROOM_LEDGER));
    const boundary_t *gap = boundary_of(&leak, BOUNDARY_GAP, ROOM_GUARD);
    assert_non_null(gap);
    assert_int_equal(gap->count, 12);
    assert_null(boundary_of(&leak, BOUNDARY_GAP, ROOM_PAY));
    assert_non_null(boundary_of(&leak, BOUNDARY_AFTER, 0));
    /* a time after all of that is free of it */
    int64_t last = query_scope(q).last_us;
    leak = leak_of(&(leak_ask_t){.from_us = last, .to_us = last});
    assert_null(boundary_of(&leak, BOUNDARY_GAP, ROOM_GUARD));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_filters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_inferable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exposures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_stay_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(test_compromised_shop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_under_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_boundary, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
