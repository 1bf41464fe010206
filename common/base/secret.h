/* secret_t: 32 bytes that wipe themselves when their scope ends. No formatter exists for it. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/slice.h"

enum { SECRET_BYTES = 32 };

typedef struct secret {
    uint8_t b[SECRET_BYTES];
} secret_t;

static inline void secret_wipe(secret_t *s)
{
    explicit_bzero(s->b, sizeof s->b);
}

/* SECRET_SCOPED secret_t key; is wiped at the end of its scope. */
#define SECRET_SCOPED BASE_CLEANUP(secret_wipe)

#endif
