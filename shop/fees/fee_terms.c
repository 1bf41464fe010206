/* Tables: finding the right one and the right row, and refusing what contradicts itself. */
#include "fee_terms.h"

static const struct standard {
    fee_product_t product;
    int32_t part, item;
    const char *from, *to, *checked;
} STANDARD[] = {
#define FEE_STANDARD(product_, part_, item_, from_, to_, checked_)                                 \
    {(product_), (part_), (item_), (from_), (to_), (checked_)},
#include "fee_table.h"
#undef FEE_STANDARD
};

static const struct standard_row {
    const char *id, *letter;
    fee_product_t product;
    int32_t from, trip_from, to;
    bool after_start, peak_only;
    int64_t percent;
} ROWS[] = {
#define FEE_ROW(id_, product_, letter_, from_, trip_from_, to_, after_, peak_, percent_)           \
    {.id = (id_),                                                                                  \
     .letter = (letter_),                                                                          \
     .product = (product_),                                                                        \
     .from = (from_),                                                                              \
     .trip_from = (trip_from_),                                                                    \
     .to = (to_),                                                                                  \
     .after_start = (after_),                                                                      \
     .peak_only = (peak_),                                                                         \
     .percent = (percent_)},
#include "fee_table.h"
#undef FEE_ROW
};

static const struct season {
    int from_month, from_day, to_month, to_day;
} PEAKS[] = {
#define FEE_PEAK(from_month_, from_day_, to_month_, to_day_)                                       \
    {(from_month_), (from_day_), (to_month_), (to_day_)},
#include "fee_table.h"
#undef FEE_PEAK
};

static bool is_peak(date_t departure)
{
    date_ymd_t ymd = date_to_ymd(departure);
    int at = ymd.month * 100 + ymd.day;
    for (size_t i = 0; i < BASE_COUNT(PEAKS); i++) {
        int from = PEAKS[i].from_month * 100 + PEAKS[i].from_day;
        int to = PEAKS[i].to_month * 100 + PEAKS[i].to_day;
        if (from <= to ? from <= at && at <= to : at >= from || at <= to) {
            return true;
        }
    }
    return false;
}

/* Dates of the table are ours: a wrong one would leave the product without a table, and a test says
 * so. */
static date_t day_of(const char *text, date_t otherwise)
{
    date_t day;
    return err_failed(date_parse(slice_cstr_in(text), &day)) ? otherwise : day;
}

static const struct standard *standard_of(fee_product_t product, date_t contract)
{
    for (size_t i = 0; i < BASE_COUNT(STANDARD); i++) {
        const struct standard *s = &STANDARD[i];
        if (s->product == product && day_of(s->from, DATE_MAX) <= contract &&
            contract <= day_of(s->to, DATE_MIN)) {
            return s;
        }
    }
    return NULL;
}

static void add_row(fee_standard_t *t, const struct standard_row *row, bool day_trip, bool peak)
{
    if (row->peak_only) {
        t->peak = peak;
        if (!peak) {
            return;
        }
    }
    t->rules[t->n_rules++] = (fee_rule_t){.id = slice_cstr_in(row->id),
                                          .letter = slice_cstr_in(row->letter),
                                          .after_start = row->after_start,
                                          .from_day = day_trip ? row->trip_from : row->from,
                                          .to_day = row->to,
                                          .percent = row->percent,
                                          .cap_yen = FEE_NO_CAP};
}

void fee_standard_for(fee_product_t product, bool day_trip, date_t departure, date_t contract,
                      fee_standard_t *ret_table)
{
    fee_standard_t t = {.n_rules = 0};
    const struct standard *s = standard_of(product, contract);
    if (s) {
        t.part = s->part;
        t.item = s->item;
        t.valid_from = day_of(s->from, DATE_MIN);
        t.valid_to = day_of(s->to, DATE_MAX);
        t.checked = day_of(s->checked, 0);
        for (size_t i = 0; i < BASE_COUNT(ROWS) && t.n_rules < BASE_COUNT(t.rules); i++) {
            if (ROWS[i].product == product) {
                add_row(&t, &ROWS[i], day_trip && product == FEE_DOMESTIC, is_peak(departure));
            }
        }
    }
    *ret_table = t;
}

static bool has_days(const fee_rule_t *r)
{
    return r->from_day != FEE_NO_DAY;
}

static bool overlaps(const fee_rule_t *a, const fee_rule_t *b)
{
    bool days = has_days(a) && has_days(b) && a->from_day >= b->to_day && b->from_day >= a->to_day;
    return days || (a->after_start && b->after_start) || slice_eq(a->id, b->id);
}

static bool in_yen(int64_t yen)
{
    return yen >= 0 && yen <= FEE_YEN_MAX;
}

static err_t rule_check(const fee_rule_t *r)
{
    ENSURE(r->id.len >= 1 && r->id.len <= FEE_ID_MAX, ERR_RANGE);
    ENSURE(has_days(r) || (r->after_start && r->to_day == FEE_NO_DAY), ERR_RANGE);
    ENSURE(!has_days(r) || (r->from_day >= r->to_day && r->from_day <= FEE_DAY_ANY), ERR_RANGE);
    ENSURE(!has_days(r) || (r->to_day >= 0 && r->to_day <= FEE_DAY_MAX), ERR_RANGE);
    ENSURE(r->fixed ? in_yen(r->yen) : r->percent >= 0 && r->percent <= 100, ERR_RANGE);
    ENSURE(r->cap_yen == FEE_NO_CAP || in_yen(r->cap_yen), ERR_RANGE);
    return OK;
}

err_t fee_own_check(const fee_own_t *own, size_t *ret_rule)
{
    *ret_rule = own->n_rules;
    ENSURE(own->id.len >= 1 && own->id.len <= FEE_ID_MAX, ERR_RANGE);
    ENSURE(own->valid_from <= own->valid_to && own->n_rules <= FEE_RULES_MAX, ERR_RANGE);
    for (size_t i = 0; i < own->n_rules; i++) {
        *ret_rule = i;
        TRY(rule_check(&own->rules[i]));
        for (size_t k = 0; k < i; k++) {
            ENSURE(!overlaps(&own->rules[i], &own->rules[k]), ERR_CONFLICT);
        }
    }
    return OK;
}

err_t fee_own_in_force(const fee_own_t *own, size_t n, date_t contract, const fee_own_t **ret_own)
{
    const fee_own_t *found = NULL;
    for (size_t i = 0; i < n; i++) {
        if (own[i].valid_from <= contract && contract <= own[i].valid_to) {
            ENSURE(!found, ERR_CONFLICT);
            found = &own[i];
        }
    }
    *ret_own = found;
    return OK;
}

const fee_rule_t *fee_rule_for(const fee_rule_t *rules, size_t n, int32_t day)
{
    for (size_t i = 0; i < n; i++) {
        const fee_rule_t *r = &rules[i];
        if (day == FEE_NO_DAY ? r->after_start
                              : has_days(r) && r->to_day <= day &&
                                    (r->from_day == FEE_DAY_ANY || day <= r->from_day)) {
            return r;
        }
    }
    return NULL;
}
