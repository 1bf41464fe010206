/* Which kinds of byte a value holds: one pass, one bit a kind. The gates of sqli.h, xss.h, cmdi.h
 * and path.h look at nothing else, so a caller that has several questions about a value pays for
 * the pass once. */
#ifndef GUARD_DETECT_BYTES_H
#define GUARD_DETECT_BYTES_H

#include "base/slice.h"

enum {
    BYTES_DIGIT = 1u << 0,
    BYTES_LETTER = 1u << 1,  /* A-Z a-z _ */
    BYTES_SPACE = 1u << 2,   /* 0x20 only */
    BYTES_CONTROL = 1u << 3, /* 0x00-0x1F and 0x7F: tabs and line ends as well */
    BYTES_HIGH = 1u << 4,    /* 0x80-0xFF */
    BYTES_SINGLE = 1u << 5,  /* ' */
    BYTES_DOUBLE = 1u << 6,  /* " */
    BYTES_BACKTICK = 1u << 7,
    BYTES_BACKSLASH = 1u << 8,
    BYTES_LESS = 1u << 9,
    BYTES_GREATER = 1u << 10,
    BYTES_EQUAL = 1u << 11,
    BYTES_PAREN = 1u << 12, /* ( ) */
    BYTES_SEMICOLON = 1u << 13,
    BYTES_SLASH = 1u << 14,
    BYTES_STAR = 1u << 15,
    BYTES_MINUS = 1u << 16,
    BYTES_HASH = 1u << 17,
    BYTES_PERCENT = 1u << 18,
    BYTES_AMPERSAND = 1u << 19,
    BYTES_PIPE = 1u << 20,
    BYTES_PLUS = 1u << 21,
    BYTES_BANG = 1u << 22,
    BYTES_CARET = 1u << 23, /* ^ ~ */
    BYTES_AT = 1u << 24,
    BYTES_COMMA = 1u << 25,
    BYTES_DOT = 1u << 26,
    BYTES_COLON = 1u << 27,
    BYTES_DOLLAR = 1u << 28,
    BYTES_QUESTION = 1u << 29,
    BYTES_BRACKET = 1u << 30, /* [ ] */
    BYTES_BRACE = 1u << 31    /* { } */
};

/* The union of the bits of all bytes; 0 for an empty value. */
uint32_t bytes_seen(slice_t value);

#endif
