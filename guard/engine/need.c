/* A walk over the syntax of a PCRE pattern. For each part it computes the exact set of strings that
 * it matches (while that is small), the best set of strings of which one must occur, and sets of
 * bytes (need_info.c). */
#include "need_info.h"
#include "sig.h"

enum { DEPTH_MAX = 100, REPEAT_MAX = 8 };

/* ---- syntax ---------------------------------------------------------------------------------- */

static info_t walk_alternatives(walk_t *w);

static int peek(const walk_t *w, size_t ahead)
{
    return w->at + ahead < w->in.len ? w->in.ptr[w->at + ahead] : -1;
}

static bool take(walk_t *w, const char *text)
{
    slice_t t = slice_cstr_in(text);
    if (!slice_starts(slice_from(w->in, w->at), t)) {
        return false;
    }
    w->at += t.len;
    return true;
}

static int hex_of(int c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Behind "\x": up to two digits, or {...}. -1: not a byte. */
static int take_hex(walk_t *w)
{
    int value = 0;
    if (take(w, "{")) {
        bool any = false;
        while (hex_of(peek(w, 0)) >= 0) {
            value = value * 16 + hex_of(peek(w, 0));
            any = true;
            w->at++;
            if (value > 255) {
                return -1;
            }
        }
        return any && take(w, "}") ? value : -1;
    }
    for (int i = 0; i < 2 && hex_of(peek(w, 0)) >= 0; i++) {
        value = value * 16 + hex_of(peek(w, 0));
        w->at++;
    }
    return value;
}

static bool class_escape(int c, byte_set_t *s)
{
    byte_set_t r = {{0}};
    switch (c | 0x20) {
    case 'd':
        byte_set_range(&r, '0', '9');
        break;
    case 'w':
        byte_set_range(&r, '0', '9');
        byte_set_range(&r, 'a', 'z');
        byte_set_range(&r, 'A', 'Z');
        byte_set_add(&r, '_');
        break;
    case 's':
        byte_set_range(&r, 9, 13);
        byte_set_add(&r, ' ');
        break;
    case 'h':
        byte_set_add(&r, 9);
        byte_set_add(&r, ' ');
        byte_set_add(&r, 0xA0);
        break;
    case 'v':
        byte_set_range(&r, 10, 13);
        byte_set_add(&r, 0x85);
        break;
    default:
        return false;
    }
    if (c < 'a') {
        byte_set_invert(&r);
    }
    byte_set_union(s, &r);
    return true;
}

/* An escape that is one byte; the letter is at w->at. -1: it is something else (at moves only on
 * success). */
static int byte_escape(walk_t *w)
{
    int c = peek(w, 0);
    size_t back = w->at;
    w->at++;
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'f':
        return '\f';
    case 'e':
        return 27;
    case 'a':
        return 7;
    case 'x': {
        int value = take_hex(w);
        w->at = value < 0 ? back : w->at;
        return value;
    }
    case '0': {
        int value = 0;
        for (int i = 0; i < 2 && peek(w, 0) >= '0' && peek(w, 0) <= '7'; i++) {
            value = value * 8 + peek(w, 0) - '0';
            w->at++;
        }
        return value;
    }
    default:
        if (c >= 0 && c < 128 && !(c >= '0' && c <= '9') &&
            !(need_lower((unsigned)c) >= 'a' && need_lower((unsigned)c) <= 'z')) {
            return c;
        }
        w->at = back;
        return -1;
    }
}

static const struct {
    const char *name;
    const char *ranges; /* pairs */
} POSIX[] = {
    {"alpha", "azAZ"},    {"digit", "09"},      {"alnum", "azAZ09"}, {"upper", "azAZ"},
    {"lower", "azAZ"},    {"space", "\t\r  "},  {"blank", "\t\t  "}, {"punct", "!/:@[`{~"},
    {"xdigit", "09afAF"}, {"word", "azAZ09__"}, {"graph", "!~"},     {"print", " ~"},
};

