/* A consistent copy of a ledger that is being written. */
#include "ledger/api_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bundle.h"
#include "frame.h"
#include "minimum.h"
#include "notekeys.h"
#include "segment.h"
#include "text/b64.h"

enum { PIECES_MAX = 1024, NAME = 8, TRIES = 40, REST_US = 5000, ARENA = 64 * 1024, BLOCK = 65536 };

typedef struct piece {
    char name[NAME + 1];
    int fd;
    size_t size, used; /* bytes; used = up to the end of the last whole frame */
} piece_t;

enum { KEYS_MAX = 32, KEY_NAME = 64 };

typedef struct copy {
    arena_t arena;
    path_t from, secrets, scratch;
    char keys[KEYS_MAX][KEY_NAME]; /* files of note keys in scratch */
    size_t n_keys;
    int public_dir, scratch_dir;
    ledger_copy_file_fn *each;
    void *ctx;
    slice_t note, vkey; /* of the checkpoint; the public key that opens it */
    slice_t witnessed;  /* public/witnessed, or empty */
    uint8_t vkey_mem[EPOCH_VKEY];
    uint64_t minimum; /* records below are removed */
    ledger_copy_facts_t facts;
    piece_t pieces[PIECES_MAX];
    size_t n_pieces;
    bool any; /* a frame was seen; then: */
    uint64_t first_seq, next_seq, group;
} copy_t;

err_t ledger_copy_checkpoint(slice_t note, uint64_t *ret_size, uint8_t ret_root[32])
{
    slice_t origin, size, root;
    uint8_t mem[64];
    buf_t out = BUF_ON_ARRAY(mem);
    ENSURE(slice_split(&note, '\n', &origin) && slice_split(&note, '\n', &size) &&
               slice_split(&note, '\n', &root),
           ERR_SYNTAX);
    TRY(slice_parse_u64(size, INT64_MAX, ret_size));
    TRY(b64_decode(root, &out));
    ENSURE(out.len == HASH_BYTES, ERR_SYNTAX);
    memcpy(ret_root, out.ptr, HASH_BYTES);
    return OK;
}

/* ---- the log's pieces ---- */

static void pieces_close(copy_t *c)
{
    while (c->n_pieces) {
        fd_close(&c->pieces[--c->n_pieces].fd);
    }
}

static bool is_piece(const char *name)
{
    return strlen(name) == NAME && strspn(name, "0123456789") == NAME;
}

