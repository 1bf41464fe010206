/* The example room, rendered: kept pages in both languages, and hostile values in every place. A
 * page is told by its shape, the sequence of its tags and attribute names as a browser reads them:
 * no value may change it. TMPL_GOLDEN=write rewrites the kept pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pages.h"

enum { PAGE_MAX = 256 * 1024 };

static const char *golden_dir;

/* --- kept pages --- */

static const struct tpl_departure departures[] = {
    {20576, SLICE("/departures/1"), 1, EXAMPLE_MSG_STATUS_OPEN},
    {20577, SLICE("https://example.jp/?a=1&b=2"), 12, EXAMPLE_MSG_STATUS_FULL},
};
static const struct tpl_label labels[] = {{SLICE("温泉")}, {SLICE("<new>")}};
static const struct tpl_card_guide guide = {SLICE("O'Neil & \"山田\""), SLICE("/guides/7")};

static const struct tpl_card_args full_card = {
    .name = SLICE("京都 & 奈良 <3日間>"),
    .href = SLICE("/tours/kyoto?x=1&y=2"),
    .photo = SLICE("京都 1/2"),
    .price = 128000,
    .guide = &guide,
    .departures = departures,
    .departures_count = 2,
    .labels = labels,
    .labels_count = 2,
    .note = SLICE("\n一行目\n  二行目"),
};

static const struct tpl_home_tours tours[] = {
    {SLICE("A"), SLICE("/a"), 1000},
    {SLICE("B"), SLICE("javascript:alert(1)"), 2000},
};

static const struct tpl_home_args full_home = {
    .tours = tours,
    .tours_count = 2,
    .departures = departures,
    .departures_count = 1,
    .labels = labels,
    .labels_count = 1,
    .note = SLICE("\"><script>alert(1)</script>"),
    .query = SLICE("a&b=c d/?#"),
    .link = {SLICE("<a href=\"/terms\">§</a>")},
    .from = INT64_C(1777777777000000),
    .many = true,
    .csrf = SLICE("bcdfg\""),
};

static void put_card(buf_t *out, i18n_lang_t lang)
{
    tpl_card(out, lang, &full_card);
}

static void put_empty_card(buf_t *out, i18n_lang_t lang)
{
    tpl_card(out, lang, &(struct tpl_card_args){.soldout = true});
}

static void put_home(buf_t *out, i18n_lang_t lang)
{
    tpl_home(out, lang, &full_home);
}

static void put_mail(buf_t *out, i18n_lang_t lang)
{
    static const struct tpl_mail_lines lines[] = {{SLICE("京都 <b>"), 20576}, {SLICE("奈良"), 0}};
    tpl_mail(out, lang, &(struct tpl_mail_args){SLICE("山田 & 太郎"), 56000, lines, 2});
}

static void put_messages(buf_t *out, i18n_lang_t lang)
{
    buf_put(out, i18n_text(&example_catalog, lang, EXAMPLE_MSG_ERROR_CLOSED));
    buf_put(out, SLICE("\n"));
    example_msg_mail_subject(out, lang, SLICE("K<7>"));
    for (int64_t n = 1; n <= 1001; n += 1000) {
        buf_put(out, SLICE("\n"));
        example_msg_mail_rooms(out, lang, n);
    }
    buf_put(out, SLICE("\n"));
}

static slice_t read_golden(const char *path, uint8_t *mem)
{
    FILE *f = fopen(path, "rb");
    size_t len = f ? fread(mem, 1, PAGE_MAX, f) : 0;
    if (f) {
        (void)fclose(f);
    }
    return slice_make(mem, len);
}

static void write_golden(const char *path, slice_t page)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(page.ptr, 1, page.len, f), page.len);
    assert_int_equal(fclose(f), 0);
}

static void test_golden(void **state)
{
    static const struct {
        const char *name;
        void (*put)(buf_t *out, i18n_lang_t lang);
    } rows[] = {
        {"card.html", put_card}, {"card_empty.html", put_empty_card}, {"home.html", put_home},
        {"mail.txt", put_mail},  {"messages.txt", put_messages},
    };
    static uint8_t page[PAGE_MAX], kept[PAGE_MAX];
    for (size_t i = 0; i < BASE_COUNT(rows) * I18N_LANGS; i++) {
        i18n_lang_t lang = (i18n_lang_t)(i % I18N_LANGS);
        slice_t code = i18n_lang_code(lang);
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%.*s.%s", golden_dir, SLICE_FMT(code),
                       rows[i / I18N_LANGS].name);
        buf_t out = BUF_ON_ARRAY(page);
        rows[i / I18N_LANGS].put(&out, lang);
        assert_false(out.full);
        const char *mode = getenv("TMPL_GOLDEN");
        if (mode && slice_eq(slice_cstr_in(mode), SLICE("write"))) {
            write_golden(path, buf_slice(&out));
        }
        slice_t want = read_golden(path, kept);
        if (!slice_eq(buf_slice(&out), want)) {
            print_message("%s differs; it is now:\n%.*s\n", path, SLICE_FMT(buf_slice(&out)));
            fail();
        }
    }
}

