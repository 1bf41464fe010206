/* Questions to the record, offline: `leak`, `who-saw`, `timeline`, and `trace` by a pseudonym. The
 * work is ledger/query's; here are words and options. */
#ifndef COMMAND_INVESTIGATE_H
#define COMMAND_INVESTIGATE_H

#include <jansson.h>

#include "house.h"
#include "ledger/api_evidence.h"

typedef struct investigation {
    house_t *h;
    const char *verb;
    query_t *q;
    leak_ask_t ask; /* also the terms of trace and timeline */
    const char *ledger_dir, *key_file, *bundle, *sign, *guard_key;
    bool json, all;
    const char *customer; /* who-saw's argument */
    id128_t subject_given;
} investigation_t;

int investigate_leak(house_t *h, int argc, char **argv);
int investigate_who_saw(house_t *h, int argc, char **argv);
int investigate_timeline(house_t *h, int argc, char **argv);
/* `trace --request|--subject|--actor|--address|--object ID` */
int investigate_trace(house_t *h, int argc, char **argv);

/* ---- investigate_options.c ---- */

/* USAGE, SYNTAX, and what reading the guard's key gives; said on stderr. */
err_t investigate_options(investigation_t *v, int argc, char **argv);

/* ---- investigate_text.c, investigate_json.c: the two faces of an answer ---- */

void investigate_print_leak(investigation_t *v, const leak_t *leak);
void investigate_print_events(investigation_t *v, const leak_t *leak);
void investigate_print_records(investigation_t *v, const query_record_t **list, size_t n);
void investigate_print_rests(investigation_t *v);
void investigate_print_boundary(investigation_t *v, const boundary_t *rows, size_t n,
                                size_t customers);

json_t *investigate_json_leak(investigation_t *v, const leak_t *leak);
json_t *investigate_json_records(investigation_t *v, const query_record_t **list, size_t n,
                                 const boundary_t *rows, size_t row_count);

/* ---- investigate_bundle.c ---- */

/* Writes the evidence where --bundle says so; answer: as printed. */
err_t investigate_bundle(investigation_t *v, evidence_verb_t verb, const leak_t *leak,
                         json_t *answer);

/* A fact's value, or the empty slice; mem holds it. */
slice_t investigate_fact(const query_record_t *r, const char *key, uint8_t *mem, size_t cap);
/* "POST /bookings/:id", or "(MAIL)" for a room's own work, or "(unknown)". */
void investigate_path(const leak_event_t *e, buf_t *out);
void investigate_time(int64_t us, char out[40]);
const char *investigate_type(unsigned type);
const char *investigate_room(unsigned room);

#endif
