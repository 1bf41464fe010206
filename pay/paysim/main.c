/* paysim's pages, API and control calls. */
#include <curl/curl.h>

#include "sim.h"

#include <sodium.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/daemon.h"
#include "io/secrets.h"
#include "paysim_pages.h"
#include "text/b64.h"
#include "text/json.h"
#include "text/time.h"
#include "web/web.h"
#include "wires.h"

extern const unsigned char paysim_css[];
extern const size_t paysim_css_len;

enum { HOME_ROWS = 20, HANG_US = 20000000, FORM_LETTERS = 32 };

typedef struct paysim_conf {
    int64_t port, delay_s;
    char origin[64], shop_origin[64], notify_url[200], notify_host[100], hash_charset[20];
} paysim_conf_t;

static paysim_conf_t conf;

static const conf_field_t FIELDS[] = {
    CONF_INT_ROW(paysim_conf_t, port, "listen", "port", 1024, 65535, "8090",
                 "TCP port on 127.0.0.1"),
    CONF_TEXT_ROW(paysim_conf_t, origin, "listen", "origin", "http://psp.localhost:8090",
                  "address of its pages"),
    CONF_TEXT_ROW(paysim_conf_t, shop_origin, "shop", "origin", "http://shop.localhost:8080",
                  "where browsers are sent back to"),
    CONF_TEXT_ROW(paysim_conf_t, notify_url, "shop", "notify_url",
                  "http://127.0.0.1:8080/pay/notify/komoju", "where notifications go"),
    CONF_TEXT_ROW(paysim_conf_t, notify_host, "shop", "notify_host", "shop.localhost:8080",
                  "Host header for it"),
    CONF_TEXT_ROW(paysim_conf_t, hash_charset, "sbps", "hash_charset", "shift_jis",
                  "shift_jis or utf-8, as in pay.ini"),
    CONF_INT_ROW(paysim_conf_t, delay_s, "play", "delay_s", 0, 1000000, "20",
                 "seconds by which a delayed notification is late"),
};

static const daemon_spec_t SPEC = {
    .room = ROOM_PAYSIM, .conf = {FIELDS, BASE_COUNT(FIELDS)}, .inet = true, .max_threads = 512};

/* ---- API ---- */

/* The user is the key, or (SBPS) both numbers of the contract and the key the password. */
static err_t api_auth(const sim_t *sim, const web_req_t *req, sim_wire_t wire)
{
    uint8_t pair[SECRET_BYTES + 32], line[160];
    buf_t want = BUF_ON_ARRAY(line), plain = BUF_ON_ARRAY(pair);
    slice_t key = slice_make(sim->api_key[wire].b, SECRET_BYTES);
    ENSURE(sim->has_wire[wire], ERR_AUTH);
    if (wire == SIM_SBPS) {
        buf_cstr(&plain, "30132001:");
        buf_put(&plain, key);
    } else {
        buf_put(&plain, key);
        buf_u8(&plain, ':');
    }
    buf_cstr(&want, "Basic ");
    b64_put(&want, buf_slice(&plain));
    ENSURE(slice_eq_ct(buf_slice(&want), web_req_header(req, "authorization")), ERR_AUTH);
    return OK;
}

err_t sim_api_begin(sim_t *sim, const web_req_t *req, sim_wire_t wire)
{
    ENSURE(!__atomic_load_n(&sim->down, __ATOMIC_RELAXED), ERR_UNAVAILABLE);
    return api_auth(sim, req, wire);
}

/* So slow that the caller gives up, or answered with 500 - after the work was done, which is the
 * nasty kind. */
err_t sim_api_end(sim_t *sim, const sim_session_t *made)
{
    if (made && made->status == SIM_CAPTURED) {
        usleep(700000); /* "early": the notification overtakes this answer */
    }
    if (__atomic_load_n(&sim->hang, __ATOMIC_RELAXED)) {
        usleep(HANG_US);
    }
    ENSURE(!__atomic_load_n(&sim->lost, __ATOMIC_RELAXED), ERR_IO);
    return OK;
}

bool sim_back_is_shop(slice_t url)
{
    slice_t shop = slice_cstr_in(conf.shop_origin);
    return slice_starts(url, shop) && slice_starts(slice_from(url, shop.len), SLICE("/"));
}

