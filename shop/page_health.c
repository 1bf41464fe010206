/* The health page: what works now and what rests, and why. */
#include "handlers.h"
#include "health.h"
#include "page.h"
#include "text/json.h"

static const shop_msg_t ROLES[PART_COUNT] = {[PART_DATABASE] = SHOP_MSG_ROOM_DATABASE,
                                             [PART_LEDGER] = SHOP_MSG_ROOM_LEDGER,
                                             [PART_VAULT] = SHOP_MSG_ROOM_VAULT,
                                             [PART_PAY] = SHOP_MSG_ROOM_PAY,
                                             [PART_MAIL] = SHOP_MSG_ROOM_MAIL};

static void put_bool(buf_t *b, const char *key, bool value)
{
    buf_u8(b, '"');
    buf_cstr(b, key);
    buf_cstr(b, value ? "\":true," : "\":false,");
}

static void put_json(buf_t *b, const shop_health_t *h)
{
    buf_u8(b, '{');
    put_bool(b, "ok", h->all);
    put_bool(b, "bookings", h->bookings);
    put_bool(b, "payments", h->payments);
    put_bool(b, "personal_data_shown", h->personal);
    buf_cstr(b, "\"checked_us\":");
    buf_dec(b, h->checked_us);
    buf_cstr(b, ",\"rooms\":[");
    for (size_t i = 0; i < PART_COUNT; i++) {
        buf_cstr(b, i ? ",{" : "{");
        put_bool(b, "ok", h->ok[i]);
        buf_cstr(b, "\"name\":");
        json_put_string(b, slice_cstr_in(h->name[i]));
        buf_cstr(b, ",\"why\":");
        json_put_string(b, i18n_text(&shop_catalog, I18N_EN, h->why[i]));
        buf_u8(b, '}');
    }
    buf_cstr(b, "]}\n");
}

static err_t put_page(shop_t *shop, web_req_t *req, web_res_t *res, const shop_health_t *h)
{
    struct tpl_health_rooms *rows = ARENA_ARRAY(req->arena, struct tpl_health_rooms, PART_COUNT);
    ENSURE(rows, ERR_MEMORY);
    struct tpl_health_args p = {.ok = h->all,
                                .bookings = h->bookings,
                                .payments = h->payments,
                                .personal = h->personal,
                                .rooms = rows,
                                .rooms_count = PART_COUNT,
                                .checked_at = h->checked_us};
    for (size_t i = 0; i < PART_COUNT; i++) {
        rows[i] = (struct tpl_health_rooms){.name = slice_cstr_in(h->name[i]),
                                            .role = ROLES[i],
                                            .ok = h->ok[i],
                                            .why = page_msg(req, h->why[i])};
    }
    TRY(page_fill(shop, req, "", &p.page));
    tpl_health(web_html(res, h->all ? 200 : 503), page_lang(req), &p);
    return OK;
}

err_t handle_health(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    shop_health_t h = health_look(shop);
    bool json = slice_eq(web_req_query(req, "format"), SLICE("json")) ||
                slice_starts(web_req_header(req, "accept"), SLICE("application/json"));
    if (json) {
        put_json(web_json(res, h.all ? 200 : 503), &h);
        return OK;
    }
    return put_page(shop, req, res, &h);
}
