/* The table. R = may reveal personal data (law 4); H = its form leads, by 303, to the provider. */
#include "routes.h"
#include "handlers.h"
#include "page.h"

#define GET_POST (WEB_GET | WEB_POST)
#define R WEB_REVEALS
#define H WEB_HANDOFF
#define NO_SESSION WEB_NO_SESSION

#define ROUTE(methods_, pattern_, name_, handler_, csp_, flags_)                                   \
    {                                                                                              \
        .methods = (methods_), .pattern = (pattern_), .name = (name_), .handler = (handler_),      \
        .csp = (csp_), .flags = (flags_)                                                           \
    }

/* clang-format off */
const web_route_t SHOP_ROUTES[] = {
    ROUTE(WEB_GET,  "/",                        "home",        handle_home,        WEB_CSP_PAGE,    0),
    ROUTE(WEB_GET,  "/tours",                   "tours",       handle_tours,       WEB_CSP_PAGE,    0),
    ROUTE(WEB_GET,  "/tours/:slug",             "tour",        handle_tour,        WEB_CSP_PAGE,    0),
    ROUTE(WEB_GET,  "/departures/:id",          "departure",   handle_departure,   WEB_CSP_PAGE,    0),
    ROUTE(WEB_POST, "/departures/:id/hold",     "hold",        handle_hold,        WEB_CSP_PAGE,    0),
    ROUTE(GET_POST, "/bookings/:id/travellers", "travellers",  handle_travellers,  WEB_CSP_PAGE,    R),
    ROUTE(GET_POST, "/bookings/:id/confirm",    "confirm",     handle_confirm,     WEB_CSP_HANDOFF, R | H),
    ROUTE(GET_POST, "/bookings/:id/pay",        "pay",         handle_pay,         WEB_CSP_HANDOFF, H),
    ROUTE(GET_POST, "/pay/return/:token",       "pay-return",  handle_return,      WEB_CSP_PAGE,    NO_SESSION | WEB_CSRF_EXEMPT),
    ROUTE(WEB_GET,  "/bookings/:id",            "booking",     handle_booking,     WEB_CSP_PAGE,    R),
    ROUTE(WEB_GET,  "/bookings/:id/papers/:kind", "paper",     handle_paper,       WEB_CSP_PAGE,    R),
    ROUTE(GET_POST, "/bookings/:id/cancel",     "cancel",      handle_cancel,      WEB_CSP_PAGE,    R),
    ROUTE(GET_POST, "/lookup",                  "lookup",      handle_lookup,      WEB_CSP_PAGE,    0),
    ROUTE(WEB_GET,  "/my",                      "my",          handle_my,          WEB_CSP_PAGE,    0),
    ROUTE(GET_POST, "/login",                   "login",       handle_login,       WEB_CSP_PAGE,    0),
    ROUTE(GET_POST, "/register",                "register",    handle_register,    WEB_CSP_PAGE,    0),
    ROUTE(WEB_POST, "/logout",                  "logout",      handle_logout,      WEB_CSP_PAGE,    0),
    ROUTE(WEB_GET,  "/notices",                 "notices",     handle_notices,     WEB_CSP_PAGE,    0),
    ROUTE(WEB_GET,  "/notices/:id",             "notice",      handle_notice,      WEB_CSP_PAGE,    0),
    ROUTE(WEB_GET,  "/offices",                 "offices",     handle_offices,     WEB_CSP_PAGE,    0),
    ROUTE(WEB_GET,  "/conditions",              "conditions",  handle_conditions,  WEB_CSP_PAGE,    0),
    ROUTE(WEB_GET,  "/terms",                   "terms",       handle_terms,       WEB_CSP_PAGE,    0),
    ROUTE(WEB_GET,  "/privacy",                 "privacy",     handle_privacy,     WEB_CSP_PAGE,    0),
    ROUTE(WEB_GET,  "/company",                 "company",     handle_company,     WEB_CSP_PAGE,    0),
    ROUTE(WEB_GET,  "/health",                  "health",      handle_health,      WEB_CSP_PAGE,    NO_SESSION),
};
/* clang-format on */
const size_t SHOP_ROUTES_COUNT = BASE_COUNT(SHOP_ROUTES);

err_t routes_error(void *room, web_req_t *req, const web_error_t *error, web_res_t *res)
{
    shop_t *shop = room;
    if (err_is(error->err, ERR_CARD_DATA)) {
        struct tpl_card_refused_args c = {.id = req->id_text};
        TRY(web_header(res, SLICE(WEB_HEADER_KEEP), SLICE("card")));
        TRY(page_fill(shop, req, "", &c.page));
        tpl_card_refused(web_html(res, error->status), page_lang(req), &c);
        return OK;
    }
    struct tpl_error_args p = {.status = error->status,
                               .title = web_error_title(req->lang, error->why),
                               .text = web_error_text(req->lang, error->why),
                               .id = req->id_text};
    TRY(page_fill(shop, req, "", &p.page));
    tpl_error(web_html(res, error->status), page_lang(req), &p);
    return OK;
}
