/* Reading our own JSON documents (agency file, demo catalogue) with jansson. Files of the house,
 * never bytes of a visitor (those go through text/json.h). */
#ifndef SHOP_JSONCONF_H
#define SHOP_JSONCONF_H

#include <jansson.h>

#include "io/fd.h"

static inline void jsonconf_end(json_t **j)
{
    json_decref(*j);
}
/* JSONCONF_SCOPED json_t *doc = NULL; */
#define JSONCONF_SCOPED BASE_CLEANUP(jsonconf_end)

/* The document; *ret_fault says where it is malformed. */
err_t jsonconf_load(arena_t *a, path_t file, size_t max_bytes, json_t **ret_doc,
                    slice_t *ret_fault);
/* A string member, copied to the arena. SYNTAX when it is missing or no string. */
err_t jsonconf_text(arena_t *a, const json_t *obj, const char *key, slice_t *ret_text);
/* {"ja": .., "en": ..} or one string for both; ret_two[0] = ja. Missing: SYNTAX. */
err_t jsonconf_two(arena_t *a, const json_t *obj, const char *key, slice_t ret_two[2]);
/* The same, empty when missing. */
err_t jsonconf_two_or_empty(arena_t *a, const json_t *obj, const char *key, slice_t ret_two[2]);
err_t jsonconf_i64(const json_t *obj, const char *key, int64_t min, int64_t max,
                   int64_t *ret_value);
int64_t jsonconf_i64_or(const json_t *obj, const char *key, int64_t fallback);

#endif
