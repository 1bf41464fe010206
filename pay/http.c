#include <curl/curl.h>

#include "http.h"

#include "text/b64.h"

typedef struct sink {
    buf_t buf;
} sink_t;

static size_t on_data(char *data, size_t size, size_t n, void *user)
{
    sink_t *sink = user;
    buf_put(&sink->buf, slice_make(data, size * n));
    return sink->buf.full ? 0 : size * n;
}

/* Connection refused and the like: nothing was sent. Everything after the first byte out is
 * unknown. */
static bool surely_not_sent(CURLcode code)
{
    return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
           code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION;
}

static err_t auth_header(arena_t *a, const http_call_t *call, const char **ret_line)
{
    uint8_t pair[2 * ADAPTER_KEY_MAX + 1];
    buf_t line, plain = BUF_ON_ARRAY(pair);
    buf_put(&plain, slice_make(call->user->b, call->user->len));
    buf_u8(&plain, ':');
    if (call->password) {
        buf_put(&plain, slice_make(call->password->b, call->password->len));
    }
    err_t e = arena_buf(a, 512, &line);
    if (!err_failed(e)) {
        buf_cstr(&line, "Authorization: Basic ");
        b64_put(&line, buf_slice(&plain));
        buf_u8(&line, 0);
        e = buf_check(&line);
        *ret_line = (const char *)line.ptr;
    }
    explicit_bzero(pair, sizeof pair);
    return e;
}

/* A question has no body, so it names no type of one: a careful server refuses that (415). */
static struct curl_slist *header_list(const char *auth, const http_call_t *call)
{
    char type[80];
    struct curl_slist *list = curl_slist_append(NULL, auth);
    if (strcmp(call->method, "POST") == 0) {
        snprintf(type, sizeof type, "Content-Type: %s", call->type);
        list = curl_slist_append(list, type);
    }
    list = curl_slist_append(list, "Expect:");
    return call->idempotency ? curl_slist_append(list, call->idempotency) : list;
}

static void options_set(CURL *curl, const http_call_t *call, sink_t *sink,
                        struct curl_slist *headers)
{
    curl_easy_setopt(curl, CURLOPT_URL, call->url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, call->https_only ? "https" : "https,http");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, call->total_ms);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "sekisho-payd");
    if (call->body.len) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body.ptr);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
    } else if (strcmp(call->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
    }
}

err_t http_do(arena_t *a, const http_call_t *call, long *ret_status, slice_t *ret_answer)
{
    sink_t sink;
    const char *auth;
    ENSURE(!call->https_only || slice_starts(slice_cstr_in(call->url), SLICE("https://")),
           ERR_UNAVAILABLE);
    TRY(arena_buf(a, HTTP_ANSWER_MAX, &sink.buf));
    TRY(auth_header(a, call, &auth));
    CURL *curl = curl_easy_init();
    ENSURE(curl, ERR_MEMORY);
    struct curl_slist *headers = header_list(auth, call);
    struct curl_slist *resolve = call->resolve ? curl_slist_append(NULL, call->resolve) : NULL;
    options_set(curl, call, &sink, headers);
    curl_easy_setopt(curl, CURLOPT_RESOLVE, resolve);
    CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    curl_slist_free_all(resolve);
    if (code != CURLE_OK) {
        return surely_not_sent(code) ? FAIL(ERR_UNAVAILABLE) : FAIL(ERR_TIMEOUT);
    }
    *ret_status = status;
    *ret_answer = buf_slice(&sink.buf);
    return OK;
}
