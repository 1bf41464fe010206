/* A test's request over a plain socket: an HTTP library would mend what is wrong on purpose. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ftw_run.h"
#include "io/fd.h"

enum { ANSWER_BYTES = 1024 * 1024, WAIT_MS = 5000 };

static err_t dial(uint16_t port, int *ret_fd)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    FD_SCOPED int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ENSURE(fd >= 0, ERR_IO);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        return FAIL_SYS(ERR_UNAVAILABLE, errno);
    }
    *ret_fd = fd_take(&fd);
    return OK;
}

/* A test may ask to keep the connection: then the length says where the answer ends. */
static bool is_whole(slice_t answer)
{
    static const char NAME[] = "content-length:";
    size_t head = slice_find(answer, SLICE("\r\n\r\n"));
    slice_t line, lines = slice_sub(answer, 0, head == SIZE_MAX ? 0 : head);
    while (lines.len && slice_split(&lines, '\n', &line)) {
        uint64_t length;
        if (slice_eq_nocase(slice_sub(line, 0, sizeof NAME - 1),
                            slice_make(NAME, sizeof NAME - 1)) &&
            !err_failed(slice_parse_u64(slice_trim(slice_from(line, sizeof NAME - 1)), SIZE_MAX / 2,
                                        &length))) {
            return answer.len - head - 4 >= length;
        }
    }
    return false;
}

/* Sends and reads at once: the other side may answer before all is sent, and close. */
static void talk(int fd, slice_t request, buf_t *answer)
{
    size_t sent = 0;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        p.events |= sent < request.len ? POLLOUT : 0;
        if (poll(&p, 1, WAIT_MS) <= 0) {
            return;
        }
        if (p.revents & POLLOUT) {
            ssize_t n =
                send(fd, request.ptr + sent, request.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
            sent = n > 0 ? sent + (size_t)n : errno == EAGAIN ? sent : request.len;
        }
        if (p.revents & (POLLIN | POLLHUP | POLLERR)) {
            ssize_t n = recv(fd, answer->ptr + answer->len, answer->cap - answer->len, 0);
            if (n <= 0) {
                return;
            }
            answer->len += (size_t)n;
            if (sent == request.len && is_whole(buf_slice(answer))) {
                return;
            }
        }
    }
}

static void ids_read(slice_t text, arena_t *arena, ftw_ids_t *ids)
{
    slice_t part;
    ids->at = ARENA_ARRAY(arena, uint32_t, text.len / 2 + 1);
    while (ids->at && text.len && slice_split(&text, ',', &part)) {
        uint64_t id;
        if (!err_failed(slice_parse_u64(slice_trim(part), UINT32_MAX, &id))) {
            ids->at[ids->n++] = (uint32_t)id;
        }
    }
}

static bool header_is(slice_t line, slice_t name, slice_t *ret_value)
{
    bool is = line.len > name.len && line.ptr[name.len] == ':' &&
              slice_eq_nocase(slice_sub(line, 0, name.len), name);
    *ret_value = is ? slice_trim(slice_from(line, name.len + 1)) : SLICE_EMPTY;
    return is;
}

/* The guard shows the ids of what matched, and a line of log for each of them. */
static err_t answer_read(slice_t bytes, arena_t *arena, ftw_answer_t *a)
{
    uint64_t status;
    slice_t line, value;
    buf_t log;
    a->text = bytes;
    slice_split(&bytes, '\n', &line);
    if (!slice_starts(line, SLICE("HTTP/1.")) ||
        err_failed(slice_parse_u64(slice_sub(line, 9, 3), 999, &status))) {
        return OK;
    }
    TRY(arena_buf(arena, a->text.len + 1, &log));
    a->status = (unsigned)status;
    while (slice_split(&bytes, '\n', &line) && slice_trim(line).len) {
        if (header_is(line, SLICE("X-Sekisho-Rules"), &value)) {
            ids_read(value, arena, &a->matched);
        } else if (header_is(line, SLICE("X-Sekisho-Match"), &value)) {
            buf_put(&log, value);
            buf_cstr(&log, "\n");
        } else if (header_is(line, SLICE("Location"), &value)) {
            a->location = value;
        }
    }
    a->log = buf_slice(&log);
    return buf_check(&log);
}

err_t ftw_wire(uint16_t port, slice_t request, arena_t *arena, ftw_answer_t *ret_answer)
{
    FD_SCOPED int fd = -1;
    buf_t answer;
    *ret_answer = (ftw_answer_t){0};
    TRY(arena_buf(arena, ANSWER_BYTES, &answer));
    TRY(dial(port, &fd));
    talk(fd, request, &answer);
    return answer_read(buf_slice(&answer), arena, ret_answer);
}
