/* What is refused stays refused, whatever way leads on: error pages at the origin, subrequests,
 * many slow requests, a worker that dies with the shared memory in its hands. */
#include "front.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define EVIL "Cookie: a=evil\r\n"

static front_t front;

static const char RULES[] =
    "sekisho_rules_text '\n"
    "SecRequestBodyAccess On\n"
    "SecRequestBodyLimit 400000\n"
    "SecRequestBodyNoFilesLimit 400000\n"
    "SecResponseBodyAccess On\n"
    "SecResponseBodyMimeType text/plain text/html\n"
    "SecResponseBodyLimit 1000000\n"
    "SecResponseBodyLimitAction ProcessPartial\n"
    "SecRule ARGS:q \"@streq late\" \"id:1,phase:2,deny,status:403,log\"\n"
    "SecRule REQUEST_COOKIES:a \"@streq evil\" \"id:2,phase:2,deny,status:406,log\"\n"
    "SecAction \"id:3,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR},setvar:ip.hits=+1,"
    "setvar:ip.%{UNIQUE_ID}=1\"\n"
    "';\n";

static const char CONF[] =
    "upstream shop { server \"unix:%s/run/shop.http.sock\"; }\n"
    "upstream pay { server \"unix:%s/run/pay.http.sock\"; }\n"
    "sekisho on; sekisho_collections 1m; sekisho_hold 2m; %s"
    "proxy_http_version 1.1; client_max_body_size 1m; client_body_timeout 20s;\n"
    "server { listen 127.0.0.1:%u; server_name shop.localhost; sekisho_upgrade off;\n"
    "  error_page 400 413 414 = @app;\n"
    "  location @app { proxy_pass_request_body off; proxy_set_header Content-Length \"\"; "
    "proxy_pass http://shop; }\n"
    "  location / { proxy_pass http://shop; }\n"
    "  location /small { client_max_body_size 10; proxy_pass http://shop; }\n"
    "  location /blocked { error_page 403 406 = @app; proxy_pass http://shop; }\n"
    "  location /as-fine { error_page 403 =200 @app; proxy_pass http://shop; }\n"
    "  location /by-path { error_page 403 406 /refused.html; proxy_pass http://shop; }\n"
    "  location = /refused.html { proxy_pass http://shop; }\n"
    "  location /upgrade { error_page 400 = @app; proxy_pass http://shop; }\n"
    "  location /twice { error_page 403 = /twice2; proxy_pass http://shop; }\n"
    "  location /twice2 { recursive_error_pages on; error_page 403 = @app; proxy_pass http://shop; "
    "}\n"
    "  location /auth { sekisho_origin_key a.key; auth_request /check; proxy_pass http://shop; }\n"
    "  location = /check { internal; sekisho_origin_key b.key; proxy_pass_request_body off;\n"
    "    proxy_set_header Content-Length \"\"; proxy_pass http://pay; }\n"
    "  location /mirrored { sekisho_origin_key a.key; mirror /copy; proxy_pass http://shop; }\n"
    "  location = /copy { internal; proxy_pass http://pay; }\n"
    "  location = /metrics { sekisho off; sekisho_metrics; }\n"
    "}\n"
    "server { listen 127.0.0.1:%u; server_name open.localhost; sekisho_fail open;\n"
    "  location / { proxy_set_header X-Verdict $sekisho_verdict; proxy_pass http://shop; }\n}\n";

static answer_t raw(const char *text)
{
    int fd = front_dial(&front);
    front_say(fd, slice_cstr_in(text));
    answer_t a = front_hear(fd, false);
    close(fd);
    return a;
}

#define HEAD(target) "GET " target " HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n"

/* ---- error pages ---- */

/* No way of being refused brings a request, or its header, to an origin. */
static void an_error_page_is_no_way_in(void **state)
{
    static const struct {
        const char *name, *text;
        int status;
        size_t requests;
    } ROWS[] = {
        {"fine", HEAD("/x") "\r\n", 200, 1},
        {"blocked", HEAD("/blocked?q=late") "\r\n", 403, 0},
        {"blocked, said to be fine", HEAD("/as-fine?q=late") "\r\n", 200, 0},
        {"blocked, by a path", HEAD("/by-path?q=late") "\r\n", 403, 0},
        {"blocked, its cookie", HEAD("/by-path") EVIL "\r\n", 406, 0},
        {"twice", HEAD("/twice?q=late") "\r\n", 403, 0},
        {"a handshake", HEAD("/upgrade?q=late") "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n",
         400, 0},
        {"too long", HEAD("/small") "Content-Length: 100\r\n\r\n", 200,
         1}, /* the site's own page */
        {"too long, an attack", HEAD("/small?q=late") "Content-Length: 100\r\n\r\n", 403, 0},
        {"too long, its cookie", HEAD("/small") EVIL "Content-Length: 100\r\n\r\n", 406, 0},
        {"broken", HEAD("/x") "X_Hidden: 1\r\nA b: c\r\n\r\n", 200, 1},
        {"broken, an attack", HEAD("/x?q=late") "A b: c\r\n\r\n", 403, 0},
        {"broken, its cookie", HEAD("/x") EVIL "A b: c\r\n\r\n", 406, 0},
        {"two lengths", HEAD("/x?q=late") "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 403,
         0},
        {"past the rules' limit", HEAD("/x") "Content-Length: 500000\r\n\r\n", 413, 0},
        {"the same, an attack", HEAD("/x?q=late") "Content-Length: 500000\r\n\r\n", 403, 0},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        size_t before = room_requests(&front.shop);
        answer_t a = raw(ROWS[i].text);
        size_t n = room_requests(&front.shop) - before;
        if (a.status != ROWS[i].status || n != ROWS[i].requests) {
            fail_msg("%s: %d, %zu requests", ROWS[i].name, a.status, n);
        }
        if (n == 0) { /* the guard's own page, with an id to ask by */
            (void)answer_id(&a);
        } else { /* nothing of what nginx would have dropped */
            assert_string_equal(room_header(&front.shop, "x_hidden"), "");
        }
        answer_free(&a);
    }
}

