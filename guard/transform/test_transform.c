/* Every transformation by cases, and what must hold for all of them. */
#include "base/test.h"

#include "inner.h"

static arena_t arena;

static int reset(void **state)
{
    arena_deinit(&arena);
    arena_init(&arena, 64 << 20);
    return 0;
}

static slice_t apply(transform_id_t id, slice_t in)
{
    slice_t out;
    assert_ok(transform_apply(id, in, &arena, &out));
    return out;
}

typedef struct example {
    const char *name;
    slice_t in, want;
} example_t;

#define S_(lit)                                                                                    \
    {                                                                                              \
        (const uint8_t *)("" lit ""), sizeof(lit) - 1                                              \
    }
#define CASE(name, in, want)                                                                       \
    {                                                                                              \
        name, S_(in), S_(want)                                                                     \
    }

static const example_t CASES[] = {
    CASE("none", "A%41", "A%41"),
    CASE("lowercase", "SeLECT \xC3\x89", "select \xC3\x89"),
    CASE("uppercase", "SeLect1", "SELECT1"),
    CASE("urlDecode", "a%41+b%zz%4%", "aA b%zz%4%"),
    CASE("urlDecode", "%00%2e%2E%252e", "\0..%2e"),
    CASE("urlDecode", "%u0041", "%u0041"),
    CASE("urlDecodeUni", "%u0041%U0041+%41", "AA A"),
    CASE("urlDecodeUni", "%uff1cscript%uFF1E", "<script>"),
    CASE("urlDecodeUni", "%u12", "%u12"),
    CASE("urlDecodeUni", "%u00zz%%u0041", "%u00zz%A"),
    CASE("urlDecodeUni", "%u2215", "\x15"), /* without a map: the low byte */
    CASE("urlEncode", "a b*c'\xE3", "a+b*c%27%e3"),
    CASE("htmlEntityDecode", "&lt;x&GT&amp;&quot;&nbsp;", "<x>&\"\xA0"),
    CASE("htmlEntityDecode", "&#60;&#x3C;&#X3c&#0000060x", "<<<<x"),
    CASE("htmlEntityDecode", "&#;&#x;&bogus;&;&&ltx;", "&#;&#x;&bogus;&;&&ltx;"),
    CASE("htmlEntityDecode", "&#99999999999999999999;&#x", "\xFF&#x"),
    CASE("utf8toUnicode", "a\xE3\x81\x82\xC3\xA9\xF0\x9F\x98\x80", "a%u3042%u00e9%u1f600"),
    CASE("utf8toUnicode", "\xC0\xAF", "%u002f\xC0"),
    CASE("utf8toUnicode", "\xE3\x81", "\x81"),
    CASE("utf8toUnicode", "\x93\xFA", "\x93\xFA"),
    CASE("utf8toUnicode", "a\0b", "ab"),
    CASE("jsDecode", "\\x41\\u0042\\uff1c\\103\\n\\q\\", "AB<C\nq\\"),
    CASE("jsDecode", "\\400\\8\\x4\\u004", " 08x4u004"),
    CASE("cssDecode", "\\6a\\61 vascript\\00ff1c\\ff1cz\\", "javascript<<z"),
    CASE("cssDecode", "\\0000411\\\nx\\g", "A1xg"),
    CASE("cssDecode", "\\0 x", "\0x"),
    CASE("cmdLine", "C^a\"T  ,;/e\\T'C (x", "cat/etc(x"),
    CASE("cmdLine", " a\t\r\n b", " a b"),
    CASE("removeNulls", "a\0b\0", "ab"),
    CASE("replaceNulls", "a\0b\0", "a b "),
    CASE("removeWhitespace", " a\t\n\v\f\rb\xA0\xC2\xA0", "ab"),
    CASE("compressWhitespace", " \ta \v\n b", " a b"),
    CASE("removeComments", "a/* x */b<!-- y -->c", "abc"),
    CASE("removeComments", "a -- b", "a "),
    CASE("removeComments", "a # b", "a "),
    CASE("removeComments", "a/* b", "a "),
    CASE("replaceComments", "un/**/ion/* x", "un ion "),
    CASE("replaceComments", "/*/x*/", " "),
    CASE("removeCommentsChar", "un/**/ion<!--a-->--b#c", "unionabc"),
    CASE("normalizePath", "/a//b/./c/../d", "/a/b/d"),
    CASE("normalizePath", "/../../etc/passwd", "/etc/passwd"),
    CASE("normalizePath", "a/../../b", "../b"),
    CASE("normalizePath", "/a/b/..", "/a"),
    CASE("normalizePath", "/a/b/../", "/a/"),
    CASE("normalizePath", "./x", "x"),
    CASE("normalizePath", "..", ".."),
    CASE("normalizePath", ".", ""),
    CASE("normalizePath", "a\\..\\b", "a\\..\\b"),
    CASE("normalisePath", "/a/./b", "/a/b"),
    CASE("normalizePathWin", "\\a\\..\\b\\\\c", "/b/c"),
    CASE("normalizePathWin", "a\\\\\\b", "a/b"),
    CASE("normalisePathWin", "..\\..\\win.ini", "../../win.ini"),
    CASE("base64Decode", "UE9DIHRlc3Q=", "POC test"),
    CASE("base64Decode", "UE9D\r\nIHRl \nc3Q=", "POC test"),
    CASE("base64Decode", "UE9DI", "POC"),
    CASE("base64Decode", "UE9-", ""),
    CASE("base64Decode", "", ""),
    CASE("base64DecodeExt", "P.HNjcmlwd D4=", "<script>"),
    CASE("base64DecodeExt", "UE9DI=", ""),
    CASE("base64Encode", "f", "Zg=="),
    CASE("base64Encode", "fo", "Zm8="),
    CASE("base64Encode", "foo\xFF", "Zm9v/w=="),
    CASE("length", "", "0"),
    CASE("length", "0123456789", "10"),
    CASE("hexEncode", "\0a\xFF", "0061ff"),
    CASE("hexDecode", "0061Ffx", "\0a\xFF"),
    CASE("sqlHexDecode", "a 0x414243 0X4 0xg1", "a ABC 0X4 0xg1"),
    CASE("sqlHexDecode", "0x41420x4344", "ABCD"),
    CASE("escapeSeqDecode", "\\a\\x41\\101\\\\\\'\\q\\", "\aAA\\'q\\"),
    CASE("trim", " \t\na b\r\v\f ", "a b"),
    CASE("trimLeft", " \ta ", "a "),
    CASE("trimRight", " a\t ", " a"),
    CASE("trim", "  ", ""),
    CASE("parityEven7bit", "\0\x01\x03\x7F", "\0\x81\x03\xFF"),
    CASE("parityOdd7bit", "\0\x01\x03\x7F", "\x80\x01\x83\x7F"),
    CASE("parityZero7bit", "a\xE1", "aa"),
};