static bool posix_class(walk_t *w, byte_set_t *s)
{
    slice_t rest = slice_from(w->in, w->at);
    size_t end = slice_find(rest, SLICE(":]"));
    if (!slice_starts(rest, SLICE("[:")) || end == SIZE_MAX) {
        return false;
    }
    slice_t name = slice_sub(rest, 2, end - 2);
    for (size_t i = 0; i < BASE_COUNT(POSIX); i++) {
        if (slice_eq(name, slice_cstr_in(POSIX[i].name))) {
            for (const char *r = POSIX[i].ranges; *r; r += 2) {
                byte_set_range(s, (uint8_t)r[0], (uint8_t)r[1]);
            }
            w->at += end + 2;
            return true;
        }
    }
    w->lost = true; /* [:^alpha:], [:cntrl:] and the like */
    return true;
}

/* One byte of a class, or a set (then *ret_byte is -1). */
static void class_item(walk_t *w, byte_set_t *s, int *ret_byte)
{
    *ret_byte = -1;
    int c = peek(w, 0);
    if (c == '[' && (peek(w, 1) == ':' || peek(w, 1) == '.' || peek(w, 1) == '=')) {
        if (peek(w, 1) == ':' && posix_class(w, s)) {
            return;
        }
    }
    if (c != '\\') {
        w->at++;
        *ret_byte = c;
        return;
    }
    w->at++;
    c = peek(w, 0);
    if (c == 'b') {
        w->at++;
        *ret_byte = 8;
    } else if (c >= 0 && class_escape(c, s)) {
        w->at++;
    } else {
        *ret_byte = byte_escape(w);
        w->lost |= *ret_byte < 0;
    }
}

static info_t walk_class(walk_t *w)
{
    byte_set_t s = {{0}};
    bool negated = take(w, "^");
    for (bool first = true; !w->lost; first = false) {
        int c = peek(w, 0);
        if (c < 0) {
            w->lost = true;
        } else if (c == ']' && !first) {
            w->at++;
            break;
        } else {
            int from, to;
            class_item(w, &s, &from);
            if (from < 0) {
                continue;
            }
            if (peek(w, 0) == '-' && peek(w, 1) != ']' && peek(w, 1) >= 0) {
                w->at++;
                class_item(w, &s, &to);
                if (to < 0) { /* "a-\d": both and the dash */
                    byte_set_add(&s, (unsigned)from);
                    byte_set_add(&s, '-');
                } else {
                    byte_set_range(&s, (unsigned)from, (unsigned)to);
                }
            } else {
                byte_set_add(&s, (unsigned)from);
            }
        }
    }
    /* In caseless patterns [a] is also [A]; the folded sets cover both. A negated one may then
     * match less than is thought here, never more: folding is undone before it is inverted. */
    if (negated) {
        byte_set_invert(&s);
    }
    return w->lost ? need_info_nothing() : need_info_set(w, &s);
}

static info_t walk_quoted(walk_t *w)
{
    w->loose = true;
    info_t r = need_info_epsilon(w);
    words_t joined;
    while (!w->lost && w->at < w->in.len && !take(w, "\\E")) {
        info_t one = need_info_byte(w, w->in.ptr[w->at++]);
        r.all |= one.all;
        if (r.exact && one.exact && need_words_cross(w, r.words, one.words, &joined)) {
            r.words = joined;
        } else {
            r.exact = false;
        }
    }
    return r;
}

static info_t walk_escape(walk_t *w)
{
    int c = peek(w, 0);
    byte_set_t s = {{0}};
    if (c < 0) {
        w->lost = true;
        return need_info_nothing();
    }
    if (class_escape(c, &s)) {
        w->at++;
        return need_info_set(w, &s);
    }
    int byte = byte_escape(w);
    if (byte >= 0) {
        return need_info_byte(w, (uint8_t)byte);
    }
    w->at++;
    if (c >= '1' && c <= '9') { /* a reference (or an octal byte): anything */
        while (peek(w, 0) >= '0' && peek(w, 0) <= '9') {
            w->at++;
        }
        return need_info_nothing();
    }
    switch (c) {
    case 'b':
    case 'B':
    case 'A':
    case 'Z':
    case 'z':
    case 'G':
    case 'K':
        return need_info_epsilon(w);
    case 'E':
        w->loose = true;
        return need_info_epsilon(w);
    case 'Q':
        return walk_quoted(w);
    case 'N':
        return need_info_nothing();
    case 'R':
        s = (byte_set_t){{0}};
        byte_set_range(&s, 10, 13);
        byte_set_add(&s, 0x85);
        {
            info_t r = need_info_set(w, &s); /* or CR LF */
            r.exact = false;
            return r;
        }
    default:
        w->lost =
            true; /* references, properties, \c: rare, and nothing is lost by asking nothing */
        return need_info_nothing();
    }
}

