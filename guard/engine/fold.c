/* What is the same in each request is done once. A rule set opens with rules that give TX its
 * settings, and in every file gates ask for the paranoia level and jump: both depend on the rules'
 * text alone. Rules at the head of phase 1 that only set TX to what is known are run here, and the
 * values they leave are where each transaction starts (set->start). A comparison with a number that
 * no rule changes any more is decided here: it leaves the phase, with all that it jumps over. */
#include "load.h"
#include "tx.h"

typedef enum outcome { OUTCOME_UNKNOWN, OUTCOME_NO, OUTCOME_YES } outcome_t;

typedef struct fold {
    engine_set_t *set;
    arena_t *work;   /* for what is needed while folding only */
    bool *known;     /* by slot: its value is set->start's whenever the rule at hand runs */
    bool *touched;   /* by slot: a rule that stays, before the one at hand, reads or writes it */
    uint64_t *named; /* by rule: a ctl may take it out */
    uint64_t *alive; /* by rule: what the last round left, all in the first */
    uint32_t head;   /* where phase 1 goes on behind the rules that were run here */
    bool *out;       /* by position in phase 1, before `head`: run here */
} fold_t;

static bool bit(const uint64_t *bits, uint32_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

/* ---- what a rule reads and writes ------------------------------------------------------------ */

static bool slot_has_prefix(const engine_set_t *set, uint32_t slot, slice_t prefix)
{
    slice_t name = set->slots.names[slot];
    return name.len >= prefix.len && slice_eq_nocase(slice_sub(name, 0, prefix.len), prefix);
}

/* A name that is made at run time may be any that begins as it does. */
static slice_t fixed_prefix(const macro_t *m)
{
    bool fixed = m->pieces && m->count && !m->pieces[0].is_var;
    return !m->pieces ? m->text : fixed ? m->pieces[0].text : SLICE_EMPTY;
}

static void touch_target(fold_t *f, const target_t *t)
{
    if (t->var != VAR_TX) {
        return;
    }
    for (uint32_t i = 0; i < f->set->slots.count; i++) {
        bool chosen = t->select == SELECT_NAME ? t->slot == i : !t->slots || bit(t->slots, i);
        f->touched[i] |= chosen;
    }
}

static void touch_macro(fold_t *f, const macro_t *m)
{
    for (uint32_t i = 0; m->pieces && i < m->count; i++) {
        if (m->pieces[i].is_var) {
            touch_target(f, &m->pieces[i].var);
        }
    }
}

static void forget_slot(fold_t *f, uint32_t slot)
{
    f->known[slot] = false;
    f->touched[slot] = true;
}

static void forget_written(fold_t *f, const rule_t *r)
{
    for (uint32_t i = 0; r->act.capture && i < CAPTURES && i < f->set->slots.count; i++) {
        forget_slot(f, i);
    }
    for (uint32_t i = 0; i < r->act.setvar_count; i++) {
        const setvar_t *s = &r->act.setvars[i];
        for (uint32_t slot = 0; s->var == VAR_TX && slot < f->set->slots.count; slot++) {
            if (s->slot == slot ||
                (s->slot == NO_INDEX && slot_has_prefix(f->set, slot, fixed_prefix(&s->name)))) {
                forget_slot(f, slot);
            }
        }
    }
}

static void touch_read(fold_t *f, const rule_t *r)
{
    const actions_t *a = &r->act;
    for (uint32_t i = 0; i < r->target_count; i++) {
        touch_target(f, &r->targets[i]);
    }
    touch_macro(f, &r->op.arg);
    touch_macro(f, &a->msg);
    touch_macro(f, &a->logdata);
    touch_macro(f, &a->redirect);
    for (uint32_t i = 0; i < a->setvar_count; i++) {
        touch_macro(f, &a->setvars[i].name);
        touch_macro(f, &a->setvars[i].value);
    }
    for (uint32_t i = 0; i < a->expire_count; i++) {
        touch_macro(f, &a->expires[i].name);
        touch_macro(f, &a->expires[i].value);
    }
    for (uint32_t i = 0; i < a->initcol_count; i++) {
        touch_macro(f, &a->initcols[i].key);
    }
}

/* The rule stays, with all of its chain. */
static void keep(fold_t *f, const rule_t *head)
{
    for (const rule_t *r = head;; r = &f->set->rules[r->next]) {
        touch_read(f, r);
        forget_written(f, r);
        if (r->next == NO_INDEX) {
            return;
        }
    }
}

/* ---- running rules here ---------------------------------------------------------------------- */

static outcome_t compare(const fold_t *f, const rule_t *r, const target_t *t)
{
    const tx_value_t *v = &f->set->start[t->slot];
    if (!f->known[t->slot]) {
        return OUTCOME_UNKNOWN;
    }
    if (!t->count && !v->set) {
        return OUTCOME_NO;
    }
    int64_t left = t->count ? v->set : tx_value_number(v), right = r->op.number;
    if (r->op.number_slot != NO_INDEX) {
        if (!f->known[r->op.number_slot]) {
            return OUTCOME_UNKNOWN;
        }
        right = tx_value_number(&f->set->start[r->op.number_slot]);
    }
    return number_test(r->op.kind, left, right) != r->op.negated ? OUTCOME_YES : OUTCOME_NO;
}

static outcome_t link_outcome(const fold_t *f, const rule_t *r)
{
    outcome_t o = r->action_only ? OUTCOME_YES : OUTCOME_NO;
    if (!r->numeric && !r->action_only) {
        return OUTCOME_UNKNOWN;
    }
    for (uint32_t i = 0; i < r->target_count && o != OUTCOME_UNKNOWN; i++) {
        outcome_t one = compare(f, r, &r->targets[i]);
        o = one == OUTCOME_NO ? o : o == OUTCOME_YES && one != OUTCOME_UNKNOWN ? o : one;
    }
    return o;
}

/* Does a link do nothing by itself, before the whole chain has matched? */
static bool is_idle_link(const actions_t *a)
{
    return a->setvar_count == 0 && a->initcol_count == 0 && !a->capture;
}

/* Does a chain that matched leave nothing but its jump? */
static bool is_quiet_chain(const fold_t *f, const rule_t *head)
{
    const actions_t *a = &head->act;
    if (a->disruptive != DISRUPTIVE_PASS || a->log != TRI_NO || a->severity >= 0) {
        return false;
    }
    for (const rule_t *r = head;; r = &f->set->rules[r->next]) {
        if (!is_idle_link(&r->act) || r->act.ctl_count || r->act.expire_count) {
            return false;
        }
        if (r->next == NO_INDEX) {
            return true;
        }
    }
}

/* Of a chain: NO when a link says so that comes to its turn without a trace; YES when all do and it
 * is quiet. */
static outcome_t outcome(const fold_t *f, const rule_t *head)
{
    outcome_t o = OUTCOME_UNKNOWN;
    if (bit(f->named, head->index)) {
        return OUTCOME_UNKNOWN;
    }
    for (const rule_t *r = head;; r = &f->set->rules[r->next]) {
        outcome_t one = link_outcome(f, r);
        o = r == head || one != OUTCOME_YES ? one : o;
        if (one == OUTCOME_NO || r->next == NO_INDEX) {
            break;
        }
        if (!is_idle_link(&r->act)) {
            return OUTCOME_UNKNOWN;
        }
    }
    bool chain = head->next != NO_INDEX;
    return o == OUTCOME_YES && chain && !is_quiet_chain(f, head) ? OUTCOME_UNKNOWN : o;
}

/* Of a rule with outcome YES. */
static bool is_silent(const rule_t *head)
{
    return head->silent || head->next != NO_INDEX;
}

static const tx_value_t *known_value(const fold_t *f, const piece_t *p)
{
    bool known = p->is_var && p->var.var == VAR_TX && p->var.select == SELECT_NAME &&
                 !p->var.count && p->var.slot != NO_INDEX && f->known[p->var.slot];
    return known ? &f->set->start[p->var.slot] : NULL;
}

static err_t value_put(const tx_value_t *v, buf_t *out)
{
    if (v->set && v->has_text) {
        buf_put(out, v->text);
    } else if (v->set) {
        buf_dec(out, v->number);
    }
    return buf_check(out);
}

/* NOT_FOUND: it is not known yet. */
static err_t known_text(const fold_t *f, const macro_t *m, slice_t *ret_text)
{
    size_t cap = m->text.len;
    *ret_text = m->text;
    if (!m->pieces) {
        return OK;
    }
    for (uint32_t i = 0; i < m->count; i++) {
        const tx_value_t *v = known_value(f, &m->pieces[i]);
        ENSURE(v || !m->pieces[i].is_var, ERR_NOT_FOUND);
        cap += v ? v->text.len + 24 : m->pieces[i].text.len;
    }
    buf_t out;
    TRY(arena_buf(&f->set->arena, cap, &out));
    for (uint32_t i = 0; i < m->count; i++) {
        const tx_value_t *v = known_value(f, &m->pieces[i]);
        if (v) {
            TRY(value_put(v, &out));
        } else {
            buf_put(&out, m->pieces[i].text);
        }
    }
    *ret_text = buf_slice(&out);
    return buf_check(&out);
}

static err_t run_setvar(fold_t *f, const setvar_t *s)
{
    tx_value_t *v = &f->set->start[s->slot];
    slice_t text;
    TRY(known_text(f, &s->value, &text));
    if (s->kind == SETVAR_UNSET) {
        *v = (tx_value_t){0};
    } else if (s->kind == SETVAR_SET) {
        tx_value_set(v, text);
    } else {
        tx_value_add(v, text_number(text), s->kind == SETVAR_SUB);
    }
    return OK;
}

/* May its setvars be run here? Nobody before it may see the slot, and what it takes is known. */
static bool setvars_known(const fold_t *f, const rule_t *r)
{
    for (uint32_t i = 0; i < r->act.setvar_count; i++) {
        const setvar_t *s = &r->act.setvars[i];
        for (uint32_t k = 0; s->value.pieces && k < s->value.count; k++) {
            if (s->value.pieces[k].is_var && !known_value(f, &s->value.pieces[k])) {
                return false;
            }
        }
        if (f->touched[s->slot] || !f->known[s->slot]) {
            return false;
        }
    }
    return true;
}

/* Once it matched, are the rules behind it always reached? */
static bool goes_on(const fold_t *f, const rule_t *head)
{
    for (const rule_t *r = head;; r = &f->set->rules[r->next]) {
        for (uint32_t i = 0; i < r->act.ctl_count; i++) {
            if (r->act.ctls[i].kind == CTL_RULE_ENGINE) {
                return false;
            }
        }
        if (r->next == NO_INDEX) {
            break;
        }
    }
    return head->skip_to == NO_INDEX && head->act.disruptive == DISRUPTIVE_PASS;
}

static err_t run_head_here(fold_t *f)
{
    const phase_list_t *list = &f->set->phases[1];
    uint32_t i = 0;
    while (i < list->count) {
        const rule_t *r = list->rules[i];
        outcome_t o = outcome(f, r);
        bool here = o == OUTCOME_NO || (o == OUTCOME_YES && is_silent(r) && setvars_known(f, r));
        if (!here && !goes_on(f, r)) {
            break;
        }
        uint32_t next = here && o == OUTCOME_YES && r->skip_to != NO_INDEX ? r->skip_to : i + 1;
        for (uint32_t k = 0; here && o == OUTCOME_YES && k < r->act.setvar_count; k++) {
            TRY(run_setvar(f, &r->act.setvars[k]));
        }
        if (!here) {
            keep(f, r);
        }
        for (; i < next; i++) {
            f->out[i] = here;
        }
    }
    f->head = i;
    return OK;
}

/* ---- what is left of a phase ----------------------------------------------------------------- */

static void forget_all_written(fold_t *f)
{
    for (unsigned p = 1; p <= 5; p++) {
        for (uint32_t i = 0; i < f->set->phases[p].count; i++) {
            const rule_t *r = f->set->phases[p].rules[i];
            if (bit(f->alive, r->index) && (p > 1 || i >= f->head || !f->out[i])) {
                keep(f, r);
            }
        }
    }
}

static bool any(const bool *flags, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        if (flags[i]) {
            return true;
        }
    }
    return false;
}

