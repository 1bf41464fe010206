/* `sekisho ledger`: the verifier is a program of its own, it shares no code with the writer. An
 * order to preserve is a record: ledgerd obeys it before it is acknowledged. */
#include "ledger.h"

#include <jansson.h>

#include "base/id.h"
#include "ledger/api.h"
#include "run.h"
#include "text/b64.h"
#include "text/time.h"

enum { HOLDS_MAX = 256 };

static int verify(house_t *h, int argc, char **argv)
{
    if (argc > RUN_BECOME_MAX) {
        house_complain(h, COMMAND_MSG_USAGE_LEDGER);
        return 2;
    }
    const char *last = house_path(h, h->var, "ledger", NULL).text;
    for (int i = 0; i < argc; i++) {
        last = strcmp(argv[i], "--bundle") == 0 ? NULL : last; /* evidence needs no ledger */
    }
    return run_become(house_path(h, h->build, "ledger", "verify", "ledger-verify", NULL).text, argc,
                      argv, last);
}

static err_t ledger_open(house_t *h, ledger_client_t **ret_ledger)
{
    return ledger_client_new(house_path(h, h->var, "run", "ledger.sock", NULL).text, ROOM_COMMAND,
                             ret_ledger);
}

static int failed(const house_t *h, err_t e)
{
    house_complain(h, err_is(e, ERR_LIMIT)       ? COMMAND_MSG_HOLD_LONG
                      : err_is(e, ERR_NOT_FOUND) ? COMMAND_MSG_HOLD_UNKNOWN
                                                 : COMMAND_MSG_HOLD_FAILED);
    fprintf(stderr, "  %s (%s:%u)\n", err_text(e.code), e.where ? e.where : "-", (unsigned)e.line);
    return 1;
}

/* ---- what stands ---- */

typedef struct standing {
    uint8_t mem[WIRE_MAX_BYTES];
    ledger_entry_t entries[HOLDS_MAX];
    size_t count;
} standing_t;

static err_t standing_read(house_t *h, standing_t *s)
{
    ledger_client_t *ledger;
    TRY(ledger_open(h, &ledger));
    err_t e = ledger_holds(ledger, s->mem, sizeof s->mem, s->entries, HOLDS_MAX, &s->count);
    ledger_client_free(ledger);
    return e;
}

static bool stands(const standing_t *s, id128_t id)
{
    for (size_t i = 0; i < s->count; i++) {
        if (id_eq(s->entries[i].rec.object, id)) {
            return true;
        }
    }
    return false;
}

static void time_text(int64_t us, char out[40])
{
    buf_t b = buf_on(out, 39);
    time_put_rfc3339_tokyo(&b, us);
    out[b.len] = 0;
}

/* The fact's text as it was typed: percent-decoded, and nothing in it that steers a terminal. */
static void reason_text(slice_t facts, buf_t *out)
{
    slice_t part, name;
    while (slice_split(&facts, '&', &part)) {
        if (!slice_split(&part, '=', &name) || !slice_eq(name, SLICE("reason"))) {
            continue;
        }
        for (size_t i = 0; i < part.len; i++) {
            uint8_t byte = part.ptr[i];
            buf_t one = buf_on(&byte, 1);
            if (byte == '%' && !err_failed(hex_decode(slice_sub(part, i + 1, 2), &one))) {
                i += 2;
            }
            buf_u8(out, byte < ' ' || byte == 0x7f ? '?' : byte);
        }
        return;
    }
}

static void print_text(const house_t *h, const standing_t *s)
{
    for (size_t i = 0; i < s->count; i++) {
        char when[40], id[ID_TEXT + 1];
        uint8_t mem[LEDGER_TEXT_MAX];
        buf_t reason = BUF_ON_ARRAY(mem);
        time_text(s->entries[i].time_us, when);
        id_encode(s->entries[i].rec.object, id);
        id[ID_TEXT] = 0;
        reason_text(s->entries[i].rec.facts, &reason);
        printf("%s  %s  %.*s\n", id, when, SLICE_FMT(buf_slice(&reason)));
    }
    if (!s->count) {
        house_say(h, COMMAND_MSG_HOLD_NONE);
    }
}

