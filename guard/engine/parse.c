#include "load.h"
#include "regex.h"

/* XML is asked by path; two of them are what a SAX pass gives. */
static err_t xml_path(engine_builder_t *b, slice_t path, target_t *t)
{
    if (slice_eq(path, SLICE("/*")) || slice_eq(path, SLICE("//*"))) {
        t->var = VAR_XML_TEXT;
    } else if (slice_eq(path, SLICE("//@*"))) {
        t->var = VAR_XML_ATTRIBUTES;
    } else {
        return load_fail(b, path, "only XML:/* and XML://@* are understood");
    }
    t->select = SELECT_ALL;
    return OK;
}

static bool is_prefix(slice_t pattern)
{
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    for (size_t i = 1; i < pattern.len; i++) {
        if (!pattern.ptr[i] || !strchr(PLAIN, pattern.ptr[i])) {
            return false;
        }
    }
    return pattern.len > 1 && pattern.ptr[0] == '^';
}

/* The part behind ':': 'quoted', /regex/ or a name. */
static err_t selector(engine_builder_t *b, slice_t text, bool regex_allowed, target_t *t)
{
    engine_set_t *set = b->set;
    if (text.len >= 2 && text.ptr[0] == '\'' && text.ptr[text.len - 1] == '\'') {
        text = slice_sub(text, 1, text.len - 2);
    }
    if (text.len == 0) {
        return load_fail(b, text, "a selector is empty");
    }
    TRY(arena_copy(&set->arena, text, &t->name));
    if (regex_allowed && text.len >= 2 && text.ptr[0] == '/' && text.ptr[text.len - 1] == '/') {
        t->select = SELECT_REGEX;
        const char *why;
        slice_t pattern = slice_sub(text, 1, text.len - 2);
        err_t e = regex_new(set, pattern, REGEX_NOCASE, &t->regex, &why);
        t->prefix = !err_failed(e) && is_prefix(pattern) ? slice_from(regex_source(t->regex), 1)
                                                         : SLICE_EMPTY;
        return err_failed(e) ? load_fail(b, text, why) : OK;
    }
    t->select = SELECT_NAME;
    if (t->var == VAR_TX) {
        return names_add(&set->slots, text, &set->arena, &t->slot);
    }
    return t->var < VAR_LISTS ? names_add(&set->atoms, text, &set->arena, &t->slot) : OK;
}

static err_t target_of(engine_builder_t *b, slice_t name, slice_t select, bool has_select,
                       bool regex_allowed, target_t *t)
{
    var_id_t id;
    if (!var_find(name, &id)) {
        return load_fail(b, name, "unknown variable");
    }
    t->var = (uint8_t)id;
    t->slot = NO_INDEX;
    if (!has_select) {
        return OK;
    }
    if (!var_has_names(id)) {
        return load_fail(b, select, "this variable has no parts to select");
    }
    return id == VAR_XML_TEXT ? xml_path(b, select, t) : selector(b, select, regex_allowed, t);
}

err_t parse_target(engine_builder_t *b, slice_t text, target_t *ret_target)
{
    *ret_target = (target_t){0};
    size_t at = 0;
    while (at < text.len && text.ptr[at] != '.' && text.ptr[at] != ':') {
        at++;
    }
    bool has = at < text.len;
    return target_of(b, slice_sub(text, 0, at), slice_from(text, has ? at + 1 : at), has, false,
                     ret_target);
}

/* One part of "A|!B:c|&D:/e|f/": to the next '|' that is not inside of a regex or quotes. */
static slice_t take_target(slice_t *rest)
{
    slice_t s = *rest;
    size_t i = 0;
    while (i < s.len && s.ptr[i] != '|' && s.ptr[i] != ':') {
        i++;
    }
    slice_t name = slice_sub(s, 0, i);
    bool xml = slice_ends(name, SLICE("XML")) || slice_ends(name, SLICE("xml"));
    if (i < s.len && s.ptr[i] == ':' && !xml) {
        uint8_t quote = i + 1 < s.len && s.ptr[i + 1] == '\'' ? '\'' : 0;
        size_t from = i + 1 + (quote ? 1 : 0);
        uint8_t end = from < s.len && s.ptr[from] == '/' ? '/' : quote;
        if (end) {
            i = from + (end == '/' ? 1 : 0);
            while (i < s.len && (s.ptr[i] != end || s.ptr[i - 1] == '\\')) {
                i++;
            }
        }
    }
    while (i < s.len && s.ptr[i] != '|') {
        i++;
    }
    *rest = slice_from(s, i + 1);
    return slice_trim(slice_sub(s, 0, i));
}

