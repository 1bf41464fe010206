/* The rule engine inside nginx: configuration (setup.c), one request's judgement (judge.c,
 * response.c), what is left of it afterwards (after.c), figures and collections in shared memory
 * (shared.c). */
#ifndef GUARD_NGINX_RULES_H
#define GUARD_NGINX_RULES_H

#include "guard.h"

#include "../engine/engine.h"

/* One directive's rules. */
typedef struct guard_source {
    ngx_str_t text, conf_file; /* text: a file's full name when is_file */
    ngx_uint_t line;
    bool is_file;
} guard_source_t;

/* A list of rules. Equal lists are one, whatever the modes of the places that name them. */
typedef struct guard_rules {
    ngx_array_t *sources;
    bool is_used; /* else only checked at load */
    engine_set_t *set;
    engine_worker_t *worker; /* of this process */
    ngx_open_file_t *audit_log;
} guard_rules_t;

typedef enum guard_verdict {
    GUARD_VERDICT_PASS,
    GUARD_VERDICT_DETECT, /* would have been blocked, in mode detect */
    GUARD_VERDICT_DENY,
    GUARD_VERDICT_DROP,
    GUARD_VERDICT_REDIRECT,
    GUARD_VERDICT_UNJUDGED, /* the engine could not: fail-open or fail-closed */
    GUARD_VERDICTS
} guard_verdict_t;

/* One request's judgement; lives in the pool of the main request, its arena ends with it. */
typedef struct guard_judge {
    guard_rules_t *rules;
    const guard_loc_conf_t *conf; /* of the location that began it */
    arena_t arena;
    engine_tx_t *tx; /* NULL: failed */
    slice_t unique_id, method;
    engine_verdict_t verdict; /* the one that counts; PASS while there is none */
    unsigned done;            /* bit n: phase n has been run */
    bool ended;               /* blocked or failed: only logging is left */
    bool failed;
    bool holds, swallows; /* response.c: the answer is kept back; is thrown away */
    guard_gather_t *answer;
    size_t answer_limit, body_limit;
    size_t held; /* of the arena, as hold.c has it */
    uint64_t took_us;
    unsigned answer_status; /* of the origin, before anything was replaced */
} guard_judge_t;

/* ---- setup.c ---- */
char *guard_mode_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *guard_rules_file_add(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *guard_rules_text_add(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *guard_rules_remote_refuse(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *guard_rules_merge(ngx_conf_t *cf, guard_loc_conf_t *parent, guard_loc_conf_t *child);
ngx_int_t guard_rules_compile(ngx_conf_t *cf, guard_main_conf_t *conf);
ngx_int_t guard_rules_worker(ngx_cycle_t *cycle, guard_main_conf_t *conf);

/* ---- judge.c ---- */
/* The request's judgement, begun when it is due here; NULL: no rules here. */
guard_judge_t *guard_judge_of(ngx_http_request_t *r, guard_ctx_t *ctx);
/* Runs what has not been run up to this phase. False: blocked or failed closed (judge->ended). */
bool guard_judge_upto(ngx_http_request_t *r, guard_ctx_t *ctx, guard_judge_t *j,
                      engine_phase_t phase);
/* The engine could not go on: notes and counts it; true when the request may pass all the same. */
bool guard_judge_fail(ngx_http_request_t *r, guard_ctx_t *ctx, guard_judge_t *j);
/* The status of a block's page; 0: the connection is to be closed. */
ngx_uint_t guard_judge_status(const guard_judge_t *j);
guard_verdict_t guard_verdict_of(const guard_judge_t *j);
const char *guard_verdict_name(guard_verdict_t v);
/* The header lines as they came, with fn for each. */
ngx_int_t guard_headers_each(const guard_ctx_t *ctx, void *user,
                             ngx_int_t (*fn)(void *user, slice_t name, slice_t value));

/* ---- after.c ---- */
void guard_after(ngx_http_request_t *r, guard_ctx_t *ctx); /* log phase */
size_t guard_matches_logged(const guard_judge_t *j);
ngx_int_t guard_after_variables(ngx_conf_t *cf);
/* "1,2,3": the ids that matched; at most as many as fit. */
void guard_rule_ids_put(const guard_judge_t *j, bool logged_only, buf_t *out);

/* ---- shared.c ---- */
typedef enum guard_count {
    GUARD_COUNT_VERDICT, /* + guard_verdict_t */
    GUARD_COUNT_MATCHES = GUARD_COUNT_VERDICT + GUARD_VERDICTS,
    GUARD_COUNT_ANSWER_BLOCKS, /* blocked by a rule of phase 3 or 4 */
    GUARD_COUNT_BODY_REFUSED,  /* past SecRequestBodyLimit */
    GUARD_COUNT_BODY_CUT,
    GUARD_COUNT_BODY_BUSY, /* no memory left in the worker for it */
    GUARD_COUNT_JUDGE_US,
    GUARD_COUNT_RULES,
    GUARD_COUNT_VALUES,
    GUARD_COUNT_REGEXES,
    GUARD_COUNT_REGEX_LIMITS,
    GUARD_COUNT_TRANSFORMS,
    GUARD_COUNT_SCANNED,
    GUARD_COUNT_AUDIT_LOST,
    GUARD_COUNTS
} guard_count_t;

ngx_int_t guard_shared_zones(ngx_conf_t *cf, guard_main_conf_t *conf);
void guard_count_add(unsigned count, uint64_t n);
const engine_world_t *guard_world(void);
ngx_int_t guard_shared_worker(guard_main_conf_t *conf);
char *guard_collections_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *guard_metrics_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

#endif
