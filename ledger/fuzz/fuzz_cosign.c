/* Policies, cosigned notes and proofs, as ledger-verify and ledger-push read them. The keys are
 * fixed and their secrets are not here: only what the corpus holds may ever count as cosigned or
 * proved. */
#include "verify/cosign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COSIGNED_SIZE = 20852163, PROVED_INDEX = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static vpolicy_t policy, parsed;
    static vkey_t key;
    static uint8_t leaf[VLEAF_MAX];
    char fault[VPOLICY_FAULT];
    slice_t in = slice_make(data, size);
    vcosigned_t c;
    vtlog_t proof;
    if (!key.text[0]) {
        CHECK(!err_failed(vpolicy_parse(SLICE("witness.example/w1+df1c0a35+"
                                              "BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"),
                                        &policy, fault)));
        CHECK(!err_failed(vkey_parse(SLICE("log.example/test+fae20353+"
                                           "AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"),
                                     &key)));
    }
    if (!err_failed(vcosigned_judge(in, &policy, 0, &c))) {
        CHECK(!c.enough || c.size == COSIGNED_SIZE);
    }
    if (!err_failed(vtlog_check(in, &key, leaf, &proof))) {
        CHECK(proof.index == PROVED_INDEX && slice_eq(proof.leaf, SLICE("leaf3")));
    }
    if (!err_failed(vpolicy_parse(in, &parsed, fault))) {
        static const bool NOBODY[VWITNESSES];
        bool all[VWITNESSES];
        memset(all, 1, sizeof all);
        CHECK(vpolicy_met(&parsed, all)); /* any quorum can be reached */
        CHECK(vpolicy_met(&parsed, NOBODY) == (parsed.quorum == VQUORUM_NONE));
    }
    return 0;
}
