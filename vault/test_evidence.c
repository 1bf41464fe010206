/* Sealed evidence at the real vaultd: its sheet, its half of an opening, destroyed keys. Arguments:
 * the two programs. */
#include "test_house.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "vault/api_evidence.h"

static test_house_t house;
static wire_client_t vault;
static uint8_t investigator[32], secret[32];
static arena_t arena;

static int up(void **state)
{
    arena_init(&arena, 64 * 1024 * 1024);
    test_house_up(&house);
    house.vaultd = test_house_start(&house, house.vaultd_path, true);
    vault_evidence_client_init(&vault, (path_t){house.vault_sock}, ROOM_TEST);
    crypto_box_keypair(investigator, secret);
    return 0;
}

static int down(void **state)
{
    wire_client_deinit(&vault);
    arena_deinit(&arena);
    kill(house.ledgerd, SIGCONT);
    return test_house_down(&house);
}

static slice_t file_of(const char *name)
{
    slice_t text, path;
    GOOD(arena_printf(&arena, &path, "%s/etc/%s", house.var, name));
    GOOD(file_read(&arena, (path_t){(const char *)path.ptr}, 1 << 20, &text));
    return text;
}

static evidence_sheet_t sheet_now(void)
{
    evidence_sheet_t sheet;
    unsigned half;
    GOOD(evidence_sheet_read(file_of("evidence-keys"), &sheet, &half));
    return sheet;
}

/* Seals, opens the investigator's half, and gives what the vault is asked. */
static vault_evidence_piece_t piece_of(uint32_t slot, slice_t plain, evidence_outer_t *ret_outer)
{
    evidence_sheet_t sheet = sheet_now();
    const uint8_t *key = sheet.ring;
    buf_t out;
    assert_true(slot == (uint32_t)EVIDENCE_RING_SLOT || evidence_sheet_key(&sheet, slot, &key));
    GOOD(arena_buf(&arena, plain.len + EVIDENCE_OVERHEAD, &out));
    GOOD(evidence_seal(&arena, investigator, (evidence_place_t){sheet.month, slot}, key, plain,
                       &out));
    GOOD(evidence_outer_open(&arena, secret, buf_slice(&out), ret_outer));
    return (vault_evidence_piece_t){
        .request = id_new(), .place = ret_outer->place, .inner = ret_outer->inner};
}

static vault_evidence_order_t order(void)
{
    return (vault_evidence_order_t){
        .id = id_new(), .by = SLICE("inspector"), .ref = SLICE("R8-12")};
}

static size_t records_of(id128_t request, ledger_type_t type, char *facts, size_t cap)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    ledger_entry_t rows[8];
    uint64_t from = 0;
    size_t n = 0, found = 0;
    GOOD(
        ledger_find(house.ledger, LEDGER_BY_REQUEST, request, &from, mem, sizeof mem, rows, 8, &n));
    for (size_t i = 0; i < n; i++) {
        if (rows[i].rec.type == type) {
            snprintf(facts, cap, "%.*s", SLICE_FMT(rows[i].rec.facts));
            found++;
        }
    }
    return found;
}

static void opens_on_record(void **state)
{
    static const uint32_t SLOTS[] = {0, 77, EVIDENCE_SLOTS - 1, (uint32_t)EVIDENCE_RING_SLOT};
    evidence_outer_t outer[4];
    vault_evidence_piece_t pieces[4];
    vault_evidence_opened_t opened[4];
    vault_evidence_order_t o = order();
    for (size_t i = 0; i < 4; i++) {
        pieces[i] =
            piece_of(SLOTS[i], i == 1 ? SLICE_EMPTY : SLICE("POST /login HTTP/1.1"), &outer[i]);
    }
    GOOD(vault_evidence_open(&vault, &arena, &o, pieces, 4, opened));
    for (size_t i = 0; i < 4; i++) {
        char facts[LEDGER_TEXT_MAX + 1];
        slice_t plain;
        assert_int_equal(opened[i].code, ERR_NONE);
        GOOD(evidence_check(&outer[i], opened[i].bytes, &plain));
        assert_int_equal(plain.len, i == 1 ? 0 : 20);
        assert_int_equal(records_of(pieces[i].request, LEDGER_EVIDENCE_OPENED, facts, sizeof facts),
                         1);
        assert_non_null(strstr(facts, "by=inspector&ref=R8-12"));
        assert_non_null(strstr(facts, i == 3 ? "what=ring" : "what=evidence"));
    }
}

