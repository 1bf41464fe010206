/* Members of a line into the engine's own words; what the format forbids is refused here, as the
 * shop's forms do. */
#include "driver_case.h"

static err_t minute_of(const node_t *n, int64_t *ret_minute)
{
    slice_t text;
    TRY(node_text(n, &text));
    return office_minute_parse(text, ret_minute);
}

/* [["10:00","14:00"], ...], ascending, not overlapping. day: DATE_MIN = the weekday. */
static err_t spans_read(const node_t *list, office_hours_t *h, unsigned weekday, date_t day)
{
    int64_t before = 0, from, to;
    ENSURE(node_is(list, JSON_ARRAY_BEGIN), ERR_SYNTAX);
    for (const node_t *n = list->child; n; n = n->next) {
        ENSURE(node_is(n, JSON_ARRAY_BEGIN) && node_count(n) == 2, ERR_SYNTAX);
        TRY(minute_of(n->child, &from));
        TRY(minute_of(n->child->next, &to));
        ENSURE(before <= from && from < to, ERR_RANGE);
        before = to;
        TRY(day == DATE_MIN ? office_hours_add(h, weekday, from, to)
                            : office_hours_special(h, day, from, to));
    }
    return OK;
}

static err_t weekly_read(const node_t *weekly, office_hours_t *h)
{
    static const char *const DAYS[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
    for (unsigned d = 0; d < 7; d++) {
        TRY(spans_read(node_at(weekly, DAYS[d]), h, d, DATE_MIN));
    }
    return OK;
}

static err_t specials_read(const node_t *specials, office_hours_t *h)
{
    date_t day;
    ENSURE(node_is(specials, JSON_OBJECT_BEGIN), ERR_SYNTAX);
    for (const node_t *n = specials->child; n; n = n->next) {
        TRY(date_parse(n->key, &day));
        TRY(spans_read(n, h, 0, day));
        if (!n->child) {
            TRY(office_hours_special(h, day, 0, 0));
        }
    }
    return OK;
}

static err_t dates_read(arena_t *a, const node_t *list, date_t **ret_days, size_t *ret_n)
{
    ENSURE(node_is(list, JSON_ARRAY_BEGIN), ERR_SYNTAX);
    date_t *days = ARENA_ARRAY(a, date_t, node_count(list) + 1);
    size_t n = 0;
    ENSURE(days, ERR_MEMORY);
    for (const node_t *at = list->child; at; at = at->next) {
        TRY(node_date(at, &days[n++]));
    }
    *ret_days = days;
    *ret_n = n;
    return OK;
}

static err_t office_read(const driver_t *d, arena_t *a, const node_t *n, office_hours_t **ret_hours)
{
    office_hours_t *h = ARENA_NEW(a, office_hours_t);
    date_t *holidays, *closed;
    size_t n_closed;
    ENSURE(h, ERR_MEMORY);
    TRY(weekly_read(node_at(n, "weekly"), h));
    TRY(node_bool(node_at(n, "closed_on_national_holidays"), &h->holidays_closed));
    TRY(dates_read(a, node_at(n, "national_holidays"), &holidays, &h->n_holidays));
    h->holidays = d->own_holidays ? NULL : holidays;
    TRY(dates_read(a, node_at(n, "closed_days"), &closed, &n_closed));
    ENSURE(n_closed <= OFFICE_CLOSED_DAYS, ERR_LIMIT);
    for (size_t i = 0; i < n_closed; i++) {
        h->closed[h->n_closed++] = closed[i];
    }
    TRY(specials_read(node_at(n, "special_hours"), h));
    *ret_hours = h;
    return OK;
}

err_t driver_office_add(driver_t *d, slice_t json)
{
    const node_t *line;
    slice_t id;
    office_hours_t *hours;
    TRY(node_read(&d->offices_arena, json, &line));
    const node_t *n = node_at(line, "office_definition");
    n = n ? n : line;
    TRY(node_text(node_at(n, "id"), &id));
    TRY(office_read(d, &d->offices_arena, n, &hours));
    TRY(arena_copy(&d->offices_arena, id, &id)); /* the line's bytes go away */
    size_t i = 0;
    while (i < d->n_offices && !slice_eq(d->offices[i].id, id)) {
        i++;
    }
    ENSURE(i < DRIVER_OFFICES, ERR_LIMIT);
    d->offices[i].id = id;
    d->offices[i].hours = hours;
    d->n_offices += i == d->n_offices ? 1 : 0;
    return OK;
}

/* Unknown or malformed: NULL, and the engine says what that means for the case. */
static const office_hours_t *office_of(const driver_t *d, arena_t *a, const node_t *n)
{
    office_hours_t *hours = NULL;
    if (node_is(n, JSON_STRING)) {
        for (size_t i = 0; i < d->n_offices; i++) {
            if (slice_eq(d->offices[i].id, n->text)) {
                return d->offices[i].hours;
            }
        }
    } else if (node_is(n, JSON_OBJECT_BEGIN)) {
        err_ignore(office_read(d, a, n, &hours)); /* leaves NULL */
    }
    return hours;
}

static err_t days_read(const node_t *n, fee_rule_t *rule)
{
    int64_t from = FEE_DAY_ANY, to;
    const node_t *first = node_at(n, "from_day");
    ENSURE(first, ERR_SYNTAX);
    if (first->kind != JSON_NULL) {
        TRY(node_i64(first, 0, FEE_DAY_MAX, &from));
    }
    TRY(node_i64(node_at(n, "to_day"), 0, FEE_DAY_MAX, &to));
    rule->from_day = (int32_t)from;
    rule->to_day = (int32_t)to;
    return OK;
}

static err_t rule_read(const node_t *n, fee_rule_t *ret_rule)
{
    fee_rule_t r = {.from_day = FEE_NO_DAY, .to_day = FEE_NO_DAY, .cap_yen = FEE_NO_CAP};
    const node_t *after = node_at(n, "after_start"), *cap = node_at(n, "cap");
    const node_t *percent = node_at(n, "percent"), *fixed = node_at(n, "fixed");
    TRY(node_text(node_at(n, "id"), &r.id));
    if (after) {
        TRY(node_bool(after, &r.after_start));
    }
    if (r.after_start) {
        ENSURE(!node_at(n, "from_day") && !node_at(n, "to_day"), ERR_SYNTAX);
    } else {
        TRY(days_read(n, &r));
    }
    ENSURE((percent != NULL) != (fixed != NULL), ERR_SYNTAX);
    r.fixed = fixed != NULL;
    TRY(r.fixed ? node_i64(fixed, 0, FEE_YEN_MAX, &r.yen) : node_i64(percent, 0, 100, &r.percent));
    if (cap && cap->kind != JSON_NULL) {
        TRY(node_i64(cap, 0, FEE_YEN_MAX, &r.cap_yen));
    }
    *ret_rule = r;
    return OK;
}

static err_t table_read(arena_t *a, const node_t *n, fee_own_t *ret_own)
{
    fee_own_t own = {.valid_to = DATE_MAX};
    const node_t *to = node_at(n, "valid_to"), *rules = node_at(n, "rules");
    TRY(node_text(node_at(n, "id"), &own.id));
    TRY(node_date(node_at(n, "valid_from"), &own.valid_from));
    ENSURE(to && node_is(rules, JSON_ARRAY_BEGIN), ERR_SYNTAX);
    if (to->kind != JSON_NULL) {
        TRY(node_date(to, &own.valid_to));
    }
    fee_rule_t *list = ARENA_ARRAY(a, fee_rule_t, node_count(rules) + 1);
    ENSURE(list, ERR_MEMORY);
    for (const node_t *at = rules->child; at; at = at->next) {
        TRY(rule_read(at, &list[own.n_rules++]));
    }
    own.rules = list;
    *ret_own = own;
    return OK;
}

static err_t tables_read(arena_t *a, const node_t *list, fee_case_t *c)
{
    ENSURE(node_is(list, JSON_ARRAY_BEGIN), ERR_SYNTAX);
    fee_own_t *own = ARENA_ARRAY(a, fee_own_t, node_count(list) + 1);
    ENSURE(own, ERR_MEMORY);
    for (const node_t *n = list->child; n; n = n->next) {
        TRY(table_read(a, n, &own[c->n_own++]));
    }
    c->own = own;
    return OK;
}

static const struct named {
    const char *name;
    int value;
} PRODUCTS[] = {{"domestic", FEE_DOMESTIC},
                {"overseas_air", FEE_OVERSEAS_AIR},
                {"overseas_charter_air", FEE_OVERSEAS_CHARTER_AIR},
                {"domestic_charter_ship", FEE_DOMESTIC_CHARTER_SHIP},
                {"overseas_ship", FEE_OVERSEAS_SHIP},
                {"tickets", FEE_TICKETS}},
  CHANNELS[] = {{"web", FEE_BY_WEB},
                {"phone", FEE_BY_PHONE},
                {"counter", FEE_BY_COUNTER},
                {"email", FEE_BY_EMAIL},
                {"fax", FEE_BY_FAX}};

static err_t named_read(const node_t *n, const struct named *names, size_t count, int *ret_value)
{
    slice_t text;
    TRY(node_text(n, &text));
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(text, slice_cstr_in(names[i].name))) {
            *ret_value = names[i].value;
            return OK;
        }
    }
    return FAIL(ERR_RANGE);
}

