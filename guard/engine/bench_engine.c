/* What a request costs in the engine alone. Four kinds of request (research: GET; GET with five
 * arguments, browser headers and cookies; form of 20 fields; JSON of 609 leaves), each with fresh
 * random values of the same shape.
 *
 *   bench_engine RULES.conf [KIND [COUNT]]
 *
 * prints CPU time, what was done, and which rules matched. Instructions a request:
 *   valgrind --tool=callgrind --toggle-collect=bench_request bench_engine RULES.conf get 200
 */
#include <glob.h>
#include <time.h>

#include "engine.h"

enum { ARENA_BYTES = 64 << 20, REQUEST_BYTES = 64 << 10 };

typedef struct header {
    slice_t name, value;
} header_t;

typedef struct request {
    arena_t arena;
    slice_t method, uri, type, body;
    header_t headers[24];
    size_t header_count;
} request_t;

static uint64_t seed = 88172645463325252U;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* ---- random values --------------------------------------------------------------------------- */

static void put_word(buf_t *b, size_t len, bool capital)
{
    static const char VOWELS[] = "aeiou", CONSONANTS[] = "bdfgklmnprst";
    for (size_t i = 0; i < len; i++) {
        const char *from = i % 2 ? VOWELS : CONSONANTS;
        char c = from[next_random() % (i % 2 ? 5 : 12)];
        buf_u8(b, (uint8_t)(i == 0 && capital ? c - 32 : c));
    }
}

static void put_words(buf_t *b, unsigned count, char between)
{
    for (unsigned i = 0; i < count; i++) {
        if (i) {
            buf_u8(b, (uint8_t)between);
        }
        put_word(b, 3 + next_random() % 6, i == 0);
    }
}

static void put_number(buf_t *b, unsigned digits)
{
    for (unsigned i = 0; i < digits; i++) {
        buf_u8(b, (uint8_t)('0' + (i ? next_random() % 10 : 1 + next_random() % 9)));
    }
}

static void add_header(request_t *r, const char *name, slice_t value)
{
    r->headers[r->header_count++] = (header_t){slice_cstr_in(name), value};
}

static void add_browser(request_t *r)
{
    add_header(r, "Host", SLICE("shop.example.com"));
    add_header(r, "User-Agent",
               SLICE("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"));
    add_header(r, "Accept", SLICE("text/html,application/xhtml+xml,*/*;q=0.8"));
    add_header(r, "Accept-Language", SLICE("en-US,en;q=0.5"));
    add_header(r, "Accept-Encoding", SLICE("gzip, deflate"));
}

static buf_t room(request_t *r)
{
    buf_t b;
    CHECK(!err_failed(arena_buf(&r->arena, REQUEST_BYTES, &b)));
    return b;
}

static void make_get(request_t *r)
{
    buf_t b = room(r);
    buf_cstr(&b, "/tours/");
    put_word(&b, 8, false);
    buf_cstr(&b, ".html");
    r->method = SLICE("GET");
    r->uri = buf_slice(&b);
    add_header(r, "Host", SLICE("shop.example.com"));
    add_header(r, "User-Agent", SLICE("Mozilla/5.0 (X11; Linux x86_64)"));
    add_header(r, "Accept", SLICE("*/*"));
}

static void make_get5(request_t *r)
{
    static const char *const NAMES[] = {"q", "page", "sort", "from", "category"};
    buf_t b = room(r), cookie = room(r);
    buf_cstr(&b, "/search?");
    for (unsigned i = 0; i < 5; i++) {
        buf_cstr(&b, i ? "&" : "");
        buf_cstr(&b, NAMES[i]);
        buf_u8(&b, '=');
        if (i == 1 || i == 3) {
            put_number(&b, 4);
        } else {
            put_words(&b, i == 0 ? 3 : 1, '+');
        }
    }
    for (unsigned i = 0; i < 5; i++) {
        buf_cstr(&cookie, i ? "; " : "");
        put_word(&cookie, 7, false);
        buf_u8(&cookie, '=');
        put_word(&cookie, 10, false);
        put_number(&cookie, 6);
    }
    r->method = SLICE("GET");
    r->uri = buf_slice(&b);
    add_browser(r);
    add_header(r, "Referer", SLICE("https://shop.example.com/tours"));
    add_header(r, "Cookie", buf_slice(&cookie));
}

static void add_body(request_t *r, const char *type, slice_t body)
{
    buf_t length = room(r);
    buf_dec(&length, (int64_t)body.len);
    r->method = SLICE("POST");
    r->uri = SLICE("/booking/send");
    r->body = body;
    add_browser(r);
    add_header(r, "Content-Type", slice_cstr_in(type));
    add_header(r, "Content-Length", buf_slice(&length));
}

