/* Which reveals there were: intents of the time asked for, each with its outcome and its request.
 *
 * A room that was taken over chooses what its intents say of request, object and actor. So nothing
 * here may cost more than the records themselves: many reveals under one request (or under none)
 * are looked up together, and an outcome is found among them by its reveal's id. */
#include "leaking.h"

enum { FACT_BYTES = 128, REVEAL_BYTES = 48 };

/* ---- what both files use ---- */

int64_t leaking_before(int64_t us, int64_t by_us)
{
    return us < INT64_MIN + by_us ? INT64_MIN : us - by_us;
}

int64_t leaking_after(int64_t us, int64_t by_us)
{
    return us > INT64_MAX - by_us ? INT64_MAX : us + by_us;
}

err_t leaking_id(leaking_t *k, id_list_t *list, id128_t id)
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

static slice_t fact(const query_record_t *r, const char *key, uint8_t mem[FACT_BYTES])
{
    buf_t b = buf_on(mem, FACT_BYTES);
    return query_fact(r, key, &b) ? buf_slice(&b) : SLICE_EMPTY;
}

bool leaking_fact_is(const query_record_t *r, const char *key, slice_t want)
{
    uint8_t mem[FACT_BYTES];
    return slice_eq(fact(r, key, mem), want);
}

bool leaking_overlap(const leak_ask_t *ask, const leak_exposure_t *x, int64_t *ret_from_us,
                     int64_t *ret_to_us)
{
    *ret_from_us = x->from_us > ask->from_us ? x->from_us : ask->from_us;
    *ret_to_us = x->to_us < ask->to_us ? x->to_us : ask->to_us;
    return *ret_from_us < *ret_to_us;
}

/* ---- which intents ---- */

typedef struct intents {
    const query_record_t **list;
    size_t count, cap;
} intents_t;

static err_t intents_ask(leaking_t *k, intents_t *all, const query_ask_t *ask)
{
    const query_record_t **list;
    size_t n;
    TRY(query_find(k->q, ask, &list, &n));
    if (all->count + n > all->cap) {
        size_t cap = 2 * (all->count + n);
        const query_record_t **more = ARENA_ARRAY(&k->q->arena, const query_record_t *, cap);
        ENSURE(more, ERR_MEMORY);
        if (all->count) {
            memcpy(more, all->list, all->count * sizeof *more);
        }
        all->list = more;
        all->cap = cap;
    }
    if (n) {
        memcpy(all->list + all->count, list, n * sizeof *list);
    }
    all->count += n;
    return OK;
}

/* Those of one request stand together; those that no request caused, by object and subject. */
static int by_cause(const query_record_t *x, const query_record_t *y)
{
    int order = memcmp(&x->request, &y->request, sizeof x->request);
    if (!order && id_is_zero(x->request)) {
        order = memcmp(&x->object, &y->object, sizeof x->object);
        order = order ? order : memcmp(&x->subject, &y->subject, sizeof x->subject);
    }
    return order;
}

static int intent_order(const void *a, const void *b)
{
    const query_record_t *x = *(const query_record_t *const *)a,
                         *y = *(const query_record_t *const *)b;
    int order = by_cause(x, y);
    return order ? order : (x->seq > y->seq) - (x->seq < y->seq);
}

/* All that the question names, and all that a compromised room asked for, whatever it said of
 * them; each once. */
static err_t intents_gather(leaking_t *k, intents_t *all)
{
    const leak_ask_t *ask = k->ask;
    query_ask_t main = {.from_us = ask->from_us,
                        .to_us = ask->to_us,
                        .type = LEAKING_INTENT,
                        .request = ask->request,
                        .subject = ask->subject,
                        .actor = ask->actor};
    size_t kept = 0;
    TRY(intents_ask(k, all, &main));
    for (size_t i = 0; i < ask->exposure_count; i++) {
        query_ask_t of_host = {.type = LEAKING_INTENT, .subject = ask->subject};
        if (leak_host_asks(ask->exposures[i].host) &&
            leaking_overlap(ask, &ask->exposures[i], &of_host.from_us, &of_host.to_us)) {
            TRY(intents_ask(k, all, &of_host));
        }
    }
    if (all->count) {
        qsort(all->list, all->count, sizeof *all->list, intent_order);
    }
    for (size_t i = 0; i < all->count; i++) {
        if (!kept || all->list[i] != all->list[kept - 1]) {
            all->list[kept++] = all->list[i];
        }
    }
    all->count = kept;
    return OK;
}

