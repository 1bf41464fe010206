/* Body processors: what a visitor is told, and the flags. */
#include "base/test.h"

#include <unistd.h>

#include "body.h"

static arena_t arena;

static int reset(void **state)
{
    arena_deinit(&arena);
    arena_init(&arena, 16 << 20);
    return 0;
}

/* Everything that was told, as text: n=v; for arguments, F(n,f)=c; for files, H(n,line); X(e)=t;
 * A(n)=v; */
typedef struct told {
    uint8_t mem[8192];
    buf_t text;
    uint32_t flags;
} told_t;

static void put(told_t *t, const char *before, slice_t a, const char *between, slice_t b,
                const char *after)
{
    buf_cstr(&t->text, before);
    buf_put(&t->text, a);
    buf_cstr(&t->text, between);
    buf_put(&t->text, b);
    buf_cstr(&t->text, after);
}

static err_t on_arg(void *user, slice_t name, slice_t value)
{
    put(user, "", name, "=", value, ";");
    return OK;
}

static err_t on_file(void *user, const body_file_t *f)
{
    put(user, "F(", f->name, ",", f->filename, ")");
    put(user, "", f->content_type, "=", f->content, ";");
    return OK;
}

static err_t on_header(void *user, slice_t name, slice_t line)
{
    put(user, "H(", name, ",", line, ")");
    return OK;
}

static err_t on_flag(void *user, body_flag_t flag)
{
    told_t *t = user;
    assert_false(t->flags & 1U << flag); /* once each */
    t->flags |= 1U << flag;
    return OK;
}

static err_t on_text(void *user, slice_t element, slice_t text)
{
    put(user, "X(", element, ")=", text, ";");
    return OK;
}

static err_t on_attribute(void *user, slice_t name, slice_t value)
{
    put(user, "A(", name, ")=", value, ";");
    return OK;
}

static told_t told;
static body_visitor_t visitor = {.user = &told,
                                 .arg = on_arg,
                                 .file = on_file,
                                 .flag = on_flag,
                                 .xml_text = on_text,
                                 .xml_attribute = on_attribute};

typedef enum kind { FORM, COOKIES, MULTIPART, JSON, XML } kind_t;

/* For MULTIPART the first line is the Content-Type. */
static err_t parse(kind_t kind, slice_t in, const body_limits_t *limits, body_result_t *ret)
{
    memset(&told, 0, sizeof told);
    told.text = BUF_ON_ARRAY(told.mem);
    size_t line = slice_find_byte(in, '\n');
    switch (kind) {
    case FORM:
        return body_urlencoded(in, limits, &visitor, &arena, ret);
    case COOKIES:
        return body_cookies(in, limits, &visitor, &arena, ret);
    case JSON:
        return body_json(in, limits, &visitor, &arena, ret);
    case XML:
        return body_xml(in, limits, &visitor, &arena, ret);
    case MULTIPART:
    default:
        return body_multipart(slice_sub(in, 0, line),
                              line == SIZE_MAX ? SLICE_EMPTY : slice_from(in, line + 1), limits,
                              &visitor, &arena, ret);
    }
}

typedef struct example {
    const char *name;
    slice_t in;
    const char *told;
    uint32_t flags;
} example_t;

#define S_(lit)                                                                                    \
    {                                                                                              \
        (const uint8_t *)("" lit ""), sizeof(lit) - 1                                              \
    }

static void try_examples(kind_t kind, const example_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        body_result_t r;
        assert_ok(parse(kind, cases[i].in, NULL, &r));
        slice_t want = slice_cstr_in(cases[i].told);
        if (!slice_eq(buf_slice(&told.text), want) || r.flags != cases[i].flags) {
            fail_msg("%s: told \"%.*s\", flags %x (%s); wanted \"%s\", %x", cases[i].name,
                     SLICE_FMT(buf_slice(&told.text)), r.flags, r.error, cases[i].told,
                     cases[i].flags);
        }
        assert_int_equal(told.flags, r.flags);
        assert_int_equal(r.error[0] != 0, (r.flags & BODY_REQBODY_ERROR) != 0);
    }
}

