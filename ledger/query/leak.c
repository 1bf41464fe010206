/* Whose data left: intents of the time asked for, each with its outcome and its request. */
#include "boundary.h"

enum {
    TYPE_HTTP = 16,
    TYPE_TRAVELLERS = 35,
    TYPE_CONSENT = 36,
    TYPE_INTENT = 80,
    TYPE_OUTCOME = 81,
    TYPE_REFUSED = 82,
    TYPE_ERASED = 83,
    FACT_BYTES = 128,
    ROOM_OF_GUARD = 1, /* io/room.h */
    ROOM_OF_VAULT = 4,
    OBJECTS_MAX = 5000, /* whose people are looked up to find the inferable ones */
};
/* A request's other records stand within this time of its intent; what is not found there counts as
 * unknown, which is never "not released". */
#define SLACK_US (INT64_C(3600) * 1000000)

typedef struct id_list {
    id128_t *ids;
    size_t count, cap;
} id_list_t;

typedef struct leaking {
    query_t *q;
    const leak_ask_t *ask;
    leak_t *leak;
    size_t event_cap, subject_cap;
    id_list_t requests, objects; /* of events that count; requests also of the address asked for */
} leaking_t;

/* ---- lists of ids ---- */

static int id_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(id128_t));
}

/* Duplicates are taken out by ids_sort. */
static err_t ids_add(leaking_t *k, id_list_t *list, id128_t id)
{
    if (id_is_zero(id)) {
        return OK;
    }
    if (list->count == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 256;
        id128_t *more = ARENA_ARRAY(&k->q->arena, id128_t, cap);
        ENSURE(more, ERR_MEMORY);
        if (list->count) {
            memcpy(more, list->ids, list->count * sizeof *more);
        }
        list->ids = more;
        list->cap = cap;
    }
    list->ids[list->count++] = id;
    return OK;
}

static void ids_sort(id_list_t *list)
{
    size_t kept = 0;
    if (!list->count) {
        return;
    }
    qsort(list->ids, list->count, sizeof *list->ids, id_order);
    for (size_t i = 0; i < list->count; i++) {
        if (!kept || !id_eq(list->ids[i], list->ids[kept - 1])) {
            list->ids[kept++] = list->ids[i];
        }
    }
    list->count = kept;
}

/* ---- events ---- */

static slice_t fact(const query_record_t *r, const char *key, uint8_t mem[FACT_BYTES])
{
    buf_t b = buf_on(mem, FACT_BYTES);
    return query_fact(r, key, &b) ? buf_slice(&b) : SLICE_EMPTY;
}

static bool fact_is(const query_record_t *r, const char *key, slice_t want)
{
    uint8_t mem[FACT_BYTES];
    return slice_eq(fact(r, key, mem), want);
}

/* Both tell of the same reveal of the same person. Only what the vault says of itself counts: any
 * room may add records, one that was taken over would like to say "refused". */
static bool same_reveal(const query_record_t *a, const query_record_t *b)
{
    uint8_t mem[2][FACT_BYTES];
    slice_t x = fact(a, "reveal", mem[0]), y = fact(b, "reveal", mem[1]);
    return b->room == ROOM_OF_VAULT && x.len && slice_eq(x, y) &&
           (id_eq(a->subject, b->subject) || b->type == TYPE_REFUSED);
}

static int64_t minus_slack(int64_t us)
{
    return us < INT64_MIN + SLACK_US ? INT64_MIN : us - SLACK_US;
}

static int64_t plus_slack(int64_t us)
{
    return us > INT64_MAX - SLACK_US ? INT64_MAX : us + SLACK_US;
}

/* The other records of the intent's reveal and request. An intent that no request caused has its
 * outcome near it, about the same object. */
static err_t companions(leaking_t *k, const query_record_t *intent, const query_record_t ***ret,
                        size_t *ret_n)
{
    query_ask_t ask = {.from_us = minus_slack(intent->time_us),
                       .to_us = plus_slack(intent->time_us)};
    if (!id_is_zero(intent->request)) {
        ask.request = intent->request;
    } else {
        ask.object = intent->object;
        ask.subject = intent->subject;
    }
    return query_find(k->q, &ask, ret, ret_n);
}