static err_t text_field(web_req_t *req, slice_t path, char *out, size_t cap)
{
    slice_t text;
    TRY(json_get_string(req->body, req->arena, path, &text));
    ENSURE(text.len > 0 && text.len < cap, ERR_RANGE);
    memcpy(out, text.ptr, text.len);
    out[text.len] = 0;
    return OK;
}

static err_t wish_read(web_req_t *req, sim_session_t *ret_wish)
{
    sim_session_t w = {0};
    int64_t lives_s;
    char lang[8], currency[8];
    TRY(json_get_i64(req->body, req->arena, SLICE("amount"), &w.amount_minor));
    TRY(text_field(req, SLICE("currency"), currency, sizeof currency));
    ENSURE(strcmp(currency, "JPY") == 0 && w.amount_minor > 0, ERR_RANGE);
    TRY(text_field(req, SLICE("return_url"), w.return_url, sizeof w.return_url));
    TRY(text_field(req, SLICE("payment_data.external_order_num"), w.order, sizeof w.order));
    TRY(text_field(req, SLICE("line_items.0.description"), w.description, sizeof w.description));
    TRY(text_field(req, SLICE("default_locale"), lang, sizeof lang));
    TRY(json_get_i64(req->body, req->arena, SLICE("expires_in_seconds"), &lives_s));
    ENSURE(lives_s > 0 && lives_s <= 86400, ERR_RANGE);
    ENSURE(sim_back_is_shop(slice_cstr_in(w.return_url)), ERR_RANGE);
    slice_t booking;
    if (!err_failed(json_get_string(req->body, req->arena, SLICE("metadata.booking"), &booking)) &&
        booking.len < sizeof w.booking) {
        memcpy(w.booking, booking.ptr, booking.len);
    }
    w.english = strcmp(lang, "en") == 0;
    w.expires_us = clock_wall_us() + lives_s * CLOCK_SECOND_US;
    *ret_wish = w;
    return OK;
}

static err_t api_create(void *room, web_req_t *req, web_res_t *res)
{
    sim_session_t wish, session;
    TRY(sim_api_begin(room, req, SIM_KOMOJU));
    TRY(wish_read(req, &wish));
    TRY(sim_session_create(room, &wish, &session));
    TRY(sim_api_end(room, &session));
    sim_session_json(room, &session, web_json(res, 200));
    return OK;
}

static err_t api_get(void *room, web_req_t *req, web_res_t *res)
{
    sim_session_t session;
    TRY(sim_api_begin(room, req, SIM_KOMOJU));
    ENSURE(sim_session_get(room, web_req_param(req, "id"), &session), ERR_NOT_FOUND);
    TRY(sim_api_end(room, NULL));
    sim_session_json(room, &session, web_json(res, 200));
    return OK;
}

static err_t number_query(const web_req_t *req, const char *name, int64_t max, int64_t fallback,
                          int64_t *ret)
{
    slice_t text = web_req_query(req, name);
    *ret = fallback;
    return text.len ? slice_parse_i64(text, 1, max, ret) : OK;
}

static err_t api_list(void *room, web_req_t *req, web_res_t *res)
{
    int64_t since_us = 0, page, per_page;
    slice_t since = web_req_query(req, "start_time");
    TRY(sim_api_begin(room, req, SIM_KOMOJU));
    if (since.len) {
        TRY(time_parse_rfc3339(since, &since_us));
    }
    TRY(number_query(req, "page", 100000, 1, &page));
    TRY(number_query(req, "per_page", 100, 10, &per_page));
    TRY(sim_api_end(room, NULL));
    return sim_list_json(room, since_us, page, per_page, web_json(res, 200));
}

static err_t api_cancel(void *room, web_req_t *req, web_res_t *res)
{
    sim_session_t session;
    TRY(sim_api_begin(room, req, SIM_KOMOJU));
    TRY(sim_session_cancel(room, web_req_param(req, "id"), &session));
    TRY(sim_api_end(room, NULL));
    sim_session_json(room, &session, web_json(res, 200));
    return OK;
}

