/* The private half passes through here twice: when it is made, and when a person restores. */
#include "backup_keys.h"

#include <unistd.h>

#include "io/secrets.h"
#include "text/b64.h"

enum { LINE = 128, KEY_FILE_MAX = 1024 };
static const char SIGN_KEY[] = "backup_sign";
#define PUB_LABEL "x25519 "
#define OPEN_LABEL "x25519-secret "
#define SIGNER_LABEL "ed25519 "

static void line_put(buf_t *b, const char *label, const uint8_t key[32])
{
    buf_cstr(b, label);
    buf_hex(b, slice_make(key, 32));
    buf_u8(b, '\n');
}

static err_t line_get(slice_t *text, slice_t label, uint8_t out[32])
{
    slice_t line;
    buf_t b = buf_on(out, 32);
    ENSURE(slice_split(text, '\n', &line) && slice_starts(line, label), ERR_CORRUPT);
    ENSURE(!err_failed(hex_decode(slice_from(line, label.len), &b)) && b.len == 32, ERR_CORRUPT);
    return OK;
}

/* The private halves first: a public half alone would seal backups for nobody. Halves that a crash
 * left are made anew as long as no public one was ever shown. */
static err_t keys_write(house_t *h, const uint8_t open[32], const uint8_t seal_to[32],
                        const uint8_t *sign, const uint8_t signer[32])
{
    uint8_t mem[2 * LINE], pub_mem[LINE];
    buf_t key = BUF_ON_ARRAY(mem), pub = BUF_ON_ARRAY(pub_mem);
    path_t own = house_path(h, h->var, "secrets", "command", NULL);
    path_t offline = house_path(h, h->var, "offline", NULL);
    path_t etc = house_path(h, h->var, "etc", NULL);
    line_put(&key, OPEN_LABEL, open);
    line_put(&key, SIGNER_LABEL, signer);
    line_put(&pub, PUB_LABEL, seal_to);
    CHECK(!key.full && !pub.full);
    unlink(house_path(h, own, SIGN_KEY, NULL).text);
    unlink(house_path(h, offline, "backup.key", NULL).text);
    err_t e = file_create(house_path(h, own, SIGN_KEY, NULL),
                          slice_make(sign, crypto_sign_SECRETKEYBYTES), 0400, (uid_t)-1, (gid_t)-1);
    if (!err_failed(e)) {
        e = file_create(house_path(h, offline, "backup.key", NULL), buf_slice(&key), 0400,
                        (uid_t)-1, (gid_t)-1);
    }
    sodium_memzero(mem, sizeof mem);
    TRY(e);
    return file_create(house_path(h, etc, "backup.pub", NULL), buf_slice(&pub), 0444, (uid_t)-1,
                       (gid_t)-1);
}

err_t backup_keys_make(house_t *h)
{
    uint8_t open[32], seal_to[32], sign[crypto_sign_SECRETKEYBYTES], signer[32];
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    if (access(house_path(h, h->var, "etc", "backup.pub", NULL).text, F_OK) == 0) {
        return OK;
    }
    crypto_box_keypair(seal_to, open);
    crypto_sign_keypair(signer, sign);
    err_t e = keys_write(h, open, seal_to, sign, signer);
    sodium_memzero(open, sizeof open);
    sodium_memzero(sign, sizeof sign);
    return e;
}

err_t backup_writer_keys(house_t *h, backup_writer_keys_t *ret_keys)
{
    slice_t text;
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    TRY(file_read(&h->arena, house_path(h, h->var, "etc", "backup.pub", NULL), KEY_FILE_MAX,
                  &text));
    TRY(line_get(&text, SLICE(PUB_LABEL), ret_keys->seal_to));
    return secrets_load_from(house_path(h, h->var, "secrets", "command", NULL), SIGN_KEY, geteuid(),
                             ret_keys->sign, sizeof ret_keys->sign);
}

err_t backup_reader_keys(house_t *h, path_t file, backup_reader_keys_t *ret_keys)
{
    slice_t text;
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    TRY(file_read(&h->arena, file, KEY_FILE_MAX,
                  &text)); /* the house's arena is wiped at its end */
    TRY(line_get(&text, SLICE(OPEN_LABEL), ret_keys->open));
    TRY(line_get(&text, SLICE(SIGNER_LABEL), ret_keys->signer));
    ENSURE(crypto_scalarmult_base(ret_keys->seal_to, ret_keys->open) == 0, ERR_CORRUPT);
    return OK;
}

void backup_writer_keys_wipe(backup_writer_keys_t *keys)
{
    sodium_memzero(keys, sizeof *keys);
}

void backup_reader_keys_wipe(backup_reader_keys_t *keys)
{
    sodium_memzero(keys, sizeof *keys);
}
