/* The reader: maps the board, obeys the newest slot that verifies, and falls closed when it cannot.
 *
 * Rules that this file alone enforces for every room: (1) a generation below the highest seen is
 * refused, across restarts; (2) a lever seen closed opens again only by a two-person opening order
 * younger than that closing, so one stolen key can close but never reopen; (3) a slot that was
 * begun and does not verify counts as damage. */
#include "api.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "board.h"

enum { STAT_EVERY_US = 200000, TORN_TRIES = 20, TORN_WAIT_US = 1000, PATH_CAP = 512 };

typedef struct seen {
    uint64_t generation;
    uint64_t
        closed_at[BRAKE_LEVER_COUNT]; /* youngest generation in which the lever was seen closed */
} seen_t;

struct brake_reader {
    pthread_mutex_t lock;
    char board_path[PATH_CAP], enrolled_path[PATH_CAP], seen_path[PATH_CAP];
    const uint8_t *map; /* BOARD_FILE_BYTES, or NULL */
    dev_t dev;
    ino_t ino;
    int64_t stat_at_us;
    uint64_t generation[2]; /* of both slots when `state` was made */
    bool known;             /* state is valid for `generation` and the mapped file */
    seen_t seen;
    brake_state_t state;
};

#define BRAKE_LABEL_ROW(name, bit, fallback, label, text) [bit] = (label),
static const char *const LABELS[] = {BRAKE_LEVERS(BRAKE_LABEL_ROW)};
#define BRAKE_FALLBACK_BIT(name, bit, fallback, label, text) ((fallback) ? 1U << (bit) : 0U) |
static const uint32_t FALLBACK_OPEN = BRAKE_LEVERS(BRAKE_FALLBACK_BIT) 0U;
_Static_assert(BASE_COUNT(LABELS) == BRAKE_LEVER_COUNT, "every lever counted");

const char *brake_lever_name(unsigned lever)
{
    return lever < BRAKE_LEVER_COUNT ? LABELS[lever] : "unknown";
}

const char *brake_trouble_name(unsigned trouble)
{
    static const char *const NAMES[] = {"fine", "missing", "damaged", "older"};
    return trouble < BASE_COUNT(NAMES) ? NAMES[trouble] : "unknown";
}

static err_t path_put(char out[PATH_CAP], const char *dir, const char *name)
{
    int n = snprintf(out, PATH_CAP, "%s%s%s", dir, name[0] ? "/" : "", name);
    ENSURE(n > 0 && n < PATH_CAP, ERR_LIMIT);
    return OK;
}

static void seen_load(brake_reader_t *r)
{
    uint8_t mem[sizeof(uint64_t) * (1 + BRAKE_LEVER_COUNT)];
    int fd = r->seen_path[0] ? open(r->seen_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd < 0) {
        return;
    }
    ssize_t n = read(fd, mem, sizeof mem);
    close(fd);
    cursor_t c = cur_on(slice_make(mem, n > 0 ? (size_t)n : 0));
    seen_t seen = {.generation = cur_u64(&c)};
    for (size_t i = 0; i < BRAKE_LEVER_COUNT; i++) {
        seen.closed_at[i] = cur_u64(&c);
    }
    if (!err_failed(cur_end(&c))) {
        r->seen = seen;
    }
}

static void seen_store(const brake_reader_t *r)
{
    uint8_t mem[sizeof(uint64_t) * (1 + BRAKE_LEVER_COUNT)];
    buf_t b = BUF_ON_ARRAY(mem);
    buf_u64(&b, r->seen.generation);
    for (size_t i = 0; i < BRAKE_LEVER_COUNT; i++) {
        buf_u64(&b, r->seen.closed_at[i]);
    }
    int fd = r->seen_path[0] ? open(r->seen_path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)
                             : -1;
    if (fd < 0) {
        return; /* the room's own folder is gone: memory still holds it, and the room has worse
                   trouble */
    }
    if (pwrite(fd, mem, sizeof mem, 0) == (ssize_t)sizeof mem) {
        fdatasync(fd);
    }
    close(fd);
}

static void unmap(brake_reader_t *r)
{
    if (r->map) {
        union { /* munmap wants a non-const pointer; the mapping is read-only all the same */
            const uint8_t *ro;
            void *any;
        } at = {.ro = r->map};
        munmap(at.any, BOARD_FILE_BYTES);
    }
    r->map = NULL;
    r->known = false;
}

