/* The leak budget: how many different people may be revealed to whom in a minute and in a day. What
 * a stolen session or a hijacked room can take before somebody looks is bounded by it.
 *
 * Three scopes a reveal: the actor and the room as a whole, both by purpose (actors are what the
 * room says they are; a hijacked one can invent any), and the room for all purposes together but
 * INCIDENT (purposes, too, are what it says: without this scope it would have all their budgets one
 * after the other). A person counts once in 24 hours a
 * scope: reading her again is free, so nobody who reads her own booking ever stands in the way of
 * it. All or nothing: a batch that does not fit takes nothing.
 *
 * The counters lie in a mapped file (FORMAT.md, "The budget file"): a kill loses none of them.
 * Windows slide; time is the process's own, which no step of the wall clock moves. For one thread.
 */
#ifndef VAULT_BUDGET_H
#define VAULT_BUDGET_H

#include "io/fd.h"
#include "io/room.h"
#include "vault/api.h"

enum {
    BUDGET_ALL = 0, /* in the place of a purpose: all of them together */
    BUDGET_PURPOSES = VAULT_FOR_INCIDENT + 1,
    BUDGET_MAX = 10000000
};

/* Different people; never 0. */
typedef struct budget_limits {
    int64_t actor_minute, actor_day, room_minute, room_day;
} budget_limits_t;

/* What a house starts with, by purpose (or BUDGET_ALL). `wide`: profiles test and bench, where a
 * load is no theft. */
budget_limits_t budget_default(unsigned purpose, bool wide);

typedef struct budget_conf {
    path_t path; /* made when it is missing */
    budget_limits_t
        limits[BUDGET_PURPOSES]; /* by purpose; BUDGET_ALL: of a room, the rest unused */
} budget_conf_t;

typedef struct budget budget_t;

typedef struct budget_ask {
    room_id_t room;
    vault_purpose_t purpose;
    id128_t actor; /* zero: the room itself; then the room's scope alone counts */
    const id128_t *subjects;
    size_t n;
} budget_ask_t;

typedef struct budget_hit {
    const char *which; /* "actor_minute", "actor_day", "room_minute", "room_day", "all_minute",
                          "all_day" */
    int64_t limit;
    bool alarm; /* the first one of this scope in an hour */
} budget_hit_t;

/* Maps the file. *ret_fresh: there was none, or it was none of ours: counting begins anew. */
err_t budget_open(const budget_conf_t *conf, budget_t **ret_budget, bool *ret_fresh);
void budget_close(budget_t *b); /* NULL is fine */
/* BUDGET, with *ret_hit filled. */
err_t budget_take(budget_t *b, const budget_ask_t *ask, budget_hit_t *ret_hit);

#endif
