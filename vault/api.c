/* Encoders, decoders and the blocking client of the vault's door. Holds no key; what it wipes are
 * the caller's plain bytes in its own messages. */
#include "vault/api.h"

#include "io/wire_client.h"

enum {
    ITEM_HEAD = ID_BYTES + 2 + 2 + ID_BYTES + 2,
    CONTEXT_BYTES = 3 * ID_BYTES + 1,
    ROOM_FOR_ERROR = 512, /* any WIRE_ERROR fits */
    BATCH_HEAD = WIRE_HEAD_BYTES + 2,
    PASSWORD_CONNS = 8, /* hashing waits; it must not take the connections of the rest */
    CONNS = 16,
};

const char *vault_purpose_name(unsigned purpose)
{
    switch (purpose) {
#define PURPOSE_NAME(name, number, text)                                                           \
    case (number):                                                                                 \
        return #name;
        VAULT_PURPOSES(PURPOSE_NAME)
#undef PURPOSE_NAME
    default:
        return "UNKNOWN";
    }
}

const char *vault_purpose_text(unsigned purpose)
{
    switch (purpose) {
#define PURPOSE_TEXT(name, number, text)                                                           \
    case (number):                                                                                 \
        return text;
        VAULT_PURPOSES(PURPOSE_TEXT)
#undef PURPOSE_TEXT
    default:
        return "unknown purpose";
    }
}

static bool purpose_known(unsigned purpose)
{
    switch (purpose) {
#define PURPOSE_CASE(name, number, text) case (number):
        VAULT_PURPOSES(PURPOSE_CASE)
#undef PURPOSE_CASE
        return true;
    default:
        return false;
    }
}

bool vault_name_ok(slice_t name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }
    return name.len > 0 && name.len <= VAULT_NAME_MAX;
}

bool vault_word_ok(slice_t word)
{
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == 0 || !strchr("._-@/:", c))) {
            return false;
        }
    }
    return word.len > 0 && word.len <= VAULT_WORD_MAX;
}

void vault_item_put(buf_t *b, const vault_item_t *item)
{
    buf_put(b, id_slice(&item->subject));
    buf_str16(b, item->table);
    buf_str16(b, item->column);
    buf_put(b, id_slice(&item->row));
    buf_str16(b, item->bytes);
}

vault_item_t vault_item_get(cursor_t *c)
{
    vault_item_t item = {0};
    cur_copy(c, item.subject.b, ID_BYTES);
    item.table = cur_str16(c);
    item.column = cur_str16(c);
    cur_copy(c, item.row.b, ID_BYTES);
    item.bytes = cur_str16(c);
    if (!vault_name_ok(item.table) || !vault_name_ok(item.column) ||
        item.bytes.len > VAULT_PLAIN_MAX + VAULT_OVERHEAD_MAX) {
        c->bad = true;
    }
    return item;
}

void vault_context_put(buf_t *b, const vault_context_t *ctx)
{
    buf_put(b, id_slice(&ctx->request));
    buf_put(b, id_slice(&ctx->object));
    buf_put(b, id_slice(&ctx->actor));
    buf_u8(b, (uint8_t)ctx->purpose);
}

vault_context_t vault_context_get(cursor_t *c)
{
    vault_context_t ctx = {0};
    cur_copy(c, ctx.request.b, ID_BYTES);
    cur_copy(c, ctx.object.b, ID_BYTES);
    cur_copy(c, ctx.actor.b, ID_BYTES);
    unsigned purpose = cur_u8(c);
    if (!purpose_known(purpose)) {
        c->bad = true;
        return ctx;
    }
    ctx.purpose = (vault_purpose_t)purpose;
    return ctx;
}

void vault_order_put(buf_t *b, const vault_order_t *order)
{
    buf_put(b, id_slice(&order->request));
    buf_put(b, id_slice(&order->subject));
    buf_str16(b, order->asked);
    buf_str16(b, order->by);
    buf_str16(b, order->ref);
}

static bool order_words_ok(const vault_order_t *o)
{
    return vault_word_ok(o->asked) && vault_word_ok(o->by) &&
           (!o->ref.len || vault_word_ok(o->ref));
}

vault_order_t vault_order_get(cursor_t *c)
{
    vault_order_t order = {0};
    cur_copy(c, order.request.b, ID_BYTES);
    cur_copy(c, order.subject.b, ID_BYTES);
    order.asked = cur_str16(c);
    order.by = cur_str16(c);
    order.ref = cur_str16(c);
    c->bad = c->bad || !order_words_ok(&order);
    return order;
}

