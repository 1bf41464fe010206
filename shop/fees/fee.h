/* The cancellation fee (取消料): from a case to an amount and to the lines that explain it. Pure:
 * no database, no clock; money is whole yen, days are Japan's. */
#ifndef SHOP_FEE_H
#define SHOP_FEE_H

#include "fee_terms.h"
#include "office_hours.h"

enum { FEE_PAX_MAX = 1000, FEE_LINES_MAX = 12 };

typedef enum fee_channel {
    FEE_BY_WEB = 1,
    FEE_BY_PHONE,
    FEE_BY_COUNTER,
    FEE_BY_EMAIL,
    FEE_BY_FAX,
} fee_channel_t;

typedef struct fee_case {
    fee_product_t product;
    bool day_trip;    /* 日帰り旅行; counts for FEE_DOMESTIC */
    bool no_show;     /* 無連絡不参加; channel, request_us and office are not looked at */
    date_t departure; /* 旅行開始日 */
    int64_t service_start_us;  /* when service begins; the end of the departure day where unknown */
    date_t contract;           /* when the contract was made: decides which table is in force */
    int64_t price_yen;         /* 旅行代金 of one participant */
    int64_t booked, cancelled; /* participants of that price */
    fee_channel_t channel;
    int64_t request_us;
    const office_hours_t *office; /* of application; NULL: unknown */
    const fee_own_t *own;         /* the product's own tables; checked here */
    size_t n_own;
} fee_case_t;

/* Why there is no answer. */
typedef enum fee_fault {
    FEE_SOUND,
    FEE_BAD_CASE,
    FEE_BAD_OFFICE,
    FEE_OFFICE_NEVER_OPENS,
    FEE_BEFORE_CONTRACT,
    FEE_BAD_TABLE,
    FEE_NO_TABLE,
} fee_fault_t;

typedef enum fee_phase {
    FEE_BEFORE = 1,
    FEE_DEPARTURE_DAY,
    FEE_AFTER_START,
    FEE_NO_SHOW,
} fee_phase_t;

/* Why the request counts on that day. */
typedef enum fee_date_rule {
    FEE_DATE_NONE = 1,
    FEE_DATE_INSTANT,
    FEE_DATE_OFFICE_HOURS,
    FEE_DATE_NEXT_OPENING,
    FEE_DATE_HELD_AT_DEPARTURE,
} fee_date_rule_t;

typedef enum fee_limit {
    FEE_LIMIT_NONE,
    FEE_LIMIT_CAP,
    FEE_LIMIT_PRICE,
    FEE_LIMIT_STANDARD
} fee_limit_t;

/* The explanation, in the order in which it is read. What each line uses of fee_line_t. */
typedef enum fee_line_kind {
    FEE_LINE_REQUEST = 1, /* at_us: when the request came; day: when it counts; date_rule */
    FEE_LINE_DAYS,        /* phase; day: departure; days counted back from its eve */
    FEE_LINE_STANDARD,    /* part, item, letter (empty: no row fits), product has_own = false */
    FEE_LINE_OWN,         /* id, source; day, until: contract dates; rule_id (empty: none fits) */
    FEE_LINE_PEAK,        /* day: departure; peak */
    FEE_LINE_RULE,        /* from_day, to_day (FEE_NO_DAY: after the start); percent or fixed yen */
    FEE_LINE_FREE,        /* no rule fits: no fee */
    FEE_LINE_PERCENT,     /* base_yen x percent = yen; cut: hundredths of a yen dropped */
    FEE_LINE_FIXED,       /* yen */
    FEE_LINE_LIMIT,       /* limit; base_yen before, yen after */
    FEE_LINE_TOTAL,       /* base_yen x count = yen */
} fee_line_kind_t;

typedef struct fee_line {
    fee_line_kind_t kind;
    fee_phase_t phase;
    fee_date_rule_t date_rule;
    fee_limit_t limit;
    int64_t at_us;
    date_t day, until;
    int32_t days, from_day, to_day, part, item;
    bool fixed, peak;
    slice_t id, source, letter;
    int64_t base_yen, percent, yen, cut, count;
} fee_line_t;

typedef struct fee_quote {
    fee_phase_t phase;
    fee_date_rule_t date_rule;
    date_t effective;     /* FEE_BEFORE and FEE_DEPARTURE_DAY only */
    int32_t days;         /* the same; 1 = the day before departure */
    const fee_own_t *own; /* NULL: the standard table */
    bool has_rule;        /* false: no rule fits, no fee */
    fee_rule_t rule;
    fee_limit_t limited_by; /* the last limit that lowered the amount */
    int64_t each_yen, total_yen;
    fee_line_t lines[FEE_LINES_MAX];
    size_t n_lines;
} fee_quote_t;

/* ret_quote is untouched unless FEE_SOUND. */
fee_fault_t fee_quote(const fee_case_t *c, fee_quote_t *ret_quote) BASE_NODISCARD;

/* A table as people read it: rows of one departure from the earliest day to after the start, days
 * without fee included. */
typedef struct fee_tier {
    int32_t from_day, to_day; /* FEE_DAY_ANY, FEE_NO_DAY as in fee_rule_t */
    bool fixed;
    int64_t percent, yen, cap_yen;
    date_t first, last; /* calendar days; 0 = open on that side, or departure not known */
} fee_tier_t;
enum { FEE_TIERS_MAX = 2 * FEE_RULES_MAX + 2 };
/* departure 0 = without calendar days (and as outside the peak season). own NULL: the standard
 * table; *ret_n 0: there is none. own must have passed fee_own_check. */
void fee_tiers(fee_product_t product, bool day_trip, date_t departure, date_t contract,
               const fee_own_t *own, fee_tier_t ret_tiers[FEE_TIERS_MAX], size_t *ret_n);

#endif
