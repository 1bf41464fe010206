/* sekisho guard check: do the rules load, what is slow, what never matches? */
#include <stdio.h>
#include <time.h>

#include "rules.h"

typedef struct tally {
    size_t rules, by_phase[6], by_gate[4], actions, links;
} tally_t;

static void tally_add(tally_t *t, const engine_rule_info_t *r)
{
    t->rules++;
    t->by_phase[r->phase < 6 ? r->phase : 0]++;
    t->links += r->is_link;
    t->actions += r->action_only;
    t->by_gate[r->gate] += !r->action_only;
}

/* A regular expression that runs on every value, because nothing cheaper can tell it from the
 * outside that it has no chance. */
static bool is_slow(const engine_rule_info_t *r)
{
    return !r->action_only && r->gate == ENGINE_GATE_NONE &&
           slice_eq_nocase(r->operator_name, SLICE("rx"));
}

static void slow_print(const engine_rule_info_t *r)
{
    printf("slow: %u (%.*s:%u) runs its regular expression on every value: %.*s%s\n", r->id,
           SLICE_FMT(r->file), r->line,
           (int)(r->operator_text.len < 60 ? r->operator_text.len : 60),
           (const char *)r->operator_text.ptr, r->operator_text.len > 60 ? "..." : "");
}

static void set_print(const engine_set_t *set, double ms)
{
    tally_t t = {0};
    for (size_t i = 0; i < engine_set_rules(set); i++) {
        engine_rule_info_t r = engine_set_rule(set, i);
        tally_add(&t, &r);
        if (is_slow(&r)) {
            slow_print(&r);
        }
    }
    for (size_t i = 0; i < engine_set_notes(set); i++) {
        printf("note: %.*s\n", SLICE_FMT(engine_set_note(set, i)));
    }
    printf("%zu rules (%zu links of chains, %zu actions) in phases 1-5: %zu %zu %zu %zu %zu\n",
           t.rules, t.links, t.actions, t.by_phase[1], t.by_phase[2], t.by_phase[3], t.by_phase[4],
           t.by_phase[5]);
    printf("tried only on values with their literals: %zu, with their bytes: %zu; answered by the "
           "scan: %zu; on every value: %zu\n",
           t.by_gate[ENGINE_GATE_LITERAL], t.by_gate[ENGINE_GATE_BYTES],
           t.by_gate[ENGINE_GATE_EXACT], t.by_gate[ENGINE_GATE_NONE]);
    printf("loaded in %.0f ms of CPU, %.1f MB\n", ms,
           (double)engine_set_bytes(set) / (1024.0 * 1024.0));
}

int tool_check(int argc, char **argv)
{
    tool_rules_t rules;
    clock_t begin = clock();
    if (argc < 2 || argv[1][0] == '-') {
        return 2;
    }
    if (!rules_of_options(SLICE_EMPTY, argv + 1, argc - 1, &rules)) {
        return 1;
    }
    set_print(rules.set, (double)(clock() - begin) * 1000.0 / CLOCKS_PER_SEC);
    tool_rules_free(&rules);
    return 0;
}