err_t parse_targets(engine_builder_t *b, slice_t text, const target_t **ret_targets,
                    uint32_t *ret_count)
{
    size_t max = 1;
    for (size_t i = 0; i < text.len; i++) {
        max += text.ptr[i] == '|';
    }
    target_t *targets = ARENA_ARRAY(&b->set->arena, target_t, max);
    ENSURE(targets, ERR_MEMORY);
    uint32_t count = 0;
    slice_t rest = text;
    do {
        slice_t part = take_target(&rest), whole = part;
        target_t *t = &targets[count];
        while (part.len && (part.ptr[0] == '!' || part.ptr[0] == '&')) {
            *(part.ptr[0] == '!' ? &t->exclude : &t->count) = true;
            part = slice_from(part, 1);
        }
        if (part.len == 0 || (t->exclude && t->count)) {
            return load_fail(b, whole.len ? whole : text, "not a variable");
        }
        size_t colon = slice_find_byte(part, ':');
        bool has = colon != SIZE_MAX;
        TRY(target_of(b, slice_sub(part, 0, has ? colon : part.len),
                      has ? slice_from(part, colon + 1) : SLICE_EMPTY, has, true, t));
        count++;
    } while (rest.len);
    *ret_targets = targets;
    *ret_count = count;
    return OK;
}

/* Rules of a chain after the first are links: they share its phase and have no id. */
static err_t place_rule(engine_builder_t *b, rule_node_t *node)
{
    rule_t *r = &node->rule;
    r->index = b->rule_count;
    r->next = NO_INDEX;
    r->skip_to = NO_INDEX;
    r->is_link = b->in_chain;
    r->line = b->line;
    r->file = b->file;
    if (b->in_chain) {
        r->head = b->head->rule.index;
        b->last_rule->rule.next = r->index;
        if (r->act.id || r->act.phase || r->act.disruptive || r->act.skip ||
            r->act.skip_after.len) {
            return load_fail(b, SLICE("chain"),
                             "a link of a chain has no id, phase, disruptive action or skip");
        }
        r->act.phase = b->head->rule.act.phase;
    } else {
        r->head = r->index;
        b->head = node;
        if (r->act.id == 0) {
            return load_fail(b, SLICE("id"), "a rule needs an id");
        }
        r->act.phase = r->act.phase ? r->act.phase : ENGINE_REQUEST_BODY;
        for (const rule_node_t *n = b->first_rule; n; n = n->next) {
            if (n->rule.act.id == r->act.id && !n->rule.is_link) {
                char text[24];
                int len = snprintf(text, sizeof text, "%u", r->act.id);
                return load_fail(b, slice_make(text, (size_t)len), "this id is already in use");
            }
        }
    }
    node->defaults = b->defaults[r->act.phase];
    *(b->last_rule ? &b->last_rule->next : &b->first_rule) = node;
    b->last_rule = node;
    b->rule_count++;
    b->in_chain = r->act.chain;
    return OK;
}

static void split_targets(rule_t *r, const target_t *all, uint32_t count, target_t *excludes,
                          target_t *includes)
{
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].exclude) {
            excludes[r->exclude_count++] = all[i];
        } else {
            includes[r->target_count++] = all[i];
        }
    }
    r->targets = includes;
    r->excludes = excludes;
}

static err_t new_rule(engine_builder_t *b, rule_node_t **ret_node)
{
    rule_node_t *node = ARENA_NEW(&b->set->arena, rule_node_t);
    ENSURE(node, ERR_MEMORY);
    node->rule.act.severity = -1;
    *ret_node = node;
    return OK;
}

err_t parse_rule(engine_builder_t *b, slice_t targets, slice_t op, slice_t actions)
{
    rule_node_t *node;
    const target_t *all;
    uint32_t count;
    TRY(new_rule(b, &node));
    TRY(parse_targets(b, targets, &all, &count));
    target_t *room = ARENA_ARRAY(&b->set->arena, target_t, (size_t)count * 2);
    ENSURE(room, ERR_MEMORY);
    split_targets(&node->rule, all, count, room, room + count);
    if (node->rule.target_count == 0) {
        return load_fail(b, targets, "nothing to look at");
    }
    TRY(op_parse(b, op, &node->rule.op));
    TRY(actions_parse(b, actions, false, &node->rule.act));
    return place_rule(b, node);
}

err_t parse_sec_action(engine_builder_t *b, slice_t actions)
{
    rule_node_t *node;
    TRY(new_rule(b, &node));
    node->rule.action_only = true;
    node->rule.op = (op_t){.kind = OP_ALWAYS, .name = SLICE("unconditionalMatch")};
    node->rule.op.gate.pattern = NO_INDEX;
    TRY(actions_parse(b, actions, false, &node->rule.act));
    return place_rule(b, node);
}
