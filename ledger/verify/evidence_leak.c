/* Is the answer to "whose data left" what the records give? By FORMAT.md 10's rules, not by the
 * code that made the answer. */
#include "evidence.h"

enum { HTTP = 16, TRAVELLERS = 35, CONSENT = 36, ACCOUNT = 48, LOGIN = 49 };
enum { INTENT = 80, OUTCOME = 81, REFUSED = 82, ERASED = 83 };
enum { ROOM_GUARD = 1, ROOM_VAULT = 4, VERB_LEAK = 2, VERB_WHO_SAW = 3 };
enum { CERTAIN, POSSIBLE, INFERABLE, NOT_OPENED };
enum { HOST_SHOP = 2, HOST_OFFICE = 3, HOST_LEDGER = 4, REVEAL = 48 };
#define AROUND_US (INT64_C(1800) * 1000000)

/* A record that was shown, as one looks for it: by request, then what the guard said of that, then
 * what the vault said, by reveal, then all else. A hostile room can write many records under one
 * request; none of its makes finding another's slow. */
typedef struct vorder {
    const vshown_t *shown;
    uint8_t rank; /* 0 guard's request, 1 what came of a reveal, 2 else */
    uint8_t reveal[REVEAL];
} vorder_t;

typedef struct judging {
    const vevidence_t *e;
    vorder_t *order;     /* all that were shown */
    const vask_t **asks; /* all that were put */
    uint8_t *found;      /* for each row of the answer: its class by the records + 1 */
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

static vorder_t order_make(const vshown_t *r)
{
    uint8_t bytes[256];
    buf_t mem = BUF_ON_ARRAY(bytes);
    vorder_t o = {.shown = r, .rank = 2};
    slice_t reveal = fact(r, "reveal", &mem);
    if (r->type == HTTP && r->room == ROOM_GUARD) {
        o.rank = 0;
    } else if ((r->type == OUTCOME || r->type == REFUSED) && r->room == ROOM_VAULT && reveal.len &&
               reveal.len <= REVEAL) {
        o.rank = 1;
        memcpy(o.reveal, reveal.ptr, reveal.len);
    }
    return o;
}

/* Without the record's number: what is looked for has none. */
static int order_keys(const vorder_t *x, const vorder_t *y)
{
    int order = memcmp(&x->shown->request, &y->shown->request, sizeof x->shown->request);
    order = order ? order : (x->rank > y->rank) - (x->rank < y->rank);
    return order ? order : memcmp(x->reveal, y->reveal, REVEAL);
}

static int order_full(const void *a, const void *b)
{
    const vorder_t *x = a, *y = b;
    int order = order_keys(x, y);
    return order ? order : (x->shown->seq > y->shown->seq) - (x->shown->seq < y->shown->seq);
}

/* The first record that is not before the key. */
static size_t order_first(const judging_t *j, const vorder_t *key)
{
    size_t low = 0, high = j->e->shown_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (order_keys(&j->order[mid], key) < 0) {
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

/* Questions about one reveal, sorted by what they ask for. */
static int ask_order(const void *a, const void *b)
{
    const vask_t *x = *(const vask_t *const *)a, *y = *(const vask_t *const *)b;
    int order = memcmp(&x->request, &y->request, sizeof x->request);
    order = order ? order : memcmp(&x->object, &y->object, sizeof x->object);
    return order ? order : memcmp(&x->subject, &y->subject, sizeof x->subject);
}

static bool asked_about(const judging_t *j, const vshown_t *intent)
{
    bool own = id_is_zero(intent->request);
    vask_t want = {.request = intent->request,
                   .object = own ? intent->object : id_zero(),
                   .subject = own ? intent->subject : id_zero()};
    const vask_t *key = &want;
    size_t low = 0, high = j->e->ask_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (ask_order(&j->asks[mid], &key) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    for (; low < j->e->ask_count && ask_order(&j->asks[low], &key) == 0; low++) {
        const vask_t *a = j->asks[low];
        if (around(a, intent->time_us) && !a->type && id_is_zero(a->actor) &&
            id_is_zero(a->address)) {
            return true;
        }
    }
    return false;
}

/* This type in this time, of these ids and of all else. */
static bool asked_for(const vevidence_t *e, const vask_t *want)
{
    for (size_t i = 0; i < e->ask_count; i++) {
        const vask_t *a = &e->asks[i];
        if (a->type == want->type && a->from_us <= want->from_us && a->to_us >= want->to_us &&
            id_eq(a->request, want->request) && id_eq(a->subject, want->subject) &&
            id_eq(a->actor, want->actor) && id_is_zero(a->object) && id_is_zero(a->address)) {
            return true;
        }
    }
    return false;
}

static bool asked_for_intents(const vevidence_t *e)
{
    const vquestion_t *q = &e->question;
    return asked_for(e, &(vask_t){.from_us = q->from_us,
                                  .to_us = q->to_us,
                                  .type = INTENT,
                                  .request = q->request,
                                  .subject = q->subject,
                                  .actor = q->actor});
}

/* ---- what the records give ---- */

typedef struct event {
    const vshown_t *outcome, *http;
    bool refused, to_host;
} event_t;

static bool room_asks(unsigned host)
{
    return host == HOST_SHOP || host == HOST_OFFICE;
}

static bool within(int64_t us, int64_t from_us, int64_t to_us)
{
    return us >= from_us && (to_us == INT64_MAX || us < to_us);
}

/* Asked for by a room that was a thief's then. */
static bool to_host(const vquestion_t *q, const vshown_t *intent)
{
    for (unsigned i = 0; i < q->exposure_count; i++) {
        unsigned host = q->exposures[i].host;
        if (room_asks(host) &&
            within(intent->time_us, q->exposures[i].from_us, q->exposures[i].to_us) &&
            fact_is(intent, "room", host == HOST_SHOP ? SLICE("shop") : SLICE("office"))) {
            return true;
        }
    }
    return false;
}

static event_t event_of(const judging_t *j, const vshown_t *intent)
{
    event_t ev = {.to_host = to_host(&j->e->question, intent)};
    size_t n = j->e->shown_count;
    vorder_t key = {.shown = intent}, told = {.shown = intent, .rank = 1};
    if (!id_is_zero(intent->request)) {
        for (size_t i = order_first(j, &key); i < n && order_keys(&j->order[i], &key) == 0; i++) {
            ev.http = j->order[i].shown; /* the last one counts */
        }
    }
    uint8_t bytes[256];
    buf_t mem = BUF_ON_ARRAY(bytes);
    slice_t reveal = fact(intent, "reveal", &mem);
    if (!reveal.len || reveal.len > REVEAL) {
        return ev;
    }
    memcpy(told.reveal, reveal.ptr, reveal.len);
    for (size_t i = order_first(j, &told); i < n && order_keys(&j->order[i], &told) == 0; i++) {
        const vshown_t *r = j->order[i].shown;
        if (r->type == REFUSED) {
            ev.refused = true;
        } else if (id_eq(r->subject, intent->subject)) {
            ev.outcome = r;
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
    if (ev->to_host) {
        return CERTAIN;
    }
    if (!ev->http) {
        return id_is_zero(intent->request) ? CERTAIN : POSSIBLE;
    }
    slice_t status = fact(ev->http, "s", &mem);
    bool success = status.len == 3 && status.ptr[0] == '2';
    return success && !fact_is(ev->http, "m", SLICE("HEAD")) ? CERTAIN : POSSIBLE;
}

static bool id_fits(id128_t asked, id128_t is)
{
    return id_is_zero(asked) || id_eq(asked, is);
}

static bool of_process(const vquestion_t *q, const vshown_t *intent)
{
    uint8_t bytes[16];
    buf_t want = BUF_ON_ARRAY(bytes);
    buf_dec(&want, q->process);
    return !q->process || fact_is(intent, "process", buf_slice(&want));
}

static bool wanted(const vquestion_t *q, const vshown_t *intent, const event_t *ev)
{
    if (!of_process(q, intent)) {
        return false;
    }
    if (ev->to_host) {
        return true;
    }
    if (!id_fits(q->request, intent->request) || !id_fits(q->actor, intent->actor)) {
        return false;
    }
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

/* The question's own terms, or a compromised room: what became of such an intent must be known. */
static bool concerns(const vquestion_t *q, const vshown_t *intent)
{
    return of_process(q, intent) && (to_host(q, intent) || (id_fits(q->request, intent->request) &&
                                                            id_fits(q->actor, intent->actor)));
}

static err_t events_judge(judging_t *j, const char **ret_what)
{
    const vquestion_t *q = &j->e->question;
    vask_t intents = {
        .from_us = q->from_us, .to_us = q->to_us, .type = INTENT, .subject = q->subject};
    for (size_t i = 0; i < j->e->shown_count; i++) {
        const vshown_t *r = &j->e->shown[i];
        if (r->room != ROOM_VAULT || !vask_fits(&intents, r) || !concerns(q, r)) {
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

typedef struct exposure {
    unsigned host;
    int64_t from_us, to_us;
} exposure_t;

/* A host that opens everything: everybody whom the record names must be in the answer. */
static err_t open_all_judge(const judging_t *j, const exposure_t *x, const char **ret_what)
{
    static const unsigned NAMING[] = {TRAVELLERS, CONSENT, ACCOUNT, INTENT, REFUSED};
    const vevidence_t *e = j->e;
    for (size_t t = 0; t < BASE_COUNT(NAMING); t++) {
        *ret_what = "who is known to the record was not asked";
        ENSURE(asked_for(e, &(vask_t){.from_us = INT64_MIN, .to_us = x->to_us, .type = NAMING[t]}),
               ERR_NOT_FOUND);
    }
    for (size_t i = 0; i < e->shown_count; i++) {
        const vshown_t *r = &e->shown[i];
        bool names = false;
        for (size_t t = 0; t < BASE_COUNT(NAMING); t++) {
            names = names || r->type == NAMING[t];
        }
        *ret_what = "the answer leaves out a customer whom the compromised host could open";
        ENSURE(!names || id_is_zero(r->subject) || r->time_us >= x->to_us ||
                   row_of(j, &r->subject) || erased_before(e, &r->subject, x->from_us),
               ERR_CORRUPT);
    }
    return OK;
}

/* A room that asks the vault: its intents were asked for (they are judged with all others), and so
 * were those who typed something then. */
static err_t asking_judge(const judging_t *j, const exposure_t *x, const char **ret_what)
{
    static const unsigned TYPED[] = {TRAVELLERS, ACCOUNT, LOGIN};
    const vquestion_t *q = &j->e->question;
    vask_t ask = {.from_us = x->from_us > q->from_us ? x->from_us : q->from_us,
                  .to_us = x->to_us < q->to_us ? x->to_us : q->to_us,
                  .type = INTENT,
                  .subject = q->subject};
    if (ask.from_us >= ask.to_us) {
        return OK;
    }
    *ret_what = "what the compromised room was given was not asked";
    ENSURE(asked_for(j->e, &ask), ERR_NOT_FOUND);
    for (size_t t = 0; t < BASE_COUNT(TYPED); t++) {
        ask.type = TYPED[t];
        *ret_what = "who typed something into the compromised room was not asked";
        ENSURE(asked_for(j->e, &ask), ERR_NOT_FOUND);
        for (size_t i = 0; i < j->e->shown_count; i++) {
            const vshown_t *r = &j->e->shown[i];
            *ret_what = "the answer leaves out a customer who typed into the compromised room";
            ENSURE(!vask_fits(&ask, r) || id_is_zero(r->subject) || row_of(j, &r->subject),
                   ERR_CORRUPT);
        }
    }
    return OK;
}

static err_t exposures_judge(const judging_t *j, const char **ret_what)
{
    const vquestion_t *q = &j->e->question;
    for (unsigned i = 0; i < q->exposure_count; i++) {
        exposure_t x = {q->exposures[i].host, q->exposures[i].from_us, q->exposures[i].to_us};
        if (room_asks(x.host)) {
            TRY(asking_judge(j, &x, ret_what));
        } else if (x.host <= HOST_LEDGER && x.from_us <= q->to_us) {
            TRY(open_all_judge(j, &x, ret_what));
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
        j->order[i] = order_make(&j->e->shown[i]);
    }
    if (j->e->shown_count) {
        qsort(j->order, j->e->shown_count, sizeof *j->order, order_full);
    }
    for (size_t i = 0; i < j->e->ask_count; i++) {
        j->asks[i] = &j->e->asks[i];
    }
    if (j->e->ask_count) {
        qsort(j->asks, j->e->ask_count, sizeof *j->asks, ask_order);
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
    j.order = calloc(e->shown_count + 1, sizeof *j.order);
    j.asks = calloc(e->ask_count + 1, sizeof *j.asks);
    j.found = calloc(e->answer_count + 1, 1);
    *ret_what = "out of memory";
    err_t failure = j.order && j.asks && j.found ? judge(&j, ret_what) : FAIL(ERR_MEMORY);
    free(j.order);
    free(j.asks);
    free(j.found);
    return failure;
}
