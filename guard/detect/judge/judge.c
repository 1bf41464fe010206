/* Measures the detectors on sets of attacks and of benign texts, beside libinjection.
 *
 *   judge_detect [-v] [--own FOLDER] [--payloads FOLDER] [-f CLASS FILE]... [-t TEXT]...
 *
 * -v prints every value that was judged wrongly, -t what the detectors say of one text. Each value
 * is judged as it stands and as the rules' transformations would hand it over. */
#include <stdio.h>

#include "../cmdi.h"
#include "../path.h"
#include "../sqli.h"
#include "../xss.h"
#include "oracle.h"
#include "sets.h"

typedef struct tally {
    size_t values, own, any, oracle; /* own: the detector of the class; any: one of the four */
} tally_t;

static bool own(const set_value_t *v)
{
    if (v->kind == SET_CMDI || v->kind == SET_PATH) {
        return v->kind == SET_CMDI ? cmdi_detect(v->text, NULL) : path_detect(v->text, NULL);
    }
    return (v->kind != SET_XSS && sqli_detect(v->text, NULL)) ||
           (v->kind != SET_SQLI && xss_detect(v->text, NULL));
}

/* What the rules' transformations would hand over: percent decoded once more, entities decoded. */
static slice_t transformed(slice_t t)
{
    static const struct {
        const char *name;
        char byte;
    } ENTITIES[] = {{"&lt;", '<'},     {"&gt;", '>'},   {"&quot;", '"'}, {"&amp;", '&'},
                    {"&equals;", '='}, {"&lpar;", '('}, {"&rpar;", ')'}, {"&colon;", ':'}};
    slice_t plain = url_plain(t);
    uint8_t *out = malloc(plain.len + 1);
    CHECK(out);
    size_t n = 0;
    for (size_t i = 0; i < plain.len; i++) {
        uint8_t c = plain.ptr[i];
        for (size_t e = 0; c == '&' && e < sizeof(ENTITIES) / sizeof(ENTITIES[0]); e++) {
            size_t len = strlen(ENTITIES[e].name);
            if (slice_eq_nocase(slice_sub(plain, i, len), slice_make(ENTITIES[e].name, len))) {
                c = (uint8_t)ENTITIES[e].byte;
                i += len - 1;
                break;
            }
        }
        out[n++] = c;
    }
    return slice_make(out, n);
}

static bool any(slice_t t)
{
    return sqli_detect(t, NULL) || xss_detect(t, NULL) || cmdi_detect(t, NULL) ||
           path_detect(t, NULL);
}

static bool by_oracle(const oracle_t *o, const set_value_t *v)
{
    char f[8];
    const char *t = (const char *)v->text.ptr;
    return (v->kind != SET_XSS && o->sqli(t, v->text.len, f)) ||
           (v->kind != SET_SQLI && o->xss(t, v->text.len));
}

static void explain(slice_t t)
{
    sqli_found_t s;
    xss_found_t x;
    cmdi_found_t c;
    path_found_t p;
    if (sqli_detect(t, &s)) {
        printf(" sqli(%s %s %zu+%zu)", sqli_context_name(s.context), s.fingerprint, s.at, s.len);
    }
    if (xss_detect(t, &x)) {
        printf(" xss(%s %s %zu+%zu)", xss_context_name(x.context), x.fingerprint, x.at, x.len);
    }
    if (cmdi_detect(t, &c)) {
        printf(" cmdi(%s %zu+%zu)", c.fingerprint, c.at, c.len);
    }
    if (path_detect(t, &p)) {
        printf(" path(%s %zu+%zu)", p.fingerprint, p.at, p.len);
    }
    printf(" | %.*s\n", t.len > 300 ? 300 : (int)t.len, (const char *)t.ptr);
}

typedef struct options {
    sets_t sets;
    bool verbose;
} options_t;

static void own_corpora(sets_t *sets, const char *folder)
{
    static const char *const FILES[] = {"benign_ja.txt", "benign_en.txt"};
    char path[4096];
    for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, FILES[i]);
        CHECK(sets_add_lines(sets, path, SET_BENIGN, false, false));
    }
}

