/* A running house as the fault tools see it: its supervisor, its rooms' own word on their health,
 * its health page. They come from outside, as root. */
#ifndef FAULTS_HOUSE_H
#define FAULTS_HOUSE_H

#include <stdio.h>

#include "command/control.h"
#include "load/http.h"

enum { FAULT_WHY = 96 };

typedef struct fault_house {
    arena_t arena; /* paths; as long as the tool runs */
    path_t run;    /* var/run */
    unsigned port;
    wire_client_t control;
    http_peer_t shop;
} fault_house_t;

/* var and port as the house was started with (SEKISHO_VAR, SEKISHO_PORT). */
err_t fault_house_open(fault_house_t *h, const char *var, unsigned port);
void fault_house_close(fault_house_t *h);

/* What the supervisor knows of its processes. UNAVAILABLE when no house runs there. */
err_t fault_status(fault_house_t *h, control_status_t *ret_status);
/* Steps the clock of a test house. DENIED in other profiles. */
err_t fault_clock(fault_house_t *h, int64_t add_us);
/* The row of that name; NULL when there is none. */
const control_row_t *fault_row(const control_status_t *s, const char *name);

/* True when all is well: every process ready, every room with a wire says so itself, and the health
 * page, asked through the front, is 200. Else `why` names the first that is not. */
bool fault_healthy(fault_house_t *h, char why[FAULT_WHY]);

/* Forks of nginx's master: its workers. Returns how many were written. */
size_t fault_children(pid_t parent, pid_t *ret_pids, size_t cap);

#endif
