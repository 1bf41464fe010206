/* What the files of this folder share; nobody else includes it. */
#ifndef WEB_PRIV_H
#define WEB_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "web/session.h"
#include "web/web.h"

/* A refusal on its way to an error page. status 0 = fine so far. */
typedef struct web_fault {
    err_t err;
    int status;
    web_why_t why;
} web_fault_t;

web_fault_t web_fault_of(err_t err);
web_fault_t web_fault(err_t err, int status, web_why_t why);
/* TRY for steps that end in a page of their own. */
#define TRY_FAULT(expr)                                                                            \
    do {                                                                                           \
        web_fault_t fault_ = (expr);                                                               \
        if (fault_.status) {                                                                       \
            return fault_;                                                                         \
        }                                                                                          \
    } while (0)
#define WEB_FINE ((web_fault_t){OK, 0, WEB_WHY_INTERNAL})

/* metrics.c */
enum { WEB_STATUS_SLOTS = 32, WEB_TIME_SLOTS = 8 };
typedef struct web_metrics {
    size_t n_rows; /* routes, and one for "no route" */
    _Atomic uint64_t (*by_status)[WEB_STATUS_SLOTS];
    _Atomic uint64_t took[WEB_TIME_SLOTS + 1], took_us;
    _Atomic uint64_t card, csrf;
} web_metrics_t;
err_t web_metrics_init(web_metrics_t *m, size_t n_routes);
void web_metrics_deinit(web_metrics_t *m);
void web_metrics_count(web_metrics_t *m, size_t row, int status, int64_t took_us);

/* Memory of response bodies, kept between requests. */
enum { WEB_POOL_KEPT = 8 };
typedef struct web_pool {
    pthread_mutex_t lock;
    uint8_t *kept[WEB_POOL_KEPT];
    size_t n;
} web_pool_t;

/* gate.c: fill listen_fd, max, on_connection, user; start. The lock lives on after the stop, for
 * connections that close later. */
typedef struct web_gate {
    int listen_fd, stop_fd;
    unsigned max, open; /* connections */
    bool is_stopping;
    pthread_mutex_t lock;
    pthread_cond_t free_place;
    pthread_t thread;
    /* owns fd; web_gate_opened is called in it */
    void (*on_connection)(void *user, int fd, const struct sockaddr *from, socklen_t from_len);
    void *user;
} web_gate_t;
err_t web_gate_start(web_gate_t *gate);
void web_gate_opened(web_gate_t *gate);
void web_gate_closed(web_gate_t *gate);
/* Accepts no more; closes the listening socket. */
void web_gate_stop(web_gate_t *gate);

struct web_app {
    web_config_t config;
    struct MHD_Daemon *daemon;
    web_gate_t gate;
    arena_t arena; /* policies and the like */
    slice_t csp[WEB_CSP_COUNT];
    web_pool_t pool;
    web_metrics_t metrics;
    _Atomic unsigned running;
    _Atomic bool stopping;
};

/* app.c: an app without a server (tests, fuzzers); ended by web_app_stop. */
err_t web_app_make(const web_config_t *config, web_app_t **ret_app);

/* route.c */
typedef struct web_match {
    const web_route_t *route; /* NULL: none */
    unsigned allow;           /* methods of the rows whose pattern fits */
} web_match_t;
/* params: room for WEB_PARAMS_MAX. */
web_match_t web_route_find(const web_config_t *config, uint8_t site, slice_t path, unsigned method,
                           web_pair_t *ret_params, size_t *ret_n);
size_t web_route_body_max(const web_route_t *route);
void web_methods_put(buf_t *out, unsigned methods);

/* parse.c: pure decoding, no server in it; each is fuzzed. */
/* Name=value pairs of Cookie header values; odd parts are skipped. Fills at most max. */
void web_cookies_parse(slice_t header, web_pair_t *pairs, size_t max, size_t *io_n);
err_t web_query_parse(arena_t *a, slice_t query, web_pairs_t *ret_pairs);
/* Form body by content type into req->form and req->files. */
web_fault_t web_body_parse(web_req_t *req, slice_t content_type);
/* "Text/HTML; charset=x" -> "text/html". */
err_t web_type_bare(arena_t *a, slice_t header, slice_t *ret_type);
bool web_is_token(slice_t s);
bool web_header_value_ok(slice_t s);

/* check.c */
/* Law 5 on path and query; on fields, files, JSON and raw bodies. */
web_fault_t web_card_check_target(const web_req_t *req);
web_fault_t web_card_check_body(const web_req_t *req);
/* Token, Origin, Sec-Fetch-Site. */
web_fault_t web_csrf_check(const web_req_t *req);

/* res.c */
void web_res_init(web_res_t *res, web_req_t *req);
void web_res_clear(web_res_t *res); /* all but the memory; drops headers */
void web_res_give_back(web_res_t *res);
/* Set-Cookie of ours. http_only etc. as in web_cookie. */
err_t web_set_cookie(web_res_t *res, slice_t name, slice_t value, int32_t max_age_s);
void web_pool_deinit(web_pool_t *pool);

/* csp.c */
err_t web_csp_build(web_app_t *app);
/* Calls put for each header that every response has. */
typedef void (*web_put_header_fn)(void *to, const char *name, const char *value);
void web_security_headers(const web_req_t *req, const web_res_t *res, web_put_header_fn put,
                          void *to);

/* error.c */
void web_error_answer(web_req_t *req, const web_fault_t *fault, web_res_t *res);

/* serve.c: a request's walk, without a server. One turn a request:
 *   web_turn_new, web_turn_begin (headers are there), web_turn_body for each piece, web_turn_finish
 *   (res is complete), web_turn_free when it has been sent. */
typedef struct web_turn {
    web_app_t *app;
    arena_t arena, body_arena;
    web_req_t req;
    web_res_t res;
    web_fault_t fault;
    slice_t type_raw;    /* Content-Type as sent */
    slice_t redirect_to; /* answered by the floor: language switch, trailing slash */
    int redirect_status;
    i18n_lang_t switch_to;
    bool is_switch;
    bool begun;   /* headers were taken */
    bool is_long; /* the target does not fit */
    buf_t body;
    size_t body_max;    /* 0 once refused: the rest is swallowed */
    uint64_t swallowed; /* bytes */
    int64_t started_us; /* monotonic */
    unsigned allow;     /* for 405 */
} web_turn_t;

/* target: as sent, copied. NULL without memory. */
web_turn_t *web_turn_new(web_app_t *app, slice_t target);
/* headers: names in any case; borrowed, must live as long as the turn. content_length: -1 unknown.
 * False: do not even read the body, finish and answer now. */
bool web_turn_begin(web_turn_t *turn, slice_t method, const web_pair_t *headers, size_t n,
                    int64_t content_length);
/* False: too much or too late, close the connection. */
bool web_turn_body(web_turn_t *turn, slice_t piece);
void web_turn_finish(web_turn_t *turn);
void web_turn_free(web_turn_t *turn);

/* session.c */
/* Finds the visitor's session by its cookie. DB failure: an error, never "nobody". */
err_t web_session_load(web_sessions_t *sessions, web_req_t *req);
/* Writes changed keys; called after the handler and before the answer. */
err_t web_session_flush(web_req_t *req);
bool web_session_any(const web_req_t *req);
/* Adds Set-Cookie when the token changed; on whatever page goes out. */
void web_session_put_cookie(const web_req_t *req, web_res_t *res);
/* A token of the form against the session's, in constant time. */
bool web_csrf_ok(const web_req_t *req, slice_t token);

#endif
