/* What the guard writes down of a request (about 200 bytes): how, where to, with what result - and
 * nothing a person typed. Pure. A path keeps only parts that look like our own fixed names; ids,
 * numbers and anything else become marks. Where nobody has recognised the path, only its first part
 * is kept. */
#ifndef GUARD_RECORD_FACTS_H
#define GUARD_RECORD_FACTS_H

#include "base/buf.h"

enum { FACTS_PATH_MAX = 120, FACTS_SEGMENT_MAX = 32, FACTS_DIGITS_MAX = 8 };

typedef struct request_facts {
    slice_t method, host; /* host: the configured server name, not what was sent */
    slice_t path;         /* raw, without query */
    slice_t note;         /* why the guard refused: a word of ours, or empty */
    unsigned status;
    int64_t took_ms, bytes_in, bytes_out;
    uint64_t agent;       /* keyed hash of the User-Agent, 0 = none */
    uint64_t session;     /* keyed hash of the session cookie, 0 = none */
    uint64_t session_set; /* the same of the session that the answer begins, 0 = none */
    bool has_query;
} request_facts_t;

void facts_request_put(buf_t *out, const request_facts_t *f);
/* "/bookings/:id/pay": ":id" for our ids, ":n" for numbers, ":x" for all else that is no plain
 * lower-case name (at most two digits in one, FACTS_DIGITS_MAX in all: no number can be spelled by
 * them). parts: how many of them may be kept. */
void facts_path_put(buf_t *out, slice_t path, size_t parts);

/* Rules that matched: "v=deny&score=15&rules=942100:ARGS.q:17:2,..." - id, variable, bytes of the
 * value, severity (0-7, - when it has none). A selector that is no plain name of letters becomes
 * "x": clients choose the names of fields. At most FACTS_RULES_MAX of them, and none past
 * FACTS_RULES_BYTES; the record's count says how many there were. score -1: none. */
enum { FACTS_RULES_MAX = 12, FACTS_RULES_BYTES = 440 };
void facts_rules_begin(buf_t *out, const char *verdict, int64_t score);
void facts_rule_put(buf_t *out, uint32_t id, slice_t variable, size_t value_bytes, int severity);

#endif
