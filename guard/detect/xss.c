/* The judgement. Tags, attributes, URLs, styles and script strings are read by html_tag.h and
 * js_hint.h; here is what of them is active, and in which context. */
#include "xss.h"

#include "html_tag.h"
#include "js_hint.h"

static const char *const CONTEXT_NAME[] = {"data", "unquoted", "single", "double", "backtick",
                                           "tag",  "url",      "script", "style"};

const char *xss_context_name(xss_context_t context)
{
    return CONTEXT_NAME[context];
}

typedef struct look {
    slice_t value;
    size_t steps; /* attributes that may still be read: keeps the time linear */
    xss_found_t *ret_found;
} look_t;

static bool found(const look_t *k, xss_context_t context, const char *why, size_t at, size_t end)
{
    if (!k->ret_found) {
        return true;
    }
    xss_found_t f = {.context = context};
    for (size_t i = 0; why[i] && i < XSS_FINGERPRINT_MAX; i++) {
        f.fingerprint[i] = why[i];
    }
    f.at = at < k->value.len ? at : k->value.len;
    f.len = (end < k->value.len ? end : k->value.len) - f.at;
    *k->ret_found = f;
    return true;
}

/* ---- tags ---- */

typedef enum tag_power {
    TAG_PLAIN,
    TAG_ACTIVE, /* by its name alone */
    TAG_LOADS,  /* by any attribute that names what to load */
    TAG_ANY,    /* by any attribute */
    TAG_META,   /* http-equiv */
    TAG_STYLE,
    TAG_FORM
} tag_power_t;

static const struct {
    slice_t name;
    tag_power_t power;
} TAGS[] = {
    {SLICE("script"), TAG_ACTIVE},     {SLICE("iframe"), TAG_ANY},
    {SLICE("frame"), TAG_ANY},         {SLICE("frameset"), TAG_ANY},
    {SLICE("object"), TAG_LOADS},      {SLICE("embed"), TAG_ANY},
    {SLICE("applet"), TAG_ANY},        {SLICE("link"), TAG_LOADS},
    {SLICE("base"), TAG_LOADS},        {SLICE("meta"), TAG_META},
    {SLICE("style"), TAG_STYLE},       {SLICE("bgsound"), TAG_LOADS},
    {SLICE("layer"), TAG_LOADS},       {SLICE("ilayer"), TAG_LOADS},
    {SLICE("isindex"), TAG_LOADS},     {SLICE("xml"), TAG_LOADS},
    {SLICE("import"), TAG_LOADS},      {SLICE("handler"), TAG_ACTIVE},
    {SLICE("set"), TAG_LOADS},         {SLICE("animate"), TAG_LOADS},
    {SLICE("vmlframe"), TAG_LOADS},    {SLICE("xss"), TAG_ACTIVE},
    {SLICE("listener"), TAG_LOADS},    {SLICE("foreignobject"), TAG_ACTIVE},
    {SLICE("portal"), TAG_LOADS},      {SLICE("noembed"), TAG_LOADS},
    {SLICE("xsl:"), TAG_ACTIVE},       {SLICE("htmlfile"), TAG_ACTIVE},
    {SLICE("fencedframe"), TAG_LOADS}, {SLICE("svg"), TAG_ACTIVE},
};

static tag_power_t power_of(slice_t name)
{
    size_t colon = slice_find_byte(name, ':'); /* a prefix: <svg:script>, <t:set> */
    slice_t local = colon == SIZE_MAX ? name : slice_from(name, colon + 1);
    for (size_t i = 0; i < sizeof(TAGS) / sizeof(TAGS[0]); i++) {
        if (html_word_is(name, TAGS[i].name) ||
            (local.len != name.len && html_word_is(local, TAGS[i].name))) {
            return TAGS[i].power;
        }
    }
    return html_word_starts(name, SLICE("xsl:")) ? TAG_ACTIVE : TAG_PLAIN;
}

static bool word_in(slice_t name, const slice_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (html_word_is(name, list[i])) {
            return true;
        }
    }
    return false;
}

