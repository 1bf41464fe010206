/* What a real application's server makes of what the guard hands on: Python's reads the same
 * requests as the guard judged - the same number, each with the same method, target and body -
 * whatever was sent, over HTTP/1 and HTTP/2. Each case goes to two origins: one that is careful and
 * kept connected, and one that leaves bodies on the connection (docs: a connection each). */
#include "site.h"
#include "smuggle.h"
#include "wire.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

static front_t careful, careless; /* one nginx; their own ports and logs */
static unsigned careful_h2, careless_h2;
static site_t careful_site, careless_site;

/* ---- HTTP/2 cases ---- */

typedef struct h2_case {
    const char *name;
    h2_field_t fields[8];
    const char *body;    /* NULL: none; split in two frames */
    int status, status2; /* of the answer; either. H2_RESET, H2_ENDED as well */
    int requests;
} h2_case_t;

#define S(lit)                                                                                     \
    {                                                                                              \
        (const uint8_t *)(lit), sizeof(lit) - 1                                                    \
    }
#define GET                                                                                        \
    {":method", S("GET")}, {":scheme", S("http")},                                                 \
    {                                                                                              \
        ":authority", S("shop.localhost")                                                          \
    }
#define POST                                                                                       \
    {":method", S("POST")}, {":scheme", S("http")},                                                \
    {                                                                                              \
        ":authority", S("shop.localhost")                                                          \
    }
#define X                                                                                          \
    {                                                                                              \
        ":path", S("/x")                                                                           \
    }
#define EVIL "GET /evil HTTP/1.1\r\nHost: shop.localhost\r\n\r\n"
#define ANY SMUGGLE_ANY

