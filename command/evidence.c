#include "evidence.h"

#include <errno.h>
#include <sodium.h>
#include <unistd.h>

#include "base/secret.h"
#include "text/time.h"
#include "text/utf8.h"

enum { PAGE = 256, KEY_FILE_MAX = 1024, ARENA = 8 * 1024 * 1024 };

typedef struct ask {
    const char *key, *by, *ref, *out;
    bool all, json;
    id128_t request; /* zero: all */
    int64_t from_us, to_us;
} ask_t;

typedef struct work {
    house_t *h;
    ask_t ask;
    ledger_client_t *ledger;
    wire_client_t vault;
    secret_t secret;
    vault_evidence_order_t order;
    uint64_t opened, erased, failed, listed;
} work_t;

/* ---- shared ---- */

slice_t evidence_fact(slice_t facts, const char *key)
{
    slice_t part, want = slice_cstr_in(key);
    while (slice_split(&facts, '&', &part)) {
        size_t eq = slice_find_byte(part, '=');
        if (eq != SIZE_MAX && slice_eq(slice_sub(part, 0, eq), want)) {
            return slice_from(part, eq + 1);
        }
    }
    return SLICE_EMPTY;
}

slice_t evidence_by(const char *option)
{
    const char *const from[] = {option, getenv("SUDO_USER"), getenv("USER")};
    for (size_t i = 0; i < BASE_COUNT(from); i++) {
        slice_t word = slice_cstr_in(from[i]);
        if (from[i] && (vault_evidence_word_ok(word) || i == 0)) {
            return word;
        }
    }
    return SLICE("root");
}

err_t evidence_each(ledger_client_t *ledger, evidence_each_fn *fn, void *ctx)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    static ledger_entry_t page[PAGE];
    uint64_t from = 0;
    size_t n;
    do {
        TRY(ledger_tail(ledger, &from, PAGE, 0, mem, sizeof mem, page, PAGE, &n));
        for (size_t i = 0; i < n; i++) {
            TRY(fn(ctx, &page[i]));
        }
    } while (n);
    return OK;
}

static bool is_asked(const ask_t *a, const ledger_entry_t *e)
{
    return evidence_is_sealed(e->rec.payload) &&
           (id_is_zero(a->request) || id_eq(a->request, e->rec.request)) &&
           e->time_us >= a->from_us && e->time_us <= a->to_us;
}

static err_t each_asked(work_t *w, evidence_each_fn *fn)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    static ledger_entry_t page[PAGE];
    uint64_t from = 0;
    if (id_is_zero(w->ask.request)) {
        return evidence_each(w->ledger, fn, w);
    }
    do {
        size_t n = 0;
        TRY(ledger_find(w->ledger, LEDGER_BY_REQUEST, w->ask.request, &from, mem, sizeof mem, page,
                        PAGE, &n));
        for (size_t i = 0; i < n; i++) {
            TRY(fn(w, &page[i]));
        }
    } while (from);
    return OK;
}

/* ---- list ---- */

static void id_text(id128_t id, char out[ID_TEXT + 1])
{
    id_encode(id, out);
    out[ID_TEXT] = 0;
}

static void facts_print(slice_t facts)
{
    for (size_t i = 0; i < facts.len; i++) {
        uint8_t c = facts.ptr[i];
        putchar(c == '&' ? ' ' : c >= 0x20 && c < 0x7f && c != '"' && c != '\\' ? c : '?');
    }
}

static err_t list_one(void *ctx, const ledger_entry_t *e)
{
    work_t *w = ctx;
    char when[41] = {0}, request[ID_TEXT + 1];
    buf_t b = buf_on(when, 40);
    if (!is_asked(&w->ask, e)) {
        return OK;
    }
    time_put_rfc3339_tokyo(&b, e->time_us);
    id_text(e->rec.request, request);
    if (w->ask.json) {
        printf("%s{\"seq\":%llu,\"time\":\"%s\",\"room\":\"%s\",\"request\":\"%s\",\"bytes\":%u,"
               "\"facts\":\"",
               w->listed ? ",\n " : "[", (unsigned long long)e->seq, when,
               room_name((room_id_t)e->room), request, e->rec.count);
        facts_print(e->rec.facts);
        printf("\"}");
    } else {
        printf("%8llu  %s  %-6s %s  %6u  ", (unsigned long long)e->seq, when,
               room_name((room_id_t)e->room), request, e->rec.count);
        facts_print(e->rec.facts);
        putchar('\n');
    }
    w->listed++;
    return OK;
}

/* ---- open ---- */

