#include "witnessing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "leaf.h"
#include "ledger/api_witness.h"
#include "proofs.h"
#include "text/b64.h"
#include "tiles.h"

enum {
    HANDED = 32, /* checkpoints handed out that may still come back */
    TRIES = 4,   /* partial tiles may go while a proof is made */
    COSIG_BYTES = 4 + 8 + 64,
    FILE_MAX = LEDGER_NOTE_MAX + LEDGER_LINES_MAX,
};
static const char DASH[] = "\u2014 ";

typedef struct handed {
    uint64_t size; /* 0 = free */
    size_t len;
    uint8_t note[LEDGER_NOTE_MAX];
} handed_t;

struct witnessing {
    keeper_t *keeper;
    int dir, public_dir, tmp_dir;
    handed_t handed[HANDED]; /* the wire's thread alone */
    unsigned next;
    uint8_t out[WIRE_MAX_BYTES];
    pthread_t thread;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t filled;
    bool stop;
    size_t len; /* of what waits; 0 = nothing */
    uint8_t waiting[FILE_MAX];
    uint64_t waiting_size, written;
    err_t trouble;
};

/* ---- the file ---- */

static err_t write_file(const witnessing_t *w, slice_t bytes)
{
    static const char NAME[] = "witnessed";
    FD_SCOPED int fd =
        openat(w->tmp_dir, NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) {
        return fd_err(errno);
    }
    TRY(fd_write_all(fd, bytes));
    if (fsync(fd) != 0 || renameat(w->tmp_dir, NAME, w->public_dir, NAME) != 0 ||
        fsync(w->public_dir) != 0) {
        return fd_err(errno);
    }
    return OK;
}

static void *writer(void *arg)
{
    witnessing_t *w = arg;
    static uint8_t mem[FILE_MAX];
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->len && !w->stop) {
            pthread_cond_wait(&w->filled, &w->lock);
        }
        if (!w->len) {
            break;
        }
        size_t len = w->len;
        uint64_t size = w->waiting_size;
        memcpy(mem, w->waiting, len);
        w->len = 0;
        pthread_mutex_unlock(&w->lock);
        err_t e = write_file(w, slice_make(mem, len));
        pthread_mutex_lock(&w->lock);
        w->trouble = e; /* the next one tries again */
        w->written = err_failed(e) ? w->written : size;
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- handing out ---- */

static handed_t *handed_find(witnessing_t *w, uint64_t size)
{
    for (unsigned i = 0; i < HANDED; i++) {
        if (size && w->handed[i].size == size) {
            return &w->handed[i];
        }
    }
    return NULL;
}

static void hand(witnessing_t *w, uint64_t size, slice_t note)
{
    handed_t *h = handed_find(w, size);
    h = h ? h : &w->handed[w->next++ % HANDED];
    h->size = size;
    h->len = note.len;
    memcpy(h->note, note.ptr, note.len);
}

/* The size is the second line. The file is our own word; what it says is checked by who gets it. */
static err_t note_size(slice_t note, uint64_t *ret_size)
{
    slice_t line;
    ENSURE(slice_split(&note, '\n', &line) && slice_split(&note, '\n', &line), ERR_CORRUPT);
    ENSURE(!err_failed(slice_parse_u64(line, INT64_MAX, ret_size)), ERR_CORRUPT);
    return OK;
}

/* "seal/<N>", N in elements as in a tile's path. */
static void seal_path(uint64_t segment, char path[TILES_PATH])
{
    char tile[TILES_PATH];
    static const char PREFIX[] = "tile/entries/";
    tiles_path(TILES_ENTRIES, segment, TREE_TILE, tile);
    snprintf(path, TILES_PATH, "seal/%s", tile + sizeof PREFIX - 1);
}

static err_t note_load(witnessing_t *w, const char *path, arena_t *a, slice_t *ret_note,
                       uint64_t *ret_size)
{
    TRY(tiles_read(w->public_dir, path, a, LEDGER_NOTE_MAX, ret_note));
    return note_size(*ret_note, ret_size);
}

static void put_checkpoint(buf_t *b, uint64_t size, slice_t note, const proof_t *proof)
{
    buf_u64(b, size);
    buf_str16(b, note);
    buf_u16(b, (uint16_t)proof->n);
    buf_put(b, slice_make(proof->at, proof->n * sizeof proof->at[0]));
}

