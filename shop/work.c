/* The loops of work.h. A failure is logged once a minute, not once a turn. */
#include <unistd.h>

#include "base/clock.h"
#include "decision.h"
#include "hold.h"
#include "honey.h"
#include "io/log.h"
#include "letter.h"
#include "pay_order.h"
#include "payment.h"
#include "work.h"

enum {
    TURN_ARENA_BYTES = 2 * 1024 * 1024,
    EVENTS_CAP = 16,
    EVENTS_WAIT_MS = 1000,
    PURGE_EVERY_US = 300000000,
    LOG_EVERY_US = 60000000,
};

/* --- saying so, but not often ----------------------------------------------------------------- */

typedef struct quiet {
    uint16_t code;
    int64_t said_us;
} quiet_t;

static void complain(quiet_t *q, const char *event, err_t e)
{
    int64_t now = clock_wait_us();
    if (!err_failed(e)) {
        if (q->code != 0) {
            log_event(LOG_INFO, id_zero(), event, "works again");
        }
        *q = (quiet_t){0};
        return;
    }
    if (q->code != e.code || now - q->said_us > LOG_EVERY_US) {
        log_err(LOG_WARN, id_zero(), event, e);
        *q = (quiet_t){e.code, now};
    }
}

/* --- payment events --------------------------------------------------------------------------- */

static void count_effect(shop_t *shop, payment_effect_t effect)
{
    shop_counts_t *c = &shop->counts;
    atomic_fetch_add(&c->confirmed, effect == PAYMENT_CONFIRMED || effect == PAYMENT_REACQUIRED);
    atomic_fetch_add(&c->reacquired, effect == PAYMENT_REACQUIRED);
    atomic_fetch_add(&c->refunds, effect == PAYMENT_REFUND_LATE || effect == PAYMENT_REFUND_DOUBLE);
}

static err_t events_turn(shop_t *shop, arena_t *a, uint32_t wait_ms)
{
    uint64_t seen = 0;
    pay_event_t events[EVENTS_CAP];
    size_t n = 0;
    {
        DB_LEASE_SCOPED db_lease_t lease = {0};
        TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
        TRY(payment_cursor(lease.db, &seen));
    }
    TRY(pay_events(shop->pay, seen, wait_ms, events, EVENTS_CAP, &n));
    for (size_t i = 0; i < n; i++) {
        payment_effect_t effect;
        TRY(payment_apply(shop->writer, a, &events[i], clock_wall_us(), &effect));
        count_effect(shop, effect);
        log_event(effect == PAYMENT_ALARM ? LOG_ERROR : LOG_INFO, events[i].request, "pay.event",
                  "seq=%llu state=%s effect=%d", (unsigned long long)events[i].seq,
                  pay_state_name(events[i].state), (int)effect);
    }
    return OK;
}

void work_events_turn(shop_t *shop, uint32_t wait_ms)
{
    static _Thread_local quiet_t quiet;
    arena_t a;
    arena_init(&a, TURN_ARENA_BYTES);
    err_t e = events_turn(shop, &a, wait_ms);
    complain(&quiet, "pay.events", e);
    arena_deinit(&a);
    if (err_failed(e) && !atomic_load(&shop->stopping)) {
        usleep(200000);
    }
}

/* --- orders to payd --------------------------------------------------------------------------- */

static err_t orders_turn(shop_t *shop, arena_t *a)
{
    size_t done = 0;
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    return pay_orders_work(lease.db, shop->writer, shop->pay, a, clock_wall_us(), &done);
}

void work_orders_turn(shop_t *shop)
{
    static _Thread_local quiet_t quiet;
    arena_t a;
    arena_init(&a, TURN_ARENA_BYTES);
    complain(&quiet, "pay.orders", orders_turn(shop, &a));
    arena_deinit(&a);
}

/* --- ended holds ------------------------------------------------------------------------------ */

static err_t holds_turn(shop_t *shop, arena_t *a)
{
    size_t ended = 0;
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    TRY(holds_expire(lease.db, shop->writer, a, clock_wall_us(), &ended));
    atomic_fetch_add(&shop->counts.expired, (long long)ended);
    return OK;
}

void work_holds_turn(shop_t *shop)
{
    static _Thread_local quiet_t quiet;
    arena_t a;
    arena_init(&a, TURN_ARENA_BYTES);
    complain(&quiet, "holds.expire", holds_turn(shop, &a));
    arena_deinit(&a);
}

/* --- departures that are decided -------------------------------------------------------------- */

static err_t decisions_turn(shop_t *shop, arena_t *a)
{
    size_t n = 0;
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    TRY(decisions_due(lease.db, shop->writer, a, clock_wall_us(), &n));
    return decisions_work(lease.db, shop->writer, a, clock_wall_us(), &n);
}

void work_decisions_turn(shop_t *shop)
{
    static _Thread_local quiet_t quiet;
    arena_t a;
    arena_init(&a, TURN_ARENA_BYTES);
    complain(&quiet, "departures.decide", decisions_turn(shop, &a));
    arena_deinit(&a);
}

/* --- letters ---------------------------------------------------------------------------------- */

/* A vault or a record that rests is no failure of the letter: it waits without a try counted. */
static bool waits(err_t e)
{
    return err_is(e, ERR_NOT_RECORDED) || err_is(e, ERR_UNAVAILABLE) || err_is(e, ERR_TIMEOUT) ||
           err_is(e, ERR_CLOSED) || err_is(e, ERR_BUDGET) || err_is(e, ERR_DB_BUSY);
}

