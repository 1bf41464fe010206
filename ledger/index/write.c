#include "write.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { NAME_BYTES = 32, FACTS_BYTES = 128 };
static const char DIR_NAME[] = "index", TMP_NAME[] = "index";

static err_t sys_err(int sys)
{
    return FAIL_SYS(sys == ENOSPC || sys == EDQUOT ? ERR_DISK_FULL : ERR_IO, sys);
}

static err_t dir_open(const segment_t *seg, int *ret_dir)
{
    static const int FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    FD_SCOPED int ledger = open(seg->dir.text, FLAGS);
    if (ledger < 0 || (mkdirat(ledger, DIR_NAME, 0750) != 0 && errno != EEXIST)) {
        return sys_err(errno);
    }
    *ret_dir = openat(ledger, DIR_NAME, FLAGS);
    return *ret_dir < 0 ? sys_err(errno) : OK;
}

static void file_name(uint64_t segment, char out[NAME_BYTES])
{
    snprintf(out, NAME_BYTES, "%08llu", (unsigned long long)segment);
}

static err_t file_write(const segment_t *seg, int dir, slice_t bytes)
{
    char name[NAME_BYTES];
    file_name(seg->number, name);
    FD_SCOPED int fd =
        openat(seg->tmp_dir, TMP_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) {
        return sys_err(errno);
    }
    err_t e = fd_write_all(fd, bytes);
    if (!err_failed(e) &&
        (fsync(fd) != 0 || renameat(seg->tmp_dir, TMP_NAME, dir, name) != 0 || fsync(dir) != 0)) {
        e = sys_err(errno);
    }
    if (err_failed(e)) {
        unlinkat(seg->tmp_dir, TMP_NAME, 0); /* gives the space back */
    }
    return e;
}

static err_t add_leaf(void *ctx, slice_t bytes, const leaf_t *leaf)
{
    return index_builder_add(ctx, leaf);
}

/* Builds one segment's index and puts its file in place. */
static err_t make(const segment_t *seg, int dir, index_built_t *ret_built)
{
    index_builder_t b;
    TRY(index_builder_init(&b));
    err_t e = segment_walk(seg, add_leaf, &b);
    if (!err_failed(e)) {
        e = index_builder_finish(&b, seg->number, ret_built);
    }
    index_builder_deinit(&b);
    TRY(e);
    e = file_write(seg, dir, slice_make(ret_built->bytes, ret_built->len));
    free(ret_built->bytes);
    ret_built->bytes = NULL;
    return e;
}

/* Back from this segment to the first file that is there. Where bundles were pruned there is
 * nothing to make one of. */
static err_t mend_before(const segment_t *seg, int dir)
{
    for (uint64_t n = seg->number; n-- > 0;) {
        char name[NAME_BYTES];
        index_built_t built;
        uint64_t leaves = seg->end - seg->first;
        segment_t earlier = *seg;
        file_name(n, name);
        if (faccessat(dir, name, F_OK, 0) == 0) {
            return OK;
        }
        earlier.number = n;
        earlier.first = n * leaves;
        earlier.end = earlier.first + leaves;
        err_t e = make(&earlier, dir, &built);
        if (err_is(e, ERR_NOT_FOUND)) {
            return OK;
        }
        TRY(e);
    }
    return OK;
}

static err_t record(const segment_t *seg, const index_built_t *built)
{
    uint8_t mem[FACTS_BYTES];
    buf_t facts = BUF_ON_ARRAY(mem);
    leaf_extra_t extra = {.has_index = true, .index_segment = seg->number};
    memcpy(extra.index_root, built->root.b, sizeof extra.index_root);
    ledger_fact_i64(&facts, "leaves", (int64_t)(seg->end - seg->first));
    ledger_fact_i64(&facts, "pages", built->pages);
    ledger_fact_i64(&facts, "postings", built->postings);
    TRY(buf_check(&facts));
    return segment_record(seg,
                          &(ledger_record_t){.type = LEDGER_INDEX_ROOT, .facts = buf_slice(&facts)},
                          &extra, NULL);
}

err_t index_segment(const segment_t *seg)
{
    FD_SCOPED int dir = -1;
    index_built_t built;
    TRY(dir_open(seg, &dir));
    TRY(make(seg, dir, &built));
    TRY(mend_before(seg, dir));
    return record(seg, &built);
}

err_t index_remove(const segment_t *seg)
{
    char path[NAME_BYTES + 16];
    snprintf(path, sizeof path, "../%s/%08llu", DIR_NAME, (unsigned long long)seg->number);
    return unlinkat(seg->public_dir, path, 0) == 0 || errno == ENOENT ? OK : sys_err(errno);
}
