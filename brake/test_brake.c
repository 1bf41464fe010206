/* The board: who may open, what falls closed, what a stolen key and an old file cannot do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api_writer.h"
#include "board.h"

#define PAYMENTS (1U << BRAKE_PAYMENTS)
#define MAIL (1U << BRAKE_OUTBOUND_MAIL)

typedef struct house {
    char dir[64], seen[80], board[80];
    brake_signing_key_t person[2], machine, stranger;
    brake_reader_t *reader;
} house_t;

static void must(err_t e)
{
    if (err_failed(e)) {
        fail_msg("%s at %s:%d", err_name(e.code), e.where, e.line);
    }
}

static int setup(void **state)
{
    house_t *h = calloc(1, sizeof *h);
    snprintf(h->dir, sizeof h->dir, "/tmp/brake-XXXXXX");
    assert_non_null(mkdtemp(h->dir));
    snprintf(h->seen, sizeof h->seen, "%s/seen", h->dir);
    snprintf(h->board, sizeof h->board, "%s/board", h->dir);
    assert_true(sodium_init() >= 0);
    brake_key_make(&h->person[0]);
    brake_key_make(&h->person[1]);
    brake_key_make(&h->machine);
    brake_key_make(&h->stranger);
    brake_enrolment_t who[] = {
        {true, "ciso", {0}}, {true, "director", {0}}, {false, "machine", {0}}};
    memcpy(who[0].key, h->person[0].b + 32, 32);
    memcpy(who[1].key, h->person[1].b + 32, 32);
    memcpy(who[2].key, h->machine.b + 32, 32);
    must(brake_board_create(h->dir, who, 3, h->person, "first run"));
    must(brake_reader_new(h->dir, h->seen, &h->reader));
    *state = h;
    return 0;
}

static int teardown(void **state)
{
    house_t *h = *state;
    char path[96];
    brake_reader_free(h->reader);
    static const char *const NAMES[] = {"board", "enrolled", "seen", "old"};
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        snprintf(path, sizeof path, "%s/%s", h->dir, NAMES[i]);
        unlink(path);
    }
    rmdir(h->dir);
    free(h);
    return 0;
}

static void copy_file(const char *from, const char *to)
{
    uint8_t bytes[BOARD_FILE_BYTES];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0644);
    assert_int_equal(read(in, bytes, sizeof bytes), sizeof bytes);
    assert_int_equal(write(out, bytes, sizeof bytes), sizeof bytes);
    close(in);
    close(out);
}

static void flip(const char *path, off_t at)
{
    uint8_t b;
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &b, 1, at), 1);
    b ^= 1;
    assert_int_equal(pwrite(fd, &b, 1, at), 1);
    close(fd);
}

static void close_by_one_open_by_two(void **state)
{
    house_t *h = *state;
    uint64_t g;
    brake_state_t s = brake_now(h->reader);
    assert_int_equal(s.trouble, BRAKE_FINE);
    assert_true(brake_is_open(&s, BRAKE_PAYMENTS));

    must(brake_close(h->dir, PAYMENTS, &h->machine, "カード会社より連絡", &g));
    s = brake_now(h->reader);
    assert_int_equal(s.generation, 2);
    assert_false(brake_is_open(&s, BRAKE_PAYMENTS));
    assert_true(brake_is_open(&s, BRAKE_SHOP));
    assert_string_equal(s.reason, "カード会社より連絡");

    brake_signing_key_t same[2] = {h->person[0], h->person[0]};
    brake_signing_key_t machine[2] = {h->person[0], h->machine};
    brake_signing_key_t stranger[2] = {h->person[0], h->stranger};
    assert_true(err_is(brake_open(h->dir, PAYMENTS, same, "x", &g), ERR_DENIED));
    assert_true(err_is(brake_open(h->dir, PAYMENTS, machine, "x", &g), ERR_DENIED));
    assert_true(err_is(brake_open(h->dir, PAYMENTS, stranger, "x", &g), ERR_DENIED));
    assert_true(err_is(brake_may_open(h->dir, same), ERR_DENIED));
    assert_true(err_is(brake_may_open(h->dir, machine), ERR_DENIED));
    must(brake_may_open(h->dir, h->person));
    assert_true(err_is(brake_close(h->dir, PAYMENTS, &h->stranger, "x", &g), ERR_DENIED));
    s = brake_now(h->reader);
    assert_false(brake_is_open(&s, BRAKE_PAYMENTS));

    must(brake_open(h->dir, PAYMENTS, h->person, "再開", &g));
    s = brake_now(h->reader);
    assert_int_equal(s.generation, 3);
    assert_true(brake_is_open(&s, BRAKE_PAYMENTS));
}

/* Opening one lever must not open another that is closed. */
static void opening_one_leaves_the_other(void **state)
{
    house_t *h = *state;
    uint64_t g;
    must(brake_close(h->dir, PAYMENTS | MAIL, &h->machine, "x", &g));
    must(brake_open(h->dir, MAIL, h->person, "y", &g));
    brake_state_t s = brake_now(h->reader);
    assert_true(brake_is_open(&s, BRAKE_OUTBOUND_MAIL));
    assert_false(brake_is_open(&s, BRAKE_PAYMENTS));
}

