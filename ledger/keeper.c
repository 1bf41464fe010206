#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "minimum.h"
#include "recover.h"
#include "tiles.h"

enum { FACTS_MAX = 512 };

/* ---- accepting ---- */

static void set_dead(keeper_t *k, const char *why, err_t e)
{
    if (!k->dead) {
        k->dead = true;
        snprintf(k->reason, sizeof k->reason, "%s (%s, errno %d); ledgerd must be started anew",
                 why, err_name(e.code), (int)e.sys);
    }
}

const char *keeper_refuses(keeper_t *k)
{
    wal_counts_t counts;
    if (k->dead) {
        return k->reason;
    }
    if (entries_unsealed(&k->entries) > KEEPER_UNSEALED_MAX) {
        return "the tree does not keep up with the log: its files cannot be written";
    }
    if (!k->full) {
        return NULL;
    }
    counts = wal_counts(k->wal);
    return counts.spare ? NULL : "no space on the disk for the log";
}

static err_t orders_again(keeper_t *k);

/* From here on every record has a MAC. */
static err_t put_ratchet(keeper_t *k)
{
    uint8_t mem[RATCHET_START_HEX + 16], hex_mem[RATCHET_START_HEX];
    buf_t facts = BUF_ON_ARRAY(mem), hex = BUF_ON_ARRAY(hex_mem);
    const ratchet_t *r = &k->commit.ratchet;
    if (!r->on || r->first != RATCHET_NONE) {
        return OK;
    }
    ratchet_start_put(&hex, r->key);
    ledger_fact(&facts, "start", buf_slice(&hex));
    ledger_record_t rec = {.type = LEDGER_RATCHET, .facts = buf_slice(&facts)};
    return commit_add(&k->commit, ROOM_LEDGER, &rec, NULL, NULL);
}

/* ROOM_START stands before all other records of this run, but for the begin of a chain of MACs. */
err_t keeper_say_started(keeper_t *k)
{
    uint8_t mem[FACTS_MAX];
    buf_t facts = BUF_ON_ARRAY(mem);
    if (!k->start_due || commit_count(&k->commit)) {
        return OK;
    }
    TRY(put_ratchet(k));
    ledger_fact(&facts, "profile", slice_cstr_in(k->conf.profile));
    ledger_fact_i64(&facts, "torn_bytes", (int64_t)k->torn_bytes);
    ledger_record_t rec = {.type = LEDGER_ROOM_START, .facts = buf_slice(&facts)};
    TRY(commit_add(&k->commit, ROOM_LEDGER, &rec, NULL, NULL));
    return orders_again(k);
}

/* ---- orders to preserve ---- */

static bool may_order(room_id_t room)
{
    return room == ROOM_OFFICE || room == ROOM_COMMAND || room == ROOM_TEST;
}

static bool is_order(const ledger_record_t *rec)
{
    return rec->type == LEDGER_HOLD || rec->type == LEDGER_HOLD_RELEASED;
}

/* Before any of a message's records is added: those that give or lift an order. An order stands
 * from here on, even when its record then fails. */
static err_t orders_take(keeper_t *k, room_id_t room, const ledger_record_t *recs, size_t n)
{
    size_t count = k->hold_change_count;
    for (size_t i = 0; i < n; i++) {
        if (!is_order(&recs[i])) {
            continue;
        }
        ENSURE(may_order(room), ERR_DENIED);
        ENSURE(!id_is_zero(recs[i].object) && recs[i].facts.len, ERR_SYNTAX);
        ENSURE(count++ < KEEPER_HOLD_CHANGES, ERR_LIMIT);
        ENSURE(recs[i].type == LEDGER_HOLD || holds_find(&k->holds, recs[i].object), ERR_NOT_FOUND);
    }
    for (size_t i = 0; i < n; i++) {
        if (recs[i].type == LEDGER_HOLD) {
            TRY(holds_place(&k->holds, recs[i].object, recs[i].facts));
        }
    }
    return OK;
}

