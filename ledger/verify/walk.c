/* The walk: every bundle, every leaf, every tile, the root, the segments' seals, what was kept of
 * removed ones; then files that lie beside those needed. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scan.h"

static void tile_path(const char *folder, uint64_t number, unsigned width, char out[PATH_BYTES])
{
    buf_t b = buf_on(out, PATH_BYTES - 1);
    buf_cstr(&b, folder);
    buf_u8(&b, '/');
    vtile_name(number, width, &b);
    CHECK(!b.full);
    out[b.len] = '\0';
}

static void level_path(unsigned level, uint64_t number, unsigned width, char out[PATH_BYTES])
{
    const char folder[] = {'t', 'i', 'l', 'e', '/', (char)('0' + level), '\0'};
    tile_path(folder, number, width, out);
}

static err_t tree_read(scan_t *s, const char *path, size_t max_bytes, slice_t *ret_bytes)
{
    for (size_t i = 0; i < s->held_count; i++) {
        if (strcmp(s->held[i].path, path) == 0) {
            return vfile_read_fd(s->held[i].fd, max_bytes, ret_bytes);
        }
    }
    return vfile_read(s->public_dir, path, max_bytes, ret_bytes);
}

void walk_release_edge(scan_t *s)
{
    while (s->held_count) {
        close(s->held[--s->held_count].fd);
    }
}

/* False when a file of the edge is not there (any more). */
bool walk_hold_edge(scan_t *s)
{
    for (int level = -1; level < VTILE_LEVELS; level++) {
        unsigned bits = level < 0 ? 0 : 8U * (unsigned)level;
        unsigned width = (unsigned)(s->cp.size >> bits) % VTILE;
        struct held *h = &s->held[s->held_count];
        if (!width) {
            continue;
        }
        if (level < 0) {
            tile_path("tile/entries", s->cp.size >> bits >> 8, width, h->path);
        } else {
            level_path((unsigned)level, s->cp.size >> bits >> 8, width, h->path);
        }
        h->fd = openat(s->public_dir, h->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (h->fd < 0) {
            walk_release_edge(s);
            return false;
        }
        s->held_count++;
    }
    return true;
}

/* ---- tiles ---- */

/* Which hash of two tiles differs first. */
static unsigned first_difference(const uint8_t *a, const uint8_t *b, unsigned width)
{
    unsigned i = 0;
    while (i < width && memcmp(a + 32 * i, b + 32 * i, 32) == 0) {
        i++;
    }
    return i;
}

/* vtile_fn: what the leaves give against what stands in the file. */
static void check_tile(void *ctx, unsigned level, uint64_t number, const uint8_t *hashes,
                       unsigned width)
{
    scan_t *s = ctx;
    char path[PATH_BYTES];
    slice_t bytes;
    int64_t first = (int64_t)(number << (8 * level) << 8);
    level_path(level, number, width, path);
    if (err_failed(tree_read(s, path, TILE_MAX, &bytes))) {
        report_fault(s->r, VERDICT_INCOMPLETE, first, "%s cannot be read", path);
        return;
    }
    unsigned at = bytes.len == width * 32UL ? first_difference(bytes.ptr, hashes, width) : 0;
    if (at < width) {
        report_fault(s->r, VERDICT_TAMPERED, first + ((int64_t)at << (8 * level)),
                     "%s does not hold the hashes of the leaves", path);
    }
    vfile_free(&bytes);
}

/* A size that somebody remembers, reached: is the root the remembered one? */
static void check_prefixes(scan_t *s)
{
    uint8_t root[32];
    for (size_t i = 0; i < s->prefix_count; i++) {
        prefix_t *p = &s->prefix[i];
        if (p->cp.size == s->tree.size) {
            vtree_root(&s->tree, root);
            p->met = true;
            p->differs = memcmp(root, p->cp.root, sizeof root) != 0;
        }
    }
}

/* ---- a segment's end ---- */

/* The segment's key, which is no more, and the next one both signed for what stands before it. */
static void check_seal(scan_t *s, bool removed)
{
    char path[PATH_BYTES];
    slice_t note;
    vcheckpoint_t cp, again;
    uint8_t root[32];
    const vrecords_t *v = &s->records;
    uint64_t number = s->tree.size / v->leaves - 1;
    if (v->link_count < 2 || v->links[v->link_count - 2].end != s->tree.size) {
        return; /* said already, or removed with a restore behind it: the chain tells */
    }
    const vkey_t *old = &v->links[v->link_count - 2].key, *next = &v->links[v->link_count - 1].key;
    (void)removed;
    tile_path("seal", number, VTILE, path);
    err_t e = vfile_read(s->public_dir, path, VNOTE_MAX, &note);
    if (err_is(e, ERR_NOT_FOUND) && s->tree.size == s->cp.size) {
        return; /* it goes there right after `signed`, which holds the same */
    }
    if (err_failed(e)) {
        report_fault(s->r, VERDICT_INCOMPLETE, (int64_t)s->tree.size - 1, "%s cannot be read",
                     path);
        return;
    }
    vtree_root(&s->tree, root);
    bool holds = !err_failed(vnote_open(note, old, &cp)) &&
                 !err_failed(vnote_open(note, next, &again)) && cp.size == s->tree.size &&
                 memcmp(cp.root, root, sizeof root) == 0;
    if (!holds) {
        report_fault(s->r, VERDICT_TAMPERED, (int64_t)s->tree.size - 1,
                     "%s is not what the keys of segments %llu and %llu signed", path,
                     (unsigned long long)number, (unsigned long long)number + 1);
    }
    vfile_free(&note);
}

/* ---- bundles ---- */

/* What a packed bundle claims of its parts, for readers of few leaves. */
typedef struct packed_roots {
    bool any;
    uint8_t root[VPARTS][32];
} packed_roots_t;

/* A bundle of 256: plain or, when its segment has ended, packed. While one becomes the other both
 * are there, so whoever misses the plain one finds the packed one. */
static err_t bundle_read(scan_t *s, const char *path, unsigned width, packed_roots_t *ret_roots,
                         slice_t *ret_bytes)
{
    char packed[PATH_BYTES + 8];
    slice_t bytes;
    ret_roots->any = false;
    err_t e = tree_read(s, path, BUNDLE_MAX, ret_bytes);
    if (!err_is(e, ERR_NOT_FOUND) || width < VTILE) {
        return e;
    }
    snprintf(packed, sizeof packed, "%s.zst", path);
    TRY(vfile_read(s->public_dir, packed, BUNDLE_MAX, &bytes));
    e = vpacked_all(bytes, BUNDLE_MAX, ret_roots->root, &ret_roots->any, ret_bytes);
    vfile_free(&bytes);
    return e;
}

static void one_leaf(scan_t *s, uint64_t seq, slice_t leaf)
{
    uint8_t hash[32];
    vrecords_leaf(&s->records, seq, leaf, true);
    vtree_leaf_hash(leaf, hash);
    vtree_push(&s->tree, hash, check_tile, s);
    check_prefixes(s);
    if (s->records.ended) {
        check_seal(s, false);
    }
}

static void check_bundle(scan_t *s, uint64_t number, unsigned width)
{
    char path[PATH_BYTES];
    slice_t bytes;
    packed_roots_t roots;
    bool parts_hold = true;
    uint64_t first = number * VTILE;
    tile_path("tile/entries", number, width, path);
    err_t e = bundle_read(s, path, width, &roots, &bytes);
    if (err_failed(e)) {
        report_fault(s->r, err_is(e, ERR_CORRUPT) ? VERDICT_TAMPERED : VERDICT_INCOMPLETE,
                     (int64_t)first, "%s cannot be read", path);
        return;
    }
    cursor_t c = cur_on(bytes);
    unsigned i = 0;
    for (; i < width; i++) {
        slice_t leaf = cur_bytes(&c, cur_u16be(&c));
        if (c.bad) {
            break;
        }
        one_leaf(s, first + i, leaf);
        if (roots.any && i % VPART == VPART - 1) {
            parts_hold = parts_hold && memcmp(s->tree.part, roots.root[i / VPART], 32) == 0;
        }
    }
    if (!parts_hold) {
        report_fault(s->r, VERDICT_TAMPERED, (int64_t)first,
                     "%s.zst names roots that its leaves do not give", path);
    }
    if (i < width || c.left) {
        report_fault(s->r, VERDICT_TAMPERED, (int64_t)(first + (i < width ? i : width - 1)),
                     "%s does not hold exactly %u leaves", path, width);
    }
    vfile_free(&bytes);
}

/* ---- removed segments ---- */

/* The root of a removed segment, from the tile above it; the checkpoint's root proves it. */
static bool segment_root(scan_t *s, unsigned level, uint64_t number, uint8_t ret_root[32])
{
    char path[PATH_BYTES];
    slice_t bytes;
    uint64_t have = s->cp.size >> (8 * level), tile = number / VTILE;
    unsigned width = tile < have / VTILE ? VTILE : (unsigned)(have % VTILE);
    level_path(level, tile, width, path);
    if (err_failed(tree_read(s, path, TILE_MAX, &bytes))) {
        report_fault(s->r, VERDICT_INCOMPLETE, NO_LEAF, "%s cannot be read", path);
        return false;
    }
    slice_t hash = slice_sub(bytes, number % VTILE * 32, 32);
    if (hash.len == 32) {
        memcpy(ret_root, hash.ptr, 32);
    }
    bool whole = hash.len == 32;
    vfile_free(&bytes);
    return whole;
}

static bool skip_segment(scan_t *s, uint64_t number, unsigned level)
{
    char path[PATH_BYTES];
    uint8_t root[32];
    slice_t kept;
    if (!segment_root(s, level, number, root)) {
        return false;
    }
    tile_path("kept", number, VTILE, path);
    s->records.ended = false;
    if (err_failed(vremoved_read(s->public_dir, path, &kept))) {
        report_fault(s->r, VERDICT_INCOMPLETE, (int64_t)(number * s->records.leaves),
                     "%s cannot be read", path);
    } else {
        vremoved_kept(kept, number, 8 * level, root, &s->records);
        vfile_free(&kept);
    }
    vrecords_skip(&s->records, (number + 1) * s->records.leaves);
    vtree_push_subtree(&s->tree, 8 * level, root, check_tile, s);
    check_prefixes(s);
    if (s->records.ended) {
        check_seal(s, true);
    }
    return true;
}

/* GENESIS, first of what was kept, says how long segments are; that it is genuine is checked when
 * its turn comes. */
static unsigned removed_level(scan_t *s)
{
    char path[PATH_BYTES];
    uint8_t mem[16];
    buf_t small = BUF_ON_ARRAY(mem);
    slice_t kept;
    vleaf_t leaf;
    tile_path("kept", 0, VTILE, path);
    if (err_failed(vremoved_read(s->public_dir, path, &kept))) {
        return 2;
    }
    cursor_t c = cur_on(kept);
    bool is_small = !err_failed(vleaf_parse(cur_bytes(&c, cur_u16be(&c)), &leaf)) &&
                    vleaf_fact(&leaf, "segment", &small);
    vfile_free(&kept);
    return is_small ? 1 : 2;
}

static void skip_removed(scan_t *s)
{
    unsigned level = s->minimum ? removed_level(s) : 2;
    uint64_t count = s->minimum >> (8 * level);
    if (s->minimum > s->cp.size || count << (8 * level) != s->minimum) {
        report_fault(s->r, VERDICT_TAMPERED, NO_LEAF, "minimum-index is no end of a segment");
        s->minimum = 0;
        return;
    }
    s->records.leaves = UINT64_C(1) << (8 * level);
    for (uint64_t n = 0; n < count && skip_segment(s, n, level); n++) {
    }
    s->r->minimum = s->minimum;
}

void walk_tree(scan_t *s)
{
    uint8_t root[32];
    check_prefixes(s); /* size 0 */
    skip_removed(s);
    for (uint64_t n = s->tree.size / VTILE; s->tree.size == n * VTILE && s->tree.size < s->cp.size;
         n++) {
        uint64_t left = s->cp.size - s->tree.size;
        check_bundle(s, n, left < VTILE ? (unsigned)left : VTILE);
    }
    if (s->tree.size != s->cp.size) {
        return; /* a bundle was missing or short: said already, and no root can be made */
    }
    vtree_edge(&s->tree, check_tile, s);
    vtree_root(&s->tree, root);
    if (memcmp(root, s->cp.root, sizeof root) != 0) {
        report_fault(s->r, VERDICT_TAMPERED, NO_LEAF,
                     "the leaves do not give the root that the checkpoint signs");
    }
}

/* ---- files that are there beside those needed ---- */

/* A packed bundle: it was read in place of the plain one; where both lie they must be one. */
static void check_packed(scan_t *s, uint64_t number, const char *path)
{
    char plain_path[PATH_BYTES];
    slice_t plain, packed = SLICE_EMPTY, bytes = SLICE_EMPTY;
    tile_path("tile/entries", number, VTILE, plain_path);
    if (err_failed(vfile_read(s->public_dir, plain_path, BUNDLE_MAX, &plain))) {
        return;
    }
    if (err_failed(vfile_read(s->public_dir, path, BUNDLE_MAX, &packed)) ||
        err_failed(vfile_unpack(packed, BUNDLE_MAX, &bytes)) || !slice_eq(plain, bytes)) {
        report_fault(s->r, VERDICT_TAMPERED, (int64_t)(number * VTILE), "%s is not %s packed", path,
                     plain_path);
    }
    vfile_free(&plain);
    vfile_free(&packed);
    vfile_free(&bytes);
}

/* An older partial tile must be the beginning of the one that was checked. */
static void check_older(scan_t *s, int level, uint64_t number, unsigned edge, const char *path)
{
    char whole_path[PATH_BYTES];
    packed_roots_t roots;
    slice_t part = SLICE_EMPTY, whole = SLICE_EMPTY;
    unsigned level_bits = level < 0 ? 0 : 8U * (unsigned)level;
    err_t e = vfile_read(s->public_dir, path, BUNDLE_MAX, &part);
    if (err_is(e, ERR_NOT_FOUND)) {
        return; /* it was listed a moment ago: ledgerd is running */
    }
    if (level < 0) {
        tile_path("tile/entries", number, edge, whole_path);
    } else {
        level_path((unsigned)level, number, edge, whole_path);
    }
    if (!err_failed(e)) {
        e = level < 0 ? bundle_read(s, whole_path, edge, &roots, &whole)
                      : tree_read(s, whole_path, BUNDLE_MAX, &whole);
    }
    if (err_failed(e)) {
        report_fault(s->r, VERDICT_INCOMPLETE, NO_LEAF, "%s cannot be read", path);
    } else if (!slice_starts(whole, part)) {
        report_fault(s->r, VERDICT_TAMPERED, (int64_t)(number * VTILE << level_bits),
                     "%s is not the beginning of %s", path, whole_path);
    }
    vfile_free(&part);
    vfile_free(&whole);
}

static void check_extra(scan_t *s, int level, slice_t name, const char *path)
{
    uint64_t number;
    unsigned width, level_bits = level < 0 ? 0 : 8U * (unsigned)level;
    bool packed = level < 0 && slice_ends(name, SLICE(".zst"));
    if (packed) {
        name.len -= strlen(".zst");
    }
    if (err_failed(vtile_parse(name, &number, &width)) || (packed && width != VTILE)) {
        report_fault(s->r, VERDICT_INCOMPLETE, NO_LEAF, "%s does not belong there", path);
        return;
    }
    uint64_t have = s->cp.size >> level_bits; /* hashes or leaves that this level has */
    unsigned edge = number < have / VTILE ? VTILE : number == have / VTILE ? have % VTILE : 0;
    bool under = level < 0 || UINT64_C(1) << level_bits < s->records.leaves;
    if (under && (number + 1) * VTILE << level_bits <= s->minimum) {
        s->r->files_below++; /* a crash came between the word and the deed */
    } else if (width > edge) {
        s->r->files_beyond++; /* written, but not signed: of no weight */
    } else if (packed) {
        check_packed(s, number, path);
    } else if (width < edge) {
        check_older(s, level, number, edge, path);
    }
}

/* All files below path; base = length of "tile/<level>/". */
static void walk_folder(scan_t *s, const char *path, int level, size_t base, unsigned depth)
{
    int fd = openat(s->public_dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    for (struct dirent *e; (e = readdir(d));) {
        char child[PATH_BYTES];
        struct stat st;
        int len = snprintf(child, sizeof child, "%s/%s", path, e->d_name);
        if (e->d_name[0] == '.' || len < 0 || (size_t)len >= sizeof child) {
            continue;
        }
        if (fstatat(s->public_dir, child, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            continue; /* removed this moment by a running ledgerd */
        }
        if (S_ISDIR(st.st_mode) && depth < 8) {
            walk_folder(s, child, level, base, depth + 1);
        } else {
            check_extra(s, level, slice_from(slice_make(child, (size_t)len), base), child);
        }
    }
    closedir(d);
}

void walk_files(scan_t *s)
{
    if (s->tree.size != s->cp.size) {
        return;
    }
    walk_folder(s, "tile/entries", -1, strlen("tile/entries/"), 0);
    for (int level = 0; level < VTILE_LEVELS; level++) {
        char path[] = {'t', 'i', 'l', 'e', '/', (char)('0' + level), '\0'};
        walk_folder(s, path, level, strlen("tile/0/"), 0);
    }
}

/* ---- the log against the tree ---- */

void walk_compare(scan_t *s, uint64_t seq, slice_t leaf)
{
    char path[PATH_BYTES];
    uint8_t hash[32];
    uint64_t number = seq / VTILE;
    if (!s->tile.ptr || s->tile_number != number) {
        unsigned width = number < s->cp.size / VTILE ? VTILE : (unsigned)(s->cp.size % VTILE);
        vfile_free(&s->tile);
        level_path(0, number, width, path);
        err_ignore(tree_read(s, path, TILE_MAX, &s->tile)); /* missing: said before */
        s->tile_number = number;
    }
    vtree_leaf_hash(leaf, hash);
    slice_t want = slice_sub(s->tile, seq % VTILE * 32, 32);
    if (want.len == 32 && memcmp(want.ptr, hash, 32) != 0) {
        report_fault(s->r, VERDICT_TAMPERED, (int64_t)seq, "log and tree hold different leaves");
    }
}

/* ---- indexes ---- */

static err_t read_full_bundle(void *ctx, uint64_t number, slice_t *ret_bytes)
{
    char path[PATH_BYTES];
    packed_roots_t roots;
    tile_path("tile/entries", number, VTILE, path);
    return bundle_read(ctx, path, VTILE, &roots, ret_bytes);
}

void walk_indexes(scan_t *s)
{
    if (s->tree.size != s->cp.size) {
        return; /* said already */
    }
    int dir =
        s->root_dir < 0 ? -1 : openat(s->root_dir, "index", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    vindex_check(s->r, &s->indexes, &(vbundles_t){read_full_bundle, s}, s->minimum, dir);
    if (dir >= 0) {
        close(dir);
    }
}
