/* Evidence that somebody wants to be believed: made by an honest query, then by makers who leave
 * out a record, a page or a customer, add one, or change a byte and sign again. Whatever is
 * accepted must say the truth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/clock.h"
#include "keeper.h"
#include "ledger/api_evidence.h"
#include "query/store.h"
#include "tests/records.h"
#include "tests/tmpdir.h"
#include "verify/evidence.h"

enum { SEGMENT = 256, ADDRESS = 66, TAKEN = 9, PROCESS = 77 };

static tmpdir_t tmp;
static note_key_t key;
static keeper_t keeper;
static query_t *q;
static leak_t leak;
static leak_ask_t question;
static uint8_t sign_key[EVIDENCE_SIGN_KEY], sign_pub[32];

static void add(room_id_t room, const ledger_record_t *rec)
{
    record_add(&keeper, room, rec);
}

/* Reveals of 1,000 customers; every fortieth by the thief's address. */
static void add_traffic(void)
{
    for (uint64_t i = 0; i < 40 * TAKEN; i++) {
        uint8_t mem[128], out_mem[64];
        buf_t facts = BUF_ON_ARRAY(mem), out = BUF_ON_ARRAY(out_mem);
        ledger_fact_i64(&facts, "reveal", (int64_t)i);
        ledger_fact(&facts, "room", i % 40 ? SLICE("office") : SLICE("shop"));
        ledger_fact_i64(&facts, "process", i % 40 ? 5 : PROCESS);
        ledger_fact_i64(&out, "reveal", (int64_t)i);
        ledger_fact_i64(&out, "delivered", 1);
        ledger_record_t rec = {.type = LEDGER_REVEAL_INTENT,
                               .request = id_of(1000 + i),
                               .object = id_of(5000 + i),
                               .subject = id_of(9000 + i),
                               .actor = id_of(20000 + i % 30),
                               .facts = buf_slice(&facts)};
        add(ROOM_VAULT, &rec);
        rec.type = LEDGER_REVEAL_OUTCOME;
        rec.facts = buf_slice(&out);
        if (i % 80 != 40) { /* half of the thief's are only possible */
            add(ROOM_VAULT, &rec);
        }
        add(ROOM_GUARD, &(ledger_record_t){.type = LEDGER_HTTP_REQUEST,
                                           .request = id_of(1000 + i),
                                           .address = id_of(i % 40 ? 70 + i % 7 : ADDRESS),
                                           .facts = SLICE("m=GET&p=/bookings/:id&s=200")});
    }
}

static void ledger_make(void)
{
    static const uint8_t SEED[NOTE_SEED] = {7};
    char why[KEEPER_FAULT];
    CHECK(!err_failed(note_key_init(SLICE("sekisho.local/test"), SEED, &key)));
    keeper_conf_t conf = {.dir = {tmp.path},
                          .key = &key,
                          .profile = "test",
                          .piece_bytes = WAL_PIECE_MIN,
                          .gather_ms = 1,
                          .segment_leaves = SEGMENT};
    CHECK(!err_failed(keeper_open(&keeper, &conf, why)));
    add_traffic();
    int64_t until = clock_wait_us() + 60 * CLOCK_SECOND_US;
    while (keeper_waiting(&keeper) ||
           worker_state(keeper.worker).done < keeper_size(&keeper) / SEGMENT ||
           sealer_state(keeper.sealer).signed_cp.size < keeper_size(&keeper)) {
        if (keeper_waiting(&keeper)) {
            CHECK(!err_failed(keeper_flush(&keeper)));
        }
        keeper_sealed(&keeper);
        CHECK(clock_wait_us() < until);
        usleep(500);
    }
    keeper_close(&keeper);
}

static void ask(void)
{
    char why[QUERY_FAULT];
    CHECK(!err_failed(query_open(tmp.path, NULL, why, &q)));
    question = (leak_ask_t){.from_us = INT64_MIN, .to_us = INT64_MAX, .address = id_of(ADDRESS)};
    CHECK(!err_failed(query_leak(q, &question, &leak)));
}