static err_t api_refund(void *room, web_req_t *req, web_res_t *res)
{
    sim_session_t session;
    int64_t amount_minor;
    TRY(sim_api_begin(room, req, SIM_KOMOJU));
    TRY(json_get_i64(req->body, req->arena, SLICE("amount"), &amount_minor));
    TRY(sim_refund(room, web_req_param(req, "id"), amount_minor, &session));
    TRY(sim_api_end(room, NULL));
    sim_payment_json(&session, session.paid_minor, web_json(res, 200));
    return OK;
}

/* ---- pages ---- */

static paysim_msg_t state_msg(const sim_session_t *s)
{
    static const paysim_msg_t MSG[] = {[SIM_PENDING] = PAYSIM_MSG_STATE_PENDING,
                                       [SIM_CAPTURED] = PAYSIM_MSG_STATE_CAPTURED,
                                       [SIM_FAILED] = PAYSIM_MSG_STATE_FAILED,
                                       [SIM_CANCELLED] = PAYSIM_MSG_STATE_CANCELLED,
                                       [SIM_REFUNDED] = PAYSIM_MSG_STATE_REFUNDED};
    return sim_session_expired(s) ? PAYSIM_MSG_STATE_EXPIRED : MSG[s->status];
}

static const paysim_msg_t SCENARIO_MSG[SIM_SCENARIO_COUNT] = {
    [SIM_SUCCESS] = PAYSIM_MSG_SCENARIO_SUCCESS,
    [SIM_DECLINE] = PAYSIM_MSG_SCENARIO_DECLINE,
    [SIM_CHALLENGE] = PAYSIM_MSG_SCENARIO_CHALLENGE,
    [SIM_ABANDON] = PAYSIM_MSG_SCENARIO_ABANDON,
    [SIM_LEAVE] = PAYSIM_MSG_SCENARIO_LEAVE,
    [SIM_DELAYED] = PAYSIM_MSG_SCENARIO_DELAYED,
    [SIM_DUPLICATE] = PAYSIM_MSG_SCENARIO_DUPLICATE,
    [SIM_FORGED] = PAYSIM_MSG_SCENARIO_FORGED,
    [SIM_WRONG_AMOUNT] = PAYSIM_MSG_SCENARIO_WRONG_AMOUNT,
    [SIM_NO_WEBHOOK] = PAYSIM_MSG_SCENARIO_NO_WEBHOOK,
    [SIM_EARLY] = PAYSIM_MSG_SCENARIO_EARLY,
};

/* The form's own proof: only a page of ours could have shown it. */
static slice_t form_token(const sim_t *sim, web_req_t *req, slice_t id)
{
    id128_t mac;
    slice_t token = SLICE_EMPTY;
    char text[ID_TEXT];
    crypto_generichash(mac.b, ID_BYTES, id.ptr, id.len, sim->webhook_key[SIM_KOMOJU].b,
                       SECRET_BYTES);
    id_encode(mac, text);
    err_ignore(arena_copy(req->arena, slice_make(text, sizeof text),
                          &token)); /* empty = the page does not leave */
    return token;
}

static err_t back_url(web_req_t *req, const sim_session_t *s, slice_t *ret_url)
{
    return arena_printf(req->arena, ret_url, "%s%ssession_id=%s", s->return_url,
                        strchr(s->return_url, '?') ? "&" : "?", s->id);
}

static err_t play_and_go(sim_t *sim, web_req_t *req, web_res_t *res, const sim_session_t *s,
                         sim_scenario_t scenario)
{
    bool back = false;
    slice_t url;
    TRY(sim_play(sim, slice_cstr_in(s->id), scenario, &back));
    if (back) {
        TRY(back_url(req, s, &url));
    } else {
        TRY(arena_printf(req->arena, &url, "/sessions/%s", s->id));
    }
    return web_redirect(res, 303, url);
}

static bool next_take(sim_t *sim, sim_scenario_t *ret_next)
{
    pthread_mutex_lock(&sim->lock);
    bool any = sim->has_next && sim->next != SIM_EARLY;
    *ret_next = sim->next;
    sim->has_next = sim->has_next && !any;
    pthread_mutex_unlock(&sim->lock);
    return any;
}

