/* shopd: the rite, then the web server, the shop's threads and the wire until SIGTERM. */
#include <curl/curl.h>

#include "api.h"
#include "house.h"
#include "io/log.h"
#include "io/secrets.h"
#include "service.h"

enum { ARENA_BYTES = 8 * 1024 * 1024 };

static shop_conf_t conf;

static daemon_spec_t spec = {
    .room = ROOM_SHOP, .inet = true, .max_files = 2048, .max_threads = 256};

static err_t paths_of(daemon_t *d, house_paths_t *p)
{
    path_t brake, seen;
    TRY(daemon_socket_of(d, ROOM_LEDGER, &p->ledger));
    TRY(daemon_socket_of(d, ROOM_VAULT, &p->vault));
    TRY(daemon_socket_of(d, ROOM_PAY, &p->pay));
    TRY(path_join(&d->arena, d->var, SLICE("brake"), &brake));
    TRY(path_join(&d->arena, d->data, SLICE("brake.seen"), &seen));
    p->brake_dir = brake.text;
    p->brake_seen = seen.text;
    p->catalogue = PATH(SHOP_DATA_DIR "/demo/catalogue.json");
    p->db_url = conf.db_url;
    return conf.db_url[0] ? OK : daemon_sqlite_url(d, "shop.db", &p->db_url);
}

static void note(shop_t *shop, ledger_type_t type, profile_t profile)
{
    record_set_t set;
    record_set_init(&set);
    (void)record_add(&set, type, id_zero(), id_zero());
    record_fact(&set, "profile", slice_cstr_in(profile_name(profile)));
    record_set_note_rest(&shop->way, &set);
}

static err_t serve(daemon_t *d, shop_t *shop, int *http_fd, int *wire_fd)
{
    service_t service = {.shop = shop};
    work_t *work = NULL;
    wire_server_conf_t wire = {.self = ROOM_SHOP,
                               .api_version = SHOP_API_VERSION,
                               .callers = daemon_callers(d),
                               .separated = d->separated,
                               .events = &SERVICE_EVENTS,
                               .ctx = &service};
    TRY(wire_server_new(&wire, fd_take(wire_fd), &service.wire));
    err_t e = house_serve(shop, *http_fd);
    if (!err_failed(e)) {
        *http_fd = -1; /* the web server's now */
        e = work_start(shop, &work);
    }
    if (!err_failed(e)) {
        note(shop, LEDGER_ROOM_START, d->profile);
        e = daemon_ready(d);
    }
    if (!err_failed(e)) {
        e = wire_server_run(service.wire, d->stop_fd, DAEMON_DRAIN_MS / 2);
    }
    work_stop(work);
    wire_server_free(service.wire);
    return e;
}

static err_t run(daemon_t *d)
{
    FD_SCOPED int http_fd = -1;
    FD_SCOPED int wire_fd = -1;
    SECRET_SCOPED secret_t key;
    static shop_t shop;
    static arena_t arena; /* the agency's facts; as long as the process */
    house_paths_t paths;
    slice_t fault = SLICE_EMPTY;
#ifdef SHOP_HOLD_UNGUARDED /* a test's negative control sells seats twice: nowhere else */
    ENSURE(d->profile == PROFILE_TEST, ERR_DENIED);
#endif
    TRY(shop_conf_check(&conf));
    TRY(daemon_listen(d, "shop.sock", SOCK_SEQPACKET, &wire_fd));
    TRY(daemon_listen(d, "shop.http.sock", SOCK_STREAM, &http_fd));
    TRY(printer_start(&shop.printer, NULL, d->uid, d->gid, d->separated));
    TRY(daemon_seal(d));
    TRY(secrets_load_or_create(d, "session.key", key.b, sizeof key.b));
    ENSURE(curl_global_init(CURL_GLOBAL_DEFAULT) == 0, ERR_MEMORY);
    TRY(paths_of(d, &paths));
    arena_init(&arena, ARENA_BYTES);
    err_t e = house_open(&shop, &arena, &conf, d->profile, &paths, &key, &fault);
    if (err_failed(e)) {
        log_event(LOG_ERROR, id_zero(), "shop.open", "%.*s", SLICE_FMT(fault));
    } else {
        e = serve(d, &shop, &http_fd, &wire_fd);
        note(&shop, LEDGER_ROOM_STOP, d->profile);
    }
    house_close(&shop, DAEMON_DRAIN_MS / 2);
    curl_global_cleanup();
    return e;
}

int main(int argc, char **argv)
{
    spec.conf = SHOP_CONF;
    int result = daemon_main(argc, argv, &spec, &conf, run);
    if (result == 0 && err_failed(shop_conf_check(&conf))) { /* --check runs nothing else */
        log_event(LOG_ERROR, id_zero(), "daemon.check",
                  "base_url and provider_origin: scheme, host and port only; tls as base_url says");
        return 1;
    }
    return result;
}
