/* Where nothing is proved. Told by the records themselves, each found with the same completeness as
 * anything else. */
#include "boundary.h"

enum { LOOK_BACK = 4096, ROOMS = 64 };

enum { TYPE_START = 2, TYPE_STOP = 3, TYPE_GAP = 4, TYPE_JUMP = 5 };

err_t boundary_keep(boundaries_t *b, const boundary_t *row)
{
    if (b->count == b->cap) {
        size_t cap = b->cap ? 2 * b->cap : 16;
        boundary_t *more = ARENA_ARRAY(&b->q->arena, boundary_t, cap);
        ENSURE(more, ERR_MEMORY);
        if (b->count) {
            memcpy(more, b->rows, b->count * sizeof *more);
        }
        b->rows = more;
        b->cap = cap;
    }
    b->rows[b->count++] = *row;
    return OK;
}

err_t boundary_add(boundaries_t *b, const boundary_t *row)
{
    bool outside = row->from_us > b->to_us || row->to_us < b->from_us;
    return outside ? OK : boundary_keep(b, row);
}

/* When the room was heard of last before this record. Nothing within reach: the time asked for is
 * taken from its start. */
static err_t heard_before(boundaries_t *b, const query_record_t *r, bool any_room, int64_t *ret_us)
{
    uint64_t stop = r->seq > LOOK_BACK ? r->seq - LOOK_BACK : 0;
    stop = stop > b->q->first ? stop : b->q->first;
    *ret_us = b->from_us;
    for (uint64_t seq = r->seq; seq > stop; seq--) {
        const query_record_t *earlier;
        TRY(store_record(b->q, seq - 1, &earlier));
        if (any_room || earlier->room == r->room) {
            *ret_us = earlier->time_us < r->time_us ? earlier->time_us : r->time_us;
            return OK;
        }
    }
    return OK;
}

static err_t all_of(query_t *q, unsigned type, const query_record_t ***ret, size_t *ret_n)
{
    return query_find(q, &(query_ask_t){QUERY_ALWAYS, .type = type}, ret, ret_n);
}

static err_t gaps(boundaries_t *b)
{
    const query_record_t **list;
    size_t n;
    TRY(all_of(b->q, TYPE_GAP, &list, &n));
    for (size_t i = 0; i < n; i++) {
        boundary_t row = {.kind = BOUNDARY_GAP,
                          .room = list[i]->room,
                          .to_us = list[i]->time_us,
                          .count = list[i]->count,
                          .seq = list[i]->seq};
        if (!row.count) { /* nothing was lost: some records may stand twice */
            continue;
        }
        TRY(heard_before(b, list[i], false, &row.from_us));
        TRY(boundary_add(b, &row));
    }
    return OK;
}

/* Starts and stops of all rooms in their order. */
static err_t lives(boundaries_t *b)
{
    const query_record_t **starts, **stops;
    size_t start_n, stop_n, k = 0;
    bool running[ROOMS] = {false};
    int64_t stopped_us = INT64_MIN;
    TRY(all_of(b->q, TYPE_START, &starts, &start_n));
    TRY(all_of(b->q, TYPE_STOP, &stops, &stop_n));
    for (size_t i = 0; i < start_n; i++) {
        const query_record_t *r = starts[i];
        boundary_t row = {.room = r->room, .to_us = r->time_us, .seq = r->seq};
        for (; k < stop_n && stops[k]->seq < r->seq; k++) {
            running[stops[k]->room % ROOMS] = false;
            stopped_us = stops[k]->room == VROOM_LEDGER ? stops[k]->time_us : stopped_us;
        }
        bool ledger = r->room == VROOM_LEDGER;
        if (running[r->room % ROOMS]) {
            row.kind = BOUNDARY_DIED;
            TRY(heard_before(b, r, ledger, &row.from_us));
            TRY(boundary_add(b, &row));
        } else if (ledger && stopped_us != INT64_MIN) {
            row.kind = BOUNDARY_DOWN;
            row.from_us = stopped_us;
            TRY(boundary_add(b, &row));
        }
        running[r->room % ROOMS] = true;
    }
    return OK;
}

static err_t clocks(boundaries_t *b)
{
    const query_record_t **list;
    size_t n;
    TRY(all_of(b->q, TYPE_JUMP, &list, &n));
    for (size_t i = 0; i < n; i++) {
        uint8_t mem[32];
        buf_t by = BUF_ON_ARRAY(mem);
        int64_t by_us = 0;
        boundary_t row = {.kind = BOUNDARY_CLOCK, .room = list[i]->room, .seq = list[i]->seq};
        if (query_fact(list[i], "wall_by_us", &by)) {
            err_ignore(slice_parse_i64(buf_slice(&by), INT64_MIN / 4, INT64_MAX / 4, &by_us));
        }
        int64_t before_us = list[i]->time_us - by_us;
        row.from_us = before_us < list[i]->time_us ? before_us : list[i]->time_us;
        row.to_us = before_us < list[i]->time_us ? list[i]->time_us : before_us;
        row.count = (uint64_t)((row.to_us - row.from_us) / 1000000);
        TRY(boundary_add(b, &row));
    }
    return OK;
}

static err_t ends(boundaries_t *b)
{
    query_scope_t s = query_scope(b->q);
    if (s.first) {
        TRY(boundary_add(b, &(boundary_t){.kind = BOUNDARY_PRUNED,
                                          .from_us = INT64_MIN,
                                          .to_us = s.first_us,
                                          .count = s.first}));
    } else if (b->from_us < s.first_us) {
        TRY(boundary_add(
            b, &(boundary_t){.kind = BOUNDARY_BEFORE, .from_us = b->from_us, .to_us = s.first_us}));
    }
    return b->to_us > s.last_us ? boundary_add(b, &(boundary_t){.kind = BOUNDARY_AFTER,
                                                                .from_us = s.last_us,
                                                                .to_us = b->to_us})
                                : OK;
}

static int row_order(const void *a, const void *b)
{
    const boundary_t *x = a, *y = b;
    return x->from_us != y->from_us ? (x->from_us > y->from_us) - (x->from_us < y->from_us)
                                    : (x->seq > y->seq) - (x->seq < y->seq);
}

err_t boundary_make(boundaries_t *b)
{
    TRY(ends(b));
    TRY(gaps(b));
    TRY(lives(b));
    TRY(clocks(b));
    if (b->count) {
        qsort(b->rows, b->count, sizeof *b->rows, row_order);
    }
    return OK;
}

err_t query_boundary(query_t *q, int64_t from_us, int64_t to_us, boundary_t **ret_rows,
                     size_t *ret_count)
{
    boundaries_t b = {.q = q, .from_us = from_us, .to_us = to_us};
    TRY(boundary_make(&b));
    *ret_rows = b.rows;
    *ret_count = b.count;
    return OK;
}

const char *boundary_kind_name(boundary_kind_t kind)
{
    static const char *const NAMES[] = {"gap",    "died",  "down",   "clock",
                                        "before", "after", "pruned", "exposure"};
    return kind < BASE_COUNT(NAMES) ? NAMES[kind] : "unknown";
}