static void order_added(keeper_t *k, const ledger_record_t *rec, uint64_t seq)
{
    if (is_order(rec) && k->hold_change_count < KEEPER_HOLD_CHANGES) {
        k->hold_changes[k->hold_change_count++] =
            (struct hold_change){rec->object, seq, rec->type == LEDGER_HOLD_RELEASED};
    }
}

/* The group is durable, or refused. Where the file cannot be written the order stands on. */
static void orders_flushed(keeper_t *k, bool durable)
{
    for (size_t i = 0; durable && i < k->hold_change_count; i++) {
        const struct hold_change *c = &k->hold_changes[i];
        err_ignore(c->lift ? holds_lift(&k->holds, c->id)
                           : holds_recorded(&k->holds, c->id, c->seq));
    }
    k->hold_change_count = 0;
}

/* Orders whose record a crash came before. */
static err_t orders_again(keeper_t *k)
{
    for (size_t i = 0; i < k->holds.count && k->hold_change_count < KEEPER_HOLD_CHANGES; i++) {
        const hold_t *h = &k->holds.list[i];
        uint64_t seq;
        if (h->seq != HOLD_UNRECORDED) {
            continue;
        }
        ledger_record_t rec = {
            .type = LEDGER_HOLD, .object = h->id, .facts = slice_make(h->facts, h->facts_len)};
        TRY(commit_add(&k->commit, ROOM_LEDGER, &rec, NULL, &seq));
        order_added(k, &rec, seq);
    }
    return OK;
}

err_t keeper_add(keeper_t *k, room_id_t room, const ledger_record_t *recs, size_t n,
                 size_t wire_bytes, uint64_t *ret_first)
{
    ENSURE(commit_room(&k->commit) >= wire_bytes + n * COMMIT_OVERHEAD + COMMIT_OWN, ERR_LIMIT);
    err_t e = orders_take(k, room, recs, n);
    if (err_is(e, ERR_DENIED) || err_is(e, ERR_SYNTAX) || err_is(e, ERR_NOT_FOUND) ||
        err_is(e, ERR_LIMIT)) {
        return e;
    }
    if (!err_failed(e)) {
        e = commit_prepare(&k->commit, n);
    }
    if (err_failed(e)) {
        k->refusals += n;
        return FAIL_SYS(ERR_NOT_RECORDED, e.sys);
    }
    TRY(keeper_say_started(k));
    for (size_t i = 0; i < n; i++) {
        uint64_t seq;
        TRY(commit_add(&k->commit, room, &recs[i], NULL, &seq));
        order_added(k, &recs[i], seq);
        if (i == 0) {
            *ret_first = seq;
        }
    }
    return OK;
}

static void index_group(keeper_t *k, const group_t *g)
{
    cursor_t c = cur_on(slice_make(g->body, g->len));
    for (uint32_t i = 0; i < g->count; i++) {
        leaf_t leaf;
        if (!err_failed(leaf_get(leaf_next(&c), &leaf))) {
            finder_add(&k->finder, g->first_seq + i, &leaf.entry.rec);
        }
    }
}

/* A durable group becomes visible. Out of memory here is an end: the tree would have a hole. */
err_t keeper_take_group(keeper_t *k, group_t *g)
{
    err_t e = entries_push(&k->entries, g);
    if (err_failed(e)) {
        free(g);
        set_dead(k, "out of memory", e);
        return e;
    }
    index_group(k, g);
    sealer_push(k->sealer, g);
    return OK;
}

/* For the sealer's thread, which puts it on the disk at each checkpoint. */
static void keep_mac(keeper_t *k)
{
    pthread_mutex_lock(&k->mac_lock);
    k->mac_durable = k->commit.durable_ratchet;
    pthread_mutex_unlock(&k->mac_lock);
}

