#include "ask.h"

#define HEAD "Host: example.com\nUser-Agent: Mozilla/5.0\nAccept: */*\n"
/* As settings.conf has it: JSON bodies are read as JSON, what is none is refused. */
#define JSON_RULE                                                                                  \
    "SecRule REQUEST_HEADERS:Content-Type \"@beginsWith application/json\" "                       \
    "\"id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON\"\n"          \
    "SecRule REQBODY_ERROR \"!@eq 0\" \"id:200002,phase:2,t:none,deny,status:400,nolog\"\n"

static const char *const NAMES[ASK_PLACES] = {"query", "form",    "json",      "cookie", "header",
                                              "agent", "referer", "forwarded", "part",   "path"};

const char *ask_place_name(ask_place_t place)
{
    return NAMES[place];
}

bool ask_rules_there(void)
{
    FILE *f = fopen("/usr/share/modsecurity-crs/rules/REQUEST-949-BLOCKING-EVALUATION.conf", "r");
    if (f) {
        (void)fclose(f);
    }
    return f != NULL;
}

void ask_load(rig_t *r, const char *folder)
{
    char text[2048];
    int n = snprintf(text, sizeof(text),
                     "SecRuleEngine On\nSecRequestBodyAccess On\n" JSON_RULE
                     "Include /etc/modsecurity/crs/crs-setup.conf\n%s%s%s"
                     "Include /usr/share/modsecurity-crs/rules/*.conf\n",
                     folder ? "Include " : "", folder ? folder : "",
                     folder ? "/before-crs.conf\n" : "");
    err_t e = rig_try(r, &RIG_DISK, text, (size_t)n);
    if (err_failed(e)) {
        fail_msg("%s:%u: %s: %s", r->fault.file, r->fault.line, r->fault.word, r->fault.text);
    }
}

/* ---- the value as each place holds it ---- */

static void percent(char *out, slice_t v)
{
    static const char HEX[] = "0123456789abcdef";
    size_t n = 0;
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.ptr[i];
        if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') {
            out[n++] = (char)c;
        } else {
            out[n++] = '%';
            out[n++] = HEX[c >> 4];
            out[n++] = HEX[c & 15];
        }
    }
    out[n] = 0;
}

static void json_text(char *out, slice_t v)
{
    static const char HEX[] = "0123456789abcdef";
    size_t n = 0;
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.ptr[i];
        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7F) {
            memcpy(out + n, "\\u00", 4);
            out[n + 4] = HEX[c >> 4];
            out[n + 5] = HEX[c & 15];
            n += 6;
        } else {
            out[n++] = (char)c;
        }
    }
    out[n] = 0;
}

static void plain(char *out, slice_t v)
{
    size_t n = 0;
    for (size_t i = 0; i < v.len; i++) {
        if (v.ptr[i]) {
            out[n++] = (char)v.ptr[i];
        }
    }
    out[n] = 0;
}

enum { VALUE_MAX = 200000 };
static char encoded[6 * VALUE_MAX + 64], request[6 * VALUE_MAX + 1024];

/* Each row: how the value is written, and the request around it. */
static rig_request_t body_request(const char *head, const char *before, const char *after)
{
    (void)snprintf(request, sizeof(request), "%s%s%s", before, encoded, after);
    return (rig_request_t){.method = "POST", .uri = "/x", .headers = head, .body = request};
}

static rig_request_t head_request(const char *head, const char *before)
{
    (void)snprintf(request, sizeof(request), "%s%s%s\n", head, before, encoded);
    return (rig_request_t){.headers = request};
}

static rig_request_t uri_request(const char *before)
{
    (void)snprintf(request, sizeof(request), "%s%s", before, encoded);
    return (rig_request_t){.uri = request, .headers = HEAD};
}

static rig_request_t request_of(ask_place_t place, slice_t v)
{
    static const char *const PLAIN[ASK_PLACES] = {
        [ASK_HEADER] = HEAD "X-Note: ",
        [ASK_AGENT] = "Host: example.com\nAccept: */*\nUser-Agent: ",
        [ASK_REFERER] = HEAD "Referer: ",
        [ASK_FORWARDED] = HEAD "X-Forwarded-For: "};
    if (PLAIN[place]) {
        plain(encoded, v);
        return head_request(PLAIN[place], "");
    }
    if (place == ASK_JSON) {
        json_text(encoded, v);
        return body_request(HEAD "Content-Type: application/json\n", "{\"note\":\"", "\"}");
    }
    if (place == ASK_MULTIPART) {
        plain(encoded, v);
        return body_request(HEAD "Content-Type: multipart/form-data; boundary=zq\n",
                            "--zq\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n",
                            "\r\n--zq--\r\n");
    }
    percent(encoded, v);
    if (place == ASK_QUERY || place == ASK_PATH) {
        return uri_request(place == ASK_QUERY ? "/x?q=" : "/x/");
    }
    if (place == ASK_COOKIE) {
        return head_request(HEAD, "Cookie: q=");
    }
    return body_request(HEAD "Content-Type: application/x-www-form-urlencoded\n", "q=", "");
}

bool ask_fits(ask_place_t place, slice_t v)
{
    bool header = place >= ASK_HEADER && place <= ASK_FORWARDED;
    return v.len <= VALUE_MAX &&
           !(header && (slice_find_byte(v, '\n') != SIZE_MAX ||
                        slice_find_byte(v, '\r') != SIZE_MAX || slice_find_byte(v, 0) != SIZE_MAX));
}

bool ask_blocked(rig_t *r, ask_place_t place, slice_t v)
{
    if (!ask_fits(place, v)) {
        return false;
    }
    rig_request_t q = request_of(place, v);
    rig_run(r, &q);
    return r->verdict.decision > ENGINE_ALLOW;
}

const char *ask_reasons(const rig_t *r)
{
    static char out[512];
    size_t n = 0;
    out[0] = 0;
    for (size_t i = 0; i < engine_tx_matches(r->tx) && n + 16 < sizeof(out); i++) {
        const engine_match_t *m = engine_tx_match(r->tx, i);
        if (m->severity >= 0) {
            n += (size_t)snprintf(out + n, sizeof(out) - n, "%u ", m->id);
        }
    }
    return out;
}
