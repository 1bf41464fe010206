/* One JSON line on stderr for one event: id, time, level, room, event, text. Control characters are
 * escaped, a line never exceeds LOG_LINE_MAX bytes and leaves in one write, so lines of several
 * threads never mix.
 *
 * By contract no personal data, no secret and no request text goes in: ids, numbers, names of
 * routes and rules, error codes. Library code never logs; the handler at the top logs once. */
#ifndef IO_LOG_H
#define IO_LOG_H

#include "base/id.h"

typedef enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR } log_level_t;
enum { LOG_LINE_MAX = 2048 };

/* Set once at start (daemon_begin does it); a literal. */
void log_room(const char *room_name);
/* Lines below this level are dropped. INFO by default. */
void log_threshold(log_level_t level);

/* event: a literal in the form "hold.expired"; fmt may be NULL. The id of the request, or id_zero()
 * where none exists (written as "-"). */
void log_event(log_level_t level, id128_t id, const char *event, const char *fmt, ...)
    BASE_PRINTF(4, 5);
/* The same for an error value: its name, number, file, line and errno. */
void log_err(log_level_t level, id128_t id, const char *event, err_t e);
/* The line that log_event would write, newline included; for tests and for the supervisor's own
 * files. */
void log_format(buf_t *out, log_level_t level, id128_t id, const char *event, slice_t text);

#endif