/* sealer_conf_t.checkpointed. The state may be ahead of the checkpoint, never of the log. */
static err_t save_mac(void *ctx)
{
    keeper_t *k = ctx;
    pthread_mutex_lock(&k->mac_lock);
    ratchet_t now = k->mac_durable;
    pthread_mutex_unlock(&k->mac_lock);
    err_t e = now.on ? ratchet_save(k->conf.mac_file, &now) : OK;
    ratchet_wipe(&now);
    return e;
}

err_t keeper_flush(keeper_t *k)
{
    group_t *g;
    uint32_t count = commit_count(&k->commit);
    err_t e = commit_flush(&k->commit, &g);
    orders_flushed(k, !err_failed(e));
    if (k->worker) {
        worker_box_flushed(k->worker, !err_failed(e));
    }
    if (err_failed(e)) {
        k->refusals += count;
        if (wal_dead(k->wal)) {
            set_dead(k,
                     err_is(e, ERR_CORRUPT) ? "the log file was removed, replaced or cut"
                                            : "the log cannot be written",
                     e);
        } else {
            k->full = true;
        }
        return FAIL_SYS(ERR_NOT_RECORDED, e.sys);
    }
    keep_mac(k);
    k->full = false;
    k->start_due = false;
    k->records += count;
    return keeper_take_group(k, g);
}

/* A record of the worker's joins the group, or waits for the next time. */
static void take_box(keeper_t *k)
{
    const ledger_record_t *rec;
    const leaf_extra_t *extra;
    uint64_t seq;
    if (keeper_refuses(k) || !worker_box(k->worker, &rec, &extra)) {
        return;
    }
    if (rec->type == LEDGER_PRUNED && holds_any(&k->holds)) {
        worker_box_refuse(k->worker);
        return;
    }
    if (commit_room(&k->commit) < LEDGER_TEXT_MAX + COMMIT_OVERHEAD + COMMIT_OWN ||
        err_failed(keeper_say_started(k))) {
        return;
    }
    if (!err_failed(commit_add(&k->commit, ROOM_LEDGER, rec, extra, &seq))) {
        worker_box_added(k->worker, seq);
    }
}

void keeper_sealed(keeper_t *k)
{
    sealer_state_t s = sealer_state(k->sealer);
    if (err_failed(s.trouble) && !err_is(s.trouble, ERR_DISK_FULL)) {
        set_dead(k, "the tree cannot be written or was changed by others", s.trouble);
    }
    entries_sealed(&k->entries, s.signed_cp.size);
    if (k->forget_at && s.signed_cp.size >= k->forget_at) {
        k->forget_at = 0; /* where it fails the next start does it */
        err_ignore(notekeys_forget(k->conf.keys, 0));
    }
    wal_retire(k->wal, s.signed_cp.size);
    __atomic_store_n(&k->log_first, wal_first_seq(k->wal), __ATOMIC_RELEASE);
    if (k->worker) {
        worker_ended(k->worker, s.signed_cp.size / k->conf.segment_leaves);
        worker_box_signed(k->worker, s.signed_cp.size);
        take_box(k);
    }
}

ledger_status_t keeper_status(keeper_t *k)
{
    sealer_state_t s = sealer_state(k->sealer);
    const char *why = keeper_refuses(k);
    ledger_status_t status = {.size = keeper_size(k),
                              .checkpoint_size = s.signed_cp.size,
                              .checkpoint_us = s.signed_us,
                              .accepting = !why,
                              .minimum = keeper_minimum(k),
                              .holds = (uint32_t)k->holds.count};
    memcpy(status.root, s.signed_cp.root.b, sizeof status.root);
    snprintf(status.reason, sizeof status.reason, "%s", why ? why : "");
    return status;
}

/* ---- reading ---- */

