/* Several short fields that make one card number together: "4111" "1111" "1111" "1111" in four
 * boxes, or sixteen boxes with a digit each. Values are handed in as they come; runs of short
 * numbers are joined and looked at. */
#ifndef GUARD_CARDS_BOXES_H
#define GUARD_CARDS_BOXES_H

#include "text/card.h"

enum { BOXES_BYTES = 256 };

/* One run: numbers of min to max digits, joined by '-'. */
typedef struct boxes_run {
    uint8_t mem[BOXES_BYTES];
    size_t len;
    unsigned min, max;
} boxes_run_t;

typedef struct boxes {
    boxes_run_t quarters, singles;
} boxes_t;

void boxes_init(boxes_t *b);
/* The next value, decoded. CARD_DATA when a run that it ends, or fills, is a card number. An empty
 * value neither ends nor lengthens a run. */
err_t boxes_add(boxes_t *b, slice_t value, card_hit_t *ret_hit);
err_t boxes_end(boxes_t *b, card_hit_t *ret_hit);

#endif