struct vault_client {
    char path[PATH_MAX_BYTES + 1];
    wire_client_t calls, passwords;
};

err_t vault_client_new(const char *path, unsigned self_room, vault_client_t **ret_client)
{
    size_t len = strlen(path);
    ENSURE(len > 0 && len <= PATH_MAX_BYTES, ERR_LIMIT);
    vault_client_t *c = calloc(1, sizeof *c);
    ENSURE(c, ERR_MEMORY);
    memcpy(c->path, path, len);
    wire_client_conf_t conf = {
        .path = {c->path},
        .self = (room_id_t)self_room,
        .peer = ROOM_VAULT,
        .api_version = VAULT_API_VERSION,
        .max_conns = CONNS,
    };
    wire_client_init(&c->calls, &conf);
    conf.max_conns = PASSWORD_CONNS;
    wire_client_init(&c->passwords, &conf);
    *ret_client = c;
    return OK;
}

void vault_client_free(vault_client_t *c)
{
    if (!c) {
        return;
    }
    wire_client_deinit(&c->calls);
    wire_client_deinit(&c->passwords);
    free(c);
}

static id128_t id_get(cursor_t *c)
{
    id128_t id;
    cur_copy(c, id.b, ID_BYTES);
    return id;
}

static err_t subject_call(vault_client_t *c, slice_t request, id128_t *ret_subject,
                          id128_t *ret_pseudonym)
{
    uint8_t mem[ROOM_FOR_ERROR];
    buf_t response = BUF_ON_ARRAY(mem);
    cursor_t body;
    TRY(wire_client_ask(&c->calls, request, VAULT_WAIT_MS, &response, VAULT_SUBJECT, &body));
    id128_t subject = id_get(&body);
    id128_t pseudonym = id_get(&body);
    WIRE_CLIENT_END(&body);
    if (ret_subject) {
        *ret_subject = subject;
    }
    *ret_pseudonym = pseudonym;
    return OK;
}

err_t vault_subject_new(vault_client_t *c, id128_t *ret_subject, id128_t *ret_pseudonym)
{
    uint8_t mem[WIRE_HEAD_BYTES];
    buf_t request = BUF_ON_ARRAY(mem);
    wire_begin(&request, VAULT_SUBJECT_NEW);
    return subject_call(c, buf_slice(&request), ret_subject, ret_pseudonym);
}

err_t vault_pseudonym(vault_client_t *c, id128_t subject, id128_t *ret_pseudonym)
{
    uint8_t mem[WIRE_HEAD_BYTES + ID_BYTES];
    buf_t request = BUF_ON_ARRAY(mem);
    wire_begin(&request, VAULT_PSEUDONYM);
    buf_put(&request, id_slice(&subject));
    return subject_call(c, buf_slice(&request), NULL, ret_pseudonym);
}

/* Sends the message and reads n str16 into ret; they point into the arena. want_bytes bounds the
 * answer. */
static err_t batch_call(vault_client_t *c, arena_t *a, const buf_t *request, size_t want_bytes,
                        uint16_t want_kind, slice_t *ret, size_t n)
{
    TRY(buf_check(request));
    buf_t response;
    TRY(arena_buf(a, want_bytes + ROOM_FOR_ERROR, &response));
    cursor_t body;
    TRY(wire_client_ask(&c->calls, buf_slice(request), VAULT_WAIT_MS, &response, want_kind, &body));
    CHECK(cur_u16(&body) == n);
    for (size_t i = 0; i < n; i++) {
        ret[i] = cur_str16(&body);
    }
    WIRE_CLIENT_END(&body);
    return OK;
}

static size_t item_bytes(const vault_item_t *item)
{
    return ITEM_HEAD + item->table.len + item->column.len + item->bytes.len;
}

static err_t item_check(const vault_item_t *item, size_t max_bytes)
{
    ENSURE(vault_name_ok(item->table) && vault_name_ok(item->column), ERR_USAGE);
    ENSURE(item->bytes.len <= max_bytes, ERR_LIMIT);
    return OK;
}

/* How many of the items fit one message, in both directions. At least one always does. */
static size_t seal_share(const vault_item_t *items, size_t n, size_t *ret_request,
                         size_t *ret_answer)
{
    size_t request = BATCH_HEAD;
    size_t answer = BATCH_HEAD;
    size_t count = 0;
    while (count < n && count < VAULT_BATCH_MAX) {
        size_t more_request = request + item_bytes(&items[count]);
        size_t more_answer = answer + 2 + items[count].bytes.len + VAULT_OVERHEAD_MAX;
        if (more_request > WIRE_MAX_BYTES || more_answer > WIRE_MAX_BYTES) {
            break;
        }
        request = more_request;
        answer = more_answer;
        count++;
    }
    *ret_request = request;
    *ret_answer = answer;
    return count;
}

