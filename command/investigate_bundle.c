/* Evidence: an answer with its proofs in one file, signed with the house's key for evidence, or
 * with a key that an investigator brings. Holds that key for as long as one file takes. */
#include <sodium.h>
#include <unistd.h>

#include "investigate.h"
#include "io/secrets.h"

enum { PUB_LINE = 80 };
static const char SIGN_KEY[] = "evidence_sign", PUB_FILE[] = "evidence.pub";
_Static_assert(EVIDENCE_SIGN_KEY == crypto_sign_SECRETKEYBYTES, "Ed25519");

static err_t pub_write(path_t file, const uint8_t key[EVIDENCE_SIGN_KEY])
{
    uint8_t mem[PUB_LINE];
    buf_t line = BUF_ON_ARRAY(mem);
    buf_cstr(&line, "ed25519 ");
    buf_hex(&line, slice_make(key + 32, 32));
    buf_u8(&line, '\n');
    TRY(buf_check(&line));
    return file_replace(file, buf_slice(&line), 0444);
}

/* Made when it is first needed; the public half goes to var/etc/evidence.pub for everybody. */
static err_t key_of_house(house_t *h, uint8_t ret_key[EVIDENCE_SIGN_KEY])
{
    uint8_t pub[32], fresh[EVIDENCE_SIGN_KEY];
    path_t dir = house_path(h, h->var, "secrets", "command", NULL);
    err_t e = secrets_load_from(dir, SIGN_KEY, geteuid(), ret_key, EVIDENCE_SIGN_KEY);
    if (err_is(e, ERR_NOT_FOUND)) {
        crypto_sign_keypair(pub, fresh);
        e = secrets_store_in(dir, SIGN_KEY, geteuid(), getegid(), fresh, sizeof fresh);
        sodium_memzero(fresh, sizeof fresh);
        TRY(e);
        e = secrets_load_from(dir, SIGN_KEY, geteuid(), ret_key, EVIDENCE_SIGN_KEY);
    }
    TRY(e);
    path_t file = house_path(h, h->var, "etc", PUB_FILE, NULL);
    return access(file.text, F_OK) == 0 ? OK : pub_write(file, ret_key);
}

/* FILE is made, with FILE.pub beside it, where there is none. */
static err_t key_of_file(house_t *h, const char *name, uint8_t ret_key[EVIDENCE_SIGN_KEY])
{
    uint8_t pub[32];
    path_t file, pub_file;
    slice_t bytes, pub_name;
    TRY(path_from_conf(&h->arena, slice_cstr_in(name), &file));
    if (access(file.text, F_OK) != 0) {
        crypto_sign_keypair(pub, ret_key);
        TRY(file_create(file, slice_make(ret_key, EVIDENCE_SIGN_KEY), 0400, (uid_t)-1, (gid_t)-1));
        TRY(arena_printf(&h->arena, &pub_name, "%s.pub", name));
        TRY(path_from_conf(&h->arena, pub_name, &pub_file));
        return pub_write(pub_file, ret_key);
    }
    TRY(file_read(&h->arena, file, EVIDENCE_SIGN_KEY, &bytes));
    ENSURE(bytes.len == EVIDENCE_SIGN_KEY, ERR_CORRUPT);
    memcpy(ret_key, bytes.ptr, bytes.len);
    return OK;
}

static err_t bundle_write(investigation_t *v, const evidence_t *e)
{
    uint8_t *bytes;
    size_t len;
    path_t file;
    TRY(path_from_conf(&v->h->arena, slice_cstr_in(v->bundle), &file));
    TRY(query_evidence(v->q, e, &bytes, &len));
    err_t failure = file_replace(file, slice_make(bytes, len), 0600);
    free(bytes);
    return failure;
}

err_t investigate_bundle(investigation_t *v, evidence_verb_t verb, const leak_t *leak,
                         json_t *answer)
{
    uint8_t key[EVIDENCE_SIGN_KEY];
    if (!v->bundle) {
        return OK;
    }
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    TRY(v->sign ? key_of_file(v->h, v->sign, key) : key_of_house(v->h, key));
    char *text = json_dumps(answer, JSON_COMPACT | JSON_ENSURE_ASCII);
    evidence_t e = {verb, &v->ask, leak, slice_cstr_in(text), key};
    err_t failure = text ? bundle_write(v, &e) : FAIL(ERR_MEMORY);
    sodium_memzero(key, sizeof key);
    free(text);
    return failure;
}
