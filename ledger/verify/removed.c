/* Removed segments (FORMAT.md 8): their root stands in the tree, and what was kept of them proves
 * itself to that root. */
#include "proof.h"

enum { KEPT_MAX = 64 * 1024 * 1024 };

/* False: the leaf is not under this root at the place that it claims. */
static bool kept_holds(slice_t bytes, slice_t path, unsigned height, uint64_t number,
                       const uint8_t root[32], uint64_t *io_last, bool *io_any)
{
    vleaf_t leaf;
    uint8_t hash[32];
    if (err_failed(vleaf_parse(bytes, &leaf)) || leaf.seq >> height != number ||
        (*io_any && leaf.seq <= *io_last)) {
        return false;
    }
    *io_last = leaf.seq;
    *io_any = true;
    uint64_t size = UINT64_C(1) << height;
    vtree_leaf_hash(bytes, hash);
    return vproof_path(leaf.seq & (size - 1), size, hash, path, root);
}

void vremoved_kept(slice_t file, uint64_t number, unsigned height, const uint8_t root[32],
                   vrecords_t *v)
{
    cursor_t c = cur_on(file);
    uint64_t last = 0;
    bool any = false;
    int64_t first = (int64_t)(number << height);
    while (c.left) {
        slice_t leaf = cur_bytes(&c, cur_u16be(&c)), path = cur_bytes(&c, 32UL * height);
        if (c.bad || !kept_holds(leaf, path, height, number, root, &last, &any)) {
            report_fault(v->r, VERDICT_TAMPERED, first,
                         "what was kept of removed segment %llu is not what stood there",
                         (unsigned long long)number);
            return;
        }
        vrecords_kept(v, leaf);
    }
    /* A segment that named the next key keeps that record, or the chain would be broken. */
    if (v->segments_on && (!any || last + 1 != (number + 1) << height)) {
        report_fault(v->r, VERDICT_TAMPERED, first, "the end of removed segment %llu was not kept",
                     (unsigned long long)number);
    }
    if (number == 0 && !v->link_count) {
        report_fault(v->r, VERDICT_TAMPERED, 0, "the first record was not kept");
    }
}

err_t vremoved_read(int dir, const char *path, slice_t *ret_bytes)
{
    return vfile_read(dir, path, KEPT_MAX, ret_bytes);
}

err_t vremoved_minimum(int public_dir, uint64_t *ret_minimum)
{
    slice_t text;
    err_t e = vfile_read(public_dir, "minimum-index", 64, &text);
    *ret_minimum = 0;
    if (err_is(e, ERR_NOT_FOUND)) {
        return OK;
    }
    TRY(e);
    slice_t digits = slice_sub(text, 0, text.len ? text.len - 1 : 0);
    bool plain =
        text.len > 1 && text.ptr[text.len - 1] == '\n' && (digits.ptr[0] != '0' || digits.len == 1);
    e = plain ? slice_parse_u64(digits, INT64_MAX, ret_minimum) : FAIL(ERR_SYNTAX);
    vfile_free(&text);
    return e;
}
