/* The story of one thing: all records about it, about what belongs to it, and of every request that
 * touched it. */
#include "trace.h"

#include "investigate.h"

#include <jansson.h>

#include "base/clock.h"
#include "ledger/api.h"
#include "shop/api.h"
#include "text/time.h"
#include "vault/api.h"

enum {
    TRACE_ENTRIES_MAX = 20000,
    TRACE_IDS_MAX = 4000,
    TRACE_PAGE = 256,
    TRACE_ARENA = 64 * 1024 * 1024
};

typedef struct asked {
    ledger_find_t which;
    id128_t id;
} asked_t;

typedef struct story {
    arena_t arena;
    ledger_client_t *ledger;
    ledger_entry_t *entries; /* TRACE_ENTRIES_MAX */
    size_t n_entries;
    asked_t *asked; /* questions: those before `next` are answered */
    size_t n_asked, next;
    bool cut; /* more than the bounds hold */
} story_t;

static void ask_later(story_t *s, ledger_find_t which, id128_t id)
{
    if (id_is_zero(id)) {
        return;
    }
    for (size_t i = 0; i < s->n_asked; i++) {
        if (s->asked[i].which == which && id_eq(s->asked[i].id, id)) {
            return;
        }
    }
    if (s->n_asked == TRACE_IDS_MAX) {
        s->cut = true;
        return;
    }
    s->asked[s->n_asked++] = (asked_t){which, id};
}

static bool known(const story_t *s, uint64_t seq)
{
    for (size_t i = 0; i < s->n_entries; i++) {
        if (s->entries[i].seq == seq) {
            return true;
        }
    }
    return false;
}

static err_t keep(story_t *s, const ledger_entry_t *e)
{
    if (known(s, e->seq)) {
        return OK;
    }
    if (s->n_entries == TRACE_ENTRIES_MAX) {
        s->cut = true;
        return OK;
    }
    ledger_entry_t copy = *e;
    TRY(arena_copy(&s->arena, e->rec.facts, &copy.rec.facts));
    copy.rec.payload = SLICE_EMPTY; /* sealed: an investigator opens it elsewhere */
    s->entries[s->n_entries++] = copy;
    return OK;
}

/* From a record about our object the questions go on to its request and to what belongs to the
 * object; from a record that a request brought along they go no further, or one busy session would
 * drag in the whole day. */
static void follow(story_t *s, const asked_t *from, const ledger_entry_t *e)
{
    if (from->which == LEDGER_BY_REQUEST) {
        return;
    }
    ask_later(s, LEDGER_BY_REQUEST, e->rec.request);
    if (id_eq(e->rec.parent, from->id)) {
        ask_later(s, LEDGER_BY_OBJECT, e->rec.object);
    }
}

static err_t answer(story_t *s, const asked_t *question)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    ledger_entry_t page[TRACE_PAGE];
    uint64_t from = 0;
    do {
        size_t n = 0;
        TRY(ledger_find(s->ledger, question->which, question->id, &from, mem, sizeof mem, page,
                        TRACE_PAGE, &n));
        for (size_t i = 0; i < n; i++) {
            TRY(keep(s, &page[i]));
            follow(s, question, &page[i]);
        }
    } while (from != 0 && !s->cut);
    return OK;
}