static void event_complete(leak_event_t *e, const query_record_t **list, size_t n,
                           bool *ret_refused)
{
    *ret_refused = false;
    for (size_t i = 0; i < n; i++) {
        const query_record_t *r = list[i];
        if (r->type == TYPE_HTTP && r->room == ROOM_OF_GUARD && !id_is_zero(e->intent->request)) {
            e->http = r;
        } else if (r->type == TYPE_OUTCOME && same_reveal(e->intent, r)) {
            e->outcome = r;
        } else if (r->type == TYPE_REFUSED && same_reveal(e->intent, r)) {
            *ret_refused = true;
        }
    }
}

/* A success that has a body. */
static bool answered_well(const query_record_t *http)
{
    uint8_t mem[FACT_BYTES];
    slice_t status = fact(http, "s", mem);
    return status.len == 3 && status.ptr[0] == '2' && !fact_is(http, "m", SLICE("HEAD"));
}

static void event_judge(leak_event_t *e, bool refused)
{
    e->class_ = LEAK_POSSIBLE;
    if (e->outcome && !fact_is(e->outcome, "delivered", SLICE("1"))) {
        e->why = LEAK_NOT_DELIVERED;
    } else if (!e->outcome && refused) {
        e->class_ = LEAK_REFUSED;
        e->why = LEAK_WAS_REFUSED;
    } else if (!e->outcome) {
        e->why = LEAK_NO_OUTCOME;
    } else if (!id_is_zero(e->intent->request) && !e->http) {
        e->why = LEAK_ANSWER_UNKNOWN;
    } else if (e->http && !answered_well(e->http)) {
        e->why = LEAK_ANSWER_ERROR;
    } else {
        e->class_ = LEAK_CERTAIN;
        e->why = LEAK_DELIVERED;
    }
}

/* Is it one of those asked for? What cannot be said counts as yes, but not as certain. */
static bool event_wanted(const leak_ask_t *ask, leak_event_t *e)
{
    if (id_is_zero(ask->address) && !ask->session[0]) {
        return true;
    }
    if (id_is_zero(e->intent->request)) {
        return false; /* a room's own work has neither */
    }
    if (!e->http) {
        return true;
    }
    return (id_is_zero(ask->address) || id_eq(e->http->address, ask->address)) &&
           (!ask->session[0] || fact_is(e->http, "ses", slice_cstr_in(ask->session)));
}

static err_t event_add(leaking_t *k, const leak_event_t *e)
{
    leak_t *leak = k->leak;
    if (leak->event_count == k->event_cap) {
        size_t cap = k->event_cap ? 2 * k->event_cap : 256;
        leak_event_t *more = ARENA_ARRAY(&k->q->arena, leak_event_t, cap);
        ENSURE(more, ERR_MEMORY);
        if (leak->event_count) {
            memcpy(more, leak->events, leak->event_count * sizeof *more);
        }
        leak->events = more;
        k->event_cap = cap;
    }
    leak->events[leak->event_count++] = *e;
    TRY(ids_add(k, &k->requests, e->intent->request));
    TRY(ids_add(k, &k->objects, e->intent->object));
    return ids_add(k, &k->objects, e->intent->parent);
}

static int by_request(const void *a, const void *b)
{
    const query_record_t *x = *(const query_record_t *const *)a,
                         *y = *(const query_record_t *const *)b;
    int order = memcmp(&x->request, &y->request, sizeof x->request);
    return order ? order : (x->seq > y->seq) - (x->seq < y->seq);
}

static int by_seq(const void *a, const void *b)
{
    const leak_event_t *x = a, *y = b;
    return (x->intent->seq > y->intent->seq) - (x->intent->seq < y->intent->seq);
}

