/* The headers that every response carries, and the content policies by route. */
#include "web/priv.h"

/* Sources: CSP Level 3. form-action is also applied to the redirect that answers the form, so the
 * page that leads to a provider names the provider's origin. */
static const struct {
    const char *policy;
    bool providers; /* the enabled providers' origins follow form-action */
} POLICIES[WEB_CSP_COUNT] = {
    [WEB_CSP_PAGE] = {"default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; "
                      "base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
                      false},
    [WEB_CSP_HANDOFF] = {"default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; "
                         "base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
                         true},
    [WEB_CSP_SCRIPT] = {"default-src 'none'; script-src 'self'; connect-src 'self'; "
                        "style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; "
                        "frame-ancestors 'none'; form-action 'self'",
                        false},
    [WEB_CSP_FRAMER] = {"default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; "
                        "frame-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
                        "form-action 'self'",
                        false},
    /* mail bodies: markup of ours with inline style, shown without any right but that a person may
       follow a link */
    [WEB_CSP_FRAMED] = {"sandbox allow-popups allow-popups-to-escape-sandbox "
                        "allow-top-navigation-by-user-activation; default-src 'none'; style-src "
                        "'unsafe-inline'; img-src 'self'; "
                        "base-uri 'none'; frame-ancestors 'self'; form-action 'none'",
                        false},
    [WEB_CSP_DATA] = {"default-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
                      "form-action 'none'",
                      false},
};

static bool origin_ok(slice_t origin)
{
    if (!slice_starts(origin, SLICE("https://")) && !slice_starts(origin, SLICE("http://"))) {
        return false;
    }
    size_t slashes = 0;
    for (size_t i = 0; i < origin.len; i++) {
        uint8_t c = origin.ptr[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == ':' ||
                    c == '-' || c == '/';
        slashes += c == '/';
        if (!fits) {
            return false;
        }
    }
    return slashes == 2 && !slice_ends(origin, SLICE("/"));
}

err_t web_csp_build(web_app_t *app)
{
    const web_config_t *config = &app->config;
    for (size_t i = 0; i < config->n_handoff_origins; i++) {
        ENSURE(origin_ok(config->handoff_origins[i]), ERR_CONFIG);
    }
    for (size_t p = 0; p < WEB_CSP_COUNT; p++) {
        buf_t out;
        TRY(arena_buf(&app->arena, 2048, &out));
        buf_cstr(&out, POLICIES[p].policy);
        for (size_t i = 0; POLICIES[p].providers && i < config->n_handoff_origins; i++) {
            buf_u8(&out, ' ');
            buf_put(&out, config->handoff_origins[i]);
        }
        buf_u8(&out, 0);
        TRY(buf_check(&out));
        app->csp[p] = buf_slice(&out);
    }
    return OK;
}

/* no-store wherever somebody might be known; nothing is ever kept by accident. */
static void put_cache(const web_req_t *req, const web_res_t *res, web_put_header_fn put, void *to)
{
    bool plain = !web_session_any(req) && req->method == WEB_GET &&
                 (!req->route || !req->route->roles) && res->status < 400;
    for (size_t i = 0; i < res->n_headers; i++) {
        plain = plain && !slice_eq_nocase(res->headers[i].name, SLICE("Set-Cookie"));
    }
    char mem[48];
    buf_t value = BUF_ON_ARRAY(mem);
    if (!plain) {
        buf_cstr(&value, "no-store");
    } else if (res->public_s >= 0) {
        buf_cstr(&value, "public, max-age=");
        buf_dec(&value, res->public_s);
    } else {
        buf_cstr(&value, "private, no-cache");
    }
    buf_u8(&value, 0);
    put(to, "Cache-Control", mem);
    put(to, "Vary", "Cookie, Accept-Language");
}

void web_security_headers(const web_req_t *req, const web_res_t *res, web_put_header_fn put,
                          void *to)
{
    web_csp_t csp = req->route ? req->route->csp : WEB_CSP_PAGE;
    put(to, "Content-Security-Policy", (const char *)req->app->csp[csp].ptr);
    put(to, "X-Content-Type-Options", "nosniff");
    put(to, "X-Frame-Options", csp == WEB_CSP_FRAMED ? "SAMEORIGIN" : "DENY");
    /* same-origin, not no-referrer: that would make browsers send "Origin: null" with forms */
    put(to, "Referrer-Policy", "same-origin");
    put(to, "Cross-Origin-Opener-Policy", "same-origin");
    put(to, "Cross-Origin-Resource-Policy", "same-origin");
    put(to, "Permissions-Policy",
        "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), "
        "serial=(), usb=()");
    if (req->app->config.tls) {
        put(to, "Strict-Transport-Security", "max-age=31536000");
    }
    put_cache(req, res, put, to);
}
