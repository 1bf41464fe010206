/* One interface to every payment service provider. An adapter knows the provider's formats and
 * nothing of our book; it holds the provider's secrets for the time of a call. */
#ifndef PAY_ADAPTER_H
#define PAY_ADAPTER_H

#include "attempt.h"

enum { ADAPTER_PAGE = 20 }; /* payments in one answer to list */
enum {
    ADAPTER_REF_MAX = 128,
    ADAPTER_EVENT_MAX = 64,
    ADAPTER_KIND_MAX = 40,
    ADAPTER_KEY_MAX = 128,
    ADAPTER_FIELDS_MAX = 48, /* of a form */
    ADAPTER_MOST = 4         /* providers of one house */
};

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
    int64_t lives_s;     /* the page's life in seconds, from now on */
    int64_t expires_us;  /* its end */
    slice_t description; /* no personal data */
    slice_t return_url;
} adapter_order_t;

/* An attempt of ours, by all that may name it at the provider. */
typedef struct adapter_ref {
    id128_t attempt;
    slice_t session, payment; /* payment: empty while it is not known */
    int64_t expires_us;       /* when its page is over, by our own order */
} adapter_ref_t;

typedef struct adapter_refund {
    adapter_ref_t of;
    int64_t amount_minor; /* to go back now */
    int64_t before_minor; /* has gone back before */
    int64_t whole_minor;  /* was paid */
} adapter_refund_t;

/* A form that takes the customer to the provider's page (link type); values in UTF-8. */
typedef struct adapter_form {
    struct {
        const char *name;
        slice_t value;
    } fields[ADAPTER_FIELDS_MAX];
    size_t n;
    slice_t action;      /* on the provider's page_origin */
    const char *charset; /* in which the browser is to send it */
} adapter_form_t;

/* What the provider says of a session or payment; the same struct for answers and notifications.
 * Text fields are empty when not said; ids are letters, digits, '_' and '-' and as short as the
 * bounds above, whatever was sent. Slices live in the call's arena. */
typedef struct adapter_news {
    bool knows; /* false: nothing has happened to the money yet (a notification we need not act on)
                 */
    bool ask;   /* it tells too little to be believed: the provider is to be asked now */
    bool dispute; /* the customer's bank wants the money back: a person is told */
    pay_fact_t fact;
    slice_t event, kind;      /* of a notification: unique id, the provider's type */
    slice_t session, payment; /* the provider's ids */
    slice_t order;            /* our attempt, 32 letters, as the provider repeats it */
    slice_t booking;        /* our booking, 32 letters, as the provider keeps it for us; or empty */
    int64_t page_minor;     /* of a session: what its page asks for */
    int64_t amount_minor;   /* paid, without the provider's own fee on the customer */
    int64_t refunded_minor; /* in total; fact REFUNDED only when it is all */
    char currency[3];
    slice_t url;  /* of a fresh session; on the provider's own origin, or a path of ours */
    slice_t echo; /* digest of what the provider repeats of our order, or empty */
} adapter_news_t;

typedef struct adapter adapter_t;
struct adapter {
    const char *name; /* in the book and in the notification route */
    /* UPSTREAM: a clear refusal. TIMEOUT: nobody knows. */
    err_t (*create)(const adapter_t *self, arena_t *a, const adapter_order_t *order,
                    adapter_news_t *ret_news);
    err_t (*query)(const adapter_t *self, arena_t *a, const adapter_ref_t *ref,
                   adapter_news_t *ret_news);
    /* NULL: the provider has no such call. */
    err_t (*cancel)(const adapter_t *self, arena_t *a, const adapter_ref_t *ref,
                    adapter_news_t *ret_news);
    err_t (*refund)(const adapter_t *self, arena_t *a, const adapter_refund_t *refund,
                    adapter_news_t *ret_news);
    /* Payments made since an instant, a page a call; for a book that came from a backup. after: ""
     * for the first page, then what *ret_after said; empty *ret_after: that was all. A payment that
     * cannot be read is an error: nothing is passed over. NULL: no such call. */
    err_t (*list)(const adapter_t *self, arena_t *a, int64_t since_us, slice_t after,
                  adapter_news_t *ret_news, size_t cap, size_t *ret_n, slice_t *ret_after);
    /* Constant time; CRYPTO when the signature is wrong, missing or too old. */
    err_t (*verify)(const adapter_t *self, arena_t *a, slice_t signature, slice_t raw);
    err_t (*parse)(const adapter_t *self, arena_t *a, slice_t raw, adapter_news_t *ret_news);
    /* The digest that news about this order must carry; NULL: the provider repeats no more than
     * order, sum and currency. */
    err_t (*echo)(const adapter_t *self, arena_t *a, const adapter_order_t *order,
                  slice_t *ret_echo);
    /* The form to the provider's page; NULL: a page has an address of its own. */
    err_t (*form)(const adapter_t *self, arena_t *a, const adapter_order_t *order,
                  adapter_form_t *ret_form);
    const char *signature_header; /* lower case; NULL: the signature stands in the body */
    const char *ok_answer;        /* to a notification that was taken */
    const char *no_answer; /* before the reason of a refusal, with status 200; NULL: the status says
                              it */
    const char *base_url;  /* API, without a slash at its end */
    const char *page_origin; /* scheme://host[:port] of the pages that customers are sent to */
    const char *resolve;     /* "host:port:address" for hosts that only we know, or NULL */
    bool page_outlives;      /* its pages live longer than we ask for: we end them ourselves */
    bool https_only;
    adapter_key_t api_key;
    adapter_key_t webhook_keys[2]; /* the second one: the old key during its change, or none */
    /* SBPS only. Its API's user is both numbers, the password api_key; webhook_keys are its hash
     * keys, of which the first signs what we send. */
    const char *merchant, *service;
    bool hash_in_sjis; /* the hash is over Shift_JIS bytes, else over UTF-8 */
};

#endif
