/* The record's door: what other rooms may say to ledgerd, and a client for it.
 *
 * A record carries ids and pseudonyms and, if it needs personal content, a sealed payload: never a
 * name, an address or a number in clear. ledgerd adds sequence, time, boot id and the sender's room
 * (from the peer's credentials), so nobody can claim another's. Wire: io/wire.h. Format of what
 * becomes of it: ledger/FORMAT.md. */
#ifndef LEDGER_API_H
#define LEDGER_API_H

#include "base/cursor.h"
#include "base/id.h"
#include "io/wire.h"

typedef enum ledger_type {
#define LEDGER_TYPE(name, number, durable, text) LEDGER_##name = (number),
#include "ledger/api_types.h"
#undef LEDGER_TYPE
} ledger_type_t;

enum {
    LEDGER_API_VERSION = 1,     /* said in the wire's HELLO */
    LEDGER_TEXT_MAX = 1024,     /* bytes of a record's facts */
    LEDGER_PAYLOAD_MAX = 32768, /* bytes of a sealed payload */
    LEDGER_BATCH_MAX = 256,     /* records in one message (which also must fit WIRE_MAX) */
    LEDGER_WAIT_MS = 250,       /* law 4: a durable record that takes longer is a refusal */
};

/* What a room writes. All slices are borrowed for the call. */
typedef struct ledger_record {
    ledger_type_t type;
    id128_t request; /* the id that the guard gave the request; zero when no request caused this */
    id128_t object;  /* what the record is about: booking, attempt, hold, customer, mail, order */
    id128_t parent;  /* what the object belongs to (attempt -> booking, mail -> booking); or zero */
    id128_t subject; /* pseudonym of the person concerned (vault/api.h); or zero */
    id128_t actor;   /* pseudonym of who acted (account, staff, machine); or zero */
    id128_t address; /* pseudonym of the network address; or zero */
    uint32_t count;  /* rows, seats, fields: what the type says */
    slice_t
        facts; /* "key=value" parts joined by '&', percent-encoded: 0x21..0x7e, no personal data */
    slice_t payload; /* sealed by the vault or to the investigator's key; or empty */
} ledger_record_t;

/* What ledgerd gives back: the record with what it added. Slices point into the message. */
typedef struct ledger_entry {
    uint64_t seq;    /* leaf index, 0 = genesis */
    int64_t time_us; /* ledgerd's wall clock */
    uint16_t room;   /* room_id_t of the sender (io/room.h) */
    ledger_record_t rec;
} ledger_entry_t;

/* Message kinds (16 and up; below are common to all rooms, io/wire.h). */
typedef enum ledger_kind {
    LEDGER_APPEND = 16, /* u8 durable, u16 n, n records -> LEDGER_ACK */
    LEDGER_ACK,     /* u64 first seq, u16 n (the others follow; a record of ledgerd's own may stand
                       between them). Durable: at once after the next fdatasync. Not durable: the
                       records ride on a group of others, 50 ms at most; until the ACK the sender keeps
                       them */
    LEDGER_TAIL,    /* u64 from seq, u32 max entries, u32 wait ms (long poll) -> LEDGER_ENTRIES */
    LEDGER_ENTRIES, /* u64 next seq, u16 n, n entries; fewer than asked when the message is full */
    LEDGER_FIND,    /* u8 which (ledger_find_t), 16 bytes id, u64 from seq -> LEDGER_ENTRIES (next =
                       where to go on, 0 = end) */
    LEDGER_STATUS,  /* -> LEDGER_STATUS_OK */
    LEDGER_STATUS_OK, /* u64 size, u64 checkpointed size, 32 bytes root, i64 checkpoint time us, u8
                         accepting, str16 reason, u64 minimum, u32 holds */
    LEDGER_HOLDS,     /* -> LEDGER_ENTRIES: the records of the orders to preserve that stand */
    /* api_witness.h */
    LEDGER_CHECKPOINT,    /* u64 old size, u64 size or segment, u8 is it a segment -> _OK */
    LEDGER_CHECKPOINT_OK, /* u64 size, str16 note, u16 n, n hashes */
    LEDGER_COSIGNED,      /* u64 size, str16 signature lines -> WIRE_DONE */
    LEDGER_HANDOVER,      /* u64 segment -> LEDGER_HANDOVER_OK */
    LEDGER_HANDOVER_OK,   /* as LEDGER_CHECKPOINT_OK, str16 leaf */
} ledger_kind_t;

