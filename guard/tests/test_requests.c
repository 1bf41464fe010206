/* Requests under rules: when they are judged, what a block looks like and leaves behind, what rules
 * and rooms see of header lines and bodies. */
#include "front.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define LATE "q=late"

static front_t front;
static unsigned http2_port, proxy_port; /* further listeners */

static const char RULES[] =
    "SecRequestBodyAccess On\n"
    "SecRequestBodyLimit 20000\n"
    "SecRequestBodyNoFilesLimit 20000\n"
    "SecRule REQUEST_HEADERS:X-Early \"@streq stop\" \"id:1,phase:1,deny,status:403,log\"\n"
    "SecRule ARGS:q \"@streq early\" \"id:2,phase:1,deny,status:406,log\"\n"
    "SecRule ARGS:q \"@streq late\" "
    "\"id:3,phase:2,deny,status:403,log,severity:2,msg:SECRETMSG,tag:SECRETTAG\"\n"
    "SecRule ARGS:q \"@streq drop\" \"id:4,phase:2,drop,log\"\n"
    "SecRule ARGS:q \"@streq away\" \"id:5,phase:2,redirect:https://example.org/calm,log\"\n"
    "SecRule ARGS:q \"@streq note\" \"id:6,phase:2,pass,log,severity:5\"\n"
    "SecRule REQUEST_HEADERS:X_Filename \"@streq evil\" \"id:7,phase:1,deny,log\"\n"
    "SecRule REQUEST_HEADERS:A.B \"@streq evil\" \"id:8,phase:1,deny,log\"\n"
    "SecRule REMOTE_ADDR \"@streq 192.0.2.66\" \"id:9,phase:1,deny,status:429,log\"\n"
    "SecRule ARGS:q \"@streq first\" \"id:10,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR},"
    "setvar:ip.hits=+1,expirevar:ip.hits=60\"\n"
    "SecRule IP:HITS \"@gt 3\" \"id:11,phase:2,deny,status:429,log\"\n"
    "SecRule REQUEST_FILENAME \"@streq /counted\" \"id:12,phase:2,pass,log\"\n"
    "SecRule ARGS:taro@example.com \"@streq x\" \"id:13,phase:2,pass,log\"\n"
    "SecRule UNIQUE_ID \"@beginsWith host-\" \"id:14,phase:1,deny,status:418,log\"\n";

static void rules_quoted(buf_t *out)
{
    buf_cstr(out, "sekisho_rules_text '");
    buf_cstr(out, RULES);
    buf_cstr(out, "';\n");
}

static const char CONF[] =
    "sekisho on; sekisho_collections 1m;\n"
    "client_max_body_size 1m;\n"
    "server { listen 127.0.0.1:PORT; server_name shop.localhost;\n"
    "  location / { proxy_pass http://shop; }\n"
    "  location /partial { sekisho_rules_text 'SecRequestBodyLimitAction ProcessPartial'; "
    "proxy_pass http://shop; }\n"
    "  location /return { return 200 hello; }\n"
    "  location /static/ { alias STATIC/; }\n"
    "  location /own { error_page 403 /own-page.html; proxy_pass http://shop; }\n"
    "  location = /own-page.html { return 200 \"their own page\"; }\n"
    "  location /counted { error_page 404 = @other; try_files /nowhere =404; }\n"
    "  location @other { proxy_pass http://shop; }\n"
    "  location /off-first { sekisho off; error_page 404 = @other; try_files /nowhere =404; }\n"
    "  location /any { satisfy any; allow all; proxy_pass http://shop; }\n"
    "  location /limited { deny all; }\n"
    "  location /sub { addition_types *; add_after_body /page; proxy_pass http://shop; }\n"
    "  location /id { modsecurity_transaction_id host-$request_id; proxy_pass http://shop; }\n"
    "  location /closed { sekisho_memory 1k; proxy_pass http://shop; }\n"
    "  location /open { sekisho_memory 1k; sekisho_fail open; proxy_pass http://shop; }\n"
    "  location /key { sekisho_origin_key origin.key; proxy_pass http://shop; }\n"
    "  location = /metrics { sekisho off; sekisho_metrics; }\n"
    "}\n"
    "server { listen 127.0.0.1:PORT; server_name under.localhost; underscores_in_headers on;\n"
    "  location / { proxy_pass http://shop; }\n"
    "}\n"
    "server { listen 127.0.0.1:PORT; server_name early.localhost; return 200 early; }\n"
    "server { listen 127.0.0.1:PORT; server_name proxied.localhost;\n"
    "  set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For; real_ip_recursive on;\n"
    "  location / { proxy_pass http://shop; }\n"
    "}\n";

