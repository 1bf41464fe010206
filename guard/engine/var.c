#include "set.h"

static const struct {
    const char *name;
    uint8_t kind;
} VARS[] = {
#define VAR(id, name, kind) {name, VAR_##kind},
#include "vars.h"
#undef VAR
};

const char *var_name(var_id_t id)
{
    return id == VAR_XML_ATTRIBUTES ? "XML" : VARS[id].name;
}

var_kind_t var_kind(var_id_t id)
{
    return (var_kind_t)VARS[id].kind;
}

bool var_find(slice_t name, var_id_t *ret_id)
{
    if (slice_eq_nocase(name, SLICE("ARGS_POST_NAME"))) {
        return false;
    }
    for (size_t i = 0; i < VAR_COUNT; i++) {
        if (i != VAR_XML_ATTRIBUTES && slice_eq_nocase(name, slice_cstr_in(VARS[i].name))) {
            *ret_id = (var_id_t)i;
            return true;
        }
    }
    return false;
}

bool var_has_names(var_id_t id)
{
    if (VARS[id].kind == VAR_LIST) {
        return true;
    }
    switch ((int)id) {
    case VAR_XML_TEXT:
    case VAR_TX:
    case VAR_IP:
    case VAR_GLOBAL:
    case VAR_SESSION:
    case VAR_USER:
    case VAR_RESOURCE:
    case VAR_GEO:
    case VAR_RULE:
    case VAR_ENV:
    case VAR_MATCHED_VARS:
    case VAR_MATCHED_VARS_NAMES:
        return true;
    default:
        return false;
    }
}

uint32_t names_hash(slice_t name, uint32_t seed)
{
    uint32_t h = 2166136261U ^ seed;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        c = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
        h = (h ^ c) * 16777619U;
    }
    return h;
}

uint32_t names_find(const names_t *n, slice_t name)
{
    if (n->bucket_count == 0) {
        return NO_INDEX;
    }
    for (uint32_t at = names_hash(name, 0) & (n->bucket_count - 1);;
         at = (at + 1) & (n->bucket_count - 1)) {
        uint32_t entry = n->buckets[at];
        if (entry == 0) {
            return NO_INDEX;
        }
        if (slice_eq_nocase(n->names[entry - 1], name)) {
            return entry - 1;
        }
    }
}

static void bucket_put(names_t *n, uint32_t index)
{
    uint32_t at = names_hash(n->names[index], 0) & (n->bucket_count - 1);
    while (n->buckets[at]) {
        at = (at + 1) & (n->bucket_count - 1);
    }
    n->buckets[at] = index + 1;
}

static err_t names_grow(names_t *n, arena_t *arena)
{
    uint32_t cap = n->cap ? n->cap * 2 : 64;
    slice_t *names = ARENA_ARRAY(arena, slice_t, cap);
    uint32_t *buckets = ARENA_ARRAY(arena, uint32_t, (size_t)cap * 4);
    ENSURE(names && buckets, ERR_MEMORY);
    if (n->count) {
        memcpy(names, n->names, n->count * sizeof *names);
    }
    n->names = names;
    n->buckets = buckets;
    n->cap = cap;
    n->bucket_count = cap * 4;
    for (uint32_t i = 0; i < n->count; i++) {
        bucket_put(n, i);
    }
    return OK;
}

err_t names_add(names_t *n, slice_t name, arena_t *arena, uint32_t *ret_index)
{
    uint32_t found = names_find(n, name);
    if (found == NO_INDEX) {
        if (n->count == n->cap) {
            TRY(names_grow(n, arena));
        }
        uint8_t *copy = arena_alloc(arena, name.len ? name.len : 1);
        ENSURE(copy, ERR_MEMORY);
        for (size_t i = 0; i < name.len; i++) {
            uint8_t c = name.ptr[i];
            copy[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
        }
        found = n->count++;
        n->names[found] = slice_make(copy, name.len);
        bucket_put(n, found);
    }
    *ret_index = found;
    return OK;
}
