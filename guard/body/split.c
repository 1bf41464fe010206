#include "split.h"

#include "text/hex.h"

/* %XX alone: in a target '+' is itself. What cannot be read stays. */
static err_t percent_decoded(arena_t *a, slice_t in, slice_t *ret_out)
{
    buf_t out;
    if (slice_find_byte(in, '%') == SIZE_MAX) {
        *ret_out = in;
        return OK;
    }
    TRY(arena_buf(a, in.len, &out));
    for (size_t i = 0; i < in.len; i++) {
        int byte = in.ptr[i] == '%' ? hex_pair(slice_from(in, i + 1)) : -1;
        buf_u8(&out, byte >= 0 ? (uint8_t)byte : in.ptr[i]);
        i += byte >= 0 ? 2 : 0;
    }
    *ret_out = buf_slice(&out);
    return OK;
}

/* Without "scheme://host"; a target that is only that has the path "/". */
static slice_t without_host(slice_t target)
{
    size_t colon = slice_find(target, SLICE("://"));
    if (target.len == 0 || target.ptr[0] == '/' || colon == SIZE_MAX || colon == 0) {
        return target;
    }
    for (size_t i = 0; i < colon; i++) {
        uint8_t c = target.ptr[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!letter && !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')) {
            return target;
        }
    }
    slice_t rest = slice_from(target, colon + 3);
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.ptr[i] == '/' || rest.ptr[i] == '?') {
            return slice_from(rest, i);
        }
    }
    return SLICE("/");
}

static slice_t basename_of(slice_t path)
{
    size_t at = path.len;
    while (at > 0 && path.ptr[at - 1] != '/' && path.ptr[at - 1] != '\\') {
        at--;
    }
    return slice_from(path, at);
}

err_t split_target(slice_t target, arena_t *arena, split_target_t *ret_target)
{
    split_target_t t = {.raw = target};
    slice_t own = slice_sub(target, 0, slice_find_byte(target, '#'));
    own = without_host(own);
    size_t mark = slice_find_byte(own, '?');
    TRY(percent_decoded(arena, own, &t.uri));
    TRY(percent_decoded(arena, slice_sub(own, 0, mark), &t.path));
    t.has_query = mark != SIZE_MAX;
    t.query = t.has_query ? slice_from(own, mark + 1) : SLICE_EMPTY;
    t.basename = basename_of(t.path);
    *ret_target = t;
    return OK;
}

bool split_header(slice_t line, slice_t *ret_name, slice_t *ret_value)
{
    size_t colon = slice_find_byte(line, ':');
    if (colon == SIZE_MAX) {
        return false;
    }
    slice_t name = slice_sub(line, 0, colon);
    while (name.len && (name.ptr[name.len - 1] == ' ' || name.ptr[name.len - 1] == '\t')) {
        name.len--;
    }
    *ret_name = name;
    *ret_value = slice_trim(slice_from(line, colon + 1));
    return true;
}

slice_t split_media_type(slice_t content_type)
{
    slice_t s = slice_trim(content_type);
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (c == ';' || c == ',' || c == ' ' || (c >= '\t' && c <= '\r')) {
            return slice_sub(s, 0, i);
        }
    }
    return s;
}
