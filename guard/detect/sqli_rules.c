/* The judgement. Two questions are asked in each context: `follows` reads what stands behind the
 * value that was meant to be there, operator by operator, as the database would; `anywhere` looks
 * for constructs that have no business in any value, whatever stands around them. Words alone
 * decide nothing: prose has them too. Constructs decide. */
#include "sqli_look.h"

/* ---- what is told ---- */

bool look_found(look_t *k, const char *why, uint32_t from, uint32_t to)
{
    if (!k->ret_found) {
        return true;
    }
    sqli_found_t f = {.context = k->context};
    to = to > from ? to : from + 1;
    for (uint32_t i = from; i < to; i++) {
        f.dialects |= toks_at(&k->toks, i)->dialects;
    }
    f.dialects = f.dialects ? f.dialects : SQLI_ALL;
    const tok_t *a = toks_at(&k->toks, from), *b = toks_at(&k->toks, to - 1);
    size_t end = b->kind == TOK_END ? k->toks.value.len : b->at + b->len;
    f.at = a->kind == TOK_END ? k->close : a->at;
    f.len = end > f.at ? end - f.at : 0;
    for (size_t i = 0; why[i] && i < SQLI_FINGERPRINT_MAX; i++) {
        f.fingerprint[i] = why[i];
    }
    *k->ret_found = f;
    return true;
}

static bool same_tokens(const look_t *k, uint32_t a, uint32_t b)
{
    const tok_t *x = at(k, a), *y = at(k, b);
    return x->kind != TOK_END && x->kind == y->kind &&
           slice_eq_nocase(slice_sub(k->toks.value, x->at, x->len),
                           slice_sub(k->toks.value, y->at, y->len));
}

static bool is_clause(const look_t *k, uint32_t i)
{
    const tok_t *t = at(k, i);
    return t->kind == TOK_WORD && ((t->word == WORD_UNION && is_word(k, i + 1, WORD_SELECT)) ||
                                   (t->word == WORD_GROUP && is_word(k, i + 1, WORD_BY)) ||
                                   (t->word == WORD_LIMIT && is_kind(k, i + 1, TOK_NUM)) ||
                                   t->word == WORD_HAVING || t->word == WORD_PROCEDURE);
}

/* What may stand behind a condition in a query that goes on: not a word of prose. */
static bool cut_clean(const look_t *k, uint32_t i)
{
    const tok_t *t = at(k, i);
    if (t->kind == TOK_WORD) {
        return t->word == WORD_AND || t->word == WORD_OR || is_clause(k, i);
    }
    return t->kind == TOK_TAIL || t->kind == TOK_SEMI || t->kind == TOK_RP || t->kind == TOK_LOGIC;
}

/* ---- conditions ---- */

/* Letters of the word that ends before, or begins at, an offset; stops at four. */
static unsigned letters(slice_t v, size_t from, int step)
{
    unsigned n = 0;
    for (size_t i = from; i < v.len && n < 4; i += (size_t)(ptrdiff_t)step, n++) {
        uint8_t c = v.ptr[i];
        if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c < 0x80) {
            break;
        }
    }
    return n;
}

/* Rock' and 'Jazz: quoted words in prose. */
static bool quoted_words(const look_t *k, uint32_t open)
{
    const tok_t *t = at(k, open);
    return k->close > 0 && letters(k->toks.value, k->close - 1, -1) > 2 &&
           letters(k->toks.value, t->at + 1, 1) > 2;
}

/* Other white space than one space before token i. */
static bool odd_gap(const look_t *k, uint32_t i)
{
    uint32_t start = at(k, i)->at;
    if (i == 0 || start < 2 || start > k->toks.value.len) {
        return false;
    }
    const uint8_t *p = k->toks.value.ptr + start;
    return p[-1] != ' ' || p[-2] <= ' ';
}

/* 0x1, 1e0, .5: how programs write numbers, not people. */
static bool odd_number(const look_t *k, uint32_t i)
{
    slice_t t = slice_sub(k->toks.value, at(k, i)->at, at(k, i)->len);
    if (!is_kind(k, i, TOK_NUM)) {
        return is_kind(k, i, TOK_RP);
    }
    return slice_find_byte(t, 'x') != SIZE_MAX || slice_find_byte(t, 'e') != SIZE_MAX ||
           slice_starts(t, SLICE("."));
}

