/* Test code: texts coded and packed by whole-text encoders, which know nothing of forms. Planted
 * things are found or the search is no search. */
#ifndef CLEAR_TEST_PLANT_H
#define CLEAR_TEST_PLANT_H

#include "base/arena.h"

typedef enum plant_coding {
    PLANT_RAW,
    PLANT_BASE64,
    PLANT_BASE64URL,
    PLANT_BASE64_LINES, /* 76 letters a line, as mail has it */
    PLANT_QUOTED,
    PLANT_QUOTED_LINES,
    PLANT_HEX,
    PLANT_HEX_UPPER,
    PLANT_PERCENT,
    PLANT_PERCENT_FORM,
    PLANT_PERCENT_TWICE,
    PLANT_ESCAPE_X,
    PLANT_OCTAL,
    PLANT_BYTE_CODINGS, /* from here on: of UTF-8 only */
    PLANT_ESCAPE_U = PLANT_BYTE_CODINGS,
    PLANT_ESCAPE_U_UPPER,
    PLANT_PERCENT_U,
    PLANT_HTML_DECIMAL,
    PLANT_HTML_HEX,
    PLANT_CODINGS,
} plant_coding_t;

typedef enum plant_box {
    PLANT_BARE,
    PLANT_GZIP,
    PLANT_ZLIB,
    PLANT_ZSTD,
    PLANT_ZIP,
    PLANT_PDF,
    PLANT_BASE64_GZIP,
    PLANT_HEX_ZSTD,
    PLANT_GZIP_ZSTD_ZLIB,
    PLANT_DEFLATE_IN_GZIP, /* without any mark of its own */
    PLANT_HALF_GZIP,       /* its end is missing */
    PLANT_BOXES,
} plant_box_t;

/* text is UTF-8 for the codings of code points, else bytes of any charset. */
slice_t plant_code(arena_t *a, plant_coding_t coding, slice_t text);
slice_t plant_pack(arena_t *a, plant_box_t box, slice_t bytes);
/* Packed alone, by name, for cases of their own. */
slice_t plant_gzip(arena_t *a, slice_t bytes);
slice_t plant_zlib(arena_t *a, slice_t bytes);
slice_t plant_zstd(arena_t *a, slice_t bytes);

#endif
