/* Hex digits, for the decoders of this floor. */
#ifndef TEXT_HEX_H
#define TEXT_HEX_H

#include "base/slice.h"

/* Value of one hex digit, or -1. */
static inline int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    uint8_t low = c | 0x20;
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* The byte that s begins with as two hex digits, or -1. */
static inline int hex_pair(slice_t s)
{
    if (s.len < 2) {
        return -1;
    }
    int high = hex_value(s.ptr[0]), low = hex_value(s.ptr[1]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

#endif
