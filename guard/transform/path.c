/* Paths: multiple slashes, "." and ".." resolved (never above the root). */
#include "inner.h"

/* Where the walk stands. `relative`: the path does not begin with a slash. `rooted`: a relative
 * path has kept a
 * ".." that leads out of it, so that the next ones are kept as well. `last`: the reader is at the
 * last byte. */
typedef struct walk {
    slice_t in;
    size_t s;
    uint8_t *out;
    size_t d;
    bool win, relative, rooted, last;
} walk_t;

static uint8_t byte_at(const walk_t *k, size_t at)
{
    uint8_t c = k->in.ptr[at];
    return k->win && c == '\\' ? '/' : c;
}

/* The segment that ends in ".." goes, and the one before it; never above the root. */
static void step_back(walk_t *k)
{
    size_t at = k->d >= 3 ? k->d - 3 : 0;
    while (at > 0 && k->out[at] != '/') {
        at--;
    }
    k->rooted |= at == 0;
    k->d = at == 0 ? !k->relative && k->last : at; /* the root's own slash stays */
}

/* At a '.' that ends a segment; false when the path ends here and nothing is to be copied. As in
 * ModSecurity, only the last two bytes of a segment decide, so "a.." steps back too (over itself).
 */
static bool dot(walk_t *k)
{
    bool empty = k->d == 0;
    uint8_t before = empty ? '/' : k->out[k->d - 1];
    if (before == '.') {
        if (k->relative && (k->rooted || k->d <= 2)) {
            k->rooted = true;
            return true;
        }
        step_back(k);
    } else if (before != '/') {
        return true;
    } else if (!empty && !k->last) {
        k->d--;
    }
    k->s += !k->last;
    return !k->last;
}

/* One byte, or a run of slashes (backslashes too, also where libmodsecurity 3 leaves the third of
 * three) as one; none at the beginning of a relative path. */
static void copy(walk_t *k)
{
    uint8_t c = byte_at(k, k->s);
    while (c == '/' && k->s + 1 < k->in.len && byte_at(k, k->s + 1) == '/') {
        k->s++;
    }
    k->s++;
    if (c != '/' || !k->relative || k->d) {
        k->out[k->d++] = c;
    }
}

/* Whether there is anything to do: a backslash, two slashes, or a segment that ends in a dot. */
static bool is_normal(const walk_t *k)
{
    uint8_t before = 0;
    for (size_t i = 0; i < k->in.len; i++) {
        uint8_t c = k->in.ptr[i];
        if ((c == '/' && (before == '/' || before == '.')) || (c == '\\' && k->win)) {
            return false;
        }
        before = c;
    }
    return before != '.';
}

static err_t normalize(const work_t *w, bool win, slice_t *ret_out)
{
    walk_t k = {.in = w->in, .win = win};
    if (w->in.len == 0 || is_normal(&k)) {
        return OK;
    }
    k.out = arena_alloc(w->arena, w->in.len);
    ENSURE(k.out, ERR_MEMORY);
    k.relative = byte_at(&k, 0) != '/';
    while (!k.last && k.s < k.in.len) {
        uint8_t c = byte_at(&k, k.s);
        k.last = k.s + 1 == k.in.len;
        if (k.last || byte_at(&k, k.s + 1) == '/') {
            if (c == '.' && !dot(&k)) {
                break;
            }
            k.rooted = k.rooted && (c == '.' || c == '/' || k.d == 0);
        }
        copy(&k);
    }
    bool trailing = byte_at(&k, k.in.len - 1) == '/';
    if (!trailing && k.d && k.out[k.d - 1] == '/') {
        k.d--;
    }
    *ret_out = slice_make(k.out, k.d);
    return OK;
}

err_t transform_normalize_path(const work_t *w, slice_t *ret_out)
{
    return normalize(w, false, ret_out);
}

err_t transform_normalize_path_win(const work_t *w, slice_t *ret_out)
{
    return normalize(w, true, ret_out);
}
