/* Operators at run time: one value, yes or no. */
#include "../detect/cmdi.h"
#include "../detect/path.h"
#include "../detect/sqli.h"
#include "../detect/xss.h"
#include "sig.h"
#include "tx.h"

#include <arpa/inet.h>

static bool found_at(engine_tx_t *tx, size_t at, size_t len)
{
    tx->found.groups = 1;
    tx->found.set[0] = true;
    tx->found.at[0] = at;
    tx->found.len[0] = len;
    tx->found_parts = true;
    return true;
}

static bool found_all(engine_tx_t *tx, slice_t value)
{
    return found_at(tx, 0, value.len);
}

/* What a regex that ran into its limit would have said is not known; a guard assumes the worst. */
static bool limit(engine_tx_t *tx)
{
    tx->limit_hits++;
    tx->stats.regex_limits++;
    tx->limit_hit = true;
    return tx->settings.limit_is_match;
}

static bool match_regex(engine_tx_t *tx, const rule_t *r, const regex_t *regex, slice_t value)
{
    if (r->op.everything) {
        return found_all(tx, value);
    }
    tx->stats.regexes++;
    regex_answer_t a = regex_match(regex, tx->worker->regex, value, 0, &tx->found);
    if (a == REGEX_LIMIT) {
        /* a negated operator must not be satisfied by it either */
        return limit(tx) ? !r->op.negated : r->op.negated;
    }
    tx->found_parts = a == REGEX_YES;
    return a == REGEX_YES;
}

/* The regex has macros: its text is known only now. Their values are meant as text. Compiled for
 * this one use, outside of the arena: the one operator that has to. */
static bool match_macro_regex(engine_tx_t *tx, const rule_t *r, slice_t value)
{
    slice_t text = macro_text(tx, &r->op.arg);
    engine_set_t once = {0};
    const regex_t *regex;
    const char *why;
    arena_init(&once.arena, 1 << 20);
    bool yes = false;
    if (!err_failed(
            regex_new(&once, text, r->op.negated ? REGEX_NEGATED : REGEX_POSITIVE, &regex, &why)) &&
        !err_failed(regex_settle(&once))) {
        yes = match_regex(tx, r, regex, value);
    }
    regex_free_all(&once);
    arena_deinit(&once.arena);
    return yes;
}

static bool match_regex_global(engine_tx_t *tx, const rule_t *r, slice_t value)
{
    return r->op.regex ? match_regex(tx, r, r->op.regex, value) : match_macro_regex(tx, r, value);
}

/* ---- phrases --------------------------------------------------------------------------------- */

typedef struct phrase {
    const rule_t *rule;
    size_t end;
    bool found;
} phrase_t;

static bool on_phrase(void *user, uint32_t pattern, size_t end)
{
    phrase_t *p = user;
    if (pattern != p->rule->op.gate.pattern) {
        return true;
    }
    p->found = true;
    p->end = end;
    return false;
}

static size_t phrase_length(const rule_t *r, slice_t value, size_t end)
{
    size_t best = 0;
    for (uint32_t i = 0; i < r->op.count; i++) {
        size_t len = r->op.words[i].len;
        if (len > best && len <= end &&
            slice_eq_nocase(slice_sub(value, end - len, len), r->op.words[i])) {
            best = len;
        }
    }
    return best;
}

static bool match_phrases(engine_tx_t *tx, const rule_t *r, slice_t value)
{
    phrase_t p = {.rule = r};
    tx->stats.scans++;
    tx->stats.scanned_bytes += value.len;
    if (err_failed(
            scan_run(tx->set->db[r->act.phase > 2], tx->worker->scan, value, on_phrase, &p))) {
        tx->memory_out = true;
    }
    if (!p.found) {
        return false;
    }
    size_t len = phrase_length(r, value, p.end);
    return found_at(tx, p.end - len, len);
}

/* ---- text ------------------------------------------------------------------------------------ */

static bool is_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool match_word(engine_tx_t *tx, slice_t value, slice_t word)
{
    for (size_t from = 0; word.len && from < value.len;) {
        size_t at = slice_find(slice_from(value, from), word);
        if (at == SIZE_MAX) {
            return false;
        }
        at += from;
        size_t end = at + word.len;
        if ((at == 0 || !is_word(value.ptr[at - 1])) &&
            (end == value.len || !is_word(value.ptr[end]))) {
            return found_at(tx, at, word.len);
        }
        from = at + 1;
    }
    return false;
}

