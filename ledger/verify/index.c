#include "index.h"

enum { HEAD_BYTES = 32, ROW_BYTES = 47, FILE_VERSION = 1, POSTING_BYTES_MAX = 16 };
enum { TAG_REQUEST = 0x10, TAG_OBJECT, TAG_PARENT, TAG_SUBJECT, TAG_ACTOR, TAG_ADDRESS };
enum { INDEX_BYTES = 40 };

uint64_t vindex_time_key(int64_t time_us)
{
    int64_t s = time_us / 1000000, rest = time_us % 1000000;
    return UINT64_C(0x8000000000000000) + (uint64_t)(rest < 0 ? s - 1 : s);
}

uint64_t vindex_id_key(unsigned kind, id128_t id)
{
    uint8_t in[17], hash[32];
    in[0] = (uint8_t)kind;
    memcpy(in + 1, id.b, sizeof id.b);
    vtree_bytes_hash(slice_make(in, sizeof in), hash);
    cursor_t c = cur_on(slice_make(hash, 6));
    uint64_t high = cur_u16be(&c);
    return high << 32 | cur_u32be(&c);
}

/* ---- records ---- */

static bool fact_u32(const vleaf_t *leaf, const char *key, uint32_t max, uint32_t *ret)
{
    uint8_t mem[24];
    buf_t b = BUF_ON_ARRAY(mem);
    uint64_t v;
    if (!vleaf_fact(leaf, key, &b) || err_failed(slice_parse_u64(buf_slice(&b), max, &v)) || !v) {
        return false;
    }
    *ret = (uint32_t)v;
    return true;
}

bool vindex_record_of(const vleaf_t *leaf, vindex_record_t *ret_record)
{
    vindex_record_t r = {.seq = leaf->seq};
    slice_t value = leaf->value[VLEAF_INDEX];
    if (leaf->type != VTYPE_INDEX_ROOT || leaf->room != VROOM_LEDGER || value.len != INDEX_BYTES ||
        !fact_u32(leaf, "leaves", VINDEX_LEAVES, &r.leaves) ||
        !fact_u32(leaf, "pages", VINDEX_PAGES_MAX, &r.pages) ||
        !fact_u32(leaf, "postings", UINT32_MAX, &r.postings) || r.leaves % VTILE) {
        return false;
    }
    cursor_t c = cur_on(value);
    r.segment = cur_u64be(&c);
    cur_copy(&c, r.root, sizeof r.root);
    uint64_t end; /* it stands behind its segment */
    if (__builtin_mul_overflow(r.segment + 1, (uint64_t)r.leaves, &end) || end > leaf->seq) {
        return false;
    }
    *ret_record = r;
    return true;
}

/* ---- pages ---- */

/* The shortest form only. */
static uint64_t varint(cursor_t *c, uint64_t max)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = cur_u8(c);
        if (shift == 63 && byte > 1) {
            break;
        }
        v |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            c->bad = c->bad || (shift && byte == 0) || v > max;
            return v;
        }
    }
    c->bad = true;
    return 0;
}

/* One key and its offsets. */
static void group_parse(cursor_t *c, uint32_t leaves, bool first, unsigned left, vpage_t *page,
                        uint64_t *io_key)
{
    uint64_t step = varint(c, UINT64_MAX);
    uint64_t n = varint(c, left), at = varint(c, leaves - 1);
    c->bad =
        c->bad || n == 0 || first != (step == 0) || __builtin_add_overflow(*io_key, step, io_key);
    for (uint64_t i = 0; i < n && !c->bad; i++) {
        uint64_t further = i ? varint(c, leaves - 1) : 0;
        at += further;
        c->bad = c->bad || (i && further == 0) || at >= leaves;
        page->postings[page->count++] = (vposting_t){*io_key, (uint32_t)at};
    }
}

err_t vpage_parse(slice_t bytes, uint32_t leaves, vpage_t *ret_page)
{
    cursor_t c = cur_on(bytes);
    ret_page->kind = cur_u8(&c);
    ret_page->count = 0;
    unsigned count = cur_u16be(&c);
    uint64_t key = cur_u64be(&c);
    ENSURE(!c.bad && ret_page->kind > 0 && ret_page->kind < VINDEX_KINDS, ERR_SYNTAX);
    ENSURE(count > 0 && count <= VINDEX_PAGE, ERR_SYNTAX);
    while (ret_page->count < count && !c.bad) {
        group_parse(&c, leaves, ret_page->count == 0, count - ret_page->count, ret_page, &key);
    }
    return cur_end(&c);
}

