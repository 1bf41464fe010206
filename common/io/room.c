#include <errno.h>
#include <pwd.h>

#include "io/room.h"

typedef struct room_row {
    const char *name, *user;
    room_set_t may_call;
} room_row_t;

/* HOUSE.md, law 2: floors. The brake board is a file, nobody calls it. */
/* clang-format off */
static const room_row_t ROOMS[ROOM_COUNT] = {
    [ROOM_NONE]    = {"none",    NULL,              0},
    [ROOM_GUARD]   = {"guard",   "sekisho-guard",   ROOM_BIT(ROOM_LEDGER)},
    [ROOM_SHOP]    = {"shop",    "sekisho-shop",    ROOM_BIT(ROOM_PAY) | ROOM_BIT(ROOM_VAULT) | ROOM_BIT(ROOM_LEDGER)},
    [ROOM_PAY]     = {"pay",     "sekisho-pay",     ROOM_BIT(ROOM_VAULT) | ROOM_BIT(ROOM_LEDGER)},
    [ROOM_VAULT]   = {"vault",   "sekisho-vault",   ROOM_BIT(ROOM_LEDGER)},
    [ROOM_LEDGER]  = {"ledger",  "sekisho-ledger",  0},
    [ROOM_INSPECT] = {"inspect", "sekisho-inspect", ROOM_BIT(ROOM_LEDGER)},
    [ROOM_OFFICE]  = {"office",  "sekisho-office",  ROOM_BIT(ROOM_LEDGER) | ROOM_BIT(ROOM_VAULT) | ROOM_BIT(ROOM_SHOP)},
    [ROOM_COMMAND] = {"command", "root",            ROOM_BIT(ROOM_SHOP) | ROOM_BIT(ROOM_PAY) | ROOM_BIT(ROOM_VAULT) | ROOM_BIT(ROOM_LEDGER)
                                                  | ROOM_BIT(ROOM_INSPECT) | ROOM_BIT(ROOM_OFFICE)
                                                  | ROOM_BIT(ROOM_WITNESS) | ROOM_BIT(ROOM_PUSH)},
    [ROOM_TEST]    = {"test",    NULL,              0},
    [ROOM_PAYSIM]  = {"paysim",  "sekisho-paysim",  0},
    [ROOM_WITNESS] = {"witness", "sekisho-witness", 0},
    [ROOM_MAILSIM] = {"mailsim", "sekisho-mailsim", 0},
    [ROOM_PUSH]    = {"push",    "sekisho-push",    ROOM_BIT(ROOM_LEDGER)},
};
/* clang-format on */

static const room_row_t *row_of(room_id_t room)
{
    return &ROOMS[(unsigned)room < ROOM_COUNT ? room : ROOM_NONE];
}

const char *room_name(room_id_t room)
{
    return row_of(room)->name;
}

const char *room_user(room_id_t room)
{
    return row_of(room)->user;
}

room_id_t room_by_name(slice_t name)
{
    for (unsigned i = ROOM_NONE + 1; i < ROOM_COUNT; i++) {
        if (slice_eq(name, slice_cstr_in(ROOMS[i].name))) {
            return (room_id_t)i;
        }
    }
    return ROOM_NONE;
}

room_set_t room_may_call(room_id_t caller)
{
    return row_of(caller)->may_call;
}

room_set_t room_callers(room_id_t server)
{
    room_set_t callers = 0;
    for (unsigned i = ROOM_NONE + 1; i < ROOM_COUNT; i++) {
        if (ROOMS[i].may_call & ROOM_BIT(server)) {
            callers |= ROOM_BIT(i);
        }
    }
    return callers;
}

err_t room_ids(room_id_t room, uid_t *ret_uid, gid_t *ret_gid)
{
    const char *user = room_user(room);
    ENSURE(user, ERR_NOT_FOUND);
    struct passwd row, *found = NULL;
    char text[4096];
    int failed;
    do {
        failed = getpwnam_r(user, &row, text, sizeof text, &found);
    } while (failed == EINTR);
    if (failed) {
        return FAIL_SYS(ERR_IO, failed);
    }
    ENSURE(found, ERR_NOT_FOUND);
    *ret_uid = row.pw_uid;
    *ret_gid = row.pw_gid;
    return OK;
}
