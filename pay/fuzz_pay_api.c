/* Any bytes as any struct of payd's contract: a decoder refuses, or gives what encodes to the same
 * bytes again. First byte: which. */
#include "api.h"

static void order_again(cursor_t *c, buf_t *out)
{
    pay_order_t o = pay_order_get(c);
    pay_order_put(out, &o);
}

static void view_again(cursor_t *c, buf_t *out)
{
    pay_attempt_view_t v = pay_attempt_view_get(c);
    pay_attempt_view_put(out, &v);
}

static void event_again(cursor_t *c, buf_t *out)
{
    pay_event_t e = pay_event_get(c);
    pay_event_put(out, &e);
}

static void doubt_again(cursor_t *c, buf_t *out)
{
    pay_doubt_t d = pay_doubt_get(c);
    pay_doubt_put(out, &d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const AGAIN[])(cursor_t * c, buf_t * out) = {order_again, view_again, event_again,
                                                               doubt_again};
    static uint8_t mem[256 * 1024];
    buf_t out = BUF_ON_ARRAY(mem);
    if (!size) {
        return 0;
    }
    cursor_t c = cur_on(slice_make(data + 1, size - 1));
    AGAIN[data[0] % BASE_COUNT(AGAIN)](&c, &out);
    if (!c.bad && size <= sizeof mem) {
        slice_t read = slice_make(data + 1, size - 1 - c.left);
        CHECK(slice_eq(buf_slice(&out), read));
    }
    return 0;
}
