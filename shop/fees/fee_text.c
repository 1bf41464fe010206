/* An own table read from text (fee_terms.h). */
#include "fee_terms.h"

typedef struct reader {
    arena_t *a;
    fee_own_t own;
    fee_rule_t *rules;
    bool table, source, checked, web;
} reader_t;

/* The next word of the line; empty at its end. */
static slice_t word(slice_t *line)
{
    size_t from = 0, to;
    while (from < line->len && line->ptr[from] == ' ') {
        from++;
    }
    for (to = from; to < line->len && line->ptr[to] != ' ';) {
        to++;
    }
    slice_t w = slice_sub(*line, from, to - from);
    *line = slice_from(*line, to);
    return w;
}

static err_t end(slice_t line)
{
    ENSURE(word(&line).len == 0, ERR_SYNTAX);
    return OK;
}

static err_t open_date(slice_t w, date_t open, date_t *ret_day)
{
    if (slice_eq(w, SLICE("*"))) {
        *ret_day = open;
        return OK;
    }
    return date_parse(w, ret_day);
}

static err_t read_table(reader_t *r, slice_t line)
{
    ENSURE(!r->table, ERR_SYNTAX);
    r->table = true;
    r->own.id = word(&line);
    TRY(open_date(word(&line), DATE_MIN, &r->own.valid_from));
    TRY(open_date(word(&line), DATE_MAX, &r->own.valid_to));
    return end(line);
}

static err_t read_web(reader_t *r, slice_t line)
{
    slice_t w = word(&line);
    bool office = slice_eq(w, SLICE("office"));
    ENSURE(!r->web && (office || slice_eq(w, SLICE("instant"))), ERR_SYNTAX);
    r->web = true;
    r->own.web = office ? FEE_WEB_OFFICE : FEE_WEB_INSTANT;
    return end(line);
}

/* "20-8", "7", "*-21" */
static err_t read_days(slice_t w, fee_rule_t *rule)
{
    slice_t from = w, rest = w;
    int64_t first = FEE_DAY_ANY, last;
    ENSURE(slice_split(&rest, '-', &from), ERR_SYNTAX);
    slice_t to = slice_find_byte(w, '-') == SIZE_MAX ? from : rest;
    if (!slice_eq(from, SLICE("*"))) {
        TRY(slice_parse_i64(from, 0, FEE_DAY_MAX, &first));
    }
    TRY(slice_parse_i64(to, 0, FEE_DAY_MAX, &last));
    rule->from_day = (int32_t)first;
    rule->to_day = (int32_t)last;
    return OK;
}

static err_t read_amount(slice_t *line, fee_rule_t *rule)
{
    slice_t unit = word(line), number = word(line);
    rule->fixed = slice_eq(unit, SLICE("yen"));
    ENSURE(rule->fixed || slice_eq(unit, SLICE("percent")), ERR_SYNTAX);
    TRY(slice_parse_i64(number, 0, rule->fixed ? FEE_YEN_MAX : 100,
                        rule->fixed ? &rule->yen : &rule->percent));
    slice_t cap = word(line);
    if (cap.len) {
        ENSURE(slice_eq(cap, SLICE("cap")), ERR_SYNTAX);
        TRY(slice_parse_i64(word(line), 0, FEE_YEN_MAX, &rule->cap_yen));
    }
    return OK;
}

static err_t read_rule(reader_t *r, slice_t line)
{
    ENSURE(r->table, ERR_SYNTAX);
    ENSURE(r->own.n_rules < FEE_RULES_MAX, ERR_LIMIT);
    fee_rule_t rule = {
        .id = word(&line), .from_day = FEE_NO_DAY, .to_day = FEE_NO_DAY, .cap_yen = FEE_NO_CAP};
    slice_t when = word(&line);
    rule.after_start = slice_eq(when, SLICE("after"));
    if (!rule.after_start) {
        ENSURE(slice_eq(when, SLICE("days")), ERR_SYNTAX);
        TRY(read_days(word(&line), &rule));
    }
    TRY(read_amount(&line, &rule));
    TRY(end(line));
    r->rules[r->own.n_rules++] = rule;
    return OK;
}

static err_t read_line(reader_t *r, slice_t line)
{
    slice_t rest = line, name = word(&rest);
    if (name.len == 0 || name.ptr[0] == '#') {
        return OK;
    }
    if (slice_eq(name, SLICE("table"))) {
        return read_table(r, rest);
    }
    if (slice_eq(name, SLICE("rule"))) {
        return read_rule(r, rest);
    }
    if (slice_eq(name, SLICE("web"))) {
        return read_web(r, rest);
    }
    if (slice_eq(name, SLICE("source"))) {
        ENSURE(!r->source, ERR_SYNTAX);
        r->source = true;
        r->own.source = slice_trim(rest);
        return OK;
    }
    ENSURE(slice_eq(name, SLICE("checked")) && !r->checked, ERR_SYNTAX);
    r->checked = true;
    TRY(date_parse(word(&rest), &r->own.checked));
    return end(rest);
}

err_t fee_own_parse(arena_t *a, slice_t text, fee_own_t *ret_own, size_t *ret_line)
{
    reader_t r = {.a = a, .rules = ARENA_ARRAY(a, fee_rule_t, FEE_RULES_MAX)};
    size_t lines[FEE_RULES_MAX + 1] = {0}, bad = 0;
    slice_t line;
    *ret_line = 0;
    ENSURE(r.rules, ERR_MEMORY);
    r.own.rules = r.rules;
    while (slice_split(&text, '\n', &line)) {
        *ret_line += 1;
        lines[r.own.n_rules] = *ret_line;
        TRY(read_line(&r, line));
    }
    ENSURE(r.table, ERR_SYNTAX);
    err_t e = fee_own_check(&r.own, &bad);
    if (err_failed(e)) {
        *ret_line = lines[bad];
        return e;
    }
    *ret_own = r.own;
    return OK;
}
