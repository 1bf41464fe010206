/* The one id (law 7): 128 bits laid out as UUIDv7 (RFC 9562 5.7), written as 32 letters of a
 * 16-consonant alphabet. No digit and no vowel: it can never look like a card number, nor spell a
 * word. Also the house's random tokens, in the same letters. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include "base/buf.h"

enum { ID_BYTES = 16, ID_TEXT = 32 };

typedef struct id128 {
    uint8_t b[ID_BYTES];
} id128_t;

/* The 16 letters, value 0 first. */
#define ID_ALPHABET "bcdfghjkmnpqrstv"

/* A fresh id: 48 bits of wall-clock milliseconds, then random. Never repeats in practice; roughly
 * time-ordered. */
id128_t id_new(void);
id128_t id_zero(void);
bool id_is_zero(id128_t id);
bool id_eq(id128_t a, id128_t b);
/* Wall-clock milliseconds in the id. */
int64_t id_time_ms(id128_t id);
/* Writes 32 letters, no NUL. */
void id_encode(id128_t id, char out[ID_TEXT]);
void buf_id(buf_t *b, id128_t id); /* 32 letters */
/* SYNTAX unless exactly 32 letters of the alphabet. */
err_t id_decode(slice_t text, id128_t *ret_id);
id128_t id_from_bytes(const void *sixteen_bytes);
static inline slice_t id_slice(const id128_t *id)
{
    return slice_make(id->b, ID_BYTES);
}

/* Unpredictable bytes from the kernel; aborts when there are none (nothing is safe then). */
void random_bytes(void *out, size_t len);
/* `letters` random letters of the alphabet (4 bits each), no NUL. */
void random_letters(char *out, size_t letters);

#endif
