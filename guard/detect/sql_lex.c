#include "sql_lex.h"

#include "sqli.h"

/* How far a closing sign is looked for where a missing one is no error: keeps the time linear. */
enum { NAME_MAX_BYTES = 128, QUOTED_MAX_BYTES = 512 };

enum { CH_SPACE = 1, CH_DIGIT = 2, CH_WORD = 4, CH_REST = 8, CH_HEX = 16 };

/* NUL and control characters separate words in at least one dialect each. Bytes above 0x7F are
 * letters in all of them; a lone 0xA0 is a space in two and is dealt with apart. */
static const uint8_t CLASS[256] = {
    [0 ... 32] = CH_SPACE,
    ['$'] = CH_REST,
    ['0' ... '9'] = CH_DIGIT | CH_REST | CH_HEX,
    ['A' ... 'F'] = CH_WORD | CH_REST | CH_HEX,
    ['G' ... 'Z'] = CH_WORD | CH_REST,
    ['_'] = CH_WORD | CH_REST,
    ['a' ... 'f'] = CH_WORD | CH_REST | CH_HEX,
    ['g' ... 'z'] = CH_WORD | CH_REST,
    [127] = CH_SPACE,
    [128 ... 255] = CH_WORD | CH_REST,
};

static uint8_t byte_at(const sql_lex_t *lex, uint32_t at)
{
    return at < lex->len ? lex->ptr[at] : 0;
}

static bool is_class(const sql_lex_t *lex, uint32_t at, unsigned classes)
{
    return at < lex->len && (CLASS[lex->ptr[at]] & classes);
}

/* Length of a space of more than one byte, or of a lone 0xA0: U+00A0, U+3000. */
static uint32_t wide_space(const sql_lex_t *lex, uint32_t at)
{
    uint8_t c = byte_at(lex, at);
    if (c == 0xA0) {
        return at == 0 || lex->ptr[at - 1] < 0x80 ? 1 : 0;
    }
    if (c == 0xC2) {
        return byte_at(lex, at + 1) == 0xA0 ? 2 : 0;
    }
    if (c == 0xE3) {
        return byte_at(lex, at + 1) == 0x80 && byte_at(lex, at + 2) == 0x80 ? 3 : 0;
    }
    return 0;
}

static uint32_t space_end(const sql_lex_t *lex, uint32_t at)
{
    for (;;) {
        if (is_class(lex, at, CH_SPACE)) {
            at++;
        } else if (byte_at(lex, at) >= 0xA0 && wide_space(lex, at)) {
            at += wide_space(lex, at);
        } else {
            return at;
        }
    }
}

/* MySQL drops a number whose exponent is missing before a sign: f 1.e(x 1.e) is f(x). Length of it
 * behind something else; 0: none. */
static uint32_t dropped_number(const sql_lex_t *lex, uint32_t at)
{
    uint32_t end = at;
    while (is_class(lex, end, CH_DIGIT)) {
        end++;
    }
    if (at == 0 || end == at || byte_at(lex, end) != '.' || (byte_at(lex, end + 1) | 0x20) != 'e') {
        return 0;
    }
    uint8_t c = byte_at(lex, end + 2);
    return c && memchr("(),|&.*^/%", c, 10) ? end + 2 - at : 0;
}

uint32_t sql_string_end(slice_t value, uint32_t at, uint8_t quote, bool backslash)
{
    for (; at < value.len; at++) {
        if (value.ptr[at] == '\\' && backslash) {
            at++;
        } else if (value.ptr[at] == quote) {
            if (at + 1 >= value.len || value.ptr[at + 1] != quote) {
                return at + 1;
            }
            at++;
        }
    }
    return UINT32_MAX;
}

/* ---- comments ---- */

/* How much of a comment that runs to the end reads like words. */
static uint16_t comment_flags(const sql_lex_t *lex, uint32_t at)
{
    unsigned words = 0;
    while (at < lex->len && words < 2) {
        if (is_class(lex, at, CH_REST)) {
            words++;
            while (is_class(lex, at, CH_REST)) {
                at++;
            }
        } else {
            at++;
        }
    }
    return words == 0 ? TOK_EMPTY : words > 1 ? TOK_MULTI : 0;
}