static void forms(void **state)
{
    static const example_t CASES[] = {
        {"empty", S_(""), "", 0},
        {"two", S_("a=1&b=2"), "a=1;b=2;", 0},
        {"empty parts", S_("&&a=1&&"), "a=1;", 0},
        {"no value, no name", S_("a&=b&="), "a=;=b;=;", 0},
        {"repeated", S_("a=1&a=2"), "a=1;a=2;", 0},
        {"decoded", S_("a+b=%e3%81%82%2B&%61%5b%5D=%3D"), "a b=\xE3\x81\x82+;a[]==;", 0},
        {"semicolon divides nothing", S_("a=1;b=2"), "a=1;b=2;", 0},
        {"second equals", S_("a==b"), "a==b;", 0},
        {"bad percent", S_("a=%zz&b=%4&c=%"), "a=%zz;b=%4;c=%;", BODY_URLENCODED_ERROR},
        {"bad percent in a name", S_("%g=1"), "%g=1;", BODY_URLENCODED_ERROR},
        {"Shift_JIS", S_("a=%83%5C\x83\x5C"), "a=\x83\\\x83\\;", 0},
    };
    try_examples(FORM, CASES, BASE_COUNT(CASES));
    body_result_t r;
    assert_ok(parse(FORM, SLICE("a=%00b"), NULL, &r));
    assert_slice(buf_slice(&told.text), SLICE("a=\0b;"));
    assert_ok(parse(FORM, SLICE("a=1&b=2;c=3"), &(body_limits_t){.separator = ';'}, &r));
    assert_slice(buf_slice(&told.text), SLICE("a=1&b=2;c=3;"));
    assert_int_equal(r.args, 2);
    assert_int_equal(r.names_bytes, 2);
    assert_int_equal(r.values_bytes, 6);
}

static void cookies(void **state)
{
    static const example_t CASES[] = {
        {"two", S_("a=1; b=2"), "a=1;b=2;", 0},
        {"no space, no value", S_("a=1;b=;c"), "a=1;b=;c=;", 0},
        {"spaces", S_("  a = 1 ;\tb=\"q"), "a = 1 ;b=\"q;", 0},
        {"not decoded", S_("a%20b=%41+"), "a%20b=%41+;", 0},
        {"empty parts", S_(";; a=b=c;;"), "a=b=c;", 0},
        {"no name", S_("=x"), "=x;", 0},
        {"comma divides nothing", S_("a=1,b=2"), "a=1,b=2;", 0},
        {"version 1 words", S_("$Version=1; a=1"), "$Version=1;a=1;", 0},
        {"empty", S_(""), "", 0},
    };
    try_examples(COOKIES, CASES, BASE_COUNT(CASES));
}

static void json(void **state)
{
    static const example_t CASES[] = {
        {"empty", S_(""), "", 0},
        {"as libmodsecurity names them",
         S_("{\"a\":1,\"items\":[{\"name\":\"x\"},{\"name\":2}],\"n\":null,\"t\":true,\"f\":"
            "false}"),
         "json.a=1;json.items.array_0.name=x;json.items.array_1.name=2;json.n=;json.t=true;json.f="
         "false;",
         0},
        {"arrays in arrays", S_("[[1,2],[],{},[3,[4]]]"),
         "json.array_0.array_0=1;json.array_0.array_1=2;json.array_3.array_0=3;json.array_3.array_"
         "1.array_0=4;",
         0},
        {"bare value", S_(" \"s\" "), "json=s;", 0},
        {"empty names", S_("{\"\":{\"\":1}}"), "json.empty-key.empty-key=1;", 0},
        {"twice", S_("{\"a\":1,\"a\":2}"), "json.a=1;json.a=2;", 0},
        {"dots in names", S_("{\"a.b\":{\"c\":1}}"), "json.a.b.c=1;", 0},
        {"escapes", S_("{\"\\u0061\":\"\\u003cscript\\u003E\\n\"}"), "json.a=<script>\n;", 0},
        {"Japanese", S_("{\"\xE5\x90\x8D\":\"\xE5\xB1\xB1\\u7530\"}"),
         "json.\xE5\x90\x8D=\xE5\xB1\xB1\xE7\x94\xB0;", 0},
        {"no leaf", S_("{\"a\":{},\"b\":[]}"), "", 0},
        {"cut short", S_("{\"a\":1,\"b\":"), "json.a=1;", BODY_REQBODY_ERROR},
        {"garbage behind", S_("{\"a\":1}{\"b\":2}"), "json.a=1;", BODY_REQBODY_ERROR},
        {"comment", S_("{\"a\":1 /* c */}"), "json.a=1;", BODY_REQBODY_ERROR},
        {"Shift_JIS", S_("{\"a\":1,\"b\":\"\x83\x5C\"}"), "json.a=1;", BODY_REQBODY_ERROR},
        {"byte order mark", S_("\xEF\xBB\xBF{}"), "", BODY_REQBODY_ERROR},
        {"form", S_("a=1"), "", BODY_REQBODY_ERROR},
    };
    try_examples(JSON, CASES, BASE_COUNT(CASES));
    body_result_t r;
    assert_ok(parse(JSON, SLICE("{\"a\":\"\\u0000x\"}"), NULL, &r));
    assert_slice(buf_slice(&told.text), SLICE("json.a=\0x;"));
    body_limits_t shallow = {.max_depth = 2};
    assert_ok(parse(JSON, SLICE("[1,[2,[3]]]"), &shallow, &r));
    assert_slice(buf_slice(&told.text), SLICE("json.array_0=1;json.array_1.array_0=2;"));
    assert_string_equal(r.error, "JSON deeper than the limit");
}