/* PORT and STATIC in the text become this house's. */
static void conf_make(buf_t *out)
{
    char port[16];
    snprintf(port, sizeof port, "%u", front.port);
    for (slice_t rest = slice_cstr_in(CONF); rest.len;) {
        bool is_port = slice_starts(rest, SLICE("PORT")),
             is_dir = slice_starts(rest, SLICE("STATIC"));
        if (is_port || is_dir) {
            buf_cstr(out, is_port ? port : front.dir);
            buf_cstr(out, is_dir ? "/static" : "");
            rest = slice_from(rest, is_port ? 4 : 6);
        } else {
            buf_u8(out, rest.ptr[0]);
            rest = slice_from(rest, 1);
        }
    }
}

static size_t at_shop(void)
{
    return room_requests(&front.shop);
}

static answer_t get(const char *target, const char *head)
{
    return front_ask(&front, "GET", target, head, SLICE_EMPTY);
}

static answer_t raw(const char *host, const char *target, const char *head)
{
    char text[2048];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: %s\r\n%sConnection: close\r\n\r\n",
             target, host, head);
    int fd = front_dial(&front);
    front_say(fd, slice_cstr_in(text));
    answer_t a = front_hear(fd, false);
    close(fd);
    return a;
}

static void status_is(answer_t a, int status, const char *what)
{
    if (a.status != status) {
        fail_msg("%s: %d", what, a.status);
    }
    answer_free(&a);
}

/* ---- when requests are judged ---- */

/* Every way to an answer has the rules in it: proxies, files, `return` of a location and of a
 * server, refusals of nginx's own, internal redirects. */
static void everywhere(void **state)
{
    static const struct {
        const char *host, *target;
        int status;
        size_t requests;
    } ROWS[] = {
        {"shop.localhost", "/?q=fine", 200, 1},
        {"shop.localhost", "/?q=late", 403, 0},
        {"shop.localhost", "/?q=early", 406, 0},
        {"shop.localhost", "/return?q=fine", 200, 0},
        {"shop.localhost", "/return?q=early", 406, 0},
        {"shop.localhost", "/return?q=late", 403, 0},
        {"shop.localhost", "/static/a.css", 200, 0},
        {"shop.localhost", "/static/a.css?q=late", 403, 0},
        {"shop.localhost", "/static/missing?q=late", 403, 0},
        {"shop.localhost", "/limited", 403, 0},
        {"shop.localhost", "/any?q=late", 403, 0}, /* `satisfy any` lets nobody past the rules */
        {"shop.localhost", "/any?q=fine", 200, 1},
        {"shop.localhost", "/counted?q=fine", 200, 1},
        {"shop.localhost", "/counted?q=late", 403, 0},
        {"shop.localhost", "/off-first?q=fine", 200, 1},
        {"shop.localhost", "/off-first?q=late", 403, 0},
        {"shop.localhost", "/id", 418, 0},
        {"early.localhost", "/?q=fine", 200, 0},
        {"early.localhost", "/?q=early", 406, 0},
        {"early.localhost", "/?q=late", 403, 0},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        size_t before = at_shop();
        status_is(raw(ROWS[i].host, ROWS[i].target, ""), ROWS[i].status, ROWS[i].target);
        if (at_shop() - before != ROWS[i].requests) {
            fail_msg("%s%s: %zu requests", ROWS[i].host, ROWS[i].target, at_shop() - before);
        }
    }
}

