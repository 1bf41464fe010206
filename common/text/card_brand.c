/* Issuer ranges and the check digit. Sources: ISO/IEC 7812-1 annex B (Luhn); the schemes' published
 * ranges. Maestro's nominal range (50, 56-58, 6) is far wider than what was ever issued: the
 * prefixes seen on cards count at every length, the rest of 50, 56-58 and 67 at the lengths still
 * issued. */
#include "text/card_parts.h"

#define LEN(n) (1U << (n))
#define LEN_16_TO_19 (LEN(16) | LEN(17) | LEN(18) | LEN(19))
#define LEN_14_TO_19 (LEN(14) | LEN(15) | LEN_16_TO_19)
#define LEN_13_TO_19 (LEN(13) | LEN_14_TO_19)
#define LEN_MAESTRO (LEN(16) | LEN(18) | LEN(19))

// clang-format off
static const issuer_t ISSUERS[] = { /* the first row that fits counts */
    {180000, 180099, LEN(15), CARD_JCB}, /* old numbers, as 2131 */
    {213100, 213199, LEN(15), CARD_JCB},
    {220000, 220499, LEN_16_TO_19, CARD_OTHER}, /* Mir */
    {222100, 272099, LEN(16), CARD_MASTERCARD},
    {300000, 305999, LEN_14_TO_19, CARD_DINERS},
    {309500, 309599, LEN_14_TO_19, CARD_DINERS},
    {340000, 349999, LEN(15), CARD_AMEX},
    {352800, 358999, LEN_16_TO_19, CARD_JCB},
    {360000, 369999, LEN_14_TO_19, CARD_DINERS},
    {370000, 379999, LEN(15), CARD_AMEX},
    {380000, 399999, LEN_14_TO_19, CARD_DINERS},
    {400000, 499999, LEN(13) | LEN(16) | LEN(19), CARD_VISA},
    {501800, 501899, LEN_13_TO_19, CARD_MAESTRO},
    {502000, 502099, LEN_13_TO_19, CARD_MAESTRO},
    {503800, 503899, LEN_13_TO_19, CARD_MAESTRO},
    {500000, 509999, LEN_MAESTRO, CARD_MAESTRO},
    {510000, 559999, LEN(16), CARD_MASTERCARD},
    {561200, 561299, LEN_13_TO_19, CARD_MAESTRO},
    {589300, 589399, LEN_13_TO_19, CARD_MAESTRO},
    {560000, 589999, LEN_MAESTRO, CARD_MAESTRO},
    {601100, 601199, LEN_16_TO_19, CARD_DISCOVER},
    {600000, 609999, LEN(16), CARD_OTHER}, /* RuPay, Hipercard */
    {620000, 629999, LEN_16_TO_19, CARD_UNIONPAY}, /* 622126-622925 is Discover's as well */
    {630400, 630499, LEN_13_TO_19, CARD_MAESTRO},
    {639000, 639099, LEN_13_TO_19, CARD_MAESTRO},
    {636000, 639999, LEN(16), CARD_OTHER}, /* InterPayment, InstaPayment, Elo */
    {644000, 659999, LEN_16_TO_19, CARD_DISCOVER},
    {675900, 675999, LEN_13_TO_19, CARD_MAESTRO},
    {676100, 676399, LEN_13_TO_19, CARD_MAESTRO},
    {670000, 679999, LEN_MAESTRO, CARD_MAESTRO},
};
// clang-format on

bool card_luhn_ok(const uint8_t *digits, size_t count)
{
    static const uint8_t DOUBLED[] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (count - 1 - i) % 2 ? DOUBLED[digits[i]] : digits[i];
    }
    return sum % 10 == 0;
}

const issuer_t *card_issuer_of(const uint8_t *digits)
{
    uint32_t prefix = 0;
    if (digits[0] < CARD_FIRST_LOW || digits[0] > CARD_FIRST_HIGH) {
        return NULL;
    }
    for (size_t i = 0; i < 6; i++) {
        prefix = prefix * 10 + digits[i];
    }
    for (size_t i = 0; i < BASE_COUNT(ISSUERS); i++) {
        if (prefix >= ISSUERS[i].low && prefix <= ISSUERS[i].high) {
            return &ISSUERS[i];
        }
    }
    return NULL;
}

card_brand_t card_brand_of(const uint8_t *digits, size_t count)
{
    if (count < CARD_MIN_DIGITS || count > CARD_MAX_DIGITS) {
        return CARD_NONE;
    }
    const issuer_t *row = card_issuer_of(digits);
    bool fits = row && (row->lengths & LEN(count)) && card_luhn_ok(digits, count);
    return fits ? row->brand : CARD_NONE;
}

const char *card_brand_name(card_brand_t brand)
{
    static const char *const NAMES[] = {"none",    "Visa",        "Mastercard", "American Express",
                                        "JCB",     "Diners Club", "Discover",   "UnionPay",
                                        "Maestro", "other"};
    return (size_t)brand < BASE_COUNT(NAMES) ? NAMES[brand] : "none";
}
