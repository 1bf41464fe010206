/* Runs files of CRS regression tests and counts. */
#ifndef GUARD_TOOL_FTW_RUN_H
#define GUARD_TOOL_FTW_RUN_H

#include "tool.h"

/* Who is asked: the engine, or an nginx at a port (set is NULL). */
typedef struct ftw_asked {
    const tool_rules_t *rules;
    uint16_t port;
    bool verbose; /* name every test that passed, too */
} ftw_asked_t;

/* Tests that assert the HTTP server's own answer (the engine asked directly has none to give), with
 * the reason: a text file, a test a line, "TITLE reason". Only the status is excused. */
typedef struct ftw_exception {
    slice_t title, reason;
    bool met;
} ftw_exception_t;

typedef struct ftw_count {
    size_t passed, failed, excepted, disabled, files, unread;
} ftw_count_t;

typedef struct ftw_job {
    ftw_asked_t asked;
    ftw_exception_t *exceptions;
    size_t n_exceptions;
    ftw_count_t count;
} ftw_job_t;

/* A file, or all *.yaml and *.yml below a folder. */
err_t ftw_run_path(ftw_job_t *job, const char *path);
/* One request to 127.0.0.1:port; the answer's status and its X-Sekisho-Rules. status 0 = none. */
err_t ftw_wire(uint16_t port, slice_t request, arena_t *arena, ftw_answer_t *ret_answer);

#endif
