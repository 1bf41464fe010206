#include "ack/rows.h"

#include <pthread.h>

#include "ack/door.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

err_t rows_create(db_t *db)
{
    bool pg = db_kind(db) == DB_POSTGRES;
    return pg ? db_run(db,
                       SQL("CREATE TABLE record (id BIGSERIAL PRIMARY KEY, bytes BYTEA NOT NULL)"),
                       DB_NO_ARGS, NULL)
              : db_run(db, SQL("CREATE TABLE record (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)"),
                       DB_NO_ARGS, NULL);
}

err_t rows_append(db_t *db, slice_t record)
{
    return db_run(db, SQL("INSERT INTO record (bytes) VALUES (?1)"), DB_ARGS(db_blob(record)),
                  NULL);
}

static void append(void *ctx, slice_t message)
{
    pthread_mutex_lock(&lock);
    CHECK(!err_failed(rows_append(ctx, message)));
    pthread_mutex_unlock(&lock);
}

err_t rows_serve_sqlite(path_t socket_path, path_t file_path, int ready_fd)
{
    char url[256];
    db_t *db;
    int n = snprintf(url, sizeof url, "sqlite:%s", file_path.text);
    ENSURE(n > 0 && (size_t)n < sizeof url, ERR_LIMIT);
    TRY(db_open(url, &db));
    TRY(rows_create(db));
    return door_serve(socket_path, ready_fd, append, db);
}
