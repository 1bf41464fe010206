/* What a search may cost is bounded. PCRE2's own limit counts from each place where a match may
 * begin, and its JIT counts no steps of simple loops: 2 KB of "<" took a rule of CRS seconds. So
 * values that are not short are searched with code that calls back before each item of the pattern,
 * and those calls are counted. It is compiled when it is first needed, by each worker for itself.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "regex.h"

enum {
    JIT_KEPT_BYTES = 256, /* what stays of a compilation is small, its work is not */
    JIT_STACK_MIN = 32 * 1024,
    JIT_STACK_MAX = 1024 * 1024,
    SHORT_BYTES = 128,     /* a search of so few bytes is not counted, */
    SHORT_TOTAL = 4096,    /* as long as all such of a transaction are not more */
    STEPS = 10000,         /* of a search that is counted, */
    STEPS_A_BYTE = 16,     /* and for each byte of the value */
    STEPS_TOTAL = 4000000, /* of a transaction */
};

struct regex {
    pcre2_code *code;
    bool jit, settled; /* settled: the code lies in the set's arena */
    slice_t source;
    uint8_t use;
    uint32_t number; /* in its set */
    struct regex *next;
};

/* Code that is counted. */
typedef struct counted {
    pcre2_code *code; /* NULL: not needed yet */
    bool jit, failed;
} counted_t;

struct regex_scratch {
    pcre2_match_data *data;
    pcre2_match_context *context, *counting;
    pcre2_jit_stack *stack;
    counted_t *counted; /* by number */
    uint32_t counted_cap;
    int64_t steps_left;             /* of the search that runs */
    int64_t total_left, short_left; /* of the transaction */
};

static uint32_t options_of(regex_use_t use)
{
    switch (use) {
    case REGEX_NOCASE:
        return PCRE2_CASELESS | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY;
    case REGEX_POSITIVE:
        return PCRE2_DOTALL | PCRE2_MULTILINE;
    case REGEX_NEGATED:
    default:
        return PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY;
    }
}

static const char *why_text(engine_set_t *set, int code, size_t at)
{
    PCRE2_UCHAR message[128];
    pcre2_get_error_message(code, message, sizeof message);
    slice_t text;
    if (err_failed(arena_printf(&set->arena, &text, "regular expression: %s (at byte %zu)",
                                (const char *)message, at))) {
        return "regular expression";
    }
    return (const char *)text.ptr; /* arena_printf ends it with NUL */
}

/* ---- memory ---- */

/* PCRE2 takes memory here: for work that is given back at once from the allocator, for what stays
 * from the set's arena. */
static void *memory_take(size_t bytes, void *set_any)
{
    engine_set_t *set = set_any;
    return bytes <= set->regex_kept ? arena_alloc(&set->arena, bytes) : malloc(bytes);
}

static void memory_give(void *at, void *set_any)
{
    const engine_set_t *set = set_any;
    if (!arena_has(&set->arena, at)) {
        free(at);
    }
}

static pcre2_code *compile(engine_set_t *set, const regex_t *r, int *ret_fault, size_t *ret_at)
{
    pcre2_general_context *general = pcre2_general_context_create(memory_take, memory_give, set);
    pcre2_compile_context *context = general ? pcre2_compile_context_create(general) : NULL;
    pcre2_code *code = NULL;
    if (context) {
        code = pcre2_compile(r->source.ptr, r->source.len, options_of((regex_use_t)r->use),
                             ret_fault, ret_at, context);
    }
    pcre2_compile_context_free(context);
    pcre2_general_context_free(general);
    return code;
}

static bool into_arena(engine_set_t *set, regex_t *r)
{
    set->regex_kept = SIZE_MAX;
    pcre2_code *copy = pcre2_code_copy(r->code);
    set->regex_kept = 0;
    if (!copy) {
        return false;
    }
    pcre2_code_free(r->code);
    r->code = copy;
    r->settled = true;
    return true;
}

static size_t code_bytes(const regex_t *r)
{
    size_t bytes = 0;
    pcre2_pattern_info(r->code, PCRE2_INFO_SIZE, &bytes);
    return bytes;
}