static int setup(void **state)
{
    tmp = tmpdir_make();
    CHECK(sodium_init() >= 0);
    crypto_sign_keypair(sign_pub, sign_key);
    ledger_make();
    ask();
    return 0;
}

static int teardown(void **state)
{
    query_close(q);
    tmpdir_remove(&tmp);
    return 0;
}

static slice_t made(const leak_t *answer)
{
    uint8_t *bytes;
    size_t len;
    evidence_t e = {EVIDENCE_LEAK, &question, answer, SLICE("{}"), sign_key};
    err_t failure = query_evidence(q, &e, &bytes, &len);
    if (err_failed(failure)) {
        fail_msg("%s:%d", failure.where, failure.line);
    }
    return slice_make(bytes, len);
}

typedef struct said {
    size_t certain, possible, wrong;
} said_t;

/* What a checked file says of whom; wrong: of whom it is not true. */
static bool accepted(slice_t bytes, said_t *ret, const char **ret_what)
{
    vevidence_t e;
    *ret = (said_t){0};
    *ret_what = "";
    err_t failure = vevidence_open(bytes, &e, ret_what);
    if (!err_failed(failure)) {
        failure = vevidence_complete(&e, ret_what);
    }
    if (!err_failed(failure)) {
        failure = vevidence_judge(&e, ret_what);
    }
    for (size_t i = 0; i < e.answer_count && !err_failed(failure); i++) {
        uint64_t n;
        memcpy(&n, e.answer[i].subject.b, sizeof n);
        bool taken = n >= 9000 && (n - 9000) % 40 == 0;
        unsigned is = !taken ? 2 : (n - 9000) % 80 == 40 ? 1 : 0;
        ret->certain += e.answer[i].class_ == 0;
        ret->possible += e.answer[i].class_ == 1;
        ret->wrong += e.answer[i].class_ != is;
    }
    vevidence_free(&e);
    return !err_failed(failure);
}

static bool true_or_refused(slice_t bytes)
{
    said_t said;
    const char *what;
    return !accepted(bytes, &said, &what) ||
           (said.certain == (TAKEN + 1) / 2 && said.possible == TAKEN / 2 && !said.wrong);
}

static void test_honest(void **state)
{
    said_t said;
    const char *what;
    slice_t bytes = made(&leak);
    if (!accepted(bytes, &said, &what)) {
        fail_msg("%s", what);
    }
    assert_int_equal(said.certain, (TAKEN + 1) / 2);
    assert_int_equal(said.possible, TAKEN / 2);
    assert_int_equal(said.wrong, 0);
    vfile_free(&bytes);
}

/* A maker who takes one record out of what is shown, with a proof that fits the rest. */
static void test_record_left_out(void **state)
{
    unsigned refused = 0;
    for (uint64_t seq = 0, nth = 0; seq < q->cp.size; seq++) {
        const query_record_t *record = store_known(q, seq);
        if (!record || nth++ % (1 + q->record_count / 251)) {
            continue;
        }
        const query_record_t **place = &q->shelves[seq / VTILE]->at[seq % VTILE];
        *place = NULL;
        slice_t bytes = made(&leak);
        said_t said;
        const char *what;
        /* what no index covers, and GENESIS, is looked at again for the chain of keys */
        bool taken = accepted(bytes, &said, &what);
        assert_true(!taken || record->type == LEDGER_GENESIS || seq >= q->tail_first);
        refused += !taken;
        vfile_free(&bytes);
        *place = record;
    }
    assert_true(refused > 10);
}