/* 20 fields, about 2 KB. */
static void make_form(request_t *r)
{
    buf_t b = room(r);
    for (unsigned i = 0; i < 20; i++) {
        buf_cstr(&b, i ? "&" : "");
        buf_cstr(&b, "field_");
        put_word(&b, 5, false);
        buf_u8(&b, '=');
        if (i % 5 == 0) {
            put_number(&b, 8);
        } else {
            put_words(&b, 16, '+');
        }
    }
    add_body(r, "application/x-www-form-urlencoded", buf_slice(&b));
}

/* 87 objects of 7 leaves, about 10 KB. */
static void make_json(request_t *r)
{
    buf_t b = room(r);
    buf_cstr(&b, "{\"items\":[");
    for (unsigned i = 0; i < 87; i++) {
        buf_cstr(&b, i ? ",{" : "{");
        buf_cstr(&b, "\"id\":");
        put_number(&b, 5);
        buf_cstr(&b, ",\"name\":\"");
        put_words(&b, 3, ' ');
        buf_cstr(&b, "\",\"qty\":");
        put_number(&b, 1);
        buf_cstr(&b, ",\"price\":");
        put_number(&b, 3);
        buf_cstr(&b, ",\"color\":\"");
        put_word(&b, 5, false);
        buf_cstr(&b, "\",\"note\":\"");
        put_words(&b, 3, ' ');
        buf_cstr(&b, "\",\"gift\":");
        buf_cstr(&b, next_random() % 2 ? "true}" : "false}");
    }
    buf_cstr(&b, "]}");
    add_body(r, "application/json", buf_slice(&b));
}

static const struct {
    const char *name;
    void (*make)(request_t *r);
} KINDS[] = {{"get", make_get}, {"get5", make_get5}, {"form", make_form}, {"json", make_json}};

/* ---- rules ----------------------------------------------------------------------------------- */

static err_t read_file(void *user, slice_t path, arena_t *arena, slice_t *ret_bytes)
{
    const char *name;
    TRY(arena_cstr(arena, path, &name));
    FILE *in = fopen(name, "rb");
    ENSURE(in, ERR_NOT_FOUND);
    uint8_t *bytes = fseek(in, 0, SEEK_END) == 0 ? arena_alloc(arena, (size_t)ftell(in) + 1) : NULL;
    size_t len = (size_t)ftell(in);
    rewind(in);
    bool ok = bytes && fread(bytes, 1, len, in) == len;
    fclose(in);
    ENSURE(ok, ERR_IO);
    *ret_bytes = slice_make(bytes, len);
    return OK;
}

static err_t glob_files(void *user, slice_t pattern, void *each_user,
                        err_t (*each)(void *each_user, slice_t path))
{
    char text[4096];
    glob_t found;
    err_t e = OK;
    ENSURE(pattern.len < sizeof text, ERR_LIMIT);
    snprintf(text, sizeof text, "%.*s", SLICE_FMT(pattern));
    if (glob(text, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc && !err_failed(e); i++) {
            e = each(each_user, slice_cstr_in(found.gl_pathv[i]));
        }
        globfree(&found);
    }
    return e;
}

static engine_set_t *load(const char *path)
{
    static const engine_reader_t READER = {.read = read_file, .glob = glob_files};
    engine_builder_t *b;
    engine_fault_t fault;
    engine_set_t *set = NULL;
    CHECK(!err_failed(engine_builder_new(&READER, &b)));
    if (err_failed(engine_builder_file(b, slice_cstr_in(path), &fault)) ||
        err_failed(engine_builder_build(b, &fault, &set))) {
        printf("%s:%u: %s: %s\n", fault.file, fault.line, fault.word, fault.text);
    }
    engine_builder_free(b);
    return set;
}

/* ---- one request ----------------------------------------------------------------------------- */

typedef struct sums {
    engine_stats_t stats;
    uint64_t matches, arena_bytes;
    uint32_t last_id;
} sums_t;

static void feed(engine_tx_t *tx, const request_t *r)
{
    err_ignore(engine_tx_connection(tx, SLICE("203.0.113.9"), 40000, SLICE("192.0.2.1"), 80));
    CHECK(
        !err_failed(engine_tx_request_line(tx, r->method, r->uri, SLICE("HTTP/1.1"), SLICE_EMPTY)));
    for (size_t i = 0; i < r->header_count; i++) {
        CHECK(!err_failed(engine_tx_request_header(tx, r->headers[i].name, r->headers[i].value)));
    }
}

