/* What a code point means to the card detector, and what stands around a number. */
#include "text/card_parts.h"
#include "text/digit.h"
#include "text/hex.h"
#include "text/utf8.h"

/* Separators, by class. Dashes: Unicode Pd, and signs that look like one. */
static const struct {
    uint32_t first, last;
    uint8_t sep_class;
} SEPS[] = {
    {0x0027, 0x0027, '\''}, {0x002C, 0x002C, ','},   {0x002D, 0x002D, '-'},
    {0x002E, 0x002E, '.'},  {0x002F, 0x002F, '/'},   {0x005C, 0x005C, '/'},
    {0x005F, 0x005F, '_'},  {0x0060, 0x0060, '\''},  {0x007E, 0x007E, '~'},
    {0x00AF, 0x00AF, '-'},  {0x00B4, 0x00B4, '\''},  {0x00B7, 0x00B7, '.'},
    {0x02BC, 0x02BC, '\''}, {0x02D7, 0x02D7, '-'},   {0x0387, 0x0387, '.'},
    {0x058A, 0x058A, '-'},  {0x05BE, 0x05BE, '-'},   {0x060C, 0x060C, ','},
    {0x066A, 0x066D, ','},  {0x06D4, 0x06D4, '.'},   {0x1400, 0x1400, '-'},
    {0x16EB, 0x16EB, '.'},  {0x1806, 0x1806, '-'},   {0x2010, 0x2015, '-'},
    {0x2017, 0x2017, '_'},  {0x2018, 0x201B, '\''},  {0x2022, 0x2022, '.'},
    {0x2024, 0x2027, '.'},  {0x2032, 0x2032, '\''},  {0x203E, 0x203E, '-'},
    {0x203F, 0x2040, '_'},  {0x2043, 0x2043, '-'},   {0x2044, 0x2044, '/'},
    {0x2053, 0x2053, '-'},  {0x2054, 0x2054, '_'},   {0x207B, 0x207B, '-'},
    {0x208B, 0x208B, '-'},  {0x2212, 0x2212, '-'},   {0x2215, 0x2216, '/'},
    {0x2218, 0x2219, '.'},  {0x223C, 0x223C, '~'},   {0x22C5, 0x22C5, '.'},
    {0x23AF, 0x23AF, '-'},  {0x23E4, 0x23E4, '-'},   {0x2500, 0x2501, '-'},
    {0x2504, 0x2505, '-'},  {0x2508, 0x2509, '-'},   {0x254C, 0x254D, '-'},
    {0x2571, 0x2572, '/'},  {0x25AA, 0x25AB, '.'},   {0x25CB, 0x25CB, '.'},
    {0x25CF, 0x25CF, '.'},  {0x25E6, 0x25E6, '.'},   {0x2796, 0x2796, '-'},
    {0x2981, 0x2981, '.'},  {0x29F5, 0x29F9, '/'},   {0x2E17, 0x2E17, '-'},
    {0x2E1A, 0x2E1A, '-'},  {0x2E31, 0x2E31, '.'},   {0x2E33, 0x2E33, '.'},
    {0x2E3A, 0x2E3B, '-'},  {0x2E40, 0x2E41, '-'},   {0x2E5D, 0x2E5D, '-'},
    {0x3001, 0x3001, ';'},  {0x3002, 0x3002, '.'},   {0x301C, 0x301C, '~'},
    {0x3030, 0x3030, '-'},  {0x30A0, 0x30A0, '-'},   {0x30FB, 0x30FB, '.'},
    {0x30FC, 0x30FC, '-'},  {0x31D0, 0x31D0, '-'},   {0xA78F, 0xA78F, '.'},
    {0xFE10, 0xFE11, ','},  {0xFE31, 0xFE32, '-'},   {0xFE33, 0xFE34, '_'},
    {0xFE4D, 0xFE4F, '_'},  {0xFE50, 0xFE52, ','},   {0xFE58, 0xFE58, '-'},
    {0xFE63, 0xFE63, '-'},  {0xFE68, 0xFE68, '/'},   {0xFF07, 0xFF07, '\''},
    {0xFF0C, 0xFF0C, ','},  {0xFF0D, 0xFF0D, '-'},   {0xFF0E, 0xFF0E, '.'},
    {0xFF0F, 0xFF0F, '/'},  {0xFF3C, 0xFF3C, '/'},   {0xFF3F, 0xFF3F, '_'},
    {0xFF5E, 0xFF5E, '~'},  {0xFF61, 0xFF61, '.'},   {0xFF64, 0xFF64, ';'},
    {0xFF65, 0xFF65, '.'},  {0xFF70, 0xFF70, '-'},   {0xFFE3, 0xFFE3, '-'},
    {0xFFEE, 0xFFEE, '.'},  {0x10100, 0x10101, '.'}, {0x10EAD, 0x10EAD, '-'},
};

