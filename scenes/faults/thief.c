/* house-thief VAR MILLISECONDS NOTES [REQUEST...] - a thief who has shopd's rights and is not
 * shopd: runs as the shop's user, reads the shop's database and asks the vault for everybody whom
 * he finds there, as fast as it answers, purpose after purpose, until his time is over. He lies as
 * well as he can: no request and no actor, made-up ones, one request for very many, and REQUESTs
 * that really were somebody's.
 *
 * NOTES: the pseudonym of each customer whose name he has got, one a line. Prints
 * {"process","known","taken","over_budget","not_found","failed","rounds"}. For one back end:
 * SQLite. */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "become.h"
#include "vault/api.h"

enum { TARGETS = 4096, REQUESTS = 16, SEALED_MAX = 1024, PATH = 256, REST_US = 20000 };

typedef struct target {
    id128_t booking, subject, pseudonym;
    uint8_t name[SEALED_MAX], email[SEALED_MAX];
    size_t name_bytes, email_bytes;
    bool taken;
} target_t;

typedef struct thief {
    char db_path[PATH], vault_path[PATH];
    vault_client_t *vault;
    FILE *notes;
    id128_t requests[REQUESTS], one; /* stolen ones; the one for very many */
    size_t request_count, asked;
    target_t *targets;
    size_t known, taken, over_budget, not_found, failed, rounds;
} thief_t;

static size_t bytes_of(sqlite3_stmt *rows, int column, uint8_t *out)
{
    size_t n = (size_t)sqlite3_column_bytes(rows, column);
    if (n > SEALED_MAX) {
        return 0;
    }
    memcpy(out, sqlite3_column_blob(rows, column), n);
    return n;
}

static void target_add(thief_t *t, sqlite3_stmt *rows)
{
    id128_t booking = id_from_bytes(sqlite3_column_blob(rows, 0));
    for (size_t i = 0; i < t->known; i++) {
        if (id_eq(t->targets[i].booking, booking)) {
            return;
        }
    }
    if (t->known < TARGETS) {
        target_t *one = &t->targets[t->known++];
        one->booking = booking;
        one->subject = id_from_bytes(sqlite3_column_blob(rows, 1));
        one->pseudonym = id_from_bytes(sqlite3_column_blob(rows, 2));
        one->name_bytes = bytes_of(rows, 3, one->name);
        one->email_bytes = bytes_of(rows, 4, one->email);
    }
}

/* Customers come while he works. */
static bool targets_read(thief_t *t)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *rows = NULL;
    bool fine = sqlite3_open_v2(t->db_path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
                sqlite3_busy_timeout(db, 5000) == SQLITE_OK &&
                sqlite3_prepare_v2(db,
                                   "SELECT b.id, b.subject, b.pseudonym, r.name, r.email "
                                   "FROM booking b JOIN representative r ON r.booking = b.id "
                                   "WHERE b.subject IS NOT NULL ORDER BY b.created_us",
                                   -1, &rows, NULL) == SQLITE_OK;
    while (fine && sqlite3_step(rows) == SQLITE_ROW) {
        target_add(t, rows);
    }
    sqlite3_finalize(rows);
    sqlite3_close(db);
    return fine;
}

static vault_context_t lie(thief_t *t, const target_t *target, vault_purpose_t purpose)
{
    vault_context_t c = {.object = target->booking, .purpose = purpose};
    switch (t->asked++ % 4) {
    case 0:
        break; /* "the room's own work" */
    case 1:
        c.request = id_new();
        c.actor = id_new();
        break;
    case 2:
        c.request = t->one;
        c.actor = id_new();
        c.object = id_zero();
        break;
    default:
        c.request = t->request_count ? t->requests[t->asked % t->request_count] : id_new();
        c.actor = id_new();
        break;
    }
    return c;
}

