/* Look-ups in booking_table.h. */
#include "booking_state.h"

static const char *const CODES[] = {
#define BOOKING_ROW(name, number, code, msg) [(number)] = (code),
#include "booking_table.h"
#undef BOOKING_ROW
};

static const struct step_row {
    booking_state_t from;
    booking_step_t step;
    booking_state_t to;
    const char *step_name;
} STEPS[] = {
#define BOOKING_STEP(from_, step_, to_) {BOOKING_##from_, STEP_##step_, BOOKING_##to_, #step_},
#include "booking_table.h"
#undef BOOKING_STEP
};

err_t booking_step(booking_state_t from, booking_step_t step, booking_state_t *ret_to)
{
    for (size_t i = 0; i < BASE_COUNT(STEPS); i++) {
        if (STEPS[i].from == from && STEPS[i].step == step) {
            *ret_to = STEPS[i].to;
            return OK;
        }
    }
    return FAIL(ERR_CONFLICT);
}

err_t booking_state_of(int64_t number, booking_state_t *ret_state)
{
    ENSURE(number >= 1 && number < (int64_t)BASE_COUNT(CODES) && CODES[number], ERR_RANGE);
    *ret_state = (booking_state_t)number;
    return OK;
}

const char *booking_state_code(booking_state_t state)
{
    CHECK(state >= BOOKING_DRAFT && (size_t)state < BASE_COUNT(CODES));
    return CODES[state];
}

bool booking_state_holds(booking_state_t state)
{
    return state == BOOKING_DRAFT || state == BOOKING_READY || state == BOOKING_AWAITING_PAYMENT;
}

bool booking_state_may_pay(booking_state_t state)
{
    return state == BOOKING_AWAITING_PAYMENT;
}

void booking_state_print(buf_t *out)
{
    buf_cstr(out, "| from | what happens | to |\n|---|---|---|\n");
    for (size_t i = 0; i < BASE_COUNT(STEPS); i++) {
        buf_cstr(out, "| ");
        buf_cstr(out, booking_state_code(STEPS[i].from));
        buf_cstr(out, " | ");
        buf_cstr(out, STEPS[i].step_name);
        buf_cstr(out, " | ");
        buf_cstr(out, booking_state_code(STEPS[i].to));
        buf_cstr(out, " |\n");
    }
}
