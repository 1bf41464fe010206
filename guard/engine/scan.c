#include "scan.h"

#include <hs/hs.h>

typedef struct entry {
    slice_t literal; /* lower case */
    uint32_t pattern;
} entry_t;

struct scan_builder {
    arena_t *arena;
    entry_t *entries;
    size_t count, cap;
};

struct scan_db {
    hs_database_t *hs;
    uint32_t *first; /* literal -> its patterns: patterns[first[i] .. first[i + 1]) */
    uint32_t *patterns;
    uint32_t literals;
};

struct scan_scratch {
    hs_scratch_t *hs;
};

err_t scan_builder_new(arena_t *arena, scan_builder_t **ret_builder)
{
    scan_builder_t *b = ARENA_NEW(arena, scan_builder_t);
    ENSURE(b, ERR_MEMORY);
    b->arena = arena;
    *ret_builder = b;
    return OK;
}

err_t scan_add(scan_builder_t *b, slice_t literal, uint32_t pattern)
{
    if (b->count == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 256;
        entry_t *more = ARENA_ARRAY(b->arena, entry_t, cap);
        ENSURE(more, ERR_MEMORY);
        if (b->count) {
            memcpy(more, b->entries, b->count * sizeof *more);
        }
        b->entries = more;
        b->cap = cap;
    }
    slice_t copy;
    TRY(arena_copy(b->arena, literal, &copy));
    b->entries[b->count++] = (entry_t){copy, pattern};
    return OK;
}

static int entry_cmp(const void *a, const void *b)
{
    const entry_t *x = a, *y = b;
    int by_text = slice_cmp(x->literal, y->literal);
    return by_text ? by_text : x->pattern < y->pattern ? -1 : x->pattern > y->pattern;
}

/* Literals once each, with the patterns that want them. */
static err_t fold(scan_builder_t *b, arena_t *arena, scan_db_t *db, const char **texts,
                  size_t *lengths)
{
    qsort(b->entries, b->count, sizeof *b->entries, entry_cmp);
    db->first = ARENA_ARRAY(arena, uint32_t, b->count + 1);
    db->patterns = ARENA_ARRAY(arena, uint32_t, b->count);
    ENSURE(db->first && db->patterns, ERR_MEMORY);
    uint32_t used = 0;
    for (size_t i = 0; i < b->count; i++) {
        const entry_t *e = &b->entries[i];
        bool same = i > 0 && slice_eq(e->literal, e[-1].literal);
        if (same && e->pattern == e[-1].pattern) {
            continue;
        }
        if (!same) {
            texts[db->literals] = (const char *)e->literal.ptr;
            lengths[db->literals] = e->literal.len;
            db->first[db->literals++] = used;
        }
        db->patterns[used++] = e->pattern;
    }
    db->first[db->literals] = used;
    return OK;
}

/* The compiled data base into the set's arena: what a set holds lies together (regex_settle). */
static err_t into_arena(arena_t *arena, hs_database_t *compiled, hs_database_t **ret_db)
{
    char *bytes = NULL;
    size_t len = 0, size = 0;
    union {
        void *any;
        hs_database_t *db;
    } at = {.any = NULL};
    bool fine = hs_serialize_database(compiled, &bytes, &len) == HS_SUCCESS &&
                hs_serialized_database_size(bytes, len, &size) == HS_SUCCESS;
    if (fine) {
        at.any = arena_alloc(arena, size);
        fine = at.any && hs_deserialize_database_at(bytes, len, at.db) == HS_SUCCESS;
    }
    free(bytes);
    hs_free_database(compiled);
    ENSURE(fine, ERR_MEMORY);
    *ret_db = at.db;
    return OK;
}

static err_t compile(scan_builder_t *b, arena_t *arena, scan_db_t *db, const char *const *texts,
                     const size_t *lengths)
{
    unsigned *flags = ARENA_ARRAY(b->arena, unsigned, db->literals);
    unsigned *ids = ARENA_ARRAY(b->arena, unsigned, db->literals);
    ENSURE(flags && ids, ERR_MEMORY);
    for (uint32_t i = 0; i < db->literals; i++) {
        flags[i] = HS_FLAG_CASELESS;
        ids[i] = i;
    }
    hs_compile_error_t *error = NULL;
    hs_database_t *compiled = NULL;
    hs_error_t rc = hs_compile_lit_multi(texts, flags, ids, lengths, db->literals, HS_MODE_BLOCK,
                                         NULL, &compiled, &error);
    hs_free_compile_error(error);
    ENSURE(rc == HS_SUCCESS, ERR_CONFIG);
    TRY(into_arena(arena, compiled, &db->hs));
    return OK;
}

err_t scan_build(scan_builder_t *b, arena_t *arena, scan_db_t **ret_db)
{
    *ret_db = NULL;
    if (b->count == 0) {
        return OK;
    }
    scan_db_t *db = ARENA_NEW(arena, scan_db_t);
    const char **texts = ARENA_ARRAY(b->arena, const char *, b->count);
    size_t *lengths = ARENA_ARRAY(b->arena, size_t, b->count);
    ENSURE(db && texts && lengths, ERR_MEMORY);
    TRY(fold(b, arena, db, texts, lengths));
    TRY(compile(b, arena, db, texts, lengths));
    *ret_db = db;
    return OK;
}

uint32_t scan_literals(const scan_db_t *db)
{
    return db ? db->literals : 0;
}

err_t scan_scratch_new(scan_db_t *const *dbs, size_t count, scan_scratch_t **ret_scratch)
{
    scan_scratch_t *s = calloc(1, sizeof *s);
    ENSURE(s, ERR_MEMORY);
    for (size_t i = 0; i < count; i++) {
        if (dbs[i] && hs_alloc_scratch(dbs[i]->hs, &s->hs) != HS_SUCCESS) {
            scan_scratch_free(s);
            return FAIL(ERR_MEMORY);
        }
    }
    *ret_scratch = s;
    return OK;
}

void scan_scratch_free(scan_scratch_t *s)
{
    if (s) {
        hs_free_scratch(s->hs);
        free(s);
    }
}

typedef struct run {
    const scan_db_t *db;
    scan_hit_fn hit;
    void *user;
} run_t;

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *context)
{
    const run_t *r = context;
    for (uint32_t i = r->db->first[id]; i < r->db->first[id + 1]; i++) {
        if (!r->hit(r->user, r->db->patterns[i], (size_t)to)) {
            return 1;
        }
    }
    return 0;
}

err_t scan_run(const scan_db_t *db, scan_scratch_t *scratch, slice_t bytes, scan_hit_fn hit,
               void *user)
{
    if (!db || bytes.len == 0) {
        return OK;
    }
    ENSURE(bytes.len <= UINT32_MAX, ERR_LIMIT);
    run_t r = {db, hit, user};
    hs_error_t rc =
        hs_scan(db->hs, (const char *)bytes.ptr, (unsigned)bytes.len, 0, scratch->hs, on_match, &r);
    ENSURE(rc == HS_SUCCESS || rc == HS_SCAN_TERMINATED, ERR_CONFIG);
    return OK;
}
