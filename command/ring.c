#include "ring.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "base/clock.h"
#include "control.h"
#include "evidence.h"
#include "text/time.h"

enum { KEYS_MAX = 8192, ARENA = 128 << 20 };

typedef struct chunk {
    evidence_ring_slot_t first; /* one of those that are sealed with it */
    uint8_t key[EVIDENCE_KEY];
    bool open;
} chunk_t;

typedef struct ring {
    house_t *h;
    const char *out, *by, *ref;
    int64_t since_us;
    arena_t arena;
    evidence_ring_slot_t *slots;
    chunk_t *chunks;
    size_t n_slots, n_chunks;
    uint64_t shown, shut;
} ring_t;

static int by_number(const void *a, const void *b)
{
    const evidence_ring_slot_t *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* A copy: nginx goes on writing. */
static err_t ring_load(ring_t *r)
{
    slice_t file;
    path_t path = house_path(r->h, r->h->var, "guard", "ring", NULL);
    size_t size = (size_t)(EVIDENCE_RING_SLOTS + 1) * EVIDENCE_RING_BYTES;
    TRY(file_read(&r->arena, path, size, &file));
    ENSURE(file.len == size && slice_starts(file, SLICE(EVIDENCE_RING_MAGIC)), ERR_CORRUPT);
    r->slots = ARENA_ARRAY(&r->arena, evidence_ring_slot_t, EVIDENCE_RING_SLOTS);
    r->chunks = ARENA_ARRAY(&r->arena, chunk_t, KEYS_MAX);
    ENSURE(r->slots && r->chunks, ERR_MEMORY);
    for (size_t i = 1; i <= EVIDENCE_RING_SLOTS; i++) {
        evidence_ring_slot_t s;
        if (evidence_ring_read(slice_sub(file, i * EVIDENCE_RING_BYTES, EVIDENCE_RING_BYTES), &s) &&
            s.wall_us >= r->since_us) {
            r->slots[r->n_slots++] = s;
        }
    }
    qsort(r->slots, r->n_slots, sizeof *r->slots, by_number);
    return OK;
}

static chunk_t *chunk_of(const ring_t *r, const evidence_ring_slot_t *s)
{
    for (size_t i = r->n_chunks; i-- > 0;) { /* neighbours have the same one */
        if (slice_eq(r->chunks[i].first.sealed_key, s->sealed_key)) {
            return &r->chunks[i];
        }
    }
    return NULL;
}

static void chunks_find(ring_t *r)
{
    for (size_t i = 0; i < r->n_slots && r->n_chunks < KEYS_MAX; i++) {
        if (!chunk_of(r, &r->slots[i])) {
            r->chunks[r->n_chunks++].first = r->slots[i];
        }
    }
}

static err_t some_open(ring_t *r, wire_client_t *vault, const vault_evidence_order_t *order,
                       chunk_t *chunks, size_t n)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    vault_evidence_piece_t pieces[VAULT_EVIDENCE_BATCH];
    vault_evidence_opened_t opened[VAULT_EVIDENCE_BATCH];
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        pieces[i] =
            (vault_evidence_piece_t){.place = {chunks[i].first.month, (uint32_t)EVIDENCE_RING_SLOT},
                                     .inner = chunks[i].first.sealed_key};
    }
    TRY(vault_evidence_open(vault, &a, order, pieces, n, opened));
    for (size_t i = 0; i < n; i++) {
        chunks[i].open = opened[i].code == ERR_NONE && opened[i].bytes.len == EVIDENCE_KEY;
        memcpy(chunks[i].key, opened[i].bytes.ptr, chunks[i].open ? EVIDENCE_KEY : 0);
    }
    return OK;
}

static err_t chunks_open(ring_t *r)
{
    wire_client_t vault;
    err_t e = OK;
    vault_evidence_order_t order = {
        .id = id_new(), .by = evidence_by(r->by), .ref = slice_cstr_in(r->ref)};
    vault_evidence_client_init(&vault, house_path(r->h, r->h->var, "run", "vault.sock", NULL),
                               ROOM_COMMAND);
    for (size_t i = 0; i < r->n_chunks && !err_failed(e); i += VAULT_EVIDENCE_BATCH) {
        size_t left = r->n_chunks - i;
        e = some_open(r, &vault, &order, r->chunks + i,
                      left < VAULT_EVIDENCE_BATCH ? left : VAULT_EVIDENCE_BATCH);
    }
    wire_client_deinit(&vault);
    return e;
}

/* What stands after the lines about the request. */
static slice_t request_of(slice_t kept)
{
    size_t end = slice_find(kept, SLICE("\n\n"));
    return end == SIZE_MAX ? SLICE_EMPTY : slice_from(kept, end + 2);
}

