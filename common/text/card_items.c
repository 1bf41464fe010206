/* Numbers that show by their form that they are something else: telephone numbers with their 0 or
 * +81, dates, lists of amounts, addresses of machines and places, IBANs. They are marked in the
 * chain so that no card number is put together out of their parts. */
#include "text/card_parts.h"

static void mark(chain_t *c, size_t first, size_t n, uint8_t *id)
{
    ++*id;
    for (size_t i = first; i < first + n; i++) {
        c->item[i] = *id;
    }
}

/* Groups before i, back to the stretch's beginning. */
static size_t stretch_before(const chain_t *c, size_t i)
{
    size_t first = i;
    while (first > 0 && !card_begins_stretch(c, first)) {
        first--;
    }
    return i - first;
}

static unsigned digits_before(const chain_t *c, size_t i)
{
    unsigned digits = 0;
    for (size_t n = stretch_before(c, i); n > 0; n--) {
        digits += c->g[i - n].count;
    }
    return digits;
}

/* Whether a number of another kind may end before i: nothing, one group of 5 to 10 digits (a
 * booking number, a postal code without its hyphen), or a postal code 3-4. */
static bool follows_whole_number(const chain_t *c, size_t i)
{
    static const uint8_t POSTAL[] = {3, 4};
    size_t n = stretch_before(c, i);
    return n == 0 || (n == 1 && c->g[i - 1].count >= 6 && c->g[i - 1].count <= 10) ||
           (n == 2 && card_counts_are(c, i - 2, POSTAL, 2));
}

/* Japanese numbers with their 0: 10 digits, or 11 for 020, 050, 060, 070, 080, 090, 0800. */
static bool is_phone_start(const group_t *g, unsigned total)
{
    bool eleven = g->count < 3 || g->digits[2] == 0;
    return g->digits[0] == 0 && g->count >= 2 && g->digits[1] != 0 && (total == 10 || eleven);
}

/* A whole number in one group. Six digits before ten are rather a card's issuer and account. */
static bool is_solid_phone(const chain_t *c, size_t i)
{
    const group_t *g = &c->g[i];
    bool bin = g->count == 10 && stretch_before(c, i) == 1 && c->g[i - 1].count == 6;
    return (g->count == 10 || g->count == 11) && is_phone_start(g, g->count) && !bin &&
           follows_whole_number(c, i);
}

/* Length of the telephone number with its 0 that begins at group i, or 0. */
static size_t home_phone_at(const chain_t *c, size_t i)
{
    static const struct {
        uint8_t n, total, counts[3];
    } LAYOUTS[] = {{3, 10, {2, 4, 4}}, {3, 10, {3, 3, 4}}, {3, 11, {3, 4, 4}},
                   {3, 10, {4, 2, 4}}, {3, 10, {4, 3, 3}}, {3, 11, {4, 3, 4}},
                   {3, 10, {5, 1, 4}}, {2, 10, {2, 8}},    {2, 11, {3, 8}}};
    for (size_t k = 0; c->g[i].digits[0] == 0 && c->g[i].count >= 2 && k < BASE_COUNT(LAYOUTS);
         k++) {
        size_t last = i + LAYOUTS[k].n - 1;
        if (!card_counts_are(c, i, LAYOUTS[k].counts, LAYOUTS[k].n) ||
            !is_phone_start(&c->g[i], LAYOUTS[k].total)) {
            continue;
        }
        gap_t inner = c->g[i + 1].before;
        bool even = card_is_uniform(c, i, last) || card_has_weak(c, i, last); /* "03(1234)5678" */
        if (c->text.ptr[c->g[i].end] == '|') {                                /* divides fields */
            continue;
        }
        bool apart = card_apart_left(c, i, inner);
        bool bin = stretch_before(c, i) == 1 && c->g[i - 1].count == 6;
        bool alone = follows_whole_number(c, i) && !bin &&
                     (card_ends_stretch(c, last) || card_apart_right(c, last, inner));
        if (even && (LAYOUTS[k].n == 3 ? apart || alone : apart && alone)) {
            return LAYOUTS[k].n;
        }
    }
    return 0;
}

