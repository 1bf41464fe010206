#include "transform.h"

#include "inner.h"

/* Letters and digits by ranges, the rest by name. */
#define CONTROL_ TRANSFORM_CONTROL
#define RANGE_(from, to) [from... to]
const uint32_t transform_class_of[256] = {
    [0] = TRANSFORM_NUL,
    RANGE_(1, 8) = CONTROL_,
    RANGE_('\t', '\r') = TRANSFORM_BLANK,
    RANGE_(14, 31) = CONTROL_,
    [' '] = TRANSFORM_SPACE,
    ['!'] = TRANSFORM_OTHER,
    ['"'] = TRANSFORM_QUOTE,
    ['#'] = TRANSFORM_HASH,
    ['$'] = TRANSFORM_DOLLAR,
    ['%'] = TRANSFORM_PERCENT,
    ['&'] = TRANSFORM_AMP,
    ['\''] = TRANSFORM_QUOTE,
    RANGE_('(', ')') = TRANSFORM_PAREN,
    ['*'] = TRANSFORM_STAR,
    ['+'] = TRANSFORM_PLUS,
    [','] = TRANSFORM_COMMA,
    ['-'] = TRANSFORM_DASH,
    ['.'] = TRANSFORM_DOT,
    ['/'] = TRANSFORM_SLASH,
    RANGE_('0', '9') = TRANSFORM_DIGIT,
    [':'] = TRANSFORM_OTHER,
    [';'] = TRANSFORM_SEMICOLON,
    ['<'] = TRANSFORM_ANGLE,
    ['='] = TRANSFORM_EQUALS,
    ['>'] = TRANSFORM_ANGLE,
    RANGE_('?', '@') = TRANSFORM_OTHER,
    RANGE_('A', 'W') = TRANSFORM_UPPER,
    ['X'] = TRANSFORM_UPPER | TRANSFORM_EX,
    RANGE_('Y', 'Z') = TRANSFORM_UPPER,
    ['['] = TRANSFORM_BRACKET,
    ['\\'] = TRANSFORM_BACKSLASH,
    [']'] = TRANSFORM_BRACKET,
    ['^'] = TRANSFORM_CARET,
    ['_'] = TRANSFORM_UNDERSCORE,
    ['`'] = TRANSFORM_BACKTICK,
    RANGE_('a', 'w') = TRANSFORM_LOWER,
    ['x'] = TRANSFORM_LOWER | TRANSFORM_EX,
    RANGE_('y', 'z') = TRANSFORM_LOWER,
    ['{'] = TRANSFORM_BRACKET,
    ['|'] = TRANSFORM_PIPE,
    ['}'] = TRANSFORM_BRACKET,
    ['~'] = TRANSFORM_OTHER,
    [127] = CONTROL_,
    RANGE_(128, 159) = TRANSFORM_HIGH,
    [160] = TRANSFORM_HIGH | TRANSFORM_NBSP,
    RANGE_(161, 0xC1) = TRANSFORM_HIGH,
    [0xC2] = TRANSFORM_HIGH | TRANSFORM_NBSP,
    RANGE_(0xC3, 255) = TRANSFORM_HIGH,
};

typedef struct row {
    const char *name, *alias;
    transform_fn *fn;
    uint64_t changes;
} row_t;

static const row_t ROWS[TRANSFORM_COUNT] = {
#define TRANSFORM(id, name, alias, fn, changes)                                                    \
    [TRANSFORM_##id] = {name, alias, transform_##fn, changes},
#include "transforms.h"
#undef TRANSFORM
};

err_t transform_find(slice_t name, transform_id_t *ret)
{
    for (unsigned id = 0; name.len && id < TRANSFORM_COUNT; id++) {
        if (slice_eq_nocase(name, slice_cstr_in(ROWS[id].name)) ||
            slice_eq_nocase(name, slice_cstr_in(ROWS[id].alias))) {
            *ret = (transform_id_t)id;
            return OK;
        }
    }
    return FAIL(ERR_NOT_FOUND);
}

const char *transform_name(transform_id_t id)
{
    return (unsigned)id < TRANSFORM_COUNT ? ROWS[id].name : "";
}

/* A load and an or for each byte; eight at a time, so that the loop costs next to nothing. */
uint32_t transform_classes(slice_t in)
{
    uint32_t a = 0, b = 0;
    const uint8_t *s = in.ptr;
    const uint32_t *t = transform_class_of;
    size_t left = in.len;
    for (; left >= 8; left -= 8, s += 8) {
        a |= t[s[0]] | t[s[1]] | t[s[2]] | t[s[3]];
        b |= t[s[4]] | t[s[5]] | t[s[6]] | t[s[7]];
    }
    while (left--) {
        a |= t[*s++];
    }
    return a | b;
}

bool transform_is_identity(transform_id_t id, uint32_t classes)
{
    return (unsigned)id < TRANSFORM_COUNT && !(ROWS[id].changes & (classes | CHANGES_ALWAYS));
}

err_t transform_apply_mapped(transform_id_t id, slice_t in, const transform_map_t *map,
                             arena_t *arena, slice_t *ret_out)
{
    ENSURE((unsigned)id < TRANSFORM_COUNT, ERR_USAGE);
    static const uint8_t NOTHING[1];
    work_t w = {in.len ? in : slice_make(NOTHING, 0), map, arena}; /* no arithmetic on NULL */
    slice_t out = w.in;
    TRY(ROWS[id].fn(&w, &out));
    *ret_out = slice_eq(out, in) ? in : out; /* decoders may come out where they began */
    return OK;
}

err_t transform_apply(transform_id_t id, slice_t in, arena_t *arena, slice_t *ret_out)
{
    return transform_apply_mapped(id, in, NULL, arena, ret_out);
}
