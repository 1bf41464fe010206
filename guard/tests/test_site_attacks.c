/* A site that gives its members away to whoever asks in SQL, and the guard before it: what visitors
 * type reaches it, what thieves type does not, wherever they put it. */
#include "guarded.h"

/* ---- injections ---- */

/* Each brings a member's row out of the unguarded site. */
typedef struct injection {
    const char *name, *method, *target, *head, *body;
} injection_t;

#define GET_(name, target)                                                                         \
    {                                                                                              \
        name, "GET", target, "", ""                                                                \
    }
#define SECRET_OF "UNION SELECT secret,1 FROM members"

static const injection_t INJECTIONS[] = {
    GET_("union", "/tours?q=" UNION_Q),
    GET_("union, comments for spaces",
         "/tours?q=%27/**/UNION/**/SELECT/**/secret,1/**/FROM/**/members--"),
    GET_("union all, letters mixed",
         "/tours?q=%27%20uNiOn%20aLl%20sElEcT%20secret,1%20FrOm%20members--"),
    GET_("union, line feeds", "/tours?q=%27%0aUNION%0aSELECT%0asecret,1%0aFROM%0amembers--"),
    GET_("union, form feeds", "/tours?q=%27%0cUNION%0cSELECT%0csecret,1%0cFROM%0cmembers--"),
    GET_("union, plus signs", "/tours?q='+UNION+SELECT+secret,1+FROM+members--"),
    GET_("union, brackets", "/tours?q='UNION+SELECT(secret),(1)FROM(members)--"),
    GET_("union, quoted names", "/tours?q='+UNION+SELECT+%22secret%22,1+FROM+%22members%22--"),
    GET_("union, brackets of names", "/tours?q='+UNION+SELECT+[secret],1+FROM+[members]--"),
    GET_("union, back ticks", "/tours?q='+UNION+SELECT+`secret`,1+FROM+`members`--"),
    GET_("union values of a row", "/tours?q='+UNION+SELECT+group_concat(secret),1+FROM+members--"),
    GET_("union by a with", "/tours?q='+UNION+SELECT*FROM(SELECT+secret,1+FROM+members)--"),
    GET_("second parameter hides nothing", "/tours?x=1&q=" UNION_Q "&y=2"),
    GET_("a semicolon in between", "/tours?x=1&q='+UNION+SELECT+secret,1+FROM+members;--"),
    GET_("number", "/tour?id=0+UNION+SELECT+secret,1+FROM+members"),
    GET_("number, a bracket for a space", "/tour?id=(0)UNION+SELECT+secret,1+FROM+members"),
    GET_("number, exponent", "/tour?id=0e1+UNION+SELECT+secret,1+FROM+members"),
    GET_("number, negative", "/tour?id=-1+UNION+SELECT+secret,1+FROM+members"),
    GET_("subselect in place of a price", "/tour?id=0+UNION+SELECT+(SELECT+secret+FROM+members),1"),
    GET_("in the path", "/tours/x'%20UNION%20SELECT%20secret,1%20FROM%20members--"),
    {"a cookie", "GET", "/mine",
     "Cookie: a=b; member=x'%20UNION%20SELECT%20secret%20FROM%20members--\r\n", ""},
    {"a cookie, not encoded", "GET", "/mine",
     "Cookie: member=x' UNION SELECT secret FROM members--\r\n", ""},
    {"the browser's name", "GET", "/agent", "User-Agent: x' UNION SELECT secret FROM members--\r\n",
     ""},
    {"a form", "POST", "/lookup", FORM, "mail=x'+UNION+SELECT+secret,1+FROM+members--"},
    {"a form, always true", "POST", "/lookup", FORM, "mail='+OR+'1'='1"},
    {"a form, true without equals", "POST", "/lookup", FORM, "mail='+OR+name+LIKE+'Y%25"},
    {"a form, charset said", "POST", "/lookup",
     "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n",
     "mail=x'+UNION+SELECT+secret,1+FROM+members--"},
    {"a form that says it is text", "POST", "/lookup", "Content-Type: text/plain\r\n",
     "mail=x'+UNION+SELECT+secret,1+FROM+members--"},
    {"a form without a type", "POST", "/lookup", "",
     "mail=x'+UNION+SELECT+secret,1+FROM+members--"},
    {"a form that says it is bytes", "POST", "/lookup",
     "Content-Type: application/octet-stream\r\n", "mail=x'+UNION+SELECT+secret,1+FROM+members--"},
    {"a form that says it is JSON", "POST", "/lookup", "Content-Type: application/json\r\n",
     "mail=x'+UNION+SELECT+secret,1+FROM+members--"},
    {"a form that says it is XML", "POST", "/lookup", "Content-Type: text/xml\r\n",
     "mail=x'+UNION+SELECT+secret,1+FROM+members--"},
    {"a form of two types", "POST", "/lookup", "Content-Type: application/json\r\n" FORM,
     "mail=x'+UNION+SELECT+secret,1+FROM+members--"},
    {"a form in a strange charset", "POST", "/lookup",
     "Content-Type: application/x-www-form-urlencoded; charset=ibm037\r\n",
     "mail=x'+UNION+SELECT+secret,1+FROM+members--"},
    {"a form by PUT", "PUT", "/lookup", FORM, "mail=x'+UNION+SELECT+secret,1+FROM+members--"},
    {"a form by GET", "GET", "/lookup", FORM, "mail=x'+UNION+SELECT+secret,1+FROM+members--"},
    {"a form by DELETE", "DELETE", "/lookup", FORM, "mail=x'+UNION+SELECT+secret,1+FROM+members--"},
    {"a form by another word", "POST", "/lookup", FORM "X-HTTP-Method-Override: GET\r\n",
     "mail=x'+UNION+SELECT+secret,1+FROM+members--"},
    {"JSON", "POST", "/api", "Content-Type: application/json\r\n", "{\"q\":\"' " SECRET_OF "--\"}"},
    {"JSON, escaped", "POST", "/api", "Content-Type: application/json; charset=utf-8\r\n",
     "{\"q\":\"\\u0027 \\u0055NION SELECT secret,1 FROM members--\"}"},
    {"JSON that says it is a form", "POST", "/api", FORM, "{\"q\":\"' " SECRET_OF "--\"}"},
    {"JSON that says it is text", "POST", "/api", "Content-Type: text/plain\r\n",
     "{\"q\":\"' " SECRET_OF "--\"}"},
    {"JSON of a vendor", "POST", "/api", "Content-Type: application/vnd.api+json\r\n",
     "{\"q\":\"' " SECRET_OF "--\"}"},
    {"JSON, the name twice", "POST", "/api", "Content-Type: application/json\r\n",
     "{\"q\":\"fine\",\"q\":\"' " SECRET_OF "--\"}"},
    {"multipart", "POST", "/upload", "Content-Type: multipart/form-data; boundary=xx\r\n",
     "--xx\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\nx' " SECRET_OF "--\r\n--xx--\r\n"},
    {"multipart, a file", "POST", "/upload", "Content-Type: multipart/form-data; boundary=xx\r\n",
     "--xx\r\nContent-Disposition: form-data; name=\"q\"; name=\"r\"\r\n\r\nx' " SECRET_OF
     "--\r\n--xx--\r\n"},
};

