/* The bytes of a paper, and lines of a template with hostile values in them: whatever lines make is
 * a paper. */
#include <stdlib.h>

#include "paper/lines.h"

static uint8_t mem[PAPER_MAX];

static err_t read_all(slice_t bytes)
{
    paper_reader_t r;
    paper_element_t e;
    bool more = true;
    TRY(paper_open(&r, bytes));
    while (more) {
        TRY(paper_next(&r, &e, &more));
    }
    return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const paper_head_t HEAD = {.lang = SLICE("ja"), .title = SLICE("t")};
    slice_t bytes = slice_make(data, size);
    buf_t out = BUF_ON_ARRAY(mem);
    (void)read_all(bytes);
    if (!err_failed(paper_lines(&HEAD, bytes, &out))) {
        err_t e = read_all(buf_slice(&out));
        if (err_is(e, ERR_LIMIT)) {
            return 0;
        }
        /* Only what a template or a person may not write can be wrong with it. */
        if (err_failed(e) && !err_is(e, ERR_ENCODING) && !err_is(e, ERR_SYNTAX)) {
            abort();
        }
    }
    return 0;
}
