/* The compiler's refusals, each with its place and sentence, and what it lets pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tmplc.h"

static const char po_head[] = "msgid \"\"\nmsgstr \"Content-Type: text/plain; charset=UTF-8\\n\"\n";
static const char ja_body[] = "msgid \"m\"\nmsgstr \"日本\"\nmsgid \"p\"\nmsgstr \"{name}様\"\n"
                              "msgid \"s\"\nmsgid_plural \"s\"\nmsgstr[0] \"{n}席\"\n";
static const char en_body[] = "msgid \"m\"\nmsgstr \"text\"\nmsgid \"p\"\nmsgstr \"Dear {name}\"\n"
                              "msgid \"s\"\nmsgid_plural \"s\"\nmsgstr[0] \"{n} seat\"\n"
                              "msgstr[1] \"{n} seats\"\n";
static const char def_body[] = "m\np name\ns n|num\n";

static slice_t join(arena_t *arena, const char *a, const char *b)
{
    slice_t joined = SLICE_EMPTY;
    assert_false(err_failed(arena_printf(arena, &joined, "%s%s", a, b)));
    return joined;
}

static tmplc_result_t compile(arena_t *arena, const char *ja, const char *en, const char *def,
                              const char *html)
{
    const tmplc_source_t sources[] = {
        {"po/ja.po", join(arena, po_head, ja)},
        {"po/en.po", join(arena, po_head, en)},
        {"messages.def", slice_cstr_in(def)},
        {"x.html", slice_cstr_in(html)},
    };
    tmplc_result_t r;
    tmplc_compile(arena, SLICE("shop"), SLICE("pages.h"), sources, BASE_COUNT(sources), &r);
    return r;
}

/* All rows are looked at before a test fails. */
static unsigned wrong;

static void expect(const char *name, const tmplc_result_t *r, const char *want)
{
    bool found = slice_find(r->diagnostics, slice_cstr_in(want)) != SIZE_MAX;
    if (!found || r->errors == 0 || r->c.len || r->h.len) {
        print_message("%s\n  wanted: %s\n  got: %.*s\n", name, want, SLICE_FMT(r->diagnostics));
        wrong++;
    }
}

/* --- bodies: the header is line 1, the body begins on line 2 --- */

#define HEADER                                                                                     \
    "{# template x a text u url n int b bool h html m msg l list { v text } r record? { v text } " \
    "#}\n"

