/* mailsim: the demo's mail catcher. An SMTP server on loopback and pages behind nginx that show
 * what it caught; all in memory. */

#include "io/daemon.h"
#include "mail.h"
#include "mailsim_pages.h"
#include "smtp.h"
#include "text/json.h"
#include "web/web.h"

extern const unsigned char mailsim_css[];
extern const size_t mailsim_css_len;

enum { LIST_ROWS = 50, LIST_ARENA = 32 * 1024 * 1024 };

typedef struct mailsim_conf {
    int64_t port;
} mailsim_conf_t;

static mailsim_conf_t conf;

static const conf_field_t FIELDS[] = {
    CONF_INT_ROW(mailsim_conf_t, port, "listen", "port", 1024, 65535, "8100",
                 "SMTP port on 127.0.0.1"),
};

static const daemon_spec_t SPEC = {
    .room = ROOM_MAILSIM, .conf = {FIELDS, BASE_COUNT(FIELDS)}, .inet = true, .max_threads = 512};

typedef struct listed {
    arena_t arena;
    box_letter_t letters[LIST_ROWS];
    mail_view_t views[LIST_ROWS];
    size_t n;
} listed_t;

static void listed_free(listed_t *l)
{
    arena_deinit(&l->arena);
}

static err_t list_read(box_t *box, listed_t *l)
{
    arena_init(&l->arena, LIST_ARENA);
    TRY(box_list(box, &l->arena, l->letters, LIST_ROWS, &l->n));
    for (size_t i = 0; i < l->n; i++) {
        TRY(mail_read(&l->arena, slice_make(l->letters[i].raw, l->letters[i].len), &l->views[i]));
    }
    return OK;
}

static err_t page_list(void *room, web_req_t *req, web_res_t *res)
{
    BASE_CLEANUP(listed_free) listed_t l = {0};
    struct tpl_mail_list_letters rows[LIST_ROWS];
    TRY(list_read(room, &l));
    for (size_t i = 0; i < l.n; i++) {
        TRY(arena_printf(req->arena, &rows[i].href, "/mails/%llu",
                         (unsigned long long)l.letters[i].number));
        rows[i].to = slice_cstr_in(l.letters[i].rcpt);
        rows[i].subject = l.views[i].subject;
        rows[i].at = l.letters[i].time_us;
    }
    tpl_mail_list(web_html(res, 200), req->lang,
                  &(struct tpl_mail_list_args){.letters = rows, .letters_count = l.n});
    return OK;
}

static err_t page_letter(void *room, web_req_t *req, web_res_t *res)
{
    uint64_t number;
    box_letter_t letter;
    mail_view_t view;
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, LIST_ARENA);
    ENSURE(!err_failed(slice_parse_u64(web_req_param(req, "number"), UINT32_MAX, &number)),
           ERR_NOT_FOUND);
    TRY(box_get(room, &a, number, &letter));
    TRY(mail_read(&a, slice_make(letter.raw, letter.len), &view));
    tpl_mail_letter(web_html(res, 200), req->lang,
                    &(struct tpl_mail_letter_args){.from = view.from,
                                                   .to = view.to,
                                                   .subject = view.subject,
                                                   .content = view.text,
                                                   .at = letter.time_us});
    return OK;
}

static void member(buf_t *out, const char *before, slice_t value)
{
    buf_cstr(out, before);
    json_put_string(out, value);
}

/* For scenes: what was caught, newest first. */
static err_t api_list(void *room, web_req_t *req, web_res_t *res)
{
    BASE_CLEANUP(listed_free) listed_t l = {0};
    TRY(list_read(room, &l));
    buf_t *out = web_json(res, 200);
    buf_u8(out, '[');
    for (size_t i = 0; i < l.n; i++) {
        buf_cstr(out, i ? ",{\"number\":" : "{\"number\":");
        buf_dec(out, (int64_t)l.letters[i].number);
        member(out, ",\"rcpt\":", slice_cstr_in(l.letters[i].rcpt));
        member(out, ",\"subject\":", l.views[i].subject);
        member(out, ",\"text\":", l.views[i].text);
        buf_u8(out, '}');
    }
    buf_u8(out, ']');
    return OK;
}

/* {"refusing": bool}: the mail server is in trouble. */
static err_t api_control(void *room, web_req_t *req, web_res_t *res)
{
    box_t *box = room;
    json_token_t token;
    TRY(json_get(req->body, req->arena, SLICE("refusing"), &token));
    __atomic_store_n(&box->refusing, token.kind == JSON_TRUE, __ATOMIC_RELAXED);
    web_empty(res, 204);
    return OK;
}

static err_t page_css(void *room, web_req_t *req, web_res_t *res)
{
    web_bytes(res, 200, SLICE("text/css; charset=utf-8"), slice_make(mailsim_css, mailsim_css_len));
    web_public(res, 3600);
    return OK;
}

/* clang-format off */
static const web_route_t ROUTES[] = {
    {.methods = WEB_GET,  .pattern = "/", .name = "list", .handler = page_list, .flags = WEB_NO_SESSION},
    {.methods = WEB_GET,  .pattern = "/mails/:number", .name = "letter", .handler = page_letter, .flags = WEB_NO_SESSION},
    {.methods = WEB_GET,  .pattern = "/mailsim.css", .name = "css", .handler = page_css, .flags = WEB_NO_SESSION},
    {.methods = WEB_GET,  .pattern = "/api/mails", .name = "api.list", .handler = api_list, .csp = WEB_CSP_DATA, .flags = WEB_NO_SESSION},
    {.methods = WEB_POST, .pattern = "/control", .name = "control", .handler = api_control, .csp = WEB_CSP_DATA, .flags = WEB_NO_SESSION | WEB_CSRF_EXEMPT | WEB_JSON_BODY},
};
/* clang-format on */

static err_t run(daemon_t *d)
{
    static box_t box;
    static smtp_t smtp = {.box = &box};
    int http_fd;
    web_app_t *web;
    pthread_t thread;
    ENSURE(d->profile != PROFILE_PRODUCTION, ERR_DENIED);
    TRY(daemon_listen(d, "mailsim.http.sock", SOCK_STREAM, &http_fd));
    TRY(tcp_listen_local((uint16_t)conf.port, &smtp.listen_fd));
    TRY(daemon_seal(d));
    box_init(&box);
    web_config_t web_conf = {.listen_fd = http_fd,
                             .room = &box,
                             .routes = ROUTES,
                             .n_routes = BASE_COUNT(ROUTES),
                             .on_done = web_done_log};
    TRY(web_app_start(&web_conf, &web));
    ENSURE(pthread_create(&thread, NULL, smtp_thread, &smtp) == 0, ERR_MEMORY);
    TRY(daemon_ready(d));
    while (!daemon_stopping()) {
        err_ignore(
            fd_wait(d->stop_fd, 1, deadline_in_ms(60000))); /* a time-out only means: look again */
    }
    web_app_stop(web, 1000);
    return OK;
}

int main(int argc, char **argv)
{
    return daemon_main(argc, argv, &SPEC, &conf, run);
}