/* --- the shape of a page: an HTML tokenizer after WHATWG 13.2.5, written apart from the compiler's
 */

typedef struct shape {
    buf_t text;
    bool broken; /* an attribute outside quotes, an end inside a tag */
} shape_t;

static bool space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}

static size_t value_end(slice_t s, size_t at, shape_t *shape)
{
    uint8_t quote = s.ptr[at];
    if (quote != '"' && quote != '\'') {
        while (at < s.len && !space(s.ptr[at]) && s.ptr[at] != '>') {
            at++;
        }
        return at;
    }
    size_t close = slice_find_byte(slice_from(s, at + 1), quote);
    shape->broken = shape->broken || close == SIZE_MAX;
    return close == SIZE_MAX ? s.len : at + close + 2;
}

/* From behind '<' to behind '>'. */
static size_t tag(slice_t s, size_t at, shape_t *shape)
{
    buf_put(&shape->text, SLICE("<"));
    while (at < s.len && s.ptr[at] != '>') {
        if (space(s.ptr[at])) {
            at++;
            continue;
        }
        size_t from = at++;
        while (at < s.len && !space(s.ptr[at]) && s.ptr[at] != '>' && s.ptr[at] != '=') {
            at++;
        }
        buf_put(&shape->text, slice_sub(s, from, at - from));
        buf_put(&shape->text, SLICE(" "));
        if (at + 1 < s.len && s.ptr[at] == '=') {
            at = value_end(s, at + 1, shape);
        }
    }
    shape->broken = shape->broken || at >= s.len;
    buf_put(&shape->text, SLICE(">"));
    return at + 1;
}

static void shape_of(slice_t page, shape_t *shape)
{
    for (size_t at = 0; at < page.len;) {
        bool opens = page.ptr[at] == '<' && at + 1 < page.len &&
                     ((page.ptr[at + 1] | 0x20) >= 'a' || page.ptr[at + 1] == '/' ||
                      page.ptr[at + 1] == '!' || page.ptr[at + 1] == '?');
        at = opens ? tag(page, at + 1, shape) : at + 1;
    }
}

static const slice_t hostile[] = {
    SLICE("plain"),
    SLICE(""),
    SLICE("<script>alert(1)</script>"),
    SLICE("\"><img src=x onerror=alert(1)>"),
    SLICE("'><svg onload=alert(1)>"),
    SLICE("\" onmouseover=\"alert(1)"),
    SLICE("' onfocus='alert(1)' x='"),
    SLICE("</title><script>"),
    SLICE("</textarea><script>alert(1)</script>"),
    SLICE("</pre></article>"),
    SLICE("<!--"),
    SLICE("-->"),
    SLICE("]]>"),
    SLICE("javascript:alert(1)"),
    SLICE("java\tscript:alert(1)"),
    SLICE("\001javascript:alert(1)"),
    SLICE("data:text/html,<script>alert(1)</script>"),
    SLICE("//evil.example/\"onclick=\"x"),
    SLICE("&#34;&lt;&quot;"),
    SLICE("&quot onclick=x"),
    SLICE("{{name}} {% if %}"),
    SLICE("%22%3E%3Cscript%3E"),
    SLICE("\xC0\xBCscript\xC0\xBE"),
    SLICE("\xE3\x81"),
    SLICE("a\0b\"<"),
    SLICE("`onclick=alert(1)`"),
    SLICE("=x y=z"),
    SLICE("\r\n\r\n<b>"),
    SLICE("\xE2\x80\xAE<b>"),
};

static slice_t render_card(slice_t v, slice_t note, i18n_lang_t lang, uint8_t *mem)
{
    const struct tpl_departure d[] = {{0, v, INT64_MIN, EXAMPLE_MSG_STATUS_OPEN},
                                      {INT64_MAX, v, 1, EXAMPLE_MSG_STATUS_FULL}};
    const struct tpl_label l[] = {{v}};
    const struct tpl_card_guide g = {v, v};
    const struct tpl_card_args a = {.name = v,
                                    .href = v,
                                    .photo = v,
                                    .price = 1,
                                    .guide = &g,
                                    .departures = d,
                                    .departures_count = 2,
                                    .labels = l,
                                    .labels_count = 1,
                                    .note = note};
    buf_t out = buf_on(mem, PAGE_MAX);
    tpl_card(&out, lang, &a);
    assert_false(out.full);
    return buf_slice(&out);
}

static slice_t render_home(slice_t v, i18n_lang_t lang, uint8_t *mem)
{
    const struct tpl_home_tours t[] = {{v, v, 1}};
    uint8_t escaped[1024];
    buf_t link = BUF_ON_ARRAY(escaped);
    html_put_text(&link, v);
    const struct tpl_home_args a = {.tours = t,
                                    .tours_count = 1,
                                    .note = v,
                                    .query = v,
                                    .link = {buf_slice(&link)},
                                    .csrf = v.len ? v : SLICE("x")};
    buf_t out = buf_on(mem, PAGE_MAX);
    tpl_home(&out, lang, &a);
    assert_false(out.full);
    return buf_slice(&out);
}

