#include "fetch.h"

#include "files.h"
#include "work.h"

enum {
    DENSE =
        VTILE / 4 /* leaves of a whole bundle from which on hashing all costs less than a tile */
};

typedef struct job {
    uint64_t number;      /* of the bundle; a full one */
    uint8_t want[32];     /* its root */
    const uint64_t *seqs; /* asked for in it */
    size_t count;
    store_slab_t *made;
    store_hashes_t *hashes;
    err_t e;
} job_t;

typedef struct jobs {
    int public_dir;
    job_t *list;
    size_t count;
} jobs_t;

typedef slice_t leaves_t[VTILE];

/* ---- proving ---- */

static bool root_is(const uint8_t *hashes, unsigned n, const uint8_t want[32])
{
    uint8_t root[32];
    files_fold(hashes, n, root);
    return memcmp(root, want, sizeof root) == 0;
}

/* The leaves of one part lead to its root; their hashes are kept. */
static bool part_leads(const slice_t *leaves, const uint8_t want[32], uint8_t hashes[VPART][32])
{
    for (unsigned i = 0; i < VPART; i++) {
        vtree_leaf_hash(leaves[i], hashes[i]);
    }
    return root_is(hashes[0], VPART, want);
}

static err_t hashes_new(job_t *j, uint16_t looked)
{
    size_t parts = (size_t)__builtin_popcount(looked);
    j->hashes = malloc(sizeof *j->hashes + parts * sizeof j->hashes->leaf[0]);
    ENSURE(j->hashes, ERR_MEMORY);
    j->hashes->next = NULL;
    j->hashes->looked = looked;
    return OK;
}

/* All leaves give the root. */
static err_t prove_by_leaves(job_t *j, const leaves_t leaves)
{
    TRY(hashes_new(j, UINT16_MAX));
    for (unsigned i = 0; i < VTILE; i++) {
        vtree_leaf_hash(leaves[i], j->hashes->leaf[i / VPART][i % VPART]);
    }
    for (unsigned i = 0; i < VPARTS; i++) {
        files_fold(j->hashes->leaf[i][0], VPART, j->hashes->part[i]);
    }
    ENSURE(root_is(j->hashes->part[0], VPARTS, j->want), ERR_CORRUPT);
    return OK;
}

/* The tile gives the root, and the leaves asked for are those of the tile. */
static err_t prove_by_tile(const jobs_t *all, const job_t *j, const leaves_t leaves)
{
    uint8_t hash[32];
    slice_t tile;
    TRY(files_tile(all->public_dir, 0, j->number, VTILE, &tile));
    bool fine = root_is(tile.ptr, VTILE, j->want);
    for (size_t i = 0; i < j->count && fine; i++) {
        unsigned at = (unsigned)(j->seqs[i] % VTILE);
        vtree_leaf_hash(leaves[at], hash);
        fine = memcmp(hash, tile.ptr + 32 * at, sizeof hash) == 0;
    }
    vfile_free(&tile);
    ENSURE(fine, ERR_CORRUPT);
    return OK;
}

static err_t prove_whole(const jobs_t *all, job_t *j, slice_t bundle, leaves_t leaves)
{
    ENSURE(!err_failed(files_split(bundle, VTILE, leaves)), ERR_CORRUPT);
    return j->count < DENSE ? prove_by_tile(all, j, leaves) : prove_by_leaves(j, leaves);
}

/* ---- a packed bundle: only the parts in which something was asked for ---- */

static uint16_t parts_wanted(const job_t *j)
{
    unsigned wanted = 0;
    for (size_t i = 0; i < j->count; i++) {
        wanted |= 1U << j->seqs[i] % VTILE / VPART;
    }
    return (uint16_t)wanted;
}

static err_t prove_part(const vpacked_t *p, unsigned part, slice_t bytes, uint8_t *mem,
                        leaves_t leaves, uint8_t hashes[VPART][32])
{
    TRY(vpacked_part(p, part, mem, bytes.len));
    ENSURE(!err_failed(files_split(bytes, VPART, leaves + part * VPART)), ERR_CORRUPT);
    ENSURE(part_leads(leaves + part * VPART, p->roots + 32 * part, hashes), ERR_CORRUPT);
    return OK;
}

