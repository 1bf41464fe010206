#include "emit.h"

/* What must hold between the catalogues of the languages. */

static const char *const lang_names[LANGS] = {"ja", "en"};

static placeholder_t *find(placeholder_t *p, slice_t name)
{
    while (p && !slice_eq(p->name, name)) {
        p = p->next;
    }
    return p;
}

static void gather(unit_t *u, message_t *m, unsigned lang, slice_t text)
{
    slice_t literal, name;
    while (message_split(&text, &literal, &name)) {
        if (!name_is_word(name)) {
            unit_error(u, m->pos[lang], "\"%.*s\": '{' begins a placeholder, {name}",
                       SLICE_FMT(m->key));
            return;
        }
        if (!find(m->placeholders, name)) {
            placeholder_t *p = UNIT_NEW(u, placeholder_t);
            *p = (placeholder_t){.next = m->placeholders, .name = name, .pos = m->pos[lang]};
            m->placeholders = p;
        }
    }
    if (slice_find_byte(literal, '}') != SIZE_MAX) {
        unit_error(u, m->pos[lang], "\"%.*s\": a '}' that closes nothing", SLICE_FMT(m->key));
    }
}

static bool holds(slice_t text, slice_t wanted)
{
    slice_t literal, name;
    while (message_split(&text, &literal, &name)) {
        if (slice_eq(name, wanted)) {
            return true;
        }
    }
    return false;
}

/* A form of a plural may do without {n}: "one seat left". */
static void check_placeholders(unit_t *u, const message_t *m)
{
    bool plural = m->plural[0] || m->plural[1];
    for (const placeholder_t *p = m->placeholders; p; p = p->next) {
        for (unsigned lang = 0; lang < LANGS; lang++) {
            bool free_n = plural && slice_eq(p->name, SLICE("n"));
            bool both = m->plural[lang] && lang_names[lang] && m->forms[lang][1].len;
            bool there =
                holds(m->forms[lang][0], p->name) && (!both || holds(m->forms[lang][1], p->name));
            if (!free_n && !there) {
                unit_error(u, m->pos[lang], "\"%.*s\": {%.*s} is missing in %s", SLICE_FMT(m->key),
                           SLICE_FMT(p->name), lang_names[lang]);
            }
        }
    }
}

static void check_one(unit_t *u, message_t *m)
{
    for (unsigned lang = 0; lang < LANGS; lang++) {
        if (!m->present[lang]) {
            unit_error(u, m->pos[1 - lang], "\"%.*s\" is missing in %s", SLICE_FMT(m->key),
                       u->po_file[lang]);
            return;
        }
    }
    for (unsigned lang = 0; lang < LANGS; lang++) {
        gather(u, m, lang, m->forms[lang][0]);
        gather(u, m, lang, m->forms[lang][1]);
    }
    if ((m->plural[0] || m->plural[1]) && !find(m->placeholders, SLICE("n"))) {
        placeholder_t *p = UNIT_NEW(u, placeholder_t);
        *p = (placeholder_t){.next = m->placeholders, .name = SLICE("n"), .pos = m->pos[0]};
        m->placeholders = p;
    }
    check_placeholders(u, m);
}

static message_t *merge(message_t *a, message_t *b)
{
    message_t *first = NULL, **tail = &first;
    while (a && b) {
        message_t **from = slice_cmp(a->key, b->key) <= 0 ? &a : &b;
        *tail = *from;
        tail = &(*tail)->next;
        *from = (*from)->next;
    }
    *tail = a ? a : b;
    return first;
}

static message_t *sort(message_t *list)
{
    if (!list || !list->next) {
        return list;
    }
    message_t *slow = list, *fast = list->next;
    while (fast && fast->next) {
        slow = slow->next;
        fast = fast->next->next;
    }
    message_t *half = slow->next;
    slow->next = NULL;
    return merge(sort(list), sort(half));
}

/* Two keys that become the same C name ("a.b" and "a-b"). */
static void check_names(unit_t *u)
{
    for (message_t *m = u->messages; m; m = m->next) {
        slice_t name = message_name(u, m->key);
        if (slice_eq(name, SLICE("none"))) {
            unit_error(u, m->pos[0], "\"none\" is taken: choose another key");
        }
        for (message_t *o = m->next; o && o->key.len == m->key.len; o = o->next) {
            if (slice_eq(name, message_name(u, o->key))) {
                unit_error(u, o->pos[0], "\"%.*s\" and \"%.*s\" are one name in C",
                           SLICE_FMT(m->key), SLICE_FMT(o->key));
            }
        }
    }
}

void messages_check(unit_t *u)
{
    for (unsigned lang = 0; lang < LANGS; lang++) {
        if (!u->po_seen[lang]) {
            pos_t pos = {"tmplc", 1, 1};
            unit_error(u, pos, "no %s.po among the inputs", lang_names[lang]);
            return;
        }
    }
    u->messages = sort(u->messages);
    for (message_t *m = u->messages; m; m = m->next) {
        m->id = ++u->message_count;
        check_one(u, m);
    }
    check_names(u);
}

static void check_c_parameters(unit_t *u, const message_t *m)
{
    for (const placeholder_t *p = m->placeholders; p; p = p->next) {
        if (!find(m->c_parameters, p->name)) {
            unit_error(u, m->c_pos, "\"%.*s\" needs the placeholder '%.*s'", SLICE_FMT(m->key),
                       SLICE_FMT(p->name));
        }
    }
    for (const placeholder_t *p = m->c_parameters; p; p = p->next) {
        if (!find(m->placeholders, p->name)) {
            unit_error(u, p->pos, "the message \"%.*s\" has no {%.*s}", SLICE_FMT(m->key),
                       SLICE_FMT(p->name));
        }
        if (p->filter.len && !emit_filter(p->filter)) {
            unit_error(u, p->pos, "there is no filter '%.*s'", SLICE_FMT(p->filter));
        }
        bool plural = (m->plural[0] || m->plural[1]) && slice_eq(p->name, SLICE("n"));
        if (plural && p->filter.len == 0) {
            unit_error(u, p->pos, "{n} chooses the plural: it must be int (n|dec, n|num)");
        }
    }
}

void messages_check_unused(unit_t *u)
{
    for (const message_t *m = u->messages; m; m = m->next) {
        if (!m->used) {
            unit_error(u, m->pos[0],
                       "\"%.*s\" is used nowhere (C code's messages stand in messages.def)",
                       SLICE_FMT(m->key));
        }
        if (m->in_c) {
            check_c_parameters(u, m);
        }
    }
}
