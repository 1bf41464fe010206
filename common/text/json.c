#include "text/json.h"

#include "text/hex.h"
#include "text/utf8.h"

enum { ST_VALUE, ST_FIRST, ST_AFTER, ST_FAILED };

json_reader_t json_on(slice_t in, unsigned max_depth)
{
    return (json_reader_t){
        .in = in,
        .max_depth = max_depth < JSON_MAX_DEPTH ? max_depth : (unsigned)JSON_MAX_DEPTH,
        .state = ST_VALUE,
    };
}

/* The byte at the reader, or -1 at the end. */
static int peek(const json_reader_t *r)
{
    return r->at < r->in.len ? r->in.ptr[r->at] : -1;
}

static void skip_space(json_reader_t *r)
{
    int c = peek(r);
    while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        r->at++;
        c = peek(r);
    }
}

static bool in_object(const json_reader_t *r)
{
    return r->depth && (r->is_object >> (r->depth - 1) & 1);
}

static bool take(json_reader_t *r, int c)
{
    bool is = peek(r) == c;
    r->at += is;
    return is;
}

static err_t take_hex4(json_reader_t *r, uint32_t *ret_value)
{
    slice_t s = slice_sub(r->in, r->at, 4);
    int high = hex_pair(s), low = hex_pair(slice_from(s, 2));
    ENSURE(high >= 0 && low >= 0, ERR_SYNTAX);
    r->at += 4;
    *ret_value = (uint32_t)(high << 8 | low);
    return OK;
}

/* After "\u". */
static err_t take_unicode(json_reader_t *r, uint32_t *ret_cp)
{
    uint32_t cp, low;
    TRY(take_hex4(r, &cp));
    ENSURE(cp < 0xDC00 || cp > 0xDFFF, ERR_ENCODING);
    if (cp >= 0xD800 && cp <= 0xDBFF) {
        ENSURE(take(r, '\\') && take(r, 'u'), ERR_ENCODING);
        TRY(take_hex4(r, &low));
        ENSURE(low >= 0xDC00 && low <= 0xDFFF, ERR_ENCODING);
        cp = 0x10000 + ((cp - 0xD800) << 10 | (low - 0xDC00));
    }
    *ret_cp = cp;
    return OK;
}

static err_t take_escape(json_reader_t *r, buf_t *out)
{
    static const char FROM[] = "\"\\/bfnrt", TO[] = "\"\\/\b\f\n\r\t";
    int c = peek(r);
    r->at++;
    if (c == 'u') {
        uint32_t cp;
        TRY(take_unicode(r, &cp));
        buf_utf8(out, cp);
        return OK;
    }
    const char *at = c > 0 ? strchr(FROM, c) : NULL;
    ENSURE(at, ERR_SYNTAX);
    buf_u8(out, (uint8_t)TO[at - FROM]);
    return OK;
}

/* Length of the raw string up to its closing quote, and whether it holds escapes. */
static err_t string_extent(const json_reader_t *r, size_t *ret_len, bool *ret_escapes)
{
    bool escapes = false;
    for (size_t i = r->at; i < r->in.len; i++) {
        uint8_t c = r->in.ptr[i];
        if (c == '"') {
            *ret_len = i - r->at;
            *ret_escapes = escapes;
            return OK;
        }
        ENSURE(c >= 0x20, ERR_SYNTAX);
        if (c == '\\') {
            escapes = true;
            i++;
        }
    }
    return FAIL(ERR_SYNTAX);
}

/* After the opening quote. */
static err_t take_string(json_reader_t *r, arena_t *a, slice_t *ret_text)
{
    size_t len;
    bool escapes;
    TRY(string_extent(r, &len, &escapes));
    slice_t raw = slice_make(r->in.ptr + r->at, len);
    ENSURE(utf8_valid(raw), ERR_ENCODING);
    if (!escapes) {
        r->at += len + 1;
        *ret_text = raw;
        return OK;
    }
    buf_t out;
    TRY(arena_buf(a, len, &out));
    size_t end = r->at + len;
    while (r->at < end) {
        uint8_t c = r->in.ptr[r->at++];
        if (c == '\\') {
            TRY(take_escape(r, &out));
        } else {
            buf_u8(&out, c);
        }
    }
    ENSURE(r->at == end, ERR_SYNTAX);
    r->at++;
    *ret_text = buf_slice(&out);
    return OK;
}

