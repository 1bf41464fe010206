/* What libxml2 must not be given: a tag with thousands of attributes (it compares each with each:
 * 11 s for 1 MiB), attribute declarations (they add such attributes to each element), and encodings
 * in which this reading of the bytes would not see them. Zero bytes are skipped, so that UTF-16 and
 * UTF-32 are read as what they hold of ASCII. */
#include "inner.h"

enum { MAX_ATTRIBUTES = 256, MAX_DECLARATION = 256 };

/* Encodings in which ASCII stands as itself (zero bytes aside) and in no other way: UTF-7 and
 * EBCDIC are none. */
static bool encoding_is_plain(slice_t name)
{
    static const char *const WHOLE[] = {
        "utf-8",           "utf8",     "utf-16",      "utf-16le",
        "utf-16be",        "us-ascii", "ascii",       "shift_jis",
        "shift-jis",       "sjis",     "cp932",       "windows-31j",
        "ms_kanji",        "euc-jp",   "iso-2022-jp", "iso-10646-ucs-2",
        "iso-10646-ucs-4", "utf-32"};
    static const char *const BEGINS[] = {"iso-8859-", "windows-125"};
    for (size_t i = 0; i < BASE_COUNT(WHOLE); i++) {
        if (slice_eq_nocase(name, slice_cstr_in(WHOLE[i]))) {
            return true;
        }
    }
    for (size_t i = 0; i < BASE_COUNT(BEGINS); i++) {
        slice_t begin = slice_cstr_in(BEGINS[i]);
        if (slice_eq_nocase(slice_sub(name, 0, begin.len), begin)) {
            return true;
        }
    }
    return false;
}

/* A quoted value behind '=' and white space, without its quotes. */
static slice_t quoted_value(slice_t rest)
{
    while (rest.len && (rest.ptr[0] == '=' || rest.ptr[0] == ' ' ||
                        (rest.ptr[0] >= '\t' && rest.ptr[0] <= '\r'))) {
        rest = slice_from(rest, 1);
    }
    if (rest.len == 0 || (rest.ptr[0] != '"' && rest.ptr[0] != '\'')) {
        return SLICE_EMPTY;
    }
    uint8_t quote = rest.ptr[0];
    rest = slice_from(rest, 1);
    return slice_sub(rest, 0, slice_find_byte(rest, quote));
}

/* Every encoding that an XML declaration names, however broken it is. */
static bool names_are_plain(slice_t declaration)
{
    slice_t word = SLICE("encoding");
    for (;;) {
        size_t at = slice_find(declaration, word);
        if (at == SIZE_MAX) {
            return true;
        }
        declaration = slice_from(declaration, at + word.len);
        if (!encoding_is_plain(quoted_value(declaration))) {
            return false;
        }
    }
}

/* The body's beginning without zero bytes and byte order mark, up to the end of an XML declaration.
 */
static bool declaration_is_plain(slice_t body)
{
    uint8_t mem[MAX_DECLARATION];
    buf_t b = BUF_ON_ARRAY(mem);
    for (size_t i = 0; i < body.len && b.len < b.cap; i++) {
        bool mark = b.len == 0 && body.ptr[i] >= 0x80;
        if (body.ptr[i] && !mark) {
            buf_u8(&b, body.ptr[i]);
        }
    }
    slice_t begin = buf_slice(&b);
    if (slice_starts(begin, SLICE("Lo\xA7\x94"))) { /* "<?xm" in EBCDIC */
        return false;
    }
    if (!slice_starts(begin, SLICE("<?xml"))) {
        return true;
    }
    size_t end = slice_find(begin, SLICE("?>"));
    bool whole = end != SIZE_MAX || b.len < b.cap;
    return whole && names_are_plain(slice_sub(begin, 0, end));
}

/* Between two '<' stand one tag's attributes at most; each is an equals sign before a quote. */
static const char *tags_refused(slice_t body)
{
    static const char WORD[] = "!ATTLIST";
    size_t count = 0, word = sizeof WORD;
    bool equals = false;
    for (size_t i = 0; i < body.len; i++) {
        uint8_t c = body.ptr[i];
        if (c == 0) {
            continue;
        }
        if (c == '<') {
            count = word = 0;
            equals = false;
            continue;
        }
        word = word < sizeof WORD - 1 && c == (uint8_t)WORD[word] ? word + 1 : sizeof WORD;
        if (word == sizeof WORD - 1) {
            return "XML that declares attributes";
        }
        count += equals && (c == '"' || c == '\'');
        if (count > MAX_ATTRIBUTES) {
            return "XML with more attributes than the limit";
        }
        equals = c == '=' || (equals && (c == ' ' || (c >= '\t' && c <= '\r')));
    }
    return NULL;
}

const char *xml_refused(slice_t body)
{
    return declaration_is_plain(body) ? tags_refused(body) : "XML in an encoding that is not read";
}
