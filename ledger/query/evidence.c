#include "ledger/api_evidence.h"

#include <sodium.h>

#include "chain.h"
#include "proof.h"

enum { VERSION = 2 };
static const char CONTEXT[] = "sekisho evidence v1\n";

static void put_id(bytes_t *b, const id128_t *id)
{
    bytes_put(b, id_slice(id));
}

static void put_question(bytes_t *b, const evidence_t *e)
{
    const leak_ask_t *a = e->question;
    bytes_u8(b, (uint8_t)e->verb);
    bytes_u64(b, (uint64_t)a->from_us);
    bytes_u64(b, (uint64_t)a->to_us);
    put_id(b, &a->request);
    put_id(b, &a->subject);
    put_id(b, &a->actor);
    put_id(b, &a->address);
    bytes_str16(b, slice_cstr_in(a->session));
    bytes_u32(b, a->process);
    bytes_u8(b, (uint8_t)a->exposure_count);
    for (size_t i = 0; i < a->exposure_count; i++) {
        bytes_u8(b, (uint8_t)a->exposures[i].host);
        bytes_u64(b, (uint64_t)a->exposures[i].from_us);
        bytes_u64(b, (uint64_t)a->exposures[i].to_us);
    }
}

/* Those that were looked at, in order. */
static size_t seqs_gather(const query_t *q, uint64_t *seqs)
{
    size_t n = 0;
    for (size_t i = 0; i < q->shelf_count; i++) {
        for (unsigned k = 0; q->shelves[i] && k < VTILE; k++) {
            if (q->shelves[i]->at[k]) {
                seqs[n++] = i * VTILE + k;
            }
        }
    }
    return n;
}

static err_t put_records(bytes_t *b, query_t *q)
{
    uint64_t *seqs = malloc((q->record_count + 1) * sizeof *seqs);
    ENSURE(seqs, ERR_MEMORY);
    size_t n = seqs_gather(q, seqs);
    bytes_u64(b, n);
    for (size_t i = 0; i < n; i++) {
        bytes_u64(b, seqs[i]);
        bytes_str16(b, store_known(q, seqs[i])->leaf);
    }
    bytes_t hashes = {0};
    err_t e = proof_records(q, seqs, n, &hashes);
    bytes_u64(b, hashes.len / 32);
    bytes_put(b, slice_make(hashes.ptr, hashes.len));
    b->failed = b->failed || hashes.failed;
    free(hashes.ptr);
    free(seqs);
    return e;
}

static err_t put_indexed(bytes_t *b, query_t *q, uint64_t segment)
{
    const store_segment_t *s = &q->segments[segment];
    uint32_t n = 0, *pages = malloc(s->record.pages * sizeof *pages);
    bytes_t hashes = {0};
    err_t e = OK;
    ENSURE(pages, ERR_MEMORY);
    for (uint32_t i = 0; i < s->record.pages; i++) {
        if (s->used[i]) {
            pages[n++] = i;
        }
    }
    bytes_u32(b, n);
    for (uint32_t i = 0; i < n && !err_failed(e); i++) {
        slice_t page;
        e = segment_page_bytes(q, segment, pages[i], &page);
        if (!err_failed(e)) {
            bytes_u32(b, pages[i]);
            bytes_str16(b, page);
        }
    }
    proof_pages(s, pages, n, &hashes);
    bytes_u32(b, (uint32_t)(hashes.len / 32));
    bytes_put(b, slice_make(hashes.ptr, hashes.len));
    b->failed = b->failed || hashes.failed;
    free(hashes.ptr);
    free(pages);
    return e;
}

static err_t put_segments(bytes_t *b, query_t *q)
{
    for (uint64_t s = q->leaves ? q->first / q->leaves : 0; s < q->segment_count; s++) {
        bytes_u8(b, (uint8_t)q->segments[s].way);
        if (q->segments[s].way == SEGMENT_INDEXED) {
            TRY(put_indexed(b, q, s));
        }
    }
    return OK;
}

static int ask_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(query_ask_t));
}

