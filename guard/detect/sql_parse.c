#include "sql_parse.h"

enum { DEPTH_MAX = 40 };

static const tok_t END = {.kind = TOK_END};

const tok_t *toks_at(const toks_t *toks, uint32_t i)
{
    return i < toks->count ? &toks->list[i] : &END;
}

bool toks_word(const toks_t *toks, uint32_t i, word_t word)
{
    const tok_t *t = toks_at(toks, i);
    return t->kind == TOK_WORD && t->word == (uint8_t)word;
}

static bool kind_at(const toks_t *toks, uint32_t i, tok_kind_t kind)
{
    return toks_at(toks, i)->kind == (uint8_t)kind;
}

static slice_t text_at(const toks_t *toks, uint32_t i)
{
    const tok_t *t = toks_at(toks, i);
    return slice_sub(toks->value, t->at, t->len);
}

bool toks_text(const toks_t *toks, uint32_t i, slice_t lower)
{
    return slice_eq_nocase(text_at(toks, i), lower);
}

bool operand_hard(operand_t o)
{
    return o != OPERAND_NONE && o != OPERAND_NAME && o != OPERAND_PROSE && o != OPERAND_CALL;
}

/* ---- operands ---- */

static expr_t expr_at(toks_t *toks, uint32_t i, unsigned depth, bool logic);
static expr_t operand_at(toks_t *toks, uint32_t i, unsigned depth);

/* Index behind the parenthesis that closes the one before token i, or of the end. */
static uint32_t paren_end(const toks_t *toks, uint32_t i)
{
    for (unsigned open = 1; i < toks->count && open; i++) {
        open += toks->list[i].kind == TOK_LP;
        open -= toks->list[i].kind == TOK_RP;
    }
    return i;
}

bool sql_query_starts(const toks_t *toks, uint32_t i)
{
    while (kind_at(toks, i, TOK_LP)) {
        i++;
    }
    return toks_word(toks, i, WORD_SELECT) ||
           (toks_word(toks, i, WORD_VALUES) && kind_at(toks, i + 1, TOK_LP)) ||
           (toks_word(toks, i, WORD_WITH) && toks_word(toks, i + 2, WORD_AS));
}

/* ( expr , expr ... ): i is behind the opening sign. */
static expr_t paren_at(toks_t *toks, uint32_t i, unsigned depth)
{
    expr_t e = {.end = i, .first = OPERAND_PAREN, .last = OPERAND_PAREN};
    if (sql_query_starts(toks, i)) {
        e.end = paren_end(toks, i);
        e.first = e.last = OPERAND_QUERY;
        e.has = HAS_HARD;
        return e;
    }
    for (;;) {
        expr_t in = expr_at(toks, i, depth + 1, true);
        e.has |= in.has;
        if (in.first == OPERAND_NONE) {
            break;
        }
        i = in.end;
        if (!kind_at(toks, i, TOK_COMMA)) {
            break;
        }
        i++;
    }
    if (!kind_at(toks, i, TOK_RP) && !kind_at(toks, i, TOK_END) && !kind_at(toks, i, TOK_TAIL)) {
        e.first = OPERAND_NONE; /* prose in parentheses */
        e.end = i;
        return e;
    }
    e.end = i + (kind_at(toks, i, TOK_RP) ? 1u : 0u);
    return e;
}

/* name ( ... ): i is the name. Arguments may hold words of their own (AS, FROM, USING): not read.
 */
static expr_t call_at(toks_t *toks, uint32_t i, operand_t kind)
{
    uint32_t open = i + 1, end = paren_end(toks, open + 1);
    expr_t e = {.end = end, .has = HAS_HARD, .first = kind, .last = kind};
    if (kind == OPERAND_CALL) {
        e.has = 0;
        for (uint32_t a = open + 1; a < end; a++) {
            const tok_t *t = toks_at(toks, a);
            if (t->kind == TOK_WORD && (t->flags & TOK_CALL) &&
                (t->word >= WORD_CALLED || t->word == WORD_CONST)) {
                e.has = HAS_HARD | HAS_CALL | HAS_NESTED;
            }
        }
        return e;
    }
    e.has |= HAS_CALL;
    if (kind_at(toks, open + 1, TOK_RP)) {
        e.has |= HAS_NESTED;
    }
    for (uint32_t a = open + 1; a < end; a++) {
        const tok_t *t = toks_at(toks, a);
        if (t->kind == TOK_WORD &&
            ((t->flags & TOK_CALL && t->word >= WORD_CALLED) || t->word == WORD_AS ||
             t->word == WORD_CONST || t->word == WORD_FROM || t->word == WORD_SELECT)) {
            e.has |= HAS_NESTED;
        }
        if (t->kind == TOK_VAR || t->kind == TOK_STR || t->kind == TOK_CMP ||
            t->kind == TOK_OPEN_STR || (t->kind == TOK_NUM && t->len > 3 && t->sign == '0')) {
            e.has |= HAS_NESTED;
        }
    }
    return e;
}

