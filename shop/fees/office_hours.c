/* Hours of a day, and what they say of an instant. */
#include "office_hours.h"
#include "holiday.h"

typedef struct day_hours {
    struct {
        uint16_t from_min, to_min;
    } at[OFFICE_DAY_SPANS];
    size_t n;
} day_hours_t;

static bool is_holiday(const office_hours_t *h, date_t day)
{
    if (!h->holidays) {
        return holiday_is(day);
    }
    for (size_t i = 0; i < h->n_holidays; i++) {
        if (h->holidays[i] == day) {
            return true;
        }
    }
    return false;
}

static bool is_yearly_closed(const office_yearly_t *y, date_t day)
{
    date_ymd_t ymd = date_to_ymd(day);
    int at = ymd.month * 100 + ymd.day;
    int from = y->from_month * 100 + y->from_day, to = y->to_month * 100 + y->to_day;
    return from <= to ? from <= at && at <= to : at >= from || at <= to;
}

static bool is_closed_day(const office_hours_t *h, date_t day)
{
    for (size_t i = 0; i < h->n_closed; i++) {
        if (h->closed[i] == day) {
            return true;
        }
    }
    for (size_t i = 0; i < h->n_yearly; i++) {
        if (is_yearly_closed(&h->yearly[i], day)) {
            return true;
        }
    }
    return h->holidays_closed && is_holiday(h, day);
}

static void day_add(day_hours_t *d, uint16_t from_min, uint16_t to_min)
{
    if (from_min < to_min && d->n < OFFICE_DAY_SPANS) {
        d->at[d->n].from_min = from_min;
        d->at[d->n++].to_min = to_min;
    }
}

static day_hours_t hours_of(const office_hours_t *h, date_t day)
{
    day_hours_t d = {.n = 0};
    bool special = false;
    for (size_t i = 0; i < h->n_specials; i++) {
        if (h->specials[i].day == day) {
            special = true;
            day_add(&d, h->specials[i].from_min, h->specials[i].to_min);
        }
    }
    if (special || is_closed_day(h, day)) {
        return d;
    }
    for (size_t i = 0; i < h->n_spans; i++) {
        if (h->spans[i].weekday == date_weekday(day)) {
            day_add(&d, h->spans[i].from_min, h->spans[i].to_min);
        }
    }
    return d;
}

/* The end of the span that holds the minute, or -1. */
static int32_t closing(const day_hours_t *d, unsigned minute)
{
    for (size_t i = 0; i < d->n; i++) {
        if (d->at[i].from_min <= minute && minute < d->at[i].to_min) {
            return d->at[i].to_min;
        }
    }
    return -1;
}

/* The earliest opening at or after the minute, or -1. */
static int32_t opening(const day_hours_t *d, unsigned minute)
{
    int32_t best = -1;
    for (size_t i = 0; i < d->n; i++) {
        if (d->at[i].from_min >= minute && (best < 0 || d->at[i].from_min < best)) {
            best = d->at[i].from_min;
        }
    }
    return best;
}

office_now_t office_hours_at(const office_hours_t *hours, int64_t wall_us)
{
    date_t day = tokyo_date(wall_us);
    unsigned minute = tokyo_minute(wall_us);
    day_hours_t today = hours_of(hours, day);
    int32_t end = closing(&today, minute);
    if (end >= 0) {
        return (office_now_t){true, true, tokyo_instant(day, end)};
    }
    for (int32_t d = 0; d <= OFFICE_LOOK_DAYS; d++) {
        day_hours_t next = hours_of(hours, day + d);
        int32_t at = opening(&next, d == 0 ? minute : 0);
        if (at >= 0) {
            return (office_now_t){false, true, tokyo_instant(day + d, at)};
        }
    }
    return (office_now_t){false, false, 0};
}

err_t office_hours_add(office_hours_t *hours, unsigned weekday, int64_t from_min, int64_t to_min)
{
    ENSURE(weekday < 7 && from_min >= 0 && from_min < to_min && to_min <= 1440, ERR_RANGE);
    size_t same = 0;
    for (size_t i = 0; i < hours->n_spans; i++) {
        same += hours->spans[i].weekday == weekday ? 1 : 0;
    }
    ENSURE(hours->n_spans < OFFICE_SPANS && same < OFFICE_DAY_SPANS, ERR_LIMIT);
    hours->spans[hours->n_spans++] =
        (office_span_t){(uint8_t)weekday, (uint16_t)from_min, (uint16_t)to_min};
    return OK;
}

err_t office_hours_special(office_hours_t *hours, date_t day, int64_t from_min, int64_t to_min)
{
    ENSURE(from_min >= 0 && from_min <= to_min && to_min <= 1440, ERR_RANGE);
    size_t same = 0;
    for (size_t i = 0; i < hours->n_specials; i++) {
        same += hours->specials[i].day == day ? 1 : 0;
    }
    ENSURE(hours->n_specials < OFFICE_SPECIALS && same < OFFICE_DAY_SPANS, ERR_LIMIT);
    hours->specials[hours->n_specials++] =
        (office_special_t){day, (uint16_t)from_min, (uint16_t)to_min};
    return OK;
}

static err_t month_day(slice_t text, uint8_t *ret_month, uint8_t *ret_day)
{
    uint64_t month = 0, day = 0;
    ENSURE(text.len == 5 && text.ptr[2] == '-', ERR_SYNTAX);
    TRY(slice_parse_u64(slice_sub(text, 0, 2), 12, &month));
    TRY(slice_parse_u64(slice_sub(text, 3, 2), 31, &day));
    ENSURE(month >= 1 && day >= 1 && day <= date_month_days(2024, (unsigned)month), ERR_RANGE);
    *ret_month = (uint8_t)month;
    *ret_day = (uint8_t)day;
    return OK;
}

err_t office_hours_yearly(office_hours_t *hours, slice_t from, slice_t to)
{
    office_yearly_t y;
    ENSURE(hours->n_yearly < OFFICE_YEARLY, ERR_LIMIT);
    TRY(month_day(from, &y.from_month, &y.from_day));
    TRY(month_day(to, &y.to_month, &y.to_day));
    hours->yearly[hours->n_yearly++] = y;
    return OK;
}

err_t office_minute_parse(slice_t text, int64_t *ret_minute)
{
    uint64_t h = 0, m = 0;
    ENSURE(text.len == 5 && text.ptr[2] == ':', ERR_SYNTAX);
    TRY(slice_parse_u64(slice_sub(text, 0, 2), 24, &h));
    TRY(slice_parse_u64(slice_sub(text, 3, 2), 59, &m));
    ENSURE(h * 60 + m <= 1440, ERR_RANGE);
    *ret_minute = (int64_t)(h * 60 + m);
    return OK;
}
