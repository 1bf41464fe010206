#include "sealer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "edge.h"
#include "segment.h"

enum {
    BUNDLE_FIRST = 64 * 1024,
    TILE_BYTES = TREE_TILE * HASH_BYTES,
    RETRY_MS = 500,
};
struct sealer {
    sealer_conf_t conf;
    int dir, public_dir, tmp_dir;
    hasher_t hasher;
    tree_t tree;
    uint8_t *bundle; /* the unfinished entry bundle */
    size_t bundle_len, bundle_cap;
    tiles_t tiles;
    signer_t signer;
    struct ending { /* the segment whose end is being sealed */
        uint64_t number;
        note_key_t next;
    } ending;
    uint64_t sizes[2]; /* published sizes whose partial tiles are kept: last, the one before */

    uint64_t checked_tile; /* sealer_check_leaf's cache: number + 1 of the tile; 0 = none */
    hash_t checked[TREE_TILE];

    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t changed;
    group_t *queue, **queue_last;
    bool stop;
    sealer_state_t state;
};

static err_t on_full_tile(void *ctx, unsigned level, uint64_t number,
                          const hash_t hashes[TREE_TILE])
{
    sealer_t *s = ctx;
    char path[TILES_PATH];
    tiles_path(level, number, TREE_TILE, path);
    return tiles_add(&s->tiles, path, slice_make(hashes, TILE_BYTES));
}

static err_t bundle_add(sealer_t *s, slice_t leaf)
{
    size_t need = s->bundle_len + 2 + leaf.len;
    if (need > s->bundle_cap) {
        size_t cap = s->bundle_cap ? s->bundle_cap : BUNDLE_FIRST;
        while (cap < need) {
            cap *= 2;
        }
        uint8_t *mem = realloc(s->bundle, cap);
        ENSURE(mem, ERR_MEMORY);
        s->bundle = mem;
        s->bundle_cap = cap;
    }
    buf_t b = buf_on(s->bundle + s->bundle_len, 2 + leaf.len);
    buf_u16be(&b, (uint16_t)leaf.len);
    buf_put(&b, leaf);
    s->bundle_len = need;
    return OK;
}

static err_t add_leaf(sealer_t *s, slice_t leaf)
{
    char path[TILES_PATH];
    hash_t hash = hash_leaf(&s->hasher, leaf);
    TRY(bundle_add(s, leaf));
    TRY(tree_append(&s->tree, &s->hasher, &hash, on_full_tile, s));
    if (tree_edge(s->tree.size, 0)) {
        return OK;
    }
    tiles_path(TILES_ENTRIES, s->tree.size / TREE_TILE - 1, TREE_TILE, path);
    TRY(tiles_add(&s->tiles, path, slice_make(s->bundle, s->bundle_len)));
    s->bundle_len = 0;
    return OK;
}

static err_t add_partials(sealer_t *s)
{
    char path[TILES_PATH];
    for (unsigned i = 0; i < TREE_LEVELS; i++) {
        if (edge_path(i, s->tree.size, path)) {
            slice_t bytes =
                slice_make(s->tree.levels[i].hashes, s->tree.levels[i].width * HASH_BYTES);
            TRY(tiles_add(&s->tiles, path, bytes));
        }
    }
    return edge_path(TILES_ENTRIES, s->tree.size, path)
               ? tiles_add(&s->tiles, path, slice_make(s->bundle, s->bundle_len))
               : OK;
}

static void remove_partial(sealer_t *s, unsigned level, uint64_t size)
{
    char old[TILES_PATH], kept[TILES_PATH];
    if (!edge_path(level, size, old)) {
        return;
    }
    for (size_t i = 0; i < BASE_COUNT(s->sizes); i++) {
        if (edge_path(level, s->sizes[i], kept) && strcmp(old, kept) == 0) {
            return;
        }
    }
    tiles_remove(&s->tiles, old);
}

/* Partial tiles stay for the last two published sizes: a reader that has just fetched the
 * checkpoint before may finish. */
static void forget_size(sealer_t *s, uint64_t published)
{
    uint64_t gone = s->sizes[1];
    s->sizes[1] = s->sizes[0];
    s->sizes[0] = published;
    for (unsigned i = 0; i < TREE_LEVELS; i++) {
        remove_partial(s, i, gone);
    }
    remove_partial(s, TILES_ENTRIES, gone);
}

