/* Any bytes as a rule file. It is accepted, or refused with file, line and text; what is accepted
 * runs one request, whatever its rules are. Where memory ends while they are read, that is the
 * answer. */
#include "base/fuzz.h"
#include "engine.h"
#include "load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_IN = 4096 };

static err_t read_none(void *user, slice_t path, arena_t *arena, slice_t *ret_bytes)
{
    ENSURE(path.len && path.ptr[path.len - 1] == 'x', ERR_NOT_FOUND);
    return arena_copy(arena, SLICE("alpha\n# comment\n10.0.0.1\n"), ret_bytes);
}

static err_t glob_none(void *user, slice_t pattern, void *each_user,
                       err_t (*each)(void *each_user, slice_t path))
{
    return OK;
}

static void feed(engine_tx_t *tx)
{
    static const engine_phase_t PHASES[] = {ENGINE_REQUEST_HEADERS, ENGINE_REQUEST_BODY,
                                            ENGINE_RESPONSE_HEADERS, ENGINE_RESPONSE_BODY,
                                            ENGINE_LOGGING};
    engine_verdict_t v;
    err_ignore(engine_tx_connection(tx, SLICE("192.0.2.7"), 1, SLICE("192.0.2.1"), 80));
    err_ignore(engine_tx_request_line(tx, SLICE("POST"), SLICE("/a/b.php?a=1&b=union%20select"),
                                      SLICE("HTTP/1.1"), SLICE_EMPTY));
    err_ignore(engine_tx_request_header(tx, SLICE("Cookie"), SLICE("a=b; c=<script>")));
    err_ignore(engine_tx_request_header(tx, SLICE("Content-Type"),
                                        SLICE("application/x-www-form-urlencoded")));
    err_ignore(engine_tx_request_body(tx, SLICE("x=1&y=%27+or+1%3D1--")));
    err_ignore(engine_tx_response(tx, 200, SLICE("HTTP/1.1")));
    err_ignore(engine_tx_response_body(tx, SLICE("<html>text</html>")));
    for (size_t i = 0; i < BASE_COUNT(PHASES); i++) {
        if (err_failed(engine_tx_run(tx, PHASES[i], &v))) {
            return;
        }
    }
    for (size_t i = 0; i < engine_tx_matches(tx); i++) {
        const engine_match_t *m = engine_tx_match(tx, i);
        CHECK(m->id && m->part_at + m->part_len <= m->value.len);
    }
}

static void run(engine_set_t *set)
{
    arena_t arena;
    engine_worker_t *worker;
    engine_tx_t *tx;
    arena_init(&arena, 1 << 20);
    if (!err_failed(engine_worker_new(set, &worker))) {
        if (!err_failed(engine_tx_new(set, worker, NULL, SLICE("id"), &arena, &tx))) {
            engine_tx_trace(tx);
            feed(tx);
        }
        engine_worker_free(worker);
    }
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const engine_reader_t READER = {.read = read_none, .glob = glob_none};
    engine_builder_t *b;
    engine_fault_t fault;
    engine_set_t *set;
    slice_t text = slice_make(data, size < MAX_IN ? size : (size_t)MAX_IN);
    CHECK(!err_failed(engine_builder_new(&READER, &b)));
    int64_t fail_after = fuzz_fail_after(data, size, 128);
    b->set->arena.fail_after = fail_after;
    b->texts.fail_after = fail_after % 4 == 1 ? fail_after / 4 : -1;
    err_t e = engine_builder_text(b, SLICE("fuzz.conf"), text, &fault);
    if (!err_failed(e)) {
        e = engine_builder_build(b, &fault, &set);
    }
    if (err_is(e, ERR_MEMORY)) {
        CHECK(fail_after >= 0);
    } else if (err_failed(e)) {
        CHECK(fault.line >= 1 && fault.text[0] && strcmp(fault.file, "fuzz.conf") == 0);
    } else {
        run(set);
        engine_set_free(set);
    }
    engine_builder_free(b);
    return 0;
}
