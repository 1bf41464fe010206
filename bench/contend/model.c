/* Two bounds of the number of taken seats at any moment: at least and at most. */
#include "contend/model.h"

/* The moment from which the seats may be gone again: giving back was asked, or the clock ran past
 * the hold. A confirmation that was seen ends all doubt: confirmed seats stay. */
static int64_t may_end_us(const model_t *m, const model_claim_t *c)
{
    int64_t end = c->giving_us ? c->giving_us : INT64_MAX;
    for (size_t i = 0; i < m->n_steps; i++) {
        /* a hold that was taken while the clock was being set may have the old clock's end */
        if (m->steps[i].to_us > c->asked_us && m->steps[i].from_us < end) {
            end = m->steps[i].from_us;
        }
    }
    return end;
}

/* Taken during all of from..to, whatever happened between the lines. */
static bool surely_taken(const model_t *m, const model_claim_t *c, int64_t from_us, int64_t to_us)
{
    if (c->answer != MODEL_TAKEN || c->answered_us > from_us) {
        return false;
    }
    return (c->confirmed_us && c->confirmed_us <= from_us) || may_end_us(m, c) > to_us;
}

/* Perhaps taken at some moment of from..to. A hold that ran out may have been seated again by a
 * late payment. */
static bool perhaps_taken(const model_claim_t *c, int64_t from_us, int64_t to_us)
{
    if (c->answer == MODEL_FULL || c->asked_us > to_us) {
        return false;
    }
    return !(c->given_us && c->given_us < from_us) && !(c->refunded_us && c->refunded_us < from_us);
}

static void breach(model_verdict_t *v, size_t *count, const model_claim_t *c, const char *what,
                   int64_t seats)
{
    if (v->first[0] == 0) {
        snprintf(v->first, sizeof v->first,
                 "%s: %lld seat(s) asked at %lld us, answered at %lld us; others: %lld", what,
                 (long long)c->seats, (long long)c->asked_us, (long long)c->answered_us,
                 (long long)seats);
    }
    *count += 1;
}

static void judge_one(const model_t *m, size_t k, model_verdict_t *v)
{
    const model_claim_t *c = &m->claims[k];
    int64_t least = 0, most = 0;
    for (size_t i = 0; i < m->n; i++) {
        const model_claim_t *o = &m->claims[i];
        least += i != k && surely_taken(m, o, c->asked_us, c->answered_us) ? o->seats : 0;
        most += i != k && perhaps_taken(o, c->asked_us, c->answered_us) ? o->seats : 0;
    }
    if (c->answer == MODEL_TAKEN && least + c->seats > m->cap) {
        breach(v, &v->oversold, c, "taken although the box was full", least);
    }
    if (c->answer == MODEL_FULL && most + c->seats <= m->cap) {
        breach(v, &v->false_full, c, "full although seats were free", most);
    }
    if (c->confirmed_us && (c->given_us || c->refunded_us || c->answer != MODEL_TAKEN)) {
        breach(v, &v->broken, c, "confirmed and given back", 0);
    }
    v->confirmed += c->confirmed_us ? c->seats : 0;
}

/* All at the end: what surely stands together then. */
static void judge_end(const model_t *m, model_verdict_t *v)
{
    int64_t seats = 0;
    model_claim_t all = {0};
    for (size_t i = 0; i < m->n; i++) {
        seats +=
            surely_taken(m, &m->claims[i], INT64_MAX - 1, INT64_MAX - 1) ? m->claims[i].seats : 0;
    }
    if (seats > m->cap) {
        breach(v, &v->oversold, &all, "more seats stand at the end than the box has", seats);
    }
}

void model_judge(const model_t *m, model_verdict_t *ret_verdict)
{
    model_verdict_t v = {0};
    for (size_t k = 0; k < m->n; k++) {
        judge_one(m, k, &v);
    }
    judge_end(m, &v);
    *ret_verdict = v;
}
