/* The front's part about witnesses: which are believed, and what public/witnessed and checkpoints
 * kept elsewhere are worth by that. */
#ifndef LEDGER_VERIFY_WITNESSED_H
#define LEDGER_VERIFY_WITNESSED_H

#include "cosign.h"

typedef struct vwitnessed {
    const char *files[VWITNESSES]; /* --witness: a policy, or keys of witnesses */
    size_t file_count, need;       /* --need; 0: what the policy says, of keys alone: all */
    vpolicy_t policy;
    char path[64]; /* of our own copy of public/witnessed; empty: there is none */
    int copy;
    vcosigned_t best; /* enough before not enough, then the larger size */
    bool any;
} vwitnessed_t;

/* Reads the policy and takes a copy of public/witnessed, which verify_run then checks as a
 * checkpoint that is remembered. False: wrong usage, said on stderr. Nothing is done without
 * --witness. */
bool vwitnessed_begin(vwitnessed_t *w, verify_ask_t *ask);
/* After verify_run: fewer than needed is INCOMPLETE, a false cosignature TAMPERED. */
void vwitnessed_end(vwitnessed_t *w, const verify_ask_t *ask, report_t *r);
void vwitnessed_print(const vwitnessed_t *w, bool json);

/* --prove SEQ: the bundle on stdout. --proof FILE: checks one. Both return the exit code. */
int vtlog_print(const char *dir, const char *seq);
int vtlog_verify(const char *file, const char *key_file, vwitnessed_t *w, bool json);

#endif
