/* A room's printer: hands a paper to paperd and gets its PDF. Started before the room's seal,
 * because a sealed room starts no program; a small keeper process of the room's user then starts a
 * paperd for each paper, and ends with the room.
 *
 *   TRY(printer_start(&printer, NULL, uid, gid, d->separated));   - single-threaded, before
 * daemon_seal TRY(printer_print(&printer, buf_slice(&paper), &arena, &pdf));
 * SIGPIPE must be ignored, as daemon_begin does. */
#ifndef PAPER_PRINTER_H
#define PAPER_PRINTER_H

#include <pthread.h>
#include <sys/types.h>

#include "base/arena.h"
#include "paper/paper.h"

enum { PRINTER_WAIT_MS = 10000 }; /* for one paper, those before it included */

typedef struct printer {
    int fd; /* the keeper's ear; -1 = no printer */
    uint64_t next;
    pthread_mutex_t lock;
} printer_t;

/* program: where paperd is; NULL = beside this program, or where the build puts it. drop: become
 * uid and gid. NOT_FOUND when there is no paperd; IO. The printer lives as long as the process. */
err_t printer_start(printer_t *p, const char *program, uid_t uid, gid_t gid, bool drop);
/* The PDF, in the arena. Any thread; one at a time. UNAVAILABLE without a keeper; TIMEOUT; what
 * paperd found wrong with the paper; LIMIT above PAPER_PDF_MAX; MEMORY. */
err_t printer_print(printer_t *p, slice_t paper, arena_t *a, slice_t *ret_pdf);
/* The keeper sees the end and goes; the room reaps it with its other children, or init does. */
void printer_stop(printer_t *p);

#endif
