/* What the C made by tmplc stands on: slots, filters, the hidden field. Rooms call the functions in
 * their own pages.h; of this header they need tmpl_slot_html only. */
#ifndef TMPL_TMPL_H
#define TMPL_TMPL_H

#include "text/html.h"
#include "tmpl/i18n.h"

/* A piece of a page that is written when the page comes to it. */
typedef struct tmpl_slot {
    void (*put)(buf_t *out, i18n_lang_t lang, const void *ctx); /* NULL = nothing */
    const void *ctx;
} tmpl_slot_t;

/* Ready markup as a slot; *markup must live until the page is written. */
tmpl_slot_t tmpl_slot_html(const html_t *markup);

/* The rest is called by generated code. */

void tmpl_put_slot(buf_t *out, i18n_lang_t lang, tmpl_slot_t slot);
/* <input type="hidden" name="csrf" value="...">; an empty token sets out->full: a form that could
 * never be sent does not leave the house. */
void tmpl_put_csrf(buf_t *out, slice_t token);

/* A message, escaped when the catalogue was compiled. */
html_t tmpl_message(const i18n_catalog_t *catalog, i18n_lang_t lang, unsigned id);

/* Filters: an int as plain text, without any character that HTML would need escaped. */
typedef void tmpl_filter_fn(buf_t *out, i18n_lang_t lang, int64_t v);
void tmpl_put_dec(buf_t *out, i18n_lang_t lang, int64_t v);
void tmpl_put_num(buf_t *out, i18n_lang_t lang, int64_t v);
void tmpl_put_yen(buf_t *out, i18n_lang_t lang, int64_t v);
void tmpl_put_day(buf_t *out, i18n_lang_t lang, int64_t v);
void tmpl_put_dayshort(buf_t *out, i18n_lang_t lang, int64_t v);
void tmpl_put_month(buf_t *out, i18n_lang_t lang, int64_t v);
void tmpl_put_isoday(buf_t *out, i18n_lang_t lang, int64_t v);
void tmpl_put_date(buf_t *out, i18n_lang_t lang, int64_t v);
void tmpl_put_datetime(buf_t *out, i18n_lang_t lang, int64_t v);
void tmpl_put_time(buf_t *out, i18n_lang_t lang, int64_t v);
void tmpl_put_iso(buf_t *out, i18n_lang_t lang, int64_t v);
/* The first segment of a path, behind "/": percent-encoded; an empty one becomes ".", so that with
 * the '/' that follows it cannot begin a host. */
void tmpl_put_url_segment(buf_t *out, slice_t raw);
/* A filtered int inside a URL: percent-encoded. */
void tmpl_put_url_filtered(buf_t *out, i18n_lang_t lang, tmpl_filter_fn *filter, int64_t v);

/* Renders into the arena, whatever the size, up to the arena's bound: LIMIT past it. */
typedef void tmpl_render_fn(buf_t *out, i18n_lang_t lang, const void *args);
err_t tmpl_html(arena_t *arena, i18n_lang_t lang, tmpl_render_fn *render, const void *args,
                html_t *ret_html);
err_t tmpl_text(arena_t *arena, i18n_lang_t lang, tmpl_render_fn *render, const void *args,
                slice_t *ret_text);

#endif
