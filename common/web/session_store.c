/* Session rows: in the database, and a bounded cache of them in memory. A row read from the cache
 * is read again from the database after a while, because another node may have ended it. */
#include "base/clock.h"
#include "web/session_priv.h"

enum { LEASE_MS = 2000, STORE_ARENA = 64 * 1024, CHANGE_TRIES = 8 };

static sql_t ddl_sessions(db_kind_t kind)
{
    return kind == DB_SQLITE
               ? SQL("CREATE TABLE IF NOT EXISTS web_session (hash BLOB PRIMARY KEY NOT NULL, "
                     "id BLOB NOT NULL UNIQUE, site INTEGER NOT NULL, user_id BLOB, "
                     "roles INTEGER NOT NULL, csrf BLOB NOT NULL, created_us INTEGER NOT NULL, "
                     "seen_us INTEGER NOT NULL, version INTEGER NOT NULL, data BLOB NOT NULL) "
                     "WITHOUT ROWID")
               : SQL("CREATE TABLE IF NOT EXISTS web_session (hash BYTEA PRIMARY KEY NOT NULL, "
                     "id BYTEA NOT NULL UNIQUE, site BIGINT NOT NULL, user_id BYTEA, "
                     "roles BIGINT NOT NULL, csrf BYTEA NOT NULL, created_us BIGINT NOT NULL, "
                     "seen_us BIGINT NOT NULL, version BIGINT NOT NULL, data BYTEA NOT NULL)");
}

/* The table's version; a later version adds its step here. */
enum { SCHEMA_NUMBER = 1 };

static err_t prepare_in(db_t *db)
{
    DB_TX_SCOPED db_tx_t tx = {0};
    int64_t number = 0;
    TRY(db_begin(db, &tx));
    TRY(db_run(db, SQL("CREATE TABLE IF NOT EXISTS web_schema (number BIGINT NOT NULL)"),
               DB_NO_ARGS, NULL));
    err_t e = db_query_i64(db, SQL("SELECT number FROM web_schema"), DB_NO_ARGS, &number);
    if (err_is(e, ERR_NOT_FOUND)) {
        TRY(db_run(db, ddl_sessions(db_kind(db)), DB_NO_ARGS, NULL));
        TRY(db_run(db, SQL("CREATE INDEX IF NOT EXISTS web_session_user ON web_session (user_id)"),
                   DB_NO_ARGS, NULL));
        TRY(db_run(db, SQL("INSERT INTO web_schema (number) VALUES (?1)"),
                   DB_ARGS(db_i64(SCHEMA_NUMBER)), NULL));
    } else {
        TRY(e);
        ENSURE(number == SCHEMA_NUMBER, ERR_VERSION);
    }
    return db_commit(&tx);
}

err_t session_store_prepare(web_sessions_t *store)
{
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(store->config.db, LEASE_MS, &lease));
    return prepare_in(lease.db);
}

/* Cache. */

static session_slot_t *set_of(web_sessions_t *store, const uint8_t *hash)
{
    size_t set = ((size_t)hash[0] | (size_t)hash[1] << 8) % CACHE_SETS;
    return &store->slots[set * CACHE_WAYS];
}

static session_slot_t *slot_of(web_sessions_t *store, const uint8_t *hash)
{
    session_slot_t *set = set_of(store, hash);
    for (size_t i = 0; i < CACHE_WAYS; i++) {
        if (set[i].is_used && !memcmp(set[i].row.hash, hash, SESSION_HASH)) {
            return &set[i];
        }
    }
    return NULL;
}

static void cache_put(web_sessions_t *store, const session_row_t *row)
{
    int64_t now_us = clock_mono_us();
    pthread_mutex_lock(&store->lock);
    session_slot_t *slot = slot_of(store, row->hash);
    session_slot_t *set = set_of(store, row->hash);
    for (size_t i = 0; !slot && i < CACHE_WAYS; i++) {
        slot = set[i].is_used ? NULL : &set[i];
    }
    if (!slot) {
        slot = set;
        for (size_t i = 1; i < CACHE_WAYS; i++) {
            slot = set[i].used_us < slot->used_us ? &set[i] : slot;
        }
    }
    *slot = (session_slot_t){true, now_us, now_us, *row};
    pthread_mutex_unlock(&store->lock);
}

static void cache_drop(web_sessions_t *store, const uint8_t *hash)
{
    pthread_mutex_lock(&store->lock);
    session_slot_t *slot = slot_of(store, hash);
    if (slot) {
        explicit_bzero(slot, sizeof *slot);
    }
    pthread_mutex_unlock(&store->lock);
}

