#include "holds.h"

enum { FILE_BYTES_MAX = HOLDS_MAX * (LEDGER_TEXT_MAX + 64), ARENA = 3 * FILE_BYTES_MAX };
static const char NAME[] = "holds";

/* "<id> <seq> <facts>\n"; seq "-": not recorded yet. Facts hold no space. */
static err_t line_parse(slice_t line, hold_t *h)
{
    slice_t id, seq;
    ENSURE(slice_split(&line, ' ', &id) && slice_split(&line, ' ', &seq) && line.len != SIZE_MAX &&
               line.len <= sizeof h->facts,
           ERR_CORRUPT);
    ENSURE(!err_failed(id_decode(id, &h->id)), ERR_CORRUPT);
    h->seq = HOLD_UNRECORDED;
    ENSURE(slice_eq(seq, SLICE("-")) || !err_failed(slice_parse_u64(seq, INT64_MAX, &h->seq)),
           ERR_CORRUPT);
    h->facts_len = (uint16_t)line.len;
    memcpy(h->facts, line.ptr, line.len);
    return OK;
}

static err_t read_all(holds_t *h)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    path_t file;
    slice_t text, line;
    arena_init(&a, ARENA);
    TRY(path_join(&a, h->dir, slice_cstr_in(NAME), &file));
    err_t e = file_read(&a, file, FILE_BYTES_MAX, &text);
    if (err_is(e, ERR_NOT_FOUND)) {
        return OK;
    }
    TRY(e);
    while (text.len && text.len != SIZE_MAX && slice_split(&text, '\n', &line)) {
        ENSURE(h->count < HOLDS_MAX, ERR_CORRUPT);
        TRY(line_parse(line, &h->list[h->count]));
        h->count++;
    }
    return OK;
}

err_t holds_read(path_t dir, holds_t *ret_holds)
{
    holds_t h = {.dir = dir, .list = calloc(HOLDS_MAX, sizeof(hold_t))};
    ENSURE(h.list, ERR_MEMORY);
    err_t e = read_all(&h);
    if (err_failed(e)) {
        holds_free(&h);
        return e;
    }
    *ret_holds = h;
    return OK;
}

void holds_free(holds_t *h)
{
    free(h->list);
    h->list = NULL;
    h->count = 0;
}

static err_t write_all(const holds_t *h, size_t count)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    path_t file;
    buf_t text;
    arena_init(&a, ARENA);
    TRY(path_join(&a, h->dir, slice_cstr_in(NAME), &file));
    TRY(arena_buf(&a, FILE_BYTES_MAX, &text));
    for (size_t i = 0; i < count; i++) {
        const hold_t *one = &h->list[i];
        buf_id(&text, one->id);
        buf_u8(&text, ' ');
        if (one->seq == HOLD_UNRECORDED) {
            buf_u8(&text, '-');
        } else {
            buf_dec(&text, (int64_t)one->seq);
        }
        buf_u8(&text, ' ');
        buf_put(&text, slice_make(one->facts, one->facts_len));
        buf_u8(&text, '\n');
    }
    TRY(buf_check(&text));
    return file_replace(file, buf_slice(&text), 0640);
}

static void set_count(holds_t *h, size_t count)
{
    __atomic_store_n(&h->count, count, __ATOMIC_RELEASE);
}

bool holds_any(const holds_t *h)
{
    return __atomic_load_n(&h->count, __ATOMIC_ACQUIRE) > 0;
}

hold_t *holds_find(const holds_t *h, id128_t id)
{
    for (size_t i = 0; i < h->count; i++) {
        if (id_eq(h->list[i].id, id)) {
            return &h->list[i];
        }
    }
    return NULL;
}

err_t holds_place(holds_t *h, id128_t id, slice_t facts)
{
    hold_t *one = holds_find(h, id);
    if (one) {
        return OK; /* said twice */
    }
    ENSURE(h->count < HOLDS_MAX && facts.len <= sizeof one->facts, ERR_LIMIT);
    one = &h->list[h->count];
    *one = (hold_t){.id = id, .seq = HOLD_UNRECORDED, .facts_len = (uint16_t)facts.len};
    if (facts.len) {
        memcpy(one->facts, facts.ptr, facts.len);
    }
    set_count(h, h->count + 1); /* from this moment, whatever the disk says */
    err_t e = write_all(h, h->count);
    if (err_failed(e)) {
        set_count(h, h->count - 1);
    }
    return e;
}

err_t holds_recorded(holds_t *h, id128_t id, uint64_t seq)
{
    hold_t *one = holds_find(h, id);
    if (!one || one->seq == seq) {
        return OK;
    }
    one->seq = seq;
    return write_all(h, h->count);
}

err_t holds_lift(holds_t *h, id128_t id)
{
    hold_t *one = holds_find(h, id);
    if (!one) {
        return OK;
    }
    hold_t gone = *one;
    *one = h->list[h->count - 1];
    err_t e = write_all(h, h->count - 1);
    if (err_failed(e)) {
        h->list[h->count - 1] = *one;
        *one = gone;
        return e;
    }
    set_count(h, h->count - 1);
    return OK;
}
