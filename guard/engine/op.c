/* Operators at load: name, argument, and the gate that spares their runs. */
#include "load.h"
#include "need.h"
#include "regex.h"
#include "sig.h"

#include <arpa/inet.h>

typedef enum arg_kind {
    ARG_NONE,
    ARG_MACRO,
    ARG_REGEX,
    ARG_WORDS,
    ARG_FILE,
    ARG_NETS,
    ARG_NET_FILE,
    ARG_BYTES,
    ARG_OPTIONAL
} arg_kind_t;

static const struct {
    const char *name;
    uint8_t kind, arg;
} OPS[] = {
    {"rx", OP_RX, ARG_REGEX},
    {"rxGlobal", OP_RX_GLOBAL, ARG_REGEX},
    {"pm", OP_PM, ARG_WORDS},
    {"pmFromFile", OP_PM, ARG_FILE},
    {"pmf", OP_PM, ARG_FILE},
    {"eq", OP_EQ, ARG_MACRO},
    {"ge", OP_GE, ARG_MACRO},
    {"gt", OP_GT, ARG_MACRO},
    {"le", OP_LE, ARG_MACRO},
    {"lt", OP_LT, ARG_MACRO},
    {"streq", OP_STREQ, ARG_MACRO},
    {"strmatch", OP_STRMATCH, ARG_MACRO},
    {"contains", OP_CONTAINS, ARG_MACRO},
    {"containsWord", OP_CONTAINS_WORD, ARG_MACRO},
    {"beginsWith", OP_BEGINS_WITH, ARG_MACRO},
    {"endsWith", OP_ENDS_WITH, ARG_MACRO},
    {"within", OP_WITHIN, ARG_MACRO},
    {"ipMatch", OP_IP_MATCH, ARG_NETS},
    {"ipMatchFromFile", OP_IP_MATCH, ARG_NET_FILE},
    {"ipMatchF", OP_IP_MATCH, ARG_NET_FILE},
    {"validateByteRange", OP_BYTE_RANGE, ARG_BYTES},
    {"validateUrlEncoding", OP_URL_ENCODING, ARG_NONE},
    {"validateUtf8Encoding", OP_UTF8_ENCODING, ARG_NONE},
    {"detectSQLi", OP_SQLI, ARG_NONE},
    {"detectXSS", OP_XSS, ARG_NONE},
    {"detectCmdi", OP_CMDI, ARG_NONE},
    {"detectPath", OP_PATH, ARG_NONE},
    {"unconditionalMatch", OP_ALWAYS, ARG_OPTIONAL},
    {"noMatch", OP_NEVER, ARG_OPTIONAL},
    {"geoLookup", OP_GEO, ARG_NONE},
    {"rbl", OP_RBL, ARG_MACRO},
};

static err_t gate_of(const need_t *n, gate_t *g)
{
    g->all = n->all;
    memcpy(g->any, n->any, sizeof g->any);
    g->any_count = (uint8_t)n->any_count;
    g->literals = n->word_count;
    g->alt_count = (uint8_t)n->alt_count;
    memcpy(g->alts, n->alts, sizeof g->alts);
    return OK;
}

/* Gate by need; the words wait in op->words until compile.c gives them to the scanner. */
static err_t take_need(const need_t *n, op_t *op)
{
    op->words = n->words;
    op->count = n->word_count;
    return gate_of(n, &op->gate);
}

static err_t parse_regex(engine_builder_t *b, op_t *op)
{
    if (op->arg.pieces) {
        return OK; /* compiled when its macros are known */
    }
    const char *why;
    err_t e = regex_new(b->set, op->arg.text, op->negated ? REGEX_NEGATED : REGEX_POSITIVE,
                        &op->regex, &why);
    if (err_failed(e)) {
        return load_fail(b, op->arg.text, why);
    }
    op->everything = slice_eq(op->arg.text, SLICE("^.*$"));
    need_t need;
    TRY(need_of_regex(op->arg.text, &b->set->arena, &need));
    return take_need(&need, op);
}

