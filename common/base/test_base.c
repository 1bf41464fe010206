/* Slices, buffers, cursors, arena, errors, ids, clock, secret. */
#include "base/test.h"

#include "base/clock.h"
#include "base/cursor.h"
#include "base/id.h"
#include "base/secret.h"

static void slices_compare(void **state)
{
    static const struct {
        const char *a, *b;
        bool eq, nocase;
        int order;
    } CASES[] = {
        {"", "", true, true, 0},        {"a", "a", true, true, 0},     {"a", "A", false, true, 1},
        {"a", "b", false, false, -1},   {"a", "ab", false, false, -1}, {"ab", "a", false, false, 1},
        {"a[", "a{", false, false, -1}, {"Z", "z", false, true, -1},   {"@", "`", false, false, -1},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        slice_t a = slice_cstr_in(CASES[i].a), b = slice_cstr_in(CASES[i].b);
        assert_int_equal(slice_eq(a, b), CASES[i].eq);
        assert_int_equal(slice_eq_ct(a, b), CASES[i].eq);
        assert_int_equal(slice_eq_nocase(a, b), CASES[i].nocase);
        int order = slice_cmp(a, b);
        assert_int_equal((order > 0) - (order < 0), CASES[i].order);
    }
    assert_true(slice_starts(SLICE("abc"), SLICE("ab")) &&
                !slice_starts(SLICE("ab"), SLICE("abc")));
    assert_true(slice_ends(SLICE("abc"), SLICE("bc")) && !slice_ends(SLICE("bc"), SLICE("abc")));
    assert_true(slice_ends(SLICE("abc"), SLICE_EMPTY) && slice_starts(SLICE_EMPTY, SLICE_EMPTY));
}

static void slices_never_leave_their_bytes(void **state)
{
    slice_t s = SLICE("0123456789");
    for (size_t from = 0; from < 14; from++) {
        for (size_t len = 0; len < 14; len++) {
            slice_t part = slice_sub(s, from, len);
            size_t want = from >= 10 ? 0 : len < 10 - from ? len : 10 - from;
            assert_int_equal(part.len, want);
            assert_true(part.len == 0 || part.ptr == s.ptr + from);
        }
    }
    assert_int_equal(slice_sub(s, SIZE_MAX, SIZE_MAX).len, 0);
    assert_int_equal(slice_from(s, 9).len, 1);
    assert_int_equal(slice_find(s, SLICE("345")), 3);
    assert_int_equal(slice_find(s, SLICE("9A")), SIZE_MAX);
    assert_int_equal(slice_find(s, SLICE_EMPTY), 0);
    assert_int_equal(slice_find_byte(SLICE_EMPTY, '0'), SIZE_MAX);
    assert_slice(slice_trim(SLICE(" \t\r\n a b \n")), SLICE("a b"));
    assert_int_equal(slice_trim(SLICE(" \t")).len, 0);
}

static void slices_split(void **state)
{
    static const struct {
        const char *text;
        size_t parts;
    } CASES[] = {{"", 1}, {"a", 1}, {"a,", 2}, {",", 2}, {"a,b,,c", 4}};
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        slice_t rest = slice_cstr_in(CASES[i].text), part;
        size_t parts = 0, bytes = 0;
        while (slice_split(&rest, ',', &part)) {
            parts++;
            bytes += part.len;
        }
        assert_int_equal(parts, CASES[i].parts);
        assert_int_equal(bytes + parts - 1, strlen(CASES[i].text));
        assert_false(slice_split(&rest, ',', &part));
    }
}

static void numbers_parse_strictly(void **state)
{
    static const struct {
        const char *text;
        err_code_t code;
        int64_t value;
    } CASES[] = {
        {"0", ERR_NONE, 0},
        {"-1", ERR_NONE, -1},
        {"9223372036854775807", ERR_NONE, INT64_MAX},
        {"-9223372036854775807", ERR_NONE, -INT64_MAX},
        {"9223372036854775808", ERR_RANGE, 0},
        {"99999999999999999999999999", ERR_RANGE, 0},
        {"", ERR_SYNTAX, 0},
        {"-", ERR_SYNTAX, 0},
        {"+1", ERR_SYNTAX, 0},
        {" 1", ERR_SYNTAX, 0},
        {"1 ", ERR_SYNTAX, 0},
        {"--1", ERR_SYNTAX, 0},
        {"1e3", ERR_SYNTAX, 0},
        {"0x10", ERR_SYNTAX, 0},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        int64_t v = 77;
        err_t e = slice_parse_i64(slice_cstr_in(CASES[i].text), INT64_MIN, INT64_MAX, &v);
        assert_int_equal(e.code, CASES[i].code);
        assert_int_equal(v, CASES[i].code ? 77 : CASES[i].value); /* untouched on failure */
    }
    uint64_t u;
    assert_ok(slice_parse_u64(SLICE("18446744073709551615"), UINT64_MAX, &u));
    assert_true(u == UINT64_MAX);
    assert_err(slice_parse_u64(SLICE("18446744073709551616"), UINT64_MAX, &u), ERR_RANGE);
    assert_err(slice_parse_u64(SLICE("100"), 99, &u), ERR_RANGE);
    assert_err(slice_parse_u64(SLICE("-1"), UINT64_MAX, &u), ERR_SYNTAX);
}

