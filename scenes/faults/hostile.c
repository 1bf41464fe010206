/* house-hostile VAR ROOM SERVER ATTACK [SEED] - what a room that was taken over can throw at
 * another room's wire: runs as ROOM's user and speaks to SERVER's socket.
 *
 *   half       messages cut at every byte, hellos cut at every byte, then silence
 *   giant      messages of 64 KiB, one byte more, and as large as the kernel takes
 *   versions   every odd wire version and contract version at hello and after it
 *   kinds      kinds that no contract has, the wire's own out of turn, hello twice
 *   bodies     known kinds with random bodies, with bytes missing and left over
 *   flood      thousands of requests whose answers nobody reads
 *   many       connections that say nothing, then connections that say hello and hold on: how many
 *              of each the server still has after a while
 *   early      requests before the hello
 * Prints {"attack","sent","refused","answered","closed","silent_left","held"}. Exit 0 when the
 * attack was made; whether the server stands is for the scene to ask. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/id.h"
#include "become.h"
#include "io/fd.h"
#include "io/wire.h"

enum {
    ANSWER_MS = 300,
    HUGE_BYTES = 200 * 1024,
    FLOOD = 20000,
    BODIES = 1500,
    CROWD = 400,
    KINDS = 24,
    SILENCE_MS = 1800, /* a server gives a second for the hello, and looks every so often */
    HELD_MS = 300
};

typedef struct attack {
    char path[256];
    room_id_t self, server;
    uint64_t random;
    uint16_t heard; /* kind of the last answer */
    uint64_t sent, refused, answered, closed;
    uint64_t silent_left, held; /* connections still open after a while: without and with hello */
} attack_t;

static uint64_t roll(attack_t *a, uint64_t below)
{
    a->random ^= a->random >> 12;
    a->random ^= a->random << 25;
    a->random ^= a->random >> 27;
    return ((a->random * UINT64_C(2685821657736338717)) >> 16) % below;
}

static int door_open(attack_t *a)
{
    int fd = -1;
    err_t e = unix_connect((path_t){a->path}, SOCK_SEQPACKET, deadline_in_ms(ANSWER_MS), &fd);
    if (err_failed(e)) {
        a->refused++;
        return -1;
    }
    return fd;
}

static bool say(attack_t *a, int fd, const void *bytes, size_t len)
{
    if (send(fd, bytes, len, MSG_NOSIGNAL) < 0) {
        a->refused++;
        return false;
    }
    a->sent++;
    return true;
}

/* What came back: >0 bytes, 0 the door was shut, -1 nothing yet. */
static ssize_t hear(attack_t *a, int fd, int wait_ms)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, wait_ms) != 1) {
        return -1;
    }
    ssize_t n = recv(fd, mem, sizeof mem, MSG_DONTWAIT);
    if (n > 0) {
        cursor_t c = cur_on(slice_make(mem, (size_t)n));
        cur_u16(&c); /* the wire's version */
        a->heard = cur_u16(&c);
        a->answered++;
    } else {
        a->closed++;
    }
    return n > 0 ? n : 0;
}

static int greeted(attack_t *a)
{
    uint8_t mem[16];
    buf_t hello = BUF_ON_ARRAY(mem);
    int fd = door_open(a);
    wire_put_hello(&hello, a->self, 1);
    if (fd >= 0 && (!say(a, fd, hello.ptr, hello.len) || hear(a, fd, 2000) <= 0 ||
                    a->heard != WIRE_HELLO_OK)) {
        fd_close(&fd);
    }
    return fd;
}

static void throw_at(attack_t *a, bool after_hello, const void *bytes, size_t len)
{
    FD_SCOPED int fd = after_hello ? greeted(a) : door_open(a);
    if (fd >= 0 && say(a, fd, bytes, len)) {
        hear(a, fd, ANSWER_MS / 10);
    }
}

