/* Rule files -> a compiled set. */
#include <stdio.h>

#include "files/files.h"
#include "rules.h"

void tool_fault_print(const engine_fault_t *f)
{
    fprintf(stderr, "%s:%u: %s: %s\n", f->file, f->line, f->word, f->text);
}

err_t tool_file_read(const char *path, arena_t *arena, slice_t *ret_bytes)
{
    engine_reader_t reader = files_reader();
    return reader.read(reader.user, slice_cstr_in(path), arena, ret_bytes);
}

static err_t files_add(engine_builder_t *b, slice_t before, char *const *files, int n,
                       engine_fault_t *fault)
{
    TRY(engine_builder_text(b, SLICE("(before)"), before, fault));
    for (int i = 0; i < n; i++) {
        TRY(engine_builder_file(b, slice_cstr_in(files[i]), fault));
    }
    return OK;
}

bool tool_rules_load(slice_t before, char *const *files, int n, tool_rules_t *ret_rules)
{
    engine_reader_t reader = files_reader();
    engine_builder_t *b = NULL;
    engine_fault_t fault = {0};
    *ret_rules = (tool_rules_t){0};
    err_t e = engine_builder_new(&reader, &b);
    if (!err_failed(e)) {
        e = files_add(b, before, files, n, &fault);
    }
    if (!err_failed(e)) {
        e = engine_builder_build(b, &fault, &ret_rules->set);
    }
    if (!err_failed(e)) {
        e = engine_worker_new(ret_rules->set, &ret_rules->worker);
    }
    engine_builder_free(b);
    if (err_failed(e)) {
        if (fault.text[0]) {
            tool_fault_print(&fault);
        } else {
            fprintf(stderr, "sekisho-guard: %s (%s:%d)\n", err_text(e.code), e.where, e.line);
        }
        tool_rules_free(ret_rules);
        return false;
    }
    return true;
}

void tool_rules_free(tool_rules_t *rules)
{
    if (rules->worker) {
        engine_worker_free(rules->worker);
    }
    if (rules->set) {
        engine_set_free(rules->set);
    }
    *rules = (tool_rules_t){0};
}

static const char *const INSTALLED[] = {
    "/etc/modsecurity/crs/crs-setup.conf",
    "/usr/share/modsecurity-crs/rules/*.conf",
};

bool rules_of_options(slice_t before, char *const *files, int n, tool_rules_t *ret_rules)
{
    union { /* nothing is changed through it */
        const char *const *ro;
        char *const *rw;
    } installed = {.ro = INSTALLED};
    return n > 0 ? tool_rules_load(before, files, n, ret_rules)
                 : tool_rules_load(before, installed.rw, BASE_COUNT(INSTALLED), ret_rules);
}
