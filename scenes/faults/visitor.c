/* house-visitor VAR PORT - one customer who does what stdin says, a word a line, and answers each
 * with a line of JSON: {"did","ok","step","fault","status","booking","state"}.
 *
 *   fresh            another person, no cookies
 *   hold             opens a departure that has seats and takes one
 *   travellers       fills in and sends the travellers' form
 *   consent          agrees, and is sent to the provider
 *   pay              pays there and comes back
 *   state            the booking's page; "state" is its word
 *   has TEXT         whether the last page holds this text (decoded or as HTML): "ok"
 *   record N BYTES   N durable records with payloads of so many bytes; ok = all were acknowledged,
 *                    "done" = how many
 * fault: fine, unreached, unanswered, status, page (load/shopper.h). */
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "house.h"
#include "ledger/api.h"
#include "load/shopper.h"

enum { ANSWER_MS = 40000, LINE_BYTES = 1024, PAYLOAD_MAX = LEDGER_PAYLOAD_MAX };

typedef struct visitor {
    load_house_t house;
    shopper_t s;
    ledger_client_t *ledger;
    char departure[SHOPPER_ID], state[SHOPPER_STATE];
    uint64_t done;
} visitor_t;

/* One with many seats, on sale for long. */
static bool departure_find(visitor_t *v, const char *var)
{
    char path[256];
    sqlite3 *db = NULL;
    sqlite3_stmt *rows = NULL;
    snprintf(path, sizeof path, "%s/shop/shop.db", var);
    bool fine =
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db,
                           "SELECT d.id FROM departure d JOIN inventory i ON i.id = d.inventory "
                           "WHERE d.flags & 8 = 0 " /* no rooms to choose */
                           "ORDER BY (i.cap - i.taken >= 12) DESC, d.deadline_us DESC LIMIT 1",
                           -1, &rows, NULL) == SQLITE_OK &&
        sqlite3_step(rows) == SQLITE_ROW;
    if (fine) {
        id_encode(id_from_bytes(sqlite3_column_blob(rows, 0)), v->departure);
    }
    sqlite3_finalize(rows);
    sqlite3_close(db);
    return fine;
}

static err_t do_fresh(visitor_t *v, char *rest)
{
    shopper_fresh(&v->s);
    return OK;
}

static err_t do_hold(visitor_t *v, char *rest)
{
    TRY(shopper_departure_open(&v->s, slice_cstr_in(v->departure)));
    return shopper_hold(&v->s, 1, 0);
}

static err_t do_travellers(visitor_t *v, char *rest)
{
    return shopper_travellers(&v->s, 1, 0);
}

static err_t do_consent(visitor_t *v, char *rest)
{
    return shopper_consent(&v->s);
}

static err_t do_pay(visitor_t *v, char *rest)
{
    return shopper_pay(&v->s, SLICE("success"));
}

static err_t do_state(visitor_t *v, char *rest)
{
    return shopper_state(&v->s, v->state);
}

static err_t do_has(visitor_t *v, char *rest)
{
    return slice_find(v->s.page.body, slice_cstr_in(rest)) != SIZE_MAX ? OK : FAIL(ERR_NOT_FOUND);
}

static err_t do_record(visitor_t *v, char *rest)
{
    static uint8_t payload[PAYLOAD_MAX];
    slice_t words = slice_cstr_in(rest), word;
    uint64_t n, bytes;
    v->done = 0;
    ENSURE(slice_split(&words, ' ', &word), ERR_USAGE);
    TRY(slice_parse_u64(word, 100000, &n));
    TRY(slice_parse_u64(words, sizeof payload, &bytes));
    random_bytes(payload, sizeof payload);
    for (; v->done < n; v->done++) {
        ledger_record_t rec = {.type = LEDGER_ALARM,
                               .request = id_new(),
                               .facts = SLICE("why=test"),
                               .payload = slice_make(payload, (size_t)bytes)};
        TRY(ledger_append(v->ledger, &rec, 1, NULL));
    }
    return OK;
}

static const struct {
    const char *word;
    err_t (*act)(visitor_t *v, char *rest);
} ACTS[] = {
    {"fresh", do_fresh},     {"hold", do_hold},     {"travellers", do_travellers},
    {"consent", do_consent}, {"pay", do_pay},       {"state", do_state},
    {"has", do_has},         {"record", do_record},
};

static void answer(const visitor_t *v, const char *word, err_t e)
{
    static const char *const FAULTS[] = {"fine", "unreached", "unanswered", "status", "page"};
    printf("{\"did\":\"%s\",\"ok\":%s,\"error\":%u,\"step\":\"%s\",\"fault\":\"%s\",\"status\":%d,"
           "\"booking\":\"%s\",\"state\":\"%s\",\"took_ms\":%lld,\"done\":%llu}\n",
           word, err_failed(e) ? "false" : "true", e.code, load_step_name(v->s.step),
           FAULTS[v->s.fault], v->s.status, v->s.booking, v->state,
           (long long)(v->s.took_us / 1000), (unsigned long long)v->done);
    fflush(stdout);
}

static void obey(visitor_t *v, char *line)
{
    line[strcspn(line, "\n")] = 0;
    char *rest = strchr(line, ' ');
    if (rest) {
        *rest++ = 0;
    }
    for (size_t i = 0; i < BASE_COUNT(ACTS); i++) {
        if (strcmp(ACTS[i].word, line) == 0) {
            char nothing[1] = "";
            v->state[0] = 0;
            answer(v, ACTS[i].word, ACTS[i].act(v, rest ? rest : nothing));
            return;
        }
    }
    answer(v, "nothing", FAIL(ERR_USAGE));
}

int main(int argc, char **argv)
{
    static visitor_t v;
    static char line[LINE_BYTES];
    char ledger[256];
    uint64_t port;
    signal(SIGPIPE, SIG_IGN);
    if (argc != 3 || err_failed(slice_parse_u64(slice_cstr_in(argv[2]), 65000, &port)) ||
        err_failed(load_house_init(&v.house, (unsigned)port, NULL, ANSWER_MS))) {
        fputs("usage: house-visitor VAR PORT\n", stderr);
        return 2;
    }
    snprintf(ledger, sizeof ledger, "%s/run/ledger.sock", argv[1]);
    if (!departure_find(&v, argv[1]) ||
        err_failed(ledger_client_new(ledger, ROOM_TEST, &v.ledger))) {
        return 1;
    }
    shopper_init(&v.s, &v.house, 0, false);
    while (fgets(line, sizeof line, stdin)) {
        obey(&v, line);
    }
    shopper_deinit(&v.s);
    ledger_client_free(v.ledger);
    return 0;
}
