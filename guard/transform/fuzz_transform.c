/* Any bytes through a chain of two transformations. The first byte says which one to begin with
 * (0xFF and a short value: each in turn), the second which comes then, the rest is the value.
 * Whatever comes: "identity" is never said of a change, an unchanged value is `in` itself, the
 * second transformation takes what the first gave; without memory it says so. A value that is a
 * name finds what is called so. */
#include "base/fuzz.h"
#include "inner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_IN = 4096, SHORT = 96 };

/* Never longer than this; the longest is hexEncode and urlEncode. */
static size_t most_of(transform_id_t id, size_t len)
{
    return id == TRANSFORM_UTF8_TO_UNICODE || id == TRANSFORM_URL_ENCODE ? 4 * len : 2 * len + 24;
}

static slice_t try_one(transform_id_t id, slice_t in, const transform_map_t *map, arena_t *a)
{
    slice_t out = SLICE_EMPTY;
    bool poor = a->fail_after >= 0;
    err_t e = transform_apply_mapped(id, in, map, a, &out);
    CHECK(!err_failed(e) || (poor && err_is(e, ERR_MEMORY)));
    if (err_failed(e)) {
        CHECK(out.len == 0); /* untouched */
        return in;
    }
    bool same = slice_eq(in, out);
    CHECK(!same || (out.ptr == in.ptr && out.len == in.len));
    CHECK(same || !transform_is_identity(id, transform_classes(in)));
    CHECK(out.len <= most_of(id, in.len));
    uint32_t seen = transform_classes(out); /* reads every byte */
    CHECK((seen != 0) == (out.len != 0));
    return out;
}

static void try_name(slice_t name)
{
    transform_id_t id;
    if (!err_failed(transform_find(name, &id))) {
        transform_id_t again;
        CHECK(!err_failed(transform_find(slice_cstr_in(transform_name(id)), &again)));
        CHECK(again == id);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static transform_map_t map;
    slice_t in = slice_make(data, size < MAX_IN ? size : (size_t)MAX_IN), rest = slice_from(in, 2);
    unsigned first = in.len ? in.ptr[0] : 0, then = in.len > 1 ? in.ptr[1] : 0;
    bool each = first == 0xFF && in.len <= SHORT;
    arena_t a;
    arena_init(&a, 16 << 20);
    a.fail_after = fuzz_fail_after(data, size, 2);
    map = (transform_map_t){0}; /* nothing is left of the input before */
    try_name(rest);
    if (slice_starts(rest, SLICE("20127 "))) {
        err_ignore(transform_map_parse(rest, 20127, &map)); /* a fault leaves a part of it */
    }
    for (unsigned id = 0; id < TRANSFORM_COUNT; id++) {
        if (each || first % TRANSFORM_COUNT == id) {
            slice_t once = try_one((transform_id_t)id, rest, &map, &a);
            try_one((transform_id_t)((id + then) % TRANSFORM_COUNT), once, NULL, &a);
        }
    }
    arena_deinit(&a);
    return 0;
}