static void same_shape(slice_t page, slice_t tame)
{
    static uint8_t mem_a[PAGE_MAX], mem_b[PAGE_MAX];
    shape_t a = {.text = BUF_ON_ARRAY(mem_a)}, b = {.text = BUF_ON_ARRAY(mem_b)};
    shape_of(page, &a);
    shape_of(tame, &b);
    if (a.broken || b.broken || !slice_eq(buf_slice(&a.text), buf_slice(&b.text))) {
        print_message("the page's shape changed:\n%.*s\n", SLICE_FMT(page));
        fail();
    }
}

static void test_hostile_values(void **state)
{
    static uint8_t page[PAGE_MAX], tame[PAGE_MAX];
    for (size_t i = 0; i < BASE_COUNT(hostile); i++) {
        for (int lang = 0; lang < I18N_LANGS; lang++) {
            i18n_lang_t l = (i18n_lang_t)lang;
            same_shape(render_card(hostile[i], SLICE("x"), l, page),
                       render_card(SLICE("tame"), SLICE("x"), l, tame));
            same_shape(render_home(hostile[i], l, page), render_home(SLICE("tame"), l, tame));
            slice_t home = render_home(hostile[i], l, page);
            assert_true(slice_find(home, SLICE("href=\"javascript")) == SIZE_MAX);
            assert_true(slice_find(home, SLICE("href=\"data")) == SIZE_MAX);
            assert_true(slice_find(home, SLICE("href=\"//")) == SIZE_MAX);
            assert_true(slice_find(home, SLICE("href=\"java")) == SIZE_MAX);
        }
    }
}

/* Random mixtures of the bytes that mean something in HTML. */
static void test_random_values(void **state)
{
    static const char bytes[] = "<>\"'&=/ \n\t;#ax!-:%`\\?\xE3\x81\x82\x80";
    static uint8_t page[PAGE_MAX], tame[PAGE_MAX];
    uint64_t seed = 42;
    for (int round = 0; round < 3000; round++) {
        uint8_t value[24];
        for (size_t i = 0; i < sizeof value; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
            value[i] = (uint8_t)bytes[(seed >> 33) % (sizeof bytes - 1)];
        }
        slice_t v = slice_make(value, 1 + (seed >> 40) % sizeof value);
        same_shape(render_card(v, v, I18N_EN, page),
                   render_card(SLICE("x"), SLICE("x"), I18N_EN, tame));
        same_shape(render_home(v, I18N_JA, page), render_home(SLICE("x"), I18N_JA, tame));
    }
}

/* --- the rest of the made interface --- */

static void test_csrf_empty(void **state)
{
    static uint8_t page[PAGE_MAX];
    struct tpl_home_args a = full_home;
    a.csrf = SLICE_EMPTY;
    buf_t out = BUF_ON_ARRAY(page);
    tpl_home(&out, I18N_JA, &a);
    assert_true(out.full);
}

static void test_into_arena(void **state)
{
    arena_t arena;
    arena_init(&arena, 1 << 20);
    html_t card;
    assert_false(err_failed(tpl_card_html(&arena, I18N_JA, &full_card, &card)));
    static uint8_t page[PAGE_MAX];
    buf_t out = BUF_ON_ARRAY(page);
    tpl_card(&out, I18N_JA, &full_card);
    assert_true(slice_eq(card.s, buf_slice(&out)));

    tmpl_slot_t slot = tmpl_slot_html(&card);
    html_t whole;
    const struct tpl_layout_args layout = {SLICE("T"), slot};
    assert_false(err_failed(tpl_layout_html(&arena, I18N_JA, &layout, &whole)));
    assert_true(slice_find(whole.s, card.s) != SIZE_MAX);
    arena_deinit(&arena);
}

/* A page above the first try's room, and one above the arena's bound. */
static void test_arena_bounds(void **state)
{
    static struct tpl_label many[4000];
    for (size_t i = 0; i < BASE_COUNT(many); i++) {
        many[i].word = SLICE("0123456789");
    }
    struct tpl_card_args a = full_card;
    a.labels = many;
    a.labels_count = BASE_COUNT(many);
    arena_t arena;
    arena_init(&arena, 1 << 20);
    html_t card = HTML_EMPTY;
    assert_false(err_failed(tpl_card_html(&arena, I18N_JA, &a, &card)));
    assert_true(card.s.len > 60000);
    arena_deinit(&arena);
    arena_init(&arena, 50000);
    card = HTML_EMPTY;
    assert_true(err_failed(tpl_card_html(&arena, I18N_JA, &a, &card)));
    assert_int_equal(card.s.len, 0);
    arena_deinit(&arena);
}

int main(int argc, char **argv)
{
    golden_dir = argc > 1 ? argv[1] : "golden";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),        cmocka_unit_test(test_hostile_values),
        cmocka_unit_test(test_random_values), cmocka_unit_test(test_csrf_empty),
        cmocka_unit_test(test_into_arena),    cmocka_unit_test(test_arena_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
