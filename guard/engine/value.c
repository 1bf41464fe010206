/* Variables that rules can change, or that are too cheap to keep: made when a rule asks. */
#include "tx.h"

#include <time.h>

int64_t tx_now(const engine_tx_t *tx)
{
    return tx->world && tx->world->wall_us ? tx->world->wall_us(tx->world->user) : 0;
}

/* As atoi: leading blanks, sign, digits; what follows is ignored; too much stays at the limit. */
int64_t text_number(slice_t text)
{
    size_t i = 0;
    while (i < text.len && (text.ptr[i] == ' ' || (text.ptr[i] >= 9 && text.ptr[i] <= 13))) {
        i++;
    }
    bool minus = i < text.len && text.ptr[i] == '-';
    i += i < text.len && (text.ptr[i] == '-' || text.ptr[i] == '+');
    int64_t n = 0;
    for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++) {
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, text.ptr[i] - '0', &n)) {
            n = INT64_MAX;
            break;
        }
    }
    return minus ? -n : n;
}

int64_t tx_value_number(const tx_value_t *v)
{
    return !v->set ? 0 : v->has_number ? v->number : text_number(v->text);
}

void tx_value_set(tx_value_t *v, slice_t text)
{
    /* an empty text is a text: its number (0) is not to be shown in its place */
    *v = (tx_value_t){.set = true, .has_text = true, .text = text.ptr ? text : SLICE("")};
}

void tx_value_add(tx_value_t *v, int64_t delta, bool minus)
{
    int64_t sum, was = tx_value_number(v);
    bool over =
        minus ? __builtin_sub_overflow(was, delta, &sum) : __builtin_add_overflow(was, delta, &sum);
    *v = (tx_value_t){.set = true, .has_number = true, .number = over ? INT64_MAX : sum};
}

slice_t number_text(engine_tx_t *tx, int64_t n)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (n < 0) {
        digits[--at] = '-';
    }
    uint8_t *to = tx_alloc(tx, sizeof digits - at);
    if (!to) {
        return SLICE_EMPTY;
    }
    memcpy(to, digits + at, sizeof digits - at);
    return slice_make(to, sizeof digits - at);
}

slice_t value_text(engine_tx_t *tx, value_t *v)
{
    if (v->is_number && v->text.ptr == NULL) {
        v->text = number_text(tx, v->number);
    }
    return v->text;
}

bool target_chooses(engine_tx_t *tx, const target_t *t, slice_t name)
{
    switch ((select_kind_t)t->select) {
    case SELECT_NAME:
        return slice_eq_nocase(t->name, name);
    case SELECT_REGEX:
        if (t->prefix.len) {
            return name.len >= t->prefix.len &&
                   slice_eq_nocase(slice_sub(name, 0, t->prefix.len), t->prefix);
        }
        return regex_match(t->regex, tx->worker->regex, name, 0, NULL) != REGEX_NO;
    case SELECT_ALL:
    default:
        return true;
    }
}

/* ---- TX -------------------------------------------------------------------------------------- */

tx_value_t *tx_slot_named(engine_tx_t *tx, slice_t name, bool make)
{
    uint32_t slot = names_find(&tx->set->slots, name);
    if (slot != NO_INDEX) {
        return &tx->slots[slot];
    }
    uint32_t hash = names_hash(name, names_hash(list_one(tx, VAR_UNIQUE_ID), 0));
    if (!tx->named_buckets && make) {
        tx->named_buckets = tx_array(tx, NAMED_BUCKETS, sizeof(tx_named_t *));
    }
    tx_named_t **bucket = tx->named_buckets ? &tx->named_buckets[hash % NAMED_BUCKETS] : NULL;
    for (tx_named_t *n = bucket ? *bucket : NULL; n; n = n->same) {
        if (n->hash == hash && slice_eq_nocase(n->name, name)) {
            return &n->value;
        }
    }
    tx_named_t *n = make && bucket ? tx_alloc(tx, sizeof *n) : NULL;
    if (!n) {
        return NULL;
    }
    n->name = name;
    n->hash = hash;
    n->next = tx->named;
    n->same = *bucket;
    tx->named = *bucket = n;
    return &n->value;
}

