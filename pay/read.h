/* Reading of what providers send, strict: shared by the adapters. What is not understood is an
 * error, never a guess. */
#ifndef PAY_READ_H
#define PAY_READ_H

#include "adapter.h"

/* Of what we read: far above any tour, far below overflow. */
#define SUM_MAX_MINOR INT64_C(1000000000000)

/* Type of a notification or status of a payment -> what it means to us. */
typedef struct read_word {
    const char *text;
    pay_fact_t fact;
} read_word_t;
bool read_word(const read_word_t *words, size_t n, slice_t text, pay_fact_t *ret_fact);

/* Fields of a JSON document at a path. Those without `needed` may be missing or null (then empty or
 * 0); of another kind, or there twice, they are an error (SYNTAX, RANGE, CONFLICT, MEMORY). */
err_t read_text(slice_t json, arena_t *a, slice_t path, slice_t *ret_text);
err_t read_sum(slice_t json, arena_t *a, slice_t path, int64_t *ret_sum);
err_t read_sum_needed(slice_t json, arena_t *a, slice_t path, int64_t *ret_sum);
/* The provider's own names: letters, digits, '_', '-', '.', at most ADAPTER_REF_MAX. */
err_t read_id(slice_t json, arena_t *a, slice_t path, slice_t *ret_id);
err_t read_id_needed(slice_t json, arena_t *a, slice_t path, slice_t *ret_id);
/* Our booking as the provider keeps it for us, when it reads like an id of ours; else empty: it is
 * a help, never a proof. */
err_t read_booking(slice_t json, arena_t *a, slice_t path, slice_t *ret_booking);
err_t read_currency(slice_t json, arena_t *a, slice_t path, char out[3]);
bool read_is_plain(slice_t text, size_t max);

/* On the provider's configured origin, whatever the answer says, and fit for a header line. */
bool read_url_is_own(const char *page_origin, slice_t url);

/* Is the signature the hex HMAC-SHA256 of both parts, one after the other? Constant time; no key
 * signs nothing. */
bool read_is_signed(const adapter_key_t *key, slice_t signature, slice_t first, slice_t second);

#endif
