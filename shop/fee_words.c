/* Sentences. Each kind of line has its message; nothing is worked out here. */
#include "fee_words.h"

enum { SENTENCE_MAX = 1024 };

static slice_t word(i18n_lang_t lang, shop_msg_t msg)
{
    return i18n_text(&shop_catalog, lang, msg);
}

static void days_put(buf_t *b, i18n_lang_t lang, int32_t from, int32_t to)
{
    if (from == FEE_NO_DAY) {
        buf_put(b, word(lang, SHOP_MSG_FEE_AFTER_START));
    } else if (from == FEE_DAY_ANY) {
        shop_msg_fee_days_before(b, lang, to);
    } else if (from == to) {
        if (from > 1) {
            shop_msg_fee_days_one(b, lang, from);
        } else {
            buf_put(b, word(lang, from == 1 ? SHOP_MSG_FEE_EVE : SHOP_MSG_FEE_SAME_DAY));
        }
    } else if (to == 0) {
        shop_msg_fee_days_until_departure(b, lang, from);
    } else {
        shop_msg_fee_days_range(b, lang, from, to);
    }
}

err_t fee_words_days(arena_t *a, i18n_lang_t lang, int32_t from_day, int32_t to_day,
                     slice_t *ret_text)
{
    buf_t b;
    TRY(arena_buf(a, 256, &b));
    days_put(&b, lang, from_day, to_day);
    TRY(buf_check(&b));
    *ret_text = buf_slice(&b);
    return OK;
}

static void request_put(buf_t *b, i18n_lang_t lang, const fee_line_t *l)
{
    switch (l->date_rule) {
    case FEE_DATE_NONE:
        shop_msg_fee_line_started(b, lang, l->at_us);
        return;
    case FEE_DATE_INSTANT:
        shop_msg_fee_line_instant(b, lang, l->at_us, l->day);
        return;
    case FEE_DATE_OFFICE_HOURS:
        shop_msg_fee_line_office_hours(b, lang, l->at_us, l->day);
        return;
    case FEE_DATE_NEXT_OPENING:
        shop_msg_fee_line_next_opening(b, lang, l->at_us, l->day);
        return;
    case FEE_DATE_HELD_AT_DEPARTURE:
        shop_msg_fee_line_held(b, lang, l->at_us, l->day);
        return;
    }
}

static void phase_put(buf_t *b, i18n_lang_t lang, const fee_line_t *l)
{
    switch (l->phase) {
    case FEE_BEFORE:
        shop_msg_fee_line_days(b, lang, l->day, l->days);
        return;
    case FEE_DEPARTURE_DAY:
        shop_msg_fee_line_same_day(b, lang, l->day);
        return;
    case FEE_AFTER_START:
        shop_msg_fee_line_after_start(b, lang, l->day);
        return;
    case FEE_NO_SHOW:
        shop_msg_fee_line_no_show(b, lang, l->day);
        return;
    }
}

static void standard_put(buf_t *b, i18n_lang_t lang, const fee_line_t *l)
{
    shop_msg_t where = l->part == 1   ? SHOP_MSG_FEE_WHERE_DOMESTIC
                       : l->item == 1 ? SHOP_MSG_FEE_WHERE_OVERSEAS_AIR
                                      : SHOP_MSG_FEE_WHERE_OVERSEAS_CHARTER;
    if (l->letter.len) {
        shop_msg_fee_line_standard(b, lang, word(lang, where), l->letter);
    } else {
        shop_msg_fee_line_standard_none(b, lang, word(lang, where));
    }
}

static void own_put(buf_t *b, i18n_lang_t lang, const fee_line_t *l)
{
    slice_t name = l->source.len ? l->source : l->id;
    bool from = l->day != DATE_MIN, until = l->until != DATE_MAX;
    if (from && until) {
        shop_msg_fee_line_own_between(b, lang, name, l->day, l->until);
    } else if (from) {
        shop_msg_fee_line_own_from(b, lang, name, l->day);
    } else if (until) {
        shop_msg_fee_line_own_until(b, lang, name, l->until);
    } else {
        shop_msg_fee_line_own(b, lang, name);
    }
}

static err_t rule_put(buf_t *b, arena_t *a, i18n_lang_t lang, const fee_line_t *l)
{
    slice_t when;
    TRY(fee_words_days(a, lang, l->from_day, l->to_day, &when));
    if (l->fixed) {
        shop_msg_fee_line_rule_yen(b, lang, when, l->yen);
    } else {
        shop_msg_fee_line_rule_percent(b, lang, when, l->percent);
    }
    return OK;
}

static void limit_put(buf_t *b, i18n_lang_t lang, const fee_line_t *l)
{
    switch (l->limit) {
    case FEE_LIMIT_CAP:
        shop_msg_fee_line_cap(b, lang, l->base_yen, l->yen);
        return;
    case FEE_LIMIT_PRICE:
        shop_msg_fee_line_limit_price(b, lang, l->base_yen, l->yen);
        return;
    case FEE_LIMIT_STANDARD:
        shop_msg_fee_line_limit_standard(b, lang, l->base_yen, l->yen);
        return;
    case FEE_LIMIT_NONE:
        return;
    }
}

static err_t line_put(buf_t *b, arena_t *a, i18n_lang_t lang, const fee_line_t *l)
{
    switch (l->kind) {
    case FEE_LINE_REQUEST:
        request_put(b, lang, l);
        return OK;
    case FEE_LINE_DAYS:
        phase_put(b, lang, l);
        return OK;
    case FEE_LINE_STANDARD:
        standard_put(b, lang, l);
        return OK;
    case FEE_LINE_OWN:
        own_put(b, lang, l);
        return OK;
    case FEE_LINE_PEAK:
        buf_put(b, word(lang, l->peak ? SHOP_MSG_FEE_LINE_PEAK : SHOP_MSG_FEE_LINE_OFF_PEAK));
        return OK;
    case FEE_LINE_RULE:
        return rule_put(b, a, lang, l);
    case FEE_LINE_FREE:
        buf_put(b, word(lang, SHOP_MSG_FEE_LINE_FREE));
        return OK;
    case FEE_LINE_PERCENT:
        if (l->cut) {
            shop_msg_fee_line_percent_cut(b, lang, l->base_yen, l->percent, l->yen);
        } else {
            shop_msg_fee_line_percent(b, lang, l->base_yen, l->percent, l->yen);
        }
        return OK;
    case FEE_LINE_FIXED:
        shop_msg_fee_line_fixed(b, lang, l->yen);
        return OK;
    case FEE_LINE_LIMIT:
        limit_put(b, lang, l);
        return OK;
    case FEE_LINE_TOTAL:
        shop_msg_fee_line_total(b, lang, l->base_yen, l->count, l->yen);
        return OK;
    }
    return FAIL(ERR_RANGE);
}

err_t fee_words_line(arena_t *a, i18n_lang_t lang, const fee_line_t *line, slice_t *ret_text)
{
    buf_t b;
    TRY(arena_buf(a, SENTENCE_MAX, &b));
    TRY(line_put(&b, a, lang, line));
    TRY(buf_check(&b));
    *ret_text = buf_slice(&b);
    return OK;
}

bool fee_line_is_shared(const fee_line_t *line)
{
    return line->kind <= FEE_LINE_FREE;
}
