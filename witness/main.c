/* witnessd: cosigns checkpoints of logs that it has seen grow. Run by another party than the log,
 * on another machine; it calls nobody. Must never hold: a log's secrets, anybody's data. */
#include <unistd.h>

#include "http.h"
#include "io/daemon.h"
#include "io/log.h"
#include "io/secrets.h"
#include "io/wire_server.h"

enum { WITNESS_API_VERSION = 1, LOGS_FILE_MAX = 64 * 1024 };

typedef struct witnessd_conf {
    char name[WNOTE_NAME_MAX + 1];
    int64_t port;
} witnessd_conf_t;

static witnessd_conf_t conf;

static const conf_field_t FIELDS[] = {
    CONF_TEXT_ROW(
        witnessd_conf_t, name, "witness", "name", "sekisho.local/witness",
        "name of this witness in its key and cosignatures: an address without scheme that "
        "is yours; never to be changed once a cosignature was made"),
    CONF_INT_ROW(
        witnessd_conf_t, port, "witness", "port", 0, 65535, "0",
        "0 = HTTP on var/run/witness.http.sock, for an nginx in front; else on this port of "
        "127.0.0.1 besides other users of this machine"),
};

static const daemon_spec_t SPEC = {.room = ROOM_WITNESS,
                                   .conf = {FIELDS, BASE_COUNT(FIELDS)},
                                   .max_files = 512,
                                   .max_threads = 256};

static void on_metrics(void *ctx, buf_t *out)
{
    watch_metrics(ctx, out);
}

static void on_health(void *ctx, health_t *out)
{
    watch_health(ctx, out);
}

static err_t on_message(void *ctx, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    (void)ctx;
    (void)from;
    (void)kind;
    (void)body;
    return FAIL(ERR_SYNTAX); /* health and metrics are the wire's own; there is nothing else */
}

static const wire_events_t EVENTS = {
    .on_message = on_message, .on_metrics = on_metrics, .on_health = on_health};

/* At first run an empty list with one line that says what belongs there. */
static err_t logs_load(daemon_t *d, logs_t *ret_logs)
{
    static const char HEAD[] =
        "# Logs that this witness cosigns: lines \"log <verifier key>\", as in a ledger's "
        "ledger.vkey.\n# Take the key from the log's owner by a way that you trust.\n";
    char fault[LOGS_FAULT];
    path_t etc, file;
    slice_t text;
    TRY(path_join(&d->arena, d->var, SLICE("etc"), &etc));
    TRY(path_join(&d->arena, etc, SLICE("witness.logs"), &file));
    err_t e = file_read(&d->arena, file, LOGS_FILE_MAX, &text);
    if (err_is(e, ERR_NOT_FOUND)) {
        TRY(file_create(file, slice_cstr_in(HEAD), 0644, (uid_t)-1, (gid_t)-1));
        *ret_logs = (logs_t){0};
        return OK;
    }
    TRY(e);
    e = logs_parse(text, ret_logs, fault);
    if (err_failed(e)) {
        log_event(LOG_ERROR, id_zero(), "witness.logs", "%s: %s", file.text, fault);
    }
    return e;
}

/* The key is made for a witness that has signed nothing yet: a new key beside an old memory would
 * forget what the old one swore. */
static err_t signer_load(daemon_t *d, wsigner_t *ret_signer)
{
    SECRET_SCOPED secret_t seed;
    path_t logs_dir;
    TRY(path_join(&d->arena, d->data, SLICE("logs"), &logs_dir));
    bool fresh = access(logs_dir.text, F_OK) != 0;
    TRY(fresh ? secrets_load_or_create(d, "witness.key", seed.b, sizeof seed.b)
              : secrets_load(d, "witness.key", seed.b, sizeof seed.b));
    return wsigner_init(slice_cstr_in(conf.name), seed.b, ret_signer);
}

static err_t vkey_publish(daemon_t *d, const watch_t *w)
{
    uint8_t mem[WNOTE_VKEY_MAX];
    buf_t b = BUF_ON_ARRAY(mem);
    path_t file;
    watch_put_vkey(w, &b);
    TRY(buf_check(&b));
    TRY(path_join(&d->arena, d->data, SLICE("witness.vkey"), &file));
    return file_replace(file, buf_slice(&b), 0644);
}

static err_t serve(daemon_t *d, watch_t *w, int *io_wire_fd, int http_fd)
{
    wire_server_t *server = NULL;
    web_app_t *app = NULL;
    wire_server_conf_t wc = {.self = ROOM_WITNESS,
                             .api_version = WITNESS_API_VERSION,
                             .callers = daemon_callers(d),
                             .separated = d->separated,
                             .events = &EVENTS,
                             .ctx = w};
    web_config_t web = {.listen_fd = http_fd,
                        .room = w,
                        .routes = WITNESS_ROUTES,
                        .n_routes = WITNESS_ROUTE_COUNT,
                        .on_done = web_done_log};
    err_t e = wire_server_new(&wc, fd_take(io_wire_fd), &server);
    if (!err_failed(e)) {
        e = web_app_start(&web, &app);
    }
    if (!err_failed(e)) {
        e = daemon_ready(d);
    }
    if (!err_failed(e)) {
        e = wire_server_run(server, d->stop_fd, DAEMON_DRAIN_MS);
    }
    if (app) {
        web_app_stop(app, DAEMON_DRAIN_MS);
    }
    wire_server_free(server);
    return e;
}

static err_t run(daemon_t *d)
{
    static logs_t logs;
    static wsigner_t signer;
    watch_t *w = NULL;
    int wire_fd, http_fd;
    TRY(daemon_listen(d, "witness.sock", SOCK_SEQPACKET, &wire_fd));
    TRY(conf.port ? tcp_listen_local((uint16_t)conf.port, &http_fd)
                  : daemon_listen(d, "witness.http.sock", SOCK_STREAM, &http_fd));
    TRY(logs_load(d, &logs)); /* while still root: etc/ is root's */
    TRY(daemon_seal(d));
    TRY(signer_load(d, &signer));
    err_t e = watch_new(d->data, &signer, &logs, &w);
    wsigner_wipe(&signer);
    if (!err_failed(e)) {
        e = vkey_publish(d, w);
    }
    if (!err_failed(e)) {
        e = serve(d, w, &wire_fd, http_fd);
    }
    watch_free(w);
    return e;
}

int main(int argc, char **argv)
{
    return daemon_main(argc, argv, &SPEC, &conf, run);
}
