/* Decoding of what a browser sends beside the target: cookies, query, form bodies. Standing on the
 * house's only tokenisers (law 8); nothing here reads percent signs or boundaries by itself. */
#include "text/form.h"
#include "text/json.h"
#include "text/multipart.h"
#include "text/utf8.h"
#include "web/priv.h"

/* RFC 9110 5.6.2 */
bool web_is_token(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c))) {
            return false;
        }
    }
    return s.len > 0;
}

/* RFC 9110 5.5 without obs-text's freedom: no control but tab. */
bool web_header_value_ok(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((s.ptr[i] < 0x20 && s.ptr[i] != '\t') || s.ptr[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

/* RFC 6265 4.1.1 cookie-octet */
static bool cookie_value_ok(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '"' || c == ',' || c == ';' || c == '\\') {
            return false;
        }
    }
    return true;
}

void web_cookies_parse(slice_t header, web_pair_t *pairs, size_t max, size_t *io_n)
{
    slice_t part;
    while (*io_n < max && slice_split(&header, ';', &part)) {
        part = slice_trim(part);
        size_t eq = slice_find_byte(part, '=');
        if (eq == SIZE_MAX) {
            continue;
        }
        slice_t name = slice_sub(part, 0, eq), value = slice_from(part, eq + 1);
        if (web_is_token(name) && cookie_value_ok(value)) {
            pairs[(*io_n)++] = (web_pair_t){name, value};
        }
    }
}

err_t web_query_parse(arena_t *a, slice_t query, web_pairs_t *ret_pairs)
{
    size_t n = 0, max = query.len ? 1 : 0;
    for (size_t i = 0; i < query.len; i++) {
        max += query.ptr[i] == '&';
    }
    if (max > WEB_FIELDS_MAX) {
        max = WEB_FIELDS_MAX;
    }
    web_pair_t *pairs = max ? ARENA_ARRAY(a, web_pair_t, max) : NULL;
    ENSURE(!max || pairs, ERR_MEMORY);
    form_cursor_t c = form_on(query, WEB_FIELDS_MAX, FORM_STRICT);
    while (form_more(&c)) {
        slice_t name, value;
        TRY(form_next(&c, a, &name, &value));
        ENSURE(n < max, ERR_LIMIT);
        pairs[n++] = (web_pair_t){name, value};
    }
    *ret_pairs = (web_pairs_t){pairs, n};
    return OK;
}

err_t web_type_bare(arena_t *a, slice_t header, slice_t *ret_type)
{
    slice_t part = slice_trim(slice_sub(header, 0, slice_find_byte(header, ';')));
    buf_t out;
    TRY(arena_buf(a, part.len + 1, &out));
    for (size_t i = 0; i < part.len; i++) {
        uint8_t c = part.ptr[i];
        buf_u8(&out, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
    }
    *ret_type = buf_slice(&out);
    return OK;
}

static err_t part_text_ok(const multipart_part_t *part)
{
    ENSURE(part->value.len <= WEB_FORM_BYTES, ERR_LIMIT);
    ENSURE(utf8_valid(part->value) &&
               !memchr(part->value.ptr ? part->value.ptr : (const void *)"", 0, part->value.len),
           ERR_ENCODING);
    return OK;
}

static err_t parse_multipart(web_req_t *req, slice_t content_type)
{
    web_pair_t *pairs = ARENA_ARRAY(req->arena, web_pair_t, WEB_FIELDS_MAX);
    web_file_t *files = ARENA_ARRAY(req->arena, web_file_t, WEB_FILES_MAX);
    ENSURE(pairs && files, ERR_MEMORY);
    size_t n = 0, n_files = 0;
    slice_t boundary;
    multipart_t m;
    TRY(multipart_boundary(content_type, &boundary));
    TRY(multipart_open(req->body, boundary, WEB_FIELDS_MAX + WEB_FILES_MAX, &m));
    while (multipart_more(&m)) {
        multipart_part_t part;
        TRY(multipart_next(&m, &part));
        ENSURE(utf8_is_text(part.name, false) && utf8_is_text(part.filename, false), ERR_ENCODING);
        if (part.has_filename) {
            ENSURE(n_files < WEB_FILES_MAX, ERR_LIMIT);
            files[n_files++] =
                (web_file_t){part.name, part.filename, part.content_type, part.value};
            continue;
        }
        ENSURE(n < WEB_FIELDS_MAX, ERR_LIMIT);
        TRY(part_text_ok(&part));
        pairs[n++] = (web_pair_t){part.name, part.value};
    }
    req->form = (web_pairs_t){pairs, n};
    req->files = files;
    req->n_files = n_files;
    return OK;
}

static err_t json_ok(void *user, slice_t path, json_token_t leaf)
{
    return OK;
}

/* Only UTF-8 is spoken; a form that says otherwise is refused rather than misread. */
static bool charset_ok(slice_t content_type)
{
    slice_t part, rest = content_type;
    slice_split(&rest, ';', &part);
    while (slice_split(&rest, ';', &part)) {
        part = slice_trim(part);
        size_t eq = slice_find_byte(part, '=');
        if (eq == SIZE_MAX || !slice_eq_nocase(slice_sub(part, 0, eq), SLICE("charset"))) {
            continue;
        }
        slice_t value = slice_from(part, eq + 1);
        if (!slice_eq_nocase(value, SLICE("utf-8")) &&
            !slice_eq_nocase(value, SLICE("\"utf-8\""))) {
            return false;
        }
    }
    return true;
}

web_fault_t web_body_parse(web_req_t *req, slice_t content_type)
{
    unsigned flags = req->route->flags;
    if (flags & WEB_RAW_BODY) {
        return WEB_FINE;
    }
    slice_t type = req->content_type;
    bool is_json = slice_eq(type, SLICE("application/json"));
    bool is_form = slice_eq(type, SLICE("application/x-www-form-urlencoded"));
    bool is_multi = slice_eq(type, SLICE("multipart/form-data"));
    bool fits = flags & WEB_JSON_BODY ? is_json : is_form || is_multi;
    if (!req->body.len && (!type.len || fits) && !(flags & WEB_JSON_BODY)) {
        return WEB_FINE;
    }
    if (!fits || !charset_ok(content_type)) {
        return web_fault(FAIL(ERR_SYNTAX), 415, WEB_WHY_MEDIA_TYPE);
    }
    if (is_form) {
        return web_fault_of(web_query_parse(req->arena, req->body, &req->form));
    }
    if (is_multi) {
        return web_fault_of(parse_multipart(req, content_type));
    }
    return web_fault_of(json_walk(req->body, req->arena, JSON_MAX_DEPTH, json_ok, NULL));
}
