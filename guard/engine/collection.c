/* Persistent collections: the caller's store, or without one values that live as long as the
 * transaction. */
#include "tx.h"

collection_t *collection_of(engine_tx_t *tx, unsigned var)
{
    return &tx->collections[var - VAR_IP];
}

static slice_t collection_name(unsigned var)
{
    return slice_cstr_in(var_name((var_id_t)var));
}

static const engine_store_t *store_of(const engine_tx_t *tx)
{
    return tx->world ? tx->world->store : NULL;
}

static int64_t ttl_of(const engine_tx_t *tx)
{
    return (int64_t)tx->settings.collection_timeout_s * 1000000;
}

void collection_open(engine_tx_t *tx, unsigned var, slice_t key)
{
    collection_t *c = collection_of(tx, var);
    c->open = true;
    c->key = key;
}

static stored_t *local_find(engine_tx_t *tx, collection_t *c, slice_t name, bool make)
{
    int64_t now = tx_now(tx);
    for (stored_t *s = c->local; s; s = s->next) {
        if (slice_eq_nocase(s->name, name)) {
            s->live &= s->expires_us == 0 || s->expires_us > now;
            return s->live || make ? s : NULL;
        }
    }
    stored_t *s = make ? tx_alloc(tx, sizeof *s) : NULL;
    if (s) {
        s->name = name;
        s->next = c->local;
        c->local = s;
    }
    return s;
}

static void note_error(engine_tx_t *tx, err_t e)
{
    tx->memory_out |= err_is(e, ERR_MEMORY);
}

bool collection_get(engine_tx_t *tx, unsigned var, slice_t name, slice_t *ret_value)
{
    collection_t *c = collection_of(tx, var);
    const engine_store_t *s = store_of(tx);
    if (!c->open) {
        return false;
    }
    if (!s) {
        const stored_t *v = local_find(tx, c, name, false);
        if (v) {
            *ret_value = v->value;
        }
        return v != NULL;
    }
    err_t e = s->get(s->user, collection_name(var), c->key, name, tx_now(tx), tx->arena, ret_value);
    note_error(tx, e);
    return !err_failed(e);
}

void collection_put(engine_tx_t *tx, unsigned var, slice_t name, slice_t value)
{
    collection_t *c = collection_of(tx, var);
    const engine_store_t *s = store_of(tx);
    if (c->open && s) {
        note_error(
            tx, s->put(s->user, collection_name(var), c->key, name, value, tx_now(tx), ttl_of(tx)));
    } else if (c->open) {
        stored_t *v = local_find(tx, c, name, true);
        if (v) {
            v->expires_us = v->live ? v->expires_us : 0;
            v->value = value;
            v->live = true;
        }
    }
}

void collection_add(engine_tx_t *tx, unsigned var, slice_t name, int64_t delta)
{
    collection_t *c = collection_of(tx, var);
    const engine_store_t *s = store_of(tx);
    int64_t sum = 0;
    if (c->open && s) {
        note_error(tx, s->add(s->user, collection_name(var), c->key, name, delta, tx_now(tx),
                              ttl_of(tx), &sum));
    } else if (c->open) {
        const stored_t *v = local_find(tx, c, name, false);
        if (__builtin_add_overflow(v ? text_number(v->value) : 0, delta, &sum)) {
            sum = delta < 0 ? INT64_MIN + 1 : INT64_MAX;
        }
        collection_put(tx, var, name, number_text(tx, sum));
    }
}

void collection_remove(engine_tx_t *tx, unsigned var, slice_t name)
{
    collection_t *c = collection_of(tx, var);
    const engine_store_t *s = store_of(tx);
    if (c->open && s) {
        note_error(tx, s->remove(s->user, collection_name(var), c->key, name));
    } else if (c->open) {
        stored_t *v = local_find(tx, c, name, false);
        if (v) {
            v->live = false;
        }
    }
}

void collection_expire(engine_tx_t *tx, unsigned var, slice_t name, int64_t seconds)
{
    collection_t *c = collection_of(tx, var);
    const engine_store_t *s = store_of(tx);
    int64_t at, span;
    if (__builtin_mul_overflow(seconds, 1000000, &span) ||
        __builtin_add_overflow(tx_now(tx), span, &at)) {
        return;
    }
    if (c->open && s) {
        note_error(tx, s->expire(s->user, collection_name(var), c->key, name, at));
    } else if (c->open) {
        stored_t *v = local_find(tx, c, name, false);
        if (v) {
            v->expires_us = at;
        }
    }
}

typedef struct each {
    value_fn fn;
    void *user;
    bool ended;
} each_t;

static err_t give(void *user, slice_t name, slice_t value)
{
    each_t *e = user;
    value_t v = {.name = name, .text = value};
    e->ended |= e->ended || !e->fn(e->user, &v);
    return OK;
}

void collection_each(engine_tx_t *tx, unsigned var, value_fn fn, void *user)
{
    collection_t *c = collection_of(tx, var);
    const engine_store_t *s = store_of(tx);
    each_t e = {fn, user, false};
    if (!c->open) {
        return;
    }
    if (s) {
        note_error(tx,
                   s->each(s->user, collection_name(var), c->key, tx_now(tx), tx->arena, &e, give));
        return;
    }
    int64_t now = tx_now(tx);
    for (const stored_t *v = c->local; v; v = v->next) {
        if (v->live && (v->expires_us == 0 || v->expires_us > now)) {
            err_ignore(give(&e, v->name, v->value)); /* never fails */
        }
    }
}
