/* SBPS's wire: the fields of a result notification in the order of its hash, Shift_JIS, the hash,
 * and the XML of its API. Pure but for the C library's charset tables. */
#ifndef PAY_SBPS_WIRE_H
#define PAY_SBPS_WIRE_H

#include "adapter.h"

/* A02-1 in hash order. The first part repeats our request. OURS: must be what we sent, to the byte.
 */
#define SBPS_REPORT_FIELDS(X)                                                                      \
    X(pay_method, OURS)                                                                            \
    X(merchant_id, CONF)                                                                           \
    X(service_id, CONF)                                                                            \
    X(cust_code, OURS)                                                                             \
    X(sps_cust_no, OURS)                                                                           \
    X(sps_payment_no, OURS)                                                                        \
    X(order_id, ORDER)                                                                             \
    X(item_id, OURS)                                                                               \
    X(pay_item_id, OURS)                                                                           \
    X(item_name, OURS)                                                                             \
    X(tax, OURS)                                                                                   \
    X(amount, SUM)                                                                                 \
    X(pay_type, OURS)                                                                              \
    X(auto_charge_type, OURS)                                                                      \
    X(service_type, OURS)                                                                          \
    X(div_settele, OURS)                                                                           \
    X(last_charge_month, OURS)                                                                     \
    X(camp_type, OURS)                                                                             \
    X(tracking_id, OURS)                                                                           \
    X(terminal_type, OURS)                                                                         \
    X(free1, OURS)                                                                                 \
    X(free2, OURS)                                                                                 \
    X(free3, OURS)                                                                                 \
    X(request_date, TIME)                                                                          \
    X(res_pay_method, WORD)                                                                        \
    X(res_result, RESULT)                                                                          \
    X(res_tracking_id, TRACKING)                                                                   \
    X(res_sps_cust_no, WORD)                                                                       \
    X(res_sps_payment_no, WORD)                                                                    \
    X(res_payinfo_key, WORD)                                                                       \
    X(res_payment_date, WORD)                                                                      \
    X(res_err_code, WORD)                                                                          \
    X(res_date, TIME)                                                                              \
    X(limit_second, WORD)

typedef enum sbps_field {
#define SBPS_FIELD_ENUM(name, rule) SBPS_##name,
    SBPS_REPORT_FIELDS(SBPS_FIELD_ENUM)
#undef SBPS_FIELD_ENUM
        SBPS_FIELD_COUNT
} sbps_field_t;

typedef enum sbps_rule {
    SBPS_RULE_OURS,
    SBPS_RULE_CONF,
    SBPS_RULE_ORDER,
    SBPS_RULE_SUM,
    SBPS_RULE_TIME,     /* 14 digits */
    SBPS_RULE_WORD,     /* letters and digits, may be empty */
    SBPS_RULE_RESULT,   /* OK, NG, PY */
    SBPS_RULE_TRACKING, /* 14 digits, or empty when nothing was paid */
} sbps_rule_t;

/* Values as they came: Shift_JIS bytes. */
typedef struct sbps_report {
    slice_t at[SBPS_FIELD_COUNT];
    slice_t hash;
} sbps_report_t;

const char *sbps_field_name(sbps_field_t field);
sbps_rule_t sbps_field_rule(sbps_field_t field);

/* Fields in any order, others are passed over. SYNTAX: malformed, one of ours there twice or too
 * long. */
err_t sbps_report_read(arena_t *a, slice_t form, sbps_report_t *ret_report);

bool sbps_is_digits(slice_t s, size_t least, size_t most);
/* yyyymmddhhmmss in Japan. */
err_t sbps_stamp_put(arena_t *a, int64_t us, slice_t *ret);

/* Of the adapter (sbps_api.c). */
err_t sbps_query(const adapter_t *self, arena_t *a, const adapter_ref_t *ref,
                 adapter_news_t *ret_news);
err_t sbps_refund(const adapter_t *self, arena_t *a, const adapter_refund_t *order,
                  adapter_news_t *ret_news);

/* The longest beginning of a text, of at most max_bytes as Shift_JIS (CP932); what has no place
 * there becomes '?'. Both forms: the second is the first decoded again. */
err_t sbps_text_fit(arena_t *a, slice_t utf8, size_t max_bytes, slice_t *ret_sjis,
                    slice_t *ret_utf8);
/* ENCODING. */
err_t sbps_to_utf8(arena_t *a, slice_t sjis, slice_t *ret_utf8);

/* Lower-case hex of SHA-1 over the values, one after the other, and the key. */
err_t sbps_hash(arena_t *a, const slice_t *values, size_t n, const adapter_key_t *key,
                slice_t *ret_hex);

/* The text of the element at a path below the root ("res_pay_method_info.amount"). The whole
 * document is checked: elements and text only, no entities, each path once. NOT_FOUND, SYNTAX. */
err_t sbps_xml_get(slice_t xml, slice_t path, slice_t *ret_text);

#endif
