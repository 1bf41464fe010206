/* Secrets of a room: var/secrets/<room>/<name>, mode 0400, the room's own, made at first run. Never
 * in the environment, in ini files or in a log. Before or after the seal. A file that someone else
 * may read, that another user owns or that has another length is refused (DENIED, CORRUPT). */
#ifndef IO_SECRETS_H
#define IO_SECRETS_H

#include "base/secret.h"
#include "io/daemon.h"

/* Exactly len bytes. NOT_FOUND when there is none. */
err_t secrets_load(const daemon_t *d, const char *name, void *ret_bytes, size_t len);
/* Stores a secret that was made elsewhere (a key pair). EXISTS when there is one already. */
err_t secrets_store(const daemon_t *d, const char *name, const void *bytes, size_t len);
/* Loads it; at first run makes len random bytes. */
err_t secrets_load_or_create(const daemon_t *d, const char *name, void *ret_bytes, size_t len);
/* The same on any folder, for tools: owner = who must own it. */
err_t secrets_load_from(path_t dir, const char *name, uid_t owner, void *ret_bytes, size_t len);
err_t secrets_store_in(path_t dir, const char *name, uid_t owner, gid_t group, const void *bytes,
                       size_t len);

#endif
