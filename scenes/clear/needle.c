#include "needle.h"

#include "text/fold.h"
#include "text/time.h"
#include "text/utf8.h"

enum {
    PARTS_MAX = 16,
    PART_MIN_BYTES = 9,    /* three kanji or kana: shorter parts are words of the language */
    ADDRESS_PART_MIN = 18, /* six characters */
    LOCAL_PART_MIN = 10,   /* of an e-mail address */
    TEXT_MAX = 2048,
};

static const char *const KIND_NAMES[] = {
#define ROW(name, word) word,
    NEEDLE_KINDS(ROW)
#undef ROW
};

const char *needle_kind_name(needle_kind_t kind)
{
    return (unsigned)kind < BASE_COUNT(KIND_NAMES) ? KIND_NAMES[kind] : "?";
}

/* ---- reading ---- */

static err_t kind_parse(slice_t word, needle_kind_t *ret_kind)
{
    for (unsigned i = 0; i < NEEDLE_KIND_COUNT; i++) {
        if (slice_eq(word, slice_cstr_in(KIND_NAMES[i]))) {
            *ret_kind = (needle_kind_t)i;
            return OK;
        }
    }
    return FAIL(ERR_SYNTAX);
}

/* ASCII digits of text after its width is folded. */
static err_t digits_of(arena_t *a, slice_t text, buf_t *ret_digits)
{
    slice_t folded;
    buf_t b;
    TRY(text_width_fold(a, text, &folded));
    TRY(arena_buf(a, folded.len + 1, &b));
    for (size_t i = 0; i < folded.len; i++) {
        if (folded.ptr[i] >= '0' && folded.ptr[i] <= '9') {
            buf_u8(&b, folded.ptr[i]);
        }
    }
    *ret_digits = b;
    return OK;
}

static err_t value_check(arena_t *a, const needle_t *n)
{
    buf_t digits;
    ENSURE(n->value.len > 0, ERR_SYNTAX);
    ENSURE(n->value.len <= NEEDLE_MAX_BYTES, ERR_LIMIT);
    ENSURE(utf8_is_text(n->value, false), ERR_ENCODING);
    TRY(digits_of(a, n->value, &digits));
    if (n->kind == NEEDLE_BIRTH) {
        ENSURE(n->value.len == 10 && digits.len == 8 && n->value.ptr[4] == '-' &&
                   n->value.ptr[7] == '-',
               ERR_SYNTAX);
    }
    if (n->kind == NEEDLE_CARD) {
        ENSURE(digits.len >= 13 && digits.len <= 19, ERR_SYNTAX);
    }
    if (n->kind == NEEDLE_PHONE) {
        ENSURE(digits.len >= 9 && digits.len <= 15, ERR_SYNTAX);
    }
    return OK;
}

static err_t line_parse(arena_t *a, slice_t line, needle_t *ret_needle)
{
    needle_t n = {.line = ret_needle->line};
    size_t tab = slice_find_byte(line, '\t');
    ENSURE(tab != SIZE_MAX, ERR_SYNTAX);
    TRY(kind_parse(slice_sub(line, 0, tab), &n.kind));
    TRY(arena_copy(a, slice_from(line, tab + 1), &n.value));
    TRY(value_check(a, &n));
    *ret_needle = n;
    return OK;
}

err_t needles_parse(arena_t *a, slice_t text, const needle_t **ret_needles, size_t *ret_count,
                    uint32_t *ret_line)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++) {
        lines += text.ptr[i] == '\n';
    }
    ENSURE(lines < UINT32_MAX / 2, ERR_LIMIT);
    needle_t *all = ARENA_ARRAY(a, needle_t, lines);
    ENSURE(all, ERR_MEMORY);
    size_t n = 0;
    uint32_t number = 0;
    slice_t line;
    while (slice_split(&text, '\n', &line)) {
        *ret_line = ++number;
        if (line.len == 0 || line.ptr[0] == '#') {
            continue;
        }
        all[n].line = number;
        TRY(line_parse(a, line, &all[n]));
        n++;
    }
    *ret_needles = all;
    *ret_count = n;
    return OK;
}

