/* The room as a whole: the real vaultd and the real ledgerd, in a folder of their own, talked to
 * through api.h. Arguments: the two programs. */
#include "test_house.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "envelope.h"
#include "io/wire_client.h"
#include "vault/api.h"

enum { THREADS = 4, REVEALS_MAX = 4000 };

static test_house_t house;
static vault_client_t *vault;
static wire_client_t raw;

static int house_up(void **state)
{
    (void)state;
    test_house_up(&house);
    house.vaultd = test_house_start(&house, house.vaultd_path, true);
    GOOD(vault_client_new(house.vault_sock, ROOM_TEST, &vault));
    wire_client_init(&raw, &(wire_client_conf_t){.path = {house.vault_sock},
                                                 .self = ROOM_TEST,
                                                 .peer = ROOM_VAULT,
                                                 .api_version = VAULT_API_VERSION});
    return 0;
}

static int house_down(void **state)
{
    (void)state;
    wire_client_deinit(&raw);
    vault_client_free(vault);
    kill(house.ledgerd, SIGCONT);
    return test_house_down(&house);
}

static id128_t someone(id128_t *ret_pseudonym)
{
    id128_t subject;
    id128_t pseudonym;
    GOOD(vault_subject_new(vault, &subject, &pseudonym));
    if (ret_pseudonym) {
        *ret_pseudonym = pseudonym;
    }
    return subject;
}

static vault_item_t item_of(id128_t subject, slice_t column, slice_t bytes)
{
    return (vault_item_t){.subject = subject,
                          .table = SLICE("booking_pax"),
                          .column = column,
                          .row = subject, /* any id will do */
                          .bytes = bytes};
}

static vault_context_t context(void)
{
    return (vault_context_t){.request = id_new(),
                             .object = id_new(),
                             .actor = id_new(),
                             .purpose = VAULT_FOR_SHOW_TO_OWNER};
}

/* Records of a request, in order. */
typedef struct trail {
    struct {
        uint64_t seq;
        unsigned type;
        id128_t subject, object, actor;
        uint32_t count;
        char facts[LEDGER_TEXT_MAX + 1];
    } rows[16];
    size_t n;
} trail_t;

static void trail_read(ledger_find_t which, id128_t id, trail_t *t)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    ledger_entry_t entries[16];
    uint64_t from = 0;
    t->n = 0;
    do {
        size_t n = 0;
        GOOD(ledger_find(house.ledger, which, id, &from, mem, sizeof mem, entries, 16, &n));
        for (size_t i = 0; i < n && t->n < BASE_COUNT(t->rows); i++, t->n++) {
            t->rows[t->n].seq = entries[i].seq;
            t->rows[t->n].type = entries[i].rec.type;
            t->rows[t->n].subject = entries[i].rec.subject;
            t->rows[t->n].object = entries[i].rec.object;
            t->rows[t->n].actor = entries[i].rec.actor;
            t->rows[t->n].count = entries[i].rec.count;
            snprintf(t->rows[t->n].facts, sizeof t->rows[0].facts, "%.*s",
                     SLICE_FMT(entries[i].rec.facts));
        }
    } while (from);
}

static size_t trail_count(const trail_t *t, unsigned type)
{
    size_t count = 0;
    for (size_t i = 0; i < t->n; i++) {
        count += t->rows[i].type == type;
    }
    return count;
}

/* Queued records come soon, not at once. */
static void trail_wait(ledger_find_t which, id128_t id, unsigned type, size_t count, trail_t *t)
{
    deadline_t until = deadline_in_ms(HOUSE_WAIT_MS);
    do {
        trail_read(which, id, t);
        if (trail_count(t, type) >= count) {
            return;
        }
        usleep(20000);
    } while (deadline_left_ms(until) > 0);
    fail_msg("no record %s", ledger_type_name(type));
}

