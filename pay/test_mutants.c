/* Mutated notifications against the real payd: rightly signed ones of every provider, changed in a
 * random place of body or signature. None may confirm, none may have an effect twice. One attempt
 * of each provider is never paid (only mutants of its notification arrive); one is paid, and
 * afterwards mutants and repetitions of its notification arrive. */
#include "test_house.h"

#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "text/form.h"

enum { WIRES = 3, BODY_MAX = 4096, LINE_MAX_BYTES = 400 };
static const char *const NAMES[WIRES] = {"komoju", "stripe", "sbps"};

static test_house_t house;
static arena_t arena, scratch;
static uint64_t seed = 20261127;
static long rounds;

typedef struct note {
    char body[BODY_MAX], line[LINE_MAX_BYTES];
    size_t len;
} note_t;

typedef struct target {
    id128_t booking, attempt;
    slice_t session;
    note_t note;
} target_t;
static target_t unpaid[WIRES], paid[WIRES];

/* ---- true notifications ---- */

static void key_read(const char *name, uint8_t key[32])
{
    char path[128];
    snprintf(path, sizeof path, "%s/secrets/pay/%s_webhook_key", house.var, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(key, 1, 32, f), 32);
    fclose(f);
}

static void hmac(const char *name, const char *first, const note_t *n, char hex[65])
{
    uint8_t key[32], mac[32];
    crypto_auth_hmacsha256_state s;
    key_read(name, key);
    crypto_auth_hmacsha256_init(&s, key, 32);
    crypto_auth_hmacsha256_update(&s, (const uint8_t *)first, strlen(first));
    crypto_auth_hmacsha256_update(&s, (const uint8_t *)n->body, n->len);
    crypto_auth_hmacsha256_final(&s, mac);
    sodium_bin2hex(hex, 65, mac, sizeof mac);
}

static void komoju_note(target_t *t, const char *order)
{
    char hex[65];
    note_t *n = &t->note;
    n->len = (size_t)snprintf(
        n->body, BODY_MAX,
        "{\"id\":\"evt%s\",\"type\":\"payment.captured\",\"data\":{\"id\":\"pay1\","
        "\"status\":\"captured\",\"total\":12000,\"amount_refunded\":0,"
        "\"currency\":\"JPY\",\"external_order_num\":\"%s\"}}",
        order, order);
    hmac("komoju", "", n, hex);
    snprintf(n->line, LINE_MAX_BYTES, "X-Komoju-Signature: %s", hex);
}

static void stripe_note(target_t *t, const char *order, slice_t session)
{
    char hex[65], first[40];
    note_t *n = &t->note;
    long long at_s = (long long)(clock_wall_us() / CLOCK_SECOND_US);
    n->len = (size_t)snprintf(
        n->body, BODY_MAX,
        "{\"id\":\"evt_%s\",\"type\":\"checkout.session.completed\",\"livemode\":false,\"data\":"
        "{\"object\":{\"id\":\"%.*s\",\"status\":\"complete\",\"payment_status\":\"paid\","
        "\"amount_total\":12000,\"currency\":\"jpy\",\"client_reference_id\":\"%s\","
        "\"payment_intent\":\"pi_1\"}}}",
        order, SLICE_FMT(session), order);
    snprintf(first, sizeof first, "%lld.", at_s);
    hmac("stripe", first, n, hex);
    snprintf(n->line, LINE_MAX_BYTES, "Stripe-Signature: t=%lld,v1=%s", at_s, hex);
}

/* From the stand-in itself, which knows SBPS's hash: its notification is kept by a relay of ours
 * that takes nothing. */
