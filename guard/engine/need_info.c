/* Sets of words and of bytes that a match cannot do without. */
#include "need_info.h"

#include "sig.h"

enum { CLASS_WORDS = 6 };

/* ---- sets of words --------------------------------------------------------------------------- */

static words_t words_room(walk_t *w, size_t count)
{
    words_t r = {ARENA_ARRAY(w->arena, slice_t, count ? count : 1), 0};
    if (!r.list) {
        w->memory = w->lost = true;
    }
    return r;
}

words_t need_words_empty_string(walk_t *w)
{
    words_t r = words_room(w, 1);
    r.count = r.list ? 1 : 0;
    return r;
}

static int word_cmp(const void *a, const void *b)
{
    return slice_cmp(*(const slice_t *)a, *(const slice_t *)b);
}

static void words_sort(words_t *s)
{
    if (s->count < 2) {
        return;
    }
    qsort(s->list, s->count, sizeof *s->list, word_cmp);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < s->count; i++) {
        if (!slice_eq(s->list[i], s->list[kept - 1])) {
            s->list[kept++] = s->list[i];
        }
    }
    s->count = kept;
}

/* Every a followed by every b; false when that is too much. */
bool need_words_cross(walk_t *w, words_t a, words_t b, words_t *ret)
{
    size_t count = (size_t)a.count * b.count;
    if (count > NEED_WORDS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < a.count; i++) {
        for (uint32_t k = 0; k < b.count; k++) {
            if (a.list[i].len + b.list[k].len > NEED_WORD_MAX) {
                return false;
            }
        }
    }
    words_t r = words_room(w, count);
    for (uint32_t i = 0; r.list && i < a.count; i++) {
        for (uint32_t k = 0; k < b.count; k++) {
            size_t len = a.list[i].len + b.list[k].len;
            uint8_t *to = arena_alloc(w->arena, len ? len : 1);
            if (!to) {
                w->memory = w->lost = true;
                return false;
            }
            if (a.list[i].len) {
                memcpy(to, a.list[i].ptr, a.list[i].len);
            }
            if (b.list[k].len) {
                memcpy(to + a.list[i].len, b.list[k].ptr, b.list[k].len);
            }
            r.list[r.count++] = slice_make(to, len);
        }
    }
    words_sort(&r);
    *ret = r;
    return r.list != NULL;
}

bool need_words_join(walk_t *w, words_t a, words_t b, words_t *ret)
{
    if (a.count + b.count > NEED_WORDS_MAX) {
        return false;
    }
    words_t r = words_room(w, (size_t)a.count + b.count);
    if (!r.list) {
        return false;
    }
    for (uint32_t i = 0; i < a.count + b.count; i++) {
        r.list[i] = i < a.count ? a.list[i] : b.list[i - a.count];
    }
    r.count = a.count + b.count;
    words_sort(&r);
    *ret = r;
    return true;
}

bool need_word_is_good(slice_t word)
{
    if (word.len >= 3) {
        return true;
    }
    unsigned signs = 0;
    for (size_t i = 0; i < word.len; i++) {
        unsigned kind = sig_kind(word.ptr[i]);
        signs += kind > SIG_DIGIT && kind != SIG_SPACE && kind != SIG_HIGH;
    }
    return word.len == 2 && signs > 0;
}

/* ---- what must occur ---------------------------------------------------------------------- */

/* About how often a harmless text holds one of them; 2 = not worth it. */
double need_choice_cost(const choice_t *c)
{
    double sum = c->words.count || c->alt_count ? 0 : 2;
    for (uint32_t i = 0; i < c->words.count; i++) {
        double one = 1;
        for (size_t k = 0; k < c->words.list[i].len && k < 8; k++) {
            one /= 16;
        }
        sum += one;
    }
    for (unsigned i = 0; i < c->alt_count; i++) {
        const need_alt_t *a = &c->alts[i];
        double one = 1;
        for (unsigned kind = 0; kind < 64; kind++) {
            uint64_t bit = UINT64_C(1) << kind;
            if (a->all & bit) {
                one *= need_sig_weight(bit) / 32.0;
            }
        }
        for (unsigned k = 0; k < 2; k++) {
            unsigned weight = a->any[k] ? need_sig_weight(a->any[k]) : 32;
            one *= weight < 32 ? weight / 32.0 : 1;
        }
        sum += one;
    }
    return sum;
}

void need_keep_best(choice_t *best, const choice_t *other)
{
    if (need_choice_cost(other) < need_choice_cost(best)) {
        *best = *other;
    }
}

/* Words that the scanner would not want count by their bytes. */
choice_t need_choice_of_words(walk_t *w, words_t all)
{
    choice_t c = {.words = words_room(w, all.count)};
    for (uint32_t i = 0; c.words.list && i < all.count; i++) {
        slice_t word = all.list[i];
        if (need_word_is_good(word)) {
            c.words.list[c.words.count++] = word;
            continue;
        }
        if (word.len == 0 || c.alt_count == NEED_ALTS) {
            return (choice_t){0};
        }
        need_alt_t *a = &c.alts[c.alt_count++];
        for (size_t k = 0; k < word.len; k++) {
            a->all |= sig_bit(word.ptr[k]);
        }
    }
    return c;
}

void need_keep_words(walk_t *w, choice_t *best, words_t words)
{
    choice_t c = need_choice_of_words(w, words);
    need_keep_best(best, &c);
}

/* ---- sets of bytes --------------------------------------------------------------------------- */