static void sealed_and_revealed_with_records(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 1 << 20);
    id128_t pseudonyms[2];
    id128_t people[2] = {someone(&pseudonyms[0]), someone(&pseudonyms[1])};
    vault_item_t items[] = {
        item_of(people[0], SLICE("name_kana"), SLICE("ヤマダ ハナコ")),
        item_of(people[0], SLICE("email"), SLICE("hanako@example.jp")),
        item_of(people[1], SLICE("name_kana"), SLICE("ヤマダ タロウ")),
        item_of(people[0], SLICE("note"), SLICE_EMPTY),
    };
    enum { N = BASE_COUNT(items) };
    slice_t sealed[N];
    slice_t plain[N];
    GOOD(vault_seal(vault, &a, items, N, sealed));
    vault_item_t asked[N];
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(sealed[i].len, items[i].bytes.len + ENVELOPE_OVERHEAD);
        asked[i] = items[i];
        asked[i].bytes = sealed[i];
    }
    vault_context_t ctx = context();
    GOOD(vault_reveal(vault, &a, &ctx, asked, N, plain));
    for (size_t i = 0; i < N; i++) {
        assert_true(slice_eq(plain[i], items[i].bytes));
    }
    trail_t t;
    trail_wait(LEDGER_BY_REQUEST, ctx.request, LEDGER_REVEAL_OUTCOME, 2, &t);
    assert_int_equal(t.n, 4);
    for (size_t i = 0; i < 4; i++) {
        bool first = id_eq(t.rows[i].subject, pseudonyms[0]);
        assert_true(first || id_eq(t.rows[i].subject, pseudonyms[1]));
        assert_int_equal(t.rows[i].type, i < 2 ? LEDGER_REVEAL_INTENT : LEDGER_REVEAL_OUTCOME);
        assert_int_equal(t.rows[i].count, first ? 3 : 1);
        assert_true(id_eq(t.rows[i].object, ctx.object));
        assert_true(id_eq(t.rows[i].actor, ctx.actor));
        char asker[80]; /* the process is the kernel's word */
        snprintf(asker, sizeof asker, "&room=test&process=%d&purpose=SHOW_TO_OWNER&",
                 (int)getpid());
        assert_non_null(strstr(t.rows[i].facts, asker));
        if (i < 2) {
            const char *want = first ? "fields=booking_pax.name_kana,booking_pax.email,"
                                       "booking_pax.note"
                                     : "fields=booking_pax.name_kana";
            assert_non_null(strstr(t.rows[i].facts, want));
        } else {
            assert_non_null(
                strstr(t.rows[i].facts, first ? "bytes=36&delivered=1" : "bytes=19&delivered=1"));
        }
        assert_memory_equal(t.rows[i].facts, t.rows[0].facts, 7 + ID_TEXT); /* reveal=... */
    }
    trail_read(LEDGER_BY_SUBJECT, pseudonyms[1], &t);
    assert_int_equal(t.n, 2);
}

static void all_or_nothing(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 1 << 20);
    id128_t person = someone(NULL);
    vault_item_t items[3] = {item_of(person, SLICE("name"), SLICE("A")),
                             item_of(person, SLICE("phone"), SLICE("B")),
                             item_of(person, SLICE("email"), SLICE("C"))};
    slice_t sealed[3];
    GOOD(vault_seal(vault, &a, items, 3, sealed));
    for (size_t i = 0; i < 3; i++) {
        items[i].bytes = sealed[i];
    }
    struct {
        const char *reason;
        err_code_t want;
        vault_item_t item;
        bool intent;
    } rows[] = {
        {"reason=CRYPTO", ERR_CRYPTO, items[1], true},
        {"reason=CRYPTO", ERR_CRYPTO, items[1], true},
        {"reason=CRYPTO", ERR_CRYPTO, items[1], true},
        {"reason=NOT_FOUND", ERR_NOT_FOUND, items[1], false},
    };
    rows[0].item.column = SLICE("name");
    rows[1].item.row = id_new();
    rows[2].item.bytes = SLICE("short");
    rows[3].item.subject = id_new();
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        vault_item_t asked[3] = {items[0], rows[i].item, items[2]};
        slice_t plain[3] = {0};
        vault_context_t ctx = context();
        err_t e = vault_reveal(vault, &a, &ctx, asked, 3, plain);
        assert_int_equal(e.code, rows[i].want);
        assert_true(wire_err_is_peers(e));
        assert_null(plain[0].ptr);
        trail_t t;
        trail_wait(LEDGER_BY_REQUEST, ctx.request, LEDGER_REVEAL_REFUSED, 1, &t);
        assert_int_equal(trail_count(&t, LEDGER_REVEAL_INTENT), rows[i].intent);
        assert_int_equal(trail_count(&t, LEDGER_REVEAL_OUTCOME), 0);
        assert_non_null(strstr(t.rows[t.n - 1].facts, rows[i].reason));
    }
    /* A value of another person's, under the right person's name. */
    id128_t other = someone(NULL);
    vault_item_t taken = items[0];
    taken.subject = other;
    slice_t plain;
    vault_context_t ctx = context();
    assert_true(err_is(vault_reveal(vault, &a, &ctx, &taken, 1, &plain), ERR_CRYPTO));
}