/* One stolen key: a hand-made slot that drops the closing, correctly signed by one person. */
static void one_key_cannot_reopen(void **state)
{
    house_t *h = *state;
    uint64_t g;
    uint8_t bytes[BOARD_SLOT_BYTES], mem[BOARD_SLOT_BYTES];
    board_slot_t slot;
    must(brake_close(h->dir, PAYMENTS, &h->person[0], "x", &g));
    brake_state_t s = brake_now(h->reader);
    assert_false(brake_is_open(&s, BRAKE_PAYMENTS));

    int fd = open(h->board, O_RDWR);
    assert_int_equal(pread(fd, bytes, sizeof bytes, BOARD_SLOT_BYTES), sizeof bytes);
    must(board_slot_decode(bytes, &slot));
    slot.closed = 0;
    slot.generation = 3;
    buf_t text = BUF_ON_ARRAY(mem);
    board_slot_text(&text, &slot);
    crypto_sign_detached(slot.sig, NULL, text.ptr, text.len, h->person[0].b);
    must(board_slot_encode(&slot, bytes));
    assert_int_equal(pwrite(fd, bytes, sizeof bytes, 0), sizeof bytes);
    close(fd);

    s = brake_now_strict(h->reader);
    assert_int_equal(s.generation, 3);
    assert_false(brake_is_open(&s, BRAKE_PAYMENTS));
    brake_reader_free(h->reader); /* and after a restart as well */
    must(brake_reader_new(h->dir, h->seen, &h->reader));
    s = brake_now(h->reader);
    assert_false(brake_is_open(&s, BRAKE_PAYMENTS));
}

static void older_board_is_refused_across_restart(void **state)
{
    house_t *h = *state;
    char old[96];
    uint64_t g;
    snprintf(old, sizeof old, "%s/old", h->dir);
    copy_file(h->board, old);
    must(brake_close(h->dir, PAYMENTS, &h->machine, "x", &g));
    assert_int_equal(brake_now(h->reader).generation, 2);
    brake_reader_free(h->reader);
    assert_int_equal(rename(old, h->board), 0);
    must(brake_reader_new(h->dir, h->seen, &h->reader));
    brake_state_t s = brake_now(h->reader);
    assert_int_equal(s.trouble, BRAKE_OLDER);
    assert_false(brake_is_open(&s, BRAKE_PAYMENTS));
    assert_true(brake_is_open(&s, BRAKE_SHOP));
    assert_true(brake_is_open(&s, BRAKE_STAFF_LOGIN));
    assert_false(brake_is_open(&s, BRAKE_OUTBOUND_MAIL));
    assert_false(brake_is_open(&s, BRAKE_WAF_RELAXED));
}

static void missing_and_replaced_files_are_noticed(void **state)
{
    house_t *h = *state;
    assert_int_equal(brake_now(h->reader).trouble, BRAKE_FINE);
    assert_int_equal(unlink(h->board), 0);
    assert_int_equal(brake_now_strict(h->reader).trouble, BRAKE_MISSING);
    int fd = open(h->board, O_CREAT | O_RDWR, 0644);
    assert_int_equal(ftruncate(fd, BOARD_FILE_BYTES), 0);
    close(fd);
    brake_state_t s = brake_now_strict(h->reader);
    assert_int_equal(s.trouble, BRAKE_DAMAGED);
    assert_false(brake_is_open(&s, BRAKE_PAYMENTS));
}

/* Every byte that lies in the used part of a slot is signed or makes it malformed. */
static void every_byte_counts(void **state)
{
    house_t *h = *state;
    uint64_t g;
    must(brake_close(h->dir, MAIL, &h->machine, "x", &g));
    board_enrolled_t enrolled = {.n = 3};
    enrolled.signer[0].role = enrolled.signer[1].role = BOARD_PERSON;
    enrolled.signer[2].role = BOARD_MACHINE;
    memcpy(enrolled.signer[0].key, h->person[0].b + 32, 32);
    memcpy(enrolled.signer[1].key, h->person[1].b + 32, 32);
    memcpy(enrolled.signer[2].key, h->machine.b + 32, 32);
    uint8_t bytes[BOARD_SLOT_BYTES];
    int fd = open(h->board, O_RDONLY);
    assert_int_equal(pread(fd, bytes, sizeof bytes, BOARD_SLOT_BYTES), sizeof bytes);
    close(fd);
    board_slot_t slot;
    must(board_slot_decode(bytes, &slot));
    must(board_slot_verify(&slot, &enrolled));
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= 1;
        err_t e = board_slot_decode(bytes, &slot);
        if (!err_failed(e)) {
            e = board_slot_verify(&slot, &enrolled);
        }
        assert_true(err_failed(e));
        bytes[i] ^= 1;
    }
}

