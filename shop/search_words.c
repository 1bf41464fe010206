/* What a visitor types into the search box, as the words that tour.search is compared with. */
#include "catalogue.h"
#include "text/fold.h"
#include "text/utf8.h"

err_t search_words(arena_t *a, slice_t typed, slice_t ret_words[3])
{
    slice_t rest, part;
    size_t n = 0;
    ret_words[0] = ret_words[1] = ret_words[2] = SLICE_EMPTY;
    TRY(text_width_fold(a, utf8_truncate(typed, 200), &rest));
    while (n < 3 && slice_split(&rest, ' ', &part)) {
        slice_t word;
        TRY(text_kana_fold(a, part, &word));
        if (word.len > 0) {
            ret_words[n++] = word;
        }
    }
    return OK;
}
