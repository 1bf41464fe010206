/* What a set holds, for `check` and for people. */
#include "regex.h"
#include "set.h"

const engine_settings_t *engine_set_settings(const engine_set_t *set)
{
    return &set->settings;
}

size_t engine_set_rules(const engine_set_t *set)
{
    return set->rule_count;
}

static engine_gate_t gate_kind(const op_t *op)
{
    if (op->gate.pattern != NO_INDEX) {
        return op->gate.exact ? ENGINE_GATE_EXACT : ENGINE_GATE_LITERAL;
    }
    return op->gate.all || op->gate.any_count || op->bad ? ENGINE_GATE_BYTES : ENGINE_GATE_NONE;
}

engine_rule_info_t engine_set_rule(const engine_set_t *set, size_t index)
{
    if (index >= set->rule_count) {
        return (engine_rule_info_t){0};
    }
    const rule_t *r = &set->rules[index];
    return (engine_rule_info_t){
        .id = set->rules[r->head].act.id,
        .phase = r->act.phase,
        .line = r->line,
        .file = r->file,
        .operator_name = r->op.name,
        .operator_text = r->op.arg.text,
        .gate = gate_kind(&r->op),
        .literals = r->op.gate.literals,
        .negated = r->op.negated,
        .chained = r->next != NO_INDEX,
        .is_link = r->is_link,
        .action_only = r->action_only,
    };
}

size_t engine_set_bytes(const engine_set_t *set)
{
    return set->arena.used + regex_bytes(set);
}

size_t engine_set_notes(const engine_set_t *set)
{
    return set->note_count;
}

slice_t engine_set_note(const engine_set_t *set, size_t index)
{
    return index < set->note_count ? set->notes[index] : SLICE_EMPTY;
}
