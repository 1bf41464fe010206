/* Any bytes as text: validity, cutting, HTML escaping, JSON strings, folding. */
#include "text/fold.h"
#include "text/html.h"
#include "text/json.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_IN = 4096 };

typedef err_t fold_fn(arena_t *a, slice_t in, slice_t *ret_out);

/* Folding twice is folding once. */
static void check_fold(fold_fn *fold, arena_t *a, slice_t in, bool valid)
{
    slice_t once, twice;
    err_t e = fold(a, in, &once);
    CHECK(valid || err_is(e, ERR_ENCODING));
    if (!err_failed(e)) {
        CHECK(utf8_valid(once));
        CHECK(!err_failed(fold(a, once, &twice)) && slice_eq(once, twice));
    }
}

/* Digits only, at least one. (Folding again may cut a prefix again: "010 81 010 81 1".) */
static void check_phone(arena_t *a, slice_t in, bool valid)
{
    slice_t out;
    if (err_failed(text_phone_fold(a, in, &out))) {
        return;
    }
    CHECK(valid && out.len > 0);
    for (size_t i = 0; i < out.len; i++) {
        CHECK(out.ptr[i] >= '0' && out.ptr[i] <= '9');
    }
}

static void check_html(arena_t *a, slice_t in)
{
    html_t text;
    buf_t attr, url;
    CHECK(!err_failed(html_escape(a, in, &text)));
    CHECK(utf8_valid(text.s));
    CHECK(!err_failed(arena_buf(a, 6 * in.len, &attr)) &&
          !err_failed(arena_buf(a, 6 * in.len + 1, &url)));
    html_put_attr(&attr, in);
    html_put_url(&url, in);
    CHECK(!attr.full && !url.full && url.len > 0);
    static const char SIGNS[] = "<>\"'";
    for (size_t i = 0; i < 4; i++) {
        CHECK(slice_find_byte(text.s, (uint8_t)SIGNS[i]) == SIZE_MAX);
        CHECK(slice_find_byte(buf_slice(&attr), (uint8_t)SIGNS[i]) == SIZE_MAX);
        CHECK(slice_find_byte(buf_slice(&url), (uint8_t)SIGNS[i]) == SIZE_MAX);
    }
    CHECK(slice_find_byte(buf_slice(&attr), '\n') == SIZE_MAX);
}

static void check_json(arena_t *a, slice_t in, bool valid)
{
    buf_t b;
    json_token_t t;
    CHECK(!err_failed(arena_buf(a, 6 * in.len + 2, &b)));
    json_put_string(&b, in);
    json_reader_t r = json_on(buf_slice(&b), 1);
    CHECK(!b.full && !err_failed(json_next(&r, a, &t)) && t.kind == JSON_STRING);
    CHECK(!valid || slice_eq(t.text, in));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t in = slice_make(data, size < MAX_IN ? size : (size_t)MAX_IN);
    arena_t a;
    arena_init(&a, 4 << 20);
    bool valid = utf8_valid(in);
    size_t points = utf8_count(in);
    CHECK(points <= in.len && (valid || !utf8_is_text(in, true)));
    for (size_t max = 0; max <= 8; max++) {
        slice_t cut = utf8_truncate(in, max), few = utf8_truncate_points(in, max);
        CHECK(cut.len <= max && (!valid || (utf8_valid(cut) && utf8_valid(few))));
        CHECK(utf8_count(few) <= max);
    }
    check_html(&a, in);
    check_json(&a, in, valid);
    check_fold(text_width_fold, &a, in, valid);
    check_fold(text_kana_fold, &a, in, valid);
    check_fold(text_email_fold, &a, in, valid);
    check_phone(&a, in, valid);
    (void)text_email_ok(in);
    arena_deinit(&a);
    return 0;
}
