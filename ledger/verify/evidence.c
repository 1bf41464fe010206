#include "evidence.h"

#include <sodium.h>

enum { VERSION = 2, TAIL = 32 + 64, QUESTION_VERBS = 4 };
static const char CONTEXT[] = "sekisho evidence v1\n";

#define BECAUSE(cond, code, why)                                                                   \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            *ret_what = (why);                                                                     \
            return FAIL(code);                                                                     \
        }                                                                                          \
    } while (0)

/* ---- signature and head ---- */

static err_t signature(slice_t bytes, vevidence_t *e, const char **ret_what)
{
    uint8_t text[sizeof CONTEXT - 1 + crypto_hash_sha256_BYTES];
    BECAUSE(bytes.len > TAIL, ERR_SYNTAX, "the file is cut");
    slice_t signed_part = slice_sub(bytes, 0, bytes.len - 64);
    memcpy(e->signer, bytes.ptr + bytes.len - TAIL, 32);
    memcpy(text, CONTEXT, sizeof CONTEXT - 1);
    vtree_bytes_hash(signed_part, text + sizeof CONTEXT - 1);
    BECAUSE(
        crypto_sign_verify_detached(bytes.ptr + signed_part.len, text, sizeof text, e->signer) == 0,
        ERR_CRYPTO, "the signature of the evidence is false");
    return OK;
}

static slice_t str16(cursor_t *c)
{
    return cur_bytes(c, cur_u16be(c));
}

static id128_t get_id(cursor_t *c)
{
    id128_t id;
    cur_copy(c, id.b, sizeof id.b);
    return id;
}

static err_t head(cursor_t *c, vevidence_t *e, const char **ret_what)
{
    BECAUSE(slice_eq(cur_bytes(c, 4), SLICE("SKE\xf1")), ERR_SYNTAX, "this is no evidence");
    e->version = cur_u16be(c);
    BECAUSE(e->version >= 1 && e->version <= VERSION && cur_u16be(c) == 0, ERR_VERSION,
            "made by a later version");
    slice_t key = str16(c), note = str16(c);
    BECAUSE(!c->bad && !err_failed(vkey_parse(key, &e->key)), ERR_SYNTAX, "the key is malformed");
    BECAUSE(!err_failed(vnote_open(note, &e->key, &e->cp)), ERR_CRYPTO,
            "the checkpoint is not signed with this key");
    return OK;
}

static err_t question(cursor_t *c, unsigned version, vquestion_t *q, const char **ret_what)
{
    q->verb = cur_u8(c);
    q->from_us = (int64_t)cur_u64be(c);
    q->to_us = (int64_t)cur_u64be(c);
    q->request = get_id(c);
    q->subject = get_id(c);
    q->actor = get_id(c);
    q->address = get_id(c);
    q->session = str16(c);
    q->process = version > 1 ? cur_u32be(c) : 0;
    q->exposure_count = cur_u8(c);
    BECAUSE(!c->bad && q->verb > 0 && q->verb <= QUESTION_VERBS &&
                q->exposure_count <= EVIDENCE_EXPOSURES && q->session.len <= 16,
            ERR_SYNTAX, "the question is malformed");
    for (unsigned i = 0; i < q->exposure_count; i++) {
        q->exposures[i].host = cur_u8(c);
        q->exposures[i].from_us = (int64_t)cur_u64be(c);
        q->exposures[i].to_us = (int64_t)cur_u64be(c);
    }
    return OK;
}

/* ---- leaves ---- */

static id128_t id_in(const vleaf_t *leaf, unsigned tag)
{
    slice_t v = leaf->value[tag];
    return v.len == ID_BYTES ? id_from_bytes(v.ptr) : id_zero();
}

