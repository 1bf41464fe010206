/* Hashes: the queue's bound, parameters that change, an unknown account. Argument: ledgerd. */
#include "test_house.h"

#include <sodium.h>
#include <unistd.h>

#include "db/db.h"
#include "passwords.h"

static test_house_t house;
static char url[80];

/* What was verified against last; linked with --wrap. */
static char verified[crypto_pwhash_STRBYTES];
static unsigned verifications;

int __real_crypto_pwhash_str_verify(const char *hash, const char *password, unsigned long long len);
int __wrap_crypto_pwhash_str_verify(const char *hash, const char *password, unsigned long long len);
int __wrap_crypto_pwhash_str_verify(const char *hash, const char *password, unsigned long long len)
{
    verifications++;
    snprintf(verified, sizeof verified, "%s", hash);
    return __real_crypto_pwhash_str_verify(hash, password, len);
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static passwords_t *open_with(uint64_t passes, unsigned queue)
{
    passwords_conf_t conf = {.db_url = url,
                             .ledger = house.ledger,
                             .passes = passes,
                             .memory_bytes = crypto_pwhash_MEMLIMIT_MIN,
                             .queue = queue,
                             .on_done = nothing};
    passwords_t *p = NULL;
    GOOD(passwords_new(&conf, &p));
    return p;
}

static passwords_done_t ask(passwords_t *p, bool set, id128_t account, slice_t password)
{
    decode_password_t job = {.request = id_new(), .account = account, .password = password};
    passwords_done_t done;
    GOOD(passwords_submit(p, (wire_conn_t){1, 2}, set, &job));
    while (!passwords_take(p, &done)) {
        usleep(1000);
    }
    GOOD(done.result);
    assert_int_equal(done.was_set, set);
    assert_int_equal(done.to.slot, 1);
    assert_int_equal(done.to.generation, 2);
    return done;
}

static void right_wrong_unknown(void **state)
{
    (void)state;
    passwords_t *p = open_with(1, 4);
    id128_t account = id_new();
    uint8_t longest[VAULT_PASSWORD_MAX];
    memset(longest, 0, sizeof longest); /* any bytes: a NUL ends nothing */
    slice_t password = slice_make(longest, sizeof longest);
    ask(p, true, account, password);
    assert_true(ask(p, false, account, password).right);
    longest[VAULT_PASSWORD_MAX - 1] = 1;
    assert_false(ask(p, false, account, password).right);
    assert_false(ask(p, false, account, SLICE("")).right);
    verifications = 0;
    assert_false(ask(p, false, id_new(), password).right);
    assert_int_equal(verifications,
                     1); /* as dear as a known account: one hashing of today's cost */
    assert_non_null(strstr(verified, "$argon2id$v=19$m=8,t=1,p=1$"));
    passwords_counts_t c = passwords_counts(p);
    assert_int_equal(c.right, 1);
    assert_int_equal(c.wrong, 3);
    assert_int_equal(c.set, 1);
    assert_int_equal(c.queued, 0);
    passwords_free(p);
}

static void stored_hash(id128_t account, char ret[crypto_pwhash_STRBYTES])
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 65536);
    db_t *db = NULL;
    db_rows_t row;
    GOOD(db_open(url, &db));
    GOOD(db_query_one(db, &a, SQL("SELECT hash FROM password WHERE account = ?1"),
                      DB_ARGS(db_id(&account)), &row));
    snprintf(ret, crypto_pwhash_STRBYTES, "%.*s", SLICE_FMT(db_col_text(&row, 0)));
    db_close(db);
}

static void new_parameters_at_the_next_login(void **state)
{
    (void)state;
    char hash[crypto_pwhash_STRBYTES];
    id128_t account = id_new();
    passwords_t *p = open_with(1, 4);
    ask(p, true, account, SLICE("secret"));
    passwords_free(p);
    p = open_with(3, 4);
    assert_false(ask(p, false, account, SLICE("Secret")).right); /* a wrong one changes nothing */
    stored_hash(account, hash);
    assert_non_null(strstr(hash, "t=1,"));
    assert_true(ask(p, false, account, SLICE("secret")).right);
    stored_hash(account, hash);
    assert_non_null(strstr(hash, "t=3,"));
    assert_true(ask(p, false, account, SLICE("secret")).right);
    passwords_free(p);
}

static void queue_is_bounded(void **state)
{
    (void)state;
    enum { QUEUE = 3 };
    passwords_t *p = open_with(1, QUEUE);
    id128_t account = id_new();
    decode_password_t job = {.account = account, .password = SLICE("secret")};
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < QUEUE + 2; i++) { /* nobody takes an answer meanwhile */
            err_t e = passwords_submit(p, (wire_conn_t){i, 0}, true, &job);
            assert_int_equal(e.code, i < QUEUE ? ERR_NONE : ERR_TOO_MANY);
        }
        unsigned answered = 0;
        while (answered < QUEUE) {
            passwords_done_t done;
            if (passwords_take(p, &done)) {
                GOOD(done.result);
                answered++;
            } else {
                usleep(1000);
            }
        }
    }
    assert_int_equal(passwords_counts(p).refused, 4);
    assert_int_equal(passwords_counts(p).queued, 0);
    passwords_free(p);
}

static int up(void **state)
{
    (void)state;
    test_house_up(&house);
    snprintf(url, sizeof url, "sqlite:%s/passwords.db", house.var);
    return 0;
}

static int down(void **state)
{
    (void)state;
    return test_house_down(&house);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: test_passwords LEDGERD\n");
        return 2;
    }
    house.ledgerd_path = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_wrong_unknown),
        cmocka_unit_test(new_parameters_at_the_next_login),
        cmocka_unit_test(queue_is_bounded),
    };
    return cmocka_run_group_tests(tests, up, down);
}
