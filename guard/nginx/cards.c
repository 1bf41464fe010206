/* Asks the card gate about a request whose body is there. Nothing of what was sent is kept. */
#include "guard.h"

#include "../cards/gate.h"

enum { SCRATCH_FACTOR = 24, SCRATCH_MIN = 256 * 1024 };

static void refusal_record(ngx_http_request_t *r, const guard_ctx_t *ctx, const gate_verdict_t *v)
{
    uint8_t mem[160];
    buf_t facts = BUF_ON_ARRAY(mem);
    guard_main_conf_t *conf = ngx_http_get_module_main_conf(r, ngx_http_sekisho_module);
    ledger_fact(&facts, "where", slice_cstr_in(gate_place_name(v->place)));
    ledger_fact(&facts, "brand", slice_cstr_in(card_brand_name(v->hit.brand)));
    ledger_fact_i64(&facts, "digits", v->hit.digits);
    guard_sender_add(&(ledger_record_t){
        .type = LEDGER_CARD_REFUSED,
        .request = ctx->id,
        .address = guard_pseudonym(conf, "address", guard_slice(r->connection->addr_text)),
        .count = 1,
        .facts = buf_slice(&facts)});
}

/* The target as it goes to the room: nginx's own r->args lacks what stands behind a '#'. */
static gate_request_t request_of(ngx_http_request_t *r, slice_t body)
{
    slice_t target = guard_slice(r->unparsed_uri);
    size_t encodings, mark = slice_find_byte(target, '?');
    gate_request_t request = {.path = slice_sub(target, 0, mark),
                              .query =
                                  mark == SIZE_MAX ? SLICE_EMPTY : slice_from(target, mark + 1),
                              .body = body};
    request.content_type = guard_header(r, "content-type", &request.content_types);
    request.content_encoding = guard_header(r, "content-encoding", &encodings);
    if (encodings > 1) {
        request.content_encoding = SLICE("several");
    }
    return request;
}

ngx_int_t guard_card_judge(ngx_http_request_t *r, guard_ctx_t *ctx)
{
    slice_t body;
    arena_t scratch;
    gate_verdict_t verdict;
    ctx->cards_judged = true;
    if (guard_body_of(r, &body) != NGX_OK || !ctx->body_whole) {
        ctx->note = "unlooked";
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    gate_request_t request = request_of(r, body);
    arena_init(&scratch, SCRATCH_MIN + SCRATCH_FACTOR * (body.len + r->unparsed_uri.len));
    err_t e = gate_look(&scratch, &request, &verdict);
    arena_deinit(&scratch);
    if (err_failed(e)) {
        ctx->note = "unlooked";
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (verdict.answer == GATE_PASS) {
        return NGX_DECLINED;
    }
    if (verdict.answer == GATE_UNREADABLE) {
        ctx->note = verdict.why;
        return (ngx_int_t)verdict.status;
    }
    ctx->note = "card";
    ctx->is_card = true;
    refusal_record(r, ctx, &verdict);
    return 422;
}
