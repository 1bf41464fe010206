#include "leaf.h"

static void put_tag(buf_t *b, leaf_tag_t tag, size_t len)
{
    buf_u8(b, (uint8_t)tag);
    buf_u16be(b, (uint16_t)len);
}

static void put_u64(buf_t *b, leaf_tag_t tag, uint64_t v)
{
    put_tag(b, tag, 8);
    buf_u64be(b, v);
}

static void put_id(buf_t *b, leaf_tag_t tag, const id128_t *id)
{
    if (!id_is_zero(*id)) {
        put_tag(b, tag, ID_BYTES);
        buf_put(b, id_slice(id));
    }
}

static void put_bytes(buf_t *b, leaf_tag_t tag, slice_t s)
{
    if (s.len) {
        put_tag(b, tag, s.len);
        buf_put(b, s);
    }
}

static void put_extra(buf_t *b, const leaf_extra_t *x)
{
    if (x->has_note_key) {
        put_tag(b, LEAF_NOTE_KEY, sizeof x->note_key_id + sizeof x->note_key);
        buf_put(b, slice_make(x->note_key_id, sizeof x->note_key_id));
        buf_put(b, slice_make(x->note_key, sizeof x->note_key));
    }
    if (x->has_index) {
        put_tag(b, LEAF_INDEX, 8 + sizeof x->index_root);
        buf_u64be(b, x->index_segment);
        buf_put(b, slice_make(x->index_root, sizeof x->index_root));
    }
}

void leaf_put_mac(buf_t *b, uint64_t number, const uint8_t mac[32])
{
    put_tag(b, LEAF_MAC, 8 + 32);
    buf_u64be(b, number);
    buf_put(b, slice_make(mac, 32));
}

void leaf_put(buf_t *b, const leaf_t *leaf)
{
    const ledger_entry_t *e = &leaf->entry;
    const ledger_record_t *r = &e->rec;
    if (r->facts.len > LEDGER_TEXT_MAX || r->payload.len > LEDGER_PAYLOAD_MAX) {
        b->full = true;
        return;
    }
    buf_u8(b, LEAF_VERSION);
    buf_u8(b, 0);
    buf_u16be(b, (uint16_t)r->type);
    put_u64(b, LEAF_SEQ, e->seq);
    put_u64(b, LEAF_TIME, (uint64_t)e->time_us);
    put_tag(b, LEAF_BOOT, ID_BYTES);
    buf_put(b, id_slice(&leaf->boot));
    put_u64(b, LEAF_MONO, (uint64_t)leaf->mono_us);
    put_tag(b, LEAF_ROOM, 2);
    buf_u16be(b, e->room);
    if (r->count) {
        put_tag(b, LEAF_COUNT, 4);
        buf_u32be(b, r->count);
    }
    put_id(b, LEAF_REQUEST, &r->request);
    put_id(b, LEAF_OBJECT, &r->object);
    put_id(b, LEAF_PARENT, &r->parent);
    put_id(b, LEAF_SUBJECT, &r->subject);
    put_id(b, LEAF_ACTOR, &r->actor);
    put_id(b, LEAF_ADDRESS, &r->address);
    put_bytes(b, LEAF_FACTS, r->facts);
    put_bytes(b, LEAF_PAYLOAD, r->payload);
    put_extra(b, &leaf->extra);
    if (leaf->has_mac) {
        leaf_put_mac(b, leaf->mac_number, leaf->mac);
    }
}

static void get_id(cursor_t *value, id128_t *ret_id)
{
    cur_copy(value, ret_id->b, ID_BYTES);
    value->bad = value->bad || id_is_zero(*ret_id);
}

static slice_t get_some(cursor_t *value, size_t max)
{
    slice_t s = cur_rest(value);
    value->bad = value->bad || s.len == 0 || s.len > max;
    return s;
}

