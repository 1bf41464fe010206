/* Queries and statements: how much does what stands behind a word look like one? */
#include "sql_parse.h"

static bool kind_at(const toks_t *toks, uint32_t i, tok_kind_t kind)
{
    return toks_at(toks, i)->kind == (uint8_t)kind;
}

static slice_t text_at(const toks_t *toks, uint32_t i)
{
    const tok_t *t = toks_at(toks, i);
    return slice_sub(toks->value, t->at, t->len);
}

/* ---- queries ---- */

bool sql_system_table(const toks_t *toks, uint32_t i)
{
    static const slice_t SCHEMAS[] = {SLICE("information_schema."),
                                      SLICE("mysql."),
                                      SLICE("pg_catalog."),
                                      SLICE("sys."),
                                      SLICE("master."),
                                      SLICE("performance_schema."),
                                      SLICE("sysibm."),
                                      SLICE("syscat."),
                                      SLICE("msdb.")};
    static const slice_t TABLES[] = {SLICE("sqlite_master"),      SLICE("sqlite_schema"),
                                     SLICE("sqlite_temp_master"), SLICE("dual"),
                                     SLICE("sysobjects"),         SLICE("syscolumns"),
                                     SLICE("sysusers"),           SLICE("sysdatabases"),
                                     SLICE("pg_tables"),          SLICE("pg_user"),
                                     SLICE("pg_shadow"),          SLICE("pg_database"),
                                     SLICE("pg_class"),           SLICE("all_tables"),
                                     SLICE("user_tables"),        SLICE("all_users"),
                                     SLICE("dba_users"),          SLICE("all_tab_columns"),
                                     SLICE("user_tab_columns"),   SLICE("v$version"),
                                     SLICE("msysaccessobjects"),  SLICE("rdb$database"),
                                     SLICE("rdb$fields"),         SLICE("domain.domains"),
                                     SLICE("information_schema")};
    slice_t name = text_at(toks, i);
    for (size_t s = 0; s < sizeof(SCHEMAS) / sizeof(SCHEMAS[0]); s++) {
        if (slice_eq_nocase(slice_sub(name, 0, SCHEMAS[s].len), SCHEMAS[s])) {
            return true;
        }
    }
    for (size_t s = 0; s < sizeof(TABLES) / sizeof(TABLES[0]); s++) {
        if (slice_eq_nocase(name, TABLES[s])) {
            return true;
        }
    }
    return false;
}

static bool ends_query(const toks_t *toks, uint32_t i)
{
    const tok_t *t = toks_at(toks, i);
    switch ((tok_kind_t)t->kind) {
    case TOK_END:
    case TOK_TAIL:
    case TOK_RP:
    case TOK_SEMI:
    case TOK_OPEN_STR:
        return true;
    case TOK_WORD:
        return t->word == WORD_WHERE || t->word == WORD_LIMIT || t->word == WORD_GROUP ||
               t->word == WORD_UNION || t->word == WORD_HAVING || t->word == WORD_INTO ||
               (t->word == WORD_JOIN && toks_word(toks, i + 1, WORD_NAME));
    case TOK_NUM:
    case TOK_STR:
    case TOK_NAME:
    case TOK_VAR:
    case TOK_LOGIC:
    case TOK_CMP:
    case TOK_MATH:
    case TOK_NOT:
    case TOK_CAST:
    case TOK_LP:
    case TOK_COMMA:
    case TOK_ODD:
        break;
    }
    return false;
}

static unsigned from_weight(const toks_t *toks, uint32_t i)
{
    if (kind_at(toks, i, TOK_LP) || kind_at(toks, i, TOK_NAME) || kind_at(toks, i, TOK_STR)) {
        return 2;
    }
    const tok_t *t = toks_at(toks, i);
    if (t->kind != TOK_WORD || t->word == WORD_PROSE) {
        return 0;
    }
    if (sql_system_table(toks, i) || t->flags & (TOK_DOTTED | TOK_COMMENTED)) {
        return 3;
    }
    uint32_t next = i + 1;
    if (toks_word(toks, next, WORD_AS)) {
        next++;
    }
    if (toks_word(toks, next, WORD_NAME) && !ends_query(toks, next)) {
        next++; /* an alias */
    }
    return ends_query(toks, next) ? 2 : kind_at(toks, next, TOK_COMMA) ? 1 : next > i + 1 ? 0 : 1;
}

