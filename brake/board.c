#include "board.h"

#include <sodium.h>

#include "base/arena.h"

static const char SLOT_MAGIC[8] = "SKBRAKE1";
static const char OPENING_LABEL[] = "sekisho brake opening v1\n";
static const char SLOT_LABEL[] = "sekisho brake slot v1\n";

static err_t signer_parse(slice_t line, board_signer_t *ret_signer)
{
    slice_t role, name, key;
    board_signer_t s = {0};
    ENSURE(slice_split(&line, ' ', &role) && slice_split(&line, ' ', &name) &&
               slice_split(&line, ' ', &key) && line.len == SIZE_MAX,
           ERR_SYNTAX);
    if (slice_eq(role, SLICE("person"))) {
        s.role = BOARD_PERSON;
    } else if (slice_eq(role, SLICE("machine"))) {
        s.role = BOARD_MACHINE;
    } else {
        return FAIL(ERR_SYNTAX);
    }
    ENSURE(name.len > 0 && name.len <= BOARD_NAME_MAX, ERR_SYNTAX);
    memcpy(s.name, name.ptr, name.len);
    size_t len = 0;
    ENSURE(sodium_base642bin(s.key, sizeof s.key, (const char *)key.ptr, key.len, NULL, &len, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
               len == sizeof s.key,
           ERR_SYNTAX);
    *ret_signer = s;
    return OK;
}

err_t board_enrolled_parse(slice_t text, board_enrolled_t *ret_enrolled)
{
    board_enrolled_t all = {0};
    slice_t line;
    while (slice_split(&text, '\n', &line)) {
        line = slice_trim(line);
        if (line.len == 0 || line.ptr[0] == '#') {
            continue;
        }
        ENSURE(all.n < BOARD_ENROLLED_MAX, ERR_LIMIT);
        TRY(signer_parse(line, &all.signer[all.n]));
        for (size_t i = 0; i < all.n; i++) { /* one key twice would be one person twice */
            ENSURE(memcmp(all.signer[i].key, all.signer[all.n].key, BOARD_KEY_BYTES) != 0,
                   ERR_EXISTS);
        }
        all.n++;
    }
    *ret_enrolled = all;
    return OK;
}

void board_enrolled_put(buf_t *b, const board_enrolled_t *enrolled)
{
    for (size_t i = 0; i < enrolled->n; i++) {
        const board_signer_t *s = &enrolled->signer[i];
        char key[sodium_base64_ENCODED_LEN(BOARD_KEY_BYTES, sodium_base64_VARIANT_ORIGINAL)];
        sodium_bin2base64(key, sizeof key, s->key, sizeof s->key, sodium_base64_VARIANT_ORIGINAL);
        buf_cstr(b, s->role == BOARD_PERSON ? "person " : "machine ");
        buf_cstr(b, s->name);
        buf_u8(b, ' ');
        buf_cstr(b, key);
        buf_u8(b, '\n');
    }
}

void board_opening_text(buf_t *b, const board_opening_t *o)
{
    buf_put(b, SLICE("sekisho brake opening v1\n"));
    buf_u64(b, o->generation);
    buf_u32(b, o->open);
    buf_i64(b, o->ordered_us);
    buf_str16(b, slice_cstr_in(o->reason));
}

static void opening_put(buf_t *b, const board_opening_t *o)
{
    board_opening_text(b, o);
    for (size_t i = 0; i < 2; i++) {
        buf_u8(b, o->signer[i]);
        buf_put(b, slice_make(o->sig[i], BOARD_SIG_BYTES));
    }
}

void board_slot_text(buf_t *b, const board_slot_t *s)
{
    buf_put(b, slice_make(SLOT_MAGIC, sizeof SLOT_MAGIC));
    buf_u64(b, s->generation);
    buf_put(b, SLICE("sekisho brake slot v1\n"));
    buf_u32(b, s->closed);
    buf_i64(b, s->ordered_us);
    buf_str16(b, slice_cstr_in(s->reason));
    opening_put(b, &s->opening);
    buf_u16(b, s->n_orders);
    for (size_t i = 0; i < s->n_orders && i < BOARD_ORDERS_MAX; i++) {
        buf_put(b, slice_make(s->order_sha256[i], 32));
    }
}

err_t board_slot_encode(const board_slot_t *s, uint8_t out[BOARD_SLOT_BYTES])
{
    ENSURE(s->n_orders <= BOARD_ORDERS_MAX, ERR_LIMIT);
    memset(out, 0, BOARD_SLOT_BYTES);
    buf_t b = buf_on(out, BOARD_SLOT_BYTES);
    board_slot_text(&b, s);
    buf_u8(&b, s->signer);
    buf_put(&b, slice_make(s->sig, BOARD_SIG_BYTES));
    return buf_check(&b);
}

static void reason_get(cursor_t *c, char out[BRAKE_REASON_MAX + 1])
{
    slice_t text = cur_str16(c);
    if (text.len > BRAKE_REASON_MAX || slice_find_byte(text, 0) != SIZE_MAX) {
        c->bad = true;
        return;
    }
    if (text.len) {
        memcpy(out, text.ptr, text.len);
    }
    out[text.len] = 0;
}

static void label_get(cursor_t *c, const char *label)
{
    slice_t want = slice_cstr_in(label);
    if (!slice_eq(cur_bytes(c, want.len), want)) {
        c->bad = true;
    }
}

static void opening_get(cursor_t *c, board_opening_t *o)
{
    label_get(c, OPENING_LABEL);
    o->generation = cur_u64(c);
    o->open = cur_u32(c);
    o->ordered_us = cur_i64(c);
    reason_get(c, o->reason);
    for (size_t i = 0; i < 2; i++) {
        o->signer[i] = cur_u8(c);
        cur_copy(c, o->sig[i], BOARD_SIG_BYTES);
    }
}

static bool all_zero(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i]) {
            return false;
        }
    }
    return true;
}

