#include "load.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Takes one line off, with those that it continues on; *l moves on. */
static slice_t take_line(lex_t *l, unsigned *ret_lines)
{
    size_t at = 0;
    unsigned lines = 0;
    for (;;) {
        size_t end = slice_find_byte(slice_from(l->rest, at), '\n');
        lines++;
        if (end == SIZE_MAX) {
            at = l->rest.len;
            break;
        }
        size_t before = at + end;
        at = before + 1;
        before -= before > 0 && l->rest.ptr[before - 1] == '\r';
        if (before == 0 || l->rest.ptr[before - 1] != '\\') {
            break;
        }
    }
    slice_t line = slice_sub(l->rest, 0, at);
    l->rest = slice_from(l->rest, at);
    *ret_lines = lines;
    return line;
}

bool lex_directive(lex_t *l, slice_t *ret_raw, unsigned *ret_line)
{
    while (l->rest.len) {
        unsigned lines, line = l->line;
        slice_t raw = take_line(l, &lines);
        l->line += lines;
        slice_t text = slice_trim(raw);
        if (text.len && text.ptr[0] != '#') {
            *ret_raw = raw;
            *ret_line = line;
            return true;
        }
    }
    return false;
}

/* Without backslash line-end pairs. */
static err_t join(slice_t raw, arena_t *arena, slice_t *ret_text)
{
    buf_t out;
    TRY(arena_buf(arena, raw.len, &out));
    for (size_t i = 0; i < raw.len; i++) {
        slice_t rest = slice_from(raw, i);
        if (slice_starts(rest, SLICE("\\\n"))) {
            i += 1;
        } else if (slice_starts(rest, SLICE("\\\r\n"))) {
            i += 2;
        } else {
            buf_u8(&out, raw.ptr[i]);
        }
    }
    *ret_text = slice_trim(buf_slice(&out));
    return OK;
}

/* The word at the start of *text. A backslash hides the quote and another backslash; as Apache's
 * configuration reader does it, for which the rules of CRS 3 are written (v3_quotes: only the
 * quote, as libmodsecurity). */
static err_t take_word(slice_t *text, bool v3_quotes, arena_t *arena, slice_t *ret_word)
{
    buf_t out;
    TRY(arena_buf(arena, text->len, &out));
    uint8_t quote = text->ptr[0] == '"' || text->ptr[0] == '\'' ? text->ptr[0] : 0;
    size_t i = quote ? 1 : 0;
    for (; i < text->len; i++) {
        uint8_t c = text->ptr[i];
        uint8_t next = i + 1 < text->len ? text->ptr[i + 1] : 0;
        if (c == '\\' && (next == '\\' || (quote && next == quote))) {
            if (v3_quotes && next == '\\') {
                buf_u8(&out, '\\');
            }
            buf_u8(&out, next);
            i++;
        } else if (quote ? c == quote : is_blank(c)) {
            break;
        } else {
            buf_u8(&out, c);
        }
    }
    ENSURE(!quote || i < text->len, ERR_SYNTAX);
    *text = slice_from(*text, i + (quote ? 1 : 0));
    *ret_word = buf_slice(&out);
    return OK;
}

err_t lex_words(slice_t raw, bool v3_quotes, arena_t *arena, slice_t *words, size_t *ret_count)
{
    slice_t text;
    size_t count = 0;
    TRY(join(raw, arena, &text));
    for (;;) {
        while (text.len && is_blank(text.ptr[0])) {
            text = slice_from(text, 1);
        }
        if (text.len == 0) {
            break;
        }
        ENSURE(count < LOAD_WORDS, ERR_LIMIT);
        TRY(take_word(&text, v3_quotes, arena, &words[count]));
        count++;
    }
    *ret_count = count;
    return OK;
}

/* A value in '...' (a backslash hides a quote), or all up to the comma. */
static bool take_value(slice_t *rest, arena_t *arena, slice_t *ret_value)
{
    slice_t s = *rest;
    if (s.len == 0 || s.ptr[0] != '\'') {
        size_t comma = slice_find_byte(s, ',');
        comma = comma == SIZE_MAX ? s.len : comma;
        *ret_value = slice_trim(slice_sub(s, 0, comma));
        *rest = slice_from(s, comma);
        return true;
    }
    buf_t out;
    if (err_failed(arena_buf(arena, s.len, &out))) {
        return false;
    }
    size_t i = 1;
    for (; i < s.len && s.ptr[i] != '\''; i++) {
        if (s.ptr[i] == '\\' && i + 1 < s.len && s.ptr[i + 1] == '\'') {
            i++;
        }
        buf_u8(&out, s.ptr[i]);
    }
    *ret_value = buf_slice(&out);
    *rest = slice_from(s, i + 1);
    return i < s.len;
}

bool lex_action(slice_t *rest, arena_t *arena, slice_t *ret_name, slice_t *ret_value,
                bool *ret_has_value, bool *ret_bad)
{
    slice_t s = *rest;
    *ret_bad = false;
    while (s.len && (is_blank(s.ptr[0]) || s.ptr[0] == ',')) {
        s = slice_from(s, 1);
    }
    if (s.len == 0) {
        return false;
    }
    size_t end = 0;
    while (end < s.len && s.ptr[end] != ':' && s.ptr[end] != ',') {
        end++;
    }
    *ret_name = slice_trim(slice_sub(s, 0, end));
    *ret_value = SLICE_EMPTY;
    *ret_has_value = end < s.len && s.ptr[end] == ':';
    *rest = slice_from(s, end);
    if (*ret_has_value) {
        *rest = slice_from(s, end + 1);
        *ret_bad = !take_value(rest, arena, ret_value);
    }
    slice_t after = slice_trim(*rest);
    *ret_bad |= ret_name->len == 0 || (after.len && after.ptr[0] != ',');
    return true;
}
