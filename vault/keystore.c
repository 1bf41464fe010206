/* The key file. Holds wrapped keys only; keys.c alone can open them. */
#include "keystore.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "slot.h"

enum {
    SLOTS_A_PAGE = 4096 / KEYSTORE_SLOT,
    ADDED_MAX = 1024,
    INDEX_MIN = 1024,
    REWRAP_BATCH = 256
};

struct keystore {
    const keys_t *keys;
    keys_file_t file;
    int fd;
    uint32_t chunk_slots, chunks, next_free;
    uint32_t epoch; /* that the header names */
    slot_t *map[KEYSTORE_CHUNKS_MAX];
    uint32_t added[ADDED_MAX]; /* waiting for the commit */
    size_t added_count;
    uint8_t name[ID_BYTES]; /* the file's, from its header */
    pthread_mutex_t edit;   /* held by whoever changes slots; taken before lock */
    pthread_mutex_t lock;   /* guards index, state words and counts against readers */
    uint32_t *index;        /* slot + 1; 0 = empty; by subject, open addressing */
    size_t index_cap, index_used;
    keystore_state_t counts;
};

static slot_t *slot_at(const keystore_t *ks, uint32_t slot)
{
    return ks->map[slot / ks->chunk_slots] + slot % ks->chunk_slots;
}

static uint64_t slot_state(const slot_t *s)
{
    return __atomic_load_n(&s->state, __ATOMIC_ACQUIRE);
}

static void slot_turn(slot_t *s, uint64_t state)
{
    __atomic_store_n(&s->state, state, __ATOMIC_RELEASE);
}

static size_t chunk_bytes(const keystore_t *ks)
{
    return (size_t)ks->chunk_slots * KEYSTORE_SLOT;
}

static uintptr_t page_of(const keystore_t *ks, uint32_t slot)
{
    return (uintptr_t)slot_at(ks, slot) & ~(uintptr_t)4095;
}

/* The pages of slots to the disk, neighbours in one go. The first failure is the last attempt: the
 * kernel drops what it could not write, and a second flush would lie. */
static err_t flush_slots(keystore_t *ks, const uint32_t *slots, size_t n)
{
    for (size_t i = 0; i < n;) {
        uintptr_t page = page_of(ks, slots[i]), end = page + 4096;
        for (i++; i < n && page_of(ks, slots[i]) >= page && page_of(ks, slots[i]) <= end; i++) {
            end = page_of(ks, slots[i]) == end ? end + 4096 : end;
        }
        if (msync((void *)page, end - page, MS_SYNC) != 0) {
            err_t e = FAIL_SYS(ERR_IO, errno);
            pthread_mutex_lock(&ks->lock);
            ks->counts.broken = true;
            pthread_mutex_unlock(&ks->lock);
            return e;
        }
    }
    return OK;
}

/* Index: linear probing from the subject's own random bits. All of a subject's slots lie in one
 * run. */
static size_t index_start(const keystore_t *ks, const uint8_t *subject)
{
    uint64_t bits;
    memcpy(&bits, subject, sizeof bits);
    return (size_t)((bits * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (ks->index_cap - 1);
}

static void index_place(keystore_t *ks, uint32_t slot)
{
    size_t at = index_start(ks, slot_at(ks, slot)->subject);
    while (ks->index[at]) {
        at = (at + 1) & (ks->index_cap - 1);
    }
    ks->index[at] = slot + 1;
    ks->index_used++;
}

static err_t index_grow(keystore_t *ks, size_t want)
{
    if (ks->index && want * 2 <= ks->index_cap) {
        return OK;
    }
    size_t cap = ks->index_cap ? ks->index_cap : INDEX_MIN;
    while (cap < want * 2) {
        cap *= 2;
    }
    uint32_t *old = ks->index;
    size_t old_cap = old ? ks->index_cap : 0;
    uint32_t *fresh = calloc(cap, sizeof *fresh);
    ENSURE(fresh, ERR_MEMORY);
    ks->index = fresh;
    ks->index_cap = cap;
    ks->index_used = 0;
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i]) {
            index_place(ks, old[i] - 1);
        }
    }
    free(old);
    return OK;
}

