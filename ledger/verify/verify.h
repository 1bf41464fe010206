/* ledger-verify: checks a ledger offline, by its files alone (FORMAT.md).
 *
 * It shares no code with the writer: own leaf, note, tile and log readers, another way to the root.
 * Two programs that agree by having the same bug are no proof. Only common/base (bytes in bounds)
 * and the primitives of libsodium and libcrypto stand under both. Must never hold: writing. */
#ifndef LEDGER_VERIFY_H
#define LEDGER_VERIFY_H

#include "base/arena.h"
#include "base/cursor.h"
#include "base/id.h"

/* ---- what was found ---- */

typedef enum verdict { VERDICT_OK = 0, VERDICT_TAMPERED = 1, VERDICT_INCOMPLETE = 2 } verdict_t;
enum { FAULTS_KEPT = 32, FAULT_TEXT = 200, NO_LEAF = -1 };

typedef struct fault {
    verdict_t kind;
    int64_t leaf; /* NO_LEAF: none can be named */
    char text[FAULT_TEXT];
} fault_t;

typedef struct report {
    verdict_t verdict; /* TAMPERED outweighs INCOMPLETE */
    fault_t faults[FAULTS_KEPT];
    size_t fault_count; /* all of them; only the first FAULTS_KEPT are kept */
    uint64_t size, unsealed, remembered, files_beyond;
    uint8_t root[32];
    bool key_given, with_log, live;
    uint64_t restores, boots, starts, unclean, gaps, lost, jumps, unexplained;
    uint64_t indexed;              /* segments whose index root was found anew */
    uint64_t segments;             /* ended by a key that handed over */
    uint64_t mac_chains, macs;     /* begun; recomputed (with --mac-key) */
    uint64_t holds;                /* orders to preserve that stand */
    uint64_t minimum, files_below; /* records below are removed; files of theirs still lie there */
    uint64_t days;                 /* that they were kept, and */
    char policy[512];              /* why no longer: as the last record of removal says */
    int64_t first_us, last_us;
} report_t;

void report_fault(report_t *r, verdict_t kind, int64_t leaf, const char *fmt, ...)
    BASE_PRINTF(4, 5);

/* ---- note.c: C2SP signed note, checkpoint, vkey ---- */

enum { VKEY_NAME = 128, VNOTE_MAX = 16384 };

typedef struct vkey {
    char name[VKEY_NAME];
    uint8_t id[4], key[32];
    char text[256]; /* as in the file, without the newline */
} vkey_t;

typedef struct vcheckpoint {
    uint64_t size;
    uint8_t root[32];
} vcheckpoint_t;

/* Strict base64: of exactly len bytes; of as many as it holds, cap at most. */
bool vbase64(slice_t text, uint8_t *out, size_t len);
bool vbase64_any(slice_t text, uint8_t *out, size_t cap, size_t *ret_len);
/* "name+hex id+base64(type, key)" of a signed note's key of that type. SYNTAX. */
err_t vkey_typed(slice_t text, unsigned type, char ret_name[VKEY_NAME], uint8_t ret_id[4],
                 uint8_t ret_key[32]);
/* The log's own, of type Ed25519; one newline may stand behind it. SYNTAX. */
err_t vkey_parse(slice_t text, vkey_t *ret_key);
/* From a file. SYNTAX; NOT_FOUND, LIMIT, IO. */
err_t vkey_read(int dir, const char *file, vkey_t *ret_key);
/* Is sig64 (base64url) a signature of the text by this key? */
bool vkey_signed(const vkey_t *key, slice_t text, slice_t sig64);
/* The text with its last newline, and what stands behind the empty line. SYNTAX. */
err_t vnote_split(slice_t note, slice_t *ret_text, slice_t *ret_lines);
/* SYNTAX: no checkpoint of this origin with a signature of this key; CRYPTO: that one is false. */
err_t vnote_open(slice_t note, const vkey_t *key, vcheckpoint_t *ret_cp);
/* What it says, whoever signed it. SYNTAX. */
err_t vnote_text(slice_t note, vcheckpoint_t *ret_cp);

