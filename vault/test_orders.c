/* Erasing and legal holds, with the real vaultd and ledgerd: what is erased opens nowhere, its key
 * is in no byte of the room's files, the record tells it, and no kill leaves half of it. Arguments:
 * the two programs. */
#include "test_house.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/fd.h"
#include "io/wire_client.h"
#include "keystore.h"
#include "vault/api.h"

enum { KILLS = 24, FACTS = 600 };

static test_house_t house;
static vault_client_t *shop, *command;

static void vaultd_up(void)
{
    house.vaultd = test_house_start(&house, house.vaultd_path, true);
    GOOD(vault_client_new(house.vault_sock, ROOM_TEST, &shop));
    GOOD(vault_client_new(house.vault_sock, ROOM_COMMAND, &command));
}

static void vaultd_down(int signal_number)
{
    test_house_end(&house.vaultd, signal_number);
    vault_client_free(shop);
    vault_client_free(command);
}

static int house_up(void **state)
{
    (void)state;
    test_house_up(&house);
    vaultd_up();
    return 0;
}

static int house_down(void **state)
{
    (void)state;
    vault_client_free(shop);
    vault_client_free(command);
    return test_house_down(&house);
}

typedef struct person {
    id128_t id, pseudonym;
    vault_item_t item;
    uint8_t sealed[256];
} person_t;

static void person_make(arena_t *a, person_t *p)
{
    slice_t sealed;
    GOOD(vault_subject_new(shop, &p->id, &p->pseudonym));
    p->item = (vault_item_t){.subject = p->id,
                             .table = SLICE("traveller"),
                             .column = SLICE("name"),
                             .row = p->id,
                             .bytes = SLICE("ヤマダ ハナコ")};
    GOOD(vault_seal(shop, a, &p->item, 1, &sealed));
    memcpy(p->sealed, sealed.ptr, sealed.len);
    p->item.bytes = slice_make(p->sealed, sealed.len);
}

static err_t open_one(const person_t *p)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    slice_t plain;
    vault_context_t ctx = {.request = id_new(),
                           .actor = p->pseudonym,
                           .object = p->id,
                           .purpose = VAULT_FOR_SHOW_TO_OWNER};
    arena_init(&a, 1 << 20);
    return vault_reveal(shop, &a, &ctx, &p->item, 1, &plain);
}

static vault_order_t order_of(const person_t *p)
{
    return (vault_order_t){.request = id_new(),
                           .subject = p->id,
                           .asked = SLICE("customer"),
                           .by = SLICE("root"),
                           .ref = SLICE("T-1/2026")};
}

/* How many records of the type the order has; the facts of the last one. */
static size_t told(id128_t request, unsigned type, const char *step, char facts[FACTS])
{
    static uint8_t mem[WIRE_MAX_BYTES];
    ledger_entry_t entries[16];
    uint64_t from = 0;
    size_t count = 0, n = 0;
    do {
        GOOD(ledger_find(house.ledger, LEDGER_BY_REQUEST, request, &from, mem, sizeof mem, entries,
                         16, &n));
        for (size_t i = 0; i < n; i++) {
            char text[FACTS];
            snprintf(text, sizeof text, "%.*s", SLICE_FMT(entries[i].rec.facts));
            if (entries[i].rec.type == type && strstr(text, step)) {
                count++;
                memcpy(facts, text, FACTS);
            }
        }
    } while (from);
    return count;
}

/* The bytes of the person's slot in a key file, while it is live. */
static size_t slot_bytes(const char *name, id128_t subject, uint8_t out[KEYS_WRAPPED])
{
    char path[80];
    uint8_t slot[KEYSTORE_SLOT];
    size_t found = 0;
    snprintf(path, sizeof path, "%s/vault/%s", house.var, name);
    FD_SCOPED int fd = -1;
    GOOD(fd_open((path_t){path}, O_RDONLY, 0, &fd));
    for (off_t at = KEYSTORE_HEADER; pread(fd, slot, sizeof slot, at) == KEYSTORE_SLOT;
         at += KEYSTORE_SLOT) {
        if (memcmp(slot + 16, subject.b, ID_BYTES) == 0) {
            memcpy(out, slot + 48, KEYS_WRAPPED);
            found++;
        }
    }
    return found;
}

