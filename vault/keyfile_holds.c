/* Legal holds of a register that is younger than the restored one. */
#include <unistd.h>

#include "db/db.h"
#include "vault/api_keyfile.h"

static err_t open_at(path_t file, db_t **ret_db)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    slice_t url;
    arena_init(&a, 16 * 1024);
    ENSURE(access(file.text, F_OK) == 0, ERR_NOT_FOUND); /* opening would make one */
    TRY(arena_printf(&a, &url, "sqlite:%s", file.text));
    return db_open((const char *)url.ptr, ret_db);
}

static err_t take_all(db_t *to, const db_rows_t *from, uint64_t *ret_taken)
{
    db_rows_t rows = *from;
    *ret_taken = 0;
    while (db_next(&rows)) {
        int64_t changes = 0;
        id128_t subject = db_col_id(&rows, 0);
        TRY(db_run(to,
                   SQL("INSERT INTO hold (subject, since_us, asked, by_whom, ref) VALUES (?1, ?2, "
                       "?3, ?4, ?5) ON CONFLICT (subject) DO NOTHING"),
                   DB_ARGS(db_id(&subject), db_i64(db_col_i64(&rows, 1)),
                           db_text(db_col_text(&rows, 2)), db_text(db_col_text(&rows, 3)),
                           db_text(db_col_text(&rows, 4))),
                   &changes));
        *ret_taken += (uint64_t)changes;
    }
    return OK;
}

err_t vault_holds_take(path_t restored, path_t survivor, uint64_t *ret_taken)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    db_t *from = NULL, *to = NULL;
    db_rows_t rows;
    arena_init(&a, 1024 * 1024);
    TRY(open_at(survivor, &from));
    err_t e = open_at(restored, &to);
    if (!err_failed(e)) {
        e = db_query(from, &a, SQL("SELECT subject, since_us, asked, by_whom, ref FROM hold"),
                     DB_NO_ARGS, &rows);
    }
    if (!err_failed(e)) {
        e = take_all(to, &rows, ret_taken);
    }
    db_close(to);
    db_close(from);
    return e;
}
