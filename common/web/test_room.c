#include "test_room.h"

#include "text/html.h"
#include "text/json.h"

static id128_t user_of(slice_t name)
{
    id128_t id = {{1}};
    memcpy(id.b + 1, name.ptr, name.len < 15 ? name.len : 15);
    return id;
}

static err_t home(void *room, web_req_t *req, web_res_t *res)
{
    buf_t *out = web_text(res, 200);
    buf_cstr(out, "home ");
    buf_put(out, i18n_lang_code(req->lang));
    buf_cstr(out, " id=");
    buf_put(out, req->id_text);
    buf_cstr(out, " client=");
    buf_put(out, req->client);
    web_public(res, 60);
    return OK;
}

static err_t form(void *room, web_req_t *req, web_res_t *res)
{
    slice_t csrf;
    TRY(web_csrf(req, res, &csrf));
    buf_t *out = web_html(res, 200);
    buf_cstr(out, "<form method=post><input name=csrf value=\"");
    html_put_attr(out, csrf);
    buf_cstr(out, "\"></form>");
    web_public(res, 60); /* must not be believed: it has a cookie */
    return OK;
}

static err_t form_post(void *room, web_req_t *req, web_res_t *res)
{
    ((test_room_t *)room)->handled++;
    buf_t *out = web_text(res, 200);
    buf_cstr(out, "name=");
    buf_put(out, web_req_form(req, "name"));
    for (size_t i = 0; i < req->n_files; i++) {
        buf_cstr(out, " file=");
        buf_put(out, req->files[i].filename);
        buf_cstr(out, ":");
        buf_dec(out, (int64_t)req->files[i].bytes.len);
    }
    return OK;
}

static err_t json_post(void *room, web_req_t *req, web_res_t *res)
{
    slice_t name;
    ((test_room_t *)room)->handled++;
    TRY(json_get_string(req->body, req->arena, SLICE("name"), &name));
    buf_cstr(web_json(res, 200), "{\"ok\":true}");
    return OK;
}

static err_t raw_post(void *room, web_req_t *req, web_res_t *res)
{
    ((test_room_t *)room)->handled++;
    buf_dec(web_text(res, 200), (int64_t)req->body.len);
    return OK;
}

static err_t tour(void *room, web_req_t *req, web_res_t *res)
{
    buf_t *out = web_text(res, 200);
    buf_cstr(out, "tour ");
    buf_put(out, web_req_param(req, "slug"));
    return OK;
}

static err_t files(void *room, web_req_t *req, web_res_t *res)
{
    return web_static_serve(&((test_room_t *)room)->files, web_req_param(req, "path"), req, res);
}

static err_t login(void *room, web_req_t *req, web_res_t *res)
{
    uint32_t roles = web_pairs_has(req->form, "staff") ? TEST_STAFF : 0;
    TRY(web_session_login(req, res, user_of(web_req_form(req, "name")), roles));
    return web_redirect(res, 303, SLICE("/me"));
}

static err_t logout(void *room, web_req_t *req, web_res_t *res)
{
    TRY(web_session_logout(req, res));
    return web_redirect(res, 303, SLICE("/"));
}

static err_t me(void *room, web_req_t *req, web_res_t *res)
{
    slice_t flash, csrf;
    TRY(web_flash_take(req, &flash));
    TRY(web_csrf(req, res, &csrf));
    buf_t *out = web_text(res, 200);
    buf_cstr(out, "user=");
    id128_t user = web_session_user(req);
    buf_hex(out, id_slice(&user));
    buf_cstr(out, " roles=");
    buf_dec(out, web_session_roles(req));
    buf_cstr(out, " kept=");
    buf_put(out, web_session_get(req, "kept"));
    buf_cstr(out, " flash=");
    buf_put(out, flash);
    buf_cstr(out, " value=\"");
    buf_put(out, csrf);
    buf_cstr(out, "\"");
    return OK;
}

