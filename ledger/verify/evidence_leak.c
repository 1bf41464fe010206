/* Is the answer to "whose data left" what the records give? By FORMAT.md 10's rules, not by the
 * code that made the answer. */
#include "evidence.h"

enum { HTTP = 16, CONSENT = 36, INTENT = 80, OUTCOME = 81, REFUSED = 82 };
enum { ERASED = 83, ROOM_GUARD = 1, ROOM_VAULT = 4, VERB_LEAK = 2, VERB_WHO_SAW = 3 };
enum { CERTAIN, POSSIBLE, INFERABLE, NOT_OPENED, HOSTS_ALL = 5 };
#define AROUND_US (INT64_C(1800) * 1000000)

typedef struct judging {
    const vevidence_t *e;
    const vshown_t **by_request; /* all that were shown */
    uint8_t *found;              /* for each row of the answer: its class by the records + 1 */
} judging_t;

static slice_t fact(const vshown_t *r, const char *key, buf_t *mem)
{
    vleaf_t leaf = {.value[0x20] = r->facts};
    buf_reset(mem);
    return vleaf_fact(&leaf, key, mem) ? buf_slice(mem) : SLICE_EMPTY;
}

static bool fact_is(const vshown_t *r, const char *key, slice_t want)
{
    uint8_t bytes[256];
    buf_t mem = BUF_ON_ARRAY(bytes);
    return slice_eq(fact(r, key, &mem), want);
}

static int by_request(const void *a, const void *b)
{
    const vshown_t *x = *(const vshown_t *const *)a, *y = *(const vshown_t *const *)b;
    int order = memcmp(&x->request, &y->request, sizeof x->request);
    return order ? order : (x->seq > y->seq) - (x->seq < y->seq);
}

