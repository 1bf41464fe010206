/* Any bytes as a notification (after its signature was right): read into bounded, plain fields, or
 * refused. */
#include "fuzz_news.h"
#include "komoju.h"

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
    fuzz_news_check(&n);
    CHECK(!n.knows || n.payment.len);
    return 0;
}
