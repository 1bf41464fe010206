/* The house's providers: pay.ini and the secrets, made into adapters. This is where the table of
 * adapters stands. */
#ifndef PAY_PROVIDERS_H
#define PAY_PROVIDERS_H

#include "adapter.h"
#include "io/daemon.h"

typedef struct payd_conf {
    char return_base[200];
    char providers[80];
    char komoju_url[200], komoju_page_origin[200], komoju_resolve[200];
    char stripe_url[200], stripe_page_origin[200], stripe_resolve[200];
    char sbps_url[200], sbps_page_origin[200], sbps_resolve[200];
    char sbps_merchant[20], sbps_service[20], sbps_hash_charset[20];
    char db_url[300];
} payd_conf_t;

extern const conf_field_t PROVIDERS_FIELDS[];
enum { PROVIDERS_FIELD_COUNT = 15 };

typedef struct providers {
    adapter_t at[ADAPTER_MOST]; /* in the order of the list; the first is the default */
    size_t n;
} providers_t;

/* CONFIG: an unknown provider, one named twice, none; or what weakens in production. */
err_t providers_check(const daemon_t *d, const payd_conf_t *conf);
/* conf must outlive the adapters. Errors of the secrets. */
err_t providers_open(const daemon_t *d, const payd_conf_t *conf, providers_t *ret_providers);
void providers_wipe(providers_t *p);

#endif
