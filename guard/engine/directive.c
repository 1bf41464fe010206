/* Directives: one table of name, number of words and reader. */
#include "load.h"
#include "regex.h"

typedef struct call {
    engine_builder_t *b;
    const slice_t *args;
    size_t count;
    unsigned extra; /* from the table */
} call_t;

static err_t take_number(call_t *c, uint64_t max, uint64_t *ret)
{
    err_t e = slice_parse_u64(slice_trim(c->args[0]), max, ret);
    return err_failed(e) ? load_fail(c->b, c->args[0], "not a number that this directive takes")
                         : OK;
}

static err_t take_word(call_t *c, const char *const *words, size_t count, size_t *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq_nocase(c->args[0], slice_cstr_in(words[i]))) {
            *ret = i;
            return OK;
        }
    }
    return load_fail(c->b, c->args[0], "not a value that this directive takes");
}

static err_t keep_text(call_t *c, slice_t *to)
{
    return arena_copy(&c->b->set->arena, c->args[0], to);
}

/* ---- settings -------------------------------------------------------------------------------- */

static err_t d_engine(call_t *c)
{
    static const char *const WORDS[] = {"Off", "DetectionOnly", "On"};
    size_t i = 0;
    TRY(take_word(c, WORDS, 3, &i));
    c->b->set->settings.mode = (engine_mode_t)i;
    return OK;
}

enum { SWITCH_REQUEST_BODY, SWITCH_RESPONSE_BODY, SWITCH_XML };

static err_t d_switch(call_t *c)
{
    static const char *const WORDS[] = {"Off", "On"};
    engine_settings_t *s = &c->b->set->settings;
    bool *const TO[] = {&s->request_body_access, &s->response_body_access, &s->xml_external_entity};
    size_t i = 0;
    TRY(take_word(c, WORDS, 2, &i));
    if (c->extra == SWITCH_XML && i) {
        return load_fail(c->b, c->args[0], "external entities are never loaded here");
    }
    *TO[c->extra] = i == 1;
    return OK;
}

/* Of ModSecurity's newest configuration file, where it says Off. */
static err_t d_xml_args(call_t *c)
{
    return slice_eq_nocase(c->args[0], SLICE("Off"))
               ? OK
               : load_fail(c->b, c->args[0], "XML is read as XML:/* and XML://@* only");
}

enum { LIMIT_REQUEST, LIMIT_NO_FILES, LIMIT_MEMORY, LIMIT_RESPONSE };

static err_t d_bytes(call_t *c)
{
    engine_settings_t *s = &c->b->set->settings;
    uint64_t *const TO[] = {&s->request_body_limit, &s->request_body_no_files_limit,
                            &s->request_body_memory_limit, &s->response_body_limit};
    return take_number(c, UINT64_C(1) << 40, TO[c->extra]);
}

static err_t d_limit_action(call_t *c)
{
    static const char *const WORDS[] = {"ProcessPartial", "Reject"};
    engine_settings_t *s = &c->b->set->settings;
    size_t i = 0;
    TRY(take_word(c, WORDS, 2, &i));
    *(c->extra == LIMIT_REQUEST ? &s->request_limit_reject : &s->response_limit_reject) = i == 1;
    return OK;
}

/* The recommended 1000 is for an interpreter and a limit hit that goes unpunished; here a hit is a
 * match. This many steps of the JIT take a few milliseconds at most. */
enum { PCRE_LIMIT_MIN = 50000 };

enum { COUNT_JSON, COUNT_ARGS, COUNT_FILES, COUNT_PCRE, COUNT_COLLECTION, COUNT_DEBUG };

static err_t d_count(call_t *c)
{
    engine_settings_t *s = &c->b->set->settings;
    uint32_t *const TO[] = {&s->json_depth,       &s->args_limit,           &s->upload_file_limit,
                            &s->pcre_match_limit, &s->collection_timeout_s, &s->debug_level};
    uint64_t n;
    TRY(take_number(c, UINT32_MAX, &n));
    if (c->extra == COUNT_PCRE && n < PCRE_LIMIT_MIN) {
        n = PCRE_LIMIT_MIN;
        TRY(load_note(c->b, "SecPcreMatchLimit is raised: the JIT counts otherwise"));
    }
    *TO[c->extra] = (uint32_t)n;
    return OK;
}

