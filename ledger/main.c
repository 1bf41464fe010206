/* ledgerd: the only writer of the record. */
#include "base/clock.h"
#include "io/daemon.h"
#include "io/log.h"
#include "io/secrets.h"
#include "serve.h"

typedef struct ledgerd_conf {
    char origin[NOTE_NAME_MAX + 1];
    int64_t piece_mib;
    int64_t seal_ms;
    int segment; /* index in SEGMENTS */
    int64_t keep_days;
    char policy[300];
} ledgerd_conf_t;

static ledgerd_conf_t conf;

static const char *const SEGMENTS[] = {"65536", "256", NULL};

static const conf_field_t FIELDS[] = {
    CONF_TEXT_ROW(
        ledgerd_conf_t, origin, "log", "origin", "sekisho.local/agency",
        "name of this log in checkpoints; stands in the first record, never to be changed"),
    CONF_INT_ROW(ledgerd_conf_t, piece_mib, "log", "piece_mib", 1, 256, "64",
                 "size of one preallocated log file in MiB; never to be changed"),
    CONF_INT_ROW(ledgerd_conf_t, seal_ms, "log", "seal_ms", 10, 900, "300",
                 "records are gathered this long before a checkpoint is signed, in milliseconds"),
    CONF_CHOICE_ROW(ledgerd_conf_t, segment, "log", "segment", SEGMENTS, "65536",
                    "records after which the next note key takes over; 256 in the profiles test "
                    "and bench only; never to be changed"),
    CONF_INT_ROW(ledgerd_conf_t, keep_days, "retention", "days", 0, 36500, "3653",
                 "a segment of records is removed so many days after its last one, unless an order "
                 "to preserve stands (sekisho ledger hold); 0 = never"),
    CONF_TEXT_ROW(
        ledgerd_conf_t, policy, "retention", "policy",
        "2026-11-27: Companies Act art. 432(2), 10 years for what the books rest on, is the "
        "longest; APPI records of provision 3 years, PCI DSS 10.5.1 12 months",
        "since when and why; stands in each record of removal. Begins with a date"),
};

/* Beyond the common list: many tile files made durable at once. */
static const char *const SYSCALLS[] = {"syncfs", NULL};

static const daemon_spec_t SPEC = {
    .room = ROOM_LEDGER,
    .conf = {FIELDS, BASE_COUNT(FIELDS)},
    .syscalls = SYSCALLS,
    .max_files = 1024,
};

/* A clock that is wrong at start, or was set wrong, shall not remove a year's records. */
static const int64_t CALM_US = 3600 * CLOCK_SECOND_US;

static serve_t *serve; /* the sealer's thread looks at it */

/* What is to be opened, and by which keys. */
typedef struct opening {
    epoch_t epoch;
    notekeys_t keys, old_keys;
    note_key_t key; /* wiped once the ledger is open: the signer has its own copy */
    uint64_t key_segment, segment_leaves;
    ratchet_t mac; /* wiped likewise */
    ratchet_file_t mac_file;
} opening_t;

/* Records under the last signed checkpoint; NOT_FOUND: none was signed yet. Its signature is
 * checked when the ledger is opened. */
static err_t signed_size(daemon_t *d, uint64_t *ret_size)
{
    path_t file;
    slice_t note;
    uint8_t root[HASH_BYTES];
    TRY(path_join(&d->arena, d->data, SLICE("signed"), &file));
    TRY(file_read(&d->arena, file, NOTE_MAX, &note));
    return ledger_copy_checkpoint(note, ret_size, root);
}

/* After a restore a new epoch's key takes over from the old one, which signs nothing but that. */
static err_t load_restored(daemon_t *d, opening_t *o, uint64_t segment)
{
    uint64_t from;
    TRY(notekeys_init(&o->old_keys, d->secrets, d->uid, conf.origin, o->epoch.letters));
    TRY(notekeys_load(&o->old_keys, segment, &o->epoch.before, &from));
    TRY(notekeys_init(&o->keys, d->secrets, d->uid, conf.origin, o->epoch.restored.epoch));
    TRY(notekeys_first(&o->keys, &o->key));
    log_event(LOG_WARN, id_zero(), "ledger.restored", "from %s; a new epoch begins: %s",
              o->epoch.restored.backup, o->key.name);
    return epoch_hand_over(d->data, &o->epoch.before, &o->key);
}

/* A key is made for an empty ledger only: a ledger whose key is gone must not get a new one. */
static err_t load_key(daemon_t *d, opening_t *o)
{
    uint64_t size = 0;
    TRY(epoch_read(d->data, &o->epoch));
    err_t e = signed_size(d, &size);
    bool fresh = err_is(e, ERR_NOT_FOUND);
    ENSURE(fresh || !err_failed(e), e.code);
    if (o->epoch.pending) {
        return load_restored(d, o, size / o->segment_leaves);
    }
    TRY(notekeys_init(&o->keys, d->secrets, d->uid, conf.origin, o->epoch.letters));
    return fresh && !o->epoch.letters[0]
               ? notekeys_first(&o->keys, &o->key)
               : notekeys_load(&o->keys, size / o->segment_leaves, &o->key, &o->key_segment);
}

static err_t refuse(const char *why)
{
    log_event(LOG_ERROR, id_zero(), "ledger.refuses_to_start", "%s", why);
    return FAIL(ERR_CONFIG);
}

