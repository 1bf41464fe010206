/* One invented customer at a time; what is under way lives in memory only. A restart in the middle
 * leaves an ordinary booking of nobody, whose hold runs out and whose letter goes to no domain. */
#include "honey.h"

#include "base/clock.h"
#include "hold.h"
#include "model.h"
#include "traveller.h"

enum {
    TURN_ARENA = 512 * 1024,
    SEATS_LEFT = 8,      /* a departure with fewer is left to customers */
    ONE_IN = 12,         /* bookings */
    FIRST_S = 60,        /* the first of a house comes within */
    LATER_US = 60000000, /* what did not work: again after */
};

typedef enum honey_step { HONEY_IDLE, HONEY_HELD, HONEY_SEALED, HONEY_GIVEN_BACK } honey_step_t;

struct honey {
    shop_t *shop;
    bool asked, full; /* the vault was asked; it has enough */
    long long holds_seen;
    honey_step_t step;
    int64_t due_us; /* monotonic */
    id128_t booking, subject;
};

typedef struct name {
    const char *written, *kana, *letters, *sex;
} name_t;

static const name_t FAMILIES[] = {
#define HONEY_FAMILY(written, kana, letters) {written, kana, letters, ""},
#include "honey_names.h"
#undef HONEY_FAMILY
};
static const name_t GIVEN[] = {
#define HONEY_GIVEN(written, kana, letters, sex) {written, kana, letters, sex},
#include "honey_names.h"
#undef HONEY_GIVEN
};
static const char *const TOWNS[] = {
#define HONEY_TOWN(name) name,
#include "honey_names.h"
#undef HONEY_TOWN
};

static int64_t any(int64_t below)
{
    uint32_t bits;
    random_bytes(&bits, sizeof bits);
    return (int64_t)(bits % (uint64_t)below);
}

static void due_in(honey_t *h, int64_t least_s, int64_t most_s)
{
    h->due_us = clock_mono_us() + (least_s + any(most_s - least_s + 1)) * CLOCK_SECOND_US;
}

err_t honey_new(shop_t *shop, honey_t **ret_honey)
{
    honey_t *h = calloc(1, sizeof *h);
    ENSURE(h, ERR_MEMORY);
    h->shop = shop;
    *ret_honey = h;
    return OK;
}

void honey_free(honey_t *h)
{
    free(h);
}

/* Who it is. */

static err_t traveller_make(arena_t *a, const name_t *family, const name_t *given, traveller_t *ret)
{
    *ret = (traveller_t){.sex = slice_cstr_in(given->sex)};
    TRY(arena_printf(a, &ret->name, "%s %s", family->written, given->written));
    TRY(arena_printf(a, &ret->kana, "%s %s", family->kana, given->kana));
    return arena_printf(a, &ret->birth, "%04d-%02d-%02d", (int)(1945 + any(58)), (int)(1 + any(12)),
                        (int)(1 + any(28)));
}

static err_t people_make(arena_t *a, size_t n, people_t *ret)
{
    const name_t *family = &FAMILIES[any(BASE_COUNT(FAMILIES))];
    const name_t *given = &GIVEN[any(BASE_COUNT(GIVEN))];
    people_t p = {.n = n};
    for (size_t i = 0; i < n; i++) {
        TRY(traveller_make(a, family, i ? &GIVEN[any(BASE_COUNT(GIVEN))] : given, &p.at[i]));
    }
    p.rep = (person_t){.name = p.at[0].name, .kana = p.at[0].kana};
    TRY(arena_printf(a, &p.rep.email, "%s.%s%d@%s.invalid", given->letters, family->letters,
                     (int)any(100), any(2) ? "mail" : "post"));
    TRY(arena_printf(a, &p.rep.phone, "0%d0%08d", (int)(7 + any(3)), (int)any(100000000)));
    TRY(arena_printf(a, &p.rep.postcode, "%03d-%04d", (int)(100 + any(880)), (int)any(10000)));
    TRY(arena_printf(a, &p.rep.address, "%s%d-%d-%d", TOWNS[any(BASE_COUNT(TOWNS))],
                     (int)(1 + any(8)), (int)(1 + any(30)), (int)(1 + any(20))));
    *ret = p;
    return OK;
}

/* What it does. */

