/* Readers of packed bytes - gzip, zlib, raw deflate, ZIP members, zstd - at any place of a larger
 * view. They take what nobody vouches for: half a stream gives what came out of it. */
#ifndef CLEAR_UNPACK_H
#define CLEAR_UNPACK_H

#include "base/arena.h"

typedef enum unpack_kind {
    UNPACK_NONE,
    UNPACK_GZIP,
    UNPACK_ZLIB, /* PDF's FlateDecode, HTTP's deflate, PNG */
    UNPACK_ZIP,  /* one member, from its local header on */
    UNPACK_DEFLATE,
    UNPACK_ZSTD,
} unpack_kind_t;

const char *unpack_kind_name(unpack_kind_t kind);
/* What may begin here; nothing is proven. Raw deflate has no mark and is never named. */
unpack_kind_t unpack_begins(slice_t bytes);

typedef struct unpacked {
    uint8_t *ptr; /* grows; the owner frees it with unpacked_free */
    size_t len, room;
    size_t taken; /* bytes of the packed form that were read */
    bool whole;   /* the stream came to its own end, and its check sum held */
    bool cut;     /* more was in it than max_bytes */
    bool unread;  /* a kind that this reader cannot open (a dictionary, too large a window) */
} unpacked_t;

typedef struct unpacker unpacker_t;
err_t unpacker_new(unpacker_t **ret_unpacker);
void unpacker_free(unpacker_t *u);

/* Unpacks what begins at bytes, up to max_bytes of it. Never fails for bad bytes: what came out
 * until then is there (perhaps nothing). MEMORY. */
err_t unpack(unpacker_t *u, unpack_kind_t kind, slice_t bytes, size_t max_bytes,
             unpacked_t *io_out);
void unpacked_free(unpacked_t *out);

#endif