static void half(attack_t *a)
{
    uint8_t mem[64];
    buf_t b = BUF_ON_ARRAY(mem);
    wire_put_hello(&b, a->self, 1);
    for (size_t n = 0; n < b.len; n++) {
        throw_at(a, false, b.ptr, n);
    }
    for (uint16_t kind = WIRE_HELLO; kind < WIRE_KIND_ROOM + KINDS; kind++) {
        buf_t m = BUF_ON_ARRAY(mem);
        wire_begin(&m, kind);
        buf_id(&m, id_new());
        for (size_t n = 0; n < m.len; n += 1 + n / 8) {
            throw_at(a, true, m.ptr, n);
        }
    }
}

static void giant(attack_t *a)
{
    static uint8_t mem[HUGE_BYTES];
    static const size_t SIZES[] = {WIRE_MAX_BYTES - 1, WIRE_MAX_BYTES, WIRE_MAX_BYTES + 1,
                                   2 * WIRE_MAX_BYTES, HUGE_BYTES};
    for (uint16_t kind = WIRE_HELLO; kind < WIRE_KIND_ROOM + KINDS; kind++) {
        buf_t b = BUF_ON_ARRAY(mem);
        memset(mem, 0xff, sizeof mem);
        wire_begin(&b, kind);
        for (size_t i = 0; i < BASE_COUNT(SIZES); i++) {
            throw_at(a, true, mem, SIZES[i]);
        }
    }
    throw_at(a, false, mem, WIRE_MAX_BYTES);
}

static void versions(attack_t *a)
{
    static const uint16_t ODD[] = {0, 2, 3, 255, 256, 0x0100, 0x7fff, 0x8000, 0xffff};
    uint8_t mem[32];
    for (size_t i = 0; i < BASE_COUNT(ODD); i++) {
        buf_t hello = BUF_ON_ARRAY(mem);
        wire_put_hello(&hello, a->self, ODD[i]); /* another contract */
        throw_at(a, false, hello.ptr, hello.len);
        buf_t wire = BUF_ON_ARRAY(mem);
        buf_u16(&wire, ODD[i]); /* another wire */
        buf_u16(&wire, WIRE_HELLO);
        buf_u16(&wire, (uint16_t)a->self);
        buf_u16(&wire, 1);
        throw_at(a, false, wire.ptr, wire.len);
        throw_at(a, true, wire.ptr, wire.len);
    }
}

static void kinds(attack_t *a)
{
    static const uint16_t ODD[] = {0,  1,  2,  3,   5,   7,    8,      9,
                                   15, 63, 64, 255, 256, 1000, 0x7fff, 0xffff};
    uint8_t mem[32];
    for (size_t i = 0; i < BASE_COUNT(ODD); i++) {
        for (size_t tail = 0; tail <= 8; tail += 4) {
            buf_t b = BUF_ON_ARRAY(mem);
            wire_begin(&b, ODD[i]);
            for (size_t k = 0; k < tail; k++) {
                buf_u8(&b, (uint8_t)k);
            }
            throw_at(a, true, b.ptr, b.len);
            throw_at(a, false, b.ptr, b.len);
        }
    }
    buf_t hello = BUF_ON_ARRAY(mem); /* twice, and in another's name */
    wire_put_hello(&hello, a->self, 1);
    throw_at(a, true, hello.ptr, hello.len);
    buf_t other = BUF_ON_ARRAY(mem);
    wire_put_hello(&other, ROOM_COMMAND, 1);
    throw_at(a, true, other.ptr, other.len);
}

/* On one connection as long as it lasts: the decoder meets whatever state the last message left. */
static void bodies(attack_t *a)
{
    uint8_t mem[4096];
    FD_SCOPED int fd = -1;
    for (int i = 0; i < BODIES; i++) {
        buf_t b = BUF_ON_ARRAY(mem);
        size_t len = roll(a, roll(a, 4) ? 120 : sizeof mem - 8);
        wire_begin(&b, (uint16_t)(WIRE_KIND_ROOM + roll(a, KINDS)));
        for (size_t k = 0; k < len; k++) { /* small numbers make lengths that nearly fit */
            buf_u8(&b, (uint8_t)(roll(a, 3) ? roll(a, 4) : roll(a, 256)));
        }
        if (fd < 0) {
            fd = greeted(a);
        }
        if (fd >= 0 && (!say(a, fd, b.ptr, b.len) || hear(a, fd, 20) == 0)) {
            fd_close(&fd);
        }
    }
}