static err_t departure_pick(db_t *db, arena_t *a, int64_t now_us, id128_t *ret_departure)
{
    int64_t n = 0;
    db_rows_t row;
    TRY(db_query_i64(
        db,
        SQL("SELECT COUNT(*) FROM departure d JOIN inventory i ON i.id = d.inventory "
            "WHERE d.deadline_us > ?1 AND (d.flags & 12) = 0 AND i.cap - i.taken >= ?2"),
        DB_ARGS(db_i64(now_us), db_i64(SEATS_LEFT)), &n));
    ENSURE(n > 0, ERR_NOT_FOUND);
    TRY(db_query(db, a,
                 SQL("SELECT d.id FROM departure d JOIN inventory i ON i.id = d.inventory "
                     "WHERE d.deadline_us > ?1 AND (d.flags & 12) = 0 AND i.cap - i.taken >= ?2 "
                     "ORDER BY d.id LIMIT 1 OFFSET ?3"),
                 DB_ARGS(db_i64(now_us), db_i64(SEATS_LEFT), db_i64(any(n))), &row));
    ENSURE(db_next(&row), ERR_NOT_FOUND);
    *ret_departure = db_col_id(&row, 0);
    return OK;
}

static err_t begin(honey_t *h, arena_t *a)
{
    char token[SHOP_TOKEN_LETTERS];
    hold_made_t made;
    hold_request_t ask = {.adults = 1 + any(2),
                          .client_token = slice_make(token, sizeof token),
                          .request = id_new(),
                          .now_us = clock_wall_us(),
                          .hold_s = h->shop->conf->hold_minutes * 60};
    ENSURE(shop_bookings_open(h->shop), ERR_STOPPED);
    random_letters(token, sizeof token);
    {
        DB_LEASE_SCOPED db_lease_t lease = {0};
        TRY(db_lease(h->shop->db, SHOP_DB_WAIT_MS, &lease));
        TRY(departure_pick(lease.db, a, ask.now_us, &ask.departure));
    }
    TRY(hold_take(h->shop->writer, a, &ask, &made));
    h->booking = made.booking;
    h->step = HONEY_HELD;
    due_in(h, 45, 240);
    return OK;
}

static err_t travellers_give(honey_t *h, arena_t *a)
{
    booking_t b;
    people_t people;
    people_store_t store = {.writer = h->shop->writer,
                            .vault = h->shop->vault,
                            .arena = a,
                            .request = id_new(),
                            .now_us = clock_wall_us()};
    {
        DB_LEASE_SCOPED db_lease_t lease = {0};
        TRY(db_lease(h->shop->db, SHOP_DB_WAIT_MS, &lease));
        TRY(booking_load(lease.db, a, h->booking, &b));
    }
    TRY(people_make(a, (size_t)(b.adults + b.children), &people));
    TRY(people_save(&store, &b, &people));
    h->subject = b.subject;
    h->step = HONEY_SEALED;
    due_in(h, 60, 900);
    return OK;
}

static err_t give_back(honey_t *h, arena_t *a)
{
    TRY(hold_cancel(h->shop->writer, a, h->booking, id_new(), clock_wall_us()));
    h->step = HONEY_GIVEN_BACK;
    return OK;
}

/* From here on whoever asks for this person is no friend. */
static err_t mark(honey_t *h)
{
    TRY(vault_honey(h->shop->vault, h->subject));
    h->asked = false;
    h->step = HONEY_IDLE;
    h->due_us = 0;
    return OK;
}

/* The first soon after the house's first start; then one now and then, as customers come. */
static err_t decide(honey_t *h)
{
    long long holds = atomic_load(&h->shop->counts.holds);
    vault_wanted_t wanted;
    if (!h->asked) {
        TRY(vault_honey_wanted(h->shop->vault, &wanted));
        h->asked = true;
        h->full = wanted == VAULT_WANTED_NONE;
        if (wanted == VAULT_WANTED_FIRST) {
            due_in(h, 1, FIRST_S);
        }
    }
    for (; h->holds_seen < holds; h->holds_seen++) {
        if (!h->due_us && any(ONE_IN) == 0) {
            due_in(h, 1, 600);
        }
    }
    return OK;
}

static err_t step(honey_t *h, arena_t *a)
{
    switch (h->step) {
    case HONEY_IDLE:
        return begin(h, a);
    case HONEY_HELD:
        return travellers_give(h, a);
    case HONEY_SEALED:
        return give_back(h, a);
    case HONEY_GIVEN_BACK:
        break;
    }
    return mark(h);
}

err_t honey_turn(honey_t *h)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, TURN_ARENA);
    if (h->full) {
        return OK;
    }
    if (h->step == HONEY_IDLE) {
        TRY(decide(h));
    }
    if (!h->due_us || clock_mono_us() < h->due_us) {
        return OK;
    }
    err_t e = step(h, &a);
    if (err_is(e, ERR_CONFLICT) || err_is(e, ERR_EXPIRED) || err_is(e, ERR_EXISTS)) {
        h->step = HONEY_IDLE; /* its hold ran out meanwhile: nothing is left to do with it */
        h->due_us = 0;
    } else if (err_failed(e)) {
        h->due_us = clock_mono_us() + LATER_US;
    }
    return err_is(e, ERR_NOT_FOUND) || err_is(e, ERR_STOPPED) ? OK : e; /* nothing to sell now */
}
