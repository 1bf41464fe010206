/* The phases: which rules run, on which values, and where to go on. */
#include "tx.h"

typedef struct eval {
    engine_tx_t *tx;
    const rule_t *rule;
    const target_t *target;
    uint32_t values; /* that matched */
} eval_t;

/* ---- exclusions ------------------------------------------------------------------------------ */

static bool same_kind(const target_t *t, unsigned var)
{
    return t->var == var;
}

static bool removal_hits(engine_tx_t *tx, const rule_t *r, unsigned var, slice_t name)
{
    for (const removal_t *x = tx->removals; x; x = x->next) {
        if ((x->rules[r->index / 64] >> (r->index % 64) & 1) && same_kind(&x->target, var) &&
            target_chooses(tx, &x->target, name)) {
            return true;
        }
    }
    return false;
}

/* !VARIABLE of the rule, and what ctl took out. Asked only of values that may match. */
static bool is_excluded(engine_tx_t *tx, const rule_t *r, unsigned var, slice_t name)
{
    for (uint32_t i = 0; i < r->exclude_count; i++) {
        if (same_kind(&r->excludes[i], var) && target_chooses(tx, &r->excludes[i], name)) {
            return true;
        }
    }
    return tx->removals && removal_hits(tx, r, var, name);
}

/* ---- a value that matched -------------------------------------------------------------------- */

static bool remember(engine_tx_t *tx, const matched_t *m)
{
    if (tx->matched_count == tx->matched_cap) {
        uint32_t cap = tx->matched_cap ? tx->matched_cap * 2 : 8;
        matched_t *more = tx_array(tx, cap, sizeof *more);
        if (!more) {
            return false;
        }
        if (tx->matched_count) {
            memcpy(more, tx->matched, tx->matched_count * sizeof *more);
        }
        tx->matched = more;
        tx->matched_cap = cap;
    }
    tx->matched[tx->matched_count++] = *m;
    return true;
}

