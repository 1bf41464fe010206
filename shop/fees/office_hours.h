/* When an office answers, in Tokyo time: weekly hours, single days with hours of their own, single
 * and yearly closed days, national holidays. The same calendar says which instant a cancellation
 * counts from: a request counts within the hours of the office of application (旅行条件書:
 * 「お申込みの営業所の 営業日・営業時間内」). Pure: no clock. */
#ifndef SHOP_OFFICE_HOURS_H
#define SHOP_OFFICE_HOURS_H

#include "text/time.h"

enum {
    OFFICE_SPANS = 56,
    OFFICE_CLOSED_DAYS = 512,
    OFFICE_YEARLY = 8,
    OFFICE_SPECIALS = 256,
    OFFICE_DAY_SPANS = 16, /* of one day */
    OFFICE_LOOK_DAYS = 400,
};

typedef struct office_span {
    uint8_t weekday; /* 0 = Sunday */
    uint16_t from_min, to_min;
} office_span_t;

/* A day with hours of its own; one entry a span. from_min == to_min: closed all day. */
typedef struct office_special {
    date_t day;
    uint16_t from_min, to_min;
} office_special_t;

/* Closed each year from one day to another, both included; may pass the end of the year. */
typedef struct office_yearly {
    uint8_t from_month, from_day, to_month, to_day;
} office_yearly_t;

typedef struct office_hours {
    office_span_t spans[OFFICE_SPANS]; /* any order, not overlapping */
    size_t n_spans;
    office_special_t specials[OFFICE_SPECIALS]; /* go before all that closes */
    size_t n_specials;
    date_t closed[OFFICE_CLOSED_DAYS];
    size_t n_closed;
    office_yearly_t yearly[OFFICE_YEARLY];
    size_t n_yearly;
    bool holidays_closed;
    const date_t *holidays; /* borrowed, any order; NULL: the house's own table (holiday.h) */
    size_t n_holidays;
} office_hours_t;

typedef struct office_now {
    bool open;
    bool known;        /* next change found within OFFICE_LOOK_DAYS */
    int64_t change_us; /* when it closes (open) or opens next */
} office_now_t;

office_now_t office_hours_at(const office_hours_t *hours, int64_t wall_us);
/* Adds a span; RANGE for a bad time, LIMIT. */
err_t office_hours_add(office_hours_t *hours, unsigned weekday, int64_t from_min, int64_t to_min);
/* Adds hours of one day; from_min == to_min: closed. RANGE, LIMIT. */
err_t office_hours_special(office_hours_t *hours, date_t day, int64_t from_min, int64_t to_min);
/* "12-30", "01-03": closed each year. SYNTAX, RANGE, LIMIT. */
err_t office_hours_yearly(office_hours_t *hours, slice_t from, slice_t to);
/* "09:30" as minutes. SYNTAX, RANGE. */
err_t office_minute_parse(slice_t text, int64_t *ret_minute);

#endif
