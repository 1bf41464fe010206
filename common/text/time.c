#include "text/time.h"

#define DAY_US (INT64_C(86400) * 1000000)
#define MINUTE_US (INT64_C(60) * 1000000)

static const char *const WEEKDAYS_JA[] = {"日", "月", "火", "水", "木", "金", "土"};
static const char *const WEEKDAYS_EN[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const MONTHS_EN[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static int64_t floor_div(int64_t v, int64_t by)
{
    return v / by - (v % by < 0);
}

static bool is_leap(int32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

unsigned date_month_days(int32_t year, unsigned month)
{
    static const uint8_t DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    CHECK(month >= 1 && month <= 12);
    return month == 2 && is_leap(year) ? 29 : DAYS[month - 1];
}

/* Days of the years before `year`, and of the months before `month`, counted from March so that the
 * leap day ends the year; 719468 = 0000-03-01 to 1970-01-01. */
err_t date_from_ymd(date_ymd_t ymd, date_t *ret_date)
{
    ENSURE(ymd.year >= 1 && ymd.year <= 9999, ERR_RANGE);
    ENSURE(ymd.month >= 1 && ymd.month <= 12 && ymd.day >= 1, ERR_RANGE);
    ENSURE(ymd.day <= date_month_days(ymd.year, ymd.month), ERR_RANGE);
    int32_t year = ymd.month <= 2 ? ymd.year - 1 : ymd.year;
    int32_t month = (ymd.month + 9) % 12;
    int32_t days = year * 365 + year / 4 - year / 100 + year / 400;
    *ret_date = days + (153 * month + 2) / 5 + ymd.day - 1 - 719468;
    return OK;
}

date_ymd_t date_to_ymd(date_t date)
{
    date = date < DATE_MIN ? DATE_MIN : date > DATE_MAX ? DATE_MAX : date;
    int32_t days = date + 719468;
    int32_t era = days / 146097, of_era = days % 146097;
    int32_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int32_t of_year = of_era - (365 * years + years / 4 - years / 100);
    int32_t month = (5 * of_year + 2) / 153;
    return (date_ymd_t){
        .year = era * 400 + years + (month >= 10),
        .month = (uint8_t)(month < 10 ? month + 3 : month - 9),
        .day = (uint8_t)(of_year - (153 * month + 2) / 5 + 1),
    };
}

unsigned date_weekday(date_t date)
{
    int64_t since = (int64_t)date + 4; /* 1970-01-01 was a Thursday */
    return (unsigned)(since - floor_div(since, 7) * 7);
}

err_t date_add_months(date_t date, int32_t months, date_t *ret_date)
{
    date_ymd_t ymd = date_to_ymd(date);
    int64_t total = (int64_t)ymd.year * 12 + ymd.month - 1 + months;
    ENSURE(total >= 12 && total < INT64_C(10000) * 12, ERR_RANGE);
    ymd.year = (int32_t)(total / 12);
    ymd.month = (uint8_t)(total % 12 + 1);
    unsigned last = date_month_days(ymd.year, ymd.month);
    ymd.day = ymd.day > last ? (uint8_t)last : ymd.day;
    return date_from_ymd(ymd, ret_date);
}

/* `digits` decimal digits at an offset. */
static err_t number_at(slice_t text, size_t at, size_t digits, int64_t max, int64_t *ret_value)
{
    slice_t part = slice_sub(text, at, digits);
    uint64_t v;
    ENSURE(part.len == digits, ERR_SYNTAX);
    TRY(slice_parse_u64(part, (uint64_t)max, &v));
    *ret_value = (int64_t)v;
    return OK;
}

err_t date_parse(slice_t text, date_t *ret_date)
{
    int64_t year, month, day;
    ENSURE(text.len == 10 && text.ptr[4] == '-' && text.ptr[7] == '-', ERR_SYNTAX);
    TRY(number_at(text, 0, 4, 9999, &year));
    TRY(number_at(text, 5, 2, 99, &month));
    TRY(number_at(text, 8, 2, 99, &day));
    return date_from_ymd((date_ymd_t){(int32_t)year, (uint8_t)month, (uint8_t)day}, ret_date);
}

void date_put(buf_t *b, date_t date)
{
    date_ymd_t ymd = date_to_ymd(date);
    buf_dec_pad(b, (uint64_t)ymd.year, 4);
    buf_u8(b, '-');
    buf_dec_pad(b, ymd.month, 2);
    buf_u8(b, '-');
    buf_dec_pad(b, ymd.day, 2);
}

static date_t utc_date(int64_t us)
{
    int64_t days = floor_div(us, DAY_US);
    return days < DATE_MIN ? DATE_MIN : days > DATE_MAX ? DATE_MAX : (date_t)days;
}

static int64_t to_tokyo(int64_t wall_us)
{
    int64_t local;
    return __builtin_add_overflow(wall_us, TOKYO_OFFSET_US, &local) ? INT64_MAX : local;
}

date_t tokyo_date(int64_t wall_us)
{
    return utc_date(to_tokyo(wall_us));
}

unsigned tokyo_minute(int64_t wall_us)
{
    int64_t local = to_tokyo(wall_us);
    return (unsigned)((local - floor_div(local, DAY_US) * DAY_US) / MINUTE_US);
}

int64_t tokyo_instant(date_t date, int32_t minute_of_day)
{
    date = date < DATE_MIN ? DATE_MIN : date > DATE_MAX ? DATE_MAX : date;
    return (int64_t)date * DAY_US + (int64_t)minute_of_day * MINUTE_US - TOKYO_OFFSET_US;
}

static void put_clock(buf_t *b, int64_t local_us, bool seconds)
{
    int64_t of_day = local_us - floor_div(local_us, DAY_US) * DAY_US;
    buf_dec_pad(b, (uint64_t)(of_day / (60 * MINUTE_US)), 2);
    buf_u8(b, ':');
    buf_dec_pad(b, (uint64_t)(of_day / MINUTE_US % 60), 2);
    if (!seconds) {
        return;
    }
    buf_u8(b, ':');
    buf_dec_pad(b, (uint64_t)(of_day / 1000000 % 60), 2);
    uint64_t fraction = (uint64_t)(of_day % 1000000);
    if (fraction) {
        buf_u8(b, '.');
        buf_dec_pad(b, fraction % 1000 ? fraction : fraction / 1000, fraction % 1000 ? 6 : 3);
    }
}

static void put_rfc3339(buf_t *b, int64_t local_us, const char *offset)
{
    date_put(b, utc_date(local_us));
    buf_u8(b, 'T');
    put_clock(b, local_us, true);
    buf_cstr(b, offset);
}

void time_put_rfc3339(buf_t *b, int64_t wall_us)
{
    put_rfc3339(b, wall_us, "Z");
}

void time_put_rfc3339_tokyo(buf_t *b, int64_t wall_us)
{
    put_rfc3339(b, to_tokyo(wall_us), "+09:00");
}

/* ".digits": 1 to 9 of them. */
static err_t parse_fraction(slice_t *rest, int64_t *ret_us)
{
    int64_t us = 0, scale = 100000;
    size_t n = 0;
    *ret_us = 0;
    if (rest->len == 0 || rest->ptr[0] != '.') {
        return OK;
    }
    *rest = slice_from(*rest, 1);
    for (; n < rest->len && rest->ptr[n] >= '0' && rest->ptr[n] <= '9'; n++) {
        us += (rest->ptr[n] - '0') * scale;
        scale /= 10;
    }
    ENSURE(n >= 1 && n <= 9, ERR_SYNTAX);
    *rest = slice_from(*rest, n);
    *ret_us = us;
    return OK;
}

static err_t parse_offset(slice_t rest, int64_t *ret_us)
{
    int64_t hours, minutes;
    if (rest.len == 1 && (rest.ptr[0] | 0x20) == 'z') {
        *ret_us = 0;
        return OK;
    }
    ENSURE(rest.len == 6 && rest.ptr[3] == ':', ERR_SYNTAX);
    ENSURE(rest.ptr[0] == '+' || rest.ptr[0] == '-', ERR_SYNTAX);
    TRY(number_at(rest, 1, 2, 23, &hours));
    TRY(number_at(rest, 4, 2, 59, &minutes));
    int64_t us = (hours * 60 + minutes) * MINUTE_US;
    *ret_us = rest.ptr[0] == '-' ? -us : us;
    return OK;
}

err_t time_parse_rfc3339(slice_t text, int64_t *ret_wall_us)
{
    date_t date;
    int64_t hour, minute, second, fraction, offset;
    ENSURE(text.len >= 20 && (text.ptr[10] | 0x20) == 't', ERR_SYNTAX);
    ENSURE(text.ptr[13] == ':' && text.ptr[16] == ':', ERR_SYNTAX);
    TRY(date_parse(slice_sub(text, 0, 10), &date));
    TRY(number_at(text, 11, 2, 23, &hour));
    TRY(number_at(text, 14, 2, 59, &minute));
    TRY(number_at(text, 17, 2, 60, &second));
    slice_t rest = slice_from(text, 19);
    TRY(parse_fraction(&rest, &fraction));
    TRY(parse_offset(rest, &offset));
    if (second == 60) {
        second = 59;
        fraction = 999999;
    }
    int64_t of_day = ((hour * 60 + minute) * 60 + second) * 1000000 + fraction;
    *ret_wall_us = (int64_t)date * DAY_US + of_day - offset;
    return OK;
}

void date_put_ja(buf_t *b, date_t date)
{
    date_ymd_t ymd = date_to_ymd(date);
    buf_dec(b, ymd.year);
    buf_cstr(b, "年");
    buf_dec(b, ymd.month);
    buf_cstr(b, "月");
    buf_dec(b, ymd.day);
    buf_cstr(b, "日(");
    buf_cstr(b, WEEKDAYS_JA[date_weekday(date)]);
    buf_u8(b, ')');
}

void date_put_en(buf_t *b, date_t date)
{
    date_ymd_t ymd = date_to_ymd(date);
    buf_cstr(b, WEEKDAYS_EN[date_weekday(date)]);
    buf_cstr(b, ", ");
    buf_dec(b, ymd.day);
    buf_u8(b, ' ');
    buf_cstr(b, MONTHS_EN[ymd.month - 1]);
    buf_u8(b, ' ');
    buf_dec(b, ymd.year);
}

void time_put_ja(buf_t *b, int64_t wall_us)
{
    date_put_ja(b, tokyo_date(wall_us));
    buf_u8(b, ' ');
    put_clock(b, to_tokyo(wall_us), false);
}

void time_put_en(buf_t *b, int64_t wall_us)
{
    date_put_en(b, tokyo_date(wall_us));
    buf_u8(b, ' ');
    put_clock(b, to_tokyo(wall_us), false);
    buf_cstr(b, " JST");
}

static void put_grouped(buf_t *b, uint64_t v)
{
    if (v >= 1000) {
        put_grouped(b, v / 1000);
        buf_u8(b, ',');
        buf_dec_pad(b, v % 1000, 3);
    } else {
        buf_dec_pad(b, v, 1);
    }
}

static void put_amount(buf_t *b, int64_t v, const char *before, const char *after)
{
    if (v < 0) {
        buf_u8(b, '-');
    }
    buf_cstr(b, before);
    put_grouped(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
    buf_cstr(b, after);
}

void number_put_grouped(buf_t *b, int64_t v)
{
    put_amount(b, v, "", "");
}

void yen_put_ja(buf_t *b, int64_t yen)
{
    put_amount(b, yen, "", "円");
}

void yen_put_en(buf_t *b, int64_t yen)
{
    put_amount(b, yen, "¥", "");
}
