/* The card gate (law 5): looks at everything a request brings in which a form could carry a card
 * number, and says when a body cannot be looked at. Pure: bytes in, verdict out; it keeps nothing
 * and records nothing.
 *
 * What the gate cannot read it does not let pass: a compressed body, another charset than UTF-8,
 * two content types, a form or document that is broken or beyond the bounds below. The rooms'
 * decoders are the same code and would refuse most of it anyway; here it ends before anything is
 * kept. */
#ifndef GUARD_CARDS_GATE_H
#define GUARD_CARDS_GATE_H

#include "text/card.h"

enum { GATE_FIELDS_MAX = 1000, GATE_JSON_DEPTH = 32 };

typedef enum gate_answer { GATE_PASS, GATE_CARD, GATE_UNREADABLE } gate_answer_t;
typedef enum gate_place { GATE_NOWHERE, GATE_PATH, GATE_QUERY, GATE_BODY } gate_place_t;

typedef struct gate_request {
    slice_t path;             /* raw, without query */
    slice_t query;            /* raw, all after the first '?', a fragment included */
    slice_t content_type;     /* as sent; the first one */
    slice_t content_encoding; /* as sent, empty without one; several joined by ',' */
    size_t content_types;     /* how many Content-Type lines there were */
    slice_t body;             /* whole, as sent */
} gate_request_t;

typedef struct gate_verdict {
    gate_answer_t answer;
    gate_place_t place; /* where the card number or the unreadable part stands */
    card_hit_t hit;     /* CARD: brand and number of digits; offsets mean nothing outside */
    const char *why;    /* UNREADABLE: a word for the record ("charset"); else NULL */
    unsigned status;    /* UNREADABLE: HTTP status of the refusal; else 0 */
} gate_verdict_t;

/* MEMORY when the scratch arena is too small for the request: the caller refuses the request. Needs
 * about ten times the request's bytes. */
err_t gate_look(arena_t *scratch, const gate_request_t *request, gate_verdict_t *ret_verdict);
const char *gate_place_name(gate_place_t place); /* "query"; never NULL */

#endif
