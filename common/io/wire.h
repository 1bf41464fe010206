/* The message wire between rooms: AF_UNIX SOCK_SEQPACKET, one message a packet, at most
 * WIRE_MAX_BYTES. A message is u16 version, u16 kind, body; little-endian, fixed order.
 *
 * The client opens with HELLO {u16 room, u16 api version} and waits for HELLO_OK {u16 room, u16 api
 * version}; an unknown wire or api version is refused there with ERROR. Then each request gets
 * exactly one answer (or none, where the room's contract says so). Kinds below 16 are the wire's
 * own; a room numbers its own from WIRE_KIND_ROOM on.
 *
 * This header is pure: encoders and decoders, used by nginx with its own events as well. */
#ifndef IO_WIRE_H
#define IO_WIRE_H

#include "base/buf.h"
#include "base/cursor.h"
#include "io/room.h"

enum { WIRE_VERSION = 1, WIRE_MAX_BYTES = 64 * 1024, WIRE_HEAD_BYTES = 4, WIRE_TEXT_MAX = 200 };

typedef enum wire_kind {
    WIRE_HELLO = 1,
    WIRE_HELLO_OK = 2,
    WIRE_ERROR = 3,      /* u16 err code, str16 short text (English, no personal data) */
    WIRE_METRICS = 4,    /* empty body */
    WIRE_METRICS_OK = 5, /* the rest: Prometheus text */
    WIRE_HEALTH = 6,     /* empty body */
    WIRE_HEALTH_OK = 7,  /* see health_t */
    WIRE_DONE = 8,       /* empty body: "done", for answers that have nothing to say */
    WIRE_KIND_ROOM = 16
} wire_kind_t;

/* Starts a message: writes version and kind. The body follows with buf_*; then buf_check. */
void wire_begin(buf_t *b, uint16_t kind);
/* Reads the head; the cursor stands on the body. VERSION, SYNTAX, LIMIT. */
err_t wire_open(slice_t message, uint16_t *ret_kind, cursor_t *ret_body);

void wire_put_hello(buf_t *b, room_id_t self, uint16_t api_version);
err_t wire_get_hello(cursor_t *body, room_id_t *ret_room, uint16_t *ret_api_version);
void wire_put_hello_ok(buf_t *b, room_id_t self, uint16_t api_version);
/* Client side, on the whole first answer: OK, or VERSION, DENIED, ... as the server said. */
err_t wire_check_hello_ok(slice_t message, room_id_t server, uint16_t api_version);

/* An error as an answer. The text is cut to WIRE_TEXT_MAX; NULL = the code's own text. */
void wire_put_error(buf_t *b, err_t e, const char *text);
/* The err_t that a WIRE_ERROR body stands for; its `where` is "peer", its line 0. A malformed body
 * or code 0 is SYNTAX. ret_text may be NULL. */
err_t wire_get_error(cursor_t *body, slice_t *ret_text);
/* True for an error that the other room answered, false for one that arose here. */
bool wire_err_is_peers(err_t e);

/* Health: the state of a room and the reasons, a row each. */
typedef enum health_state { HEALTH_OK, HEALTH_DEGRADED, HEALTH_DOWN } health_state_t;
enum { HEALTH_ROWS = 16, HEALTH_NAME = 32, HEALTH_TEXT = 160 };

typedef struct health {
    health_state_t state; /* the worst of the rows */
    unsigned count;
    struct health_row {
        health_state_t state;
        char name[HEALTH_NAME]; /* "database", "ledger", "disk" */
        char text[HEALTH_TEXT]; /* one English sentence, no personal data */
    } rows[HEALTH_ROWS];
} health_t;

/* Adds a row; past HEALTH_ROWS only the state is kept. */
void health_add(health_t *h, health_state_t state, const char *name, const char *fmt, ...)
    BASE_PRINTF(4, 5);
const char *health_state_name(health_state_t state); /* "ok", "degraded", "down" */
void wire_put_health(buf_t *b, const health_t *h);
err_t wire_get_health(cursor_t *body, health_t *ret_health);

/* One Prometheus sample: "name value\n". name may carry labels. */
void metrics_put(buf_t *b, const char *name, int64_t value);

#endif
