/* Counters of one app. Atomic, never reset; read as Prometheus text (exposition format 0.0.4). */
#include "web/priv.h"

/* What is counted by itself; all else goes to the last slot ("other"). */
static const uint16_t STATUSES[] = {200, 204, 301, 302, 303, 304, 307, 308, 400,
                                    401, 403, 404, 405, 409, 410, 413, 414, 415,
                                    422, 429, 431, 500, 502, 503, 504, 507};
_Static_assert(BASE_COUNT(STATUSES) < WEB_STATUS_SLOTS, "one slot stays for the others");

/* Upper ends of the histogram in microseconds. */
static const int64_t TOOK_US[WEB_TIME_SLOTS] = {1000,   5000,   10000,   50000,
                                                100000, 500000, 1000000, 5000000};
static const char *const TOOK_TEXT[WEB_TIME_SLOTS] = {"0.001", "0.005", "0.01", "0.05",
                                                      "0.1",   "0.5",   "1",    "5"};

err_t web_metrics_init(web_metrics_t *m, size_t n_routes)
{
    m->n_rows = n_routes + 1;
    m->by_status = calloc(m->n_rows, sizeof m->by_status[0]);
    ENSURE(m->by_status, ERR_MEMORY);
    return OK;
}

void web_metrics_deinit(web_metrics_t *m)
{
    free(m->by_status);
    m->by_status = NULL;
}

static size_t slot_of(int status)
{
    for (size_t i = 0; i < BASE_COUNT(STATUSES); i++) {
        if (STATUSES[i] == status) {
            return i;
        }
    }
    return WEB_STATUS_SLOTS - 1;
}

void web_metrics_count(web_metrics_t *m, size_t row, int status, int64_t took_us)
{
    size_t t = 0;
    while (t < WEB_TIME_SLOTS && took_us > TOOK_US[t]) {
        t++;
    }
    atomic_fetch_add_explicit(&m->by_status[row][slot_of(status)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->took[t], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->took_us, took_us > 0 ? (uint64_t)took_us : 0,
                              memory_order_relaxed);
}

static void put_line(buf_t *out, const char *metric, const char *room, const char *labels,
                     uint64_t value)
{
    buf_cstr(out, metric);
    buf_cstr(out, "{room=\"");
    buf_cstr(out, room);
    buf_cstr(out, "\"");
    buf_cstr(out, labels);
    buf_cstr(out, "} ");
    buf_dec(out, (int64_t)value);
    buf_u8(out, '\n');
}

static void put_requests(const web_app_t *app, const char *room, buf_t *out)
{
    const web_metrics_t *m = &app->metrics;
    buf_cstr(out, "# TYPE sekisho_web_requests_total counter\n");
    for (size_t r = 0; r < m->n_rows; r++) {
        const char *route = r < app->config.n_routes ? app->config.routes[r].name : "-";
        for (size_t s = 0; s < WEB_STATUS_SLOTS; s++) {
            uint64_t n = atomic_load_explicit(&m->by_status[r][s], memory_order_relaxed);
            if (!n) {
                continue;
            }
            char mem[128];
            buf_t labels = BUF_ON_ARRAY(mem);
            buf_cstr(&labels, ",route=\"");
            buf_cstr(&labels, route);
            buf_cstr(&labels, "\",status=\"");
            if (s < BASE_COUNT(STATUSES)) {
                buf_dec(&labels, STATUSES[s]);
            } else {
                buf_cstr(&labels, "other");
            }
            buf_put(&labels, slice_make("\"", 2)); /* with its NUL */
            put_line(out, "sekisho_web_requests_total", room, mem, n);
        }
    }
}

static void put_took(const web_metrics_t *m, const char *room, buf_t *out)
{
    uint64_t sum = 0;
    buf_cstr(out, "# TYPE sekisho_web_seconds histogram\n");
    for (size_t t = 0; t <= WEB_TIME_SLOTS; t++) {
        char mem[32];
        buf_t labels = BUF_ON_ARRAY(mem);
        buf_cstr(&labels, ",le=\"");
        buf_cstr(&labels, t < WEB_TIME_SLOTS ? TOOK_TEXT[t] : "+Inf");
        buf_put(&labels, slice_make("\"", 2));
        sum += atomic_load_explicit(&m->took[t], memory_order_relaxed);
        put_line(out, "sekisho_web_seconds_bucket", room, mem, sum);
    }
    uint64_t us = atomic_load_explicit(&m->took_us, memory_order_relaxed);
    buf_cstr(out, "sekisho_web_seconds_sum{room=\"");
    buf_cstr(out, room);
    buf_cstr(out, "\"} ");
    buf_dec(out, (int64_t)(us / 1000000));
    buf_u8(out, '.');
    buf_dec_pad(out, us % 1000000, 6);
    buf_u8(out, '\n');
    put_line(out, "sekisho_web_seconds_count", room, "", sum);
}

void web_app_metrics(const web_app_t *app, const char *room_name, buf_t *out)
{
    const web_metrics_t *m = &app->metrics;
    put_requests(app, room_name, out);
    put_took(m, room_name, out);
    buf_cstr(out, "# TYPE sekisho_web_running gauge\n");
    put_line(out, "sekisho_web_running", room_name, "", web_app_running(app));
    buf_cstr(out, "# TYPE sekisho_web_refused_total counter\n");
    put_line(out, "sekisho_web_refused_total", room_name, ",why=\"card_data\"",
             atomic_load_explicit(&m->card, memory_order_relaxed));
    put_line(out, "sekisho_web_refused_total", room_name, ",why=\"csrf\"",
             atomic_load_explicit(&m->csrf, memory_order_relaxed));
}