static err_t keep(void *room, web_req_t *req, web_res_t *res)
{
    TRY(web_session_set(req, res, "kept", web_req_form(req, "name")));
    TRY(web_flash_set(req, res, SLICE("stored")));
    return web_redirect(res, 303, SLICE("/me"));
}

static err_t redirect(void *room, web_req_t *req, web_res_t *res)
{
    return web_redirect(res, 303, web_req_query(req, "to"));
}

static err_t header(void *room, web_req_t *req, web_res_t *res)
{
    TRY(web_header(res, web_req_query(req, "name"), web_req_query(req, "value")));
    buf_cstr(web_text(res, 200), "set");
    return OK;
}

static err_t attachment(void *room, web_req_t *req, web_res_t *res)
{
    TRY(web_attachment(res, web_req_query(req, "name")));
    web_bytes(res, 200, SLICE("application/pdf"), SLICE("%PDF-1.7"));
    return OK;
}

static err_t fail(void *room, web_req_t *req, web_res_t *res)
{
    uint64_t code;
    TRY(slice_parse_u64(web_req_query(req, "code"), 1000, &code));
    buf_cstr(web_text(res, 200), "half a page that nobody may see");
    return FAIL((uint16_t)code);
}

static err_t big(void *room, web_req_t *req, web_res_t *res)
{
    buf_t *out = web_text(res, 200);
    for (size_t i = 0; i < WEB_BODY_BYTES / 8 + 1; i++) {
        buf_cstr(out, "12345678");
    }
    return OK;
}

static err_t nothing(void *room, web_req_t *req, web_res_t *res)
{
    return OK;
}

