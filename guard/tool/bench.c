/* sekisho guard bench: what a request costs with these rules, in this process alone. */
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "rules.h"

enum { ROUNDS = 2000 };

static const char SETTING[] = "SecRuleEngine On\nSecRequestBodyAccess On\n";

/* Asked when no file is named: an ordinary page view. */
static const char ORDINARY[] =
    "GET /tours?place=%E4%BA%AC%E9%83%BD&from=tokyo&date=2027-04-01&price=80000 HTTP/1.1\r\n"
    "Host: shop.example\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: ja,en;q=0.7\r\nAccept-Encoding: gzip, deflate, br\r\n"
    "Cookie: session=kjhgfdsbvcnmqwrt; lang=ja\r\n\r\n";

static err_t round_run(const tool_rules_t *rules, slice_t bytes, engine_stats_t *ret_stats)
{
    static const ftw_reflection_t ORIGIN = {.status = 200};
    tool_request_t request;
    tool_run_t run;
    arena_t arena;
    arena_init(&arena, TOOL_ARENA_BYTES);
    err_t e = tool_request_parse(bytes, &arena, &request);
    if (!err_failed(e)) {
        e = tool_run(rules->set, rules->worker, &request, &ORIGIN, &arena, &run);
    }
    if (!err_failed(e)) {
        *ret_stats = engine_tx_stats(run.tx);
    }
    arena_deinit(&arena);
    return e;
}

static err_t request_bench(const tool_rules_t *rules, const char *name, slice_t bytes)
{
    engine_stats_t s = {0};
    TRY(round_run(rules, bytes, &s)); /* warm */
    clock_t begin = clock();
    for (int i = 0; i < ROUNDS; i++) {
        TRY(round_run(rules, bytes, &s));
    }
    double us = (double)(clock() - begin) * 1e6 / CLOCKS_PER_SEC / ROUNDS;
    printf("%s: %.1f us of CPU; %llu rules, %llu values, %llu regular expressions, %llu "
           "transformations, %llu scans of %llu bytes\n",
           name, us, (unsigned long long)s.rules, (unsigned long long)s.values,
           (unsigned long long)s.regexes, (unsigned long long)s.transforms,
           (unsigned long long)s.scans, (unsigned long long)s.scanned_bytes);
    return OK;
}

static err_t file_bench(const tool_rules_t *rules, const char *path)
{
    slice_t bytes;
    arena_t arena;
    arena_init(&arena, TOOL_REQUEST_BYTES);
    err_t e = tool_file_read(path, &arena, &bytes);
    if (!err_failed(e)) {
        e = request_bench(rules, path, bytes);
    }
    arena_deinit(&arena);
    return e;
}

int tool_bench(int argc, char **argv)
{
    static const struct option NAMES[] = {{"rules", required_argument, NULL, 'r'},
                                          {NULL, 0, NULL, 0}};
    char *files[RULES_MAX];
    int n = 0, c;
    optind = 0;
    while ((c = getopt_long(argc, argv, "", NAMES, NULL)) != -1) {
        if (c != 'r' || n == RULES_MAX) {
            return 2;
        }
        files[n++] = optarg;
    }
    tool_rules_t rules;
    if (!rules_of_options(slice_make(SETTING, sizeof SETTING - 1), files, n, &rules)) {
        return 1;
    }
    err_t e = OK;
    if (optind == argc) {
        e = request_bench(&rules, "ordinary page", slice_make(ORDINARY, sizeof ORDINARY - 1));
    }
    for (int i = optind; i < argc && !err_failed(e); i++) {
        e = file_bench(&rules, argv[i]);
    }
    if (err_failed(e)) {
        fprintf(stderr, "sekisho guard bench: %s\n", err_text(e.code));
    }
    tool_rules_free(&rules);
    return err_failed(e) ? 1 : 0;
}
