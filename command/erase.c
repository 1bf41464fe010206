/* Erasing a person, and the legal holds that forbid it. The vault destroys the keys and records it;
 * then what is unreadable already is emptied in the rooms, and the key files of backups are
 * replaced so that none of them holds the key. Every step may be done again: after a kill, the same
 * command. */
#include "erase.h"

#include <pwd.h>
#include <unistd.h>

#include "backup.h"
#include "evidence.h"
#include "pay/api.h"
#include "shop/api.h"
#include "text/time.h"
#include "vault/api.h"

typedef struct person_ask {
    const char *subject, *booking, *asked, *ref;
} person_ask_t;

static bool ask_parse(int argc, char **argv, person_ask_t *ret_ask)
{
    person_ask_t ask = {.asked = "customer"};
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        const char **into = strcmp(word, "--booking") == 0 ? &ask.booking
                            : strcmp(word, "--asked") == 0 ? &ask.asked
                            : strcmp(word, "--ref") == 0   ? &ask.ref
                                                           : NULL;
        if (into) {
            if (i + 1 >= argc) {
                return false;
            }
            *into = argv[++i];
        } else if (word[0] != '-' && !ask.subject) {
            ask.subject = word;
        } else {
            return false;
        }
    }
    *ret_ask = ask;
    return (ask.subject != NULL) != (ask.booking != NULL) &&
           vault_word_ok(slice_cstr_in(ask.asked)) &&
           (!ask.ref || vault_word_ok(slice_cstr_in(ask.ref)));
}

/* Who sits there: the user that logged in, whoever it became since (sudo); else our own. */
static slice_t login_name(house_t *h)
{
    slice_t text;
    uint64_t uid = geteuid();
    struct passwd row, *found = NULL;
    char mem[2048];
    if (!err_failed(file_read(&h->arena, PATH("/proc/self/loginuid"), 32, &text))) {
        uint64_t seen;
        if (!err_failed(slice_parse_u64(slice_trim(text), UINT32_MAX - 1, &seen))) {
            uid = seen;
        }
    }
    if (getpwuid_r((uid_t)uid, &row, mem, sizeof mem, &found) != 0 || !found ||
        !vault_word_ok(slice_cstr_in(row.pw_name)) ||
        err_failed(arena_copy(&h->arena, slice_cstr_in(row.pw_name), &text))) {
        CHECK(!err_failed(arena_printf(&h->arena, &text, "uid-%llu", (unsigned long long)uid)));
    }
    return text;
}

static void shop_init(house_t *h, wire_client_t *shop)
{
    shop_client_init(shop, house_path(h, h->var, "run", "shop.sock", NULL), ROOM_COMMAND);
}

static err_t subject_find(house_t *h, const person_ask_t *ask, id128_t *ret_subject)
{
    wire_client_t shop;
    if (ask->subject) {
        return id_decode(slice_cstr_in(ask->subject), ret_subject);
    }
    shop_init(h, &shop);
    err_t e = shop_find_person(&shop, slice_cstr_in(ask->booking), ret_subject);
    wire_client_deinit(&shop);
    return e;
}

static err_t order_make(house_t *h, const person_ask_t *ask, vault_order_t *ret_order)
{
    vault_order_t order = {.request = id_new(),
                           .asked = slice_cstr_in(ask->asked),
                           .by = login_name(h),
                           .ref = ask->ref ? slice_cstr_in(ask->ref) : SLICE_EMPTY};
    TRY(subject_find(h, ask, &order.subject));
    *ret_order = order;
    return OK;
}

static int refused(const house_t *h, err_t e)
{
    command_msg_t msg = COMMAND_MSG_ERASE_FAILED;
    switch (e.code) {
    case ERR_NOT_FOUND:
    case ERR_SYNTAX:
        msg = COMMAND_MSG_ERASE_UNKNOWN;
        break;
    case ERR_EXPIRED:
        msg = COMMAND_MSG_ERASE_ALREADY;
        break;
    case ERR_STOPPED:
        msg = COMMAND_MSG_ERASE_HELD;
        break;
    case ERR_EXISTS:
        msg = COMMAND_MSG_HOLD_STANDS;
        break;
    case ERR_CONFLICT:
        msg = COMMAND_MSG_HOLD_LATE;
        break;
    case ERR_NOT_RECORDED:
        msg = COMMAND_MSG_ERASE_NOT_RECORDED;
        break;
    default:
        break;
    }
    house_complain(h, msg);
    fprintf(stderr, "  %s (%s:%u)\n", err_text(e.code), e.where ? e.where : "-", (unsigned)e.line);
    return 1;
}