/* ---- leaf.c ---- */

enum { VLEAF_TAGS = 0x33, VLEAF_MAX = 65535 };
enum { VLEAF_NOTE_KEY = 0x30, VLEAF_INDEX = 0x31, VLEAF_MAC = 0x32 /* tag 7f's place */ };

typedef struct vleaf {
    uint16_t type, room;
    uint32_t count;
    uint64_t seq;
    int64_t time_us, mono_us;
    slice_t value[VLEAF_TAGS]; /* by tag; empty = absent */
    slice_t before_mac;        /* what the MAC is over, when there is one */
} vleaf_t;

/* SYNTAX; VERSION for what a later program wrote. */
err_t vleaf_parse(slice_t bytes, vleaf_t *ret_leaf);
const char *vleaf_type(unsigned type);
const char *vleaf_room(unsigned room);
/* One line for people, or one JSON object; ends in a newline. Nothing in it can steer a terminal.
 */
void vleaf_print(const vleaf_t *leaf, bool sealed, bool json, buf_t *out);
/* The value of one "key=" part of facts, percent-decoded. False when absent. */
bool vleaf_fact(const vleaf_t *leaf, const char *key, buf_t *ret_value);

/* ---- tree.c: the root by a stack of perfect subtrees, and the tiles on the way ---- */

enum { VTREE_HEIGHT = 64, VTILE = 256, VTILE_LEVELS = 8, VPART_HEIGHT = 4 };

typedef struct vtree {
    uint64_t size;
    uint8_t stack[VTREE_HEIGHT][32];
    unsigned height[VTREE_HEIGHT]; /* of each subtree on the stack */
    unsigned depth;
    uint8_t tile[VTILE_LEVELS][VTILE][32];
    unsigned width[VTILE_LEVELS];
    uint8_t part[32]; /* root of the last VPART leaves that are one subtree */
} vtree_t;

/* A finished tile of a level; number counts from 0. */
typedef void vtile_fn(void *ctx, unsigned level, uint64_t number, const uint8_t *hashes,
                      unsigned width);

void vtree_leaf_hash(slice_t leaf, uint8_t ret_hash[32]);
/* Gives back what hashing holds for this thread. */
void vtree_thread_end(void);
void vtree_bytes_hash(slice_t bytes, uint8_t ret_hash[32]); /* SHA-256 of them as they are */
/* ret_hash may be one of the others. */
void vtree_node_hash(const uint8_t left[32], const uint8_t right[32], uint8_t ret_hash[32]);
void vtree_push(vtree_t *t, const uint8_t leaf_hash[32], vtile_fn *full, void *ctx);
/* A perfect subtree of 2^height leaves whose root is known; the size must be a multiple of that. */
void vtree_push_subtree(vtree_t *t, unsigned height, const uint8_t root[32], vtile_fn *full,
                        void *ctx);
/* The unfinished tiles at the right edge. */
void vtree_edge(const vtree_t *t, vtile_fn *edge, void *ctx);
void vtree_root(const vtree_t *t, uint8_t ret_root[32]);
/* "<N>[.p/<width>]" of a tile or bundle below its folder. */
void vtile_name(uint64_t number, unsigned width, buf_t *out);
/* The other way round. SYNTAX. */
err_t vtile_parse(slice_t name, uint64_t *ret_number, unsigned *ret_width);

/* ---- file.c ---- */

/* NOT_FOUND; LIMIT; IO. The bytes are malloc'ed: free(ret->ptr's owner) by vfile_free. */
err_t vfile_read(int dir, const char *path, size_t max_bytes, slice_t *ret_bytes);
/* The whole of an open file, from its start. */
err_t vfile_read_fd(int fd, size_t max_bytes, slice_t *ret_bytes);
/* The same in length; zeros stand for what lies behind the first `seen` bytes. */
err_t vfile_read_seen(int fd, size_t seen, size_t max_bytes, slice_t *ret_bytes);
void vfile_free(slice_t *bytes);

