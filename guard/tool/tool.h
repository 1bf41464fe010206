/* sekisho-guard: the engine's second front (the first is nginx). Loads rules from files, puts whole
 * requests in by hand, and says what came of it. Holds nothing after it ends. */
#ifndef GUARD_TOOL_H
#define GUARD_TOOL_H

#include "engine/engine.h"
#include "ftw/ftw.h"

enum { TOOL_ARENA_BYTES = 64 * 1024 * 1024, TOOL_REQUEST_BYTES = 32 * 1024 * 1024 };

/* The engine's view of a request that came in as bytes, read as a lenient server would: a missing
 * protocol is HTTP/0.9, bare LF ends a line, the body is what Content-Length or chunks say, or the
 * rest. */
typedef struct tool_request {
    slice_t line, method, uri, protocol;
    ftw_header_t *headers;
    size_t n_headers;
    slice_t body;
} tool_request_t;

err_t tool_request_parse(slice_t bytes, arena_t *arena, tool_request_t *ret_request);

/* One request and its answer through all phases. The transaction lives in the arena. */
typedef struct tool_run {
    engine_tx_t *tx;
    engine_verdict_t verdict; /* the first that is no pass, else pass */
    unsigned status;          /* that the client sees */
} tool_run_t;

err_t tool_run(const engine_set_t *set, engine_worker_t *worker, const tool_request_t *request,
               const ftw_reflection_t *answer, arena_t *arena, tool_run_t *ret_run);

/* Rules of the files named, and of the text in front of them; complains to stderr. */
typedef struct tool_rules {
    engine_set_t *set;
    engine_worker_t *worker;
} tool_rules_t;

bool tool_rules_load(slice_t before, char *const *files, int n, tool_rules_t *ret_rules);
void tool_rules_free(tool_rules_t *rules);
/* A file that the command line names. */
err_t tool_file_read(const char *path, arena_t *arena, slice_t *ret_bytes);
/* The message of a load fault: "FILE:LINE: word: text". */
void tool_fault_print(const engine_fault_t *fault);

/* Verbs; argv[0] is the verb. Exit codes 0 = holds, 1 = does not, 2 = usage. */
int tool_check(int argc, char **argv);
int tool_explain(int argc, char **argv);
int tool_test(int argc, char **argv);
int tool_bench(int argc, char **argv);

#endif
