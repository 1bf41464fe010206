#include "collect.h"

#include <sodium.h>
#include <string.h>

#include "base/id.h"

enum { COLLECT_MAGIC = 0x5e4b1c01 };

/* One value. tag 0: free. A process may be killed at any point, so a slot counts only when its tag
 * is set, and the tag is written last. */
typedef struct slot {
    uint64_t tag;
    int64_t expires_us, touched_us;
    uint16_t value_len;
    uint8_t name_len, unused;
    uint8_t name[COLLECT_NAME_MAX];
    uint8_t value[COLLECT_VALUE_MAX];
} slot_t;

struct collect {
    uint32_t magic, unused;
    uint64_t bytes, buckets, evicted;
    uint8_t key[crypto_shorthash_KEYBYTES];
    _Alignas(16) slot_t slots[];
};

_Static_assert(sizeof(slot_t) == 256, "a slot is four cache lines");

err_t collect_init(void *mem, size_t bytes, collect_t **ret_table)
{
    ENSURE(bytes >= COLLECT_MIN_BYTES, ERR_LIMIT);
    collect_t *t = mem;
    memset(mem, 0, bytes);
    t->bytes = bytes;
    t->buckets = (bytes - sizeof *t) / (sizeof(slot_t) * COLLECT_WAYS);
    random_bytes(t->key, sizeof t->key);
    t->magic = COLLECT_MAGIC;
    *ret_table = t;
    return OK;
}

err_t collect_attach(void *mem, size_t bytes, collect_t **ret_table)
{
    collect_t *t = mem;
    ENSURE(bytes >= COLLECT_MIN_BYTES && t->magic == COLLECT_MAGIC && t->bytes == bytes,
           ERR_CORRUPT);
    *ret_table = t;
    return OK;
}

static void locked(const collect_view_t *v)
{
    if (v->lock) {
        v->lock(v->lock_user);
    }
}

static err_t unlocked(const collect_view_t *v, err_t e)
{
    if (v->unlock) {
        v->unlock(v->lock_user);
    }
    return e;
}

/* Collection name and key, apart by a byte that no name of a collection holds. */
static uint64_t tag_of(const collect_t *t, slice_t collection, slice_t key)
{
    uint8_t mem[512], out[crypto_shorthash_BYTES];
    buf_t b = BUF_ON_ARRAY(mem);
    uint64_t tag;
    buf_put(&b, slice_sub(collection, 0, 64));
    buf_u8(&b, 0);
    if (key.len > 400) { /* a long key by its hash: two of them never share a place */
        crypto_generichash(buf_room(&b, 32), 32, key.ptr, key.len, t->key, sizeof t->key);
    } else {
        buf_put(&b, key);
    }
    crypto_shorthash(out, b.ptr, b.len, t->key);
    memcpy(&tag, out, sizeof tag);
    return tag ? tag : 1;
}

static slot_t *bucket_of(collect_t *t, uint64_t tag)
{
    return &t->slots[(tag % t->buckets) * COLLECT_WAYS];
}

static bool is_live(const slot_t *s, int64_t now_us)
{
    return s->tag && s->expires_us > now_us;
}

static slice_t name_of(const slot_t *s)
{
    return slice_make(s->name, s->name_len <= COLLECT_NAME_MAX ? s->name_len : 0);
}

static slice_t value_of(const slot_t *s)
{
    return slice_make(s->value, s->value_len <= COLLECT_VALUE_MAX ? s->value_len : 0);
}

static slot_t *find(collect_t *t, uint64_t tag, slice_t name, int64_t now_us)
{
    slot_t *bucket = bucket_of(t, tag);
    for (size_t i = 0; i < COLLECT_WAYS; i++) {
        if (bucket[i].tag == tag && is_live(&bucket[i], now_us) &&
            slice_eq_nocase(name_of(&bucket[i]), name)) {
            return &bucket[i];
        }
    }
    return NULL;
}

/* A slot for a new value: a free or expired one, else the one touched longest ago. */
static slot_t *place(collect_t *t, uint64_t tag, int64_t now_us)
{
    slot_t *bucket = bucket_of(t, tag), *oldest = bucket;
    for (size_t i = 0; i < COLLECT_WAYS; i++) {
        if (!is_live(&bucket[i], now_us)) {
            return &bucket[i];
        }
        oldest = bucket[i].touched_us < oldest->touched_us ? &bucket[i] : oldest;
    }
    t->evicted++;
    return oldest;
}

static int64_t end_of(int64_t now_us, int64_t ttl_us)
{
    int64_t at;
    return ttl_us <= 0 || __builtin_add_overflow(now_us, ttl_us, &at) ? INT64_MAX : at;
}

static void write_value(slot_t *s, slice_t value, int64_t now_us)
{
    size_t len = value.len < COLLECT_VALUE_MAX ? value.len : COLLECT_VALUE_MAX;
    if (len) {
        memcpy(s->value, value.ptr, len);
    }
    s->value_len = (uint16_t)len;
    s->touched_us = now_us;
}

static void create(collect_t *t, uint64_t tag, slice_t name, slice_t value, int64_t now_us,
                   int64_t ttl_us)
{
    slot_t *s = place(t, tag, now_us);
    s->tag = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    memset(s->name, 0, sizeof s->name);
    memcpy(s->name, name.ptr, name.len);
    s->name_len = (uint8_t)name.len;
    s->expires_us = end_of(now_us, ttl_us);
    write_value(s, value, now_us);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    s->tag = tag;
}