/* A run of leaves that all are in one bundle. *ret_seq moves past it. */
static err_t walk_run(keeper_t *k, uint64_t end, keeper_step_fn *step, void *ctx, uint64_t *io_seq,
                      bool *ret_stop)
{
    cursor_t run;
    uint64_t run_end;
    TRY(entries_run(&k->entries, *io_seq, &run, &run_end));
    if (run_end > end) {
        run_end = end;
    }
    for (; *io_seq < run_end; (*io_seq)++) {
        leaf_t leaf;
        TRY(leaf_get(leaf_next(&run), &leaf));
        ENSURE(leaf.entry.seq == *io_seq, ERR_CORRUPT);
        finder_add(&k->finder, *io_seq, &leaf.entry.rec);
        if (!step(ctx, &leaf.entry)) {
            *ret_stop = true;
            return OK;
        }
    }
    return OK;
}

typedef struct walk_from {
    uint64_t from;
    keeper_step_fn *step;
    void *ctx;
} walk_from_t;

static bool step_from(void *ctx, const ledger_entry_t *entry)
{
    walk_from_t *w = ctx;
    return entry->seq < w->from || w->step(w->ctx, entry);
}

err_t keeper_walk(keeper_t *k, uint64_t seq, const id128_t *id, unsigned bundles,
                  keeper_step_fn *step, void *ctx, uint64_t *ret_next)
{
    uint64_t size = keeper_size(k);
    walk_from_t from = {seq, step, ctx};
    bool stop = false;
    while (seq < size && bundles && !stop) {
        uint64_t low = keeper_minimum(k);
        seq = seq < low ? low : seq;
        uint64_t bundle = seq / TREE_TILE, end = (bundle + 1) * TREE_TILE;
        end = end < size ? end : size;
        if (id && !finder_maybe(&k->finder, bundle, (unsigned)(end - bundle * TREE_TILE), *id)) {
            seq = end;
            continue;
        }
        /* From the bundle's start, so that its filter gets filled; tails need no filter. */
        uint64_t at = id ? bundle * TREE_TILE : seq;
        err_t e = OK;
        while (at < end && !stop && !err_failed(e)) {
            e = walk_run(k, end, step_from, &from, &at, &stop);
        }
        if (err_is(e, ERR_NOT_FOUND) && at < keeper_minimum(k)) {
            continue; /* removed at this very moment */
        }
        TRY(e);
        seq = at;
        bundles--;
    }
    *ret_next = seq;
    return OK;
}

/* ---- opening ---- */

/* One writer a folder, for as long as the descriptor lives. ledger-verify looks at the lock, to
 * know whether somebody is writing while it reads. */
static err_t take_lock(keeper_t *k, char ret_fault[KEEPER_FAULT])
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    k->lock = openat(k->dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (k->lock < 0) {
        return FAIL_SYS(errno == ENOSPC ? ERR_DISK_FULL : ERR_IO, errno);
    }
    if (fcntl(k->lock, F_OFD_SETLK, &whole) != 0) {
        return recover_fault(ret_fault, FAIL_SYS(ERR_CONFLICT, errno),
                             "another process writes this ledger");
    }
    return OK;
}

static err_t make_dirs(keeper_t *k, char ret_fault[KEEPER_FAULT])
{
    static const char *const NAMES[] = {"log", "public", "tmp"};
    TRY(fd_open(k->conf.dir, O_RDONLY | O_DIRECTORY, 0, &k->dir));
    TRY(take_lock(k, ret_fault));
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        if (mkdirat(k->dir, NAMES[i], 0750) != 0 && errno != EEXIST) {
            return FAIL_SYS(errno == ENOSPC ? ERR_DISK_FULL : ERR_IO, errno);
        }
    }
    ENSURE(fsync(k->dir) == 0, ERR_IO);
    k->public_dir = openat(k->dir, "public", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    ENSURE(k->public_dir >= 0, ERR_IO);
    return OK;
}

