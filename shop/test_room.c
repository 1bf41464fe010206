/* shopd as a process with a real ledgerd and a real vaultd, spoken to at its own socket, the guard
 * bypassed: card data is refused and nowhere kept, personal data follows the record, forms lose
 * nothing. There is no payd and no board here: payments are closed, which is a case of its own. The
 * way through payment is the scenes'. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api.h"
#include "io/fd.h"
#include "ledger/api.h"
#include "text/form.h"
#include "web/test_http.h"

enum { READY_MS = 20000, PAGE_BYTES = 600 * 1024 };

static struct {
    const char *program[3]; /* ledgerd, vaultd, shopd */
    pid_t pid[3];
    char var[40], http[64], wire[64];
} house;

enum { LEDGERD, VAULTD, SHOPD };

#define GOOD(expr)                                                                                 \
    do {                                                                                           \
        err_t good_err = (expr);                                                                   \
        if (err_failed(good_err)) {                                                                \
            fail_msg("%s: %s", #expr, err_name(good_err.code));                                    \
        }                                                                                          \
    } while (0)

/* --- the house -------------------------------------------------------------------------------- */

static void start(int which)
{
    int ends[2];
    char fd[16], log[64];
    assert_int_equal(pipe(ends), 0);
    snprintf(log, sizeof log, "%s/room-%d.log", house.var, which);
    house.pid[which] = fork();
    assert_true(house.pid[which] >= 0);
    if (house.pid[which] == 0) {
        snprintf(fd, sizeof fd, "%d", ends[1]);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* ends with the test, however that ends */
        close(ends[0]);
        dup2(open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), STDERR_FILENO);
        execl(house.program[which], house.program[which], "--var", house.var, "--profile", "test",
              "--ready-fd", fd, "--no-separation", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    char byte = 0;
    GOOD(fd_wait(ends[0], POLLIN, deadline_in_ms(READY_MS)));
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
}

static void stop(int which)
{
    int status;
    if (house.pid[which] > 0) {
        kill(house.pid[which], SIGTERM);
        assert_int_equal(waitpid(house.pid[which], &status, 0), house.pid[which]);
        house.pid[which] = 0;
        assert_int_equal(status, 0); /* an orderly end; sanitizers end otherwise */
    }
}

static int up(void **state)
{
    (void)state;
    memcpy(house.var, "/tmp/shop-house-XXXXXX", 23);
    assert_non_null(mkdtemp(house.var));
    snprintf(house.http, sizeof house.http, "%s/run/shop.http.sock", house.var);
    snprintf(house.wire, sizeof house.wire, "%s/run/shop.sock", house.var);
    for (int i = 0; i < 3; i++) {
        start(i);
    }
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

/* Sanitizer builds: what a room said on stderr. */
static void no_complaint(int which)
{
    arena_t a;
    slice_t log;
    char path[64];
    arena_init(&a, 8 * 1024 * 1024);
    snprintf(path, sizeof path, "%s/room-%d.log", house.var, which);
    GOOD(file_read(&a, (path_t){path}, 4 * 1024 * 1024, &log));
    if (slice_find(log, SLICE("runtime error")) != SIZE_MAX) {
        fail_msg("%.*s", (int)log.len, (const char *)log.ptr);
    }
    arena_deinit(&a);
}

static int down(void **state)
{
    (void)state;
    for (int i = 2; i >= 0; i--) {
        stop(i);
        no_complaint(i);
    }
    return nftw(house.var, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- a browser -------------------------------------------------------------------------------- */

typedef struct browser {
    char cookie[300];
    char page[PAGE_BYTES]; /* body of the last answer */
    size_t page_len;
    int status;
    char location[300];
} browser_t;

static void take_answer(browser_t *b, http_answer_t *a)
{
    b->status = a->status;
    b->page_len = a->body.len < sizeof b->page - 1 ? a->body.len : sizeof b->page - 1;
    if (b->page_len > 0) {
        memcpy(b->page, a->body.ptr, b->page_len);
    }
    b->page[b->page_len] = 0;
    slice_t location = http_header(a, "Location", 0);
    snprintf(b->location, sizeof b->location, "%.*s", SLICE_FMT(location));
    slice_t cookie = http_header(a, "Set-Cookie", 0);
    if (cookie.len > 0) {
        size_t end = slice_find_byte(cookie, ';');
        snprintf(b->cookie, sizeof b->cookie, "%.*s",
                 SLICE_FMT(slice_sub(cookie, 0, end == SIZE_MAX ? cookie.len : end)));
    }
    http_free(a);
}

static void extra_of(const browser_t *b, bool form, char out[512])
{
    snprintf(out, 512, "%s%s%s%s", b->cookie[0] ? "Cookie: " : "", b->cookie,
             b->cookie[0] ? "\r\n" : "",
             form ? "Content-Type: application/x-www-form-urlencoded\r\n" : "");
}

static void get(browser_t *b, const char *target)
{
    char extra[512];
    extra_of(b, false, extra);
    http_answer_t a = http_ask(house.http, "GET", target, extra, SLICE_EMPTY);
    take_answer(b, &a);
}

static void post(browser_t *b, const char *target, const buf_t *form)
{
    char extra[512];
    extra_of(b, true, extra);
    http_answer_t a = http_ask(house.http, "POST", target, extra, buf_slice(form));
    take_answer(b, &a);
}

static bool has(const browser_t *b, const char *text)
{
    return slice_find(slice_make(b->page, b->page_len), slice_cstr_in(text)) != SIZE_MAX;
}

/* What stands between `before` and the next quote. */
static bool between(const browser_t *b, const char *before, char *out, size_t cap)
{
    slice_t page = slice_make(b->page, b->page_len);
    size_t at = slice_find(page, slice_cstr_in(before));
    if (at == SIZE_MAX) {
        return false;
    }
    slice_t rest = slice_from(page, at + strlen(before));
    size_t end = slice_find_byte(rest, '"');
    assert_true(end < cap);
    snprintf(out, cap, "%.*s", SLICE_FMT(slice_sub(rest, 0, end)));
    return true;
}

static void field(buf_t *form, const char *name, const char *value)
{
    form_put(form, slice_cstr_in(name), slice_cstr_in(value));
}

/* A form begun with what the page's hidden fields hold. */
static buf_t form_of(const browser_t *b, uint8_t *mem, size_t cap)
{
    char value[200];
    buf_t form = buf_on(mem, cap);
    static const char *const HIDDEN[] = {"csrf", "token", "version"};
    for (size_t i = 0; i < BASE_COUNT(HIDDEN); i++) {
        char before[60];
        snprintf(before, sizeof before, "name=\"%s\" value=\"", HIDDEN[i]);
        if (between(b, before, value, sizeof value)) {
            field(&form, HIDDEN[i], value);
        }
    }
    return form;
}

/* --- ways through the shop -------------------------------------------------------------------- */

/* A departure with room for two. */
static void find_departure(browser_t *b, char *out, size_t cap)
{
    char tour[200], id[64];
    get(b, "/tours?sort=price_desc");
    assert_int_equal(b->status, 200);
    assert_true(between(b, "href=\"/tours/", id, sizeof id));
    snprintf(tour, sizeof tour, "/tours/%s", id);
    get(b, tour);
    assert_int_equal(b->status, 200);
    slice_t rest = slice_make(b->page, b->page_len);
    browser_t *look = calloc(1, sizeof *look);
    assert_non_null(look);
    for (;;) {
        size_t at = slice_find(rest, SLICE("href=\"/departures/"));
        assert_true(at != SIZE_MAX);
        rest = slice_from(rest, at + 6);
        snprintf(out, cap, "%.*s", SLICE_FMT(slice_sub(rest, 0, 12 + 32)));
        get(look, out);
        if (has(look, "name=\"adults\"")) {
            break;
        }
    }
    free(look);
}

static void hold(browser_t *b, char *booking, size_t cap)
{
    char departure[80], target[100];
    uint8_t mem[2048];
    find_departure(b, departure, sizeof departure);
    get(b, departure);
    buf_t form = form_of(b, mem, sizeof mem);
    field(&form, "adults", "1");
    field(&form, "children", "0");
    snprintf(target, sizeof target, "%s/hold", departure);
    post(b, target, &form);
    assert_int_equal(b->status, 303);
    snprintf(booking, cap, "%.*s", (int)strlen("/bookings/") + 32, b->location);
    post(b, target, &form); /* the same form again: the same booking */
    assert_int_equal(b->status, 303);
    assert_memory_equal(booking, b->location, strlen(booking));
}

static void person_fields(buf_t *form, const char *address)
{
    field(form, "name", "関所 花子");
    field(form, "kana", "せきしょ はなこ");
    field(form, "email", "hanako@example.com");
    field(form, "phone", "090-1234-5678");
    field(form, "address", address);
    field(form, "same", "1");
    field(form, "t1_year", "1985");
    field(form, "t1_month", "7");
    field(form, "t1_day", "8");
}

static void give_people(browser_t *b, const char *booking)
{
    char target[100];
    uint8_t mem[4096];
    snprintf(target, sizeof target, "%s/travellers", booking);
    get(b, target);
    assert_int_equal(b->status, 200);
    buf_t form = form_of(b, mem, sizeof mem);
    person_fields(&form, "東京都千代田区");
    post(b, target, &form);
    assert_int_equal(b->status, 303);
}

static browser_t *browser(void)
{
    browser_t *b = calloc(1, sizeof *b);
    assert_non_null(b);
    return b;
}

/* --- cases ------------------------------------------------------------------------------------ */

static void test_pages(void **state)
{
    static const char *const PATHS[] = {
        "/",           "/tours", "/offices",  "/notices",
        "/conditions", "/terms", "/privacy",  "/company",
        "/lookup",     "/login", "/register", "/tours?q=%E6%B5%B7&max=50000&sort=price"};
    browser_t *b = browser();
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(PATHS); i++) {
        get(b, PATHS[i]);
        assert_int_equal(b->status, 200);
        assert_false(has(b, "<script"));
    }
    get(b, "/my");
    assert_int_equal(b->status, 303);
    get(b, "/tours/none");
    assert_int_equal(b->status, 404);
    get(b, "/departures/bcdf");
    assert_int_equal(b->status, 404);
    get(b, "/pay/return/bcdf"); /* payd rests: the page waits, and confirms nothing */
    assert_true(b->status == 200 && has(b, "お支払いを確認しています"));
    free(b);
}

static void test_walk(void **state)
{
    char booking[80], target[100];
    uint8_t mem[4096];
    browser_t *b = browser(), *other = browser();
    (void)state;
    hold(b, booking, sizeof booking);
    give_people(b, booking);
    snprintf(target, sizeof target, "%s/confirm", booking);
    get(b, target);
    assert_int_equal(b->status, 200);
    assert_true(has(b, "関所 花子") && has(b, "セキショ"));
    /* payments are closed (no board): calmly, and nothing was agreed to */
    buf_t form = form_of(b, mem, sizeof mem);
    field(&form, "consent", "1");
    post(b, target, &form);
    assert_int_equal(b->status, 503);
    get(b, booking);
    assert_int_equal(b->status, 200);
    assert_true(has(b, "hanako@example.com"));
    assert_true(has(b, "SKS-"));
    get(other, booking); /* somebody else: the same for every id */
    assert_int_equal(other->status, 303);
    get(other, target);
    assert_int_equal(other->status, 404);
    snprintf(target, sizeof target, "%s/cancel", booking);
    buf_t nothing = buf_on(mem, sizeof mem);
    post(b, target, &nothing); /* without the form's token */
    assert_int_equal(b->status, 403);
    get(b, booking);
    form = form_of(b, mem, sizeof mem);
    post(b, target, &form);
    assert_int_equal(b->status, 303);
    free(b);
    free(other);
}

static void wire_of(wire_client_t *c)
{
    shop_client_init(c, (path_t){house.wire}, ROOM_COMMAND);
}

static void test_guest_and_wire(void **state)
{
    char booking[80];
    uint8_t mem[2048];
    id128_t id, found;
    wire_client_t c;
    health_t health;
    browser_t *b = browser(), *guest = browser();
    (void)state;
    hold(b, booking, sizeof booking);
    give_people(b, booking);
    get(b, booking);
    slice_t page = slice_make(b->page, b->page_len);
    slice_t number = slice_sub(page, slice_find(page, SLICE("SKS-")), 13);
    char text[14];
    snprintf(text, sizeof text, "%.*s", SLICE_FMT(number));
    get(guest, "/lookup");
    buf_t form = form_of(guest, mem, sizeof mem);
    field(&form, "number", text);
    field(&form, "email", "somebody@example.com");
    post(guest, "/lookup", &form);
    assert_int_equal(guest->status, 422);
    get(guest, booking);
    assert_int_equal(guest->status, 303);
    get(guest, "/lookup");
    form = form_of(guest, mem, sizeof mem);
    field(&form, "number", text);
    field(&form, "email", "HANAKO@example.com");
    post(guest, "/lookup", &form);
    assert_int_equal(guest->status, 303);
    get(guest, booking);
    assert_true(guest->status == 200 && has(guest, "関所 花子"));
    /* the command's door */
    wire_of(&c);
    GOOD(shop_find_booking(&c, number, &found));
    GOOD(id_decode(slice_make(booking + strlen("/bookings/"), 32), &id));
    assert_true(id_eq(id, found));
    assert_true(err_is(shop_find_booking(&c, SLICE("SKS-BBBB-BBBB"), &found), ERR_NOT_FOUND));
    assert_true(err_is(shop_find_booking(&c, SLICE("4111"), &found), ERR_NOT_FOUND));
    GOOD(wire_client_health(&c, 5000, &health));
    assert_int_equal(health.state, HEALTH_DEGRADED); /* payd is missing */
    arena_t a;
    slice_t metrics;
    arena_init(&a, 256 * 1024);
    GOOD(wire_client_metrics(&c, &a, 5000, &metrics));
    assert_true(slice_find(metrics, SLICE("sekisho_shop_holds_total")) != SIZE_MAX);
    arena_deinit(&a);
    wire_client_deinit(&c);
    free(b);
    free(guest);
}

static void log_in(browser_t *b, const char *email, const char *password)
{
    uint8_t mem[2048];
    get(b, "/login");
    buf_t form = form_of(b, mem, sizeof mem);
    field(&form, "email", email);
    field(&form, "password", password);
    field(&form, "next", "/my");
    post(b, "/login", &form);
}

static void test_account(void **state)
{
    uint8_t mem[2048];
    char before[300], booking[80], target[100];
    browser_t *b = browser(), *wrong = browser();
    (void)state;
    get(b, "/register");
    buf_t form = form_of(b, mem, sizeof mem);
    field(&form, "name", "関所 次郎");
    field(&form, "kana", "セキショ ジロウ");
    field(&form, "email", "jiro@example.com");
    field(&form, "phone", "03-1234-5678");
    field(&form, "password", "aaaaaaaaaaaaaa");
    post(b, "/register", &form);
    assert_int_equal(b->status, 422); /* weak */
    assert_true(has(b, "関所 次郎"));
    assert_false(has(b, "aaaaaaaaaaaaaa"));
    form = form_of(b, mem, sizeof mem);
    field(&form, "name", "関所 次郎");
    field(&form, "kana", "セキショ ジロウ");
    field(&form, "email", "jiro@example.com");
    field(&form, "phone", "03-1234-5678");
    field(&form, "password", "a quiet long road");
    memcpy(before, b->cookie, sizeof before);
    post(b, "/register", &form);
    assert_int_equal(b->status, 303);
    assert_string_not_equal(before, b->cookie); /* a fresh session */
    get(b, "/my");
    assert_int_equal(b->status, 200);
    form = form_of(b, mem, sizeof mem);
    post(b, "/logout", &form);
    get(b, "/my");
    assert_int_equal(b->status, 303);
    log_in(wrong, "jiro@example.com", "not the password");
    assert_int_equal(wrong->status, 422);
    log_in(b, "nobody@example.com", "not the password");
    assert_int_equal(b->status, 422);
    log_in(b, "jiro@example.com", "a quiet long road");
    assert_int_equal(b->status, 303);
    assert_string_equal(b->location, "/my");
    hold(b, booking, sizeof booking);
    snprintf(target, sizeof target, "%s/travellers", booking);
    get(b, target); /* the form begins with who she is */
    assert_true(has(b, "関所 次郎") && has(b, "jiro@example.com") && has(b, "セキショ ジロウ"));
    get(b, "/my");
    assert_true(has(b, booking));
    free(b);
    free(wrong);
}

/* --- card data -------------------------------------------------------------------------------- */

static const char *const CARDS[] = {
    "4111111111111111",    "4111 1111 1111 1111", "４１１１１１１１１１１１１１１１",
    "4111-1111-1111-1111", "5555555555554444",    "３５３０　１１１３　３３３０　００００"};
static const char *const DIGITS[] = {"4111111111111111",    "5555555555554444",
                                     "3530111333300000",    "４１１１１１１１１１１１１１１１",
                                     "4111 1111 1111 1111", "4111-1111-1111-1111"};

static int looked_at;

static int no_card_in(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)ftw;
    if (kind != FTW_F || !S_ISREG(st->st_mode) || st->st_size == 0) {
        return 0;
    }
    arena_t a;
    slice_t bytes;
    arena_init(&a, (size_t)st->st_size + 1024 * 1024);
    if (!err_failed(file_read(&a, (path_t){path}, (size_t)st->st_size + 65536, &bytes))) {
        looked_at++;
        for (size_t i = 0; i < BASE_COUNT(DIGITS); i++) {
            if (slice_find(bytes, slice_cstr_in(DIGITS[i])) != SIZE_MAX) {
                fail_msg("%s holds a card number", path);
            }
        }
    }
    arena_deinit(&a);
    return 0;
}

static void test_card_data(void **state)
{
    char booking[80], target[100], query[300];
    uint8_t mem[4096];
    browser_t *b = browser();
    (void)state;
    hold(b, booking, sizeof booking);
    snprintf(target, sizeof target, "%s/travellers", booking);
    for (size_t i = 0; i < BASE_COUNT(CARDS); i++) {
        get(b, target);
        buf_t form = form_of(b, mem, sizeof mem);
        person_fields(&form, CARDS[i]);
        post(b, target, &form);
        assert_int_equal(b->status, 422);
        assert_true(has(b, "カード番号"));
        get(b, "/lookup");
        form = form_of(b, mem, sizeof mem);
        field(&form, "number", CARDS[i]);
        field(&form, "email", "a@example.com");
        post(b, "/lookup", &form);
        assert_int_equal(b->status, 422);
        buf_t q = buf_on(query, sizeof query);
        buf_cstr(&q, "/tours?");
        form_put(&q, SLICE("q"), slice_cstr_in(CARDS[i]));
        buf_u8(&q, 0);
        get(b, query);
        assert_int_equal(b->status, 422);
        get(b, "/login");
        form = form_of(b, mem, sizeof mem);
        field(&form, "email", "a@example.com");
        field(&form, "password", CARDS[i]);
        post(b, "/login", &form);
        assert_int_equal(b->status, 422);
    }
    give_people(b, booking); /* an honest form goes through after it */
    looked_at = 0;
    nftw(house.var, no_card_in, 16, FTW_PHYS); /* databases, WAL, record, keys, logs */
    assert_true(looked_at > 10);
    free(b);
}

/* --- the record and the vault rest ------------------------------------------------------------ */

static void test_ledger_rests(void **state)
{
    char booking[80], target[100], departure[80];
    uint8_t mem[4096];
    browser_t *b = browser();
    (void)state;
    hold(b, booking, sizeof booking);
    give_people(b, booking);
    get(b, booking);
    assert_true(has(b, "hanako@example.com"));
    find_departure(b, departure, sizeof departure);
    stop(LEDGERD);
    get(b, booking);
    assert_int_equal(b->status, 200);
    assert_true(has(b, "SKS-"));
    assert_false(has(b, "hanako@example.com") || has(b, "関所 花子"));
    assert_true(has(b, "休止")); /* and says so */
    usleep(1100000);             /* the health page's one second */
    get(b, "/health?format=json");
    assert_int_equal(b->status, 503);
    assert_true(has(b, "\"personal_data_shown\":false"));
    assert_true(has(b, "The record cannot be written: personal details are not shown"));
    get(b, "/health");
    assert_int_equal(b->status, 503);
    assert_true(has(b, "記録を残せないため"));
    get(b, departure);
    assert_int_equal(b->status, 200);
    buf_t form = form_of(b, mem, sizeof mem);
    field(&form, "adults", "1");
    snprintf(target, sizeof target, "%s/hold", departure);
    post(b, target, &form); /* no record, no booking */
    assert_int_equal(b->status, 503);
    start(LEDGERD);
    get(b, departure);
    form = form_of(b, mem, sizeof mem);
    field(&form, "adults", "1");
    post(b, target, &form);
    assert_int_equal(b->status, 303);
    get(b, booking);
    assert_true(has(b, "hanako@example.com"));
    free(b);
}

static void test_vault_rests(void **state)
{
    char booking[80], target[100];
    uint8_t mem[4096];
    browser_t *b = browser();
    (void)state;
    hold(b, booking, sizeof booking);
    snprintf(target, sizeof target, "%s/travellers", booking);
    get(b, target);
    stop(VAULTD);
    buf_t form = form_of(b, mem, sizeof mem);
    person_fields(&form, "京都市左京区");
    post(b, target, &form);
    assert_int_equal(b->status, 503);
    assert_true(has(b, "関所 花子") && has(b, "京都市左京区") && has(b, "1985")); /* all kept */
    start(VAULTD);
    form = form_of(b, mem, sizeof mem);
    person_fields(&form, "京都市左京区");
    post(b, target, &form);
    assert_int_equal(b->status, 303);
    free(b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_pages),          cmocka_unit_test(test_walk),
        cmocka_unit_test(test_guest_and_wire), cmocka_unit_test(test_account),
        cmocka_unit_test(test_card_data),      cmocka_unit_test(test_ledger_rests),
        cmocka_unit_test(test_vault_rests),
    };
    if (argc != 4) {
        fprintf(stderr, "usage: test_room LEDGERD VAULTD SHOPD\n");
        return 2;
    }
    for (int i = 0; i < 3; i++) {
        house.program[i] = argv[i + 1];
    }
    return cmocka_run_group_tests_name("shop room", cases, up, down);
}
