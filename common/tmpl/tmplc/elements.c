#include "elements.h"

static const element_t elements[] = {
    {"a", EL_NO_SELF},
    {"abbr", 0},
    {"address", EL_BLOCK},
    {"area", EL_VOID},
    {"article", EL_BLOCK},
    {"aside", EL_BLOCK},
    {"audio", 0},
    {"b", 0},
    {"bdi", 0},
    {"bdo", 0},
    {"blockquote", EL_BLOCK},
    {"body", 0},
    {"br", EL_VOID},
    {"button", EL_NO_SELF | EL_SCOPE},
    {"caption", EL_SCOPE},
    {"cite", 0},
    {"code", 0},
    {"col", EL_VOID},
    {"colgroup", 0},
    {"data", 0},
    {"datalist", 0},
    {"dd", EL_BLOCK},
    {"del", 0},
    {"details", EL_BLOCK},
    {"dfn", 0},
    {"dialog", EL_BLOCK},
    {"div", EL_BLOCK},
    {"dl", EL_BLOCK},
    {"dt", EL_BLOCK},
    {"em", 0},
    {"fieldset", EL_BLOCK},
    {"figcaption", EL_BLOCK},
    {"figure", EL_BLOCK},
    {"footer", EL_BLOCK},
    {"form", EL_BLOCK | EL_NO_SELF},
    {"h1", EL_BLOCK},
    {"h2", EL_BLOCK},
    {"h3", EL_BLOCK},
    {"h4", EL_BLOCK},
    {"h5", EL_BLOCK},
    {"h6", EL_BLOCK},
    {"head", 0},
    {"header", EL_BLOCK},
    {"hgroup", EL_BLOCK},
    {"hr", EL_BLOCK | EL_VOID},
    {"html", 0},
    {"i", 0},
    {"img", EL_VOID},
    {"input", EL_VOID},
    {"ins", 0},
    {"kbd", 0},
    {"label", EL_NO_SELF},
    {"legend", 0},
    {"li", EL_BLOCK},
    {"link", EL_VOID},
    {"main", EL_BLOCK},
    {"map", 0},
    {"mark", 0},
    {"menu", EL_BLOCK},
    {"meta", EL_VOID},
    {"meter", 0},
    {"nav", EL_BLOCK},
    {"noscript", 0},
    {"ol", EL_BLOCK},
    {"optgroup", 0},
    {"option", 0},
    {"output", 0},
    {"p", EL_BLOCK},
    {"picture", 0},
    {"pre", EL_BLOCK | EL_VERBATIM},
    {"progress", 0},
    {"q", 0},
    {"rb", 0},
    {"rp", 0},
    {"rt", 0},
    {"ruby", 0},
    {"s", 0},
    {"samp", 0},
    {"script", EL_SCRIPT},
    {"search", EL_BLOCK},
    {"section", EL_BLOCK},
    {"select", 0},
    {"small", 0},
    {"source", EL_VOID},
    {"span", 0},
    {"strong", 0},
    {"sub", 0},
    {"summary", EL_BLOCK},
    {"sup", 0},
    {"svg", EL_SCOPE},
    {"table", EL_BLOCK | EL_SCOPE},
    {"tbody", 0},
    {"td", EL_SCOPE},
    {"textarea", EL_RCDATA | EL_VERBATIM},
    {"tfoot", 0},
    {"th", EL_SCOPE},
    {"thead", 0},
    {"time", 0},
    {"title", EL_RCDATA},
    {"tr", 0},
    {"track", EL_VOID},
    {"u", 0},
    {"ul", EL_BLOCK},
    {"var", 0},
    {"video", 0},
    {"wbr", EL_VOID},
    /* svg */
    {"circle", EL_SVG},
    {"clipPath", EL_SVG},
    {"defs", EL_SVG},
    {"desc", EL_SVG},
    {"ellipse", EL_SVG},
    {"g", EL_SVG},
    {"image", EL_SVG},
    {"line", EL_SVG},
    {"linearGradient", EL_SVG},
    {"mask", EL_SVG},
    {"path", EL_SVG},
    {"pattern", EL_SVG},
    {"polygon", EL_SVG},
    {"polyline", EL_SVG},
    {"radialGradient", EL_SVG},
    {"rect", EL_SVG},
    {"stop", EL_SVG},
    {"symbol", EL_SVG},
    {"text", EL_SVG},
    {"tspan", EL_SVG},
    {"use", EL_SVG},
};

