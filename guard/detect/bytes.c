#include "bytes.h"

/* Kind of each byte; the table costs 1 KiB and one load a byte. */
#define D BYTES_DIGIT
#define L BYTES_LETTER
#define C BYTES_CONTROL
#define H BYTES_HIGH
static const uint32_t KIND[256] = {
    [0 ... 31] = C,
    [' '] = BYTES_SPACE,
    ['!'] = BYTES_BANG,
    ['"'] = BYTES_DOUBLE,
    ['#'] = BYTES_HASH,
    ['$'] = BYTES_DOLLAR,
    ['%'] = BYTES_PERCENT,
    ['&'] = BYTES_AMPERSAND,
    ['\''] = BYTES_SINGLE,
    ['('] = BYTES_PAREN,
    [')'] = BYTES_PAREN,
    ['*'] = BYTES_STAR,
    ['+'] = BYTES_PLUS,
    [','] = BYTES_COMMA,
    ['-'] = BYTES_MINUS,
    ['.'] = BYTES_DOT,
    ['/'] = BYTES_SLASH,
    ['0' ... '9'] = D,
    [':'] = BYTES_COLON,
    [';'] = BYTES_SEMICOLON,
    ['<'] = BYTES_LESS,
    ['='] = BYTES_EQUAL,
    ['>'] = BYTES_GREATER,
    ['?'] = BYTES_QUESTION,
    ['@'] = BYTES_AT,
    ['A' ... 'Z'] = L,
    ['['] = BYTES_BRACKET,
    ['\\'] = BYTES_BACKSLASH,
    [']'] = BYTES_BRACKET,
    ['^'] = BYTES_CARET,
    ['_'] = L,
    ['`'] = BYTES_BACKTICK,
    ['a' ... 'z'] = L,
    ['{'] = BYTES_BRACE,
    ['|'] = BYTES_PIPE,
    ['}'] = BYTES_BRACE,
    ['~'] = BYTES_CARET,
    [127] = C,
    [128 ... 255] = H,
};

uint32_t bytes_seen(slice_t value)
{
    uint32_t seen = 0;
    for (size_t i = 0; i < value.len; i++) {
        seen |= KIND[value.ptr[i]];
    }
    return seen;
}
