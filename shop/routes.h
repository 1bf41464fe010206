/* The shop's routes: one const table, the only truth of them (law 8). */
#ifndef SHOP_ROUTES_H
#define SHOP_ROUTES_H

#include "web/web.h"

extern const web_route_t SHOP_ROUTES[];
extern const size_t SHOP_ROUTES_COUNT;

/* The error pages in the agency's look. */
err_t routes_error(void *room, web_req_t *req, const web_error_t *error, web_res_t *res);

#endif
