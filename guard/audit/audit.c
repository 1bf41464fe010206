#include "audit.h"

#include "base/id.h"
#include "mask.h"
#include "text/card.h"
#include "text/json.h"
#include "text/time.h"

static const char PRODUCER[] = "Sekisho (SecLang)", CONNECTOR[] = "ngx_http_sekisho_module";
static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* ---- what of a match may be said ---- */

/* The name behind the colon ("ARGS:password"). */
static slice_t selector_of(slice_t var)
{
    size_t colon = slice_find_byte(var, ':');
    return colon == SIZE_MAX ? SLICE_EMPTY : slice_from(var, colon + 1);
}

/* Collections whose values are single and named, or can hold no field of a person. */
static bool is_sayable(slice_t var)
{
    static const char *const NAMES[] = {"ARGS",
                                        "ARGS_GET",
                                        "ARGS_POST",
                                        "ARGS_NAMES",
                                        "ARGS_GET_NAMES",
                                        "ARGS_POST_NAMES",
                                        "REQUEST_HEADERS",
                                        "REQUEST_HEADERS_NAMES",
                                        "REQUEST_METHOD",
                                        "REQUEST_PROTOCOL",
                                        "REMOTE_ADDR",
                                        "REQUEST_COOKIES_NAMES",
                                        "FILES",
                                        "FILES_NAMES",
                                        "REQUEST_FILENAME",
                                        "REQUEST_BASENAME",
                                        "REQBODY_PROCESSOR",
                                        "RESPONSE_STATUS",
                                        "MULTIPART_PART_HEADERS"};
    slice_t name = slice_sub(var, 0, slice_find_byte(var, ':'));
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        if (slice_eq_nocase(name, slice_cstr_in(NAMES[i]))) {
            slice_t selector = selector_of(var);
            return !mask_is_secret(selector) && !slice_eq_nocase(selector, SLICE("cookie"));
        }
    }
    return false;
}

static bool is_number(slice_t s)
{
    int64_t v;
    return s.len <= 6 && !err_failed(slice_parse_i64(s, -999999, 999999, &v));
}

static void match_value_put(const engine_match_t *m, slice_t value, arena_t *scratch, buf_t *out)
{
    if (is_sayable(m->var) || is_number(value)) {
        card_cut_encoded(scratch, slice_sub(value, 0, 200), out);
    } else {
        mask_length(value, out);
    }
}

/* logdata is a rule's own text with request values put into it. */
static void match_data_put(const engine_match_t *m, arena_t *scratch, buf_t *out)
{
    if (is_sayable(m->var) || m->logdata.len == 0 || m->raw.len == 0 ||
        slice_find(m->logdata, slice_sub(m->value, 0, 4)) == SIZE_MAX) {
        card_cut_encoded(scratch, slice_sub(m->logdata, 0, 500), out);
    } else {
        mask_length(m->logdata, out);
    }
}

static void reason_put(const engine_match_t *m, arena_t *scratch, buf_t *out)
{
    buf_cstr(out, "Matched \"Operator `");
    buf_put(out, m->operator_name);
    buf_cstr(out, "' with parameter `");
    buf_put(out, slice_sub(m->operator_text, 0, 200));
    buf_cstr(out, "' against variable `");
    card_cut_encoded(scratch, slice_sub(m->var, 0, 200), out);
    buf_cstr(out, "' (Value: `");
    match_value_put(m, m->value, scratch, out);
    buf_cstr(out, "' )");
}

/* [key "value"]; quotes, backslashes and what is not printable are written as \xHH: nobody ends a
 * line or a field by what they send. */
static void quoted(buf_t *out, const char *key, slice_t value)
{
    buf_cstr(out, " [");
    buf_cstr(out, key);
    buf_cstr(out, " \"");
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        if (c < 0x20 || c == 0x7f || c == '"' || c == '\\') {
            buf_cstr(out, "\\x");
            buf_hex(out, slice_sub(value, i, 1));
        } else {
            buf_u8(out, c);
        }
    }
    buf_cstr(out, "\"]");
}

static void quoted_number(buf_t *out, const char *key, int64_t value)
{
    uint8_t mem[24];
    buf_t text = BUF_ON_ARRAY(mem);
    buf_dec(&text, value);
    quoted(out, key, buf_slice(&text));
}

/* Bytes that would end a line become '?'. */
static void one_line(buf_t *out, size_t from)
{
    for (size_t i = from; i < out->len; i++) {
        out->ptr[i] = out->ptr[i] < 0x20 || out->ptr[i] == 0x7f ? '?' : out->ptr[i];
    }
}

