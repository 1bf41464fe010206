/* Any bytes as text with card numbers in it. */
#include "text/b64.h"
#include "text/card.h"
#include "text/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_IN = 4096 };

/* A number between letters is found whatever stands around it. */
static void check_found(arena_t *a, slice_t in)
{
    buf_t b;
    slice_t planted = SLICE("あ4111 1111 1111 1111あ");
    CHECK(!err_failed(arena_buf(a, 2 * in.len + planted.len, &b)));
    buf_put(&b, in);
    buf_put(&b, planted);
    buf_put(&b, in);
    CHECK(!b.full && card_scan(buf_slice(&b), NULL));
}

/* What is found in clear is found in base64 and through two layers of percent. */
static void check_layers(arena_t *a, slice_t in)
{
    buf_t once, twice, wrapped;
    CHECK(!err_failed(arena_buf(a, 3 * in.len, &once)));
    CHECK(!err_failed(arena_buf(a, 9 * in.len, &twice)));
    CHECK(!err_failed(arena_buf(a, B64_LEN(in.len), &wrapped)));
    url_put_component(&once, in);
    url_put_component(&twice, buf_slice(&once));
    b64_put(&wrapped, in);
    CHECK(!once.full && !twice.full && !wrapped.full);
    CHECK(err_is(card_scan_encoded(a, buf_slice(&once), NULL), ERR_CARD_DATA));
    CHECK(err_is(card_scan_encoded(a, buf_slice(&twice), NULL), ERR_CARD_DATA));
    CHECK(err_is(card_scan_encoded(a, buf_slice(&wrapped), NULL), ERR_CARD_DATA));
}

static void check_cut(arena_t *a, slice_t in, bool hit)
{
    buf_t out, again, safe;
    CHECK(!err_failed(arena_buf(a, in.len, &out)) && !err_failed(arena_buf(a, in.len, &again)));
    CHECK(!err_failed(arena_buf(a, in.len + 32, &safe)));
    card_cut(in, &out);
    CHECK(!out.full && !card_scan(buf_slice(&out), NULL));
    CHECK(hit || slice_eq(buf_slice(&out), in));
    card_cut(buf_slice(&out), &again);
    CHECK(slice_eq(buf_slice(&again), buf_slice(&out)));
    card_cut_encoded(a, in, &safe);
    CHECK(!safe.full && !err_failed(card_scan_encoded(a, buf_slice(&safe), NULL)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t in = slice_make(data, size < MAX_IN ? size : (size_t)MAX_IN);
    arena_t a;
    arena_init(&a, 16 << 20);
    card_hit_t hit = {0};
    bool found = card_scan(in, &hit);
    CHECK(!found || (hit.len >= CARD_MIN_DIGITS && hit.at <= in.len && hit.len <= in.len - hit.at));
    CHECK(!found || (hit.digits >= CARD_MIN_DIGITS && hit.digits <= CARD_MAX_DIGITS && hit.brand));
    err_t e = card_scan_encoded(&a, in, NULL);
    CHECK(err_is(e, ERR_CARD_DATA) || (!found && !err_failed(e)));
    check_found(&a, in);
    check_cut(&a, in, found);
    if (found) {
        check_layers(&a, in);
    }
    arena_deinit(&a);
    return 0;
}
