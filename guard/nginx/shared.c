/* What all workers share: figures for Prometheus and the persistent collections. Both outlive a
 * reload. */
#include "rules.h"

#include "../collect/collect.h"
#include "base/clock.h"

enum { METRICS_BYTES = 8 * 1024 };

typedef struct counts {
    ngx_atomic_t at[GUARD_COUNTS];
} counts_t;

static counts_t *counts;
static collect_view_t view;
static engine_store_t store;
static engine_world_t world;

/* ---- zones ---- */

static ngx_int_t counts_init(ngx_shm_zone_t *zone, void *old)
{
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *)zone->shm.addr;
    if (old) {
        zone->data = old;
        return NGX_OK;
    }
    zone->data = pool->data = pool->data ? pool->data : ngx_slab_calloc(pool, sizeof(counts_t));
    return zone->data ? NGX_OK : NGX_ERROR;
}

/* The whole of the zone's free pages is one table. */
static ngx_int_t collections_init(ngx_shm_zone_t *zone, void *old)
{
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *)zone->shm.addr;
    collect_t *table;
    if (old) {
        zone->data = old;
        return NGX_OK;
    }
    size_t bytes = pool->pfree * ngx_pagesize;
    void *mem = ngx_slab_alloc(pool, bytes);
    if (!mem || err_failed(collect_init(mem, bytes, &table))) {
        ngx_log_error(NGX_LOG_EMERG, ngx_cycle->log, 0,
                      "sekisho_collections: the zone is too small");
        return NGX_ERROR;
    }
    zone->data = pool->data = table;
    return NGX_OK;
}

static ngx_shm_zone_t *zone_add(ngx_conf_t *cf, const char *text, size_t bytes,
                                ngx_shm_zone_init_pt init)
{
    union { /* names of zones are not const, but nothing writes through them */
        const char *ro;
        u_char *rw;
    } at = {.ro = text};
    ngx_str_t name = {strlen(text), at.rw};
    ngx_shm_zone_t *zone = ngx_shared_memory_add(cf, &name, bytes, &ngx_http_sekisho_module);
    if (zone) {
        zone->init = init;
    }
    return zone;
}

ngx_int_t guard_shared_zones(ngx_conf_t *cf, guard_main_conf_t *conf)
{
    conf->counts = zone_add(cf, "sekisho_counts", 8 * ngx_pagesize, counts_init);
    if (!conf->counts) {
        return NGX_ERROR;
    }
    if (conf->collections_bytes) {
        conf->collections =
            zone_add(cf, "sekisho_collections", conf->collections_bytes, collections_init);
    }
    return conf->collections_bytes && !conf->collections ? NGX_ERROR : NGX_OK;
}

/* sekisho_collections SIZE; */
char *guard_collections_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf_any)
{
    static char twice[] = "is duplicate", bad[] = "needs a size of 256k to 1024m";
    guard_main_conf_t *conf = conf_any;
    ngx_str_t *words = cf->args->elts;
    if (conf->collections_bytes) {
        return twice;
    }
    ssize_t size = ngx_parse_size(&words[1]);
    if (size < 256 * 1024 || size > 1024 * 1024 * 1024) {
        return bad;
    }
    conf->collections_bytes = (size_t)size;
    return NGX_CONF_OK;
}

/* ---- a worker's view ---- */

static void zone_lock(void *pool)
{
    ngx_shmtx_lock(&((ngx_slab_pool_t *)pool)->mutex);
}

static void zone_unlock(void *pool)
{
    ngx_shmtx_unlock(&((ngx_slab_pool_t *)pool)->mutex);
}

static int64_t wall_us(void *user)
{
    return clock_wall_us();
}

ngx_int_t guard_shared_worker(guard_main_conf_t *conf)
{
    counts = conf->counts ? conf->counts->data : NULL;
    world = (engine_world_t){.wall_us = wall_us};
    if (conf->collections) {
        view = (collect_view_t){.table = conf->collections->data,
                                .lock_user = conf->collections->shm.addr,
                                .lock = zone_lock,
                                .unlock = zone_unlock};
        store = collect_store(&view);
        world.store = &store;
    }
    return NGX_OK;
}

const engine_world_t *guard_world(void)
{
    return &world;
}

void guard_count_add(unsigned count, uint64_t n)
{
    if (counts && n) {
        (void)ngx_atomic_fetch_add(&counts->at[count], (ngx_atomic_int_t)n);
    }
}

/* ---- Prometheus ---- */

typedef struct metric_row {
    guard_count_t count;
    const char *name, *help;
} metric_row_t;

