/* Letters by kind. */
#include "letter.h"
#include "account.h"
#include "page.h"
#include "payment.h"

enum { TEXT_BYTES = 48 * 1024 };

typedef struct draft {
    shop_t *shop;
    db_t *db;
    arena_t *a;
    i18n_lang_t lang;
    int64_t now_us;
    booking_t booking;
    struct tpl_booking b;
    booking_parts_t parts;
    const struct tpl_office *offices;
    slice_t name;
    buf_t subject, text;
} draft_t;

static err_t url_of(draft_t *d, slice_t path, slice_t *ret_url)
{
    return arena_printf(d->a, ret_url, "%s%.*s", d->shop->conf->base_url, SLICE_FMT(path));
}

static err_t paid_at(draft_t *d, int64_t *ret_us)
{
    attempt_row_t *rows;
    size_t n;
    *ret_us = d->now_us;
    TRY(payment_attempts(d->db, d->a, d->booking.id, &rows, &n));
    for (size_t i = 0; i < n; i++) {
        if (id_eq(rows[i].id, d->booking.paid_attempt)) {
            *ret_us = rows[i].changed_us;
        }
    }
    return OK;
}

static err_t confirmed(draft_t *d)
{
    const agency_t *agency = &d->shop->agency;
    struct tpl_mail_confirmed_args m = {.agency = agency->page[d->lang],
                                        .offices = d->offices,
                                        .offices_count = agency->n_offices,
                                        .name = d->name,
                                        .b = d->b,
                                        .meeting = d->parts.departure.meeting};
    TRY(agency_office_page(d->a, agency_office(agency, d->parts.departure.office), d->lang,
                           d->now_us, &m.office));
    TRY(page_fees(d->a, d->parts.departure.day, d->parts.tour.days, &m.fees, &m.fees_count));
    TRY(url_of(d, d->b.href, &m.url));
    TRY(paid_at(d, &m.paid_at));
    shop_msg_mail_confirmed_subject(&d->subject, d->lang, d->b.number, d->b.tour_title);
    tpl_mail_confirmed(&d->text, d->lang, &m);
    return OK;
}

static err_t payment_failed(draft_t *d)
{
    slice_t path;
    struct tpl_mail_payment_failed_args m = {.agency = d->shop->agency.page[d->lang],
                                             .offices = d->offices,
                                             .offices_count = d->shop->agency.n_offices,
                                             .name = d->name,
                                             .b = d->b};
    TRY(page_booking_href(d->a, d->booking.id, "/pay", &path));
    TRY(url_of(d, path, &m.url));
    shop_msg_mail_payment_failed_subject(&d->subject, d->lang, d->b.number);
    tpl_mail_payment_failed(&d->text, d->lang, &m);
    return OK;
}

static err_t expired(draft_t *d)
{
    struct tpl_mail_expired_args m = {.agency = d->shop->agency.page[d->lang],
                                      .offices = d->offices,
                                      .offices_count = d->shop->agency.n_offices,
                                      .name = d->name,
                                      .b = d->b};
    TRY(url_of(d, d->b.tour_href, &m.url));
    shop_msg_mail_expired_subject(&d->subject, d->lang, d->b.number);
    tpl_mail_expired(&d->text, d->lang, &m);
    return OK;
}

static err_t refund_late(draft_t *d)
{
    struct tpl_mail_refund_late_args m = {.agency = d->shop->agency.page[d->lang],
                                          .offices = d->offices,
                                          .offices_count = d->shop->agency.n_offices,
                                          .name = d->name,
                                          .b = d->b,
                                          .amount = d->booking.total};
    TRY(url_of(d, d->b.href, &m.url));
    shop_msg_mail_refund_late_subject(&d->subject, d->lang, d->b.number);
    tpl_mail_refund_late(&d->text, d->lang, &m);
    return OK;
}

static err_t refund_double(draft_t *d)
{
    struct tpl_mail_refund_double_args m = {.agency = d->shop->agency.page[d->lang],
                                            .offices = d->offices,
                                            .offices_count = d->shop->agency.n_offices,
                                            .name = d->name,
                                            .b = d->b,
                                            .amount = d->booking.total};
    TRY(url_of(d, d->b.href, &m.url));
    shop_msg_mail_refund_double_subject(&d->subject, d->lang, d->b.number);
    tpl_mail_refund_double(&d->text, d->lang, &m);
    return OK;
}

