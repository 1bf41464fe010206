/* The working, step by step: phase, day that counts, table, row, amount, limits. */
#include "fee.h"

#define FEE_ROUNDING(hundredths_) enum { ROUNDING = (hundredths_) };
#include "fee_table.h"
#undef FEE_ROUNDING

typedef struct work {
    const fee_case_t *c;
    fee_quote_t q;
    fee_standard_t standard;
} work_t;

static fee_line_t *line_add(work_t *w, fee_line_kind_t kind)
{
    CHECK(w->q.n_lines < FEE_LINES_MAX);
    fee_line_t *line = &w->q.lines[w->q.n_lines++];
    *line = (fee_line_t){.kind = kind};
    return line;
}

static bool is_in(int64_t v, int64_t low, int64_t high)
{
    return low <= v && v <= high;
}

/* The last instant that is allowed: the midnight that ends the departure day (start not known). */
static bool start_fits(const fee_case_t *c)
{
    return is_in(c->service_start_us, tokyo_instant(c->departure, 0),
                 tokyo_instant(c->departure, 1440));
}

static fee_fault_t case_check(const fee_case_t *c)
{
    bool sound = is_in(c->product, 1, FEE_PRODUCTS) && is_in(c->price_yen, 0, FEE_YEN_MAX) &&
                 is_in(c->booked, 1, FEE_PAX_MAX) && is_in(c->cancelled, 1, c->booked) &&
                 c->contract <= c->departure && start_fits(c) &&
                 (c->no_show || is_in(c->channel, FEE_BY_WEB, FEE_BY_FAX));
    if (!sound) {
        return FEE_BAD_CASE;
    }
    return !c->no_show && tokyo_date(c->request_us) < c->contract ? FEE_BEFORE_CONTRACT : FEE_SOUND;
}

static fee_fault_t table_find(work_t *w)
{
    const fee_case_t *c = w->c;
    size_t bad;
    for (size_t i = 0; i < c->n_own; i++) {
        if (err_failed(fee_own_check(&c->own[i], &bad))) {
            return FEE_BAD_TABLE;
        }
    }
    if (err_failed(fee_own_in_force(c->own, c->n_own, c->contract, &w->q.own))) {
        return FEE_BAD_TABLE;
    }
    fee_standard_for(c->product, c->day_trip, c->departure, c->contract, &w->standard);
    return w->q.own || w->standard.n_rules ? FEE_SOUND : FEE_NO_TABLE;
}

/* Does the request wait for the office? Calls and letters do, the web only by the product's own
 * word. */
static bool waits_for_office(const work_t *w)
{
    return w->c->channel != FEE_BY_WEB || (w->q.own && w->q.own->web == FEE_WEB_OFFICE);
}

static fee_fault_t date_find(work_t *w)
{
    const fee_case_t *c = w->c;
    w->q.effective = tokyo_date(c->request_us);
    w->q.date_rule = FEE_DATE_INSTANT;
    if (!waits_for_office(w)) {
        return FEE_SOUND;
    }
    if (!c->office) {
        return FEE_BAD_OFFICE;
    }
    office_now_t now = office_hours_at(c->office, c->request_us);
    if (now.open) {
        w->q.date_rule = FEE_DATE_OFFICE_HOURS;
        return FEE_SOUND;
    }
    if (!now.known) {
        return FEE_OFFICE_NEVER_OPENS;
    }
    w->q.date_rule = FEE_DATE_NEXT_OPENING;
    w->q.effective = tokyo_date(now.change_us);
    if (w->q.effective > c->departure) {
        w->q.date_rule = FEE_DATE_HELD_AT_DEPARTURE;
        w->q.effective = c->departure;
    }
    return FEE_SOUND;
}

static fee_fault_t phase_find(work_t *w)
{
    const fee_case_t *c = w->c;
    w->q.date_rule = FEE_DATE_NONE;
    if (c->no_show) {
        w->q.phase = FEE_NO_SHOW;
        return FEE_SOUND;
    }
    if (c->request_us >= c->service_start_us) {
        w->q.phase = FEE_AFTER_START;
        return FEE_SOUND;
    }
    fee_fault_t fault = date_find(w);
    w->q.days = c->departure - w->q.effective;
    w->q.phase = w->q.days > 0 ? FEE_BEFORE : FEE_DEPARTURE_DAY;
    return fault;
}

static bool has_started(const work_t *w)
{
    return w->q.phase == FEE_AFTER_START || w->q.phase == FEE_NO_SHOW;
}

static int32_t rule_day(const work_t *w)
{
    return has_started(w) ? FEE_NO_DAY : w->q.days;
}

/* Hundredths of a yen first, then the rounding of the table. */
static int64_t part_of(int64_t price_yen, int64_t percent)
{
    return (price_yen * percent + ROUNDING) / 100;
}