/* ---- subrequests ---- */

static void each_origin_gets_its_own_key(void **state)
{
    answer_t a = raw(HEAD("/auth/x") "X-Sekisho-Origin-Key: forged\r\n\r\n");
    assert_int_equal(a.status, 200);
    answer_free(&a);
    assert_string_equal(room_header(&front.shop, "x-sekisho-origin-key"),
                        "aaaaaaaaaaaaaaaaaaaaaaaa");
    assert_string_equal(room_header(&front.pay, "x-sekisho-origin-key"),
                        "bbbbbbbbbbbbbbbbbbbbbbbb");
    size_t before = room_requests(&front.pay);
    a = raw(HEAD("/mirrored/x") "X-Last: 1\r\n\r\n");
    assert_int_equal(a.status, 200);
    answer_free(&a);
    for (int i = 0; i < 1000 && room_requests(&front.pay) == before; i++) {
        usleep(10000);
    }
    assert_string_equal(room_header(&front.shop, "x-sekisho-origin-key"),
                        "aaaaaaaaaaaaaaaaaaaaaaaa");
    assert_string_equal(room_header(&front.pay, "x-sekisho-origin-key"), "");
    assert_string_equal(room_header(&front.pay, "x-last"), "1");
}

/* ---- many slow requests ---- */

enum { SLOW = 12, SLOW_BYTES = 300000 };

static int slow_begin(const char *host)
{
    static uint8_t mem[SLOW_BYTES + 512];
    buf_t out = BUF_ON_ARRAY(mem);
    int fd = front_dial(&front);
    buf_cstr(&out, "POST /x HTTP/1.1\r\nHost: ");
    buf_cstr(&out, host);
    buf_cstr(&out, "\r\nConnection: close\r\n" FORM "Content-Length: ");
    buf_dec(&out, SLOW_BYTES + 1);
    buf_cstr(&out, "\r\n\r\n");
    size_t end = out.len + SLOW_BYTES; /* one byte is missing */
    buf_cstr(&out, "q=fine&x=");
    while (out.len < end) {
        buf_u8(&out, 'a');
    }
    front_say(fd, buf_slice(&out));
    return fd;
}

static long metric(const char *name)
{
    answer_t a = raw(HEAD("/metrics") "\r\n");
    char line[128];
    snprintf(line, sizeof line, "\n%s ", name);
    char *at = strstr((char *)a.body, line);
    long value = at ? strtol(at + strlen(line), NULL, 10) : -1;
    answer_free(&a);
    return value;
}

static void wait_busy(long from)
{
    for (int i = 0; i < 1000 && metric("sekisho_bodies_busy_total") == from; i++) {
        usleep(10000);
    }
    assert_true(metric("sekisho_bodies_busy_total") > from);
}

/* Bodies that never end fill what the worker may hold: the next ones are refused, small requests
 * are not, and all is well when the slow ones have gone. */
static void many_slow_bodies(void **state)
{
    int fds[SLOW];
    long busy = metric("sekisho_bodies_busy_total");
    size_t refused = 0, before = room_requests(&front.shop);
    for (size_t i = 0; i < SLOW; i++) {
        fds[i] = slow_begin("shop.localhost");
    }
    wait_busy(busy);
    answer_t a = front_ask(&front, "POST", "/x", FORM, SLICE("q=fine"));
    assert_int_equal(a.status, 200);
    answer_free(&a);
    a = front_ask(&front, "POST", "/x", FORM, SLICE("q=late"));
    assert_int_equal(a.status, 403);
    answer_free(&a);
    assert_int_equal(room_requests(&front.shop), before + 1);
    a = front_ask(&front, "GET", "/big", "",
                  SLICE_EMPTY); /* the origin has acted: its answer passes */
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_len, 3145728);
    answer_free(&a);
    for (size_t i = 0; i < SLOW; i++) { /* refused ones have their answer, the others wait */
        uint8_t byte;
        refused += recv(fds[i], &byte, 1, MSG_DONTWAIT) == 1;
        close(fds[i]);
    }
    assert_true(refused > 0 && refused < SLOW);
    for (int tries = 0; tries < 1000; tries++) {
        int fd = slow_begin("shop.localhost");
        front_say(fd, SLICE("a")); /* its end */
        a = front_hear(fd, false);
        close(fd);
        int status = a.status;
        answer_free(&a);
        if (status == 200) {
            break;
        }
        assert_int_equal(status, 503);
        usleep(10000);
    }
    assert_true(room_requests(&front.shop) >= before + 2);
}

