/* Runs the three sets of issue 2 through card_scan_encoded, prints a rate for every category and
 * fails when a bound is broken:
 *   judge_card [--seed N] [--show N]     show: print up to N wrongly judged values of each set
 * Values are reproducible from the seed, but for the house's own ids. */
#include "judge.h"

#include "base/arena.h"
#include "text/card.h"

enum {
    CARDS = 100000,
    NUMBERS = 100000,
    PIECES = 1000000,
    EACH_BEYOND = 1000,
    ROWS_MAX = 64,
    SEED = 20260401,
};

typedef struct tally {
    unsigned seen[ROWS_MAX], found[ROWS_MAX];
} tally_t;

typedef struct judge {
    uint64_t seed;
    unsigned show;
    arena_t arena;
    unsigned shown;
} judge_t;

static uint8_t value_memory[JUDGE_VALUE_MAX];

static bool found(judge_t *j, slice_t value, card_hit_t *ret_hit)
{
    arena_reset(&j->arena);
    err_t err = card_scan_encoded(&j->arena, value, ret_hit);
    CHECK(!err_failed(err) || err_is(err, ERR_CARD_DATA)); /* "could not look" is no verdict */
    return err_failed(err);
}

static void count(tally_t *t, size_t row, bool hit)
{
    CHECK(row < ROWS_MAX);
    t->seen[row]++;
    t->found[row] += hit;
}

static void show(judge_t *j, const char *what, unsigned index, const char *category, slice_t value)
{
    if (j->shown++ >= j->show) {
        return;
    }
    printf("  %s #%u [%s] \"", what, index, category);
    for (size_t i = 0; i < value.len && i < 400; i++) {
        uint8_t c = value.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            printf("\\x%02x", c);
        } else {
            putchar(c);
        }
    }
    printf("\"\n");
}

static double rate(unsigned part, unsigned whole)
{
    return whole ? 100.0 * part / whole : 0;
}

static void print(const kinds_t *kinds, const tally_t *t)
{
    printf("  %s\n", kinds->name);
    for (size_t i = 0; i < kinds->count; i++) {
        if (t->seen[i]) {
            printf("    %8u of %8u %9.4f %%  %s\n", t->found[i], t->seen[i],
                   rate(t->found[i], t->seen[i]), kinds->rows[i].name);
        }
    }
}

static bool bound(const char *text, unsigned part, unsigned whole, bool holds)
{
    printf("%s: %u of %u (%.4f %%): %s\n\n", text, part, whole, rate(part, whole),
           holds ? "holds" : "BROKEN");
    return holds;
}

/* After the cut nothing may be found any more, nor the number stand there as it was spelled. */
static bool survives_cut(judge_t *j, slice_t value, slice_t card)
{
    static uint8_t memory[JUDGE_VALUE_MAX];
    buf_t cut = BUF_ON_ARRAY(memory);
    arena_reset(&j->arena);
    card_cut_encoded(&j->arena, value, &cut);
    return slice_find(buf_slice(&cut), card) != SIZE_MAX || found(j, buf_slice(&cut), NULL);
}

static bool judge_cards(judge_t *j)
{
    static tally_t tally[CARD_DIMS];
    unsigned hits = 0, uncut = 0;
    j->shown = 0;
    printf("card numbers in disguise (found)\n");
    for (unsigned i = 0; i < CARDS; i++) {
        rng_t r = rng_at(j->seed, 1, i);
        buf_t value = BUF_ON_ARRAY(value_memory);
        slice_t card;
        disguise_t d = disguise_put(&r, &value, &card);
        bool hit = found(j, buf_slice(&value), NULL);
        hits += hit;
        bool left = hit && survives_cut(j, buf_slice(&value), card);
        uncut += left;
        for (size_t dim = 0; dim < CARD_DIMS; dim++) {
            count(&tally[dim], d.row[dim], hit);
        }
        if (!hit || left) {
            char category[200];
            snprintf(category, sizeof category, "%s; %s; %s; %s; %s",
                     CARD_DIM[CARD_BRAND]->rows[d.row[CARD_BRAND]].name,
                     CARD_DIM[CARD_GROUPS]->rows[d.row[CARD_GROUPS]].name,
                     CARD_DIM[CARD_GAP]->rows[d.row[CARD_GAP]].name,
                     CARD_DIM[CARD_SETTING]->rows[d.row[CARD_SETTING]].name,
                     CARD_DIM[CARD_COAT]->rows[d.row[CARD_COAT]].name);
            show(j, hit ? "not cut" : "missed", i, category, buf_slice(&value));
        }
    }
    for (size_t dim = 0; dim < CARD_DIMS; dim++) {
        print(CARD_DIM[dim], &tally[dim]);
    }
    bool found_all = bound("found, at least 99.9 %", hits, CARDS, hits >= CARDS / 1000 * 999);
    return bound("found, but still there after card_cut_encoded, none", uncut, hits, !uncut) &&
           found_all;
}

