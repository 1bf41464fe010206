#include "context.h"

context_t context_new(unit_t *u, emitter_t *e, bool plain)
{
    return (context_t){.unit = u, .emitter = e, .plain = plain, .at_start = true};
}

slice_t scan_take(scan_t *s, size_t bytes)
{
    slice_t taken = slice_sub(s->rest, 0, bytes);
    s->pos = pos_after(s->pos, taken);
    s->rest = slice_from(s->rest, bytes);
    return taken;
}

void context_put(context_t *c, slice_t text)
{
    c->after_space = c->after_space && text.len == 0;
    emit_literal(c->emitter, ALL_LANGS, text);
}

static void set_left(context_t *c, const uint32_t *last)
{
    for (unsigned i = 0; i < LANGS; i++) {
        c->left[i] = last ? last[i] : 0;
    }
    c->at_start = false;
}

/* A run with a line break vanishes between two CJK characters, language by language. */
void context_space_flush(context_t *c, const uint32_t *right)
{
    bool due = c->space && !c->at_start && !c->after_space;
    unsigned langs = ALL_LANGS;
    for (unsigned i = 0; c->line_break && right && i < LANGS; i++) {
        if (chars_is_cjk(c->left[i]) && chars_is_cjk(right[i])) {
            langs &= ~(1U << i);
        }
    }
    bool text = c->place == PL_TEXT || c->place == PL_RCDATA, newline = c->line_break && text;
    c->space = c->line_break = false;
    if (due && langs) {
        c->after_space = text && langs == ALL_LANGS;
        emit_literal(c->emitter, langs, newline ? SLICE("\n") : SLICE(" "));
    }
}

void context_settle(context_t *c)
{
    context_space_flush(c, NULL);
    set_left(c, NULL);
}

void context_words(context_t *c, uint32_t character, pos_t pos)
{
    if (!c->words_told && chars_is_letter(character)) {
        unit_error(c->unit, pos,
                   "words that people read come from the catalogue: {%% t \"key\" %%}; what is the "
                   "same in every language is written {{\"...\"}}");
        c->words_told = true;
    }
}

