#include "build.h"

#include "tree.h"

enum {
    LIST_FIRST = 4096,
    PAGE_HEAD = 11, /* kind, count, key */
    VARINT_MAX = 10,
    DIGITS = 8, /* of a key, 8 bits each, when it is sorted */
    KEY_BYTES = 6,
};

err_t index_builder_init(index_builder_t *b)
{
    *b = (index_builder_t){0};
    return hasher_init(&b->hasher);
}

void index_builder_deinit(index_builder_t *b)
{
    for (size_t i = 0; i < INDEX_KINDS; i++) {
        free(b->lists[i].postings);
    }
    hasher_deinit(&b->hasher);
    *b = (index_builder_t){0};
}

void index_builder_reset(index_builder_t *b)
{
    for (size_t i = 0; i < INDEX_KINDS; i++) {
        b->lists[i].count = 0;
    }
    b->leaves = 0;
}

/* ---- keys ---- */

uint64_t index_key_of_time(int64_t time_us)
{
    int64_t s = time_us / 1000000 - (time_us % 1000000 < 0);
    return (uint64_t)s ^ UINT64_C(1) << 63;
}

uint64_t index_key_of_id(hasher_t *h, index_kind_t kind, const id128_t *id)
{
    uint8_t in[1 + ID_BYTES] = {(uint8_t)kind};
    uint64_t key = 0;
    memcpy(in + 1, id->b, ID_BYTES);
    hash_t hash = hash_bytes(h, slice_make(in, sizeof in));
    for (size_t i = 0; i < KEY_BYTES; i++) {
        key = key << 8 | hash.b[i];
    }
    return key;
}

/* ---- postings ---- */

static err_t post(index_builder_t *b, index_kind_t kind, uint64_t key)
{
    index_list_t *list = &b->lists[kind];
    if (list->count == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : LIST_FIRST;
        index_posting_t *more = realloc(list->postings, cap * sizeof *more);
        ENSURE(more, ERR_MEMORY);
        list->postings = more;
        list->cap = cap;
    }
    list->postings[list->count++] = (index_posting_t){key, b->leaves};
    return OK;
}

static err_t post_id(index_builder_t *b, index_kind_t kind, const id128_t *id)
{
    return id_is_zero(*id) ? OK : post(b, kind, index_key_of_id(&b->hasher, kind, id));
}

err_t index_builder_add(index_builder_t *b, const leaf_t *leaf)
{
    const ledger_record_t *r = &leaf->entry.rec;
    ENSURE(b->leaves < INDEX_SEGMENT, ERR_LIMIT);
    TRY(post(b, INDEX_TIME, index_key_of_time(leaf->entry.time_us)));
    TRY(post(b, INDEX_TYPE, r->type));
    TRY(post_id(b, INDEX_REQUEST, &r->request));
    TRY(post_id(b, INDEX_OBJECT, &r->object));
    if (!id_eq(r->object, r->parent)) {
        TRY(post_id(b, INDEX_OBJECT, &r->parent));
    }
    TRY(post_id(b, INDEX_SUBJECT, &r->subject));
    TRY(post_id(b, INDEX_ACTOR, &r->actor));
    TRY(post_id(b, INDEX_ADDRESS, &r->address));
    b->leaves++;
    return OK;
}

/* By key; postings of one key stay in the order of their leaves. Least digit first; digits that are
 * all the same cost one look. */
static void sort(index_list_t *list, index_posting_t *other)
{
    for (unsigned digit = 0; digit < DIGITS && list->count; digit++) {
        size_t start[257] = {0};
        for (size_t i = 0; i < list->count; i++) {
            start[(list->postings[i].key >> (8 * digit) & 0xff) + 1]++;
        }
        if (start[(list->postings[0].key >> (8 * digit) & 0xff) + 1] == list->count) {
            continue;
        }
        for (size_t i = 1; i < 257; i++) {
            start[i] += start[i - 1];
        }
        for (size_t i = 0; i < list->count; i++) {
            other[start[list->postings[i].key >> (8 * digit) & 0xff]++] = list->postings[i];
        }
        memcpy(list->postings, other, list->count * sizeof *other);
    }
}

static err_t sort_all(index_builder_t *b)
{
    size_t most = 1;
    for (size_t i = 0; i < INDEX_KINDS; i++) {
        most = b->lists[i].count > most ? b->lists[i].count : most;
    }
    index_posting_t *other = malloc(most * sizeof *other);
    ENSURE(other, ERR_MEMORY);
    for (size_t i = 0; i < INDEX_KINDS; i++) {
        sort(&b->lists[i], other);
    }
    free(other);
    return OK;
}

/* ---- pages ---- */