static void big_batches(void **state)
{
    (void)state;
    enum { N = 300 };
    static vault_item_t items[N];
    static slice_t sealed[N];
    static slice_t plain[N];
    static uint8_t text[VAULT_PLAIN_MAX];
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 16 << 20);
    memset(text, 'x', sizeof text);
    id128_t person = someone(NULL);
    for (size_t i = 0; i < N; i++) {
        size_t len = i < 20 ? VAULT_PLAIN_MAX - i : i; /* several messages full, then many short */
        items[i] = item_of(person, SLICE("note"), slice_make(text, len));
    }
    GOOD(vault_seal(vault, &a, items, N, sealed));
    vault_context_t ctx = context();
    vault_item_t asked[N];
    for (size_t i = 0; i < N; i++) {
        asked[i] = items[i];
        asked[i].bytes = sealed[i];
    }
    assert_true(err_is(vault_reveal(vault, &a, &ctx, asked, N, plain), ERR_LIMIT));
    for (size_t from = 0; from < N; from += 10) {
        GOOD(vault_reveal(vault, &a, &ctx, asked + from, 10, plain + from));
    }
    for (size_t i = 0; i < N; i++) {
        assert_true(slice_eq(plain[i], items[i].bytes));
    }
    /* As many people as a batch can have: an intent for each. */
    vault_item_t crowd[VAULT_BATCH_MAX];
    slice_t crowd_sealed[VAULT_BATCH_MAX];
    slice_t crowd_plain[VAULT_BATCH_MAX];
    for (size_t i = 0; i < VAULT_BATCH_MAX; i++) {
        crowd[i] = item_of(someone(NULL), SLICE("name"), slice_make(text, 20));
    }
    GOOD(vault_seal(vault, &a, crowd, VAULT_BATCH_MAX, crowd_sealed));
    for (size_t i = 0; i < VAULT_BATCH_MAX; i++) {
        crowd[i].bytes = crowd_sealed[i];
    }
    assert_true(err_is(vault_reveal(vault, &a, &ctx, crowd, VAULT_BATCH_MAX, crowd_plain),
                       ERR_BUDGET)); /* more people than one actor may see in a minute */
    ctx.actor = id_zero();
    GOOD(vault_reveal(vault, &a, &ctx, crowd, VAULT_BATCH_MAX, crowd_plain));
    items[0].bytes = slice_make(text, VAULT_PLAIN_MAX);
    items[0].table = SLICE("Bad Name");
    assert_true(err_is(vault_seal(vault, &a, items, 1, sealed), ERR_USAGE));
}

/* Names of fields beyond one record's room: more intents, their counts add up, no name is missing.
 */
