#include "form.h"

#include <errno.h>
#include <iconv.h>

#include "text/b64.h"
#include "text/utf8.h"

enum { CONVERTED_MAX = 8192, CODED_MAX = 65536 };

static const char *const CHARSET_NAMES[] = {
#define ROW(name, word, iconv_name) word,
    FORM_CHARSETS(ROW)
#undef ROW
};
static const char *const ICONV_NAMES[] = {
#define ROW(name, word, iconv_name) iconv_name,
    FORM_CHARSETS(ROW)
#undef ROW
};
static const char *const CODING_NAMES[] = {
#define ROW(name, word) word,
    FORM_CODINGS(ROW)
#undef ROW
};

const char *form_charset_name(form_charset_t charset)
{
    return CHARSET_NAMES[charset];
}

const char *form_coding_name(form_coding_t coding)
{
    return CODING_NAMES[coding];
}

/* ---- charsets ---- */

struct form_set {
    iconv_t to[FORM_CHARSET_COUNT];
    uint8_t converted[CONVERTED_MAX], coded[CODED_MAX];
};

void form_set_free(form_set_t *set)
{
    for (unsigned i = 0; set && i < FORM_CHARSET_COUNT; i++) {
        if (set->to[i] != (iconv_t)-1) {
            iconv_close(set->to[i]);
        }
    }
    free(set);
}

err_t form_set_new(form_set_t **ret_set)
{
    form_set_t *set = calloc(1, sizeof *set);
    ENSURE(set, ERR_MEMORY);
    bool whole = true;
    for (unsigned i = 0; i < FORM_CHARSET_COUNT; i++) {
        set->to[i] = iconv_open(ICONV_NAMES[i], "UTF-8");
        whole = whole && set->to[i] != (iconv_t)-1;
    }
    if (!whole) {
        form_set_free(set);
        return FAIL(ERR_CONFIG);
    }
    *ret_set = set;
    return OK;
}

static void shifts_cut(buf_t *out)
{
    slice_t s = buf_slice(out);
    while (s.len >= 3 && s.ptr[0] == 0x1b) {
        s = slice_from(s, 3);
    }
    while (s.len >= 3 && s.ptr[s.len - 3] == 0x1b) {
        s = slice_sub(s, 0, s.len - 3);
    }
    memmove(out->ptr, s.ptr, s.len);
    out->len = s.len;
}

err_t form_convert(form_set_t *set, form_charset_t charset, slice_t text, buf_t *out)
{
    iconv_t to = set->to[charset];
    union { /* iconv takes char ** and changes nothing that it points to */
        const uint8_t *ro;
        char *rw;
    } in = {.ro = text.ptr};
    char *at = (char *)out->ptr;
    size_t in_left = text.len, out_left = out->cap;
    iconv(to, NULL, NULL, NULL, NULL);
    size_t odd = iconv(to, &in.rw, &in_left, &at, &out_left);
    ENSURE(odd != (size_t)-1 || errno != E2BIG, ERR_LIMIT);
    ENSURE(odd == 0, ERR_NOT_FOUND);
    ENSURE(iconv(to, NULL, NULL, &at, &out_left) != (size_t)-1, ERR_LIMIT);
    out->len = out->cap - out_left;
    if (charset == FORM_ISO2022JP) {
        shifts_cut(out);
    }
    return OK;
}

/* ---- codings ---- */

typedef struct maker {
    form_set_t *set;
    form_fn *fn;
    void *ctx;
    form_charset_t charset;
    buf_t out;
} maker_t;

static err_t give(maker_t *m, form_coding_t coding, slice_t bytes)
{
    if (bytes.len < FORM_MIN_BYTES) {
        return OK;
    }
    form_t form = {m->charset, coding, bytes};
    return m->fn(m->ctx, &form);
}

static err_t give_out(maker_t *m, form_coding_t coding)
{
    TRY(buf_check(&m->out));
    err_t e = give(m, coding, buf_slice(&m->out));
    buf_reset(&m->out);
    return e;
}

/* The text may begin at any of three places within a group of three bytes: of each, the letters
 * that no neighbour has a part in. */
static err_t base64s(maker_t *m, slice_t bytes)
{
    for (size_t before = 0; before < 3; before++) {
        uint8_t mem[CONVERTED_MAX + 3] = {0};
        memcpy(mem + before, bytes.ptr, bytes.len);
        size_t first = (before * 8 + 5) / 6, last = (before + bytes.len) * 8 / 6;
        for (int url = 0; url < 2; url++) {
            if (url) {
                b64url_put(&m->out, slice_make(mem, before + bytes.len));
            } else {
                b64_put(&m->out, slice_make(mem, before + bytes.len));
            }
            TRY(buf_check(&m->out));
            TRY(give(m, FORM_BASE64, slice_sub(buf_slice(&m->out), first, last - first)));
            buf_reset(&m->out);
        }
    }
    return OK;
}

