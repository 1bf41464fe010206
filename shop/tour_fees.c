/* Rows of `fee_terms` and the tour's product. */
#include "tour_fees.h"

err_t tour_fees_load(db_t *db, arena_t *a, id128_t tour, tour_fees_t *ret_fees)
{
    db_rows_t r;
    size_t line;
    TRY(db_query_one(db, a, SQL("SELECT fee_product FROM tour WHERE id = ?1"),
                     DB_ARGS(db_id(&tour)), &r));
    int64_t product = db_col_i64(&r, 0);
    ENSURE(product >= 1 && product <= FEE_PRODUCTS, ERR_CORRUPT);
    ret_fees->product = (fee_product_t)product;
    ret_fees->n_own = 0;
    TRY(db_query(db, a, SQL("SELECT text FROM fee_terms WHERE tour = ?1 ORDER BY n"),
                 DB_ARGS(db_id(&tour)), &r));
    ENSURE(r.count <= FEE_TABLES_MAX, ERR_CORRUPT);
    while (db_next(&r)) {
        err_t e = fee_own_parse(a, db_col_text(&r, 0), &ret_fees->own[ret_fees->n_own++], &line);
        ENSURE(!err_failed(e), ERR_CORRUPT);
    }
    return OK;
}

err_t tour_fees_add(db_t *db, arena_t *a, id128_t tour, slice_t text, size_t *ret_line)
{
    tour_fees_t *fees = ARENA_NEW(a, tour_fees_t);
    fee_own_t own;
    ENSURE(fees, ERR_MEMORY);
    TRY(fee_own_parse(a, text, &own, ret_line));
    *ret_line = 1;
    TRY(tour_fees_load(db, a, tour, fees));
    ENSURE(fees->n_own < FEE_TABLES_MAX, ERR_LIMIT);
    for (size_t i = 0; i < fees->n_own; i++) {
        const fee_own_t *other = &fees->own[i];
        ENSURE(own.valid_to < other->valid_from || other->valid_to < own.valid_from, ERR_CONFLICT);
    }
    return db_run(db, SQL("INSERT INTO fee_terms (tour, n, text) VALUES (?1, ?2, ?3)"),
                  DB_ARGS(db_id(&tour), db_i64((int64_t)fees->n_own), db_text(text)), NULL);
}
