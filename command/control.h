/* The supervisor's own socket, var/run/control.sock: the command talks to the running house through
 * it. Callers: the command (uid 0, or our own user in a house without separation), and tests in a
 * test house. */
#ifndef COMMAND_CONTROL_H
#define COMMAND_CONTROL_H

#include "house.h"
#include "io/wire_client.h"

enum { CONTROL_VERSION = 1, CONTROL_PROCESSES = 16 };

typedef enum control_kind {
    CONTROL_STATUS = WIRE_KIND_ROOM, /* -> CONTROL_STATUS_IS */
    CONTROL_STATUS_IS,               /* u8 profile, bool separated, u16 port, u16 n, n rows */
    CONTROL_STOP,                    /* -> WIRE_DONE; the house then drains and ends */
    CONTROL_CLOCK,    /* i64 µs to add; profiles test and bench only -> CONTROL_CLOCK_IS */
    CONTROL_CLOCK_IS, /* i64 offset now */
    CONTROL_KILL,     /* u8 signal, str16 name; test and bench only -> WIRE_DONE */
} control_kind_t;

typedef enum process_state {
    PROCESS_DOWN,
    PROCESS_STARTING,
    PROCESS_READY,
    PROCESS_WAITING
} process_state_t;

typedef struct control_row {
    char name[16];
    process_state_t state;
    int32_t pid;
    uint32_t restarts;
    int64_t since_us; /* wall clock of the last change */
} control_row_t;

typedef struct control_status {
    profile_t profile;
    bool separated;
    uint16_t port;
    size_t n;
    control_row_t rows[CONTROL_PROCESSES];
} control_status_t;

void control_status_put(buf_t *b, const control_status_t *s);
err_t control_status_get(cursor_t *c, control_status_t *ret_status);
const char *process_state_name(process_state_t state);

/* UNAVAILABLE when no house runs here. */
err_t control_status(house_t *h, control_status_t *ret_status);
err_t control_stop(house_t *h);
err_t control_clock(house_t *h, int64_t add_us, int64_t *ret_offset_us);
err_t control_kill(house_t *h, const char *process, int signal_number);

#endif
