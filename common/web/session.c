/* What a request knows of its session, and what a handler may do with it. */
#include <sodium.h>

#include "base/clock.h"
#include "web/session_priv.h"

enum { DEFAULT_IDLE_S = 2 * 3600, DEFAULT_ABSOLUTE_S = 7 * 86400 };
enum { DEFAULT_TOUCH_S = 300, DEFAULT_RECHECK_S = 30 };

#define FLASH_KEY "flash"

err_t web_sessions_new(const web_sessions_config_t *config, web_sessions_t **ret_sessions)
{
    web_sessions_t *store = calloc(1, sizeof *store);
    ENSURE(store, ERR_MEMORY);
    store->config = *config;
    store->slots = calloc(WEB_SESSION_CACHE, sizeof store->slots[0]);
    web_sessions_config_t *c = &store->config;
    c->touch_s = c->touch_s ? c->touch_s : DEFAULT_TOUCH_S;
    c->recheck_s = c->recheck_s ? c->recheck_s : DEFAULT_RECHECK_S;
    for (size_t i = 0; i < WEB_SITES_MAX; i++) {
        web_lifetime_t *l = &c->lifetime[i];
        l->idle_s = l->idle_s ? l->idle_s : DEFAULT_IDLE_S;
        l->absolute_s = l->absolute_s ? l->absolute_s : DEFAULT_ABSOLUTE_S;
    }
    const secret_t none = {0};
    if (!memcmp(&c->key, &none, sizeof none)) {
        random_bytes(c->key.b, sizeof c->key.b);
    }
    pthread_mutex_init(&store->lock, NULL);
    err_t e = store->slots ? session_store_prepare(store) : FAIL(ERR_MEMORY);
    if (err_failed(e)) {
        web_sessions_free(store);
        return e;
    }
    *ret_sessions = store;
    return OK;
}

void web_sessions_free(web_sessions_t *store)
{
    if (!store) {
        return;
    }
    if (store->slots) {
        explicit_bzero(store->slots, WEB_SESSION_CACHE * sizeof store->slots[0]);
        free(store->slots);
    }
    pthread_mutex_destroy(&store->lock);
    explicit_bzero(store, sizeof *store);
    free(store);
}

static const char *cookie_name(const web_req_t *req)
{
    return web_app_config(req->app)->tls ? "__Host-sks" : "sks";
}

static void set_token(web_session_ref_t *s, const char *token, size_t len)
{
    memcpy(s->token, token, len);
    s->token_len = len;
    s->cookie = COOKIE_SET;
}

err_t web_session_load(web_sessions_t *store, web_req_t *req)
{
    web_session_ref_t *s = ARENA_NEW(req->arena, web_session_ref_t);
    ENSURE(s, ERR_MEMORY);
    s->store = store;
    req->session = s;
    slice_t token = web_req_cookie(req, cookie_name(req));
    s->was_sent = token.len > 0;
    const web_sessions_config_t *c = &store->config;
    id128_t ignored;
    if (session_anon_ok(&c->key, req->site, req->now_us, c->lifetime[req->site].absolute_s,
                        token)) {
        s->has_anon = true;
        s->row.csrf = session_anon_csrf(&c->key, token);
        return OK;
    }
    if (token.len != SESSION_TOKEN || err_failed(id_decode(token, &ignored))) {
        return OK;
    }
    uint8_t hash[SESSION_HASH];
    session_hash(token, hash);
    err_t e = session_store_find(store, hash, req->site, req->now_us, &s->row);
    if (err_is(e, ERR_NOT_FOUND)) {
        s->row = (session_row_t){0};
        return OK;
    }
    TRY(e);
    s->has_row = true;
    return OK;
}

bool web_session_any(const web_req_t *req)
{
    const web_session_ref_t *s = req->session;
    return s && (s->was_sent || s->has_anon || s->has_row || s->cookie != COOKIE_KEEP);
}

void web_session_put_cookie(const web_req_t *req, web_res_t *res)
{
    const web_session_ref_t *s = req->session;
    if (!s || s->cookie == COOKIE_KEEP) {
        return;
    }
    bool set = s->cookie == COOKIE_SET;
    slice_t token = set ? slice_make(s->token, s->token_len) : SLICE_EMPTY;
    err_t e = web_set_cookie(res, slice_cstr_in(cookie_name(req)), token, set ? 0 : -1);
    /* without room for one cookie the visitor stays who he was: nothing is granted by that */
    err_ignore(e);
}