static void injection_text(const injection_t *i, const char *host, const char *key, char *out,
                           size_t cap)
{
    snprintf(
        out, cap,
        "%s %s HTTP/1.1\r\nHost: %s\r\n%s%s%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
        i->method, i->target, host, strstr(i->head, "User-Agent") ? "" : BROWSER, key, i->head,
        strlen(i->body), i->body);
}

static void injections_bite_the_unguarded_site(void **state)
{
    for (size_t i = 0; i < BASE_COUNT(INJECTIONS); i++) {
        char text[4096];
        injection_text(&INJECTIONS[i], NEW, "", text, sizeof text);
        answer_t a = guarded_past(&guarded.other, text);
        if (!has_member(&a)) {
            fail_msg("%s: %d %s", INJECTIONS[i].name, a.status, (char *)a.body);
        }
        answer_free(&a);
    }
}

static void injections_bring_nothing_through_the_guard(void **state)
{
    size_t let_in = 0;
    for (size_t i = 0; i < BASE_COUNT(INJECTIONS); i++) {
        char text[4096];
        size_t before = site_requests(&guarded.app);
        injection_text(&INJECTIONS[i], WWW, "", text, sizeof text);
        answer_t a = guarded_ask(NULL, WWW, text);
        if (has_member(&a) || a.status < 400 || site_requests(&guarded.app) != before) {
            fprintf(stderr, "let in: %s: %d\n", INJECTIONS[i].name, a.status);
            let_in++;
        }
        answer_free(&a);
    }
    assert_int_equal(let_in, 0);
}