static const h2_case_t H2_CASES[] = {
    {"plain", {GET, X}, NULL, 200, 200, 1},
    {"a body", {POST, X}, "hello", 200, 200, 1},
    {"H2.CL: none said, a request sent",
     {POST, X, {"content-length", S("0")}},
     EVIL,
     400,
     H2_RESET,
     0},
    {"H2.CL: less than sent",
     {POST, X, {"content-length", S("5")}},
     "hello" EVIL,
     400,
     H2_RESET,
     0},
    {"H2.CL: more than sent", {POST, X, {"content-length", S("99")}}, EVIL, 400, H2_RESET, 0},
    {"H2.CL: two",
     {POST, X, {"content-length", S("5")}, {"content-length", S("44")}},
     EVIL,
     400,
     H2_RESET,
     0},
    {"H2.CL: no number", {POST, X, {"content-length", S("5, 5")}}, "hello", 400, H2_RESET, 0},
    {"H2.TE", {POST, X, {"transfer-encoding", S("chunked")}}, "0\r\n\r\n" EVIL, ANY, ANY, ANY},
    {"H2.TE with a length",
     {POST, X, {"transfer-encoding", S("chunked")}, {"content-length", S("5")}},
     "0\r\n\r\n",
     ANY,
     ANY,
     ANY},
    {"H2.TE unknown",
     {POST, X, {"transfer-encoding", S("xchunked")}},
     "0\r\n\r\n" EVIL,
     ANY,
     ANY,
     0},
    {"a line in a value",
     {GET, X, {"a", S("b\r\nTransfer-Encoding: chunked")}},
     NULL,
     400,
     H2_RESET,
     0},
    {"a line feed in a value", {GET, X, {"a", S("b\nContent-Length: 44")}}, NULL, 400, H2_RESET, 0},
    {"NUL in a value", {GET, X, {"a", S("b\0c")}}, NULL, 400, H2_RESET, 0},
    {"a line in a name",
     {GET, X, {"a: b\r\ntransfer-encoding", S("chunked")}},
     NULL,
     400,
     H2_RESET,
     0},
    {"a colon in a name", {GET, X, {"content-length: 44\r\na", S("b")}}, NULL, 400, H2_RESET, 0},
    {"capitals in a name", {POST, X, {"Content-Length", S("44")}}, "hello", 400, H2_RESET, 0},
    {"a space in a name", {GET, X, {"content-length ", S("44")}}, NULL, 400, H2_RESET, 0},
    {"a request in the method",
     {{":method", S("GET /evil HTTP/1.1\r\nHost: a\r\n\r\nGET")},
      {":scheme", S("http")},
      {":authority", S("shop.localhost")},
      X},
     NULL,
     400,
     H2_RESET,
     0},
    {"a space in the method",
     {{":method", S("GET /evil")}, {":scheme", S("http")}, {":authority", S("shop.localhost")}, X},
     NULL,
     400,
     H2_RESET,
     0},
    {"a request in the path",
     {GET, {":path", S("/x HTTP/1.1\r\nHost: a\r\n\r\nGET /evil")}},
     NULL,
     400,
     H2_RESET,
     0},
    {"a space in the path", {GET, {":path", S("/x /evil")}}, NULL, 400, H2_RESET, 0},
    {"a path without a slash", {GET, {":path", S("evil")}}, NULL, 400, H2_RESET, 0},
    {"an empty path", {GET, {":path", S("")}}, NULL, 400, H2_RESET, 0},
    {"no path", {GET}, NULL, 400, H2_RESET, 0},
    {"two paths", {GET, X, {":path", S("/evil")}}, NULL, 400, H2_RESET, 0},
    {"two methods", {GET, X, {":method", S("POST")}}, NULL, 400, H2_RESET, 0},
    {"a path after the lines", {GET, {"a", S("b")}, X}, NULL, ANY, ANY, ANY},
    {"a pseudo line that is unknown", {GET, X, {":evil", S("x")}}, NULL, 400, H2_RESET, 0},
    {"a line in the authority",
     {{":method", S("GET")},
      {":scheme", S("http")},
      {":authority", S("shop.localhost\r\nA: b")},
      X},
     NULL,
     400,
     H2_RESET,
     0},
    {"a slash in the authority",
     {{":method", S("GET")}, {":scheme", S("http")}, {":authority", S("shop.localhost/evil")}, X},
     NULL,
     400,
     H2_RESET,
     0},
    {"authority and host differ", {GET, X, {"host", S("evil.example")}}, NULL, 400, H2_RESET, 0},
    {"two hosts",
     {{":method", S("GET")},
      {":scheme", S("http")},
      X,
      {"host", S("shop.localhost")},
      {"host", S("evil.example")}},
     NULL,
     400,
     H2_RESET,
     0},
    {"a scheme that is a target",
     {{":method", S("GET")},
      {":scheme", S("http://evil/?")},
      {":authority", S("shop.localhost")},
      X},
     NULL,
     ANY,
     ANY,
     ANY},
    {"hop-by-hop lines",
     {GET,
      X,
      {"connection", S("close, x-request-id")},
      {"upgrade", S("websocket")},
      {"te", S("chunked")}},
     NULL,
     200,
     400,
     ANY},
    {"names that nginx drops",
     {GET, X, {"content_length", S("44")}, {"transfer.encoding", S("chunked")}},
     NULL,
     200,
     200,
     1},
};

static int h2_ask(unsigned port, const h2_case_t *c)
{
    front_t at = {.port = port};
    h2_t h;
    size_t len, count = 0;
    int fd = front_dial(&at);
    while (count < BASE_COUNT(c->fields) && c->fields[count].name) {
        count++;
    }
    h2_open(&h, fd);
    uint32_t stream = h2_say_head(&h, c->fields, count, c->body == NULL);
    if (c->body) {
        slice_t body = slice_cstr_in(c->body);
        h2_say_data(&h, stream, slice_sub(body, 0, 3), false);
        h2_say_data(&h, stream, slice_from(body, 3), true);
    }
    int status = h2_hear(&h, stream, &len);
    close(fd);
    return status;
}

/* ---- comparing ---- */

/* Proxied requests as the guard read them: nginx's log, one line each after "upstream status|". */
static size_t guard_lines(slice_t text, slice_t *lines, size_t cap)
{
    size_t n = 0;
    slice_t line;
    while (slice_split(&text, '\n', &line)) {
        size_t mark = slice_find_byte(line, '|');
        if (mark != SIZE_MAX && mark > 0 && !slice_starts(line, SLICE("-"))) {
            assert_true(n < cap);
            lines[n++] = slice_from(line, mark + 1);
        }
    }
    return n;
}

