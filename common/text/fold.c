#include "text/fold.h"

#include "text/digit.h"
#include "text/utf8.h"

enum { VOICED = 0x3099, SEMI_VOICED = 0x309A };

/* U+FF61 to U+FF9F. */
static const uint16_t HALF_KANA[] = {
    0x3002, 0x300C, 0x300D, 0x3001, 0x30FB, 0x30F2, 0x30A1, 0x30A3,      0x30A5, 0x30A7, 0x30A9,
    0x30E3, 0x30E5, 0x30E7, 0x30C3, 0x30FC, 0x30A2, 0x30A4, 0x30A6,      0x30A8, 0x30AA, 0x30AB,
    0x30AD, 0x30AF, 0x30B1, 0x30B3, 0x30B5, 0x30B7, 0x30B9, 0x30BB,      0x30BD, 0x30BF, 0x30C1,
    0x30C4, 0x30C6, 0x30C8, 0x30CA, 0x30CB, 0x30CC, 0x30CD, 0x30CE,      0x30CF, 0x30D2, 0x30D5,
    0x30D8, 0x30DB, 0x30DE, 0x30DF, 0x30E0, 0x30E1, 0x30E2, 0x30E4,      0x30E6, 0x30E8, 0x30E9,
    0x30EA, 0x30EB, 0x30EC, 0x30ED, 0x30EF, 0x30F3, VOICED, SEMI_VOICED,
};
_Static_assert(BASE_COUNT(HALF_KANA) == 0xFF9F - 0xFF61 + 1, "whole block");

/* U+31F0 to U+31FF, small letters for Ainu, as large ones. */
static const uint16_t SMALL_AINU[] = {0x30AF, 0x30B7, 0x30B9, 0x30C8, 0x30CC, 0x30CF,
                                      0x30D2, 0x30D5, 0x30D8, 0x30DB, 0x30E0, 0x30E9,
                                      0x30EA, 0x30EB, 0x30EC, 0x30ED};

static uint32_t width(uint32_t cp)
{
    if (cp >= 0xFF01 && cp <= 0xFF5E) {
        return cp - 0xFF01 + '!';
    }
    if (cp >= 0xFF61 && cp <= 0xFF9F) {
        return HALF_KANA[cp - 0xFF61];
    }
    return cp == 0xFFE5 ? 0xA5 : text_is_space(cp) && cp > 0x7F ? ' ' : cp;
}

/* Letter and mark as one letter, or 0. Katakana; hiragana is 0x60 below. */
static uint32_t compose(uint32_t letter, uint32_t mark)
{
    uint32_t shift = letter >= 0x3041 && letter <= 0x3096 ? 0x60 : 0;
    uint32_t k = letter + shift;
    bool ha_row = k >= 0x30CF && k <= 0x30DB && (k - 0x30CF) % 3 == 0;
    if (mark == SEMI_VOICED) {
        return ha_row ? letter + 2 : 0;
    }
    bool ka_to_chi = k >= 0x30AB && k <= 0x30C1 && (k - 0x30AB) % 2 == 0;
    bool tsu_to_to = k == 0x30C4 || k == 0x30C6 || k == 0x30C8;
    if (ka_to_chi || tsu_to_to || ha_row) {
        return letter + 1;
    }
    if (k == 0x30A6) {
        return 0x30F4 - shift;
    }
    return k >= 0x30EF && k <= 0x30F2 && shift == 0 ? k + 8 : 0;
}

/* Writes code points one behind, so that a voiced mark can still join its letter. */
typedef struct composer {
    buf_t out;
    uint32_t held; /* 0 = none */
} composer_t;

static void composer_flush(composer_t *c)
{
    if (c->held) {
        buf_utf8(&c->out, c->held);
    }
    c->held = 0;
}

static void composer_put(composer_t *c, uint32_t cp)
{
    uint32_t joined = c->held && (cp == VOICED || cp == SEMI_VOICED) ? compose(c->held, cp) : 0;
    if (joined) {
        c->held = joined;
        return;
    }
    composer_flush(c);
    if (cp == 0) {
        buf_u8(&c->out, 0);
    }
    c->held = cp;
}

/* Room for the longest outcome: one byte can become three. */
static err_t composer_on(arena_t *a, slice_t in, composer_t *ret)
{
    size_t cap;
    ENSURE(!__builtin_mul_overflow(in.len, (size_t)3, &cap), ERR_LIMIT);
    ret->held = 0;
    return arena_buf(a, cap, &ret->out);
}

err_t text_width_fold(arena_t *a, slice_t in, slice_t *ret_out)
{
    composer_t c;
    TRY(composer_on(a, in, &c));
    while (in.len) {
        uint32_t cp = utf8_take(&in);
        ENSURE(cp != UTF8_BAD, ERR_ENCODING);
        composer_put(&c, width(cp));
    }
    composer_flush(&c);
    TRY(buf_check(&c.out));
    *ret_out = buf_slice(&c.out);
    return OK;
}