/* ---- the thread ---- */

static void set_trouble(sealer_t *s, err_t e)
{
    pthread_mutex_lock(&s->lock);
    s->state.trouble = e;
    pthread_mutex_unlock(&s->lock);
}

static void set_sealed(sealer_t *s)
{
    pthread_mutex_lock(&s->lock);
    s->state.signed_cp = s->signer.last;
    s->state.signed_us = clock_wall_us();
    s->state.checkpoints++;
    s->state.trouble = OK;
    pthread_mutex_unlock(&s->lock);
    if (s->conf.on_sealed) {
        s->conf.on_sealed(s->conf.ctx);
    }
}

/* With the lock held. */
static void nap(sealer_t *s, int64_t ms)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    int64_t ns = t.tv_nsec + (ms % 1000) * 1000000;
    t.tv_sec += ms / 1000 + ns / 1000000000;
    t.tv_nsec = ns % 1000000000;
    pthread_cond_timedwait(&s->changed, &s->lock, &t);
}

/* A step that a full disk delays: again and again, until it works or we are told to stop. */
static err_t until_space(sealer_t *s, err_t (*step)(sealer_t *s))
{
    for (;;) {
        err_t e = step(s);
        if (!err_is(e, ERR_DISK_FULL)) {
            return e;
        }
        set_trouble(s, e);
        pthread_mutex_lock(&s->lock);
        bool stop = s->stop;
        if (!stop) {
            nap(s, RETRY_MS);
        }
        pthread_mutex_unlock(&s->lock);
        if (stop) {
            return e;
        }
    }
}

static err_t flush(sealer_t *s)
{
    return tiles_flush(&s->tiles);
}

static err_t checkpointed(sealer_t *s)
{
    return s->conf.checkpointed ? s->conf.checkpointed(s->conf.checkpointed_ctx) : OK;
}

static checkpoint_t here(sealer_t *s)
{
    return (checkpoint_t){s->tree.size, tree_root(&s->tree, &s->hasher)};
}

static err_t sign(sealer_t *s)
{
    checkpoint_t cp = here(s);
    return signer_sign(&s->signer, &cp);
}

static err_t hand_over(sealer_t *s)
{
    checkpoint_t cp = here(s);
    return signer_hand_over(&s->signer, &cp, s->ending.number, &s->ending.next);
}

/* The tree as it is now: to the disk, signed, published. */
static err_t publish(sealer_t *s, err_t (*word)(sealer_t *s))
{
    TRY(add_partials(s));
    TRY(until_space(s, flush));
    TRY(until_space(s, word));
    TRY(until_space(s, checkpointed));
    forget_size(s, s->tree.size);
    set_sealed(s);
    return OK;
}

/* A restored log may end a segment behind the checkpoint that was restored with it. Its keys came
 * along: they seal what they would have sealed, and sign nothing else. */
static err_t old_segment_end(sealer_t *s, const leaf_t *leaf, bool *ret_was)
{
    note_key_t old, next;
    uint64_t from, number = s->tree.size / s->conf.segment_leaves;
    *ret_was = s->conf.old_keys &&
               !err_failed(notekeys_load(s->conf.old_keys, number, &next, &from)) &&
               !memcmp(next.public_key, leaf->extra.note_key, sizeof leaf->extra.note_key);
    if (!*ret_was) {
        return OK;
    }
    err_t e = notekeys_load(s->conf.old_keys, number - 1, &old, &from);
    if (!err_failed(e)) {
        checkpoint_t cp = here(s);
        e = signer_seal(&s->signer, &cp, number - 1, &old, &next);
    }
    note_key_wipe(&old);
    note_key_wipe(&next);
    return e;
}

/* The leaf just added is a segment's last. Where it announces the next key, that one takes over
 * here: before any leaf of the next segment is signed for. */
