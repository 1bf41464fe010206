/* The vault's requests: what the wire's loop calls. One thread; reveals and passwords go to threads
 * of their own and come back through on_wake. */
#ifndef VAULT_SERVER_H
#define VAULT_SERVER_H

#include "budget.h"
#include "io/wire_server.h"
#include "keystore.h"
#include "passwords.h"

typedef struct vault_server vault_server_t;

typedef struct vault_server_conf {
    path_t data;              /* var/vault: the key files */
    path_t secrets;           /* var/secrets/vault: the master keys' files */
    const char *register_url; /* the register's database */
    const char *ledger_path;  /* ledgerd's socket */
    budget_limits_t limits[BUDGET_PURPOSES];
    size_t honey;               /* customers who do not exist, at most */
    int evidence_fd;            /* the evidence sheet, open for writing; -1: none */
    passwords_conf_t passwords; /* ledger, on_done and ctx are filled in here */
} vault_server_conf_t;

/* Takes the master keys (wiped): one, or two while one takes the other's place. Opens the files,
 * starts the threads; after the seal. */
err_t vault_server_new(arena_t *a, const vault_server_conf_t *conf, keys_master_t *masters,
                       size_t n_masters, vault_server_t **ret_server);
/* The wire's server must have vault_events and v as its ctx. Before it runs. */
void vault_server_attach(vault_server_t *v, wire_server_t *wire);
/* Ends the threads that call the wire's server: between the end of its run and its freeing. */
void vault_server_stop(vault_server_t *v);
/* NULL is fine. */
void vault_server_free(vault_server_t *v);
/* True when a key file is there already: then a lost master key must not be replaced by a fresh
 * one. */
bool vault_server_has_keys(arena_t *a, path_t data);

extern const wire_events_t vault_events;

#endif