/* Which rules of a phase are ever run: kept[position]. Jumps go forward only, so that all that may
 * lead to a rule has been seen before it. */
static void walk(const fold_t *f, unsigned phase, bool *reached, bool *kept)
{
    const phase_list_t *list = &f->set->phases[phase];
    reached[0] = true;
    for (uint32_t i = 0; i < list->count; i++) {
        const rule_t *r = list->rules[i];
        if (!reached[i]) {
            continue;
        }
        bool done = phase == 1 && i < f->head && f->out[i];
        outcome_t o = done ? OUTCOME_NO : outcome(f, r);
        bool idle = o == OUTCOME_YES && is_silent(r) && r->act.setvar_count == 0;
        bool jumps = r->skip_to != NO_INDEX && o != OUTCOME_NO;
        bool leaves = idle && jumps && !any(reached, i + 1, r->skip_to);
        kept[i] = !done && o != OUTCOME_NO && !(idle && (!jumps || leaves));
        reached[i + 1] |= !leaves;
        if (jumps) {
            reached[r->skip_to] = true;
        }
    }
}

static err_t shorten(fold_t *f, unsigned phase)
{
    const phase_list_t *list = &f->set->phases[phase];
    phase_list_t *brief = &f->set->brief[phase];
    brief->count = 0;
    bool *reached = ARENA_ARRAY(f->work, bool, (size_t)list->count + 1);
    bool *kept = ARENA_ARRAY(f->work, bool, (size_t)list->count + 1);
    uint32_t *place = ARENA_ARRAY(f->work, uint32_t, (size_t)list->count + 1);
    ENSURE(reached && kept && place, ERR_MEMORY);
    walk(f, phase, reached, kept);
    for (uint32_t i = 0; i <= list->count; i++) {
        place[i] = brief->count;
        if (i < list->count && kept[i]) {
            brief->rules[brief->count++] = list->rules[i];
        }
    }
    for (uint32_t i = 0; i < list->count; i++) {
        rule_t *r = &f->set->rules[list->rules[i]->index];
        r->brief_to = r->skip_to == NO_INDEX ? (uint32_t)NO_INDEX : place[r->skip_to];
    }
    return OK;
}