static void sbps_note(target_t *t, slice_t url)
{
    char path[PAY_URL_MAX + 1], json[64];
    __atomic_store_n(&house.relay_off, false, __ATOMIC_SEQ_CST);
    assert_int_equal(test_psp_page(&house, url, path), 303);
    __atomic_store_n(&house.relay_keep, t->note.body, __ATOMIC_SEQ_CST);
    snprintf(json, sizeof json, "{\"next\":\"webhook_only\"}");
    test_psp_control(&house, json);
    free(test_http(house.psp_port, "GET", path, "", SLICE_EMPTY));
    WAIT_UNTIL(__atomic_load_n(&house.relay_keep, __ATOMIC_SEQ_CST) == NULL);
    char *body = strstr(t->note.body, "\r\n\r\n");
    assert_non_null(body);
    t->note.len = strlen(body + 4);
    memmove(t->note.body, body + 4, t->note.len + 1);
    snprintf(t->note.line, LINE_MAX_BYTES, "X-None: 0");
}

static void target_make(target_t *t, size_t wire)
{
    char token[ID_TEXT], order[ID_TEXT + 1] = {0};
    slice_t url;
    t->booking = id_new();
    random_letters(token, sizeof token);
    pay_order_t o = {.request = id_new(),
                     .booking = t->booking,
                     .amount_minor = 12000,
                     .currency = {'J', 'P', 'Y'},
                     .expires_us = clock_wall_us() + 3600 * CLOCK_SECOND_US,
                     .description = SLICE("SK-1 花見の旅"),
                     .provider = slice_cstr_in(NAMES[wire]),
                     .client_token = slice_make(token, sizeof token)};
    assert_ok(pay_create(house.pay, &arena, &o, &t->attempt, &url));
    id_encode(t->attempt, order);
    if (wire == 0) {
        komoju_note(t, order);
    } else if (wire == 1) {
        size_t at = slice_find(url, SLICE("/sessions/"));
        t->session = slice_from(url, at + 10);
        stripe_note(t, order, t->session);
    } else {
        sbps_note(t, url);
    }
}

/* ---- one connection to payd, kept open ---- */

static int line_fd = -1;

static void line_open(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    close(line_fd);
    line_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof at.sun_path, "%s/run/pay.http.sock", house.var);
    assert_int_equal(connect(line_fd, (struct sockaddr *)&at, sizeof at), 0);
}

/* Whole head and the body it announces. */
static bool is_whole(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n"), *said = strcasestr(text, "content-length:");
    return end && said && strlen(end + 4) >= strtoul(said + 15, NULL, 10);
}

/* 200 with "OK," or "ok": taken. */
static bool is_taken(size_t wire, const note_t *n)
{
    char out[BODY_MAX + 1024], in[4096] = "";
    int len =
        snprintf(out, sizeof out,
                 "POST /pay/notify/%s HTTP/1.1\r\nHost: shop.localhost\r\nContent-Type: %s\r\n"
                 "%s\r\nContent-Length: %zu\r\n\r\n",
                 NAMES[wire], wire == 2 ? "application/x-www-form-urlencoded" : "application/json",
                 n->line, n->len);
    memcpy(out + len, n->body, n->len);
    for (int tries = 0; tries < 3; tries++) {
        size_t at = 0;
        bool sent = !err_failed(fd_write_all(line_fd, slice_make(out, (size_t)len + n->len)));
        while (sent && !is_whole(in)) {
            struct pollfd p = {line_fd, POLLIN, 0};
            ssize_t got =
                poll(&p, 1, HOUSE_WAIT_MS) > 0 ? read(line_fd, in + at, sizeof in - 1 - at) : -1;
            if (got <= 0) {
                break;
            }
            at += (size_t)got;
            in[at] = 0;
        }
        if (is_whole(in)) {
            bool closes = strcasestr(in, "connection: close") != NULL;
            if (closes) {
                line_open();
            }
            return strstr(in, " 200 ") && !strstr(in, "NG,");
        }
        line_open(); /* the room closed a connection that stood idle, or one it did not like */
    }
    fail_msg("payd does not answer");
    return false;
}

/* ---- mutants ---- */

static size_t pick(size_t n)
{
    return n ? (size_t)(test_random(&seed) % n) : 0;
}

