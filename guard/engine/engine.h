/* The guard's rule engine: SecLang rules in, verdict out (law 3). It knows no nginx, no file, no
 * socket and no clock: rule texts come through a reader, time and persistent collections through a
 * store, and everything that a request needs lives in the caller's arena.
 *
 *   builder  --add text / file-->  set (immutable, shared by all workers)
 *   set + worker (scratch of one thread)  -->  transaction (one request)
 *
 * Semantics: ModSecurity's reference manual; where versions 2 and 3 differ README.md says which one
 * is followed. What the engine does not know is a fault at load that names file, line and word. */
#ifndef GUARD_ENGINE_H
#define GUARD_ENGINE_H

#include "base/arena.h"

/* ---- load ------------------------------------------------------------------------------------ */

/* Where rule files come from. Paths are as written in Include, or joined to the folder of the file
 * that names them when relative. */
typedef struct engine_reader {
    void *user;
    /* The whole file, in the arena. NOT_FOUND when there is none. */
    err_t (*read)(void *user, slice_t path, arena_t *arena, slice_t *ret_bytes);
    /* Calls `each` with every path that the pattern (glob(7): * ? [...]) names, in byte order. No
     * match is no error; an error of `each` ends it and is handed on. */
    err_t (*glob)(void *user, slice_t pattern, void *each_user,
                  err_t (*each)(void *each_user, slice_t path));
} engine_reader_t;

/* Why a text was not accepted; for people. */
typedef struct engine_fault {
    char file[256];
    unsigned line;  /* 1 = first */
    char word[128]; /* the offending word, cut and with unprintable bytes as '?' */
    char text[256]; /* what is wrong with it */
} engine_fault_t;

typedef struct engine_builder engine_builder_t;
typedef struct engine_set engine_set_t;

/* reader: borrowed until the builder is freed. MEMORY. */
err_t engine_builder_new(const engine_reader_t *reader, engine_builder_t **ret_builder);
/* How a backslash before a backslash reads in a quoted word: as one (Apache's reader, for which CRS
 * 3 is written; the default) or as two (libmodsecurity). Rules written for both look the same. */
typedef enum engine_quotes { ENGINE_QUOTES_V2, ENGINE_QUOTES_V3 } engine_quotes_t;
void engine_builder_quotes(engine_builder_t *b, engine_quotes_t quotes);
/* Directives are obeyed in the order in which they are added. After an error the builder can only
 * be freed. CONFIG: see *ret_fault. name: what the fault calls the text ("nginx.conf"). */
err_t engine_builder_text(engine_builder_t *b, slice_t name, slice_t text,
                          engine_fault_t *ret_fault);
/* Like `Include path`: globs allowed; CONFIG when nothing matches. */
err_t engine_builder_file(engine_builder_t *b, slice_t path, engine_fault_t *ret_fault);
/* Compiles; the builder is used up but still to be freed. */
err_t engine_builder_build(engine_builder_t *b, engine_fault_t *ret_fault, engine_set_t **ret_set);
void engine_builder_free(engine_builder_t *b);
/* After the last transaction on it. */
void engine_set_free(engine_set_t *set);
/* Gives the set's machine code back, before another set is loaded that will probably take its
 * place: two sets' code, one freed, leaves blocks behind that are kept by a few bytes. The set
 * stays whole; before it is used again engine_set_wake makes the code anew (at once, when it has
 * it). Not while a transaction runs. MEMORY. */
err_t engine_set_rest(engine_set_t *set);
err_t engine_set_wake(engine_set_t *set);

/* ---- what a set holds ------------------------------------------------------------------------ */

typedef enum engine_mode { ENGINE_OFF, ENGINE_DETECT, ENGINE_ON } engine_mode_t;
typedef enum engine_phase {
    ENGINE_REQUEST_HEADERS = 1,
    ENGINE_REQUEST_BODY = 2,
    ENGINE_RESPONSE_HEADERS = 3,
    ENGINE_RESPONSE_BODY = 4,
    ENGINE_LOGGING = 5
} engine_phase_t;
typedef enum engine_audit {
    ENGINE_AUDIT_OFF,
    ENGINE_AUDIT_ON,
    ENGINE_AUDIT_RELEVANT
} engine_audit_t;
typedef enum engine_audit_form {
    ENGINE_AUDIT_SERIAL,
    ENGINE_AUDIT_CONCURRENT,
    ENGINE_AUDIT_HTTPS
} engine_audit_form_t;

/* What directives say (SecX); the defaults are ModSecurity's. The engine itself obeys modes, limits
 * of parsers and collections; the caller obeys body access, body limits, audit and storage. */