static bool give_tx(slice_t name, const tx_value_t *t, value_fn fn, void *user)
{
    if (!t || !t->set) {
        return true;
    }
    value_t v = {.name = name, .is_number = t->has_number, .number = t->number};
    v.text = t->has_text ? t->text : SLICE_EMPTY;
    return fn(user, &v);
}

static void each_tx(engine_tx_t *tx, const target_t *t, value_fn fn, void *user)
{
    const names_t *names = &tx->set->slots;
    if (t->select == SELECT_NAME) {
        const tx_value_t *v =
            t->slot != NO_INDEX ? &tx->slots[t->slot] : tx_slot_named(tx, t->name, false);
        give_tx(t->name, v, fn, user);
        return;
    }
    for (uint32_t word = 0; word <= names->count / 64; word++) {
        uint64_t left = t->slots ? t->slots[word] : ~UINT64_C(0);
        for (; left; left &= left - 1) {
            uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(left);
            bool yes = i < names->count && tx->slots[i].set &&
                       (t->slots || target_chooses(tx, t, names->names[i]));
            if (yes && !give_tx(names->names[i], &tx->slots[i], fn, user)) {
                return;
            }
        }
    }
    for (const tx_named_t *n = tx->named; n; n = n->next) {
        if (target_chooses(tx, t, n->name) && !give_tx(n->name, &n->value, fn, user)) {
            return;
        }
    }
}

/* ---- what the rules themselves did ----------------------------------------------------------- */

static void each_rule_field(engine_tx_t *tx, const target_t *t, value_fn fn, void *user)
{
    if (!tx->rule) {
        return;
    }
    const rule_t *head = &tx->set->rules[tx->rule->head];
    const actions_t *a = &head->act;
    static const char *const NAMES[] = {"id", "msg", "severity", "rev", "ver", "logdata"};
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        slice_t name = slice_cstr_in(NAMES[i]);
        if (!target_chooses(tx, t, name)) {
            continue;
        }
        value_t v = {.name = name};
        switch (i) {
        case 0:
            v.is_number = true;
            v.number = a->id;
            break;
        case 1: /* not expanded: a msg may name RULE.msg */
            v.text = a->msg.text;
            break;
        case 2:
            v.is_number = a->severity >= 0;
            v.number = a->severity;
            break;
        case 3:
            v.text = a->rev;
            break;
        case 4:
            v.text = a->ver;
            break;
        default:
            v.text = a->logdata.text;
            break;
        }
        if (!fn(user, &v)) {
            return;
        }
    }
}

static void each_matched(engine_tx_t *tx, const target_t *t, bool names, value_fn fn, void *user)
{
    uint32_t count = tx->matched_count; /* those so far: a match adds to them */
    for (uint32_t i = 0; i < count; i++) {
        slice_t name = matched_name(tx, &tx->matched[i]);
        value_t v = {.name = name, .text = names ? name : tx->matched[i].value};
        if (target_chooses(tx, t, name) && !fn(user, &v)) {
            return;
        }
    }
}

static bool each_geo(engine_tx_t *tx, const target_t *t, value_fn fn, void *user)
{
    for (uint32_t i = 0; i < tx->geo_count; i++) {
        value_t v = {.name = tx->geo[i].name, .text = tx->geo[i].value};
        if (target_chooses(tx, t, v.name) && !fn(user, &v)) {
            return false;
        }
    }
    return true;
}

/* ---- single values --------------------------------------------------------------------------- */

static int64_t time_part(const engine_tx_t *tx, unsigned var)
{
    time_t s = (time_t)(tx_now(tx) / 1000000);
    struct tm tm = {0};
    if (!gmtime_r(&s, &tm)) {
        return 0;
    }
    switch (var) {
    case VAR_TIME_DAY:
        return tm.tm_mday;
    case VAR_TIME_HOUR:
        return tm.tm_hour;
    case VAR_TIME_MIN:
        return tm.tm_min;
    case VAR_TIME_MON:
        return tm.tm_mon;
    case VAR_TIME_SEC:
        return tm.tm_sec;
    case VAR_TIME_WDAY:
        return tm.tm_wday;
    case VAR_TIME_YEAR:
        return tm.tm_year + 1900;
    default:
        return s;
    }
}