static void methods_and_keepalive(void **state)
{
    uint8_t mem[4096];
    buf_t out = BUF_ON_ARRAY(mem);
    size_t before = at_shop();
    status_is(front_ask(&front, "HEAD", "/?q=late", "", SLICE_EMPTY), 403, "HEAD");
    status_is(front_ask(&front, "POST", "/b", FORM, SLICE(LATE)), 403, "POST");
    status_is(front_ask(&front, "POST", "/return", FORM, SLICE(LATE)), 403, "POST to return");
    status_is(front_ask(&front, "PUT", "/b", FORM, SLICE(LATE)), 403, "PUT");
    assert_int_equal(at_shop(), before);
    /* blocked and fine by turns on one connection, all sent at once */
    front_request(&out, &front, "POST", "/b", FORM, SLICE("q=fine"));
    front_request(&out, &front, "POST", "/b", FORM, SLICE(LATE));
    front_request(&out, &front, "GET", "/?q=early", "", SLICE_EMPTY);
    front_request(&out, &front, "POST", "/return", FORM, SLICE(LATE));
    front_request(&out, &front, "POST", "/last", FORM, SLICE("q=fine"));
    static const int WANT[] = {200, 403, 406, 403, 200};
    int fd = front_dial(&front);
    front_say(fd, buf_slice(&out));
    for (size_t i = 0; i < BASE_COUNT(WANT); i++) {
        status_is(front_hear(fd, false), WANT[i], "pipelined");
    }
    close(fd);
    assert_string_equal(room_line(&front.shop), "POST /last HTTP/1.0");
}

/* Blocked by its header, a request is answered before its body is sent. */
static void early_without_the_body(void **state)
{
    static const char *const HEADS[] = {"Content-Length: 15000\r\n",
                                        "Transfer-Encoding: chunked\r\n",
                                        "Content-Length: 15000\r\nExpect: 100-continue\r\n"};
    for (size_t i = 0; i < BASE_COUNT(HEADS); i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "POST /b HTTP/1.1\r\nHost: shop.localhost\r\nX-Early: stop\r\n%s\r\n", HEADS[i]);
        int fd = front_dial(&front);
        front_say(fd, slice_cstr_in(text));
        answer_t a = front_hear(fd, false);
        assert_int_equal(a.status, 403);
        assert_null(strstr(a.head, "100 Continue"));
        answer_free(&a);
        close(fd);
    }
}

static void bodies(void **state)
{
    enum { MUCH = 60000 };
    static uint8_t mem[MUCH + 1024], wire[MUCH * 2];
    size_t before = at_shop(), len;
    memset(mem, 'a', sizeof mem);
    memcpy(mem, "q=fine&x=", 9);
    /* past the limit: refused, by its length and by its chunks; at the limit: taken */
    status_is(front_ask(&front, "POST", "/b", FORM, slice_make(mem, 20001)), 413, "long");
    status_is(front_ask(&front, "POST", "/b", FORM, slice_make(mem, 20000)), 200, "at the limit");
    buf_t out = BUF_ON_ARRAY(wire);
    front_request(&out, &front, "POST", "/b", FORM "Transfer-Encoding: chunked\r\n", SLICE_EMPTY);
    for (int i = 0; i < 30; i++) {
        buf_cstr(&out, "400\r\n");
        buf_put(&out, slice_make(mem, 1024));
        buf_cstr(&out, "\r\n");
    }
    buf_cstr(&out, "0\r\n\r\n");
    int fd = front_dial(&front);
    front_say(fd, buf_slice(&out));
    status_is(front_hear(fd, false), 413, "long chunks");
    close(fd);
    assert_int_equal(at_shop() - before, 1);
    /* only the beginning is judged, the room gets all */
    answer_t a = front_ask(&front, "POST", "/partial", FORM, slice_make(mem, MUCH));
    assert_int_equal(a.status, 200);
    answer_free(&a);
    uint8_t *got = room_last_body(&front.shop, &len);
    assert_int_equal(len, MUCH);
    assert_memory_equal(got, mem, MUCH);
    free(got);
    memcpy(mem, "q=late&x=", 9);
    status_is(front_ask(&front, "POST", "/partial", FORM, slice_make(mem, MUCH)), 403, "beginning");
    memcpy(mem, "x=aaaaaaa", 9);
    memcpy(mem + MUCH - 7, "&q=late", 7);
    status_is(front_ask(&front, "POST", "/partial", FORM, slice_make(mem, MUCH)), 200, "end");
}

