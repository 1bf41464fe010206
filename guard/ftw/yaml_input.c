/* `input` of a stage, and `template`, which has the same keys: what is sent. */
#include "node.h"

static err_t take_method(const reader_t *r, const yaml_node_t *v, void *s)
{
    return node_text(r, v, &((ftw_stage_t *)s)->method);
}

static err_t take_uri(const reader_t *r, const yaml_node_t *v, void *s)
{
    return node_text(r, v, &((ftw_stage_t *)s)->uri);
}

static err_t take_version(const reader_t *r, const yaml_node_t *v, void *s)
{
    return node_text(r, v, &((ftw_stage_t *)s)->version);
}

static err_t take_uris(const reader_t *r, const yaml_node_t *v, void *into)
{
    ftw_stage_t *s = into;
    size_t n = node_items(v);
    slice_t *list = ARENA_ARRAY(r->arena, slice_t, n + 1);
    ENSURE(list, ERR_MEMORY);
    for (size_t i = 0; i < n; i++) {
        TRY(node_text(r, node_item(r, v, i), &list[i]));
    }
    s->uris = list;
    s->n_uris = n;
    return OK;
}

/* ---- headers: a mapping, or a list of {name, value} that keeps order and repetition ---- */

static err_t take_name(const reader_t *r, const yaml_node_t *v, void *h)
{
    return node_text(r, v, &((ftw_header_t *)h)->name);
}

static err_t take_value(const reader_t *r, const yaml_node_t *v, void *h)
{
    return node_text(r, v, &((ftw_header_t *)h)->value);
}

static err_t headers_list(const reader_t *r, const yaml_node_t *v, ftw_header_t **ret_headers,
                          size_t *ret_n)
{
    static const key_row_t ROWS[] = {{"name", take_name}, {"value", take_value}};
    size_t n = node_items(v);
    ftw_header_t *list = ARENA_ARRAY(r->arena, ftw_header_t, n + 1);
    ENSURE(list, ERR_MEMORY);
    for (size_t i = 0; i < n; i++) {
        TRY(node_mapping(r, node_item(r, v, i), ROWS, BASE_COUNT(ROWS), &list[i]));
    }
    *ret_headers = list;
    *ret_n = n;
    return OK;
}

static err_t headers_map(const reader_t *r, const yaml_node_t *v, ftw_header_t **ret_headers,
                         size_t *ret_n)
{
    const yaml_node_pair_t *p = v->data.mapping.pairs.start, *end = v->data.mapping.pairs.top;
    ftw_header_t *list = ARENA_ARRAY(r->arena, ftw_header_t, (size_t)(end - p) + 1);
    ENSURE(list, ERR_MEMORY);
    *ret_headers = list;
    *ret_n = (size_t)(end - p);
    for (; p < end; p++, list++) {
        TRY(node_text(r, yaml_document_get_node(r->doc, p->key), &list->name));
        TRY(node_text(r, yaml_document_get_node(r->doc, p->value), &list->value));
    }
    return OK;
}

static err_t headers_of(const reader_t *r, const yaml_node_t *v, ftw_header_t **ret_headers,
                        size_t *ret_n)
{
    if (v->type == YAML_MAPPING_NODE) {
        return headers_map(r, v, ret_headers, ret_n);
    }
    if (v->type == YAML_SEQUENCE_NODE) {
        return headers_list(r, v, ret_headers, ret_n);
    }
    *ret_n = 0;
    return node_scalar(v).len == 0 ? OK : node_fault(r, v, "headers expected", node_scalar(v));
}

static err_t take_headers(const reader_t *r, const yaml_node_t *v, void *into)
{
    ftw_stage_t *s = into;
    return headers_of(r, v, &s->headers, &s->n_headers);
}

/* ---- the body ---- */

