#include "unit.h"

/* Reads .po files (GNU gettext manual, 10 "The Format of PO Files") as far as a house needs them:
 * no contexts, no other charset than UTF-8, dotted keys for msgid. */

typedef struct po_reader {
    unit_t *unit;
    const char *file;
    unsigned lang, line;
    slice_t rest;
    bool failed;
    /* the entry being read */
    bool open, fuzzy, next_fuzzy, has_id;
    pos_t pos;
    slice_t key, plural, forms[MAX_FORMS];
    bool has_plural, has_form[MAX_FORMS];
    slice_t *last; /* what a lone "..." continues */
} po_reader_t;

static pos_t here(const po_reader_t *r)
{
    return (pos_t){r->file, r->line, 1};
}

static void po_fail(po_reader_t *r, const char *sentence)
{
    unit_error(r->unit, here(r), "%s", sentence);
    r->failed = true;
}

/* "..." with C's escapes; nothing may follow. */
static bool po_string(po_reader_t *r, slice_t s, slice_t *ret)
{
    s = slice_trim(s);
    if (s.len < 2 || s.ptr[0] != '"') {
        po_fail(r, "a string in quotes is wanted here");
        return false;
    }
    uint8_t *text = unit_alloc(r->unit, s.len);
    size_t len = 0, i = 1;
    for (; i < s.len && s.ptr[i] != '"'; i++) {
        uint8_t c = s.ptr[i];
        if (c == '\\' && i + 1 < s.len) {
            c = s.ptr[++i];
            if (slice_find_byte(SLICE("nt\"\\"), c) == SIZE_MAX) {
                po_fail(r, "only \\n, \\t, \\\" and \\\\ may stand in a string");
                return false;
            }
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
        }
        text[len++] = c;
    }
    if (i + 1 != s.len) {
        po_fail(r, "the string is not closed at the end of its line");
        return false;
    }
    *ret = slice_make(text, len);
    return true;
}

static bool key_is_valid(slice_t key)
{
    bool word = false;
    for (size_t i = 0; i < key.len; i++) {
        uint8_t c = key.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        if (!letter && !((c == '.' || c == '-') && word)) {
            return false;
        }
        word = letter;
    }
    return word && key.len <= 96 && key.ptr[0] >= 'a' && key.ptr[0] <= 'z';
}

bool message_split(slice_t *text, slice_t *ret_literal, slice_t *ret_name)
{
    size_t open = slice_find_byte(*text, '{');
    if (open == SIZE_MAX) {
        *ret_literal = *text;
        return false;
    }
    *ret_literal = slice_sub(*text, 0, open);
    slice_t inside = slice_from(*text, open + 1);
    size_t close = slice_find_byte(inside, '}');
    *ret_name = slice_sub(inside, 0, close == SIZE_MAX ? 0 : close);
    *text = slice_from(inside, close == SIZE_MAX ? inside.len : close + 1);
    return true;
}

static message_t *message_get(unit_t *u, slice_t key)
{
    message_t *m = unit_message(u, key);
    if (!m) {
        m = UNIT_NEW(u, message_t);
        m->key = key;
        m->next = u->messages;
        u->messages = m;
    }
    return m;
}

static void check_plural(po_reader_t *r)
{
    static const unsigned wanted[LANGS] = {1, 2};
    static const char *const names[LANGS] = {"ja", "en"};
    unsigned forms = (unsigned)r->has_form[0] + (unsigned)r->has_form[1];
    if (r->has_plural && forms != wanted[r->lang]) {
        unit_error(r->unit, r->pos, "\"%.*s\": a plural has %u form%s in %s", SLICE_FMT(r->key),
                   wanted[r->lang], wanted[r->lang] > 1 ? "s" : "", names[r->lang]);
    }
}

static void store(po_reader_t *r)
{
    if (!key_is_valid(r->key)) {
        unit_error(r->unit, r->pos,
                   "\"%.*s\" is no key: small letters, digits, '_', in parts joined by '.' or '-'",
                   SLICE_FMT(r->key));
        return;
    }
    message_t *m = message_get(r->unit, r->key);
    if (m->present[r->lang]) {
        unit_error(r->unit, r->pos, "\"%.*s\" stands here twice", SLICE_FMT(r->key));
        return;
    }
    check_plural(r);
    if (r->fuzzy) {
        unit_error(r->unit, r->pos, "\"%.*s\" is marked fuzzy: look at it and take the mark away",
                   SLICE_FMT(r->key));
    }
    if (r->forms[0].len == 0 || (r->has_form[1] && r->forms[1].len == 0)) {
        unit_error(r->unit, r->pos, "\"%.*s\" is empty", SLICE_FMT(r->key));
    }
    m->present[r->lang] = true;
    m->pos[r->lang] = r->pos;
    m->plural[r->lang] = r->has_plural;
    memcpy(m->forms[r->lang], r->forms, sizeof r->forms);
}

static void finish_entry(po_reader_t *r)
{
    if (r->open && !r->failed) {
        bool head = r->key.len == 0;
        if (!r->has_form[0]) {
            unit_error(r->unit, r->pos, "this entry has no msgstr");
        } else if (head && slice_find(r->forms[0], SLICE("charset=UTF-8")) == SIZE_MAX) {
            unit_error(r->unit, r->pos, "the head of the file must say charset=UTF-8");
        } else if (!head) {
            store(r);
        }
    }
    r->open = r->has_plural = r->fuzzy = r->has_id = false;
    memset(r->has_form, 0, sizeof r->has_form);
    memset(r->forms, 0, sizeof r->forms);
    r->last = NULL;
}

