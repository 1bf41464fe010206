/* The brake board, writer's side: for the office and the command only.
 *
 * The writer checks nothing that a reader does not check again; it only lays out, signs and makes
 * durable. Signing keys are read by the caller and wiped by it. */
#ifndef BRAKE_API_WRITER_H
#define BRAKE_API_WRITER_H

#include "api.h"

enum { BRAKE_SIGN_KEY_BYTES = 64, BRAKE_PUBLIC_KEY_BYTES = 32 };

/* An Ed25519 secret key (libsodium's form: seed and public part). */
typedef struct brake_signing_key {
    uint8_t b[BRAKE_SIGN_KEY_BYTES];
} brake_signing_key_t;

void brake_key_make(brake_signing_key_t *ret_key);
void brake_key_wipe(brake_signing_key_t *key);

typedef struct brake_enrolment {
    bool person;      /* else a machine, which may only close */
    const char *name; /* ASCII without spaces, up to 40 */
    uint8_t key[BRAKE_PUBLIC_KEY_BYTES];
} brake_enrolment_t;

/* First run: writes <dir>/enrolled and <dir>/board (generation 1, all levers open by the two keys).
 * EXISTS when there is a board already. */
err_t brake_board_create(const char *board_dir, const brake_enrolment_t *who, size_t n,
                         const brake_signing_key_t keys[2], const char *reason);
/* Closes levers (bits) with one enrolled key. Closing what is closed makes a new generation with
 * the new reason. */
err_t brake_close(const char *board_dir, uint32_t levers, const brake_signing_key_t *key,
                  const char *reason, uint64_t *ret_generation);
/* The same with a generation above `above` as well: a restored board must not stay below what was
 * ordered after its copy was made. */
err_t brake_close_above(const char *board_dir, uint32_t levers, const brake_signing_key_t *key,
                        const char *reason, uint64_t above, uint64_t *ret_generation);
/* Whether these two keys may open: OK, or DENIED unless both are enrolled persons and differ.
 * Changes nothing. */
err_t brake_may_open(const char *board_dir, const brake_signing_key_t keys[2]);
/* Opens levers with two persons' keys. DENIED unless both are enrolled persons and differ. */
err_t brake_open(const char *board_dir, uint32_t levers, const brake_signing_key_t keys[2],
                 const char *reason, uint64_t *ret_generation);

#endif
