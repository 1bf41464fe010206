/* Bytes of a stranger at the wire. The first byte chooses: the pure decoders, or a live server that
 * gets the rest as packets (u8 length each) after a good hello or instead of one. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/wire_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(slice_t bytes)
{
    uint16_t kind, version;
    cursor_t body;
    room_id_t room;
    health_t h;
    slice_t text;
    if (err_failed(wire_open(bytes, &kind, &body))) {
        return;
    }
    cursor_t hello = body, error = body, health = body;
    if (!err_failed(wire_get_hello(&hello, &room, &version))) {
        uint8_t mem[16];
        buf_t out = BUF_ON_ARRAY(mem);
        wire_put_hello(&out, room, version);
        CHECK(slice_eq(slice_from(buf_slice(&out), 4), slice_make(body.ptr, body.left)));
    }
    err_t e = wire_get_error(&error, &text);
    CHECK(err_failed(e) && (!wire_err_is_peers(e) || text.len <= WIRE_TEXT_MAX));
    err_ignore(wire_check_hello_ok(bytes, ROOM_VAULT, 1));
    if (!err_failed(wire_get_health(&health, &h))) {
        uint8_t mem[8192];
        buf_t out = BUF_ON_ARRAY(mem);
        health_t again;
        wire_put_health(&out, &h);
        CHECK(!err_failed(wire_open(buf_slice(&out), &kind, &body)));
        CHECK(!err_failed(wire_get_health(&body, &again)) && again.count == h.count);
    }
}

static wire_server_t *server;
static char sock[64];

/* Reads as a room's handler does and answers what it was told. */
static err_t on_message(void *ctx, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    (void)ctx;
    uint32_t n = cur_u32(body);
    slice_t text = cur_str16(body);
    TRY(cur_end(body));
    ENSURE(n < 1000, ERR_RANGE);
    if (kind % 2) {
        wire_no_reply(server, from);
        return OK;
    }
    uint8_t mem[256];
    buf_t out = BUF_ON_ARRAY(mem);
    wire_begin(&out, kind);
    buf_str16(&out, slice_sub(text, 0, 64));
    wire_reply(server, from, buf_slice(&out));
    return OK;
}

static void server_end(void)
{
    wire_server_free(server);
    unlink(sock);
}

static void server_once(void)
{
    static const wire_events_t EVENTS = {.on_message = on_message};
    static const unix_owner_t OWNER = {(uid_t)-1, (gid_t)-1, 0600};
    wire_server_conf_t conf = {.self = ROOM_VAULT, .api_version = 1, .events = &EVENTS};
    int fd;
    if (server) {
        return;
    }
    snprintf(sock, sizeof sock, "/tmp/sekisho-fuzz-%d.sock", (int)getpid());
    CHECK(!err_failed(unix_listen((path_t){sock}, SOCK_SEQPACKET, &OWNER, &fd)));
    CHECK(!err_failed(wire_server_new(&conf, fd, &server)));
    CHECK(atexit(server_end) == 0);
}

static void turns(int count)
{
    for (int i = 0; i < count; i++) {
        CHECK(!err_failed(wire_server_turn(server, 0)));
    }
}

static void live(slice_t bytes, bool hello)
{
    FD_SCOPED int fd = -1;
    uint8_t mem[16];
    buf_t out = BUF_ON_ARRAY(mem);
    server_once();
    CHECK(!err_failed(unix_connect((path_t){sock}, SOCK_SEQPACKET, deadline_in_ms(1000), &fd)));
    if (hello) {
        wire_put_hello(&out, ROOM_SHOP, 1);
        CHECK(send(fd, out.ptr, out.len, MSG_NOSIGNAL) > 0);
    }
    while (bytes.len) {
        size_t len = bytes.ptr[0];
        slice_t packet = slice_sub(bytes, 1, len);
        bytes = slice_from(bytes, 1 + len);
        if (packet.len && send(fd, packet.ptr, packet.len, MSG_NOSIGNAL) < 0) {
            break;
        }
    }
    turns(3);
    fd_close(&fd);
    turns(2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t bytes = slice_make(data, size);
    if (size == 0) {
        return 0;
    }
    if (data[0] % 3 == 0) {
        decode(slice_from(bytes, 1));
    } else {
        live(slice_from(bytes, 1), data[0] % 3 == 1);
    }
    return 0;
}