static void what_is_not_the_vaults_stays_shut(void **state)
{
    evidence_outer_t outer, other;
    vault_evidence_piece_t p[3] = {piece_of(5, SLICE("a"), &outer), piece_of(6, SLICE("b"), &other),
                                   piece_of(7, SLICE("c"), &outer)};
    vault_evidence_opened_t opened[3];
    vault_evidence_order_t o = order();
    p[0].place.slot = 8;      /* another session's key */
    p[1].place.month += 1200; /* no such month */
    p[2].inner = slice_sub(p[2].inner, 0, p[2].inner.len - 1);
    GOOD(vault_evidence_open(&vault, &arena, &o, p, 3, opened));
    assert_int_equal(opened[0].code, ERR_CRYPTO);
    assert_int_equal(opened[1].code, ERR_NOT_FOUND);
    assert_int_equal(opened[2].code, ERR_CRYPTO);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(opened[i].bytes.len, 0);
    }
    o.by = SLICE("two words");
    assert_true(err_is(vault_evidence_open(&vault, &arena, &o, p, 1, opened), ERR_USAGE));
}

static void no_record_no_opening(void **state)
{
    evidence_outer_t outer;
    vault_evidence_piece_t p = piece_of(9, SLICE("d"), &outer);
    vault_evidence_opened_t opened = {.code = ERR_MEMORY};
    vault_evidence_order_t o = order();
    kill(house.ledgerd, SIGSTOP);
    int64_t from = clock_wait_us();
    err_t e = vault_evidence_open(&vault, &arena, &o, &p, 1, &opened);
    int64_t took = clock_wait_us() - from;
    kill(house.ledgerd, SIGCONT);
    assert_true(err_is(e, ERR_NOT_RECORDED));
    assert_int_equal(opened.code, ERR_MEMORY);
    assert_true(took < 2500000);
}

static void destroyed_is_destroyed(void **state)
{
    evidence_outer_t outer[2];
    vault_evidence_piece_t p[2] = {piece_of(10, SLICE("mine"), &outer[0]),
                                   piece_of(11, SLICE("another's"), &outer[1])};
    vault_evidence_opened_t opened[2];
    vault_evidence_order_t o = order();
    unsigned n = 9;
    uint64_t before = sheet_now().serial;
    char facts[LEDGER_TEXT_MAX + 1];
    GOOD(vault_evidence_erase(&vault, &o, id_new(), &p[0].place, 1, &n));
    assert_int_equal(n, 1);
    assert_int_equal(records_of(o.id, LEDGER_EVIDENCE_ERASED, facts, sizeof facts), 1);
    GOOD(vault_evidence_erase(&vault, &o, id_new(), &p[0].place, 1, &n));
    assert_int_equal(n, 0);
    for (int round = 0; round < 2; round++) {
        const uint8_t *key;
        evidence_sheet_t sheet = sheet_now();
        o.id = id_new();
        assert_true(sheet.serial > before);
        assert_false(evidence_sheet_key(&sheet, 10, &key));
        assert_true(evidence_sheet_key(&sheet, 11, &key));
        GOOD(vault_evidence_open(&vault, &arena, &o, p, 2, opened));
        assert_int_equal(opened[0].code, ERR_EXPIRED);
        assert_int_equal(opened[1].code, ERR_NONE);
        test_house_end(&house.vaultd, SIGKILL); /* and it stays so */
        house.vaultd = test_house_start(&house, house.vaultd_path, true);
    }
}

/* The same keys after a restart; a sheet that was damaged is made anew. */
static void sheet_outlives_restarts(void **state)
{
    evidence_sheet_t first = sheet_now();
    slice_t path;
    test_house_end(&house.vaultd, SIGTERM);
    GOOD(arena_printf(&arena, &path, "%s/etc/evidence-keys", house.var));
    assert_int_equal(truncate((const char *)path.ptr, 1000), 0);
    house.vaultd = test_house_start(&house, house.vaultd_path, true);
    evidence_sheet_t second = sheet_now();
    assert_int_equal(first.month, second.month);
    assert_memory_equal(first.keys, second.keys, EVIDENCE_SLOTS * EVIDENCE_KEY);
    assert_memory_equal(first.ring, second.ring, EVIDENCE_KEY);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_on_record), cmocka_unit_test(what_is_not_the_vaults_stays_shut),
        cmocka_unit_test(no_record_no_opening), cmocka_unit_test(destroyed_is_destroyed),
        cmocka_unit_test(sheet_outlives_restarts)};
    if (argc != 3 || sodium_init() < 0) {
        return 2;
    }
    house.vaultd_path = argv[1];
    house.ledgerd_path = argv[2];
    return cmocka_run_group_tests(tests, up, down);
}
