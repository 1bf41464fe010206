/* Are the recorded index roots those of the leaves? An index that leaves a record out, or tells of
 * one that is not there, is found here: each segment's is built anew. */
#include <fcntl.h>
#include <unistd.h>

#include "check_index.h"

err_t vindex_note(vindex_notes_t *notes, const vleaf_t *leaf)
{
    vindex_record_t record;
    if (leaf->type != VTYPE_INDEX_ROOT || leaf->room != VROOM_LEDGER) {
        return OK;
    }
    ENSURE(vindex_record_of(leaf, &record), ERR_SYNTAX);
    if (notes->count == notes->cap) {
        size_t cap = notes->cap ? 2 * notes->cap : 64;
        vindex_record_t *list = realloc(notes->list, cap * sizeof *list);
        ENSURE(list, ERR_MEMORY);
        notes->list = list;
        notes->cap = cap;
    }
    notes->list[notes->count++] = record;
    return OK;
}

void vindex_notes_free(vindex_notes_t *notes)
{
    free(notes->list);
    *notes = (vindex_notes_t){0};
}

static err_t add_bundle(slice_t bytes, uint32_t first, vpostings_t *p)
{
    cursor_t c = cur_on(bytes);
    for (uint32_t i = 0; i < VTILE; i++) {
        vleaf_t leaf;
        TRY(vleaf_parse(cur_bytes(&c, cur_u16be(&c)), &leaf));
        TRY(vpostings_add(p, &leaf, first + i));
    }
    return cur_end(&c);
}

err_t vindex_of_segment(const vbundles_t *from, uint64_t segment, uint32_t leaves,
                        slice_t *ret_file, vindex_record_t *ret_record)
{
    vpostings_t p = {0};
    err_t e = OK;
    uint64_t bundles = leaves / VTILE;
    for (uint64_t i = 0; i < bundles && !err_failed(e); i++) {
        slice_t bytes;
        e = from->read(from->ctx, segment * bundles + i, &bytes);
        if (!err_failed(e)) {
            e = add_bundle(bytes, (uint32_t)i * VTILE, &p);
            vfile_free(&bytes);
        }
    }
    if (!err_failed(e)) {
        vpostings_sort(&p);
        e = vindex_build(&p, segment, leaves, ret_file, ret_record);
    }
    vpostings_free(&p);
    return e;
}

void vindex_name(uint64_t segment, char out[VINDEX_NAME])
{
    snprintf(out, VINDEX_NAME, "%08llu", (unsigned long long)(segment % 100000000));
}

static void check_file(report_t *r, int index_dir, const vindex_record_t *said, slice_t file)
{
    char name[VINDEX_NAME];
    slice_t there;
    vindex_name(said->segment, name);
    err_t e = vfile_read(index_dir, name, VINDEX_FILE_MAX, &there);
    if (err_is(e, ERR_NOT_FOUND)) {
        return; /* it can be built anew at any time */
    }
    if (err_failed(e) || !slice_eq(there, file)) {
        report_fault(r, VERDICT_TAMPERED, NO_LEAF,
                     "index/%s is not what the records of its segment give", name);
    }
    if (!err_failed(e)) {
        vfile_free(&there);
    }
}

/* False: its records cannot be read. */
static bool check_one(report_t *r, const vbundles_t *from, int index_dir,
                      const vindex_record_t *said)
{
    vindex_record_t is;
    slice_t file;
    if (err_failed(vindex_of_segment(from, said->segment, said->leaves, &file, &is))) {
        return false;
    }
    if (memcmp(is.root, said->root, sizeof is.root) != 0 || is.pages != said->pages ||
        is.postings != said->postings) {
        report_fault(r, VERDICT_TAMPERED, (int64_t)said->seq,
                     "the index root of segment %llu is not that of its records",
                     (unsigned long long)said->segment);
    } else if (index_dir >= 0) {
        check_file(r, index_dir, said, file);
    }
    vfile_free(&file);
    return true;
}

static bool pages_hold(slice_t file, const vindex_record_t *said, const vindex_row_t *rows)
{
    size_t head = vindex_head_bytes(said->pages);
    for (uint32_t i = 0; i < said->pages; i++) {
        uint8_t hash[32];
        slice_t page = slice_sub(file, head + rows[i].from, rows[i].end - rows[i].from);
        static vpage_t parsed;
        vtree_leaf_hash(page, hash);
        if (page.len != rows[i].end - rows[i].from || memcmp(hash, rows[i].hash, 32) != 0 ||
            err_failed(vpage_parse(page, said->leaves, &parsed)) || parsed.kind != rows[i].kind ||
            parsed.postings[0].key != rows[i].key || parsed.postings[0].at != rows[i].at) {
            return false;
        }
    }
    return file.len == head + rows[said->pages - 1].end;
}

/* The records are removed: the file, if it is there, against the recorded root alone. */
static void check_alone(report_t *r, int index_dir, const vindex_record_t *said)
{
    char name[VINDEX_NAME];
    slice_t file;
    uint8_t root[32];
    vindex_row_t *rows = NULL;
    vindex_name(said->segment, name);
    err_t e =
        index_dir < 0 ? FAIL(ERR_NOT_FOUND) : vfile_read(index_dir, name, VINDEX_FILE_MAX, &file);
    if (err_is(e, ERR_NOT_FOUND)) {
        return;
    }
    bool holds = !err_failed(e) &&
                 !err_failed(vindex_head_parse(slice_sub(file, 0, vindex_head_bytes(said->pages)),
                                               said, &rows));
    if (holds) {
        vindex_rows_root(rows, said->pages, root);
        holds = memcmp(root, said->root, sizeof root) == 0 && pages_hold(file, said, rows);
    }
    if (!holds) {
        report_fault(r, VERDICT_TAMPERED, NO_LEAF, "index/%s does not lead to the recorded root",
                     name);
    }
    free(rows);
    if (!err_failed(e)) {
        vfile_free(&file);
    }
}

/* A record may stand twice. */
static bool told_before(const vindex_notes_t *notes, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (notes->list[i].segment == notes->list[at].segment) {
            return true;
        }
    }
    return false;
}

void vindex_check(report_t *r, const vindex_notes_t *notes, const vbundles_t *from,
                  uint64_t minimum, int index_dir)
{
    for (size_t i = 0; i < notes->count; i++) {
        const vindex_record_t *said = &notes->list[i];
        if (said->leaves != notes->list[0].leaves) {
            report_fault(r, VERDICT_TAMPERED, (int64_t)said->seq,
                         "an INDEX_ROOT record says another length of segments than the first one");
            return;
        }
        if (said->segment * said->leaves < minimum) {
            check_alone(r, index_dir, said); /* its records were removed by policy */
            continue;
        }
        if (!check_one(r, from, index_dir, said)) {
            report_fault(r, VERDICT_INCOMPLETE, (int64_t)(said->segment * said->leaves),
                         "the index of segment %llu cannot be checked: its records cannot be read",
                         (unsigned long long)said->segment);
            continue;
        }
        r->indexed += !told_before(notes, i);
    }
}