/* Jumps over one comment that something follows. False: none stands here, or it is the tail, of
 * which *ret_tail tells the length of the opening. */
static bool comment_skip(sql_lex_t *lex, uint16_t *flags, uint32_t *ret_tail)
{
    uint8_t c = byte_at(lex, lex->at), next = byte_at(lex, lex->at + 1);
    *ret_tail = 0;
    if (c == '*' && next == '/' && lex->at + 1 < lex->len) {
        *flags |= TOK_COMMENTED | (lex->conditional ? TOK_CONDITIONAL : 0);
        lex->conditional -= lex->conditional > 0;
        lex->at += 2;
        return true;
    }
    if (c == '/' && next == '*') {
        uint32_t at = lex->at + 2;
        if (byte_at(lex, at) == '!' || (byte_at(lex, at) == 'M' && byte_at(lex, at + 1) == '!')) {
            at += byte_at(lex, at) == 'M' ? 2 : 1;
            while (is_class(lex, at, CH_DIGIT)) {
                at++;
            }
            lex->conditional++;
            lex->at = at;
            *flags |= TOK_COMMENTED | TOK_CONDITIONAL;
            return true;
        }
        while (at + 1 < lex->len && !(lex->ptr[at] == '*' && lex->ptr[at + 1] == '/')) {
            at++;
        }
        if (at + 1 >= lex->len) {
            *ret_tail = 2;
            return false;
        }
        lex->at = at + 2;
        *flags |= TOK_COMMENTED;
        return true;
    }
    if (c == '#' || (c == '-' && next == '-')) {
        uint32_t opening = c == '#' ? 1 : 2, at = lex->at + opening;
        while (at < lex->len && lex->ptr[at] != '\n' && lex->ptr[at] != '\r') {
            at++;
        }
        if (space_end(lex, at) >= lex->len) {
            *ret_tail = opening;
            return false;
        }
        lex->at = at + 1;
        *flags |= TOK_COMMENTED;
        return true;
    }
    return false;
}

/* ---- operands ---- */

static tok_t make(sql_lex_t *lex, tok_kind_t kind, uint32_t end)
{
    tok_t t = {
        .kind = (uint8_t)kind, .sign = byte_at(lex, lex->at), .at = lex->at, .len = end - lex->at};
    lex->at = end;
    return t;
}

/* at: the first byte inside the string. */
static tok_t string_from(sql_lex_t *lex, uint32_t at)
{
    slice_t value = {lex->ptr, lex->len};
    uint8_t quote = lex->ptr[at - 1];
    bool *endless = &lex->endless[quote == '"'];
    uint32_t end = *endless ? UINT32_MAX : sql_string_end(value, at, quote, true);
    if (end ==
        UINT32_MAX) { /* without MySQL's backslash it may well end; the search is made once */
        *endless = true;
        end = sql_string_end(value, at, quote, false);
    }
    tok_t t =
        make(lex, end == UINT32_MAX ? TOK_OPEN_STR : TOK_STR, end == UINT32_MAX ? lex->len : end);
    t.sign = quote;
    t.flags = t.at + t.len - at <= (t.kind == TOK_STR ? 1u : 0u) ? TOK_EMPTY : 0;
    return t;
}

/* $tag$...$tag$ of PostgreSQL, or a number with a dollar in front. */
static tok_t dollar(sql_lex_t *lex)
{
    uint32_t tag = lex->at + 1;
    if (is_class(lex, tag, CH_DIGIT)) {
        while (is_class(lex, tag, CH_DIGIT)) {
            tag++;
        }
        return make(lex, TOK_ODD, tag);
    }
    while (is_class(lex, tag, CH_WORD | CH_DIGIT)) {
        tag++;
    }
    uint32_t opening = tag + 1 - lex->at;
    if (byte_at(lex, tag) != '$' || opening > 20) {
        return make(lex, TOK_ODD, lex->at + 1);
    }
    uint32_t limit = lex->len - lex->at > QUOTED_MAX_BYTES ? lex->at + QUOTED_MAX_BYTES : lex->len;
    for (uint32_t at = tag + 1; at + opening <= limit; at++) {
        if (memcmp(lex->ptr + at, lex->ptr + lex->at, opening) == 0) {
            tok_t t = make(lex, TOK_STR, at + opening);
            t.dialects = SQLI_POSTGRES;
            return t;
        }
    }
    return make(lex, TOK_ODD, lex->at + 1);
}

