/* Sealed evidence: bytes that open only with two private keys, the investigator's and one of the
 * vault's; and the sheet of public keys that the vault hands out for it. Pure.
 *
 * A room that seals needs public halves alone and holds nothing that opens anything. The vault has
 * one key for each (session, month): EVIDENCE_SLOTS a month, given out by the sealing room, session
 * by session; when there are more sessions than keys, some share one. Destroying a key makes what
 * was sealed under it unreadable for good. Form: vault/FORMAT.md, "Sealed evidence". */
#ifndef IO_EVIDENCE_H
#define IO_EVIDENCE_H

#include "base/arena.h"
#include "base/cursor.h"
#include "base/id.h"

enum {
    EVIDENCE_SLOTS = 4096,           /* keys a month */
    EVIDENCE_RING_SLOT = 0xffffffff, /* the month's key of the tuning ring: no evidence */
    EVIDENCE_KEY = 32,               /* X25519 */
    EVIDENCE_SALT = 32,
    EVIDENCE_INNER_OVERHEAD = 48 + EVIDENCE_SALT,
    EVIDENCE_OVERHEAD = 4 + 48 + 4 + 4 + 4 + 32 + EVIDENCE_INNER_OVERHEAD,
    EVIDENCE_PLAIN_MAX = 24 * 1024,
    EVIDENCE_SHEET_HEAD = 96,
    EVIDENCE_SHEET = EVIDENCE_SHEET_HEAD + EVIDENCE_SLOTS * EVIDENCE_KEY,
    EVIDENCE_SHEET_FILE = 2 * EVIDENCE_SHEET, /* two, written by turns */
};

/* One of the vault's keys. month: year * 12 + month - 1, UTC. */
typedef struct evidence_place {
    uint32_t month, slot;
} evidence_place_t;

/* ---- sealing ---- */

/* Appends the sealed form to out. LIMIT, MEMORY, CRYPTO (a key that is none). */
err_t evidence_seal(arena_t *a, const uint8_t investigator[EVIDENCE_KEY], evidence_place_t place,
                    const uint8_t vault[EVIDENCE_KEY], slice_t plain, buf_t *out);

/* ---- opening: first the investigator's half, then the vault's ---- */

typedef struct evidence_outer {
    evidence_place_t place;
    uint8_t commitment[32];
    slice_t inner; /* for the vault */
} evidence_outer_t;

bool evidence_is_sealed(slice_t bytes);
/* In the investigator's hand. CRYPTO: not sealed to this key, or altered. */
err_t evidence_outer_open(arena_t *a, const uint8_t secret[EVIDENCE_KEY], slice_t sealed,
                          evidence_outer_t *ret_outer);
/* In the vault: appends salt and plain to out, as they go back to the one who asked. */
err_t evidence_inner_open(const uint8_t secret[EVIDENCE_KEY], slice_t inner, buf_t *out);
/* What the vault gave back must be what was sealed: CRYPTO. */
err_t evidence_check(const evidence_outer_t *outer, slice_t opened, slice_t *ret_plain);

/* A key's line in its file: "x25519 " or "x25519-secret " and 64 hex digits. CORRUPT. */
err_t evidence_key_read(slice_t file, const char *label, uint8_t ret_key[EVIDENCE_KEY]);

/* ---- the sheet ---- */

typedef struct evidence_sheet {
    uint64_t serial; /* the newer sheet has the higher one */
    uint32_t month;
    uint8_t ring[EVIDENCE_KEY];
    const uint8_t *keys; /* EVIDENCE_SLOTS of them; all zeros: destroyed, never to be used */
} evidence_sheet_t;

/* Exactly EVIDENCE_SHEET bytes. */
void evidence_sheet_put(const evidence_sheet_t *sheet, buf_t *out);
/* The newer valid one of a sheet file; keys point into it. *ret_half: where it stands. CORRUPT. */
err_t evidence_sheet_read(slice_t file, evidence_sheet_t *ret_sheet, unsigned *ret_half);
/* The public half of a slot; false when it is destroyed or none. */
bool evidence_sheet_key(const evidence_sheet_t *sheet, uint32_t slot, const uint8_t **ret_key);

/* ---- the tuning ring: recent requests in slots of one size, sealed under keys that last minutes,
 * each closed to the month's key of the ring (evidence_sheet_t.ring) ---- */

enum {
    EVIDENCE_RING_BYTES = 4096,
    EVIDENCE_RING_SLOTS = 8191, /* behind a head of one slot's size: 32 MiB */
    EVIDENCE_RING_KEY_SEALED = 80,
    EVIDENCE_RING_HEAD = 112,
    EVIDENCE_RING_NONCE = 24,
    EVIDENCE_RING_PLAIN_MAX = 3944,
};
#define EVIDENCE_RING_MAGIC "SekiRng1"
#define EVIDENCE_RING_KEPT_US (INT64_C(7) * 86400 * 1000000) /* what is older is not shown */

typedef struct evidence_ring_key {
    uint32_t month;
    uint8_t key[EVIDENCE_KEY]; /* in memory alone, for minutes */
    uint8_t sealed[EVIDENCE_RING_KEY_SEALED];
} evidence_ring_key_t;

typedef struct evidence_ring_slot {
    uint64_t number;
    int64_t wall_us;
    uint32_t month;
    slice_t sealed_key; /* for the vault: what it opens is the key */
    slice_t head, nonce, cipher;
} evidence_ring_slot_t;

void evidence_ring_key_make(const evidence_sheet_t *sheet, evidence_ring_key_t *ret_key);
/* LIMIT above EVIDENCE_RING_PLAIN_MAX. */
err_t evidence_ring_put(const evidence_ring_key_t *key, uint64_t number, int64_t wall_us,
                        slice_t plain, uint8_t ret_slot[EVIDENCE_RING_BYTES]);
/* False: nothing was ever there, or half a slot. Slices point into it. */
bool evidence_ring_read(slice_t slot, evidence_ring_slot_t *ret_slot);
/* Appends. CRYPTO: another key, or overwritten meanwhile. */
err_t evidence_ring_open(const evidence_ring_slot_t *slot, const uint8_t key[EVIDENCE_KEY],
                         buf_t *out);

#endif
