/* Signature of a value: one bit a kind of byte, 64 kinds, letters folded. The union over a value
 * tells which bytes it can hold; a pattern that needs a byte that is not there cannot match.
 *   0-25 letters (either case), 26 digits, 27-58 the 32 ASCII signs, 59 space,
 *   60 other white space (9-13), 61 NUL, 62 other controls and DEL, 63 bytes above 127 */
#ifndef GUARD_ENGINE_SIG_H
#define GUARD_ENGINE_SIG_H

#include <stdint.h>

enum { SIG_DIGIT = 26, SIG_SIGNS = 27, SIG_SPACE = 59, SIG_BLANK, SIG_NUL, SIG_CONTROL, SIG_HIGH };

static inline unsigned sig_kind(uint8_t byte)
{
    unsigned lower = byte | 0x20U;
    if (lower >= 'a' && lower <= 'z' && byte < 0x80) {
        return lower - 'a';
    }
    if (byte >= '0' && byte <= '9') {
        return SIG_DIGIT;
    }
    if (byte > 0x7F) {
        return SIG_HIGH;
    }
    if (byte < 0x20 || byte == 0x7F) {
        return byte == 0 ? SIG_NUL : byte >= 9 && byte <= 13 ? SIG_BLANK : SIG_CONTROL;
    }
    if (byte == ' ') {
        return SIG_SPACE;
    }
    unsigned sign = byte < '0'   ? byte - 0x21U
                    : byte < 'A' ? byte - 0x3AU + 15
                    : byte < 'a' ? byte - 0x5BU + 22
                                 : byte - 0x7BU + 28;
    return SIG_SIGNS + sign;
}

static inline uint64_t sig_bit(uint8_t byte)
{
    return UINT64_C(1) << sig_kind(byte);
}

#endif