/* ---- what became of them ---- */

/* What the vault said of a reveal. Only the vault counts: any room may add records, one that was
 * taken over would like to say "refused". */
typedef struct told {
    uint8_t reveal[REVEAL_BYTES];
    const query_record_t *record;
} told_t;

typedef struct group {
    const query_record_t *leader; /* the first of its intents */
    const query_record_t *http;   /* what the guard said of the request */
    told_t *told;                 /* by reveal, then in order */
    size_t told_count, told_cap;
} group_t;

static bool reveal_of(const query_record_t *r, uint8_t out[REVEAL_BYTES])
{
    uint8_t mem[FACT_BYTES];
    slice_t reveal = fact(r, "reveal", mem);
    memset(out, 0, REVEAL_BYTES);
    if (!reveal.len || reveal.len > REVEAL_BYTES) {
        return false;
    }
    memcpy(out, reveal.ptr, reveal.len);
    return true;
}

static int told_order(const void *a, const void *b)
{
    const told_t *x = a, *y = b;
    int order = memcmp(x->reveal, y->reveal, sizeof x->reveal);
    return order ? order : (x->record->seq > y->record->seq) - (x->record->seq < y->record->seq);
}

/* The other records of the leader's request. Intents that no request caused have their outcomes
 * near them, about the same object and person. */
static err_t group_ask(leaking_t *k, const query_record_t *leader, const query_record_t ***ret,
                       size_t *ret_n)
{
    query_ask_t ask = {.from_us = leaking_before(leader->time_us, LEAKING_SLACK_US),
                       .to_us = leaking_after(leader->time_us, LEAKING_SLACK_US)};
    if (!id_is_zero(leader->request)) {
        ask.request = leader->request;
    } else {
        ask.object = leader->object;
        ask.subject = leader->subject;
    }
    return query_find(k->q, &ask, ret, ret_n);
}

static err_t group_find(leaking_t *k, const query_record_t *leader, group_t *g)
{
    const query_record_t **list;
    size_t n;
    TRY(group_ask(k, leader, &list, &n));
    if (n > g->told_cap) {
        g->told = ARENA_ARRAY(&k->q->arena, told_t, 2 * n);
        ENSURE(g->told, ERR_MEMORY);
        g->told_cap = 2 * n;
    }
    g->leader = leader;
    g->http = NULL;
    g->told_count = 0;
    for (size_t i = 0; i < n; i++) {
        const query_record_t *r = list[i];
        told_t *told = &g->told[g->told_count];
        if (r->type == LEAKING_HTTP && r->room == LEAKING_GUARD && !id_is_zero(leader->request)) {
            g->http = r;
        } else if ((r->type == LEAKING_OUTCOME || r->type == LEAKING_REFUSED) &&
                   r->room == LEAKING_VAULT && reveal_of(r, told->reveal)) {
            told->record = r;
            g->told_count++;
        }
    }
    if (g->told_count) {
        qsort(g->told, g->told_count, sizeof *g->told, told_order);
    }
    return OK;
}

