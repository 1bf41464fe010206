/* Sealed evidence through the real front and ledgerd: kept with the right keys, holding no secret,
 * and a gap where it could not be. The vault's sheet is played here: this test has all private
 * halves. */
#include "front.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/evidence.h"
#include "io/fd.h"

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

enum { MONTH = 24322, MANY = 1000 };

static front_t front;
static uint8_t investigator[32], secret[32];
static uint8_t publics[EVIDENCE_SLOTS * EVIDENCE_KEY], secrets[EVIDENCE_SLOTS][EVIDENCE_KEY];
static uint64_t serial;

static path_t etc(const char *name)
{
    static char text[FRONT_PATH + 64];
    snprintf(text, sizeof text, "%s/etc/%s", front.dir, name);
    return (path_t){text};
}

static void keys_make(void)
{
    crypto_box_keypair(investigator, secret);
    for (size_t i = 0; i < EVIDENCE_SLOTS; i++) {
        crypto_box_keypair(publics + i * EVIDENCE_KEY, secrets[i]);
    }
}

static void keys_write(void)
{
    static uint8_t mem[EVIDENCE_SHEET_FILE];
    uint8_t line[128];
    buf_t out = BUF_ON_ARRAY(mem), pub = BUF_ON_ARRAY(line);
    evidence_sheet_t sheet = {.serial = ++serial, .month = MONTH, .keys = publics};
    evidence_sheet_put(&sheet, &out);
    buf_cstr(&pub, "x25519 ");
    buf_hex(&pub, slice_make(investigator, sizeof investigator));
    assert_ok(file_replace(etc("investigator.pub"), buf_slice(&pub), 0444));
    assert_ok(file_replace(etc("evidence-keys"), buf_slice(&out), 0644));
}

static int house_up(void **state)
{
    char conf[4096];
    front_init(&front, 1, NULL);
    snprintf(
        conf, sizeof conf,
        "sekisho_ledger \"%.100s/run/ledger.sock\"; sekisho_secrets \"%.100s/secrets/guard\";\n"
        "sekisho_evidence \"%.100s/etc\"; sekisho_card_check on; sekisho_body_in_memory on;\n"
        "sekisho on; client_max_body_size 256k;\n"
        "sekisho_rules_text 'SecRequestBodyAccess On\n"
        "SecRule ARGS:q \"@streq evil\" \"id:7,phase:2,deny,status:403,log\"\n"
        "SecRule ARGS:q \"@streq note\" \"id:8,phase:2,pass,log\"';\n"
        "upstream shop { server \"unix:%.100s/run/shop.http.sock\"; }\n"
        "server { listen 127.0.0.1:%u; server_name shop.localhost;\n"
        "  location / { proxy_pass http://shop; } }\n",
        front.dir, front.dir, front.dir, front.dir, front.port);
    front_conf(&front, conf);
    front_rooms(&front);
    front_ledgerd(&front);
    front_nginx(&front);
    return 0;
}

static int house_down(void **state)
{
    front_deinit(&front);
    return 0;
}

/* ---- what is on record ---- */

typedef struct seen {
    size_t evidence, opened;
    uint64_t gap;
    char gap_why[120];
    uint32_t slot, *slots; /* the last one; all of them, in order (NULL: not asked) */
    buf_t *all;            /* every plain piece, one behind the other (NULL: not asked) */
    char facts[400];
    char plain[EVIDENCE_PLAIN_MAX + 1];
    const char *const *never; /* texts that may stand in none */
} seen_t;