static err_t segment_end(sealer_t *s, slice_t bytes)
{
    leaf_t leaf;
    uint64_t from;
    bool old = false;
    TRY(leaf_get(bytes, &leaf));
    if (leaf.entry.rec.type != LEDGER_SEGMENT_END || leaf.entry.room != ROOM_LEDGER) {
        return OK; /* an earlier program went on with its one key */
    }
    ENSURE(leaf.extra.has_note_key && s->conf.keys, ERR_CORRUPT);
    TRY(old_segment_end(s, &leaf, &old));
    if (old) {
        return OK;
    }
    s->ending.number = s->tree.size / s->conf.segment_leaves - 1;
    TRY(notekeys_load(s->conf.keys, s->ending.number + 1, &s->ending.next, &from));
    ENSURE(from == s->ending.number + 1 &&
               !memcmp(s->ending.next.public_key, leaf.extra.note_key, sizeof leaf.extra.note_key),
           ERR_CORRUPT);
    err_t e = publish(s, hand_over);
    note_key_wipe(&s->ending.next);
    return e;
}

static err_t add_group(sealer_t *s, const group_t *g)
{
    cursor_t c = cur_on(slice_make(g->body, g->len));
    uint32_t count = g->count; /* a segment's end may give the group back before the loop ends */
    CHECK(g->first_seq == s->tree.size);
    for (uint32_t i = 0; i < count; i++) {
        slice_t leaf = leaf_next(&c);
        ENSURE(!c.bad, ERR_CORRUPT);
        TRY(add_leaf(s, leaf));
        if (s->tree.size % s->conf.segment_leaves == 0) {
            TRY(segment_end(s, leaf));
        }
    }
    return cur_end(&c);
}

static err_t seal(sealer_t *s, const group_t *groups)
{
    for (const group_t *g = groups, *next; g; g = next) {
        next = g->next; /* read before the group is ours no more */
        TRY(add_group(s, g));
    }
    return s->signer.any && s->signer.last.size == s->tree.size ? OK : publish(s, sign);
}

