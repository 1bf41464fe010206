/* The board's slot: what is signed, how it lies in the file (brake/FORMAT.md). Pure: bytes in,
 * bytes out. Shared by reader and writer; it holds no key. */
#ifndef BRAKE_BOARD_H
#define BRAKE_BOARD_H

#include "api.h"
#include "base/cursor.h"

enum {
    BOARD_SLOT_BYTES = 4096,
    BOARD_FILE_BYTES = 2 * BOARD_SLOT_BYTES,
    BOARD_GENERATION_AT =
        8, /* offset of the generation in a slot, 8-aligned: readers compare it in place */
    BOARD_ORDERS_MAX = 32, /* signed orders named by hash */
    BOARD_KEY_BYTES = 32,  /* Ed25519 public key */
    BOARD_SIG_BYTES = 64,
    BOARD_ENROLLED_MAX = 16,
    BOARD_NAME_MAX = 40,
};

typedef enum board_role { BOARD_PERSON = 1, BOARD_MACHINE = 2 } board_role_t;

/* Who may sign. A machine may only close. */
typedef struct board_signer {
    board_role_t role;
    char name[BOARD_NAME_MAX + 1];
    uint8_t key[BOARD_KEY_BYTES];
} board_signer_t;

typedef struct board_enrolled {
    size_t n;
    board_signer_t signer[BOARD_ENROLLED_MAX];
} board_enrolled_t;

/* The two-person order that lets levers be open. */
typedef struct board_opening {
    uint64_t generation; /* of the slot with which it first came */
    uint32_t open;       /* lever bits */
    int64_t ordered_us;
    char reason[BRAKE_REASON_MAX + 1];
    uint8_t signer[2]; /* index in the enrolled list */
    uint8_t sig[2][BOARD_SIG_BYTES];
} board_opening_t;

typedef struct board_slot {
    uint64_t generation; /* 0 = never written */
    uint32_t closed;     /* lever bits closed since the opening order */
    int64_t ordered_us;
    char reason[BRAKE_REASON_MAX + 1];
    board_opening_t opening;
    uint16_t n_orders;
    uint8_t order_sha256[BOARD_ORDERS_MAX][32];
    uint8_t signer; /* of the slot as a whole */
    uint8_t sig[BOARD_SIG_BYTES];
} board_slot_t;

/* "person NAME base64key" a line; '#' comments. */
err_t board_enrolled_parse(slice_t text, board_enrolled_t *ret_enrolled);
void board_enrolled_put(buf_t *b, const board_enrolled_t *enrolled);

/* The exact bytes that are signed. */
void board_opening_text(buf_t *b, const board_opening_t *opening);
void board_slot_text(buf_t *b, const board_slot_t *slot);

/* A whole slot of BOARD_SLOT_BYTES, zero-padded. */
err_t board_slot_encode(const board_slot_t *slot, uint8_t out[BOARD_SLOT_BYTES]);
/* CORRUPT when malformed. A slot of zeros gives generation 0. Signatures are not checked here. */
err_t board_slot_decode(const uint8_t in[BOARD_SLOT_BYTES], board_slot_t *ret_slot);
/* CRYPTO unless the slot is signed by someone enrolled and its opening by two different persons. */
err_t board_slot_verify(const board_slot_t *slot, const board_enrolled_t *enrolled);

#endif
