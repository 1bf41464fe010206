/* What a person without scripts can do with a page of the house: follow its links, fill in its
 * forms, read its marks. Reads HTML as the house's templates write it (quoted attributes, closed
 * forms); everything is borrowed from the page or lies in the arena. */
#ifndef BENCH_LOAD_PAGE_H
#define BENCH_LOAD_PAGE_H

#include "base/arena.h"

enum { PAGE_FIELDS_MAX = 128 };

typedef struct page_field {
    slice_t name, value;
    bool sent;  /* false: a checkbox that is not ticked, a button that was not pressed */
    bool fixed; /* a box or a button: its value is the page's */
} page_field_t;

typedef struct page_form {
    slice_t action;
    bool post;
    page_field_t fields[PAGE_FIELDS_MAX];
    size_t n;
} page_form_t;

/* The first form whose action ends so. NOT_FOUND; SYNTAX for a form that does not end; LIMIT. */
err_t page_form(arena_t *a, slice_t html, slice_t action_end, page_form_t *ret_form);
/* Types into a field, chooses an option, ticks a box (its own value), presses a button. NOT_FOUND
 * when the form has no such field: nobody can send what the page does not offer. */
err_t page_fill(page_form_t *form, slice_t name, slice_t value);
/* The body (or query) that a browser would send. */
err_t page_form_body(arena_t *a, const page_form_t *form, slice_t *ret_body);
slice_t page_field_value(const page_form_t *form, slice_t name); /* empty when there is none */

/* The values that a choice (select) of that name offers, the empty one included. */
err_t page_options(arena_t *a, slice_t html, slice_t name, slice_t *ret_values, size_t max,
                   size_t *ret_n);
/* Addresses of links: those with the word in their class (empty = any) whose address starts so, in
 * order, up to max. */
err_t page_links(arena_t *a, slice_t html, slice_t class_word, slice_t href_start,
                 slice_t *ret_hrefs, size_t max, size_t *ret_n);
/* The letters, digits and "_" that follow `mark` in the page's text: "state state-" gives
 * "confirmed". Empty when there is no such mark. */
slice_t page_word_after(slice_t html, slice_t mark);

#endif
