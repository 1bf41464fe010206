/* What stands in place of removed and of packed records: bytes of a file that a stranger may have
 * written. First byte: which of them. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static report_t report;
    static const uint8_t ROOT[32];
    vrecords_t v;
    slice_t in = slice_from(slice_make(data, size), 1), out;
    uint8_t key[VMAC_KEY];
    if (size == 0) {
        return 0;
    }
    switch (data[0] % 3) {
    case 0: /* nothing of it is under a root of zeros */
        report = (report_t){0};
        vrecords_init(&v, &report);
        vremoved_kept(in, 0, 8, ROOT, &v);
        CHECK(report.verdict != VERDICT_OK && v.link_count == 0);
        vrecords_free(&v);
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
