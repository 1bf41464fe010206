/* The fee engine behind scenes/oracle/fees/format.md: case lines on standard input, one answer line
 * each on standard output. Built for the comparison with the oracle alone; the shop does not use
 * it.
 *
 *   fee_oracle_driver [--own-holidays]    holidays from the house's table, not from the office
 * definitions */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver_case.h"

enum { LINE_ARENA = 8 * 1024 * 1024, OFFICES_ARENA = 64 * 1024 * 1024, ANSWER_MAX = 4096 };

static const char *const PHASES[] = {"", "before", "departure_day", "after_start", "no_show"};
static const char *const DATE_RULES[] = {
    "", "none", "instant", "office_hours", "next_opening", "held_at_departure"};
static const char *const LIMITS[] = {"none", "cap", "price", "standard"};
static const char *const FAULTS[] = {
    "", "bad_case", "bad_office", "office_never_opens", "before_contract", "bad_table", "no_table"};

static void member(buf_t *b, const char *name)
{
    buf_cstr(b, ",\"");
    buf_cstr(b, name);
    buf_cstr(b, "\":");
}

static void put_number(buf_t *b, const char *name, int64_t v)
{
    member(b, name);
    buf_dec(b, v);
}

static void put_word(buf_t *b, const char *name, const char *word)
{
    member(b, name);
    json_put_string(b, slice_cstr_in(word));
}

/* The standard row's id, or T.table.rule; what fits nothing is "none". */
static void put_rule(buf_t *b, const fee_quote_t *q, int32_t part, int32_t item)
{
    uint8_t mem[2 * FEE_ID_MAX + 16];
    buf_t id = BUF_ON_ARRAY(mem);
    if (q->own) {
        buf_cstr(&id, "T.");
        buf_put(&id, q->own->id);
        buf_u8(&id, '.');
    } else if (!q->has_rule) {
        buf_cstr(&id, part == 1 ? "D" : "O");
        buf_dec(&id, item);
        buf_u8(&id, '.');
    }
    buf_put(&id, q->has_rule ? q->rule.id : SLICE("none"));
    member(b, "rule");
    json_put_string(b, buf_slice(&id));
}

static void put_days(buf_t *b, const fee_quote_t *q)
{
    bool counted = q->phase == FEE_BEFORE || q->phase == FEE_DEPARTURE_DAY;
    member(b, "days");
    if (counted) {
        buf_dec(b, q->days);
    } else {
        buf_cstr(b, "null");
    }
    member(b, "effective_date");
    if (counted) {
        buf_u8(b, '"');
        date_put(b, q->effective);
        buf_u8(b, '"');
    } else {
        buf_cstr(b, "null");
    }
}

static void put_answer(buf_t *b, const fee_quote_t *q)
{
    int32_t part = 0, item = 0;
    for (size_t i = 0; i < q->n_lines; i++) {
        part = q->lines[i].part ? q->lines[i].part : part;
        item = q->lines[i].item ? q->lines[i].item : item;
    }
    put_number(b, "fee_per_participant", q->each_yen);
    put_number(b, "fee_total", q->total_yen);
    put_rule(b, q, part, item);
    member(b, "percent");
    if (q->has_rule && q->rule.fixed) {
        buf_cstr(b, "null");
    } else {
        buf_dec(b, q->has_rule ? q->rule.percent : 0);
    }
    put_word(b, "limited_by", LIMITS[q->limited_by]);
    put_word(b, "phase", PHASES[q->phase]);
    put_days(b, q);
    put_word(b, "date_rule", DATE_RULES[q->date_rule]);
}

static err_t answer(driver_t *d, arena_t *a, const node_t *line)
{
    uint8_t mem[ANSWER_MAX];
    buf_t b = BUF_ON_ARRAY(mem);
    slice_t id = SLICE_EMPTY;
    fee_case_t c;
    fee_quote_t q;
    fee_fault_t fault = line ? driver_case(d, a, line, &id, &c) : FEE_BAD_CASE;
    fault = fault == FEE_SOUND ? fee_quote(&c, &q) : fault;
    buf_cstr(&b, "{\"id\":");
    if (id.ptr) {
        json_put_string(&b, id);
    } else {
        buf_cstr(&b, "null");
    }
    if (fault == FEE_SOUND) {
        put_answer(&b, &q);
    } else {
        put_word(&b, "error", FAULTS[fault]);
    }
    buf_cstr(&b, "}\n");
    TRY(buf_check(&b));
    ENSURE(fwrite(b.ptr, 1, b.len, stdout) == b.len, ERR_IO);
    return OK;
}

static err_t line_do(driver_t *d, arena_t *a, slice_t text)
{
    const node_t *line = NULL;
    if (slice_trim(text).len == 0) {
        return OK;
    }
    if (err_failed(node_read(a, text, &line))) {
        line = NULL;
    }
    return node_at(line, "office_definition") ? driver_office_add(d, text) : answer(d, a, line);
}

static err_t run(driver_t *d)
{
    char *text = NULL;
    size_t cap = 0;
    ssize_t n;
    arena_t a;
    err_t e = OK;
    arena_init(&a, LINE_ARENA);
    while (!err_failed(e) && (n = getline(&text, &cap, stdin)) >= 0) {
        e = line_do(d, &a, slice_make(text, (size_t)n));
        arena_reset(&a);
    }
    arena_deinit(&a);
    free(text);
    return !err_failed(e) && ferror(stdin) ? FAIL(ERR_IO) : e;
}

int main(int argc, char **argv)
{
    driver_t d = {.own_holidays = argc == 2 && strcmp(argv[1], "--own-holidays") == 0};
    if (argc > 1 && !d.own_holidays) {
        fprintf(stderr, "usage: fee_oracle_driver [--own-holidays] < cases > answers\n");
        return 2;
    }
    arena_init(&d.offices_arena, OFFICES_ARENA);
    err_t e = run(&d);
    arena_deinit(&d.offices_arena);
    if (err_failed(e) || fflush(stdout) != 0) {
        fprintf(stderr, "fee_oracle_driver: %s at %s:%u\n", err_text(e.code), e.where, e.line);
        return 1;
    }
    return 0;
}
