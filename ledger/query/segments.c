/* From the last INDEX_ROOT record back: each segment's index, once proved, tells where the record
 * of the one before stands. */
#include <fcntl.h>
#include <unistd.h>

#include "fetch.h"

/* ---- pages ---- */

static err_t rows_check(query_t *q, store_segment_t *s, slice_t head)
{
    uint8_t root[32];
    vindex_row_t *rows;
    TRY(vindex_head_parse(head, &s->record, &rows));
    vindex_rows_root(rows, s->record.pages, root);
    if (memcmp(root, s->record.root, sizeof root) != 0) {
        free(rows);
        return FAIL(ERR_CORRUPT);
    }
    s->rows = rows;
    return OK;
}

static err_t read_at(int fd, size_t from, uint8_t *mem, size_t len)
{
    ENSURE(fd >= 0, ERR_NOT_FOUND);
    for (size_t done = 0; done < len;) {
        ssize_t n = pread(fd, mem + done, len - done, (off_t)(from + done));
        ENSURE(n > 0, ERR_IO);
        done += (size_t)n;
    }
    return OK;
}

static int file_open(const query_t *q, uint64_t segment)
{
    char name[VINDEX_NAME];
    vindex_name(segment, name);
    return q->index_dir < 0 ? -1 : openat(q->index_dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static err_t rows_from_file(query_t *q, uint64_t segment)
{
    store_segment_t *s = &q->segments[segment];
    size_t len = vindex_head_bytes(s->record.pages);
    uint8_t *mem = malloc(len);
    int fd = file_open(q, segment);
    err_t e = mem ? read_at(fd, 0, mem, len) : FAIL(ERR_MEMORY);
    if (!err_failed(e)) {
        e = rows_check(q, s, slice_make(mem, len));
    }
    free(mem);
    if (fd >= 0) {
        close(fd);
    }
    return e;
}

static err_t read_verified(void *ctx, uint64_t number, slice_t *ret_bytes)
{
    const store_bundle_t *b;
    TRY(store_bundle(ctx, number, &b));
    uint8_t *copy = malloc(b->bytes.len ? b->bytes.len : 1);
    ENSURE(copy, ERR_MEMORY);
    memcpy(copy, b->bytes.ptr, b->bytes.len);
    *ret_bytes = slice_make(copy, b->bytes.len);
    return OK;
}

/* The file is missing, cut or altered: of no weight, the records themselves are there. */
static err_t rows_made(query_t *q, uint64_t segment)
{
    store_segment_t *s = &q->segments[segment];
    vindex_record_t is;
    free(s->rows);
    s->rows = NULL;
    TRY(vindex_of_segment(&(vbundles_t){read_verified, q}, segment, s->record.leaves, &s->made,
                          &is));
    q->rebuilt++;
    if (memcmp(is.root, s->record.root, sizeof is.root) != 0 || is.pages != s->record.pages) {
        return store_fault(q, FAIL(ERR_CORRUPT),
                           "the index root of segment %llu is not that of its records",
                           (unsigned long long)segment);
    }
    return rows_check(q, s, slice_sub(s->made, 0, vindex_head_bytes(is.pages)));
}

static err_t rows_load(query_t *q, uint64_t segment)
{
    store_segment_t *s = &q->segments[segment];
    s->rows = ahead_rows(q, segment, &s->record);
    err_t e = s->rows ? OK : rows_from_file(q, segment);
    if (err_failed(e)) {
        TRY(rows_made(q, segment));
    }
    s->used = arena_alloc(&q->arena, s->record.pages);
    s->pages = ARENA_ARRAY(&q->arena, slice_t, s->record.pages);
    ENSURE(s->used && s->pages, ERR_MEMORY);
    return OK;
}

static err_t page_from(query_t *q, uint64_t segment, const vindex_row_t *row, uint8_t *mem)
{
    const store_segment_t *s = &q->segments[segment];
    size_t from = vindex_head_bytes(s->record.pages) + row->from, len = row->end - row->from;
    uint8_t hash[32];
    if (s->made.len) {
        slice_t page = slice_sub(s->made, from, len);
        ENSURE(page.len == len, ERR_CORRUPT);
        memcpy(mem, page.ptr, len);
    } else {
        int fd = file_open(q, segment);
        err_t e = read_at(fd, from, mem, len);
        if (fd >= 0) {
            close(fd);
        }
        TRY(e);
    }
    vtree_leaf_hash(slice_make(mem, len), hash);
    ENSURE(memcmp(hash, row->hash, sizeof hash) == 0, ERR_CORRUPT);
    return OK;
}

enum { PAGE_BYTES_MAX = 11 + VINDEX_PAGE * 16 };

/* A damaged page spoils the file; then all of it is made anew. */
static err_t page_prove(query_t *q, uint64_t segment, uint32_t page)
{
    store_segment_t *s = &q->segments[segment];
    for (unsigned tries = 0; tries < 2; tries++) {
        uint8_t mem[PAGE_BYTES_MAX];
        const vindex_row_t *row = &s->rows[page];
        size_t len = row->end - row->from;
        if (len <= sizeof mem && !err_failed(page_from(q, segment, row, mem))) {
            return arena_copy(&q->arena, slice_make(mem, len), &s->pages[page]);
        }
        if (s->made.len) {
            break;
        }
        TRY(rows_made(q, segment));
    }
    return store_fault(q, FAIL(ERR_CORRUPT), "a page of the index of segment %llu is not proved",
                       (unsigned long long)segment);
}

err_t segment_page_bytes(query_t *q, uint64_t segment, uint32_t page, slice_t *ret_bytes)
{
    store_segment_t *s = &q->segments[segment];
    if (!s->pages[page].len) {
        TRY(page_prove(q, segment, page));
    }
    s->used[page] = 1;
    *ret_bytes = s->pages[page];
    return OK;
}

err_t segment_page(query_t *q, uint64_t segment, uint32_t page, vpage_t *ret_page)
{
    slice_t bytes;
    TRY(segment_page_bytes(q, segment, page, &bytes));
    err_t e = vpage_parse(bytes, q->segments[segment].record.leaves, ret_page);
    return err_failed(e) ? store_fault(q, FAIL(ERR_CORRUPT), "a page of the index is malformed")
                         : OK;
}

/* ---- looking up ---- */

static int order(unsigned kind_a, uint64_t key_a, unsigned kind_b, uint64_t key_b)
{
    return kind_a != kind_b ? (kind_a > kind_b) - (kind_a < kind_b)
                            : (key_a > key_b) - (key_a < key_b);
}

/* The last page that begins before (kind, key): what stands before the range is in it. */
static uint32_t page_before(const store_segment_t *s, unsigned kind, uint64_t key)
{
    uint32_t low = 0, high = s->record.pages;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (order(s->rows[mid].kind, s->rows[mid].key, kind, key) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low ? low - 1 : 0;
}

/* One behind the last page that begins at (kind, key) or before. */
static uint32_t page_after(const store_segment_t *s, unsigned kind, uint64_t key)
{
    uint32_t low = 0, high = s->record.pages;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (order(s->rows[mid].kind, s->rows[mid].key, kind, key) <= 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

/* What stands behind the range may be one page further; a term does not get cheaper by that. */
uint32_t segment_span(const query_t *q, uint64_t segment, unsigned kind, uint64_t lo, uint64_t hi)
{
    const store_segment_t *s = &q->segments[segment];
    uint32_t from = page_before(s, kind, lo), end = page_after(s, kind, hi);
    return end > from ? end - from : 1;
}

void segment_soon(const query_t *q, uint64_t segment, unsigned kind, uint64_t lo, uint64_t hi)
{
    const store_segment_t *s = &q->segments[segment];
    uint32_t from = page_before(s, kind, lo), last = from + segment_span(q, segment, kind, lo, hi);
    last = last < s->record.pages ? last : s->record.pages - 1;
    int fd = s->pages[from].len && s->pages[last].len ? -1 : file_open(q, segment);
    if (fd >= 0) {
        size_t at = vindex_head_bytes(s->record.pages) + s->rows[from].from;
        posix_fadvise(fd, (off_t)at, (off_t)(s->rows[last].end - s->rows[from].from),
                      POSIX_FADV_WILLNEED);
        close(fd);
    }
}

err_t segment_lookup(query_t *q, uint64_t segment, unsigned kind, uint64_t lo, uint64_t hi,
                     uint32_t *ret_offsets, size_t *ret_count)
{
    const store_segment_t *s = &q->segments[segment];
    size_t count = 0;
    bool past = false;
    for (uint32_t i = page_before(s, kind, lo); i < s->record.pages && !past; i++) {
        vpage_t page;
        TRY(segment_page(q, segment, i, &page));
        for (unsigned k = 0; k < page.count && !past; k++) {
            const vposting_t *p = &page.postings[k];
            past = order(page.kind, p->key, kind, hi) > 0;
            if (!past && order(page.kind, p->key, kind, lo) >= 0) {
                ENSURE(count < s->record.leaves, ERR_CORRUPT);
                ret_offsets[count++] = p->at;
            }
        }
    }
    *ret_count = count;
    return OK;
}

/* ---- which segments there are ---- */

static err_t vindex_of_record(const query_record_t *r, vindex_record_t *ret, bool *ret_is)
{
    vleaf_t leaf;
    TRY(vleaf_parse(r->leaf, &leaf));
    *ret_is = vindex_record_of(&leaf, ret);
    return OK;
}

/* Keeps what the record says. The first of two counts; the other must say the same. */
static err_t root_note(query_t *q, const query_record_t *r)
{
    vindex_record_t record;
    bool is;
    TRY(vindex_of_record(r, &record, &is));
    if (!is || record.segment >= q->segment_count) {
        return OK;
    }
    store_segment_t *s = &q->segments[record.segment];
    if (record.leaves != q->leaves ||
        (s->known && memcmp(s->record.root, record.root, sizeof record.root) != 0)) {
        return store_fault(q, FAIL(ERR_CORRUPT), "two INDEX_ROOT records contradict each other");
    }
    if (!s->known || record.seq < s->record.seq) {
        s->record = record;
    }
    s->known = true;
    return OK;
}

/* Backwards through the bundles to the newest INDEX_ROOT record. */
static err_t newest_root(query_t *q, bool *ret_found, vindex_record_t *ret_record)
{
    *ret_found = false;
    for (uint64_t seq = q->cp.size; seq > q->first && !*ret_found; seq--) {
        const query_record_t *r;
        TRY(store_record(q, seq - 1, &r));
        if (r->type == VTYPE_INDEX_ROOT) {
            TRY(vindex_of_record(r, ret_record, ret_found));
        }
    }
    return OK;
}

/* Record by record: no index covers these. */
static err_t scan(query_t *q, uint64_t first, uint64_t end)
{
    TRY(fetch_range(q, first, end));
    for (uint64_t seq = first; seq < end; seq++) {
        const query_record_t *r;
        TRY(store_record(q, seq, &r));
        if (r->type == VTYPE_INDEX_ROOT) {
            TRY(root_note(q, r));
        }
    }
    return OK;
}

static err_t posts(query_t *q, uint64_t first, uint64_t end)
{
    for (uint64_t seq = first; seq < end; seq++) {
        const query_record_t *r;
        vleaf_t leaf;
        TRY(store_record(q, seq, &r));
        TRY(vleaf_parse(r->leaf, &leaf));
        TRY(vpostings_add(&q->tail, &leaf, (uint32_t)(seq - q->first)));
    }
    return OK;
}

err_t segments_tail_postings(query_t *q, const vpostings_t **ret_postings)
{
    for (uint64_t s = q->segment_count; s-- > 0 && !q->tail_posted;) {
        if (q->segments[s].way == SEGMENT_SCANNED) {
            TRY(posts(q, s * q->leaves, (s + 1) * q->leaves));
        }
    }
    if (!q->tail_posted) {
        TRY(posts(q, q->tail_first, q->cp.size));
        vpostings_sort(&q->tail);
        q->tail_posted = true;
    }
    *ret_postings = &q->tail;
    return OK;
}

static err_t roots_in(query_t *q, uint64_t segment)
{
    size_t count = 0;
    uint32_t *offsets = malloc((size_t)q->leaves * sizeof *offsets);
    uint64_t *seqs = malloc((size_t)q->leaves * sizeof *seqs);
    err_t e = offsets && seqs ? segment_lookup(q, segment, VINDEX_TYPE, VTYPE_INDEX_ROOT,
                                               VTYPE_INDEX_ROOT, offsets, &count)
                              : FAIL(ERR_MEMORY);
    for (size_t i = 0; i < count; i++) {
        seqs[i] = segment * q->leaves + offsets[i];
    }
    if (!err_failed(e)) {
        e = fetch_records(q, seqs, count);
    }
    for (size_t i = 0; i < count && !err_failed(e); i++) {
        const query_record_t *r;
        e = store_record(q, seqs[i], &r);
        e = err_failed(e) ? e : root_note(q, r);
    }
    free(offsets);
    free(seqs);
    return e;
}

/* What belongs to the tail is read side by side; should it turn out otherwise, no harm is done. */
static err_t tail_ahead(query_t *q)
{
    TRY(ahead_make(q));
    uint64_t from = ahead_tail(q);
    return from < q->cp.size ? fetch_range(q, from, q->cp.size) : OK;
}

static err_t segments_walk(query_t *q)
{
    for (uint64_t s = q->segment_count; s-- > (q->leaves ? q->first / q->leaves : 0);) {
        store_segment_t *segment = &q->segments[s];
        if (!segment->known) { /* its root was never recorded: record by record, then */
            segment->way = SEGMENT_SCANNED;
            TRY(scan(q, s * q->leaves, (s + 1) * q->leaves));
            continue;
        }
        TRY(rows_load(q, s));
        TRY(roots_in(q, s));
    }
    return OK;
}

err_t segments_find(query_t *q)
{
    vindex_record_t newest;
    bool found;
    ENSURE(q->cp.size - q->first <= UINT32_MAX, ERR_LIMIT);
    TRY(tail_ahead(q));
    TRY(newest_root(q, &found, &newest));
    q->tail_first = q->first;
    if (found) {
        q->leaves = newest.leaves;
        q->segment_count = newest.segment + 1;
        q->tail_first = q->segment_count * q->leaves;
        q->segments = calloc(q->segment_count, sizeof *q->segments);
        ENSURE(q->segments, ERR_MEMORY);
    }
    TRY(scan(q, q->tail_first, q->cp.size));
    err_t e = segments_walk(q);
    ahead_free(q);
    return e;
}

void segments_free(query_t *q)
{
    for (uint64_t i = 0; i < q->segment_count; i++) {
        free(q->segments[i].rows);
        vfile_free(&q->segments[i].made);
    }
    free(q->segments);
    vpostings_free(&q->tail);
    ahead_free(q);
}
