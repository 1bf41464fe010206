#include "investigate.h"

#include <unistd.h>

#include "ledger/api.h"
#include "vault/api.h"

enum { FOLLOW_MAX = 20000 };

/* Closed by investigation_end. The exit code of a failure, or 0. */
static int begin(investigation_t *v, house_t *h, const char *verb, command_msg_t usage, int argc,
                 char **argv)
{
    char why[QUERY_FAULT];
    *v = (investigation_t){.h = h, .verb = verb, .ask = {.from_us = INT64_MIN, .to_us = INT64_MAX}};
    if (err_failed(investigate_options(v, argc, argv)) || v->ask.from_us >= v->ask.to_us) {
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