/* Text, or a list of lines that are joined by CRLF. */
static err_t take_data(const reader_t *r, const yaml_node_t *v, void *into)
{
    ftw_stage_t *s = into;
    s->has_data = true;
    if (v->type == YAML_SCALAR_NODE) {
        return node_text(r, v, &s->data);
    }
    if (v->type != YAML_SEQUENCE_NODE) {
        return node_fault(r, v, "text or a list expected", SLICE_EMPTY);
    }
    size_t n = node_items(v), bytes = 0;
    slice_t *line = ARENA_ARRAY(r->arena, slice_t, n + 1);
    ENSURE(line, ERR_MEMORY);
    for (size_t i = 0; i < n; i++) {
        TRY(node_text(r, node_item(r, v, i), &line[i]));
        bytes += line[i].len + 2;
    }
    buf_t out;
    TRY(arena_buf(r->arena, bytes + 1, &out));
    for (size_t i = 0; i < n; i++) {
        buf_put(&out, line[i]);
        buf_put(&out, i + 1 < n ? SLICE("\r\n") : SLICE_EMPTY);
    }
    s->data = buf_slice(&out);
    return buf_check(&out);
}

static err_t take_encoded_data(const reader_t *r, const yaml_node_t *v, void *into)
{
    ftw_stage_t *s = into;
    s->has_data = true;
    return node_base64(r, v, &s->data);
}

static err_t take_encoded_request(const reader_t *r, const yaml_node_t *v, void *into)
{
    return node_base64(r, v, &((ftw_stage_t *)into)->raw);
}

static err_t take_raw_request(const reader_t *r, const yaml_node_t *v, void *into)
{
    return node_text(r, v, &((ftw_stage_t *)into)->raw);
}

/* ---- how ---- */

static err_t take_stop_magic(const reader_t *r, const yaml_node_t *v, void *into)
{
    return node_flag(r, v, &((ftw_stage_t *)into)->exact);
}

static err_t take_autocomplete(const reader_t *r, const yaml_node_t *v, void *into)
{
    bool completes;
    TRY(node_flag(r, v, &completes));
    ((ftw_stage_t *)into)->exact = !completes;
    return OK;
}

static err_t take_follow(const reader_t *r, const yaml_node_t *v, void *into)
{
    return node_flag(r, v, &((ftw_stage_t *)into)->follows);
}

/* ---- what the origin is to answer ---- */

static err_t take_answer_status(const reader_t *r, const yaml_node_t *v, void *into)
{
    uint64_t status;
    TRY(node_u64(r, v, 999, &status));
    ((ftw_reflection_t *)into)->status = (unsigned)status;
    return OK;
}

static err_t take_answer_headers(const reader_t *r, const yaml_node_t *v, void *into)
{
    ftw_reflection_t *a = into;
    ftw_header_t *list = NULL;
    TRY(headers_of(r, v, &list, &a->n_headers));
    a->headers = list;
    return OK;
}

static err_t take_answer_body(const reader_t *r, const yaml_node_t *v, void *into)
{
    return node_text(r, v, &((ftw_reflection_t *)into)->body);
}

static err_t take_answer_base64(const reader_t *r, const yaml_node_t *v, void *into)
{
    return node_base64(r, v, &((ftw_reflection_t *)into)->body);
}

static err_t take_response(const reader_t *r, const yaml_node_t *v, void *into)
{
    static const key_row_t ROWS[] = {
        {"status", take_answer_status}, {"headers", take_answer_headers},
        {"body", take_answer_body},     {"encoded_body", take_answer_base64},
        {"log_message", NULL}, /* for the origin's own log */
    };
    ftw_reflection_t *a = ARENA_NEW(r->arena, ftw_reflection_t);
    ENSURE(a, ERR_MEMORY);
    a->status = 200;
    ((ftw_stage_t *)into)->response = a;
    return node_mapping(r, v, ROWS, BASE_COUNT(ROWS), a);
}

err_t input_take(const reader_t *r, const yaml_node_t *v, void *stage)
{
    static const key_row_t ROWS[] = {
        {"method", take_method},
        {"uri", take_uri},
        {"uris", take_uris},
        {"version", take_version},
        {"headers", take_headers},
        {"ordered_headers", take_headers},
        {"data", take_data},
        {"encoded_data", take_encoded_data},
        {"encoded_request", take_encoded_request},
        {"raw_request", take_raw_request},
        {"stop_magic", take_stop_magic},
        {"autocomplete_headers", take_autocomplete},
        {"follow_redirect", take_follow},
        {"response", take_response},
        {"dest_addr", NULL}, /* the target is always the local one */
        {"port", NULL},
        {"protocol", NULL},
        {"save_cookie", NULL}, /* no runner ever kept them */
        {"virtual_host_mode", NULL},
    };
    return node_mapping(r, v, ROWS, BASE_COUNT(ROWS), stage);
}
