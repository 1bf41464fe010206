/* The guard's key for pseudonyms: read (or made at first run) by the master while it is still root,
 * kept in the workers' memory. A key file that others may read, that is not ours or has not its
 * length stops the start: with another key all pseudonyms would silently change. */
#include "guard.h"

#include <unistd.h>

#include "guard/api_pseudonym.h"
#include "io/secrets.h"

static const char KEY_NAME[] = GUARD_PSEUDONYM_KEY_NAME;

static err_t key_load(path_t dir, u_char key[GUARD_KEY_BYTES])
{
    uint8_t fresh[GUARD_KEY_BYTES];
    err_t e = secrets_load_from(dir, KEY_NAME, geteuid(), key, GUARD_KEY_BYTES);
    if (!err_is(e, ERR_NOT_FOUND)) {
        return e;
    }
    random_bytes(fresh, sizeof fresh);
    e = secrets_store_in(dir, KEY_NAME, geteuid(), getegid(), fresh, sizeof fresh);
    explicit_bzero(fresh, sizeof fresh);
    if (err_failed(e) && !err_is(e, ERR_EXISTS)) {
        return e;
    }
    return secrets_load_from(dir, KEY_NAME, geteuid(), key, GUARD_KEY_BYTES);
}

ngx_int_t guard_key_load(ngx_conf_t *cf, guard_main_conf_t *conf)
{
    arena_t a BASE_CLEANUP(arena_deinit);
    path_t dir;
    arena_init(&a, 16 * 1024);
    err_t e = path_from_conf(&a, guard_slice(conf->secrets), &dir);
    if (!err_failed(e)) {
        e = key_load(dir, conf->key);
    }
    if (err_failed(e)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the guard's key: %s", err_text(e.code));
        return NGX_ERROR;
    }
    return NGX_OK;
}

id128_t guard_pseudonym(const guard_main_conf_t *conf, const char *kind, slice_t value)
{
    return guard_pseudonym_of(conf->key, kind, value);
}

uint64_t guard_short_hash(const guard_main_conf_t *conf, const char *kind, slice_t value)
{
    id128_t whole = guard_pseudonym_of(conf->key, kind, value);
    uint64_t n = 0;
    memcpy(&n, whole.b, sizeof n);
    return n || value.len == 0 ? n : 1;
}
