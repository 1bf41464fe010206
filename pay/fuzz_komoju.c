/* Any bytes as a notification (after its signature was right): read into bounded, plain fields, or
 * refused. */
#include "komoju.h"

static void check_id(slice_t id, size_t max)
{
    CHECK(id.len <= max);
    for (size_t i = 0; i < id.len; i++) {
        CHECK(id.ptr[i] > ' ' && id.ptr[i] < 0x7F && id.ptr[i] != '/' && id.ptr[i] != '?' &&
              id.ptr[i] != '&');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    adapter_t adapter = {.name = NULL};
    adapter_news_t n;
    arena_init(&a, 8 * 1024 * 1024);
    komoju_init(&adapter);
    if (err_failed(adapter.parse(&adapter, &a, slice_make(data, size), &n))) {
        return 0;
    }
    CHECK(n.event.len > 0);
    check_id(n.event, ADAPTER_EVENT_MAX);
    check_id(n.kind, ADAPTER_KIND_MAX);
    check_id(n.session, ADAPTER_REF_MAX);
    check_id(n.payment, ADAPTER_REF_MAX);
    check_id(n.order, ADAPTER_REF_MAX);
    CHECK(n.amount_minor >= 0 && n.refunded_minor >= 0);
    CHECK(!n.knows || (n.fact < PAY_FACT_COUNT && n.payment.len && n.currency[0]));
    CHECK(!n.knows || n.fact != PAY_FACT_REFUNDED || n.refunded_minor >= n.amount_minor);
    return 0;
}