/* The judged argument cut at every byte, in one segment each and in chunks of any size. */
static void bodies_in_pieces(void **state)
{
    uint8_t mem[2048];
    size_t before = at_shop();
    for (size_t step = 1; step <= 7; step += 2) {
        buf_t out = BUF_ON_ARRAY(mem);
        front_request(&out, &front, "POST", "/b", FORM, SLICE("a=b&" LATE "&c=d"));
        int fd = front_dial(&front);
        front_say_slowly(fd, buf_slice(&out), step);
        status_is(front_hear(fd, false), 403, "slowly");
        close(fd);
        buf_reset(&out);
        front_request(&out, &front, "POST", "/b", FORM "Transfer-Encoding: chunked\r\n",
                      SLICE_EMPTY);
        for (slice_t body = SLICE("a=b&" LATE "&c=d"), part; body.len;
             body = slice_from(body, part.len)) {
            part = slice_sub(body, 0, step);
            buf_dec(&out, (int64_t)part.len);
            buf_cstr(&out, "\r\n");
            buf_put(&out, part);
            buf_cstr(&out, "\r\n");
        }
        buf_cstr(&out, "0\r\n\r\n");
        fd = front_dial(&front);
        front_say(fd, buf_slice(&out));
        status_is(front_hear(fd, false), 403, "chunks");
        close(fd);
    }
    assert_int_equal(at_shop(), before);
}

/* ---- a block ---- */

static void the_page(void **state)
{
    static const struct {
        const char *head, *want;
    } ROWS[] = {{"", "安全のため、この操作は受け付けできませんでした"},
                {"Accept-Language: en-US,en;q=0.8\r\n", "To be safe, we did not take this"}};
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        char facts[1200];
        answer_t a = get("/?q=late", ROWS[i].head);
        assert_int_equal(a.status, 403);
        assert_true(answer_has(&a, ROWS[i].want));
        static const char *const GONE[] = {"late", "SECRET", "ARGS", "nginx", "<script", "rule"};
        for (size_t k = 0; k < BASE_COUNT(GONE); k++) {
            assert_false(answer_has(&a, GONE[k]));
        }
        assert_string_equal(answer_header(&a, "content-type"), "text/html; charset=utf-8");
        assert_string_equal(answer_header(&a, "cache-control"), "no-store");
        assert_string_equal(answer_header(&a, "x-sekisho-rules"), "");
        front_recorded(&front, answer_id(&a), LEDGER_RULE_BLOCKED, facts, sizeof facts);
        assert_string_equal(facts, "rule=3&phase=2&how=deny&status=403");
        front_recorded(&front, answer_id(&a), LEDGER_RULE_MATCHED, facts, sizeof facts);
        assert_string_equal(facts, "v=deny&rules=3:ARGS.q:4:2");
        front_recorded(&front, answer_id(&a), LEDGER_HTTP_REQUEST, facts, sizeof facts);
        assert_non_null(strstr(facts, "&s=403&"));
        assert_non_null(strstr(facts, "&why=rule"));
        answer_free(&a);
    }
    answer_t a = get("/.guard/guard.css", ""); /* the configuration has no place for it */
    assert_int_equal(a.status, 200);
    assert_true(answer_has(&a, "main {"));
    answer_free(&a);
    a = get("/own?q=late", ""); /* a site's own page goes before ours */
    assert_int_equal(a.status, 403);
    assert_true(answer_has(&a, "their own page"));
    answer_free(&a);
}

static void drop_and_redirect(void **state)
{
    size_t before = at_shop();
    status_is(get("/?q=drop", ""), 0, "drop");
    status_is(front_ask(&front, "POST", "/b", FORM, SLICE("q=drop")), 0, "drop a body");
    status_is(get("/return?q=drop", ""), 0, "drop at return");
    answer_t a = get("/?q=away", "");
    assert_int_equal(a.status, 302);
    assert_string_equal(answer_header(&a, "location"), "https://example.org/calm");
    answer_free(&a);
    a = raw("early.localhost", "/?q=away", "");
    assert_int_equal(a.status, 302);
    assert_string_equal(answer_header(&a, "location"), "https://example.org/calm");
    assert_int_equal(a.body_len, 0);
    answer_free(&a);
    assert_int_equal(at_shop(), before);
}

/* ---- header lines ---- */

