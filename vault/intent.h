/* The words of a reveal's records: who is concerned, which fields, why. Pure: records go to a sink,
 * which must copy what it keeps. Facts name tables and columns, never a value. */
#ifndef VAULT_INTENT_H
#define VAULT_INTENT_H

#include "decode.h"
#include "keys.h"
#include "ledger/api.h"

/* One person of a reveal. */
typedef struct intent_person {
    id128_t pseudonym;
    keys_wrapped_t key;
    uint32_t fields; /* items of this person */
    uint32_t bytes;  /* of them, in clear; known after the opening */
} intent_person_t;

/* A reveal, taken apart by person. */
typedef struct intent {
    id128_t id; /* ties its records together */
    room_id_t room;
    pid_t process; /* that asked, by the kernel's word: all else the caller says of itself */
    vault_context_t context;
    decode_items_t items;
    intent_person_t *people;
    size_t people_count;
    uint8_t *whose; /* for each item, which person */
    /* Why it is refused, beyond the error. */
    const char *budget;   /* which one was hit; NULL = none */
    int64_t budget_limit; /* of it */
    bool honey;           /* somebody asked for who does not exist */
    size_t honey_person;
    bool alarm; /* a person must look at it; false again when that is on record */
} intent_t;

/* Where finished records go. */
typedef struct intent_sink {
    err_t (*put)(void *ctx, const ledger_record_t *record);
    void *ctx;
} intent_sink_t;

/* One REVEAL_INTENT a person, more when the names of the fields do not fit one; the counts add up
 * to the items. */
err_t intent_records(const intent_t *it, intent_sink_t sink);
/* One REVEAL_OUTCOME a person. */
err_t intent_outcomes(const intent_t *it, bool delivered, intent_sink_t sink);
/* ALARM: what=vault_budget or what=vault_honey. */
err_t intent_alarm(const intent_t *it, intent_sink_t sink);
/* REVEAL_REFUSED; the subject is named when it is one person. */
err_t intent_refused(const intent_t *it, err_t why, intent_sink_t sink);

#endif
