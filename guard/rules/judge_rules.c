/* Lists of attacks or of texts, a value a line, put through the rules in every place:
 *
 *   judge_rules [-b] [-u] [-p PLACE]... FOLDER FILE...
 *
 * -b: texts that must pass (else attacks that must be blocked); -u: lines are percent-encoded; -p:
 * only these places. Prints each value that went wrong, where and by which rules, and the counts.
 */
#include <getopt.h>
#include <stdlib.h>

#include "ask.h"

typedef struct judge {
    rig_t rig;
    bool benign, encoded;
    bool place[ASK_PLACES];
    size_t asked[ASK_PLACES], wrong[ASK_PLACES];
} judge_t;

static int hex_of(char c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

static size_t decode(char *line, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '%' && i + 2 < len && hex_of(line[i + 1]) >= 0 && hex_of(line[i + 2]) >= 0) {
            line[n++] = (char)(hex_of(line[i + 1]) * 16 + hex_of(line[i + 2]));
            i += 2;
        } else {
            line[n++] = line[i] == '+' ? ' ' : line[i];
        }
    }
    return n;
}

static void value_judge(judge_t *j, slice_t v)
{
    char where[128] = "", why[512] = "";
    size_t n = 0;
    for (ask_place_t p = 0; p < ASK_PLACES; p++) {
        if (!j->place[p] || !ask_fits(p, v)) {
            continue;
        }
        bool hit = ask_blocked(&j->rig, p, v);
        j->asked[p]++;
        if (hit == j->benign) {
            j->wrong[p]++;
            n += (size_t)snprintf(where + n, sizeof(where) - n, "%s,", ask_place_name(p));
            (void)snprintf(why, sizeof(why), "%s", ask_reasons(&j->rig));
        }
    }
    if (n) {
        printf("%s [%s]\t%.*s\n", where, why, (int)(v.len > 300 ? 300 : v.len),
               (const char *)v.ptr);
    }
}

static bool file_judge(judge_t *j, const char *path)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        return false;
    }
    while ((len = getline(&line, &cap, f)) > 0) {
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r')) {
            len--;
        }
        size_t n = j->encoded ? decode(line, (size_t)len) : (size_t)len;
        if (n > 0) {
            value_judge(j, slice_make(line, n));
        }
    }
    free(line);
    (void)fclose(f);
    return true;
}

static bool options_read(int argc, char **argv, judge_t *j)
{
    int c;
    bool any = false;
    while ((c = getopt(argc, argv, "bup:")) != -1) {
        if (c == 'b') {
            j->benign = true;
        } else if (c == 'u') {
            j->encoded = true;
        } else if (c == 'p') {
            for (ask_place_t p = 0; p < ASK_PLACES; p++) {
                j->place[p] |= strcmp(optarg, ask_place_name(p)) == 0;
            }
            any = true;
        } else {
            return false;
        }
    }
    for (ask_place_t p = 0; p < ASK_PLACES && !any; p++) {
        j->place[p] = true;
    }
    return argc - optind >= 2;
}

int main(int argc, char **argv)
{
    static judge_t j;
    if (!options_read(argc, argv, &j)) {
        fprintf(stderr, "usage: judge_rules [-b] [-u] [-p PLACE]... FOLDER FILE...\n");
        return 2;
    }
    if (!ask_rules_there()) {
        fprintf(stderr, "modsecurity-crs is not installed\n");
        return 77;
    }
    ask_load(&j.rig, argv[optind]);
    for (int i = optind + 1; i < argc; i++) {
        if (!file_judge(&j, argv[i])) {
            return 1;
        }
    }
    for (ask_place_t p = 0; p < ASK_PLACES; p++) {
        if (j.asked[p]) {
            printf("%-10s %zu of %zu %s (%.2f %%)\n", ask_place_name(p), j.wrong[p], j.asked[p],
                   j.benign ? "wrongly blocked" : "missed",
                   100.0 * (double)j.wrong[p] / (double)j.asked[p]);
        }
    }
    rig_free(&j.rig);
    return 0;
}