static void body_mutate(note_t *n, const note_t *other)
{
    size_t at = pick(n->len), from = pick(n->len), len = 1 + pick(12);
    char kept[BODY_MAX];
    memcpy(kept, n->body, sizeof kept);
    len = from + len > n->len ? n->len - from : len;
    switch (pick(8)) {
    case 0:
        n->body[at] = (char)(n->body[at] ^ (1 << pick(7)));
        break;
    case 1:
        n->body[at] = (char)('0' + pick(10));
        break;
    case 2: /* taken out */
        memmove(n->body + from, kept + from + len, n->len - from - len);
        n->len -= len;
        break;
    case 3: /* put in once more, elsewhere */
        if (n->len + len < BODY_MAX) {
            memcpy(n->body + at, kept + from, len);
            memcpy(n->body + at + len, kept + at, n->len - at);
            n->len += len;
        }
        break;
    case 4: /* cut short */
        n->len = at;
        break;
    case 5: /* two bytes change places */
        n->body[at] = kept[from];
        n->body[from] = kept[at];
        break;
    case 6: /* the beginning of one, the end of another */
        if (at < other->len) {
            memcpy(n->body + at, other->body + at, other->len - at);
            n->len = other->len;
        }
        break;
    default: /* a delimiter moves: what an unseparated hash does not see */
        for (size_t i = at; i + 1 < n->len; i++) {
            if (n->body[i] == '&' || n->body[i] == '=' || n->body[i] == '"') {
                n->body[i] = kept[i + 1];
                n->body[i + 1] = kept[i];
                break;
            }
        }
    }
}

static void line_mutate(note_t *n)
{
    size_t start = strlen(strchr(n->line, ' ') ? n->line : "") ? strcspn(n->line, " ") + 1 : 0;
    size_t at = start + pick(strlen(n->line) - start);
    char c = n->line[at];
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) {
        n->line[at] = c == '0' ? '1' : '0';
    }
}

/* Do two reports say the same, field by field, however written? */
static bool fields_same(const note_t *a, const note_t *b)
{
    const note_t *two[2] = {a, b};
    static struct {
        slice_t name, value;
    } at[2][128];
    size_t n[2] = {0};
    arena_reset(&scratch);
    for (size_t k = 0; k < 2; k++) {
        form_cursor_t c = form_on(slice_make(two[k]->body, two[k]->len), 120, FORM_LENIENT);
        while (form_more(&c)) {
            assert_ok(form_next(&c, &scratch, &at[k][n[k]].name, &at[k][n[k]].value));
            n[k]++;
        }
    }
    for (size_t k = 0; k < 2;
         k++) { /* each of one in the other, but for empty ones and strangers */
        for (size_t i = 0; i < n[k]; i++) {
            bool stranger = k == 0, found = at[k][i].value.len == 0;
            for (size_t j = 0; j < n[1 - k]; j++) {
                bool named = slice_eq(at[k][i].name, at[1 - k][j].name);
                stranger = stranger && !named;
                bool hash = slice_eq(at[k][i].name, SLICE("sps_hashcode"));
                found |= named && (slice_eq(at[k][i].value, at[1 - k][j].value) || hash);
            }
            if (!found && !stranger) {
                return false;
            }
        }
    }
    return true;
}

static bool is_same(size_t wire, const note_t *a, const note_t *b)
{
    bool bytes =
        a->len == b->len && memcmp(a->body, b->body, a->len) == 0 && strcmp(a->line, b->line) == 0;
    return bytes || (wire == 2 && fields_same(a, b));
}

static size_t told(id128_t attempt, pay_state_t state)
{
    pay_event_t e[PAY_EVENTS_MAX];
    uint64_t after = 0;
    size_t n, found = 0;
    do {
        assert_ok(pay_events(house.pay, after, 0, e, PAY_EVENTS_MAX, &n));
        for (size_t i = 0; i < n; i++) {
            after = e[i].seq;
            found += id_eq(e[i].attempt, attempt) && e[i].state == state;
        }
    } while (n);
    return found;
}

