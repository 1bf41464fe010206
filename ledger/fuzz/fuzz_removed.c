/* What stands in place of removed and of packed records: bytes of a file that a stranger may have
 * written. First byte: which of them, and of what was kept whether segments are checked and
 * whether the root is the first leaf's own (a segment of one record), so that it holds. */
#include "verify/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PART_MAX = 1 << 16 };

/* As a reader of few leaves does it: each part by itself, whatever the hash at the end says. */
static void each_part(slice_t file)
{
    static uint8_t mem[PART_MAX];
    vpacked_t p;
    size_t len;
    if (err_failed(vpacked_open(file, &p))) {
        return;
    }
    for (unsigned i = 0; i < p.parts; i++) {
        if (!err_failed(vpacked_length(&p, i, i + 1, PART_MAX, &len))) {
            err_ignore(vpacked_part(&p, i, mem, len));
        }
    }
}

static void kept(slice_t in, bool segments, bool holds)
{
    static report_t report;
    vrecords_t v;
    vleaf_t leaf;
    uint8_t root[32] = {0};
    cursor_t c = cur_on(in);
    slice_t first = cur_bytes(&c, cur_u16be(&c));
    holds = holds && !c.bad && !err_failed(vleaf_parse(first, &leaf));
    if (holds) {
        vtree_leaf_hash(first, root);
    }
    report = (report_t){0};
    vrecords_init(&v, &report);
    v.segments_on = segments;
    vremoved_kept(in, holds ? leaf.seq : 0, holds ? 0 : 8, root, &v);
    CHECK(holds || (report.verdict != VERDICT_OK && v.link_count == 0)); /* none is under zeros */
    vrecords_free(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t in = slice_from(slice_make(data, size), 1), out;
    uint8_t key[VMAC_KEY];
    if (size == 0) {
        return 0;
    }
    switch (data[0] % 3) {
    case 0:
        kept(in, data[0] / 3 % 2, data[0] / 6 % 2);
        break;
    case 1:
        if (!err_failed(vfile_unpack(in, 1 << 20, &out))) {
            CHECK(out.len <= 1 << 20);
            vfile_free(&out);
        }
        each_part(in);
        break;
    default:
        err_ignore(vmac_parse(in, key));
    }
    return 0;
}
