/* The key file's bytes (FORMAT.md, "The key files"): header and slot, their state words and
 * checksums. No key in clear is ever here. */
#ifndef VAULT_SLOT_H
#define VAULT_SLOT_H

#include "keystore.h"

/* One eighth byte of text a state, so that no single damaged bit makes one of another. */
#define STATE_WORD(a, b, c, d, e, f, g, h)                                                         \
    ((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 |              \
     (uint64_t)(e) << 32 | (uint64_t)(f) << 40 | (uint64_t)(g) << 48 | (uint64_t)(h) << 56)
#define STATE_FREE UINT64_C(0)
#define STATE_WRITING STATE_WORD('w', 'r', 'i', 't', 'i', 'n', 'g', '.')
#define STATE_LIVE STATE_WORD('L', 'I', 'V', 'E', ' ', 'k', 'e', 'y')
#define STATE_REWRAP STATE_WORD('r', 'e', 'w', 'r', 'a', 'p', ' ', '!')
#define STATE_ERASING STATE_WORD('e', 'r', 'a', 's', 'i', 'n', 'g', '!')
#define STATE_ERASED STATE_WORD('E', 'R', 'A', 'S', 'E', 'D', ' ', '0')

/* As it lies in the file. A slot never crosses a 512-byte sector. */
typedef struct slot {
    uint64_t state; /* changed by one aligned store */
    uint32_t crc;   /* CRC-32C of all that follows, `next` taken as zeros */
    uint32_t epoch;
    uint8_t subject[ID_BYTES];
    uint32_t month;
    uint32_t generation;
    int64_t created_us;
    uint8_t wrapped[KEYS_WRAPPED];
    uint8_t
        next[KEYS_WRAPPED]; /* the second wrapping, while a new master key comes in; else zero */
} slot_t;

_Static_assert(sizeof(slot_t) == KEYSTORE_SLOT, "no padding");
_Static_assert(offsetof(slot_t, wrapped) == 48, "FORMAT.md");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file is little-endian and mapped");

typedef struct header {
    uint8_t magic[8]; /* SLOT_FILE_MAGIC */
    uint32_t version, slot_bytes, chunk_slots, file;
    uint8_t check[KEYS_CHECK];
    uint8_t name[ID_BYTES]; /* random: which file a backup is of */
    uint32_t crc;           /* of all before */
} header_t;

/* Behind the header, in its sector: once the master key was changed. */
typedef struct header_ring {
    uint32_t epoch; /* 0 = none: the first master key */
    uint32_t zero;
    uint8_t blind[KEYS_BLIND_WRAPPED];
    uint32_t crc; /* of all before */
} header_ring_t;

enum { SLOT_FILE_VERSION = 1, SLOT_RING_AT = 64 };
_Static_assert(SLOT_RING_AT + sizeof(header_ring_t) <= 512, "one sector");

#define SLOT_FILE_MAGIC "SekiKeys"

uint32_t slot_crc(const slot_t *slot);
uint32_t slot_header_crc(const header_t *header);
uint32_t slot_ring_crc(const header_ring_t *ring);
/* Reads and checks both. CORRUPT, VERSION. */
err_t slot_header_read(int fd, header_t *ret_header, keys_header_t *ret_keys);
/* Zeros both wrappings and mends the checksum; the state word is the caller's. */
void slot_wipe_key(slot_t *slot);

#endif
