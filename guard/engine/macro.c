#include "load.h"

static err_t add_piece(engine_builder_t *b, piece_t *pieces, uint32_t *count, slice_t text,
                       bool is_var)
{
    if (text.len == 0 && !is_var) {
        return OK;
    }
    pieces[*count] = (piece_t){.is_var = is_var, .text = text};
    if (is_var) {
        TRY(parse_target(b, text, &pieces[*count].var));
    }
    (*count)++;
    return OK;
}

err_t macro_parse(engine_builder_t *b, slice_t text, macro_t *ret_macro)
{
    arena_t *arena = &b->set->arena;
    macro_t m = {0};
    TRY(arena_copy(arena, text, &m.text));
    size_t openings = 0;
    for (size_t i = 0; i + 1 < m.text.len; i++) {
        openings += m.text.ptr[i] == '%' && m.text.ptr[i + 1] == '{';
    }
    if (openings) {
        piece_t *pieces = ARENA_ARRAY(arena, piece_t, 2 * openings + 1);
        ENSURE(pieces, ERR_MEMORY);
        slice_t rest = m.text;
        while (rest.len) {
            size_t at = slice_find(rest, SLICE("%{"));
            size_t end = at == SIZE_MAX ? SIZE_MAX : slice_find_byte(slice_from(rest, at), '}');
            if (end == SIZE_MAX) { /* "%{" without an end is text */
                TRY(add_piece(b, pieces, &m.count, rest, false));
                break;
            }
            TRY(add_piece(b, pieces, &m.count, slice_sub(rest, 0, at), false));
            TRY(add_piece(b, pieces, &m.count, slice_sub(rest, at + 2, end - 2), true));
            rest = slice_from(rest, at + end + 1);
        }
        bool any = false;
        for (uint32_t i = 0; i < m.count; i++) {
            any |= pieces[i].is_var;
        }
        m.pieces = any ? pieces : NULL;
    }
    *ret_macro = m;
    return OK;
}
