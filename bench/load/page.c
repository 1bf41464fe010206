/* A reader of tags. Comments and text are skipped; a tag is a name and attributes. */
#include "load/page.h"

#include "text/form.h"

enum { ATTRS_MAX = 24 };

typedef struct attr {
    slice_t name, value; /* the value as it stands, references not yet read */
} attr_t;

typedef struct tag {
    slice_t name;
    bool closes; /* </name> */
    attr_t attrs[ATTRS_MAX];
    size_t n;
    slice_t text; /* what follows, up to the next tag */
} tag_t;

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static size_t name_end(slice_t s, size_t at)
{
    while (at < s.len && !is_space(s.ptr[at]) && s.ptr[at] != '>' && s.ptr[at] != '=' &&
           s.ptr[at] != '/') {
        at++;
    }
    return at;
}

static size_t space_end(slice_t s, size_t at)
{
    while (at < s.len && (is_space(s.ptr[at]) || s.ptr[at] == '/')) {
        at++;
    }
    return at;
}

/* One attribute from `at`; returns where it ends, 0 when the tag is broken. */
static size_t attr_read(slice_t s, size_t at, attr_t *attr)
{
    size_t end = name_end(s, at);
    *attr = (attr_t){slice_sub(s, at, end - at), SLICE_EMPTY};
    if (end == at || end >= s.len || s.ptr[end] != '=') {
        return end == at ? 0 : end;
    }
    if (++end >= s.len || (s.ptr[end] != '"' && s.ptr[end] != '\'')) {
        return 0;
    }
    size_t close = slice_find_byte(slice_from(s, end + 1), s.ptr[end]);
    if (close == SIZE_MAX) {
        return 0;
    }
    attr->value = slice_sub(s, end + 1, close);
    return end + 1 + close + 1;
}

/* The next tag of *io_rest. False at the page's end. */
static bool tag_next(slice_t *io_rest, tag_t *tag)
{
    for (;;) {
        size_t open = slice_find_byte(*io_rest, '<');
        if (open == SIZE_MAX) {
            return false;
        }
        slice_t s = slice_from(*io_rest, open + 1);
        if (slice_starts(s, SLICE("!--"))) {
            size_t end = slice_find(s, SLICE("-->"));
            *io_rest = end == SIZE_MAX ? SLICE_EMPTY : slice_from(s, end + 3);
            continue;
        }
        *tag = (tag_t){.closes = slice_starts(s, SLICE("/"))};
        size_t at = tag->closes ? 1 : 0, end = name_end(s, at);
        tag->name = slice_sub(s, at, end - at);
        for (at = space_end(s, end); at < s.len && s.ptr[at] != '>'; at = space_end(s, end)) {
            attr_t attr;
            end = attr_read(s, at, &attr);
            if (end == 0) {
                *io_rest = SLICE_EMPTY;
                return false;
            }
            if (tag->n < ATTRS_MAX) {
                tag->attrs[tag->n++] = attr;
            }
        }
        *io_rest = slice_from(s, at + 1);
        tag->text = slice_sub(*io_rest, 0, slice_find_byte(*io_rest, '<'));
        return true;
    }
}

static bool is_tag(const tag_t *t, const char *name, bool closes)
{
    return t->closes == closes && slice_eq_nocase(t->name, slice_cstr_in(name));
}

static const attr_t *attr_of(const tag_t *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++) {
        if (slice_eq_nocase(t->attrs[i].name, slice_cstr_in(name))) {
            return &t->attrs[i];
        }
    }
    return NULL;
}

/* ---- references ---- */

static const struct {
    const char *name;
    uint8_t byte;
} REFERENCES[] = {{"&amp;", '&'},  {"&lt;", '<'},  {"&gt;", '>'},   {"&quot;", '"'},
                  {"&#39;", '\''}, {"&#34;", '"'}, {"&#38;", '&'},  {"&#60;", '<'},
                  {"&#62;", '>'},  {"&#9;", '\t'}, {"&#10;", '\n'}, {"&#13;", '\r'}};

