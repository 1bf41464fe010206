/* Any bytes as a notification (after its signature was right), and as the signature itself: read
 * into bounded, plain fields, or refused. */
#include "fuzz_news.h"
#include "stripe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    adapter_t adapter = {.name = NULL};
    adapter_news_t n;
    slice_t raw = slice_make(data, size);
    arena_init(&a, 8 * 1024 * 1024);
    stripe_init(&adapter);
    CHECK(err_failed(adapter.verify(&adapter, &a, raw, raw))); /* no key signs nothing */
    if (!err_failed(adapter.parse(&adapter, &a, raw, &n))) {
        fuzz_news_check(&n);
    }
    return 0;
}
