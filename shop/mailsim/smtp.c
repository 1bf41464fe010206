#include "smtp.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/fd.h"

enum { LINE_MAX_BYTES = 2000, WAIT_MS = 30000, CONNECTIONS = 64 };

typedef struct talk {
    int fd;
    box_t *box;
    uint8_t in[8192];
    size_t have, used;
    char rcpt[BOX_ADDRESS_MAX + 1];
} talk_t;

static int open_talks;

static bool say(talk_t *t, const char *line)
{
    return !err_failed(fd_write_by(t->fd, slice_cstr_in(line), deadline_in_ms(WAIT_MS)));
}

static bool fill(talk_t *t)
{
    if (err_failed(fd_wait(t->fd, 1, deadline_in_ms(WAIT_MS)))) {
        return false;
    }
    ssize_t n = read(t->fd, t->in, sizeof t->in);
    t->used = 0;
    t->have = n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* One line without its CRLF; false when the peer is gone or the line too long. */
static bool line_get(talk_t *t, uint8_t line[LINE_MAX_BYTES], size_t *ret_len)
{
    size_t len = 0;
    for (;;) {
        if (t->used == t->have && !fill(t)) {
            return false;
        }
        uint8_t c = t->in[t->used++];
        if (c == '\n') {
            *ret_len = len && line[len - 1] == '\r' ? len - 1 : len;
            return true;
        }
        if (len == LINE_MAX_BYTES) {
            return false;
        }
        line[len++] = c;
    }
}

/* Until "." alone; a leading dot of other lines is taken off (RFC 5321 4.5.2). */
static bool data_get(talk_t *t, buf_t *letter)
{
    uint8_t line[LINE_MAX_BYTES];
    size_t len;
    while (line_get(t, line, &len)) {
        if (len == 1 && line[0] == '.') {
            return true;
        }
        size_t from = len && line[0] == '.' ? 1 : 0;
        buf_put(letter, slice_make(line + from, len - from));
        buf_put(letter, SLICE("\r\n"));
    }
    return false;
}

static bool data_take(talk_t *t)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    buf_t letter;
    arena_init(&a, BOX_LETTER_MAX + 4096);
    if (!say(t, "354 go on\r\n") || err_failed(arena_buf(&a, BOX_LETTER_MAX, &letter)) ||
        !data_get(t, &letter)) {
        return false;
    }
    if (__atomic_load_n(&t->box->refusing, __ATOMIC_RELAXED)) {
        return say(t, "451 not now\r\n");
    }
    err_t e = buf_check(&letter);
    if (!err_failed(e)) {
        e = box_put(t->box, slice_cstr_in(t->rcpt), buf_slice(&letter));
    }
    return say(t, err_failed(e) ? "552 too large\r\n" : "250 caught\r\n");
}

static void rcpt_take(talk_t *t, slice_t line)
{
    size_t from = slice_find_byte(line, '<');
    slice_t address = from == SIZE_MAX ? SLICE_EMPTY : slice_from(line, from + 1);
    address = slice_sub(address, 0, slice_find_byte(address, '>'));
    if (address.len <= BOX_ADDRESS_MAX) {
        memset(t->rcpt, 0, sizeof t->rcpt);
        memcpy(t->rcpt, address.ptr, address.len);
    }
}

static bool verb_is(slice_t line, const char *verb)
{
    slice_t want = slice_cstr_in(verb);
    return line.len >= want.len && slice_eq_nocase(slice_sub(line, 0, want.len), want);
}

/* False ends the talk. */
static bool command_take(talk_t *t, slice_t line)
{
    if (verb_is(line, "QUIT")) {
        say(t, "221 bye\r\n");
        return false;
    }
    if (verb_is(line, "EHLO")) {
        return say(t, "250-mailsim\r\n250-8BITMIME\r\n250 SIZE 524288\r\n");
    }
    if (verb_is(line, "RCPT TO:")) {
        rcpt_take(t, line);
        return say(t, "250 ok\r\n");
    }
    if (verb_is(line, "DATA")) {
        return data_take(t);
    }
    bool known = verb_is(line, "HELO") || verb_is(line, "MAIL FROM:") || verb_is(line, "RSET") ||
                 verb_is(line, "NOOP");
    return say(t, known ? "250 ok\r\n" : "502 not understood\r\n");
}

static void *talk_thread(void *ctx)
{
    talk_t *t = ctx;
    uint8_t line[LINE_MAX_BYTES];
    size_t len;
    bool go_on = say(t, "220 mailsim\r\n");
    while (go_on && line_get(t, line, &len)) {
        go_on = command_take(t, slice_make(line, len));
    }
    close(t->fd);
    free(t);
    __atomic_sub_fetch(&open_talks, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void talk_start(smtp_t *s, int fd)
{
    pthread_t thread;
    talk_t *t = calloc(1, sizeof *t);
    bool room = __atomic_add_fetch(&open_talks, 1, __ATOMIC_RELAXED) <= CONNECTIONS;
    if (t) {
        t->fd = fd;
        t->box = s->box;
    }
    if (!t || !room || pthread_create(&thread, NULL, talk_thread, t) != 0) {
        __atomic_sub_fetch(&open_talks, 1, __ATOMIC_RELAXED);
        free(t);
        close(fd);
        return;
    }
    pthread_detach(thread);
}

void *smtp_thread(void *ctx)
{
    smtp_t *s = ctx;
    for (;;) {
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            talk_start(s, fd);
        } else if (errno == EAGAIN) {
            err_ignore(fd_wait(s->listen_fd, 1,
                               deadline_in_ms(1000))); /* a time-out only means: look again */
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return NULL;
        }
    }
}
