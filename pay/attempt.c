#include "attempt.h"

#include "base/clock.h"

enum { STATES = PAY_UNKNOWN + 1 };

/* clang-format off */
static const uint8_t NEXT[STATES][PAY_FACT_COUNT] = {
    /*                  PAGE_MADE       NO_ANSWER       AUTHORIZED      CAPTURED      FAILED         CANCELLED      EXPIRED       REFUNDED */
    [PAY_CREATED]    = {PAY_REDIRECTED, PAY_UNKNOWN,    PAY_AUTHORIZED, PAY_CAPTURED, PAY_DECLINED,  PAY_ABANDONED, PAY_EXPIRED,  PAY_REFUNDED},
    [PAY_REDIRECTED] = {PAY_REDIRECTED, PAY_REDIRECTED, PAY_AUTHORIZED, PAY_CAPTURED, PAY_DECLINED,  PAY_ABANDONED, PAY_EXPIRED,  PAY_REFUNDED},
    [PAY_AUTHORIZED] = {PAY_AUTHORIZED, PAY_AUTHORIZED, PAY_AUTHORIZED, PAY_CAPTURED, PAY_DECLINED,  PAY_ABANDONED, PAY_EXPIRED,  PAY_REFUNDED},
    [PAY_CAPTURED]   = {PAY_CAPTURED,   PAY_CAPTURED,   PAY_CAPTURED,   PAY_CAPTURED, PAY_CAPTURED,  PAY_CAPTURED,  PAY_CAPTURED, PAY_REFUNDED},
    [PAY_DECLINED]   = {PAY_DECLINED,   PAY_DECLINED,   PAY_AUTHORIZED, PAY_CAPTURED, PAY_DECLINED,  PAY_ABANDONED, PAY_EXPIRED,  PAY_REFUNDED},
    [PAY_ABANDONED]  = {PAY_ABANDONED,  PAY_ABANDONED,  PAY_AUTHORIZED, PAY_CAPTURED, PAY_ABANDONED, PAY_ABANDONED, PAY_ABANDONED, PAY_REFUNDED},
    [PAY_EXPIRED]    = {PAY_EXPIRED,    PAY_EXPIRED,    PAY_AUTHORIZED, PAY_CAPTURED, PAY_EXPIRED,   PAY_EXPIRED,   PAY_EXPIRED,  PAY_REFUNDED},
    [PAY_REFUNDED]   = {PAY_REFUNDED,   PAY_REFUNDED,   PAY_REFUNDED,   PAY_REFUNDED, PAY_REFUNDED,  PAY_REFUNDED,  PAY_REFUNDED, PAY_REFUNDED},
    [PAY_UNKNOWN]    = {PAY_REDIRECTED, PAY_UNKNOWN,    PAY_AUTHORIZED, PAY_CAPTURED, PAY_DECLINED,  PAY_ABANDONED, PAY_EXPIRED,  PAY_REFUNDED},
};
static const char *const FACT_NAMES[PAY_FACT_COUNT] = {
    "page_made", "no_answer", "authorized", "captured", "failed", "cancelled", "expired", "refunded"};
/* clang-format on */

const char *pay_fact_name(unsigned fact)
{
    return fact < PAY_FACT_COUNT ? FACT_NAMES[fact] : "unknown";
}

pay_state_t pay_attempt_next(pay_state_t state, pay_fact_t fact)
{
    CHECK((unsigned)state < STATES && (unsigned)fact < PAY_FACT_COUNT && NEXT[state][fact] != 0);
    return (pay_state_t)NEXT[state][fact];
}

bool pay_state_open(pay_state_t state)
{
    return state == PAY_CREATED || state == PAY_REDIRECTED || state == PAY_UNKNOWN;
}

bool pay_fact_is_money(pay_fact_t fact)
{
    return fact == PAY_FACT_AUTHORIZED || fact == PAY_FACT_CAPTURED || fact == PAY_FACT_REFUNDED;
}

int64_t pay_look_next_us(pay_state_t state, int64_t looks, bool busy, int64_t expires_us,
                         int64_t now_us)
{
    static const int64_t OPEN_S[] = {15, 30, 60, 120, 240, 300};
    static const int64_t ENDED_S[] = {600, 3600, 21600, 86400};
    size_t i = looks < 0 ? 0 : (size_t)looks;
    if (busy || pay_state_open(state) || state == PAY_AUTHORIZED) {
        i = i < BASE_COUNT(OPEN_S) ? i : BASE_COUNT(OPEN_S) - 1;
        return now_us + OPEN_S[i] * CLOCK_SECOND_US;
    }
    if (state == PAY_REFUNDED || now_us > expires_us + 2 * CLOCK_DAY_US) {
        return INT64_MAX;
    }
    i = i < BASE_COUNT(ENDED_S) ? i : BASE_COUNT(ENDED_S) - 1;
    return now_us + ENDED_S[i] * CLOCK_SECOND_US;
}

void pay_attempt_draw(buf_t *out)
{
    buf_cstr(out, "digraph attempt {\n");
    for (unsigned state = PAY_CREATED; state < STATES; state++) {
        for (unsigned fact = 0; fact < PAY_FACT_COUNT; fact++) {
            if (NEXT[state][fact] != state) {
                buf_cstr(out, "  ");
                buf_cstr(out, pay_state_name(state));
                buf_cstr(out, " -> ");
                buf_cstr(out, pay_state_name(NEXT[state][fact]));
                buf_cstr(out, " [label=\"");
                buf_cstr(out, pay_fact_name(fact));
                buf_cstr(out, "\"];\n");
            }
        }
    }
    buf_cstr(out, "}\n");
}