/* Intents of one request share what is found about it. */
static err_t events_find(leaking_t *k)
{
    const leak_ask_t *ask = k->ask;
    query_ask_t intents = {.from_us = ask->from_us,
                           .to_us = ask->to_us,
                           .type = TYPE_INTENT,
                           .request = ask->request,
                           .subject = ask->subject,
                           .actor = ask->actor};
    const query_record_t **list, **found = NULL;
    size_t n, found_n = 0;
    TRY(query_find(k->q, &intents, &list, &n));
    if (n) {
        qsort(list, n, sizeof *list, by_request);
    }
    for (size_t i = 0; i < n; i++) {
        leak_event_t e = {.intent = list[i]};
        bool refused, again = i && !id_is_zero(list[i]->request) &&
                              id_eq(list[i]->request, list[i - 1]->request) &&
                              list[i]->time_us - list[i - 1]->time_us < SLACK_US / 2;
        if (!again) {
            TRY(companions(k, list[i], &found, &found_n));
        }
        event_complete(&e, found, found_n, &refused);
        event_judge(&e, refused);
        if (list[i]->room == ROOM_OF_VAULT && event_wanted(ask, &e)) {
            TRY(event_add(k, &e));
        }
    }
    if (k->leak->event_count) {
        qsort(k->leak->events, k->leak->event_count, sizeof *k->leak->events, by_seq);
    }
    return OK;
}

/* ---- subjects ---- */

static err_t subject_add(leaking_t *k, const leak_subject_t *s)
{
    leak_t *leak = k->leak;
    if (id_is_zero(s->subject)) {
        return OK;
    }
    if (leak->subject_count == k->subject_cap) {
        size_t cap = k->subject_cap ? 2 * k->subject_cap : 256;
        leak_subject_t *more = ARENA_ARRAY(&k->q->arena, leak_subject_t, cap);
        ENSURE(more, ERR_MEMORY);
        if (leak->subject_count) {
            memcpy(more, leak->subjects, leak->subject_count * sizeof *more);
        }
        leak->subjects = more;
        k->subject_cap = cap;
    }
    leak->subjects[leak->subject_count++] = *s;
    return OK;
}

static int by_subject(const void *a, const void *b)
{
    const leak_subject_t *x = a, *y = b;
    int order = memcmp(&x->subject, &y->subject, sizeof x->subject);
    return order ? order : (x->class_ > y->class_) - (x->class_ < y->class_);
}

static int by_class(const void *a, const void *b)
{
    const leak_subject_t *x = a, *y = b;
    return x->class_ != y->class_ ? (x->class_ > y->class_) - (x->class_ < y->class_)
                                  : by_subject(a, b);
}

/* One row a person, with the strongest class. */
static void subjects_join(leak_t *leak)
{
    size_t kept = 0;
    if (!leak->subject_count) {
        return;
    }
    qsort(leak->subjects, leak->subject_count, sizeof *leak->subjects, by_subject);
    for (size_t i = 0; i < leak->subject_count; i++) {
        leak_subject_t *s = &leak->subjects[i], *last = kept ? &leak->subjects[kept - 1] : NULL;
        if (!last || !id_eq(last->subject, s->subject)) {
            leak->subjects[kept++] = *s;
        } else {
            last->first_us = s->first_us < last->first_us ? s->first_us : last->first_us;
            last->last_us = s->last_us > last->last_us ? s->last_us : last->last_us;
            last->events += s->events;
        }
    }
    leak->subject_count = kept;
    qsort(leak->subjects, kept, sizeof *leak->subjects, by_class);
    for (size_t i = 0; i < kept; i++) {
        leak->count[leak->subjects[i].class_]++;
    }
}

static err_t subjects_of_events(leaking_t *k)
{
    for (size_t i = 0; i < k->leak->event_count; i++) {
        const leak_event_t *e = &k->leak->events[i];
        TRY(subject_add(k, &(leak_subject_t){e->intent->subject, e->class_, e->why,
                                             e->intent->time_us, e->intent->time_us, 1}));
    }
    return OK;
}

static err_t inferable_add(leaking_t *k, const query_record_t *r, leak_why_t why)
{
    return subject_add(
        k, &(leak_subject_t){r->subject, LEAK_INFERABLE, why, r->time_us, r->time_us, 0});
}

