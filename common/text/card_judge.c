/* The judgement over a chain of digit groups: which benign numbers stand in it, and whether a
 * window of groups is a card number. See the head of card.c for the whole plan. */
#include "text/card_parts.h"

uint32_t gap_key_add(uint32_t key, uint8_t sep)
{
    return (key ^ sep) * 16777619U;
}

uint32_t gap_key_of(uint8_t sep)
{
    return gap_key_add(2166136261U, sep);
}

/* The gap behind group i. */
gap_t card_gap_after(const chain_t *c, size_t i)
{
    return i + 1 < c->count ? c->g[i + 1].before : c->after;
}

bool card_same_gap(gap_t a, gap_t b)
{
    return a.kind == b.kind && a.key == b.key;
}

/* Whether the gaps inside first..last are all the same. */
bool card_is_uniform(const chain_t *c, size_t first, size_t last)
{
    for (size_t i = first + 2; i <= last; i++) {
        if (!card_same_gap(c->g[i].before, c->g[first + 1].before)) {
            return false;
        }
    }
    return true;
}

bool card_has_weak(const chain_t *c, size_t first, size_t last)
{
    for (size_t i = first + 1; i <= last; i++) {
        if (c->g[i].before.kind == GAP_WEAK) {
            return true;
        }
    }
    return false;
}

bool card_apart_left(const chain_t *c, size_t first, gap_t inner)
{
    return !card_same_gap(c->g[first].before, inner) || c->g[first].before.kind == GAP_EDGE;
}

bool card_apart_right(const chain_t *c, size_t last, gap_t inner)
{
    gap_t after = card_gap_after(c, last);
    return !card_same_gap(after, inner) || after.kind == GAP_EDGE;
}

bool card_counts_are(const chain_t *c, size_t first, const uint8_t *counts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (first + i >= c->count || c->g[first + i].count != counts[i]) {
            return false;
        }
    }
    return true;
}

unsigned card_value(const group_t *g)
{
    unsigned v = 0;
    for (size_t i = 0; i < g->count && i < 8; i++) {
        v = v * 10 + g->digits[i];
    }
    return v;
}

static bool is_amount(const group_t *g)
{
    return g->count >= 3 && g->count <= 7 && g->digits[0] != 0;
}

/* Amounts one after another ("12800 15800 19810"): of all that stand in the row two at least, and
 * half, end in 00. Of groups as cards have them, 4-4-4-4 and 6-6-4, each has to. */
static bool is_round_amounts(const chain_t *c, size_t first, size_t last)
{
    gap_t inner = c->g[first + 1].before;
    static const uint8_t SIXES[] = {6, 6, 4};
    unsigned round = 0, count = 0;
    bool fours = true;
    last -= c->g[last].count <= 2; /* "... 19800 2" */
    while (first > 0 && card_same_gap(c->g[first].before, inner) && is_amount(&c->g[first - 1])) {
        first--;
    }
    while (last + 1 < c->count && card_same_gap(c->g[last + 1].before, inner) &&
           is_amount(&c->g[last + 1])) {
        last++;
    }
    for (size_t i = first; i <= last; i++, count++) {
        const group_t *g = &c->g[i];
        if (!is_amount(g)) {
            return false;
        }
        round += g->digits[g->count - 1] == 0 && g->digits[g->count - 2] == 0;
        fours = fours && g->count == 4;
    }
    bool strict = fours || (count == 3 && card_counts_are(c, first, SIXES, 3));
    return round >= 2 && (strict ? round == count : 2 * round >= count);
}

/* EAN-13 check digit (GS1 General Specifications 7.9). */
static bool is_ean(const uint8_t *d, unsigned count)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < count && i < 13; i++) {
        sum += d[i] * (i % 2 ? 3U : 1U);
    }
    return count == 13 && sum % 10 == 0;
}

/* Japanese article numbers: prefixes 45 and 49. */
static bool is_jan(const uint8_t *d, unsigned count)
{
    return d[0] == 4 && (d[1] == 5 || d[1] == 9) && is_ean(d, count);
}

