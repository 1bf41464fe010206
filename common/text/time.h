/* Instants (int64 microseconds UTC, base/clock.h), calendar days and Japanese local time; how both
 * and yen are shown. Asia/Tokyo is UTC+9 without summer time since 1951, so no zone database. */
#ifndef TEXT_TIME_H
#define TEXT_TIME_H

#include "base/buf.h"

/* A calendar day: days since 1970-01-01, proleptic Gregorian. */
typedef int32_t date_t;

typedef struct date_ymd {
    int32_t year;       /* 1 to 9999 */
    uint8_t month, day; /* from 1 */
} date_ymd_t;

#define TOKYO_OFFSET_US (INT64_C(9) * 3600 * 1000000)
/* 0001-01-01 and 9999-12-31. */
#define DATE_MIN ((date_t)-719162)
#define DATE_MAX ((date_t)2932896)

/* RANGE when there is no such day. */
err_t date_from_ymd(date_ymd_t ymd, date_t *ret_date);
/* Days outside the years 1 to 9999 are given as the nearest inside. */
date_ymd_t date_to_ymd(date_t date);
/* 0 = Sunday. */
unsigned date_weekday(date_t date);
/* Same day of month, or the month's last when it is shorter. RANGE outside the years 1 to 9999. */
err_t date_add_months(date_t date, int32_t months, date_t *ret_date);
unsigned date_month_days(int32_t year, unsigned month);
/* "YYYY-MM-DD" exactly. SYNTAX, RANGE. */
err_t date_parse(slice_t text, date_t *ret_date);
void date_put(buf_t *b, date_t date); /* YYYY-MM-DD */

/* The day in Tokyo at an instant; minutes since that day's midnight. */
date_t tokyo_date(int64_t wall_us);
unsigned tokyo_minute(int64_t wall_us);
/* The instant of a local time of day; minute_of_day 0 to 1440 and beyond is plain arithmetic. */
int64_t tokyo_instant(date_t date, int32_t minute_of_day);

/* RFC 3339: "2026-11-22T01:02:03.456789Z" (fraction only when there is one: 3 or 6 digits). */
void time_put_rfc3339(buf_t *b, int64_t wall_us);
/* The same instant in Tokyo time, "2026-11-22T10:02:03+09:00". */
void time_put_rfc3339_tokyo(buf_t *b, int64_t wall_us);
/* Any offset; 1 to 9 fraction digits (cut to microseconds); 'T' and 'Z' in either case; a leap
 * second :60 is taken as :59.999999. SYNTAX, RANGE. */
err_t time_parse_rfc3339(slice_t text, int64_t *ret_wall_us);

/* Showing. */
void date_put_ja(buf_t *b, date_t date);      /* 2026年11月22日(日) */
void date_put_en(buf_t *b, date_t date);      /* Sun, 22 Nov 2026 */
void time_put_ja(buf_t *b, int64_t wall_us);  /* 2026年11月22日(日) 10:02, Tokyo */
void time_put_en(buf_t *b, int64_t wall_us);  /* Sun, 22 Nov 2026 10:02 JST */
void number_put_grouped(buf_t *b, int64_t v); /* 12,300 */
void yen_put_ja(buf_t *b, int64_t yen);       /* 12,300円 */
void yen_put_en(buf_t *b, int64_t yen);       /* ¥12,300 */

#endif
