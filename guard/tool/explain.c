/* sekisho guard explain: why a request is (not) blocked. */
#include <getopt.h>
#include <stdio.h>

#include "rules.h"

enum { SHOWN_BYTES = 512 };

/* What came from outside must not steer a terminal. */
static void value_print(const char *label, slice_t value)
{
    printf("    %-9s", label);
    for (size_t i = 0; i < value.len && i < SHOWN_BYTES; i++) {
        uint8_t c = value.ptr[i];
        if (c == '\\' || c < ' ' || c == 0x7f || (c >= 0x80 && c < 0xa0)) {
            printf("\\x%02x", c);
        } else {
            putchar(c);
        }
    }
    printf(value.len > SHOWN_BYTES ? "... (%zu bytes)\n" : "\n", value.len);
}

static void match_print(const engine_match_t *m)
{
    printf("%u  phase %u  %.*s:%u\n", m->id, m->phase, SLICE_FMT(m->file), m->line);
    value_print("message", m->msg);
    printf("    %-9s%s@%.*s\n", "operator", m->negated ? "!" : "", SLICE_FMT(m->operator_name));
    value_print("variable", m->var);
    value_print("came as", m->raw);
    if (!slice_eq(m->raw, m->value)) {
        value_print("read as", m->value);
    }
    if (m->part_len) {
        value_print("found", slice_sub(m->value, m->part_at, m->part_len));
    }
    if (m->values > 1) {
        printf("    and in %u more values\n", m->values - 1);
    }
    if (m->limit_hit) {
        printf("    the regular expression ran into its limit: counted as a match\n");
    }
}

static void scores_print(engine_tx_t *tx)
{
    static const char *const NAMES[] = {"TX:anomaly_score", "TX:blocking_inbound_anomaly_score",
                                        "TX:blocking_outbound_anomaly_score",
                                        "TX:outbound_anomaly_score"};
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        slice_t value;
        if (!err_failed(engine_tx_variable(tx, slice_cstr_in(NAMES[i]), &value)) && value.len) {
            printf("%s = %.*s\n", NAMES[i], SLICE_FMT(value));
        }
    }
}

static void verdict_print(const tool_run_t *run)
{
    static const char *const NAMES[] = {"passes", "is allowed", "is refused", "is dropped",
                                        "is sent elsewhere"};
    const engine_verdict_t *v = &run->verdict;
    printf("The request %s%s", v->detect_only ? "(in detection only) " : "", NAMES[v->decision]);
    if (v->rule_id) {
        printf(" by rule %u in phase %u", v->rule_id, v->phase);
    }
    printf("; status %u.\n", run->status);
}

static err_t explain(const tool_rules_t *rules, const char *path, arena_t *arena)
{
    slice_t bytes;
    tool_request_t request;
    ftw_reflection_t origin = {.status = 200};
    tool_run_t run;
    TRY(tool_file_read(path, arena, &bytes));
    TRY(tool_request_parse(bytes, arena, &request));
    TRY(tool_run(rules->set, rules->worker, &request, &origin, arena, &run));
    for (size_t i = 0; i < engine_tx_matches(run.tx); i++) {
        const engine_match_t *m = engine_tx_match(run.tx, i);
        if (m->log) {
            match_print(m);
        }
    }
    scores_print(run.tx);
    verdict_print(&run);
    engine_stats_t s = engine_tx_stats(run.tx);
    printf("%llu rules, %llu values, %llu regular expressions, %llu transformations, %llu scans of "
           "%llu bytes\n",
           (unsigned long long)s.rules, (unsigned long long)s.values, (unsigned long long)s.regexes,
           (unsigned long long)s.transforms, (unsigned long long)s.scans,
           (unsigned long long)s.scanned_bytes);
    return OK;
}

/* Blocking, bodies read: as a guarded site would have it. */
static const char SETTING[] =
    "SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On\n"
    "SecRule REQUEST_HEADERS:Content-Type \"^(?:application(?:/soap\\+|/)|text/)xml\" "
    "\"id:9999101,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML\"\n"
    "SecRule REQUEST_HEADERS:Content-Type \"^application/(?:[a-z0-9.-]+[+])?json\" "
    "\"id:9999102,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON\"\n";

int tool_explain(int argc, char **argv)
{
    static const struct option NAMES[] = {{"rules", required_argument, NULL, 'r'},
                                          {NULL, 0, NULL, 0}};
    char *files[RULES_MAX];
    int n = 0, c;
    optind = 0;
    while ((c = getopt_long(argc, argv, "", NAMES, NULL)) != -1) {
        if (c != 'r' || n == RULES_MAX) {
            return 2;
        }
        files[n++] = optarg;
    }
    if (optind + 1 != argc) { /* exactly one request */
        return 2;
    }
    tool_rules_t rules;
    arena_t arena;
    if (!rules_of_options(slice_make(SETTING, sizeof SETTING - 1), files, n, &rules)) {
        return 1;
    }
    arena_init(&arena, TOOL_ARENA_BYTES);
    err_t e = explain(&rules, argv[optind], &arena);
    if (err_failed(e)) {
        fprintf(stderr, "sekisho guard explain: %s: %s\n", argv[optind], err_text(e.code));
    }
    arena_deinit(&arena);
    tool_rules_free(&rules);
    return err_failed(e) ? 1 : 0;
}
