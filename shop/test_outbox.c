/* Letters' rows: one for one reason, kept until somebody took it, held by the brake. */
#include "outbox.h"
#include "test_base.h"

typedef struct ask {
    booking_t booking;
    mail_kind_t kind;
} ask_t;

static err_t queue_job(job_t *job, db_t *db)
{
    ask_t *q = job->ctx;
    return outbox_queue(job, db, &q->booking, q->kind, q->booking.id, id_new(), TEST_NOW);
}

static void queue(test_shop_t *s, id128_t booking, mail_kind_t kind)
{
    ask_t q = {test_load(s, booking), kind};
    GOOD(writer_run(s->writer, &s->arena, queue_job, &q));
}

static size_t due(test_shop_t *s, int64_t now_us, bool ordinary, outbox_row_t *rows)
{
    size_t n;
    GOOD(outbox_due(s->db, &s->arena, now_us, ordinary, rows, &n));
    return n;
}

static void test_once(void **state)
{
    test_shop_t *s = *state;
    outbox_row_t rows[OUTBOX_ROWS];
    id128_t b = test_booking(s, test_departure(s, 9, 0, 0), 1, TEST_NOW);
    queue(s, b, MAIL_CONFIRMED);
    queue(s, b, MAIL_CONFIRMED);
    assert_int_equal(due(s, TEST_NOW, true, rows), 1);
    assert_int_equal(s->records[LEDGER_MAIL_QUEUED], 1);
    assert_true(id_eq(rows[0].booking, b));
    assert_true(id_is_zero(rows[0].account));
}

static void test_no_recipient(void **state)
{
    test_shop_t *s = *state;
    outbox_row_t rows[OUTBOX_ROWS];
    hold_made_t made;
    hold_request_t q = test_request(test_departure(s, 9, 0, 0), 1, TEST_NOW);
    GOOD(hold_take(s->writer, &s->arena, &q, &made));
    queue(s, made.booking, MAIL_EXPIRED);
    assert_int_equal(due(s, TEST_NOW, true, rows), 0);
}

/* A crash between the mail server's yes and the row: the row is due again, with the same id. */
static void test_crash(void **state)
{
    test_shop_t *s = *state;
    outbox_row_t first[OUTBOX_ROWS], second[OUTBOX_ROWS];
    id128_t b = test_booking(s, test_departure(s, 9, 0, 0), 1, TEST_NOW);
    queue(s, b, MAIL_CONFIRMED);
    assert_int_equal(due(s, TEST_NOW, true, first), 1);
    test_writer_restart(s); /* sent, not settled */
    assert_int_equal(due(s, TEST_NOW, true, second), 1);
    assert_true(id_eq(first[0].id, second[0].id));
    GOOD(outbox_settle(s->writer, &s->arena, &second[0], id_zero(), OK, false, TEST_NOW));
    GOOD(outbox_settle(s->writer, &s->arena, &second[0], id_zero(), OK, false, TEST_NOW));
    assert_int_equal(due(s, TEST_NOW + CLOCK_DAY_US, true, second), 0);
    assert_int_equal(s->records[LEDGER_MAIL_SENT], 1);
}

static void test_again(void **state)
{
    test_shop_t *s = *state;
    outbox_row_t rows[OUTBOX_ROWS];
    int64_t now = TEST_NOW;
    id128_t b = test_booking(s, test_departure(s, 9, 0, 0), 1, TEST_NOW);
    queue(s, b, MAIL_CONFIRMED);
    for (int i = 0; i < OUTBOX_TRIES_MAX; i++) {
        assert_int_equal(due(s, now, true, rows), 1);
        assert_int_equal(rows[0].tries, i);
        GOOD(outbox_settle(s->writer, &s->arena, &rows[0], id_zero(), FAIL(ERR_UNAVAILABLE), false,
                           now));
        assert_int_equal(due(s, now, true, rows), 0); /* not at once */
        now += 601 * CLOCK_SECOND_US;
    }
    assert_int_equal(due(s, now, true, rows), 0);
    assert_int_equal(s->records[LEDGER_MAIL_FAILED], 2); /* the first and the last word */
    queue(s, b, MAIL_EXPIRED);
    assert_int_equal(due(s, now, true, rows), 1);
    GOOD(outbox_settle(s->writer, &s->arena, &rows[0], id_zero(), FAIL(ERR_UPSTREAM), true, now));
    assert_int_equal(due(s, now + CLOCK_DAY_US, true, rows), 0);
}

static void test_brake(void **state)
{
    test_shop_t *s = *state;
    outbox_row_t rows[OUTBOX_ROWS];
    id128_t b = test_booking(s, test_departure(s, 9, 0, 0), 1, TEST_NOW);
    queue(s, b, MAIL_CONFIRMED);
    queue(s, b, MAIL_REFUND_LATE);
    queue(s, b, MAIL_REFUND_DOUBLE);
    assert_int_equal(due(s, TEST_NOW, false, rows), 2); /* refunds are told whatever happens */
    for (size_t i = 0; i < 2; i++) {
        assert_false(mail_kind_ordinary(rows[i].kind));
    }
    assert_int_equal(due(s, TEST_NOW, true, rows), 3);
}

/* The SQL of outbox_due names the kinds that are not ordinary: the table says the same. */
static void test_kinds(void **state)
{
    (void)state;
    for (int k = MAIL_CONFIRMED; k <= MAIL_CANCELLED; k++) {
        assert_int_equal(mail_kind_ordinary((mail_kind_t)k),
                         k != MAIL_REFUND_LATE && k != MAIL_REFUND_DOUBLE && k != MAIL_CANCELLED);
        assert_string_not_equal(mail_kind_name((mail_kind_t)k), "?");
    }
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_once),  cmocka_unit_test(test_no_recipient),
        cmocka_unit_test(test_crash), cmocka_unit_test(test_again),
        cmocka_unit_test(test_brake), cmocka_unit_test(test_kinds),
    };
    return test_both("outbox", cases, BASE_COUNT(cases));
}
