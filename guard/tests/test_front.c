/* The guard from both sides: what a browser or an attacker sends, what a room then gets, what the
 * record and the logs hold of it. */
#include "front.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#define CARD "4111111111111111"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

static front_t front;
static int watch; /* inotify: nginx's temporary folders */

static size_t at_shop(void)
{
    return room_requests(&front.shop);
}

/* ---- ids, headers, hosts ---- */

static void each_request_has_one_id(void **state)
{
    char facts[1200], ids[2][64];
    for (int i = 0; i < 2; i++) {
        answer_t a = front_ask(&front, "GET", "/tours/izu-3d?q=MARKER&d=2026-05-03",
                               "X-Sekisho-Id: bcdfghjkmnpqrstvbcdfghjkmnpqrstv\r\n"
                               "X-Sekisho-Client: 203.0.113.9\r\nX-Forwarded-For: 203.0.113.9\r\n"
                               "X-Real-IP: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n"
                               "X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\n"
                               "Proxy: evil\r\nTE: trailers\r\nAccept-Encoding: gzip\r\n"
                               "Cookie: sks=MARKERtoken; lang=ja\r\nUser-Agent: MARKERagent\r\n",
                               SLICE_EMPTY);
        assert_int_equal(a.status, 200);
        assert_string_equal(answer_header(&a, "server"), "");
        answer_free(&a);
        id128_t id;
        const char *text = room_header(&front.shop, "x-sekisho-id");
        assert_ok(id_decode(slice_cstr_in(text), &id));
        assert_string_not_equal(text, "bcdfghjkmnpqrstvbcdfghjkmnpqrstv");
        snprintf(ids[i], sizeof ids[i], "%s", text);
        assert_string_equal(room_header(&front.shop, "x-sekisho-client"), "127.0.0.1");
        static const char *const GONE[] = {"x-forwarded-for",   "x-real-ip", "forwarded",
                                           "x-forwarded-host",  "proxy",     "te",
                                           "x-forwarded-proto", "upgrade",   "accept-encoding"};
        for (size_t k = 0; k < BASE_COUNT(GONE); k++) {
            assert_string_equal(room_header(&front.shop, GONE[k]), "");
        }
        assert_string_equal(room_line(&front.shop),
                            "GET /tours/izu-3d?q=MARKER&d=2026-05-03 HTTP/1.1");
        front_recorded(&front, id, LEDGER_HTTP_REQUEST, facts, sizeof facts);
        assert_true(slice_starts(slice_cstr_in(facts),
                                 SLICE("m=GET&h=shop.localhost&p=/tours/izu-3d&q=1&s=200&ms=")));
        assert_null(strstr(facts, "MARKER"));
        assert_non_null(strstr(facts, "&ua="));
        assert_non_null(strstr(facts, "&ses="));
        assert_true(strlen(facts) < 200);
    }
    assert_string_not_equal(ids[0], ids[1]);
}

/* "Host" as sent -> the room that is asked, or the status of the refusal. */
static void hosts(void **state)
{
    static const struct {
        const char *name, *target, *version, *hosts; /* %u: the port */
        int status;
    } ROWS[] = {
        {"with port", "/", "1.1", "Host: shop.localhost:%u\r\n", 200},
        {"without port", "/", "1.1", "Host: shop.localhost\r\n", 200},
        {"capitals", "/", "1.1", "Host: SHOP.localhost\r\n", 200},
        {"another port (a tunnel)", "/", "1.1", "Host: shop.localhost:9\r\n", 200},
        {"1.0 with host", "/", "1.0", "Host: shop.localhost\r\n", 200},
        {"1.0 without", "/", "1.0", "", 421},
        {"1.1 without", "/", "1.1", "", 400},
        {"other", "/", "1.1", "Host: evil.example\r\n", 421},
        {"address", "/", "1.1", "Host: 127.0.0.1:%u\r\n", 421},
        {"a part", "/", "1.1", "Host: shop.localhost.evil.example\r\n", 421},
        {"a dot", "/", "1.1", "Host: shop.localhost.\r\n", 421},
        {"user information", "/", "1.1", "Host: shop.localhost:80@evil.example\r\n", 421},
        {"two", "/", "1.1", "Host: shop.localhost\r\nHost: shop.localhost\r\n", 400},
        {"target names another", "http://mail.localhost/", "1.1", "Host: shop.localhost\r\n", 421},
        {"target names a stranger", "http://evil.example/", "1.1", "Host: shop.localhost\r\n", 200},
        {"target names the same", "http://shop.localhost/", "1.1", "Host: shop.localhost\r\n", 200},
        {"no room behind", "/", "1.1", "Host: mail.localhost\r\n", 502},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        char line[128], text[512];
        size_t before = at_shop();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(line, sizeof line, ROWS[i].hosts, front.port);
#pragma GCC diagnostic pop
        snprintf(text, sizeof text, "GET %s HTTP/%s\r\n%s\r\n", ROWS[i].target, ROWS[i].version,
                 line);
        int fd = front_dial(&front);
        front_say(fd, slice_cstr_in(text));
        answer_t a = front_hear(fd, false);
        close(fd);
        if (a.status != ROWS[i].status || at_shop() - before != (a.status == 200)) {
            fail_msg("%s: %d, %zu requests", ROWS[i].name, a.status, at_shop() - before);
        }
        if (a.status == 200) {
            assert_null(strstr(room_header(&front.shop, "host"), "evil"));
        }
        answer_free(&a);
    }
}

