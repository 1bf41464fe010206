#include "chain.h"

#include "proof.h"

enum { GENESIS = 1, RESTORED = 7, SEGMENT_END = 8, PATH = 64 };

static int seq_order(const void *a, const void *b)
{
    const query_record_t *x = *(const query_record_t *const *)a,
                         *y = *(const query_record_t *const *)b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static err_t records_gather(query_t *q, vchain_t *c)
{
    static const unsigned TYPES[] = {GENESIS, SEGMENT_END, RESTORED};
    const query_record_t **list[BASE_COUNT(TYPES)];
    size_t n[BASE_COUNT(TYPES)], all = 0;
    for (size_t i = 0; i < BASE_COUNT(TYPES); i++) {
        TRY(query_find(q, &(query_ask_t){QUERY_ALWAYS, .type = TYPES[i]}, &list[i], &n[i]));
        all += n[i];
    }
    const query_record_t **records = ARENA_ARRAY(&q->arena, const query_record_t *, all + 1);
    slice_t *leaves = ARENA_ARRAY(&q->arena, slice_t, all + 1);
    ENSURE(records && leaves, ERR_MEMORY);
    for (size_t i = 0; i < BASE_COUNT(TYPES); i++) {
        for (size_t k = 0; k < n[i]; k++) {
            records[c->record_count++] = list[i][k];
        }
    }
    qsort(records, all, sizeof *records, seq_order);
    for (size_t i = 0; i < all; i++) {
        leaves[i] = records[i]->leaf;
        if (records[i]->type == SEGMENT_END && records[i]->room == VROOM_LEDGER && !c->leaves) {
            vleaf_t leaf; /* its place tells how long segments are */
            uint8_t mem[24];
            buf_t text = BUF_ON_ARRAY(mem);
            uint64_t number = 0;
            TRY(vleaf_parse(records[i]->leaf, &leaf));
            if (vleaf_fact(&leaf, "segment", &text) &&
                !err_failed(slice_parse_u64(buf_slice(&text), UINT32_MAX, &number))) {
                c->leaves = (uint32_t)((records[i]->seq + 1) / (number + 1));
            }
        }
    }
    c->records = leaves;
    return OK;
}

static err_t seals_gather(query_t *q, vchain_t *c)
{
    uint64_t segments = c->leaves ? q->cp.size / c->leaves : 0;
    c->seals = ARENA_ARRAY(&q->arena, vchain_seal_t, (size_t)segments + 1);
    ENSURE(c->seals, ERR_MEMORY);
    for (uint64_t s = 0; s < segments; s++) {
        char path[PATH];
        slice_t note;
        buf_t b = buf_on(path, sizeof path - 1);
        buf_cstr(&b, "seal/");
        vtile_name(s, VTILE, &b);
        path[b.len] = '\0';
        if (err_failed(vfile_read(q->public_dir, path, VNOTE_MAX, &note))) {
            continue; /* not every segment has one */
        }
        vchain_seal_t *seal = &c->seals[c->seal_count++];
        seal->segment = s;
        err_t e = arena_copy(&q->arena, note, &seal->note);
        vfile_free(&note);
        TRY(e);
    }
    return OK;
}

static err_t spine_gather(query_t *q, vchain_t *c)
{
    bytes_t spine = {0}, rest = {0};
    uint64_t at = 0, segments = c->leaves ? q->cp.size / c->leaves : 0;
    err_t e = OK;
    for (uint64_t s = 0; s < segments && !err_failed(e); s++, at += c->leaves) {
        e = proof_subtree(q, at, c->leaves, &spine);
    }
    for (unsigned height = 63; at < q->cp.size && segments && !err_failed(e); height--) {
        if ((q->cp.size - at) >> height & 1) {
            e = proof_subtree(q, at, UINT64_C(1) << height, &rest);
            at += UINT64_C(1) << height;
        }
    }
    if (!err_failed(e)) {
        e = arena_copy(&q->arena, slice_make(spine.ptr, spine.len), &c->spine);
    }
    if (!err_failed(e)) {
        e = arena_copy(&q->arena, slice_make(rest.ptr, rest.len), &c->rest);
    }
    free(spine.ptr);
    free(rest.ptr);
    return spine.failed || rest.failed ? FAIL(ERR_MEMORY) : e;
}

err_t chain_gather(query_t *q, vchain_t *ret_chain)
{
    *ret_chain = (vchain_t){.cp = q->cp};
    TRY(records_gather(q, ret_chain));
    TRY(seals_gather(q, ret_chain));
    return spine_gather(q, ret_chain);
}
