/* XML by libxml2's SAX, with no DTD, no entities but XML's own five, no files, no
 * network. The one place of the engine where a library allocates; what it may take is bounded by
 * max_xml_bytes. */
#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "inner.h"

typedef struct reader {
    parse_t *p;
    xmlParserCtxtPtr ctxt;
    buf_t text;
    slice_t root;
    unsigned depth;
    err_t failed; /* from a callback of ours: ends the parse */
} reader_t;

static slice_t text_of(const xmlChar *text)
{
    return slice_cstr_in((const char *)text);
}

/* The first failure ends the parse. */
static void keep(reader_t *r, err_t e)
{
    if (err_failed(e) && !err_failed(r->failed)) {
        r->failed = e;
        xmlStopParser(r->ctxt);
    }
}

/* libxml2's memory moves on: what is handed out is copied. */
static void attribute(reader_t *r, slice_t name, slice_t value)
{
    const body_visitor_t *v = r->p->visitor;
    slice_t own_name, own_value;
    if (!v->xml_attribute || err_failed(r->failed)) {
        return;
    }
    err_t e = arena_copy(r->p->arena, name, &own_name);
    e = err_failed(e) ? e : arena_copy(r->p->arena, value, &own_value);
    keep(r, err_failed(e) ? e : v->xml_attribute(v->user, own_name, own_value));
}

static void on_start(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int spaces, const xmlChar **space, int attributes, int defaulted,
                     const xmlChar **attribute_of)
{
    reader_t *r = user;
    if (r->depth++ == 0) {
        keep(r, arena_copy(r->p->arena, text_of(name), &r->root));
    }
    if (r->depth > r->p->limits.max_depth) {
        keep(r, parse_error(r->p, "XML deeper than the limit"));
        xmlStopParser(r->ctxt);
        return;
    }
    for (int i = 0; i < attributes;
         i++) { /* five pointers each: name, prefix, URI, value, its end */
        const xmlChar **a = attribute_of + 5 * (size_t)i;
        attribute(r, text_of(a[0]), slice_make(a[3], (size_t)(a[4] - a[3])));
    }
}

static void on_end(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    reader_t *r = user;
    r->depth -= r->depth > 0;
}

static void on_text(void *user, const xmlChar *text, int len)
{
    reader_t *r = user;
    if (len > 0) {
        buf_put(&r->text, slice_make(text, (size_t)len));
    }
}

static void declared(reader_t *r, slice_t name, const xmlChar *text)
{
    slice_t value = text_of(text);
    if (value.len) {
        attribute(r, name, value);
    }
}

static void on_doctype(void *user, const xmlChar *name, const xmlChar *external,
                       const xmlChar *source)
{
    reader_t *r = user;
    keep(r, parse_flag(r->p, BODY_BIT_XML_DTD));
    declared(r, SLICE("DOCTYPE"), external);
    declared(r, SLICE("DOCTYPE"), source);
    r->ctxt->hasPErefs = 1; /* else an entity that we did not let it know is a fault */
}

/* Never declared to libxml2, so that it expands nothing; rules see what was to be fetched. */
static void on_entity(void *user, const xmlChar *name, int type, const xmlChar *external,
                      const xmlChar *source, xmlChar *content)
{
    reader_t *r = user;
    slice_t own = text_of(name);
    declared(r, own, external);
    declared(r, own, source);
    declared(r, own, content);
}

static xmlEntityPtr on_lookup(void *user, const xmlChar *name)
{
    return xmlGetPredefinedEntity(name);
}

static void on_message(void *user, const char *format, ...)
{
}

static const xmlSAXHandler HANDLERS = {
    .initialized = XML_SAX2_MAGIC,
    .startElementNs = on_start,
    .endElementNs = on_end,
    .characters = on_text,
    .ignorableWhitespace = on_text,
    .cdataBlock = on_text,
    .internalSubset = on_doctype,
    .entityDecl = on_entity,
    .getEntity = on_lookup,
    .getParameterEntity = NULL,
    .warning = on_message,
    .error = on_message,
};

static err_t text_out(reader_t *r)
{
    const body_visitor_t *v = r->p->visitor;
    if (r->text.full) {
        TRY(parse_error(r->p, "XML text longer than it can be"));
    }
    return v->xml_text && r->text.len ? v->xml_text(v->user, r->root, buf_slice(&r->text)) : OK;
}

/* libxml2 writes some faults of an encoding, with bytes of the request, to standard error, whoever
 * listens. */
static int parse_quietly(xmlParserCtxtPtr ctxt)
{
    xmlGenericErrorFunc writer = xmlGenericError;
    void *context = xmlGenericErrorContext;
    xmlSetGenericErrorFunc(NULL, on_message);
    int fault = xmlParseDocument(ctxt);
    xmlSetGenericErrorFunc(context, writer);
    return fault;
}

static err_t document(parse_t *p, slice_t body)
{
    reader_t r = {.p = p, .failed = OK};
    size_t most;
    if (body.len > p->limits.max_xml_bytes || body.len > INT32_MAX / 4) {
        return parse_error(p, "XML longer than the limit");
    }
    const char *refused = xml_refused(body);
    if (refused) {
        return parse_error(p, refused);
    }
    most = 3 * body.len; /* a byte of a national encoding becomes three of UTF-8 at most */
    TRY(arena_buf(p->arena, most, &r.text));
    r.ctxt = xmlCreateMemoryParserCtxt((const char *)body.ptr, (int)body.len);
    ENSURE(r.ctxt, ERR_MEMORY);
    *r.ctxt->sax = HANDLERS;
    r.ctxt->userData = &r;
    xmlCtxtUseOptions(r.ctxt, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    int fault = parse_quietly(r.ctxt);
    bool well_formed = fault == 0 && r.ctxt->wellFormed;
    if (r.ctxt->myDoc) { /* SAX makes none, but for a DTD's sake */
        xmlFreeDoc(r.ctxt->myDoc);
        r.ctxt->myDoc = NULL;
    }
    xmlFreeParserCtxt(r.ctxt);
    TRY(r.failed);
    TRY(text_out(&r));
    return well_formed ? OK : parse_error(p, "XML that is not well-formed");
}

err_t body_xml(slice_t body, const body_limits_t *limits, const body_visitor_t *visitor,
               arena_t *arena, body_result_t *ret_result)
{
    parse_t p = parse_on(limits, visitor, arena);
    xmlInitParser();
    err_t e = body.len ? document(&p, body) : OK;
    return parse_end(&p, e, ret_result);
}