/* AND/OR number: a list of prose ("2 or 3 nights") or a condition that is always the same. */
static bool lone_number(const look_t *k, uint32_t op, const expr_t *e)
{
    bool strange = at(k, op)->kind == TOK_LOGIC || at(k, op)->flags & (TOK_COMMENTED | TOK_GLUED) ||
                   at(k, op + 1)->flags & (TOK_COMMENTED | TOK_GLUED) || e->has & HAS_NEGATION ||
                   odd_gap(k, op) || odd_gap(k, op + 1) || odd_number(k, e->end - 1) ||
                   (op == 2 && is_kind(k, 0, TOK_MATH));
    const tok_t *cut = at(k, e->end);
    bool comment = cut->kind == TOK_TAIL || cut->kind == TOK_SEMI || is_clause(k, e->end);
    if (k->host == HOST_QUOTE) {
        return cut_clean(k, e->end) || (at_end(k, e->end) && (k->close == 0 || strange));
    }
    if (k->host == HOST_NUM || k->host == HOST_HARD) {
        if (comment) {
            return true;
        }
        bool end = at_end(k, e->end) || cut->kind == TOK_RP;
        uint32_t number = e->end - 1;
        bool always =
            op > 0 && (same_tokens(k, op - 1, number) ||
                       (at(k, number)->len == 1 && (k->toks.value.ptr[at(k, number)->at] == '1')));
        return end && (strange || always || k->host == HOST_HARD);
    }
    return comment && (strange || k->host == HOST_EMPTY);
}

/* Is `op expression` a condition that somebody added to a query? op: index of AND, OR, WHERE ... */
static bool condition(const look_t *k, uint32_t op, const expr_t *e)
{
    bool loose = k->host == HOST_NAME;
    bool clean = cut_clean(k, e->end) || at_end(k, e->end) || e->last == OPERAND_OPEN;
    uint16_t has = e->has;
    if (has & HAS_SIGN_CMP && has & (HAS_SAME | HAS_BOTH_HARD)) {
        return true;
    }
    if (has & HAS_SIGN_CMP && has & HAS_HARD) {
        return !loose || has & (HAS_CALL | HAS_NESTED) || at(k, e->end)->kind == TOK_TAIL;
    }
    if (has & HAS_SIGN_CMP && clean && !loose) {
        return true;
    }
    if (has & HAS_WORD_CMP && has & HAS_HARD && clean) {
        return !loose || has & HAS_BOTH_HARD || at(k, e->end)->kind == TOK_TAIL;
    }
    bool cut = at(k, e->end)->kind == TOK_TAIL && at(k, e->end)->flags & TOK_EMPTY;
    if (has & HAS_CALL && clean && !loose) {
        return true;
    }
    switch (e->first) {
    case OPERAND_CALLED:
    case OPERAND_QUERY:
    case OPERAND_CASE:
        return true;
    case OPERAND_FUNCTION:
        return has & HAS_NESTED || (clean && !loose);
    case OPERAND_CALL:
        return clean && ((has & HAS_CALL) || (k->host == HOST_QUOTE && !at_end(k, e->end)));
    case OPERAND_VAR:
        return double_at(k, op + 1) || (clean && k->host == HOST_QUOTE);
    case OPERAND_NUM:
        return lone_number(k, op, e);
    case OPERAND_CONST:
        return clean && (k->host == HOST_QUOTE || k->host == HOST_NUM || k->host == HOST_HARD);
    case OPERAND_STR:
        return clean && k->host == HOST_NUM &&
               (cut || letters(k->toks.value, at(k, op + 1)->at + 1, 1) < 3);
    case OPERAND_PAREN:
        return has & HAS_HARD &&
               (has & (HAS_LOGIC | HAS_CALL | HAS_VAR) || (clean && k->host == HOST_QUOTE) ||
                (k->host == HOST_NUM && clean));
    case OPERAND_NAME: {
        const tok_t *t = at(k, op + 1);
        bool sign = t->kind == TOK_NOT || (t->kind == TOK_CMP && t->sign == '~');
        bool quoted = t->kind == TOK_NAME;
        return (k->host == HOST_NUM && clean &&
                (cut || sign || quoted || (t->flags & TOK_COMMENTED))) ||
               (k->host == HOST_QUOTE && cut_clean(k, e->end) && (sign || quoted));
    }
    case OPERAND_NONE:
    case OPERAND_OPEN:
    case OPERAND_PROSE:
        break;
    }
    return false;
}