/* Oracle's q'[...]'; at: the quote. */
static bool oracle_string(sql_lex_t *lex, uint32_t at, tok_t *ret)
{
    uint8_t open = byte_at(lex, at + 1);
    uint8_t close = open == '['   ? ']'
                    : open == '{' ? '}'
                    : open == '(' ? ')'
                    : open == '<' ? '>'
                                  : open;
    for (uint32_t i = at + 2; i + 1 < lex->len && i - at < QUOTED_MAX_BYTES; i++) {
        if (lex->ptr[i] == close && lex->ptr[i + 1] == '\'') {
            *ret = make(lex, TOK_STR, i + 2);
            ret->dialects = SQLI_ORACLE;
            return true;
        }
    }
    return false;
}

static tok_t number(sql_lex_t *lex);

/* A word that a quote follows at once: N'', E'', X'', B'', U&'', q'[]', _utf8''. */
static bool prefixed_string(sql_lex_t *lex, uint32_t end, tok_t *ret)
{
    uint32_t len = end - lex->at;
    uint8_t c = byte_at(lex, lex->at) | 0x20, quote = byte_at(lex, end);
    if (c == 'u' && len == 1 && quote == '&') {
        quote = byte_at(lex, ++end);
    }
    if (quote != '\'' && !(quote == '"' && byte_at(lex, lex->at) == '_')) {
        return false;
    }
    if ((c == 'q' && len == 1) ||
        (c == 'n' && len == 2 && (byte_at(lex, lex->at + 1) | 0x20) == 'q')) {
        return oracle_string(lex, end, ret);
    }
    bool charset = byte_at(lex, lex->at) == '_' && len > 3;
    if (!charset && (len != 1 || !(c == 'n' || c == 'e' || c == 'x' || c == 'b' || c == 'u'))) {
        return false;
    }
    *ret = string_from(lex, end + 1);
    ret->dialects = charset ? SQLI_MYSQL : c == 'e' || c == 'u' ? SQLI_POSTGRES : 0;
    return true;
}

/* a.b, a..b, a.`b`, a."b", a.*: `end` is behind the first part. */
static uint32_t dotted_end(const sql_lex_t *lex, uint32_t end)
{
    while (byte_at(lex, end) == '.') {
        uint32_t at = end + (byte_at(lex, end + 1) == '.' ? 2u : 1u);
        uint8_t c = byte_at(lex, at);
        if (is_class(lex, at, CH_WORD)) {
            while (is_class(lex, at, CH_REST)) {
                at++;
            }
        } else if (c == '*') {
            at++;
        } else if (c == '`' || c == '"' || c == '[') {
            uint8_t close = c == '[' ? ']' : c;
            uint32_t i = at + 1;
            while (i < lex->len && lex->ptr[i] != close && i - at <= NAME_MAX_BYTES) {
                i++;
            }
            if (i >= lex->len || lex->ptr[i] != close) {
                return end;
            }
            at = i + 1;
        } else {
            return end;
        }
        end = at;
    }
    return end;
}

