/* JSON leaves as arguments, named as libmodsecurity names them. */
#include "text/json.h"
#include "inner.h"
#include "text/utf8.h"

/* The path to the present value; for each open container the path's length before it and, in
 * arrays, the element's number. */
typedef struct walk {
    parse_t *p;
    json_reader_t r;
    uint8_t mem[BODY_JSON_NAME_MAX];
    buf_t path;
    size_t length[JSON_MAX_DEPTH + 1], index[JSON_MAX_DEPTH + 1];
    bool is_array[JSON_MAX_DEPTH + 1];
} walk_t;

/* One step of the path; what does not fit is cut off. */
static void step(walk_t *w, slice_t name)
{
    slice_t fits = utf8_truncate(name, w->path.cap - w->path.len);
    buf_put(&w->path, fits);
}

static err_t step_key(walk_t *w, slice_t key)
{
    size_t room = w->path.cap - w->path.len;
    step(w, SLICE("."));
    step(w, key.len ? key : SLICE("empty-key"));
    return key.len + 1 > room ? parse_arg(w->p, key, SLICE_EMPTY) : OK;
}

static void step_index(walk_t *w, unsigned depth)
{
    uint8_t mem[32];
    buf_t b = BUF_ON_ARRAY(mem);
    buf_cstr(&b, ".array_");
    buf_dec(&b, (int64_t)w->index[depth]);
    step(w, buf_slice(&b));
}

/* Back to the container that is open now; its next element. */
static void step_back(walk_t *w)
{
    w->path.len = w->length[w->r.depth];
    w->index[w->r.depth]++;
}

static err_t leaf(walk_t *w, slice_t value)
{
    slice_t name;
    TRY(arena_copy(w->p->arena, buf_slice(&w->path), &name));
    TRY(parse_arg(w->p, name, value));
    step_back(w);
    return OK;
}

static void opened(walk_t *w, bool is_array)
{
    unsigned depth = w->r.depth;
    w->length[depth] = w->path.len;
    w->index[depth] = 0;
    w->is_array[depth] = is_array;
}

static err_t token(walk_t *w, json_token_t t, unsigned around)
{
    bool ends = t.kind == JSON_OBJECT_END || t.kind == JSON_ARRAY_END;
    if (!ends && t.kind != JSON_KEY && w->is_array[around]) {
        step_index(w, around);
    }
    switch (t.kind) {
    case JSON_OBJECT_BEGIN:
    case JSON_ARRAY_BEGIN:
        opened(w, t.kind == JSON_ARRAY_BEGIN);
        return OK;
    case JSON_OBJECT_END:
    case JSON_ARRAY_END:
        step_back(w);
        return OK;
    case JSON_KEY:
        return step_key(w, t.text);
    case JSON_TRUE:
        return leaf(w, SLICE("true"));
    case JSON_FALSE:
        return leaf(w, SLICE("false"));
    case JSON_NULL:
        return leaf(w, SLICE_EMPTY);
    case JSON_STRING:
    case JSON_NUMBER:
        return leaf(w, t.text);
    case JSON_END:
    default:
        return OK;
    }
}

static const char *fault_text(err_t e)
{
    return err_is(e, ERR_LIMIT)      ? "JSON deeper than the limit"
           : err_is(e, ERR_ENCODING) ? "JSON that is not UTF-8"
                                     : "JSON syntax";
}

static err_t document(parse_t *p, slice_t body)
{
    walk_t w = {.p = p, .r = json_on(body, p->limits.max_depth)};
    w.path = BUF_ON_ARRAY(w.mem);
    step(&w, SLICE("json"));
    opened(&w, false);
    for (;;) {
        json_token_t t;
        unsigned around = w.r.depth;
        err_t e = json_next(&w.r, p->arena, &t);
        if (err_failed(e)) {
            return err_is(e, ERR_MEMORY) ? e : parse_error(p, fault_text(e));
        }
        if (t.kind == JSON_END) {
            return OK;
        }
        TRY(token(&w, t, around));
    }
}

err_t body_json(slice_t body, const body_limits_t *limits, const body_visitor_t *visitor,
                arena_t *arena, body_result_t *ret_result)
{
    parse_t p = parse_on(limits, visitor, arena);
    err_t e = body.len ? document(&p, body) : OK; /* no body is no fault */
    return parse_end(&p, e, ret_result);
}
