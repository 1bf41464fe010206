/* The handlers that routes.c names. Each is a web_handler_t; room is the shop_t. */
#ifndef SHOP_HANDLERS_H
#define SHOP_HANDLERS_H

#include "web/web.h"

/* page_tours.c: the catalogue */
err_t handle_home(void *room, web_req_t *req, web_res_t *res);
err_t handle_tours(void *room, web_req_t *req, web_res_t *res);
err_t handle_tour(void *room, web_req_t *req, web_res_t *res);
/* page_departure.c: seats */
err_t handle_departure(void *room, web_req_t *req, web_res_t *res);
err_t handle_hold(void *room, web_req_t *req, web_res_t *res);
/* page_travellers.c */
err_t handle_travellers(void *room, web_req_t *req, web_res_t *res);
/* page_confirm.c, page_pay.c: consent and the way to the provider */
err_t handle_confirm(void *room, web_req_t *req, web_res_t *res);
err_t handle_pay(void *room, web_req_t *req, web_res_t *res);
err_t handle_return(void *room, web_req_t *req, web_res_t *res);
/* page_booking.c */
err_t handle_booking(void *room, web_req_t *req, web_res_t *res);
err_t handle_lookup(void *room, web_req_t *req, web_res_t *res);
/* page_papers.c */
err_t handle_paper(void *room, web_req_t *req, web_res_t *res);
/* page_cancel.c */
err_t handle_cancel(void *room, web_req_t *req, web_res_t *res);
/* page_account.c */
err_t handle_my(void *room, web_req_t *req, web_res_t *res);
err_t handle_login(void *room, web_req_t *req, web_res_t *res);
err_t handle_register(void *room, web_req_t *req, web_res_t *res);
err_t handle_logout(void *room, web_req_t *req, web_res_t *res);
/* page_info.c */
err_t handle_notices(void *room, web_req_t *req, web_res_t *res);
err_t handle_notice(void *room, web_req_t *req, web_res_t *res);
err_t handle_offices(void *room, web_req_t *req, web_res_t *res);
err_t handle_terms(void *room, web_req_t *req, web_res_t *res);
err_t handle_privacy(void *room, web_req_t *req, web_res_t *res);
err_t handle_conditions(void *room, web_req_t *req, web_res_t *res);
err_t handle_company(void *room, web_req_t *req, web_res_t *res);
/* page_health.c */
err_t handle_health(void *room, web_req_t *req, web_res_t *res);

#endif
