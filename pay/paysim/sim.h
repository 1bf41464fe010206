/* paysim stands in for the payment service provider in development and tests: its own process, its
 * own origin, KOMOJU's public session and webhook formats, behaviour chosen by a person on its page
 * or by a control call. All in memory; the same inputs give the same outputs. It never runs in
 * production. */
#ifndef PAYSIM_SIM_H
#define PAYSIM_SIM_H

#include <pthread.h>

#include "base/arena.h"
#include "base/id.h"
#include "base/secret.h"

enum { SIM_SESSIONS = 4096, SIM_HOOKS = 4096, SIM_ID = 25, SIM_URL_MAX = 400, SIM_TEXT_MAX = 256 };

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
    X(WRONG_TOTAL, "wrong_total") /* captured; notified and answered: one yen less was paid */

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
    char id[SIM_ID + 1], payment[SIM_ID + 1], order[SIM_TEXT_MAX + 1];
    char booking[40]; /* metadata that we keep for the shop */
    char return_url[SIM_URL_MAX + 1], description[SIM_TEXT_MAX + 1];
    int64_t amount_minor, refunded_minor, created_us, expires_us;
    int64_t acted_us;   /* when the customer first acted: the payment's created_at */
    int64_t paid_minor; /* what the payment says; amount_minor but for wrong_total */
    sim_status_t status;
    bool challenged;
} sim_session_t;

/* One notification to be sent. */
typedef struct sim_hook {
    bool used;
    int64_t due_us; /* wall clock, so that a test's clock step delivers it */
    unsigned tries;
    bool forged;
    char event[SIM_ID + 1], type[40];
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
    secret_t api_key, webhook_key;
    char origin[64];       /* "http://psp.localhost:8090" */
    char notify_url[200];  /* http://127.0.0.1:8080/pay/notify/komoju */
    char notify_host[100]; /* Host header for it */
    bool stop;
} sim_t;

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

/* The sender: a thread that delivers due hooks, with retries. */
void *sim_hooks_thread(void *sim);

#endif
