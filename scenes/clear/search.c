#include "search.h"

#include "text/b64.h"
#include "unpack.h"

enum {
    RUN_MIN = 32,   /* printable bytes in a row that make a text */
    CODED_MIN = 40, /* letters of base64 or hex in a row that may hold more than one word */
};

struct search {
    const index_t *index;
    search_fn *fn;
    void *ctx;
    unpacker_t *unpacker;
    search_counts_t counts;
    uint64_t bound, work; /* for one search_bytes(); left of it */
    unsigned depth;
    char place[SEARCH_PLACE];
};

static err_t view_search(search_t *s, slice_t bytes);

/* ---- places ---- */

/* Goes one level in; returns the place's length before, to come back to. */
static size_t place_enter(search_t *s, const char *what, size_t at)
{
    size_t before = strlen(s->place);
    snprintf(s->place + before, sizeof s->place - before, "%s%s@%zu", before ? " " : "", what, at);
    s->depth++;
    return before;
}

static void place_leave(search_t *s, size_t before)
{
    s->place[before] = 0;
    s->depth--;
}

/* False, and counted, when the bound for packed things is reached. */
static bool work_take(search_t *s, uint64_t bytes)
{
    if (s->work < bytes) {
        s->counts.limits += s->work > 0;
        s->work = 0;
        return false;
    }
    s->work -= bytes;
    return true;
}

static void on_find(void *ctx, size_t at, const pattern_t *pattern)
{
    search_t *s = ctx;
    s->counts.finds++;
    s->fn(s->ctx, &(search_find_t){at, s->place, pattern});
}

/* ---- packed streams, anywhere ---- */

static err_t stream_search(search_t *s, unpack_kind_t kind, slice_t bytes, size_t at,
                           size_t *ret_taken)
{
    BASE_CLEANUP(unpacked_free) unpacked_t out = {0};
    size_t max = s->work < SEARCH_STREAM_MAX ? (size_t)s->work : (size_t)SEARCH_STREAM_MAX;
    TRY(unpack(s->unpacker, kind, slice_from(bytes, at), max, &out));
    bool in_bound = work_take(s, out.taken + out.len);
    s->counts.limits += in_bound && (out.cut || out.unread);
    *ret_taken = out.whole ? out.taken : 0;
    if (out.len < FORM_MIN_BYTES) {
        return OK;
    }
    s->counts.streams++;
    s->counts.unpacked += out.len;
    size_t before = place_enter(s, unpack_kind_name(kind), at);
    err_t e = view_search(s, slice_make(out.ptr, out.len));
    place_leave(s, before);
    return e;
}

static err_t streams_search(search_t *s, slice_t bytes)
{
    size_t taken;
    if (s->depth &&
        bytes.len) { /* of whole things only: it has no mark, and any bytes may look like it */
        TRY(stream_search(s, UNPACK_DEFLATE, bytes, 0, &taken));
    }
    for (size_t at = 0; at + 2 <= bytes.len;) {
        if (!bytes.ptr[at]) {
            at = index_zeros_end(bytes, at);
            continue;
        }
        unpack_kind_t kind = unpack_begins(slice_make(bytes.ptr + at, bytes.len - at));
        taken = 0;
        if (kind != UNPACK_NONE && s->work) {
            TRY(stream_search(s, kind, bytes, at, &taken));
        }
        at += taken ? taken : 1;
    }
    return OK;
}

/* ---- texts: folded lines, runs of base64 and hex ---- */

static bool is_text(uint8_t c)
{
    return (c >= ' ' && c < 0x7f) || c == '\t' || c == '\r' || c == '\n';
}

