/* Rows of `consent` and their records. */
#include "consent.h"

typedef struct give {
    booking_t *booking;
    const document_t *document;
    const consent_t *consent;
    uint64_t seq;
} give_t;

static err_t give_job(job_t *job, db_t *db)
{
    give_t *g = job->ctx;
    const consent_t *c = g->consent;
    booking_t now;
    id128_t id = id_new();
    TRY(booking_load(db, job->arena, g->booking->id, &now));
    ENSURE(now.hold_expires_us > c->now_us, ERR_EXPIRED);
    TRY(booking_take_step(db, &now, STEP_CONSENT, c->now_us));
    TRY(db_run(db,
               SQL("INSERT INTO consent (id, booking, kind, version, sha256, lang, total, at_us, "
                   "record_seq, request) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
               DB_ARGS(db_id(&id), db_id(&now.id), db_text(g->document->kind),
                       db_text(g->document->version),
                       db_blob(slice_make(g->document->sha256, DOCUMENT_SHA_BYTES)),
                       db_i64(c->lang), db_i64(now.total), db_i64(c->now_us),
                       db_i64((int64_t)g->seq), db_id(&c->request)),
               NULL));
    g->booking->state = now.state;
    return OK;
}

static void fill_record(record_set_t *set, const give_t *g)
{
    uint8_t hex_mem[DOCUMENT_SHA_BYTES * 2];
    buf_t hex = BUF_ON_ARRAY(hex_mem);
    buf_hex(&hex, slice_make(g->document->sha256, DOCUMENT_SHA_BYTES));
    ledger_record_t *rec = record_add(set, LEDGER_CONSENT, g->consent->request, g->booking->id);
    rec->parent = g->booking->departure;
    rec->subject = g->booking->pseudonym;
    rec->actor = g->consent->actor;
    record_fact(set, "document", g->document->kind);
    record_fact(set, "version", g->document->version);
    record_fact(set, "sha256", buf_slice(&hex));
    record_fact(set, "lang", g->consent->lang == 0 ? SLICE("ja") : SLICE("en"));
    record_fact_i64(set, "total", g->booking->total);
    record_fact_i64(set, "adults", g->booking->adults);
    record_fact_i64(set, "children", g->booking->children);
    record_fact_i64(set, "at_us", g->consent->now_us);
}

err_t consent_give(writer_t *w, const record_way_t *way, arena_t *a, booking_t *booking,
                   const document_t *document, const consent_t *consent)
{
    give_t g = {.booking = booking, .document = document, .consent = consent};
    booking_state_t to;
    record_set_t set;
    ENSURE(slice_eq(document->version, consent->version), ERR_CONFLICT);
    ENSURE(booking->hold_expires_us > consent->now_us, ERR_EXPIRED);
    TRY(booking_step(booking->state, STEP_CONSENT, &to));
    record_set_init(&set);
    fill_record(&set, &g);
    TRY(record_set_write(way, &set, &g.seq));
    return writer_run(w, a, give_job, &g);
}

err_t consent_day(db_t *db, arena_t *a, const booking_t *booking, date_t *ret_day)
{
    db_rows_t r;
    TRY(db_query(db, a,
                 SQL("SELECT at_us FROM consent WHERE booking = ?1 ORDER BY at_us DESC LIMIT 1"),
                 DB_ARGS(db_id(&booking->id)), &r));
    *ret_day = tokyo_date(db_next(&r) ? db_col_i64(&r, 0) : booking->created_us);
    return OK;
}
