/* For the fuzzers of notifications: what every adapter's reading must hold. */
#ifndef PAY_FUZZ_NEWS_H
#define PAY_FUZZ_NEWS_H

#include "adapter.h"

static inline void fuzz_id_check(slice_t id, size_t max)
{
    CHECK(id.len <= max);
    for (size_t i = 0; i < id.len; i++) {
        CHECK(id.ptr[i] > ' ' && id.ptr[i] < 0x7F && id.ptr[i] != '/' && id.ptr[i] != '?' &&
              id.ptr[i] != '&');
    }
}

static inline void fuzz_news_check(const adapter_news_t *n)
{
    CHECK(n->event.len > 0);
    fuzz_id_check(n->event, ADAPTER_EVENT_MAX);
    fuzz_id_check(n->kind, ADAPTER_KIND_MAX);
    fuzz_id_check(n->session, ADAPTER_REF_MAX);
    fuzz_id_check(n->payment, ADAPTER_REF_MAX);
    fuzz_id_check(n->order, ADAPTER_REF_MAX);
    CHECK(n->amount_minor >= 0 && n->refunded_minor >= 0);
    CHECK(!n->knows || n->fact < PAY_FACT_COUNT);
    CHECK(!n->knows || !pay_fact_is_money(n->fact) || (n->payment.len && n->currency[0]));
    CHECK(!n->knows || n->fact != PAY_FACT_REFUNDED || n->refunded_minor >= n->amount_minor);
}

#endif
