/* A real front for tests: nginx with the module and a printed configuration, a real ledgerd, and
 * rooms behind it that write down what reaches them. Test code only. */
#ifndef GUARD_TESTS_FRONT_H
#define GUARD_TESTS_FRONT_H

#include "base/test.h"
#include "ledger/api.h"

#include <pthread.h>
#include <sys/types.h>

enum { FRONT_PATH = 160, ROOM_REQUEST_MAX = 512 * 1024, ANSWER_HEAD_MAX = 16 * 1024 };

/* A room that answers on a unix socket. By path: /big a long answer, /page HTML, /leak HTML with a
 * database's error in it, /piecemeal the same in chunks, /slow after a second, /drop
 * closes, /failed a refused login, /bad nonsense with the request's own target, /tunnel 101, all
 * else "ok". */
typedef struct room {
    char path[FRONT_PATH];
    int listen_fd;
    pthread_t thread;
    pthread_mutex_t lock;
    size_t requests, waiting; /* received; now in /slow */
    uint8_t *last;            /* the last request, head and body as they came */
    size_t last_len;
} room_t;

typedef struct front {
    char dir[FRONT_PATH], log[FRONT_PATH], conf[FRONT_PATH], ledger_sock[FRONT_PATH];
    unsigned port, workers;
    const char *from; /* the client's address; NULL: 127.0.0.1 */
    pid_t nginx, ledgerd;
    room_t shop, pay;
    bool has_rooms;
    ledger_client_t *client;
    uint64_t tail; /* of the record: how far front_tail has read */
} front_t;

/* argv of the test: module, ledgerd, guard/rules. False, with a message, when nginx is not here. */
bool front_programs(int argc, char **argv);
const char *front_rules_dir(void); /* guard/rules of the source tree */
const char *front_module(void);

unsigned front_free_port(void);
/* Folder and configuration; nothing runs yet. log_level: of nginx, NULL = as printed. */
void front_init(front_t *f, unsigned workers, const char *log_level);
typedef enum front_rules { FRONT_NO_RULES, FRONT_OWN_RULES, FRONT_CRS } front_rules_t;
/* The same with the house's rules, alone or around CRS. */
void front_init_rules(front_t *f, unsigned workers, const char *log_level, front_rules_t rules);
bool front_has_crs(void);
/* Another configuration: load_module, pid and the like stand before `http`, the inside of http{}.
 */
void front_conf(front_t *f, const char *http);
/* The whole file. */
void front_conf_whole(front_t *f, slice_t text);
/* Reads the configuration anew; returns when all workers are new. */
void front_reload(front_t *f);
void front_rooms(front_t *f);
void front_nginx(front_t *f);
/* nginx -t: reads the configuration and leaves; its exit code. */
int front_nginx_try(front_t *f);
void front_ledgerd(front_t *f);
void front_ledgerd_kill(front_t *f);
/* Stops nginx by this signal and waits for it. */
void front_nginx_stop(front_t *f, int signal);
void front_deinit(front_t *f);

/* Children of the master; returns how many. */
size_t front_workers(const front_t *f, pid_t *ret_pids, size_t cap);
size_t front_open_files(pid_t pid);
/* Runs a program to its end with stdout in `out`; its exit code. argv ends with NULL. */
int front_run(const char *const *argv, char *ret_out, size_t cap);
/* The whole file, malloc'd; *ret_len bytes. */
uint8_t *front_file(const char *path, size_t *ret_len);
bool front_file_has(const char *path, const char *text);
/* True when any file below dir holds the text. */
bool front_tree_has(const char *dir, const char *text);

/* Reads what is new in the record; fn sees every entry. Waits up to 200 ms for some; returns how
 * many there were. */
typedef void front_entry_fn(void *user, const ledger_entry_t *entry);
size_t front_tail(front_t *f, front_entry_fn *fn, void *user);
/* Waits until the record has an entry of this type for the request; its facts are copied. */
void front_recorded(front_t *f, id128_t request, ledger_type_t type, char *ret_facts, size_t cap);

/* ---- the browser's side ---- */

typedef struct answer {
    int status; /* 0: the connection ended before an answer */
    char head[ANSWER_HEAD_MAX];
    uint8_t *body;
    size_t body_len;
} answer_t;

int front_dial(const front_t *f);
void front_say(int fd, slice_t bytes);
/* In pieces of `step` bytes, each a segment of its own. */
void front_say_slowly(int fd, slice_t bytes, size_t step);
/* One answer; is_head: no body follows. Waits at most 10 s. */
answer_t front_hear(int fd, bool is_head);
void answer_free(answer_t *a);
/* Value of a header line, "" when there is none; in one of a few static buffers. */
const char *answer_header(const answer_t *a, const char *name);
bool answer_has(const answer_t *a, const char *text);
/* The id that the guard's page shows. */
id128_t answer_id(const answer_t *a);
/* True when the other side has closed, within 10 s. */
bool front_closed(int fd);

/* Requests. head: further lines, each with its CRLF. */
void front_request(buf_t *out, const front_t *f, const char *method, const char *target,
                   const char *head, slice_t body);
answer_t front_ask(const front_t *f, const char *method, const char *target, const char *head,
                   slice_t body);

/* ---- what a room saw ---- */

void room_start(room_t *room, const char *path); /* front_rooms does it */
void room_stop(room_t *room);
size_t room_requests(room_t *room);
size_t room_waiting(room_t *room);
/* Copies of the last request's parts, malloc'd. */
uint8_t *room_last_body(room_t *room, size_t *ret_len);
/* Value of a header of the last request; "" when there is none, "#2" when it stands twice. */
const char *room_header(room_t *room, const char *name);
const char *room_line(room_t *room); /* its first line */

#endif
