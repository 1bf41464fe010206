/* Inside the engine: what a compiled rule set is made of. Everything hangs on the set's arena (but
 * for regex code and literal data bases) and is read only once built. Rules refer to each other,
 * to chains of transformations, to TX slots and to literal patterns by index. */
#ifndef GUARD_ENGINE_SET_H
#define GUARD_ENGINE_SET_H

#include "../transform/transform.h"
#include "engine.h"
#include "need.h"
#include "scan.h"

typedef enum var_id {
#define VAR(id, name, kind) VAR_##id,
#include "vars.h"
#undef VAR
    VAR_COUNT,
    VAR_LISTS = VAR_FULL_REQUEST /* all before it are LIST or ONE */
} var_id_t;

typedef enum var_kind { VAR_LIST, VAR_ONE, VAR_LIVE, VAR_FLAG } var_kind_t;

enum { NO_INDEX = 0xFFFFFFFF, CAPTURES = 10, GATE_ANY = 6 };

typedef enum select_kind { SELECT_ALL, SELECT_NAME, SELECT_REGEX } select_kind_t;

typedef struct regex regex_t;

/* VAR, VAR:name, VAR:/regex/, &VAR, !VAR:name */
typedef struct target {
    uint8_t var; /* var_id_t */
    uint8_t select;
    bool count, exclude;
    uint32_t slot;         /* TX: slot; lists: atom of the name; NO_INDEX without */
    slice_t name;          /* as written, for NAME and REGEX */
    const uint64_t *slots; /* TX:/regex/: bit set of the slots that it chooses */
    const regex_t *regex;
    slice_t prefix; /* regex ^word: the word; most selectors are such, and need no regex */
} target_t;

/* Text with %{...} in it, cut into pieces. */
typedef struct piece {
    bool is_var;
    slice_t text; /* literal, or the inside of %{} */
    target_t var;
} piece_t;

typedef struct macro {
    slice_t text;
    const piece_t *pieces; /* NULL: `text` is constant */
    uint32_t count;
} macro_t;

/* What a value must have before it can match; bits: sig.h. */
typedef struct gate {
    uint64_t all;
    uint64_t any[GATE_ANY];
    uint8_t any_count;
    uint8_t alt_count;
    need_alt_t alts[NEED_ALTS]; /* open one of them even without a literal */
    bool exact;                 /* a hit of `pattern` is a match */
    uint32_t pattern;           /* in the literal data bases; NO_INDEX = none */
    uint32_t literals;
} gate_t;

typedef enum op_kind {
    OP_RX,
    OP_RX_GLOBAL,
    OP_PM,
    OP_EQ,
    OP_GE,
    OP_GT,
    OP_LE,
    OP_LT,
    OP_STREQ,
    OP_STRMATCH,
    OP_CONTAINS,
    OP_CONTAINS_WORD,
    OP_BEGINS_WITH,
    OP_ENDS_WITH,
    OP_WITHIN,
    OP_IP_MATCH,
    OP_BYTE_RANGE,
    OP_URL_ENCODING,
    OP_UTF8_ENCODING,
    OP_SQLI,
    OP_XSS,
    OP_CMDI,
    OP_PATH,
    OP_ALWAYS,
    OP_NEVER,
    OP_GEO,
    OP_RBL,
} op_kind_t;