err_t vault_seal(vault_client_t *c, arena_t *a, const vault_item_t *items, size_t n,
                 slice_t *ret_sealed)
{
    for (size_t i = 0; i < n; i++) {
        TRY(item_check(&items[i], VAULT_PLAIN_MAX));
    }
    for (size_t done = 0; done < n;) {
        size_t request_bytes;
        size_t answer_bytes;
        size_t share = seal_share(items + done, n - done, &request_bytes, &answer_bytes);
        buf_t request;
        TRY(arena_buf(a, request_bytes, &request));
        wire_begin(&request, VAULT_SEAL);
        buf_u16(&request, (uint16_t)share);
        for (size_t i = 0; i < share; i++) {
            vault_item_put(&request, &items[done + i]);
        }
        TRY(batch_call(c, a, &request, answer_bytes, VAULT_SEALED, ret_sealed + done, share));
        done += share;
    }
    return OK;
}

err_t vault_reveal(vault_client_t *c, arena_t *a, const vault_context_t *ctx,
                   const vault_item_t *items, size_t n, slice_t *ret_plain)
{
    if (n == 0) {
        return OK;
    }
    ENSURE(n <= VAULT_BATCH_MAX, ERR_LIMIT);
    ENSURE(purpose_known(ctx->purpose), ERR_USAGE);
    size_t request_bytes = BATCH_HEAD + CONTEXT_BYTES;
    size_t answer_bytes = BATCH_HEAD;
    for (size_t i = 0; i < n; i++) {
        TRY(item_check(&items[i], VAULT_PLAIN_MAX + VAULT_OVERHEAD_MAX));
        request_bytes += item_bytes(&items[i]);
        answer_bytes += 2 + items[i].bytes.len;
    }
    ENSURE(request_bytes <= WIRE_MAX_BYTES, ERR_LIMIT);
    buf_t request;
    TRY(arena_buf(a, request_bytes, &request));
    wire_begin(&request, VAULT_REVEAL);
    vault_context_put(&request, ctx);
    buf_u16(&request, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        vault_item_put(&request, &items[i]);
    }
    return batch_call(c, a, &request, answer_bytes, VAULT_REVEALED, ret_plain, n);
}

err_t vault_health(vault_client_t *c, health_t *ret_health)
{
    return wire_client_health(&c->calls, VAULT_WAIT_MS, ret_health);
}

err_t vault_blind(vault_client_t *c, vault_blind_kind_t kind, slice_t text,
                  uint8_t ret_index[VAULT_BLIND_BYTES])
{
    ENSURE(text.len <= VAULT_TEXT_MAX, ERR_LIMIT);
    uint8_t mem[BATCH_HEAD + 1 + 2 + VAULT_TEXT_MAX];
    buf_t request = BUF_ON_ARRAY(mem);
    wire_begin(&request, VAULT_BLIND);
    buf_u16(&request, 1);
    buf_u8(&request, (uint8_t)kind);
    buf_str16(&request, text);
    uint8_t response_mem[ROOM_FOR_ERROR];
    buf_t response = BUF_ON_ARRAY(response_mem);
    cursor_t body;
    err_t e = wire_client_ask(&c->calls, buf_slice(&request), VAULT_WAIT_MS, &response,
                              VAULT_BLINDED, &body);
    explicit_bzero(mem, sizeof mem);
    TRY(e);
    CHECK(cur_u16(&body) == 1);
    uint8_t index[VAULT_BLIND_BYTES];
    cur_copy(&body, index, sizeof index);
    WIRE_CLIENT_END(&body);
    memcpy(ret_index, index, sizeof index);
    return OK;
}

