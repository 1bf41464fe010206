/* A request's walk from its headers to its answer. Knows no server library, so that tests and
 * fuzzers can walk it too. The order of the steps is the order of README.md. */
#include "base/clock.h"
#include "text/form.h"
#include "text/url.h"
#include "text/utf8.h"
#include "web/priv.h"

enum {
    SWALLOW_BYTES = WEB_UPLOAD_BYTES, /* of a refused body, so that a client still sending can
                                    read the answer */
    LANG_COOKIE_S = 365 * 86400,
};

web_turn_t *web_turn_new(web_app_t *app, slice_t target)
{
    web_turn_t *turn = calloc(1, sizeof *turn);
    if (!turn) {
        return NULL;
    }
    turn->app = app;
    turn->started_us = clock_wait_us();
    arena_init(&turn->arena, WEB_ARENA_BYTES);
    arena_init(&turn->body_arena, WEB_UPLOAD_BYTES + 65536);
    turn->req = (web_req_t){.app = app, .arena = &turn->arena, .now_us = clock_wall_us()};
    web_res_init(&turn->res, &turn->req);
    turn->is_long = target.len > WEB_TARGET_BYTES;
    if (!turn->is_long && err_failed(arena_copy(&turn->arena, target, &turn->req.target))) {
        turn->is_long = true;
    }
    atomic_fetch_add(&app->running, 1);
    return turn;
}

void web_turn_free(web_turn_t *turn)
{
    atomic_fetch_sub(&turn->app->running, 1);
    web_res_give_back(&turn->res);
    arena_deinit(&turn->body_arena);
    arena_deinit(&turn->arena);
    free(turn);
}

static err_t lower(arena_t *a, slice_t in, slice_t *ret_out)
{
    buf_t out;
    TRY(arena_buf(a, in.len + 1, &out));
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.ptr[i];
        buf_u8(&out, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
    }
    *ret_out = buf_slice(&out);
    return OK;
}

static web_fault_t take_headers(web_turn_t *turn, const web_pair_t *headers, size_t n)
{
    web_req_t *req = &turn->req;
    size_t bytes = 0, hosts = 0;
    bool has_te = false, has_cl = false;
    web_fault_t large = web_fault(FAIL(ERR_LIMIT), 431, WEB_WHY_TOO_LARGE);
    web_pair_t *pairs = ARENA_ARRAY(req->arena, web_pair_t, n + 1);
    if (!pairs || n > WEB_HEADERS_MAX) {
        return large;
    }
    for (size_t i = 0; i < n; i++) {
        bytes += headers[i].name.len + headers[i].value.len;
        if (bytes > WEB_HEADERS_BYTES) {
            return large;
        }
        if (!web_is_token(headers[i].name) || !web_header_value_ok(headers[i].value)) {
            return web_fault_of(FAIL(ERR_SYNTAX));
        }
        pairs[i].value = slice_trim(headers[i].value);
        TRY_FAULT(web_fault_of(lower(req->arena, headers[i].name, &pairs[i].name)));
        hosts += slice_eq(pairs[i].name, SLICE("host"));
        has_te |= slice_eq(pairs[i].name, SLICE("transfer-encoding"));
        has_cl |= slice_eq(pairs[i].name, SLICE("content-length"));
    }
    req->headers = (web_pairs_t){pairs, n};
    /* RFC 9112 3.2, 6.3: two readings of one message are a hole */
    return hosts > 1 || (has_te && has_cl) ? web_fault_of(FAIL(ERR_SYNTAX)) : WEB_FINE;
}

static web_fault_t take_cookies(web_req_t *req)
{
    web_pair_t *pairs = ARENA_ARRAY(req->arena, web_pair_t, WEB_COOKIES_MAX);
    if (!pairs) {
        return web_fault_of(FAIL(ERR_MEMORY));
    }
    size_t n = 0;
    for (size_t i = 0; i < req->headers.n; i++) {
        if (slice_eq(req->headers.at[i].name, SLICE("cookie"))) {
            web_cookies_parse(req->headers.at[i].value, pairs, WEB_COOKIES_MAX, &n);
        }
    }
    req->cookies = (web_pairs_t){pairs, n};
    return WEB_FINE;
}