static int by_seq(const void *a, const void *b)
{
    const ledger_entry_t *x = a, *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static err_t collect(story_t *s)
{
    while (s->next < s->n_asked) {
        asked_t question = s->asked[s->next++];
        TRY(answer(s, &question));
    }
    qsort(s->entries, s->n_entries, sizeof *s->entries, by_seq);
    return OK;
}

/* ---- where a story begins ---- */

static err_t booking_begin(house_t *h, story_t *s, slice_t text)
{
    id128_t id;
    if (err_failed(id_decode(text, &id))) {
        wire_client_t shop;
        shop_client_init(&shop, house_path(h, h->var, "run", "shop.sock", NULL), ROOM_COMMAND);
        err_t e = shop_find_booking(&shop, text, &id);
        wire_client_deinit(&shop);
        TRY(e);
    }
    ask_later(s, LEDGER_BY_OBJECT, id);
    return OK;
}

static err_t request_begin(house_t *h, story_t *s, slice_t text)
{
    id128_t id;
    TRY(id_decode(text, &id));
    ask_later(s, LEDGER_BY_REQUEST, id);
    return OK;
}

/* A customer is known to the record by a pseudonym that only the vault can make. */
static err_t customer_begin(house_t *h, story_t *s, slice_t text)
{
    id128_t id, pseudonym;
    vault_client_t *vault;
    TRY(id_decode(text, &id));
    TRY(vault_client_new(house_path(h, h->var, "run", "vault.sock", NULL).text, ROOM_COMMAND,
                         &vault));
    err_t e = vault_pseudonym(vault, id, &pseudonym);
    vault_client_free(vault);
    ask_later(s, LEDGER_BY_OBJECT, id);
    if (!err_failed(e)) {
        ask_later(s, LEDGER_BY_SUBJECT, pseudonym);
    }
    return e.code == ERR_NOT_FOUND ? OK : e;
}

typedef struct trace_kind {
    const char *name;
    err_t (*begin)(house_t *h, story_t *s, slice_t text);
} trace_kind_t;

static const trace_kind_t KINDS[] = {
    {"booking", booking_begin}, {"request", request_begin}, {"customer", customer_begin}};

/* ---- telling it ---- */

static void id_text(id128_t id, char out[ID_TEXT + 1])
{
    id_encode(id, out);
    out[ID_TEXT] = 0;
    if (id_is_zero(id)) {
        snprintf(out, ID_TEXT + 1, "-");
    }
}

/* Facts are ASCII by contract; a hostile room could still send control bytes, which a terminal must
 * not see. */
static void facts_print(slice_t facts)
{
    for (size_t i = 0; i < facts.len; i++) {
        uint8_t c = facts.ptr[i];
        fputc(c == '&' ? ' ' : c >= 0x20 && c < 0x7f ? c : '?', stdout);
    }
}

static void time_text(int64_t us, char out[40])
{
    buf_t b = buf_on(out, 39);
    time_put_rfc3339_tokyo(&b, us);
    out[b.len] = 0;
}

static void print_text(const house_t *h, const story_t *s)
{
    for (size_t i = 0; i < s->n_entries; i++) {
        const ledger_entry_t *e = &s->entries[i];
        char when[40], request[ID_TEXT + 1];
        time_text(e->time_us, when);
        id_text(e->rec.request, request);
        printf("%8llu  %s  %-7s %-18s %s  ", (unsigned long long)e->seq, when,
               room_name((room_id_t)e->room), ledger_type_name(e->rec.type), request);
        facts_print(e->rec.facts);
        fputc('\n', stdout);
    }
    if (s->cut) {
        house_say(h, COMMAND_MSG_TRACE_CUT);
    }
}

static void print_json(const story_t *s)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < s->n_entries; i++) {
        const ledger_entry_t *e = &s->entries[i];
        char when[40], request[ID_TEXT + 1], object[ID_TEXT + 1], parent[ID_TEXT + 1];
        time_text(e->time_us, when);
        id_text(e->rec.request, request);
        id_text(e->rec.object, object);
        id_text(e->rec.parent, parent);
        json_array_append_new(
            rows, json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s%}", "seq",
                            (json_int_t)e->seq, "time", when, "room", room_name((room_id_t)e->room),
                            "type", ledger_type_name(e->rec.type), "request", request, "object",
                            object, "parent", parent, "count", (json_int_t)e->rec.count, "facts",
                            (const char *)e->rec.facts.ptr, e->rec.facts.len));
    }
    json_t *all = json_pack("{s:o, s:b}", "records", rows, "cut", (int)s->cut);
    json_dumpf(all, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    fputc('\n', stdout);
    json_decref(all);
}

static err_t story_open(house_t *h, story_t *s)
{
    *s = (story_t){0};
    arena_init(&s->arena, TRACE_ARENA);
    s->entries = ARENA_ARRAY(&s->arena, ledger_entry_t, TRACE_ENTRIES_MAX);
    s->asked = ARENA_ARRAY(&s->arena, asked_t, TRACE_IDS_MAX);
    ENSURE(s->entries && s->asked, ERR_MEMORY);
    return ledger_client_new(house_path(h, h->var, "run", "ledger.sock", NULL).text, ROOM_COMMAND,
                             &s->ledger);
}

static void story_close(story_t *s)
{
    if (s->ledger) {
        ledger_client_free(s->ledger);
    }
    arena_deinit(&s->arena);
}

int trace_command(house_t *h, int argc, char **argv)
{
    if (argc >= 1 && strncmp(argv[0], "--", 2) == 0) {
        return investigate_trace(h, argc, argv);
    }
    const trace_kind_t *kind = NULL;
    bool json = argc == 3 && strcmp(argv[2], "--json") == 0;
    for (size_t i = 0; i < BASE_COUNT(KINDS) && argc >= 2; i++) {
        kind = strcmp(argv[0], KINDS[i].name) == 0 ? &KINDS[i] : kind;
    }
    if (!kind || (argc != 2 && !json)) {
        house_complain(h, COMMAND_MSG_USAGE_TRACE);
        return 2;
    }
    BASE_CLEANUP(story_close) story_t s;
    err_t e = story_open(h, &s);
    if (!err_failed(e)) {
        e = kind->begin(h, &s, slice_cstr_in(argv[1]));
    }
    if (!err_failed(e)) {
        e = collect(&s);
    }
    if (err_failed(e)) {
        house_complain(h, e.code == ERR_NOT_FOUND || e.code == ERR_SYNTAX
                              ? COMMAND_MSG_TRACE_UNKNOWN
                              : COMMAND_MSG_TRACE_FAILED);
        fprintf(stderr, "  %s (%s:%u)\n", err_text(e.code), e.where ? e.where : "-",
                (unsigned)e.line);
        return 1;
    }
    if (json) {
        print_json(&s);
    } else {
        print_text(h, &s);
    }
    return s.n_entries ? 0 : 1;
}