static void begin_entry(po_reader_t *r, slice_t value)
{
    finish_entry(r);
    r->open = true;
    r->fuzzy = r->next_fuzzy;
    r->next_fuzzy = false;
    r->pos = here(r);
    if (po_string(r, value, &r->key)) {
        r->last = &r->key;
    }
}

static void form(po_reader_t *r, unsigned i, slice_t value)
{
    if (!r->open || r->has_form[i]) {
        po_fail(r, "this msgstr has no place here");
        return;
    }
    if (po_string(r, value, &r->forms[i])) {
        r->has_form[i] = true;
        r->last = &r->forms[i];
    }
}

static void continuation(po_reader_t *r, slice_t line)
{
    slice_t more;
    if (!r->last) {
        po_fail(r, "a string that continues nothing");
    } else if (po_string(r, line, &more)) {
        grow_t g = {.arena = r->unit->arena};
        grow_put(&g, *r->last);
        grow_put(&g, more);
        *r->last = grow_slice(&g);
    }
}

static bool keyword(slice_t line, slice_t word, slice_t *ret_value)
{
    if (!slice_starts(line, word) || line.len == word.len ||
        slice_find_byte(SLICE(" \t\""), line.ptr[word.len]) == SIZE_MAX) {
        return false;
    }
    *ret_value = slice_from(line, word.len);
    return true;
}

static void po_line(po_reader_t *r, slice_t line)
{
    slice_t value;
    if (line.len == 0) {
        return;
    }
    if (line.ptr[0] == '#') {
        bool flags = slice_starts(line, SLICE("#,"));
        r->next_fuzzy = r->next_fuzzy || (flags && slice_find(line, SLICE("fuzzy")) != SIZE_MAX);
    } else if (line.ptr[0] == '"') {
        continuation(r, line);
    } else if (keyword(line, SLICE("msgid"), &value)) {
        begin_entry(r, value);
    } else if (keyword(line, SLICE("msgid_plural"), &value)) {
        r->has_plural = true;
        r->last = po_string(r, value, &r->plural) ? &r->plural : NULL;
    } else if (keyword(line, SLICE("msgstr"), &value)) {
        form(r, 0, value);
    } else if (keyword(line, SLICE("msgstr[0]"), &value)) {
        form(r, 0, value);
    } else if (keyword(line, SLICE("msgstr[1]"), &value)) {
        form(r, 1, value);
    } else {
        po_fail(r, "msgid, msgid_plural, msgstr, msgstr[0] or msgstr[1] is wanted here");
    }
}

void po_read(unit_t *u, const tmplc_source_t *source, unsigned lang)
{
    po_reader_t r = {.unit = u, .file = source->name, .lang = lang};
    slice_t rest = source->text, line;
    u->po_seen[lang] = true;
    u->po_file[lang] = source->name;
    while (!r.failed && slice_split(&rest, '\n', &line)) {
        r.line++;
        po_line(&r, slice_trim(line));
    }
    finish_entry(&r);
}

/* --- messages.def --- */

static bool def_parameter(unit_t *u, pos_t pos, slice_t word, message_t *m)
{
    placeholder_t *p = UNIT_NEW(u, placeholder_t);
    size_t bar = slice_find_byte(word, '|');
    p->pos = pos;
    p->name = slice_sub(word, 0, bar == SIZE_MAX ? word.len : bar);
    p->filter = bar == SIZE_MAX ? SLICE_EMPTY : slice_from(word, bar + 1);
    if (!name_is_valid(p->name) || slice_eq(p->name, SLICE("out")) ||
        slice_eq(p->name, SLICE("lang"))) {
        unit_error(u, pos, "'%.*s' is no placeholder's name", SLICE_FMT(p->name));
        return false;
    }
    placeholder_t **tail = &m->c_parameters;
    for (; *tail; tail = &(*tail)->next) {
        if (slice_eq((*tail)->name, p->name)) {
            unit_error(u, pos, "'%.*s' is given twice", SLICE_FMT(p->name));
            return false;
        }
    }
    *tail = p;
    return true;
}

static void def_line(unit_t *u, pos_t pos, slice_t line)
{
    message_t *m = NULL;
    while (line.len) {
        size_t len = 0;
        while (len < line.len && !chars_is_space(line.ptr[len])) {
            len++;
        }
        slice_t word = slice_sub(line, 0, len);
        if (m && !def_parameter(u, pos, word, m)) {
            return;
        }
        if (!m) {
            m = unit_message(u, word);
            if (!m) {
                unit_error(u, pos, "the message \"%.*s\" is in no catalogue", SLICE_FMT(word));
                return;
            }
            if (m->in_c) {
                unit_error(u, pos, "\"%.*s\" stands here twice", SLICE_FMT(word));
                return;
            }
            m->in_c = m->used = true;
            m->c_pos = pos;
        }
        slice_t after = slice_from(line, len), trimmed = slice_trim(after);
        pos = pos_after(pos, slice_sub(line, 0, len + (size_t)(after.len - trimmed.len)));
        line = trimmed;
    }
}

void def_read(unit_t *u, const tmplc_source_t *source)
{
    slice_t rest = source->text, line;
    pos_t pos = {source->name, 0, 1};
    while (slice_split(&rest, '\n', &line)) {
        pos.line++;
        size_t comment = slice_find_byte(line, '#');
        def_line(u, pos, slice_trim(slice_sub(line, 0, comment == SIZE_MAX ? line.len : comment)));
    }
}
