#include "js_hint.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool ident(uint8_t c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           c >= 0x80;
}

static bool space(uint8_t c)
{
    return c <= 0x20;
}

static uint8_t at(slice_t t, size_t i)
{
    return i < t.len ? t.ptr[i] : 0;
}

/* White space and JS comments. */
static size_t skip(slice_t t, size_t i)
{
    for (;;) {
        if (i < t.len && space(t.ptr[i])) {
            i++;
        } else if (at(t, i) == '/' && at(t, i + 1) == '*') {
            size_t end = slice_find(slice_from(t, i), SLICE("*/"));
            if (end == SIZE_MAX) {
                return i;
            }
            i += end + 2;
        } else {
            return i;
        }
    }
}

/* CALLS: dangerous when called. OBJECTS: when a member is used, assigned to or indexed. */
static const slice_t CALLS[] = {
    SLICE("alert"),        SLICE("confirm"),       SLICE("prompt"),
    SLICE("eval"),         SLICE("settimeout"),    SLICE("setinterval"),
    SLICE("setimmediate"), SLICE("execscript"),    SLICE("fetch"),
    SLICE("atob"),         SLICE("importscripts"), SLICE("requestanimationframe"),
    SLICE("msgbox")};
/* Words of prose and of harmless code as well: only with a string, or nothing, in the parentheses.
 */
static const slice_t SOFT_CALLS[] = {SLICE("function"),    SLICE("import"), SLICE("print"),
                                     SLICE("constructor"), SLICE("write"),  SLICE("writeln"),
                                     SLICE("open")};
static const slice_t OBJECTS[] = {
    SLICE("document"),  SLICE("window"),       SLICE("location"),       SLICE("self"),
    SLICE("top"),       SLICE("parent"),       SLICE("frames"),         SLICE("globalthis"),
    SLICE("navigator"), SLICE("localstorage"), SLICE("sessionstorage"), SLICE("string"),
    SLICE("this")};
static const slice_t MEMBERS[] = {SLICE("cookie"),        SLICE("write"),
                                  SLICE("writeln"),       SLICE("domain"),
                                  SLICE("location"),      SLICE("href"),
                                  SLICE("innerhtml"),     SLICE("outerhtml"),
                                  SLICE("body"),          SLICE("documentelement"),
                                  SLICE("createelement"), SLICE("getelementbyid"),
                                  SLICE("queryselector"), SLICE("assign"),
                                  SLICE("replace"),       SLICE("open"),
                                  SLICE("name"),          SLICE("hash"),
                                  SLICE("fromcharcode"),  SLICE("alert"),
                                  SLICE("eval"),          SLICE("onerror"),
                                  SLICE("onload"),        SLICE("sendbeacon"),
                                  SLICE("getitem"),       SLICE("setitem"),
                                  SLICE("constructor"),   SLICE("defaultview"),
                                  SLICE("referrer"),      SLICE("vulnerable")};

static bool listed(const slice_t *list, size_t count, slice_t word)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].len == word.len && slice_eq_nocase(list[i], word)) {
            return true;
        }
    }
    return false;
}
#define LISTED(list, word) listed(list, sizeof(list) / sizeof((list)[0]), word)

/* alert( and what a call in prose, "alert(s)", would not have behind it. */
static bool called(slice_t t, size_t open, bool spaced)
{
    uint8_t c = at(t, open);
    if (c == '`') {
        return true;
    }
    if (c == '?' && at(t, open + 1) == '.') {
        return at(t, open + 2) == '(';
    }
    if (c == '.') { /* alert.call( */
        slice_t member = slice_from(t, open + 1);
        return slice_eq_nocase(slice_sub(member, 0, 5), SLICE("call(")) ||
               slice_eq_nocase(slice_sub(member, 0, 6), SLICE("apply(")) ||
               slice_eq_nocase(slice_sub(member, 0, 5), SLICE("bind("));
    }
    if (c != '(') {
        return false;
    }
    size_t arg = skip(t, open + 1), end = arg;
    while (ident(at(t, end))) {
        end++;
    }
    /* (s), (es), (please ... */
    bool word = end > arg && end - arg < 4 && at(t, end) == ')' &&
                !(at(t, arg) >= '0' && at(t, arg) <= '9');
    if (at(t, arg) >= 0x80) {
        return false; /* alert (in Japanese) */
    }
    if (spaced && end > arg && at(t, end) != '.' && at(t, end) != '(' && lower(at(t, arg)) >= 'a' &&
        lower(at(t, arg)) <= 'z') {
        return false; /* confirm (yes) */
    }
    return !(word && lower(at(t, arg)) == 's') &&
           !(end > arg && at(t, end) == ' ' && ident(at(t, end + 1)));
}

/* What a page's address can be set to: a string, or an expression. */
static bool assigned(slice_t t, size_t i)
{
    uint8_t c = at(t, i);
    if (c == '"' || c == '\'' || c == '`' || c == '/') {
        return true;
    }
    size_t end = i;
    while (ident(at(t, end))) {
        end++;
    }
    return end > i &&
           (at(t, end) == '.' || at(t, end) == '(' || at(t, end) == '[' || at(t, end) == '+');
}

