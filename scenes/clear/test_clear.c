/* Each needle in each way of writing, charset, coding and box is planted and must be found; what is
 * no needle must not. */
#include "base/test.h"
#include "search.h"
#include "test_plant.h"

#if defined(__SANITIZE_ADDRESS__)
#define RANDOM_MB 8
#define SHIFTS 1
#define PLANTED_MIN 20000
#else
#define RANDOM_MB 100
#define SHIFTS 3
#define PLANTED_MIN 80000
#endif
enum { ARENA = 256 * 1024 * 1024, NOISE = 96, MB = 1024 * 1024 };

static const char NEEDLES[] = "# line 1\n"
                              "name\t霧島 楓香\n"
                              "kana\tキリガミネ ヴァイオレッタ\n"
                              "name\tKirishima Violetta\n"
                              "email\tscene.kaedeqxz@example.com\n"
                              "phone\t090-8123-4567\n"
                              "address\t北海道札幌市中央区北一条西二丁目 楓館１０４\n"
                              "birth\t1988-04-02\n"
                              "card\t4111111111111111\n"
                              "text\tKaede-no-michi 41\n";

/* Needle's line, and how somebody may have written it. */
static const struct {
    uint32_t line;
    const char *written;
} WRITTEN[] = {
    {2, "霧島 楓香"},
    {2, "霧島　楓香"},
    {2, "霧島楓香"},
    {3, "キリガミネ ヴァイオレッタ"},
    {3, "キリガミネヴァイオレッタ"},
    {3, "ｷﾘｶﾞﾐﾈ ｳﾞｧｲｵﾚｯﾀ"},
    {3, "きりがみね　ゔぁいおれった"},
    {3, "ヴァイオレッタ"},
    {4, "Kirishima Violetta"},
    {4, "KIRISHIMA VIOLETTA"},
    {4, "Violetta, Kirishima"},
    {4, "Ｋｉｒｉｓｈｉｍａ　Ｖｉｏｌｅｔｔａ"},
    {5, "scene.kaedeqxz@example.com"},
    {5, "SCENE.KAEDEQXZ@EXAMPLE.COM"},
    {6, "090-8123-4567"},
    {6, "09081234567"},
    {6, "+819081234567"},
    {6, "+81 90 8123 4567"},
    {6, "０９０－８１２３－４５６７"},
    {6, "０９０８１２３４５６７"},
    {7, "北海道札幌市中央区北一条西二丁目 楓館１０４"},
    {7, "北海道札幌市中央区北一条西二丁目楓館104"},
    {8, "1988-04-02"},
    {8, "19880402"},
    {8, "1988/4/2"},
    {8, "1988年4月2日"},
    {8, "１９８８年４月２日"},
    {8, "2 April 1988"},
    {9, "4111111111111111"},
    {9, "4111 1111 1111 1111"},
    {9, "4111-1111-1111-1111"},
    {9, "４１１１１１１１１１１１１１１１"},
    {10, "Kaede-no-michi 41"},
};

static struct world {
    arena_t memory, work;
    const needle_t *needles;
    size_t count;
    index_t *index;
    search_t *search;
    form_set_t *charsets;
    bool found[64];
    char place[SEARCH_PLACE];
} w;

static void on_find(void *ctx, const search_find_t *find)
{
    w.found[find->pattern->needle->line] = true;
    snprintf(w.place, sizeof w.place, "%s", find->place);
}

static int setup(void **state)
{
    uint32_t line = 0;
    arena_init(&w.memory, ARENA);
    arena_init(&w.work, 4UL * ARENA);
    assert_ok(needles_parse(&w.memory, slice_cstr_in(NEEDLES), &w.needles, &w.count, &line));
    assert_int_equal(w.count, 9);
    assert_ok(index_new(w.needles, w.count, &w.index));
    assert_ok(search_new(w.index, on_find, NULL, &w.search));
    assert_ok(form_set_new(&w.charsets));
    return 0;
}

static int teardown(void **state)
{
    form_set_free(w.charsets);
    search_free(w.search);
    index_free(w.index);
    arena_deinit(&w.work);
    arena_deinit(&w.memory);
    return 0;
}

