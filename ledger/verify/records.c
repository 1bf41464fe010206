/* What the records themselves tell, read in their order: whose key signs from where on, orders to
 * preserve and what was removed all the same, MACs, restarts, gaps, clocks. */
#include "verify.h"

static const int64_t DAY_US = INT64_C(86400) * 1000 * 1000;
enum { DAYS_MAX = 1000000 };
enum { STEP_US = 2 * 1000 * 1000, TAG_BOOT = 3, TAG_OBJECT = 0x11, LINKS_MAX = 1 << 20 };
enum {
    ROOM_OF_LEDGER = 5,
    ROOM_OF_OFFICE = 7,
    ROOM_OF_TEST = 9,
    LEAVES = 65536,
    LEAVES_SMALL = 256
};
enum {
    TYPE_GENESIS = 1,
    TYPE_START,
    TYPE_STOP,
    TYPE_GAP,
    TYPE_JUMP,
    TYPE_RESTORED = 7,
    TYPE_SEGMENT_END,
    TYPE_RATCHET,
    TYPE_PRUNED,
    TYPE_HOLD,
    TYPE_RELEASED
};

void vrecords_init(vrecords_t *v, report_t *r)
{
    *v = (vrecords_t){.r = r, .leaves = LEAVES};
}

void vrecords_free(vrecords_t *v)
{
    free(v->links);
    v->links = NULL;
}

static void tampered(vrecords_t *v, const vleaf_t *leaf, const char *what)
{
    report_fault(v->r, VERDICT_TAMPERED, (int64_t)leaf->seq, "%s", what);
}

static bool fact_u64(const vleaf_t *leaf, const char *key, uint64_t *ret_value)
{
    uint8_t mem[32];
    buf_t text = BUF_ON_ARRAY(mem);
    return vleaf_fact(leaf, key, &text) &&
           !err_failed(slice_parse_u64(buf_slice(&text), INT64_MAX, ret_value));
}

/* ---- time: facts, not verdicts ---- */

/* a - b; leaves are not to be trusted, so it stops at the ends of what can be said. */
static int64_t minus(int64_t a, int64_t b)
{
    int64_t d;
    return !__builtin_sub_overflow(a, b, &d) ? d : a < b ? INT64_MIN / 4 : INT64_MAX / 4;
}

static void time_step(vrecords_t *v, const vleaf_t *leaf)
{
    report_t *r = v->r;
    bool same_boot = v->any && memcmp(v->boot, leaf->value[TAG_BOOT].ptr, sizeof v->boot) == 0;
    int64_t wall = minus(leaf->time_us, v->time_us), mono = minus(leaf->mono_us, v->mono_us);
    bool odd = v->any &&
               (same_boot ? mono < 0 || minus(wall, mono) > STEP_US || minus(mono, wall) > STEP_US
                          : wall < -STEP_US);
    if (odd && leaf->type != TYPE_JUMP) {
        r->unexplained++;
    }
    r->boots += !same_boot;
    r->first_us = v->any ? r->first_us : leaf->time_us;
    r->last_us = leaf->time_us;
    memcpy(v->boot, leaf->value[TAG_BOOT].ptr, sizeof v->boot);
    v->time_us = leaf->time_us;
    v->mono_us = leaf->mono_us;
    v->any = true;
}

static void life_step(vrecords_t *v, const vleaf_t *leaf)
{
    report_t *r = v->r;
    if (leaf->type == TYPE_GAP) {
        r->gaps++;
        r->lost += leaf->count;
    }
    r->jumps += leaf->type == TYPE_JUMP;
    if (leaf->room == ROOM_OF_LEDGER && leaf->type == TYPE_START) {
        r->starts++;
        r->unclean += v->running;
        v->running = true;
    } else if (leaf->room == ROOM_OF_LEDGER && leaf->type == TYPE_STOP) {
        v->running = false;
    }
}

/* ---- the chain of keys ---- */

static vlink_t *last_link(vrecords_t *v)
{
    return v->link_count ? &v->links[v->link_count - 1] : NULL;
}

static bool link_add(vrecords_t *v, slice_t vkey)
{
    vlink_t next = {.end = UINT64_MAX};
    if (err_failed(vkey_parse(vkey, &next.key))) {
        return false;
    }
    if (v->link_count == v->link_cap) {
        v->link_cap = v->link_cap ? 2 * v->link_cap : 16;
        CHECK(v->link_cap <= LINKS_MAX);
        v->links = realloc(v->links, v->link_cap * sizeof *v->links);
        CHECK(v->links);
    }
    v->links[v->link_count++] = next;
    return true;
}

