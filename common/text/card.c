/* The card-number detector.
 *
 * 1. Text is read once, code point by code point (card_glyph.c). Digits of any script form groups;
 *    separators, up to GAP_MAX of them, join groups into a chain; a letter or a sign that no one
 *    writes inside a number ends the chain.
 * 2. Numbers of other kinds that show what they are (telephones with their 0 or +81, dates,
 *    lists of amounts, JAN and ISBN, IP addresses, places, IBANs) are marked in the chain
 *    (card_items.c). A card number does not reach into them.
 * 3. Every window of whole groups with 13 to 19 digits is looked up: issuer range, the lengths
 *    that the issuer uses, check digit (card_brand.c). Windows cut no group apart: digits out of
 *    the middle of a longer number are not a card number.
 * 4. What is left is judged by form (card_judge.c). One solid group is a card number unless Latin
 *    letters are glued to it that make it part of an id ("card4111..." is one, "x7f4111..." is
 *    not). Layouts of cards (4-4-4-4, 4-6-5, single digits ...) are, wherever they begin or end
 *    visibly. Any other grouping is when it is all there is between letters, marked numbers and
 *    the text's edges, or when its own gaps differ from those around it.
 *
 * When in doubt it refuses: two random numbers side by side that happen to fit together (about one
 * pair in a hundred of fitting lengths) are taken for a card. */
#include "text/card_parts.h"
#include "text/utf8.h"

enum {
    GAP_MAX = 16, /* code points between two groups of one chain */
    WEAK_MAX = 6, /* with weak punctuation among them */
    JOIN_MAX = 8, /* ignorable code points within a group */
    CUT_PASSES = 8,
};

typedef struct scanner {
    chain_t chain;
    slice_t rest;
    size_t joined;      /* ignorable code points since the last digit of the open group */
    size_t gap_points;  /* code points of the gap so far */
    gap_t gap;          /* before the next group */
    uint8_t last_class; /* of the last separator in the gap */
    bool open;          /* the last group may still grow */
    bool plain;         /* its last digit was ASCII or full-width */
} scanner_t;

/* Judges the windows that begin in the first `starts` groups. */
static bool judge(scanner_t *s, size_t starts, card_hit_t *ret_hit)
{
    chain_t *c = &s->chain;
    unsigned total = 0;
    for (size_t i = 0; i < c->count; i++) {
        total += c->g[i].count;
    }
    if (total < CARD_MIN_DIGITS) {
        return false;
    }
    card_chain_mark(c);
    for (size_t i = 0; i < starts; i++) {
        if (card_chain_judge(c, i, ret_hit)) {
            return true;
        }
    }
    return false;
}

/* The chain is at its end. */
static bool end_chain(scanner_t *s, card_hit_t *ret_hit)
{
    s->chain.after = (gap_t){GAP_EDGE, 0};
    bool hit = s->chain.count && judge(s, s->chain.count, ret_hit);
    s->chain.count = 0;
    s->open = false;
    return hit;
}

/* The chain is full: judges the windows that are complete, and keeps what later ones may need. */
static bool shift_chain(scanner_t *s, card_hit_t *ret_hit)
{
    chain_t *c = &s->chain;
    size_t keep = CARD_MAX_DIGITS + 5, drop = CHAIN_MAX - keep;
    c->after = s->gap;
    if (judge(s, drop, ret_hit)) {
        return true;
    }
    memmove(c->g, c->g + drop - 1, (keep + 1) * sizeof c->g[0]); /* one more, as left neighbour */
    c->count = keep + 1;
    return false;
}

static void close_group(scanner_t *s)
{
    if (s->open) {
        s->open = false;
        s->gap = (gap_t){GAP_SEP, gap_key_of(0)};
        s->gap_points = s->joined;
        s->last_class = 0;
    }
}

static bool add_digit(scanner_t *s, glyph_t glyph, size_t at, size_t end, card_hit_t *ret_hit)
{
    chain_t *c = &s->chain;
    if (!s->open) {
        if (c->count == CHAIN_MAX && shift_chain(s, ret_hit)) {
            return true;
        }
        c->g[c->count] = (group_t){.at = at};
        c->g[c->count].before = c->count ? s->gap : (gap_t){GAP_EDGE, 0};
        c->count++;
        s->open = true;
    }
    group_t *g = &c->g[c->count - 1];
    g->end = end;
    if (g->count < CARD_MAX_DIGITS) {
        g->digits[g->count] = glyph.value;
    }
    g->count += g->count <= CARD_MAX_DIGITS;
    s->joined = 0;
    s->plain = glyph.plain;
    return false;
}

/* A separator or weak sign; the gap becomes an edge when it is too long. */
static bool add_gap(scanner_t *s, glyph_t glyph, card_hit_t *ret_hit)
{
    close_group(s);
    if (s->chain.count == 0) {
        return false;
    }
    uint8_t sep = glyph.kind == GLYPH_SEP ? glyph.value : '?';
    if (sep != s->last_class) {
        s->gap.key = s->last_class ? gap_key_add(s->gap.key, sep) : gap_key_of(sep);
        s->last_class = sep;
    }
    if (glyph.kind == GLYPH_WEAK) {
        s->gap.kind = GAP_WEAK;
    }
    s->gap_points++;
    bool too_long = s->gap_points > (s->gap.kind == GAP_WEAK ? WEAK_MAX : GAP_MAX);
    return too_long && end_chain(s, ret_hit);
}