static size_t told_first(const group_t *g, const uint8_t reveal[REVEAL_BYTES])
{
    size_t low = 0, high = g->told_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (memcmp(g->told[mid].reveal, reveal, REVEAL_BYTES) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static void event_complete(leak_event_t *e, const group_t *g, bool *ret_refused)
{
    uint8_t reveal[REVEAL_BYTES];
    *ret_refused = false;
    e->http = g->http;
    if (!reveal_of(e->intent, reveal)) {
        return;
    }
    for (size_t i = told_first(g, reveal);
         i < g->told_count && memcmp(g->told[i].reveal, reveal, sizeof reveal) == 0; i++) {
        const query_record_t *r = g->told[i].record;
        if (r->type == LEAKING_REFUSED) {
            *ret_refused = true;
        } else if (id_eq(r->subject, e->intent->subject)) {
            e->outcome = r;
        }
    }
}

/* A success that has a body. */
static bool answered_well(const query_record_t *http)
{
    uint8_t mem[FACT_BYTES];
    slice_t status = fact(http, "s", mem);
    return status.len == 3 && status.ptr[0] == '2' && !leaking_fact_is(http, "m", SLICE("HEAD"));
}

/* to_host: a compromised room asked. It had the data when the vault's answer was handed over, and
 * what it says of a request behind that means nothing. */
static void event_judge(leak_event_t *e, bool refused, bool to_host)
{
    e->class_ = LEAK_POSSIBLE;
    if (e->outcome && !leaking_fact_is(e->outcome, "delivered", SLICE("1"))) {
        e->why = LEAK_NOT_DELIVERED;
    } else if (!e->outcome && refused) {
        e->class_ = LEAK_REFUSED;
        e->why = LEAK_WAS_REFUSED;
    } else if (!e->outcome) {
        e->why = LEAK_NO_OUTCOME;
    } else if (to_host) {
        e->class_ = LEAK_CERTAIN;
        e->why = LEAK_TO_HOST;
    } else if (!id_is_zero(e->intent->request) && !e->http) {
        e->why = LEAK_ANSWER_UNKNOWN;
    } else if (e->http && !answered_well(e->http)) {
        e->why = LEAK_ANSWER_ERROR;
    } else {
        e->class_ = LEAK_CERTAIN;
        e->why = LEAK_DELIVERED;
    }
}

/* ---- which of them count ---- */

static bool of_process(const leak_ask_t *ask, const query_record_t *intent)
{
    uint8_t mem[16];
    buf_t want = BUF_ON_ARRAY(mem);
    buf_dec(&want, ask->process);
    return !ask->process || leaking_fact_is(intent, "process", buf_slice(&want));
}

static bool by_exposed_room(const leak_ask_t *ask, const query_record_t *intent)
{
    for (size_t i = 0; i < ask->exposure_count; i++) {
        const leak_exposure_t *x = &ask->exposures[i];
        if (leak_host_asks(x->host) && intent->time_us >= x->from_us &&
            (x->to_us == INT64_MAX || intent->time_us < x->to_us) &&
            leaking_fact_is(intent, "room", slice_cstr_in(leak_host_name(x->host)))) {
            return true;
        }
    }
    return false;
}

static bool id_fits(id128_t asked, id128_t is)
{
    return id_is_zero(asked) || id_eq(asked, is);
}

/* Is it one of those asked for? What cannot be said counts as yes, but not as certain. */
static bool event_wanted(const leak_ask_t *ask, const leak_event_t *e)
{
    if (!id_fits(ask->request, e->intent->request) || !id_fits(ask->actor, e->intent->actor)) {
        return false; /* found for an exposure that it does not belong to */
    }
    if (id_is_zero(ask->address) && !ask->session[0]) {
        return true;
    }
    if (id_is_zero(e->intent->request)) {
        return false; /* a room's own work has neither */
    }
    if (!e->http) {
        return true;
    }
    return id_fits(ask->address, e->http->address) &&
           (!ask->session[0] || leaking_fact_is(e->http, "ses", slice_cstr_in(ask->session)));
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
    TRY(leaking_id(k, &k->requests, e->intent->request));
    TRY(leaking_id(k, &k->objects, e->intent->object));
    return leaking_id(k, &k->objects, e->intent->parent);
}

static int by_seq(const void *a, const void *b)
{
    const leak_event_t *x = a, *y = b;
    return (x->intent->seq > y->intent->seq) - (x->intent->seq < y->intent->seq);
}

static err_t event_find(leaking_t *k, const query_record_t *intent, group_t *g)
{
    leak_event_t e = {.intent = intent};
    bool refused, to_host = by_exposed_room(k->ask, intent);
    if (intent->room != LEAKING_VAULT || !of_process(k->ask, intent)) {
        return OK;
    }
    if (!g->leader || by_cause(g->leader, intent) != 0 ||
        intent->time_us - g->leader->time_us >= LEAKING_SLACK_US / 2 ||
        g->leader->time_us - intent->time_us >= LEAKING_SLACK_US / 2) {
        TRY(group_find(k, intent, g));
    }
    event_complete(&e, g, &refused);
    event_judge(&e, refused, to_host);
    return to_host || event_wanted(k->ask, &e) ? event_add(k, &e) : OK;
}

err_t leaking_events(leaking_t *k)
{
    intents_t all = {0};
    group_t g = {0};
    TRY(intents_gather(k, &all));
    for (size_t i = 0; i < all.count; i++) {
        TRY(event_find(k, all.list[i], &g));
    }
    if (k->leak->event_count) {
        qsort(k->leak->events, k->leak->event_count, sizeof *k->leak->events, by_seq);
    }
    return OK;
}