static err_t send_one(shop_t *shop, db_t *db, arena_t *a, const outbox_row_t *row)
{
    const shop_conf_t *c = shop->conf;
    smtp_server_t server = {c->smtp_host, c->smtp_port, c->smtp_tls, c->mail_from};
    smtp_letter_t letter;
    id128_t pseudonym;
    bool final = false;
    int64_t now = clock_wall_us();
    err_t e = letter_make(shop, db, a, row, now, &letter, &pseudonym);
    if (waits(e)) {
        return e;
    }
    if (err_failed(e)) {
        final = true; /* erased, or damaged: no later try will read it */
    } else {
        e = smtp_send(a, &server, &letter, &final);
        atomic_store(&shop->mail_trouble, err_failed(e) && !final ? e.code : 0);
    }
    atomic_fetch_add(err_failed(e) ? &shop->counts.mails_failed : &shop->counts.mails_sent, 1);
    TRY(outbox_settle(shop->writer, a, row, pseudonym, e, final, now));
    if (err_failed(e)) {
        log_err(LOG_WARN, row->request, "mail.failed", e);
    }
    return OK;
}

static err_t letters_turn(shop_t *shop, arena_t *a)
{
    outbox_row_t rows[OUTBOX_ROWS];
    size_t n = 0;
    brake_state_t brake = brake_now(shop->brake);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    TRY(outbox_due(lease.db, a, clock_wall_us(), brake_is_open(&brake, BRAKE_OUTBOUND_MAIL), rows,
                   &n));
    for (size_t i = 0; i < n && !atomic_load(&shop->stopping); i++) {
        TRY(send_one(shop, lease.db, a, &rows[i]));
    }
    return OK;
}

void work_letters_turn(shop_t *shop)
{
    static _Thread_local quiet_t quiet;
    arena_t a;
    arena_init(&a, 2 * TURN_ARENA_BYTES);
    complain(&quiet, "mail.letters", letters_turn(shop, &a));
    arena_deinit(&a);
}

/* --- the threads ------------------------------------------------------------------------------ */

enum { LOOPS = 5 };

struct work {
    shop_t *shop;
    pthread_t threads[LOOPS];
    size_t started;
};

static void rest(shop_t *shop, unsigned ms)
{
    for (unsigned i = 0; i < ms / 50 && !atomic_load(&shop->stopping); i++) {
        usleep(50000);
    }
}

static void *events_loop(void *arg)
{
    shop_t *shop = arg;
    while (!atomic_load(&shop->stopping)) {
        work_events_turn(shop, EVENTS_WAIT_MS);
    }
    return NULL;
}

static void *orders_loop(void *arg)
{
    shop_t *shop = arg;
    while (!atomic_load(&shop->stopping)) {
        work_orders_turn(shop);
        rest(shop, 250);
    }
    return NULL;
}

static void *holds_loop(void *arg)
{
    shop_t *shop = arg;
    int64_t purged_us = 0;
    while (!atomic_load(&shop->stopping)) {
        work_holds_turn(shop);
        work_decisions_turn(shop);
        int64_t now = clock_wait_us(), rows = 0;
        if (now - purged_us > PURGE_EVERY_US) {
            err_ignore(web_sessions_purge(shop->sessions, clock_wall_us(), &rows)); /* next time */
            purged_us = now;
        }
        rest(shop, 500);
    }
    return NULL;
}

static void *letters_loop(void *arg)
{
    shop_t *shop = arg;
    while (!atomic_load(&shop->stopping)) {
        work_letters_turn(shop);
        rest(shop, 250);
    }
    return NULL;
}

static void *honey_loop(void *arg)
{
    quiet_t quiet = {0};
    shop_t *shop = arg;
    honey_t *honey = NULL;
    bool load = shop->profile == PROFILE_TEST || shop->profile == PROFILE_BENCH;
    if (shop->conf->honey == SHOP_HONEY_NO || (shop->conf->honey == SHOP_HONEY_AUTO && load)) {
        return NULL;
    }
    complain(&quiet, "honey", honey_new(shop, &honey));
    while (honey && !atomic_load(&shop->stopping)) {
        complain(&quiet, "honey", honey_turn(honey));
        rest(shop, 500);
    }
    honey_free(honey);
    return NULL;
}

err_t work_start(shop_t *shop, work_t **ret_work)
{
    static void *(*const LOOP[LOOPS])(void *) = {events_loop, orders_loop, holds_loop, letters_loop,
                                                 honey_loop};
    work_t *w = calloc(1, sizeof *w);
    ENSURE(w, ERR_MEMORY);
    w->shop = shop;
    for (; w->started < LOOPS; w->started++) {
        if (pthread_create(&w->threads[w->started], NULL, LOOP[w->started], shop) != 0) {
            work_stop(w);
            return FAIL(ERR_MEMORY);
        }
    }
    *ret_work = w;
    return OK;
}

void work_stop(work_t *work)
{
    if (!work) {
        return;
    }
    atomic_store(&work->shop->stopping, true);
    for (size_t i = 0; i < work->started; i++) {
        pthread_join(work->threads[i], NULL);
    }
    free(work);
}
