/* Certificates that are renewed while people are being served, sites that fail open and closed, and
 * what that leaves in the logs. */
#include "guarded.h"

#include <signal.h>
#include <unistd.h>

/* ---- renewal under load ---- */

enum { RELOADS = 6 };

static struct {
    _Atomic bool stop;
    _Atomic size_t asked, failed, connections, retried;
} load;

static const char SLOW[] = "GET /slow HTTP/1.1\r\nHost: " WWW "\r\n" BROWSER "\r\n";

static int dial(bool http2)
{
    long serial;
    tls_ask_t ask = {.port = guarded.https_port,
                     .name = WWW,
                     .ca_pem = guarded_file("front-ca.pem"),
                     .http2 = http2};
    int fd = tls_dial(&ask, &serial);
    load.connections++;
    load.failed += fd < 0;
    return fd;
}

static void counted(bool fine)
{
    load.asked++;
    load.failed += !fine;
}

/* Requests on one connection until the server says that it is the last. An idle connection may be
 * closed between two requests, and the next one then goes out on a new connection, as every browser
 * does; a first request on a fresh connection, and an answer that has begun, have no excuse. */
static void *keepalive_run(void *unused)
{
    bool again = false;
    while (!load.stop) {
        int fd = dial(false);
        for (size_t n = 0; fd >= 0 && !load.stop; n++) {
            front_say(fd, slice_make(SLOW, sizeof SLOW - 1));
            answer_t a = front_hear(fd, false);
            bool unheard = a.status == 0 && a.head[0] == 0 && n > 0 && !again,
                 last = a.status == 0 || strcmp(answer_header(&a, "connection"), "close") == 0;
            again = unheard;
            if (unheard) {
                load.retried++;
            } else {
                counted(a.status == 200 && answer_has(&a, "welcome to /slow"));
            }
            answer_free(&a);
            if (last) {
                break;
            }
        }
        close(fd);
    }
    return NULL;
}

/* The same over HTTP/2, where the server names the last request that it has looked at. */
static void *http2_run(void *unused)
{
    bool again = false;
    while (!load.stop) {
        int fd = dial(true);
        h2_t h;
        size_t len;
        if (fd < 0) {
            continue;
        }
        h2_open(&h, fd);
        for (int status = 200; !load.stop && !h.leaving && status == 200;) {
            status = h2_get(&h, WWW, "/slow", &len);
            bool unseen = !again && h.next_stream > 3 &&
                          (status == H2_UNSEEN || (status == H2_ENDED && !h.leaving));
            again = unseen;
            if (unseen) {
                load.retried++;
            } else {
                counted(status == 200 && len > 0);
            }
        }
        close(fd);
    }
    return NULL;
}

static long shown_serial(const char *host)
{
    long serial = 0;
    tls_ask_t ask = {
        .port = guarded.https_port, .name = host, .ca_pem = guarded_file("front-ca.pem")};
    int fd = tls_dial(&ask, &serial);
    assert_true(fd >= 0);
    close(fd);
    return serial;
}

static void certificates_are_renewed_without_a_dropped_connection(void **state)
{
    pthread_t threads[4];
    for (size_t i = 0; i < BASE_COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, i % 2 ? http2_run : keepalive_run, NULL),
                         0);
    }
    while (load.asked < 8) {
        usleep(10000);
    }
    for (size_t i = 0; i < RELOADS; i++) {
        size_t before = load.asked;
        long old = shown_serial(WWW), renewed = guarded_cert(WWW);
        assert_int_not_equal(old, renewed);
        assert_int_equal(shown_serial(WWW), old); /* nothing changes before the reload */
        front_reload(&guarded.front);
        assert_int_equal(shown_serial(WWW), renewed);
        for (int k = 0; k < 1000 && load.asked < before + 8; k++) {
            usleep(10000);
        }
    }
    load.stop = true;
    for (size_t i = 0; i < BASE_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    fprintf(stderr, "%zu requests on %zu connections, %zu asked again, %zu failed\n",
            (size_t)load.asked, (size_t)load.connections, (size_t)load.retried,
            (size_t)load.failed);
    assert_true(load.asked >= 8 * RELOADS);
    assert_true(load.connections > BASE_COUNT(threads)); /* workers did leave */
    assert_true(load.connections < load.asked);          /* and connections were kept */
    assert_int_equal(load.failed, 0);
}

/* A certificate that is not there stops the reload, not the site. */
static void a_broken_renewal_changes_nothing(void **state)
{
    long old = shown_serial(NEW);
    pid_t before[8], now[8];
    size_t n = front_workers(&guarded.front, before, 8);
    assert_true(truncate(guarded_file("live/" NEW "/fullchain.pem"), 100) == 0);
    guarded_forget("nginx.log");
    assert_true(kill(guarded.front.nginx, SIGHUP) == 0);
    guarded_wait("error.log", "cannot load certificate");
    assert_int_equal(shown_serial(NEW), old);
    assert_int_equal(front_workers(&guarded.front, now, 8), n);
    assert_memory_equal(before, now, n * sizeof before[0]);
    (void)guarded_cert(NEW);
}

/* ---- failing ---- */

/* Memory for no judgement: WWW fails closed, NEW fails open, as each has said, and each request
 * says so. */
static void each_site_fails_as_it_chose(void **state)
{
    guarded_conf("sekisho_memory 1k;");
    front_reload(&guarded.front);
    guarded_forget("guard.json");
    guarded_forget("error.log");
    size_t app = site_requests(&guarded.app), other = site_requests(&guarded.other);
    answer_t a = guarded_get(WWW, "/tours?q=a", "");
    assert_int_equal(a.status, 503);
    assert_string_equal(answer_header(&a, "retry-after"), "30");
    assert_string_equal(answer_header(&a, "strict-transport-security"), "max-age=31536000");
    answer_free(&a);
    guarded_wait("guard.json", "\"status\":503,\"verdict\":\"unjudged\"");
    guarded_wait("error.log", "a request could not be judged, it is refused");
    assert_int_equal(site_requests(&guarded.app), app);
    status_is(guarded_get(NEW, "/tours?q=a", ""), 200, "open");
    guarded_wait("guard.json", "\"status\":200,\"verdict\":\"unjudged\"");
    guarded_wait("error.log", "a request could not be judged, it is let pass");
    assert_int_equal(site_requests(&guarded.other), other + 1);
    a = guarded_get(WWW, "/guard-metrics", "");
    assert_true(answer_has(&a, "sekisho_requests_total{verdict=\"unjudged\"} 2"));
    answer_free(&a);
    guarded_conf("");
    front_reload(&guarded.front);
    status_is(guarded_get(WWW, "/tours?q=a", ""), 200, "mended");
}

static int setup(void **state)
{
    guarded_start("");
    return 0;
}

static int teardown(void **state)
{
    guarded_stop();
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_are_renewed_without_a_dropped_connection),
        cmocka_unit_test(a_broken_renewal_changes_nothing),
        cmocka_unit_test(each_site_fails_as_it_chose),
    };
    if (!guarded_here(argc, argv)) {
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
