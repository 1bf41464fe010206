#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"
#include "paper/draw.h"
#include "paper/lines.h"
#include "paper/printer.h"

static uint8_t mem[PAPER_MAX + 64];

static const paper_head_t HEAD = {
    .lang = SLICE("ja"),
    .title = SLICE("取引条件説明書面"),
    .number = SLICE("SKS-TEST-0001 / 1"),
    .date = SLICE("2026年11月27日"),
    .issuer = SLICE("関所トラベル株式会社\n札幌市中央区"),
    .made = SLICE("2026-11-27T12:00:00+09:00"),
};

static slice_t sample(size_t rows)
{
    buf_t out = buf_on(mem, PAPER_MAX);
    paper_t p;
    paper_begin(&p, &out, &HEAD);
    paper_text(&p, PAPER_ADDRESS, SLICE("関所 花子 様"));
    paper_text(&p, PAPER_HEADING, SLICE("ご旅行の内容"));
    paper_pair(&p, SLICE("出発日"), SLICE("2027年2月11日(木)"));
    paper_pair(&p, SLICE("最少催行人員"), SLICE("10名"));
    paper_text(&p, PAPER_TEXT,
               SLICE("段落です。とても長い文はここで折り返されます。段落です。とても長い文はここで"
                     "折り返されます。"));
    paper_columns(&p, (slice_t[]){SLICE("5<内訳"), SLICE("1>人数"), SLICE("2>金額")}, 3);
    for (size_t i = 0; i < rows; i++) {
        paper_row(
            &p, (slice_t[]){SLICE("おとな ㈱髙﨑 𠮷野家 <b>&amp;"), SLICE("2"), SLICE("¥128,000")},
            3);
    }
    paper_total(&p, SLICE("合計(税込)"), SLICE("¥256,000"));
    paper_text(&p, PAPER_BOX, SLICE("お申込みの前に必ずお読みください。"));
    paper_text(&p, PAPER_SMALL, SLICE("登録番号 T1234567890123"));
    assert_ok(paper_end(&p));
    return buf_slice(&out);
}

/* ---- the form ---- */

static err_t read_all(slice_t bytes, size_t *ret_n)
{
    paper_reader_t r;
    paper_element_t e;
    bool more = true;
    *ret_n = 0;
    TRY(paper_open(&r, bytes));
    for (;;) {
        TRY(paper_next(&r, &e, &more));
        if (!more) {
            return OK;
        }
        ++*ret_n;
    }
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    size_t n;
    slice_t whole = sample(3);
    assert_ok(read_all(whole, &n));
    assert_int_equal(n, 1 + 1 + 1 + 2 + 1 + 1 + 3 + 1 + 1 + 1);
    for (size_t cut = 0; cut < whole.len;
         cut++) { /* a beginning is a paper only at an element's end */
        err_t e = read_all(slice_sub(whole, 0, cut), &n);
        assert_true(err_failed(e) || n > 0);
    }
}

static void what_does_not_fit_is_said(void **state)
{
    (void)state;
    uint8_t small[64];
    buf_t out = buf_on(small, sizeof small);
    paper_t p;
    paper_begin(&p, &out, &HEAD);
    assert_err(paper_end(&p), ERR_LIMIT);
    slice_t many[PAPER_FIELDS + 1] = {0};
    out = buf_on(mem, PAPER_MAX);
    paper_begin(&p, &out, &HEAD);
    paper_row(&p, many, PAPER_FIELDS + 1);
    assert_err(paper_end(&p), ERR_LIMIT);
}

static slice_t with(void (*add)(paper_t *p))
{
    buf_t out = buf_on(mem, PAPER_MAX);
    paper_t p;
    paper_begin(&p, &out, &HEAD);
    add(&p);
    assert_ok(paper_end(&p));
    return buf_slice(&out);
}

static void add_row_alone(paper_t *p)
{
    paper_row(p, (slice_t[]){SLICE("x")}, 1);
}
static void add_two_heads(paper_t *p)
{
    paper_begin(&(paper_t){0}, p->out, &HEAD);
}
static void add_other_width(paper_t *p)
{
    paper_columns(p, (slice_t[]){SLICE("1<a"), SLICE("1<b")}, 2);
    paper_row(p, (slice_t[]){SLICE("x")}, 1);
}
static void add_bad_column(paper_t *p)
{
    paper_columns(p, (slice_t[]){SLICE("0<a")}, 1);
}
static void add_no_kind(paper_t *p)
{
    paper_text(p, (paper_kind_t)99, SLICE("x"));
}
static void add_control(paper_t *p)
{
    paper_text(p, PAPER_TEXT, SLICE("a\x1b[31m"));
}
static void add_bad_utf8(paper_t *p)
{
    paper_text(p, PAPER_TEXT, SLICE("a\xff"));
}

static void what_is_no_paper_is_refused(void **state)
{
    (void)state;
    static const struct {
        void (*add)(paper_t *p);
        err_code_t want;
    } CASES[] = {
        {add_row_alone, ERR_SYNTAX},  {add_two_heads, ERR_SYNTAX}, {add_other_width, ERR_SYNTAX},
        {add_bad_column, ERR_SYNTAX}, {add_no_kind, ERR_SYNTAX},   {add_control, ERR_ENCODING},
        {add_bad_utf8, ERR_ENCODING},
    };
    size_t n;
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        assert_err(read_all(with(CASES[i].add), &n), CASES[i].want);
    }
    assert_err(read_all(SLICE(""), &n), ERR_SYNTAX);
    assert_err(read_all(SLICE("SKP1"), &n), ERR_SYNTAX);
    assert_err(read_all(slice_make(mem, PAPER_MAX + 1), &n), ERR_LIMIT);
}