/* One value into its place. VERSION for a tag that this program does not build. */
static err_t get_value(unsigned tag, cursor_t *v, leaf_t *leaf)
{
    ledger_entry_t *e = &leaf->entry;
    ledger_record_t *r = &e->rec;
    switch (tag) {
    case LEAF_SEQ:
        e->seq = cur_u64be(v);
        break;
    case LEAF_TIME:
        e->time_us = (int64_t)cur_u64be(v);
        break;
    case LEAF_BOOT:
        cur_copy(v, leaf->boot.b, ID_BYTES);
        break;
    case LEAF_MONO:
        leaf->mono_us = (int64_t)cur_u64be(v);
        break;
    case LEAF_ROOM:
        e->room = cur_u16be(v);
        break;
    case LEAF_COUNT:
        r->count = cur_u32be(v);
        v->bad = v->bad || r->count == 0;
        break;
    case LEAF_REQUEST:
        get_id(v, &r->request);
        break;
    case LEAF_OBJECT:
        get_id(v, &r->object);
        break;
    case LEAF_PARENT:
        get_id(v, &r->parent);
        break;
    case LEAF_SUBJECT:
        get_id(v, &r->subject);
        break;
    case LEAF_ACTOR:
        get_id(v, &r->actor);
        break;
    case LEAF_ADDRESS:
        get_id(v, &r->address);
        break;
    case LEAF_FACTS:
        r->facts = get_some(v, LEDGER_TEXT_MAX);
        break;
    case LEAF_PAYLOAD:
        r->payload = get_some(v, LEDGER_PAYLOAD_MAX);
        break;
    case LEAF_NOTE_KEY:
        leaf->extra.has_note_key = true;
        cur_copy(v, leaf->extra.note_key_id, sizeof leaf->extra.note_key_id);
        cur_copy(v, leaf->extra.note_key, sizeof leaf->extra.note_key);
        break;
    case LEAF_INDEX:
        leaf->extra.has_index = true;
        leaf->extra.index_segment = cur_u64be(v);
        cur_copy(v, leaf->extra.index_root, sizeof leaf->extra.index_root);
        break;
    case LEAF_MAC:
        leaf->has_mac = true;
        leaf->mac_number = cur_u64be(v);
        cur_copy(v, leaf->mac, sizeof leaf->mac);
        break;
    default:
        return FAIL(ERR_VERSION);
    }
    return cur_end(v);
}

err_t leaf_get(slice_t bytes, leaf_t *ret_leaf)
{
    leaf_t leaf = {0};
    cursor_t c = cur_on(bytes);
    unsigned last = 0, must = 0;
    ENSURE(bytes.len <= LEAF_MAX && bytes.len >= LEAF_HEAD, ERR_SYNTAX);
    ENSURE(cur_u8(&c) == LEAF_VERSION && cur_u8(&c) == 0, ERR_VERSION);
    leaf.entry.rec.type = (ledger_type_t)cur_u16be(&c);
    while (c.left) {
        unsigned tag = cur_u8(&c);
        cursor_t value = cur_on(cur_bytes(&c, cur_u16be(&c)));
        ENSURE(!c.bad && tag > last, ERR_SYNTAX); /* ascending: one order, none twice */
        TRY(get_value(tag, &value, &leaf));
        must += tag <= LEAF_ROOM;
        last = tag;
    }
    ENSURE(must == LEAF_ROOM, ERR_SYNTAX); /* tags 1..5 all stand there */
    *ret_leaf = leaf;
    return OK;
}

size_t leaf_frame_begin(buf_t *b)
{
    (void)buf_room(b, 2);
    return b->len;
}

void leaf_frame_end(buf_t *b, size_t begun)
{
    if (!b->full) {
        b->ptr[begun - 2] = (uint8_t)((b->len - begun) >> 8);
        b->ptr[begun - 1] = (uint8_t)(b->len - begun);
    }
}

void leaf_put_framed(buf_t *b, const leaf_t *leaf)
{
    size_t begun = leaf_frame_begin(b);
    leaf_put(b, leaf);
    leaf_frame_end(b, begun);
}

slice_t leaf_next(cursor_t *c)
{
    return cur_bytes(c, cur_u16be(c));
}