static void buf_full_is_sticky(void **state)
{
    uint8_t mem[9];
    memset(mem, 0xEE, sizeof mem);
    buf_t b = buf_on(mem, 8);
    buf_u32(&b, 0x04030201);
    buf_put(&b, SLICE("abcde")); /* one too many: nothing of it is written */
    assert_true(b.full);
    assert_int_equal(b.len, 4);
    buf_u8(&b, 'x'); /* would fit, but something is already missing */
    assert_int_equal(b.len, 4);
    assert_null(buf_room(&b, 0));
    assert_err(buf_check(&b), ERR_LIMIT);
    assert_int_equal(mem[8], 0xEE);
    buf_reset(&b);
    buf_put(&b, SLICE("12345678"));
    assert_ok(buf_check(&b));
    assert_null(buf_room(&b, SIZE_MAX));
    assert_true(b.full);
    buf_t none = buf_on(NULL, 0);
    buf_put(&none, SLICE_EMPTY);
    assert_ok(buf_check(&none));
}

static void buf_text_forms(void **state)
{
    static const struct {
        int64_t value;
        const char *text;
    } CASES[] = {{0, "0"},
                 {-1, "-1"},
                 {1234567890, "1234567890"},
                 {INT64_MAX, "9223372036854775807"},
                 {INT64_MIN, "-9223372036854775808"}};
    uint8_t mem[64];
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        buf_t b = BUF_ON_ARRAY(mem);
        buf_dec(&b, CASES[i].value);
        assert_slice(buf_slice(&b), slice_cstr_in(CASES[i].text));
    }
    buf_t b = BUF_ON_ARRAY(mem);
    buf_dec_pad(&b, 7, 3);
    buf_dec_pad(&b, 12345, 3);
    buf_hex(&b, SLICE("\x00\xAf"));
    assert_slice(buf_slice(&b), SLICE("0071234500af"));
    uint8_t big[70000];
    memset(big, 'x', sizeof big);
    uint8_t room[80000];
    buf_t wide = BUF_ON_ARRAY(room);
    buf_str16(&wide, slice_make(big, 65536)); /* longer than 16 bits can say */
    assert_true(wide.full);
    assert_int_equal(wide.len, 0);
}

static void cursor_reads_what_buf_wrote(void **state)
{
    uint8_t mem[128];
    buf_t b = BUF_ON_ARRAY(mem);
    buf_u8(&b, 1);
    buf_u16(&b, 0x0203);
    buf_u32(&b, 0x04050607);
    buf_u64(&b, UINT64_C(0x08090a0b0c0d0e0f));
    buf_i64(&b, INT64_MIN);
    buf_u16be(&b, 0x0203);
    buf_u32be(&b, 0x04050607);
    buf_u64be(&b, UINT64_C(0x08090a0b0c0d0e0f));
    buf_str16(&b, SLICE("ab"));
    buf_str32(&b, SLICE(""));
    buf_u8(&b, 1);
    slice_t all = buf_slice(&b);
    /* Whatever is cut off, the end notices; only the whole reads well. */
    for (size_t len = 0; len <= all.len + 1; len++) {
        cursor_t c = cur_on(slice_sub(all, 0, len));
        bool same = cur_u8(&c) == 1;
        same &= cur_u16(&c) == 0x0203;
        same &= cur_u32(&c) == 0x04050607;
        same &= cur_u64(&c) == UINT64_C(0x08090a0b0c0d0e0f);
        same &= cur_i64(&c) == INT64_MIN;
        same &= cur_u16be(&c) == 0x0203;
        same &= cur_u32be(&c) == 0x04050607;
        same &= cur_u64be(&c) == UINT64_C(0x08090a0b0c0d0e0f);
        same &= slice_eq(cur_str16(&c), SLICE("ab"));
        same &= cur_str32(&c).len == 0;
        same &= cur_bool(&c);
        assert_int_equal(same && !err_failed(cur_end(&c)), len >= all.len);
    }
    cursor_t over = cur_on(all);
    (void)cur_bytes(&over, 3);
    assert_err(cur_end(&over), ERR_SYNTAX); /* left-over bytes */
    assert_int_equal(cur_rest(&over).len, all.len - 3);
    assert_ok(cur_end(&over));
}