/* CASE [expr] WHEN expr THEN ... */
static expr_t case_at(toks_t *toks, uint32_t i, unsigned depth)
{
    uint32_t at = i + 1;
    if (!toks_word(toks, at, WORD_WHEN)) {
        at = expr_at(toks, at, depth + 1, false).end;
    }
    expr_t none = {.end = i + 1, .first = OPERAND_NONE};
    if (!toks_word(toks, at, WORD_WHEN)) {
        return none;
    }
    expr_t when = expr_at(toks, at + 1, depth + 1, true);
    if (when.first == OPERAND_NONE || when.first == OPERAND_PROSE ||
        !toks_word(toks, when.end, WORD_THEN)) {
        return none;
    }
    uint32_t end = when.end;
    for (unsigned open = 1; end < toks->count && open; end++) {
        open += toks_word(toks, end, WORD_CASE);
        open -= toks_word(toks, end, WORD_END_KW);
    }
    return (expr_t){
        .end = end, .has = HAS_HARD | HAS_CALL, .first = OPERAND_CASE, .last = OPERAND_CASE};
}

static expr_t simple(uint32_t end, operand_t kind)
{
    return (expr_t){
        .end = end, .has = operand_hard(kind) ? HAS_HARD : 0, .first = kind, .last = kind};
}

static expr_t word_at(toks_t *toks, uint32_t i, unsigned depth)
{
    const tok_t *t = toks_at(toks, i);
    bool call = t->flags & TOK_CALL && kind_at(toks, i + 1, TOK_LP);
    switch ((word_t)t->word) {
    case WORD_CALLED:
        return call ? call_at(toks, i, OPERAND_CALLED) : simple(i + 1, OPERAND_NAME);
    case WORD_FUNCTION:
    case WORD_IF:
    case WORD_IS:
    case WORD_LIKE:
    case WORD_OBJECT:
        if (t->word == WORD_LIKE && toks_text(toks, i + 2, SLICE("against")) &&
            kind_at(toks, i + 3, TOK_LP)) {
            return call_at(toks, i + 2, OPERAND_FUNCTION); /* MATCH x AGAINST (...) */
        }
        if (call) {
            expr_t e = call_at(toks, i, OPERAND_FUNCTION);
            if (t->word == WORD_LIKE && toks_text(toks, e.end, SLICE("against")) &&
                kind_at(toks, e.end + 1, TOK_LP)) {
                e.end = paren_end(toks, e.end + 2); /* MATCH(x) AGAINST(...) */
            }
            return e;
        }
        return simple(i + 1, t->word == WORD_FUNCTION || t->word == WORD_OBJECT ? OPERAND_NAME
                                                                                : OPERAND_NONE);
    case WORD_DIV:
    case WORD_TYPE:
        if (call) {
            return call_at(toks, i, OPERAND_FUNCTION);
        }
        if (kind_at(toks, i + 1, TOK_STR)) { /* DATE '...' */
            return simple(i + 2, OPERAND_STR);
        }
        return simple(i + 1, OPERAND_NAME);
    case WORD_UNARY: /* = ANY(...), EXISTS(...), ROW(...) */
        return call ? call_at(toks, i, OPERAND_FUNCTION)
                    : (expr_t){.end = i, .first = OPERAND_NONE};
    case WORD_CONST:
        return simple(call ? call_at(toks, i, OPERAND_FUNCTION).end : i + 1, OPERAND_CONST);
    case WORD_CASE:
        return case_at(toks, i, depth);
    case WORD_PROSE:
        return simple(i + 1, OPERAND_PROSE);
    case WORD_NAME:
    case WORD_SORT:
    case WORD_FILE:
        return call ? call_at(toks, i, OPERAND_CALL) : simple(i + 1, OPERAND_NAME);
    case WORD_STATEMENT:
    case WORD_AND:
    case WORD_OR:
    case WORD_NOT:
    case WORD_IN:
    case WORD_BETWEEN:
    case WORD_UNION:
    case WORD_SELECT:
    case WORD_VALUES:
    case WORD_ALL:
    case WORD_FROM:
    case WORD_WHERE:
    case WORD_HAVING:
    case WORD_GROUP:
    case WORD_BY:
    case WORD_LIMIT:
    case WORD_INTO:
    case WORD_PROCEDURE:
    case WORD_WHEN:
    case WORD_THEN:
    case WORD_ELSE:
    case WORD_END_KW:
    case WORD_AS:
    case WORD_JOIN:
    case WORD_COLLATE:
    case WORD_WITH:
    case WORD_FOR:
    case WORD_SET:
    case WORD_ON:
        break;
    }
    return (expr_t){.end = i, .first = OPERAND_NONE};
}