/* Behind '(': sets how the group counts. */
typedef enum group { GROUP_PLAIN, GROUP_AROUND, GROUP_DONE } group_t;

static group_t group_head(walk_t *w)
{
    if (peek(w, 0) == '*') {
        w->lost = true;
        return GROUP_DONE;
    }
    if (!take(w, "?")) {
        return GROUP_PLAIN;
    }
    if (take(w, ":") || take(w, ">") || take(w, "|")) {
        return GROUP_PLAIN;
    }
    if (take(w, "=") || take(w, "!") || take(w, "<=") || take(w, "<!")) {
        return GROUP_AROUND;
    }
    if (take(w, "#")) {
        w->loose = true;
        while (w->at < w->in.len && !take(w, ")")) {
            w->at++;
        }
        return GROUP_DONE;
    }
    if (take(w, "P<") || take(w, "<") || take(w, "'")) {
        while (w->at < w->in.len && peek(w, 0) != '>' && peek(w, 0) != '\'') {
            w->at++;
        }
        w->at++;
        return GROUP_PLAIN;
    }
    for (;;) { /* flags */
        int c = peek(w, 0);
        if (c == ')') {
            w->at++;
            return GROUP_DONE;
        }
        if (c == ':') {
            w->at++;
            return GROUP_PLAIN;
        }
        if (c != 'i' && c != 's' && c != 'm' && c != '-' && c != 'J' && c != 'U') {
            w->lost = true; /* x, recursion, conditions */
            return GROUP_DONE;
        }
        w->at++;
    }
}

static info_t walk_group(walk_t *w)
{
    group_t kind = group_head(w);
    if (w->lost || kind == GROUP_DONE) {
        return need_info_epsilon(w);
    }
    info_t r = walk_alternatives(w);
    w->lost |= !take(w, ")");
    w->loose = false;
    return kind == GROUP_AROUND ? need_info_epsilon(w) : r;
}

static info_t walk_atom(walk_t *w)
{
    int c = peek(w, 0);
    w->at++;
    switch (c) {
    case '(':
        return walk_group(w);
    case '[':
        return walk_class(w);
    case '\\':
        return walk_escape(w);
    case '.':
        return need_info_nothing();
    case '^':
    case '$':
        return need_info_epsilon(w);
    default:
        return need_info_byte(w, (uint8_t)c);
    }
}

/* {n}, {n,}, {n,m}; anything else in braces is text. */
static bool take_braces(walk_t *w, unsigned *ret_min, unsigned *ret_max)
{
    size_t at = w->at + 1;
    unsigned values[2] = {0, 0};
    unsigned digits[2] = {0, 0};
    unsigned which = 0;
    bool comma = false;
    for (; at < w->in.len && w->in.ptr[at] != '}'; at++) {
        uint8_t c = w->in.ptr[at];
        if (c == ',' && !comma) {
            comma = true;
            which = 1;
        } else if (c >= '0' && c <= '9' && digits[which] < 6) {
            values[which] = values[which] * 10 + c - '0';
            digits[which]++;
        } else {
            return false;
        }
    }
    if (at >= w->in.len || digits[0] == 0) {
        return false;
    }
    w->at = at + 1;
    *ret_min = values[0];
    *ret_max = !comma ? values[0] : digits[1] ? values[1] : ~0U;
    return true;
}

static bool take_quantifier(walk_t *w, unsigned *ret_min, unsigned *ret_max)
{
    *ret_min = 0;
    *ret_max = ~0U;
    if (peek(w, 0) == '{') {
        if (!take_braces(w, ret_min, ret_max)) {
            return false;
        }
    } else if (take(w, "+")) {
        *ret_min = 1;
    } else if (take(w, "?")) {
        *ret_max = 1;
    } else if (!take(w, "*")) {
        return false;
    }
    if (!take(w, "?")) {
        take(w, "+");
    }
    return true;
}