typedef struct engine_settings {
    engine_mode_t mode;
    bool request_body_access, response_body_access;
    bool request_limit_reject;  /* SecRequestBodyLimitAction: Reject, else ProcessPartial */
    bool response_limit_reject; /* SecResponseBodyLimitAction */
    uint64_t request_body_limit, request_body_no_files_limit, request_body_memory_limit; /* bytes */
    uint64_t response_body_limit;
    const slice_t *response_types; /* SecResponseBodyMimeType */
    size_t response_type_count;
    unsigned json_depth, args_limit, upload_file_limit;
    uint8_t argument_separator;
    uint32_t pcre_match_limit;
    bool limit_is_match; /* a regex that ran into its limit counts as matched (default) */
    uint32_t collection_timeout_s;
    engine_audit_t audit;
    engine_audit_form_t audit_form;
    bool audit_json;
    uint32_t audit_parts; /* bit 0 = A ... bit 25 = Z */
    slice_t audit_log, audit_log2, audit_storage_dir, audit_relevant_status;
    slice_t debug_log, web_app_id, server_signature, tmp_dir, data_dir, upload_dir;
    unsigned debug_level;
    bool xml_external_entity;
} engine_settings_t;

const engine_settings_t *engine_set_settings(const engine_set_t *set);

typedef enum engine_gate {
    ENGINE_GATE_NONE,    /* the operator runs on each value */
    ENGINE_GATE_BYTES,   /* only on values that hold the bytes that it needs */
    ENGINE_GATE_LITERAL, /* only on values that hold one of its literals */
    ENGINE_GATE_EXACT    /* the literal scan answers it */
} engine_gate_t;

/* One rule as loaded (a link of a chain is a rule of its own). Slices belong to the set. */
typedef struct engine_rule_info {
    uint32_t id; /* of the chain's head for its links */
    unsigned phase, line;
    slice_t file, operator_name, operator_text;
    engine_gate_t gate;
    unsigned literals;
    bool negated, chained, is_link, action_only;
} engine_rule_info_t;

size_t engine_set_rules(const engine_set_t *set);
engine_rule_info_t engine_set_rule(const engine_set_t *set, size_t index);
/* Bytes that the set holds (arena, literal database, regex code with JIT). */
size_t engine_set_bytes(const engine_set_t *set);
/* What was accepted and does nothing here (SecDebugLog, @geoLookup without a data base ...), a text
 * each; for `check`. */
size_t engine_set_notes(const engine_set_t *set);
slice_t engine_set_note(const engine_set_t *set, size_t index);

/* ---- what a transaction asks for ------------------------------------------------------------- */

/* Persistent collections (IP, GLOBAL, SESSION, USER, RESOURCE), kept by the caller. All times in
 * microseconds UTC; expires_us 0 = as the collection. Slices given back live in the arena. */
typedef struct engine_store {
    void *user;
    /* NOT_FOUND without a live value. */
    err_t (*get)(void *user, slice_t collection, slice_t key, slice_t name, int64_t now_us,
                 arena_t *arena, slice_t *ret_value);
    err_t (*put)(void *user, slice_t collection, slice_t key, slice_t name, slice_t value,
                 int64_t now_us, int64_t ttl_us);
    /* Adds to a number (a missing one is 0) in one step; keeps its expiry. */
    err_t (*add)(void *user, slice_t collection, slice_t key, slice_t name, int64_t delta,
                 int64_t now_us, int64_t ttl_us, int64_t *ret_value);
    err_t (*remove)(void *user, slice_t collection, slice_t key, slice_t name);
    /* expirevar: ends the value after so long. */
    err_t (*expire)(void *user, slice_t collection, slice_t key, slice_t name, int64_t at_us);
    /* Every live value, for IP without a selector, counts and regex selectors. */
    err_t (*each)(void *user, slice_t collection, slice_t key, int64_t now_us, arena_t *arena,
                  void *each_user, err_t (*each)(void *each_user, slice_t name, slice_t value));
} engine_store_t;

/* What lies outside of the request. Any callback may be NULL: nothing is known. */
typedef struct engine_world {
    void *user;
    int64_t (*wall_us)(void *user); /* NULL: time 0 */
    const engine_store_t *store;    /* NULL: collections live as long as the transaction */
    /* @geoLookup: fills GEO through `put`; false = not found. */
    bool (*geo)(void *user, slice_t address, void *put_user,
                err_t (*put)(void *put_user, slice_t name, slice_t value));
    /* @rbl: is the address listed? Must not block. */
    bool (*rbl)(void *user, slice_t zone, slice_t address, arena_t *arena, slice_t *ret_text);
} engine_world_t;

/* Scratch of one thread for one set: literal scanner, regex match data and stack. At most one
 * transaction runs (engine_tx_run) on it at a time. */
typedef struct engine_worker engine_worker_t;
err_t engine_worker_new(const engine_set_t *set, engine_worker_t **ret_worker);
void engine_worker_free(engine_worker_t *worker);

/* ---- a transaction --------------------------------------------------------------------------- */

typedef struct engine_tx engine_tx_t;

/* Everything is allocated from the arena and ends with it. set, worker, world: borrowed. unique_id:
 * UNIQUE_ID. MEMORY. */
err_t engine_tx_new(const engine_set_t *set, engine_worker_t *worker, const engine_world_t *world,
                    slice_t unique_id, arena_t *arena, engine_tx_t **ret_tx);