/* ---- the file ---- */

size_t vindex_head_bytes(uint32_t pages)
{
    return HEAD_BYTES + (size_t)pages * ROW_BYTES;
}

static err_t rows_parse(cursor_t *c, uint32_t pages, vindex_row_t *rows)
{
    uint32_t from = 0;
    for (uint32_t i = 0; i < pages; i++) {
        vindex_row_t *row = &rows[i];
        row->from = from;
        row->end = from = cur_u32be(c);
        row->kind = cur_u8(c);
        row->key = cur_u64be(c);
        row->at = cur_u16be(c);
        cur_copy(c, row->hash, sizeof row->hash);
        ENSURE(row->end > row->from && row->end <= VINDEX_FILE_MAX, ERR_SYNTAX);
    }
    return cur_end(c);
}

err_t vindex_head_parse(slice_t head, const vindex_record_t *record, vindex_row_t **ret_rows)
{
    cursor_t c = cur_on(head);
    ENSURE(head.len == vindex_head_bytes(record->pages), ERR_SYNTAX);
    ENSURE(slice_eq(cur_bytes(&c, 4), SLICE("SKX\xf1")), ERR_SYNTAX);
    ENSURE(cur_u16be(&c) == FILE_VERSION && cur_u16be(&c) == HEAD_BYTES, ERR_VERSION);
    ENSURE(cur_u64be(&c) == record->segment && cur_u32be(&c) == record->leaves &&
               cur_u32be(&c) == record->pages && cur_u32be(&c) == record->postings &&
               cur_u32be(&c) == 0,
           ERR_SYNTAX);
    vindex_row_t *rows = malloc(record->pages * sizeof *rows);
    ENSURE(rows, ERR_MEMORY);
    err_t e = rows_parse(&c, record->pages, rows);
    if (err_failed(e)) {
        free(rows);
        return e;
    }
    *ret_rows = rows;
    return OK;
}

static void no_tile(void *ctx, unsigned level, uint64_t number, const uint8_t *hashes,
                    unsigned width)
{
}

void vindex_rows_root(const vindex_row_t *rows, uint32_t pages, uint8_t ret_root[32])
{
    vtree_t *tree = calloc(1, sizeof *tree);
    CHECK(tree);
    for (uint32_t i = 0; i < pages; i++) {
        vtree_push(tree, rows[i].hash, no_tile, NULL);
    }
    vtree_root(tree, ret_root);
    free(tree);
}

/* ---- building ---- */

static err_t post(vpostings_t *p, unsigned kind, uint64_t key, uint32_t at)
{
    if (p->of[kind].count == p->of[kind].cap) {
        size_t cap = p->of[kind].cap ? 2 * p->of[kind].cap : 1024;
        vposting_t *list = realloc(p->of[kind].list, cap * sizeof *list);
        ENSURE(list, ERR_MEMORY);
        p->of[kind].list = list;
        p->of[kind].cap = cap;
    }
    p->of[kind].list[p->of[kind].count++] = (vposting_t){key, at};
    return OK;
}

static const struct {
    unsigned tag, kind;
} ID_TAGS[] = {{TAG_REQUEST, VINDEX_REQUEST}, {TAG_OBJECT, VINDEX_OBJECT},
               {TAG_PARENT, VINDEX_OBJECT},   {TAG_SUBJECT, VINDEX_SUBJECT},
               {TAG_ACTOR, VINDEX_ACTOR},     {TAG_ADDRESS, VINDEX_ADDRESS}};

err_t vpostings_add(vpostings_t *p, const vleaf_t *leaf, uint32_t at)
{
    TRY(post(p, VINDEX_TIME, vindex_time_key(leaf->time_us), at));
    TRY(post(p, VINDEX_TYPE, leaf->type, at));
    for (size_t i = 0; i < BASE_COUNT(ID_TAGS); i++) {
        slice_t id = leaf->value[ID_TAGS[i].tag];
        bool again = ID_TAGS[i].tag == TAG_PARENT && slice_eq(id, leaf->value[TAG_OBJECT]);
        if (id.len == ID_BYTES && !again) {
            uint64_t key = vindex_id_key(ID_TAGS[i].kind, id_from_bytes(id.ptr));
            TRY(post(p, ID_TAGS[i].kind, key, at));
        }
    }
    return OK;
}