/* The key in clear, by the format alone (FORMAT.md, "Keys"): keys.c gives none out. */
static void key_of(const char *name, id128_t subject, uint8_t ret_key[32])
{
    char path[80];
    uint8_t master[32], wrap[32], plain[64], aad_mem[64], slot[KEYSTORE_SLOT];
    buf_t aad = BUF_ON_ARRAY(aad_mem);
    snprintf(path, sizeof path, "%s/secrets/vault/master.key", house.var);
    FD_SCOPED int fd = -1;
    FD_SCOPED int keys = -1;
    GOOD(fd_open((path_t){path}, O_RDONLY, 0, &fd));
    GOOD(fd_read_all(fd, master, sizeof master));
    crypto_kdf_derive_from_key(wrap, sizeof wrap, 257, "sekvault", master);
    snprintf(path, sizeof path, "%s/vault/%s", house.var, name);
    GOOD(fd_open((path_t){path}, O_RDONLY, 0, &keys));
    for (uint32_t i = 0;; i++) {
        GOOD(fd_pread_all(keys, slot, sizeof slot, KEYSTORE_HEADER + (int64_t)i * KEYSTORE_SLOT));
        if (memcmp(slot + 16, subject.b, ID_BYTES) == 0) {
            buf_put(&aad, SLICE("sekisho slot  1 "));
            buf_u8(&aad, strcmp(name, "keys") == 0 ? 1 : 2);
            buf_u32(&aad, i);
            buf_u32(&aad, 1);
            buf_u32(&aad, 1);
            buf_put(&aad, slice_make(slot + 32, 4));
            buf_put(&aad, id_slice(&subject));
            break;
        }
    }
    assert_int_equal(crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, slot + 72, 80,
                                                                aad.ptr, aad.len, slot + 48, wrap),
                     0);
    memcpy(ret_key, plain, 32);
}

static bool in_any_file(const uint8_t *bytes, size_t len)
{
    static const char *const FOLDERS[] = {"vault", "ledger"};
    bool found = false;
    for (size_t i = 0; i < BASE_COUNT(FOLDERS); i++) {
        char dir[80];
        snprintf(dir, sizeof dir, "%s/%s", house.var, FOLDERS[i]);
        DIR *d = opendir(dir);
        assert_non_null(d);
        for (struct dirent *row; (row = readdir(d));) {
            BASE_CLEANUP(arena_deinit) arena_t a;
            slice_t all;
            char path[400];
            arena_init(&a, 80 << 20);
            snprintf(path, sizeof path, "%s/%s", dir, row->d_name);
            if (!err_failed(file_read(&a, (path_t){path}, 64 << 20, &all))) {
                found = found || memmem(all.ptr, all.len, bytes, len);
            }
        }
        closedir(d);
    }
    return found;
}

static void erased_for_good(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    person_t gone, stays;
    id128_t pseudonym;
    uint32_t keys = 0;
    char facts[FACTS];
    uint8_t wrapped[KEYS_WRAPPED], month[KEYS_WRAPPED], key[32];
    slice_t payload;
    bool right = true;
    arena_init(&a, 1 << 20);
    person_make(&a, &gone);
    person_make(&a, &stays);
    GOOD(vault_payload_seal(shop, &a, gone.id, SLICE("of a record"), &payload));
    GOOD(vault_password_set(shop, id_new(), gone.id, SLICE("Hamanasu-no-oka 77")));
    GOOD(open_one(&gone));
    assert_int_equal(slot_bytes("keys", gone.id, wrapped), 1);
    assert_int_equal(slot_bytes("month-keys", gone.id, month), 1);
    key_of("keys", gone.id, key);
    assert_true(in_any_file(wrapped, sizeof wrapped)); /* else the search below says nothing */

    vault_order_t order = order_of(&gone);
    GOOD(vault_erase(command, &order, &pseudonym, &keys));
    assert_true(id_eq(pseudonym, gone.pseudonym));
    assert_int_equal(keys, 2);
    assert_true(err_is(open_one(&gone), ERR_NOT_FOUND));
    assert_true(err_is(vault_pseudonym(shop, gone.id, &pseudonym), ERR_NOT_FOUND));
    assert_true(err_is(vault_payload_seal(shop, &a, gone.id, SLICE("x"), &payload), ERR_NOT_FOUND));
    GOOD(vault_password_check(shop, id_new(), gone.id, SLICE("Hamanasu-no-oka 77"), &right));
    assert_false(right);
    assert_true(err_is(vault_erase(command, &order, &pseudonym, &keys), ERR_EXPIRED));
    GOOD(open_one(&stays));
    for (size_t part = 0; part < KEYS_WRAPPED; part += 32) { /* not in pieces either */
        size_t len = KEYS_WRAPPED - part < 32 ? KEYS_WRAPPED - part : 32;
        assert_false(in_any_file(wrapped + part, len));
        assert_false(in_any_file(month + part, len));
    }
    assert_false(in_any_file(key, sizeof key));
    assert_int_equal(told(order.request, LEDGER_ERASED, "step=intent", facts), 1);
    assert_non_null(strstr(facts, "asked=customer&by=root&ref=T-1"));
    assert_int_equal(told(order.request, LEDGER_ERASED, "step=done", facts), 1);
    assert_non_null(strstr(facts, "keys=2"));

    vaultd_down(SIGTERM);
    vaultd_up();
    assert_true(err_is(open_one(&gone), ERR_NOT_FOUND));
    GOOD(open_one(&stays));
}

