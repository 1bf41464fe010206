/* Questions: all that is given must fit. For each ended segment the index names candidates, the
 * leaves decide; what has no index is decided leaf by leaf. */
#include "chain.h"
#include "fetch.h"

enum {
    TERMS_MAX = 7,
    RESULT_FIRST = 256,
    ENOUGH = 64,       /* of a segment: then the leaves decide */
    ASKS_UNPOSTED = 8, /* from then on the tail gets postings */
    WORD = 64,
    WORDS = VINDEX_LEAVES / WORD,
};

typedef struct term {
    unsigned kind;
    uint64_t lo, hi;
} term_t;

typedef struct finding {
    query_t *q;
    const query_ask_t *ask;
    term_t terms[TERMS_MAX];
    unsigned term_count;
    uint32_t *offsets;     /* one term's postings in a segment */
    uint64_t fits[WORDS];  /* a bit for each leaf of a segment: fits all terms so far */
    uint64_t other[WORDS]; /* one term's */
    uint64_t *seqs;        /* candidates, ascending within a segment */
    size_t seq_count, seq_cap;
    const query_record_t **list;
    size_t count;
} finding_t;

static void term_id(finding_t *f, unsigned kind, const id128_t *id)
{
    if (!id_is_zero(*id)) {
        uint64_t key = vindex_id_key(kind, *id);
        f->terms[f->term_count++] = (term_t){kind, key, key};
    }
}

static bool timed(const query_ask_t *ask)
{
    return ask->from_us != INT64_MIN || ask->to_us != INT64_MAX;
}

/* Time first: where the pages do not tell which of two terms leaves less, it is this one. */
static void terms_make(finding_t *f)
{
    const query_ask_t *ask = f->ask;
    if (timed(ask)) {
        int64_t last = ask->to_us == INT64_MAX ? INT64_MAX : ask->to_us - 1;
        f->terms[f->term_count++] =
            (term_t){VINDEX_TIME, vindex_time_key(ask->from_us), vindex_time_key(last)};
    }
    term_id(f, VINDEX_REQUEST, &ask->request);
    term_id(f, VINDEX_SUBJECT, &ask->subject);
    term_id(f, VINDEX_OBJECT, &ask->object);
    term_id(f, VINDEX_ACTOR, &ask->actor);
    term_id(f, VINDEX_ADDRESS, &ask->address);
    if (ask->type) {
        f->terms[f->term_count++] = (term_t){VINDEX_TYPE, ask->type, ask->type};
    }
}

static bool id_fits(const id128_t *asked, const id128_t *is)
{
    return id_is_zero(*asked) || id_eq(*asked, *is);
}

static bool fits(const query_ask_t *ask, const query_record_t *r)
{
    return r->time_us >= ask->from_us && (ask->to_us == INT64_MAX || r->time_us < ask->to_us) &&
           (!ask->type || ask->type == r->type) && id_fits(&ask->request, &r->request) &&
           (id_fits(&ask->object, &r->object) || id_eq(ask->object, r->parent)) &&
           id_fits(&ask->subject, &r->subject) && id_fits(&ask->actor, &r->actor) &&
           id_fits(&ask->address, &r->address);
}

static err_t candidate(finding_t *f, uint64_t seq)
{
    if (f->seq_count == f->seq_cap) {
        size_t cap = f->seq_cap ? 2 * f->seq_cap : RESULT_FIRST;
        uint64_t *more = realloc(f->seqs, cap * sizeof *more);
        ENSURE(more, ERR_MEMORY);
        f->seqs = more;
        f->seq_cap = cap;
    }
    f->seqs[f->seq_count++] = seq;
    return OK;
}

/* The leaves decide. */
static err_t choose(finding_t *f)
{
    TRY(fetch_records(f->q, f->seqs, f->seq_count));
    f->list = malloc((f->seq_count + 1) * sizeof *f->list);
    ENSURE(f->list, ERR_MEMORY);
    for (size_t i = 0; i < f->seq_count; i++) {
        const query_record_t *r;
        TRY(store_record(f->q, f->seqs[i], &r));
        if (fits(f->ask, r)) {
            f->list[f->count++] = r;
        }
    }
    return OK;
}

/* Fewest pages first. Most questions name a time and most segments lie outside of it: one or two
 * pages say so, and no other is read. */
static void terms_order(const finding_t *f, uint64_t segment, term_t ret_terms[TERMS_MAX])
{
    uint32_t span[TERMS_MAX];
    for (unsigned i = 0; i < f->term_count; i++) {
        const term_t *t = &f->terms[i];
        uint32_t pages = segment_span(f->q, segment, t->kind, t->lo, t->hi);
        unsigned at = i;
        for (; at > 0 && span[at - 1] > pages; at--) {
            span[at] = span[at - 1];
            ret_terms[at] = ret_terms[at - 1];
        }
        span[at] = pages;
        ret_terms[at] = *t;
    }
}

