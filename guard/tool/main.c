/* sekisho-guard check|explain|test|bench ... ; `sekisho guard ...` starts it. */
#include <stdio.h>
#include <string.h>

#include "tool.h"

typedef struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
} verb_t;

static const verb_t VERBS[] = {
    {"check", tool_check}, {"explain", tool_explain}, {"test", tool_test}, {"bench", tool_bench}};

static void usage(void)
{
    fputs(
        "usage: sekisho guard check FILE...\n"
        "         loads rule files; says what is slow and what can never match\n"
        "       sekisho guard explain [--rules FILE]... REQUEST-FILE\n"
        "         each rule that matched, the value before and after its transformations, the "
        "score\n"
        "       sekisho guard test [--rules FILE]... [--except FILE] [--port N] DIR...\n"
        "         CRS regression tests against the engine, or through the nginx at a port\n"
        "       sekisho guard bench [--rules FILE]... [REQUEST-FILE...]\n"
        "         rules, values, scans and time a request\n"
        "       sekisho guard ring [--out DIR] [--since TIME] [--by NAME] [--ref TEXT]\n"
        "         recent requests of this house, opened by its vault; DIR gets what explain reads\n"
        "Without --rules: the Core Rule Set that is installed, and our own rules.\n",
        stderr);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < BASE_COUNT(VERBS); i++) {
        if (strcmp(argv[1], VERBS[i].name) == 0) {
            int code = VERBS[i].run(argc - 1, argv + 1);
            if (code == 2) {
                usage();
            }
            return code;
        }
    }
    usage();
    return 2;
}