static err_t d_types(call_t *c)
{
    engine_set_t *set = c->b->set;
    slice_t *types = ARENA_ARRAY(&set->arena, slice_t, c->count + 1);
    ENSURE(types, ERR_MEMORY);
    for (size_t i = 0; i < c->count; i++) {
        TRY(arena_copy(&set->arena, c->args[i], &types[i]));
    }
    set->settings.response_types = types;
    set->settings.response_type_count = c->count;
    return OK;
}

enum {
    TEXT_AUDIT_LOG,
    TEXT_AUDIT_LOG2,
    TEXT_AUDIT_DIR,
    TEXT_DEBUG,
    TEXT_APP,
    TEXT_SIGNATURE,
    TEXT_TMP,
    TEXT_DATA,
    TEXT_UPLOAD,
    TEXT_COMPONENT
};

static err_t d_text(call_t *c)
{
    engine_settings_t *s = &c->b->set->settings;
    slice_t *const TO[] = {&s->audit_log,         &s->audit_log2,
                           &s->audit_storage_dir, &s->debug_log,
                           &s->web_app_id,        &s->server_signature,
                           &s->tmp_dir,           &s->data_dir,
                           &s->upload_dir,        &c->b->set->component_signature};
    return keep_text(c, TO[c->extra]);
}

static err_t d_audit(call_t *c)
{
    static const char *const WORDS[] = {"Off", "On", "RelevantOnly"};
    size_t i = 0;
    TRY(take_word(c, WORDS, 3, &i));
    c->b->set->settings.audit = (engine_audit_t)i;
    return OK;
}

static err_t d_audit_type(call_t *c)
{
    static const char *const WORDS[] = {"Serial", "Concurrent", "HTTPS"};
    size_t i = 0;
    TRY(take_word(c, WORDS, 3, &i));
    c->b->set->settings.audit_form = (engine_audit_form_t)i;
    return OK;
}

static err_t d_audit_format(call_t *c)
{
    static const char *const WORDS[] = {"Native", "JSON"};
    size_t i = 0;
    TRY(take_word(c, WORDS, 2, &i));
    c->b->set->settings.audit_json = i == 1;
    return OK;
}

static err_t d_audit_parts(call_t *c)
{
    uint32_t parts = 0;
    for (size_t i = 0; i < c->args[0].len; i++) {
        uint8_t letter = c->args[0].ptr[i];
        if (letter < 'A' || letter > 'Z') {
            return load_fail(c->b, c->args[0], "not parts of an audit log (A-K, Z)");
        }
        parts |= 1U << (letter - 'A');
    }
    c->b->set->settings.audit_parts = parts;
    return OK;
}

static err_t d_audit_status(call_t *c)
{
    engine_set_t *set = c->b->set;
    const char *why;
    TRY(keep_text(c, &set->settings.audit_relevant_status));
    err_t e = regex_new(set, c->args[0], REGEX_NOCASE, &set->audit_status, &why);
    return err_failed(e) ? load_fail(c->b, c->args[0], why) : OK;
}

static err_t d_separator(call_t *c)
{
    if (c->args[0].len != 1) {
        return load_fail(c->b, c->args[0], "one character, please");
    }
    c->b->set->settings.argument_separator = c->args[0].ptr[0];
    return OK;
}

static err_t d_cookie_format(call_t *c)
{
    return slice_eq(c->args[0], SLICE("0"))
               ? OK
               : load_fail(c->b, c->args[0], "only cookies of version 0 are read");
}

