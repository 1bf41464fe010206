/* Any bytes as a file to search: no reader may fail on them, and what is planted beside them is
 * found. */
#include "search.h"
#include "test_plant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_IN = 16 * 1024, WORK = 4 * 1024 * 1024, ARENA = 64 * 1024 * 1024 };

static struct {
    arena_t memory;
    const needle_t *needles;
    size_t count;
    index_t *index;
    search_t *search;
    bool found;
} f;

static void on_find(void *ctx, const search_find_t *find)
{
    (void)ctx;
    CHECK(find->pattern->needle == &f.needles[0] || find->pattern->needle == &f.needles[1]);
    CHECK(strlen(find->place) < SEARCH_PLACE);
    f.found = true;
}

static void open_once(void)
{
    uint32_t line;
    if (f.search) {
        return;
    }
    arena_init(&f.memory, ARENA);
    CHECK(!err_failed(needles_parse(&f.memory, SLICE("name\t霧ヶ嶺 露草実\nphone\t090-2345-6789\n"),
                                    &f.needles, &f.count, &line)));
    CHECK(!err_failed(index_new(f.needles, f.count, &f.index)));
    CHECK(!err_failed(search_new(f.index, on_find, NULL, &f.search)));
    search_bound(f.search, WORK);
}

static bool found_in(slice_t bytes)
{
    f.found = false;
    CHECK(!err_failed(search_bytes(f.search, bytes)));
    return f.found;
}

/* First byte: box and coding of what is planted; second: where in the rest. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    open_once();
    slice_t in = slice_make(data, size < MAX_IN ? size : (size_t)MAX_IN);
    bool before = found_in(in);
    if (in.len < 2) {
        return 0;
    }
    arena_t a;
    arena_init(&a, ARENA);
    slice_t rest = slice_from(in, 2);
    size_t at = rest.len ? in.ptr[1] % (rest.len + 1) : 0;
    plant_coding_t coding = (plant_coding_t)(in.ptr[0] % PLANT_CODINGS);
    slice_t text = SLICE("氏名：霧ヶ嶺　露草実　様");
    buf_t b;
    CHECK(!err_failed(arena_buf(&a, rest.len + 4096, &b)));
    buf_put(&b, slice_sub(rest, 0, at));
    buf_put(&b, plant_code(&a, coding, text));
    buf_put(&b, slice_from(rest, at));
    CHECK(!b.full);
    /* In folded lines the neighbours may join in and shift the groups: those are for the unit test.
     */
    bool lines = coding == PLANT_BASE64_LINES || coding == PLANT_QUOTED_LINES;
    CHECK(lines || found_in(buf_slice(&b)));
    if (!lines) { /* packed, alone in its box: bounds of work may be hit by what stands before it */
        CHECK(found_in(plant_gzip(&a, buf_slice(&b))));
        CHECK(found_in(plant_zstd(&a, buf_slice(&b))));
    }
    CHECK(!before || found_in(in)); /* the same answer twice */
    arena_deinit(&a);
    return 0;
}
