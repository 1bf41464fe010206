/* The watch of one mount namespace: every file that a process in it writes is seen by fanotify(7),
 * on every mount that can be written, whatever the system call, deleted or not. Needs root. */
#ifndef CLEAR_WATCH_H
#define CLEAR_WATCH_H

#include "file.h"
#include "held.h"

typedef struct watch {
    int notify_fd;
    held_t held;
    uint64_t lost; /* events that the kernel dropped or files that could not be kept: never 0 in a
                      clean result */
} watch_t;

/* Moves this process into a namespace of its own and marks its mounts. Programs enter it by
 * setns(2), or are children. DENIED without root; IO. */
err_t watch_open(watch_t *w);
void watch_close(watch_t *w);
/* Takes what happened since; to be called whenever notify_fd is readable. */
err_t watch_take(watch_t *w);
/* What only a walk shows, of the processes that are alive now: files mapped or still open, memfd,
 * memory that several processes share. They are held from then on. */
err_t watch_walk(watch_t *w);
/* All files held. */
err_t watch_search(watch_t *w, file_search_t *f);

#endif
