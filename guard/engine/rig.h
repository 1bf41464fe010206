/* What the engine's tests share: rules from a text (with files from a table), one request, what
 * matched. */
#ifndef GUARD_ENGINE_RIG_H
#define GUARD_ENGINE_RIG_H

#include "base/test.h"

#include "engine.h"

typedef struct rig_file {
    const char *path, *text;
} rig_file_t;

typedef struct rig_request {
    const char *method, *uri; /* NULL: GET, "/" */
    const char *headers;      /* "Name: value\n..." */
    const char *body;         /* NULL: none */
    const char *response;     /* body; NULL: none */
    unsigned status;          /* 0: 200 */
} rig_request_t;

typedef struct rig {
    engine_set_t *set;
    engine_worker_t *worker;
    arena_t arena;
    engine_tx_t *tx;
    engine_verdict_t verdict;
    engine_fault_t fault;
    const engine_world_t *world;
    bool untraced; /* as in production: the folded phases, no `nolog` matches */
} rig_t;

/* Reader over a table that ends with a NULL path; set before rig_load. */
void rig_files(const rig_file_t *files);
/* Reader of real files. */
extern const engine_reader_t RIG_DISK;
extern const engine_reader_t RIG_TABLE;

/* CONFIG leaves the fault in r->fault. */
err_t rig_try(rig_t *r, const engine_reader_t *reader, const char *rules, size_t len);
/* Must load. "SecRuleEngine On" and body access come first. */
void rig_load(rig_t *r, const char *rules);
/* All five phases (those after a block are left out, but for the last). */
void rig_run(rig_t *r, const rig_request_t *request);
err_t rig_run_in(rig_t *r, const rig_request_t *request, int64_t fail_after);
bool rig_matched(const rig_t *r, uint32_t id);
/* "1 2 3": ids that matched, in order. */
const char *rig_ids(const rig_t *r);
/* Value of a variable; "(none)". */
slice_t rig_var(rig_t *r, const char *name);
void rig_free(rig_t *r);

#endif
