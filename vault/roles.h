/* Which room may ask the vault for what: one const table. */
#ifndef VAULT_ROLES_H
#define VAULT_ROLES_H

#include "io/room.h"
#include "vault/api.h"

/* DENIED when this room may not send this kind; SYNTAX for a kind that does not exist. The answer
 * kinds are no requests. ROOM_TEST stands in for the shop; that it exists only in a test house is
 * the wire's to see to. */
err_t roles_check(room_id_t room, unsigned kind);
/* DENIED when this room may not open anything for this purpose. */
err_t roles_purpose(room_id_t room, vault_purpose_t purpose);

#endif
