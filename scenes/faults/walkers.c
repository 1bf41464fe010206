/* house-walkers VAR PORT CLIENTS PAUSE_MS JOURNAL - customers who walk the shop until SIGTERM, and
 * a room that has records made durable, each writing down what it was told.
 *
 * A line a fact, written when the answer had come and not before:
 *   held BOOKING        the shop answered that the seats are hers
 *   paid BOOKING        the provider answered that the payment went through
 *   confirmed BOOKING   the booking's page said so
 *   record SEQ ID       ledgerd answered that the record of this request id stands at this number
 * Some customers leave after the hold, some at the provider's, so that seats must come back. Seats
 * of all departures are made plenty first: this is about loss, not about scarcity. Prints how often
 * what happened at the end. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "house.h"
#include "ledger/api.h"
#include "load/shopper.h"

enum {
    CLIENTS_MAX = 64,
    DEPARTURES_MAX = 512,
    ANSWER_MS = 10000,
    SETTLE_US = 30000000,
    LOOK_US = 200000,
    RECORD_US = 20000,
    WALK_PARTS = 8 /* of eight: one leaves after the hold, one leaves the provider's page open */
};

typedef struct plan {
    load_house_t house;
    char ledger[256];
    int journal;
    uint64_t pause_ms; /* up to so long between two walks */
    char departures[DEPARTURES_MAX][SHOPPER_ID];
    size_t n;
    _Atomic uint64_t walks, held, paid, confirmed, records, refused;
} plan_t;

static plan_t plan;
static volatile sig_atomic_t stopped;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

/* One write a line: lines of several threads never mix (O_APPEND), and a line is whole or absent.
 */
static void told(const char *what, const char *id)
{
    char line[96];
    int n = snprintf(line, sizeof line, "%s %s\n", what, id);
    CHECK(n > 0 && write(plan.journal, line, (size_t)n) == n);
}

static uint32_t below(uint32_t n)
{
    uint32_t r;
    random_bytes(&r, sizeof r);
    return r % n;
}

/* Money was taken: the page must say "confirmed" soon, whoever was killed meanwhile. */
static void settle(shopper_t *s)
{
    char state[SHOPPER_STATE] = "";
    for (int64_t until = clock_wait_us() + SETTLE_US; clock_wait_us() < until;) {
        if (!err_failed(shopper_state(s, state)) && strcmp(state, "confirmed") == 0) {
            told("confirmed", s->booking);
            plan.confirmed++;
            return;
        }
        usleep(LOOK_US);
    }
}

static err_t walk(shopper_t *s)
{
    uint32_t part = below(WALK_PARTS);
    shopper_fresh(s);
    TRY(shopper_departure_open(s, slice_cstr_in(plan.departures[below((uint32_t)plan.n)])));
    TRY(shopper_hold(s, 1, 0));
    told("held", s->booking);
    plan.held++;
    if (part == 0) {
        return OK;
    }
    TRY(shopper_travellers(s, 1, 0));
    TRY(shopper_consent(s));
    if (part == 1) {
        return OK;
    }
    err_t e = shopper_pay(s, SLICE("success"));
    if (s->step == LOAD_RETURN || !err_failed(e)) { /* the provider's own answer had come */
        told("paid", s->booking);
        plan.paid++;
        settle(s);
    }
    return e;
}

static void *walker(void *arg)
{
    shopper_t s;
    shopper_init(&s, &plan.house, 0x7f020001U + (uint32_t)(uintptr_t)arg, false);
    while (!stopped) {
        plan.walks++;
        if (err_failed(walk(&s))) {
            usleep(LOOK_US);
        }
        usleep(below((uint32_t)plan.pause_ms + 1) * 1000);
    }
    shopper_deinit(&s);
    return NULL;
}