/* A slot torn by a crash closes payments; the next order mends the board. */
static void torn_slot_falls_closed_and_can_be_mended(void **state)
{
    house_t *h = *state;
    uint64_t g;
    must(brake_close(h->dir, MAIL, &h->machine, "x", &g));
    assert_int_equal(brake_now(h->reader).generation, 2);
    flip(h->board,
         BOARD_SLOT_BYTES + BOARD_GENERATION_AT); /* slot 1 now shows generation 3, unsigned */
    brake_state_t s = brake_now_strict(h->reader);
    assert_int_equal(s.trouble, BRAKE_DAMAGED);
    assert_false(brake_is_open(&s, BRAKE_PAYMENTS));
    must(brake_open(h->dir, PAYMENTS | MAIL, h->person, "mended", &g));
    s = brake_now_strict(h->reader);
    assert_int_equal(s.trouble, BRAKE_FINE);
    assert_true(s.generation > 2);
    assert_true(brake_is_open(&s, BRAKE_PAYMENTS));
}

static void enrolled_list_is_strict(void **state)
{
    board_enrolled_t e;
    char key[45], text[400];
    uint8_t raw[32] = {7};
    sodium_bin2base64(key, sizeof key, raw, sizeof raw, sodium_base64_VARIANT_ORIGINAL);
    static const char *const BAD[] = {"boss a %s\n", "person %s\n", "person a b %s\n",
                                      "person a %s\nperson b %s\n", "person a %.20s\n"};
    for (size_t i = 0; i < BASE_COUNT(BAD); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof text, BAD[i], key, key);
#pragma GCC diagnostic pop
        assert_true(err_failed(board_enrolled_parse(slice_cstr_in(text), &e)));
    }
    snprintf(text, sizeof text, "# note\n\nperson a %s\n", key);
    must(board_enrolled_parse(slice_cstr_in(text), &e));
    assert_int_equal(e.n, 1);
}

/* A restored board is an old copy: raised above what is known, it is obeyed, closed, and two people
 * open it as always. */
static void raised_above_what_is_known(void **state)
{
    house_t *h = *state;
    uint64_t g;
    char old[96];
    brake_state_t s;
    snprintf(old, sizeof old, "%s/old", h->dir);
    copy_file(h->board, old);
    for (int i = 0; i < 5; i++) {
        must(brake_close(h->dir, PAYMENTS, &h->machine, "stop", &g));
        s = brake_now(h->reader);
    }
    unlink(h->board);
    copy_file(old, h->board);
    s = brake_now_strict(h->reader);
    assert_int_equal(s.trouble, BRAKE_OLDER);
    must(brake_close(h->dir, PAYMENTS, &h->machine, "too low", &g));
    s = brake_now_strict(h->reader);
    assert_int_equal(s.trouble, BRAKE_OLDER); /* which is why there is a floor */
    must(brake_close_above(h->dir, PAYMENTS | MAIL, &h->machine, "restored", 6, &g));
    assert_int_equal(g, 7);
    s = brake_now_strict(h->reader);
    assert_int_equal(s.trouble, BRAKE_FINE);
    assert_false(brake_is_open(&s, BRAKE_PAYMENTS));
    must(brake_close_above(h->dir, PAYMENTS, &h->machine, "again", 3, &g));
    assert_int_equal(g, 8); /* a floor below changes nothing */
    must(brake_open(h->dir, PAYMENTS | MAIL, h->person, "looked at", &g));
    s = brake_now_strict(h->reader);
    assert_true(brake_is_open(&s, BRAKE_PAYMENTS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(close_by_one_open_by_two, setup, teardown),
        cmocka_unit_test_setup_teardown(opening_one_leaves_the_other, setup, teardown),
        cmocka_unit_test_setup_teardown(one_key_cannot_reopen, setup, teardown),
        cmocka_unit_test_setup_teardown(older_board_is_refused_across_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_and_replaced_files_are_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(every_byte_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(torn_slot_falls_closed_and_can_be_mended, setup, teardown),
        cmocka_unit_test_setup_teardown(raised_above_what_is_known, setup, teardown),
        cmocka_unit_test(enrolled_list_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