/* The departure's decision: it runs, or it does not, and then what was paid goes back. */
static err_t decided(draft_t *d, mail_kind_t kind)
{
    struct tpl_mail_decided_args m = {.agency = d->shop->agency.page[d->lang],
                                      .offices = d->offices,
                                      .offices_count = d->shop->agency.n_offices,
                                      .name = d->name,
                                      .b = d->b,
                                      .runs = kind == MAIL_RUNS,
                                      .amount = kind == MAIL_CALLED_OFF_PAID ? d->booking.total : 0,
                                      .min_people = d->parts.departure.seats.min_pax};
    TRY(url_of(d, m.runs ? d->b.href : d->b.tour_href, &m.url));
    if (m.runs) {
        shop_msg_mail_runs_subject(&d->subject, d->lang, d->b.number, d->b.tour_title);
    } else {
        shop_msg_mail_called_off_subject(&d->subject, d->lang, d->b.number, d->b.tour_title);
    }
    tpl_mail_decided(&d->text, d->lang, &m);
    return OK;
}

static err_t registered(draft_t *d)
{
    struct tpl_mail_registered_args m = {.agency = d->shop->agency.page[d->lang],
                                         .offices = d->offices,
                                         .offices_count = d->shop->agency.n_offices,
                                         .name = d->name};
    TRY(url_of(d, SLICE("/login"), &m.url));
    shop_msg_mail_registered_subject(&d->subject, d->lang, m.agency.name);
    tpl_mail_registered(&d->text, d->lang, &m);
    return OK;
}

static err_t write_text(draft_t *d, mail_kind_t kind)
{
    switch (kind) {
    case MAIL_CONFIRMED:
        return confirmed(d);
    case MAIL_PAYMENT_FAILED:
        return payment_failed(d);
    case MAIL_EXPIRED:
        return expired(d);
    case MAIL_REFUND_LATE:
        return refund_late(d);
    case MAIL_REFUND_DOUBLE:
        return refund_double(d);
    case MAIL_REGISTERED:
        return registered(d);
    case MAIL_RUNS:
    case MAIL_CALLED_OFF:
    case MAIL_CALLED_OFF_PAID:
        return decided(d, kind);
    }
    return FAIL(ERR_RANGE);
}

static err_t recipient(draft_t *d, const outbox_row_t *row, slice_t *ret_to, id128_t *ret_pseudonym)
{
    vault_context_t ctx = {.request = row->request,
                           .object = id_is_zero(row->booking) ? row->account : row->booking,
                           .purpose = VAULT_FOR_MAIL};
    vault_client_t *vault = d->shop->vault;
    if (id_is_zero(row->booking)) {
        return account_reveal_recipient(d->db, vault, d->a, &ctx, row->account, &d->name, ret_to,
                                        ret_pseudonym);
    }
    TRY(booking_load(d->db, d->a, row->booking, &d->booking));
    *ret_pseudonym = d->booking.pseudonym;
    TRY(page_booking_parts(d->db, d->a, d->lang, &d->booking, d->now_us, &d->b, &d->parts));
    return people_reveal_recipient(d->db, vault, d->a, &ctx, &d->booking, &d->name, ret_to);
}

err_t letter_make(shop_t *shop, db_t *db, arena_t *a, const outbox_row_t *row, int64_t now_us,
                  smtp_letter_t *ret_letter, id128_t *ret_pseudonym)
{
    draft_t d = {.shop = shop,
                 .db = db,
                 .a = a,
                 .lang = row->lang == I18N_EN ? I18N_EN : I18N_JA,
                 .now_us = now_us};
    slice_t to;
    *ret_pseudonym = id_zero();
    TRY(recipient(&d, row, &to, ret_pseudonym));
    TRY(agency_offices_page(a, &shop->agency, d.lang, now_us, &d.offices));
    TRY(arena_buf(a, 1024, &d.subject));
    TRY(arena_buf(a, TEXT_BYTES, &d.text));
    TRY(write_text(&d, row->kind));
    TRY(buf_check(&d.subject));
    TRY(buf_check(&d.text));
    *ret_letter = (smtp_letter_t){.id = row->id,
                                  .to = to,
                                  .sender_name = shop->agency.page[d.lang].name,
                                  .subject = buf_slice(&d.subject),
                                  .text = buf_slice(&d.text),
                                  .date_us = now_us};
    return OK;
}
