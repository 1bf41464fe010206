/* All files that the processes of one mount namespace wrote, kept open: deleted ones stay readable.
 */
#ifndef CLEAR_HELD_H
#define CLEAR_HELD_H

#include <sys/types.h>

#include "base/err.h"

typedef struct held_file {
    dev_t device;
    ino_t inode;
    int fd;     /* read-only */
    char *name; /* its path when it was first seen */
} held_file_t;

typedef struct held {
    held_file_t *files; /* hashed by device and inode; fd < 0 = free */
    size_t count, room;
} held_t;

err_t held_init(held_t *h);
void held_deinit(held_t *h);
/* Takes the descriptor over: keeps it when it is a regular file not yet held, else closes it. True
 * when it was new. MEMORY (the descriptor is closed then, too). */
err_t held_add(held_t *h, int fd, bool *ret_new);
bool held_has(const held_t *h, dev_t device, ino_t inode);

#endif