static void word_about(const sql_lex_t *lex, tok_t *t, uint32_t first_len)
{
    const sql_word_t *w = sql_word_find(slice_make(lex->ptr + t->at, first_len));
    bool dotted = first_len != t->len;
    t->flags = dotted ? TOK_DOTTED : 0;
    if (dotted && !(w && w->word == WORD_CALLED)) {
        /* master..xp_cmdshell: the last part may be what is called */
        uint32_t last = t->len;
        while (last > 0 && lex->ptr[t->at + last - 1] != '.') {
            last--;
        }
        w = sql_word_find(slice_make(lex->ptr + t->at + last, t->len - last));
        w = w && w->word == WORD_CALLED ? w : NULL;
    }
    if (w) {
        t->word = w->word;
        t->stmt = w->stmt;
        t->dialects = w->dialects;
    }
    t->sign =
        lex->ptr[t->at] >= 'A' && lex->ptr[t->at] <= 'Z' ? lex->ptr[t->at] | 0x20 : lex->ptr[t->at];
    sql_lex_t look = *lex;
    uint16_t commented = 0;
    uint32_t tail;
    look.at = space_end(lex, lex->at);
    for (unsigned n = 0; n < 4 && comment_skip(&look, &commented, &tail); n++) {
        look.at = space_end(&look, look.at);
    }
    look.at += dropped_number(lex, look.at);
    if (byte_at(&look, look.at) == '(') {
        t->flags |= TOK_CALL | (look.at == lex->at || commented ? TOK_CALL_GLUED : 0);
    }
}

static tok_t word(sql_lex_t *lex)
{
    uint32_t end = lex->at;
    while (is_class(lex, end, CH_REST) && !(lex->ptr[end] >= 0xA0 && wide_space(lex, end))) {
        end++;
    }
    tok_t t;
    uint32_t first = end - lex->at;
    if (first <= 10 &&
        (byte_at(lex, end) == '\'' || byte_at(lex, end) == '"' || byte_at(lex, end) == '&') &&
        prefixed_string(lex, end, &t)) {
        return t;
    }
    end = dotted_end(lex, end);
    t = make(lex, TOK_WORD, end);
    word_about(lex, &t, first);
    return t;
}

static uint32_t digits_end(const sql_lex_t *lex, uint32_t at)
{
    while (is_class(lex, at, CH_DIGIT)) {
        at++;
    }
    return at;
}

/* A number runs into a word: 1or, 1e0union, 1.union are a number and a word of SQL; 1st, 4x4, 3D
 * are one word of prose. */
static tok_t number(sql_lex_t *lex)
{
    uint32_t start = lex->at, at = start;
    uint8_t base = byte_at(lex, at + 1) | 0x20;
    if (byte_at(lex, at) == '0' && (base == 'x' || base == 'b') && is_class(lex, at + 2, CH_HEX)) {
        for (at += 2; is_class(lex, at, CH_HEX); at++) {
        }
        uint32_t end = at;
        while (is_class(lex, end, CH_REST)) {
            end++;
        }
        if (end == at || sql_word_find(slice_make(lex->ptr + at, end - at))) {
            return make(lex, TOK_NUM, at); /* 0xff, 0xffis */
        }
        at = start;
    }
    at = digits_end(lex, at);
    if (byte_at(lex, at) == '.') {
        at = digits_end(lex, at + 1);
    }
    if ((byte_at(lex, at) | 0x20) == 'e') {
        uint32_t e = at + 1;
        e += byte_at(lex, e) == '+' || byte_at(lex, e) == '-';
        if (is_class(lex, e, CH_DIGIT)) {
            at = digits_end(lex, e);
        } else if (e == at + 1 && !is_class(lex, e, CH_WORD)) {
            at = e; /* 1.e( */
        }
    }
    if (!is_class(lex, at, CH_WORD) || (lex->ptr[at] >= 0xA0 && wide_space(lex, at))) {
        return make(lex, TOK_NUM, at);
    }
    uint32_t end = at;
    while (is_class(lex, end, CH_REST)) {
        end++;
    }
    const sql_word_t *w = sql_word_find(slice_make(lex->ptr + at, end - at));
    uint8_t suffix = lex->ptr[at] | 0x20; /* Oracle's 1f and 1d, SQL Server's empty 0x */
    if (!w && (suffix == 'f' || suffix == 'd' || suffix == 'x')) {
        w = sql_word_find(slice_make(lex->ptr + at + 1, end - at - 1));
        at += w ? 1u : 0u;
    }
    if (w && w->word != WORD_PROSE && w->word != WORD_TYPE) {
        return make(lex, TOK_NUM, at);
    }
    tok_t t = make(lex, TOK_WORD, end);
    t.word = WORD_PROSE;
    return t;
}

