#include <cairo-pdf.h>
#include <pango/pangocairo.h>
#include <string.h>

#include "paper/draw.h"

/* Millimetres matter to nobody here: all lengths are PDF points (1/72 inch). */
static const double PAGE_W = 595.28, PAGE_H = 841.89, LEFT = 62, RIGHT = 62, TOP = 64, BOTTOM = 70;
static const double GAP = 7, CELL = 5;
enum { PAGES_MAX = 500 };

typedef struct colour {
    double r, g, b;
} colour_t;
#define INK_RGB                                                                                    \
    {                                                                                              \
        0.10, 0.13, 0.20                                                                           \
    }
#define QUIET_RGB                                                                                  \
    {                                                                                              \
        0.36, 0.40, 0.48                                                                           \
    }
#define ACCENT_RGB                                                                                 \
    {                                                                                              \
        0.13, 0.29, 0.45                                                                           \
    }
static const colour_t INK = INK_RGB, QUIET = QUIET_RGB, LINE = {0.78, 0.80, 0.84},
                      ACCENT = ACCENT_RGB, WASH = {0.955, 0.960, 0.968};

typedef struct style {
    const char *font;
    colour_t colour;
    float line; /* line spacing, times the letters' height */
} style_t;
/* M PLUS for its small subsets (a paper is 80 KB, with Noto alone 1 MB); what it has no glyph for
 * comes from the others. */
#define FAMILY "M PLUS 1, IPAexGothic, Noto Sans CJK JP, sans-serif"
static const style_t TITLE = {FAMILY " Bold 17", INK_RGB, 1.25F},
                     HEADING = {FAMILY " Bold 11", ACCENT_RGB, 1.3F},
                     BODY = {FAMILY " 9.2", INK_RGB, 1.45F},
                     SMALL = {FAMILY " 7.6", QUIET_RGB, 1.4F},
                     KEY = {FAMILY " 8.8", QUIET_RGB, 1.4F},
                     STRONG = {FAMILY " Bold 10.5", INK_RGB, 1.4F},
                     LARGE = {FAMILY " 13", INK_RGB, 1.4F};

typedef struct draw {
    cairo_surface_t *surface;
    cairo_t *cr;
    PangoContext *context;
    const char *lang;
    paper_element_t head;
    unsigned page, pages; /* pages = 0: the first pass, which counts them */
    double y;
    size_t columns;
    double x[PAPER_FIELDS + 1];
    bool right[PAPER_FIELDS], heading_empty;
    paper_element_t table; /* its headings, drawn again on each page */
    paper_kind_t before;
} draw_t;

static double width(void)
{
    return PAGE_W - LEFT - RIGHT;
}

static void ink(draw_t *d, colour_t c)
{
    cairo_set_source_rgb(d->cr, c.r, c.g, c.b);
}

static void rule(draw_t *d, double x1, double x2, double y, double weight, colour_t c)
{
    ink(d, c);
    cairo_set_line_width(d->cr, weight);
    cairo_move_to(d->cr, x1, y);
    cairo_line_to(d->cr, x2, y);
    cairo_stroke(d->cr);
}

/* ---- text ---- */

