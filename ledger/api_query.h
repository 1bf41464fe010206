/* The investigator's door: questions to a ledger's files, offline and read only, on the house's own
 * var/ledger or a copy of it. No ledgerd is asked and none is needed.
 *
 * Every record that an answer shows was proved: its leaf leads to the root of the signed
 * checkpoint. Every answer is complete: for ended segments by the pages of their recorded indexes
 * (FORMAT.md 9), for what came after the last of them by all of its leaves. What was looked at is
 * kept, so that query_evidence can write it down for somebody else. One thread. */
#ifndef LEDGER_API_QUERY_H
#define LEDGER_API_QUERY_H

#include "base/arena.h"
#include "base/id.h"

enum { QUERY_FAULT = 200, QUERY_NAME = 128 };

typedef struct query query_t;

/* A record that was proved. Slices live as long as the query. */
typedef struct query_record {
    uint64_t seq;
    int64_t time_us;
    uint16_t type, room; /* ledger_type_t, room_id_t */
    uint32_t count;
    id128_t request, object, parent, subject, actor, address; /* zero: not named */
    slice_t facts, leaf;                                      /* leaf: all of its bytes */
} query_record_t;

/* All that is given must fit; zero, 0 and the extremes of time mean "any". */
typedef struct query_ask {
    int64_t from_us, to_us; /* from <= time < to */
    unsigned type;
    id128_t request, object, subject, actor, address; /* object: or parent */
} query_ask_t;

#define QUERY_ALWAYS .from_us = INT64_MIN, .to_us = INT64_MAX

/* What the answers rest on. */
typedef struct query_scope {
    uint64_t size; /* records under the checkpoint; what came later is not looked at */
    uint8_t root[32];
    char key[256];             /* the key that signed it, as text */
    bool key_given;            /* and it is the one that was given */
    uint64_t segments, tail;   /* answered by recorded indexes; records scanned one by one */
    uint64_t first;            /* records below were removed by policy */
    uint64_t rebuilt;          /* index files that were missing or damaged, made anew in memory */
    int64_t first_us, last_us; /* times of the first and last record that is here */
} query_scope_t;

/* dir: var/ledger. key_file: the log's public key, kept elsewhere; NULL: its own. CRYPTO, CORRUPT,
 * IO, LIMIT with ret_fault filled. */
err_t query_open(const char *dir, const char *key_file, char ret_fault[QUERY_FAULT],
                 query_t **ret_query);
/* NULL is fine. */
void query_close(query_t *q);
query_scope_t query_scope(query_t *q);

/* All records that fit, in order; the array is the query's. CORRUPT: a file does not lead to the
 * root; LIMIT, MEMORY, IO. */
err_t query_find(query_t *q, const query_ask_t *ask, const query_record_t ***ret_records,
                 size_t *ret_count);
/* The value of a "key=" part of the record's facts, percent-decoded. False when absent. */
bool query_fact(const query_record_t *r, const char *key, buf_t *ret_value);
/* What went wrong last, in words; empty when nothing did. */
const char *query_fault(const query_t *q);

#endif
