/* Shared by the files of this folder: one parse under way. */
#ifndef GUARD_BODY_INNER_H
#define GUARD_BODY_INNER_H

#include "body.h"

typedef struct parse {
    body_limits_t limits; /* defaults filled in */
    const body_visitor_t *visitor;
    arena_t *arena;
    body_result_t result;
} parse_t;

parse_t parse_on(const body_limits_t *limits, const body_visitor_t *visitor, arena_t *arena);
/* A flag that comes up; again: nothing. */
err_t parse_flag(parse_t *p, body_flag_t flag);
/* REQBODY_ERROR with its message (a literal); the first one stays. */
err_t parse_error(parse_t *p, const char *message);
/* LIMIT when there were max_args already (noted, nothing handed out). */
err_t parse_arg(parse_t *p, slice_t name, slice_t value);
/* The end of a parse: LIMIT from parse_arg was a fact, not a failure. */
err_t parse_end(parse_t *p, err_t e, body_result_t *ret_result);

/* Why libxml2 may not be given these bytes (a literal), or NULL. */
const char *xml_refused(slice_t body);

#endif
