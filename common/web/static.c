/* Files of one folder, for running without nginx. */
#include "web/static.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *ending, *type;
} TYPES[] = {
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".webp", "image/webp"},
    {".avif", "image/avif"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
    {".pdf", "application/pdf"},
};

slice_t web_static_type(slice_t path)
{
    for (size_t i = 0; i < BASE_COUNT(TYPES); i++) {
        if (slice_ends(path, slice_cstr_in(TYPES[i].ending))) {
            return slice_cstr_in(TYPES[i].type);
        }
    }
    return SLICE_EMPTY;
}

static bool part_ok(slice_t part)
{
    for (size_t i = 0; i < part.len; i++) {
        uint8_t c = part.ptr[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return part.len > 0 && part.len < 128 && part.ptr[0] != '.';
}

/* Folder by folder, never through a link. */
static err_t open_beneath(int dir_fd, slice_t path, int *ret_fd)
{
    slice_t part;
    int fd = dir_fd;
    while (slice_split(&path, '/', &part)) {
        char name[128] = {0};
        bool fits = part_ok(part);
        if (fits) {
            memcpy(name, part.ptr, part.len);
        }
        bool more = path.ptr != NULL; /* slice_split: NULL once used up */
        int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (more ? O_DIRECTORY : 0);
        int next = fits ? openat(fd, name, flags) : -1;
        if (fd != dir_fd) {
            close(fd);
        }
        ENSURE(next >= 0, ERR_NOT_FOUND);
        fd = next;
    }
    ENSURE(fd != dir_fd, ERR_NOT_FOUND);
    *ret_fd = fd;
    return OK;
}

static err_t read_all(int fd, buf_t *out, size_t size)
{
    while (out->len < size) {
        ssize_t n = read(fd, out->ptr + out->len, size - out->len);
        ENSURE(n > 0, ERR_IO);
        out->len += (size_t)n;
    }
    return OK;
}

static err_t answer(int fd, const web_static_t *dir, slice_t path, web_req_t *req, web_res_t *res)
{
    struct stat st;
    slice_t etag;
    ENSURE(fstat(fd, &st) == 0 && S_ISREG(st.st_mode), ERR_NOT_FOUND);
    ENSURE(st.st_size >= 0 && st.st_size <= WEB_BODY_BYTES, ERR_LIMIT);
    TRY(arena_printf(req->arena, &etag, "\"%llx-%llx\"", (unsigned long long)st.st_size,
                     (unsigned long long)st.st_mtim.tv_sec * 1000000000ull +
                         (unsigned long long)st.st_mtim.tv_nsec));
    if (slice_eq(web_req_header(req, "if-none-match"), etag)) {
        web_empty(res, 304);
    } else {
        buf_t body;
        TRY(arena_buf(req->arena, (size_t)st.st_size + 1, &body));
        TRY(read_all(fd, &body, (size_t)st.st_size));
        web_bytes(res, 200, web_static_type(path), buf_slice(&body));
    }
    TRY(web_header(res, SLICE("ETag"), etag));
    web_public(res, dir->public_s);
    return OK;
}

err_t web_static_serve(const web_static_t *dir, slice_t path, web_req_t *req, web_res_t *res)
{
    int fd;
    ENSURE(web_static_type(path).len, ERR_NOT_FOUND);
    TRY(open_beneath(dir->dir_fd, path, &fd));
    err_t e = answer(fd, dir, path, req, res);
    close(fd);
    return e;
}
