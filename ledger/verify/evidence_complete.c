/* Nothing that fits was left out (FORMAT.md 10, "Complete"). */
#include "evidence.h"

static bool id_fits(const id128_t *asked, const id128_t *is)
{
    return id_is_zero(*asked) || id_eq(*asked, *is);
}

bool vask_fits(const vask_t *a, const vshown_t *r)
{
    return a->from_us <= r->time_us && (a->to_us == INT64_MAX || r->time_us < a->to_us) &&
           (!a->type || a->type == r->type) && id_fits(&a->request, &r->request) &&
           id_fits(&a->subject, &r->subject) && id_fits(&a->actor, &r->actor) &&
           id_fits(&a->address, &r->address) &&
           (id_fits(&a->object, &r->object) || id_eq(a->object, r->parent));
}

typedef struct vterm {
    unsigned kind;
    uint64_t lo, hi;
} vterm_t;

static void term_put(vterm_t *terms, unsigned *n, unsigned kind, const id128_t *id)
{
    if (!id_is_zero(*id)) {
        terms[*n] = (vterm_t){kind, vindex_id_key(kind, *id), 0};
        terms[*n].hi = terms[*n].lo;
        (*n)++;
    }
}

static unsigned terms_of(const vask_t *a, vterm_t terms[7])
{
    unsigned n = 0;
    term_put(terms, &n, VINDEX_REQUEST, &a->request);
    term_put(terms, &n, VINDEX_SUBJECT, &a->subject);
    term_put(terms, &n, VINDEX_OBJECT, &a->object);
    term_put(terms, &n, VINDEX_ACTOR, &a->actor);
    term_put(terms, &n, VINDEX_ADDRESS, &a->address);
    if (a->from_us != INT64_MIN || a->to_us != INT64_MAX) {
        int64_t last = a->to_us == INT64_MAX ? INT64_MAX : a->to_us - 1;
        terms[n++] = (vterm_t){VINDEX_TIME, vindex_time_key(a->from_us), vindex_time_key(last)};
    }
    if (a->type) {
        terms[n++] = (vterm_t){VINDEX_TYPE, a->type, a->type};
    }
    return n;
}

static bool before(const vpage_t *page, unsigned at, unsigned kind, uint64_t key)
{
    return page->kind != kind ? page->kind < kind : page->postings[at].key < key;
}

static bool after(const vpage_t *page, unsigned at, unsigned kind, uint64_t key)
{
    return page->kind != kind ? page->kind > kind : page->postings[at].key > key;
}

/* The shown page in which what stands before the term's range must be. NULL: it is not shown. */
static const vshown_page_t *first_page(const vsegment_t *s, const vterm_t *t)
{
    uint32_t low = 0,
             high = s->page_count; /* the last one that begins before the range, or the first */
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (before(s->pages[mid].page, 0, t->kind, t->lo)) {
            low = mid;
        } else {
            high = mid;
        }
    }
    const vshown_page_t *p = &s->pages[low];
    return p->number == 0 || before(p->page, 0, t->kind, t->lo) ? p : NULL;
}

/* Are all pages of the term shown, without a hole, to the one that has something behind the range
 * or is the last? ret_end: one behind it. */
static bool term_shown(const vsegment_t *s, const vterm_t *t, const vshown_page_t **ret_first,
                       const vshown_page_t **ret_end)
{
    const vshown_page_t *p = first_page(s, t), *end = s->pages + s->page_count;
    *ret_first = p;
    while (p && p < end) {
        uint32_t number = p->number;
        bool last =
            after(p->page, p->page->count - 1, t->kind, t->hi) || number + 1 == s->record.pages;
        p++;
        if (last) {
            *ret_end = p;
            return true;
        }
        if (p < end && p->number != number + 1) {
            return false;
        }
    }
    return false;
}

/* A leaf that fitted `step` terms and fits this one has fitted one more. */
static size_t term_mark(const vshown_page_t *p, const vshown_page_t *end, const vterm_t *t,
                        unsigned step, uint8_t *seen)
{
    size_t left = 0;
    for (; p < end; p++) {
        for (unsigned k = 0; k < p->page->count; k++) {
            uint8_t *mark = &seen[p->page->postings[k].at];
            if (!before(p->page, k, t->kind, t->lo) && !after(p->page, k, t->kind, t->hi) &&
                *mark == step) {
                *mark = (uint8_t)(step + 1);
                left++;
            }
        }
    }
    return left;
}

/* Whatever fits the question fits each of its terms, so it is among what fits those whose pages are
 * shown; one must be (FORMAT.md 10). seen: zeros, and again afterwards. */
static err_t ask_in_segment(const vevidence_t *e, const vask_t *ask, uint64_t number, uint8_t *seen,
                            const char **ret_what)
{
    const vsegment_t *s = &e->segment[number - e->segment_first];
    vterm_t terms[7];
    unsigned n = terms_of(ask, terms), done = 0;
    size_t left = e->leaves;
    err_t failure = OK;
    for (unsigned i = 0; i < n && left; i++) {
        const vshown_page_t *first, *end;
        if (term_shown(s, &terms[i], &first, &end)) {
            left = term_mark(first, end, &terms[i], done, seen);
            done++;
        }
    }
    if (n && !done) {
        *ret_what = "index pages that a question needs are not shown";
        failure = FAIL(ERR_NOT_FOUND);
    }
    for (uint32_t at = 0; at < e->leaves && left && !err_failed(failure); at++) {
        if (seen[at] == done && !vevidence_shown(e, number * e->leaves + at)) {
            *ret_what = "a record that the index names is not shown";
            failure = FAIL(ERR_NOT_FOUND);
        }
    }
    if (left || done > 1) { /* else nothing was marked */
        memset(seen, 0, e->leaves);
    }
    return failure;
}

err_t vevidence_complete(const vevidence_t *e, const char **ret_what)
{
    uint8_t *seen = calloc(1, (size_t)e->leaves + 1);
    err_t failure = seen ? OK : FAIL(ERR_MEMORY);
    for (size_t i = 0; i < e->ask_count && !err_failed(failure); i++) {
        const vask_t *ask = &e->asks[i];
        for (uint64_t s = e->segment_first;
             s < e->segments && ask->from_us < ask->to_us && !err_failed(failure); s++) {
            if (!e->segment[s - e->segment_first].scanned) {
                failure = ask_in_segment(e, ask, s, seen, ret_what);
            }
        }
    }
    free(seen);
    return failure;
}