void audit_match_put(const audit_entry_t *e, const engine_match_t *m, arena_t *scratch, buf_t *out)
{
    uint8_t mem[2048];
    buf_t text = BUF_ON_ARRAY(mem);
    size_t from = out->len;
    if (m->id == e->blocking_rule && e->blocking_rule) {
        buf_cstr(out, "ModSecurity: Access denied with code ");
        buf_dec(out, e->blocking_status);
        buf_cstr(out, " (phase ");
        buf_dec(out, e->blocking_phase);
        buf_cstr(out, "). ");
    } else {
        buf_cstr(out, "ModSecurity: Warning. ");
    }
    reason_put(m, scratch, out);
    quoted(out, "file", m->file);
    quoted_number(out, "line", m->line);
    quoted_number(out, "id", m->id);
    quoted(out, "rev", m->rev);
    card_cut_encoded(scratch, slice_sub(m->msg, 0, 500), &text);
    quoted(out, "msg", buf_slice(&text));
    buf_reset(&text);
    match_data_put(m, scratch, &text);
    quoted(out, "data", buf_slice(&text));
    quoted_number(out, "severity", m->severity < 0 ? 0 : m->severity);
    quoted(out, "ver", m->ver);
    quoted_number(out, "maturity", m->maturity);
    quoted_number(out, "accuracy", m->accuracy);
    for (size_t i = 0; i < m->tag_count; i++) {
        quoted(out, "tag", m->tags[i]);
    }
    buf_reset(&text);
    mask_target(scratch, slice_sub(slice_sub(e->uri, 0, slice_find_byte(e->uri, '?')), 0, 500),
                &text);
    quoted(out, "hostname", e->host);
    quoted(out, "uri", buf_slice(&text));
    quoted(out, "unique_id", e->id);
    one_line(out, from);
}

/* ---- serial ---- */

static bool has_part(const audit_entry_t *e, char letter)
{
    return (e->parts >> (letter - 'A')) & 1;
}

static void part(buf_t *out, slice_t boundary, char letter)
{
    buf_cstr(out, "---");
    buf_put(out, boundary);
    buf_cstr(out, "---");
    buf_u8(out, (uint8_t)letter);
    buf_cstr(out, "--\n");
}

static void headers_serial(const audit_header_t *headers, size_t n, arena_t *scratch, buf_t *out)
{
    for (size_t i = 0; i < n; i++) {
        size_t from = out->len;
        card_cut_encoded(scratch, headers[i].name, out);
        buf_cstr(out, ": ");
        mask_header(scratch, headers[i].name, headers[i].value, out);
        one_line(out, from);
        buf_u8(out, '\n');
    }
    buf_u8(out, '\n');
}

static void two(buf_t *out, int64_t v)
{
    buf_dec_pad(out, (uint64_t)v, 2);
}

/* 27/Nov/2026:02:43:12 +0000 */
static void time_serial(buf_t *out, int64_t wall_us)
{
    int64_t seconds = wall_us / 1000000, of_day = seconds % 86400;
    date_ymd_t d = date_to_ymd((date_t)(seconds / 86400));
    two(out, d.day);
    buf_u8(out, '/');
    buf_cstr(out, MONTHS[d.month - 1]);
    buf_u8(out, '/');
    buf_dec(out, d.year);
    buf_u8(out, ':');
    two(out, of_day / 3600);
    buf_u8(out, ':');
    two(out, of_day / 60 % 60);
    buf_u8(out, ':');
    two(out, of_day % 60);
    buf_cstr(out, " +0000");
}

static void address_serial(const audit_entry_t *e, buf_t *out)
{
    buf_u8(out, '[');
    time_serial(out, e->wall_us);
    buf_cstr(out, "] ");
    buf_put(out, e->id);
    buf_u8(out, ' ');
    buf_put(out, e->client_addr);
    buf_u8(out, ' ');
    buf_dec(out, e->client_port);
    buf_u8(out, ' ');
    buf_put(out, e->server_addr);
    buf_u8(out, ' ');
    buf_dec(out, e->server_port);
    buf_u8(out, '\n');
}

static void line_serial(const audit_entry_t *e, arena_t *scratch, buf_t *out)
{
    size_t from = out->len;
    card_cut_encoded(scratch, e->method, out);
    buf_u8(out, ' ');
    mask_target(scratch, e->uri, out);
    buf_u8(out, ' ');
    buf_put(out, e->protocol);
    one_line(out, from);
    buf_u8(out, '\n');
}