/* ---- card numbers ---- */

typedef struct card_case {
    const char *name, *method, *target, *head, *body;
    const char *where;
} card_case_t;

#define MULTI "Content-Type: multipart/form-data; boundary=xx\r\n"

static const card_case_t CARDS[] = {
    {"form", "POST", "/b", FORM, "name=a&n=4111+1111-1111%201111", "body"},
    {"boxes", "POST", "/b", FORM, "a=4111&b=1111&c=1111&d=1111", "body"},
    {"multipart", "POST", "/b", MULTI,
     "--xx\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n" CARD "\r\n--xx--\r\n", "body"},
    {"json", "POST", "/b", "Content-Type: application/json\r\n", "{\"n\":\"" CARD "\"}", "body"},
    {"text", "POST", "/b", "Content-Type: text/plain\r\n", "my card " CARD " thanks", "body"},
    {"unknown", "PUT", "/b", "Content-Type: application/x-what\r\n", CARD, "body"},
    {"no type", "POST", "/b", "", "n=" CARD, "body"},
    {"get with body", "GET", "/b", FORM, "n=" CARD, "body"},
    {"delete with body", "DELETE", "/b", FORM, "n=" CARD, "body"},
    {"utf-16 without saying so", "POST", "/b", FORM, "n=%004%001%001%001111111111111", "body"},
    {"query", "GET", "/b?n=" CARD, "", "", "query"},
    {"query, percent", "GET", "/b?n=%34%31%31%31-1111-1111-1111", "", "", "query"},
    {"query name", "GET", "/b?" CARD, "", "", "query"},
    {"behind a fragment", "GET", "/b?a=1#" CARD, "", "", "query"},
    {"path", "GET", "/b/" CARD "/x", "", "", "path"},
    {"path, fragment", "GET", "/b#" CARD, "", "", "path"},
    {"path, dots", "GET", "/pay/notify/../b/" CARD, "", "", "path"},
    {"path, static left", "GET", "/static/../b/" CARD, "", "", "path"},
};

/* Refused requests whose records are looked at when all have been sent. */
static struct {
    const card_case_t *c;
    id128_t id;
} refused[200];
static size_t refused_count;

static void card_check(const card_case_t *c, answer_t *a)
{
    if (a->status != 422) {
        fail_msg("%s: %d", c->name, a->status);
    }
    assert_true(refused_count < BASE_COUNT(refused));
    refused[refused_count].c = c;
    refused[refused_count++].id = answer_id(a);
    answer_free(a);
}

static void records_check(void)
{
    for (size_t i = 0; i < refused_count; i++) {
        const card_case_t *c = refused[i].c;
        char facts[1200], want[64];
        front_recorded(&front, refused[i].id, LEDGER_CARD_REFUSED, facts, sizeof facts);
        snprintf(want, sizeof want, "where=%s&brand=Visa&digits=16", c->where);
        assert_string_equal(facts, want);
        front_recorded(&front, refused[i].id, LEDGER_HTTP_REQUEST, facts, sizeof facts);
        assert_non_null(strstr(facts, "&s=422&"));
        assert_non_null(strstr(facts, "&why=card"));
        assert_non_null(strstr(facts, c->method));
    }
    refused_count = 0;
}

static void cards_are_refused(void **state)
{
    size_t before = at_shop();
    for (size_t i = 0; i < BASE_COUNT(CARDS); i++) {
        const card_case_t *c = &CARDS[i];
        answer_t a = front_ask(&front, c->method, c->target, c->head, slice_cstr_in(c->body));
        card_check(c, &a);
    }
    records_check();
    assert_int_equal(at_shop(), before);
}

/* The body in chunks of `step` bytes. */
static void chunked(buf_t *out, slice_t body, size_t step)
{
    while (body.len) {
        slice_t part = slice_sub(body, 0, step);
        char size[16];
        snprintf(size, sizeof size, "%zx\r\n", part.len);
        buf_cstr(out, size);
        buf_put(out, part);
        buf_cstr(out, "\r\n");
        body = slice_from(body, part.len);
    }
    buf_cstr(out, "0\r\n\r\n");
}

