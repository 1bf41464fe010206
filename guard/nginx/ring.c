#include "ring.h"

#include <sys/mman.h>

typedef struct shared {
    ngx_atomic_t orphans;
} shared_t;

static ring_t *rings;
static size_t ring_count;
static shared_t *shared; /* made once: outlives configurations */

static void *map(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

/* A new configuration gets rings of its own: the workers that leave still use the old ones, which
 * stay mapped in them. */
ngx_int_t guard_ring_make(ngx_cycle_t *cycle)
{
    ngx_core_conf_t *core = (ngx_core_conf_t *)ngx_get_conf(cycle->conf_ctx, ngx_core_module);
    if (ngx_test_config) {
        return NGX_OK;
    }
    size_t count = core->worker_processes > 0 ? (size_t)core->worker_processes : 1;
    ring_t *fresh = map(count * sizeof *fresh);
    shared = shared ? shared : map(sizeof *shared);
    if (!fresh || !shared) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno, "sekisho: no memory for records");
        return NGX_ERROR;
    }
    if (rings) {
        munmap(rings, ring_count * sizeof *rings);
    }
    rings = fresh;
    ring_count = count;
    return NGX_OK;
}

ring_t *guard_ring_attach(bool *ret_died)
{
    if (ngx_worker >= ring_count) {
        return NULL;
    }
    ring_t *ring = &rings[ngx_worker];
    *ret_died = ring->attached;
    ring->attached = true;
    return ring;
}

void guard_ring_detach(ring_t *ring)
{
    uint32_t kept = 0;
    uint64_t behind;
    for (uint64_t at = ring->kept.first; guard_kept_at(&ring->kept, at, &behind).len; at = behind) {
        kept++;
    }
    for (size_t i = 0; i < KEPT_LOSSES; i++) {
        kept += ring->kept.lost[i];
        ring->kept.lost[i] = 0;
    }
    (void)ngx_atomic_fetch_add(&shared->orphans, guard_ring_count(ring) + ring->lost + kept);
    ring->kept.first = ring->kept.next;
    ring->first = ring->next;
    ring->lost = 0;
    ring->attached = false;
}

uint32_t guard_ring_orphans(void)
{
    ngx_atomic_uint_t n = shared->orphans;
    return n && ngx_atomic_cmp_set(&shared->orphans, n, 0) ? (uint32_t)n : 0;
}

size_t guard_ring_count(const ring_t *ring)
{
    return (size_t)(ring->next - ring->first);
}

/* A worker may be killed between any two instructions: the slot is whole before it counts, and
 * each change of the ring is one store. */
bool guard_ring_put(ring_t *ring, const ledger_record_t *record)
{
    if (guard_ring_count(ring) == RING_SLOTS) {
        return false;
    }
    ring_slot_t *slot = &ring->slot[ring->next % RING_SLOTS];
    buf_t out = buf_on(slot->bytes, RING_SLOT_BYTES);
    ledger_record_put(&out, record);
    if (err_failed(buf_check(&out))) { /* facts are bounded far below a slot: a fault of ours */
        return false;
    }
    slot->len = (uint16_t)out.len;
    ngx_memory_barrier();
    ring->next++;
    return true;
}

const ring_slot_t *guard_ring_at(const ring_t *ring, size_t i)
{
    return &ring->slot[(ring->first + i) % RING_SLOTS];
}

void guard_ring_drop(ring_t *ring, size_t n)
{
    ngx_memory_barrier();
    ring->first += n;
}

/* ---- evidence ---- */

enum { KEPT_HEAD = 4, KEPT_WRAP = 0x7fffffff, KEPT_RECORD_MAX = LEDGER_PAYLOAD_MAX + 4096 };

static size_t kept_padded(size_t len)
{
    return KEPT_HEAD + ((len + 3) & ~(size_t)3);
}

static uint32_t kept_len(const kept_queue_t *q, uint64_t place)
{
    uint32_t len;
    memcpy(&len, q->bytes + place % RING_KEPT_BYTES, sizeof len);
    return len;
}

/* A record lies in one piece: what does not fit before the end begins anew at the front. */
bool guard_kept_put(kept_queue_t *q, const ledger_record_t *record)
{
    static uint8_t mem[KEPT_RECORD_MAX];
    buf_t out = BUF_ON_ARRAY(mem);
    ledger_record_put(&out, record);
    if (err_failed(buf_check(&out))) {
        return false;
    }
    size_t need = kept_padded(out.len), end = RING_KEPT_BYTES - q->next % RING_KEPT_BYTES;
    size_t skip = need > end ? end : 0;
    if (RING_KEPT_BYTES - (q->next - q->first) < need + skip) {
        return false;
    }
    uint32_t wrap = KEPT_WRAP, len = (uint32_t)out.len;
    if (skip) {
        memcpy(q->bytes + q->next % RING_KEPT_BYTES, &wrap, sizeof wrap);
    }
    uint8_t *at = q->bytes + (q->next + skip) % RING_KEPT_BYTES;
    memcpy(at, &len, sizeof len);
    memcpy(at + KEPT_HEAD, out.ptr, out.len);
    ngx_memory_barrier();
    q->next += need + skip;
    return true;
}

slice_t guard_kept_at(const kept_queue_t *q, uint64_t place, uint64_t *ret_behind)
{
    if (place != q->next && kept_len(q, place) == KEPT_WRAP) {
        place += RING_KEPT_BYTES - place % RING_KEPT_BYTES;
    }
    *ret_behind = place;
    if (place == q->next) {
        return SLICE_EMPTY;
    }
    uint32_t len = kept_len(q, place);
    *ret_behind = place + kept_padded(len);
    return slice_make(q->bytes + place % RING_KEPT_BYTES + KEPT_HEAD, len);
}
