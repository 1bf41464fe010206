#include "html_tag.h"

static bool is_space(uint8_t c)
{
    return c <= 0x20 || c == 0x7F;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

html_cursor_t html_on(slice_t text, size_t at)
{
    html_cursor_t c = {.text = text, .at = at};
    for (size_t i = at; i < text.len; i++) {
        if (text.ptr[i] == '"') {
            c.last[0] = i;
        } else if (text.ptr[i] == '\'') {
            c.last[1] = i;
        } else if (text.ptr[i] == '`') {
            c.last[2] = i;
        }
    }
    return c;
}

/* ---- attributes ---- */

static void skip_between(html_cursor_t *c)
{
    while (c->at < c->text.len) {
        uint8_t b = c->text.ptr[c->at];
        if (!is_space(b) && b != '/' && b != '"' && b != '\'' && b != '`' && b != ',' && b != ';') {
            return;
        }
        c->at++;
    }
}

static size_t space_from(slice_t t, size_t at)
{
    while (at < t.len && is_space(t.ptr[at])) {
        at++;
    }
    return at;
}

static slice_t value_read(html_cursor_t *c)
{
    slice_t t = c->text;
    uint8_t b = t.ptr[c->at];
    size_t quote = b == '"' ? 0 : b == '\'' ? 1 : b == '`' ? 2 : 3;
    size_t from = c->at;
    if (quote < 3 && c->last[quote] > from) {
        size_t end = from + 1;
        while (t.ptr[end] != b) {
            end++;
        }
        c->at = end + 1;
        return slice_sub(t, from + 1, end - from - 1);
    }
    if (quote < 2) { /* never closed: a host's quote may do it, so the rest is the value */
        c->at = t.len;
        return slice_from(t, from + 1);
    }
    while (c->at < t.len && !is_space(t.ptr[c->at]) && t.ptr[c->at] != '>') {
        c->at++;
    }
    return slice_sub(t, from, c->at - from);
}

bool html_attr_next(html_cursor_t *c, html_attr_t *ret_attr)
{
    slice_t t = c->text;
    skip_between(c);
    if (c->at >= t.len || t.ptr[c->at] == '>') {
        c->ended = true;
        return false;
    }
    size_t from = c->at;
    c->at++;
    while (c->at < t.len && !is_space(t.ptr[c->at]) && t.ptr[c->at] != '/' && t.ptr[c->at] != '>' &&
           t.ptr[c->at] != '=') {
        c->at++;
    }
    html_attr_t a = {.name = slice_sub(t, from, c->at - from)};
    size_t next = space_from(t, c->at);
    if (next < t.len && t.ptr[next] == '=') {
        c->at = space_from(t, next + 1);
        a.has_value = true;
        if (c->at < t.len) {
            a.value = value_read(c);
        }
    }
    *ret_attr = a;
    return true;
}

bool html_word_starts(slice_t a, slice_t word)
{
    size_t n = 0;
    for (size_t i = 0; i < a.len && n < word.len; i++) {
        if (is_space(a.ptr[i])) {
            continue;
        }
        if (lower(a.ptr[i]) != word.ptr[n]) {
            return false;
        }
        n++;
    }
    return n == word.len;
}

bool html_word_is(slice_t a, slice_t word)
{
    size_t letters = 0;
    for (size_t i = 0; i < a.len; i++) {
        letters += !is_space(a.ptr[i]);
    }
    return letters == word.len && html_word_starts(a, word);
}

/* ---- characters behind entities ---- */

static const struct {
    char name[10];
    uint8_t len, byte;
} ENTITIES[] = {
    {"tab", 3, '\t'}, {"newline", 7, '\n'}, {"colon", 5, ':'},  {"lpar", 4, '('},
    {"rpar", 4, ')'}, {"sol", 3, '/'},      {"bsol", 4, '\\'},  {"comma", 5, ','},
    {"semi", 4, ';'}, {"equals", 6, '='},   {"quot", 4, '"'},   {"apos", 4, '\''},
    {"lt", 2, '<'},   {"gt", 2, '>'},       {"period", 6, '.'}, {"grave", 5, '`'},
    {"nbsp", 4, ' '}, {"num", 3, '#'},      {"lbrack", 6, '['}, {"amp", 3, '&'},
};

static unsigned hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    uint8_t l = c | 0x20;
    return l >= 'a' && l <= 'f' ? (unsigned)(l - 'a' + 10) : 99;
}

