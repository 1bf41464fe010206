/* The contract's codec: round trips, refusals, facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger/api.h"

static id128_t some_id(uint8_t v)
{
    id128_t id = id_zero();
    if (v) {
        memset(id.b, v, sizeof id.b);
    }
    return id;
}

static void same_record(const ledger_record_t *a, const ledger_record_t *b)
{
    assert_int_equal(a->type, b->type);
    assert_true(id_eq(a->request, b->request) && id_eq(a->object, b->object) &&
                id_eq(a->parent, b->parent) && id_eq(a->subject, b->subject) &&
                id_eq(a->actor, b->actor) && id_eq(a->address, b->address));
    assert_int_equal(a->count, b->count);
    assert_true(slice_eq(a->facts, b->facts) && slice_eq(a->payload, b->payload));
}

static ledger_record_t sample(unsigned mask, slice_t facts, slice_t payload)
{
    return (ledger_record_t){.type = LEDGER_BOOKING_CREATED,
                             .request = some_id(mask & 1 ? 1 : 0),
                             .object = some_id(mask & 2 ? 2 : 0),
                             .parent = some_id(mask & 4 ? 3 : 0),
                             .subject = some_id(mask & 8 ? 4 : 0),
                             .actor = some_id(mask & 16 ? 5 : 0),
                             .address = some_id(mask & 32 ? 6 : 0),
                             .count = mask * 7,
                             .facts = facts,
                             .payload = payload};
}

static void records_come_back(void **state)
{
    static uint8_t mem[65536], payload[LEDGER_PAYLOAD_MAX], facts[LEDGER_TEXT_MAX];
    memset(payload, 0, sizeof payload);
    memset(facts, 'x', sizeof facts);
    const slice_t all_facts[] = {SLICE_EMPTY, SLICE("a=1&b=2"), slice_make(facts, sizeof facts)};
    const slice_t payloads[] = {SLICE_EMPTY, SLICE("\0\xff\n"),
                                slice_make(payload, sizeof payload)};
    for (unsigned mask = 0; mask < 64; mask++) {
        for (size_t i = 0; i < 9; i++) {
            buf_t b = BUF_ON_ARRAY(mem);
            ledger_record_t rec = sample(mask, all_facts[i / 3], payloads[i % 3]);
            ledger_entry_t in = {UINT64_C(1) << 40, -5, ROOM_SHOP, rec};
            ledger_entry_put(&b, &in);
            assert_false(b.full);
            cursor_t c = cur_on(buf_slice(&b));
            ledger_entry_t out = ledger_entry_get(&c);
            assert_false(err_failed(cur_end(&c)));
            assert_true(out.seq == in.seq && out.time_us == in.time_us && out.room == in.room);
            same_record(&in.rec, &out.rec);
            for (size_t cut = 0; cut < b.len && b.len < 200; cut++) { /* nothing shorter decodes */
                c = cur_on(slice_make(mem, cut));
                ledger_entry_get(&c);
                assert_true(c.bad);
            }
        }
    }
}

static void bad_records_do_not(void **state)
{
    uint8_t mem[256];
    static const struct {
        const char *name;
        slice_t bytes;
    } CASES[] = {
        {"unknown id bit", SLICE("\x22\0\x40"
                                 "\0\0\0\0"
                                 "\0\0"
                                 "\0\0")},
        {"zero id said to be there", SLICE("\x22\0\x01"
                                           "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                           "\0\0\0\0"
                                           "\0\0"
                                           "\0\0")},
        {"newline in facts", SLICE("\x22\0\0"
                                   "\0\0\0\0"
                                   "\3\0a\nb"
                                   "\0\0")},
        {"escape in facts", SLICE("\x22\0\0"
                                  "\0\0\0\0"
                                  "\1\0\x1b"
                                  "\0\0")},
        {"space in facts", SLICE("\x22\0\0"
                                 "\0\0\0\0"
                                 "\1\0 "
                                 "\0\0")},
        {"UTF-8 in facts", SLICE("\x22\0\0"
                                 "\0\0\0\0"
                                 "\2\0\xc3\xa9"
                                 "\0\0")},
        {"facts too long", SLICE("\x22\0\0"
                                 "\0\0\0\0"
                                 "\1\4")},
        {"payload too long", SLICE("\x22\0\0"
                                   "\0\0\0\0"
                                   "\0\0"
                                   "\1\x80")},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        cursor_t c = cur_on(CASES[i].bytes);
        ledger_record_get(&c);
        if (!c.bad) {
            fail_msg("%s", CASES[i].name);
        }
    }
    ledger_record_t rec = {.type = LEDGER_ALARM, .facts = SLICE("a=\x7f")};
    buf_t b = BUF_ON_ARRAY(mem);
    ledger_record_put(&b, &rec);
    assert_true(b.full);
    b = BUF_ON_ARRAY(mem);
    ledger_append_put(&b, true, &rec, 0);
    assert_true(b.full);
}

static void facts_are_encoded(void **state)
{
    uint8_t mem[128];
    buf_t b = BUF_ON_ARRAY(mem);
    ledger_fact(&b, "path", SLICE("/tours/42?q=\xe9\n&="));
    ledger_fact_i64(&b, "n", -7);
    assert_true(slice_eq(buf_slice(&b), SLICE("path=/tours/42%3Fq%3D%E9%0A%26%3D&n=-7")));
}

static void types_are_a_table(void **state)
{
    assert_string_equal(ledger_type_name(LEDGER_REVEAL_INTENT), "REVEAL_INTENT");
    assert_true(ledger_type_durable(LEDGER_REVEAL_INTENT));
    assert_false(ledger_type_durable(LEDGER_HTTP_REQUEST));
    assert_string_equal(ledger_type_name(65000), "UNKNOWN");
    assert_false(ledger_type_durable(65000));
}

static void status_comes_back(void **state)
{
    uint8_t mem[256];
    buf_t b = BUF_ON_ARRAY(mem);
    ledger_status_t in = {10, 9, {1, 2, 3}, 77, false, "no space", 5, 2};
    ledger_status_put(&b, &in);
    cursor_t c = cur_on(buf_slice(&b));
    ledger_status_t out = ledger_status_get(&c);
    assert_false(err_failed(cur_end(&c)));
    assert_true(out.size == in.size && out.checkpoint_size == in.checkpoint_size &&
                out.checkpoint_us == in.checkpoint_us && out.accepting == in.accepting);
    assert_memory_equal(in.root, out.root, sizeof in.root);
    assert_string_equal(in.reason, out.reason);
    assert_true(out.minimum == 5 && out.holds == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back), cmocka_unit_test(bad_records_do_not),
        cmocka_unit_test(facts_are_encoded), cmocka_unit_test(types_are_a_table),
        cmocka_unit_test(status_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