/* ---- constructs that decide wherever they stand ---- */

static bool union_at(look_t *k, uint32_t i)
{
    uint32_t j = i + 1;
    bool odd = at(k, i)->flags & TOK_COMMENTED ||
               (i > 0 && at(k, i)->flags & TOK_GLUED && is_kind(k, i - 1, TOK_NUM));
    for (unsigned n = 0; n < 8; n++, j++) {
        const tok_t *t = at(k, j);
        odd |= t->kind == TOK_LP || t->flags & TOK_COMMENTED || t->kind == TOK_MATH;
        if (!is_word(k, j, WORD_ALL) && t->kind != TOK_LP &&
            !(t->kind == TOK_MATH && t->sign == '+') && t->kind != TOK_ODD) {
            break;
        }
    }
    if (is_word(k, j, WORD_SELECT)) {
        unsigned weight = sql_select_weight(&k->toks, j + 1);
        bool value = i > 0 && (is_kind(k, i - 1, TOK_NUM) || is_kind(k, i - 1, TOK_RP) ||
                               is_kind(k, i - 1, TOK_VAR));
        const tok_t *t = at(k, j + 1);
        bool prose = t->kind == TOK_WORD && t->word == WORD_PROSE;
        if (weight || odd || at(k, j)->flags & TOK_COMMENTED || t->kind == TOK_NAME ||
            (value && !prose) || (t->kind == TOK_ODD && is_kind(k, j + 2, TOK_NAME)) ||
            (i == 0 && (at_end(k, j + 1) || t->kind == TOK_TAIL))) {
            return look_found(k, "union-select", i, j + 1);
        }
    }
    bool host = i == 0 || is_kind(k, i - 1, TOK_NUM) || is_kind(k, i - 1, TOK_RP) ||
                is_kind(k, i - 1, TOK_VAR);
    if (host && ((is_kind(k, j, TOK_NUM) && is_kind(k, j + 1, TOK_COMMA)) || at_end(k, j) ||
                 is_kind(k, j, TOK_TAIL))) {
        return (i || k->context != SQLI_BARE) &&
               look_found(k, "union", i, j + 1); /* half an attack */
    }
    if (is_word(k, j, WORD_VALUES) && is_kind(k, j + 1, TOK_LP) &&
        operand_hard(sql_expr(&k->toks, j + 2).first)) {
        return look_found(k, "union-values", i, j + 1);
    }
    bool ends = is_kind(k, j + 2, TOK_TAIL) || (host && at_end(k, j + 2) && i > 0);
    return toks_text(&k->toks, j, SLICE("table")) && ends && look_found(k, "union-table", i, j + 2);
}

static bool select_at(look_t *k, uint32_t i)
{
    bool inside = i > 0 && is_kind(k, i - 1, TOK_LP);
    unsigned weight = sql_select_weight(&k->toks, i + 1);
    if (inside) {
        uint32_t before = i - 1;
        while (before > 0 && is_kind(k, before, TOK_LP)) {
            before--;
        }
        const tok_t *t = at(k, before);
        bool operand = t->kind == TOK_CMP || t->kind == TOK_MATH || t->kind == TOK_COMMA ||
                       t->kind == TOK_LOGIC || t->kind == TOK_LP ||
                       (t->kind == TOK_WORD && (t->word == WORD_AND || t->word == WORD_OR));
        return weight > (operand ? 0u : 1u) && look_found(k, "subselect", i, i + 2);
    }
    if (i > 0 && (is_word(k, i - 1, WORD_AND) || is_word(k, i - 1, WORD_OR)) && weight) {
        return look_found(k, "subselect", i - 1, i + 2);
    }
    return weight > 3 && look_found(k, "select", i, i + 2);
}

