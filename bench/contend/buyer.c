#include "contend/buyer.h"

#include <unistd.h>

#include "base/clock.h"

enum { PAUSE_US = 40 * 1000, PATIENCE = 400 }; /* between tries of one step; their number at most */

typedef enum whim {
    BUY,
    BUY_AFTER_DECLINE,
    BUY_AFTER_ABANDON,
    BUY_LATE,
    GIVE_BACK,
    GIVE_BACK_LATE,
    LEAVE
} whim_t;
static const whim_t WHIMS[] = {BUY,
                               BUY,
                               BUY,
                               BUY,
                               BUY,
                               BUY,
                               BUY_AFTER_DECLINE,
                               BUY_AFTER_ABANDON,
                               BUY_LATE,
                               GIVE_BACK,
                               GIVE_BACK_LATE,
                               LEAVE};

static uint64_t roll(buyer_t *b, uint64_t sides)
{
    uint64_t x = b->dice;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    b->dice = x;
    return (x * UINT64_C(2685821657736338717) >> 16) % sides;
}

static bool time_left(const buyer_t *b)
{
    return clock_wait_us() < b->contest->until_us;
}

/* The house was not there or cannot say: the step is done once more. */
static bool again(buyer_t *b, int *io_tries)
{
    if (b->shopper.fault != LOAD_UNREACHED && !shopper_unsure(&b->shopper)) {
        return false;
    }
    usleep(PAUSE_US);
    return ++*io_tries < PATIENCE && time_left(b);
}

static void visitor_new(buyer_t *b)
{
    uint32_t n = atomic_fetch_add(&b->contest->visitors, 1);
    shopper_from(&b->shopper, UINT32_C(0x7f100001) + n % UINT32_C(0x00e00000));
    shopper_fresh(&b->shopper);
}

/* ---- claims ---- */

static model_claim_t *claim_new(contest_t *c, int64_t seats)
{
    pthread_mutex_lock(&c->lock);
    CHECK(c->n < BUYER_CLAIMS_MAX);
    model_claim_t *claim = &c->claims[c->n++];
    *claim = (model_claim_t){.asked_us = clock_wait_us(),
                             .answered_us = INT64_MAX,
                             .answer = MODEL_UNSURE,
                             .seats = seats};
    pthread_mutex_unlock(&c->lock);
    return claim;
}

/* The form until it is answered: sent twice it is still one booking. */
static void claim_send(buyer_t *b, const shopper_form_t *form, model_claim_t *claim)
{
    int tries = 0;
    err_t e;
    do {
        e = shopper_hold_send(&b->shopper, form);
    } while (err_failed(e) && again(b, &tries));
    if (!err_failed(e)) {
        claim->answer = MODEL_TAKEN;
        CHECK(!err_failed(id_decode(slice_cstr_in(b->shopper.booking), &claim->booking)));
    } else if (err_is(e, ERR_FULL)) {
        claim->answer = MODEL_FULL;
    }
    if (claim->answer != MODEL_UNSURE) {
        claim->answered_us = clock_wait_us();
        atomic_fetch_add(&b->contest->answered, 1);
    }
}

/* ---- what she does with her seats ---- */

/* What the booking's page says, as often as it takes. False: the page cannot be had. */
static bool state_of(buyer_t *b, char ret_state[SHOPPER_STATE])
{
    int tries = 0;
    err_t e;
    do {
        e = shopper_state(&b->shopper, ret_state);
    } while (err_failed(e) && again(b, &tries));
    return !err_failed(e);
}

static bool is(const char *state, const char *word)
{
    return strcmp(state, word) == 0;
}

/* Until payment is through, or the hold is over and no money is under way. */
static void settle(buyer_t *b, model_claim_t *claim, bool paid)
{
    char state[SHOPPER_STATE];
    while (time_left(b) && state_of(b, state)) {
        if (is(state, "confirmed")) {
            claim->confirmed_us = clock_wait_us();
            b->paid++;
            return;
        }
        if (is(state, "refunded_late") || is(state, "refunded")) {
            claim->refunded_us = clock_wait_us();
            b->late++;
            return;
        }
        if (!paid) {
            return; /* runs out by itself, or has */
        }
        usleep(PAUSE_US);
    }
}

