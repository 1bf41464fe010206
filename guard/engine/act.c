/* What a match does. Per matching value: captures, initcol, setvar. Once the whole chain matched:
 * expirevar, ctl, the match record, the verdict. */
#include "tx.h"

/* ---- TX and collections ---------------------------------------------------------------------- */

static void set_tx(engine_tx_t *tx, const setvar_t *s)
{
    bool make = s->kind != SETVAR_UNSET;
    tx_value_t *v = s->slot != NO_INDEX ? &tx->slots[s->slot]
                                        : tx_slot_named(tx, macro_text(tx, &s->name), make);
    if (!v) {
        return;
    }
    if (s->kind == SETVAR_UNSET) {
        *v = (tx_value_t){0};
        return;
    }
    if (s->kind == SETVAR_SET) {
        slice_t text = macro_text(tx, &s->value);
        tx_value_set(v, text);
        return;
    }
    tx_value_add(v, macro_number(tx, &s->value), s->kind == SETVAR_SUB);
}

static void set_collection(engine_tx_t *tx, const setvar_t *s)
{
    slice_t name = macro_text(tx, &s->name);
    switch ((setvar_kind_t)s->kind) {
    case SETVAR_UNSET:
        collection_remove(tx, s->var, name);
        break;
    case SETVAR_SET:
        collection_put(tx, s->var, name, macro_text(tx, &s->value));
        break;
    case SETVAR_ADD:
        collection_add(tx, s->var, name, macro_number(tx, &s->value));
        break;
    case SETVAR_SUB:
    default:
        collection_add(tx, s->var, name, -macro_number(tx, &s->value));
        break;
    }
}

static void take_captures(engine_tx_t *tx)
{
    slice_t value = tx->matched[tx->matched_count - 1].value;
    for (unsigned i = 0; i < CAPTURES; i++) {
        tx_value_t *v = &tx->slots[i];
        *v = (tx_value_t){0};
        if (i < tx->found.groups && tx->found.set[i]) {
            tx_value_set(v, slice_sub(value, tx->found.at[i], tx->found.len[i]));
        }
    }
}

/* Operators that find a part of a value without being asked for it (contains ...) do not fill TX.
 */
static bool op_captures(unsigned kind)
{
    return kind == OP_RX || kind == OP_RX_GLOBAL || kind == OP_PM || kind == OP_SQLI ||
           kind == OP_XSS || kind == OP_CMDI || kind == OP_PATH;
}

void act_on_match(engine_tx_t *tx, const rule_t *r, bool first)
{
    const actions_t *a = &r->act;
    if (a->capture && tx->found_parts && tx->matched_count && op_captures(r->op.kind)) {
        take_captures(tx);
    }
    for (uint32_t i = 0; first && i < a->initcol_count; i++) {
        collection_open(tx, a->initcols[i].var, macro_text(tx, &a->initcols[i].key));
    }
    for (uint32_t i = 0; i < a->setvar_count; i++) {
        if (a->setvars[i].var == VAR_TX) {
            set_tx(tx, &a->setvars[i]);
        } else {
            set_collection(tx, &a->setvars[i]);
        }
    }
}

/* ---- ctl ------------------------------------------------------------------------------------- */

static void remove_rules(engine_tx_t *tx, const uint64_t *rules)
{
    size_t words = tx->set->rule_count / 64 + 1;
    if (!tx->removed) {
        tx->removed_own = tx_array(tx, words, sizeof *tx->removed_own);
        tx->removed = tx->removed_own;
    }
    for (size_t i = 0; tx->removed && i < words; i++) {
        tx->removed_own[i] |= rules[i];
    }
}

static void remove_target(engine_tx_t *tx, const ctl_t *c)
{
    removal_t *r = tx_alloc(tx, sizeof *r);
    if (r) {
        *r = (removal_t){c->rules, c->target, tx->removals};
        tx->removals = r;
    }
}

static void change_parts(engine_tx_t *tx, const ctl_t *c)
{
    uint32_t parts = (uint32_t)c->number;
    if (c->mode == 0) {
        tx->settings.audit_parts = parts;
    } else if (c->mode == 1) {
        tx->settings.audit_parts |= parts;
    } else {
        tx->settings.audit_parts &= ~parts;
    }
}

static void do_ctl(engine_tx_t *tx, const ctl_t *c)
{
    switch ((ctl_kind_t)c->kind) {
    case CTL_RULE_ENGINE:
        tx->settings.mode = (engine_mode_t)c->mode;
        break;
    case CTL_AUDIT_ENGINE:
        tx->settings.audit = (engine_audit_t)c->mode;
        break;
    case CTL_AUDIT_PARTS:
        change_parts(tx, c);
        break;
    case CTL_REQUEST_BODY_ACCESS:
        tx->settings.request_body_access = c->mode;
        break;
    case CTL_RESPONSE_BODY_ACCESS:
        tx->settings.response_body_access = c->mode;
        break;
    case CTL_REQUEST_BODY_LIMIT:
        tx->settings.request_body_limit = c->number;
        break;
    case CTL_RESPONSE_BODY_LIMIT:
        tx->settings.response_body_limit = c->number;
        break;
    case CTL_FORCE_REQUEST_BODY:
        tx->force_body = c->mode;
        break;
    case CTL_REQUEST_BODY_PROCESSOR:
        tx->processor = c->mode;
        tx->processor_set = true;
        break;
    case CTL_DEBUG_LEVEL:
        tx->settings.debug_level = (unsigned)c->number;
        break;
    case CTL_REMOVE_BY_ID:
    case CTL_REMOVE_BY_TAG:
    case CTL_REMOVE_BY_MSG:
        remove_rules(tx, c->rules);
        break;
    case CTL_REMOVE_TARGET_BY_ID:
    case CTL_REMOVE_TARGET_BY_TAG:
    case CTL_REMOVE_TARGET_BY_MSG:
    default:
        remove_target(tx, c);
        break;
    }
}