static bool called_at(look_t *k, uint32_t i)
{
    if (!(at(k, i)->flags & TOK_CALL)) {
        return at(k, i)->flags & TOK_DOTTED && look_found(k, "call", i, i + 1);
    }
    expr_t arg = sql_expr(&k->toks, i + 2);
    bool open =
        is_kind(k, i + 2, TOK_RP) || arg.first == OPERAND_QUERY || is_word(k, i + 2, WORD_SELECT);
    bool hard = operand_hard(arg.first) || arg.has & HAS_HARD;
    const tok_t *behind = at(k, arg.end);
    bool fits = behind->kind == TOK_RP || behind->kind == TOK_COMMA || behind->kind == TOK_END ||
                behind->kind == TOK_TAIL || behind->kind == TOK_CAST;
    bool plain = at(k, i)->len == 5; /* sleep: a word of prose as well */
    if (open || (hard && fits) || (fits && !plain && at(k, i)->flags & TOK_CALL_GLUED)) {
        return look_found(k, "call", i, i + 2);
    }
    return false;
}

static bool case_found(look_t *k, uint32_t i)
{
    expr_t e = sql_operand(&k->toks, i);
    return e.first == OPERAND_CASE && look_found(k, "case", i, e.end);
}

static bool statement_at(look_t *k, uint32_t i)
{
    uint32_t end;
    return sql_statement(&k->toks, i, &end) && look_found(k, "stacked", i, end);
}

/* AND 1=1, OR 'a'='a' with prose before it. */
static bool constant_condition(look_t *k, uint32_t i)
{
    const tok_t *t = at(k, i + 1);
    if (t->kind != TOK_NUM && t->kind != TOK_STR && t->kind != TOK_LP && t->kind != TOK_NOT) {
        return false;
    }
    expr_t e = sql_expr(&k->toks, i + 1);
    if (e.has & HAS_SIGN_CMP && e.has & (HAS_SAME | HAS_BOTH_HARD)) {
        return look_found(k, "condition", i, e.end);
    }
    return false;
}

static bool word_decides(look_t *k, uint32_t i)
{
    const tok_t *t = at(k, i);
    switch ((word_t)t->word) {
    case WORD_UNION:
        return union_at(k, i);
    case WORD_SELECT:
        return select_at(k, i);
    case WORD_CALLED:
        return called_at(k, i);
    case WORD_CASE:
        return case_found(k, i);
    case WORD_AND:
    case WORD_OR:
        return constant_condition(k, i);
    case WORD_INTO:
        return is_word(k, i + 1, WORD_FILE) && at(k, i + 2)->word != WORD_PROSE &&
               look_found(k, "into-file", i, i + 3);
    case WORD_PROCEDURE:
        return toks_text(&k->toks, i + 1, SLICE("analyse")) && is_kind(k, i + 2, TOK_LP) &&
               look_found(k, "procedure", i, i + 2);
    case WORD_FROM:
        return sql_system_table(&k->toks, i + 1) &&
               (at(k, i + 1)->flags & TOK_DOTTED || at(k, i + 1)->len > 5) &&
               look_found(k, "system-table", i, i + 2);
    case WORD_STATEMENT:
        if (t->stmt == STMT_DECLARE && is_kind(k, i + 1, TOK_VAR)) {
            return look_found(k, "declare", i, i + 2);
        }
        if (t->stmt == STMT_WAITFOR) {
            return statement_at(k, i);
        }
        return t->stmt == STMT_EXEC && (at(k, i + 1)->word == WORD_CALLED) && statement_at(k, i);
    case WORD_NAME:
    case WORD_PROSE:
    case WORD_NOT:
    case WORD_LIKE:
    case WORD_IS:
    case WORD_IN:
    case WORD_BETWEEN:
    case WORD_DIV:
    case WORD_VALUES:
    case WORD_ALL:
    case WORD_WHERE:
    case WORD_HAVING:
    case WORD_GROUP:
    case WORD_BY:
    case WORD_LIMIT:
    case WORD_WHEN:
    case WORD_THEN:
    case WORD_ELSE:
    case WORD_END_KW:
    case WORD_AS:
    case WORD_JOIN:
    case WORD_UNARY:
    case WORD_CONST:
    case WORD_COLLATE:
    case WORD_SORT:
    case WORD_TYPE:
    case WORD_OBJECT:
    case WORD_FILE:
    case WORD_WITH:
    case WORD_FOR:
    case WORD_SET:
    case WORD_ON:
    case WORD_IF:
    case WORD_FUNCTION:
        break;
    }
    return false;
}