static err_t open_all(keeper_t *k, char ret_fault[KEEPER_FAULT])
{
    const keeper_conf_t *conf = &k->conf;
    TRY(make_dirs(k, ret_fault));
    TRY(finder_init(&k->finder));
    TRY(recover_public_key(k, false, ret_fault));
    TRY(minimum_read(k->public_dir, &k->minimum));
    if (err_failed(holds_read(conf->dir, &k->holds))) {
        return recover_fault(ret_fault, FAIL(ERR_CORRUPT),
                             "`holds` cannot be read: which orders to preserve stand is not known");
    }
    sealer_conf_t sealer = {.dir = conf->dir,
                            .key = conf->key,
                            .keys = conf->keys,
                            .key_segment = conf->key_segment,
                            .old_keys = conf->old_keys,
                            .segment_leaves = conf->segment_leaves,
                            .gather_ms = conf->gather_ms,
                            .checkpointed = save_mac,
                            .on_sealed = conf->on_sealed,
                            .ctx = conf->ctx,
                            .checkpointed_ctx = k};
    TRY(sealer_open(&sealer, ret_fault, &k->sealer));
    TRY(recover_public_key(k, true, ret_fault));
    entries_init(&k->entries, k->public_dir, sealer_state(k->sealer).signed_cp.size);
    TRY(recover_log(k, ret_fault));
    TRY(commit_init(&k->commit, k->wal, keeper_size(k)));
    if (conf->keys) {
        k->commit.ends = (commit_ends_t){conf->segment_leaves, recover_next_key, k};
    }
    TRY(recover_identity(k, ret_fault));
    TRY(sealer_start(k->sealer));
    k->retain = (retain_conf_t){.keep_us = conf->keep_days * 24 * 3600 * CLOCK_SECOND_US,
                                .days = conf->keep_days,
                                .policy = conf->policy,
                                .calm_us = conf->calm_us,
                                .holds = &k->holds,
                                .jump_us = &k->commit.jump_us,
                                .log_first = &k->log_first,
                                .minimum = &k->minimum};
    worker_conf_t work = {.dir = conf->dir,
                          .leaves = conf->segment_leaves,
                          .retain = &k->retain,
                          .retain_poll_ms = conf->retain_poll_ms ? conf->retain_poll_ms : 30000,
                          .wake = conf->on_sealed,
                          .ctx = conf->ctx};
    k->log_first = wal_first_seq(k->wal);
    TRY(worker_start(&work, k->entries.sealed / conf->segment_leaves, &k->worker));
    TRY(recover_first_records(k));
    if (conf->old_keys) {
        k->forget_at = keeper_size(k); /* the sealer may need them until then */
        return OK;
    }
    return conf->keys ? notekeys_forget(conf->keys, conf->key_segment) : OK;
}

void keeper_abandon(keeper_t *k)
{
    worker_stop(k->worker);
    sealer_stop(k->sealer);
    wal_close(k->wal);
    commit_deinit(&k->commit);
    pthread_mutex_destroy(&k->mac_lock);
    ratchet_wipe(&k->mac_durable);
    entries_deinit(&k->entries);
    finder_deinit(&k->finder);
    holds_free(&k->holds);
    fd_close(&k->public_dir);
    fd_close(&k->lock);
    fd_close(&k->dir);
}

err_t keeper_open(keeper_t *k, const keeper_conf_t *conf, char ret_fault[KEEPER_FAULT])
{
    *k = (keeper_t){.conf = *conf, .dir = -1, .public_dir = -1, .lock = -1};
    pthread_mutex_init(&k->mac_lock, NULL);
    k->conf.segment_leaves = conf->segment_leaves ? conf->segment_leaves : SEGMENT_LEAVES;
    ret_fault[0] = '\0';
    err_t e = open_all(k, ret_fault);
    if (err_failed(e)) {
        if (!ret_fault[0]) {
            err_ignore(recover_fault(ret_fault, e, "the ledger cannot be opened"));
        }
        keeper_abandon(k);
    }
    return e;
}

void keeper_close(keeper_t *k)
{
    ledger_record_t rec = {.type = LEDGER_ROOM_STOP};
    if (!k->dead) { /* a stop that cannot be recorded is a crash: the next start shows it */
        err_t e = commit_add(&k->commit, ROOM_LEDGER, &rec, NULL, NULL);
        err_ignore(err_failed(e) ? e : keeper_flush(k));
    }
    keeper_abandon(k);
}