static void cards_are_refused_however_they_arrive(void **state)
{
    static const size_t STEPS[] = {1, 7, 64};
    uint8_t mem[8192];
    size_t before = at_shop();
    for (size_t i = 0; i < BASE_COUNT(CARDS); i += 3) {
        const card_case_t *c = &CARDS[i];
        for (size_t k = 0; k < BASE_COUNT(STEPS); k++) { /* slow bytes */
            buf_t out = BUF_ON_ARRAY(mem);
            front_request(&out, &front, c->method, c->target, c->head, slice_cstr_in(c->body));
            int fd = front_dial(&front);
            front_say_slowly(fd, buf_slice(&out), STEPS[k]);
            answer_t a = front_hear(fd, false);
            close(fd);
            card_check(c, &a);
        }
        for (size_t k = 0; *c->body && k < BASE_COUNT(STEPS); k++) { /* chunks */
            buf_t out = BUF_ON_ARRAY(mem);
            char head[256];
            snprintf(head, sizeof head, "%sTransfer-Encoding: chunked\r\n", c->head);
            front_request(&out, &front, c->method, c->target, head, SLICE_EMPTY);
            chunked(&out, slice_cstr_in(c->body), STEPS[k]);
            int fd = front_dial(&front);
            front_say(fd, buf_slice(&out));
            answer_t a = front_hear(fd, false);
            close(fd);
            card_check(c, &a);
        }
    }
    records_check();
    assert_int_equal(at_shop(), before);
}

/* The head, a pause, then the body in two segments cut at any byte. */
static void cards_cut_between_segments(void **state)
{
    slice_t body = SLICE("x=1&n=" CARD "&y=2");
    uint8_t mem[1024];
    for (size_t cut = 0; cut <= body.len; cut += 5) {
        buf_t out = BUF_ON_ARRAY(mem);
        front_request(&out, &front, "POST", "/b", FORM, body);
        slice_t all = buf_slice(&out);
        int fd = front_dial(&front);
        front_say(fd, slice_sub(all, 0, all.len - body.len));
        usleep(3000);
        front_say(fd, slice_sub(body, 0, cut));
        usleep(3000);
        front_say(fd, slice_from(body, cut));
        answer_t a = front_hear(fd, false);
        close(fd);
        assert_int_equal(a.status, 422);
        answer_free(&a);
    }
}

static void expect_continue(void **state)
{
    uint8_t mem[1024];
    buf_t out = BUF_ON_ARRAY(mem);
    char heard[64] = "";
    slice_t body = SLICE("n=" CARD);
    front_request(&out, &front, "POST", "/b", FORM "Expect: 100-continue\r\n", body);
    slice_t all = buf_slice(&out);
    int fd = front_dial(&front);
    front_say(fd, slice_sub(all, 0, all.len - body.len));
    assert_true(read(fd, heard, 25) == 25);
    assert_string_equal(heard, "HTTP/1.1 100 Continue\r\n\r\n");
    front_say(fd, body);
    answer_t a = front_hear(fd, false);
    assert_int_equal(a.status, 422);
    answer_free(&a);
    close(fd);
}

/* On one connection: good, card, good; sent at once. Each is judged by itself, and the connection
 * goes on after the refusal. */
static void pipelined(void **state)
{
    uint8_t mem[4096];
    buf_t out = BUF_ON_ARRAY(mem);
    size_t before = at_shop();
    front_request(&out, &front, "POST", "/first", FORM, SLICE("a=1"));
    front_request(&out, &front, "POST", "/second", FORM, SLICE("n=" CARD));
    front_request(&out, &front, "GET", "/third?n=" CARD, "", SLICE_EMPTY);
    front_request(&out, &front, "POST", "/fourth", FORM, SLICE("b=2"));
    int fd = front_dial(&front);
    front_say(fd, buf_slice(&out));
    static const int WANT[] = {200, 422, 422, 200};
    for (size_t i = 0; i < BASE_COUNT(WANT); i++) {
        answer_t a = front_hear(fd, false);
        assert_int_equal(a.status, WANT[i]);
        answer_free(&a);
    }
    close(fd);
    assert_int_equal(at_shop() - before, 2);
    assert_string_equal(room_line(&front.shop), "POST /fourth HTTP/1.1");
}

static void http_1_0(void **state)
{
    size_t before = at_shop();
    int fd = front_dial(&front);
    front_say(fd, SLICE("POST /b HTTP/1.0\r\nHost: shop.localhost\r\n" FORM
                        "Content-Length: 18\r\n\r\nn=" CARD));
    answer_t a = front_hear(fd, false);
    assert_int_equal(a.status, 422);
    assert_true(front_closed(fd));
    answer_free(&a);
    close(fd);
    assert_int_equal(at_shop(), before);
}

