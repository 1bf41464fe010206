/* Delivers notifications: signed as the provider signs, retried as a provider retries (the schedule
 * is our own). */
#include <curl/curl.h>

#include "sim.h"

#include <openssl/hmac.h>
#include <time.h>

#include "base/clock.h"

enum { HOOK_BYTES = 8192, HOOK_TRIES = 12, HOOK_TIMEOUT_MS = 5000 };

static size_t swallow(char *data, size_t size, size_t n, void *user)
{
    return size * n;
}

static void signature_line(const sim_t *sim, slice_t body, bool forged, char out[128])
{
    static const char DIGITS[] = "0123456789abcdef";
    uint8_t mac[32] = {0};
    unsigned len = 0;
    CHECK(HMAC(EVP_sha256(), sim->webhook_key.b, SECRET_BYTES, body.ptr, body.len, mac, &len));
    if (forged) {
        mac[0] ^= 1;
    }
    size_t at = (size_t)snprintf(out, 128, "X-Komoju-Signature: ");
    for (size_t i = 0; i < sizeof mac; i++) {
        out[at++] = DIGITS[mac[i] >> 4];
        out[at++] = DIGITS[mac[i] & 15];
    }
    out[at] = 0;
}

static bool deliver(const sim_t *sim, const sim_hook_t *hook, slice_t body)
{
    char signature[128], host[160], id[64], type[80];
    signature_line(sim, body, hook->forged, signature);
    snprintf(host, sizeof host, "Host: %s", sim->notify_host);
    snprintf(id, sizeof id, "X-Komoju-ID: %s", hook->event);
    snprintf(type, sizeof type, "X-Komoju-Event: %s", hook->type);
    const char *const lines[] = {
        signature, host, id, type, "Content-Type: application/json", "User-Agent: Komoju-Webhook",
        "Expect:"};
    struct curl_slist *headers = NULL;
    for (size_t i = 0; i < BASE_COUNT(lines); i++) {
        headers = curl_slist_append(headers, lines[i]);
    }
    long status = 0;
    CURL *curl = curl_easy_init();
    if (curl) {
        curl_easy_setopt(curl, CURLOPT_URL, sim->notify_url);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.ptr);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)HOOK_TIMEOUT_MS);
        if (curl_easy_perform(curl) == CURLE_OK) {
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        }
        curl_easy_cleanup(curl);
    }
    curl_slist_free_all(headers);
    return status >= 200 && status < 300;
}

/* A refused forgery is not retried: its sender learns nothing more. */
static void settle(sim_t *sim, sim_hook_t *h, bool delivered)
{
    h->tries++;
    if (delivered || h->forged || h->tries >= HOOK_TRIES) {
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
        sim_hook_json(&copy, &sim->sessions[h->session], &body);
        pthread_mutex_unlock(&sim->lock);
        bool delivered = deliver(sim, &copy, buf_slice(&body));
        pthread_mutex_lock(&sim->lock);
        if (h->used && strcmp(h->event, copy.event) == 0) { /* not forgotten meanwhile */
            settle(sim, h, delivered);
        }
    }
    pthread_mutex_unlock(&sim->lock);
    return NULL;
}
