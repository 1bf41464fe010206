/* The leaf: one record as it is hashed, signed and kept (FORMAT.md 1). Deterministic: one record
 * has one form. The verifier has its own decoder (verify/leaf_read.c); they share nothing. */
#ifndef LEDGER_LEAF_H
#define LEDGER_LEAF_H

#include "ledger/api.h"

enum {
    LEAF_VERSION = 1,
    LEAF_MAX = 65535, /* C2SP tlog-tiles: a length is 16 bits */
    LEAF_HEAD = 4,    /* version, flags, type */
};

typedef enum leaf_tag {
    LEAF_SEQ = 0x01,     /* 8 bytes */
    LEAF_TIME = 0x02,    /* 8: wall clock, us since 1970, signed */
    LEAF_BOOT = 0x03,    /* 16: the kernel's boot id */
    LEAF_MONO = 0x04,    /* 8: us of the monotonic clock of that boot */
    LEAF_ROOM = 0x05,    /* 2 */
    LEAF_COUNT = 0x06,   /* 4; absent when 0 */
    LEAF_REQUEST = 0x10, /* 16 each; absent when zero */
    LEAF_OBJECT = 0x11,
    LEAF_PARENT = 0x12,
    LEAF_SUBJECT = 0x13,
    LEAF_ACTOR = 0x14,
    LEAF_ADDRESS = 0x15,
    LEAF_FACTS = 0x20,    /* absent when empty */
    LEAF_PAYLOAD = 0x21,  /* absent when empty */
    LEAF_NOTE_KEY = 0x30, /* 4 + 32: id and public key of the next segment's note key */
    LEAF_INDEX = 0x31,    /* 8 + 32: segment number, root of its sorted index */
    LEAF_MAC = 0x7f,      /* 8 + 32: number of the chain's key, MAC over all bytes before */
} leaf_tag_t;

enum { LEAF_MAC_BYTES = 3 + 8 + 32 }; /* what the MAC adds to a leaf */

/* What only ledgerd's own records carry. */
typedef struct leaf_extra {
    bool has_note_key, has_index;
    uint8_t note_key_id[4], note_key[32];
    uint64_t index_segment;
    uint8_t index_root[32];
} leaf_extra_t;

typedef struct leaf {
    ledger_entry_t entry;
    id128_t boot;
    int64_t mono_us;
    leaf_extra_t extra;
    bool has_mac;
    uint64_t mac_number;
    uint8_t mac[32];
} leaf_t;

void leaf_put(buf_t *b, const leaf_t *leaf);
/* The MAC of a leaf that was put without one, behind it. */
void leaf_put_mac(buf_t *b, uint64_t number, const uint8_t mac[32]);
/* Slices of ret_leaf point into bytes. SYNTAX; VERSION for a version or tag that is not built yet.
 */
err_t leaf_get(slice_t bytes, leaf_t *ret_leaf);

/* u16 big-endian length, then the leaf: how leaves stand in log frames and in entry bundles. */
void leaf_put_framed(buf_t *b, const leaf_t *leaf);
/* The same in steps: begin, put what belongs to the leaf, end. */
size_t leaf_frame_begin(buf_t *b);
void leaf_frame_end(buf_t *b, size_t begun);
/* The next leaf of a run of framed leaves; c->bad when there is none whole. */
slice_t leaf_next(cursor_t *c);

#endif