/* The parts' roots give the bundle's, the leaves of each part its root. */
static err_t prove_parts(job_t *j, const vpacked_t *p, scratch_t *scratch, leaves_t leaves)
{
    uint16_t wanted = parts_wanted(j);
    size_t len[VPARTS] = {0}, sum = 0, at = 0;
    ENSURE(root_is(p->roots, VPARTS, j->want), ERR_CORRUPT);
    TRY(hashes_new(j, wanted));
    memcpy(j->hashes->part, p->roots, sizeof j->hashes->part);
    for (unsigned i = 0; i < VPARTS; i++) {
        if (wanted >> i & 1) {
            TRY(vpacked_length(p, i, i + 1, FILES_BUNDLE_MAX - sum, &len[i]));
            sum += len[i];
        }
    }
    TRY(scratch_room(scratch, sum));
    for (unsigned i = 0, n = 0; i < VPARTS; i++) {
        if (wanted >> i & 1) {
            uint8_t *mem = scratch->mem + at;
            TRY(prove_part(p, i, slice_make(mem, len[i]), mem, leaves, j->hashes->leaf[n++]));
            at += len[i];
        }
    }
    return OK;
}

/* As bundles were packed before: one frame. */
static err_t prove_frame(const jobs_t *all, job_t *j, const vpacked_t *p, scratch_t *scratch,
                         leaves_t leaves)
{
    size_t len;
    TRY(vpacked_length(p, 0, 1, FILES_BUNDLE_MAX, &len));
    TRY(scratch_room(scratch, len));
    TRY(vpacked_part(p, 0, scratch->mem, len));
    return prove_whole(all, j, slice_make(scratch->mem, len), leaves);
}

/* ---- one bundle ---- */

static err_t prove(const jobs_t *all, job_t *j, slice_t file, bool is_packed, scratch_t *scratch)
{
    leaves_t leaves;
    vpacked_t packed;
    if (!is_packed) {
        TRY(prove_whole(all, j, file, leaves));
    } else {
        TRY(vpacked_open(file, &packed));
        TRY(packed.roots ? prove_parts(j, &packed, scratch, leaves)
                         : prove_frame(all, j, &packed, scratch, leaves));
    }
    return store_slab_make(j->seqs, j->count, leaves, &j->made);
}

static void work(void *ctx, size_t i, scratch_t *scratch)
{
    const jobs_t *all = ctx;
    job_t *j = &all->list[i];
    slice_t file;
    bool is_packed;
    j->e = files_full(all->public_dir, j->number, &file, &is_packed);
    if (!err_failed(j->e)) {
        j->e = prove(all, j, file, is_packed, scratch);
        vfile_free(&file);
    }
}

static err_t take(query_t *q, const job_t *j)
{
    if (err_failed(j->e)) {
        return store_bundle_fault(q, j->number, j->e);
    }
    return store_slab_take(q, j->made, j->hashes);
}

/* What is known already, or stands in the unfinished bundle, needs no job. */
static err_t jobs_make(query_t *q, const uint64_t *seqs, size_t count, jobs_t *jobs)
{
    for (size_t at = 0, end; at < count; at = end) {
        uint64_t number = seqs[at] / VTILE;
        bool known = true;
        for (end = at; end < count && seqs[end] / VTILE == number; end++) {
            known = known && store_known(q, seqs[end]);
        }
        if (!known && number < q->cp.size / VTILE) {
            job_t *j = &jobs->list[jobs->count++];
            *j = (job_t){.number = number, .seqs = seqs + at, .count = end - at};
            TRY(store_hash(q, 1, number, j->want));
        }
    }
    return OK;
}

static size_t bundles_of(const uint64_t *seqs, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n += i == 0 || seqs[i] / VTILE != seqs[i - 1] / VTILE;
    }
    return n;
}

err_t fetch_records(query_t *q, const uint64_t *seqs, size_t count)
{
    jobs_t jobs = {.public_dir = q->public_dir};
    jobs.list = malloc((bundles_of(seqs, count) + 1) * sizeof *jobs.list);
    ENSURE(jobs.list, ERR_MEMORY);
    err_t e = jobs_make(q, seqs, count, &jobs);
    if (!err_failed(e)) {
        work_run(jobs.count, work, &jobs);
        for (size_t i = 0; i < jobs.count; i++) {
            err_t taken = err_failed(e) ? e : take(q, &jobs.list[i]);
            if (err_failed(taken)) {
                free(jobs.list[i].made);
                free(jobs.list[i].hashes);
            }
            e = taken;
        }
    }
    free(jobs.list);
    return e;
}

err_t fetch_range(query_t *q, uint64_t first, uint64_t end)
{
    size_t count = (size_t)(end - first);
    uint64_t *seqs = malloc((count + 1) * sizeof *seqs);
    ENSURE(seqs, ERR_MEMORY);
    for (size_t i = 0; i < count; i++) {
        seqs[i] = first + i;
    }
    err_t e = fetch_records(q, seqs, count);
    free(seqs);
    return e;
}
