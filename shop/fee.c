/* Tiers of fee_table.h laid on a calendar. */
#include "fee.h"

static const struct fee_row {
    fee_name_t name;
    int32_t from, to, trip_from, trip_to, rate;
} ROWS[FEE_COUNT] = {
#define FEE_ROW(name_, from_, to_, trip_from_, trip_to_, rate_)                                    \
    {(name_), (from_), (to_), (trip_from_), (trip_to_), (rate_)},
#include "fee_table.h"
#undef FEE_ROW
};

static void place(const struct fee_row *row, date_t departure_day, bool trip, fee_tier_t *ret_tier)
{
    int32_t from = trip ? row->trip_from : row->from;
    int32_t to = trip ? row->trip_to : row->to;
    *ret_tier = (fee_tier_t){.name = row->name, .rate = row->rate};
    if (departure_day == 0) {
        return;
    }
    if (row->name != FEE_FREE) {
        ret_tier->first = departure_day - from;
    }
    if (row->name != FEE_AFTER_START) {
        ret_tier->last = departure_day - to;
    }
}

void fee_tiers(date_t departure_day, int64_t days, fee_tier_t ret_tiers[FEE_COUNT])
{
    for (size_t i = 0; i < FEE_COUNT; i++) {
        place(&ROWS[i], departure_day, days <= 1, &ret_tiers[i]);
    }
}

int64_t fee_rate_on(date_t departure_day, int64_t days, date_t cancel_day)
{
    fee_tier_t tiers[FEE_COUNT];
    fee_tiers(departure_day, days, tiers);
    int64_t rate = 0;
    for (size_t i = 0; i < FEE_COUNT; i++) {
        if (tiers[i].first == 0 || cancel_day >= tiers[i].first) {
            rate = tiers[i].rate;
        }
    }
    return rate;
}