static err_t request_write(const ring_t *r, uint64_t number, slice_t kept)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    path_t dir, file;
    slice_t name;
    arena_init(&a, 32 * 1024);
    TRY(path_from_conf(&a, slice_cstr_in(r->out), &dir));
    TRY(dir_ensure(dir, 0700, (uid_t)-1, (gid_t)-1));
    TRY(arena_printf(&a, &name, "%010llu.req", (unsigned long long)number));
    TRY(path_join(&a, dir, name, &file));
    return file_create(file, request_of(kept), 0600, (uid_t)-1, (gid_t)-1);
}

/* One line a request; the requests themselves hold any bytes and go to files. */
static void request_say(uint64_t number, slice_t kept)
{
    slice_t line, request = request_of(kept);
    slice_t about = slice_sub(kept, 0, kept.len - request.len);
    printf("%10llu ", (unsigned long long)number);
    while (slice_split(&about, '\n', &line)) {
        size_t colon = slice_find(line, SLICE(": "));
        slice_t word = slice_sub(line, 0, colon);
        bool told = slice_eq(word, SLICE("id")) || slice_eq(word, SLICE("time")) ||
                    slice_eq(word, SLICE("host")) || slice_eq(word, SLICE("why")) ||
                    slice_eq(word, SLICE("status")) || slice_eq(word, SLICE("rules"));
        if (told) {
            printf(" %.*s", SLICE_FMT(slice_from(line, colon + 2)));
        }
    }
    putchar('\n');
}

static err_t requests_give(ring_t *r)
{
    uint8_t mem[EVIDENCE_RING_PLAIN_MAX];
    for (size_t i = 0; i < r->n_slots; i++) {
        const chunk_t *c = chunk_of(r, &r->slots[i]);
        buf_t plain = BUF_ON_ARRAY(mem);
        if (!c || !c->open || err_failed(evidence_ring_open(&r->slots[i], c->key, &plain))) {
            r->shut++;
            continue;
        }
        r->shown++;
        if (r->out) {
            TRY(request_write(r, r->slots[i].number, buf_slice(&plain)));
        } else {
            request_say(r->slots[i].number, buf_slice(&plain));
        }
    }
    sodium_memzero(mem, sizeof mem);
    return OK;
}

static bool ask_parse(ring_t *r, int argc, char **argv)
{
    for (int i = 0; i + 1 < argc; i += 2) {
        const char **slot = strcmp(argv[i], "--out") == 0   ? &r->out
                            : strcmp(argv[i], "--by") == 0  ? &r->by
                            : strcmp(argv[i], "--ref") == 0 ? &r->ref
                                                            : NULL;
        bool since = strcmp(argv[i], "--since") == 0;
        int64_t from;
        if (!argv[i + 1][0] || (!slot && !since)) {
            return false;
        }
        if (slot) {
            *slot = argv[i + 1];
        } else if (err_failed(time_parse_rfc3339(slice_cstr_in(argv[i + 1]), &from))) {
            return false;
        } else {
            r->since_us = from > r->since_us ? from : r->since_us;
        }
    }
    slice_t ref = slice_cstr_in(r->ref);
    return argc % 2 == 0 && vault_evidence_word_ok(evidence_by(r->by)) &&
           (!ref.len || vault_evidence_word_ok(ref));
}

/* A test house has a clock of its own (law 10). */
static int64_t now_us(house_t *h)
{
    int64_t offset_us = 0;
    err_t e = control_clock(h, 0, &offset_us);
    return clock_wall_us() + (err_failed(e) ? 0 : offset_us);
}

int ring_command(house_t *h, int argc, char **argv)
{
    ring_t r = {.h = h, .since_us = now_us(h) - EVIDENCE_RING_KEPT_US};
    uint8_t mem[256];
    buf_t out = BUF_ON_ARRAY(mem);
    if (!ask_parse(&r, argc, argv)) {
        house_complain(h, COMMAND_MSG_USAGE_GUARD_RING);
        return 2;
    }
    CHECK(sodium_init() >= 0);
    arena_init(&r.arena, ARENA); /* wiped at its end */
    err_t e = ring_load(&r);
    if (!err_failed(e)) {
        chunks_find(&r);
        e = chunks_open(&r);
    }
    if (!err_failed(e)) {
        e = requests_give(&r);
    }
    arena_deinit(&r.arena);
    if (err_failed(e)) {
        house_complain(h, err_is(e, ERR_NOT_FOUND)      ? COMMAND_MSG_RING_NONE
                          : err_is(e, ERR_NOT_RECORDED) ? COMMAND_MSG_EVIDENCE_NOT_RECORDED
                                                        : COMMAND_MSG_EVIDENCE_FAILED);
        fprintf(stderr, "  %s (%s:%u)\n", err_text(e.code), e.where ? e.where : "-",
                (unsigned)e.line);
        return 1;
    }
    command_msg_ring_shown(&out, h->lang, (int64_t)r.shown, (int64_t)r.shut);
    fprintf(stderr, "%.*s\n", SLICE_FMT(buf_slice(&out)));
    return 0;
}