static void a_hold_wins(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    person_t p;
    id128_t pseudonym;
    uint32_t keys;
    char facts[FACTS];
    vault_hold_t holds[4];
    size_t n = 0;
    arena_init(&a, 1 << 20);
    person_make(&a, &p);
    vault_order_t hold = order_of(&p), erase = order_of(&p), release = order_of(&p);
    hold.asked = SLICE("court");
    hold.ref = SLICE("case-77");
    GOOD(vault_hold_add(command, &hold));
    assert_true(err_is(vault_hold_add(command, &hold), ERR_EXISTS));
    GOOD(vault_holds(command, &a, holds, 4, &n));
    assert_int_equal(n, 1);
    assert_true(id_eq(holds[0].subject, p.id) && slice_eq(holds[0].ref, SLICE("case-77")));
    assert_int_equal(told(hold.request, LEDGER_LEGAL_HOLD, "step=set", facts), 1);

    assert_true(err_is(vault_erase(command, &erase, &pseudonym, &keys), ERR_STOPPED));
    assert_int_equal(told(erase.request, LEDGER_ERASE_REFUSED, "reason=legal_hold", facts), 1);
    assert_non_null(strstr(facts, "hold=case-77"));
    assert_int_equal(told(erase.request, LEDGER_ERASED, "", facts), 0);
    vaultd_down(SIGKILL);
    vaultd_up();
    assert_true(err_is(vault_erase(command, &erase, &pseudonym, &keys), ERR_STOPPED));
    GOOD(open_one(&p));

    GOOD(vault_hold_release(command, &release));
    assert_int_equal(told(release.request, LEDGER_LEGAL_HOLD, "step=released", facts), 1);
    assert_true(err_is(vault_hold_release(command, &release), ERR_NOT_FOUND));
    GOOD(vault_erase(command, &erase, &pseudonym, &keys));
    assert_true(err_is(vault_hold_add(command, &hold), ERR_EXPIRED));
    assert_true(err_is(open_one(&p), ERR_NOT_FOUND));
}

/* Who asks for a customer that does not exist: refused as if there were nobody, told at once. */
static void honey_tells(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    person_t bait, real;
    vault_wanted_t wanted;
    char facts[FACTS];
    slice_t plain[2];
    arena_init(&a, 1 << 20);
    person_make(&a, &bait);
    person_make(&a, &real);
    GOOD(open_one(&bait)); /* nothing sets it apart yet */
    GOOD(vault_honey_wanted(shop, &wanted));
    assert_int_equal(wanted, VAULT_WANTED_FIRST);
    GOOD(vault_honey(shop, bait.id));
    GOOD(vault_honey(shop, bait.id)); /* no answer tells whether it was one */
    GOOD(vault_honey_wanted(shop, &wanted));
    assert_int_equal(wanted, VAULT_WANTED_MORE);
    assert_true(err_is(vault_honey(shop, id_new()), ERR_NOT_FOUND));
    assert_true(err_is(vault_honey(command, real.id), ERR_DENIED));
    vault_master_t master;
    GOOD(vault_master(command, &master));
    assert_int_equal(master.honey, 1);
    for (int killed = 0; killed < 2; killed++) {
        vault_item_t both[2] = {real.item, bait.item};
        vault_context_t ctx = {
            .request = id_new(), .actor = real.pseudonym, .purpose = VAULT_FOR_DESK};
        assert_true(err_is(vault_reveal(shop, &a, &ctx, both, 2, plain), ERR_NOT_FOUND));
        assert_int_equal(told(ctx.request, LEDGER_ALARM, "what=vault_honey&reveal=", facts), 1);
        assert_non_null(strstr(facts, "&purpose=DESK"));
        deadline_t until = deadline_in_ms(HOUSE_WAIT_MS);
        while (told(ctx.request, LEDGER_REVEAL_REFUSED, "reason=HONEY", facts) == 0) {
            assert_true(deadline_left_ms(until) > 0);
            usleep(20000);
        }
        assert_int_equal(told(ctx.request, LEDGER_REVEAL_INTENT, "", facts), 0);
        GOOD(open_one(&real));
        GOOD(vault_seal(shop, &a, &bait.item, 1, plain)); /* in all else as everybody */
        vaultd_down(SIGKILL);
        vaultd_up();
    }
}