static void long_names_are_all_recorded(void **state)
{
    (void)state;
    enum { N = 40 };
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 1 << 20);
    id128_t pseudonym;
    id128_t person = someone(&pseudonym);
    vault_item_t items[N];
    slice_t sealed[N];
    slice_t plain[N];
    char names[N][VAULT_NAME_MAX + 1];
    for (size_t i = 0; i < N; i++) {
        memset(names[i], 'n', VAULT_NAME_MAX);
        snprintf(names[i], 8, "col%03zu", i % 39); /* one name twice */
        names[i][6] = '_';
        items[i] = item_of(person, slice_make(names[i], VAULT_NAME_MAX), SLICE("v"));
    }
    GOOD(vault_seal(vault, &a, items, N, sealed));
    for (size_t i = 0; i < N; i++) {
        items[i].bytes = sealed[i];
    }
    vault_context_t ctx = context();
    GOOD(vault_reveal(vault, &a, &ctx, items, N, plain));
    trail_t t;
    trail_read(LEDGER_BY_REQUEST, ctx.request, &t);
    uint32_t sum = 0;
    for (size_t i = 0; i < t.n; i++) {
        sum += t.rows[i].type == LEDGER_REVEAL_INTENT ? t.rows[i].count : 0;
    }
    assert_int_equal(sum, N);
    for (size_t i = 0; i < 39; i++) {
        char want[16];
        size_t found = 0;
        snprintf(want, sizeof want, ".col%03zu_", i);
        for (size_t row = 0; row < t.n; row++) {
            found += t.rows[row].type == LEDGER_REVEAL_INTENT && strstr(t.rows[row].facts, want);
        }
        assert_int_equal(found, 1);
    }
}

static vault_item_t sealed_item(arena_t *a, id128_t person)
{
    vault_item_t item = item_of(person, SLICE("name"), SLICE("ヤマダ"));
    slice_t sealed;
    GOOD(vault_seal(vault, a, &item, 1, &sealed));
    item.bytes = sealed;
    return item;
}

static health_state_t health_of(const char *row, char text[HEALTH_TEXT])
{
    health_t h;
    GOOD(wire_client_health(&raw, 2000, &h));
    for (unsigned i = 0; i < h.count; i++) {
        if (strcmp(h.rows[i].name, row) == 0) {
            snprintf(text, HEALTH_TEXT, "%s", h.rows[i].text);
            return h.rows[i].state;
        }
    }
    fail_msg("no health row %s", row);
    return HEALTH_DOWN;
}

static void health_becomes(health_state_t want, const char *text_has)
{
    deadline_t until = deadline_in_ms(HOUSE_WAIT_MS);
    char text[HEALTH_TEXT];
    while (health_of("ledger", text) != want) {
        assert_true(deadline_left_ms(until) > 0);
        usleep(20000);
    }
    assert_non_null(strstr(text, text_has));
}

static void refused_while_ledger_is_silent(const vault_item_t *item, arena_t *a)
{
    for (int i = 0; i < 3; i++) {
        slice_t plain = SLICE_EMPTY;
        vault_context_t ctx = context();
        int64_t began = clock_wait_us();
        err_t e = vault_reveal(vault, a, &ctx, item, 1, &plain);
        assert_true(err_is(e, ERR_NOT_RECORDED) && wire_err_is_peers(e));
        assert_null(plain.ptr);
        assert_true(clock_wait_us() - began <
                    2500 * 1000); /* the bound is 250 ms; machines are busy */
    }
    health_becomes(HEALTH_DEGRADED, "reveals refused: ledger not answering");
    someone(NULL); /* sealing needs no record */
    vault_item_t more = item_of(item->subject, SLICE("name"), SLICE("x"));
    slice_t sealed;
    GOOD(vault_seal(vault, a, &more, 1, &sealed));
}

