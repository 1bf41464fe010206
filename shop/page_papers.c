/* GET /bookings/:id/papers/:kind - a booking's papers as PDF, made anew at each look from what is
 * stored, the same bytes each time. The SHA-256 of what is handed over is on the record before it
 * goes out: which paper somebody holds can be told years later. */
#include "cancellation.h"
#include "consent.h"
#include "handlers.h"
#include "page.h"
#include "paper/lines.h"
#include "payment.h"

enum {
    TEXT_BYTES = 192 * 1024,
    PAPER_BYTES = 256 * 1024,
    TAX_PERCENT = 10 /* Consumption Tax Act 29, with the local tax */
};

typedef struct paper_work {
    shop_t *shop;
    db_t *db;
    web_req_t *req;
    booking_t booking;
    struct tpl_booking b;
    booking_parts_t parts;
    struct tpl_agency agency;
    struct tpl_office office;
    const struct tpl_fee *fees;
    size_t n_fees;
    people_t people;
    int64_t paid_us; /* 0 = not paid */
    buf_t text;
} paper_work_t;

typedef struct paper_row {
    slice_t kind;
    shop_msg_t title;
    bool people, paid; /* names the travellers; only when paid */
    err_t (*write)(paper_work_t *w);
} paper_row_t;

static bool stands(booking_state_t state)
{
    return state == BOOKING_CONFIRMED;
}

/* ---- the three papers ---- */

static err_t write_explanation(paper_work_t *w)
{
    const tour_t *t = &w->parts.tour;
    document_t doc;
    struct tpl_paper_explanation_args p = {.agency = w->agency,
                                           .office = w->office,
                                           .b = w->b,
                                           .meeting = w->parts.departure.meeting,
                                           .hotel = t->hotel,
                                           .guide = t->guide,
                                           .includes = t->includes,
                                           .excludes = t->excludes,
                                           .min_people = w->parts.departure.seats.min_pax,
                                           .fees = w->fees,
                                           .fees_count = w->n_fees,
                                           .provider = slice_cstr_in(w->shop->conf->provider_name)};
    TRY(document_current(w->db, w->req->arena, SLICE("conditions"), page_lang(w->req), &doc));
    TRY(page_document(w->req->arena, &doc, &p.terms));
    tpl_paper_explanation(&w->text, page_lang(w->req), &p);
    return OK;
}

static err_t write_contract(paper_work_t *w)
{
    const tour_t *t = &w->parts.tour;
    document_t doc;
    struct tpl_person rep;
    struct tpl_paper_contract_args p = {.agency = w->agency,
                                        .office = w->office,
                                        .b = w->b,
                                        .meeting = w->parts.departure.meeting,
                                        .hotel = t->hotel,
                                        .guide = t->guide,
                                        .includes = t->includes,
                                        .excludes = t->excludes,
                                        .min_people = w->parts.departure.seats.min_pax,
                                        .fees = w->fees,
                                        .fees_count = w->n_fees,
                                        .paid_at = w->paid_us,
                                        .provider = slice_cstr_in(w->shop->conf->provider_name)};
    TRY(document_current(w->db, w->req->arena, SLICE("conditions"), page_lang(w->req), &doc));
    p.explanation = doc.version;
    TRY(page_people(w->req->arena, &w->people, &rep, &p.travellers, &p.travellers_count));
    p.name = rep.name;
    tpl_paper_contract(&w->text, page_lang(w->req), &p);
    return OK;
}

/* What was received stays received; what went back since stands under it. */
static err_t returned(paper_work_t *w, struct tpl_paper_receipt_args *p)
{
    cancellation_t *rows;
    size_t n;
    TRY(cancellation_list(w->db, w->req->arena, w->booking.id, &rows, &n));
    struct tpl_paper_receipt_returned *out =
        ARENA_ARRAY(w->req->arena, struct tpl_paper_receipt_returned, n + 1);
    ENSURE(out, ERR_MEMORY);
    for (size_t i = 0; i < n; i++) {
        out[i] =
            (struct tpl_paper_receipt_returned){rows[i].at_us, rows[i].fee_yen, rows[i].refund_yen};
    }
    p->returned = out;
    p->returned_count = n;
    return OK;
}