/* Each question once. */
static void put_asks(bytes_t *b, query_t *q)
{
    size_t kept = 0;
    qsort(q->asks, q->ask_count, sizeof *q->asks, ask_order);
    for (size_t i = 0; i < q->ask_count; i++) {
        if (!kept || ask_order(&q->asks[i], &q->asks[kept - 1]) != 0) {
            q->asks[kept++] = q->asks[i];
        }
    }
    q->ask_count = kept;
    bytes_u32(b, (uint32_t)kept);
    for (size_t i = 0; i < kept; i++) {
        const query_ask_t *a = &q->asks[i];
        bytes_u64(b, (uint64_t)a->from_us);
        bytes_u64(b, (uint64_t)a->to_us);
        bytes_u16(b, (uint16_t)a->type);
        put_id(b, &a->request);
        put_id(b, &a->subject);
        put_id(b, &a->object);
        put_id(b, &a->actor);
        put_id(b, &a->address);
    }
}

/* For whoever kept an earlier key. */
static void put_chain(bytes_t *b, const vchain_t *c)
{
    bytes_u32(b, c->leaves);
    bytes_u32(b, (uint32_t)(c->spine.len / 32));
    bytes_put(b, c->spine);
    bytes_u32(b, (uint32_t)(c->rest.len / 32));
    bytes_put(b, c->rest);
    bytes_u32(b, (uint32_t)c->seal_count);
    for (size_t i = 0; i < c->seal_count; i++) {
        bytes_u64(b, c->seals[i].segment);
        bytes_str16(b, c->seals[i].note);
    }
}

static void put_answer(bytes_t *b, const evidence_t *e)
{
    size_t n = e->leak ? e->leak->subject_count : 0;
    bytes_u32(b, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        put_id(b, &e->leak->subjects[i].subject);
        bytes_u8(b, (uint8_t)e->leak->subjects[i].class_);
    }
    bytes_u32(b, (uint32_t)e->json.len);
    bytes_put(b, e->json);
}

static void sign(bytes_t *b, const uint8_t key[EVIDENCE_SIGN_KEY])
{
    uint8_t text[sizeof CONTEXT - 1 + crypto_hash_sha256_BYTES], sig[crypto_sign_BYTES];
    bytes_put(b, slice_make(key + 32, 32)); /* libsodium: the public half stands behind the seed */
    memcpy(text, CONTEXT, sizeof CONTEXT - 1);
    vtree_bytes_hash(slice_make(b->ptr, b->len), text + sizeof CONTEXT - 1);
    crypto_sign_detached(sig, NULL, text, sizeof text, key);
    bytes_put(b, slice_make(sig, sizeof sig));
}

static err_t put_all(bytes_t *b, query_t *q, const evidence_t *e)
{
    vchain_t chain;
    TRY(chain_gather(q, &chain)); /* first: its records are shown as well */
    bytes_put(b, SLICE("SKE\xf1"));
    bytes_u16(b, VERSION);
    bytes_u16(b, 0);
    bytes_str16(b, slice_cstr_in(q->key.text));
    bytes_str16(b, q->note);
    put_question(b, e);
    bytes_u32(b, q->leaves);
    bytes_u64(b, q->first);
    bytes_u64(b, q->segment_count);
    bytes_u64(b, q->tail_first);
    TRY(put_records(b, q));
    TRY(put_segments(b, q));
    put_asks(b, q);
    put_chain(b, &chain);
    put_answer(b, e);
    ENSURE(!b->failed, ERR_MEMORY);
    sign(b, e->sign_key);
    ENSURE(!b->failed, ERR_MEMORY);
    return OK;
}

err_t query_evidence(query_t *q, const evidence_t *e, uint8_t **ret_bytes, size_t *ret_len)
{
    bytes_t b = {0};
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    err_t failure = put_all(&b, q, e);
    if (err_failed(failure)) {
        free(b.ptr);
        return failure;
    }
    *ret_bytes = b.ptr;
    *ret_len = b.len;
    return OK;
}