bool card_is_article(const chain_t *c, size_t i)
{
    const group_t *g = &c->g[i];
    uint8_t byte = c->text.ptr[g->at]; /* ASCII, or U+FF10 and so on, without joined signs */
    bool plain = g->end - g->at == g->count * (byte < 0x80 ? 1U : byte == 0xEF ? 3U : 0U);
    bool book = g->digits[0] == 9 && g->digits[1] == 7 && g->digits[2] >= 8;
    return plain && (is_jan(g->digits, g->count) || (book && is_ean(g->digits, g->count))) &&
           !card_named_before(c->text, g->at);
}

static bool is_one_of(const chain_t *c, size_t first, size_t last, const uint8_t (*rows)[8],
                      size_t count)
{
    for (size_t k = 0; k < count; k++) {
        if (rows[k][0] == last - first + 1 && card_counts_are(c, first, &rows[k][1], rows[k][0])) {
            return true;
        }
    }
    return false;
}

/* The layouts printed on cards and made by forms: number of groups, then their digits. */
static bool is_card_layout(const chain_t *c, size_t first, size_t last)
{
    static const uint8_t ROWS[][8] = {
        {4, 4, 4, 4, 4}, {3, 4, 6, 5},       {3, 4, 6, 4},       {4, 4, 4, 4, 3},
        {4, 4, 4, 4, 2}, {4, 4, 4, 4, 1},    {5, 4, 4, 4, 4, 1}, {5, 4, 4, 4, 4, 2},
        {4, 4, 4, 4, 5}, {5, 4, 4, 4, 4, 3}, {4, 4, 4, 4, 6},    {4, 4, 4, 4, 7},
        {3, 4, 4, 5},    {4, 4, 3, 3, 3},    {2, 6, 13},
    };
    return is_one_of(c, first, last, ROWS, BASE_COUNT(ROWS));
}

/* Two long numbers with a comma or slash and a space between them: a list. Not after eight digits,
 * half of a card number. */
static bool is_listed_pair(const chain_t *c, size_t first, size_t last)
{
    uint32_t key = c->g[last].before.key;
    bool list = key == gap_key_add(gap_key_of(','), ' ') ||
                key == gap_key_add(gap_key_of(';'), ' ') ||
                key == gap_key_add(gap_key_add(gap_key_of(' '), '/'), ' ');
    return last == first + 1 && list && c->g[first].count >= 7 && c->g[first].count != 8 &&
           c->g[last].count >= 7;
}

/* Bank, branch, (kind,) account; airline tickets; a shop's orders; insurance policies. */
static bool is_known_layout(const chain_t *c, size_t first, size_t last)
{
    static const uint8_t ROWS[][8] = {{3, 4, 3, 7}, {4, 4, 3, 1, 7}, {2, 3, 10},
                                      {3, 3, 4, 6}, {3, 3, 7, 7},    {3, 3, 8, 2}};
    return is_one_of(c, first, last, ROWS, BASE_COUNT(ROWS)) && card_is_uniform(c, first, last);
}

/* JAN as printed under its bars. */
static bool is_jan_layout(const chain_t *c, size_t first, size_t last)
{
    static const uint8_t ROWS[][8] = {{3, 1, 6, 6}, {4, 2, 5, 5, 1}, {3, 7, 5, 1}, {2, 7, 6}};
    return is_one_of(c, first, last, ROWS, BASE_COUNT(ROWS));
}

/* Groups of one size divided by one kind of gap; the last, or else the first, may be shorter. */
static bool is_regular(const chain_t *c, size_t first, size_t last)
{
    unsigned size = c->g[first + 1].count, head = c->g[first].count, tail = c->g[last].count;
    if (last - first < 2 || size > 6 || !card_is_uniform(c, first, last)) {
        return false;
    }
    for (size_t i = first + 1; i < last; i++) {
        if (c->g[i].count != size) {
            return false;
        }
    }
    return (head == size && tail <= size) || (tail == size && head <= size);
}

/* Whether first..last begins (ends) where its surroundings change: not a stretch out of the middle
 * of a longer list of the same. */
static bool opens(const chain_t *c, size_t first, gap_t inner)
{
    return card_apart_left(c, first, inner) ||
           (first > 0 && (c->g[first - 1].count != c->g[first].count || c->item[first - 1]));
}

static bool closes(const chain_t *c, size_t last, gap_t inner)
{
    return card_apart_right(c, last, inner) ||
           (last + 1 < c->count && (c->g[last + 1].count > c->g[last].count || c->item[last + 1]));
}