static void piece_open(seen_t *s, const ledger_entry_t *e)
{
    static uint8_t mem[EVIDENCE_PLAIN_MAX + 64];
    BASE_CLEANUP(arena_deinit) arena_t a;
    evidence_outer_t outer;
    slice_t plain;
    buf_t inner = BUF_ON_ARRAY(mem);
    arena_init(&a, 1 << 20);
    assert_ok(evidence_outer_open(&a, secret, e->rec.payload, &outer));
    assert_int_equal(outer.place.month, MONTH);
    assert_true(outer.place.slot < EVIDENCE_SLOTS);
    assert_ok(evidence_inner_open(secrets[outer.place.slot], outer.inner, &inner));
    assert_ok(evidence_check(&outer, buf_slice(&inner), &plain));
    assert_int_equal(e->rec.count, plain.len);
    snprintf(s->plain, sizeof s->plain, "%.*s", SLICE_FMT(plain));
    s->slot = outer.place.slot;
    if (s->slots) {
        s->slots[s->opened] = s->slot;
    }
    if (s->all) {
        buf_put(s->all, plain);
    }
    s->opened++;
    for (size_t i = 0; s->never && s->never[i]; i++) {
        if (slice_find(plain, slice_cstr_in(s->never[i])) != SIZE_MAX) {
            fail_msg("%s stands in:\n%s", s->never[i], s->plain);
        }
    }
}

static void entry_see(void *user, const ledger_entry_t *e)
{
    seen_t *s = user;
    if (e->rec.type == LEDGER_EVIDENCE) {
        s->evidence++;
        snprintf(s->facts, sizeof s->facts, "%.*s", SLICE_FMT(e->rec.facts));
        piece_open(s, e);
    } else if (e->rec.type == LEDGER_GAP) {
        s->gap += e->rec.count;
        snprintf(s->gap_why, sizeof s->gap_why, "%.*s", SLICE_FMT(e->rec.facts));
    }
}

/* Reads on until there is as much of it. */
static void see(seen_t *s, size_t evidence, uint64_t gap)
{
    for (int quiet = 0; quiet < 50 && (s->evidence < evidence || s->gap < gap);) {
        quiet = front_tail(&front, entry_see, s) ? 0 : quiet + 1;
    }
    while (front_tail(&front, entry_see, s)) {
    }
    if (s->evidence != evidence || s->gap != gap) {
        fail_msg("%zu pieces of evidence for %zu, gaps of %llu for %llu", s->evidence, evidence,
                 (unsigned long long)s->gap, (unsigned long long)gap);
    }
}

static int ask(const char *method, const char *target, const char *head, const char *body)
{
    answer_t a = front_ask(&front, method, target, head, slice_cstr_in(body));
    int status = a.status;
    assert_false(answer_has(&a, "X-Sekisho-Keep"));
    answer_free(&a);
    return status;
}

/* ---- tests, in this order ---- */

static void without_keys_a_gap(void **state)
{
    seen_t s = {0};
    assert_int_equal(ask("GET", "/?q=evil", "", ""), 403);
    see(&s, 0, 1);
    assert_string_equal(s.gap_why, "why=evidence%20without%20keys");
    keys_write();
    usleep(5200000); /* the worker looks again */
}

static void kept_and_sealed(void **state)
{
    static const char *const NEVER[] = {"4111111111111111", "hunter2", "abcdefghijkl", NULL};
    static const struct {
        const char *method, *target, *head, *body;
        int status;
        const char *why, *has;
    } ROWS[] = {
        {"GET", "/?q=evil", "", "", 403, "why=rule&", "\nrules: 7\n"},
        {"POST", "/x", FORM "Cookie: sks=abcdefghijkl\r\n", "q=note&password=hunter2", 200,
         "why=rule&", "q=note&password=[7 bytes]"},
        {"POST", "/failed", FORM "Cookie: sks=abcdefghijkl\r\n",
         "email=a%40example.com&password=hunter2", 422, "why=login&", "email=a%40example.com"},
        {"POST", "/x", FORM, "card=4111111111111111", 422, "why=card&", "card=411111******1111"},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        seen_t s = {.never = NEVER};
        assert_int_equal(ask(ROWS[i].method, ROWS[i].target, ROWS[i].head, ROWS[i].body),
                         ROWS[i].status);
        see(&s, 1, 0);
        if (strncmp(s.facts, ROWS[i].why, strlen(ROWS[i].why)) != 0 ||
            !strstr(s.plain, ROWS[i].has)) {
            fail_msg("%zu: %s\n%s", i, s.facts, s.plain);
        }
        assert_non_null(strstr(s.facts, "month=2026-11&slot="));
        assert_true(!strstr(ROWS[i].head, "sks=") == !strstr(s.facts, "&ses="));
        assert_non_null(strstr(s.plain, "client: 127.0.0.1\n"));
    }
    seen_t s = {0};
    assert_int_equal(ask("GET", "/?q=fine", "", ""), 200);
    assert_int_equal(ask("GET", "/failed", "X-Sekisho-Keep: login\r\n", ""), 422);
    see(&s, 1, 0); /* of the second alone */
}

