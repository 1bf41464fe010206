/* UTF-8 (RFC 3629), strict: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef TEXT_UTF8_H
#define TEXT_UTF8_H

#include "base/arena.h"

enum { UTF8_REPLACEMENT = 0xFFFD };
/* What utf8_take gives for malformed bytes. */
#define UTF8_BAD UINT32_MAX

bool utf8_valid(slice_t s);
/* Cuts the next code point off *s, which must not be empty. Malformed bytes: UTF8_BAD, and the
 * longest broken beginning of a sequence (1 to 3 bytes) is cut off (Unicode 3.9, U+FFFD practice).
 */
uint32_t utf8_take(slice_t *s);
/* Appends one code point; one that cannot be encoded is written as U+FFFD. */
void buf_utf8(buf_t *b, uint32_t code_point);
/* Code points; each malformed part counts as one. */
size_t utf8_count(slice_t s);
/* The longest beginning of s of at most max_bytes (max_points) that cuts no sequence apart. */
slice_t utf8_truncate(slice_t s, size_t max_bytes);
slice_t utf8_truncate_points(slice_t s, size_t max_points);
/* Valid, and without control characters (C0 but tab, CR, LF when `lines`; DEL; C1), U+FFFE/FFFF and
 * bidirectional overrides: what a person may have typed into a field. */
bool utf8_is_text(slice_t s, bool lines);

#endif
