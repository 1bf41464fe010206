/* The rooms behind the front: a thread that accepts, one for each connection. */
#include "front.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BIG_BYTES = 3 * 1024 * 1024, SLOW_US = 800000 };

typedef struct visit {
    room_t *room;
    int fd;
} visit_t;

static void put(int fd, const void *bytes, size_t len)
{
    for (const uint8_t *at = bytes; len;) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        at += n;
        len -= (size_t)n;
    }
}

static void put_text(int fd, const char *text)
{
    put(fd, text, strlen(text));
}

/* Length of a whole request at the start of s, 0 when it is not all there. */
static size_t request_len(slice_t s)
{
    size_t end = slice_find(s, SLICE("\r\n\r\n"));
    if (end == SIZE_MAX) {
        return 0;
    }
    uint64_t body = 0;
    slice_t head = slice_sub(s, 0, end), line;
    while (slice_split(&head, '\n', &line)) {
        if (slice_eq_nocase(slice_sub(line, 0, 15), SLICE("content-length:"))) {
            (void)!err_failed(
                slice_parse_u64(slice_trim(slice_from(line, 15)), ROOM_REQUEST_MAX, &body));
        }
    }
    return s.len >= end + 4 + body ? end + 4 + (size_t)body : 0;
}

static void remember(room_t *room, slice_t request)
{
    pthread_mutex_lock(&room->lock);
    free(room->last);
    room->last = malloc(request.len + 1);
    CHECK(room->last);
    memcpy(room->last, request.ptr, request.len);
    room->last_len = request.len;
    room->requests++;
    pthread_mutex_unlock(&room->lock);
}