static void the_page_is_calm(void **state)
{
    static const struct {
        const char *head, *want;
    } ROWS[] = {
        {"", "カード番号はお預かりしていません"},
        {"Accept-Language: en-US,en;q=0.8\r\n", "We do not take card numbers here"},
        {"Accept-Language: en\r\nCookie: a=b; lang=ja\r\n", "カード番号はお預かりしていません"},
        {"Accept-Language: ja\r\nCookie: lang=en\r\n", "We do not take card numbers here"},
        {"Accept-Language: de\r\nCookie: lang=\"><script>\r\n", "カード番号はお預かりしていません"},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        answer_t a = front_ask(&front, "GET", "/b?n=" CARD, ROWS[i].head, SLICE_EMPTY);
        assert_int_equal(a.status, 422);
        assert_true(answer_has(&a, ROWS[i].want));
        assert_false(answer_has(&a, "4111"));
        assert_false(answer_has(&a, "<script"));
        assert_string_equal(answer_header(&a, "content-type"), "text/html; charset=utf-8");
        assert_string_equal(answer_header(&a, "cache-control"), "no-store");
        assert_string_equal(answer_header(&a, "x-content-type-options"), "nosniff");
        assert_string_equal(answer_header(&a, "server"), "");
        assert_non_null(strstr(answer_header(&a, "content-security-policy"), "default-src 'none'"));
        answer_free(&a);
    }
    answer_t a = front_ask(&front, "HEAD", "/b?n=" CARD, "", SLICE_EMPTY);
    assert_int_equal(a.status, 422);
    assert_string_not_equal(answer_header(&a, "content-length"), "0");
    answer_free(&a);
    a = front_ask(&front, "GET", "/.guard/guard.css", "", SLICE_EMPTY);
    assert_int_equal(a.status, 200);
    assert_string_equal(answer_header(&a, "content-type"), "text/css; charset=utf-8");
    assert_true(answer_has(&a, "main {"));
    answer_free(&a);
    a = front_ask(&front, "GET", "/.guard/page", "", SLICE_EMPTY); /* by itself there is none */
    assert_int_equal(a.status, 404);
    answer_free(&a);
}

/* ---- what cannot be read ---- */

static void unreadable_bodies_are_refused(void **state)
{
    static const struct {
        const char *name, *head, *body, *why;
        int status;
    } ROWS[] = {
        {"gzip", FORM "Content-Encoding: gzip\r\n", "x", "encoding", 415},
        {"two encodings", FORM "Content-Encoding: identity\r\nContent-Encoding: br\r\n", "x",
         "encoding", 415},
        {"utf-16", "Content-Type: application/x-www-form-urlencoded; charset=utf-16\r\n", "n=1",
         "charset", 415},
        {"shift_jis", "Content-Type: text/plain; charset=Shift_JIS\r\n", "n=1", "charset", 415},
        {"euc", "Content-Type: multipart/form-data; charset=euc-jp; boundary=xx\r\n", "--xx--",
         "charset", 415},
        {"shift_jis bytes", FORM, "n=\x82\x53\x82\x50\x82\x50\x82\x50", "text", 400},
        {"two types", FORM "Content-Type: text/plain\r\n", "n=1", "types", 400},
        {"json broken", "Content-Type: application/json\r\n", "{\"a\":", "syntax", 400},
        {"multipart broken", MULTI, "n=1", "syntax", 400},
        {"json deep", "Content-Type: application/json\r\n",
         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
         "limit", 400},
    };
    size_t before = at_shop();
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        char facts[1200], want[32];
        answer_t a = front_ask(&front, "POST", "/b", ROWS[i].head, slice_cstr_in(ROWS[i].body));
        if (a.status != ROWS[i].status) {
            fail_msg("%s: %d", ROWS[i].name, a.status);
        }
        assert_true(answer_has(&a, "送信内容を読み取れませんでした"));
        front_recorded(&front, answer_id(&a), LEDGER_HTTP_REQUEST, facts, sizeof facts);
        snprintf(want, sizeof want, "&why=%s", ROWS[i].why);
        assert_non_null(strstr(facts, want));
        answer_free(&a);
    }
    uint8_t *mem = malloc(16384);
    buf_t many = buf_on(mem, 16384);
    for (int i = 0; i < 1001; i++) {
        buf_cstr(&many, "a=b&");
    }
    answer_t a = front_ask(&front, "POST", "/b", FORM, buf_slice(&many));
    assert_int_equal(a.status, 400);
    answer_free(&a);
    free(mem);
    assert_int_equal(at_shop(), before);
}

/* ---- what passes ---- */

static void pass_check(room_t *room, const answer_t *a, slice_t body)
{
    size_t len;
    assert_int_equal(a->status, 200);
    uint8_t *got = room_last_body(room, &len);
    assert_int_equal(len, body.len);
    assert_memory_equal(got, body.ptr, len);
    free(got);
}

/* Every form reaches the room byte for byte, however it was sent; small chunks do not make nginx
 * write it to disk (the watch at the end says so). */