/* How one number is written: mark, digits, end. */
typedef enum number_base {
    NUMBER_HEX_UPPER,
    NUMBER_HEX_LOWER,
    NUMBER_OCTAL,
    NUMBER_DECIMAL
} number_base_t;

typedef struct number_form {
    const char *mark, *end;
    number_base_t base;
    unsigned width; /* zero-padded to it; 0 = as many digits as it takes */
} number_form_t;

static void number_put(buf_t *out, number_form_t form, uint32_t value)
{
    static const char UPPER[] = "0123456789ABCDEF", LOWER[] = "0123456789abcdef";
    static const unsigned RADIX[] = {16, 16, 8, 10};
    const char *digits = form.base == NUMBER_HEX_UPPER ? UPPER : LOWER;
    char text[16];
    unsigned n = 0;
    while (value || n < form.width || n == 0) {
        text[n++] = digits[value % RADIX[form.base]];
        value /= RADIX[form.base];
    }
    buf_cstr(out, form.mark);
    while (n) {
        buf_u8(out, (uint8_t)text[--n]);
    }
    buf_cstr(out, form.end);
}

typedef struct escape {
    form_coding_t coding;
    number_form_t byte;
    const char
        *kept;  /* printable ASCII that stays, beside letters and digits; NULL: nothing stays */
    char space; /* what a space becomes; 0 = as any other byte */
} escape_t;

static bool stays(const escape_t *e, uint8_t c)
{
    bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return e->kept && (alnum || (c && c < 0x7f && strchr(e->kept, c)));
}

static void escape_put(buf_t *out, const escape_t *e, slice_t bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.ptr[i];
        if (c == ' ' && e->space) {
            buf_u8(out, (uint8_t)e->space);
        } else if (stays(e, c)) {
            buf_u8(out, c);
        } else {
            number_put(out, e->byte, c);
        }
    }
}

#define PRINTABLE " !\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"
#define BYTE_UPPER(mark)                                                                           \
    {                                                                                              \
        mark, "", NUMBER_HEX_UPPER, 2                                                              \
    }
#define BYTE_LOWER(mark)                                                                           \
    {                                                                                              \
        mark, "", NUMBER_HEX_LOWER, 2                                                              \
    }
#define BYTE_OCTAL(mark)                                                                           \
    {                                                                                              \
        mark, "", NUMBER_OCTAL, 3                                                                  \
    }

/* clang-format off */
static const escape_t ESCAPES[] = {
    {FORM_QUOTED, BYTE_UPPER("="), " !\"#$%&'()*+,-./:;<>?@[\\]^_`{|}~", 0},
    {FORM_QUOTED, BYTE_LOWER("="), " !\"#$%&'()*+,-./:;<>?@[\\]^_`{|}~", 0},
    {FORM_QUOTED, BYTE_UPPER("="), "!*+-/", '_'}, /* RFC 2047 5 (3): within a phrase */
    {FORM_QUOTED, BYTE_UPPER("="), "!\"#$%&'()*+,-./:;<>@[\\]^`{|}~", '_'},
    {FORM_HEX, BYTE_LOWER(""), NULL, 0},
    {FORM_HEX, BYTE_UPPER(""), NULL, 0},
    {FORM_PERCENT, BYTE_UPPER("%"), "-._~", 0},
    {FORM_PERCENT, BYTE_LOWER("%"), "-._~", 0},
    {FORM_PERCENT, BYTE_UPPER("%"), "-._*", '+'}, /* a form, as browsers send it */
    {FORM_PERCENT, BYTE_LOWER("%"), "-._*", '+'},
    {FORM_PERCENT, BYTE_UPPER("%"), "-._~@:/,!$'()*", 0}, /* a path */
    {FORM_PERCENT, BYTE_LOWER("%"), "-._~@:/,!$'()*", 0},
    {FORM_PERCENT, BYTE_UPPER("%"), NULL, 0},
    {FORM_PERCENT, BYTE_LOWER("%"), NULL, 0},
    {FORM_PERCENT2, BYTE_UPPER("%25"), "-._~", 0},
    {FORM_PERCENT2, BYTE_LOWER("%25"), "-._~", 0},
    {FORM_ESCAPE_X, BYTE_UPPER("\\x"), PRINTABLE, 0}, /* nginx's logs */
    {FORM_ESCAPE_X, BYTE_LOWER("\\x"), PRINTABLE, 0},
    {FORM_ESCAPE_X, BYTE_LOWER("\\x"), NULL, 0},
    {FORM_OCTAL, BYTE_OCTAL("\\"), PRINTABLE, 0}, /* PDF strings, PostgreSQL's bytea, git */
    {FORM_OCTAL, BYTE_OCTAL("\\"), NULL, 0},
};
/* clang-format on */

