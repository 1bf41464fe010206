#include "wal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/id.h"
#include "wal_spare.h"

enum { PIECE_NAME = 8, PIECES_KEPT_MAX = 1024 };

typedef struct piece {
    uint32_t number;
    uint64_t end_seq; /* first leaf that is in a later piece; 0 = holds no frame */
} piece_t;

struct wal {
    int dir;
    size_t piece_bytes;
    piece_t pieces[PIECES_KEPT_MAX]; /* on disk, in order; the last one is being written */
    size_t count;
    int fd; /* the last piece */
    dev_t dev;
    ino_t ino;
    size_t at; /* where the next frame goes in it */
    uint64_t group;
    uint32_t crc; /* of the last frame */
    uint64_t salt;
    uint64_t first_seq; /* of the first piece */
    bool dead;
    wal_counts_t counts;
    wal_spare_t spare;
};

static void piece_name(uint32_t number, char out[PIECE_NAME + 1])
{
    snprintf(out, PIECE_NAME + 1, "%08u", number % 100000000U);
}

/* ---- the live piece ---- */

static err_t piece_open(wal_t *wal, uint32_t number)
{
    char name[PIECE_NAME + 1];
    struct stat st;
    piece_name(number, name);
    FD_SCOPED int fd = openat(wal->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    ENSURE(fd >= 0 && fstat(fd, &st) == 0, ERR_IO);
    ENSURE(S_ISREG(st.st_mode) && (size_t)st.st_size == wal->piece_bytes, ERR_CORRUPT);
    fd_close(&wal->fd);
    wal->fd = fd_take(&fd);
    wal->dev = st.st_dev;
    wal->ino = st.st_ino;
    return OK;
}

/* The file that we write is still the one that has the name, and whole. */
static bool piece_in_place(const wal_t *wal)
{
    char name[PIECE_NAME + 1];
    struct stat st;
    piece_name(wal->pieces[wal->count - 1].number, name);
    return fstatat(wal->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == wal->dev &&
           st.st_ino == wal->ino && (size_t)st.st_size == wal->piece_bytes && st.st_nlink == 1;
}

/* Takes the spare as the next piece. */
static err_t piece_next(wal_t *wal)
{
    char name[PIECE_NAME + 1];
    uint32_t number = wal->count ? wal->pieces[wal->count - 1].number + 1 : 0;
    ENSURE(wal->count < PIECES_KEPT_MAX, ERR_DISK_FULL); /* the tree does not keep up */
    piece_name(number, name);
    TRY(wal_spare_take(&wal->spare, name));
    wal->pieces[wal->count++] = (piece_t){number, 0};
    wal->at = 0;
    return piece_open(wal, number);
}

size_t wal_body_max(const wal_t *wal)
{
    size_t max = wal->piece_bytes / 4 - FRAME_HEAD;
    return max < FRAME_BODY_MAX ? max : FRAME_BODY_MAX;
}

/* What a failed write left behind must never look like a frame later. */
static err_t wipe(wal_t *wal, size_t len)
{
    static const uint8_t ZEROS[4096];
    for (size_t done = 0; done < len; done += sizeof ZEROS) {
        size_t n = len - done < sizeof ZEROS ? len - done : sizeof ZEROS;
        TRY(fd_pwrite_all(wal->fd, slice_make(ZEROS, n), (int64_t)(wal->at + done)));
    }
    return OK;
}

static err_t write_frame(wal_t *wal, const frame_t *frame, const uint8_t *mem)
{
    size_t len = FRAME_HEAD + frame->body.len;
    err_t e = fd_pwrite_all(wal->fd, slice_make(mem, len), (int64_t)wal->at);
    if (err_is(e, ERR_DISK_FULL) && !err_failed(wipe(wal, len))) {
        return e; /* a file system that does not keep its promise of space; nothing was synced */
    }
    if (!err_failed(e)) {
        wal->counts.syncs++;
        e = fd_datasync(wal->fd);
    }
    if (err_failed(e)) {
        wal->dead = true;
        return FAIL_SYS(ERR_IO, e.sys);
    }
    return OK;
}

err_t wal_write(wal_t *wal, uint8_t *mem, size_t body_len, uint64_t first_seq, uint32_t count)
{
    ENSURE(!wal->dead, ERR_IO);
    CHECK(count > 0 && body_len <= wal_body_max(wal));
    if (wal->at + FRAME_HEAD + body_len > wal->piece_bytes) {
        err_t e = piece_next(wal);
        wal->dead = err_failed(e) && !err_is(e, ERR_DISK_FULL);
        TRY(e);
    }
    if (!piece_in_place(wal)) {
        wal->dead = true;
        return FAIL(ERR_CORRUPT);
    }
    frame_t frame = {.group = wal->group + 1,
                     .first_seq = first_seq,
                     .count = count,
                     .prev_crc = wal->crc,
                     .salt = wal->salt,
                     .body = slice_make(mem + FRAME_HEAD, body_len)};
    frame_seal(mem, &frame);
    TRY(write_frame(wal, &frame, mem));
    wal->group++;
    wal->crc = frame.crc;
    wal->at += FRAME_HEAD + body_len;
    wal->pieces[wal->count - 1].end_seq = first_seq + count;
    wal->counts.groups++;
    wal->counts.bytes += FRAME_HEAD + body_len;
    if (wal->at > wal->piece_bytes / 2) {
        wal_spare_want(&wal->spare);
    }
    return OK;
}

bool wal_dead(const wal_t *wal)
{
    return wal->dead;
}

void wal_retire(wal_t *wal, uint64_t seq)
{
    size_t gone = 0;
    while (gone + 1 < wal->count && wal->pieces[gone + 1].end_seq &&
           wal->pieces[gone].end_seq <= seq) {
        char name[PIECE_NAME + 1];
        piece_name(wal->pieces[gone].number, name);
        if (unlinkat(wal->dir, name, 0) != 0) {
            break;
        }
        wal->first_seq = wal->pieces[gone].end_seq;
        gone++;
    }
    wal->count -= gone;
    memmove(wal->pieces, wal->pieces + gone, wal->count * sizeof wal->pieces[0]);
}

uint64_t wal_first_seq(const wal_t *wal)
{
    return wal->first_seq;
}

wal_counts_t wal_counts(wal_t *wal)
{
    wal_counts_t counts = wal->counts;
    counts.pieces = wal->count;
    counts.room = wal->piece_bytes - wal->at;
    wal_spare_state(&wal->spare, &counts.spare, &counts.spare_full);
    return counts;
}

/* ---- recovery ---- */

typedef struct scan {
    wal_t *wal;
    wal_frame_fn *each;
    void *ctx;
    wal_report_t *report;
    uint8_t *mem; /* one piece */
    bool torn;    /* an unreadable place was met in an earlier piece */
    bool any;     /* a frame was read */
} scan_t;

static err_t scan_fault(scan_t *s, uint32_t piece, size_t at, const char *what)
{
    snprintf(s->report->fault, sizeof s->report->fault, "log piece %08u at byte %zu: %s", piece, at,
             what);
    return FAIL(ERR_CORRUPT);
}

/* A frame of ours anywhere in bytes, of the group that may have been torn or a later one. The group
 * after a group is written only after its fdatasync, so such a frame proves that the torn one was
 * committed (or that bytes were moved). */
static bool later_frame_in(const scan_t *s, slice_t bytes)
{
    frame_t f;
    for (;;) {
        size_t hit = slice_find(bytes, SLICE(FRAME_MAGIC));
        if (hit == SIZE_MAX) {
            return false;
        }
        bytes = slice_from(bytes, hit);
        if (!err_failed(frame_get(bytes, &f)) && f.group > s->wal->group &&
            (f.salt == s->wal->salt || !s->any)) {
            return true;
        }
        bytes = slice_from(bytes, 1);
    }
}

static err_t scan_frame(scan_t *s, piece_t *piece, size_t at, const frame_t *f)
{
    wal_t *wal = s->wal;
    bool follows = !s->any || (f->group == wal->group + 1 && f->prev_crc == wal->crc &&
                               f->first_seq == s->report->next_seq && f->salt == wal->salt);
    if (!follows) {
        return scan_fault(s, piece->number, at, "the frame does not follow the one before");
    }
    if (!s->any) {
        s->report->first_seq = wal->first_seq = f->first_seq;
    }
    s->any = true;
    wal->salt = f->salt;
    wal->group = f->group;
    wal->crc = f->crc;
    piece->end_seq = f->first_seq + f->count;
    s->report->next_seq = piece->end_seq;
    return s->each(s->ctx, f);
}

/* Bytes up to the last one that is not zero. */
static size_t used_len(slice_t s)
{
    static const uint8_t ZEROS[4096];
    while (s.len >= sizeof ZEROS && !memcmp(s.ptr + s.len - sizeof ZEROS, ZEROS, sizeof ZEROS)) {
        s.len -= sizeof ZEROS;
    }
    while (s.len && s.ptr[s.len - 1] == 0) {
        s.len--;
    }
    return s.len;
}

static err_t scan_bytes(scan_t *s, piece_t *piece)
{
    wal_t *wal = s->wal;
    slice_t all = slice_make(s->mem, wal->piece_bytes);
    for (wal->at = 0;;) {
        frame_t f;
        slice_t rest = slice_from(all, wal->at);
        err_t e = frame_get(rest, &f);
        if (err_failed(e)) {
            size_t left = used_len(rest);
            if (left && later_frame_in(s, rest)) {
                return scan_fault(s, piece->number, wal->at,
                                  "damaged, and committed frames follow");
            }
            s->torn = left > 0;
            s->report->torn_bytes = left;
            return OK;
        }
        TRY(scan_frame(s, piece, wal->at, &f));
        wal->at += FRAME_HEAD + f.body.len;
    }
}

static err_t scan_piece(scan_t *s, piece_t *piece)
{
    char name[PIECE_NAME + 1];
    struct stat st;
    piece_name(piece->number, name);
    FD_SCOPED int fd = openat(s->wal->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ENSURE(fd >= 0 && fstat(fd, &st) == 0, ERR_IO);
    if ((size_t)st.st_size != s->wal->piece_bytes) {
        return scan_fault(s, piece->number, 0, "the file has another size than the pieces have");
    }
    TRY(fd_pread_all(fd, s->mem, s->wal->piece_bytes, 0));
    if (s->torn) {
        if (used_len(slice_make(s->mem, s->wal->piece_bytes))) {
            return scan_fault(s, piece->number - 1, s->wal->at,
                              "damaged, and a later piece follows");
        }
        return scan_fault(s, piece->number, 0, "an empty piece follows an unfinished one");
    }
    return scan_bytes(s, piece);
}

static int piece_order(const void *a, const void *b)
{
    uint32_t x = ((const piece_t *)a)->number, y = ((const piece_t *)b)->number;
    return (x > y) - (x < y);
}

static err_t list_pieces(wal_t *wal)
{
    int copy = dup(wal->dir);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    if (!d) {
        fd_close(&copy);
        return FAIL_SYS(ERR_IO, errno);
    }
    rewinddir(d);
    for (struct dirent *e; (e = readdir(d)) && wal->count < PIECES_KEPT_MAX;) {
        uint64_t number;
        slice_t name = slice_cstr_in(e->d_name);
        if (name.len == PIECE_NAME && !err_failed(slice_parse_u64(name, 99999999, &number))) {
            wal->pieces[wal->count++] = (piece_t){(uint32_t)number, 0};
        }
    }
    closedir(d);
    qsort(wal->pieces, wal->count, sizeof wal->pieces[0], piece_order);
    return OK;
}

static err_t scan_all(scan_t *s)
{
    wal_t *wal = s->wal;
    for (size_t i = 0; i < wal->count; i++) {
        if (i && wal->pieces[i].number != wal->pieces[i - 1].number + 1) {
            return scan_fault(s, wal->pieces[i].number, 0, "the piece before it is missing");
        }
        TRY(scan_piece(s, &wal->pieces[i]));
    }
    s->report->groups = wal->group;
    return OK;
}

/* The unfinished frame is wiped, so that its bytes can never be taken for a frame later. */
static err_t heal(scan_t *s)
{
    wal_t *wal = s->wal;
    if (!s->any) {
        random_bytes(&wal->salt, sizeof wal->salt);
    }
    if (wal->count == 0) {
        return piece_next(wal);
    }
    TRY(piece_open(wal, wal->pieces[wal->count - 1].number));
    if (!s->torn) {
        return OK;
    }
    TRY(wipe(wal, s->report->torn_bytes));
    return fd_datasync(wal->fd);
}

static err_t wal_read(wal_t *wal, path_t dir, wal_frame_fn *each, void *ctx, wal_report_t *report)
{
    TRY(fd_open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &wal->dir));
    TRY(list_pieces(wal));
    TRY(wal_spare_start(&wal->spare, wal->dir, wal->piece_bytes));
    scan_t s = {.wal = wal, .each = each, .ctx = ctx, .report = report};
    s.mem = wal->count ? malloc(wal->piece_bytes) : NULL;
    ENSURE(s.mem || !wal->count, ERR_MEMORY);
    err_t e = scan_all(&s);
    free(s.mem);
    TRY(e);
    return heal(&s);
}

err_t wal_open(path_t dir, size_t piece_bytes, wal_frame_fn *each, void *ctx,
               wal_report_t *ret_report, wal_t **ret_wal)
{
    ENSURE(piece_bytes >= WAL_PIECE_MIN && piece_bytes <= WAL_PIECE_MAX, ERR_CONFIG);
    *ret_report = (wal_report_t){0};
    wal_t *wal = calloc(1, sizeof *wal);
    ENSURE(wal, ERR_MEMORY);
    wal->dir = -1;
    wal->fd = -1;
    wal->piece_bytes = piece_bytes;
    err_t e = wal_read(wal, dir, each, ctx, ret_report);
    if (err_failed(e)) {
        wal_close(wal);
        return e;
    }
    *ret_wal = wal;
    return OK;
}

void wal_close(wal_t *wal)
{
    if (wal) {
        wal_spare_stop(&wal->spare);
        fd_close(&wal->fd);
        fd_close(&wal->dir);
        free(wal);
    }
}
