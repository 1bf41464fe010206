/* All INDEX_ROOT records of a ledger against the leaves of their segments. */
#ifndef LEDGER_VERIFY_CHECK_INDEX_H
#define LEDGER_VERIFY_CHECK_INDEX_H

#include "index.h"

enum { VINDEX_NAME = 16 };

typedef struct vindex_notes {
    vindex_record_t *list;
    size_t count, cap;
} vindex_notes_t;

/* Where full entry bundles come from; bytes for vfile_free. */
typedef struct vbundles {
    err_t (*read)(void *ctx, uint64_t number, slice_t *ret_bytes);
    void *ctx;
} vbundles_t;

/* Keeps what an INDEX_ROOT record says; anything else is passed over. SYNTAX: one that makes no
 * sense.
 */
err_t vindex_note(vindex_notes_t *notes, const vleaf_t *leaf);
void vindex_notes_free(vindex_notes_t *notes);
/* "00000012": a segment's file below index/. */
void vindex_name(uint64_t segment, char out[VINDEX_NAME]);
/* A segment's index made of its leaves; the file for vfile_free. NOT_FOUND, IO, SYNTAX, MEMORY. */
err_t vindex_of_segment(const vbundles_t *from, uint64_t segment, uint32_t leaves,
                        slice_t *ret_file, vindex_record_t *ret_record);
/* minimum: records below are removed. index_dir: var/ledger/index, or -1. */
void vindex_check(report_t *r, const vindex_notes_t *notes, const vbundles_t *from,
                  uint64_t minimum, int index_dir);

#endif