/* Follows the path: gone, replaced and shrunken files are noticed here. */
static void path_check(brake_reader_t *r)
{
    struct stat now;
    r->stat_at_us = clock_mono_us();
    if (stat(r->board_path, &now) != 0 || now.st_size != BOARD_FILE_BYTES ||
        !S_ISREG(now.st_mode)) {
        unmap(r);
        return;
    }
    if (r->map && now.st_dev == r->dev && now.st_ino == r->ino) {
        return;
    }
    unmap(r);
    int fd = open(r->board_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return;
    }
    struct stat opened;
    if (fstat(fd, &opened) == 0 && opened.st_size == BOARD_FILE_BYTES) {
        void *at = mmap(NULL, BOARD_FILE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
        r->map = at == MAP_FAILED ? NULL : at;
        r->dev = opened.st_dev;
        r->ino = opened.st_ino;
    }
    close(fd);
}

static err_t enrolled_load(const brake_reader_t *r, board_enrolled_t *ret_enrolled)
{
    char mem[4096];
    int fd = open(r->enrolled_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ENSURE(fd >= 0, ERR_NOT_FOUND);
    ssize_t n = read(fd, mem, sizeof mem);
    close(fd);
    ENSURE(n > 0 && n < (ssize_t)sizeof mem, ERR_CORRUPT);
    return board_enrolled_parse(slice_make(mem, (size_t)n), ret_enrolled);
}

static void generations(const brake_reader_t *r, uint64_t out[2])
{
    for (size_t i = 0; i < 2; i++) {
        memcpy(&out[i], r->map + i * BOARD_SLOT_BYTES + BOARD_GENERATION_AT, sizeof out[i]);
    }
}

/* Both slots must be empty or verify; the younger one is the order. */
static err_t slots_read(const brake_reader_t *r, board_slot_t *ret_newest)
{
    board_enrolled_t enrolled;
    board_slot_t slot[2];
    uint8_t copy[BOARD_SLOT_BYTES];
    TRY(enrolled_load(r, &enrolled));
    for (size_t i = 0; i < 2; i++) {
        memcpy(copy, r->map + i * BOARD_SLOT_BYTES, sizeof copy);
        TRY(board_slot_decode(copy, &slot[i]));
        if (slot[i].generation) {
            TRY(board_slot_verify(&slot[i], &enrolled));
        }
    }
    *ret_newest = slot[slot[1].generation > slot[0].generation];
    ENSURE(ret_newest->generation > 0, ERR_NOT_FOUND);
    return OK;
}

static void fall_back(brake_reader_t *r, brake_trouble_t trouble)
{
    r->state = (brake_state_t){
        .generation = r->seen.generation, .open = FALLBACK_OPEN, .trouble = trouble};
}

static void obey(brake_reader_t *r, const board_slot_t *slot)
{
    if (slot->generation < r->seen.generation) {
        fall_back(r, BRAKE_OLDER);
        return;
    }
    uint32_t open = slot->opening.open & ~slot->closed;
    for (unsigned i = 0; i < BRAKE_LEVER_COUNT; i++) {
        bool lawful = slot->opening.generation > r->seen.closed_at[i];
        if (!((open >> i) & 1U)) {
            r->seen.closed_at[i] = slot->generation;
        } else if (!lawful) {
            open &= ~(1U << i);
        }
    }
    r->seen.generation = slot->generation;
    seen_store(r);
    r->state = (brake_state_t){.generation = slot->generation,
                               .open = open,
                               .trouble = BRAKE_FINE,
                               .ordered_us = slot->ordered_us};
    memcpy(r->state.reason, slot->reason, sizeof r->state.reason);
}

/* A writer may be in the middle of a slot: look again a few times before calling it damage. */
static void refresh(brake_reader_t *r)
{
    board_slot_t newest;
    uint64_t before[2], after[2];
    for (int i = 0; i < TORN_TRIES; i++) {
        generations(r, before);
        err_t e = slots_read(r, &newest);
        generations(r, after);
        if (!err_failed(e) && memcmp(before, after, sizeof before) == 0) {
            memcpy(r->generation, before, sizeof before);
            r->known = true;
            obey(r, &newest);
            return;
        }
        usleep(TORN_WAIT_US);
    }
    fall_back(r, BRAKE_DAMAGED); /* known stays false: the next look tries again */
}

static brake_state_t look(brake_reader_t *r, bool strict)
{
    pthread_mutex_lock(&r->lock);
    int64_t age_us = clock_mono_us() - r->stat_at_us;
    if (strict || r->stat_at_us == 0 || age_us >= STAT_EVERY_US || age_us < 0) {
        path_check(r);
    }
    if (!r->map) {
        fall_back(r, BRAKE_MISSING);
    } else {
        uint64_t now[2];
        generations(r, now);
        if (!r->known || memcmp(now, r->generation, sizeof now) != 0) {
            refresh(r);
        }
    }
    brake_state_t state = r->state;
    pthread_mutex_unlock(&r->lock);
    return state;
}

brake_state_t brake_now(brake_reader_t *r)
{
    return look(r, false);
}

brake_state_t brake_now_strict(brake_reader_t *r)
{
    return look(r, true);
}

err_t brake_reader_new(const char *board_dir, const char *seen_path, brake_reader_t **ret_reader)
{
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    brake_reader_t *r = calloc(1, sizeof *r);
    ENSURE(r, ERR_MEMORY);
    err_t e = path_put(r->board_path, board_dir, "board");
    if (!err_failed(e)) {
        e = path_put(r->enrolled_path, board_dir, "enrolled");
    }
    if (!err_failed(e) && seen_path) {
        e = path_put(r->seen_path, seen_path, "");
    }
    if (err_failed(e)) {
        free(r);
        return e;
    }
    pthread_mutex_init(&r->lock, NULL);
    seen_load(r);
    *ret_reader = r;
    return OK;
}

void brake_reader_free(brake_reader_t *r)
{
    if (r) {
        unmap(r);
        pthread_mutex_destroy(&r->lock);
        free(r);
    }
}
