/* Index files: a hostile page or directory is refused, or is the one form of sorted postings; of a
 * leaf, what an index would say of it. */
#include "verify/index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static vpage_t page;
    cursor_t c = cur_on(slice_make(data, size));
    vindex_record_t said = {.pages = 1 + cur_u8(&c) % 8u, .leaves = 256};
    uint8_t root[32];
    vindex_row_t *rows;
    slice_t rest = cur_rest(&c);
    if (!err_failed(vpage_parse(rest, VINDEX_LEAVES, &page))) {
        CHECK(page.count > 0 && page.count <= VINDEX_PAGE && page.kind < VINDEX_KINDS);
        for (unsigned i = 0; i < page.count; i++) {
            const vposting_t *p = &page.postings[i];
            CHECK(p->at < VINDEX_LEAVES);
            CHECK(!i || p[-1].key < p->key || (p[-1].key == p->key && p[-1].at < p->at));
        }
    }
    vleaf_t leaf;
    vindex_record_t record;
    if (!err_failed(vleaf_parse(rest, &leaf))) { /* postings of any leaf; the record of an index */
        vpostings_t postings = {0};
        CHECK(!err_failed(vpostings_add(&postings, &leaf, 7)));
        vpostings_sort(&postings);
        CHECK(postings.of[VINDEX_TIME].count == 1 && postings.of[VINDEX_TYPE].count == 1);
        vpostings_free(&postings);
        if (vindex_record_of(&leaf, &record)) {
            CHECK(record.pages && record.leaves <= VINDEX_LEAVES && record.seq == leaf.seq);
        }
    }
    slice_t head = slice_sub(rest, 0, vindex_head_bytes(said.pages));
    if (head.len >= 28) { /* what the record says is what the file says, where it can */
        cursor_t h = cur_on(slice_from(head, 8));
        said.segment = cur_u64be(&h);
        said.leaves = cur_u32be(&h);
        (void)cur_u32be(&h);
        said.postings = cur_u32be(&h);
    }
    if (!err_failed(vindex_head_parse(head, &said, &rows))) {
        for (uint32_t i = 0; i < said.pages; i++) {
            CHECK(rows[i].end > rows[i].from);
        }
        vindex_rows_root(rows, said.pages, root);
        free(rows);
    }
    return 0;
}