static bool names_source(slice_t name)
{
    static const slice_t NAMES[] = {SLICE("src"),
                                    SLICE("data"),
                                    SLICE("code"),
                                    SLICE("codebase"),
                                    SLICE("href"),
                                    SLICE("archive"),
                                    SLICE("action"),
                                    SLICE("srcdoc"),
                                    SLICE("namespace"),
                                    SLICE("implementation"),
                                    SLICE("classid"),
                                    SLICE("type"),
                                    SLICE("attributename"),
                                    SLICE("to"),
                                    SLICE("from"),
                                    SLICE("values"),
                                    SLICE("id"),
                                    SLICE("handler"),
                                    SLICE("onload"),
                                    SLICE("xlink:href"),
                                    SLICE("rel"),
                                    SLICE("sandbox")};
    return word_in(name, NAMES, sizeof(NAMES) / sizeof(NAMES[0]));
}

/* A style that names something to load or hides what it says; colours and margins do neither. */
static bool style_odd(slice_t css)
{
    static const uint8_t ODD[] = {'\\', '{', '}', '['};
    for (size_t i = 0; i < sizeof(ODD); i++) {
        if (slice_find_byte(css, ODD[i]) != SIZE_MAX) {
            return true;
        }
    }
    for (size_t i = 0; i + 4 <= css.len; i++) {
        if (slice_eq_nocase(slice_sub(css, i, 4), SLICE("url("))) {
            return true;
        }
    }
    return slice_find(css, SLICE("/*")) != SIZE_MAX || slice_find(css, SLICE("&#")) != SIZE_MAX;
}

/* &{...} of Netscape, and values that begin with a row of numeric entities. */
static bool script_entity(slice_t value)
{
    return slice_starts(value, SLICE("&{")) ||
           (slice_starts(value, SLICE("&#")) &&
            slice_find(slice_from(value, 2), SLICE(";&#")) != SIZE_MAX);
}

/* Attributes whose value frameworks run: AngularJS, Vue, Alpine, htmx. */
static bool directive(slice_t name)
{
    static const slice_t BEGINS[] = {
        SLICE("ng-"),    SLICE("data-ng-"), SLICE("v-on"),   SLICE("v-bind"), SLICE("v-html"),
        SLICE("v-show"), SLICE("v-if"),     SLICE("v-for"),  SLICE("x-on"),   SLICE("x-init"),
        SLICE("x-data"), SLICE("x-html"),   SLICE("x-bind"), SLICE("hx-on")};
    uint8_t event[24] = "on"; /* @click */
    for (size_t i = 0; i < sizeof(BEGINS) / sizeof(BEGINS[0]); i++) {
        if (html_word_starts(name, BEGINS[i])) {
            return true;
        }
    }
    if (name.len < 4 || name.len > sizeof(event) - 1 || name.ptr[0] != '@') {
        return false;
    }
    memcpy(event + 2, name.ptr + 1, name.len - 1);
    return html_event_name(slice_make(event, name.len + 1), false);
}

/* What makes an attribute active on any tag; NULL when nothing does. in_tag: a tag was opened in
 * the value itself, so that unknown events count as well. */
static const char *attr_active(const html_attr_t *a, bool in_tag)
{
    if (!a->has_value) {
        return NULL;
    }
    slice_t name = a->name;
    while (name.len && (name.ptr[0] == '<' || name.ptr[0] < '0')) { /* junk before it */
        name = slice_from(name, 1);
    }
    size_t colon = slice_find_byte(name, ':');
    if (html_event_name(name, in_tag) ||
        (in_tag && colon != SIZE_MAX && html_event_name(slice_from(name, colon + 1), false))) {
        return "event";
    }
    if (html_word_is(name, SLICE("srcdoc"))) {
        return "srcdoc";
    }
    if (a->value.len == 0) {
        return NULL;
    }
    if (html_word_is(name, SLICE("style")) || html_word_is(name, SLICE("xstyle"))) {
        return html_style_runs(a->value, false) || (in_tag && style_odd(a->value)) ? "style" : NULL;
    }
    if (in_tag && (html_word_is(name, SLICE("xlink:href")) ||
                   html_word_starts(name, SLICE("ev:")) || script_entity(a->value))) {
        return "foreign";
    }
    if (in_tag &&
        (html_word_is(name, SLICE("datasrc")) || html_word_is(name, SLICE("dataformatas")))) {
        return "databinding";
    }
    if (in_tag && directive(name)) {
        return "directive";
    }
    if (html_scheme_runs(a->value)) {
        return in_tag || !html_word_starts(a->value, SLICE("data:")) ? "url" : NULL;
    }
    return NULL;
}

