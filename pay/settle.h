/* The provider's settlement file against our own book, both ways. Pure: rows in, differences out;
 * no file, no database. Amounts in minor units. */
#ifndef PAY_SETTLE_H
#define PAY_SETTLE_H

#include "attempt.h"

/* One line of a settlement file. Lines of one payment may be many (its capture, its refunds). */
typedef enum settle_kind {
    SETTLE_CAPTURE,
    SETTLE_REFUND,
    SETTLE_CHARGEBACK,
    SETTLE_KINDS
} settle_kind_t;

typedef struct settle_line {
    settle_kind_t kind;
    slice_t id;      /* the provider's id of this movement, unique in all files */
    slice_t payment; /* the provider's id of the payment */
    slice_t order;   /* our attempt, 32 letters, or empty when the file does not carry it */
    int64_t amount_minor, fee_minor,
        net_minor; /* of a refund, chargeback: what went back, positive;
                      net is what the payout counts, negative for those */
    char currency[3];
    int64_t time_us;
} settle_line_t;

/* What the book says of an attempt. */
typedef struct settle_ours {
    id128_t attempt;
    slice_t payment; /* empty: no number was ever told */
    pay_state_t state;
    int64_t amount_minor, captured_minor, refunded_minor;
    char currency[3];
    bool in_doubt, disputed;
    int64_t captured_us; /* when it became paid; 0 = never */
} settle_ours_t;

/* The file as a whole, as its own trailer says. */
typedef struct settle_file {
    const settle_line_t *lines;
    size_t n;
    int64_t said_lines, said_net_minor; /* of the trailer; -1 lines: it has none */
    int64_t from_us, until_us;          /* the period that it covers */
    bool is_known;                      /* this file was settled before (by its digest) */
} settle_file_t;

/* name, text. Twenty kinds of difference; each is an alarm of its own. */
#define SETTLE_DIFFERENCES(X)                                                                      \
    X(UNKNOWN_ORDER, "captured there, no attempt of ours")                                         \
    X(NOT_PAID_HERE, "captured there, ours is open or has ended unpaid")                           \
    X(IN_DOUBT_HERE, "captured there, ours waits for a person")                                    \
    X(MISSING_THERE, "captured here, not in the file of its days")                                 \
    X(AMOUNT, "captured sums differ")                                                              \
    X(CURRENCY, "currencies differ")                                                               \
    X(CAPTURED_TWICE, "two captures of one payment")                                               \
    X(TWO_PAYMENTS, "two payments for one attempt")                                                \
    X(OTHER_PAYMENT, "another payment than the one we know")                                       \
    X(OTHER_ORDER, "the payment we know, for another order")                                       \
    X(REFUND_UNKNOWN_HERE, "paid back there, not here")                                            \
    X(REFUND_MISSING_THERE, "paid back here, not in the files")                                    \
    X(REFUND_AMOUNT, "sums paid back differ")                                                      \
    X(REFUND_ABOVE, "more was paid back than captured")                                            \
    X(CHARGEBACK_UNKNOWN_HERE, "charged back there, nobody was told here")                         \
    X(BACK_TWICE, "charged back and paid back: the customer has it twice")                         \
    X(LINE_TWICE, "one movement stands twice")                                                     \
    X(NET, "a line's sum less its fee is not its net")                                             \
    X(TOTAL, "the file's own totals do not add up")                                                \
    X(PERIOD, "a line lies outside of the file's days, or the file was settled before")

typedef enum settle_difference {
#define SETTLE_ENUM(name, text) SETTLE_##name,
    SETTLE_DIFFERENCES(SETTLE_ENUM)
#undef SETTLE_ENUM
        SETTLE_DIFFERENCE_COUNT
} settle_difference_t;

const char *settle_difference_name(unsigned difference); /* "AMOUNT"; never NULL */
const char *settle_difference_text(unsigned difference);

/* One finding; ours or line may be NULL. Borrowed for the time of the call. */
typedef void settle_found_fn(void *ctx, settle_difference_t what, const settle_ours_t *ours,
                             const settle_line_t *line);

/* Compares; calls found for each difference. ours: attempts that the file may be about - all that
 * it names, and all that were paid in its days. Work grows with n log n.
 * MEMORY. */
err_t settle_compare(arena_t *a, const settle_file_t *file, const settle_ours_t *ours,
                     size_t n_ours, settle_found_fn *found, void *ctx);

#endif
