/* The HTTP server floor of shopd, payd and officed: a route table, decoded requests, typed
 * responses. Stands behind nginx on a unix socket; one thread a connection, so that a handler may
 * block on another room (always with a bound). It knows no room's tables and no template; it holds
 * nothing after the response but counters and the session cache. See README.md for a request's
 * walk. */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "base/arena.h"
#include "base/id.h"
#include "tmpl/i18n.h"

enum {
    WEB_ARENA_BYTES = 2048 * 1024,      /* a request's arena (a paper's PDF lies in it) */
    WEB_BODY_BYTES = 512 * 1024,        /* a response's body */
    WEB_FORM_BYTES = 64 * 1024,         /* request body when a route names no max_body_bytes */
    WEB_UPLOAD_BYTES = 8 * 1024 * 1024, /* the most that a route may name */
    WEB_TARGET_BYTES = 4096,            /* request target */
    WEB_HEADERS_MAX = 64,               /* request header lines */
    WEB_HEADERS_BYTES = 16 * 1024,      /* names and values of all of them */
    WEB_FIELDS_MAX = 512,               /* query and form fields, each */
    WEB_FILES_MAX = 16,                 /* uploaded files */
    WEB_COOKIES_MAX = 32,
    WEB_PARAMS_MAX = 6, /* ":name" parts of one pattern */
    WEB_SITES_MAX = 4,  /* hosts that one room serves */
    WEB_CONNECTIONS_MAX = 128,
};

/* Headers that nginx sets (any the client sent is dropped there; behind nothing they are taken as
 * they come, which only tests do). */
#define WEB_HEADER_ID "X-Sekisho-Id"         /* 32 letters, law 7 */
#define WEB_HEADER_CLIENT "X-Sekisho-Client" /* the client's address, text */
/* To the guard, which removes it: keep this request as sealed evidence ("login", "lookup", "card").
 */
#define WEB_HEADER_KEEP "X-Sekisho-Keep"

/* Bits: a route may take several. A GET route answers HEAD too. */
typedef enum web_method {
    WEB_GET = 1,
    WEB_POST = 2,
    WEB_PUT = 4,
    WEB_DELETE = 8,
} web_method_t;

typedef enum web_csp {
    WEB_CSP_PAGE = 0, /* own style, images, fonts; own form targets; no script */
    WEB_CSP_HANDOFF,  /* page whose form leads (by 303) to a provider: + the enabled origins */
    WEB_CSP_SCRIPT,   /* + external own-origin script and fetch: passkeys, proof of work */
    WEB_CSP_FRAMER,   /* + frames of the own origin (the mail catcher's list) */
    WEB_CSP_FRAMED,   /* what such a frame shows: sandboxed, inline style, own-origin images */
    WEB_CSP_DATA,     /* nothing at all: JSON, text, files */
    WEB_CSP_COUNT
} web_csp_t;

typedef enum web_flag {
    WEB_REVEALS = 1 << 0,        /* law 4: the only routes that may ask the vault for a reveal */
    WEB_NO_SESSION = 1 << 1,     /* reads no session, can make none */
    WEB_CSRF_EXEMPT = 1 << 2,    /* POST without token; only together with WEB_NO_SESSION */
    WEB_RAW_BODY = 1 << 3,       /* body is not parsed: req->body only */
    WEB_JSON_BODY = 1 << 4,      /* takes application/json only, checked for syntax and cards: read
                                    req->body with json_get (text/json.h) */
    WEB_HANDOFF = 1 << 5,        /* may web_redirect() to an enabled provider's origin */
    WEB_CARD_CHECK_OWN = 1 << 6, /* payd's notifications: its own check on named fields, after the
                                    MAC; only with WEB_NO_SESSION and WEB_RAW_BODY */
} web_flag_t;

typedef struct web_req web_req_t;
typedef struct web_res web_res_t;
typedef struct web_app web_app_t;
typedef struct web_sessions web_sessions_t; /* session.h */

/* Fills res; a failure becomes the error page with err_http(code). */
typedef err_t (*web_handler_t)(void *room, web_req_t *req, web_res_t *res);

/* One row of a room's route table (law 8: the one truth of its routes). */
typedef struct web_route {
    unsigned methods;      /* web_method_t bits */
    const char *pattern;   /* "/tours/:slug"; a last part "*rest" takes the remaining path */
    const char *name;      /* unique; [a-z0-9._-]; in metrics and logs, where no path ever stands */
    web_handler_t handler; /* */
    web_csp_t csp;
    unsigned flags;        /* web_flag_t bits */
    uint32_t roles;        /* 0 = anyone; else the session needs one of these bits */
    uint8_t site;          /* index of the host it is served on (web_config_t.hosts) */
    size_t max_body_bytes; /* 0 = WEB_FORM_BYTES */
} web_route_t;