/* Class of a separator, or 0. */
static uint8_t sep_class(uint32_t cp)
{
    if (text_is_space(cp)) {
        bool line = (cp >= 10 && cp <= 13) || cp == 0x85 || cp == 0x2028 || cp == 0x2029;
        return line ? '\n' : ' ';
    }
    size_t low = 0, high = BASE_COUNT(SEPS);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (cp < SEPS[mid].first) {
            high = mid;
        } else if (cp > SEPS[mid].last) {
            low = mid + 1;
        } else {
            return SEPS[mid].sep_class;
        }
    }
    return 0;
}

/* Punctuation that may stand between the quarters of a card number, but as well between two
 * numbers. Not among them: money and percent signs, and '&', '#', ';', which belong to encodings.
 */
static bool is_weak(uint32_t cp)
{
    if (cp < 0x80) {
        return cp && strchr("!\"()*+:<=>?[]^{|}", (int)cp);
    }
    if (cp >= 0xFF01 && cp <= 0xFF5E) {
        return is_weak(cp - 0xFF01 + '!');
    }
    return cp == 0xAB || cp == 0xBB || cp == 0xA6 || cp == 0xD7 || (cp >= 0x201C && cp <= 0x201F) ||
           (cp >= 0x2039 && cp <= 0x203A) || (cp >= 0x2190 && cp <= 0x21FF) ||
           (cp >= 0x2502 && cp <= 0x257F) || (cp >= 0x25A0 && cp <= 0x25FF) ||
           (cp >= 0x2600 && cp <= 0x27BF) || (cp >= 0x3008 && cp <= 0x3011) ||
           (cp >= 0x3014 && cp <= 0x301B) || cp == 0xFF5F || cp == 0xFF60 || cp == 0xFF62 ||
           cp == 0xFF63 || (cp >= 0x1F300 && cp <= 0x1FAFF);
}

static uint8_t latin(uint32_t cp)
{
    uint32_t ascii = cp >= 0xFF21 && cp <= 0xFF5A ? cp - 0xFF01 + '!' : cp;
    if (ascii >= 'A' && ascii <= 'Z') {
        return (uint8_t)(ascii | 0x20);
    }
    return ascii >= 'a' && ascii <= 'z' ? (uint8_t)ascii : 0;
}

glyph_t card_glyph(uint32_t cp)
{
    if (cp == UTF8_BAD) {
        return (glyph_t){GLYPH_WEAK, 0, false, true};
    }
    int digit = text_digit_sign(cp);
    if (digit >= 0) {
        bool plain = cp < 0x80 || (cp >= 0xFF10 && cp <= 0xFF19);
        return (glyph_t){GLYPH_DIGIT, (uint8_t)digit, plain, false};
    }
    uint8_t letter = latin(cp), sep = letter ? 0 : sep_class(cp);
    if (letter || sep) {
        return (glyph_t){letter ? GLYPH_LATIN : GLYPH_SEP, letter ? letter : sep, false, false};
    }
    if (text_is_ignorable(cp)) {
        return (glyph_t){GLYPH_IGNORABLE, 0, false, false};
    }
    return (glyph_t){is_weak(cp) ? GLYPH_WEAK : GLYPH_BREAK, 0, false, false};
}

/* The glyph before *at, which moves to its start; BREAK at the beginning of the text. */
static glyph_t glyph_before(slice_t text, size_t *at)
{
    size_t from = *at;
    if (from == 0) {
        return (glyph_t){GLYPH_BREAK, 0, false, false};
    }
    do {
        from--;
    } while (from && *at - from < 4 && (text.ptr[from] & 0xC0) == 0x80);
    slice_t one = slice_make(text.ptr + from, *at - from);
    uint32_t cp = utf8_take(&one);
    if (one.len) { /* not one sequence: malformed */
        cp = UTF8_BAD;
        from = *at - 1;
    }
    *at = from;
    return card_glyph(cp);
}

/* Words that are written right before or behind a card number without a space. */
static const char *const LABELS[] = {
    "account",  "american", "amex",   "an",        "and",     "bango",  "bangou",     "by",
    "card",     "cards",    "carta",  "carte",     "cb",      "cc",     "ccn",        "ccnum",
    "ccv",      "club",     "code",   "credit",    "cvc",     "cvv",    "date",       "de",
    "debit",    "desu",     "diners", "discover",  "exp",     "expire", "expires",    "expiry",
    "express",  "for",      "ga",     "ha",        "in",      "is",     "jcb",        "kaado",
    "kado",     "karte",    "kredit", "kurejitto", "maestro", "master", "mastercard", "mc",
    "mir",      "mm",       "my",     "nb",        "nbr",     "no",     "nr",         "num",
    "number",   "numbers",  "numero", "nummer",    "of",      "on",     "or",         "pan",
    "pay",      "payment",  "please", "security",  "tarjeta", "the",    "thanks",     "to",
    "unionpay", "upi",      "use",    "valid",     "via",     "visa",   "wa",         "with",
    "yen",      "your",
};