typedef struct ip_net {
    uint8_t addr[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint8_t bits;
} ip_net_t;

typedef struct op {
    uint8_t kind;
    bool negated;
    bool everything; /* rx ^.*$, a way to take the whole value */
    slice_t name;    /* "rx" */
    macro_t arg;
    gate_t gate;
    int64_t number;        /* constant argument of eq, ge, ... */
    uint32_t number_slot;  /* or %{tx.name}; NO_INDEX */
    const regex_t *regex;  /* rx */
    const slice_t *words;  /* pm */
    const ip_net_t *nets;  /* ipMatch */
    uint32_t count;        /* of words or nets */
    const uint64_t *bytes; /* validateByteRange: bit set of the bytes allowed */
    uint64_t bad;          /* of it: sig bits that may hide a byte that is not allowed */
} op_t;

typedef enum setvar_kind { SETVAR_SET, SETVAR_ADD, SETVAR_SUB, SETVAR_UNSET } setvar_kind_t;

typedef struct setvar {
    uint8_t kind, var; /* TX, IP, ... */
    uint32_t slot;     /* TX with a constant name */
    macro_t name, value;
} setvar_t;

typedef struct ctl {
    uint8_t kind; /* ctl_kind_t (action.h) */
    uint8_t mode;
    uint32_t first, last; /* ids */
    uint64_t number;
    slice_t text;
    target_t target;
    const regex_t *who;    /* tag or msg */
    const uint64_t *rules; /* bit set of the rules that it names */
} ctl_t;

typedef struct initcol {
    uint8_t var;
    macro_t key;
} initcol_t;

typedef enum disruptive {
    DISRUPTIVE_NONE, /* nothing said: as SecDefaultAction */
    DISRUPTIVE_PASS,
    DISRUPTIVE_BLOCK,
    DISRUPTIVE_DENY,
    DISRUPTIVE_DROP,
    DISRUPTIVE_ALLOW,
    DISRUPTIVE_ALLOW_PHASE,
    DISRUPTIVE_ALLOW_REQUEST,
    DISRUPTIVE_REDIRECT
} disruptive_t;

typedef enum tri { TRI_UNSET, TRI_NO, TRI_YES } tri_t;

/* What a list of actions says; of a rule, of SecDefaultAction, of SecRuleUpdateActionById. */
typedef struct actions {
    uint32_t id;
    uint8_t phase; /* 0 = not said */
    uint8_t disruptive;
    uint8_t log, audit; /* tri_t */
    int8_t severity;    /* -1 = not said */
    uint8_t maturity, accuracy;
    bool chain, capture, multi_match, no_transforms; /* t:none came */
    uint16_t status;
    uint16_t skip;
    slice_t skip_after;
    macro_t msg, logdata, redirect;
    slice_t rev, ver;
    const slice_t *tags;
    const setvar_t *setvars;
    const setvar_t *expires; /* kind SET, value = seconds */
    const ctl_t *ctls;
    const initcol_t *initcols; /* setsid, setuid, setrsc too */
    uint32_t tag_count, setvar_count, expire_count, ctl_count, initcol_count;
    const uint8_t *transforms; /* transform_id_t, after the last t:none */
    uint32_t transform_count;
} actions_t;

typedef enum fast { FAST_NONE, FAST_TX_NUMBER, FAST_TX_COUNT } fast_t;

/* One SecRule, SecAction or link of a chain. */
typedef struct rule {
    uint32_t index; /* in set->rules */
    uint32_t line;
    slice_t file;
    actions_t act;
    op_t op;
    const target_t *targets; /* those that include */
    const target_t *excludes;
    uint32_t target_count, exclude_count;
    uint64_t lists[2]; /* bit set of list variables among the targets */
    bool only_lists;   /* no count and no live variable: nothing to do while all are empty */
    bool action_only;  /* SecAction */
    bool removed;
    uint8_t fast;      /* fast_t */
    bool direct;       /* its chain changes any value: only of what a selector names */
    bool gated;        /* the gate can answer for all its lists at once */
    bool numeric;      /* compares numbers of named TX with a constant or with one of them */
    bool silent;       /* a match does nothing but setvar:tx and skipping */
    uint32_t chain;    /* node of transformations */
    uint32_t next;     /* index of the next link; NO_INDEX */
    uint32_t head;     /* index of the chain's head */
    uint32_t skip_to;  /* position in its phase, resolved skipAfter or skip; NO_INDEX */
    uint32_t brief_to; /* the same in the folded phase */
    bool is_link;
} rule_t;

/* Trie of transformation chains; node 0 is "none". */
typedef struct chain_node {
    uint32_t parent;
    uint8_t transform; /* transform_id_t */
    bool folds;        /* lowercase, uppercase: gates see no difference */
} chain_node_t;

typedef struct phase_list {
    const rule_t **rules; /* heads only, in order */
    uint32_t count;
} phase_list_t;

/* Bits of one byte, for all who look at values by kind of byte. */
typedef struct byte_kinds {
    uint64_t sig;   /* sig.h */
    uint64_t kinds; /* transform_classes | bytes_seen << 32 */
} byte_kinds_t;

/* A TX value: text, number, or both. */
typedef struct tx_value {
    bool set, has_text, has_number;
    slice_t text;
    int64_t number;
} tx_value_t;

typedef struct names {
    slice_t *names; /* lower case */
    uint32_t *buckets;
    uint32_t count, cap, bucket_count;
} names_t;

struct engine_set {
    arena_t arena;
    engine_settings_t settings;
    slice_t component_signature;
    rule_t *rules;
    uint32_t rule_count;
    phase_list_t phases[6]; /* 1..5, whole: what a trace runs */
    phase_list_t brief[6];  /* without what is the same in each request (fold.c) */
    tx_value_t *start;      /* TX as the rules that were folded leave it, by slot */
    chain_node_t *nodes;
    uint32_t node_count;
    names_t slots;    /* TX */
    names_t atoms;    /* selectors of lists */
    scan_db_t *db[2]; /* literals of phases 1-2 and 3-5; NULL = none */
    uint32_t pattern_count;
    regex_t *regexes;  /* list, to free */
    size_t regex_kept; /* regex.c: PCRE2 takes up to so many bytes at once from the arena */
    const regex_t *audit_status;
    const transform_map_t *unicode;
    const slice_t *notes;
    uint32_t note_count;
    uint64_t byte_sig[256], byte_kinds[256]; /* byte_kinds_t of each byte */
};

/* s at the first sep: what stands before and behind it. False without one: all is before. */
static inline bool cut(slice_t s, uint8_t sep, slice_t *ret_before, slice_t *ret_behind)
{
    size_t at = slice_find_byte(s, sep);
    *ret_before = slice_sub(s, 0, at);
    *ret_behind = at == SIZE_MAX ? SLICE_EMPTY : slice_from(s, at + 1);
    return at != SIZE_MAX;
}

/* Index of a name (any case), NO_INDEX when it is none; _add makes it. */
uint32_t names_find(const names_t *n, slice_t name);
/* FNV-1a over the lower-case bytes. */
uint32_t names_hash(slice_t name, uint32_t seed);
err_t names_add(names_t *n, slice_t name, arena_t *arena, uint32_t *ret_index);

const char *var_name(var_id_t id);
var_kind_t var_kind(var_id_t id);
bool var_find(slice_t name, var_id_t *ret_id);
/* Whether VAR:name may be said of it. */
bool var_has_names(var_id_t id);

#endif