static void collect_named(fold_t *f)
{
    for (uint32_t i = 0; i < f->set->rule_count; i++) {
        const actions_t *a = &f->set->rules[i].act;
        for (uint32_t k = 0; bit(f->alive, f->set->rules[i].head) && k < a->ctl_count; k++) {
            for (size_t w = 0; a->ctls[k].rules && w < f->set->rule_count / 64 + 1; w++) {
                f->named[w] |= a->ctls[k].rules[w];
            }
        }
    }
}

static void collect_alive(fold_t *f)
{
    memset(f->alive, 0, (f->set->rule_count / 64 + 1) * sizeof *f->alive);
    for (unsigned p = 1; p <= 5; p++) {
        for (uint32_t i = 0; i < f->set->brief[p].count; i++) {
            uint32_t index = f->set->brief[p].rules[i]->index;
            f->alive[index / 64] |= UINT64_C(1) << (index % 64);
        }
    }
}

/* One round: sure of what it leaves out, as long as what is not alive is never run. */
static err_t fold_once(fold_t *f)
{
    engine_set_t *set = f->set;
    size_t slots = (size_t)set->slots.count + 1;
    f->known = ARENA_ARRAY(f->work, bool, slots);
    f->touched = ARENA_ARRAY(f->work, bool, slots);
    f->named = ARENA_ARRAY(f->work, uint64_t, set->rule_count / 64 + 1);
    f->out = ARENA_ARRAY(f->work, bool, (size_t)set->phases[1].count + 1);
    ENSURE(f->known && f->touched && f->named && f->out, ERR_MEMORY);
    memset(set->start, 0, slots * sizeof *set->start);
    for (uint32_t i = 0; i < set->slots.count; i++) {
        f->known[i] = true; /* that it is not set */
    }
    collect_named(f);
    TRY(run_head_here(f));
    forget_all_written(f);
    for (unsigned p = 1; p <= 5; p++) {
        TRY(shorten(f, p));
    }
    collect_alive(f);
    return OK;
}

