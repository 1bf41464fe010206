/* Any bytes as a request: what is kept is bounded, has its form, and passes the card gate. First
 * byte: the body's type; then the request line to the first LF, one header to the next, the body.
 */
#include <stdlib.h>

#include "../cards/gate.h"
#include "kept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const TYPES[] = {"application/x-www-form-urlencoded", "application/json",
                                    "multipart/form-data; boundary=xx",  "text/plain",
                                    "application/octet-stream",          ""};

static slice_t cut(slice_t *rest)
{
    size_t end = slice_find_byte(*rest, '\n');
    slice_t part = slice_sub(*rest, 0, end);
    *rest = end == SIZE_MAX ? SLICE_EMPTY : slice_from(*rest, end + 1);
    return part;
}

static void judge(slice_t kept, slice_t type)
{
    arena_t a;
    gate_verdict_t v;
    slice_t rest = kept_request_of(kept), line = cut(&rest);
    CHECK(kept.len <= KEPT_MAX && slice_starts(kept, SLICE("sekisho-kept: 1\n")) && line.len);
    size_t body_at = slice_find(rest, SLICE("\r\n\r\n"));
    CHECK(body_at != SIZE_MAX);
    slice_t body = slice_from(rest, body_at + 4);
    arena_init(&a, 64 << 20);
    gate_request_t r = {.content_type = type, .content_types = type.len > 0, .body = body};
    bool whole = slice_find(kept, SLICE("\ncut: no\n")) != SIZE_MAX;
    CHECK(!err_failed(gate_look(&a, &r, &v)));
    CHECK(v.answer != GATE_CARD || !whole);
    arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t mem[KEPT_MAX];
    arena_t scratch;
    if (size < 1 || size > 64 * 1024) {
        return 0;
    }
    slice_t rest = slice_make(data + 1, size - 1);
    slice_t type = slice_cstr_in(TYPES[data[0] % BASE_COUNT(TYPES)]);
    kept_request_t r = {.why = SLICE("rule"), .status = 403, .content_type = type};
    r.line = cut(&rest);
    slice_t header = cut(&rest);
    size_t colon = slice_find_byte(header, ':');
    kept_header_t one = {slice_sub(header, 0, colon),
                         colon == SIZE_MAX ? SLICE_EMPTY : slice_from(header, colon + 1)};
    r.headers = &one;
    r.n_headers = 1;
    r.body = rest;
    buf_t out = BUF_ON_ARRAY(mem);
    arena_init(&scratch, KEPT_SCRATCH_MIN + KEPT_SCRATCH_FACTOR * size);
    err_t e = kept_put(&r, &scratch, &out);
    CHECK(err_is(e, ERR_MEMORY) || !err_failed(e));
    if (!err_failed(e)) {
        judge(buf_slice(&out), type);
    }
    arena_deinit(&scratch);
    return 0;
}
