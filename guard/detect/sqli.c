/* The places where careless code puts a value, and the gate before them. */
#include "sqli_look.h"

enum { WINDOW = 128, OVERLAP = 40 };

static const char *const CONTEXT_NAME[] = {"bare",     "single",  "double",
                                           "backtick", "bracket", "comment"};

const char *sqli_context_name(sqli_context_t context)
{
    return CONTEXT_NAME[context];
}

/* ---- contexts ---- */

static host_t host_of(const expr_t *e)
{
    switch (e->first) {
    case OPERAND_NUM:
        return HOST_NUM;
    case OPERAND_NAME:
    case OPERAND_PROSE:
        return HOST_NAME;
    case OPERAND_NONE:
        return HOST_EMPTY;
    case OPERAND_CALL:
        return HOST_NAME;
    case OPERAND_STR:
    case OPERAND_OPEN:
    case OPERAND_CONST:
    case OPERAND_VAR:
    case OPERAND_FUNCTION:
    case OPERAND_CALLED:
    case OPERAND_QUERY:
    case OPERAND_CASE:
    case OPERAND_PAREN:
        break;
    }
    return HOST_HARD;
}

/* The value stands where an operand stood: what is that operand, and what comes behind it? */
static bool bare(look_t *k)
{
    expr_t e = sql_operand(&k->toks, 0);
    k->host = host_of(&e);
    if (e.first == OPERAND_NONE) {
        uint32_t end;
        if (is_word(k, 0, WORD_SELECT)) {
            return sql_select_weight(&k->toks, 1) > 2 && look_found(k, "select", 0, 2);
        }
        if (at(k, 0)->kind == TOK_WORD && at(k, 0)->word == WORD_STATEMENT &&
            at(k, 0)->stmt == STMT_EXEC) {
            return sql_statement(&k->toks, 0, &end) && look_found(k, "statement", 0, end);
        }
        if (is_word(k, 0, WORD_OR) && at(k, 1)->kind == TOK_WORD && at(k, 1)->word == WORD_CONST &&
            is_kind(k, 2, TOK_TAIL)) {
            return look_found(k, "or", 0, 3); /* or true-- */
        }
        return look_follows(k, 0);
    }
    bool done = at_end(k, e.end), cut = is_kind(k, e.end, TOK_TAIL);
    if (double_at(k, 0) && (done || cut)) {
        return look_found(k, "variable", 0, e.end);
    }
    if (e.has & HAS_NESTED && e.first != OPERAND_NAME) {
        expr_t all = sql_expr(&k->toks, 0);
        if (at_end(k, all.end) || is_kind(k, all.end, TOK_TAIL)) {
            return look_found(k, "function", 0, all.end);
        }
    }
    if (e.first == OPERAND_PAREN &&
        (e.has & HAS_BOTH_HARD || (cut && e.has & (HAS_LOGIC | HAS_CALL | HAS_VAR)))) {
        if (e.has & (HAS_SIGN_CMP | HAS_LOGIC | HAS_CALL | HAS_VAR)) {
            return look_found(k, "condition", 0, e.end);
        }
    }
    if (e.first == OPERAND_PAREN && !(e.has & HAS_HARD)) {
        k->host = HOST_NAME;
    }
    return look_follows(k, e.end);
}

/* Fills the window; false when nothing was left to read. */
static bool fill(look_t *k, sql_lex_t *lex, tok_t *list, uint32_t *count)
{
    while (*count < WINDOW) {
        list[*count] = sql_lex_next(lex);
        if (list[*count].kind == TOK_END) {
            k->last = true;
            break;
        }
        (*count)++;
    }
    k->toks.list = list;
    k->toks.count = *count;
    return *count > 0;
}

/* "-" は要りますか: a sign or a name, and the sentence goes on in Japanese. */
static bool named_in_prose(slice_t v, size_t open, size_t close)
{
    for (size_t i = open + 1; i < close; i++) {
        uint8_t c = v.ptr[i];
        if (c <= 0x20 || c >= 0x7F || c == ';' || c == '\'' || c == '`' || c == '(' ||
            (i + 1 < close && c == v.ptr[i + 1] && (c == '-' || c == '|' || c == '&'))) {
            return false;
        }
    }
    size_t next = close + 1;
    next += next < v.len && v.ptr[next] == ' ';
    return close - open < 24 && next < v.len && v.ptr[next] >= 0x80 &&
           (open == 0 || v.ptr[open - 1] >= 0x80 || v.ptr[open - 1] == ' ');
}

