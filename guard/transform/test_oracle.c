/* Random strings through each transformation, here and in libmodsecurity 3. Skipped with a message
 * where it is not installed. `test_oracle N` tries N strings (default 20000), each with all
 * transformations. */
#include "base/test.h"

#include "inner.h"
#include "oracle.h"

enum { MAX_LEN = 48 };

static size_t rounds = 20000;

/* A backslash behind another slash. */
static bool has_mixed_slashes(slice_t in)
{
    return slice_find(in, SLICE("/\\")) != SIZE_MAX || slice_find(in, SLICE("\\\\")) != SIZE_MAX;
}

/* More than one 0x4142. */
static bool has_two_numbers(slice_t in)
{
    size_t at = first_of(in, TRANSFORM_EX);
    return at != SIZE_MAX && first_of(slice_from(in, at + 1), TRANSFORM_EX) != SIZE_MAX;
}

/* Where we differ on purpose; the first four are explained at their functions. */
static bool known_to_differ(transform_id_t id, slice_t in, slice_t got, slice_t want)
{
    switch ((int)id) {
    case TRANSFORM_CSS_DECODE: /* cut at a NUL */
        return want.len < got.len && slice_starts(got, want) && got.ptr[want.len] == 0;
    case TRANSFORM_SQL_HEX_DECODE: /* the same; one byte short; no second number right behind one */
        return (want.len < got.len && slice_starts(got, want) &&
                (got.ptr[want.len] == 0 || want.len + 1 == got.len)) ||
               has_two_numbers(in);
    case TRANSFORM_NORMALIZE_PATH_WIN: /* backslashes are left */
        return has_mixed_slashes(in);
    case TRANSFORM_BASE64_DECODE_EXT: /* a last letter '9' is taken for '=' */
        return want.len == 0 && slice_find_byte(in, '9') != SIZE_MAX;
    case TRANSFORM_REMOVE_COMMENTS: /* the NUL behind the value joins it */
        return want.len == got.len + 1 && slice_starts(want, got) && want.ptr[got.len] == 0;
    default:
        return false;
    }
}

#define MAP_FILE "/usr/share/nginx/docs/modsecurity/unicode.mapping"

/* Pieces that the decoders care about; glued together at random, with random bytes between. */
static const char *const PIECES[] = {
    "%41",
    "%u0041",
    "%uff1c",
    "%UFF41",
    "%u00g0",
    "%",
    "%4",
    "+",
    "&lt;",
    "&LT",
    "&#60;",
    "&#x3c;",
    "&#x",
    "&#",
    "&",
    "&am",
    "&nbsp;",
    "\\x41",
    "\\u0041",
    "\\uff1c",
    "\\141",
    "\\7",
    "\\400",
    "\\n",
    "\\",
    "\\ff1c ",
    "\\00ff1c",
    "\\0041\n",
    "\\\n",
    "0x4142",
    "0x4",
    "/*",
    "*/",
    "<!--",
    "-->",
    "--",
    "#",
    "/",
    "//",
    "..",
    "./",
    "../",
    "/.",
    "/..",
    "\\..\\",
    "a.",
    " ",
    "\t",
    "\v\f",
    "\xa0",
    "\"",
    "'",
    "^",
    ",",
    ";",
    "(",
    "=",
    "==",
    "QUJD",
    "QQ",
    "\xe3\x81\x82",
    "\xe3\x81",
    "\xc0\xaf",
    "\xed\xa0\x80",
    "\xf0\x9f\x98\x80",
    "\xf5\x80\x80\x80",
    "\xff",
    "select",
    "SELECT",
    "union",
    "0",
    "x",
    "\r\n",
    "\n",
    "z",
    "9",
    "&#99999999999999999999;",
    "-_",
};

static slice_t compose(uint64_t *seed, uint8_t *mem)
{
    size_t want = test_random(seed) % MAX_LEN;
    buf_t b = buf_on(mem, MAX_LEN);
    while (b.len < want && !b.full) {
        uint64_t r = test_random(seed);
        if (r % 5 == 0) {
            buf_u8(&b, (uint8_t)(r >> 8));
        } else {
            buf_cstr(&b, PIECES[(r >> 8) % BASE_COUNT(PIECES)]);
        }
    }
    return buf_slice(&b);
}

static void print_hex(const char *label, slice_t s)
{
    printf(" %s ", label);
    for (size_t i = 0; i < s.len; i++) {
        printf("%02x", s.ptr[i]);
    }
}

/* False, and the first difference of each transformation printed, when the two disagree. */
static bool same_as_judge(transform_id_t id, void *judge, slice_t in, const transform_map_t *map,
                          arena_t *a)
{
    static bool told[TRANSFORM_COUNT];
    slice_t got;
    assert_ok(transform_apply_mapped(id, in, map, a, &got));
    slice_t want = oracle_apply(judge, in, map ? MAP_FILE : NULL);
    if (slice_eq(got, want) || known_to_differ(id, in, got, want)) {
        return true;
    }
    if (!told[id]) {
        printf("%s:", transform_name(id));
        print_hex("in", in);
        print_hex("got", got);
        print_hex("wanted", want);
        printf("\n");
        told[id] = true;
    }
    return false;
}

static void all_transformations(void **state)
{
    void *judges[TRANSFORM_COUNT];
    uint64_t seed = 20127;
    arena_t a;
    size_t bad = 0;
    arena_init(&a, 1 << 20);
    for (unsigned id = 0; id < TRANSFORM_COUNT; id++) {
        judges[id] = oracle_find(transform_name((transform_id_t)id));
        assert_non_null(judges[id]);
    }
    for (size_t i = 0; i < rounds; i++) {
        uint8_t mem[MAX_LEN];
        slice_t in = compose(&seed, mem);
        for (unsigned id = 0; id < TRANSFORM_COUNT; id++) {
            bad += !same_as_judge((transform_id_t)id, judges[id], in, NULL, &a);
        }
        arena_reset(&a);
    }
    arena_deinit(&a);
    assert_int_equal(bad, 0);
}

/* urlDecodeUni with SecUnicodeMapFile. */
static void with_the_unicode_map(void **state)
{
    static uint8_t file[1 << 20];
    static transform_map_t map;
    uint64_t seed = 5;
    arena_t a;
    size_t bad = 0;
    FILE *f = fopen(MAP_FILE, "rb");
    if (!f) {
        skip(); /* no map installed */
    }
    size_t len = fread(file, 1, sizeof file, f);
    fclose(f);
    assert_ok(transform_map_parse(slice_make(file, len), 20127, &map));
    arena_init(&a, 1 << 20);
    void *judge = oracle_find("urlDecodeUni");
    for (size_t i = 0; i < rounds; i++) {
        char text[MAX_LEN];
        uint64_t r = test_random(&seed);
        snprintf(text, sizeof text, "x%%u%04x%%U%04X%%u00%02xz%%41", (unsigned)(r & 0xFFFF),
                 (unsigned)(r >> 16 & 0x3FF), (unsigned)(r >> 32 & 0xFF));
        bad += !same_as_judge(TRANSFORM_URL_DECODE_UNI, judge, slice_cstr_in(text), &map, &a);
        arena_reset(&a);
    }
    arena_deinit(&a);
    assert_int_equal(bad, 0);
}

int main(int argc, char **argv)
{
    const char *why = oracle_open();
    if (why) {
        printf("skipped: %s\n", why);
        return 77;
    }
    rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : rounds;
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_transformations),
                                       cmocka_unit_test(with_the_unicode_map)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
