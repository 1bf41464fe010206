/* The two looks at every request before its handler: card data (law 5) and forged forms (CSRF).
 * What they refuse is neither kept nor logged. */
#include "text/card.h"
#include "text/json.h"
#include "text/utf8.h"
#include "web/priv.h"

/* Scratch memory of a scan: text/card.h wants about 2 x CARD_MAX_LAYERS x length. */
static err_t scan(slice_t value)
{
    if (value.len < CARD_MIN_DIGITS) {
        return OK;
    }
    arena_t scratch;
    arena_init(&scratch, 256 * 1024 + value.len * 4 * CARD_MAX_LAYERS);
    err_t e = card_scan_encoded(&scratch, value, NULL);
    arena_deinit(&scratch);
    return e;
}

static err_t scan_pairs(web_pairs_t pairs)
{
    for (size_t i = 0; i < pairs.n; i++) {
        TRY(scan(pairs.at[i].name));
        TRY(scan(pairs.at[i].value));
    }
    return OK;
}

web_fault_t web_card_check_target(const web_req_t *req)
{
    TRY_FAULT(web_fault_of(scan(req->path)));
    return web_fault_of(scan_pairs(req->query));
}

static err_t scan_leaf(void *user, slice_t path, json_token_t leaf)
{
    bool has_text = leaf.kind == JSON_KEY || leaf.kind == JSON_STRING || leaf.kind == JSON_NUMBER;
    return has_text ? scan(leaf.text) : OK;
}

/* A file is judged by what it is, not by what it says it is: text is read, a picture is not. */
static err_t scan_files(const web_req_t *req)
{
    for (size_t i = 0; i < req->n_files; i++) {
        const web_file_t *f = &req->files[i];
        TRY(scan(f->name));
        TRY(scan(f->filename));
        if (utf8_valid(f->bytes)) {
            ENSURE(!card_scan(f->bytes, NULL), ERR_CARD_DATA);
        }
    }
    return OK;
}

static err_t scan_json(const web_req_t *req)
{
    arena_t scratch;
    arena_init(&scratch, 64 * 1024 + req->body.len * 8);
    err_t e = json_walk(req->body, &scratch, JSON_MAX_DEPTH, scan_leaf, NULL);
    arena_deinit(&scratch);
    return e;
}

web_fault_t web_card_check_body(const web_req_t *req)
{
    unsigned flags = req->route->flags;
    if (flags & WEB_CARD_CHECK_OWN) {
        return WEB_FINE;
    }
    if (flags & WEB_RAW_BODY) {
        return web_fault_of(scan(req->body));
    }
    if (flags & WEB_JSON_BODY) {
        return web_fault_of(req->body.len ? scan_json(req) : OK);
    }
    TRY_FAULT(web_fault_of(scan_pairs(req->form)));
    return web_fault_of(scan_files(req));
}

/* Browsers say where a form came from; when they do, it must be here. */
static bool came_from_here(const web_req_t *req)
{
    slice_t site = web_req_header(req, "sec-fetch-site");
    if (site.len && !slice_eq(site, SLICE("same-origin")) && !slice_eq(site, SLICE("none"))) {
        return false;
    }
    if (!web_pairs_has(req->headers, "origin")) {
        return true;
    }
    slice_t own;
    return !err_failed(web_req_origin(req, &own)) && slice_eq(web_req_header(req, "origin"), own);
}

web_fault_t web_csrf_check(const web_req_t *req)
{
    if (req->method == WEB_GET || (req->route->flags & WEB_CSRF_EXEMPT)) {
        return WEB_FINE;
    }
    slice_t token = req->route->flags & WEB_JSON_BODY ? web_req_header(req, "x-csrf-token")
                                                      : web_req_form(req, WEB_CSRF_FIELD);
    if (!came_from_here(req) || !web_csrf_ok(req, token)) {
        return web_fault(FAIL(ERR_DENIED), 403, WEB_WHY_CSRF);
    }
    return WEB_FINE;
}
