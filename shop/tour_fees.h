/* What a tour's cancellations cost, from its rows: the kind of product and its own dated tables.
 * The rules themselves are pure and stand in fees/. */
#ifndef SHOP_TOUR_FEES_H
#define SHOP_TOUR_FEES_H

#include "db/db.h"
#include "fees/fee.h"

typedef struct tour_fees {
    fee_product_t product;
    fee_own_t own[FEE_TABLES_MAX];
    size_t n_own;
} tour_fees_t;

/* Texts and rules live in the arena. NOT_FOUND: no such tour; CORRUPT: a stored table that does not
 * parse (they are checked before they are stored). */
err_t tour_fees_load(db_t *db, arena_t *a, id128_t tour, tour_fees_t *ret_fees);
/* Stores a table of the tour after checking it, for contracts between its dates. As fee_own_parse;
 * CONFLICT too when its dates meet those of another table of the tour. */
err_t tour_fees_add(db_t *db, arena_t *a, id128_t tour, slice_t text, size_t *ret_line);

#endif
