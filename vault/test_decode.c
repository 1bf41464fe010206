/* The boundary: what is not of the contract is refused whole; which room may ask for what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decode.h"
#include "roles.h"

static uint8_t mem[WIRE_MAX_BYTES];

static vault_item_t item(slice_t table, slice_t column, size_t bytes)
{
    static uint8_t content[VAULT_PLAIN_MAX + VAULT_OVERHEAD_MAX + 1];
    return (vault_item_t){.subject = id_new(),
                          .table = table,
                          .column = column,
                          .row = id_new(),
                          .bytes = slice_make(content, bytes)};
}

static slice_t reveal_body(const vault_item_t *items, size_t n, unsigned purpose)
{
    buf_t b = BUF_ON_ARRAY(mem);
    vault_context_t ctx = {.request = id_new(), .purpose = (vault_purpose_t)purpose};
    vault_context_put(&b, &ctx);
    buf_u16(&b, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        vault_item_put(&b, &items[i]);
    }
    assert_false(b.full);
    return buf_slice(&b);
}

static err_t decode(slice_t bytes, decode_items_t *ret)
{
    static arena_t a;
    arena_reset(&a);
    arena_init(&a, 1 << 20);
    cursor_t body = cur_on(bytes);
    vault_context_t ctx;
    return decode_reveal(&a, &body, &ctx, ret);
}

static void every_cut_and_left_over_is_refused(void **state)
{
    (void)state;
    vault_item_t items[2] = {item(SLICE("t"), SLICE("c"), 5), item(SLICE("t2"), SLICE("c2"), 0)};
    slice_t whole = reveal_body(items, 2, VAULT_FOR_MAIL);
    decode_items_t got;
    assert_false(err_failed(decode(whole, &got)));
    assert_int_equal(got.n, 2);
    assert_true(id_eq(got.items[1].row, items[1].row));
    assert_true(slice_eq(got.items[1].column, SLICE("c2")));
    for (size_t len = 0; len < whole.len; len++) {
        assert_true(err_is(decode(slice_make(whole.ptr, len), &got), ERR_SYNTAX));
    }
    mem[whole.len] = 0;
    assert_true(err_is(decode(slice_make(mem, whole.len + 1), &got), ERR_SYNTAX));
}

static void bounds_and_names(void **state)
{
    (void)state;
    static char longest[VAULT_NAME_MAX + 1];
    memset(longest, 'a', sizeof longest);
    struct {
        const char *name;
        slice_t table;
        size_t bytes;
        unsigned purpose;
        bool fine;
    } rows[] = {
        {"plain", SLICE("booking_pax2"), 9, 1, true},
        {"longest name", slice_make(longest, VAULT_NAME_MAX), 9, 5, true},
        {"too long a name", slice_make(longest, VAULT_NAME_MAX + 1), 9, 1, false},
        {"empty name", SLICE_EMPTY, 9, 1, false},
        {"upper case", SLICE("Pax"), 9, 1, false},
        {"a line end", SLICE("pax\n"), 9, 1, false},
        {"an ampersand", SLICE("pax&x=1"), 9, 1, false},
        {"not ASCII", SLICE("名"), 9, 1, false},
        {"most bytes", SLICE("t"), VAULT_PLAIN_MAX + VAULT_OVERHEAD_MAX, 1, true},
        {"too many bytes", SLICE("t"), VAULT_PLAIN_MAX + VAULT_OVERHEAD_MAX + 1, 1, false},
        {"no purpose", SLICE("t"), 9, 0, false},
        {"unknown purpose", SLICE("t"), 9, 6, false},
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        decode_items_t got;
        vault_item_t one = item(rows[i].table, SLICE("c"), rows[i].bytes);
        err_t e = decode(reveal_body(&one, 1, rows[i].purpose), &got);
        if (err_failed(e) == rows[i].fine) {
            fail_msg("%s: %s", rows[i].name, err_name(e.code));
        }
        one = item(SLICE("t"), rows[i].table, rows[i].bytes);
        e = decode(reveal_body(&one, 1, rows[i].purpose), &got);
        assert_int_equal(err_failed(e), !rows[i].fine);
    }
    static vault_item_t many[VAULT_BATCH_MAX + 1];
    for (size_t i = 0; i < BASE_COUNT(many); i++) {
        many[i] = item(SLICE("t"), SLICE("c"), 1);
    }
    decode_items_t got;
    assert_true(err_is(decode(reveal_body(many, 0, 1), &got), ERR_SYNTAX));
    assert_false(err_failed(decode(reveal_body(many, VAULT_BATCH_MAX, 1), &got)));
    assert_true(err_is(decode(reveal_body(many, VAULT_BATCH_MAX + 1, 1), &got), ERR_SYNTAX));
}

static void a_plain_has_a_smaller_bound_than_a_sealed(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 1 << 20);
    for (size_t more = 0; more < 2; more++) {
        buf_t b = BUF_ON_ARRAY(mem);
        vault_item_t one = item(SLICE("t"), SLICE("c"), VAULT_PLAIN_MAX + more);
        buf_u16(&b, 1);
        vault_item_put(&b, &one);
        cursor_t body = cur_on(buf_slice(&b));
        decode_items_t got;
        assert_int_equal(err_failed(decode_seal(&a, &body, &got)), more);
    }
}

static void passwords_and_payloads(void **state)
{
    (void)state;
    static uint8_t content[VAULT_PAYLOAD_MAX + 1];
    for (size_t len = 0; len <= VAULT_PASSWORD_MAX + 1; len++) {
        buf_t b = BUF_ON_ARRAY(mem);
        buf_put(&b, slice_make(content, 2 * ID_BYTES));
        buf_str16(&b, slice_make(content, len));
        cursor_t body = cur_on(buf_slice(&b));
        decode_password_t got;
        bool fine = len > 0 && len <= VAULT_PASSWORD_MAX;
        assert_int_equal(err_failed(decode_password(&body, &got)), !fine);
    }
    for (size_t more = 0; more < 2; more++) {
        buf_t b = BUF_ON_ARRAY(mem);
        buf_put(&b, slice_make(content, ID_BYTES));
        buf_str16(&b, slice_make(content, VAULT_PAYLOAD_MAX + more));
        cursor_t body = cur_on(buf_slice(&b));
        decode_payload_t got;
        assert_int_equal(err_failed(decode_payload(&body, &got)), more);
    }
}

static void blind_kinds(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 1 << 20);
    for (unsigned kind = 0; kind < 6; kind++) {
        buf_t b = BUF_ON_ARRAY(mem);
        buf_u16(&b, 1);
        buf_u8(&b, (uint8_t)kind);
        buf_str16(&b, SLICE("x"));
        cursor_t body = cur_on(buf_slice(&b));
        decode_blind_t got;
        assert_int_equal(err_failed(decode_blind(&a, &body, &got)), kind < 1 || kind > 3);
    }
}

/* The table once more, by hand: a row that somebody widens fails here. */
static void rooms_and_kinds(void **state)
{
    (void)state;
    static const struct {
        room_id_t room;
        unsigned may[9];
    } ROWS[] = {
        {ROOM_SHOP,
         {VAULT_SUBJECT_NEW, VAULT_PSEUDONYM, VAULT_SEAL, VAULT_REVEAL, VAULT_BLIND,
          VAULT_PASSWORD_SET, VAULT_PASSWORD_CHECK, VAULT_PAYLOAD_SEAL}},
        {ROOM_TEST,
         {VAULT_SUBJECT_NEW, VAULT_PSEUDONYM, VAULT_SEAL, VAULT_REVEAL, VAULT_BLIND,
          VAULT_PASSWORD_SET, VAULT_PASSWORD_CHECK, VAULT_PAYLOAD_SEAL}},
        {ROOM_OFFICE, {VAULT_PSEUDONYM, VAULT_REVEAL}},
        {ROOM_PAY, {VAULT_PSEUDONYM}},
        {ROOM_COMMAND, {VAULT_PSEUDONYM}},
        {ROOM_GUARD, {0}},
        {ROOM_LEDGER, {0}},
        {ROOM_INSPECT, {0}},
        {ROOM_NONE, {0}},
    };
    static const unsigned REQUESTS[] = {VAULT_SUBJECT_NEW,    VAULT_PSEUDONYM,   VAULT_SEAL,
                                        VAULT_REVEAL,         VAULT_BLIND,       VAULT_PASSWORD_SET,
                                        VAULT_PASSWORD_CHECK, VAULT_PAYLOAD_SEAL};
    for (size_t r = 0; r < BASE_COUNT(ROWS); r++) {
        for (size_t k = 0; k < BASE_COUNT(REQUESTS); k++) {
            bool may = false;
            for (size_t i = 0; ROWS[r].may[i]; i++) {
                may = may || ROWS[r].may[i] == REQUESTS[k];
            }
            err_t e = roles_check(ROWS[r].room, REQUESTS[k]);
            assert_int_equal(e.code, may ? ERR_NONE : ERR_DENIED);
        }
    }
    assert_true(err_is(roles_check(ROOM_SHOP, VAULT_REVEALED), ERR_SYNTAX));
    assert_true(err_is(roles_check(ROOM_SHOP, 0), ERR_SYNTAX));
    assert_true(err_is(roles_check(ROOM_SHOP, 9999), ERR_SYNTAX));
}

static void purposes_have_names(void **state)
{
    (void)state;
    assert_string_equal(vault_purpose_name(VAULT_FOR_DESK), "DESK");
    assert_string_equal(vault_purpose_text(VAULT_FOR_MAIL), "a letter to the customer");
    assert_string_equal(vault_purpose_name(77), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_and_left_over_is_refused),
        cmocka_unit_test(bounds_and_names),
        cmocka_unit_test(a_plain_has_a_smaller_bound_than_a_sealed),
        cmocka_unit_test(passwords_and_payloads),
        cmocka_unit_test(blind_kinds),
        cmocka_unit_test(rooms_and_kinds),
        cmocka_unit_test(purposes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
