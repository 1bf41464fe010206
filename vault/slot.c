#include "slot.h"

#include <sodium.h>

/* CRC-32C (Castagnoli, reflected), four bits at a time. */
static uint32_t crc32c_more(uint32_t crc, slice_t bytes)
{
    static const uint32_t TABLE[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
                                       0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
                                       0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                       0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.ptr[i];
        crc = (crc >> 4) ^ TABLE[crc & 15U];
        crc = (crc >> 4) ^ TABLE[crc & 15U];
    }
    return crc;
}

static uint32_t crc32c(slice_t bytes)
{
    return ~crc32c_more(UINT32_MAX, bytes);
}

uint32_t slot_crc(const slot_t *s)
{
    static const uint8_t ZEROS[sizeof s->next];
    size_t len = offsetof(slot_t, next) - offsetof(slot_t, epoch);
    uint32_t crc = crc32c_more(UINT32_MAX, slice_make(&s->epoch, len));
    return ~crc32c_more(crc, slice_make(ZEROS, sizeof ZEROS));
}

uint32_t slot_header_crc(const header_t *h)
{
    return crc32c(slice_make(h, offsetof(header_t, crc)));
}

uint32_t slot_ring_crc(const header_ring_t *r)
{
    return crc32c(slice_make(r, offsetof(header_ring_t, crc)));
}

err_t slot_header_read(int fd, header_t *ret_header, keys_header_t *ret_keys)
{
    header_t h;
    header_ring_t r;
    keys_header_t k = {.epoch = KEYS_EPOCH};
    TRY(fd_pread_all(fd, &h, sizeof h, 0));
    ENSURE(memcmp(h.magic, SLOT_FILE_MAGIC, sizeof h.magic) == 0, ERR_CORRUPT);
    ENSURE(h.crc == slot_header_crc(&h), ERR_CORRUPT);
    ENSURE(h.version == SLOT_FILE_VERSION && h.slot_bytes == KEYSTORE_SLOT, ERR_VERSION);
    TRY(fd_pread_all(fd, &r, sizeof r, SLOT_RING_AT));
    memcpy(k.check, h.check, sizeof k.check);
    if (r.epoch) {
        ENSURE(r.crc == slot_ring_crc(&r), ERR_CORRUPT);
        k.epoch = r.epoch;
        memcpy(k.blind, r.blind, sizeof k.blind);
    }
    *ret_header = h;
    *ret_keys = k;
    return OK;
}

void slot_wipe_key(slot_t *s)
{
    sodium_memzero(s->wrapped, sizeof s->wrapped);
    sodium_memzero(s->next, sizeof s->next);
    s->crc = slot_crc(s);
}
