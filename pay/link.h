/* The page with one button that takes a customer to a provider of the link type (SBPS): the form is
 * signed, so payd shows it itself and no other room sees a key or a hash. */
#ifndef PAY_LINK_H
#define PAY_LINK_H

#include "web/web.h"

/* GET /pay/go/:token; room = inbox_t *. */
err_t link_handle(void *room, web_req_t *req, web_res_t *res);

#endif
