#include "ftw_run.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LOG_LINE_BYTES = 4096, WHY_BYTES = 8192 };

/* ---- asking the engine ---- */

static void log_put(const engine_match_t *m, buf_t *out)
{
    buf_cstr(out, "[id \"");
    buf_dec(out, m->id);
    buf_cstr(out, "\"] [msg \"");
    buf_put(out, m->msg);
    buf_cstr(out, "\"] [data \"");
    buf_put(out, m->logdata);
    buf_cstr(out, "\"] [severity \"");
    buf_dec(out, m->severity);
    buf_cstr(out, "\"]");
    for (size_t i = 0; i < m->tag_count; i++) {
        buf_cstr(out, " [tag \"");
        buf_put(out, m->tags[i]);
        buf_cstr(out, "\"]");
    }
    buf_cstr(out, "\n");
}

static err_t matches_take(engine_tx_t *tx, arena_t *arena, ftw_answer_t *a)
{
    size_t n = engine_tx_matches(tx);
    buf_t log;
    TRY(arena_buf(arena, (n + 1) * LOG_LINE_BYTES, &log));
    a->matched.at = ARENA_ARRAY(arena, uint32_t, n + 1);
    ENSURE(a->matched.at, ERR_MEMORY);
    for (size_t i = 0; i < n; i++) {
        const engine_match_t *m = engine_tx_match(tx, i);
        if (m->log) {
            a->matched.at[a->matched.n++] = m->id;
            log_put(m, &log);
        }
    }
    a->log = buf_slice(&log);
    return OK;
}

static slice_t location_of(const ftw_reflection_t *origin)
{
    for (size_t i = 0; i < origin->n_headers; i++) {
        if (slice_eq_nocase(origin->headers[i].name, SLICE("Location"))) {
            return origin->headers[i].value;
        }
    }
    return SLICE_EMPTY;
}

static err_t engine_ask(const tool_rules_t *rules, const ftw_stage_t *s, slice_t bytes,
                        arena_t *arena, ftw_answer_t *ret_answer)
{
    tool_request_t request;
    ftw_reflection_t origin;
    tool_run_t run;
    TRY(tool_request_parse(bytes, arena, &request));
    if (s->response) {
        origin = *s->response;
    } else {
        TRY(ftw_reflect(request.method, request.uri, request.body, arena, &origin));
    }
    TRY(tool_run(rules->set, rules->worker, &request, &origin, arena, &run));
    *ret_answer = (ftw_answer_t){.status = run.status};
    if (run.verdict.decision == ENGINE_PASS || run.verdict.detect_only) {
        ret_answer->text = origin.body;
        ret_answer->location = location_of(&origin);
    } else if (run.verdict.decision == ENGINE_REDIRECT) {
        ret_answer->location = run.verdict.url;
    }
    return matches_take(run.tx, arena, ret_answer);
}

/* ---- one test ---- */

/* "http://host/a?b" and "/a?b" -> "/a?b" */
static slice_t target_of(slice_t location)
{
    size_t scheme = slice_find(location, SLICE("://"));
    if (scheme == SIZE_MAX) {
        return location;
    }
    slice_t host = slice_from(location, scheme + 3);
    size_t path = slice_find_byte(host, '/');
    return path == SIZE_MAX ? SLICE("/") : slice_from(host, path);
}

/* *last: the answer of the stage before, and then of this one. */
static err_t stage_judge(const ftw_job_t *job, const ftw_stage_t *stage, arena_t *arena,
                         ftw_answer_t *last, buf_t *why, ftw_outcome_t *ret_outcome)
{
    slice_t bytes;
    ftw_stage_t s = *stage;
    *ret_outcome = FTW_FAILS;
    if (s.follows && last->location.len == 0) {
        buf_cstr(why, "no redirect to follow");
        return OK;
    }
    if (s.response && !job->asked.rules) {
        buf_cstr(why, "says what the origin answers, which cannot be told to it through a port");
        return OK;
    }
    s.uri = s.follows ? target_of(last->location) : s.uri;
    TRY(ftw_request(&s, arena, &bytes));
    if (job->asked.rules) {
        TRY(engine_ask(job->asked.rules, &s, bytes, arena, last));
    } else {
        TRY(ftw_wire(job->asked.port, bytes, arena, last));
    }
    *ret_outcome = ftw_judge(&s, last, why);
    return OK;
}

