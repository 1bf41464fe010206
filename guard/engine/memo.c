/* Each list is transformed once for each chain of transformations that rules ask for, and searched
 * for literals once for each different outcome. Chains are a trie: the form behind "a,b,c" is made
 * from the one behind "a,b". A form that nothing changed is its parent itself, which is the usual
 * case and costs one test. Nothing of this outlives the transaction. */
#include "sig.h"
#include "tx.h"

byte_kinds_t kinds_of(const engine_set_t *set, slice_t value)
{
    byte_kinds_t k = {0, 0};
    const uint8_t *at = value.ptr;
#pragma GCC unroll 8
    for (size_t left = value.len; left; left--) {
        uint8_t byte = *at++;
        k.sig |= set->byte_sig[byte];
        k.kinds |= set->byte_kinds[byte];
    }
    return k;
}

static form_t *form_room(engine_tx_t *tx, uint32_t count)
{
    size_t each = sizeof(slice_t) + sizeof(byte_kinds_t);
    form_t *f = tx_alloc(tx, sizeof *f + count * each); /* count: of things that are in memory */
    if (f) {
        f->scan_of = f;
        f->values = (slice_t *)(f + 1);
        f->kinds = (byte_kinds_t *)(f->values + count);
    }
    return f;
}

static form_t *form_root(engine_tx_t *tx, const list_t *l)
{
    form_t *f = form_room(tx, l->count);
    for (uint32_t i = 0; f && i < l->count; i++) {
        f->values[i] = l->items[i].value;
        f->kinds[i] = kinds_of(tx->set, f->values[i]);
        f->sum.sig |= f->kinds[i].sig;
        f->sum.kinds |= f->kinds[i].kinds;
    }
    return f;
}

static slice_t transformed(engine_tx_t *tx, transform_id_t id, slice_t in)
{
    slice_t out = in;
    tx->stats.transforms++;
    if (err_failed(transform_apply_mapped(id, in, tx->set->unicode, tx->arena, &out))) {
        tx->memory_out = true;
        return in;
    }
    return out;
}

static form_t *form_child(engine_tx_t *tx, const list_t *l, form_t *parent, uint32_t chain)
{
    const chain_node_t *node = &tx->set->nodes[chain];
    transform_id_t id = (transform_id_t)node->transform;
    if (transform_is_identity(id, (uint32_t)parent->sum.kinds)) {
        return parent;
    }
    form_t *f = NULL;
    for (uint32_t i = 0; i < l->count; i++) {
        if (transform_is_identity(id, (uint32_t)parent->kinds[i].kinds)) {
            continue;
        }
        slice_t in = parent->values[i], out = transformed(tx, id, in);
        if (out.ptr == in.ptr && out.len == in.len) {
            continue;
        }
        if (!f) {
            f = form_room(tx, l->count);
            if (!f) {
                return NULL;
            }
            memcpy(f->values, parent->values, l->count * sizeof *f->values);
            memcpy(f->kinds, parent->kinds, l->count * sizeof *f->kinds);
        }
        f->values[i] = out;
        if (id == TRANSFORM_LOWERCASE) { /* known without looking */
            f->kinds[i].kinds &= ~(uint64_t)TRANSFORM_UPPER;
            f->kinds[i].kinds |= TRANSFORM_LOWER;
        } else {
            f->kinds[i] = kinds_of(tx->set, out);
        }
    }
    if (!f) {
        return parent;
    }
    for (uint32_t i = 0; i < l->count; i++) {
        f->sum.sig |= f->kinds[i].sig;
        f->sum.kinds |= f->kinds[i].kinds;
    }
    f->scan_of = node->folds ? parent->scan_of : f;
    return f;
}

form_t *form_of(engine_tx_t *tx, list_t *l, uint32_t chain)
{
    if (!l->forms) {
        l->forms = tx_array(tx, tx->set->node_count, sizeof *l->forms);
        if (!l->forms) {
            return NULL;
        }
    }
    form_t *f = l->forms[chain];
    if (!f) {
        if (chain == 0) {
            f = form_root(tx, l);
        } else {
            form_t *parent = form_of(tx, l, tx->set->nodes[chain].parent);
            f = parent ? form_child(tx, l, parent, chain) : NULL;
        }
        l->forms[chain] = f;
    }
    return f;
}

slice_t chain_step(engine_tx_t *tx, uint32_t chain, slice_t in)
{
    transform_id_t id = (transform_id_t)tx->set->nodes[chain].transform;
    return transform_is_identity(id, (uint32_t)kinds_of(tx->set, in).kinds)
               ? in
               : transformed(tx, id, in);
}