static bool match_text(engine_tx_t *tx, const rule_t *r, slice_t value)
{
    slice_t arg = macro_text(tx, &r->op.arg);
    size_t at;
    switch (r->op.kind) {
    case OP_STREQ:
        return slice_eq(value, arg) && found_all(tx, value);
    case OP_STRMATCH:
    case OP_CONTAINS:
        at = arg.len ? slice_find(value, arg) : 0;
        return at != SIZE_MAX && found_at(tx, at, arg.len);
    case OP_CONTAINS_WORD:
        return match_word(tx, value, arg);
    case OP_BEGINS_WITH:
        return slice_starts(value, arg) && found_at(tx, 0, arg.len);
    case OP_ENDS_WITH:
        return slice_ends(value, arg) && found_at(tx, value.len - arg.len, arg.len);
    case OP_WITHIN:
    default:
        return (value.len == 0 || slice_find(arg, value) != SIZE_MAX) && found_all(tx, value);
    }
}

static bool match_number(engine_tx_t *tx, const rule_t *r, slice_t value, const value_t *live)
{
    int64_t left = live && live->is_number && r->chain == 0 ? live->number : text_number(value);
    return number_test(r->op.kind, left,
                       r->op.arg.pieces ? macro_number(tx, &r->op.arg) : r->op.number);
}

/* ---- addresses and encodings ----------------------------------------------------------------- */

static bool read_address(slice_t text, uint8_t addr[16])
{
    char host[64];
    struct in_addr v4;
    if (text.len == 0 || text.len >= sizeof host) {
        return false;
    }
    memcpy(host, text.ptr, text.len);
    host[text.len] = 0;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        memset(addr, 0, 10);
        addr[10] = addr[11] = 0xFF;
        memcpy(addr + 12, &v4, 4);
        return true;
    }
    return inet_pton(AF_INET6, host, addr) == 1;
}

static bool in_net(const uint8_t addr[16], const ip_net_t *net)
{
    unsigned whole = net->bits / 8, rest = net->bits % 8;
    if (memcmp(addr, net->addr, whole) != 0) {
        return false;
    }
    uint8_t mask = (uint8_t)(0xFF00U >> rest);
    return rest == 0 || ((addr[whole] ^ net->addr[whole]) & mask) == 0;
}

static bool match_address(const rule_t *r, slice_t value)
{
    uint8_t addr[16];
    if (!read_address(slice_trim(value), addr)) {
        return false;
    }
    for (uint32_t i = 0; i < r->op.count; i++) {
        if (in_net(addr, &r->op.nets[i])) {
            return true;
        }
    }
    return false;
}

/* True: a byte outside of the ranges. */
static bool match_bytes(const rule_t *r, slice_t value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t b = value.ptr[i];
        if (!(r->op.bytes[b >> 6] >> (b & 63) & 1)) {
            return true;
        }
    }
    return false;
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* True: a '%' without two hex digits. */
static bool match_url_encoding(slice_t value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '%' &&
            (value.len - i < 3 || !is_hex(value.ptr[i + 1]) || !is_hex(value.ptr[i + 2]))) {
            return true;
        }
    }
    return false;
}

/* Bytes that belong to the UTF-8 character at `at`; 0 = malformed, overlong, surrogate or beyond
 * U+10FFFF (RFC 3629). */