static const struct {
    const char *body, *want;
} bad_bodies[] = {
    /* names and types */
    {"<p>{{nope}}</p>", "x.html:2:6: error: 'nope' is not declared in this template's header"},
    {"<p>{{a.b}}</p>", "x.html:2:6: error: 'a' is text and has no 'b'"},
    {"<p>{{b}}</p>", "x.html:2:6: error: 'b' is bool: it cannot be printed"},
    {"<p>{{l}}</p>", "x.html:2:6: error: 'l' is list: it cannot be printed"},
    {"<p>{{a|yen}}</p>", "x.html:2:8: error: the filter 'yen' is for int; this is text"},
    {"<p>{{n|eur}}</p>", "x.html:2:8: error: there is no filter 'eur'"},
    {"<p>{{r.v}}</p>", "x.html:2:6: error: 'r' may be missing: use it inside {% if r %}"},
    {"{% if not r %}{{r.v}}{% end %}", "x.html:2:17: error: 'r' may be missing"},
    {"{% if r or b %}{{r.v}}{% end %}", "x.html:2:18: error: 'r' may be missing"},
    {"{% if r %}{% end %}{{r.v}}", "x.html:2:22: error: 'r' may be missing"},
    {"{% for i in a %}{% end %}", "x.html:2:13: error: for goes through a list; this is text"},
    {"{% for i in l %}{{i.w}}{% end %}", "x.html:2:19: error: 'i' has no field 'w'"},
    {"{% for i in l %}{% end %}{{i.v}}", "x.html:2:28: error: 'i' is not declared"},
    {"{% for a in l %}{{a.v}}{% end %}",
     "x.html:2:1: error: the loop's variable 'a' hides an argument"},
    {"{{loop.index}}", "x.html:2:3: error: 'loop' outside a for"},
    {"{% for i in l %}{{loop.odd}}{% end %}", "error: loop has first, last and index, no 'odd'"},
    {"{% if a == 3 %}{% end %}", "x.html:2:12: error: text and int cannot be compared with '=='"},
    {"{% if a < \"x\" %}{% end %}", "error: text and text cannot be compared with '<'"},
    {"{% if b == 1 %}{% end %}", "error: bool and int cannot be compared with '=='"},
    {"{% if m == \"none.such\" %}{% end %}", "error: the message \"none.such\" is in no catalogue"},
    {"{% if m == \"p\" %}{% end %}", "error: the message \"p\" has placeholders"},
    {"{% if \"x\" %}{% end %}", "x.html:2:7: error: a condition that never changes"},
    {"{% if a and b or n %}{% end %}", "x.html:2:15: error: 'and' and 'or' do not mix"},
    /* statements */
    {"<p>{{a}", "x.html:2:4: error: '{{' is not closed by '}}'"},
    {"{% if b %}", "x.html:2:1: error: this 'if' has no {% end %}"},
    {"{% end %}", "x.html:2:1: error: 'end' closes nothing"},
    {"{% else %}", "x.html:2:1: error: 'else' closes nothing"},
    {"{% if b %}{% else %}{% else %}{% end %}",
     "x.html:2:21: error: 'else' has no place in this 'if'"},
    {"{% for i in l %}{% elif b %}{% end %}",
     "x.html:2:17: error: 'elif' has no place in this 'for'"},
    {"{% while b %}", "x.html:2:4: error: no statement begins with 'while'"},
    {"{% if %}{% end %}", "x.html:2:7: error: a value wanted here, but the statement ends"},
    {"{% if b b %}{% end %}", "x.html:2:9: error: unexpected 'b' after the condition"},
    {"{{a b}}", "x.html:2:5: error: unexpected 'b' after the value"},
    {"{{99999999999999999999}}", "x.html:2:3: error: a value wanted here"},
    {"{{\"a}}", "x.html:2:1: error: '{{' is not closed by '}}'"},
    {"{% csrf x %}", "x.html:2:9: error: unexpected 'x' after csrf"},
    /* messages */
    {"{% t \"none.such\" %}", "x.html:2:1: error: the message \"none.such\" is in no catalogue"},
    {"{% t \"p\" %}", "x.html:2:1: error: the message \"p\" needs name=..."},
    {"{% t \"m\" name=a %}", "x.html:2:10: error: the message \"m\" has no {name}"},
    {"{% t \"p\" name=b %}", "x.html:2:15: error: bool cannot fill a placeholder here"},
    {"{% t \"s\" n=a %}", "x.html:2:1: error: {n} chooses the plural of \"s\": it must be int"},
    {"<b title=\"{% t \"p\" name=h %}\"></b>", "error: html cannot fill a placeholder here"},
    {"<a href=\"/{% t \"m\" %}\"></a>", "x.html:2:11: error: a message in a URL"},
    {"{% t m %}", "x.html:2:6: error: a message's key in quotes wanted here, found 'm'"},
    {"<p>words</p>", "x.html:2:4: error: words that people read come from the catalogue"},
    {"<p>日本</p>", "x.html:2:4: error: words that people read come from the catalogue"},
    {"<img src=\"/x\" alt=\"words\">", "x.html:2:20: error: words that people read"},
    {"<input type=\"submit\" value=\"Send\">", "x.html:2:22: error: words that people read"},
    /* calls */
    {"{% call y %}", "x.html:2:9: error: no template is called 'y'"},
    {"{% call x a=a %}", "x.html:2:1: error: the call of 'x' closes a circle"},
    /* places of values */
    {"<p class={{a}}></p>",
     "x.html:2:10: error: no value or statement may stand in an unquoted attribute"},
    {"<p class=x{{a}}></p>",
     "x.html:2:11: error: no value or statement may stand in an unquoted attribute"},
    {"<{{a}}>", "x.html:2:2: error: no value or statement may stand in a tag's name"},
    {"<h{{n}}></h>", "x.html:2:1: error: there is no element <h>"},
    {"<p{{a}}></p>", "x.html:2:3: error: no value or statement may stand in a tag's name"},
    {"<p {{a}}></p>", "x.html:2:4: error: no value or statement may stand in a tag, outside"},
    {"<p {{a}}=\"x\"></p>", "x.html:2:4: error: no value or statement may stand in a tag, outside"},
    {"<p data-{{a}}=\"x\"></p>",
     "x.html:2:9: error: no value or statement may stand in an attribute's name"},
    {"<p></p{{a}}>", "x.html:2:7: error: no value or statement may stand in a tag's name"},
    {"<!-- {{a}} -->", "x.html:2:6: error: no value or statement may stand in an HTML comment"},
    {"<!-- {% if b %} -->{% end %}",
     "x.html:2:6: error: no value or statement may stand in an HTML comment"},
    {"<script src=\"/x.js\">{{a}}</script>",
     "x.html:2:21: error: no value or statement may stand in a script"},
    {"<p title=\"{{h}}\"></p>", "x.html:2:11: error: 'h' is html: it can stand in text only"},
    {"<textarea>{{h}}</textarea>", "x.html:2:11: error: 'h' is html: it can stand in text only"},
    {"<img srcset=\"{{u}}\" alt=\"\">", "x.html:2:14: error: a value in the attribute 'srcset'"},
    {"<form method=\"{{a}}\"></form>", "x.html:2:15: error: a value in the attribute 'method'"},
    {"<form method=\"{% if b %}get{% end %}\"></form>",
     "x.html:2:15: error: 'if' in the attribute 'method'"},
    {"<p class=\"{% call x %}\"></p>", "error"},
    /* URLs */
    {"<a href=\"{{a}}\"></a>", "x.html:2:10: error: 'a' begins a URL: declare it as url"},
    {"<a href=\"{{n}}\"></a>", "x.html:2:10: error: 'n' begins a URL"},
    {"<a href=\"javascript:alert(1)\"></a>",
     "x.html:2:20: error: a link's scheme is http, https, mailto or tel, not 'javascript:'"},
    {"<a href=\"JavaScript:x\"></a>",
     "error: a link's scheme is http, https, mailto or tel, not 'javascript:'"},
    {"<a href=\" javascript:x\"></a>", "x.html:2:10: error: this character has no place in a URL"},
    {"<a href=\"java\tscript:x\"></a>", "error: this character has no place in a URL"},
    {"<a href=\"java&#115;cript:x\"></a>",
     "x.html:2:14: error: a character reference where a URL's scheme or host could be"},
    {"<a href=\"data:text/html,x\"></a>", "not 'data:'"},
    {"<a href=\"{{u}}:x\"></a>",
     "x.html:2:15: error: behind a value of type url only '?' or '#' may follow"},
    {"<a href=\"{{u}}/x\"></a>", "x.html:2:15: error: behind a value of type url only '?' or '#'"},
    {"<a href=\"{{u}}{{a}}\"></a>", "x.html:2:15: error: 'a' follows a whole URL: put '?' or '#'"},
    {"<a href=\"//x\"></a>", "x.html:2:11: error: '//' begins a host: write https://"},
    {"<a href=\"/{% if b %}/{% end %}x\"></a>", "error: '//' begins a host"},
    {"<a href=\"https://{{a}}/\"></a>", "x.html:2:18: error: 'a' stands in a URL's host"},
    {"<a href=\"https://x.{{a}}\"></a>", "x.html:2:20: error: 'a' stands in a URL's host"},
    {"<a href=\"https:{{a}}\"></a>", "error: 'a' stands in a URL's host"},
    {"<a href=\"java{% if b %}script{% end %}:x\"></a>", "error: ':' behind a value could make"},
    {"<a href=\"{% if b %}{{u}}{% else %}/{% end %}?\"></a>",
     "the URL begins differently by branch"},
    {"<a href=\"x{{a}}:y\"></a>", "error: ':' behind a value could make a scheme of it"},
    {"<a href=\"{% if b %}/x{% end %}{{a}}\"></a>",
     "x.html:2:22: error: the URL begins differently by branch"},
    {"<a href='vbscript:x'></a>", "not 'vbscript:'"},
    {"<form method=\"get\" action=\"javascript:x\"></form>", "not 'javascript:'"},
    {"<script src=\"{{u}}\"></script>", "x.html:2:9: error: what a page loads as script or style"},
    {"<link rel=\"stylesheet\" href=\"{{u}}\">",
     "x.html:2:24: error: what a page loads as script or style"},
    {"<svg><use xlink:href=\"javascript:x\"/></svg>", "not 'javascript:'"},
    /* what the house refuses */
    {"<script>alert(1)</script>", "x.html:2:1: error: <script> without 'src': no inline script"},
    {"<script src=\"/x\">alert(1)</script>",
     "x.html:2:18: error: script stands in a file of its own"},
    {"<style>p{}</style>", "x.html:2:1: error: <style> may not be used"},
    {"<STYLE></STYLE>", "x.html:2:1: error: <STYLE> may not be used"},
    {"<p style=\"color:red\"></p>", "x.html:2:4: error: the attribute 'style' may not be used"},
    {"<p onclick=\"x\"></p>", "x.html:2:4: error: the attribute 'onclick' may not be used"},
    {"<p ONCLICK=\"x\"></p>", "x.html:2:4: error: the attribute 'ONCLICK' may not be used"},
    {"<iframe src=\"/\"></iframe>", "error: <iframe> may not be used"},
    {"<base href=\"/\">", "error: <base> may not be used"},
    {"<object data=\"/\"></object>", "error: <object> may not be used"},
    {"<svg><animate/></svg>", "error: <animate> may not be used"},
    {"<svg><foreignObject></foreignObject></svg>", "error: <foreignObject> may not be used"},
    {"<svg><style></style></svg>", "error: <style> may not be used"},
    {"<math></math>", "error: <math> may not be used"},
    {"<setcion></setcion>", "x.html:2:1: error: there is no element <setcion>"},
    {"<DIV></DIV>",
     "x.html:2:1: error: there is no element <DIV> (names are written in lower case)"},
    {"<p CLASS=\"x\"></p>", "error: attribute names are written in lower case"},
    {"<![CDATA[x]]>", "x.html:2:1: error: only <!DOCTYPE html> and <!-- comments -->"},
    {"<?php ?>", "error: only <!DOCTYPE html>"},
    {"<!--> <p>", "x.html:2:1: error: a browser ends this comment at once"},
    {"1 < 2", "x.html:2:3: error: '<' begins a tag: write &lt;"},
    {"<p class=\"a\" class=\"b\"></p>",
     "x.html:2:14: error: the attribute 'class' stands here twice"},
    {"<p{% if b %} id=\"1\"{% end %} id=\"2\"></p>", "error: the attribute 'id' stands here twice"},
    {"<p {% for i in l %} data-x=\"{{i.v}}\"{% end %}></p>",
     "error: an attribute inside 'for' would stand there more than once"},
    {"<p class=\"a\"id=\"b\"></p>", "x.html:2:13: error: a space is missing before this attribute"},
    {"<p class=a/b></p>", "error: put quotes around the value of 'class'"},
    {"<a href=/x></a>", "x.html:2:9: error: put quotes around the value of 'href'"},
    {"<p \"></p>", "x.html:2:4: error: '\"' has no place in a tag"},
    {"<a href=\"/\" target=\"_blank\"></a>",
     "x.html:2:13: error: target=\"_blank\" without rel=\"noopener\""},
    {"<a href=\"/\" target=\"_blank\"{% if b %} rel=\"noopener\"{% end %}></a>",
     "error: target=\"_blank\" without rel"},
    {"<img src=\"/x\">", "x.html:2:1: error: <img> without 'alt'"},
    {"<img src=\"/x\"{% if b %} alt=\"\"{% end %}>",
     "x.html:2:1: error: <img> without 'alt' on every path"},
    {"<html></html>", "x.html:2:1: error: <html> without 'lang'"},
    {"<form action=\"/\"></form>", "x.html:2:1: error: <form> without 'method'"},
    {"<form method=\"dialog\"></form>",
     "x.html:2:7: error: a form's method is \"get\" or \"post\""},
    {"<form method=\"post\"></form>",
     "x.html:2:1: error: this POST form has no {% csrf %} on every path"},
    {"<form method=\"post\">{% if b %}{% csrf %}{% end %}</form>",
     "error: this POST form has no {% csrf %} on every path"},
    {"<form method=\"post\">{% for i in l %}{% csrf %}{% end %}</form>",
     "error: this POST form has no {% csrf %} on every path"},
    {"<form method=\"post\"></form>{% csrf %}",
     "x.html:2:28: error: {% csrf %} outside a <form method=\"post\">"},
    {"<form method=\"get\">{% csrf %}</form>", "in a GET form the token would show in the address"},
    {"<p title=\"{% csrf %}\"></p>", "error: {% csrf %} can stand in text only"},
    {"<input autocomplete=\"cc-number\">",
     "x.html:2:8: error: no form has a field for card data (law 5)"},
    {"<meta http-equiv=\"refresh\" content=\"{{n}}\">",
     "error: a value in the content of <meta http-equiv>"},
    {"<meta content=\"{{n}}\" http-equiv=\"refresh\">",
     "error: a value in the content of <meta http-equiv>"},
    {"<input formmethod=\"get\">", "error: the attribute 'formmethod' may not be used"},
    /* balance */
    {"<p>", "x.html:2:1: error: <p> is not closed"},
    {"</p>", "x.html:2:1: error: </p> closes nothing"},
    {"<p><b></p></b>", "x.html:2:7: error: </p> does not close <b> of line 2"},
    {"<br></br>", "x.html:2:5: error: <br> has no end tag"},
    {"<div/>", "x.html:2:1: error: <div/> is not closed by its '/'"},
    {"{% if b %}<p>{% end %}</p>",
     "x.html:2:14: error: the branches of this 'if' leave different elements open"},
    {"{% if b %}<p>{% else %}<b>{% end %}</p>", "leave different elements open: p and b"},
    {"<p>{% if b %}</p>{% end %}", "leave different elements open"},
    {"{% for i in l %}<p>{% end %}", "leave different elements open"},
    {"<p class=\"{% if b %}x\"{% end %}></p>",
     "error: the branches of this 'if' end in different places"},
    {"{% if b %}<p class=\"{% else %}<p title=\"{% end %}\"></p>", "end in different places"},
    {"{% if b %}<p {% else %}<b {% end %}></p>", "end in different places"},
    {"<p", "error: the template ends in a tag"},
    {"<p class=\"x", "error: the template ends in an attribute's value"},
    {"<!-- x", "error: the template ends in a comment"},
    {"<p><div></div></p>", "x.html:2:4: error: <div> cannot stand in <p>"},
    {"<p><span><ul></ul></span></p>", "error: <ul> cannot stand in <p>"},
    {"<a href=\"/\"><b><a href=\"/\"></a></b></a>",
     "x.html:2:16: error: <a> cannot stand inside another <a>"},
    {"<form method=\"get\"><form method=\"get\"></form></form>",
     "error: <form> cannot stand inside another <form>"},
    {"<title><b></title>", "x.html:2:8: error: <title> holds text only, no tags"},
    {"<textarea></p></textarea>", "error: <textarea> holds text only, no tags"},
    {"<p cl{# #}ass=\"x\"></p>", "error: a space is missing before this attribute"},
    {"<{# #}p>", "error: a comment in the middle of a tag"},
    {"\x01", "x.html:2:1: error: this byte is not UTF-8, or a control character"},
    {"あ\xFF", "x.html:2:2: error: this byte is not UTF-8"},
};