/* The guard's id; a request that came round it gets one here. */
static err_t take_id(web_req_t *req)
{
    if (err_failed(id_decode(web_req_header(req, "x-sekisho-id"), &req->id)) ||
        id_is_zero(req->id)) {
        req->id = id_new();
    }
    buf_t out;
    TRY(arena_buf(req->arena, ID_TEXT, &out));
    buf_id(&out, req->id);
    req->id_text = buf_slice(&out);
    return OK;
}

static void take_client(web_req_t *req)
{
    slice_t client = web_req_header(req, "x-sekisho-client");
    bool fits = client.len <= 45;
    for (size_t i = 0; fits && i < client.len; i++) {
        fits = client.ptr[i] && strchr("0123456789abcdefABCDEF.:", client.ptr[i]);
    }
    req->client = fits ? client : SLICE_EMPTY;
}

/* RFC 3986 3.2.2 without user information; an unknown name is the first site's. */
static web_fault_t take_host(web_req_t *req)
{
    TRY_FAULT(web_fault_of(lower(req->arena, web_req_header(req, "host"), &req->host)));
    for (size_t i = 0; i < req->host.len; i++) {
        uint8_t c = req->host.ptr[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr(".-:[]_", c));
        if (!fits || req->host.len > 255) {
            req->host = SLICE_EMPTY;
            return web_fault_of(FAIL(ERR_SYNTAX));
        }
    }
    const web_config_t *config = &req->app->config;
    slice_t name = slice_sub(req->host, 0, slice_find_byte(req->host, ':'));
    for (size_t i = 0; i < config->n_hosts; i++) {
        if (slice_eq(config->hosts[i].name, name)) {
            req->site = config->hosts[i].site;
        }
    }
    return WEB_FINE;
}

static void take_lang(web_req_t *req)
{
    i18n_lang_t lang;
    req->lang = err_failed(i18n_lang_of_code(web_req_cookie(req, "lang"), &lang))
                    ? i18n_lang_accept(web_req_header(req, "accept-language"))
                    : lang;
}

static web_fault_t take_target(web_turn_t *turn)
{
    web_req_t *req = &turn->req;
    if (turn->is_long) {
        return web_fault(FAIL(ERR_LIMIT), 414, WEB_WHY_TOO_LARGE);
    }
    slice_t path, query;
    TRY_FAULT(web_fault_of(url_split(req->target, &path, &query)));
    TRY_FAULT(web_fault_of(url_path_decode(req->arena, path, &req->path)));
    return web_fault_of(web_query_parse(req->arena, query, &req->query));
}

static unsigned method_of(slice_t method)
{
    static const struct {
        const char *name;
        unsigned bit;
    } ROWS[] = {{"GET", WEB_GET},
                {"HEAD", WEB_GET},
                {"POST", WEB_POST},
                {"PUT", WEB_PUT},
                {"DELETE", WEB_DELETE}};
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        if (slice_eq(method, slice_cstr_in(ROWS[i].name))) {
            return ROWS[i].bit;
        }
    }
    return 0;
}

/* "/tours/" where only "/tours" exists: a friendly way, for addresses typed by hand. */
static bool trailing_slash(web_turn_t *turn, web_pair_t *params)
{
    web_req_t *req = &turn->req;
    if (req->method != WEB_GET || req->path.len < 2 || !slice_ends(req->path, SLICE("/"))) {
        return false;
    }
    size_t n, end = slice_find_byte(req->target, '?');
    slice_t raw = slice_sub(req->target, 0, end);
    web_match_t m = web_route_find(&req->app->config, req->site,
                                   slice_sub(req->path, 0, req->path.len - 1), WEB_GET, params, &n);
    buf_t out;
    if (!m.route || !slice_ends(raw, SLICE("/")) ||
        err_failed(arena_buf(req->arena, req->target.len, &out))) {
        return false;
    }
    buf_put(&out, slice_sub(raw, 0, raw.len - 1));
    buf_put(&out, end == SIZE_MAX ? SLICE_EMPTY : slice_from(req->target, end));
    turn->redirect_to = buf_slice(&out);
    turn->redirect_status = 308;
    return true;
}

