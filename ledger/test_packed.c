/* Packed bundles: the writer's form, the form of before, and forms that nobody may take for it:
 * hashes that are right over words that are not. Read by ledgerd, ledger-verify and questions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <zstd.h>

#include "ledger/api_query.h"
#include "tests/small.h"

enum { FILE_CAP = 1 << 20, TAIL = 8 + VPARTS * 36 + 32 };

static char packed_path[256];
static slice_t plain, leaves[VTILE];

/* A ledger whose first bundle is packed; plain and leaves: what it holds. */
static void grow(void)
{
    slice_t file;
    open_fine();
    add(LEAVES + 20);
    wait_for(worked);
    keeper_close(&keeper);
    snprintf(packed_path, sizeof packed_path, "%s", in_dir(dir, "public/tile/entries/000.zst"));
    assert_false(err_failed(vfile_read(AT_FDCWD, packed_path, FILE_CAP, &file)));
    assert_false(err_failed(vfile_unpack(file, FILE_CAP, &plain)));
    vfile_free(&file);
    cursor_t c = cur_on(plain);
    for (unsigned i = 0; i < VTILE; i++) {
        leaves[i] = cur_bytes(&c, cur_u16be(&c));
    }
    assert_false(err_failed(cur_end(&c)));
}

/* ---- other ways to pack the same leaves ---- */

typedef struct form {
    const char *name;
    unsigned move; /* so many leaves of part 3 stand in part 2 */
    bool swap;     /* parts 4 and 5 change places */
    bool root;     /* a root is not that of its leaves */
    bool end;      /* an end points into the next frame */
    bool gap;      /* an empty skippable frame between two parts */
    bool none;     /* part 6 is empty, part 7 has the leaves of both */
} form_t;

static const uint8_t SKIP[8] = {0x50, 0x2a, 0x4d, 0x18};

static void part_root(unsigned first, unsigned n, uint8_t ret[32])
{
    uint8_t left[32], right[32];
    if (n == 1) {
        vtree_leaf_hash(leaves[first], ret);
        return;
    }
    part_root(first, n / 2, left);
    part_root(first + n / 2, n / 2, right);
    vtree_node_hash(left, right, ret);
}

static size_t bytes_of(unsigned first, unsigned end)
{
    size_t n = 0;
    for (unsigned i = first; i < end; i++) {
        n += 2 + leaves[i].len;
    }
    return n;
}

static void put_frame(buf_t *out, size_t from, size_t to)
{
    uint8_t *at = out->ptr + out->len;
    size_t n = ZSTD_compress(at, out->cap - out->len, plain.ptr + from, to - from, 6);
    assert_false(ZSTD_isError(n));
    out->len += n;
}

static void put_hash(buf_t *out)
{
    uint8_t hash[32];
    vtree_bytes_hash(buf_slice(out), hash);
    buf_put(out, slice_make(hash, sizeof hash));
}

static unsigned border(const form_t *f, unsigned part)
{
    return part * VPART + (part == 3 ? f->move : 0) - (f->none && part == 7 ? VPART : 0);
}

static void put_form(const form_t *f, buf_t *out)
{
    uint32_t ends[VPARTS];
    for (unsigned i = 0; i < VPARTS; i++) {
        unsigned part = f->swap && (i == 4 || i == 5) ? 9 - i : i;
        put_frame(out, bytes_of(0, border(f, part)), bytes_of(0, border(f, part + 1)));
        if (f->gap && i == 8) {
            buf_put(out, slice_make(SKIP, sizeof SKIP));
        }
        ends[i] = (uint32_t)out->len;
    }
    ends[2] += f->end;
    buf_put(out, slice_make(SKIP, 4));
    buf_u32(out, TAIL - 8);
    for (unsigned i = 0; i < VPARTS; i++) {
        buf_u32be(out, ends[i]);
    }
    for (unsigned i = 0; i < VPARTS; i++) {
        uint8_t root[32];
        part_root(i * VPART, VPART, root);
        root[7] ^= f->root && i == 11;
        buf_put(out, slice_make(root, sizeof root));
    }
    put_hash(out);
}

