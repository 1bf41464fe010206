#include "maker.h"

static uint32_t pick(maker_t *m, uint32_t n)
{
    m->state ^= m->state << 13;
    m->state ^= m->state >> 7;
    m->state ^= m->state << 17;
    return (uint32_t)(m->state >> 33) % n;
}
#define ONE_OF(m, ...)                                                                             \
    (((const char *const[]){                                                                       \
        __VA_ARGS__})[pick(m, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))])

static void put(maker_t *m, const char *text)
{
    buf_put(m->out, slice_make(text, strlen(text)));
}

/* A word of SQL in any case. */
static void word(maker_t *m, const char *text)
{
    unsigned style = m->plain ? 0 : pick(m, 4);
    for (; *text; text++) {
        uint8_t c = (uint8_t)*text;
        bool letter = c >= 'a' && c <= 'z';
        if (letter && (style == 1 || (style == 2 && pick(m, 2)))) {
            c &= 0xDF;
        }
        buf_put(m->out, slice_make(&c, 1));
    }
}

/* White space of every kind that SQLite takes, comments among them. */
static void gap(maker_t *m)
{
    put(m, m->plain || pick(m, 3) == 0
               ? " "
               : ONE_OF(m, " ", "  ", "\t", "\n", "\r\n", "\f", "/**/", "/*x*/", " /* y */ ",
                        "/*!*/", "/*'*/", "--\n", "--x\n"));
}

/* Between a word and a sign a gap may be missing. */
static void maybe(maker_t *m)
{
    if (pick(m, 2)) {
        gap(m);
    }
}

static void number(maker_t *m)
{
    put(m, ONE_OF(m, "1", "2", "0", "3", "7", "42", "0x1", "1.0", "1e0", ".5", "-1", "10", "0xff",
                  "1e1", "99999"));
}

/* A string in quotes that do not disturb the place. */
static void text(maker_t *m)
{
    put(m, "'");
    put(m, ONE_OF(m, "a", "x", "1", "", "abc", "%", "kyoto", "a''b", "0"));
    put(m, "'");
}

static void condition(maker_t *m);

static void column(maker_t *m)
{
    word(m, ONE_OF(m, "id", "name", "public", "tours.name", "\"name\"", "[id]", "`id`", "rowid"));
}

static void operand(maker_t *m)
{
    if (++m->depth > 4) {
        number(m);
        m->depth--;
        return;
    }
    switch (pick(m, 12)) {
    case 0:
    case 1:
    case 2:
        number(m);
        break;
    case 3:
        text(m);
        break;
    case 4:
        column(m);
        break;
    case 5:
        put(m, "(");
        operand(m);
        put(m, ")");
        break;
    case 6:
        operand(m);
        maybe(m);
        put(m, ONE_OF(m, "+", "-", "*", "||", "%", "|", "&", "<<"));
        maybe(m);
        operand(m);
        break;
    case 7:
        word(m, ONE_OF(m, "abs", "length", "lower", "upper", "hex", "typeof", "coalesce", "likely",
                       "unicode", "quote"));
        maybe(m);
        put(m, "(");
        operand(m);
        put(m, ")");
        break;
    case 8:
        put(m, "(");
        maybe(m);
        word(m, "select");
        gap(m);
        operand(m);
        put(m, ")");
        break;
    case 9:
        word(m, "case");
        gap(m);
        word(m, "when");
        gap(m);
        condition(m);
        gap(m);
        word(m, "then");
        gap(m);
        operand(m);
        gap(m);
        word(m, "else");
        gap(m);
        operand(m);
        gap(m);
        word(m, "end");
        break;
    case 10:
        word(m, "cast");
        put(m, "(");
        operand(m);
        gap(m);
        word(m, "as");
        gap(m);
        word(m, ONE_OF(m, "text", "int", "real"));
        put(m, ")");
        break;
    default:
        put(m, ONE_OF(m, "-", "+", "~", "not "));
        operand(m);
        break;
    }
    m->depth--;
}