/* A long name is cut in the path and told whole once. */
static void long_json_names(void **state)
{
    enum { LONG = 3000 };
    static uint8_t mem[LONG + 64];
    buf_t b = BUF_ON_ARRAY(mem);
    body_result_t r;
    buf_cstr(&b, "{\"");
    memset(buf_room(&b, LONG), 'k', LONG);
    buf_cstr(&b, "\":{\"z\":[5,6]},\"y\":7}");
    assert_ok(parse(JSON, buf_slice(&b), NULL, &r));
    slice_t out = buf_slice(&told.text);
    assert_int_equal(slice_find_byte(out, '='), LONG);
    assert_true(slice_ends(out, SLICE("=6;json.y=7;")));
    assert_int_equal(r.args, 5); /* both cut names whole, three leaves */
}

#define TYPE "multipart/form-data; boundary=B\n"
#define CD "Content-Disposition: form-data; name=\"a\""
#define PART(headers, value) "--B\r\n" headers "\r\n\r\n" value "\r\n"
#define END "--B--\r\n"

static void multiparts(void **state)
{
    enum { ERROR = BODY_REQBODY_ERROR };
    static const example_t CASES[] = {
        {"one", S_(TYPE PART(CD, "1") END), "a=1;", 0},
        {"two and a file",
         S_(TYPE PART(CD, "1") PART(CD "; filename=\"f.txt\"\r\nContent-Type: text/plain", "x\r\n")
                END),
         "a=1;F(a,f.txt)text/plain=x\r\n;", 0},
        {"last semicolon", S_(TYPE PART(CD ";", "1") END), "a=1;", 0},
        {"blank behind it", S_(TYPE PART(CD "; ;", "1") END), "a=1;", BODY_REQBODY_ERROR},
        {"empty file name", S_(TYPE PART(CD "; filename=\"\"", "") END), "a=;", 0},
        {"unquoted, escaped",
         S_(TYPE PART("Content-Disposition: form-data; name=a; filename=\"a\\\"b\\\\c\\d\"", "")
                END),
         "F(a,a\"b\\c\\d)=;", 0},
        {"end without line end", S_(TYPE PART(CD, "1") "--B--"), "a=1;", 0},
        {"Japanese name",
         S_(TYPE PART("Content-Disposition: form-data; name=\"\xE5\x90\x8D\"", "\x93\xFA") END),
         "\xE5\x90\x8D=\x93\xFA;", 0},
        {"empty body", S_(TYPE), "", 0},
        {"quoted boundary", S_("multipart/form-data; boundary=\"B\"\n" PART(CD, "1") END), "a=1;",
         BODY_BOUNDARY_QUOTED},
        {"half a quote", S_("multipart/form-data; boundary=\"B\n" PART(CD, "1") END), "a=1;",
         BODY_BOUNDARY_QUOTED | ERROR},
        {"white space before =", S_("multipart/form-data; boundary =B\n" PART(CD, "1") END), "a=1;",
         BODY_BOUNDARY_WHITESPACE},
        {"white space behind =", S_("multipart/form-data; boundary= B\n" PART(CD, "1") END), "a=1;",
         BODY_BOUNDARY_WHITESPACE},
        {"no semicolon", S_("multipart/form-data boundary=B\n" PART(CD, "1") END), "a=1;",
         BODY_MISSING_SEMICOLON},
        {"parameter before", S_("multipart/form-data; charset=x; boundary=B\n" PART(CD, "1") END),
         "a=1;", ERROR},
        {"two boundaries", S_("multipart/form-data; boundary=B; boundary=C\n" PART(CD, "1") END),
         "a=1;", ERROR},
        {"capital", S_("multipart/form-data; Boundary=B\n" PART(CD, "1") END), "a=1;", ERROR},
        {"no boundary", S_("multipart/form-data\n" PART(CD, "1") END), "", ERROR},
        {"empty boundary", S_("multipart/form-data; boundary=\n" PART(CD, "1") END), "", ERROR},
        {"bad characters", S_("multipart/form-data; boundary=B%\n" PART(CD, "1") END), "a=1;",
         ERROR},
        {"another type", S_("multipart/mixed; boundary=B\n" PART(CD, "1") END), "a=1;", ERROR},
        {"bytes before", S_(TYPE "x\r\n" PART(CD, "1") END), "a=1;", BODY_DATA_BEFORE},
        {"bytes behind", S_(TYPE PART(CD, "1") END "x"), "a=1;", BODY_DATA_AFTER},
        {"a part behind the end", S_(TYPE PART(CD, "1") END PART(CD, "2") END), "a=1;a=2;",
         BODY_DATA_AFTER},
        {"folded", S_(TYPE PART("Content-Disposition: form-data;\r\n name=\"a\"", "1") END), "a=1;",
         BODY_HEADER_FOLDING},
        {"folded by a form feed",
         S_(TYPE PART("Content-Disposition: form-data;\r\n\fname=\"a\"", "1") END), "a=1;",
         BODY_HEADER_FOLDING | BODY_INVALID_HEADER_FOLDING},
        {"folded nothing", S_(TYPE PART(" " CD "\r\n" CD, "1") END), "a=1;",
         BODY_HEADER_FOLDING | ERROR},
        {"LF lines", S_(TYPE "--B\n" CD "\n\n1\n--B--\n"), "a=1;", BODY_LF_LINE},
        {"one LF line", S_(TYPE PART(CD "\nX: y", "1") END), "a=1;",
         BODY_LF_LINE | BODY_CRLF_LF_LINES},
        {"apostrophes", S_(TYPE PART("Content-Disposition: form-data; name='a'", "1") END), "a=1;",
         BODY_INVALID_QUOTING},
        {"apostrophe in the file name", S_(TYPE PART(CD "; filename=\"it's\"", "1") END),
         "F(a,it's)=1;", 0},
        {"bytes behind the quote", S_(TYPE PART(CD "x; filename=\"f\"", "1") END), "F(a,f)=1;",
         BODY_INVALID_QUOTING | ERROR},
        {"open quote", S_(TYPE PART("Content-Disposition: form-data; name=\"a", "1") END), "a=1;",
         ERROR},
        {"no name", S_(TYPE PART("Content-Disposition: form-data", "1") END), "=1;",
         BODY_INVALID_PART | ERROR},
        {"no disposition", S_(TYPE PART("X: y", "1") END), "=1;", BODY_INVALID_PART | ERROR},
        {"no headers", S_(TYPE "--B\r\n\r\n1\r\n" END), "=1;", BODY_INVALID_PART | ERROR},
        {"no colon", S_(TYPE PART(CD "\r\nnonsense", "1") END), "a=1;", ERROR},
        {"attachment", S_(TYPE PART("Content-Disposition: attachment; name=\"a\"", "1") END),
         "a=1;", ERROR},
        {"two dispositions",
         S_(TYPE PART(CD "\r\nContent-Disposition: form-data; name=\"b\"", "1") END), "a=1;",
         ERROR},
        {"a word before the name",
         S_(TYPE PART("Content-Disposition: form-data; x; name=\"a\"", "1") END), "a=1;", ERROR},
        {"two names", S_(TYPE PART(CD "; name=\"b\"", "1") END), "a=1;", ERROR},
        {"filename*", S_(TYPE PART(CD "; filename*=utf-8''x.php", "1") END), "F(a,utf-8''x.php)=1;",
         ERROR},
        {"blank before the colon",
         S_(TYPE PART("Content-Disposition : form-data; name=\"a\"", "1") END), "a=1;", ERROR},
        {"base64", S_(TYPE PART(CD "\r\nContent-Transfer-Encoding: base64", "MQ==") END), "a=MQ==;",
         ERROR},
        {"CR in a header", S_(TYPE PART(CD "\r; filename=\"f\"", "1") END), "F(a,f)=1;", ERROR},
        {"delimiter right behind the empty line", S_(TYPE "--B\r\n" CD "\r\n\r\n" END), "a=;",
         ERROR},
        {"lines in a value", S_(TYPE PART(CD, "x\r\ny\n\r\n") END), "a=x\r\ny\n\r\n;", 0},
        {"never closed", S_(TYPE PART(CD, "1")), "a=1\r\n;", ERROR},
        {"closed by another", S_(TYPE PART(CD, "1") "--C--\r\n"), "a=1\r\n--C--\r\n;",
         ERROR | BODY_UNMATCHED_BOUNDARY},
        {"no delimiter at all", S_(TYPE "a=1"), "", ERROR | BODY_DATA_BEFORE},
        {"delimiter begins other text", S_(TYPE PART(CD, "1") "--Bx\r\n" CD "\r\n\r\n2\r\n" END),
         "a=1;a=2;", ERROR},
        {"blank behind the delimiter", S_(TYPE "--B \r\n" CD "\r\n\r\n1\r\n" END), "a=1;", ERROR},
        {"delimiter among headers", S_(TYPE "--B\r\n" CD "\r\n" PART(CD, "1") END), "a=;a=1;",
         ERROR},
        {"blank in front", S_(TYPE PART(CD, "1\r\n-- B") END), "a=1\r\n-- B;", ERROR},
        {"only the delimiter", S_(TYPE "--B"), "=;", BODY_INVALID_PART | ERROR},
        {"only the end", S_(TYPE "--B--"), "", 0},
    };
    try_examples(MULTIPART, CASES, BASE_COUNT(CASES));
    body_result_t r;
    assert_ok(parse(MULTIPART, SLICE(TYPE "--B\r\n" CD "\r\nX: \0\r\n\r\n1\r\n--B--"), NULL, &r));
    assert_int_equal(r.flags, BODY_REQBODY_ERROR);
    assert_ok(parse(MULTIPART, SLICE(TYPE PART(CD, "1") END), NULL, &r));
    assert_int_equal(r.unmatched_boundary, 2);
    assert_ok(parse(MULTIPART, SLICE(TYPE PART(CD, "1\r\n--C\r\n") END), NULL, &r));
    assert_int_equal(r.unmatched_boundary, 2);
    assert_int_equal(r.flags, 0);
}

