/* The route table: its rules, its search, its printing. */
#include "web/priv.h"

size_t web_route_body_max(const web_route_t *route)
{
    return route->max_body_bytes ? route->max_body_bytes : (size_t)WEB_FORM_BYTES;
}

static bool name_ok(const char *name)
{
    slice_t s = slice_cstr_in(name);
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
              c == '-')) {
            return false;
        }
    }
    return s.len > 0 && s.len <= 48;
}

/* "/", or parts: literal ones of path characters, ":name" and a last "*name" of [a-z_]. */
static bool pattern_ok(const char *pattern)
{
    slice_t rest = slice_cstr_in(pattern), part;
    if (!rest.len || rest.ptr[0] != '/') {
        return false;
    }
    rest = slice_from(rest, 1);
    size_t names = 0;
    bool last = false, root = rest.len == 0;
    while (!root && slice_split(&rest, '/', &part)) {
        if (last || !part.len) {
            return false;
        }
        bool is_name = part.ptr[0] == ':' || part.ptr[0] == '*';
        last = part.ptr[0] == '*';
        if (is_name && (part.len == 1 || ++names > WEB_PARAMS_MAX)) {
            return false;
        }
        for (size_t i = is_name; i < part.len; i++) {
            uint8_t c = part.ptr[i];
            bool lower = (c >= 'a' && c <= 'z') || c == '_';
            bool more = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
            if (!lower && (is_name || !more)) {
                return false;
            }
        }
    }
    return true;
}

/* Flags that fit together; the reasons stand beside each. */
static bool flags_ok(const web_route_t *r)
{
    unsigned f = r->flags;
    bool bare = (f & WEB_NO_SESSION) != 0;
    /* a reveal answers to somebody: a customer, a guest with a code, staff */
    bool reveal = !(f & WEB_REVEALS) || !bare;
    /* without a token, a request must not act with the visitor's authority */
    bool exempt = !(f & WEB_CSRF_EXEMPT) || bare;
    bool post = !(r->methods & ~(unsigned)WEB_GET) || !bare || (f & WEB_CSRF_EXEMPT);
    bool own = !(f & WEB_CARD_CHECK_OWN) || (bare && (f & WEB_RAW_BODY));
    bool body = !((f & WEB_RAW_BODY) && (f & WEB_JSON_BODY));
    /* a raw body has no token field */
    bool raw = !(f & WEB_RAW_BODY) || bare;
    bool roles = !r->roles || !bare;
    return reveal && exempt && post && own && body && raw && roles;
}

static bool row_ok(const web_route_t *r)
{
    const unsigned known = WEB_GET | WEB_POST | WEB_PUT | WEB_DELETE;
    return r->handler && r->name && r->pattern && r->methods && !(r->methods & ~known) &&
           (unsigned)r->csp < WEB_CSP_COUNT && r->site < WEB_SITES_MAX &&
           r->max_body_bytes <= WEB_UPLOAD_BYTES && name_ok(r->name) && pattern_ok(r->pattern) &&
           flags_ok(r);
}

err_t web_routes_check(const web_route_t *routes, size_t n, size_t *ret_row)
{
    for (size_t i = 0; i < n; i++) {
        bool ok = row_ok(&routes[i]);
        for (size_t j = 0; ok && j < i; j++) {
            bool same_name = !strcmp(routes[i].name, routes[j].name);
            bool same_place = routes[i].site == routes[j].site &&
                              !strcmp(routes[i].pattern, routes[j].pattern) &&
                              (routes[i].methods & routes[j].methods);
            ok = !same_name && !same_place;
        }
        if (!ok) {
            *ret_row = i;
            return FAIL(ERR_CONFIG);
        }
    }
    return OK;
}

/* Whether the path fits; *ret_score prefers literal parts, leftmost first, over names over rests.
 */