static err_t d_unicode_map(call_t *c)
{
    engine_builder_t *b = c->b;
    slice_t path, text;
    uint64_t page = 20127;
    if (c->count > 1 && err_failed(slice_parse_u64(c->args[1], UINT32_MAX, &page))) {
        return load_fail(b, c->args[1], "not a code page");
    }
    TRY(load_path(b, c->args[0], &path));
    if (err_failed(b->reader->read(b->reader->user, path, &b->texts, &text))) {
        return load_fail(b, c->args[0], "this file cannot be read");
    }
    transform_map_t *map = ARENA_NEW(&b->set->arena, transform_map_t);
    ENSURE(map, ERR_MEMORY);
    if (err_failed(transform_map_parse(text, (unsigned)page, map))) {
        return load_fail(b, c->args[0], "the file does not hold this code page");
    }
    b->set->unicode = map;
    return OK;
}

/* Accepted so that existing configurations load; says so in the notes. */
static err_t d_nothing(call_t *c)
{
    return load_note(c->b, "accepted, does nothing here");
}

/* ---- rules ----------------------------------------------------------------------------------- */

static err_t d_include(call_t *c)
{
    return load_include(c->b, c->args[0], c->extra);
}

static err_t d_rule(call_t *c)
{
    return parse_rule(c->b, c->args[0], c->args[1], c->count > 2 ? c->args[2] : SLICE_EMPTY);
}

static err_t d_action(call_t *c)
{
    return parse_sec_action(c->b, c->args[0]);
}

static err_t d_marker(call_t *c)
{
    engine_builder_t *b = c->b;
    marker_t *m = ARENA_NEW(&b->set->arena, marker_t);
    ENSURE(m, ERR_MEMORY);
    TRY(keep_text(c, &m->name));
    m->at = b->rule_count;
    *(b->last_marker ? &b->last_marker->next : &b->first_marker) = m;
    b->last_marker = m;
    return OK;
}

static err_t d_default(call_t *c)
{
    engine_builder_t *b = c->b;
    actions_t *a = ARENA_NEW(&b->set->arena, actions_t);
    ENSURE(a, ERR_MEMORY);
    a->severity = -1;
    TRY(actions_parse(b, c->args[0], true, a));
    if (a->phase == 0 || a->disruptive == DISRUPTIVE_NONE) {
        return load_fail(b, c->args[0], "SecDefaultAction wants a phase and a disruptive action");
    }
    b->defaults[a->phase] = a;
    return OK;
}

static err_t new_amend(call_t *c, by_kind_t by, amend_t **ret)
{
    engine_builder_t *b = c->b;
    amend_t *m = ARENA_NEW(&b->set->arena, amend_t);
    ENSURE(m, ERR_MEMORY);
    m->by = (uint8_t)by;
    m->at = b->rule_count;
    m->file = b->file;
    m->line = b->line;
    m->link = NO_INDEX;
    *(b->last_amend ? &b->last_amend->next : &b->first_amend) = m;
    b->last_amend = m;
    *ret = m;
    return OK;
}

/* "942100", "942100-942999", with `links` also "942100:1" (the chain's second rule). */
static err_t take_ids(call_t *c, slice_t text, bool links, amend_t *m)
{
    slice_t ids = text, link = SLICE_EMPTY, from, to;
    uint64_t first = 0, last = 0, n = 0;
    if (links) {
        cut(text, ':', &ids, &link);
    }
    bool range = cut(ids, '-', &from, &to);
    bool ok = !err_failed(slice_parse_u64(slice_trim(from), UINT32_MAX - 1, &first));
    last = first;
    if (ok && range) {
        ok = !err_failed(slice_parse_u64(slice_trim(to), UINT32_MAX - 1, &last)) && last >= first;
    }
    if (ok && link.len) {
        ok = !err_failed(slice_parse_u64(link, UINT16_MAX, &n));
        m->link = (uint32_t)n;
    }
    m->first = (uint32_t)first;
    m->last = (uint32_t)last;
    return ok ? OK : load_fail(c->b, text, "not an id or a range of ids");
}

static err_t take_regex(call_t *c, amend_t *m)
{
    const char *why;
    err_t e = regex_new(c->b->set, c->args[0], REGEX_NOCASE, &m->regex, &why);
    return err_failed(e) ? load_fail(c->b, c->args[0], why) : OK;
}