/* The first record of this request. */
static size_t request_first(const judging_t *j, const id128_t *request)
{
    size_t low = 0, high = j->e->shown_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (memcmp(&j->by_request[mid]->request, request, sizeof *request) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

/* ---- was all asked that had to be? ---- */

static bool around(const vask_t *a, int64_t us)
{
    return (a->from_us == INT64_MIN || a->from_us <= us - AROUND_US) &&
           (a->to_us == INT64_MAX || a->to_us > us + AROUND_US);
}

static bool asked_about(const judging_t *j, const vshown_t *intent)
{
    bool own = id_is_zero(intent->request);
    for (size_t i = 0; i < j->e->ask_count; i++) {
        const vask_t *a = &j->e->asks[i];
        if (around(a, intent->time_us) && !a->type && id_is_zero(a->actor) &&
            id_is_zero(a->address) &&
            (own ? id_is_zero(a->request) && id_eq(a->object, intent->object) &&
                       id_eq(a->subject, intent->subject)
                 : id_eq(a->request, intent->request) && id_is_zero(a->object) &&
                       id_is_zero(a->subject))) {
            return true;
        }
    }
    return false;
}

static bool asked_for_intents(const vevidence_t *e)
{
    const vquestion_t *q = &e->question;
    for (size_t i = 0; i < e->ask_count; i++) {
        const vask_t *a = &e->asks[i];
        if (a->type == INTENT && a->from_us == q->from_us && a->to_us == q->to_us &&
            id_eq(a->request, q->request) && id_eq(a->subject, q->subject) &&
            id_eq(a->actor, q->actor) && id_is_zero(a->object) && id_is_zero(a->address)) {
            return true;
        }
    }
    return false;
}

static bool asked_for_type(const vevidence_t *e, unsigned type, int64_t to_us)
{
    for (size_t i = 0; i < e->ask_count; i++) {
        const vask_t *a = &e->asks[i];
        if (a->type == type && a->from_us == INT64_MIN && a->to_us >= to_us &&
            id_is_zero(a->request) && id_is_zero(a->subject) && id_is_zero(a->actor) &&
            id_is_zero(a->object) && id_is_zero(a->address)) {
            return true;
        }
    }
    return false;
}

/* ---- what the records give ---- */

static bool same_reveal(const vshown_t *intent, const vshown_t *r)
{
    uint8_t bytes[2][256];
    buf_t a = BUF_ON_ARRAY(bytes[0]), b = BUF_ON_ARRAY(bytes[1]);
    slice_t x = fact(intent, "reveal", &a), y = fact(r, "reveal", &b);
    return r->room == ROOM_VAULT && x.len && slice_eq(x, y);
}

typedef struct event {
    const vshown_t *outcome, *http;
    bool refused;
} event_t;

static event_t event_of(const judging_t *j, const vshown_t *intent)
{
    event_t ev = {0};
    size_t n = j->e->shown_count;
    for (size_t i = request_first(j, &intent->request);
         i < n && id_eq(j->by_request[i]->request, intent->request); i++) {
        const vshown_t *r = j->by_request[i];
        if (r->type == HTTP && r->room == ROOM_GUARD && !id_is_zero(r->request)) {
            ev.http = r;
        } else if (r->type == OUTCOME && same_reveal(intent, r) &&
                   id_eq(r->subject, intent->subject)) {
            ev.outcome = r;
        } else if (r->type == REFUSED && same_reveal(intent, r)) {
            ev.refused = true;
        }
    }
    return ev;
}

static unsigned class_of(const vshown_t *intent, const event_t *ev)
{
    uint8_t bytes[64];
    buf_t mem = BUF_ON_ARRAY(bytes);
    if (!ev->outcome) {
        return ev->refused ? NOT_OPENED : POSSIBLE;
    }
    if (!fact_is(ev->outcome, "delivered", SLICE("1"))) {
        return POSSIBLE;
    }
    if (!ev->http) {
        return id_is_zero(intent->request) ? CERTAIN : POSSIBLE;
    }
    slice_t status = fact(ev->http, "s", &mem);
    bool success = status.len == 3 && status.ptr[0] == '2';
    return success && !fact_is(ev->http, "m", SLICE("HEAD")) ? CERTAIN : POSSIBLE;
}

static bool wanted(const vquestion_t *q, const vshown_t *intent, const event_t *ev)
{
    if (id_is_zero(q->address) && !q->session.len) {
        return true;
    }
    if (id_is_zero(intent->request)) {
        return false;
    }
    return !ev->http || ((id_is_zero(q->address) || id_eq(ev->http->address, q->address)) &&
                         (!q->session.len || fact_is(ev->http, "ses", q->session)));
}

static int subject_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(id128_t)); /* subject stands first in its row */
}

static vsubject_t *row_of(const judging_t *j, const id128_t *subject)
{
    vsubject_t key = {.subject = *subject};
    return j->e->answer_count ? bsearch(&key, j->e->answer, j->e->answer_count,
                                        sizeof *j->e->answer, subject_order)
                              : NULL;
}

/* The strongest class counts. False: the answer does not know the person at all. */
static bool found(judging_t *j, const id128_t *subject, unsigned class_)
{
    const vsubject_t *row = row_of(j, subject);
    if (!row) {
        return class_ == NOT_OPENED;
    }
    uint8_t *is = &j->found[row - j->e->answer];
    *is = *is && *is <= class_ + 1 ? *is : (uint8_t)(class_ + 1);
    return true;
}

static err_t events_judge(judging_t *j, const char **ret_what)
{
    const vquestion_t *q = &j->e->question;
    vask_t intents = {q->from_us, q->to_us, INTENT, q->request, q->subject, {{0}}, q->actor, {{0}}};
    for (size_t i = 0; i < j->e->shown_count; i++) {
        const vshown_t *r = &j->e->shown[i];
        if (r->room != ROOM_VAULT || !vask_fits(&intents, r)) {
            continue;
        }
        *ret_what = "what became of a reveal was not asked";
        ENSURE(asked_about(j, r), ERR_NOT_FOUND);
        event_t ev = event_of(j, r);
        *ret_what = "the answer leaves out a customer";
        ENSURE(!wanted(q, r, &ev) || found(j, &r->subject, class_of(r, &ev)), ERR_CORRUPT);
    }
    return OK;
}

