/* Gathering records and handing them to the ledger. */
#include "record.h"

void record_set_init(record_set_t *set)
{
    set->n = 0;
    set->facts = buf_on(set->facts_mem, sizeof set->facts_mem);
}

ledger_record_t *record_add(record_set_t *set, ledger_type_t type, id128_t request, id128_t object)
{
    CHECK(set->n < RECORD_SET_MAX);
    ledger_record_t *rec = &set->at[set->n++];
    *rec = (ledger_record_t){.type = type, .request = request, .object = object};
    rec->facts = slice_make(set->facts.ptr + set->facts.len, 0);
    return rec;
}

/* Facts of one record stand together: ledger_fact writes its own '&' by what its buffer holds. */
static void fact(record_set_t *set, const char *key, slice_t value, const int64_t *number)
{
    CHECK(set->n > 0);
    ledger_record_t *rec = &set->at[set->n - 1];
    uint8_t *start = set->facts_mem + (rec->facts.ptr - set->facts_mem);
    buf_t b = buf_on(start, (size_t)(set->facts_mem + sizeof set->facts_mem - start));
    b.len = rec->facts.len;
    if (number) {
        ledger_fact_i64(&b, key, *number);
    } else {
        ledger_fact(&b, key, value);
    }
    CHECK(!b.full);
    rec->facts.len = b.len;
    set->facts.len = (size_t)(start - set->facts_mem) + b.len;
}

void record_fact(record_set_t *set, const char *key, slice_t value)
{
    fact(set, key, value, NULL);
}

void record_fact_i64(record_set_t *set, const char *key, int64_t value)
{
    fact(set, key, SLICE_EMPTY, &value);
}

bool record_set_durable(const record_set_t *set)
{
    for (size_t i = 0; i < set->n; i++) {
        if (ledger_type_durable(set->at[i].type)) {
            return true;
        }
    }
    return false;
}

static err_t client_append(void *ctx, const ledger_record_t *recs, size_t n,
                           uint64_t *ret_first_seq)
{
    return ledger_append((ledger_client_t *)ctx, recs, n, ret_first_seq);
}

static void client_note(void *ctx, const ledger_record_t *rec)
{
    ledger_note((ledger_client_t *)ctx, rec);
}

record_way_t record_way_ledger(ledger_client_t *client)
{
    return (record_way_t){.ctx = client, .append = client_append, .note = client_note};
}

err_t record_set_append_durable(const record_way_t *way, const record_set_t *set,
                                uint64_t *ret_first_seq)
{
    ledger_record_t durable[RECORD_SET_MAX];
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++) {
        if (ledger_type_durable(set->at[i].type)) {
            durable[n++] = set->at[i];
        }
    }
    uint64_t seq = 0;
    if (n > 0) {
        TRY(way->append(way->ctx, durable, n, &seq));
    }
    if (ret_first_seq) {
        *ret_first_seq = seq;
    }
    return OK;
}

void record_set_note_rest(const record_way_t *way, const record_set_t *set)
{
    for (size_t i = 0; i < set->n; i++) {
        if (!ledger_type_durable(set->at[i].type)) {
            way->note(way->ctx, &set->at[i]);
        }
    }
}

err_t record_set_write(const record_way_t *way, const record_set_t *set, uint64_t *ret_first_seq)
{
    TRY(record_set_append_durable(way, set, ret_first_seq));
    record_set_note_rest(way, set);
    return OK;
}
