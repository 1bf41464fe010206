#include "sbps_wire.h"

#include <iconv.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "base/clock.h"
#include "sbps.h"
#include "text/form.h"
#include "text/time.h"
#include "text/utf8.h"

enum { VALUE_MAX = 400, FIELDS_MAX = 80, XML_DEPTH = 4, XML_PATH = 128 };

bool sbps_is_digits(slice_t s, size_t least, size_t most)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return s.len >= least && s.len <= most;
}

/* yyyymmddhhmmss in Japan */
err_t sbps_stamp_put(arena_t *a, int64_t us, slice_t *ret)
{
    date_ymd_t day = date_to_ymd(tokyo_date(us));
    unsigned minute = tokyo_minute(us);
    return arena_printf(a, ret, "%04u%02u%02u%02u%02u%02u", (unsigned)day.year, (unsigned)day.month,
                        (unsigned)day.day, minute / 60, minute % 60,
                        (unsigned)(us / CLOCK_SECOND_US % 60));
}

/* ---- fields ---- */

static const struct {
    const char *name;
    sbps_rule_t rule;
} FIELDS[SBPS_FIELD_COUNT] = {
#define FIELD_ROW(name, rule) [SBPS_##name] = {#name, SBPS_RULE_##rule},
    SBPS_REPORT_FIELDS(FIELD_ROW)
#undef FIELD_ROW
};

const char *sbps_field_name(sbps_field_t field)
{
    return FIELDS[field].name;
}

sbps_rule_t sbps_field_rule(sbps_field_t field)
{
    return FIELDS[field].rule;
}

static slice_t *place_of(sbps_report_t *r, slice_t name)
{
    if (slice_eq(name, SLICE("sps_hashcode"))) {
        return &r->hash;
    }
    for (size_t i = 0; i < SBPS_FIELD_COUNT; i++) {
        if (slice_eq(name, slice_cstr_in(FIELDS[i].name))) {
            return &r->at[i];
        }
    }
    return NULL;
}

err_t sbps_report_read(arena_t *a, slice_t form, sbps_report_t *ret)
{
    sbps_report_t r = {0};
    form_cursor_t c = form_on(form, FIELDS_MAX, FORM_LENIENT); /* the bytes are no UTF-8 */
    while (form_more(&c)) {
        slice_t name, value;
        TRY(form_next(&c, a, &name, &value));
        slice_t *at = place_of(&r, name);
        if (!at) {
            continue;
        }
        ENSURE(!at->ptr && value.len <= VALUE_MAX, ERR_SYNTAX);
        *at = value.len ? value : SLICE("");
    }
    ENSURE(!(c.odd & (FORM_ODD_PERCENT | FORM_ODD_NUL)), ERR_SYNTAX);
    *ret = r;
    return OK;
}

/* ---- Shift_JIS ---- */

/* One pair for the process: a descriptor has a state, so one caller at a time. */
static struct {
    pthread_mutex_t lock;
    iconv_t to, from;
    bool open;
} charset = {.lock = PTHREAD_MUTEX_INITIALIZER};

err_t sbps_charset_open(void)
{
    pthread_mutex_lock(&charset.lock);
    if (!charset.open) {
        charset.to = iconv_open("CP932", "UTF-8");
        charset.from = iconv_open("UTF-8", "CP932");
        charset.open = charset.to != (iconv_t)-1 && charset.from != (iconv_t)-1;
    }
    bool open = charset.open;
    pthread_mutex_unlock(&charset.lock);
    ENSURE(open, ERR_UNAVAILABLE);
    return OK;
}

/* SIZE_MAX: not convertible. */
static size_t convert(iconv_t how, slice_t in, uint8_t *out, size_t cap)
{
    char text[VALUE_MAX + 4], *from = text, *to = (char *)out;
    size_t left = in.len, room = cap;
    if (in.len > VALUE_MAX) {
        return SIZE_MAX;
    }
    if (in.len) {
        memcpy(text, in.ptr, in.len);
    }
    pthread_mutex_lock(&charset.lock);
    (void)iconv(how, NULL, NULL, NULL, NULL);
    size_t odd = iconv(how, &from, &left, &to, &room);
    pthread_mutex_unlock(&charset.lock);
    return odd == 0 && left == 0 ? cap - room : SIZE_MAX;
}

err_t sbps_to_utf8(arena_t *a, slice_t sjis, slice_t *ret)
{
    size_t cap = sjis.len * 3 + 4;
    TRY(sbps_charset_open());
    uint8_t *out = arena_alloc(a, cap);
    ENSURE(out, ERR_MEMORY);
    size_t len = convert(charset.from, sjis, out, cap);
    ENSURE(len != SIZE_MAX, ERR_ENCODING);
    *ret = slice_make(out, len);
    return OK;
}

/* Of pairs that look alike CP932 has one only. */
static uint32_t cp932_twin(uint32_t point)
{
    static const uint32_t PAIRS[][2] = {{0x301C, 0xFF5E}, {0x2212, 0xFF0D}, {0x2016, 0x2225},
                                        {0x2014, 0x2015}, {0x00A2, 0xFFE0}, {0x00A3, 0xFFE1},
                                        {0x00AC, 0xFFE2}};
    for (size_t i = 0; i < BASE_COUNT(PAIRS); i++) {
        if (PAIRS[i][0] == point) {
            return PAIRS[i][1];
        }
    }
    return point;
}

