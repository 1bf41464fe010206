#include "vault/api_evidence.h"

#include <string.h>

#include "vault/api.h"

enum { ROOM_FOR_ERROR = 1024, PIECE_HEAD = ID_BYTES + 4 + 4 + 2, ANSWER_HEAD = 2 + 2 };

bool vault_evidence_word_ok(slice_t word)
{
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == 0 || !strchr("._-@/:", c))) {
            return false;
        }
    }
    return word.len > 0 && word.len <= VAULT_EVIDENCE_WORD;
}

static bool order_ok(const vault_evidence_order_t *o)
{
    return vault_evidence_word_ok(o->by) && (!o->ref.len || vault_evidence_word_ok(o->ref));
}

void vault_evidence_order_put(buf_t *b, const vault_evidence_order_t *order)
{
    buf_put(b, id_slice(&order->id));
    buf_str16(b, order->by);
    buf_str16(b, order->ref);
}

vault_evidence_order_t vault_evidence_order_get(cursor_t *c)
{
    vault_evidence_order_t order = {0};
    cur_copy(c, order.id.b, ID_BYTES);
    order.by = cur_str16(c);
    order.ref = cur_str16(c);
    c->bad = c->bad || !order_ok(&order);
    return order;
}

void vault_evidence_piece_put(buf_t *b, const vault_evidence_piece_t *piece)
{
    buf_put(b, id_slice(&piece->request));
    buf_u32(b, piece->place.month);
    buf_u32(b, piece->place.slot);
    buf_str16(b, piece->inner);
}

vault_evidence_piece_t vault_evidence_piece_get(cursor_t *c)
{
    vault_evidence_piece_t piece = {0};
    cur_copy(c, piece.request.b, ID_BYTES);
    piece.place.month = cur_u32(c);
    piece.place.slot = cur_u32(c);
    piece.inner = cur_str16(c);
    c->bad = c->bad || piece.inner.len > EVIDENCE_PLAIN_MAX + EVIDENCE_INNER_OVERHEAD;
    return piece;
}

void vault_evidence_client_init(wire_client_t *c, path_t path, room_id_t self)
{
    wire_client_init(c, &(wire_client_conf_t){.path = path,
                                              .self = self,
                                              .peer = ROOM_VAULT,
                                              .api_version = VAULT_API_VERSION,
                                              .max_conns = 1});
}

/* The answer is the shorter one: it lacks the box around each piece. */
size_t vault_evidence_share(const vault_evidence_piece_t *pieces, size_t n)
{
    size_t bytes = WIRE_HEAD_BYTES + ID_BYTES + 2 * (2 + VAULT_EVIDENCE_WORD) + 2, count = 0;
    while (count < n && count < VAULT_EVIDENCE_BATCH &&
           bytes + PIECE_HEAD + pieces[count].inner.len <= WIRE_MAX_BYTES) {
        bytes += PIECE_HEAD + pieces[count++].inner.len;
    }
    return count;
}

err_t vault_evidence_open(wire_client_t *c, arena_t *a, const vault_evidence_order_t *order,
                          const vault_evidence_piece_t *pieces, size_t n,
                          vault_evidence_opened_t *ret_opened)
{
    buf_t request, response;
    cursor_t body;
    ENSURE(n > 0 && n <= vault_evidence_share(pieces, n), ERR_LIMIT);
    ENSURE(order_ok(order), ERR_USAGE);
    TRY(arena_buf(a, WIRE_MAX_BYTES, &request));
    TRY(arena_buf(a, WIRE_MAX_BYTES, &response));
    wire_begin(&request, VAULT_EVIDENCE_OPEN);
    vault_evidence_order_put(&request, order);
    buf_u16(&request, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        vault_evidence_piece_put(&request, &pieces[i]);
    }
    TRY(buf_check(&request));
    TRY(wire_client_ask(c, buf_slice(&request), VAULT_EVIDENCE_WAIT_MS, &response,
                        VAULT_EVIDENCE_OPENED, &body));
    CHECK(cur_u16(&body) == n);
    for (size_t i = 0; i < n; i++) {
        ret_opened[i].code = (err_code_t)cur_u16(&body);
        ret_opened[i].bytes = cur_str16(&body);
    }
    WIRE_CLIENT_END(&body);
    return OK;
}

err_t vault_evidence_erase(wire_client_t *c, const vault_evidence_order_t *order, id128_t subject,
                           const evidence_place_t *places, size_t n, unsigned *ret_destroyed)
{
    uint8_t mem[WIRE_HEAD_BYTES + 2 * ID_BYTES + 2 * (2 + VAULT_EVIDENCE_WORD) + 2 +
                VAULT_EVIDENCE_BATCH * 8],
        answer[ROOM_FOR_ERROR];
    buf_t request = BUF_ON_ARRAY(mem), response = BUF_ON_ARRAY(answer);
    cursor_t body;
    ENSURE(n > 0 && n <= VAULT_EVIDENCE_BATCH, ERR_LIMIT);
    ENSURE(order_ok(order), ERR_USAGE);
    wire_begin(&request, VAULT_EVIDENCE_ERASE);
    vault_evidence_order_put(&request, order);
    buf_put(&request, id_slice(&subject));
    buf_u16(&request, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        buf_u32(&request, places[i].month);
        buf_u32(&request, places[i].slot);
    }
    TRY(buf_check(&request));
    TRY(wire_client_ask(c, buf_slice(&request), VAULT_EVIDENCE_WAIT_MS, &response,
                        VAULT_EVIDENCE_ERASED, &body));
    unsigned destroyed = cur_u16(&body);
    WIRE_CLIENT_END(&body);
    *ret_destroyed = destroyed;
    return OK;
}