bool look_anywhere(look_t *k)
{
    for (uint32_t i = 0; i < k->toks.count; i++) {
        const tok_t *t = at(k, i);
        if (t->kind == TOK_WORD) {
            if (t->word > WORD_PROSE && word_decides(k, i)) {
                return true;
            }
            if (t->flags & TOK_CONDITIONAL && t->word > WORD_PROSE) {
                return look_found(k, "conditional", i, i + 1);
            }
        } else if (t->kind == TOK_SEMI) {
            if (statement_at(k, i + 1)) {
                return true;
            }
        } else if (t->kind == TOK_LOGIC && constant_condition(k, i)) {
            return true;
        }
    }
    return false;
}

/* ---- what follows the value ---- */

typedef struct walk {
    unsigned ops; /* operators and clauses that grammar carries */
    unsigned commas;
    bool words_only; /* AND, OR, - between plain words: prose may do that */
    bool sums_only;  /* + - * / and the like between names and numbers: so may measures */
    bool reopened;   /* the last operand is a string that the host query ends */
} walk_t;

static bool clause_list(look_t *k, uint32_t i, expr_t *e)
{
    for (;;) {
        *e = sql_expr(&k->toks, i);
        if (e->first == OPERAND_NONE || e->first == OPERAND_PROSE) {
            return false;
        }
        e->end += is_word(k, e->end, WORD_SORT);
        if (!is_kind(k, e->end, TOK_COMMA)) {
            return true;
        }
        i = e->end + 1;
    }
}

/* ORDER BY, GROUP BY: i is the first word. */
static bool group_clause(look_t *k, uint32_t *i)
{
    expr_t e;
    if (!is_word(k, *i + 1, WORD_BY) || !clause_list(k, *i + 2, &e)) {
        return false;
    }
    uint32_t from = *i;
    *i = e.end;
    const tok_t *cut = at(k, e.end);
    bool clean = cut_clean(k, e.end) || at_end(k, e.end);
    bool comment = cut->kind == TOK_TAIL || cut->kind == TOK_SEMI || is_clause(k, e.end);
    if (k->host == HOST_QUOTE || k->host == HOST_HARD) {
        return clean && (comment || e.has & HAS_HARD) && look_found(k, "order-by", from, e.end);
    }
    bool number = k->host == HOST_NUM || k->host == HOST_EMPTY;
    return ((e.has & HAS_HARD && clean && number) || (comment && number) || e.has & HAS_NESTED) &&
           look_found(k, "order-by", from, e.end);
}

static bool having_clause(look_t *k, uint32_t *i)
{
    expr_t e = sql_expr(&k->toks, *i + 1);
    if (e.first == OPERAND_NONE) {
        return false;
    }
    uint32_t from = *i;
    *i = e.end;
    bool clean = cut_clean(k, e.end) || at_end(k, e.end);
    return (condition(k, from, &e) ||
            (clean && e.has & HAS_HARD && (e.first != OPERAND_NUM || k->host != HOST_NAME))) &&
           look_found(k, "having", from, e.end);
}

static bool limit_clause(look_t *k, uint32_t *i)
{
    if (!is_kind(k, *i + 1, TOK_NUM)) {
        return false;
    }
    uint32_t from = *i;
    *i += 2;
    bool more =
        (is_kind(k, *i, TOK_COMMA) || is_word(k, *i, WORD_LIMIT)) && is_kind(k, *i + 1, TOK_NUM);
    *i += more ? 2 : 0;
    bool comment = is_kind(k, *i, TOK_TAIL) || is_kind(k, *i, TOK_SEMI);
    return ((more && (at_end(k, *i) || comment) && k->host != HOST_NAME) ||
            (comment && k->host != HOST_NAME)) &&
           look_found(k, "limit", from, *i);
}

static const char *op_name(const look_t *k, uint32_t op)
{
    return is_word(k, op, WORD_AND)     ? "and"
           : is_word(k, op, WORD_OR)    ? "or"
           : is_word(k, op, WORD_WHERE) ? "where"
                                        : "logic";
}

