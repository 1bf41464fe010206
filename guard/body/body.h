/* Body processors and splitters of the rule engine: bytes of a request in, names and values out, by
 * callbacks. Built on the house's only tokenisers (common/text: form, multipart, json); XML by
 * libxml2's SAX, the one path where a library allocates.
 *
 * A malformed body is no error of the call: what a lenient origin would see is still given to the
 * visitor, and result.flags says what is wrong, for rules to judge (REQBODY_ERROR,
 * MULTIPART_STRICT_ERROR, ...). The calls fail only with MEMORY (the arena is used up) or with what
 * a callback returned. */
#ifndef GUARD_BODY_H
#define GUARD_BODY_H

#include "base/arena.h"

/* Facts for SecLang variables, a bit each: BODY_FLAG_<id> = 1 << order. The text is the variable's
 * name. */
typedef enum body_flag {
#define BODY_FLAG(id, variable) BODY_BIT_##id,
#include "flags.h"
#undef BODY_FLAG
    BODY_FLAGS
} body_flag_t;

enum {
#define BODY_FLAG(id, variable) BODY_##id = 1U << BODY_BIT_##id,
#include "flags.h"
#undef BODY_FLAG
};

/* SecLang's name of a flag ("MULTIPART_LF_LINE"). */
const char *body_flag_variable(body_flag_t flag);
/* Flags whose union is MULTIPART_STRICT_ERROR. */
#define BODY_STRICT_FLAGS                                                                          \
    ((uint32_t)BODY_REQBODY_ERROR | BODY_BOUNDARY_QUOTED | BODY_BOUNDARY_WHITESPACE |              \
     BODY_DATA_BEFORE | BODY_DATA_AFTER | BODY_HEADER_FOLDING | BODY_LF_LINE |                     \
     BODY_MISSING_SEMICOLON | BODY_INVALID_QUOTING | BODY_INVALID_PART |                           \
     BODY_INVALID_HEADER_FOLDING | BODY_FILE_LIMIT_EXCEEDED)

/* Multipart: one file part. */
typedef struct body_file {
    slice_t name;     /* of the form field */
    slice_t filename; /* never empty: without one the part is an argument */
    slice_t content;
    slice_t content_type; /* of the part, as sent; empty without */
} body_file_t;

/* What the engine is told; a NULL callback is not called. Slices borrow from the input or the
 * arena. An error returned ends the parse and is handed on. */
typedef struct body_visitor {
    void *user;
    err_t (*arg)(void *user, slice_t name, slice_t value);
    err_t (*file)(void *user, const body_file_t *file);
    /* One header line of a part, whole ("Content-Type: text/plain"); name: of the part's form
     * field. */
    err_t (*part_header)(void *user, slice_t name, slice_t line);
    /* Once for each flag that came up; in the order in which they did. */
    err_t (*flag)(void *user, body_flag_t flag);
    /* XML: all text of the document in its order, once, when there is any (XML:/-star; `element`:
     * the root's local name); one attribute's value (XML://@-star), or what a DTD declares for an
     * entity. */
    err_t (*xml_text)(void *user, slice_t element, slice_t text);
    err_t (*xml_attribute)(void *user, slice_t name, slice_t value);
} body_visitor_t;

/* 0 = the default named behind it. */
typedef struct body_limits {
    size_t max_args;  /* SecArgumentsLimit; 1000. Past it: BODY_ARGS_LIMIT and BODY_REQBODY_ERROR,
                         the  rest unread */
    size_t max_files; /* SecUploadFileLimit; 100. Past it: BODY_FILE_LIMIT_EXCEEDED; still handed
                         out */
    unsigned
        max_depth; /* SecRequestBodyJsonDepthLimit, and elements of XML; 64, which is the most */
    size_t max_xml_bytes; /* 1 MiB; more: BODY_REQBODY_ERROR, unread */
    uint8_t separator;    /* SecArgumentSeparator; '&' */
} body_limits_t;

typedef struct body_result {
    uint32_t flags; /* BODY_* */
    size_t args, files;
    size_t names_bytes, values_bytes; /* sums over args, decoded (ARGS_COMBINED_SIZE) */
    size_t files_bytes;               /* FILES_COMBINED_SIZE */
    unsigned unmatched_boundary; /* MULTIPART_UNMATCHED_BOUNDARY as ModSecurity counts: 0, 1, 2 */
    const char *error;           /* REQBODY_ERROR_MSG, a literal; "" without an error */
} body_result_t;

/* name=value&...: a query string (QUERY_STRING, without '?') or a body. '+' and %XX decoded; a '%'
 * without two hex digits stays and is BODY_URLENCODED_ERROR. As in ModSecurity, an empty part
 * between separators is no argument and "a" is "a" with the empty value; "=b" is the empty name. */
err_t body_urlencoded(slice_t bytes, const body_limits_t *limits, const body_visitor_t *visitor,
                      arena_t *arena, body_result_t *ret_result);
/* One Cookie header line's value, version 0: name=value; ... White space before a name is dropped,
 * nothing is decoded; a cookie without '=' has the empty value; an empty name is handed out too. */
err_t body_cookies(slice_t header, const body_limits_t *limits, const body_visitor_t *visitor,
                   arena_t *arena, body_result_t *ret_result);
/* content_type: the header's value, from which the boundary is taken. */
err_t body_multipart(slice_t content_type, slice_t body, const body_limits_t *limits,
                     const body_visitor_t *visitor, arena_t *arena, body_result_t *ret_result);
/* Leaves as ARGS: {"items":[{"name":1}]} is json.items.array_0.name (as libmodsecurity 3 names
 * them); a bare value is "json", an empty name "empty-key". true, false, numbers as sent; null is
 * "". Names are cut at BODY_JSON_NAME_MAX; of a member whose name was cut, the name is handed out
 * once more, whole, with the empty value. What stands before a fault is handed out. */
enum { BODY_JSON_NAME_MAX = 1024 };
err_t body_json(slice_t body, const body_limits_t *limits, const body_visitor_t *visitor,
                arena_t *arena, body_result_t *ret_result);
/* No entities but the five of XML itself, no DTD read (what it declares is handed out as
 * attributes; BODY_XML_DTD), no network, no file. What stands before a fault is handed out. Not
 * read at all, and a fault: more than 256 attributes in a tag, ATTLIST, encodings that do not hold
 * ASCII as itself (UTF-7, EBCDIC). */
err_t body_xml(slice_t body, const body_limits_t *limits, const body_visitor_t *visitor,
               arena_t *arena, body_result_t *ret_result);

#endif