static void multipart_headers_and_limits(void **state)
{
    static const slice_t IN =
        S_(TYPE PART(CD "; filename=\"f\"\r\nContent-Type: text/plain;\r\n\t charset=x", "123")
               PART(CD "; filename=\"g\"", "45") PART(CD, "6") END);
    body_result_t r;
    visitor.part_header = on_header;
    assert_ok(parse(MULTIPART, IN, &(body_limits_t){.max_files = 1}, &r));
    visitor.part_header = NULL;
    assert_slice(
        buf_slice(&told.text),
        SLICE("H(a," CD
              "; filename=\"f\")H(a,Content-Type: text/plain; charset=x)F(a,f)text/plain;\r\n\t "
              "charset=x=123;H(a," CD "; filename=\"g\")F(a,g)=45;H(a," CD ")a=6;"));
    assert_int_equal(r.flags, BODY_HEADER_FOLDING | BODY_FILE_LIMIT_EXCEEDED);
    assert_int_equal(r.files, 2);
    assert_int_equal(r.files_bytes, 5);
    assert_int_equal(r.args, 1);
    assert_true(r.flags & BODY_STRICT_FLAGS);
    assert_false(BODY_STRICT_FLAGS & (BODY_CRLF_LF_LINES | BODY_UNMATCHED_BOUNDARY));
}

