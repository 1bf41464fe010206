#include "tmpl/tmpl.h"

#include "text/time.h"
#include "text/url.h"

void tmpl_put_slot(buf_t *out, i18n_lang_t lang, tmpl_slot_t slot)
{
    if (slot.put) {
        slot.put(out, lang, slot.ctx);
    }
}

static void put_markup(buf_t *out, i18n_lang_t lang, const void *ctx)
{
    const html_t *markup = ctx;
    html_put(out, *markup);
}

tmpl_slot_t tmpl_slot_html(const html_t *markup)
{
    return (tmpl_slot_t){put_markup, markup};
}

void tmpl_put_csrf(buf_t *out, slice_t token)
{
    if (token.len == 0) {
        out->full = true;
        return;
    }
    buf_put(out, SLICE("<input type=\"hidden\" name=\"csrf\" value=\""));
    html_put_attr(out, token);
    buf_put(out, SLICE("\">"));
}

html_t tmpl_message(const i18n_catalog_t *catalog, i18n_lang_t lang, unsigned id)
{
    CHECK(id < catalog->count && (unsigned)lang < I18N_LANGS);
    return (html_t){catalog->html[lang][id]};
}

/* --- filters --- */

static date_t day_of(int64_t v)
{
    return v < DATE_MIN ? DATE_MIN : v > DATE_MAX ? DATE_MAX : (date_t)v;
}

void tmpl_put_dec(buf_t *out, i18n_lang_t lang, int64_t v)
{
    buf_dec(out, v);
}

void tmpl_put_num(buf_t *out, i18n_lang_t lang, int64_t v)
{
    number_put_grouped(out, v);
}

void tmpl_put_yen(buf_t *out, i18n_lang_t lang, int64_t v)
{
    (lang == I18N_EN ? yen_put_en : yen_put_ja)(out, v);
}

void tmpl_put_day(buf_t *out, i18n_lang_t lang, int64_t v)
{
    (lang == I18N_EN ? date_put_en : date_put_ja)(out, day_of(v));
}

static const char *month_en(unsigned month)
{
    static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    return names[(month - 1) % 12];
}

void tmpl_put_dayshort(buf_t *out, i18n_lang_t lang, int64_t v)
{
    static const char *const ja[] = {"日", "月", "火", "水", "木", "金", "土"};
    static const char *const en[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    date_ymd_t ymd = date_to_ymd(day_of(v));
    unsigned weekday = date_weekday(day_of(v)) % 7;
    if (lang == I18N_EN) {
        buf_cstr(out, en[weekday]);
        buf_put(out, SLICE(" "));
        buf_dec(out, ymd.day);
        buf_put(out, SLICE(" "));
        buf_cstr(out, month_en(ymd.month));
    } else {
        buf_dec(out, ymd.month);
        buf_put(out, SLICE("/"));
        buf_dec(out, ymd.day);
        buf_put(out, SLICE("("));
        buf_cstr(out, ja[weekday]);
        buf_put(out, SLICE(")"));
    }
}

void tmpl_put_month(buf_t *out, i18n_lang_t lang, int64_t v)
{
    static const char *const long_en[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
    date_ymd_t ymd = date_to_ymd(day_of(v));
    if (lang == I18N_EN) {
        buf_cstr(out, long_en[(ymd.month - 1U) % 12]);
        buf_put(out, SLICE(" "));
        buf_dec(out, ymd.year);
    } else {
        buf_dec(out, ymd.year);
        buf_put(out, SLICE("年"));
        buf_dec(out, ymd.month);
        buf_put(out, SLICE("月"));
    }
}

void tmpl_put_isoday(buf_t *out, i18n_lang_t lang, int64_t v)
{
    date_put(out, day_of(v));
}

void tmpl_put_date(buf_t *out, i18n_lang_t lang, int64_t v)
{
    tmpl_put_day(out, lang, tokyo_date(v));
}

void tmpl_put_datetime(buf_t *out, i18n_lang_t lang, int64_t v)
{
    (lang == I18N_EN ? time_put_en : time_put_ja)(out, v);
}

void tmpl_put_time(buf_t *out, i18n_lang_t lang, int64_t v)
{
    unsigned minute = tokyo_minute(v);
    buf_dec_pad(out, minute / 60, 2);
    buf_put(out, SLICE(":"));
    buf_dec_pad(out, minute % 60, 2);
}

void tmpl_put_iso(buf_t *out, i18n_lang_t lang, int64_t v)
{
    time_put_rfc3339_tokyo(out, v);
}

void tmpl_put_url_segment(buf_t *out, slice_t raw)
{
    url_put_component(out, raw.len ? raw : SLICE("."));
}

void tmpl_put_url_filtered(buf_t *out, i18n_lang_t lang, tmpl_filter_fn *filter, int64_t v)
{
    uint8_t text[64]; /* the longest filter's output is under 40 bytes */
    buf_t b = BUF_ON_ARRAY(text);
    filter(&b, lang, v);
    CHECK(!b.full);
    url_put_component(out, buf_slice(&b));
}

/* --- into the arena --- */

/* The size is not known before: each try has four times the room, and what a failed try took stays
 * with the arena until its end. */
err_t tmpl_text(arena_t *arena, i18n_lang_t lang, tmpl_render_fn *render, const void *args,
                slice_t *ret_text)
{
    for (size_t cap = 8192; cap <= arena->max_bytes; cap *= 4) {
        buf_t b;
        TRY(arena_buf(arena, cap, &b));
        render(&b, lang, args);
        if (!b.full) {
            *ret_text = buf_slice(&b);
            return OK;
        }
    }
    return FAIL(ERR_LIMIT);
}

err_t tmpl_html(arena_t *arena, i18n_lang_t lang, tmpl_render_fn *render, const void *args,
                html_t *ret_html)
{
    slice_t text;
    TRY(tmpl_text(arena, lang, render, args, &text));
    *ret_html = (html_t){text};
    return OK;
}
