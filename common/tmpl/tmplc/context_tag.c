#include "context.h"

static bool is_name(uint8_t b)
{
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '-' ||
           b == '_' || b == ':';
}

static size_t name_len(slice_t s)
{
    size_t len = 0;
    while (len < s.len && is_name(s.ptr[len])) {
        len++;
    }
    return len;
}

static bool skip_space(scan_t *s)
{
    size_t len = 0;
    while (len < s->rest.len && chars_is_space(s->rest.ptr[len])) {
        len++;
    }
    (void)scan_take(s, len);
    return len > 0;
}

static bool in_svg(const context_t *c)
{
    for (const open_element_t *o = c->open; o; o = o->parent) {
        if (slice_eq(slice_cstr_in(o->element->name), SLICE("svg"))) {
            return true;
        }
    }
    return false;
}

/* An element of this name among the open ones, looking out as far as a browser does. */
static bool is_open(const context_t *c, const char *name, bool scoped)
{
    for (const open_element_t *o = c->open; o; o = o->parent) {
        if (slice_eq(slice_cstr_in(o->element->name), slice_cstr_in(name))) {
            return true;
        }
        if (scoped && (o->element->flags & EL_SCOPE)) {
            return false;
        }
    }
    return false;
}

static const element_t *known_element(context_t *c, slice_t name, pos_t pos)
{
    const char *forbidden = element_forbidden(name);
    if (forbidden) {
        unit_error(c->unit, pos, "<%.*s> may not be used: %s", SLICE_FMT(name), forbidden);
        return NULL;
    }
    const element_t *e = element_find(name, in_svg(c));
    if (!e) {
        unit_error(c->unit, pos, "there is no element <%.*s>%s", SLICE_FMT(name),
                   in_svg(c) ? " in svg here" : " (names are written in lower case)");
    }
    return e;
}

static void check_nesting(context_t *c, const element_t *e, pos_t pos)
{
    if ((e->flags & EL_BLOCK) && is_open(c, "p", true)) {
        unit_error(c->unit, pos, "<%s> cannot stand in <p>: a browser ends the <p> before it",
                   e->name);
    }
    if ((e->flags & EL_NO_SELF) && is_open(c, e->name, false)) {
        unit_error(c->unit, pos, "<%s> cannot stand inside another <%s>", e->name, e->name);
    }
}

void context_tag_begin(context_t *c, scan_t *s)
{
    pos_t pos = s->pos;
    size_t len = name_len(slice_from(s->rest, 1));
    if (len == 0) {
        bool last = s->rest.len == 1;
        (void)scan_take(s, 1);
        if (last) {
            c->place = PL_TAG_OPEN;
        } else {
            unit_error(c->unit, pos, "'<' begins a tag: write &lt; for the character");
        }
        return;
    }
    slice_t name = slice_sub(s->rest, 1, len);
    const element_t *e = known_element(c, name, pos);
    (void)scan_take(s, len + 1);
    if (!e) {
        /* Its attributes are read so that the rest makes sense; then it is forgotten. */
        static const element_t unknown = {"?", EL_VOID};
        e = &unknown;
    }
    check_nesting(c, e, pos);
    c->tag = e;
    c->tag_pos = pos;
    c->attrs = NULL;
    c->place = PL_TAG_NAME;
    context_put(c, SLICE("<"));
    context_put(c, name);
    context_scan_tag(c, s);
}

static void close_form(context_t *c)
{
    if (c->in_post && !c->csrf) {
        unit_error(c->unit, c->form_pos, "this POST form has no {%% csrf %%} on every path");
    }
    c->in_post = c->in_get = c->csrf = false;
}

static void pop(context_t *c, slice_t name, pos_t pos)
{
    open_element_t *o = c->open;
    if (o && slice_eq(slice_cstr_in(o->element->name), name)) {
        c->open = o->parent;
        if (slice_eq(name, SLICE("form"))) {
            close_form(c);
        }
        return;
    }
    if (!o) {
        unit_error(c->unit, pos, "</%.*s> closes nothing", SLICE_FMT(name));
        return;
    }
    unit_error(c->unit, pos, "</%.*s> does not close <%s> of line %u", SLICE_FMT(name),
               o->element->name, o->pos.line);
    while (o && !slice_eq(slice_cstr_in(o->element->name), name)) {
        o = o->parent;
    }
    c->open = o ? o->parent : c->open;
}