/* A site that fails open takes them all the same, unjudged, and says so. */
static void many_slow_bodies_of_an_open_site(void **state)
{
    int fds[SLOW];
    long busy = metric("sekisho_bodies_busy_total");
    for (size_t i = 0; i < SLOW; i++) {
        fds[i] = slow_begin("shop.localhost");
    }
    wait_busy(busy);
    size_t before = room_requests(&front.shop);
    int fd = slow_begin("open.localhost");
    front_say(fd, SLICE("a"));
    answer_t a = front_hear(fd, false);
    close(fd);
    assert_int_equal(a.status, 200);
    answer_free(&a);
    assert_int_equal(room_requests(&front.shop), before + 1);
    size_t len;
    uint8_t *body = room_last_body(&front.shop, &len);
    assert_true(len == SLOW_BYTES + 1 && memcmp(body, "q=fine&x=aaa", 12) == 0);
    free(body);
    assert_string_equal(room_header(&front.shop, "x-verdict"), "unjudged");
    for (size_t i = 0; i < SLOW; i++) {
        close(fds[i]);
    }
}

/* ---- workers that die with the collections in their hands ---- */

static _Atomic bool stop;
static _Atomic size_t fine;

static void *counting(void *unused)
{
    while (!stop) {
        answer_t a = front_ask(&front, "GET", "/x?q=fine", "", SLICE_EMPTY);
        fine += a.status == 200;
        answer_free(&a);
    }
    return NULL;
}

/* Killed again and again while every request writes to shared memory: the others are never left
 * waiting for a lock of the dead. */
static void killed_workers_leave_no_lock(void **state)
{
    pthread_t threads[4];
    for (size_t i = 0; i < BASE_COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, counting, NULL), 0);
    }
    for (int k = 0; k < 40; k++) {
        pid_t pid;
        size_t before = fine;
        for (int i = 0; i < 1000 && front_workers(&front, &pid, 1) < 1; i++) {
            usleep(1000);
        }
        assert_true(kill(pid, SIGKILL) == 0);
        for (int i = 0; i < 3000 && fine < before + 20; i++) {
            usleep(1000);
        }
        assert_true(fine >= before + 20);
    }
    stop = true;
    for (size_t i = 0; i < BASE_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    assert_true(metric("sekisho_collection_values") > 0);
}

/* ---- odd shapes ---- */

static void odd_shapes(void **state)
{
    static char ranges[8192];
    buf_t out = BUF_ON_ARRAY(ranges);
    buf_cstr(&out, HEAD("/page"));
    for (int i = 0; i < 100; i++) {
        buf_cstr(&out, "Range: bytes=0-1,1-2,2-3,0-\r\n");
    }
    buf_cstr(&out, "\r\n");
    buf_u8(&out, 0);
    answer_t a = raw(ranges);
    assert_true(a.status == 200 || a.status == 400);
    answer_free(&a);
    a = raw("GET /x HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n");
    assert_int_equal(a.status, 200);
    answer_free(&a);
    a = raw("GET /x?q=late HTTP/1.1\r\nHost: shop.localhost.\r\nConnection: close\r\n\r\n");
    assert_int_equal(a.status, 403);
    answer_free(&a);
    a = raw("GET /x?q=late\r\n"); /* version 0.9: nothing but the page */
    answer_free(&a);
    a = raw("GET /x?q=lat%65 HTTP/1.0\r\n\r\n");
    assert_int_equal(a.status, 403);
    answer_free(&a);
}

static void key(const char *name, char letter)
{
    char path[FRONT_PATH + 32], text[26];
    memset(text, letter, 24);
    text[24] = '\n';
    snprintf(path, sizeof path, "%s/guard/%s", front.dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, text, 25) == 25);
    close(fd);
}

static int setup(void **state)
{
    static char conf[16 * 1024];
    front_init(&front, 1, NULL);
    key("a.key", 'a');
    key("b.key", 'b');
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(conf, sizeof conf, CONF, front.dir, front.dir, RULES, front.port, front.port);
#pragma GCC diagnostic pop
    front_conf(&front, conf);
    front_rooms(&front);
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
        cmocka_unit_test(an_error_page_is_no_way_in),
        cmocka_unit_test(each_origin_gets_its_own_key),
        cmocka_unit_test(odd_shapes),
        cmocka_unit_test(killed_workers_leave_no_lock),
        cmocka_unit_test(many_slow_bodies),
        cmocka_unit_test(many_slow_bodies_of_an_open_site),
    };
    if (!front_programs(argc, argv)) {
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
