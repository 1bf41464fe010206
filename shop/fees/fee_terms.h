/* Cancellation fee tables: the standard one (fee_table.h) and a product's own, as data with the
 * dates between which they apply to contracts. Pure: no database, no clock. */
#ifndef SHOP_FEE_TERMS_H
#define SHOP_FEE_TERMS_H

#include "base/arena.h"
#include "text/time.h"

enum {
    FEE_RULES_MAX = 64,            /* of one own table */
    FEE_TABLES_MAX = 64,           /* own tables of one product */
    FEE_ID_MAX = 64,               /* bytes of an id */
    FEE_DAY_MAX = 9999,            /* days before departure that a rule can name */
    FEE_DAY_ANY = FEE_DAY_MAX + 1, /* from_day: any earlier day */
    FEE_NO_DAY = -1,
    FEE_YEN_MAX = 100000000,
    FEE_NO_CAP = -1,
};

typedef enum fee_product {
    FEE_DOMESTIC = 1,
    FEE_OVERSEAS_AIR,
    FEE_OVERSEAS_CHARTER_AIR,
    FEE_DOMESTIC_CHARTER_SHIP,
    FEE_OVERSEAS_SHIP,
    FEE_TICKETS,
} fee_product_t;
enum { FEE_PRODUCTS = FEE_TICKETS };

/* When a request made on the web counts. The standard terms do not say; a declaration has effect
 * when it arrives (民法97条1項), and on the web it arrives at once, so INSTANT is the default. A
 * product's own conditions may say that it counts like a telephone call. */
typedef enum fee_web { FEE_WEB_INSTANT, FEE_WEB_OFFICE } fee_web_t;

typedef struct fee_rule {
    slice_t id;
    slice_t letter;           /* of the standard terms; empty in an own table */
    bool after_start;         /* covers cancelling after the start, and absence without notice */
    int32_t from_day, to_day; /* from_day >= to_day >= 0; FEE_NO_DAY: no days */
    bool fixed;               /* yen for each participant, not percent */
    int64_t percent, yen;     /* the one that is meant */
    int64_t cap_yen;          /* for each participant; FEE_NO_CAP */
} fee_rule_t;

/* A product's own table. All slices and rules are borrowed. */
typedef struct fee_own {
    slice_t id, source;          /* source: where it is written; may be empty */
    date_t valid_from, valid_to; /* of the contract date, both included; DATE_MIN, DATE_MAX: open */
    date_t checked;              /* when somebody last compared it with its source; 0: unknown */
    fee_web_t web;
    const fee_rule_t *rules; /* any order */
    size_t n_rules;
} fee_own_t;

/* The standard table for one departure, latest day first. *ret_n = 0: the product has none on that
 * contract date. part and item: where in 別表第一. */
typedef struct fee_standard {
    int32_t part, item;
    date_t valid_from, valid_to, checked;
    bool peak; /* the departure lies in the peak season, and the table knows one */
    fee_rule_t rules[8];
    size_t n_rules;
} fee_standard_t;
void fee_standard_for(fee_product_t product, bool day_trip, date_t departure, date_t contract,
                      fee_standard_t *ret_table);

/* RANGE: a number out of bounds, dates or days the wrong way round; CONFLICT: ranges overlap, an id
 * stands twice, two rules for after the start. *ret_rule: which rule (n_rules: the table itself).
 */
err_t fee_own_check(const fee_own_t *own, size_t *ret_rule);
/* The one in force on the contract date, or NULL. CONFLICT: two are. */
err_t fee_own_in_force(const fee_own_t *own, size_t n, date_t contract, const fee_own_t **ret_own);
/* The rule that covers the day (FEE_NO_DAY: after the start), or NULL. */
const fee_rule_t *fee_rule_for(const fee_rule_t *rules, size_t n, int32_t day);

/* One own table as text, a line a fact; '#' begins a comment, empty lines are skipped:
 *
 *   table s2026 2026-04-01 2027-03-31      id, contract dates from, to; * = open
 *   source 旅行条件書 第3版 8項              the rest of the line
 *   checked 2026-11-20
 *   web office                             or instant, the default
 *   rule r0 days *-21 percent 0
 *   rule r1 days 20-8 percent 20 cap 5000
 *   rule r2 days 7-0 yen 10000
 *   rule r3 after percent 100
 *
 * Texts borrow from `text`, rules from the arena. SYNTAX, LIMIT, MEMORY, and what fee_own_check and
 * date_parse refuse; *ret_line: the line (from 1) at which it was seen. */
err_t fee_own_parse(arena_t *a, slice_t text, fee_own_t *ret_own, size_t *ret_line);

#endif
