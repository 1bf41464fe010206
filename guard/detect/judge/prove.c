/* Proves with SQLite what the SQL injection detector misses: random injections from grammars
 * (maker.h) are pasted into a weak page (weak.h); one that does harm must have been detected.
 *
 *   test_prove_sqlite [-v] FOLDER [COUNT [SEED]] */
#include <stdio.h>

#include "../sqli.h"
#include "cases.h"
#include "maker.h"
#include "weak.h"

enum { VALUE_MAX = 4096 };

/* The hand-written ones: each is found, and most do harm in a place of the weak page. */
static unsigned hand_written(weak_t *weak, const char *folder)
{
    static const char *const FILES[] = {"attacks_sqlite.txt", "attacks_mysql.txt",
                                        "attacks_postgres.txt", "attacks_sqlserver.txt",
                                        "attacks_oracle.txt"};
    unsigned missed = 0, harmful = 0;
    for (size_t f = 0; f < sizeof(FILES) / sizeof(FILES[0]); f++) {
        cases_t cases;
        unsigned here = 0;
        cases_read(folder, FILES[f], &cases);
        CHECK(cases.count >= 50);
        for (size_t i = 0; i < cases.count; i++) {
            bool harm = false;
            for (unsigned p = 0; p < WEAK_PLACES && !harm; p++) {
                harm = weak_harmed(weak, p, cases.list[i].value);
            }
            harmful += harm;
            if (!sqli_detect(cases.list[i].value, NULL)) {
                here++;
                printf("missed: %.*s\n", SLICE_FMT(cases.list[i].value));
            }
        }
        printf("%s: %zu values, %u missed\n", FILES[f], cases.count, here);
        missed += here;
        cases_free(&cases);
    }
    printf("hand-written: %u harmful on SQLite, %u missed\n", harmful, missed);
    return missed + (harmful < 50);
}

int main(int argc, char **argv)
{
    bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    argc -= verbose;
    argv += verbose;
    CHECK(argc > 1);
    unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 20000;
    unsigned long long seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 20261127;
    weak_t *weak = weak_open();
    unsigned wrong = hand_written(weak, argv[1]);
    unsigned long harmful = 0, missed = 0, by_place[WEAK_PLACES] = {0},
                  missed_by_place[WEAK_PLACES] = {0};
    uint8_t space[VALUE_MAX];
    maker_t m = {.state = seed * 0x9E3779B97F4A7C15u + 1};
    for (unsigned long i = 0; i < rounds; i++) {
        buf_t b = buf_on(space, sizeof(space));
        m.out = &b;
        unsigned place = (unsigned)(i % WEAK_PLACES);
        maker_value(&m, place);
        if (b.full || !weak_harmed(weak, place, buf_slice(&b))) {
            continue;
        }
        harmful++;
        by_place[place]++;
        if (!sqli_detect(buf_slice(&b), NULL)) {
            missed++;
            missed_by_place[place]++;
            if (verbose) {
                printf("%s: %.*s\n", weak_place(place), SLICE_FMT(buf_slice(&b)));
            }
        }
    }
    weak_close(weak);
    for (unsigned p = 0; p < WEAK_PLACES; p++) {
        printf("%-26s harmful %6lu missed %4lu\n", weak_place(p), by_place[p], missed_by_place[p]);
    }
    double share = harmful ? 100.0 * (double)(harmful - missed) / (double)harmful : 0;
    printf(
        "bar guard.detect.sqli_generated: %lu harmful of %lu made, %lu missed, %.3f %% detected\n",
        harmful, rounds, missed, share);
    return wrong == 0 && harmful > rounds / 20 && share >= 99.5 ? 0 : 1;
}
