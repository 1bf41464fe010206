/* YAML of a test file -> ftw_file_t. libyaml gives the nodes; the tables say which key may stand
 * where, in all forms at once: that of CRS 3 (test_title, an inner `stage`), that of CRS 4 (rule_id
 * and test_id), and the third (a template of the file, a payload a test). */
#include "node.h"

/* ---- nodes ---- */

err_t node_fault(const reader_t *r, const yaml_node_t *node, const char *text, slice_t word)
{
    if (r->fault->line == 0) {
        r->fault->line = node ? (unsigned)node->start_mark.line + 1 : 0;
        snprintf(r->fault->text, sizeof r->fault->text, "%s: %.*s", text,
                 (int)(word.len < 80 ? word.len : 80), (const char *)word.ptr);
    }
    return FAIL(ERR_SYNTAX);
}

slice_t node_scalar(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE
               ? slice_make(node->data.scalar.value, node->data.scalar.length)
               : SLICE_EMPTY;
}

err_t node_text(const reader_t *r, const yaml_node_t *node, slice_t *ret_text)
{
    if (node->type != YAML_SCALAR_NODE) {
        return node_fault(r, node, "text expected", SLICE_EMPTY);
    }
    TRY(arena_copy(r->arena, node_scalar(node), ret_text));
    err_t e = ftw_template(r->arena, *ret_text, r->payload, ret_text);
    return err_is(e, ERR_SYNTAX)
               ? node_fault(r, node, "a template that is not known", node_scalar(node))
               : e;
}

err_t node_flag(const reader_t *r, const yaml_node_t *node, bool *ret_flag)
{
    slice_t text = node_scalar(node);
    bool yes = slice_eq_nocase(text, SLICE("true")), no = slice_eq_nocase(text, SLICE("false"));
    if (!yes && !no) {
        return node_fault(r, node, "true or false expected", text);
    }
    *ret_flag = yes;
    return OK;
}

err_t node_u64(const reader_t *r, const yaml_node_t *node, uint64_t max, uint64_t *ret_number)
{
    err_t e = slice_parse_u64(node_scalar(node), max, ret_number);
    return err_failed(e) ? node_fault(r, node, "a number expected", node_scalar(node)) : OK;
}

err_t node_base64(const reader_t *r, const yaml_node_t *node, slice_t *ret_bytes)
{
    slice_t text = node_scalar(node);
    buf_t out;
    TRY(arena_buf(r->arena, text.len + 4, &out));
    if (err_failed(ftw_base64(text, &out))) {
        return node_fault(r, node, "not base64", text);
    }
    *ret_bytes = buf_slice(&out);
    return OK;
}

size_t node_items(const yaml_node_t *node)
{
    return node->type == YAML_SEQUENCE_NODE
               ? (size_t)(node->data.sequence.items.top - node->data.sequence.items.start)
               : 0;
}

const yaml_node_t *node_item(const reader_t *r, const yaml_node_t *node, size_t i)
{
    return i < node_items(node) ? yaml_document_get_node(r->doc, node->data.sequence.items.start[i])
                                : NULL;
}

err_t node_mapping(const reader_t *r, const yaml_node_t *node, const key_row_t *rows, size_t n,
                   void *into)
{
    if (node->type != YAML_MAPPING_NODE) {
        return node_fault(r, node, "a mapping expected", node_scalar(node));
    }
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
         p++) {
        const yaml_node_t *key = yaml_document_get_node(r->doc, p->key);
        const yaml_node_t *value = yaml_document_get_node(r->doc, p->value);
        size_t i = 0;
        while (i < n && !slice_eq(node_scalar(key), slice_cstr_in(rows[i].key))) {
            i++;
        }
        if (i == n) {
            return node_fault(r, key, "key not known", node_scalar(key));
        }
        if (rows[i].take) {
            TRY(rows[i].take(r, value, into));
        }
    }
    return OK;
}

/* ---- stages ---- */

static const ftw_stage_t STAGE_PLAIN = {
    .method = SLICE("GET"), .uri = SLICE("/"), .version = SLICE("HTTP/1.1")};

