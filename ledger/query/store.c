#include "store.h"

#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "files.h"

enum {
    OPEN_TRIES = 20,
    TAG_REQUEST = 0x10,
    TAG_OBJECT,
    TAG_PARENT,
    TAG_SUBJECT,
    TAG_ACTOR,
    TAG_ADDRESS,
    TAG_FACTS = 0x20,
};

err_t store_fault(query_t *q, err_t e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(q->fault, sizeof q->fault, fmt, args);
    va_end(args);
    return e;
}

/* ---- tiles ---- */

static err_t tile_read(query_t *q, unsigned level, uint64_t number, uint8_t *out)
{
    uint8_t root[32], want[32];
    slice_t bytes;
    err_t e = files_tile(q->public_dir, level, number, VTILE, &bytes);
    if (err_failed(e)) {
        return store_fault(q, e, "tile %llu of level %u cannot be read", (unsigned long long)number,
                           level);
    }
    memcpy(out, bytes.ptr, FILES_TILE);
    vfile_free(&bytes);
    TRY(store_hash(q, level + 1, number, want));
    files_fold(out, VTILE, root);
    return memcmp(root, want, sizeof root) == 0
               ? OK
               : store_fault(q, FAIL(ERR_CORRUPT),
                             "tile %llu of level %u does not lead to the "
                             "signed root",
                             (unsigned long long)number, level);
}

static store_tile_t *tile_place(const query_t *q, unsigned level, uint64_t number)
{
    uint64_t h = (number * 8 + level) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = (size_t)(h >> 32) & (q->tile_cap - 1);; i = (i + 1) & (q->tile_cap - 1)) {
        store_tile_t *t = &q->tiles[i];
        if (!t->hashes || (t->level == level && t->number == number)) {
            return t;
        }
    }
}

static err_t tiles_grow(query_t *q)
{
    store_tile_t *old = q->tiles;
    size_t cap = q->tile_cap;
    if (q->tile_count * 2 < cap) {
        return OK;
    }
    q->tile_cap = cap ? 2 * cap : 256;
    q->tiles = calloc(q->tile_cap, sizeof *q->tiles);
    if (!q->tiles) {
        q->tiles = old;
        q->tile_cap = cap;
        return FAIL(ERR_MEMORY);
    }
    for (size_t i = 0; i < cap; i++) {
        if (old[i].hashes) {
            *tile_place(q, old[i].level, old[i].number) = old[i];
        }
    }
    free(old);
    return OK;
}

static err_t tile_get(query_t *q, unsigned level, uint64_t number, const uint8_t **ret_hashes)
{
    TRY(tiles_grow(q));
    store_tile_t *t = tile_place(q, level, number);
    if (!t->hashes) {
        uint8_t *hashes = arena_alloc(&q->arena, FILES_TILE);
        ENSURE(hashes, ERR_MEMORY);
        TRY(tile_read(q, level, number, hashes)); /* may read tiles above: places move */
        TRY(tiles_grow(q));
        t = tile_place(q, level, number);
        *t = (store_tile_t){number, hashes, level};
        q->tile_count++;
    }
    *ret_hashes = t->hashes;
    return OK;
}

err_t store_hash(query_t *q, unsigned level, uint64_t index, uint8_t ret_hash[32])
{
    const uint8_t *hashes;
    CHECK(level < VTILE_LEVELS && index < q->cp.size >> (8 * level));
    if (index >> 8 == q->cp.size >> (8 * level) >> 8) {
        memcpy(ret_hash, q->edge[level][index & 0xff], 32);
        return OK;
    }
    TRY(tile_get(q, level, index >> 8, &hashes));
    memcpy(ret_hash, hashes + 32 * (index & 0xff), 32);
    return OK;
}

/* Leaves are many and asked for together: level 0 is not kept. */
err_t store_leaf_hashes(query_t *q, uint64_t number, uint8_t ret_hashes[VTILE][32],
                        unsigned *ret_width)
{
    if (number == q->cp.size / VTILE) {
        *ret_width = q->edge_width[0];
        memcpy(ret_hashes, q->edge[0], (size_t)q->edge_width[0] * 32);
        return OK;
    }
    *ret_width = VTILE;
    return tile_read(q, 0, number, ret_hashes[0]);
}