/* ---- the record and the verdict -------------------------------------------------------------- */

static bool keep_match(engine_tx_t *tx, engine_match_t *m)
{
    if (tx->match_count == tx->match_cap) {
        uint32_t cap = tx->match_cap ? tx->match_cap * 2 : 16;
        engine_match_t **more = tx_array(tx, cap, sizeof *more);
        if (!more) {
            return false;
        }
        if (tx->match_count) {
            memcpy(more, tx->matches, tx->match_count * sizeof(*more));
        }
        tx->matches = more;
        tx->match_cap = cap;
    }
    tx->matches[tx->match_count++] = m;
    return true;
}

static void record(engine_tx_t *tx, const rule_t *head, const rule_t *last, uint32_t values)
{
    const actions_t *a = &head->act;
    if (a->log != TRI_YES && !tx->trace) { /* dozens in each request, and nobody asks */
        return;
    }
    engine_match_t *m = tx_alloc(tx, sizeof *m);
    if (!m) {
        return;
    }
    *m = (engine_match_t){
        .id = a->id,
        .phase = a->phase,
        .line = head->line,
        .severity = a->severity,
        .maturity = a->maturity,
        .accuracy = a->accuracy,
        .file = head->file,
        .rev = a->rev,
        .ver = a->ver,
        .tags = a->tags,
        .tag_count = a->tag_count,
        .operator_name = last->op.name,
        .operator_text = last->op.arg.text,
        .negated = last->op.negated,
        .values = values,
        .log = a->log == TRI_YES,
        .audit = a->audit == TRI_YES,
        .disruptive = a->disruptive > DISRUPTIVE_BLOCK,
        .limit_hit = tx->rule_limit,
    };
    if (tx->matched_count) {
        const matched_t *v = &tx->matched[tx->matched_count - 1];
        m->raw = v->raw;
        m->value = v->value;
        m->var = matched_name(tx, v);
        if (tx->found_parts) {
            m->part_at = tx->found.at[0];
            m->part_len = tx->found.len[0];
        }
    }
    m->msg = macro_text(tx, &a->msg);
    m->logdata = macro_text(tx, &a->logdata);
    keep_match(tx, m);
}

static void decide(engine_tx_t *tx, const rule_t *head)
{
    const actions_t *a = &head->act;
    engine_verdict_t v = {.rule_id = a->id, .phase = tx->phase, .status = a->status};
    switch ((disruptive_t)a->disruptive) {
    case DISRUPTIVE_DENY:
        v.decision = ENGINE_DENY;
        break;
    case DISRUPTIVE_DROP:
        v.decision = ENGINE_DROP;
        break;
    case DISRUPTIVE_REDIRECT:
        v.decision = ENGINE_REDIRECT;
        v.url = macro_text(tx, &a->redirect);
        break;
    case DISRUPTIVE_ALLOW:
    case DISRUPTIVE_ALLOW_PHASE:
    case DISRUPTIVE_ALLOW_REQUEST:
        v.decision = ENGINE_ALLOW;
        v.status = 0;
        break;
    case DISRUPTIVE_NONE:
    case DISRUPTIVE_PASS:
    case DISRUPTIVE_BLOCK:
    default:
        return;
    }
    v.detect_only = tx->settings.mode == ENGINE_DETECT;
    if (tx->verdict.decision == ENGINE_PASS || tx->verdict.detect_only ||
        tx->verdict.decision == ENGINE_ALLOW) {
        bool keep_first = v.detect_only && tx->verdict.decision > ENGINE_ALLOW;
        tx->verdict = keep_first ? tx->verdict : v;
    }
    if (v.detect_only) {
        return;
    }
    tx->allow = v.decision == ENGINE_ALLOW ? a->disruptive : tx->allow;
    tx->stopped |= v.decision != ENGINE_ALLOW && tx->phase != ENGINE_LOGGING;
}

void act_on_chain(engine_tx_t *tx, const rule_t *head, const rule_t *last, uint32_t values)
{
    const rule_t *r = head;
    for (;;) {
        for (uint32_t i = 0; i < r->act.expire_count; i++) {
            const setvar_t *e = &r->act.expires[i];
            collection_expire(tx, e->var, macro_text(tx, &e->name), macro_number(tx, &e->value));
        }
        for (uint32_t i = 0; i < r->act.ctl_count; i++) {
            do_ctl(tx, &r->act.ctls[i]);
        }
        if (r->next == NO_INDEX) {
            break;
        }
        r = &tx->set->rules[r->next];
    }
    if (head->act.severity >= 0 && head->act.severity < tx->highest_severity) {
        tx->highest_severity = head->act.severity;
    }
    tx->rule = head;
    record(tx, head, last, values);
    tx->audit_relevant |= head->act.audit == TRI_YES && head->act.log == TRI_YES;
    decide(tx, head);
}
