/* Actions at load. One table says what each word needs and who reads it. */
#include "action.h"

#include "load.h"
#include "regex.h"

typedef struct reader {
    engine_builder_t *b;
    actions_t *act;
    slice_t name, value;
} reader_t;

static err_t bad_value(reader_t *r, const char *text)
{
    return load_fail(r->b, r->value.len ? r->value : r->name, text);
}

static err_t number(reader_t *r, uint64_t max, uint64_t *ret)
{
    err_t e = slice_parse_u64(slice_trim(r->value), max, ret);
    return err_failed(e) ? bad_value(r, "not a number that this action takes") : OK;
}

/* A list one longer than it was. */
static err_t append(reader_t *r, const void *list, uint32_t count, size_t size, void **ret_list)
{
    uint8_t *more = arena_array(&r->b->set->arena, (size_t)count + 1, size);
    ENSURE(more, ERR_MEMORY);
    if (count) {
        memcpy(more, list, count * size);
    }
    *ret_list = more;
    return OK;
}

static err_t read_id(reader_t *r)
{
    uint64_t n;
    TRY(number(r, UINT32_MAX - 1, &n));
    if (n == 0) {
        return bad_value(r, "an id is greater than 0");
    }
    r->act->id = (uint32_t)n;
    return OK;
}

static err_t read_phase(reader_t *r)
{
    static const struct {
        const char *name;
        uint8_t phase;
    } NAMES[] = {{"request", 2}, {"response", 4}, {"logging", 5}};
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        if (slice_eq_nocase(r->value, slice_cstr_in(NAMES[i].name))) {
            r->act->phase = NAMES[i].phase;
            return OK;
        }
    }
    uint64_t n;
    if (err_failed(slice_parse_u64(r->value, 5, &n)) || n == 0) {
        return bad_value(r, "not a phase (1-5, request, response, logging)");
    }
    r->act->phase = (uint8_t)n;
    return OK;
}

static err_t read_severity(reader_t *r)
{
    static const char *const NAMES[] = {"EMERGENCY", "ALERT",  "CRITICAL", "ERROR",
                                        "WARNING",   "NOTICE", "INFO",     "DEBUG"};
    uint64_t n = 8;
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        n = slice_eq_nocase(r->value, slice_cstr_in(NAMES[i])) ? i : n;
    }
    if (n == 8 && err_failed(slice_parse_u64(r->value, 7, &n))) {
        return bad_value(r, "not a severity (0-7 or its name)");
    }
    r->act->severity = (int8_t)n;
    return OK;
}

static err_t read_status(reader_t *r)
{
    uint64_t n;
    TRY(number(r, 599, &n));
    if (n < 100) {
        return bad_value(r, "not an HTTP status");
    }
    r->act->status = (uint16_t)n;
    return OK;
}

static err_t read_small(reader_t *r)
{
    uint64_t n;
    TRY(number(r, 9, &n));
    *(slice_eq_nocase(r->name, SLICE("maturity")) ? &r->act->maturity : &r->act->accuracy) =
        (uint8_t)n;
    return OK;
}

static err_t read_text(reader_t *r)
{
    actions_t *a = r->act;
    if (slice_eq_nocase(r->name, SLICE("msg"))) {
        return macro_parse(r->b, r->value, &a->msg);
    }
    if (slice_eq_nocase(r->name, SLICE("logdata"))) {
        return macro_parse(r->b, r->value, &a->logdata);
    }
    if (slice_eq_nocase(r->name, SLICE("redirect"))) {
        a->disruptive = DISRUPTIVE_REDIRECT;
        return macro_parse(r->b, r->value, &a->redirect);
    }
    slice_t *to = slice_eq_nocase(r->name, SLICE("rev"))   ? &a->rev
                  : slice_eq_nocase(r->name, SLICE("ver")) ? &a->ver
                                                           : &a->skip_after;
    return arena_copy(&r->b->set->arena, r->value, to);
}

static err_t read_tag(reader_t *r)
{
    void *list;
    slice_t copy;
    TRY(append(r, r->act->tags, r->act->tag_count, sizeof(slice_t), &list));
    TRY(arena_copy(&r->b->set->arena, r->value, &copy));
    ((slice_t *)list)[r->act->tag_count++] = copy;
    r->act->tags = list;
    return OK;
}