static PangoLayout *layout(draw_t *d, slice_t text, const style_t *style, double wide)
{
    PangoLayout *l = pango_layout_new(d->context);
    PangoFontDescription *font = pango_font_description_from_string(style->font);
    pango_layout_set_font_description(l, font);
    pango_font_description_free(font);
    pango_layout_set_width(l, (int)(wide * PANGO_SCALE));
    pango_layout_set_wrap(l, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_line_spacing(l, style->line);
    pango_layout_set_text(l, text.len ? (const char *)text.ptr : "", (int)text.len);
    return l;
}

static double height(PangoLayout *l)
{
    PangoRectangle logical;
    pango_layout_get_extents(l, NULL, &logical);
    return (double)logical.height / PANGO_SCALE;
}

static void show(draw_t *d, PangoLayout *l, double x, double y, colour_t c)
{
    ink(d, c);
    cairo_move_to(d->cr, x, y);
    pango_cairo_show_layout(d->cr, l);
    g_object_unref(l);
}

/* ---- pages ---- */

static void foot(draw_t *d)
{
    char of[64];
    int n = d->pages ? snprintf(of, sizeof of, "%u / %u", d->page, d->pages)
                     : snprintf(of, sizeof of, "%u", d->page);
    double y = PAGE_H - BOTTOM + 24;
    rule(d, LEFT, PAGE_W - RIGHT, y - 7, 0.4, LINE);
    show(d, layout(d, d->head.field[2], &SMALL, width()), LEFT, y, QUIET);
    PangoLayout *l = layout(d, slice_make(of, (size_t)n), &SMALL, width());
    pango_layout_set_alignment(l, PANGO_ALIGN_RIGHT);
    show(d, l, LEFT, y, QUIET);
}

static void page_begin(draw_t *d)
{
    d->page++;
    d->y = TOP;
}

static void page_end(draw_t *d)
{
    foot(d);
    cairo_show_page(d->cr);
}

static void table_headings(draw_t *d);

/* The next thing needs so much height: a new page when it is not there. */
static void need(draw_t *d, double h, bool in_table)
{
    if (d->y + h <= PAGE_H - BOTTOM || d->y <= TOP) {
        return;
    }
    page_end(d);
    page_begin(d);
    if (in_table) {
        table_headings(d);
    }
}

/* Line by line, so that a long paragraph goes over pages. */
static void flow(draw_t *d, slice_t text, const style_t *style)
{
    PangoLayout *l = layout(d, text, style, width());
    PangoLayoutIter *it = pango_layout_get_iter(l);
    do {
        PangoRectangle logical;
        pango_layout_iter_get_line_extents(it, NULL, &logical);
        double h = (double)logical.height / PANGO_SCALE;
        need(d, h, false);
        ink(d, style->colour);
        double baseline = (double)(pango_layout_iter_get_baseline(it) - logical.y) / PANGO_SCALE;
        cairo_move_to(d->cr, LEFT + (double)logical.x / PANGO_SCALE, d->y + baseline);
        pango_cairo_show_layout_line(d->cr, pango_layout_iter_get_line_readonly(it));
        d->y += h;
    } while (pango_layout_iter_next_line(it));
    pango_layout_iter_free(it);
    g_object_unref(l);
}

/* ---- elements ---- */

static void head(draw_t *d)
{
    const slice_t *f = d->head.field;
    PangoLayout *l = layout(d, f[1], &TITLE, width());
    double h = height(l);
    show(d, l, LEFT, d->y, INK);
    d->y += h + 6;
    rule(d, LEFT, PAGE_W - RIGHT, d->y, 1.2, ACCENT);
    d->y += 8;
    l = layout(d, f[4], &SMALL, width() * 0.62);
    double left_h = height(l);
    show(d, l, LEFT, d->y, QUIET);
    l = layout(d, f[3], &SMALL, width());
    pango_layout_set_alignment(l, PANGO_ALIGN_RIGHT);
    double right_h = height(l);
    show(d, l, LEFT, d->y, QUIET);
    d->y += (left_h > right_h ? left_h : right_h) + 12;
}

static void heading(draw_t *d, slice_t text)
{
    PangoLayout *l = layout(d, text, &HEADING, width());
    double h = height(l);
    d->y += d->y > TOP ? GAP : 0;
    need(d, h + 40, false); /* never alone at a page's end */
    show(d, l, LEFT, d->y, ACCENT);
    d->y += h + 4;
}

static void box(draw_t *d, slice_t text)
{
    PangoLayout *l = layout(d, text, &BODY, width() - 24);
    double h = height(l) + 18;
    need(d, h, false);
    ink(d, WASH);
    cairo_rectangle(d->cr, LEFT, d->y, width(), h);
    cairo_fill(d->cr);
    ink(d, ACCENT);
    cairo_rectangle(d->cr, LEFT, d->y, 2.4, h);
    cairo_fill(d->cr);
    show(d, l, LEFT + 14, d->y + 9, INK);
    d->y += h + GAP;
}

static void pair(draw_t *d, const paper_element_t *e)
{
    double key_w = width() * 0.28;
    PangoLayout *key = layout(d, e->field[0], &KEY, key_w - 8);
    PangoLayout *value = layout(d, e->field[1], &BODY, width() - key_w);
    double key_h = height(key), value_h = height(value),
           h = (key_h > value_h ? key_h : value_h) + 2 * CELL;
    need(d, h, false);
    if (d->before != PAPER_PAIR) {
        rule(d, LEFT, PAGE_W - RIGHT, d->y, 0.5, LINE);
    }
    show(d, key, LEFT, d->y + CELL, QUIET);
    show(d, value, LEFT + key_w, d->y + CELL, INK);
    d->y += h;
    rule(d, LEFT, PAGE_W - RIGHT, d->y, 0.5, LINE);
}

static double cells(draw_t *d, const paper_element_t *e, const style_t *style, bool draw)
{
    double tallest = 0;
    for (size_t i = 0; i < e->n; i++) {
        PangoLayout *l = layout(d, e->field[i], style, d->x[i + 1] - d->x[i] - 6);
        if (d->right[i]) {
            pango_layout_set_alignment(l, PANGO_ALIGN_RIGHT);
        }
        double h = height(l);
        tallest = h > tallest ? h : tallest;
        if (draw) {
            show(d, l, d->x[i] + 3, d->y + CELL, style->colour);
        } else {
            g_object_unref(l);
        }
    }
    return tallest + 2 * CELL;
}

static void table_headings(draw_t *d)
{
    if (!d->heading_empty) {
        double h = cells(d, &d->table, &KEY, false);
        ink(d, WASH);
        cairo_rectangle(d->cr, LEFT, d->y, width(), h);
        cairo_fill(d->cr);
        cells(d, &d->table, &KEY, true);
        d->y += h;
    }
    rule(d, LEFT, PAGE_W - RIGHT, d->y, 0.5, LINE);
}

static err_t columns(draw_t *d, const paper_element_t *e)
{
    unsigned weight[PAPER_FIELDS], sum = 0;
    d->table = *e;
    d->heading_empty = true;
    for (size_t i = 0; i < e->n; i++) {
        TRY(paper_column(e->field[i], &weight[i], &d->right[i], &d->table.field[i]));
        sum += weight[i];
        d->heading_empty = d->heading_empty && d->table.field[i].len == 0;
    }
    d->x[0] = LEFT;
    for (size_t i = 0; i < e->n; i++) {
        d->x[i + 1] = d->x[i] + width() * weight[i] / sum;
    }
    need(d, 48, false);
    table_headings(d);
    return OK;
}

static void row(draw_t *d, const paper_element_t *e)
{
    double h = cells(d, e, &BODY, false);
    need(d, h, true);
    cells(d, e, &BODY, true);
    d->y += h;
    rule(d, LEFT, PAGE_W - RIGHT, d->y, 0.5, LINE);
}

static void total(draw_t *d, const paper_element_t *e)
{
    PangoLayout *label = layout(d, e->field[0], &STRONG, width() * 0.6);
    PangoLayout *amount = layout(d, e->field[1], &STRONG, width() - 3);
    pango_layout_set_alignment(amount, PANGO_ALIGN_RIGHT);
    double h = height(label) + 2 * CELL;
    need(d, h, false);
    show(d, label, LEFT + 3, d->y + CELL, INK);
    show(d, amount, LEFT, d->y + CELL, INK);
    d->y += h;
    rule(d, LEFT, PAGE_W - RIGHT, d->y, 1, ACCENT);
}

static bool is_table(paper_kind_t kind)
{
    return kind == PAPER_PAIR || kind == PAPER_ROW || kind == PAPER_TOTAL || kind == PAPER_COLUMNS;
}

static err_t one(draw_t *d, const paper_element_t *e)
{
    if (is_table(d->before) && !is_table(e->kind)) {
        d->y += GAP;
    }
    switch (e->kind) {
    case PAPER_HEAD:
        d->head = *e;
        head(d);
        break;
    case PAPER_HEADING:
        heading(d, e->field[0]);
        break;
    case PAPER_TEXT:
        flow(d, e->field[0], &BODY);
        d->y += GAP;
        break;
    case PAPER_SMALL:
        flow(d, e->field[0], &SMALL);
        d->y += GAP / 2;
        break;
    case PAPER_ADDRESS:
        flow(d, e->field[0], &LARGE);
        d->y += GAP * 2;
        break;
    case PAPER_BOX:
        box(d, e->field[0]);
        break;
    case PAPER_PAIR:
        pair(d, e);
        break;
    case PAPER_COLUMNS:
        d->y += is_table(d->before) ? GAP : 0;
        TRY(columns(d, e));
        break;
    case PAPER_ROW:
        row(d, e);
        break;
    case PAPER_TOTAL:
        total(d, e);
        break;
    }
    d->before = e->kind;
    return OK;
}

/* ---- the whole paper ---- */

static err_t pass(draw_t *d, slice_t paper)
{
    paper_reader_t r;
    paper_element_t e;
    bool more = true;
    d->page = 0;
    d->before = PAPER_HEADING;
    TRY(paper_open(&r, paper));
    page_begin(d);
    for (;;) {
        TRY(paper_next(&r, &e, &more));
        if (!more) {
            break;
        }
        TRY(one(d, &e));
        ENSURE(d->page <= PAGES_MAX, ERR_LIMIT);
    }
    page_end(d);
    return OK;
}

static cairo_status_t to_nowhere(void *ctx, const unsigned char *bytes, unsigned len)
{
    (void)ctx;
    (void)bytes;
    (void)len;
    return CAIRO_STATUS_SUCCESS;
}

static cairo_status_t to_sink(void *ctx, const unsigned char *bytes, unsigned len)
{
    const draw_sink_t *sink = ctx;
    return err_failed(sink->write(sink->ctx, slice_make(bytes, len))) ? CAIRO_STATUS_WRITE_ERROR
                                                                      : CAIRO_STATUS_SUCCESS;
}

/* Its own dates and title, so that nothing of the hour of drawing is in it. */
static void name(draw_t *d, const paper_element_t *head_element)
{
    static const struct {
        cairo_pdf_metadata_t what;
        size_t field;
    } FACTS[] = {{CAIRO_PDF_METADATA_TITLE, 1},
                 {CAIRO_PDF_METADATA_SUBJECT, 2},
                 {CAIRO_PDF_METADATA_CREATE_DATE, 5}};
    char text[512];
    for (size_t i = 0; i < BASE_COUNT(FACTS); i++) {
        slice_t s = head_element->field[FACTS[i].field];
        if (s.len < sizeof text) {
            snprintf(text, sizeof text, "%.*s", SLICE_FMT(s));
            cairo_pdf_surface_set_metadata(d->surface, FACTS[i].what, text);
        }
    }
}

static err_t draw_pass(draw_t *d, slice_t paper, const paper_element_t *head_element,
                       draw_sink_t *sink)
{
    d->surface =
        cairo_pdf_surface_create_for_stream(sink ? to_sink : to_nowhere, sink, PAGE_W, PAGE_H);
    name(d, head_element);
    d->cr = cairo_create(d->surface);
    d->context = pango_cairo_create_context(d->cr);
    pango_context_set_language(d->context, pango_language_from_string(d->lang));
    err_t e = pass(d, paper);
    g_object_unref(d->context);
    cairo_destroy(d->cr);
    cairo_surface_finish(d->surface);
    bool well = cairo_surface_status(d->surface) == CAIRO_STATUS_SUCCESS;
    cairo_surface_destroy(d->surface);
    TRY(e);
    ENSURE(well, ERR_IO);
    return OK;
}

static bool has_font(void)
{
    PangoFontFamily **families = NULL;
    int n = 0;
    pango_font_map_list_families(pango_cairo_font_map_get_default(), &families, &n);
    g_free(families);
    return n > 0;
}

err_t draw_paper(slice_t paper, draw_sink_t sink)
{
    paper_reader_t r;
    paper_element_t first;
    bool more;
    draw_t d = {0};
    TRY(paper_open(&r, paper));
    TRY(paper_next(&r, &first, &more)); /* the head, or nothing at all: SYNTAX */
    ENSURE(has_font(), ERR_CONFIG);
    d.lang = slice_eq(first.field[0], SLICE("en")) ? "en" : "ja";
    TRY(draw_pass(&d, paper, &first, NULL));
    unsigned pages = d.page;
    d = (draw_t){.lang = d.lang, .pages = pages};
    return draw_pass(&d, paper, &first, &sink);
}