static int posting_order(const void *a, const void *b)
{
    const vposting_t *x = a, *y = b;
    return x->key != y->key ? (x->key > y->key) - (x->key < y->key)
                            : (x->at > y->at) - (x->at < y->at);
}

void vpostings_sort(vpostings_t *p)
{
    for (size_t i = 0; i < VINDEX_KINDS; i++) {
        if (p->of[i].count) {
            qsort(p->of[i].list, p->of[i].count, sizeof(vposting_t), posting_order);
        }
    }
}

void vpostings_free(vpostings_t *p)
{
    for (size_t i = 0; i < VINDEX_KINDS; i++) {
        free(p->of[i].list);
    }
    *p = (vpostings_t){0};
}

static void put_varint(buf_t *b, uint64_t v)
{
    while (v > 0x7f) {
        buf_u8(b, (uint8_t)(0x80 | (v & 0x7f)));
        v >>= 7;
    }
    buf_u8(b, (uint8_t)v);
}

static size_t run_of(const vposting_t *p, size_t n)
{
    size_t run = 1;
    while (run < n && p[run].key == p[0].key) {
        run++;
    }
    return run;
}

static void page_put(buf_t *b, unsigned kind, const vposting_t *p, size_t n)
{
    uint64_t key = p->key;
    buf_u8(b, (uint8_t)kind);
    buf_u16be(b, (uint16_t)n);
    buf_u64be(b, key);
    while (n) {
        size_t run = run_of(p, n);
        uint32_t at = 0;
        put_varint(b, p->key - key);
        put_varint(b, run);
        key = p->key;
        for (size_t i = 0; i < run; i++) {
            put_varint(b, p[i].at - at);
            at = p[i].at;
        }
        p += run;
        n -= run;
    }
}

static void file_head_put(buf_t *b, const vindex_record_t *r)
{
    buf_cstr(b, "SKX\xf1");
    buf_u16be(b, FILE_VERSION);
    buf_u16be(b, HEAD_BYTES);
    buf_u64be(b, r->segment);
    buf_u32be(b, r->leaves);
    buf_u32be(b, r->pages);
    buf_u32be(b, r->postings);
    buf_u32be(b, 0);
}

static void pages_put(const vpostings_t *p, buf_t *dir, buf_t *pages, vtree_t *tree)
{
    for (unsigned kind = 1; kind < VINDEX_KINDS; kind++) {
        for (size_t i = 0, n; i < p->of[kind].count; i += n) {
            const vposting_t *first = &p->of[kind].list[i];
            uint8_t hash[32];
            size_t from = pages->len;
            n = p->of[kind].count - i < VINDEX_PAGE ? p->of[kind].count - i : VINDEX_PAGE;
            page_put(pages, kind, first, n);
            vtree_leaf_hash(slice_from(buf_slice(pages), from), hash);
            vtree_push(tree, hash, no_tile, NULL);
            buf_u32be(dir, (uint32_t)pages->len);
            buf_u8(dir, (uint8_t)kind);
            buf_u64be(dir, first->key);
            buf_u16be(dir, (uint16_t)first->at);
            buf_put(dir, slice_make(hash, sizeof hash));
        }
    }
}

err_t vindex_build(const vpostings_t *p, uint64_t segment, uint32_t leaves, slice_t *ret_file,
                   vindex_record_t *ret_record)
{
    vindex_record_t r = {.segment = segment, .leaves = leaves};
    for (unsigned kind = 0; kind < VINDEX_KINDS; kind++) {
        r.postings += (uint32_t)p->of[kind].count;
        r.pages += (uint32_t)((p->of[kind].count + VINDEX_PAGE - 1) / VINDEX_PAGE);
    }
    size_t dir_len = vindex_head_bytes(r.pages);
    size_t cap = dir_len + (size_t)(r.pages + r.postings) * POSTING_BYTES_MAX;
    uint8_t *mem = malloc(cap);
    vtree_t *tree = calloc(1, sizeof *tree);
    if (!mem || !tree) {
        free(mem);
        free(tree);
        return FAIL(ERR_MEMORY);
    }
    buf_t dir = buf_on(mem, dir_len), pages = buf_on(mem + dir_len, cap - dir_len);
    file_head_put(&dir, &r);
    pages_put(p, &dir, &pages, tree);
    vtree_root(tree, r.root);
    free(tree);
    CHECK(!dir.full && !pages.full && dir.len == dir_len);
    *ret_file = slice_make(mem, dir_len + pages.len);
    *ret_record = r;
    return OK;
}