static void put_big(int fd)
{
    static const char HEAD[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "
                               "3145728\r\n\r\n";
    put_text(fd, HEAD);
    uint8_t block[4096];
    for (size_t at = 0; at < BIG_BYTES; at += sizeof block) {
        memset(block, 'a' + (int)(at / sizeof block % 26), sizeof block);
        put(fd, block, sizeof block);
    }
}

static void wait_slowly(room_t *room)
{
    pthread_mutex_lock(&room->lock);
    room->waiting++;
    pthread_mutex_unlock(&room->lock);
    usleep(SLOW_US);
    pthread_mutex_lock(&room->lock);
    room->waiting--;
    pthread_mutex_unlock(&room->lock);
}

/* False: close. */
static bool respond(room_t *room, int fd, slice_t request)
{
    slice_t line = slice_sub(request, 0, slice_find_byte(request, '\r'));
    slice_t rest = line, method, target;
    (void)slice_split(&rest, ' ', &method);
    (void)slice_split(&rest, ' ', &target);
    if (slice_starts(target, SLICE("/drop"))) {
        return false;
    }
    if (slice_starts(target, SLICE("/bad"))) {
        put_text(fd, "HTTP/1.1 200 OK\r\nX-\x01");
        put(fd, target.ptr, target.len);
        put_text(fd, "\r\n\r\n");
        return false;
    }
    if (slice_starts(target, SLICE("/tunnel"))) {
        put_text(fd, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: "
                     "websocket\r\n\r\n");
        return false;
    }
    if (slice_starts(target, SLICE("/big"))) {
        put_big(fd);
        return true;
    }
    if (slice_starts(target, SLICE("/slow"))) {
        wait_slowly(room);
    }
    if (slice_starts(target, SLICE("/leak"))) {
        put_text(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Room: yes\r\nContent-Length: "
                     "38\r\n\r\n<html>ORA-00942: table missing</html>\n");
        return true;
    }
    if (slice_starts(target, SLICE("/piecemeal"))) { /* chunked, "ORA-" in two pieces */
        put_text(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: "
                     "chunked\r\n\r\n3\r\n<b>\r\n2\r\nOR\r\n");
        usleep(30000);
        put_text(fd, "6\r\nA-0094\r\n0\r\n\r\n");
        return true;
    }
    if (slice_starts(target, SLICE("/page"))) {
        put_text(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nX-Room: yes\r\n"
                     "Content-Length: 15\r\n\r\n<html>ok</html>");
        return true;
    }
    if (slice_starts(target, SLICE("/failed"))) {
        put_text(fd,
                 "HTTP/1.1 422 Unprocessable Content\r\nX-Sekisho-Keep: login\r\nContent-Length: "
                 "2\r\n\r\nno");
        return true;
    }
    if (slice_starts(target, SLICE("/accel"))) {
        put_text(fd, "HTTP/1.1 200 OK\r\nX-Accel-Redirect: /.guard/page\r\nContent-Length: "
                     "2\r\n\r\nok");
        return true;
    }
    put_text(fd, slice_eq(method, SLICE("HEAD"))
                     ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
                     : "HTTP/1.1 200 OK\r\nServer: room\r\nContent-Length: 2\r\n\r\nok");
    return true;
}

static void *visit_run(void *arg)
{
    visit_t visit = *(visit_t *)arg;
    free(arg);
    uint8_t *mem = malloc(ROOM_REQUEST_MAX);
    size_t len = 0, whole;
    CHECK(mem);
    for (bool open = true; open;) {
        ssize_t n = recv(visit.fd, mem + len, ROOM_REQUEST_MAX - len, 0);
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
        while (open && (whole = request_len(slice_make(mem, len))) > 0) {
            remember(visit.room, slice_make(mem, whole));
            open = respond(visit.room, visit.fd, slice_make(mem, whole));
            memmove(mem, mem + whole, len - whole);
            len -= whole;
        }
    }
    close(visit.fd);
    free(mem);
    return NULL;
}

static void *room_run(void *arg)
{
    room_t *room = arg;
    for (;;) {
        int fd = accept(room->listen_fd, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        visit_t *visit = malloc(sizeof *visit);
        pthread_t thread;
        CHECK(visit);
        *visit = (visit_t){room, fd};
        CHECK(pthread_create(&thread, NULL, visit_run, visit) == 0);
        pthread_detach(thread);
    }
}

void room_start(room_t *room, const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    *room = (room_t){.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    snprintf(room->path, sizeof room->path, "%s", path);
    CHECK(strlen(path) < sizeof at.sun_path);
    memcpy(at.sun_path, path, strlen(path) + 1);
    CHECK(bind(room->listen_fd, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(listen(room->listen_fd, 512) == 0);
    pthread_mutex_init(&room->lock, NULL);
    CHECK(pthread_create(&room->thread, NULL, room_run, room) == 0);
}

void room_stop(room_t *room)
{
    shutdown(room->listen_fd, SHUT_RDWR);
    pthread_join(room->thread, NULL);
    close(room->listen_fd);
    unlink(room->path);
    pthread_mutex_lock(&room->lock);
    free(room->last);
    room->last = NULL;
    room->last_len = 0;
    pthread_mutex_unlock(&room->lock);
}

size_t room_requests(room_t *room)
{
    pthread_mutex_lock(&room->lock);
    size_t n = room->requests;
    pthread_mutex_unlock(&room->lock);
    return n;
}

size_t room_waiting(room_t *room)
{
    pthread_mutex_lock(&room->lock);
    size_t n = room->waiting;
    pthread_mutex_unlock(&room->lock);
    return n;
}

uint8_t *room_last_body(room_t *room, size_t *ret_len)
{
    pthread_mutex_lock(&room->lock);
    slice_t all = slice_make(room->last, room->last_len);
    size_t end = slice_find(all, SLICE("\r\n\r\n"));
    slice_t body = end == SIZE_MAX ? SLICE_EMPTY : slice_from(all, end + 4);
    uint8_t *copy = malloc(body.len + 1);
    CHECK(copy);
    if (body.len) {
        memcpy(copy, body.ptr, body.len);
    }
    *ret_len = body.len;
    pthread_mutex_unlock(&room->lock);
    return copy;
}

static char *static_text(slice_t s)
{
    static char mem[8][16 * 1024];
    static unsigned next;
    char *out = mem[next++ % 8];
    size_t len = s.len < sizeof mem[0] ? s.len : sizeof mem[0] - 1;
    if (len) {
        memcpy(out, s.ptr, len);
    }
    out[len] = 0;
    return out;
}

const char *room_header(room_t *room, const char *name)
{
    pthread_mutex_lock(&room->lock);
    slice_t all = slice_make(room->last, room->last_len), line, want = slice_cstr_in(name);
    slice_t head = slice_sub(all, 0, slice_find(all, SLICE("\r\n\r\n"))), value = SLICE_EMPTY;
    size_t found = 0;
    while (slice_split(&head, '\n', &line)) {
        size_t colon = slice_find_byte(line, ':');
        if (colon != SIZE_MAX && slice_eq_nocase(slice_sub(line, 0, colon), want)) {
            value = slice_trim(slice_from(line, colon + 1));
            found++;
        }
    }
    char *text = static_text(found > 1 ? SLICE("#2") : value);
    pthread_mutex_unlock(&room->lock);
    return text;
}

const char *room_line(room_t *room)
{
    pthread_mutex_lock(&room->lock);
    slice_t all = slice_make(room->last, room->last_len);
    char *text = static_text(slice_sub(all, 0, slice_find_byte(all, '\r')));
    pthread_mutex_unlock(&room->lock);
    return text;
}
