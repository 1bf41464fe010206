/* The bundle's folder: files copied and hashed in one pass, the list of hashes, its signature. No
 * key, no password hash and no database password is ever copied. */
#ifndef COMMAND_HANDOVER_BUNDLE_H
#define COMMAND_HANDOVER_BUNDLE_H

#include <stdio.h>

#include "house.h"

typedef struct bundle {
    house_t *h;
    path_t dir;
    FILE *sums; /* SHA256SUMS, being written */
    uint64_t files, bytes;
} bundle_t;

/* dir is an empty folder of the caller's. */
err_t bundle_begin(house_t *h, path_t dir, bundle_t *ret_bundle);
void bundle_end(bundle_t *b); /* closes; safe twice */
/* Whose secrets are not to leave: keys, password hashes. By the name in the house. */
bool bundle_is_secret(const char *name);
/* One file: name is its place in the bundle. Ini files lose the passwords of database addresses. */
err_t bundle_copy(bundle_t *b, const char *name, path_t from);
err_t bundle_text(bundle_t *b, const char *name, slice_t text);
/* The hash of a file that lies in the bundle already. */
err_t bundle_list(bundle_t *b, const char *name);
/* The list is whole and on the disk: its own hash, and its signature beside it. The key of the
 * house is made at its first use (var/secrets/command/handover_sign, var/etc/handover.pub). */
err_t bundle_key(house_t *h, uint8_t ret_public[32], uint8_t ret_secret[64]);
err_t bundle_sign(bundle_t *b, const uint8_t secret[64], uint8_t ret_sums[32]);
/* A public key as openssl reads it. */
void bundle_pem_put(const uint8_t public_half[32], buf_t *out);

#endif