static bool in_front(const toks_t *toks, uint32_t i)
{
    const tok_t *t = toks_at(toks, i);
    if (t->kind == TOK_NOT) {
        return true;
    }
    if (t->kind == TOK_MATH) {
        return t->len == 1 && (t->sign == '-' || t->sign == '+');
    }
    return t->kind == TOK_CMP
               ? t->sign == '~' && t->len == 1
               : t->kind == TOK_WORD && (t->word == WORD_NOT || t->word == WORD_ALL ||
                                         (t->word == WORD_UNARY && !(t->flags & TOK_CALL_GLUED)));
}

/* ::type, ::type(n), COLLATE name, ESCAPE 'x' */
static void behind(toks_t *toks, expr_t *e)
{
    for (;;) {
        if (kind_at(toks, e->end, TOK_CAST) && kind_at(toks, e->end + 1, TOK_WORD)) {
            bool call = toks_at(toks, e->end + 1)->flags & TOK_CALL;
            e->end = call ? paren_end(toks, e->end + 3) : e->end + 2;
            e->has |= HAS_CAST | HAS_HARD;
        } else if (toks_word(toks, e->end, WORD_COLLATE) && e->end + 1 < toks->count) {
            e->end += 2;
        } else {
            return;
        }
    }
}

static expr_t operand_at(toks_t *toks, uint32_t i, unsigned depth)
{
    expr_t e = {.end = i, .first = OPERAND_NONE};
    uint16_t front = 0;
    if (depth > DEPTH_MAX || toks->budget == 0) {
        return e;
    }
    toks->budget--;
    for (; in_front(toks, i); i++) {
        const tok_t *t = toks_at(toks, i);
        if (t->sign == '!' || t->sign == '~' || t->sign == 'n') {
            front |= HAS_NEGATION;
        }
    }
    const tok_t *t = toks_at(toks, i);
    switch ((tok_kind_t)t->kind) {
    case TOK_NUM:
        e = simple(i + 1, OPERAND_NUM);
        break;
    case TOK_STR:
        e = simple(i + 1, OPERAND_STR);
        while (kind_at(toks, e.end, TOK_STR)) { /* 'a' 'b' is one string */
            e.end++;
        }
        break;
    case TOK_OPEN_STR:
        e = simple(i + 1, OPERAND_OPEN);
        break;
    case TOK_VAR:
        e = simple(i + 1, OPERAND_VAR);
        e.has |= HAS_VAR;
        break;
    case TOK_NAME:
        e = t->flags & TOK_CALL ? call_at(toks, i, OPERAND_CALL) : simple(i + 1, OPERAND_NAME);
        break;
    case TOK_LP:
        if (t->sign == '{' && !kind_at(toks, i + 1, TOK_WORD)) {
            return e;
        }
        e = paren_at(toks, i + (t->sign == '{' ? 2u : 1u), depth);
        break;
    case TOK_WORD:
        e = word_at(toks, i, depth);
        break;
    case TOK_END:
    case TOK_LOGIC:
    case TOK_CMP:
    case TOK_MATH:
    case TOK_NOT:
    case TOK_CAST:
    case TOK_RP:
    case TOK_COMMA:
    case TOK_SEMI:
    case TOK_TAIL:
    case TOK_ODD:
        return e;
    }
    e.has |= e.first == OPERAND_NONE ? 0 : front;
    if (e.first != OPERAND_NONE) {
        behind(toks, &e);
    }
    return e;
}

/* ---- operators ---- */