static info_t repeated(walk_t *w, info_t i, unsigned min, unsigned max)
{
    if (max == 0) {
        return need_info_epsilon(w);
    }
    if (min == 0) {
        info_t r = need_info_nothing();
        r.exact = max == 1 && i.exact &&
                  need_words_join(w, i.words, need_words_empty_string(w), &r.words);
        return r;
    }
    if (min == max && min <= REPEAT_MAX && i.exact) {
        words_t all = i.words;
        bool fits = true;
        for (unsigned n = 1; fits && n < min; n++) {
            fits = need_words_cross(w, all, i.words, &all);
        }
        if (fits) {
            i.words = all;
            return i;
        }
    }
    if (i.exact) {
        i.best = (choice_t){0};
        need_keep_words(w, &i.best, i.words);
        i.exact = false;
    }
    return i;
}

static info_t walk_sequence(walk_t *w)
{
    info_t r = need_info_epsilon(w);
    words_t joined;
    while (!w->lost && w->at < w->in.len && peek(w, 0) != '|' && peek(w, 0) != ')') {
        unsigned min, max;
        w->loose = false;
        info_t i = walk_atom(w);
        bool loose = w->loose;
        while (!w->lost && take_quantifier(w, &min, &max)) {
            w->lost |= loose;
            i = repeated(w, i, min, max);
        }
        r.all |= i.all;
        for (unsigned k = 0; k < i.any_count; k++) {
            need_add_any(&r, i.any[k]);
        }
        if (i.exact && need_words_cross(w, r.words, i.words, &joined)) {
            r.words = joined;
            continue;
        }
        need_keep_words(w, &r.best, r.words);
        r.exact = false;
        if (i.exact) {
            r.words = i.words;
        } else {
            need_keep_best(&r.best, &i.best);
            r.words = need_words_empty_string(w);
        }
    }
    if (!r.exact) {
        need_keep_words(w, &r.best, r.words);
    }
    return r;
}

static info_t walk_alternatives(walk_t *w)
{
    if (++w->depth > DEPTH_MAX) {
        w->lost = true;
        return need_info_nothing();
    }
    info_t r = walk_sequence(w);
    while (!w->lost && take(w, "|")) {
        info_t other = walk_sequence(w);
        r = need_either(w, &r, &other);
    }
    w->depth--;
    return r;
}

static err_t give(arena_t *arena, const info_t *i, const choice_t *c, need_t *ret)
{
    need_t n = {.all = i->all, .any_count = i->any_count};
    memcpy(n.any, i->any, sizeof n.any);
    if (need_choice_cost(c) < 1) {
        slice_t *copy = ARENA_ARRAY(arena, slice_t, c->words.count);
        ENSURE(copy, ERR_MEMORY);
        for (uint32_t k = 0; k < c->words.count; k++) {
            TRY(arena_copy(arena, c->words.list[k], &copy[k]));
        }
        n.words = copy;
        n.word_count = c->words.count;
        n.alt_count = c->alt_count;
        memcpy(n.alts, c->alts, sizeof n.alts);
    }
    *ret = n;
    return OK;
}

err_t need_of_regex(slice_t pattern, arena_t *arena, need_t *ret_need)
{
    arena_t scratch;
    arena_init(&scratch, 64 << 20);
    walk_t w = {.in = pattern, .arena = &scratch};
    info_t i = walk_alternatives(&w);
    w.lost |= w.at != pattern.len;
    choice_t c = i.exact ? need_choice_of_words(&w, i.words) : i.best;
    err_t e = OK;
    if (w.lost) {
        *ret_need = (need_t){0};
    } else {
        e = give(arena, &i, &c, ret_need);
    }
    arena_deinit(&scratch);
    return e;
}

err_t need_of_word(slice_t word, arena_t *arena, need_t *ret_need)
{
    need_t n = {0};
    slice_t *list = ARENA_ARRAY(arena, slice_t, 1);
    uint8_t *copy = arena_alloc(arena, word.len ? word.len : 1);
    ENSURE(list && copy, ERR_MEMORY);
    for (size_t k = 0; k < word.len; k++) {
        n.all |= sig_bit(word.ptr[k]);
        copy[k] = need_lower(word.ptr[k]);
    }
    list[0] = slice_make(copy, word.len < NEED_WORD_MAX ? word.len : (size_t)NEED_WORD_MAX);
    n.words = list;
    n.word_count = need_word_is_good(list[0]);
    *ret_need = n;
    return OK;
}
