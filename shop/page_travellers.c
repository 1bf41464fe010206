/* The travellers' form: read, checked, sealed; shown again as typed when something is wrong or the
 * vault rests. Personal values live in the request's arena only. */
#include "account.h"
#include "base/clock.h"
#include "handlers.h"
#include "page.h"

enum { R_NAME, R_KANA, R_EMAIL, R_PHONE, R_POSTAL, R_ADDRESS, R_SAME, R_COUNT };
static const web_field_t REP[R_COUNT] = {
    [R_NAME] = {.name = "name", .kind = WEB_KIND_TEXT, .min = 1, .max = 60, .required = true},
    [R_KANA] = {.name = "kana", .kind = WEB_KIND_KANA, .min = 1, .max = 60, .required = true},
    [R_EMAIL] = {.name = "email", .kind = WEB_KIND_EMAIL, .required = true},
    [R_PHONE] = {.name = "phone", .kind = WEB_KIND_PHONE, .required = true},
    [R_POSTAL] = {.name = "postal", .kind = WEB_KIND_POSTCODE},
    [R_ADDRESS] = {.name = "address", .kind = WEB_KIND_TEXT, .max = 160},
    [R_SAME] = {.name = "same", .kind = WEB_KIND_CHECKBOX},
};

static const char *const SEXES[] = {"f", "m", "x"};
enum { T_NAME, T_KANA, T_YEAR, T_MONTH, T_DAY, T_SEX, T_COUNT };
static const web_field_t PAX[T_COUNT] = {
    [T_NAME] = {.name = "name", .kind = WEB_KIND_TEXT, .max = 60},
    [T_KANA] = {.name = "kana", .kind = WEB_KIND_KANA, .max = 60},
    [T_YEAR] = {.name = "year", .kind = WEB_KIND_INT, .min = 1880, .max = 2200, .required = true},
    [T_MONTH] = {.name = "month", .kind = WEB_KIND_INT, .min = 1, .max = 12, .required = true},
    [T_DAY] = {.name = "day", .kind = WEB_KIND_INT, .min = 1, .max = 31, .required = true},
    [T_SEX] = {.name = "sex", .kind = WEB_KIND_CHOICE, .choices = SEXES, .n_choices = 3},
};

/* The whole form, typed or filled in from the vault. */
typedef struct form {
    web_value_t rep[R_COUNT];
    web_value_t pax[SHOP_PAX_MAX][T_COUNT];
    size_t n;
    slice_t birth_error[SHOP_PAX_MAX], name_error[SHOP_PAX_MAX];
    form_errors_t errors;
    bool hidden;
} form_t;

enum { CHILD_FROM = 3, CHILD_BELOW = 12, AGE_MAX = 120 };

static int32_t age_on(date_t birth, date_t day)
{
    date_ymd_t b = date_to_ymd(birth), d = date_to_ymd(day);
    bool before = d.month < b.month || (d.month == b.month && d.day < b.day);
    return d.year - b.year - (before ? 1 : 0);
}

static slice_t field_id(arena_t *a, size_t i, const char *name)
{
    slice_t id;
    return err_failed(arena_printf(a, &id, "t%zu_%s", i + 1, name)) ? SLICE_EMPTY : id;
}

/* What is wrong with a date of birth; SHOP_MSG_NONE = nothing. */
static shop_msg_t check_birth(const web_value_t *v, bool child, date_t departure, date_t today)
{
    date_t birth;
    if (v[T_YEAR].problem || v[T_MONTH].problem || v[T_DAY].problem ||
        err_failed(date_from_ymd((date_ymd_t){(int32_t)v[T_YEAR].number, (uint8_t)v[T_MONTH].number,
                                              (uint8_t)v[T_DAY].number},
                                 &birth))) {
        return SHOP_MSG_FORM_BIRTH_WRONG;
    }
    if (birth > today) {
        return SHOP_MSG_FORM_BIRTH_FUTURE;
    }
    int32_t age = age_on(birth, departure);
    if (age > AGE_MAX) {
        return SHOP_MSG_FORM_BIRTH_WRONG;
    }
    return child && (age < CHILD_FROM || age >= CHILD_BELOW) ? SHOP_MSG_FORM_CHILD_AGE
                                                             : SHOP_MSG_NONE;
}