/* One character at *at, entities read; high code points come as 0xFF. */
static uint8_t next_char(slice_t t, size_t *at)
{
    size_t i = *at;
    uint8_t c = t.ptr[i++];
    *at = i;
    if (c != '&' || i >= t.len) {
        return c;
    }
    if (t.ptr[i] == '#') {
        bool hex = i + 1 < t.len && lower(t.ptr[i + 1]) == 'x';
        uint32_t code = 0;
        size_t digits = i + 1 + hex, from = digits;
        while (digits < t.len && hex_digit(t.ptr[digits]) < (hex ? 16u : 10u)) {
            code = code > 0x10FFFF ? code : code * (hex ? 16 : 10) + hex_digit(t.ptr[digits]);
            digits++;
        }
        if (digits == from) {
            return c;
        }
        *at = digits + (digits < t.len && t.ptr[digits] == ';');
        return code < 0x80 ? (uint8_t)code : code == 0xA0 ? ' ' : 0xFF;
    }
    for (size_t e = 0; e < sizeof(ENTITIES) / sizeof(ENTITIES[0]); e++) {
        slice_t name = {(const uint8_t *)ENTITIES[e].name, ENTITIES[e].len};
        if (slice_eq_nocase(slice_sub(t, i, name.len), name)) {
            size_t end = i + name.len;
            *at = end + (end < t.len && t.ptr[end] == ';');
            return ENTITIES[e].byte;
        }
    }
    return c;
}

/* Whether the text begins with the word once white space, controls and leading oddities are gone.
 */
static bool seen_through(slice_t t, slice_t word, size_t *ret_end)
{
    size_t at = 0, n = 0;
    while (at < t.len && n < word.len) {
        size_t before = at;
        uint8_t c = lower(next_char(t, &at));
        if (is_space(c) || c == '\\' || (n == 0 && c >= 0x80)) {
            continue;
        }
        if (c == '<' && slice_starts(slice_from(t, before), SLICE("<!--"))) {
            size_t end = slice_find(slice_from(t, before), SLICE("-->"));
            if (end != SIZE_MAX && end < 64) {
                at = before + end + 3;
                continue;
            }
        }
        if (c != word.ptr[n]) {
            return false;
        }
        n++;
    }
    *ret_end = at;
    return n == word.len;
}

bool html_scheme_runs(slice_t url)
{
    static const slice_t RUNS[] = {SLICE("javascript:"), SLICE("vbscript:"), SLICE("livescript:"),
                                   SLICE("mocha:"),      SLICE("jscript:"),  SLICE("vbs:"),
                                   SLICE("javascript#")};
    static const slice_t BEFORE[] = {SLICE("feed:"), SLICE("view-source:"), SLICE("jar:"),
                                     SLICE("url="), SLICE("pcast:")};
    size_t end;
    for (size_t i = 0; i < sizeof(BEFORE) / sizeof(BEFORE[0]); i++) {
        if (seen_through(url, BEFORE[i], &end)) {
            url = slice_from(url, end);
        }
    }
    for (size_t i = 0; i < sizeof(RUNS) / sizeof(RUNS[0]); i++) {
        if (seen_through(url, RUNS[i], &end)) {
            return true;
        }
    }
    if (!seen_through(url, SLICE("data:"), &end)) {
        return false;
    }
    slice_t type = slice_from(url, end);
    static const slice_t HARMLESS[] = {SLICE("image/png"),  SLICE("image/jpeg"), SLICE("image/gif"),
                                       SLICE("image/webp"), SLICE("font/"),      SLICE("audio/"),
                                       SLICE("video/"),     SLICE("text/plain")};
    for (size_t i = 0; i < sizeof(HARMLESS) / sizeof(HARMLESS[0]); i++) {
        if (seen_through(type, HARMLESS[i], &end)) {
            return false;
        }
    }
    return true;
}

/* ---- styles ---- */

/* One character of CSS: entities, \hex, \char and comments read. */
static uint8_t css_char(slice_t t, size_t *at)
{
    while (*at + 1 < t.len && t.ptr[*at] == '/' && t.ptr[*at + 1] == '*') {
        size_t end = *at + 2;
        while (end + 1 < t.len && !(t.ptr[end] == '*' && t.ptr[end + 1] == '/')) {
            end++;
        }
        if (end + 1 >= t.len) {
            break;
        }
        *at = end + 2;
    }
    if (*at >= t.len) {
        return 0;
    }
    uint8_t c = next_char(t, at);
    if (c != '\\' || *at >= t.len) {
        return c;
    }
    uint32_t code = 0, digits = 0;
    while (*at < t.len && digits < 6 && hex_digit(t.ptr[*at]) < 16) {
        code = code * 16 + hex_digit(t.ptr[*at]);
        (*at)++;
        digits++;
    }
    if (digits) {
        *at += *at < t.len && is_space(t.ptr[*at]);
        return code < 0x80 ? (uint8_t)code : 0xFF;
    }
    return t.ptr[*at] == '\n' ? css_char(t, (*at += 1, at)) : t.ptr[(*at)++];
}

