/* The rule of status.h and its table. */
#include "status.h"

typedef struct status_row {
    const char *code, *ja;
    bool bookable;
} status_row_t;

static const status_row_t ROWS[] = {
#define STATUS_ROW(name, number, code_, msg, bookable_, ja_)                                       \
    [(number)] = {.code = (code_), .ja = (ja_), .bookable = (bookable_)},
#include "status_table.h"
#undef STATUS_ROW
};

static const status_row_t *row_of(status_t status)
{
    CHECK(status >= STATUS_OPEN && (size_t)status < BASE_COUNT(ROWS));
    return &ROWS[status];
}

status_t status_of(const seats_t *s, int64_t now_us)
{
    if (s->flags & SHOP_FLAG_CALLED_OFF) {
        return STATUS_STOPPED;
    }
    if ((s->flags & SHOP_FLAG_CLOSED) || now_us >= s->deadline_us) {
        bool ask = !(s->flags & SHOP_FLAG_CLOSED) && now_us < s->start_us && seats_left(s) > 0;
        return ask ? STATUS_ASK : STATUS_CLOSED;
    }
    if (seats_left(s) == 0) {
        return s->flags & SHOP_FLAG_WAITLIST ? STATUS_WAIT : STATUS_FULL;
    }
    int64_t sold = s->taken - s->held;
    if ((s->flags & SHOP_FLAG_DECIDED) || sold >= s->min_pax) {
        return STATUS_RUN;
    }
    return sold * 3 >= s->min_pax * 2 ? STATUS_NEAR : STATUS_OPEN;
}

bool status_bookable(status_t status)
{
    return row_of(status)->bookable;
}

const char *status_code(status_t status)
{
    return row_of(status)->code;
}

const char *status_name_ja(status_t status)
{
    return row_of(status)->ja;
}

int64_t seats_left(const seats_t *s)
{
    int64_t seats = s->cap > s->taken ? s->cap - s->taken : 0;
    int64_t beds = s->in_rooms && s->beds < seats ? s->beds : seats;
    return beds > 0 ? beds : 0;
}
