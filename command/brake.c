/* Stopping takes one hand: the machine's own key. Resuming asks for the two enrolled persons' keys,
 * and its record must be durable before the board changes; a stop is never held up by a dead
 * ledger. */
#include "brake.h"

#include <unistd.h>

#include "base/clock.h"
#include "brake/api_writer.h"
#include "io/secrets.h"
#include "ledger/api.h"
#include "setup.h"
#include "text/time.h"

typedef struct order {
    brake_lever_t lever;
    bool stop;
    const char *reason;
    const char *key_files[2];
    size_t n_keys;
} order_t;

static bool lever_parse(const char *name, brake_lever_t *ret_lever)
{
    for (unsigned i = 0; i < BRAKE_LEVER_COUNT; i++) {
        if (strcmp(name, brake_lever_name(i)) == 0) {
            *ret_lever = (brake_lever_t)i;
            return true;
        }
    }
    return false;
}

static bool order_parse(int argc, char **argv, order_t *o)
{
    *o = (order_t){0};
    if (argc < 2 || !lever_parse(argv[0], &o->lever)) {
        return false;
    }
    o->stop = strcmp(argv[1], "stop") == 0;
    if (!o->stop && strcmp(argv[1], "resume") != 0) {
        return false;
    }
    for (int i = 2; i < argc; i += 2) {
        if (i + 1 >= argc) {
            return false;
        }
        if (strcmp(argv[i], "--reason") == 0) {
            o->reason = argv[i + 1];
        } else if (strcmp(argv[i], "--key") == 0 && !o->stop && o->n_keys < 2) {
            o->key_files[o->n_keys++] = argv[i + 1];
        } else {
            return false;
        }
    }
    return o->reason && o->reason[0] && strlen(o->reason) <= BRAKE_REASON_MAX;
}

static err_t key_load(house_t *h, const char *file, brake_signing_key_t *ret_key)
{
    slice_t bytes;
    path_t path;
    TRY(path_from_conf(&h->arena, slice_cstr_in(file), &path));
    TRY(file_read(&h->arena, path, BRAKE_SIGN_KEY_BYTES, &bytes));
    ENSURE(bytes.len == BRAKE_SIGN_KEY_BYTES, ERR_CORRUPT);
    memcpy(ret_key->b, bytes.ptr, BRAKE_SIGN_KEY_BYTES);
    return OK;
}

/* Asks for a key file by name where none was given. */
static bool key_ask(const house_t *h, char *line, size_t cap)
{
    house_print(i18n_text(&command_catalog, h->lang, COMMAND_MSG_BRAKE_ASK_KEY));
    fflush(stdout);
    if (!fgets(line, (int)cap, stdin)) {
        return false;
    }
    line[strcspn(line, "\n")] = 0;
    return line[0] != 0;
}

/* generation: of the board that carries the order; 0 = none yet. A restore reads it back. */
static err_t order_record(house_t *h, const order_t *o, id128_t order_id, const char *step,
                          uint64_t generation)
{
    uint8_t mem[LEDGER_TEXT_MAX];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_client_t *ledger;
    ledger_fact(&facts, "lever", slice_cstr_in(brake_lever_name(o->lever)));
    ledger_fact(&facts, "order", slice_cstr_in(o->stop ? "stop" : "resume"));
    ledger_fact(&facts, "step", slice_cstr_in(step));
    if (generation) {
        ledger_fact_i64(&facts, "generation", (int64_t)generation);
    }
    ledger_fact(&facts, "reason", slice_cstr_in(o->reason));
    TRY(buf_check(&facts));
    TRY(ledger_client_new(house_path(h, h->var, "run", "ledger.sock", NULL).text, ROOM_COMMAND,
                          &ledger));
    uint64_t seq;
    err_t e = ledger_append(ledger,
                            &(ledger_record_t){.type = LEDGER_BRAKE_ORDER,
                                               .request = order_id,
                                               .object = order_id,
                                               .facts = buf_slice(&facts)},
                            1, &seq);
    ledger_client_free(ledger);
    return e;
}

