/* A leak while it is being found. leak_events.c: which reveals there were and how each ended;
 * leak.c: whom that concerns, and whom an exposure does. Internal to ledger/query. */
#ifndef LEDGER_QUERY_LEAKING_H
#define LEDGER_QUERY_LEAKING_H

#include "ledger/api_leak.h"
#include "store.h"

/* Types and rooms of records (ledger/api_types.h, io/room.h): the query stands on no room's code.
 */
enum {
    LEAKING_HTTP = 16,
    LEAKING_TRAVELLERS = 35,
    LEAKING_CONSENT = 36,
    LEAKING_ACCOUNT = 48,
    LEAKING_LOGIN = 49,
    LEAKING_INTENT = 80,
    LEAKING_OUTCOME = 81,
    LEAKING_REFUSED = 82,
    LEAKING_ERASED = 83,
    LEAKING_GUARD = 1,
    LEAKING_VAULT = 4,
};
/* A request's other records stand within this time of its intent; what is not found there counts as
 * unknown, which is never "not released". */
#define LEAKING_SLACK_US (INT64_C(3600) * 1000000)

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

/* Duplicates are taken out by ids_sort. Zero ids are none. MEMORY. */
err_t leaking_id(leaking_t *k, id_list_t *list, id128_t id);
int64_t leaking_before(int64_t us, int64_t by_us); /* us - by_us, never below the least */
int64_t leaking_after(int64_t us, int64_t by_us);
bool leaking_fact_is(const query_record_t *r, const char *key, slice_t want);
/* The part of the exposure that lies in the time asked for; false when there is none. */
bool leaking_overlap(const leak_ask_t *ask, const leak_exposure_t *x, int64_t *ret_from_us,
                     int64_t *ret_to_us);

/* Fills leak->events, and the requests and objects of those. Errors as query_find. */
err_t leaking_events(leaking_t *k);

#endif
