/* Customers' accounts: the id is the vault's subject id, the e-mail a blind index, the password the
 * vault's business alone. */
#ifndef SHOP_ACCOUNT_H
#define SHOP_ACCOUNT_H

#include "booking.h"
#include "throttle.h"
#include "vault/api.h"

enum { LOGIN_TRIES = 10, LOGIN_WINDOW_S = 900, REGISTER_TRIES = 10, REGISTER_WINDOW_S = 3600 };

typedef struct account_way {
    db_t *db;
    writer_t *writer;
    vault_client_t *vault;
    const record_way_t *way;
    arena_t *arena;
    id128_t request;
    slice_t client; /* network address, for the bound */
    int64_t now_us;
} account_way_t;

typedef struct account_form {
    slice_t name, kana, email, phone, password;
    int64_t lang;
} account_form_t;

/* EXISTS: the address has an account. TOO_MANY; UNAVAILABLE and so on of the vault. */
err_t account_register(const account_way_t *w, throttle_t *tries, const account_form_t *form,
                       id128_t *ret_account);
/* AUTH for an unknown address and for a wrong password alike, after the same work. TOO_MANY. */
err_t account_login(const account_way_t *w, throttle_t *tries, slice_t email, slice_t password,
                    id128_t *ret_account);
/* The account's bookings, newest first. */
err_t account_bookings(db_t *db, arena_t *a, id128_t account, id128_t **ret_ids, size_t *ret_n);
typedef struct account_contact {
    slice_t name, kana, email, phone;
} account_contact_t;
/* Opens what a form may be begun with. */
err_t account_reveal_contact(db_t *db, vault_client_t *vault, arena_t *a,
                             const vault_context_t *ctx, id128_t account,
                             account_contact_t *ret_contact);
/* Opens name and address, for a letter. */
err_t account_reveal_recipient(db_t *db, vault_client_t *vault, arena_t *a,
                               const vault_context_t *ctx, id128_t account, slice_t *ret_name,
                               slice_t *ret_email, id128_t *ret_pseudonym);

#endif
