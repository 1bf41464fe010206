/* The card-number detector (law 5): the one judgement of guard, shop and pay. Finds primary account
 * numbers (PAN, ISO/IEC 7812-1) of 13 to 19 digits in free text, however they are written, and cuts
 * them before anything is recorded. Must never let a number through because of its spelling, and
 * must not take phone, booking, passport or mileage numbers, ids or dates for one.
 * How it decides is written at the head of card.c. Linear time; card_scan and card_cut allocate
 * nothing. */
#ifndef TEXT_CARD_H
#define TEXT_CARD_H

#include "base/arena.h"

enum { CARD_MIN_DIGITS = 13, CARD_MAX_DIGITS = 19, CARD_MAX_LAYERS = 4 };

typedef enum card_brand {
    CARD_NONE,
    CARD_VISA,
    CARD_MASTERCARD,
    CARD_AMEX,
    CARD_JCB,
    CARD_DINERS,
    CARD_DISCOVER,
    CARD_UNIONPAY,
    CARD_MAESTRO,
    CARD_OTHER, /* Mir, RuPay and smaller schemes */
} card_brand_t;

typedef struct card_hit {
    size_t at, len; /* bytes in the scanned text, from first to last digit */
    unsigned digits;
    card_brand_t brand;
} card_hit_t;

/* The first card number in text that has no encoding left (but UTF-8, which may be malformed).
 * ret_hit may be NULL. */
bool card_scan(slice_t text, card_hit_t *ret_hit);

/* The same, and looks through the layers that a form value can have: percent (also doubled,
 * %uXXXX), HTML references, JSON/JavaScript escapes, base64 of a whole value; at most
 * CARD_MAX_LAYERS deep, each linear. OK = none found; CARD_DATA = found (ret_hit, may be NULL, then
 * speaks of the decoded text); MEMORY = could not look: refuse. scratch needs up to 20 x
 * length (a value that can be base64 takes three copies a layer). */
err_t card_scan_encoded(arena_t *scratch, slice_t value, card_hit_t *ret_hit);

/* Copies text with every found number cut to its first 6 and last 4 digits: digits between become
 * '*', separators stay. Never longer than the input. */
void card_cut(slice_t text, buf_t *out);
/* card_cut, and when a number still shows through some encoding, or it could not be looked at, the
 * whole value is replaced by "[card number removed]". For whatever is recorded as sent. */
void card_cut_encoded(arena_t *scratch, slice_t value, buf_t *out);

/* Brand of a bare number: digits are values 0 to 9, most significant first. CARD_NONE unless issuer
 * range, length and check digit (Luhn) all fit. */
card_brand_t card_brand_of(const uint8_t *digits, size_t count);
const char *card_brand_name(card_brand_t brand);

#endif