/* One session keeps its key, different ones have different keys, a destroyed one is not used. */
static void a_key_a_session(void **state)
{
    enum { SESSIONS = 200 };
    static uint32_t slots[2 * SESSIONS];
    static bool taken[EVIDENCE_SLOTS];
    seen_t s = {.slots = slots};
    for (unsigned i = 0; i < 2 * SESSIONS; i++) {
        char cookie[64];
        snprintf(cookie, sizeof cookie, "Cookie: sks=session-%u\r\n", i % SESSIONS);
        assert_int_equal(ask("GET", "/?q=evil", cookie, ""), 403);
    }
    see(&s, 2 * SESSIONS, 0);
    for (unsigned i = 0; i < SESSIONS; i++) {
        assert_false(taken[slots[i]]);
        taken[slots[i]] = true;
        assert_int_equal(slots[i], slots[SESSIONS + i]);
    }
    memset(publics + (size_t)slots[0] * EVIDENCE_KEY, 0, EVIDENCE_KEY);
    keys_write();
    usleep(5200000);
    seen_t after = {0};
    assert_int_equal(ask("GET", "/?q=evil", "Cookie: sks=session-0\r\n", ""), 403);
    see(&after, 1, 0);
    assert_int_not_equal(after.slot, slots[0]);
}

/* Numbers with a right check digit, each another, in all kinds of places; passwords. */
static void number_make(unsigned i, char out[17])
{
    unsigned sum = 0;
    snprintf(out, 17, "4%014u", 987654321u + i * 7919u);
    for (unsigned k = 0; k < 15; k++) {
        unsigned d = (unsigned)(out[k] - '0') * (k % 2 == 0 ? 2 : 1);
        sum += d > 9 ? d - 9 : d;
    }
    out[15] = (char)('0' + (10 - sum % 10) % 10);
    out[16] = 0;
}

static void a_thousand_cards_and_passwords(void **state)
{
    static uint8_t mem[8 * 1024 * 1024];
    buf_t all = BUF_ON_ARRAY(mem);
    seen_t s = {.all = &all};
    for (unsigned i = 0; i < MANY; i++) {
        char n[17], target[128], body[256];
        number_make(i, n);
        snprintf(target, sizeof target, i % 5 == 0 ? "/pay?card=%s" : "/pay", n);
        switch (i % 4) {
        case 0:
            snprintf(body, sizeof body, "number=%s&password=typed-%u-word", n, i);
            break;
        case 1:
            snprintf(body, sizeof body,
                     "note=my+card+is+%.4s+%.4s+%.4s+%.4s&cvc=123&pin=typed-%u-word", n, n + 4,
                     n + 8, n + 12, i);
            break;
        case 2:
            snprintf(body, sizeof body, "a=%.4s&b=%.4s&c=%.4s&d=%s&pin=typed-%u-word", n, n + 4,
                     n + 8, n + 12, i);
            break;
        default:
            snprintf(body, sizeof body, "%s=x&t=%%25%x%s", n, (unsigned)n[0], n + 1);
        }
        assert_int_equal(ask("POST", target, FORM, body), 422);
        snprintf(body, sizeof body, "email=u%u%%40example.com&password=typed-%u-word", i, i);
        assert_int_equal(ask("POST", "/failed", FORM, body), 422);
    }
    see(&s, 2 * MANY, 0);
    assert_ok(buf_check(&all));
    slice_t text = buf_slice(&all);
    assert_int_equal(slice_find(text, SLICE("-word")), SIZE_MAX);
    for (unsigned i = 0; i < MANY; i++) {
        char n[17], forms[4][32];
        number_make(i, n);
        snprintf(forms[0], sizeof forms[0], "%s", n);
        snprintf(forms[1], sizeof forms[1], "%.4s+%.4s+%.4s", n, n + 4, n + 8);
        snprintf(forms[2], sizeof forms[2], "%.4s&b=%.4s&c=%.4s", n, n + 4, n + 8);
        snprintf(forms[3], sizeof forms[3], "%s", n + 1);
        for (size_t f = 0; f < 4; f++) {
            if (memmem(text.ptr, text.len, forms[f], strlen(forms[f]))) {
                fail_msg("%u: %s", i, forms[f]);
            }
        }
    }
    assert_int_not_equal(slice_find(text, SLICE("email=u999%40example.com&password=[14 bytes]")),
                         SIZE_MAX);
}

