/* The vault's door: sealing, revealing, blind indexes, passwords.
 *
 * vaultd is the only process that holds the keys of personal data. It makes an intent record
 * durable at ledgerd before it answers a reveal, and an outcome after (law 4). It has no network
 * socket. Callers keep sealed bytes in their own databases; a sealed value opens only with the same
 * subject, table, column and row it was sealed for. */
#ifndef VAULT_API_H
#define VAULT_API_H

#include "base/arena.h"
#include "base/cursor.h"
#include "base/id.h"
#include "io/wire.h"

enum {
    VAULT_API_VERSION = 1,       /* said at hello */
    VAULT_PLAIN_MAX = 4096,      /* bytes of one field in clear */
    VAULT_PAYLOAD_MAX = 32640,   /* bytes of a record's payload in clear: sealed it fits a record */
    VAULT_NAME_MAX = 64,         /* bytes of a table's or column's name: a-z, 0-9, '_' */
    VAULT_TEXT_MAX = 1024,       /* bytes of a text to be blinded */
    VAULT_OVERHEAD_MAX = 128,    /* what sealing adds at most, bytes */
    VAULT_BATCH_MAX = 128,       /* fields in one call (which also must fit WIRE_MAX) */
    VAULT_PASSWORD_MAX = 256,    /* bytes */
    VAULT_BLIND_BYTES = 16,      /* a blind index value */
    VAULT_WORD_MAX = 64,         /* bytes of an order's words: who, reference */
    VAULT_HOLDS_MAX = 256,       /* legal holds at a time */
    VAULT_ORDER_WAIT_MS = 15000, /* of an order: an erasure is several flushes and two records */
    VAULT_WAIT_MS = 2000,        /* a reveal's bound; a missing record refuses after 250 ms */
    VAULT_PASSWORD_WAIT_MS = 5000,
};

typedef enum vault_kind {
    VAULT_SUBJECT_NEW = WIRE_KIND_ROOM, /* -> SUBJECT: makes a person: key slot, salt */
    VAULT_SUBJECT,                      /* 16 subject id, 16 pseudonym */
    VAULT_PSEUDONYM,                    /* 16 subject id -> SUBJECT, NOT_FOUND */
    VAULT_SEAL,                         /* u16 n, n items -> SEALED */
    VAULT_SEALED,                       /* u16 n, n str16 */
    VAULT_REVEAL,                       /* context, u16 n, n items -> REVEALED */
    VAULT_REVEALED,                     /* u16 n, n str16 */
    VAULT_BLIND,                        /* u16 n, n (u8 kind, str16 text) -> BLINDED */
    VAULT_BLINDED,                      /* u16 n, n * 16 bytes */
    VAULT_PASSWORD_SET,                 /* 16 request, 16 account, str16 password -> WIRE_DONE */
    VAULT_PASSWORD_CHECK,               /* 16 request, 16 account, str16 password -> VERDICT */
    VAULT_VERDICT,                      /* bool right */
    VAULT_PAYLOAD_SEAL, /* 16 subject, str16 plain -> SEALED (n = 1): for a record's payload, key of
                           (subject, month) */
    /* Orders, for the command only. */
    VAULT_ERASE,        /* order -> ERASED; STOPPED while a legal hold stands */
    VAULT_ERASED,       /* 16 pseudonym, u32 keys destroyed */
    VAULT_HOLD_ADD,     /* order -> WIRE_DONE; EXISTS */
    VAULT_HOLD_RELEASE, /* order -> WIRE_DONE; NOT_FOUND */
    VAULT_HOLDS,        /* -> HOLD_LIST */
    VAULT_HOLD_LIST,    /* u16 n, n (16 subject, i64 since us, str16 by, str16 ref) */
    VAULT_HONEY,        /* 16 subject -> WIRE_DONE */
    VAULT_HONEY_WANTED, /* -> HONEY_IS */
    VAULT_HONEY_IS,     /* u8 vault_wanted_t */
    VAULT_MASTER,       /* -> MASTER_IS; the command, as ROTATE */
    VAULT_MASTER_IS, /* u32 newest epoch, u32 oldest epoch, u64 slots seen, u16 trouble, u16 honey
                      */
    VAULT_ROTATE,    /* u32 epoch, 32 bytes master key -> WIRE_DONE */
    VAULT_DISCARD,   /* u32 epoch -> WIRE_DONE; CONFLICT */
} vault_kind_t;