static void test_bad_bodies(void **state)
{
    wrong = 0;
    for (size_t i = 0; i < BASE_COUNT(bad_bodies); i++) {
        arena_t arena;
        arena_init(&arena, TMPLC_MAX_BYTES);
        slice_t html = SLICE_EMPTY;
        assert_false(err_failed(arena_printf(&arena, &html, "%s%s", HEADER, bad_bodies[i].body)));
        const char *text;
        assert_false(err_failed(arena_cstr(&arena, html, &text)));
        tmplc_result_t r = compile(&arena, ja_body, en_body, def_body, text);
        expect(bad_bodies[i].body, &r, bad_bodies[i].want);
        arena_deinit(&arena);
    }
    assert_int_equal(wrong, 0);
}

/* --- whole files --- */

static const struct {
    const char *html, *want;
} bad_files[] = {
    {"{# template x #}{# template x_html #}", "x.html:1:29: error: 'x_html' is a name that"},
    {"{# template x #}{# record x_args { v text } #}",
     "x.html:1:27: error: 'x_args' is a name that"},
    {"<p></p>", "x.html:1:1: error: text before the first {# template NAME ... #} header"},
    {"{# template #}",
     "x.html:1:13: error: a name (a-z, 0-9, _) wanted here, but the statement ends"},
    {"{# template X #}", "x.html:1:13: error: a name (a-z, 0-9, _) wanted here, found 'X'"},
    {"{# template x a #}", "error: a type (text, int, bool"},
    {"{# template x a string #}", "x.html:1:17: error: a type (text, int, bool, url, html, msg, "
                                  "slot, record, list) wanted here, found 'string'"},
    {"{# template x a text a int #}", "x.html:1:22: error: 'a' is declared twice"},
    {"{# template x lang text #}", "x.html:1:15: error: 'lang' is a word of the template language"},
    {"{# template x while text #}", "x.html:1:15: error: an argument's name"},
    {"{# template x a list { } #}", "error: a record needs at least one field"},
    {"{# template x a list { v text #}", "error: an argument's name"},
    {"{# template x a list y #}", "x.html:1:15: error: no record is called 'y'"},
    {"{# template x a slot b slot #}", "x.html:1:22: error: a template has one slot at most"},
    {"{# template x a slot? #}", "x.html:1:21: error: a slot or a list takes no '?'"},
    {"{# record r { a slot } #}", "x.html:1:15: error: a slot is an argument of a template"},
    {"{# record r { a record r } #}", "x.html:1:11: error: the record 'r' contains itself"},
    {"{# record r { a text } #}{# record r { a text } #}",
     "x.html:1:36: error: there is already a record 'r'"},
    {"{# template x #}{# template x #}", "x.html:1:29: error: there is already a template 'x'"},
    {"{# template x a text #}", "x.html:1:15: error: argument 'a' is declared and never used"},
    {"{# template x a list { v text w int } #}{% for i in a %}{{i.v}}{% end %}",
     "x.html:1:31: error: field 'w' is declared and never used"},
    {"{# template x #}{# comment", "x.html:1:17: error: '{#' is not closed by '#}'"},
    /* calls */
    {"{# template x #}{% call y %}{# template y a text #}{{a}}",
     "x.html:1:17: error: the call of 'y' lacks the argument 'a' (text)"},
    {"{# template x #}{% call y a=\"\" z=1 %}{# template y a text #}{{a}}",
     "x.html:1:32: error: 'y' has no argument 'z'"},
    {"{# template x #}{% call y a=1 %}{# template y a text #}{{a}}",
     "x.html:1:29: error: argument 'a' is declared text; this is int"},
    {"{# template x #}{% call y a=true %}{# template y a int #}{{a}}",
     "error: argument 'a' is declared int; this is bool"},
    {"{# template x #}{% call y a=\"x\" %}{# template y a html #}{{a}}",
     "error: argument 'a' is declared html; this is text"},
    {"{# template x t1 text #}{% call y a=t1 %}{# template y a html #}{{a}}",
     "error: argument 'a' is declared html; this is text"},
    {"{# template x t1 text #}{% call y a=t1 %}{# template y a url #}<a href=\"{{a}}\"></a>",
     "error: argument 'a' is declared url; this is text"},
    {"{# template x #}{% call y a=\"javascript:x\" %}{# template y a url #}<a href=\"{{a}}\"></a>",
     "x.html:1:29: error: a URL begins with"},
    {"{# template x #}{% call y a=\"//x\" %}{# template y a url #}<a href=\"{{a}}\"></a>",
     "error: a URL begins with"},
    {"{# template x #}{% call y a=\"none.such\" %}{# template y a msg #}{{a}}",
     "error: the message \"none.such\" is in no catalogue"},
    {"{# template x #}{% call y a=t\"p\" %}{# template y a text #}{{a}}",
     "error: the message \"p\" has placeholders"},
    {"{# template x n int #}{% call y a=n|yen %}{# template y a int #}{{a}}",
     "error: a filter prints; it cannot stand in a call's argument"},
    {"{# template x #}{% call y a=\"\" a=\"\" %}{# template y a text #}{{a}}",
     "x.html:1:32: error: argument 'a' is given twice"},
    {"{# template x l list { v text } #}{% call y a=l %}{# template y a list { v text } #}{% for i "
     "in a %}{{i.v}}{% end %}",
     "error: argument 'a' is declared list; this is another record"},
    {"{# record r { v text } #}{# template x a record? r #}{% call y b=a %}{# template y b record "
     "r #}{{b.v}}",
     "error: 'b' wants a record, and this one may be missing"},
    {"{# template x #}<p title=\"{% call y %}\"></p>{# template y #}-",
     "x.html:1:27: error: a call can stand in text only"},
    {"{# template x #}{% call y %}{# template y #}{% call x %}", "closes a circle"},
    {"{# template x #}{% call y %}{# text y #}-",
     "x.html:1:17: error: 'y' is a text template and this one is not"},
    {"{# text x #}{% call y %}{# template y #}-",
     "error: 'y' is an HTML template and this one is not"},
    {"{# template x l list { v text } #}{% for i in l %}{{i.v}}{% call y %}{% end %}{% end %}{# "
     "template y b slot #}{{b}}",
     "error: a call with a body cannot stand inside for"},
    {"{# template x #}{% call y %}<p>{% end %}{# template y b slot #}{{b}}",
     "x.html:1:29: error: <p> is not closed"},
    {"{# template x #}{% call y %}-{# template y b slot #}{{b}}",
     "x.html:1:17: error: this 'call' has no {% end %}"},
    {"{# template x b slot #}<title>{{b}}</title>",
     "x.html:1:31: error: a slot can stand in text only"},
    {"{# text x h html #}{{h}}", "x.html:1:20: error: 'h' is html: it can stand in text only"},
    {"{# text x #}{% csrf %}", "error: {% csrf %} in a text template"},
    {"{# text x #}words", "x.html:1:13: error: words that people read"},
};