static err_t shown_parse(vshown_t *s)
{
    vleaf_t leaf;
    TRY(vleaf_parse(s->bytes, &leaf));
    ENSURE(leaf.seq == s->seq, ERR_CORRUPT);
    s->time_us = leaf.time_us;
    s->type = leaf.type;
    s->room = leaf.room;
    s->request = id_in(&leaf, 0x10);
    s->object = id_in(&leaf, 0x11);
    s->parent = id_in(&leaf, 0x12);
    s->subject = id_in(&leaf, 0x13);
    s->actor = id_in(&leaf, 0x14);
    s->address = id_in(&leaf, 0x15);
    s->facts = leaf.value[0x20];
    return OK;
}

static err_t leaves_prove(vevidence_t *e, cursor_t *c, const char **ret_what)
{
    uint8_t root[32];
    vproof_leaf_t *leaves = malloc((e->shown_count + 1) * sizeof *leaves);
    ENSURE(leaves, ERR_MEMORY);
    for (size_t i = 0; i < e->shown_count; i++) {
        leaves[i].index = e->shown[i].seq;
        vtree_leaf_hash(e->shown[i].bytes, leaves[i].hash);
    }
    uint64_t n = cur_u64be(c);
    slice_t hashes = cur_bytes(c, n <= c->left / 32 ? (size_t)n * 32 : SIZE_MAX);
    err_t failure =
        c->bad ? FAIL(ERR_SYNTAX) : vproof_root(e->cp.size, leaves, e->shown_count, hashes, root);
    free(leaves);
    BECAUSE(!err_failed(failure), failure.code, "the proof of the records is malformed");
    BECAUSE(memcmp(root, e->cp.root, sizeof root) == 0, ERR_CORRUPT,
            "the records do not lead to the signed root");
    return OK;
}

static err_t shown_read(vevidence_t *e, cursor_t *c, const char **ret_what)
{
    uint64_t n = cur_u64be(c);
    BECAUSE(!c->bad && n <= c->left / 10, ERR_SYNTAX, "the file is cut");
    e->shown_count = (size_t)n;
    e->shown = ARENA_ARRAY(&e->arena, vshown_t, e->shown_count + 1);
    ENSURE(e->shown, ERR_MEMORY);
    for (size_t i = 0; i < e->shown_count; i++) {
        e->shown[i].seq = cur_u64be(c);
        e->shown[i].bytes = str16(c);
        BECAUSE(!c->bad && !err_failed(shown_parse(&e->shown[i])), ERR_SYNTAX,
                "a record is malformed");
    }
    return leaves_prove(e, c, ret_what);
}

static int seq_order(const void *key, const void *item)
{
    const uint64_t *seq = key;
    const vshown_t *s = item;
    return (*seq > s->seq) - (*seq < s->seq);
}

const vshown_t *vevidence_shown(const vevidence_t *e, uint64_t seq)
{
    return e->shown_count ? bsearch(&seq, e->shown, e->shown_count, sizeof *e->shown, seq_order)
                          : NULL;
}

/* ---- segments ---- */

static err_t scope(cursor_t *c, vevidence_t *e, const char **ret_what)
{
    uint64_t end = 0;
    e->leaves = cur_u32be(c);
    e->first = cur_u64be(c);
    e->segments = cur_u64be(c);
    e->tail_first = cur_u64be(c);
    BECAUSE(!c->bad && e->leaves <= VINDEX_LEAVES && e->leaves % VTILE == 0 &&
                (e->leaves || !e->segments) &&
                !__builtin_mul_overflow(e->segments, (uint64_t)e->leaves, &end) &&
                end <= e->cp.size && e->first <= e->cp.size &&
                (!e->leaves || e->first % e->leaves == 0),
            ERR_SYNTAX, "the segments do not fit the checkpoint");
    BECAUSE(e->tail_first == (end > e->first ? end : e->first), ERR_SYNTAX,
            "the segments leave a hole");
    e->segment_first = e->leaves ? e->first / e->leaves : 0;
    return OK;
}

/* The first record that names this segment's root. */
static err_t root_of(const vevidence_t *e, uint64_t segment, vindex_record_t *ret)
{
    for (size_t i = 0; i < e->shown_count; i++) {
        vleaf_t leaf;
        if (e->shown[i].type == VTYPE_INDEX_ROOT) {
            TRY(vleaf_parse(e->shown[i].bytes, &leaf));
            if (vindex_record_of(&leaf, ret) && ret->segment == segment) {
                return OK;
            }
        }
    }
    return FAIL(ERR_NOT_FOUND);
}