/* What came from outside must not steer a terminal: anything but plain lines is shown by number. */
static void plain_print(slice_t plain)
{
    while (plain.len) {
        slice_t before = plain;
        uint32_t c = utf8_take(&plain);
        slice_t bytes = slice_sub(before, 0, before.len - plain.len);
        bool odd = c == UTF8_BAD || (c < 0x20 && c != '\n') || c == 0x7f ||
                   (c >= 0x80 && c < 0xa0) || c == '\\' || (c >= 0x202a && c <= 0x202e) ||
                   (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029;
        if (c == '\r' && plain.len && plain.ptr[0] == '\n') {
            continue;
        }
        for (size_t i = 0; odd && i < bytes.len; i++) {
            printf("\\x%02x", bytes.ptr[i]);
        }
        if (!odd) {
            house_print(bytes);
        }
    }
}

static err_t plain_write(const work_t *w, const ledger_entry_t *e, slice_t plain)
{
    slice_t name;
    path_t dir, file;
    char request[ID_TEXT + 1];
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 16 * 1024);
    id_text(e->rec.request, request);
    TRY(path_from_conf(&a, slice_cstr_in(w->ask.out), &dir));
    TRY(dir_ensure(dir, 0700, (uid_t)-1, (gid_t)-1));
    TRY(arena_printf(&a, &name, "%llu-%s.txt", (unsigned long long)e->seq, request));
    TRY(path_join(&a, dir, name, &file));
    return file_replace(file, plain, 0600);
}

static err_t plain_give(work_t *w, const ledger_entry_t *e, slice_t plain)
{
    w->opened++;
    if (w->ask.out) {
        return plain_write(w, e, plain);
    }
    printf("---- %llu ----\n", (unsigned long long)e->seq);
    plain_print(plain);
    putchar('\n');
    return OK;
}

static void shut_say(work_t *w, const ledger_entry_t *e, err_code_t code)
{
    uint8_t mem[512];
    buf_t out = BUF_ON_ARRAY(mem);
    command_msg_t msg = code == ERR_EXPIRED     ? COMMAND_MSG_EVIDENCE_ERASED
                        : code == ERR_NOT_FOUND ? COMMAND_MSG_EVIDENCE_NO_KEY
                        : code == ERR_DENIED    ? COMMAND_MSG_EVIDENCE_OTHER_KEY
                                                : COMMAND_MSG_EVIDENCE_DAMAGED;
    w->erased += code == ERR_EXPIRED;
    w->failed += code != ERR_EXPIRED;
    buf_dec(&out, (int64_t)e->seq);
    buf_cstr(&out, ": ");
    buf_put(&out, i18n_text(&command_catalog, w->h->lang, msg));
    fprintf(stderr, "%.*s\n", SLICE_FMT(buf_slice(&out)));
}

/* One at a time: a person reads them, and each is a record of its own. */
static err_t open_one(void *ctx, const ledger_entry_t *e)
{
    work_t *w = ctx;
    BASE_CLEANUP(arena_deinit) arena_t a;
    evidence_outer_t outer;
    vault_evidence_opened_t opened;
    slice_t plain;
    if (!is_asked(&w->ask, e)) {
        return OK;
    }
    w->listed++;
    arena_init(&a, ARENA);
    err_t err = evidence_outer_open(&a, w->secret.b, e->rec.payload, &outer);
    if (err_is(err, ERR_CRYPTO)) { /* not the key that it was sealed to, or altered */
        shut_say(w, e, ERR_DENIED);
        return OK;
    }
    TRY(err);
    vault_evidence_piece_t piece = {e->rec.request, outer.place, outer.inner};
    TRY(vault_evidence_open(&w->vault, &a, &w->order, &piece, 1, &opened));
    if (opened.code != ERR_NONE || err_failed(evidence_check(&outer, opened.bytes, &plain))) {
        shut_say(w, e, opened.code != ERR_NONE ? opened.code : ERR_CRYPTO);
        return OK;
    }
    return plain_give(w, e, plain);
}

static err_t secret_read(work_t *w)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    path_t path = house_path(w->h, w->h->var, "offline", "investigator.key", NULL);
    slice_t text;
    arena_init(&a, 16 * 1024);
    if (w->ask.key) {
        TRY(path_from_conf(&w->h->arena, slice_cstr_in(w->ask.key), &path));
    }
    TRY(file_read(&a, path, KEY_FILE_MAX, &text));
    return evidence_key_read(text, "x25519-secret ", w->secret.b);
}