static bool erased_before(const vevidence_t *e, const id128_t *subject, int64_t us)
{
    for (size_t i = 0; i < e->shown_count; i++) {
        const vshown_t *r = &e->shown[i];
        if (r->type == ERASED && r->room == ROOM_VAULT && r->time_us < us &&
            id_eq(r->subject, *subject) && fact_is(r, "step", SLICE("done"))) {
            return true;
        }
    }
    return false;
}

/* A host that opens everything: everybody whom the record names must be in the answer. */
static err_t exposures_judge(judging_t *j, const char **ret_what)
{
    static const unsigned NAMING[] = {CONSENT, INTENT, REFUSED};
    const vevidence_t *e = j->e;
    for (unsigned x = 0; x < e->question.exposure_count; x++) {
        int64_t to_us = e->question.exposures[x].to_us;
        bool other =
            to_us < e->question.from_us || e->question.exposures[x].from_us > e->question.to_us;
        if (e->question.exposures[x].host >= HOSTS_ALL || other) {
            continue;
        }
        for (size_t t = 0; t < BASE_COUNT(NAMING); t++) {
            *ret_what = "who is known to the record was not asked";
            ENSURE(asked_for_type(e, NAMING[t], to_us), ERR_NOT_FOUND);
        }
        for (size_t i = 0; i < e->shown_count; i++) {
            const vshown_t *r = &e->shown[i];
            bool names = r->type == CONSENT || r->type == INTENT || r->type == REFUSED;
            *ret_what = "the answer leaves out a customer whom the compromised host could open";
            ENSURE(!names || id_is_zero(r->subject) || r->time_us >= to_us ||
                       row_of(j, &r->subject) ||
                       erased_before(e, &r->subject, e->question.exposures[x].from_us),
                   ERR_CORRUPT);
        }
    }
    return OK;
}

/* Nobody is called certain, or possible, without a record that says so. */
static err_t answer_judge(judging_t *j, const char **ret_what)
{
    bool exposed = j->e->question.exposure_count > 0;
    for (size_t i = 0; i < j->e->answer_count; i++) {
        unsigned says = j->e->answer[i].class_, is = j->found[i] ? j->found[i] - 1U : INFERABLE;
        is = is == NOT_OPENED ? INFERABLE : is;
        says = says == NOT_OPENED ? INFERABLE : says;
        *ret_what = "the answer says of a customer what the records do not give";
        ENSURE(says == is || (exposed && says == POSSIBLE && is == INFERABLE), ERR_CORRUPT);
    }
    return OK;
}

static err_t judge(judging_t *j, const char **ret_what)
{
    for (size_t i = 0; i < j->e->shown_count; i++) {
        j->by_request[i] = &j->e->shown[i];
    }
    if (j->e->shown_count) {
        qsort(j->by_request, j->e->shown_count, sizeof *j->by_request, by_request);
    }
    if (j->e->answer_count) {
        qsort(j->e->answer, j->e->answer_count, sizeof *j->e->answer, subject_order);
    }
    for (size_t i = 1; i < j->e->answer_count; i++) {
        *ret_what = "the answer names a customer twice";
        ENSURE(!id_eq(j->e->answer[i].subject, j->e->answer[i - 1].subject), ERR_CORRUPT);
    }
    *ret_what = "the question itself was not put to the record";
    ENSURE(asked_for_intents(j->e), ERR_NOT_FOUND);
    TRY(events_judge(j, ret_what));
    TRY(exposures_judge(j, ret_what));
    return answer_judge(j, ret_what);
}

err_t vevidence_judge(const vevidence_t *e, const char **ret_what)
{
    if (e->question.verb != VERB_LEAK && e->question.verb != VERB_WHO_SAW) {
        return OK;
    }
    judging_t j = {.e = e};
    j.by_request = calloc(e->shown_count + 1, sizeof *j.by_request);
    j.found = calloc(e->answer_count + 1, 1);
    *ret_what = "out of memory";
    err_t failure = j.by_request && j.found ? judge(&j, ret_what) : FAIL(ERR_MEMORY);
    free(j.by_request);
    free(j.found);
    return failure;
}
