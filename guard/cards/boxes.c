#include "boxes.h"

#include "text/digit.h"
#include "text/utf8.h"

enum {
    VALUE_BYTES_MAX = 40, /* six digits of three or four bytes, with space around */
    DIGITS_MAX = 6,
    KEEP_BYTES = 2 * CARD_MAX_DIGITS + 2, /* of a full run, what a number may still need */
};

void boxes_init(boxes_t *b)
{
    *b = (boxes_t){.quarters = {.min = 3, .max = DIGITS_MAX}, .singles = {.min = 1, .max = 1}};
}

/* Digits of a value that is a short number and nothing else; 0 for any other. */
static unsigned digits_of(slice_t value, uint8_t ret_digits[DIGITS_MAX])
{
    unsigned n = 0;
    slice_t rest = value;
    if (value.len > VALUE_BYTES_MAX) {
        return 0;
    }
    while (rest.len) {
        uint32_t cp = utf8_take(&rest);
        int digit = cp == UTF8_BAD ? -1 : text_digit_sign(cp);
        if (digit < 0 && (cp == UTF8_BAD || !(text_is_space(cp) || text_is_ignorable(cp)))) {
            return 0;
        }
        if (digit >= 0) {
            if (n == DIGITS_MAX) {
                return 0;
            }
            ret_digits[n++] = (uint8_t)('0' + digit);
        }
    }
    return n;
}

static err_t run_look(boxes_run_t *run, card_hit_t *ret_hit)
{
    slice_t text = slice_make(run->mem, run->len ? run->len - 1 : 0); /* without the last '-' */
    ENSURE(!card_scan(text, ret_hit), ERR_CARD_DATA);
    return OK;
}

static err_t run_end(boxes_run_t *run, card_hit_t *ret_hit)
{
    TRY(run_look(run, ret_hit));
    run->len = 0;
    return OK;
}

static err_t run_add(boxes_run_t *run, const uint8_t *digits, unsigned n, card_hit_t *ret_hit)
{
    if (n < run->min || n > run->max) {
        return run_end(run, ret_hit);
    }
    if (run->len + n + 1 > sizeof run->mem) { /* long runs are looked at piece by piece */
        TRY(run_look(run, ret_hit));
        memmove(run->mem, run->mem + run->len - KEEP_BYTES, KEEP_BYTES);
        run->len = KEEP_BYTES;
    }
    memcpy(run->mem + run->len, digits, n);
    run->len += n;
    run->mem[run->len++] = '-';
    return OK;
}

err_t boxes_add(boxes_t *b, slice_t value, card_hit_t *ret_hit)
{
    uint8_t digits[DIGITS_MAX];
    if (value.len == 0) {
        return OK;
    }
    unsigned n = digits_of(value, digits);
    TRY(run_add(&b->quarters, digits, n, ret_hit));
    return run_add(&b->singles, digits, n, ret_hit);
}

err_t boxes_end(boxes_t *b, card_hit_t *ret_hit)
{
    TRY(run_end(&b->quarters, ret_hit));
    return run_end(&b->singles, ret_hit);
}
