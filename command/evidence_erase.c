/* Which keys evidence of one person is sealed with: the record says so, without opening any. */
#include "evidence.h"

enum { IDS_MAX = 65536, SESSIONS_MAX = 16384, PLACES_MAX = EVIDENCE_SLOTS * 4, ARENA = 16 << 20 };

typedef struct trail {
    arena_t arena;
    ledger_client_t *ledger;
    id128_t pseudonym;
    id128_t *requests, *objects; /* sorted when asked */
    uint64_t *sessions;
    evidence_place_t *places;
    size_t n_requests, n_objects, n_sessions, n_places;
} trail_t;

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(id128_t));
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int by_place(const void *a, const void *b)
{
    const evidence_place_t *x = a, *y = b;
    return x->month != y->month ? (x->month > y->month) - (x->month < y->month)
                                : (x->slot > y->slot) - (x->slot < y->slot);
}

/* Sorts and drops what stands there twice. */
static size_t unique(void *base, size_t n, size_t size, int (*order)(const void *, const void *))
{
    uint8_t *at = base;
    size_t kept = 0;
    if (n == 0) {
        return 0;
    }
    qsort(base, n, size, order);
    for (size_t i = 1; i < n; i++) {
        if (order(at + kept * size, at + i * size) != 0) {
            memmove(at + ++kept * size, at + i * size, size);
        }
    }
    return kept + 1;
}

static err_t id_add(id128_t *ids, size_t *io_n, id128_t id)
{
    if (id_is_zero(id) || (*io_n && id_eq(ids[*io_n - 1], id))) {
        return OK;
    }
    if (*io_n == IDS_MAX) {
        *io_n = unique(ids, *io_n, sizeof *ids, by_id);
    }
    ENSURE(*io_n < IDS_MAX, ERR_LIMIT);
    ids[(*io_n)++] = id;
    return OK;
}

static bool has_id(const id128_t *ids, size_t n, id128_t id)
{
    return bsearch(&id, ids, n, sizeof *ids, by_id) != NULL;
}

/* Records about the person: their requests, and the bookings and log-ins they are about. */
static err_t about(trail_t *t)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    static ledger_entry_t page[256];
    uint64_t from = 0;
    do {
        size_t n = 0;
        TRY(ledger_find(t->ledger, LEDGER_BY_SUBJECT, t->pseudonym, &from, mem, sizeof mem, page,
                        BASE_COUNT(page), &n));
        for (size_t i = 0; i < n; i++) {
            TRY(id_add(t->requests, &t->n_requests, page[i].rec.request));
            TRY(id_add(t->objects, &t->n_objects, page[i].rec.object));
            TRY(id_add(t->objects, &t->n_objects, page[i].rec.parent));
        }
    } while (from);
    t->n_requests = unique(t->requests, t->n_requests, sizeof *t->requests, by_id);
    t->n_objects = unique(t->objects, t->n_objects, sizeof *t->objects, by_id);
    return OK;
}

static uint64_t session_of(slice_t facts, const char *key)
{
    slice_t hex = evidence_fact(facts, key);
    uint64_t value = 0;
    for (size_t i = 0; i < hex.len && i < 16; i++) {
        uint8_t c = hex.ptr[i];
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
        if (digit > 15) {
            return 0;
        }
        value = value << 4 | digit;
    }
    return hex.len == 16 ? value : 0;
}

static err_t session_add(trail_t *t, uint64_t session)
{
    if (!session) {
        return OK;
    }
    if (t->n_sessions == SESSIONS_MAX) {
        t->n_sessions = unique(t->sessions, t->n_sessions, sizeof session, by_number);
    }
    ENSURE(t->n_sessions < SESSIONS_MAX, ERR_LIMIT);
    t->sessions[t->n_sessions++] = session;
    return OK;
}

/* The session that a request came in, and the one that its answer began. */
static err_t session_see(void *ctx, const ledger_entry_t *e)
{
    trail_t *t = ctx;
    if (e->rec.type != LEDGER_HTTP_REQUEST || !has_id(t->requests, t->n_requests, e->rec.request)) {
        return OK;
    }
    TRY(session_add(t, session_of(e->rec.facts, "ses")));
    return session_add(t, session_of(e->rec.facts, "set"));
}