/* All requests of the address or session asked for, whether they revealed anything or not. */
static err_t requests_of_thief(leaking_t *k)
{
    const leak_ask_t *ask = k->ask;
    const query_record_t **list;
    size_t n;
    TRY(ids_add(k, &k->requests, ask->request));
    if (!id_is_zero(ask->actor)) {
        query_ask_t by_actor = {.from_us = ask->from_us, .to_us = ask->to_us, .actor = ask->actor};
        TRY(query_find(k->q, &by_actor, &list, &n));
        for (size_t i = 0; i < n; i++) {
            TRY(ids_add(k, &k->requests, list[i]->request));
        }
    }
    if (id_is_zero(ask->address) && !ask->session[0]) {
        return OK;
    }
    query_ask_t http = {.from_us = ask->from_us,
                        .to_us = plus_slack(ask->to_us),
                        .type = TYPE_HTTP,
                        .address = ask->address};
    TRY(query_find(k->q, &http, &list, &n));
    for (size_t i = 0; i < n; i++) {
        if (!ask->session[0] || fact_is(list[i], "ses", slice_cstr_in(ask->session))) {
            TRY(ids_add(k, &k->requests, list[i]->request));
        }
    }
    return OK;
}

static err_t inferable_by_requests(leaking_t *k)
{
    for (size_t i = 0; i < k->requests.count; i++) {
        const query_record_t **list;
        size_t n;
        query_ask_t ask = {.from_us = minus_slack(k->ask->from_us),
                           .to_us = plus_slack(k->ask->to_us),
                           .request = k->requests.ids[i]};
        TRY(query_find(k->q, &ask, &list, &n));
        for (size_t r = 0; r < n; r++) {
            TRY(inferable_add(k, list[r], LEAK_SAME_REQUEST));
            TRY(ids_add(k, &k->objects, list[r]->object));
            TRY(ids_add(k, &k->objects, list[r]->parent));
        }
    }
    return OK;
}

static err_t inferable_by_objects(leaking_t *k)
{
    for (size_t i = 0; i < k->objects.count; i++) {
        const query_record_t **list;
        size_t n;
        if (i == OBJECTS_MAX) {
            k->leak->cut = true;
            return OK;
        }
        query_ask_t ask = {
            .from_us = INT64_MIN, .to_us = k->ask->to_us, .object = k->objects.ids[i]};
        TRY(query_find(k->q, &ask, &list, &n));
        for (size_t r = 0; r < n; r++) {
            TRY(inferable_add(k, list[r], LEAK_SAME_OBJECT));
        }
    }
    return OK;
}

static err_t inferable_find(leaking_t *k)
{
    TRY(requests_of_thief(k));
    ids_sort(&k->requests);
    TRY(inferable_by_requests(k));
    ids_sort(&k->objects);
    return inferable_by_objects(k);
}

/* ---- what the house knows of, and exposures ---- */

typedef struct known {
    id_list_t subjects, erased, bookings;
} known_t;

static err_t known_of_type(leaking_t *k, unsigned type, int64_t to_us, id_list_t *subjects,
                           id_list_t *objects)
{
    const query_record_t **list;
    size_t n;
    TRY(query_find(k->q, &(query_ask_t){.from_us = INT64_MIN, .to_us = to_us, .type = type}, &list,
                   &n));
    for (size_t i = 0; i < n; i++) {
        TRY(subjects ? ids_add(k, subjects, list[i]->subject) : OK);
        TRY(objects ? ids_add(k, objects, list[i]->object) : OK);
    }
    return OK;
}

/* Those whose keys were destroyed before: the vault says "done" when they are gone; "intent" alone
 * is a promise. */