static err_t event_read(const node_t *line, fee_case_t *c)
{
    slice_t event;
    int channel;
    const node_t *by = node_at(line, "channel"), *at = node_at(line, "request_at");
    TRY(node_text(node_at(line, "event"), &event));
    c->no_show = slice_eq(event, SLICE("no_show"));
    ENSURE(c->no_show || slice_eq(event, SLICE("cancel")), ERR_RANGE);
    if (c->no_show) {
        ENSURE(node_is(by, JSON_NULL) && node_is(at, JSON_NULL), ERR_SYNTAX);
        return OK;
    }
    TRY(named_read(by, CHANNELS, BASE_COUNT(CHANNELS), &channel));
    c->channel = (fee_channel_t)channel;
    return node_moment(at, &c->request_us);
}

static err_t case_read(const node_t *line, fee_case_t *c)
{
    int product;
    TRY(named_read(node_at(line, "product"), PRODUCTS, BASE_COUNT(PRODUCTS), &product));
    c->product = (fee_product_t)product;
    TRY(node_bool(node_at(line, "day_trip"), &c->day_trip));
    TRY(node_date(node_at(line, "departure"), &c->departure));
    TRY(node_moment(node_at(line, "service_start"), &c->service_start_us));
    ENSURE(tokyo_date(c->service_start_us) == c->departure, ERR_RANGE);
    TRY(node_date(node_at(line, "contract_date"), &c->contract));
    TRY(node_i64(node_at(line, "price"), 0, FEE_YEN_MAX, &c->price_yen));
    TRY(node_i64(node_at(line, "participants_booked"), 1, FEE_PAX_MAX, &c->booked));
    TRY(node_i64(node_at(line, "participants_cancelled"), 1, FEE_PAX_MAX, &c->cancelled));
    ENSURE(node_at(line, "office"), ERR_SYNTAX);
    return event_read(line, c);
}

fee_fault_t driver_case(driver_t *d, arena_t *a, const node_t *line, slice_t *ret_id,
                        fee_case_t *ret_case)
{
    fee_case_t c = {.n_own = 0};
    if (err_failed(node_text(node_at(line, "id"), ret_id)) || err_failed(case_read(line, &c))) {
        return FEE_BAD_CASE;
    }
    if (err_failed(tables_read(a, node_at(line, "tables"), &c))) {
        return FEE_BAD_TABLE;
    }
    c.office = office_of(d, a, node_at(line, "office"));
    *ret_case = c;
    return FEE_SOUND;
}