/* How common a kind of byte is in harmless values. */
unsigned need_sig_weight(uint64_t bits)
{
    unsigned sum = 0;
    for (unsigned kind = 0; kind < 64; kind++) {
        if (bits >> kind & 1) {
            sum += kind < SIG_DIGIT                         ? 10
                   : kind == SIG_DIGIT || kind == SIG_SPACE ? 30
                   : kind == sig_kind('.') || kind == sig_kind('-') || kind == sig_kind('/') ||
                           kind == sig_kind('_') || kind == sig_kind(',') || kind == sig_kind('=')
                       ? 8
                   : kind == SIG_HIGH ? 20
                                      : 1;
        }
    }
    return sum;
}

void need_add_any(info_t *i, uint64_t bits)
{
    if (bits == 0 || (bits & i->all) != 0 || ~bits == 0) {
        return;
    }
    if ((bits & (bits - 1)) == 0) {
        i->all |= bits;
        return;
    }
    for (unsigned k = 0; k < i->any_count; k++) {
        if ((i->any[k] & ~bits) == 0) {
            return; /* implied by a narrower one */
        }
    }
    if (i->any_count < NEED_ANY) {
        i->any[i->any_count++] = bits;
        return;
    }
    unsigned worst = 0;
    for (unsigned k = 1; k < NEED_ANY; k++) {
        worst = need_sig_weight(i->any[k]) > need_sig_weight(i->any[worst]) ? k : worst;
    }
    if (need_sig_weight(bits) < need_sig_weight(i->any[worst])) {
        i->any[worst] = bits;
    }
}

/* The narrowest set of which one byte is needed; 0 = none. */
static uint64_t narrowest(const info_t *i)
{
    uint64_t best = 0;
    unsigned weight = ~0U;
    for (unsigned kind = 0; kind < 64; kind++) {
        uint64_t bit = i->all & UINT64_C(1) << kind;
        if (bit && need_sig_weight(bit) < weight) {
            best = bit;
            weight = need_sig_weight(bit);
        }
    }
    for (unsigned k = 0; k < i->any_count; k++) {
        if (need_sig_weight(i->any[k]) < weight) {
            best = i->any[k];
            weight = need_sig_weight(best);
        }
    }
    return best;
}

info_t need_info_nothing(void)
{
    return (info_t){0};
}

info_t need_info_epsilon(walk_t *w)
{
    return (info_t){.exact = true, .words = need_words_empty_string(w)};
}

info_t need_info_byte(walk_t *w, uint8_t byte)
{
    info_t i = {.exact = true, .words = need_words_empty_string(w), .all = sig_bit(byte)};
    uint8_t *to = arena_alloc(w->arena, 1);
    if (!to || !i.words.list) {
        w->memory = w->lost = true;
        return need_info_nothing();
    }
    *to = need_lower(byte);
    i.words.list[0] = slice_make(to, 1);
    return i;
}

info_t need_info_set(walk_t *w, const byte_set_t *s)
{
    info_t i = {0};
    uint64_t bits = 0;
    byte_set_t folded = {{0}};
    unsigned count = 0;
    for (unsigned b = 0; b < 256; b++) {
        if (byte_set_has(s, b)) {
            bits |= sig_bit((uint8_t)b);
            count += !byte_set_has(&folded, need_lower(b));
            byte_set_add(&folded, need_lower(b));
        }
    }
    if (count == 0) { /* matches nothing at all: whoever asks for it can never be satisfied */
        return i;
    }
    if (count <= CLASS_WORDS) {
        i.words = words_room(w, count);
        for (unsigned b = 0; i.words.list && b < 256; b++) {
            if (byte_set_has(&folded, b)) {
                info_t one = need_info_byte(w, (uint8_t)b);
                if (one.exact) {
                    i.words.list[i.words.count++] = one.words.list[0];
                }
            }
        }
        i.exact = !w->lost;
    }
    need_add_any(&i, bits);
    return i;
}

/* What a branch asks for at best: its words, or else its bytes. */
static choice_t choice_of(walk_t *w, const info_t *i)
{
    choice_t c = i->best, bytes = {.alt_count = 1};
    if (i->exact) {
        c = need_choice_of_words(w, i->words);
    }
    bytes.alts[0].all = i->all;
    for (unsigned k = 0; k < i->any_count; k++) {
        need_alt_t *a = &bytes.alts[0];
        unsigned worse =
            a->any[0] && (!a->any[1] || need_sig_weight(a->any[1]) > need_sig_weight(a->any[0]));
        worse = !a->any[0] ? 0 : !a->any[1] ? 1 : worse;
        if (!a->any[worse] || need_sig_weight(i->any[k]) < need_sig_weight(a->any[worse])) {
            a->any[worse] = i->any[k];
        }
    }
    need_keep_best(&c, &bytes);
    return c;
}

static choice_t choice_join(walk_t *w, const choice_t *a, const choice_t *b)
{
    choice_t r = *a;
    if (need_choice_cost(a) >= 1 || need_choice_cost(b) >= 1 ||
        a->alt_count + b->alt_count > NEED_ALTS ||
        !need_words_join(w, a->words, b->words, &r.words)) {
        return (choice_t){0};
    }
    memcpy(r.alts + r.alt_count, b->alts, b->alt_count * sizeof *b->alts);
    r.alt_count += b->alt_count;
    return r;
}

info_t need_either(walk_t *w, const info_t *a, const info_t *b)
{
    info_t r = need_info_nothing();
    uint64_t na = narrowest(a), nb = narrowest(b);
    r.all = a->all & b->all;
    if (na && nb) {
        need_add_any(&r, na | nb);
    }
    r.exact = a->exact && b->exact && need_words_join(w, a->words, b->words, &r.words);
    if (!r.exact) {
        choice_t ca = choice_of(w, a), cb = choice_of(w, b);
        r.best = choice_join(w, &ca, &cb);
    }
    return r;
}
