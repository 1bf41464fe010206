#include "oracle.h"

#include <dlfcn.h>

/* std::string of the C++11 ABI: `ptr` points to `near` while the text is short. */
typedef struct text {
    char *ptr;
    size_t len;
    union {
        char near[16];
        size_t cap;
    };
} text_t;

typedef struct object {
    void *const *methods; /* 0, 1: destructors; 2: std::string evaluate(const std::string &,
                             Transaction *) */
} object_t;

static void *library;
static void (*give_back)(void *);
static void *transaction;

static void *symbol(const char *name)
{
    return library ? dlsym(library, name) : NULL;
}

const char *oracle_open(void)
{
#if defined(__x86_64__)
    library = library ? library : dlopen("libmodsecurity.so.3", RTLD_NOW | RTLD_LOCAL);
    void *drop = symbol("_ZdlPv");
    if (!drop) {
        return "libmodsecurity.so.3 is not installed";
    }
    memcpy(&give_back, &drop, sizeof drop);
    return NULL;
#else
    return "the judge is called by the ABI of x86-64";
#endif
}

static void text_set(text_t *t, slice_t s)
{
    t->len = s.len;
    t->cap = s.len;
    t->ptr = s.len < sizeof t->near ? t->near : malloc(s.len + 1);
    CHECK(t->ptr);
    if (s.len) {
        memcpy(t->ptr, s.ptr, s.len);
    }
    t->ptr[s.len] = 0;
}

static void text_drop(text_t *t, void (*drop)(void *))
{
    if (t->ptr != t->near) {
        drop(t->ptr);
    }
}

/* The class of a transformation: its name with a capital, but for these. */
static void class_name(const char *name, char *class, size_t size)
{
    static const char *const ODD[][2] = {{"lowercase", "LowerCase"},
                                         {"uppercase", "UpperCase"},
                                         {"utf8toUnicode", "Utf8ToUnicode"},
                                         {"normalizePath", "NormalisePath"},
                                         {"normalizePathWin", "NormalisePathWin"}};
    for (size_t i = 0; i < BASE_COUNT(ODD); i++) {
        if (strcmp(ODD[i][0], name) == 0) {
            snprintf(class, size, "%s", ODD[i][1]);
            return;
        }
    }
    snprintf(class, size, "%c%s", name[0] & ~0x20, name + 1);
}

/* An object is no more than its table of methods here: transformations have no state. The table
 * begins behind two words (ABI: offset to top, type). */
void *oracle_find(const char *name)
{
    char class[64], full[160];
    class_name(name, class, sizeof class);
    snprintf(full, sizeof full, "_ZTVN11modsecurity7actions15transformations%zu%sE", strlen(class),
             class);
    void *table = symbol(full);
    if (!table) {
        return NULL;
    }
    object_t *made = calloc(1, 256);
    CHECK(made);
    made->methods = (void *const *)table + 2;
    return made;
}

/* A transaction whose rules have a Unicode map: what urlDecodeUni asks for. */
static void *with_map(const char *map_file)
{
    void *init = symbol("msc_init"), *set = symbol("msc_create_rules_set"),
         *add = symbol("msc_rules_add"), *new = symbol("msc_new_transaction");
    void *(*msc_init)(void), *(*msc_create_rules_set)(void);
    int (*msc_rules_add)(void *, const char *, const char **);
    void *(*msc_new_transaction)(void *, void *, void *);
    char line[512];
    const char *error = NULL;
    CHECK(init && set && add && new);
    memcpy(&msc_init, &init, sizeof init);
    memcpy(&msc_create_rules_set, &set, sizeof set);
    memcpy(&msc_rules_add, &add, sizeof add);
    memcpy(&msc_new_transaction, &new, sizeof new);
    snprintf(line, sizeof line, "SecUnicodeMapFile %s 20127\n", map_file);
    void *modsec = msc_init(), *rules = msc_create_rules_set();
    CHECK(msc_rules_add(rules, line, &error) >= 0);
    return msc_new_transaction(modsec, rules, NULL);
}

slice_t oracle_apply(void *transformation, slice_t in, const char *map_file)
{
    static text_t out;
    static bool filled;
    text_t text;
    void *(*evaluate)(text_t *, void *, const text_t *, void *);
    if (filled) {
        text_drop(&out, give_back);
    }
    if (map_file && !transaction) {
        transaction = with_map(map_file);
    }
    memcpy(&evaluate, &((object_t *)transformation)->methods[2], sizeof evaluate);
    text_set(&text, in);
    evaluate(&out, transformation, &text, map_file ? transaction : NULL);
    text_drop(&text, free);
    filled = true;
    return slice_make(out.ptr, out.len);
}
