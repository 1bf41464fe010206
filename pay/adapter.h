/* One interface to every payment service provider. An adapter knows the provider's formats and
 * nothing of our book; it holds the provider's secrets for the time of a call. */
#ifndef PAY_ADAPTER_H
#define PAY_ADAPTER_H

#include "attempt.h"

enum { ADAPTER_PAGE = 20 }; /* payments in one answer to list */
enum { ADAPTER_REF_MAX = 64, ADAPTER_EVENT_MAX = 64, ADAPTER_KIND_MAX = 40, ADAPTER_KEY_MAX = 128 };

/* A key as the provider issues it: text of its own length. Wiped by whoever holds it. */
typedef struct adapter_key {
    uint8_t b[ADAPTER_KEY_MAX];
    size_t len; /* 0 = none */
} adapter_key_t;

/* What we ask a page for. */
typedef struct adapter_order {
    id128_t attempt, booking;
    int64_t amount_minor;
    char currency[3];
    uint8_t lang;
    int64_t lives_s;     /* the page's life in seconds */
    slice_t description; /* no personal data */
    slice_t return_url;
} adapter_order_t;

/* What the provider says of a session or payment; the same struct for answers and notifications.
 * Text fields are empty when not said; ids are letters, digits, '_' and '-' and as short as the
 * bounds above, whatever was sent. Slices live in the call's arena. */
typedef struct adapter_news {
    bool knows; /* false: nothing has happened to the money yet (a notification we need not act on)
                 */
    pay_fact_t fact;
    slice_t event, kind;      /* of a notification: unique id, the provider's type */
    slice_t session, payment; /* the provider's ids */
    slice_t order;            /* our attempt, 32 letters, as the provider repeats it */
    slice_t booking;        /* our booking, 32 letters, as the provider keeps it for us; or empty */
    int64_t page_minor;     /* of a session: what its page asks for */
    int64_t amount_minor;   /* paid, without the provider's own fee on the customer */
    int64_t refunded_minor; /* in total; fact REFUNDED only when it is all */
    char currency[3];
    slice_t url; /* of a fresh session; on the provider's own origin */
} adapter_news_t;

typedef struct adapter adapter_t;
struct adapter {
    const char *name; /* in the book and in the notification route */
    /* UPSTREAM: a clear refusal. TIMEOUT: nobody knows. */
    err_t (*create)(const adapter_t *self, arena_t *a, const adapter_order_t *order,
                    adapter_news_t *ret_news);
    err_t (*query)(const adapter_t *self, arena_t *a, slice_t session, adapter_news_t *ret_news);
    err_t (*cancel)(const adapter_t *self, arena_t *a, slice_t session, adapter_news_t *ret_news);
    err_t (*refund)(const adapter_t *self, arena_t *a, slice_t payment, int64_t amount_minor,
                    adapter_news_t *ret_news);
    /* Payments made since an instant, a page a call, pages from 1; for a book that came from a
     * backup. *ret_more: there are further pages. A payment that cannot be read is an error:
     * nothing is passed over. */
    err_t (*list)(const adapter_t *self, arena_t *a, int64_t since_us, unsigned page,
                  adapter_news_t *ret_news, size_t cap, size_t *ret_n, bool *ret_more);
    /* Constant time; CRYPTO when the signature is wrong or missing. */
    err_t (*verify)(const adapter_t *self, slice_t signature, slice_t raw);
    err_t (*parse)(const adapter_t *self, arena_t *a, slice_t raw, adapter_news_t *ret_news);
    const char *signature_header; /* lower case */
    const char *base_url;         /* API, without a slash at its end */
    const char *page_origin;      /* scheme://host[:port] of the pages that customers are sent to */
    const char *resolve;          /* "host:port:address" for hosts that only we know, or NULL */
    bool https_only;
    adapter_key_t api_key;
    adapter_key_t webhook_keys[2]; /* the second one: the old key during its change, or none */
};

#endif