static err_t erased_find(leaking_t *k, int64_t before_us, id_list_t *erased)
{
    const query_record_t **list;
    size_t n;
    query_ask_t ask = {.from_us = INT64_MIN, .to_us = before_us, .type = TYPE_ERASED};
    TRY(query_find(k->q, &ask, &list, &n));
    for (size_t i = 0; i < n; i++) {
        if (list[i]->room == ROOM_OF_VAULT && fact_is(list[i], "step", SLICE("done"))) {
            TRY(ids_add(k, erased, list[i]->subject));
        }
    }
    return OK;
}

/* All people whom the record names, and all bookings that have travellers. */
static err_t known_find(leaking_t *k, int64_t to_us, int64_t erased_before_us, known_t *ret)
{
    static const unsigned NAMING[] = {TYPE_CONSENT, TYPE_INTENT, TYPE_REFUSED};
    *ret = (known_t){0};
    for (size_t i = 0; i < BASE_COUNT(NAMING); i++) {
        TRY(known_of_type(k, NAMING[i], to_us, &ret->subjects, NULL));
    }
    TRY(erased_find(k, erased_before_us, &ret->erased));
    TRY(known_of_type(k, TYPE_TRAVELLERS, to_us, NULL, &ret->bookings));
    ids_sort(&ret->subjects);
    ids_sort(&ret->erased);
    ids_sort(&ret->bookings);
    return OK;
}

static bool ids_have(const id_list_t *list, const id128_t *id)
{
    return list->count && bsearch(id, list->ids, list->count, sizeof *id, id_order);
}

/* Everybody whose data the host could open then. */
static err_t expose_all(leaking_t *k, const leak_exposure_t *x)
{
    known_t known;
    TRY(known_find(k, x->to_us, x->from_us, &known));
    for (size_t i = 0; i < known.subjects.count; i++) {
        if (!ids_have(&known.erased, &known.subjects.ids[i])) {
            TRY(subject_add(k, &(leak_subject_t){known.subjects.ids[i], LEAK_POSSIBLE, LEAK_HOST,
                                                 x->from_us, x->to_us, 0}));
        }
    }
    k->leak->all = true;
    return OK;
}

/* Everybody of whom something happened then. */
static err_t expose_passing(leaking_t *k, const leak_exposure_t *x)
{
    const query_record_t **list;
    size_t n;
    TRY(query_find(k->q, &(query_ask_t){.from_us = x->from_us, .to_us = plus_slack(x->to_us)},
                   &list, &n));
    for (size_t i = 0; i < n; i++) {
        TRY(subject_add(k, &(leak_subject_t){list[i]->subject, LEAK_POSSIBLE, LEAK_HOST,
                                             list[i]->time_us, list[i]->time_us, 0}));
    }
    return OK;
}

static err_t expose(leaking_t *k, boundaries_t *b)
{
    for (size_t i = 0; i < k->ask->exposure_count; i++) {
        const leak_exposure_t *x = &k->ask->exposures[i];
        if (x->to_us < k->ask->from_us || x->from_us > k->ask->to_us) {
            continue; /* another time than the one asked for */
        }
        TRY(boundary_add(b, &(boundary_t){.kind = BOUNDARY_EXPOSURE,
                                          .host = x->host,
                                          .from_us = x->from_us,
                                          .to_us = x->to_us}));
        TRY(leak_host_opens_all(x->host) ? expose_all(k, x) : expose_passing(k, x));
    }
    return OK;
}

err_t query_leak(query_t *q, const leak_ask_t *ask, leak_t *ret_leak)
{
    leaking_t k = {.q = q, .ask = ask, .leak = ret_leak};
    boundaries_t b = {.q = q, .from_us = ask->from_us, .to_us = ask->to_us};
    known_t known;
    *ret_leak = (leak_t){0};
    TRY(events_find(&k));
    TRY(subjects_of_events(&k));
    TRY(inferable_find(&k));
    TRY(expose(&k, &b));
    subjects_join(ret_leak);
    TRY(boundary_make(&b));
    TRY(known_find(&k, ask->to_us, INT64_MIN, &known));
    ret_leak->boundary = b.rows;
    ret_leak->boundary_count = b.count;
    ret_leak->known_subjects = known.subjects.count;
    ret_leak->known_bookings = known.bookings.count;
    return OK;
}
