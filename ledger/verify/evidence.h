/* A file of evidence (FORMAT.md 10): an answer and all that proves it. Checked without the ledger:
 * signature, checkpoint, every leaf, every index page, that nothing that fits was left out, and
 * for leaks that the answer is what the records give. Shares no code with its maker
 * (ledger/query) but the readers of leaves, notes and pages. */
#ifndef LEDGER_VERIFY_EVIDENCE_H
#define LEDGER_VERIFY_EVIDENCE_H

#include "chain.h"
#include "index.h"
#include "proof.h"

enum { EVIDENCE_MAX = 1024 * 1024 * 1024, EVIDENCE_EXPOSURES = 16 };

typedef struct vask {
    int64_t from_us, to_us;
    unsigned type;
    id128_t request, subject, object, actor, address;
} vask_t;

typedef struct vquestion {
    unsigned verb; /* 1 trace, 2 leak, 3 who-saw, 4 timeline */
    int64_t from_us, to_us;
    id128_t request, subject, actor, address;
    slice_t session;
    uint32_t process; /* 0 = any; not in version 1 */
    unsigned exposure_count;
    struct {
        unsigned host;
        int64_t from_us, to_us;
    } exposures[EVIDENCE_EXPOSURES];
} vquestion_t;

/* A leaf that was shown; proved when the file's proof was. */
typedef struct vshown {
    uint64_t seq;
    slice_t bytes;
    int64_t time_us;
    uint16_t type, room;
    id128_t request, subject, object, parent, actor, address;
    slice_t facts;
} vshown_t;

typedef struct vshown_page {
    uint32_t number;
    vpage_t *page;
} vshown_page_t;

typedef struct vsegment {
    bool scanned;
    vindex_record_t record;
    vshown_page_t *pages;
    uint32_t page_count;
} vsegment_t;

typedef struct vsubject {
    id128_t subject;
    unsigned class_; /* 0 certain, 1 possible, 2 inferable, 3 refused */
} vsubject_t;

typedef struct vevidence {
    unsigned version;
    vkey_t key;
    vcheckpoint_t cp;
    vquestion_t question;
    uint32_t leaves; /* of a segment */
    uint64_t first, segments, tail_first;
    vshown_t *shown;
    size_t shown_count;
    vsegment_t *segment; /* those from first / leaves on */
    uint64_t segment_first;
    vask_t *asks;
    size_t ask_count;
    vchain_t chain;
    vsubject_t *answer;
    size_t answer_count;
    slice_t json;
    uint8_t signer[32];
    arena_t arena;
} vevidence_t;

typedef struct vevidence_report {
    verdict_t verdict;
    char text[200];
    size_t records, asks; /* shown; questions */
    size_t certain, possible, inferable;
    uint64_t size, first, scanned;
    bool key_given, signer_given;
    char signer[65], key[256];
} vevidence_report_t;

/* Parses and proves all of it. Slices point into bytes. SYNTAX, VERSION, CRYPTO, CORRUPT (a proof
 * does not lead to the root), NOT_FOUND (something that must be shown is not); ret_what says what.
 * vevidence_free in any case. */
err_t vevidence_open(slice_t bytes, vevidence_t *ret_evidence, const char **ret_what);
void vevidence_free(vevidence_t *e);
/* NULL: it is not shown. */
const vshown_t *vevidence_shown(const vevidence_t *e, uint64_t seq);
/* Every question's answer is complete: whatever fits it is shown. NOT_FOUND. */
err_t vevidence_complete(const vevidence_t *e, const char **ret_what);
/* Leaks: the answer is what the leaves give, and every question that it needs was asked. */
err_t vevidence_judge(const vevidence_t *e, const char **ret_what);
/* The key signed this, or handed over to the one that did. */
err_t vevidence_key(const vevidence_t *e, const vkey_t *given);
bool vask_fits(const vask_t *ask, const vshown_t *r);

/* The whole check. key_file, signer_file: kept elsewhere; or NULL. */
void vevidence_check(const char *file, const char *key_file, const char *signer_file,
                     vevidence_report_t *ret_report);

#endif