static err_t write_receipt(paper_work_t *w)
{
    struct tpl_paper_receipt_args p = {.agency = w->agency,
                                       .b = w->b,
                                       .name = w->people.rep.name,
                                       .paid_at = w->paid_us,
                                       .provider = slice_cstr_in(w->shop->conf->provider_name),
                                       .tax = w->booking.total * TAX_PERCENT / (100 + TAX_PERCENT)};
    TRY(returned(w, &p));
    tpl_paper_receipt(&w->text, page_lang(w->req), &p);
    return OK;
}

static const paper_row_t PAPERS[] = {
    {SLICE("explanation"), SHOP_MSG_PAPER_EXPLANATION_TITLE, false, false, write_explanation},
    {SLICE("contract"), SHOP_MSG_PAPER_CONTRACT_TITLE, true, true, write_contract},
    {SLICE("receipt"), SHOP_MSG_PAPER_RECEIPT_TITLE, true, true, write_receipt},
};

static bool has(const booking_t *b, const paper_row_t *row)
{
    return stands(b->state) || (!row->paid && booking_state_holds(b->state));
}

err_t page_papers(arena_t *a, const booking_t *b, const struct tpl_booking_papers **ret_rows,
                  size_t *ret_n)
{
    struct tpl_booking_papers *rows = ARENA_ARRAY(a, struct tpl_booking_papers, BASE_COUNT(PAPERS));
    size_t n = 0;
    ENSURE(rows, ERR_MEMORY);
    for (size_t i = 0; i < BASE_COUNT(PAPERS); i++) {
        if (has(b, &PAPERS[i])) {
            slice_t href;
            TRY(page_booking_href(a, b->id, "/papers/", &href));
            TRY(arena_printf(a, &rows[n].href, "%.*s%.*s", SLICE_FMT(href),
                             SLICE_FMT(PAPERS[i].kind)));
            rows[n++].name = PAPERS[i].title;
        }
    }
    *ret_rows = rows;
    *ret_n = n;
    return OK;
}

/* ---- making one ---- */

static err_t facts(paper_work_t *w, const paper_row_t *row)
{
    arena_t *a = w->req->arena;
    i18n_lang_t lang = page_lang(w->req);
    const agency_t *agency = &w->shop->agency;
    attempt_row_t *tries;
    size_t n;
    TRY(page_booking_parts(w->db, a, lang, &w->booking, w->req->now_us, &w->b, &w->parts));
    w->agency = agency->page[lang];
    TRY(agency_office_page(a, agency_office(agency, w->parts.departure.office), lang,
                           w->req->now_us, &w->office));
    page_fees_of_t of = {.tour = &w->parts.tour, .departure = w->parts.departure.day};
    TRY(consent_day(w->db, a, &w->booking, &of.contract));
    TRY(page_fees(w->db, a, lang, &of, &w->fees, &w->n_fees));
    TRY(payment_attempts(w->db, a, w->booking.id, &tries, &n));
    for (size_t i = 0; i < n; i++) {
        w->paid_us = id_eq(tries[i].id, w->booking.paid_attempt) ? tries[i].changed_us : w->paid_us;
    }
    if (row->people) {
        vault_context_t ctx;
        TRY(page_vault_context(w->db, w->req, &w->booking, &ctx));
        ctx.purpose = VAULT_FOR_PAPER;
        TRY(people_reveal(w->db, w->shop->vault, a, &ctx, &w->booking, &w->people));
    }
    return OK;
}

/* Its number, its dates: of the booking, never of the look, so that the bytes are the same each
 * time. */
