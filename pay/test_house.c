#include "test_house.h"

#include <fcntl.h>
#include <ftw.h>
#include <iconv.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/room.h"
#include "io/secrets.h"
#include "text/url.h"

/* ---- files ---- */

static void path_of(const test_house_t *h, const char *leaf, char out[128])
{
    snprintf(out, 128, "%s/%s", h->var, leaf);
}

static void folder(const test_house_t *h, const char *leaf, mode_t mode, uid_t uid, gid_t gid)
{
    char path[128];
    path_of(h, leaf, path);
    assert_ok(dir_ensure((path_t){path}, mode, uid, gid));
}

static void text_file(const test_house_t *h, const char *leaf, const void *bytes, size_t len)
{
    char path[128];
    path_of(h, leaf, path);
    assert_ok(file_create((path_t){path}, slice_make(bytes, len), 0644, (uid_t)-1, (gid_t)-1));
}

static void owner(const test_house_t *h, room_id_t room, uid_t *uid, gid_t *gid)
{
    *uid = geteuid();
    *gid = getegid();
    if (h->separated) {
        assert_ok(room_ids(room, uid, gid));
    }
}

static void secrets_make(const test_house_t *h)
{
    static const room_id_t ROOMS[] = {ROOM_PAY, ROOM_PAYSIM};
    static const char *const NAMES[] = {"komoju_api_key", "komoju_webhook_key",
                                        "stripe_api_key", "stripe_webhook_key",
                                        "sbps_api_key",   "sbps_webhook_key"};
    char key[BASE_COUNT(NAMES)][32], leaf[64], path[128];
    for (size_t k = 0; k < BASE_COUNT(NAMES); k++) {
        random_letters(key[k], 32);
    }
    folder(h, "secrets", 0711, (uid_t)-1, (gid_t)-1);
    for (size_t i = 0; i < 2; i++) {
        uid_t uid;
        gid_t gid;
        owner(h, ROOMS[i], &uid, &gid);
        snprintf(leaf, sizeof leaf, "secrets/%s", room_name(ROOMS[i]));
        folder(h, leaf, 0700, uid, gid);
        path_of(h, leaf, path);
        for (size_t k = 0; k < BASE_COUNT(NAMES); k++) {
            assert_ok(secrets_store_in((path_t){path}, NAMES[k], uid, gid, key[k], 32));
        }
    }
}

static void board_make(test_house_t *h)
{
    char path[128];
    brake_enrolment_t who[3] = {{true, "ciso", {0}}, {true, "director", {0}}, {false, "m", {0}}};
    folder(h, "brake", 0755, (uid_t)-1, (gid_t)-1);
    path_of(h, "brake", path);
    for (size_t i = 0; i < 3; i++) {
        brake_key_make(&h->keys[i]);
        memcpy(who[i].key, h->keys[i].b + 32, 32);
    }
    assert_ok(brake_board_create(path, who, 3, h->keys, "test"));
}

static void inis_make(const test_house_t *h)
{
    char text[1024], hex[65];
    int n = snprintf(text, sizeof text,
                     "[site]\nreturn_base = http://shop.localhost:8080\n"
                     "providers = komoju, stripe, sbps\n");
    static const char *const NAMES[] = {"komoju", "stripe", "sbps"};
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        n += snprintf(text + n, sizeof text - (size_t)n,
                      "[%s]\nurl = http://psp.localhost:%u\n"
                      "resolve = psp.localhost:%u:127.0.0.1\n",
                      NAMES[i], h->psp_port, h->psp_port);
    }
    const char *charset = h->hash_charset ? h->hash_charset : "shift_jis";
    n += snprintf(text + n, sizeof text - (size_t)n, "hash_charset = %s\n", charset);
    text_file(h, "etc/pay.ini", text, (size_t)n);
    n = snprintf(text, sizeof text,
                 "[listen]\nport = %u\norigin = http://psp.localhost:%u\n[shop]\n"
                 "origin = http://shop.localhost:8080\n"
                 "notify_url = http://127.0.0.1:%u/pay/notify/komoju\n"
                 "notify_host = shop.localhost:8080\n[sbps]\nhash_charset = %s\n",
                 h->psp_port, h->psp_port, h->hook_port, charset);
    text_file(h, "etc/paysim.ini", text, (size_t)n);
    sodium_bin2hex(hex, sizeof hex, h->pub, 32);
    n = snprintf(text, sizeof text, "x25519 %s\n", hex);
    text_file(h, "etc/investigator.pub", text, (size_t)n);
}