static void check_pax(web_req_t *req, form_t *f, size_t i, bool child, date_t departure)
{
    web_value_t *v = f->pax[i];
    bool same = i == 0 && f->rep[R_SAME].number == 1;
    if (v[T_NAME].problem == WEB_PROBLEM_NONE && v[T_NAME].text.len == 0 && !same) {
        f->name_error[i] = page_msg(req, SHOP_MSG_FORM_NAME_NEEDED);
        form_error_add(&f->errors, field_id(req->arena, i, "name"), f->name_error[i]);
    }
    if (v[T_KANA].problem == WEB_PROBLEM_NONE && v[T_KANA].text.len == 0 && !same) {
        v[T_KANA].problem = WEB_PROBLEM_MISSING;
    }
    shop_msg_t birth = check_birth(v, child, departure, tokyo_date(req->now_us));
    if (birth != SHOP_MSG_NONE) {
        f->birth_error[i] = page_msg(req, birth);
        form_error_add(&f->errors, field_id(req->arena, i, "year"), f->birth_error[i]);
    }
}

static err_t read_form(web_req_t *req, const booking_t *b, date_t departure, form_t *f)
{
    bool ok;
    f->n = (size_t)(b->adults + b->children);
    ENSURE(f->n <= SHOP_PAX_MAX, ERR_CORRUPT);
    TRY(web_fields_read(REP, R_COUNT, req, SLICE_EMPTY, f->rep, &ok));
    TRY(form_reading(req, SLICE_EMPTY, &REP[R_KANA], &f->rep[R_KANA]));
    for (size_t i = 0; i < f->n; i++) {
        slice_t prefix;
        TRY(arena_printf(req->arena, &prefix, "t%zu_", i + 1));
        TRY(web_fields_read(PAX, T_COUNT, req, prefix, f->pax[i], &ok));
        TRY(form_reading(req, prefix, &PAX[T_KANA], &f->pax[i][T_KANA]));
        if (f->pax[i][T_SEX].text.len == 0) {
            f->pax[i][T_SEX].problem = WEB_PROBLEM_NONE;
        }
    }
    for (size_t i = 0; i < f->n; i++) {
        check_pax(req, f, i, (int64_t)i >= b->adults, departure);
    }
    return OK;
}

/* --- showing ---------------------------------------------------------------------------------- */

static struct tpl_field pax_field(web_req_t *req, form_t *f, size_t i, unsigned which)
{
    return form_field(req, (const char *)field_id(req->arena, i, PAX[which].name).ptr,
                      &f->pax[i][which], &f->errors);
}

static err_t pax_rows(web_req_t *req, const booking_t *b, form_t *f, struct tpl_travellers_args *p)
{
    struct tpl_traveller_form *rows = ARENA_ARRAY(req->arena, struct tpl_traveller_form, f->n + 1);
    ENSURE(rows, ERR_MEMORY);
    for (size_t i = 0; i < f->n; i++) {
        const web_value_t *v = f->pax[i];
        rows[i] = (struct tpl_traveller_form){.n = (int64_t)i + 1,
                                              .adult = (int64_t)i < b->adults,
                                              .name = pax_field(req, f, i, T_NAME),
                                              .kana = pax_field(req, f, i, T_KANA),
                                              .birth = {.year = v[T_YEAR].text,
                                                        .month = v[T_MONTH].text,
                                                        .day = v[T_DAY].text,
                                                        .error = f->birth_error[i]},
                                              .sex = v[T_SEX].text};
        if (f->name_error[i].len > 0) {
            rows[i].name.error = f->name_error[i];
        }
    }
    p->travellers = rows;
    p->travellers_count = f->n;
    return OK;
}