/* A table against the rules (unique names and patterns, flags that fit together, reveals never
 * without a session, exemption from CSRF never with one). CONFIG names the first bad row in
 * *ret_row. web_app_start asks too; rooms ask in a unit test. */
err_t web_routes_check(const web_route_t *routes, size_t n, size_t *ret_row);
/* The table as a Markdown table, for documents. */
void web_routes_print(const web_route_t *routes, size_t n, buf_t *out);

typedef struct web_pair {
    slice_t name, value;
} web_pair_t;

typedef struct web_pairs {
    const web_pair_t *at;
    size_t n;
} web_pairs_t;

typedef struct web_file {
    slice_t name, filename, type, bytes; /* filename: as sent, UTF-8, for showing only */
} web_file_t;

typedef struct web_session_ref web_session_ref_t; /* private to session.c */

/* One request, decoded once. All slices live in its arena until the response has gone. */
struct web_req {
    const web_app_t *app;
    const web_route_t *route; /* NULL before routing (error pages of 400, 404) */
    web_method_t method;
    bool is_head;
    uint8_t site;
    i18n_lang_t lang;
    id128_t id;                                /* the request's id, never zero */
    slice_t id_text;                           /* the same, 32 letters */
    slice_t client;                            /* client's address as nginx saw it; may be empty */
    slice_t host;                              /* Host header, lower case, with port */
    slice_t path;                              /* decoded, normalised, UTF-8 */
    slice_t target;                            /* as sent: path and query, printable ASCII */
    web_pairs_t params;                        /* of the pattern */
    web_pairs_t query, form, headers, cookies; /* header names lower case */
    const web_file_t *files;
    size_t n_files;
    slice_t content_type; /* lower case, without parameters */
    slice_t body;         /* raw bytes */
    arena_t *arena;
    int64_t now_us;             /* wall clock at the request's start */
    web_session_ref_t *session; /* use session.h */
};

/* Value of the first pair of that name, empty when there is none. */
slice_t web_pairs_get(web_pairs_t pairs, const char *name);
bool web_pairs_has(web_pairs_t pairs, const char *name);
slice_t web_req_param(const web_req_t *req, const char *name);
slice_t web_req_query(const web_req_t *req, const char *name);
slice_t web_req_form(const web_req_t *req, const char *name);
slice_t web_req_header(const web_req_t *req, const char *lower_case_name);
slice_t web_req_cookie(const web_req_t *req, const char *name);
/* Law 4: a vault client call for a reveal stands behind this. DENIED unless the route is marked. */
err_t web_req_may_reveal(const web_req_t *req);
/* The same address in another language: "<path>?<query>&lang=en", for the page's language switch
 * (answered by the floor with a cookie and a 303 back). */
err_t web_req_lang_url(const web_req_t *req, i18n_lang_t lang, slice_t *ret_url);
/* "http://shop.localhost:8080", from the configured scheme and the request's Host. */
err_t web_req_origin(const web_req_t *req, slice_t *ret_origin);

/* A response. Made with status 200 and nothing else; the last body call wins. */
struct web_res {
    int status;
    slice_t content_type;
    buf_t body;       /* cap WEB_BODY_BYTES; overflow = error page */
    slice_t borrowed; /* instead of body: bytes of the request's arena or constants */
    web_pair_t headers[24];
    size_t n_headers;
    int32_t public_s; /* -1 = not cacheable */
    bool is_set;      /* a handler must give an answer */
    uint8_t *pool;    /* body's memory, the app's */
    web_req_t *req;
};

/* Each sets status and type and returns the emptied body to write into. */
buf_t *web_html(web_res_t *res, int status);
buf_t *web_json(web_res_t *res, int status);
/* UTF-8 text. */
buf_t *web_text(web_res_t *res, int status);
/* Bytes of any type, borrowed: they must live in req->arena or for ever. */
void web_bytes(web_res_t *res, int status, slice_t content_type, slice_t bytes);
void web_empty(web_res_t *res, int status); /* 204, 304 */
/* 303 (after POST), 302, 307 or 308. url: "/path..." of this host; an absolute one only from a
 * WEB_HANDOFF route and only to an enabled provider's origin (DENIED else: no open redirects). */
err_t web_redirect(web_res_t *res, int status, slice_t url);
/* Whether url is "/path..." of this host and nothing that a browser could read as another one: for
 * ?next= and the like. */
bool web_local_url_ok(slice_t url);
/* Adds a header. SYNTAX when the name is no token or the value is empty or has CR, LF, NUL, other
 * controls; DENIED for names that the floor writes itself; LIMIT when there are too many. */