err_t board_slot_decode(const uint8_t in[BOARD_SLOT_BYTES], board_slot_t *ret_slot)
{
    board_slot_t s = {0};
    slice_t whole = slice_make(in, BOARD_SLOT_BYTES);
    if (all_zero(whole)) {
        *ret_slot = s;
        return OK;
    }
    cursor_t c = cur_on(whole);
    ENSURE(slice_eq(cur_bytes(&c, sizeof SLOT_MAGIC), slice_make(SLOT_MAGIC, sizeof SLOT_MAGIC)),
           ERR_CORRUPT);
    s.generation = cur_u64(&c);
    label_get(&c, SLOT_LABEL);
    s.closed = cur_u32(&c);
    s.ordered_us = cur_i64(&c);
    reason_get(&c, s.reason);
    opening_get(&c, &s.opening);
    s.n_orders = cur_u16(&c);
    ENSURE(s.n_orders <= BOARD_ORDERS_MAX, ERR_CORRUPT);
    for (size_t i = 0; i < s.n_orders; i++) {
        cur_copy(&c, s.order_sha256[i], 32);
    }
    s.signer = cur_u8(&c);
    cur_copy(&c, s.sig, BOARD_SIG_BYTES);
    ENSURE(!c.bad && s.generation > 0 && all_zero(cur_rest(&c)), ERR_CORRUPT);
    *ret_slot = s;
    return OK;
}

static bool signature_holds(const board_enrolled_t *enrolled, uint8_t signer, const uint8_t *sig,
                            slice_t text)
{
    return signer < enrolled->n &&
           crypto_sign_verify_detached(sig, text.ptr, text.len, enrolled->signer[signer].key) == 0;
}

static bool is_person(const board_enrolled_t *enrolled, uint8_t signer)
{
    return signer < enrolled->n && enrolled->signer[signer].role == BOARD_PERSON;
}

static err_t opening_verify(const board_opening_t *o, const board_enrolled_t *enrolled)
{
    uint8_t mem[512];
    buf_t text = BUF_ON_ARRAY(mem);
    board_opening_text(&text, o);
    TRY(buf_check(&text));
    ENSURE(o->signer[0] != o->signer[1], ERR_CRYPTO);
    for (size_t i = 0; i < 2; i++) {
        ENSURE(is_person(enrolled, o->signer[i]), ERR_CRYPTO);
        ENSURE(signature_holds(enrolled, o->signer[i], o->sig[i], buf_slice(&text)), ERR_CRYPTO);
    }
    return OK;
}

err_t board_slot_verify(const board_slot_t *s, const board_enrolled_t *enrolled)
{
    uint8_t mem[BOARD_SLOT_BYTES];
    buf_t text = BUF_ON_ARRAY(mem);
    board_slot_text(&text, s);
    TRY(buf_check(&text));
    ENSURE(s->opening.generation <= s->generation, ERR_CRYPTO);
    ENSURE(signature_holds(enrolled, s->signer, s->sig, buf_slice(&text)), ERR_CRYPTO);
    return opening_verify(&s->opening, enrolled);
}