err_t audit_serial_put(const audit_entry_t *e, arena_t *scratch, buf_t *out)
{
    char letters[8];
    slice_t boundary = slice_make(letters, sizeof letters);
    random_letters(letters, sizeof letters);
    part(out, boundary, 'A');
    address_serial(e, out);
    if (has_part(e, 'B')) {
        part(out, boundary, 'B');
        line_serial(e, scratch, out);
        headers_serial(e->request_headers, e->request_header_count, scratch, out);
    }
    for (const char *letter = "CI"; *letter; letter++) {
        if (has_part(e, *letter)) {
            part(out, boundary, *letter);
            mask_body(scratch, e->request_type, e->request_body, out);
            buf_cstr(out, "\n\n");
        }
    }
    if (has_part(e, 'E')) {
        part(out, boundary, 'E');
        mask_body(scratch, e->response_type, e->response_body, out);
        buf_cstr(out, "\n\n");
    }
    if (has_part(e, 'F')) {
        part(out, boundary, 'F');
        buf_put(out, e->protocol);
        buf_u8(out, ' ');
        buf_dec(out, e->status);
        buf_u8(out, '\n');
        headers_serial(e->response_headers, e->response_header_count, scratch, out);
    }
    if (has_part(e, 'H')) {
        part(out, boundary, 'H');
        for (size_t i = 0; i < e->match_count; i++) {
            audit_match_put(e, e->matches[i], scratch, out);
            buf_u8(out, '\n');
        }
        buf_u8(out, '\n');
    }
    part(out, boundary, 'Z');
    buf_u8(out, '\n');
    return buf_check(out);
}

/* ---- JSON ---- */

/* Memory for a text that is cut before it becomes a JSON string. */
static err_t text_on(arena_t *scratch, size_t len, buf_t *ret_buf)
{
    return arena_buf(scratch, len + 128, ret_buf);
}

static void key(buf_t *out, const char *before, const char *name)
{
    buf_cstr(out, before);
    json_put_string(out, slice_cstr_in(name));
    buf_u8(out, ':');
}

static void member(buf_t *out, const char *before, const char *name, slice_t value)
{
    key(out, before, name);
    json_put_string(out, value);
}

static void member_number(buf_t *out, const char *before, const char *name, int64_t value)
{
    key(out, before, name);
    buf_dec(out, value);
}

/* Numbers that libmodsecurity writes as text. */
static void member_digits(buf_t *out, const char *before, const char *name, int64_t value)
{
    key(out, before, name);
    buf_u8(out, '"');
    buf_dec(out, value);
    buf_u8(out, '"');
}

static err_t headers_json(const audit_header_t *headers, size_t n, arena_t *scratch, buf_t *out)
{
    buf_cstr(out, "{");
    for (size_t i = 0; i < n; i++) {
        buf_t name, value;
        TRY(text_on(scratch, headers[i].name.len, &name));
        TRY(text_on(scratch, headers[i].value.len * 3, &value));
        card_cut_encoded(scratch, headers[i].name, &name);
        mask_header(scratch, headers[i].name, headers[i].value, &value);
        buf_cstr(out, i ? "," : "");
        json_put_string(out, buf_slice(&name));
        buf_u8(out, ':');
        json_put_string(out, buf_slice(&value));
    }
    buf_cstr(out, "}");
    return OK;
}

static err_t body_json(slice_t type, slice_t body, arena_t *scratch, buf_t *out)
{
    buf_t text;
    TRY(text_on(scratch, body.len * 8, &text));
    mask_body(scratch, type, body, &text);
    TRY(buf_check(&text));
    member(out, ",", "body", buf_slice(&text));
    return OK;
}

static err_t request_json(const audit_entry_t *e, arena_t *scratch, buf_t *out)
{
    buf_t uri;
    TRY(text_on(scratch, e->uri.len * 12, &uri));
    mask_target(scratch, e->uri, &uri);
    key(out, ",", "request");
    member(out, "{", "method", slice_sub(e->method, 0, 32));
    slice_t version =
        slice_starts(e->protocol, SLICE("HTTP/")) ? slice_from(e->protocol, 5) : e->protocol;
    member(out, ",", "http_version", version);
    member(out, ",", "uri", buf_slice(&uri));
    if (has_part(e, 'C') || has_part(e, 'I')) {
        TRY(body_json(e->request_type, e->request_body, scratch, out));
    }
    if (has_part(e, 'B')) {
        key(out, ",", "headers");
        TRY(headers_json(e->request_headers, e->request_header_count, scratch, out));
    }
    buf_cstr(out, "}");
    return buf_check(&uri);
}

