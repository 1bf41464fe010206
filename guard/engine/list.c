#include "tx.h"

/* Hundreds of small pieces a request: cut from zeroed blocks of the arena. */
void *tx_alloc(engine_tx_t *tx, size_t bytes)
{
    enum { BLOCK = 4096, SMALL = 1024, ALIGN = 16 };
    if (bytes > SMALL) {
        void *p = arena_alloc(tx->arena, bytes);
        tx->memory_out |= p == NULL;
        return p;
    }
    size_t want = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    if (want > tx->block_left) {
        tx->block = arena_alloc(tx->arena, BLOCK);
        tx->block_left = tx->block ? BLOCK : 0;
        if (!tx->block) {
            tx->memory_out = true;
            return NULL;
        }
    }
    uint8_t *p = tx->block;
    tx->block += want;
    tx->block_left -= want;
    return p;
}

void *tx_array(engine_tx_t *tx, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        tx->memory_out = true;
        return NULL;
    }
    return tx_alloc(tx, total);
}

static err_t grow(engine_tx_t *tx, list_t *l)
{
    uint32_t cap = l->cap ? l->cap * 2 : 4;
    item_t *more = tx_array(tx, cap, sizeof *more);
    ENSURE(more, ERR_MEMORY);
    if (l->count) {
        memcpy(more, l->items, l->count * sizeof *more);
    }
    l->items = more;
    l->cap = cap;
    return OK;
}

err_t list_add(engine_tx_t *tx, var_id_t var, slice_t name, slice_t value)
{
    list_t *l = &tx->lists[var];
    if (l->count == l->cap) {
        TRY(grow(tx, l));
    }
    l->items[l->count++] = (item_t){name, value};
    l->atoms = NULL; /* what was remembered is not of this list any more */
    l->forms = NULL;
    tx->present[var / 64] |= UINT64_C(1) << (var % 64);
    return OK;
}

err_t list_set(engine_tx_t *tx, var_id_t var, slice_t value)
{
    tx->lists[var].count = 0;
    return list_add(tx, var, SLICE_EMPTY, value);
}

const uint32_t *list_atoms(engine_tx_t *tx, list_t *l)
{
    if (!l->atoms) {
        uint32_t *atoms = tx_array(tx, l->count, sizeof *atoms);
        if (!atoms) {
            return NULL;
        }
        for (uint32_t i = 0; i < l->count; i++) {
            atoms[i] = names_find(&tx->set->atoms, l->items[i].name);
        }
        l->atoms = atoms;
    }
    return l->atoms;
}