static slice_t time_text(engine_tx_t *tx)
{
    slice_t text = SLICE_EMPTY;
    if (err_failed(arena_printf(
            tx->arena, &text, "%02lld:%02lld:%02lld", (long long)time_part(tx, VAR_TIME_HOUR),
            (long long)time_part(tx, VAR_TIME_MIN), (long long)time_part(tx, VAR_TIME_SEC)))) {
        tx->memory_out = true;
    }
    return text;
}

static slice_t processor_name(const engine_tx_t *tx)
{
    static const char *const NAMES[] = {"", "URLENCODED", "MULTIPART", "JSON", "XML"};
    return slice_cstr_in(NAMES[tx->processor]);
}

static bool flag_value(const engine_tx_t *tx, unsigned var)
{
    static const struct {
        uint8_t var;
        uint32_t flag;
    } FLAGS[] = {
        {VAR_REQBODY_ERROR, BODY_REQBODY_ERROR | BODY_ARGS_LIMIT},
        {VAR_URLENCODED_ERROR, BODY_URLENCODED_ERROR},
        {VAR_MULTIPART_BOUNDARY_QUOTED, BODY_BOUNDARY_QUOTED},
        {VAR_MULTIPART_BOUNDARY_WHITESPACE, BODY_BOUNDARY_WHITESPACE},
        {VAR_MULTIPART_DATA_BEFORE, BODY_DATA_BEFORE},
        {VAR_MULTIPART_DATA_AFTER, BODY_DATA_AFTER},
        {VAR_MULTIPART_HEADER_FOLDING, BODY_HEADER_FOLDING},
        {VAR_MULTIPART_LF_LINE, BODY_LF_LINE},
        {VAR_MULTIPART_CRLF_LF_LINES, BODY_CRLF_LF_LINES},
        {VAR_MULTIPART_MISSING_SEMICOLON, BODY_MISSING_SEMICOLON},
        {VAR_MULTIPART_INVALID_QUOTING, BODY_INVALID_QUOTING},
        {VAR_MULTIPART_INVALID_PART, BODY_INVALID_PART},
        {VAR_MULTIPART_INVALID_HEADER_FOLDING, BODY_INVALID_HEADER_FOLDING},
        {VAR_MULTIPART_FILE_LIMIT_EXCEEDED, BODY_FILE_LIMIT_EXCEEDED},
        {VAR_MULTIPART_UNMATCHED_BOUNDARY, BODY_UNMATCHED_BOUNDARY},
    };
    if (var == VAR_MULTIPART_STRICT_ERROR) {
        return tx->processor == PROCESSOR_MULTIPART && (tx->flags & BODY_STRICT_FLAGS);
    }
    for (size_t i = 0; i < BASE_COUNT(FLAGS); i++) {
        if (FLAGS[i].var == var) {
            return (tx->flags & FLAGS[i].flag) != 0;
        }
    }
    return false;
}

static slice_t full_request(engine_tx_t *tx)
{
    const list_t *h = &tx->lists[VAR_REQUEST_HEADERS];
    buf_t out;
    size_t cap = list_one(tx, VAR_REQUEST_LINE).len + tx->request_body.len + 4;
    for (uint32_t i = 0; i < h->count; i++) {
        cap += h->items[i].name.len + h->items[i].value.len + 4;
    }
    if (err_failed(arena_buf(tx->arena, cap, &out))) {
        tx->memory_out = true;
        return SLICE_EMPTY;
    }
    buf_put(&out, list_one(tx, VAR_REQUEST_LINE));
    buf_cstr(&out, "\n");
    for (uint32_t i = 0; i < h->count; i++) {
        buf_put(&out, h->items[i].name);
        buf_cstr(&out, ": ");
        buf_put(&out, h->items[i].value);
        buf_cstr(&out, "\n");
    }
    buf_cstr(&out, "\n");
    buf_put(&out, tx->request_body);
    return buf_slice(&out);
}

