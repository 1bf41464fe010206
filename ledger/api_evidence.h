/* An answer with all that proves it, in one signed file for somebody who has nothing else
 * (FORMAT.md 10). `ledger-verify --bundle FILE` checks it with code of its own. */
#ifndef LEDGER_API_EVIDENCE_H
#define LEDGER_API_EVIDENCE_H

#include "ledger/api_leak.h"

enum { EVIDENCE_SIGN_KEY = 64 };

typedef enum evidence_verb {
    EVIDENCE_TRACE = 1,
    EVIDENCE_LEAK,
    EVIDENCE_WHO_SAW,
    EVIDENCE_TIMELINE,
} evidence_verb_t;

typedef struct evidence {
    evidence_verb_t verb;
    const leak_ask_t *question;
    const leak_t *leak;      /* the answer of a leak or who-saw; NULL else */
    slice_t json;            /* the answer as it was printed */
    const uint8_t *sign_key; /* EVIDENCE_SIGN_KEY bytes (Ed25519) of who gives the answer */
} evidence_t;

/* All that the query looked at since it was opened. *ret_bytes is malloc'ed: free() it. */
err_t query_evidence(query_t *q, const evidence_t *e, uint8_t **ret_bytes, size_t *ret_len);

#endif