/* Names, terms, and the provider's address; a step whose answer got lost is done again from the
 * form. */
static bool to_provider(buyer_t *b, unsigned seats)
{
    int tries = 0;
    err_t e;
    do {
        e = shopper_travellers(&b->shopper, seats, 0);
        if (!err_failed(e)) {
            e = shopper_consent(&b->shopper);
        }
    } while (err_failed(e) && again(b, &tries));
    return !err_failed(e);
}

/* True when the provider played it and sent the browser back. */
static bool pay(buyer_t *b, const char *scenario)
{
    err_ignore(shopper_pay(&b->shopper,
                           slice_cstr_in(scenario))); /* the shop's page may fail, money is money */
    return b->shopper.step == LOAD_RETURN;
}

static bool pay_again(buyer_t *b)
{
    int tries = 0;
    err_t e;
    do {
        e = shopper_pay_again(&b->shopper);
    } while (err_failed(e) && again(b, &tries));
    return !err_failed(e);
}

static void buy(buyer_t *b, model_claim_t *claim, whim_t whim)
{
    bool paid = false;
    if (to_provider(b, (unsigned)claim->seats)) {
        if (whim == BUY_AFTER_DECLINE || whim == BUY_AFTER_ABANDON) {
            (void)pay(b, whim == BUY_AFTER_DECLINE ? "decline" : "abandon");
            paid = pay_again(b) && pay(b, "success");
        } else {
            paid = pay(b, whim == BUY_LATE ? "delayed" : "success");
        }
    }
    settle(b, claim, paid);
}

/* The answer may get lost; then the booking's page tells. */
static void give_back(buyer_t *b, model_claim_t *claim)
{
    char state[SHOPPER_STATE];
    int tries = 0;
    err_t e;
    claim->giving_us = clock_wait_us();
    do {
        e = shopper_cancel(&b->shopper);
    } while (err_failed(e) && again(b, &tries));
    if (state_of(b, state) && is(state, "cancelled")) {
        claim->given_us = clock_wait_us();
        b->given++;
    }
}

static void use(buyer_t *b, model_claim_t *claim)
{
    whim_t whim = b->contest->only_pay ? BUY : WHIMS[roll(b, BASE_COUNT(WHIMS))];
    switch (whim) {
    case BUY:
    case BUY_AFTER_DECLINE:
    case BUY_AFTER_ABANDON:
    case BUY_LATE:
        buy(b, claim, whim);
        return;
    case GIVE_BACK_LATE:
        (void)to_provider(b, (unsigned)claim->seats);
        give_back(b, claim);
        return;
    case GIVE_BACK:
        give_back(b, claim);
        return;
    case LEAVE:
        b->left++;
        return;
    }
}

/* ---- a buyer's day ---- */

/* The form in hand; false when the page offers none (no seats) or cannot be had now. */
static bool form_get(buyer_t *b, int64_t seats, shopper_form_t *form)
{
    int tries = 0;
    err_t e;
    do {
        visitor_new(b);
        e = shopper_departure_open(&b->shopper, slice_cstr_in(b->contest->departure));
    } while (err_failed(e) && again(b, &tries));
    if (err_failed(e) || slice_find(b->shopper.page.body, SLICE("/hold\"")) == SIZE_MAX) {
        return false;
    }
    return !err_failed(shopper_hold_form(&b->shopper, (unsigned)seats, 0, form));
}

void *buyer_run(void *arg)
{
    buyer_t *b = arg;
    contest_t *c = b->contest;
    shopper_form_t form;
    int64_t seats = !c->only_pay && roll(b, 5) == 0 ? 2 : 1;
    bool have = form_get(b, seats, &form);
    pthread_barrier_wait(&c->gate);
    while (b->paid == 0 && !atomic_load(&c->sold_out) && time_left(b)) {
        if (have) {
            model_claim_t *claim = claim_new(c, seats);
            claim_send(b, &form, claim);
            if (claim->answer == MODEL_TAKEN) {
                use(b, claim);
            }
        }
        usleep((useconds_t)(PAUSE_US + roll(b, PAUSE_US)));
        if (c->only_pay) {
            return NULL;
        }
        seats = 1;
        have = b->paid == 0 && !atomic_load(&c->sold_out) && form_get(b, seats, &form);
    }
    return NULL;
}
