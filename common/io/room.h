/* The one table of rooms: number on the wire, name, system user, and who may call whom (HOUSE.md,
 * law 2). Numbers are stable. */
#ifndef IO_ROOM_H
#define IO_ROOM_H

#include <sys/types.h>

#include "base/slice.h"

typedef enum room_id {
    ROOM_NONE,
    ROOM_GUARD,
    ROOM_SHOP,
    ROOM_PAY,
    ROOM_VAULT,
    ROOM_LEDGER,
    ROOM_INSPECT,
    ROOM_OFFICE,
    ROOM_COMMAND, /* uid 0 in a separated house */
    ROOM_TEST,    /* exists in the profiles test and bench only */
    ROOM_PAYSIM,  /* calls nobody */
    ROOM_WITNESS, /* cosigns checkpoints of logs; calls nobody */
    ROOM_MAILSIM, /* the demo's mail catcher; calls nobody */
    ROOM_PUSH,    /* carries the ledger's checkpoints to witnesses; calls the ledger */
    ROOM_COUNT
} room_id_t;

typedef uint32_t room_set_t; /* bit (1 << room_id_t) */
#define ROOM_BIT(room) ((room_set_t)1 << (room))

/* "shop"; "none" for what is no room. Never NULL. */
const char *room_name(room_id_t room);
/* "sekisho-shop"; "root" for the command; NULL for test and none. */
const char *room_user(room_id_t room);
/* ROOM_NONE when unknown. */
room_id_t room_by_name(slice_t name);
/* Rooms that this one may call / rooms that may call this one (the command always may; ROOM_TEST is
 * never in the set: a server of a test house adds it). */
room_set_t room_may_call(room_id_t caller);
room_set_t room_callers(room_id_t server);
/* The ids of the room's system user. NOT_FOUND when the user does not exist. */
err_t room_ids(room_id_t room, uid_t *ret_uid, gid_t *ret_gid);

#endif