static void no_reveal_without_ledger(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 1 << 20);
    vault_item_t item = sealed_item(&a, someone(NULL));
    slice_t plain;
    vault_context_t ctx = context();
    GOOD(vault_reveal(vault, &a, &ctx, &item, 1, &plain));
    health_becomes(HEALTH_OK, "recorded");

    kill(house.ledgerd, SIGSTOP);
    refused_while_ledger_is_silent(&item, &a);
    kill(house.ledgerd, SIGCONT);
    health_becomes(HEALTH_OK, "recorded");
    GOOD(vault_reveal(vault, &a, &ctx, &item, 1, &plain));

    test_house_end(&house.ledgerd, SIGKILL);
    refused_while_ledger_is_silent(&item, &a);
    vault_context_t dead = context();
    assert_true(err_is(vault_reveal(vault, &a, &dead, &item, 1, &plain), ERR_NOT_RECORDED));
    house.ledgerd = test_house_start(&house, house.ledgerd_path, true);
    health_becomes(HEALTH_OK, "recorded");
    GOOD(vault_reveal(vault, &a, &ctx, &item, 1, &plain));
    trail_t t; /* what was refused meanwhile is on the record afterwards */
    trail_wait(LEDGER_BY_REQUEST, dead.request, LEDGER_REVEAL_REFUSED, 1, &t);
    assert_int_equal(trail_count(&t, LEDGER_REVEAL_OUTCOME), 0);
    assert_non_null(strstr(t.rows[t.n - 1].facts, "reason=NOT_RECORDED"));
}

/* Law 4 under a dying ledger: whoever got a plain value finds the intent on the record. */
typedef struct reader {
    pthread_t thread;
    vault_item_t item;
    id128_t got[REVEALS_MAX]; /* requests that were answered with the value */
    size_t count, refused;
} reader_t;

static bool readers_stop;

static void *read_on(void *arg)
{
    reader_t *r = arg;
    while (!__atomic_load_n(&readers_stop, __ATOMIC_ACQUIRE) && r->count < REVEALS_MAX) {
        BASE_CLEANUP(arena_deinit) arena_t a;
        arena_init(&a, 1 << 20);
        slice_t plain;
        vault_context_t ctx = context();
        err_t e = vault_reveal(vault, &a, &ctx, &r->item, 1, &plain);
        if (!err_failed(e)) {
            r->got[r->count++] = ctx.request;
        } else {
            r->refused++;
        }
    }
    return NULL;
}

static void every_value_has_its_intent(void **state)
{
    (void)state;
    static reader_t readers[THREADS];
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 1 << 20);
    memset(readers, 0, sizeof readers);
    readers_stop = false;
    for (size_t i = 0; i < THREADS; i++) {
        readers[i].item = sealed_item(&a, someone(NULL));
        pthread_create(&readers[i].thread, NULL, read_on, &readers[i]);
    }
    for (int round = 0; round < 3; round++) {
        usleep(150000);
        test_house_end(&house.ledgerd, round == 1 ? SIGTERM : SIGKILL);
        house.ledgerd = test_house_start(&house, house.ledgerd_path, true);
    }
    usleep(150000);
    __atomic_store_n(&readers_stop, true, __ATOMIC_RELEASE);
    size_t total = 0;
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(readers[i].thread, NULL);
        for (size_t n = 0; n < readers[i].count; n += 1 + readers[i].count / 100) {
            trail_t t;
            trail_read(LEDGER_BY_REQUEST, readers[i].got[n], &t);
            assert_int_equal(trail_count(&t, LEDGER_REVEAL_INTENT), 1);
        }
        total += readers[i].count;
    }
    assert_true(total > 20);
}