/* Stripe's signatures grow old. */
static void stripe_sign_again(target_t *t)
{
    char order[ID_TEXT + 1] = {0};
    id_encode(t->attempt, order);
    stripe_note(t, order, t->session);
}

static void mutants_have_no_effect(void **state)
{
    long sent = 0, taken = 0, repeated = 0;
    pay_attempt_view_t v;
    for (size_t w = 0; w < WIRES; w++) {
        target_make(&unpaid[w], w);
        target_make(&paid[w], w);
    }
    line_open();
    for (size_t w = 0; w < WIRES; w++) {
        assert_true(is_taken(w, &paid[w].note)); /* without a change it confirms */
        WAIT_UNTIL(!err_failed(pay_look(house.pay, paid[w].attempt, &v)) &&
                   v.state == PAY_CAPTURED);
    }
    while (sent < rounds) {
        size_t w = pick(WIRES);
        const target_t *t = pick(2) ? &paid[w] : &unpaid[w];
        const note_t *other = pick(2) ? &paid[w].note : &unpaid[pick(WIRES)].note;
        note_t n = t->note;
        for (size_t i = 0; i <= pick(3); i++) {
            if (w < 2 && pick(8) == 0) {
                line_mutate(&n);
            } else {
                body_mutate(&n, other);
            }
        }
        if (is_same(w, &n, &unpaid[w].note) || is_same(w, &n, &paid[w].note)) {
            continue; /* no mutant */
        }
        sent++;
        if (sent % 5000 == 0) {
            stripe_sign_again(&paid[1]);
            stripe_sign_again(&unpaid[1]);
        }
        if (is_taken(w, &n)) {
            taken++;
            print_message("taken: %s %.*s\n", NAMES[w], (int)n.len, n.body);
        }
        if (sent % 100 == 0) {
            repeated += is_taken(w, &paid[w].note);
        }
    }
    assert_int_equal(taken, 0);
    assert_int_equal(repeated, rounds / 100);
    for (size_t w = 0; w < WIRES; w++) {
        assert_ok(pay_look(house.pay, unpaid[w].attempt, &v));
        assert_int_equal(v.state, PAY_REDIRECTED);
        assert_int_equal(told(unpaid[w].attempt, PAY_CAPTURED), 0);
        assert_int_equal(told(paid[w].attempt, PAY_CAPTURED), 1);
        assert_int_equal(told(paid[w].attempt, PAY_REFUNDED), 0);
    }
    print_message("%ld mutants: 0 false confirmations, 0 double effects; %ld repetitions\n", sent,
                  repeated);
}

/* The control, with fresh attempts (a report with moved fields has put its attempt in doubt, as it
 * must): unchanged, each confirms. */
static void unchanged_they_confirm(void **state)
{
    pay_attempt_view_t v;
    for (size_t w = 0; w < WIRES; w++) {
        static target_t t;
        memset(&t, 0, sizeof t);
        target_make(&t, w);
        assert_true(is_taken(w, &t.note));
        WAIT_UNTIL(!err_failed(pay_look(house.pay, t.attempt, &v)) && v.state == PAY_CAPTURED);
    }
}

static int up(void **state)
{
    arena_init(&arena, 4 * 1024 * 1024);
    arena_init(&scratch, 1024 * 1024);
    house.separated = geteuid() == 0;
    test_house_up(&house);
    test_house_pay_up(&house);
    return 0;
}

static int down(void **state)
{
    close(line_fd);
    int status = test_house_down(&house);
    arena_deinit(&scratch);
    arena_deinit(&arena);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutants_have_no_effect),
        cmocka_unit_test(unchanged_they_confirm),
    };
    if (argc < 5) {
        return 2;
    }
    house.payd_path = argv[1];
    house.paysim_path = argv[2];
    house.ledgerd_path = argv[3];
    rounds = strtol(argv[4], NULL, 10);
    return cmocka_run_group_tests_name("pay mutants", tests, up, down);
}