static void xml(void **state)
{
    enum { ERROR = BODY_REQBODY_ERROR };
    static const example_t CASES[] = {
        {"empty", S_(""), "", 0},
        {"text and attributes", S_("<a x='1'>t<b y=\"2\" z='&lt;'>u</b>v<![CDATA[<w>]]></a>"),
         "A(x)=1;A(y)=2;A(z)=<;X(a)=tuv<w>;", 0},
        {"names without prefix", S_("<p:a xmlns:p='u:n' p:x='1'>t</p:a>"), "A(x)=1;X(a)=t;", 0},
        {"references", S_("<a>&#x3c;script&#62;&amp;</a>"), "X(a)=<script>&;", 0},
        {"comment and instruction", S_("<?xml version='1.0'?><a><!-- c --><?p i?>t</a>"), "X(a)=t;",
         0},
        {"no text", S_("<a/>"), "", 0},
        {"Japanese", S_("<\xE5\x90\x8D>\xE5\xB1\xB1</\xE5\x90\x8D>"),
         "X(\xE5\x90\x8D)=\xE5\xB1\xB1;", 0},
        {"Shift_JIS", S_("<?xml version='1.0' encoding='Shift_JIS'?><a>\x8E\x52\x83\x5C</a>"),
         "X(a)=\xE5\xB1\xB1\xE3\x82\xBD;", 0},
        {"cut short", S_("<a x='1'>t<b>u"), "A(x)=1;X(a)=tu;", ERROR},
        {"two roots", S_("<a>t</a><b>u</b>"), "X(a)=t;", ERROR},
        {"wrong end", S_("<a>t</b>"), "X(a)=t;", ERROR},
        {"no XML", S_("a=1"), "", ERROR},
        {"file entity", S_("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>t&x;u</a>"),
         "A(x)=file:///etc/passwd;X(a)=tu;", BODY_XML_DTD},
        {"entity", S_("<!DOCTYPE a [<!ENTITY x '<script>'>]><a b='&x;'>&x;</a>"), NULL,
         BODY_XML_DTD},
        {"outer DTD", S_("<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/x.dtd'><a>t</a>"),
         "A(DOCTYPE)=http://127.0.0.1:1/x.dtd;X(a)=t;", BODY_XML_DTD},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        if (CASES[i].told) {
            try_examples(XML, &CASES[i], 1);
        }
    }
    body_result_t r;
    assert_ok(
        parse(XML, SLICE("<!DOCTYPE a [<!ENTITY x '<script>'>]><a b='&x;'>&x;</a>"), NULL, &r));
    assert_true(r.flags & BODY_XML_DTD);
    assert_int_not_equal(slice_find(buf_slice(&told.text), SLICE("A(x)=<script>;")), SIZE_MAX);
    assert_int_equal(slice_find(buf_slice(&told.text), SLICE("X(a)=<script>")),
                     SIZE_MAX); /* never expanded */
    assert_ok(parse(XML, SLICE("<a><b><c>t</c></b></a>"), &(body_limits_t){.max_depth = 2}, &r));
    assert_string_equal(r.error, "XML deeper than the limit");
    assert_ok(parse(XML, SLICE("<a>t</a>"), &(body_limits_t){.max_xml_bytes = 7}, &r));
    assert_string_equal(r.error, "XML longer than the limit");
    assert_int_equal(told.text.len, 0);
}

