/* payd: the only process that talks to the payment service provider and the only one that holds its
 * secrets. No card data passes here: customers type it into the provider's own page. */
#include <curl/curl.h>
#include <unistd.h>

#include "io/daemon.h"

#include "db/migrate.h"
#include "io/log.h"
#include "io/secrets.h"
#include "providers.h"
#include "rounds.h"
#include "service.h"

extern const db_migrations_t pay_migrations;

static payd_conf_t conf;

static const daemon_spec_t SPEC = {.room = ROOM_PAY,
                                   .conf = {PROVIDERS_FIELDS, PROVIDERS_FIELD_COUNT},
                                   .inet = true,
                                   .max_files = 1024,
                                   .max_threads = 512};

/* All of payd, in the order it is taken down. */
typedef struct payd {
    daemon_t *d;
    int wire_fd, http_fd;
    providers_t providers;
    slice_t handoff[ADAPTER_MOST];
    cashier_t cashier;
    inbox_t inbox;
    db_pool_t *pool;
    service_t *service;
    wire_server_t *server;
    rounds_t *rounds;
    web_app_t *web;
} payd_t;

static err_t database_open(payd_t *p)
{
    const char *url = conf.db_url;
    if (!url[0]) {
        TRY(daemon_sqlite_url(p->d, "pay.db", &url));
    }
    TRY(db_pool_open(url, 12, &p->pool));
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(p->pool, DB_WAIT_MS, &lease));
    return db_migrate(lease.db, &pay_migrations);
}

static err_t investigator_read(payd_t *p)
{
    path_t etc, file;
    slice_t text;
    TRY(path_join(&p->d->arena, p->d->var, SLICE("etc"), &etc));
    TRY(path_join(&p->d->arena, etc, SLICE("investigator.pub"), &file));
    TRY(file_read(&p->d->arena, file, 1024, &text));
    return inbox_key_read(text, p->inbox.investigator);
}

static void on_stored(void *ctx)
{
    payd_t *p = ctx;
    if (p->rounds) {
        rounds_wake(p->rounds);
    }
}

static void on_event(void *ctx)
{
    payd_t *p = ctx;
    service_on_event(p->service);
}

/* var/pay/restored: "<backup_us> <restored_us>", left by `sekisho restore`. Its news go into the
 * book before the file goes. */
static err_t restored_take(payd_t *p)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    path_t file;
    slice_t text, word;
    int64_t backup_us, restored_us;
    book_restored_t r;
    arena_init(&a, 16 * 1024);
    TRY(path_join(&a, p->d->data, SLICE("restored"), &file));
    err_t found = file_read(&a, file, 256, &text);
    if (!err_is(found, ERR_NOT_FOUND)) {
        TRY(found);
        text = slice_trim(text);
        ENSURE(slice_split(&text, ' ', &word), ERR_CORRUPT);
        TRY(slice_parse_i64(word, 0, INT64_MAX, &backup_us));
        TRY(slice_parse_i64(text, 0, INT64_MAX, &restored_us));
        TRY(book_restored_begin(p->cashier.book, backup_us, restored_us));
        unlink(file.text);
    }
    err_t e = book_restored(p->cashier.book, &r);
    ENSURE(!err_failed(e) || err_is(e, ERR_NOT_FOUND), e.code);
    p->cashier.reconciling = !err_failed(e) && r.reconciled_us == 0;
    return OK;
}

