/* What a box of seats may answer: a sequential model, judged from outside. Each buyer writes down
 * when she asked, when she was answered and what; the model says whether any order of single steps
 * within those times explains all answers, as far as answers can tell: seats that surely were taken
 * never exceed the box, and "full" was said only when the box may have been full. Pure: no clock,
 * no database. */
#ifndef BENCH_CONTEND_MODEL_H
#define BENCH_CONTEND_MODEL_H

#include "base/id.h"

typedef enum model_answer {
    MODEL_TAKEN = 1, /* the seats are hers: a booking's id */
    MODEL_FULL,      /* refused: no seats */
    MODEL_UNSURE     /* no answer in the end: taken or not */
} model_answer_t;

/* One try of one buyer. Times: microseconds of one clock; 0 = did not happen. */
typedef struct model_claim {
    int64_t asked_us, answered_us; /* first sent; last answered */
    model_answer_t answer;
    int64_t seats;
    id128_t booking;             /* of MODEL_TAKEN */
    int64_t giving_us, given_us; /* giving back was asked; was answered as done */
    int64_t confirmed_us;        /* she saw the booking confirmed */
    int64_t refunded_us;         /* she saw that her money goes back: she has no seat */
} model_claim_t;

/* The house's clock was set on beyond a hold's life, at some moment from..to. */
typedef struct model_step {
    int64_t from_us, to_us;
} model_step_t;

typedef struct model {
    int64_t cap;
    const model_claim_t *claims;
    size_t n;
    const model_step_t *steps;
    size_t n_steps;
} model_t;

enum { MODEL_TEXT = 200 };

/* How many breaches; the first one's description. */
typedef struct model_verdict {
    size_t oversold;   /* answers "taken" that cannot be: the box was surely full */
    size_t false_full; /* answers "full" although seats were surely free */
    size_t broken;     /* claims that contradict themselves (confirmed and given back) */
    int64_t confirmed; /* seats of claims that saw their confirmation */
    char first[MODEL_TEXT];
} model_verdict_t;

void model_judge(const model_t *m, model_verdict_t *ret_verdict);

#endif
