/* A product's own fee table as text: whoever writes it, what is accepted is sound and can be worked
 * with. */
#include "fee.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tiers_hold(const fee_own_t *own)
{
    fee_tier_t tiers[FEE_TIERS_MAX];
    size_t n;
    fee_tiers(FEE_DOMESTIC, false, 20600, 20000, own, tiers, &n);
    CHECK(n <= FEE_TIERS_MAX);
    for (size_t i = 1; i + 1 < n; i++) { /* the days meet without gap or overlap */
        CHECK(tiers[i].from_day == tiers[i - 1].to_day - 1);
    }
}

static void quotes_hold(const fee_own_t *own)
{
    for (int32_t before = 0; before < 60; before++) {
        fee_quote_t q;
        fee_case_t c = {.product = FEE_DOMESTIC,
                        .departure = 20600,
                        .service_start_us = tokyo_instant(20600, 600),
                        .contract = 20400,
                        .price_yen = 99999,
                        .booked = 3,
                        .cancelled = 2,
                        .channel = FEE_BY_WEB,
                        .request_us = tokyo_instant(20600 - before, 599),
                        .own = own,
                        .n_own = 1};
        fee_fault_t fault = fee_quote(&c, &q);
        CHECK(fault == FEE_SOUND || fault == FEE_BAD_OFFICE);
        CHECK(fault != FEE_SOUND || (q.each_yen >= 0 && q.each_yen <= 99999));
        CHECK(fault != FEE_SOUND || q.total_yen == 2 * q.each_yen);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fee_own_t own;
    size_t line, rule;
    arena_t a;
    arena_init(&a, 1024 * 1024);
    if (!err_failed(fee_own_parse(&a, slice_make(data, size), &own, &line))) {
        CHECK(!err_failed(fee_own_check(&own, &rule)));
        tiers_hold(&own);
        quotes_hold(&own);
    }
    arena_deinit(&a);
    return 0;
}
