/* JSON: grammar, decoding, depth, walking, looking up. */
#include "base/test.h"

#include "text/json.h"
#include "text/utf8.h"

static arena_t arena;

static int reset(void **state)
{
    arena_deinit(&arena);
    arena_init(&arena, 4 << 20);
    return 0;
}

/* One letter a token, texts in brackets. */
static err_t flatten(slice_t in, unsigned depth, buf_t *out)
{
    static const char LETTERS[] = "$o/a;KSNTFZ";
    json_reader_t r = json_on(in, depth);
    for (;;) {
        json_token_t t;
        TRY(json_next(&r, &arena, &t));
        buf_u8(out, (uint8_t)LETTERS[t.kind]);
        if (t.kind == JSON_KEY || t.kind == JSON_STRING || t.kind == JSON_NUMBER) {
            buf_u8(out, '(');
            buf_put(out, t.text);
            buf_u8(out, ')');
        }
        if (t.kind == JSON_END) {
            return OK;
        }
    }
}

static void documents(void **state)
{
    static const struct {
        const char *in;
        err_code_t code;
        const char *tokens;
    } CASES[] = {
        {"{}", ERR_NONE, "o/$"},
        {" [ ] ", ERR_NONE, "a;$"},
        {"1", ERR_NONE, "N(1)$"},
        {"{\"a\":1,\"a\":[true,false,null]}", ERR_NONE, "oK(a)N(1)K(a)aTFZ;/$"},
        {"[-0.5e+10,0,1E5]", ERR_NONE, "aN(-0.5e+10)N(0)N(1E5);$"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", ERR_NONE, "S(\"\\/\b\f\n\r\t)$"},
        {"\"\\u3042\\ud83d\\uDE00\"", ERR_NONE, "S(あ😀)$"},
        {"[[[]]]", ERR_NONE, "aaa;;;$"},
        {"", ERR_SYNTAX, ""},
        {" ", ERR_SYNTAX, ""},
        {"{", ERR_SYNTAX, ""},
        {"[1", ERR_SYNTAX, ""},
        {"[1}", ERR_SYNTAX, ""},
        {"{\"a\"]", ERR_SYNTAX, ""},
        {"[1,]", ERR_SYNTAX, ""},
        {"[,1]", ERR_SYNTAX, ""},
        {"[1 2]", ERR_SYNTAX, ""},
        {"{\"a\":1,}", ERR_SYNTAX, ""},
        {"{\"a\" 1}", ERR_SYNTAX, ""},
        {"{a:1}", ERR_SYNTAX, ""},
        {"{1:1}", ERR_SYNTAX, ""},
        {"{\"a\"}", ERR_SYNTAX, ""},
        {"1 2", ERR_SYNTAX, ""},
        {"[]]", ERR_SYNTAX, ""},
        {"01", ERR_SYNTAX, ""},
        {"-", ERR_SYNTAX, ""},
        {"+1", ERR_SYNTAX, ""},
        {".5", ERR_SYNTAX, ""},
        {"5.", ERR_SYNTAX, ""},
        {"1e", ERR_SYNTAX, ""},
        {"0x10", ERR_SYNTAX, ""},
        {"NaN", ERR_SYNTAX, ""},
        {"True", ERR_SYNTAX, ""},
        {"nul", ERR_SYNTAX, ""},
        {"'a'", ERR_SYNTAX, ""},
        {"\"a", ERR_SYNTAX, ""},
        {"\"a\nb\"", ERR_SYNTAX, ""},
        {"\"\\x41\"", ERR_SYNTAX, ""},
        {"\"\\u12\"", ERR_SYNTAX, ""},
        {"\"\\u12g4\"", ERR_SYNTAX, ""},
        {"\"\\\"", ERR_SYNTAX, ""},
        {"/**/1", ERR_SYNTAX, ""},
        {"\"\\ud800\"", ERR_ENCODING, ""},
        {"\"\\udc00\"", ERR_ENCODING, ""},
        {"\"\\ud800\\u0041\"", ERR_ENCODING, ""},
        {"\"\\ud800x\"", ERR_ENCODING, ""},
        {"\"\xff\"", ERR_ENCODING, ""},
        {"\"\xed\xa0\x80\"", ERR_ENCODING, ""},
        {"\xef\xbb\xbf{}", ERR_ENCODING, ""},
        {"[[[[[]]]]]", ERR_LIMIT, ""},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        uint8_t mem[256];
        buf_t b = BUF_ON_ARRAY(mem);
        err_t e = flatten(slice_cstr_in(CASES[i].in), 4, &b);
        if (e.code != CASES[i].code) {
            fail_msg("%s: %s", CASES[i].in, err_name(e.code));
        }
        if (!err_failed(e)) {
            assert_slice(buf_slice(&b), slice_cstr_in(CASES[i].tokens));
        }
    }
    uint8_t mem[16];
    buf_t b = BUF_ON_ARRAY(mem);
    assert_ok(flatten(SLICE("\"\\u0000\""), 4, &b));
    assert_slice(buf_slice(&b), SLICE("S(\0)$"));
}

static void errors_and_ends_stay(void **state)
{
    json_token_t t;
    json_reader_t r = json_on(SLICE("[1 2]"), 4);
    assert_ok(json_next(&r, &arena, &t));
    assert_ok(json_next(&r, &arena, &t));
    assert_err(json_next(&r, &arena, &t), ERR_SYNTAX);
    assert_err(json_next(&r, &arena, &t), ERR_SYNTAX);
    r = json_on(SLICE("1"), 4);
    assert_ok(json_next(&r, &arena, &t));
    assert_ok(json_next(&r, &arena, &t));
    assert_ok(json_next(&r, &arena, &t));
    assert_int_equal(t.kind, JSON_END);
    r = json_on(SLICE("\"\\n\""), 4);
    arena.fail_after = 0;
    assert_err(json_next(&r, &arena, &t), ERR_MEMORY);
}

static void cut_short_is_refused(void **state)
{
    slice_t whole = SLICE("{\"a\":[1,\"\\u3042b\",{\"c\":null}],\"d\":\"\xe3\x81\x82\"}");
    uint8_t mem[256];
    for (size_t len = 0; len < whole.len; len++) {
        buf_t b = BUF_ON_ARRAY(mem);
        assert_true(err_failed(flatten(slice_sub(whole, 0, len), 8, &b)));
    }
}

static void depth_is_capped(void **state)
{
    uint8_t mem[256], out[1024];
    for (unsigned depth = 1; depth <= JSON_MAX_DEPTH + 1; depth++) {
        buf_t doc = BUF_ON_ARRAY(mem), b = BUF_ON_ARRAY(out);
        for (unsigned i = 0; i < depth; i++) {
            buf_u8(&doc, '[');
        }
        for (unsigned i = 0; i < depth; i++) {
            buf_u8(&doc, ']');
        }
        err_t e = flatten(buf_slice(&doc), 1000, &b);
        assert_int_equal(e.code, depth <= JSON_MAX_DEPTH ? ERR_NONE : ERR_LIMIT);
    }
}

static err_t collect(void *user, slice_t path, json_token_t leaf)
{
    buf_t *b = user;
    buf_put(b, path);
    buf_u8(b, leaf.kind == JSON_KEY ? '#' : '=');
    buf_put(b, leaf.text);
    buf_u8(b, ' ');
    return OK;
}

static err_t stop(void *user, slice_t path, json_token_t leaf)
{
    return FAIL(ERR_STOPPED);
}

static void leaves(void **state)
{
    uint8_t mem[512];
    buf_t b = BUF_ON_ARRAY(mem);
    slice_t doc = SLICE("{\"a\":{\"b\":[1,\"x\",[],{\"c\":true}],\"d\":null},\"e\":{},\"f\":2}");
    assert_ok(json_walk(doc, &arena, 8, collect, &b));
    assert_slice(buf_slice(&b), SLICE("#a a#b a.b.0=1 a.b.1=x a.b.2= a.b.3#c a.b.3.c= a#d a.d= #e "
                                      "e= #f f=2 "));
    buf_reset(&b);
    assert_ok(json_walk(SLICE("7"), &arena, 8, collect, &b));
    assert_slice(buf_slice(&b), SLICE("=7 "));
    assert_err(json_walk(doc, &arena, 8, stop, NULL), ERR_STOPPED);
    assert_err(json_walk(SLICE("[1"), &arena, 8, collect, &b), ERR_SYNTAX);
}

static err_t longest(void *user, slice_t path, json_token_t leaf)
{
    size_t *max = user;
    CHECK(utf8_valid(path));
    *max = path.len > *max ? path.len : *max;
    return OK;
}

static void long_paths_are_cut(void **state)
{
    uint8_t mem[8192];
    buf_t doc = BUF_ON_ARRAY(mem);
    for (size_t i = 0; i < 20; i++) {
        buf_cstr(&doc, "{\"");
        for (size_t k = 0; k < 33; k++) {
            buf_cstr(&doc, "あ");
        }
        buf_cstr(&doc, "\":");
    }
    buf_cstr(&doc, "1");
    for (size_t i = 0; i < 20; i++) {
        buf_cstr(&doc, "}");
    }
    size_t max = 0;
    assert_ok(json_walk(buf_slice(&doc), &arena, 64, longest, &max));
    assert_in_range(max, JSON_MAX_PATH - 4, JSON_MAX_PATH);
}

static void lookups(void **state)
{
    static const char DOC[] = "{\"id\":\"x1\",\"data\":{\"amount\":12300,\"items\":[{\"id\":1},"
                              "{\"id\":-2}],\"n\":null},\"dup\":1,\"dup\":2,\"f\":1.5,\"\":3}";
    static const struct {
        const char *path;
        err_code_t code;
        int64_t value;
    } CASES[] = {
        {"data.amount", ERR_NONE, 12300},
        {"data.items.1.id", ERR_NONE, -2},
        {"data.items.2.id", ERR_NOT_FOUND, 0},
        {"data.items.x", ERR_NOT_FOUND, 0},
        {"data.missing", ERR_NOT_FOUND, 0},
        {"id.deeper", ERR_NOT_FOUND, 0},
        {"dup", ERR_CONFLICT, 0},
        {"data", ERR_SYNTAX, 0},
        {"data.n", ERR_SYNTAX, 0},
        {"id", ERR_SYNTAX, 0},
        {"f", ERR_SYNTAX, 0},
        {"", ERR_NONE, 3},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        int64_t v = 0;
        err_t e = json_get_i64(slice_cstr_in(DOC), &arena, slice_cstr_in(CASES[i].path), &v);
        if (e.code != CASES[i].code) {
            fail_msg("%s: %s", CASES[i].path, err_name(e.code));
        }
        assert_int_equal(v, CASES[i].value);
    }
    slice_t s;
    assert_ok(json_get_string(slice_cstr_in(DOC), &arena, SLICE("id"), &s));
    assert_slice(s, SLICE("x1"));
    assert_err(json_get_string(slice_cstr_in(DOC), &arena, SLICE("data.amount"), &s), ERR_SYNTAX);
    assert_err(json_get_string(SLICE("{\"id\":\"x\"} x"), &arena, SLICE("id"), &s), ERR_SYNTAX);
    assert_err(json_get_string(SLICE("{\"id\":\"x\",\"y\":[}"), &arena, SLICE("id"), &s),
               ERR_SYNTAX);
}

static void strings_round_trip(void **state)
{
    uint64_t seed = 3;
    for (size_t round = 0; round < 3000; round++) {
        uint8_t text[64], mem[512];
        buf_t in = BUF_ON_ARRAY(text), out = BUF_ON_ARRAY(mem);
        for (size_t i = test_random(&seed) % 12; i > 0; i--) {
            uint64_t x = test_random(&seed);
            buf_utf8(&in, (uint32_t)(x & 1 ? (x >> 8) % 128 : (x >> 8) % 0x10FFFF));
        }
        json_put_string(&out, buf_slice(&in));
        json_reader_t r = json_on(buf_slice(&out), 1);
        json_token_t t;
        assert_ok(json_next(&r, &arena, &t));
        assert_slice(t.text, buf_slice(&in));
        assert_int_equal(slice_find_byte(buf_slice(&out), '<'), SIZE_MAX);
        arena_reset(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(documents, reset),
        cmocka_unit_test_setup(errors_and_ends_stay, reset),
        cmocka_unit_test_setup(cut_short_is_refused, reset),
        cmocka_unit_test_setup(depth_is_capped, reset),
        cmocka_unit_test_setup(leaves, reset),
        cmocka_unit_test_setup(long_paths_are_cut, reset),
        cmocka_unit_test_setup(lookups, reset),
        cmocka_unit_test_setup(strings_round_trip, reset),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_deinit(&arena);
    return failed;
}