static err_t parse_words(engine_builder_t *b, slice_t text, bool lines, op_t *op)
{
    arena_t *arena = &b->set->arena;
    size_t max = 1;
    for (size_t i = 0; i < text.len; i++) {
        max += text.ptr[i] == (lines ? '\n' : ' ');
    }
    slice_t *words = ARENA_ARRAY(arena, slice_t, max);
    ENSURE(words, ERR_MEMORY);
    slice_t part;
    while (slice_split(&text, lines ? '\n' : ' ', &part)) {
        part = slice_trim(part);
        if (part.len && !(lines && part.ptr[0] == '#')) {
            TRY(arena_copy(arena, part, &words[op->count++]));
        }
    }
    if (op->count == 0) {
        return load_fail(b, op->arg.text, "no phrase to look for");
    }
    op->words = words;
    op->gate.exact = true;
    op->gate.literals = op->count;
    /* What every phrase has in common, by kind of byte. */
    op->gate.all = ~UINT64_C(0);
    for (uint32_t i = 0; i < op->count; i++) {
        uint64_t bits = 0;
        for (size_t k = 0; k < words[i].len; k++) {
            bits |= sig_bit(words[i].ptr[k]);
        }
        op->gate.all &= bits;
    }
    return OK;
}

static err_t read_file(engine_builder_t *b, slice_t path, slice_t *ret_text)
{
    slice_t full;
    TRY(load_path(b, path, &full));
    err_t e = b->reader->read(b->reader->user, full, &b->texts, ret_text);
    return err_failed(e) ? load_fail(b, full, "this file cannot be read") : OK;
}

static bool parse_net(slice_t text, ip_net_t *ret)
{
    char addr[64];
    slice_t bits, host;
    bool given = cut(text, '/', &host, &bits);
    *ret = (ip_net_t){.bits = 128};
    if (host.len == 0 || host.len >= sizeof addr) {
        return false;
    }
    memcpy(addr, host.ptr, host.len);
    addr[host.len] = 0;
    struct in_addr v4;
    uint64_t n = 0;
    if (inet_pton(AF_INET, addr, &v4) == 1) {
        ret->addr[10] = ret->addr[11] = 0xFF;
        memcpy(ret->addr + 12, &v4, 4);
        if (given && err_failed(slice_parse_u64(bits, 32, &n))) {
            return false;
        }
        ret->bits = (uint8_t)(96 + (given ? n : 32));
        return true;
    }
    if (inet_pton(AF_INET6, addr, ret->addr) != 1 ||
        (given && err_failed(slice_parse_u64(bits, 128, &n)))) {
        return false;
    }
    ret->bits = (uint8_t)(given ? n : 128);
    return true;
}

static err_t parse_nets(engine_builder_t *b, slice_t text, bool lines, op_t *op)
{
    size_t max = 1;
    for (size_t i = 0; i < text.len; i++) {
        max += text.ptr[i] == '\n' || text.ptr[i] == ',';
    }
    ip_net_t *nets = ARENA_ARRAY(&b->set->arena, ip_net_t, max);
    ENSURE(nets, ERR_MEMORY);
    slice_t part;
    while (slice_split(&text, lines ? '\n' : ',', &part)) {
        part = slice_trim(part);
        if (part.len == 0 || (lines && part.ptr[0] == '#')) {
            continue;
        }
        if (!parse_net(part, &nets[op->count++])) {
            return load_fail(b, part, "not an address or network");
        }
    }
    op->nets = nets;
    return op->count ? OK : load_fail(b, op->arg.text, "no address");
}

static err_t parse_bytes(engine_builder_t *b, op_t *op)
{
    uint64_t *bits = ARENA_ARRAY(&b->set->arena, uint64_t, 4);
    ENSURE(bits, ERR_MEMORY);
    slice_t rest = op->arg.text, part;
    while (slice_split(&rest, ',', &part)) {
        slice_t to, from;
        bool range = cut(slice_trim(part), '-', &from, &to);
        uint64_t lo, hi;
        bool ok = !err_failed(slice_parse_u64(slice_trim(from), 255, &lo));
        hi = ok ? lo : 0;
        if (ok && range) {
            ok = !err_failed(slice_parse_u64(slice_trim(to), 255, &hi)) && lo <= hi;
        }
        if (!ok) {
            return load_fail(b, part, "not a range of bytes (0-255)");
        }
        for (uint64_t i = lo; i <= hi; i++) {
            bits[i >> 6] |= UINT64_C(1) << (i & 63);
        }
    }
    for (unsigned i = 0; i < 256; i++) {
        if (!(bits[i >> 6] >> (i & 63) & 1)) {
            op->bad |= sig_bit((uint8_t)i);
        }
    }
    op->bytes = bits;
    return OK;
}