/* ---- ways to write one value ---- */

typedef struct ways {
    arena_t *a;
    needle_text_fn *fn;
    void *ctx;
} ways_t;

static bool all_digits(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return s.len > 0;
}

static err_t say(const ways_t *w, slice_t text)
{
    return text.len ? w->fn(w->ctx, text, all_digits(text)) : OK;
}

/* ASCII to its full-width forms, all else as it is. */
static err_t say_wide(const ways_t *w, slice_t text)
{
    buf_t b;
    TRY(arena_buf(w->a, 3 * text.len, &b));
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c > ' ' && c < 0x7f) {
            buf_utf8(&b, 0xff01U + c - '!');
        } else if (c == ' ') {
            buf_utf8(&b, 0x3000);
        } else {
            buf_u8(&b, c);
        }
    }
    return say(w, buf_slice(&b));
}

static err_t say_cases(const ways_t *w, slice_t text)
{
    buf_t upper, lower;
    TRY(arena_buf(w->a, text.len, &upper));
    TRY(arena_buf(w->a, text.len, &lower));
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        buf_u8(&upper, c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c);
        buf_u8(&lower, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
    }
    TRY(say(w, text));
    TRY(say(w, buf_slice(&upper)));
    return say(w, buf_slice(&lower));
}

/* The parts of a text between spaces of any width. */
static err_t parts_of(arena_t *a, slice_t text, slice_t parts[PARTS_MAX], size_t *ret_n)
{
    slice_t folded, part;
    size_t n = 0;
    TRY(text_width_fold(a, text, &folded));
    while (n < PARTS_MAX && slice_split(&folded, ' ', &part)) {
        if (part.len) {
            parts[n++] = part;
        }
    }
    *ret_n = n;
    return OK;
}

static err_t join(arena_t *a, const slice_t *parts, size_t n, slice_t between, bool backward,
                  slice_t *ret_text)
{
    buf_t b;
    TRY(arena_buf(a, TEXT_MAX, &b));
    for (size_t i = 0; i < n; i++) {
        if (i) {
            buf_put(&b, between);
        }
        buf_put(&b, parts[backward ? n - 1 - i : i]);
    }
    *ret_text = buf_slice(&b);
    return buf_check(&b);
}

