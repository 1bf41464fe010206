/* The contract's encoders and decoders: pure, no socket, no thread; nginx links this file too.
 * Must never hold: blocking calls, files, keys. */
#include "ledger/api.h"

typedef struct type_row {
    unsigned number;
    bool durable;
    const char *name, *text;
} type_row_t;

static const type_row_t TYPES[] = {
#define LEDGER_TYPE(name, number, durable, text) {(number), (durable), #name, (text)},
#include "ledger/api_types.h"
#undef LEDGER_TYPE
};

static const type_row_t *type_row(unsigned type)
{
    for (size_t i = 0; i < BASE_COUNT(TYPES); i++) {
        if (TYPES[i].number == type) {
            return &TYPES[i];
        }
    }
    return NULL;
}

const char *ledger_type_name(unsigned type)
{
    const type_row_t *row = type_row(type);
    return row ? row->name : "UNKNOWN";
}

const char *ledger_type_text(unsigned type)
{
    const type_row_t *row = type_row(type);
    return row ? row->text : "a record of a type this program does not know";
}

bool ledger_type_durable(unsigned type)
{
    const type_row_t *row = type_row(type);
    return row && row->durable;
}

/* Facts are graphic ASCII: nothing in them can start a line or a terminal sequence. */
static bool facts_clean(slice_t facts)
{
    for (size_t i = 0; i < facts.len; i++) {
        if (facts.ptr[i] < 0x21 || facts.ptr[i] > 0x7e) {
            return false;
        }
    }
    return facts.len <= LEDGER_TEXT_MAX;
}

enum { RECORD_IDS = 6 };

void ledger_record_put(buf_t *b, const ledger_record_t *rec)
{
    const id128_t *ids[RECORD_IDS] = {&rec->request, &rec->object, &rec->parent,
                                      &rec->subject, &rec->actor,  &rec->address};
    unsigned mask = 0;
    if (!facts_clean(rec->facts) || rec->payload.len > LEDGER_PAYLOAD_MAX) {
        b->full = true;
        return;
    }
    for (unsigned i = 0; i < RECORD_IDS; i++) {
        mask |= id_is_zero(*ids[i]) ? 0U : 1U << i;
    }
    buf_u16(b, (uint16_t)rec->type);
    buf_u8(b, (uint8_t)mask);
    for (unsigned i = 0; i < RECORD_IDS; i++) {
        if (mask >> i & 1U) {
            buf_put(b, id_slice(ids[i]));
        }
    }
    buf_u32(b, rec->count);
    buf_str16(b, rec->facts);
    buf_str16(b, rec->payload);
}

ledger_record_t ledger_record_get(cursor_t *c)
{
    ledger_record_t rec = {0};
    id128_t *ids[RECORD_IDS] = {&rec.request, &rec.object, &rec.parent,
                                &rec.subject, &rec.actor,  &rec.address};
    rec.type = (ledger_type_t)cur_u16(c);
    unsigned mask = cur_u8(c);
    c->bad = c->bad || mask >> RECORD_IDS;
    for (unsigned i = 0; i < RECORD_IDS; i++) {
        if (mask >> i & 1U) {
            cur_copy(c, ids[i]->b, ID_BYTES);
            c->bad = c->bad || id_is_zero(*ids[i]); /* one way only to say "none" */
        }
    }
    rec.count = cur_u32(c);
    rec.facts = cur_str16(c);
    rec.payload = cur_str16(c);
    c->bad = c->bad || !facts_clean(rec.facts) || rec.payload.len > LEDGER_PAYLOAD_MAX;
    return rec;
}

void ledger_append_put(buf_t *b, bool durable, const ledger_record_t *recs, size_t n)
{
    if (n == 0 || n > LEDGER_BATCH_MAX) {
        b->full = true;
        return;
    }
    buf_u8(b, durable);
    buf_u16(b, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        ledger_record_put(b, &recs[i]);
    }
}

void ledger_entry_put(buf_t *b, const ledger_entry_t *e)
{
    buf_u64(b, e->seq);
    buf_i64(b, e->time_us);
    buf_u16(b, e->room);
    ledger_record_put(b, &e->rec);
}

ledger_entry_t ledger_entry_get(cursor_t *c)
{
    ledger_entry_t e = {0};
    e.seq = cur_u64(c);
    e.time_us = cur_i64(c);
    e.room = cur_u16(c);
    e.rec = ledger_record_get(c);
    return e;
}

void ledger_status_put(buf_t *b, const ledger_status_t *status)
{
    buf_u64(b, status->size);
    buf_u64(b, status->checkpoint_size);
    buf_put(b, slice_make(status->root, sizeof status->root));
    buf_i64(b, status->checkpoint_us);
    buf_u8(b, status->accepting);
    buf_str16(b, slice_cstr_in(status->reason));
    buf_u64(b, status->minimum);
    buf_u32(b, status->holds);
}

ledger_status_t ledger_status_get(cursor_t *c)
{
    ledger_status_t s = {0};
    s.size = cur_u64(c);
    s.checkpoint_size = cur_u64(c);
    cur_copy(c, s.root, sizeof s.root);
    s.checkpoint_us = cur_i64(c);
    s.accepting = cur_bool(c);
    slice_t reason = cur_str16(c);
    if (reason.len >= sizeof s.reason) {
        c->bad = true;
    } else if (reason.len) {
        memcpy(s.reason, reason.ptr, reason.len);
    }
    s.minimum = cur_u64(c);
    s.holds = cur_u32(c);
    return s;
}

static bool fact_letter(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("-._~:/,", c));
}

static void fact_escape(buf_t *facts, slice_t s)
{
    static const char DIGITS[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (fact_letter(c)) {
            buf_u8(facts, c);
        } else {
            buf_u8(facts, '%');
            buf_u8(facts, (uint8_t)DIGITS[c >> 4]);
            buf_u8(facts, (uint8_t)DIGITS[c & 15]);
        }
    }
}

void ledger_fact(buf_t *facts, const char *key, slice_t value)
{
    if (facts->len) {
        buf_u8(facts, '&');
    }
    fact_escape(facts, slice_cstr_in(key));
    buf_u8(facts, '=');
    fact_escape(facts, value);
}

void ledger_fact_i64(buf_t *facts, const char *key, int64_t value)
{
    uint8_t mem[24];
    buf_t text = BUF_ON_ARRAY(mem);
    buf_dec(&text, value);
    ledger_fact(facts, key, buf_slice(&text));
}