/* ret_right NULL: the answer is WIRE_DONE. */
static err_t password_call(vault_client_t *c, uint16_t kind, const id128_t ids[2], slice_t password,
                           bool *ret_right)
{
    ENSURE(password.len > 0 && password.len <= VAULT_PASSWORD_MAX, ERR_LIMIT);
    uint8_t mem[WIRE_HEAD_BYTES + 2 * ID_BYTES + 2 + VAULT_PASSWORD_MAX];
    buf_t request = BUF_ON_ARRAY(mem);
    wire_begin(&request, kind);
    buf_put(&request, id_slice(&ids[0]));
    buf_put(&request, id_slice(&ids[1]));
    buf_str16(&request, password);
    uint8_t response_mem[ROOM_FOR_ERROR];
    buf_t response = BUF_ON_ARRAY(response_mem);
    cursor_t body;
    err_t e = wire_client_ask(&c->passwords, buf_slice(&request), VAULT_PASSWORD_WAIT_MS, &response,
                              ret_right ? VAULT_VERDICT : WIRE_DONE, &body);
    explicit_bzero(mem, sizeof mem);
    TRY(e);
    bool right = ret_right && cur_bool(&body);
    WIRE_CLIENT_END(&body);
    if (ret_right) {
        *ret_right = right;
    }
    return OK;
}

err_t vault_password_set(vault_client_t *c, id128_t request, id128_t account, slice_t password)
{
    return password_call(c, VAULT_PASSWORD_SET, (id128_t[]){request, account}, password, NULL);
}

err_t vault_password_check(vault_client_t *c, id128_t request, id128_t account, slice_t password,
                           bool *ret_right)
{
    bool right = false;
    TRY(password_call(c, VAULT_PASSWORD_CHECK, (id128_t[]){request, account}, password, &right));
    *ret_right = right;
    return OK;
}

err_t vault_payload_seal(vault_client_t *c, arena_t *a, id128_t subject, slice_t plain,
                         slice_t *ret_sealed)
{
    ENSURE(plain.len <= VAULT_PAYLOAD_MAX, ERR_LIMIT);
    buf_t request;
    TRY(arena_buf(a, WIRE_HEAD_BYTES + ID_BYTES + 2 + plain.len, &request));
    wire_begin(&request, VAULT_PAYLOAD_SEAL);
    buf_put(&request, id_slice(&subject));
    buf_str16(&request, plain);
    return batch_call(c, a, &request, BATCH_HEAD + 2 + plain.len + VAULT_OVERHEAD_MAX, VAULT_SEALED,
                      ret_sealed, 1);
}

/* Orders. */

enum { ORDER_BYTES = WIRE_HEAD_BYTES + 2 * ID_BYTES + 3 * (2 + VAULT_WORD_MAX) };

static err_t order_call(vault_client_t *c, uint16_t kind, const vault_order_t *order,
                        uint16_t want_kind, buf_t *response, cursor_t *ret_body)
{
    ENSURE(order_words_ok(order), ERR_USAGE);
    uint8_t mem[ORDER_BYTES];
    buf_t request = BUF_ON_ARRAY(mem);
    wire_begin(&request, kind);
    vault_order_put(&request, order);
    return wire_client_ask(&c->calls, buf_slice(&request), VAULT_ORDER_WAIT_MS, response, want_kind,
                           ret_body);
}

err_t vault_erase(vault_client_t *c, const vault_order_t *order, id128_t *ret_pseudonym,
                  uint32_t *ret_keys)
{
    uint8_t mem[ROOM_FOR_ERROR];
    buf_t response = BUF_ON_ARRAY(mem);
    cursor_t body;
    id128_t pseudonym;
    TRY(order_call(c, VAULT_ERASE, order, VAULT_ERASED, &response, &body));
    cur_copy(&body, pseudonym.b, ID_BYTES);
    uint32_t keys = cur_u32(&body);
    WIRE_CLIENT_END(&body);
    *ret_pseudonym = pseudonym;
    *ret_keys = keys;
    return OK;
}

static err_t order_done(vault_client_t *c, uint16_t kind, const vault_order_t *order)
{
    uint8_t mem[ROOM_FOR_ERROR];
    buf_t response = BUF_ON_ARRAY(mem);
    cursor_t body;
    TRY(order_call(c, kind, order, WIRE_DONE, &response, &body));
    WIRE_CLIENT_END(&body);
    return OK;
}

err_t vault_hold_add(vault_client_t *c, const vault_order_t *order)
{
    return order_done(c, VAULT_HOLD_ADD, order);
}

err_t vault_hold_release(vault_client_t *c, const vault_order_t *order)
{
    return order_done(c, VAULT_HOLD_RELEASE, order);
}