static void test_page_left_out(void **state)
{
    unsigned refused = 0, shown = 0, turn = 0;
    for (uint64_t s = 0; s < q->segment_count; s++) {
        for (uint32_t p = 0; p < q->segments[s].record.pages; p++) {
            if (!q->segments[s].used[p] || turn++ % 2) {
                continue;
            }
            q->segments[s].used[p] = 0;
            slice_t bytes = made(&leak);
            said_t said;
            const char *what;
            shown++;
            refused += !accepted(bytes, &said, &what);
            assert_true(true_or_refused(bytes));
            vfile_free(&bytes);
            q->segments[s].used[p] = 1;
        }
    }
    assert_true(shown > 5 && refused > 2);
}

/* A question fewer: one that the answer rests on is missed. */
static void test_question_left_out(void **state)
{
    size_t n = q->ask_count;
    unsigned refused = 0;
    slice_t first = made(&leak); /* sorts the questions */
    vfile_free(&first);
    n = q->ask_count;
    for (size_t i = 0; i < n; i += 1 + n / 61) {
        query_ask_t left = q->asks[i];
        q->asks[i] = q->asks[0];
        slice_t bytes = made(&leak);
        said_t said;
        const char *what;
        refused += !accepted(bytes, &said, &what);
        assert_true(true_or_refused(bytes));
        vfile_free(&bytes);
        q->asks[q->ask_count++] = left;
        assert_true(q->ask_count <= q->ask_cap);
    }
    assert_true(refused > 10);
}

static void test_answer_altered(void **state)
{
    leak_t other = leak;
    leak_subject_t *rows = malloc((leak.subject_count + 1) * sizeof *rows);
    for (size_t i = 0; i < leak.subject_count; i++) {
        if (leak.subjects[i].class_ == LEAK_INFERABLE) {
            continue;
        }
        said_t said;
        const char *what;
        memcpy(rows, leak.subjects, leak.subject_count * sizeof *rows);
        memmove(rows + i, rows + i + 1, (leak.subject_count - i - 1) * sizeof *rows);
        other.subjects = rows;
        other.subject_count = leak.subject_count - 1; /* one fewer */
        slice_t bytes = made(&other);
        assert_false(accepted(bytes, &said, &what));
        vfile_free(&bytes);
        memcpy(rows, leak.subjects, leak.subject_count * sizeof *rows);
        rows[i].class_ = rows[i].class_ == LEAK_CERTAIN ? LEAK_POSSIBLE : LEAK_CERTAIN;
        other.subject_count = leak.subject_count;
        bytes = made(&other);
        assert_false(accepted(bytes, &said, &what));
        vfile_free(&bytes);
    }
    memcpy(rows, leak.subjects, leak.subject_count * sizeof *rows);
    rows[leak.subject_count] = (leak_subject_t){.subject = id_of(9001), .class_ = LEAK_CERTAIN};
    other.subject_count = leak.subject_count + 1; /* one who was not taken */
    slice_t bytes = made(&other);
    said_t said;
    const char *what;
    assert_false(accepted(bytes, &said, &what));
    vfile_free(&bytes);
    free(rows);
}

/* Other questions that come to the same people: by process; and a shop that was taken over,
 * whatever address is asked for. Each is accepted whole, and with nobody left out or softened. */