static void over_page(const sim_session_t *s, slice_t back, web_res_t *res, i18n_lang_t lang)
{
    tpl_psp_over(web_html(res, 200), lang,
                 &(struct tpl_psp_over_args){.state = state_msg(s), .back = back});
}

static void session_page(sim_t *sim, web_req_t *req, web_res_t *res, const sim_session_t *s,
                         i18n_lang_t lang)
{
    struct tpl_psp_session_scenarios list[SIM_SCENARIO_COUNT];
    slice_t id = slice_cstr_in(s->id);
    for (unsigned i = 0; i < SIM_SCENARIO_COUNT; i++) {
        list[i].name = slice_cstr_in(sim_scenario_name(i));
        list[i].label = SCENARIO_MSG[i];
    }
    if (s->challenged) {
        tpl_psp_challenge(
            web_html(res, 200), lang,
            &(struct tpl_psp_challenge_args){.id = id, .csrf = form_token(sim, req, id)});
        return;
    }
    tpl_psp_session(web_html(res, 200), lang,
                    &(struct tpl_psp_session_args){
                        .id = id,
                        .description = slice_cstr_in(s->description),
                        .amount = s->amount_minor,
                        .declined = s->status == SIM_FAILED,
                        .scenarios = list,
                        .scenarios_count = SIM_EARLY, /* the rest is for control calls */
                        .csrf = form_token(sim, req, id)});
}

static err_t page_session(void *room, web_req_t *req, web_res_t *res)
{
    sim_t *sim = room;
    sim_session_t *s = ARENA_NEW(req->arena, sim_session_t);
    sim_scenario_t next;
    slice_t back;
    ENSURE(s, ERR_MEMORY);
    ENSURE(sim_session_get(sim, web_req_param(req, "id"), s), ERR_NOT_FOUND);
    i18n_lang_t lang = s->english ? I18N_EN : I18N_JA;
    TRY(back_url(req, s, &back));
    if (s->status != SIM_PENDING && s->status != SIM_FAILED) {
        over_page(s, back, res, lang);
        return OK;
    }
    if (sim_session_expired(s)) {
        over_page(s, back, res, lang);
        return OK;
    }
    if (next_take(sim, &next)) {
        return play_and_go(sim, req, res, s, next);
    }
    session_page(sim, req, res, s, lang);
    return OK;
}

static err_t page_act(void *room, web_req_t *req, web_res_t *res)
{
    sim_t *sim = room;
    sim_session_t *s = ARENA_NEW(req->arena, sim_session_t);
    sim_scenario_t scenario;
    slice_t id = web_req_param(req, "id");
    ENSURE(s, ERR_MEMORY);
    ENSURE(sim_session_get(sim, id, s), ERR_NOT_FOUND);
    ENSURE(slice_eq_ct(web_req_form(req, "csrf"), form_token(sim, req, id)), ERR_DENIED);
    ENSURE(sim_scenario_find(web_req_form(req, "scenario"), &scenario), ERR_RANGE);
    err_t e = play_and_go(sim, req, res, s, scenario);
    if (err_is(e, ERR_CONFLICT) ||
        err_is(e, ERR_EXPIRED)) { /* paid or over meanwhile: show how it stands */
        slice_t url;
        TRY(arena_printf(req->arena, &url, "/sessions/%s", s->id));
        return web_redirect(res, 303, url);
    }
    return e;
}

static err_t page_home(void *room, web_req_t *req, web_res_t *res)
{
    sim_t *sim = room;
    size_t n = 0;
    struct tpl_psp_home_sessions *rows =
        ARENA_ARRAY(req->arena, struct tpl_psp_home_sessions, HOME_ROWS);
    sim_session_t *copies = ARENA_ARRAY(req->arena, sim_session_t, HOME_ROWS);
    ENSURE(rows && copies, ERR_MEMORY);
    pthread_mutex_lock(&sim->lock);
    for (size_t i = sim->next_session;
         i-- > 0 && n < HOME_ROWS && sim->next_session - i <= SIM_SESSIONS;) {
        copies[n++] = sim->sessions[i % SIM_SESSIONS];
    }
    pthread_mutex_unlock(&sim->lock);
    for (size_t i = 0; i < n; i++) {
        rows[i].id = slice_cstr_in(copies[i].id);
        rows[i].description = slice_cstr_in(copies[i].description);
        rows[i].amount = copies[i].amount_minor;
        rows[i].state = state_msg(&copies[i]);
    }
    tpl_psp_home(web_html(res, 200), req->lang,
                 &(struct tpl_psp_home_args){.sessions = rows, .sessions_count = n});
    return OK;
}

