/* The options of questions to the record. */
#include "investigate.h"

#include <arpa/inet.h>
#include <unistd.h>

#include "base/clock.h"
#include "guard/api_pseudonym.h"
#include "io/secrets.h"
#include "text/time.h"

enum { MINUTE_MAX = 24 * 60 };

/* "2026-11-22", "2026-11-22 10:30", both in Tokyo, or RFC 3339. As an end a day means its end. */
static err_t time_of(const char *text, bool end, int64_t *ret_us)
{
    slice_t s = slice_cstr_in(text), day = slice_sub(s, 0, 10), clock = slice_from(s, 11);
    uint64_t hour, minute;
    date_t date;
    if (s.len > 16) {
        return time_parse_rfc3339(s, ret_us);
    }
    TRY(date_parse(day, &date));
    if (s.len == 10) {
        *ret_us = tokyo_instant(date, end ? MINUTE_MAX : 0);
        return OK;
    }
    ENSURE(s.len == 16 && s.ptr[10] == ' ' && clock.ptr[2] == ':', ERR_SYNTAX);
    TRY(slice_parse_u64(slice_sub(clock, 0, 2), 23, &hour));
    TRY(slice_parse_u64(slice_from(clock, 3), 59, &minute));
    *ret_us = tokyo_instant(date, (int32_t)(hour * 60 + minute));
    return OK;
}

static bool session_of(const char *text, char out[LEAK_SESSION])
{
    if (strlen(text) != LEAK_SESSION - 1 || strspn(text, "0123456789abcdef") != LEAK_SESSION - 1) {
        return false;
    }
    memcpy(out, text, LEAK_SESSION);
    return true;
}

/* An address in clear becomes the guard's pseudonym: with the guard's key, which root may read. */
static err_t address_of(investigation_t *v, const char *text)
{
    uint8_t key[GUARD_PSEUDONYM_KEY_BYTES], bytes[16];
    path_t dir = house_path(v->h, v->h->var, "secrets", "guard", NULL);
    ENSURE(inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1,
           ERR_SYNTAX);
    if (v->guard_key) {
        TRY(path_from_conf(&v->h->arena, slice_cstr_in(v->guard_key), &dir));
        slice_t all;
        TRY(file_read(&v->h->arena, dir, sizeof key, &all));
        ENSURE(all.len == sizeof key, ERR_CORRUPT);
        memcpy(key, all.ptr, sizeof key);
    } else {
        TRY(secrets_load_from(dir, GUARD_PSEUDONYM_KEY_NAME, geteuid(), key, sizeof key));
    }
    v->ask.address = guard_pseudonym_of(key, "address", slice_cstr_in(text));
    explicit_bzero(key, sizeof key);
    return OK;
}

typedef enum option {
    O_FROM,
    O_TO,
    O_ACTOR,
    O_ADDRESS,
    O_IP,
    O_REQUEST,
    O_SUBJECT,
    O_SESSION,
    O_PROCESS,
    O_COMPROMISED,
    O_LEDGER,
    O_KEY,
    O_GUARD_KEY,
    O_BUNDLE,
    O_SIGN,
    O_JSON,
    O_ALL,
} option_t;

static const struct {
    const char *name;
    option_t option;
    bool bare; /* without a value */
} OPTIONS[] = {
    {"--from", O_FROM, false},
    {"--to", O_TO, false},
    {"--actor", O_ACTOR, false},
    {"--address", O_ADDRESS, false},
    {"--ip", O_IP, false},
    {"--request", O_REQUEST, false},
    {"--subject", O_SUBJECT, false},
    {"--session", O_SESSION, false},
    {"--process", O_PROCESS, false},
    {"--compromised", O_COMPROMISED, false},
    {"--ledger", O_LEDGER, false},
    {"--key", O_KEY, false},
    {"--guard-key", O_GUARD_KEY, false},
    {"--bundle", O_BUNDLE, false},
    {"--sign", O_SIGN, false},
    {"--json", O_JSON, true},
    {"--all", O_ALL, true},
};

/* A time belongs to the exposure before it, if there is one, else to the question. */
static err_t take_time(investigation_t *v, const char *text, bool end)
{
    leak_ask_t *a = &v->ask;
    int64_t us;
    TRY(time_of(text, end, &us));
    leak_exposure_t *x = a->exposure_count ? &a->exposures[a->exposure_count - 1] : NULL;
    if (end) {
        *(x ? &x->to_us : &a->to_us) = us;
    } else {
        *(x ? &x->from_us : &a->from_us) = us;
    }
    return OK;
}

static err_t take_exposure(investigation_t *v, const char *host)
{
    leak_exposure_t *x = &v->ask.exposures[v->ask.exposure_count];
    ENSURE(v->ask.exposure_count < LEAK_EXPOSURES_MAX && leak_host_parse(host, &x->host),
           ERR_USAGE);
    x->from_us = INT64_MIN;
    x->to_us = INT64_MAX;
    v->ask.exposure_count++;
    return OK;
}

static err_t take_id(const char *text, id128_t *ret_id)
{
    TRY(id_decode(slice_cstr_in(text), ret_id));
    ENSURE(!id_is_zero(*ret_id), ERR_SYNTAX);
    return OK;
}

static err_t take_process(const char *text, uint32_t *ret_process)
{
    uint64_t pid;
    TRY(slice_parse_u64(slice_cstr_in(text), INT32_MAX, &pid));
    ENSURE(pid > 0, ERR_SYNTAX);
    *ret_process = (uint32_t)pid;
    return OK;
}

static err_t take(investigation_t *v, option_t option, const char *value)
{
    switch (option) {
    case O_FROM:
        return take_time(v, value, false);
    case O_TO:
        return take_time(v, value, true);
    case O_ACTOR:
        return take_id(value, &v->ask.actor);
    case O_ADDRESS:
        return take_id(value, &v->ask.address);
    case O_IP:
        return address_of(v, value);
    case O_REQUEST:
        return take_id(value, &v->ask.request);
    case O_SUBJECT:
        return take_id(value, &v->ask.subject);
    case O_SESSION:
        return session_of(value, v->ask.session) ? OK : FAIL(ERR_SYNTAX);
    case O_PROCESS:
        return take_process(value, &v->ask.process);
    case O_COMPROMISED:
        return take_exposure(v, value);
    case O_LEDGER:
        v->ledger_dir = value;
        return OK;
    case O_KEY:
        v->key_file = value;
        return OK;
    case O_GUARD_KEY:
        v->guard_key = value;
        return OK;
    case O_BUNDLE:
        v->bundle = value;
        return OK;
    case O_SIGN:
        v->sign = value;
        return OK;
    case O_JSON:
        v->json = true;
        return OK;
    case O_ALL:
        v->all = true;
        return OK;
    }
    return FAIL(ERR_USAGE);
}

err_t investigate_options(investigation_t *v, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        size_t k = 0;
        while (k < BASE_COUNT(OPTIONS) && strcmp(OPTIONS[k].name, argv[i]) != 0) {
            k++;
        }
        ENSURE(k < BASE_COUNT(OPTIONS) && (OPTIONS[k].bare || i + 1 < argc), ERR_USAGE);
        i += !OPTIONS[k].bare;
        err_t e = take(v, OPTIONS[k].option, argv[i]);
        if (err_failed(e)) {
            fprintf(stderr, "sekisho: %s: %s\n", OPTIONS[k].name, err_text(e.code));
            return e;
        }
    }
    return OK;
}