/* Length of a number that begins with Japan's code: +81, 0081, 010 81; then 9 or 10 digits, or a 0
 * more ("+81 (0)90 ..."). */
static size_t abroad_phone_at(const chain_t *c, size_t i)
{
    const group_t *g = &c->g[i];
    bool plus = i < c->count && g->at > 0 && c->text.ptr[g->at - 1] == '+' && g->count == 2 &&
                card_value(g) == 81;
    bool zeros = g->count == 4 && card_value(g) == 81;
    bool dialled = i + 1 < c->count && g->count == 3 && card_value(g) == 10 && g[1].count == 2 &&
                   card_value(&g[1]) == 81;
    if (!plus && !((zeros || dialled) && follows_whole_number(c, i))) {
        return 0;
    }
    size_t n = dialled ? 2 : 1;
    unsigned digits = 0;
    for (; i + n < c->count && digits < 9; n++) {
        digits += g[n].count;
    }
    return digits >= 9 && digits <= 11 ? n : 0;
}

/* Whether one separator of the class, and nothing else, divides group i from the one before it. */
static bool after_sep(const chain_t *c, size_t i, uint8_t sep_class)
{
    return i > 0 && i < c->count && c->g[i].before.kind == GAP_SEP &&
           c->g[i].before.key == gap_key_of(sep_class);
}

/* Length of the postal code at the chain's beginning, or 0: behind the postal mark, seven digits or
 * 3-4. */
static size_t postal_at(const chain_t *c, size_t i)
{
    static const uint8_t PARTS[] = {3, 4};
    if (i > 0) {
        return 0;
    }
    slice_t before = slice_sub(c->text, 0, c->g[0].at);
    while (before.len && before.ptr[before.len - 1] == ' ') {
        before.len--;
    }
    if (before.len < 3 || memcmp(before.ptr + before.len - 3, "\u3012", 3) != 0) {
        return 0;
    }
    return card_counts_are(c, 0, PARTS, 2) && after_sep(c, 1, '-') ? 2 : c->g[0].count == 7;
}

static bool is_month_day(const chain_t *c, size_t i)
{
    enum { YEAR_MAX = 40 }; /* or an expiry: month and year */
    if (!after_sep(c, i + 1, '/') || c->g[i].count > 2 || c->g[i + 1].count > 2) {
        return false;
    }
    unsigned month = card_value(&c->g[i]), day = card_value(&c->g[i + 1]);
    return month >= 1 && month <= 12 && day >= 1 && day <= YEAR_MAX;
}

/* Length of "12/27" at group i, or 0; not amid other small groups, which may be a card's. */
static size_t month_day_at(const chain_t *c, size_t i)
{
    if (!is_month_day(c, i) || after_sep(c, i, '/') || after_sep(c, i + 2, '/')) {
        return 0;
    }
    bool begins = card_begins_stretch(c, i), ends = card_ends_stretch(c, i + 1);
    bool left = begins || c->g[i - 1].count >= 3;
    bool right = ends || is_month_day(c, i + 2) || (!begins && c->g[i + 2].count >= 3) ||
                 (begins && c->g[i].digits[0] < 2); /* no card begins so */
    return left && right ? 2 : 0;
}

/* Whether a colon, and nothing else, stands behind group i. */
static bool before_colon(const chain_t *c, size_t i)
{
    return i + 1 < c->count && c->g[i + 1].at == c->g[i].end + 1 && c->text.ptr[c->g[i].end] == ':';
}

/* Length of "10:30" or "10:30:59" at group i, or 0. */
static size_t time_at(const chain_t *c, size_t i)
{
    size_t n = 1;
    if ((i > 0 && before_colon(c, i - 1)) || c->g[i].count != 2 || card_value(&c->g[i]) > 23) {
        return 0;
    }
    for (; n < 3 && before_colon(c, i + n - 1); n++) {
        if (c->g[i + n].count != 2 || card_value(&c->g[i + n]) > 59) {
            return 0;
        }
    }
    return n > 1 && !before_colon(c, i + n - 1) ? n : 0;
}