static unsigned column_weight(const toks_t *toks, uint32_t at, const expr_t *e)
{
    if (e->first == OPERAND_VAR || e->has & HAS_NESTED) {
        return 3;
    }
    if (operand_hard(e->first) || e->has & HAS_HARD) {
        return e->first == OPERAND_NUM && !(e->has & HAS_MATH) ? 1 : 2;
    }
    const tok_t *t = toks_at(toks, at);
    return t->kind == TOK_NAME || t->flags & (TOK_DOTTED | TOK_COMMENTED) ? 2 : 0;
}

unsigned sql_select_weight(toks_t *toks, uint32_t i)
{
    unsigned weight = 0;
    if (toks_at(toks, i)->flags & TOK_COMMENTED) {
        weight += 2;
    }
    for (bool top = false; toks_word(toks, i, WORD_ALL) || toks_word(toks, i, WORD_UNARY) ||
                           (top && kind_at(toks, i, TOK_NUM));
         i++) {
        top = toks_text(toks, i, SLICE("top"));
    }
    for (unsigned columns = 0; columns < 8; columns++) {
        const tok_t *t = toks_at(toks, i);
        expr_t e;
        if (t->kind == TOK_MATH && t->sign == '*') {
            weight += ends_query(toks, i + 1) || toks_word(toks, i + 1, WORD_FROM) ? 2 : 0;
            e = (expr_t){.end = i + 1};
        } else {
            e = sql_expr(toks, i);
            if (e.first == OPERAND_PROSE && t->len == 1 &&
                (kind_at(toks, i + 1, TOK_COMMA) || toks_word(toks, i + 1, WORD_FROM))) {
                e.first = OPERAND_NAME; /* SELECT a FROM b */
            }
            if (e.first == OPERAND_NONE || e.first == OPERAND_PROSE) {
                return weight;
            }
            weight += column_weight(toks, i, &e);
        }
        i = e.end;
        if (toks_word(toks, i, WORD_AS)) {
            i += 2;
        }
        if (!kind_at(toks, i, TOK_COMMA)) {
            break;
        }
        weight += weight ? 1 : 0;
        i++;
    }
    if (kind_at(toks, i, TOK_STR)) {
        i++;
    }
    if (toks_word(toks, i, WORD_NAME)) {
        i++; /* an alias, or the next word of prose */
        weight -= weight == 1;
    }
    if (toks_word(toks, i, WORD_FROM)) {
        return weight + from_weight(toks, i + 1);
    }
    if (toks_word(toks, i, WORD_WHERE)) {
        return weight + (sql_expr(toks, i + 1).has & (HAS_SIGN_CMP | HAS_BOTH_HARD) ? 2 : 0);
    }
    if (toks_word(toks, i, WORD_AND) || toks_word(toks, i, WORD_OR)) {
        return weight + (sql_expr(toks, i + 1).has & HAS_HARD && weight ? 1 : 0);
    }
    return ends_query(toks, i) ? weight : weight > 1 ? weight - 1 : 0;
}

/* ---- statements ---- */

static bool named(const toks_t *toks, uint32_t i)
{
    const tok_t *t = toks_at(toks, i);
    return t->kind == TOK_NAME || t->kind == TOK_STR || t->kind == TOK_VAR ||
           (t->kind == TOK_WORD &&
            (t->len == 1 || t->word == WORD_NAME || t->word == WORD_FUNCTION ||
             t->word == WORD_CALLED || t->word == WORD_OBJECT));
}

/* create user account, update user profile: what people say. */
static bool about_users(const toks_t *toks, uint32_t i)
{
    static const slice_t WORDS[] = {SLICE("account"),  SLICE("accounts"), SLICE("profile"),
                                    SLICE("profiles"), SLICE("id"),       SLICE("ids"),
                                    SLICE("list"),     SLICE("guide"),    SLICE("manual"),
                                    SLICE("page"),     SLICE("group"),    SLICE("groups"),
                                    SLICE("story"),    SLICE("stories"),  SLICE("registration")};
    for (size_t n = 0; n < sizeof(WORDS) / sizeof(WORDS[0]); n++) {
        if (toks_text(toks, i, WORDS[n])) {
            return true;
        }
    }
    return false;
}