/* published grows while we read: the proof is made from what is there now. */
static err_t published_proof(witnessing_t *w, uint64_t old_size, uint64_t index, uint64_t size,
                             proof_t *ret_proof)
{
    err_t e = OK;
    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t published = sealer_state(w->keeper->sealer).signed_cp.size;
        published = published < size ? size : published; /* its note is there: so are its tiles */
        e = index == UINT64_MAX
                ? proof_consistency(w->public_dir, published, old_size, size, ret_proof)
                : proof_inclusion(w->public_dir, published, index, size, ret_proof);
        if (!err_is(e, ERR_NOT_FOUND)) {
            break;
        }
    }
    return err_is(e, ERR_NOT_FOUND) ? FAIL(ERR_UNAVAILABLE) : e;
}

static err_t checkpoint_find(witnessing_t *w, uint64_t size, bool is_segment, arena_t *a,
                             slice_t *ret_note, uint64_t *ret_size)
{
    char path[TILES_PATH];
    if (is_segment) {
        seal_path(size, path);
        TRY(note_load(w, path, a, ret_note, ret_size));
    } else if (size) {
        const handed_t *h = handed_find(w, size);
        ENSURE(h, ERR_CONFLICT);
        *ret_note = slice_make(h->note, h->len);
        *ret_size = size;
        return OK;
    } else {
        TRY(note_load(w, "checkpoint", a, ret_note, ret_size));
    }
    hand(w, *ret_size, *ret_note);
    return OK;
}

static err_t on_checkpoint(witnessing_t *w, wire_server_t *server, wire_conn_t from, cursor_t *body)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    uint64_t old_size = cur_u64(body), size = cur_u64(body);
    bool is_segment = cur_bool(body);
    buf_t b = BUF_ON_ARRAY(w->out);
    slice_t note;
    proof_t proof;
    TRY(cur_end(body));
    arena_init(&a, LEDGER_NOTE_MAX + 64);
    TRY(checkpoint_find(w, size, is_segment, &a, &note, &size));
    ENSURE(old_size <= size, ERR_RANGE);
    TRY(published_proof(w, old_size, UINT64_MAX, size, &proof));
    wire_begin(&b, LEDGER_CHECKPOINT_OK);
    put_checkpoint(&b, size, note, &proof);
    TRY(buf_check(&b));
    wire_reply(server, from, buf_slice(&b));
    return OK;
}

static err_t on_handover(witnessing_t *w, wire_server_t *server, wire_conn_t from, cursor_t *body)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    char path[TILES_PATH];
    uint64_t segment = cur_u64(body), size, end;
    buf_t b = BUF_ON_ARRAY(w->out);
    slice_t note;
    proof_t proof;
    cursor_t run;
    TRY(cur_end(body));
    arena_init(&a, LEDGER_NOTE_MAX + 64);
    seal_path(segment, path);
    TRY(note_load(w, path, &a, &note, &size));
    ENSURE(size > 0, ERR_CORRUPT);
    TRY(published_proof(w, 0, size - 1, size, &proof));
    TRY(entries_run(&w->keeper->entries, size - 1, &run, &end));
    slice_t leaf = leaf_next(&run);
    ENSURE(!run.bad, ERR_CORRUPT);
    wire_begin(&b, LEDGER_HANDOVER_OK);
    put_checkpoint(&b, size, note, &proof);
    buf_str16(&b, leaf);
    TRY(buf_check(&b));
    wire_reply(server, from, buf_slice(&b));
    return OK;
}

/* ---- taking back ---- */

/* The name in the note's first line: nobody else may sign under it here. */
static slice_t own_name(const handed_t *h)
{
    slice_t note = slice_make(h->note, h->len);
    return slice_sub(note, 0, slice_find_byte(note, '\n'));
}

static err_t line_fine(slice_t line, slice_t own)
{
    uint8_t mem[COSIG_BYTES];
    buf_t sig = BUF_ON_ARRAY(mem);
    slice_t name;
    ENSURE(line.len < LEDGER_COSIGNATURE_MAX && slice_starts(line, slice_cstr_in(DASH)),
           ERR_SYNTAX);
    line = slice_from(line, sizeof DASH - 1);
    ENSURE(slice_split(&line, ' ', &name) && line.len != SIZE_MAX, ERR_SYNTAX);
    ENSURE(name.len && !slice_eq(name, own), ERR_SYNTAX);
    for (size_t i = 0; i < name.len; i++) {
        ENSURE(name.ptr[i] > ' ' && name.ptr[i] <= '~' && name.ptr[i] != '+', ERR_SYNTAX);
    }
    ENSURE(!err_failed(b64_decode(line, &sig)) && sig.len == COSIG_BYTES, ERR_SYNTAX);
    return OK;
}