static void write_packed(slice_t bytes)
{
    int fd = open(packed_path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0 && write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    close(fd);
}

/* Every record by itself, each by a query of its own that knows nothing yet. NULL: all were right;
 * else what a query said. */
static const char *asked_one_by_one(void)
{
    static char why[QUERY_FAULT];
    for (unsigned seq = 0; seq < LEAVES; seq += 5) {
        vleaf_t leaf;
        query_t *q;
        const query_record_t **list;
        size_t n;
        assert_false(err_failed(vleaf_parse(leaves[seq], &leaf)));
        if (leaf.value[0x10].len != ID_BYTES) {
            continue;
        }
        query_ask_t ask = {QUERY_ALWAYS, .request = id_from_bytes(leaf.value[0x10].ptr)};
        assert_false(err_failed(query_open(dir, NULL, why, &q)));
        err_t e = query_find(q, &ask, &list, &n);
        if (!err_failed(e)) {
            assert_int_equal(n, 1);
            assert_true(list[0]->seq == seq && slice_eq(list[0]->leaf, leaves[seq]));
        }
        snprintf(why, sizeof why, "%s", query_fault(q));
        query_close(q);
        if (err_failed(e)) {
            return why;
        }
    }
    return NULL;
}

static void read_by_ledgerd(void)
{
    cursor_t run;
    uint64_t end;
    leaf_t leaf;
    open_fine();
    assert_false(err_failed(entries_run(&keeper.entries, 100, &run, &end)));
    assert_false(err_failed(leaf_get(leaf_next(&run), &leaf)));
    assert_int_equal(leaf.entry.seq, 100);
    keeper_close(&keeper);
}

/* ---- cases ---- */

static void the_writers_form(void **state)
{
    static uint8_t mem[FILE_CAP];
    buf_t want = BUF_ON_ARRAY(mem);
    slice_t file;
    grow();
    put_form(&(form_t){0}, &want);
    assert_false(err_failed(vfile_read(AT_FDCWD, packed_path, FILE_CAP, &file)));
    assert_int_equal(file.len, want.len);
    assert_memory_equal(file.ptr, want.ptr, want.len);
    vfile_free(&file);
    assert_null(asked_one_by_one());
    vfile_free(&plain);
}

static void one_frame_as_before(void **state)
{
    static uint8_t mem[FILE_CAP];
    uint8_t hash[32];
    buf_t file = BUF_ON_ARRAY(mem);
    grow();
    put_frame(&file, 0, plain.len);
    vtree_bytes_hash(buf_slice(&file), hash);
    buf_put(&file, slice_make(SKIP, 4));
    buf_u32(&file, sizeof hash);
    buf_put(&file, slice_make(hash, sizeof hash));
    write_packed(buf_slice(&file));
    assert_verdict(VERDICT_OK);
    assert_null(asked_one_by_one());
    read_by_ledgerd();
    file_flip(packed_path, (off_t)file.len - 1, 1);
    assert_true(verify_with(NULL, NULL) != VERDICT_OK);
    vfile_free(&plain);
}

static void false_forms(void **state)
{
    static const form_t FORMS[] = {
        {"a leaf in the part before", .move = 1},
        {"a leaf in the part behind", .move = -1U},
        {"parts swapped", .swap = true},
        {"another root", .root = true},
        {"another end", .end = true},
        {"a frame between", .gap = true},
        {"an empty part", .none = true},
    };
    static uint8_t mem[FILE_CAP];
    grow();
    for (size_t i = 0; i < BASE_COUNT(FORMS); i++) {
        buf_t file = BUF_ON_ARRAY(mem);
        put_form(&FORMS[i], &file);
        write_packed(buf_slice(&file));
        if (verify_with(NULL, NULL) == VERDICT_OK) {
            fail_msg("ledger-verify accepts: %s", FORMS[i].name);
        }
        const char *why = asked_one_by_one(); /* a right answer, or none */
        if (why && !strstr(why, "does not lead")) {
            fail_msg("%s: %s", FORMS[i].name, why);
        }
    }
    buf_t file = BUF_ON_ARRAY(mem);
    put_form(&(form_t){0}, &file);
    write_packed(buf_slice(&file));
    assert_verdict(VERDICT_OK);
    vfile_free(&plain);
}

/* Any length, any words in the table: no reader goes beyond its bytes (ASan), none takes it. */
static void cut_and_flipped(void **state)
{
    static uint8_t mem[FILE_CAP];
    buf_t file = BUF_ON_ARRAY(mem);
    slice_t bytes;
    grow();
    put_form(&(form_t){0}, &file);
    for (size_t len = 0; len < file.len; len += 1 + file.len / 301) {
        assert_true(
            err_failed(vfile_unpack(slice_sub(buf_slice(&file), 0, len), FILE_CAP, &bytes)));
    }
    for (size_t at = file.len - TAIL; at < file.len; at++) {
        mem[at] ^= 0x81;
        assert_true(err_failed(vfile_unpack(buf_slice(&file), FILE_CAP, &bytes)));
        write_packed(buf_slice(&file));
        mem[at] ^= 0x81;
        if (at % 13 == 0) {
            const char *why = asked_one_by_one();
            assert_true(!why || strstr(why, "does not lead"));
        }
    }
    assert_true(err_failed(vfile_unpack(buf_slice(&file), plain.len - 1, &bytes)));
    vfile_free(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_writers_form),
        CASE(one_frame_as_before),
        CASE(false_forms),
        CASE(cut_and_flipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
