/* The log's pieces: frames {head 64, body}, CRC-32C, chained by number and by CRC (FORMAT.md 2). */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "verify.h"

enum { HEAD = 64, BODY_MAX = 4 * 1024 * 1024, PIECE_MAX = 256 * 1024 * 1024 };

typedef struct vframe {
    uint64_t group, first_seq, salt;
    uint32_t count, prev_crc, crc;
    slice_t body;
} vframe_t;

static uint32_t crc32c_of(slice_t a, slice_t b)
{
    static uint32_t table[256];
    static bool filled;
    const slice_t parts[] = {a, b};
    for (uint32_t i = 0; !filled && i < 256; i++) {
        table[i] = i;
        for (unsigned bit = 0; bit < 8; bit++) {
            table[i] = (table[i] >> 1) ^ (0x82f63b78U & (0U - (table[i] & 1U)));
        }
    }
    filled = true;
    uint32_t crc = UINT32_MAX;
    for (size_t p = 0; p < BASE_COUNT(parts); p++) {
        for (size_t i = 0; i < parts[p].len; i++) {
            crc = (crc >> 8) ^ table[(crc ^ parts[p].ptr[i]) & 0xff];
        }
    }
    return ~crc;
}

static size_t nonzero_len(slice_t s)
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

static bool frame_read(slice_t bytes, vframe_t *f)
{
    slice_t head = slice_sub(bytes, 0, HEAD);
    cursor_t c = cur_on(head);
    if (head.len < HEAD || memcmp(cur_bytes(&c, 4).ptr, "SKL\xf1", 4) != 0 || cur_u16be(&c) != 1 ||
        cur_u16be(&c) != HEAD) {
        return false;
    }
    uint32_t len = cur_u32be(&c);
    f->count = cur_u32be(&c);
    f->group = cur_u64be(&c);
    f->first_seq = cur_u64be(&c);
    f->prev_crc = cur_u32be(&c);
    f->salt = cur_u64be(&c);
    bool reserved = nonzero_len(cur_bytes(&c, 16)) == 0;
    f->crc = cur_u32be(&c);
    f->body = slice_sub(slice_from(bytes, HEAD), 0, len);
    return reserved && len <= BODY_MAX && f->body.len == len && f->count > 0 &&
           crc32c_of(slice_sub(head, 0, HEAD - 4), f->body) == f->crc;
}

static bool frame_later(slice_t bytes, const vlog_chain_t *chain)
{
    vframe_t f;
    for (size_t at; (at = slice_find(bytes, SLICE("SKL\xf1"))) != SIZE_MAX;) {
        bytes = slice_from(bytes, at);
        if (frame_read(bytes, &f) && f.group > chain->group &&
            (!chain->any || f.salt == chain->salt)) {
            return true;
        }
        bytes = slice_from(bytes, 1);
    }
    return false;
}

static bool frame_follows(const vlog_chain_t *chain, const vframe_t *f)
{
    return !chain->any || (f->group == chain->group + 1 && f->prev_crc == chain->crc &&
                           f->first_seq == chain->next_seq && f->salt == chain->salt);
}

static bool frame_leaves(const vframe_t *f, vlog_leaf_fn *each, void *ctx)
{
    cursor_t c = cur_on(f->body);
    for (uint32_t i = 0; i < f->count; i++) {
        slice_t leaf = cur_bytes(&c, cur_u16be(&c));
        if (c.bad) {
            return false;
        }
        each(ctx, f->first_seq + i, leaf);
    }
    return c.left == 0;
}

static int64_t leaf_of(const vlog_chain_t *chain)
{
    return chain->any ? (int64_t)chain->next_seq : NO_LEAF;
}

static void piece_end(slice_t rest, const char *name, size_t at, vlog_chain_t *chain, report_t *r)
{
    if (frame_later(rest, chain)) {
        report_fault(r, VERDICT_TAMPERED, leaf_of(chain),
                     "log piece %s is damaged at byte %zu, and frames written later follow", name,
                     at);
    } else if (!chain->live) {
        report_fault(r, VERDICT_INCOMPLETE, leaf_of(chain),
                     "log piece %s ends at byte %zu in a frame that was not finished", name, at);
    }
    chain->ended = true;
}