err_t web_header(web_res_t *res, slice_t name, slice_t value);
/* Content-Disposition: attachment with an UTF-8 name (RFC 6266, RFC 8187). */
err_t web_attachment(web_res_t *res, slice_t filename);
/* A cookie of the room's own (HttpOnly, SameSite=Lax, Path=/, Secure under TLS); max_age_s 0 = for
 * the browser's session, < 0 = delete. Name a token, value letters, digits, "-_.". */
err_t web_cookie(web_res_t *res, slice_t name, slice_t value, int32_t max_age_s);
/* Lets shared caches keep a page for so many seconds. Ignored once the request has a session. */
void web_public(web_res_t *res, int32_t seconds);

/* Why an error page is shown: finer than the code, for a calm text. */
typedef enum web_why {
    WEB_WHY_INTERNAL,    /* 500 and whatever has no text of its own */
    WEB_WHY_BAD_REQUEST, /* 400 */
    WEB_WHY_LOGIN,       /* 401 */
    WEB_WHY_DENIED,      /* 403 */
    WEB_WHY_CSRF,        /* 403: the form has grown old, or came from another site */
    WEB_WHY_NOT_FOUND,   /* 404 */
    WEB_WHY_METHOD,      /* 405 */
    WEB_WHY_CONFLICT,    /* 409 */
    WEB_WHY_FULL,        /* 409: no places left */
    WEB_WHY_EXPIRED,     /* 410 */
    WEB_WHY_TOO_LARGE,   /* 413 */
    WEB_WHY_MEDIA_TYPE,  /* 415 */
    WEB_WHY_CARD_DATA,   /* 422: law 5; nothing was kept */
    WEB_WHY_TOO_MANY,    /* 429 */
    WEB_WHY_UPSTREAM,    /* 502 */
    WEB_WHY_UNAVAILABLE, /* 503 */
    WEB_WHY_STOPPED,     /* 503: stopped by decision */
    WEB_WHY_COUNT
} web_why_t;

typedef struct web_error {
    err_t err;
    int status;
    web_why_t why;
} web_error_t;

/* The texts of an error page, in the visitor's language. Never empty. */
slice_t web_error_title(i18n_lang_t lang, web_why_t why);
slice_t web_error_text(i18n_lang_t lang, web_why_t why);

/* Renders an error in the agency's look; shows req->id_text. req->route and the session may be
 * missing. It must not fail for the same reason again; when it fails, a plain page goes out. */
typedef err_t (*web_error_fn)(void *room, web_req_t *req, const web_error_t *error, web_res_t *res);

/* After each answer, for the room's one log line. No path, field or address in it. */
typedef struct web_done {
    id128_t id;
    const char *route; /* name, or "-" */
    int status;
    err_t err;
    int64_t took_us;
} web_done_t;
typedef void (*web_done_fn)(void *room, const web_done_t *done);

typedef struct web_host {
    slice_t name; /* "desk.localhost", lower case, without port */
    uint8_t site;
} web_host_t;

typedef struct web_config {
    int listen_fd; /* listening stream socket (unix; TCP loopback works too); taken over by a
                      successful start */
    void *room;    /* handed to handlers and callbacks */
    const web_route_t *routes;
    size_t n_routes;
    const web_host_t *hosts; /* none: every host is site 0; an unknown host is site 0 */
    size_t n_hosts;
    const slice_t *handoff_origins; /* enabled providers: "https://komoju.com" */
    size_t n_handoff_origins;
    bool tls;                 /* the outside is https: Secure cookies, HSTS */
    web_sessions_t *sessions; /* NULL: none */
    slice_t
        login_path[WEB_SITES_MAX]; /* GET that lacks the role goes there with ?next=; empty: 401 */
    web_error_fn render_error;     /* NULL: the plain page */
    web_done_fn on_done;           /* NULL: nobody is told; web_done_log (below) is usual */
    unsigned connections_max;      /* 0 = WEB_CONNECTIONS_MAX */
    unsigned idle_s;               /* 0 = 75, longer than nginx's keep-alive */
    unsigned upload_s;             /* 0 = 30: a body must have come by then */
} web_config_t;

/* Starts serving; the configuration and all it points to must outlive the app. CONFIG for a bad
 * table, IO when no thread or socket can be had. */
err_t web_app_start(const web_config_t *config, web_app_t **ret_app);
/* Takes no more connections, lets running requests finish (at most drain_ms), closes. */
void web_app_stop(web_app_t *app, int drain_ms);
const web_config_t *web_app_config(const web_app_t *app);
/* Requests being answered now. */
unsigned web_app_running(const web_app_t *app);
/* Prometheus text: requests by route and status, seconds, running, refusals; prefix "sekisho_web",
 * label room="...". */
void web_app_metrics(const web_app_t *app, const char *room_name, buf_t *out);
/* One JSON log line through io/log: id, route, status, code, milliseconds. */
void web_done_log(void *room, const web_done_t *done);

#endif