/* Rules see what nginx drops; rooms get what nginx would have let through. */
static void header_lines(void **state)
{
    size_t before = at_shop();
    status_is(get("/", "X_Filename: evil\r\n"), 403, "underscore");
    status_is(get("/", "A.B: evil\r\n"), 403, "dot");
    assert_int_equal(at_shop(), before);
    status_is(get("/", "X-One: 1\r\nX_Filename: fine\r\nX-Two: 2\r\nA.B: c\r\nContent_Length: 5\r\n"
                       "X-Three: 3\r\nTransfer_Encoding: chunked\r\nX_Last: 1\r\n"),
              200, "hidden");
    assert_string_equal(room_header(&front.shop, "x-one"), "1");
    assert_string_equal(room_header(&front.shop, "x-two"), "2");
    assert_string_equal(room_header(&front.shop, "x-three"), "3");
    static const char *const GONE[] = {"x_filename", "a.b", "content_length", "transfer_encoding",
                                       "x_last"};
    for (size_t i = 0; i < BASE_COUNT(GONE); i++) {
        assert_string_equal(room_header(&front.shop, GONE[i]), "");
    }
    /* many lines: nginx's list has several parts; first, middle and last are hidden */
    char head[8192], line[64];
    buf_t lines = BUF_ON_ARRAY(head);
    for (int i = 0; i < 90; i++) {
        snprintf(line, sizeof line, i % 3 ? "X-N%d: %d\r\n" : "X_N%d: %d\r\n", i, i);
        buf_cstr(&lines, line);
    }
    buf_u8(&lines, 0);
    status_is(get("/many", head), 200, "many");
    for (int i = 0; i < 90; i++) {
        char name[32], want[16] = "";
        snprintf(name, sizeof name, i % 3 ? "x-n%d" : "x_n%d", i);
        if (i % 3) {
            snprintf(want, sizeof want, "%d", i);
        }
        assert_string_equal(room_header(&front.shop, name), want);
    }
    status_is(raw("shop.localhost", "/", "X_Only: 1\r\nX_Filename: evil\r\n"), 403, "all but Host");
}

static void the_origin_key(void **state)
{
    status_is(get("/key", ""), 200, "key");
    assert_string_equal(room_header(&front.shop, "x-sekisho-origin-key"),
                        "abcdefghijklmnopqrstuvwxyz");
    status_is(get("/key", "X-Sekisho-Origin-Key: forged\r\nx-sekisho-origin-key: forged\r\n"), 200,
              "forged");
    assert_string_equal(room_header(&front.shop, "x-sekisho-origin-key"),
                        "abcdefghijklmnopqrstuvwxyz");
    status_is(get("/key?q=late", ""), 403, "blocked");
    status_is(get("/", ""), 200, "elsewhere");
    assert_string_equal(room_header(&front.shop, "x-sekisho-origin-key"), "");
}

/* Only the listed proxy's word counts, and of a chain only what listed proxies have added. */
static void client_addresses(void **state)
{
    static const struct {
        const char *host, *head;
        int status;
    } ROWS[] = {
        {"proxied.localhost", "X-Forwarded-For: 192.0.2.66\r\n", 429},
        {"proxied.localhost", "X-Forwarded-For: 192.0.2.7\r\n", 200},
        {"proxied.localhost", "X-Forwarded-For: 192.0.2.66, 192.0.2.7\r\n", 200},
        {"proxied.localhost", "X-Forwarded-For: 192.0.2.7, 192.0.2.66\r\n", 429},
        {"proxied.localhost", "X-Forwarded-For: 192.0.2.66, 127.0.0.1\r\n", 429},
        {"proxied.localhost", "X-Forwarded-For: nonsense\r\n", 200},
        {"proxied.localhost", "X_Forwarded_For: 192.0.2.66\r\n", 200},
        {"proxied.localhost", "X-Real-IP: 192.0.2.66\r\n", 200},
        {"shop.localhost", "X-Forwarded-For: 192.0.2.66\r\n", 200}, /* nobody is listed there */
        {"shop.localhost", "Forwarded: for=192.0.2.66\r\n", 200},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        status_is(raw(ROWS[i].host, "/", ROWS[i].head), ROWS[i].status, ROWS[i].head);
    }
}

