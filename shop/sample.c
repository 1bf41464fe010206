#include "shop/api_sample.h"

#include "db/db.h"

static err_t take(db_t *db, arena_t *a, shop_sample_t *ret_sample, int64_t *ret_bookings)
{
    db_rows_t rows;
    TRY(db_query_i64(db, SQL("SELECT COUNT(*) FROM booking WHERE paid_attempt IS NOT NULL"),
                     DB_NO_ARGS, ret_bookings));
    TRY(db_query(db, a,
                 SQL("SELECT b.subject, b.id, r.name FROM representative r JOIN booking b "
                     "ON b.id = r.booking ORDER BY b.created_us DESC LIMIT 1"),
                 DB_NO_ARGS, &rows));
    ENSURE(db_next(&rows), ERR_NOT_FOUND);
    *ret_sample = (shop_sample_t){.subject = db_col_id(&rows, 0),
                                  .row = db_col_id(&rows, 1),
                                  .table = SLICE("representative"),
                                  .column = SLICE("name"),
                                  .sealed = db_col_blob(&rows, 2)};
    return OK;
}

err_t shop_sample_take(const char *url, arena_t *a, shop_sample_t *ret_sample,
                       int64_t *ret_bookings)
{
    db_t *db = NULL;
    TRY(db_open(url, &db));
    err_t e = take(db, a, ret_sample, ret_bookings);
    db_close(db);
    return e;
}
