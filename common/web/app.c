/* The only file that speaks to libmicrohttpd: one thread a connection, bodies gathered under a cap,
 * no decoding by the library (its query, cookie and form parsers are not used). */
#include <microhttpd.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/log.h"
#include "web/priv.h"

enum {
    CONNECTION_MEMORY = 64 * 1024, /* request head and response head of one connection */
    THREAD_STACK = 1024 * 1024,
    DEFAULT_IDLE_S = 75,
    DEFAULT_UPLOAD_S = 30,
};

/* Called with the target as sent, before the library touches it. */
static void *on_target(void *app, const char *target, struct MHD_Connection *connection)
{
    return web_turn_new(app, slice_cstr_in(target));
}

typedef struct head {
    web_pair_t pairs[WEB_HEADERS_MAX + 1];
    size_t n;
    int64_t content_length; /* -1: not said */
    bool is_chunked;
} head_t;

static enum MHD_Result on_header(void *to, enum MHD_ValueKind kind, const char *name,
                                 size_t name_len, const char *value, size_t value_len)
{
    head_t *head = to;
    if (head->n < BASE_COUNT(head->pairs)) {
        head->pairs[head->n++] =
            (web_pair_t){slice_make(name, name_len), slice_make(value, value_len)};
    }
    uint64_t length;
    if (slice_eq_nocase(slice_make(name, name_len), SLICE("content-length")) &&
        !err_failed(slice_parse_u64(slice_make(value, value_len), INT64_MAX, &length))) {
        head->content_length = (int64_t)length;
    }
    if (slice_eq_nocase(slice_make(name, name_len), SLICE("transfer-encoding"))) {
        head->is_chunked = true;
    }
    return MHD_YES;
}

static void put_header(void *to, const char *name, const char *value)
{
    CHECK(MHD_add_response_header(to, name, value) == MHD_YES);
}

static void put_headers(const web_turn_t *turn, struct MHD_Response *response)
{
    const web_res_t *res = &turn->res;
    if (res->content_type.len) {
        char type[128];
        buf_t text = BUF_ON_ARRAY(type);
        buf_put(&text, res->content_type);
        buf_u8(&text, 0);
        put_header(response, "Content-Type", text.full ? "application/octet-stream" : type);
    }
    for (size_t i = 0; i < res->n_headers; i++) {
        /* names and values end in NUL: res.c copies them so */
        put_header(response, (const char *)res->headers[i].name.ptr,
                   (const char *)res->headers[i].value.ptr);
    }
    web_security_headers(&turn->req, res, put_header, response);
    if (atomic_load(&turn->app->stopping)) {
        put_header(response, "Connection", "close");
    }
}

static enum MHD_Result answer(struct MHD_Connection *connection, web_turn_t *turn)
{
    web_turn_finish(turn);
    const web_res_t *res = &turn->res;
    slice_t body = res->borrowed.len ? res->borrowed : buf_slice(&res->body);
    /* the turn, and with it the body, lives until on_completed */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)(body.len ? body.ptr : (const void *)""),
        MHD_RESPMEM_PERSISTENT);
    if (!response) {
        return MHD_NO;
    }
    put_headers(turn, response);
    enum MHD_Result sent = MHD_queue_response(connection, (unsigned)res->status, response);
    MHD_destroy_response(response);
    return sent;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *piece,
                                  size_t *piece_len, void **turn_at)
{
    web_turn_t *turn = *turn_at;
    if (!turn) {
        return MHD_NO; /* no memory for it */
    }
    if (!turn->begun) {
        turn->begun = true;
        head_t head = {.content_length = 0};
        MHD_get_connection_values_n(connection, MHD_HEADER_KIND, on_header, &head);
        bool go_on = web_turn_begin(turn, slice_cstr_in(method), head.pairs, head.n,
                                    head.is_chunked ? -1 : head.content_length);
        return go_on ? MHD_YES : answer(connection, turn);
    }
    if (*piece_len) {
        bool go_on = web_turn_body(turn, slice_make(piece, *piece_len));
        *piece_len = 0;
        return go_on ? MHD_YES : MHD_NO;
    }
    return answer(connection, turn);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **turn_at,
                         enum MHD_RequestTerminationCode how)
{
    if (*turn_at) {
        web_turn_free(*turn_at);
        *turn_at = NULL;
    }
}

