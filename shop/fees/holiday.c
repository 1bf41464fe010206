/* The table and a binary search. */
#include "holiday.h"

static const struct row {
    date_ymd_t ymd;
    const char *name;
} ROWS[] = {
#define HOLIDAY(year_, month_, day_, name_) {{(year_), (month_), (day_)}, (name_)},
#include "holiday_table.h"
#undef HOLIDAY
};

#define HOLIDAY_DATA(first_, last_, announced_, checked_)                                          \
    enum { FIRST_YEAR = (first_), LAST_YEAR = (last_) };
#include "holiday_table.h"
#undef HOLIDAY_DATA

static int32_t key(date_ymd_t d)
{
    return (d.year * 100 + d.month) * 100 + d.day;
}

static const struct row *find(date_t day)
{
    int32_t want = key(date_to_ymd(day));
    size_t low = 0, high = BASE_COUNT(ROWS);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (key(ROWS[mid].ymd) < want) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < BASE_COUNT(ROWS) && key(ROWS[low].ymd) == want ? &ROWS[low] : NULL;
}

bool holiday_is(date_t day)
{
    return find(day) != NULL;
}

slice_t holiday_name(date_t day)
{
    const struct row *row = find(day);
    return slice_cstr_in(row ? row->name : NULL);
}

bool holiday_year_known(int32_t year)
{
    return year >= FIRST_YEAR && year <= LAST_YEAR;
}

bool holiday_at(size_t i, date_t *ret_day, slice_t *ret_name)
{
    date_t day;
    if (i >= BASE_COUNT(ROWS) || err_failed(date_from_ymd(ROWS[i].ymd, &day))) {
        return false;
    }
    *ret_day = day;
    *ret_name = slice_cstr_in(ROWS[i].name);
    return true;
}
