/* From what was read to what runs: amendments, defaults, chains of transformations, jumps, literal
 * data bases. */
#include "action.h"
#include "load.h"
#include "regex.h"

static bool regex_finds(const regex_t *regex, regex_scratch_t *scratch, slice_t text)
{
    return regex_match(regex, scratch, text, 0, NULL) == REGEX_YES;
}

static bool names_rule(const rule_t *head, bool by_msg, const regex_t *regex,
                       regex_scratch_t *scratch)
{
    if (by_msg) {
        return head->act.msg.text.len && regex_finds(regex, scratch, head->act.msg.text);
    }
    for (uint32_t i = 0; i < head->act.tag_count; i++) {
        if (regex_finds(regex, scratch, head->act.tags[i])) {
            return true;
        }
    }
    return false;
}

/* ---- amendments ------------------------------------------------------------------------------ */

static err_t add_targets(engine_set_t *set, rule_t *r, const target_t *list, uint32_t count)
{
    target_t *in = ARENA_ARRAY(&set->arena, target_t, (size_t)r->target_count + count);
    target_t *out = ARENA_ARRAY(&set->arena, target_t, (size_t)r->exclude_count + count);
    ENSURE(in && out, ERR_MEMORY);
    if (r->target_count) {
        memcpy(in, r->targets, r->target_count * sizeof *in);
    }
    if (r->exclude_count) {
        memcpy(out, r->excludes, r->exclude_count * sizeof *out);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (list[i].exclude) {
            out[r->exclude_count++] = list[i];
        } else {
            in[r->target_count++] = list[i];
        }
    }
    r->targets = in;
    r->excludes = out;
    return OK;
}

static void change_actions(actions_t *to, const actions_t *with)
{
    actions_t old = *to;
    to->disruptive = with->disruptive ? with->disruptive : old.disruptive;
    to->status = with->status ? with->status : old.status;
    to->severity = with->severity >= 0 ? with->severity : old.severity;
    to->log = with->log ? with->log : old.log;
    to->audit = with->audit ? with->audit : old.audit;
    to->capture |= with->capture;
    to->multi_match |= with->multi_match;
    to->skip = with->skip ? with->skip : old.skip;
    to->skip_after = with->skip_after.len ? with->skip_after : old.skip_after;
    to->msg = with->msg.text.len ? with->msg : old.msg;
    to->logdata = with->logdata.text.len ? with->logdata : old.logdata;
    to->redirect = with->redirect.text.len ? with->redirect : old.redirect;
    to->rev = with->rev.len ? with->rev : old.rev;
    to->ver = with->ver.len ? with->ver : old.ver;
    if (with->no_transforms || with->transform_count) {
        to->transforms = with->transforms;
        to->transform_count = with->transform_count;
        to->no_transforms = with->no_transforms;
    }
}

#define JOIN(list, count, type)                                                                    \
    do {                                                                                           \
        if (with->count) {                                                                         \
            type *more = ARENA_ARRAY(&set->arena, type, (size_t)to->count + with->count);          \
            ENSURE(more, ERR_MEMORY);                                                              \
            if (to->count) {                                                                       \
                memcpy(more, to->list, to->count * sizeof *more);                                  \
            }                                                                                      \
            memcpy(more + to->count, with->list, with->count * sizeof *more);                      \
            to->list = more;                                                                       \
            to->count += with->count;                                                              \
        }                                                                                          \
    } while (0)

static err_t add_actions(engine_set_t *set, actions_t *to, const actions_t *with)
{
    change_actions(to, with);
    JOIN(tags, tag_count, slice_t);
    JOIN(setvars, setvar_count, setvar_t);
    JOIN(expires, expire_count, setvar_t);
    JOIN(ctls, ctl_count, ctl_t);
    JOIN(initcols, initcol_count, initcol_t);
    return OK;
}

static rule_t *link_of(engine_set_t *set, rule_t *head, uint32_t link)
{
    rule_t *r = head;
    for (uint32_t i = 0; r && link != NO_INDEX && i < link; i++) {
        r = r->next == NO_INDEX ? NULL : &set->rules[r->next];
    }
    return r;
}

