#include "box.h"

#include "base/clock.h"

void box_init(box_t *b)
{
    *b = (box_t){0};
    pthread_mutex_init(&b->lock, NULL);
}

err_t box_put(box_t *b, slice_t rcpt, slice_t raw)
{
    ENSURE(raw.len <= BOX_LETTER_MAX && rcpt.len <= BOX_ADDRESS_MAX, ERR_LIMIT);
    uint8_t *copy = malloc(raw.len ? raw.len : 1);
    ENSURE(copy, ERR_MEMORY);
    if (raw.len) {
        memcpy(copy, raw.ptr, raw.len);
    }
    pthread_mutex_lock(&b->lock);
    box_letter_t *l = &b->letters[b->last % BOX_LETTERS];
    free(l->raw);
    *l = (box_letter_t){
        .number = ++b->last, .time_us = clock_wall_us(), .raw = copy, .len = raw.len};
    memcpy(l->rcpt, rcpt.ptr, rcpt.len);
    pthread_mutex_unlock(&b->lock);
    return OK;
}

static err_t letter_copy(arena_t *a, const box_letter_t *l, box_letter_t *ret_letter)
{
    uint8_t *raw = arena_alloc(a, l->len ? l->len : 1);
    ENSURE(raw, ERR_MEMORY);
    memcpy(raw, l->raw, l->len);
    *ret_letter = *l;
    ret_letter->raw = raw;
    return OK;
}

err_t box_get(box_t *b, arena_t *a, uint64_t number, box_letter_t *ret_letter)
{
    err_t e = FAIL(ERR_NOT_FOUND);
    pthread_mutex_lock(&b->lock);
    const box_letter_t *l = &b->letters[(number - 1) % BOX_LETTERS];
    if (number && l->number == number) {
        e = letter_copy(a, l, ret_letter);
    }
    pthread_mutex_unlock(&b->lock);
    return e;
}

err_t box_list(box_t *b, arena_t *a, box_letter_t *ret, size_t cap, size_t *ret_n)
{
    err_t e = OK;
    size_t n = 0;
    pthread_mutex_lock(&b->lock);
    for (uint64_t i = b->last; i > 0 && n < cap && b->last - i < BOX_LETTERS && !err_failed(e);
         i--) {
        e = letter_copy(a, &b->letters[(i - 1) % BOX_LETTERS], &ret[n]);
        n += !err_failed(e);
    }
    pthread_mutex_unlock(&b->lock);
    *ret_n = n;
    return e;
}