static err_t pages_read(vevidence_t *e, vsegment_t *s, cursor_t *c, const char **ret_what)
{
    uint8_t root[32];
    uint32_t n = cur_u32be(c);
    BECAUSE(!c->bad && n > 0 && n <= s->record.pages && n <= c->left / 6, ERR_SYNTAX,
            "index pages are cut");
    s->pages = ARENA_ARRAY(&e->arena, vshown_page_t, n);
    vproof_leaf_t *leaves = ARENA_ARRAY(&e->arena, vproof_leaf_t, n);
    ENSURE(s->pages && leaves, ERR_MEMORY);
    for (; s->page_count < n; s->page_count++) {
        vshown_page_t *p = &s->pages[s->page_count];
        p->number = cur_u32be(c);
        slice_t bytes = str16(c);
        p->page = ARENA_NEW(&e->arena, vpage_t);
        ENSURE(p->page, ERR_MEMORY);
        BECAUSE(!c->bad && !err_failed(vpage_parse(bytes, s->record.leaves, p->page)), ERR_SYNTAX,
                "an index page is malformed");
        leaves[s->page_count].index = p->number;
        vtree_leaf_hash(bytes, leaves[s->page_count].hash);
    }
    uint32_t hashes = cur_u32be(c);
    slice_t bytes = cur_bytes(c, hashes <= c->left / 32 ? (size_t)hashes * 32 : SIZE_MAX);
    BECAUSE(!c->bad && !err_failed(vproof_root(s->record.pages, leaves, n, bytes, root)),
            ERR_SYNTAX, "the proof of index pages is malformed");
    BECAUSE(memcmp(root, s->record.root, sizeof root) == 0, ERR_CORRUPT,
            "index pages do not lead to the recorded root");
    return OK;
}

static err_t all_shown(const vevidence_t *e, uint64_t first, uint64_t end, const char **ret_what)
{
    for (uint64_t seq = first; seq < end; seq++) {
        BECAUSE(vevidence_shown(e, seq), ERR_NOT_FOUND,
                "a record that no index covers is not shown");
    }
    return OK;
}

static err_t segments_read(vevidence_t *e, cursor_t *c, const char **ret_what)
{
    uint64_t n = e->segments > e->segment_first ? e->segments - e->segment_first : 0;
    BECAUSE(n <= c->left, ERR_SYNTAX, "the file is cut");
    e->segment = ARENA_ARRAY(&e->arena, vsegment_t, (size_t)n + 1);
    ENSURE(e->segment, ERR_MEMORY);
    for (uint64_t i = 0; i < n; i++) {
        vsegment_t *s = &e->segment[i];
        uint64_t number = e->segment_first + i;
        unsigned way = cur_u8(c);
        BECAUSE(!c->bad && way <= 1, ERR_SYNTAX, "a segment is malformed");
        s->scanned = way == 1;
        if (s->scanned) {
            TRY(all_shown(e, number * e->leaves, (number + 1) * e->leaves, ret_what));
            continue;
        }
        BECAUSE(!err_failed(root_of(e, number, &s->record)) && s->record.leaves == e->leaves,
                ERR_NOT_FOUND, "the record of an index root is not shown");
        TRY(pages_read(e, s, c, ret_what));
    }
    return all_shown(e, e->tail_first, e->cp.size, ret_what);
}

/* ---- questions and answer ---- */

static err_t asks_read(vevidence_t *e, cursor_t *c, const char **ret_what)
{
    uint32_t n = cur_u32be(c);
    BECAUSE(!c->bad && n <= c->left / 98, ERR_SYNTAX, "the questions are cut");
    e->asks = ARENA_ARRAY(&e->arena, vask_t, (size_t)n + 1);
    ENSURE(e->asks, ERR_MEMORY);
    for (; e->ask_count < n; e->ask_count++) {
        vask_t *a = &e->asks[e->ask_count];
        a->from_us = (int64_t)cur_u64be(c);
        a->to_us = (int64_t)cur_u64be(c);
        a->type = cur_u16be(c);
        a->request = get_id(c);
        a->subject = get_id(c);
        a->object = get_id(c);
        a->actor = get_id(c);
        a->address = get_id(c);
    }
    return OK;
}