static bool is_base64(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '-' || c == '_';
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/* Either alphabet to the standard one; len a multiple of 4. */
static err_t base64_decode(slice_t text, buf_t *out)
{
    for (size_t i = 0; i < text.len; i += 4) {
        char four[4];
        for (size_t k = 0; k < 4; k++) {
            uint8_t c = text.ptr[i + k];
            four[k] = c == '-' ? '+' : c == '_' ? '/' : (char)c;
        }
        TRY(b64_decode(slice_make(four, 4), out));
    }
    return OK;
}

static err_t decoded_search(search_t *s, bool hex, slice_t text, size_t at)
{
    size_t len = text.len - text.len % (hex ? 2 : 4);
    if (!work_take(s, 2 * len)) {
        return OK;
    }
    uint8_t *mem = malloc(len);
    ENSURE(mem, ERR_MEMORY);
    buf_t out = buf_on(mem, len);
    text = slice_sub(text, 0, len);
    err_t e = hex ? hex_decode(text, &out) : base64_decode(text, &out);
    if (!err_failed(e)) {
        size_t before = place_enter(s, hex ? "hex" : "base64", at);
        e = view_search(s, buf_slice(&out));
        place_leave(s, before);
    }
    free(mem);
    return e;
}

/* Where the run's groups begin nobody knows: other letters may stand right before it. */
static err_t coded_search(search_t *s, bool hex, slice_t text)
{
    bool (*is)(uint8_t) = hex ? is_hex : is_base64;
    for (size_t at = 0; at < text.len; at++) {
        size_t from = at;
        while (at < text.len && is(text.ptr[at])) {
            at++;
        }
        for (size_t skip = 0; at - from >= CODED_MIN && skip < (hex ? 2 : 4); skip++) {
            TRY(decoded_search(s, hex, slice_sub(text, from + skip, at - from - skip),
                               from + skip));
        }
    }
    return OK;
}

typedef struct unfolded {
    search_t *search;
    size_t *breaks; /* places in the unfolded text where something was taken out */
    size_t n;
} unfolded_t;

/* Only what spans a break is news; the rest was found in the text itself. */
static void on_unfolded(void *ctx, size_t at, const pattern_t *pattern)
{
    const unfolded_t *u = ctx;
    size_t low = 0, high = u->n; /* first break beyond `at` */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (u->breaks[middle] > at) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    if (low < u->n && u->breaks[low] < at + pattern->len) {
        on_find(u->search, at, pattern);
    }
}

/* Bytes of a line break at text[at], with what belongs to it: '=' of quoted-printable before,
 * blanks behind. */
static size_t break_len(slice_t text, size_t at, bool blanks)
{
    size_t end = at;
    end += end < text.len && text.ptr[end] == '=';
    end += end < text.len && text.ptr[end] == '\r';
    if (end == text.len || text.ptr[end] != '\n') {
        return 0;
    }
    end++;
    while (blanks && end < text.len && (text.ptr[end] == ' ' || text.ptr[end] == '\t')) {
        end++;
    }
    return end - at;
}

static err_t unfold_search(search_t *s, slice_t text, size_t at, bool blanks)
{
    uint8_t *mem = malloc(text.len);
    size_t *breaks = malloc(text.len * sizeof *breaks);
    unfolded_t u = {s, breaks, 0};
    err_t e = mem && breaks ? OK : FAIL(ERR_MEMORY);
    size_t len = 0;
    for (size_t i = 0; !err_failed(e) && i < text.len;) {
        size_t cut = break_len(text, i, blanks);
        if (cut) {
            breaks[u.n++] = len;
            i += cut;
        } else {
            mem[len++] = text.ptr[i++];
        }
    }
    if (!err_failed(e)) {
        size_t before = place_enter(s, "unfolded", at);
        index_scan(s->index, slice_make(mem, len), on_unfolded, &u);
        e = coded_search(s, false, slice_make(mem, len));
        if (!err_failed(e)) {
            e = coded_search(s, true, slice_make(mem, len));
        }
        place_leave(s, before);
    }
    free(mem);
    free(breaks);
    return e;
}

static err_t text_search(search_t *s, slice_t text, size_t at)
{
    bool folded = false, indented = false;
    TRY(coded_search(s, false, text));
    TRY(coded_search(s, true, text));
    for (size_t i = 0; i + 1 < text.len; i++) {
        folded = folded || text.ptr[i] == '\n';
        indented = indented ||
                   (text.ptr[i] == '\n' && (text.ptr[i + 1] == ' ' || text.ptr[i + 1] == '\t'));
    }
    if (folded && work_take(s, text.len)) {
        TRY(unfold_search(s, text, at, false));
    }
    if (indented && work_take(s, text.len)) {
        TRY(unfold_search(s, text, at, true));
    }
    return OK;
}

static err_t texts_search(search_t *s, slice_t bytes)
{
    for (size_t at = 0; at < bytes.len; at++) {
        if (!bytes.ptr[at]) {
            at = index_zeros_end(bytes, at);
        }
        size_t from = at;
        while (at < bytes.len && is_text(bytes.ptr[at])) {
            at++;
        }
        if (at - from >= RUN_MIN) {
            TRY(text_search(s, slice_sub(bytes, from, at - from), from));
        }
    }
    return OK;
}

/* ---- one view, and the whole ---- */

static err_t view_search(search_t *s, slice_t bytes)
{
    index_scan(s->index, bytes, on_find, s);
    if (s->depth >= SEARCH_DEPTH) {
        s->counts.limits +=
            unpack_begins(bytes) == UNPACK_GZIP || unpack_begins(bytes) == UNPACK_ZSTD;
        return OK;
    }
    TRY(streams_search(s, bytes));
    return texts_search(s, bytes);
}

err_t search_bytes(search_t *s, slice_t bytes)
{
    s->counts.bytes += bytes.len;
    s->work = s->bound;
    s->depth = 0;
    s->place[0] = 0;
    return view_search(s, bytes);
}

err_t search_new(const index_t *index, search_fn *fn, void *ctx, search_t **ret_search)
{
    search_t *s = calloc(1, sizeof *s);
    ENSURE(s, ERR_MEMORY);
    s->index = index;
    s->bound = SEARCH_WORK_MAX;
    search_tell(s, fn, ctx);
    err_t e = unpacker_new(&s->unpacker);
    if (err_failed(e)) {
        search_free(s);
        return e;
    }
    *ret_search = s;
    return OK;
}

void search_tell(search_t *s, search_fn *fn, void *ctx)
{
    s->fn = fn;
    s->ctx = ctx;
}

void search_bound(search_t *s, uint64_t work_bytes)
{
    s->bound = work_bytes;
}

void search_free(search_t *s)
{
    if (s) {
        unpacker_free(s->unpacker);
        free(s);
    }
}

search_counts_t search_counts(const search_t *s)
{
    return s->counts;
}
