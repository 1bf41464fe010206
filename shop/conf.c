/* The rows of shop.ini. */
#include "conf.h"

/* In the order of SHOP_HONEY_*. */
static const char *const HONEY[] = {"auto", "yes", "no", NULL};

static const conf_field_t FIELDS[] = {
    CONF_TEXT_ROW(
        shop_conf_t, base_url, "site", "base_url", "http://shop.localhost:8080",
        "address of the shop as customers see it, without a slash at the end; used in letters"),
    CONF_BOOL_ROW(shop_conf_t, tls, "site", "tls", "no",
                  "yes when that address is https: cookies are then Secure"),
    CONF_TEXT_ROW(shop_conf_t, agency_file, "site", "agency_file", "",
                  "JSON file with the keys agency and offices; empty = the demo agency"),
    CONF_TEXT_ROW(shop_conf_t, assets, "site", "assets", "1",
                  "version mark of the static files; change it when they change"),
    CONF_TEXT_ROW(shop_conf_t, db_url, "database", "url", "",
                  "empty = SQLite in var/shop; or postgresql://..."),
    CONF_INT_ROW(shop_conf_t, db_connections, "database", "connections", 2, 32, "8",
                 "connections for reading"),
    CONF_INT_ROW(shop_conf_t, hold_minutes, "booking", "hold_minutes", 35, 240, "45",
                 "minutes that seats are kept; longer than the provider's session of 30"),
    CONF_INT_ROW(
        shop_conf_t, holds_per_hour, "booking", "holds_per_hour", 1, 100000, "60",
        "bookings that one network address may begin in an hour, so that nobody hoards seats "
        "(profile test: a thousand times as many)"),
    CONF_CHOICE_ROW(shop_conf_t, honey, "honey", "make", HONEY, "auto",
                    "invented customers among the real ones, so that a thief gives himself away "
                    "(how many: vault.ini); auto = yes, but not in profiles test and bench"),
    CONF_TEXT_ROW(shop_conf_t, provider_name, "pay", "provider_name", "KOMOJU",
                  "name of the payment company as customers read it"),
    CONF_TEXT_ROW(
        shop_conf_t, provider_origin, "pay", "provider_origin", "http://psp.localhost:8090",
        "origin of the provider's page (scheme, host, port): the only place outside that a "
        "page may lead to"),
    CONF_TEXT_ROW(shop_conf_t, smtp_host, "mail", "smtp_host", "127.0.0.1", "mail server"),
    CONF_INT_ROW(shop_conf_t, smtp_port, "mail", "smtp_port", 1, 65535, "8100", "its port"),
    CONF_BOOL_ROW(shop_conf_t, smtp_tls, "mail", "smtp_tls", "no",
                  "yes = STARTTLS is demanded and the certificate checked"),
    CONF_TEXT_ROW(shop_conf_t, mail_from, "mail", "from", "no-reply@sekisho-travel.example",
                  "sender address of letters"),
};

const conf_table_t SHOP_CONF = {.fields = FIELDS, .count = BASE_COUNT(FIELDS)};

/* "http://host[:port]" or https. */
static bool is_origin(const char *text)
{
    slice_t s = slice_cstr_in(text);
    bool https = slice_starts(s, SLICE("https://"));
    if (!https && !slice_starts(s, SLICE("http://"))) {
        return false;
    }
    s = slice_from(s, https ? 8 : 7);
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
              c == ':')) {
            return false;
        }
    }
    return s.len > 0;
}

err_t shop_conf_check(const shop_conf_t *conf)
{
    ENSURE(is_origin(conf->base_url) && is_origin(conf->provider_origin), ERR_CONFIG);
    ENSURE(conf->tls == slice_starts(slice_cstr_in(conf->base_url), SLICE("https://")), ERR_CONFIG);
    ENSURE(conf->mail_from[0] && conf->smtp_host[0] && conf->provider_name[0], ERR_CONFIG);
    return OK;
}
