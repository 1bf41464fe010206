/* All that shopd's parts share. Made by main.c, lives as long as the process; read-only after start
 * but for what locks itself. */
#ifndef SHOP_SHOP_H
#define SHOP_SHOP_H

#include <stdatomic.h>

#include "agency.h"
#include "brake/api.h"
#include "conf.h"
#include "db/db_pool.h"
#include "io/daemon.h"
#include "paper/printer.h"
#include "pay/api.h"
#include "record.h"
#include "throttle.h"
#include "vault/api.h"
#include "web/session.h"
#include "writer.h"

typedef struct shop_counts {
    atomic_llong holds, holds_full, confirmed, reacquired, refunds, mails_sent, mails_failed,
        reveals_refused, expired;
} shop_counts_t;

typedef struct shop {
    const shop_conf_t *conf;
    profile_t profile;
    const char *db_url;
    db_pool_t *db;
    record_way_t way;
    writer_t *writer;
    ledger_client_t *ledger;
    vault_client_t *vault;
    pay_client_t *pay;
    brake_reader_t *brake;
    web_sessions_t *sessions;
    web_app_t *app;
    agency_t agency;
    printer_t printer;
    throttle_t logins, lookups, registers, holds;
    atomic_bool stopping;
    atomic_int mail_trouble; /* err code of the last try to send a letter; 0 = none */
    shop_counts_t counts;
} shop_t;

/* Whether new payments may begin, by the board as it is now (`strict`: the path is looked at). */
bool shop_payments_open(shop_t *shop, bool strict);
/* Whether new bookings are taken (lever SHOP). */
bool shop_bookings_open(shop_t *shop);

#endif