typedef enum ledger_find {
    LEDGER_BY_REQUEST = 1,
    LEDGER_BY_OBJECT,  /* object or parent equals */
    LEDGER_BY_SUBJECT, /* pseudonym */
} ledger_find_t;

typedef struct ledger_status {
    uint64_t size, checkpoint_size;
    uint8_t root[32];
    int64_t checkpoint_us;
    bool accepting;
    char reason[120]; /* why not, NUL-terminated */
    uint64_t minimum; /* records below are removed, by the policy */
    uint32_t holds;   /* orders to preserve that stand: whoever would delete anything asks first */
} ledger_status_t;

/* Table look-ups; never NULL. */
const char *ledger_type_name(unsigned type);
const char *ledger_type_text(unsigned type);
bool ledger_type_durable(unsigned type);

/* Pure encode and decode (nginx uses these with its own events). Decoders refuse left-over bytes
 * (SYNTAX). */
void ledger_record_put(buf_t *b, const ledger_record_t *rec);
ledger_record_t ledger_record_get(cursor_t *c); /* c->bad on malformed */
void ledger_append_put(buf_t *b, bool durable, const ledger_record_t *recs, size_t n);
void ledger_entry_put(buf_t *b, const ledger_entry_t *e);
ledger_entry_t ledger_entry_get(cursor_t *c);
void ledger_status_put(buf_t *b, const ledger_status_t *status);
ledger_status_t ledger_status_get(cursor_t *c);

/* One "key=value" part of facts; both percent-encoded as needed. The caller joins nothing by hand.
 */
void ledger_fact(buf_t *facts, const char *key, slice_t value);
void ledger_fact_i64(buf_t *facts, const char *key, int64_t value);

/* Blocking client. One per process, threads may share it (io/wire.h). */
typedef struct ledger_client ledger_client_t;

/* path: the room's socket (var/run/ledger.sock). Does not connect yet. Starts the queue's thread.
 */
err_t ledger_client_new(const char *path, unsigned self_room, ledger_client_t **ret_client);
/* Waits up to 5 s for the queue to drain, frees. */
void ledger_client_free(ledger_client_t *c);

/* Durable before the answer: returns when the records are on disk, or NOT_RECORDED within
 * LEDGER_WAIT_MS. */
err_t ledger_append(ledger_client_t *c, const ledger_record_t *recs, size_t n,
                    uint64_t *ret_first_seq);
/* Queued and bounded (law 4): never blocks and never fails; when the bound is hit a GAP record says
 * how many. */
void ledger_note(ledger_client_t *c, const ledger_record_t *rec);

/* Entries from a place on; *io_from moves on. Storage: caller's memory of WIRE_MAX bytes. */
err_t ledger_tail(ledger_client_t *c, uint64_t *io_from, uint32_t max, uint32_t wait_ms,
                  uint8_t *mem, size_t mem_len, ledger_entry_t *ret_entries, size_t cap,
                  size_t *ret_n);
err_t ledger_find(ledger_client_t *c, ledger_find_t which, id128_t id, uint64_t *io_from,
                  uint8_t *mem, size_t mem_len, ledger_entry_t *ret_entries, size_t cap,
                  size_t *ret_n);
err_t ledger_status(ledger_client_t *c, ledger_status_t *ret_status);
/* Orders to preserve: an order is a record (LEDGER_HOLD with its id as object and the fact
 * "reason"; LEDGER_HOLD_RELEASED lifts the one with that id) that office and command may append.
 * Which stand:
 */
err_t ledger_holds(ledger_client_t *c, uint8_t *mem, size_t mem_len, ledger_entry_t *ret_entries,
                   size_t cap, size_t *ret_n);

#endif
