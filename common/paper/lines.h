/* A paper from lines, as a room's text template writes them: a mark, a tab, the fields with tabs
 * between. Nothing that a person typed can begin an element or a field: fields of forms hold no tab
 * (utf8_is_text). A line that begins with no mark of the table goes on with the field before it.
 *
 *   #   a heading            :   key, value            |:  columns, "5<left" "2>right"
 *   *   a paragraph          =   label, total          |   a row
 *   ~   in small letters     !   framed                @   whom it is for
 */
#ifndef PAPER_LINES_H
#define PAPER_LINES_H

#include "paper/paper.h"

/* Empty lines are passed over. SYNTAX: a first line without a mark, too many fields; LIMIT when out
 * is too small. */
err_t paper_lines(const paper_head_t *head, slice_t text, buf_t *out);

#endif
