#include "lex.h"

static size_t skip_blanks(slice_t s, size_t at)
{
    while (at < s.len && (s.ptr[at] == ' ' || s.ptr[at] == '\t' || s.ptr[at] == '\r')) {
        at++;
    }
    return at;
}

/* Index of the two closing bytes, outside strings; SIZE_MAX when there are none. */
static size_t find_close(slice_t s, size_t from, uint8_t mark, bool strings)
{
    bool quoted = false;
    for (size_t i = from; i + 1 < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (strings && c == '"') {
            quoted = !quoted;
        } else if (quoted && c == '\\') {
            i++;
        } else if (!quoted && c == mark && s.ptr[i + 1] == '}') {
            return i;
        }
    }
    return SIZE_MAX;
}

static bool opens(slice_t s, size_t at, piece_kind_t *ret_kind, uint8_t *ret_mark)
{
    if (at + 1 >= s.len || s.ptr[at] != '{') {
        return false;
    }
    uint8_t c = s.ptr[at + 1];
    *ret_kind = c == '{' ? PIECE_VALUE : c == '%' ? PIECE_STATEMENT : PIECE_COMMENT;
    *ret_mark = c == '{' ? '}' : c;
    return c == '{' || c == '%' || c == '#';
}

static bool is_control(const piece_t *p)
{
    static const char *const words[] = {"if", "elif", "else", "end", "for"};
    if (p->kind != PIECE_STATEMENT) {
        return p->kind == PIECE_COMMENT;
    }
    slice_t t = slice_trim(p->text);
    size_t len = 0;
    while (len < t.len && t.ptr[len] >= 'a' && t.ptr[len] <= 'z') {
        len++;
    }
    for (size_t i = 0; i < BASE_COUNT(words); i++) {
        if (slice_eq(slice_sub(t, 0, len), slice_cstr_in(words[i]))) {
            return true;
        }
    }
    return false;
}

/* Length of s without the blanks after its last line break; SIZE_MAX when other text is there. */
static size_t line_begin(slice_t s, bool first_in_file)
{
    size_t at = s.len;
    while (at > 0 && (s.ptr[at - 1] == ' ' || s.ptr[at - 1] == '\t')) {
        at--;
    }
    return (at > 0 && s.ptr[at - 1] == '\n') || (at == 0 && first_in_file) ? at : SIZE_MAX;
}

/* Bytes of s up to and with its first line break when only blanks come before it; else SIZE_MAX. */
static size_t line_end(slice_t s, bool last_in_file)
{
    size_t at = skip_blanks(s, 0);
    if (at < s.len && s.ptr[at] == '\n') {
        return at + 1;
    }
    return at == s.len && last_in_file ? at : SIZE_MAX;
}

/* Literals and others alternate (a literal may be empty), a literal first and last. What is cut is
 * decided on the whole text first: a line break may end one such line and begin the next. */
static void drop_control_lines(unit_t *u, piece_t *pieces, size_t count)
{
    size_t *front = unit_alloc(u, count * sizeof *front),
           *back = unit_alloc(u, count * sizeof *back);
    for (size_t i = 0; i < count; i++) {
        back[i] = pieces[i].text.len;
    }
    for (size_t i = 1; i < count; i += 2) {
        size_t begin = line_begin(pieces[i - 1].text, i == 1), last = i;
        if (!is_control(&pieces[i]) || begin == SIZE_MAX) {
            continue;
        }
        while (last + 2 < count && is_control(&pieces[last + 2]) &&
               skip_blanks(pieces[last + 1].text, 0) == pieces[last + 1].text.len) {
            last += 2;
        }
        size_t end = line_end(pieces[last + 1].text, last + 2 == count);
        if (end == SIZE_MAX) {
            continue;
        }
        back[i - 1] = begin;
        for (size_t between = i + 1; between < last; between += 2) {
            back[between] = 0;
        }
        front[last + 1] = end;
        i = last;
    }
    for (size_t i = 0; i < count; i += 2) {
        slice_t kept = slice_sub(pieces[i].text, front[i], back[i] - front[i]);
        pieces[i].pos = pos_after(pieces[i].pos, slice_sub(pieces[i].text, 0, front[i]));
        pieces[i].text = kept;
    }
}

