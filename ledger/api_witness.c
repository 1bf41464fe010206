#include "ledger/api_witness.h"

enum { ASK_MS = 5000, HEAD = 64 };

static void take_bytes(cursor_t *body, uint8_t *out, size_t cap, size_t *ret_len)
{
    slice_t s = cur_str16(body);
    body->bad = body->bad || s.len > cap;
    if (!body->bad && s.len) {
        memcpy(out, s.ptr, s.len);
    }
    *ret_len = body->bad ? 0 : s.len;
}

static void take_checkpoint(cursor_t *body, ledger_checkpoint_t *cp)
{
    cp->size = cur_u64(body);
    take_bytes(body, cp->note, sizeof cp->note, &cp->note_len);
    cp->path.n = cur_u16(body);
    body->bad = body->bad || cp->path.n > LEDGER_PATH_MAX;
    for (unsigned i = 0; !body->bad && i < cp->path.n; i++) {
        cur_copy(body, cp->path.at[i], 32);
    }
}

static err_t ask(wire_client_t *c, slice_t request, uint16_t kind, ledger_checkpoint_t *cp,
                 ledger_handover_t *handover)
{
    uint8_t *mem = malloc(WIRE_MAX_BYTES);
    ENSURE(mem, ERR_MEMORY);
    buf_t answer = buf_on(mem, WIRE_MAX_BYTES);
    cursor_t body;
    err_t e = wire_client_ask(c, request, ASK_MS, &answer, kind, &body);
    if (!err_failed(e)) {
        take_checkpoint(&body, cp);
        if (handover) {
            take_bytes(&body, handover->leaf, sizeof handover->leaf, &handover->leaf_len);
        }
        WIRE_CLIENT_END(&body);
    }
    free(mem);
    return e;
}

static err_t ask_checkpoint(wire_client_t *c, uint64_t old_size, uint64_t size, bool is_segment,
                            ledger_checkpoint_t *ret)
{
    uint8_t head[HEAD];
    buf_t request = BUF_ON_ARRAY(head);
    wire_begin(&request, LEDGER_CHECKPOINT);
    buf_u64(&request, old_size);
    buf_u64(&request, size);
    buf_u8(&request, is_segment);
    return ask(c, buf_slice(&request), LEDGER_CHECKPOINT_OK, ret, NULL);
}

err_t ledger_checkpoint(wire_client_t *c, uint64_t old_size, uint64_t size,
                        ledger_checkpoint_t *ret_checkpoint)
{
    return ask_checkpoint(c, old_size, size, false, ret_checkpoint);
}

err_t ledger_segment_end(wire_client_t *c, uint64_t old_size, uint64_t segment,
                         ledger_checkpoint_t *ret_checkpoint)
{
    return ask_checkpoint(c, old_size, segment, true, ret_checkpoint);
}

err_t ledger_handover(wire_client_t *c, uint64_t segment, ledger_handover_t *ret_handover)
{
    uint8_t head[HEAD];
    buf_t request = BUF_ON_ARRAY(head);
    wire_begin(&request, LEDGER_HANDOVER);
    buf_u64(&request, segment);
    return ask(c, buf_slice(&request), LEDGER_HANDOVER_OK, &ret_handover->end, ret_handover);
}

err_t ledger_cosigned(wire_client_t *c, uint64_t size, slice_t lines)
{
    uint8_t mem[HEAD + LEDGER_LINES_MAX], answer_mem[HEAD + WIRE_TEXT_MAX];
    buf_t request = BUF_ON_ARRAY(mem), answer = BUF_ON_ARRAY(answer_mem);
    cursor_t body;
    wire_begin(&request, LEDGER_COSIGNED);
    buf_u64(&request, size);
    buf_str16(&request, lines);
    TRY(buf_check(&request));
    TRY(wire_client_ask(c, buf_slice(&request), ASK_MS, &answer, WIRE_DONE, &body));
    WIRE_CLIENT_END(&body);
    return OK;
}
