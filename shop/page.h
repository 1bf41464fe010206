/* What the handlers share: the frame of a page, domain rows as template records, who may see which
 * booking. A handler reads the request, asks the domain files, fills a template; it decides nothing
 * about seats, money or consent itself. */
#ifndef SHOP_PAGE_H
#define SHOP_PAGE_H

#include "booking.h"
#include "catalogue.h"
#include "document.h"
#include "fee.h"
#include "shop.h"
#include "traveller.h"
#include "web/field.h"

static inline i18n_lang_t page_lang(const web_req_t *req)
{
    return req->lang;
}

/* The frame; nav: "tours", "notices", "offices", "my" or "". */
err_t page_fill(shop_t *shop, web_req_t *req, const char *nav, struct tpl_page *ret_page);
slice_t page_msg(const web_req_t *req, shop_msg_t msg);
/* A form's double-submit token. */
err_t page_token(arena_t *a, slice_t *ret_token);
/* printf to the arena with ids in letters: path of a booking. tail: "", "/confirm", ... */
err_t page_booking_href(arena_t *a, id128_t booking, const char *tail, slice_t *ret_href);

/* Records. today and now come from the request. */
err_t page_departure(arena_t *a, const departure_t *d, int64_t tour_days, int64_t now_us,
                     struct tpl_departure *ret_row);
/* The day by which it is decided whether it runs; 0 when that is known, or not decided by date. */
int64_t page_decide(const departure_t *d);
err_t page_card(db_t *db, const web_req_t *req, const tour_t *tour, const search_t *narrow,
                struct tpl_tour_card *ret_card);
err_t page_fees(arena_t *a, date_t departure_day, int64_t days, const struct tpl_fee **ret_fees,
                size_t *ret_n);
err_t page_booking(db_t *db, arena_t *a, i18n_lang_t lang, const booking_t *b, int64_t now_us,
                   struct tpl_booking *ret_row);
/* The same with the tour and departure it was made of. */
typedef struct booking_parts {
    tour_t tour;
    departure_t departure;
} booking_parts_t;
err_t page_booking_parts(db_t *db, arena_t *a, i18n_lang_t lang, const booking_t *b, int64_t now_us,
                         struct tpl_booking *ret_row, booking_parts_t *ret_parts);
err_t page_document(arena_t *a, const document_t *doc, struct tpl_document *ret_row);
err_t page_people(arena_t *a, const people_t *people, struct tpl_person *ret_rep,
                  const struct tpl_traveller **ret_rows, size_t *ret_n);
shop_msg_t page_booking_msg(booking_state_t state);

/* Form errors gathered for the summary. */
typedef struct form_errors {
    struct tpl_form_error at[64];
    size_t n;
} form_errors_t;
void form_error_add(form_errors_t *errors, slice_t field, slice_t text);
/* At the end: each error with its field's name as shown ("ご旅行者 2人目 フリガナ"). */
const struct tpl_form_error *form_errors_named(const web_req_t *req, form_errors_t *errors);
/* A reading of a name that is no katakana: on an English page Roman letters will do (they are made
 * upper case), since few keyboards abroad write katakana. */
err_t form_reading(web_req_t *req, slice_t prefix, const web_field_t *kana, web_value_t *io_value);
/* The field as it comes back, and its error in the summary. */
struct tpl_field form_field(const web_req_t *req, const char *name, const web_value_t *value,
                            form_errors_t *errors);

/* Bookings that this visitor may see: made in this session, opened as a guest in it, or the
 * account's. NOT_FOUND for all others, so that an id says nothing. */
err_t page_own_booking(db_t *db, web_req_t *req, booking_t *ret_booking);
err_t page_own_add(web_req_t *req, web_res_t *res, id128_t booking);
/* The account that is logged in; zero ids when nobody is. */
err_t page_account(db_t *db, const web_req_t *req, id128_t *ret_account, id128_t *ret_pseudonym);
/* Why this reveal happens. DENIED on a route without the mark. */
err_t page_vault_context(db_t *db, const web_req_t *req, const booking_t *b,
                         vault_context_t *ret_ctx);
/* Whether a failed reveal is one that the page lives with (and says so). */
bool page_reveal_rests(err_t e);

#endif