enum { WORD_MAX = 32 };

static bool is_label(slice_t word)
{
    for (size_t i = 0; i < BASE_COUNT(LABELS); i++) {
        if (slice_eq(word, slice_cstr_in(LABELS[i]))) {
            return true;
        }
    }
    return false;
}

/* Whether the word is made of labels one after another ("visacardno"). */
static bool is_label_phrase(slice_t word)
{
    bool reach[WORD_MAX + 1] = {true};
    for (size_t end = 1; end <= word.len; end++) {
        for (size_t from = 0; from < end && !reach[end]; from++) {
            reach[end] = reach[from] && is_label(slice_sub(word, from, end - from));
        }
    }
    return reach[word.len];
}

/* A long label at the side that touches the number is enough ("mynewcard4111..."). */
static bool touches_label(slice_t word, bool at_end)
{
    for (size_t n = 4; n <= word.len && n <= 10; n++) {
        if (is_label(at_end ? slice_from(word, word.len - n) : slice_sub(word, 0, n))) {
            return true;
        }
    }
    return is_label_phrase(word);
}

bool card_glued_left(slice_t text, size_t at)
{
    uint8_t word[WORD_MAX];
    size_t n = 0;
    glyph_t g = glyph_before(text, &at);
    if (g.kind != GLYPH_LATIN) {
        return false;
    }
    for (; g.kind == GLYPH_LATIN && n < WORD_MAX; n++) {
        word[WORD_MAX - 1 - n] = g.value;
        g = glyph_before(text, &at);
    }
    if (n == 1 && g.bad) { /* second half of a character in another encoding */
        return false;
    }
    slice_t s = slice_make(word + WORD_MAX - n, n);
    return g.kind == GLYPH_DIGIT || n == WORD_MAX || !touches_label(s, true);
}

bool card_glued_right(slice_t text, size_t end)
{
    uint8_t word[WORD_MAX];
    size_t n = 0;
    slice_t rest = slice_from(text, end);
    while (rest.len && n < WORD_MAX) {
        glyph_t g = card_glyph(utf8_take(&rest));
        if (g.kind != GLYPH_LATIN) {
            break;
        }
        word[n++] = g.value;
    }
    return n > 0 && (n == WORD_MAX || !touches_label(slice_make(word, n), false));
}

size_t card_letters_before(slice_t text, size_t at, uint8_t *word, size_t max)
{
    size_t n = 0;
    glyph_t g = glyph_before(text, &at);
    for (; g.kind == GLYPH_LATIN && n < max; n++) {
        word[n] = g.value;
        g = glyph_before(text, &at);
    }
    return g.kind == GLYPH_LATIN ? max + 1 : n;
}

bool card_named_before(slice_t text, size_t at)
{
    static const char *const WORDS[] = {"card", "visa", "credit", "カード", "ｶｰﾄﾞ", "支払", "決済"};
    size_t from = at > 32 ? at - 32 : 0;
    slice_t near = slice_sub(text, from, at - from);
    uint8_t lower[32];
    for (size_t i = 0; i < near.len; i++) {
        uint8_t c = near.ptr[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
    }
    for (size_t i = 0; i < BASE_COUNT(WORDS); i++) {
        if (slice_find(slice_make(lower, near.len), slice_cstr_in(WORDS[i])) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

bool card_is_counted(slice_t rest)
{
    static const char *const COUNTERS[] = {"年", "月", "日", "時", "分", "秒", "円",
                                           "名", "人", "泊", "室", "枚", "件", "個",
                                           "回", "歳", "才", "万", "席"};
    bool kanji = rest.len >= 3 && rest.ptr[0] >= 0xE4; /* U+4000 and on */
    for (size_t i = 0; kanji && i < BASE_COUNT(COUNTERS); i++) {
        if (slice_starts(rest, slice_cstr_in(COUNTERS[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_uuid(slice_t s)
{
    bool letter = false;
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.ptr[i] != '-' : hex_value(s.ptr[i]) < 0) {
            return false;
        }
        letter |= !dash && s.ptr[i] > '9';
    }
    return letter;
}

bool card_in_uuid(slice_t text, size_t at, size_t end)
{
    size_t from = at > 36 ? at - 36 : 0;
    for (; from <= at && from + 36 <= text.len; from++) {
        if (from + 36 >= end && is_uuid(slice_sub(text, from, 36))) {
            return true;
        }
    }
    return false;
}