static err_t wait_all(void *room, web_req_t *req, web_res_t *res)
{
    test_room_t *r = room;
    pthread_mutex_lock(&r->lock);
    r->waiting++;
    pthread_cond_broadcast(&r->all_here);
    while (r->waiting < r->want) {
        pthread_cond_wait(&r->all_here, &r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    buf_cstr(web_text(res, 200), "all here");
    return OK;
}

static err_t reveal(void *room, web_req_t *req, web_res_t *res)
{
    TRY(web_req_may_reveal(req));
    buf_cstr(web_text(res, 200), "revealed");
    return OK;
}

static err_t lang_url(void *room, web_req_t *req, web_res_t *res)
{
    slice_t url;
    TRY(web_req_lang_url(req, I18N_EN, &url));
    buf_put(web_text(res, 200), url);
    return OK;
}

const web_route_t TEST_ROUTES[] = {
    {WEB_GET, "/", "home", home, WEB_CSP_PAGE, 0, 0, 0, 0},
    {WEB_GET, "/form", "form", form, WEB_CSP_HANDOFF, 0, 0, 0, 0},
    {WEB_POST, "/form", "form.post", form_post, WEB_CSP_PAGE, 0, 0, 0, 0},
    {WEB_POST, "/upload", "upload", form_post, WEB_CSP_PAGE, 0, 0, 0, 256 * 1024},
    {WEB_POST, "/json", "json", json_post, WEB_CSP_DATA, WEB_JSON_BODY, 0, 0, 0},
    {WEB_POST, "/hook", "hook", raw_post, WEB_CSP_DATA,
     WEB_NO_SESSION | WEB_CSRF_EXEMPT | WEB_RAW_BODY | WEB_CARD_CHECK_OWN, 0, 0, 4096},
    {WEB_POST, "/raw", "raw", raw_post, WEB_CSP_DATA,
     WEB_NO_SESSION | WEB_CSRF_EXEMPT | WEB_RAW_BODY, 0, 0, 4096},
    {WEB_GET | WEB_POST, "/back/:token", "back", raw_post, WEB_CSP_PAGE,
     WEB_NO_SESSION | WEB_CSRF_EXEMPT, 0, 0, 0},
    {WEB_GET, "/tours/:slug", "tour", tour, WEB_CSP_PAGE, 0, 0, 0, 0},
    {WEB_GET, "/tours/new", "tour.new", lang_url, WEB_CSP_PAGE, 0, 0, 0, 0},
    {WEB_GET, "/files/*path", "files", files, WEB_CSP_DATA, WEB_NO_SESSION, 0, 0, 0},
    {WEB_POST, "/login", "login", login, WEB_CSP_PAGE, 0, 0, 0, 0},
    {WEB_POST, "/logout", "logout", logout, WEB_CSP_PAGE, 0, 0, 0, 0},
    {WEB_GET, "/me", "me", me, WEB_CSP_PAGE, 0, 0, 0, 0},
    {WEB_POST, "/keep", "keep", keep, WEB_CSP_PAGE, 0, 0, 0, 0},
    {WEB_GET, "/staff", "staff", reveal, WEB_CSP_SCRIPT, WEB_REVEALS, TEST_STAFF, 0, 0},
    {WEB_GET, "/chief", "chief", reveal, WEB_CSP_PAGE, WEB_REVEALS, TEST_CHIEF, 0, 0},
    {WEB_GET, "/plain", "plain", reveal, WEB_CSP_PAGE, 0, 0, 0, 0},
    {WEB_GET, "/redirect", "redirect", redirect, WEB_CSP_PAGE, 0, 0, 0, 0},
    {WEB_GET, "/handoff", "handoff", redirect, WEB_CSP_PAGE, WEB_HANDOFF, 0, 0, 0},
    {WEB_GET, "/header", "header", header, WEB_CSP_PAGE, 0, 0, 0, 0},
    {WEB_GET, "/attachment", "attachment", attachment, WEB_CSP_DATA, 0, 0, 0, 0},
    {WEB_GET, "/fail", "fail", fail, WEB_CSP_PAGE, 0, 0, 0, 0},
    {WEB_GET, "/big", "big", big, WEB_CSP_PAGE, 0, 0, 0, 0},
    {WEB_GET, "/nothing", "nothing", nothing, WEB_CSP_PAGE, 0, 0, 0, 0},
    {WEB_GET, "/wait", "wait", wait_all, WEB_CSP_PAGE, 0, 0, 0, 0},
    {WEB_GET, "/", "desk.home", home, WEB_CSP_PAGE, 0, TEST_STAFF, 1, 0},
    {WEB_GET, "/me", "desk.me", me, WEB_CSP_PAGE, 0, 0, 1, 0},
};
const size_t TEST_ROUTES_N = BASE_COUNT(TEST_ROUTES);

err_t test_room_error(void *room, web_req_t *req, const web_error_t *error, web_res_t *res)
{
    test_room_t *r = room;
    if (r->broken_errors) {
        return FAIL(ERR_DB);
    }
    buf_t *out = web_html(res, 200); /* the floor sets the status */
    buf_cstr(out, "<h1>agency: ");
    html_put_text(out, web_error_title(req->lang, error->why));
    buf_cstr(out, "</h1>");
    html_put_text(out, req->id_text);
    return OK;
}

void test_room_done(void *room, const web_done_t *done)
{
    test_room_t *r = room;
    pthread_mutex_lock(&r->lock);
    snprintf(r->last_route, sizeof r->last_route, "%s", done->route);
    r->last_status = done->status;
    pthread_mutex_unlock(&r->lock);
}

static const slice_t ORIGINS[] = {{(const uint8_t *)"https://pay.example", 19}};
static const web_host_t HOSTS[] = {{{(const uint8_t *)"shop.localhost", 14}, 0},
                                   {{(const uint8_t *)"desk.localhost", 14}, 1}};

web_config_t test_room_config(test_room_t *room, int listen_fd)
{
    return (web_config_t){
        .listen_fd = listen_fd,
        .room = room,
        .routes = TEST_ROUTES,
        .n_routes = TEST_ROUTES_N,
        .hosts = HOSTS,
        .n_hosts = BASE_COUNT(HOSTS),
        .handoff_origins = ORIGINS,
        .n_handoff_origins = BASE_COUNT(ORIGINS),
        .sessions = room->sessions,
        .login_path = {SLICE_EMPTY, SLICE("/login")},
        .render_error = room->custom_errors ? test_room_error : NULL,
        .on_done = test_room_done,
    };
}
