/* Putting the shop together and taking it apart, the same for shopd and for tests. */
#ifndef SHOP_HOUSE_H
#define SHOP_HOUSE_H

#include "shop.h"
#include "work.h"

typedef struct house_paths {
    const char *db_url;
    path_t ledger, vault, pay; /* sockets of the other rooms */
    const char *brake_dir, *brake_seen;
    path_t catalogue; /* for demo and test houses; also the default agency file */
} house_paths_t;

/* Database, migrations, demo data (profiles demo and test, empty house), agency, clients, writer,
 * sessions. `shop` is zeroed memory of the caller; conf and arena live as long. On failure
 * *ret_fault may say which part of a file is wrong. */
err_t house_open(shop_t *shop, arena_t *arena, const shop_conf_t *conf, profile_t profile,
                 const house_paths_t *paths, const secret_t *session_key, slice_t *ret_fault);
/* The web server on a listening stream socket (taken over). */
err_t house_serve(shop_t *shop, int listen_fd);
/* Everything down, in order; safe after a failed open. */
void house_close(shop_t *shop, int drain_ms);

/* Metrics in Prometheus text. */
void house_metrics(shop_t *shop, buf_t *out);

#endif
