/* Sealing and opening the people of a booking. */
#include "traveller.h"

enum { REP_FIELDS = 6, PAX_FIELDS = 4, FIELDS_MAX = REP_FIELDS + PAX_FIELDS * SHOP_PAX_MAX };

/* Column names: part of what the vault authenticates, never changed. */
static vault_item_t rep_item(const booking_t *b, slice_t column, slice_t bytes)
{
    return (vault_item_t){.subject = b->subject,
                          .table = SLICE("representative"),
                          .column = column,
                          .row = b->id,
                          .bytes = bytes};
}

static vault_item_t pax_item(const booking_t *b, id128_t row, slice_t column, slice_t bytes)
{
    return (vault_item_t){.subject = b->subject,
                          .table = SLICE("traveller"),
                          .column = column,
                          .row = row,
                          .bytes = bytes};
}

static size_t rep_items(const booking_t *b, const person_t *p, vault_item_t *out)
{
    out[0] = rep_item(b, SLICE("name"), p->name);
    out[1] = rep_item(b, SLICE("kana"), p->kana);
    out[2] = rep_item(b, SLICE("email"), p->email);
    out[3] = rep_item(b, SLICE("phone"), p->phone);
    out[4] = rep_item(b, SLICE("postcode"), p->postcode);
    out[5] = rep_item(b, SLICE("address"), p->address);
    return REP_FIELDS;
}

static size_t pax_items(const booking_t *b, id128_t row, const traveller_t *t, vault_item_t *out)
{
    out[0] = pax_item(b, row, SLICE("name"), t->name);
    out[1] = pax_item(b, row, SLICE("kana"), t->kana);
    out[2] = pax_item(b, row, SLICE("birth"), t->birth);
    out[3] = pax_item(b, row, SLICE("sex"), t->sex);
    return PAX_FIELDS;
}

typedef uint8_t blind_t[VAULT_BLIND_BYTES];

typedef struct save {
    const people_store_t *store;
    booking_t *booking;
    const people_t *people;
    id128_t rows[SHOP_PAX_MAX];
    slice_t sealed[FIELDS_MAX];
    blind_t email, phone, kana, pax_kana[SHOP_PAX_MAX];
} save_t;

static err_t ensure_subject(save_t *s)
{
    booking_t *b = s->booking;
    if (!id_is_zero(b->subject)) {
        return OK;
    }
    return vault_subject_new(s->store->vault, &b->subject, &b->pseudonym);
}

static err_t seal_all(save_t *s)
{
    vault_item_t items[FIELDS_MAX];
    const people_t *p = s->people;
    size_t n = rep_items(s->booking, &p->rep, items);
    for (size_t i = 0; i < p->n; i++) {
        s->rows[i] = id_new();
        n += pax_items(s->booking, s->rows[i], &p->at[i], items + n);
    }
    return vault_seal(s->store->vault, s->store->arena, items, n, s->sealed);
}

static err_t blind_all(save_t *s)
{
    vault_client_t *v = s->store->vault;
    const people_t *p = s->people;
    TRY(vault_blind(v, VAULT_BLIND_EMAIL, p->rep.email, s->email));
    TRY(vault_blind(v, VAULT_BLIND_PHONE, p->rep.phone, s->phone));
    TRY(vault_blind(v, VAULT_BLIND_KANA, p->rep.kana, s->kana));
    for (size_t i = 0; i < p->n; i++) {
        TRY(vault_blind(v, VAULT_BLIND_KANA, p->at[i].kana, s->pax_kana[i]));
    }
    return OK;
}

static db_value_t blind_value(const blind_t blind)
{
    return db_blob(slice_make(blind, VAULT_BLIND_BYTES));
}