static err_t d_remove(call_t *c)
{
    amend_t *m;
    if (c->extra != BY_ID) {
        TRY(new_amend(c, (by_kind_t)c->extra, &m));
        return take_regex(c, m);
    }
    for (size_t i = 0; i < c->count; i++) {
        slice_t rest = c->args[i], part;
        while (slice_split(&rest, ' ', &part)) {
            slice_t one;
            while (slice_split(&part, ',', &one)) {
                if (one.len) {
                    TRY(new_amend(c, BY_ID, &m));
                    TRY(take_ids(c, one, false, m));
                }
            }
        }
    }
    return OK;
}

static err_t d_update_target(call_t *c)
{
    amend_t *m;
    TRY(new_amend(c, (by_kind_t)c->extra, &m));
    TRY(c->extra == BY_ID ? take_ids(c, c->args[0], true, m) : take_regex(c, m));
    slice_t list = c->args[1];
    /* "A,B" is the older way to write "A|B" */
    if (slice_find_byte(list, '|') == SIZE_MAX && slice_find_byte(list, ',') != SIZE_MAX &&
        slice_find_byte(list, '/') == SIZE_MAX) {
        uint8_t *copy = arena_alloc(&c->b->texts, list.len);
        ENSURE(copy, ERR_MEMORY);
        for (size_t i = 0; i < list.len; i++) {
            copy[i] = list.ptr[i] == ',' ? '|' : list.ptr[i];
        }
        list = slice_make(copy, list.len);
    }
    return parse_targets(c->b, list, &m->targets, &m->target_count);
}

static err_t d_update_action(call_t *c)
{
    amend_t *m;
    actions_t *a = ARENA_NEW(&c->b->set->arena, actions_t);
    ENSURE(a, ERR_MEMORY);
    a->severity = -1;
    TRY(new_amend(c, BY_ID, &m));
    TRY(take_ids(c, c->args[0], true, m));
    TRY(actions_parse(c->b, c->args[1], false, a));
    if (a->id || a->phase || a->chain) {
        return load_fail(c->b, c->args[1], "id, phase and chain cannot be changed");
    }
    m->act = a;
    return OK;
}