bool lex_pieces(unit_t *u, const tmplc_source_t *source, piece_t **ret_pieces, size_t *ret_count)
{
    slice_t s = source->text;
    size_t most = 3;
    for (size_t i = 0; i < s.len; i++) {
        most += s.ptr[i] == '{' ? 2 : 0;
    }
    piece_t *pieces = unit_alloc(u, most * sizeof(piece_t));
    size_t count = 0, from = 0;
    pos_t pos = {source->name, 1, 1};
    for (size_t at = 0; at < s.len; at++) {
        piece_kind_t kind;
        uint8_t mark;
        if (!opens(s, at, &kind, &mark)) {
            continue;
        }
        slice_t literal = slice_sub(s, from, at - from);
        pieces[count++] = (piece_t){PIECE_LITERAL, literal, pos, pos};
        pos_t start = pos_after(pos, literal);
        size_t close = find_close(s, at + 2, mark, kind != PIECE_COMMENT);
        if (close == SIZE_MAX) {
            unit_error(u, start, "'{%c' is not closed by '%c}'", s.ptr[at + 1], mark);
            return false;
        }
        slice_t inside = slice_sub(s, at + 2, close - at - 2);
        pos_t inside_pos = pos_after(start, slice_sub(s, at, 2));
        pieces[count++] = (piece_t){kind, inside, inside_pos, start};
        pos = pos_after(inside_pos, inside);
        pos.col += 2;
        from = close + 2;
        at = close + 1;
    }
    pieces[count++] = (piece_t){PIECE_LITERAL, slice_from(s, from), pos, pos};
    drop_control_lines(u, pieces, count);
    *ret_pieces = pieces;
    *ret_count = count;
    return true;
}

lexer_t lex_on(unit_t *u, slice_t text, pos_t pos)
{
    lexer_t l = {.unit = u, .rest = text, .pos = pos};
    lex_next(&l);
    return l;
}

static bool is_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void advance(lexer_t *l, size_t bytes)
{
    l->pos = pos_after(l->pos, slice_sub(l->rest, 0, bytes));
    l->rest = slice_from(l->rest, bytes);
}

/* "..." with \" \\ \n; the opening quote is at the front. */
static void lex_string(lexer_t *l)
{
    uint8_t *text = unit_alloc(l->unit, l->rest.len);
    size_t len = 0, i = 1;
    for (; i < l->rest.len && l->rest.ptr[i] != '"'; i++) {
        uint8_t c = l->rest.ptr[i];
        if (c == '\\' && i + 1 < l->rest.len) {
            c = l->rest.ptr[++i];
            c = c == 'n' ? '\n' : c;
        }
        text[len++] = c;
    }
    bool closed = i < l->rest.len;
    l->now.kind = closed ? T_TEXT : T_BAD;
    l->now.text = closed ? slice_make(text, len) : SLICE("\"");
    advance(l, closed ? i + 1 : l->rest.len);
}

static void lex_word(lexer_t *l)
{
    size_t len = 0;
    while (len < l->rest.len && is_word(l->rest.ptr[len])) {
        len++;
    }
    l->now.text = slice_sub(l->rest, 0, len);
    l->now.kind = T_NAME;
    if (l->rest.ptr[0] >= '0' && l->rest.ptr[0] <= '9') {
        err_t e = slice_parse_i64(l->now.text, 0, INT64_MAX, &l->now.number);
        l->now.kind = err_failed(e) ? T_BAD : T_INT;
    }
    advance(l, len);
}

static void lex_punct(lexer_t *l)
{
    size_t len = l->rest.len > 1 && l->rest.ptr[1] == '=' &&
                         slice_find_byte(SLICE("=!<>"), l->rest.ptr[0]) != SIZE_MAX
                     ? 2
                     : 1;
    slice_t text = slice_sub(l->rest, 0, len);
    bool known = len == 2 || slice_find_byte(SLICE(".|=<>{},?-"), text.ptr[0]) != SIZE_MAX;
    l->now.kind = known ? T_PUNCT : T_BAD;
    l->now.text = text;
    advance(l, len);
}

void lex_next(lexer_t *l)
{
    while (l->rest.len && chars_is_space(l->rest.ptr[0])) {
        advance(l, 1);
    }
    l->now = (token_t){.kind = T_END, .pos = l->pos, .text = SLICE("")};
    if (l->rest.len == 0) {
        return;
    }
    if (l->rest.ptr[0] == '"') {
        lex_string(l);
    } else if (is_word(l->rest.ptr[0])) {
        lex_word(l);
    } else {
        lex_punct(l);
    }
}

bool lex_is(const lexer_t *l, const char *punct_or_name)
{
    return (l->now.kind == T_PUNCT || l->now.kind == T_NAME) &&
           slice_eq(l->now.text, slice_cstr_in(punct_or_name));
}
