#include "body.h"

#include "inner.h"

const char *body_flag_variable(body_flag_t flag)
{
    static const char *const NAMES[BODY_FLAGS] = {
#define BODY_FLAG(id, variable) [BODY_BIT_##id] = variable,
#include "flags.h"
#undef BODY_FLAG
    };
    return (unsigned)flag < BODY_FLAGS ? NAMES[flag] : "";
}

parse_t parse_on(const body_limits_t *limits, const body_visitor_t *visitor, arena_t *arena)
{
    enum { ARGS = 1000, FILES = 100, DEPTH = 64, XML_BYTES = 1 << 20 };
    parse_t p = {.visitor = visitor, .arena = arena, .result = {.error = ""}};
    if (limits) {
        p.limits = *limits;
    }
    body_limits_t *l = &p.limits;
    l->max_args = l->max_args ? l->max_args : ARGS;
    l->max_files = l->max_files ? l->max_files : FILES;
    l->max_depth = l->max_depth && l->max_depth < DEPTH ? l->max_depth : DEPTH;
    l->max_xml_bytes = l->max_xml_bytes ? l->max_xml_bytes : XML_BYTES;
    l->separator = l->separator ? l->separator : '&';
    return p;
}

err_t parse_flag(parse_t *p, body_flag_t flag)
{
    uint32_t bit = 1U << flag;
    bool is_new = !(p->result.flags & bit);
    p->result.flags |= bit;
    return is_new && p->visitor->flag ? p->visitor->flag(p->visitor->user, flag) : OK;
}

err_t parse_error(parse_t *p, const char *message)
{
    if (p->result.error[0] == 0) {
        p->result.error = message;
    }
    return parse_flag(p, BODY_BIT_REQBODY_ERROR);
}

err_t parse_arg(parse_t *p, slice_t name, slice_t value)
{
    if (p->result.args >= p->limits.max_args) {
        TRY(parse_error(p, "more arguments than the limit"));
        TRY(parse_flag(p, BODY_BIT_ARGS_LIMIT));
        return FAIL(ERR_LIMIT);
    }
    p->result.args++;
    p->result.names_bytes += name.len;
    p->result.values_bytes += value.len;
    return p->visitor->arg ? p->visitor->arg(p->visitor->user, name, value) : OK;
}

err_t parse_end(parse_t *p, err_t e, body_result_t *ret_result)
{
    bool limit = err_is(e, ERR_LIMIT) && (p->result.flags & BODY_ARGS_LIMIT);
    if (err_failed(e) && !limit) {
        return e;
    }
    *ret_result = p->result;
    return OK;
}
