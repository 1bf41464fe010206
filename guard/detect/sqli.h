/* SQL injection (@detectSQLi): would this value, pasted into a query, be more than a value? Pure:
 * no allocation, no state, time linear in the value's length.
 *
 * The value is read in each place where careless code puts one: bare after a number or a name,
 * inside '...', "...", `...`, [...] or a comment. In each the rest is lexed as the union of five
 * dialects and the tokens are judged by grammar: what follows the value that was meant to be there?
 */
#ifndef GUARD_DETECT_SQLI_H
#define GUARD_DETECT_SQLI_H

#include "bytes.h"

enum { SQLI_FINGERPRINT_MAX = 16 };

typedef enum sqli_context {
    SQLI_BARE,     /* WHERE id = VALUE, ORDER BY VALUE */
    SQLI_SINGLE,   /* 'VALUE' */
    SQLI_DOUBLE,   /* "VALUE" */
    SQLI_BACKTICK, /* `VALUE` */
    SQLI_BRACKET,  /* [VALUE] */
    SQLI_COMMENT   /* a VALUE that ends a comment around it */
} sqli_context_t;

/* Dialects whose words or signs the deciding part uses; a hint for logs, not a proof. */
enum {
    SQLI_MYSQL = 1u << 0, /* and MariaDB */
    SQLI_POSTGRES = 1u << 1,
    SQLI_SQLITE = 1u << 2,
    SQLI_SQLSERVER = 1u << 3,
    SQLI_ORACLE = 1u << 4,
    SQLI_ALL = (1u << 5) - 1
};

typedef struct sqli_found {
    sqli_context_t context;
    uint32_t dialects;
    char fingerprint[SQLI_FINGERPRINT_MAX + 1]; /* [a-z0-9_-], NUL-terminated; for logs and TX.0 */
    size_t at, len;                             /* the deciding part; inside the value */
} sqli_found_t;

/* False means: certainly nothing that sqli_detect would find, by bytes_seen() and length alone. */
bool sqli_possible(uint32_t seen, size_t len);
/* True when the value is an injection in at least one context; the first such is told. ret_found
 * may be NULL and is untouched on false. */
bool sqli_detect(slice_t value, sqli_found_t *ret_found);
const char *sqli_context_name(sqli_context_t context); /* "single"; never NULL */

#endif
