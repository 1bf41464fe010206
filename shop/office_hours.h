/* When an office answers the telephone: weekly hours in Tokyo time and single closed days. The same
 * calendar will say which instant a cancellation counts from. */
#ifndef SHOP_OFFICE_HOURS_H
#define SHOP_OFFICE_HOURS_H

#include "text/time.h"

enum { OFFICE_SPANS = 28, OFFICE_CLOSED_DAYS = 64, OFFICE_LOOK_DAYS = 31 };

typedef struct office_span {
    uint8_t weekday; /* 0 = Sunday */
    uint16_t from_min, to_min;
} office_span_t;

typedef struct office_hours {
    office_span_t spans[OFFICE_SPANS]; /* any order, not overlapping */
    size_t n_spans;
    date_t closed[OFFICE_CLOSED_DAYS];
    size_t n_closed;
} office_hours_t;

typedef struct office_now {
    bool open;
    bool known;        /* next change found within OFFICE_LOOK_DAYS */
    int64_t change_us; /* when it closes (open) or opens next */
} office_now_t;

office_now_t office_hours_at(const office_hours_t *hours, int64_t wall_us);
/* Adds a span; RANGE for a bad time, LIMIT. */
err_t office_hours_add(office_hours_t *hours, unsigned weekday, int64_t from_min, int64_t to_min);
/* "09:30" as minutes. SYNTAX, RANGE. */
err_t office_minute_parse(slice_t text, int64_t *ret_minute);

#endif