static int by_name(const void *a, const void *b)
{
    const piece_t *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Held open all together: ledgerd may remove the old ones meanwhile. */
static err_t pieces_open(copy_t *c)
{
    path_t log;
    TRY(path_join(&c->arena, c->from, SLICE("log"), &log));
    DIR *d = opendir(log.text);
    ENSURE(d, ERR_NOT_FOUND);
    err_t e = OK;
    for (struct dirent *entry; !err_failed(e) && (entry = readdir(d));) {
        struct stat st;
        piece_t p = {.fd = -1};
        if (!is_piece(entry->d_name)) {
            continue;
        }
        memcpy(p.name, entry->d_name, NAME);
        p.fd = openat(dirfd(d), p.name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (p.fd < 0 && errno == ENOENT) {
            continue; /* removed this moment */
        }
        bool good =
            p.fd >= 0 && c->n_pieces < PIECES_MAX && fstat(p.fd, &st) == 0 && S_ISREG(st.st_mode);
        if (!good) {
            fd_close(&p.fd);
            e = FAIL(ERR_IO);
            continue;
        }
        p.size = (size_t)st.st_size;
        c->pieces[c->n_pieces++] = p;
    }
    closedir(d);
    qsort(c->pieces, c->n_pieces, sizeof *c->pieces, by_name);
    return e;
}

/* Whole frames from the piece's start. A frame that is being written has no valid checksum yet and
 * ends the copy. *ret_end: something stands there that is no frame. */
static err_t piece_walk(copy_t *c, piece_t *p, slice_t bytes, bool *ret_end)
{
    while (p->used < bytes.len) {
        frame_t f;
        err_t e = frame_get(slice_from(bytes, p->used), &f);
        if (err_failed(e)) {
            *ret_end = !err_is(e, ERR_NOT_FOUND);
            return OK;
        }
        ENSURE(!c->any || (f.group == c->group + 1 && f.first_seq == c->next_seq), ERR_CORRUPT);
        c->first_seq = c->any ? c->first_seq : f.first_seq;
        c->any = true;
        c->group = f.group;
        c->next_seq = f.first_seq + f.count;
        p->used += FRAME_HEAD + f.body.len;
    }
    return OK;
}

static err_t pieces_walk(copy_t *c)
{
    bool ended = false;
    for (size_t i = 0; i < c->n_pieces; i++) {
        piece_t *p = &c->pieces[i];
        void *at = p->size ? mmap(NULL, p->size, PROT_READ, MAP_SHARED, p->fd, 0) : MAP_FAILED;
        ENSURE(at != MAP_FAILED, ERR_IO);
        bool was_ended = ended;
        err_t e = piece_walk(c, p, slice_make(at, p->size), &ended);
        munmap(at, p->size);
        TRY(e);
        ENSURE(!was_ended || p->used == 0, ERR_CORRUPT); /* damage in the middle is no write in
                                                            progress */
    }
    return OK;
}

/* ---- scratch ---- */

static err_t scratch_write(copy_t *c, const char *name, slice_t bytes)
{
    FD_SCOPED int fd = openat(c->scratch_dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fd_err(errno);
    }
    return fd_write_all(fd, bytes);
}

static err_t hand_out(copy_t *c, const char *name, path_t dir, const char *file)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    slice_t whole;
    arena_init(&a, 16 * 1024);
    TRY(arena_printf(&a, &whole, "%s/%s", dir.text, file));
    return c->each(c->ctx, name, (path_t){(const char *)whole.ptr});
}

/* "edge-<level>" in scratch: the partial tiles of this very size, which ledgerd keeps for two
 * checkpoints only. */
static void edge_name(unsigned level, char out[16])
{
    snprintf(out, 16, "edge-%u", level);
}

static bool edge_path(const copy_t *c, unsigned level, char out[TILES_PATH])
{
    unsigned base = level == TILES_ENTRIES ? 0 : level;
    uint64_t have = base < 8 ? c->facts.size >> (8 * base) : 0;
    unsigned width = (unsigned)(have % TREE_TILE);
    tiles_path(level, have / TREE_TILE, width ? width : 1, out);
    return width > 0;
}

static err_t edge_hold(copy_t *c, unsigned level)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0}; /* there is a way out before it is made */
    char path[TILES_PATH], name[16];
    slice_t bytes;
    if (!edge_path(c, level, path)) {
        return OK;
    }
    arena_init(&a, 32 * 1024 * 1024);
    edge_name(level, name);
    TRY(tiles_read(c->public_dir, path, &a, 17 * 1024 * 1024, &bytes));
    return scratch_write(c, name, bytes);
}

/* ---- note keys ---- */

static void keys_wipe(copy_t *c)
{
    while (c->n_keys) {
        err_ignore(notekeys_destroy(c->scratch, c->keys[--c->n_keys])); /* the caller sweeps */
    }
}

/* The public half of the one that signed is what opens the copy. */
static err_t key_compare(copy_t *c, slice_t seed)
{
    note_key_t key;
    checkpoint_t cp;
    slice_t rest = c->note, origin;
    ENSURE(seed.len == NOTE_SEED && slice_split(&rest, '\n', &origin), ERR_CORRUPT);
    TRY(note_key_init(origin, seed.ptr, &key));
    note_key_wipe(&key);
    if (!err_failed(note_open_checkpoint(c->note, &key, &cp))) {
        buf_t vkey = BUF_ON_ARRAY(c->vkey_mem);
        note_put_vkey(&vkey, &key);
        buf_u8(&vkey, '\n');
        c->vkey = buf_slice(&vkey);
    }
    return OK;
}