static slice_t hashes_read(cursor_t *c)
{
    uint32_t n = cur_u32be(c);
    return cur_bytes(c, n <= c->left / 32 ? (size_t)n * 32 : SIZE_MAX);
}

static err_t chain_read(vevidence_t *e, cursor_t *c, const char **ret_what)
{
    vchain_t *chain = &e->chain;
    slice_t *records = ARENA_ARRAY(&e->arena, slice_t, e->shown_count + 1);
    ENSURE(records, ERR_MEMORY);
    for (size_t i = 0; i < e->shown_count; i++) {
        records[i] = e->shown[i].bytes;
    }
    *chain = (vchain_t){.cp = e->cp, .records = records, .record_count = e->shown_count};
    chain->leaves = cur_u32be(c);
    chain->spine = hashes_read(c);
    chain->rest = hashes_read(c);
    uint32_t n = cur_u32be(c);
    BECAUSE(!c->bad && n <= c->left / 10 && chain->leaves <= VINDEX_LEAVES &&
                (chain->leaves & (chain->leaves - 1)) == 0,
            ERR_SYNTAX, "the chain of keys is malformed");
    chain->seals = ARENA_ARRAY(&e->arena, vchain_seal_t, (size_t)n + 1);
    ENSURE(chain->seals, ERR_MEMORY);
    for (; chain->seal_count < n; chain->seal_count++) {
        chain->seals[chain->seal_count].segment = cur_u64be(c);
        chain->seals[chain->seal_count].note = str16(c);
    }
    BECAUSE(!c->bad, ERR_SYNTAX, "the chain of keys is cut");
    return OK;
}

err_t vevidence_key(const vevidence_t *e, const vkey_t *given)
{
    return vchain_check(&e->chain, given, &e->key);
}

static err_t answer_read(vevidence_t *e, cursor_t *c, const char **ret_what)
{
    uint32_t n = cur_u32be(c);
    BECAUSE(!c->bad && n <= c->left / 17, ERR_SYNTAX, "the answer is cut");
    e->answer = ARENA_ARRAY(&e->arena, vsubject_t, (size_t)n + 1);
    ENSURE(e->answer, ERR_MEMORY);
    for (; e->answer_count < n; e->answer_count++) {
        e->answer[e->answer_count].subject = get_id(c);
        e->answer[e->answer_count].class_ = cur_u8(c);
        BECAUSE(e->answer[e->answer_count].class_ < 4, ERR_SYNTAX, "the answer is malformed");
    }
    e->json = cur_bytes(c, cur_u32be(c));
    BECAUSE(!c->bad && c->left == 32, ERR_SYNTAX, "the file has not its length");
    return OK;
}

err_t vevidence_open(slice_t bytes, vevidence_t *ret_evidence, const char **ret_what)
{
    vevidence_t *e = ret_evidence;
    *e = (vevidence_t){0};
    arena_init(&e->arena, (size_t)EVIDENCE_MAX * 8);
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    *ret_what = "out of memory";
    TRY(signature(bytes, e, ret_what));
    cursor_t c = cur_on(slice_sub(bytes, 0, bytes.len - 64));
    TRY(head(&c, e, ret_what));
    TRY(question(&c, e->version, &e->question, ret_what));
    TRY(scope(&c, e, ret_what));
    TRY(shown_read(e, &c, ret_what));
    TRY(segments_read(e, &c, ret_what));
    TRY(asks_read(e, &c, ret_what));
    TRY(chain_read(e, &c, ret_what));
    return answer_read(e, &c, ret_what);
}

void vevidence_free(vevidence_t *e)
{
    arena_deinit(&e->arena);
}