static size_t utf8_len(slice_t s, size_t at)
{
    uint8_t c = s.ptr[at];
    size_t len = c < 0x80                ? 1
                 : c >= 0xC2 && c < 0xE0 ? 2
                 : c >= 0xE0 && c < 0xF0 ? 3
                 : c >= 0xF0 && c < 0xF5 ? 4
                                         : 0;
    if (len == 0 || len > s.len - at) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((s.ptr[at + i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    uint8_t second = len > 1 ? s.ptr[at + 1] : 0;
    bool bad = (c == 0xE0 && second < 0xA0) || (c == 0xED && second > 0x9F) ||
               (c == 0xF0 && second < 0x90) || (c == 0xF4 && second > 0x8F);
    return bad ? 0 : len;
}

static bool match_utf8(slice_t value)
{
    for (size_t i = 0; i < value.len;) {
        size_t len = utf8_len(value, i);
        if (len == 0) {
            return true;
        }
        i += len;
    }
    return false;
}

/* ---- detectors ------------------------------------------------------------------------------- */

static bool found_print(engine_tx_t *tx, size_t at, size_t len)
{
    return found_at(tx, at, len);
}

static bool match_detect(engine_tx_t *tx, const rule_t *r, slice_t value, const byte_kinds_t *k)
{
    uint32_t seen = (uint32_t)(k->kinds >> 32);
    sqli_found_t sqli;
    xss_found_t xss;
    cmdi_found_t cmdi;
    path_found_t path;
    switch (r->op.kind) {
    case OP_SQLI:
        return sqli_possible(seen, value.len) && sqli_detect(value, &sqli) &&
               found_print(tx, sqli.at, sqli.len);
    case OP_XSS:
        return xss_possible(seen, value.len) && xss_detect(value, &xss) &&
               found_print(tx, xss.at, xss.len);
    case OP_CMDI:
        return cmdi_possible(seen, value.len) && cmdi_detect(value, &cmdi) &&
               found_print(tx, cmdi.at, cmdi.len);
    case OP_PATH:
    default:
        return path_possible(seen, value.len) && path_detect(value, &path) &&
               found_print(tx, path.at, path.len);
    }
}

/* ---- the world ------------------------------------------------------------------------------- */

static err_t put_geo(void *user, slice_t name, slice_t value)
{
    engine_tx_t *tx = user;
    item_t *more = tx_array(tx, tx->geo_count + 1, sizeof *more);
    ENSURE(more, ERR_MEMORY);
    if (tx->geo_count) {
        memcpy(more, tx->geo, tx->geo_count * sizeof *more);
    }
    more[tx->geo_count++] = (item_t){name, value};
    tx->geo = more;
    return OK;
}

static bool match_geo(engine_tx_t *tx, slice_t value)
{
    tx->geo_count = 0;
    return tx->world && tx->world->geo && tx->world->geo(tx->world->user, value, tx, put_geo);
}

static bool match_rbl(engine_tx_t *tx, const rule_t *r, slice_t value)
{
    slice_t text;
    return tx->world && tx->world->rbl &&
           tx->world->rbl(tx->world->user, macro_text(tx, &r->op.arg), value, tx->arena, &text);
}

bool op_test(engine_tx_t *tx, const rule_t *r, slice_t value, const byte_kinds_t *kinds,
             const value_t *live)
{
    tx->found_parts = false;
    tx->limit_hit = false;
    tx->stats.values++;
    switch (r->op.kind) {
    case OP_RX:
        return r->op.regex ? match_regex(tx, r, r->op.regex, value)
                           : match_macro_regex(tx, r, value);
    case OP_RX_GLOBAL:
        return match_regex_global(tx, r, value);
    case OP_PM:
        return match_phrases(tx, r, value);
    case OP_EQ:
    case OP_GE:
    case OP_GT:
    case OP_LE:
    case OP_LT:
        return match_number(tx, r, value, live);
    case OP_STREQ:
    case OP_STRMATCH:
    case OP_CONTAINS:
    case OP_CONTAINS_WORD:
    case OP_BEGINS_WITH:
    case OP_ENDS_WITH:
    case OP_WITHIN:
        return match_text(tx, r, value);
    case OP_IP_MATCH:
        return match_address(r, value);
    case OP_BYTE_RANGE:
        return (kinds->sig & r->op.bad) && match_bytes(r, value);
    case OP_URL_ENCODING:
        return match_url_encoding(value);
    case OP_UTF8_ENCODING:
        return (kinds->sig >> SIG_HIGH & 1) && match_utf8(value);
    case OP_SQLI:
    case OP_XSS:
    case OP_CMDI:
    case OP_PATH:
        return match_detect(tx, r, value, kinds);
    case OP_ALWAYS:
        return true;
    case OP_GEO:
        return match_geo(tx, value);
    case OP_RBL:
        return match_rbl(tx, r, value);
    case OP_NEVER:
    default:
        return false;
    }
}