static bool pattern_fits(const char *pattern, slice_t path, web_pair_t *params, size_t *ret_n,
                         uint64_t *ret_score)
{
    slice_t want = slice_from(slice_cstr_in(pattern), 1), have = slice_from(path, 1);
    slice_t w, h;
    uint64_t score = 0;
    size_t n = 0;
    bool is_rest = false;
    while (slice_split(&want, '/', &w)) {
        slice_t whole = have;
        if (!slice_split(&have, '/', &h)) {
            return false;
        }
        uint8_t kind = w.len ? w.ptr[0] : 0;
        score <<= 2;
        if (kind == '*') {
            if (!whole.len) {
                return false;
            }
            params[n++] = (web_pair_t){slice_from(w, 1), whole};
            is_rest = true;
            continue;
        }
        if (kind == ':') {
            if (!h.len) {
                return false;
            }
            params[n++] = (web_pair_t){slice_from(w, 1), h};
            score |= 1;
            continue;
        }
        if (!slice_eq(w, h)) {
            return false;
        }
        score |= 2;
    }
    if (!is_rest && slice_split(&have, '/', &h)) {
        return false;
    }
    *ret_n = n;
    *ret_score = score;
    return true;
}

web_match_t web_route_find(const web_config_t *config, uint8_t site, slice_t path, unsigned method,
                           web_pair_t *ret_params, size_t *ret_n)
{
    web_match_t best = {0};
    web_pair_t params[WEB_PARAMS_MAX];
    uint64_t best_score = 0;
    *ret_n = 0;
    for (size_t i = 0; i < config->n_routes; i++) {
        const web_route_t *r = &config->routes[i];
        size_t n = 0;
        uint64_t score = 0;
        if (r->site != site || !pattern_fits(r->pattern, path, params, &n, &score)) {
            continue;
        }
        best.allow |= r->methods;
        if ((r->methods & method) && (!best.route || score > best_score)) {
            best.route = r;
            best_score = score;
            memcpy(ret_params, params, n * sizeof params[0]);
            *ret_n = n;
        }
    }
    return best;
}

static const struct {
    unsigned bit;
    const char *text;
} METHODS[] = {{WEB_GET, "GET"}, {WEB_POST, "POST"}, {WEB_PUT, "PUT"}, {WEB_DELETE, "DELETE"}};

void web_methods_put(buf_t *out, unsigned methods)
{
    const char *between = "";
    for (size_t i = 0; i < BASE_COUNT(METHODS); i++) {
        if (methods & METHODS[i].bit) {
            buf_cstr(out, between);
            buf_cstr(out, METHODS[i].text);
            between = ", ";
            if (METHODS[i].bit == WEB_GET) {
                buf_cstr(out, ", HEAD");
            }
        }
    }
}

void web_routes_print(const web_route_t *routes, size_t n, buf_t *out)
{
    static const char *const CSP[WEB_CSP_COUNT] = {"page",   "handoff", "script",
                                                   "framer", "framed",  "data"};
    static const struct {
        unsigned bit;
        const char *text;
    } FLAGS[] = {{WEB_REVEALS, "reveals "},
                 {WEB_NO_SESSION, "no-session "},
                 {WEB_CSRF_EXEMPT, "csrf-exempt "},
                 {WEB_RAW_BODY, "raw-body "},
                 {WEB_JSON_BODY, "json "},
                 {WEB_HANDOFF, "hand-off "},
                 {WEB_CARD_CHECK_OWN, "own-card-check "}};
    buf_cstr(out, "| site | methods | pattern | name | policy | roles | marks | body bytes |\n"
                  "|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < n; i++) {
        const web_route_t *r = &routes[i];
        buf_cstr(out, "| ");
        buf_dec(out, r->site);
        buf_cstr(out, " | ");
        web_methods_put(out, r->methods);
        buf_cstr(out, " | `");
        buf_cstr(out, r->pattern);
        buf_cstr(out, "` | ");
        buf_cstr(out, r->name);
        buf_cstr(out, " | ");
        buf_cstr(out, CSP[r->csp]);
        buf_cstr(out, " | ");
        buf_dec(out, r->roles);
        buf_cstr(out, " | ");
        for (size_t f = 0; f < BASE_COUNT(FLAGS); f++) {
            buf_cstr(out, r->flags & FLAGS[f].bit ? FLAGS[f].text : "");
        }
        buf_cstr(out, "| ");
        buf_dec(out, (int64_t)web_route_body_max(r));
        buf_cstr(out, " |\n");
    }
}
