/* Reading a result: cells that db_query left in the arena. */
#include "db/db.h"

bool db_next(db_rows_t *rows)
{
    if (rows->next == rows->count) {
        return false;
    }
    rows->next++;
    return true;
}

static const db_value_t *cell(const db_rows_t *rows, size_t col)
{
    CHECK(rows->next > 0 && rows->next <= rows->count && col < rows->columns);
    return &rows->cells[(rows->next - 1) * rows->columns + col];
}

static const db_value_t *cell_of(const db_rows_t *rows, size_t col, db_type_t type)
{
    const db_value_t *v = cell(rows, col);
    CHECK(v->type == type || v->type == DB_NULL);
    return v;
}

int64_t db_col_i64(const db_rows_t *rows, size_t col)
{
    return cell_of(rows, col, DB_I64)->i64;
}

bool db_col_bool(const db_rows_t *rows, size_t col)
{
    return db_col_i64(rows, col) != 0;
}

slice_t db_col_text(const db_rows_t *rows, size_t col)
{
    return cell_of(rows, col, DB_TEXT)->bytes;
}

slice_t db_col_blob(const db_rows_t *rows, size_t col)
{
    return cell_of(rows, col, DB_BLOB)->bytes;
}

id128_t db_col_id(const db_rows_t *rows, size_t col)
{
    slice_t bytes = db_col_blob(rows, col);
    CHECK(bytes.len == 0 || bytes.len == ID_BYTES);
    return bytes.len ? id_from_bytes(bytes.ptr) : id_zero();
}

bool db_col_is_null(const db_rows_t *rows, size_t col)
{
    return cell(rows, col)->type == DB_NULL;
}