/* The needle's line that was found, 0 when none, 99 when several. */
static uint32_t found_in(slice_t bytes)
{
    uint32_t line = 0;
    memset(w.found, 0, sizeof w.found);
    assert_ok(search_bytes(w.search, bytes));
    for (uint32_t i = 1; i < BASE_COUNT(w.found); i++) {
        line = !w.found[i] ? line : line ? 99 : i;
    }
    return line;
}

static slice_t with_noise(slice_t bytes, uint64_t *random)
{
    buf_t b;
    assert_ok(arena_buf(&w.work, bytes.len + 2 * NOISE, &b));
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < NOISE; i++) {
            buf_u8(&b, (uint8_t)(test_random(random) >> 56));
        }
        if (side == 0) {
            buf_put(&b, bytes);
        }
    }
    return buf_slice(&b);
}

/* One planted thing: three places within a group of base64's three bytes. */
static size_t plant_one(size_t row, form_charset_t charset, plant_coding_t coding, plant_box_t box,
                        uint64_t *random)
{
    size_t planted = 0;
    for (size_t shift = 0; shift < SHIFTS; shift++) {
        slice_t text, packed;
        buf_t bytes;
        assert_ok(arena_printf(&w.work, &text, "%.*sお名前 [%s] 様", (int)shift, "xyz",
                               WRITTEN[row].written));
        assert_ok(arena_buf(&w.work, 4096, &bytes));
        if (err_failed(form_convert(w.charsets, charset, text, &bytes))) {
            return planted; /* half-width kana in ISO-2022-JP */
        }
        packed = plant_pack(&w.work, box, plant_code(&w.work, coding, buf_slice(&bytes)));
        /* Raw deflate has no beginning that could be seen: it stands alone, in a box of its own. */
        uint32_t line = found_in(with_noise(packed, random));
        if (line != WRITTEN[row].line) {
            fail_msg("\"%s\" in %s, coding %d, box %d, shift %zu: found line %u",
                     WRITTEN[row].written, form_charset_name(charset), coding, box, shift, line);
        }
        planted++;
    }
    return planted;
}

static void planted_things_are_found(void **state)
{
    uint64_t random = 20260101;
    size_t planted = 0;
    for (size_t row = 0; row < BASE_COUNT(WRITTEN); row++) {
        for (int charset = 0; charset < FORM_CHARSET_COUNT; charset++) {
            for (int coding = 0; coding < PLANT_CODINGS; coding++) {
                if (coding >= PLANT_BYTE_CODINGS && charset != FORM_UTF8) {
                    continue;
                }
                for (int box = 0; box < PLANT_BOXES; box++) {
                    planted += plant_one(row, (form_charset_t)charset, (plant_coding_t)coding,
                                         (plant_box_t)box, &random);
                }
                arena_reset(&w.work);
            }
        }
    }
    printf("%zu planted and found\n", planted);
    assert_true(planted > PLANTED_MIN);
    assert_int_equal(search_counts(w.search).limits, 0);
}

/* The needle list is not simply found in everything. */
static void random_bytes_hold_nothing(void **state)
{
    uint64_t random = 7;
    size_t len = (size_t)RANDOM_MB * MB;
    uint8_t *mem = malloc(len);
    assert_non_null(mem);
    for (size_t i = 0; i < len; i += 8) {
        uint64_t r = test_random(&random);
        memcpy(mem + i, &r, 8);
    }
    assert_int_equal(found_in(slice_make(mem, len)), 0);
    /* Letters of base64, digits, hex digits: the alphabets of forms. */
    static const char *const ALPHABETS[] = {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "0123456789",
        "0123456789abcdef"};
    for (size_t k = 0; k < BASE_COUNT(ALPHABETS); k++) {
        size_t letters = strlen(ALPHABETS[k]), part = len / 25;
        for (size_t i = 0; i < part; i++) {
            mem[i] = (uint8_t)ALPHABETS[k][(test_random(&random) >> 32) % letters];
            mem[i] = i % 5000 == 4999 ? '\n' : mem[i];
        }
        assert_int_equal(found_in(slice_make(mem, part)), 0);
    }
    free(mem);
    assert_int_equal(search_counts(w.search).limits, 0);
}