static bool take_digits(json_reader_t *r)
{
    size_t from = r->at;
    while (peek(r) >= '0' && peek(r) <= '9') {
        r->at++;
    }
    return r->at > from;
}

static err_t take_number(json_reader_t *r, slice_t *ret_text)
{
    size_t from = r->at;
    take(r, '-');
    ENSURE(take(r, '0') || take_digits(r), ERR_SYNTAX);
    if (take(r, '.')) {
        ENSURE(take_digits(r), ERR_SYNTAX);
    }
    if (take(r, 'e') || take(r, 'E')) {
        if (!take(r, '+')) {
            take(r, '-');
        }
        ENSURE(take_digits(r), ERR_SYNTAX);
    }
    *ret_text = slice_sub(r->in, from, r->at - from);
    return OK;
}

static err_t take_word(json_reader_t *r, json_token_t *t)
{
    static const struct {
        const char *word;
        json_kind_t kind;
    } WORDS[] = {{"true", JSON_TRUE}, {"false", JSON_FALSE}, {"null", JSON_NULL}};
    slice_t rest = slice_from(r->in, r->at);
    for (size_t i = 0; i < BASE_COUNT(WORDS); i++) {
        slice_t word = slice_cstr_in(WORDS[i].word);
        if (slice_starts(rest, word)) {
            r->at += word.len;
            t->kind = WORDS[i].kind;
            return OK;
        }
    }
    return FAIL(ERR_SYNTAX);
}

static err_t begin(json_reader_t *r, bool object, json_token_t *t)
{
    ENSURE(r->depth < r->max_depth, ERR_LIMIT);
    uint64_t bit = UINT64_C(1) << r->depth;
    r->is_object = object ? r->is_object | bit : r->is_object & ~bit;
    r->depth++;
    r->at++;
    r->state = ST_FIRST;
    t->kind = object ? JSON_OBJECT_BEGIN : JSON_ARRAY_BEGIN;
    return OK;
}

static err_t value(json_reader_t *r, arena_t *a, json_token_t *t)
{
    int c = peek(r);
    if (c == '{' || c == '[') {
        return begin(r, c == '{', t);
    }
    r->state = ST_AFTER;
    if (c == '"') {
        r->at++;
        t->kind = JSON_STRING;
        return take_string(r, a, &t->text);
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        t->kind = JSON_NUMBER;
        return take_number(r, &t->text);
    }
    return take_word(r, t);
}

static err_t key(json_reader_t *r, arena_t *a, json_token_t *t)
{
    ENSURE(take(r, '"'), ERR_SYNTAX);
    t->kind = JSON_KEY;
    TRY(take_string(r, a, &t->text));
    skip_space(r);
    ENSURE(take(r, ':'), ERR_SYNTAX);
    r->state = ST_VALUE;
    return OK;
}

/* A closing bracket of the kind that is open. */
static bool closes(json_reader_t *r, json_token_t *t)
{
    if (r->depth == 0 || !take(r, in_object(r) ? '}' : ']')) {
        return false;
    }
    t->kind = in_object(r) ? JSON_OBJECT_END : JSON_ARRAY_END;
    r->depth--;
    r->state = ST_AFTER;
    return true;
}

static err_t next(json_reader_t *r, arena_t *a, json_token_t *t)
{
    ENSURE(r->state != ST_FAILED, ERR_SYNTAX);
    ENSURE(r->at || !slice_starts(r->in, SLICE("\xEF\xBB\xBF")), ERR_ENCODING);
    skip_space(r);
    if (r->state == ST_VALUE) {
        return value(r, a, t);
    }
    if (r->state == ST_AFTER && r->depth == 0) {
        ENSURE(peek(r) == -1, ERR_SYNTAX);
        t->kind = JSON_END;
        return OK;
    }
    if (closes(r, t)) {
        return OK;
    }
    if (r->state == ST_AFTER) {
        ENSURE(take(r, ','), ERR_SYNTAX);
        skip_space(r);
    }
    return in_object(r) ? key(r, a, t) : value(r, a, t);
}