static err_t stop(house_t *h, const order_t *o, uint64_t *ret_generation)
{
    brake_signing_key_t key;
    err_t e = secrets_load_from(house_path(h, h->var, "secrets", "command", NULL),
                                SETUP_MACHINE_KEY, geteuid(), key.b, sizeof key.b);
    if (!err_failed(e)) {
        e = brake_close(house_path(h, h->var, "brake", NULL).text, 1U << o->lever, &key, o->reason,
                        ret_generation);
    }
    brake_key_wipe(&key);
    return e;
}

static err_t resume(house_t *h, const order_t *o, id128_t order_id, uint64_t *ret_generation)
{
    brake_signing_key_t keys[2] = {0};
    char lines[2][512];
    err_t e = OK;
    for (size_t i = 0; i < 2 && !err_failed(e); i++) {
        const char *file = i < o->n_keys                           ? o->key_files[i]
                           : key_ask(h, lines[i], sizeof lines[i]) ? lines[i]
                                                                   : NULL;
        e = file ? key_load(h, file, &keys[i]) : FAIL(ERR_USAGE);
    }
    path_t board = house_path(h, h->var, "brake", NULL);
    if (!err_failed(e)) {
        e = brake_may_open(board.text, keys);
        if (err_is(e, ERR_DENIED)) {
            err_ignore(order_record(h, o, order_id, "refused",
                                    0)); /* it is refused with or without the record */
        }
    }
    if (!err_failed(e)) {
        e = order_record(h, o, order_id, "decided", 0);
    }
    if (!err_failed(e)) {
        e = brake_open(board.text, 1U << o->lever, keys, o->reason, ret_generation);
    }
    brake_key_wipe(&keys[0]);
    brake_key_wipe(&keys[1]);
    return e;
}

static int give_order(house_t *h, const order_t *o)
{
    uint64_t generation = 0;
    id128_t order_id = id_new();
    err_t e = o->stop ? stop(h, o, &generation) : resume(h, o, order_id, &generation);
    if (err_failed(e)) {
        house_complain(h, e.code == ERR_DENIED         ? COMMAND_MSG_BRAKE_DENIED
                          : e.code == ERR_NOT_RECORDED ? COMMAND_MSG_BRAKE_NOT_RECORDED
                                                       : COMMAND_MSG_BRAKE_FAILED);
        fprintf(stderr, "  %s (%s:%u)\n", err_text(e.code), e.where, (unsigned)e.line);
        return 1;
    }
    if (err_failed(order_record(h, o, order_id, "on the board", generation))) {
        house_complain(h, COMMAND_MSG_BRAKE_RECORD_LATER);
    }
    uint8_t mem[512];
    buf_t out = BUF_ON_ARRAY(mem);
    command_msg_brake_done(
        &out, h->lang, slice_cstr_in(brake_lever_name(o->lever)),
        i18n_text(&command_catalog, h->lang,
                  o->stop ? COMMAND_MSG_BRAKE_STATE_CLOSED : COMMAND_MSG_BRAKE_STATE_OPEN),
        (int64_t)generation);
    house_print(buf_slice(&out));
    fputc('\n', stdout);
    return 0;
}

static int show(house_t *h)
{
    brake_reader_t *reader;
    if (err_failed(brake_reader_new(house_path(h, h->var, "brake", NULL).text, NULL, &reader))) {
        house_complain(h, COMMAND_MSG_BRAKE_FAILED);
        return 1;
    }
    brake_state_t s = brake_now(reader);
    for (unsigned i = 0; i < BRAKE_LEVER_COUNT; i++) {
        slice_t state =
            i18n_text(&command_catalog, h->lang,
                      brake_is_open(&s, (brake_lever_t)i) ? COMMAND_MSG_BRAKE_STATE_OPEN
                                                          : COMMAND_MSG_BRAKE_STATE_CLOSED);
        printf("%-14s %.*s\n", brake_lever_name(i), SLICE_FMT(state));
    }
    printf("generation %llu, %s\n%s\n", (unsigned long long)s.generation,
           brake_trouble_name(s.trouble), s.reason);
    brake_reader_free(reader);
    return s.trouble == BRAKE_FINE ? 0 : 1;
}

int brake_command(house_t *h, int argc, char **argv)
{
    order_t order;
    if (argc == 1 && strcmp(argv[0], "status") == 0) {
        return show(h);
    }
    if (!order_parse(argc, argv, &order)) {
        house_complain(h, COMMAND_MSG_USAGE_BRAKE);
        return 2;
    }
    return give_order(h, &order);
}