static bool add_ignorable(scanner_t *s, card_hit_t *ret_hit)
{
    if (s->open && s->joined < JOIN_MAX) {
        s->joined++;
        return false;
    }
    return add_gap(s, (glyph_t){GLYPH_SEP, ' ', false, false}, ret_hit);
}

/* The kanji for one is also typed as a dash: it is one when it stands between Arabic digits. */
static bool is_dash_like_one(const scanner_t *s, uint32_t cp)
{
    if (cp != 0x4E00 || !s->open || !s->plain || s->rest.len == 0) {
        return false;
    }
    slice_t ahead = s->rest;
    glyph_t next = card_glyph(utf8_take(&ahead));
    return next.kind == GLYPH_DIGIT && next.plain;
}

static bool step(scanner_t *s, card_hit_t *ret_hit)
{
    size_t at = (size_t)(s->rest.ptr - s->chain.text.ptr);
    uint32_t cp = utf8_take(&s->rest);
    glyph_t glyph = card_glyph(cp);
    if (is_dash_like_one(s, cp)) {
        glyph = (glyph_t){GLYPH_SEP, '-', false, false};
    }
    switch (glyph.kind) {
    case GLYPH_DIGIT:
        return add_digit(s, glyph, at, (size_t)(s->rest.ptr - s->chain.text.ptr), ret_hit);
    case GLYPH_IGNORABLE:
        return add_ignorable(s, ret_hit);
    case GLYPH_SEP:
    case GLYPH_WEAK:
        return add_gap(s, glyph, ret_hit);
    case GLYPH_LATIN:
    case GLYPH_BREAK:
        break;
    }
    return end_chain(s, ret_hit);
}

/* Outside a chain, plain ASCII that is no digit says nothing. */
static void skip_plain(scanner_t *s)
{
    size_t n = 0;
    while (n < s->rest.len && s->rest.ptr[n] < 0x80 &&
           (s->rest.ptr[n] < '0' || s->rest.ptr[n] > '9')) {
        n++;
    }
    s->rest.ptr += n;
    s->rest.len -= n;
}

static bool scan_from(slice_t text, size_t from, card_hit_t *ret_hit)
{
    scanner_t s;
    s.chain.text = text;
    s.chain.count = 0;
    s.rest = slice_from(text, from);
    s.joined = s.gap_points = 0;
    s.gap = (gap_t){GAP_EDGE, 0};
    s.last_class = 0;
    s.open = s.plain = false;
    while (s.rest.len) {
        if (s.chain.count == 0) {
            skip_plain(&s);
        }
        if (s.rest.len && step(&s, ret_hit)) {
            return true;
        }
    }
    return end_chain(&s, ret_hit);
}

bool card_scan(slice_t text, card_hit_t *ret_hit)
{
    card_hit_t hit;
    return scan_from(text, 0, ret_hit ? ret_hit : &hit);
}

/* Copies code points to `out` (which may lie before them in the same memory), digits but the first
 * and last keep_* as '*'. Returns the bytes written. */
static size_t mask(slice_t in, uint8_t *out, size_t keep_first, size_t keep_last)
{
    size_t written = 0, seen = 0, digits = 0;
    for (slice_t ahead = in; ahead.len;) {
        digits += card_glyph(utf8_take(&ahead)).kind == GLYPH_DIGIT;
    }
    while (in.len) {
        slice_t before = in;
        bool digit = card_glyph(utf8_take(&in)).kind == GLYPH_DIGIT;
        size_t len = before.len - in.len;
        if (digit && seen >= keep_first && seen + keep_last < digits) {
            out[written++] = '*';
        } else {
            memmove(out + written, before.ptr, len);
            written += len;
        }
        seen += digit;
    }
    return written;
}

/* Masks every number in the text, in place. Returns the new length; *ret_any: whether there was
 * one. */
static size_t cut_pass(uint8_t *text, size_t len, bool *ret_any)
{
    size_t from = 0, written = 0;
    card_hit_t hit;
    *ret_any = false;
    while (scan_from(slice_make(text, len), from, &hit)) {
        memmove(text + written, text + from, hit.at - from);
        written += hit.at - from;
        written += mask(slice_make(text + hit.at, hit.len), text + written, 6, 4);
        from = hit.at + hit.len;
        *ret_any = true;
    }
    memmove(text + written, text + from, len - from);
    return written + len - from;
}

void card_cut(slice_t text, buf_t *out)
{
    uint8_t *at = buf_room(out, text.len);
    if (!at || text.len == 0) {
        return;
    }
    memcpy(at, text.ptr, text.len);
    size_t len = text.len;
    bool any = true;
    /* What is left of one number may still form another with its neighbours: look again. */
    for (size_t pass = 0; any && pass < CUT_PASSES; pass++) {
        len = cut_pass(at, len, &any);
    }
    if (any) {
        len = mask(slice_make(at, len), at, 0, 0);
    }
    out->len -= text.len - len;
}
