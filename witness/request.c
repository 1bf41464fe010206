#include "request.h"

#include "text/b64.h"

static err_t take_line(slice_t *rest, slice_t *ret_line)
{
    size_t end = slice_find_byte(*rest, '\n');
    ENSURE(end != SIZE_MAX, ERR_SYNTAX);
    *ret_line = slice_sub(*rest, 0, end);
    *rest = slice_from(*rest, end + 1);
    return OK;
}

/* "<word> <decimal>" */
static err_t take_number(slice_t *rest, slice_t word, uint64_t *ret_value)
{
    slice_t line;
    TRY(take_line(rest, &line));
    ENSURE(slice_starts(line, word), ERR_SYNTAX);
    line = slice_from(line, word.len);
    ENSURE(!err_failed(slice_parse_u64(line, INT64_MAX, ret_value)), ERR_SYNTAX);
    ENSURE(line.len == 1 || line.ptr[0] != '0', ERR_SYNTAX);
    return OK;
}

/* Hashes, a line each, up to the empty line. */
static err_t take_path(slice_t *rest, merkle_path_t *path)
{
    slice_t line;
    path->n = 0;
    for (;;) {
        TRY(take_line(rest, &line));
        if (!line.len) {
            return OK;
        }
        ENSURE(path->n < MERKLE_PATH_MAX && line.len == B64_LEN(MERKLE_HASH), ERR_SYNTAX);
        buf_t out = buf_on(path->at[path->n], MERKLE_HASH);
        ENSURE(!err_failed(b64_decode(line, &out)) && out.len == MERKLE_HASH, ERR_SYNTAX);
        path->n++;
    }
}

err_t add_checkpoint_parse(slice_t body, add_checkpoint_t *ret_request)
{
    TRY(take_number(&body, SLICE("old "), &ret_request->old_size));
    TRY(take_path(&body, &ret_request->path));
    ENSURE(body.len, ERR_SYNTAX);
    ret_request->note = body;
    return OK;
}

err_t log_proof_parse(slice_t body, log_proof_t *ret_proof)
{
    slice_t line;
    TRY(take_line(&body, &line));
    ENSURE(slice_eq(line, SLICE("c2sp.org/tlog-proof@v1")), ERR_SYNTAX);
    TRY(take_line(&body, &line));
    ENSURE(slice_starts(line, SLICE("extra ")), ERR_SYNTAX);
    buf_t out = buf_on(ret_proof->extra, sizeof ret_proof->extra);
    ENSURE(!err_failed(b64_decode(slice_from(line, 6), &out)), ERR_SYNTAX);
    ret_proof->extra_len = out.len;
    TRY(take_number(&body, SLICE("index "), &ret_proof->index));
    TRY(take_path(&body, &ret_proof->path));
    ENSURE(body.len, ERR_SYNTAX);
    ret_proof->note = body;
    return OK;
}
