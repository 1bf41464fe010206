#include "base/slice.h"

slice_t slice_cstr_in(const char *nul_terminated)
{
    return nul_terminated ? slice_make(nul_terminated, strlen(nul_terminated)) : SLICE_EMPTY;
}

bool slice_eq(slice_t a, slice_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static uint8_t ascii_lower(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') ? (uint8_t)(c | 0x20) : c;
}

bool slice_eq_nocase(slice_t a, slice_t b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool slice_eq_ct(slice_t a, slice_t b)
{
    if (a.len != b.len) {
        return false;
    }
    volatile uint8_t diff = 0;
    for (size_t i = 0; i < a.len; i++) {
        diff = (uint8_t)(diff | (a.ptr[i] ^ b.ptr[i]));
    }
    return diff == 0;
}

bool slice_starts(slice_t s, slice_t prefix)
{
    return s.len >= prefix.len && slice_eq(slice_make(s.ptr, prefix.len), prefix);
}

bool slice_ends(slice_t s, slice_t suffix)
{
    return s.len >= suffix.len && slice_eq(slice_from(s, s.len - suffix.len), suffix);
}

int slice_cmp(slice_t a, slice_t b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

slice_t slice_sub(slice_t s, size_t from, size_t len)
{
    if (from >= s.len) {
        return SLICE_EMPTY;
    }
    size_t rest = s.len - from;
    return slice_make(s.ptr + from, len < rest ? len : rest);
}

slice_t slice_from(slice_t s, size_t from)
{
    return slice_sub(s, from, SIZE_MAX);
}

size_t slice_find_byte(slice_t s, uint8_t byte)
{
    const uint8_t *hit = s.len ? memchr(s.ptr, byte, s.len) : NULL;
    return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

size_t slice_find(slice_t s, slice_t needle)
{
    if (needle.len == 0) {
        return 0;
    }
    const uint8_t *hit = s.len ? memmem(s.ptr, s.len, needle.ptr, needle.len) : NULL;
    return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

slice_t slice_trim(slice_t s)
{
    while (s.len && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

bool slice_split(slice_t *s, uint8_t sep, slice_t *ret_part)
{
    if (s->len == SIZE_MAX) { /* used up: marked below */
        return false;
    }
    size_t at = slice_find_byte(*s, sep);
    if (at == SIZE_MAX) {
        *ret_part = *s;
        *s = (slice_t){NULL, SIZE_MAX};
        return true;
    }
    *ret_part = slice_make(s->ptr, at);
    *s = slice_make(s->ptr + at + 1, s->len - at - 1);
    return true;
}

err_t slice_parse_u64(slice_t s, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;
    ENSURE(s.len > 0, ERR_SYNTAX);
    for (size_t i = 0; i < s.len; i++) {
        ENSURE(s.ptr[i] >= '0' && s.ptr[i] <= '9', ERR_SYNTAX);
        bool over = __builtin_mul_overflow(value, 10U, &value) ||
                    __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value);
        ENSURE(!over && value <= max, ERR_RANGE);
    }
    *ret_value = value;
    return OK;
}

err_t slice_parse_i64(slice_t s, int64_t min, int64_t max, int64_t *ret_value)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t magnitude;
    TRY(slice_parse_u64(negative ? slice_from(s, 1) : s, (uint64_t)INT64_MAX, &magnitude));
    int64_t value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    ENSURE(value >= min && value <= max, ERR_RANGE);
    *ret_value = value;
    return OK;
}