static bool ddl(toks_t *toks, uint32_t i, uint32_t *ret_end)
{
    uint32_t at = i + 1;
    if (toks_word(toks, at, WORD_OR)) { /* CREATE OR REPLACE */
        at += 2;
    }
    while (toks_word(toks, at, WORD_OBJECT) && toks_word(toks, at + 1, WORD_OBJECT)) {
        at++;
    }
    bool object = toks_word(toks, at, WORD_OBJECT) || toks_word(toks, at, WORD_PROCEDURE) ||
                  toks_text(toks, at, SLICE("database")) || toks_text(toks, at, SLICE("user")) ||
                  toks_text(toks, at, SLICE("function")) ||
                  toks_text(toks, at, SLICE("tablespace"));
    if (!object && kind_at(toks, at + 1, TOK_TAIL) && toks_word(toks, at, WORD_NAME)) {
        *ret_end = at + 1; /* DROP members -- : no database takes it, somebody tries */
        return true;
    }
    if (!object && !toks_text(toks, i, SLICE("truncate"))) {
        return false;
    }
    at += object;
    if (toks_word(toks, at, WORD_IF)) {
        at += toks_word(toks, at + 1, WORD_NOT) ? 3 : 2;
    }
    if (!named(toks, at)) {
        return false;
    }
    *ret_end = at + 1;
    const tok_t *t = toks_at(toks, at + 1);
    if (t->kind == TOK_END && toks_text(toks, at - 1, SLICE("user")) && about_users(toks, at)) {
        return false;
    }
    return ends_query(toks, at + 1) || t->kind == TOK_LP || t->kind == TOK_COMMA ||
           t->kind == TOK_STR || toks_word(toks, at + 1, WORD_AS) ||
           toks_word(toks, at + 1, WORD_SET) || toks_word(toks, at + 1, WORD_OBJECT) ||
           toks_text(toks, at + 1, SLICE("cascade")) || toks_text(toks, at + 1, SLICE("add")) ||
           toks_text(toks, at + 1, SLICE("identified")) ||
           (t->kind == TOK_WORD && t->word == WORD_STATEMENT);
}

static bool exec(toks_t *toks, uint32_t i, uint32_t *ret_end)
{
    const tok_t *t = toks_at(toks, i + 1), *next = toks_at(toks, i + 2);
    *ret_end = i + 2;
    if (t->kind == TOK_LP || t->kind == TOK_VAR || t->kind == TOK_OPEN_STR || t->kind == TOK_STR ||
        toks_text(toks, i + 1, SLICE("immediate"))) {
        return true;
    }
    if (t->kind != TOK_WORD && t->kind != TOK_NAME) {
        return false;
    }
    if (t->word == WORD_AS) { /* EXECUTE AS LOGIN = ... */
        return toks_word(toks, i + 2, WORD_OBJECT) || toks_text(toks, i + 2, SLICE("user")) ||
               toks_text(toks, i + 2, SLICE("caller"));
    }
    return t->word == WORD_CALLED || t->flags & TOK_DOTTED || next->kind == TOK_STR ||
           next->kind == TOK_VAR ||
           slice_eq_nocase(slice_sub(text_at(toks, i + 1), 0, 3), SLICE("xp_")) ||
           slice_eq_nocase(slice_sub(text_at(toks, i + 1), 0, 3), SLICE("sp_"));
}

static bool set_list(toks_t *toks, uint32_t i)
{
    const tok_t *op = toks_at(toks, i + 1);
    return named(toks, i) && op->kind == TOK_CMP && (op->sign == '=' || op->sign == ':');
}

static bool after_word(toks_t *toks, uint32_t i, uint32_t *ret_end);

