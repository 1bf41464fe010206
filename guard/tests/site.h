/* Somebody else's application behind the guard: weak-site.py as a process, and the configuration of
 * docs/guard-any-site.md with this test's addresses and files in it. Test code only. */
#ifndef GUARD_TESTS_SITE_H
#define GUARD_TESTS_SITE_H

#include "front.h"

typedef struct site {
    pid_t pid;
    unsigned port; /* on 127.0.0.2 */
    char log[FRONT_PATH];
} site_t;

/* options: further words for weak-site.py, ending with NULL. False, with a message, when there is
 * no python3. */
bool site_here(void);
void site_start(site_t *s, const front_t *f, const char *name, const char *const *options);
void site_stop(site_t *s);
/* Requests that it has read. */
size_t site_requests(const site_t *s);
bool site_log_has(const site_t *s, const char *text);

typedef struct site_change {
    const char *from, *to;
} site_change_t;

/* The example of the document, each change made wherever its text stands; fails when it stands
 * nowhere, so that document and tests stay in step. Written as the front's configuration. */
void site_conf(front_t *f, const site_change_t *changes, size_t count);

#endif
