#include "rig.h"

#include <fnmatch.h>
#include <glob.h>

static const rig_file_t *table;

void rig_files(const rig_file_t *files)
{
    table = files;
}

static err_t table_read(void *user, slice_t path, arena_t *arena, slice_t *ret_bytes)
{
    for (const rig_file_t *f = table; f && f->path; f++) {
        if (slice_eq(slice_cstr_in(f->path), path)) {
            return arena_copy(arena, slice_cstr_in(f->text), ret_bytes);
        }
    }
    return FAIL(ERR_NOT_FOUND);
}

static err_t table_glob(void *user, slice_t pattern, void *each_user,
                        err_t (*each)(void *each_user, slice_t path))
{
    char text[512];
    snprintf(text, sizeof text, "%.*s", SLICE_FMT(pattern));
    for (const rig_file_t *f = table; f && f->path; f++) {
        if (fnmatch(text, f->path, FNM_PATHNAME) == 0) {
            TRY(each(each_user, slice_cstr_in(f->path)));
        }
    }
    return OK;
}

static err_t disk_read(void *user, slice_t path, arena_t *arena, slice_t *ret_bytes)
{
    const char *name;
    TRY(arena_cstr(arena, path, &name));
    FILE *in = fopen(name, "rb");
    ENSURE(in, ERR_NOT_FOUND);
    bool ok = fseek(in, 0, SEEK_END) == 0;
    long len = ftell(in);
    uint8_t *bytes = ok && len >= 0 ? arena_alloc(arena, (size_t)len + 1) : NULL;
    rewind(in);
    ok = bytes && fread(bytes, 1, (size_t)len, in) == (size_t)len;
    fclose(in);
    ENSURE(ok, ERR_IO);
    *ret_bytes = slice_make(bytes, (size_t)len);
    return OK;
}

static err_t disk_glob(void *user, slice_t pattern, void *each_user,
                       err_t (*each)(void *each_user, slice_t path))
{
    char text[4096];
    glob_t found;
    err_t e = OK;
    snprintf(text, sizeof text, "%.*s", SLICE_FMT(pattern));
    if (glob(text, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc && !err_failed(e); i++) {
            e = each(each_user, slice_cstr_in(found.gl_pathv[i]));
        }
        globfree(&found);
    }
    return e;
}

const engine_reader_t RIG_TABLE = {.read = table_read, .glob = table_glob};
const engine_reader_t RIG_DISK = {.read = disk_read, .glob = disk_glob};

err_t rig_try(rig_t *r, const engine_reader_t *reader, const char *rules, size_t len)
{
    engine_builder_t *b;
    TRY(engine_builder_new(reader, &b));
    err_t e = engine_builder_text(b, SLICE("test.conf"), slice_make(rules, len), &r->fault);
    if (!err_failed(e)) {
        e = engine_builder_build(b, &r->fault, &r->set);
    }
    engine_builder_free(b);
    TRY(e);
    return engine_worker_new(r->set, &r->worker);
}

void rig_load(rig_t *r, const char *rules)
{
    static const char HEAD[] =
        "SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On\n"
        "SecResponseBodyMimeType text/html\n";
    size_t len = sizeof HEAD - 1 + strlen(rules);
    char *text = malloc(len + 1);
    assert_non_null(text);
    snprintf(text, len + 1, "%s%s", HEAD, rules);
    err_t e = rig_try(r, &RIG_TABLE, text, len);
    if (err_failed(e)) {
        fail_msg("%s:%u: %s: %s", r->fault.file, r->fault.line, r->fault.word, r->fault.text);
    }
    free(text);
}

static err_t feed_headers(engine_tx_t *tx, const char *headers)
{
    slice_t rest = slice_cstr_in(headers), line;
    while (rest.len && slice_split(&rest, '\n', &line)) {
        size_t colon = slice_find_byte(line, ':');
        if (line.len && colon != SIZE_MAX) {
            TRY(engine_tx_request_header(tx, slice_sub(line, 0, colon),
                                         slice_trim(slice_from(line, colon + 1))));
        }
        if (rest.len == SIZE_MAX) {
            break;
        }
    }
    return OK;
}

static err_t phases(rig_t *r, const rig_request_t *q)
{
    engine_tx_t *tx = r->tx;
    engine_verdict_t *v = &r->verdict;
    TRY(engine_tx_run(tx, ENGINE_REQUEST_HEADERS, v));
    if (q->body) {
        TRY(engine_tx_request_body(tx, slice_cstr_in(q->body)));
    }
    bool blocked = v->decision > ENGINE_ALLOW && !v->detect_only;
    if (!blocked) {
        TRY(engine_tx_run(tx, ENGINE_REQUEST_BODY, v));
        blocked = v->decision > ENGINE_ALLOW && !v->detect_only;
    }
    if (!blocked) {
        TRY(engine_tx_response(tx, q->status ? q->status : 200, SLICE("HTTP/1.1")));
        TRY(engine_tx_response_header(tx, SLICE("Content-Type"), SLICE("text/html")));
        TRY(engine_tx_run(tx, ENGINE_RESPONSE_HEADERS, v));
        if (q->response && engine_tx_wants_response_body(tx)) {
            TRY(engine_tx_response_body(tx, slice_cstr_in(q->response)));
        }
        blocked = v->decision > ENGINE_ALLOW && !v->detect_only;
    }
    if (!blocked) {
        TRY(engine_tx_run(tx, ENGINE_RESPONSE_BODY, v));
    }
    return engine_tx_run(tx, ENGINE_LOGGING, v);
}

err_t rig_run_in(rig_t *r, const rig_request_t *q, int64_t fail_after)
{
    arena_deinit(&r->arena);
    arena_init(&r->arena, 32 << 20);
    r->arena.fail_after = fail_after;
    TRY(engine_tx_new(r->set, r->worker, r->world, SLICE("abcdefghijklmnop"), &r->arena, &r->tx));
    if (!r->untraced) {
        engine_tx_trace(r->tx);
    }
    TRY(engine_tx_connection(r->tx, SLICE("203.0.113.5"), 4000, SLICE("192.0.2.1"), 80));
    TRY(engine_tx_request_line(r->tx, slice_cstr_in(q->method ? q->method : "GET"),
                               slice_cstr_in(q->uri ? q->uri : "/"), SLICE("HTTP/1.1"),
                               SLICE_EMPTY));
    TRY(feed_headers(r->tx, q->headers));
    return phases(r, q);
}

void rig_run(rig_t *r, const rig_request_t *q)
{
    assert_ok(rig_run_in(r, q, -1));
}

bool rig_matched(const rig_t *r, uint32_t id)
{
    for (size_t i = 0; i < engine_tx_matches(r->tx); i++) {
        if (engine_tx_match(r->tx, i)->id == id) {
            return true;
        }
    }
    return false;
}

const char *rig_ids(const rig_t *r)
{
    static char text[4096];
    size_t at = 0;
    text[0] = 0;
    for (size_t i = 0; i < engine_tx_matches(r->tx) && at < sizeof text - 16; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%u", i ? " " : "",
                               engine_tx_match(r->tx, i)->id);
    }
    return text;
}

slice_t rig_var(rig_t *r, const char *name)
{
    slice_t value;
    return err_failed(engine_tx_variable(r->tx, slice_cstr_in(name), &value)) ? SLICE("(none)")
                                                                              : value;
}

void rig_free(rig_t *r)
{
    arena_deinit(&r->arena);
    engine_worker_free(r->worker);
    engine_set_free(r->set);
    *r = (rig_t){0};
}