/* Whatever the bytes are, nothing is written to standard error: it would be bytes of a request in a
 * log. */
static void xml_is_quiet(void **state)
{
    char path[] = "/tmp/test_body.XXXXXX";
    int file = mkstemp(path), saved = dup(STDERR_FILENO);
    body_result_t r;
    assert_true(file >= 0 && saved >= 0);
    assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
    err_t a = parse(XML, SLICE("<?xml version='1.0' encoding='Shift_JIS'?><a>\x8E\xFF\xFF</a>"),
                    NULL, &r);
    err_t b = parse(XML, SLICE("<?xml version='1.0' encoding='none'?><a>t<"), NULL, &r);
    off_t written = lseek(file, 0, SEEK_END);
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    close(saved);
    close(file);
    unlink(path);
    assert_ok(a);
    assert_ok(b);
    assert_int_equal(written, 0);
    assert_true(r.flags & BODY_REQBODY_ERROR);
}

static void put_utf16(buf_t *b, const char *ascii, bool big)
{
    for (; *ascii; ascii++) {
        buf_u8(b, big ? 0 : (uint8_t)*ascii);
        buf_u8(b, big ? (uint8_t)*ascii : 0);
    }
}

/* What would cost libxml2 a time that grows with the square of the size, in any dress. */
static void xml_bounds(void **state)
{
    static const struct {
        const char *head, *unit, *tail, *error;
        size_t units;
    } CASES[] = {
        {"<a", " a%zu=''", "/>", "", 256},
        {"<a", " a%zu=''", "/>", "XML with more attributes than the limit", 257},
        {"<a", " a%zu\n=\t\"\"", "/>", "XML with more attributes than the limit", 257},
        {"<a", " xmlns:a%zu='b'", "/>", "XML with more attributes than the limit", 257},
        {"<a>", "x%zu=", "</a>", "", 900},
        {"<a>", "<b c%zu=''/>", "</a>", "", 500},
        {"<!DOCTYPE a [<!ATTLIST a", " b%zu CDATA 'c'", ">]><a/>", "XML that declares attributes",
         1},
        {"<?xml version='1.0' encoding='UTF-7'?><a>", "x%zu", "</a>",
         "XML in an encoding that is not read", 1},
        {"<?xml version='1.0' encoding = \"utf-7\"?><a>", "x%zu", "</a>",
         "XML in an encoding that is not read", 1},
        {"<?xml version='encoding=\"utf-8\"' encoding='utf-7'?><a>", "x%zu", "</a>",
         "XML in an encoding that is not read", 1},
        {"<?xml version='1.0' encoding='EUC-JP'?><a>", "x%zu", "</a>", "", 1},
        {"<?xml version='1.0' encoding='Windows-1252'?><a>", "x%zu", "</a>", "", 1},
        {"Lo\xA7\x94", "x%zu", "", "XML in an encoding that is not read", 1},
    };
    for (size_t i = 0; i < 3 * BASE_COUNT(CASES);
         i++) { /* as it is, as UTF-16 little- and big-endian */
        static uint8_t mem[64 * 1024];
        size_t k = i / 3;
        buf_t b = BUF_ON_ARRAY(mem);
        bool big = i % 3 == 2;
        if (i % 3 && (slice_find(slice_cstr_in(CASES[k].head), SLICE("encoding")) != SIZE_MAX ||
                      CASES[k].head[0] == 'L')) {
            continue;
        }
        buf_cstr(&b, i % 3 == 0 ? "" : big ? "\xFE\xFF" : "\xFF\xFE");
        for (size_t n = 0; n < CASES[k].units + 2; n++) {
            char unit[64];
            const char *text = n == 0 ? CASES[k].head : n > CASES[k].units ? CASES[k].tail : unit;
            snprintf(unit, sizeof unit, "%.*s%zu%s",
                     (int)(strstr(CASES[k].unit, "%zu") - CASES[k].unit), CASES[k].unit, n,
                     strstr(CASES[k].unit, "%zu") + 3);
            i % 3 ? put_utf16(&b, text, big) : buf_cstr(&b, text);
        }
        body_result_t r;
        assert_ok(parse(XML, buf_slice(&b), NULL, &r));
        assert_string_equal(r.error, CASES[k].error);
        arena_reset(&arena);
    }
}

