/* Tokens into nodes. */
#include "driver_json.h"

static err_t value(json_reader_t *r, arena_t *a, json_token_t token, node_t **ret_node);

static err_t children(json_reader_t *r, arena_t *a, node_t *parent)
{
    node_t **tail = &parent->child;
    for (;;) {
        json_token_t token;
        slice_t key = SLICE_EMPTY;
        TRY(json_next(r, a, &token));
        if (token.kind == JSON_OBJECT_END || token.kind == JSON_ARRAY_END) {
            return OK;
        }
        if (token.kind == JSON_KEY) {
            key = token.text;
            TRY(json_next(r, a, &token));
        }
        TRY(value(r, a, token, tail));
        (*tail)->key = key;
        tail = &(*tail)->next;
    }
}

static err_t value(json_reader_t *r, arena_t *a, json_token_t token, node_t **ret_node)
{
    node_t *n = ARENA_NEW(a, node_t);
    ENSURE(n, ERR_MEMORY);
    n->kind = token.kind;
    n->text = token.text;
    *ret_node = n;
    bool holds = token.kind == JSON_OBJECT_BEGIN || token.kind == JSON_ARRAY_BEGIN;
    return holds ? children(r, a, n) : OK; /* as deep as the tokeniser lets it */
}

err_t node_read(arena_t *a, slice_t json, const node_t **ret_node)
{
    json_reader_t r = json_on(json, 16);
    json_token_t token;
    node_t *n;
    TRY(json_next(&r, a, &token));
    ENSURE(token.kind != JSON_END, ERR_SYNTAX);
    TRY(value(&r, a, token, &n));
    TRY(json_next(&r, a, &token));
    ENSURE(token.kind == JSON_END, ERR_SYNTAX);
    *ret_node = n;
    return OK;
}

bool node_is(const node_t *n, json_kind_t kind)
{
    return n && n->kind == kind;
}

const node_t *node_at(const node_t *object, const char *key)
{
    const node_t *found = NULL;
    for (const node_t *n = node_is(object, JSON_OBJECT_BEGIN) ? object->child : NULL; n;
         n = n->next) {
        found = slice_eq(n->key, slice_cstr_in(key)) ? n : found;
    }
    return found;
}

err_t node_i64(const node_t *n, int64_t min, int64_t max, int64_t *ret_value)
{
    ENSURE(node_is(n, JSON_NUMBER), ERR_SYNTAX);
    return slice_parse_i64(n->text, min, max, ret_value);
}

err_t node_text(const node_t *n, slice_t *ret_text)
{
    ENSURE(node_is(n, JSON_STRING), ERR_SYNTAX);
    *ret_text = n->text;
    return OK;
}

err_t node_bool(const node_t *n, bool *ret_value)
{
    ENSURE(node_is(n, JSON_TRUE) || node_is(n, JSON_FALSE), ERR_SYNTAX);
    *ret_value = n->kind == JSON_TRUE;
    return OK;
}

err_t node_date(const node_t *n, date_t *ret_day)
{
    slice_t text;
    TRY(node_text(n, &text));
    return date_parse(text, ret_day);
}

err_t node_moment(const node_t *n, int64_t *ret_wall_us)
{
    slice_t text;
    TRY(node_text(n, &text));
    ENSURE(text.len == 25 && slice_ends(text, SLICE("+09:00")) && text.ptr[10] == 'T', ERR_SYNTAX);
    return time_parse_rfc3339(text, ret_wall_us);
}

size_t node_count(const node_t *n)
{
    size_t count = 0;
    for (n = n ? n->child : NULL; n; n = n->next) {
        count++;
    }
    return count;
}