void vlog_piece(slice_t bytes, const char *name, vlog_chain_t *chain, report_t *r,
                vlog_leaf_fn *each, void *ctx)
{
    size_t used = nonzero_len(bytes), at = 0;
    if (used && chain->ended) {
        report_fault(r, VERDICT_TAMPERED, leaf_of(chain), "log piece %s follows a damaged one",
                     name);
        return;
    }
    while (at < used) {
        vframe_t f;
        slice_t rest = slice_from(bytes, at);
        if (!frame_read(rest, &f)) {
            piece_end(slice_sub(rest, 0, used - at), name, at, chain, r);
            return;
        }
        if (!frame_follows(chain, &f) || !frame_leaves(&f, each, ctx)) {
            report_fault(r, VERDICT_TAMPERED, leaf_of(chain),
                         "log piece %s: the frame at byte %zu does not follow the one before", name,
                         at);
            chain->ended = true;
            return;
        }
        if (!chain->any) {
            chain->first_seq = f.first_seq;
        }
        chain->any = true;
        chain->group = f.group;
        chain->next_seq = f.first_seq + f.count;
        chain->salt = f.salt;
        chain->crc = f.crc;
        at += HEAD + f.body.len;
    }
}

static bool is_piece(const char *name)
{
    return strlen(name) == 8 && strspn(name, "0123456789") == 8;
}

static uint64_t piece_number(const struct vlog_file *f)
{
    uint64_t number = 0;
    err_ignore(slice_parse_u64(slice_make(f->name, 8), 99999999, &number)); /* is_piece */
    return number;
}

static int name_order(const void *a, const void *b)
{
    return strcmp(((const struct vlog_file *)a)->name, ((const struct vlog_file *)b)->name);
}

static void pieces_close(vlog_t *log)
{
    for (size_t i = 0; i < log->count; i++) {
        close(log->files[i].fd);
    }
    log->count = 0;
}

/* False: a piece between two others is not there. */
static bool pieces_open(int dir, vlog_t *log)
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    bool whole = true;
    if (!d) {
        return true;
    }
    for (struct dirent *e; (e = readdir(d)) && log->count < VLOG_PIECES;) {
        struct vlog_file *f = &log->files[log->count];
        if (is_piece(e->d_name)) {
            memcpy(f->name, e->d_name, sizeof f->name);
            f->fd = openat(dir, f->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
            f->seen = SIZE_MAX;
            log->count += f->fd >= 0 || !log->live; /* removed this moment: fine */
        }
    }
    closedir(d);
    qsort(log->files, log->count, sizeof log->files[0], name_order);
    for (size_t i = 1; i < log->count; i++) {
        whole = whole && piece_number(&log->files[i]) == piece_number(&log->files[i - 1]) + 1;
    }
    return whole;
}

/* ledgerd writes frame after frame: once a byte of one has been seen, those before it are whole.
 * Seen from the last piece to the first, then read up to there, a log in motion has no holes. */
static void pieces_see(vlog_t *log)
{
    for (size_t i = log->count; i-- > 0;) {
        slice_t bytes;
        if (!err_failed(vfile_read_fd(log->files[i].fd, PIECE_MAX, &bytes))) {
            log->files[i].seen = nonzero_len(bytes);
            vfile_free(&bytes);
        }
    }
}

void vlog_open(int dir, vlog_t *ret_log)
{
    ret_log->count = 0;
    for (unsigned tries = 0; !pieces_open(dir, ret_log) && ret_log->live && tries < 20; tries++) {
        pieces_close(ret_log); /* old ones were removed while the folder was read */
    }
    if (ret_log->live) {
        pieces_see(ret_log);
    }
}

static void check_file(const struct vlog_file *f, vlog_chain_t *chain, report_t *r,
                       vlog_leaf_fn *each, void *ctx)
{
    slice_t bytes;
    if (err_failed(vfile_read_seen(f->fd, f->seen, PIECE_MAX, &bytes))) {
        report_fault(r, VERDICT_INCOMPLETE, leaf_of(chain), "log piece %s cannot be read", f->name);
        return;
    }
    vlog_piece(bytes, f->name, chain, r, each, ctx);
    vfile_free(&bytes);
}

void vlog_check(vlog_t *log, report_t *r, vlog_leaf_fn *each, void *ctx, uint64_t *ret_first,
                uint64_t *ret_end)
{
    vlog_chain_t chain = {.live = log->live};
    for (size_t i = 0; i < log->count; i++) {
        const struct vlog_file *f = &log->files[i];
        if (i && piece_number(f) != piece_number(f - 1) + 1) {
            report_fault(r, VERDICT_INCOMPLETE, leaf_of(&chain), "log piece before %s is missing",
                         f->name);
        }
        check_file(f, &chain, r, each, ctx);
        close(f->fd);
    }
    log->count = 0;
    *ret_first = chain.first_seq;
    *ret_end = chain.any ? chain.next_seq : 0;
}