/* What no rule could read, or guard and application in two ways. */
static void what_cannot_be_judged_is_refused(void **state)
{
    static const struct {
        injection_t sent;
        int status;
    } ROWS[] = {
        {{"packed", "POST", "/lookup", FORM "Content-Encoding: gzip\r\n", "\x1f\x8b\x08"}, 415},
        {{"packed twice", "POST", "/lookup", FORM "Content-Encoding: identity, DEFLATE\r\n", "x"},
         415},
        {{"two types", "POST", "/lookup", FORM FORM, "mail=a"}, 400},
        {{"broken JSON", "POST", "/api", "Content-Type: application/json\r\n", "{\"q\":\"a\""},
         400},
        {{"JSON of another charset", "POST", "/api", "Content-Type: application/json\r\n",
          "{\"q\":\"\xff\xfe\"}"},
         400},
        {{"multipart without an end", "POST", "/upload",
          "Content-Type: multipart/form-data; boundary=xx\r\n",
          "--xx\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\nx"},
         400},
        {{"multipart of two boundaries", "POST", "/upload",
          "Content-Type: multipart/form-data; boundary=xx; boundary=yy\r\n",
          "--yy\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\nx\r\n--yy--\r\n"},
         400},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        char text[4096];
        size_t before = site_requests(&guarded.app);
        injection_text(&ROWS[i].sent, WWW, "", text, sizeof text);
        answer_t a = guarded_ask(NULL, WWW, text);
        if (a.status != ROWS[i].status || site_requests(&guarded.app) != before) {
            fail_msg("%s: %d", ROWS[i].sent.name, a.status);
        }
        answer_free(&a);
    }
}

/* What customers do goes on. */
static void guests_pass(void **state)
{
    static const injection_t GUESTS[] = {
        GET_("search", "/tours?q=autumn"),
        GET_("search in Japanese", "/tours?q=%E6%9C%88%E6%97%85%E8%A1%8C"),
        GET_("an apostrophe", "/tours?q=O%27Brien%27s"),
        {"form", "POST", "/lookup", FORM,
         "mail=nobody%40example.jp&note=%E7%AA%93%E5%81%B4+please"},
        {"JSON", "POST", "/api", "Content-Type: application/json\r\n",
         "{\"q\":\"Kyoto\",\"n\":[1,2]}"},
        {"multipart", "POST", "/upload", "Content-Type: multipart/form-data; boundary=xx\r\n",
         "--xx\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\nNikko in autumn\r\n--xx--\r\n"},
        {"cookie", "GET", "/mine", "Cookie: member=Suzuki; lang=ja\r\n", ""},
    };
    for (size_t i = 0; i < BASE_COUNT(GUESTS); i++) {
        char text[4096];
        size_t before = site_requests(&guarded.app);
        injection_text(&GUESTS[i], WWW, "", text, sizeof text);
        answer_t a = guarded_ask(NULL, WWW, text);
        bool fine = a.status == 200 || (a.status == 500 && strstr(GUESTS[i].name, "apostrophe"));
        if (!fine || site_requests(&guarded.app) != before + 1) {
            fail_msg("%s: %d %s", GUESTS[i].name, a.status, (char *)a.body);
        }
        assert_string_equal(answer_header(&a, "strict-transport-security"), "max-age=31536000");
        answer_free(&a);
    }
}

/* A place that is switched off, or tuned, is chosen by nginx's reading of the path, and the origin
 * must read the same. */
