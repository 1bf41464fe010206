#include "entries.h"

#include "bundle.h"

enum { GROUPS_FIRST = 1024 };

void entries_init(entries_t *e, int public_dir, uint64_t size)
{
    *e = (entries_t){.public_dir = public_dir, .sealed = size, .size = size};
    arena_init(&e->bundle_mem, BUNDLE_ARENA);
}

void entries_deinit(entries_t *e)
{
    for (size_t i = 0; i < e->count; i++) {
        free(e->groups[i]);
    }
    free(e->groups);
    arena_deinit(&e->bundle_mem);
    *e = (entries_t){.public_dir = -1};
}

err_t entries_push(entries_t *e, group_t *group)
{
    CHECK(group->first_seq == e->size);
    if (e->count == e->cap) {
        size_t cap = e->cap ? 2 * e->cap : GROUPS_FIRST;
        group_t **groups = realloc(e->groups, cap * sizeof(group_t *));
        ENSURE(groups, ERR_MEMORY);
        e->groups = groups;
        e->cap = cap;
    }
    e->groups[e->count++] = group;
    e->bytes += group->len;
    e->total_bytes += group->len;
    e->size += group->count;
    group->end_bytes = e->total_bytes;
    return OK;
}

/* The group that holds seq, or NULL when it is older than all of them. */
static const group_t *find_group(const entries_t *e, uint64_t seq)
{
    size_t low = 0, high = e->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (e->groups[mid]->first_seq <= seq) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low ? e->groups[low - 1] : NULL;
}

void entries_sealed(entries_t *e, uint64_t size)
{
    const group_t *last = size ? find_group(e, size - 1) : NULL;
    e->sealed = size;
    if (last) {
        e->sealed_bytes = last->end_bytes;
    }
    if (e->bytes <= 2 * ENTRIES_KEEP) { /* in large steps: moving the array is not free */
        return;
    }
    size_t gone = 0;
    while (gone < e->count && e->bytes > ENTRIES_KEEP &&
           e->groups[gone]->first_seq + e->groups[gone]->count <= size) {
        e->bytes -= e->groups[gone]->len;
        free(e->groups[gone++]);
    }
    e->count -= gone;
    memmove(e->groups, e->groups + gone, e->count * sizeof(group_t *));
}

static err_t load_bundle(entries_t *e, uint64_t number)
{
    unsigned width = number < e->sealed / TREE_TILE ? (unsigned)TREE_TILE : tree_edge(e->sealed, 0);
    if (e->bundle_width == width && e->bundle_number == number) {
        return OK;
    }
    e->bundle_width = 0;
    arena_reset(&e->bundle_mem);
    TRY(bundle_read(e->public_dir, number, width, &e->bundle_mem, &e->bundle));
    e->bundle_number = number;
    e->bundle_width = width;
    return OK;
}

static err_t skip_leaves(cursor_t *c, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        leaf_next(c);
    }
    ENSURE(!c->bad, ERR_CORRUPT);
    return OK;
}

err_t entries_run(entries_t *e, uint64_t seq, cursor_t *ret_run, uint64_t *ret_end)
{
    const group_t *g = find_group(e, seq);
    cursor_t run;
    CHECK(seq < e->size);
    if (g) {
        run = cur_on(slice_make(g->body, g->len));
        TRY(skip_leaves(&run, seq - g->first_seq));
        *ret_end = g->first_seq + g->count;
    } else {
        TRY(load_bundle(e, seq / TREE_TILE));
        run = cur_on(e->bundle);
        TRY(skip_leaves(&run, seq % TREE_TILE));
        *ret_end = seq - seq % TREE_TILE + e->bundle_width;
    }
    *ret_run = run;
    return OK;
}