/* A house gets its start key from `sekisho up`; a bare ledgerd of a test goes without MACs. */
static err_t load_mac(daemon_t *d, opening_t *o)
{
    TRY(ratchet_open(d->secrets, d->uid, &o->mac_file, &o->mac));
    if (!o->mac.on && d->profile == PROFILE_PRODUCTION) {
        return refuse("no start key for the records' MACs; `sekisho up` makes one");
    }
    return OK;
}

/* "2026-11-27: ..." in ASCII: it is read out of records for years. */
static bool is_dated(const char *policy)
{
    static const char FORM[] = "dddd-dd-dd: ";
    for (size_t i = 0; i < sizeof FORM - 1; i++) {
        bool digit = policy[i] >= '0' && policy[i] <= '9';
        if (FORM[i] == 'd' ? !digit : policy[i] != FORM[i]) {
            return false;
        }
    }
    for (const char *p = policy; *p; p++) {
        if (*p < ' ' || *p > '~') {
            return false;
        }
    }
    return policy[sizeof FORM - 1] != '\0';
}

static err_t check_conf(const daemon_t *d)
{
    enum { DAYS_MIN = 366 }; /* PCI DSS 10.5.1: a year; what is removed does not come back */
    if (conf.segment && !daemon_is_test(d)) {
        return refuse("[log] segment = 256 is for the profiles test and bench");
    }
    if (conf.keep_days && !is_dated(conf.policy)) {
        return refuse("[retention] policy: a date, a colon and the reason, in ASCII");
    }
    if (conf.keep_days && conf.keep_days < DAYS_MIN && !daemon_is_test(d)) {
        return refuse("[retention] days: 0 or at least 366");
    }
    return OK;
}

static err_t open_keeper(daemon_t *d, opening_t *o, keeper_t *keeper)
{
    char fault[KEEPER_FAULT];
    keeper_conf_t kc = {.dir = d->data,
                        .key = &o->key,
                        .keys = &o->keys,
                        .key_segment = o->key_segment,
                        .old_keys = o->epoch.pending ? &o->old_keys : NULL,
                        .segment_leaves = o->segment_leaves,
                        .mac = &o->mac,
                        .mac_file = &o->mac_file,
                        .profile = profile_name(d->profile),
                        .piece_bytes = (size_t)conf.piece_mib * 1024 * 1024,
                        .gather_ms = conf.seal_ms,
                        .keep_days = conf.keep_days,
                        .policy = conf.policy,
                        .calm_us = daemon_is_test(d) ? 0 : CALM_US,
                        .retain_poll_ms = daemon_is_test(d) ? 200 : 0,
                        .epoch = &o->epoch,
                        .on_sealed = serve_on_sealed,
                        .ctx = &serve};
    err_t e = keeper_open(keeper, &kc, fault);
    if (err_failed(e)) {
        log_event(LOG_ERROR, id_zero(), "ledger.refuses_to_start", "%s", fault);
    } else if (keeper->torn_bytes) {
        log_event(
            LOG_WARN, id_zero(), "ledger.torn",
            "an unfinished group of %llu bytes was dropped; nobody had been told it is stored",
            (unsigned long long)keeper->torn_bytes);
    }
    return e;
}

static err_t run_server(daemon_t *d, keeper_t *keeper, int listen_fd)
{
    wire_server_t *server = NULL;
    serve_t *s = NULL;
    TRY(serve_new(keeper, &s));
    wire_server_conf_t wc = {.self = ROOM_LEDGER,
                             .api_version = LEDGER_API_VERSION,
                             .callers = daemon_callers(d),
                             .separated = d->separated,
                             .max_conns = 512,
                             .max_conns_per_room = 128,
                             .tick_ms = SERVE_TICK_MS,
                             .events = &SERVE_EVENTS,
                             .ctx = s};
    err_t e = wire_server_new(&wc, listen_fd, &server);
    if (!err_failed(e)) {
        e = serve_attach(s, server);
    }
    if (!err_failed(e)) {
        __atomic_store_n(&serve, s, __ATOMIC_RELEASE);
        e = daemon_ready(d);
    }
    if (!err_failed(e)) {
        e = wire_server_run(server, d->stop_fd, DAEMON_DRAIN_MS);
    }
    keeper_close(keeper); /* its thread may wake the server until here */
    wire_server_free(server);
    serve_free(s);
    return e;
}

static err_t run(daemon_t *d)
{
    static keeper_t keeper;
    static opening_t opening;
    int listen_fd;
    opening.segment_leaves = conf.segment ? SEGMENT_LEAVES_SMALL : SEGMENT_LEAVES;
    TRY(check_conf(d));
    TRY(daemon_listen(d, "ledger.sock", SOCK_SEQPACKET, &listen_fd));
    TRY(daemon_seal(d));
    err_t e = load_key(d, &opening);
    if (!err_failed(e)) {
        e = load_mac(d, &opening);
    }
    if (!err_failed(e)) {
        e = open_keeper(d, &opening, &keeper);
    }
    note_key_wipe(&opening.key);
    ratchet_wipe(&opening.mac);
    TRY(e);
    return run_server(d, &keeper, listen_fd);
}

int main(int argc, char **argv)
{
    return daemon_main(argc, argv, &SPEC, &conf, run);
}
