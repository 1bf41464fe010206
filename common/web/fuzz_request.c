/* A whole request through the floor, without a server: "METHOD target\nName: value\n\nbody". What
 * must hold: an answer of a known status within its cap, header values without line ends, and no
 * card number reaching a handler. */
#include <fcntl.h>

#include "test_room.h"
#include "text/card.h"
#include "web/priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(void *to, const char *name, const char *value)
{
    CHECK(web_is_token(slice_cstr_in(name)) && web_header_value_ok(slice_cstr_in(value)));
}

static web_app_t *the_app(void)
{
    static test_room_t room = {.lock = PTHREAD_MUTEX_INITIALIZER,
                               .all_here = PTHREAD_COND_INITIALIZER};
    static web_app_t *app;
    if (!app) {
        room.files.dir_fd = open("/nowhere", O_RDONLY);
        web_config_t config = test_room_config(&room, -1);
        CHECK(!err_failed(web_app_make(&config, &app)));
    }
    return app;
}

static slice_t line(slice_t *rest)
{
    size_t at = slice_find_byte(*rest, '\n');
    slice_t out = slice_sub(*rest, 0, at == SIZE_MAX ? rest->len : at);
    *rest = slice_from(*rest, at == SIZE_MAX ? rest->len : at + 1);
    return out;
}

static void look(const web_turn_t *turn)
{
    const web_res_t *res = &turn->res;
    CHECK(res->status >= 200 && res->status < 600 && res->body.len <= WEB_BODY_BYTES);
    CHECK(res->is_set && !res->body.full);
    for (size_t i = 0; i < res->n_headers; i++) {
        put(NULL, (const char *)res->headers[i].name.ptr, (const char *)res->headers[i].value.ptr);
    }
    web_security_headers(&turn->req, res, put, NULL);
    if (res->status == 200) {
        for (size_t i = 0; i < turn->req.form.n; i++) {
            CHECK(!card_scan(turn->req.form.at[i].value, NULL));
        }
        for (size_t i = 0; i < turn->req.query.n; i++) {
            CHECK(!card_scan(turn->req.query.at[i].value, NULL));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t rest = slice_make(data, size), first = line(&rest);
    size_t space = slice_find_byte(first, ' ');
    slice_t method = slice_sub(first, 0, space == SIZE_MAX ? first.len : space);
    slice_t target = slice_from(first, space == SIZE_MAX ? first.len : space + 1);
    web_pair_t headers[WEB_HEADERS_MAX + 1];
    size_t n = 0;
    for (slice_t l = line(&rest); l.len && n < BASE_COUNT(headers); l = line(&rest)) {
        size_t colon = slice_find_byte(l, ':');
        colon = colon == SIZE_MAX ? l.len : colon;
        headers[n++] = (web_pair_t){slice_sub(l, 0, colon), slice_from(l, colon + 1)};
    }
    if (slice_starts(target, SLICE("/wait"))) {
        return 0; /* waits for others */
    }
    web_turn_t *turn = web_turn_new(the_app(), target);
    CHECK(turn);
    web_turn_begin(turn, method, headers, n, -1);
    /* in two pieces, as it may come */
    bool more = web_turn_body(turn, slice_sub(rest, 0, rest.len / 2));
    if (more && web_turn_body(turn, slice_from(rest, rest.len / 2))) {
        web_turn_finish(turn);
        look(turn);
    }
    web_turn_free(turn);
    return 0;
}