static void cursor_bad_is_sticky(void **state)
{
    uint8_t out[4] = {9, 9, 9, 9};
    cursor_t c = cur_on(SLICE("\x02"
                              "ab"));
    cur_copy(&c, out, 4);
    assert_true(c.bad && out[0] == 0 && out[3] == 0);
    assert_int_equal(cur_u8(&c), 0); /* though a byte is there */
    assert_err(cur_end(&c), ERR_SYNTAX);
    cursor_t two = cur_on(SLICE("\x02"));
    assert_false(cur_bool(&two));
    assert_true(two.bad); /* a bool is 0 or 1 */
    cursor_t lying = cur_on(SLICE("\xff\xff\xff\xff"
                                  "ab"));
    assert_int_equal(cur_str32(&lying).len, 0);
    assert_true(lying.bad);
}

static void arena_has_a_cap(void **state)
{
    arena_t a;
    arena_init(&a, 1024);
    uint8_t *p = arena_alloc(&a, 1000);
    assert_non_null(p);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(p[i], 0);
    }
    assert_int_equal((uintptr_t)p % 16, 0);
    assert_non_null(arena_alloc(&a, 16));
    assert_null(arena_alloc(&a, 1)); /* 1008 + 16 = 1024: used up */
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 1024));
    arena_reset(&a);
    assert_null(arena_alloc(&a, 1025));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_array(&a, SIZE_MAX / 2, 3));
    assert_null(ARENA_ARRAY(&a, uint64_t, SIZE_MAX / 4));
    arena_deinit(&a);
    arena_deinit(&a);
}

static err_t three_allocations(arena_t *a)
{
    slice_t copy, text;
    const char *c_text;
    TRY(arena_copy(a, SLICE("abc"), &copy));
    TRY(arena_cstr(a, copy, &c_text));
    TRY(arena_printf(a, &text, "%s-%d", c_text, 5));
    ENSURE(slice_eq(text, SLICE("abc-5")), ERR_CORRUPT);
    return OK;
}

static void arena_fails_the_nth(void **state)
{
    for (int64_t n = 0; n < 5; n++) {
        arena_t a;
        arena_init(&a, 4096);
        a.fail_after = n;
        err_t e = three_allocations(&a);
        assert_int_equal(e.code, n < 3 ? ERR_MEMORY : ERR_NONE);
        arena_deinit(&a);
    }
    arena_t a;
    const char *text;
    arena_init(&a, 4096);
    assert_err(arena_cstr(&a, SLICE("a\0b"), &text), ERR_ENCODING);
    arena_deinit(&a);
}

static void arena_spans_chunks(void **state)
{
    arena_t a;
    arena_init(&a, 1 << 20);
    uint8_t *parts[200];
    for (size_t i = 0; i < 200; i++) {
        parts[i] = arena_alloc(&a, 1 + i * 25);
        assert_non_null(parts[i]);
        memset(parts[i], (int)i, 1 + i * 25);
    }
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(parts[i][0], i);
        assert_int_equal(parts[i][i * 25], i);
    }
    assert_null(arena_alloc(&a, 1 << 20));
    arena_deinit(&a);
}

static void errors_have_numbers_of_their_own(void **state)
{
    static const struct {
        unsigned number;
        int http;
        const char *name, *text;
    } ROWS[] = {
#define ERR_ROW(name, number, http, text) {(number), (http), #name, (text)},
#include "base/err_table.h"
#undef ERR_ROW
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        assert_string_equal(err_name(ROWS[i].number), ROWS[i].name);
        assert_string_equal(err_text(ROWS[i].number), ROWS[i].text);
        assert_int_equal(err_http(ROWS[i].number), ROWS[i].http);
        assert_true(ROWS[i].http >= 200 && ROWS[i].http < 600);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(ROWS[i].number, ROWS[k].number);
            assert_string_not_equal(ROWS[i].name, ROWS[k].name);
        }
    }
    assert_int_equal(ERR_NONE, 0);
    assert_int_equal(ERR_CARD_DATA, 22); /* numbers are stable: they stand in logs */
    assert_int_equal(err_http(60000), 500);
    assert_string_equal(err_name(60000), "UNKNOWN");
}

static void errors_say_where(void **state)
{
    err_t e = FAIL_SYS(ERR_IO, 5);
    assert_string_equal(e.where, "test_base.c");
    assert_true(e.line > 0 && e.sys == 5 && err_failed(e) && err_is(e, ERR_IO));
    assert_false(err_failed(OK));
}

