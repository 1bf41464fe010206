#include <curl/curl.h>

#include "carry.h"

#include "text/b64.h"

enum {
    CONNECT_MS = 2000,
    ANSWER_MAX = 8 * 1024,
    BODY_MAX = 128 * 1024,
    TRIES = 4,       /* the size that it knows may change while we ask */
    STEPS_MAX = 64,  /* segments followed in one go */
    PROBES_MAX = 32, /* segments looked back in one go for a key that it knows */
};
/* Leaves of a segment (ledger/FORMAT.md 5). */
static const uint64_t SEGMENTS[] = {65536, 256};

typedef struct answer {
    long status;
    bool is_size;
    buf_t body;
    uint8_t mem[ANSWER_MAX];
} answer_t;

static carry_result_t result(carrier_t *c, carry_result_t r, const char *why)
{
    snprintf(c->why, sizeof c->why, "%s", why);
    return r;
}

/* ---- HTTP ---- */

static size_t on_data(char *data, size_t size, size_t n, void *user)
{
    answer_t *a = user;
    buf_put(&a->body, slice_make(data, size * n));
    return a->body.full ? 0 : size * n;
}

static const char UNIX[] = "unix:";

err_t carrier_init(carrier_t *c)
{
    slice_t url = slice_cstr_in(c->witness->url);
    bool is_unix = slice_starts(url, slice_cstr_in(UNIX));
    bool fine = is_unix || slice_starts(url, SLICE("https://")) ||
                (!c->https_only && slice_starts(url, SLICE("http://")));
    ENSURE(fine, ERR_CONFIG);
    c->handover = calloc(1, sizeof *c->handover);
    c->curl = curl_easy_init();
    if (!c->curl || !c->handover) {
        carrier_deinit(c);
        return FAIL(ERR_MEMORY);
    }
    return OK;
}

void carrier_deinit(carrier_t *c)
{
    if (c->curl) {
        curl_easy_cleanup(c->curl);
    }
    free(c->handover);
    c->curl = NULL;
    c->handover = NULL;
}

static void set_options(carrier_t *c, const char *url, slice_t body, answer_t *a,
                        struct curl_slist *headers)
{
    CURL *curl = c->curl;
    bool is_unix = strncmp(c->witness->url, UNIX, sizeof UNIX - 1) == 0;
    curl_easy_reset(curl); /* keeps the connection */
    curl_easy_setopt(curl, CURLOPT_URL, url);
    if (is_unix) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, c->witness->url + sizeof UNIX - 1);
    }
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR,
                     c->https_only && !is_unix ? "https" : "https,http");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.ptr);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "sekisho-ledger-push");
}

static bool post(carrier_t *c, const char *what, slice_t body, answer_t *a)
{
    char url[VPOLICY_URL + 32];
    const char *base = c->witness->url, *type = NULL;
    bool is_unix = strncmp(base, UNIX, sizeof UNIX - 1) == 0;
    size_t len = strlen(base);
    len -= len && base[len - 1] == '/' ? 1 : 0;
    snprintf(url, sizeof url, "%.*s/%s", is_unix ? 14 : (int)len, is_unix ? "http://witness" : base,
             what);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: text/plain");
    headers = curl_slist_append(headers, "Expect:");
    a->body = BUF_ON_ARRAY(a->mem);
    a->status = 0;
    set_options(c, url, body, a, headers);
    CURLcode code = curl_easy_perform(c->curl);
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &a->status);
    curl_easy_getinfo(c->curl, CURLINFO_CONTENT_TYPE, &type);
    a->is_size = type && strncmp(type, "text/x.tlog.size", 16) == 0;
    curl_slist_free_all(headers);
    if (code != CURLE_OK) {
        snprintf(c->why, sizeof c->why, "not reached: %s", curl_easy_strerror(code));
    }
    return code == CURLE_OK;
}

/* ---- add-checkpoint ---- */

static void put_path(buf_t *b, const ledger_path_t *path)
{
    for (unsigned i = 0; i < path->n; i++) {
        b64_put(b, slice_make(path->at[i], 32));
        buf_u8(b, '\n');
    }
    buf_u8(b, '\n');
}