static void genesis_step(vrecords_t *v, const vleaf_t *leaf)
{
    uint8_t mem[512], small_mem[16];
    buf_t vkey = BUF_ON_ARRAY(mem), small = BUF_ON_ARRAY(small_mem);
    if (leaf->type != TYPE_GENESIS || leaf->room != ROOM_OF_LEDGER ||
        !vleaf_fact(leaf, "vkey", &vkey) || !link_add(v, buf_slice(&vkey))) {
        tampered(v, leaf, "the first record does not name this key");
    } else if (vleaf_fact(leaf, "segment", &small)) {
        v->leaves = LEAVES_SMALL;
        if (!slice_eq(buf_slice(&small), SLICE("256"))) {
            report_fault(v->r, VERDICT_INCOMPLETE, 0, "segments of a size not known here");
        }
    }
}

/* The old key must have signed the new one and the number of records it took over. */
static bool hand_over_holds(const vleaf_t *leaf, slice_t before, slice_t vkey, uint64_t *ret_end)
{
    uint8_t mem[2][256], text_mem[1024];
    buf_t records = BUF_ON_ARRAY(mem[0]), sig64 = BUF_ON_ARRAY(mem[1]);
    buf_t text = BUF_ON_ARRAY(text_mem);
    vkey_t key;
    if (!vleaf_fact(leaf, "records", &records) || !vleaf_fact(leaf, "sig", &sig64) ||
        err_failed(slice_parse_u64(buf_slice(&records), INT64_MAX, ret_end)) ||
        *ret_end > leaf->seq || err_failed(vkey_parse(before, &key))) {
        return false;
    }
    buf_cstr(&text, "sekisho ledger epoch v1\n");
    buf_put(&text, before);
    buf_u8(&text, '\n');
    buf_put(&text, vkey);
    buf_u8(&text, '\n');
    buf_put(&text, buf_slice(&records));
    buf_u8(&text, '\n');
    return !text.full && vkey_signed(&key, buf_slice(&text), buf_slice(&sig64));
}

bool vrecords_hand_over(const vleaf_t *leaf)
{
    uint8_t mem[2][512];
    buf_t before = BUF_ON_ARRAY(mem[0]), vkey = BUF_ON_ARRAY(mem[1]);
    uint64_t end;
    return vleaf_fact(leaf, "before", &before) && vleaf_fact(leaf, "vkey", &vkey) &&
           hand_over_holds(leaf, buf_slice(&before), buf_slice(&vkey), &end);
}

static void restored_step(vrecords_t *v, const vleaf_t *leaf)
{
    uint8_t mem[2][512];
    buf_t before = BUF_ON_ARRAY(mem[0]), vkey = BUF_ON_ARRAY(mem[1]);
    vlink_t *last = last_link(v);
    uint64_t end = 0;
    bool said = vleaf_fact(leaf, "before", &before) && vleaf_fact(leaf, "vkey", &vkey) &&
                hand_over_holds(leaf, buf_slice(&before), buf_slice(&vkey), &end);
    slice_t now = last ? slice_cstr_in(last->key.text) : SLICE_EMPTY;
    if (v->mac_restart && end == v->mac_first) {
        v->mac_restart = false;
    }
    if (v->unended && end < v->unended) {
        v->unended = 0;
    }
    v->restored_seq = leaf->seq;
    if (said && slice_eq(buf_slice(&vkey), now)) {
        return; /* written twice: a crash stood between the record and the note of it */
    }
    if (!said || !slice_eq(buf_slice(&before), now) || !link_add(v, buf_slice(&vkey))) {
        tampered(v, leaf, "the key before did not hand over to the one that this record names");
        return;
    }
    last = &v->links[v->link_count - 2];
    last->end = end;
    last->restored = true;
    v->r->restores++;
}

/* Tag 30 and the fact say one key, under the same name; it stands on a segment's last place. */
static void segment_step(vrecords_t *v, const vleaf_t *leaf)
{
    uint8_t mem[512];
    buf_t text = BUF_ON_ARRAY(mem);
    vlink_t *last = last_link(v);
    uint64_t segment = 0;
    slice_t tag = leaf->value[VLEAF_NOTE_KEY];
    bool said = last && tag.len == 36 && (leaf->seq + 1) % v->leaves == 0 &&
                fact_u64(leaf, "segment", &segment) && segment == leaf->seq / v->leaves &&
                vleaf_fact(leaf, "vkey", &text) && link_add(v, buf_slice(&text));
    const vkey_t *next = said ? &last_link(v)->key : NULL;
    last = said ? &v->links[v->link_count - 2] : NULL;
    if (!said || strcmp(next->name, last->key.name) != 0 || memcmp(next->id, tag.ptr, 4) != 0 ||
        memcmp(next->key, tag.ptr + 4, sizeof next->key) != 0) {
        tampered(v, leaf, "the end of a segment does not name the next key as it must");
        return;
    }
    last->end = leaf->seq + 1;
    last->end_us = leaf->time_us;
    v->segments_on = v->ended = true;
    v->r->segments++;
}