/* ---- erasing ---- */

static err_t is_held(vault_client_t *vault, id128_t subject, bool *ret_held)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    size_t n = 0;
    arena_init(&a, 1 << 20);
    vault_hold_t *holds = ARENA_ARRAY(&a, vault_hold_t, VAULT_HOLDS_MAX);
    ENSURE(holds, ERR_MEMORY);
    TRY(vault_holds(vault, &a, holds, VAULT_HOLDS_MAX, &n));
    *ret_held = false;
    for (size_t i = 0; i < n; i++) {
        *ret_held = *ret_held || id_eq(holds[i].subject, subject);
    }
    return OK;
}

/* Before the person's own key, which leads to their pseudonym: an order that is cut off here can be
 * given again. Nothing when a hold stands (the vault then refuses all of it, on record), or when
 * the person is none any more. */
static err_t evidence_destroy(house_t *h, const vault_order_t *order, unsigned *ret_keys)
{
    vault_client_t *vault;
    id128_t pseudonym;
    bool held = true;
    TRY(vault_client_new(house_path(h, h->var, "run", "vault.sock", NULL).text, ROOM_COMMAND,
                         &vault));
    err_t e = vault_pseudonym(vault, order->subject, &pseudonym);
    if (!err_failed(e)) {
        e = is_held(vault, order->subject, &held);
    }
    vault_client_free(vault);
    if (err_is(e, ERR_NOT_FOUND) || (!err_failed(e) && held)) {
        return OK;
    }
    TRY(e);
    vault_evidence_order_t words = {.id = order->request, .by = order->by, .ref = order->ref};
    return evidence_forget(h, pseudonym, &words, ret_keys);
}

static err_t keys_destroy(house_t *h, const vault_order_t *order, uint32_t *ret_keys)
{
    vault_client_t *vault;
    id128_t pseudonym;
    TRY(vault_client_new(house_path(h, h->var, "run", "vault.sock", NULL).text, ROOM_COMMAND,
                         &vault));
    err_t e = vault_erase(vault, order, &pseudonym, ret_keys);
    vault_client_free(vault);
    return e;
}

/* Rows of ciphertext that nobody can open any more, and the indexes beside them. */
static err_t rooms_forget(house_t *h, const vault_order_t *order, size_t *ret_bookings)
{
    static id128_t bookings[SHOP_FORGET_MAX];
    wire_client_t shop;
    pay_client_t *pay;
    size_t n = 0;
    shop_init(h, &shop);
    err_t e = shop_forget(&shop, order->request, order->subject, bookings, &n);
    wire_client_deinit(&shop);
    TRY(e);
    TRY(pay_client_new(house_path(h, h->var, "run", "pay.sock", NULL).text, ROOM_COMMAND, &pay));
    for (size_t i = 0; i < n && !err_failed(e); i++) {
        e = pay_forget(pay, bookings[i]);
    }
    pay_client_free(pay);
    *ret_bookings = n;
    return e;
}

static err_t copies_record(house_t *h, const vault_order_t *order, const backup_copies_t *copies)
{
    uint8_t mem[LEDGER_TEXT_MAX];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact(&facts, "step", SLICE("copies"));
    ledger_fact(&facts, "by", order->by);
    ledger_fact_i64(&facts, "replaced", copies->replaced);
    ledger_fact_i64(&facts, "missed", copies->missed);
    return backup_record(h, LEDGER_ERASED, &facts);
}

