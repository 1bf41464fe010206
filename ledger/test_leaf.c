/* Leaves: writer's form, both readers, canonical in every respect; and CRC-32C. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crc32c.h"
#include "leaf.h"
#include "verify/verify.h"

static leaf_t sample(slice_t facts, slice_t payload)
{
    leaf_t leaf = {.boot = id_new(), .mono_us = 123456789};
    leaf.entry = (ledger_entry_t){42, 1700000000000000, ROOM_PAY, {.type = LEDGER_PAY_STATE}};
    leaf.entry.rec.request = id_new();
    leaf.entry.rec.object = id_new();
    leaf.entry.rec.count = 3;
    leaf.entry.rec.facts = facts;
    leaf.entry.rec.payload = payload;
    leaf.extra = (leaf_extra_t){.has_note_key = true, .has_index = true, .index_segment = 7};
    leaf.has_mac = true;
    leaf.mac_number = 99;
    memset(leaf.mac, 'm', sizeof leaf.mac);
    return leaf;
}

static void round_trip(void **state)
{
    static uint8_t mem[70000], payload[LEDGER_PAYLOAD_MAX], facts[LEDGER_TEXT_MAX];
    memset(facts, 'f', sizeof facts);
    const slice_t all_facts[] = {SLICE_EMPTY, SLICE("state=CAPTURED"),
                                 slice_make(facts, sizeof facts)};
    const slice_t payloads[] = {SLICE_EMPTY, SLICE("\0"), slice_make(payload, sizeof payload)};
    for (size_t i = 0; i < 9; i++) {
        buf_t b = BUF_ON_ARRAY(mem);
        leaf_t in = sample(all_facts[i / 3], payloads[i % 3]), out;
        vleaf_t other;
        leaf_put(&b, &in);
        assert_false(b.full);
        assert_false(err_failed(leaf_get(buf_slice(&b), &out)));
        assert_true(id_eq(in.boot, out.boot) && in.mono_us == out.mono_us);
        assert_true(out.entry.seq == 42 && out.entry.room == ROOM_PAY &&
                    out.entry.time_us == in.entry.time_us && out.entry.rec.count == 3);
        assert_true(id_eq(in.entry.rec.object, out.entry.rec.object));
        assert_true(slice_eq(in.entry.rec.facts, out.entry.rec.facts) &&
                    slice_eq(in.entry.rec.payload, out.entry.rec.payload));
        assert_false(err_failed(vleaf_parse(buf_slice(&b), &other)));
        assert_true(other.seq == 42 && other.room == ROOM_PAY && other.type == LEDGER_PAY_STATE);
        assert_true(out.extra.has_note_key && out.extra.index_segment == 7 && out.mac_number == 99);
        assert_int_equal(other.before_mac.len, b.len - LEAF_MAC_BYTES);
    }
}

/* What one reader takes, the other takes, and writing it again gives the same bytes: no leaf has
 * two forms. Every single-byte change and every cut of a leaf goes through. */
static void one_form(void **state)
{
    uint8_t mem[512], again[512];
    leaf_t leaf = sample(SLICE("a=b"), SLICE("p")), out;
    vleaf_t other;
    buf_t b = BUF_ON_ARRAY(mem);
    leaf_put(&b, &leaf);
    for (size_t i = 0; i < b.len; i++) {
        uint8_t kept = mem[i];
        for (unsigned v = 0; v < 256; v++) {
            mem[i] = (uint8_t)v;
            bool one = !err_failed(leaf_get(buf_slice(&b), &out));
            bool two = !err_failed(vleaf_parse(buf_slice(&b), &other));
            assert_int_equal(one, two);
            if (one) {
                buf_t w = BUF_ON_ARRAY(again);
                leaf_put(&w, &out);
                assert_true(slice_eq(buf_slice(&w), buf_slice(&b)));
            }
        }
        mem[i] = kept;
        assert_true(err_failed(leaf_get(slice_make(mem, i), &out)) ||
                    !err_failed(vleaf_parse(slice_make(mem, i), &other)));
    }
}

static void refused(void **state)
{
    static const struct {
        const char *name;
        slice_t bytes;
        unsigned code;
    } CASES[] = {
        {"empty", SLICE(""), ERR_SYNTAX},
        {"head only", SLICE("\1\0\0\1"), ERR_SYNTAX},
        {"version 2", SLICE("\2\0\0\1"), ERR_VERSION},
        {"a flag", SLICE("\1\1\0\1"), ERR_VERSION},
        {"a tag that nobody has", SLICE("\1\0\0\1\x22\0\1x"), ERR_VERSION},
        {"MAC of one byte", SLICE("\1\0\0\1\x7f\0\1x"), ERR_SYNTAX},
        {"length beyond the end",
         SLICE("\1\0\0\1\1\0\x08"
               "1234567"),
         ERR_SYNTAX},
        {"seq of 7 bytes",
         SLICE("\1\0\0\1\1\0\7"
               "1234567"),
         ERR_SYNTAX},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        leaf_t out;
        vleaf_t other;
        assert_int_equal(leaf_get(CASES[i].bytes, &out).code, CASES[i].code);
        assert_int_equal(vleaf_parse(CASES[i].bytes, &other).code, CASES[i].code);
    }
}

/* What --dump prints can neither start a line nor steer a terminal nor break JSON. */
static void dump_is_safe(void **state)
{
    uint8_t mem[1024], text[8192];
    vleaf_t leaf;
    for (unsigned c = 1; c < 256; c++) {
        char facts[] = {'a', '=', (char)c, '"', '\\', '\0'};
        buf_t b = BUF_ON_ARRAY(mem), out = BUF_ON_ARRAY(text);
        leaf_t in = sample(slice_cstr_in(facts), SLICE_EMPTY);
        leaf_put(&b, &in);
        assert_false(err_failed(vleaf_parse(buf_slice(&b), &leaf)));
        vleaf_print(&leaf, true, c % 2, &out);
        assert_false(out.full);
        for (size_t i = 0; i + 1 < out.len; i++) {
            assert_true(text[i] >= 0x20 && text[i] < 0x7f);
        }
        assert_int_equal(text[out.len - 1], '\n');
        assert_true(slice_find(buf_slice(&out), SLICE("\\\\")) == SIZE_MAX);
    }
}

static void crc(void **state)
{
    uint8_t mem[100];
    assert_int_equal(crc32c(0, SLICE("123456789")), 0xe3069283U);
    for (size_t i = 0; i < sizeof mem; i++) {
        mem[i] = (uint8_t)(i * 37);
        slice_t s = slice_make(mem, i + 1);
        assert_int_equal(crc32c(0, s), crc32c_table(0, s));
        assert_int_equal(crc32c(0, s),
                         crc32c(crc32c(0, slice_sub(s, 0, i / 2)), slice_from(s, i / 2)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),   cmocka_unit_test(one_form), cmocka_unit_test(refused),
        cmocka_unit_test(dump_is_safe), cmocka_unit_test(crc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