typedef enum vault_blind_kind {
    VAULT_BLIND_EMAIL = 1,
    VAULT_BLIND_PHONE,
    VAULT_BLIND_KANA
} vault_blind_kind_t;

/* Why personal data is opened. Names appear in records. X-macro kept here: it is the only truth. */
#define VAULT_PURPOSES(X)                                                                          \
    X(SHOW_TO_OWNER, 1, "the customer's own page")                                                 \
    X(MAIL, 2, "a letter to the customer")                                                         \
    X(PAPER, 3, "a paper of the booking")                                                          \
    X(DESK, 4, "a staff member at the desk")                                                       \
    X(INCIDENT, 5, "notice in an incident")

typedef enum vault_purpose {
#define VAULT_PURPOSE_ENUM(name, number, text) VAULT_FOR_##name = (number),
    VAULT_PURPOSES(VAULT_PURPOSE_ENUM)
#undef VAULT_PURPOSE_ENUM
} vault_purpose_t;

/* Where a value lives: part of what is authenticated. Names are short ASCII ("booking_pax",
 * "name_kana"). */
typedef struct vault_item {
    id128_t subject;
    slice_t table, column;
    id128_t row;
    slice_t bytes; /* plain for seal, sealed for reveal */
} vault_item_t;

/* Who asks and why: becomes the intent record. */
typedef struct vault_context {
    id128_t request; /* the request that caused it; zero for the room's own work (outbox) */
    id128_t object;  /* booking or account the fields belong to */
    id128_t actor;   /* pseudonym of the session or staff member; zero = the room itself */
    vault_purpose_t purpose;
} vault_context_t;

/* An order about one person: what the command says on behalf of somebody. The words stand in the
 * record, so they are no place for personal data: letters, digits and . _ - @ / : (vault_word_ok).
 */
typedef struct vault_order {
    id128_t request; /* ties the order's records together */
    id128_t subject;
    slice_t asked; /* who wants it: "customer", "authority"; 1..VAULT_WORD_MAX bytes */
    slice_t by;    /* who does it: a login name; 1..VAULT_WORD_MAX bytes */
    slice_t ref;   /* a file or ticket number, or empty */
} vault_order_t;

typedef struct vault_hold {
    id128_t subject;
    int64_t since_us;
    slice_t by, ref;
} vault_hold_t;

/* 1..VAULT_WORD_MAX bytes of the alphabet of an order's words. */
bool vault_word_ok(slice_t word);

const char *vault_purpose_name(unsigned purpose); /* "SHOW_TO_OWNER"; never NULL */
const char *vault_purpose_text(unsigned purpose); /* never NULL */
/* a-z, 0-9 and '_', 1..VAULT_NAME_MAX bytes: what a table or column may be called. */
bool vault_name_ok(slice_t name);

/* Pure encode and decode, both directions (server and fuzzers use them). The decoders set c->bad
 * for names that are not vault_name_ok, an unknown purpose, and bytes longer than any plain or
 * sealed value. */
void vault_item_put(buf_t *b, const vault_item_t *item);
vault_item_t vault_item_get(cursor_t *c);
void vault_context_put(buf_t *b, const vault_context_t *ctx);
vault_context_t vault_context_get(cursor_t *c);

void vault_order_put(buf_t *b, const vault_order_t *order);
vault_order_t vault_order_get(cursor_t *c);

typedef struct vault_client vault_client_t;
err_t vault_client_new(const char *path, unsigned self_room, vault_client_t **ret_client);
void vault_client_free(vault_client_t *c);

err_t vault_subject_new(vault_client_t *c, id128_t *ret_subject, id128_t *ret_pseudonym);
err_t vault_pseudonym(vault_client_t *c, id128_t subject, id128_t *ret_pseudonym);
/* Seals n items; results in the arena, in order. Needs no intent record. More than fits one message
 * is sent as several. NOT_FOUND for an unknown or erased subject; LIMIT for a plain above
 * VAULT_PLAIN_MAX; USAGE for a bad name. */
err_t vault_seal(vault_client_t *c, arena_t *a, const vault_item_t *items, size_t n,
                 slice_t *ret_sealed);