static void print_json(const standing_t *s)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < s->count; i++) {
        char when[40], id[ID_TEXT + 1];
        uint8_t mem[LEDGER_TEXT_MAX];
        buf_t reason = BUF_ON_ARRAY(mem);
        time_text(s->entries[i].time_us, when);
        id_encode(s->entries[i].rec.object, id);
        id[ID_TEXT] = 0;
        reason_text(s->entries[i].rec.facts, &reason);
        json_array_append_new(rows, json_pack("{s:s, s:s, s:I, s:s%}", "hold", id, "time", when,
                                              "record", (json_int_t)s->entries[i].seq, "reason",
                                              (const char *)reason.ptr, reason.len));
    }
    json_t *all = json_pack("{s:o}", "holds", rows);
    json_dumpf(all, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    fputc('\n', stdout);
    json_decref(all);
}

static int holds(house_t *h, int argc, char **argv)
{
    static standing_t s;
    bool json = argc == 1 && strcmp(argv[0], "--json") == 0;
    if (argc && !json) {
        house_complain(h, COMMAND_MSG_USAGE_LEDGER);
        return 2;
    }
    err_t e = standing_read(h, &s);
    if (err_failed(e)) {
        return failed(h, e);
    }
    json ? print_json(&s) : print_text(h, &s);
    return 0;
}

/* ---- giving and lifting ---- */

static err_t order(house_t *h, ledger_type_t type, id128_t id, const char *reason)
{
    uint8_t mem[LEDGER_TEXT_MAX];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_client_t *ledger;
    ledger_fact(&facts, "reason", slice_cstr_in(reason));
    TRY(buf_check(&facts));
    TRY(ledger_open(h, &ledger));
    err_t e = ledger_append(
        ledger,
        &(ledger_record_t){
            .type = type, .request = id_new(), .object = id, .facts = buf_slice(&facts)},
        1, NULL);
    ledger_client_free(ledger);
    return e;
}

static void said(const house_t *h, id128_t id, bool stood)
{
    char text[ID_TEXT + 1];
    uint8_t mem[512];
    buf_t out = BUF_ON_ARRAY(mem);
    id_encode(id, text);
    text[ID_TEXT] = 0;
    if (stood) {
        command_msg_hold_lifted(&out, h->lang, slice_cstr_in(text));
    } else {
        command_msg_hold_given(&out, h->lang, slice_cstr_in(text));
    }
    buf_u8(&out, '\n');
    house_print(buf_slice(&out));
}

static int hold(house_t *h, int argc, char **argv)
{
    id128_t id = id_new();
    if (argc != 2 || strcmp(argv[0], "--reason") != 0 || !argv[1][0]) {
        house_complain(h, COMMAND_MSG_USAGE_LEDGER);
        return 2;
    }
    err_t e = order(h, LEDGER_HOLD, id, argv[1]);
    if (err_failed(e)) {
        return failed(h, e);
    }
    said(h, id, false);
    return 0;
}

static int release(house_t *h, int argc, char **argv)
{
    static standing_t s;
    id128_t id;
    if (argc != 3 || strcmp(argv[1], "--reason") != 0 || !argv[2][0] ||
        err_failed(id_decode(slice_cstr_in(argv[0]), &id))) {
        house_complain(h, COMMAND_MSG_USAGE_LEDGER);
        return 2;
    }
    err_t e = standing_read(h, &s);
    if (!err_failed(e)) {
        e = stands(&s, id) ? order(h, LEDGER_HOLD_RELEASED, id, argv[2]) : FAIL(ERR_NOT_FOUND);
    }
    if (err_failed(e)) {
        return failed(h, e);
    }
    said(h, id, true);
    return 0;
}

typedef struct ledger_verb {
    const char *name;
    int (*run)(house_t *h, int argc, char **argv);
} ledger_verb_t;

static const ledger_verb_t VERBS[] = {
    {"verify", verify}, {"hold", hold}, {"release", release}, {"holds", holds}};

int ledger_command(house_t *h, int argc, char **argv)
{
    for (size_t i = 0; argc > 0 && i < BASE_COUNT(VERBS); i++) {
        if (strcmp(argv[0], VERBS[i].name) == 0) {
            return VERBS[i].run(h, argc - 1, argv + 1);
        }
    }
    house_complain(h, COMMAND_MSG_USAGE_LEDGER);
    return 2;
}
