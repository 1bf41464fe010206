/* JSON (RFC 8259) as a strict pull tokeniser: no tree, duplicates visible, numbers as text. The
 * house's only JSON decoder for untrusted bytes (jansson is for documents we make ourselves). */
#ifndef TEXT_JSON_H
#define TEXT_JSON_H

#include "base/arena.h"

enum { JSON_MAX_DEPTH = 64 };

typedef enum json_kind {
    JSON_END, /* the document is complete, nothing but white space is left */
    JSON_OBJECT_BEGIN,
    JSON_OBJECT_END,
    JSON_ARRAY_BEGIN,
    JSON_ARRAY_END,
    JSON_KEY,    /* text: decoded name */
    JSON_STRING, /* text: decoded; may hold U+0000 */
    JSON_NUMBER, /* text: as sent, grammar checked */
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
} json_kind_t;

typedef struct json_token {
    json_kind_t kind;
    slice_t text; /* KEY, STRING, NUMBER; borrows from input or arena */
} json_token_t;

typedef struct json_reader {
    slice_t in;
    size_t at;
    unsigned depth, max_depth;
    uint64_t is_object; /* bit d: the container at depth d+1 is an object */
    uint8_t state;
} json_reader_t;

/* max_depth is cut to JSON_MAX_DEPTH. */
json_reader_t json_on(slice_t in, unsigned max_depth);
/* The next token; after JSON_END it stays JSON_END. SYNTAX; LIMIT past max_depth; ENCODING for
 * malformed UTF-8, a byte order mark, a lone surrogate; MEMORY. After an error it stays an error.
 */
err_t json_next(json_reader_t *r, arena_t *a, json_token_t *ret_token);
/* Reads on to the end of the value that `first` began (nothing for scalars). */
err_t json_skip(json_reader_t *r, arena_t *a, json_token_t first);

/* One leaf (string, number, literal, or an empty container's begin token). path: names and array
 * indexes joined by '.', "" at the top, cut at JSON_MAX_PATH bytes; it lives only during the call.
 * Names of members are handed out too, as JSON_KEY with the path of their object. An error of fn
 * ends the walk and is returned. */
enum { JSON_MAX_PATH = 512 };
typedef err_t json_leaf_fn(void *user, slice_t path, json_token_t leaf);
err_t json_walk(slice_t in, arena_t *a, unsigned max_depth, json_leaf_fn *fn, void *user);

/* The scalar at a path ("data.amount", "items.0.id"; names without dots). The whole document is
 * checked. NOT_FOUND; CONFLICT when a name on the way stands twice in its object; SYNTAX when the
 * value there is a container. */
err_t json_get(slice_t in, arena_t *a, slice_t path, json_token_t *ret_leaf);
/* The same, of one kind: SYNTAX when it is another. */
err_t json_get_string(slice_t in, arena_t *a, slice_t path, slice_t *ret_text);
err_t json_get_i64(slice_t in, arena_t *a, slice_t path, int64_t *ret_value);

/* Writes text as a JSON string with its quotes; malformed UTF-8 becomes U+FFFD. '<', '>', '&',
 * U+2028/2029 are escaped, so that it may stand anywhere. */
void json_put_string(buf_t *b, slice_t text);

#endif