static bool add_checkpoint(carrier_t *c, const ledger_checkpoint_t *cp, answer_t *a)
{
    static _Thread_local uint8_t mem[LEDGER_NOTE_MAX + 64 * 64];
    buf_t b = BUF_ON_ARRAY(mem);
    buf_cstr(&b, "old ");
    buf_dec_pad(&b, c->known, 1);
    buf_u8(&b, '\n');
    put_path(&b, &cp->path);
    buf_put(&b, slice_make(cp->note, cp->note_len));
    CHECK(!b.full);
    return post(c, "add-checkpoint", buf_slice(&b), a);
}

/* The note with what the witness answered must carry its cosignature; other lines are nobody's. */
static bool take_line(const carrier_t *c, const ledger_checkpoint_t *cp, slice_t lines,
                      buf_t *ret_line)
{
    slice_t line;
    while (slice_split(&lines, '\n', &line) && line.len) {
        uint8_t mem[LEDGER_NOTE_MAX + LEDGER_COSIGNATURE_MAX];
        buf_t b = BUF_ON_ARRAY(mem);
        uint64_t time_s;
        buf_put(&b, slice_make(cp->note, cp->note_len));
        buf_put(&b, line);
        buf_u8(&b, '\n');
        if (!b.full && line.len < LEDGER_COSIGNATURE_MAX &&
            !err_failed(vcosign_check(buf_slice(&b), c->witness, &time_s))) {
            buf_put(ret_line, line);
            buf_u8(ret_line, '\n');
            return true;
        }
    }
    return false;
}

static bool take_size(const answer_t *a, uint64_t *ret_size)
{
    slice_t text = buf_slice(&a->body);
    text.len -= slice_ends(text, SLICE("\n")) ? 1 : 0;
    return !err_failed(slice_parse_u64(text, INT64_MAX, ret_size));
}

/* What an answer other than 200 means. CARRY_OK: c->known was corrected: try again. */
static carry_result_t take_refusal(carrier_t *c, const answer_t *a)
{
    char why[CARRY_WHY];
    if (a->status == 409 && a->is_size) {
        return take_size(a, &c->known) ? CARRY_OK : result(c, CARRY_FAILED, "409 without a size");
    }
    if (a->status == 409 || a->status == 422) {
        return result(c, CARRY_FORK, "it has cosigned another history of this log");
    }
    if (a->status == 403 || a->status == 404) {
        c->other_key = a->status == 403;
        return result(c, CARRY_UNKNOWN,
                      a->status == 403 ? "it does not trust the key that signs now"
                                       : "it does not know this log");
    }
    snprintf(why, sizeof why, "status %ld", a->status);
    return result(c, CARRY_FAILED, why);
}

/* The ledger has less than the witness saw: is that so with its newest checkpoint, too? */
static carry_result_t judge_ahead(carrier_t *c)
{
    ledger_checkpoint_t newest;
    err_t e = ledger_checkpoint(c->ledger, 0, 0, &newest);
    if (err_failed(e) || newest.size >= c->known) {
        return result(c, CARRY_FAILED, "it is ahead of this round");
    }
    snprintf(c->why, sizeof c->why, "it has cosigned %llu records, this ledger holds %llu",
             (unsigned long long)c->known, (unsigned long long)newest.size);
    return CARRY_AHEAD;
}

/* segment: the checkpoint that ends it, else that of the size. *ret_size: what it covers. */
static carry_result_t bring_one(carrier_t *c, uint64_t which, bool is_segment, buf_t *ret_line)
{
    ledger_checkpoint_t *cp = &c->handover->end;
    for (unsigned i = 0; i < TRIES; i++) {
        answer_t a;
        err_t e = is_segment ? ledger_segment_end(c->ledger, c->known, which, cp)
                             : ledger_checkpoint(c->ledger, c->known, which, cp);
        if (err_is(e, ERR_RANGE)) {
            return judge_ahead(c);
        }
        if (err_failed(e)) {
            return result(c, CARRY_FAILED, "ledgerd gives no checkpoint");
        }
        if (!add_checkpoint(c, cp, &a)) {
            return CARRY_FAILED;
        }
        if (a.status == 200) {
            if (!take_line(c, cp, buf_slice(&a.body), ret_line)) {
                return result(c, CARRY_FAILED, "its answer is no cosignature by its key");
            }
            c->known = cp->size;
            return CARRY_OK;
        }
        carry_result_t r = take_refusal(c, &a);
        if (r != CARRY_OK) {
            return r;
        }
    }
    return result(c, CARRY_FAILED, "it did not stop naming other sizes");
}

