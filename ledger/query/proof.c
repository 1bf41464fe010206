#include "proof.h"

/* ---- bytes ---- */

void bytes_put(bytes_t *b, slice_t s)
{
    if (b->failed || !s.len) {
        return;
    }
    if (b->len + s.len > b->cap) {
        size_t cap = b->cap ? b->cap : 4096;
        while (cap < b->len + s.len) {
            cap *= 2;
        }
        uint8_t *more = realloc(b->ptr, cap);
        if (!more) {
            b->failed = true;
            return;
        }
        b->ptr = more;
        b->cap = cap;
    }
    memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
}

static void put_be(bytes_t *b, uint64_t v, unsigned n)
{
    uint8_t mem[8];
    for (unsigned i = 0; i < n; i++) {
        mem[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
    }
    bytes_put(b, slice_make(mem, n));
}

void bytes_u8(bytes_t *b, uint8_t v)
{
    put_be(b, v, 1);
}

void bytes_u16(bytes_t *b, uint16_t v)
{
    put_be(b, v, 2);
}

void bytes_u32(bytes_t *b, uint32_t v)
{
    put_be(b, v, 4);
}

void bytes_u64(bytes_t *b, uint64_t v)
{
    put_be(b, v, 8);
}

void bytes_str16(bytes_t *b, slice_t s)
{
    CHECK(s.len <= UINT16_MAX);
    bytes_u16(b, (uint16_t)s.len);
    bytes_put(b, s);
}

/* ---- hashes of subtrees ---- */

typedef struct leaf_tile { /* the level-0 tile used last */
    uint64_t number;
    unsigned width; /* 0: none */
    uint8_t hashes[VTILE][32];
} leaf_tile_t;

typedef struct proving {
    query_t *q;
    leaf_tile_t tile;
    const uint64_t *seqs;
    size_t left;
    bytes_t *out;
} proving_t;

static uint64_t half(uint64_t n)
{
    uint64_t k = 1;
    while (2 * k < n) {
        k *= 2;
    }
    return k;
}

static err_t leaf_hash(proving_t *p, uint64_t seq, uint8_t ret_hash[32])
{
    if (!p->tile.width || p->tile.number != seq / VTILE) {
        p->tile.width = 0;
        TRY(store_leaf_hashes(p->q, seq / VTILE, p->tile.hashes, &p->tile.width));
        p->tile.number = seq / VTILE;
    }
    memcpy(ret_hash, p->tile.hashes[seq % VTILE], 32);
    return OK;
}

/* Of leaves first..first+n-1: from a tile where the subtree is one of its entries, else of its two
 * halves. */
static err_t subtree_hash(proving_t *p, uint64_t first, uint64_t n, uint8_t ret_hash[32])
{
    uint8_t left[32], right[32];
    for (unsigned level = 1; level < VTILE_LEVELS && n >= UINT64_C(1) << (8 * level); level++) {
        if (n == UINT64_C(1) << (8 * level)) {
            return store_hash(p->q, level, first >> (8 * level), ret_hash);
        }
    }
    if ((n == 1 || n == VPART) && store_known_hash(p->q, first, n, ret_hash)) {
        return OK;
    }
    if (n == 1) {
        return leaf_hash(p, first, ret_hash);
    }
    uint64_t k = half(n);
    TRY(subtree_hash(p, first, k, left));
    TRY(subtree_hash(p, first + k, n - k, right));
    vtree_node_hash(left, right, ret_hash);
    return OK;
}

static err_t prove(proving_t *p, uint64_t first, uint64_t n)
{
    if (!p->left || *p->seqs - first >= n) {
        uint8_t hash[32];
        TRY(subtree_hash(p, first, n, hash));
        bytes_put(p->out, slice_make(hash, sizeof hash));
        return OK;
    }
    if (n == 1) {
        p->seqs++;
        p->left--;
        return OK;
    }
    uint64_t k = half(n);
    TRY(prove(p, first, k));
    return prove(p, first + k, n - k);
}

err_t proof_records(query_t *q, const uint64_t *seqs, size_t count, bytes_t *out)
{
    proving_t *p = calloc(1, sizeof *p);
    ENSURE(p, ERR_MEMORY);
    p->q = q;
    p->seqs = seqs;
    p->left = count;
    p->out = out;
    err_t e = q->cp.size ? prove(p, 0, q->cp.size) : OK;
    free(p);
    return e;
}

err_t proof_subtree(query_t *q, uint64_t first, uint64_t n, bytes_t *out)
{
    uint8_t hash[32];
    proving_t *p = calloc(1, sizeof *p);
    ENSURE(p, ERR_MEMORY);
    p->q = q;
    err_t e = subtree_hash(p, first, n, hash);
    free(p);
    bytes_put(out, slice_make(hash, sizeof hash));
    return e;
}

/* ---- pages ---- */

typedef struct page_proving {
    const vindex_row_t *rows;
    const uint32_t *pages;
    size_t left;
    bytes_t *out;
} page_proving_t;

static void rows_hash(const vindex_row_t *rows, uint32_t n, uint8_t ret_hash[32])
{
    uint8_t left[32], right[32];
    if (n == 1) {
        memcpy(ret_hash, rows->hash, 32);
        return;
    }
    uint32_t k = (uint32_t)half(n);
    rows_hash(rows, k, left);
    rows_hash(rows + k, n - k, right);
    vtree_node_hash(left, right, ret_hash);
}

static void prove_pages(page_proving_t *p, uint32_t first, uint32_t n)
{
    if (!p->left || *p->pages - first >= n) {
        uint8_t hash[32];
        rows_hash(p->rows + first, n, hash);
        bytes_put(p->out, slice_make(hash, sizeof hash));
    } else if (n == 1) {
        p->pages++;
        p->left--;
    } else {
        uint32_t k = (uint32_t)half(n);
        prove_pages(p, first, k);
        prove_pages(p, first + k, n - k);
    }
}

void proof_pages(const store_segment_t *s, const uint32_t *pages, size_t count, bytes_t *out)
{
    page_proving_t p = {s->rows, pages, count, out};
    prove_pages(&p, 0, s->record.pages);
}
