/* vaultd: the rite, the master key, the loop. */
#include <sodium.h>

#include <fcntl.h>
#include <unistd.h>

#include "conf.h"
#include "envelope.h"
#include "evidence.h"
#include "io/daemon.h"
#include "io/log.h"
#include "server.h"

static vault_conf_t conf;

typedef struct masters {
    keys_master_t at[KEYS_MASTERS];
    size_t n;
} masters_t;

static void masters_wipe(masters_t *m)
{
    sodium_memzero(m, sizeof *m);
}

/* While still root: the public half goes to a folder that is not ours, the private half is nobody's
 * here. */
static err_t investigator(const daemon_t *d)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 16 * 1024);
    path_t etc;
    path_t offline;
    TRY(path_join(&a, d->var, SLICE("etc"), &etc));
    TRY(path_join(&a, d->var, SLICE("offline"), &offline));
    return keys_investigator(&a, etc, offline);
}

/* The sheet of evidence keys, beside it: everybody may read it, we alone write it, through a
 * descriptor that is opened while still root. */
static err_t evidence_sheet(const daemon_t *d, int *ret_fd)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    FD_SCOPED int fd = -1;
    path_t etc, sheet;
    arena_init(&a, 16 * 1024);
    TRY(path_join(&a, d->var, SLICE("etc"), &etc));
    TRY(path_join(&a, etc, SLICE("evidence-keys"), &sheet));
    TRY(fd_open(sheet, O_RDWR | O_CREAT | O_NOFOLLOW, 0644, &fd));
    ENSURE(fchmod(fd, 0644) == 0 && (!d->separated || fchown(fd, d->uid, d->gid) == 0), ERR_IO);
    *ret_fd = fd_take(&fd);
    return OK;
}

/* What somebody typed: all bytes up to the end or a line's. */
static err_t typed_read(daemon_t *d, master_secret_t *ret)
{
    uint8_t byte;
    ret->len = 0;
    if (d->secret_fd < 0) {
        return OK;
    }
    while (ret->len < sizeof ret->b && !err_failed(fd_read_all(d->secret_fd, &byte, 1)) &&
           byte != '\n') {
        ret->b[ret->len++] = byte;
    }
    fd_close(&d->secret_fd);
    return OK;
}

/* A fresh master key beside old key files would be a house that lost all its customers and does not
 * know it. */
static err_t master_first(daemon_t *d, const master_source_t *source, keys_master_t *ret,
                          master_why_t *why)
{
    if (vault_server_has_keys(&d->arena, d->data)) {
        snprintf(why->text, sizeof why->text, "key files without their master key");
        return FAIL(ERR_CONFIG);
    }
    *ret = (keys_master_t){.epoch = KEYS_EPOCH};
    random_bytes(ret->key.b, sizeof ret->key.b);
    return master_store(d->secrets, d->uid, d->gid, source, ret, why);
}

/* While still root: what the master key is opened with may be nobody else's to read. */
static err_t masters_load(daemon_t *d, masters_t *ret)
{
    static master_secret_t typed;
    master_why_t why = {""};
    master_source_t source = vault_conf_source(&conf, d, &typed);
    TRY(typed_read(d, &typed));
    err_t e = master_load(d->secrets, d->uid, &source, ret->at, &ret->n, &why);
    if (err_is(e, ERR_NOT_FOUND)) {
        e = master_first(d, &source, &ret->at[0], &why);
        ret->n = 1;
    }
    sodium_memzero(&typed, sizeof typed);
    if (err_failed(e)) {
        log_event(LOG_ERROR, id_zero(), "vault.master", "%s", why.text);
    }
    return e;
}

static err_t open_server(daemon_t *d, int evidence_fd, masters_t *masters,
                         vault_server_t **ret_server)
{
    path_t ledger;
    bool bench = d->profile == PROFILE_BENCH;
    vault_server_conf_t server = {
        .data = d->data,
        .secrets = d->secrets,
        .evidence_fd = evidence_fd,
        .passwords = {.passes = bench ? crypto_pwhash_OPSLIMIT_MIN : (uint64_t)conf.passes,
                      .memory_bytes =
                          bench ? crypto_pwhash_MEMLIMIT_MIN : (size_t)conf.memory_kib * 1024,
                      .queue = (unsigned)conf.queue},
    };
    vault_conf_limits(&conf, d, server.limits);
    server.honey = (size_t)conf.honey;
    TRY(daemon_socket_of(d, ROOM_LEDGER, &ledger));
    server.ledger_path = ledger.text;
    TRY(daemon_sqlite_url(d, "passwords.db", &server.passwords.db_url));
    TRY(daemon_sqlite_url(d, "register.db", &server.register_url));
    return vault_server_new(&d->arena, &server, masters->at, masters->n, ret_server);
}

static err_t serve(daemon_t *d, int *listen_fd, vault_server_t *server)
{
    wire_server_conf_t wire_conf = {.self = ROOM_VAULT,
                                    .api_version = VAULT_API_VERSION,
                                    .callers = daemon_callers(d),
                                    .separated = d->separated,
                                    .tick_ms = EVIDENCE_TICK_MS,
                                    .events = &vault_events,
                                    .ctx = server};
    wire_server_t *wire = NULL;
    TRY(wire_server_new(&wire_conf, fd_take(listen_fd), &wire));
    vault_server_attach(server, wire);
    err_t e = daemon_ready(d);
    if (!err_failed(e)) {
        e = wire_server_run(wire, d->stop_fd, DAEMON_DRAIN_MS);
    }
    vault_server_stop(server);
    wire_server_free(wire);
    return e;
}

static err_t sealing_checked(const daemon_t *d)
{
    if (envelope_seals()) {
        return OK;
    }
    log_event(LOG_ERROR, id_zero(), "vault.unsealed", "nothing is sealed by this program");
    ENSURE(d->profile == PROFILE_TEST, ERR_CONFIG);
    return OK;
}

static err_t run(daemon_t *d)
{
    FD_SCOPED int listen_fd = -1, sheet_fd = -1;
    TRY(sealing_checked(d));
    TRY(daemon_listen(d, "vault.sock", SOCK_SEQPACKET, &listen_fd));
    TRY(investigator(d));
    TRY(evidence_sheet(d, &sheet_fd));
    BASE_CLEANUP(masters_wipe) masters_t masters = {.n = 0};
    TRY(masters_load(d, &masters));
    TRY(daemon_seal(d));
    vault_server_t *server = NULL;
    TRY(open_server(d, sheet_fd, &masters, &server));
    err_t e = serve(d, &listen_fd, server);
    vault_server_free(server);
    return e;
}

int main(int argc, char **argv)
{
    return daemon_main(argc, argv, &VAULT_SPEC, &conf, run);
}
