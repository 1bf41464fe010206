/* sekisho guard test: the regression tests of the Core Rule Set. */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "ftw_run.h"
#include "rules.h"

/* How the tests want the rules to be set: every paranoia level, nothing blocked, the limits that
 * they go beyond. Names of CRS 3 and 4 side by side; the other one's are variables nobody asks
 * for. */
static const char SETTING[] =
    "SecRuleEngine DetectionOnly\n"
    "SecRequestBodyAccess On\n"
    "SecResponseBodyAccess On\n"
    "SecResponseBodyMimeType text/plain text/html text/xml application/json\n"
    "SecRequestBodyLimit 134217728\n"
    "SecRequestBodyNoFilesLimit 134217728\n"
    "SecResponseBodyLimit 1048576\n"
    "SecArgumentsLimit 10000\n"
    "SecRule REQUEST_HEADERS:Content-Type \"^(?:application(?:/soap\\+|/)|text/)xml\" "
    "\"id:9999101,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML\"\n"
    "SecRule REQUEST_HEADERS:Content-Type \"^application/(?:[a-z0-9.-]+[+])?json\" "
    "\"id:9999102,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON\"\n"
    "SecAction \"id:9999103,phase:1,nolog,pass,t:none,"
    "setvar:tx.paranoia_level=4,setvar:tx.blocking_paranoia_level=4,"
    "setvar:tx.detection_paranoia_level=4,setvar:tx.executing_paranoia_level=4,"
    "setvar:tx.crs_validate_utf8_encoding=1,"
    "setvar:tx.arg_name_length=100,setvar:tx.arg_length=400,setvar:tx.total_arg_length=64000,"
    "setvar:tx.max_num_args=255,setvar:tx.max_file_size=64100,setvar:tx.combined_file_sizes=65535"
    "\"\n";

typedef struct options {
    char *rules[RULES_MAX];
    int n_rules;
    const char *except;
    uint16_t port;
    bool verbose, print_setting;
} options_t;

static bool options_read(int argc, char **argv, options_t *o)
{
    static const struct option NAMES[] = {
        {"rules", required_argument, NULL, 'r'},   {"except", required_argument, NULL, 'x'},
        {"port", required_argument, NULL, 'p'},    {"verbose", no_argument, NULL, 'v'},
        {"print-setting", no_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
    uint64_t port;
    int c;
    optind = 0;
    while ((c = getopt_long(argc, argv, "", NAMES, NULL)) != -1) {
        if (c == 'r' && o->n_rules < RULES_MAX) {
            o->rules[o->n_rules++] = optarg;
        } else if (c == 'x') {
            o->except = optarg;
        } else if (c == 'p' &&
                   !err_failed(slice_parse_u64(slice_cstr_in(optarg), UINT16_MAX, &port))) {
            o->port = (uint16_t)port;
        } else if (c == 'v') {
            o->verbose = true;
        } else if (c == 's') {
            o->print_setting = true;
        } else {
            return false;
        }
    }
    return optind < argc || o->print_setting;
}

static err_t exceptions_read(const char *path, arena_t *arena, ftw_job_t *job)
{
    slice_t text, line;
    TRY(tool_file_read(path, arena, &text));
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++) {
        lines += text.ptr[i] == '\n';
    }
    job->exceptions = ARENA_ARRAY(arena, ftw_exception_t, lines);
    ENSURE(job->exceptions, ERR_MEMORY);
    while (slice_split(&text, '\n', &line)) {
        line = slice_trim(line);
        if (line.len == 0 || line.ptr[0] == '#') {
            continue;
        }
        size_t space = slice_find_byte(line, ' ');
        ENSURE(space != SIZE_MAX, ERR_SYNTAX); /* no exception without a reason */
        job->exceptions[job->n_exceptions++] = (ftw_exception_t){
            slice_sub(line, 0, space), slice_trim(slice_from(line, space)), false};
    }
    return OK;
}

static int report(const ftw_job_t *job)
{
    const ftw_count_t *c = &job->count;
    size_t asked = c->passed + c->failed + c->excepted;
    printf("%zu files, %zu tests: %zu passed (%.2f %%), %zu failed, %zu excepted, %zu disabled "
           "upstream, %zu files not read\n",
           c->files, asked, c->passed, asked ? 100.0 * (double)c->passed / (double)asked : 0.0,
           c->failed, c->excepted, c->disabled, c->unread);
    return asked > 0 && c->failed == 0 && c->unread == 0 ? 0 : 1;
}

static int paths_run(ftw_job_t *job, const options_t *o, int n, char **paths)
{
    arena_t arena;
    arena_init(&arena, TOOL_ARENA_BYTES);
    err_t e = o->except ? exceptions_read(o->except, &arena, job) : OK;
    const char *at = o->except;
    for (int i = 0; i < n && !err_failed(e); i++) {
        at = paths[i];
        e = ftw_run_path(job, paths[i]);
    }
    if (err_failed(e)) {
        fprintf(stderr, "sekisho guard test: %s: %s (%s:%d)\n", at, err_text(e.code), e.where,
                e.line);
    }
    int code = err_failed(e) ? 1 : report(job);
    arena_deinit(&arena);
    return code;
}

int tool_test(int argc, char **argv)
{
    options_t o = {0};
    tool_rules_t rules = {0};
    if (!options_read(argc, argv, &o)) {
        return 2;
    }
    if (o.print_setting) { /* for an nginx that is to be tested through its port */
        fputs(SETTING, stdout);
        return 0;
    }
    ftw_job_t job = {.asked = {.port = o.port, .verbose = o.verbose}};
    if (o.port == 0) {
        if (!rules_of_options(slice_make(SETTING, sizeof SETTING - 1), o.rules, o.n_rules,
                              &rules)) {
            return 1;
        }
        job.asked.rules = &rules;
    }
    int code = paths_run(&job, &o, argc - optind, argv + optind);
    tool_rules_free(&rules);
    return code;
}
