/* Asking the rooms how they are. Every question is bounded by its client. */
#include "health.h"
#include "base/clock.h"

enum { KEEP_US = 1000000, MARK_ARENA_BYTES = 64 * 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static shop_health_t last;
static int64_t last_mono_us;

/* A mark that must reach the disk: a full or broken disk can often still be read. */
static err_t mark(job_t *job, db_t *db)
{
    return db_run(db, SQL("UPDATE pulse SET at_us = ?1 WHERE one = 1"),
                  DB_ARGS(db_i64(clock_wall_us())), NULL);
}

static bool writes_ok(shop_t *shop)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, MARK_ARENA_BYTES);
    return !err_failed(writer_run(shop->writer, &a, mark, NULL));
}

static bool reads_ok(shop_t *shop)
{
    int64_t n = 0;
    DB_LEASE_SCOPED db_lease_t lease = {0};
    return !err_failed(db_lease(shop->db, 500, &lease)) &&
           !err_failed(db_query_i64(lease.db, SQL("SELECT seq FROM pay_cursor WHERE one = 1"),
                                    DB_NO_ARGS, &n));
}

static bool ledger_ok(shop_t *shop)
{
    ledger_status_t s;
    return !err_failed(ledger_status(shop->ledger, &s)) && s.accepting;
}

/* Sealing and blinding need no record; a fixed word tells whether the vault lives. A vault that can
 * keep no new keys still shows what was sealed before. */
static shop_msg_t vault_why(shop_t *shop)
{
    health_t health;
    uint8_t blind[VAULT_BLIND_BYTES];
    if (err_failed(
            vault_blind(shop->vault, VAULT_BLIND_EMAIL, SLICE("health@sekisho.invalid"), blind)) ||
        err_failed(vault_health(shop->vault, &health))) {
        return SHOP_MSG_HEALTH_WHY_VAULT;
    }
    return health.state == HEALTH_DOWN ? SHOP_MSG_HEALTH_WHY_KEYS : SHOP_MSG_NONE;
}

static shop_msg_t pay_why(shop_t *shop)
{
    bool open = false;
    char reason[32] = "";
    if (err_failed(pay_open(shop->pay, &open, reason))) {
        return SHOP_MSG_HEALTH_WHY_PAY;
    }
    if (!open) {
        slice_t r = slice_cstr_in(reason);
        return slice_eq(r, SLICE("ledger"))     ? SHOP_MSG_HEALTH_WHY_LEDGER
               : slice_eq(r, SLICE("provider")) ? SHOP_MSG_HEALTH_WHY_PROVIDER
               : slice_eq(r, SLICE("database")) ? SHOP_MSG_HEALTH_WHY_PAY_BOOK
                                                : SHOP_MSG_HEALTH_WHY_STOPPED;
    }
    return shop_payments_open(shop, true) ? SHOP_MSG_NONE : SHOP_MSG_HEALTH_WHY_STOPPED;
}

static void set(shop_health_t *h, health_part_t part, const char *name, shop_msg_t why)
{
    h->name[part] = name;
    h->why[part] = why;
    h->ok[part] = why == SHOP_MSG_NONE;
}

static shop_health_t look(shop_t *shop)
{
    shop_health_t h = {.checked_us = clock_wall_us()};
    bool mail = atomic_load(&shop->mail_trouble) == 0;
    set(&h, PART_DATABASE, "database",
        reads_ok(shop) && writes_ok(shop) ? SHOP_MSG_NONE : SHOP_MSG_HEALTH_WHY_DATABASE);
    set(&h, PART_LEDGER, "ledgerd", ledger_ok(shop) ? SHOP_MSG_NONE : SHOP_MSG_HEALTH_WHY_LEDGER);
    set(&h, PART_VAULT, "vaultd", vault_why(shop));
    set(&h, PART_PAY, "payd", pay_why(shop));
    set(&h, PART_MAIL, "mail", mail ? SHOP_MSG_NONE : SHOP_MSG_HEALTH_WHY_MAIL);
    h.personal = h.ok[PART_LEDGER] && h.why[PART_VAULT] != SHOP_MSG_HEALTH_WHY_VAULT;
    h.bookings = h.ok[PART_DATABASE] && h.ok[PART_LEDGER] && h.ok[PART_VAULT];
    h.payments = h.bookings && h.ok[PART_PAY];
    h.all = h.payments && h.ok[PART_MAIL];
    return h;
}

shop_health_t health_look(shop_t *shop)
{
    pthread_mutex_lock(&lock);
    int64_t now = clock_wait_us();
    if (last_mono_us == 0 || now - last_mono_us > KEEP_US) {
        last = look(shop);
        last_mono_us = clock_wait_us();
    }
    shop_health_t h = last;
    pthread_mutex_unlock(&lock);
    return h;
}

void health_rows(shop_t *shop, health_t *out)
{
    shop_health_t h = health_look(shop);
    for (size_t i = 0; i < PART_COUNT; i++) {
        slice_t why = i18n_text(&shop_catalog, I18N_EN, h.why[i]);
        health_state_t state = h.ok[i]              ? HEALTH_OK
                               : i == PART_DATABASE ? HEALTH_DOWN
                                                    : HEALTH_DEGRADED;
        health_add(out, state, h.name[i], "%.*s", h.ok[i] ? 2 : (int)why.len,
                   h.ok[i] ? "ok" : (const char *)why.ptr);
    }
}