/* ---- bundles and records ---- */

static err_t bundle_prove(query_t *q, const store_bundle_t *b)
{
    uint8_t hashes[VTILE][32], root[32], want[32];
    for (unsigned i = 0; i < b->width; i++) {
        vtree_leaf_hash(b->leaves[i], hashes[i]);
    }
    if (b->width < VTILE) {
        ENSURE(memcmp(hashes, q->edge[0], (size_t)b->width * 32) == 0, ERR_CORRUPT);
        return OK;
    }
    TRY(store_hash(q, 1, b->number, want));
    files_fold(hashes[0], VTILE, root);
    ENSURE(memcmp(root, want, sizeof root) == 0, ERR_CORRUPT);
    return OK;
}

static void bundle_drop(store_bundle_t *b)
{
    if (b->width == VTILE) {
        vfile_free(&b->bytes);
    }
    b->width = 0;
}

err_t store_bundle_fault(query_t *q, uint64_t number, err_t e)
{
    return store_fault(q, e,
                       err_is(e, ERR_VERSION) ? "records %llu.. were written by a later version"
                       : err_is(e, ERR_CORRUPT)
                           ? "the bundle of records %llu.. does not lead to the signed root"
                           : "the bundle of records %llu.. cannot be read",
                       (unsigned long long)(number * VTILE));
}

err_t store_bundle(query_t *q, uint64_t number, const store_bundle_t **ret_bundle)
{
    for (unsigned i = 0; i < BUNDLES_KEPT; i++) {
        if (q->bundles[i].width && q->bundles[i].number == number) {
            *ret_bundle = &q->bundles[i];
            return OK;
        }
    }
    store_bundle_t *b = &q->bundles[q->bundle_next++ % BUNDLES_KEPT];
    unsigned width = number < q->cp.size / VTILE ? VTILE : q->edge_width[0];
    slice_t bytes;
    bundle_drop(b);
    CHECK(width);
    bytes = q->edge_bundle;
    err_t e = width < VTILE ? OK : files_bundle(q->public_dir, number, width, &bytes);
    if (!err_failed(e)) {
        *b = (store_bundle_t){.number = number, .width = width, .bytes = bytes};
        e = files_split(b->bytes, b->width, b->leaves);
        e = err_failed(e) ? FAIL(ERR_CORRUPT) : bundle_prove(q, b);
    }
    if (err_failed(e)) {
        bundle_drop(b);
        return q->fault[0] ? e : store_bundle_fault(q, number, e);
    }
    *ret_bundle = b;
    return OK;
}

static id128_t id_in(const vleaf_t *leaf, unsigned tag)
{
    slice_t v = leaf->value[tag];
    return v.len == ID_BYTES ? id_from_bytes(v.ptr) : id_zero();
}

/* copy: the leaf's bytes where they stay. */
static err_t record_fill(query_record_t *r, uint64_t seq, slice_t copy)
{
    vleaf_t leaf;
    TRY(vleaf_parse(copy, &leaf));
    ENSURE(leaf.seq == seq, ERR_CORRUPT);
    *r = (query_record_t){.seq = seq,
                          .time_us = leaf.time_us,
                          .type = leaf.type,
                          .room = leaf.room,
                          .count = leaf.count,
                          .request = id_in(&leaf, TAG_REQUEST),
                          .object = id_in(&leaf, TAG_OBJECT),
                          .parent = id_in(&leaf, TAG_PARENT),
                          .subject = id_in(&leaf, TAG_SUBJECT),
                          .actor = id_in(&leaf, TAG_ACTOR),
                          .address = id_in(&leaf, TAG_ADDRESS),
                          .facts = leaf.value[TAG_FACTS],
                          .leaf = copy};
    return OK;
}

err_t store_slab_make(const uint64_t *seqs, size_t count, const slice_t leaves[VTILE],
                      store_slab_t **ret_slab)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += leaves[seqs[i] % VTILE].len;
    }
    store_slab_t *slab = malloc(sizeof *slab + count * sizeof slab->records[0] + bytes);
    ENSURE(slab, ERR_MEMORY);
    *slab = (store_slab_t){.count = count};
    uint8_t *at = (uint8_t *)&slab->records[count];
    for (size_t i = 0; i < count; i++) {
        slice_t leaf = leaves[seqs[i] % VTILE];
        memcpy(at, leaf.ptr, leaf.len);
        err_t e = record_fill(&slab->records[i], seqs[i], slice_make(at, leaf.len));
        if (err_failed(e)) {
            free(slab);
            return err_is(e, ERR_VERSION) ? e : FAIL(ERR_CORRUPT);
        }
        at += leaf.len;
    }
    *ret_slab = slab;
    return OK;
}