/* AND, OR, &&, ||, WHERE at *i. True when it decides; else *i moves behind what was read or stays.
 */
static bool logic_step(look_t *k, uint32_t *i, walk_t *w)
{
    uint32_t op = *i;
    expr_t e = sql_expr(&k->toks, op + 1);
    if (e.first == OPERAND_NONE) {
        return false;
    }
    if (condition(k, op, &e)) {
        return look_found(k, op_name(k, op), op, e.end);
    }
    bool text = e.first == OPERAND_OPEN || e.first == OPERAND_NAME || e.first == OPERAND_PROSE;
    bool plain = text && !(e.has & (HAS_SIGN_CMP | HAS_WORD_CMP | HAS_CALL | HAS_MATH));
    w->words_only = (w->ops == 0 || w->words_only) && at(k, op)->kind == TOK_WORD && plain;
    w->sums_only = false;
    w->ops++;
    w->reopened = e.last == OPERAND_OPEN;
    *i = e.end;
    return false;
}

static operand_t host_operand(const look_t *k)
{
    switch (k->host) {
    case HOST_QUOTE:
        return OPERAND_STR;
    case HOST_NUM:
        return OPERAND_NUM;
    case HOST_HARD:
        return OPERAND_PAREN;
    case HOST_EMPTY:
    case HOST_NAME:
        break;
    }
    return OPERAND_NAME;
}

/* = + || LIKE ...: an operator that goes on with the operand before it. */
static bool operator_step(look_t *k, uint32_t *i, walk_t *w)
{
    uint32_t from = *i;
    expr_t e = sql_rest(&k->toks, from, from == 0 || w->ops == 0 ? host_operand(k) : OPERAND_NAME);
    if (e.end == from) {
        return false;
    }
    bool clean = cut_clean(k, e.end) || at_end(k, e.end);
    const tok_t *sign = at(k, from);
    bool bare = k->host == HOST_NUM || k->host == HOST_HARD;
    *i = e.end;
    w->ops++;
    w->words_only = w->ops == 1 && e.last == OPERAND_OPEN && sign->kind == TOK_MATH &&
                    !(sign->flags & TOK_GLUED);
    w->sums_only = (w->ops == 1 || w->sums_only) &&
                   !(e.has & (HAS_SIGN_CMP | HAS_WORD_CMP | HAS_CALL | HAS_VAR)) &&
                   e.first == OPERAND_STR;
    w->reopened = e.last == OPERAND_OPEN;
    if (e.has & HAS_NESTED || (e.has & HAS_CALL && k->host != HOST_NAME && clean)) {
        return look_found(k, "operator-call", from, e.end);
    }
    if (e.has & HAS_WORD_CMP && e.has & HAS_BOTH_HARD && clean && bare) {
        return look_found(k, "compare", from, e.end);
    }
    if (e.has & HAS_WORD_CMP && e.end > from + 1 && is_word(k, from, WORD_IS) && clean && bare) {
        return look_found(k, "compare", from, e.end);
    }
    if (double_at(k, from + 1) && k->host != HOST_NAME) {
        return look_found(k, "variable", from, e.end);
    }
    if (e.has & HAS_SIGN_CMP && clean && bare && from > 0) {
        bool same =
            sign->kind == TOK_CMP && same_tokens(k, from - 1, from + 1) && sign->flags & TOK_GLUED;
        bool strange =
            sign->len > 1 && sign->sign != '>' && !(sign->len == 2 && sign->dialects) &&
            !(sign->sign == '<' && sign->len == 2 && k->toks.value.ptr[sign->at + 1] == '=');
        bool text = e.last == OPERAND_STR && k->host == HOST_NUM && !at_end(k, e.end);
        if ((same && is_kind(k, e.end - 1, TOK_NUM)) || (strange && e.has & HAS_BOTH_HARD) ||
            text || is_kind(k, e.end, TOK_TAIL) || k->host == HOST_HARD) {
            return (e.has & HAS_BOTH_HARD) && look_found(k, "compare", from, e.end);
        }
    }
    return false;
}

