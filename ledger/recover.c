#include "recover.h"

#include <stdarg.h>

#include "tiles.h"

enum { FACTS_MAX = 512, PATH_ARENA = 16 * 1024, KEPT_ARENA = 80 * 1024 * 1024 };
static const char VKEY[] = "ledger.vkey";

err_t recover_fault(char out[KEEPER_FAULT], err_t e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(out, KEEPER_FAULT, fmt, args);
    va_end(args);
    return e;
}

/* ---- the log ---- */

/* What of the log's own records must be known before new ones are written: where the chain of MACs
 * began, when a crash came before its state knew; which key was named last. */
static err_t look_for_own(keeper_t *k, const frame_t *f)
{
    uint8_t mem[RATCHET_START_HEX + 16], hex_mem[RATCHET_START_HEX];
    buf_t fact = BUF_ON_ARRAY(mem), hex = BUF_ON_ARRAY(hex_mem);
    ratchet_t *r = k->conf.mac;
    cursor_t c = cur_on(f->body);
    bool seek = r && r->on && r->first == RATCHET_NONE;
    if (seek) {
        ratchet_start_put(&hex, r->key);
        ledger_fact(&fact, "start", buf_slice(&hex));
    }
    for (uint32_t i = 0; i < f->count; i++) {
        leaf_t leaf;
        TRY(leaf_get(leaf_next(&c), &leaf));
        if (seek && leaf.entry.rec.type == LEDGER_RATCHET &&
            slice_eq(leaf.entry.rec.facts, buf_slice(&fact))) {
            r->first = f->first_seq + i;
        }
        if (leaf.entry.rec.type == LEDGER_SEGMENT_END && leaf.entry.room == ROOM_LEDGER) {
            k->segment_named = (f->first_seq + i + 1) / k->conf.segment_leaves;
        }
    }
    return OK;
}

static err_t replay_frame(void *ctx, const frame_t *f)
{
    keeper_t *k = ctx;
    uint64_t sealed = k->entries.sealed, seq = f->first_seq;
    cursor_t c = cur_on(f->body);
    ENSURE(seq <= k->entries.size, ERR_CORRUPT);
    TRY(look_for_own(k, f));
    for (; seq < f->first_seq + f->count && seq < sealed; seq++) {
        TRY(sealer_check_leaf(k->sealer, seq, leaf_next(&c)));
    }
    if (seq == f->first_seq + f->count) {
        return cur_end(&c);
    }
    ENSURE(!c.bad && seq == k->entries.size, ERR_CORRUPT);
    group_t *g = group_new(seq, (uint32_t)(f->first_seq + f->count - seq), cur_rest(&c));
    ENSURE(g, ERR_MEMORY);
    return keeper_take_group(k, g);
}

err_t recover_log(keeper_t *k, char ret_fault[KEEPER_FAULT])
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    wal_report_t report;
    path_t dir;
    uint64_t sealed = k->entries.sealed;
    arena_init(&a, PATH_ARENA);
    TRY(path_join(&a, k->conf.dir, SLICE("log"), &dir));
    err_t e = wal_open(dir, k->conf.piece_bytes, replay_frame, k, &report, &k->wal);
    if (err_failed(e)) {
        return recover_fault(ret_fault, e, "%s",
                             report.fault[0] ? report.fault : "log and tree do not agree");
    }
    bool empty = report.first_seq == report.next_seq;
    if (empty ? sealed > 0 : report.next_seq < sealed || report.first_seq > sealed) {
        return recover_fault(
            ret_fault, FAIL(ERR_CORRUPT),
            "rollback: a checkpoint of %llu records was signed, the log holds %llu..%llu",
            (unsigned long long)sealed, (unsigned long long)report.first_seq,
            (unsigned long long)report.next_seq);
    }
    k->torn_bytes = report.torn_bytes;
    return OK;
}