static void no_way_in_by_a_place_that_is_off(void **state)
{
    static const struct {
        const char *target;
        bool bites; /* this origin; the others climb out of folders as Java's and Windows' servers
                       do */
    } ROWS[] = {
        {"/tours/../images/x?q=" UNION_Q, true},
        {"/tours/%2e%2e/images/x?q=" UNION_Q, true},
        {"/tours/..%2fimages/x?q=" UNION_Q, true},
        {"/tours/.%2e%2Fimages/x?q=" UNION_Q, true},
        {"/tours/./../images/x?q=" UNION_Q, true},
        {"/tours/x/..//../images/x?q=" UNION_Q, true},
        {"/tours/x#/../../images/x?q=" UNION_Q, true},
        {"/tours?x#?&q=" UNION_Q, true},
        {"/images/..;/tours/x?q=" UNION_Q, false},
        {"/images/..\\tours/x?q=" UNION_Q, false},
        {"/images/..%5ctours/x?q=" UNION_Q, false},
        {"/images/%252e%252e/tours/x?q=" UNION_Q, false},
        {"/images/x/..%252f..%252ftours/x?q=" UNION_Q, false},
        {"/tours/x%00/../../images/x?q=" UNION_Q, true},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        char text[512];
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                 ROWS[i].target);
        answer_t past = guarded_past(&guarded.other, text),
                 a = guarded_get(WWW, ROWS[i].target, "");
        if (has_member(&past) != ROWS[i].bites) {
            fail_msg("%s: no attack: %d", ROWS[i].target, past.status);
        }
        if (has_member(&a) || site_log_has(&guarded.app, " GET /tours/.") ||
            site_log_has(&guarded.app, "/images/..") || site_log_has(&guarded.app, "#")) {
            fail_msg("%s: %d", ROWS[i].target, a.status);
        }
        answer_free(&past);
        answer_free(&a);
    }
    status_is(guarded_get(WWW, "/images/%E6%9C%88%20a.png?v=1", ""), 200, "an ordinary file");
    assert_true(site_log_has(&guarded.app, " GET /images/%E6%9C%88%20a.png?v=1 "));
}

/* sqlmap with its usual tests, and with its ways to hide them. What it prints is malloc'd. */
static char *sqlmap(const char *url, const char *tamper)
{
    enum { CAP = 256 * 1024 };
    char *out = malloc(CAP), folder[2 * FRONT_PATH];
    snprintf(folder, sizeof folder, "--output-dir=%s", guarded_file("sqlmap"));
    const char *const argv[] = {"sqlmap",
                                "-u",
                                url,
                                "-p",
                                "id",
                                "--batch",
                                "--flush-session",
                                "--dump",
                                "-T",
                                "members",
                                "--host",
                                WWW,
                                "--random-agent",
                                "--level",
                                "2",
                                "--risk",
                                "2",
                                "--time-sec",
                                "1",
                                "--disable-coloring",
                                folder,
                                tamper,
                                NULL};
    assert_non_null(out);
    (void)front_run(argv, out, CAP); /* its exit code says nothing */
    return out;
}

static void sqlmap_finds_nothing(void **state)
{
    char url[128], version[64];
    const char *const here[] = {"sh", "-c", "command -v sqlmap", NULL};
    setenv("HOME", guarded.front.dir, 1); /* where it keeps things */
    if (front_run(here, version, sizeof version) != 0) {
        skip();
    }
    snprintf(url, sizeof url, "http://127.0.0.2:%u/tour?id=1", guarded.other.port);
    char *said = sqlmap(url, NULL);
    if (!strstr(said, OF_MEMBERS)) {
        fail_msg("sqlmap does not bite: %s", said);
    }
    free(said);
    snprintf(url, sizeof url, "https://127.0.0.1:%u/tour?id=1", guarded.https_port);
    size_t before = site_requests(&guarded.app);
    static const char *const TAMPERS[] = {
        NULL, "--tamper=space2comment,randomcase,between,charunicodeencode",
        "--tamper=chardoubleencode,versionedkeywords,equaltolike"};
    for (size_t i = 0; i < BASE_COUNT(TAMPERS); i++) {
        said = sqlmap(url, TAMPERS[i]);
        if (strstr(said, OF_MEMBERS) || strstr(said, "identified the following injection point")) {
            fail_msg("%s", said);
        }
        assert_non_null(strstr(said, "do not appear to be injectable"));
        free(said);
    }
    fprintf(stderr, "sqlmap: %zu requests reached the origin\n",
            site_requests(&guarded.app) - before);
}

static int setup(void **state)
{
    guarded_start("");
    return 0;
}

static int teardown(void **state)
{
    guarded_stop();
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(injections_bite_the_unguarded_site),
        cmocka_unit_test(injections_bring_nothing_through_the_guard),
        cmocka_unit_test(sqlmap_finds_nothing),
        cmocka_unit_test(what_cannot_be_judged_is_refused),
        cmocka_unit_test(guests_pass),
        cmocka_unit_test(no_way_in_by_a_place_that_is_off),
    };
    if (!guarded_here(argc, argv)) {
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
