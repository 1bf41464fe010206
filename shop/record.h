/* What the shop tells the record: a small set of records gathered while a job runs, and the way to
 * the ledger. Facts hold ids, numbers and codes; never a name, an address or a number of a person.
 */
#ifndef SHOP_RECORD_H
#define SHOP_RECORD_H

#include "ledger/api.h"
#include "model.h"

enum { RECORD_SET_MAX = 6, RECORD_FACTS_BYTES = 1200 };

/* Records of one job; facts live inside. */
typedef struct record_set {
    ledger_record_t at[RECORD_SET_MAX];
    size_t n;
    buf_t facts; /* on facts_mem */
    uint8_t facts_mem[RECORD_FACTS_BYTES];
} record_set_t;

void record_set_init(record_set_t *set);
/* Adds one; facts are appended to set->facts between begin and the next add (ledger_fact). The
 * returned record stays valid; LIMIT-like overflow aborts: sets are small and ours. */
ledger_record_t *record_add(record_set_t *set, ledger_type_t type, id128_t request, id128_t object);
/* Facts of the record added last. */
void record_fact(record_set_t *set, const char *key, slice_t value);
void record_fact_i64(record_set_t *set, const char *key, int64_t value);
bool record_set_durable(const record_set_t *set); /* any that must be durable */

/* The way to the record: ledgerd's client in the house, a counting one in unit tests. */
typedef struct record_way {
    void *ctx;
    err_t (*append)(void *ctx, const ledger_record_t *recs, size_t n, uint64_t *ret_first_seq);
    void (*note)(void *ctx, const ledger_record_t *rec);
} record_way_t;

record_way_t record_way_ledger(ledger_client_t *client);
/* Durable ones first, as one append (NOT_RECORDED: nothing may go on), then the rest as notes.
 * ret_first_seq may be NULL. */
err_t record_set_write(const record_way_t *way, const record_set_t *set, uint64_t *ret_first_seq);
err_t record_set_append_durable(const record_way_t *way, const record_set_t *set,
                                uint64_t *ret_first_seq);
void record_set_note_rest(const record_way_t *way, const record_set_t *set);

#endif
