#include "commit.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"

/* The kernel's id of this boot, "xxxxxxxx-xxxx-..."; random where there is none (a bare chroot). */
static id128_t boot_id(void)
{
    id128_t id = id_new();
    char text[36];
    unsigned nibbles = 0;
    FD_SCOPED int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text) != (ssize_t)sizeof text) {
        return id;
    }
    for (size_t i = 0; i < sizeof text && nibbles < 2 * ID_BYTES; i++) {
        static const char DIGITS[] = "0123456789abcdef";
        const char *at = text[i] ? strchr(DIGITS, text[i]) : NULL;
        if (at) {
            unsigned v = (unsigned)(at - DIGITS);
            uint8_t *byte = &id.b[nibbles / 2];
            *byte = (uint8_t)(nibbles % 2 ? *byte | v : v << 4);
            nibbles++;
        }
    }
    return id;
}

static void empty(commit_t *c)
{
    c->body = buf_on(c->mem + FRAME_HEAD, wal_body_max(c->wal));
    c->next = c->durable;
    c->clock = c->durable_clock;
    c->ratchet = c->durable_ratchet;
}

err_t commit_init(commit_t *c, wal_t *wal, uint64_t size)
{
    *c = (commit_t){.wal = wal, .boot = boot_id(), .durable = size};
    c->mem = malloc(FRAME_HEAD + wal_body_max(wal));
    ENSURE(c->mem, ERR_MEMORY);
    empty(c);
    return OK;
}

void commit_ratchet(commit_t *c, const ratchet_t *r)
{
    CHECK(commit_count(c) == 0);
    c->ratchet = c->durable_ratchet = *r;
}

void commit_deinit(commit_t *c)
{
    ratchet_wipe(&c->ratchet);
    ratchet_wipe(&c->durable_ratchet);
    free(c->mem);
    c->mem = NULL;
}

/* a - b, held at the ends: the last leaf was read from a disk. */
static int64_t minus(int64_t a, int64_t b)
{
    int64_t d;
    return !__builtin_sub_overflow(a, b, &d) ? d : a < b ? INT64_MIN / 4 : INT64_MAX / 4;
}

void commit_last_leaf(commit_t *c, const leaf_t *leaf)
{
    int64_t time_us = leaf->entry.time_us;
    c->clock = c->durable_clock =
        (commit_clock_t){true, leaf->boot, time_us, leaf->mono_us, minus(time_us, leaf->mono_us)};
}

/* RATCHET is the first that has one. */
static void put_mac(commit_t *c, ledger_type_t type, size_t begun)
{
    ratchet_t *r = &c->ratchet;
    uint8_t mac[32];
    if (type == LEDGER_RATCHET && r->on && r->first == RATCHET_NONE) {
        r->first = c->next;
    }
    if (!r->on || r->first == RATCHET_NONE || c->body.full) {
        return;
    }
    uint64_t number = r->number;
    ratchet_mac(r, slice_make(c->body.ptr + begun, c->body.len - begun), mac);
    leaf_put_mac(&c->body, number, mac);
}

static err_t put_leaf(commit_t *c, room_id_t room, const ledger_record_t *rec,
                      const leaf_extra_t *extra, int64_t time_us, int64_t mono_us)
{
    leaf_t leaf = {.boot = c->boot, .mono_us = mono_us};
    if (extra) {
        leaf.extra = *extra;
    }
    leaf.entry = (ledger_entry_t){c->next, time_us, (uint16_t)room, *rec};
    size_t begun = leaf_frame_begin(&c->body);
    leaf_put(&c->body, &leaf);
    put_mac(c, rec->type, begun);
    leaf_frame_end(&c->body, begun);
    TRY(buf_check(&c->body));
    c->next++;
    return OK;
}