static err_t page_css(void *room, web_req_t *req, web_res_t *res)
{
    web_bytes(res, 200, SLICE("text/css; charset=utf-8"), slice_make(paysim_css, paysim_css_len));
    web_public(res, 3600);
    return OK;
}

#define API_FLAGS (WEB_NO_SESSION | WEB_CSRF_EXEMPT | WEB_RAW_BODY | WEB_CARD_CHECK_OWN)
/* clang-format off */
static const web_route_t ROUTES[] = {
    {.methods = WEB_GET,  .pattern = "/", .name = "home", .handler = page_home, .flags = WEB_NO_SESSION},
    {.methods = WEB_GET,  .pattern = "/paysim.css", .name = "css", .handler = page_css, .flags = WEB_NO_SESSION},
    {.methods = WEB_GET,  .pattern = "/sessions/:id", .name = "session", .handler = page_session, .csp = WEB_CSP_HANDOFF, .flags = WEB_NO_SESSION | WEB_HANDOFF},
    {.methods = WEB_POST, .pattern = "/sessions/:id/act", .name = "act", .handler = page_act, .csp = WEB_CSP_HANDOFF, .flags = WEB_NO_SESSION | WEB_CSRF_EXEMPT | WEB_HANDOFF},
    {.methods = WEB_POST, .pattern = "/api/v1/sessions", .name = "api.create", .handler = api_create, .csp = WEB_CSP_DATA, .flags = API_FLAGS},
    {.methods = WEB_GET,  .pattern = "/api/v1/sessions/:id", .name = "api.get", .handler = api_get, .csp = WEB_CSP_DATA, .flags = WEB_NO_SESSION},
    {.methods = WEB_GET,  .pattern = "/api/v1/payments", .name = "api.list", .handler = api_list, .csp = WEB_CSP_DATA, .flags = WEB_NO_SESSION},
    {.methods = WEB_POST, .pattern = "/api/v1/sessions/:id/cancel", .name = "api.cancel", .handler = api_cancel, .csp = WEB_CSP_DATA, .flags = API_FLAGS},
    {.methods = WEB_POST, .pattern = "/api/v1/payments/:id/refund", .name = "api.refund", .handler = api_refund, .csp = WEB_CSP_DATA, .flags = API_FLAGS},
    {.methods = WEB_POST, .pattern = "/v1/checkout/sessions", .name = "stripe.create", .handler = stripe_create, .csp = WEB_CSP_DATA, .flags = API_FLAGS},
    {.methods = WEB_GET,  .pattern = "/v1/checkout/sessions", .name = "stripe.list", .handler = stripe_list, .csp = WEB_CSP_DATA, .flags = WEB_NO_SESSION},
    {.methods = WEB_GET,  .pattern = "/v1/checkout/sessions/:id", .name = "stripe.get", .handler = stripe_get, .csp = WEB_CSP_DATA, .flags = WEB_NO_SESSION},
    {.methods = WEB_POST, .pattern = "/v1/checkout/sessions/:id/expire", .name = "stripe.expire", .handler = stripe_expire, .csp = WEB_CSP_DATA, .flags = API_FLAGS},
    {.methods = WEB_POST, .pattern = "/v1/refunds", .name = "stripe.refund", .handler = stripe_refund, .csp = WEB_CSP_DATA, .flags = API_FLAGS},
    {.methods = WEB_POST, .pattern = "/f01/FepBuyInfoReceive.do", .name = "sbps.buy", .handler = sbps_buy, .csp = WEB_CSP_DATA, .flags = API_FLAGS},
    {.methods = WEB_POST, .pattern = "/api/xmlapi.do", .name = "sbps.xml", .handler = sbps_xml, .csp = WEB_CSP_DATA, .flags = API_FLAGS},
    {.methods = WEB_POST, .pattern = "/control", .name = "control", .handler = sim_control, .csp = WEB_CSP_DATA, .flags = API_FLAGS},
    {.methods = WEB_GET,  .pattern = "/control/state", .name = "control.state", .handler = sim_control_state, .csp = WEB_CSP_DATA, .flags = WEB_NO_SESSION},
};
/* clang-format on */

