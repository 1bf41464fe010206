/* A small tree over the house's JSON tokeniser, for the driver of the fee engine only. */
#ifndef SHOP_DRIVER_JSON_H
#define SHOP_DRIVER_JSON_H

#include "text/json.h"
#include "text/time.h"

typedef struct node {
    json_kind_t kind; /* OBJECT_BEGIN, ARRAY_BEGIN or a scalar */
    slice_t key, text;
    struct node *child, *next;
} node_t;

/* One document, owned by the arena. SYNTAX, LIMIT, ENCODING, MEMORY. */
err_t node_read(arena_t *a, slice_t json, const node_t **ret_node);
/* A member (the last of that name), or NULL; NULL for a NULL or another kind. */
const node_t *node_at(const node_t *object, const char *key);
bool node_is(const node_t *n, json_kind_t kind);
/* SYNTAX for another kind, or a number with fraction or exponent; RANGE. */
err_t node_i64(const node_t *n, int64_t min, int64_t max, int64_t *ret_value);
err_t node_text(const node_t *n, slice_t *ret_text);
err_t node_bool(const node_t *n, bool *ret_value);
err_t node_date(const node_t *n, date_t *ret_day);
/* "YYYY-MM-DDTHH:MM:SS+09:00" exactly. */
err_t node_moment(const node_t *n, int64_t *ret_wall_us);
size_t node_count(const node_t *n);

#endif
