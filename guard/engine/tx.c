/* The transaction's front: what the caller feeds, runs and asks. */
#include "tx.h"

#include "../body/split.h"

err_t engine_worker_new(const engine_set_t *set, engine_worker_t **ret_worker)
{
    engine_worker_t *w = calloc(1, sizeof *w);
    ENSURE(w, ERR_MEMORY);
    w->set = set;
    err_t e = regex_scratch_new(set->settings.pcre_match_limit, &w->regex);
    if (!err_failed(e)) {
        e = scan_scratch_new(set->db, 2, &w->scan);
    }
    if (err_failed(e)) {
        engine_worker_free(w);
        return e;
    }
    *ret_worker = w;
    return OK;
}

void engine_worker_free(engine_worker_t *worker)
{
    if (worker) {
        regex_scratch_free(worker->regex);
        scan_scratch_free(worker->scan);
        free(worker);
    }
}

err_t engine_tx_new(const engine_set_t *set, engine_worker_t *worker, const engine_world_t *world,
                    slice_t unique_id, arena_t *arena, engine_tx_t **ret_tx)
{
    engine_tx_t *tx = ARENA_NEW(arena, engine_tx_t);
    ENSURE(tx, ERR_MEMORY);
    CHECK(worker->set == set);
    tx->set = set;
    tx->worker = worker;
    tx->world = world;
    tx->arena = arena;
    tx->settings = set->settings;
    tx->highest_severity = 255;
    tx->slots = ARENA_ARRAY(arena, tx_value_t, set->slots.count);
    ENSURE(tx->slots, ERR_MEMORY);
    memcpy(tx->slots, set->start, set->slots.count * sizeof *tx->slots);
    tx->start_us = tx_now(tx);
    regex_scratch_begin(worker->regex);
    TRY(list_set(tx, VAR_UNIQUE_ID, unique_id));
    *ret_tx = tx;
    return OK;
}

static err_t set_number(engine_tx_t *tx, var_id_t var, int64_t n)
{
    slice_t text = number_text(tx, n);
    ENSURE(!tx->memory_out, ERR_MEMORY);
    return list_set(tx, var, text);
}

err_t engine_tx_connection(engine_tx_t *tx, slice_t client_addr, uint16_t client_port,
                           slice_t server_addr, uint16_t server_port)
{
    TRY(list_set(tx, VAR_REMOTE_ADDR, client_addr));
    TRY(set_number(tx, VAR_REMOTE_PORT, client_port));
    TRY(list_set(tx, VAR_SERVER_ADDR, server_addr));
    return set_number(tx, VAR_SERVER_PORT, server_port);
}

static err_t on_query_arg(void *user, slice_t name, slice_t value)
{
    engine_tx_t *tx = user;
    TRY(list_add(tx, VAR_ARGS_GET, name, value));
    TRY(list_add(tx, VAR_ARGS_GET_NAMES, name, name));
    TRY(list_add(tx, VAR_ARGS, name, value));
    return list_add(tx, VAR_ARGS_NAMES, name, name);
}

static err_t read_query(engine_tx_t *tx, slice_t query)
{
    body_limits_t limits = {.max_args = tx->settings.args_limit,
                            .separator = tx->settings.argument_separator};
    body_visitor_t visitor = {.user = tx, .arg = on_query_arg};
    body_result_t result;
    TRY(body_urlencoded(query, &limits, &visitor, tx->arena, &result));
    tx->flags |= result.flags & BODY_URLENCODED_ERROR;
    tx->args_bytes += result.names_bytes + result.values_bytes;
    return OK;
}

static err_t request_line(engine_tx_t *tx, slice_t method, slice_t uri, slice_t protocol,
                          slice_t line)
{
    if (line.len == 0) {
        buf_t b;
        TRY(arena_buf(tx->arena, method.len + uri.len + protocol.len + 2, &b));
        buf_put(&b, method);
        buf_u8(&b, ' ');
        buf_put(&b, uri);
        if (protocol.len) {
            buf_u8(&b, ' ');
            buf_put(&b, protocol);
        }
        line = buf_slice(&b);
    }
    return list_set(tx, VAR_REQUEST_LINE, line);
}

err_t engine_tx_request_line(engine_tx_t *tx, slice_t method, slice_t uri, slice_t protocol,
                             slice_t line)
{
    split_target_t t;
    TRY(split_target(uri, tx->arena, &t));
    TRY(request_line(tx, method, uri, protocol, line));
    TRY(list_set(tx, VAR_REQUEST_METHOD, method));
    TRY(list_set(tx, VAR_REQUEST_PROTOCOL, protocol));
    TRY(list_set(tx, VAR_REQUEST_URI_RAW, t.raw));
    TRY(list_set(tx, VAR_REQUEST_URI, t.uri));
    TRY(list_set(tx, VAR_REQUEST_FILENAME, t.path));
    TRY(list_set(tx, VAR_REQUEST_BASENAME, t.basename));
    TRY(list_set(tx, VAR_QUERY_STRING, t.query));
    return t.has_query ? read_query(tx, t.query) : OK;
}

static err_t on_cookie(void *user, slice_t name, slice_t value)
{
    engine_tx_t *tx = user;
    TRY(list_add(tx, VAR_REQUEST_COOKIES, name, value));
    return list_add(tx, VAR_REQUEST_COOKIES_NAMES, name, name);
}

static err_t read_cookies(engine_tx_t *tx, slice_t value)
{
    body_limits_t limits = {0};
    body_visitor_t visitor = {.user = tx, .arg = on_cookie};
    body_result_t result;
    return body_cookies(value, &limits, &visitor, tx->arena, &result);
}