static void test_other_questions(void **state)
{
    const leak_ask_t before = question,
                     asks[] = {{.from_us = INT64_MIN, .to_us = INT64_MAX, .process = PROCESS},
                               {.from_us = INT64_MIN,
                                .to_us = INT64_MAX,
                                .address = id_of(ADDRESS + 1000),
                                .exposures = {{LEAK_HOST_SHOP, INT64_MIN, INT64_MAX}},
                                .exposure_count = 1}};
    for (size_t i = 0; i < BASE_COUNT(asks); i++) {
        leak_t answer;
        said_t said;
        const char *what;
        question = asks[i];
        CHECK(!err_failed(query_leak(q, &question, &answer)));
        slice_t bytes = made(&answer);
        if (!accepted(bytes, &said, &what)) {
            fail_msg("%zu: %s", i, what);
        }
        assert_int_equal(said.certain, (TAKEN + 1) / 2);
        assert_int_equal(said.possible, TAKEN / 2);
        assert_int_equal(said.wrong, 0);
        vfile_free(&bytes);
        for (size_t k = 0; k < (TAKEN + 1) / 2 + TAKEN / 2; k++) { /* the strongest stand first */
            leak_subject_t row = answer.subjects[k];
            answer.subjects[k].class_ = LEAK_INFERABLE;
            bytes = made(&answer);
            assert_false(accepted(bytes, &said, &what));
            vfile_free(&bytes);
            answer.subjects[k] = answer.subjects[answer.subject_count - 1];
            answer.subject_count--;
            bytes = made(&answer);
            assert_false(accepted(bytes, &said, &what));
            vfile_free(&bytes);
            answer.subjects[answer.subject_count++] = answer.subjects[k];
            answer.subjects[k] = row;
        }
    }
    question = before;
}

/* Keys that were copied before the time asked for: everybody, or it is refused. */
static void test_all_or_refused(void **state)
{
    const leak_ask_t before = question;
    leak_t answer;
    said_t said;
    const char *what;
    int64_t last = query_scope(q).last_us;
    question = (leak_ask_t){.from_us = last + 10,
                            .to_us = last + 20,
                            .exposures = {{LEAK_HOST_VAULT, last + 1, last + 2}},
                            .exposure_count = 1};
    CHECK(!err_failed(query_leak(q, &question, &answer)));
    assert_true(answer.all);
    assert_int_equal(answer.count[LEAK_POSSIBLE], 40 * TAKEN);
    slice_t bytes = made(&answer);
    if (!accepted(bytes, &said, &what)) {
        fail_msg("%s", what);
    }
    assert_int_equal(said.possible, 40 * TAKEN);
    vfile_free(&bytes);
    answer.subject_count--;
    bytes = made(&answer);
    assert_false(accepted(bytes, &said, &what));
    vfile_free(&bytes);
    question = before;
}

static void sign_again(uint8_t *bytes, size_t len)
{
    static const char CONTEXT[] = "sekisho evidence v1\n";
    uint8_t text[sizeof CONTEXT - 1 + crypto_hash_sha256_BYTES];
    memcpy(text, CONTEXT, sizeof CONTEXT - 1);
    memcpy(bytes + len - 96, sign_pub, 32);
    crypto_hash_sha256(text + sizeof CONTEXT - 1, bytes, len - 64);
    crypto_sign_detached(bytes + len - 64, NULL, text, sizeof text, sign_key);
}

/* Bytes changed, and signed anew by whoever changed them; cut anywhere. */
static void test_bytes_changed(void **state)
{
    slice_t bytes = made(&leak);
    uint8_t *copy = malloc(bytes.len);
    unsigned refused = 0, tried = 0;
    size_t step = 1 + bytes.len / 401;
    for (size_t at = 0; at < bytes.len; at += step) {
        said_t said;
        const char *what;
        memcpy(copy, bytes.ptr, bytes.len);
        copy[at] ^= (uint8_t)(1U << at % 8);
        assert_false(accepted(slice_make(copy, bytes.len), &said, &what)); /* not signed */
        sign_again(copy, bytes.len);
        tried++;
        refused += !accepted(slice_make(copy, bytes.len), &said, &what);
        assert_true(true_or_refused(slice_make(copy, bytes.len)));
    }
    assert_true(refused > tried * 9 / 10);
    for (size_t len = 0; len < bytes.len; len += 1 + bytes.len / 199) {
        said_t said;
        const char *what;
        memcpy(copy, bytes.ptr, len);
        if (len > 96) {
            sign_again(copy, len);
        }
        assert_false(accepted(slice_make(copy, len), &said, &what));
    }
    free(copy);
    vfile_free(&bytes);
}

