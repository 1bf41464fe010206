/* Any bytes as any message of a caller: decoders must refuse or give what encodes to the same bytes
 * again. First byte: which message. */
#include "decode.h"
#include "vault/api_evidence.h"

static void reencode_items(const decode_items_t *got, buf_t *out)
{
    buf_u16(out, (uint16_t)got->n);
    for (size_t i = 0; i < got->n; i++) {
        CHECK(vault_name_ok(got->items[i].table) && vault_name_ok(got->items[i].column));
        vault_item_put(out, &got->items[i]);
    }
}

static bool seal_again(arena_t *a, cursor_t *body, buf_t *out)
{
    decode_items_t got;
    if (err_failed(decode_seal(a, body, &got))) {
        return false;
    }
    reencode_items(&got, out);
    return true;
}

static bool reveal_again(arena_t *a, cursor_t *body, buf_t *out)
{
    decode_items_t got;
    vault_context_t ctx;
    if (err_failed(decode_reveal(a, body, &ctx, &got))) {
        return false;
    }
    CHECK(vault_purpose_name(ctx.purpose)[0] != 'U');
    vault_context_put(out, &ctx);
    reencode_items(&got, out);
    return true;
}

static bool blind_again(arena_t *a, cursor_t *body, buf_t *out)
{
    decode_blind_t got;
    if (err_failed(decode_blind(a, body, &got))) {
        return false;
    }
    buf_u16(out, (uint16_t)got.n);
    for (size_t i = 0; i < got.n; i++) {
        buf_u8(out, (uint8_t)got.rows[i].kind);
        buf_str16(out, got.rows[i].text);
    }
    return true;
}

static bool password_again(cursor_t *body, buf_t *out)
{
    decode_password_t got;
    if (err_failed(decode_password(body, &got))) {
        return false;
    }
    CHECK(got.password.len >= 1 && got.password.len <= VAULT_PASSWORD_MAX);
    buf_put(out, id_slice(&got.request));
    buf_put(out, id_slice(&got.account));
    buf_str16(out, got.password);
    return true;
}

static bool payload_again(cursor_t *body, buf_t *out)
{
    decode_payload_t got;
    if (err_failed(decode_payload(body, &got))) {
        return false;
    }
    buf_put(out, id_slice(&got.subject));
    buf_str16(out, got.plain);
    return true;
}

static bool order_again(cursor_t *body, buf_t *out)
{
    vault_order_t got;
    if (err_failed(decode_order(body, &got))) {
        return false;
    }
    CHECK(vault_word_ok(got.by) && vault_word_ok(got.asked));
    vault_order_put(out, &got);
    return true;
}

static bool rotate_again(cursor_t *body, buf_t *out)
{
    uint32_t epoch;
    slice_t key;
    if (err_failed(decode_rotate(body, &epoch, &key))) {
        return false;
    }
    buf_u32(out, epoch);
    buf_put(out, key);
    return true;
}

static bool subject_again(cursor_t *body, buf_t *out)
{
    id128_t subject;
    if (err_failed(decode_subject(body, &subject))) {
        return false;
    }
    buf_put(out, id_slice(&subject));
    return true;
}

static bool evidence_again(cursor_t *body, buf_t *out)
{
    vault_evidence_order_t order = vault_evidence_order_get(body);
    vault_evidence_piece_t piece = vault_evidence_piece_get(body);
    if (err_failed(cur_end(body))) {
        return false;
    }
    CHECK(vault_evidence_word_ok(order.by));
    vault_evidence_order_put(out, &order);
    vault_evidence_piece_put(out, &piece);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    if (size < 1 || size > WIRE_MAX_BYTES) {
        return 0;
    }
    arena_t a;
    arena_init(&a, DECODE_ARENA);
    buf_t out = BUF_ON_ARRAY(mem);
    slice_t bytes = slice_make(data + 1, size - 1);
    cursor_t body = cur_on(bytes);
    bool taken = false;
    switch (data[0] % 9) {
    case 0:
        taken = seal_again(&a, &body, &out);
        break;
    case 1:
        taken = reveal_again(&a, &body, &out);
        break;
    case 2:
        taken = blind_again(&a, &body, &out);
        break;
    case 3:
        taken = password_again(&body, &out);
        break;
    case 4:
        taken = payload_again(&body, &out);
        break;
    case 6:
        taken = order_again(&body, &out);
        break;
    case 7:
        taken = rotate_again(&body, &out);
        break;
    case 8:
        taken = evidence_again(&body, &out);
        break;
    default:
        taken = subject_again(&body, &out);
    }
    CHECK(!taken || (!out.full && slice_eq(buf_slice(&out), bytes)));
    arena_deinit(&a);
    return 0;
}
