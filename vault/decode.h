/* What callers send, taken apart: pure, the whole of the boundary that untrusted bytes cross. Each
 * function reads one body to its end; SYNTAX when it is not of the contract (the connection is
 * closed then), LIMIT and MEMORY as their names say. Slices borrow from the body. */
#ifndef VAULT_DECODE_H
#define VAULT_DECODE_H

#include "vault/api.h"

enum { DECODE_ARENA = 32 * 1024 }; /* what one body needs at most */

typedef struct decode_items {
    vault_item_t *items;
    size_t n; /* 1..VAULT_BATCH_MAX */
} decode_items_t;

typedef struct decode_blind {
    struct decode_blind_row {
        vault_blind_kind_t kind;
        slice_t text;
    } * rows;
    size_t n; /* 1..VAULT_BATCH_MAX */
} decode_blind_t;

typedef struct decode_password {
    id128_t request, account;
    slice_t password; /* 1..VAULT_PASSWORD_MAX bytes */
} decode_password_t;

typedef struct decode_payload {
    id128_t subject;
    slice_t plain; /* up to VAULT_PAYLOAD_MAX bytes */
} decode_payload_t;

err_t decode_nothing(cursor_t *body);
err_t decode_subject(cursor_t *body, id128_t *ret_subject);
err_t decode_seal(arena_t *a, cursor_t *body, decode_items_t *ret);
err_t decode_reveal(arena_t *a, cursor_t *body, vault_context_t *ret_context, decode_items_t *ret);
err_t decode_blind(arena_t *a, cursor_t *body, decode_blind_t *ret);
err_t decode_password(cursor_t *body, decode_password_t *ret);
err_t decode_order(cursor_t *body, vault_order_t *ret);
/* An epoch and the 32 bytes of a master key, borrowed. */
err_t decode_rotate(cursor_t *body, uint32_t *ret_epoch, slice_t *ret_key);
err_t decode_epoch(cursor_t *body, uint32_t *ret_epoch);
err_t decode_payload(cursor_t *body, decode_payload_t *ret);

#endif
