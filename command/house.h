/* Where everything of this house lies, and the table of its processes. Holds paths and numbers, no
 * secret. */
#ifndef COMMAND_HOUSE_H
#define COMMAND_HOUSE_H

#include "base/arena.h"
#include "command_texts.h"
#include "io/daemon.h"

enum { HOUSE_PORT = 8080, HOUSE_PSP_OFFSET = 10, HOUSE_SMTP_OFFSET = 20 };

/* What somebody typed for the vault, for as long as the house runs: vaultd gets it again whenever
 * it starts anew. Locked and kept out of dumps by who holds it. */
enum { HOUSE_SECRET_MAX = 1024 };
typedef struct house_secret {
    uint8_t b[HOUSE_SECRET_MAX + 1]; /* a line with its end */
    size_t len;                      /* 0: none */
} house_secret_t;

typedef struct house {
    arena_t arena;
    path_t var;    /* the house's data */
    path_t tree;   /* the source or installation tree: static files, demo data */
    path_t build;  /* where the rooms' programs are */
    unsigned port; /* 8080, or SEKISHO_PORT; the others follow it */
    profile_t profile;
    bool separated; /* we are root and the rooms have users of their own */
    i18n_lang_t lang;
    const house_secret_t *vault_secret; /* NULL: none */
} house_t;

/* What a process is started with beside the daemon's own options. */
typedef enum process_kind { PROCESS_ROOM, PROCESS_STAND_IN, PROCESS_NGINX } process_kind_t;

typedef struct process_row {
    const char *name;    /* in status, logs and var/log/<name>.log */
    room_id_t room;      /* whose user */
    process_kind_t kind; /* stand-ins run in every profile but production */
    const char *program; /* below build/ */
    bool wire;           /* answers HEALTH on var/run/<name>.sock */
} process_row_t;

extern const process_row_t HOUSE_PROCESSES[];
extern const size_t HOUSE_PROCESS_COUNT;

/* Reads SEKISHO_VAR, SEKISHO_PORT, LANG and the global options (--var DIR, --profile P, --lang
 * ja|en), which it takes out of argv. USAGE with a line on stderr. */
err_t house_open(house_t *h, int *io_argc, char **argv);
void house_close(house_t *h);
/* dir/name[/name]: NULL-terminated list of names. Aborts on the arena's cap: paths are few and
 * short. */
path_t house_path(house_t *h, path_t dir, ...) __attribute__((sentinel));
/* True when the process runs in this profile; ledger-push: when var/etc/push.policy names
 * witnesses. */
bool house_runs(const house_t *h, const process_row_t *row);

/* The command's messages in the house's language, to stdout or stderr. */
void house_say(const house_t *h, command_msg_t msg);
void house_complain(const house_t *h, command_msg_t msg);
void house_print(slice_t text);

#endif