err_t regex_settle(engine_set_t *set)
{
    for (regex_t *r = set->regexes; r; r = r->next) {
        ENSURE(r->settled || into_arena(set, r), ERR_MEMORY);
        set->regex_kept = JIT_KEPT_BYTES;
        r->jit = r->jit || pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE) == 0;
        set->regex_kept = 0;
    }
    return OK;
}

err_t regex_rest(engine_set_t *set)
{
    for (regex_t *r = set->regexes; r; r = r->next) {
        ENSURE(!r->jit || into_arena(set, r), ERR_MEMORY); /* a copy has none */
        r->jit = false;
    }
    pcre2_jit_free_unused_memory(NULL);
    return OK;
}

err_t regex_new(engine_set_t *set, slice_t pattern, regex_use_t use, const regex_t **ret_regex,
                const char **ret_why)
{
    *ret_why = "out of memory";
    for (const regex_t *r = set->regexes; r; r = r->next) {
        if (r->use == use && slice_eq(r->source, pattern)) {
            *ret_regex = r;
            return OK;
        }
    }
    regex_t *r = ARENA_NEW(&set->arena, regex_t);
    ENSURE(r, ERR_MEMORY);
    TRY(arena_copy(&set->arena, pattern, &r->source));
    r->use = (uint8_t)use;
    int fault = 0;
    size_t at = 0;
    r->code = compile(set, r, &fault, &at);
    if (!r->code) {
        *ret_why = fault ? why_text(set, fault, at) : *ret_why;
        return FAIL(fault ? ERR_SYNTAX : ERR_MEMORY);
    }
    r->number = set->regexes ? set->regexes->number + 1 : 0;
    r->next = set->regexes;
    set->regexes = r;
    *ret_regex = r;
    return OK;
}

void regex_free_all(engine_set_t *set)
{
    for (regex_t *r = set->regexes; r; r = r->next) {
        pcre2_code_free(r->code);
    }
    set->regexes = NULL;
    pcre2_jit_free_unused_memory(NULL);
}

size_t regex_bytes(const engine_set_t *set)
{
    size_t sum = 0;
    for (const regex_t *r = set->regexes; r; r = r->next) {
        size_t code = r->settled ? 0 : code_bytes(r), jit = 0; /* the arena's is counted there */
        pcre2_pattern_info(r->code, PCRE2_INFO_JITSIZE, &jit);
        sum += code + jit;
    }
    return sum;
}

slice_t regex_source(const regex_t *regex)
{
    return regex->source;
}

static int on_step(pcre2_callout_block *block, void *user)
{
    regex_scratch_t *s = user;
    return --s->steps_left < 0 ? PCRE2_ERROR_CALLOUT : 0;
}

err_t regex_scratch_new(uint32_t match_limit, regex_scratch_t **ret_scratch)
{
    regex_scratch_t *s = calloc(1, sizeof *s);
    ENSURE(s, ERR_MEMORY);
    s->data = pcre2_match_data_create(REGEX_GROUPS, NULL);
    s->context = pcre2_match_context_create(NULL);
    s->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
    if (!s->data || !s->context || !s->stack) {
        regex_scratch_free(s);
        return FAIL(ERR_MEMORY);
    }
    pcre2_set_match_limit(s->context, match_limit);
    pcre2_set_depth_limit(s->context, match_limit);
    pcre2_jit_stack_assign(s->context, NULL, s->stack);
    s->counting = pcre2_match_context_copy(s->context);
    if (!s->counting) {
        regex_scratch_free(s);
        return FAIL(ERR_MEMORY);
    }
    pcre2_set_callout(s->counting, on_step, s);
    regex_scratch_begin(s);
    *ret_scratch = s;
    return OK;
}

void regex_scratch_begin(regex_scratch_t *s)
{
    s->total_left = STEPS_TOTAL;
    s->short_left = SHORT_TOTAL;
}

