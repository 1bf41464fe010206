/* The shop's door for the command (and later the office): finding a booking or its person by
 * number, emptying the rows of a person whom the vault has erased. */
#ifndef SHOP_API_H
#define SHOP_API_H

#include "base/cursor.h"
#include "base/id.h"
#include "io/wire_client.h"

enum {
    SHOP_API_VERSION = 1,
    SHOP_NUMBER_MAX = 32,
    SHOP_WAIT_MS = 2000,
    SHOP_FORGET_WAIT_MS = 15000,
    SHOP_FORGET_MAX = 1024 /* bookings of one person */
};

typedef enum shop_kind {
    SHOP_FIND_BOOKING =
        WIRE_KIND_ROOM, /* str16 number as people write it -> SHOP_BOOKING_IS, NOT_FOUND */
    SHOP_BOOKING_IS,    /* 16 booking id, str16 state name (ASCII) */
    SHOP_FIND_PERSON,   /* str16 number -> SHOP_PERSON_IS, NOT_FOUND */
    SHOP_PERSON_IS,     /* 16 subject id */
    SHOP_FORGET,        /* 16 request, 16 subject -> SHOP_FORGOTTEN; CONFLICT */
    SHOP_FORGOTTEN,     /* u16 n, n booking ids */
} shop_kind_t;

/* A client for shop.sock; path must outlive it. */
void shop_client_init(wire_client_t *c, path_t socket_path, room_id_t self);
/* The booking's id. Upper and lower case and hyphens do not matter. NOT_FOUND, UNAVAILABLE. */
err_t shop_find_booking(wire_client_t *c, slice_t number, id128_t *ret_booking);
/* The vault's subject id of whoever booked. NOT_FOUND also when nobody's details were given yet. */
err_t shop_find_person(wire_client_t *c, slice_t number, id128_t *ret_subject);
/* Empties the rows of an erased person; may be done again. ret_bookings: SHOP_FORGET_MAX ids.
 * CONFLICT: the vault still has the person's key. LIMIT: done, but there were more bookings. */
err_t shop_forget(wire_client_t *c, id128_t request, id128_t subject, id128_t *ret_bookings,
                  size_t *ret_n);

#endif