/* All of a user's but keep, or only the one `only`. */
static void cache_drop_user(web_sessions_t *store, id128_t user, id128_t only, id128_t keep)
{
    pthread_mutex_lock(&store->lock);
    for (size_t i = 0; i < WEB_SESSION_CACHE; i++) {
        session_slot_t *slot = &store->slots[i];
        if (slot->is_used && id_eq(slot->row.user, user) &&
            (id_is_zero(only) || id_eq(slot->row.id, only)) && !id_eq(slot->row.id, keep)) {
            explicit_bzero(slot, sizeof *slot);
        }
    }
    pthread_mutex_unlock(&store->lock);
}

static bool cache_get(web_sessions_t *store, const uint8_t *hash, session_row_t *ret_row)
{
    int64_t now_us = clock_mono_us();
    bool found = false;
    pthread_mutex_lock(&store->lock);
    session_slot_t *slot = slot_of(store, hash);
    if (slot && now_us - slot->checked_us <= store->config.recheck_s * CLOCK_SECOND_US) {
        slot->used_us = now_us;
        *ret_row = slot->row;
        found = true;
    }
    pthread_mutex_unlock(&store->lock);
    return found;
}

/* The visitor was seen; the database hears of it at most every touch_s. */
static bool cache_seen(web_sessions_t *store, const uint8_t *hash, int64_t seen_us)
{
    pthread_mutex_lock(&store->lock);
    session_slot_t *slot = slot_of(store, hash);
    if (slot && slot->row.seen_us < seen_us) {
        slot->row.seen_us = seen_us;
    }
    pthread_mutex_unlock(&store->lock);
    return slot != NULL;
}

/* Rows. */

static err_t take_row(const db_rows_t *r, session_row_t *row)
{
    slice_t hash = db_col_blob(r, 0), data = db_col_blob(r, 8);
    ENSURE(hash.len == SESSION_HASH && data.len <= sizeof row->data, ERR_CORRUPT);
    memcpy(row->hash, hash.ptr, SESSION_HASH);
    row->id = db_col_id(r, 1);
    row->site = (uint8_t)db_col_i64(r, 2);
    row->user = db_col_id(r, 3);
    row->roles = (uint32_t)db_col_i64(r, 4);
    row->csrf = db_col_id(r, 5);
    row->created_us = db_col_i64(r, 6);
    row->seen_us = db_col_i64(r, 7);
    row->version = db_col_i64(r, 9);
    row->data_len = (uint16_t)data.len;
    if (data.len) {
        memcpy(row->data, data.ptr, data.len);
    }
    return OK;
}

static err_t read_row(db_t *db, const uint8_t *hash, session_row_t *ret_row)
{
    arena_t arena;
    db_rows_t rows;
    arena_init(&arena, STORE_ARENA);
    err_t e = db_query_one(db, &arena,
                           SQL("SELECT hash, id, site, user_id, roles, csrf, created_us, seen_us, "
                               "data, version FROM web_session WHERE hash = ?1"),
                           DB_ARGS(db_blob(slice_make(hash, SESSION_HASH))), &rows);
    if (!err_failed(e)) {
        e = take_row(&rows, ret_row);
    }
    arena_deinit(&arena);
    return e;
}

static bool is_alive(const web_sessions_t *store, const session_row_t *row, int64_t now_us)
{
    const web_lifetime_t *life = &store->config.lifetime[row->site % WEB_SITES_MAX];
    return now_us - row->seen_us <= life->idle_s * CLOCK_SECOND_US &&
           now_us - row->created_us <= life->absolute_s * CLOCK_SECOND_US;
}

static err_t touch(web_sessions_t *store, session_row_t *row, int64_t now_us)
{
    const web_lifetime_t *life = &store->config.lifetime[row->site % WEB_SITES_MAX];
    /* never so lazily that a living session looks idle to a node that reads the row */
    int64_t touch_s =
        store->config.touch_s < life->idle_s / 4 ? store->config.touch_s : life->idle_s / 4;
    if (now_us - row->seen_us < touch_s * CLOCK_SECOND_US) {
        return OK;
    }
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(store->config.db, LEASE_MS, &lease));
    TRY(db_run(lease.db,
               SQL("UPDATE web_session SET seen_us = ?1 WHERE hash = ?2 AND seen_us < ?1"),
               DB_ARGS(db_i64(now_us), db_blob(slice_make(row->hash, SESSION_HASH))), NULL));
    row->seen_us = now_us;
    cache_seen(store, row->hash, now_us);
    return OK;
}