void context_tag_close(context_t *c, scan_t *s)
{
    pos_t pos = s->pos;
    size_t len = name_len(slice_from(s->rest, 2));
    slice_t name = slice_sub(s->rest, 2, len);
    (void)scan_take(s, len + 2);
    skip_space(s);
    if (s->rest.len == 0) {
        c->place = PL_TAG_OPEN;
        return;
    }
    if (len == 0 || s->rest.ptr[0] != '>') {
        unit_error(c->unit, pos, "an end tag is </name> and nothing else");
        return;
    }
    (void)scan_take(s, 1);
    const element_t *e = element_find(name, false);
    if (e && (e->flags & EL_VOID)) {
        unit_error(c->unit, pos, "<%s> has no end tag", e->name);
        return;
    }
    pop(c, name, pos);
    c->place = PL_TEXT;
    context_put(c, SLICE("</"));
    context_put(c, name);
    context_put(c, SLICE(">"));
}

/* --- the end of a start tag --- */

static const attr_t *attr_of(const context_t *c, const char *name)
{
    for (const attr_t *a = c->attrs; a; a = a->next) {
        if (slice_eq(a->name, slice_cstr_in(name))) {
            return a;
        }
    }
    return NULL;
}

static bool attr_is(const context_t *c, const char *name, const char *value)
{
    const attr_t *a = attr_of(c, name);
    return a && a->literal && slice_eq_nocase(a->value, slice_cstr_in(value));
}

static bool has_word(slice_t value, const char *word)
{
    slice_t part;
    while (slice_split(&value, ' ', &part)) {
        if (slice_eq_nocase(part, slice_cstr_in(word))) {
            return true;
        }
    }
    return false;
}

static void check_needed(context_t *c, const char *element, const char *attr, const char *why)
{
    const attr_t *a = attr_of(c, attr);
    if (slice_eq(slice_cstr_in(c->tag->name), slice_cstr_in(element)) && !(a && a->always)) {
        unit_error(c->unit, c->tag_pos, "<%s> without '%s'%s: %s", element, attr,
                   a ? " on every path" : "", why);
    }
}

static void check_input(context_t *c)
{
    const attr_t *auto_fill = attr_of(c, "autocomplete"), *value = attr_of(c, "value");
    if (auto_fill && auto_fill->literal && slice_find(auto_fill->value, SLICE("cc-")) != SIZE_MAX) {
        unit_error(c->unit, auto_fill->pos, "no form has a field for card data (law 5)");
    }
    bool button =
        attr_is(c, "type", "submit") || attr_is(c, "type", "button") || attr_is(c, "type", "reset");
    for (slice_t rest = button && value && value->literal ? value->value : SLICE_EMPTY; rest.len;) {
        context_words(c, chars_take(&rest), value->pos);
    }
}

static void check_form(context_t *c)
{
    const attr_t *method = attr_of(c, "method");
    bool post = attr_is(c, "method", "post"), get = attr_is(c, "method", "get");
    if (method && !post && !get) {
        unit_error(c->unit, method->pos, "a form's method is \"get\" or \"post\"");
    }
    c->in_post = post;
    c->in_get = get;
    c->csrf = false;
    c->form_pos = c->tag_pos;
}