static err_t amend_rule(engine_set_t *set, const amend_t *m, rule_t *head)
{
    rule_t *r = link_of(set, head, m->link);
    if (!r) {
        return OK;
    }
    if (m->act) {
        return add_actions(set, &r->act, m->act);
    }
    if (m->targets) {
        return add_targets(set, r, m->targets, m->target_count);
    }
    head->removed = true;
    return OK;
}

/* Rules before the directive; by id also later ones when there is none before. */
static err_t amend_all(engine_builder_t *b, const amend_t *m, regex_scratch_t *scratch)
{
    engine_set_t *set = b->set;
    uint32_t hits = 0;
    for (uint32_t i = 0; i < set->rule_count; i++) {
        rule_t *r = &set->rules[i];
        if (r->is_link || (i >= m->at && (m->by != BY_ID || hits))) {
            continue;
        }
        bool hit = m->by == BY_ID ? r->act.id >= m->first && r->act.id <= m->last
                                  : names_rule(r, m->by == BY_MSG, m->regex, scratch);
        if (hit) {
            hits++;
            TRY(amend_rule(set, m, r));
        }
    }
    if (hits == 0) {
        b->file = m->file;
        b->line = m->line;
        return load_note(b, "names no rule");
    }
    return OK;
}

/* ---- defaults -------------------------------------------------------------------------------- */

static const actions_t *defaults_of(const rule_node_t *node)
{
    static const actions_t BUILT_IN = {.disruptive = DISRUPTIVE_PASS, .severity = -1};
    return node->defaults ? node->defaults : &BUILT_IN;
}

static err_t apply_defaults(engine_set_t *set, rule_t *r, const actions_t *d)
{
    actions_t *a = &r->act;
    if (!a->no_transforms && d->transform_count) {
        uint8_t *all = arena_alloc(&set->arena, d->transform_count + a->transform_count);
        ENSURE(all, ERR_MEMORY);
        memcpy(all, d->transforms, d->transform_count);
        if (a->transform_count) {
            memcpy(all + d->transform_count, a->transforms, a->transform_count);
        }
        a->transforms = all;
        a->transform_count += d->transform_count;
    }
    if (r->is_link) {
        a->disruptive = DISRUPTIVE_PASS;
        return OK;
    }
    if (a->disruptive == DISRUPTIVE_NONE || a->disruptive == DISRUPTIVE_BLOCK) {
        a->disruptive = d->disruptive;
        a->redirect = d->redirect;
        a->status = a->status ? a->status : d->status;
    }
    if (a->status == 0) {
        a->status = a->disruptive == DISRUPTIVE_REDIRECT ? 302 : 403;
    }
    a->severity = a->severity >= 0 ? a->severity : d->severity;
    a->log = a->log ? a->log : d->log ? d->log : (uint8_t)TRI_YES;
    a->audit = a->audit ? a->audit : d->audit ? d->audit : a->log;
    a->capture |= d->capture;
    a->multi_match |= d->multi_match;
    return OK;
}

/* ---- chains of transformations --------------------------------------------------------------- */

static err_t chain_child(engine_set_t *set, uint32_t parent, uint8_t transform, uint32_t *cap,
                         uint32_t *ret)
{
    for (uint32_t i = 1; i < set->node_count; i++) {
        if (set->nodes[i].parent == parent && set->nodes[i].transform == transform) {
            *ret = i;
            return OK;
        }
    }
    if (set->node_count == *cap) {
        chain_node_t *more = ARENA_ARRAY(&set->arena, chain_node_t, (size_t)*cap * 2);
        ENSURE(more, ERR_MEMORY);
        memcpy(more, set->nodes, set->node_count * sizeof *more);
        set->nodes = more;
        *cap *= 2;
    }
    set->nodes[set->node_count] = (chain_node_t){
        .parent = parent,
        .transform = transform,
        .folds = transform == TRANSFORM_LOWERCASE || transform == TRANSFORM_UPPERCASE,
    };
    *ret = set->node_count++;
    return OK;
}

static err_t build_chains(engine_set_t *set)
{
    uint32_t cap = 64;
    set->nodes = ARENA_ARRAY(&set->arena, chain_node_t, cap);
    ENSURE(set->nodes, ERR_MEMORY);
    set->node_count = 1;
    for (uint32_t i = 0; i < set->rule_count; i++) {
        rule_t *r = &set->rules[i];
        r->chain = 0;
        for (uint32_t k = 0; k < r->act.transform_count; k++) {
            TRY(chain_child(set, r->chain, r->act.transforms[k], &cap, &r->chain));
        }
    }
    return OK;
}

