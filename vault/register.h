/* The vault's register: legal holds, erasures under way, honey customers. A small database of its
 * own (var/vault/register.db) of ids and staff's words; no key is ever here.
 *
 * For one thread, but for register_is_honey(), which any may ask. */
#ifndef VAULT_REGISTER_H
#define VAULT_REGISTER_H

#include "vault/api.h"

typedef struct register_book register_book_t;

/* An erasure that was begun. */
typedef struct register_erasure {
    vault_order_t order;
    id128_t pseudonym;
    uint32_t slot; /* of the subject's key: by it a restore finds what was erased (FORMAT.md) */
    uint32_t keys; /* destroyed so far */
} register_erasure_t;

enum { REGISTER_HONEY_MAX = 256 };

/* Opens, makes or migrates the database. */
err_t register_open(const char *db_url, register_book_t **ret_book);
void register_close(register_book_t *b); /* NULL is fine */

/* EXISTS, LIMIT (VAULT_HOLDS_MAX). */
err_t register_hold_add(register_book_t *b, const vault_order_t *order);
/* NOT_FOUND. */
err_t register_hold_release(register_book_t *b, id128_t subject);
/* NOT_FOUND: no hold stands. */
err_t register_hold_find(register_book_t *b, arena_t *a, id128_t subject, vault_hold_t *ret_hold);
err_t register_holds(register_book_t *b, arena_t *a, vault_hold_t *ret_holds, size_t cap,
                     size_t *ret_n);

/* The erasure stands on disk when it returns; one that stands already is left as it is (EXISTS). */
err_t register_erasure_begin(register_book_t *b, const register_erasure_t *erasure);
/* Also when that cannot be known now. */
bool register_erasure_stands(register_book_t *b, id128_t subject);
err_t register_erasure_keys(register_book_t *b, id128_t subject, uint32_t keys);
err_t register_erasure_end(register_book_t *b, id128_t subject);
/* The first that was begun; NOT_FOUND. */
err_t register_erasure_next(register_book_t *b, arena_t *a, register_erasure_t *ret_erasure);

/* EXISTS, LIMIT (REGISTER_HONEY_MAX). */
err_t register_honey_add(register_book_t *b, id128_t subject);
size_t register_honey_count(register_book_t *b);
bool register_is_honey(register_book_t *b, id128_t subject);

#endif