static void *recorder(void *none)
{
    ledger_client_t *c;
    CHECK(!err_failed(ledger_client_new(plan.ledger, ROOM_TEST, &c)));
    while (!stopped) {
        ledger_record_t rec = {
            .type = LEDGER_ALARM, .request = id_new(), .facts = SLICE("why=test")};
        uint64_t seq;
        if (err_failed(ledger_append(c, &rec, 1, &seq))) {
            plan.refused++;
        } else {
            char text[ID_TEXT + 24], id[ID_TEXT];
            id_encode(rec.request, id);
            snprintf(text, sizeof text, "%llu %.*s", (unsigned long long)seq, ID_TEXT, id);
            told("record", text);
            plan.records++;
        }
        usleep(RECORD_US);
    }
    ledger_client_free(c);
    return none;
}

/* The departures on sale for the longest; seats for all, none of them sold: what is taken at the
 * end is what this run took. */
static bool departures_take(const char *var)
{
    char path[256];
    sqlite3 *db = NULL;
    sqlite3_stmt *rows = NULL;
    snprintf(path, sizeof path, "%s/shop/shop.db", var);
    bool fine =
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
        sqlite3_busy_timeout(db, 5000) == SQLITE_OK &&
        sqlite3_exec(db,
                     "UPDATE inventory SET cap = 1000000, taken = 0, held = 0 WHERE cap < 1000000",
                     NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(
            db, "SELECT id FROM departure WHERE flags & 8 = 0 ORDER BY deadline_us DESC LIMIT 40",
            -1, &rows, NULL) == SQLITE_OK;
    while (fine && plan.n < DEPARTURES_MAX && sqlite3_step(rows) == SQLITE_ROW) {
        id_encode(id_from_bytes(sqlite3_column_blob(rows, 0)), plan.departures[plan.n++]);
    }
    if (!fine) {
        fprintf(stderr, "%s: %s\n", path, db ? sqlite3_errmsg(db) : "cannot be opened");
    }
    sqlite3_finalize(rows);
    sqlite3_close(db);
    return fine && plan.n > 0;
}

static bool arguments(int argc, char **argv, uint64_t *ret_clients)
{
    uint64_t port;
    if (argc != 6 || err_failed(slice_parse_u64(slice_cstr_in(argv[2]), 65000, &port)) ||
        err_failed(slice_parse_u64(slice_cstr_in(argv[3]), CLIENTS_MAX, ret_clients)) ||
        err_failed(slice_parse_u64(slice_cstr_in(argv[4]), 60000, &plan.pause_ms))) {
        return false;
    }
    snprintf(plan.ledger, sizeof plan.ledger, "%s/run/ledger.sock", argv[1]);
    plan.journal = open(argv[5], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return plan.journal >= 0 &&
           !err_failed(load_house_init(&plan.house, (unsigned)port, NULL, ANSWER_MS));
}

int main(int argc, char **argv)
{
    uint64_t clients;
    pthread_t threads[CLIENTS_MAX + 1];
    struct sigaction stop = {.sa_handler = on_stop};
    sigaction(SIGTERM, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (!arguments(argc, argv, &clients)) {
        fputs("usage: house-walkers VAR PORT CLIENTS PAUSE_MS JOURNAL\n", stderr);
        return 2;
    }
    if (!departures_take(argv[1])) {
        return 1;
    }
    for (uint64_t i = 0; i < clients; i++) {
        CHECK(pthread_create(&threads[i], NULL, walker, (void *)(uintptr_t)i) == 0);
    }
    CHECK(pthread_create(&threads[clients], NULL, recorder, NULL) == 0);
    for (uint64_t i = 0; i <= clients; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("{\"walks\":%llu,\"held\":%llu,\"paid\":%llu,\"confirmed\":%llu,\"records\":%llu,"
           "\"refused\":%llu}\n",
           (unsigned long long)plan.walks, (unsigned long long)plan.held,
           (unsigned long long)plan.paid, (unsigned long long)plan.confirmed,
           (unsigned long long)plan.records, (unsigned long long)plan.refused);
    return 0;
}