static err_t store_get(void *user, slice_t collection, slice_t key, slice_t name, int64_t now_us,
                       arena_t *arena, slice_t *ret_value)
{
    const collect_view_t *v = user;
    uint8_t mem[COLLECT_VALUE_MAX];
    buf_t copy = BUF_ON_ARRAY(mem);
    uint64_t tag = tag_of(v->table, collection, key);
    locked(v);
    slot_t *s = find(v->table, tag, name, now_us);
    if (!s) {
        return unlocked(v, FAIL(ERR_NOT_FOUND));
    }
    buf_put(&copy, value_of(s));
    TRY(unlocked(v, OK));
    return arena_copy(arena, buf_slice(&copy), ret_value);
}

static err_t store_put(void *user, slice_t collection, slice_t key, slice_t name, slice_t value,
                       int64_t now_us, int64_t ttl_us)
{
    const collect_view_t *v = user;
    ENSURE(name.len > 0 && name.len <= COLLECT_NAME_MAX, ERR_LIMIT);
    uint64_t tag = tag_of(v->table, collection, key);
    locked(v);
    slot_t *s = find(v->table, tag, name, now_us);
    if (s) {
        write_value(s, value, now_us);
        s->expires_us = end_of(now_us, ttl_us);
    } else {
        create(v->table, tag, name, value, now_us, ttl_us);
    }
    return unlocked(v, OK);
}

/* Text that is no number counts as 0, sums stop at the ends of the range. */
static int64_t sum_of(slice_t value, int64_t delta)
{
    int64_t old = 0, sum;
    if (err_failed(slice_parse_i64(value, -INT64_MAX, INT64_MAX, &old))) {
        old = 0;
    }
    if (__builtin_add_overflow(old, delta, &sum)) {
        sum = delta < 0 ? -INT64_MAX : INT64_MAX;
    }
    return sum == INT64_MIN ? -INT64_MAX : sum; /* what can be read back */
}

static err_t store_add(void *user, slice_t collection, slice_t key, slice_t name, int64_t delta,
                       int64_t now_us, int64_t ttl_us, int64_t *ret_value)
{
    const collect_view_t *v = user;
    uint8_t mem[24];
    buf_t text = BUF_ON_ARRAY(mem);
    ENSURE(name.len > 0 && name.len <= COLLECT_NAME_MAX, ERR_LIMIT);
    uint64_t tag = tag_of(v->table, collection, key);
    locked(v);
    slot_t *s = find(v->table, tag, name, now_us);
    int64_t sum = sum_of(s ? value_of(s) : SLICE_EMPTY, delta);
    buf_dec(&text, sum);
    if (s) {
        write_value(s, buf_slice(&text), now_us);
    } else {
        create(v->table, tag, name, buf_slice(&text), now_us, ttl_us);
    }
    *ret_value = sum;
    return unlocked(v, OK);
}

static err_t store_remove(void *user, slice_t collection, slice_t key, slice_t name)
{
    const collect_view_t *v = user;
    uint64_t tag = tag_of(v->table, collection, key);
    locked(v);
    slot_t *s = find(v->table, tag, name, INT64_MIN);
    if (s) {
        s->tag = 0;
    }
    return unlocked(v, OK);
}

static err_t store_expire(void *user, slice_t collection, slice_t key, slice_t name, int64_t at_us)
{
    const collect_view_t *v = user;
    uint64_t tag = tag_of(v->table, collection, key);
    locked(v);
    slot_t *s = find(v->table, tag, name, INT64_MIN);
    if (s) {
        s->expires_us = at_us;
    }
    return unlocked(v, OK);
}

/* Copies under the lock, calls without it. */
static err_t store_each(void *user, slice_t collection, slice_t key, int64_t now_us, arena_t *arena,
                        void *each_user,
                        err_t (*each)(void *each_user, slice_t name, slice_t value))
{
    const collect_view_t *v = user;
    slot_t copies[COLLECT_WAYS];
    size_t n = 0;
    uint64_t tag = tag_of(v->table, collection, key);
    locked(v);
    const slot_t *bucket = bucket_of(v->table, tag);
    for (size_t i = 0; i < COLLECT_WAYS; i++) {
        if (bucket[i].tag == tag && is_live(&bucket[i], now_us)) {
            copies[n++] = bucket[i];
        }
    }
    TRY(unlocked(v, OK));
    for (size_t i = 0; i < n; i++) {
        slice_t name, value;
        TRY(arena_copy(arena, name_of(&copies[i]), &name));
        TRY(arena_copy(arena, value_of(&copies[i]), &value));
        TRY(each(each_user, name, value));
    }
    return OK;
}

engine_store_t collect_store(const collect_view_t *view)
{
    union { /* the engine's user pointer is not const; nothing writes through it */
        const collect_view_t *ro;
        void *rw;
    } at = {.ro = view};
    return (engine_store_t){.user = at.rw,
                            .get = store_get,
                            .put = store_put,
                            .add = store_add,
                            .remove = store_remove,
                            .expire = store_expire,
                            .each = store_each};
}

/* Without the lock: figures for people. */
collect_stats_t collect_stats(const collect_view_t *view, int64_t now_us)
{
    const collect_t *t = view->table;
    collect_stats_t stats = {.slots = t->buckets * COLLECT_WAYS, .evicted = t->evicted};
    for (size_t i = 0; i < stats.slots; i++) {
        stats.used += is_live(&t->slots[i], now_us);
    }
    return stats;
}