static void customers_survive_kill(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 1 << 20);
    id128_t pseudonym;
    id128_t again;
    id128_t person = someone(&pseudonym);
    vault_item_t item = sealed_item(&a, person);
    slice_t payload;
    GOOD(vault_payload_seal(vault, &a, person, SLICE("evidence"), &payload));
    uint8_t index[2][VAULT_BLIND_BYTES];
    GOOD(vault_blind(vault, VAULT_BLIND_EMAIL, SLICE("Hanako@Example.JP"), index[0]));
    GOOD(vault_password_set(vault, id_new(), person, SLICE("correct horse")));
    test_house_end(&house.vaultd, SIGKILL);
    house.vaultd = test_house_start(&house, house.vaultd_path, true);
    GOOD(vault_pseudonym(vault, person, &again));
    assert_true(id_eq(pseudonym, again));
    slice_t plain;
    vault_context_t ctx = context();
    GOOD(vault_reveal(vault, &a, &ctx, &item, 1, &plain));
    assert_true(slice_eq(plain, SLICE("ヤマダ")));
    GOOD(vault_blind(vault, VAULT_BLIND_EMAIL, SLICE("hanako@example.jp"), index[1]));
    assert_memory_equal(index[0], index[1], VAULT_BLIND_BYTES);
    bool right = false;
    GOOD(vault_password_check(vault, id_new(), person, SLICE("correct horse"), &right));
    assert_true(right);
    /* A payload is no field. */
    envelope_head_t head;
    GOOD(envelope_head_read(payload, &head));
    assert_int_equal(head.kind, ENVELOPE_PAYLOAD);
    vault_item_t as_field = {
        .subject = person, .table = SLICE("record"), .column = SLICE("payload"), .bytes = payload};
    assert_true(err_is(vault_reveal(vault, &a, &ctx, &as_field, 1, &plain), ERR_CRYPTO));
    assert_true(err_is(vault_pseudonym(vault, id_new(), &again), ERR_NOT_FOUND));
    assert_true(
        err_is(vault_payload_seal(vault, &a, id_new(), SLICE("x"), &payload), ERR_NOT_FOUND));
}

static void blind_indexes_fold(void **state)
{
    (void)state;
    struct {
        vault_blind_kind_t kind;
        slice_t a, b;
        bool same;
    } rows[] = {
        {VAULT_BLIND_EMAIL, SLICE("Hanako@example.jp "), SLICE("hanako@EXAMPLE.jp"), true},
        {VAULT_BLIND_EMAIL, SLICE("hanako@example.jp"), SLICE("hanakp@example.jp"), false},
        {VAULT_BLIND_PHONE, SLICE("０９０－１２３４－５６７８"), SLICE("+81 90 1234 5678"), true},
        {VAULT_BLIND_KANA, SLICE("ﾔﾏﾀﾞ ﾊﾅｺ"), SLICE("やまだ　はなこ"), true},
        {VAULT_BLIND_KANA, SLICE("ヤマダ"), SLICE("ヤマタ"), false},
    };
    uint8_t a[VAULT_BLIND_BYTES];
    uint8_t b[VAULT_BLIND_BYTES];
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        GOOD(vault_blind(vault, rows[i].kind, rows[i].a, a));
        GOOD(vault_blind(vault, rows[i].kind, rows[i].b, b));
        assert_int_equal(memcmp(a, b, sizeof a) == 0, rows[i].same);
    }
    /* One text under two kinds shares nothing; bad text costs the caller no connection. */
    GOOD(vault_blind(vault, VAULT_BLIND_EMAIL, SLICE("12345"), a));
    GOOD(vault_blind(vault, VAULT_BLIND_PHONE, SLICE("12345"), b));
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(err_is(vault_blind(vault, VAULT_BLIND_PHONE, SLICE("none"), a), ERR_SYNTAX));
    assert_true(err_is(vault_blind(vault, VAULT_BLIND_KANA, SLICE("\xff\xfe"), a), ERR_ENCODING));
}

static void passwords_are_checked_and_recorded(void **state)
{
    (void)state;
    id128_t account = id_new();
    id128_t request = id_new();
    bool right = true;
    GOOD(vault_password_check(vault, request, account, SLICE("nobody yet"), &right));
    assert_false(right);
    trail_t t;
    trail_wait(LEDGER_BY_OBJECT, account, LEDGER_LOGIN_FAILED, 1, &t);
    assert_int_equal(t.n, 1);
    GOOD(vault_password_set(vault, request, account, SLICE("first")));
    GOOD(vault_password_check(vault, request, account, SLICE("first"), &right));
    assert_true(right);
    GOOD(vault_password_set(vault, request, account, SLICE("second")));
    GOOD(vault_password_check(vault, request, account, SLICE("first"), &right));
    assert_false(right);
    GOOD(vault_password_check(vault, request, account, SLICE("second"), &right));
    assert_true(right);
    GOOD(vault_password_check(vault, request, id_new(), SLICE("second"), &right));
    assert_false(right);
    trail_wait(LEDGER_BY_OBJECT, account, LEDGER_LOGIN_OK, 2, &t);
    assert_int_equal(trail_count(&t, LEDGER_LOGIN_FAILED), 2);
    assert_true(err_is(vault_password_set(vault, request, account, SLICE_EMPTY), ERR_LIMIT));
}

