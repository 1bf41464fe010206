/* A room is one process. Two that ask for personal data at a time: one of them has the room's
 * rights and is not the room. Which one cannot be told here, and shutting one out would let a thief
 * shut out the shop; so both are served within the one budget, every intent names its process by
 * the kernel's word (`sekisho leak --process`), and a person must look: ALARM
 * `what=vault_two_processes`, once an hour and room. */
#ifndef VAULT_STRANGERS_H
#define VAULT_STRANGERS_H

#include "io/room.h"
#include "ledger/api.h"

typedef struct strangers {
    int64_t told_us[ROOM_COUNT]; /* monotonic; 0 = never */
} strangers_t;

/* `process` asked as `room` while another process held a connection as the same room. Queued, so it
 * stands in nobody's way. */
void strangers_tell(strangers_t *s, ledger_client_t *ledger, room_id_t room, pid_t process);

#endif
