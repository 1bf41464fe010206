/* Records, entries and statuses as other rooms send them: what decodes encodes to the same bytes.
 */
#include "ledger/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t mem[128 * 1024];
    slice_t in = slice_make(data, size);
    cursor_t c = cur_on(in);
    ledger_entry_t entry = ledger_entry_get(&c);
    if (!c.bad) {
        buf_t out = BUF_ON_ARRAY(mem);
        ledger_entry_put(&out, &entry);
        CHECK(!out.full && slice_eq(buf_slice(&out), slice_sub(in, 0, out.len)));
        CHECK(out.len + c.left == size);
    }
    c = cur_on(in);
    ledger_status_t status = ledger_status_get(&c);
    CHECK(c.bad || memchr(status.reason, 0, sizeof status.reason));
    return 0;
}
