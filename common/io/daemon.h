/* The rite every room's process goes through, in this order:
 *
 *   static err_t run(daemon_t *d)
 *   {
 *       TRY(daemon_listen(d, "vault.sock", SOCK_SEQPACKET, &fd));   - while still root
 *       TRY(daemon_seal(d));      - user, no_new_privs, rlimits, seccomp; nothing is regained after
 *       TRY(db_open(...));        - files of its own, as its own user
 *       TRY(wire_server_new(...));
 *       TRY(daemon_ready(d));     - the supervisor hears "ready"
 *       return wire_server_run(server, d->stop_fd, DAEMON_DRAIN_MS);
 *   }
 *   int main(int argc, char **argv)
 *   {
 *       return daemon_main(argc, argv, &SPEC, &conf, run);
 *   }
 *
 * Options: --var DIR, --profile demo|test|bench|production, --ready-fd N, --secret-fd N, --check,
 * --no-separation. */
#ifndef IO_DAEMON_H
#define IO_DAEMON_H

#include <signal.h>
#include <sys/socket.h>

#include "io/conf.h"
#include "io/fd.h"
#include "io/room.h"

enum { DAEMON_DRAIN_MS = 5000 };

typedef enum profile { PROFILE_DEMO, PROFILE_TEST, PROFILE_BENCH, PROFILE_PRODUCTION } profile_t;
const char *profile_name(profile_t profile);

typedef struct daemon_spec {
    room_id_t room;
    conf_table_t conf;
    const char *const *syscalls; /* beyond the common list, by name; NULL-terminated or NULL */
    bool inet;                   /* may make AF_INET and AF_INET6 sockets */
    unsigned max_files;          /* RLIMIT_NOFILE; 0 = 1024 */
    unsigned max_threads;        /* RLIMIT_NPROC of the room's user; 0 = 64 */
} daemon_spec_t;

typedef struct daemon {
    const daemon_spec_t *spec;
    profile_t profile;
    bool separated; /* the room has a user of its own; false = one uid for all */
    bool check;     /* --check: configuration only */
    bool inet;      /* from the spec; a room may set it before the seal (PostgreSQL by TCP) */
    uid_t uid;      /* who we are after the seal */
    gid_t gid;
    path_t var;     /* absolute */
    path_t data;    /* var/<room>, 0700, the room's */
    path_t run;     /* var/run */
    path_t secrets; /* var/secrets/<room>, 0700, the room's */
    path_t ini;     /* var/etc/<room>.ini */
    int ready_fd;   /* -1 = nobody waits */
    int secret_fd;  /* what somebody typed for this room can be read there; -1 = nothing */
    int stop_fd;    /* readable for good after SIGTERM or SIGINT */
    arena_t arena;  /* configuration memory; lives as long as the process */
} daemon_t;

/* begin, run, log of the error, exit code: 0 fine, 1 failed, 2 wrong usage. conf: the room's struct
 * that spec->conf describes. */
int daemon_main(int argc, char **argv, const daemon_spec_t *spec, void *conf,
                err_t (*run)(daemon_t *d));

/* The steps, for daemon_main, for tests and for tools that are no daemon. */
err_t daemon_begin(int argc, char **argv, const daemon_spec_t *spec, void *conf,
                   daemon_t *ret_daemon);
/* var/run/<name>, before the seal. SOCK_SEQPACKET: mode 0666 in a separated house (the uid and the
 * hello decide). SOCK_STREAM is HTTP: 0600 of the guard's user, so that nobody goes round the
 * guard. Not separated: 0600. */
err_t daemon_listen(daemon_t *d, const char *name, int type, int *ret_fd);
err_t daemon_seal(daemon_t *d);
err_t daemon_ready(daemon_t *d);
/* True after SIGTERM or SIGINT. Signals run no code of ours but this flag and stop_fd. */
bool daemon_stopping(void);
/* var/run/<room>.sock of another room, for its client. */
err_t daemon_socket_of(daemon_t *d, room_id_t room, path_t *ret_path);
/* "sqlite:" + data/name, the default database of a room. */
err_t daemon_sqlite_url(daemon_t *d, const char *name, const char **ret_url);
/* test, bench: the clock may be set, ROOM_TEST may call. */
bool daemon_is_test(const daemon_t *d);
/* For wire_server_conf_t.callers: room_callers(own room), with ROOM_TEST in a test house. */
room_set_t daemon_callers(const daemon_t *d);

#endif
