#include "gate.h"

#include "boxes.h"
#include "readable.h"
#include "text/form.h"
#include "text/json.h"
#include "text/multipart.h"

const char *gate_place_name(gate_place_t place)
{
    static const char *const NAMES[] = {"nowhere", "path", "query", "body"};
    return (unsigned)place < BASE_COUNT(NAMES) ? NAMES[place] : "unknown";
}

/* One look: scratch memory, what was found, and the short values so far. */
typedef struct look {
    arena_t *arena;
    gate_verdict_t *verdict;
    boxes_t boxes;
} look_t;

static look_t look_on(arena_t *a, gate_verdict_t *v)
{
    look_t look = {.arena = a, .verdict = v};
    boxes_init(&look.boxes);
    return look;
}

/* CARD_DATA when there is one. */
static err_t text_look(look_t *look, slice_t text)
{
    return text.len < CARD_MIN_DIGITS ? OK
                                      : card_scan_encoded(look->arena, text, &look->verdict->hit);
}

/* A field's or leaf's value: by itself, and with its neighbours. */
static err_t value_look(look_t *look, slice_t value)
{
    TRY(text_look(look, value));
    return boxes_add(&look->boxes, value, &look->verdict->hit);
}

static err_t look_end(look_t *look)
{
    return boxes_end(&look->boxes, &look->verdict->hit);
}

/* Names are looked at too: a field may be called by the number. ENCODING when a name or value is
 * not UTF-8 text. */
static err_t form_look(arena_t *a, slice_t bytes, gate_verdict_t *v)
{
    look_t look = look_on(a, v);
    form_cursor_t c = form_on(bytes, GATE_FIELDS_MAX, FORM_LENIENT);
    bool is_text = true;
    while (form_more(&c)) {
        slice_t name, value;
        TRY(form_next(&c, a, &name, &value));
        TRY(text_look(&look, name));
        TRY(value_look(&look, value));
        is_text = is_text && readable_text(name) && readable_text(value);
    }
    TRY(look_end(&look));
    ENSURE(is_text, ERR_ENCODING);
    return OK;
}

/* A file's bytes are searched as they are; a field must be text. */
static err_t multipart_look(arena_t *a, slice_t content_type, slice_t body, gate_verdict_t *v)
{
    look_t look = look_on(a, v);
    slice_t boundary;
    multipart_t m;
    bool is_text = true;
    TRY(multipart_boundary(content_type, &boundary));
    TRY(multipart_open(body, boundary, GATE_FIELDS_MAX, &m));
    while (multipart_more(&m)) {
        multipart_part_t part;
        TRY(multipart_next(&m, &part));
        TRY(text_look(&look, part.headers));
        TRY(value_look(&look, part.value));
        is_text = is_text && readable_charset(part.content_type) &&
                  (part.has_filename || readable_text(part.value));
    }
    TRY(look_end(&look));
    ENSURE(is_text, ERR_ENCODING);
    return OK;
}

static err_t leaf_look(void *user, slice_t path, json_token_t leaf)
{
    look_t *look = user;
    if (leaf.kind == JSON_KEY) {
        return text_look(look, leaf.text);
    }
    bool has_text = leaf.kind == JSON_STRING || leaf.kind == JSON_NUMBER;
    return has_text ? value_look(look, leaf.text) : OK;
}

static err_t json_look(arena_t *a, slice_t body, gate_verdict_t *v)
{
    look_t look = look_on(a, v);
    TRY(json_walk(body, a, GATE_JSON_DEPTH, leaf_look, &look));
    return look_end(&look);
}

/* A body without a type that we know: as one text, and as the form that a room might take it for.
 */
static err_t plain_look(arena_t *a, slice_t body, gate_verdict_t *v)
{
    look_t look = look_on(a, v);
    TRY(text_look(&look, body));
    TRY(form_look(a, body, v));
    ENSURE(readable_text(body), ERR_ENCODING);
    return OK;
}

static err_t body_parsed_look(arena_t *a, const gate_request_t *r, gate_verdict_t *v)
{
    switch (readable_kind(r->content_type)) {
    case READABLE_FORM:
        return form_look(a, r->body, v);
    case READABLE_MULTIPART:
        return multipart_look(a, r->content_type, r->body, v);
    case READABLE_JSON:
        return json_look(a, r->body, v);
    case READABLE_OTHER:
    default:
        return plain_look(a, r->body, v);
    }
}

static void unreadable(gate_verdict_t *v, const char *why, unsigned status)
{
    v->answer = GATE_UNREADABLE;
    v->why = why;
    v->status = status;
}

/* What was said about the body in the headers. */
static void head_look(const gate_request_t *r, gate_verdict_t *v)
{
    if (!readable_encoding(r->content_encoding)) {
        unreadable(v, "encoding", 415);
    } else if (r->content_types > 1) {
        unreadable(v, "types", 400);
    } else if (!readable_charset(r->content_type)) {
        unreadable(v, "charset", 415);
    }
}

/* A body that is not what its type says is refused; it is searched as it stands first, so that the
 * record can say why. */
static err_t body_look(arena_t *a, const gate_request_t *r, gate_verdict_t *v)
{
    head_look(r, v);
    if (v->answer != GATE_PASS) {
        return OK;
    }
    err_t e = body_parsed_look(a, r, v);
    if (!err_failed(e) || e.code == ERR_CARD_DATA || e.code == ERR_MEMORY) {
        return e;
    }
    look_t look = look_on(a, v);
    TRY(text_look(&look, r->body));
    unreadable(v, e.code == ERR_LIMIT ? "limit" : e.code == ERR_ENCODING ? "text" : "syntax", 400);
    return OK;
}

static err_t path_look(arena_t *a, slice_t path, gate_verdict_t *v)
{
    look_t look = look_on(a, v);
    slice_t part;
    while (slice_split(&path, '/', &part)) {
        TRY(value_look(&look, part));
    }
    return look_end(&look);
}

static err_t query_look(arena_t *a, slice_t query, gate_verdict_t *v)
{
    err_t e = form_look(a, query, v);
    if (!err_failed(e) || e.code == ERR_CARD_DATA || e.code == ERR_MEMORY) {
        return e;
    }
    unreadable(v, e.code == ERR_LIMIT ? "limit" : "text", 400);
    return OK;
}

static err_t places_look(arena_t *a, const gate_request_t *r, gate_verdict_t *v)
{
    v->place = GATE_PATH;
    TRY(path_look(a, r->path, v));
    v->place = GATE_QUERY;
    TRY(query_look(a, r->query, v));
    if (v->answer == GATE_PASS && r->body.len) {
        v->place = GATE_BODY;
        TRY(body_look(a, r, v));
    }
    return OK;
}

err_t gate_look(arena_t *scratch, const gate_request_t *request, gate_verdict_t *ret_verdict)
{
    gate_verdict_t v = {.answer = GATE_PASS};
    err_t e = places_look(scratch, request, &v);
    if (err_is(e, ERR_CARD_DATA)) {
        v.answer = GATE_CARD;
    } else if (err_failed(e)) {
        return e;
    } else if (v.answer == GATE_PASS) {
        v.place = GATE_NOWHERE;
    }
    *ret_verdict = v;
    return OK;
}
