/* guard-same COUNT SEED RULE-FILE... - gives the same mixed requests to our engine and to
 * libmodsecurity (in this process, same rules) and compares verdict and ids of the rules that
 * matched. Nine of ten requests are ordinary, one is an attack. Any difference is printed; exit 1.
 * The benchmark is void unless this holds: being quick at something else is no feat. */
#include <modsecurity/modsecurity.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shapes.h"
#include "tool/tool.h"

enum { IDS_MAX = 256, SHOWN = 10 };

typedef struct ids {
    uint32_t at[IDS_MAX];
    size_t n;
    unsigned status;
} ids_t;

static ids_t theirs, ours;

static void id_add(ids_t *ids, uint32_t id)
{
    if (ids->n < IDS_MAX) {
        ids->at[ids->n++] = id;
    }
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* A rule may report each value that it matched: once is enough. */
static void ids_sort(ids_t *ids)
{
    size_t n = 0;
    qsort(ids->at, ids->n, sizeof ids->at[0], by_id);
    for (size_t i = 0; i < ids->n; i++) {
        if (n == 0 || ids->at[n - 1] != ids->at[i]) {
            ids->at[n++] = ids->at[i];
        }
    }
    ids->n = n;
}

/* ---- libmodsecurity ---- */

static void their_log(void *user, const void *line)
{
    const char *at = strstr(line, "[id \"");
    if (at) {
        id_add(&theirs, (uint32_t)strtoul(at + 5, NULL, 10));
    }
}

typedef struct their_guard {
    ModSecurity *msc;
    RulesSet *rules;
} their_guard_t;

static bool their_load(their_guard_t *g, const char *setting, char **files, int n)
{
    const char *error = NULL;
    g->msc = msc_init();
    g->rules = msc_create_rules_set();
    msc_set_log_cb(g->msc, their_log);
    if (msc_rules_add(g->rules, setting, &error) < 0) {
        fprintf(stderr, "libmodsecurity: %s\n", error);
        return false;
    }
    for (int i = 0; i < n; i++) {
        char include[4200];
        snprintf(include, sizeof include, "Include %s\n", files[i]);
        if (msc_rules_add(g->rules, include, &error) < 0) {
            fprintf(stderr, "libmodsecurity: %s\n", error);
            return false;
        }
    }
    return true;
}

static const char *cstr(slice_t s, char *mem, size_t cap)
{
    snprintf(mem, cap, "%.*s", SLICE_FMT(s));
    return mem;
}

static bool their_stop(Transaction *t)
{
    ModSecurityIntervention it = {.status = 200};
    if (!msc_intervention(t, &it)) {
        return false;
    }
    theirs.status = (unsigned)it.status;
    if (it.log) { /* the rule that refuses is told here alone */
        their_log(NULL, it.log);
    }
    free(it.log);
    free(it.url);
    return true;
}

static void their_phases(Transaction *t, const tool_request_t *r)
{
    static char uri[SHAPE_BYTES], method[64];
    msc_process_connection(t, "127.0.0.1", 40000, "127.0.0.1", 80);
    slice_t version = slice_from(r->protocol, 5);
    char v[16];
    msc_process_uri(t, cstr(r->uri, uri, sizeof uri), cstr(r->method, method, sizeof method),
                    cstr(version, v, sizeof v));
    for (size_t i = 0; i < r->n_headers; i++) {
        msc_add_n_request_header(t, r->headers[i].name.ptr, r->headers[i].name.len,
                                 r->headers[i].value.ptr, r->headers[i].value.len);
    }
    msc_process_request_headers(t);
    if (their_stop(t)) {
        return;
    }
    msc_append_request_body(t, r->body.ptr, r->body.len);
    msc_process_request_body(t);
    if (their_stop(t)) {
        return;
    }
    msc_process_response_headers(t, 200, "HTTP/1.1");
    msc_process_response_body(t);
    (void)their_stop(t);
}

static void their_run(const their_guard_t *g, const tool_request_t *r)
{
    theirs = (ids_t){.status = 200};
    Transaction *t = msc_new_transaction(g->msc, g->rules, NULL);
    their_phases(t, r);
    msc_process_logging(t);
    msc_transaction_cleanup(t);
    ids_sort(&theirs);
}

/* ---- ours ---- */

static err_t our_run(const tool_rules_t *rules, const tool_request_t *r, arena_t *arena)
{
    static const ftw_reflection_t ORIGIN = {.status = 200};
    tool_run_t run;
    TRY(tool_run(rules->set, rules->worker, r, &ORIGIN, arena, &run));
    ours = (ids_t){.status = run.status};
    for (size_t i = 0; i < engine_tx_matches(run.tx); i++) {
        const engine_match_t *m = engine_tx_match(run.tx, i);
        if (m->log && m->audit) { /* libmodsecurity keeps silent about a rule with noauditlog */
            id_add(&ours, m->id);
        }
    }
    ids_sort(&ours);
    return OK;
}

/* ---- side by side ---- */

static void ids_print(const char *who, const ids_t *ids)
{
    printf("  %s %u:", who, ids->status);
    for (size_t i = 0; i < ids->n; i++) {
        printf(" %u", ids->at[i]);
    }
    printf("\n");
}

static bool same(void)
{
    return ours.status == theirs.status && ours.n == theirs.n &&
           memcmp(ours.at, theirs.at, ours.n * sizeof ours.at[0]) == 0;
}

static bool compare(const their_guard_t *them, const tool_rules_t *us, uint64_t *seed, uint64_t i,
                    size_t *matched)
{
    static uint8_t mem[SHAPE_BYTES];
    buf_t out = BUF_ON_ARRAY(mem);
    tool_request_t request;
    arena_t arena;
    arena_init(&arena, TOOL_ARENA_BYTES);
    shape_put(i % 10 == 0 ? SHAPE_ATTACK : (shape_t)(i % 4), seed, &out);
    err_t e = tool_request_parse(buf_slice(&out), &arena, &request);
    if (!err_failed(e)) {
        their_run(them, &request);
        e = our_run(us, &request, &arena);
    }
    bool holds = !err_failed(e) && same();
    *matched += theirs.n > 0;
    if (!holds) {
        printf("request %llu: %s\n  %.*s\n", (unsigned long long)i, err_text(e.code),
               (int)slice_find_byte(buf_slice(&out), '\r'), (const char *)out.ptr);
        ids_print("theirs", &theirs);
        ids_print("ours", &ours);
    }
    arena_deinit(&arena);
    return holds;
}

int main(int argc, char **argv)
{
    uint64_t count, seed;
    their_guard_t them;
    tool_rules_t us;
    if (argc < 4 || err_failed(slice_parse_u64(slice_cstr_in(argv[1]), 1000000, &count)) ||
        err_failed(slice_parse_u64(slice_cstr_in(argv[2]), UINT64_MAX, &seed)) || seed == 0) {
        fputs("usage: guard-same COUNT SEED RULE-FILE...\n", stderr);
        return 2;
    }
    if (!their_load(&them, "", argv + 3, argc - 3) ||
        !tool_rules_load(SLICE_EMPTY, argv + 3, argc - 3, &us)) {
        return 1;
    }
    size_t differ = 0, matched = 0;
    for (uint64_t i = 0; i < count && differ < SHOWN; i++) {
        differ += !compare(&them, &us, &seed, i, &matched);
    }
    printf("%llu requests, %zu with matches, %zu differ\n", (unsigned long long)count, matched,
           differ);
    tool_rules_free(&us);
    return differ == 0 && matched > 0 ? 0 : 1;
}
