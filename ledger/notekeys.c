#include "notekeys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/id.h"
#include "base/secret.h"
#include "io/secrets.h"

enum { NAME = 64 };
static const char PREFIX[] = "note", SUFFIX[] = ".key";

err_t notekeys_init(notekeys_t *k, path_t dir, uid_t owner, const char *base, const char *letters)
{
    notekeys_t keys = {.dir = dir, .owner = owner};
    slice_t l = slice_cstr_in(letters);
    buf_t origin = buf_on(keys.origin, sizeof keys.origin - 1);
    ENSURE(l.len < sizeof keys.letters, ERR_LIMIT);
    memcpy(keys.letters, l.ptr, l.len);
    TRY(epoch_origin(base, letters, &origin));
    *k = keys;
    return OK;
}

static void own_name(const notekeys_t *k, uint64_t segment, char out[NAME])
{
    snprintf(out, NAME, "%s%s%s.%llu%s", PREFIX, k->letters[0] ? "." : "", k->letters,
             (unsigned long long)segment, SUFFIX);
}

static err_t load(const notekeys_t *k, const char *name, note_key_t *ret_key)
{
    SECRET_SCOPED secret_t seed;
    TRY(secrets_load_from(k->dir, name, k->owner, seed.b, sizeof seed.b));
    return note_key_init(slice_cstr_in(k->origin), seed.b, ret_key);
}

static err_t load_or_make(const notekeys_t *k, const char *name, note_key_t *ret_key)
{
    SECRET_SCOPED secret_t seed;
    err_t e = load(k, name, ret_key);
    if (!err_is(e, ERR_NOT_FOUND)) {
        return e;
    }
    random_bytes(seed.b, sizeof seed.b);
    TRY(secrets_store_in(k->dir, name, k->owner, (gid_t)-1, seed.b, sizeof seed.b));
    return load(k, name, ret_key); /* what is on the disk is the truth */
}

err_t notekeys_load(const notekeys_t *k, uint64_t segment, note_key_t *ret_key,
                    uint64_t *ret_segment)
{
    char name[NAME];
    own_name(k, segment, name);
    err_t e = segment ? load(k, name, ret_key) : FAIL(ERR_NOT_FOUND);
    *ret_segment = segment;
    if (err_is(e, ERR_NOT_FOUND)) {
        epoch_seed_name(k->letters, name);
        e = load(k, name, ret_key);
        *ret_segment = 0;
    }
    return e;
}

err_t notekeys_first(const notekeys_t *k, note_key_t *ret_key)
{
    char name[NAME];
    epoch_seed_name(k->letters, name);
    return load_or_make(k, name, ret_key);
}

err_t notekeys_next(const notekeys_t *k, uint64_t segment, note_key_t *ret_key)
{
    char name[NAME];
    own_name(k, segment, name);
    return load_or_make(k, name, ret_key);
}

/* ---- destroying ---- */

/* Other bytes in the same blocks, before the name goes: what that reaches, FORMAT.md 5 says. */
static err_t destroy_at(int dir, const char *name)
{
    struct stat st;
    uint8_t noise[1024];
    if (fchmodat(dir, name, 0600, 0) != 0) {
        return errno == ENOENT ? OK : fd_err(errno);
    }
    FD_SCOPED int fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return OK; /* the sealer's thread was quicker */
    }
    ENSURE(fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode), ERR_IO);
    for (off_t at = 0; at < st.st_size; at += (off_t)sizeof noise) {
        size_t left = (size_t)(st.st_size - at);
        random_bytes(noise, sizeof noise);
        TRY(fd_pwrite_all(fd, slice_make(noise, left < sizeof noise ? left : sizeof noise), at));
    }
    TRY(fd_datasync(fd));
    bool gone = unlinkat(dir, name, 0) == 0 || errno == ENOENT;
    return gone && fsync(dir) == 0 ? OK : fd_err(errno);
}

err_t notekeys_destroy(path_t dir, const char *name)
{
    FD_SCOPED int fd = -1;
    TRY(fd_open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd));
    return destroy_at(fd, name);
}

/* "note[.<letters>][.<segment>].key". False: another file. */
static bool parse(const char *name, char ret_letters[9], uint64_t *ret_segment)
{
    slice_t rest = slice_cstr_in(name), part;
    if (!slice_starts(rest, slice_cstr_in(PREFIX)) || !slice_ends(rest, slice_cstr_in(SUFFIX))) {
        return false;
    }
    rest = slice_sub(rest, sizeof PREFIX - 1, rest.len - (sizeof PREFIX - 1 + sizeof SUFFIX - 1));
    memset(ret_letters, 0, 9);
    *ret_segment = 0;
    if (rest.len && (rest.ptr[0] != '.' || rest.len == 1)) {
        return false;
    }
    rest = slice_from(rest, 1);
    while (rest.len && rest.len != SIZE_MAX && slice_split(&rest, '.', &part)) {
        if (err_failed(slice_parse_u64(part, INT64_MAX, ret_segment))) {
            if (part.len != 8) {
                return false;
            }
            memcpy(ret_letters, part.ptr, part.len);
        }
    }
    return true;
}

err_t notekeys_forget(const notekeys_t *k, uint64_t before)
{
    FD_SCOPED int fd = -1;
    TRY(fd_open(k->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd));
    DIR *d = opendir(k->dir.text);
    if (!d) {
        return fd_err(errno);
    }
    err_t e = OK;
    for (struct dirent *row; !err_failed(e) && (row = readdir(d));) {
        char letters[9];
        uint64_t segment;
        bool old = parse(row->d_name, letters, &segment) &&
                   (strcmp(letters, k->letters) != 0 || segment < before);
        e = old ? destroy_at(fd, row->d_name) : OK;
    }
    closedir(d);
    return e;
}
