/* One of many who want a seat of one departure: tries, is refused, gives back, lets it lapse, pays
 * at once or late, until she has one or all are sold. Writes down each try for the model (model.h).
 */
#ifndef BENCH_CONTEND_BUYER_H
#define BENCH_CONTEND_BUYER_H

#include <pthread.h>
#include <stdatomic.h>

#include "contend/model.h"
#include "load/shopper.h"

enum { BUYER_CLAIMS_MAX = 20000 };

/* What a round's buyers share. */
typedef struct contest {
    const load_house_t *house;
    char departure[SHOPPER_ID];
    bool only_pay;             /* everybody buys one seat and pays at once (negative control) */
    pthread_barrier_t gate;    /* all have the form in hand */
    _Atomic bool sold_out;     /* all seats are paid: no further try */
    _Atomic uint64_t answered; /* tries answered so far */
    _Atomic uint32_t visitors; /* addresses given out */
    int64_t until_us;          /* the round's end at the latest */
    pthread_mutex_t lock;      /* of the claims */
    model_claim_t *claims;     /* BUYER_CLAIMS_MAX */
    size_t n;
} contest_t;

typedef struct buyer {
    contest_t *contest;
    uint64_t dice; /* xorshift state, not 0 */
    shopper_t shopper;
    size_t paid, late;  /* tries that ended confirmed; with the money back */
    size_t given, left; /* given back; left to lapse */
    pthread_t thread;
} buyer_t;

void *buyer_run(void *buyer);

#endif