static void check_links(context_t *c)
{
    const attr_t *target = attr_of(c, "target"), *rel = attr_of(c, "rel");
    bool blank = target && target->literal && !slice_eq(target->value, SLICE("_self")) &&
                 !slice_eq(target->value, SLICE("_top"));
    slice_t words = rel && rel->literal && rel->always ? rel->value : SLICE_EMPTY;
    if (blank && !has_word(words, "noopener") && !has_word(words, "noreferrer")) {
        unit_error(c->unit, target->pos, "target=\"%.*s\" without rel=\"noopener\"",
                   SLICE_FMT(target->value));
    }
    bool script = c->tag->flags & EL_SCRIPT;
    const attr_t *url = attr_of(c, script ? "src" : "href");
    bool loads = script || (slice_eq(slice_cstr_in(c->tag->name), SLICE("link")) &&
                            (has_word(words, "stylesheet") || has_word(words, "preload") ||
                             has_word(words, "modulepreload")));
    if (loads && url && url->url_value) {
        unit_error(c->unit, url->pos,
                   "what a page loads as script or style begins with a literal path");
    }
}

static void check_meta(context_t *c)
{
    const attr_t *content = attr_of(c, "content");
    if (attr_of(c, "http-equiv") && content && !content->literal) {
        unit_error(c->unit, content->pos, "a value in the content of <meta http-equiv>");
    }
}

static void check_tag(context_t *c)
{
    slice_t name = slice_cstr_in(c->tag->name);
    check_needed(c, "img", "alt", "say what it shows, or alt=\"\" for a decoration");
    check_needed(c, "html", "lang", "write lang=\"{{lang}}\"");
    check_needed(c, "form", "method", "write get or post");
    check_needed(c, "script", "src", "no inline script (content policy)");
    check_links(c);
    if (slice_eq(name, SLICE("form"))) {
        check_form(c);
    } else if (slice_eq(name, SLICE("meta"))) {
        check_meta(c);
    } else if (slice_eq(name, SLICE("input")) || slice_eq(name, SLICE("select")) ||
               slice_eq(name, SLICE("textarea"))) {
        check_input(c);
    }
}

static void finish(context_t *c, bool self_closed)
{
    check_tag(c);
    const element_t *e = c->tag;
    bool svg = in_svg(c);
    if (self_closed && !svg && !(e->flags & EL_VOID)) {
        unit_error(c->unit, c->tag_pos, "<%s/> is not closed by its '/': write </%s>", e->name,
                   e->name);
    }
    context_put(c, self_closed && svg ? SLICE("/>") : SLICE(">"));
    c->attrs = NULL;
    c->place = PL_TEXT;
    if ((e->flags & EL_VOID) || self_closed) {
        return;
    }
    open_element_t *o = UNIT_NEW(c->unit, open_element_t);
    *o = (open_element_t){c->open, e, c->tag_pos};
    c->open = o;
    c->place = e->flags & EL_RCDATA ? PL_RCDATA : e->flags & EL_SCRIPT ? PL_SCRIPT : PL_TEXT;
    if (e->flags & EL_RCDATA) {
        c->at_start = true;
    }
    if (e->flags & EL_VERBATIM) {
        context_put(c, SLICE("\n")); /* a browser drops the first line break: let it be ours */
    }
}

/* --- attributes --- */

static void attr_begin(context_t *c, slice_t name, pos_t pos)
{
    const char *forbidden = attr_forbidden(name);
    if (forbidden) {
        unit_error(c->unit, pos, "the attribute '%.*s' may not be used: %s", SLICE_FMT(name),
                   forbidden);
    }
    for (size_t i = 0; !in_svg(c) && !(c->tag->flags & EL_SVG) && i < name.len; i++) {
        bool svg = slice_eq(slice_cstr_in(c->tag->name), SLICE("svg"));
        if (!svg && name.ptr[i] >= 'A' && name.ptr[i] <= 'Z') {
            unit_error(c->unit, pos, "attribute names are written in lower case");
            break;
        }
    }
    for (const attr_t *a = c->attrs; a; a = a->next) {
        if (slice_eq_nocase(a->name, name)) {
            unit_error(c->unit, pos, "the attribute '%.*s' stands here twice", SLICE_FMT(name));
            break;
        }
    }
    attr_t *a = UNIT_NEW(c->unit, attr_t);
    *a = (attr_t){.next = c->attrs, .name = name, .pos = pos, .literal = true, .always = true};
    c->attrs = a;
    c->attr_kind = attr_kind_of(name);
    c->url = URL_START;
    c->scheme_len = 0;
    context_put(c, SLICE(" "));
    context_put(c, name);
}

