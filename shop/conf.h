/* shopd's configuration, var/etc/shop.ini: one table, printed with comments at first run. */
#ifndef SHOP_CONF_H
#define SHOP_CONF_H

#include "io/conf.h"

enum { SHOP_HONEY_AUTO, SHOP_HONEY_YES, SHOP_HONEY_NO };

typedef struct shop_conf {
    char base_url[200];
    char agency_file[512]; /* empty: the demo's */
    char assets[40];
    char db_url[512]; /* empty: SQLite in the room's folder */
    int64_t db_connections;
    int64_t hold_minutes;
    int64_t holds_per_hour;
    int honey; /* SHOP_HONEY_AUTO, ... */
    char provider_name[80];
    char provider_origin[200];
    char smtp_host[120];
    int64_t smtp_port;
    bool smtp_tls;
    char mail_from[200];
    bool tls;
} shop_conf_t;

extern const conf_table_t SHOP_CONF;
/* What the table cannot say: base_url and origin are http(s) without a path. CONFIG. */
err_t shop_conf_check(const shop_conf_t *conf);

#endif