static void flood(attack_t *a)
{
    uint8_t mem[8];
    buf_t b = BUF_ON_ARRAY(mem);
    FD_SCOPED int fd = greeted(a);
    wire_begin(&b, WIRE_METRICS); /* the answer is larger than the question */
    if (fd < 0) {
        return;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < FLOOD; i++) {
        if (send(fd, b.ptr, b.len, MSG_NOSIGNAL) < 0) {
            if (errno != EAGAIN) {
                a->closed++;
                return;
            }
            a->refused++;
            usleep(100);
            continue;
        }
        a->sent++;
    }
}

/* Still there: neither shut nor refused with a word. */
static bool is_open(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return fd >= 0 && poll(&p, 1, 0) == 0;
}

static uint64_t crowd(attack_t *a, bool greet, useconds_t hold_ms)
{
    static int fds[CROWD];
    uint64_t open = 0;
    for (int i = 0; i < CROWD; i++) {
        fds[i] = greet ? greeted(a) : door_open(a);
    }
    usleep(hold_ms * 1000);
    for (int i = 0; i < CROWD; i++) {
        open += is_open(fds[i]);
        fd_close(&fds[i]);
    }
    return open;
}

static void many(attack_t *a)
{
    a->silent_left = crowd(a, false, SILENCE_MS);
    a->held = crowd(a, true, HELD_MS);
}

static void early(attack_t *a)
{
    uint8_t mem[64];
    for (uint16_t kind = WIRE_METRICS; kind < WIRE_KIND_ROOM + KINDS; kind++) {
        buf_t b = BUF_ON_ARRAY(mem);
        wire_begin(&b, kind);
        throw_at(a, false, b.ptr, b.len);
    }
}

static const struct {
    const char *name;
    void (*make)(attack_t *a);
} ATTACKS[] = {
    {"half", half},     {"giant", giant}, {"versions", versions}, {"kinds", kinds},
    {"bodies", bodies}, {"flood", flood}, {"many", many},         {"early", early},
};

int main(int argc, char **argv)
{
    attack_t a = {.random = 1};
    struct rlimit files = {4096, 4096};
    if (argc < 5 || argc > 6 ||
        (argc == 6 && err_failed(slice_parse_u64(slice_cstr_in(argv[5]), UINT64_MAX, &a.random)))) {
        fputs("usage: house-hostile VAR ROOM SERVER ATTACK [SEED]\n", stderr);
        return 2;
    }
    a.random |= 1;
    a.self = room_by_name(slice_cstr_in(argv[2]));
    a.server = room_by_name(slice_cstr_in(argv[3]));
    snprintf(a.path, sizeof a.path, "%s/run/%s.sock", argv[1], argv[3]);
    setrlimit(RLIMIT_NOFILE, &files);
    if (!become(a.self)) {
        fprintf(stderr, "house-hostile: cannot become %s\n", argv[2]);
        return 1;
    }
    for (size_t i = 0; i < BASE_COUNT(ATTACKS); i++) {
        if (strcmp(ATTACKS[i].name, argv[4]) != 0) {
            continue;
        }
        ATTACKS[i].make(&a);
        printf("{\"attack\":\"%s\",\"sent\":%llu,\"refused\":%llu,\"answered\":%llu,"
               "\"closed\":%llu,\"silent_left\":%llu,\"held\":%llu}\n",
               argv[4], (unsigned long long)a.sent, (unsigned long long)a.refused,
               (unsigned long long)a.answered, (unsigned long long)a.closed,
               (unsigned long long)a.silent_left, (unsigned long long)a.held);
        return 0;
    }
    fprintf(stderr, "house-hostile: no attack %s\n", argv[4]);
    return 2;
}
