/* Any bytes as a request target, percent-encoded text, base64, hex, a date and an instant: each has
 * one form, so what decodes encodes back to itself, or decodes the same again. */
#include "text/b64.h"
#include "text/time.h"
#include "text/url.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_IN = 4096 };

static void check_url(arena_t *a, slice_t in)
{
    slice_t path, query, decoded;
    buf_t b;
    CHECK(!err_failed(arena_buf(a, 3 * in.len, &b)));
    url_put_component(&b, in);
    CHECK(!err_failed(url_decode(a, buf_slice(&b), true, &decoded)) && slice_eq(decoded, in));
    if (!err_failed(url_split(in, &path, &query))) {
        CHECK(path.len + query.len + 1 >= in.len && path.ptr[0] == '/');
        CHECK(!err_failed(url_decode(a, query, true, &decoded)));
        if (!err_failed(url_path_decode(a, path, &decoded))) {
            CHECK(utf8_valid(decoded) && slice_find(decoded, SLICE("/../")) == SIZE_MAX);
            CHECK(slice_find(decoded, SLICE("//")) == SIZE_MAX &&
                  !slice_ends(decoded, SLICE("/..")));
        }
    }
}

static void check_b64(arena_t *a, slice_t in)
{
    buf_t out, back;
    CHECK(!err_failed(arena_buf(a, in.len, &out)) &&
          !err_failed(arena_buf(a, 2 * in.len + 4, &back)));
    if (!err_failed(b64_decode(in, &out))) {
        b64_put(&back, buf_slice(&out));
        CHECK(slice_eq(buf_slice(&back), in));
    }
    buf_reset(&out);
    buf_reset(&back);
    if (!err_failed(b64url_decode(in, &out))) {
        b64url_put(&back, buf_slice(&out));
        CHECK(slice_eq(buf_slice(&back), in));
    }
    buf_reset(&out);
    buf_reset(&back);
    if (!err_failed(hex_decode(in, &out))) {
        buf_hex(&back, buf_slice(&out));
        CHECK(slice_eq_nocase(buf_slice(&back), in));
    }
}

static void check_time(slice_t in)
{
    uint8_t mem[64];
    buf_t b = BUF_ON_ARRAY(mem);
    date_t date;
    int64_t us, again;
    if (!err_failed(date_parse(in, &date))) {
        date_put(&b, date);
        CHECK(slice_eq(buf_slice(&b), in));
    }
    buf_reset(&b);
    if (!err_failed(time_parse_rfc3339(in, &us))) {
        time_put_rfc3339(&b, us);
        CHECK(!err_failed(time_parse_rfc3339(buf_slice(&b), &again)) && us == again);
        buf_reset(&b);
        time_put_ja(&b, us);
        time_put_en(&b, us);
        CHECK(!b.full);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t in = slice_make(data, size < MAX_IN ? size : (size_t)MAX_IN);
    arena_t a;
    arena_init(&a, 1 << 20);
    check_url(&a, in);
    check_b64(&a, in);
    check_time(in);
    arena_deinit(&a);
    return 0;
}
