/* The ledger as one thing: log, tree, index; recovery at start; the one place that decides whether
 * records are accepted. Knows no socket. One thread (the sealer has its own inside). */
#ifndef LEDGER_KEEPER_H
#define LEDGER_KEEPER_H

#include <pthread.h>

#include "commit.h"
#include "entries.h"
#include "epoch.h"
#include "finder.h"
#include "sealer.h"
#include "worker.h"

enum { KEEPER_REASON = 120, KEEPER_UNSEALED_MAX = 64 * 1024 * 1024, KEEPER_HOLD_CHANGES = 16 };

typedef struct keeper_conf {
    path_t dir;                   /* var/ledger, exists, ours */
    const note_key_t *key;        /* its name is the origin; used while it is opened only */
    const notekeys_t *keys;       /* where the next ones are; NULL: one key for ever (tools) */
    uint64_t key_segment;         /* notekeys_load */
    const notekeys_t *old_keys;   /* of the epoch before, while a restore is pending; else NULL */
    ratchet_t *mac;               /* ratchet_open; wiped when the ledger is open; NULL: no MACs */
    ratchet_file_t *mac_file;     /* must outlive the keeper */
    const char *profile;          /* stands in the first record; another one later is refused */
    size_t piece_bytes;           /* of the log */
    int64_t keep_days;            /* retention; 0 = for ever */
    const char *policy;           /* why so long, with its date; needed when keep_days is not 0 */
    int64_t calm_us;              /* retain_conf_t */
    int64_t retain_poll_ms;       /* 0: 30 s */
    int64_t gather_ms;            /* sealer_conf_t */
    epoch_t *epoch;               /* NULL: the first one */
    uint64_t segment_leaves;      /* 0: SEGMENT_LEAVES; fewer in a test's ledger only */
    void (*on_sealed)(void *ctx); /* another thread: call keeper_sealed from the loop's */
    void *ctx;
} keeper_conf_t;

typedef struct keeper {
    keeper_conf_t conf;
    int dir, public_dir, lock;
    sealer_t *sealer;
    worker_t *worker;
    retain_conf_t retain;
    holds_t holds;
    struct hold_change { /* of the group in the making */
        id128_t id;
        uint64_t seq;
        bool lift;
    } hold_changes[KEEPER_HOLD_CHANGES];
    size_t hold_change_count;
    uint64_t minimum, log_first; /* atomic: retain_conf_t */
    wal_t *wal;
    commit_t commit;
    entries_t entries;
    finder_t finder;
    pthread_mutex_t mac_lock;
    ratchet_t mac_durable;  /* under the lock: as of the last durable group */
    uint64_t torn_bytes;    /* wiped at start */
    uint64_t segment_named; /* by the last SEGMENT_END of the log: this segment's key; 0 = none */
    uint64_t forget_at;     /* keys are destroyed once so much is signed; 0 = nothing due */
    bool start_due;         /* ROOM_START goes before the next record */
    bool dead;              /* for good: until the process starts anew */
    bool full;              /* the last group found no space */
    char reason[KEEPER_REASON]; /* of dead or full */
    uint64_t records, refusals; /* since start */
} keeper_t;

enum { KEEPER_FAULT = 200 };

/* Recovery: log, tree and last checkpoint are read and compared; then GENESIS in an empty ledger
 * and ROOM_START are made durable (on a full disk ROOM_START waits for the first record). CORRUPT,
 * CRYPTO, CONFIG with ret_fault filled: refuse to start.
 */
err_t keeper_open(keeper_t *k, const keeper_conf_t *conf, char ret_fault[KEEPER_FAULT]);
/* ROOM_STOP, last group, last checkpoint; then closed. */
void keeper_close(keeper_t *k);
/* Closed as a crash would: nothing is added or sealed. For tests. */
void keeper_abandon(keeper_t *k);

/* Why nothing is accepted now, or NULL. */
const char *keeper_refuses(keeper_t *k);
/* One message's records, all or none. LIMIT: flush first (then it fits). An order to preserve among
 * them stands when this returns. DENIED: from a room that may give none; NOT_FOUND: no order to
 * lift. */
err_t keeper_add(keeper_t *k, room_id_t room, const ledger_record_t *recs, size_t n,
                 size_t wire_bytes, uint64_t *ret_first);
static inline bool keeper_waiting(const keeper_t *k)
{
    return commit_count(&k->commit) > 0;
}
/* Makes what was added durable. On failure all of it is refused: NOT_RECORDED. */
err_t keeper_flush(keeper_t *k);
/* From the loop's thread after on_sealed: what sealer and worker have done meanwhile. It may add a
 * record of the worker's: flush when keeper_waiting. */
void keeper_sealed(keeper_t *k);
ledger_status_t keeper_status(keeper_t *k);
/* Records below are removed. */
static inline uint64_t keeper_minimum(const keeper_t *k)
{
    return __atomic_load_n(&k->minimum, __ATOMIC_ACQUIRE);
}
static inline uint64_t keeper_size(const keeper_t *k)
{
    return k->entries.size;
}

/* Walks records from seq on, while step says true, over at most `bundles` bundles of 256. *ret_next
 * is the first record not looked at (or that step refused). For searches, id's filter skips
 * bundles; NULL walks all. CORRUPT, IO. */
typedef bool keeper_step_fn(void *ctx, const ledger_entry_t *entry);
err_t keeper_walk(keeper_t *k, uint64_t seq, const id128_t *id, unsigned bundles,
                  keeper_step_fn *step, void *ctx, uint64_t *ret_next);

/* For recover.c: ROOM_START goes into the group when it is due; a durable group becomes visible. */
err_t keeper_say_started(keeper_t *k);
err_t keeper_take_group(keeper_t *k, group_t *g);

#endif