static uint32_t large(uint32_t cp)
{
    switch (cp) {
    case 0x30A1:
    case 0x30A3:
    case 0x30A5:
    case 0x30A7:
    case 0x30A9:
    case 0x30C3:
    case 0x30E3:
    case 0x30E5:
    case 0x30E7:
    case 0x30EE:
        return cp + 1;
    case 0x30F5:
        return 0x30AB;
    case 0x30F6:
        return 0x30B1;
    default:
        return cp >= 0x31F0 && cp <= 0x31FF ? SMALL_AINU[cp - 0x31F0] : cp;
    }
}

static bool is_long_mark(uint32_t cp)
{
    return cp == '-' || (cp >= 0x2010 && cp <= 0x2015) || cp == 0x2212 || cp == 0x30FC ||
           cp == 0x2500;
}

/* The folded code point, or 0 when it is dropped. */
static uint32_t kana(uint32_t cp)
{
    cp = width(cp);
    if (cp >= 0x3041 && cp <= 0x3096) {
        cp += 0x60;
    }
    if (cp == 0x309B || cp == 0x309C) {
        return cp == 0x309B ? VOICED : SEMI_VOICED;
    }
    if (cp == VOICED || cp == SEMI_VOICED) {
        return cp;
    }
    if (cp >= 'A' && cp <= 'Z') {
        return cp | 0x20;
    }
    if (text_is_space(cp) || text_is_ignorable(cp) || cp == 0x30FB || cp == 0xB7 || cp == 0x2022) {
        return 0;
    }
    return is_long_mark(cp) ? 0x30FC : large(cp);
}

err_t text_kana_fold(arena_t *a, slice_t in, slice_t *ret_out)
{
    composer_t c;
    TRY(composer_on(a, in, &c));
    while (in.len) {
        uint32_t cp = utf8_take(&in);
        ENSURE(cp != UTF8_BAD, ERR_ENCODING);
        uint32_t folded = kana(cp);
        if (folded) {
            composer_put(&c, folded);
        }
    }
    composer_flush(&c);
    TRY(buf_check(&c.out));
    *ret_out = buf_slice(&c.out);
    return OK;
}

err_t text_email_fold(arena_t *a, slice_t in, slice_t *ret_out)
{
    slice_t wide;
    TRY(text_width_fold(a, in, &wide));
    wide = slice_trim(wide);
    buf_t b;
    TRY(arena_buf(a, wide.len, &b));
    for (size_t i = 0; i < wide.len; i++) {
        uint8_t ch = wide.ptr[i];
        buf_u8(&b, ch >= 'A' && ch <= 'Z' ? (uint8_t)(ch | 0x20) : ch);
    }
    *ret_out = buf_slice(&b);
    return OK;
}

err_t text_phone_fold(arena_t *a, slice_t in, slice_t *ret_out)
{
    buf_t b;
    size_t cap;
    ENSURE(!__builtin_add_overflow(in.len, (size_t)1, &cap), ERR_LIMIT);
    TRY(arena_buf(a, cap, &b));
    bool plus = false;
    while (in.len) {
        uint32_t cp = utf8_take(&in);
        ENSURE(cp != UTF8_BAD, ERR_ENCODING);
        int digit = text_digit(cp);
        plus |= b.len == 0 && width(cp) == '+';
        if (digit >= 0) {
            buf_u8(&b, (uint8_t)('0' + digit));
        }
    }
    slice_t all = buf_slice(&b), rest = SLICE_EMPTY;
    ENSURE(all.len > 0, ERR_SYNTAX);
    if (plus && slice_starts(all, SLICE("81"))) {
        rest = slice_from(all, 2);
    } else if (slice_starts(all, SLICE("0081"))) {
        rest = slice_from(all, 4);
    } else if (slice_starts(all, SLICE("01081"))) {
        rest = slice_from(all, 5);
    }
    if (rest.len == 0) {
        *ret_out = all;
        return OK;
    }
    while (rest.len && rest.ptr[0] == '0') { /* "+81 (0)90": the national 0 is written by us */
        rest = slice_from(rest, 1);
    }
    buf_t out;
    TRY(arena_buf(a, rest.len + 1, &out));
    buf_u8(&out, '0');
    buf_put(&out, rest);
    *ret_out = buf_slice(&out);
    return OK;
}

static bool is_atom(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_host_label(slice_t label)
{
    if (label.len == 0 || label.len > 63 || label.ptr[0] == '-' ||
        label.ptr[label.len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < label.len; i++) {
        uint8_t c = label.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && c != '-') {
            return false;
        }
    }
    return true;
}

bool text_email_ok(slice_t text)
{
    size_t at = slice_find_byte(text, '@');
    if (at == SIZE_MAX || at == 0 || at > 64 || text.len > 254) {
        return false;
    }
    slice_t local = slice_sub(text, 0, at), host = slice_from(text, at + 1), part;
    while (slice_split(&local, '.', &part)) {
        if (part.len == 0) {
            return false;
        }
        for (size_t i = 0; i < part.len; i++) {
            if (!is_atom(part.ptr[i])) {
                return false;
            }
        }
    }
    size_t labels = 0;
    for (; slice_split(&host, '.', &part); labels++) {
        if (!is_host_label(part)) {
            return false;
        }
    }
    return labels >= 2;
}