static void choose_processor(engine_tx_t *tx, slice_t content_type)
{
    slice_t type = split_media_type(content_type);
    tx->content_type = content_type;
    if (slice_eq_nocase(type, SLICE("application/x-www-form-urlencoded"))) {
        tx->processor = PROCESSOR_URLENCODED;
    } else if (slice_eq_nocase(type, SLICE("multipart/form-data"))) {
        tx->processor = PROCESSOR_MULTIPART;
    }
}

static err_t server_name(engine_tx_t *tx, slice_t host)
{
    size_t end =
        host.len && host.ptr[0] == '[' ? slice_find_byte(host, ']') : slice_find_byte(host, ':');
    end = end == SIZE_MAX ? host.len : end + (host.ptr[0] == '[');
    return list_set(tx, VAR_SERVER_NAME, slice_sub(host, 0, end));
}

err_t engine_tx_request_header(engine_tx_t *tx, slice_t name, slice_t value)
{
    TRY(list_add(tx, VAR_REQUEST_HEADERS, name, value));
    TRY(list_add(tx, VAR_REQUEST_HEADERS_NAMES, name, name));
    if (slice_eq_nocase(name, SLICE("cookie"))) {
        return read_cookies(tx, value);
    }
    if (slice_eq_nocase(name, SLICE("content-type")) && tx->content_type.len == 0) {
        choose_processor(tx, value);
    } else if (slice_eq_nocase(name, SLICE("host"))) {
        return server_name(tx, value);
    } else if (slice_eq_nocase(name, SLICE("authorization"))) {
        slice_t type, rest;
        cut(value, ' ', &type, &rest);
        return list_set(tx, VAR_AUTH_TYPE, type);
    }
    return OK;
}

err_t engine_tx_request_body(engine_tx_t *tx, slice_t body)
{
    ENSURE(!tx->has_request_body, ERR_CONFLICT);
    tx->has_request_body = true;
    tx->request_body = body;
    return OK;
}

void engine_tx_request_body_cut(engine_tx_t *tx)
{
    tx->body_cut = true;
}

err_t engine_tx_response(engine_tx_t *tx, unsigned status, slice_t protocol)
{
    tx->status = (uint16_t)status;
    TRY(set_number(tx, VAR_RESPONSE_STATUS, status));
    return list_set(tx, VAR_RESPONSE_PROTOCOL, protocol);
}

err_t engine_tx_response_header(engine_tx_t *tx, slice_t name, slice_t value)
{
    TRY(list_add(tx, VAR_RESPONSE_HEADERS, name, value));
    TRY(list_add(tx, VAR_RESPONSE_HEADERS_NAMES, name, name));
    if (slice_eq_nocase(name, SLICE("content-type"))) {
        tx->response_type = split_media_type(value);
        return list_set(tx, VAR_RESPONSE_CONTENT_TYPE, value);
    }
    return OK;
}

err_t engine_tx_response_body(engine_tx_t *tx, slice_t body)
{
    ENSURE(!tx->has_response_body, ERR_CONFLICT);
    tx->has_response_body = true;
    tx->response_body = body;
    return OK;
}

void engine_tx_response_body_cut(engine_tx_t *tx)
{
    tx->response_cut = true;
}

bool engine_tx_wants_response_body(const engine_tx_t *tx)
{
    const engine_settings_t *s = &tx->settings;
    if (s->mode == ENGINE_OFF || !s->response_body_access) {
        return false;
    }
    for (size_t i = 0; i < s->response_type_count; i++) {
        if (slice_eq_nocase(s->response_types[i], tx->response_type)) {
            return true;
        }
    }
    return s->response_type_count == 0 && tx->response_type.len == 0;
}

err_t engine_tx_run(engine_tx_t *tx, engine_phase_t phase, engine_verdict_t *ret_verdict)
{
    if (tx->settings.mode != ENGINE_OFF && !tx->memory_out) {
        if (phase == ENGINE_REQUEST_BODY && !tx->stopped) {
            TRY(body_read(tx));
        }
        if (phase == ENGINE_RESPONSE_BODY && tx->has_response_body &&
            tx->settings.response_body_access) {
            TRY(list_set(tx, VAR_RESPONSE_BODY, tx->response_body));
        }
        TRY(run_phase(tx, phase));
    }
    ENSURE(!tx->memory_out, ERR_MEMORY);
    *ret_verdict = tx->verdict;
    return OK;
}

const engine_settings_t *engine_tx_settings(const engine_tx_t *tx)
{
    return &tx->settings;
}

void engine_tx_trace(engine_tx_t *tx)
{
    tx->trace = true;
    memset(tx->slots, 0, tx->set->slots.count * sizeof *tx->slots);
}

size_t engine_tx_matches(const engine_tx_t *tx)
{
    return tx->match_count;
}

const engine_match_t *engine_tx_match(const engine_tx_t *tx, size_t index)
{
    return index < tx->match_count ? tx->matches[index] : NULL;
}

engine_stats_t engine_tx_stats(const engine_tx_t *tx)
{
    engine_stats_t stats = tx->stats;
    stats.regex_steps = regex_steps(tx->worker->regex);
    return stats;
}

bool engine_tx_audit(const engine_tx_t *tx)
{
    if (tx->settings.audit != ENGINE_AUDIT_RELEVANT) {
        return tx->settings.audit == ENGINE_AUDIT_ON;
    }
    if (tx->audit_relevant || !tx->set->audit_status) {
        return tx->audit_relevant;
    }
    slice_t status = list_one(tx, VAR_RESPONSE_STATUS);
    return regex_match(tx->set->audit_status, tx->worker->regex, status, 0, NULL) == REGEX_YES;
}