/* ---- phases and jumps ------------------------------------------------------------------------ */

static err_t build_phases(engine_set_t *set)
{
    for (unsigned p = 1; p <= 5; p++) {
        phase_list_t *list = &set->phases[p];
        list->rules = ARENA_ARRAY(&set->arena, const rule_t *, (size_t)set->rule_count + 1);
        ENSURE(list->rules, ERR_MEMORY);
        for (uint32_t i = 0; i < set->rule_count; i++) {
            const rule_t *r = &set->rules[i];
            if (!r->is_link && !r->removed && r->act.phase == p) {
                list->rules[list->count++] = r;
            }
        }
    }
    return OK;
}

/* First position in the phase whose rule stands behind the marker. */
static uint32_t position_after(const phase_list_t *list, uint32_t at)
{
    uint32_t i = 0;
    while (i < list->count && list->rules[i]->index < at) {
        i++;
    }
    return i;
}

static err_t resolve_skip(engine_builder_t *b, rule_t *r, uint32_t position)
{
    const phase_list_t *list = &b->set->phases[r->act.phase];
    if (r->act.skip) {
        uint32_t to = position + 1 + r->act.skip;
        r->skip_to = to < list->count ? to : list->count;
    }
    if (r->act.skip_after.len == 0) {
        return OK;
    }
    const marker_t *m = b->first_marker;
    while (m && (m->at <= r->index || !slice_eq(m->name, r->act.skip_after))) {
        m = m->next;
    }
    if (m) {
        r->skip_to = position_after(list, m->at);
        return OK;
    }
    r->skip_to = list->count;
    for (uint32_t i = r->index + 1; i < b->set->rule_count; i++) { /* or a rule's id */
        uint64_t id;
        if (!err_failed(slice_parse_u64(r->act.skip_after, UINT32_MAX, &id)) &&
            b->set->rules[i].act.id == id) {
            r->skip_to = position_after(list, i + 1);
            return OK;
        }
    }
    b->file = r->file;
    b->line = r->line;
    return load_note(b, "skipAfter names no later marker: the rest of the phase is skipped");
}

static err_t resolve_skips(engine_builder_t *b)
{
    for (unsigned p = 1; p <= 5; p++) {
        const phase_list_t *list = &b->set->phases[p];
        for (uint32_t i = 0; i < list->count; i++) {
            TRY(resolve_skip(b, &b->set->rules[list->rules[i]->index], i));
        }
    }
    return OK;
}

/* ---- ctl by tag or msg ----------------------------------------------------------------------- */

static err_t resolve_ctl(engine_set_t *set, ctl_t *c, regex_scratch_t *scratch)
{
    bool by_msg = c->kind == CTL_REMOVE_BY_MSG || c->kind == CTL_REMOVE_TARGET_BY_MSG;
    uint64_t *bits = ARENA_ARRAY(&set->arena, uint64_t, set->rule_count / 64 + 1);
    ENSURE(bits, ERR_MEMORY);
    for (uint32_t i = 0; i < set->rule_count; i++) {
        bool by_id = c->kind == CTL_REMOVE_BY_ID || c->kind == CTL_REMOVE_TARGET_BY_ID;
        const rule_t *r = &set->rules[set->rules[i].head];
        if (by_id ? r->act.id >= c->first && r->act.id <= c->last
                  : names_rule(r, by_msg, c->who, scratch)) {
            bits[i / 64] |= UINT64_C(1) << (i % 64);
        }
    }
    c->rules = bits;
    return OK;
}

static err_t resolve_ctls(engine_set_t *set, regex_scratch_t *scratch)
{
    for (uint32_t i = 0; i < set->rule_count; i++) {
        actions_t *a = &set->rules[i].act;
        if (a->ctl_count == 0) {
            continue;
        }
        ctl_t *own = ARENA_ARRAY(&set->arena, ctl_t, a->ctl_count);
        ENSURE(own, ERR_MEMORY);
        memcpy(own, a->ctls, a->ctl_count * sizeof *own);
        for (uint32_t k = 0; k < a->ctl_count; k++) {
            if (own[k].kind >= CTL_REMOVE_BY_ID) {
                TRY(resolve_ctl(set, &own[k], scratch));
            }
        }
        a->ctls = own;
    }
    return OK;
}