static bool same_text(const toks_t *toks, uint32_t a, uint32_t a_end, uint32_t b, uint32_t b_end)
{
    while (a < a_end && toks_at(toks, a)->kind == TOK_LP) {
        a++;
    }
    while (b < b_end && toks_at(toks, b)->kind == TOK_LP) {
        b++;
    }
    return a < a_end && b < b_end && slice_eq_nocase(text_at(toks, a), text_at(toks, b));
}

typedef struct op {
    uint32_t end;  /* behind the operator; its own index when none stands there */
    uint16_t has;  /* what it brings */
    bool complete; /* no operand follows: IS NULL */
    bool list;     /* a list in parentheses follows: IN */
    bool range;    /* x AND y follows: BETWEEN */
    bool sure;     /* a comparison whatever the operands are */
    bool same;     /* IS: the same on both sides counts as with = */
} op_t;

static op_t is_op(const toks_t *toks, uint32_t i)
{
    op_t op = {.end = i + 1, .has = HAS_WORD_CMP, .complete = true};
    if (toks_at(toks, i)->len > 2) { /* ISNULL, NOTNULL */
        return op;
    }
    op.end += toks_word(toks, op.end, WORD_NOT);
    if (toks_word(toks, op.end, WORD_CONST)) {
        op.end++;
        return op;
    }
    if (toks_word(toks, op.end, WORD_ALL) && toks_word(toks, op.end + 1, WORD_FROM)) {
        op.end += 2; /* IS DISTINCT FROM: no prose has the three words */
        op.complete = false;
        op.sure = true;
        return op;
    }
    const tok_t *t = toks_at(toks, op.end);
    bool called = t->kind == TOK_WORD &&
                  (t->flags & TOK_CALL || t->word == WORD_NAME || t->word == WORD_CASE);
    if (t->kind == TOK_NUM || t->kind == TOK_STR || t->kind == TOK_OPEN_STR || t->kind == TOK_LP ||
        t->kind == TOK_NAME || t->kind == TOK_NOT || t->kind == TOK_MATH || called) {
        op.complete = false; /* SQLite: IS takes any operand */
        op.same = true;
        return op;
    }
    return (op_t){.end = i};
}

static op_t word_op(const toks_t *toks, uint32_t i)
{
    uint32_t at = i + (toks_word(toks, i, WORD_NOT) ? 1u : 0u);
    const tok_t *t = toks_at(toks, at);
    op_t none = {.end = i};
    if (at > i && toks_text(toks, at, SLICE("null"))) { /* x NOT NULL */
        return (op_t){.end = at + 1, .has = HAS_WORD_CMP, .complete = true};
    }
    if (t->kind != TOK_WORD || (t->flags & TOK_CALL && t->word == WORD_FUNCTION)) {
        return none;
    }
    switch (t->word) {
    case WORD_LIKE:
        at++;
        while (toks_word(toks, at, WORD_LIKE) || toks_text(toks, at, SLICE("to")) ||
               toks_word(toks, at, WORD_UNARY)) {
            at++;
        }
        return (op_t){.end = at, .has = HAS_WORD_CMP};
    case WORD_IN:
        at += kind_at(toks, at + 1, TOK_MATH) ? 1u : 0u;
        return kind_at(toks, at + 1, TOK_LP)
                   ? (op_t){.end = at + 1, .has = HAS_WORD_CMP, .list = true}
                   : none;
    case WORD_BETWEEN:
        return (op_t){.end = at + 1, .has = HAS_WORD_CMP, .range = true};
    case WORD_IS:
        return at == i ? is_op(toks, i) : none;
    case WORD_DIV:
        return at == i ? (op_t){.end = i + 1, .has = HAS_MATH} : none;
    default:
        return none;
    }
}

static op_t operator_at(const toks_t *toks, uint32_t i, bool logic)
{
    const tok_t *t = toks_at(toks, i);
    switch ((tok_kind_t)t->kind) {
    case TOK_CMP: {
        op_t op = {.end = i + 1, .has = HAS_SIGN_CMP};
        return op;
    }
    case TOK_MATH:
        return (op_t){.end = i + 1, .has = HAS_MATH};
    case TOK_LOGIC:
        if (t->sign == '|') { /* joins strings in most dialects */
            return (op_t){.end = i + 1, .has = HAS_MATH};
        }
        return (op_t){.end = logic ? i + 1 : i, .has = HAS_LOGIC};
    case TOK_WORD:
        if (t->word == WORD_AND || t->word == WORD_OR) {
            return (op_t){.end = logic ? i + 1 : i, .has = HAS_LOGIC};
        }
        return word_op(toks, i);
    case TOK_END:
    case TOK_NUM:
    case TOK_STR:
    case TOK_OPEN_STR:
    case TOK_NAME:
    case TOK_VAR:
    case TOK_NOT:
    case TOK_CAST:
    case TOK_LP:
    case TOK_RP:
    case TOK_COMMA:
    case TOK_SEMI:
    case TOK_TAIL:
    case TOK_ODD:
        break;
    }
    return (op_t){.end = i};
}

