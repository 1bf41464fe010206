#include "text/html.h"

#include "text/utf8.h"

static slice_t reference(uint32_t cp)
{
    switch (cp) {
    case '&':
        return SLICE("&amp;");
    case '<':
        return SLICE("&lt;");
    case '>':
        return SLICE("&gt;");
    case '"':
        return SLICE("&quot;");
    case '\'':
        return SLICE("&#39;");
    default:
        return SLICE_EMPTY;
    }
}

static bool shown(uint32_t cp)
{
    if (cp == '\t' || cp == '\r' || cp == '\n') {
        return true;
    }
    return cp >= 0x20 && !(cp >= 0x7F && cp < 0xA0) && (cp & 0xFFFE) != 0xFFFE &&
           !(cp >= 0xFDD0 && cp <= 0xFDEF);
}

static void put_point(buf_t *b, uint32_t cp, bool attr)
{
    slice_t ref = reference(cp);
    if (ref.len) {
        buf_put(b, ref);
    } else if (cp == UTF8_BAD || !shown(cp)) {
        buf_utf8(b, UTF8_REPLACEMENT);
    } else if (attr && cp < 0x20) {
        buf_cstr(b, cp == '\t' ? "&#9;" : cp == '\n' ? "&#10;" : "&#13;");
    } else {
        buf_utf8(b, cp);
    }
}

static void put_escaped(buf_t *b, slice_t text, bool attr)
{
    while (text.len && !b->full) {
        put_point(b, utf8_take(&text), attr);
    }
}

void html_put_text(buf_t *b, slice_t text)
{
    put_escaped(b, text, false);
}

void html_put_attr(buf_t *b, slice_t text)
{
    put_escaped(b, text, true);
}

static bool scheme_ok(slice_t url)
{
    static const char *const SCHEMES[] = {"http://", "https://", "mailto:", "tel:"};
    for (size_t i = 0; i < BASE_COUNT(SCHEMES); i++) {
        slice_t scheme = slice_cstr_in(SCHEMES[i]);
        if (url.len > scheme.len && slice_eq_nocase(slice_sub(url, 0, scheme.len), scheme)) {
            return true;
        }
    }
    return false;
}

bool html_url_ok(slice_t url)
{
    /* A browser drops tabs and line ends inside a URL and reads '\' as '/': refused everywhere. */
    for (slice_t rest = url; rest.len;) {
        uint32_t cp = utf8_take(&rest);
        if (cp == UTF8_BAD || cp <= ' ' || cp == '\\' || !shown(cp)) {
            return false;
        }
    }
    if (url.len == 0) {
        return false;
    }
    if (url.ptr[0] == '/') {
        return url.len == 1 || url.ptr[1] != '/';
    }
    return url.ptr[0] == '?' || url.ptr[0] == '#' || scheme_ok(url);
}

void html_put_url(buf_t *b, slice_t url)
{
    html_put_attr(b, html_url_ok(url) ? url : SLICE("#"));
}

void html_put(buf_t *b, html_t markup)
{
    buf_put(b, markup.s);
}

err_t html_escape(arena_t *a, slice_t text, html_t *ret)
{
    size_t cap;
    ENSURE(!__builtin_mul_overflow(text.len, (size_t)6, &cap), ERR_LIMIT); /* &quot; is longest */
    buf_t b;
    TRY(arena_buf(a, cap, &b));
    html_put_text(&b, text);
    TRY(buf_check(&b));
    ret->s = buf_slice(&b);
    return OK;
}
