#include "segment.h"

#include "bundle.h"
#include "index/write.h"
#include "worker.h"

static err_t walk_bundle(const segment_t *seg, uint64_t number, segment_leaf_fn *each, void *ctx)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    slice_t bytes;
    arena_init(&a, BUNDLE_ARENA);
    TRY(bundle_read(seg->public_dir, number, TREE_TILE, &a, &bytes));
    cursor_t c = cur_on(bytes);
    for (unsigned i = 0; i < TREE_TILE; i++) {
        leaf_t leaf;
        slice_t one = leaf_next(&c);
        TRY(leaf_get(one, &leaf));
        ENSURE(leaf.entry.seq == number * TREE_TILE + i, ERR_CORRUPT);
        TRY(each(ctx, one, &leaf));
    }
    return cur_end(&c);
}

err_t segment_walk(const segment_t *seg, segment_leaf_fn *each, void *ctx)
{
    for (uint64_t n = seg->first / TREE_TILE; n < seg->end / TREE_TILE; n++) {
        ENSURE(!__atomic_load_n(seg->stop, __ATOMIC_ACQUIRE), ERR_CLOSED);
        TRY(walk_bundle(seg, n, each, ctx));
    }
    return OK;
}

err_t segment_record(const segment_t *seg, const ledger_record_t *rec, const leaf_extra_t *extra,
                     uint64_t *ret_seq)
{
    ENSURE(seg->worker, ERR_CLOSED);
    return worker_record(seg->worker, rec, extra, ret_seq);
}

err_t segment_gone(const segment_t *seg)
{
    (void)seg; /* the segment's index goes here (ledger/index) */
    return OK;
}

err_t segment_done(const segment_t *seg)
{
    TRY(index_segment(seg)); /* before its bundles are packed */
    return bundle_pack(seg->public_dir, seg->tmp_dir, seg->first / TREE_TILE, seg->end / TREE_TILE,
                       seg->stop);
}
