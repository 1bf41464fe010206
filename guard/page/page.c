#include "page.h"

#include "guard_pages.h"

extern const unsigned char guard_style[];
extern const size_t guard_style_len;

guard_page_t guard_page_of(unsigned status, bool is_card)
{
    switch (status) {
    case 413:
    case 414:
    case 431:
        return GUARD_PAGE_TOO_LARGE;
    case 403:
    case 404:
    case 405:
    case 410:
        return GUARD_PAGE_NOT_FOUND;
    case 421:
        return GUARD_PAGE_OTHER_HOST;
    case 422:
        return is_card ? GUARD_PAGE_CARD : GUARD_PAGE_UNREADABLE;
    case 501:
    case 505:
        return GUARD_PAGE_UNREADABLE;
    default:
        return status >= 500 ? GUARD_PAGE_UNAVAILABLE : GUARD_PAGE_UNREADABLE;
    }
}

typedef struct page_row {
    guard_msg_t title, why, next;
    bool has_home; /* a way to the top page that helps */
} page_row_t;

static const page_row_t ROWS[] = {
    [GUARD_PAGE_BLOCKED] = {GUARD_MSG_BLOCKED_TITLE, GUARD_MSG_BLOCKED_WHY, GUARD_MSG_BLOCKED_NEXT,
                            true},
    [GUARD_PAGE_UNREADABLE] = {GUARD_MSG_UNREADABLE_TITLE, GUARD_MSG_UNREADABLE_WHY,
                               GUARD_MSG_UNREADABLE_NEXT, true},
    [GUARD_PAGE_TOO_LARGE] = {GUARD_MSG_LARGE_TITLE, GUARD_MSG_LARGE_WHY, GUARD_MSG_LARGE_NEXT,
                              true},
    [GUARD_PAGE_NOT_FOUND] = {GUARD_MSG_MISSING_TITLE, GUARD_MSG_MISSING_WHY,
                              GUARD_MSG_MISSING_NEXT, true},
    [GUARD_PAGE_OTHER_HOST] = {GUARD_MSG_HOST_TITLE, GUARD_MSG_HOST_WHY, GUARD_MSG_HOST_NEXT,
                               false},
    [GUARD_PAGE_UNAVAILABLE] = {GUARD_MSG_AWAY_TITLE, GUARD_MSG_AWAY_WHY, GUARD_MSG_AWAY_NEXT,
                                false},
};

void guard_page_put(buf_t *out, guard_page_t page, slice_t lang_cookie, slice_t accept_language,
                    slice_t request_id)
{
    i18n_lang_t lang;
    if (err_failed(i18n_lang_of_code(lang_cookie, &lang))) {
        lang = i18n_lang_accept(accept_language);
    }
    if (page == GUARD_PAGE_CARD || (unsigned)page >= BASE_COUNT(ROWS)) {
        tpl_card_refused(out, lang, &(struct tpl_card_refused_args){.request = request_id});
        return;
    }
    const page_row_t *row = &ROWS[page];
    tpl_trouble(out, lang,
                &(struct tpl_trouble_args){.title = row->title,
                                           .why = row->why,
                                           .next = row->next,
                                           .home = row->has_home,
                                           .request = request_id});
}

slice_t guard_page_style(void)
{
    return slice_make(guard_style, guard_style_len);
}