const vlink_t *vrecords_signer(const vrecords_t *v, slice_t note, vcheckpoint_t *ret_cp)
{
    for (size_t i = v->link_count; i-- > 0;) {
        err_t e = vnote_open(note, &v->links[i].key, ret_cp);
        if (!err_failed(e) || err_is(e, ERR_CRYPTO)) {
            return err_failed(e) ? NULL : &v->links[i];
        }
    }
    return NULL;
}

/* ---- orders to preserve, and what was removed ---- */

static void hold_step(vrecords_t *v, const vleaf_t *leaf)
{
    slice_t id = leaf->value[TAG_OBJECT];
    bool again = leaf->room == ROOM_OF_LEDGER && leaf->type == TYPE_HOLD; /* after a crash */
    if ((!again && (leaf->room < ROOM_OF_OFFICE || leaf->room > ROOM_OF_TEST)) || id.len != 16) {
        tampered(v, leaf, "an order to preserve by nobody who may give or lift one");
        return;
    }
    for (size_t i = 0; i < v->hold_count; i++) {
        if (memcmp(v->holds[i], id.ptr, id.len) == 0) {
            memmove(v->holds[i], v->holds[--v->hold_count], id.len);
            i--;
        }
    }
    if (leaf->type == TYPE_HOLD && v->hold_count < VHOLDS) {
        memcpy(v->holds[v->hold_count++], id.ptr, id.len);
    }
    v->r->holds = v->hold_count;
}

/* Was the segment that ends there as old as the record says? A day's grace for clocks. */
static bool old_enough(const vrecords_t *v, const vleaf_t *leaf, uint64_t end, uint64_t days)
{
    for (size_t i = v->link_count; i-- > 0;) {
        if (v->links[i].end == end && !v->links[i].restored) {
            int64_t age_us = minus(leaf->time_us, v->links[i].end_us);
            return days < DAYS_MAX && age_us >= ((int64_t)days - 1) * DAY_US;
        }
    }
    return true; /* it ended before there were keys that hand over */
}

static void pruned_step(vrecords_t *v, const vleaf_t *leaf)
{
    uint64_t first = 0, end = 0, days = 0;
    buf_t policy = buf_on(v->r->policy, sizeof v->r->policy - 1);
    bool said = fact_u64(leaf, "first", &first) && fact_u64(leaf, "end", &end) &&
                fact_u64(leaf, "days", &days) && vleaf_fact(leaf, "policy", &policy) &&
                first < end && end % v->leaves == 0 && end <= leaf->seq;
    bool again = end == v->removed; /* a crash stood between the record and the deed */
    if (!said || (first != v->removed && !again)) {
        tampered(v, leaf, "a record of removal that does not say what it must");
        return;
    }
    v->r->policy[policy.len] = '\0';
    v->r->days = days;
    if (v->hold_count) {
        tampered(v, leaf, "records were removed although an order to preserve stood");
    }
    if (!old_enough(v, leaf, end, days)) {
        tampered(v, leaf, "records were removed before their time");
    }
    v->removed = end;
}

/* ---- MACs ---- */

/* A second chain begins with a restore. Where that was at a segment's last place, SEGMENT_END
 * stands before it, without a MAC. */
static void chain_begins(vrecords_t *v, const vleaf_t *leaf)
{
    v->mac_restart = v->mac_on;
    v->mac_on = true;
    v->mac_known = false;
    v->mac_first = leaf->seq;
    v->r->mac_chains++;
    for (size_t i = 0; i < v->mac_key_count && !v->mac_known; i++) {
        v->mac_known = vmac_is_start(leaf, v->mac_keys[i]);
        v->mac_used[i] = v->mac_used[i] || v->mac_known;
        memcpy(v->mac_key, v->mac_keys[i], VMAC_KEY);
    }
}

