#include "cosign.h"

#include <sodium.h>

enum { TYPE_COSIGNATURE = 4, SIG_BYTES = 4 + 8 + crypto_sign_BYTES, LINES_MAX = 64 };

static bool witness_key(slice_t text, vwitness_t *w)
{
    return !err_failed(vkey_typed(text, TYPE_COSIGNATURE, w->name, w->id, w->key));
}

/* ---- policy ---- */

typedef struct reading {
    vpolicy_t *p;
    char *fault;
    unsigned line;
    bool quorum_said;
} reading_t;

static err_t fault(reading_t *r, const char *what)
{
    snprintf(r->fault, VPOLICY_FAULT, "line %u: %s", r->line, what);
    return FAIL(ERR_SYNTAX);
}

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

/* VQUORUM_NONE: no such name. */
static unsigned find_name(const vpolicy_t *p, slice_t word)
{
    for (size_t i = 0; i < p->witness_count; i++) {
        if (slice_eq(word, slice_cstr_in(p->witness[i].word))) {
            return (unsigned)i;
        }
    }
    for (size_t i = 0; i < p->group_count; i++) {
        if (slice_eq(word, slice_cstr_in(p->group[i].word))) {
            return (unsigned)(VWITNESSES + i);
        }
    }
    return VQUORUM_NONE;
}

static err_t new_name(reading_t *r, slice_t word, char ret_word[VPOLICY_WORD])
{
    if (!word.len || word.len >= VPOLICY_WORD || slice_eq(word, SLICE("none"))) {
        return fault(r, "a name is missing, too long or \"none\"");
    }
    if (find_name(r->p, word) != VQUORUM_NONE) {
        return fault(r, "this name stands already");
    }
    memcpy(ret_word, word.ptr, word.len);
    ret_word[word.len] = '\0';
    return OK;
}

static err_t take_witness(reading_t *r, slice_t rest)
{
    vpolicy_t *p = r->p;
    if (p->witness_count == VWITNESSES) {
        return fault(r, "too many witnesses");
    }
    vwitness_t *w = &p->witness[p->witness_count];
    TRY(new_name(r, take_word(&rest), w->word));
    if (!witness_key(take_word(&rest), w)) {
        return fault(r, "no verifier key of a witness (type 0x04)");
    }
    slice_t url = take_word(&rest);
    if (url.len >= sizeof w->url || take_word(&rest).len) {
        return fault(r, "the address is too long, or more stands behind it");
    }
    memcpy(w->url, url.len ? url.ptr : (const uint8_t *)"", url.len);
    w->url[url.len] = '\0';
    for (size_t i = 0; i < p->witness_count; i++) {
        if (memcmp(p->witness[i].key, w->key, sizeof w->key) == 0) {
            return fault(r, "two witnesses with one key");
        }
    }
    p->witness_count++;
    return OK;
}

static err_t take_log(reading_t *r, slice_t rest)
{
    vpolicy_t *p = r->p;
    if (p->log_count == VLOGS || err_failed(vkey_parse(take_word(&rest), &p->log[p->log_count]))) {
        return fault(r, "no verifier key of a log (type 0x01), or too many logs");
    }
    take_word(&rest);
    if (take_word(&rest).len) {
        return fault(r, "more stands behind the address");
    }
    for (size_t i = 0; i < p->log_count; i++) {
        if (memcmp(p->log[i].key, p->log[p->log_count].key, sizeof p->log[i].key) == 0) {
            return fault(r, "two logs with one key");
        }
    }
    p->log_count++;
    return OK;
}

static err_t take_member(reading_t *r, struct vgroup *g, slice_t word)
{
    vpolicy_t *p = r->p;
    unsigned at = find_name(p, word);
    bool *used = at < VWITNESSES     ? &p->witness_used[at]
                 : at < VQUORUM_NONE ? &p->group[at - VWITNESSES].used
                                     : NULL;
    if (!used || *used) {
        return fault(r, "a member is not defined above, or is a member already");
    }
    *used = true;
    g->member[g->count++] = at;
    return OK;
}

static err_t take_group(reading_t *r, slice_t rest)
{
    vpolicy_t *p = r->p;
    uint64_t need = 0;
    if (p->group_count == VGROUPS) {
        return fault(r, "too many groups");
    }
    struct vgroup *g = &p->group[p->group_count];
    TRY(new_name(r, take_word(&rest), g->word));
    slice_t how = take_word(&rest);
    for (slice_t word; (word = take_word(&rest)).len;) {
        TRY(take_member(r, g, word));
    }
    bool number =
        how.len && how.ptr[0] != '0' && !err_failed(slice_parse_u64(how, VQUORUM_NONE, &need));
    need = slice_eq(how, SLICE("all")) ? g->count : slice_eq(how, SLICE("any")) ? 1 : need;
    if ((!number && !slice_eq(how, SLICE("all")) && !slice_eq(how, SLICE("any"))) || need < 1 ||
        need > g->count) {
        return fault(r, "\"all\", \"any\" or a number from 1 to that of the members");
    }
    g->need = need;
    p->group_count++;
    return OK;
}

static err_t take_quorum(reading_t *r, slice_t rest)
{
    slice_t word = take_word(&rest);
    r->p->quorum = find_name(r->p, word);
    bool none = slice_eq(word, SLICE("none"));
    if ((r->p->quorum == VQUORUM_NONE && !none) || take_word(&rest).len || r->quorum_said) {
        return fault(r, "the quorum is not defined above, or is said twice");
    }
    r->quorum_said = true;
    return OK;
}