static void numbers_end_where_their_digits_end(void **state)
{
    static const struct {
        const char *text;
        uint32_t line;
    } CASES[] = {
        {"19880402", 8},          {"id=19880402;", 8},
        {"17919880402", 0},       {"198804021", 0},
        {"09081234567", 6},       {"1790908123456712", 0},
        {"4111111111111111", 9},  {"x4111111111111111x", 9},
        {"41111111111111112", 0}, {"411111******1111", 0}, /* as the house keeps it */
        {"1988-04-03", 0},        {"霧島 楓", 0},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        if (found_in(slice_cstr_in(CASES[i].text)) != CASES[i].line) {
            fail_msg("%s", CASES[i].text);
        }
    }
}

/* Text that packs well goes around it: else deflate stores the bytes as they are. */
static slice_t packed_again(slice_t bytes)
{
    buf_t b;
    assert_ok(arena_buf(&w.work, bytes.len + 8192, &b));
    buf_put(&b, bytes);
    for (int i = 0; i < 1000; i++) {
        buf_cstr(&b, i % 3 ? "aab " : "c ");
    }
    return plant_gzip(&w.work, buf_slice(&b));
}

/* What a bound leaves out is counted: such a result is not clean. */
static void bounds_are_told(void **state)
{
    slice_t name = SLICE("霧島 楓香"), packed = name;
    uint64_t limits = search_counts(w.search).limits;
    for (int i = 0; i < SEARCH_DEPTH; i++) {
        packed = packed_again(packed);
    }
    assert_int_equal(found_in(packed), 2);
    assert_string_equal(w.place, "gzip@0 gzip@0 gzip@0 gzip@0 gzip@0");
    assert_int_equal(search_counts(w.search).limits, limits);
    assert_int_equal(found_in(packed_again(packed)), 0); /* one level too deep */
    assert_true(search_counts(w.search).limits > limits);

    limits = search_counts(w.search).limits;
    buf_t zeros; /* small outside, large inside, the name behind it */
    assert_ok(arena_buf(&w.work, 4 * MB, &zeros));
    buf_room(&zeros, 3 * MB);
    buf_put(&zeros, name);
    packed = plant_gzip(&w.work, buf_slice(&zeros));
    assert_int_equal(found_in(packed), 2);
    assert_int_equal(search_counts(w.search).limits, limits);
    search_bound(w.search, MB);
    assert_int_equal(found_in(packed), 0);
    assert_true(search_counts(w.search).limits > limits);
    search_bound(w.search, SEARCH_WORK_MAX);
}

static void bad_needles_are_refused(void **state)
{
    static const struct {
        const char *text;
        err_code_t code;
        uint32_t line;
    } CASES[] = {
        {"name\t関所 花子\nnickname\tHana\n", ERR_SYNTAX, 2},
        {"name 関所 花子", ERR_SYNTAX, 1},
        {"name\t", ERR_SYNTAX, 1},
        {"name\t\xff\xfe", ERR_ENCODING, 1},
        {"birth\t1988-4-12", ERR_SYNTAX, 1},
        {"birth\t19880412", ERR_SYNTAX, 1},
        {"card\t411111******1111", ERR_SYNTAX, 1},
        {"phone\tnone", ERR_SYNTAX, 1},
        {"\n\n#\ntext\ta\x01z", ERR_ENCODING, 4},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        const needle_t *needles;
        size_t count;
        uint32_t line = 0;
        assert_err(needles_parse(&w.work, slice_cstr_in(CASES[i].text), &needles, &count, &line),
                   CASES[i].code);
        assert_int_equal(line, CASES[i].line);
    }
}

/* A needle too short to be told from chance is named as such, not searched for. */
static void short_needles_are_told(void **state)
{
    const needle_t *needles;
    size_t count;
    uint32_t line;
    index_t *index;
    assert_ok(needles_parse(&w.work, SLICE("text\tab\ntext\tabcdefgh\n"), &needles, &count, &line));
    assert_ok(index_new(needles, count, &index));
    assert_false(index_has(index, &needles[0]) && index_forms(index) == 0);
    assert_true(index_has(index, &needles[1]));
    index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planted_things_are_found),
        cmocka_unit_test(random_bytes_hold_nothing),
        cmocka_unit_test(numbers_end_where_their_digits_end),
        cmocka_unit_test(bounds_are_told),
        cmocka_unit_test(bad_needles_are_refused),
        cmocka_unit_test(short_needles_are_told),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
