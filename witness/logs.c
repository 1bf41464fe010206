#include "logs.h"

static err_t fault(char out[LOGS_FAULT], unsigned line, const char *what)
{
    snprintf(out, LOGS_FAULT, "line %u: %s", line, what);
    return FAIL(ERR_CONFIG);
}

/* Words are parted by spaces and tabs. */
static slice_t take_word(slice_t *rest)
{
    size_t from = 0, to;
    while (from < rest->len && (rest->ptr[from] == ' ' || rest->ptr[from] == '\t')) {
        from++;
    }
    for (to = from; to < rest->len && rest->ptr[to] != ' ' && rest->ptr[to] != '\t';) {
        to++;
    }
    slice_t word = slice_sub(*rest, from, to - from);
    *rest = slice_from(*rest, to);
    return word;
}

static err_t take_log(logs_t *logs, slice_t line, unsigned number, char ret_fault[LOGS_FAULT])
{
    slice_t rest = line, word = take_word(&rest), vkey, url;
    wkey_t key;
    if (!word.len || word.ptr[0] == '#') {
        return OK;
    }
    if (!slice_eq(word, SLICE("log"))) {
        return fault(ret_fault, number, "only lines \"log <vkey>\" stand here");
    }
    vkey = take_word(&rest);
    url = take_word(&rest);
    (void)url; /* for those who call the log: we never do */
    if (take_word(&rest).len || err_failed(wkey_parse(vkey, WKEY_LOG, &key))) {
        return fault(ret_fault, number, "no verifier key of a log (type 0x01)");
    }
    for (size_t i = 0; i < logs->n; i++) {
        if (strcmp(logs->keys[i].name, key.name) == 0) {
            return fault(ret_fault, number, "this origin has a line already");
        }
    }
    if (logs->n == LOGS_MAX) {
        return fault(ret_fault, number, "too many logs");
    }
    logs->keys[logs->n++] = key;
    return OK;
}

err_t logs_parse(slice_t text, logs_t *ret_logs, char ret_fault[LOGS_FAULT])
{
    logs_t *logs = calloc(1, sizeof *logs);
    slice_t line;
    err_t e = OK;
    ENSURE(logs, ERR_MEMORY);
    for (unsigned n = 1; !err_failed(e) && slice_split(&text, '\n', &line); n++) {
        for (size_t i = 0; i < line.len && !err_failed(e); i++) {
            bool control = line.ptr[i] < 0x20 && line.ptr[i] != '\t';
            e = control ? fault(ret_fault, n, "a control character") : OK;
        }
        if (!err_failed(e)) {
            e = take_log(logs, line, n, ret_fault);
        }
    }
    if (!err_failed(e)) {
        *ret_logs = *logs;
    }
    free(logs);
    return e;
}