static bool is_ascii(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

/* Whole, with each kind of gap, in both orders; long parts alone. Joined Roman letters would be
 * words. */
static err_t say_joined(const ways_t *w, slice_t text)
{
    const slice_t gaps[] = {SLICE(" "), SLICE("　"), SLICE(""), SLICE("・"), SLICE(", ")};
    slice_t parts[PARTS_MAX];
    size_t n;
    TRY(say_cases(w, text));
    TRY(parts_of(w->a, text, parts, &n));
    for (size_t g = 0; g < BASE_COUNT(gaps); g++) {
        for (int backward = 0; backward < 2; backward++) {
            slice_t joined;
            TRY(join(w->a, parts, n, gaps[g], backward, &joined));
            TRY(say_cases(w, joined));
        }
    }
    for (size_t i = 0; n > 1 && i < n; i++) {
        if (parts[i].len >= PART_MIN_BYTES && !is_ascii(parts[i])) {
            TRY(say(w, parts[i]));
        }
    }
    return say_wide(w, text);
}

/* Katakana as hiragana. */
static err_t hiragana(arena_t *a, slice_t text, slice_t *ret_text)
{
    buf_t b;
    TRY(arena_buf(a, text.len, &b));
    while (text.len) {
        uint32_t c = utf8_take(&text);
        buf_utf8(&b, c >= 0x30a1 && c <= 0x30f6 ? c - 0x60 : c);
    }
    *ret_text = buf_slice(&b);
    return buf_check(&b);
}

static uint32_t half_of(uint32_t c, uint32_t *ret_mark)
{
    /* One row a katakana from U+30A1 on: code of the base in JIS X 0201, then 'd' or 'h' for marks.
     */
    static const struct {
        uint8_t code, mark;
    } ROWS[] = {
        {0xa7, 0},    {0xb1, 0},    {0xa8, 0},    {0xb2, 0},    {0xa9, 0},    {0xb3, 0},
        {0xaa, 0},    {0xb4, 0},    {0xab, 0},    {0xb5, 0},    {0xb6, 0},    {0xb6, 0xde},
        {0xb7, 0},    {0xb7, 0xde}, {0xb8, 0},    {0xb8, 0xde}, {0xb9, 0},    {0xb9, 0xde},
        {0xba, 0},    {0xba, 0xde}, {0xbb, 0},    {0xbb, 0xde}, {0xbc, 0},    {0xbc, 0xde},
        {0xbd, 0},    {0xbd, 0xde}, {0xbe, 0},    {0xbe, 0xde}, {0xbf, 0},    {0xbf, 0xde},
        {0xc0, 0},    {0xc0, 0xde}, {0xc1, 0},    {0xc1, 0xde}, {0xaf, 0},    {0xc2, 0},
        {0xc2, 0xde}, {0xc3, 0},    {0xc3, 0xde}, {0xc4, 0},    {0xc4, 0xde}, {0xc5, 0},
        {0xc6, 0},    {0xc7, 0},    {0xc8, 0},    {0xc9, 0},    {0xca, 0},    {0xca, 0xde},
        {0xca, 0xdf}, {0xcb, 0},    {0xcb, 0xde}, {0xcb, 0xdf}, {0xcc, 0},    {0xcc, 0xde},
        {0xcc, 0xdf}, {0xcd, 0},    {0xcd, 0xde}, {0xcd, 0xdf}, {0xce, 0},    {0xce, 0xde},
        {0xce, 0xdf}, {0xcf, 0},    {0xd0, 0},    {0xd1, 0},    {0xd2, 0},    {0xd3, 0},
        {0xac, 0},    {0xd4, 0},    {0xad, 0},    {0xd5, 0},    {0xae, 0},    {0xd6, 0},
        {0xd7, 0},    {0xd8, 0},    {0xd9, 0},    {0xda, 0},    {0xdb, 0},    {0xdc, 0},
        {0xdc, 0},    {0xb2, 0},    {0xb4, 0},    {0xa6, 0},    {0xdd, 0},    {0xb3, 0xde},
        {0xb6, 0},    {0xb9, 0},
    };
    _Static_assert(BASE_COUNT(ROWS) == 0x30f6 - 0x30a1 + 1, "one row a katakana");
    *ret_mark = 0;
    if (c == 0x30fc) {
        return 0xff70; /* long vowel */
    }
    if (c == 0x30fb) {
        return 0xff65; /* middle dot */
    }
    if (c == 0x3000) {
        return ' ';
    }
    if (c < 0x30a1 || c > 0x30f6) {
        return c;
    }
    *ret_mark = ROWS[c - 0x30a1].mark ? 0xfec0U + ROWS[c - 0x30a1].mark : 0;
    return 0xfec0U + ROWS[c - 0x30a1].code;
}

static err_t half_width(arena_t *a, slice_t text, slice_t *ret_text)
{
    buf_t b;
    TRY(arena_buf(a, 2 * text.len, &b));
    while (text.len) {
        uint32_t mark;
        buf_utf8(&b, half_of(utf8_take(&text), &mark));
        if (mark) {
            buf_utf8(&b, mark);
        }
    }
    *ret_text = buf_slice(&b);
    return buf_check(&b);
}

static err_t say_kana(const ways_t *w, slice_t text)
{
    slice_t folded, soft, half, parts[PARTS_MAX];
    size_t n;
    TRY(text_width_fold(w->a, text, &folded));
    TRY(hiragana(w->a, folded, &soft));
    TRY(say_joined(w, folded));
    TRY(say_joined(w, soft));
    TRY(parts_of(w->a, folded, parts, &n));
    for (size_t i = 0; n > 1 && i < n; i++) { /* long parts alone, in half width too */
        if (parts[i].len >= PART_MIN_BYTES && !is_ascii(parts[i])) {
            TRY(half_width(w->a, parts[i], &half));
            TRY(say(w, half));
        }
    }
    const slice_t gaps[] = {SLICE(" "), SLICE(""), SLICE("　")};
    for (size_t g = 0; g < BASE_COUNT(gaps); g++) {
        slice_t joined;
        TRY(join(w->a, parts, n, SLICE(" "), false, &joined));
        TRY(half_width(w->a, joined, &half));
        slice_t half_parts[PARTS_MAX];
        size_t m = 0;
        for (slice_t part; m < PARTS_MAX && slice_split(&half, ' ', &part);) {
            half_parts[m++] = part;
        }
        TRY(join(w->a, half_parts, m, gaps[g], false, &joined));
        TRY(say(w, joined));
    }
    return OK;
}

static err_t say_email(const ways_t *w, slice_t text)
{
    size_t at = slice_find_byte(text, '@');
    TRY(say_cases(w, text));
    TRY(say_wide(w, text));
    return at != SIZE_MAX && at >= LOCAL_PART_MIN ? say_cases(w, slice_sub(text, 0, at)) : OK;
}

/* The national number as 3-4-4, 2-4-4 and 4-3-3 groups, with and without 0 and +81. */
static err_t say_phone(const ways_t *w, slice_t text)
{
    static const uint8_t GROUPS[][2] = {{2, 4}, {1, 4}, {3, 2}, {2, 3}, {4, 1}};
    static const char GAPS[] = "- .";
    slice_t national;
    TRY(say(w, text));
    TRY(say_wide(w, text));
    TRY(text_phone_fold(w->a, text, &national));
    bool japanese = national.len >= 10 && national.len <= 11 && national.ptr[0] == '0';
    TRY(say(w, national));
    TRY(say_wide(w, national));
    if (!japanese) {
        return OK;
    }
    slice_t core = slice_from(national, 1), abroad;
    TRY(arena_printf(w->a, &abroad, "81%.*s", SLICE_FMT(core)));
    TRY(say(w, core));
    TRY(say(w, abroad));
    for (size_t g = 0; g < BASE_COUNT(GROUPS); g++) {
        for (const char *gap = GAPS; *gap; gap++) {
            slice_t grouped, zero;
            slice_t first = slice_sub(core, 0, GROUPS[g][0]);
            slice_t second = slice_sub(core, GROUPS[g][0], GROUPS[g][1]);
            slice_t third = slice_from(core, (size_t)GROUPS[g][0] + GROUPS[g][1]);
            TRY(arena_printf(w->a, &grouped, "%.*s%c%.*s%c%.*s", SLICE_FMT(first), *gap,
                             SLICE_FMT(second), *gap, SLICE_FMT(third)));
            TRY(arena_printf(w->a, &zero, "0%.*s", SLICE_FMT(grouped)));
            TRY(say(w, grouped));
            TRY(say_wide(w, zero));
        }
    }
    return OK;
}

static err_t say_address(const ways_t *w, slice_t text)
{
    slice_t parts[PARTS_MAX], folded, joined;
    size_t n;
    TRY(say_cases(w, text));
    TRY(say_wide(w, text));
    TRY(text_width_fold(w->a, text, &folded));
    TRY(say(w, folded));
    TRY(parts_of(w->a, text, parts, &n));
    TRY(join(w->a, parts, n, SLICE(""), false, &joined));
    TRY(say(w, joined));
    for (size_t i = 0; n > 1 && i < n; i++) {
        if (parts[i].len >= ADDRESS_PART_MIN && !is_ascii(parts[i])) {
            TRY(say(w, parts[i]));
        }
    }
    return OK;
}

static err_t say_birth(const ways_t *w, slice_t text)
{
    static const char *const MONTHS[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    uint64_t y, m, d;
    TRY(slice_parse_u64(slice_sub(text, 0, 4), 9999, &y));
    const uint8_t *p = text.ptr;
    m = (uint64_t)(p[5] - '0') * 10 + (uint64_t)(p[6] - '0');
    d = (uint64_t)(p[8] - '0') * 10 + (uint64_t)(p[9] - '0');
    ENSURE(m >= 1 && m <= 12 && d >= 1 && d <= 31, ERR_SYNTAX);
    const char *month = MONTHS[m - 1];
    unsigned yy = (unsigned)y, mm = (unsigned)m, dd = (unsigned)d;
    slice_t s;
#define SAY(...)                                                                                   \
    do {                                                                                           \
        TRY(arena_printf(w->a, &s, __VA_ARGS__));                                                  \
        TRY(say(w, s));                                                                            \
        TRY(say_wide(w, s));                                                                       \
    } while (0)
    SAY("%04u-%02u-%02u", yy, mm, dd);
    SAY("%04u/%02u/%02u", yy, mm, dd);
    SAY("%04u.%02u.%02u", yy, mm, dd);
    SAY("%04u%02u%02u", yy, mm, dd);
    SAY("%04u/%u/%u", yy, mm, dd);
    SAY("%04u-%u-%u", yy, mm, dd);
    SAY("%04u年%u月%u日", yy, mm, dd);
    SAY("%04u年%02u月%02u日", yy, mm, dd);
    SAY("%u %s %04u", dd, month, yy);
    SAY("%u %.3s %04u", dd, month, yy);
    SAY("%s %u, %04u", month, dd, yy);
    SAY("%.3s %u, %04u", month, dd, yy);
    for (unsigned t = 1; t <= 9; t++) { /* the shop's form, as a browser sends it */
        TRY(arena_printf(w->a, &s, "t%u_year=%04u&t%u_month=%u&t%u_day=%u", t, yy, t, mm, t, dd));
        TRY(say(w, s));
    }
#undef SAY
    return OK;
}

/* In fours; and as American Express prints its fifteen. */
static err_t say_card(const ways_t *w, slice_t text)
{
    static const char GAPS[] = " -.";
    buf_t digits;
    TRY(say(w, text));
    TRY(digits_of(w->a, text, &digits));
    TRY(say(w, buf_slice(&digits)));
    TRY(say_wide(w, buf_slice(&digits)));
    for (int amex = 0; amex < 2; amex++) {
        for (const char *gap = GAPS; *gap; gap++) {
            buf_t b;
            TRY(arena_buf(w->a, 2 * digits.len, &b));
            for (size_t i = 0; i < digits.len; i++) {
                bool cut = amex ? i == 4 || i == 10 : i && i % 4 == 0;
                if (cut) {
                    buf_u8(&b, (uint8_t)*gap);
                }
                buf_u8(&b, digits.ptr[i]);
            }
            TRY(say(w, buf_slice(&b)));
            TRY(say_wide(w, buf_slice(&b)));
        }
    }
    return OK;
}

err_t needle_texts(arena_t *a, const needle_t *needle, needle_text_fn *fn, void *ctx)
{
    ways_t w = {a, fn, ctx};
    switch (needle->kind) {
    case NEEDLE_NAME:
        return say_joined(&w, needle->value);
    case NEEDLE_KANA:
        return say_kana(&w, needle->value);
    case NEEDLE_EMAIL:
        return say_email(&w, needle->value);
    case NEEDLE_PHONE:
        return say_phone(&w, needle->value);
    case NEEDLE_ADDRESS:
        return say_address(&w, needle->value);
    case NEEDLE_BIRTH:
        return say_birth(&w, needle->value);
    case NEEDLE_CARD:
        return say_card(&w, needle->value);
    case NEEDLE_TEXT:
    case NEEDLE_KIND_COUNT:
        break;
    }
    return say(&w, needle->value);
}
