/* The log phase: one record of a dynamic request, a count of a static file (issue 2). */
#include "rules.h"

#include "../record/facts.h"

slice_t guard_session_cookie(ngx_http_request_t *r)
{
    static ngx_str_t names[] = {ngx_string("__Host-sks"), ngx_string("sks")};
    for (size_t i = 0; i < BASE_COUNT(names); i++) {
        ngx_str_t value;
        if (ngx_http_parse_multi_header_lines(&r->headers_in.cookies, &names[i], &value) !=
            NGX_DECLINED) {
            return guard_slice(value);
        }
    }
    return SLICE_EMPTY;
}

/* A log-in begins a session anew: its record ties the two together. */
static slice_t session_begun(ngx_http_request_t *r)
{
    static const char *const NAMES[] = {"__Host-sks=", "sks="};
    for (ngx_list_part_t *part = &r->headers_out.headers.part; part; part = part->next) {
        ngx_table_elt_t *h = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts * BASE_COUNT(NAMES); i++) {
            ngx_table_elt_t *one = &h[i / BASE_COUNT(NAMES)];
            slice_t name = slice_cstr_in(NAMES[i % BASE_COUNT(NAMES)]),
                    value = guard_slice(one->value);
            if (one->hash && slice_eq_nocase(guard_slice(one->key), SLICE("Set-Cookie")) &&
                slice_starts(value, name)) {
                value = slice_from(value, name.len);
                return slice_sub(value, 0, slice_find_byte(value, ';'));
            }
        }
    }
    return SLICE_EMPTY;
}

/* As it was sent: an error page turns nginx's own method into GET. */
static slice_t method_sent(ngx_http_request_t *r)
{
    slice_t line = guard_slice(r->request_line);
    return slice_sub(line, 0, slice_find_byte(line, ' '));
}

static void request_record(ngx_http_request_t *r, const guard_ctx_t *ctx)
{
    uint8_t mem[400];
    buf_t facts = BUF_ON_ARRAY(mem);
    guard_main_conf_t *conf = ngx_http_get_module_main_conf(r, ngx_http_sekisho_module);
    ngx_http_core_srv_conf_t *server = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    ngx_time_t *now = ngx_timeofday();
    slice_t target = guard_slice(r->unparsed_uri);
    size_t mark = slice_find_byte(target, '?');
    slice_t agent =
        r->headers_in.user_agent ? guard_slice(r->headers_in.user_agent->value) : SLICE_EMPTY;
    facts_request_put(
        &facts,
        &(request_facts_t){.method = method_sent(r),
                           .host = guard_slice(server->server_name),
                           .path = slice_sub(target, 0, mark),
                           .has_query = mark != SIZE_MAX,
                           .note = slice_cstr_in(ctx->note),
                           .status = (unsigned)r->headers_out.status,
                           .took_ms = (int64_t)(now->sec - r->start_sec) * 1000 +
                                      (int64_t)now->msec - (int64_t)r->start_msec,
                           .bytes_in = r->request_length,
                           .bytes_out = r->connection->sent,
                           .agent = guard_short_hash(conf, "agent", agent),
                           .session = guard_short_hash(conf, "session", guard_session_cookie(r)),
                           .session_set = guard_short_hash(conf, "session", session_begun(r))});
    if (err_failed(buf_check(&facts))) {
        buf_reset(&facts);
        buf_cstr(&facts, "m=other&note=too+long");
    }
    guard_sender_add(&(ledger_record_t){
        .type = LEDGER_HTTP_REQUEST,
        .request = ctx->id,
        .address = guard_pseudonym(conf, "address", guard_slice(r->connection->addr_text)),
        .count = 1,
        .facts = buf_slice(&facts)});
}

/* A file that was not there ends at the error page's location and is recorded like any request. */
ngx_int_t guard_record_handler(ngx_http_request_t *r)
{
    guard_loc_conf_t *conf = ngx_http_get_module_loc_conf(r, ngx_http_sekisho_module);
    guard_ctx_t *ctx = guard_ctx(r);
    if (conf->is_static && !(ctx && ctx->is_blocked)) {
        guard_sender_count_static();
    } else if (ctx) {
        request_record(r, ctx);
    }
    if (ctx) {
        guard_after(r, ctx);
        guard_keep(r, ctx);
    }
    return NGX_OK;
}
