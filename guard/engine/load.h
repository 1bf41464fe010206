/* Inside the engine: what loading shares. A builder reads texts line by line (lex.c), looks each
 * directive up (directive.c), parses rules (parse.c, action.c, macro.c, op.c) and compiles all of
 * it at the end (compile.c). Every refusal goes through load_fail, which names the place. */
#ifndef GUARD_ENGINE_LOAD_H
#define GUARD_ENGINE_LOAD_H

#include "set.h"

enum {
    LOAD_MAP_BYTES = 1 << 20,
    LOAD_DEPTH = 16,
    LOAD_WORDS = 16,
    LOAD_SET_BYTES = 64 << 20,
    LOAD_TEXT_BYTES = 64 << 20
};

typedef struct marker {
    slice_t name;
    uint32_t at; /* number of rules before it */
    struct marker *next;
} marker_t;

typedef enum by_kind { BY_ID, BY_TAG, BY_MSG } by_kind_t;

/* SecRuleRemoveBy*, SecRuleUpdateTargetBy*, SecRuleUpdateActionById: applied at the end to the
 * rules before it. */
typedef struct amend {
    uint8_t by;
    uint32_t first, last; /* ids */
    uint32_t link;        /* of the chain: "id:1" */
    const regex_t *regex; /* of tag or msg */
    uint32_t at;          /* number of rules before it */
    const target_t *targets;
    uint32_t target_count;
    const actions_t *act;
    slice_t file;
    unsigned line;
    struct amend *next;
} amend_t;

typedef struct rule_node {
    rule_t rule;
    const actions_t *defaults;
    struct rule_node *next;
} rule_node_t;

struct engine_builder {
    const engine_reader_t *reader;
    engine_set_t *set;
    arena_t texts; /* files while they are read */
    engine_fault_t *fault;
    slice_t file;
    unsigned line, depth;
    slice_t raw; /* the directive as written, to find a word's line in it */
    bool v3_quotes, broken, in_chain;
    const actions_t *defaults[6]; /* SecDefaultAction of each phase */
    rule_node_t *first_rule, *last_rule;
    rule_node_t *head; /* of the chain that is being read */
    uint32_t rule_count;
    marker_t *first_marker, *last_marker;
    amend_t *first_amend, *last_amend;
    slice_t *notes;
    uint32_t note_count, note_cap;
};

/* Fills the fault (once) and gives CONFIG. */
err_t load_fail(engine_builder_t *b, slice_t word, const char *text);
err_t load_note(engine_builder_t *b, const char *text);
err_t load_include(engine_builder_t *b, slice_t pattern, bool optional);
/* Path of a data file or include as seen from the current file. */
err_t load_path(engine_builder_t *b, slice_t path, slice_t *ret_path);

/* lex.c: one directive with its continuation lines; false at the end. */
typedef struct lex {
    slice_t rest;
    unsigned line; /* of rest's first byte */
} lex_t;
bool lex_directive(lex_t *l, slice_t *ret_raw, unsigned *ret_line);
/* Words of a directive, unquoted. SYNTAX: a quote without end; LIMIT: more than LOAD_WORDS. */
err_t lex_words(slice_t raw, bool v3_quotes, arena_t *arena, slice_t *words, size_t *ret_count);
/* "a,b:'c,d'" bit by bit: false at the end. *ret_bad: a quote without end, or an empty name. */
bool lex_action(slice_t *rest, arena_t *arena, slice_t *ret_name, slice_t *ret_value,
                bool *ret_has_value, bool *ret_bad);

/* parse.c */
err_t parse_targets(engine_builder_t *b, slice_t text, const target_t **ret_targets,
                    uint32_t *ret_count);
/* One VAR, VAR:name or VAR.name (dot: macros and setvar). */
err_t parse_target(engine_builder_t *b, slice_t text, target_t *ret_target);
err_t parse_rule(engine_builder_t *b, slice_t targets, slice_t op, slice_t actions);
err_t parse_sec_action(engine_builder_t *b, slice_t actions);
/* macro.c */
err_t macro_parse(engine_builder_t *b, slice_t text, macro_t *ret_macro);
/* action.c: reads a list of actions over what *act holds already. */
err_t actions_parse(engine_builder_t *b, slice_t text, bool for_default, actions_t *act);
/* fold.c: set->brief and set->start from set->phases. */
err_t fold_phases(engine_set_t *set);
/* op.c: "!@rx ..." */
err_t op_parse(engine_builder_t *b, slice_t text, op_t *ret_op);
/* directive.c */
err_t directive_run(engine_builder_t *b, const slice_t *words, size_t count);
/* compile.c */
err_t compile_set(engine_builder_t *b);

#endif