static const char *attr_of_power(tag_power_t power, const html_attr_t *a, slice_t tag)
{
    if (power == TAG_LOADS && a->has_value && names_source(a->name)) {
        /* <link id=...> and <base id=...> load nothing */
        bool plain = html_word_is(a->name, SLICE("id")) && !html_word_is(tag, SLICE("xml"));
        return plain ? NULL : "loads";
    }
    if (power == TAG_ANY && a->has_value) {
        return "loads";
    }
    if (power == TAG_META && html_word_is(a->name, SLICE("http-equiv"))) {
        return "meta";
    }
    if (power == TAG_META && html_word_is(a->name, SLICE("charset")) &&
        html_word_starts(a->value, SLICE("utf-7"))) {
        return "meta";
    }
    return NULL;
}

/* Attributes from `at` on, of a tag that the value (name not empty) or the host opened. */
static bool attrs(look_t *k, xss_context_t context, slice_t tag, size_t at, const size_t *last)
{
    tag_power_t power = tag.len ? power_of(tag) : TAG_PLAIN;
    html_cursor_t c = {.text = k->value, .at = at, .last = {last[0], last[1], last[2]}};
    html_attr_t a;
    while (html_attr_next(&c, &a)) {
        if (k->steps == 0) {
            return found(k, context, "too-deep", at, c.at);
        }
        k->steps--;
        const char *why = attr_active(&a, tag.len > 0);
        why = why || power == TAG_PLAIN ? why : attr_of_power(power, &a, tag);
        if (why) {
            return found(k, context, why, (size_t)(a.name.ptr - k->value.ptr), c.at);
        }
    }
    return false;
}

/* <! and <? */
static bool declaration(look_t *k, size_t at)
{
    slice_t rest = slice_from(k->value, at + 1);
    static const slice_t ACTIVE[] = {
        SLICE("!entity"),     SLICE("![cdata["),      SLICE("!--[if"),          SLICE("!--#exec"),
        SLICE("!--#include"), SLICE("?import"),       SLICE("?xml-stylesheet"), SLICE("!attlist"),
        SLICE("![if"),        SLICE("?xml:namespace")};
    for (size_t i = 0; i < sizeof(ACTIVE) / sizeof(ACTIVE[0]); i++) {
        if (html_word_starts(rest, ACTIVE[i])) {
            return found(k, XSS_DATA, "declaration", at, at + ACTIVE[i].len + 1);
        }
    }
    if (html_word_starts(rest, SLICE("!doctype"))) {
        size_t end = slice_find_byte(rest, '>');
        slice_t inside = slice_sub(rest, 0, end == SIZE_MAX ? rest.len : end);
        if (slice_find_byte(inside, '[') != SIZE_MAX ||
            slice_find(inside, SLICE("SYSTEM")) != SIZE_MAX) {
            return found(k, XSS_DATA, "doctype", at, at + inside.len);
        }
    }
    return false;
}

static bool name_byte(uint8_t c)
{
    return c > 0x20 && c != '/' && c != '>' && c != '<' && c != '"' && c != '\'' && c != '=' &&
           c != '(';
}

static bool tag_at(look_t *k, size_t at, const size_t *last)
{
    slice_t v = k->value;
    size_t from = at + 1;
    while (from < v.len && (v.ptr[from] == 0 || v.ptr[from] == '/')) {
        from++;
    }
    bool closing = from > at + 1 && v.ptr[from - 1] == '/';
    size_t end = from;
    while (end < v.len && (name_byte(v.ptr[end]) || v.ptr[end] == 0)) {
        end++;
    }
    slice_t name = slice_sub(v, from, end - from);
    if (name.len == 0) {
        return false;
    }
    uint8_t first = name.ptr[0] | 0x20;
    if (first < 'a' || first > 'z') {
        return (name.ptr[0] == '!' || name.ptr[0] == '?') && !closing && declaration(k, at);
    }
    if (closing) {
        static const slice_t ENDS[] = {SLICE("script"), SLICE("style"), SLICE("textarea"),
                                       SLICE("title"), SLICE("noscript")};
        if (html_word_is(name, ENDS[0]) || html_word_is(name, ENDS[1])) {
            return found(k, XSS_DATA, "end-tag", at, end);
        }
    }
    tag_power_t power = power_of(name);
    if (power == TAG_ACTIVE) {
        return found(k, XSS_DATA, "tag", at, end);
    }
    if (power == TAG_STYLE && html_style_runs(slice_from(v, end), false)) {
        return found(k, XSS_DATA, "style", at, v.len);
    }
    /* <script that something odd follows: <script<b>, <scriptx is none */
    if (html_word_starts(name, SLICE("script")) && name.len > 6 &&
        !((name.ptr[6] | 0x20) >= 'a' && (name.ptr[6] | 0x20) <= 'z')) {
        return name.ptr[6] < 0x80 && name.ptr[6] != '-' && name.ptr[6] != '_' &&
               name.ptr[6] != '.' && name.ptr[6] != ',' && found(k, XSS_DATA, "tag", at, end);
    }
    return attrs(k, XSS_DATA, name, end, last);
}

