/* What a thief in a room tries, and how each try ended: one block of memory that the probe (root,
 * outside) fills and the tries (in the room's place) answer into. */
#ifndef ISOLATION_PLAN_H
#define ISOLATION_PLAN_H

#include <stdatomic.h>

#include "io/room.h"

enum {
    PLAN_FILES = 2048,
    PLAN_PROCS = 48,
    PLAN_SOCKETS = 16,
    PLAN_RESULTS = 1024,
    PLAN_PATH = 256,
    PLAN_WORD = 24,
    PLAN_BY = 48
};

typedef enum plan_state { PLAN_IDLE, PLAN_ARMED, PLAN_RUNNING, PLAN_DONE } plan_state_t;
typedef enum socket_kind { SOCKET_WIRE, SOCKET_HTTP } socket_kind_t;

typedef struct plan_file {
    char path[PLAN_PATH];
    char area[PLAN_WORD]; /* "vault", "vault keys", "offline", "tree" ... */
    bool folder;
} plan_file_t;

typedef struct plan_result {
    char kind[PLAN_WORD];   /* "read", "write", "process", "socket", "call" */
    char target[PLAN_WORD]; /* whose */
    char what[PLAN_WORD];
    bool allowed;
    char by[PLAN_BY]; /* what refused it: "EACCES", "seccomp", "hello", ... */
} plan_result_t;

typedef struct plan {
    _Atomic uint32_t state; /* plan_state_t */
    room_id_t self;
    bool sealed;            /* in the room's own process after its rite, filter and all */
    char loosen[PLAN_WORD]; /* a system call to let through, for the control; empty = none */
    pid_t own_pid;
    plan_file_t files[PLAN_FILES];
    size_t n_files;
    struct plan_proc {
        char name[PLAN_WORD];
        pid_t pid;
    } procs[PLAN_PROCS];
    size_t n_procs;
    struct plan_socket {
        char path[PLAN_PATH], name[PLAN_WORD];
        room_id_t room;
        socket_kind_t kind;
    } sockets[PLAN_SOCKETS];
    size_t n_sockets;
    plan_result_t results[PLAN_RESULTS];
    size_t n_results;
} plan_t;

/* Puts the room's filter on in the process that tries; NULL where there is none to put on. */
typedef void plan_seal_fn(void *ctx);

/* All tries, each in a child of its own: one that is killed stands as refused by the filter. */
void plan_run(plan_t *p, plan_seal_fn *seal, void *ctx);

/* For the tries: 0 = it worked, else the errno. attempt_files.c, attempt_process.c, ... */
typedef struct attempt {
    plan_t *plan;
    const void *of;        /* the area, process, socket or call */
    plan_result_t *result; /* a try may say by itself what refused it */
} attempt_t;
typedef int attempt_fn(attempt_t *a);

void attempt(plan_t *p, plan_seal_fn *seal, void *ctx, const char *kind, const char *target,
             const char *what, attempt_fn *fn, const void *of);
void attempt_files(plan_t *p, plan_seal_fn *seal, void *ctx);
void attempt_processes(plan_t *p, plan_seal_fn *seal, void *ctx);
void attempt_sockets(plan_t *p, plan_seal_fn *seal, void *ctx);
void attempt_calls(plan_t *p, plan_seal_fn *seal, void *ctx);

#endif