static int64_t amount_of(const work_t *w, const fee_rule_t *rule)
{
    return !rule ? 0 : rule->fixed ? rule->yen : part_of(w->c->price_yen, rule->percent);
}

static void limit_to(work_t *w, fee_limit_t limit, int64_t yen)
{
    if (w->q.each_yen <= yen) {
        return;
    }
    fee_line_t *line = line_add(w, FEE_LINE_LIMIT);
    line->limit = limit;
    line->base_yen = w->q.each_yen;
    line->yen = yen;
    w->q.each_yen = yen;
    w->q.limited_by = limit;
}

/* An own table never costs more than the terms allow (別表第一 says "within"). */
static void limits(work_t *w)
{
    if (!w->q.own) {
        return;
    }
    if (w->q.has_rule && w->q.rule.cap_yen != FEE_NO_CAP) {
        limit_to(w, FEE_LIMIT_CAP, w->q.rule.cap_yen);
    }
    limit_to(w, FEE_LIMIT_PRICE, w->c->price_yen);
    if (w->standard.n_rules) {
        const fee_standard_t *s = &w->standard;
        limit_to(w, FEE_LIMIT_STANDARD,
                 amount_of(w, fee_rule_for(s->rules, s->n_rules, rule_day(w))));
    }
}

static void explain_when(work_t *w)
{
    if (!w->c->no_show) {
        fee_line_t *line = line_add(w, FEE_LINE_REQUEST);
        line->at_us = w->c->request_us;
        line->day = has_started(w) ? tokyo_date(w->c->request_us) : w->q.effective;
        line->date_rule = w->q.date_rule;
    }
    fee_line_t *line = line_add(w, FEE_LINE_DAYS);
    line->phase = w->q.phase;
    line->day = w->c->departure;
    line->days = w->q.days;
}

static void explain_table(work_t *w)
{
    const fee_own_t *own = w->q.own;
    fee_line_t *line = line_add(w, own ? FEE_LINE_OWN : FEE_LINE_STANDARD);
    if (own) {
        line->id = own->id;
        line->source = own->source;
        line->day = own->valid_from;
        line->until = own->valid_to;
        return;
    }
    line->part = w->standard.part;
    line->item = w->standard.item;
    line->letter = w->q.rule.letter;
    if (w->c->product == FEE_OVERSEAS_AIR) {
        line = line_add(w, FEE_LINE_PEAK);
        line->day = w->c->departure;
        line->peak = w->standard.peak;
    }
}

static void explain_rule(work_t *w)
{
    const fee_rule_t *rule = &w->q.rule;
    if (!w->q.has_rule) {
        (void)line_add(w, FEE_LINE_FREE);
        return;
    }
    fee_line_t *line = line_add(w, FEE_LINE_RULE);
    line->id = rule->id;
    line->from_day = has_started(w) ? FEE_NO_DAY : rule->from_day;
    line->to_day = rule->to_day;
    line->fixed = rule->fixed;
    line->percent = rule->percent;
    line->yen = rule->yen;
    line = line_add(w, rule->fixed ? FEE_LINE_FIXED : FEE_LINE_PERCENT);
    line->base_yen = w->c->price_yen;
    line->percent = rule->percent;
    line->yen = w->q.each_yen;
    line->cut = rule->fixed ? 0 : w->c->price_yen * rule->percent - w->q.each_yen * 100;
}

static void price(work_t *w)
{
    const fee_own_t *own = w->q.own;
    const fee_rule_t *rules = own ? own->rules : w->standard.rules;
    const fee_rule_t *rule =
        fee_rule_for(rules, own ? own->n_rules : w->standard.n_rules, rule_day(w));
    w->q.has_rule = rule != NULL;
    if (rule) {
        w->q.rule = *rule;
    }
    w->q.each_yen = amount_of(w, rule);
    explain_when(w);
    explain_table(w);
    explain_rule(w);
    limits(w);
    w->q.total_yen = w->q.each_yen * w->c->cancelled;
    fee_line_t *line = line_add(w, FEE_LINE_TOTAL);
    line->base_yen = w->q.each_yen;
    line->count = w->c->cancelled;
    line->yen = w->q.total_yen;
}

fee_fault_t fee_quote(const fee_case_t *c, fee_quote_t *ret_quote)
{
    work_t w = {.c = c};
    fee_fault_t fault = case_check(c);
    fault = fault == FEE_SOUND ? table_find(&w) : fault;
    fault = fault == FEE_SOUND ? phase_find(&w) : fault;
    if (fault == FEE_SOUND) {
        price(&w);
        *ret_quote = w.q;
    }
    return fault;
}
