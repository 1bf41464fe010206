/* paysim's further wires: routes of their APIs, and what they share with KOMOJU's in main.c. */
#ifndef PAYSIM_WIRES_H
#define PAYSIM_WIRES_H

#include "sim.h"
#include "web/web.h"

/* Mood and key of an API call: UNAVAILABLE while away; AUTH. */
err_t sim_api_begin(sim_t *sim, const web_req_t *req, sim_wire_t wire);
/* After the work, before the answer: slow, lost, or overtaken by the notification. */
err_t sim_api_end(sim_t *sim, const sim_session_t *made);
bool sim_back_is_shop(slice_t url);

err_t stripe_create(void *room, web_req_t *req, web_res_t *res);
err_t stripe_get(void *room, web_req_t *req, web_res_t *res);
err_t stripe_expire(void *room, web_req_t *req, web_res_t *res);
err_t stripe_list(void *room, web_req_t *req, web_res_t *res);
err_t stripe_refund(void *room, web_req_t *req, web_res_t *res);
/* The customer's browser brings the signed form. */
err_t sbps_buy(void *room, web_req_t *req, web_res_t *res);
err_t sbps_xml(void *room, web_req_t *req, web_res_t *res);
/* control.c */
err_t sim_control(void *room, web_req_t *req, web_res_t *res);
err_t sim_control_state(void *room, web_req_t *req, web_res_t *res);
/* Loads the charset tables, before the sandbox. */
err_t sbps_sim_open(void);

#endif