static void test_bad_files(void **state)
{
    wrong = 0;
    for (size_t i = 0; i < BASE_COUNT(bad_files); i++) {
        arena_t arena;
        arena_init(&arena, TMPLC_MAX_BYTES);
        tmplc_result_t r = compile(&arena, ja_body, en_body, def_body, bad_files[i].html);
        expect(bad_files[i].html, &r, bad_files[i].want);
        arena_deinit(&arena);
    }
    assert_int_equal(wrong, 0);
}

/* --- catalogues (the head takes two lines) --- */

#define M(text) "msgid \"m\"\nmsgstr \"" text "\"\n"

static const struct {
    const char *ja, *en, *def, *want;
} bad_catalogues[] = {
    {M("x"), "", "m", "po/ja.po:3:1: error: \"m\" is missing in po/en.po"},
    {"", M("x"), "m", "po/en.po:3:1: error: \"m\" is missing in po/ja.po"},
    {M("x"), M(""), "m", "po/en.po:3:1: error: \"m\" is empty"},
    {M("x"), "#, fuzzy\n" M("x"), "m", "po/en.po:4:1: error: \"m\" is marked fuzzy"},
    {M("x"), "#, c-format, fuzzy\n" M("x"), "m", "error: \"m\" is marked fuzzy"},
    {M("x"), M("x") M("y"), "m", "po/en.po:5:1: error: \"m\" stands here twice"},
    {M("x"), M("x"), "", "po/ja.po:3:1: error: \"m\" is used nowhere"},
    {M("{a}"), M("x"), "m a", "po/en.po:3:1: error: \"m\": {a} is missing in en"},
    {M("x"), M("{a}"), "m a", "po/ja.po:3:1: error: \"m\": {a} is missing in ja"},
    {M("{a}"), M("{a}"), "m", "messages.def:1:1: error: \"m\" needs the placeholder 'a'"},
    {M("{a}"), M("{a}"), "m a b", "messages.def:1:5: error: the message \"m\" has no {b}"},
    {M("{a}"), M("{a}"), "m a|eur", "messages.def:1:3: error: there is no filter 'eur'"},
    {M("{a}"), M("{a}"), "m a a", "messages.def:1:5: error: 'a' is given twice"},
    {M("{a}"), M("{a}"), "m a\nm a", "messages.def:2:1: error: \"m\" stands here twice"},
    {M("{out}"), M("{out}"), "m out", "messages.def:1:3: error: 'out' is no placeholder's name"},
    {M("x"), M("x"), "m\n  z", "messages.def:2:1: error: the message \"z\" is in no catalogue"},
    {M("{"), M("{"), "m", "po/ja.po:3:1: error: \"m\": '{' begins a placeholder"},
    {M("{A}"), M("{A}"), "m", "error: \"m\": '{' begins a placeholder"},
    {M("}"), M("}"), "m", "error: \"m\": a '}' that closes nothing"},
    {"msgid \"A b\"\nmsgstr \"x\"\n", "", "", "po/ja.po:3:1: error: \"A b\" is no key"},
    {"msgid \"a..b\"\nmsgstr \"x\"\n", "", "", "error: \"a..b\" is no key"},
    {"msgid \"m\"\n", "", "", "po/ja.po:3:1: error: this entry has no msgstr"},
    {"msgid m\n", "", "", "po/ja.po:3:1: error: a string in quotes is wanted here"},
    {"msgid \"m\nmsgstr \"x\"\n", "", "", "po/ja.po:3:1: error: the string is not closed"},
    {"msgid \"m\"\nmsgstr \"\\q\"\n", "", "", "po/ja.po:4:1: error: only \\n, \\t, \\\" and \\\\"},
    {"msgctxt \"m\"\n", "", "", "po/ja.po:3:1: error: msgid, msgid_plural, msgstr"},
    {"\n\"x\"\nmsgstr \"x\"\n", "", "", "po/ja.po:5:1: error: this msgstr has no place here"},
    {"msgid \"m\"\nmsgid_plural \"m\"\nmsgstr[0] \"{n}\"\nmsgstr[1] \"{n}\"\n", "", "",
     "error: \"m\": a plural has 1 form in ja"},
    {"", "msgid \"m\"\nmsgid_plural \"m\"\nmsgstr[0] \"{n}\"\n", "",
     "error: \"m\": a plural has 2 forms in en"},
    {"msgid \"m\"\nmsgid_plural \"m\"\nmsgstr[0] \"{n}\"\n",
     "msgid \"m\"\nmsgid_plural \"m\"\nmsgstr[0] \"{n}\"\nmsgstr[1] \"{n}\"\n", "m n",
     "error: {n} chooses the plural: it must be int"},
    {"msgid \"a.b\"\nmsgstr \"x\"\nmsgid \"a-b\"\nmsgstr \"x\"\n",
     "msgid \"a.b\"\nmsgstr \"x\"\nmsgid \"a-b\"\nmsgstr \"x\"\n", "a.b\na-b", "are one name in C"},
    {"msgid \"none\"\nmsgstr \"x\"\n", "msgid \"none\"\nmsgstr \"x\"\n", "none",
     "error: \"none\" is taken"},
};

