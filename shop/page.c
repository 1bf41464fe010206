/* The frame of a page and the visitor's own bookings. */
#include "page.h"

bool shop_payments_open(shop_t *shop, bool strict)
{
    brake_state_t state = strict ? brake_now_strict(shop->brake) : brake_now(shop->brake);
    return brake_is_open(&state, BRAKE_PAYMENTS);
}

bool shop_bookings_open(shop_t *shop)
{
    brake_state_t state = brake_now(shop->brake);
    return brake_is_open(&state, BRAKE_SHOP);
}

err_t page_fill(shop_t *shop, web_req_t *req, const char *nav, struct tpl_page *ret_page)
{
    i18n_lang_t lang = page_lang(req);
    i18n_lang_t other = req->lang == I18N_JA ? I18N_EN : I18N_JA;
    struct tpl_page p = {.agency = shop->agency.page[lang],
                         .offices_count = shop->agency.n_offices,
                         .nav = slice_cstr_in(nav),
                         .assets = slice_cstr_in(shop->conf->assets),
                         .logged_in = !id_is_zero(web_session_user(req)),
                         .demo = shop->profile == PROFILE_DEMO,
                         .payments_stopped = !shop_payments_open(shop, false)};
    TRY(agency_offices_page(req->arena, &shop->agency, lang, req->now_us, &p.offices));
    TRY(web_req_lang_url(req, other, &p.switch_href));
    *ret_page = p;
    return OK;
}

slice_t page_msg(const web_req_t *req, shop_msg_t msg)
{
    return i18n_text(&shop_catalog, page_lang(req), msg);
}

err_t page_token(arena_t *a, slice_t *ret_token)
{
    char letters[SHOP_TOKEN_LETTERS];
    random_letters(letters, sizeof letters);
    return arena_copy(a, slice_make(letters, sizeof letters), ret_token);
}

err_t page_booking_href(arena_t *a, id128_t booking, const char *tail, slice_t *ret_href)
{
    char id[ID_TEXT];
    id_encode(booking, id);
    return arena_printf(a, ret_href, "/bookings/%.*s%s", ID_TEXT, id, tail);
}

void form_error_add(form_errors_t *errors, slice_t field, slice_t text)
{
    if (errors->n < BASE_COUNT(errors->at)) {
        errors->at[errors->n++] = (struct tpl_form_error){.field = field, .text = text};
    }
}

/* Fields by the end of their id; a traveller's stand behind "tN_". */
static const struct {
    const char *field;
    shop_msg_t name;
} FIELD_NAMES[] = {
    {"name", SHOP_MSG_FORM_NAME},         {"kana", SHOP_MSG_FORM_KANA},
    {"email", SHOP_MSG_FORM_EMAIL},       {"phone", SHOP_MSG_FORM_PHONE},
    {"postal", SHOP_MSG_FORM_POSTAL},     {"address", SHOP_MSG_FORM_ADDRESS},
    {"password", SHOP_MSG_FORM_PASSWORD}, {"year", SHOP_MSG_FORM_BIRTH},
    {"number", SHOP_MSG_LOOKUP_NUMBER},
};

static shop_msg_t field_name(slice_t field)
{
    for (size_t i = 0; i < BASE_COUNT(FIELD_NAMES); i++) {
        if (slice_eq(field, slice_cstr_in(FIELD_NAMES[i].field))) {
            return FIELD_NAMES[i].name;
        }
    }
    return SHOP_MSG_NONE;
}

static slice_t label_of(const web_req_t *req, slice_t field)
{
    buf_t out;
    size_t cut = slice_find_byte(field, '_');
    bool traveller = cut == 2 && field.ptr[0] == 't';
    shop_msg_t name = field_name(traveller ? slice_from(field, 3) : field);
    if (!traveller || name == SHOP_MSG_NONE || err_failed(arena_buf(req->arena, 160, &out))) {
        return page_msg(req, name);
    }
    shop_msg_travellers_nth(&out, page_lang(req), field.ptr[1] - '0');
    buf_u8(&out, ' ');
    buf_put(&out, page_msg(req, name));
    return buf_slice(&out);
}

const struct tpl_form_error *form_errors_named(const web_req_t *req, form_errors_t *errors)
{
    for (size_t i = 0; i < errors->n; i++) {
        errors->at[i].label = label_of(req, errors->at[i].field);
    }
    return errors->at;
}

