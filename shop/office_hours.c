/* Weekly hours against the wall clock. */
#include "office_hours.h"

static bool is_closed_day(const office_hours_t *h, date_t day)
{
    for (size_t i = 0; i < h->n_closed; i++) {
        if (h->closed[i] == day) {
            return true;
        }
    }
    return false;
}

/* The open span that holds the minute, or NULL. */
static const office_span_t *span_at(const office_hours_t *h, date_t day, unsigned minute)
{
    for (size_t i = 0; i < h->n_spans && !is_closed_day(h, day); i++) {
        const office_span_t *s = &h->spans[i];
        if (s->weekday == date_weekday(day) && s->from_min <= minute && minute < s->to_min) {
            return s;
        }
    }
    return NULL;
}

/* The earliest opening on that day at or after the minute, or -1. */
static int32_t opening(const office_hours_t *h, date_t day, unsigned minute)
{
    int32_t best = -1;
    for (size_t i = 0; i < h->n_spans && !is_closed_day(h, day); i++) {
        const office_span_t *s = &h->spans[i];
        if (s->weekday == date_weekday(day) && s->from_min >= minute &&
            (best < 0 || s->from_min < best)) {
            best = s->from_min;
        }
    }
    return best;
}

office_now_t office_hours_at(const office_hours_t *hours, int64_t wall_us)
{
    date_t day = tokyo_date(wall_us);
    unsigned minute = tokyo_minute(wall_us);
    const office_span_t *span = span_at(hours, day, minute);
    if (span) {
        return (office_now_t){true, true, tokyo_instant(day, span->to_min)};
    }
    for (int32_t d = 0; d < OFFICE_LOOK_DAYS; d++) {
        int32_t at = opening(hours, day + d, d == 0 ? minute : 0);
        if (at >= 0) {
            return (office_now_t){false, true, tokyo_instant(day + d, at)};
        }
    }
    return (office_now_t){false, false, 0};
}

err_t office_hours_add(office_hours_t *hours, unsigned weekday, int64_t from_min, int64_t to_min)
{
    ENSURE(weekday < 7 && from_min >= 0 && from_min < to_min && to_min <= 1440, ERR_RANGE);
    ENSURE(hours->n_spans < OFFICE_SPANS, ERR_LIMIT);
    hours->spans[hours->n_spans++] =
        (office_span_t){(uint8_t)weekday, (uint16_t)from_min, (uint16_t)to_min};
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
