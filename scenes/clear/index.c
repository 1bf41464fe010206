#include "index.h"

enum {
    KEY_BYTES = FORM_MIN_BYTES,
    FILTER_BITS = 23,
    WAYS_ARENA = 64 * 1024 * 1024, /* one needle's ways to be written */
    BYTES_ARENA = 1024 * 1024 * 1024,
    FIRST_ROOM = 4096,
};

#define KEY_MASK ((UINT64_C(1) << (8 * KEY_BYTES)) - 1)
#define HASH_FACTOR UINT64_C(0x9e3779b97f4a7c15)

typedef struct slot {
    uint64_t key;  /* first bytes; never 0 for a used slot (a form has no seven NULs) */
    uint32_t from; /* patterns[from..] as long as their key is the same */
} slot_t;

struct index {
    arena_t bytes;
    pattern_t *patterns;
    size_t count, room, longest;
    slot_t *slots;
    unsigned slot_bits;
    uint64_t filter[(1U << FILTER_BITS) / 64];
};

static uint64_t key_load(const uint8_t *p)
{
    uint64_t key = 0;
    memcpy(&key, p, KEY_BYTES);
    return key;
}

static size_t hash(uint64_t key, unsigned bits)
{
    return (size_t)((key * HASH_FACTOR) >> (64 - bits));
}

/* ---- making ---- */

typedef struct adder {
    index_t *index;
    form_set_t *set;
    const needle_t *needle;
    bool digits;
} adder_t;

static err_t add_form(void *ctx, const form_t *form)
{
    adder_t *a = ctx;
    index_t *index = a->index;
    ENSURE(form->bytes.len <= UINT16_MAX && index->count < UINT32_MAX, ERR_LIMIT);
    if (index->count == index->room) {
        size_t room = index->room ? 2 * index->room : FIRST_ROOM;
        pattern_t *more = realloc(index->patterns, room * sizeof *more);
        ENSURE(more, ERR_MEMORY);
        index->patterns = more;
        index->room = room;
    }
    slice_t bytes;
    TRY(arena_copy(&index->bytes, form->bytes, &bytes));
    bool number = a->digits && form->coding != FORM_HEX && form->coding != FORM_BASE64;
    for (size_t i = 0; number && i < bytes.len; i++) {
        number = bytes.ptr[i] >= '0' && bytes.ptr[i] <= '9';
    }
    index->patterns[index->count++] = (pattern_t){.bytes = bytes.ptr,
                                                  .needle = a->needle,
                                                  .len = (uint16_t)bytes.len,
                                                  .charset = (uint8_t)form->charset,
                                                  .coding = (uint8_t)form->coding,
                                                  .digits = number};
    index->longest = bytes.len > index->longest ? bytes.len : index->longest;
    return OK;
}

static err_t add_text(void *ctx, slice_t text, bool digits)
{
    adder_t *a = ctx;
    a->digits = digits;
    return forms_make(a->set, text, add_form, a);
}

/* By first bytes, then bytes, then needle, then charset and coding: the simplest name of a form
 * comes first. */
static int pattern_cmp(const void *left, const void *right)
{
    const pattern_t *a = left, *b = right;
    uint64_t ka = key_load(a->bytes), kb = key_load(b->bytes);
    if (ka != kb) {
        return ka < kb ? -1 : 1;
    }
    int c = slice_cmp(slice_make(a->bytes, a->len), slice_make(b->bytes, b->len));
    if (c != 0) {
        return c;
    }
    if (a->needle != b->needle) {
        return a->needle < b->needle ? -1 : 1;
    }
    int by_coding = (int)a->coding - (int)b->coding;
    return by_coding ? by_coding : (int)a->charset - (int)b->charset;
}

static void drop_twins(index_t *index)
{
    size_t kept = 0;
    for (size_t i = 0; i < index->count; i++) {
        const pattern_t *p = &index->patterns[i];
        pattern_t *last = kept ? &index->patterns[kept - 1] : NULL;
        if (last && last->needle == p->needle && last->len == p->len &&
            memcmp(last->bytes, p->bytes, p->len) == 0) {
            last->digits = last->digits && p->digits;
            continue;
        }
        index->patterns[kept++] = *p;
    }
    index->count = kept;
}

