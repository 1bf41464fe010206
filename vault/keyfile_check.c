/* Trying a copy of the key files with their master key. Holds the key for one call, in the ring's
 * guarded memory (keys.c). */
#include "vault/api_keyfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>

#include "keystore.h"
#include "master.h"
#include "slot.h"

enum { PLAIN_MAX = 4096 };

/* UNAVAILABLE: it is sealed, and what opens it is not here. */
static err_t ring_open(path_t keyfile, path_t secrets, keys_t **ret_keys)
{
    static const master_secret_t NOTHING_TYPED;
    keys_master_t masters[KEYS_MASTERS] = {0};
    keys_header_t header;
    master_source_t source = {.typed = &NOTHING_TYPED,
                              .credentials = getenv("CREDENTIALS_DIRECTORY")};
    master_why_t why = {""};
    struct stat st;
    size_t n = 0;
    TRY(keystore_peek(keyfile, &header));
    ENSURE(stat(secrets.text, &st) == 0, ERR_NOT_FOUND);
    TRY(master_load(secrets, st.st_uid, &source, masters, &n, &why));
    return keys_open_ring(masters, n, &header, ret_keys);
}

static err_t sample_open(const keys_t *keys, keystore_t *store, const vault_keyfile_sample_t *s)
{
    uint8_t plain[PLAIN_MAX];
    buf_t out = BUF_ON_ARRAY(plain);
    keys_wrapped_t wrapped;
    envelope_place_t place = {
        .subject = s->subject, .table = s->table, .column = s->column, .row = s->row};
    TRY(keystore_find(store, s->subject, 0, &wrapped));
    err_t e = keys_open(keys, &wrapped, place, s->sealed, &out);
    sodium_memzero(plain, sizeof plain);
    return e;
}

static err_t file_check(const keys_t *keys, path_t path, keys_file_t file,
                        const vault_keyfile_sample_t *sample, vault_keyfile_counts_t *io_counts)
{
    keystore_t *store = NULL;
    struct stat st;
    ENSURE(stat(path.text, &st) == 0, ERR_NOT_FOUND); /* opening would make one */
    TRY(keystore_open(&(keystore_conf_t){.path = path, .file = file, .keys = keys}, &store));
    keystore_state_t n = keystore_state(store);
    io_counts->slots += n.slots;
    io_counts->live += n.live;
    io_counts->erased += n.erased;
    io_counts->damaged += n.damaged;
    err_t e = sample ? sample_open(keys, store, sample) : OK;
    keystore_close(store);
    return e;
}

bool vault_keyfile_is_master(const char *name)
{
    slice_t s = slice_cstr_in(name);
    return slice_starts(s, SLICE("master")) && slice_ends(s, SLICE(".key"));
}

/* By their state words alone. */
static err_t file_count(path_t path, vault_keyfile_counts_t *io)
{
    FD_SCOPED int fd = -1;
    header_t header;
    keys_header_t keys;
    slot_t s;
    TRY(fd_open(path, O_RDONLY | O_NOFOLLOW, 0, &fd));
    TRY(slot_header_read(fd, &header, &keys));
    for (int64_t at = KEYSTORE_HEADER; !err_failed(fd_pread_all(fd, &s, sizeof s, at));
         at += KEYSTORE_SLOT) {
        bool live = s.state == STATE_LIVE || s.state == STATE_REWRAP;
        io->slots++;
        io->live += live && s.crc == slot_crc(&s);
        io->damaged += live && s.crc != slot_crc(&s);
        io->erased += s.state == STATE_ERASED;
    }
    return OK;
}

err_t vault_keyfile_check(path_t dir, path_t secrets, const vault_keyfile_sample_t *sample,
                          vault_keyfile_counts_t *ret_counts, bool *ret_opened)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    vault_keyfile_counts_t counts = {0};
    path_t subjects, months;
    keys_t *keys = NULL;
    arena_init(&a, 32 * 1024);
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    TRY(path_join(&a, dir, SLICE("keys"), &subjects));
    TRY(path_join(&a, dir, SLICE("month-keys"), &months));
    err_t e = ring_open(subjects, secrets, &keys);
    *ret_opened = !err_is(e, ERR_UNAVAILABLE);
    if (!*ret_opened) {
        TRY(file_count(subjects, &counts));
        TRY(file_count(months, &counts));
        *ret_counts = counts;
        return OK;
    }
    TRY(e);
    e = file_check(keys, subjects, KEYS_OF_SUBJECT, sample, &counts);
    if (!err_failed(e)) {
        e = file_check(keys, months, KEYS_OF_MONTH, NULL, &counts);
    }
    keys_free(keys);
    TRY(e);
    *ret_counts = counts;
    return OK;
}

static bool ini_wants_secret(slice_t text)
{
    slice_t line;
    bool in_master = false;
    while (slice_split(&text, '\n', &line)) {
        slice_t rest = slice_trim(line), key;
        if (slice_starts(rest, SLICE("["))) {
            in_master = slice_eq(rest, SLICE("[master]"));
        } else if (in_master && slice_split(&rest, '=', &key) && rest.ptr && rest.len != SIZE_MAX &&
                   slice_eq(slice_trim(key), SLICE("source"))) {
            slice_t value = slice_trim(rest);
            return slice_eq(value, SLICE("passphrase")) || slice_eq(value, SLICE("token"));
        }
    }
    return false;
}

bool vault_keyfile_needs_secret(path_t secrets, path_t ini)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    bool any = false, needs = false;
    slice_t text;
    arena_init(&a, 256 * 1024);
    DIR *d = opendir(secrets.text);
    for (struct dirent *row; d && (row = readdir(d));) {
        path_t file;
        if (vault_keyfile_is_master(row->d_name) &&
            !err_failed(path_join(&a, secrets, slice_cstr_in(row->d_name), &file)) &&
            !err_failed(file_read(&a, file, MASTER_SEALED, &text))) {
            any = true;
            needs = needs || master_is_typed(text);
        }
    }
    if (d) {
        closedir(d);
    }
    return any ? needs
               : !err_failed(file_read(&a, ini, 64 * 1024, &text)) && ini_wants_secret(text);
}