/* ?lang=en: keep the choice in a cookie and come back without it. */
static err_t lang_switch(web_turn_t *turn)
{
    web_req_t *req = &turn->req;
    i18n_lang_t lang;
    if (req->method != WEB_GET || (req->route->flags & WEB_RAW_BODY) ||
        err_failed(i18n_lang_of_code(web_req_query(req, "lang"), &lang))) {
        return OK;
    }
    size_t q = slice_find_byte(req->target, '?');
    buf_t out;
    TRY(arena_buf(req->arena, req->target.len, &out));
    buf_put(&out, slice_sub(req->target, 0, q));
    const char *between = "?";
    form_cursor_t c = form_on(slice_from(req->target, q + 1), WEB_FIELDS_MAX, FORM_STRICT);
    while (form_more(&c)) {
        slice_t name, value;
        TRY(form_next(&c, req->arena, &name, &value));
        if (!slice_eq(name, SLICE("lang"))) {
            buf_cstr(&out, between);
            buf_put(&out, c.raw_name);
            buf_u8(&out, '=');
            buf_put(&out, c.raw_value);
            between = "&";
        }
    }
    TRY(buf_check(&out));
    turn->redirect_to = buf_slice(&out);
    turn->redirect_status = 303;
    turn->switch_to = lang;
    turn->is_switch = true;
    return OK;
}

static web_fault_t take_route(web_turn_t *turn, slice_t method)
{
    web_req_t *req = &turn->req;
    unsigned bit = method_of(method);
    req->method = (web_method_t)bit;
    req->is_head = slice_eq(method, SLICE("HEAD"));
    web_pair_t *params = ARENA_ARRAY(req->arena, web_pair_t, WEB_PARAMS_MAX);
    if (!params) {
        return web_fault_of(FAIL(ERR_MEMORY));
    }
    size_t n = 0;
    web_match_t m = web_route_find(&req->app->config, req->site, req->path, bit, params, &n);
    bool own_check = m.route && (m.route->flags & WEB_CARD_CHECK_OWN);
    if (!own_check) {
        TRY_FAULT(web_card_check_target(req));
    }
    req->route = m.route;
    req->params = (web_pairs_t){params, n};
    turn->allow = m.allow;
    if (!m.route) {
        if (m.allow) {
            return web_fault_of(FAIL(ERR_METHOD));
        }
        return trailing_slash(turn, params) ? WEB_FINE : web_fault_of(FAIL(ERR_NOT_FOUND));
    }
    return web_fault_of(lang_switch(turn));
}

static web_fault_t take_all(web_turn_t *turn, slice_t method, const web_pair_t *headers, size_t n)
{
    web_req_t *req = &turn->req;
    web_fault_t bad = take_headers(turn, headers, n);
    TRY_FAULT(web_fault_of(take_id(req)));
    TRY_FAULT(bad);
    TRY_FAULT(take_cookies(req));
    take_client(req);
    take_lang(req);
    TRY_FAULT(take_host(req));
    TRY_FAULT(take_target(turn));
    TRY_FAULT(take_route(turn, method));
    turn->type_raw = web_req_header(req, "content-type");
    return web_fault_of(web_type_bare(req->arena, turn->type_raw, &req->content_type));
}

bool web_turn_begin(web_turn_t *turn, slice_t method, const web_pair_t *headers, size_t n,
                    int64_t content_length)
{
    turn->fault = take_all(turn, method, headers, n);
    size_t max = turn->req.route ? web_route_body_max(turn->req.route) : 0;
    uint64_t length = content_length < 0 ? 0 : (uint64_t)content_length;
    if (!turn->fault.status && length > max) {
        turn->fault = web_fault(FAIL(ERR_LIMIT), 413, WEB_WHY_TOO_LARGE);
    }
    turn->body_max = turn->fault.status ? 0 : max;
    if (turn->body_max && content_length != 0) {
        size_t cap = content_length > 0 ? (size_t)length : max;
        if (err_failed(arena_buf(&turn->body_arena, cap, &turn->body))) {
            turn->fault = web_fault_of(FAIL(ERR_MEMORY));
            turn->body_max = 0;
        }
    }
    /* a refused body of unknown length is not waited for */
    bool endless = turn->fault.status && content_length < 0;
    return !endless && length <= max + SWALLOW_BYTES;
}

bool web_turn_body(web_turn_t *turn, slice_t piece)
{
    int64_t allowed_s = turn->app->config.upload_s;
    if (clock_wait_us() - turn->started_us > allowed_s * CLOCK_SECOND_US) {
        return false;
    }
    if (!turn->fault.status) {
        buf_put(&turn->body, piece);
        if (!turn->body.full) {
            return true;
        }
        turn->fault = web_fault(FAIL(ERR_LIMIT), 413, WEB_WHY_TOO_LARGE);
    }
    turn->swallowed += piece.len;
    return turn->swallowed <= SWALLOW_BYTES + (uint64_t)turn->body_max;
}

