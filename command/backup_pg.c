/* The URL may hold a password: it goes to the tools in their environment (theirs and root's to
 * read), never on a command line that every user can see. */
#include "backup_pg.h"

#include <fcntl.h>
#include <unistd.h>

#include "run.h"
#include "text/url.h"

static const char DUMP[] = "/usr/bin/pg_dump";
static const char RESTORE[] = "/usr/bin/pg_restore";

typedef struct target {
    const char *database; /* --dbname=URL without its password */
    const char *schema;   /* --schema=NAME, or NULL: all of the database */
    const char *environment[5];
} target_t;

/* postgresql://user:password@host/... -> both halves; a URL without one is left as it is. */
static err_t password_cut(arena_t *a, slice_t url, slice_t *ret_url, slice_t *ret_password)
{
    size_t scheme = slice_find(url, SLICE("://"));
    slice_t rest = scheme == SIZE_MAX ? SLICE_EMPTY : slice_from(url, scheme + 3);
    size_t at = slice_find_byte(rest, '@'), colon = slice_find_byte(rest, ':');
    *ret_url = url;
    *ret_password = SLICE_EMPTY;
    if (at == SIZE_MAX || colon == SIZE_MAX || colon > at) {
        return OK;
    }
    slice_t coded = slice_sub(rest, colon + 1, at - colon - 1);
    TRY(arena_printf(a, ret_url, "%.*s%.*s", SLICE_FMT(slice_sub(url, 0, scheme + 3 + colon)),
                     SLICE_FMT(slice_from(rest, at))));
    return url_decode(a, coded, false, ret_password);
}

/* The room's schema stands in the URL (and must be there, empty, before a restore) as
 * options=-csearch_path=NAME, percent-encoded or not. */
static slice_t schema_of(slice_t url)
{
    size_t at = slice_find(url, SLICE("search_path"));
    if (at == SIZE_MAX) {
        return SLICE_EMPTY;
    }
    slice_t rest = slice_from(url, at + sizeof "search_path" - 1);
    rest = slice_starts(rest, SLICE("%3D")) || slice_starts(rest, SLICE("%3d"))
               ? slice_from(rest, 3)
               : slice_from(rest, 1);
    size_t n = 0;
    while (n < rest.len && (rest.ptr[n] == '_' || (rest.ptr[n] >= 'a' && rest.ptr[n] <= 'z') ||
                            (rest.ptr[n] >= '0' && rest.ptr[n] <= '9'))) {
        n++;
    }
    return slice_sub(rest, 0, n);
}

static err_t target_make(house_t *h, slice_t url, target_t *ret)
{
    slice_t plain, password, text, schema = schema_of(url);
    size_t n = 0;
    *ret = (target_t){0};
    TRY(password_cut(&h->arena, url, &plain, &password));
    TRY(arena_printf(&h->arena, &text, "--dbname=%.*s", SLICE_FMT(plain)));
    ret->database = (const char *)text.ptr;
    if (schema.len) {
        TRY(arena_printf(&h->arena, &text, "--schema=%.*s", SLICE_FMT(schema)));
        ret->schema = (const char *)text.ptr;
    }
    ret->environment[n++] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    ret->environment[n++] = "LANG=C.UTF-8";
    if (password.len) {
        TRY(arena_printf(&h->arena, &text, "PGPASSWORD=%.*s", SLICE_FMT(password)));
        ret->environment[n++] = (const char *)text.ptr;
    }
    return OK;
}

err_t backup_pg_dump(house_t *h, slice_t url, path_t to)
{
    FD_SCOPED int out = -1;
    int code = 0;
    target_t t;
    TRY(target_make(h, url, &t));
    const char *args[] = {DUMP,
                          "--format=custom",
                          "--no-owner",
                          "--no-privileges",
                          "--no-password",
                          "--lock-wait-timeout=10000",
                          t.database,
                          t.schema,
                          NULL};
    TRY(fd_open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600, &out));
    TRY(run_program(args, t.environment, out, &code));
    ENSURE(code == 0, ERR_UPSTREAM);
    return fd_datasync(out);
}

err_t backup_pg_restore(house_t *h, slice_t url, path_t dump)
{
    int code = 0;
    target_t t;
    TRY(target_make(h, url, &t));
    const char *args[] = {RESTORE,           "--single-transaction",
                          "--exit-on-error", "--no-owner",
                          "--no-privileges", "--no-password",
                          t.database,        dump.text,
                          t.schema,          NULL};
    TRY(run_program(args, t.environment, -1, &code));
    ENSURE(code == 0, ERR_UPSTREAM);
    return OK;
}