/* The next slot of the subject in its run, from *io_at on; NULL at the end of the run. */
static slot_t *index_next(const keystore_t *ks, id128_t subject, size_t *io_at, uint32_t *ret_slot)
{
    while (ks->index[*io_at]) {
        uint32_t slot = ks->index[*io_at] - 1;
        *io_at = (*io_at + 1) & (ks->index_cap - 1);
        slot_t *s = slot_at(ks, slot);
        if (memcmp(s->subject, subject.b, ID_BYTES) == 0) {
            *ret_slot = slot;
            return s;
        }
    }
    return NULL;
}

static slot_t *index_find(const keystore_t *ks, id128_t subject, uint32_t month, uint32_t *ret_slot)
{
    size_t at = index_start(ks, subject.b);
    slot_t *s = index_next(ks, subject, &at, ret_slot);
    while (s && s->month != month) {
        s = index_next(ks, subject, &at, ret_slot);
    }
    return s;
}

/* The file. */

static err_t write_zeros(int fd, int64_t offset, size_t bytes)
{
    static const uint8_t ZEROS[65536];
    while (bytes) {
        size_t n = bytes < sizeof ZEROS ? bytes : sizeof ZEROS;
        TRY(fd_pwrite_all(fd, slice_make(ZEROS, n), offset));
        offset += (int64_t)n;
        bytes -= n;
    }
    return OK;
}

static err_t map_chunk(keystore_t *ks)
{
    ENSURE(ks->chunks < KEYSTORE_CHUNKS_MAX, ERR_FULL);
    off_t offset = KEYSTORE_HEADER + (off_t)ks->chunks * (off_t)chunk_bytes(ks);
    void *mem = mmap(NULL, chunk_bytes(ks), PROT_READ | PROT_WRITE, MAP_SHARED, ks->fd, offset);
    if (mem == MAP_FAILED) {
        return FAIL_SYS(ERR_MEMORY, errno);
    }
    pthread_mutex_lock(&ks->lock);
    ks->map[ks->chunks] = mem;
    ks->chunks++;
    ks->counts.slots += ks->chunk_slots;
    pthread_mutex_unlock(&ks->lock);
    return OK;
}

/* Zeros are written, not only reserved: a later store into the map can then never meet a full disk.
 */
static err_t add_chunk(keystore_t *ks)
{
    int64_t offset = KEYSTORE_HEADER + (int64_t)ks->chunks * (int64_t)chunk_bytes(ks);
    TRY(write_zeros(ks->fd, offset, chunk_bytes(ks)));
    TRY(fd_datasync(ks->fd));
    return map_chunk(ks);
}

static void header_put(const keys_header_t *k, header_t *h, header_ring_t *ret_ring)
{
    header_ring_t ring = {0};
    memcpy(h->check, k->check, sizeof h->check);
    h->crc = slot_header_crc(h);
    if (k->epoch > KEYS_EPOCH) {
        ring.epoch = k->epoch;
        memcpy(ring.blind, k->blind, sizeof ring.blind);
        ring.crc = slot_ring_crc(&ring);
    }
    *ret_ring = ring;
}

static err_t header_write(const keystore_conf_t *conf)
{
    keys_header_t k;
    header_ring_t ring;
    header_t h = {
        .version = SLOT_FILE_VERSION,
        .slot_bytes = KEYSTORE_SLOT,
        .chunk_slots = conf->chunk_slots ? conf->chunk_slots : KEYSTORE_CHUNK_SLOTS,
        .file = conf->file,
    };
    ENSURE(h.chunk_slots % SLOTS_A_PAGE == 0, ERR_USAGE);
    memcpy(h.magic, SLOT_FILE_MAGIC, sizeof h.magic);
    keys_header(conf->keys, keys_newest(conf->keys), &k);
    header_put(&k, &h, &ring);
    random_bytes(h.name, sizeof h.name);
    h.crc = slot_header_crc(&h);
    uint8_t page[KEYSTORE_HEADER] = {0};
    memcpy(page, &h, sizeof h);
    memcpy(page + SLOT_RING_AT, &ring, sizeof ring);
    err_t e = file_create(conf->path, slice_make(page, sizeof page), 0600, (uid_t)-1, (gid_t)-1);
    return err_is(e, ERR_EXISTS) ? OK : e;
}

static err_t header_read(keystore_t *ks)
{
    header_t h;
    keys_header_t k;
    TRY(slot_header_read(ks->fd, &h, &k));
    ENSURE(h.file == (uint32_t)ks->file, ERR_CORRUPT);
    ENSURE(h.chunk_slots && h.chunk_slots % SLOTS_A_PAGE == 0, ERR_CORRUPT);
    ENSURE(keys_check_known(ks->keys, k.check, NULL), ERR_CRYPTO);
    ks->epoch = k.epoch;
    ks->chunk_slots = h.chunk_slots;
    memcpy(ks->name, h.name, sizeof ks->name);
    return OK;
}