bool card_begins_stretch(const chain_t *c, size_t first)
{
    return c->g[first].before.kind != GAP_SEP || (first > 0 && c->item[first - 1]);
}

bool card_ends_stretch(const chain_t *c, size_t last)
{
    return card_gap_after(c, last).kind != GAP_SEP || (last + 1 < c->count && c->item[last + 1]);
}

static bool is_month_year(unsigned month, unsigned year)
{
    return month >= 1 && month <= 12 && (year < 100 || (year >= 2000 && year <= 2099));
}

/* What is typed behind a card number: expiry (12/27, 1227, 12/2027), security code. */
static bool is_expiry_and_code(const chain_t *c, size_t first)
{
    const group_t *g = &c->g[first];
    size_t n = 0;
    while (first + n < c->count && g[n].before.kind == GAP_SEP && !c->item[first + n]) {
        n++;
    }
    size_t used = 0;
    if (n >= 1 && g[0].count == 4 &&
        is_month_year(card_value(&g[0]) / 100, card_value(&g[0]) % 100)) {
        used = 1;
    } else if (n >= 2 && g[0].count <= 2 && (g[1].count == 2 || g[1].count == 4) &&
               is_month_year(card_value(&g[0]), card_value(&g[1]))) {
        used = 2;
    }
    used += used < n && (g[used].count == 3 || g[used].count == 4);
    return n > 0 && used == n && card_ends_stretch(c, first + n - 1);
}

/* A number of a list ("1. 4111...") before it. */
static bool is_list_mark(const chain_t *c, size_t first)
{
    return first == 1 && c->g[0].before.kind != GAP_SEP && c->g[0].count <= 2;
}

/* A postal code before it, with something else than its hyphen between. */
static bool is_postal_before(const chain_t *c, size_t first)
{
    static const uint8_t PARTS[] = {3, 4};
    return first == 2 && card_counts_are(c, 0, PARTS, 2) && c->g[0].before.kind != GAP_SEP &&
           c->g[1].before.key == gap_key_of('-') && c->g[2].before.key != gap_key_of('-');
}

/* A small number after it ("... 2 adults"). */
static bool is_small_rest(const chain_t *c, size_t first)
{
    return first + 1 == c->count && c->g[first].count <= 2 && c->after.kind == GAP_EDGE;
}

static bool crosses_item(const chain_t *c, size_t first, size_t last)
{
    for (size_t i = first; i <= last; i++) {
        if (c->item[i]) {
            return true;
        }
    }
    return false;
}

/* "%B4111...^", as the first track of a magnetic stripe begins (ISO/IEC 7813). */
static bool is_track(slice_t text, size_t at, size_t end)
{
    bool letter = at > 0 && (text.ptr[at - 1] | 0x20) == 'b';
    bool alone = letter && (at == 1 || text.ptr[at - 2] < '0');
    return alone &&
           ((at > 1 && text.ptr[at - 2] == '%') || (end < text.len && text.ptr[end] == '^'));
}

static bool is_glued(const chain_t *c, size_t first, size_t last)
{
    size_t at = c->g[first].at, end = c->g[last].end;
    return (card_glued_left(c->text, at) && !is_track(c->text, at, end)) ||
           card_glued_right(c->text, end);
}

/* A comma or line end, and blanks. */
static bool is_list_gap(gap_t gap)
{
    static const uint8_t SIGNS[] = {',', ';', '\n'};
    bool list = false;
    for (size_t i = 0; i < sizeof SIGNS; i++) {
        uint32_t key = gap_key_of(SIGNS[i]);
        list |= gap.key == key || gap.key == gap_key_add(key, ' ');
    }
    return list;
}

/* "1046-6760-4134、5958" out of a list of such numbers: a comma or line end in it, and what divides
 * the rest goes on outside. */
static bool cuts_list(const chain_t *c, size_t first, size_t last)
{
    bool open = !card_begins_stretch(c, first);
    bool on = !card_ends_stretch(c, last) && !is_expiry_and_code(c, last + 1);
    bool list = false, same = false;
    for (size_t i = first + 1; i <= last; i++) {
        gap_t gap = c->g[i].before;
        list |= is_list_gap(gap);
        same |= !is_list_gap(gap) && ((open && card_same_gap(gap, c->g[first].before)) ||
                                      (on && card_same_gap(gap, card_gap_after(c, last))));
    }
    return list && same;
}