/* One term's leaves as bits; the first term's are the candidates, a further one's take some away.
 */
static err_t term_apply(finding_t *f, uint64_t segment, const term_t *t, bool first,
                        size_t *ret_left)
{
    size_t words = f->q->leaves / WORD, count;
    uint64_t *bits = first ? f->fits : f->other;
    TRY(segment_lookup(f->q, segment, t->kind, t->lo, t->hi, f->offsets, &count));
    *ret_left = 0;
    if (first && count == 0) {
        return OK;
    }
    memset(bits, 0, words * sizeof *bits);
    for (size_t i = 0; i < count; i++) {
        bits[f->offsets[i] / WORD] |= UINT64_C(1) << f->offsets[i] % WORD;
    }
    for (size_t i = 0; i < words; i++) {
        f->fits[i] &= bits[i];
        *ret_left += (size_t)__builtin_popcountll(f->fits[i]);
    }
    return OK;
}

static err_t in_segment(finding_t *f, uint64_t segment)
{
    term_t terms[TERMS_MAX];
    uint64_t first = segment * f->q->leaves;
    size_t left = f->q->leaves;
    if (f->term_count == 0) {
        memset(f->fits, 0xff, sizeof f->fits);
    }
    terms_order(f, segment, terms);
    for (unsigned done = 0; done < f->term_count && (left > ENOUGH || done == 0); done++) {
        TRY(term_apply(f, segment, &terms[done], done == 0, &left));
    }
    for (uint32_t i = 0; left; i++) {
        for (uint64_t word = f->fits[i]; word; word &= word - 1, left--) {
            TRY(candidate(f, first + i * WORD + (unsigned)__builtin_ctzll(word)));
        }
    }
    return OK;
}

/* Where a key would stand in a sorted list. */
static size_t lower(const vposting_t *list, size_t n, uint64_t key)
{
    size_t low = 0;
    while (low < n) {
        size_t mid = low + (n - low) / 2;
        if (list[mid].key < key) {
            low = mid + 1;
        } else {
            n = mid;
        }
    }
    return low;
}

/* Of an id's postings, those from..end-1. */
static err_t in_postings(finding_t *f, const vpostings_t *all, const term_t *term, uint64_t from,
                         uint64_t end)
{
    const vposting_t *list = all->of[term->kind].list;
    size_t n = all->of[term->kind].count;
    for (size_t i = lower(list, n, term->lo); i < n && list[i].key == term->lo; i++) {
        uint64_t seq = f->q->first + list[i].at;
        if (seq >= from && seq < end) {
            TRY(candidate(f, seq));
        }
    }
    return OK;
}

/* Of the records that were scanned, those from..end-1. All of their leaves were read; who asks
 * often is helped by postings of their own. */
static err_t in_scanned(finding_t *f, uint64_t from, uint64_t end)
{
    query_t *q = f->q;
    for (unsigned t = 0; t < f->term_count && q->ask_count > ASKS_UNPOSTED; t++) {
        const vpostings_t *all;
        if (f->terms[t].kind != VINDEX_TIME && f->terms[t].kind != VINDEX_TYPE) {
            TRY(segments_tail_postings(q, &all));
            return in_postings(f, all, &f->terms[t], from, end);
        }
    }
    for (uint64_t seq = from; seq < end; seq++) {
        const query_record_t *r;
        TRY(store_record(q, seq, &r));
        if (fits(f->ask, r)) {
            TRY(candidate(f, seq));
        }
    }
    return OK;
}

/* The disk may begin with the first pages of all segments while the first is being looked at. */
static void pages_soon(const finding_t *f)
{
    const query_t *q = f->q;
    for (uint64_t s = q->leaves ? q->first / q->leaves : 0; s < q->segment_count && f->term_count;
         s++) {
        if (q->segments[s].way == SEGMENT_INDEXED) {
            term_t terms[TERMS_MAX];
            terms_order(f, s, terms);
            segment_soon(q, s, terms[0].kind, terms[0].lo, terms[0].hi);
        }
    }
}

static err_t everywhere(finding_t *f)
{
    query_t *q = f->q;
    pages_soon(f);
    for (uint64_t s = q->leaves ? q->first / q->leaves : 0; s < q->segment_count; s++) {
        if (q->segments[s].way == SEGMENT_SCANNED) {
            TRY(in_scanned(f, s * q->leaves, (s + 1) * q->leaves));
        } else {
            TRY(in_segment(f, s));
        }
    }
    return in_scanned(f, q->tail_first, q->cp.size);
}

