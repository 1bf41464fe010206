#include "kept.h"

#include "../audit/mask.h"
#include "../cards/gate.h"
#include "text/time.h"

enum { TOKEN_MIN = 24, HEAD_ROOM = 1024, LINE_ROOM = 64 };

/* ---- paths ---- */

/* A part of a path that opens something: a return token, a reset link. The house's own ids stay:
 * they name, they open nothing. */
static bool is_token(slice_t part)
{
    bool id = part.len == ID_TEXT;
    for (size_t i = 0; i < part.len; i++) {
        uint8_t c = part.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '-' && c != '_' && c != '.' && c != '~' && c != '=') {
            return false;
        }
        id = id && c != 0 && strchr("bcdfghjkmnpqrstv", c);
    }
    return part.len >= TOKEN_MIN && !id;
}

static err_t target_put(arena_t *scratch, slice_t target, buf_t *out)
{
    buf_t bare;
    size_t mark = slice_find_byte(target, '?');
    slice_t path = slice_sub(target, 0, mark), part;
    TRY(arena_buf(scratch, 2 * target.len + LINE_ROOM, &bare));
    for (bool first = true; slice_split(&path, '/', &part); first = false) {
        buf_cstr(&bare, first ? "" : "/");
        if (is_token(part)) {
            mask_length(part, &bare);
        } else {
            buf_put(&bare, part);
        }
    }
    buf_put(&bare, mark == SIZE_MAX ? SLICE_EMPTY : slice_from(target, mark));
    TRY(buf_check(&bare));
    mask_target(scratch, buf_slice(&bare), out);
    return buf_check(out);
}

/* METHOD SP target SP protocol. */
typedef struct line {
    slice_t method, target, rest;
} line_t;

static line_t line_of(slice_t line)
{
    size_t first = slice_find_byte(line, ' '), last = SIZE_MAX;
    line_t l = {.method = slice_sub(line, 0, first)};
    if (first == SIZE_MAX) {
        return l;
    }
    slice_t rest = slice_from(line, first + 1);
    for (size_t i = 0; i < rest.len; i++) {
        last = rest.ptr[i] == ' ' ? i : last;
    }
    l.target = slice_sub(rest, 0, last);
    l.rest = last == SIZE_MAX ? SLICE_EMPTY : slice_from(rest, last);
    return l;
}

/* ---- the second look ---- */

static gate_answer_t look(arena_t *scratch, slice_t target, slice_t type, slice_t body)
{
    size_t mark = slice_find_byte(target, '?');
    gate_verdict_t verdict;
    gate_request_t request = {.path = slice_sub(target, 0, mark),
                              .query =
                                  mark == SIZE_MAX ? SLICE_EMPTY : slice_from(target, mark + 1),
                              .content_type = type,
                              .content_types = type.len > 0,
                              .body = body};
    return err_failed(gate_look(scratch, &request, &verdict)) ? GATE_CARD : verdict.answer;
}

