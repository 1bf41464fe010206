#include "investigate.h"

#include <arpa/inet.h>
#include <unistd.h>

#include "base/clock.h"
#include "guard/api_pseudonym.h"
#include "io/secrets.h"
#include "ledger/api.h"
#include "text/time.h"
#include "vault/api.h"

enum { MINUTE_MAX = 24 * 60, FOLLOW_MAX = 20000 };

/* ---- options ---- */

/* "2026-11-22", "2026-11-22 10:30", both in Tokyo, or RFC 3339. As an end a day means its end. */
static err_t time_of(const char *text, bool end, int64_t *ret_us)
{
    slice_t s = slice_cstr_in(text), day = slice_sub(s, 0, 10), clock = slice_from(s, 11);
    uint64_t hour, minute;
    date_t date;
    if (s.len > 16) {
        return time_parse_rfc3339(s, ret_us);
    }
    TRY(date_parse(day, &date));
    if (s.len == 10) {
        *ret_us = tokyo_instant(date, end ? MINUTE_MAX : 0);
        return OK;
    }
    ENSURE(s.len == 16 && s.ptr[10] == ' ' && clock.ptr[2] == ':', ERR_SYNTAX);
    TRY(slice_parse_u64(slice_sub(clock, 0, 2), 23, &hour));
    TRY(slice_parse_u64(slice_from(clock, 3), 59, &minute));
    *ret_us = tokyo_instant(date, (int32_t)(hour * 60 + minute));
    return OK;
}

static bool session_of(const char *text, char out[LEAK_SESSION])
{
    if (strlen(text) != LEAK_SESSION - 1 || strspn(text, "0123456789abcdef") != LEAK_SESSION - 1) {
        return false;
    }
    memcpy(out, text, LEAK_SESSION);
    return true;
}

/* An address in clear becomes the guard's pseudonym: with the guard's key, which root may read. */
static err_t address_of(investigation_t *v, const char *text)
{
    uint8_t key[GUARD_PSEUDONYM_KEY_BYTES], bytes[16];
    path_t dir = house_path(v->h, v->h->var, "secrets", "guard", NULL);
    ENSURE(inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1,
           ERR_SYNTAX);
    if (v->guard_key) {
        TRY(path_from_conf(&v->h->arena, slice_cstr_in(v->guard_key), &dir));
        slice_t all;
        TRY(file_read(&v->h->arena, dir, sizeof key, &all));
        ENSURE(all.len == sizeof key, ERR_CORRUPT);
        memcpy(key, all.ptr, sizeof key);
    } else {
        TRY(secrets_load_from(dir, GUARD_PSEUDONYM_KEY_NAME, geteuid(), key, sizeof key));
    }
    v->ask.address = guard_pseudonym_of(key, "address", slice_cstr_in(text));
    explicit_bzero(key, sizeof key);
    return OK;
}

typedef enum option {
    O_FROM,
    O_TO,
    O_ACTOR,
    O_ADDRESS,
    O_IP,
    O_REQUEST,
    O_SUBJECT,
    O_SESSION,
    O_COMPROMISED,
    O_LEDGER,
    O_KEY,
    O_GUARD_KEY,
    O_BUNDLE,
    O_SIGN,
    O_JSON,
    O_ALL,
} option_t;

static const struct {
    const char *name;
    option_t option;
    bool bare; /* without a value */
} OPTIONS[] = {
    {"--from", O_FROM, false},       {"--to", O_TO, false},
    {"--actor", O_ACTOR, false},     {"--address", O_ADDRESS, false},
    {"--ip", O_IP, false},           {"--request", O_REQUEST, false},
    {"--subject", O_SUBJECT, false}, {"--session", O_SESSION, false},
    {"--ledger", O_LEDGER, false},   {"--compromised", O_COMPROMISED, false},
    {"--key", O_KEY, false},         {"--guard-key", O_GUARD_KEY, false},
    {"--bundle", O_BUNDLE, false},   {"--sign", O_SIGN, false},
    {"--json", O_JSON, true},        {"--all", O_ALL, true},
};

/* A time belongs to the exposure before it, if there is one, else to the question. */
static err_t take_time(investigation_t *v, const char *text, bool end)
{
    leak_ask_t *a = &v->ask;
    int64_t us;
    TRY(time_of(text, end, &us));
    leak_exposure_t *x = a->exposure_count ? &a->exposures[a->exposure_count - 1] : NULL;
    if (end) {
        *(x ? &x->to_us : &a->to_us) = us;
    } else {
        *(x ? &x->from_us : &a->from_us) = us;
    }
    return OK;
}