/* Opens n items (one batch a page). NOT_RECORDED when the intent could not be made durable; CRYPTO
 * when a value is not what was sealed for that place; NOT_FOUND for an erased subject; BUDGET. All
 * or nothing. LIMIT when the batch does not fit one message. The plains lie in the arena, which
 * wipes them at its end. */
err_t vault_reveal(vault_client_t *c, arena_t *a, const vault_context_t *ctx,
                   const vault_item_t *items, size_t n, slice_t *ret_plain);
/* Equality index of a value, normalised by the vault (text/fold.h): same text, same 16 bytes;
 * meaningless without the vault. SYNTAX or ENCODING for a text that has no normal form of that
 * kind. */
err_t vault_blind(vault_client_t *c, vault_blind_kind_t kind, slice_t text,
                  uint8_t ret_index[VAULT_BLIND_BYTES]);
/* LIMIT for a password that is empty or above VAULT_PASSWORD_MAX. */
err_t vault_password_set(vault_client_t *c, id128_t request, id128_t account, slice_t password);
/* Takes the same time for an unknown account. TOO_MANY when the queue of hashings is full. */
err_t vault_password_check(vault_client_t *c, id128_t request, id128_t account, slice_t password,
                           bool *ret_right);
/* What the vault says of itself; the worst of its rows is DOWN when it can keep no new keys. */
err_t vault_health(vault_client_t *c, health_t *ret_health);
/* For the payload of a record (ledger/api.h) about this subject. LIMIT above VAULT_PAYLOAD_MAX. */
err_t vault_payload_seal(vault_client_t *c, arena_t *a, id128_t subject, slice_t plain,
                         slice_t *ret_sealed);
/* Destroys all keys of a person, for good: what was sealed with them opens nowhere any more,
 * records stay. Recorded as intent before and as outcome after; begun once, it is finished, by the
 * next start if need be. NOT_FOUND: never a person here. EXPIRED: erased before. STOPPED: a legal
 * hold stands (recorded). NOT_RECORDED: nothing was done. USAGE: a word that is none. */
err_t vault_erase(vault_client_t *c, const vault_order_t *order, id128_t *ret_pseudonym,
                  uint32_t *ret_keys);
/* A legal hold keeps a person from being erased until it is released; recorded. EXISTS, NOT_FOUND
 * (the person, or the hold), EXPIRED, LIMIT, NOT_RECORDED. */
err_t vault_hold_add(vault_client_t *c, const vault_order_t *order);
err_t vault_hold_release(vault_client_t *c, const vault_order_t *order);
/* Marks a person who does not exist: from now on whoever reveals her is refused as if she were not
 * there, and an ALARM is on record. Only for a person made within the last hour (EXPIRED), so that
 * nobody can lay this on a customer; NOT_FOUND. OK also for one that is marked already, or when
 * there are enough: no answer tells who is honey. */
err_t vault_honey(vault_client_t *c, id128_t subject);
typedef enum vault_wanted {
    VAULT_WANTED_NONE,
    VAULT_WANTED_MORE,
    VAULT_WANTED_FIRST
} vault_wanted_t;
err_t vault_honey_wanted(vault_client_t *c, vault_wanted_t *ret_wanted);
/* The holds that stand, oldest first, in the arena. */
err_t vault_holds(vault_client_t *c, arena_t *a, vault_hold_t *ret_holds, size_t cap,
                  size_t *ret_n);
/* Which master key is in use. Two epochs: one is taking the other's place. */
typedef struct vault_master {
    uint32_t newest, oldest;
    uint64_t slots;   /* seen by the pass that is under way */
    uint16_t trouble; /* err_code_t: it stopped there, and goes on at the next start; 0 = none */
    uint16_t honey;   /* customers who do not exist */
} vault_master_t;
err_t vault_master(vault_client_t *c, vault_master_t *ret_master);
/* A new master key, of the next epoch, whose file is in its place already: all keys are wrapped
 * anew in the background, then the old one is destroyed. The caller wipes its copy. CONFLICT,
 * RANGE, NOT_RECORDED: nothing was begun. */
err_t vault_rotate(vault_client_t *c, uint32_t epoch, const uint8_t key[32]);
/* Destroys the file of a master key that this vaultd has not taken. Only vaultd may: it alone knows
 * whether a start of its has read the file. CONFLICT: it is in use. */
err_t vault_discard(vault_client_t *c, uint32_t epoch);

#endif