/* The caller's word on the mode, over SecRuleEngine's; before the first phase. Rules may still
 * change it (ctl:ruleEngine). */
void engine_tx_mode(engine_tx_t *tx, engine_mode_t mode);
/* All slices are borrowed: they must live until the transaction's end. */
err_t engine_tx_connection(engine_tx_t *tx, slice_t client_addr, uint16_t client_port,
                           slice_t server_addr, uint16_t server_port);
/* line: as received, without line end; empty = put together from the parts. protocol: "HTTP/1.1".
 */
err_t engine_tx_request_line(engine_tx_t *tx, slice_t method, slice_t uri, slice_t protocol,
                             slice_t line);
err_t engine_tx_request_header(engine_tx_t *tx, slice_t name, slice_t value);
/* The whole body in one piece, before phase 2; at most once. */
err_t engine_tx_request_body(engine_tx_t *tx, slice_t body);
/* The body went past a limit and was cut there (ProcessPartial): sets INBOUND_DATA_ERROR. */
void engine_tx_request_body_cut(engine_tx_t *tx);
err_t engine_tx_response(engine_tx_t *tx, unsigned status, slice_t protocol);
err_t engine_tx_response_header(engine_tx_t *tx, slice_t name, slice_t value);
err_t engine_tx_response_body(engine_tx_t *tx, slice_t body);
void engine_tx_response_body_cut(engine_tx_t *tx); /* OUTBOUND_DATA_ERROR */
/* Should the caller give the response body? Access on and the type listed. */
bool engine_tx_wants_response_body(const engine_tx_t *tx);

typedef enum engine_decision {
    ENGINE_PASS,
    ENGINE_ALLOW,    /* pass, and the rules (of this phase, of the request, all) are skipped */
    ENGINE_DENY,     /* answer with `status` */
    ENGINE_DROP,     /* close the connection */
    ENGINE_REDIRECT, /* answer `status` with Location: url */
} engine_decision_t;

typedef struct engine_verdict {
    engine_decision_t decision;
    unsigned status;  /* DENY, REDIRECT */
    slice_t url;      /* REDIRECT; else empty */
    uint32_t rule_id; /* that decided; 0 on PASS */
    unsigned phase;
    bool detect_only; /* mode DetectionOnly: this is what would have been done; do not do it */
} engine_verdict_t;

/* Runs one phase; phases in rising order, each at most once (one that was left out is simply not
 * run). After DENY, DROP or REDIRECT (not detect_only) only ENGINE_LOGGING is still to be run.
 * MEMORY: the arena is used up; the caller decides by its fail-open or fail-closed choice. */
err_t engine_tx_run(engine_tx_t *tx, engine_phase_t phase, engine_verdict_t *ret_verdict);
/* Settings of this transaction: ctl may have changed mode, body access and audit. */
const engine_settings_t *engine_tx_settings(const engine_tx_t *tx);

/* Every rule is run, none is decided at load, and matches of `nolog` rules are kept as well (for
 * `explain`); before the first phase. */
void engine_tx_trace(engine_tx_t *tx);
/* One rule that matched (of a chain: its head, when the whole chain did), with the last value that
 * made it match. Slices belong to set or arena. */
typedef struct engine_match {
    uint32_t id;
    unsigned phase, line;
    int severity; /* 0-7; -1 = none */
    unsigned maturity, accuracy;
    slice_t file, msg, logdata, rev, ver; /* macros expanded */
    const slice_t *tags;
    size_t tag_count;
    slice_t operator_name, operator_text; /* of the last link of the chain */
    bool negated;
    slice_t var;              /* "ARGS:name" */
    slice_t raw;              /* the value as it came in */
    slice_t value;            /* after transformations */
    size_t part_at, part_len; /* what the operator found, in value; part_len 0 = not known */
    uint32_t values;          /* how many values matched */
    bool log, audit, disruptive, limit_hit;
} engine_match_t;

size_t engine_tx_matches(const engine_tx_t *tx);
const engine_match_t *engine_tx_match(const engine_tx_t *tx, size_t index);
/* Any variable by its SecLang name ("TX:anomaly_score"); the first value. NOT_FOUND. */
err_t engine_tx_variable(engine_tx_t *tx, slice_t name, slice_t *ret_value);
/* Should the transaction be in the audit log (SecAuditEngine, SecAuditLogRelevantStatus, auditlog)?
 */
bool engine_tx_audit(const engine_tx_t *tx);

typedef struct engine_stats {
    uint64_t rules;                /* rules looked at */
    uint64_t values;               /* operator runs on a value */
    uint64_t regexes;              /* of them, PCRE2 runs */
    uint64_t regex_limits;         /* PCRE2 runs that ended at a limit */
    uint64_t regex_steps;          /* of PCRE2 runs on values that are not short */
    uint64_t transforms;           /* values transformed (not those known unchanged) */
    uint64_t scans, scanned_bytes; /* literal scans */
} engine_stats_t;

engine_stats_t engine_tx_stats(const engine_tx_t *tx);

#endif