static err_t read_transform(reader_t *r)
{
    transform_id_t id;
    void *list;
    if (err_failed(transform_find(r->value, &id))) {
        return bad_value(r, "unknown transformation");
    }
    if (id == TRANSFORM_NONE) {
        r->act->no_transforms = true;
        r->act->transform_count = 0;
        r->act->transforms = NULL;
        return OK;
    }
    TRY(append(r, r->act->transforms, r->act->transform_count, 1, &list));
    ((uint8_t *)list)[r->act->transform_count++] = (uint8_t)id;
    r->act->transforms = list;
    return OK;
}

static bool is_collection(var_id_t id)
{
    return id == VAR_IP || id == VAR_GLOBAL || id == VAR_SESSION || id == VAR_USER ||
           id == VAR_RESOURCE;
}

/* "tx.name" into variable and name; the collection is what stands before the first dot. */
static err_t collection_name(reader_t *r, slice_t text, setvar_t *v)
{
    slice_t name, collection;
    var_id_t id;
    if (!cut(text, '.', &collection, &name) || name.len == 0 || !var_find(collection, &id) ||
        (id != VAR_TX && !is_collection(id))) {
        return bad_value(r, "not a variable that can be set (tx., ip., global., session., user., "
                            "resource.)");
    }
    v->var = (uint8_t)id;
    v->slot = NO_INDEX;
    TRY(macro_parse(r->b, name, &v->name));
    if (id == VAR_TX && !v->name.pieces) {
        TRY(names_add(&r->b->set->slots, name, &r->b->set->arena, &v->slot));
    }
    return OK;
}

static err_t parse_setvar(reader_t *r, setvar_t *v)
{
    slice_t text = slice_trim(r->value);
    if (text.len && text.ptr[0] == '!') {
        v->kind = SETVAR_UNSET;
        return collection_name(r, slice_from(text, 1), v);
    }
    size_t equals = slice_find_byte(text, '=');
    slice_t value = SLICE("1");
    if (equals != SIZE_MAX) {
        value = slice_from(text, equals + 1);
        text = slice_sub(text, 0, equals);
        if (value.len && (value.ptr[0] == '+' || value.ptr[0] == '-')) {
            v->kind = value.ptr[0] == '+' ? SETVAR_ADD : SETVAR_SUB;
            value = slice_from(value, 1);
        }
    }
    TRY(collection_name(r, slice_trim(text), v));
    return macro_parse(r->b, value, &v->value);
}

static err_t read_setvar(reader_t *r)
{
    void *list;
    setvar_t v = {0};
    TRY(parse_setvar(r, &v));
    TRY(append(r, r->act->setvars, r->act->setvar_count, sizeof v, &list));
    ((setvar_t *)list)[r->act->setvar_count++] = v;
    r->act->setvars = list;
    return OK;
}

static err_t read_expirevar(reader_t *r)
{
    void *list;
    setvar_t v = {0};
    TRY(parse_setvar(r, &v));
    if (v.kind != SETVAR_SET || v.var == VAR_TX || slice_find_byte(r->value, '=') == SIZE_MAX) {
        return bad_value(r, "expirevar wants collection.name=seconds");
    }
    TRY(append(r, r->act->expires, r->act->expire_count, sizeof v, &list));
    ((setvar_t *)list)[r->act->expire_count++] = v;
    r->act->expires = list;
    return OK;
}

static err_t read_initcol(reader_t *r)
{
    slice_t key, name;
    var_id_t id;
    void *list;
    initcol_t c = {0};
    if (!cut(r->value, '=', &name, &key) || key.len == 0 || !var_find(slice_trim(name), &id) ||
        !is_collection(id)) {
        return bad_value(r, "initcol wants ip=key, global=key, session=key, user=key, "
                            "resource=key");
    }
    c.var = (uint8_t)id;
    TRY(macro_parse(r->b, key, &c.key));
    TRY(append(r, r->act->initcols, r->act->initcol_count, sizeof c, &list));
    ((initcol_t *)list)[r->act->initcol_count++] = c;
    r->act->initcols = list;
    return OK;
}

/* setsid, setuid, setrsc: the value is the key of SESSION, USER, RESOURCE. */
static err_t read_setid(reader_t *r)
{
    void *list;
    initcol_t c = {.var = slice_eq_nocase(r->name, SLICE("setsid"))   ? VAR_SESSION
                          : slice_eq_nocase(r->name, SLICE("setuid")) ? VAR_USER
                                                                      : VAR_RESOURCE};
    TRY(macro_parse(r->b, r->value, &c.key));
    TRY(append(r, r->act->initcols, r->act->initcol_count, sizeof c, &list));
    ((initcol_t *)list)[r->act->initcol_count++] = c;
    r->act->initcols = list;
    return OK;
}