/* False when an option is not known. */
static bool option(options_t *o, int argc, char **argv, int *i)
{
    const char *name = argv[*i], *value = *i + 1 < argc ? argv[*i + 1] : NULL;
    if (!strcmp(name, "-v")) {
        o->verbose = true;
        return true;
    }
    if (!value) {
        return false;
    }
    (*i)++;
    if (!strcmp(name, "-t")) {
        explain(slice_make(value, strlen(value)));
    } else if (!strcmp(name, "--own")) {
        own_corpora(&o->sets, value);
    } else if (!strcmp(name, "--payloads")) {
        if (!sets_add_payloads(&o->sets, value)) {
            printf("no payload sets at %s: only our own corpora are judged\n", value);
        }
    } else if (!strcmp(name, "-f") && *i + 1 < argc) {
        for (set_class_t k = 0; k < SET_CLASSES; k++) {
            if (!strcmp(set_class_name(k), value)) {
                return sets_add_lines(&o->sets, argv[++*i], k, false, false);
            }
        }
        return false;
    } else {
        return false;
    }
    return true;
}

static void judge_one(const set_value_t *v, const oracle_t *oracle, bool verbose, tally_t *t)
{
    set_value_t again = {transformed(v->text), v->kind, v->origin};
    bool mine = own(v) || own(&again), some = any(v->text) || any(again.text);
    t->values++;
    t->own += mine;
    t->any += some;
    t->oracle += oracle->sqli && (by_oracle(oracle, v) || by_oracle(oracle, &again));
    if (verbose && v->kind != SET_OTHER && (v->kind == SET_BENIGN ? some : !mine)) {
        printf("%s %s%s:", set_class_name(v->kind), v->origin,
               v->kind != SET_BENIGN && some ? " (other)" : "");
        explain(v->text);
    }
    free((void *)(uintptr_t)again.text.ptr);
}

/* What each class must reach when the published sets are there. libinjection has no such detectors
 * for commands and paths; a few values of those sets are no attacks at all ("'false'"). */
static unsigned short_of(const tally_t *all, bool oracle)
{
    static const double LEAST[SET_CLASSES] = {
        [SET_SQLI] = 99.5, [SET_XSS] = 98.5, [SET_CMDI] = 95, [SET_PATH] = 98};
    unsigned bad = 0;
    for (set_class_t k = 0; k < SET_OTHER; k++) {
        if (!all[k].values) {
            continue;
        }
        double share =
            100.0 * (double)(k == SET_BENIGN ? all[k].any : all[k].own) / (double)all[k].values;
        double other = 100.0 * (double)all[k].oracle / (double)all[k].values;
        bool ok = k == SET_BENIGN ? share <= 0.1 && (!oracle || share < other)
                                  : share >= LEAST[k] && (!oracle || share > other);
        printf("bar guard.detect.%s: %zu values, %.2f %% found (any detector %.2f %%), "
               "libinjection %.2f %%%s\n",
               set_class_name(k), all[k].values, share,
               100.0 * (double)all[k].any / (double)all[k].values, other,
               ok ? "" : "  <- short of the aim");
        bad += !ok;
    }
    return bad;
}

int main(int argc, char **argv)
{
    options_t o = {0};
    oracle_t oracle = {0};
    for (int i = 1; i < argc; i++) {
        if (!option(&o, argc, argv, &i)) {
            fprintf(stderr, "unknown option: %s\n", argv[i]);
            return 2;
        }
    }
    bool have = oracle_open(&oracle);
    if (!have) {
        printf("libmodsecurity.so.3 is not installed: judged without libinjection beside\n");
        oracle = (oracle_t){0};
    }
    tally_t all[SET_CLASSES] = {0};
    for (size_t i = 0; i < o.sets.count; i++) {
        judge_one(&o.sets.list[i], &oracle, o.verbose, &all[o.sets.list[i].kind]);
    }
    unsigned bad = short_of(all, have);
    sets_free(&o.sets);
    return bad ? 1 : 0;
}
