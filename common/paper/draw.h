/* Draws a paper as PDF: A4, Noto Sans CJK, page numbers. Pango and cairo are seen here alone. */
#ifndef PAPER_DRAW_H
#define PAPER_DRAW_H

#include "paper/paper.h"

typedef struct draw_sink {
    err_t (*write)(void *ctx, slice_t bytes);
    void *ctx;
} draw_sink_t;

/* Errors: those of paper_next; LIMIT above 500 pages; IO when the sink or cairo fails; CONFIG when
 * there is no font at all. The same paper and the same fonts give the same bytes. */
err_t draw_paper(slice_t paper, draw_sink_t sink);

#endif