static err_t key_hold(copy_t *c, const char *name)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0}; /* wiped at its end */
    path_t file;
    slice_t seed;
    ENSURE(c->n_keys < KEYS_MAX && strlen(name) < KEY_NAME, ERR_LIMIT);
    arena_init(&a, 16 * 1024);
    TRY(path_join(&a, c->secrets, slice_cstr_in(name), &file));
    TRY(file_read(&a, file, 256, &seed));
    memcpy(c->keys[c->n_keys++], name, strlen(name) + 1);
    TRY(scratch_write(c, name, seed));
    return key_compare(c, seed);
}

/* NOT_FOUND: none of them signed the checkpoint, another segment has begun meanwhile. */
static err_t keys_hold(copy_t *c)
{
    keys_wipe(c);
    if (!c->secrets.text) {
        return tiles_read(c->public_dir, "ledger.vkey", &c->arena, EPOCH_VKEY, &c->vkey);
    }
    c->vkey = SLICE_EMPTY;
    DIR *d = opendir(c->secrets.text);
    ENSURE(d, ERR_IO);
    err_t e = OK;
    for (struct dirent *row; !err_failed(e) && (row = readdir(d));) {
        slice_t name = slice_cstr_in(row->d_name);
        if (slice_starts(name, SLICE("note")) && slice_ends(name, SLICE(".key"))) {
            e = key_hold(c, row->d_name);
        }
    }
    closedir(d);
    TRY(e);
    ENSURE(c->vkey.len, ERR_NOT_FOUND);
    return OK;
}

static err_t keys_out(copy_t *c)
{
    for (size_t i = 0; i < c->n_keys; i++) {
        char name[KEY_NAME + 16];
        snprintf(name, sizeof name, "secrets/%s", c->keys[i]);
        TRY(hand_out(c, name, c->scratch, c->keys[i]));
    }
    return OK;
}

/* Read before the checkpoint, so it is not ahead of it: the log only grows. */
static err_t witnessed_hold(copy_t *c)
{
    err_t e = tiles_read(c->public_dir, "witnessed", &c->arena, NOTE_MAX, &c->witnessed);
    if (err_is(e, ERR_NOT_FOUND)) {
        c->witnessed = SLICE_EMPTY;
        return OK;
    }
    return e;
}

/* One try to hold checkpoint, edge and log of one moment. NOT_FOUND: ledgerd went on meanwhile. */
static err_t moment_hold(copy_t *c, uint64_t at_least)
{
    pieces_close(c);
    c->any = false;
    TRY(minimum_read(c->public_dir, &c->minimum));
    TRY(witnessed_hold(c));
    TRY(tiles_read(c->public_dir, "checkpoint", &c->arena, NOTE_MAX, &c->note));
    TRY(ledger_copy_checkpoint(c->note, &c->facts.size, c->facts.root));
    ENSURE(c->facts.size >= at_least && c->facts.size > 0, ERR_UNAVAILABLE);
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        TRY(edge_hold(c, level));
    }
    TRY(edge_hold(c, TILES_ENTRIES));
    TRY(keys_hold(c));
    TRY(pieces_open(c));
    TRY(pieces_walk(c));
    ENSURE(c->any && c->first_seq <= c->facts.size && c->facts.size <= c->next_seq, ERR_NOT_FOUND);
    c->facts.log_end = c->next_seq;
    return OK;
}

/* ---- handing out ---- */

/* A bundle may be packed at this very moment: then the plain file is gone and the packed one there.
 */
