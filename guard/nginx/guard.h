/* Shared by the files of this folder, the only place in the house that includes ngx_*.h (law 3).
 * The glue holds no judgement: it hands bytes to pure code (guard/cards, guard/record) and acts on
 * the verdict. */
#ifndef GUARD_NGINX_GUARD_H
#define GUARD_NGINX_GUARD_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ledger/api.h"

enum { GUARD_KEY_BYTES = 32, GUARD_RETRY_AFTER_S = 30 };

/* http{}: one for the whole front. */
typedef struct guard_main_conf {
    ngx_str_t ledger;   /* path of ledger.sock; empty = nothing is recorded */
    ngx_str_t secrets;  /* folder of the pseudonym key; what ledger needs */
    ngx_str_t clock;    /* clock cell of a test house */
    ngx_str_t evidence; /* folder of investigator.pub and evidence-keys; empty = none is kept */
    ngx_str_t ring;     /* file of the tuning ring; empty = none */
    ngx_str_t profile;  /* empty counts as production */
    u_char key[GUARD_KEY_BYTES]; /* makes pseudonyms of addresses, sessions and agents */
    ngx_flag_t test;             /* sekisho_test: allows what only tests may do */
    ngx_flag_t wall;             /* workers' system calls are filtered: unix sockets alone */
    ngx_flag_t quiet;            /* nginx's log lines without a byte of a request (quiet.c) */
    ngx_array_t rule_lists;      /* of guard_rules_t *, each compiled once (setup.c) */
    size_t collections_bytes, hold_bytes;
    ngx_shm_zone_t *collections, *counts; /* NULL: none (shared.c) */
} guard_main_conf_t;

/* What was said of header names before the rules had to see all (headers.c). */
typedef struct guard_srv_conf {
    bool underscores, ignore_invalid;
} guard_srv_conf_t;

typedef enum guard_mode {
    GUARD_OFF,
    GUARD_DETECT, /* rules run and are recorded; nothing is blocked */
    GUARD_ON,
    GUARD_AS_RULES, /* modsecurity on: SecRuleEngine decides */
} guard_mode_t;

struct guard_rules; /* rules.h */
struct guard_judge;

typedef struct guard_loc_conf {
    ngx_flag_t card_check;
    ngx_flag_t is_static;      /* counted by the minute instead of recorded one by one */
    ngx_flag_t host_check;     /* Host must name the server that answers */
    ngx_flag_t upgrade;        /* WebSocket and other upgrades may pass */
    ngx_flag_t body_in_memory; /* nginx never writes a body to a file */
    ngx_flag_t fail_open;      /* a request that could not be judged passes */
    ngx_flag_t error_log;      /* matches are lines of nginx's error log */
    ngx_flag_t show_rules;     /* tests: X-Sekisho-Rules */
    bool is_apart;             /* a location that is judged otherwise than its server */
    ngx_uint_t mode;           /* guard_mode_t */
    size_t memory;             /* bytes that one judgement may take, beside its body's share */
    ngx_array_t *own, *all;    /* of guard_source_t: this level's; with the outer levels' before */
    struct guard_rules *rules; /* compiled; NULL: none */
    ngx_http_complex_value_t *transaction_id;
    ngx_str_t origin_key_name, origin_key;
} guard_loc_conf_t;

typedef struct guard_ctx {
    id128_t id;
    char id_text[ID_TEXT];
    const char *keep;          /* the room asks to keep this request: a word of ours, or NULL */
    const char *note;          /* why the guard itself refused, for the record; or NULL */
    ngx_list_part_t sent;      /* the request's header lines as they came (headers.c) */
    struct guard_judge *judge; /* NULL: rules have not been asked */
    bool headers_kept, body_asked, body_whole, cards_judged, is_card, is_blocked;
    size_t body_limit; /* what the rules look at; past it the body is refused or cut */
    bool body_limit_refuses, body_gathered;
} guard_ctx_t;

extern ngx_module_t ngx_http_sekisho_module;

static inline slice_t guard_slice(ngx_str_t s)
{
    return slice_make(s.data, s.len);
}

/* front.c: the request's first moment, its id, and the answer's headers. */
guard_ctx_t *guard_ctx(ngx_http_request_t *r);      /* made when missing, NULL without memory */
guard_ctx_t *guard_ctx_find(ngx_http_request_t *r); /* NULL when there is none */
ngx_int_t guard_front_handler(ngx_http_request_t *r);
/* Other servers climb out of a folder by such a path, nginx does not. */
bool guard_path_is_two_faced(slice_t path);
ngx_int_t guard_front_variables(ngx_conf_t *cf);
void guard_front_filters(void);
/* The only header line of this name; *ret_count says how many there are. */
slice_t guard_header(ngx_http_request_t *r, const char *name, size_t *ret_count);

