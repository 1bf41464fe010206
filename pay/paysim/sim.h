/* paysim stands in for the payment service providers in development and tests: its own process, its
 * own origin, the public formats of KOMOJU, Stripe Checkout and SBPS's link type, behaviour chosen
 * by a person on its page or by a control call. All in memory; the same inputs give the same
 * outputs. It never runs in production. */
#ifndef PAYSIM_SIM_H
#define PAYSIM_SIM_H

#include <pthread.h>

#include "base/arena.h"
#include "base/id.h"
#include "base/secret.h"

enum {
    SIM_SESSIONS = 4096,
    SIM_HOOKS = 4096,
    SIM_ID = 25,
    SIM_REF = 40, /* an id with the provider's prefix */
    SIM_URL_MAX = 400,
    SIM_TEXT_MAX = 256,
    SIM_FORM_MAX = 2048,
    SIM_LINE_MAX = 400
};

/* Which provider's formats a session speaks. */
typedef enum sim_wire { SIM_KOMOJU, SIM_STRIPE, SIM_SBPS, SIM_WIRES } sim_wire_t;
const char *sim_wire_name(unsigned wire);

/* What the customer (or the test) makes happen on a session's page. One table: names are used by
 * the page and by control calls. */
#define SIM_SCENARIOS(X)                                                                           \
    X(SUCCESS, "success")     /* captured, notified, sent back */                                  \
    X(DECLINE, "decline")     /* the card is declined; notified; sent back */                      \
    X(CHALLENGE, "challenge") /* 3-D Secure page first, where it passes, fails or is left */       \
    X(ABANDON, "abandon")     /* cancelled on the page, sent back; nothing is notified */          \
    X(LEAVE, "leave")         /* the page is simply left open */                                   \
    X(DELAYED, "delayed")     /* captured; sent back at once, notified after `delay_s` */          \
    X(DUPLICATE, "duplicate") /* captured; the same notification five times, and once more under a \
                                 new event id */                                                   \
    X(FORGED, "forged")       /* not paid; a notification with a wrong signature says it was */    \
    X(WRONG_AMOUNT, "wrong_amount") /* rightly signed, but one yen less */                         \
    X(NO_WEBHOOK, "no_webhook")     /* captured; sent back; nobody is notified */                  \
    /* from here on by control call only */                                                        \
    X(EARLY, "early") /* captured and notified before the page's address is even answered */       \
    X(WRONG_TOTAL, "wrong_total")   /* captured; notified and answered: one yen less was paid */   \
    X(WEBHOOK_ONLY, "webhook_only") /* captured, notified; the browser never comes back */         \
    X(OUT_OF_ORDER, "out_of_order") /* captured and paid back; that is notified first */           \
    X(CHARGEBACK, "chargeback")     /* captured; then the bank wants it back */                    \
    X(REFUND_FAILS, "refund_fails") /* captured; the first two refunds are refused */              \
    X(WRONG_CURRENCY, "wrong_currency") /* captured; rightly signed: in dollars */                 \
    X(WRONG_ORDER, "wrong_order")       /* captured; rightly signed: for another order */          \
    X(WRONG_MERCHANT, "wrong_merchant") /* captured; rightly signed: another's (session, mode) */  \
    X(STALE, "stale")       /* not paid; rightly signed, but an hour ago (Stripe); else forged */  \
    X(EXTRA_V1, "extra_v1") /* captured; a wrong signature before the right one (Stripe) */        \
    X(OLD_KEY, "old_key")   /* captured; signed with the key of before */                          \
    X(SHIFT, "shift")       /* paid less; bytes moved between fields under a right hash (SBPS) */

typedef enum sim_scenario {
#define SIM_SCENARIO_ENUM(name, text) SIM_##name,
    SIM_SCENARIOS(SIM_SCENARIO_ENUM)
#undef SIM_SCENARIO_ENUM
        SIM_SCENARIO_COUNT
} sim_scenario_t;

const char *sim_scenario_name(unsigned scenario);
bool sim_scenario_find(slice_t name, sim_scenario_t *ret_scenario);

typedef enum sim_status {
    SIM_PENDING,
    SIM_CAPTURED,
    SIM_FAILED,
    SIM_CANCELLED,
    SIM_REFUNDED
} sim_status_t;

typedef struct sim_session {
    bool used, english;
    bool dollars; /* only in a copy that is to tell a lie */
    sim_wire_t wire;
    unsigned refunds_to_fail;
    char form[SIM_FORM_MAX + 1]; /* SBPS: the request, as it came */
    char id[SIM_REF + 1], payment[SIM_REF + 1], order[SIM_TEXT_MAX + 1];
    char booking[40]; /* metadata that we keep for the shop */
    char return_url[SIM_URL_MAX + 1], description[SIM_TEXT_MAX + 1];
    int64_t amount_minor, refunded_minor, created_us, expires_us;
    int64_t acted_us;   /* when the customer first acted: the payment's created_at */
    int64_t paid_minor; /* what the payment says; amount_minor but for wrong_total */
    sim_status_t status;
    bool challenged;
} sim_session_t;

