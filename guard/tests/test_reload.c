/* Reloads under load: no request is lost, and memory is after a hundred of them what it was before
 * the first. SEKISHO_RELOADS: how many; 20 in `make test`, 100 in `make long`. */
#include "front.h"

#include <signal.h>
#include <unistd.h>

static front_t front;

static struct {
    _Atomic bool stop;
    _Atomic size_t asked, failed;
} load;

/* A new connection for each request: a kept one may rightly be closed by a worker that leaves (kept
 * ones: test_site_reload). */
static void *load_run(void *unused)
{
    while (!load.stop) {
        answer_t a =
            front_ask(&front, "GET", "/page?q=fine", "User-Agent: Mozilla/5.0\r\n", SLICE_EMPTY);
        load.failed += a.status != 200 || a.body_len != 15;
        answer_free(&a);
        a = front_ask(&front, "GET", "/?q=1%27%20UNION%20SELECT%20a,b%20FROM%20c--",
                      "User-Agent: Mozilla/5.0\r\n", SLICE_EMPTY);
        load.failed += a.status != 403;
        answer_free(&a);
        load.asked += 2;
    }
    return NULL;
}

/* A line of /proc/PID/smaps_rollup, KiB: memory that is the process's own, or its share of all. */
static long memory_kb(pid_t pid, const char *line_name)
{
    char path[64], line[256];
    long kb = -1;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *in = fopen(path, "re");
    while (in && fgets(line, sizeof line, in)) {
        if (strncmp(line, line_name, strlen(line_name)) == 0) {
            kb = strtol(line + strlen(line_name), NULL, 10);
        }
    }
    if (in) {
        fclose(in);
    }
    assert_true(kb > 0);
    return kb;
}

typedef struct memory {
    long master, worker, share; /* KiB; share: PSS of both */
} memory_t;

/* Nothing is being asked. */
static memory_t memory_now(void)
{
    pid_t pid;
    assert_int_equal(front_workers(&front, &pid, 1), 1);
    return (memory_t){.master = memory_kb(front.nginx, "Anonymous:"),
                      .worker = memory_kb(pid, "Anonymous:"),
                      .share = memory_kb(front.nginx, "Pss:") + memory_kb(pid, "Pss:")};
}

/* 2 %, and some pages: nginx without any module of ours is 100 KiB larger after its first reload
 * than at its start. */
static bool is_grown(long before, long after)
{
    return after > before + before / 50 + 64;
}

static void reloads_under_load(void **state)
{
    pthread_t threads[2];
    const char *wanted = getenv("SEKISHO_RELOADS");
    long times = wanted ? strtol(wanted, NULL, 10) : 20;
    assert_true(times > 0);
    usleep(200000); /* the worker has come to rest */
    memory_t before = memory_now();
    for (size_t i = 0; i < BASE_COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, load_run, NULL), 0);
    }
    for (long i = 0; i < times; i++) {
        size_t asked = load.asked;
        front_reload(&front);
        for (int k = 0; k < 1000 && load.asked == asked; k++) {
            usleep(10000); /* each configuration has been asked */
        }
    }
    load.stop = true;
    for (size_t i = 0; i < BASE_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    front_reload(&front); /* a worker that nobody has asked, as the first */
    usleep(200000);
    memory_t after = memory_now();
    fprintf(stderr,
            "%ld reloads, %zu requests, %zu failed; KiB: master %ld -> %ld, worker %ld -> %ld, "
            "share of both %ld -> %ld\n",
            times, (size_t)load.asked, (size_t)load.failed, before.master, after.master,
            before.worker, after.worker, before.share, after.share);
    assert_true(load.asked >= 2 * (size_t)times);
    assert_int_equal(load.failed, 0);
    assert_false(is_grown(before.master, after.master));
    assert_false(is_grown(before.worker, after.worker));
    assert_false(is_grown(before.share, after.share));
}

/* A configuration that is refused changes nothing: the old workers go on, and one that dies is
 * replaced by one that judges. */
static void a_refused_configuration(void **state)
{
    pid_t old, fresh;
    assert_int_equal(front_workers(&front, &old, 1), 1);
    front_conf(&front,
               "sekisho on; server { listen 127.0.0.1:1; sekisho_rules_text 'SecNonsense On'; }");
    assert_true(kill(front.nginx, SIGHUP) == 0);
    for (int i = 0; i < 1000 && !front_file_has(front.log, "SecNonsense"); i++) {
        usleep(10000);
    }
    assert_true(front_file_has(front.log, "SecNonsense"));
    assert_true(kill(old, SIGKILL) == 0);
    for (int i = 0; i < 1000; i++) {
        if (front_workers(&front, &fresh, 1) == 1 && fresh != old) {
            break;
        }
        usleep(10000);
    }
    assert_int_not_equal(old, fresh);
    answer_t a = front_ask(&front, "GET", "/?q=1%27%20UNION%20SELECT%20a,b%20FROM%20c--",
                           "User-Agent: Mozilla/5.0\r\n", SLICE_EMPTY);
    assert_int_equal(a.status, 403);
    answer_free(&a);
}

static int setup(void **state)
{
    char conf[4096], crs[1024];
    const char *dir;
    front_init(&front, 1, NULL);
    dir = front_rules_dir();
    if (front_has_crs()) {
        snprintf(crs, sizeof crs,
                 "sekisho_rules /etc/modsecurity/crs/crs-setup.conf; sekisho_rules "
                 "%s/before-crs.conf;\nsekisho_rules_text 'Include "
                 "/usr/share/modsecurity-crs/rules/*.conf';\n",
                 dir);
    } else {
        snprintf(crs, sizeof crs,
                 "sekisho_rules %s/alone-setup.conf; sekisho_rules %s/before-crs.conf; "
                 "sekisho_rules %s/alone-end.conf;\n",
                 dir, dir, dir);
    }
    snprintf(conf, sizeof conf,
             "upstream shop { server \"unix:%.100s/run/shop.http.sock\"; }\n"
             "sekisho on; sekisho_collections 1m; modsecurity_use_error_log off; sekisho_rules "
             "%s/site.conf;\n%s"
             "server { listen 127.0.0.1:%u; server_name shop.localhost;\n"
             "  location / { proxy_pass http://shop; }\n}\n",
             front.dir, dir, crs, front.port);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(reloads_under_load),
                                       cmocka_unit_test(a_refused_configuration)};
    if (!front_programs(argc, argv)) {
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