static err_t lines_fine(slice_t lines, slice_t own)
{
    slice_t line;
    unsigned n = 0;
    ENSURE(slice_ends(lines, SLICE("\n")), ERR_SYNTAX);
    lines.len--;
    while (slice_split(&lines, '\n', &line)) {
        ENSURE(++n <= LEDGER_COSIGNERS_MAX, ERR_SYNTAX);
        TRY(line_fine(line, own));
    }
    return OK;
}

static err_t on_cosigned(witnessing_t *w, wire_server_t *server, wire_conn_t from, cursor_t *body)
{
    uint64_t size = cur_u64(body);
    slice_t lines = cur_str16(body);
    TRY(cur_end(body));
    const handed_t *h = handed_find(w, size);
    ENSURE(h, ERR_CONFLICT);
    /* Bad lines are an answer, not the end of the connection. */
    ENSURE(lines.len <= LEDGER_LINES_MAX && !err_failed(lines_fine(lines, own_name(h))), ERR_RANGE);
    pthread_mutex_lock(&w->lock);
    buf_t b = BUF_ON_ARRAY(w->waiting);
    buf_put(&b, slice_make(h->note, h->len));
    buf_put(&b, lines);
    w->len = b.len;
    w->waiting_size = size;
    pthread_cond_signal(&w->filled);
    pthread_mutex_unlock(&w->lock);
    wire_reply_done(server, from);
    return OK;
}

err_t witnessing_message(witnessing_t *w, wire_server_t *server, wire_conn_t from, uint16_t kind,
                         cursor_t *body)
{
    room_id_t room = wire_peer(server, from);
    bool ours = kind == LEDGER_CHECKPOINT || kind == LEDGER_HANDOVER || kind == LEDGER_COSIGNED;
    ENSURE(ours, ERR_SYNTAX);
    ENSURE(room == ROOM_PUSH || room == ROOM_TEST, ERR_DENIED);
    return kind == LEDGER_CHECKPOINT ? on_checkpoint(w, server, from, body)
           : kind == LEDGER_HANDOVER ? on_handover(w, server, from, body)
                                     : on_cosigned(w, server, from, body);
}

/* ---- life ---- */

static err_t open_dirs(witnessing_t *w)
{
    static const int FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    TRY(fd_open(w->keeper->conf.dir, FLAGS, 0, &w->dir));
    w->public_dir = openat(w->dir, "public", FLAGS);
    w->tmp_dir = openat(w->dir, "tmp", FLAGS);
    ENSURE(w->public_dir >= 0 && w->tmp_dir >= 0, ERR_IO);
    return OK;
}

static void release(witnessing_t *w)
{
    fd_close(&w->dir);
    fd_close(&w->public_dir);
    fd_close(&w->tmp_dir);
    free(w);
}

err_t witnessing_new(keeper_t *keeper, witnessing_t **ret_witnessing)
{
    witnessing_t *w = calloc(1, sizeof *w);
    ENSURE(w, ERR_MEMORY);
    w->keeper = keeper;
    w->dir = w->public_dir = w->tmp_dir = -1;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->filled, NULL);
    err_t e = open_dirs(w);
    if (!err_failed(e)) {
        int failed = pthread_create(&w->thread, NULL, writer, w);
        e = failed ? FAIL_SYS(ERR_MEMORY, failed) : OK;
    }
    if (err_failed(e)) {
        release(w);
        return e;
    }
    *ret_witnessing = w;
    return OK;
}

void witnessing_free(witnessing_t *w)
{
    if (!w) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->filled);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->filled);
    release(w);
}

uint64_t witnessing_size(witnessing_t *w)
{
    pthread_mutex_lock(&w->lock);
    uint64_t size = w->written;
    pthread_mutex_unlock(&w->lock);
    return size;
}

err_t witnessing_trouble(witnessing_t *w)
{
    pthread_mutex_lock(&w->lock);
    err_t e = w->trouble;
    pthread_mutex_unlock(&w->lock);
    return e;
}
