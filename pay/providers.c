#include "providers.h"

#include "io/secrets.h"
#include "komoju.h"
#include "sbps.h"
#include "stripe.h"

enum { KEY_MIN = 16 };

const conf_field_t PROVIDERS_FIELDS[] = {
    CONF_TEXT_ROW(
        payd_conf_t, return_base, "site", "return_base", "http://shop.localhost:8080",
        "address of the shop, to which the provider sends the browser back; no slash at the end"),
    CONF_TEXT_ROW(
        payd_conf_t, providers, "site", "providers", "komoju",
        "komoju, stripe, sbps; the first takes new payments. One that took payments stays "
        "in the list while they may still be paid back"),
    CONF_TEXT_ROW(payd_conf_t, komoju_url, "komoju", "url", "http://psp.localhost:8090",
                  "the provider's API, without /api/v1; https://komoju.com in production"),
    CONF_TEXT_ROW(payd_conf_t, komoju_page_origin, "komoju", "page_origin", "",
                  "scheme://host[:port] of the provider's payment pages; empty = that of url"),
    CONF_TEXT_ROW(payd_conf_t, komoju_resolve, "komoju", "resolve", "psp.localhost:8090:127.0.0.1",
                  "host:port:address for a host that no name server knows; empty in production"),
    CONF_TEXT_ROW(payd_conf_t, stripe_url, "stripe", "url", "http://psp.localhost:8090",
                  "the API, without /v1; https://api.stripe.com in production"),
    CONF_TEXT_ROW(payd_conf_t, stripe_page_origin, "stripe", "page_origin", "",
                  "https://checkout.stripe.com in production; empty = that of url"),
    CONF_TEXT_ROW(payd_conf_t, stripe_resolve, "stripe", "resolve", "psp.localhost:8090:127.0.0.1",
                  "as [komoju] resolve"),
    CONF_TEXT_ROW(payd_conf_t, sbps_url, "sbps", "url", "http://psp.localhost:8090",
                  "the API, without /api/xmlapi.do; https://api.sps-system.com in production"),
    CONF_TEXT_ROW(payd_conf_t, sbps_page_origin, "sbps", "page_origin", "",
                  "of /f01/FepBuyInfoReceive.do; https://fep.sps-system.com in production"),
    CONF_TEXT_ROW(payd_conf_t, sbps_resolve, "sbps", "resolve", "psp.localhost:8090:127.0.0.1",
                  "as [komoju] resolve"),
    CONF_TEXT_ROW(payd_conf_t, sbps_merchant, "sbps", "merchant_id", "30132",
                  "five digits, from the contract"),
    CONF_TEXT_ROW(payd_conf_t, sbps_service, "sbps", "service_id", "001",
                  "three digits, from the contract"),
    CONF_TEXT_ROW(payd_conf_t, sbps_hash_charset, "sbps", "hash_charset", "shift_jis",
                  "over which bytes the hash goes: shift_jis or utf-8 (to be tried against the "
                  "provider's test account: public sources differ)"),
    CONF_TEXT_ROW(payd_conf_t, db_url, "database", "url", "",
                  "empty = SQLite in var/pay; or postgresql://..."),
};
_Static_assert(BASE_COUNT(PROVIDERS_FIELDS) == PROVIDERS_FIELD_COUNT, "the header says how many");

/* ---- the table ---- */

typedef struct provider_row {
    const char *name;
    void (*init)(adapter_t *adapter);
    size_t url, page_origin, resolve; /* offsets in payd_conf_t */
} provider_row_t;