static err_t bundle_out(copy_t *c, path_t pub, uint64_t number)
{
    char path[TILES_PATH], name[TILES_PATH + 16];
    err_t e = OK;
    for (unsigned tries = 0; tries < 2; tries++) {
        TRY(bundle_where(c->public_dir, number, path));
        snprintf(name, sizeof name, "public/%s", path);
        e = hand_out(c, name, pub, path);
        if (!err_is(e, ERR_NOT_FOUND)) {
            return e;
        }
    }
    return e;
}

static err_t tile_out(copy_t *c, path_t pub, unsigned level, uint64_t number)
{
    char path[TILES_PATH], name[TILES_PATH + 16];
    if (level == TILES_ENTRIES) {
        return bundle_out(c, pub, number);
    }
    tiles_path(level, number, TREE_TILE, path);
    snprintf(name, sizeof name, "public/%s", path);
    return hand_out(c, name, pub, path);
}

/* The first tile that removal has left: of the levels below that of a segment's root. */
static uint64_t first_left(const copy_t *c, unsigned level)
{
    bool small = c->minimum % SEGMENT_LEAVES != 0;
    unsigned base = level == TILES_ENTRIES ? 0 : level;
    bool gone = base == 0 || (base == 1 && !small);
    return gone ? c->minimum >> (8 * base) >> 8 : 0;
}

static err_t tiles_out(copy_t *c, unsigned level)
{
    char path[TILES_PATH], name[TILES_PATH + 16], edge[16];
    path_t pub;
    unsigned base = level == TILES_ENTRIES ? 0 : level;
    uint64_t full = base < 7 ? c->facts.size >> (8 * base) >> 8 : 0;
    TRY(path_join(&c->arena, c->from, SLICE("public"), &pub));
    for (uint64_t n = first_left(c, level); n < full; n++) {
        err_t e = tile_out(c, pub, level, n);
        uint64_t now = c->minimum;
        if (err_is(e, ERR_NOT_FOUND) && !err_failed(minimum_read(c->public_dir, &now)) &&
            now > c->minimum) {
            return FAIL(ERR_UNAVAILABLE); /* removed by now: another copy will do without */
        }
        TRY(e);
    }
    if (!edge_path(c, level, path)) {
        return OK;
    }
    snprintf(name, sizeof name, "public/%s", path);
    edge_name(level, edge);
    return hand_out(c, name, c->scratch, edge);
}

/* The piece up to its last whole frame; the rest is a hole, as long as the piece was. */
static err_t piece_stage(copy_t *c, const piece_t *p)
{
    static uint8_t block[BLOCK];
    FD_SCOPED int fd =
        openat(c->scratch_dir, p->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fd_err(errno);
    }
    for (size_t at = 0; at < p->used;) {
        size_t n = p->used - at < sizeof block ? p->used - at : sizeof block;
        TRY(fd_pread_all(p->fd, block, n, (int64_t)at));
        TRY(fd_write_all(fd, slice_make(block, n)));
        at += n;
    }
    return ftruncate(fd, (off_t)p->size) == 0 ? OK : fd_err(errno);
}

static err_t log_out(copy_t *c)
{
    for (size_t i = 0; i < c->n_pieces; i++) {
        const piece_t *p = &c->pieces[i];
        char name[NAME + 8];
        TRY(piece_stage(c, p));
        snprintf(name, sizeof name, "log/%s", p->name);
        TRY(hand_out(c, name, c->scratch, p->name));
        unlinkat(c->scratch_dir, p->name, 0);
    }
    return OK;
}

/* seal/<N> of the segments that have ended: the last one may not be there yet when the checkpoint
 * ends exactly there; an earlier program's have none. */
static err_t numbered_out(copy_t *c, path_t pub, unsigned level, uint64_t number)
{
    char path[TILES_PATH], name[TILES_PATH + 16];
    tiles_path(level, number, TREE_TILE, path);
    snprintf(name, sizeof name, "public/%s", path);
    err_t e = hand_out(c, name, pub, path);
    return err_is(e, ERR_NOT_FOUND) ? OK : e;
}