static const metric_row_t ROWS[] = {
    {GUARD_COUNT_MATCHES, "sekisho_rule_matches_total", "Rules that matched and are logged"},
    {GUARD_COUNT_ANSWER_BLOCKS, "sekisho_answers_blocked_total", "Answers that a rule blocked"},
    {GUARD_COUNT_BODY_REFUSED, "sekisho_bodies_refused_total", "Bodies past SecRequestBodyLimit"},
    {GUARD_COUNT_BODY_CUT, "sekisho_bodies_cut_total",
     "Bodies of which only the beginning was judged"},
    {GUARD_COUNT_BODY_BUSY, "sekisho_bodies_busy_total",
     "Bodies for which the worker had no memory left (sekisho_hold)"},
    {GUARD_COUNT_RULES, "sekisho_rules_run_total", "Rules looked at"},
    {GUARD_COUNT_VALUES, "sekisho_values_tested_total", "Operator runs on a value"},
    {GUARD_COUNT_REGEXES, "sekisho_regex_runs_total", "Of them, regular expressions"},
    {GUARD_COUNT_REGEX_LIMITS, "sekisho_regex_limits_total",
     "Regular expressions that ended at a limit"},
    {GUARD_COUNT_TRANSFORMS, "sekisho_transformations_total", "Values transformed"},
    {GUARD_COUNT_SCANNED, "sekisho_scanned_bytes_total", "Bytes of the literal scans"},
    {GUARD_COUNT_AUDIT_LOST, "sekisho_audit_lost_total", "Audit entries that could not be written"},
};

static void head(buf_t *out, const char *name, const char *help, const char *type)
{
    const char *const parts[] = {"# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n"};
    for (size_t i = 0; i < BASE_COUNT(parts); i++) {
        buf_cstr(out, parts[i]);
    }
}

static void figure(buf_t *out, const char *name, uint64_t value)
{
    buf_cstr(out, name);
    buf_u8(out, ' ');
    buf_dec(out, (int64_t)value);
    buf_u8(out, '\n');
}

static uint64_t count_of(unsigned count)
{
    return counts ? counts->at[count] : 0;
}

static void verdicts_put(buf_t *out)
{
    head(out, "sekisho_requests_total", "Requests that rules judged", "counter");
    for (unsigned v = 0; v < GUARD_VERDICTS; v++) {
        buf_cstr(out, "sekisho_requests_total{verdict=\"");
        buf_cstr(out, guard_verdict_name((guard_verdict_t)v));
        figure(out, "\"}", count_of(GUARD_COUNT_VERDICT + v));
    }
}

static void seconds_put(buf_t *out)
{
    uint64_t us = count_of(GUARD_COUNT_JUDGE_US);
    head(out, "sekisho_judge_seconds_total", "Time spent in rules", "counter");
    buf_cstr(out, "sekisho_judge_seconds_total ");
    buf_dec(out, (int64_t)(us / 1000000));
    buf_u8(out, '.');
    buf_dec_pad(out, us % 1000000, 6);
    buf_u8(out, '\n');
}

static void sets_put(buf_t *out, const guard_main_conf_t *conf)
{
    guard_rules_t *const *lists = conf->rule_lists.elts;
    uint64_t sets = 0, rules = 0, bytes = 0;
    for (ngx_uint_t i = 0; i < conf->rule_lists.nelts; i++) {
        if (lists[i]->set) {
            sets++;
            rules += engine_set_rules(lists[i]->set);
            bytes += engine_set_bytes(lists[i]->set);
        }
    }
    head(out, "sekisho_rule_sets", "Compiled rule sets", "gauge");
    figure(out, "sekisho_rule_sets", sets);
    head(out, "sekisho_rules_loaded", "Rules in them", "gauge");
    figure(out, "sekisho_rules_loaded", rules);
    head(out, "sekisho_rule_set_bytes", "Memory that they hold", "gauge");
    figure(out, "sekisho_rule_set_bytes", bytes);
}

static void collections_put(buf_t *out)
{
    if (!view.table) {
        return;
    }
    collect_stats_t stats = collect_stats(&view, clock_wall_us());
    head(out, "sekisho_collection_slots", "Places for values of persistent collections", "gauge");
    figure(out, "sekisho_collection_slots", stats.slots);
    head(out, "sekisho_collection_values", "Live values in them", "gauge");
    figure(out, "sekisho_collection_values", stats.used);
    head(out, "sekisho_collection_evicted_total", "Values that gave way to newer ones", "counter");
    figure(out, "sekisho_collection_evicted_total", stats.evicted);
}

static ngx_int_t metrics_handler(ngx_http_request_t *r)
{
    guard_main_conf_t *conf = ngx_http_get_module_main_conf(r, ngx_http_sekisho_module);
    if (!(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }
    u_char *mem = ngx_pnalloc(r->pool, METRICS_BYTES);
    ngx_buf_t *b = ngx_calloc_buf(r->pool);
    if (ngx_http_discard_request_body(r) != NGX_OK || !mem || !b) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    buf_t out = buf_on(mem, METRICS_BYTES);
    verdicts_put(&out);
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        head(&out, ROWS[i].name, ROWS[i].help, "counter");
        figure(&out, ROWS[i].name, count_of(ROWS[i].count));
    }
    seconds_put(&out);
    sets_put(&out, conf);
    collections_put(&out);
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = (off_t)out.len;
    ngx_str_set(&r->headers_out.content_type, "text/plain; version=0.0.4");
    r->headers_out.content_type_len = sizeof("text/plain") - 1;
    ngx_int_t rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }
    b->pos = mem;
    b->last = mem + out.len;
    b->memory = 1;
    b->last_buf = r == r->main;
    b->last_in_chain = 1;
    ngx_chain_t chain = {.buf = b, .next = NULL};
    return ngx_http_output_filter(r, &chain);
}

/* sekisho_metrics; */
char *guard_metrics_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t *core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    core->handler = metrics_handler;
    return NGX_CONF_OK;
}
