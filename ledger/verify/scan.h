/* One verification in progress: scan.c (what is held, judged) and walk.c (tree and files). */
#ifndef LEDGER_VERIFY_SCAN_H
#define LEDGER_VERIFY_SCAN_H

#include "check_index.h"

enum { PATH_BYTES = 256, TILE_MAX = VTILE * 32, BUNDLE_MAX = VTILE * (2 + VLEAF_MAX) };

/* A checkpoint that must be found on the way, and the note that says it. */
typedef struct prefix {
    vcheckpoint_t cp;
    slice_t note;
    const char *name;
    bool met, differs; /* its size was reached on the way; with another root */
} prefix_t;

typedef struct scan {
    const verify_ask_t *ask;
    report_t *r;
    int root_dir, public_dir; /* root_dir -1: only public/ was given */
    vkey_t key, given;        /* that signs now; that was given (its text is empty: none) */
    vcheckpoint_t cp;
    prefix_t prefix[REMEMBERED_MAX + 1];
    size_t prefix_count;
    uint64_t minimum; /* records below are removed */
    uint8_t mac_keys[VMAC_KEYS][VMAC_KEY];
    vrecords_t records;
    size_t sealed_links; /* of the chain of keys, by sealed records */
    vtree_t tree;
    vlog_t log;
    /* The right edge, held open: a running ledgerd removes partial tiles after two checkpoints. */
    struct held {
        char path[PATH_BYTES];
        int fd;
    } held[VTILE_LEVELS + 1];
    size_t held_count;
    /* the level-0 tile that the log is compared with */
    slice_t tile;
    uint64_t tile_number;
    vindex_notes_t indexes; /* as sealed records tell of them */
} scan_t;

/* walk.c */
bool walk_hold_edge(scan_t *s);
void walk_release_edge(scan_t *s);
void walk_tree(scan_t *s);
void walk_files(scan_t *s);
/* The recorded roots of indexes, and the files of indexes, against the records. */
void walk_indexes(scan_t *s);
/* A sealed leaf of the log against the tree. */
void walk_compare(scan_t *s, uint64_t seq, slice_t leaf);

#endif
