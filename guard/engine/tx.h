/* Inside the engine: one transaction. All of it lives in the caller's arena. */
#ifndef GUARD_ENGINE_TX_H
#define GUARD_ENGINE_TX_H

#include "../body/body.h"
#include "action.h"
#include "regex.h"
#include "set.h"

typedef struct item {
    slice_t name, value;
} item_t;

/* Values whose literals were found, of one form of a list. */
typedef struct hits {
    uint32_t *values; /* indices, rising unless unsorted */
    uint32_t count, cap;
    bool unsorted;
} hits_t;

typedef struct scan {
    bool done;
    uint16_t *slot; /* pattern -> index in hits + 1; NULL = no hit at all */
    hits_t *hits;
    uint32_t count, cap;
} scan_t;

/* A list behind one chain of transformations. Forms that are the same are one object. */
typedef struct form {
    slice_t *values;
    byte_kinds_t *kinds;  /* of each value */
    byte_kinds_t sum;     /* of all together */
    struct form *scan_of; /* whose scans are right for this one too (letter case aside) */
    scan_t scans[2];
} form_t;

typedef struct list {
    item_t *items;
    uint32_t count, cap;
    uint32_t *atoms; /* names as atoms, made when first asked for */
    form_t **forms;  /* by chain node, made when first asked for */
} list_t;

/* Rules may make one for each argument: found by hash, with a seed that no client knows. */
enum { NAMED_BUCKETS = 256 };
typedef struct tx_named {
    slice_t name;
    uint32_t hash;
    tx_value_t value;
    struct tx_named *next, *same; /* made before it; of its bucket */
} tx_named_t;

/* A value that matched, with what it was called. */
typedef struct matched {
    uint8_t var;
    bool plain; /* no name behind the variable's */
    slice_t name, raw, value;
} matched_t;

/* ctl:ruleRemoveTarget* */
typedef struct removal {
    const uint64_t *rules;
    target_t target;
    struct removal *next;
} removal_t;

typedef struct stored {
    slice_t name, value;
    int64_t expires_us; /* 0 = not */
    bool live;
    struct stored *next;
} stored_t;

typedef struct collection {
    bool open;
    slice_t key;
    stored_t *local; /* without a store */
} collection_t;

enum { COLLECTIONS = 5 };

struct engine_worker {
    const engine_set_t *set;
    regex_scratch_t *regex;
    scan_scratch_t *scan;
};

struct engine_tx {
    const engine_set_t *set;
    engine_worker_t *worker;
    const engine_world_t *world;
    arena_t *arena;
    uint8_t *block; /* what is left of the last block from the arena */
    size_t block_left;
    engine_settings_t settings;
    list_t lists[VAR_LISTS];
    uint64_t present[2]; /* lists that are not empty */
    tx_value_t *slots;
    tx_named_t *named; /* TX names that only run time knows, the last one first */
    tx_named_t **named_buckets;
    collection_t collections[COLLECTIONS];
    item_t *geo;
    uint32_t geo_count;
    /* request and response */
    slice_t request_body, response_body;
    bool has_request_body, has_response_body, force_body, body_cut, response_cut, body_parsed;
    uint8_t processor; /* body_processor_t */
    bool processor_set;
    slice_t content_type, response_type;
    uint32_t flags; /* BODY_* */
    slice_t body_error;
    size_t args_bytes, files_bytes;
    uint16_t status;
    int64_t start_us;
    /* running */
    engine_phase_t phase;
    const uint64_t *removed; /* rules taken out by ctl */
    uint64_t *removed_own;
    removal_t *removals;
    const rule_t *rule; /* that runs, for RULE */
    matched_t *matched; /* of the chain that runs */
    uint32_t matched_count, matched_cap;
    regex_found_t found; /* of the operator's last match */
    bool found_parts, limit_hit, rule_limit;
    uint32_t limit_hits;
    int highest_severity;
    unsigned allow; /* disruptive_t of an allow that was executed */
    bool stopped;
    engine_verdict_t verdict;
    engine_match_t **matches;
    uint32_t match_count, match_cap;
    bool audit_relevant, trace;
    bool memory_out;
    engine_stats_t stats;
};

/* list.c */
err_t list_add(engine_tx_t *tx, var_id_t var, slice_t name, slice_t value);
/* A ONE variable: replaces its value. */
err_t list_set(engine_tx_t *tx, var_id_t var, slice_t value);
/* Atoms of the names; NULL when memory is out. */
const uint32_t *list_atoms(engine_tx_t *tx, list_t *l);
static inline slice_t list_one(const engine_tx_t *tx, var_id_t var)
{
    return tx->lists[var].count ? tx->lists[var].items[0].value : SLICE_EMPTY;
}