bool html_style_runs(slice_t css, bool declared)
{
    /* the first one only inside a style: elsewhere it is a word and a colon */
    static const slice_t RUNS[] = {
        SLICE("javascript:"),      SLICE("expression("),       SLICE("-moz-binding:"),
        SLICE("behavior:url"),     SLICE("behaviour:url"),     SLICE("url(javascript:"),
        SLICE("url('javascript:"), SLICE("url(\"javascript:"), SLICE("url(vbscript:"),
        SLICE("@import"),          SLICE("-o-link:"),          SLICE("src:url(data:text"),
        SLICE("include-source:")};
    enum { KEEP = 32 };
    uint8_t seen[KEEP] = {0};
    size_t n = 0;
    bool property = !declared;
    for (size_t at = 0; at < css.len;) {
        uint8_t c = lower(css_char(css, &at));
        if (is_space(c)) {
            continue;
        }
        property |= c == ':' || c == '@' || c == '-';
        if (n == KEEP) {
            memmove(seen, seen + 1, KEEP - 1);
            n--;
        }
        seen[n++] = c;
        if (c != '(' && c != ':' && c != 'l' && c != 't') {
            continue;
        }
        for (size_t i = declared; property && i < sizeof(RUNS) / sizeof(RUNS[0]); i++) {
            if (slice_ends(slice_make(seen, n), RUNS[i])) {
                return true;
            }
        }
    }
    return false;
}

/* ---- event handlers ---- */

/* Beginnings of the events of HTML, SVG, pointer, touch, media, and of old browsers. */
static const char *const EVENTS[] = {
    "abort",         "activate",    "after",        "animation",    "auxclick",   "before",
    "begin",         "blur",        "bounce",       "cancel",       "canplay",    "cellchange",
    "change",        "click",       "close",        "command",      "contentvis", "contextmenu",
    "controlselect", "copy",        "cuechange",    "cut",          "dataavail",  "dataset",
    "dblclick",      "deactivate",  "device",       "drag",         "drop",       "duration",
    "emptied",       "end",         "error",        "filterchange", "finish",     "focus",
    "form",          "fullscreen",  "gesture",      "gotpointer",   "hashchange", "help",
    "input",         "invalid",     "key",          "language",     "layout",     "load",
    "losecapture",   "lostpointer", "media",        "message",      "mouse",      "move",
    "moz",           "ms",          "navigat",      "offline",      "online",     "orientation",
    "outofsync",     "page",        "paint",        "paste",        "pause",      "play",
    "pointer",       "popstate",    "progress",     "property",     "ratechange", "ready",
    "rejection",     "repeat",      "reset",        "resize",       "reverse",    "resume",
    "row",           "scroll",      "search",       "security",     "seek",       "select",
    "show",          "slotchange",  "stalled",      "start",        "stop",       "storage",
    "submit",        "suspend",     "syncrestored", "time",         "toggle",     "touch",
    "trackchange",   "transition",  "undo",         "unhandled",    "unload",     "url",
    "volume",        "waiting",     "webkit",       "wheel",        "zoom",
};

bool html_event_name(slice_t name, bool any)
{
    if (!html_word_starts(name, SLICE("on"))) {
        return false;
    }
    uint8_t word[16];
    size_t n = 0;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = lower(name.ptr[i]);
        if (is_space(c)) {
            continue;
        }
        if (c < 'a' || c > 'z') {
            if (c == '-' || c == '_' || c == '.' || c >= 0x80 || (c >= '0' && c <= '9')) {
                return false;
            }
            break;
        }
        if (n < sizeof(word)) {
            word[n++] = c;
        }
    }
    if (n < 5) {
        return n == 4 && memcmp(word, "oncu", 4) == 0;
    }
    for (size_t e = 0; e < sizeof(EVENTS) / sizeof(EVENTS[0]); e++) {
        size_t len = strlen(EVENTS[e]);
        if (len <= n - 2 && memcmp(EVENTS[e], word + 2, len) == 0) {
            return true;
        }
    }
    return any && n > 4;
}
