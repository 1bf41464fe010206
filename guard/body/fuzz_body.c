/* Any bytes as a body. The first byte says which processor (its low three bits: the usual ones more
 * than once) and which limits; for multipart the
 * first line behind it is the Content-Type. Whatever comes: an answer whose figures are those of
 * what was told, every slice readable, each flag once, and of what the strict readers take the same
 * fields. Where memory ends, or who is told says no, that is the answer. */
#include "base/fuzz.h"
#include "body.h"
#include "text/form.h"
#include "text/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_IN = 16 * 1024, MAX_PARTS = 32 };

typedef struct told {
    size_t args, files, names_bytes, values_bytes, files_bytes;
    uint32_t flags;
    unsigned sum; /* so that every byte is read */
    int64_t fail_after; /* so many may be told; -1: all */
    slice_t name[MAX_PARTS], value[MAX_PARTS];
} told_t;

static void read_all(told_t *t, slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        t->sum += s.ptr[i];
    }
}

static err_t told_one(told_t *t)
{
    ENSURE(t->fail_after != 0, ERR_IO);
    t->fail_after -= t->fail_after > 0;
    return OK;
}

static err_t on_arg(void *user, slice_t name, slice_t value)
{
    told_t *t = user;
    TRY(told_one(t));
    read_all(t, name);
    read_all(t, value);
    if (t->args < MAX_PARTS) {
        t->name[t->args] = name;
        t->value[t->args] = value;
    }
    t->args++;
    t->names_bytes += name.len;
    t->values_bytes += value.len;
    return OK;
}

static err_t on_file(void *user, const body_file_t *f)
{
    told_t *t = user;
    TRY(told_one(t));
    CHECK(f->filename.len);
    read_all(t, f->name);
    read_all(t, f->filename);
    read_all(t, f->content_type);
    read_all(t, f->content);
    t->files++;
    t->files_bytes += f->content.len;
    return OK;
}

static err_t on_pair(void *user, slice_t name, slice_t text)
{
    read_all(user, name);
    read_all(user, text);
    return told_one(user);
}

static err_t on_flag(void *user, body_flag_t flag)
{
    told_t *t = user;
    CHECK(flag < BODY_FLAGS && !(t->flags & 1U << flag) && body_flag_variable(flag)[0]);
    t->flags |= 1U << flag;
    return told_one(t);
}

static void check(const told_t *t, const body_result_t *r)
{
    CHECK(t->args == r->args && t->files == r->files && t->flags == r->flags);
    CHECK(t->names_bytes == r->names_bytes && t->values_bytes == r->values_bytes);
    CHECK(t->files_bytes == r->files_bytes && r->unmatched_boundary <= 2);
    CHECK((r->error[0] != 0) == ((r->flags & BODY_REQBODY_ERROR) != 0));
}

/* A form that a room would take has the same fields here, and no fault. */
static void check_form(slice_t in, const told_t *t, const body_result_t *r, arena_t *a)
{
    form_cursor_t c = form_on(in, MAX_PARTS, FORM_STRICT);
    slice_t name, value;
    size_t n = 0;
    while (form_more(&c)) {
        if (err_failed(form_next(&c, a, &name, &value))) {
            return;
        }
        CHECK(n < t->args && slice_eq(name, t->name[n]) && slice_eq(value, t->value[n]));
        n++;
    }
    CHECK(n == t->args && r->flags == 0);
}

/* A body that a room would take has the same parts for the lenient reader, and nothing odd but
 * names that are empty or in apostrophes, and text that resembles a delimiter. */
static void check_multipart(slice_t type, slice_t body)
{
    static multipart_part_t strict[MAX_PARTS];
    slice_t boundary, again;
    multipart_t m;
    size_t n = 0;
    unsigned odd, allowed = MULTIPART_ODD_CRLF;
    if (err_failed(multipart_boundary(type, &boundary)) ||
        err_failed(multipart_open(body, boundary, MAX_PARTS, &m))) {
        return;
    }
    while (multipart_more(&m)) {
        if (err_failed(multipart_next(&m, &strict[n]))) {
            return;
        }
        allowed |= strict[n].name.len ? 0U : MULTIPART_ODD_PART | MULTIPART_ODD_SYNTAX;
        bool like = slice_find(strict[n].value, SLICE("--")) != SIZE_MAX &&
                    slice_find(strict[n].value, boundary) != SIZE_MAX;
        allowed |= like ? MULTIPART_ODD_SYNTAX : 0U;
        n++;
    }
    CHECK(!err_failed(multipart_boundary_lenient(type, &again, &odd)));
    multipart_open_lenient(body, boundary, MAX_PARTS, &m);
    for (size_t i = 0; i < n; i++) {
        multipart_part_t p;
        CHECK(multipart_more(&m) && !err_failed(multipart_next(&m, &p)));
        CHECK(slice_eq(p.name, strict[i].name) && slice_eq(p.filename, strict[i].filename));
        CHECK(slice_eq(p.value, strict[i].value) &&
              slice_eq(p.content_type, strict[i].content_type));
        CHECK(p.has_filename == strict[i].has_filename);
    }
    bool more = multipart_more(&m);
    CHECK(!more && !(m.odd & ~allowed));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t in = slice_make(data, size < MAX_IN ? size : (size_t)MAX_IN), rest = slice_from(in, 1);
    unsigned first = in.len ? in.ptr[0] : 0;
    size_t line = slice_find_byte(rest, '\n');
    slice_t type = slice_sub(rest, 0, line),
            body = line == SIZE_MAX ? SLICE_EMPTY : slice_from(rest, line + 1);
    static told_t t;
    body_visitor_t v = {&t, on_arg, on_file, on_pair, on_flag, on_pair, on_pair};
    body_limits_t limits = {0};
    body_result_t r = {.error = ""};
    arena_t a;
    err_t e = OK;
    if (first & 0x80) {
        limits = (body_limits_t){
            .max_args = 3, .max_files = 1, .max_depth = 4, .max_xml_bytes = 512, .separator = ';'};
    }
    memset(&t, 0, sizeof t);
    arena_init(&a, 8 << 20);
    int64_t fail_after = fuzz_fail_after(data, size, 32);
    bool poor = fail_after >= 0;
    a.fail_after = fail_after % 2 == 0 ? fail_after / 2 : -1;
    t.fail_after = fail_after % 2 == 1 ? fail_after / 2 : -1;
    switch (first & 7) { /* '0' to '4' in the corpus */
    case 0:
        e = body_urlencoded(rest, &limits, &v, &a, &r);
        break;
    case 1:
        e = body_cookies(rest, &limits, &v, &a, &r);
        break;
    case 2:
    case 5:
        e = body_multipart(type, body, &limits, &v, &a, &r);
        break;
    case 3:
    case 6:
        e = body_json(rest, &limits, &v, &a, &r);
        break;
    default:
        e = body_xml(rest, &limits, &v, &a, &r);
    }
    /* 8 MiB are enough for 16 KiB of anything */
    CHECK(!err_failed(e) || (poor && (err_is(e, ERR_MEMORY) || err_is(e, ERR_IO))));
    a.fail_after = -1;
    if (!err_failed(e)) {
        check(&t, &r);
    }
    if (!err_failed(e) && first == '0') {
        check_form(rest, &t, &r, &a);
    } else if (first == '2') {
        check_multipart(type, body);
    }
    arena_deinit(&a);
    return 0;
}