enum { LINES_MAX = 1000 };

/* The application's line begins with the guard's (or with all of it but the body). */
static bool is_same(slice_t guard_line, slice_t site_line, bool bodies)
{
    size_t quote = slice_find(guard_line, SLICE(" \""));
    slice_t want = bodies ? guard_line : slice_sub(guard_line, 0, quote);
    return slice_starts(site_line, want) && site_line.len > want.len &&
           site_line.ptr[want.len] == ' ';
}

static size_t unhex(slice_t hex, uint8_t *out, size_t cap)
{
    size_t n = 0;
    for (; n < cap && 2 * n + 1 < hex.len; n++) {
        char pair[3] = {(char)hex.ptr[2 * n], (char)hex.ptr[2 * n + 1], 0};
        out[n] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return n;
}

/* The very bytes, read strictly: one request, that one. */
static void bytes_check(slice_t site_line)
{
    static uint8_t raw[64 * 1024];
    size_t ends, at = site_line.len;
    while (at && site_line.ptr[at - 1] != ' ') {
        at--;
    }
    size_t n = unhex(slice_from(site_line, at), raw, sizeof raw);
    assert_int_equal(smuggle_requests_read("origin", slice_make(raw, n), &ends), 1);
}

/* Is it among what the guard has read? Its lines are written when answers have gone. */
static bool was_judged(const char *path, slice_t site_line, bool bodies)
{
    static slice_t lines[LINES_MAX];
    for (int tries = 0; tries < 1000; tries++) {
        size_t len;
        uint8_t *text = front_file(path, &len);
        size_t n = guard_lines(slice_make(text, len), lines, LINES_MAX);
        bool found = false;
        for (size_t i = 0; i < n && !found; i++) {
            found = is_same(lines[i], site_line, bodies);
        }
        free(text);
        if (found) {
            return true;
        }
        usleep(10000);
    }
    return false;
}

static slice_t target_of(slice_t site_line)
{
    slice_t word = SLICE_EMPTY;
    for (int i = 0; i < 3; i++) {
        (void)slice_split(&site_line, ' ', &word);
    }
    return word;
}

static void compare(const front_t *f, const site_t *site, bool bodies, size_t at_least)
{
    char path[FRONT_PATH + 32];
    size_t len, got = 0;
    snprintf(path, sizeof path, "%s/%s.read", f->dir, bodies ? "careful" : "careless");
    uint8_t *text = front_file(site->log, &len);
    slice_t rest = slice_make(text, len), line;
    while (slice_split(&rest, '\n', &line)) {
        if (line.len == 0 || line.ptr[0] == '!') { /* what it refused to read is no request to it */
            continue;
        }
        if (slice_find(target_of(line), SLICE("evil")) != SIZE_MAX) {
            fail_msg("the hidden request arrived: %.*s", SLICE_FMT(line));
        }
        if (!was_judged(path, line, bodies)) {
            fail_msg("read otherwise, or not judged: %.*s", SLICE_FMT(line));
        }
        if (bodies) {
            bytes_check(line);
        }
        got++;
    }
    fprintf(stderr, "%zu requests, read the same by guard and origin\n", got);
    assert_true(got >= at_least);
    free(text);
}

/* ---- all cases ---- */

static size_t say_all(const front_t *f, const site_t *site)
{
    size_t sum = 0;
    for (size_t i = 0; i < SMUGGLE_COUNT; i++) {
        const smuggle_case_t *c = &SMUGGLE_CASES[i];
        size_t before = site_requests(site);
        int status = smuggle_say(f, c);
        size_t n = site_requests(site) - before;
        size_t most = (size_t)(c->requests == ANY ? 1 : c->requests) + 1; /* and /end */
        if (n > most || (c->requests > 0 && n < (size_t)c->requests) ||
            (c->status != ANY && status != c->status)) {
            fail_msg("%s: status %d, %zu requests", c->name, status, n);
        }
        sum += c->requests > 0 ? (size_t)c->requests : 0;
    }
    return sum;
}

static size_t h2_say_all(unsigned port, const site_t *site)
{
    size_t sum = 0;
    for (size_t i = 0; i < BASE_COUNT(H2_CASES); i++) {
        const h2_case_t *c = &H2_CASES[i];
        size_t before = site_requests(site);
        int status = h2_ask(port, c);
        size_t n = site_requests(site) - before;
        bool fits = c->requests == ANY ? n <= 1 : n == (size_t)c->requests;
        if (!fits || (c->status != ANY && status != c->status && status != c->status2)) {
            fail_msg("%s: status %d, %zu requests", c->name, status, n);
        }
        sum += c->requests > 0 ? (size_t)c->requests : 0;
    }
    return sum;
}

static void a_careful_origin(void **state)
{
    size_t sum = say_all(&careful, &careful_site);
    sum += h2_say_all(careful_h2, &careful_site);
    compare(&careful, &careful_site, true, sum);
}

static void a_careless_origin(void **state)
{
    size_t sum = say_all(&careless, &careless_site);
    sum += h2_say_all(careless_h2, &careless_site);
    compare(&careless, &careless_site, false, sum);
}

/* The careless one does do what a hidden request says, where connections to it are kept. */
static void carelessness_bites(void **state)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)careless_site.port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    front_say(fd, SLICE("GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 44\r\n\r\n" EVIL));
    for (int i = 0; i < 1000 && !site_log_has(&careless_site, " /evil "); i++) {
        usleep(10000);
    }
    assert_true(site_log_has(&careless_site, " /evil "));
    close(fd);
}

