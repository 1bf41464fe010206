/* vaultd's configuration, var/etc/vault.ini: for the daemon and for the tool that makes master
 * keys. */
#ifndef VAULT_CONF_H
#define VAULT_CONF_H

#include "budget.h"
#include "io/daemon.h"
#include "master.h"

typedef struct vault_conf {
    int64_t passes, memory_kib, queue;
    budget_limits_t limits[BUDGET_PURPOSES]; /* 0 = the profile's default */
    int64_t honey;                           /* customers who do not exist, at most */
    int source;                              /* master_kind_t */
    int64_t master_passes, master_memory_mib;
    char module[256], token[33], token_key[65];
} vault_conf_t;

extern const daemon_spec_t VAULT_SPEC;

/* typed: what came by --secret-fd; it and conf outlive the source. */
master_source_t vault_conf_source(const vault_conf_t *conf, const daemon_t *d,
                                  const master_secret_t *typed);
void vault_conf_limits(const vault_conf_t *conf, const daemon_t *d,
                       budget_limits_t ret_limits[BUDGET_PURPOSES]);

#endif