/* ---- literals -------------------------------------------------------------------------------- */

static void sort_targets(rule_t *r)
{
    r->only_lists = !r->action_only;
    for (uint32_t i = 0; i < r->target_count; i++) {
        const target_t *t = &r->targets[i];
        if (t->var < VAR_LISTS && !t->count) {
            r->lists[t->var / 64] |= UINT64_C(1) << (t->var % 64);
        } else {
            r->only_lists = false;
        }
    }
}

/* Does the text need what a match leaves behind (MATCHED_VAR, RULE ...)? */
static bool only_tx(const macro_t *m)
{
    for (uint32_t i = 0; m->pieces && i < m->count; i++) {
        if (m->pieces[i].is_var && m->pieces[i].var.var != VAR_TX) {
            return false;
        }
    }
    return true;
}

/* A match sets TX by numbered slots and leaves nothing else behind. */
static bool is_silent(const rule_t *r)
{
    const actions_t *a = &r->act;
    if (a->disruptive != DISRUPTIVE_PASS || a->log != TRI_NO || a->ctl_count || a->expire_count ||
        a->initcol_count || a->severity >= 0 || r->next != NO_INDEX || a->capture) {
        return false;
    }
    for (uint32_t i = 0; i < a->setvar_count; i++) {
        const setvar_t *s = &a->setvars[i];
        if (s->var != VAR_TX || s->slot == NO_INDEX || !only_tx(&s->value)) {
            return false;
        }
    }
    return true;
}

/* sha1, base64Decode, length ...: transforming a whole list for one named value would be waste. */
static bool chain_always_changes(const rule_t *r)
{
    for (uint32_t i = 0; i < r->act.transform_count; i++) {
        if (!transform_is_identity((transform_id_t)r->act.transforms[i], 0)) {
            return true;
        }
    }
    return false;
}

static bool is_slot(const target_t *t)
{
    return t->var == VAR_TX && t->select == SELECT_NAME && t->slot != NO_INDEX;
}

static bool is_numeric(rule_t *r)
{
    const macro_t *m = &r->op.arg;
    r->op.number_slot = NO_INDEX;
    if (m->pieces && m->count == 1 && m->pieces->is_var && is_slot(&m->pieces->var) &&
        !m->pieces->var.count) {
        r->op.number_slot = m->pieces->var.slot;
    }
    bool yes = !r->action_only && r->op.kind >= OP_EQ && r->op.kind <= OP_LT &&
               (!m->pieces || r->op.number_slot != NO_INDEX) && !r->exclude_count &&
               r->act.transform_count == 0;
    for (uint32_t i = 0; i < r->target_count; i++) {
        yes = yes && is_slot(&r->targets[i]);
    }
    return yes;
}

static void find_fast(rule_t *r)
{
    r->numeric = is_numeric(r);
    if (r->numeric && r->target_count == 1) {
        r->fast = r->targets->count ? FAST_TX_COUNT : FAST_TX_NUMBER;
    }
    /* with several targets, setvar runs once for each that matches */
    bool once = r->fast || r->action_only || (r->numeric && r->act.setvar_count == 0);
    r->silent = once && is_silent(r);
}

/* TX:/regex/ over all names that the set knows, once. */
static err_t choose_slots(engine_set_t *set, target_t *t, regex_scratch_t *scratch)
{
    uint64_t *bits = ARENA_ARRAY(&set->arena, uint64_t, set->slots.count / 64 + 1);
    ENSURE(bits, ERR_MEMORY);
    for (uint32_t i = 0; i < set->slots.count; i++) {
        if (regex_finds(t->regex, scratch, set->slots.names[i])) {
            bits[i / 64] |= UINT64_C(1) << (i % 64);
        }
    }
    t->slots = bits;
    return OK;
}

