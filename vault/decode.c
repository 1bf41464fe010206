#include "decode.h"

err_t decode_nothing(cursor_t *body)
{
    return cur_end(body);
}

static id128_t id_get(cursor_t *body)
{
    id128_t id;
    cur_copy(body, id.b, ID_BYTES);
    return id;
}

err_t decode_subject(cursor_t *body, id128_t *ret_subject)
{
    id128_t subject = id_get(body);
    TRY(cur_end(body));
    *ret_subject = subject;
    return OK;
}

static err_t items_get(arena_t *a, cursor_t *body, size_t max_bytes, decode_items_t *ret)
{
    decode_items_t got = {.n = cur_u16(body)};
    ENSURE(got.n > 0 && got.n <= VAULT_BATCH_MAX, ERR_SYNTAX);
    got.items = ARENA_ARRAY(a, vault_item_t, got.n);
    ENSURE(got.items, ERR_MEMORY);
    for (size_t i = 0; i < got.n && !body->bad; i++) {
        got.items[i] = vault_item_get(body);
        ENSURE(got.items[i].bytes.len <= max_bytes, ERR_SYNTAX);
    }
    TRY(cur_end(body));
    *ret = got;
    return OK;
}

err_t decode_seal(arena_t *a, cursor_t *body, decode_items_t *ret)
{
    return items_get(a, body, VAULT_PLAIN_MAX, ret);
}

err_t decode_reveal(arena_t *a, cursor_t *body, vault_context_t *ret_context, decode_items_t *ret)
{
    vault_context_t context = vault_context_get(body);
    ENSURE(!body->bad, ERR_SYNTAX);
    TRY(items_get(a, body, VAULT_PLAIN_MAX + VAULT_OVERHEAD_MAX, ret));
    *ret_context = context;
    return OK;
}

err_t decode_blind(arena_t *a, cursor_t *body, decode_blind_t *ret)
{
    decode_blind_t got = {.n = cur_u16(body)};
    ENSURE(got.n > 0 && got.n <= VAULT_BATCH_MAX, ERR_SYNTAX);
    got.rows = ARENA_ARRAY(a, struct decode_blind_row, got.n);
    ENSURE(got.rows, ERR_MEMORY);
    for (size_t i = 0; i < got.n && !body->bad; i++) {
        unsigned kind = cur_u8(body);
        ENSURE(kind >= VAULT_BLIND_EMAIL && kind <= VAULT_BLIND_KANA, ERR_SYNTAX);
        got.rows[i].kind = (vault_blind_kind_t)kind;
        got.rows[i].text = cur_str16(body);
        ENSURE(got.rows[i].text.len <= VAULT_TEXT_MAX, ERR_SYNTAX);
    }
    TRY(cur_end(body));
    *ret = got;
    return OK;
}

err_t decode_password(cursor_t *body, decode_password_t *ret)
{
    decode_password_t got = {.request = id_get(body), .account = id_get(body)};
    got.password = cur_str16(body);
    TRY(cur_end(body));
    ENSURE(got.password.len > 0 && got.password.len <= VAULT_PASSWORD_MAX, ERR_SYNTAX);
    *ret = got;
    return OK;
}

err_t decode_payload(cursor_t *body, decode_payload_t *ret)
{
    decode_payload_t got = {.subject = id_get(body)};
    got.plain = cur_str16(body);
    TRY(cur_end(body));
    ENSURE(got.plain.len <= VAULT_PAYLOAD_MAX, ERR_SYNTAX);
    *ret = got;
    return OK;
}

err_t decode_order(cursor_t *body, vault_order_t *ret)
{
    vault_order_t got = vault_order_get(body);
    TRY(cur_end(body));
    *ret = got;
    return OK;
}

err_t decode_rotate(cursor_t *body, uint32_t *ret_epoch, slice_t *ret_key)
{
    uint32_t epoch = cur_u32(body);
    slice_t key = cur_bytes(body, 32);
    TRY(cur_end(body));
    *ret_epoch = epoch;
    *ret_key = key;
    return OK;
}

err_t decode_epoch(cursor_t *body, uint32_t *ret_epoch)
{
    uint32_t epoch = cur_u32(body);
    TRY(cur_end(body));
    *ret_epoch = epoch;
    return OK;
}
