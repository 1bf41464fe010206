/* Errors as values that nobody can drop.
 *
 * err_t is a small struct marked nodiscard; TRY() hands it upward. Codes, texts and HTTP statuses
 * stand in one table (err_table.h); numbers are stable, they appear in logs and on health pages.
 * Library code returns errors and never logs; the handler at the top logs once. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/banned.h"

typedef enum err_code {
#define ERR_ROW(name, number, http, text) ERR_##name = (number),
#include "base/err_table.h"
#undef ERR_ROW
} err_code_t;

typedef struct BASE_NODISCARD_TYPE err {
    uint16_t code;     /* err_code_t; 0 = success */
    uint16_t line;     /* where it arose */
    int32_t sys;       /* errno where one is known, else 0 */
    const char *where; /* file name, a literal; NULL on success */
} err_t;

#define OK ((err_t){ERR_NONE, 0, 0, NULL})
#define FAIL(code_) ((err_t){(uint16_t)(code_), __LINE__, 0, __FILE_NAME__})
#define FAIL_SYS(code_, errno_) ((err_t){(uint16_t)(code_), __LINE__, (errno_), __FILE_NAME__})

#define TRY(expr)                                                                                  \
    do {                                                                                           \
        err_t try_err_ = (expr);                                                                   \
        if (err_failed(try_err_)) {                                                                \
            return try_err_;                                                                       \
        }                                                                                          \
    } while (0)

#define ENSURE(cond, code_)                                                                        \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            return FAIL(code_);                                                                    \
        }                                                                                          \
    } while (0)

static inline bool err_failed(err_t e)
{
    return e.code != ERR_NONE;
}

static inline bool err_is(err_t e, err_code_t code)
{
    return e.code == code;
}

/* For the rare place where nothing can be done about a failure (say why beside it). */
static inline void err_ignore(err_t e)
{
    (void)e;
}

/* Stable English text of a code; never NULL. */
const char *err_text(unsigned code);
/* Symbolic name ("LIMIT"); never NULL. */
const char *err_name(unsigned code);
/* HTTP status that a code becomes when nothing better is known. */
int err_http(unsigned code);

#endif