static transform_id_t id_of(const char *name)
{
    transform_id_t id;
    assert_ok(transform_find(slice_cstr_in(name), &id));
    return id;
}

static void cases(void **state)
{
    bool tried[TRANSFORM_COUNT] = {false};
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        transform_id_t id = id_of(CASES[i].name);
        slice_t got = apply(id, CASES[i].in);
        if (!slice_eq(got, CASES[i].want)) {
            fail_msg("%s(\"%.*s\"): got \"%.*s\"", CASES[i].name, SLICE_FMT(CASES[i].in),
                     SLICE_FMT(got));
        }
        tried[id] = true;
    }
    tried[TRANSFORM_MD5] = tried[TRANSFORM_SHA1] = true; /* below */
    for (size_t i = 0; i < TRANSFORM_COUNT; i++) {
        assert_true(tried[i]);
    }
}

/* RFC 1321 A.5; FIPS 180's examples; lengths about the padding's edges against each other. */
static void digests(void **state)
{
    static const struct {
        transform_id_t id;
        slice_t in;
        const char *hex;
    } KNOWN[] = {
        {TRANSFORM_MD5, S_(""), "d41d8cd98f00b204e9800998ecf8427e"},
        {TRANSFORM_MD5, S_("abc"), "900150983cd24fb0d6963f7d28e17f72"},
        {TRANSFORM_MD5,
         S_("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
         "57edf4a22be3c955ac49da2e2107b67a"},
        {TRANSFORM_SHA1, S_(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {TRANSFORM_SHA1, S_("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {TRANSFORM_SHA1, S_("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
         "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
    };
    for (size_t i = 0; i < BASE_COUNT(KNOWN); i++) {
        slice_t hex = apply(TRANSFORM_HEX_ENCODE, apply(KNOWN[i].id, KNOWN[i].in));
        assert_slice(hex, slice_cstr_in(KNOWN[i].hex));
    }
}

static void names(void **state)
{
    transform_id_t id;
    assert_ok(transform_find(SLICE("URLDECODEUNI"), &id));
    assert_int_equal(id, TRANSFORM_URL_DECODE_UNI);
    assert_ok(transform_find(SLICE("normalisePath"), &id));
    assert_string_equal(transform_name(id), "normalizePath");
    assert_err(transform_find(SLICE(""), &id), ERR_NOT_FOUND); /* not the empty alias */
    assert_err(transform_find(SLICE("t:none"), &id), ERR_NOT_FOUND);
    assert_err(transform_find(SLICE("urlDecodeUn"), &id), ERR_NOT_FOUND);
    assert_string_equal(transform_name(TRANSFORM_COUNT), "");
    slice_t out;
    assert_err(transform_apply(TRANSFORM_COUNT, SLICE("x"), &arena, &out), ERR_USAGE);
    assert_false(transform_is_identity(TRANSFORM_COUNT, 0));
}

/* Each byte has a class, and the union over a value is that of its bytes, at any length and place.
 */
static void classes(void **state)
{
    uint8_t bytes[64];
    for (unsigned c = 0; c < 256; c++) {
        bytes[0] = (uint8_t)c;
        uint32_t own = transform_classes(slice_make(bytes, 1));
        assert_int_not_equal(own, 0);
        for (size_t at = 0; at < 24; at++) {
            memset(bytes, 'a', sizeof bytes);
            bytes[at] = (uint8_t)c;
            assert_int_equal(transform_classes(slice_make(bytes, 24)), own | TRANSFORM_LOWER);
        }
    }
    assert_int_equal(transform_classes(SLICE_EMPTY), 0);
    assert_int_equal(transform_classes(SLICE("\xA0")), TRANSFORM_HIGH | TRANSFORM_NBSP);
    assert_int_equal(transform_classes(SLICE("xX")),
                     TRANSFORM_LOWER | TRANSFORM_UPPER | TRANSFORM_EX);
}

/* Values made of few classes each, so that "identity" is often said; it must be true each time, and
 * often enough. */
static void identity_is_never_wrong(void **state)
{
    static const char ALPHABETS[][24] = {
        "abcdef",   "abc 123",  "A-Z_",    "a%+41u", "&lt;#60x",     "\\x41u\n",
        "/.\\a",    "\"'^,;( ", "*/<!->#", "0x4Aa",  " \t\r\n\v\fa", "\xE3\x81\x82\xC2\xA0",
        "QUJD=+/-_"};
    uint64_t seed = 7;
    size_t said = 0, unchanged = 0;
    for (size_t round = 0; round < 20000; round++) {
        uint8_t mem[20];
        const char *letters = ALPHABETS[round % BASE_COUNT(ALPHABETS)];
        size_t len = test_random(&seed) % sizeof mem, many = strlen(letters) + (round % 97 == 0);
        for (size_t i = 0; i < len; i++) {
            mem[i] = (uint8_t)letters[test_random(&seed) % many]; /* NULs now and then */
        }
        slice_t in = slice_make(mem, len);
        uint32_t set = transform_classes(in);
        for (unsigned id = 0; id < TRANSFORM_COUNT; id++) {
            slice_t out = apply((transform_id_t)id, in);
            bool same = slice_eq(out, in),
                 identity = transform_is_identity((transform_id_t)id, set);
            assert_true(same || !identity);
            assert_true(!same || out.ptr == in.ptr);
            said += identity;
            unchanged += same;
        }
        arena_reset(&arena);
    }
    assert_true(said * 10 > unchanged * 7);
    assert_true(transform_is_identity(TRANSFORM_URL_DECODE_UNI, transform_classes(SLICE("abc 1"))));
    assert_false(transform_is_identity(TRANSFORM_LENGTH, 0)); /* "" becomes "0" */
    assert_false(transform_is_identity(TRANSFORM_BASE64_ENCODE, TRANSFORM_LOWER));
}

/* Every byte at every place of a long value: eight at a time and one by one are the same. */
static void every_byte_in_lower_case(void **state)
{
    for (unsigned c = 0; c < 256; c++) {
        for (size_t at = 0; at < 19; at++) {
            uint8_t mem[20], want[20];
            memset(mem, 'A', sizeof mem);
            memset(want, 'a', sizeof want);
            mem[at] = (uint8_t)c;
            want[at] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 0x20) : (uint8_t)c;
            assert_slice(apply(TRANSFORM_LOWERCASE, slice_make(mem, sizeof mem)),
                         slice_make(want, sizeof want));
        }
        arena_reset(&arena);
    }
}

/* Coders and their decoders. */
static void round_trips(void **state)
{
    uint64_t seed = 11;
    for (size_t round = 0; round < 3000; round++) {
        uint8_t mem[200];
        size_t len = test_random(&seed) % sizeof mem;
        for (size_t i = 0; i < len; i++) {
            mem[i] = (uint8_t)(test_random(&seed) >> 9);
        }
        slice_t in = slice_make(mem, len);
        assert_slice(apply(TRANSFORM_BASE64_DECODE, apply(TRANSFORM_BASE64_ENCODE, in)), in);
        assert_slice(apply(TRANSFORM_BASE64_DECODE_EXT, apply(TRANSFORM_BASE64_ENCODE, in)), in);
        assert_slice(apply(TRANSFORM_HEX_DECODE, apply(TRANSFORM_HEX_ENCODE, in)), in);
        assert_slice(apply(TRANSFORM_URL_DECODE, apply(TRANSFORM_URL_ENCODE, in)), in);
        assert_slice(apply(TRANSFORM_URL_DECODE_UNI, apply(TRANSFORM_URL_ENCODE, in)), in);
        static const transform_id_t ONCE[] = {TRANSFORM_LOWERCASE, TRANSFORM_REMOVE_NULLS,
                                              TRANSFORM_REMOVE_WHITESPACE,
                                              TRANSFORM_COMPRESS_WHITESPACE, TRANSFORM_TRIM};
        for (size_t i = 0; i < BASE_COUNT(ONCE); i++) { /* twice is once */
            slice_t out = apply(ONCE[i], in);
            assert_ptr_equal(apply(ONCE[i], out).ptr, out.ptr);
        }
        arena_reset(&arena);
    }
}

/* Long values, made of what each transformation looks for, in time that grows with the length
 * alone. */
static void long_values(void **state)
{
    static const char *const PATTERNS[] = {
        "%41", "%u",    "&#60;", "&",  "\\",           "\\ff1c ", "/*",   "*/", "<!--", "../",
        "/./", "a/../", "..",    "//", "\xE3\x81\x82", "\xF0",    "0x41", " ",  "=",    "\0"};
    const size_t size = 1 << 18;
    uint8_t *mem = malloc(size);
    assert_non_null(mem);
    for (size_t k = 0; k < BASE_COUNT(PATTERNS); k++) {
        size_t step = PATTERNS[k][0] ? strlen(PATTERNS[k]) : 1;
        for (size_t i = 0; i < size; i++) {
            mem[i] = (uint8_t)PATTERNS[k][i % step];
        }
        for (unsigned id = 0; id < TRANSFORM_COUNT; id++) {
            slice_t out = apply((transform_id_t)id, slice_make(mem, size));
            assert_true(out.len <= 4 * size);
            arena_reset(&arena);
        }
    }
    free(mem);
}

static void out_of_memory(void **state)
{
    static const slice_t IN = S_("A%41&lt;\\x41/*/../ \0\xE3\x81\x82 0x4142 = a");
    size_t refused = 0;
    for (unsigned id = 0; id < TRANSFORM_COUNT; id++) {
        slice_t out = SLICE("kept");
        arena.fail_after = 0;
        err_t e = transform_apply((transform_id_t)id, IN, &arena, &out);
        arena.fail_after = -1;
        if (err_failed(e)) {
            assert_err(e, ERR_MEMORY);
            assert_slice(out, SLICE("kept"));
            refused++;
        }
    }
    assert_true(refused >
                TRANSFORM_COUNT - 8); /* all but none, the trims and those with nothing to do */
}

static void maps(void **state)
{
    static transform_map_t map;
    static const char FILE_[] =
        "# comment\n\n1250  (ANSI - Central Europe)\r\n00a1:22\r\n"
        "20127 (US-ASCII)\n2215:2f ff1c:3c  00a1:21\n\n437 (OEM)\n00a1:23 zz\n";
    slice_t file = slice_cstr_in(FILE_), out;
    assert_ok(transform_map_parse(file, 20127, &map));
    assert_ok(transform_apply_mapped(TRANSFORM_URL_DECODE_UNI,
                                     SLICE("%u2215%u00a1%u0041%uff1d%u3002"), &map, &arena, &out));
    assert_slice(out, SLICE("/!A=.")); /* without an entry as without a map */
    assert_ok(transform_map_parse(file, 1250, &map));
    assert_ok(
        transform_apply_mapped(TRANSFORM_URL_DECODE_UNI, SLICE("%u00a1"), &map, &arena, &out));
    assert_slice(out, SLICE("\""));
    assert_err(transform_map_parse(file, 437, &map), ERR_SYNTAX);
    assert_err(transform_map_parse(file, 932, &map), ERR_NOT_FOUND);
    assert_err(transform_map_parse(SLICE_EMPTY, 20127, &map), ERR_NOT_FOUND);
    static const char *const BAD[] = {"00a1", "00a1:", ":21", "00a1:211", "000a1:21", "00g1:21"};
    for (size_t i = 0; i < BASE_COUNT(BAD); i++) {
        char text[64];
        snprintf(text, sizeof text, "20127 (x)\n%s\n", BAD[i]);
        assert_err(transform_map_parse(slice_cstr_in(text), 20127, &map), ERR_SYNTAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(cases, reset),
        cmocka_unit_test_setup(digests, reset),
        cmocka_unit_test_setup(names, reset),
        cmocka_unit_test_setup(classes, reset),
        cmocka_unit_test_setup(identity_is_never_wrong, reset),
        cmocka_unit_test_setup(every_byte_in_lower_case, reset),
        cmocka_unit_test_setup(round_trips, reset),
        cmocka_unit_test_setup(long_values, reset),
        cmocka_unit_test_setup(out_of_memory, reset),
        cmocka_unit_test_setup(maps, reset),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_deinit(&arena);
    return failed;
}