static void scan_unquoted(context_t *c, scan_t *s)
{
    size_t len = 0;
    while (len < s->rest.len && is_name(s->rest.ptr[len])) {
        len++;
    }
    if (c->attr_kind != AT_PLAIN && c->attr_kind != AT_LITERAL) {
        unit_error(c->unit, s->pos, "put quotes around the value of '%.*s'",
                   SLICE_FMT(c->attrs->name));
    }
    bool ends = len < s->rest.len;
    uint8_t next = ends ? s->rest.ptr[len] : 0;
    if (ends && (len == 0 || (!chars_is_space(next) && next != '>'))) {
        unit_error(c->unit, s->pos, "put quotes around the value of '%.*s'",
                   SLICE_FMT(c->attrs->name));
        len += len == 0;
    }
    c->attrs->value = scan_take(s, len);
    context_put(c, c->attrs->value);
    c->place = ends ? PL_TAG_TIGHT : PL_UNQUOTED;
}

/* Behind '='. */
static void scan_value_begin(context_t *c, scan_t *s)
{
    skip_space(s);
    context_put(c, SLICE("="));
    c->place = PL_ATTR_EQUALS;
    if (s->rest.len == 0) {
        return;
    }
    uint8_t b = s->rest.ptr[0];
    if (b != '"' && b != '\'') {
        scan_unquoted(c, s);
        return;
    }
    c->quote = b;
    c->place = PL_VALUE;
    c->at_start = false;
    c->space = c->line_break = false;
    memset(c->left, 0, sizeof c->left);
    context_put(c, scan_take(s, 1));
    size_t end = slice_find_byte(s->rest, b);
    c->attrs->value = end == SIZE_MAX ? SLICE_EMPTY : slice_sub(s->rest, 0, end);
    c->attrs->literal = end != SIZE_MAX;
}

static void scan_attr(context_t *c, scan_t *s)
{
    pos_t pos = s->pos;
    size_t len = name_len(s->rest);
    if (len == 0) {
        unit_error(c->unit, pos, "'%c' has no place in a tag",
                   s->rest.ptr[0] < 0x80 ? s->rest.ptr[0] : '?');
        (void)scan_take(s, 1);
        return;
    }
    if (c->place != PL_TAG) {
        unit_error(c->unit, pos, "a space is missing before this attribute");
    }
    slice_t name = scan_take(s, len);
    attr_begin(c, name, pos);
    c->place = PL_ATTR_NAME;
    scan_t ahead = *s;
    bool space = skip_space(&ahead);
    if (ahead.rest.len && ahead.rest.ptr[0] == '=') {
        *s = ahead;
        (void)scan_take(s, 1);
        scan_value_begin(c, s);
    } else if (space) {
        *s = ahead;
        c->place = PL_TAG;
    }
}

void context_scan_tag(context_t *c, scan_t *s)
{
    while (s->rest.len) {
        if (skip_space(s)) {
            c->place = PL_TAG;
            continue;
        }
        if (s->rest.ptr[0] == '>') {
            (void)scan_take(s, 1);
            finish(c, false);
            return;
        }
        if (slice_starts(s->rest, SLICE("/>"))) {
            (void)scan_take(s, 2);
            finish(c, true);
            return;
        }
        scan_attr(c, s);
        if (c->place == PL_VALUE) {
            return;
        }
    }
}

/* --- values --- */

/* ':' behind letters: a scheme. */
static void url_scheme(context_t *c, pos_t pos)
{
    slice_t scheme = slice_make(c->scheme, c->scheme_len);
    if (c->url == URL_VALUE) {
        unit_error(c->unit, pos, "':' behind a value could make a scheme of it");
        c->url = URL_SAFE;
    } else if (!url_scheme_allowed(scheme)) {
        unit_error(c->unit, pos, "a link's scheme is http, https, mailto or tel, not '%.*s:'",
                   SLICE_FMT(scheme));
        c->url = URL_SAFE;
    } else {
        c->url = slice_starts(scheme, SLICE("http")) ? URL_HOST : URL_SAFE;
        c->host_slashes = 0;
    }
}