/* A billion laughs: entities that double each other cost nothing, for they are never expanded. */
static void xml_bombs(void **state)
{
    static uint8_t mem[8192];
    buf_t b = BUF_ON_ARRAY(mem);
    body_result_t r;
    buf_cstr(&b, "<!DOCTYPE a [<!ENTITY e0 'ha'>");
    for (unsigned i = 1; i < 40; i++) {
        char line[96];
        snprintf(line, sizeof line, "<!ENTITY e%u '&e%u;&e%u;'>", i, i - 1, i - 1);
        buf_cstr(&b, line);
    }
    buf_cstr(&b, "]><a b='&e39;'>&e39;</a>");
    arena_deinit(&arena);
    arena_init(&arena, 256 * 1024);
    assert_ok(parse(XML, buf_slice(&b), NULL, &r));
    assert_true(r.flags & BODY_XML_DTD);
}

static void arguments_are_limited(void **state)
{
    static const struct {
        kind_t kind;
        slice_t in;
    } CASES[] = {
        {FORM, S_("a=1&b=2&c=3")},
        {COOKIES, S_("a=1; b=2; c=3")},
        {JSON, S_("[1,2,3]")},
        {MULTIPART, S_(TYPE PART(CD, "1") PART(CD, "2") PART(CD, "3") END)},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        body_result_t r;
        assert_ok(parse(CASES[i].kind, CASES[i].in, &(body_limits_t){.max_args = 2}, &r));
        assert_int_equal(r.flags, BODY_REQBODY_ERROR | BODY_ARGS_LIMIT);
        assert_int_equal(r.args, 2);
        assert_ok(parse(CASES[i].kind, CASES[i].in, &(body_limits_t){.max_args = 3}, &r));
        assert_int_equal(r.flags, 0);
    }
}

/* Each callback's error ends the parse and comes back; nobody's memory is lost (ASan looks). Each
 * allocation may fail. */
static void failures_come_back(void **state)
{
    static const struct {
        kind_t kind;
        slice_t in;
    } CASES[] = {
        {FORM, S_("a=%31&b=+2&c=%zz")},
        {COOKIES, S_("a=1; b=2")},
        {JSON, S_("{\"a\":[1,\"\\u0041\"],\"b\":2")},
        {MULTIPART, S_(TYPE PART(CD "; filename=\"a\\\\b\"\r\nX:\r\n y", "1") PART(CD, "2"))},
        {XML, S_("<!DOCTYPE a [<!ENTITY x 'y'>]><a b='1'>t<c d='2'/></a")},
    };
    visitor.part_header = on_header;
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        body_result_t r;
        assert_ok(parse(CASES[i].kind, CASES[i].in, NULL, &r));
        size_t ended = 0;
        for (size_t at = 1; at < 40; at++) {
            arena.fail_after = (int64_t)at - 1;
            err_t e = parse(CASES[i].kind, CASES[i].in, NULL, &r);
            arena.fail_after = -1;
            assert_true(!err_failed(e) || err_is(e, ERR_MEMORY));
            ended += err_failed(e);
        }
        assert_true(ended > 0 || CASES[i].kind == COOKIES);
    }
    visitor.part_header = NULL;
}

static err_t refuse_arg(void *user, slice_t name, slice_t value)
{
    return FAIL(ERR_DENIED);
}

static err_t refuse_flag(void *user, body_flag_t flag)
{
    return FAIL(ERR_DENIED);
}

static void a_visitor_may_stop(void **state)
{
    body_visitor_t args = {.arg = refuse_arg, .xml_text = refuse_arg},
                   attributes = {.xml_attribute = refuse_arg}, flags = {.flag = refuse_flag},
                   none = {0};
    body_result_t r = {.args = 99};
    assert_err(body_urlencoded(SLICE("a=1"), NULL, &args, &arena, &r), ERR_DENIED);
    assert_err(body_cookies(SLICE("a=1"), NULL, &args, &arena, &r), ERR_DENIED);
    assert_err(body_json(SLICE("[1]"), NULL, &args, &arena, &r), ERR_DENIED);
    assert_err(body_xml(SLICE("<a>t</a>"), NULL, &args, &arena, &r), ERR_DENIED);
    assert_err(body_xml(SLICE("<a b='1'>t</a>"), NULL, &attributes, &arena, &r), ERR_DENIED);
    assert_err(body_xml(SLICE("<a>"), NULL, &flags, &arena, &r), ERR_DENIED);
    assert_err(body_json(SLICE("["), NULL, &flags, &arena, &r), ERR_DENIED);
    assert_err(body_multipart(SLICE("x"), SLICE_EMPTY, NULL, &flags, &arena, &r), ERR_DENIED);
    assert_int_equal(r.args, 99); /* untouched on failure */
    assert_ok(body_urlencoded(SLICE("a=1&b=%zz"), NULL, &none, &arena, &r));
    assert_int_equal(r.args, 2);
    assert_ok(body_multipart(SLICE("multipart/form-data; boundary=B"), SLICE(PART(CD, "1") END),
                             NULL, &none, &arena, &r));
    assert_ok(body_xml(SLICE("<a b='1'>t</a>"), NULL, &none, &arena, &r));
    for (unsigned f = 0; f < BODY_FLAGS; f++) {
        assert_true(strlen(body_flag_variable((body_flag_t)f)) > 5);
    }
    assert_string_equal(body_flag_variable(BODY_FLAGS), "");
}