static keys_wrapped_t wrapped_of(const keystore_t *ks, uint32_t slot, const uint8_t *bytes,
                                 uint32_t epoch)
{
    const slot_t *s = slot_at(ks, slot);
    keys_wrapped_t w = {.at = {.file = ks->file,
                               .slot = slot,
                               .epoch = epoch,
                               .generation = s->generation,
                               .month = s->month,
                               .subject = id_from_bytes(s->subject)},
                        .created_us = s->created_us};
    memcpy(w.bytes, bytes, KEYS_WRAPPED);
    return w;
}

/* The second wrapping becomes the first. */
static void next_take(slot_t *s, uint32_t epoch)
{
    memcpy(s->wrapped, s->next, sizeof s->wrapped);
    s->epoch = epoch;
    s->crc = slot_crc(s);
}

static bool next_left(const slot_t *s)
{
    return !sodium_is_zero(s->next, sizeof s->next);
}

/* The second wrapping was on disk before the state word turned, and the newest master key is the
 * one that made it: both master keys stay until no such slot is left. */
static err_t rewrap_recover(keystore_t *ks, uint32_t slot)
{
    slot_t *s = slot_at(ks, slot);
    keys_wrapped_t w = wrapped_of(ks, slot, s->next, keys_newest(ks->keys));
    id128_t pseudonym;
    if (err_failed(keys_pseudonym(ks->keys, &w, &pseudonym))) {
        return OK; /* damaged: counted by the caller, left as it is */
    }
    next_take(s, w.at.epoch);
    TRY(flush_slots(ks, &slot, 1));
    slot_turn(s, STATE_LIVE);
    return flush_slots(ks, &slot, 1);
}

/* What a crash may have left: a creation that nobody was told of goes, an erasure that was begun is
 * finished. */
static err_t recover_slot(keystore_t *ks, uint32_t slot)
{
    slot_t *s = slot_at(ks, slot);
    uint64_t state = slot_state(s);
    if (state == STATE_FREE) {
        return OK;
    }
    if (state == STATE_WRITING) {
        sodium_memzero(s, sizeof *s);
        ks->counts.rolled_back++;
        return flush_slots(ks, &slot, 1);
    }
    if (state == STATE_ERASING) {
        slot_wipe_key(s);
        slot_turn(s, STATE_ERASED);
        TRY(flush_slots(ks, &slot, 1));
        state = STATE_ERASED;
    }
    if (state == STATE_REWRAP) {
        TRY(rewrap_recover(ks, slot));
        state = slot_state(s);
    }
    if (state == STATE_LIVE && next_left(s)) { /* it was not taken yet, or is taken already */
        sodium_memzero(s->next, sizeof s->next);
        TRY(flush_slots(ks, &slot, 1));
    }
    bool known = state == STATE_LIVE || state == STATE_ERASED;
    uint32_t other;
    id128_t subject = id_from_bytes(s->subject);
    if (!known || s->crc != slot_crc(s) || index_find(ks, subject, s->month, &other)) {
        ks->counts.damaged++;
        return OK;
    }
    ks->counts.live += state == STATE_LIVE;
    ks->counts.erased += state == STATE_ERASED;
    TRY(index_grow(ks, ks->index_used + 1));
    index_place(ks, slot);
    return OK;
}

static err_t map_all(keystore_t *ks)
{
    struct stat st;
    ENSURE(fstat(ks->fd, &st) == 0, ERR_IO);
    ENSURE(st.st_size >= KEYSTORE_HEADER, ERR_CORRUPT);
    size_t body = (size_t)st.st_size - KEYSTORE_HEADER;
    size_t whole = body / chunk_bytes(ks);
    ENSURE(whole <= KEYSTORE_CHUNKS_MAX, ERR_LIMIT);
    for (size_t i = 0; i < whole; i++) {
        TRY(map_chunk(ks));
    }
    if (body % chunk_bytes(ks) == 0 && whole) {
        return OK;
    }
    /* The first chunk, or a growth that was cut short: what is there stays, what is missing becomes
     * free slots. */
    TRY(write_zeros(ks->fd, st.st_size, chunk_bytes(ks) - body % chunk_bytes(ks)));
    TRY(fd_datasync(ks->fd));
    return map_chunk(ks);
}

