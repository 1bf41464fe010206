/* Terms and their like: versioned texts with their SHA-256. What was agreed to stays for ever. */
#ifndef SHOP_DOCUMENT_H
#define SHOP_DOCUMENT_H

#include "db/db.h"

enum { DOCUMENT_SHA_BYTES = 32 };

typedef struct document {
    slice_t kind, version, text; /* text: "# heading" lines and paragraphs, an empty line between */
    uint8_t sha256[DOCUMENT_SHA_BYTES];
} document_t;

/* The version in force. CORRUPT when the stored text is not what was hashed; NOT_FOUND. */
err_t document_current(db_t *db, arena_t *a, slice_t kind, int64_t lang, document_t *ret_document);
void document_sha256(slice_t text, uint8_t ret_sha[DOCUMENT_SHA_BYTES]);

/* Cuts the next block off *text: a heading (without "# ") or a paragraph. False at the end. */
bool document_block(slice_t *text, bool *ret_heading, slice_t *ret_block);

#endif
