/* The agency's own facts and its offices: configuration (the agency file, JSON), read once at
 * start. Public facts only: what stands on the registration sign and on the door. */
#ifndef SHOP_AGENCY_H
#define SHOP_AGENCY_H

#include "io/fd.h"
#include "fees/office_hours.h"
#include "pages.h"

enum { AGENCY_OFFICES = 8, AGENCY_FILE_BYTES = 1024 * 1024 };

typedef struct office {
    slice_t code;
    struct tpl_office page[I18N_LANGS]; /* all but open and next */
    office_hours_t hours;
} office_t;

typedef struct agency {
    struct tpl_agency page[I18N_LANGS];
    office_t offices[AGENCY_OFFICES];
    size_t n_offices;
} agency_t;

/* NOT_FOUND, DENIED, IO; SYNTAX with *ret_fault (a literal or arena text: which part) set. */
err_t agency_load(arena_t *a, path_t file, agency_t *ret_agency, slice_t *ret_fault);
/* The office of that code, or the first one. Never NULL. */
const office_t *agency_office(const agency_t *agency, slice_t code);
/* For a page: all of it, with "open until" or "opens at" as of now. */
err_t agency_office_page(arena_t *a, const office_t *office, i18n_lang_t lang, int64_t now_us,
                         struct tpl_office *ret_page);
err_t agency_offices_page(arena_t *a, const agency_t *agency, i18n_lang_t lang, int64_t now_us,
                          const struct tpl_office **ret_pages);

#endif