static err_t plain(arena_t *a, slice_t in, slice_t *ret_text)
{
    buf_t out;
    if (slice_find_byte(in, '&') == SIZE_MAX) {
        *ret_text = in;
        return OK;
    }
    TRY(arena_buf(a, in.len, &out));
    while (in.len) {
        size_t step = 1;
        uint8_t byte = in.ptr[0];
        for (size_t i = 0; byte == '&' && i < BASE_COUNT(REFERENCES); i++) {
            if (slice_starts(in, slice_cstr_in(REFERENCES[i].name))) {
                step = strlen(REFERENCES[i].name);
                byte = REFERENCES[i].byte;
                break;
            }
        }
        ENSURE(step > 1 || byte != '&', ERR_SYNTAX); /* one that the house does not write */
        buf_u8(&out, byte);
        in = slice_from(in, step);
    }
    *ret_text = buf_slice(&out);
    return OK;
}

static err_t attr_text(arena_t *a, const tag_t *t, const char *name, slice_t *ret_text)
{
    const attr_t *attr = attr_of(t, name);
    if (!attr) {
        *ret_text = SLICE_EMPTY;
        return OK;
    }
    return plain(a, attr->value, ret_text);
}

/* ---- forms ---- */

static err_t field_add(arena_t *a, page_form_t *f, const tag_t *t, bool sent, bool fixed)
{
    ENSURE(f->n < PAGE_FIELDS_MAX, ERR_LIMIT);
    page_field_t *field = &f->fields[f->n];
    *field = (page_field_t){.sent = sent, .fixed = fixed};
    TRY(attr_text(a, t, "name", &field->name));
    TRY(attr_text(a, t, "value", &field->value));
    f->n += field->name.len > 0;
    return OK;
}

static err_t input_read(arena_t *a, page_form_t *f, const tag_t *t)
{
    const attr_t *type = attr_of(t, "type");
    slice_t kind = type ? type->value : SLICE("text");
    bool choice = slice_eq(kind, SLICE("checkbox")) || slice_eq(kind, SLICE("radio"));
    bool button = slice_eq(kind, SLICE("submit")) || slice_eq(kind, SLICE("button"));
    return field_add(a, f, t, !button && (!choice || attr_of(t, "checked")), button || choice);
}

/* A choice without a chosen option sends its first. */
static err_t select_read(arena_t *a, page_form_t *f, const tag_t *select, slice_t *io_rest)
{
    tag_t t;
    bool any = false, chosen = false;
    TRY(field_add(a, f, select, true, false));
    page_field_t *field = &f->fields[f->n - 1];
    while (tag_next(io_rest, &t) && !is_tag(&t, "select", true)) {
        bool selected = attr_of(&t, "selected");
        if (is_tag(&t, "option", false) && (!any || (selected && !chosen))) {
            TRY(attr_text(a, &t, "value", &field->value));
            any = true;
            chosen = selected;
        }
    }
    return OK;
}

static err_t form_read(arena_t *a, slice_t *io_rest, page_form_t *f)
{
    tag_t t;
    while (tag_next(io_rest, &t)) {
        if (is_tag(&t, "form", true)) {
            return OK;
        }
        ENSURE(!is_tag(&t, "form", false), ERR_SYNTAX);
        if (is_tag(&t, "input", false)) {
            TRY(input_read(a, f, &t));
        } else if (is_tag(&t, "select", false) && attr_of(&t, "name")) {
            TRY(select_read(a, f, &t, io_rest));
        } else if (is_tag(&t, "button", false)) {
            TRY(field_add(a, f, &t, false, true));
        }
    }
    return FAIL(ERR_SYNTAX);
}

