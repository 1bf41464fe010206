/* Witnesses' cosignatures (C2SP tlog-cosignature v1.0.1, Ed25519), the policy that says how many
 * are enough (tlog-policy), and proofs of single records that need no ledger (tlog-proof). The
 * verifier's own readers; whoever carries checkpoints to witnesses judges by the same. */
#ifndef LEDGER_VERIFY_COSIGN_H
#define LEDGER_VERIFY_COSIGN_H

#include "verify.h"

enum {
    VWITNESSES = 32,
    VGROUPS = 32,
    VLOGS = 32,
    VPOLICY_WORD = 64, /* bytes of a name inside the policy, with NUL */
    VPOLICY_URL = 256,
    VPOLICY_FILE = 64 * 1024,
    VPOLICY_FAULT = 160,
};

typedef struct vwitness {
    char word[VPOLICY_WORD]; /* its name inside the policy */
    char name[VKEY_NAME];    /* of the key: stands in signature lines */
    char url[VPOLICY_URL];   /* submission prefix; may be empty */
    uint8_t id[4], key[32];
} vwitness_t;

/* Members and the quorum: below VWITNESSES a witness, from there on a group; VQUORUM_NONE. */
enum { VQUORUM_NONE = VWITNESSES + VGROUPS };

typedef struct vpolicy {
    size_t witness_count, group_count, log_count;
    vwitness_t witness[VWITNESSES];
    struct vgroup {
        char word[VPOLICY_WORD];
        size_t need, count;
        unsigned member[VWITNESSES + VGROUPS];
        bool used; /* each name is a member once at most */
    } group[VGROUPS];
    bool witness_used[VWITNESSES];
    vkey_t log[VLOGS];
    unsigned quorum;
} vpolicy_t;

/* A policy file, or one verifier key of a witness alone (then that one is the quorum). SYNTAX with
 * ret_fault filled. */
err_t vpolicy_parse(slice_t text, vpolicy_t *ret_policy, char ret_fault[VPOLICY_FAULT]);
/* Do those who cosigned make the quorum? */
bool vpolicy_met(const vpolicy_t *p, const bool cosigned[VWITNESSES]);

/* OK: the note carries this witness's cosignature, and it holds. NOT_FOUND: it carries none;
 * CRYPTO: a false one; SYNTAX: no note. *ret_time_s: when the witness saw it. */
err_t vcosign_check(slice_t note, const vwitness_t *witness, uint64_t *ret_time_s);

/* What a note is worth by a policy. */
typedef struct vcosigned {
    uint64_t size, time_s; /* records; the latest cosignature's time */
    size_t count, false_count;
    bool by[VWITNESSES];
    bool enough; /* `need` of them, or the policy's quorum when need is 0 */
} vcosigned_t;
/* The log's own signature is not looked at. SYNTAX. */
err_t vcosigned_judge(slice_t note, const vpolicy_t *p, size_t need, vcosigned_t *ret_cosigned);

/* ---- tlog_proof.c ---- */

enum { VTLOG_MAX = 160 * 1024 };

/* A .tlog-proof of record seq, its leaf as extra data, under the newest checkpoint that witnesses
 * cosigned, or where that does not reach so far the newest. dir: as verify_ask_t.dir. NOT_FOUND: no
 * such record yet; CORRUPT, IO. */
err_t vtlog_make(const char *dir, uint64_t seq, buf_t *out);
typedef struct vtlog {
    uint64_t index;
    slice_t leaf, note; /* leaf: in mem; note: in the text */
    vcheckpoint_t cp;
} vtlog_t;
/* Checks it by the log's key. SYNTAX: no such proof; CRYPTO: it does not hold. mem: VLEAF_MAX
 * bytes.
 */
err_t vtlog_check(slice_t text, const vkey_t *key, uint8_t mem[VLEAF_MAX], vtlog_t *ret_proof);

#endif