static err_t open_all(keystore_t *ks, path_t path)
{
    TRY(fd_open(path, O_RDWR | O_NOFOLLOW, 0, &ks->fd));
    if (flock(ks->fd, LOCK_EX | LOCK_NB) != 0) {
        return FAIL_SYS(ERR_CONFLICT, errno);
    }
    TRY(header_read(ks));
    TRY(map_all(ks));
    TRY(index_grow(ks, INDEX_MIN / 2));
    for (uint32_t slot = 0; slot < ks->counts.slots; slot++) {
        TRY(recover_slot(ks, slot));
    }
    return OK;
}

err_t keystore_open(const keystore_conf_t *conf, keystore_t **ret_store)
{
    TRY(header_write(conf));
    keystore_t *ks = calloc(1, sizeof *ks);
    ENSURE(ks, ERR_MEMORY);
    ks->keys = conf->keys;
    ks->file = conf->file;
    ks->fd = -1;
    CHECK(pthread_mutex_init(&ks->edit, NULL) == 0);
    CHECK(pthread_mutex_init(&ks->lock, NULL) == 0);
    err_t e = open_all(ks, conf->path);
    if (err_failed(e)) {
        keystore_close(ks);
        return e;
    }
    *ret_store = ks;
    return OK;
}

void keystore_close(keystore_t *ks)
{
    if (!ks) {
        return;
    }
    for (uint32_t i = 0; i < ks->chunks; i++) {
        munmap(ks->map[i], chunk_bytes(ks));
    }
    fd_close(&ks->fd);
    pthread_mutex_destroy(&ks->edit);
    pthread_mutex_destroy(&ks->lock);
    free(ks->index);
    free(ks);
}

/* Adding. */

static err_t take_free(keystore_t *ks, uint32_t *ret_slot)
{
    while (ks->next_free < ks->counts.slots &&
           slot_state(slot_at(ks, ks->next_free)) != STATE_FREE) {
        ks->next_free++;
    }
    if (ks->next_free == ks->counts.slots) {
        TRY(add_chunk(ks));
    }
    *ret_slot = ks->next_free;
    return OK;
}

