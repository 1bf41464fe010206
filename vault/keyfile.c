/* Key files as files: copying beside a running vaultd, and taking over erasures. */
#include "vault/api_keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "slot.h"

enum { TRIES = 200, REST_US = 500, BLOCK_SLOTS = 256 };

static err_t header_load(int fd, header_t *ret_header)
{
    keys_header_t keys;
    return slot_header_read(fd, ret_header, &keys);
}

static err_t slots_of(int fd, uint64_t *ret_slots)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return fd_err(errno);
    }
    ENSURE(S_ISREG(st.st_mode) && st.st_size >= KEYSTORE_HEADER, ERR_CORRUPT);
    *ret_slots = ((uint64_t)st.st_size - KEYSTORE_HEADER) / KEYSTORE_SLOT;
    return OK;
}

static int64_t offset_of(uint64_t slot)
{
    return KEYSTORE_HEADER + (int64_t)(slot * KEYSTORE_SLOT);
}

/* True when the slot is one that may stand in a copy; it is put into its lasting form. */
static bool slot_settle(slot_t *s)
{
    switch (s->state) {
    case STATE_FREE:
    case STATE_WRITING:
        memset(s, 0, sizeof *s);
        return true;
    case STATE_LIVE:
        memset(s->next, 0, sizeof s->next);
        return s->crc == slot_crc(s);
    case STATE_ERASING:
    case STATE_ERASED:
        slot_wipe_key(s);
        s->state = STATE_ERASED;
        return true;
    default:
        return false;
    }
}

/* vaultd stores into the slot while we read it: what does not fit is read again. What never fits is
 * damage that was there before; it goes along as it is, and is counted. */
static err_t slot_take(int fd, uint64_t slot, slot_t *io_slot, vault_keyfile_counts_t *counts)
{
    slot_t seen = *io_slot;
    for (unsigned i = 0; !slot_settle(io_slot); i++) {
        if (i ==
            TRIES) { /* with a vaultd that was killed: the next start of the copy finishes it */
            counts->live += seen.state == STATE_REWRAP;
            counts->damaged += seen.state != STATE_REWRAP;
            *io_slot = seen;
            return OK;
        }
        usleep(REST_US);
        TRY(fd_pread_all(fd, &seen, sizeof seen, offset_of(slot)));
        *io_slot = seen;
    }
    counts->live += io_slot->state == STATE_LIVE;
    counts->erased += io_slot->state == STATE_ERASED;
    return OK;
}

static err_t block_copy(int from, int to, uint64_t first, size_t n, vault_keyfile_counts_t *counts)
{
    slot_t block[BLOCK_SLOTS];
    bool any = false;
    TRY(fd_pread_all(from, block, n * sizeof *block, offset_of(first)));
    for (size_t i = 0; i < n; i++) {
        TRY(slot_take(from, first + i, &block[i], counts));
        any = any || block[i].state != STATE_FREE;
    }
    return any ? fd_pwrite_all(to, slice_make(block, n * sizeof *block), offset_of(first)) : OK;
}

err_t vault_keyfile_copy(path_t from, path_t to, vault_keyfile_counts_t *ret_counts)
{
    FD_SCOPED int in = -1;
    FD_SCOPED int out = -1;
    header_t header;
    uint8_t page[KEYSTORE_HEADER];
    vault_keyfile_counts_t counts = {0};
    TRY(fd_open(from, O_RDONLY | O_NOFOLLOW, 0, &in));
    TRY(header_load(in, &header));
    TRY(slots_of(in, &counts.slots));
    TRY(fd_open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &out));
    TRY(fd_pread_all(in, page, sizeof page, 0));
    TRY(fd_pwrite_all(out, slice_make(page, sizeof page), 0));
    for (uint64_t at = 0; at < counts.slots;) {
        uint64_t left = counts.slots - at;
        size_t n = left < BLOCK_SLOTS ? (size_t)left : BLOCK_SLOTS;
        TRY(block_copy(in, out, at, n, &counts));
        at += n;
    }
    if (ftruncate(out, offset_of(counts.slots)) != 0) {
        return fd_err(errno);
    }
    *ret_counts = counts;
    return OK;
}