static void answer(engine_tx_t *tx, engine_verdict_t *v)
{
    CHECK(!err_failed(engine_tx_response(tx, 200, SLICE("HTTP/1.1"))));
    CHECK(!err_failed(engine_tx_response_header(tx, SLICE("Content-Type"), SLICE("text/html"))));
    CHECK(!err_failed(engine_tx_run(tx, ENGINE_RESPONSE_HEADERS, v)));
    CHECK(!err_failed(engine_tx_response_body(tx, SLICE("<html><body>hello</body></html>"))));
    CHECK(!err_failed(engine_tx_run(tx, ENGINE_RESPONSE_BODY, v)));
    CHECK(!err_failed(engine_tx_run(tx, ENGINE_LOGGING, v)));
}

/* Named so that callgrind can count it alone. */
__attribute__((noinline)) void bench_request(const engine_set_t *set, engine_worker_t *worker,
                                             const request_t *r, sums_t *sums);

void bench_request(const engine_set_t *set, engine_worker_t *worker, const request_t *r,
                   sums_t *sums)
{
    arena_t arena;
    engine_tx_t *tx;
    engine_verdict_t v;
    arena_init(&arena, ARENA_BYTES);
    CHECK(!err_failed(engine_tx_new(set, worker, NULL, SLICE("bench"), &arena, &tx)));
    feed(tx, r);
    CHECK(!err_failed(engine_tx_run(tx, ENGINE_REQUEST_HEADERS, &v)));
    if (r->body.len) {
        CHECK(!err_failed(engine_tx_request_body(tx, r->body)));
    }
    CHECK(!err_failed(engine_tx_run(tx, ENGINE_REQUEST_BODY, &v)));
    answer(tx, &v);
    for (size_t i = 0; i < engine_tx_matches(tx); i++) {
        const engine_match_t *m = engine_tx_match(tx, i);
        sums->matches += m->log;
        sums->last_id = m->log ? m->id : sums->last_id;
    }
    engine_stats_t s = engine_tx_stats(tx);
    sums->stats.rules += s.rules;
    sums->stats.values += s.values;
    sums->stats.regexes += s.regexes;
    sums->stats.transforms += s.transforms;
    sums->stats.scans += s.scans;
    sums->stats.scanned_bytes += s.scanned_bytes;
    sums->arena_bytes += arena.used;
    arena_deinit(&arena);
}

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void run_kind(const engine_set_t *set, engine_worker_t *worker, size_t kind, unsigned count)
{
    sums_t sums = {0};
    double spent = 0;
    for (unsigned i = 0; i < count; i++) {
        request_t r = {0};
        arena_init(&r.arena, ARENA_BYTES);
        KINDS[kind].make(&r);
        double from = cpu_us();
        bench_request(set, worker, &r, &sums);
        spent += cpu_us() - from;
        arena_deinit(&r.arena);
    }
    double n = count;
    printf("%-5s %8.1f us; rules %.0f, values %.0f, regexes %.1f, transforms %.1f, scans %.1f of "
           "%.0f B, arena %.0f B; %.3f matches (last %u)\n",
           KINDS[kind].name, spent / n, (double)sums.stats.rules / n, (double)sums.stats.values / n,
           (double)sums.stats.regexes / n, (double)sums.stats.transforms / n,
           (double)sums.stats.scans / n, (double)sums.stats.scanned_bytes / n,
           (double)sums.arena_bytes / n, (double)sums.matches / n, sums.last_id);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        printf("usage: bench_engine RULES.conf [get|get5|form|json [COUNT]]\n");
        return 2;
    }
    double from = cpu_us();
    engine_set_t *set = load(argv[1]);
    if (!set) {
        return 1;
    }
    printf("load %.0f ms, %zu rules, %zu bytes\n", (cpu_us() - from) / 1000, engine_set_rules(set),
           engine_set_bytes(set));
    engine_worker_t *worker;
    CHECK(!err_failed(engine_worker_new(set, &worker)));
    uint64_t count = argc > 3 ? strtoull(argv[3], NULL, 10) : 200;
    for (size_t i = 0; i < BASE_COUNT(KINDS); i++) {
        if (argc < 3 || strcmp(argv[2], KINDS[i].name) == 0) {
            run_kind(set, worker, i, (unsigned)count);
        }
    }
    engine_worker_free(worker);
    engine_set_free(set);
    return 0;
}