static void mac_step(vrecords_t *v, const vleaf_t *leaf)
{
    slice_t mac = leaf->value[VLEAF_MAC];
    if (leaf->type == TYPE_RATCHET && leaf->room == ROOM_OF_LEDGER) {
        chain_begins(v, leaf);
    }
    if (!v->mac_on) {
        if (mac.len) {
            tampered(v, leaf, "a MAC before the chain of MAC keys began");
        }
        return;
    }
    cursor_t c = cur_on(mac);
    if (!mac.len || cur_u64be(&c) != leaf->seq - v->mac_first) {
        tampered(v, leaf,
                 mac.len ? "the MAC has another number than its place in the chain"
                         : "the record has no MAC");
    } else if (v->mac_known && !vmac_holds(leaf, v->mac_key)) {
        tampered(v, leaf, "the MAC does not hold");
    } else {
        v->r->macs += v->mac_known;
    }
    if (v->mac_known) {
        vmac_next(v->mac_key);
    }
    v->mac_next_seq = leaf->seq + 1;
}

void vrecords_skip(vrecords_t *v, uint64_t seq)
{
    for (; v->mac_on && v->mac_known && v->mac_next_seq < seq; v->mac_next_seq++) {
        vmac_next(v->mac_key);
    }
}

void vrecords_end(vrecords_t *v)
{
    if (v->mac_restart) {
        report_fault(v->r, VERDICT_TAMPERED, (int64_t)v->mac_first,
                     "a new chain of MAC keys began without a restore");
    }
    if (v->unended) {
        report_fault(v->r, VERDICT_TAMPERED, (int64_t)v->unended - 1,
                     "the segment ends without naming the next key");
    }
    for (size_t i = 0; i < v->mac_key_count; i++) {
        if (!v->mac_used[i]) {
            report_fault(v->r, VERDICT_TAMPERED, NO_LEAF,
                         "no chain of MACs here begins with the %s key given",
                         i ? "other" : "first");
        }
    }
}

/* ---- one record ---- */

/* Of records that outlive their segment. */
static void own_step(vrecords_t *v, const vleaf_t *leaf)
{
    v->ended = false;
    if (leaf->seq == 0) {
        genesis_step(v, leaf);
    }
    mac_step(v, leaf);
    if (leaf->type == TYPE_HOLD || leaf->type == TYPE_RELEASED) {
        hold_step(v, leaf);
    }
    if (leaf->room != ROOM_OF_LEDGER) {
        return;
    }
    if (leaf->type == TYPE_RESTORED) {
        restored_step(v, leaf);
    } else if (leaf->type == TYPE_SEGMENT_END) {
        segment_step(v, leaf);
    } else if (leaf->type == TYPE_PRUNED) {
        pruned_step(v, leaf);
    }
}

/* A segment's last place that falls among the first records of a new epoch is theirs. */
static void end_step(vrecords_t *v, const vleaf_t *leaf)
{
    bool last = v->segments_on && !v->ended && (leaf->seq + 1) % v->leaves == 0;
    bool after = v->restored_seq && leaf->seq - v->restored_seq <= 1;
    if (last && !after) {
        v->unended = leaf->seq + 1;
    } else if (v->unended && leaf->seq + 1 - v->unended > 3) {
        report_fault(v->r, VERDICT_TAMPERED, (int64_t)v->unended - 1,
                     "the segment ends without naming the next key");
        v->unended = 0;
    }
}

static bool parsed(vrecords_t *v, uint64_t seq, slice_t bytes, vleaf_t *ret_leaf)
{
    err_t e = vleaf_parse(bytes, ret_leaf);
    if (err_failed(e)) {
        bool newer = err_is(e, ERR_VERSION);
        report_fault(v->r, newer ? VERDICT_INCOMPLETE : VERDICT_TAMPERED, (int64_t)seq,
                     newer ? "the leaf was written by a later version of the format"
                           : "the leaf is malformed");
    }
    return !err_failed(e);
}

void vrecords_leaf(vrecords_t *v, uint64_t seq, slice_t bytes, bool sealed)
{
    vleaf_t leaf;
    if (!parsed(v, seq, bytes, &leaf)) {
        return;
    }
    if (leaf.seq != seq) {
        report_fault(v->r, VERDICT_TAMPERED, (int64_t)seq, "the leaf says it is number %llu",
                     (unsigned long long)leaf.seq);
    }
    leaf.seq = seq;
    own_step(v, &leaf);
    end_step(v, &leaf);
    time_step(v, &leaf);
    life_step(v, &leaf);
    if (v->each) {
        v->each(v->ctx, &leaf, sealed);
    }
}

void vrecords_kept(vrecords_t *v, slice_t bytes)
{
    vleaf_t leaf;
    if (parsed(v, 0, bytes, &leaf)) {
        vrecords_skip(v, leaf.seq);
        own_step(v, &leaf);
        if (v->each) {
            v->each(v->ctx, &leaf, true);
        }
    }
}
