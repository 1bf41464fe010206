/* The master key at rest: the one secret from which everything in the vault hangs, and the ways in
 * which a house may keep it (FORMAT.md, "The master key's file"):
 *
 *   file        32 bytes in var/secrets/vault, mode 0400: safe from who cannot read that folder
 *   passphrase  sealed by what somebody types at each start (Argon2id)
 *   credential  sealed by a secret that systemd hands over (systemd.exec, "Credentials")
 *   token       sealed by a key that never leaves a PKCS#11 token
 *
 * The file says itself in which way it is kept; the configuration says how a new one shall be. */
#ifndef VAULT_MASTER_H
#define VAULT_MASTER_H

#include "keys.h"

enum {
    MASTER_SEALED = 160,      /* bytes of a file that is not plain */
    MASTER_SECRET_MAX = 1024, /* bytes of a passphrase, PIN or credential */
    MASTER_CREDENTIAL_MIN = 32,
    MASTER_WHY = 160,
};

#define MASTER_CREDENTIAL_NAME "sekisho-vault-master" /* in CREDENTIALS_DIRECTORY */

typedef enum master_kind {
    MASTER_FILE,
    MASTER_PASSPHRASE,
    MASTER_CREDENTIAL,
    MASTER_TOKEN
} master_kind_t;

/* A passphrase or PIN; wiped by its owner. */
typedef struct master_secret {
    uint8_t b[MASTER_SECRET_MAX];
    size_t len; /* 0: none was given */
} master_secret_t;

typedef struct master_token {
    const char *module;      /* a PKCS#11 module's file */
    const char *label, *key; /* of the token, of an AES key of 32 bytes in it */
    uid_t uid;               /* whose rights the module has; (uid_t)-1 = ours */
    gid_t gid;
} master_token_t;

typedef struct master_source {
    master_kind_t kind;           /* of what is sealed anew */
    const master_secret_t *typed; /* passphrase, or PIN */
    const char *credentials;      /* a folder; NULL = none */
    master_token_t token;
    uint32_t passes, memory_kib; /* Argon2id */
} master_source_t;

/* Why something failed, in one English sentence without a secret, for the log. */
typedef struct master_why {
    char text[MASTER_WHY];
} master_why_t;

/* The file's bytes. AUTH: wrong passphrase or PIN. NOT_FOUND: what would open it was not given or
 * is not there. UNAVAILABLE: the token. CORRUPT, VERSION. */
err_t master_open(const master_source_t *s, slice_t file, uint32_t epoch, secret_t *ret_key,
                  master_why_t *ret_why);
err_t master_seal(const master_source_t *s, uint32_t epoch, const secret_t *key, buf_t *out,
                  master_why_t *ret_why);
/* True when it must be typed in (passphrase; PIN of a token). */
bool master_is_typed(slice_t file);

/* All that lie in the folder, by epoch: none (NOT_FOUND), one, or two while one takes the other's
 * place. owner: whose files they must be. */
err_t master_load(path_t dir, uid_t owner, const master_source_t *s,
                  keys_master_t ret_masters[KEYS_MASTERS], size_t *ret_n, master_why_t *ret_why);
/* Seals, stores, and opens again what was stored. EXISTS. */
err_t master_store(path_t dir, uid_t owner, gid_t group, const master_source_t *s,
                   const keys_master_t *master, master_why_t *ret_why);
/* Overwrites and removes it; none is no failure. */
err_t master_destroy(path_t dir, uint32_t epoch);
/* The same with what a storing that was killed left half done. Nobody may be storing. */
err_t master_sweep(path_t dir);

/* AES-256-GCM by the token's key, in a process of its own that holds the module's code for the time
 * of one call. out: in.len + 16 to encrypt, - 16 to decrypt. AUTH: the PIN is wrong or locked. */
err_t master_token_crypt(const master_token_t *t, const master_secret_t *pin, bool encrypt,
                         slice_t iv, slice_t aad, slice_t in, uint8_t *out, master_why_t *ret_why);

#endif