static void ids_round_trip(void **state)
{
    int64_t before = clock_wall_us() / 1000;
    char text[ID_TEXT];
    for (size_t i = 0; i < 1000; i++) {
        id128_t id = id_new(), back;
        id_encode(id, text);
        assert_ok(id_decode(slice_make(text, ID_TEXT), &back));
        assert_true(id_eq(id, back) && !id_is_zero(id));
        assert_int_equal(id.b[6] >> 4, 7); /* RFC 9562: version 7, variant 10 */
        assert_int_equal(id.b[8] >> 6, 2);
        assert_true(id_time_ms(id) >= before && id_time_ms(id) <= clock_wall_us() / 1000);
    }
    static const char *const BAD[] = {"",
                                      "bcdfghjkmnpqrstvbcdfghjkmnpqrst",   /* 31 */
                                      "bcdfghjkmnpqrstvbcdfghjkmnpqrstvv", /* 33 */
                                      "bcdfghjkmnpqrstvbcdfghjkmnpqrst0",
                                      "BCDFGHJKMNPQRSTVBCDFGHJKMNPQRSTV",
                                      "acdfghjkmnpqrstvbcdfghjkmnpqrstv"};
    id128_t id = id_zero();
    for (size_t i = 0; i < BASE_COUNT(BAD); i++) {
        assert_err(id_decode(slice_cstr_in(BAD[i]), &id), ERR_SYNTAX);
    }
    assert_err(id_decode(slice_make("bcdfghjkmnpqrst\0bcdfghjkmnpqrstv", 32), &id), ERR_SYNTAX);
    assert_true(id_is_zero(id));
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, ID_BYTES);
}

static void a_million_ids_without_digits(void **state)
{
    enum { COUNT = 1000000 };
    id128_t *ids = malloc(COUNT * sizeof *ids);
    assert_non_null(ids);
    for (size_t i = 0; i < COUNT; i++) {
        char text[ID_TEXT];
        ids[i] = id_new();
        id_encode(ids[i], text);
        for (size_t k = 0; k < ID_TEXT; k++) {
            assert_true(text[k] >= 'b' && text[k] <= 'v' && text[k] != 'e' && text[k] != 'i' &&
                        text[k] != 'o' && text[k] != 'u');
        }
    }
    qsort(ids, COUNT, sizeof *ids, compare_ids);
    for (size_t i = 1; i < COUNT; i++) {
        assert_false(id_eq(ids[i - 1], ids[i]));
    }
    free(ids);
}

static void tokens_use_all_letters(void **state)
{
    char text[4096];
    random_letters(text, sizeof text);
    size_t seen[256] = {0};
    for (size_t i = 0; i < sizeof text; i++) {
        assert_non_null(strchr(ID_ALPHABET, text[i]));
        seen[(uint8_t)text[i]]++;
    }
    for (const char *c = ID_ALPHABET; *c; c++) {
        assert_in_range(seen[(uint8_t)*c], 128, 512); /* 256 expected; 8 sigma */
    }
}

static void the_clock_follows_its_cell(void **state)
{
    static clock_cell_t cell = {.offset_us = INT64_C(365) * CLOCK_DAY_US};
    int64_t wall = clock_wall_us(), mono = clock_mono_us();
    assert_true(wall > INT64_C(1700000000) * CLOCK_SECOND_US);
    clock_attach(&cell);
    int64_t later = clock_wall_us(), later_mono = clock_mono_us();
    assert_true(later - wall >= cell.offset_us && later - wall < cell.offset_us + CLOCK_DAY_US);
    assert_true(later_mono - mono >= cell.offset_us);
    clock_attach(NULL);
    assert_true(clock_wall_us() < later);
    int64_t last = clock_mono_us();
    for (size_t i = 0; i < 1000; i++) {
        int64_t now = clock_mono_us();
        assert_true(now >= last);
        last = now;
    }
}

static void secrets_wipe_themselves(void **state)
{
    secret_t copy;
    memset(copy.b, 0xAA, sizeof copy.b);
    secret_wipe(&copy);
    for (size_t i = 0; i < SECRET_BYTES; i++) {
        assert_int_equal(copy.b[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_compare),
        cmocka_unit_test(slices_never_leave_their_bytes),
        cmocka_unit_test(slices_split),
        cmocka_unit_test(numbers_parse_strictly),
        cmocka_unit_test(buf_full_is_sticky),
        cmocka_unit_test(buf_text_forms),
        cmocka_unit_test(cursor_reads_what_buf_wrote),
        cmocka_unit_test(cursor_bad_is_sticky),
        cmocka_unit_test(arena_has_a_cap),
        cmocka_unit_test(arena_fails_the_nth),
        cmocka_unit_test(arena_spans_chunks),
        cmocka_unit_test(errors_have_numbers_of_their_own),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(ids_round_trip),
        cmocka_unit_test(a_million_ids_without_digits),
        cmocka_unit_test(tokens_use_all_letters),
        cmocka_unit_test(the_clock_follows_its_cell),
        cmocka_unit_test(secrets_wipe_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
