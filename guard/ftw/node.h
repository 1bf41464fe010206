/* Reading YAML nodes, shared by the files that read test files: yaml.c (the file and its tests),
 * yaml_input.c (what is sent), yaml_output.c (what is wanted). */
#ifndef GUARD_FTW_NODE_H
#define GUARD_FTW_NODE_H

#include <yaml.h>

#include "ftw_int.h"

typedef struct reader {
    yaml_document_t *doc;
    arena_t *arena;
    ftw_fault_t *fault;
    const slice_t *payload; /* what {{.Payload}} stands for; NULL = text is no template */
} reader_t;

/* One key of a mapping and who reads its value. */
typedef struct key_row {
    const char *key;
    err_t (*take)(const reader_t *r, const yaml_node_t *value, void *into); /* NULL: passed over */
} key_row_t;

/* SYNTAX, and the first fault is kept with its line. */
err_t node_fault(const reader_t *r, const yaml_node_t *node, const char *text, slice_t word);
/* Each key by its row; an unknown key is a fault. */
err_t node_mapping(const reader_t *r, const yaml_node_t *node, const key_row_t *rows, size_t n,
                   void *into);
/* The bytes of a scalar; of another node, none. */
slice_t node_scalar(const yaml_node_t *node);
/* A scalar, copied, templates expanded; numbers and booleans are taken as they are written. */
err_t node_text(const reader_t *r, const yaml_node_t *node, slice_t *ret_text);
err_t node_flag(const reader_t *r, const yaml_node_t *node, bool *ret_flag);
err_t node_u64(const reader_t *r, const yaml_node_t *node, uint64_t max, uint64_t *ret_number);
err_t node_base64(const reader_t *r, const yaml_node_t *node, slice_t *ret_bytes);
/* Of a sequence; 0 and NULL of another node. */
size_t node_items(const yaml_node_t *node);
const yaml_node_t *node_item(const reader_t *r, const yaml_node_t *node, size_t i);

/* Into a ftw_stage_t. Keys that come again (a test's template over the file's) replace. */
err_t input_take(const reader_t *r, const yaml_node_t *v, void *stage);
err_t output_take(const reader_t *r, const yaml_node_t *v, void *stage);

#endif