static void note(thief_t *t, target_t *target)
{
    char text[ID_TEXT + 1] = {0};
    id_encode(target->pseudonym, text);
    fprintf(t->notes, "%s\n", text);
    target->taken = true;
    t->taken++;
}

static err_t steal(thief_t *t, target_t *target, vault_purpose_t purpose)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 64 * 1024);
    slice_t plain[2];
    vault_item_t items[2] = {{target->subject, SLICE("representative"), SLICE("name"),
                              target->booking, slice_make(target->name, target->name_bytes)},
                             {target->subject, SLICE("representative"), SLICE("email"),
                              target->booking, slice_make(target->email, target->email_bytes)}};
    vault_context_t c = lie(t, target, purpose);
    TRY(vault_reveal(t->vault, &a, &c, items, BASE_COUNT(items), plain));
    if (plain[0].len && plain[1].len) {
        note(t, target);
    }
    return OK;
}

static void round_of(thief_t *t, vault_purpose_t purpose)
{
    for (size_t i = 0; i < t->known; i++) {
        if (t->targets[i].taken) {
            continue;
        }
        err_t e = steal(t, &t->targets[i], purpose);
        t->over_budget += err_is(e, ERR_BUDGET);
        t->not_found += err_is(e, ERR_NOT_FOUND);
        t->failed += err_failed(e) && !err_is(e, ERR_BUDGET) && !err_is(e, ERR_NOT_FOUND);
    }
}

static bool work(thief_t *t, int64_t until_us)
{
    static const vault_purpose_t PURPOSES[] = {VAULT_FOR_SHOW_TO_OWNER, VAULT_FOR_MAIL,
                                               VAULT_FOR_PAPER, VAULT_FOR_DESK};
    do {
        if (!targets_read(t)) {
            return false;
        }
        round_of(t, PURPOSES[t->rounds++ % BASE_COUNT(PURPOSES)]);
        usleep(REST_US);
    } while (clock_wait_us() < until_us || t->rounds < 2 * BASE_COUNT(PURPOSES));
    return fflush(t->notes) == 0;
}

static bool open_all(thief_t *t, const char *var, const char *notes)
{
    snprintf(t->db_path, sizeof t->db_path, "%s/shop/shop.db", var);
    snprintf(t->vault_path, sizeof t->vault_path, "%s/run/vault.sock", var);
    t->one = id_new();
    t->targets = calloc(TARGETS, sizeof *t->targets);
    t->notes = fopen(notes, "w"); /* as root: shop's user has no place of its own to hide it */
    return t->targets && t->notes && become(ROOM_SHOP) &&
           !err_failed(vault_client_new(t->vault_path, ROOM_SHOP, &t->vault));
}

int main(int argc, char **argv)
{
    static thief_t t;
    uint64_t ms;
    signal(SIGPIPE, SIG_IGN);
    if (argc < 4 || argc > 4 + REQUESTS ||
        err_failed(slice_parse_u64(slice_cstr_in(argv[2]), 600000, &ms))) {
        fputs("usage: house-thief VAR MILLISECONDS NOTES [REQUEST...]\n", stderr);
        return 2;
    }
    for (int i = 4; i < argc; i++) {
        if (err_failed(id_decode(slice_cstr_in(argv[i]), &t.requests[t.request_count++]))) {
            return 2;
        }
    }
    if (!open_all(&t, argv[1], argv[3]) || !work(&t, clock_wait_us() + (int64_t)ms * 1000)) {
        fputs("house-thief: no way in\n", stderr);
        return 1;
    }
    printf("{\"process\":%d,\"known\":%zu,\"taken\":%zu,\"over_budget\":%zu,\"not_found\":%zu,"
           "\"failed\":%zu,\"rounds\":%zu}\n",
           (int)getpid(), t.known, t.taken, t.over_budget, t.not_found, t.failed, t.rounds);
    vault_client_free(t.vault);
    fclose(t.notes);
    free(t.targets);
    return 0;
}