/* Large and nested: time and memory grow with the size. */
static void huge_bodies(void **state)
{
    static const struct {
        kind_t kind;
        const char *head, *unit;
    } CASES[] = {
        {FORM, "", "a=%41&"},
        {FORM, "", "&"},
        {FORM, "a=", "%"},
        {COOKIES, "", "a=1; "},
        {JSON, "", "["},
        {JSON, "[", "1,"},
        {JSON, "", "{\"a\":"},
        {JSON, "\"", "\\\""},
        {MULTIPART, TYPE, "--B\r\n"},
        {MULTIPART, TYPE, "\n--"},
        {MULTIPART, TYPE "--B\r\n", "X: y\r\n"},
        {MULTIPART, TYPE "--B\r\n", " \r\n"},
        {MULTIPART, TYPE "--B\r\n" CD "\r\n\r\n", "--"},
        {MULTIPART, "multipart/form-data; boundary=-\n", "-"},
        {MULTIPART, TYPE "--B\r\nContent-Disposition: form-data", ";a=\""},
        {XML, "", "<a>"},
        {XML, "<a>", "t "},
        {XML, "<a ", "b='1' "},
        {XML, "<a>", "<b/>"},
    };
    const size_t size = 1 << 20;
    uint8_t *mem = malloc(size);
    assert_non_null(mem);
    for (size_t k = 0; k < BASE_COUNT(CASES); k++) {
        size_t head = strlen(CASES[k].head), unit = strlen(CASES[k].unit);
        for (size_t i = 0; i < size; i++) {
            mem[i] = (uint8_t)(i < head ? CASES[k].head[i] : CASES[k].unit[(i - head) % unit]);
        }
        body_result_t r;
        assert_ok(parse(CASES[k].kind, slice_make(mem, size), NULL, &r));
        arena_reset(&arena);
    }
    free(mem);
}

/* Cut anywhere, every body gives an answer, and each but the whole one a fault or fewer facts. */
static void cut_anywhere(void **state)
{
    static const struct {
        kind_t kind;
        slice_t in;
    } CASES[] = {
        {JSON, S_("{\"a\":[1,\"\\u0041\\n\",true],\"b\":{\"c\":null}}")},
        {MULTIPART, S_(TYPE PART(CD "; filename=\"f\"\r\nContent-Type: text/plain", "abc")
                           PART(CD, "") "--B--")},
        {XML, S_("<?xml version='1.0'?><a b='1'>t<c d='2'/></a>")},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        size_t from = CASES[i].kind == MULTIPART ? sizeof TYPE : 1;
        for (size_t len = from; len < CASES[i].in.len; len++) {
            body_result_t r;
            uint8_t *exact = malloc(len); /* ASan sees one byte more */
            assert_non_null(exact);
            memcpy(exact, CASES[i].in.ptr, len);
            assert_ok(parse(CASES[i].kind, slice_make(exact, len), NULL, &r));
            assert_true(r.flags & BODY_REQBODY_ERROR);
            free(exact);
        }
        body_result_t r;
        assert_ok(parse(CASES[i].kind, CASES[i].in, NULL, &r));
        assert_int_equal(r.flags, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(forms, reset),
        cmocka_unit_test_setup(cookies, reset),
        cmocka_unit_test_setup(json, reset),
        cmocka_unit_test_setup(long_json_names, reset),
        cmocka_unit_test_setup(multiparts, reset),
        cmocka_unit_test_setup(multipart_headers_and_limits, reset),
        cmocka_unit_test_setup(xml, reset),
        cmocka_unit_test_setup(xml_is_quiet, reset),
        cmocka_unit_test_setup(xml_bounds, reset),
        cmocka_unit_test_setup(xml_bombs, reset),
        cmocka_unit_test_setup(arguments_are_limited, reset),
        cmocka_unit_test_setup(failures_come_back, reset),
        cmocka_unit_test_setup(a_visitor_may_stop, reset),
        cmocka_unit_test_setup(huge_bodies, reset),
        cmocka_unit_test_setup(cut_anywhere, reset),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_deinit(&arena);
    return failed;
}