err_t session_store_find(web_sessions_t *store, const uint8_t hash[SESSION_HASH], uint8_t site,
                         int64_t now_us, session_row_t *ret_row)
{
    if (!cache_get(store, hash, ret_row)) {
        DB_LEASE_SCOPED db_lease_t lease = {0};
        TRY(db_lease(store->config.db, LEASE_MS, &lease));
        err_t e = read_row(lease.db, hash, ret_row);
        if (err_failed(e)) {
            cache_drop(store, hash);
            return e;
        }
        cache_put(store, ret_row);
    }
    ENSURE(ret_row->site == site && is_alive(store, ret_row, now_us), ERR_NOT_FOUND);
    /* a failure only makes the session look older than it is; the next request tries again */
    err_ignore(touch(store, ret_row, now_us));
    return OK;
}

static err_t insert_row(db_t *db, const session_row_t *row)
{
    return db_run(db,
                  SQL("INSERT INTO web_session (hash, id, site, user_id, roles, csrf, created_us, "
                      "seen_us, version, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
                  DB_ARGS(db_blob(slice_make(row->hash, SESSION_HASH)), db_id(&row->id),
                          db_i64(row->site), db_id_or_null(&row->user), db_i64(row->roles),
                          db_id(&row->csrf), db_i64(row->created_us), db_i64(row->seen_us),
                          db_i64(row->version), db_blob(slice_make(row->data, row->data_len))),
                  NULL);
}

static err_t delete_row(db_t *db, const session_row_t *row)
{
    return db_run(db, SQL("DELETE FROM web_session WHERE hash = ?1"),
                  DB_ARGS(db_blob(slice_make(row->hash, SESSION_HASH))), NULL);
}

/* Work in the room's own transaction, or in one of ours. */
static err_t store_write(web_sessions_t *store, web_write_work_fn *work, void *ctx)
{
    if (store->config.write) {
        return store->config.write(store->config.write_user, work, ctx);
    }
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(store->config.db, LEASE_MS, &lease));
    DB_TX_SCOPED db_tx_t tx = {0};
    TRY(db_begin(lease.db, &tx));
    TRY(work(ctx, lease.db));
    return db_commit(&tx);
}

typedef struct insertion {
    const session_row_t *row, *old;
} insertion_t;

static err_t insert_work(void *ctx, db_t *db)
{
    const insertion_t *i = ctx;
    TRY(insert_row(db, i->row));
    return i->old ? delete_row(db, i->old) : OK;
}

err_t session_store_insert(web_sessions_t *store, const session_row_t *row,
                           const session_row_t *old)
{
    insertion_t i = {row, old};
    TRY(store_write(store, insert_work, &i));
    if (old) {
        cache_drop(store, old->hash);
    }
    cache_put(store, row);
    return OK;
}

typedef struct alteration {
    const session_row_t *row; /* as it was read */
    slice_t data;             /* as it shall be */
    int64_t rows;             /* 0: it was another's meanwhile */
} alteration_t;

static err_t change_work(void *ctx, db_t *db)
{
    alteration_t *c = ctx;
    return db_run(db,
                  SQL("UPDATE web_session SET data = ?1, version = version + 1 "
                      "WHERE hash = ?2 AND version = ?3"),
                  DB_ARGS(db_blob(c->data), db_blob(slice_make(c->row->hash, SESSION_HASH)),
                          db_i64(c->row->version)),
                  &c->rows);
}

static err_t change_once(web_sessions_t *store, session_row_t *row, const session_change_t *changes,
                         size_t n, bool *ret_changed)
{
    uint8_t mem[WEB_SESSION_DATA_BYTES];
    buf_t data = BUF_ON_ARRAY(mem);
    TRY(session_data_apply(slice_make(row->data, row->data_len), changes, n, &data));
    alteration_t c = {.row = row, .data = buf_slice(&data)};
    TRY(store_write(store, change_work, &c));
    *ret_changed = c.rows == 1;
    if (c.rows == 1) {
        row->version++;
        row->data_len = (uint16_t)data.len;
        memcpy(row->data, mem, data.len);
    }
    return OK;
}

static err_t read_again(web_sessions_t *store, session_row_t *row)
{
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(store->config.db, LEASE_MS, &lease));
    return read_row(lease.db, row->hash, row);
}

