/* Accounts: register, log in, log out, my bookings. Passwords pass through to the vault and are
 * never shown again. */
#include "account.h"
#include "handlers.h"
#include "page.h"

static account_way_t way_of(shop_t *shop, db_t *db, web_req_t *req)
{
    return (account_way_t){.db = db,
                           .writer = shop->writer,
                           .vault = shop->vault,
                           .way = &shop->way,
                           .arena = req->arena,
                           .request = req->id,
                           .client = req->client,
                           .now_us = req->now_us};
}

/* A path of ours to go on to, else the bookings. */
static slice_t own_path(slice_t next)
{
    bool own = next.len > 0 && next.len <= 200 && next.ptr[0] == '/' && html_url_ok(next);
    return own ? next : SLICE("/my");
}

/* --- log in ----------------------------------------------------------------------------------- */

enum { I_EMAIL, I_PASSWORD, I_COUNT };
static const web_field_t LOGIN[I_COUNT] = {
    [I_EMAIL] = {.name = "email", .kind = WEB_KIND_EMAIL, .required = true},
    [I_PASSWORD] =
        {.name = "password", .kind = WEB_KIND_PASSWORD, .min = 1, .max = 128, .required = true},
};

static err_t show_login(shop_t *shop, web_req_t *req, web_res_t *res, web_value_t v[I_COUNT],
                        form_errors_t *errors, slice_t next, int status)
{
    struct tpl_login_args p = {.next = next};
    web_values_forget(LOGIN, I_COUNT, v);
    TRY(page_fill(shop, req, "my", &p.page));
    TRY(web_csrf(req, res, &p.csrf));
    p.email = form_field(req, "email", &v[I_EMAIL], errors);
    if (v[I_PASSWORD].problem != WEB_PROBLEM_NONE) {
        form_error_add(errors, SLICE("password"),
                       web_problem_text(req->lang, v[I_PASSWORD].problem));
    }
    p.errors = form_errors_named(req, errors);
    p.errors_count = errors->n;
    tpl_login(web_html(res, status), page_lang(req), &p);
    return OK;
}

static err_t try_login(shop_t *shop, web_req_t *req, const web_value_t v[I_COUNT],
                       id128_t *ret_account)
{
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    account_way_t w = way_of(shop, lease.db, req);
    return account_login(&w, &shop->logins, v[I_EMAIL].text, v[I_PASSWORD].text, ret_account);
}

err_t handle_login(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    web_value_t v[I_COUNT] = {0};
    form_errors_t errors = {.n = 0};
    id128_t account;
    bool ok;
    if (req->method != WEB_POST) {
        return show_login(shop, req, res, v, &errors, own_path(web_req_query(req, "next")), 200);
    }
    slice_t next = own_path(web_req_form(req, "next"));
    TRY(web_fields_read(LOGIN, I_COUNT, req, SLICE_EMPTY, v, &ok));
    if (!ok) {
        return show_login(shop, req, res, v, &errors, next, 422);
    }
    err_t e = try_login(shop, req, v, &account);
    if (err_is(e, ERR_AUTH) || err_is(e, ERR_TOO_MANY)) {
        bool often = err_is(e, ERR_TOO_MANY);
        form_error_add(
            &errors, SLICE("email"),
            page_msg(req, often ? SHOP_MSG_FORM_LOGIN_OFTEN : SHOP_MSG_FORM_LOGIN_WRONG));
        TRY(web_header(res, SLICE(WEB_HEADER_KEEP), SLICE("login")));
        return show_login(shop, req, res, v, &errors, next, often ? 429 : 422);
    }
    TRY(e);
    TRY(web_session_login(req, res, account, 0));
    return web_redirect(res, 303, next);
}

err_t handle_logout(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    id128_t account, pseudonym;
    record_set_t set;
    {
        DB_LEASE_SCOPED db_lease_t lease = {0};
        TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
        TRY(page_account(lease.db, req, &account, &pseudonym));
    }
    record_set_init(&set);
    ledger_record_t *rec = record_add(&set, LEDGER_LOGOUT, req->id, pseudonym);
    rec->subject = rec->actor = pseudonym;
    record_set_note_rest(&shop->way, &set);
    TRY(web_session_logout(req, res));
    return web_redirect(res, 303, SLICE("/"));
}

/* --- register --------------------------------------------------------------------------------- */

enum { A_NAME, A_KANA, A_EMAIL, A_PHONE, A_PASSWORD, A_COUNT };
static const web_field_t REGISTER[A_COUNT] = {
    [A_NAME] = {.name = "name", .kind = WEB_KIND_TEXT, .min = 1, .max = 60, .required = true},
    [A_KANA] = {.name = "kana", .kind = WEB_KIND_KANA, .min = 1, .max = 60, .required = true},
    [A_EMAIL] = {.name = "email", .kind = WEB_KIND_EMAIL, .required = true},
    [A_PHONE] = {.name = "phone", .kind = WEB_KIND_PHONE, .required = true},
    [A_PASSWORD] =
        {.name = "password", .kind = WEB_KIND_PASSWORD, .min = 12, .max = 128, .required = true},
};