/* What was asked is part of the evidence. */
static err_t ask_note(query_t *q, const query_ask_t *ask)
{
    if (q->ask_count == q->ask_cap) {
        size_t cap = q->ask_cap ? 2 * q->ask_cap : 16;
        query_ask_t *more = realloc(q->asks, cap * sizeof *more);
        ENSURE(more, ERR_MEMORY);
        q->asks = more;
        q->ask_cap = cap;
    }
    query_ask_t *kept = &q->asks[q->ask_count++];
    memset(kept, 0, sizeof *kept); /* asks are compared byte by byte */
    kept->from_us = ask->from_us;
    kept->to_us = ask->to_us;
    kept->type = ask->type;
    kept->request = ask->request;
    kept->object = ask->object;
    kept->subject = ask->subject;
    kept->actor = ask->actor;
    kept->address = ask->address;
    return OK;
}

static err_t find(finding_t *f)
{
    if (f->ask->from_us >= f->ask->to_us) {
        return OK;
    }
    terms_make(f);
    f->offsets = malloc(f->q->leaves * sizeof *f->offsets + 1);
    ENSURE(f->offsets, ERR_MEMORY);
    TRY(everywhere(f));
    return choose(f);
}

err_t query_find(query_t *q, const query_ask_t *ask, const query_record_t ***ret_records,
                 size_t *ret_count)
{
    finding_t f = {.q = q, .ask = ask};
    q->fault[0] = '\0';
    TRY(ask_note(q, ask));
    err_t e = find(&f);
    const query_record_t **kept = NULL;
    if (!err_failed(e) && f.count) {
        kept = ARENA_ARRAY(&q->arena, const query_record_t *, f.count);
        e = kept ? OK : FAIL(ERR_MEMORY);
    }
    if (!err_failed(e) && f.count) {
        memcpy(kept, f.list, f.count * sizeof *kept);
    }
    free(f.list);
    free(f.seqs);
    free(f.offsets);
    TRY(e);
    *ret_records = kept;
    *ret_count = f.count;
    return OK;
}

/* ---- the door ---- */

static err_t key_check(query_t *q)
{
    vchain_t chain;
    if (strcmp(q->given.text, q->key.text) == 0) {
        return OK;
    }
    TRY(chain_gather(q, &chain));
    err_t e = vchain_check(&chain, &q->given, &q->key);
    return err_failed(e) ? store_fault(q, FAIL(ERR_CRYPTO),
                                       "the key given did not sign this, and does not lead to the "
                                       "one that did")
                         : OK;
}

err_t query_open(const char *dir, const char *key_file, char ret_fault[QUERY_FAULT],
                 query_t **ret_query)
{
    query_t *q = calloc(1, sizeof *q);
    ENSURE(q, ERR_MEMORY);
    q->root_dir = q->public_dir = q->index_dir = -1;
    err_t e = store_open(q, dir, key_file);
    if (!err_failed(e)) {
        e = segments_find(q);
    }
    if (!err_failed(e) && q->key_given) {
        e = key_check(q);
    }
    if (err_failed(e)) {
        snprintf(ret_fault, QUERY_FAULT, "%s", q->fault[0] ? q->fault : err_text(e.code));
        query_close(q);
        return e;
    }
    *ret_query = q;
    return OK;
}

void query_close(query_t *q)
{
    if (q) {
        segments_free(q);
        store_close(q);
        free(q);
    }
}

static int64_t time_of(query_t *q, uint64_t seq)
{
    const query_record_t *r;
    return q->cp.size > q->first && !err_failed(store_record(q, seq, &r)) ? r->time_us : 0;
}

query_scope_t query_scope(query_t *q)
{
    query_scope_t s = {.size = q->cp.size,
                       .key_given = q->key_given,
                       .segments = q->segment_count,
                       .tail = q->cp.size - q->tail_first,
                       .first = q->first,
                       .rebuilt = q->rebuilt,
                       .first_us = time_of(q, q->first),
                       .last_us = time_of(q, q->cp.size - 1)};
    memcpy(s.root, q->cp.root, sizeof s.root);
    snprintf(s.key, sizeof s.key, "%s", q->key.text);
    return s;
}

const char *query_fault(const query_t *q)
{
    return q->fault;
}

bool query_fact(const query_record_t *r, const char *key, buf_t *ret_value)
{
    vleaf_t leaf = {.value[0x20] = r->facts};
    return vleaf_fact(&leaf, key, ret_value);
}