static err_t read_skip(reader_t *r)
{
    uint64_t n;
    TRY(number(r, UINT16_MAX, &n));
    r->act->skip = (uint16_t)n;
    return OK;
}

static err_t read_flag(reader_t *r)
{
    actions_t *a = r->act;
    static const struct {
        const char *name;
        uint8_t log, audit;
    } LOGS[] = {{"log", TRI_YES, TRI_YES},
                {"nolog", TRI_NO, TRI_NO},
                {"auditlog", TRI_UNSET, TRI_YES},
                {"noauditlog", TRI_UNSET, TRI_NO}};
    for (size_t i = 0; i < BASE_COUNT(LOGS); i++) {
        if (slice_eq_nocase(r->name, slice_cstr_in(LOGS[i].name))) {
            a->log = LOGS[i].log ? LOGS[i].log : a->log;
            a->audit = LOGS[i].audit;
        }
    }
    a->chain |= slice_eq_nocase(r->name, SLICE("chain"));
    a->capture |= slice_eq_nocase(r->name, SLICE("capture"));
    a->multi_match |= slice_eq_nocase(r->name, SLICE("multiMatch"));
    return OK;
}

static err_t read_disruptive(reader_t *r)
{
    static const struct {
        const char *name;
        uint8_t what;
    } NAMES[] = {{"pass", DISRUPTIVE_PASS},
                 {"block", DISRUPTIVE_BLOCK},
                 {"deny", DISRUPTIVE_DENY},
                 {"drop", DISRUPTIVE_DROP}};
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        if (slice_eq_nocase(r->name, slice_cstr_in(NAMES[i].name))) {
            r->act->disruptive = NAMES[i].what;
        }
    }
    return OK;
}

static err_t read_allow(reader_t *r)
{
    if (r->value.len == 0) {
        r->act->disruptive = DISRUPTIVE_ALLOW;
    } else if (slice_eq_nocase(r->value, SLICE("phase"))) {
        r->act->disruptive = DISRUPTIVE_ALLOW_PHASE;
    } else if (slice_eq_nocase(r->value, SLICE("request"))) {
        r->act->disruptive = DISRUPTIVE_ALLOW_REQUEST;
    } else {
        return bad_value(r, "allow, allow:phase or allow:request");
    }
    return OK;
}

/* ---- ctl ------------------------------------------------------------------------------------- */

typedef enum ctl_value {
    CTL_MODE,
    CTL_SWITCH,
    CTL_AUDIT,
    CTL_PARTS,
    CTL_NUMBER,
    CTL_PROCESSOR,
    CTL_IDS,
    CTL_TEXT,
    CTL_IDS_TARGET,
    CTL_TEXT_TARGET
} ctl_value_t;

static const struct {
    const char *name;
    uint8_t kind, value;
} CTLS[] = {
    {"ruleEngine", CTL_RULE_ENGINE, CTL_MODE},
    {"auditEngine", CTL_AUDIT_ENGINE, CTL_AUDIT},
    {"auditLogParts", CTL_AUDIT_PARTS, CTL_PARTS},
    {"requestBodyAccess", CTL_REQUEST_BODY_ACCESS, CTL_SWITCH},
    {"responseBodyAccess", CTL_RESPONSE_BODY_ACCESS, CTL_SWITCH},
    {"requestBodyLimit", CTL_REQUEST_BODY_LIMIT, CTL_NUMBER},
    {"responseBodyLimit", CTL_RESPONSE_BODY_LIMIT, CTL_NUMBER},
    {"forceRequestBodyVariable", CTL_FORCE_REQUEST_BODY, CTL_SWITCH},
    {"requestBodyProcessor", CTL_REQUEST_BODY_PROCESSOR, CTL_PROCESSOR},
    {"debugLogLevel", CTL_DEBUG_LEVEL, CTL_NUMBER},
    {"ruleRemoveById", CTL_REMOVE_BY_ID, CTL_IDS},
    {"ruleRemoveByTag", CTL_REMOVE_BY_TAG, CTL_TEXT},
    {"ruleRemoveByMsg", CTL_REMOVE_BY_MSG, CTL_TEXT},
    {"ruleRemoveTargetById", CTL_REMOVE_TARGET_BY_ID, CTL_IDS_TARGET},
    {"ruleRemoveTargetByTag", CTL_REMOVE_TARGET_BY_TAG, CTL_TEXT_TARGET},
    {"ruleRemoveTargetByMsg", CTL_REMOVE_TARGET_BY_MSG, CTL_TEXT_TARGET},
};

