/* Leaves: reading them by a table of tags, and showing them. */
#include "verify.h"

typedef enum vtag {
    V_SEQ = 0x01,
    V_TIME,
    V_BOOT,
    V_MONO,
    V_ROOM,
    V_COUNT,
    V_REQUEST = 0x10,
    V_OBJECT,
    V_PARENT,
    V_SUBJECT,
    V_ACTOR,
    V_ADDRESS,
    V_FACTS = 0x20,
    V_PAYLOAD,
    V_NOTE_KEY = 0x30,
    V_INDEX,
    V_MAC = 0x7f,
} vtag_t;

typedef struct tag_row {
    unsigned tag;
    size_t min, max;
    bool must, id;
    const char *name;
} tag_row_t;

static const tag_row_t TAGS[] = {
    {V_SEQ, 8, 8, true, false, "seq"},
    {V_TIME, 8, 8, true, false, "time"},
    {V_BOOT, 16, 16, true, false, "boot"},
    {V_MONO, 8, 8, true, false, "mono"},
    {V_ROOM, 2, 2, true, false, "room"},
    {V_COUNT, 4, 4, false, false, "count"},
    {V_REQUEST, 16, 16, false, true, "request"},
    {V_OBJECT, 16, 16, false, true, "object"},
    {V_PARENT, 16, 16, false, true, "parent"},
    {V_SUBJECT, 16, 16, false, true, "subject"},
    {V_ACTOR, 16, 16, false, true, "actor"},
    {V_ADDRESS, 16, 16, false, true, "address"},
    {V_FACTS, 1, 1024, false, false, "facts"},
    {V_PAYLOAD, 1, 32768, false, false, "payload"},
    {V_NOTE_KEY, 36, 36, false, false, "note_key"},
    {V_INDEX, 40, 40, false, false, "index"},
    {V_MAC, 40, 40, false, false, "mac"},
};

/* Where a tag's value stands in a leaf. */
static unsigned place(unsigned tag)
{
    return tag == V_MAC ? VLEAF_MAC : tag;
}

static const tag_row_t *tag_row(unsigned tag)
{
    for (size_t i = 0; i < BASE_COUNT(TAGS); i++) {
        if (TAGS[i].tag == tag) {
            return &TAGS[i];
        }
    }
    return NULL;
}

static bool is_zero(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i]) {
            return false;
        }
    }
    return true;
}

static uint64_t number(slice_t s)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        v = v << 8 | s.ptr[i];
    }
    return v;
}

err_t vleaf_parse(slice_t bytes, vleaf_t *ret_leaf)
{
    vleaf_t leaf = {0};
    cursor_t c = cur_on(bytes);
    unsigned last = 0;
    ENSURE(bytes.len >= 4 && bytes.len <= VLEAF_MAX, ERR_SYNTAX);
    ENSURE(cur_u8(&c) == 1 && cur_u8(&c) == 0, ERR_VERSION);
    leaf.type = cur_u16be(&c);
    while (c.left) {
        size_t at = bytes.len - c.left;
        unsigned tag = cur_u8(&c);
        slice_t value = cur_bytes(&c, cur_u16be(&c));
        ENSURE(!c.bad && tag > last, ERR_SYNTAX);
        const tag_row_t *row = tag_row(tag);
        ENSURE(row, ERR_VERSION);
        ENSURE(value.len >= row->min && value.len <= row->max, ERR_SYNTAX);
        ENSURE(!(row->id || tag == V_COUNT) || !is_zero(value), ERR_SYNTAX);
        leaf.value[place(tag)] = value;
        if (tag == V_MAC) {
            leaf.before_mac = slice_sub(bytes, 0, at);
        }
        last = tag;
    }
    for (size_t i = 0; i < BASE_COUNT(TAGS); i++) {
        ENSURE(!TAGS[i].must || leaf.value[place(TAGS[i].tag)].len, ERR_SYNTAX);
    }
    leaf.seq = number(leaf.value[V_SEQ]);
    leaf.time_us = (int64_t)number(leaf.value[V_TIME]);
    leaf.mono_us = (int64_t)number(leaf.value[V_MONO]);
    leaf.room = (uint16_t)number(leaf.value[V_ROOM]);
    leaf.count = (uint32_t)number(leaf.value[V_COUNT]);
    *ret_leaf = leaf;
    return OK;
}

const char *vleaf_type(unsigned type)
{
    switch (type) {
#define LEDGER_TYPE(name, number_, durable, text)                                                  \
    case number_:                                                                                  \
        return #name;
#include "ledger/api_types.h"
#undef LEDGER_TYPE
    default:
        return "UNKNOWN";
    }
}

const char *vleaf_room(unsigned room)
{
    static const char *const NAMES[] = {"none",   "guard",   "shop",    "pay",     "vault",
                                        "ledger", "inspect", "office",  "command", "test",
                                        "paysim", "witness", "mailsim", "push"};
    return room < BASE_COUNT(NAMES) ? NAMES[room] : "unknown";
}