err_t json_next(json_reader_t *r, arena_t *a, json_token_t *ret_token)
{
    json_token_t t = {JSON_END, SLICE_EMPTY};
    err_t e = next(r, a, &t);
    if (err_failed(e)) {
        r->state = ST_FAILED;
        return e;
    }
    *ret_token = t;
    return OK;
}

static bool is_begin(json_token_t t)
{
    return t.kind == JSON_OBJECT_BEGIN || t.kind == JSON_ARRAY_BEGIN;
}

err_t json_skip(json_reader_t *r, arena_t *a, json_token_t first)
{
    unsigned inside = r->depth; /* of the container that `first` opened */
    json_token_t t;
    while (is_begin(first) && r->depth >= inside) {
        TRY(json_next(r, a, &t));
    }
    return OK;
}

/* Where json_walk stands: the path as text, and for each open container the path's length and the
 * index of its present element. */
typedef struct walk {
    json_reader_t r;
    uint8_t path[JSON_MAX_PATH];
    buf_t text;
    size_t length[JSON_MAX_DEPTH + 1], index[JSON_MAX_DEPTH + 1];
} walk_t;

static void walk_step(walk_t *w, slice_t name)
{
    if (w->text.len) {
        buf_put(&w->text, SLICE("."));
    }
    slice_t fits = utf8_truncate(name, w->text.cap - w->text.len);
    buf_put(&w->text, fits);
}

static void walk_back(walk_t *w)
{
    w->text.len = w->length[w->r.depth];
    w->text.full = false;
}

/* Before a value: in an array its index joins the path. */
static void walk_index(walk_t *w, unsigned depth)
{
    uint8_t digits[20];
    buf_t n = BUF_ON_ARRAY(digits);
    buf_dec(&n, (int64_t)w->index[depth]++);
    walk_step(w, buf_slice(&n));
}

static err_t walk_token(walk_t *w, arena_t *a, json_token_t t, json_leaf_fn *fn, void *user)
{
    unsigned depth = w->r.depth;
    if (t.kind == JSON_OBJECT_END || t.kind == JSON_ARRAY_END) {
        walk_back(w);
        return OK;
    }
    if (t.kind == JSON_KEY) {
        TRY(fn(user, buf_slice(&w->text), t));
        walk_step(w, t.text);
        return OK;
    }
    bool opened = is_begin(t);
    unsigned around = depth - opened; /* the container that holds this value */
    if (around && !(w->r.is_object >> (around - 1) & 1)) {
        walk_index(w, around);
    }
    if (!opened) {
        TRY(fn(user, buf_slice(&w->text), t));
        walk_back(w);
        return OK;
    }
    w->length[depth] = w->text.len;
    w->index[depth] = 0;
    json_reader_t ahead = w->r;
    skip_space(&ahead);
    int c = peek(&ahead);
    return c == '}' || c == ']' ? fn(user, buf_slice(&w->text), t) : OK;
}

err_t json_walk(slice_t in, arena_t *a, unsigned max_depth, json_leaf_fn *fn, void *user)
{
    walk_t w = {.r = json_on(in, max_depth)};
    w.text = BUF_ON_ARRAY(w.path);
    for (;;) {
        json_token_t t;
        TRY(json_next(&w.r, a, &t));
        if (t.kind == JSON_END) {
            return OK;
        }
        TRY(walk_token(&w, a, t, fn, user));
    }
}

typedef struct lookup {
    json_reader_t r;
    arena_t *a;
    json_token_t leaf;
    bool found;
} lookup_t;

static err_t look(lookup_t *l, slice_t path);

