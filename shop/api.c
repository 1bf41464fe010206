#include "api.h"

void shop_client_init(wire_client_t *c, path_t socket_path, room_id_t self)
{
    wire_client_init(c, &(wire_client_conf_t){.path = socket_path,
                                              .self = self,
                                              .peer = ROOM_SHOP,
                                              .api_version = SHOP_API_VERSION,
                                              .max_conns = 2});
}

err_t shop_find_booking(wire_client_t *c, slice_t number, id128_t *ret_booking)
{
    uint8_t out[64], in[512];
    buf_t request = BUF_ON_ARRAY(out), answer = BUF_ON_ARRAY(in);
    cursor_t body;
    ENSURE(number.len <= SHOP_NUMBER_MAX, ERR_NOT_FOUND);
    wire_begin(&request, SHOP_FIND_BOOKING);
    buf_str16(&request, number);
    TRY(wire_client_ask(c, buf_slice(&request), SHOP_WAIT_MS, &answer, SHOP_BOOKING_IS, &body));
    id128_t id;
    cur_copy(&body, id.b, ID_BYTES);
    cur_str16(&body);
    WIRE_CLIENT_END(&body);
    *ret_booking = id;
    return OK;
}

err_t shop_find_person(wire_client_t *c, slice_t number, id128_t *ret_subject)
{
    uint8_t out[64], in[512];
    buf_t request = BUF_ON_ARRAY(out), answer = BUF_ON_ARRAY(in);
    cursor_t body;
    id128_t subject;
    ENSURE(number.len <= SHOP_NUMBER_MAX, ERR_NOT_FOUND);
    wire_begin(&request, SHOP_FIND_PERSON);
    buf_str16(&request, number);
    TRY(wire_client_ask(c, buf_slice(&request), SHOP_WAIT_MS, &answer, SHOP_PERSON_IS, &body));
    cur_copy(&body, subject.b, ID_BYTES);
    WIRE_CLIENT_END(&body);
    *ret_subject = subject;
    return OK;
}

err_t shop_forget(wire_client_t *c, id128_t request_id, id128_t subject, id128_t *ret_bookings,
                  size_t *ret_n)
{
    uint8_t out[64], in[512 + SHOP_FORGET_MAX * ID_BYTES];
    buf_t request = BUF_ON_ARRAY(out), answer = BUF_ON_ARRAY(in);
    cursor_t body;
    wire_begin(&request, SHOP_FORGET);
    buf_put(&request, id_slice(&request_id));
    buf_put(&request, id_slice(&subject));
    TRY(wire_client_ask(c, buf_slice(&request), SHOP_FORGET_WAIT_MS, &answer, SHOP_FORGOTTEN,
                        &body));
    size_t n = cur_u16(&body);
    CHECK(n <= SHOP_FORGET_MAX);
    for (size_t i = 0; i < n; i++) {
        cur_copy(&body, ret_bookings[i].b, ID_BYTES);
    }
    WIRE_CLIENT_END(&body);
    *ret_n = n;
    return OK;
}