err_t page_form(arena_t *a, slice_t html, slice_t action_end, page_form_t *ret_form)
{
    tag_t t;
    while (tag_next(&html, &t)) {
        page_form_t *f = ret_form;
        if (!is_tag(&t, "form", false)) {
            continue;
        }
        f->n = 0;
        TRY(attr_text(a, &t, "action", &f->action));
        if (slice_ends(f->action, action_end)) {
            const attr_t *method = attr_of(&t, "method");
            f->post = method && slice_eq_nocase(method->value, SLICE("post"));
            return form_read(a, &html, f);
        }
    }
    return FAIL(ERR_NOT_FOUND);
}

err_t page_fill(page_form_t *form, slice_t name, slice_t value)
{
    for (size_t i = 0; i < form->n; i++) {
        page_field_t *f = &form->fields[i];
        /* buttons of one name differ by their value */
        if (slice_eq(f->name, name) && (!f->fixed || slice_eq(f->value, value))) {
            f->value = value;
            f->sent = true;
            return OK;
        }
    }
    return FAIL(ERR_NOT_FOUND);
}

slice_t page_field_value(const page_form_t *form, slice_t name)
{
    for (size_t i = 0; i < form->n; i++) {
        if (slice_eq(form->fields[i].name, name)) {
            return form->fields[i].value;
        }
    }
    return SLICE_EMPTY;
}

err_t page_form_body(arena_t *a, const page_form_t *form, slice_t *ret_body)
{
    size_t cap = 16;
    buf_t out;
    for (size_t i = 0; i < form->n; i++) {
        cap += 3 * (form->fields[i].name.len + form->fields[i].value.len) + 2;
    }
    TRY(arena_buf(a, cap, &out));
    for (size_t i = 0; i < form->n; i++) {
        if (form->fields[i].sent) {
            form_put(&out, form->fields[i].name, form->fields[i].value);
        }
    }
    TRY(buf_check(&out));
    *ret_body = buf_slice(&out);
    return OK;
}

err_t page_options(arena_t *a, slice_t html, slice_t name, slice_t *ret_values, size_t max,
                   size_t *ret_n)
{
    tag_t t;
    size_t n = 0;
    bool inside = false;
    while (n < max && tag_next(&html, &t) && !(inside && is_tag(&t, "select", true))) {
        const attr_t *own = attr_of(&t, "name");
        if (is_tag(&t, "select", false)) {
            inside = own && slice_eq(own->value, name);
        } else if (inside && is_tag(&t, "option", false)) {
            TRY(attr_text(a, &t, "value", &ret_values[n++]));
        }
    }
    *ret_n = n;
    return OK;
}

/* ---- links and marks ---- */

static bool has_word(slice_t list, slice_t word)
{
    slice_t part;
    while (slice_split(&list, ' ', &part)) {
        if (slice_eq(part, word)) {
            return true;
        }
    }
    return false;
}

err_t page_links(arena_t *a, slice_t html, slice_t class_word, slice_t href_start,
                 slice_t *ret_hrefs, size_t max, size_t *ret_n)
{
    tag_t t;
    size_t n = 0;
    while (n < max && tag_next(&html, &t)) {
        slice_t href;
        const attr_t *class = attr_of(&t, "class");
        if (!is_tag(&t, "a", false) ||
            (class_word.len && !(class && has_word(class->value, class_word)))) {
            continue;
        }
        TRY(attr_text(a, &t, "href", &href));
        if (slice_starts(href, href_start)) {
            ret_hrefs[n++] = href;
        }
    }
    *ret_n = n;
    return OK;
}

slice_t page_word_after(slice_t html, slice_t mark)
{
    size_t at = slice_find(html, mark), n = 0;
    if (at == SIZE_MAX) {
        return SLICE_EMPTY;
    }
    slice_t rest = slice_from(html, at + mark.len);
    while (n < rest.len && ((rest.ptr[n] >= 'a' && rest.ptr[n] <= 'z') ||
                            (rest.ptr[n] >= 'A' && rest.ptr[n] <= 'Z') ||
                            (rest.ptr[n] >= '0' && rest.ptr[n] <= '9') || rest.ptr[n] == '_')) {
        n++;
    }
    return slice_sub(rest, 0, n);
}
