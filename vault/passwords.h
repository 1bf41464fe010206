/* Password hashes: Argon2id in two threads of its own with a bounded queue, in a database of its
 * own that no other room can read. An account without a password costs the same time as one with.
 */
#ifndef VAULT_PASSWORDS_H
#define VAULT_PASSWORDS_H

#include "decode.h"
#include "io/wire_server.h"
#include "ledger/api.h"

enum { PASSWORDS_THREADS = 2, PASSWORDS_QUEUE_MAX = 256 };

typedef struct passwords passwords_t;

typedef struct passwords_conf {
    const char *db_url;
    ledger_client_t *ledger;    /* LOGIN_OK and LOGIN_FAILED */
    uint64_t passes;            /* Argon2id t */
    size_t memory_bytes;        /* Argon2id m */
    unsigned queue;             /* 1..PASSWORDS_QUEUE_MAX waiting or being hashed */
    void (*on_done)(void *ctx); /* from a hashing thread: something can be taken */
    void *ctx;
} passwords_conf_t;

typedef struct passwords_done {
    wire_conn_t to;
    bool was_set; /* VAULT_PASSWORD_SET, else a check */
    bool right;
    err_t result;
} passwords_done_t;

typedef struct passwords_counts {
    uint64_t right, wrong, set, refused;
    unsigned queued;
} passwords_counts_t;

err_t passwords_new(const passwords_conf_t *conf, passwords_t **ret_passwords);
/* Finishes what is queued, then ends. NULL is fine. */
void passwords_free(passwords_t *p);
/* Queues one; the password is copied into locked memory. TOO_MANY. */
err_t passwords_submit(passwords_t *p, wire_conn_t from, bool set, const decode_password_t *ask);
/* Removes the account's hash, when there is one. For the thread of orders; blocks for one commit.
 */
err_t passwords_forget(passwords_t *p, id128_t account);
/* The next answer; false when there is none now. */
bool passwords_take(passwords_t *p, passwords_done_t *ret_done);
passwords_counts_t passwords_counts(passwords_t *p);

#endif
