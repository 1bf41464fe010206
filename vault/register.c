#include "register.h"

#include <pthread.h>

#include "base/clock.h"
#include "db/db.h"
#include "db/migrate.h"

extern const db_migrations_t vault_register_tables;

struct register_book {
    db_t *db;
    pthread_mutex_t lock; /* guards the list: the reveal thread asks, the orders' thread adds */
    id128_t honey[REGISTER_HONEY_MAX];
    size_t honey_count;
};

static err_t honey_load(register_book_t *b)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    db_rows_t rows;
    arena_init(&a, 64 * 1024);
    TRY(db_query(b->db, &a, SQL("SELECT subject FROM honey"), DB_NO_ARGS, &rows));
    ENSURE(rows.count <= REGISTER_HONEY_MAX, ERR_LIMIT);
    while (db_next(&rows)) {
        b->honey[b->honey_count++] = db_col_id(&rows, 0);
    }
    return OK;
}

err_t register_open(const char *db_url, register_book_t **ret_book)
{
    register_book_t *b = calloc(1, sizeof *b);
    ENSURE(b, ERR_MEMORY);
    CHECK(pthread_mutex_init(&b->lock, NULL) == 0);
    err_t e = db_open(db_url, &b->db);
    if (!err_failed(e)) {
        e = db_migrate(b->db, &vault_register_tables);
    }
    if (!err_failed(e)) {
        e = honey_load(b);
    }
    if (err_failed(e)) {
        register_close(b);
        return e;
    }
    *ret_book = b;
    return OK;
}

void register_close(register_book_t *b)
{
    if (!b) {
        return;
    }
    db_close(b->db);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

/* Holds. */

err_t register_hold_add(register_book_t *b, const vault_order_t *o)
{
    int64_t n = 0;
    TRY(db_query_i64(b->db, SQL("SELECT COUNT(*) FROM hold"), DB_NO_ARGS, &n));
    ENSURE(n < VAULT_HOLDS_MAX, ERR_LIMIT);
    return db_run(b->db,
                  SQL("INSERT INTO hold (subject, since_us, asked, by_whom, ref) "
                      "VALUES (?1, ?2, ?3, ?4, ?5)"),
                  DB_ARGS(db_id(&o->subject), db_i64(clock_wall_us()), db_text(o->asked),
                          db_text(o->by), db_text(o->ref)),
                  NULL);
}

err_t register_hold_release(register_book_t *b, id128_t subject)
{
    int64_t changes = 0;
    TRY(db_run(b->db, SQL("DELETE FROM hold WHERE subject = ?1"), DB_ARGS(db_id(&subject)),
               &changes));
    ENSURE(changes == 1, ERR_NOT_FOUND);
    return OK;
}

static vault_hold_t hold_of(const db_rows_t *r)
{
    return (vault_hold_t){.subject = db_col_id(r, 0),
                          .since_us = db_col_i64(r, 1),
                          .by = db_col_text(r, 2),
                          .ref = db_col_text(r, 3)};
}

err_t register_hold_find(register_book_t *b, arena_t *a, id128_t subject, vault_hold_t *ret_hold)
{
    db_rows_t row;
    TRY(db_query_one(b->db, a,
                     SQL("SELECT subject, since_us, by_whom, ref FROM hold WHERE subject = ?1"),
                     DB_ARGS(db_id(&subject)), &row));
    *ret_hold = hold_of(&row);
    return OK;
}

err_t register_holds(register_book_t *b, arena_t *a, vault_hold_t *ret_holds, size_t cap,
                     size_t *ret_n)
{
    db_rows_t rows;
    TRY(db_query(b->db, a,
                 SQL("SELECT subject, since_us, by_whom, ref FROM hold ORDER BY since_us, subject"),
                 DB_NO_ARGS, &rows));
    ENSURE(rows.count <= cap, ERR_LIMIT);
    size_t n = 0;
    while (db_next(&rows)) {
        ret_holds[n++] = hold_of(&rows);
    }
    *ret_n = n;
    return OK;
}

/* Erasures under way. */

err_t register_erasure_begin(register_book_t *b, const register_erasure_t *e)
{
    const vault_order_t *o = &e->order;
    return db_run(
        b->db,
        SQL("INSERT INTO erasure (subject, pseudonym, request, asked, by_whom, ref, slot, "
            "keys) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)"),
        DB_ARGS(db_id(&o->subject), db_id(&e->pseudonym), db_id(&o->request), db_text(o->asked),
                db_text(o->by), db_text(o->ref), db_i64(e->slot)),
        NULL);
}

bool register_erasure_stands(register_book_t *b, id128_t subject)
{
    int64_t n = 0;
    err_t e = db_query_i64(b->db, SQL("SELECT COUNT(*) FROM erasure WHERE subject = ?1"),
                           DB_ARGS(db_id(&subject)), &n);
    return err_failed(e) || n > 0;
}

err_t register_erasure_keys(register_book_t *b, id128_t subject, uint32_t keys)
{
    return db_run(b->db, SQL("UPDATE erasure SET keys = ?2 WHERE subject = ?1"),
                  DB_ARGS(db_id(&subject), db_i64(keys)), NULL);
}

err_t register_erasure_end(register_book_t *b, id128_t subject)
{
    return db_run(b->db, SQL("DELETE FROM erasure WHERE subject = ?1"), DB_ARGS(db_id(&subject)),
                  NULL);
}

err_t register_erasure_next(register_book_t *b, arena_t *a, register_erasure_t *ret_erasure)
{
    db_rows_t r;
    TRY(db_query(
        b->db, a,
        SQL("SELECT subject, request, asked, by_whom, ref, pseudonym, slot, keys FROM erasure "
            "ORDER BY request LIMIT 1"),
        DB_NO_ARGS, &r));
    ENSURE(db_next(&r), ERR_NOT_FOUND);
    *ret_erasure = (register_erasure_t){.order = {.subject = db_col_id(&r, 0),
                                                  .request = db_col_id(&r, 1),
                                                  .asked = db_col_text(&r, 2),
                                                  .by = db_col_text(&r, 3),
                                                  .ref = db_col_text(&r, 4)},
                                        .pseudonym = db_col_id(&r, 5),
                                        .slot = (uint32_t)db_col_i64(&r, 6),
                                        .keys = (uint32_t)db_col_i64(&r, 7)};
    return OK;
}

/* Honey. */

err_t register_honey_add(register_book_t *b, id128_t subject)
{
    int64_t now_us = clock_wall_us();
    ENSURE(register_honey_count(b) < REGISTER_HONEY_MAX, ERR_LIMIT);
    TRY(db_run(b->db, SQL("INSERT INTO honey (subject, made_us) VALUES (?1, ?2)"),
               DB_ARGS(db_id(&subject), db_i64(now_us)), NULL));
    pthread_mutex_lock(&b->lock);
    b->honey[b->honey_count++] = subject;
    pthread_mutex_unlock(&b->lock);
    return OK;
}

size_t register_honey_count(register_book_t *b)
{
    pthread_mutex_lock(&b->lock);
    size_t n = b->honey_count;
    pthread_mutex_unlock(&b->lock);
    return n;
}

bool register_is_honey(register_book_t *b, id128_t subject)
{
    bool is = false;
    pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < b->honey_count && !is; i++) {
        is = id_eq(b->honey[i], subject);
    }
    pthread_mutex_unlock(&b->lock);
    return is;
}