err_t form_reading(web_req_t *req, slice_t prefix, const web_field_t *kana, web_value_t *io_value)
{
    if (req->lang != I18N_EN || io_value->problem != WEB_PROBLEM_KANA) {
        return OK;
    }
    web_field_t roman = *kana;
    roman.kind = WEB_KIND_ROMAN;
    web_value_t again;
    bool ok;
    TRY(web_fields_read(&roman, 1, req, prefix, &again, &ok));
    if (ok) {
        *io_value = again;
    }
    return OK;
}

struct tpl_field form_field(const web_req_t *req, const char *name, const web_value_t *value,
                            form_errors_t *errors)
{
    struct tpl_field f = {.value = value->text};
    if (value->problem != WEB_PROBLEM_NONE) {
        f.error = web_problem_text(req->lang, value->problem);
        form_error_add(errors, slice_cstr_in(name), f.error);
    }
    return f;
}

/* --- who may see what ------------------------------------------------------------------------- */

#define OWN_KEY "own"

static bool own_has(const web_req_t *req, id128_t booking)
{
    slice_t list = web_session_get(req, OWN_KEY);
    for (size_t at = 0; at + ID_BYTES <= list.len; at += ID_BYTES) {
        if (id_eq(id_from_bytes(list.ptr + at), booking)) {
            return true;
        }
    }
    return false;
}

err_t page_own_add(web_req_t *req, web_res_t *res, id128_t booking)
{
    uint8_t mem[ID_BYTES * SHOP_OWN_MAX];
    buf_t b = BUF_ON_ARRAY(mem);
    if (own_has(req, booking)) {
        return OK;
    }
    buf_put(&b, id_slice(&booking));
    buf_put(&b, slice_sub(web_session_get(req, OWN_KEY), 0, sizeof mem - ID_BYTES));
    TRY(buf_check(&b));
    slice_t value;
    TRY(arena_copy(req->arena, buf_slice(&b), &value));
    return web_session_set(req, res, OWN_KEY, value);
}

err_t page_own_booking(db_t *db, web_req_t *req, booking_t *ret_booking)
{
    id128_t id, user = web_session_user(req);
    booking_t b;
    if (err_failed(id_decode(web_req_param(req, "id"), &id))) {
        return FAIL(ERR_NOT_FOUND);
    }
    TRY(booking_load(db, req->arena, id, &b));
    bool own = own_has(req, id) || (!id_is_zero(user) && id_eq(user, b.account));
    ENSURE(own, ERR_NOT_FOUND);
    *ret_booking = b;
    return OK;
}

err_t page_account(db_t *db, const web_req_t *req, id128_t *ret_account, id128_t *ret_pseudonym)
{
    id128_t user = web_session_user(req);
    *ret_account = *ret_pseudonym = id_zero();
    if (id_is_zero(user)) {
        return OK;
    }
    db_rows_t r;
    TRY(db_query_one(db, req->arena, SQL("SELECT pseudonym FROM account WHERE id = ?1"),
                     DB_ARGS(db_id(&user)), &r));
    *ret_account = user;
    *ret_pseudonym = db_col_id(&r, 0);
    return OK;
}

err_t page_vault_context(db_t *db, const web_req_t *req, const booking_t *b,
                         vault_context_t *ret_ctx)
{
    id128_t account, pseudonym;
    TRY(web_req_may_reveal(req));
    TRY(page_account(db, req, &account, &pseudonym));
    *ret_ctx = (vault_context_t){.request = req->id,
                                 .object = b->id,
                                 .actor = id_is_zero(pseudonym) ? web_session_id(req) : pseudonym,
                                 .purpose = VAULT_FOR_SHOW_TO_OWNER};
    return OK;
}

bool page_reveal_rests(err_t e)
{
    return err_is(e, ERR_NOT_RECORDED) || err_is(e, ERR_UNAVAILABLE) || err_is(e, ERR_TIMEOUT) ||
           err_is(e, ERR_CLOSED) || err_is(e, ERR_BUDGET) || err_is(e, ERR_VERSION) ||
           err_is(e, ERR_STOPPED) || err_is(e, ERR_DENIED) || err_is(e, ERR_NOT_FOUND);
}
