#include "handover.h"

#include "base/cursor.h"

enum { /* ledger/FORMAT.md 1 */
       LEAF_VERSION = 1,
       TYPE_SEGMENT_END = 8,
       ROOM_OF_LEDGER = 5,
       TAG_SEQ = 0x01,
       TAG_ROOM = 0x05,
       TAG_NOTE_KEY = 0x30,
       NOTE_KEY_BYTES = 4 + 32,
};

err_t handover_key(slice_t leaf, uint64_t index, slice_t origin, wkey_t *ret_next)
{
    cursor_t c = cur_on(leaf);
    slice_t key = SLICE_EMPTY;
    uint64_t seq = UINT64_MAX;
    unsigned room = 0, last = 0;
    uint8_t version = cur_u8(&c), flags = cur_u8(&c);
    uint16_t type = cur_u16be(&c);
    ENSURE(!c.bad && version == LEAF_VERSION && flags == 0 && type == TYPE_SEGMENT_END, ERR_SYNTAX);
    while (c.left && !c.bad) {
        unsigned tag = cur_u8(&c);
        slice_t value = cur_bytes(&c, cur_u16be(&c));
        ENSURE(!c.bad && tag > last, ERR_SYNTAX);
        cursor_t v = cur_on(value);
        if (tag == TAG_SEQ) {
            seq = cur_u64be(&v);
        } else if (tag == TAG_ROOM) {
            room = cur_u16be(&v);
        } else if (tag == TAG_NOTE_KEY) {
            key = value;
        }
        ENSURE(!v.bad, ERR_SYNTAX);
        last = tag;
    }
    ENSURE(!c.bad && seq == index && room == ROOM_OF_LEDGER && key.len == NOTE_KEY_BYTES,
           ERR_SYNTAX);
    wkey_t next;
    ENSURE(!err_failed(wkey_make(origin, WKEY_LOG, key.ptr + 4, &next)), ERR_SYNTAX);
    ENSURE(memcmp(next.id, key.ptr, sizeof next.id) == 0, ERR_SYNTAX);
    *ret_next = next;
    return OK;
}