static err_t head_of(paper_work_t *w, const paper_row_t *row, paper_head_t *ret_head)
{
    arena_t *a = w->req->arena;
    i18n_lang_t lang = page_lang(w->req);
    int64_t made_us = row->paid && w->paid_us ? w->paid_us : w->booking.created_us;
    buf_t date, made;
    *ret_head = (paper_head_t){.lang = lang == 0 ? SLICE("ja") : SLICE("en"),
                               .title = page_msg(w->req, row->title)};
    TRY(arena_buf(a, 64, &date));
    TRY(arena_buf(a, 64, &made));
    (lang == 0 ? date_put_ja : date_put_en)(&date, tokyo_date(made_us));
    time_put_rfc3339_tokyo(&made, made_us);
    ret_head->date = buf_slice(&date);
    ret_head->made = buf_slice(&made);
    TRY(arena_printf(a, &ret_head->number, "%.*s / %.*s", SLICE_FMT(w->b.number),
                     SLICE_FMT(ret_head->title)));
    return arena_printf(a, &ret_head->issuer, "%.*s\n%.*s\n%.*s", SLICE_FMT(w->agency.company),
                        SLICE_FMT(w->agency.reg_no), SLICE_FMT(w->agency.address));
}

static err_t draw(paper_work_t *w, const paper_row_t *row, slice_t *ret_pdf)
{
    paper_head_t head;
    buf_t paper;
    TRY(head_of(w, row, &head));
    TRY(arena_buf(w->req->arena, TEXT_BYTES, &w->text));
    TRY(row->write(w));
    TRY(buf_check(&w->text));
    TRY(arena_buf(w->req->arena, PAPER_BYTES, &paper));
    TRY(paper_lines(&head, buf_slice(&w->text), &paper));
    return printer_print(&w->shop->printer, buf_slice(&paper), w->req->arena, ret_pdf);
}

static err_t record(paper_work_t *w, const paper_row_t *row, slice_t pdf)
{
    uint8_t sha[DOCUMENT_SHA_BYTES], hex_mem[2 * DOCUMENT_SHA_BYTES];
    buf_t hex = BUF_ON_ARRAY(hex_mem);
    record_set_t set;
    document_sha256(pdf, sha);
    buf_hex(&hex, slice_make(sha, sizeof sha));
    record_set_init(&set);
    ledger_record_t *rec = record_add(&set, LEDGER_PAPER_GIVEN, w->req->id, w->booking.id);
    rec->subject = w->booking.pseudonym;
    record_fact(&set, "paper", row->kind);
    record_fact(&set, "lang", page_lang(w->req) == 0 ? SLICE("ja") : SLICE("en"));
    record_fact(&set, "sha256", buf_slice(&hex));
    record_fact_i64(&set, "bytes", (int64_t)pdf.len);
    return record_set_write(&w->shop->way, &set, NULL);
}

static const paper_row_t *row_of(slice_t kind)
{
    for (size_t i = 0; i < BASE_COUNT(PAPERS); i++) {
        if (slice_eq(PAPERS[i].kind, kind)) {
            return &PAPERS[i];
        }
    }
    return NULL;
}

err_t handle_paper(void *room, web_req_t *req, web_res_t *res)
{
    paper_work_t w = {.shop = room, .req = req};
    const paper_row_t *row = row_of(web_req_param(req, "kind"));
    slice_t pdf, name;
    DB_LEASE_SCOPED db_lease_t lease = {0};
    ENSURE(row, ERR_NOT_FOUND);
    TRY(db_lease(w.shop->db, SHOP_DB_WAIT_MS, &lease));
    w.db = lease.db;
    TRY(page_own_booking(w.db, req, &w.booking));
    ENSURE(has(&w.booking, row), ERR_NOT_FOUND);
    TRY(facts(&w, row));
    TRY(draw(&w, row, &pdf));
    TRY(record(&w, row, pdf));
    TRY(arena_printf(req->arena, &name, "%.*s-%.*s.pdf", SLICE_FMT(w.b.number),
                     SLICE_FMT(row->kind)));
    TRY(web_attachment(res, name));
    web_bytes(res, 200, SLICE("application/pdf"), pdf);
    return OK;
}