/* ---- process ---- */

/* A wire without keys is not spoken. */
static err_t keys_load(const daemon_t *d, sim_t *sim, sim_wire_t wire)
{
    static const char *const LEAVES[] = {"api_key", "webhook_key", "webhook_key_old"};
    secret_t *const at[] = {&sim->api_key[wire], &sim->webhook_key[wire], &sim->old_key[wire]};
    bool found[BASE_COUNT(LEAVES)];
    for (size_t i = 0; i < BASE_COUNT(LEAVES); i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_%s", sim_wire_name(wire), LEAVES[i]);
        err_t e = secrets_load(d, name, at[i]->b, SECRET_BYTES);
        ENSURE(!err_failed(e) || err_is(e, ERR_NOT_FOUND), e.code);
        found[i] = !err_failed(e);
    }
    sim->has_wire[wire] = found[0] && found[1];
    sim->has_old[wire] = found[2];
    return OK;
}

static err_t sim_open(daemon_t *d, sim_t *sim)
{
    sim->sessions = calloc(SIM_SESSIONS, sizeof *sim->sessions);
    sim->hooks = calloc(SIM_HOOKS, sizeof *sim->hooks);
    ENSURE(sim->sessions && sim->hooks, ERR_MEMORY);
    pthread_mutex_init(&sim->lock, NULL);
    pthread_cond_init(&sim->news, NULL);
    sim->delay_s = conf.delay_s;
    snprintf(sim->origin, sizeof sim->origin, "%s", conf.origin);
    snprintf(sim->notify_url, sizeof sim->notify_url, "%s", conf.notify_url);
    snprintf(sim->notify_host, sizeof sim->notify_host, "%s", conf.notify_host);
    sim->hash_in_sjis = strcmp(conf.hash_charset, "shift_jis") == 0;
    for (unsigned w = 0; w < SIM_WIRES; w++) {
        TRY(keys_load(d, sim, (sim_wire_t)w));
    }
    ENSURE(sim->has_wire[SIM_KOMOJU], ERR_NOT_FOUND);
    return OK;
}

static err_t serve(daemon_t *d, sim_t *sim, int listen_fd)
{
    slice_t shop = slice_cstr_in(conf.shop_origin);
    web_app_t *web;
    pthread_t hooks;
    web_config_t web_conf = {.listen_fd = listen_fd,
                             .room = sim,
                             .routes = ROUTES,
                             .n_routes = BASE_COUNT(ROUTES),
                             .handoff_origins = &shop,
                             .n_handoff_origins = 1,
                             .on_done = web_done_log};
    TRY(web_app_start(&web_conf, &web));
    ENSURE(pthread_create(&hooks, NULL, sim_hooks_thread, sim) == 0, ERR_MEMORY);
    TRY(daemon_ready(d));
    while (!daemon_stopping()) {
        err_ignore(
            fd_wait(d->stop_fd, 1, deadline_in_ms(60000))); /* a time-out only means: look again */
    }
    pthread_mutex_lock(&sim->lock);
    sim->stop = true;
    pthread_cond_broadcast(&sim->news);
    pthread_mutex_unlock(&sim->lock);
    pthread_join(hooks, NULL);
    web_app_stop(web, 1000);
    return OK;
}

static err_t run(daemon_t *d)
{
    static sim_t sim;
    int listen_fd;
    ENSURE(d->profile != PROFILE_PRODUCTION, ERR_DENIED);
    TRY(tcp_listen_local((uint16_t)conf.port, &listen_fd));
    ENSURE(curl_global_init(CURL_GLOBAL_DEFAULT) == 0 && sodium_init() >= 0, ERR_MEMORY);
    TRY(sbps_sim_open());
    TRY(daemon_seal(d));
    TRY(sim_open(d, &sim));
    return serve(d, &sim, listen_fd);
}

int main(int argc, char **argv)
{
    return daemon_main(argc, argv, &SPEC, &conf, run);
}
