#include "text/digit.h"

/* Unicode 15 Nd: the code point of each script's zero; nine more follow it. Sorted. */
static const uint32_t ZEROS[] = {
    0x0030,  0x0660,  0x06F0,  0x07C0,  0x0966,  0x09E6,  0x0A66,  0x0AE6,  0x0B66,  0x0BE6,
    0x0C66,  0x0CE6,  0x0D66,  0x0DE6,  0x0E50,  0x0ED0,  0x0F20,  0x1040,  0x1090,  0x17E0,
    0x1810,  0x1946,  0x19D0,  0x1A80,  0x1A90,  0x1B50,  0x1BB0,  0x1C40,  0x1C50,  0xA620,
    0xA8D0,  0xA900,  0xA9D0,  0xA9F0,  0xAA50,  0xABF0,  0xFF10,  0x104A0, 0x10D30, 0x11066,
    0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0,
    0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8,
    0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4D0, 0x1E950, 0x1FBF0,
};

/* Runs of signs for one digit: first code point, its value, how many. */
static const struct {
    uint32_t first;
    uint8_t value, count;
} SIGNS[] = {
    {0x00B2, 2, 2},  {0x00B9, 1, 1},   {0x2070, 0, 1},  {0x2074, 4, 6},  {0x2080, 0, 10},
    {0x2460, 1, 9},  {0x2474, 1, 9},   {0x2488, 1, 9},  {0x24EA, 0, 1},  {0x24F5, 1, 9},
    {0x24FF, 0, 1},  {0x2776, 1, 9},   {0x2780, 1, 9},  {0x278A, 1, 9},  {0x3007, 0, 1},
    {0x4E00, 1, 1},  {0x4E03, 7, 1},   {0x4E09, 3, 1},  {0x4E5D, 9, 1},  {0x4E8C, 2, 1},
    {0x4E94, 5, 1},  {0x516B, 8, 1},   {0x516D, 6, 1},  {0x56DB, 4, 1},  {0x96F6, 0, 1},
    {0x1F100, 0, 1}, {0x1F101, 0, 10}, {0x1F10B, 0, 1}, {0x1F10C, 0, 1},
};

int text_digit(uint32_t cp)
{
    if (cp < 0x80) {
        return cp >= '0' && cp <= '9' ? (int)(cp - '0') : -1;
    }
    size_t low = 0, high = BASE_COUNT(ZEROS);
    while (low < high) { /* the last zero that is not above cp */
        size_t mid = (low + high) / 2;
        if (ZEROS[mid] <= cp) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    uint32_t past = cp - ZEROS[low - 1];
    return past < 10 ? (int)past : -1;
}

int text_digit_sign(uint32_t cp)
{
    int value = text_digit(cp);
    for (size_t i = 0; value < 0 && cp >= 0x80 && i < BASE_COUNT(SIGNS); i++) {
        uint32_t past = cp - SIGNS[i].first;
        if (cp >= SIGNS[i].first && past < SIGNS[i].count) {
            value = (int)(SIGNS[i].value + past);
        }
    }
    return value;
}

bool text_is_space(uint32_t cp)
{
    return cp == ' ' || (cp >= 9 && cp <= 13) || cp == 0x85 || cp == 0xA0 || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200A) || cp == 0x2028 || cp == 0x2029 || cp == 0x202F ||
           cp == 0x205F || cp == 0x3000 || cp == 0x3164 || cp == 0xFFA0 || cp == 0x115F ||
           cp == 0x1160 || cp == 0x2800;
}

bool text_is_ignorable(uint32_t cp)
{
    if (cp < 0x80) {
        return (cp < 0x20 && !(cp >= 9 && cp <= 13)) || cp == 0x7F;
    }
    return (cp < 0xA0 && cp != 0x85) || cp == 0xAD || (cp >= 0x300 && cp <= 0x36F) || cp == 0x61C ||
           cp == 0x180E || (cp >= 0x180B && cp <= 0x180F) || (cp >= 0x200B && cp <= 0x200F) ||
           (cp >= 0x202A && cp <= 0x202E) || (cp >= 0x2060 && cp <= 0x206F) ||
           (cp >= 0x20D0 && cp <= 0x20F0) || (cp >= 0x3099 && cp <= 0x309A) ||
           (cp >= 0xFE00 && cp <= 0xFE0F) || (cp >= 0xFE20 && cp <= 0xFE2F) || cp == 0xFEFF ||
           (cp >= 0xFFF9 && cp <= 0xFFFB) || (cp >= 0xE0000 && cp <= 0xE0FFF);
}