/* A phrase in quotation marks: "select", the 'order by' date. */
static bool quoted_phrase(slice_t v, size_t open, uint8_t quote)
{
    size_t close = open + 1 + slice_find_byte(slice_from(v, open + 1), quote);
    if (close > open + 1 && close < v.len && quote == '"' && named_in_prose(v, open, close)) {
        return true;
    }
    if (close <= open + 1 || close >= v.len || (open > 0 && word_byte(v.ptr[open - 1])) ||
        (close + 1 < v.len && word_byte(v.ptr[close + 1]))) {
        return false;
    }
    for (size_t i = open + 1; i < close; i++) {
        if (!word_byte(v.ptr[i]) && (v.ptr[i] != ' ' || i == open + 1 || i + 1 == close)) {
            return false;
        }
    }
    if (quote == '"') {
        return true;
    }
    size_t next = close + 1;
    while (next < v.len && v.ptr[next] == ' ') {
        next++;
    }
    /* 1 'or' 1: single quotes are strings in every dialect */
    return open > 2 && (next >= v.len || !(v.ptr[next] >= '0' && v.ptr[next] <= '9'));
}

static bool opens_again(const look_t *k)
{
    slice_t v = slice_trim(k->toks.value);
    return v.len && v.ptr + v.len > k->toks.value.ptr + k->close + 1 &&
           v.ptr[v.len - 1] == k->quote;
}

/* A call that attackers like between the closed quote and the one opened again: whatever stands in
 * its parentheses, which may be of another language ('+sleep(20.to_i)+'). */
static bool call_rejoined(look_t *k)
{
    uint32_t i = is_kind(k, 0, TOK_WORD) ? 0 : 1;
    const tok_t *t = at(k, i);
    return t->kind == TOK_WORD && t->word == WORD_CALLED && t->flags & TOK_CALL_GLUED &&
           opens_again(k) && look_found(k, "call-rejoined", i, i + 1);
}

/* The value is nothing but a quote closed, an operator, something, the same operator and the quote
 * opened again: " | ... | ". Nobody types that who does not know of the quotes. */
static bool operators_rejoined(look_t *k)
{
    slice_t v = slice_trim(k->toks.value);
    if (k->close != 0 || v.len < 7 || !opens_again(k)) {
        return false;
    }
    slice_t inner = slice_trim(slice_sub(v, 1, v.len - 2));
    uint8_t op = inner.len > 2 ? inner.ptr[0] : 0;
    return (op == '|' || op == '+' || op == '&') && inner.ptr[inner.len - 1] == op &&
           slice_trim(slice_sub(inner, 1, inner.len - 2)).len > 0 &&
           look_found(k, "rejoined", 0, k->toks.count);
}

/* One context from offset `from` on. */
static bool look_from(look_t *k, uint32_t from)
{
    __attribute__((uninitialized)) tok_t list[WINDOW];
    sql_lex_t lex = {.ptr = k->toks.value.ptr,
                     .len = (uint32_t)k->toks.value.len,
                     .at = from,
                     .wants = k->context == SQLI_BARE};
    uint32_t count = 0;
    k->first = true;
    k->last = false;
    for (;;) {
        if (!fill(k, &lex, list, &count)) {
            return false;
        }
        if (k->first && (k->context == SQLI_BARE ? bare(k) : look_follows(k, 0))) {
            return true;
        }
        if (k->first && k->quote && (call_rejoined(k) || operators_rejoined(k))) {
            return true;
        }
        if (look_anywhere(k)) {
            return true;
        }
        if (k->last) {
            return false;
        }
        memmove(list, list + WINDOW - OVERLAP, OVERLAP * sizeof(list[0]));
        count = OVERLAP;
        k->first = false;
    }
}

/* The value stands inside quotes: every quote that may close them is tried, at most four. */
static bool quoted(look_t *k, uint8_t quote, sqli_context_t context)
{
    slice_t v = k->toks.value;
    uint32_t at_byte = 0;
    k->context = context;
    k->quote = quote;
    k->host = HOST_QUOTE;
    for (unsigned tries = 0; tries < 4; tries++) {
        /* \' closes where \ means nothing; '' never does */
        uint32_t end = sql_string_end(v, at_byte, quote, false);
        if (end == UINT32_MAX) {
            return false;
        }
        k->close = end - 1;
        if (quoted_phrase(v, k->close, quote)) {
            return false;
        }
        if (look_from(k, end)) {
            return true;
        }
        if (k->close == 0 || v.ptr[k->close - 1] != '\\') {
            return false; /* MySQL would close here as well */
        }
        at_byte = end;
    }
    return false;
}

static bool bracketed(look_t *k)
{
    size_t close = slice_find_byte(k->toks.value, ']');
    if (close == SIZE_MAX || slice_find_byte(slice_sub(k->toks.value, 0, close), '[') != SIZE_MAX) {
        return false;
    }
    k->context = SQLI_BRACKET;
    k->quote = 0;
    k->host = HOST_HARD;
    k->close = (uint32_t)close;
    return look_from(k, (uint32_t)close + 1);
}