/* ---- following the keys ---- */

static bool add_key(carrier_t *c, uint64_t segment)
{
    static _Thread_local uint8_t mem[BODY_MAX];
    ledger_handover_t *h = c->handover;
    buf_t b = BUF_ON_ARRAY(mem);
    answer_t a;
    if (err_failed(ledger_handover(c->ledger, segment, h))) {
        return false;
    }
    buf_cstr(&b, "c2sp.org/tlog-proof@v1\nextra ");
    b64_put(&b, slice_make(h->leaf, h->leaf_len));
    buf_cstr(&b, "\nindex ");
    buf_dec_pad(&b, h->end.size - 1, 1);
    buf_u8(&b, '\n');
    put_path(&b, &h->end.path);
    buf_put(&b, slice_make(h->end.note, h->end.note_len));
    CHECK(!b.full);
    return post(c, "add-key", buf_slice(&b), &a) && a.status == 200;
}

/* The last segment that ended with a hand-over, and how many leaves one has. False: there is none.
 */
static bool last_end(carrier_t *c, uint64_t size, uint64_t *ret_segment, uint64_t *ret_leaves)
{
    for (size_t i = 0; i < BASE_COUNT(SEGMENTS); i++) {
        uint64_t n = size / SEGMENTS[i];
        if (n && !err_failed(ledger_segment_end(c->ledger, 0, n - 1, &c->handover->end)) &&
            c->handover->end.size == n * SEGMENTS[i]) {
            *ret_segment = n - 1;
            *ret_leaves = SEGMENTS[i];
            return true;
        }
    }
    return false;
}

/* The segment whose end comes next for this witness: by the size that it knows, or, where nothing
 * is known, the newest whose old key it trusts. */
static bool first_step(carrier_t *c, uint64_t last, uint64_t leaves, uint64_t *ret_segment)
{
    uint8_t mem[LEDGER_COSIGNATURE_MAX];
    for (unsigned n = 0; !c->known && n < PROBES_MAX; n++, c->probed++) {
        buf_t line = BUF_ON_ARRAY(mem);
        c->probed = c->probed > last ? 0 : c->probed;
        if (bring_one(c, last - c->probed, true, &line) != CARRY_UNKNOWN) {
            break; /* signed, or it told its size, or it is not to be reached */
        }
    }
    if (!c->known) {
        return false;
    }
    c->probed = 0;
    *ret_segment = (c->known - 1) / leaves;
    return true;
}

/* Each end on the way is cosigned, then its key handed over. */
static carry_result_t follow(carrier_t *c, uint64_t size)
{
    uint8_t mem[LEDGER_COSIGNATURE_MAX];
    uint64_t last, leaves, at;
    if (!last_end(c, size, &last, &leaves) || !first_step(c, last, leaves, &at)) {
        return CARRY_UNKNOWN;
    }
    for (unsigned steps = 0; at <= last; at++, steps++) {
        buf_t line = BUF_ON_ARRAY(mem);
        uint64_t end = (at + 1) * leaves;
        if (steps == STEPS_MAX) {
            return result(c, CARRY_FAILED, "it follows the ledger's keys, and is not there yet");
        }
        carry_result_t r = c->known < end ? bring_one(c, at, true, &line) : CARRY_OK;
        if (r != CARRY_OK) {
            return r;
        }
        if (!add_key(c, at)) {
            return result(c, CARRY_UNKNOWN, "it does not take the ledger's next key");
        }
    }
    return CARRY_OK;
}

carry_result_t carrier_bring(carrier_t *c, uint64_t size, buf_t *ret_line)
{
    c->why[0] = '\0';
    carry_result_t r = bring_one(c, size, false, ret_line);
    if (r != CARRY_UNKNOWN) {
        return r;
    }
    char why[CARRY_WHY];
    memcpy(why, c->why, sizeof why);
    if (c->other_key) {
        r = follow(c, size);
        r = r == CARRY_OK ? bring_one(c, size, false, ret_line) : r;
    }
    if (r == CARRY_UNKNOWN) {
        c->known = 0; /* perhaps it has forgotten: next time it is asked */
        return result(c, r, why);
    }
    return r;
}