static void good_forms_pass_unchanged(void **state)
{
    static const size_t SIZES[] = {0, 1, 20, 1023, 4096, 16384, 16385, 60000, 200000, 262144};
    enum { CAP = 2 * 1024 * 1024 };
    uint8_t *mem = malloc(CAP), *wire = malloc(CAP);
    assert_true(mem && wire);
    for (size_t i = 0; i < BASE_COUNT(SIZES); i++) {
        for (size_t k = 0; k < SIZES[i]; k++) {
            mem[k] = (uint8_t)(k % 90 == 80 ? '&' : k % 90 == 85 ? '=' : 'a' + k % 23);
        }
        slice_t body = slice_make(mem, SIZES[i]);
        answer_t a = front_ask(&front, "POST", "/b", FORM "X-Other: kept\r\n", body);
        if (a.status == 400) { /* past 1000 fields */
            assert_true(SIZES[i] > 1000 * 80);
            answer_free(&a);
            memset(mem, 'a', SIZES[i]);
            a = front_ask(&front, "POST", "/b", FORM "X-Other: kept\r\n", body);
        }
        pass_check(&front.shop, &a, body);
        assert_string_equal(room_header(&front.shop, "x-other"), "kept");
        assert_string_equal(room_header(&front.shop, "content-type"),
                            "application/x-www-form-urlencoded");
        answer_free(&a);
        for (size_t step = 1; step <= 4096; step *= 64) {
            buf_t out = buf_on(wire, CAP);
            front_request(&out, &front, "POST", "/c", FORM "Transfer-Encoding: chunked\r\n",
                          SLICE_EMPTY);
            chunked(&out, body, step);
            assert_false(out.full);
            int fd = front_dial(&front);
            front_say(fd, buf_slice(&out));
            a = front_hear(fd, false);
            close(fd);
            pass_check(&front.shop, &a, body);
            answer_free(&a);
        }
    }
    slice_t parts =
        SLICE("--xx\r\nContent-Disposition: form-data; name=\"名前\"\r\n\r\n山田 太郎\r\n"
              "--xx\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\""
              "\r\nContent-Type: image/png\r\n\r\n\x89PNG\x01\x02\xff\r\n--xx--\r\n");
    answer_t a = front_ask(&front, "POST", "/b", MULTI, parts);
    pass_check(&front.shop, &a, parts);
    answer_free(&a);
    free(mem);
    free(wire);
}

/* A provider's notification: payd verifies its signature over the very bytes. */
static void notifications_pass_untouched(void **state)
{
    static const char *const BODIES[] = {
        "{\"type\":\"payment.captured\",\"data\":{\"id\":\"" CARD
        "\",\"amount\":4111111111111111}}",
        "not json at all \x82\x53 " CARD,
        "n=" CARD "&a=%zz",
    };
    for (size_t i = 0; i < BASE_COUNT(BODIES); i++) {
        slice_t body = slice_cstr_in(BODIES[i]);
        size_t before = at_shop();
        answer_t a =
            front_ask(&front, "POST", "/pay/notify/komoju",
                      "Content-Type: application/json; charset=utf-16\r\n"
                      "Content-Encoding: x-odd\r\nX-Komoju-Signature: 0123456789abcdef\r\n",
                      body);
        pass_check(&front.pay, &a, body);
        assert_string_equal(room_header(&front.pay, "x-komoju-signature"), "0123456789abcdef");
        answer_free(&a);
        uint8_t mem[4096];
        buf_t out = BUF_ON_ARRAY(mem);
        front_request(&out, &front, "POST", "/pay/notify/komoju", "Transfer-Encoding: chunked\r\n",
                      SLICE_EMPTY);
        chunked(&out, body, 1);
        int fd = front_dial(&front);
        front_say(fd, buf_slice(&out));
        a = front_hear(fd, false);
        close(fd);
        pass_check(&front.pay, &a, body);
        answer_free(&a);
        assert_int_equal(at_shop(), before);
    }
}

static void large_answers_pass(void **state)
{
    uint8_t mem[512];
    buf_t out = BUF_ON_ARRAY(mem);
    front_request(&out, &front, "GET", "/big", "", SLICE_EMPTY);
    int fd = front_dial(&front);
    front_say(fd, buf_slice(&out));
    usleep(
        200000); /* the room is done long before we read: nginx must hold it in memory, or wait */
    answer_t a = front_hear(fd, false);
    close(fd);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_len, 3 * 1024 * 1024);
    for (size_t at = 0; at < a.body_len; at++) {
        if (a.body[at] != 'a' + at / 4096 % 26) {
            fail_msg("byte %zu", at);
        }
    }
    answer_free(&a);
}

/* ---- rooms that fail, nginx's own refusals ---- */

