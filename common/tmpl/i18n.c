#include "tmpl/i18n.h"

slice_t i18n_text(const i18n_catalog_t *catalog, i18n_lang_t lang, unsigned id)
{
    CHECK(id < catalog->count && (unsigned)lang < I18N_LANGS);
    return catalog->texts[lang][id];
}

const char *i18n_key(const i18n_catalog_t *catalog, unsigned id)
{
    CHECK(id < catalog->count);
    return catalog->keys[id];
}

slice_t i18n_lang_code(i18n_lang_t lang)
{
    return lang == I18N_EN ? SLICE("en") : SLICE("ja");
}

err_t i18n_lang_of_code(slice_t code, i18n_lang_t *ret_lang)
{
    for (int lang = 0; lang < I18N_LANGS; lang++) {
        if (slice_eq(code, i18n_lang_code((i18n_lang_t)lang))) {
            *ret_lang = (i18n_lang_t)lang;
            return OK;
        }
    }
    return FAIL(ERR_NOT_FOUND);
}

/* "q=0.85" in thousandths; 1000 without one; 0 when malformed. */
static unsigned weight(slice_t parameters)
{
    slice_t p = slice_trim(parameters);
    if (p.len == 0) {
        return 1000;
    }
    if (p.len < 3 || (p.ptr[0] | 0x20) != 'q' || p.ptr[1] != '=') {
        return 0;
    }
    unsigned value = 0, scale = 1000;
    for (size_t i = 2; i < p.len; i++) {
        uint8_t c = p.ptr[i];
        if (i == 3 ? c != '.' : c < '0' || c > '9') {
            return 0;
        }
        if (i != 3) {
            value += (unsigned)(c - '0') * scale;
            scale /= 10;
        }
    }
    return value > 1000 ? 0 : value;
}

i18n_lang_t i18n_lang_accept(slice_t header)
{
    i18n_lang_t best = I18N_JA;
    unsigned best_weight = 0;
    slice_t item;
    while (slice_split(&header, ',', &item)) {
        slice_t tag, primary;
        if (!slice_split(&item, ';', &tag)) {
            continue;
        }
        unsigned w = weight(item.ptr ? item : SLICE_EMPTY); /* used up: no parameters */
        tag = slice_trim(tag);
        if (!slice_split(&tag, '-', &primary) || w <= best_weight) {
            continue;
        }
        for (int lang = 0; lang < I18N_LANGS; lang++) {
            if (slice_eq_nocase(primary, i18n_lang_code((i18n_lang_t)lang))) {
                best = (i18n_lang_t)lang;
                best_weight = w;
            }
        }
    }
    return best;
}
