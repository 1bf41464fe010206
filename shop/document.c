/* Rows of `document`. */
#include <sodium.h>

#include "document.h"

void document_sha256(slice_t text, uint8_t ret_sha[DOCUMENT_SHA_BYTES])
{
    crypto_hash_sha256(ret_sha, text.ptr, text.len);
}

err_t document_current(db_t *db, arena_t *a, slice_t kind, int64_t lang, document_t *ret_document)
{
    db_rows_t r;
    TRY(db_query(db, a,
                 SQL("SELECT version, sha256, text FROM document WHERE kind = ?1 AND lang = ?2 "
                     "ORDER BY version DESC LIMIT 1"),
                 DB_ARGS(db_text(kind), db_i64(lang)), &r));
    ENSURE(db_next(&r), ERR_NOT_FOUND);
    document_t d = {.kind = kind, .version = db_col_text(&r, 0), .text = db_col_text(&r, 2)};
    document_sha256(d.text, d.sha256);
    ENSURE(slice_eq(db_col_blob(&r, 1), slice_make(d.sha256, sizeof d.sha256)), ERR_CORRUPT);
    *ret_document = d;
    return OK;
}

bool document_block(slice_t *text, bool *ret_heading, slice_t *ret_block)
{
    slice_t block;
    do {
        if (text->len == 0) {
            return false;
        }
        size_t end = slice_find(*text, SLICE("\n\n"));
        block = slice_trim(slice_sub(*text, 0, end == SIZE_MAX ? text->len : end));
        *text = end == SIZE_MAX ? SLICE_EMPTY : slice_from(*text, end + 2);
    } while (block.len == 0);
    *ret_heading = slice_starts(block, SLICE("# "));
    *ret_block = *ret_heading ? slice_from(block, 2) : block;
    return true;
}