static err_t response_json(const audit_entry_t *e, arena_t *scratch, buf_t *out)
{
    key(out, ",", "response");
    member_number(out, "{", "http_code", e->status);
    if (has_part(e, 'E')) {
        TRY(body_json(e->response_type, e->response_body, scratch, out));
    }
    if (has_part(e, 'F')) {
        key(out, ",", "headers");
        TRY(headers_json(e->response_headers, e->response_header_count, scratch, out));
    }
    buf_cstr(out, "}");
    return OK;
}

static err_t match_json(const engine_match_t *m, arena_t *scratch, buf_t *out)
{
    buf_t text;
    TRY(text_on(scratch, 4096, &text));
    card_cut_encoded(scratch, slice_sub(m->msg, 0, 500), &text);
    member(out, "{", "message", buf_slice(&text));
    buf_reset(&text);
    reason_put(m, scratch, &text);
    key(out, ",", "details");
    member(out, "{", "match", buf_slice(&text));
    member(out, ",", "reference", SLICE_EMPTY);
    member_digits(out, ",", "ruleId", m->id);
    member(out, ",", "file", m->file);
    member_digits(out, ",", "lineNumber", m->line);
    buf_reset(&text);
    match_data_put(m, scratch, &text);
    member(out, ",", "data", buf_slice(&text));
    member_digits(out, ",", "severity", m->severity < 0 ? 0 : m->severity);
    member(out, ",", "ver", m->ver);
    member(out, ",", "rev", m->rev);
    key(out, ",", "tags");
    for (size_t i = 0; i < m->tag_count; i++) {
        buf_cstr(out, i ? "," : "[");
        json_put_string(out, m->tags[i]);
    }
    buf_cstr(out, m->tag_count ? "]" : "[]");
    member_digits(out, ",", "maturity", m->maturity);
    member_digits(out, ",", "accuracy", m->accuracy);
    buf_cstr(out, "}}");
    return OK;
}

static void producer_json(const audit_entry_t *e, buf_t *out)
{
    key(out, ",", "producer");
    member(out, "{", "modsecurity", slice_cstr_in(PRODUCER));
    member(out, ",", "connector", slice_cstr_in(CONNECTOR));
    member(out, ",", "secrules_engine",
           e->mode == ENGINE_ON       ? SLICE("Enabled")
           : e->mode == ENGINE_DETECT ? SLICE("DetectionOnly")
                                      : SLICE("Disabled"));
    buf_cstr(out, ",\"components\":[]}");
}

err_t audit_json_put(const audit_entry_t *e, arena_t *scratch, buf_t *out)
{
    uint8_t mem[48];
    buf_t time = BUF_ON_ARRAY(mem);
    time_serial(&time, e->wall_us);
    key(out, "{", "transaction");
    member(out, "{", "client_ip", e->client_addr);
    member(out, ",", "time_stamp", buf_slice(&time));
    member(out, ",", "server_id", e->host);
    member_number(out, ",", "client_port", e->client_port);
    member(out, ",", "host_ip", e->server_addr);
    member_number(out, ",", "host_port", e->server_port);
    member(out, ",", "unique_id", e->id);
    TRY(request_json(e, scratch, out));
    TRY(response_json(e, scratch, out));
    producer_json(e, out);
    key(out, ",", "messages");
    buf_cstr(out, "[");
    for (size_t i = 0; has_part(e, 'H') && i < e->match_count; i++) {
        buf_cstr(out, i ? "," : "");
        TRY(match_json(e->matches[i], scratch, out));
    }
    buf_cstr(out, "]}}\n");
    return buf_check(out);
}

size_t audit_bytes_max(const audit_entry_t *e)
{
    size_t n = 8192 + e->uri.len * 72 + (e->request_body.len + e->response_body.len) * 16;
    for (size_t i = 0; i < e->request_header_count; i++) {
        n += e->request_headers[i].name.len * 8 + e->request_headers[i].value.len * 20 + 64;
    }
    for (size_t i = 0; i < e->response_header_count; i++) {
        n += e->response_headers[i].name.len * 8 + e->response_headers[i].value.len * 20 + 64;
    }
    for (size_t i = 0; i < e->match_count; i++) {
        const engine_match_t *m = e->matches[i];
        n += 16384 + m->file.len * 8 + m->ver.len * 8 + m->rev.len * 8 + e->host.len * 8;
        for (size_t k = 0; k < m->tag_count; k++) {
            n += m->tags[k].len * 6 + 16;
        }
    }
    return n;
}