static void test_bad_catalogues(void **state)
{
    wrong = 0;
    for (size_t i = 0; i < BASE_COUNT(bad_catalogues); i++) {
        arena_t arena;
        arena_init(&arena, TMPLC_MAX_BYTES);
        tmplc_result_t r =
            compile(&arena, bad_catalogues[i].ja, bad_catalogues[i].en, bad_catalogues[i].def, "");
        expect(bad_catalogues[i].ja, &r, bad_catalogues[i].want);
        arena_deinit(&arena);
    }
    assert_int_equal(wrong, 0);
}

static void test_bad_inputs(void **state)
{
    wrong = 0;
    static const char no_charset[] = "msgid \"\"\nmsgstr \"x\"\n";
    static const struct {
        tmplc_source_t sources[2];
        const char *room, *want;
    } rows[] = {
        {{{"ja.po", SLICE("")}, {"x.html", SLICE("")}}, "shop", "error: no en.po among the inputs"},
        {{{"fr.po", SLICE("")}, {"x.html", SLICE("")}},
         "shop",
         "fr.po:1:1: error: a catalogue is called"},
        {{{"a/ja.po", SLICE("")}, {"b/ja.po", SLICE("")}},
         "shop",
         "b/ja.po:1:1: error: a second catalogue"},
        {{{"ja.po", {(const uint8_t *)no_charset, sizeof no_charset - 1}}, {"en.po", SLICE("")}},
         "shop",
         "ja.po:1:1: error: the head of the file must say charset=UTF-8"},
        {{{"ja.po", SLICE("")}, {"en.po", SLICE("")}},
         "Shop",
         "error: 'Shop' is no name of a room"},
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        arena_t arena;
        arena_init(&arena, TMPLC_MAX_BYTES);
        tmplc_result_t r;
        tmplc_compile(&arena, slice_cstr_in(rows[i].room), SLICE("pages.h"), rows[i].sources, 2,
                      &r);
        expect(rows[i].want, &r, rows[i].want);
        arena_deinit(&arena);
    }
    assert_int_equal(wrong, 0);
}