/* "2026-11" and a slot. */
static bool place_of(slice_t facts, evidence_place_t *ret)
{
    slice_t month = evidence_fact(facts, "month");
    size_t dash = slice_find_byte(month, '-');
    uint64_t y, m, slot;
    if (dash == SIZE_MAX || err_failed(slice_parse_u64(slice_sub(month, 0, dash), 9999, &y)) ||
        err_failed(slice_parse_u64(slice_from(month, dash + 1), 12, &m)) || m == 0 ||
        err_failed(slice_parse_u64(evidence_fact(facts, "slot"), EVIDENCE_SLOTS - 1, &slot))) {
        return false;
    }
    *ret = (evidence_place_t){.month = (uint32_t)(y * 12 + m - 1), .slot = (uint32_t)slot};
    return true;
}

static bool is_theirs(const trail_t *t, const ledger_entry_t *e)
{
    uint64_t session = session_of(e->rec.facts, "ses");
    return has_id(t->requests, t->n_requests, e->rec.request) ||
           has_id(t->objects, t->n_objects, e->rec.object) ||
           has_id(t->objects, t->n_objects, e->rec.parent) ||
           (session && bsearch(&session, t->sessions, t->n_sessions, sizeof session, by_number));
}

static err_t place_see(void *ctx, const ledger_entry_t *e)
{
    trail_t *t = ctx;
    evidence_place_t place;
    if (!evidence_is_sealed(e->rec.payload) || !is_theirs(t, e) ||
        !place_of(e->rec.facts, &place)) {
        return OK;
    }
    if (t->n_places == PLACES_MAX) {
        t->n_places = unique(t->places, t->n_places, sizeof place, by_place);
    }
    ENSURE(t->n_places < PLACES_MAX, ERR_LIMIT);
    t->places[t->n_places++] = place;
    return OK;
}

static err_t trail_follow(trail_t *t)
{
    TRY(about(t));
    TRY(evidence_each(t->ledger, session_see, t));
    t->n_sessions = unique(t->sessions, t->n_sessions, sizeof *t->sessions, by_number);
    TRY(evidence_each(t->ledger, place_see, t));
    t->n_places = unique(t->places, t->n_places, sizeof *t->places, by_place);
    return OK;
}

static err_t places_erase(house_t *h, const trail_t *t, const vault_evidence_order_t *order,
                          unsigned *ret_destroyed)
{
    wire_client_t vault;
    err_t e = OK;
    unsigned all = 0;
    vault_evidence_client_init(&vault, house_path(h, h->var, "run", "vault.sock", NULL),
                               ROOM_COMMAND);
    for (size_t i = 0; i < t->n_places && !err_failed(e); i += VAULT_EVIDENCE_BATCH) {
        size_t left = t->n_places - i;
        unsigned n = 0;
        e = vault_evidence_erase(&vault, order, t->pseudonym, t->places + i,
                                 left < VAULT_EVIDENCE_BATCH ? left : VAULT_EVIDENCE_BATCH, &n);
        all += n;
    }
    wire_client_deinit(&vault);
    *ret_destroyed = all;
    return e;
}

err_t evidence_forget(house_t *h, id128_t pseudonym, const vault_evidence_order_t *order,
                      unsigned *ret_destroyed)
{
    trail_t t = {.pseudonym = pseudonym};
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, ARENA);
    t.requests = ARENA_ARRAY(&a, id128_t, IDS_MAX);
    t.objects = ARENA_ARRAY(&a, id128_t, IDS_MAX);
    t.sessions = ARENA_ARRAY(&a, uint64_t, SESSIONS_MAX);
    t.places = ARENA_ARRAY(&a, evidence_place_t, PLACES_MAX);
    ENSURE(t.requests && t.objects && t.sessions && t.places, ERR_MEMORY);
    TRY(ledger_client_new(house_path(h, h->var, "run", "ledger.sock", NULL).text, ROOM_COMMAND,
                          &t.ledger));
    err_t e = trail_follow(&t);
    ledger_client_free(t.ledger);
    TRY(e);
    return places_erase(h, &t, order, ret_destroyed);
}
