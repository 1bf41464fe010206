/* Any bytes as JSON: what was read, written anew without white space, reads the same; the walker
 * and the tokeniser agree on what is well-formed. */
#include "text/json.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_IN = 4096 };

/* Writes the document of a reader; the first error ends it. */
static err_t rewrite(slice_t in, arena_t *a, buf_t *out)
{
    json_reader_t r = json_on(in, JSON_MAX_DEPTH);
    bool comma = false;
    for (;;) {
        json_token_t t;
        TRY(json_next(&r, a, &t));
        bool ends = t.kind == JSON_OBJECT_END || t.kind == JSON_ARRAY_END || t.kind == JSON_END;
        buf_cstr(out, comma && !ends ? "," : "");
        comma = !(t.kind == JSON_OBJECT_BEGIN || t.kind == JSON_ARRAY_BEGIN || t.kind == JSON_KEY);
        static const char *const SIGNS[] = {"", "{", "}",    "[",     "]",   "",
                                            "", "",  "true", "false", "null"};
        buf_cstr(out, SIGNS[t.kind]);
        if (t.kind == JSON_STRING || t.kind == JSON_KEY) {
            CHECK(utf8_valid(t.text));
            json_put_string(out, t.text);
            buf_cstr(out, t.kind == JSON_KEY ? ":" : "");
        } else if (t.kind == JSON_NUMBER) {
            buf_put(out, t.text);
        } else if (t.kind == JSON_END) {
            return OK;
        }
    }
}

static err_t count_leaf(void *user, slice_t path, json_token_t leaf)
{
    size_t *n = user;
    CHECK(path.len <= JSON_MAX_PATH);
    ++*n;
    return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t in = slice_make(data, size < MAX_IN ? size : (size_t)MAX_IN);
    arena_t a;
    buf_t once, twice;
    size_t leaves = 0;
    json_token_t leaf;
    arena_init(&a, 4 << 20);
    CHECK(!err_failed(arena_buf(&a, 6 * MAX_IN, &once)) &&
          !err_failed(arena_buf(&a, 6 * MAX_IN, &twice)));
    err_t e = rewrite(in, &a, &once);
    err_t w = json_walk(in, &a, JSON_MAX_DEPTH, count_leaf, &leaves);
    CHECK(e.code == w.code);
    err_t g = json_get(in, &a, SLICE("a.0.b"), &leaf);
    CHECK(!err_failed(e) || err_failed(g));
    if (!err_failed(e)) {
        CHECK(!once.full && leaves > 0);
        CHECK(!err_failed(rewrite(buf_slice(&once), &a, &twice)));
        CHECK(slice_eq(buf_slice(&once), buf_slice(&twice)));
    }
    arena_deinit(&a);
    return 0;
}
