/* Between session.c (what handlers call), session_store.c (rows and cache) and session_token.c. */
#ifndef WEB_SESSION_PRIV_H
#define WEB_SESSION_PRIV_H

#include "web/priv.h"

enum {
    SESSION_HASH = 32,
    SESSION_TOKEN = 32,       /* letters of a token with a row */
    SESSION_ANON_TOKEN = 80,  /* letters: 32 random, 16 minutes since 1970, 32 MAC */
    SESSION_CHANGES_MAX = 16, /* keys set or unset by one request */
    SESSION_KEY_MAX = 32,
};

/* A row as it stands in the database. */
typedef struct session_row {
    uint8_t hash[SESSION_HASH];
    id128_t id, user, csrf;
    uint32_t roles;
    uint8_t site;
    int64_t created_us, seen_us, version;
    uint16_t data_len;
    uint8_t data[WEB_SESSION_DATA_BYTES]; /* u8 length, key, u16 length, value; again */
} session_row_t;

enum { CACHE_WAYS = 8, CACHE_SETS = WEB_SESSION_CACHE / CACHE_WAYS };
typedef struct session_slot {
    bool is_used;
    int64_t checked_us; /* monotonic: when the row was last read from the database */
    int64_t used_us;    /* monotonic */
    session_row_t row;
} session_slot_t;

struct web_sessions {
    web_sessions_config_t config;
    pthread_mutex_t lock;  /* of the cache */
    session_slot_t *slots; /* CACHE_SETS * CACHE_WAYS */
};

typedef struct session_change {
    slice_t key, value;
    bool is_unset;
} session_change_t;

typedef enum session_cookie { COOKIE_KEEP, COOKIE_SET, COOKIE_DELETE } session_cookie_t;

/* A request's view of its session. */
struct web_session_ref {
    web_sessions_t *store;
    bool has_row, has_anon;
    bool was_sent; /* the visitor sent some token */
    char token[SESSION_ANON_TOKEN];
    size_t token_len;
    session_row_t row; /* with has_anon: only csrf counts */
    session_cookie_t cookie;
    session_change_t changes[SESSION_CHANGES_MAX];
    size_t n_changes;
};

/* session_token.c: pure */
void session_hash(slice_t token, uint8_t ret_hash[SESSION_HASH]);
void session_anon_make(const secret_t *key, uint8_t site, int64_t now_us,
                       char ret_token[SESSION_ANON_TOKEN]);
/* Whether we made it, for this site, within max_age_s. */
bool session_anon_ok(const secret_t *key, uint8_t site, int64_t now_us, int32_t max_age_s,
                     slice_t token);
id128_t session_anon_csrf(const secret_t *key, slice_t token);
/* Masks the secret with a fresh pad (a compressed page must not show the same bytes twice). */
void session_csrf_mask(id128_t secret, char ret_token[WEB_CSRF_LETTERS]);
bool session_csrf_ok(id128_t secret, slice_t token);

/* session_data.c: the little store in a row; pure */
slice_t session_data_get(slice_t data, slice_t key);
/* data with the changes applied. LIMIT past WEB_SESSION_DATA_BYTES; CORRUPT. */
err_t session_data_apply(slice_t data, const session_change_t *changes, size_t n, buf_t *out);

/* session_store.c */
err_t session_store_prepare(web_sessions_t *store);
/* From the cache or the database; NOT_FOUND when there is none or it has outlived itself. Touches
 * last-seen. */
err_t session_store_find(web_sessions_t *store, const uint8_t hash[SESSION_HASH], uint8_t site,
                         int64_t now_us, session_row_t *ret_row);
/* Inserts a row; deletes old (may be NULL) in the same transaction. */
err_t session_store_insert(web_sessions_t *store, const session_row_t *row,
                           const session_row_t *old);
/* Applies changes to what the row holds now, whoever wrote meanwhile. CONFLICT: it is gone. */
err_t session_store_change(web_sessions_t *store, session_row_t *row,
                           const session_change_t *changes, size_t n);
err_t session_store_delete(web_sessions_t *store, const session_row_t *row);

#endif
