/* Languages of the house and message catalogues: const tables that tmplc makes from a room's .po
 * files (README.md). The language is a value handed along, never a global. */
#ifndef TMPL_I18N_H
#define TMPL_I18N_H

#include "base/buf.h"

typedef enum i18n_lang { I18N_JA, I18N_EN } i18n_lang_t;
enum { I18N_LANGS = 2 };

/* One room's messages. texts[lang][id]; id 0 is the empty text. html: the same, escaped for text
 * and quoted attributes. */
typedef struct i18n_catalog {
    const char *room;
    unsigned count;
    const char *const *keys;
    const slice_t *texts[I18N_LANGS];
    const slice_t *html[I18N_LANGS];
} i18n_catalog_t;

/* The message as plain text; an id that the catalogue does not have, or an unknown language, is a
 * programming error (aborts). */
slice_t i18n_text(const i18n_catalog_t *catalog, i18n_lang_t lang, unsigned id);
/* Its key ("tour.price_from"), for logs. */
const char *i18n_key(const i18n_catalog_t *catalog, unsigned id);

/* "ja", "en": for <html lang>, cookies and paths. */
slice_t i18n_lang_code(i18n_lang_t lang);
/* The language of such a code; NOT_FOUND for any other text. */
err_t i18n_lang_of_code(slice_t code, i18n_lang_t *ret_lang);
/* The best of ours for an Accept-Language header (RFC 9110 12.5.4, primary subtags and weights);
 * Japanese when the header is empty, malformed or names none of ours. */
i18n_lang_t i18n_lang_accept(slice_t header);

#endif