static err_t put_segment_end(commit_t *c, int64_t time_us, int64_t mono_us)
{
    uint8_t mem[512], vkey_mem[256];
    buf_t facts = BUF_ON_ARRAY(mem), vkey = BUF_ON_ARRAY(vkey_mem);
    leaf_extra_t key = {0};
    uint64_t segment = c->next / c->ends.leaves;
    TRY(c->ends.next(c->ends.ctx, segment + 1, &key, &vkey));
    ledger_fact_i64(&facts, "segment", (int64_t)segment);
    ledger_fact(&facts, "vkey", buf_slice(&vkey));
    TRY(buf_check(&facts));
    ledger_record_t rec = {.type = LEDGER_SEGMENT_END, .facts = buf_slice(&facts)};
    return put_leaf(c, ROOM_LEDGER, &rec, &key, time_us, mono_us);
}

static err_t put_record(commit_t *c, room_id_t room, const ledger_record_t *rec,
                        const leaf_extra_t *extra, int64_t time_us, int64_t mono_us)
{
    if (c->ends.next && c->next % c->ends.leaves == c->ends.leaves - 1) {
        TRY(put_segment_end(c, time_us, mono_us));
    }
    return put_leaf(c, room, rec, extra, time_us, mono_us);
}

err_t commit_prepare(commit_t *c, size_t n)
{
    enum { OWN = 4 }; /* CLOCK_JUMP, SEGMENT_END and the like between them */
    for (uint64_t at = c->next; c->ends.next && at <= c->next + n + OWN; at++) {
        uint8_t mem[256];
        buf_t vkey = BUF_ON_ARRAY(mem);
        leaf_extra_t key;
        if (at % c->ends.leaves == c->ends.leaves - 1) {
            TRY(c->ends.next(c->ends.ctx, at / c->ends.leaves + 1, &key, &vkey));
        }
    }
    return OK;
}

/* True when the clocks moved against each other (or backwards) since the last record. */
static bool jumped(const commit_t *c, int64_t time_us, int64_t mono_us, int64_t *ret_by_us)
{
    const commit_clock_t *k = &c->clock;
    if (!k->known) {
        return false;
    }
    if (!id_eq(k->boot, c->boot)) { /* another boot: only going back can be told */
        *ret_by_us = minus(time_us, k->time_us);
        return *ret_by_us < -COMMIT_JUMP_US;
    }
    *ret_by_us = minus(minus(time_us, mono_us), k->offset_us);
    return *ret_by_us > COMMIT_JUMP_US || *ret_by_us < -COMMIT_JUMP_US || mono_us < k->mono_us;
}

static err_t put_jump(commit_t *c, int64_t by_us, int64_t time_us, int64_t mono_us)
{
    uint8_t mem[64];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact_i64(&facts, "wall_by_us", by_us);
    ledger_record_t rec = {.type = LEDGER_CLOCK_JUMP, .facts = buf_slice(&facts)};
    return put_record(c, ROOM_LEDGER, &rec, NULL, time_us, mono_us);
}

err_t commit_add(commit_t *c, room_id_t room, const ledger_record_t *rec, const leaf_extra_t *extra,
                 uint64_t *ret_seq)
{
    int64_t time_us = clock_wall_us(), mono_us = clock_mono_us(), by_us = 0;
    bool jump = jumped(c, time_us, mono_us, &by_us);
    bool boot = !c->clock.known || !id_eq(c->clock.boot, c->boot);
    if (jump) {
        __atomic_store_n(&c->jump_us, mono_us, __ATOMIC_RELEASE);
        TRY(put_jump(c, by_us, time_us, mono_us));
    }
    TRY(put_record(c, room, rec, extra, time_us, mono_us));
    int64_t offset_us = jump || boot ? time_us - mono_us : c->clock.offset_us;
    c->clock = (commit_clock_t){true, c->boot, time_us, mono_us, offset_us};
    if (ret_seq) {
        *ret_seq = c->next - 1;
    }
    return OK;
}

err_t commit_flush(commit_t *c, group_t **ret_group)
{
    uint32_t count = commit_count(c);
    CHECK(count > 0);
    group_t *g = group_new(c->durable, count, buf_slice(&c->body));
    err_t e = g ? wal_write(c->wal, c->mem, c->body.len, c->durable, count) : FAIL(ERR_MEMORY);
    if (err_failed(e)) {
        free(g);
        empty(c);
        return e;
    }
    c->durable = c->next;
    c->durable_clock = c->clock;
    c->durable_ratchet = c->ratchet;
    empty(c);
    *ret_group = g;
    return OK;
}