/* Twelve of one letter, or the e-mail itself, is no password. */
static bool is_weak(slice_t password, slice_t email)
{
    unsigned kinds = 0;
    bool seen[256] = {false};
    for (size_t i = 0; i < password.len; i++) {
        kinds += seen[password.ptr[i]] ? 0 : 1;
        seen[password.ptr[i]] = true;
    }
    return kinds < 5 || slice_eq_nocase(password, email);
}

static err_t show_register(shop_t *shop, web_req_t *req, web_res_t *res, web_value_t v[A_COUNT],
                           form_errors_t *errors, slice_t password_error, int status)
{
    struct tpl_register_args p = {.password_error = password_error};
    web_values_forget(REGISTER, A_COUNT, v);
    TRY(page_fill(shop, req, "my", &p.page));
    TRY(web_csrf(req, res, &p.csrf));
    p.name = form_field(req, "name", &v[A_NAME], errors);
    p.kana = form_field(req, "kana", &v[A_KANA], errors);
    p.email = form_field(req, "email", &v[A_EMAIL], errors);
    p.phone = form_field(req, "phone", &v[A_PHONE], errors);
    if (password_error.len > 0) {
        form_error_add(errors, SLICE("password"), password_error);
    }
    p.errors = form_errors_named(req, errors);
    p.errors_count = errors->n;
    tpl_register(web_html(res, status), page_lang(req), &p);
    return OK;
}

static err_t try_register(shop_t *shop, web_req_t *req, const web_value_t v[A_COUNT],
                          id128_t *ret_account)
{
    DB_LEASE_SCOPED db_lease_t lease = {0};
    account_form_t form = {.name = v[A_NAME].text,
                           .kana = v[A_KANA].text,
                           .email = v[A_EMAIL].text,
                           .phone = v[A_PHONE].text,
                           .password = v[A_PASSWORD].text,
                           .lang = page_lang(req)};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    account_way_t w = way_of(shop, lease.db, req);
    return account_register(&w, &shop->registers, &form, ret_account);
}

err_t handle_register(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    web_value_t v[A_COUNT] = {0};
    form_errors_t errors = {.n = 0};
    slice_t weak = SLICE_EMPTY;
    id128_t account;
    bool ok;
    if (req->method != WEB_POST) {
        return show_register(shop, req, res, v, &errors, weak, 200);
    }
    TRY(web_fields_read(REGISTER, A_COUNT, req, SLICE_EMPTY, v, &ok));
    if (v[A_KANA].problem) {
        TRY(form_reading(req, SLICE_EMPTY, &REGISTER[A_KANA], &v[A_KANA]));
        ok = true;
        for (size_t i = 0; i < A_COUNT; i++) {
            ok = ok && v[i].problem == WEB_PROBLEM_NONE;
        }
    }
    if (v[A_PASSWORD].problem || is_weak(v[A_PASSWORD].text, v[A_EMAIL].text)) {
        weak = page_msg(req, SHOP_MSG_FORM_PASSWORD_WEAK);
    }
    if (!ok || weak.len > 0) {
        return show_register(shop, req, res, v, &errors, weak, 422);
    }
    err_t e = try_register(shop, req, v, &account);
    if (err_is(e, ERR_EXISTS) || err_is(e, ERR_TOO_MANY)) {
        bool often = err_is(e, ERR_TOO_MANY);
        form_error_add(
            &errors, SLICE("email"),
            page_msg(req, often ? SHOP_MSG_FORM_LOGIN_OFTEN : SHOP_MSG_FORM_EMAIL_TAKEN));
        return show_register(shop, req, res, v, &errors, weak, often ? 429 : 409);
    }
    if (err_is(e, ERR_UNAVAILABLE) || err_is(e, ERR_TIMEOUT) || err_is(e, ERR_CLOSED)) {
        form_error_add(&errors, SLICE("name"), page_msg(req, SHOP_MSG_FORM_NOT_NOW));
        return show_register(shop, req, res, v, &errors, weak, 503);
    }
    TRY(e);
    TRY(web_session_login(req, res, account, 0));
    return web_redirect(res, 303, SLICE("/my"));
}

/* --- my bookings ------------------------------------------------------------------------------ */

err_t handle_my(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    arena_t *a = req->arena;
    id128_t *ids, user = web_session_user(req);
    size_t n;
    struct tpl_my_args p = {0};
    if (id_is_zero(user)) {
        return web_redirect(res, 303, SLICE("/login?next=%2Fmy"));
    }
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    TRY(account_bookings(lease.db, a, user, &ids, &n));
    struct tpl_booking *rows = ARENA_ARRAY(a, struct tpl_booking, n + 1);
    ENSURE(rows, ERR_MEMORY);
    for (size_t i = 0; i < n; i++) {
        booking_t b;
        TRY(booking_load(lease.db, a, ids[i], &b));
        TRY(page_booking(lease.db, a, page_lang(req), &b, req->now_us, &rows[i]));
    }
    TRY(page_fill(shop, req, "my", &p.page));
    TRY(web_csrf(req, res, &p.csrf));
    p.bookings = rows;
    p.bookings_count = n;
    tpl_my(web_html(res, 200), page_lang(req), &p);
    return OK;
}