/* The PROXY line counts where it is expected, and no header line beside it. */
static void proxy_protocol(void **state)
{
    static const struct {
        const char *line, *head;
        int status;
    } ROWS[] = {
        {"PROXY TCP4 192.0.2.66 198.51.100.1 4000 443\r\n", "", 429},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 4000 443\r\n", "", 200},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 4000 443\r\n", "X-Forwarded-For: 192.0.2.66\r\n", 200},
        {"PROXY TCP4 192.0.2.66 198.51.100.1 4000 443\r\n", "X-Forwarded-For: 192.0.2.7\r\n", 429},
        {"", "X-Forwarded-For: 192.0.2.7\r\n", 0}, /* without the line nothing is heard */
    };
    front_t there = front;
    there.port = proxy_port;
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "%sGET / HTTP/1.1\r\nHost: shop.localhost\r\n%sConnection: close\r\n\r\n",
                 ROWS[i].line, ROWS[i].head);
        int fd = front_dial(&there);
        front_say(fd, slice_cstr_in(text));
        status_is(front_hear(fd, false), ROWS[i].status, text);
        close(fd);
    }
    /* a PROXY line where none is expected is no request */
    int fd = front_dial(&front);
    front_say(fd, SLICE("PROXY TCP4 192.0.2.7 198.51.100.1 4000 443\r\nGET / HTTP/1.1\r\n\r\n"));
    status_is(front_hear(fd, false), 400, "an unexpected line");
    close(fd);
}

/* ---- collections, failure, records ---- */

static void counters_outlive_a_reload(void **state)
{
    for (int i = 0; i < 3; i++) {
        status_is(get("/?q=first", ""), 200, "counted");
    }
    front_reload(&front);
    status_is(get("/?q=first", ""), 429, "the fourth");
    status_is(get("/?q=fine", ""), 200, "no collection");
}

static void failing_closed_and_open(void **state)
{
    char facts[1200], text[ID_TEXT + 1] = "";
    size_t before = at_shop();
    answer_t a = get("/closed", "");
    assert_int_equal(a.status, 503);
    assert_true(answer_has(&a, "ただいまページを表示できません"));
    front_recorded(&front, answer_id(&a), LEDGER_RULE_UNJUDGED, facts, sizeof facts);
    assert_string_equal(facts, "passed=0");
    answer_free(&a);
    status_is(front_ask(&front, "POST", "/closed", FORM, SLICE("q=fine")), 503, "closed");
    assert_int_equal(at_shop(), before);
    status_is(front_ask(&front, "POST", "/open", FORM, SLICE(LATE)), 200, "open");
    assert_int_equal(at_shop(), before + 1);
    id128_t id;
    snprintf(text, sizeof text, "%s", room_header(&front.shop, "x-sekisho-id"));
    if (!err_failed(id_decode(slice_cstr_in(text), &id))) {
        front_recorded(&front, id, LEDGER_RULE_UNJUDGED, facts, sizeof facts);
    }
}

typedef struct tally {
    size_t matched, blocked;
    bool has_value, has_name;
} tally_t;

static void count_entry(void *user, const ledger_entry_t *entry)
{
    tally_t *t = user;
    slice_t facts = entry->rec.facts;
    t->matched += entry->rec.type == LEDGER_RULE_MATCHED;
    t->blocked += entry->rec.type == LEDGER_RULE_BLOCKED;
    t->has_value = t->has_value || slice_find(facts, SLICE("late")) != SIZE_MAX ||
                   slice_find(facts, SLICE("SECRET")) != SIZE_MAX;
    t->has_name = t->has_name || slice_find(facts, SLICE("taro")) != SIZE_MAX;
}

/* Once a request, whatever internal redirects and subrequests it has; rules that do not log leave
 * nothing; no byte of a value, and no name that a person may have chosen. */
static void records(void **state)
{
    tally_t t = {0};
    while (front_tail(&front, count_entry, &t) > 0) {
    }
    t = (tally_t){0};
    status_is(get("/counted?q=fine", ""), 200, "redirected");
    status_is(get("/sub?q=note", ""), 200, "with a subrequest");
    status_is(get("/?taro@example.com=x", ""), 200, "a chosen name");
    status_is(get("/?q=fine", ""), 200, "nothing");
    status_is(get("/?q=late", ""), 403, "blocked");
    status_is(front_ask(&front, "HEAD", "/?q=note", "", SLICE_EMPTY), 200, "HEAD");
    for (int i = 0; i < 100 && (t.matched < 5 || t.blocked < 1); i++) {
        front_tail(&front, count_entry, &t);
    }
    front_tail(&front, count_entry, &t);
    assert_int_equal(t.matched, 5);
    assert_int_equal(t.blocked, 1);
    assert_false(t.has_value);
    assert_false(t.has_name);
}