/* Quotes around a word or a sign, inches and feet: "like" stamp, small "&" sign, 36" x 48". */
static bool prose_quotes(const look_t *k, uint32_t end, const walk_t *w)
{
    slice_t v = k->toks.value;
    const tok_t *open = at(k, end - 1), *op = at(k, 0);
    slice_t before = slice_sub(v, 0, k->close), inside = slice_from(v, open->at + 1);
    bool glued = open->flags & TOK_GLUED && op->flags & TOK_GLUED;
    bool apart = (before.len == 0 || !word_byte(before.ptr[before.len - 1])) &&
                 (inside.len == 0 || !word_byte(inside.ptr[0]));
    if (end == 2 && glued && apart && op->kind == TOK_WORD) {
        return k->quote == '"' || before.len > 2;
    }
    bool simple = slice_find_byte(before, ' ') == SIZE_MAX &&
                  slice_find_byte(before, '=') == SIZE_MAX &&
                  slice_find_byte(before, '/') == SIZE_MAX;
    if (w->sums_only && ((!simple && !(k->quote == '\'' && before.len < 3)) ||
                         (glued && k->quote == '"' && before.len + inside.len == 0))) {
        return true;
    }
    size_t quotes = 0;
    while (quotes < inside.len && inside.ptr[quotes] == k->quote) {
        quotes++;
    }
    return quotes > 1 && quotes == inside.len;
}

/* The rest of the host query is cut off or taken in: was there anything in between? */
static bool finish(look_t *k, uint32_t i, const walk_t *w, uint32_t closed)
{
    const tok_t *t = at(k, i);
    if (k->context == SQLI_BARE) {
        bool cut = t->kind == TOK_TAIL && t->flags & TOK_EMPTY;
        bool negative = is_kind(k, 0, TOK_MATH);
        bool operand = i > 0 && !is_kind(k, i - 1, TOK_WORD) && w->commas == 0;
        if (cut && operand &&
            (k->host == HOST_HARD || (k->host == HOST_NUM && (t->sign != '#' || negative)))) {
            return look_found(k, "tail", i, i + 1); /* 1-- */
        }
        return cut && closed && k->host != HOST_NAME && t->len < 16 &&
               look_found(k, "tail", i, i + 1);
    }
    if (w->reopened && k->quote && at_end(k, i)) {
        const tok_t *open = at(k, i - 1);
        bool reach = open->kind == TOK_OPEN_STR && open->sign == k->quote && !prose_quotes(k, i, w);
        return reach && w->ops && !(w->words_only && quoted_words(k, i - 1)) &&
               look_found(k, "rejoined", 0, i);
    }
    if (t->kind != TOK_TAIL) { /* a semicolon ends the query as well, whatever stands behind it */
        return i > 1 && is_kind(k, i - 1, TOK_SEMI) && at_end(k, i) && w->ops &&
               (!w->words_only || closed) && !w->sums_only && look_found(k, "cut", 0, i);
    }
    if (w->sums_only && t->flags & TOK_MULTI) {
        return false; /* -this --that: words to leave out of a search */
    }
    if (w->ops || (w->commas && (closed || t->flags & TOK_EMPTY))) {
        return look_found(k, "cut", 0, i + 1);
    }
    /* 'name'-- and nothing else: a log-in without password. Prose has dashes and # behind quotes
     * too. */
    bool glued = k->close == 0 || letters(k->toks.value, k->close - 1, -1) ||
                 (k->toks.value.ptr[k->close - 1] >= '0' && k->toks.value.ptr[k->close - 1] <= '9');
    bool spaced = slice_find_byte(slice_sub(k->toks.value, 0, k->close), ' ') != SIZE_MAX;
    if (t->flags & TOK_MULTI || (spaced && !(t->flags & TOK_EMPTY) && !closed)) {
        return false;
    }
    return (closed || glued || !spaced) && look_found(k, "tail", 0, i + 1);
}