static tok_t variable(sql_lex_t *lex)
{
    uint32_t at = lex->at + 1;
    if (byte_at(lex, at) == '>' || byte_at(lex, at) == '?') {
        return make(lex, TOK_MATH, at + 1);
    }
    at += byte_at(lex, at) == '@';
    uint8_t c = byte_at(lex, at);
    if (c == '\'' || c == '"' || c == '`') {
        uint32_t end = sql_string_end((slice_t){lex->ptr, lex->len}, at + 1, c, true);
        return make(lex, TOK_VAR, end == UINT32_MAX ? at : end);
    }
    while (is_class(lex, at, CH_REST) ||
           (byte_at(lex, at) == '.' && is_class(lex, at + 1, CH_WORD))) {
        at++;
    }
    return make(lex, TOK_VAR, at);
}

/* ---- names in quotes ---- */

static tok_t quoted_name(sql_lex_t *lex, uint8_t close)
{
    uint32_t at = lex->at + 1;
    while (at < lex->len && lex->ptr[at] != close &&
           (close == '`' || at - lex->at <= NAME_MAX_BYTES)) {
        at++;
    }
    if (at >= lex->len || lex->ptr[at] != close) {
        return close == '`' ? make(lex, TOK_OPEN_STR, lex->len) : make(lex, TOK_ODD, lex->at + 1);
    }
    uint32_t end = dotted_end(lex, at + 1);
    tok_t t = make(lex, TOK_NAME, end);
    t.flags = byte_at(lex, space_end(lex, end)) == '(' ? TOK_CALL : 0;
    return t;
}

/* ---- signs ---- */

static const struct {
    char text[4];
    uint8_t kind, dialects;
} SIGNS[] = {
    {"<=>", TOK_CMP, SQLI_MYSQL},
    {"!~*", TOK_CMP, SQLI_POSTGRES},
    {"->>", TOK_MATH, 0},
    {"#>>", TOK_MATH, SQLI_POSTGRES},
    {"~~*", TOK_CMP, SQLI_POSTGRES},
    {"!~~", TOK_CMP, SQLI_POSTGRES},
    {"&&", TOK_LOGIC, 0},
    {"||", TOK_LOGIC, 0},
    {"<>", TOK_CMP, 0},
    {"!=", TOK_CMP, 0},
    {"^=", TOK_CMP, SQLI_ORACLE},
    {"~=", TOK_CMP, SQLI_ORACLE},
    {"<=", TOK_CMP, 0},
    {">=", TOK_CMP, 0},
    {"==", TOK_CMP, SQLI_SQLITE},
    {"!<", TOK_CMP, SQLI_SQLSERVER},
    {"!>", TOK_CMP, SQLI_SQLSERVER},
    {":=", TOK_CMP, SQLI_MYSQL},
    {"::", TOK_CAST, SQLI_POSTGRES},
    {"!~", TOK_CMP, SQLI_POSTGRES},
    {"~*", TOK_CMP, SQLI_POSTGRES},
    {"~~", TOK_CMP, SQLI_POSTGRES},
    {"<<", TOK_MATH, 0},
    {">>", TOK_MATH, 0},
    {"->", TOK_MATH, 0},
    {"<@", TOK_MATH, SQLI_POSTGRES},
};

