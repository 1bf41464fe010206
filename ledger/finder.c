#include "finder.h"

enum { FILTER_BITS = 8192, PROBES = 4, PROBE_BITS = 13, BUNDLE = 256 };

struct finder_filter {
    unsigned added; /* leaves 0..added-1 of the bundle are in */
    uint8_t bits[FILTER_BITS / 8];
};

err_t finder_init(finder_t *f)
{
    f->filters = calloc(FINDER_FILTERS, sizeof(finder_filter_t *));
    ENSURE(f->filters, ERR_MEMORY);
    return OK;
}

void finder_deinit(finder_t *f)
{
    for (size_t i = 0; f->filters && i < FINDER_FILTERS; i++) {
        free(f->filters[i]);
    }
    free(f->filters);
    f->filters = NULL;
}

/* Ids are random for the most part; this spreads those that are not. */
static uint64_t mix(id128_t id)
{
    uint64_t a, b;
    memcpy(&a, id.b, sizeof a);
    memcpy(&b, id.b + 8, sizeof b);
    uint64_t h = (a ^ (b << 32 | b >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 29 ^ b) * UINT64_C(0xbf58476d1ce4e5b9);
    return h ^ h >> 32;
}

static void set_id(finder_filter_t *filter, id128_t id)
{
    uint64_t h = mix(id);
    for (unsigned i = 0; i < PROBES && !id_is_zero(id); i++, h >>= PROBE_BITS) {
        unsigned bit = (unsigned)h % FILTER_BITS;
        filter->bits[bit / 8] |= (uint8_t)(1U << bit % 8);
    }
}

void finder_add(finder_t *f, uint64_t seq, const ledger_record_t *rec)
{
    uint64_t bundle = seq / BUNDLE;
    if (bundle >= FINDER_FILTERS) {
        return;
    }
    if (!f->filters[bundle] && seq % BUNDLE == 0) {
        f->filters[bundle] = calloc(1, sizeof(finder_filter_t));
    }
    finder_filter_t *filter = f->filters[bundle];
    if (!filter || filter->added != seq % BUNDLE) {
        return;
    }
    filter->added++;
    set_id(filter, rec->request);
    set_id(filter, rec->object);
    set_id(filter, rec->parent);
    set_id(filter, rec->subject);
}

bool finder_maybe(const finder_t *f, uint64_t bundle, unsigned leaves, id128_t id)
{
    const finder_filter_t *filter = bundle < FINDER_FILTERS ? f->filters[bundle] : NULL;
    if (!filter || filter->added < leaves) {
        return true;
    }
    uint64_t h = mix(id);
    for (unsigned i = 0; i < PROBES; i++, h >>= PROBE_BITS) {
        unsigned bit = (unsigned)h % FILTER_BITS;
        if (!((unsigned)filter->bits[bit / 8] >> bit % 8 & 1U)) {
            return false;
        }
    }
    return true;
}

bool finder_match(ledger_find_t which, id128_t id, const ledger_record_t *rec)
{
    switch (which) {
    case LEDGER_BY_REQUEST:
        return id_eq(rec->request, id);
    case LEDGER_BY_OBJECT:
        return id_eq(rec->object, id) || id_eq(rec->parent, id);
    case LEDGER_BY_SUBJECT:
        return id_eq(rec->subject, id);
    }
    return false;
}