#define ROW(provider)                                                                              \
    {                                                                                              \
#provider, provider##_init, offsetof(payd_conf_t, provider##_url),                         \
            offsetof(payd_conf_t, provider##_page_origin),                                         \
            offsetof(payd_conf_t, provider##_resolve)                                              \
    }
static const provider_row_t ROWS[] = {ROW(komoju), ROW(stripe), ROW(sbps)};
_Static_assert(BASE_COUNT(ROWS) <= ADAPTER_MOST, "each may be named once");

static const char *text_at(const payd_conf_t *conf, size_t offset)
{
    return (const char *)conf + offset;
}

static const provider_row_t *row_find(slice_t name)
{
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        if (slice_eq(name, slice_cstr_in(ROWS[i].name))) {
            return &ROWS[i];
        }
    }
    return NULL;
}

static err_t list_read(const payd_conf_t *conf, const provider_row_t *ret[ADAPTER_MOST],
                       size_t *ret_n)
{
    slice_t rest = slice_cstr_in(conf->providers);
    size_t n = 0;
    slice_t word;
    while (slice_split(&rest, ',', &word)) {
        const provider_row_t *row = row_find(slice_trim(word));
        ENSURE(row && n < ADAPTER_MOST, ERR_CONFIG);
        for (size_t i = 0; i < n; i++) {
            ENSURE(ret[i] != row, ERR_CONFIG);
        }
        ret[n++] = row;
    }
    ENSURE(n > 0, ERR_CONFIG);
    *ret_n = n;
    return OK;
}

/* ---- configuration ---- */

static bool is_digits(const char *text, size_t len)
{
    return strlen(text) == len && strspn(text, "0123456789") == len;
}

static err_t sbps_check(const payd_conf_t *conf)
{
    ENSURE(is_digits(conf->sbps_merchant, 5) && is_digits(conf->sbps_service, 3), ERR_CONFIG);
    ENSURE(strcmp(conf->sbps_hash_charset, "shift_jis") == 0 ||
               strcmp(conf->sbps_hash_charset, "utf-8") == 0,
           ERR_CONFIG);
    return OK;
}

/* Nothing that weakens exists in production. */
static err_t row_check(const daemon_t *d, const payd_conf_t *conf, const provider_row_t *row)
{
    slice_t api = slice_cstr_in(text_at(conf, row->url));
    slice_t page = slice_cstr_in(text_at(conf, row->page_origin));
    ENSURE(!slice_ends(api, SLICE("/")) && !slice_ends(page, SLICE("/")), ERR_CONFIG);
    if (d->profile == PROFILE_PRODUCTION) {
        ENSURE(slice_starts(api, SLICE("https://")), ERR_CONFIG);
        ENSURE(!page.len || slice_starts(page, SLICE("https://")), ERR_CONFIG);
        ENSURE(!text_at(conf, row->resolve)[0], ERR_CONFIG);
    }
    return row->init == sbps_init ? sbps_check(conf) : OK;
}

err_t providers_check(const daemon_t *d, const payd_conf_t *conf)
{
    const provider_row_t *rows[ADAPTER_MOST];
    size_t n;
    ENSURE(d->profile != PROFILE_PRODUCTION ||
               slice_starts(slice_cstr_in(conf->return_base), SLICE("https://")),
           ERR_CONFIG);
    TRY(list_read(conf, rows, &n));
    for (size_t i = 0; i < n; i++) {
        TRY(row_check(d, conf, rows[i]));
    }
    return sbps_charset_open(); /* before the sandbox: it may load files of the C library */
}

/* ---- secrets ---- */

/* The provider's keys are text of a length that only the provider knows. */
static err_t key_load(const daemon_t *d, const char *provider, const char *leaf, size_t least,
                      adapter_key_t *ret_key)
{
    char name[64];
    err_t e = FAIL(ERR_CORRUPT);
    snprintf(name, sizeof name, "%s_%s", provider, leaf);
    for (size_t len = least; len <= ADAPTER_KEY_MAX && err_is(e, ERR_CORRUPT); len++) {
        e = secrets_load(d, name, ret_key->b, len);
        ret_key->len = err_failed(e) ? 0 : len;
    }
    while (ret_key->len && ret_key->b[ret_key->len - 1] == '\n') { /* an editor's last line end */
        ret_key->len--;
    }
    return e;
}

static err_t keys_load(const daemon_t *d, adapter_t *a)
{
    TRY(key_load(d, a->name, "api_key", KEY_MIN, &a->api_key));
    TRY(key_load(d, a->name, "webhook_key", KEY_MIN, &a->webhook_keys[0]));
    err_t old = key_load(d, a->name, "webhook_key_old", KEY_MIN, &a->webhook_keys[1]);
    ENSURE(!err_failed(old) || err_is(old, ERR_NOT_FOUND), old.code);
    return OK;
}

err_t providers_open(const daemon_t *d, const payd_conf_t *conf, providers_t *ret)
{
    const provider_row_t *rows[ADAPTER_MOST];
    TRY(list_read(conf, rows, &ret->n));
    for (size_t i = 0; i < ret->n; i++) {
        adapter_t *a = &ret->at[i];
        rows[i]->init(a);
        a->base_url = text_at(conf, rows[i]->url);
        a->page_origin = text_at(conf, rows[i]->page_origin);
        a->page_origin = a->page_origin[0] ? a->page_origin : a->base_url;
        a->resolve = text_at(conf, rows[i]->resolve);
        a->resolve = a->resolve[0] ? a->resolve : NULL;
        a->https_only = d->profile == PROFILE_PRODUCTION;
        a->merchant = conf->sbps_merchant;
        a->service = conf->sbps_service;
        a->hash_in_sjis = strcmp(conf->sbps_hash_charset, "shift_jis") == 0;
        TRY(keys_load(d, a));
    }
    return OK;
}

void providers_wipe(providers_t *p)
{
    explicit_bzero(p, sizeof *p);
}