/* In svg, title is an element like any other; the escaping of text serves both. */
static const element_t svg_title = {"title", EL_SVG};

const element_t *element_find(slice_t name, bool in_svg)
{
    if (in_svg && slice_eq(name, SLICE("title"))) {
        return &svg_title;
    }
    for (size_t i = 0; i < BASE_COUNT(elements); i++) {
        bool svg = elements[i].flags & EL_SVG;
        if (svg == in_svg && slice_eq(name, slice_cstr_in(elements[i].name))) {
            return &elements[i];
        }
    }
    return NULL;
}

typedef struct reason {
    const char *name, *why;
} reason_t;

static const char *find_reason(const reason_t *rows, size_t count, slice_t name)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq_nocase(name, slice_cstr_in(rows[i].name))) {
            return rows[i].why;
        }
    }
    return NULL;
}

const char *element_forbidden(slice_t name)
{
    static const char door[] = "it opens another document inside this one";
    static const char old[] = "browsers do not read it as other elements";
    static const char anim[] = "it can change attributes that were checked";
    static const reason_t rows[] = {
        {"style", "styles stand in the site's style sheet (content policy)"},
        {"iframe", door},
        {"object", door},
        {"embed", door},
        {"applet", door},
        {"frame", door},
        {"frameset", door},
        {"portal", door},
        {"base", "it moves every relative URL of the page"},
        {"template", "its content is not part of the page"},
        {"plaintext", old},
        {"xmp", old},
        {"noembed", old},
        {"noframes", old},
        {"listing", old},
        {"math", old},
        {"foreignobject", old},
        {"animate", anim},
        {"animatetransform", anim},
        {"animatemotion", anim},
        {"set", anim},
    };
    return find_reason(rows, BASE_COUNT(rows), name);
}

attr_kind_t attr_kind_of(slice_t name)
{
    static const struct {
        const char *name;
        attr_kind_t kind;
    } rows[] = {
        {"href", AT_URL},
        {"src", AT_URL},
        {"action", AT_URL},
        {"formaction", AT_URL},
        {"poster", AT_URL},
        {"cite", AT_URL},
        {"data", AT_URL},
        {"background", AT_URL},
        {"ping", AT_URL},
        {"manifest", AT_URL},
        {"longdesc", AT_URL},
        {"xlink:href", AT_URL},
        {"srcset", AT_LITERAL},
        {"imagesrcset", AT_LITERAL},
        {"method", AT_LITERAL},
        {"target", AT_LITERAL},
        {"rel", AT_LITERAL},
        {"http-equiv", AT_LITERAL},
        {"autocomplete", AT_LITERAL},
        {"is", AT_LITERAL},
        {"xmlns", AT_LITERAL},
        {"fill", AT_LITERAL},
        {"stroke", AT_LITERAL},
        {"filter", AT_LITERAL},
        {"mask", AT_LITERAL},
        {"clip-path", AT_LITERAL},
        {"alt", AT_WORDS},
        {"title", AT_WORDS},
        {"placeholder", AT_WORDS},
        {"aria-label", AT_WORDS},
        {"aria-description", AT_WORDS},
        {"label", AT_WORDS},
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        if (slice_eq(name, slice_cstr_in(rows[i].name))) {
            return rows[i].kind;
        }
    }
    return AT_PLAIN;
}

const char *attr_forbidden(slice_t name)
{
    static const reason_t rows[] = {
        {"style", "styles stand in the site's style sheet (content policy)"},
        {"srcdoc", "it is a document in an attribute"},
        {"formmethod", "a form's method stands on the form"},
        {"attributename", "it can change attributes that were checked"},
    };
    if (name.len > 2 && slice_eq_nocase(slice_sub(name, 0, 2), SLICE("on"))) {
        return "script in an attribute (content policy)";
    }
    return find_reason(rows, BASE_COUNT(rows), name);
}

bool url_scheme_allowed(slice_t scheme)
{
    static const char *const allowed[] = {"http", "https", "mailto", "tel"};
    for (size_t i = 0; i < BASE_COUNT(allowed); i++) {
        if (slice_eq(scheme, slice_cstr_in(allowed[i]))) {
            return true;
        }
    }
    return false;
}