err_t sbps_text_fit(arena_t *a, slice_t utf8, size_t max_bytes, slice_t *ret_sjis,
                    slice_t *ret_utf8)
{
    buf_t out;
    TRY(sbps_charset_open());
    TRY(arena_buf(a, max_bytes, &out));
    while (utf8.len) {
        uint8_t mem[8], two[8];
        buf_t one = BUF_ON_ARRAY(mem);
        uint32_t point = utf8_take(&utf8);
        bool odd = point == UTF8_BAD || point < 0x20 || point == 0x7F;
        buf_utf8(&one, odd ? '?' : cp932_twin(point));
        size_t len = convert(charset.to, buf_slice(&one), two, sizeof two);
        if (len == SIZE_MAX) {
            two[0] = '?';
            len = 1;
        }
        if (out.len + len > max_bytes) {
            break;
        }
        buf_put(&out, slice_make(two, len));
    }
    *ret_sjis = buf_slice(&out);
    return sbps_to_utf8(a, *ret_sjis, ret_utf8);
}

/* ---- hash ---- */

err_t sbps_hash(arena_t *a, const slice_t *values, size_t n, const adapter_key_t *key,
                slice_t *ret_hex)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    buf_t hex;
    TRY(arena_buf(a, 40, &hex));
    EVP_MD_CTX *h = EVP_MD_CTX_new();
    bool made = h && EVP_DigestInit_ex(h, EVP_sha1(), NULL);
    for (size_t i = 0; made && i < n; i++) {
        made = EVP_DigestUpdate(h, values[i].ptr, values[i].len);
    }
    made = made && EVP_DigestUpdate(h, key->b, key->len) && EVP_DigestFinal_ex(h, digest, &len);
    EVP_MD_CTX_free(h);
    ENSURE(made && len == 20, ERR_MEMORY);
    buf_hex(&hex, slice_make(digest, len));
    *ret_hex = buf_slice(&hex);
    return buf_check(&hex);
}

/* ---- XML ---- */

/* Elements and text of a small answer; no comment, no CDATA, no document type, no entity. */
typedef struct xml {
    slice_t rest;
    slice_t open[XML_DEPTH];
    size_t depth;
    slice_t want;
    slice_t found;
    size_t finds;
} xml_t;

static bool is_name(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!plain) {
            return false;
        }
    }
    return s.len > 0 && s.len <= 64;
}

/* Is what is open, without the root, the path that is wanted? */
static bool is_wanted(const xml_t *x)
{
    slice_t rest = x->want, part;
    for (size_t i = 1; i < x->depth; i++) {
        if (!slice_split(&rest, '.', &part) || !slice_eq(part, x->open[i])) {
            return false;
        }
    }
    return x->depth > 1 && !slice_split(&rest, '.', &part);
}

/* "<name>", "<name a=...>", "</name>", "<name/>"; without its brackets. */
static err_t tag_take(xml_t *x, slice_t tag)
{
    if (slice_starts(tag, SLICE("/"))) {
        ENSURE(x->depth > 0 && slice_eq(slice_from(tag, 1), x->open[x->depth - 1]), ERR_SYNTAX);
        x->depth--;
        return OK;
    }
    bool empty = slice_ends(tag, SLICE("/"));
    tag = empty ? slice_sub(tag, 0, tag.len - 1) : tag;
    size_t space = slice_find_byte(tag, ' ');
    slice_t name = space == SIZE_MAX ? tag : slice_sub(tag, 0, space);
    ENSURE(is_name(name) && x->depth < XML_DEPTH, ERR_SYNTAX);
    x->open[x->depth++] = name;
    if (is_wanted(x)) {
        size_t end = slice_find_byte(x->rest, '<');
        ENSURE(empty || end != SIZE_MAX, ERR_SYNTAX);
        x->found = empty ? SLICE_EMPTY : slice_trim(slice_sub(x->rest, 0, end));
        x->finds++;
    }
    x->depth -= empty;
    return OK;
}

static err_t xml_walk(xml_t *x)
{
    bool begun = false;
    while (x->rest.len) {
        size_t at = slice_find_byte(x->rest, '<');
        slice_t text = at == SIZE_MAX ? x->rest : slice_sub(x->rest, 0, at);
        ENSURE(x->depth > 0 || slice_trim(text).len == 0, ERR_SYNTAX);
        ENSURE(slice_find_byte(text, '&') == SIZE_MAX, ERR_SYNTAX);
        if (at == SIZE_MAX) {
            break;
        }
        x->rest = slice_from(x->rest, at + 1);
        size_t end = slice_find_byte(x->rest, '>');
        ENSURE(end != SIZE_MAX && end > 0 && x->rest.ptr[0] != '!', ERR_SYNTAX);
        slice_t tag = slice_sub(x->rest, 0, end);
        x->rest = slice_from(x->rest, end + 1);
        if (tag.ptr[0] == '?') {
            ENSURE(!begun && slice_ends(tag, SLICE("?")), ERR_SYNTAX);
            continue;
        }
        ENSURE(!begun || x->depth > 0, ERR_SYNTAX); /* one root */
        begun = true;
        TRY(tag_take(x, tag));
    }
    ENSURE(begun && x->depth == 0, ERR_SYNTAX);
    return OK;
}

err_t sbps_xml_get(slice_t xml, slice_t path, slice_t *ret_text)
{
    xml_t x = {.rest = xml, .want = path};
    TRY(xml_walk(&x));
    ENSURE(x.finds > 0, ERR_NOT_FOUND);
    ENSURE(x.finds == 1, ERR_SYNTAX);
    *ret_text = x.found;
    return OK;
}