/* --- what passes, and what it becomes --- */

static const struct {
    const char *html, *want;
} good[] = {
    {"{# template x #}", "void tpl_x(buf_t *out"},
    {"{# template x #}<p>&copy; &amp; & &lt; 1</p>", "<p>&copy; &amp; &amp; &lt; 1</p>"},
    {"{# template x #}<div>\n  <p>1</p>\n\n  <p>2</p>\n</div>\n", "<p>1</p>\\n\""},
    {"{# template x #}{{\"日\"}}\n  {{\"本\"}}", "SLICE(\"日本\")"},
    {"{# template x #}{{\"a\"}}\n  {{\"b\"}}", "\"a\\n\"\n        \"b\""},
    {"{# template x #}{{\"日\"}} {{\"本\"}}", "SLICE(\"日 本\")"},
    {"{# template x #}{% t \"m\" %}\n{% t \"m\" %}",
     "if (lang == I18N_EN) buf_put(out, SLICE(\"\\n\"))"},
    {"{# template x #}<p class=\"a\n   b\">1</p>", "class=\\\"a b\\\""},
    {"{# template x #}<p   class=\"a\"\n  id=b >1</p>", "<p class=\\\"a\\\" id=b>1</p>"},
    {"{# template x #}<br/><img src=\"/x\" alt=\"\"/>", "<br><img src=\\\"/x\\\" alt=\\\"\\\">"},
    {"{# template x #}<pre>1\n  2</pre>", "<pre>\\n\"\n        \"1\\n\"\n        \"  2</pre>"},
    {"{# template x #}<p>1<!-- words <b> -->2</p>", "<p>12</p>"},
    {"{# template x #}<a href=\"/a?b=1&c=2#d\">1</a>", "/a?b=1&amp;c=2#d"},
    {"{# template x #}<a href=\"mailto:a@b.jp\">1</a><a href=\"tel:+81\">2</a>", "mailto:a@b.jp"},
    {"{# template x #}<a href=\"https://x.jp/\" target=\"_blank\" rel=\"noopener nofollow\">1</a>",
     "_blank"},
    {"{# template x a text #}<a href=\"/x{{a}}/x:y\">1</a>", "url_put_component(out, a->a)"},
    {"{# template x a text #}<a href=\"x{{a}}/y:z\">1</a>", "url_put_component(out, a->a)"},
    {"{# template x a text #}<a href=\"/{{a}}/{{a}}\">1</a>", "tmpl_put_url_segment(out, a->a)"},
    {"{# template x a text #}<a href=\"https://x.jp/{{a}}\">1</a>", "url_put_component(out, a->a)"},
    {"{# template x b bool a text #}<a href=\"/{% if b %}en/{% end %}{{a}}\">1</a>",
     "tmpl_put_url_segment(out, a->a)"},
    {"{# template x u url #}<a href=\"{{u}}?x={{u}}\">1</a>", "url_put_component(out, a->u)"},
    {"{# template x b bool #}{% if b %}<p class=\"a\">{% else %}<p class=\"b\">{% end %}1</p>",
     "if (a->b) {"},
    {"{# template x b bool #}<option{% if b %} selected{% end %}>1</option>", "\" selected\""},
    {"{# template x b bool #}<a href=\"{% if b %}/x{% else %}/y{% end %}?z\">1</a>", "\"/y\""},
    {"{# template x b bool #}<img src=\"/x\"{% if b %} alt=\"\"{% else %} alt=\"-\"{% end %}>",
     "} else {"},
    {"{# template x a text #}{% if lang == \"ja\" and a != \"x\" %}1{% end %}",
     "(slice_eq(i18n_lang_code(lang), SLICE(\"ja\"))) && (!slice_eq(a->a, SLICE(\"x\")))"},
    {"{# template x n int #}{% if n >= -3 %}1{% elif not n %}2{% end %}",
     "if (a->n >= INT64_C(-3)) {"},
    {"{# template x r record? { v text } #}{% if r and r.v %}{{r.v}}{% end %}", "a->r->v"},
    {"{# template x r record { v record { w int } } #}{{r.v.w}}", "a->r.v.w"},
    {"{# template x m msg #}{% if m == \"m\" %}{{m}}{% end %}", "a->m == SHOP_MSG_M"},
    {"{# template x #}<svg viewBox=\"0 0 1 1\"><title>{% t \"m\" %}</title><path d=\"M0\"/></svg>",
     "<path d=\\\"M0\\\"/></svg>"},
    {"{# template x #}<title>\n  {% t \"m\" %}\n</title>", "<title>\""},
    {"{# template x #}<form method=\"post\">{% csrf %}</form>", "tmpl_put_csrf(out, a->csrf);"},
    {"{# template x #}<form method=\"post\">{% csrf %}</form>{# template y #}{% call x %}",
     ".csrf = a->csrf,"},
    {"{# template x b bool #}<form method=\"post\">{% if b %}{% csrf %}{% else %}{% csrf %}{% end "
     "%}</form>",
     "tmpl_put_csrf"},
    {"{# template x #}{% call y a=t\"m\" %}{# template y a text b bool? #}{{a}}{% if b %}1{% end "
     "%}",
     ".a = i18n_text(&shop_catalog, lang, SHOP_MSG_M),"},
    {"{# template x #}{% call y a=\"m\" %}{# template y a msg #}{{a}}", ".a = SHOP_MSG_M,"},
    {"{# template x b slot #}{{b}}{# template y s slot #}{% call x b=s %}", ".b = a->s,"},
    {"{# template x b slot #}{{b}}{# template y n int #}{% call x %}{{n}}{% end %}",
     ".b = {tpl_y_slot_1, a},"},
    {"{# template register a text #}{{a}}", "void tpl_register("},
    {"{# text x a text #}1\n{% if a %}\n  {{a}}\n{% end %}\n2\n\n\n", "\"2\\n\")"},
    {"{# template x #}\"?"
     "?/\\\"",
     "\\\"\\077?/\\\\\\\""},
};