/* So many, and then no more: whoever took over the shop cannot lay it on everybody. */
static void honey_has_an_end(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    vault_wanted_t wanted = VAULT_WANTED_MORE;
    person_t last = {0};
    arena_init(&a, 4 << 20);
    for (int i = 0; i < 40; i++) {
        person_make(&a, &last);
        GOOD(vault_honey(shop, last.id));
    }
    GOOD(vault_honey_wanted(shop, &wanted));
    assert_int_equal(wanted, VAULT_WANTED_NONE);
    GOOD(open_one(&last));
}

static void only_orders_of_the_command(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    person_t p;
    id128_t pseudonym;
    uint32_t keys;
    arena_init(&a, 1 << 20);
    person_make(&a, &p);
    vault_order_t order = order_of(&p);
    assert_true(err_is(vault_erase(shop, &order, &pseudonym, &keys), ERR_DENIED));
    assert_true(err_is(vault_hold_add(shop, &order), ERR_DENIED));
    order.by = SLICE("Yamada Hanako"); /* a blank is in no word */
    assert_true(err_is(vault_erase(command, &order, &pseudonym, &keys), ERR_USAGE));
    order = order_of(&p);
    order.subject = id_new();
    assert_true(err_is(vault_erase(command, &order, &pseudonym, &keys), ERR_NOT_FOUND));
    GOOD(open_one(&p));
}

static void not_recorded_not_done(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    person_t p;
    id128_t pseudonym;
    uint32_t keys;
    arena_init(&a, 1 << 20);
    person_make(&a, &p);
    vault_order_t order = order_of(&p);
    test_house_end(&house.ledgerd, SIGKILL);
    assert_true(err_is(vault_erase(command, &order, &pseudonym, &keys), ERR_NOT_RECORDED));
    assert_true(err_is(vault_hold_add(command, &order), ERR_NOT_RECORDED));
    vaultd_down(SIGKILL);
    house.ledgerd = test_house_start(&house, house.ledgerd_path, true);
    vaultd_up();
    GOOD(open_one(&p)); /* nor by the next start */
    vault_hold_t holds[1];
    size_t n = 1;
    GOOD(vault_holds(command, &a, holds, 1, &n));
    assert_int_equal(n, 0);
}

static void *erase_on(void *arg)
{
    const person_t *p = arg;
    id128_t pseudonym;
    uint32_t keys;
    vault_order_t order = order_of(p);
    order.request = p->id; /* found again by it */
    err_ignore(vault_erase(command, &order, &pseudonym, &keys));
    return NULL;
}

/* Killed anywhere: the person is whole and no intent stands, or all is done and told. */
static void killed_anywhere(void **state)
{
    (void)state;
    size_t whole = 0, erased = 0;
    for (unsigned i = 0; i < KILLS; i++) {
        BASE_CLEANUP(arena_deinit) arena_t a;
        person_t p;
        pthread_t thread;
        char facts[FACTS];
        uint8_t wrapped[KEYS_WRAPPED];
        slice_t payload;
        arena_init(&a, 1 << 20);
        person_make(&a, &p);
        GOOD(vault_payload_seal(shop, &a, p.id, SLICE("x"), &payload));
        slot_bytes("keys", p.id, wrapped);
        assert_int_equal(pthread_create(&thread, NULL, erase_on, &p), 0);
        usleep(i * 600);
        kill(house.vaultd, SIGKILL);
        pthread_join(thread, NULL);
        vaultd_down(SIGKILL);
        vaultd_up();
        deadline_t until = deadline_in_ms(HOUSE_WAIT_MS);
        bool intent;
        for (;;) { /* what was begun is finished soon after the start */
            intent = told(p.id, LEDGER_ERASED, "step=intent", facts) > 0;
            bool done = told(p.id, LEDGER_ERASED, "step=done", facts) > 0;
            if (done || (!intent && !err_failed(open_one(&p)))) {
                break;
            }
            assert_true(deadline_left_ms(until) > 0);
            usleep(20000);
        }
        if (intent) {
            assert_true(err_is(open_one(&p), ERR_NOT_FOUND));
            assert_false(in_any_file(wrapped, sizeof wrapped));
            erased++;
        } else {
            whole++;
        }
    }
    print_message("%zu whole, %zu erased\n", whole, erased);
}

int main(int argc, char **argv)
{
    assert_int_equal(argc, 3);
    house.vaultd_path = argv[1];
    house.ledgerd_path = argv[2];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(erased_for_good),
        cmocka_unit_test(a_hold_wins),
        cmocka_unit_test(honey_tells),
        cmocka_unit_test(honey_has_an_end),
        cmocka_unit_test(only_orders_of_the_command),
        cmocka_unit_test(not_recorded_not_done),
        cmocka_unit_test(killed_anywhere),
    };
    return cmocka_run_group_tests(tests, house_up, house_down);
}