/* At '&': a character reference stays as it is, any other '&' becomes one. */
void context_entity(context_t *c, scan_t *s)
{
    size_t len = 1;
    while (len < s->rest.len && len < 32) {
        uint8_t b = s->rest.ptr[len];
        bool part = (b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') ||
                    (b == '#' && len == 1);
        if (!part) {
            break;
        }
        len++;
    }
    bool reference = len > 1 && len < s->rest.len && s->rest.ptr[len] == ';';
    context_put(c, reference ? scan_take(s, len + 1) : SLICE("&amp;"));
    if (!reference) {
        (void)scan_take(s, 1);
    }
}

static bool verbatim(const context_t *c)
{
    for (const open_element_t *o = c->open; o; o = o->parent) {
        if (o->element->flags & EL_VERBATIM) {
            return true;
        }
    }
    return false;
}

/* One character of text, RCDATA or a plain template. */
static void scan_character(context_t *c, scan_t *s)
{
    slice_t rest = s->rest;
    uint32_t character = chars_take(&rest);
    size_t len = s->rest.len - rest.len;
    bool keep = c->plain || verbatim(c);
    if (!keep && chars_is_space(character)) {
        c->space = true;
        c->line_break = c->line_break || character == '\n';
        (void)scan_take(s, len);
        return;
    }
    uint32_t here[LANGS];
    for (unsigned i = 0; i < LANGS; i++) {
        here[i] = character;
    }
    context_space_flush(c, here);
    if (character == '&' && !c->plain) {
        context_entity(c, s);
        set_left(c, NULL);
        return;
    }
    context_words(c, character, s->pos);
    context_put(c, character == '\r' && keep ? SLICE("") : slice_sub(s->rest, 0, len));
    (void)scan_take(s, len);
    set_left(c, here);
}

/* The text up to `mark`, and it, without writing it. False when it is not in this literal. */
static bool skip_past(scan_t *s, slice_t mark)
{
    size_t at = slice_find(s->rest, mark);
    (void)scan_take(s, at == SIZE_MAX ? s->rest.len : at + mark.len);
    return at != SIZE_MAX;
}

/* At "<!" or "<?". */
static void scan_declaration(context_t *c, scan_t *s)
{
    static const char doctype[] = "<!doctype html>";
    if (slice_starts(s->rest, SLICE("<!--"))) {
        pos_t pos = s->pos;
        (void)scan_take(s, 4);
        if (slice_starts(s->rest, SLICE(">")) || slice_starts(s->rest, SLICE("->"))) {
            unit_error(c->unit, pos, "a browser ends this comment at once");
        }
        c->place = skip_past(s, SLICE("-->")) ? PL_TEXT : PL_COMMENT;
        return;
    }
    context_settle(c);
    if (slice_eq_nocase(slice_sub(s->rest, 0, sizeof doctype - 1), slice_cstr_in(doctype))) {
        context_put(c, SLICE("<!DOCTYPE html>"));
        (void)scan_take(s, sizeof doctype - 1);
        return;
    }
    unit_error(c->unit, s->pos, "only <!DOCTYPE html> and <!-- comments --> may begin with '<!'");
    (void)skip_past(s, SLICE(">"));
}

static void scan_text(context_t *c, scan_t *s)
{
    if (s->rest.ptr[0] != '<') {
        scan_character(c, s);
        return;
    }
    uint8_t next = s->rest.len > 1 ? s->rest.ptr[1] : 0;
    if (next == '!' || next == '?') {
        scan_declaration(c, s);
    } else if (next == '/') {
        context_settle(c);
        context_tag_close(c, s);
    } else {
        context_settle(c);
        context_tag_begin(c, s);
    }
}

static void scan_rcdata(context_t *c, scan_t *s)
{
    if (s->rest.ptr[0] != '<') {
        scan_character(c, s);
        return;
    }
    slice_t name = slice_cstr_in(c->open->element->name);
    if (slice_starts(s->rest, SLICE("</")) && slice_starts(slice_from(s->rest, 2), name)) {
        c->space = c->line_break = false; /* blanks at its end are not part of a title */
        context_tag_close(c, s);
        return;
    }
    unit_error(c->unit, s->pos, "<%.*s> holds text only, no tags", SLICE_FMT(name));
    (void)scan_take(s, 1);
}

static void scan_script(context_t *c, scan_t *s)
{
    if (chars_is_space(s->rest.ptr[0])) {
        (void)scan_take(s, 1);
    } else if (slice_starts(s->rest, SLICE("</script"))) {
        context_tag_close(c, s);
    } else {
        unit_error(c->unit, s->pos, "script stands in a file of its own: <script src> is empty");
        size_t at = slice_find(s->rest, SLICE("</script"));
        (void)scan_take(s, at == SIZE_MAX ? s->rest.len : at);
    }
}

/* Behind a name or '=' something cut the literal (a comment or a statement that was let pass). */
static void resume(context_t *c, scan_t *s)
{
    if (c->place == PL_TAG_NAME || c->place == PL_ATTR_NAME) {
        c->place = PL_TAG_TIGHT;
    } else if (c->place == PL_TAG_OPEN || c->place == PL_ATTR_EQUALS || c->place == PL_UNQUOTED) {
        unit_error(c->unit, s->pos, "a comment in the middle of a tag");
        c->place = c->place == PL_TAG_OPEN ? PL_TEXT : PL_TAG;
    }
}

void context_literal(context_t *c, slice_t text, pos_t pos)
{
    scan_t s = {text, pos};
    c->words_told = false;
    if (s.rest.len) {
        resume(c, &s);
    }
    while (s.rest.len) {
        if (c->plain) {
            scan_character(c, &s);
        } else if (c->place == PL_TEXT) {
            scan_text(c, &s);
        } else if (c->place == PL_RCDATA) {
            scan_rcdata(c, &s);
        } else if (c->place == PL_SCRIPT) {
            scan_script(c, &s);
        } else if (c->place == PL_COMMENT) {
            c->place = skip_past(&s, SLICE("-->")) ? PL_TEXT : PL_COMMENT;
        } else if (c->place == PL_VALUE) {
            context_scan_value(c, &s);
        } else {
            context_scan_tag(c, &s);
        }
    }
}

static bool refuse(context_t *c, pos_t pos, const char *where)
{
    unit_error(c->unit, pos, "no value or statement may stand in %s", where);
    return false;
}

/* Places where nothing of the language may stand; NULL where something may. */
static const char *closed_place(const context_t *c)
{
    switch (c->place) {
    case PL_SCRIPT:
        return "a script";
    case PL_COMMENT:
        return "an HTML comment (write {# ... #})";
    case PL_TAG_OPEN:
        return "a tag's name";
    case PL_ATTR_EQUALS:
    case PL_UNQUOTED:
        return "an unquoted attribute: put quotes";
    case PL_TEXT:
    case PL_RCDATA:
    case PL_TAG_NAME:
    case PL_TAG:
    case PL_TAG_TIGHT:
    case PL_ATTR_NAME:
    case PL_VALUE:
        break;
    }
    return NULL;
}

bool context_statement(context_t *c, pos_t pos, const char *what)
{
    const char *closed = closed_place(c);
    if (closed) {
        return refuse(c, pos, closed);
    }
    if (c->place == PL_VALUE && c->attr_kind == AT_LITERAL) {
        unit_error(c->unit, pos, "'%s' in the attribute '%.*s', which is written out whole", what,
                   SLICE_FMT(c->attrs->name));
        return false;
    }
    if (c->place == PL_TAG_NAME || c->place == PL_ATTR_NAME) {
        c->place = PL_TAG_TIGHT;
    }
    if (c->place == PL_VALUE) {
        c->attrs->literal = false;
    }
    context_settle(c);
    return true;
}

static bool value_in_url(context_t *c, pos_t pos, type_kind_t kind, slice_t what, escape_t *ret)
{
    if (kind == TY_URL && c->url == URL_START) {
        c->url = URL_WHOLE;
        c->attrs->url_value = true;
        *ret = ESC_URL;
        return true;
    }
    const char *why = c->url == URL_START
                          ? "begins a URL: declare it as url, or put a literal path before it"
                      : c->url == URL_HOST  ? "stands in a URL's host: give the whole URL as url"
                      : c->url == URL_WHOLE ? "follows a whole URL: put '?' or '#' between"
                                            : NULL;
    if (why) {
        unit_error(c->unit, pos, "'%.*s' %s", SLICE_FMT(what), why);
        return false;
    }
    *ret = c->url == URL_SLASH ? ESC_SEGMENT : ESC_COMPONENT;
    c->url = c->url == URL_HEAD || c->url == URL_VALUE ? URL_VALUE : URL_SAFE;
    return true;
}

static bool value_in_attr(context_t *c, pos_t pos, type_kind_t kind, slice_t what, escape_t *ret)
{
    slice_t name = c->attrs->name;
    if (c->attr_kind == AT_LITERAL) {
        unit_error(c->unit, pos, "a value in the attribute '%.*s', which is written out whole",
                   SLICE_FMT(name));
        return false;
    }
    if (kind == TY_HTML) {
        unit_error(c->unit, pos, "'%.*s' is html: it can stand in text only", SLICE_FMT(what));
        return false;
    }
    c->attrs->literal = false;
    if (c->attr_kind == AT_URL) {
        if (kind == TY_MSG) {
            unit_error(c->unit, pos, "a message in a URL");
            return false;
        }
        return value_in_url(c, pos, kind, what, ret);
    }
    *ret = ESC_ATTR;
    return true;
}

bool context_value(context_t *c, pos_t pos, type_kind_t kind, slice_t what, escape_t *ret_escape,
                   const uint32_t *first, const uint32_t *last)
{
    const char *closed = closed_place(c);
    closed = c->place == PL_TAG_NAME    ? "a tag's name"
             : c->place == PL_ATTR_NAME ? "an attribute's name"
             : c->place == PL_TAG || c->place == PL_TAG_TIGHT
                 ? "a tag, outside its quoted attributes"
                 : closed;
    if (closed) {
        return refuse(c, pos, closed);
    }
    context_space_flush(c, first);
    c->after_space = false;
    bool ok = true;
    if (c->plain) {
        *ret_escape = ESC_PLAIN;
        ok = kind != TY_HTML;
    } else if (c->place == PL_VALUE) {
        ok = value_in_attr(c, pos, kind, what, ret_escape);
        set_left(c, last);
        return ok;
    } else {
        *ret_escape = ESC_TEXT;
        ok = kind != TY_HTML || c->place == PL_TEXT;
    }
    if (!ok) {
        unit_error(c->unit, pos, "'%.*s' is html: it can stand in text only", SLICE_FMT(what));
    }
    set_left(c, last);
    return ok;
}

bool context_markup(context_t *c, pos_t pos, const char *what)
{
    if (c->place != PL_TEXT) {
        unit_error(c->unit, pos, "%s can stand in text only, not in a tag, title or textarea",
                   what);
        return false;
    }
    context_settle(c);
    c->after_space = false;
    return true;
}

void context_csrf(context_t *c, pos_t pos)
{
    if (c->plain || !context_markup(c, pos, "{% csrf %}")) {
        return;
    }
    if (!c->in_post) {
        unit_error(c->unit, pos, "{%% csrf %%} outside a <form method=\"post\">%s",
                   c->in_get ? ": in a GET form the token would show in the address" : "");
    }
    c->csrf = true;
}

static const char *place_text(const context_t *c)
{
    static const char *const texts[] = {
        [PL_TEXT] = "in text",
        [PL_RCDATA] = "in a title or textarea",
        [PL_SCRIPT] = "in a script",
        [PL_COMMENT] = "in a comment",
        [PL_TAG_OPEN] = "in a tag",
        [PL_TAG_NAME] = "in a tag",
        [PL_TAG] = "in a tag",
        [PL_TAG_TIGHT] = "in a tag",
        [PL_ATTR_NAME] = "in a tag",
        [PL_ATTR_EQUALS] = "in an attribute",
        [PL_UNQUOTED] = "in an attribute",
        [PL_VALUE] = "in an attribute's value",
    };
    return texts[c->place];
}

static bool same_open(const open_element_t *a, const open_element_t *b)
{
    for (; a != b && a && b; a = a->parent, b = b->parent) {
        if (a->element != b->element) {
            return false;
        }
    }
    return a == b;
}

static place_t between(place_t p)
{
    return p == PL_TAG_NAME || p == PL_ATTR_NAME || p == PL_TAG ? PL_TAG_TIGHT : p;
}

static bool same_place(const context_t *a, const context_t *b)
{
    bool same = between(a->place) == between(b->place);
    bool value = same && a->place == PL_VALUE;
    if (value) {
        same = a->quote == b->quote && slice_eq(a->attrs->name, b->attrs->name);
    }
    return same && ((!value && between(a->place) != PL_TAG_TIGHT) || a->tag == b->tag);
}

/* What both paths have is always there; what one has, perhaps. */
static attr_t *join_attrs(unit_t *u, attr_t *a, attr_t *b)
{
    attr_t *joined = NULL, **tail = &joined;
    for (int side = 0; side < 2; side++) {
        for (const attr_t *x = side ? b : a; x; x = x->next) {
            const attr_t *y = side ? a : b;
            while (y && !slice_eq(y->name, x->name)) {
                y = y->next;
            }
            if (side && y) {
                continue;
            }
            attr_t *both = UNIT_NEW(u, attr_t);
            *both = *x;
            both->next = NULL;
            both->always = y && x->always && y->always;
            both->literal = y && x->literal && y->literal && slice_eq(x->value, y->value);
            both->url_value = x->url_value || (y && y->url_value);
            *tail = both;
            tail = &both->next;
        }
    }
    return joined;
}

static bool could_be_scheme(url_part_t p)
{
    return p == URL_HEAD || p == URL_VALUE || p == URL_SAFE;
}

static bool join_url(context_t *c, const context_t *other, pos_t pos)
{
    if (c->url == other->url && c->scheme_len == other->scheme_len &&
        memcmp(c->scheme, other->scheme, c->scheme_len) == 0) {
        return true;
    }
    bool ahead = could_be_scheme(c->url) && could_be_scheme(other->url);
    bool slash = (c->url == URL_SLASH && other->url == URL_SAFE) ||
                 (c->url == URL_SAFE && other->url == URL_SLASH);
    if (!ahead && !slash) {
        unit_error(c->unit, pos,
                   "the URL begins differently by branch: write the whole attribute in each");
        return false;
    }
    c->url = ahead ? URL_VALUE : URL_SLASH;
    return true;
}

void context_join(context_t *c, const context_t *other, pos_t pos, const char *what)
{
    if (!same_place(c, other)) {
        unit_error(c->unit, pos, "the branches of this '%s' end in different places: %s and %s",
                   what, place_text(other), place_text(c));
        return;
    }
    if (!same_open(c->open, other->open)) {
        const open_element_t *mine = c->open, *theirs = other->open;
        unit_error(c->unit, pos,
                   "the branches of this '%s' leave different elements open: %s and %s", what,
                   theirs ? theirs->element->name : "none", mine ? mine->element->name : "none");
        return;
    }
    if (c->place == PL_VALUE && c->attr_kind == AT_URL && !join_url(c, other, pos)) {
        return;
    }
    if (c->place != other->place) {
        c->place = PL_TAG_TIGHT;
    }
    if (c->attrs != other->attrs) {
        c->attrs = join_attrs(c->unit, c->attrs, other->attrs);
    }
    c->in_post = c->in_post || other->in_post;
    c->in_get = c->in_get || other->in_get;
    c->csrf = c->csrf && other->csrf;
    c->after_space = c->after_space && other->after_space;
}

void context_check_loop(context_t *c, const context_t *begin, pos_t pos)
{
    size_t now = 0, then = 0;
    for (const attr_t *a = c->attrs; a; a = a->next) {
        now++;
    }
    for (const attr_t *a = begin->attrs; a; a = a->next) {
        then++;
    }
    if (between(begin->place) == PL_TAG_TIGHT && now != then) {
        unit_error(c->unit, pos, "an attribute inside 'for' would stand there more than once");
        return;
    }
    context_join(c, begin, pos, "for");
}

void context_end(context_t *c, pos_t pos)
{
    if (c->plain) {
        return;
    }
    c->space = c->line_break = false;
    if (c->open) {
        unit_error(c->unit, c->open->pos, "<%s> is not closed", c->open->element->name);
    } else if (c->place != PL_TEXT) {
        unit_error(c->unit, pos, "the template ends %s", place_text(c));
    }
}
