/* ledger-push: carries the record's checkpoints to witnesses and their cosignatures back. A process
 * of its own because ledgerd has no network. Must never hold: the note key, records, ledger files.
 */
#include <curl/curl.h>

#include "io/daemon.h"
#include "io/log.h"
#include "io/wire_server.h"
#include "rounds.h"

enum { PUSH_API_VERSION = 1 };

typedef struct push_conf {
    int64_t interval_ms, timeout_ms, alarm_s, refresh_s;
} push_conf_t;

static push_conf_t conf;

static const conf_field_t FIELDS[] = {
    CONF_INT_ROW(push_conf_t, interval_ms, "witness", "interval_ms", 20, 60000, "1000",
                 "a checkpoint is brought to the witnesses at most so often, in milliseconds"),
    CONF_INT_ROW(
        push_conf_t, timeout_ms, "witness", "timeout_ms", 100, 60000, "5000",
        "a witness that does not answer in this time is asked again later, in milliseconds"),
    CONF_INT_ROW(push_conf_t, alarm_s, "witness", "alarm_s", 1, 604800, "600",
                 "an alarm stands in the record when the policy's quorum was missed for longer, in "
                 "seconds"),
    CONF_INT_ROW(push_conf_t, refresh_s, "witness", "refresh_s", 1, 604800, "3600",
                 "a checkpoint that does not change is cosigned anew after this time, in seconds"),
};

static const daemon_spec_t SPEC = {.room = ROOM_PUSH,
                                   .conf = {FIELDS, BASE_COUNT(FIELDS)},
                                   .inet = true,
                                   .max_files = 256,
                                   .max_threads = 64};

typedef struct push {
    vpolicy_t policy;
    wire_client_t ledger;
    ledger_client_t *recorder;
    rounds_t *rounds;
} push_t;

static err_t on_message(void *ctx, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    (void)ctx;
    (void)from;
    (void)kind;
    (void)body;
    return FAIL(ERR_SYNTAX); /* health and metrics are the wire's own; there is nothing else */
}

static void on_metrics(void *ctx, buf_t *out)
{
    push_t *p = ctx;
    rounds_metrics(p->rounds, out);
}

static void on_health(void *ctx, health_t *out)
{
    push_t *p = ctx;
    rounds_health(p->rounds, out);
}

static const wire_events_t EVENTS = {
    .on_message = on_message, .on_metrics = on_metrics, .on_health = on_health};

/* At first run a policy without witnesses. */
static err_t policy_load(daemon_t *d, vpolicy_t *ret_policy)
{
    static const char HEAD[] =
        "# Who witnesses this ledger (C2SP tlog-policy): other parties, on other machines.\n"
        "#   witness NAME VERIFIER-KEY ADDRESS     https://..., below which add-checkpoint is\n"
        "#   group NAME 2 NAME NAME NAME           so many of these; or all, any\n"
        "#   quorum NAME                           when a checkpoint counts as witnessed\n"
        "quorum none\n";
    char fault[VPOLICY_FAULT];
    path_t etc, file;
    slice_t text;
    TRY(path_join(&d->arena, d->var, SLICE("etc"), &etc));
    TRY(path_join(&d->arena, etc, SLICE("push.policy"), &file));
    err_t e = file_read(&d->arena, file, VPOLICY_FILE, &text);
    if (err_is(e, ERR_NOT_FOUND)) {
        text = slice_cstr_in(HEAD);
        e = file_create(file, text, 0644, (uid_t)-1, (gid_t)-1);
    }
    TRY(e);
    e = vpolicy_parse(text, ret_policy, fault);
    if (err_failed(e)) {
        log_event(LOG_ERROR, id_zero(), "push.policy", "%s: %s", file.text, fault);
    }
    return e;
}

static err_t start(daemon_t *d, push_t *p)
{
    path_t ledger;
    TRY(daemon_socket_of(d, ROOM_LEDGER, &ledger));
    wire_client_init(&p->ledger, &(wire_client_conf_t){.path = ledger,
                                                       .self = ROOM_PUSH,
                                                       .peer = ROOM_LEDGER,
                                                       .api_version = LEDGER_API_VERSION,
                                                       .max_conns = 8});
    TRY(ledger_client_new(ledger.text, ROOM_PUSH, &p->recorder));
    return rounds_start(&(rounds_conf_t){.policy = &p->policy,
                                         .ledger = &p->ledger,
                                         .recorder = p->recorder,
                                         .interval_ms = conf.interval_ms,
                                         .timeout_ms = conf.timeout_ms,
                                         .alarm_ms = conf.alarm_s * 1000,
                                         .refresh_ms = conf.refresh_s * 1000,
                                         .https_only = d->profile == PROFILE_PRODUCTION},
                        &p->rounds);
}

static err_t serve(daemon_t *d, push_t *p, int wire_fd)
{
    wire_server_t *server;
    wire_server_conf_t wc = {.self = ROOM_PUSH,
                             .api_version = PUSH_API_VERSION,
                             .callers = daemon_callers(d),
                             .separated = d->separated,
                             .events = &EVENTS,
                             .ctx = p};
    TRY(wire_server_new(&wc, wire_fd, &server));
    ledger_note(p->recorder, &(ledger_record_t){.type = LEDGER_ROOM_START});
    err_t e = daemon_ready(d);
    if (!err_failed(e)) {
        e = wire_server_run(server, d->stop_fd, DAEMON_DRAIN_MS);
    }
    wire_server_free(server);
    ledger_note(p->recorder, &(ledger_record_t){.type = LEDGER_ROOM_STOP});
    return e;
}

static err_t run(daemon_t *d)
{
    static push_t p;
    int wire_fd;
    TRY(daemon_listen(d, "push.sock", SOCK_SEQPACKET, &wire_fd));
    TRY(policy_load(d, &p.policy)); /* while still root: etc/ is root's */
    ENSURE(curl_global_init(CURL_GLOBAL_DEFAULT) == 0, ERR_MEMORY);
    TRY(daemon_seal(d));
    err_t e = start(d, &p);
    if (!err_failed(e)) {
        e = serve(d, &p, wire_fd);
    }
    rounds_stop(p.rounds);
    if (p.recorder) {
        ledger_client_free(p.recorder);
    }
    wire_client_deinit(&p.ledger);
    return e;
}

int main(int argc, char **argv)
{
    return daemon_main(argc, argv, &SPEC, &conf, run);
}