static err_t take_line(reading_t *r, slice_t line)
{
    for (size_t i = 0; i < line.len; i++) {
        if ((line.ptr[i] < 0x20 && line.ptr[i] != '\t') || line.ptr[i] == 0x7f) {
            return fault(r, "a control character");
        }
    }
    slice_t word = take_word(&line);
    return !word.len || word.ptr[0] == '#'    ? OK
           : slice_eq(word, SLICE("log"))     ? take_log(r, line)
           : slice_eq(word, SLICE("witness")) ? take_witness(r, line)
           : slice_eq(word, SLICE("group"))   ? take_group(r, line)
           : slice_eq(word, SLICE("quorum"))  ? take_quorum(r, line)
                                              : fault(r, "an unknown word");
}

/* One key alone: the file that witnessd publishes. */
static bool one_key(slice_t text, vpolicy_t *p)
{
    if (slice_ends(text, SLICE("\n"))) {
        text.len--;
    }
    if (slice_find_byte(text, '\n') != SIZE_MAX || !witness_key(text, &p->witness[0])) {
        return false;
    }
    snprintf(p->witness[0].word, VPOLICY_WORD, "witness");
    p->witness_count = 1;
    p->quorum = 0;
    return true;
}

static err_t policy_read(slice_t text, vpolicy_t *p, char ret_fault[VPOLICY_FAULT])
{
    reading_t r = {p, ret_fault, 0, false};
    slice_t line;
    if (one_key(text, p)) {
        return OK;
    }
    memset(p, 0, sizeof *p);
    while (slice_split(&text, '\n', &line)) {
        r.line++;
        TRY(take_line(&r, line));
    }
    return r.quorum_said ? OK : fault(&r, "no quorum is said");
}

err_t vpolicy_parse(slice_t text, vpolicy_t *ret_policy, char ret_fault[VPOLICY_FAULT])
{
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    vpolicy_t *p = calloc(1, sizeof *p);
    ENSURE(p, ERR_MEMORY);
    err_t e = policy_read(text, p, ret_fault);
    if (!err_failed(e)) {
        *ret_policy = *p;
    }
    free(p);
    return e;
}

/* Groups name only what stands before them, so this ends. */
static bool holds(const vpolicy_t *p, unsigned at, const bool cosigned[VWITNESSES])
{
    if (at < VWITNESSES) {
        return cosigned[at];
    }
    const struct vgroup *g = &p->group[at - VWITNESSES];
    size_t n = 0;
    for (size_t i = 0; i < g->count; i++) {
        n += holds(p, g->member[i], cosigned);
    }
    return n >= g->need;
}

bool vpolicy_met(const vpolicy_t *p, const bool cosigned[VWITNESSES])
{
    return p->quorum == VQUORUM_NONE || holds(p, p->quorum, cosigned);
}

/* ---- cosignatures ---- */

static bool signature_holds(const vwitness_t *w, slice_t text, const uint8_t sig[SIG_BYTES],
                            uint64_t *ret_time_s)
{
    uint8_t mem[64 + VNOTE_MAX];
    buf_t message = BUF_ON_ARRAY(mem);
    cursor_t c = cur_on(slice_make(sig + 4, 8));
    uint64_t time_s = cur_u64be(&c);
    buf_cstr(&message, "cosignature/v1\ntime ");
    buf_dec_pad(&message, time_s, 1);
    buf_u8(&message, '\n');
    buf_put(&message, text);
    *ret_time_s = time_s;
    return !message.full && time_s <= INT64_MAX &&
           crypto_sign_verify_detached(sig + 12, message.ptr, message.len, w->key) == 0;
}

err_t vcosign_check(slice_t note, const vwitness_t *w, uint64_t *ret_time_s)
{
    static const char DASH[] = "\xe2\x80\x94 ";
    slice_t text, lines, line, name;
    uint64_t time_s = 0;
    bool found = false;
    TRY(vnote_split(note, &text, &lines));
    ENSURE(slice_ends(lines, SLICE("\n")), ERR_SYNTAX);
    lines.len--;
    for (unsigned n = 0; slice_split(&lines, '\n', &line); n++) {
        uint8_t sig[SIG_BYTES];
        ENSURE(n < LINES_MAX && slice_starts(line, slice_cstr_in(DASH)), ERR_SYNTAX);
        line = slice_from(line, sizeof DASH - 1);
        ENSURE(slice_split(&line, ' ', &name) && line.len != SIZE_MAX, ERR_SYNTAX);
        if (slice_eq(name, slice_cstr_in(w->name)) && vbase64(line, sig, sizeof sig) &&
            memcmp(sig, w->id, sizeof w->id) == 0) {
            ENSURE(signature_holds(w, text, sig, &time_s), ERR_CRYPTO);
            found = true;
        }
    }
    ENSURE(found, ERR_NOT_FOUND);
    *ret_time_s = time_s;
    return OK;
}

err_t vcosigned_judge(slice_t note, const vpolicy_t *p, size_t need, vcosigned_t *ret_cosigned)
{
    vcosigned_t c = {0};
    vcheckpoint_t said;
    TRY(vnote_text(note, &said));
    c.size = said.size;
    for (size_t i = 0; i < p->witness_count; i++) {
        uint64_t time_s = 0;
        err_t e = vcosign_check(note, &p->witness[i], &time_s);
        ENSURE(!err_is(e, ERR_SYNTAX), ERR_SYNTAX);
        c.by[i] = !err_failed(e);
        c.count += c.by[i];
        c.false_count += err_is(e, ERR_CRYPTO);
        c.time_s = c.by[i] && time_s > c.time_s ? time_s : c.time_s;
    }
    c.enough = need ? c.count >= need : vpolicy_met(p, c.by);
    *ret_cosigned = c;
    return OK;
}
