/* Handing one letter to the mail server (RFC 5321 by libcurl). Addresses are checked here once
 * more: no control character can reach a command or a header. */
#ifndef SHOP_SMTP_H
#define SHOP_SMTP_H

#include "base/arena.h"
#include "base/id.h"

typedef struct smtp_server {
    const char *host;
    int64_t port;
    bool tls;         /* STARTTLS demanded */
    const char *from; /* sender's address */
} smtp_server_t;

typedef struct smtp_letter {
    id128_t id;                             /* becomes the Message-ID */
    slice_t to, sender_name, subject, text; /* UTF-8 */
    int64_t date_us;
} smtp_letter_t;

enum { SMTP_LETTER_BYTES = 128 * 1024, SMTP_WAIT_S = 20 };

/* The letter as it goes over the wire: headers, base64 text, CR LF throughout. SYNTAX: an address
 * that is none. Pure; for tests too. */
err_t smtp_compose(arena_t *a, const smtp_server_t *server, const smtp_letter_t *letter,
                   slice_t *ret_message);
/* *ret_final: the server refused it for good (5xx). UNAVAILABLE, TIMEOUT, UPSTREAM. */
err_t smtp_send(arena_t *a, const smtp_server_t *server, const smtp_letter_t *letter,
                bool *ret_final);

#endif
