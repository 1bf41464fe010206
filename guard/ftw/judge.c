/* What was wanted against what came. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "ftw_int.h"

static bool has_id(ftw_ids_t ids, uint32_t id)
{
    for (size_t i = 0; i < ids.n; i++) {
        if (ids.at[i] == id) {
            return true;
        }
    }
    return false;
}

static void ids_put(ftw_ids_t ids, buf_t *out)
{
    buf_cstr(out, "[");
    for (size_t i = 0; i < ids.n; i++) {
        buf_cstr(out, i ? " " : "");
        buf_dec(out, ids.at[i]);
    }
    buf_cstr(out, "]");
}

static bool ids_found(const ftw_stage_t *s, const ftw_answer_t *a, buf_t *why)
{
    for (size_t i = 0; i < s->expect.n; i++) {
        if (!has_id(a->matched, s->expect.at[i])) {
            buf_cstr(why, "missed id ");
            buf_dec(why, s->expect.at[i]);
            return false;
        }
    }
    return true;
}

static bool ids_absent(const ftw_stage_t *s, const ftw_answer_t *a, buf_t *why)
{
    for (size_t i = 0; i < s->refuse.n; i++) {
        if (has_id(a->matched, s->refuse.at[i])) {
            buf_cstr(why, "false match of id ");
            buf_dec(why, s->refuse.at[i]);
            return false;
        }
    }
    return true;
}

static bool status_holds(const ftw_stage_t *s, const ftw_answer_t *a, buf_t *why)
{
    if (s->error == FTW_ERROR_WANTED) {
        if (a->status != 0) {
            buf_cstr(why, "an answer came where none may: ");
            buf_dec(why, a->status);
        }
        return a->status == 0;
    }
    for (size_t i = 0; i < s->n_status; i++) {
        if (a->status == s->status[i]) {
            return true;
        }
    }
    if (s->n_status) {
        buf_cstr(why, "status ");
        buf_dec(why, a->status);
        buf_cstr(why, ", wanted ");
        buf_dec(why, s->status[0]);
    }
    return s->n_status == 0;
}

static bool isolated_holds(const ftw_stage_t *s, const ftw_answer_t *a, buf_t *why)
{
    for (size_t i = 0; s->isolated && i < a->matched.n; i++) {
        if (!has_id(s->expect, a->matched.at[i])) {
            buf_cstr(why, "not alone: id ");
            buf_dec(why, a->matched.at[i]);
            return false;
        }
    }
    return true;
}

/* A pattern that PCRE2 refuses is a failure too: the test's wish is not understood. */
static bool text_has(slice_t pattern, slice_t text, bool *ret_bad)
{
    int code;
    size_t at;
    pcre2_code *re = pcre2_compile(pattern.ptr, pattern.len, 0, &code, &at, NULL);
    pcre2_match_data *data = re ? pcre2_match_data_create(1, NULL) : NULL;
    *ret_bad = !data;
    int found = data ? pcre2_match(re, text.len ? text.ptr : (const uint8_t *)"", text.len, 0, 0,
                                   data, NULL)
                     : -1;
    pcre2_match_data_free(data);
    pcre2_code_free(re);
    return found >= 0;
}

static bool log_holds(const slice_t *patterns, size_t n, slice_t log, bool wanted, buf_t *why)
{
    for (size_t i = 0; i < n; i++) {
        bool bad;
        if (text_has(patterns[i], log, &bad) != wanted || bad) {
            buf_cstr(why, wanted ? "log lacks " : "log has ");
            buf_put(why, patterns[i]);
            return false;
        }
    }
    return true;
}

static bool log_wishes_hold(const ftw_stage_t *s, const ftw_answer_t *a, buf_t *why)
{
    return log_holds(s->log_match, s->n_log_match, a->log, true, why) &&
           log_holds(s->log_no_match, s->n_log_no_match, a->log, false, why);
}

static bool text_holds(const ftw_stage_t *s, const ftw_answer_t *a, buf_t *why)
{
    bool bad;
    if (s->contains.len == 0 || (text_has(s->contains, a->text, &bad) && !bad)) {
        return true;
    }
    buf_cstr(why, "the answer lacks ");
    buf_put(why, s->contains);
    return false;
}

/* A test that wants the server's own refusal wants no rule to have matched only because none is to
 * have run: where no server refuses, that wish says nothing. */
static ftw_outcome_t outcome_of(const ftw_stage_t *s, const ftw_answer_t *a, buf_t *why)
{
    if (a->status == 0 && s->error != FTW_ERROR_WANTED) { /* silence proves nothing */
        buf_cstr(why, "no answer");
        return FTW_FAILS;
    }
    if (!ids_found(s, a, why)) {
        return FTW_FAILS;
    }
    if (!status_holds(s, a, why)) {
        return FTW_STATUS_DIFFERS;
    }
    return ids_absent(s, a, why) && isolated_holds(s, a, why) && log_wishes_hold(s, a, why) &&
                   text_holds(s, a, why)
               ? FTW_HOLDS
               : FTW_FAILS;
}

ftw_outcome_t ftw_judge(const ftw_stage_t *s, const ftw_answer_t *a, buf_t *why)
{
    ftw_outcome_t outcome = outcome_of(s, a, why);
    if (outcome != FTW_HOLDS) {
        buf_cstr(why, ", matched ");
        ids_put(a->matched, why);
    }
    return outcome;
}
