/* `output` of a stage: what must be said of the request. */
#include "node.h"

/* ---- ids ---- */

static err_t id_add(const reader_t *r, const yaml_node_t *v, slice_t digits, ftw_ids_t *ids)
{
    uint64_t id;
    if (err_failed(slice_parse_u64(digits, UINT32_MAX, &id))) {
        return node_fault(r, v, "a rule id expected", digits);
    }
    uint32_t *more = ARENA_ARRAY(r->arena, uint32_t, ids->n + 1);
    ENSURE(more, ERR_MEMORY);
    if (ids->n) {
        memcpy(more, ids->at, ids->n * sizeof *more);
    }
    more[ids->n] = (uint32_t)id;
    *ids = (ftw_ids_t){more, ids->n + 1};
    return OK;
}

static err_t ids_of(const reader_t *r, const yaml_node_t *v, ftw_ids_t *ids)
{
    if (v->type == YAML_SCALAR_NODE) {
        return id_add(r, v, node_scalar(v), ids);
    }
    for (size_t i = 0; i < node_items(v); i++) {
        TRY(id_add(r, v, node_scalar(node_item(r, v, i)), ids));
    }
    return OK;
}

static err_t take_expect_ids(const reader_t *r, const yaml_node_t *v, void *into)
{
    return ids_of(r, v, &((ftw_stage_t *)into)->expect);
}

static err_t take_no_expect_ids(const reader_t *r, const yaml_node_t *v, void *into)
{
    return ids_of(r, v, &((ftw_stage_t *)into)->refuse);
}

/* ---- the log ---- */

static err_t pattern_add(const reader_t *r, const yaml_node_t *v, const slice_t **list, size_t *n)
{
    slice_t *more = ARENA_ARRAY(r->arena, slice_t, *n + 1);
    ENSURE(more, ERR_MEMORY);
    if (*n) {
        memcpy(more, *list, *n * sizeof *more);
    }
    TRY(arena_copy(r->arena, node_scalar(v), &more[*n]));
    *list = more;
    *n += 1;
    return OK;
}

static err_t take_match_regex(const reader_t *r, const yaml_node_t *v, void *into)
{
    ftw_stage_t *s = into;
    return pattern_add(r, v, &s->log_match, &s->n_log_match);
}

static err_t take_no_match_regex(const reader_t *r, const yaml_node_t *v, void *into)
{
    ftw_stage_t *s = into;
    return pattern_add(r, v, &s->log_no_match, &s->n_log_no_match);
}

static err_t take_log(const reader_t *r, const yaml_node_t *v, void *into)
{
    static const key_row_t ROWS[] = {
        {"expect_ids", take_expect_ids},       {"expect_id", take_expect_ids},
        {"no_expect_ids", take_no_expect_ids}, {"no_expect_id", take_no_expect_ids},
        {"match_regex", take_match_regex},     {"no_match_regex", take_no_match_regex},
    };
    return node_mapping(r, v, ROWS, BASE_COUNT(ROWS), into);
}

/* The wish of CRS 3: id "942100", which some write carelessly (id:942100, 942100, a quotation mark
 * missing); anything else is a regular expression on the log. */
static bool quoted_id(slice_t text, slice_t *ret_digits)
{
    slice_t digits = slice_trim(text);
    uint64_t id;
    if (slice_starts(digits, SLICE("id"))) {
        digits = slice_from(digits, 2);
    }
    while (digits.len && memchr(" :\"", digits.ptr[0], 3)) {
        digits = slice_from(digits, 1);
    }
    if (slice_ends(digits, SLICE("\""))) {
        digits = slice_sub(digits, 0, digits.len - 1);
    }
    *ret_digits = digits;
    return !err_failed(slice_parse_u64(digits, UINT32_MAX, &id));
}

static err_t take_log_contains(const reader_t *r, const yaml_node_t *v, void *into)
{
    ftw_stage_t *s = into;
    slice_t digits;
    if (node_scalar(v).len == 0) {
        return OK;
    }
    return quoted_id(node_scalar(v), &digits) ? id_add(r, v, digits, &s->expect)
                                              : take_match_regex(r, v, s);
}

static err_t take_no_log_contains(const reader_t *r, const yaml_node_t *v, void *into)
{
    ftw_stage_t *s = into;
    slice_t digits;
    if (node_scalar(v).len == 0) {
        return OK;
    }
    return quoted_id(node_scalar(v), &digits) ? id_add(r, v, digits, &s->refuse)
                                              : take_no_match_regex(r, v, s);
}

/* ---- the answer ---- */

static err_t status_add(const reader_t *r, const yaml_node_t *v, ftw_stage_t *s)
{
    uint64_t status;
    if (s->n_status == FTW_STATUS_MAX ||
        err_failed(slice_parse_u64(node_scalar(v), 999, &status))) {
        return node_fault(r, v, "a status expected", node_scalar(v));
    }
    s->status[s->n_status++] = (unsigned)status;
    return OK;
}

static err_t take_status(const reader_t *r, const yaml_node_t *v, void *into)
{
    if (v->type == YAML_SCALAR_NODE) {
        return status_add(r, v, into);
    }
    for (size_t i = 0; i < node_items(v); i++) {
        TRY(status_add(r, node_item(r, v, i), into));
    }
    return OK;
}

static err_t take_contains(const reader_t *r, const yaml_node_t *v, void *into)
{
    return arena_copy(r->arena, node_scalar(v), &((ftw_stage_t *)into)->contains);
}

static err_t take_expect_error(const reader_t *r, const yaml_node_t *v, void *into)
{
    bool wanted;
    TRY(node_flag(r, v, &wanted));
    ((ftw_stage_t *)into)->error = wanted ? FTW_ERROR_WANTED : FTW_ERROR_NOT_WANTED;
    return OK;
}

static err_t take_isolated(const reader_t *r, const yaml_node_t *v, void *into)
{
    return node_flag(r, v, &((ftw_stage_t *)into)->isolated);
}

err_t output_take(const reader_t *r, const yaml_node_t *v, void *stage)
{
    static const key_row_t ROWS[] = {
        {"log_contains", take_log_contains},
        {"no_log_contains", take_no_log_contains},
        {"log", take_log},
        {"status", take_status},
        {"response_contains", take_contains},
        {"expect_error", take_expect_error},
        {"isolated", take_isolated},
        {"retry_once", NULL}, /* for logs that come late; here they are read from the engine */
    };
    ((ftw_stage_t *)stage)->has_output = true;
    return node_mapping(r, v, ROWS, BASE_COUNT(ROWS), stage);
}