static void on_connection_state(void *app, struct MHD_Connection *connection, void **unused,
                                enum MHD_ConnectionNotificationCode what)
{
    web_gate_t *gate = &((web_app_t *)app)->gate;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        web_gate_opened(gate);
    } else {
        web_gate_closed(gate);
    }
}

/* On unix sockets, and on loopback (paysim stands in for an outside provider). */
static void on_connection(void *app, int fd, const struct sockaddr *from, socklen_t from_len)
{
    /* the library closes fd when it cannot serve it; the client sees a closed connection */
    (void)MHD_add_connection(((web_app_t *)app)->daemon, fd, from, from_len);
}

/* Signals stay with the daemon's own thread. */
static err_t start_threads(web_app_t *app)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    app->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
            MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC,
        0, NULL, NULL, on_request, app, MHD_OPTION_URI_LOG_CALLBACK, on_target, app,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, app, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection_state, app,
        /* the gate is the limit; the library counts those that are being put away too */
        MHD_OPTION_CONNECTION_LIMIT, app->config.connections_max * 2 + 16,
        MHD_OPTION_CONNECTION_TIMEOUT, app->config.idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    err_t e = app->daemon ? web_gate_start(&app->gate) : FAIL(ERR_IO);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err_failed(e) && app->daemon) {
        MHD_stop_daemon(app->daemon);
    }
    return e;
}

static void app_free(web_app_t *app)
{
    web_metrics_deinit(&app->metrics);
    web_pool_deinit(&app->pool);
    arena_deinit(&app->arena);
    free(app);
}

err_t web_app_make(const web_config_t *config, web_app_t **ret_app)
{
    size_t row = 0;
    TRY(web_routes_check(config->routes, config->n_routes, &row));
    web_app_t *app = calloc(1, sizeof *app);
    ENSURE(app, ERR_MEMORY);
    app->config = *config;
    web_config_t *c = &app->config;
    c->connections_max = c->connections_max ? c->connections_max : WEB_CONNECTIONS_MAX;
    c->idle_s = c->idle_s ? c->idle_s : DEFAULT_IDLE_S;
    c->upload_s = c->upload_s ? c->upload_s : DEFAULT_UPLOAD_S;
    pthread_mutex_init(&app->pool.lock, NULL);
    arena_init(&app->arena, 64 * 1024);
    err_t e = web_metrics_init(&app->metrics, c->n_routes);
    if (!err_failed(e)) {
        e = web_csp_build(app);
    }
    if (err_failed(e)) {
        app_free(app);
        return e;
    }
    *ret_app = app;
    return OK;
}

err_t web_app_start(const web_config_t *config, web_app_t **ret_app)
{
    web_app_t *app;
    TRY(web_app_make(config, &app));
    int flags = fcntl(config->listen_fd, F_GETFL);
    if (flags < 0 || fcntl(config->listen_fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        app_free(app);
        return FAIL(ERR_IO);
    }
    app->gate = (web_gate_t){.listen_fd = config->listen_fd,
                             .max = app->config.connections_max,
                             .on_connection = on_connection,
                             .user = app};
    err_t e = start_threads(app);
    if (err_failed(e)) {
        app_free(app);
        return e;
    }
    *ret_app = app;
    return OK;
}

void web_app_stop(web_app_t *app, int drain_ms)
{
    if (!app) {
        return;
    }
    if (app->daemon) {
        atomic_store(&app->stopping, true);
        web_gate_stop(&app->gate);
        int64_t until_us = clock_wait_us() + (int64_t)drain_ms * 1000;
        while (web_app_running(app) && clock_wait_us() < until_us) {
            usleep(5000);
        }
        MHD_stop_daemon(app->daemon);
    }
    app_free(app);
}

const web_config_t *web_app_config(const web_app_t *app)
{
    return &app->config;
}

unsigned web_app_running(const web_app_t *app)
{
    return atomic_load(&app->running);
}

void web_done_log(void *room, const web_done_t *done)
{
    bool bad = done->status >= 500;
    log_event(bad ? LOG_ERROR : LOG_INFO, done->id, "web.request",
              "route=%s status=%d code=%s at=%s:%u errno=%d ms=%lld", done->route, done->status,
              err_name(done->err.code), done->err.where ? done->err.where : "-",
              (unsigned)done->err.line, (int)done->err.sys, (long long)(done->took_us / 1000));
}
