/* Digits as people and machines write them: decimal digits of every script (Unicode Nd), and signs
 * that stand for one digit (super- and subscript, circled, kanji numerals). */
#ifndef TEXT_DIGIT_H
#define TEXT_DIGIT_H

#include "base/slice.h"

/* Value 0 to 9 of a decimal digit of any script, or -1. */
int text_digit(uint32_t code_point);
/* The same, and of signs that a reader takes for one digit, or -1. */
int text_digit_sign(uint32_t code_point);
/* Unicode white space and line separators (Z*, tab, CR, LF, VT, FF, NEL), and blank letters. */
bool text_is_space(uint32_t code_point);
/* Takes no room and joins nothing: zero-width, soft hyphen, variation selectors, combining marks,
 * bidi controls, other control characters. */
bool text_is_ignorable(uint32_t code_point);

#endif