static err_t segments_out(copy_t *c)
{
    path_t pub;
    TRY(path_join(&c->arena, c->from, SLICE("public"), &pub));
    for (uint64_t n = 0; n < c->facts.size / SEGMENT_LEAVES_SMALL; n++) {
        char path[TILES_PATH];
        tiles_path(TILES_SEAL, n, TREE_TILE, path);
        if (n > c->facts.size / SEGMENT_LEAVES && faccessat(c->public_dir, path, F_OK, 0) != 0) {
            break; /* segments of the ordinary size: there are no more */
        }
        TRY(numbered_out(c, pub, TILES_SEAL, n));
        TRY(numbered_out(c, pub, TILES_KEPT, n));
    }
    return OK;
}

/* Files of the folder that stand still while ledgerd runs; earlier epochs leave the last two. */
static err_t still_out(copy_t *c)
{
    static const char *const NAMES[] = {"public/epochs", "epoch", "holds"};
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        err_t e = hand_out(c, NAMES[i], c->from, NAMES[i]);
        if (err_failed(e) && !err_is(e, ERR_NOT_FOUND)) {
            return e;
        }
    }
    return OK;
}

static err_t all_out(copy_t *c)
{
    TRY(keys_out(c));
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        TRY(tiles_out(c, level));
    }
    TRY(tiles_out(c, TILES_ENTRIES));
    TRY(log_out(c));
    TRY(segments_out(c));
    TRY(still_out(c));
    TRY(scratch_write(c, "vkey", c->vkey));
    TRY(hand_out(c, "public/ledger.vkey", c->scratch, "vkey"));
    if (c->witnessed.len) { /* what others saw must not be lost with the machine */
        TRY(scratch_write(c, "witnessed", c->witnessed));
        TRY(hand_out(c, "public/witnessed", c->scratch, "witnessed"));
    }
    TRY(scratch_write(c, "checkpoint", c->note));
    TRY(hand_out(c, "signed", c->scratch, "checkpoint"));
    return hand_out(c, "public/checkpoint", c->scratch, "checkpoint");
}

static err_t copy_run(copy_t *c, uint64_t at_least)
{
    static const int FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    path_t pub;
    err_t e = FAIL(ERR_NOT_FOUND);
    TRY(path_join(&c->arena, c->from, SLICE("public"), &pub));
    TRY(fd_open(pub, FLAGS, 0, &c->public_dir));
    TRY(fd_open(c->scratch, FLAGS, 0, &c->scratch_dir));
    /* A log in motion may look torn for a moment; one that is torn looks so every time. */
    for (unsigned i = 0; i < TRIES && (err_is(e, ERR_NOT_FOUND) || err_is(e, ERR_CORRUPT)); i++) {
        if (i) {
            usleep(REST_US);
        }
        e = moment_hold(c, at_least);
    }
    TRY(e);
    return all_out(c);
}

err_t ledger_copy(const ledger_place_t *place, path_t scratch, uint64_t at_least,
                  ledger_copy_file_fn *each, void *ctx, ledger_copy_facts_t *ret_facts)
{
    copy_t *c = calloc(1, sizeof *c);
    ENSURE(c, ERR_MEMORY);
    *c = (copy_t){.from = place->ledger,
                  .secrets = place->secrets,
                  .scratch = scratch,
                  .public_dir = -1,
                  .scratch_dir = -1,
                  .each = each,
                  .ctx = ctx};
    arena_init(&c->arena, (size_t)TRIES * ARENA);
    err_t e = copy_run(c, at_least);
    if (!err_failed(e)) {
        *ret_facts = c->facts;
    }
    pieces_close(c);
    keys_wipe(c);
    fd_close(&c->public_dir);
    fd_close(&c->scratch_dir);
    arena_deinit(&c->arena);
    free(c);
    return e;
}