static tok_t sign(sql_lex_t *lex)
{
    uint32_t left = lex->len - lex->at;
    static const bool SECOND[128] = {
        ['='] = true, ['~'] = true, ['>'] = true, ['<'] = true, ['&'] = true,
        ['|'] = true, [':'] = true, ['@'] = true, ['*'] = true};
    uint8_t second = byte_at(lex, lex->at + 1);
    bool longer = second < 128 && SECOND[second];
    for (size_t i = 0; longer && left > 1 && i < sizeof(SIGNS) / sizeof(SIGNS[0]); i++) {
        uint32_t len = (uint32_t)strlen(SIGNS[i].text);
        if (SIGNS[i].text[0] == (char)lex->ptr[lex->at] && len <= left &&
            memcmp(SIGNS[i].text, lex->ptr + lex->at, len) == 0) {
            tok_t t = make(lex, SIGNS[i].kind, lex->at + len);
            t.dialects = SIGNS[i].dialects;
            return t;
        }
    }
    tok_kind_t kind = TOK_ODD;
    switch (lex->ptr[lex->at]) {
    case '=':
    case '<':
    case '>':
        kind = TOK_CMP;
        break;
    case '~':
        kind = lex->wants ? TOK_NOT : TOK_CMP;
        break;
    case '!':
        kind = TOK_NOT;
        break;
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
    case '&':
    case '|':
    case '^':
        kind = TOK_MATH;
        break;
    case ',':
        kind = TOK_COMMA;
        break;
    case ')':
    case '}':
        kind = TOK_RP;
        break;
    case '(':
    case '{':
        kind = TOK_LP;
        break;
    default:
        break;
    }
    return make(lex, kind, lex->at + 1);
}

static tok_t semicolon(sql_lex_t *lex)
{
    if (lex->at + 1 < lex->len && lex->ptr[lex->at + 1] == 0 &&
        space_end(lex, lex->at + 1) >= lex->len) {
        tok_t t = make(lex, TOK_TAIL, lex->len); /* ;%00 cuts the query in C's string functions */
        t.flags = TOK_EMPTY;
        return t;
    }
    return make(lex, TOK_SEMI, lex->at + 1);
}

static tok_t scan(sql_lex_t *lex)
{
    uint8_t c = lex->ptr[lex->at];
    if (CLASS[c] & CH_WORD) {
        return word(lex);
    }
    if (CLASS[c] & CH_DIGIT || (c == '.' && is_class(lex, lex->at + 1, CH_DIGIT))) {
        return number(lex);
    }
    switch (c) {
    case '\'':
    case '"':
        return string_from(lex, lex->at + 1);
    case '`':
        return quoted_name(lex, '`');
    case '[':
        return lex->wants ? quoted_name(lex, ']') : make(lex, TOK_ODD, lex->at + 1);
    case '@':
        return variable(lex);
    case '$':
        return dollar(lex);
    case ';':
        return semicolon(lex);
    case '\\':
        if (byte_at(lex, lex->at + 1) == 'N') {
            return make(lex, TOK_NUM, lex->at + 2);
        }
        return make(lex, TOK_ODD, lex->at + 1);
    default:
        return sign(lex);
    }
}

static bool gives_operand(const tok_t *t)
{
    switch ((tok_kind_t)t->kind) {
    case TOK_NUM:
    case TOK_STR:
    case TOK_NAME:
    case TOK_VAR:
    case TOK_RP:
        return true;
    case TOK_WORD:
        return t->word == WORD_NAME || t->word == WORD_CONST || t->word == WORD_PROSE ||
               t->word == WORD_TYPE;
    case TOK_END:
    case TOK_OPEN_STR:
    case TOK_LOGIC:
    case TOK_CMP:
    case TOK_MATH:
    case TOK_NOT:
    case TOK_CAST:
    case TOK_LP:
    case TOK_COMMA:
    case TOK_SEMI:
    case TOK_TAIL:
    case TOK_ODD:
        break;
    }
    return false;
}

tok_t sql_lex_next(sql_lex_t *lex)
{
    uint32_t start = lex->at, tail;
    uint16_t flags = 0;
    do {
        lex->at = space_end(lex, lex->at);
        lex->at = space_end(lex, lex->at + dropped_number(lex, lex->at));
    } while (comment_skip(lex, &flags, &tail));
    if (lex->at >= lex->len) {
        return (tok_t){.kind = TOK_END, .at = lex->len, .flags = flags};
    }
    tok_t t;
    if (tail) {
        uint16_t about = comment_flags(lex, lex->at + tail);
        t = make(lex, TOK_TAIL, lex->len);
        t.flags = about;
    } else {
        t = scan(lex);
    }
    t.flags |= flags | (lex->conditional ? TOK_CONDITIONAL : 0);
    if (t.at == start) {
        t.flags |= TOK_GLUED;
    }
    lex->wants = !gives_operand(&t);
    return t;
}