static bool word_step(look_t *k, uint32_t *i, walk_t *w, bool *ret_stop)
{
    const tok_t *t = at(k, *i);
    uint32_t before = *i;
    bool hit = false;
    switch (t->word) {
    case WORD_AND:
    case WORD_OR:
    case WORD_WHERE:
        hit = logic_step(k, i, w);
        break;
    case WORD_HAVING:
        hit = having_clause(k, i);
        w->ops += *i != before;
        break;
    case WORD_GROUP:
        hit = group_clause(k, i);
        w->ops += *i != before;
        break;
    case WORD_LIMIT:
        hit = limit_clause(k, i);
        w->ops += *i != before;
        break;
    case WORD_SET:
    case WORD_IF:
    case WORD_STATEMENT:
        hit = (k->host != HOST_NAME || t->flags & TOK_COMMENTED) && statement_at(k, *i);
        break;
    case WORD_SELECT:
        hit = k->host != HOST_NAME && sql_select_weight(&k->toks, *i + 1) > 1 &&
              look_found(k, "select", *i, *i + 2);
        break;
    case WORD_AS: /* an alias: of a table in parentheses that was closed, say */
        *i += at(k, *i + 1)->kind == TOK_WORD || at(k, *i + 1)->kind == TOK_NAME ? 2 : 0;
        break;
    case WORD_NAME:
        *i += is_word(k, *i + 1, WORD_WHERE) ? 1 : 0;
        break;
    case WORD_FROM: /* 1) FROM users WHERE ... */
        *i +=
            k->host != HOST_NAME && is_word(k, *i + 1, WORD_NAME) && is_word(k, *i + 2, WORD_WHERE)
                ? 2
                : 0;
        break;
    case WORD_INTO:
        *i += is_kind(k, *i + 1, TOK_VAR) ? 2 : 0;
        w->ops += *i != before;
        break;
    case WORD_COLLATE:
        *i += 2;
        break;
    case WORD_IN: /* AGAINST ('x' IN BOOLEAN MODE) */
        if (toks_text(&k->toks, *i + 1, SLICE("boolean")) &&
            toks_text(&k->toks, *i + 2, SLICE("mode"))) {
            *i += 3;
            break;
        }
        hit = operator_step(k, i, w);
        break;
    case WORD_NOT:
    case WORD_LIKE:
    case WORD_IS:
    case WORD_BETWEEN:
    case WORD_DIV:
        hit = operator_step(k, i, w);
        break;
    default:
        break;
    }
    *ret_stop = *i == before;
    return hit;
}

/* Reads from token i on as the database would read what stands behind the value. */
bool look_follows(look_t *k, uint32_t i)
{
    walk_t w = {0};
    uint32_t closed = 0;
    for (;;) {
        const tok_t *t = at(k, i);
        uint32_t before = i;
        bool stop = false;
        switch ((tok_kind_t)t->kind) {
        case TOK_RP:
            closed++;
            i++;
            break;
        case TOK_LOGIC:
            if (logic_step(k, &i, &w)) {
                return true;
            }
            break;
        case TOK_CMP:
        case TOK_MATH:
            if (operator_step(k, &i, &w)) {
                return true;
            }
            break;
        case TOK_CAST:
            i += 2;
            break;
        case TOK_WORD:
            if (word_step(k, &i, &w, &stop)) {
                return true;
            }
            break;
        case TOK_COMMA: {
            expr_t e = sql_expr(&k->toks, i + 1);
            w.commas++;
            w.reopened = false;
            i = e.first == OPERAND_NONE ? i : e.end;
            if (e.has & HAS_NESTED) {
                return look_found(k, "list-call", before, e.end);
            }
            break;
        }
        case TOK_SEMI:
            if (is_kind(k, i + 1, TOK_TAIL) && at(k, i + 1)->flags & TOK_EMPTY &&
                k->host != HOST_NAME) {
                return look_found(k, "cut", i, i + 2);
            }
            i += is_kind(k, i + 1, TOK_TAIL) || is_kind(k, i + 1, TOK_SEMI) || at_end(k, i + 1) ? 1
                                                                                                : 0;
            break;
        case TOK_TAIL:
        case TOK_END:
            return finish(k, i, &w, closed);
        case TOK_STR: /* 'a' 'b' is one string */
            i += k->host == HOST_QUOTE && w.ops == 0 ? 1 : 0;
            break;
        case TOK_NUM:
        case TOK_OPEN_STR:
        case TOK_NAME:
        case TOK_VAR:
        case TOK_NOT:
        case TOK_LP:
        case TOK_ODD:
            break;
        }
        if (i == before) {
            return false;
        }
    }
}