static err_t results_alloc(engine_set_t *set)
{
    set->start = ARENA_ARRAY(&set->arena, tx_value_t, (size_t)set->slots.count + 1);
    ENSURE(set->start, ERR_MEMORY);
    for (unsigned p = 1; p <= 5; p++) {
        size_t count = (size_t)set->phases[p].count + 1;
        set->brief[p].rules = ARENA_ARRAY(&set->arena, const rule_t *, count);
        ENSURE(set->brief[p].rules, ERR_MEMORY);
    }
    return OK;
}

/* What a round leaves out writes nothing and takes no rule away: the next one knows more. */
err_t fold_phases(engine_set_t *set)
{
    enum { ROUNDS = 3 };
    BASE_CLEANUP(arena_deinit) arena_t work;
    arena_init(&work, LOAD_SET_BYTES);
    fold_t f = {.set = set, .work = &work};
    f.alive = ARENA_ARRAY(&work, uint64_t, set->rule_count / 64 + 1);
    ENSURE(f.alive, ERR_MEMORY);
    TRY(results_alloc(set));
    memset(f.alive, 0xff, (set->rule_count / 64 + 1) * sizeof *f.alive);
    for (unsigned i = 0; i < ROUNDS; i++) {
        TRY(fold_once(&f));
    }
    return OK;
}