/* HTTP/2 is nginx's; the same rules hold. */
static void http2(void **state)
{
    static const struct {
        const char *target, *data, *want;
    } ROWS[] = {{"/?q=fine", NULL, "200"},  {"/?q=late", NULL, "403"},
                {"/?q=early", NULL, "406"}, {"/b", LATE, "403"},
                {"/b", "q=fine", "200"},    {"/return?q=late", NULL, "403"},
                {"/?q=away", NULL, "302"},  {"/leak?q=fine", NULL, "200"}};
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        char url[128], out[256];
        snprintf(url, sizeof url, "http://127.0.0.1:%u%s", http2_port, ROWS[i].target);
        const char *argv[16] = {"curl",
                                "-s",
                                "-m",
                                "10",
                                "-o",
                                "/dev/null",
                                "-w",
                                "%{http_version} %{http_code}",
                                "--http2-prior-knowledge",
                                "-H",
                                "Host: shop.localhost",
                                url};
        if (ROWS[i].data) {
            argv[12] = "-d";
            argv[13] = ROWS[i].data;
        }
        assert_int_equal(front_run(argv, out, sizeof out), 0);
        char want[16];
        snprintf(want, sizeof want, "2 %s", ROWS[i].want);
        if (strcmp(out, want) != 0) {
            fail_msg("%s: %s", ROWS[i].target, out);
        }
    }
}

static int setup(void **state)
{
    static uint8_t mem[64 * 1024];
    char path[FRONT_PATH + 32];
    buf_t conf = BUF_ON_ARRAY(mem);
    front_init(&front, 1, NULL);
    http2_port = front_free_port();
    proxy_port = front_free_port();
    snprintf(path, sizeof path, "%s/guard/origin.key", front.dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, "abcdefghijklmnopqrstuvwxyz\n", 27) == 27);
    close(fd);
    char head[1024];
    snprintf(
        head, sizeof head,
        "sekisho_ledger \"%.100s/run/ledger.sock\"; sekisho_secrets \"%.100s/secrets/guard\";\n"
        "sekisho_quiet off;\n"
        "upstream shop { server \"unix:%.100s/run/shop.http.sock\"; }\n"
        "proxy_set_header X-Sekisho-Id $sekisho_id;\n",
        front.dir, front.dir, front.dir);
    buf_cstr(&conf, head);
    rules_quoted(&conf);
    conf_make(&conf);
    snprintf(
        head, sizeof head,
        "server { listen 127.0.0.1:%u http2; server_name shop.localhost;\n"
        "  location / { proxy_pass http://shop; }\n  location /return { return 200 hello; }\n}\n"
        "server { listen 127.0.0.1:%u proxy_protocol; server_name shop.localhost;\n"
        "  set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol;\n"
        "  location / { proxy_pass http://shop; }\n}\n",
        http2_port, proxy_port);
    buf_cstr(&conf, head);
    buf_u8(&conf, 0);
    assert_ok(buf_check(&conf));
    front_conf(&front, (const char *)mem);
    front_rooms(&front);
    front_ledgerd(&front);
    front_nginx(&front);
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
        cmocka_unit_test(everywhere),
        cmocka_unit_test(methods_and_keepalive),
        cmocka_unit_test(early_without_the_body),
        cmocka_unit_test(bodies),
        cmocka_unit_test(bodies_in_pieces),
        cmocka_unit_test(the_page),
        cmocka_unit_test(drop_and_redirect),
        cmocka_unit_test(header_lines),
        cmocka_unit_test(the_origin_key),
        cmocka_unit_test(client_addresses),
        cmocka_unit_test(proxy_protocol),
        cmocka_unit_test(counters_outlive_a_reload),
        cmocka_unit_test(failing_closed_and_open),
        cmocka_unit_test(records),
        cmocka_unit_test(http2),
    };
    if (!front_programs(argc, argv)) {
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
