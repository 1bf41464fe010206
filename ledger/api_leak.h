/* Which customers' data left (api_query.h says on what the answer rests).
 *
 * A reveal is an intent that was durable before the vault opened anything. It is
 *   certain   when its outcome says that the vault's answer was handed over, and the request that
 *             caused it was answered with success (or a room's own work caused it: a letter);
 *   possible  when the outcome is missing or says "not handed over", or the request's answer is
 *             unknown or was an error: it is never left out;
 *   refused   when the vault recorded that it refused after the intent: nothing was opened.
 * Inferable are people whom the same requests, or the same bookings, tell something of without any
 * of their data having been opened.
 *
 * Where nothing can be proved - records lost, a room that died, a host that an investigator calls
 * compromised - stands in the boundary: there the answer is "all customers whose data that host
 * could open", never "none". Of the machine, the vault and the record that is everybody; of a room
 * that asks the vault it is whom the vault opened for it, which is on record, and no more than the
 * leak budget. */
#ifndef LEDGER_API_LEAK_H
#define LEDGER_API_LEAK_H

#include "ledger/api_query.h"

enum { LEAK_SESSION = 17, LEAK_EXPOSURES_MAX = 16 };

typedef enum leak_class { LEAK_CERTAIN, LEAK_POSSIBLE, LEAK_INFERABLE, LEAK_REFUSED } leak_class_t;
enum { LEAK_CLASSES = 4 };

/* Why an event is only possible (or is certain); a stable word for each. */
typedef enum leak_why {
    LEAK_DELIVERED,      /* certain */
    LEAK_NO_OUTCOME,     /* the vault died, or its record was lost */
    LEAK_NOT_DELIVERED,  /* the asking room was gone */
    LEAK_ANSWER_UNKNOWN, /* no record of the request */
    LEAK_ANSWER_ERROR,   /* answered with something else than success, or without a body */
    LEAK_SAME_REQUEST,   /* inferable: named by a record of the request */
    LEAK_SAME_OBJECT,    /* inferable: of a booking whose data was opened or touched */
    LEAK_HOST,           /* an exposure that the investigator entered */
    LEAK_WAS_REFUSED,
    LEAK_TO_HOST, /* certain: handed to a room that the investigator calls compromised */
} leak_why_t;
const char *leak_why_name(leak_why_t why);
const char *leak_class_name(leak_class_t class_);

/* Hosts as an investigator names them. */
typedef enum leak_host {
    LEAK_HOST_MACHINE, /* "host": the whole machine */
    LEAK_HOST_VAULT,
    LEAK_HOST_SHOP, /* opens nothing by itself: it has what the vault gave it, and that is recorded
                     */
    LEAK_HOST_OFFICE, /* the same */
    LEAK_HOST_LEDGER, /* "ledger": ledgerd or its note key: the record itself proves nothing */
    LEAK_HOST_GUARD,  /* sees what passes, opens nothing */
    LEAK_HOST_PAY,
    LEAK_HOSTS
} leak_host_t;
const char *leak_host_name(leak_host_t host);
bool leak_host_parse(const char *name, leak_host_t *ret_host);
/* Everything that is stored: it has the keys, or is the record. Keys that were copied stay copied:
 * such an exposure has a begin and no end. */
bool leak_host_opens_all(leak_host_t host);
/* What the vault gives it when it asks: then every reveal of its room in that time is certain once
 * handed over, whatever request or actor it named. Beside that, what people typed. */
bool leak_host_asks(leak_host_t host);

typedef struct leak_exposure {
    leak_host_t host;
    int64_t from_us, to_us;
} leak_exposure_t;

typedef struct leak_ask {
    int64_t from_us, to_us; /* of the intents */
    id128_t actor, address, request, subject;
    char session[LEAK_SESSION]; /* guard's hash of the session cookie, 16 hex digits; or empty */
    uint32_t process; /* that asked the vault, as the kernel named it to vaultd; 0 = any */
    leak_exposure_t exposures[LEAK_EXPOSURES_MAX];
    size_t exposure_count;
} leak_ask_t;

typedef struct leak_event {
    const query_record_t *intent, *outcome, *http; /* the latter two may be NULL */
    leak_class_t class_;
    leak_why_t why;
} leak_event_t;

typedef struct leak_subject {
    id128_t subject;
    leak_class_t class_; /* the strongest of its events */
    leak_why_t why;
    int64_t first_us, last_us;
    size_t events;
} leak_subject_t;

/* Where nothing is proved. */
typedef enum boundary_kind {
    BOUNDARY_GAP,      /* a room's records were lost; count of them */
    BOUNDARY_DIED,     /* a room started again without having stopped in order */
    BOUNDARY_DOWN,     /* the record was not running */
    BOUNDARY_CLOCK,    /* the clock was set: times around it may be off; count = seconds */
    BOUNDARY_BEFORE,   /* asked for time before the first record */
    BOUNDARY_AFTER,    /* asked for time after the last signed record */
    BOUNDARY_PRUNED,   /* records were removed by policy; count of them */
    BOUNDARY_EXPOSURE, /* entered by the investigator */
} boundary_kind_t;
const char *boundary_kind_name(boundary_kind_t kind);

typedef struct boundary {
    boundary_kind_t kind;
    uint16_t room;    /* room_id_t of the host; 0 = the whole machine */
    leak_host_t host; /* of an exposure */
    int64_t from_us, to_us;
    uint64_t count, seq; /* seq of the record that says so, or 0 */
} boundary_t;

typedef struct leak {
    leak_event_t *events; /* by time */
    size_t event_count;
    leak_subject_t *subjects; /* strongest class first, then by id */
    size_t subject_count;
    size_t count[LEAK_CLASSES]; /* subjects by class */
    boundary_t *boundary;
    size_t boundary_count;
    size_t known_subjects; /* customers whom the record names at all, up to the end of the time */
    size_t known_bookings; /* bookings whose travellers were stored, up to then */
    bool all;              /* an exposure opens everything: the answer is "all customers" */
    bool cut;              /* the search for inferable people was ended at its bound */
} leak_t;

/* Arrays are the query's. Errors as query_find. */
err_t query_leak(query_t *q, const leak_ask_t *ask, leak_t *ret_leak);
/* The boundary of any answer about this time. */
err_t query_boundary(query_t *q, int64_t from_us, int64_t to_us, boundary_t **ret_rows,
                     size_t *ret_count);

#endif
