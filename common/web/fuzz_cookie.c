/* Cookie headers and whatever a token can be. */
#include "web/session_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const secret_t KEY = {{1}};
    slice_t all = slice_make(data, size);
    web_pair_t pairs[WEB_COOKIES_MAX];
    size_t n = 0;
    web_cookies_parse(all, pairs, WEB_COOKIES_MAX, &n);
    CHECK(n <= WEB_COOKIES_MAX);
    for (size_t i = 0; i < n; i++) {
        CHECK(web_is_token(pairs[i].name) && web_header_value_ok(pairs[i].value));
        CHECK(pairs[i].name.ptr >= data && pairs[i].value.ptr + pairs[i].value.len <= data + size);
        CHECK(!session_anon_ok(&KEY, 0, 1, INT32_MAX, pairs[i].value));
        (void)session_csrf_ok(id_zero(), pairs[i].value);
    }
    /* what a damaged row can hold */
    uint8_t mem[WEB_SESSION_DATA_BYTES];
    buf_t out = BUF_ON_ARRAY(mem);
    slice_t value = session_data_get(all, SLICE("a"));
    CHECK(!value.len || (value.ptr >= data && value.ptr + value.len <= data + size));
    session_change_t change = {SLICE("a"), SLICE("1"), false};
    if (!err_failed(session_data_apply(all, &change, 1, &out))) {
        CHECK(slice_eq(session_data_get(buf_slice(&out), SLICE("a")), SLICE("1")));
    }
    return 0;
}