/* 2026-11-22T03:05:12.063930Z; a number where the calendar ends. */
static void put_time(buf_t *out, int64_t us)
{
    time_t s = (time_t)(us / 1000000 - (us % 1000000 < 0));
    struct tm tm;
    if (us < 0 || !gmtime_r(&s, &tm) || tm.tm_year > 8099) {
        buf_dec(out, us);
        return;
    }
    const unsigned parts[] = {(unsigned)tm.tm_year + 1900, (unsigned)tm.tm_mon + 1,
                              (unsigned)tm.tm_mday,        (unsigned)tm.tm_hour,
                              (unsigned)tm.tm_min,         (unsigned)tm.tm_sec};
    for (size_t i = 0; i < BASE_COUNT(parts); i++) {
        buf_dec_pad(out, parts[i], i ? 2 : 4);
        buf_u8(out, (uint8_t) "--T::."[i]);
    }
    buf_dec_pad(out, (uint64_t)(us - (int64_t)s * 1000000), 6);
    buf_u8(out, 'Z');
}

/* Graphic ASCII as it is; the rest, quotes and backslash as \u00NN: safe on a screen and in JSON.
 */
static void put_escaped(buf_t *out, slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (c > ' ' && c < 0x7f && c != '"' && c != '\\') {
            buf_u8(out, c);
        } else {
            buf_cstr(out, "\\u00");
            buf_hex(out, slice_make(&c, 1));
        }
    }
}

static void put_key(buf_t *out, bool json, const char *key)
{
    buf_cstr(out, json ? ",\"" : " ");
    buf_cstr(out, key);
    buf_cstr(out, json ? "\":" : "=");
}

static void put_text(buf_t *out, bool json, const char *key, const char *text)
{
    put_key(out, json, key);
    buf_cstr(out, json ? "\"" : "");
    buf_cstr(out, text);
    buf_cstr(out, json ? "\"" : "");
}

static void put_value(buf_t *out, bool json, const tag_row_t *row, slice_t value)
{
    put_key(out, json, row->name);
    if (row->tag == V_PAYLOAD) { /* sealed: its length is all there is to say */
        buf_dec(out, (int64_t)value.len);
        return;
    }
    buf_cstr(out, json ? "\"" : "");
    if (row->id) {
        buf_id(out, id_from_bytes(value.ptr));
    } else if (row->tag == V_BOOT || row->tag >= V_NOTE_KEY) {
        buf_hex(out, value);
    } else {
        put_escaped(out, value);
    }
    buf_cstr(out, json ? "\"" : "");
}

void vleaf_print(const vleaf_t *leaf, bool sealed, bool json, buf_t *out)
{
    buf_cstr(out, json ? "{\"seq\":" : "");
    buf_dec_pad(out, leaf->seq, json ? 1 : 8);
    if (json) {
        buf_cstr(out, ",\"time\":\"");
        put_time(out, leaf->time_us);
        buf_u8(out, '"');
        put_text(out, json, "type", vleaf_type(leaf->type));
        put_text(out, json, "room", vleaf_room(leaf->room));
    } else {
        buf_u8(out, ' ');
        put_time(out, leaf->time_us);
        buf_u8(out, ' ');
        buf_cstr(out, vleaf_room(leaf->room));
        buf_u8(out, ' ');
        buf_cstr(out, vleaf_type(leaf->type));
    }
    if (leaf->count) {
        put_key(out, json, "count");
        buf_dec(out, leaf->count);
    }
    for (size_t i = 0; i < BASE_COUNT(TAGS); i++) {
        slice_t value = leaf->value[place(TAGS[i].tag)];
        if (value.len && (TAGS[i].tag > V_COUNT || (json && TAGS[i].tag == V_BOOT))) {
            put_value(out, json, &TAGS[i], value);
        }
    }
    if (!sealed) {
        buf_cstr(out, json ? ",\"sealed\":false" : " [not sealed yet]");
    }
    buf_cstr(out, json ? "}\n" : "\n");
}

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

static void percent_decode(slice_t s, buf_t *out)
{
    for (size_t i = 0; i < s.len; i++) {
        int high = i + 2 < s.len && s.ptr[i] == '%' ? hex_digit(s.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(s.ptr[i + 2]) : -1;
        if (low < 0) {
            buf_u8(out, s.ptr[i]);
        } else {
            buf_u8(out, (uint8_t)(high * 16 + low));
            i += 2;
        }
    }
}

bool vleaf_fact(const vleaf_t *leaf, const char *key, buf_t *ret_value)
{
    slice_t facts = leaf->value[V_FACTS], part, name;
    while (slice_split(&facts, '&', &part)) {
        if (slice_split(&part, '=', &name) && part.len != SIZE_MAX &&
            slice_eq(name, slice_cstr_in(key))) {
            percent_decode(part, ret_value);
            return !ret_value->full;
        }
    }
    return false;
}