static ftw_exception_t *exception_find(const ftw_job_t *job, slice_t title)
{
    for (size_t i = 0; i < job->n_exceptions; i++) {
        if (slice_eq(job->exceptions[i].title, title)) {
            return &job->exceptions[i];
        }
    }
    return NULL;
}

/* An exception excuses the status of an answer, never a rule - unless nginx had answered by itself
 * before any rule could run. */
static void test_count(ftw_job_t *job, slice_t title, ftw_outcome_t outcome, slice_t why)
{
    ftw_exception_t *known = exception_find(job, title);
    if (outcome == FTW_HOLDS) {
        job->count.passed++;
        if (known || job->asked.verbose) {
            printf("%s %.*s\n", known ? "passed, though listed:" : "passed", SLICE_FMT(title));
        }
        return;
    }
    bool excused = outcome == FTW_STATUS_DIFFERS ||
                   (known && job->asked.port && slice_starts(known->reason, SLICE("nginx:")));
    known = excused ? known : NULL;
    if (known) {
        known->met = true;
        job->count.excepted++;
    } else {
        job->count.failed++;
    }
    printf("%s %.*s: %.*s%s%.*s\n", known ? "excepted" : "FAILED", SLICE_FMT(title), SLICE_FMT(why),
           known ? " - " : "", (int)(known ? known->reason.len : 0),
           known ? (const char *)known->reason.ptr : "");
}

static err_t test_run(ftw_job_t *job, const ftw_test_t *t)
{
    uint8_t mem[WHY_BYTES];
    buf_t why = BUF_ON_ARRAY(mem);
    ftw_outcome_t outcome = FTW_HOLDS;
    ftw_answer_t last = {0};
    arena_t arena;
    arena_init(&arena, TOOL_ARENA_BYTES);
    err_t e = OK;
    for (size_t i = 0; i < t->n_stages && outcome == FTW_HOLDS && !err_failed(e); i++) {
        e = stage_judge(job, &t->stages[i], &arena, &last, &why, &outcome);
    }
    if (err_is(e, ERR_MEMORY) || err_is(e, ERR_LIMIT)) { /* of this test alone */
        outcome = FTW_FAILS;
        buf_cstr(&why, err_text(e.code));
        e = OK;
    }
    if (!err_failed(e)) {
        test_count(job, t->title, outcome, buf_slice(&why));
    }
    arena_deinit(&arena);
    return e;
}

/* ---- files and folders ---- */

static err_t file_run(ftw_job_t *job, const char *path)
{
    ftw_file_t file;
    ftw_fault_t fault;
    slice_t yaml;
    arena_t arena;
    arena_init(&arena, TOOL_ARENA_BYTES);
    err_t e = tool_file_read(path, &arena, &yaml);
    if (!err_failed(e)) {
        e = ftw_read(yaml, &arena, &file, &fault);
        if (err_failed(e)) {
            printf("FAILED %s:%u: %s\n", path, fault.line, fault.text);
            job->count.unread++;
            arena_deinit(&arena);
            return err_is(e, ERR_SYNTAX) ? OK : e;
        }
    }
    if (!err_failed(e)) {
        job->count.files++;
        job->count.disabled += file.enabled ? 0 : file.n_tests;
    }
    for (size_t i = 0; !err_failed(e) && file.enabled && i < file.n_tests; i++) {
        e = test_run(job, &file.tests[i]);
    }
    arena_deinit(&arena);
    return e;
}

static bool is_yaml(const char *name)
{
    slice_t s = slice_cstr_in(name);
    return slice_ends(s, SLICE(".yaml")) || slice_ends(s, SLICE(".yml"));
}

static int visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static err_t folder_run(ftw_job_t *job, const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, visible, alphasort);
    ENSURE(n >= 0, ERR_IO);
    err_t e = OK;
    for (int i = 0; i < n; i++) {
        char below[4096];
        int len = snprintf(below, sizeof below, "%s/%s", path, names[i]->d_name);
        struct stat st;
        if (!err_failed(e) && len > 0 && (size_t)len < sizeof below && stat(below, &st) == 0 &&
            (S_ISDIR(st.st_mode) || is_yaml(names[i]->d_name))) {
            e = S_ISDIR(st.st_mode) ? folder_run(job, below) : file_run(job, below);
        }
        free(names[i]);
    }
    free(names);
    return e;
}

err_t ftw_run_path(ftw_job_t *job, const char *path)
{
    struct stat st;
    ENSURE(stat(path, &st) == 0, ERR_NOT_FOUND);
    return S_ISDIR(st.st_mode) ? folder_run(job, path) : file_run(job, path);
}