err_t vault_holds(vault_client_t *c, arena_t *a, vault_hold_t *ret_holds, size_t cap, size_t *ret_n)
{
    uint8_t mem[WIRE_HEAD_BYTES];
    buf_t request = BUF_ON_ARRAY(mem);
    buf_t response;
    cursor_t body;
    TRY(arena_buf(a, WIRE_MAX_BYTES, &response));
    wire_begin(&request, VAULT_HOLDS);
    TRY(wire_client_ask(&c->calls, buf_slice(&request), VAULT_ORDER_WAIT_MS, &response,
                        VAULT_HOLD_LIST, &body));
    size_t n = cur_u16(&body);
    for (size_t i = 0; i < n; i++) {
        vault_hold_t hold = {0};
        cur_copy(&body, hold.subject.b, ID_BYTES);
        hold.since_us = cur_i64(&body);
        hold.by = cur_str16(&body);
        hold.ref = cur_str16(&body);
        if (i < cap) {
            ret_holds[i] = hold;
        }
    }
    WIRE_CLIENT_END(&body);
    ENSURE(n <= cap, ERR_LIMIT);
    *ret_n = n;
    return OK;
}

err_t vault_honey(vault_client_t *c, id128_t subject)
{
    uint8_t mem[WIRE_HEAD_BYTES + ID_BYTES], response_mem[ROOM_FOR_ERROR];
    buf_t request = BUF_ON_ARRAY(mem), response = BUF_ON_ARRAY(response_mem);
    cursor_t body;
    wire_begin(&request, VAULT_HONEY);
    buf_put(&request, id_slice(&subject));
    TRY(wire_client_ask(&c->calls, buf_slice(&request), VAULT_ORDER_WAIT_MS, &response, WIRE_DONE,
                        &body));
    WIRE_CLIENT_END(&body);
    return OK;
}

err_t vault_honey_wanted(vault_client_t *c, vault_wanted_t *ret_wanted)
{
    uint8_t mem[WIRE_HEAD_BYTES], response_mem[ROOM_FOR_ERROR];
    buf_t request = BUF_ON_ARRAY(mem), response = BUF_ON_ARRAY(response_mem);
    cursor_t body;
    wire_begin(&request, VAULT_HONEY_WANTED);
    TRY(wire_client_ask(&c->calls, buf_slice(&request), VAULT_ORDER_WAIT_MS, &response,
                        VAULT_HONEY_IS, &body));
    unsigned wanted = cur_u8(&body);
    WIRE_CLIENT_END(&body);
    CHECK(wanted <= VAULT_WANTED_FIRST);
    *ret_wanted = (vault_wanted_t)wanted;
    return OK;
}

err_t vault_master(vault_client_t *c, vault_master_t *ret_master)
{
    uint8_t mem[WIRE_HEAD_BYTES], response_mem[ROOM_FOR_ERROR];
    buf_t request = BUF_ON_ARRAY(mem), response = BUF_ON_ARRAY(response_mem);
    cursor_t body;
    wire_begin(&request, VAULT_MASTER);
    TRY(wire_client_ask(&c->calls, buf_slice(&request), VAULT_ORDER_WAIT_MS, &response,
                        VAULT_MASTER_IS, &body));
    vault_master_t master = {.newest = cur_u32(&body)};
    master.oldest = cur_u32(&body);
    master.slots = cur_u64(&body);
    master.trouble = cur_u16(&body);
    master.honey = cur_u16(&body);
    WIRE_CLIENT_END(&body);
    *ret_master = master;
    return OK;
}

err_t vault_rotate(vault_client_t *c, uint32_t epoch, const uint8_t key[32])
{
    uint8_t mem[WIRE_HEAD_BYTES + 4 + 32], response_mem[ROOM_FOR_ERROR];
    buf_t request = BUF_ON_ARRAY(mem), response = BUF_ON_ARRAY(response_mem);
    cursor_t body;
    wire_begin(&request, VAULT_ROTATE);
    buf_u32(&request, epoch);
    buf_put(&request, slice_make(key, 32));
    err_t e = wire_client_ask(&c->calls, buf_slice(&request), VAULT_ORDER_WAIT_MS, &response,
                              WIRE_DONE, &body);
    explicit_bzero(mem, sizeof mem);
    TRY(e);
    WIRE_CLIENT_END(&body);
    return OK;
}

err_t vault_discard(vault_client_t *c, uint32_t epoch)
{
    uint8_t mem[WIRE_HEAD_BYTES + 4], response_mem[ROOM_FOR_ERROR];
    buf_t request = BUF_ON_ARRAY(mem), response = BUF_ON_ARRAY(response_mem);
    cursor_t body;
    wire_begin(&request, VAULT_DISCARD);
    buf_u32(&request, epoch);
    TRY(wire_client_ask(&c->calls, buf_slice(&request), VAULT_ORDER_WAIT_MS, &response, WIRE_DONE,
                        &body));
    WIRE_CLIENT_END(&body);
    return OK;
}