bool sql_statement(toks_t *toks, uint32_t i, uint32_t *ret_end)
{
    const tok_t *t = toks_at(toks, i);
    if (t->kind != TOK_WORD) {
        return false;
    }
    *ret_end = i + 1;
    switch (t->word) {
    case WORD_STATEMENT:
        return after_word(toks, i, ret_end);
    case WORD_SET:
        *ret_end = i + 3;
        return kind_at(toks, i + 1, TOK_VAR) ||
               (set_list(toks, i + 1) && !kind_at(toks, i + 2, TOK_END));
    case WORD_IF: {
        if (toks_word(toks, i + 1, WORD_UNARY) || toks_word(toks, i + 1, WORD_NOT)) {
            *ret_end = i + 2;
            return toks_word(toks, i + 1, WORD_UNARY)
                       ? kind_at(toks, i + 2, TOK_LP)
                       : kind_at(toks, i + 2, TOK_LP) || toks_word(toks, i + 2, WORD_UNARY);
        }
        expr_t e = sql_expr(toks, i + 1);
        *ret_end = e.end;
        return e.first == OPERAND_QUERY ||
               (e.has & (HAS_SIGN_CMP | HAS_WORD_CMP | HAS_CALL) && e.has & HAS_HARD &&
                (toks_word(toks, e.end, WORD_STATEMENT) || toks_word(toks, e.end, WORD_SELECT) ||
                 toks_word(toks, e.end, WORD_THEN) || kind_at(toks, e.end, TOK_TAIL)));
    }
    case WORD_WITH:
        return toks_word(toks, i + 2, WORD_AS) && kind_at(toks, i + 3, TOK_LP) &&
               sql_query_starts(toks, i + 3);
    case WORD_VALUES:
        return kind_at(toks, i + 1, TOK_LP) && operand_hard(sql_expr(toks, i + 2).first);
    case WORD_FUNCTION: /* REPLACE INTO x, IIF(...) after a semicolon */
        return (toks_text(toks, i, SLICE("replace")) && toks_word(toks, i + 1, WORD_INTO) &&
                named(toks, i + 2)) ||
               (toks_text(toks, i, SLICE("iif")) && t->flags & TOK_CALL);
    case WORD_SELECT:
        return sql_select_weight(toks, i + 1) > 1;
    default:
        return false;
    }
}