/* While ledgerd is away evidence waits; a worker that is killed leaves it to the next one. */
static void nothing_is_lost_quietly(void **state)
{
    enum { WAITING = 40 };
    seen_t s = {0};
    pid_t worker;
    front_ledgerd_kill(&front);
    for (int i = 0; i < WAITING; i++) {
        assert_int_equal(ask("GET", "/?q=evil", "", ""), 403);
    }
    assert_int_equal(front_workers(&front, &worker, 1), 1);
    kill(worker, SIGKILL);
    usleep(500000);
    front_ledgerd(&front);
    for (int quiet = 0; quiet < 50 && s.evidence + s.gap < WAITING;) {
        quiet = front_tail(&front, entry_see, &s) ? 0 : quiet + 1;
    }
    assert_int_equal(s.evidence + s.gap, WAITING);
    assert_true(s.gap <= 1); /* the piece that the worker had in its hand when it was killed */
    /* more than the queue holds */
    static char big[12 * 1024];
    memset(big, 'x', sizeof big - 1);
    memcpy(big, "q=evil&z=", 9);
    front_ledgerd_kill(&front);
    front.from = "127.0.0.68"; /* its own share is larger than the queue */
    for (int i = 0; i < 300; i++) {
        assert_int_equal(ask("POST", "/", FORM, big), 403);
    }
    front_ledgerd(&front);
    seen_t t = {0};
    for (int quiet = 0; quiet < 30;) {
        quiet = front_tail(&front, entry_see, &t) ? 0 : quiet + 1;
    }
    front.from = NULL;
    assert_int_equal(t.evidence + t.gap, 300);
    assert_true(t.evidence > 100 && t.gap > 100);
    assert_string_equal(t.gap_why, "why=evidence%20queue%20full");
}

/* One who floods uses up his own share; another's evidence is kept all the same. */
static void a_flood_has_its_own_share(void **state)
{
    enum {
        PIECES = 800
    }; /* of 12 KiB: more than an address may have, less than there is for all */
    static char big[12 * 1024];
    seen_t s = {0}, other = {0};
    memset(big, 'x', sizeof big - 1);
    memcpy(big, "q=evil&z=", 9);
    front.from = "127.0.0.66";
    for (int i = 0; i < PIECES; i++) {
        assert_int_equal(ask("POST", "/", FORM, big), 403);
        if (i % 50 == 49) { /* what waits for ledgerd has a bound of its own */
            usleep(200000);
        }
    }
    for (int quiet = 0; quiet < 30;) {
        quiet = front_tail(&front, entry_see, &s) ? 0 : quiet + 1;
    }
    assert_int_equal(s.evidence + s.gap, PIECES);
    assert_true(s.evidence > 200 && s.gap > 200);
    assert_string_equal(s.gap_why, "why=evidence%20over%20its%20address%27s%20share");
    front.from = "127.0.0.67";
    assert_int_equal(ask("GET", "/?q=evil", "", ""), 403);
    see(&other, 1, 0);
    assert_non_null(strstr(other.plain, "client: 127.0.0.67\n"));
    front.from = NULL;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(without_keys_a_gap),
                                       cmocka_unit_test(kept_and_sealed),
                                       cmocka_unit_test(a_key_a_session),
                                       cmocka_unit_test(a_thousand_cards_and_passwords),
                                       cmocka_unit_test(a_flood_has_its_own_share),
                                       cmocka_unit_test(nothing_is_lost_quietly)};
    if (sodium_init() < 0 || !front_programs(argc, argv)) {
        return 77;
    }
    keys_make();
    return cmocka_run_group_tests(tests, house_up, house_down);
}