static err_t take_stage(const reader_t *r, const yaml_node_t *v, void *into)
{
    static const key_row_t ROWS[] = {
        {"input", input_take}, {"output", output_take},     {"stage", take_stage},
        {"description", NULL}, {"response_contains", NULL},
    };
    return node_mapping(r, v, ROWS, BASE_COUNT(ROWS), into);
}

/* A stage with `uris` is one for each of them. */
static err_t stage_spread(const reader_t *r, const ftw_stage_t *s, ftw_test_t *t)
{
    size_t n = s->n_uris ? s->n_uris : 1;
    ftw_stage_t *more = ARENA_ARRAY(r->arena, ftw_stage_t, t->n_stages + n);
    ENSURE(more, ERR_MEMORY);
    if (t->n_stages) {
        memcpy(more, t->stages, t->n_stages * sizeof *more);
    }
    t->stages = more;
    for (size_t i = 0; i < n; i++) {
        more[t->n_stages] = *s;
        more[t->n_stages++].uri = s->n_uris ? s->uris[i] : s->uri;
    }
    return OK;
}

static err_t stages_of(const reader_t *r, const yaml_node_t *v, ftw_test_t *t)
{
    for (size_t i = 0; i < node_items(v); i++) {
        const yaml_node_t *node = node_item(r, v, i);
        ftw_stage_t s = STAGE_PLAIN;
        TRY(take_stage(r, node, &s));
        if (s.isolated && s.expect.n != 1) {
            return node_fault(r, node, "isolated wants one id to expect", SLICE_EMPTY);
        }
        TRY(stage_spread(r, &s, t));
    }
    return OK;
}

/* ---- tests ---- */

typedef struct test_read {
    ftw_test_t *test;
    slice_t payload;
    const yaml_node_t *stages, *template, *output;
} test_read_t;

static err_t take_title(const reader_t *r, const yaml_node_t *v, void *into)
{
    return node_text(r, v, &((test_read_t *)into)->test->title);
}

static err_t take_payload(const reader_t *r, const yaml_node_t *v, void *into)
{
    return arena_copy(r->arena, node_scalar(v), &((test_read_t *)into)->payload);
}

static err_t take_stages(const reader_t *r, const yaml_node_t *v, void *into)
{
    ((test_read_t *)into)->stages = v;
    return OK;
}

static err_t take_template(const reader_t *r, const yaml_node_t *v, void *into)
{
    ((test_read_t *)into)->template = v;
    return OK;
}

static err_t take_test_output(const reader_t *r, const yaml_node_t *v, void *into)
{
    ((test_read_t *)into)->output = v;
    return OK;
}

/* The file's template, the test's own fields over it, the payload where they say so. */
static err_t template_fill(const reader_t *r, const yaml_node_t *file, const test_read_t *t)
{
    ftw_stage_t s = STAGE_PLAIN;
    reader_t with = *r;
    with.payload = &t->payload;
    if (file) {
        TRY(input_take(&with, file, &s));
    }
    if (t->template) {
        TRY(input_take(&with, t->template, &s));
    }
    TRY(output_take(r, t->output, &s));
    return stage_spread(r, &s, t->test);
}

static err_t test_of(const reader_t *r, const yaml_node_t *v, const yaml_node_t *file_template,
                     ftw_test_t *ret_test)
{
    static const key_row_t ROWS[] = {
        {"test_title", take_title},
        {"test_id", take_title},
        {"id", take_title},
        {"stages", take_stages},
        {"payload", take_payload},
        {"template", take_template},
        {"output", take_test_output},
        {"desc", NULL},
        {"description", NULL},
        {"rule_id", NULL},
        {"comment", NULL},
        {"tags", NULL},
    };
    test_read_t t = {.test = ret_test};
    TRY(node_mapping(r, v, ROWS, BASE_COUNT(ROWS), &t));
    if (t.stages) {
        TRY(stages_of(r, t.stages, ret_test));
    } else if (t.output) {
        TRY(template_fill(r, file_template, &t));
    }
    return ret_test->n_stages > 0 ? OK : node_fault(r, v, "a test without stages", ret_test->title);
}

/* ---- the file ---- */

