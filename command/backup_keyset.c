/* The key files and the master key's: one file a folder of backups, always the newest
 * (docs/decisions/005-backup.md). Their bytes pass through scratch, which is swept. */
#include "backup_taking.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"

enum { STAGE_TRIES = 50 };

json_t *taking_keys_json(const take_t *t)
{
    return json_pack("{s:I, s:I, s:I}", "made_us", (json_int_t)t->keys_us, "live",
                     (json_int_t)t->key_counts.live, "erased", (json_int_t)t->key_counts.erased);
}

err_t taking_close(backup_out_t *out, json_t *manifest, uint8_t ret_sha256[32])
{
    char *text = manifest ? json_dumps(manifest, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(manifest);
    if (!text) {
        backup_out_abort(out);
        return FAIL(ERR_MEMORY);
    }
    err_t e = backup_out_finish(out, slice_cstr_in(text), ret_sha256);
    free(text);
    return e;
}

void backup_keys_file(const uint8_t seal_to[crypto_box_PUBLICKEYBYTES], char out[64])
{
    char house[BACKUP_HOUSE + 1];
    backup_house_name(seal_to, house);
    snprintf(out, 64, "sekisho-%s.keys", house);
}

/* What the replaced file held is not to be found in freed blocks either (as far as a file system
 * overwrites in place; it is sealed to the offline key in any case). */
static void old_keys_wipe(int fd)
{
    static const uint8_t ZEROS[65536];
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        return;
    }
    for (off_t at = 0; at < st.st_size; at += (off_t)sizeof ZEROS) {
        off_t left = st.st_size - at;
        size_t n = left < (off_t)sizeof ZEROS ? (size_t)left : sizeof ZEROS;
        if (err_failed(fd_pwrite_all(fd, slice_make(ZEROS, n), at))) {
            return;
        }
    }
    fdatasync(fd);
}

static int by_name(const void *a, const void *b)
{
    const char *x = a, *y = b;
    return strcmp(x, y);
}

/* Which files the master key has now. */
static err_t masters_list(take_t *t, char (*ret_names)[32], size_t *ret_n)
{
    size_t n = 0;
    DIR *d = opendir(house_path(t->h, t->h->var, "secrets", "vault", NULL).text);
    if (!d) {
        return fd_err(errno);
    }
    memset(ret_names, 0, MASTERS_MAX * sizeof *ret_names);
    for (struct dirent *row; n < MASTERS_MAX && (row = readdir(d));) {
        if (vault_keyfile_is_master(row->d_name) && strlen(row->d_name) < sizeof *ret_names) {
            snprintf(ret_names[n++], sizeof *ret_names, "%s", row->d_name);
        }
    }
    closedir(d);
    qsort(ret_names, n, sizeof *ret_names, by_name);
    *ret_n = n;
    return OK;
}

static err_t key_files_copy(take_t *t)
{
    static const char *const NAMES[] = {"keys", "month-keys"};
    path_t vault = house_path(t->h, t->h->var, "vault", NULL);
    t->keys_us = clock_wall_us();
    t->key_counts = (vault_keyfile_counts_t){0};
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        vault_keyfile_counts_t n;
        unlink(house_path(t->h, t->scratch, NAMES[i], NULL).text);
        TRY(vault_keyfile_copy(house_path(t->h, vault, NAMES[i], NULL),
                               house_path(t->h, t->scratch, NAMES[i], NULL), &n));
        t->key_counts.live += n.live;
        t->key_counts.erased += n.erased;
        t->key_counts.damaged += n.damaged;
    }
    t->made.keys_live = t->key_counts.live;
    t->made.keys_erased = t->key_counts.erased;
    return OK;
}

/* Key files and master keys that belong together: taken again when a master key came or went
 * meanwhile. */
err_t taking_keys_stage(take_t *t)
{
    char after[MASTERS_MAX][32];
    size_t n;
    for (unsigned i = 0; i < STAGE_TRIES; i++) {
        TRY(masters_list(t, t->masters, &t->n_masters));
        TRY(key_files_copy(t));
        TRY(masters_list(t, after, &n));
        if (n == t->n_masters && memcmp(after, t->masters, sizeof after) == 0) {
            return OK;
        }
    }
    return FAIL(ERR_CONFLICT);
}

/* Where they lie: they are written once. */
static err_t masters_put(take_t *t, backup_out_t *out)
{
    for (size_t i = 0; i < t->n_masters; i++) {
        struct stat st;
        slice_t name;
        char owner[BACKUP_OWNER_MAX + 1];
        path_t at = house_path(t->h, t->h->var, "secrets", "vault", t->masters[i], NULL);
        ENSURE(stat(at.text, &st) == 0, ERR_CONFLICT);
        TRY(taking_owner(t, &st, owner));
        TRY(arena_printf(&t->h->arena, &name, "secrets/vault/%s", t->masters[i]));
        TRY(backup_out_file(out, (const char *)name.ptr, owner, st.st_mode & 07777, at));
    }
    return OK;
}

static err_t key_files_put(take_t *t, backup_out_t *out)
{
    static const char *const NAMES[] = {"keys", "month-keys"};
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        struct stat st;
        slice_t name;
        char owner[BACKUP_OWNER_MAX + 1];
        ENSURE(stat(house_path(t->h, t->h->var, "vault", NAMES[i], NULL).text, &st) == 0, ERR_IO);
        TRY(taking_owner(t, &st, owner));
        TRY(arena_printf(&t->h->arena, &name, "vault/%s", NAMES[i]));
        TRY(backup_out_file(out, (const char *)name.ptr, owner, st.st_mode & 07777,
                            house_path(t->h, t->scratch, NAMES[i], NULL)));
    }
    return OK;
}

/* Before the backup that needs it has its name. */
err_t taking_keys_file(take_t *t)
{
    FD_SCOPED int old = -1;
    backup_out_t *out = NULL;
    char name[64];
    uint8_t sha256[32];
    backup_keys_file(t->keys.seal_to, name);
    err_t found = fd_open(house_path(t->h, t->dir, name, NULL), O_WRONLY | O_NOFOLLOW, 0, &old);
    ENSURE(!err_failed(found) || err_is(found, ERR_NOT_FOUND), found.code);
    TRY(backup_out_new(t->dir, name, BACKUP_OF_KEYS, &t->keys, &out));
    err_t e = key_files_put(t, out);
    if (!err_failed(e)) {
        e = masters_put(t, out);
    }
    if (err_failed(e)) {
        backup_out_abort(out);
        return e;
    }
    TRY(taking_close(out,
                     json_pack("{s:i, s:s, s:I, s:o}", "version", BACKUP_VERSION, "kind", "keys",
                               "made_us", (json_int_t)t->keys_us, "keys", taking_keys_json(t)),
                     sha256));
    old_keys_wipe(old);
    return OK;
}