/* What follows, up to where it ends visibly, is a card number as well. */
static bool is_second_card(const chain_t *c, size_t first)
{
    uint8_t digits[CARD_MAX_DIGITS];
    unsigned count = 0;
    for (size_t i = first; i < c->count && c->g[i].count <= CARD_MAX_DIGITS - count; i++) {
        memcpy(digits + count, c->g[i].digits, c->g[i].count);
        count += c->g[i].count;
        if (card_ends_stretch(c, i)) {
            return card_brand_of(digits, count) != CARD_NONE;
        }
    }
    return false;
}

/* "+49 1512 3456789" written solid: 13 digits, as Visa's oldest numbers had. */
static bool is_abroad(const chain_t *c, const group_t *g)
{
    return g->count == 13 && g->at > 0 && c->text.ptr[g->at - 1] == '+';
}

static bool accept_one(const chain_t *c, size_t i)
{
    const group_t *g = &c->g[i];
    return !card_is_article(c, i) && !is_abroad(c, g) && !is_glued(c, i, i);
}

static bool accept_many(const chain_t *c, size_t first, size_t last, const uint8_t *digits,
                        unsigned count)
{
    gap_t inner = c->g[first + 1].before;
    bool uniform = card_is_uniform(c, first, last), weak = card_has_weak(c, first, last);
    bool glued = is_glued(c, first, last);
    bool layout = is_card_layout(c, first, last) && (last - first > 1 || !glued);
    bool amex_like = layout && last - first == 2 && c->g[first + 1].count == 6;
    if ((crosses_item(c, first, last) && !(layout && uniform)) ||
        (is_jan(digits, count) && is_jan_layout(c, first, last)) ||
        (uniform && !amex_like && is_round_amounts(c, first, last)) || cuts_list(c, first, last) ||
        card_in_uuid(c->text, c->g[first].at, c->g[last].end)) {
        return false;
    }
    if ((layout || is_regular(c, first, last)) && (uniform || !weak) &&
        (opens(c, first, inner) || closes(c, last, inner))) {
        return true;
    }
    if (weak || is_listed_pair(c, first, last) || is_known_layout(c, first, last) || glued) {
        return false;
    }
    bool begins = card_begins_stretch(c, first), ends = card_ends_stretch(c, last);
    if ((begins || is_list_mark(c, first) || is_postal_before(c, first)) &&
        (ends || is_expiry_and_code(c, last + 1) || is_small_rest(c, last + 1) ||
         is_second_card(c, last + 1))) {
        return true;
    }
    return uniform && card_apart_left(c, first, inner) && card_apart_right(c, last, inner);
}

static bool accept(const chain_t *c, size_t first, size_t last, const uint8_t *digits,
                   unsigned count)
{
    return first == last ? accept_one(c, first) : accept_many(c, first, last, digits, count);
}

bool card_chain_judge(const chain_t *c, size_t first, card_hit_t *ret_hit)
{
    uint8_t digits[CARD_MAX_DIGITS] = {0};
    unsigned count = 0;
    size_t past = first;
    uint8_t lead = c->g[first].digits[0];
    if (lead < CARD_FIRST_LOW || lead > CARD_FIRST_HIGH) {
        return false; /* no issuer; spares the rest */
    }
    for (; past < c->count && c->g[past].count <= CARD_MAX_DIGITS - count; past++) {
        memcpy(digits + count, c->g[past].digits, c->g[past].count);
        count += c->g[past].count;
    }
    const issuer_t *issuer = count >= CARD_MIN_DIGITS ? card_issuer_of(digits) : NULL;
    while (issuer && count >= CARD_MIN_DIGITS) { /* the longest window first */
        if ((issuer->lengths >> count & 1) && card_luhn_ok(digits, count) &&
            accept(c, first, past - 1, digits, count)) {
            size_t at = c->g[first].at;
            *ret_hit = (card_hit_t){at, c->g[past - 1].end - at, count, issuer->brand};
            return true;
        }
        count -= c->g[--past].count;
    }
    return false;
}