static void test_good(void **state)
{
    for (size_t i = 0; i < BASE_COUNT(good); i++) {
        arena_t arena;
        arena_init(&arena, TMPLC_MAX_BYTES);
        tmplc_result_t r = compile(&arena, ja_body, en_body, def_body, good[i].html);
        if (r.errors || slice_find(r.c, slice_cstr_in(good[i].want)) == SIZE_MAX) {
            slice_t from = slice_from(r.c, slice_find(r.c, SLICE("void tpl_")));
            print_message("%s\n  wanted: %s\n  got: %.*s%.*s\n", good[i].html, good[i].want,
                          SLICE_FMT(r.diagnostics), SLICE_FMT(from));
            fail();
        }
        arena_deinit(&arena);
    }
}

/* A template cut at any byte: an answer, never a crash; whole it passes. */
static void test_cut_anywhere(void **state)
{
    static const char html[] =
        "{# template x a text u url l list { v text } #}<p class=\"{{a}}\">{% for i in l %}"
        "<a href='{{u}}'>{{i.v}}</a>{% else %}<!-- -->&amp;{% end %}{% t \"p\" name=a %}</p>";
    for (size_t len = 0; len < sizeof html; len++) {
        arena_t arena;
        arena_init(&arena, TMPLC_MAX_BYTES);
        slice_t cut = SLICE_EMPTY;
        assert_false(err_failed(arena_printf(&arena, &cut, "%.*s", (int)len, html)));
        const char *text;
        assert_false(err_failed(arena_cstr(&arena, cut, &text)));
        tmplc_result_t r = compile(&arena, ja_body, en_body, def_body, text);
        assert_true(len == sizeof html - 1 ? r.errors == 0 : (r.errors > 0) == (r.c.len == 0));
        arena_deinit(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_bodies),     cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_bad_catalogues), cmocka_unit_test(test_bad_inputs),
        cmocka_unit_test(test_good),           cmocka_unit_test(test_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