/* ---- lines ---- */

static void lines_are_elements(void **state)
{
    (void)state;
    buf_t out = buf_on(mem, PAPER_MAX);
    paper_reader_t r;
    paper_element_t e;
    bool more;
    assert_ok(paper_lines(
        &HEAD, SLICE("#\tご旅行\n\n:\t集合\tJR札幌駅\n北口\n  \n|:\t3<a\t1>\n|\tx\t\n=\tt\t¥1\n"),
        &out));
    assert_ok(paper_open(&r, buf_slice(&out)));
    assert_ok(paper_next(&r, &e, &more));
    assert_ok(paper_next(&r, &e, &more));
    assert_int_equal(e.kind, PAPER_HEADING);
    assert_ok(paper_next(&r, &e, &more));
    assert_slice(e.field[1], SLICE("JR札幌駅\n北口"));
    assert_ok(paper_next(&r, &e, &more));
    assert_ok(paper_next(&r, &e, &more));
    assert_int_equal(e.kind, PAPER_ROW);
    assert_slice(e.field[1], SLICE(""));
    assert_ok(paper_next(&r, &e, &more));
    assert_int_equal(e.kind, PAPER_TOTAL);
    assert_ok(paper_next(&r, &e, &more));
    assert_false(more);
}

static void lines_that_are_none(void **state)
{
    (void)state;
    static const slice_t BAD[] = {SLICE("no mark\n"), SLICE(":\tone\n"), SLICE("*\ta\tb\n"),
                                  SLICE("|\t1\t2\t3\t4\t5\t6\t7\t8\t9\n"),
                                  SLICE("*\ta\nfoo\tbar\n")};
    for (size_t i = 0; i < BASE_COUNT(BAD); i++) {
        buf_t out = buf_on(mem, PAPER_MAX);
        assert_err(paper_lines(&HEAD, BAD[i], &out), ERR_SYNTAX);
    }
    uint8_t small[80];
    buf_t out = BUF_ON_ARRAY(small);
    assert_err(paper_lines(&HEAD, SLICE("*\ta\n"), &out), ERR_LIMIT);
}

/* ---- the printer, with the real paperd ---- */

static const char *paperd; /* argv[1] */

static void print_again(arena_t *a, printer_t *p, size_t rows, slice_t *ret_pdf)
{
    assert_ok(printer_print(p, sample(rows), a, ret_pdf));
    assert_true(slice_starts(*ret_pdf, SLICE("%PDF-1.")));
    assert_true(slice_find(*ret_pdf, SLICE("%%EOF")) != SIZE_MAX);
}

static void the_same_paper_gives_the_same_bytes(void **state)
{
    (void)state;
    arena_t a;
    printer_t p;
    slice_t one, two, other;
    arena_init(&a, 64 << 20);
    assert_ok(printer_start(&p, paperd, getuid(), getgid(), false));
    print_again(&a, &p, 3, &one);
    print_again(&a, &p, 3, &two);
    print_again(&a, &p, 200, &other); /* several pages */
    assert_true(slice_eq(one, two));
    assert_false(slice_eq(one, other));
    printer_stop(&p);
    arena_deinit(&a);
}

static void a_bad_paper_is_refused_and_the_next_is_drawn(void **state)
{
    (void)state;
    arena_t a;
    printer_t p;
    slice_t pdf;
    arena_init(&a, 64 << 20);
    assert_ok(printer_start(&p, paperd, getuid(), getgid(), false));
    assert_err(printer_print(&p, SLICE("no paper"), &a, &pdf), ERR_SYNTAX);
    assert_err(printer_print(&p, with(add_control), &a, &pdf), ERR_ENCODING);
    assert_err(printer_print(&p, slice_make(mem, PAPER_MAX + 1), &a, &pdf), ERR_LIMIT);
    print_again(&a, &p, 1, &pdf);
    printer_stop(&p);
    assert_err(printer_print(&p, sample(1), &a, &pdf), ERR_UNAVAILABLE);
    arena_deinit(&a);
}

/* A house may be started without standard input. */
static void the_keeper_ends_with_its_room(void **state)
{
    (void)state;
    printer_t p;
    int kept = dup(STDIN_FILENO), status;
    close(STDIN_FILENO);
    assert_ok(printer_start(&p, paperd, getuid(), getgid(), false));
    printer_stop(&p);
    assert_true(waitpid(-1, &status, 0) > 0); /* for ever, when it does not */
    if (kept >= 0) {
        dup2(kept, STDIN_FILENO);
        close(kept);
    }
}

static void a_program_that_is_none(void **state)
{
    (void)state;
    arena_t a;
    printer_t p;
    slice_t pdf;
    arena_init(&a, 1 << 20);
    assert_ok(printer_start(&p, "/nonexistent/paperd", getuid(), getgid(), false));
    assert_true(err_failed(printer_print(&p, sample(1), &a, &pdf)));
    printer_stop(&p);
    arena_deinit(&a);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_does_not_fit_is_said),
        cmocka_unit_test(what_is_no_paper_is_refused),
        cmocka_unit_test(lines_are_elements),
        cmocka_unit_test(lines_that_are_none),
        cmocka_unit_test(the_same_paper_gives_the_same_bytes),
        cmocka_unit_test(a_bad_paper_is_refused_and_the_next_is_drawn),
        cmocka_unit_test(the_keeper_ends_with_its_room),
        cmocka_unit_test(a_program_that_is_none),
    };
    signal(SIGPIPE, SIG_IGN);
    paperd = argc > 1 ? argv[1] : "paperd";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