/* Keys that somebody kept; a file that is none. */
static void test_keys(void **state)
{
    static vevidence_report_t r;
    char file[128], log_key[128], signer[128], other[128], hex[65], line[80];
    slice_t bytes = made(&leak);
    snprintf(file, sizeof file, "%s/evidence", tmp.path);
    snprintf(log_key, sizeof log_key, "%s/public/ledger.vkey", tmp.path);
    snprintf(signer, sizeof signer, "%s/signer", tmp.path);
    snprintf(other, sizeof other, "%s/other", tmp.path);
    const struct {
        const char *name;
        slice_t text;
    } files[] = {
        {file, bytes},
        {signer, slice_make(line, (size_t)snprintf(line, sizeof line, "ed25519 %s\n",
                                                   sodium_bin2hex(hex, sizeof hex, sign_pub, 32)))},
        {other, SLICE("ed25519 "
                      "00000000000000000000000000000000000000000000000000000000000000"
                      "00\n")}};
    for (size_t i = 0; i < BASE_COUNT(files); i++) {
        int fd = open(files[i].name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, files[i].text.ptr, files[i].text.len), files[i].text.len);
        close(fd);
    }
    vevidence_check(file, log_key, signer, &r);
    assert_int_equal(r.verdict, VERDICT_OK);
    assert_int_equal(r.certain, (TAKEN + 1) / 2);
    vevidence_check(file, NULL, NULL, &r);
    assert_int_equal(r.verdict, VERDICT_OK);
    assert_false(r.key_given);
    vevidence_check(file, other, signer, &r); /* no key at all; test_chain.c has other keys */
    assert_int_equal(r.verdict, VERDICT_INCOMPLETE);
    vevidence_check(file, log_key, other, &r);
    assert_int_equal(r.verdict, VERDICT_TAMPERED);
    vevidence_check(signer, log_key, signer, &r);
    assert_int_equal(r.verdict, VERDICT_TAMPERED);
    vevidence_check("/nonexistent", log_key, signer, &r);
    assert_int_equal(r.verdict, VERDICT_INCOMPLETE);
    vfile_free(&bytes);
}

/* The proof of many leaves against the plain root, and changed ones. */
static void test_proofs(void **state)
{
    for (uint64_t size = 1; size < 40; size++) {
        uint8_t hashes[40][32], root[32], got[32];
        vtree_t *tree = calloc(1, sizeof *tree);
        for (uint64_t i = 0; i < size; i++) {
            vtree_leaf_hash(slice_make(&i, sizeof i), hashes[i]);
        }
        vproof_leaf_t all[40];
        for (uint64_t i = 0; i < size; i++) {
            all[i].index = i;
            memcpy(all[i].hash, hashes[i], 32);
        }
        assert_false(err_failed(vproof_root(size, all, size, SLICE_EMPTY, root)));
        for (uint64_t one = 0; one < size; one++) { /* all but one */
            vproof_leaf_t some[40];
            size_t n = 0;
            for (uint64_t i = 0; i < size; i++) {
                if (i != one) {
                    some[n++] = all[i];
                }
            }
            assert_false(err_failed(vproof_root(size, some, n, slice_make(hashes[one], 32), got)));
            assert_memory_equal(got, root, 32);
            assert_true(err_failed(vproof_root(size, some, n, SLICE_EMPTY, got)));
            if (n > 1) {
                vproof_leaf_t swap = some[0];
                some[0] = some[1];
                some[1] = swap;
                assert_true(
                    err_failed(vproof_root(size, some, n, slice_make(hashes[one], 32), got)));
            }
        }
        free(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_honest),
        cmocka_unit_test(test_record_left_out),
        cmocka_unit_test(test_page_left_out),
        cmocka_unit_test(test_question_left_out),
        cmocka_unit_test(test_answer_altered),
        cmocka_unit_test(test_bytes_changed),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_proofs),
        cmocka_unit_test(test_other_questions),
        cmocka_unit_test(test_all_or_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