static bool soft_argument(uint8_t c)
{
    return c == '"' || c == '\'' || c == '`' || c == ')';
}

/* [1].some(alert): `open` is the parenthesis. */
static bool method_before(slice_t t, size_t open)
{
    size_t i = open;
    while (i > 0 && ident(t.ptr[i - 1])) {
        i--;
    }
    return i > 0 && i < open && t.ptr[i - 1] == '.';
}

static bool member_used(slice_t t, size_t end)
{
    size_t i = skip(t, end);
    if (at(t, i) == '?' && at(t, i + 1) == '.') {
        i++;
    }
    if (at(t, i) == '[') {
        uint8_t c = at(t, skip(t, i + 1));
        return c == '"' || c == '\'' || c == '`' || c == '/' || c == '(' || c == '+' || c == '\\';
    }
    if (at(t, i) != '.') {
        return false;
    }
    size_t from = skip(t, i + 1), to = from;
    while (ident(at(t, to))) {
        to++;
    }
    return to > from && LISTED(MEMBERS, slice_sub(t, from, to - from));
}

size_t js_call(slice_t t, size_t from)
{
    for (size_t i = from; i < t.len;) {
        if (!ident(t.ptr[i])) {
            i++;
            continue;
        }
        size_t end = i;
        while (ident(at(t, end))) {
            end++;
        }
        slice_t word = slice_sub(t, i, end - i);
        if (word.len > 2 && word.len < 24) {
            uint8_t next = at(t, skip(t, end));
            if (next != '(' && next != ')' && next != '`' && next != '.' && next != '[' &&
                next != '?' && next != '=') {
                i = end;
                continue;
            }
            bool group = i > 0 && at(t, i - 1) == '(' && at(t, end) == ')';
            if (LISTED(CALLS, word) &&
                (called(t, skip(t, end), skip(t, end) > end) ||
                 (group && (called(t, end + 1, false) || method_before(t, i - 1))))) {
                return i;
            }
            if (LISTED(SOFT_CALLS, word) && at(t, end) == '(' && soft_argument(at(t, end + 1))) {
                return i;
            }
            if (LISTED(OBJECTS, word) && member_used(t, end)) {
                return i;
            }
            size_t sign = skip(t, end);
            if (word.len == 8 && slice_eq_nocase(word, SLICE("location")) && at(t, sign) == '=' &&
                assigned(t, skip(t, sign + 1))) {
                return i;
            }
        }
        i = end;
    }
    return SIZE_MAX;
}

bool js_whole(slice_t t)
{
    size_t i = 0;
    while (i < t.len &&
           (space(t.ptr[i]) || memchr("()[]{}!+-~;,'\"`*/\\=0123456789", t.ptr[i], 29))) {
        i++;
    }
    /* the first word must be the one that is called */
    size_t hit = js_call(t, 0);
    if (hit == SIZE_MAX) {
        return false;
    }
    if (hit <= i && (hit == 0 || !ident(t.ptr[hit - 1]))) {
        return true;
    }
    /* a member call or an assignment before it: x.constructor('alert(1)')(), a=alert(1) */
    for (size_t b = 0; b < hit; b++) {
        if (space(t.ptr[b])) {
            return false;
        }
    }
    uint8_t before = t.ptr[hit - 1];
    return before == '.' || before == '(' || before == '=' || before == '[' || before == '\'' ||
           before == '"' || before == ';' || before == '{' || before == ',';
}

size_t js_breakout(slice_t t)
{
    for (size_t i = 0; i < t.len; i++) {
        uint8_t c = t.ptr[i];
        if (c != '"' && c != '\'' && c != '`' && c != '$') {
            continue;
        }
        if (c == '$') {
            if (at(t, i + 1) == '{' && js_call(slice_sub(t, i, 256), 2) != SIZE_MAX) {
                return i;
            }
            continue;
        }
        size_t next = skip(t, i + 1);
        while (at(t, next) == ')' || at(t, next) == '}' || at(t, next) == ']' ||
               space(at(t, next))) {
            if (next >= t.len) {
                return SIZE_MAX;
            }
            next++;
        }
        if (next < t.len && memchr(";-+*/,|&^%?<>=:.[(\n", t.ptr[next], 19)) {
            size_t call = js_call(slice_sub(t, next, 256), 0);
            if (call != SIZE_MAX && call < 128) {
                return i;
            }
        }
    }
    return SIZE_MAX;
}

bool js_like(slice_t t)
{
    if (js_call(t, 0) != SIZE_MAX) {
        return true;
    }
    size_t i = skip(t, 0);
    if (i > 0 && i < t.len && at(t, 0) == ' ' && ident(t.ptr[i])) {
        /* "JavaScript: the good parts" */
        size_t end = i;
        while (ident(at(t, end)) || at(t, end) == '.') {
            end++;
        }
        return at(t, end) == '(' || at(t, end) == '=' || at(t, end) == '[' || at(t, end) == '`';
    }
    for (; i < t.len; i++) {
        if (memchr("(=[`\\%{&/", t.ptr[i], 9)) {
            return true;
        }
    }
    return false;
}