static void a_failing_room_gives_a_calm_page(void **state)
{
    static const struct {
        const char *method, *target, *head, *text;
        int status;
    } ROWS[] = {
        {"GET", "/drop?x=MARKER", "", "ただいまページを表示できません", 502},
        {"GET", "/drop", "Accept-Language: en\r\n", "This page cannot be shown just now", 502},
        {"POST", "/drop", "Accept-Language: en\r\n", "This page cannot be shown just now", 502},
        {"GET", "/bad/MARKER", "", "ただいまページを表示できません", 502},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        char facts[1200];
        answer_t a = front_ask(&front, ROWS[i].method, ROWS[i].target, ROWS[i].head, SLICE_EMPTY);
        assert_int_equal(a.status, ROWS[i].status);
        assert_true(answer_has(&a, ROWS[i].text));
        assert_string_equal(answer_header(&a, "retry-after"), "30");
        /* the id on the page, at the room and in the record is one */
        char text[ID_TEXT + 1] = "";
        id_encode(answer_id(&a), text);
        assert_string_equal(room_header(&front.shop, "x-sekisho-id"), text);
        front_recorded(&front, answer_id(&a), LEDGER_HTTP_REQUEST, facts, sizeof facts);
        assert_true(slice_starts(slice_cstr_in(facts), SLICE("m=")));
        assert_true(slice_starts(slice_cstr_in(facts + 2), slice_cstr_in(ROWS[i].method)));
        assert_non_null(strstr(facts, "&s=502&"));
        answer_free(&a);
    }
    answer_t a = front_ask(&front, "GET", "/slow", "", SLICE_EMPTY);
    assert_int_equal(a.status, 200);
    answer_free(&a);
    a = front_ask(&front, "GET", "/accel", "", SLICE_EMPTY); /* no room directs nginx */
    assert_int_equal(a.status, 200);
    assert_true(answer_has(&a, "ok"));
    answer_free(&a);
}

/* Sends text as it is; the status of the answer, 0 when the connection just ends. */
static int raw(slice_t text)
{
    int fd = front_dial(&front);
    front_say(fd, text);
    answer_t a = front_hear(fd, false);
    close(fd);
    int status = a.status;
    if (status >= 400 && a.body_len) {
        assert_false(answer_has(&a, "nginx"));
        assert_true(answer_has(&a, "/.guard/guard.css"));
    }
    answer_free(&a);
    return status;
}

#define HOST "Host: shop.localhost\r\n"

