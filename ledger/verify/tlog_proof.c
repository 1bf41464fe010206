/* C2SP tlog-proof: one record, its way to a root, and the checkpoint that says the root. Made out
 * of the files of a ledger; checked without any. */
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "cosign.h"
#include "proof.h"

enum { PATH_HASHES = 63, TILE_BYTES = VTILE * 32, BUNDLE_BYTES = VTILE * (2 + VLEAF_MAX) };
enum { PATH_BYTES = 128, TRIES = 4 };
static const char MAGIC[] = "c2sp.org/tlog-proof@v1\n";

static void put64(buf_t *out, slice_t bytes)
{
    size_t len = sodium_base64_encoded_len(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(len);
    CHECK(text);
    sodium_bin2base64(text, len, bytes.ptr, bytes.len, sodium_base64_VARIANT_ORIGINAL);
    buf_cstr(out, text);
    buf_u8(out, '\n');
    free(text);
}

/* ---- making ---- */

typedef struct maker {
    int dir; /* public/ */
    uint64_t published;
} maker_t;

/* level 8: entry bundles. */
static err_t tile_load(const maker_t *m, unsigned level, uint64_t number, size_t max_bytes,
                       slice_t *ret_bytes)
{
    char path[PATH_BYTES];
    buf_t b = buf_on(path, sizeof path - 1);
    bool entries = level == VTILE_LEVELS;
    uint64_t all = entries ? m->published : m->published >> (8 * level);
    unsigned width = all / VTILE > number ? VTILE : (unsigned)(all % VTILE);
    ENSURE(all > number * VTILE, ERR_CORRUPT);
    buf_cstr(&b, "tile/");
    if (entries) {
        buf_cstr(&b, "entries");
    } else {
        buf_dec_pad(&b, level, 1);
    }
    buf_u8(&b, '/');
    vtile_name(number, width, &b);
    CHECK(!b.full);
    path[b.len] = '\0';
    return vfile_read(m->dir, path, max_bytes, ret_bytes);
}

/* Root of the leaves from..to-1, taken from the highest tiles that hold it. */
static err_t range_root(const maker_t *m, uint64_t from, uint64_t to, uint8_t ret_root[32])
{
    uint64_t n = to - from;
    unsigned level = 0;
    if (n & (n - 1)) { /* not perfect: the largest perfect tree goes left */
        uint8_t left[32], right[32];
        uint64_t k = UINT64_C(1) << (63 - __builtin_clzll(n));
        TRY(range_root(m, from, from + k, left));
        TRY(range_root(m, from + k, to, right));
        vtree_node_hash(left, right, ret_root);
        return OK;
    }
    while (n >= VTILE) {
        n /= VTILE;
        level++;
    }
    uint64_t first = from >> (8 * level);
    uint8_t part[VTILE / 2][32];
    slice_t tile;
    TRY(tile_load(m, level, first / VTILE, TILE_BYTES, &tile));
    bool there = tile.len >= (first % VTILE + n) * 32;
    if (there) {
        memcpy(part, tile.ptr + first % VTILE * 32, n * 32);
    }
    vfile_free(&tile);
    ENSURE(there, ERR_CORRUPT);
    for (; n > 1; n /= 2) {
        for (size_t i = 0; i < n / 2; i++) {
            vtree_node_hash(part[2 * i], part[2 * i + 1], part[i]);
        }
    }
    memcpy(ret_root, part[0], 32);
    return OK;
}

/* From the root down to the leaf: turned round afterwards. */
static err_t audit_path(const maker_t *m, uint64_t index, uint64_t size,
                        uint8_t path[PATH_HASHES][32], size_t *ret_n)
{
    uint64_t from = 0, to = size;
    size_t n = 0;
    while (to - from > 1) {
        uint64_t k = UINT64_C(1) << (63 - __builtin_clzll(to - from - 1));
        bool left = index < from + k;
        CHECK(n < PATH_HASHES);
        TRY(left ? range_root(m, from + k, to, path[n]) : range_root(m, from, from + k, path[n]));
        n++;
        from = left ? from : from + k;
        to = left ? from + k : to;
    }
    *ret_n = n;
    return OK;
}

/* A full bundle of an ended segment is packed (FORMAT.md 3). */
static err_t bundle_load(const maker_t *m, uint64_t number, slice_t *ret_bundle)
{
    char path[PATH_BYTES];
    buf_t b = buf_on(path, sizeof path - 1);
    slice_t packed;
    err_t e = tile_load(m, VTILE_LEVELS, number, BUNDLE_BYTES, ret_bundle);
    if (!err_is(e, ERR_NOT_FOUND)) {
        return e;
    }
    buf_cstr(&b, "tile/entries/");
    vtile_name(number, VTILE, &b);
    buf_cstr(&b, ".zst");
    CHECK(!b.full);
    path[b.len] = '\0';
    TRY(vfile_read(m->dir, path, BUNDLE_BYTES, &packed));
    e = vfile_unpack(packed, BUNDLE_BYTES, ret_bundle);
    vfile_free(&packed);
    return e;
}

static err_t put_leaf(const maker_t *m, uint64_t seq, buf_t *out)
{
    slice_t bundle, leaf = SLICE_EMPTY;
    TRY(bundle_load(m, seq / VTILE, &bundle));
    cursor_t c = cur_on(bundle);
    for (uint64_t i = 0; i <= seq % VTILE; i++) {
        leaf = cur_bytes(&c, cur_u16be(&c));
    }
    bool there = !c.bad;
    if (there) {
        buf_cstr(out, "extra ");
        put64(out, leaf);
    }
    vfile_free(&bundle);
    ENSURE(there, ERR_CORRUPT);
    return OK;
}

static err_t make_under(maker_t *m, uint64_t seq, slice_t note, uint64_t size, buf_t *out)
{
    uint8_t path[PATH_HASHES][32];
    size_t n;
    buf_reset(out);
    buf_cstr(out, MAGIC);
    TRY(put_leaf(m, seq, out));
    TRY(audit_path(m, seq, size, path, &n));
    buf_cstr(out, "index ");
    buf_dec_pad(out, seq, 1);
    buf_u8(out, '\n');
    while (n) {
        put64(out, slice_make(path[--n], 32));
    }
    buf_u8(out, '\n');
    buf_put(out, note);
    return buf_check(out);
}

static err_t make_once(maker_t *m, uint64_t seq, buf_t *out)
{
    slice_t newest, witnessed = SLICE_EMPTY;
    vcheckpoint_t published, cosigned_cp = {0};
    TRY(vfile_read(m->dir, "checkpoint", VNOTE_MAX, &newest));
    err_t e = vnote_text(newest, &published);
    if (!err_failed(e) && !err_failed(vfile_read(m->dir, "witnessed", VNOTE_MAX, &witnessed))) {
        e = vnote_text(witnessed, &cosigned_cp);
    }
    e = err_is(e, ERR_SYNTAX) ? FAIL(ERR_CORRUPT) : e;
    if (!err_failed(e)) {
        uint64_t size = cosigned_cp.size;
        m->published = published.size;
        bool cosigned = size > seq && size <= m->published;
        slice_t note = cosigned ? witnessed : newest;
        size = cosigned ? size : m->published;
        e = size > seq ? make_under(m, seq, note, size, out) : FAIL(ERR_EXPIRED);
    }
    vfile_free(&newest);
    vfile_free(&witnessed);
    return e;
}

err_t vtlog_make(const char *dir, uint64_t seq, buf_t *out)
{
    maker_t m = {.dir = -1};
    err_t e = FAIL(ERR_NOT_FOUND);
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    int top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ENSURE(top >= 0, ERR_IO);
    m.dir = openat(top, "public", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    m.dir = m.dir >= 0 ? m.dir : dup(top);
    /* Beside a running ledgerd a partial tile may go while we read. */
    for (unsigned i = 0; m.dir >= 0 && i < TRIES && err_is(e, ERR_NOT_FOUND); i++) {
        e = make_once(&m, seq, out);
    }
    if (m.dir >= 0) {
        close(m.dir);
    }
    close(top);
    return err_is(e, ERR_NOT_FOUND) ? FAIL(ERR_IO)
           : err_is(e, ERR_EXPIRED) ? FAIL(ERR_NOT_FOUND)
                                    : e;
}

/* ---- checking ---- */

static bool take_line(slice_t *rest, slice_t *ret_line)
{
    return slice_split(rest, '\n', ret_line) && rest->len != SIZE_MAX;
}

static err_t check(slice_t rest, const vkey_t *key, uint8_t mem[VLEAF_MAX], vtlog_t *p)
{
    uint8_t path[PATH_HASHES][32], hash[32];
    size_t n = 0, len = 0;
    slice_t line;
    ENSURE(slice_starts(rest, slice_cstr_in(MAGIC)), ERR_SYNTAX);
    rest = slice_from(rest, sizeof MAGIC - 1);
    ENSURE(take_line(&rest, &line) && slice_starts(line, SLICE("extra ")), ERR_SYNTAX);
    ENSURE(vbase64_any(slice_from(line, 6), mem, VLEAF_MAX, &len), ERR_SYNTAX);
    p->leaf = slice_make(mem, len);
    ENSURE(take_line(&rest, &line) && slice_starts(line, SLICE("index ")), ERR_SYNTAX);
    line = slice_from(line, 6);
    ENSURE(!err_failed(slice_parse_u64(line, INT64_MAX, &p->index)), ERR_SYNTAX);
    ENSURE(line.len == 1 || line.ptr[0] != '0', ERR_SYNTAX);
    for (;;) {
        ENSURE(take_line(&rest, &line), ERR_SYNTAX);
        if (!line.len) {
            break;
        }
        ENSURE(n < PATH_HASHES && vbase64_any(line, path[n], 32, &len) && len == 32, ERR_SYNTAX);
        n++;
    }
    p->note = rest;
    TRY(vnote_open(rest, key, &p->cp));
    vtree_leaf_hash(p->leaf, hash);
    ENSURE(p->index < p->cp.size, ERR_CRYPTO);
    ENSURE(vproof_path(p->index, p->cp.size, hash, slice_make(path[0], n * 32), p->cp.root),
           ERR_CRYPTO);
    return OK;
}

err_t vtlog_check(slice_t text, const vkey_t *key, uint8_t mem[VLEAF_MAX], vtlog_t *ret_proof)
{
    vtlog_t p;
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    TRY(check(text, key, mem, &p));
    *ret_proof = p;
    return OK;
}
