/* One transaction through the five phases, as the nginx glue does it. */
#include <time.h>

#include "tool.h"

static int64_t wall_us(void *user)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static const engine_world_t WORLD = {.wall_us = wall_us};

static bool blocks(const engine_verdict_t *v)
{
    return !v->detect_only && (v->decision == ENGINE_DENY || v->decision == ENGINE_DROP ||
                               v->decision == ENGINE_REDIRECT);
}

static err_t phase_run(tool_run_t *run, engine_phase_t phase)
{
    engine_verdict_t v;
    TRY(engine_tx_run(run->tx, phase, &v));
    if (run->verdict.decision == ENGINE_PASS) {
        run->verdict = v;
    }
    return OK;
}

static err_t request_feed(engine_tx_t *tx, const tool_request_t *r)
{
    TRY(engine_tx_connection(tx, SLICE("127.0.0.1"), 40000, SLICE("127.0.0.1"), 80));
    TRY(engine_tx_request_line(tx, r->method, r->uri, r->protocol, r->line));
    for (size_t i = 0; i < r->n_headers; i++) {
        TRY(engine_tx_request_header(tx, r->headers[i].name, r->headers[i].value));
    }
    return OK;
}

static err_t answer_feed(engine_tx_t *tx, const ftw_reflection_t *answer)
{
    TRY(engine_tx_response(tx, answer->status, SLICE("HTTP/1.1")));
    for (size_t i = 0; i < answer->n_headers; i++) {
        TRY(engine_tx_response_header(tx, answer->headers[i].name, answer->headers[i].value));
    }
    return OK;
}

static err_t phases_run(tool_run_t *run, const tool_request_t *r, const ftw_reflection_t *answer)
{
    TRY(request_feed(run->tx, r));
    TRY(phase_run(run, ENGINE_REQUEST_HEADERS));
    if (blocks(&run->verdict)) {
        return OK;
    }
    if (engine_tx_settings(run->tx)->request_body_access) {
        TRY(engine_tx_request_body(run->tx, r->body));
    }
    TRY(phase_run(run, ENGINE_REQUEST_BODY));
    if (blocks(&run->verdict)) {
        return OK;
    }
    TRY(answer_feed(run->tx, answer));
    TRY(phase_run(run, ENGINE_RESPONSE_HEADERS));
    if (blocks(&run->verdict)) {
        return OK;
    }
    if (engine_tx_wants_response_body(run->tx)) {
        TRY(engine_tx_response_body(run->tx, answer->body));
    }
    return phase_run(run, ENGINE_RESPONSE_BODY);
}

err_t tool_run(const engine_set_t *set, engine_worker_t *worker, const tool_request_t *request,
               const ftw_reflection_t *answer, arena_t *arena, tool_run_t *ret_run)
{
    tool_run_t run = {0};
    TRY(engine_tx_new(set, worker, &WORLD, SLICE("sekisho-guard"), arena, &run.tx));
    TRY(phases_run(&run, request, answer));
    engine_verdict_t last = run.verdict;
    TRY(phase_run(&run, ENGINE_LOGGING));
    run.verdict = last;
    run.status = !blocks(&last) ? answer->status : last.decision == ENGINE_DROP ? 0 : last.status;
    *ret_run = run;
    return OK;
}