/* One of the words; its index, or count when none fits. */
static size_t one_of(slice_t word, const char *const *words, size_t count)
{
    size_t i = 0;
    while (i < count && !slice_eq_nocase(word, slice_cstr_in(words[i]))) {
        i++;
    }
    return i;
}

static err_t ctl_word(reader_t *r, slice_t value, const char *const *words, size_t count, ctl_t *c)
{
    size_t i = one_of(value, words, count);
    c->mode = (uint8_t)i;
    return i < count ? OK : load_fail(r->b, value, "not a value that this ctl takes");
}

static err_t ctl_ids(reader_t *r, slice_t value, ctl_t *c)
{
    slice_t to, from;
    uint64_t first = 0, last = 0;
    bool range = cut(value, '-', &from, &to);
    bool ok = !err_failed(slice_parse_u64(slice_trim(from), UINT32_MAX, &first));
    last = first;
    if (ok && range) {
        ok = !err_failed(slice_parse_u64(slice_trim(to), UINT32_MAX, &last)) && last >= first;
    }
    c->first = (uint32_t)first;
    c->last = (uint32_t)last;
    return ok ? OK : load_fail(r->b, value, "not an id or a range of ids");
}

/* Resolved to rules when all are known (compile.c). */
static err_t ctl_text(reader_t *r, slice_t value, ctl_t *c)
{
    const char *why;
    TRY(arena_copy(&r->b->set->arena, value, &c->text));
    err_t e = regex_new(r->b->set, value, REGEX_NOCASE, &c->who, &why);
    return err_failed(e) ? load_fail(r->b, value, why) : OK;
}

static err_t ctl_parts(reader_t *r, slice_t value, ctl_t *c)
{
    slice_t letters = value;
    c->mode = 0;
    if (letters.len && (letters.ptr[0] == '+' || letters.ptr[0] == '-')) {
        c->mode = letters.ptr[0] == '+' ? 1 : 2;
        letters = slice_from(letters, 1);
    }
    for (size_t i = 0; i < letters.len; i++) {
        uint8_t letter = letters.ptr[i] & 0xDFU;
        if (letter < 'A' || letter > 'Z') {
            return load_fail(r->b, value, "not parts of an audit log (A-K, Z)");
        }
        c->number |= UINT64_C(1) << (letter - 'A');
    }
    return letters.len ? OK : load_fail(r->b, value, "no part of an audit log");
}

static err_t ctl_target(reader_t *r, slice_t text, ctl_t *c)
{
    const target_t *list;
    uint32_t count;
    if (text.len == 0) {
        return bad_value(r, "this ctl wants ...;VARIABLE");
    }
    TRY(parse_targets(r->b, text, &list, &count));
    if (count != 1 || list[0].count) {
        return load_fail(r->b, text, "one variable, please");
    }
    c->target = list[0];
    return OK;
}

static err_t ctl_value(reader_t *r, ctl_value_t kind, slice_t value, ctl_t *c)
{
    static const char *const MODES[] = {"Off", "DetectionOnly", "On"};
    static const char *const SWITCH[] = {"Off", "On"};
    static const char *const AUDIT[] = {"Off", "On", "RelevantOnly"};
    static const char *const PROCESSORS[] = {"NONE", "URLENCODED", "MULTIPART", "JSON", "XML"};
    slice_t target, first;
    switch (kind) {
    case CTL_MODE:
        return ctl_word(r, value, MODES, 3, c);
    case CTL_SWITCH:
        return ctl_word(r, value, SWITCH, 2, c);
    case CTL_AUDIT:
        return ctl_word(r, value, AUDIT, 3, c);
    case CTL_PROCESSOR:
        return ctl_word(r, value, PROCESSORS, 5, c);
    case CTL_PARTS:
        return ctl_parts(r, value, c);
    case CTL_NUMBER:
        return err_failed(slice_parse_u64(value, INT64_MAX, &c->number))
                   ? load_fail(r->b, value, "not a number")
                   : OK;
    case CTL_IDS:
        return ctl_ids(r, value, c);
    case CTL_TEXT:
        return ctl_text(r, value, c);
    case CTL_IDS_TARGET:
        cut(value, ';', &first, &target);
        TRY(ctl_ids(r, first, c));
        return ctl_target(r, target, c);
    case CTL_TEXT_TARGET:
    default:
        cut(value, ';', &first, &target);
        TRY(ctl_text(r, first, c));
        return ctl_target(r, target, c);
    }
}

