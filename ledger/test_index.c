/* The index: writer's and verifier's builder agree on whatever leaves; segments through a keeper,
 * kills, lost files; and an index that lies is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "index/build.h"
#include "keeper.h"
#include "tests/tmpdir.h"
#include "verify/check_index.h"

enum { SEGMENT = 256, MEM = 512 };

static tmpdir_t tmp;
static note_key_t key;
static keeper_t keeper;
static char fault[KEEPER_FAULT];

static int setup(void **state)
{
    static const uint8_t SEED[NOTE_SEED] = {7};
    tmp = tmpdir_make();
    return err_failed(note_key_init(SLICE("sekisho.local/test"), SEED, &key)) ? -1 : 0;
}

static int teardown(void **state)
{
    tmpdir_remove(&tmp);
    return 0;
}

static id128_t id_of(uint64_t n)
{
    id128_t id = id_zero();
    memcpy(id.b, &n, sizeof n);
    id.b[15] = 1;
    return id;
}

static uint64_t rnd(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* ---- two builders ---- */

/* many: how many different ids there are. */
static leaf_t leaf_random(uint64_t *state, uint64_t seq, uint64_t many)
{
    static const ledger_type_t TYPES[] = {LEDGER_HTTP_REQUEST, LEDGER_REVEAL_INTENT, LEDGER_ALARM};
    leaf_t leaf = {.boot = id_of(3), .mono_us = (int64_t)seq};
    ledger_record_t *r = &leaf.entry.rec;
    leaf.entry.seq = seq;
    leaf.entry.room = ROOM_SHOP;
    leaf.entry.time_us = (int64_t)(rnd(state) % 20000000) - 10000000; /* before and after 1970 */
    r->type = TYPES[rnd(state) % BASE_COUNT(TYPES)];
    id128_t *const places[] = {&r->request, &r->object, &r->parent,
                               &r->subject, &r->actor,  &r->address};
    for (size_t i = 0; i < BASE_COUNT(places); i++) {
        *places[i] = rnd(state) % 4 ? id_of(rnd(state) % many) : id_zero();
    }
    return leaf;
}

static void builders_agree(uint32_t leaves, uint64_t many)
{
    index_builder_t b;
    index_built_t built;
    vpostings_t p = {0};
    vindex_record_t record;
    slice_t file;
    uint64_t state = leaves + many;
    assert_false(err_failed(index_builder_init(&b)));
    for (uint32_t i = 0; i < leaves; i++) {
        uint8_t mem[MEM];
        buf_t bytes = BUF_ON_ARRAY(mem);
        vleaf_t read;
        leaf_t leaf = leaf_random(&state, i, many);
        leaf_put(&bytes, &leaf);
        assert_false(err_failed(vleaf_parse(buf_slice(&bytes), &read)));
        assert_false(err_failed(index_builder_add(&b, &leaf)));
        assert_false(err_failed(vpostings_add(&p, &read, i)));
    }
    assert_false(err_failed(index_builder_finish(&b, 5, &built)));
    vpostings_sort(&p);
    assert_false(err_failed(vindex_build(&p, 5, leaves, &file, &record)));
    assert_int_equal(built.len, file.len);
    assert_memory_equal(built.bytes, file.ptr, file.len);
    assert_memory_equal(built.root.b, record.root, sizeof record.root);
    assert_int_equal(built.pages, record.pages);
    /* what was written reads back, page by page, to the same postings */
    vindex_row_t *rows;
    uint8_t root[32];
    size_t head = vindex_head_bytes(record.pages), seen = 0;
    assert_false(err_failed(vindex_head_parse(slice_sub(file, 0, head), &record, &rows)));
    vindex_rows_root(rows, record.pages, root);
    assert_memory_equal(root, record.root, sizeof root);
    for (uint32_t i = 0; i < record.pages; i++) {
        static vpage_t page;
        assert_false(err_failed(vpage_parse(
            slice_sub(file, head + rows[i].from, rows[i].end - rows[i].from), leaves, &page)));
        assert_true(page.kind == rows[i].kind && page.postings[0].key == rows[i].key &&
                    page.postings[0].at == rows[i].at);
        seen += page.count;
    }
    assert_int_equal(seen, record.postings);
    free(rows);
    vfile_free(&file);
    free(built.bytes);
    vpostings_free(&p);
    index_builder_deinit(&b);
}