static err_t cashier_open(payd_t *p)
{
    path_t ledger, board, seen;
    cashier_t *c = &p->cashier;
    c->adapters = p->providers.at;
    c->n_adapters = p->providers.n;
    c->return_base = conf.return_base;
    TRY(daemon_socket_of(p->d, ROOM_LEDGER, &ledger));
    TRY(path_join(&p->d->arena, p->d->var, SLICE("brake"), &board));
    TRY(path_join(&p->d->arena, p->d->data, SLICE("brake.seen"), &seen));
    TRY(secrets_load_or_create(p->d, "return_token", c->token_key.b, SECRET_BYTES));
    TRY(ledger_client_new(ledger.text, ROOM_PAY, &c->ledger));
    TRY(brake_reader_new(board.text, seen.text, &c->brake));
    TRY(book_open(
        &(book_conf_t){.pool = p->pool, .ledger = c->ledger, .on_event = on_event, .ctx = p},
        &c->book));
    TRY(restored_take(p));
    p->inbox.cashier = c;
    p->inbox.on_stored = on_stored;
    p->inbox.ctx = p;
    return investigator_read(p);
}

static err_t serve(payd_t *p)
{
    daemon_t *d = p->d;
    TRY(service_new(&p->cashier, &p->service));
    wire_server_conf_t wire_conf = {.self = ROOM_PAY,
                                    .api_version = PAY_API_VERSION,
                                    .callers = daemon_callers(d),
                                    .separated = d->separated,
                                    .tick_ms = 250,
                                    .events = &SERVICE_EVENTS,
                                    .ctx = p->service};
    TRY(wire_server_new(&wire_conf, fd_take(&p->wire_fd), &p->server));
    TRY(service_attach(p->service, p->server));
    TRY(rounds_start(&p->cashier, &p->inbox, &p->rounds));
    for (size_t i = 0; i < p->providers.n; i++) {
        p->handoff[i] = slice_cstr_in(p->providers.at[i].page_origin);
    }
    web_config_t web_conf = {.listen_fd = p->http_fd,
                             .room = &p->inbox,
                             .routes = INBOX_ROUTES,
                             .n_routes = INBOX_ROUTE_COUNT,
                             .handoff_origins = p->handoff,
                             .n_handoff_origins = p->providers.n,
                             .on_done = web_done_log};
    TRY(web_app_start(&web_conf, &p->web));
    p->http_fd = -1;
    ledger_note(p->cashier.ledger, &(ledger_record_t){.type = LEDGER_ROOM_START});
    TRY(daemon_ready(d));
    return wire_server_run(p->server, d->stop_fd, DAEMON_DRAIN_MS);
}

static void take_down(payd_t *p)
{
    if (p->web) {
        web_app_stop(p->web, DAEMON_DRAIN_MS);
    }
    if (p->rounds) {
        rounds_t *rounds = p->rounds;
        p->rounds = NULL;
        rounds_stop(rounds);
    }
    if (p->service) {
        service_stop(p->service);
    }
    wire_server_free(p->server);
    if (p->cashier.ledger) {
        ledger_note(p->cashier.ledger, &(ledger_record_t){.type = LEDGER_ROOM_STOP});
        ledger_client_free(p->cashier.ledger);
    }
    service_free(p->service);
    brake_reader_free(p->cashier.brake);
    book_close(p->cashier.book);
    db_pool_close(p->pool);
    turns_deinit(&p->cashier.turns);
    providers_wipe(&p->providers);
    secret_wipe(&p->cashier.token_key);
}

static err_t open_all(payd_t *p)
{
    TRY(providers_open(p->d, &conf, &p->providers));
    TRY(database_open(p));
    TRY(cashier_open(p));
    return serve(p);
}

static err_t run(daemon_t *d)
{
    static payd_t p = {.wire_fd = -1, .http_fd = -1};
    p.d = d;
    TRY(providers_check(d, &conf));
    turns_init(&p.cashier.turns);
    TRY(daemon_listen(d, "pay.sock", SOCK_SEQPACKET, &p.wire_fd));
    TRY(daemon_listen(d, "pay.http.sock", SOCK_STREAM, &p.http_fd));
    ENSURE(curl_global_init(CURL_GLOBAL_DEFAULT) == 0, ERR_MEMORY);
    TRY(daemon_seal(d));
    err_t e = open_all(&p);
    take_down(&p);
    return e;
}

int main(int argc, char **argv)
{
    return daemon_main(argc, argv, &SPEC, &conf, run);
}
