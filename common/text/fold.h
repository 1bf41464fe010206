/* Folding for search and blind indexes: many ways to write one name, address or number become one.
 * Folded text is for comparing, never for showing. Malformed UTF-8: ENCODING. All results live in
 * the arena; MEMORY when it is used up. */
#ifndef TEXT_FOLD_H
#define TEXT_FOLD_H

#include "base/arena.h"

/* Full-width ASCII -> ASCII, half-width kana -> full-width (voiced marks composed), any Unicode
 * space -> ' '. Nothing else changes. */
err_t text_width_fold(arena_t *a, slice_t in, slice_t *ret_out);
/* For kana names: width, then hiragana -> katakana, small kana -> large, voiced marks composed
 * (U+3099/309A and U+309B/309C), old kana to new (ヰヱヲ stay), long-vowel and hyphen-like marks to
 * 'ー', Latin to lower case; spaces and middle dots dropped. */
err_t text_kana_fold(arena_t *a, slice_t in, slice_t *ret_out);
/* Width, trimmed, ASCII lower case. No check that it is an address: see text_email_ok. */
err_t text_email_fold(arena_t *a, slice_t in, slice_t *ret_out);
/* Width, digits of any script to ASCII, all else dropped; a leading +81, 0081 or 010-81 becomes 0.
 * SYNTAX when no digit is left. */
err_t text_phone_fold(arena_t *a, slice_t in, slice_t *ret_out);
/* One '@', a dot-atom before it (RFC 5322 3.2.3, ASCII), a host name with a dot after it (RFC
 * 1123), at most 254 bytes. */
bool text_email_ok(slice_t folded);

#endif