static void *sealer_thread(void *arg)
{
    sealer_t *s = arg;
    err_t e = OK;
    pthread_mutex_lock(&s->lock);
    while (!err_failed(e)) {
        while (!s->queue && !s->stop) {
            pthread_cond_wait(&s->changed, &s->lock);
        }
        if (!s->queue) {
            break;
        }
        if (!s->stop) {
            nap(s, s->conf.gather_ms);
        }
        group_t *groups = s->queue;
        s->queue = NULL;
        s->queue_last = &s->queue;
        pthread_mutex_unlock(&s->lock);
        e = seal(s, groups);
        if (err_failed(e)) {
            set_trouble(s, e);
            if (s->conf.on_sealed) {
                s->conf.on_sealed(s->conf.ctx);
            }
        }
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

void sealer_push(sealer_t *s, group_t *group)
{
    pthread_mutex_lock(&s->lock);
    bool first = !s->queue;
    *s->queue_last = group;
    s->queue_last = &group->next;
    if (first) {
        pthread_cond_signal(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
}

sealer_state_t sealer_state(sealer_t *s)
{
    pthread_mutex_lock(&s->lock);
    sealer_state_t state = s->state;
    pthread_mutex_unlock(&s->lock);
    return state;
}

/* ---- opening ---- */

static err_t fault(char out[SEALER_FAULT], err_t e, const char *what)
{
    snprintf(out, SEALER_FAULT, "%s", what);
    return e;
}

static err_t keep_leaf(void *ctx, slice_t leaf)
{
    return bundle_add(ctx, leaf);
}

static err_t read_edge(sealer_t *s)
{
    TRY(edge_tree(s->public_dir, s->signer.last.size, &s->tree));
    TRY(edge_bundle(s->public_dir, &s->tree, &s->hasher, keep_leaf, s));
    hash_t root = tree_root(&s->tree, &s->hasher);
    ENSURE(!s->signer.any || hash_eq(&root, &s->signer.last.root), ERR_CORRUPT);
    return OK;
}

static err_t open_dirs(sealer_t *s)
{
    static const int FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    TRY(fd_open(s->conf.dir, FLAGS, 0, &s->dir));
    s->public_dir = openat(s->dir, "public", FLAGS);
    s->tmp_dir = openat(s->dir, "tmp", FLAGS);
    ENSURE(s->public_dir >= 0 && s->tmp_dir >= 0, ERR_IO);
    return OK;
}

static err_t sealer_read(sealer_t *s, char ret_fault[SEALER_FAULT])
{
    TRY(open_dirs(s));
    TRY(hasher_init(&s->hasher));
    tree_init(&s->tree);
    tiles_init(&s->tiles, s->public_dir, s->tmp_dir, 't');
    edge_empty(s->dir, "tmp", "");
    s->signer.dir = s->dir;
    s->signer.public_dir = s->public_dir;
    s->signer.tmp_dir = s->tmp_dir;
    TRY(signer_open(&s->signer, ret_fault));
    err_t e = read_edge(s);
    if (err_failed(e)) {
        return fault(ret_fault, e, "the tiles do not give the root that was signed last");
    }
    edge_sweep(s->public_dir, s->signer.last.size);
    s->sizes[0] = s->signer.last.size;
    if (s->conf.key_segment && s->conf.key_segment * s->conf.segment_leaves == s->tree.size) {
        TRY(signer_finish(&s->signer, s->conf.key_segment - 1));
    }
    s->state.signed_cp = s->signer.last;
    s->state.signed_us = clock_wall_us();
    return OK;
}

static void sealer_free(sealer_t *s)
{
    tiles_drop(&s->tiles);
    signer_wipe(&s->signer);
    hasher_deinit(&s->hasher);
    free(s->bundle);
    fd_close(&s->dir);
    fd_close(&s->public_dir);
    fd_close(&s->tmp_dir);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    free(s);
}

err_t sealer_open(const sealer_conf_t *conf, char ret_fault[SEALER_FAULT], sealer_t **ret_sealer)
{
    pthread_condattr_t mono;
    sealer_t *s = calloc(1, sizeof *s);
    ENSURE(s, ERR_MEMORY);
    s->conf = *conf;
    s->conf.segment_leaves = conf->segment_leaves ? conf->segment_leaves : SEGMENT_LEAVES;
    s->signer = (signer_t){.keys = conf->keys, .leaves = s->conf.segment_leaves, .key = *conf->key};
    s->dir = s->public_dir = s->tmp_dir = -1;
    s->queue_last = &s->queue;
    tiles_init(&s->tiles, -1, -1, 't');
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &mono);
    pthread_condattr_destroy(&mono);
    ret_fault[0] = '\0';
    err_t e = sealer_read(s, ret_fault);
    if (err_failed(e)) {
        sealer_free(s);
        return e;
    }
    *ret_sealer = s;
    return OK;
}

/* The level-0 tile that holds this leaf's hash, from the disk. */
static err_t load_checked(sealer_t *s, uint64_t number)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    char path[TILES_PATH];
    slice_t bytes;
    uint64_t full = s->signer.last.size / TREE_TILE;
    unsigned width = number < full ? TREE_TILE : tree_edge(s->signer.last.size, 0);
    arena_init(&a, TILE_BYTES + 64);
    tiles_path(0, number, width, path);
    TRY(tiles_read(s->public_dir, path, &a, TILE_BYTES, &bytes));
    ENSURE(bytes.len == width * HASH_BYTES, ERR_CORRUPT);
    memcpy(s->checked, bytes.ptr, bytes.len);
    s->checked_tile = number + 1;
    return OK;
}

err_t sealer_check_leaf(sealer_t *s, uint64_t seq, slice_t leaf)
{
    uint64_t number = seq / TREE_TILE;
    CHECK(seq < s->signer.last.size);
    if (s->checked_tile != number + 1) {
        TRY(load_checked(s, number));
    }
    hash_t hash = hash_leaf(&s->hasher, leaf);
    ENSURE(hash_eq(&hash, &s->checked[seq % TREE_TILE]), ERR_CORRUPT);
    return OK;
}

err_t sealer_start(sealer_t *s)
{
    int failed = pthread_create(&s->thread, NULL, sealer_thread, s);
    if (failed) {
        return FAIL_SYS(ERR_MEMORY, failed);
    }
    s->started = true;
    return OK;
}

void sealer_stop(sealer_t *s)
{
    if (!s) {
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (s->started) {
        pthread_join(s->thread, NULL);
    }
    sealer_free(s);
}