static err_t insert_rep(db_t *db, const save_t *s)
{
    const slice_t *f = s->sealed;
    return db_run(db,
                  SQL("INSERT INTO representative (booking, email_index, phone_index, kana_index, "
                      "name, kana, email, phone, postcode, address) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
                  DB_ARGS(db_id(&s->booking->id), blind_value(s->email), blind_value(s->phone),
                          blind_value(s->kana), db_blob(f[0]), db_blob(f[1]), db_blob(f[2]),
                          db_blob(f[3]), db_blob(f[4]), db_blob(f[5])),
                  NULL);
}

static err_t insert_pax(db_t *db, const save_t *s, size_t i)
{
    const slice_t *f = s->sealed + REP_FIELDS + i * PAX_FIELDS;
    return db_run(
        db,
        SQL("INSERT INTO traveller (id, booking, n, child, kana_index, name, kana, birth, "
            "sex) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
        DB_ARGS(db_id(&s->rows[i]), db_id(&s->booking->id), db_i64((int64_t)i + 1),
                db_i64(s->people->at[i].child), blind_value(s->pax_kana[i]), db_blob(f[0]),
                db_blob(f[1]), db_blob(f[2]), db_blob(f[3])),
        NULL);
}

static err_t save_job(job_t *job, db_t *db)
{
    save_t *s = job->ctx;
    booking_t now;
    TRY(booking_load(db, job->arena, s->booking->id, &now));
    ENSURE(now.hold_expires_us > s->store->now_us, ERR_EXPIRED);
    /* Two forms at once may each have made a person: the one stored first stays. */
    ENSURE(id_is_zero(now.subject) || id_eq(now.subject, s->booking->subject), ERR_CONFLICT);
    TRY(booking_take_step(db, &now, STEP_TRAVELLERS, s->store->now_us));
    TRY(db_run(db, SQL("UPDATE booking SET subject = ?2, pseudonym = ?3 WHERE id = ?1"),
               DB_ARGS(db_id(&now.id), db_id(&s->booking->subject), db_id(&s->booking->pseudonym)),
               NULL));
    TRY(db_run(db, SQL("DELETE FROM representative WHERE booking = ?1"), DB_ARGS(db_id(&now.id)),
               NULL));
    TRY(db_run(db, SQL("DELETE FROM traveller WHERE booking = ?1"), DB_ARGS(db_id(&now.id)), NULL));
    TRY(insert_rep(db, s));
    for (size_t i = 0; i < s->people->n; i++) {
        TRY(insert_pax(db, s, i));
    }
    ledger_record_t *rec =
        record_add(&job->records, LEDGER_TRAVELLERS_SEALED, s->store->request, now.id);
    rec->subject = rec->actor = s->booking->pseudonym;
    rec->count = (uint32_t)(REP_FIELDS + PAX_FIELDS * s->people->n);
    record_fact_i64(&job->records, "travellers", (int64_t)s->people->n);
    s->booking->state = now.state;
    return OK;
}

err_t people_save(const people_store_t *store, booking_t *booking, const people_t *people)
{
    save_t s = {.store = store, .booking = booking, .people = people};
    booking_state_t to;
    ENSURE(people->n == (size_t)(booking->adults + booking->children), ERR_RANGE);
    ENSURE(people->n <= SHOP_PAX_MAX, ERR_RANGE);
    TRY(booking_step(booking->state, STEP_TRAVELLERS, &to));
    TRY(ensure_subject(&s));
    TRY(seal_all(&s));
    TRY(blind_all(&s));
    return writer_run(store->writer, store->arena, save_job, &s);
}

err_t people_exist(db_t *db, id128_t booking, bool *ret_exist)
{
    int64_t n = 0;
    TRY(db_query_i64(db, SQL("SELECT COUNT(*) FROM representative WHERE booking = ?1"),
                     DB_ARGS(db_id(&booking)), &n));
    *ret_exist = n > 0;
    return OK;
}

static err_t load_rep(db_t *db, arena_t *a, const booking_t *b, person_t *ret_sealed)
{
    db_rows_t r;
    TRY(db_query_one(db, a,
                     SQL("SELECT name, kana, email, phone, postcode, address FROM representative "
                         "WHERE booking = ?1"),
                     DB_ARGS(db_id(&b->id)), &r));
    *ret_sealed = (person_t){db_col_blob(&r, 0), db_col_blob(&r, 1), db_col_blob(&r, 2),
                             db_col_blob(&r, 3), db_col_blob(&r, 4), db_col_blob(&r, 5)};
    return OK;
}

static err_t load_pax(db_t *db, arena_t *a, const booking_t *b, people_t *out, vault_item_t *items,
                      size_t *io_n)
{
    db_rows_t r;
    TRY(db_query(db, a,
                 SQL("SELECT id, child, name, kana, birth, sex FROM traveller WHERE booking = ?1 "
                     "ORDER BY n"),
                 DB_ARGS(db_id(&b->id)), &r));
    ENSURE(r.count <= SHOP_PAX_MAX, ERR_CORRUPT);
    while (db_next(&r)) {
        traveller_t *t = &out->at[out->n++];
        *t = (traveller_t){.name = db_col_blob(&r, 2),
                           .kana = db_col_blob(&r, 3),
                           .birth = db_col_blob(&r, 4),
                           .sex = db_col_blob(&r, 5),
                           .child = db_col_i64(&r, 1) != 0};
        *io_n += pax_items(b, db_col_id(&r, 0), t, items + *io_n);
    }
    return OK;
}

err_t people_reveal(db_t *db, vault_client_t *vault, arena_t *a, const vault_context_t *ctx,
                    const booking_t *booking, people_t *ret_people)
{
    people_t p = {.n = 0};
    vault_item_t items[FIELDS_MAX];
    slice_t plain[FIELDS_MAX];
    TRY(load_rep(db, a, booking, &p.rep));
    size_t n = rep_items(booking, &p.rep, items);
    TRY(load_pax(db, a, booking, &p, items, &n));
    TRY(vault_reveal(vault, a, ctx, items, n, plain));
    p.rep = (person_t){plain[0], plain[1], plain[2], plain[3], plain[4], plain[5]};
    for (size_t i = 0; i < p.n; i++) {
        const slice_t *f = plain + REP_FIELDS + i * PAX_FIELDS;
        p.at[i].name = f[0];
        p.at[i].kana = f[1];
        p.at[i].birth = f[2];
        p.at[i].sex = f[3];
    }
    *ret_people = p;
    return OK;
}

err_t people_reveal_recipient(db_t *db, vault_client_t *vault, arena_t *a,
                              const vault_context_t *ctx, const booking_t *booking,
                              slice_t *ret_name, slice_t *ret_email)
{
    person_t sealed;
    slice_t plain[2];
    TRY(load_rep(db, a, booking, &sealed));
    vault_item_t items[2] = {rep_item(booking, SLICE("name"), sealed.name),
                             rep_item(booking, SLICE("email"), sealed.email)};
    TRY(vault_reveal(vault, a, ctx, items, 2, plain));
    *ret_name = plain[0];
    *ret_email = plain[1];
    return OK;
}