/* False: the variable has no value now. */
static bool single(engine_tx_t *tx, unsigned var, value_t *v)
{
    v->is_number = true;
    switch (var) {
    case VAR_DURATION:
        v->number = (tx_now(tx) - tx->start_us) / 1000;
        return true;
    case VAR_REQUEST_BODY_LENGTH:
        v->number = (int64_t)tx->request_body.len;
        return true;
    case VAR_RESPONSE_CONTENT_LENGTH:
        v->number = (int64_t)tx->response_body.len;
        return true;
    case VAR_ARGS_COMBINED_SIZE:
        v->number = (int64_t)tx->args_bytes;
        return true;
    case VAR_FILES_COMBINED_SIZE:
        v->number = (int64_t)tx->files_bytes;
        return true;
    case VAR_HIGHEST_SEVERITY:
        v->number = tx->highest_severity;
        return true;
    case VAR_INBOUND_DATA_ERROR:
        v->number = tx->body_cut;
        return true;
    case VAR_OUTBOUND_DATA_ERROR:
        v->number = tx->response_cut;
        return true;
    case VAR_MSC_PCRE_LIMITS_EXCEEDED:
        v->number = tx->limit_hits > 0;
        return true;
    case VAR_REQBODY_PROCESSOR_ERROR:
        v->number = flag_value(tx, VAR_REQBODY_ERROR);
        return true;
    case VAR_FULL_REQUEST_LENGTH:
        v->number = (int64_t)full_request(tx).len;
        return true;
    case VAR_TIME_DAY:
    case VAR_TIME_EPOCH:
    case VAR_TIME_HOUR:
    case VAR_TIME_MIN:
    case VAR_TIME_MON:
    case VAR_TIME_SEC:
    case VAR_TIME_WDAY:
    case VAR_TIME_YEAR:
        v->number = time_part(tx, var);
        return true;
    default:
        break;
    }
    v->is_number = false;
    switch (var) {
    case VAR_MATCHED_VAR:
        v->text = tx->matched_count ? tx->matched[tx->matched_count - 1].value : SLICE_EMPTY;
        return tx->matched_count > 0;
    case VAR_MATCHED_VAR_NAME:
        v->text =
            tx->matched_count ? matched_name(tx, &tx->matched[tx->matched_count - 1]) : SLICE_EMPTY;
        return tx->matched_count > 0;
    case VAR_REQBODY_PROCESSOR:
        v->text = processor_name(tx);
        return true;
    case VAR_REQBODY_ERROR_MSG:
    case VAR_REQBODY_PROCESSOR_ERROR_MSG:
        v->text = tx->body_error;
        return true;
    case VAR_SESSIONID:
        v->text = collection_of(tx, VAR_SESSION)->key;
        return true;
    case VAR_USERID:
        v->text = collection_of(tx, VAR_USER)->key;
        return true;
    case VAR_WEBAPPID:
        v->text = tx->settings.web_app_id;
        return true;
    case VAR_TIME:
        v->text = time_text(tx);
        return true;
    case VAR_FULL_REQUEST:
        v->text = full_request(tx);
        return true;
    default:
        return false;
    }
}

void value_each(engine_tx_t *tx, const target_t *t, value_fn fn, void *user)
{
    value_t v = {0};
    switch (t->var) {
    case VAR_TX:
        each_tx(tx, t, fn, user);
        return;
    case VAR_IP:
    case VAR_GLOBAL:
    case VAR_SESSION:
    case VAR_USER:
    case VAR_RESOURCE:
        if (t->select == SELECT_NAME) {
            v.name = t->name;
            if (collection_get(tx, t->var, t->name, &v.text)) {
                fn(user, &v);
            }
        } else {
            collection_each(tx, t->var, fn, user);
        }
        return;
    case VAR_GEO:
        each_geo(tx, t, fn, user);
        return;
    case VAR_RULE:
        each_rule_field(tx, t, fn, user);
        return;
    case VAR_MATCHED_VARS:
    case VAR_MATCHED_VARS_NAMES:
        each_matched(tx, t, t->var == VAR_MATCHED_VARS_NAMES, fn, user);
        return;
    default:
        break;
    }
    if (var_kind((var_id_t)t->var) == VAR_FLAG) {
        v.is_number = true;
        v.number = flag_value(tx, t->var);
        fn(user, &v);
    } else if (single(tx, t->var, &v)) {
        fn(user, &v);
    }
}
