/* Whose data left: the people of the reveals (leak_events.c), those whom the same requests and
 * bookings tell something of, and those whom a compromised host could open or saw pass. */
#include "boundary.h"
#include "leaking.h"

enum { OBJECTS_MAX = 5000 /* whose people are looked up to find the inferable ones */ };
/* Records of what passed through a room are queued; they stand this much later at most. */
#define QUEUED_US (INT64_C(60) * 1000000)

/* ---- lists of ids ---- */

static int id_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(id128_t));
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
    TRY(leaking_id(k, &k->requests, ask->request));
    if (!id_is_zero(ask->actor)) {
        query_ask_t by_actor = {.from_us = ask->from_us, .to_us = ask->to_us, .actor = ask->actor};
        TRY(query_find(k->q, &by_actor, &list, &n));
        for (size_t i = 0; i < n; i++) {
            TRY(leaking_id(k, &k->requests, list[i]->request));
        }
    }
    if (id_is_zero(ask->address) && !ask->session[0]) {
        return OK;
    }
    query_ask_t http = {.from_us = ask->from_us,
                        .to_us = leaking_after(ask->to_us, LEAKING_SLACK_US),
                        .type = LEAKING_HTTP,
                        .address = ask->address};
    TRY(query_find(k->q, &http, &list, &n));
    for (size_t i = 0; i < n; i++) {
        if (!ask->session[0] || leaking_fact_is(list[i], "ses", slice_cstr_in(ask->session))) {
            TRY(leaking_id(k, &k->requests, list[i]->request));
        }
    }
    return OK;
}

static err_t inferable_by_requests(leaking_t *k)
{
    for (size_t i = 0; i < k->requests.count; i++) {
        const query_record_t **list;
        size_t n;
        query_ask_t ask = {.from_us = leaking_before(k->ask->from_us, LEAKING_SLACK_US),
                           .to_us = leaking_after(k->ask->to_us, LEAKING_SLACK_US),
                           .request = k->requests.ids[i]};
        TRY(query_find(k->q, &ask, &list, &n));
        for (size_t r = 0; r < n; r++) {
            TRY(inferable_add(k, list[r], LEAK_SAME_REQUEST));
            TRY(leaking_id(k, &k->objects, list[r]->object));
            TRY(leaking_id(k, &k->objects, list[r]->parent));
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
        TRY(subjects ? leaking_id(k, subjects, list[i]->subject) : OK);
        TRY(objects ? leaking_id(k, objects, list[i]->object) : OK);
    }
    return OK;
}

/* Those whose keys were destroyed before: the vault says "done" when they are gone; "intent" alone
 * is a promise. */
static err_t erased_find(leaking_t *k, int64_t before_us, id_list_t *erased)
{
    const query_record_t **list;
    size_t n;
    query_ask_t ask = {.from_us = INT64_MIN, .to_us = before_us, .type = LEAKING_ERASED};
    TRY(query_find(k->q, &ask, &list, &n));
    for (size_t i = 0; i < n; i++) {
        if (list[i]->room == LEAKING_VAULT && leaking_fact_is(list[i], "step", SLICE("done"))) {
            TRY(leaking_id(k, erased, list[i]->subject));
        }
    }
    return OK;
}

/* All people whom the record names, and all bookings that have travellers. */
static err_t known_find(leaking_t *k, int64_t to_us, int64_t erased_before_us, known_t *ret)
{
    static const unsigned NAMING[] = {LEAKING_TRAVELLERS, LEAKING_CONSENT, LEAKING_ACCOUNT,
                                      LEAKING_INTENT, LEAKING_REFUSED};
    *ret = (known_t){0};
    for (size_t i = 0; i < BASE_COUNT(NAMING); i++) {
        TRY(known_of_type(k, NAMING[i], to_us, &ret->subjects, NULL));
    }
    TRY(erased_find(k, erased_before_us, &ret->erased));
    TRY(known_of_type(k, LEAKING_TRAVELLERS, to_us, NULL, &ret->bookings));
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

static err_t expose_found(leaking_t *k, const query_ask_t *ask)
{
    const query_record_t **list;
    size_t n;
    TRY(query_find(k->q, ask, &list, &n));
    for (size_t i = 0; i < n; i++) {
        TRY(subject_add(k, &(leak_subject_t){list[i]->subject, LEAK_POSSIBLE, LEAK_HOST,
                                             list[i]->time_us, list[i]->time_us, 0}));
    }
    return OK;
}

/* A room that asks the vault opens nothing by itself: what it was given are events, each on record
 * before it was given. Beside them it saw what people typed then. */
static err_t expose_typed(leaking_t *k, const leak_exposure_t *x)
{
    static const unsigned TYPED[] = {LEAKING_TRAVELLERS, LEAKING_ACCOUNT, LEAKING_LOGIN};
    query_ask_t ask = {.from_us = 0};
    if (!leaking_overlap(k->ask, x, &ask.from_us, &ask.to_us)) {
        return OK;
    }
    ask.to_us = leaking_after(ask.to_us, QUEUED_US);
    ask.subject = k->ask->subject;
    for (size_t i = 0; i < BASE_COUNT(TYPED); i++) {
        ask.type = TYPED[i];
        TRY(expose_found(k, &ask));
    }
    return OK;
}

/* Everybody of whom something happened then. */
static err_t expose_passing(leaking_t *k, const leak_exposure_t *x)
{
    return expose_found(k, &(query_ask_t){.from_us = x->from_us,
                                          .to_us = leaking_after(x->to_us, LEAKING_SLACK_US)});
}

static err_t expose_one(leaking_t *k, boundaries_t *b, const leak_exposure_t *x)
{
    boundary_t row = {
        .kind = BOUNDARY_EXPOSURE, .host = x->host, .from_us = x->from_us, .to_us = x->to_us};
    if (leak_host_opens_all(x->host)) {
        /* Keys that were copied stay copied: it concerns every time after, too. */
        if (x->from_us > k->ask->to_us) {
            return OK;
        }
        TRY(boundary_keep(b, &row));
        return expose_all(k, x);
    }
    if (x->to_us < k->ask->from_us || x->from_us > k->ask->to_us) {
        return OK; /* another time than the one asked for */
    }
    TRY(boundary_add(b, &row));
    return leak_host_asks(x->host) ? expose_typed(k, x) : expose_passing(k, x);
}

static err_t expose(leaking_t *k, boundaries_t *b)
{
    for (size_t i = 0; i < k->ask->exposure_count; i++) {
        TRY(expose_one(k, b, &k->ask->exposures[i]));
    }
    return OK;
}

err_t query_leak(query_t *q, const leak_ask_t *ask, leak_t *ret_leak)
{
    leaking_t k = {.q = q, .ask = ask, .leak = ret_leak};
    boundaries_t b = {.q = q, .from_us = ask->from_us, .to_us = ask->to_us};
    known_t known;
    *ret_leak = (leak_t){0};
    TRY(leaking_events(&k));
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
