/* Evidence by anybody: the input is the file without its signature, which is added here, so that
 * all that comes behind the signature is reached. */
#include <sodium.h>

#include "verify/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char CONTEXT[] = "sekisho evidence v1\n";
    static const uint8_t SEED[crypto_sign_SEEDBYTES] = {1};
    static uint8_t pub[crypto_sign_PUBLICKEYBYTES], key[crypto_sign_SECRETKEYBYTES];
    uint8_t text[sizeof CONTEXT - 1 + crypto_hash_sha256_BYTES];
    if (!key[0]) {
        CHECK(sodium_init() >= 0 && crypto_sign_seed_keypair(pub, key, SEED) == 0);
    }
    uint8_t *file = malloc(size + 96);
    CHECK(file);
    if (size) {
        memcpy(file, data, size);
    }
    memcpy(file + size, pub, sizeof pub);
    memcpy(text, CONTEXT, sizeof CONTEXT - 1);
    crypto_hash_sha256(text + sizeof CONTEXT - 1, file, size + 32);
    crypto_sign_detached(file + size + 32, NULL, text, sizeof text, key);
    vevidence_t e;
    const char *what = NULL;
    err_t failure = vevidence_open(slice_make(file, size + 96), &e, &what);
    if (!err_failed(failure)) {
        failure = vevidence_complete(&e, &what);
    }
    if (!err_failed(failure)) {
        failure = vevidence_judge(&e, &what);
    }
    CHECK(!err_failed(failure) || what);
    vevidence_free(&e);
    free(file);
    return 0;
}
