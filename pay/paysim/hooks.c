/* Delivers notifications: signed as the provider signs, retried as a provider retries (the schedule
 * is our own). */
#include <curl/curl.h>

#include "sim.h"

#include <sodium.h>
#include <time.h>

#include "base/clock.h"

enum { HOOK_BYTES = 8192, HOOK_TRIES = 12, HOOK_TIMEOUT_MS = 5000 };

void sim_hmac_hex(const secret_t *key, slice_t first, slice_t second, char out[65])
{
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state h;
    crypto_auth_hmacsha256_init(&h, key->b, SECRET_BYTES);
    crypto_auth_hmacsha256_update(&h, first.ptr, first.len);
    crypto_auth_hmacsha256_update(&h, second.ptr, second.len);
    crypto_auth_hmacsha256_final(&h, mac);
    sodium_bin2hex(out, 65, mac, sizeof mac);
}

static bool komoju_hook(const sim_t *sim, const sim_hook_t *hook, const sim_session_t *s,
                        buf_t *out, char line[SIM_LINE_MAX])
{
    char hex[65];
    if (strcmp(hook->type, "payment.disputed") == 0) {
        return false; /* KOMOJU has no such event */
    }
    sim_hook_json(hook, s, out);
    sim_hmac_hex(hook->lie == SIM_OLD_SIGNATURE ? &sim->old_key[SIM_KOMOJU]
                                                : &sim->webhook_key[SIM_KOMOJU],
                 buf_slice(out), SLICE_EMPTY, hex);
    bool forged = hook->lie == SIM_FORGED_SIGNATURE || hook->lie == SIM_STALE_SIGNATURE ||
                  hook->lie == SIM_SHIFTED_FIELDS;
    hex[0] = forged ? (hex[0] == '0' ? '1' : '0') : hex[0];
    snprintf(line, SIM_LINE_MAX, "X-Komoju-Signature: %s", hex);
    return true;
}

typedef bool hook_fn(const sim_t *, const sim_hook_t *, const sim_session_t *, buf_t *,
                     char line[SIM_LINE_MAX]);
static hook_fn *const WIRES[SIM_WIRES] = {
    [SIM_KOMOJU] = komoju_hook, [SIM_STRIPE] = sim_stripe_hook, [SIM_SBPS] = sim_sbps_hook};

/* ".../pay/notify/komoju" of the ini, with the wire's own last part. */
static void notify_url(const sim_t *sim, sim_wire_t wire, char out[256])
{
    const char *last = strrchr(sim->notify_url, '/');
    int len = last ? (int)(last - sim->notify_url) : 0;
    snprintf(out, 256, "%.*s/%s", len, sim->notify_url, sim_wire_name(wire));
}

static size_t answer_keep(char *data, size_t size, size_t n, void *user)
{
    buf_put(user, slice_make(data, size * n));
    return size * n;
}

/* SBPS wants more than a status. */
static bool was_taken(sim_wire_t wire, long status, const buf_t *answer)
{
    bool fine = status >= 200 && status < 300;
    return fine && (wire != SIM_SBPS || slice_eq(buf_slice(answer), SLICE("OK,")));
}

static bool deliver(const sim_t *sim, const sim_hook_t *hook, sim_wire_t wire, const char *line,
                    slice_t body)
{
    char url[256], host[160];
    uint8_t mem[64];
    buf_t answer = BUF_ON_ARRAY(mem);
    notify_url(sim, wire, url);
    snprintf(host, sizeof host, "Host: %s", sim->notify_host);
    const char *const lines[] = {line[0] ? line : "X-None:", host,
                                 wire == SIM_SBPS
                                     ? "Content-Type: application/x-www-form-urlencoded"
                                     : "Content-Type: application/json",
                                 "User-Agent: paysim", "Expect:"};
    struct curl_slist *headers = NULL;
    for (size_t i = 0; i < BASE_COUNT(lines); i++) {
        headers = curl_slist_append(headers, lines[i]);
    }
    long status = 0;
    CURL *curl = curl_easy_init();
    if (curl) {
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.ptr);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, answer_keep);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)HOOK_TIMEOUT_MS);
        if (curl_easy_perform(curl) == CURLE_OK) {
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        }
        curl_easy_cleanup(curl);
    }
    curl_slist_free_all(headers);
    return was_taken(wire, status, &answer);
}

/* A refused forgery is not retried: its sender learns nothing more. */
static void settle(sim_t *sim, sim_hook_t *h, bool delivered)
{
    h->tries++;
    if (delivered || sim_lie_is_attack(h->lie) || h->tries >= HOOK_TRIES) {
        h->used = false;
        sim->counts.hooks_sent += delivered;
        sim->counts.hooks_failed += !delivered;
        return;
    }
    h->due_us =
        clock_wall_us() + (int64_t)(1U << (h->tries < 8 ? h->tries : 8)) * CLOCK_SECOND_US / 2;
}

/* The oldest hook that is due; NULL when none. Lock held. */
static sim_hook_t *due(sim_t *sim)
{
    sim_hook_t *oldest = NULL;
    for (size_t i = 0; i < SIM_HOOKS; i++) {
        sim_hook_t *h = &sim->hooks[i];
        if (h->used && h->due_us <= clock_wall_us() && (!oldest || h->due_us < oldest->due_us)) {
            oldest = h;
        }
    }
    return oldest;
}

static void rest(sim_t *sim)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 100000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&sim->news, &sim->lock, &until);
}

void *sim_hooks_thread(void *ctx)
{
    sim_t *sim = ctx;
    static uint8_t mem[HOOK_BYTES];
    pthread_mutex_lock(&sim->lock);
    while (!sim->stop) {
        sim_hook_t *h = due(sim);
        if (!h) {
            rest(sim);
            continue;
        }
        buf_t body = BUF_ON_ARRAY(mem);
        sim_hook_t copy = *h;
        char line[SIM_LINE_MAX] = "";
        sim_wire_t wire = sim->sessions[h->session].wire;
        bool told = WIRES[wire](sim, &copy, &sim->sessions[h->session], &body, line);
        pthread_mutex_unlock(&sim->lock);
        bool delivered = !told || deliver(sim, &copy, wire, line, buf_slice(&body));
        pthread_mutex_lock(&sim->lock);
        if (h->used && strcmp(h->event, copy.event) == 0) { /* not forgotten meanwhile */
            settle(sim, h, delivered);
        }
    }
    pthread_mutex_unlock(&sim->lock);
    return NULL;
}