static void on_value(eval_t *e, slice_t name, bool plain, slice_t raw, slice_t value)
{
    engine_tx_t *tx = e->tx;
    matched_t m = {e->target->var, plain, name, raw, value};
    if (!remember(tx, &m)) {
        return;
    }
    e->values++;
    tx->rule_limit |= tx->limit_hit;
    act_on_match(tx, e->rule, e->values == 1);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static bool chosen(eval_t *e, list_t *l, uint32_t i)
{
    const target_t *t = e->target;
    if (t->select == SELECT_ALL) {
        return true;
    }
    if (t->select == SELECT_NAME && t->slot != NO_INDEX) {
        const uint32_t *atoms = list_atoms(e->tx, l);
        return atoms && atoms[i] == t->slot;
    }
    return target_chooses(e->tx, t, l->items[i].name);
}

static void one_value(eval_t *e, list_t *l, const form_t *f, uint32_t i)
{
    engine_tx_t *tx = e->tx;
    const rule_t *r = e->rule;
    bool may = gate_open(&r->op.gate, f->kinds[i].sig);
    if ((!may && !r->op.negated) || !chosen(e, l, i)) {
        return;
    }
    bool yes = may && op_test(tx, r, f->values[i], &f->kinds[i], NULL);
    if (yes == r->op.negated || is_excluded(tx, r, e->target->var, l->items[i].name)) {
        return;
    }
    if (r->op.negated) {
        tx->found_parts = false;
    }
    on_value(e, l->items[i].name, var_kind((var_id_t)e->target->var) == VAR_ONE, l->items[i].value,
             f->values[i]);
}

/* All values of one form, or only those that the gate leaves: with one of its literals, or with the
 * bytes that a branch without a literal needs. `before`: with multiMatch the form that was looked
 * at last; values that are the same in both are not new. */
static void one_form(eval_t *e, list_t *l, form_t *f, const form_t *before)
{
    engine_tx_t *tx = e->tx;
    const gate_t *g = &e->rule->op.gate;
    const hits_t *hits = NULL;
    bool gated = !e->rule->op.negated && (g->pattern != NO_INDEX || g->alt_count), alts = false;
    if (!e->rule->op.negated && !gate_open(g, f->sum.sig)) {
        return;
    }
    if (gated) {
        alts = gate_alt_open(g, f->sum.sig);
        hits = g->pattern == NO_INDEX
                   ? NULL
                   : form_hits(tx, f, l->count, e->rule->act.phase > 2, g->pattern);
        if (!hits && !alts) {
            return;
        }
        gated = !hits || !hits->unsorted;
    }
    bool jump = gated && !alts;
    uint32_t count = jump ? hits->count : l->count;
    for (uint32_t k = 0, hit = 0; k < count; k++) {
        uint32_t i = jump ? hits->values[k] : k;
        if (gated && alts) {
            bool here = hits && hit < hits->count && hits->values[hit] == i;
            hit += here;
            if (!here && !gate_alt_open(g, f->kinds[i].sig)) {
                continue;
            }
        }
        if (before && before->values[i].ptr == f->values[i].ptr &&
            before->values[i].len == f->values[i].len) {
            continue;
        }
        one_value(e, l, f, i);
    }
}

static void multi_forms(eval_t *e, list_t *l)
{
    uint32_t path[64];
    unsigned depth = 0;
    for (uint32_t at = e->rule->chain; depth < BASE_COUNT(path);
         at = e->tx->set->nodes[at].parent) {
        path[depth++] = at;
        if (at == 0) {
            break;
        }
    }
    const form_t *before = NULL;
    while (depth) {
        form_t *f = form_of(e->tx, l, path[--depth]);
        if (f && f != before) {
            one_form(e, l, f, before);
        }
        before = f;
    }
}

/* ---- live variables and counts --------------------------------------------------------------- */

enum { STEPS_MAX = 32 };

/* What the operator is to see of a live value: its form behind the chain, or with multiMatch each
 * step of it that changes something. */
static unsigned live_steps(eval_t *e, slice_t raw, slice_t steps[STEPS_MAX])
{
    engine_tx_t *tx = e->tx;
    uint32_t path[STEPS_MAX];
    unsigned depth = 0, count = 0;
    if (!e->rule->act.multi_match) {
        steps[0] = chain_apply(tx, e->rule->chain, raw);
        return 1;
    }
    for (uint32_t at = e->rule->chain; at && depth < STEPS_MAX - 1;
         at = tx->set->nodes[at].parent) {
        path[depth++] = at;
    }
    steps[count++] = raw;
    while (depth) {
        slice_t next = chain_step(tx, path[--depth], steps[count - 1]);
        if (next.ptr != steps[count - 1].ptr || next.len != steps[count - 1].len) {
            steps[count++] = next;
        }
    }
    return count;
}

static void live_text(eval_t *e, value_t *v, bool plain)
{
    engine_tx_t *tx = e->tx;
    const rule_t *r = e->rule;
    slice_t raw = value_text(tx, v), steps[STEPS_MAX];
    unsigned count = live_steps(e, raw, steps);
    for (unsigned i = 0; i < count && !tx->memory_out; i++) {
        byte_kinds_t kinds = kinds_of(tx->set, steps[i]);
        bool yes = gate_open(&r->op.gate, kinds.sig) && op_test(tx, r, steps[i], &kinds, v);
        if (yes != r->op.negated && !is_excluded(tx, r, e->target->var, v->name)) {
            tx->found_parts &= !r->op.negated;
            on_value(e, v->name, plain, raw, steps[i]);
        }
    }
}

/* Numbers that are compared with numbers need no text. */
static void live_number(eval_t *e, value_t *v, bool plain)
{
    engine_tx_t *tx = e->tx;
    const byte_kinds_t none = {0, 0};
    bool yes = op_test(tx, e->rule, SLICE_EMPTY, &none, v);
    if (yes != e->rule->op.negated && !is_excluded(tx, e->rule, e->target->var, v->name)) {
        tx->found_parts = false;
        slice_t text = value_text(tx, v);
        on_value(e, v->name, plain, text, text);
    }
}

static bool takes_numbers(const rule_t *r)
{
    return r->chain == 0 && r->op.kind >= OP_EQ && r->op.kind <= OP_LT;
}

static bool on_live(void *user, const value_t *value)
{
    eval_t *e = user;
    const target_t *t = e->target;
    if (t->select == SELECT_REGEX && t->var != VAR_TX && !target_chooses(e->tx, t, value->name)) {
        return true; /* TX looks for itself, a name was looked up */
    }
    value_t v = *value;
    if (v.is_number && takes_numbers(e->rule)) {
        live_number(e, &v, v.name.len == 0);
    } else {
        live_text(e, &v, v.name.len == 0);
    }
    return !e->tx->memory_out;
}

static bool count_live(void *user, const value_t *value)
{
    eval_t *e = user;
    bool looked = e->target->select != SELECT_REGEX || e->target->var == VAR_TX;
    if ((looked || target_chooses(e->tx, e->target, value->name)) &&
        !is_excluded(e->tx, e->rule, e->target->var, value->name)) {
        e->values++;
    }
    return true;
}

static int64_t count_values(eval_t *e)
{
    engine_tx_t *tx = e->tx;
    const target_t *t = e->target;
    eval_t counting = *e;
    counting.values = 0;
    if (t->var >= VAR_LISTS) {
        value_each(tx, t, count_live, &counting);
        return counting.values;
    }
    list_t *l = &tx->lists[t->var];
    if (t->select == SELECT_ALL && e->rule->exclude_count == 0 && !tx->removals) {
        return l->count;
    }
    for (uint32_t i = 0; i < l->count; i++) {
        counting.values += chosen(e, l, i) && !is_excluded(tx, e->rule, t->var, l->items[i].name);
    }
    return counting.values;
}

/* A count whose very target was taken out is not asked for; other exclusions are not counted. */
static void on_count(eval_t *e)
{
    value_t v = {.is_number = true, .number = count_values(e)};
    bool plain = e->target->select == SELECT_ALL;
    v.name = e->target->name;
    if (takes_numbers(e->rule)) {
        live_number(e, &v, plain);
    } else {
        live_text(e, &v, plain);
    }
}

/* The values that a selector names, without a form of the whole list. */
static void named_values(eval_t *e, list_t *l)
{
    bool one = var_kind((var_id_t)e->target->var) == VAR_ONE;
    for (uint32_t i = 0; i < l->count && !e->tx->memory_out; i++) {
        if (chosen(e, l, i)) {
            value_t v = {.name = l->items[i].name, .text = l->items[i].value};
            live_text(e, &v, one);
        }
    }
}

static void on_list(eval_t *e)
{
    list_t *l = &e->tx->lists[e->target->var];
    if (l->count == 0) {
        return;
    }
    if (e->rule->direct && e->target->select == SELECT_NAME) {
        named_values(e, l);
        return;
    }
    if (e->rule->act.multi_match) {
        multi_forms(e, l);
        return;
    }
    form_t *f = form_of(e->tx, l, e->rule->chain);
    if (f) {
        one_form(e, l, f, NULL);
    }
}

/* ---- rules and chains ------------------------------------------------------------------------ */

/* Number of values that matched. */
static uint32_t run_rule(engine_tx_t *tx, const rule_t *r)
{
    eval_t e = {.tx = tx, .rule = r};
    tx->rule = r;
    if (r->action_only) {
        tx->found_parts = false;
        act_on_match(tx, r, true);
        return 1;
    }
    for (uint32_t i = 0; i < r->target_count && !tx->memory_out; i++) {
        e.target = &r->targets[i];
        if (e.target->count) {
            on_count(&e);
        } else if (e.target->var < VAR_LISTS) {
            on_list(&e);
        } else {
            value_each(tx, e.target, on_live, &e);
        }
    }
    return e.values;
}

static bool run_chain(engine_tx_t *tx, const rule_t *head)
{
    const rule_t *r = head;
    tx->matched_count = 0;
    tx->rule_limit = false;
    for (;;) {
        tx->stats.rules++;
        uint32_t values = run_rule(tx, r);
        if (values == 0 || tx->memory_out) {
            return false;
        }
        if (r->next == NO_INDEX) {
            act_on_chain(tx, head, r, values);
            return true;
        }
        r = &tx->set->rules[r->next];
    }
}

/* Most rules that a request runs compare one number in TX (paranoia levels, scores, settings), and
 * most of them say no: that needs no machinery. */
static int64_t slot_number(tx_value_t *v)
{
    if (!v->set) {
        return 0;
    }
    if (!v->has_number) {
        v->has_number = true;
        v->number = text_number(v->text);
    }
    return v->number;
}

static bool fast_test(engine_tx_t *tx, const rule_t *r)
{
    tx_value_t *v = &tx->slots[r->targets[0].slot];
    if (r->fast == FAST_TX_NUMBER && !v->set) {
        return false;
    }
    int64_t left = r->fast == FAST_TX_NUMBER ? slot_number(v) : v->set;
    int64_t right =
        r->op.number_slot == NO_INDEX ? r->op.number : slot_number(&tx->slots[r->op.number_slot]);
    return number_test(r->op.kind, left, right) != r->op.negated;
}

static bool is_idle(const engine_tx_t *tx, const rule_t *r)
{
    if (tx->removed && (tx->removed[r->index / 64] >> (r->index % 64) & 1)) {
        return true;
    }
    return r->only_lists && !((r->lists[0] & tx->present[0]) | (r->lists[1] & tx->present[1]));
}

/* Can no value of any list match, by bytes and literals? Most rules end here in each request. */
static bool lists_say_no(engine_tx_t *tx, const rule_t *r)
{
    const gate_t *g = &r->op.gate;
    unsigned db = r->act.phase > 2;
    for (uint32_t i = 0; i < r->target_count; i++) {
        list_t *l = &tx->lists[r->targets[i].var];
        if (l->count == 0) {
            continue;
        }
        form_t *f = l->forms ? l->forms[r->chain] : NULL;
        if (!f) {
            f = form_of(tx, l, r->chain);
        }
        if (!f) {
            return false;
        }
        if (g->pattern != NO_INDEX && g->alt_count == 0) {
            const scan_t *scan = &f->scan_of->scans[db];
            if (scan->done && !(scan->slot && scan->slot[g->pattern])) {
                continue;
            }
        }
        if (!gate_open(g, f->sum.sig)) {
            continue;
        }
        if ((g->pattern == NO_INDEX && g->alt_count == 0) || gate_alt_open(g, f->sum.sig) ||
            (g->pattern != NO_INDEX && form_hits(tx, f, l->count, db, g->pattern))) {
            return false;
        }
    }
    return true;
}

static bool run_head(engine_tx_t *tx, const rule_t *r)
{
    if (is_idle(tx, r)) {
        return false;
    }
    if (r->fast) {
        if (!fast_test(tx, r)) {
            return false;
        }
        if (r->silent && !tx->trace && !tx->removals) {
            tx->matched_count = 0;
            tx->rule = r;
            act_on_match(tx, r, true);
            return true;
        }
    }
    if (r->gated && lists_say_no(tx, r)) {
        return false;
    }
    return run_chain(tx, r);
}

static bool allowed(const engine_tx_t *tx)
{
    return (tx->allow == DISRUPTIVE_ALLOW && tx->phase != ENGINE_LOGGING) ||
           (tx->allow == DISRUPTIVE_ALLOW_REQUEST && tx->phase <= ENGINE_REQUEST_BODY) ||
           tx->allow == DISRUPTIVE_ALLOW_PHASE;
}

static bool ends(const engine_tx_t *tx, engine_phase_t phase)
{
    return tx->settings.mode == ENGINE_OFF || allowed(tx) ||
           (tx->stopped && phase != ENGINE_LOGGING);
}

err_t run_phase(engine_tx_t *tx, engine_phase_t phase)
{
    const phase_list_t *list = tx->trace ? &tx->set->phases[phase] : &tx->set->brief[phase];
    tx->phase = phase;
    tx->allow = tx->allow == DISRUPTIVE_ALLOW_PHASE ? 0U : tx->allow;
    bool end = ends(tx, phase);
    for (uint32_t i = 0; i < list->count && !end; i++) {
        const rule_t *r = list->rules[i];
        if (run_head(tx, r)) {
            uint32_t to = tx->trace ? r->skip_to : r->brief_to;
            i = to == NO_INDEX ? i : to - 1;
            end = ends(tx, phase);
        }
        ENSURE(!tx->memory_out, ERR_MEMORY);
    }
    return OK;
}