static err_t look_object(lookup_t *l, slice_t name, slice_t deeper)
{
    bool seen = false;
    json_token_t t;
    for (;;) {
        TRY(json_next(&l->r, l->a, &t));
        if (t.kind == JSON_OBJECT_END) {
            return OK;
        }
        if (slice_eq(t.text, name)) {
            ENSURE(!seen, ERR_CONFLICT);
            seen = true;
            TRY(look(l, deeper));
        } else {
            TRY(json_next(&l->r, l->a, &t));
            TRY(json_skip(&l->r, l->a, t));
        }
    }
}

/* Elements have no token of their own before them, so the wanted one is read with its token. */
static err_t look_value(lookup_t *l, slice_t path, json_token_t t);

static err_t look_array(lookup_t *l, slice_t index, slice_t deeper)
{
    uint64_t wanted = UINT64_MAX;
    json_token_t t;
    err_ignore(slice_parse_u64(index, UINT64_MAX - 1, &wanted)); /* a name finds nothing here */
    for (uint64_t i = 0;; i++) {
        TRY(json_next(&l->r, l->a, &t));
        if (t.kind == JSON_ARRAY_END) {
            return OK;
        }
        TRY(i == wanted ? look_value(l, deeper, t) : json_skip(&l->r, l->a, t));
    }
}

/* path: rest of the way, len SIZE_MAX when it is used up (slice_split's mark). */
static err_t look_value(lookup_t *l, slice_t path, json_token_t t)
{
    slice_t part;
    if (!slice_split(&path, '.', &part)) {
        ENSURE(!is_begin(t), ERR_SYNTAX);
        l->leaf = t;
        l->found = true;
        return OK;
    }
    if (t.kind == JSON_OBJECT_BEGIN) {
        return look_object(l, part, path);
    }
    return t.kind == JSON_ARRAY_BEGIN ? look_array(l, part, path) : OK;
}

static err_t look(lookup_t *l, slice_t path)
{
    json_token_t t;
    TRY(json_next(&l->r, l->a, &t));
    return look_value(l, path, t);
}

err_t json_get(slice_t in, arena_t *a, slice_t path, json_token_t *ret_leaf)
{
    lookup_t l = {.r = json_on(in, JSON_MAX_DEPTH), .a = a};
    json_token_t end;
    TRY(look(&l, path));
    TRY(json_next(&l.r, a, &end)); /* END: anything left over is an error */
    ENSURE(l.found, ERR_NOT_FOUND);
    *ret_leaf = l.leaf;
    return OK;
}

err_t json_get_string(slice_t in, arena_t *a, slice_t path, slice_t *ret_text)
{
    json_token_t t;
    TRY(json_get(in, a, path, &t));
    ENSURE(t.kind == JSON_STRING, ERR_SYNTAX);
    *ret_text = t.text;
    return OK;
}

err_t json_get_i64(slice_t in, arena_t *a, slice_t path, int64_t *ret_value)
{
    json_token_t t;
    TRY(json_get(in, a, path, &t));
    ENSURE(t.kind == JSON_NUMBER, ERR_SYNTAX);
    return slice_parse_i64(t.text, INT64_MIN, INT64_MAX, ret_value);
}

static void put_unicode(buf_t *b, uint32_t cp)
{
    buf_cstr(b, "\\u");
    buf_u8(b, (uint8_t) "0123456789abcdef"[cp >> 12 & 15]);
    buf_u8(b, (uint8_t) "0123456789abcdef"[cp >> 8 & 15]);
    buf_u8(b, (uint8_t) "0123456789abcdef"[cp >> 4 & 15]);
    buf_u8(b, (uint8_t) "0123456789abcdef"[cp & 15]);
}

void json_put_string(buf_t *b, slice_t text)
{
    buf_u8(b, '"');
    while (text.len && !b->full) {
        uint32_t cp = utf8_take(&text);
        if (cp == '"' || cp == '\\') {
            buf_u8(b, '\\');
            buf_u8(b, (uint8_t)cp);
        } else if (cp == '\n') {
            buf_cstr(b, "\\n");
        } else if (cp < 0x20 || cp == '<' || cp == '>' || cp == '&' || cp == 0x7F || cp == 0x2028 ||
                   cp == 0x2029) {
            put_unicode(b, cp);
        } else {
            buf_utf8(b, cp);
        }
    }
    buf_u8(b, '"');
}