static bool is_added(const keystore_t *ks, id128_t subject, uint32_t month)
{
    for (size_t i = 0; i < ks->added_count; i++) {
        const slot_t *s = slot_at(ks, ks->added[i]);
        if (s->month == month && memcmp(s->subject, subject.b, ID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static err_t add(keystore_t *ks, id128_t subject, uint32_t month)
{
    ENSURE(!ks->counts.broken, ERR_UNAVAILABLE);
    ENSURE(ks->added_count < ADDED_MAX, ERR_TOO_MANY);
    uint32_t slot;
    ENSURE(!index_find(ks, subject, month, &slot) && !is_added(ks, subject, month), ERR_EXISTS);
    TRY(take_free(ks, &slot));
    keys_wrapped_t key = {
        .at = {
            .file = ks->file, .slot = slot, .generation = 1, .month = month, .subject = subject}};
    keys_make(ks->keys, &key);
    slot_t *s = slot_at(ks, slot);
    slot_turn(s, STATE_WRITING);
    memcpy(s->subject, subject.b, ID_BYTES);
    s->epoch = key.at.epoch;
    s->month = month;
    s->generation = key.at.generation;
    s->created_us = clock_wall_us();
    memcpy(s->wrapped, key.bytes, sizeof s->wrapped);
    memset(s->next, 0, sizeof s->next);
    s->crc = slot_crc(s);
    ks->added[ks->added_count++] = slot;
    return OK;
}

err_t keystore_add(keystore_t *ks, id128_t subject, uint32_t month)
{
    pthread_mutex_lock(&ks->edit);
    err_t e = add(ks, subject, month);
    pthread_mutex_unlock(&ks->edit);
    return e;
}

static err_t commit_added(keystore_t *ks)
{
    TRY(flush_slots(ks, ks->added, ks->added_count));
    for (size_t i = 0; i < ks->added_count; i++) {
        slot_turn(slot_at(ks, ks->added[i]), STATE_LIVE);
    }
    return flush_slots(ks, ks->added, ks->added_count);
}

static err_t publish(keystore_t *ks)
{
    pthread_mutex_lock(&ks->lock);
    err_t e = index_grow(ks, ks->index_used + ks->added_count);
    for (size_t i = 0; !err_failed(e) && i < ks->added_count; i++) {
        index_place(ks, ks->added[i]);
        ks->counts.live++;
    }
    pthread_mutex_unlock(&ks->lock);
    return e;
}

static err_t commit(keystore_t *ks)
{
    err_t e = ks->counts.broken ? FAIL(ERR_UNAVAILABLE) : commit_added(ks);
    if (!err_failed(e)) {
        e = publish(ks);
    }
    for (size_t i = 0; err_failed(e) && i < ks->added_count; i++) {
        sodium_memzero(slot_at(ks, ks->added[i]), KEYSTORE_SLOT);
    }
    ks->added_count = 0;
    return e;
}

err_t keystore_commit(keystore_t *ks)
{
    pthread_mutex_lock(&ks->edit);
    err_t e = ks->added_count ? commit(ks) : OK;
    pthread_mutex_unlock(&ks->edit);
    return e;
}

err_t keystore_find(keystore_t *ks, id128_t subject, uint32_t month, keys_wrapped_t *ret_key)
{
    err_t e = OK;
    pthread_mutex_lock(&ks->lock);
    uint32_t slot;
    const slot_t *s = index_find(ks, subject, month, &slot);
    if (!s) {
        e = FAIL(ERR_NOT_FOUND);
    } else if (slot_state(s) != STATE_LIVE && slot_state(s) != STATE_REWRAP) {
        e = FAIL(ERR_EXPIRED);
    } else {
        *ret_key = wrapped_of(ks, slot, s->wrapped, s->epoch);
    }
    pthread_mutex_unlock(&ks->lock);
    return e;
}

/* Erasing. */

/* Three steps, each on disk before the next: "erasing" (from here on a crash finishes it), zeros,
 * "erased". */
static err_t erase_slot(keystore_t *ks, uint32_t slot)
{
    slot_t *s = slot_at(ks, slot);
    pthread_mutex_lock(&ks->lock);
    slot_turn(s, STATE_ERASING);
    ks->counts.live--;
    pthread_mutex_unlock(&ks->lock);
    TRY(flush_slots(ks, &slot, 1));
    pthread_mutex_lock(&ks->lock);
    slot_wipe_key(s);
    pthread_mutex_unlock(&ks->lock);
    TRY(flush_slots(ks, &slot, 1));
    slot_turn(s, STATE_ERASED);
    TRY(flush_slots(ks, &slot, 1));
    pthread_mutex_lock(&ks->lock);
    ks->counts.erased++;
    pthread_mutex_unlock(&ks->lock);
    return OK;
}

static err_t erase(keystore_t *ks, id128_t subject, size_t *ret_count)
{
    ENSURE(!ks->counts.broken, ERR_UNAVAILABLE);
    size_t count = 0;
    size_t at = index_start(ks, subject.b);
    uint32_t slot;
    for (slot_t *s; (s = index_next(ks, subject, &at, &slot));) {
        if (slot_state(s) == STATE_LIVE) {
            TRY(erase_slot(ks, slot));
            count++;
        }
    }
    ENSURE(count, ERR_NOT_FOUND);
    *ret_count = count;
    return OK;
}

err_t keystore_erase(keystore_t *ks, id128_t subject, size_t *ret_count)
{
    pthread_mutex_lock(&ks->edit); /* the index grows under it only */
    err_t e = erase(ks, subject, ret_count);
    pthread_mutex_unlock(&ks->edit);
    return e;
}

id128_t keystore_name(const keystore_t *ks)
{
    return id_from_bytes(ks->name);
}

keystore_state_t keystore_state(keystore_t *ks)
{
    pthread_mutex_lock(&ks->lock);
    keystore_state_t counts = ks->counts;
    pthread_mutex_unlock(&ks->lock);
    return counts;
}

/* Changing the master key. A batch of slots goes through each step together; each step is on disk
 * before the next:
 *   the second wrapping lies beside the first      (live: it means nothing yet)
 *   the state word says "take it"                  (from here on a crash finishes it)
 *   it is copied over the first
 *   the state word says "live"
 *   the second is zero again
 * Readers look under the lock, so they see the one or the other wrapping, never half of one. */

typedef struct batch {
    uint32_t slots[REWRAP_BATCH];
    keys_wrapped_t fresh[REWRAP_BATCH];
    size_t n;
} batch_t;

/* *ret_left: something in it is of an older epoch and cannot be changed yet. */
static err_t batch_find(keystore_t *ks, uint32_t *io_from, batch_t *b, bool *ret_left)
{
    uint32_t newest = keys_newest(ks->keys);
    b->n = 0;
    *ret_left = false;
    for (; *io_from < ks->counts.slots && b->n < REWRAP_BATCH; ++*io_from) {
        const slot_t *s = slot_at(ks, *io_from);
        uint64_t state = slot_state(s);
        bool old = s->epoch != newest;
        *ret_left = *ret_left || (state == STATE_WRITING && old);
        if (state != STATE_LIVE || !old || s->crc != slot_crc(s)) {
            continue; /* damaged ones stay as they are */
        }
        keys_wrapped_t w = wrapped_of(ks, *io_from, s->wrapped, s->epoch);
        TRY(keys_rewrap(ks->keys, &w));
        b->slots[b->n] = *io_from;
        b->fresh[b->n++] = w;
    }
    return OK;
}

static err_t batch_step(keystore_t *ks, const batch_t *b,
                        void (*step)(slot_t *s, const keys_wrapped_t *fresh))
{
    pthread_mutex_lock(&ks->lock);
    for (size_t i = 0; i < b->n; i++) {
        step(slot_at(ks, b->slots[i]), &b->fresh[i]);
    }
    pthread_mutex_unlock(&ks->lock);
    return flush_slots(ks, b->slots, b->n);
}

static void step_beside(slot_t *s, const keys_wrapped_t *fresh)
{
    memcpy(s->next, fresh->bytes, sizeof s->next);
}

static void step_take(slot_t *s, const keys_wrapped_t *fresh)
{
    slot_turn(s, STATE_REWRAP);
}

static void step_over(slot_t *s, const keys_wrapped_t *fresh)
{
    next_take(s, fresh->at.epoch);
}

static void step_live(slot_t *s, const keys_wrapped_t *fresh)
{
    slot_turn(s, STATE_LIVE);
}

static void step_zero(slot_t *s, const keys_wrapped_t *fresh)
{
    sodium_memzero(s->next, sizeof s->next);
}

static err_t rewrap(keystore_t *ks, uint32_t *io_from, bool *ret_left)
{
    static void (*const STEPS[])(slot_t *, const keys_wrapped_t *) = {
        step_beside, step_take, step_over, step_live, step_zero};
    batch_t b;
    ENSURE(!ks->counts.broken, ERR_UNAVAILABLE);
    TRY(batch_find(ks, io_from, &b, ret_left));
    *ret_left = *ret_left || b.n;
    for (size_t i = 0; b.n && i < BASE_COUNT(STEPS); i++) {
        TRY(batch_step(ks, &b, STEPS[i]));
    }
    return OK;
}

err_t keystore_rewrap(keystore_t *ks, uint32_t *io_from, bool *ret_left, bool *ret_end)
{
    pthread_mutex_lock(&ks->edit);
    err_t e = rewrap(ks, io_from, ret_left);
    *ret_end = *io_from >= ks->counts.slots;
    pthread_mutex_unlock(&ks->edit);
    return e;
}

static err_t header_renew(keystore_t *ks)
{
    header_t h;
    keys_header_t k;
    header_ring_t ring;
    uint8_t sector[SLOT_RING_AT + sizeof ring] = {0};
    TRY(slot_header_read(ks->fd, &h, &k));
    keys_header(ks->keys, keys_newest(ks->keys), &k);
    header_put(&k, &h, &ring);
    memcpy(sector, &h, sizeof h);
    memcpy(sector + SLOT_RING_AT, &ring, sizeof ring);
    TRY(fd_pwrite_all(ks->fd, slice_make(sector, sizeof sector), 0));
    TRY(fd_datasync(ks->fd));
    ks->epoch = k.epoch;
    return OK;
}

err_t keystore_rewrapped(keystore_t *ks)
{
    pthread_mutex_lock(&ks->edit);
    err_t e = ks->epoch == keys_newest(ks->keys) ? OK : header_renew(ks);
    pthread_mutex_unlock(&ks->edit);
    return e;
}

err_t keystore_peek(path_t path, keys_header_t *ret_header)
{
    FD_SCOPED int fd = -1;
    header_t h;
    TRY(fd_open(path, O_RDONLY | O_NOFOLLOW, 0, &fd));
    return slot_header_read(fd, &h, ret_header);
}