/* 401 and 403, or the way to the log-in page. */
static web_fault_t check_roles(web_turn_t *turn)
{
    web_req_t *req = &turn->req;
    uint32_t roles = req->route->roles;
    if (!roles || web_session_has_role(req, roles)) {
        return WEB_FINE;
    }
    if (!id_is_zero(web_session_user(req))) {
        return web_fault_of(FAIL(ERR_DENIED));
    }
    slice_t login = turn->app->config.login_path[req->site];
    buf_t out;
    if (req->method != WEB_GET || !login.len ||
        err_failed(arena_buf(req->arena, login.len + 6 + req->target.len * 3, &out))) {
        return web_fault_of(FAIL(ERR_AUTH));
    }
    buf_put(&out, login);
    buf_cstr(&out, "?next=");
    url_put_component(&out, req->target);
    turn->redirect_to = buf_slice(&out);
    turn->redirect_status = 303;
    return WEB_FINE;
}

static web_fault_t redirect(web_turn_t *turn)
{
    if (turn->is_switch) {
        TRY_FAULT(web_fault_of(web_set_cookie(&turn->res, SLICE("lang"),
                                              i18n_lang_code(turn->switch_to), LANG_COOKIE_S)));
    }
    return web_fault_of(web_redirect(&turn->res, turn->redirect_status, turn->redirect_to));
}

static web_fault_t handle(web_turn_t *turn)
{
    web_req_t *req = &turn->req;
    const web_config_t *config = &turn->app->config;
    TRY_FAULT(turn->fault);
    if (turn->redirect_to.len) {
        return redirect(turn);
    }
    req->body = buf_slice(&turn->body);
    TRY_FAULT(web_body_parse(req, turn->type_raw));
    TRY_FAULT(web_card_check_body(req));
    if (config->sessions && !(req->route->flags & WEB_NO_SESSION)) {
        TRY_FAULT(web_fault_of(web_session_load(config->sessions, req)));
    }
    TRY_FAULT(check_roles(turn));
    if (turn->redirect_to.len) {
        return redirect(turn);
    }
    TRY_FAULT(web_csrf_check(req));
    TRY_FAULT(web_fault_of(req->route->handler(config->room, req, &turn->res)));
    TRY_FAULT(web_fault_of(web_session_flush(req)));
    /* a handler that gives no answer, or a page that does not fit, is our own mistake */
    if (!turn->res.is_set || turn->res.body.full) {
        return web_fault(FAIL(ERR_LIMIT), 500, WEB_WHY_INTERNAL);
    }
    return WEB_FINE;
}

static void put_allow(web_turn_t *turn)
{
    char mem[64];
    buf_t allow = BUF_ON_ARRAY(mem);
    web_methods_put(&allow, turn->allow);
    err_ignore(web_header(&turn->res, SLICE("Allow"), buf_slice(&allow))); /* fits an empty list */
}

static void count(web_turn_t *turn, int64_t took_us)
{
    web_app_t *app = turn->app;
    size_t row =
        turn->req.route ? (size_t)(turn->req.route - app->config.routes) : app->config.n_routes;
    web_metrics_count(&app->metrics, row, turn->res.status, took_us);
    if (turn->fault.why == WEB_WHY_CARD_DATA) {
        atomic_fetch_add_explicit(&app->metrics.card, 1, memory_order_relaxed);
    } else if (turn->fault.why == WEB_WHY_CSRF) {
        atomic_fetch_add_explicit(&app->metrics.csrf, 1, memory_order_relaxed);
    }
}

void web_turn_finish(web_turn_t *turn)
{
    const web_config_t *config = &turn->app->config;
    turn->fault = handle(turn);
    if (turn->fault.status) {
        web_error_answer(&turn->req, &turn->fault, &turn->res);
        if (turn->fault.status == 405) {
            put_allow(turn);
        }
    }
    web_session_put_cookie(&turn->req, &turn->res);
    int64_t took_us = clock_wait_us() - turn->started_us;
    count(turn, took_us);
    if (config->on_done) {
        web_done_t done = {.id = turn->req.id,
                           .route = turn->req.route ? turn->req.route->name : "-",
                           .status = turn->res.status,
                           .err = turn->fault.err,
                           .took_us = took_us};
        config->on_done(config->room, &done);
    }
}