static const struct {
    const char *name;
    uint8_t min, max; /* words behind it */
    err_t (*run)(call_t *c);
    unsigned extra;
} DIRECTIVES[] = {
    {"Include", 1, 1, d_include, false},
    {"IncludeOptional", 1, 1, d_include, true},
    {"SecRule", 2, 3, d_rule, 0},
    {"SecAction", 1, 1, d_action, 0},
    {"SecMarker", 1, 1, d_marker, 0},
    {"SecDefaultAction", 1, 1, d_default, 0},
    {"SecRuleRemoveById", 1, LOAD_WORDS, d_remove, BY_ID},
    {"SecRuleRemoveByTag", 1, 1, d_remove, BY_TAG},
    {"SecRuleRemoveByMsg", 1, 1, d_remove, BY_MSG},
    {"SecRuleUpdateTargetById", 2, 2, d_update_target, BY_ID},
    {"SecRuleUpdateTargetByTag", 2, 2, d_update_target, BY_TAG},
    {"SecRuleUpdateTargetByMsg", 2, 2, d_update_target, BY_MSG},
    {"SecRuleUpdateActionById", 2, 2, d_update_action, 0},
    {"SecRuleEngine", 1, 1, d_engine, 0},
    {"SecRequestBodyAccess", 1, 1, d_switch, SWITCH_REQUEST_BODY},
    {"SecResponseBodyAccess", 1, 1, d_switch, SWITCH_RESPONSE_BODY},
    {"SecXmlExternalEntity", 1, 1, d_switch, SWITCH_XML},
    {"SecParseXmlIntoArgs", 1, 1, d_xml_args, 0},
    {"SecRequestBodyLimit", 1, 1, d_bytes, LIMIT_REQUEST},
    {"SecRequestBodyNoFilesLimit", 1, 1, d_bytes, LIMIT_NO_FILES},
    {"SecRequestBodyInMemoryLimit", 1, 1, d_bytes, LIMIT_MEMORY},
    {"SecResponseBodyLimit", 1, 1, d_bytes, LIMIT_RESPONSE},
    {"SecRequestBodyLimitAction", 1, 1, d_limit_action, LIMIT_REQUEST},
    {"SecResponseBodyLimitAction", 1, 1, d_limit_action, LIMIT_RESPONSE},
    {"SecRequestBodyJsonDepthLimit", 1, 1, d_count, COUNT_JSON},
    {"SecArgumentsLimit", 1, 1, d_count, COUNT_ARGS},
    {"SecUploadFileLimit", 1, 1, d_count, COUNT_FILES},
    {"SecPcreMatchLimit", 1, 1, d_count, COUNT_PCRE},
    {"SecPcreMatchLimitRecursion", 1, 1, d_nothing, 0},
    {"SecCollectionTimeout", 1, 1, d_count, COUNT_COLLECTION},
    {"SecResponseBodyMimeType", 1, LOAD_WORDS, d_types, 0},
    {"SecResponseBodyMimeTypesClear", 0, 0, d_types, 0},
    {"SecAuditEngine", 1, 1, d_audit, 0},
    {"SecAuditLogType", 1, 1, d_audit_type, 0},
    {"SecAuditLogFormat", 1, 1, d_audit_format, 0},
    {"SecAuditLogParts", 1, 1, d_audit_parts, 0},
    {"SecAuditLogRelevantStatus", 1, 1, d_audit_status, 0},
    {"SecAuditLog", 1, 1, d_text, TEXT_AUDIT_LOG},
    {"SecAuditLog2", 1, 1, d_text, TEXT_AUDIT_LOG2},
    {"SecAuditLogStorageDir", 1, 1, d_text, TEXT_AUDIT_DIR},
    {"SecAuditLogDirMode", 1, 1, d_nothing, 0},
    {"SecAuditLogFileMode", 1, 1, d_nothing, 0},
    {"SecDebugLog", 1, 1, d_text, TEXT_DEBUG},
    {"SecDebugLogLevel", 1, 1, d_count, COUNT_DEBUG},
    {"SecWebAppId", 1, 1, d_text, TEXT_APP},
    {"SecServerSignature", 1, 1, d_text, TEXT_SIGNATURE},
    {"SecComponentSignature", 1, 1, d_text, TEXT_COMPONENT},
    {"SecTmpDir", 1, 1, d_text, TEXT_TMP},
    {"SecDataDir", 1, 1, d_text, TEXT_DATA},
    {"SecUploadDir", 1, 1, d_text, TEXT_UPLOAD},
    {"SecUploadFileMode", 1, 1, d_nothing, 0},
    {"SecUploadKeepFiles", 1, 1, d_nothing, 0},
    {"SecTmpSaveUploadedFiles", 1, 1, d_nothing, 0},
    {"SecArgumentSeparator", 1, 1, d_separator, 0},
    {"SecCookieFormat", 1, 1, d_cookie_format, 0},
    {"SecUnicodeMapFile", 1, 2, d_unicode_map, 0},
    {"SecStatusEngine", 1, 1, d_nothing, 0},
    {"SecSensorId", 1, 1, d_nothing, 0},
};

err_t directive_run(engine_builder_t *b, const slice_t *words, size_t count)
{
    if (b->in_chain && !slice_eq_nocase(words[0], SLICE("SecRule")) &&
        !slice_eq_nocase(words[0], SLICE("SecAction"))) {
        return load_fail(b, words[0], "a chain is open: the next rule must follow");
    }
    for (size_t i = 0; i < BASE_COUNT(DIRECTIVES); i++) {
        if (slice_eq_nocase(words[0], slice_cstr_in(DIRECTIVES[i].name))) {
            if (count - 1 < DIRECTIVES[i].min || count - 1 > DIRECTIVES[i].max) {
                return load_fail(b, words[0], "this directive takes another number of words");
            }
            call_t c = {b, words + 1, count - 1, DIRECTIVES[i].extra};
            return DIRECTIVES[i].run(&c);
        }
    }
    return load_fail(b, words[0], "unknown directive");
}