err_t session_store_change(web_sessions_t *store, session_row_t *row,
                           const session_change_t *changes, size_t n)
{
    for (int i = 0; i < CHANGE_TRIES; i++) {
        bool changed = false;
        TRY(change_once(store, row, changes, n, &changed));
        if (changed) {
            cache_put(store, row);
            return OK;
        }
        /* another request of the same visitor was faster, or the session was ended */
        err_t e = read_again(store, row);
        if (err_is(e, ERR_NOT_FOUND)) {
            cache_drop(store, row->hash);
            return FAIL(ERR_CONFLICT);
        }
        TRY(e);
    }
    return FAIL(ERR_DB_BUSY);
}

static err_t delete_work(void *ctx, db_t *db)
{
    return delete_row(db, ctx);
}

err_t session_store_delete(web_sessions_t *store, const session_row_t *row)
{
    session_row_t copy = *row;
    TRY(store_write(store, delete_work, &copy));
    cache_drop(store, row->hash);
    return OK;
}

err_t web_sessions_purge(web_sessions_t *store, int64_t now_us, int64_t *ret_rows)
{
    DB_LEASE_SCOPED db_lease_t lease = {0};
    int64_t all = 0;
    TRY(db_lease(store->config.db, LEASE_MS, &lease));
    for (size_t site = 0; site < WEB_SITES_MAX; site++) {
        const web_lifetime_t *life = &store->config.lifetime[site];
        int64_t rows = 0;
        TRY(db_run(lease.db,
                   SQL("DELETE FROM web_session WHERE site = ?1 "
                       "AND (seen_us < ?2 OR created_us < ?3)"),
                   DB_ARGS(db_i64((int64_t)site), db_i64(now_us - life->idle_s * CLOCK_SECOND_US),
                           db_i64(now_us - life->absolute_s * CLOCK_SECOND_US)),
                   &rows));
        all += rows;
    }
    *ret_rows = all;
    return OK;
}

err_t web_sessions_list(web_sessions_t *store, id128_t user, web_session_row_t *ret_rows,
                        size_t max, size_t *ret_n)
{
    DB_LEASE_SCOPED db_lease_t lease = {0};
    arena_t arena;
    db_rows_t rows;
    size_t n = 0;
    TRY(db_lease(store->config.db, LEASE_MS, &lease));
    arena_init(&arena, STORE_ARENA + max * 1024);
    err_t e = db_query(lease.db, &arena,
                       SQL("SELECT id, roles, site, created_us, seen_us FROM web_session "
                           "WHERE user_id = ?1 ORDER BY created_us DESC, id DESC LIMIT ?2"),
                       DB_ARGS(db_id(&user), db_i64((int64_t)max)), &rows);
    while (!err_failed(e) && n < max && db_next(&rows)) {
        ret_rows[n++] = (web_session_row_t){.id = db_col_id(&rows, 0),
                                            .user = user,
                                            .roles = (uint32_t)db_col_i64(&rows, 1),
                                            .site = (uint8_t)db_col_i64(&rows, 2),
                                            .created_us = db_col_i64(&rows, 3),
                                            .seen_us = db_col_i64(&rows, 4)};
    }
    arena_deinit(&arena);
    *ret_n = n;
    return e;
}

err_t web_sessions_end(web_sessions_t *store, id128_t user, id128_t session)
{
    DB_LEASE_SCOPED db_lease_t lease = {0};
    int64_t rows = 0;
    ENSURE(!id_is_zero(user) && !id_is_zero(session), ERR_NOT_FOUND);
    TRY(db_lease(store->config.db, LEASE_MS, &lease));
    TRY(db_run(lease.db, SQL("DELETE FROM web_session WHERE user_id = ?1 AND id = ?2"),
               DB_ARGS(db_id(&user), db_id(&session)), &rows));
    cache_drop_user(store, user, session, id_zero());
    ENSURE(rows, ERR_NOT_FOUND);
    return OK;
}

err_t web_sessions_end_all(web_sessions_t *store, id128_t user, id128_t keep, int64_t *ret_rows)
{
    DB_LEASE_SCOPED db_lease_t lease = {0};
    ENSURE(!id_is_zero(user), ERR_NOT_FOUND);
    TRY(db_lease(store->config.db, LEASE_MS, &lease));
    TRY(db_run(lease.db, SQL("DELETE FROM web_session WHERE user_id = ?1 AND id <> ?2"),
               DB_ARGS(db_id(&user), db_id(&keep)), ret_rows));
    cache_drop_user(store, user, id_zero(), keep);
    return OK;
}
