/* The fee engine's lines and tiers as sentences of a page, in its language. */
#ifndef SHOP_FEE_WORDS_H
#define SHOP_FEE_WORDS_H

#include "fees/fee.h"
#include "pages.h"

/* One line of the explanation. */
err_t fee_words_line(arena_t *a, i18n_lang_t lang, const fee_line_t *line, slice_t *ret_text);
/* "20日目から8日目まで"; after the start, from the first day on. */
err_t fee_words_days(arena_t *a, i18n_lang_t lang, int32_t from_day, int32_t to_day,
                     slice_t *ret_text);
/* Lines up to the rule are the same for all who cancel together; the rest is of one price. */
bool fee_line_is_shared(const fee_line_t *line);

#endif