static void condition(maker_t *m)
{
    if (++m->depth > 4) {
        put(m, "1=1");
        m->depth--;
        return;
    }
    switch (pick(m, 12)) {
    case 0:
    case 1: {
        size_t from = m->out->len;
        operand(m);
        size_t len = m->out->len - from;
        uint8_t same[512];
        maybe(m);
        put(m, ONE_OF(m, "=", "==", "<=", ">=", "is"));
        gap(m);
        if (len < sizeof(same)) {
            memcpy(same, buf_slice(m->out).ptr + from, len);
            buf_put(m->out, slice_make(same, len));
        }
        break;
    }
    case 2:
        operand(m);
        maybe(m);
        put(m, ONE_OF(m, "=", "<>", "!=", "<", ">", "<=", ">=", "=="));
        maybe(m);
        operand(m);
        break;
    case 3:
        operand(m);
        gap(m);
        word(m, ONE_OF(m, "is not null", "notnull", "is null", "isnull", "is not 5", "is 1",
                       "not null"));
        break;
    case 4:
        operand(m);
        gap(m);
        word(m, "between");
        gap(m);
        number(m);
        gap(m);
        word(m, "and");
        gap(m);
        operand(m);
        break;
    case 5:
        operand(m);
        gap(m);
        word(m, ONE_OF(m, "in", "not in"));
        maybe(m);
        put(m, "(");
        operand(m);
        put(m, ",");
        operand(m);
        put(m, ")");
        break;
    case 6:
        operand(m);
        gap(m);
        word(m, ONE_OF(m, "like", "glob", "not like", "not glob"));
        gap(m);
        put(m, ONE_OF(m, "'%'", "'*'", "'a%'", "'[a-z]*'", "'_%'"));
        break;
    case 7:
        word(m, "exists");
        maybe(m);
        put(m, "(");
        word(m, "select");
        gap(m);
        put(m, ONE_OF(m, "1", "*", "name"));
        gap(m);
        word(m, "from");
        gap(m);
        word(m, ONE_OF(m, "staff", "sqlite_master", "tours"));
        put(m, ")");
        break;
    case 8:
        put(m, "(1,2)");
        put(m, ONE_OF(m, "=", "<", "<="));
        put(m, ONE_OF(m, "(1,2)", "(3,4)", "(1,3)"));
        break;
    case 9:
        word(m, "not");
        gap(m);
        put(m, "(");
        condition(m);
        put(m, ")");
        break;
    case 10:
        operand(m);
        break;
    default:
        put(m, "(");
        condition(m);
        put(m, ")");
        break;
    }
    m->depth--;
}

static void select_two(maker_t *m)
{
    word(m, "select");
    gap(m);
    put(m, ONE_OF(m, "1,2", "id,secret", "1,secret", "null,name", "name,secret",
                  "1,group_concat(secret)", "'a','b'", "id , name||secret", "(1),(2)",
                  "\"id\",\"secret\"", "1,sqlite_version()", "*", "0x41,2", "1.e0,hex(secret)"));
    if (pick(m, 4)) {
        gap(m);
        word(m, "from");
        gap(m);
        word(m, ONE_OF(m, "staff", "[staff]", "`staff`", "\"staff\"", "main.staff", "staff as s",
                       "staff s", "(select id,secret from staff)", "staff,tours", "staff where 1",
                       "staff limit 1"));
    }
}

static void payload(maker_t *m)
{
    switch (pick(m, 9)) {
    case 0:
    case 1:
    case 2:
    case 3:
        gap(m);
        word(m, "or");
        gap(m);
        condition(m);
        break;
    case 4:
    case 5:
        gap(m);
        word(m, ONE_OF(m, "union", "union all", "union", "except", "intersect"));
        gap(m);
        select_two(m);
        break;
    case 6:
        put(m, ";");
        maybe(m);
        put(m, ONE_OF(m, "delete from tours", "update tours set public=1",
                      "insert into staff values(9,'x','y')", "drop table staff",
                      "DELETE FROM staff WHERE 1=1", "create table z(a)",
                      "replace into tours values(5,'z',1)", "alter table staff rename to t2",
                      "Insert Into tours(id) Select 9"));
        break;
    case 7:
        gap(m);
        word(m, "and");
        gap(m);
        condition(m);
        gap(m);
        word(m, "or");
        gap(m);
        condition(m);
        break;
    default:
        gap(m);
        word(m, "or");
        gap(m);
        operand(m);
        break;
    }
}

void maker_value(maker_t *m, unsigned place)
{
    static const struct {
        const char *quote, *close, *rejoin;
    } PLACES[] = {{"", "", ""},   {"", "", ""},     {"", ")", "("},     {"", "))", "(("},
                  {"'", "'", ""}, {"'", "'", ""},   {"'", "')", "("},   {"'", "'))", "(("},
                  {"'", "'", ""}, {"\"", "\"", ""}, {"\"", "\")", "("}, {"", ")", ""},
                  {"", "", ""},   {"'", "'", ""}};
    m->quote = PLACES[place].quote;
    m->plain = pick(m, 3) == 0;
    m->depth = 0;
    if (m->quote[0]) {
        put(m, ONE_OF(m, "x", "kyoto", "", "1", "admin", "x y", "ā", "東京"));
    } else {
        put(m, ONE_OF(m, "1", "2", "-1", "0", "999", "1.0", "1e0"));
    }
    bool closed = pick(m, 3) > 0;
    put(m, closed || m->quote[0] == 0 ? (closed ? PLACES[place].close : "") : m->quote);
    payload(m);
    if (pick(m, 3) > 0) {
        maybe(m);
        put(m, ONE_OF(m, "--", "-- -", "-- x", "/*", ";--", "--+", ";", "; -- "));
        return;
    }
    if (m->quote[0] == 0) {
        return;
    }
    gap(m); /* take in what stands behind */
    word(m, ONE_OF(m, "or", "and"));
    gap(m);
    put(m, closed ? PLACES[place].rejoin : "");
    put(m, m->quote);
    put(m, ONE_OF(m, "1", "a", "x"));
    put(m, pick(m, 2) ? m->quote : "");
    if (buf_slice(m->out).ptr[m->out->len - 1] == (uint8_t)m->quote[0]) {
        put(m, ONE_OF(m, "=", "<", " like ", "<>"));
        put(m, m->quote);
        put(m, ONE_OF(m, "1", "a", "x", ""));
    }
}
