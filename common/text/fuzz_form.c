/* Any bytes as a urlencoded form: both modes agree, and writing what was read reads the same again.
 */
#include "text/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_IN = 4096, MAX_FIELDS = 64 };

typedef struct fields {
    slice_t name[MAX_FIELDS], value[MAX_FIELDS];
    size_t count;
    unsigned odd;
} fields_t;

static err_t read_all(slice_t in, form_mode_t mode, arena_t *a, fields_t *f)
{
    form_cursor_t c = form_on(in, MAX_FIELDS, mode);
    f->count = 0;
    while (form_more(&c)) {
        TRY(form_next(&c, a, &f->name[f->count], &f->value[f->count]));
        CHECK(c.raw_name.len >= f->name[f->count].len);
        f->count++;
    }
    f->odd = c.odd;
    return OK;
}

static void check_same(const fields_t *x, const fields_t *y)
{
    CHECK(x->count == y->count);
    for (size_t i = 0; i < x->count; i++) {
        CHECK(slice_eq(x->name[i], y->name[i]) && slice_eq(x->value[i], y->value[i]));
    }
}

static void check_written(const fields_t *f, arena_t *a)
{
    fields_t again;
    buf_t b;
    CHECK(!err_failed(arena_buf(a, 3 * MAX_IN + 4 * MAX_FIELDS, &b)));
    for (size_t i = 0; i < f->count; i++) {
        form_put(&b, f->name[i], f->value[i]);
    }
    CHECK(!b.full && !err_failed(read_all(buf_slice(&b), FORM_STRICT, a, &again)));
    check_same(f, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t in = slice_make(data, size < MAX_IN ? size : (size_t)MAX_IN);
    arena_t a;
    fields_t strict, lenient;
    slice_t value;
    arena_init(&a, 1 << 20);
    err_t s = read_all(in, FORM_STRICT, &a, &strict);
    err_t l = read_all(in, FORM_LENIENT, &a, &lenient);
    CHECK(!err_failed(l) || err_is(l, ERR_LIMIT));
    if (!err_failed(s)) {
        CHECK(!err_failed(l) && lenient.odd == 0);
        check_same(&strict, &lenient);
        check_written(&strict, &a);
    } else {
        CHECK(err_failed(l) || lenient.odd);
    }
    err_ignore(form_get(in, &a, SLICE("a"), &value));
    arena_deinit(&a);
    return 0;
}
