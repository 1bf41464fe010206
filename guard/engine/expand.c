/* Macros at run time: the pieces put together. */
#include "tx.h"

slice_t matched_name(engine_tx_t *tx, const matched_t *m)
{
    slice_t var = slice_cstr_in(var_name((var_id_t)m->var));
    if (m->plain) {
        return var;
    }
    buf_t out;
    if (err_failed(arena_buf(tx->arena, var.len + 1 + m->name.len, &out))) {
        tx->memory_out = true;
        return var;
    }
    buf_put(&out, var);
    buf_u8(&out, ':');
    buf_put(&out, m->name);
    return buf_slice(&out);
}

typedef struct first {
    bool found;
    value_t value;
} first_t;

static bool take_first(void *user, const value_t *value)
{
    first_t *f = user;
    f->found = true;
    f->value = *value;
    return false;
}

static void list_first(engine_tx_t *tx, const target_t *t, first_t *f)
{
    const list_t *l = &tx->lists[t->var];
    for (uint32_t i = 0; i < l->count && !f->found; i++) {
        if (target_chooses(tx, t, l->items[i].name)) {
            f->found = true;
            f->value = (value_t){.name = l->items[i].name, .text = l->items[i].value};
        }
    }
}

static first_t first_value(engine_tx_t *tx, const target_t *t)
{
    first_t f = {0};
    if (t->var < VAR_LISTS) {
        list_first(tx, t, &f);
    } else if (t->var == VAR_TX && t->slot != NO_INDEX) { /* the usual macro, made cheap */
        const tx_value_t *v = &tx->slots[t->slot];
        f.found = v->set;
        f.value.text = v->has_text ? v->text : SLICE_EMPTY;
        f.value.is_number = v->has_number;
        f.value.number = v->number;
    } else {
        value_each(tx, t, take_first, &f);
    }
    return f;
}

static slice_t piece_text(engine_tx_t *tx, const piece_t *p)
{
    if (!p->is_var) {
        return p->text;
    }
    first_t f = first_value(tx, &p->var);
    return f.found ? value_text(tx, &f.value) : SLICE_EMPTY;
}

slice_t macro_text(engine_tx_t *tx, const macro_t *m)
{
    if (!m->pieces) {
        return m->text;
    }
    if (m->count == 1) {
        return piece_text(tx, &m->pieces[0]);
    }
    slice_t *parts = tx_array(tx, m->count, sizeof *parts);
    size_t total = 0;
    for (uint32_t i = 0; parts && i < m->count; i++) {
        parts[i] = piece_text(tx, &m->pieces[i]);
        total += parts[i].len;
    }
    uint8_t *to = parts ? tx_alloc(tx, total ? total : 1) : NULL;
    if (!to) {
        return SLICE_EMPTY;
    }
    size_t at = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        if (parts[i].len) {
            memcpy(to + at, parts[i].ptr, parts[i].len);
        }
        at += parts[i].len;
    }
    return slice_make(to, total);
}

int64_t macro_number(engine_tx_t *tx, const macro_t *m)
{
    if (m->pieces && m->count == 1) {
        first_t f = first_value(tx, &m->pieces[0].var);
        return !f.found ? 0 : f.value.is_number ? f.value.number : text_number(f.value.text);
    }
    return text_number(macro_text(tx, m));
}

err_t engine_tx_variable(engine_tx_t *tx, slice_t name, slice_t *ret_value)
{
    target_t t = {.slot = NO_INDEX};
    slice_t rest, first;
    var_id_t id;
    bool named = cut(name, ':', &first, &rest);
    ENSURE(var_find(first, &id), ERR_NOT_FOUND);
    t.var = (uint8_t)id;
    if (named) {
        t.select = SELECT_NAME;
        t.name = rest;
    }
    first_t f = first_value(tx, &t);
    ENSURE(f.found, ERR_NOT_FOUND);
    *ret_value = value_text(tx, &f.value);
    return tx->memory_out ? FAIL(ERR_MEMORY) : OK;
}
