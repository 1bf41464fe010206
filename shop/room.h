/* Rooms: what a departure offers, kind by kind and by how many share one, and what a booking took.
 * Rooms are pools like seats (hold.h); their prices are extras a room, above the fares of the
 * people in it. */
#ifndef SHOP_ROOM_H
#define SHOP_ROOM_H

#include "db/db.h"
#include "model.h"

enum {
    ROOM_KINDS_MAX = 8,           /* of a departure */
    ROOM_GUESTS_MAX = 4,          /* in a room */
    ROOM_ASKS_MAX = SHOP_PAX_MAX, /* of a booking: no more rooms than people */
    ROOM_EXTRA_MAX = 10000000,    /* yen a room */
};

/* "`rooms` of kind n, `guests` in each" */
typedef struct room_ask {
    int64_t n, guests, rooms;
} room_ask_t;

typedef struct room_offer {
    int64_t n, guests, extra;
    int64_t left; /* rooms */
    id128_t inventory;
    slice_t name;
} room_offer_t;

/* All of a departure, by kind and guests; none when it sells no rooms. */
err_t room_offers(db_t *db, arena_t *a, int64_t lang, id128_t departure, room_offer_t **ret_rows,
                  size_t *ret_n);
/* The offer that an ask means; NULL when there is none. */
const room_offer_t *room_offer_find(const room_offer_t *offers, size_t n, const room_ask_t *ask);
/* How many people the asks give a bed. RANGE: no rooms, or numbers beyond the bounds. */
err_t room_guests(const room_ask_t *asks, size_t n, int64_t *ret_people);

typedef struct room_taken {
    int64_t guests, rooms, extra;
    slice_t name;
} room_taken_t;

/* For jobs: what was asked becomes the booking's, with name and price of now. NOT_FOUND. */
err_t room_store(db_t *db, id128_t booking, id128_t departure, const room_ask_t *ask);
err_t room_taken(db_t *db, arena_t *a, int64_t lang, id128_t booking, room_taken_t **ret_rows,
                 size_t *ret_n);

#endif
