/* ?1 becomes $1 for PostgreSQL. Our own literals only come here, but the rewriter must not be the
 * place where a quote is misunderstood: what it does not know, it refuses. */
#include "db/db_int.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Copies a quoted part, quote to quote; a doubled quote stays inside. */
static err_t copy_quoted(slice_t *rest, buf_t *out)
{
    uint8_t quote = rest->ptr[0];
    for (size_t i = 1; i < rest->len; i++) {
        if (rest->ptr[i] != quote) {
            continue;
        }
        if (i + 1 < rest->len && rest->ptr[i + 1] == quote) {
            i++;
            continue;
        }
        buf_put(out, slice_sub(*rest, 0, i + 1));
        *rest = slice_from(*rest, i + 1);
        return OK;
    }
    return FAIL(ERR_USAGE);
}

static err_t copy_param(slice_t *rest, buf_t *out, unsigned *max_arg)
{
    size_t digits = 1;
    uint64_t number;
    while (digits < rest->len && is_digit(rest->ptr[digits])) {
        digits++;
    }
    ENSURE(!err_failed(slice_parse_u64(slice_sub(*rest, 1, digits - 1), DB_ARGS_MAX, &number)),
           ERR_USAGE);
    ENSURE(number > 0, ERR_USAGE);
    buf_u8(out, '$');
    buf_dec(out, (int64_t)number);
    *max_arg = number > *max_arg ? (unsigned)number : *max_arg;
    *rest = slice_from(*rest, digits);
    return OK;
}

err_t db_rewrite(slice_t sql, buf_t *out, unsigned *ret_max_arg)
{
    unsigned max_arg = 0;
    while (sql.len) {
        uint8_t c = sql.ptr[0];
        if (c == '\'' || c == '"') {
            TRY(copy_quoted(&sql, out));
            continue;
        }
        if (c == '?') {
            TRY(copy_param(&sql, out, &max_arg));
            continue;
        }
        /* Comments, dollar quotes and backslash strings have no place in a query of ours. */
        ENSURE(!slice_starts(sql, SLICE("--")) && !slice_starts(sql, SLICE("/*")), ERR_USAGE);
        ENSURE(c != '$' && c != '\\' && c != '`' && c != 0, ERR_USAGE);
        buf_u8(out, c);
        sql = slice_from(sql, 1);
    }
    *ret_max_arg = max_arg;
    return buf_check(out);
}