static void no_tunnel_no_smuggling(void **state)
{
    static const struct {
        const char *name, *text;
        int status;
        size_t requests; /* that reach the room */
    } ROWS[] = {
        {"websocket",
         "GET /tunnel HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
         400, 0},
        {"websocket in a list",
         "GET /x HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: h2c, WebSocket/13\r\n\r\n",
         400, 0},
        {"h2c is not heard, and a room that says 101 opens no tunnel",
         "GET /tunnel HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 0, 1},
        {"both lengths",
         "POST /x HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\n\r\nGET /evil HTTP/1.1\r\n" HOST "\r\n",
         400, 0},
        {"two lengths",
         "POST /x HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 6\r\n\r\na&GET /", 400,
         0},
        {"same length twice",
         "POST /x HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400, 0},
        {"a list of lengths", "POST /x HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\na", 400, 0},
        {"negative length", "POST /x HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400, 0},
        {"plus length", "POST /x HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\na", 400, 0},
        {"unknown coding",
         "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, 0},
        {"coding twice",
         "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"
         "\r\n0\r\n\r\n",
         400, 0},
        {"coding with a space", "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n",
         400, 0},
        {"coding in 1.0", "POST /x HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400, 0},
        {"bad chunk", "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400,
         0},
        {"folded header", "GET /x HTTP/1.1\r\n" HOST "A: b\r\n c: d\r\n\r\n", 400, 0},
        {"nul in a header", NULL, 400, 0},
        {"no such method", "<GET /x HTTP/1.1\r\n" HOST "\r\n", 400, 0},
        {"trace", "TRACE /x HTTP/1.1\r\n" HOST "\r\n", 405, 0},
        {"connect", "CONNECT shop.localhost:80 HTTP/1.1\r\n" HOST "\r\n", 400, 0},
        {"version", "GET /x HTTP/3.0\r\n" HOST "\r\n", 505, 0},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        size_t before = at_shop();
        slice_t text = ROWS[i].text ? slice_cstr_in(ROWS[i].text)
                                    : SLICE("GET /x HTTP/1.1\r\n" HOST "A: b\0c\r\n\r\n");
        int status = raw(text);
        if (status != ROWS[i].status || at_shop() - before != ROWS[i].requests) {
            fail_msg("%s: %d, %zu requests", ROWS[i].name, status, at_shop() - before);
        }
    }
}

/* 413 for both ways to send too much; afterwards nginx has let go of everything. */
static void too_much(void **state)
{
    enum { MUCH = 300 * 1024, CAP = 512 * 1024 };
    uint8_t *mem = malloc(MUCH), *wire = malloc(CAP);
    pid_t pids[8];
    assert_true(mem && wire && front_workers(&front, pids, 8) >= 1);
    memset(mem, 'a', MUCH);
    size_t before = at_shop(), files = front_open_files(pids[0]);
    for (int i = 0; i < 12; i++) {
        answer_t a = front_ask(&front, "POST", "/b", FORM, slice_make(mem, MUCH));
        assert_int_equal(a.status, 413);
        assert_true(answer_has(&a, "送信内容が大きすぎます"));
        answer_free(&a);
        buf_t out = buf_on(wire, CAP);
        front_request(&out, &front, "POST", "/b", "Transfer-Encoding: chunked\r\n", SLICE_EMPTY);
        chunked(&out, slice_make(mem, MUCH), 60000);
        int fd = front_dial(&front);
        front_say(fd, buf_slice(&out));
        a = front_hear(fd, false);
        assert_int_equal(a.status, 413);
        assert_true(front_closed(fd));
        answer_free(&a);
        close(fd);
    }
    char long_target[9000] = "/";
    memset(long_target + 1, 'a', sizeof long_target - 2);
    answer_t a = front_ask(&front, "GET", long_target, "", SLICE_EMPTY);
    assert_int_equal(a.status, 414);
    assert_true(answer_has(&a, "送信内容が大きすぎます"));
    answer_free(&a);
    char header[9100] = "X-Long: ";
    memset(header + 8, 'a', 9000);
    memcpy(header + 9008, "\r\n", 3);
    a = front_ask(&front, "GET", "/x", header, SLICE_EMPTY);
    assert_int_equal(a.status, 431);
    answer_free(&a);
    assert_int_equal(at_shop(), before);
    for (int i = 0; i < 200 && front_open_files(pids[0]) > files; i++) {
        usleep(20000);
    }
    assert_true(front_open_files(pids[0]) <= files);
    free(mem);
    free(wire);
}

/* ---- the record ---- */

typedef struct tally {
    size_t requests, statics, cards, longest;
    bool has_marker;
} tally_t;

static void count_entry(void *user, const ledger_entry_t *entry)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    tally_t *t = user;
    buf_t b = BUF_ON_ARRAY(mem);
    ledger_record_put(&b, &entry->rec);
    t->requests += entry->rec.type == LEDGER_HTTP_REQUEST;
    t->cards += entry->rec.type == LEDGER_CARD_REFUSED;
    t->statics += entry->rec.type == LEDGER_HTTP_STATIC ? entry->rec.count : 0;
    if (entry->rec.type == LEDGER_HTTP_REQUEST) {
        t->longest = b.len > t->longest ? b.len : t->longest;
        assert_int_equal(entry->rec.count, 1);
        assert_false(id_is_zero(entry->rec.request));
        assert_false(id_is_zero(entry->rec.address));
    }
    t->has_marker = t->has_marker || slice_find(buf_slice(&b), SLICE("MARKER")) != SIZE_MAX;
}

/* Each dynamic request is one record; static files are one count at the worker's end. */
static void one_record_a_request(void **state)
{
    tally_t t = {0};
    while (front_tail(&front, count_entry, &t) > 0) { /* what the tests before left */
    }
    t = (tally_t){0};
    for (int i = 0; i < 7; i++) {
        answer_t a = front_ask(&front, "GET", "/static/a.css?x=MARKER", "", SLICE_EMPTY);
        assert_int_equal(a.status, 200);
        answer_free(&a);
        a = front_ask(&front, "GET", "/tours", "", SLICE_EMPTY);
        answer_free(&a);
    }
    answer_t a = front_ask(&front, "GET", "/static/MARKER", "", SLICE_EMPTY);
    assert_int_equal(a.status, 404); /* a file that is not there is a request like any other */
    answer_free(&a);
    for (int i = 0; i < 100 && t.requests < 8; i++) {
        front_tail(&front, count_entry, &t);
    }
    assert_int_equal(t.requests, 8);
    assert_int_equal(t.statics, 0);
    assert_false(t.has_marker);
    assert_true(t.longest < 300);
}

/* ---- at the end: nothing on disk, nothing in the logs ---- */

/* nginx's own complaints about requests with a card number and personal data in them. */
static void provoke_errors(void **state)
{
    static const char *const TEXTS[] = {
        "GET /" CARD "?mail=MARKER@example.com HTTP/9.9\r\n" HOST "\r\n",
        "GE<T /" CARD "/MARKER HTTP/1.1\r\n" HOST "\r\n",
        "GET /" CARD "/MARKER HTTP/1.1\r\n" HOST CARD " MARKER: x\r\n\r\n",
        "GET /" CARD "/MARKER HTTP/1.1\r\nHost: " CARD "MARKER<>\r\n\r\n",
        "GET /" CARD "/MARKER HTTP/1.1\r\n\r\n",
        "GET /\",client:" CARD "MARKER\" HTTP/1.1\r\n" HOST "A: \"" CARD "MARKER\r\n B\r\n\r\n",
        "POST /" CARD "/MARKER HTTP/1.1\r\n" HOST "Content-Length: " CARD "\r\n\r\n",
        "POST /" CARD " HTTP/1.1\r\n" HOST "Content-Length: " CARD "MARKER\r\n\r\n",
        "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n" CARD "MARKER\r\n",
        "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: " CARD "MARKER\r\n\r\n",
        "GET /../" CARD "MARKER HTTP/1.1\r\n" HOST "\r\n",
        "GET /static/" CARD "MARKER HTTP/1.1\r\n" HOST "\r\n",
        "GET /static/MARKER%00" CARD " HTTP/1.1\r\n" HOST "\r\n",
        "POST /static/a.css?" CARD "MARKER HTTP/1.1\r\n" HOST "\r\n",
        "GET /static/?" CARD "MARKER HTTP/1.1\r\n" HOST "\r\n",
        "GET /pay/notify/" CARD "MARKER/drop HTTP/1.1\r\n" HOST "Referer: " CARD "MARKER\r\n\r\n",
        "GET /drop?MARKER HTTP/1.1\r\n" HOST "Referer: http://x/" CARD "MARKER\r\n\r\n",
        "GET /bad/MARKER HTTP/1.1\r\n" HOST "Referer: " CARD "MARKER\r\n\r\n",
        "\x16\x03\x01" CARD "MARKER\r\n\r\n",
        CARD "MARKER\r\n\r\n",
    };
    for (size_t i = 0; i < BASE_COUNT(TEXTS); i++) {
        if (i % 10 == 0) {
            usleep(1100000); /* a new second: no line is held back for being one too many */
        }
        (void)raw(slice_cstr_in(TEXTS[i]));
    }
    int fd = front_dial(&front); /* leaves in the middle of a body, and of a head */
    front_say(fd,
              SLICE("POST /" CARD "MARKER HTTP/1.1\r\n" HOST "Content-Length: 99\r\n\r\n" CARD));
    close(fd);
    fd = front_dial(&front);
    front_say(fd, SLICE("GET /" CARD "MARKER HTTP/1.1\r\nHo"));
    close(fd);
    char long_line[40000];
    buf_t b = BUF_ON_ARRAY(long_line);
    buf_cstr(&b, "GET / HTTP/1.1\r\n" HOST "X: ");
    while (b.len < 39000) {
        buf_cstr(&b, CARD "MARKER");
    }
    buf_cstr(&b, "\r\n\r\n");
    (void)raw(buf_slice(&b));
}

static void nothing_is_written(void **state)
{
    char dir[FRONT_PATH + 32];
    snprintf(dir, sizeof dir, "%s/ledger", front.dir);
    front_nginx_stop(&front, SIGQUIT);
    tally_t t = {0};
    while (front_tail(&front, count_entry, &t) > 0) {
    }
    assert_true(t.statics >= 8); /* counted at the worker's end */
    assert_false(t.has_marker);
    assert_false(front_tree_has(front.dir, CARD));
    assert_false(front_tree_has(front.dir, "41111111"));
    assert_false(front_tree_has(front.dir, "MARKER"));
    assert_false(front_tree_has(dir, "4111"));
    /* the log speaks, in our words */
    assert_true(front_file_has(front.log, "client sent invalid"));
    assert_true(front_file_has(front.log, "upstream prematurely closed connection"));
    assert_true(front_file_has(front.log, "{\"id\":\""));
    assert_false(front_file_has(front.log, "[error]"));
    assert_false(front_file_has(front.log, "127.0.0.1"));
    assert_false(front_file_has(front.log, "could not be handed over"));
    assert_false(front_file_has(front.log, "left in connection"));
    uint8_t events[4096];
    ssize_t n = read(watch, events, sizeof events);
    assert_true(n < 0); /* nothing was made, opened for writing or changed there */
}

/* A file in the watched folders is seen by the watch: else the test above would see nothing. */
static void watch_bites(void **state)
{
    char path[FRONT_PATH + 32];
    uint8_t events[4096];
    snprintf(path, sizeof path, "%s/guard/body.tmp/x", front.dir);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_true(read(watch, events, sizeof events) > 0);
}

static int setup(void **state)
{
    static const char *const TEMP[] = {"body.tmp", "proxy.tmp"};
    front_init(&front, 1, "info");
    front_rooms(&front);
    front_ledgerd(&front);
    front_nginx(&front);
    watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    for (size_t i = 0; i < BASE_COUNT(TEMP); i++) {
        char path[FRONT_PATH + 32];
        snprintf(path, sizeof path, "%s/guard/%s", front.dir, TEMP[i]);
        assert_true(inotify_add_watch(watch, path, IN_CREATE | IN_MODIFY | IN_MOVED_TO) >= 0);
    }
    return 0;
}

static int teardown(void **state)
{
    front_deinit(&front);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_has_one_id),
        cmocka_unit_test(hosts),
        cmocka_unit_test(cards_are_refused),
        cmocka_unit_test(cards_are_refused_however_they_arrive),
        cmocka_unit_test(cards_cut_between_segments),
        cmocka_unit_test(expect_continue),
        cmocka_unit_test(pipelined),
        cmocka_unit_test(http_1_0),
        cmocka_unit_test(the_page_is_calm),
        cmocka_unit_test(unreadable_bodies_are_refused),
        cmocka_unit_test(good_forms_pass_unchanged),
        cmocka_unit_test(notifications_pass_untouched),
        cmocka_unit_test(large_answers_pass),
        cmocka_unit_test(a_failing_room_gives_a_calm_page),
        cmocka_unit_test(no_tunnel_no_smuggling),
        cmocka_unit_test(too_much),
        cmocka_unit_test(one_record_a_request),
        cmocka_unit_test(provoke_errors),
        cmocka_unit_test(nothing_is_written),
        cmocka_unit_test(watch_bites),
    };
    if (!front_programs(argc, argv)) {
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
