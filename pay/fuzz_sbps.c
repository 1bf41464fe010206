/* Any bytes as a report (after its hash was right), and as an answer of the XML API: read into
 * bounded, plain fields, or refused. */
#include "fuzz_news.h"
#include "sbps.h"
#include "sbps_wire.h"

static void xml_check(slice_t raw)
{
    static const char *const PATHS[] = {"res_result", "res_pay_method_info.payment_status"};
    for (size_t i = 0; i < BASE_COUNT(PATHS); i++) {
        slice_t text;
        if (!err_failed(sbps_xml_get(raw, slice_cstr_in(PATHS[i]), &text))) {
            CHECK(slice_find_byte(text, '<') == SIZE_MAX && slice_find_byte(text, '&') == SIZE_MAX);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    adapter_t adapter = {.merchant = "30132", .service = "001"};
    adapter_news_t n;
    slice_t raw = slice_make(data, size), sjis, utf8, back;
    arena_init(&a, 8 * 1024 * 1024);
    sbps_init(&adapter);
    adapter.hash_in_sjis = size % 2;
    CHECK(err_failed(adapter.verify(&adapter, &a, SLICE_EMPTY, raw))); /* no key signs nothing */
    if (!err_failed(adapter.parse(&adapter, &a, raw, &n))) {
        fuzz_news_check(&n);
        CHECK(n.echo.len > 0 && (!n.knows || n.order.len == ID_TEXT));
    }
    xml_check(raw);
    if (!err_failed(sbps_text_fit(&a, raw, 40, &sjis, &utf8))) {
        CHECK(sjis.len <= 40 && !err_failed(sbps_to_utf8(&a, sjis, &back)) && slice_eq(back, utf8));
    }
    return 0;
}