static void test_builders(void **state)
{
    static const struct {
        uint32_t leaves;
        uint64_t many;
    } CASES[] = {{1, 1},      {2, 1},      {255, 1000},        {256, 3},   {257, 1},
                 {1000, 100}, {5000, 1},   {5000, UINT32_MAX}, {65536, 2}, {65536, 50000},
                 {65535, 20}, {4096, 256}, {512, 512}};
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        builders_agree(CASES[i].leaves, CASES[i].many);
    }
}

static void test_one_too_many(void **state)
{
    index_builder_t b;
    uint64_t seed = 1;
    assert_false(err_failed(index_builder_init(&b)));
    b.leaves = INDEX_SEGMENT;
    leaf_t leaf = leaf_random(&seed, 0, 5);
    assert_true(err_is(index_builder_add(&b, &leaf), ERR_LIMIT));
    index_builder_deinit(&b);
}

/* Every change of a byte of a page, and every cut: not parsed, or another hash than the root's. */
static void test_page_has_one_form(void **state)
{
    vpostings_t p = {0};
    vindex_record_t record;
    slice_t file;
    static vpage_t page;
    uint8_t copy[4096];
    for (uint32_t i = 0; i < 40; i++) {
        p.of[VINDEX_TYPE].count = 0; /* only requests */
        vleaf_t leaf = {0};
        id128_t id = id_of(i / 4);
        leaf.value[0x10] = id_slice(&id);
        assert_false(err_failed(vpostings_add(&p, &leaf, i)));
    }
    p.of[VINDEX_TIME].count = p.of[VINDEX_TYPE].count = 0;
    vpostings_sort(&p);
    assert_false(err_failed(vindex_build(&p, 0, 256, &file, &record)));
    slice_t bytes = slice_from(file, vindex_head_bytes(record.pages));
    assert_true(bytes.len < sizeof copy);
    assert_false(err_failed(vpage_parse(bytes, 256, &page)));
    for (size_t cut = 0; cut < bytes.len; cut++) {
        assert_true(err_failed(vpage_parse(slice_sub(bytes, 0, cut), 256, &page)));
    }
    unsigned parsed = 0;
    for (size_t at = 0; at < bytes.len; at++) {
        for (unsigned v = 1; v < 256; v++) {
            memcpy(copy, bytes.ptr, bytes.len);
            copy[at] ^= (uint8_t)v;
            if (err_failed(vpage_parse(slice_make(copy, bytes.len), 256, &page))) {
                continue;
            }
            parsed++;
            /* then it is another list, whose one form these bytes are */
            for (unsigned i = 1; i < page.count; i++) {
                const vposting_t *a = &page.postings[i - 1], *b = a + 1;
                assert_true(a->key < b->key || (a->key == b->key && a->at < b->at));
            }
        }
    }
    assert_true(parsed > 0);
    vfile_free(&file);
    vpostings_free(&p);
}

/* ---- through a keeper ---- */

static void open_it(uint32_t leaves)
{
    keeper_conf_t conf = {.dir = {tmp.path},
                          .key = &key,
                          .profile = "test",
                          .piece_bytes = WAL_PIECE_MIN,
                          .gather_ms = 1,
                          .segment_leaves = leaves};
    err_t e = keeper_open(&keeper, &conf, fault);
    if (err_failed(e)) {
        fail_msg("%s:%d %s", e.where, e.line, fault);
    }
}

static void add_records(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t seq;
        ledger_record_t rec = {.type = LEDGER_HTTP_REQUEST,
                               .request = id_new(),
                               .subject = id_of(i % 7),
                               .facts = SLICE("a=b")};
        err_t e = keeper_add(&keeper, ROOM_GUARD, &rec, 1, 200, &seq);
        if (err_is(e, ERR_LIMIT)) {
            assert_false(err_failed(keeper_flush(&keeper)));
            e = keeper_add(&keeper, ROOM_GUARD, &rec, 1, 200, &seq);
        }
        assert_false(err_failed(e));
    }
    assert_false(err_failed(keeper_flush(&keeper)));
}

/* As the loop does: until so many roots are recorded and signed. */
static void wait_recorded(uint64_t segments)
{
    int64_t until = clock_wait_us() + 30 * CLOCK_SECOND_US;
    for (;;) {
        keeper_sealed(&keeper);
        if (keeper_waiting(&keeper)) {
            assert_false(err_failed(keeper_flush(&keeper)));
        }
        if (worker_state(keeper.worker).done >= segments &&
            sealer_state(keeper.sealer).signed_cp.size == keeper_size(&keeper)) {
            return;
        }
        CHECK(clock_wait_us() < until);
        usleep(1000);
    }
}

