/* A backup file (BACKUP.md): one encrypted stream, written and read in constant memory.
 *
 * Whoever has the public half can write one, only the private half reads it; a signature of the
 * house's own key tells that the house wrote it. The running house holds what writes, never what
 * reads. */
#ifndef COMMAND_BACKUP_FILE_H
#define COMMAND_BACKUP_FILE_H

#include <sodium.h>

#include "base/id.h"
#include "io/fd.h"

enum {
    BACKUP_VERSION = 1,
    BACKUP_PATH_MAX = 512,
    BACKUP_OWNER_MAX = 32,
    BACKUP_MANIFEST_MAX = 64 * 1024,
    BACKUP_HOUSE = 16, /* letters that name the pair of keys, and so the house */
};

/* What is wrong with a backup that was read. */
typedef enum backup_fault {
    BACKUP_FINE,
    BACKUP_CUT,       /* it was cut short */
    BACKUP_ALTERED,   /* a chunk is not what was written */
    BACKUP_NONE,      /* no backup file, or another kind of one */
    BACKUP_LATER,     /* a later program wrote it */
    BACKUP_OTHER_KEY, /* sealed for another key than the one given */
    BACKUP_NOT_OURS,  /* sealed for this key, but not signed by this house */
    BACKUP_UNREADABLE /* the disk, or the place it goes to: see the error */
} backup_fault_t;

typedef enum backup_kind { BACKUP_OF_HOUSE = 1, BACKUP_OF_KEYS = 2 } backup_kind_t;

/* What the running house holds. */
typedef struct backup_writer_keys {
    uint8_t seal_to[crypto_box_PUBLICKEYBYTES];
    uint8_t sign[crypto_sign_SECRETKEYBYTES]; /* wiped by backup_keys_wipe */
} backup_writer_keys_t;

/* What lies in the safe. */
typedef struct backup_reader_keys {
    uint8_t open[crypto_box_SECRETKEYBYTES]; /* wiped by backup_keys_wipe */
    uint8_t seal_to[crypto_box_PUBLICKEYBYTES];
    uint8_t signer[crypto_sign_PUBLICKEYBYTES];
} backup_reader_keys_t;

/* 16 letters made from the public half. */
void backup_house_name(const uint8_t seal_to[crypto_box_PUBLICKEYBYTES],
                       char out[BACKUP_HOUSE + 1]);

/* ---- writing ---- */

typedef struct backup_out backup_out_t;

/* dir/name.tmp is begun; backup_out_finish makes it dir/name. EXISTS, DISK_FULL, DENIED, IO. */
err_t backup_out_new(path_t dir, const char *name, backup_kind_t kind,
                     const backup_writer_keys_t *keys, backup_out_t **ret_out);
/* One file: name is its path in the house, at is where its bytes stand still for the call. */
err_t backup_out_file(backup_out_t *out, const char *name, const char *owner, mode_t mode,
                      path_t at);
/* The manifest, the signature, everything on the disk, the name. Frees out, also on failure.
 * ret_sha256: of the file as it lies there. */
err_t backup_out_finish(backup_out_t *out, slice_t manifest, uint8_t ret_sha256[32]);
/* Removes the unfinished file. NULL is fine. */
void backup_out_abort(backup_out_t *out);

typedef struct backup_totals {
    uint64_t files, bytes; /* of the files as they were */
} backup_totals_t;
backup_totals_t backup_out_totals(const backup_out_t *out);

/* ---- reading ---- */

/* What stands in a backup, in order. */
typedef struct backup_entry {
    char name[BACKUP_PATH_MAX + 1];
    char owner[BACKUP_OWNER_MAX + 1];
    mode_t mode;
    uint64_t size, stored; /* bytes; what is not stored is zeros at the end */
} backup_entry_t;

/* Where a file's bytes go. fd: made by begin, owned by the caller's ctx. */
typedef struct backup_sink {
    err_t (*begin)(void *ctx, const backup_entry_t *entry, int *ret_fd);
    err_t (*end)(void *ctx, const backup_entry_t *entry, int fd);
    void *ctx;
} backup_sink_t;

/* Reads the whole file: every byte is authenticated before it is used, every file's hash compared,
 * the signature last. Until this returns OK nothing that was read may be trusted. ret_manifest
 * lives in the arena. ret_fault says more than the error: CRYPTO, CORRUPT, VERSION, else the sink's
 * or the disk's. */
err_t backup_read(path_t file, backup_kind_t kind, const backup_reader_keys_t *keys,
                  const backup_sink_t *sink, arena_t *a, slice_t *ret_manifest,
                  backup_fault_t *ret_fault);

#endif