static bool in_data(look_t *k, const size_t *last)
{
    slice_t v = k->value;
    for (size_t i = 0; i + 1 < v.len; i++) {
        if (v.ptr[i] == '<' && tag_at(k, i, last)) {
            return true;
        }
    }
    return false;
}

/* ---- the other contexts ---- */

static bool in_attribute(look_t *k, uint8_t quote, xss_context_t context, const size_t *last)
{
    size_t end = slice_find_byte(k->value, quote);
    return end != SIZE_MAX && attrs(k, context, SLICE_EMPTY, end + 1, last);
}

static bool in_url(look_t *k)
{
    slice_t url = k->value;
    while (url.len &&
           (url.ptr[0] == '"' || url.ptr[0] == '\'' || url.ptr[0] == '=' || url.ptr[0] == ' ')) {
        url = slice_from(url, 1);
    }
    if (!html_scheme_runs(url)) {
        return false;
    }
    size_t colon = slice_find_byte(url, ':');
    slice_t rest = colon == SIZE_MAX ? url : slice_from(url, colon + 1);
    if (html_word_starts(url, SLICE("data:"))) {
        bool page = slice_find_byte(rest, ',') != SIZE_MAX &&
                    (html_word_starts(rest, SLICE("text/html")) ||
                     html_word_starts(rest, SLICE("image/svg")) ||
                     html_word_starts(rest, SLICE("text/xml")) ||
                     html_word_starts(rest, SLICE("application/x")) ||
                     html_word_starts(rest, SLICE("text/javascript")));
        return page && found(k, XSS_URL, "url", 0, k->value.len);
    }
    return js_like(rest) && found(k, XSS_URL, "url", 0, k->value.len);
}

static bool in_script(look_t *k)
{
    size_t at = js_breakout(k->value);
    if (at != SIZE_MAX) {
        return found(k, XSS_SCRIPT, "breakout", at, k->value.len);
    }
    return js_whole(k->value) && found(k, XSS_SCRIPT, "script", 0, k->value.len);
}

bool xss_possible(uint32_t seen, size_t len)
{
    const uint32_t signs = BYTES_LESS | BYTES_EQUAL | BYTES_PAREN | BYTES_BACKTICK | BYTES_BRACKET;
    return len > 4 && (seen & BYTES_LETTER) &&
           ((seen & signs) || (seen & BYTES_COLON) || (seen & BYTES_DOT));
}

bool xss_detect(slice_t value, xss_found_t *ret_found)
{
    uint32_t seen = bytes_seen(value);
    look_t k = {.value = value, .steps = 8 * value.len + 64, .ret_found = ret_found};
    if (!xss_possible(seen, value.len)) {
        return false;
    }
    size_t last[3] = {0};
    if (seen & (BYTES_EQUAL | BYTES_LESS)) {
        html_cursor_t c = html_on(value, 0);
        memcpy(last, c.last, sizeof(last));
    }
    if (seen & BYTES_LESS && in_data(&k, last)) {
        return true;
    }
    if (seen & BYTES_EQUAL) {
        if (attrs(&k, XSS_TAG, SLICE_EMPTY, 0, last) ||
            ((seen & BYTES_DOUBLE) && in_attribute(&k, '"', XSS_ATTR_DOUBLE, last)) ||
            ((seen & BYTES_SINGLE) && in_attribute(&k, '\'', XSS_ATTR_SINGLE, last)) ||
            ((seen & BYTES_BACKTICK) && in_attribute(&k, '`', XSS_ATTR_BACKTICK, last))) {
            return true;
        }
    }
    if ((seen & (BYTES_COLON | BYTES_HASH | BYTES_AMPERSAND)) && in_url(&k)) {
        return true;
    }
    if ((seen & (BYTES_COLON | BYTES_LESS | BYTES_BACKSLASH)) &&
        (seen & (BYTES_PAREN | BYTES_COLON | BYTES_AT)) && html_style_runs(value, true)) {
        return found(&k, XSS_STYLE, "style", 0, value.len);
    }
    return in_script(&k);
}