static err_t parse_text(engine_builder_t *b, op_t *op)
{
    if (op->arg.pieces) {
        return OK;
    }
    slice_t text = op->arg.text;
    need_t need = {0};
    switch (op->kind) {
    case OP_EQ:
    case OP_GE:
    case OP_GT:
    case OP_LE:
    case OP_LT:
        if (err_failed(slice_parse_i64(slice_trim(text), INT64_MIN, INT64_MAX, &op->number))) {
            return load_fail(b, text, "not a whole number");
        }
        return OK;
    case OP_STREQ:
    case OP_STRMATCH:
    case OP_CONTAINS:
    case OP_CONTAINS_WORD:
    case OP_BEGINS_WITH:
    case OP_ENDS_WITH:
        TRY(need_of_word(text, &b->set->arena, &need));
        return take_need(&need, op);
    default:
        return OK;
    }
}

static err_t parse_arg(engine_builder_t *b, arg_kind_t kind, op_t *op)
{
    slice_t text = op->arg.text, file;
    switch (kind) {
    case ARG_REGEX:
        return parse_regex(b, op);
    case ARG_WORDS:
        return parse_words(b, text, false, op);
    case ARG_FILE:
        TRY(read_file(b, text, &file));
        return parse_words(b, file, true, op);
    case ARG_NETS:
        return parse_nets(b, text, false, op);
    case ARG_NET_FILE:
        TRY(read_file(b, text, &file));
        return parse_nets(b, file, true, op);
    case ARG_BYTES:
        return parse_bytes(b, op);
    case ARG_MACRO:
        return parse_text(b, op);
    case ARG_NONE:
    case ARG_OPTIONAL:
    default:
        return OK;
    }
}

static bool may_have_macros(arg_kind_t kind)
{
    return kind == ARG_MACRO || kind == ARG_REGEX || kind == ARG_OPTIONAL;
}

err_t op_parse(engine_builder_t *b, slice_t text, op_t *ret_op)
{
    op_t op = {0};
    op.gate.pattern = NO_INDEX;
    slice_t rest = slice_trim(text), name = SLICE("rx");
    if (rest.len && rest.ptr[0] == '!') {
        op.negated = true;
        rest = slice_trim(slice_from(rest, 1));
    }
    if (rest.len && rest.ptr[0] == '@') {
        size_t end = 1;
        while (end < rest.len && rest.ptr[end] != ' ' && rest.ptr[end] != '\t') {
            end++;
        }
        name = slice_sub(rest, 1, end - 1);
        rest = slice_from(rest, end);
        while (rest.len && (rest.ptr[0] == ' ' || rest.ptr[0] == '\t')) {
            rest = slice_from(rest, 1);
        }
    }
    for (size_t i = 0; i < BASE_COUNT(OPS); i++) {
        if (!slice_eq_nocase(name, slice_cstr_in(OPS[i].name))) {
            continue;
        }
        arg_kind_t kind = (arg_kind_t)OPS[i].arg;
        op.kind = OPS[i].kind;
        op.name = slice_cstr_in(OPS[i].name);
        if (may_have_macros(kind)) {
            TRY(macro_parse(b, rest, &op.arg));
        } else {
            TRY(arena_copy(&b->set->arena, rest, &op.arg.text));
        }
        if (rest.len == 0 && kind != ARG_NONE && kind != ARG_OPTIONAL && kind != ARG_REGEX &&
            op.kind != OP_STREQ && op.kind != OP_WITHIN) {
            return load_fail(b, name, "this operator needs an argument");
        }
        TRY(parse_arg(b, kind, &op));
        *ret_op = op;
        return OK;
    }
    return load_fail(b, name, "unknown operator");
}