static err_t read_ctl(reader_t *r)
{
    slice_t value, name;
    ctl_t c = {0};
    void *list;
    if (!cut(r->value, '=', &name, &value) || value.len == 0) {
        return bad_value(r, "ctl wants name=value");
    }
    name = slice_trim(name);
    value = slice_trim(value);
    for (size_t i = 0; i < BASE_COUNT(CTLS); i++) {
        if (slice_eq_nocase(name, slice_cstr_in(CTLS[i].name))) {
            c.kind = CTLS[i].kind;
            TRY(ctl_value(r, (ctl_value_t)CTLS[i].value, value, &c));
            TRY(append(r, r->act->ctls, r->act->ctl_count, sizeof c, &list));
            ((ctl_t *)list)[r->act->ctl_count++] = c;
            r->act->ctls = list;
            return OK;
        }
    }
    return load_fail(r->b, name, "unknown ctl");
}

/* ---- the table ------------------------------------------------------------------------------- */

enum { WANTS_NO_VALUE, WANTS_VALUE, MAY_HAVE_VALUE };

static const struct {
    const char *name;
    uint8_t value;
    bool in_default; /* allowed in SecDefaultAction */
    err_t (*read)(reader_t *r);
} ACTIONS[] = {
    {"id", WANTS_VALUE, false, read_id},
    {"phase", WANTS_VALUE, true, read_phase},
    {"msg", WANTS_VALUE, false, read_text},
    {"logdata", WANTS_VALUE, false, read_text},
    {"redirect", WANTS_VALUE, true, read_text},
    {"rev", WANTS_VALUE, false, read_text},
    {"ver", WANTS_VALUE, false, read_text},
    {"skipAfter", WANTS_VALUE, false, read_text},
    {"skip", WANTS_VALUE, false, read_skip},
    {"severity", WANTS_VALUE, true, read_severity},
    {"status", WANTS_VALUE, true, read_status},
    {"maturity", WANTS_VALUE, false, read_small},
    {"accuracy", WANTS_VALUE, false, read_small},
    {"tag", WANTS_VALUE, true, read_tag},
    {"t", WANTS_VALUE, true, read_transform},
    {"setvar", WANTS_VALUE, false, read_setvar},
    {"expirevar", WANTS_VALUE, false, read_expirevar},
    {"initcol", WANTS_VALUE, false, read_initcol},
    {"setsid", WANTS_VALUE, false, read_setid},
    {"setuid", WANTS_VALUE, false, read_setid},
    {"setrsc", WANTS_VALUE, false, read_setid},
    {"ctl", WANTS_VALUE, false, read_ctl},
    {"chain", WANTS_NO_VALUE, false, read_flag},
    {"capture", WANTS_NO_VALUE, true, read_flag},
    {"multiMatch", WANTS_NO_VALUE, true, read_flag},
    {"log", WANTS_NO_VALUE, true, read_flag},
    {"nolog", WANTS_NO_VALUE, true, read_flag},
    {"auditlog", WANTS_NO_VALUE, true, read_flag},
    {"noauditlog", WANTS_NO_VALUE, true, read_flag},
    {"pass", WANTS_NO_VALUE, true, read_disruptive},
    {"block", WANTS_NO_VALUE, false, read_disruptive},
    {"deny", WANTS_NO_VALUE, true, read_disruptive},
    {"drop", WANTS_NO_VALUE, true, read_disruptive},
    {"allow", MAY_HAVE_VALUE, true, read_allow},
};

static err_t read_action(reader_t *r, bool has_value, bool for_default)
{
    for (size_t i = 0; i < BASE_COUNT(ACTIONS); i++) {
        if (!slice_eq_nocase(r->name, slice_cstr_in(ACTIONS[i].name))) {
            continue;
        }
        if (ACTIONS[i].value == WANTS_NO_VALUE && has_value) {
            return load_fail(r->b, r->name, "this action has no value");
        }
        if (ACTIONS[i].value == WANTS_VALUE && r->value.len == 0) {
            return load_fail(r->b, r->name, "this action needs a value");
        }
        if (for_default && !ACTIONS[i].in_default) {
            return load_fail(r->b, r->name, "not allowed in SecDefaultAction");
        }
        return ACTIONS[i].read(r);
    }
    return load_fail(r->b, r->name, "unknown action");
}

err_t actions_parse(engine_builder_t *b, slice_t text, bool for_default, actions_t *act)
{
    reader_t r = {.b = b, .act = act};
    bool has_value, bad;
    while (lex_action(&text, &b->texts, &r.name, &r.value, &has_value, &bad)) {
        if (bad) {
            return load_fail(b, r.name,
                             "a quote without an end, or something between quote and "
                             "comma");
        }
        TRY(read_action(&r, has_value, for_default));
    }
    return OK;
}
