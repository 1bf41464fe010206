/* The state machine of a payment attempt, as a table. Pure: it decides, others act. Money that
 * moved is the truth: a capture counts even after we thought that the attempt had ended. */
#ifndef PAY_ATTEMPT_H
#define PAY_ATTEMPT_H

#include "api.h"

/* What was learnt, from a verified notification or an authenticated query. */
typedef enum pay_fact {
    PAY_FACT_PAGE_MADE, /* the provider gave a page */
    PAY_FACT_NO_ANSWER, /* a call to the provider ended without a clear answer */
    PAY_FACT_AUTHORIZED,
    PAY_FACT_CAPTURED,
    PAY_FACT_FAILED,
    PAY_FACT_CANCELLED,
    PAY_FACT_EXPIRED,
    PAY_FACT_REFUNDED, /* in full */
    PAY_FACT_COUNT
} pay_fact_t;

const char *pay_fact_name(unsigned fact); /* never NULL */

/* The next state, or the same state when the fact changes nothing there (a repetition, or news that
 * is older than what is known). */
pay_state_t pay_attempt_next(pay_state_t state, pay_fact_t fact);

/* No end is known yet and no money has moved: what the brake and a newer attempt take away. */
bool pay_state_open(pay_state_t state);
/* Facts that say money moved (or is reserved). */
bool pay_fact_is_money(pay_fact_t fact);

/* When to ask the provider again, microseconds UTC; INT64_MAX = never by ourselves. looks: how
 * often it was asked since the last change. busy: a refund is due. Open attempts (and due refunds)
 * are asked after 15 s, 30 s, 1, 2, 4, then every 5 minutes; ended ones after 10 minutes, 1, 6 and
 * then every 24 hours until two days after the page's end. */
int64_t pay_look_next_us(pay_state_t state, int64_t looks, bool busy, int64_t expires_us,
                         int64_t now_us);

/* The whole machine as a Graphviz picture, printed from the table. */
void pay_attempt_draw(buf_t *out);

#endif