/* The chain of MACs fits the log, or begins; a log that ends before it was cut. */
static err_t join_ratchet(keeper_t *k, const leaf_t *last, char ret_fault[KEEPER_FAULT])
{
    ratchet_t *r = k->conf.mac;
    uint64_t size = keeper_size(k);
    bool on = r && r->on, begun = on && r->first != RATCHET_NONE;
    bool restored = k->conf.epoch && k->conf.epoch->pending;
    if (!begun && last && last->has_mac && !(on && restored)) {
        return recover_fault(ret_fault, FAIL(ERR_CORRUPT),
                             "the records have MACs, and the state of their chain is gone");
    }
    if (begun && (size < r->first || size - r->first < r->number)) {
        return recover_fault(ret_fault, FAIL(ERR_CORRUPT),
                             "rollback: the chain of MACs has passed record %llu, the log ends "
                             "at %llu",
                             (unsigned long long)(r->first + r->number), (unsigned long long)size);
    }
    if (begun) {
        ratchet_advance(r, size - r->first);
    }
    if (on) {
        commit_ratchet(&k->commit, r);
    }
    return OK;
}

/* The last leaf tells the clocks; it also must be readable, as all must. */
static err_t look_at_last(keeper_t *k, char ret_fault[KEEPER_FAULT])
{
    cursor_t run;
    uint64_t end;
    leaf_t leaf;
    if (keeper_size(k) == 0) {
        return join_ratchet(k, NULL, ret_fault);
    }
    TRY(entries_run(&k->entries, keeper_size(k) - 1, &run, &end));
    TRY(leaf_get(leaf_next(&run), &leaf));
    ENSURE(leaf.entry.seq == keeper_size(k) - 1, ERR_CORRUPT);
    commit_last_leaf(&k->commit, &leaf);
    return join_ratchet(k, &leaf, ret_fault);
}

static void genesis_facts(const keeper_t *k, buf_t *facts)
{
    uint8_t mem[256];
    buf_t vkey = BUF_ON_ARRAY(mem);
    note_put_vkey(&vkey, k->conf.key);
    ledger_fact(facts, "profile", slice_cstr_in(k->conf.profile));
    ledger_fact(facts, "origin", slice_cstr_in(k->conf.key->name));
    ledger_fact(facts, "vkey", buf_slice(&vkey));
    ledger_fact_i64(facts, "format", LEAF_VERSION);
    if (k->conf.segment_leaves != SEGMENT_LEAVES) {
        ledger_fact_i64(facts, "segment", (int64_t)k->conf.segment_leaves);
    }
    CHECK(!vkey.full && !facts->full);
}

/* A record of ledgerd's own, from where it is now. Its slices are good until the arena or the next
 * reading goes. */
static err_t own_leaf(keeper_t *k, uint64_t seq, arena_t *a, leaf_t *ret_leaf)
{
    cursor_t run;
    uint64_t end;
    ENSURE(seq < keeper_size(k), ERR_CORRUPT);
    if (seq < k->minimum) {
        return retain_kept(k->public_dir, k->conf.segment_leaves, seq, a, ret_leaf);
    }
    TRY(entries_run(&k->entries, seq, &run, &end));
    return leaf_get(leaf_next(&run), ret_leaf);
}

/* In a later epoch the record that began it must name our key; GENESIS names the first one's. */
static err_t check_epoch(keeper_t *k, char ret_fault[KEEPER_FAULT])
{
    uint8_t mem[EPOCH_VKEY], fact_mem[2 * EPOCH_VKEY];
    buf_t vkey = BUF_ON_ARRAY(mem), fact = BUF_ON_ARRAY(fact_mem);
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    const epoch_t *e = k->conf.epoch;
    leaf_t leaf;
    arena_init(&a, KEPT_ARENA);
    note_put_vkey(&vkey, k->conf.key);
    ledger_fact(&fact, "vkey", buf_slice(&vkey));
    TRY(own_leaf(k, e->seq, &a, &leaf));
    if (leaf.entry.rec.type != LEDGER_RESTORED || leaf.entry.room != ROOM_LEDGER ||
        slice_find(leaf.entry.rec.facts, buf_slice(&fact)) == SIZE_MAX) {
        return recover_fault(ret_fault, FAIL(ERR_CONFIG), "record %llu does not begin the epoch %s",
                             (unsigned long long)e->seq, e->letters);
    }
    return OK;
}

