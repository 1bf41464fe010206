/* The guard's door for the supervisor: what nginx.conf is made of. (Nobody talks to the guard by
 * socket; it is the front.) The configuration is printed anew at each start and never edited by
 * hand. */
#ifndef GUARD_API_H
#define GUARD_API_H

#include "base/buf.h"

typedef struct guard_conf {
    const char *module_so; /* ngx_http_sekisho_module.so */
    const char *prefix;    /* var/guard: nginx's own folder (pid, temp paths that stay empty) */
    const char *run_dir;   /* var/run: shop.http.sock, pay.http.sock, mail.http.sock, ledger.sock */
    const char *static_dir;  /* folder served at /static/ of the shop */
    const char *secrets_dir; /* var/secrets/guard */
    const char *etc_dir; /* var/etc, with the public keys that evidence is sealed to; NULL: none */
    const char *user;    /* "sekisho-guard", or NULL when not root */
    const char *clock_cell; /* var/run/clock in profiles test and bench, else NULL */
    unsigned port;          /* 8080; all hosts by name on it */
    bool has_mail;          /* mail.localhost: the demo's catcher */
    bool card_check; /* off only in profile test (a scene proves that shopd refuses by itself) */
    unsigned worker_processes; /* 0 = auto */
    const char *profile;       /* "demo", "test", ...; NULL = production */
    const char *rules_dir;     /* the house's own rules (guard/rules); NULL: no rule engine */
    const char *crs_setup; /* CRS's crs-setup.conf, and the folder of its rules; NULL: CRS is not */
    const char *crs_rules; /* installed, the house's own rules stand alone */
} guard_conf_t;

/* Prints nginx.conf. LIMIT when it does not fit; USAGE for a path with characters nginx would read
 * as syntax. */
err_t guard_conf_print(buf_t *out, const guard_conf_t *conf);

#endif
