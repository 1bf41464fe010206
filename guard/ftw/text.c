/* Templates and base64 in test files. */
#include "ftw_int.h"
#include "text/b64.h"

enum { EXPANDED_MAX = 1 << 20 };

static slice_t skip_space(slice_t s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s = slice_from(s, 1);
    }
    return s;
}

/* "x" in front of *s. */
static err_t quoted_take(slice_t *s, slice_t *ret_text)
{
    ENSURE(s->len && s->ptr[0] == '"', ERR_SYNTAX);
    slice_t rest = slice_from(*s, 1);
    size_t end = slice_find_byte(rest, '"');
    ENSURE(end != SIZE_MAX, ERR_SYNTAX);
    *ret_text = slice_sub(rest, 0, end);
    *s = skip_space(slice_from(rest, end + 1));
    return OK;
}

static err_t count_read(slice_t digits, uint64_t *ret_count)
{
    return slice_parse_u64(slice_trim(digits), EXPANDED_MAX, ret_count);
}

/* "x" | repeat N, or: repeat N "x" */
static err_t repeat_read(slice_t inside, slice_t *ret_unit, uint64_t *ret_count)
{
    slice_t word = SLICE("repeat "), s = inside;
    if (slice_starts(s, word)) {
        s = skip_space(slice_from(s, word.len));
        size_t space = slice_find_byte(s, ' ');
        ENSURE(space != SIZE_MAX, ERR_SYNTAX);
        TRY(count_read(slice_sub(s, 0, space), ret_count));
        s = skip_space(slice_from(s, space));
        TRY(quoted_take(&s, ret_unit));
        return s.len == 0 ? OK : FAIL(ERR_SYNTAX);
    }
    TRY(quoted_take(&s, ret_unit));
    ENSURE(slice_starts(s, SLICE("|")), ERR_SYNTAX);
    s = skip_space(slice_from(s, 1));
    ENSURE(slice_starts(s, word), ERR_SYNTAX);
    return count_read(slice_from(s, word.len), ret_count);
}

/* What stands between the braces; *ret_known false: no template, but text. */
static err_t inside_put(slice_t inside, const slice_t *payload, buf_t *out, bool *ret_known)
{
    slice_t unit, s = slice_trim(inside);
    uint64_t count;
    *ret_known = true;
    if (payload && slice_eq(s, SLICE(".Payload"))) {
        buf_put(out, *payload);
        return OK;
    }
    if (!slice_starts(s, SLICE("\"")) && !slice_starts(s, SLICE("repeat "))) {
        *ret_known = false;
        return OK;
    }
    TRY(repeat_read(s, &unit, &count));
    for (uint64_t i = 0; i < count && !out->full; i++) {
        buf_put(out, unit);
    }
    return OK;
}

err_t ftw_template(arena_t *arena, slice_t text, const slice_t *payload, slice_t *ret_text)
{
    buf_t out;
    size_t open = slice_find(text, SLICE("{{"));
    *ret_text = text;
    if (open == SIZE_MAX) {
        return OK;
    }
    TRY(arena_buf(arena, EXPANDED_MAX, &out));
    while (open != SIZE_MAX) {
        slice_t inside = slice_from(text, open + 2);
        size_t close = slice_find(inside, SLICE("}}"));
        bool known = false;
        buf_put(&out, slice_sub(text, 0, open));
        if (close != SIZE_MAX) {
            TRY(inside_put(slice_sub(inside, 0, close), payload, &out, &known));
        }
        buf_put(&out, known ? SLICE_EMPTY : SLICE("{{"));
        text = known ? slice_from(inside, close + 2) : inside;
        open = slice_find(text, SLICE("{{"));
    }
    buf_put(&out, text);
    *ret_text = buf_slice(&out);
    return buf_check(&out);
}

err_t ftw_base64(slice_t text, buf_t *out)
{
    uint8_t quad[4];
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
            continue;
        }
        quad[n++] = c;
        if (n == 4) {
            TRY(b64_decode(slice_make(quad, 4), out));
            n = 0;
        }
    }
    while (n > 1 && n < 4) { /* padding that was left away */
        quad[n++] = '=';
    }
    ENSURE(n == 0 || n == 4, ERR_SYNTAX);
    if (n == 4) {
        TRY(b64_decode(slice_make(quad, 4), out));
    }
    return buf_check(out);
}