uint64_t regex_steps(const regex_scratch_t *s)
{
    return (uint64_t)(STEPS_TOTAL - s->total_left);
}

void regex_scratch_free(regex_scratch_t *s)
{
    if (s) {
        for (uint32_t i = 0; i < s->counted_cap; i++) {
            pcre2_code_free(s->counted[i].code);
        }
        free(s->counted);
        pcre2_jit_stack_free(s->stack);
        pcre2_match_context_free(s->context);
        pcre2_match_context_free(s->counting);
        pcre2_match_data_free(s->data);
        free(s);
    }
}

static counted_t *counted_of(const regex_t *r, regex_scratch_t *s)
{
    if (r->number >= s->counted_cap) {
        uint32_t cap = r->number + 64;
        counted_t *more = calloc(cap, sizeof *more);
        if (!more) {
            return NULL;
        }
        if (s->counted_cap) {
            memcpy(more, s->counted, s->counted_cap * sizeof *more);
        }
        free(s->counted);
        s->counted = more;
        s->counted_cap = cap;
    }
    counted_t *c = &s->counted[r->number];
    if (!c->code && !c->failed) {
        uint32_t options = options_of((regex_use_t)r->use) | PCRE2_AUTO_CALLOUT;
        int code;
        size_t at;
        c->code = pcre2_compile(r->source.ptr, r->source.len, options, &code, &at, NULL);
        c->failed = !c->code;
        c->jit = c->code && pcre2_jit_compile(c->code, PCRE2_JIT_COMPLETE) == 0;
    }
    return c;
}

static void take_groups(const regex_scratch_t *s, int count, regex_found_t *f)
{
    const size_t *at = pcre2_get_ovector_pointer(s->data);
    *f = (regex_found_t){0};
    f->groups = count <= 0 ? REGEX_GROUPS : (unsigned)count;
    for (unsigned i = 0; i < f->groups; i++) {
        if (at[2 * i] != PCRE2_UNSET && at[2 * i + 1] >= at[2 * i]) {
            f->set[i] = true;
            f->at[i] = at[2 * i];
            f->len[i] = at[2 * i + 1] - at[2 * i];
        }
    }
}

static int search(const pcre2_code *code, bool jit, pcre2_match_context *context,
                  regex_scratch_t *s, slice_t in, size_t from)
{
    static const uint8_t EMPTY[1];
    const uint8_t *bytes = in.ptr ? in.ptr : EMPTY;
    return jit ? pcre2_jit_match(code, bytes, in.len, from, 0, s->data, context)
               : pcre2_match(code, bytes, in.len, from, 0, s->data, context);
}

/* Without memory for the code nobody knows what it would have said. */
static int search_counted(const regex_t *regex, regex_scratch_t *s, slice_t in, size_t from)
{
    const counted_t *c = counted_of(regex, s);
    if (!c || !c->code) {
        return PCRE2_ERROR_NOMEMORY;
    }
    int64_t may = STEPS + STEPS_A_BYTE * (int64_t)in.len;
    may = may < s->total_left ? may : s->total_left;
    s->steps_left = may;
    int rc = search(c->code, c->jit, s->counting, s, in, from);
    s->total_left -= may - (s->steps_left > 0 ? s->steps_left : 0);
    return rc;
}

regex_answer_t regex_match(const regex_t *regex, regex_scratch_t *scratch, slice_t in, size_t from,
                           regex_found_t *ret_found)
{
    bool is_short = in.len <= SHORT_BYTES && scratch->short_left > 0;
    scratch->short_left -= is_short ? (int64_t)in.len : 0;
    int rc = is_short ? search(regex->code, regex->jit, scratch->context, scratch, in, from)
                      : search_counted(regex, scratch, in, from);
    if (rc == PCRE2_ERROR_NOMATCH) {
        return REGEX_NO;
    }
    if (rc < 0) { /* steps, match, depth, heap or JIT stack limit: nobody knows what it would say */
        return REGEX_LIMIT;
    }
    if (ret_found) {
        take_groups(scratch, rc, ret_found);
    }
    return REGEX_YES;
}
