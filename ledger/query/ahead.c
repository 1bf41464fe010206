/* Finding the segments is one step after the other: each index, once proved, tells where the record
 * stands that proves the one before. So that the disk is not waited for at each step, all that the
 * steps will read is read beforehand, side by side, as the files themselves claim it stands there.
 */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "files.h"
#include "store.h"
#include "work.h"

enum { HEAD_NUMBERS = 32, AHEAD_SEGMENTS_MAX = 1 << 20, TAIL_SEGMENTS_MAX = 4 };

typedef struct ahead {
    vindex_record_t is; /* as the file gives it; its root computed */
    vindex_row_t *rows; /* NULL: nothing that could be used */
} ahead_t;

/* ---- one index file ---- */

static err_t read_part(int fd, size_t from, size_t len, scratch_t *scratch)
{
    TRY(scratch_room(scratch, len));
    for (size_t done = 0; done < len;) {
        ssize_t n = pread(fd, scratch->mem + done, len - done, (off_t)(from + done));
        ENSURE(n > 0, ERR_IO);
        done += (size_t)n;
    }
    return OK;
}

static err_t numbers_read(int fd, scratch_t *scratch, vindex_record_t *ret)
{
    TRY(read_part(fd, 0, HEAD_NUMBERS, scratch));
    cursor_t c = cur_on(slice_make(scratch->mem, HEAD_NUMBERS));
    (void)cur_bytes(&c, 8);
    vindex_record_t is = {.segment = cur_u64be(&c)};
    is.leaves = cur_u32be(&c);
    is.pages = cur_u32be(&c);
    is.postings = cur_u32be(&c);
    ENSURE(is.pages && is.pages <= VINDEX_PAGES_MAX, ERR_SYNTAX);
    ENSURE(is.leaves && is.leaves <= VINDEX_LEAVES && is.leaves % VTILE == 0, ERR_SYNTAX);
    *ret = is;
    return OK;
}

/* The bundle of each INDEX_ROOT record that this segment names, and the tile above it. */
static err_t roots_soon(const query_t *q, int fd, const ahead_t *a, scratch_t *scratch)
{
    size_t pages = vindex_head_bytes(a->is.pages);
    for (uint32_t i = 0; i < a->is.pages; i++) {
        const vindex_row_t *row = &a->rows[i];
        bool last = i + 1 == a->is.pages || a->rows[i + 1].kind > VINDEX_TYPE ||
                    (a->rows[i + 1].kind == VINDEX_TYPE && a->rows[i + 1].key > VTYPE_INDEX_ROOT);
        if (row->kind > VINDEX_TYPE || (row->kind == VINDEX_TYPE && row->key > VTYPE_INDEX_ROOT)) {
            break;
        }
        if (row->kind != VINDEX_TYPE || (!last && row->key < VTYPE_INDEX_ROOT)) {
            continue;
        }
        vpage_t page;
        TRY(read_part(fd, pages + row->from, row->end - row->from, scratch));
        TRY(vpage_parse(slice_make(scratch->mem, row->end - row->from), a->is.leaves, &page));
        for (unsigned k = 0; k < page.count; k++) {
            uint64_t seq = a->is.segment * a->is.leaves + page.postings[k].at;
            if (page.postings[k].key == VTYPE_INDEX_ROOT && seq < q->cp.size) {
                files_full_soon(q->public_dir, seq / VTILE);
                files_tile_soon(q->public_dir, 1, seq / VTILE / VTILE);
            }
        }
    }
    return OK;
}

static err_t one_read(const query_t *q, int fd, uint64_t segment, scratch_t *scratch, ahead_t *a)
{
    vindex_record_t is;
    TRY(numbers_read(fd, scratch, &is));
    ENSURE(is.segment == segment, ERR_SYNTAX);
    size_t len = vindex_head_bytes(is.pages);
    TRY(read_part(fd, 0, len, scratch));
    TRY(vindex_head_parse(slice_make(scratch->mem, len), &is, &a->rows));
    vindex_rows_root(a->rows, is.pages, is.root);
    a->is = is;
    err_ignore(roots_soon(q, fd, a, scratch));
    return OK;
}

static void one(void *ctx, size_t i, scratch_t *scratch)
{
    query_t *q = ctx;
    char name[VINDEX_NAME];
    vindex_name(i, name);
    int fd = openat(q->index_dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) {
        err_ignore(one_read(q, fd, i, scratch, &q->ahead[i]));
        close(fd);
    }
}

/* ---- all of them ---- */

/* One more than the highest number that a file has; no more than the checkpoint has room for. */
static uint64_t files_count(const query_t *q)
{
    uint64_t count = 0, max = q->cp.size / VTILE;
    int copy = q->index_dir < 0 ? -1 : dup(q->index_dir);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    max = max < AHEAD_SEGMENTS_MAX ? max : AHEAD_SEGMENTS_MAX;
    if (!d) {
        if (copy >= 0) {
            close(copy);
        }
        return 0;
    }
    rewinddir(d);
    for (struct dirent *e; (e = readdir(d));) {
        uint64_t number;
        slice_t name = slice_cstr_in(e->d_name);
        if (name.len == 8 && !err_failed(slice_parse_u64(name, 99999999, &number)) &&
            number < max && number >= count) {
            count = number + 1;
        }
    }
    closedir(d);
    return count;
}

err_t ahead_make(query_t *q)
{
    uint64_t count = files_count(q);
    q->ahead = calloc(count + 1, sizeof *q->ahead);
    ENSURE(q->ahead, ERR_MEMORY);
    q->ahead_count = count;
    work_run(count, one, q);
    return OK;
}

void ahead_free(query_t *q)
{
    for (uint64_t i = 0; i < q->ahead_count; i++) {
        free(q->ahead[i].rows);
    }
    free(q->ahead);
    q->ahead = NULL;
    q->ahead_count = 0;
}

vindex_row_t *ahead_rows(query_t *q, uint64_t segment, const vindex_record_t *record)
{
    ahead_t *a = segment < q->ahead_count ? &q->ahead[segment] : NULL;
    if (!a || !a->rows || a->is.leaves != record->leaves || a->is.pages != record->pages ||
        a->is.postings != record->postings ||
        memcmp(a->is.root, record->root, sizeof a->is.root) != 0) {
        return NULL;
    }
    vindex_row_t *rows = a->rows;
    a->rows = NULL;
    return rows;
}

/* A folder that lacks its newest files would make the tail look longer than it is. */
uint64_t ahead_tail(const query_t *q)
{
    const ahead_t *last = q->ahead_count ? &q->ahead[q->ahead_count - 1] : NULL;
    if (!last || !last->rows) {
        return q->cp.size;
    }
    uint64_t leaves = last->is.leaves, from = q->ahead_count * leaves;
    bool sensible =
        from >= q->first && from < q->cp.size && q->cp.size - from <= TAIL_SEGMENTS_MAX * leaves;
    return sensible ? from : q->cp.size;
}