static int hex_of(uint8_t c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

/* A percent escape at c: 1 when it stands for a sign of ASCII, 2 for a digit or a byte of another
 * script, 0 when it is none. */
static int escape_at(const uint8_t *c, size_t left)
{
    int high = left > 2 && c[0] == '%' ? hex_of(c[1]) : -1, low = high >= 0 ? hex_of(c[2]) : -1;
    if (low < 0) {
        return 0;
    }
    return high >= 8 || (high == 3 && low <= 9) ? 2 : 1;
}

/* Digits, escaped or of full width as well; of what cannot be read everything that is not ASCII. */
static void digits_drop(buf_t *b, bool unreadable)
{
    for (size_t i = 0; i < b->len; i++) {
        uint8_t *c = b->ptr + i;
        size_t left = b->len - i;
        int escape = escape_at(c, left);
        if (escape == 2 ||
            (left > 2 && c[0] == 0xef && c[1] == 0xbc && c[2] >= 0x90 && c[2] <= 0x99)) {
            memcpy(c, "###", 3);
        } else if (*c >= '0' && *c <= '9') {
            *c = '#';
        } else if (unreadable && *c >= 0x80) {
            *c = '?';
        }
        i += escape ? 2 : 0;
    }
}

static void length_only(slice_t was, buf_t *b)
{
    b->len = 0;
    mask_length(was, b);
}

static bool is_length(slice_t was, const buf_t *b)
{
    uint8_t mem[LINE_ROOM];
    buf_t length = BUF_ON_ARRAY(mem);
    mask_length(was, &length);
    return slice_eq(buf_slice(&length), buf_slice(b));
}

/* After the digits have gone: is there still something? */
static bool still_shows(arena_t *scratch, gate_answer_t was, gate_answer_t now, const buf_t *part)
{
    return was == GATE_UNREADABLE ? err_failed(card_scan_encoded(scratch, buf_slice(part), NULL))
                                  : now != GATE_PASS;
}

static void settle(arena_t *scratch, const kept_request_t *r, slice_t target, buf_t *masked_target,
                   buf_t *masked_body)
{
    gate_answer_t was = look(scratch, buf_slice(masked_target), SLICE_EMPTY, SLICE_EMPTY), now;
    if (was != GATE_PASS) {
        digits_drop(masked_target, was == GATE_UNREADABLE);
        now = look(scratch, buf_slice(masked_target), SLICE_EMPTY, SLICE_EMPTY);
        if (still_shows(scratch, was, now, masked_target)) {
            length_only(target, masked_target);
        }
    }
    if (is_length(r->body, masked_body)) {
        return;
    }
    was = look(scratch, SLICE("/"), r->content_type, buf_slice(masked_body));
    if (was != GATE_PASS) {
        digits_drop(masked_body, was == GATE_UNREADABLE);
        now = look(scratch, SLICE("/"), r->content_type, buf_slice(masked_body));
        if (still_shows(scratch, was, now, masked_body)) {
            length_only(r->body, masked_body);
        }
    }
}

/* ---- putting ---- */

static void about_put(const kept_request_t *r, size_t kept_body, bool cut, buf_t *out)
{
    uint8_t id[ID_TEXT];
    id_encode(r->id, (char *)id);
    buf_cstr(out, "sekisho-kept: 1\nid: ");
    buf_put(out, slice_make(id, sizeof id));
    buf_cstr(out, "\ntime: ");
    time_put_rfc3339(out, r->wall_us);
    buf_cstr(out, "\nclient: ");
    buf_put(out, slice_sub(r->client, 0, 64));
    buf_cstr(out, "\nhost: ");
    buf_put(out, slice_sub(r->host, 0, 128));
    buf_cstr(out, "\nwhy: ");
    buf_put(out, slice_sub(r->why, 0, 32));
    buf_cstr(out, "\nstatus: ");
    buf_dec(out, r->status);
    if (r->rules.len) {
        buf_cstr(out, "\nrules: ");
        buf_put(out, slice_sub(r->rules, 0, 300));
    }
    buf_cstr(out, "\nbody: ");
    buf_dec(out, (int64_t)r->body.len);
    buf_cstr(out, r->body_unread ? " bytes, not read" : " bytes sent, ");
    if (!r->body_unread) {
        buf_dec(out, (int64_t)kept_body);
        buf_cstr(out, " kept");
    }
    buf_cstr(out, cut ? "\ncut: yes\n\n" : "\ncut: no\n\n");
}

static bool is_framing(slice_t name)
{
    return slice_eq_nocase(name, SLICE("content-length")) ||
           slice_eq_nocase(name, SLICE("transfer-encoding"));
}

/* A line end inside a value would make two headers of one. */
static void one_line(buf_t *b, size_t from)
{
    for (size_t i = from; i < b->len; i++) {
        b->ptr[i] = b->ptr[i] == '\r' || b->ptr[i] == '\n' || b->ptr[i] == 0 ? ' ' : b->ptr[i];
    }
}

static err_t header_put(arena_t *scratch, const kept_header_t *h, buf_t *one)
{
    TRY(arena_buf(scratch, 3 * (h->name.len + h->value.len) + LINE_ROOM, one));
    card_cut_encoded(scratch, h->name, one);
    buf_cstr(one, ": ");
    if (slice_eq_nocase(h->name, SLICE("referer"))) {
        TRY(target_put(scratch, h->value, one));
    } else {
        mask_header(scratch, h->name, h->value, one);
    }
    one_line(one, 0);
    return buf_check(one);
}

static size_t max_of(const kept_request_t *r)
{
    size_t max = r->max_bytes ? r->max_bytes : KEPT_MAX;
    CHECK(max >= KEPT_MIN && max <= KEPT_MAX);
    return max;
}

/* Those that fit; *io_cut is set when one does not. */
static err_t headers_put(const kept_request_t *r, arena_t *scratch, buf_t *out, bool *io_cut)
{
    for (size_t i = 0; i < r->n_headers; i++) {
        buf_t one;
        if (is_framing(r->headers[i].name)) {
            continue;
        }
        TRY(header_put(scratch, &r->headers[i], &one));
        if (out->len + one.len + 2 > max_of(r) / 3) {
            *io_cut = true;
            continue;
        }
        buf_put(out, buf_slice(&one));
        buf_cstr(out, "\r\n");
    }
    return buf_check(out);
}

typedef struct parts {
    buf_t target, headers, body;
    bool cut;
} parts_t;

static err_t parts_make(const kept_request_t *r, arena_t *scratch, const line_t *line, parts_t *p)
{
    TRY(arena_buf(scratch, 3 * line->target.len + LINE_ROOM, &p->target));
    TRY(arena_buf(scratch, max_of(r) / 3 + LINE_ROOM, &p->headers));
    TRY(arena_buf(scratch, 6 * r->body.len + LINE_ROOM, &p->body));
    TRY(target_put(scratch, line->target, &p->target));
    mask_body(scratch, r->content_type, r->body, &p->body);
    TRY(buf_check(&p->body));
    settle(scratch, r, line->target, &p->target, &p->body);
    one_line(&p->target, 0);
    return headers_put(r, scratch, &p->headers, &p->cut);
}

err_t kept_put(const kept_request_t *r, arena_t *scratch, buf_t *out)
{
    parts_t p = {.cut = false};
    line_t line = line_of(r->line);
    TRY(parts_make(r, scratch, &line, &p));
    size_t max = max_of(r), target_max = max / 4;
    size_t room = max - HEAD_ROOM - target_max - p.headers.len;
    slice_t target = slice_sub(buf_slice(&p.target), 0, target_max);
    slice_t body = slice_sub(buf_slice(&p.body), 0, room);
    p.cut = p.cut || target.len < p.target.len || body.len < p.body.len;
    size_t begin = out->len;
    about_put(r, body.len, p.cut, out);
    buf_put(out, slice_sub(line.method, 0, 32));
    buf_u8(out, ' ');
    buf_put(out, target);
    size_t rest_at = out->len;
    buf_put(out, slice_sub(line.rest, 0, 32));
    one_line(out, rest_at);
    buf_cstr(out, "\r\n");
    buf_put(out, buf_slice(&p.headers));
    buf_cstr(out, "Content-Length: ");
    buf_dec(out, (int64_t)body.len);
    buf_cstr(out, "\r\n\r\n");
    buf_put(out, body);
    CHECK(out->full || out->len - begin <= max);
    return buf_check(out);
}

slice_t kept_request_of(slice_t kept)
{
    size_t end = slice_find(kept, SLICE("\n\n"));
    return end == SIZE_MAX ? SLICE_EMPTY : slice_from(kept, end + 2);
}