id128_t web_session_user(const web_req_t *req)
{
    return req->session && req->session->has_row ? req->session->row.user : id_zero();
}

uint32_t web_session_roles(const web_req_t *req)
{
    return req->session && req->session->has_row ? req->session->row.roles : 0;
}

id128_t web_session_id(const web_req_t *req)
{
    return req->session && req->session->has_row ? req->session->row.id : id_zero();
}

bool web_session_has_role(const web_req_t *req, uint32_t any_of)
{
    return !id_is_zero(web_session_user(req)) && (web_session_roles(req) & any_of) != 0;
}

bool web_csrf_ok(const web_req_t *req, slice_t token)
{
    const web_session_ref_t *s = req->session;
    return s && (s->has_row || s->has_anon) && session_csrf_ok(s->row.csrf, token);
}

err_t web_session_bind(const web_req_t *req, const char *purpose, slice_t value,
                       char ret_letters[ID_TEXT])
{
    const web_session_ref_t *s = req->session;
    crypto_generichash_state hash;
    id128_t bound;
    ENSURE(s && (s->has_row || s->has_anon), ERR_DENIED);
    crypto_generichash_init(&hash, s->row.csrf.b, ID_BYTES, ID_BYTES);
    crypto_generichash_update(&hash, (const uint8_t *)purpose, strlen(purpose) + 1);
    crypto_generichash_update(&hash, value.ptr, value.len);
    crypto_generichash_final(&hash, bound.b, ID_BYTES);
    id_encode(bound, ret_letters);
    return OK;
}

err_t web_csrf(web_req_t *req, web_res_t *res, slice_t *ret_token)
{
    web_session_ref_t *s = req->session;
    ENSURE(s, ERR_DENIED);
    if (!s->has_row && !s->has_anon) {
        char token[SESSION_ANON_TOKEN];
        session_anon_make(&s->store->config.key, req->site, req->now_us, token);
        set_token(s, token, sizeof token);
        s->row.csrf = session_anon_csrf(&s->store->config.key, slice_make(token, sizeof token));
        s->has_anon = true;
    }
    char masked[WEB_CSRF_LETTERS];
    session_csrf_mask(s->row.csrf, masked);
    return arena_copy(req->arena, slice_make(masked, sizeof masked), ret_token);
}

/* A new row's identity: nothing of it was ever known to anybody. */
static void row_begin(const web_req_t *req, session_row_t *row, char token[SESSION_TOKEN])
{
    random_letters(token, SESSION_TOKEN);
    session_hash(slice_make(token, SESSION_TOKEN), row->hash);
    row->id = id_new();
    row->site = req->site;
    row->created_us = row->seen_us = req->now_us;
    row->version = 1;
}

static err_t row_data(const web_session_ref_t *s, slice_t old, session_row_t *row)
{
    buf_t data = BUF_ON_ARRAY(row->data);
    TRY(session_data_apply(old, s->changes, s->n_changes, &data));
    row->data_len = (uint16_t)data.len;
    return OK;
}

static slice_t stored_data(const web_session_ref_t *s)
{
    return slice_make(s->row.data, s->has_row ? s->row.data_len : 0);
}

err_t web_session_login(web_req_t *req, web_res_t *res, id128_t user, uint32_t roles)
{
    web_session_ref_t *s = req->session;
    ENSURE(s, ERR_DENIED);
    ENSURE(!id_is_zero(user), ERR_USAGE);
    session_row_t *row = ARENA_NEW(req->arena, session_row_t);
    ENSURE(row, ERR_MEMORY);
    char token[SESSION_TOKEN];
    row_begin(req, row, token);
    row->user = user;
    row->roles = roles;
    random_bytes(row->csrf.b, sizeof row->csrf.b);
    /* another person's keys do not go along */
    bool other = s->has_row && !id_is_zero(s->row.user) && !id_eq(s->row.user, user);
    TRY(row_data(s, other ? SLICE_EMPTY : stored_data(s), row));
    TRY(session_store_insert(s->store, row, s->has_row ? &s->row : NULL));
    s->row = *row;
    s->has_row = true;
    s->has_anon = false;
    s->n_changes = 0;
    set_token(s, token, sizeof token);
    explicit_bzero(token, sizeof token);
    return OK;
}