/* Before the place where everything is path, query or fragment. */
static void url_beginning(context_t *c, uint32_t ch, pos_t pos)
{
    bool ends = ch == '/' || ch == '?' || ch == '#';
    if (c->url == URL_WHOLE && ch != '?' && ch != '#') {
        unit_error(c->unit, pos, "behind a value of type url only '?' or '#' may follow");
        c->url = URL_SAFE;
    } else if (c->url == URL_SLASH && ch == '/') {
        unit_error(c->unit, pos, "'//' begins a host: write https://");
        c->url = URL_SAFE;
    } else if (c->url == URL_HOST && ch == '/' && c->host_slashes < 2) {
        c->host_slashes++;
    } else if (c->url == URL_START && ch == '/') {
        c->url = URL_SLASH;
    } else if (ends || c->url == URL_SLASH) {
        c->url = URL_SAFE;
    } else if (ch == '&') {
        unit_error(c->unit, pos, "a character reference where a URL's scheme or host could be");
        c->url = URL_SAFE;
    } else if (ch == ':' && c->url != URL_HOST) {
        url_scheme(c, pos);
    } else if (c->url == URL_START || c->url == URL_HEAD) {
        c->url = URL_HEAD;
        bool upper = ch >= 'A' && ch <= 'Z';
        if (c->scheme_len < SCHEME_MAX) {
            c->scheme[c->scheme_len++] = (char)(ch >= 0x80 ? '?' : upper ? ch + 32 : ch);
        }
    }
}

static void url_literal(context_t *c, uint32_t ch, pos_t pos)
{
    if (ch <= ' ' || ch == '\\' || ch == '"' || ch == '<' || ch == '>' || ch == '`') {
        unit_error(c->unit, pos, "this character has no place in a URL");
        c->url = URL_SAFE;
    } else if (c->url != URL_SAFE) {
        url_beginning(c, ch, pos);
    }
}

static void value_space(context_t *c, scan_t *s)
{
    size_t len = 0;
    bool line_break = false;
    while (len < s->rest.len && chars_is_space(s->rest.ptr[len])) {
        line_break = line_break || s->rest.ptr[len] == '\n';
        len++;
    }
    slice_t run = scan_take(s, len);
    if (line_break) {
        c->space = c->line_break = true;
    } else {
        context_space_flush(c, NULL);
        context_put(c, run);
    }
    if (!line_break) {
        memset(c->left, 0, sizeof c->left);
    }
}

static void value_character(context_t *c, scan_t *s)
{
    slice_t rest = s->rest;
    uint32_t ch = chars_take(&rest);
    uint32_t here[LANGS];
    for (unsigned i = 0; i < LANGS; i++) {
        here[i] = ch;
    }
    context_space_flush(c, here);
    if (c->attr_kind == AT_URL) {
        url_literal(c, ch, s->pos);
    } else if (c->attr_kind == AT_WORDS) {
        context_words(c, ch, s->pos);
    }
    memcpy(c->left, here, sizeof here);
    if (ch == '&') {
        context_entity(c, s);
    } else if (ch == '<' || ch == '>') {
        context_put(c, ch == '<' ? SLICE("&lt;") : SLICE("&gt;"));
        (void)scan_take(s, 1);
    } else {
        context_put(c, scan_take(s, s->rest.len - rest.len));
    }
}

void context_scan_value(context_t *c, scan_t *s)
{
    while (s->rest.len) {
        uint8_t b = s->rest.ptr[0];
        if (b == c->quote) {
            context_space_flush(c, NULL);
            context_put(c, scan_take(s, 1));
            c->place = PL_TAG_TIGHT;
            c->words_told = false;
            return;
        }
        if (chars_is_space(b) && c->attr_kind != AT_URL) {
            value_space(c, s);
        } else {
            value_character(c, s);
        }
    }
}