typedef struct top {
    ftw_file_t *file;
    slice_t rule;
    const yaml_node_t *tests, *template;
} top_t;

static err_t take_enabled(const reader_t *r, const yaml_node_t *v, void *into)
{
    return node_flag(r, v, &((ftw_file_t *)into)->enabled);
}

static err_t top_meta(const reader_t *r, const yaml_node_t *v, void *into)
{
    static const key_row_t ROWS[] = {
        {"enabled", take_enabled}, {"author", NULL}, {"name", NULL},    {"description", NULL},
        {"version", NULL},         {"tags", NULL},   {"comment", NULL},
    };
    return node_mapping(r, v, ROWS, BASE_COUNT(ROWS), ((top_t *)into)->file);
}

static err_t top_rule(const reader_t *r, const yaml_node_t *v, void *into)
{
    return node_text(r, v, &((top_t *)into)->rule);
}

static err_t top_tests(const reader_t *r, const yaml_node_t *v, void *into)
{
    ((top_t *)into)->tests = v;
    return OK;
}

static err_t top_template(const reader_t *r, const yaml_node_t *v, void *into)
{
    ((top_t *)into)->template = v;
    return OK;
}

/* CRS 4: tests name the file's rule and a number of their own, or none: their place. */
static err_t title_complete(const reader_t *r, slice_t rule, size_t place, slice_t *title)
{
    if (title->len == 0) {
        TRY(arena_printf(r->arena, title, "%zu", place));
    }
    if (rule.len && slice_find_byte(*title, '-') == SIZE_MAX) {
        TRY(arena_printf(r->arena, title, "%.*s-%.*s", SLICE_FMT(rule), SLICE_FMT(*title)));
    }
    return OK;
}

static void stages_count(ftw_test_t *t)
{
    for (size_t i = 0; i < t->n_stages; i++) {
        t->stages[i].counts = true;
    }
}

static err_t document(const reader_t *r, ftw_file_t *f)
{
    static const key_row_t ROWS[] = {{"meta", top_meta},
                                     {"rule_id", top_rule},
                                     {"tests", top_tests},
                                     {"template", top_template}};
    const yaml_node_t *root = yaml_document_get_root_node(r->doc);
    if (!root) {
        return node_fault(r, NULL, "empty", SLICE_EMPTY);
    }
    top_t top = {.file = f};
    f->enabled = true;
    TRY(node_mapping(r, root, ROWS, BASE_COUNT(ROWS), &top));
    size_t n = top.tests ? node_items(top.tests) : 0;
    f->tests = ARENA_ARRAY(r->arena, ftw_test_t, n + 1);
    ENSURE(f->tests, ERR_MEMORY);
    for (; f->n_tests < n; f->n_tests++) {
        ftw_test_t *t = &f->tests[f->n_tests];
        TRY(test_of(r, node_item(r, top.tests, f->n_tests), top.template, t));
        TRY(title_complete(r, top.rule, f->n_tests + 1, &t->title));
        if (top.rule.len) {
            stages_count(t);
        }
    }
    return OK;
}

err_t ftw_read(slice_t yaml, arena_t *arena, ftw_file_t *ret_file, ftw_fault_t *ret_fault)
{
    yaml_parser_t parser;
    yaml_document_t doc;
    ftw_file_t file = {0};
    *ret_fault = (ftw_fault_t){0};
    ENSURE(yaml_parser_initialize(&parser), ERR_MEMORY);
    yaml_parser_set_input_string(&parser, yaml.ptr, yaml.len);
    err_t e;
    if (!yaml_parser_load(&parser, &doc)) {
        ret_fault->line = (unsigned)parser.problem_mark.line + 1;
        snprintf(ret_fault->text, sizeof ret_fault->text, "%s",
                 parser.problem ? parser.problem : "not YAML");
        e = FAIL(ERR_SYNTAX);
    } else {
        e = document(&(reader_t){.doc = &doc, .arena = arena, .fault = ret_fault}, &file);
        yaml_document_delete(&doc);
    }
    yaml_parser_delete(&parser);
    if (!err_failed(e)) {
        *ret_file = file;
    }
    return e;
}