static int open_end(const work_t *w)
{
    uint8_t mem[256];
    buf_t out = BUF_ON_ARRAY(mem);
    command_msg_evidence_opened(&out, w->h->lang, (int64_t)w->opened, (int64_t)w->erased,
                                (int64_t)w->failed);
    fprintf(stderr, "%.*s\n", SLICE_FMT(buf_slice(&out)));
    return w->failed || w->listed == 0 ? 1 : 0;
}

static int failed_say(const work_t *w, err_t e)
{
    house_complain(w->h, err_is(e, ERR_NOT_RECORDED) ? COMMAND_MSG_EVIDENCE_NOT_RECORDED
                         : err_is(e, ERR_CORRUPT)    ? COMMAND_MSG_EVIDENCE_BAD_KEY
                                                     : COMMAND_MSG_EVIDENCE_FAILED);
    fprintf(stderr, "  %s (%s:%u)\n", err_text(e.code), e.where ? e.where : "-", (unsigned)e.line);
    return 1;
}

static int open_all(work_t *w)
{
    w->order = (vault_evidence_order_t){
        .id = id_new(), .by = evidence_by(w->ask.by), .ref = slice_cstr_in(w->ask.ref)};
    if (!vault_evidence_word_ok(w->order.by) ||
        (w->order.ref.len && !vault_evidence_word_ok(w->order.ref))) {
        house_complain(w->h, COMMAND_MSG_EVIDENCE_WORDS);
        return 2;
    }
    vault_evidence_client_init(&w->vault, house_path(w->h, w->h->var, "run", "vault.sock", NULL),
                               ROOM_COMMAND);
    err_t e = secret_read(w);
    if (err_is(e, ERR_NOT_FOUND)) {
        house_complain(w->h, COMMAND_MSG_EVIDENCE_KEY_MISSING);
        wire_client_deinit(&w->vault);
        return 1;
    }
    if (!err_failed(e)) {
        e = each_asked(w, open_one);
    }
    secret_wipe(&w->secret);
    wire_client_deinit(&w->vault);
    return err_failed(e) ? failed_say(w, e) : open_end(w);
}

/* ---- the verbs ---- */

static bool option_take(ask_t *a, const char *name, const char *value)
{
    const char **const text = strcmp(name, "--key") == 0   ? &a->key
                              : strcmp(name, "--by") == 0  ? &a->by
                              : strcmp(name, "--ref") == 0 ? &a->ref
                              : strcmp(name, "--out") == 0 ? &a->out
                                                           : NULL;
    if (text) {
        *text = value;
        return value[0] != 0;
    }
    if (strcmp(name, "--request") == 0) {
        return !err_failed(id_decode(slice_cstr_in(value), &a->request));
    }
    int64_t *time = strcmp(name, "--from") == 0 ? &a->from_us
                    : strcmp(name, "--to") == 0 ? &a->to_us
                                                : NULL;
    return time && !err_failed(time_parse_rfc3339(slice_cstr_in(value), time));
}

static bool ask_parse(int argc, char **argv, bool opens, ask_t *a)
{
    *a = (ask_t){.from_us = INT64_MIN, .to_us = INT64_MAX};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--all") == 0 && opens) {
            a->all = true;
        } else if (strcmp(argv[i], "--json") == 0 && !opens) {
            a->json = true;
        } else if (i + 1 >= argc || !option_take(a, argv[i], argv[i + 1])) {
            return false;
        } else {
            i++;
        }
    }
    bool opening_words = a->key || a->by || a->ref || a->out;
    return opens ? a->all == id_is_zero(a->request) : !opening_words;
}

int evidence_command(house_t *h, int argc, char **argv)
{
    work_t w = {.h = h};
    bool opens = argc >= 1 && strcmp(argv[0], "open") == 0;
    if (argc < 1 || (!opens && strcmp(argv[0], "list") != 0) ||
        !ask_parse(argc, argv, opens, &w.ask)) {
        house_complain(h, COMMAND_MSG_USAGE_EVIDENCE);
        return 2;
    }
    CHECK(sodium_init() >= 0);
    err_t e = ledger_client_new(house_path(h, h->var, "run", "ledger.sock", NULL).text,
                                ROOM_COMMAND, &w.ledger);
    if (err_failed(e)) {
        return failed_say(&w, e);
    }
    int code = 0;
    if (opens) {
        code = open_all(&w);
    } else {
        e = each_asked(&w, list_one);
        if (w.ask.json) {
            fputs(w.listed ? "]\n" : "[]\n", stdout);
        }
        code = err_failed(e) ? failed_say(&w, e) : 0;
    }
    ledger_client_free(w.ledger);
    return code;
}
