/* ModSecurity's unicode.mapping: per code page one line with its number and name, then one with
 * pairs "code:byte" in hex, parted by spaces. Comment lines begin with '#'. */
#include "transform.h"

#include "inner.h"

/* All of s as hex digits, at most `digits` of them. */
static err_t hex_number(slice_t s, size_t digits, unsigned *ret)
{
    unsigned value = 0;
    ENSURE(s.len >= 1 && s.len <= digits, ERR_SYNTAX);
    for (size_t i = 0; i < s.len; i++) {
        int digit = hex_digit(s.ptr[i]);
        ENSURE(digit >= 0, ERR_SYNTAX);
        value = value << 4 | (unsigned)digit;
    }
    *ret = value;
    return OK;
}

static void pair_set(transform_map_t *map, unsigned code, uint8_t byte)
{
    map->byte[code] = byte;
    map->known[code / 8] = (uint8_t)(map->known[code / 8] | 1U << code % 8);
}

static err_t pair_read(slice_t pair, transform_map_t *map)
{
    unsigned code, byte;
    size_t colon = slice_find_byte(pair, ':');
    ENSURE(colon != SIZE_MAX, ERR_SYNTAX);
    TRY(hex_number(slice_sub(pair, 0, colon), 4, &code));
    TRY(hex_number(slice_from(pair, colon + 1), 2, &byte));
    pair_set(map, code, (uint8_t)byte);
    return OK;
}

static err_t pairs_read(slice_t line, transform_map_t *map)
{
    slice_t rest = slice_trim(line), pair;
    while (slice_split(&rest, ' ', &pair)) {
        pair = slice_trim(pair);
        if (pair.len) {
            TRY(pair_read(pair, map));
        }
    }
    return OK;
}

/* "20127 (US-ASCII)": the number of a page's head line; false for any other line. */
static bool head_read(slice_t line, uint64_t *ret_page)
{
    size_t end = first_of(line, ~(uint32_t)TRANSFORM_DIGIT);
    slice_t number = slice_sub(line, 0, end);
    bool named = end == SIZE_MAX || line.ptr[end] == ' ' || line.ptr[end] == '\t';
    return named && !err_failed(slice_parse_u64(number, UINT32_MAX, ret_page)) &&
           slice_find_byte(line, ':') == SIZE_MAX;
}

err_t transform_map_parse(slice_t file, unsigned code_page, transform_map_t *ret_map)
{
    slice_t rest = file, line;
    bool inside = false, found = false;
    memset(ret_map, 0, sizeof *ret_map);
    while (slice_split(&rest, '\n', &line)) {
        uint64_t page;
        line = slice_trim(line);
        if (line.len == 0 || line.ptr[0] == '#') {
            continue;
        }
        if (head_read(line, &page)) {
            inside = page == code_page;
            found |= inside;
        } else if (inside) {
            TRY(pairs_read(line, ret_map));
        }
    }
    ENSURE(found, ERR_NOT_FOUND);
    pair_set(ret_map, 0x3002,
             '.'); /* full stops of RFC 3490 3.1, which ModSecurity adds to any page */
    pair_set(ret_map, 0xFF61, '.');
    return OK;
}
