/* A table laid on a calendar, gaps without fee filled in: for showing before consent and in
 * letters. */
#include "fee.h"

typedef struct list {
    fee_tier_t *at;
    size_t n;
    date_t departure;
} list_t;

static void add(list_t *l, int32_t from_day, int32_t to_day, const fee_rule_t *rule)
{
    fee_tier_t t = {.from_day = from_day, .to_day = to_day, .cap_yen = FEE_NO_CAP};
    if (rule) {
        t.fixed = rule->fixed;
        t.percent = rule->percent;
        t.yen = rule->yen;
        t.cap_yen = rule->cap_yen;
    }
    if (l->departure) {
        t.first = from_day == FEE_DAY_ANY ? 0 : l->departure - from_day;
        t.last = from_day == FEE_NO_DAY ? 0 : l->departure - to_day;
    }
    l->at[l->n++] = t;
}

/* The rule that begins next below a day, or NULL. */
static const fee_rule_t *next_below(const fee_rule_t *rules, size_t n, int32_t below)
{
    const fee_rule_t *best = NULL;
    for (size_t i = 0; i < n; i++) {
        int32_t from = rules[i].from_day;
        if (from != FEE_NO_DAY && from < below && (!best || from > best->from_day)) {
            best = &rules[i];
        }
    }
    return best;
}

void fee_tiers(fee_product_t product, bool day_trip, date_t departure, date_t contract,
               const fee_own_t *own, fee_tier_t ret_tiers[FEE_TIERS_MAX], size_t *ret_n)
{
    fee_standard_t standard;
    fee_standard_for(product, day_trip, departure, contract, &standard);
    const fee_rule_t *rules = own ? own->rules : standard.rules, *rule;
    size_t n = own ? own->n_rules : standard.n_rules;
    list_t l = {.at = ret_tiers, .departure = departure};
    int32_t day = FEE_DAY_ANY; /* the earliest that is not told yet */
    while (n && (rule = next_below(rules, n, day + 1)) != NULL) {
        if (rule->from_day < day) {
            add(&l, day, rule->from_day + 1, NULL);
        }
        add(&l, rule->from_day, rule->to_day, rule);
        day = rule->to_day - 1;
    }
    if (n && day >= 0) {
        add(&l, day, 0, NULL);
    }
    if (n) {
        add(&l, FEE_NO_DAY, FEE_NO_DAY, fee_rule_for(rules, n, FEE_NO_DAY));
    }
    *ret_n = l.n;
}