static err_t table_make(index_t *index)
{
    index->slot_bits = 4;
    while ((size_t)1 << index->slot_bits < 2 * index->count) {
        index->slot_bits++;
    }
    size_t mask = ((size_t)1 << index->slot_bits) - 1;
    index->slots = calloc(mask + 1, sizeof *index->slots);
    ENSURE(index->slots, ERR_MEMORY);
    uint64_t before = 0;
    for (size_t i = 0; i < index->count; i++) {
        uint64_t key = key_load(index->patterns[i].bytes);
        if (key == before) {
            continue;
        }
        before = key;
        size_t bit = hash(key, FILTER_BITS), at = hash(key, index->slot_bits);
        index->filter[bit / 64] |= UINT64_C(1) << (bit % 64);
        while (index->slots[at].key) {
            at = (at + 1) & mask;
        }
        index->slots[at] = (slot_t){key, (uint32_t)i};
    }
    return OK;
}

static err_t fill(index_t *index, form_set_t *set, const needle_t *needles, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        BASE_CLEANUP(arena_deinit) arena_t ways;
        arena_init(&ways, WAYS_ARENA);
        adder_t a = {.index = index, .set = set, .needle = &needles[i]};
        TRY(needle_texts(&ways, &needles[i], add_text, &a));
    }
    if (index->count) {
        qsort(index->patterns, index->count, sizeof *index->patterns, pattern_cmp);
    }
    drop_twins(index);
    return table_make(index);
}

err_t index_new(const needle_t *needles, size_t count, index_t **ret_index)
{
    form_set_t *set;
    index_t *index = calloc(1, sizeof *index);
    ENSURE(index, ERR_MEMORY);
    arena_init(&index->bytes, BYTES_ARENA);
    err_t e = form_set_new(&set);
    if (!err_failed(e)) {
        e = fill(index, set, needles, count);
        form_set_free(set);
    }
    if (err_failed(e)) {
        index_free(index);
        return e;
    }
    *ret_index = index;
    return OK;
}

void index_free(index_t *index)
{
    if (index) {
        arena_deinit(&index->bytes);
        free(index->patterns);
        free(index->slots);
        free(index);
    }
}

size_t index_forms(const index_t *index)
{
    return index->count;
}

size_t index_longest(const index_t *index)
{
    return index->longest;
}

bool index_has(const index_t *index, const needle_t *needle)
{
    for (size_t i = 0; i < index->count; i++) {
        if (index->patterns[i].needle == needle) {
            return true;
        }
    }
    return false;
}

/* ---- the pass ---- */

static bool digit_at(slice_t bytes, size_t at)
{
    return at < bytes.len && bytes.ptr[at] >= '0' && bytes.ptr[at] <= '9';
}

static void compare(const index_t *index, slice_t bytes, size_t at, uint64_t key, index_fn *fn,
                    void *ctx)
{
    size_t mask = ((size_t)1 << index->slot_bits) - 1;
    size_t s = hash(key, index->slot_bits);
    while (index->slots[s].key && index->slots[s].key != key) {
        s = (s + 1) & mask;
    }
    if (!index->slots[s].key) {
        return;
    }
    for (size_t i = index->slots[s].from; i < index->count; i++) {
        const pattern_t *p = &index->patterns[i];
        if (key_load(p->bytes) != key) {
            return;
        }
        bool same = p->len <= bytes.len - at && memcmp(p->bytes, bytes.ptr + at, p->len) == 0;
        bool longer =
            p->digits && ((at && digit_at(bytes, at - 1)) || digit_at(bytes, at + p->len));
        if (same && !longer) {
            fn(ctx, at, p);
        }
    }
}

static inline bool may_begin(const index_t *index, uint64_t key)
{
    size_t bit = hash(key, FILTER_BITS);
    return (index->filter[bit / 64] >> (bit % 64)) & 1;
}

size_t index_zeros_end(slice_t bytes, size_t at)
{
    uint64_t word;
    for (; at + sizeof word <= bytes.len; at += sizeof word) {
        memcpy(&word, bytes.ptr + at, sizeof word);
        if (word) {
            break;
        }
    }
    while (at < bytes.len && !bytes.ptr[at]) {
        at++;
    }
    return at;
}

void index_scan(const index_t *index, slice_t bytes, index_fn *fn, void *ctx)
{
    if (bytes.len < KEY_BYTES || !index->count) {
        return;
    }
    size_t at = 0, wide = bytes.len - KEY_BYTES; /* there eight bytes can be read */
    for (; at < wide; at++) {
        uint64_t key;
        memcpy(&key, bytes.ptr + at, sizeof key);
        if (!key) { /* no form begins with so many zeros: on to the last few of them */
            at = index_zeros_end(bytes, at) - KEY_BYTES;
            continue;
        }
        key &= KEY_MASK; /* little-endian: the first seven */
        if (may_begin(index, key)) {
            compare(index, bytes, at, key, fn, ctx);
        }
    }
    uint64_t key = key_load(bytes.ptr + wide);
    if (may_begin(index, key)) {
        compare(index, bytes, wide, key, fn, ctx);
    }
}
