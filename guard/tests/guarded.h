/* The example of docs/guard-any-site.md at work: weak sites on 127.0.0.2 over TLS with an authority
 * of their own, the guard in front with HTTPS, ledgers, logs and syslog of this test. Test code
 * only. */
#ifndef GUARD_TESTS_GUARDED_H
#define GUARD_TESTS_GUARDED_H

#include "certs.h"
#include "site.h"
#include "wire.h"

#define WWW "www.agency.example" /* on */
#define NEW "new.agency.example" /* detect, fail open */
#define APP "app.agency.example" /* the origin's name in its certificate */
#define ORIGIN_KEY "k3y-of-the-origin-0123456789"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define BROWSER "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html\r\n"
/* Brings OF_MEMBERS out of /tours?q= of a site that nobody guards. */
#define OF_MEMBERS "row-of-a-member-7Q3"
#define UNION_Q "%27%20UNION%20SELECT%20secret,1%20FROM%20members--%20"

typedef struct guarded {
    front_t front; /* its port is plain HTTP */
    unsigned https_port, proxy_port;
    site_t app, other;                    /* behind WWW, with the key; behind NEW, plain HTTP */
    site_t wrong_ca, wrong_name, expired; /* behind places of WWW */
    cert_ca_t *front_ca, *origin_ca;
    int syslog_fd;
} guarded_t;

extern guarded_t guarded;

/* False: something is missing here (skipped). more: a directive or two for http{}. */
bool guarded_here(int argc, char **argv);
void guarded_start(const char *more);
void guarded_conf(const char *more); /* another configuration; nothing is reloaded */
void guarded_stop(void);
/* A new certificate for one of the guard's hosts, where the configuration looks for it; its serial
 * number. */
long guarded_cert(const char *host);
const char *guarded_file(const char *name); /* full name, in one of a few static buffers */

/* One request over a new TLS connection; host is that of the handshake. */
answer_t guarded_ask(const char *source, const char *host, const char *request);
/* GET with a browser's lines and `head`, each with its CRLF. */
answer_t guarded_get(const char *host, const char *target, const char *head);
/* Straight to an origin that speaks plain HTTP. */
answer_t guarded_past(const site_t *s, const char *request);
bool has_member(const answer_t *a);                       /* a member's row is in it */
void status_is(answer_t a, int status, const char *what); /* frees it */
/* Waits until a file of the front's folder holds the text (access lines are written when the answer
 * has gone). */
void guarded_wait(const char *file, const char *text);
void guarded_forget(const char *file);

#endif
