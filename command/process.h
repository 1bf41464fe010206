/* One child of the supervisor: how it is started, watched and stopped. */
#ifndef COMMAND_PROCESS_H
#define COMMAND_PROCESS_H

#include "control.h"
#include "logfile.h"

typedef struct process {
    const process_row_t *row;
    process_state_t state;
    pid_t pid;            /* 0 = none */
    int log_fd, ready_fd; /* our ends; -1 = none */
    logfile_t log;
    uint32_t restarts;
    int64_t backoff_ms;  /* before the next start */
    int64_t start_at_us; /* monotonic, PROCESS_WAITING */
    int64_t started_us;  /* monotonic */
    int64_t since_us;    /* wall clock of the last change of state */
} process_t;

enum { PROCESS_BACKOFF_MIN_MS = 100, PROCESS_BACKOFF_MAX_MS = 5000, PROCESS_STEADY_US = 1000000 };

/* Forks and execs with a clean environment; stderr becomes log_fd, readiness comes on ready_fd. */
err_t process_start(house_t *h, process_t *p);
/* After waitpid: back to PROCESS_WAITING with the backoff. */
void process_ended(process_t *p);
void process_state_set(process_t *p, process_state_t state);
/* Does anybody take connections at this port of 127.0.0.1? With wait_ms a request must be answered in
 * that time as well: the kernel takes connections for workers that stand still. */
bool process_port_answers(unsigned port, int64_t wait_ms);
/* nginx tells nobody that it is ready: its pid file names this process, and the port answers. */
bool process_nginx_listens(house_t *h, pid_t pid);
/* Does the configuration that nginx was started with name the OWASP Core Rule Set? */
bool process_guard_has_crs(house_t *h);
/* Kills what a supervisor that died left behind (var/run/pids), then writes who runs now. */
void process_reap_leftovers(house_t *h);
void process_write_pids(house_t *h, const process_t *all, size_t n);

#endif