/* A record that is known already stays where it is: others point to it. */
err_t store_slab_take(query_t *q, store_slab_t *slab, store_hashes_t *hashes)
{
    store_shelf_t **shelf = &q->shelves[slab->records[0].seq / VTILE];
    *shelf = *shelf ? *shelf : calloc(1, sizeof **shelf);
    ENSURE(*shelf, ERR_MEMORY);
    slab->next = q->slabs;
    q->slabs = slab;
    if (hashes) {
        hashes->next = (*shelf)->hashes;
        (*shelf)->hashes = hashes;
    }
    for (size_t i = 0; i < slab->count; i++) {
        const query_record_t **place = &(*shelf)->at[slab->records[i].seq % VTILE];
        q->record_count += *place == NULL;
        *place = *place ? *place : &slab->records[i];
    }
    return OK;
}

bool store_known_hash(const query_t *q, uint64_t first, uint64_t n, uint8_t ret_hash[32])
{
    const store_shelf_t *shelf = q->shelves[first / VTILE];
    unsigned part = (unsigned)(first % VTILE / VPART);
    for (const store_hashes_t *h = shelf ? shelf->hashes : NULL; h; h = h->next) {
        if (n == VPART) {
            memcpy(ret_hash, h->part[part], 32);
            return true;
        }
        if (h->looked >> part & 1) {
            unsigned before = (unsigned)__builtin_popcount(h->looked & ((1U << part) - 1));
            memcpy(ret_hash, h->leaf[before][first % VPART], 32);
            return true;
        }
    }
    return false;
}

err_t store_record(query_t *q, uint64_t seq, const query_record_t **ret_record)
{
    const store_bundle_t *b;
    CHECK(seq < q->cp.size);
    if (!store_known(q, seq)) {
        store_slab_t *slab;
        TRY(store_bundle(q, seq / VTILE, &b));
        err_t e = store_slab_make(&seq, 1, b->leaves, &slab);
        if (err_failed(e)) {
            return store_bundle_fault(q, seq / VTILE, e);
        }
        e = store_slab_take(q, slab, NULL);
        if (err_failed(e)) {
            free(slab);
            return e;
        }
    }
    *ret_record = store_known(q, seq);
    return OK;
}

/* ---- opening ---- */

/* Unfinished tiles of all levels and the unfinished bundle, read at once: a running ledgerd removes
 * them after two checkpoints. */
static err_t edge_read(query_t *q)
{
    slice_t bytes;
    for (unsigned level = 0; level < VTILE_LEVELS; level++) {
        unsigned width = q->edge_width[level] = (unsigned)(q->cp.size >> (8 * level)) % VTILE;
        if (width) {
            TRY(files_tile(q->public_dir, level, q->cp.size >> (8 * level) >> 8, width, &bytes));
            memcpy(q->edge[level], bytes.ptr, bytes.len);
            vfile_free(&bytes);
        }
    }
    vfile_free(&q->edge_bundle);
    return q->edge_width[0]
               ? files_bundle(q->public_dir, q->cp.size / VTILE, q->edge_width[0], &q->edge_bundle)
               : OK;
}

/* The root by the edge alone: the hashes of unfinished tiles stand for all that is left of them. */
static bool edge_leads_to_root(const query_t *q)
{
    uint8_t root[32];
    bool any = false;
    for (unsigned level = 0; level < VTILE_LEVELS; level++) {
        unsigned width = q->edge_width[level];
        for (unsigned bit = 0; bit < 8; bit++) { /* perfect subtrees, the smallest first */
            uint8_t node[32];
            unsigned size = 1U << bit, at = width & ~(2 * size - 1);
            if (!(width & size)) {
                continue;
            }
            files_fold(q->edge[level][at], size, node);
            if (any) {
                vtree_node_hash(node, root, root);
            } else {
                memcpy(root, node, sizeof root);
            }
            any = true;
        }
    }
    if (!any) {
        vtree_bytes_hash(SLICE_EMPTY, root);
    }
    return memcmp(root, q->cp.root, sizeof root) == 0;
}