static err_t take_exposure(investigation_t *v, const char *host)
{
    leak_exposure_t *x = &v->ask.exposures[v->ask.exposure_count];
    ENSURE(v->ask.exposure_count < LEAK_EXPOSURES_MAX && leak_host_parse(host, &x->host),
           ERR_USAGE);
    x->from_us = INT64_MIN;
    x->to_us = INT64_MAX;
    v->ask.exposure_count++;
    return OK;
}

static err_t take_id(const char *text, id128_t *ret_id)
{
    TRY(id_decode(slice_cstr_in(text), ret_id));
    ENSURE(!id_is_zero(*ret_id), ERR_SYNTAX);
    return OK;
}

static err_t take(investigation_t *v, option_t option, const char *value)
{
    switch (option) {
    case O_FROM:
        return take_time(v, value, false);
    case O_TO:
        return take_time(v, value, true);
    case O_ACTOR:
        return take_id(value, &v->ask.actor);
    case O_ADDRESS:
        return take_id(value, &v->ask.address);
    case O_IP:
        return address_of(v, value);
    case O_REQUEST:
        return take_id(value, &v->ask.request);
    case O_SUBJECT:
        return take_id(value, &v->ask.subject);
    case O_SESSION:
        return session_of(value, v->ask.session) ? OK : FAIL(ERR_SYNTAX);
    case O_COMPROMISED:
        return take_exposure(v, value);
    case O_LEDGER:
        v->ledger_dir = value;
        return OK;
    case O_KEY:
        v->key_file = value;
        return OK;
    case O_GUARD_KEY:
        v->guard_key = value;
        return OK;
    case O_BUNDLE:
        v->bundle = value;
        return OK;
    case O_SIGN:
        v->sign = value;
        return OK;
    case O_JSON:
        v->json = true;
        return OK;
    case O_ALL:
        v->all = true;
        return OK;
    }
    return FAIL(ERR_USAGE);
}

static err_t take_all(investigation_t *v, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        size_t k = 0;
        while (k < BASE_COUNT(OPTIONS) && strcmp(OPTIONS[k].name, argv[i]) != 0) {
            k++;
        }
        ENSURE(k < BASE_COUNT(OPTIONS) && (OPTIONS[k].bare || i + 1 < argc), ERR_USAGE);
        i += !OPTIONS[k].bare;
        err_t e = take(v, OPTIONS[k].option, argv[i]);
        if (err_failed(e)) {
            fprintf(stderr, "sekisho: %s: %s\n", OPTIONS[k].name, err_text(e.code));
            return e;
        }
    }
    return OK;
}

/* Closed by investigation_end. The exit code of a failure, or 0. */
static int begin(investigation_t *v, house_t *h, const char *verb, command_msg_t usage, int argc,
                 char **argv)
{
    char why[QUERY_FAULT];
    *v = (investigation_t){.h = h, .verb = verb, .ask = {.from_us = INT64_MIN, .to_us = INT64_MAX}};
    if (err_failed(take_all(v, argc, argv)) || v->ask.from_us >= v->ask.to_us) {
        house_complain(h, usage);
        return 2;
    }
    const char *dir = v->ledger_dir ? v->ledger_dir : house_path(h, h->var, "ledger", NULL).text;
    err_t e = query_open(dir, v->key_file, why, &v->q);
    if (err_failed(e)) {
        house_complain(h, COMMAND_MSG_ASK_FAILED);
        fprintf(stderr, "  %s (%s)\n", why, err_text(e.code));
        return 1;
    }
    return 0;
}

static int failed(const investigation_t *v, err_t e)
{
    const char *why = query_fault(v->q);
    house_complain(v->h, COMMAND_MSG_ASK_FAILED);
    fprintf(stderr, "  %s (%s)\n", why[0] ? why : err_text(e.code), err_name(e.code));
    return 1;
}

/* Prints JSON when that was asked for, writes the evidence when that was; the answer is given back.
 */