static void rooms_keep_to_their_table(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 1 << 20);
    id128_t person = someone(NULL);
    vault_item_t item = sealed_item(&a, person);
    static const unsigned OTHERS[] = {ROOM_PAY, ROOM_COMMAND, ROOM_OFFICE, ROOM_SHOP};
    for (size_t i = 0; i < BASE_COUNT(OTHERS); i++) {
        vault_client_t *c;
        GOOD(vault_client_new(house.vault_sock, OTHERS[i], &c));
        vault_context_t ctx = context();
        slice_t out;
        id128_t id;
        bool reveals = OTHERS[i] == ROOM_OFFICE || OTHERS[i] == ROOM_SHOP;
        bool seals = OTHERS[i] == ROOM_SHOP;
        GOOD(vault_pseudonym(c, person, &id));
        if (reveals) { /* not for another room's purpose */
            ctx.purpose = OTHERS[i] == ROOM_SHOP ? VAULT_FOR_INCIDENT : VAULT_FOR_DESK;
            assert_true(err_is(vault_reveal(c, &a, &ctx, &item, 1, &out), ERR_DENIED));
            ctx.purpose = OTHERS[i] == ROOM_SHOP ? VAULT_FOR_DESK : VAULT_FOR_INCIDENT;
        }
        err_t e = vault_reveal(c, &a, &ctx, &item, 1, &out);
        assert_int_equal(e.code, reveals ? ERR_NONE : ERR_DENIED);
        e = vault_seal(c, &a, &item, 1, &out);
        assert_int_equal(e.code, seals ? ERR_NONE : ERR_DENIED);
        e = vault_subject_new(c, &id, &id);
        assert_int_equal(e.code, seals ? ERR_NONE : ERR_DENIED);
        if (!reveals) {
            trail_t t;
            trail_wait(LEDGER_BY_REQUEST, ctx.request, LEDGER_REVEAL_REFUSED, 1, &t);
            assert_non_null(strstr(t.rows[0].facts, "reason=DENIED"));
            assert_int_equal(t.n, 1);
        }
        vault_client_free(c);
    }
    vault_client_t *c;
    GOOD(vault_client_new(house.vault_sock, ROOM_GUARD, &c)); /* refused at hello */
    assert_true(err_is(vault_pseudonym(c, person, &person), ERR_DENIED));
    vault_client_free(c);
}

/* Thirty people a minute for one actor (the profile's default), and no kill gives him more. */
static void a_budget_bounds_an_actor(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 4 << 20);
    vault_item_t items[31];
    slice_t plain;
    vault_context_t ctx = context();
    for (size_t i = 0; i < 31; i++) {
        items[i] = sealed_item(&a, someone(NULL));
    }
    for (size_t i = 0; i < 30; i++) {
        GOOD(vault_reveal(vault, &a, &ctx, &items[i], 1, &plain));
    }
    for (int killed = 0; killed < 2; killed++) {
        ctx.request = id_new();
        assert_true(err_is(vault_reveal(vault, &a, &ctx, &items[30], 1, &plain), ERR_BUDGET));
        trail_t t;
        trail_wait(LEDGER_BY_REQUEST, ctx.request, LEDGER_REVEAL_REFUSED, 1, &t);
        assert_int_equal(trail_count(&t, LEDGER_REVEAL_INTENT), 0);
        assert_int_equal(trail_count(&t, LEDGER_ALARM), !killed); /* one an hour */
        assert_non_null(
            strstr(t.rows[t.n - 1].facts, "reason=BUDGET&budget=actor_minute&limit=30"));
        assert_true(killed || strstr(t.rows[0].facts, "what=vault_budget&reveal="));
        GOOD(vault_reveal(vault, &a, &ctx, &items[7], 1, &plain)); /* her own is never in the way */
        test_house_end(&house.vaultd, SIGKILL);
        house.vaultd = test_house_start(&house, house.vaultd_path, true);
    }
    ctx.actor = id_new();
    GOOD(vault_reveal(vault, &a, &ctx, &items[30], 1, &plain));
}