/* Same place, same person: a slot is never given to another one. */
static err_t erasure_take(int restored, uint64_t slot, const slot_t *survivor, uint64_t *io_erased)
{
    slot_t ours;
    TRY(fd_pread_all(restored, &ours, sizeof ours, offset_of(slot)));
    if (ours.state == STATE_FREE || ours.state == STATE_ERASED) {
        return OK;
    }
    ENSURE(memcmp(ours.subject, survivor->subject, ID_BYTES) == 0 && ours.month == survivor->month,
           ERR_CONFLICT);
    slot_wipe_key(&ours);
    ours.state = STATE_ERASED;
    TRY(fd_pwrite_all(restored, slice_make(&ours, sizeof ours), offset_of(slot)));
    ++*io_erased;
    return OK;
}

err_t vault_keyfile_take_erasures(path_t restored, path_t survivor, uint64_t *ret_erased)
{
    FD_SCOPED int in = -1;
    FD_SCOPED int out = -1;
    header_t theirs, ours;
    uint64_t n, m, erased = 0;
    TRY(fd_open(survivor, O_RDONLY | O_NOFOLLOW, 0, &in));
    TRY(fd_open(restored, O_RDWR | O_NOFOLLOW, 0, &out));
    TRY(header_load(in, &theirs));
    TRY(header_load(out, &ours));
    ENSURE(memcmp(theirs.name, ours.name, ID_BYTES) == 0, ERR_CONFLICT);
    TRY(slots_of(in, &n));
    TRY(slots_of(out, &m));
    for (uint64_t i = 0; i < n && i < m; i++) {
        slot_t slot;
        TRY(fd_pread_all(in, &slot, sizeof slot, offset_of(i)));
        if (slot.state == STATE_ERASED || slot.state == STATE_ERASING) {
            TRY(erasure_take(out, i, &slot, &erased));
        }
    }
    TRY(fd_datasync(out));
    *ret_erased = erased;
    return OK;
}

static err_t slot_erase(int fd, uint64_t at, slot_t *slot, uint64_t *io_erased)
{
    slot_wipe_key(slot);
    slot->state = STATE_ERASED;
    TRY(fd_pwrite_all(fd, slice_make(slot, sizeof *slot), offset_of(at)));
    ++*io_erased;
    return OK;
}

/* The months of one subject. */
static err_t months_erase(int fd, const uint8_t subject[ID_BYTES], uint64_t *io_erased)
{
    uint64_t slots;
    slot_t slot;
    TRY(slots_of(fd, &slots));
    for (uint64_t i = 0; i < slots; i++) {
        TRY(fd_pread_all(fd, &slot, sizeof slot, offset_of(i)));
        bool theirs = memcmp(slot.subject, subject, ID_BYTES) == 0;
        if (theirs && slot.state != STATE_FREE && slot.state != STATE_ERASED) {
            TRY(slot_erase(fd, i, &slot, io_erased));
        }
    }
    return OK;
}

err_t vault_keyfile_erase_slots(path_t subjects, path_t months, id128_t file, const uint32_t *slots,
                                size_t n, uint64_t *ret_erased)
{
    FD_SCOPED int of_subjects = -1;
    FD_SCOPED int of_months = -1;
    header_t header, other;
    uint64_t count, erased = 0;
    TRY(fd_open(subjects, O_RDWR | O_NOFOLLOW, 0, &of_subjects));
    TRY(fd_open(months, O_RDWR | O_NOFOLLOW, 0, &of_months));
    TRY(header_load(of_subjects, &header));
    TRY(header_load(of_months, &other));
    ENSURE(memcmp(header.name, file.b, ID_BYTES) == 0, ERR_CONFLICT);
    TRY(slots_of(of_subjects, &count));
    for (size_t i = 0; i < n; i++) {
        slot_t slot;
        if (slots[i] >= count) {
            continue; /* younger than this copy */
        }
        TRY(fd_pread_all(of_subjects, &slot, sizeof slot, offset_of(slots[i])));
        if (slot.state != STATE_FREE && slot.state != STATE_ERASED) {
            TRY(months_erase(of_months, slot.subject, &erased));
            TRY(slot_erase(of_subjects, slots[i], &slot, &erased));
        }
    }
    TRY(fd_datasync(of_months));
    TRY(fd_datasync(of_subjects));
    *ret_erased = erased;
    return OK;
}