static err_t checkpoint_read(query_t *q)
{
    err_t e = OK;
    for (unsigned tries = 0; tries < OPEN_TRIES; tries++) {
        slice_t note;
        e = vfile_read(q->public_dir, "checkpoint", VNOTE_MAX, &note);
        if (err_failed(e)) {
            return store_fault(q, e, "public/checkpoint cannot be read");
        }
        e = arena_copy(&q->arena, note, &q->note);
        vfile_free(&note);
        TRY(e);
        e = vnote_open(q->note, &q->key, &q->cp);
        if (err_failed(e)) {
            return store_fault(q, e,
                               err_is(e, ERR_CRYPTO)
                                   ? "the checkpoint's signature is false"
                                   : "the checkpoint is not signed with this key");
        }
        e = edge_read(q);
        if (!err_failed(e)) {
            return edge_leads_to_root(q) ? OK
                                         : store_fault(q, FAIL(ERR_CORRUPT),
                                                       "the newest tiles do not give the root "
                                                       "that is signed");
        }
        usleep(5000);
    }
    return store_fault(q, e, "the newest tiles cannot be read");
}

/* The key that lies here signs now; one kept elsewhere may be an earlier one (find.c asks for the
 * steps between). */
static err_t key_read(query_t *q, const char *key_file)
{
    err_t e = vkey_read(q->public_dir, "ledger.vkey", &q->key);
    q->key_given = key_file != NULL;
    if (key_file) {
        TRY(vkey_read(AT_FDCWD, key_file, &q->given));
        q->key = err_failed(e) ? q->given : q->key;
        e = OK;
    }
    return e;
}

static err_t minimum_read(query_t *q)
{
    slice_t text;
    err_t e = vfile_read(q->public_dir, "minimum-index", 32, &text);
    if (err_is(e, ERR_NOT_FOUND)) {
        return OK;
    }
    TRY(e);
    e = slice_parse_u64(slice_trim(text), INT64_MAX, &q->first);
    vfile_free(&text);
    return err_failed(e) ? store_fault(q, e, "public/minimum-index cannot be understood") : OK;
}

err_t store_open(query_t *q, const char *dir, const char *key_file)
{
    static const int FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    arena_init(&q->arena, (size_t)STORE_ARENA_MB * 1024 * 1024);
    q->root_dir = open(dir, FLAGS);
    q->public_dir = q->root_dir < 0 ? -1 : openat(q->root_dir, "public", FLAGS);
    q->index_dir = q->root_dir < 0 ? -1 : openat(q->root_dir, "index", FLAGS);
    if (q->public_dir < 0) {
        return store_fault(q, FAIL(ERR_NOT_FOUND), "there is no ledger in this folder");
    }
    if (err_failed(key_read(q, key_file))) {
        return store_fault(q, FAIL(ERR_CRYPTO), "the log's public key cannot be read");
    }
    TRY(checkpoint_read(q));
    q->shelf_count = (size_t)(q->cp.size / VTILE) + 1;
    q->shelves = calloc(q->shelf_count, sizeof *q->shelves);
    ENSURE(q->shelves, ERR_MEMORY);
    return minimum_read(q);
}

static void shelf_free(store_shelf_t *shelf)
{
    for (store_hashes_t *h = shelf ? shelf->hashes : NULL, *next; h; h = next) {
        next = h->next;
        free(h);
    }
    free(shelf);
}

void store_close(query_t *q)
{
    const int fds[] = {q->root_dir, q->public_dir, q->index_dir};
    for (size_t i = 0; i < BASE_COUNT(fds); i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    for (unsigned i = 0; i < BUNDLES_KEPT; i++) {
        bundle_drop(&q->bundles[i]);
    }
    vfile_free(&q->edge_bundle);
    for (size_t i = 0; q->shelves && i < q->shelf_count; i++) {
        shelf_free(q->shelves[i]);
    }
    for (store_slab_t *s = q->slabs, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    free(q->tiles);
    free(q->shelves);
    free(q->asks);
    arena_deinit(&q->arena);
}