static void clock_make(test_house_t *h)
{
    static const clock_cell_t ZERO = {0};
    char path[128];
    text_file(h, "run/clock", &ZERO, sizeof ZERO);
    path_of(h, "run/clock", path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    h->cell = mmap(NULL, sizeof ZERO, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(h->cell != MAP_FAILED);
    close(fd);
    clock_attach(h->cell);
}

/* ---- programs ---- */

pid_t test_house_start(const test_house_t *h, const char *program)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char fd[16], log[128];
        int out = fcntl(ends[1], F_DUPFD, 3);
        snprintf(fd, sizeof fd, "%d", out);
        path_of(h, "log", log);
        int to = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        dup2(to, STDERR_FILENO);
        dup2(to, STDOUT_FILENO); /* left behind by a test that was killed it must hold no pipe */
        execl(program, program, "--var", h->var, "--profile", "test", "--ready-fd", fd,
              h->separated ? (char *)NULL : "--no-separation", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    char byte = 0;
    err_t e = fd_wait(ends[0], POLLIN, deadline_in_ms(HOUSE_WAIT_MS));
    ssize_t got = err_failed(e) ? -1 : read(ends[0], &byte, 1);
    close(ends[0]);
    if (got != 1) {
        fail_msg("%s did not become ready; see %s/log", program, h->var);
    }
    return pid;
}

int test_house_end(pid_t *pid, int signal_number)
{
    int status = 0;
    if (*pid > 0) {
        kill(*pid, SIGCONT);
        kill(*pid, signal_number);
        assert_int_equal(waitpid(*pid, &status, 0), *pid);
        *pid = 0;
    }
    return status;
}

void test_house_payd_again(test_house_t *h, int signal_number)
{
    test_house_end(&h->payd, signal_number);
    h->payd = test_house_start(h, h->payd_path);
}

/* ---- the relay ---- */

static int tcp_listen(unsigned *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static bool pump(int from, int to)
{
    char bytes[16384];
    ssize_t n = read(from, bytes, sizeof bytes);
    for (ssize_t at = 0; at < n;) {
        ssize_t put = send(to, bytes + at, (size_t)(n - at), MSG_NOSIGNAL);
        if (put <= 0) {
            return false;
        }
        at += put;
    }
    return n > 0;
}

typedef struct relayed {
    int client;
    char path[100];
} relayed_t;

static void *relay_one(void *arg)
{
    relayed_t *r = arg;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int room = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof at.sun_path, "%s", r->path);
    if (connect(room, (struct sockaddr *)&at, sizeof at) == 0) {
        bool open = true;
        while (open) {
            struct pollfd p[2] = {{r->client, POLLIN, 0}, {room, POLLIN, 0}};
            open = poll(p, 2, 10000) > 0;
            if (open && p[0].revents) {
                open = pump(r->client, room);
            }
            if (open && p[1].revents) {
                open = pump(room, r->client);
            }
        }
    }
    close(room);
    close(r->client);
    free(r);
    return NULL;
}

/* One whole request is kept, and its sender told nothing. */
static void relay_keep(test_house_t *h, int client)
{
    enum { KEEP = 4096 };
    char *to = __atomic_load_n(&h->relay_keep, __ATOMIC_SEQ_CST);
    size_t len = 0;
    bool whole = false;
    while (!whole && len < KEEP - 1) {
        ssize_t n = read(client, to + len, KEEP - 1 - len);
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
        to[len] = 0;
        const char *end = strstr(to, "\r\n\r\n"), *said = strcasestr(to, "content-length:");
        whole = end && said && strlen(end + 4) >= strtoul(said + 15, NULL, 10);
    }
    close(client);
    __atomic_store_n(&h->relay_off, true, __ATOMIC_SEQ_CST); /* nor what is sent again */
    __atomic_store_n(&h->relay_keep, NULL, __ATOMIC_SEQ_CST);
}

static void *relay_run(void *arg)
{
    test_house_t *h = arg;
    int client;
    while ((client = accept4(h->relay_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        pthread_t thread;
        if (__atomic_load_n(&h->relay_keep, __ATOMIC_SEQ_CST)) {
            relay_keep(h, client);
            continue;
        }
        relayed_t *r = calloc(1, sizeof *r);
        if (!r || __atomic_load_n(&h->relay_off, __ATOMIC_RELAXED)) {
            free(r);
            close(client);
            continue;
        }
        r->client = client;
        snprintf(r->path, sizeof r->path, "%s/run/pay.http.sock", h->var);
        if (pthread_create(&thread, NULL, relay_one, r) == 0) {
            pthread_detach(thread);
        }
    }
    return NULL;
}

/* ---- the whole ---- */

void test_house_up(test_house_t *h)
{
    char sock[128];
    unsigned port;
    memcpy(h->var, "/tmp/pay-house-XXXXXX", 22);
    assert_non_null(mkdtemp(h->var));
    assert_int_equal(chmod(h->var, 0755), 0);
    assert_true(sodium_init() >= 0);
    crypto_box_keypair(h->pub, h->secret);
    folder(h, "etc", 0755, (uid_t)-1, (gid_t)-1);
    folder(h, "run", 0755, (uid_t)-1, (gid_t)-1);
    int free_port = tcp_listen(&port); /* a port that is free now */
    close(free_port);
    h->psp_port = port;
    h->relay_fd = tcp_listen(&h->hook_port);
    assert_int_equal(pthread_create(&h->relay, NULL, relay_run, h), 0);
    secrets_make(h);
    board_make(h);
    inis_make(h);
    clock_make(h);
    h->ledgerd = test_house_start(h, h->ledgerd_path);
    path_of(h, "run/ledger.sock", sock);
    assert_ok(ledger_client_new(sock, ROOM_TEST, &h->ledger));
}

void test_house_pay_up(test_house_t *h)
{
    char sock[128];
    h->paysim = test_house_start(h, h->paysim_path);
    h->payd = test_house_start(h, h->payd_path);
    path_of(h, "run/pay.sock", sock);
    assert_ok(pay_client_new(sock, ROOM_TEST, &h->pay));
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    return remove(path);
}

int test_house_down(test_house_t *h)
{
    pay_client_free(h->pay);
    int payd = test_house_end(&h->payd, SIGTERM);
    test_house_end(&h->paysim, SIGTERM);
    if (h->ledgerd) {
        kill(h->ledgerd, SIGCONT);
    }
    ledger_client_free(h->ledger);
    test_house_end(&h->ledgerd, SIGTERM);
    shutdown(h->relay_fd, SHUT_RDWR);
    pthread_join(h->relay, NULL);
    close(h->relay_fd);
    clock_attach(NULL);
    munmap(h->cell, sizeof *h->cell);
    if (getenv("KEEP_HOUSE")) {
        printf("house kept: %s\n", h->var);
        return payd;
    }
    nftw(h->var, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return payd;
}

void test_house_step(test_house_t *h, int64_t seconds)
{
    __atomic_add_fetch(&h->cell->offset_us, seconds * CLOCK_SECOND_US, __ATOMIC_SEQ_CST);
}

void test_house_brake(test_house_t *h, bool open)
{
    char dir[128];
    uint64_t generation;
    path_of(h, "brake", dir);
    uint32_t lever = 1U << BRAKE_PAYMENTS;
    assert_ok(open ? brake_open(dir, lever, h->keys, "test", &generation)
                   : brake_close(dir, lever, &h->keys[2], "test", &generation));
}

/* ---- the provider ---- */

char *test_http(unsigned port, const char *method, const char *path, const char *headers,
                slice_t body)
{
    enum { MOST = 1 << 20 };
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char *text = calloc(1, MOST);
    size_t len = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_non_null(text);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        close(fd);
        return text;
    }
    dprintf(fd, "%s %s HTTP/1.1\r\nHost: psp.localhost:%u\r\nConnection: close\r\n%s", method, path,
            port, headers);
    if (strcmp(method, "POST") == 0) {
        dprintf(fd, "Content-Length: %zu\r\n", body.len);
    }
    dprintf(fd, "\r\n");
    err_ignore(fd_write_all(fd, body)); /* a peer that closed shows in the answer */
    for (ssize_t n = 1; n > 0 && len < MOST - 1; len += (size_t)(n > 0 ? n : 0)) {
        n = read(fd, text + len, MOST - 1 - len);
    }
    close(fd);
    return text;
}

static int status_of(const char *answer)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

void test_psp_control(test_house_t *h, const char *json)
{
    char *answer = test_http(h->psp_port, "POST", "/control", "Content-Type: application/json\r\n",
                             slice_cstr_in(json));
    int status = status_of(answer);
    free(answer);
    assert_int_equal(status, 204);
}

/* ---- the customer's browser ---- */

/* The value of an attribute after `from`, as the page wrote it (ours holds no references). */
static slice_t attribute(const char *from, const char *name)
{
    char want[32];
    int len = snprintf(want, sizeof want, "%s=\"", name);
    const char *at = from ? strstr(from, want) : NULL;
    const char *end = at ? strchr(at + len, '"') : NULL;
    assert_non_null(end);
    return slice_make(at + len, (size_t)(end - at - len));
}

/* As a browser sends a form whose accept-charset is Shift_JIS. */
static void field_send(buf_t *out, slice_t name, slice_t value)
{
    char in[512], bytes[512], *from = in, *to = bytes;
    size_t left = value.len, room = sizeof bytes;
    iconv_t sjis = iconv_open("CP932", "UTF-8");
    assert_true(sjis != (iconv_t)-1 && value.len < sizeof in);
    memcpy(in, value.ptr, value.len);
    assert_true(iconv(sjis, &from, &left, &to, &room) == 0);
    iconv_close(sjis);
    buf_cstr(out, out->len ? "&" : "");
    buf_put(out, name);
    buf_u8(out, '=');
    url_put_component(out, slice_make(bytes, sizeof bytes - room));
}

/* Presses the one button of payd's page. ret_path: where the provider led to. */
static int link_press(test_house_t *h, const char *go, char *ret_path)
{
    uint8_t mem[8192];
    buf_t form = BUF_ON_ARRAY(mem);
    char *page = test_http(h->hook_port, "GET", go, "", SLICE_EMPTY);
    int status = status_of(page);
    if (status != 200) {
        free(page);
        return status;
    }
    slice_t action = attribute(strstr(page, "<form"), "action");
    for (const char *at = strstr(page, "<input"); at; at = strstr(at + 1, "<input")) {
        field_send(&form, attribute(at, "name"), attribute(at, "value"));
    }
    size_t slash = slice_find(action, SLICE("/f01/"));
    assert_true(slash != SIZE_MAX && !form.full);
    char path[64] = {0};
    memcpy(path, action.ptr + slash, action.len - slash);
    free(page);
    char *answer =
        test_http(h->psp_port, "POST", path, "Content-Type: application/x-www-form-urlencoded\r\n",
                  buf_slice(&form));
    status = status_of(answer);
    const char *to = strstr(answer, "Location: ");
    if (to) {
        to += strlen("Location: ");
        size_t len = strcspn(to, "\r\n");
        memcpy(ret_path, to, len);
        ret_path[len] = 0;
    }
    free(answer);
    return to ? status : 0;
}

int test_psp_page(test_house_t *h, slice_t url, char ret_path[PAY_URL_MAX + 1])
{
    char go[PAY_URL_MAX + 1] = {0};
    if (slice_starts(url, SLICE("/pay/go/"))) {
        memcpy(go, url.ptr, url.len);
        return link_press(h, go, ret_path);
    }
    slice_t rest = slice_from(url, 7);
    size_t slash = slice_find_byte(rest, '/');
    assert_true(slice_starts(url, SLICE("http://")) && slash != SIZE_MAX);
    rest = slice_from(rest, slash);
    memcpy(ret_path, rest.ptr, rest.len);
    ret_path[rest.len] = 0;
    return 303;
}

int test_psp_visit(test_house_t *h, slice_t page_url)
{
    char path[PAY_URL_MAX + 1];
    int status = test_psp_page(h, page_url, path);
    if (status != 303) {
        return status;
    }
    char *answer = test_http(h->psp_port, "GET", path, "", SLICE_EMPTY);
    status = status_of(answer);
    free(answer);
    return status;
}

int64_t test_psp_count(test_house_t *h, const char *name)
{
    char want[64];
    snprintf(want, sizeof want, "\"%s\":", name);
    char *answer = test_http(h->psp_port, "GET", "/control/state", "", SLICE_EMPTY);
    const char *at = strstr(answer, want);
    int64_t n = at ? strtoll(at + strlen(want), NULL, 10) : -1;
    free(answer);
    return n;
}

/* ---- the record ---- */

size_t test_records(test_house_t *h, id128_t object, ledger_type_t type, const char *facts)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    static ledger_entry_t entries[256];
    uint64_t from = 0;
    size_t n, found = 0;
    do {
        assert_ok(ledger_find(h->ledger, LEDGER_BY_OBJECT, object, &from, mem, sizeof mem, entries,
                              256, &n));
        for (size_t i = 0; i < n; i++) {
            const ledger_record_t *r = &entries[i].rec;
            found += r->type == type && id_eq(r->object, object) &&
                     (!facts || slice_find(r->facts, slice_cstr_in(facts)) != SIZE_MAX);
        }
    } while (from != 0);
    return found;
}

uint64_t test_record_counts(test_house_t *h, ledger_type_t type)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    static ledger_entry_t entries[256];
    uint64_t from = 0, sum = 0;
    size_t n;
    do {
        assert_ok(ledger_tail(h->ledger, &from, 256, 0, mem, sizeof mem, entries, 256, &n));
        for (size_t i = 0; i < n; i++) {
            sum += entries[i].rec.type == type ? entries[i].rec.count : 0;
        }
    } while (n);
    return sum;
}