static int setup(void **state)
{
    static char conf[8192];
    const char *const careful_options[] = {"--framing", NULL};
    const char *const careless_options[] = {"--framing", "--leave-bodies", NULL};
    front_init(&careful, 1, NULL);
    careless = careful;
    careless.port = front_free_port();
    careful_h2 = front_free_port();
    careless_h2 = front_free_port();
    site_start(&careful_site, &careful, "careful", careful_options);
    site_start(&careless_site, &careful, "careless", careless_options);
    snprintf(
        conf, sizeof conf,
        "log_format read escape=json '$upstream_status|$sekisho_id $request_method $request_uri "
        "\"$request_body\"';\n"
        "upstream careful { server 127.0.0.2:%u; keepalive 4; }\n"
        "sekisho on; sekisho_host_check on; sekisho_body_in_memory on;\n"
        "sekisho_rules_text 'SecRequestBodyAccess On\n"
        "SecRule REQUEST_HEADERS:X-Never \"@streq x\" \"id:1,phase:1,deny\"';\n"
        "proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header X-Request-Id "
        "$sekisho_id;\n"
        "proxy_read_timeout 3s; client_header_timeout 1s; client_body_timeout 1s;\n"
        "server { listen 127.0.0.1:%u; listen 127.0.0.1:%u http2; server_name shop.localhost;\n"
        "  access_log %s/careful.read read;\n"
        "  location / { proxy_set_header Connection \"\"; proxy_set_header Host $http_host; "
        "proxy_set_header X-Request-Id $sekisho_id; proxy_pass http://careful; } }\n"
        "server { listen 127.0.0.1:%u; listen 127.0.0.1:%u http2; server_name shop.localhost;\n"
        "  access_log %s/careless.read read;\n"
        "  location / { proxy_pass http://127.0.0.2:%u; } }\n"
        "server { listen 127.0.0.1:%u; listen 127.0.0.1:%u; server_name other.localhost; return "
        "200; }\n",
        careful_site.port, careful.port, careful_h2, careful.dir, careless.port, careless_h2,
        careful.dir, careless_site.port, careful.port, careless.port);
    front_conf(&careful, conf);
    front_nginx(&careful);
    return 0;
}

static int teardown(void **state)
{
    site_stop(&careful_site);
    site_stop(&careless_site);
    front_deinit(&careful);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_careful_origin),
                                       cmocka_unit_test(a_careless_origin),
                                       cmocka_unit_test(carelessness_bites)};
    if (!front_programs(argc, argv) || !site_here()) {
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
