/* What sqli.c (contexts) and sqli_rules.c (judgement) share. Inside guard/detect only. */
#ifndef GUARD_DETECT_SQLI_LOOK_H
#define GUARD_DETECT_SQLI_LOOK_H

#include "sql_parse.h"
#include "sqli.h"

typedef enum host {
    HOST_EMPTY, /* nothing before the operator */
    HOST_QUOTE, /* the host query's string, just closed */
    HOST_NUM,
    HOST_NAME, /* a name or a word of prose */
    HOST_HARD  /* a call, a variable, parentheses */
} host_t;

typedef struct look {
    toks_t toks;
    sqli_context_t context;
    uint8_t quote;  /* that of the context, or 0 */
    uint32_t close; /* offset of the closing quote */
    host_t host;
    bool first; /* the window begins where the context begins */
    bool last;  /* the window holds the value's end */
    sqli_found_t *ret_found;
} look_t;

static inline const tok_t *at(const look_t *k, uint32_t i)
{
    return toks_at(&k->toks, i);
}

static inline bool is_word(const look_t *k, uint32_t i, word_t word)
{
    return toks_word(&k->toks, i, word);
}

static inline bool is_kind(const look_t *k, uint32_t i, tok_kind_t kind)
{
    return at(k, i)->kind == (uint8_t)kind;
}

static inline bool at_end(const look_t *k, uint32_t i)
{
    return is_kind(k, i, TOK_END) && k->last;
}

static inline bool double_at(const look_t *k, uint32_t i)
{
    const tok_t *t = at(k, i);
    return t->kind == TOK_VAR && t->len > 2 && k->toks.value.ptr[t->at + 1] == '@';
}

static inline bool word_byte(uint8_t c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') || c >= 0x80;
}

/* Tells what was found from token `from` up to `to`; always true. */
bool look_found(look_t *k, const char *why, uint32_t from, uint32_t to);
/* Reads from token i on as the database would read what stands behind the value. */
bool look_follows(look_t *k, uint32_t i);
/* Constructs that decide wherever they stand. */
bool look_anywhere(look_t *k);

#endif