/* A later key must be the one that the segment before ended with. */
static err_t check_announced(keeper_t *k, char ret_fault[KEEPER_FAULT])
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    uint64_t seq = k->conf.key_segment * k->conf.segment_leaves - 1;
    leaf_t leaf;
    arena_init(&a, KEPT_ARENA);
    TRY(own_leaf(k, seq, &a, &leaf));
    if (leaf.entry.rec.type != LEDGER_SEGMENT_END || leaf.entry.room != ROOM_LEDGER ||
        memcmp(leaf.extra.note_key, k->conf.key->public_key, sizeof leaf.extra.note_key) != 0) {
        return recover_fault(ret_fault, FAIL(ERR_CONFIG),
                             "record %llu does not announce our note key", (unsigned long long)seq);
    }
    return OK;
}

/* Once another key has taken over, GENESIS names an older one; all else must be the same. */
static bool genesis_fits(slice_t there, slice_t ours, bool other_key)
{
    size_t a = slice_find(there, SLICE("&vkey=")), b = slice_find(ours, SLICE("&vkey="));
    size_t c = slice_find(there, SLICE("&format=")), d = slice_find(ours, SLICE("&format="));
    if (!other_key) {
        return slice_eq(there, ours);
    }
    return a != SIZE_MAX && c != SIZE_MAX &&
           slice_eq(slice_sub(there, 0, a), slice_sub(ours, 0, b)) &&
           slice_eq(slice_from(there, c), slice_from(ours, d));
}

/* The first record must say what we are: profile, origin, key. */
static err_t check_genesis(keeper_t *k, char ret_fault[KEEPER_FAULT])
{
    uint8_t mem[FACTS_MAX];
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    buf_t facts = BUF_ON_ARRAY(mem);
    leaf_t leaf;
    const epoch_t *epoch = k->conf.epoch;
    if (epoch && epoch->pending) {
        return OK; /* the record that names our key comes next */
    }
    if (k->conf.key_segment) {
        TRY(check_announced(k, ret_fault));
    } else if (epoch && epoch->letters[0]) {
        TRY(check_epoch(k, ret_fault));
    }
    if (epoch && epoch->letters[0]) {
        return OK;
    }
    genesis_facts(k, &facts);
    arena_init(&a, KEPT_ARENA);
    TRY(own_leaf(k, 0, &a, &leaf));
    if (leaf.entry.rec.type != LEDGER_GENESIS ||
        !genesis_fits(leaf.entry.rec.facts, buf_slice(&facts), k->conf.key_segment > 0)) {
        return recover_fault(
            ret_fault, FAIL(ERR_CONFIG),
            "this ledger was begun with another profile, origin or key than %s, %s",
            k->conf.profile, k->conf.key->name);
    }
    return OK;
}

/* ---- first records ---- */

static err_t put_genesis(keeper_t *k)
{
    uint8_t mem[FACTS_MAX];
    buf_t facts = BUF_ON_ARRAY(mem);
    genesis_facts(k, &facts);
    ledger_record_t rec = {.type = LEDGER_GENESIS, .facts = buf_slice(&facts)};
    TRY(commit_add(&k->commit, ROOM_LEDGER, &rec, NULL, NULL));
    return keeper_flush(k);
}

/* The first record of a new epoch, and, when more is known to have been signed before the loss than
 * was restored, how much that is: nothing is lost quietly (law 9). */
static err_t begin_epoch(keeper_t *k, uint64_t restored)
{
    uint8_t mem[LEDGER_TEXT_MAX], gap_mem[64];
    buf_t facts = BUF_ON_ARRAY(mem), gap = BUF_ON_ARRAY(gap_mem);
    epoch_t *e = k->conf.epoch;
    uint64_t seq, known = e->restored.known_size, from;
    if (k->conf.old_keys && k->segment_named * k->conf.segment_leaves > k->entries.sealed) {
        note_key_wipe(
            &e->before); /* a segment ended behind the checkpoint: the next key hands over */
        TRY(notekeys_load(k->conf.old_keys, k->segment_named, &e->before, &from));
    }
    epoch_facts(e, k->conf.key, restored, &facts);
    TRY(buf_check(&facts));
    ledger_record_t rec = {.type = LEDGER_RESTORED, .facts = buf_slice(&facts)};
    TRY(commit_add(&k->commit, ROOM_LEDGER, &rec, NULL, &seq));
    if (known > restored) {
        uint64_t lost = known - restored;
        ledger_fact_i64(&gap, "lost", (int64_t)lost);
        ledger_fact(&gap, "why", SLICE("restore"));
        ledger_record_t lack = {.type = LEDGER_GAP,
                                .count = lost > UINT32_MAX ? UINT32_MAX : (uint32_t)lost,
                                .facts = buf_slice(&gap)};
        TRY(commit_add(&k->commit, ROOM_LEDGER, &lack, NULL, NULL));
    }
    TRY(keeper_flush(k));
    return epoch_done(k->conf.dir, e, seq);
}