/* headers.c: what the rules see of the header lines, and what goes on to the origin. */
ngx_int_t guard_headers_see_all(ngx_conf_t *cf);
ngx_int_t guard_headers_keep(ngx_http_request_t *r, guard_ctx_t *ctx); /* once, first of all */
ngx_int_t guard_headers_hide(ngx_http_request_t *r, const char *name);
ngx_int_t guard_headers_origin_key(ngx_http_request_t *r, guard_ctx_t *ctx);
/* The same for a subrequest, which has no access phase: never the main request's key for another
 * origin. */
ngx_int_t guard_headers_subrequest_key(ngx_http_request_t *r);
char *guard_origin_key_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* body.c: the body in one piece of memory, never on disk. */
void guard_body_filters(void);
/* Has it read; the phases run on when it is there. NGX_DECLINED: it is. */
ngx_int_t guard_body_read(ngx_http_request_t *r, guard_ctx_t *ctx);
/* What was gathered: all of it, or as far as the rules look. */
ngx_int_t guard_body_of(ngx_http_request_t *r, slice_t *ret_body);

/* Bytes gathered in a request's pool; wiped at the request's end. */
typedef struct guard_gather {
    u_char *mem;
    size_t len, cap;
} guard_gather_t;
guard_gather_t *guard_gather_new(ngx_http_request_t *r);
/* NGX_BUSY: the worker holds as much as it may (sekisho_hold); nothing was taken. */
ngx_int_t guard_gather_add(ngx_http_request_t *r, guard_gather_t *to, const u_char *bytes,
                           size_t len);

/* hold.c: what all requests of this worker hold - bodies, answers, judgements. Strangers may begin
 * many and end none. */
void guard_hold_limit(size_t max_bytes);
bool guard_hold_has_room(size_t more);              /* for gathered bytes */
bool guard_hold_is_full(void);                      /* no body can be judged */
void guard_hold_change(size_t *io_own, size_t now); /* an owner's part becomes `now` */

/* cards.c. NGX_DECLINED to go on, or the status of the refusal. */
ngx_int_t guard_card_judge(ngx_http_request_t *r, guard_ctx_t *ctx);

/* judge.c: the rewrite and access phases; response.c: header and body filters. */
ngx_int_t guard_rewrite_handler(ngx_http_request_t *r);
ngx_int_t guard_access_handler(ngx_http_request_t *r);
void guard_response_filters(void);

/* answer.c: the guard's own pages and their style sheet, as content handlers. */
char *guard_answer_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t guard_answer_style(ngx_http_request_t *r);
/* Ours: it hands nothing on to an origin. */
bool guard_answer_is_ours(ngx_http_handler_pt handler);
/* The page for this status, from a phase: sends it and ends the request. NGX_DONE. */
ngx_int_t guard_answer_now(ngx_http_request_t *r, ngx_uint_t status);
/* The same for a filter: fills headers_out and *ret_page, sends nothing. */
ngx_int_t guard_answer_make(ngx_http_request_t *r, ngx_uint_t status, ngx_buf_t **ret_page);
/* A header line of the answer. name and value live as long as the request. */
ngx_int_t guard_answer_header(ngx_http_request_t *r, const char *name, slice_t value);

/* record.c: the log phase. */
ngx_int_t guard_record_handler(ngx_http_request_t *r);

slice_t guard_session_cookie(ngx_http_request_t *r);

/* keep.c: sealed evidence of requests that matched a rule, held a card number, or that a room asks
 * to keep (a failed login); and the tuning ring, which has these and a part of all others. */
ngx_int_t guard_keep_make(ngx_cycle_t *cycle, const guard_main_conf_t *conf); /* in the master */
ngx_int_t guard_keep_start(ngx_cycle_t *cycle, guard_main_conf_t *conf);
void guard_keep(ngx_http_request_t *r, guard_ctx_t *ctx); /* log phase, last */
/* Obeys and removes the room's X-Sekisho-Keep line. */
void guard_keep_asked(ngx_http_request_t *r, guard_ctx_t *ctx);

/* quiet.c: nginx's own log lines, without a byte of a request in them. */
void guard_quiet_start(ngx_cycle_t *cycle);
void guard_quiet_learn(ngx_http_request_t *r);

/* ring.c, sender.c: records of one worker, batched, on their way to ledgerd. Never blocks the event
 * loop. */
ngx_int_t guard_ring_make(ngx_cycle_t *cycle); /* in the master, before workers are born */
ngx_int_t guard_sender_start(ngx_cycle_t *cycle, ngx_str_t *path);
void guard_sender_add(const ledger_record_t *record); /* copied; past the bound counted as lost */
void guard_sender_count_static(void);
void guard_sender_opened(void); /* a request has begun, and will be recorded */
void guard_sender_closed(void);
void guard_sender_stop(void); /* worker's end: a last bounded try to hand over what is left */

/* pseudonym.c */
ngx_int_t guard_key_load(ngx_conf_t *cf, guard_main_conf_t *conf);
id128_t guard_pseudonym(const guard_main_conf_t *conf, const char *kind, slice_t value);
uint64_t guard_short_hash(const guard_main_conf_t *conf, const char *kind,
                          slice_t value); /* 0 for empty */

#endif