static err_t resolve_slots(engine_set_t *set, rule_t *r, regex_scratch_t *scratch)
{
    for (uint32_t i = 0; i < r->target_count; i++) {
        if (r->targets[i].var != VAR_TX || r->targets[i].select != SELECT_REGEX) {
            continue;
        }
        target_t *own = ARENA_ARRAY(&set->arena, target_t, r->target_count);
        ENSURE(own, ERR_MEMORY);
        memcpy(own, r->targets, r->target_count * sizeof *own);
        r->targets = own;
        TRY(choose_slots(set, &own[i], scratch));
    }
    return OK;
}

/* Compared in fewer steps than a scan begins with. */
static bool needs_no_scan(unsigned kind)
{
    return kind == OP_STREQ || kind == OP_BEGINS_WITH || kind == OP_ENDS_WITH;
}

static err_t build_literals(engine_set_t *set)
{
    arena_t scratch;
    scan_builder_t *b[2];
    uint32_t patterns = 0;
    arena_init(&scratch, LOAD_SET_BYTES);
    err_t e = scan_builder_new(&scratch, &b[0]);
    e = err_failed(e) ? e : scan_builder_new(&scratch, &b[1]);
    for (uint32_t i = 0; i < set->rule_count && !err_failed(e); i++) {
        rule_t *r = &set->rules[i];
        bool looks_at_lists = r->lists[0] || r->lists[1];
        if (set->rules[r->head].removed || r->op.count == 0 || !r->op.words ||
            needs_no_scan(r->op.kind) || (!looks_at_lists && r->op.kind != OP_PM)) {
            continue;
        }
        r->op.gate.pattern = patterns++;
        for (uint32_t k = 0; k < r->op.count && !err_failed(e); k++) {
            e = scan_add(b[r->act.phase > 2], r->op.words[k], r->op.gate.pattern);
        }
    }
    set->pattern_count = patterns;
    if (patterns >= UINT16_MAX && !err_failed(e)) { /* hits are counted in 16 bits */
        e = FAIL(ERR_LIMIT);
    }
    for (int i = 0; i < 2 && !err_failed(e); i++) {
        e = scan_build(b[i], &set->arena, &set->db[i]);
    }
    arena_deinit(&scratch);
    return e;
}

static err_t copy_rules(engine_builder_t *b)
{
    engine_set_t *set = b->set;
    set->rules = ARENA_ARRAY(&set->arena, rule_t, (size_t)b->rule_count + 1);
    ENSURE(set->rules, ERR_MEMORY);
    set->rule_count = b->rule_count;
    for (const rule_node_t *n = b->first_rule; n; n = n->next) {
        set->rules[n->rule.index] = n->rule;
    }
    return OK;
}

static err_t compile_with(engine_builder_t *b, regex_scratch_t *scratch)
{
    engine_set_t *set = b->set;
    TRY(copy_rules(b));
    for (const amend_t *m = b->first_amend; m; m = m->next) {
        TRY(amend_all(b, m, scratch));
    }
    for (const rule_node_t *n = b->first_rule; n; n = n->next) {
        TRY(apply_defaults(set, &set->rules[n->rule.index], defaults_of(n)));
        sort_targets(&set->rules[n->rule.index]);
        find_fast(&set->rules[n->rule.index]);
        rule_t *r = &set->rules[n->rule.index];
        r->direct = chain_always_changes(r);
        r->gated = !r->direct && r->only_lists && !r->op.negated && !r->act.multi_match;
        TRY(resolve_slots(set, &set->rules[n->rule.index], scratch));
    }
    TRY(build_chains(set));
    TRY(build_phases(set));
    TRY(resolve_skips(b));
    TRY(resolve_ctls(set, scratch));
    TRY(fold_phases(set));
    return build_literals(set);
}

err_t compile_set(engine_builder_t *b)
{
    regex_scratch_t *scratch;
    if (b->in_chain) {
        b->file = b->last_rule->rule.file;
        b->line = b->last_rule->rule.line;
        b->raw = SLICE_EMPTY;
        return load_fail(b, SLICE("chain"), "the chain at the end has no next rule");
    }
    TRY(regex_settle(b->set));
    TRY(regex_scratch_new(b->set->settings.pcre_match_limit, &scratch));
    err_t e = compile_with(b, scratch);
    regex_scratch_free(scratch);
    return e;
}