static err_t show(shop_t *shop, db_t *db, web_req_t *req, web_res_t *res, const booking_t *b,
                  form_t *f, int status)
{
    arena_t *a = req->arena;
    form_errors_t own = f->errors; /* the form's order: representative first */
    struct tpl_travellers_args p = {.same = f->rep[R_SAME].number == 1, .hidden = f->hidden};
    f->errors.n = 0;
    TRY(page_fill(shop, req, "", &p.page));
    TRY(page_booking(db, a, page_lang(req), b, req->now_us, &p.b));
    TRY(page_booking_href(a, b->id, "/travellers", &p.action));
    TRY(page_booking_href(a, b->id, "/cancel", &p.cancel_action));
    TRY(web_csrf(req, res, &p.csrf));
    p.name = form_field(req, "name", &f->rep[R_NAME], &f->errors);
    p.kana = form_field(req, "kana", &f->rep[R_KANA], &f->errors);
    p.email = form_field(req, "email", &f->rep[R_EMAIL], &f->errors);
    p.phone = form_field(req, "phone", &f->rep[R_PHONE], &f->errors);
    p.postal = form_field(req, "postal", &f->rep[R_POSTAL], &f->errors);
    p.address = form_field(req, "address", &f->rep[R_ADDRESS], &f->errors);
    TRY(pax_rows(req, b, f, &p));
    for (size_t i = 0; i < own.n; i++) {
        form_error_add(&f->errors, own.at[i].field, own.at[i].text);
    }
    p.errors = form_errors_named(req, &f->errors);
    p.errors_count = f->errors.n;
    tpl_travellers(web_html(res, status), page_lang(req), &p);
    return OK;
}

/* What was given before, if it can be opened now. */
static void fill_pax(arena_t *a, const traveller_t *t, web_value_t v[T_COUNT])
{
    date_t birth;
    v[T_NAME].text = t->name;
    v[T_KANA].text = t->kana;
    v[T_SEX].text = t->sex;
    if (err_failed(date_parse(t->birth, &birth))) {
        return;
    }
    date_ymd_t ymd = date_to_ymd(birth);
    err_ignore(arena_printf(a, &v[T_YEAR].text, "%d", ymd.year)); /* an empty field is no harm */
    err_ignore(arena_printf(a, &v[T_MONTH].text, "%u", ymd.month));
    err_ignore(arena_printf(a, &v[T_DAY].text, "%u", ymd.day));
}

/* A customer with an account need not type who she is. */
static err_t prefill_account(shop_t *shop, db_t *db, web_req_t *req, const booking_t *b, form_t *f)
{
    vault_context_t ctx;
    account_contact_t c;
    f->rep[R_SAME].number = 1;
    if (id_is_zero(b->account) || !id_eq(b->account, web_session_user(req))) {
        return OK;
    }
    TRY(page_vault_context(db, req, b, &ctx));
    if (err_failed(account_reveal_contact(db, shop->vault, req->arena, &ctx, b->account, &c))) {
        return OK; /* an empty form then: nothing was lost */
    }
    f->rep[R_NAME].text = c.name;
    f->rep[R_KANA].text = c.kana;
    f->rep[R_EMAIL].text = c.email;
    f->rep[R_PHONE].text = c.phone;
    return OK;
}

static err_t prefill(shop_t *shop, db_t *db, web_req_t *req, const booking_t *b, form_t *f)
{
    vault_context_t ctx;
    people_t people;
    bool exist;
    TRY(people_exist(db, b->id, &exist));
    if (!exist) {
        return prefill_account(shop, db, req, b, f);
    }
    TRY(page_vault_context(db, req, b, &ctx));
    err_t e = people_reveal(db, shop->vault, req->arena, &ctx, b, &people);
    if (page_reveal_rests(e)) {
        atomic_fetch_add(&shop->counts.reveals_refused, 1);
        f->hidden = true;
        return OK;
    }
    TRY(e);
    f->rep[R_NAME].text = people.rep.name;
    f->rep[R_KANA].text = people.rep.kana;
    f->rep[R_EMAIL].text = people.rep.email;
    f->rep[R_PHONE].text = people.rep.phone;
    f->rep[R_POSTAL].text = people.rep.postcode;
    f->rep[R_ADDRESS].text = people.rep.address;
    for (size_t i = 0; i < people.n && i < f->n; i++) {
        fill_pax(req->arena, &people.at[i], f->pax[i]);
    }
    return OK;
}

/* --- saving ----------------------------------------------------------------------------------- */