/* memo.c: the list behind a chain; NULL when memory is out. */
form_t *form_of(engine_tx_t *tx, list_t *l, uint32_t chain);
byte_kinds_t kinds_of(const engine_set_t *set, slice_t value);
/* Values of the form in which a literal of the pattern occurs (db: 0 or 1); NULL = in none. */
const hits_t *form_hits(engine_tx_t *tx, form_t *f, uint32_t count, unsigned db, uint32_t pattern);
/* One transformation (the last of the chain); the value behind the whole chain. Not remembered. */
slice_t chain_step(engine_tx_t *tx, uint32_t chain, slice_t in);
slice_t chain_apply(engine_tx_t *tx, uint32_t chain, slice_t value);

/* value.c: variables that are made when asked. */
typedef struct value {
    slice_t name; /* behind the ':'; empty without */
    slice_t text;
    bool is_number; /* then text may be missing: value_text makes it */
    int64_t number;
} value_t;
typedef bool (*value_fn)(void *user, const value_t *value); /* false ends it */
void value_each(engine_tx_t *tx, const target_t *t, value_fn fn, void *user);
slice_t value_text(engine_tx_t *tx, value_t *v);
slice_t number_text(engine_tx_t *tx, int64_t n);
int64_t text_number(slice_t text);
/* 0 when it is not set; adding makes it a number. */
int64_t tx_value_number(const tx_value_t *v);
void tx_value_add(tx_value_t *v, int64_t delta, bool minus);
void tx_value_set(tx_value_t *v, slice_t text);
/* Does the selector choose this name? (ALL: yes) */
bool target_chooses(engine_tx_t *tx, const target_t *t, slice_t name);

/* expand.c: macros. The slice lives in the arena or the set. */
slice_t macro_text(engine_tx_t *tx, const macro_t *m);
int64_t macro_number(engine_tx_t *tx, const macro_t *m);
/* "ARGS:name" */
slice_t matched_name(engine_tx_t *tx, const matched_t *m);

/* collection.c: IP, GLOBAL, ... */
collection_t *collection_of(engine_tx_t *tx, unsigned var);
void collection_open(engine_tx_t *tx, unsigned var, slice_t key);
bool collection_get(engine_tx_t *tx, unsigned var, slice_t name, slice_t *ret_value);
void collection_put(engine_tx_t *tx, unsigned var, slice_t name, slice_t value);
void collection_add(engine_tx_t *tx, unsigned var, slice_t name, int64_t delta);
void collection_remove(engine_tx_t *tx, unsigned var, slice_t name);
void collection_expire(engine_tx_t *tx, unsigned var, slice_t name, int64_t seconds);
void collection_each(engine_tx_t *tx, unsigned var, value_fn fn, void *user);

/* body.c: what the request's body holds, before phase 2. */
err_t body_read(engine_tx_t *tx);

/* test.c: the operator of a rule on one value (not negated). Fills tx->found. */
bool op_test(engine_tx_t *tx, const rule_t *r, slice_t value, const byte_kinds_t *kinds,
             const value_t *live);
static inline bool gate_open(const gate_t *g, uint64_t sig)
{
    if ((sig & g->all) != g->all) {
        return false;
    }
    for (unsigned i = 0; i < g->any_count; i++) {
        if (!(sig & g->any[i])) {
            return false;
        }
    }
    return true;
}

/* May a value without any of the literals match? */
static inline bool gate_alt_open(const gate_t *g, uint64_t sig)
{
    for (unsigned i = 0; i < g->alt_count; i++) {
        const need_alt_t *a = &g->alts[i];
        if ((sig & a->all) == a->all && (!a->any[0] || (sig & a->any[0])) &&
            (!a->any[1] || (sig & a->any[1]))) {
            return true;
        }
    }
    return false;
}

static inline bool number_test(unsigned op, int64_t left, int64_t right)
{
    switch (op) {
    case OP_EQ:
        return left == right;
    case OP_GE:
        return left >= right;
    case OP_GT:
        return left > right;
    case OP_LE:
        return left <= right;
    case OP_LT:
    default:
        return left < right;
    }
}

/* act.c */
void act_on_match(engine_tx_t *tx, const rule_t *r, bool first);
void act_on_chain(engine_tx_t *tx, const rule_t *head, const rule_t *last, uint32_t values);
tx_value_t *tx_slot_named(engine_tx_t *tx, slice_t name, bool make);

/* run.c */
err_t run_phase(engine_tx_t *tx, engine_phase_t phase);

int64_t tx_now(const engine_tx_t *tx);
/* Arena memory; on NULL the transaction is marked. */
void *tx_alloc(engine_tx_t *tx, size_t bytes);
void *tx_array(engine_tx_t *tx, size_t count, size_t size);

#endif
