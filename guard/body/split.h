/* Splitters of what stands before the body: the request target and header values, as SecLang's
 * variables want them. Lenient: any bytes give an answer; nothing is refused here, rules judge. */
#ifndef GUARD_SPLIT_H
#define GUARD_SPLIT_H

#include "base/arena.h"

typedef struct split_target {
    slice_t raw;  /* REQUEST_URI_RAW: as sent */
    slice_t uri;  /* REQUEST_URI: without scheme, host and fragment; percent-decoded ('+' stays) */
    slice_t path; /* REQUEST_FILENAME: the part of uri before the query, percent-decoded */
    slice_t basename; /* REQUEST_BASENAME: behind the last '/' or '\\' of path */
    slice_t
        query; /* QUERY_STRING: behind the first '?', as sent; to be read with body_urlencoded */
    bool has_query;
} split_target_t;

/* origin-form, absolute-form ("http://host/path"), "*" and anything else. A '%' without two hex
 * digits stays. Slices borrow from the target or the arena. MEMORY. */
err_t split_target(slice_t target, arena_t *arena, split_target_t *ret_target);

/* "Name: value": name up to the first ':' (white space behind it cut off), value without white
 * space around it. False without ':'. */
bool split_header(slice_t line, slice_t *ret_name, slice_t *ret_value);
/* The media type of a Content-Type value: up to ';' ',' or white space. Borrowed, case as sent. */
slice_t split_media_type(slice_t content_type);

#endif
