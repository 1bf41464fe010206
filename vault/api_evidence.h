/* The vault's door for sealed evidence (io/evidence.h): its half of an opening, and destroying keys
 * of sessions. For the command only. Each piece that is opened is a durable record first
 * (EVIDENCE_OPENED, with the id of the request that it is of), and so is each destruction. */
#ifndef VAULT_API_EVIDENCE_H
#define VAULT_API_EVIDENCE_H

#include "base/cursor.h"
#include "base/id.h"
#include "io/evidence.h"
#include "io/wire_client.h"

enum {
    VAULT_EVIDENCE_BATCH = 64, /* pieces in one message (which also must fit WIRE_MAX) */
    VAULT_EVIDENCE_WORD = 64,  /* bytes of a word */
    VAULT_EVIDENCE_WAIT_MS = 5000,
};

typedef enum vault_evidence_kind {
    VAULT_EVIDENCE_OPEN = WIRE_KIND_ROOM + 48, /* order, u16 n, n (16 request, place, str16) */
    VAULT_EVIDENCE_OPENED,                     /* u16 n, n (u16 error code, str16 opened) */
    VAULT_EVIDENCE_ERASE,                      /* order, 16 subject, u16 n, n places */
    VAULT_EVIDENCE_ERASED,                     /* u16 keys destroyed */
} vault_evidence_kind_t;

/* Who does it and why; the words stand in the record: letters, digits and . _ - @ / : only. */
typedef struct vault_evidence_order {
    id128_t id;  /* ties the records together */
    slice_t by;  /* 1..VAULT_EVIDENCE_WORD bytes */
    slice_t ref; /* a file or ticket number, or empty */
} vault_evidence_order_t;

typedef struct vault_evidence_piece {
    id128_t request; /* whose evidence it is; zero: a part of the tuning ring */
    evidence_place_t place;
    slice_t inner;
} vault_evidence_piece_t;

/* What became of one piece. NOT_FOUND: no such key. EXPIRED: the key was destroyed. CRYPTO: it was
 * not sealed under this key. */
typedef struct vault_evidence_opened {
    err_code_t code; /* ERR_NONE: opened */
    slice_t bytes;   /* for evidence_check(); in the arena */
} vault_evidence_opened_t;

bool vault_evidence_word_ok(slice_t word);

/* Pure; for server and fuzzer. Decoders set c->bad for anything out of its bounds. */
void vault_evidence_order_put(buf_t *b, const vault_evidence_order_t *order);
vault_evidence_order_t vault_evidence_order_get(cursor_t *c);
void vault_evidence_piece_put(buf_t *b, const vault_evidence_piece_t *piece);
vault_evidence_piece_t vault_evidence_piece_get(cursor_t *c);

/* path must outlive the client (wire_client_deinit). */
void vault_evidence_client_init(wire_client_t *c, path_t path, room_id_t self);
/* How many of the pieces fit one message; at least one always does. */
size_t vault_evidence_share(const vault_evidence_piece_t *pieces, size_t n);
/* Opens n <= vault_evidence_share() pieces. NOT_RECORDED: then none is opened. */
err_t vault_evidence_open(wire_client_t *c, arena_t *a, const vault_evidence_order_t *order,
                          const vault_evidence_piece_t *pieces, size_t n,
                          vault_evidence_opened_t *ret_opened);
/* Destroys the keys of at most VAULT_EVIDENCE_BATCH places; those that are gone count for nothing.
 * subject: the pseudonym of the person for whom it is done. NOT_RECORDED. */
err_t vault_evidence_erase(wire_client_t *c, const vault_evidence_order_t *order, id128_t subject,
                           const evidence_place_t *places, size_t n, unsigned *ret_destroyed);

#endif
