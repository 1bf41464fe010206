/* Any bytes as a request target, a query, a Cookie line, a header line and a Content-Type. The
 * first byte chooses; the rest is the text. Where memory ends, that is the answer. */
#include "base/fuzz.h"
#include "body.h"
#include "split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_IN = 8192 };

/* May this fail? Only for want of memory, and only where it is wanting. */
static bool given(err_t e, bool poor)
{
    CHECK(!err_failed(e) || (poor && err_is(e, ERR_MEMORY)));
    return !err_failed(e);
}

static bool inside(slice_t part, slice_t whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void target(slice_t in, arena_t *a)
{
    split_target_t t;
    if (!given(split_target(in, a, &t), a->fail_after >= 0)) {
        return;
    }
    CHECK(slice_eq(t.raw, in) && t.uri.len <= in.len + 1 && t.path.len <= t.uri.len);
    CHECK(slice_starts(t.uri, t.path) && slice_ends(t.path, t.basename));
    CHECK(t.has_query || t.query.len == 0);
    CHECK(inside(t.query, in));
    CHECK(slice_find_byte(t.basename, '/') == SIZE_MAX &&
          slice_find_byte(t.basename, '\\') == SIZE_MAX);
    CHECK(slice_find_byte(t.query, '#') == SIZE_MAX);
}

static void header(slice_t in)
{
    slice_t name, value;
    bool found = split_header(in, &name, &value);
    CHECK(found == (slice_find_byte(in, ':') != SIZE_MAX));
    if (found) {
        CHECK(inside(name, in) && inside(value, in) && slice_find_byte(name, ':') == SIZE_MAX);
        CHECK(slice_eq(slice_trim(value), value));
    }
    slice_t type = split_media_type(in);
    CHECK(inside(type, in) && slice_find_byte(type, ';') == SIZE_MAX);
}

/* The fields again, joined by one separator, are the same number. */
typedef struct joined {
    buf_t text;
    size_t args;
} joined_t;

static err_t join(void *user, slice_t name, slice_t value)
{
    joined_t *j = user;
    buf_put(&j->text, name);
    buf_cstr(&j->text, "=");
    buf_put(&j->text, value);
    buf_cstr(&j->text, ";");
    j->args++;
    return OK;
}

static void cookies(slice_t in, arena_t *a)
{
    joined_t once = {0}, twice = {0};
    body_visitor_t v = {.user = &once, .arg = join}, again = {.user = &twice, .arg = join};
    body_limits_t limits = {.max_args = SIZE_MAX};
    body_result_t r;
    a->fail_after = -1; /* cookies are slices of the header: nothing is allocated */
    CHECK(!err_failed(arena_buf(a, 2 * in.len + 4, &once.text)));
    CHECK(!err_failed(arena_buf(a, 2 * in.len + 4, &twice.text)));
    CHECK(!err_failed(body_cookies(in, &limits, &v, a, &r)) && r.args == once.args && r.flags == 0);
    CHECK(!once.text.full);
    CHECK(!err_failed(body_cookies(buf_slice(&once.text), &limits, &again, a, &r)));
    CHECK(once.args == twice.args && slice_eq(buf_slice(&once.text), buf_slice(&twice.text)));
}

static void query(slice_t in, arena_t *a)
{
    body_visitor_t v = {0};
    body_limits_t limits = {.max_args = SIZE_MAX};
    body_result_t r;
    if (!given(body_urlencoded(in, &limits, &v, a, &r), a->fail_after >= 0)) {
        return;
    }
    CHECK(r.args <= in.len && r.names_bytes + r.values_bytes <= in.len);
    bool percent = slice_find_byte(in, '%') != SIZE_MAX;
    CHECK(percent || r.flags == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t in = slice_make(data, size < MAX_IN ? size : (size_t)MAX_IN), rest = slice_from(in, 1);
    arena_t a;
    arena_init(&a, 4 << 20);
    a.fail_after = fuzz_fail_after(data, size, 4);
    switch (in.len ? in.ptr[0] : 0) {
    case 'q':
        query(rest, &a);
        break;
    case 'c':
        cookies(rest, &a);
        break;
    case 'h':
        header(rest);
        break;
    default:
        target(rest, &a);
    }
    arena_deinit(&a);
    return 0;
}
