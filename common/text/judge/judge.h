/* The judge of the card-number detector: makes values whose truth is known from public facts only
 * (ISO/IEC 7812 issuer ranges, lengths and check digit; notations in use in Japan) and counts what
 * the detector says. Knows common/text/card.h and nothing of how the detector decides. Must never
 * take a number from real life, nor drop a value because the detector judges it badly.
 *
 * Values are written as forms, a small template language:
 *   # digit   ! digit 1-9   ^ A-Z   * 0-9a-z   $ 0-9A-Za-z   ~ 0-9a-f   ` 0-9A-F
 *   [abc] one of these characters   {#10} ten digits   {word} {word:arg} see judge_words.c
 *   \x the character x itself; everything else stands for itself. */
#ifndef JUDGE_H
#define JUDGE_H

#include "base/buf.h"

enum { JUDGE_VALUE_MAX = 65536, JUDGE_PAN_MAX = 19 };

typedef struct rng {
    uint64_t state;
    slice_t card;    /* what {card} writes */
    const char *gap; /* what {gap} writes: the separator that the card number is written with */
    unsigned pieces; /* ids, tokens and booking numbers written so far */
} rng_t;

typedef struct kind {
    const char *name;
    unsigned weight;
    const char *const *forms;                          /* ends in NULL; one is taken at random */
    void (*make)(rng_t *r, slice_t arg, buf_t *out);   /* where forms is NULL */
    void (*coat)(rng_t *r, slice_t value, buf_t *out); /* encodings only */
    unsigned wide; /* percent of the values that a Japanese keyboard writes full-width */
} kind_t;

typedef struct kinds {
    const char *name;
    const kind_t *rows;
    size_t count;
} kinds_t;

#define FORMS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define KINDS(name, rows)                                                                          \
    {                                                                                              \
        (name), (rows), BASE_COUNT(rows)                                                           \
    }

/* A generator of its own for each value, so that any value can be made again. */
rng_t rng_at(uint64_t seed, unsigned set, unsigned index);
unsigned rng_below(rng_t *r, unsigned bound);
unsigned rng_between(rng_t *r, unsigned low, unsigned high); /* both included */
bool rng_percent(rng_t *r, unsigned percent);

const char *form_pick(rng_t *r, const char *const *forms);
void form_put(rng_t *r, const char *form, buf_t *out);
size_t kind_pick(rng_t *r, const kind_t *rows, size_t count);
void kind_put(rng_t *r, const kind_t *kind, buf_t *out);
/* Aborts when there is no such word: a spelling mistake in a table. */
const kind_t *word_find(slice_t name);
extern const kinds_t WORDS, NUMBER_WORDS; /* judge_words.c, judge_numbers.c */

void utf8_write(uint32_t code, buf_t *out);
/* The code point at s->ptr, which moves on (our own well-formed text only). */
uint32_t utf8_next(slice_t *s);

/* Set 1: a card number in disguise. The dimensions are independent of each other. */
enum { CARD_BRAND, CARD_DIGITS, CARD_GROUPS, CARD_GAP, CARD_SETTING, CARD_COAT, CARD_DIMS };
extern const kinds_t *const CARD_DIM[CARD_DIMS];
typedef struct disguise {
    size_t row[CARD_DIMS];
} disguise_t;
/* ret_card: the number as spelled, before the last encoding (in memory of the call before). */
disguise_t disguise_put(rng_t *r, buf_t *out, slice_t *ret_card);
void pan_put(rng_t *r, const char *const *forms, buf_t *out); /* a form and its check digit */
extern const kinds_t COATS;

/* Set 2: long numbers that are none. */
extern const kinds_t BENIGN;
size_t benign_put(rng_t *r, buf_t *out);

/* Set 3: the house's own ids, tokens and booking numbers. */
extern const kinds_t HOUSE;

/* Spellings and issuers past what the bounds speak of: counted, never judged. */
extern const kinds_t BEYOND_CARDS, BEYOND_BENIGN;

#endif
