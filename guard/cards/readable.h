/* What of a body the gate can read at all: its type, its charset, its encoding. */
#ifndef GUARD_CARDS_READABLE_H
#define GUARD_CARDS_READABLE_H

#include "base/slice.h"

typedef enum readable_kind {
    READABLE_OTHER, /* text, unknown or missing */
    READABLE_FORM,
    READABLE_MULTIPART,
    READABLE_JSON, /* RFC 6839 "+json" too */
} readable_kind_t;

readable_kind_t readable_kind(slice_t content_type);
/* No charset, or UTF-8 or US-ASCII (once). */
bool readable_charset(slice_t content_type);
/* Nothing, or "identity". */
bool readable_encoding(slice_t content_encoding);
/* UTF-8 without NUL, and without the escapes that switch charsets (ISO 2022). */
bool readable_text(slice_t text);

#endif