static void malformed_messages_close(void **state)
{
    (void)state;
    id128_t person = someone(NULL);
    static const struct {
        const char *name;
        uint16_t kind;
        slice_t tail;
    } ROWS[] = {
        {"left-over byte", VAULT_PSEUDONYM, SLICE("x")},
        {"cut short", VAULT_REVEAL, SLICE("")},
        {"answer kind", VAULT_SEALED, SLICE("")},
        {"unknown kind", 999, SLICE("")},
        {"no items", VAULT_SEAL, SLICE("\0\0")},
        {"body where none is", VAULT_SUBJECT_NEW, SLICE("")},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        uint8_t mem[64];
        uint8_t answer_mem[1024];
        buf_t request = BUF_ON_ARRAY(mem);
        buf_t answer = BUF_ON_ARRAY(answer_mem);
        wire_begin(&request, ROWS[i].kind);
        buf_put(&request, id_slice(&person));
        buf_put(&request, ROWS[i].tail);
        uint16_t kind;
        cursor_t body;
        err_t e = wire_client_call(&raw, buf_slice(&request), 2000, &answer, &kind, &body);
        if (!err_is(e, ERR_CLOSED) || wire_err_is_peers(e)) {
            fail_msg("%s: %s", ROWS[i].name, err_name(e.code));
        }
    }
    GOOD(vault_pseudonym(vault, person, &person));
}

static void metrics_are_there(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 1 << 20);
    slice_t text;
    GOOD(wire_client_metrics(&raw, &a, 2000, &text));
    static const char *const WANT[] = {
        "sekisho_vault_seals_total ", "sekisho_vault_intents_total ",
        "sekisho_vault_reveal_queue 0\n",
        "sekisho_vault_keys{file=\"subjects\",state=\"damaged\"} 0\n"};
    for (size_t i = 0; i < BASE_COUNT(WANT); i++) {
        assert_true(slice_find(text, slice_cstr_in(WANT[i])) != SIZE_MAX);
    }
}

static void lost_master_key_stops_the_start(void **state)
{
    (void)state;
    char key[80];
    char away[80];
    snprintf(key, sizeof key, "%s/secrets/vault/master.key", house.var);
    snprintf(away, sizeof away, "%s/away", house.var);
    test_house_end(&house.vaultd, SIGTERM);
    assert_int_equal(rename(key, away), 0);
    pid_t pid = test_house_start(&house, house.vaultd_path, false);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_int_equal(access(key, F_OK), -1); /* and no fresh one was put in its place */
    assert_int_equal(rename(away, key), 0);
    house.vaultd = test_house_start(&house, house.vaultd_path, true);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: test_vault VAULTD LEDGERD\n");
        return 2;
    }
    house.vaultd_path = argv[1];
    house.ledgerd_path = argv[2];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealed_and_revealed_with_records),
        cmocka_unit_test(all_or_nothing),
        cmocka_unit_test(big_batches),
        cmocka_unit_test(long_names_are_all_recorded),
        cmocka_unit_test(blind_indexes_fold),
        cmocka_unit_test(passwords_are_checked_and_recorded),
        cmocka_unit_test(rooms_keep_to_their_table),
        cmocka_unit_test(a_budget_bounds_an_actor),
        cmocka_unit_test(malformed_messages_close),
        cmocka_unit_test(metrics_are_there),
        cmocka_unit_test(no_reveal_without_ledger),
        cmocka_unit_test(every_value_has_its_intent),
        cmocka_unit_test(customers_survive_kill),
        cmocka_unit_test(lost_master_key_stops_the_start),
    };
    return cmocka_run_group_tests(tests, house_up, house_down);
}