static err_t people_of(arena_t *a, const booking_t *b, const form_t *f, people_t *p)
{
    const web_value_t *r = f->rep;
    *p = (people_t){.rep = {r[R_NAME].text, r[R_KANA].text, r[R_EMAIL].text, r[R_PHONE].text,
                            r[R_POSTAL].text, r[R_ADDRESS].text},
                    .n = f->n};
    for (size_t i = 0; i < f->n; i++) {
        const web_value_t *v = f->pax[i];
        bool same = i == 0 && r[R_SAME].number == 1;
        traveller_t *t = &p->at[i];
        *t = (traveller_t){.name = same && v[T_NAME].text.len == 0 ? p->rep.name : v[T_NAME].text,
                           .kana = same && v[T_KANA].text.len == 0 ? p->rep.kana : v[T_KANA].text,
                           .sex = v[T_SEX].text,
                           .child = (int64_t)i >= b->adults};
        TRY(arena_printf(a, &t->birth, "%04d-%02d-%02d", (int)v[T_YEAR].number,
                         (int)v[T_MONTH].number, (int)v[T_DAY].number));
    }
    return OK;
}

/* Ends the lease: who waits for the vault and the writer keeps no connection from those who read.
 */
static err_t save(shop_t *shop, db_lease_t *lease, web_req_t *req, booking_t *b, const form_t *f)
{
    people_t people;
    people_store_t store = {.writer = shop->writer,
                            .vault = shop->vault,
                            .arena = req->arena,
                            .request = req->id,
                            .now_us = clock_wall_us()};
    TRY(people_of(req->arena, b, f, &people));
    db_lease_end(lease);
    err_t e = people_save(&store, b, &people);
    if (err_is(e, ERR_CONFLICT)) { /* pressed twice: the other one made the person; as it is now */
        TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, lease));
        TRY(booking_load(lease->db, req->arena, b->id, b));
        db_lease_end(lease);
        e = people_save(&store, b, &people);
    }
    return e;
}

static bool room_rests(err_t e)
{
    return err_is(e, ERR_UNAVAILABLE) || err_is(e, ERR_TIMEOUT) || err_is(e, ERR_CLOSED) ||
           err_is(e, ERR_NOT_RECORDED) || err_is(e, ERR_DB_BUSY);
}

static err_t post(shop_t *shop, db_lease_t *lease, web_req_t *req, web_res_t *res, booking_t *b,
                  form_t *f, date_t departure)
{
    slice_t href;
    bool wrong = false;
    TRY(read_form(req, b, departure, f));
    for (size_t i = 0; i < R_COUNT; i++) {
        wrong = wrong || f->rep[i].problem != WEB_PROBLEM_NONE;
    }
    for (size_t i = 0; i < f->n; i++) {
        wrong = wrong || f->pax[i][T_NAME].problem || f->pax[i][T_KANA].problem ||
                f->pax[i][T_SEX].problem;
    }
    if (wrong || f->errors.n > 0) {
        return show(shop, lease->db, req, res, b, f, 422);
    }
    err_t e = save(shop, lease, req, b, f);
    if (room_rests(e)) {
        form_error_add(&f->errors, SLICE("name"), page_msg(req, SHOP_MSG_FORM_NOT_SAVED));
        db_lease_end(lease);
        TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, lease));
        return show(shop, lease->db, req, res, b, f, 503);
    }
    TRY(e);
    TRY(page_booking_href(req->arena, b->id, "/confirm", &href));
    return web_redirect(res, 303, href);
}

err_t handle_travellers(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    booking_t b;
    slice_t href;
    departure_t d;
    form_t *f = ARENA_NEW(req->arena, form_t);
    ENSURE(f, ERR_MEMORY);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    TRY(page_own_booking(lease.db, req, &b));
    if (!booking_state_holds(b.state)) {
        TRY(page_booking_href(req->arena, b.id, "", &href));
        return web_redirect(res, 303, href);
    }
    TRY(catalogue_departure(lease.db, req->arena, page_lang(req), b.departure, &d));
    f->n = (size_t)(b.adults + b.children);
    if (req->method == WEB_POST) {
        return post(shop, &lease, req, res, &b, f, d.day);
    }
    TRY(prefill(shop, lease.db, req, &b, f));
    return show(shop, lease.db, req, res, &b, f, 200);
}