err_t recover_identity(keeper_t *k, char ret_fault[KEEPER_FAULT])
{
    TRY(look_at_last(k, ret_fault));
    return keeper_size(k) ? check_genesis(k, ret_fault) : OK;
}

err_t recover_first_records(keeper_t *k)
{
    const epoch_t *epoch = k->conf.epoch;
    if (keeper_size(k) == 0) {
        TRY(put_genesis(k));
    }
    uint64_t restored = keeper_size(k);
    commit_ends_t ends = k->commit.ends;
    k->start_due = true;
    if (epoch && epoch->pending) {
        /* All in one group: a crash leaves all or none. And no key can be handed on before the
         * record that names it: a segment's last place among them is theirs. */
        k->commit.ends.next = NULL;
        err_t e = keeper_say_started(k);
        if (!err_failed(e)) {
            e = begin_epoch(k, restored);
        }
        k->commit.ends = ends;
        return e;
    }
    TRY(keeper_say_started(k));
    err_t e = keeper_flush(k);
    return k->dead ? e : OK; /* on a full disk: up, refusing, saying why */
}

/* ---- the public key ---- */

/* commit_ends_t: only the public half comes out. */
err_t recover_next_key(void *ctx, uint64_t segment, leaf_extra_t *ret_key, buf_t *vkey)
{
    const keeper_t *k = ctx;
    note_key_t key;
    TRY(notekeys_next(k->conf.keys, segment, &key));
    ret_key->has_note_key = true;
    memcpy(ret_key->note_key_id, key.id, sizeof key.id);
    memcpy(ret_key->note_key, key.public_key, sizeof key.public_key);
    note_put_vkey(vkey, &key);
    note_key_wipe(&key);
    return OK;
}

/* A segment ended just before we were killed: the sealer puts our key in its predecessor's place.
 */
static bool hand_over_due(const keeper_t *k)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    checkpoint_t cp;
    slice_t note;
    arena_init(&a, NOTE_MAX + 64);
    return k->conf.key_segment && !err_failed(tiles_read(k->dir, "signed", &a, NOTE_MAX, &note)) &&
           !err_failed(note_open_checkpoint(note, k->conf.key, &cp)) &&
           cp.size == k->conf.key_segment * k->conf.segment_leaves;
}

/* The public key stands where verifiers find it; one that differs is never overwritten. */
err_t recover_public_key(keeper_t *k, bool opened, char ret_fault[KEEPER_FAULT])
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    uint8_t mem[256];
    buf_t vkey = BUF_ON_ARRAY(mem);
    slice_t there;
    path_t dir, file;
    arena_init(&a, PATH_ARENA);
    note_put_vkey(&vkey, k->conf.key);
    buf_u8(&vkey, '\n');
    err_t e = tiles_read(k->public_dir, VKEY, &a, 512, &there);
    if (err_is(e, ERR_NOT_FOUND)) {
        TRY(path_join(&a, k->conf.dir, SLICE("public"), &dir));
        TRY(path_join(&a, dir, slice_cstr_in(VKEY), &file));
        return file_replace(file, buf_slice(&vkey), 0640);
    }
    TRY(e);
    return slice_eq(there, buf_slice(&vkey)) || (!opened && hand_over_due(k))
               ? OK
               : recover_fault(ret_fault, FAIL(ERR_CONFIG),
                               "public/ledger.vkey is another key than ours");
}