slice_t chain_apply(engine_tx_t *tx, uint32_t chain, slice_t value)
{
    return chain == 0 ? value
                      : chain_step(tx, chain, chain_apply(tx, tx->set->nodes[chain].parent, value));
}

/* ---- the literal scan ------------------------------------------------------------------------ */

typedef struct search {
    engine_tx_t *tx;
    scan_t *scan;
    const uint32_t *starts; /* offset of each value; count + 1 of them */
    uint32_t count, at;     /* the value that the last hit was in */
} search_t;

static uint32_t value_at(search_t *s, size_t end)
{
    if (end > s->starts[s->at] && end <= s->starts[s->at + 1]) {
        return s->at;
    }
    uint32_t low = 0, high = s->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (s->starts[middle] < end) {
            low = middle;
        } else {
            high = middle;
        }
    }
    s->at = low;
    return low;
}

static hits_t *hits_for(search_t *s, uint32_t pattern)
{
    scan_t *scan = s->scan;
    if (!scan->slot) {
        scan->slot = tx_array(s->tx, s->tx->set->pattern_count, sizeof *scan->slot);
        if (!scan->slot) {
            return NULL;
        }
    }
    if (scan->slot[pattern]) {
        return &scan->hits[scan->slot[pattern] - 1];
    }
    if (scan->count == scan->cap) {
        uint32_t cap = scan->cap ? scan->cap * 2 : 8;
        hits_t *more = tx_array(s->tx, cap, sizeof *more);
        if (!more) {
            return NULL;
        }
        if (scan->count) {
            memcpy(more, scan->hits, scan->count * sizeof *more);
        }
        scan->hits = more;
        scan->cap = cap;
    }
    scan->slot[pattern] = (uint16_t)++scan->count;
    return &scan->hits[scan->count - 1];
}

static bool on_hit(void *user, uint32_t pattern, size_t end)
{
    search_t *s = user;
    hits_t *h = hits_for(s, pattern);
    if (!h) {
        return false;
    }
    uint32_t value = value_at(s, end);
    if (h->count && h->values[h->count - 1] == value) {
        return true;
    }
    h->unsorted |= h->count && h->values[h->count - 1] > value;
    if (h->count == h->cap) {
        uint32_t cap = h->cap ? h->cap * 2 : 4;
        uint32_t *more = tx_array(s->tx, cap, sizeof *more);
        if (!more) {
            return false;
        }
        if (h->count) {
            memcpy(more, h->values, h->count * sizeof *more);
        }
        h->values = more;
        h->cap = cap;
    }
    h->values[h->count++] = value;
    return true;
}

/* All values in one piece of memory, a line end between them: one scan instead of hundreds. A
 * literal that seems to stand in two values at once costs a useless regex run, nothing else. */
static bool scan_values(engine_tx_t *tx, form_t *f, uint32_t count, unsigned db, scan_t *scan)
{
    uint32_t *starts = tx_array(tx, (size_t)count + 1, sizeof *starts);
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += f->values[i].len + 1;
    }
    if (!starts || total > UINT32_MAX) {
        tx->memory_out = true;
        return false;
    }
    slice_t bytes = f->values[0];
    starts[1] = (uint32_t)total;
    if (count > 1) {
        uint8_t *joined = tx_alloc(tx, total);
        if (!joined) {
            return false;
        }
        uint32_t at = 0;
        for (uint32_t i = 0; i < count; i++) {
            starts[i] = at;
            if (f->values[i].len) {
                memcpy(joined + at, f->values[i].ptr, f->values[i].len);
            }
            at += (uint32_t)f->values[i].len;
            joined[at++] = '\n';
        }
        starts[count] = at;
        bytes = slice_make(joined, total);
    }
    search_t s = {tx, scan, starts, count, 0};
    tx->stats.scans++;
    tx->stats.scanned_bytes += bytes.len;
    if (err_failed(scan_run(tx->set->db[db], tx->worker->scan, bytes, on_hit, &s))) {
        tx->memory_out = true;
    }
    return !tx->memory_out;
}

const hits_t *form_hits(engine_tx_t *tx, form_t *f, uint32_t count, unsigned db, uint32_t pattern)
{
    scan_t *scan = &f->scan_of->scans[db];
    if (!scan->done) {
        if (!scan_values(tx, f->scan_of, count, db, scan)) {
            return NULL;
        }
        scan->done = true;
    }
    return scan->slot && scan->slot[pattern] ? &scan->hits[scan->slot[pattern] - 1] : NULL;
}