static bool judge_numbers(judge_t *j)
{
    static tally_t tally;
    unsigned hits = 0;
    j->shown = 0;
    printf("long numbers that are none (refused)\n");
    for (unsigned i = 0; i < NUMBERS; i++) {
        rng_t r = rng_at(j->seed, 2, i);
        buf_t value = BUF_ON_ARRAY(value_memory);
        size_t row = benign_put(&r, &value);
        CHECK(!value.full);
        card_hit_t at = {0};
        bool hit = found(j, buf_slice(&value), &at);
        hits += hit;
        count(&tally, row, hit);
        if (hit) {
            char category[120];
            snprintf(category, sizeof category, "%s: %u digits, %s", BENIGN.rows[row].name,
                     at.digits, card_brand_name(at.brand));
            show(j, "refused", i, category, buf_slice(&value));
        }
    }
    print(&BENIGN, &tally);
    return bound("refused, at most 0.1 %", hits, NUMBERS, hits <= NUMBERS / 1000);
}

static bool judge_house(judge_t *j)
{
    static tally_t tally;
    unsigned hits = 0, pieces = 0;
    j->shown = 0;
    printf("the house's own ids, tokens, booking numbers (found)\n");
    for (unsigned i = 0; pieces < PIECES; i++) {
        rng_t r = rng_at(j->seed, 3, i);
        buf_t value = BUF_ON_ARRAY(value_memory);
        size_t row = kind_pick(&r, HOUSE.rows, HOUSE.count);
        kind_put(&r, &HOUSE.rows[row], &value);
        CHECK(!value.full && r.pieces);
        pieces += r.pieces;
        bool hit = found(j, buf_slice(&value), NULL);
        hits += hit;
        count(&tally, row, hit);
        if (hit) {
            show(j, "found", i, HOUSE.rows[row].name, buf_slice(&value));
        }
    }
    print(&HOUSE, &tally);
    return bound("found among these ids, none", hits, pieces, !hits);
}

static void look_beyond(judge_t *j, unsigned set, const kinds_t *kinds)
{
    tally_t tally = {0};
    for (unsigned row = 0; row < kinds->count; row++) {
        for (unsigned i = 0; i < EACH_BEYOND; i++) {
            rng_t r = rng_at(j->seed, set, row * EACH_BEYOND + i);
            buf_t value = BUF_ON_ARRAY(value_memory);
            kind_put(&r, &kinds->rows[row], &value);
            count(&tally, row, found(j, buf_slice(&value), NULL));
        }
    }
    print(kinds, &tally);
}

static bool read_number(const char *text, uint64_t max, uint64_t *ret_value)
{
    return text && !err_failed(slice_parse_u64(slice_cstr_in(text), max, ret_value));
}

int main(int argc, char **argv)
{
    judge_t j = {.seed = SEED};
    for (int i = 1; i < argc; i += 2) {
        uint64_t value = 0;
        bool seed = strcmp(argv[i], "--seed") == 0;
        if ((!seed && strcmp(argv[i], "--show") != 0) ||
            !read_number(argv[i + 1], UINT32_MAX, &value)) {
            fprintf(stderr, "usage: judge_card [--seed N] [--show N]\n");
            return 2;
        }
        if (seed) {
            j.seed = value;
        } else {
            j.show = (unsigned)value;
        }
    }
    arena_init(&j.arena, (size_t)4 << 20);
    printf("seed %llu\n\n", (unsigned long long)j.seed);
    bool holds = judge_cards(&j);
    holds = judge_numbers(&j) && holds;
    holds = judge_house(&j) && holds;
    printf("beyond the bounds (found; not judged)\n");
    look_beyond(&j, 4, &BEYOND_CARDS);
    look_beyond(&j, 5, &BEYOND_BENIGN);
    arena_deinit(&j.arena);
    return holds ? 0 : 1;
}
