/* house-asker VAR N PAUSE_MS - asks the vault N times for the first customer's name, each time
 * under a request of its own, as a test's client. A line each: {"request","ok","error","ms"}. ok:
 * the name came. What is released without a durable intent, and how long a refusal takes, is judged
 * by it. For one back end: SQLite. */
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "vault/api.h"

enum { SEALED_MAX = 1024 };

typedef struct customer {
    id128_t booking, subject;
    uint8_t name[SEALED_MAX];
    size_t bytes;
} customer_t;

static bool customer_find(const char *var, customer_t *ret)
{
    char path[256];
    sqlite3 *db = NULL;
    sqlite3_stmt *rows = NULL;
    snprintf(path, sizeof path, "%s/shop/shop.db", var);
    bool fine = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
                sqlite3_busy_timeout(db, 5000) == SQLITE_OK &&
                sqlite3_prepare_v2(db,
                                   "SELECT b.id, b.subject, r.name FROM booking b "
                                   "JOIN representative r ON r.booking = b.id "
                                   "ORDER BY b.created_us LIMIT 1",
                                   -1, &rows, NULL) == SQLITE_OK &&
                sqlite3_step(rows) == SQLITE_ROW && sqlite3_column_bytes(rows, 2) <= SEALED_MAX;
    if (fine) {
        ret->booking = id_from_bytes(sqlite3_column_blob(rows, 0));
        ret->subject = id_from_bytes(sqlite3_column_blob(rows, 1));
        ret->bytes = (size_t)sqlite3_column_bytes(rows, 2);
        memcpy(ret->name, sqlite3_column_blob(rows, 2), ret->bytes);
    }
    sqlite3_finalize(rows);
    sqlite3_close(db);
    return fine;
}

static void ask(vault_client_t *vault, const customer_t *who)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 16 * 1024);
    char request[ID_TEXT + 1] = {0};
    slice_t plain = SLICE_EMPTY;
    vault_item_t item = {who->subject, SLICE("representative"), SLICE("name"), who->booking,
                         slice_make(who->name, who->bytes)};
    vault_context_t context = {.request = id_new(),
                               .object = who->booking,
                               .actor = who->booking,
                               .purpose = VAULT_FOR_SHOW_TO_OWNER};
    id_encode(context.request, request);
    int64_t started = clock_wait_us();
    err_t e = vault_reveal(vault, &a, &context, &item, 1, &plain);
    printf("{\"request\":\"%s\",\"ok\":%s,\"error\":\"%s\",\"ms\":%lld}\n", request,
           !err_failed(e) && plain.len ? "true" : "false", err_failed(e) ? err_name(e.code) : "",
           (long long)((clock_wait_us() - started) / 1000));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static customer_t who;
    uint64_t n, pause_ms;
    vault_client_t *vault;
    char path[256];
    signal(SIGPIPE, SIG_IGN);
    if (argc != 4 || err_failed(slice_parse_u64(slice_cstr_in(argv[2]), 100000, &n)) ||
        err_failed(slice_parse_u64(slice_cstr_in(argv[3]), 10000, &pause_ms))) {
        fputs("usage: house-asker VAR N PAUSE_MS\n", stderr);
        return 2;
    }
    snprintf(path, sizeof path, "%s/run/vault.sock", argv[1]);
    if (!customer_find(argv[1], &who) || err_failed(vault_client_new(path, ROOM_TEST, &vault))) {
        fputs("house-asker: nobody to ask for\n", stderr);
        return 1;
    }
    while (n--) {
        ask(vault, &who);
        usleep((useconds_t)pause_ms * 1000);
    }
    vault_client_free(vault);
    return 0;
}