static int finish(investigation_t *v, evidence_verb_t verb, const leak_t *leak, json_t *answer)
{
    err_t e = investigate_bundle(v, verb, leak, answer);
    if (v->json) {
        json_dumpf(answer, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
        fputc('\n', stdout);
    }
    json_decref(answer);
    if (err_failed(e)) {
        house_complain(v->h, COMMAND_MSG_ASK_NO_BUNDLE);
        fprintf(stderr, "  %s: %s (%s:%u)\n", v->bundle, err_text(e.code), e.where,
                (unsigned)e.line);
        return 1;
    }
    return 0;
}

/* ---- leak, who-saw ---- */

static int answer_leak(investigation_t *v, bool events)
{
    leak_t leak;
    err_t e = query_leak(v->q, &v->ask, &leak);
    if (err_failed(e)) {
        return failed(v, e);
    }
    if (!v->json && events) {
        investigate_print_events(v, &leak);
    } else if (!v->json) {
        investigate_print_leak(v, &leak);
    }
    return finish(v, events ? EVIDENCE_WHO_SAW : EVIDENCE_LEAK, &leak,
                  investigate_json_leak(v, &leak));
}

int investigate_leak(house_t *h, int argc, char **argv)
{
    investigation_t v;
    int code = begin(&v, h, "leak", COMMAND_MSG_USAGE_LEAK, argc, argv);
    if (!code) {
        code = answer_leak(&v, false);
        query_close(v.q);
    }
    return code;
}

/* A customer's id becomes the pseudonym that only the vault can make; without a vault (offline) the
 * id is taken for the pseudonym itself. */
static err_t customer_of(house_t *h, const char *text, id128_t *ret_subject)
{
    id128_t id, pseudonym;
    vault_client_t *vault;
    TRY(id_decode(slice_cstr_in(text), &id));
    *ret_subject = id;
    path_t socket = house_path(h, h->var, "run", "vault.sock", NULL);
    if (access(socket.text, F_OK) != 0) {
        return OK;
    }
    TRY(vault_client_new(socket.text, ROOM_COMMAND, &vault));
    if (!err_failed(vault_pseudonym(vault, id, &pseudonym))) {
        *ret_subject = pseudonym;
    }
    vault_client_free(vault);
    return OK;
}

int investigate_who_saw(house_t *h, int argc, char **argv)
{
    investigation_t v;
    id128_t subject;
    if (argc < 1 || err_failed(customer_of(h, argv[0], &subject))) {
        house_complain(h, COMMAND_MSG_USAGE_WHO_SAW);
        return 2;
    }
    int code = begin(&v, h, "who-saw", COMMAND_MSG_USAGE_WHO_SAW, argc - 1, argv + 1);
    if (!code) {
        v.ask.subject = subject;
        code = answer_leak(&v, true);
        query_close(v.q);
    }
    return code;
}

/* ---- trace, timeline ---- */

static int answer_records(investigation_t *v, evidence_verb_t verb, const query_record_t **list,
                          size_t n)
{
    boundary_t *rows;
    size_t row_count;
    err_t e = query_boundary(v->q, v->ask.from_us, v->ask.to_us, &rows, &row_count);
    if (err_failed(e)) {
        return failed(v, e);
    }
    if (!v->json) {
        investigate_print_records(v, list, n);
        investigate_print_rests(v);
        investigate_print_boundary(v, rows, row_count, 0);
    }
    return finish(v, verb, NULL, investigate_json_records(v, list, n, rows, row_count));
}

static int by_request(const void *a, const void *b)
{
    const query_record_t *x = *(const query_record_t *const *)a,
                         *y = *(const query_record_t *const *)b;
    return memcmp(&x->request, &y->request, sizeof x->request);
}

static int by_seq(const void *a, const void *b)
{
    const query_record_t *x = *(const query_record_t *const *)a,
                         *y = *(const query_record_t *const *)b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

typedef struct gathered {
    const query_record_t **list;
    size_t count, cap;
    bool cut;
} gathered_t;

static err_t gather(investigation_t *v, gathered_t *g, const query_record_t **list, size_t n)
{
    if (g->count + n > g->cap) {
        size_t cap = 2 * (g->count + n);
        const query_record_t **more = realloc(g->list, cap * sizeof *more);
        ENSURE(more, ERR_MEMORY);
        g->list = more;
        g->cap = cap;
    }
    if (n) {
        memcpy(g->list + g->count, list, n * sizeof *list);
    }
    g->count += n;
    return OK;
}

/* All other records of the requests that were found: what was asked, how it was answered. */
static err_t follow(investigation_t *v, gathered_t *g)
{
    size_t found = g->count;
    if (!id_is_zero(v->ask.request) || !found) {
        return OK;
    }
    qsort(g->list, found, sizeof *g->list, by_request);
    for (size_t i = 0, asked = 0; i < found; i++) {
        const query_record_t **list;
        size_t n;
        id128_t request = g->list[i]->request;
        if (id_is_zero(request) || (i && id_eq(request, g->list[i - 1]->request))) {
            continue;
        }
        if (asked++ == FOLLOW_MAX) {
            g->cut = true;
            break;
        }
        query_ask_t ask = {.from_us = v->ask.from_us, .to_us = v->ask.to_us, .request = request};
        TRY(query_find(v->q, &ask, &list, &n));
        TRY(gather(v, g, list, n));
    }
    return OK;
}

static void sort_once(gathered_t *g)
{
    size_t kept = 0;
    if (g->count) {
        qsort(g->list, g->count, sizeof *g->list, by_seq);
    }
    for (size_t i = 0; i < g->count; i++) {
        if (!kept || g->list[i] != g->list[kept - 1]) {
            g->list[kept++] = g->list[i];
        }
    }
    g->count = kept;
}

static int answer_trace(investigation_t *v)
{
    const query_record_t **list;
    size_t n;
    gathered_t g = {0};
    query_ask_t ask = {.from_us = v->ask.from_us,
                       .to_us = v->ask.to_us,
                       .request = v->ask.request,
                       .subject = v->ask.subject,
                       .actor = v->ask.actor,
                       .address = v->ask.address};
    err_t e = query_find(v->q, &ask, &list, &n);
    if (!err_failed(e)) {
        e = gather(v, &g, list, n);
    }
    if (!err_failed(e)) {
        e = follow(v, &g);
    }
    sort_once(&g);
    int code = err_failed(e) ? failed(v, e) : answer_records(v, EVIDENCE_TRACE, g.list, g.count);
    if (g.cut) {
        house_complain(v->h, COMMAND_MSG_TRACE_CUT);
    }
    free(g.list);
    return code;
}

int investigate_trace(house_t *h, int argc, char **argv)
{
    investigation_t v;
    int code = begin(&v, h, "trace", COMMAND_MSG_USAGE_TRACE_BY, argc, argv);
    if (code) {
        return code;
    }
    if (id_is_zero(v.ask.request) && id_is_zero(v.ask.subject) && id_is_zero(v.ask.actor) &&
        id_is_zero(v.ask.address)) {
        house_complain(h, COMMAND_MSG_USAGE_TRACE_BY);
        code = 2;
    } else {
        code = answer_trace(&v);
    }
    query_close(v.q);
    return code;
}

/* What a person looks at first when something happened; --all shows every record. */
static const ledger_type_t TELLING[] = {
    LEDGER_ROOM_START,   LEDGER_ROOM_STOP,      LEDGER_GAP,
    LEDGER_CLOCK_JUMP,   LEDGER_ALARM,          LEDGER_RESTORED,
    LEDGER_CARD_REFUSED, LEDGER_RULE_BLOCKED,   LEDGER_RULE_UNJUDGED,
    LEDGER_LOGIN_FAILED, LEDGER_REVEAL_INTENT,  LEDGER_REVEAL_REFUSED,
    LEDGER_ERASED,       LEDGER_BRAKE_ORDER,    LEDGER_BRAKE_BROKEN,
    LEDGER_BACKUP_MADE,  LEDGER_PAY_QUARANTINE, LEDGER_PRUNED,
    LEDGER_HOLD,         LEDGER_HOLD_RELEASED,  LEDGER_ERASE_REFUSED,
    LEDGER_LEGAL_HOLD,   LEDGER_MASTER_CHANGED,
};

static err_t timeline_find(investigation_t *v, gathered_t *g)
{
    query_ask_t ask = {.from_us = v->ask.from_us,
                       .to_us = v->ask.to_us,
                       .actor = v->ask.actor,
                       .subject = v->ask.subject,
                       .address = v->ask.address,
                       .request = v->ask.request};
    for (size_t i = 0; i < (v->all ? 1 : BASE_COUNT(TELLING)); i++) {
        const query_record_t **list;
        size_t n;
        ask.type = v->all ? 0 : TELLING[i];
        TRY(query_find(v->q, &ask, &list, &n));
        TRY(gather(v, g, list, n));
    }
    return OK;
}

int investigate_timeline(house_t *h, int argc, char **argv)
{
    investigation_t v;
    gathered_t g = {0};
    int code = begin(&v, h, "timeline", COMMAND_MSG_USAGE_TIMELINE, argc, argv);
    if (code) {
        return code;
    }
    err_t e = timeline_find(&v, &g);
    sort_once(&g);
    code = err_failed(e) ? failed(&v, e) : answer_records(&v, EVIDENCE_TIMELINE, g.list, g.count);
    free(g.list);
    query_close(v.q);
    return code;
}
