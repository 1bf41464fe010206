/* Forms: one text in every charset of the field and every coding that bytes travel in. */
#ifndef CLEAR_FORM_H
#define CLEAR_FORM_H

#include "base/arena.h"

/* Columns: constant, name in finds, name for iconv(3). */
#define FORM_CHARSETS(ROW)                                                                         \
    ROW(UTF8, "utf-8", "UTF-8")                                                                    \
    ROW(UTF16LE, "utf-16le", "UTF-16LE")                                                           \
    ROW(UTF16BE, "utf-16be", "UTF-16BE")                                                           \
    ROW(CP932, "cp932", "CP932")                                                                   \
    ROW(EUCJP, "euc-jp", "EUC-JP-MS")                                                              \
    ROW(ISO2022JP, "iso-2022-jp", "ISO-2022-JP")

typedef enum form_charset {
#define ROW(name, word, iconv_name) FORM_##name,
    FORM_CHARSETS(ROW)
#undef ROW
        FORM_CHARSET_COUNT
} form_charset_t;

/* Columns: constant, name in finds. Those after HTML do not depend on the charset. */
#define FORM_CODINGS(ROW)                                                                          \
    ROW(RAW, "as is")                                                                              \
    ROW(BASE64, "base64")                                                                          \
    ROW(QUOTED, "quoted-printable")                                                                \
    ROW(HEX, "hex")                                                                                \
    ROW(PERCENT, "percent")                                                                        \
    ROW(PERCENT2, "percent twice")                                                                 \
    ROW(ESCAPE_X, "\\x")                                                                           \
    ROW(OCTAL, "octal")                                                                            \
    ROW(ESCAPE_U, "\\u")                                                                           \
    ROW(PERCENT_U, "%u")                                                                           \
    ROW(HTML, "html")

typedef enum form_coding {
#define ROW(name, word) FORM_##name,
    FORM_CODINGS(ROW)
#undef ROW
        FORM_CODING_COUNT
} form_coding_t;

const char *form_charset_name(form_charset_t charset);
const char *form_coding_name(form_coding_t coding);

/* Shorter coded forms would be found by chance in any large file. */
enum { FORM_MIN_BYTES = 7 };

typedef struct form {
    form_charset_t charset;
    form_coding_t coding;
    slice_t bytes; /* at least FORM_MIN_BYTES */
} form_t;

/* Converters of the C library, opened once. CONFIG when one of the charsets is not there. */
typedef struct form_set form_set_t;
err_t form_set_new(form_set_t **ret_set);
void form_set_free(form_set_t *set);

/* text (UTF-8) in one charset, from its initial state to its last character; shifts at both ends
 * are cut off, since other text may stand there. NOT_FOUND when the charset has no such character.
 */
err_t form_convert(form_set_t *set, form_charset_t charset, slice_t text, buf_t *out);

typedef err_t form_fn(void *ctx, const form_t *form);
/* Hands out all forms of text. The bytes live during the call only. */
err_t forms_make(form_set_t *set, slice_t text, form_fn *fn, void *ctx);

#endif