static report_t verify_it(verdict_t want)
{
    static report_t report;
    verify_run(&(verify_ask_t){.dir = tmp.path}, &report);
    if (report.verdict != want) {
        fail_msg("verdict %d, wanted %d: %s", report.verdict, want, report.faults[0].text);
    }
    return report;
}

static unsigned index_records;
static void count_index(void *ctx, const vleaf_t *leaf, bool sealed)
{
    index_records += leaf->type == VTYPE_INDEX_ROOT;
}

static unsigned count_records(void)
{
    static report_t report;
    index_records = 0;
    verify_run(&(verify_ask_t){.dir = tmp.path, .each = count_index}, &report);
    return index_records;
}

static void test_segments(void **state)
{
    open_it(SEGMENT);
    add_records(SEGMENT - 3); /* with GENESIS and ROOM_START one is missing */
    wait_recorded(0);
    assert_int_equal(access(in_dir(tmp.path, "index/00000000"), F_OK), -1);
    add_records(1);
    wait_recorded(1);
    add_records(3 * SEGMENT);
    wait_recorded(4);
    keeper_close(&keeper);
    assert_int_equal(verify_it(VERDICT_OK).indexed, 4);
    assert_int_equal(count_records(), 4);
    /* it goes on where it was, and records nothing twice */
    open_it(SEGMENT);
    add_records(2 * SEGMENT);
    wait_recorded(6);
    keeper_close(&keeper);
    assert_int_equal(verify_it(VERDICT_OK).indexed, 6);
    assert_int_equal(count_records(), 6);
}

/* Killed before the root was recorded; killed before that was noted down; files gone. */
static void test_kills(void **state)
{
    open_it(SEGMENT);
    add_records(2 * SEGMENT);
    keeper_abandon(&keeper); /* nothing was recorded */
    open_it(SEGMENT);
    wait_recorded(2);
    keeper_abandon(&keeper);
    assert_int_equal(count_records(), 2);
    assert_int_equal(unlink(in_dir(tmp.path, "segments")), 0);
    open_it(SEGMENT);
    wait_recorded(2);
    keeper_close(&keeper);
    assert_int_equal(count_records(), 4); /* twice, the same */
    assert_int_equal(verify_it(VERDICT_OK).indexed, 2);
    assert_int_equal(unlink(in_dir(tmp.path, "index/00000000")), 0);
    assert_int_equal(unlink(in_dir(tmp.path, "index/00000001")), 0);
    verify_it(VERDICT_OK); /* files are of no weight */
    open_it(SEGMENT);
    add_records(SEGMENT);
    wait_recorded(3);
    keeper_close(&keeper);
    assert_int_equal(access(in_dir(tmp.path, "index/00000000"), F_OK), 0);
    assert_int_equal(access(in_dir(tmp.path, "index/00000001"), F_OK), 0);
    verify_it(VERDICT_OK);
}

static void test_files_flipped(void **state)
{
    open_it(SEGMENT);
    add_records(SEGMENT);
    wait_recorded(1);
    keeper_close(&keeper);
    const char *path = in_dir(tmp.path, "index/00000000");
    off_t size = file_size(path);
    assert_true(size > 100);
    for (off_t at = 0; at < size; at += 7) {
        file_flip(path, at, 1);
        verify_it(VERDICT_TAMPERED);
        file_flip(path, at, 1);
    }
    verify_it(VERDICT_OK);
    assert_int_equal(truncate(path, size - 1), 0);
    verify_it(VERDICT_TAMPERED);
}

/* A ledgerd that records a root of fewer postings than there are: attack 21. */
static void test_root_that_lies(void **state)
{
    leaf_extra_t extra = {.has_index = true};
    open_it(0); /* so that nothing else is recorded */
    add_records(2 * SEGMENT);
    memset(extra.index_root, 0x5a, sizeof extra.index_root);
    ledger_record_t rec = {.type = LEDGER_INDEX_ROOT,
                           .facts = SLICE("leaves=256&pages=3&postings=500")};
    assert_false(err_failed(commit_add(&keeper.commit, ROOM_LEDGER, &rec, &extra, NULL)));
    assert_false(err_failed(keeper_flush(&keeper)));
    wait_recorded(0);
    keeper_close(&keeper);
    report_t r = verify_it(VERDICT_TAMPERED);
    assert_non_null(strstr(r.faults[0].text, "index root of segment 0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builders),
        cmocka_unit_test(test_one_too_many),
        cmocka_unit_test(test_page_has_one_form),
        cmocka_unit_test_setup_teardown(test_segments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kills, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_flipped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_root_that_lies, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
