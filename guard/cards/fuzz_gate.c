/* A whole request through the gate. The first line of the input is the target, the second the
 * Content-Type (two of them when it begins with '!'), the third the Content-Encoding, the rest is
 * the body. Whatever comes: an answer, and a card number put into a plain field is found. */
#include "gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gate_verdict_t look(const gate_request_t *r)
{
    arena_t a;
    gate_verdict_t v;
    arena_init(&a, 256 * 1024 + 24 * (r->path.len + r->query.len + r->body.len));
    err_t e = gate_look(&a, r, &v);
    CHECK(!err_failed(e)); /* the module's scratch is enough for any request */
    arena_deinit(&a);
    CHECK(v.answer != GATE_CARD || (v.place != GATE_NOWHERE && v.hit.digits >= CARD_MIN_DIGITS));
    CHECK((v.answer == GATE_UNREADABLE) == (v.why != NULL));
    CHECK((v.answer == GATE_PASS) == (v.place == GATE_NOWHERE));
    return v;
}

/* Whatever the query is: with a card number as one more field it does not pass. */
static void with_card(gate_request_t r)
{
    uint8_t *mem = malloc(r.query.len + 64);
    CHECK(mem);
    buf_t b = buf_on(mem, r.query.len + 64);
    buf_put(&b, r.query);
    buf_cstr(&b, "&n=4111+1111+1111+1111&z=z");
    r.query = buf_slice(&b);
    CHECK(look(&r).answer != GATE_PASS);
    free(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t rest = slice_make(data, size), target, type, encoding;
    if (!slice_split(&rest, '\n', &target) || !slice_split(&rest, '\n', &type) ||
        !slice_split(&rest, '\n', &encoding) || rest.len == SIZE_MAX || rest.len > 256 * 1024) {
        return 0;
    }
    size_t mark = slice_find_byte(target, '?');
    bool two = slice_starts(type, SLICE("!"));
    gate_request_t r = {.path = slice_sub(target, 0, mark),
                        .query = mark == SIZE_MAX ? SLICE_EMPTY : slice_from(target, mark + 1),
                        .content_type = two ? slice_from(type, 1) : type,
                        .content_types = two ? 2 : type.len > 0,
                        .content_encoding = encoding,
                        .body = rest};
    (void)look(&r);
    with_card(r);
    return 0;
}