static bool after_word(toks_t *toks, uint32_t i, uint32_t *ret_end)
{
    const tok_t *one = toks_at(toks, i + 1), *two = toks_at(toks, i + 2);
    *ret_end = i + 2;
    switch ((stmt_t)toks_at(toks, i)->stmt) {
    case STMT_INSERT: {
        uint32_t at = i + 1;
        while (at < i + 4 && kind_at(toks, at, TOK_WORD) && !toks_word(toks, at, WORD_INTO)) {
            at++;
        }
        at += toks_word(toks, at, WORD_INTO);
        *ret_end = at + 1;
        return toks_word(toks, at - 1, WORD_INTO) && named(toks, at) &&
               (kind_at(toks, at + 1, TOK_LP) || toks_word(toks, at + 1, WORD_VALUES) ||
                toks_word(toks, at + 1, WORD_SELECT) || toks_word(toks, at + 1, WORD_SET) ||
                toks_at(toks, at)->flags & TOK_CALL || toks_text(toks, at + 1, SLICE("default")));
    }
    case STMT_UPDATE:
        *ret_end = i + 4;
        return named(toks, i + 1) && toks_word(toks, i + 2, WORD_SET) && set_list(toks, i + 3);
    case STMT_DELETE:
        i += toks_text(toks, i + 1, SLICE("low_priority")) ||
             toks_text(toks, i + 1, SLICE("quick")) || toks_text(toks, i + 1, SLICE("ignore"));
        *ret_end = i + 3;
        return toks_word(toks, i + 1, WORD_FROM) && named(toks, i + 2) && ends_query(toks, i + 3);
    case STMT_DDL:
        return ddl(toks, i, ret_end);
    case STMT_EXEC:
        return exec(toks, i, ret_end);
    case STMT_DECLARE:
        return one->kind == TOK_VAR ||
               (one->kind == TOK_WORD && toks_word(toks, i + 2, WORD_TYPE)) ||
               toks_text(toks, i + 2, SLICE("cursor"));
    case STMT_WAITFOR:
        return two->kind == TOK_STR || two->kind == TOK_OPEN_STR || two->kind == TOK_VAR;
    case STMT_SHUTDOWN:
        return one->kind == TOK_END || one->kind == TOK_TAIL || one->kind == TOK_SEMI ||
               toks_word(toks, i + 1, WORD_WITH);
    case STMT_BEGIN:
        return (one->kind == TOK_WORD && (one->word == WORD_STATEMENT || one->word == WORD_CALLED ||
                                          one->word == WORD_SELECT)) ||
               toks_text(toks, i + 1, SLICE("try")) || toks_text(toks, i + 1, SLICE("tran")) ||
               toks_text(toks, i + 1, SLICE("transaction"));
    case STMT_CALL:
        return (one->kind == TOK_WORD || one->kind == TOK_NAME) && one->flags & TOK_CALL &&
               (one->flags & TOK_CALL_GLUED || one->word >= WORD_CALLED);
    case STMT_COPY:
        return named(toks, i + 1) &&
               (toks_word(toks, i + 2, WORD_FROM) || toks_text(toks, i + 2, SLICE("to"))) &&
               (kind_at(toks, i + 3, TOK_STR) || kind_at(toks, i + 3, TOK_OPEN_STR) ||
                toks_text(toks, i + 3, SLICE("program")));
    case STMT_WHILE:
        return sql_expr(toks, i + 1).has & HAS_SIGN_CMP;
    case STMT_ATTACH:
        return toks_text(toks, i + 1, SLICE("database")) && named(toks, i + 2);
    case STMT_PRAGMA:
        return one->kind == TOK_WORD && one->word == WORD_NAME &&
               (ends_query(toks, i + 2) || two->kind == TOK_CMP || two->kind == TOK_LP);
    case STMT_LOAD:
        return toks_text(toks, i + 1, SLICE("data")) || toks_word(toks, i + 1, WORD_TYPE);
    case STMT_HANDLER:
        return named(toks, i + 1) &&
               (toks_text(toks, i + 2, SLICE("open")) || toks_text(toks, i + 2, SLICE("read")));
    case STMT_DO:
        return (one->kind == TOK_WORD && one->word >= WORD_CALLED && one->flags & TOK_CALL) ||
               one->kind == TOK_STR || one->kind == TOK_LP;
    case STMT_MERGE:
        return toks_word(toks, i + 1, WORD_INTO) && named(toks, i + 2);
    case STMT_GRANT:
        return toks_word(toks, i + 2, WORD_ON) || toks_text(toks, i + 2, SLICE("to")) ||
               toks_text(toks, i + 2, SLICE("privileges"));
    case STMT_USE:
        return named(toks, i + 1) && (two->kind == TOK_TAIL || two->kind == TOK_SEMI);
    case STMT_SHOW:
        return toks_word(toks, i + 1, WORD_OBJECT) ||
               (toks_word(toks, i + 1, WORD_SELECT) && sql_select_weight(toks, i + 2));
    case STMT_BACKUP:
        return toks_text(toks, i + 1, SLICE("database")) || toks_word(toks, i + 1, WORD_OBJECT) ||
               one->kind == TOK_LP || (one->kind == TOK_WORD && one->stmt == STMT_INSERT);
    case STMT_PRINT:
        return one->kind == TOK_VAR || one->kind == TOK_STR || one->kind == TOK_LP;
    case STMT_GOTO:
        return one->kind == TOK_WORD &&
               (two->kind == TOK_WORD || two->kind == TOK_TAIL || two->kind == TOK_SEMI) &&
               two->word != WORD_PROSE && one->word == WORD_NAME;
    case STMT_PREPARE:
        return named(toks, i + 1) &&
               (toks_word(toks, i + 2, WORD_FROM) || toks_word(toks, i + 2, WORD_AS));
    case STMT_COMMIT:
        return one->kind == TOK_TAIL || (one->kind == TOK_SEMI && two->kind == TOK_TAIL);
    case STMT_KILL:
        return one->kind == TOK_NUM && ends_query(toks, i + 2);
    case STMT_NONE:
        break;
    }
    return false;
}
