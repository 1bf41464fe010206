/* Sessions: a database row with the token's SHA-256, cached in memory (bounded), no write per
 * request. A visitor who only looks has no cookie; one who was shown a form has an anonymous token
 * that is self-proving (MAC, age) and has no row; a row is made when something is to be kept or
 * somebody logs in, with a fresh token each time, so that a planted token never carries anything.
 * The cookie is "__Host-sks" (Secure) under TLS, else "sks"; HttpOnly, SameSite=Lax. A session
 * belongs to one site (host) of the room. Holds the tokens' hashes only; a copy of the table lets
 * nobody in. */
#ifndef WEB_SESSION_H
#define WEB_SESSION_H

#include "base/secret.h"
#include "db/db_pool.h"
#include "web/web.h"

enum {
    WEB_SESSION_DATA_BYTES = 2048, /* all keys and values of a session */
    WEB_SESSION_CACHE = 4096,      /* rows kept in memory */
    WEB_CSRF_LETTERS = 64,         /* a masked token: 32 letters of pad, 32 of token */
};

#define WEB_CSRF_FIELD "csrf"

typedef struct web_lifetime {
    int32_t idle_s, absolute_s;
} web_lifetime_t;

/* A piece of the store's work inside a transaction. Perhaps run twice (after a rollback): it
 * changes nothing but db and its own result, which it sets anew each time. */
typedef err_t web_write_work_fn(void *ctx, db_t *db);
/* Runs work inside a transaction and returns after its commit. A room with one writer puts the
 * sessions' rows into the writer's batches: a row more in a commit costs next to nothing, a commit
 * of its own costs a disk flush. */
typedef err_t web_write_fn(void *user, web_write_work_fn *work, void *ctx);

typedef struct web_sessions_config {
    db_pool_t *db;       /* the room's database; the table web_session is made in it */
    web_write_fn *write; /* NULL: a transaction of its own on a connection of db */
    void *write_user;
    secret_t key; /* for anonymous tokens; from the room's secrets, the same after a restart; all
                     zero: a random one */
    web_lifetime_t lifetime[WEB_SITES_MAX]; /* 0 = 2 hours idle, 7 days in all */
    int32_t touch_s;                        /* last-seen is written at most so often; 0 = 300 */
    int32_t recheck_s; /* a cached row is read again after; 0 = 30 (other nodes may end sessions) */
} web_sessions_config_t;

/* Makes its table when there is none (web_session, web_schema), so a room has nothing to migrate.
 * The configuration is copied; the pool must outlive the store. */
err_t web_sessions_new(const web_sessions_config_t *config, web_sessions_t **ret_sessions);
void web_sessions_free(web_sessions_t *sessions);
/* Deletes what has outlived itself; a room calls it every few minutes. */
err_t web_sessions_purge(web_sessions_t *sessions, int64_t now_us, int64_t *ret_rows);

/* What a handler may know. All work on a request whose route has a session; on WEB_NO_SESSION
 * routes readers say "nobody" and writers DENIED. */
id128_t web_session_user(const web_req_t *req); /* zero: not logged in */
uint32_t web_session_roles(const web_req_t *req);
id128_t web_session_id(const web_req_t *req); /* zero: no row */
bool web_session_has_role(const web_req_t *req, uint32_t any_of);

/* The CSRF token for a form of this page. Makes the anonymous session when there is none (this is
 * what sets a cookie). Masked anew each time. */
err_t web_csrf(web_req_t *req, web_res_t *res, slice_t *ret_token);

/* A form's own token, bound to this visitor: 32 letters made from the value and the session's
 * secret. What is stored under it can be found again by the same form sent twice, and by nobody who
 * only knows the value. purpose: a literal. DENIED without a session. */
err_t web_session_bind(const web_req_t *req, const char *purpose, slice_t value,
                       char ret_letters[ID_TEXT]);

/* Logs in: a row with a fresh token and CSRF secret; the old one's keys go along, the old row goes.
 * Written before it returns. */
err_t web_session_login(web_req_t *req, web_res_t *res, id128_t user, uint32_t roles);
/* Ends the session and deletes the cookie. */
err_t web_session_logout(web_req_t *req, web_res_t *res);

/* Small values kept in the session: names letters, digits, "._-", up to 32; values bytes. Written
 * once, when the handler has returned; when that fails the visitor gets an error, not a page. */
slice_t web_session_get(const web_req_t *req, const char *key);
err_t web_session_set(web_req_t *req, web_res_t *res, const char *key, slice_t value);
err_t web_session_unset(web_req_t *req, const char *key);
/* A text for the next page only. */
err_t web_flash_set(web_req_t *req, web_res_t *res, slice_t value);
err_t web_flash_take(web_req_t *req, slice_t *ret_value); /* empty when none */

/* A user's sessions, newest first; at most max. */
typedef struct web_session_row {
    id128_t id, user;
    uint32_t roles;
    uint8_t site;
    int64_t created_us, seen_us;
} web_session_row_t;
err_t web_sessions_list(web_sessions_t *sessions, id128_t user, web_session_row_t *ret_rows,
                        size_t max, size_t *ret_n);
/* Ends one of the user's sessions (NOT_FOUND), or all but `keep` (zero: all). */
err_t web_sessions_end(web_sessions_t *sessions, id128_t user, id128_t session);
err_t web_sessions_end_all(web_sessions_t *sessions, id128_t user, id128_t keep, int64_t *ret_rows);

#endif