static err_t of_charset(maker_t *m, slice_t bytes)
{
    TRY(give(m, FORM_RAW, bytes));
    TRY(base64s(m, bytes));
    for (size_t i = 0; i < BASE_COUNT(ESCAPES); i++) {
        escape_put(&m->out, &ESCAPES[i], bytes);
        TRY(give_out(m, ESCAPES[i].coding));
    }
    return OK;
}

/* Codings of code points, or of UTF-16 units. */
typedef struct unit_escape {
    form_coding_t coding;
    number_form_t unit;
    bool units, all; /* UTF-16 units; ASCII too */
} unit_escape_t;

#define UNIT_UPPER(mark)                                                                           \
    {                                                                                              \
        mark, "", NUMBER_HEX_UPPER, 4                                                              \
    }
#define UNIT_LOWER(mark)                                                                           \
    {                                                                                              \
        mark, "", NUMBER_HEX_LOWER, 4                                                              \
    }

/* clang-format off */
static const unit_escape_t UNIT_ESCAPES[] = {
    {FORM_ESCAPE_U, UNIT_LOWER("\\u"), true, false},
    {FORM_ESCAPE_U, UNIT_UPPER("\\u"), true, false},
    {FORM_ESCAPE_U, UNIT_LOWER("\\u"), true, true},
    {FORM_ESCAPE_U, UNIT_UPPER("\\u"), true, true},
    {FORM_PERCENT_U, UNIT_LOWER("%u"), true, false},
    {FORM_PERCENT_U, UNIT_UPPER("%u"), true, false},
    {FORM_PERCENT_U, UNIT_LOWER("%u"), true, true},
    {FORM_PERCENT_U, UNIT_UPPER("%u"), true, true},
    {FORM_HTML, {"&#", ";", NUMBER_DECIMAL, 0}, false, false},
    {FORM_HTML, {"&#", ";", NUMBER_DECIMAL, 0}, false, true},
    {FORM_HTML, {"&#x", ";", NUMBER_HEX_LOWER, 0}, false, false},
    {FORM_HTML, {"&#x", ";", NUMBER_HEX_LOWER, 0}, false, true},
    {FORM_HTML, {"&#x", ";", NUMBER_HEX_UPPER, 0}, false, false},
    {FORM_HTML, {"&#x", ";", NUMBER_HEX_UPPER, 0}, false, true},
    {FORM_HTML, {"&#X", ";", NUMBER_HEX_UPPER, 0}, false, false},
};
/* clang-format on */

static void unit_escape_put(buf_t *out, const unit_escape_t *e, slice_t text)
{
    while (text.len) {
        uint32_t c = utf8_take(&text);
        if (c < 0x80 && !e->all) {
            buf_u8(out, (uint8_t)c);
        } else if (e->units && c > 0xffff) {
            number_put(out, e->unit, 0xd800 + ((c - 0x10000) >> 10));
            number_put(out, e->unit, 0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            number_put(out, e->unit, c);
        }
    }
}

err_t forms_make(form_set_t *set, slice_t text, form_fn *fn, void *ctx)
{
    maker_t m = {.set = set, .fn = fn, .ctx = ctx, .out = BUF_ON_ARRAY(set->coded)};
    for (unsigned i = 0; i < FORM_CHARSET_COUNT; i++) {
        buf_t bytes = BUF_ON_ARRAY(set->converted);
        m.charset = (form_charset_t)i;
        err_t e = form_convert(set, m.charset, text, &bytes);
        if (err_is(e, ERR_NOT_FOUND)) {
            continue;
        }
        TRY(e);
        TRY(of_charset(&m, buf_slice(&bytes)));
    }
    m.charset = FORM_UTF8;
    for (size_t i = 0; i < BASE_COUNT(UNIT_ESCAPES); i++) {
        unit_escape_put(&m.out, &UNIT_ESCAPES[i], text);
        TRY(give_out(&m, UNIT_ESCAPES[i].coding));
    }
    return OK;
}