static bool commented(look_t *k)
{
    size_t close = slice_find(k->toks.value, SLICE("*/"));
    if (close == SIZE_MAX ||
        slice_find(slice_sub(k->toks.value, 0, close), SLICE("/*")) != SIZE_MAX) {
        return false;
    }
    k->context = SQLI_COMMENT;
    k->quote = 0;
    k->host = HOST_EMPTY;
    k->close = (uint32_t)close;
    return look_from(k, (uint32_t)close + 2);
}

bool sqli_possible(uint32_t seen, size_t len)
{
    const uint32_t plain = BYTES_LETTER | BYTES_DIGIT | BYTES_HIGH;
    const uint32_t harmless = plain | BYTES_DOT | BYTES_COLON | BYTES_COMMA | BYTES_QUESTION;
    /* Without white space, parentheses, quotes, comments and operators there is one word or a list.
     */
    if ((seen & ~harmless) == 0 && !(seen & BYTES_HIGH)) {
        return (seen & BYTES_DIGIT) && (seen & BYTES_LETTER) && len > 12; /* 1.union... */
    }
    if ((seen & ~(plain | BYTES_HIGH)) == 0 && !(seen & BYTES_DIGIT) && !(seen & BYTES_LETTER)) {
        return false; /* Japanese alone */
    }
    /* one sign and digits: dates, times, telephone numbers */
    if ((seen & ~(uint32_t)(BYTES_DIGIT | BYTES_SLASH | BYTES_COLON | BYTES_DOT | BYTES_COMMA)) ==
        0) {
        return false;
    }
    return len > 2;
}

static bool has_pair(slice_t v, uint8_t a, uint8_t b)
{
    for (size_t i = 0; i + 1 < v.len; i++) {
        if (v.ptr[i] == a && v.ptr[i + 1] == b) {
            return true;
        }
    }
    return false;
}

/* Without an operator, a comment or a word that decides, no context can give an injection: told
 * without lexing. */
static bool worth_a_look(slice_t v, uint32_t seen)
{
    const uint32_t quotes = BYTES_SINGLE | BYTES_DOUBLE | BYTES_BACKTICK | BYTES_BRACKET;
    const uint32_t operators = BYTES_PIPE | BYTES_AMPERSAND | BYTES_PLUS | BYTES_MINUS |
                               BYTES_STAR | BYTES_SLASH | BYTES_PERCENT | BYTES_CARET | BYTES_HASH |
                               BYTES_SEMICOLON | BYTES_COMMA | BYTES_BANG;
    if (seen & (BYTES_EQUAL | BYTES_LESS | BYTES_GREATER) ||
        ((seen & quotes) && (seen & operators)) ||
        ((seen & BYTES_CONTROL) && (seen & BYTES_SEMICOLON)) ||
        ((seen & BYTES_HASH) && (seen & (BYTES_PAREN | BYTES_MINUS | BYTES_AT)))) {
        return true;
    }
    if (((seen & BYTES_MINUS) && has_pair(v, '-', '-')) ||
        ((seen & BYTES_PIPE) && has_pair(v, '|', '|')) ||
        ((seen & BYTES_AMPERSAND) && has_pair(v, '&', '&')) ||
        ((seen & BYTES_AT) && has_pair(v, '@', '@')) ||
        ((seen & BYTES_STAR) && (has_pair(v, '/', '*') || has_pair(v, '*', '/')))) {
        return true;
    }
    unsigned tiers = seen & BYTES_PAREN ? 3 : seen & (BYTES_DIGIT | BYTES_AT | quotes) ? 2 : 1;
    return (seen & BYTES_LETTER) && sql_words_decide(v, tiers);
}

/* ('-') ("^w^): brackets around signs alone are a face. */
static bool face(slice_t value, uint32_t seen)
{
    uint8_t first = value.ptr[0], last = value.ptr[value.len - 1];
    return !(seen & (BYTES_LETTER | BYTES_DIGIT)) &&
           (first == '(' || first == '<' || first >= 0x80) &&
           (last == ')' || last == '>' || last >= 0x80 || last == ';' || last == '/');
}

bool sqli_detect(slice_t value, sqli_found_t *ret_found)
{
    look_t k = {.toks.value = value, .ret_found = ret_found, .context = SQLI_BARE};
    if (value.len < 3 || value.len >= UINT32_MAX) {
        return false;
    }
    uint32_t seen = bytes_seen(value);
    if (!sqli_possible(seen, value.len) || !worth_a_look(value, seen) || face(value, seen)) {
        return false;
    }
    return look_from(&k, 0) || ((seen & BYTES_SINGLE) && quoted(&k, '\'', SQLI_SINGLE)) ||
           ((seen & BYTES_DOUBLE) && quoted(&k, '"', SQLI_DOUBLE)) ||
           ((seen & BYTES_BACKTICK) && quoted(&k, '`', SQLI_BACKTICK)) ||
           ((seen & BYTES_BRACKET) && bracketed(&k)) || ((seen & BYTES_STAR) && commented(&k));
}
