/* The guard's pseudonyms, for an investigator who knows an address and looks for it in the record:
 * keyed hashes (BLAKE2b-128) under var/secrets/guard/pseudonym.key. Pure. */
#ifndef GUARD_API_PSEUDONYM_H
#define GUARD_API_PSEUDONYM_H

#include "base/id.h"

enum { GUARD_PSEUDONYM_KEY_BYTES = 32 };
#define GUARD_PSEUDONYM_KEY_NAME "pseudonym.key"

/* kind: "address" (text form as nginx has it), "session" (the cookie's value), "agent". Zero for an
 * empty value. */
id128_t guard_pseudonym_of(const uint8_t key[GUARD_PSEUDONYM_KEY_BYTES], const char *kind,
                           slice_t value);

#endif