/* ---- packed.c: full bundles of ended segments (FORMAT.md 3) ---- */

enum { VPART = 1 << VPART_HEIGHT, VPARTS = VTILE / VPART }; /* VPART: leaves of a part */

/* Where things stand in such a file; borrowed. Its words are claims: who reads a part proves it by
 * its root, and the roots by the tree. */
typedef struct vpacked {
    unsigned parts; /* VPARTS; 1: one frame, as bundles were packed before */
    slice_t frame[VPARTS];
    const uint8_t *roots; /* VPARTS x 32, of each part's leaves; NULL: none stand there */
    slice_t hashed;       /* what the hash at the end is of */
    const uint8_t *hash;
} vpacked_t;

/* CORRUPT. */
err_t vpacked_open(slice_t file, vpacked_t *ret_packed);
/* How many bytes the frames from..to-1 claim to hold. CORRUPT; LIMIT: more than max_bytes. */
err_t vpacked_length(const vpacked_t *p, unsigned from, unsigned to, size_t max_bytes,
                     size_t *ret_len);
/* One frame, into mem of exactly its length. CORRUPT. */
err_t vpacked_part(const vpacked_t *p, unsigned part, uint8_t *mem, size_t len);
/* All of a file whose hash is right: the bundle, freed by vfile_free. ret_roots: NULL, or room for
 * the roots; *ret_any: there are some. CORRUPT; LIMIT. */
err_t vpacked_all(slice_t file, size_t max_bytes, uint8_t ret_roots[VPARTS][32], bool *ret_any,
                  slice_t *ret_bytes);
err_t vfile_unpack(slice_t file, size_t max_bytes, slice_t *ret_bytes);
/* Gives back what unpacking holds for this thread. */
void vpacked_thread_end(void);

/* ---- log.c ---- */

enum { VLOG_PIECES = 900 };

/* A leaf in the log; ctx of the caller. */
typedef void vlog_leaf_fn(void *ctx, uint64_t seq, slice_t leaf);
/* The pieces, held open: a running ledgerd may remove old ones meanwhile. */
typedef struct vlog {
    bool live; /* somebody is writing: an unfinished frame at the end is no fault */
    size_t count;
    struct vlog_file {
        char name[9];
        int fd;
        size_t seen; /* what was written later is not looked at; SIZE_MAX: nobody writes */
    } files[VLOG_PIECES];
} vlog_t;
void vlog_open(int dir, vlog_t *ret_log);
/* Checks all pieces and closes them. *ret_first, *ret_end: leaves in the log. */
void vlog_check(vlog_t *log, report_t *r, vlog_leaf_fn *each, void *ctx, uint64_t *ret_first,
                uint64_t *ret_end);
/* One piece's bytes; for the fuzzer and for vlog_check. */
typedef struct vlog_chain {
    bool any;
    uint64_t group, next_seq, first_seq, salt;
    uint32_t crc;
    bool live, ended; /* ended: an unreadable place was met */
} vlog_chain_t;
void vlog_piece(slice_t bytes, const char *name, vlog_chain_t *chain, report_t *r,
                vlog_leaf_fn *each, void *ctx);

/* ---- records.c: what the records themselves tell, in their order ---- */

enum { VHOLDS = 256, VMAC_KEYS = 16, VMAC_KEY = 32 };

/* One key of the chain that GENESIS begins. */
typedef struct vlink {
    vkey_t key;
    uint64_t end; /* checkpoints beyond so many records are not this key's; UINT64_MAX: none yet */
    int64_t end_us; /* when its SEGMENT_END was written */
    bool restored;  /* it ended in a restore: it may have signed more, which was lost */
} vlink_t;