err_t web_session_logout(web_req_t *req, web_res_t *res)
{
    web_session_ref_t *s = req->session;
    ENSURE(s, ERR_DENIED);
    if (s->has_row) {
        TRY(session_store_delete(s->store, &s->row));
    }
    s->row = (session_row_t){0};
    s->has_row = s->has_anon = false;
    s->n_changes = 0;
    s->cookie = COOKIE_DELETE;
    return OK;
}

static bool key_ok(slice_t key)
{
    for (size_t i = 0; i < key.len; i++) {
        uint8_t c = key.ptr[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return key.len > 0 && key.len <= SESSION_KEY_MAX;
}

slice_t web_session_get(const web_req_t *req, const char *key)
{
    const web_session_ref_t *s = req->session;
    slice_t name = slice_cstr_in(key);
    if (!s) {
        return SLICE_EMPTY;
    }
    for (size_t i = s->n_changes; i > 0; i--) {
        if (slice_eq(s->changes[i - 1].key, name)) {
            return s->changes[i - 1].value;
        }
    }
    return session_data_get(stored_data(s), name);
}

static err_t add_change(web_req_t *req, session_change_t change)
{
    web_session_ref_t *s = req->session;
    ENSURE(s, ERR_DENIED);
    ENSURE(key_ok(change.key), ERR_USAGE);
    ENSURE(s->n_changes < SESSION_CHANGES_MAX, ERR_LIMIT);
    TRY(arena_copy(req->arena, change.key, &change.key));
    TRY(arena_copy(req->arena, change.value, &change.value));
    s->changes[s->n_changes++] = change;
    /* too much is said to the handler, not to the visitor */
    uint8_t mem[WEB_SESSION_DATA_BYTES];
    buf_t data = BUF_ON_ARRAY(mem);
    err_t e = session_data_apply(stored_data(s), s->changes, s->n_changes, &data);
    s->n_changes -= err_failed(e);
    return e;
}

err_t web_session_set(web_req_t *req, web_res_t *res, const char *key, slice_t value)
{
    ENSURE(value.len <= UINT16_MAX, ERR_LIMIT);
    return add_change(req, (session_change_t){slice_cstr_in(key), value, false});
}

err_t web_session_unset(web_req_t *req, const char *key)
{
    ENSURE(req->session, ERR_DENIED);
    if (!web_session_get(req, key).len && !req->session->n_changes &&
        !session_data_get(stored_data(req->session), slice_cstr_in(key)).ptr) {
        return OK; /* nothing to write for nothing */
    }
    return add_change(req, (session_change_t){slice_cstr_in(key), SLICE_EMPTY, true});
}

err_t web_flash_set(web_req_t *req, web_res_t *res, slice_t value)
{
    return web_session_set(req, res, FLASH_KEY, value);
}

err_t web_flash_take(web_req_t *req, slice_t *ret_value)
{
    slice_t value = web_session_get(req, FLASH_KEY);
    if (!value.len) {
        *ret_value = SLICE_EMPTY;
        return OK;
    }
    TRY(arena_copy(req->arena, value, &value));
    TRY(web_session_unset(req, FLASH_KEY));
    *ret_value = value;
    return OK;
}

/* The first thing to be kept makes a row, under a token that nobody could have planted. The CSRF
 * secret stays, so that forms open in other windows still work. */
static err_t flush_new(web_req_t *req, web_session_ref_t *s)
{
    session_row_t *row = ARENA_NEW(req->arena, session_row_t);
    ENSURE(row, ERR_MEMORY);
    char token[SESSION_TOKEN];
    row_begin(req, row, token);
    if (s->has_anon) {
        row->csrf = s->row.csrf;
    } else {
        random_bytes(row->csrf.b, sizeof row->csrf.b);
    }
    TRY(row_data(s, SLICE_EMPTY, row));
    TRY(session_store_insert(s->store, row, NULL));
    s->row = *row;
    s->has_row = true;
    s->has_anon = false;
    set_token(s, token, sizeof token);
    explicit_bzero(token, sizeof token);
    return OK;
}

static bool only_unsets(const web_session_ref_t *s)
{
    for (size_t i = 0; i < s->n_changes; i++) {
        if (!s->changes[i].is_unset) {
            return false;
        }
    }
    return true;
}

err_t web_session_flush(web_req_t *req)
{
    web_session_ref_t *s = req->session;
    if (!s || !s->n_changes) {
        return OK;
    }
    if (s->has_row) {
        TRY(session_store_change(s->store, &s->row, s->changes, s->n_changes));
    } else if (!only_unsets(s)) {
        TRY(flush_new(req, s));
    }
    s->n_changes = 0;
    return OK;
}