static int erase(house_t *h, const vault_order_t *order)
{
    uint8_t mem[512];
    buf_t out = BUF_ON_ARRAY(mem);
    uint32_t keys = 0;
    size_t bookings = 0;
    backup_copies_t copies = {0};
    unsigned evidence_keys = 0;
    err_t e = evidence_destroy(h, order, &evidence_keys);
    if (err_failed(e)) {
        return refused(h, e);
    }
    e = keys_destroy(h, order, &keys);
    keys += evidence_keys;
    if (err_failed(e) && !err_is(e, ERR_EXPIRED)) {
        return refused(h, e);
    }
    bool already = err_failed(e);
    err_t emptied = rooms_forget(h, order, &bookings);
    backup_keys_everywhere(h, &copies);
    err_t recorded = copies_record(h, order, &copies);
    if (already) {
        house_say(h, COMMAND_MSG_ERASE_ALREADY);
    } else {
        command_msg_erase_done(&out, h->lang, (int64_t)keys, (int64_t)bookings);
        buf_u8(&out, '\n');
        house_print(buf_slice(&out));
    }
    if (err_failed(emptied)) {
        house_complain(h, COMMAND_MSG_ERASE_ROWS_LEFT);
        fprintf(stderr, "  %s (%s:%u)\n", err_text(emptied.code),
                emptied.where ? emptied.where : "-", (unsigned)emptied.line);
    }
    if (err_failed(recorded)) {
        house_complain(h, COMMAND_MSG_BACKUP_NOT_RECORDED);
    }
    return err_failed(emptied) || err_failed(recorded) || copies.missed ? 1 : 0;
}

/* A person at a terminal is asked once more: nothing brings the data back. */
static bool agreed(const house_t *h)
{
    char line[16];
    if (!isatty(STDIN_FILENO)) {
        return true;
    }
    house_print(i18n_text(&command_catalog, h->lang, COMMAND_MSG_ERASE_SURE));
    fflush(stdout);
    return fgets(line, sizeof line, stdin) && strcmp(line, "yes\n") == 0;
}

int erase_command(house_t *h, int argc, char **argv)
{
    person_ask_t ask;
    vault_order_t order;
    if (!ask_parse(argc, argv, &ask)) {
        house_complain(h, COMMAND_MSG_USAGE_ERASE);
        return 2;
    }
    err_t e = order_make(h, &ask, &order);
    if (err_failed(e)) {
        return refused(h, e);
    }
    return agreed(h) ? erase(h, &order) : 1;
}

/* ---- legal holds ---- */

static err_t holds_print(house_t *h, vault_client_t *vault)
{
    vault_hold_t *holds = ARENA_ARRAY(&h->arena, vault_hold_t, VAULT_HOLDS_MAX);
    size_t n = 0;
    ENSURE(holds, ERR_MEMORY);
    TRY(vault_holds(vault, &h->arena, holds, VAULT_HOLDS_MAX, &n));
    for (size_t i = 0; i < n; i++) {
        char id[ID_TEXT + 1] = {0};
        uint8_t mem[40];
        buf_t when = BUF_ON_ARRAY(mem);
        id_encode(holds[i].subject, id);
        time_put_rfc3339_tokyo(&when, holds[i].since_us);
        printf("%s  %.*s  %.*s  %.*s\n", id, SLICE_FMT(buf_slice(&when)), SLICE_FMT(holds[i].by),
               SLICE_FMT(holds[i].ref));
    }
    return OK;
}

static err_t hold_order(house_t *h, vault_client_t *vault, bool add, const person_ask_t *ask)
{
    vault_order_t order;
    TRY(order_make(h, ask, &order));
    TRY(add ? vault_hold_add(vault, &order) : vault_hold_release(vault, &order));
    house_say(h, add ? COMMAND_MSG_HOLD_SET : COMMAND_MSG_HOLD_RELEASED);
    return OK;
}

int hold_command(house_t *h, int argc, char **argv)
{
    person_ask_t ask = {0};
    vault_client_t *vault;
    bool list = argc == 1 && strcmp(argv[0], "list") == 0;
    bool add = argc > 1 && strcmp(argv[0], "add") == 0;
    bool release = argc > 1 && strcmp(argv[0], "release") == 0;
    if (!list && (!(add || release) || !ask_parse(argc - 1, argv + 1, &ask))) {
        house_complain(h, COMMAND_MSG_USAGE_HOLD);
        return 2;
    }
    err_t e = vault_client_new(house_path(h, h->var, "run", "vault.sock", NULL).text, ROOM_COMMAND,
                               &vault);
    if (err_failed(e)) {
        return refused(h, e);
    }
    e = list ? holds_print(h, vault) : hold_order(h, vault, add, &ask);
    vault_client_free(vault);
    return err_failed(e) ? refused(h, e) : 0;
}
