/* Regression tests of the OWASP Core Rule Set: reads their YAML files (the form of CRS 3, that of
 * CRS 4, and the third with templates), builds the request that a test means, byte by byte, and
 * judges what a guard said to it. What asks the guard - the engine itself or a running nginx -
 * stands in guard/tool. Source of the forms: README of the CRS tests, go-ftw and its schema.
 *
 * Everything lives in the arena that was handed in. */
#ifndef GUARD_FTW_H
#define GUARD_FTW_H

#include "base/arena.h"

enum { FTW_FAULT_TEXT = 256, FTW_STATUS_MAX = 8 };

typedef struct ftw_header {
    slice_t name, value;
} ftw_header_t;

typedef struct ftw_ids {
    uint32_t *at;
    size_t n;
} ftw_ids_t;

typedef enum ftw_error_wish {
    FTW_ERROR_UNSAID,
    FTW_ERROR_WANTED, /* no HTTP answer may come */
    FTW_ERROR_NOT_WANTED
} ftw_error_wish_t;

/* An origin's answer: of a stage that says it (`response`), or what POST /reflect asks for. */
typedef struct ftw_reflection {
    unsigned status;
    const ftw_header_t *headers;
    size_t n_headers;
    slice_t body;
} ftw_reflection_t;

/* One request and what must be said of it. */
typedef struct ftw_stage {
    slice_t method, uri, version;
    const slice_t *uris; /* while it is read: a stage for each of them */
    size_t n_uris;
    ftw_header_t *headers;
    size_t n_headers;
    slice_t data;
    bool has_data;
    bool exact; /* stop_magic, or autocomplete_headers: false: nothing is added */
    bool
        counts; /* a body that is not there has Content-Length: 0 (tests of files with a rule_id) */
    bool follows;                     /* the uri is where the answer before redirects to */
    slice_t raw;                      /* the whole request, instead of all above; empty = none */
    const ftw_reflection_t *response; /* NULL = as ftw_reflect says */
    ftw_ids_t expect, refuse;
    const slice_t *log_match, *log_no_match; /* regular expressions on the guard's log */
    size_t n_log_match, n_log_no_match;
    slice_t contains; /* regular expression on the answer; empty = none */
    bool isolated;    /* the one id expected is the only one that may match */
    unsigned status[FTW_STATUS_MAX];
    size_t n_status;
    ftw_error_wish_t error;
    bool has_output;
} ftw_stage_t;

typedef struct ftw_test {
    slice_t title; /* "942100-1" */
    ftw_stage_t *stages;
    size_t n_stages;
} ftw_test_t;

typedef struct ftw_file {
    bool enabled;
    ftw_test_t *tests;
    size_t n_tests;
} ftw_file_t;

typedef struct ftw_fault {
    unsigned line; /* 1 = first; 0 = not known */
    char text[FTW_FAULT_TEXT];
} ftw_fault_t;

/* SYNTAX with *ret_fault when the YAML is broken or holds a key or a form that is not known here: a
 * test that is read wrongly would be judged wrongly. MEMORY. */
err_t ftw_read(slice_t yaml, arena_t *arena, ftw_file_t *ret_file, ftw_fault_t *ret_fault);

/* The request's bytes. Unless the stage is exact: Connection: close, Content-Type and
 * Content-Length where absent (of what has no data only where the stage counts, for POST, PUT,
 * PATCH and DELETE); form data that is not encoded is encoded. Bare LF of multipart data becomes
 * CRLF. */
err_t ftw_request(const ftw_stage_t *stage, arena_t *arena, slice_t *ret_bytes);

/* A CRS 4 test may ask the origin to give a certain answer: POST /reflect with a JSON body of
 * status, headers, body, encodedBody. What the origin answers to this request (a 200 without body
 * when nothing is asked for). */
err_t ftw_reflect(slice_t method, slice_t uri, slice_t body, arena_t *arena,
                  ftw_reflection_t *ret_answer);

/* What the guard said. */
typedef struct ftw_answer {
    unsigned status; /* 0 = no HTTP answer came */
    ftw_ids_t matched;
    slice_t log;      /* a line a match */
    slice_t text;     /* the answer as the client got it, or its body alone */
    slice_t location; /* where it redirects to */
} ftw_answer_t;

typedef enum ftw_outcome {
    FTW_HOLDS,
    FTW_STATUS_DIFFERS, /* rules as wanted; the answer's status, or that there is one, is not */
    FTW_FAILS
} ftw_outcome_t;

/* *why says what was wanted and what came, unless all holds. */
ftw_outcome_t ftw_judge(const ftw_stage_t *stage, const ftw_answer_t *answer, buf_t *why);

#endif