typedef struct vrecords {
    report_t *r;
    /* Every record in order, or NULL. */
    void (*each)(void *ctx, const vleaf_t *leaf, bool sealed);
    void *ctx;
    uint64_t leaves; /* of a segment */
    vlink_t *links;
    size_t link_count, link_cap;
    bool segments_on, ended; /* a SEGMENT_END stood; the record just read is one */
    uint64_t unended;        /* a segment ended here without one: a restore must follow at once */
    uint64_t restored_seq;   /* of the last RESTORED; 0 = none */
    uint64_t removed;        /* PRUNED records say: all below is removed */
    uint8_t holds[VHOLDS][16];
    size_t hold_count;
    /* time */
    bool any;
    uint8_t boot[16];
    int64_t time_us, mono_us;
    bool running; /* a ROOM_START of ledgerd without its ROOM_STOP so far */
    /* MACs */
    const uint8_t (*mac_keys)[VMAC_KEY];
    size_t mac_key_count;
    bool mac_used[VMAC_KEYS];
    bool mac_on, mac_known; /* a chain has begun; its start key was given */
    bool mac_restart;       /* a second chain began at mac_first: a restore must follow */
    uint64_t mac_first, mac_next_seq;
    uint8_t mac_key[VMAC_KEY];
} vrecords_t;

void vrecords_init(vrecords_t *v, report_t *r);
void vrecords_free(vrecords_t *v);
void vrecords_leaf(vrecords_t *v, uint64_t seq, slice_t bytes, bool sealed);
/* A leaf that was kept of a removed segment: its life, not its time. */
void vrecords_kept(vrecords_t *v, slice_t bytes);
/* Records below seq are removed: nothing more will be told of them. */
void vrecords_skip(vrecords_t *v, uint64_t seq);
/* After the last one. */
void vrecords_end(vrecords_t *v);
/* RESTORED: did the old key sign the new one and what it took over? */
bool vrecords_hand_over(const vleaf_t *leaf);
/* The chain's key of this note's signature; NULL: none of them. */
const vlink_t *vrecords_signer(const vrecords_t *v, slice_t note, vcheckpoint_t *ret_cp);
/* mac.c */
bool vmac_is_start(const vleaf_t *leaf, const uint8_t key[VMAC_KEY]);
void vmac_next(uint8_t io_key[VMAC_KEY]);
bool vmac_holds(const vleaf_t *leaf, const uint8_t key[VMAC_KEY]);
/* "ledger-mac <64 hex digits>". SYNTAX. */
err_t vmac_parse(slice_t text, uint8_t ret_key[VMAC_KEY]);

/* ---- removed.c: segments that are no more ---- */

/* Checks what was kept of one against its root, and tells the records. */
void vremoved_kept(slice_t file, uint64_t number, unsigned height, const uint8_t root[32],
                   vrecords_t *v);
err_t vremoved_read(int dir, const char *path, slice_t *ret_bytes);
/* 0 when there is none. SYNTAX, IO. */
err_t vremoved_minimum(int public_dir, uint64_t *ret_minimum);

/* ---- scan.c ---- */

enum { REMEMBERED_MAX = 16 };

typedef struct verify_ask {
    const char *dir;                        /* var/ledger, or its public/ alone */
    const char *key_file;                   /* NULL: ledger.vkey beside the checkpoint */
    const char *remembered[REMEMBERED_MAX]; /* checkpoints kept elsewhere */
    size_t remembered_count;
    const char *mac_key_files[VMAC_KEYS]; /* start keys of MAC chains */
    size_t mac_key_count;
    /* Every record in order, or NULL. */
    void (*each)(void *ctx, const vleaf_t *leaf, bool sealed);
    void *ctx;
} verify_ask_t;

void verify_run(const verify_ask_t *ask, report_t *ret_report);

#endif
