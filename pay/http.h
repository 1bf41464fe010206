/* One HTTP call to a provider: TLS checked, no redirects, bounded in time and size. */
#ifndef PAY_HTTP_H
#define PAY_HTTP_H

#include "adapter.h"

enum { HTTP_ANSWER_MAX = 256 * 1024, HTTP_CONNECT_MS = 2000 };

typedef struct http_call {
    const char *method, *url;
    slice_t body;                  /* empty for none */
    const char *type;              /* of body and answer */
    const adapter_key_t *user;     /* Basic authentication */
    const adapter_key_t *password; /* NULL: an empty one */
    const char *idempotency;       /* the whole header line, or NULL */
    const char *resolve;
    long total_ms;   /* the whole call */
    bool https_only; /* plain http is refused (production) */
} http_call_t;

/* ret_status 100..599. TIMEOUT when it is unknown whether the provider acted; UNAVAILABLE when it
 * surely did not. */
err_t http_do(arena_t *a, const http_call_t *call, long *ret_status, slice_t *ret_answer);

#endif