static bool is_date(unsigned year, unsigned month, unsigned day)
{
    return year >= 1900 && year <= 2099 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* Whether three groups are a date: 2026-11-22, 22.11.2026, 11/22/2026. */
static bool is_date_parts(const group_t *g)
{
    unsigned a = card_value(&g[0]), b = card_value(&g[1]), d = card_value(&g[2]);
    bool year_first = g[0].count == 4 && g[2].count <= 2 && is_date(a, b, d);
    bool year_last = g[0].count <= 2 && g[2].count == 4 && (is_date(d, b, a) || is_date(d, a, b));
    return g[1].count <= 2 && (year_first || year_last);
}

/* Length of the date at group i, or 0. */
static size_t date_at(const chain_t *c, size_t i)
{
    const group_t *g = &c->g[i];
    if (g->count == 8) {
        unsigned v = card_value(g);
        bool whole = follows_whole_number(c, i) || digits_before(c, i) >= CARD_MIN_DIGITS;
        /* Behind another eight digits it is rather the second half of a card number. */
        bool half = stretch_before(c, i) == 1 && c->g[i - 1].count == 8;
        return whole && !half && is_date(v / 10000, v / 100 % 100, v % 100);
    }
    bool even =
        i >= 2 && card_same_gap(g->before, c->g[i - 1].before) && g->count == c->g[i - 1].count;
    if (g->count <= 4 && !(even && g->count > 2) && card_is_counted(slice_from(c->text, g->end))) {
        return 1;
    }
    if (i + 2 >= c->count || !is_date_parts(g) || !card_is_uniform(c, i, i + 2) ||
        g[1].before.key == gap_key_of(' ')) {
        return 0;
    }
    bool pair = c->count == 6 && (i == 3 ? c->item[2] != 0 : i == 0 && is_date_parts(&g[3]));
    bool apart = card_apart_left(c, i, g[1].before) && card_apart_right(c, i + 2, g[1].before);
    return pair || apart ? 3 : 0;
}

/* Whether a full stop, and nothing else, divides group i from the one before it. */
static bool after_dot(const chain_t *c, size_t i)
{
    return i > 0 && i < c->count && c->g[i].at == c->g[i - 1].end + 1 &&
           c->text.ptr[c->g[i - 1].end] == '.';
}

/* Length of the IPv4 address at group i, or 0. Eight digits at least: less is too little to tell.
 */
static size_t ip_at(const chain_t *c, size_t i)
{
    size_t digits = 0;
    for (size_t k = i; k < i + 4; k++) {
        const group_t *g = &c->g[k];
        if (k >= c->count || after_dot(c, k) != (k > i) || g->count > 3 || card_value(g) > 255 ||
            (g->count > 1 && g->digits[0] == 0)) {
            return 0;
        }
        digits += g->count;
    }
    return digits >= 8 && !after_dot(c, i + 4) ? 4 : 0;
}

/* Length of "35.681236, 139.767125" at group i, or 0. */
static size_t place_at(const chain_t *c, size_t i)
{
    const group_t *g = &c->g[i];
    if (i + 3 >= c->count || after_dot(c, i) || after_dot(c, i + 4)) {
        return 0;
    }
    uint32_t comma = gap_key_of(','), space = gap_key_of(' '), key = g[2].before.key;
    bool listed = key == comma || key == gap_key_add(comma, ' ') || key == space ||
                  key == gap_key_add(space, '-') || key == gap_key_add(comma, '-');
    bool form = g[0].count <= 2 && g[1].count >= 4 && g[2].count <= 3 && g[3].count >= 4 &&
                after_dot(c, i + 1) && after_dot(c, i + 3) && listed;
    return form && card_value(&g[0]) <= 90 && card_value(&g[2]) <= 180 ? 4 : 0;
}

/* An amount at group i: its groups ("12,300" has two), or 0. One group may be a small amount. */
static size_t amount_at(const chain_t *c, size_t i)
{
    uint32_t comma = gap_key_of(',');
    size_t n = 1;
    if (c->g[i].count > 7 || c->g[i].digits[0] == 0) {
        return 0;
    }
    while (i + n < c->count && c->g[i + n].before.kind == GAP_SEP &&
           c->g[i + n].before.key == comma) {
        if (c->g[i + n].count != 3) {
            return 0;
        }
        n++;
    }
    return n == 1 || (n <= 3 && c->g[i].count <= 3) ? n : 0;
}

/* Whether the stretch first..last is nothing but amounts, two at least, most plainly with commas.
 */
static bool is_price_list(const chain_t *c, size_t first, size_t last)
{
    size_t amounts = 0, with_comma = 0;
    gap_t between = {GAP_EDGE, 0};
    for (size_t i = first; i <= last; amounts++) {
        size_t one = amount_at(c, i);
        if (one == 0 || (amounts > 1 && !card_same_gap(c->g[i].before, between))) {
            return false;
        }
        between = c->g[i].before;
        with_comma += one > 1;
        i += one;
    }
    return amounts >= 2 && 2 * with_comma >= amounts;
}

/* As an IBAN is printed: check digits, fours, a shorter rest. */
static bool is_iban_layout(const chain_t *c)
{
    size_t n = 1;
    for (; n < c->count && c->g[n].count == 4 && after_sep(c, n, ' '); n++) {
    }
    n += n < c->count && c->g[n].count < 4 && after_sep(c, n, ' ');
    return c->g[0].count == 2 && n >= 5 && n == c->count;
}

/* ISO 13616: two letters, two check digits, then digits in fours; modulo 97 leaves 1. */
static bool is_iban(const chain_t *c)
{
    uint8_t word[2];
    if (c->g[0].count < 2 || card_letters_before(c->text, c->g[0].at, word, 2) != 2) {
        return false;
    }
    if (is_iban_layout(c)) {
        return true;
    }
    if (!card_glued_left(c->text, c->g[0].at)) { /* "no" is no country here */
        return false;
    }
    unsigned rest = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (c->g[i].count > CARD_MAX_DIGITS) {
            return false;
        }
        for (size_t k = i == 0 ? 2 : 0; k < c->g[i].count; k++) {
            rest = (rest * 10 + c->g[i].digits[k]) % 97;
        }
    }
    rest = (rest * 100 + (unsigned)(word[1] - 'a' + 10)) % 97;
    rest = (rest * 100 + (unsigned)(word[0] - 'a' + 10)) % 97;
    rest = (rest * 100 + c->g[0].digits[0] * 10U + c->g[0].digits[1]) % 97;
    return c->count > 1 && rest == 1;
}

static size_t item_at(const chain_t *c, size_t i)
{
    size_t n = postal_at(c, i);
    n = n ? n : is_solid_phone(c, i);
    n = n ? n : home_phone_at(c, i);
    n = n ? n : abroad_phone_at(c, i);
    n = n ? n : date_at(c, i);
    n = n ? n : month_day_at(c, i);
    n = n ? n : time_at(c, i);
    n = n ? n : ip_at(c, i);
    n = n ? n : place_at(c, i);
    return n ? n : card_is_article(c, i);
}

void card_chain_mark(chain_t *c)
{
    uint8_t id = 0;
    memset(c->item, 0, sizeof c->item);
    if (c->count == 0 || is_iban(c)) {
        mark(c, 0, c->count, &id);
        return;
    }
    for (size_t i = 0; i < c->count;) {
        size_t n = item_at(c, i);
        if (n) {
            mark(c, i, n, &id);
        }
        i += n ? n : 1;
    }
    for (size_t first = 0, last; first < c->count; first = last + 1) {
        for (last = first; last + 1 < c->count && !card_ends_stretch(c, last); last++) {
        }
        if (!c->item[first] && last > first && is_price_list(c, first, last)) {
            mark(c, first, last - first + 1, &id);
        }
    }
}
