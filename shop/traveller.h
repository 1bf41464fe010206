/* The people of a booking: sealed by the vault in one batch before they are stored, opened in one
 * batch to be shown or written to (law 4). The clear values live in the request's arena only; no
 * file, log or record ever holds them. */
#ifndef SHOP_TRAVELLER_H
#define SHOP_TRAVELLER_H

#include "booking.h"
#include "vault/api.h"

typedef struct person {
    slice_t name, kana, email, phone, postcode, address; /* the last two may be empty */
} person_t;

typedef struct traveller {
    slice_t name, kana, birth, sex; /* birth YYYY-MM-DD; sex "", "f", "m", "x" */
    bool child;
} traveller_t;

typedef struct people {
    person_t rep;
    traveller_t at[SHOP_PAX_MAX];
    size_t n;
} people_t;

typedef struct people_store {
    writer_t *writer;
    vault_client_t *vault;
    arena_t *arena;
    id128_t request;
    int64_t now_us;
} people_store_t;

/* Seals and stores, replacing what was there; the booking becomes READY (*booking moves on: state,
 * subject, pseudonym). UNAVAILABLE, TIMEOUT: the vault; CONFLICT: the booking is paid or over;
 * EXPIRED: its hold ran out. */
err_t people_save(const people_store_t *s, booking_t *booking, const people_t *people);

/* Opens all people of a booking. NOT_FOUND when none are stored. Else as vault_reveal. */
err_t people_reveal(db_t *db, vault_client_t *vault, arena_t *a, const vault_context_t *ctx,
                    const booking_t *booking, people_t *ret_people);
/* Opens what a letter needs: the representative's name and address. */
err_t people_reveal_recipient(db_t *db, vault_client_t *vault, arena_t *a,
                              const vault_context_t *ctx, const booking_t *booking,
                              slice_t *ret_name, slice_t *ret_email);
/* Whether anything is stored, without opening it. */
err_t people_exist(db_t *db, id128_t booking, bool *ret_exist);

#endif