static void put_varint(buf_t *out, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) {
        buf_u8(out, (uint8_t)(v | 0x80));
    }
    buf_u8(out, (uint8_t)v);
}

/* One page's postings: head, then for each key: how far from the one before, how many, offsets. */
static void put_page(buf_t *out, index_kind_t kind, const index_posting_t *p, size_t n)
{
    uint64_t before = p[0].key;
    buf_u8(out, (uint8_t)kind);
    buf_u16be(out, (uint16_t)n);
    buf_u64be(out, p[0].key);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && p[end].key == p[i].key;) {
            end++;
        }
        put_varint(out, p[i].key - before);
        put_varint(out, end - i);
        put_varint(out, p[i].at);
        for (size_t k = i + 1; k < end; k++) {
            put_varint(out, p[k].at - p[k - 1].at);
        }
        before = p[i].key;
    }
}

typedef struct making {
    buf_t dir, pages;
    tree_t *tree;
    hasher_t *hasher;
} making_t;

static err_t no_tile(void *ctx, unsigned level, uint64_t number, const hash_t hashes[TREE_TILE])
{
    return OK; /* only the root is wanted */
}

static err_t add_page(making_t *m, index_kind_t kind, const index_posting_t *p, size_t n)
{
    size_t from = m->pages.len;
    put_page(&m->pages, kind, p, n);
    TRY(buf_check(&m->pages));
    hash_t hash = hash_leaf(m->hasher, slice_from(buf_slice(&m->pages), from));
    buf_u32be(&m->dir, (uint32_t)m->pages.len);
    buf_u8(&m->dir, (uint8_t)kind);
    buf_u64be(&m->dir, p[0].key);
    buf_u16be(&m->dir, (uint16_t)p[0].at);
    buf_put(&m->dir, slice_make(hash.b, sizeof hash.b));
    return tree_append(m->tree, m->hasher, &hash, no_tile, NULL);
}

static err_t add_list(making_t *m, index_kind_t kind, const index_list_t *list)
{
    for (size_t i = 0; i < list->count; i += INDEX_PAGE) {
        size_t left = list->count - i;
        TRY(add_page(m, kind, list->postings + i, left < INDEX_PAGE ? left : INDEX_PAGE));
    }
    return OK;
}

static void put_head(buf_t *out, const index_builder_t *b, uint64_t segment, uint32_t pages,
                     uint32_t postings)
{
    buf_put(out, SLICE("SKX\xf1"));
    buf_u16be(out, INDEX_VERSION);
    buf_u16be(out, INDEX_HEAD);
    buf_u64be(out, segment);
    buf_u32be(out, b->leaves);
    buf_u32be(out, pages);
    buf_u32be(out, postings);
    buf_u32be(out, 0);
}

static void count_all(const index_builder_t *b, uint32_t *ret_pages, uint32_t *ret_postings)
{
    *ret_pages = *ret_postings = 0;
    for (size_t i = 0; i < INDEX_KINDS; i++) {
        *ret_pages += (uint32_t)((b->lists[i].count + INDEX_PAGE - 1) / INDEX_PAGE);
        *ret_postings += (uint32_t)b->lists[i].count;
    }
}

static err_t make_pages(index_builder_t *b, making_t *m, hash_t *ret_root)
{
    tree_init(m->tree);
    for (size_t i = 0; i < INDEX_KINDS; i++) {
        TRY(add_list(m, (index_kind_t)i, &b->lists[i]));
    }
    *ret_root = tree_root(m->tree, m->hasher);
    return OK;
}

err_t index_builder_finish(index_builder_t *b, uint64_t segment, index_built_t *ret_built)
{
    index_built_t built = {0};
    CHECK(b->leaves > 0);
    TRY(sort_all(b));
    count_all(b, &built.pages, &built.postings);
    size_t dir = INDEX_HEAD + (size_t)built.pages * INDEX_DIR_ROW;
    /* A key of its own for each posting is the worst that can be. */
    size_t cap = dir + (size_t)built.pages * PAGE_HEAD + (size_t)built.postings * (VARINT_MAX + 6);
    built.bytes = malloc(cap);
    tree_t *tree = malloc(sizeof *tree);
    if (!built.bytes || !tree) {
        free(built.bytes);
        free(tree);
        return FAIL(ERR_MEMORY);
    }
    making_t m = {buf_on(built.bytes, dir), buf_on(built.bytes + dir, cap - dir), tree, &b->hasher};
    put_head(&m.dir, b, segment, built.pages, built.postings);
    err_t e = make_pages(b, &m, &built.root);
    free(tree);
    built.len = dir + m.pages.len;
    if (err_failed(e)) {
        free(built.bytes);
        return e;
    }
    CHECK(m.dir.len == dir && !m.dir.full);
    *ret_built = built;
    return OK;
}
