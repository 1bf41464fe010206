#include "chain.h"

enum { GENESIS = 1, RESTORED = 7, SEGMENT_END = 8, ROOM_OF_LEDGER = 5, KEY_TEXT = 512 };

typedef struct chain_walk {
    const vchain_t *c;
    const vkey_t *given;
    vkey_t key;            /* that signs where the walk is */
    bool any, met;         /* a key was named; the given one was */
    uint8_t (*prefix)[32]; /* root of the first n + 1 segments */
    size_t prefix_count;
} chain_walk_t;

static void no_tile(void *ctx, unsigned level, uint64_t number, const uint8_t *hashes,
                    unsigned width)
{
}

static unsigned height_of(uint64_t leaves)
{
    unsigned height = 0;
    while (leaves > 1) {
        leaves /= 2;
        height++;
    }
    return height;
}

/* What follows the last full segment: one perfect subtree for each bit of its length. */
static err_t rest_push(const vchain_t *c, vtree_t *tree)
{
    cursor_t hashes = cur_on(c->rest);
    uint64_t left = c->cp.size - tree->size;
    for (unsigned height = 63; left && height < 64; height--) {
        if (left >> height & 1) {
            vtree_push_subtree(tree, height, cur_bytes(&hashes, 32).ptr, no_tile, NULL);
            left -= UINT64_C(1) << height;
        }
        ENSURE(!hashes.bad, ERR_CORRUPT);
    }
    return cur_end(&hashes);
}

/* The root after each segment; they count once the whole gives the root that is signed. */
static err_t prefixes(chain_walk_t *w, vtree_t *tree)
{
    const vchain_t *c = w->c;
    uint64_t n = c->spine.len / 32;
    uint8_t root[32];
    ENSURE(c->leaves && c->spine.len % 32 == 0 && n == c->cp.size / c->leaves, ERR_CORRUPT);
    ENSURE(c->rest.len == 32 * (size_t)__builtin_popcountll(c->cp.size % c->leaves), ERR_CORRUPT);
    w->prefix = malloc((size_t)n * 32 + 1);
    ENSURE(w->prefix, ERR_MEMORY);
    for (; w->prefix_count < n; w->prefix_count++) {
        vtree_push_subtree(tree, height_of(c->leaves), c->spine.ptr + 32 * w->prefix_count, no_tile,
                           NULL);
        vtree_root(tree, w->prefix[w->prefix_count]);
    }
    TRY(rest_push(c, tree));
    vtree_root(tree, root);
    ENSURE(memcmp(root, c->cp.root, sizeof root) == 0, ERR_CORRUPT);
    return OK;
}

/* The old key signed the tree up to here. */
static err_t seal_holds(const chain_walk_t *w, uint64_t seq)
{
    const vchain_t *c = w->c;
    uint64_t segment = seq / c->leaves;
    vcheckpoint_t cp;
    ENSURE((seq + 1) % c->leaves == 0 && segment < w->prefix_count, ERR_CORRUPT);
    for (size_t i = 0; i < c->seal_count; i++) {
        if (c->seals[i].segment == segment) {
            ENSURE(!err_failed(vnote_open(c->seals[i].note, &w->key, &cp)), ERR_CORRUPT);
            ENSURE(cp.size == seq + 1 && memcmp(cp.root, w->prefix[segment], 32) == 0, ERR_CORRUPT);
            return OK;
        }
    }
    return FAIL(ERR_NOT_FOUND);
}

static err_t named(chain_walk_t *w, slice_t text)
{
    TRY(vkey_parse(text, &w->key));
    w->any = true;
    w->met = w->met || strcmp(w->key.text, w->given->text) == 0;
    return OK;
}

static err_t step(chain_walk_t *w, const vleaf_t *leaf)
{
    uint8_t mem[2][KEY_TEXT];
    buf_t next = BUF_ON_ARRAY(mem[0]), before = BUF_ON_ARRAY(mem[1]);
    bool says = vleaf_fact(leaf, "vkey", &next);
    if (leaf->room != ROOM_OF_LEDGER ||
        (leaf->type != GENESIS && leaf->type != SEGMENT_END && leaf->type != RESTORED)) {
        return OK;
    }
    ENSURE(says, ERR_CORRUPT);
    if (leaf->type == RESTORED) {
        ENSURE(vleaf_fact(leaf, "before", &before), ERR_CORRUPT);
        if (w->any && slice_eq(buf_slice(&next), slice_cstr_in(w->key.text))) {
            return OK; /* written twice */
        }
        ENSURE(!w->met || (slice_eq(buf_slice(&before), slice_cstr_in(w->key.text)) &&
                           vrecords_hand_over(leaf)),
               ERR_CORRUPT);
    } else if (leaf->type == SEGMENT_END && w->met) {
        TRY(seal_holds(w, leaf->seq));
    } else if (leaf->type == GENESIS) {
        ENSURE(leaf->seq == 0, ERR_CORRUPT);
    }
    return named(w, buf_slice(&next));
}

static err_t walk(chain_walk_t *w, const vkey_t *present)
{
    for (size_t i = 0; i < w->c->record_count; i++) {
        vleaf_t leaf;
        TRY(vleaf_parse(w->c->records[i], &leaf));
        TRY(step(w, &leaf));
    }
    ENSURE(w->met, ERR_NOT_FOUND);
    ENSURE(strcmp(w->key.text, present->text) == 0, ERR_CORRUPT);
    return OK;
}

err_t vchain_check(const vchain_t *chain, const vkey_t *given, const vkey_t *present)
{
    chain_walk_t w = {.c = chain, .given = given};
    if (strcmp(given->text, present->text) == 0) {
        return OK;
    }
    vtree_t *tree = calloc(1, sizeof *tree);
    ENSURE(tree, ERR_MEMORY);
    err_t e = chain->leaves ? prefixes(&w, tree) : OK;
    free(tree);
    if (!err_failed(e)) {
        e = walk(&w, present);
    }
    free(w.prefix);
    return e;
}