/* What a comparison of two operands tells. */
static uint16_t compared(const toks_t *toks, const expr_t *left, uint32_t left_at,
                         const expr_t *right, uint32_t right_at, uint16_t op)
{
    uint16_t has = 0;
    bool l = operand_hard(left->last) || left->has & HAS_HARD, r = operand_hard(right->first);
    if (l || r) {
        has |= HAS_HARD;
    }
    if (l && r) {
        has |= HAS_BOTH_HARD;
    }
    if (op & HAS_SIGN_CMP && right->first != OPERAND_PROSE &&
        same_text(toks, left_at, left->end, right_at, right->end)) {
        has |= HAS_SAME;
    }
    return has;
}

/* An operand of BETWEEN: sums are allowed. */
static expr_t bound_at(toks_t *toks, uint32_t i, unsigned depth)
{
    expr_t e = operand_at(toks, i, depth);
    while (e.first != OPERAND_NONE && kind_at(toks, e.end, TOK_MATH)) {
        expr_t next = operand_at(toks, e.end + 1, depth);
        if (next.first == OPERAND_NONE) {
            break;
        }
        e.end = next.end;
        e.has |= next.has;
        e.last = next.last;
    }
    return e;
}

/* Reads on from *e, whose last operand began at left_at. */
static void chain(toks_t *toks, expr_t *e, uint32_t left_at, unsigned depth, bool logic)
{
    for (;;) {
        op_t op = operator_at(toks, e->end, logic);
        if (op.end == e->end) {
            return;
        }
        if (op.complete) {
            e->has |= op.has | HAS_HARD;
            e->end = op.end;
            continue;
        }
        expr_t right = op.range ? bound_at(toks, op.end, depth) : operand_at(toks, op.end, depth);
        if (right.first == OPERAND_NONE) {
            return;
        }
        if (op.range) {
            if (!toks_word(toks, right.end, WORD_AND)) {
                return;
            }
            expr_t to = bound_at(toks, right.end + 1, depth);
            if (to.first == OPERAND_NONE) {
                return;
            }
            right.end = to.end;
            right.last = to.last;
        }
        uint16_t cmp = op.has & (HAS_SIGN_CMP | HAS_WORD_CMP);
        /* like, in, between make a comparison only of operands that prose would not have */
        if (op.same && same_text(toks, left_at, e->end, op.end, right.end)) {
            e->has |= HAS_SIGN_CMP | HAS_SAME;
        }
        if (cmp == HAS_WORD_CMP && !operand_hard(right.first) && !op.sure) {
            cmp = 0;
        }
        e->has |= op.sure ? HAS_HARD | HAS_BOTH_HARD : 0;
        if (cmp) {
            e->has |= compared(toks, e, left_at, &right, op.end, cmp);
        }
        e->has |= cmp | (op.has & (HAS_MATH | HAS_LOGIC)) | right.has;
        left_at = op.end;
        e->end = right.end;
        e->last = right.last;
    }
}

static expr_t expr_at(toks_t *toks, uint32_t i, unsigned depth, bool logic)
{
    expr_t e = operand_at(toks, i, depth);
    if (e.first != OPERAND_NONE) {
        chain(toks, &e, i, depth, logic);
    }
    return e;
}

expr_t sql_expr(toks_t *toks, uint32_t i)
{
    toks->budget = SQL_LOOK;
    return expr_at(toks, i, 0, false);
}

expr_t sql_operand(toks_t *toks, uint32_t i)
{
    toks->budget = SQL_LOOK;
    return operand_at(toks, i, 0);
}

expr_t sql_rest(toks_t *toks, uint32_t i, operand_t left)
{
    toks->budget = SQL_LOOK;
    expr_t e = {.end = i, .has = operand_hard(left) ? HAS_HARD : 0, .first = left, .last = left};
    chain(toks, &e, i > 0 ? i - 1 : 0, 0, false);
    return e;
}