/* What is not right about a notification. */
typedef enum sim_lie {
    SIM_TRUE,
    SIM_FORGED_SIGNATURE,
    SIM_STALE_SIGNATURE,
    SIM_EXTRA_SIGNATURE,
    SIM_OLD_SIGNATURE,
    SIM_OTHER_CURRENCY,
    SIM_OTHER_ORDER,
    SIM_OTHER_MERCHANT,
    SIM_SHIFTED_FIELDS
} sim_lie_t;

/* One notification to be sent. */
typedef struct sim_hook {
    bool used;
    int64_t due_us; /* wall clock, so that a test's clock step delivers it */
    unsigned tries;
    sim_lie_t lie;
    char event[SIM_REF + 1], type[40];
    size_t session; /* index */
    int64_t amount_minor;
} sim_hook_t;

typedef struct sim_counts {
    uint64_t created, captured, cancelled, refunded, hooks_sent, hooks_failed;
} sim_counts_t;

typedef struct sim {
    pthread_mutex_t lock;
    pthread_cond_t news;
    sim_session_t *sessions; /* SIM_SESSIONS */
    sim_hook_t *hooks;       /* SIM_HOOKS */
    size_t next_session;
    uint64_t next_event;
    int64_t delay_s;
    bool down;     /* the API answers 503 */
    bool hang;     /* the API takes the request and never answers in time */
    bool has_next; /* control: what the next session does by itself */
    sim_scenario_t next;
    sim_counts_t counts;
    bool lost; /* the API does what it is asked and answers 500 */
    bool has_wire[SIM_WIRES], has_old[SIM_WIRES]; /* keys were found */
    secret_t api_key[SIM_WIRES], webhook_key[SIM_WIRES], old_key[SIM_WIRES];
    bool hash_in_sjis;
    char origin[64];       /* "http://psp.localhost:8090" */
    char notify_url[200];  /* http://127.0.0.1:8080/pay/notify/komoju */
    char notify_host[100]; /* Host header for it */
    bool stop;
} sim_t;

/* Is this notification something the provider must not have sent, so that it is not sent again? */
bool sim_lie_is_attack(sim_lie_t lie);

/* All below lock the sim by themselves; copies go out. */
err_t sim_session_create(sim_t *sim, const sim_session_t *wish, sim_session_t *ret_session);
bool sim_session_get(sim_t *sim, slice_t id, sim_session_t *ret_session);
bool sim_payment_get(sim_t *sim, slice_t payment, sim_session_t *ret_session);
bool sim_session_expired(const sim_session_t *s);
/* CONFLICT when it is no longer pending. */
err_t sim_session_cancel(sim_t *sim, slice_t id, sim_session_t *ret_session);
err_t sim_refund(sim_t *sim, slice_t payment, int64_t amount_minor, sim_session_t *ret_session);
/* Plays a scenario on a pending session. ret_back: the browser goes back to the shop now. */
err_t sim_play(sim_t *sim, slice_t id, sim_scenario_t scenario, bool *ret_back);
/* The JSON of a session, and of the notification of a hook. */
void sim_session_json(const sim_t *sim, const sim_session_t *s, buf_t *out);
void sim_payment_json(const sim_session_t *s, int64_t amount_minor, buf_t *out);
/* Payments since an instant, as one page of a list. */
err_t sim_list_json(sim_t *sim, int64_t since_us, int64_t page, int64_t per_page, buf_t *out);
void sim_hook_json(const sim_hook_t *hook, const sim_session_t *s, buf_t *out);
/* Sessions of a wire that were paid on since an instant, oldest first; for lists. */
size_t sim_paid_list(sim_t *sim, sim_wire_t wire, int64_t since_us, sim_session_t *ret, size_t cap);

/* stripe.c, sbps.c: body of a notification and its signature's header line ("" = none). False: this
 * provider tells nothing of that. */
bool sim_stripe_hook(const sim_t *sim, const sim_hook_t *hook, const sim_session_t *s, buf_t *out,
                     char line[SIM_LINE_MAX]);
bool sim_sbps_hook(const sim_t *sim, const sim_hook_t *hook, const sim_session_t *s, buf_t *out,
                   char line[SIM_LINE_MAX]);
void sim_hmac_hex(const secret_t *key, slice_t first, slice_t second, char out[65]);

/* The sender: a thread that delivers due hooks, with retries. */
void *sim_hooks_thread(void *sim);

#endif
