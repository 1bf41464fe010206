/* Request smuggling and desync: whatever is sent, the origin gets whole requests that can be read
 * in one way only, each of them judged, and never one that hid in another. The origin here is raw:
 * it keeps every byte. */
#include "smuggle.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static front_t front;

/* ---- the origin ---- */

static struct {
    pthread_mutex_t lock;
    pthread_t thread;
    int listen_fd;
    uint8_t heard[SMUGGLE_HEARD_MAX];
    size_t len, answers;
} origin = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Answers once per blank line that it has heard on this connection: it does not read lengths, so it
 * cannot hide a confusion by reading as nginx does. */
static void *visit(void *arg)
{
    int fd = *(int *)arg;
    free(arg);
    uint8_t mem[16384];
    size_t run = 0;
    for (ssize_t n; (n = recv(fd, mem, sizeof mem, 0)) > 0;) {
        pthread_mutex_lock(&origin.lock);
        size_t room = SMUGGLE_HEARD_MAX - origin.len, taken = (size_t)n < room ? (size_t)n : room;
        memcpy(origin.heard + origin.len, mem, taken);
        origin.len += taken;
        pthread_mutex_unlock(&origin.lock);
        for (ssize_t i = 0; i < n; i++) {
            run = mem[i] == "\r\n\r\n"[run] ? run + 1 : mem[i] == '\r';
            if (run == 4) {
                static const char OK_TEXT[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                run = 0;
                (void)!send(fd, OK_TEXT, sizeof OK_TEXT - 1, MSG_NOSIGNAL);
            }
        }
    }
    close(fd);
    return NULL;
}

static void *origin_run(void *unused)
{
    for (int fd; (fd = accept(origin.listen_fd, NULL, NULL)) >= 0;) {
        int *copy = malloc(sizeof *copy);
        pthread_t thread;
        CHECK(copy);
        *copy = fd;
        CHECK(pthread_create(&thread, NULL, visit, copy) == 0);
        pthread_detach(thread);
    }
    return NULL;
}

static void origin_start(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%.80s/run/raw.sock", front.dir);
    origin.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(origin.listen_fd, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(listen(origin.listen_fd, 64) == 0);
    CHECK(pthread_create(&origin.thread, NULL, origin_run, NULL) == 0);
}

static size_t origin_heard(uint8_t heard[SMUGGLE_HEARD_MAX])
{
    pthread_mutex_lock(&origin.lock);
    size_t len = origin.len;
    memcpy(heard, origin.heard, len);
    pthread_mutex_unlock(&origin.lock);
    return len;
}

static void origin_reads_what_the_guard_read(void **state)
{
    static uint8_t heard[SMUGGLE_HEARD_MAX];
    for (size_t i = 0; i < SMUGGLE_COUNT; i++) {
        const smuggle_case_t *c = &SMUGGLE_CASES[i];
        pthread_mutex_lock(&origin.lock);
        origin.len = 0;
        pthread_mutex_unlock(&origin.lock);
        int status = smuggle_say(&front, c);
        size_t ends, len = origin_heard(heard);
        size_t n = smuggle_requests_read(c->name, slice_make(heard, len), &ends);
        /* The request behind may still be on its way to an origin that has little of the machine. */
        for (int waits = 0; status == 200 && c->requests == 1 && !ends && waits < 100; waits++) {
            usleep(50000);
            len = origin_heard(heard);
            n = smuggle_requests_read(c->name, slice_make(heard, len), &ends);
        }
        n -= ends;
        if (status == 200 && c->requests == 1 && ends != 1) {
            fail_msg("%s: the next request was %s", c->name, ends ? "doubled" : "lost");
        }
        bool fits = c->requests == SMUGGLE_ANY ? n <= 1 : n == (size_t)c->requests;
        if (!fits || (c->status != SMUGGLE_ANY && status != c->status)) {
            fail_msg("%s: status %d, %zu requests: %.*s", c->name, status, n, (int)len,
                     (char *)heard);
        }
    }
}

/* The reader above does notice: what a careless front would hand on is found. */
static void reader_bites(void **state)
{
    static const char TWO[] = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                              "POST /x HTTP/1.1\r\nHost: a\r\n\r\n";
    size_t ends;
    assert_int_equal(smuggle_requests_read("plain", slice_make(TWO, sizeof TWO - 1), &ends), 2);
    unsigned hosts = 0, lengths = 0;
    uint64_t body = 0;
    assert_non_null(
        smuggle_field_check(SLICE("Transfer-Encoding: chunked"), &hosts, &lengths, &body));
    assert_non_null(smuggle_field_check(SLICE("A_b: c"), &hosts, &lengths, &body));
    assert_non_null(smuggle_field_check(SLICE(" folded: c"), &hosts, &lengths, &body));
    assert_non_null(smuggle_field_check(SLICE("Content-Length: +5"), &hosts, &lengths, &body));
    slice_t rest = SLICE("A: b\rc\r\n"), line;
    assert_false(smuggle_line_take(&rest, &line));
}

/* Whatever reached the origin had been judged. */
static void all_were_judged(void **state)
{
    size_t want = 0;
    answer_t a = front_ask(&front, "GET", "/metrics", "", SLICE_EMPTY);
    char *at = strstr((char *)a.body, "verdict=\"pass\"} ");
    assert_non_null(at);
    for (size_t i = 0; i < SMUGGLE_COUNT; i++) {
        want += SMUGGLE_CASES[i].requests == 1;
    }
    assert_true(strtoul(at + 16, NULL, 10) >= want);
    answer_free(&a);
}

static int setup(void **state)
{
    static char conf[4096];
    front_init(&front, 1, NULL);
    snprintf(conf, sizeof conf,
             "upstream shop { server \"unix:%.100s/run/raw.sock\"; keepalive 4; }\n"
             "sekisho on; sekisho_host_check on;\n"
             "sekisho_rules_text 'SecRequestBodyAccess On\n"
             "SecRule REQUEST_HEADERS:X-Never \"@streq x\" \"id:1,phase:1,deny\"';\n"
             "proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host "
             "$http_host;\n"
             "proxy_read_timeout 3s; client_header_timeout 2s; client_body_timeout 2s;\n"
             "server { listen 127.0.0.1:%u; server_name shop.localhost; location / { proxy_pass "
             "http://shop; }\n"
             "  location = /metrics { sekisho off; sekisho_metrics; } }\n"
             "server { listen 127.0.0.1:%u; server_name other.localhost; location / { proxy_pass "
             "http://shop; } }\n",
             front.dir, front.port, front.port);
    front_conf(&front, conf);
    origin_start();
    front_nginx(&front);
    return 0;
}

static int teardown(void **state)
{
    shutdown(origin.listen_fd, SHUT_RDWR);
    pthread_join(origin.thread, NULL);
    front_deinit(&front);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reader_bites),
                                       cmocka_unit_test(origin_reads_what_the_guard_read),
                                       cmocka_unit_test(all_were_judged)};
    if (!front_programs(argc, argv)) {
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
