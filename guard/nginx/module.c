/* ngx_http_sekisho_module: its directives, its configuration, and where its parts are hung in. */
#include "rules.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/sandbox.h"

static ngx_int_t postconfigure(ngx_conf_t *cf);
static void *main_conf_create(ngx_conf_t *cf);
static char *main_conf_init(ngx_conf_t *cf, void *conf);
static void *srv_conf_create(ngx_conf_t *cf);
static void *loc_conf_create(ngx_conf_t *cf);
static char *loc_conf_merge(ngx_conf_t *cf, void *parent, void *child);
static char *fail_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static ngx_int_t variables_add(ngx_conf_t *cf);
static ngx_int_t module_init(ngx_cycle_t *cycle);
static ngx_int_t worker_start(ngx_cycle_t *cycle);
static void worker_stop(ngx_cycle_t *cycle);

/* clang-format off */
#define EVERYWHERE (NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF)
#define MAIN_STR(word, field) \
    {word, NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_conf_set_str_slot, NGX_HTTP_MAIN_CONF_OFFSET, \
     offsetof(guard_main_conf_t, field), NULL}
#define MAIN_FLAG(word, field) \
    {word, NGX_HTTP_MAIN_CONF | NGX_CONF_FLAG, ngx_conf_set_flag_slot, NGX_HTTP_MAIN_CONF_OFFSET, \
     offsetof(guard_main_conf_t, field), NULL}
#define LOC_FLAG(word, field) \
    {word, EVERYWHERE | NGX_CONF_FLAG, ngx_conf_set_flag_slot, NGX_HTTP_LOC_CONF_OFFSET, \
     offsetof(guard_loc_conf_t, field), NULL}
#define LOC_WORD(word, where, handler) \
    {word, (where) | NGX_CONF_TAKE1, handler, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* in nginx's own ngx_string */
static ngx_command_t commands[] = {
    MAIN_STR(ngx_string("sekisho_ledger"), ledger),
    MAIN_STR(ngx_string("sekisho_secrets"), secrets),
    MAIN_STR(ngx_string("sekisho_evidence"), evidence),
    MAIN_STR(ngx_string("sekisho_ring"), ring),
    MAIN_STR(ngx_string("sekisho_clock"), clock),
    MAIN_STR(ngx_string("sekisho_profile"), profile),
    MAIN_FLAG(ngx_string("sekisho_test"), test),
    MAIN_FLAG(ngx_string("sekisho_quiet"), quiet),
    MAIN_FLAG(ngx_string("sekisho_wall"), wall),
    {ngx_string("sekisho_collections"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, guard_collections_set,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL},
    {ngx_string("sekisho_hold"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_conf_set_size_slot, NGX_HTTP_MAIN_CONF_OFFSET,
     offsetof(guard_main_conf_t, hold_bytes), NULL},
    LOC_FLAG(ngx_string("sekisho_card_check"), card_check),
    LOC_FLAG(ngx_string("sekisho_host_check"), host_check),
    LOC_FLAG(ngx_string("sekisho_upgrade"), upgrade),
    LOC_FLAG(ngx_string("sekisho_body_in_memory"), body_in_memory),
    LOC_FLAG(ngx_string("sekisho_show_rules"), show_rules),
    {ngx_string("sekisho_static"), NGX_HTTP_LOC_CONF | NGX_CONF_FLAG, ngx_conf_set_flag_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(guard_loc_conf_t, is_static), NULL},
    LOC_WORD(ngx_string("sekisho_answer"), NGX_HTTP_LOC_CONF, guard_answer_set),
    {ngx_string("sekisho_metrics"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS, guard_metrics_set, NGX_HTTP_LOC_CONF_OFFSET,
     0, NULL},
    LOC_WORD(ngx_string("sekisho"), EVERYWHERE, guard_mode_set),
    LOC_WORD(ngx_string("sekisho_rules"), EVERYWHERE, guard_rules_file_add),
    LOC_WORD(ngx_string("sekisho_rules_text"), EVERYWHERE, guard_rules_text_add),
    LOC_WORD(ngx_string("sekisho_fail"), EVERYWHERE, fail_set),
    {ngx_string("sekisho_memory"), EVERYWHERE | NGX_CONF_TAKE1, ngx_conf_set_size_slot, NGX_HTTP_LOC_CONF_OFFSET,
     offsetof(guard_loc_conf_t, memory), NULL},
    {ngx_string("sekisho_origin_key"), EVERYWHERE | NGX_CONF_TAKE12, guard_origin_key_set, NGX_HTTP_LOC_CONF_OFFSET,
     0, NULL},
    /* ModSecurity-nginx's names: its configurations move by one load_module line */
    LOC_WORD(ngx_string("modsecurity"), EVERYWHERE, guard_mode_set),
    LOC_WORD(ngx_string("modsecurity_rules_file"), EVERYWHERE, guard_rules_file_add),
    LOC_WORD(ngx_string("modsecurity_rules"), EVERYWHERE, guard_rules_text_add),
    {ngx_string("modsecurity_rules_remote"), EVERYWHERE | NGX_CONF_TAKE2, guard_rules_remote_refuse,
     NGX_HTTP_LOC_CONF_OFFSET, 0, NULL},
    {ngx_string("modsecurity_transaction_id"), EVERYWHERE | NGX_CONF_TAKE1, ngx_http_set_complex_value_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(guard_loc_conf_t, transaction_id), NULL},
    LOC_FLAG(ngx_string("modsecurity_use_error_log"), error_log),
    ngx_null_command,
};
#pragma GCC diagnostic pop

static ngx_http_module_t module_ctx = {
    variables_add, postconfigure, main_conf_create, main_conf_init, srv_conf_create, NULL, loc_conf_create,
    loc_conf_merge,
};

BASE_EXPORT ngx_module_t ngx_http_sekisho_module = {
    NGX_MODULE_V1, &module_ctx, commands, NGX_HTTP_MODULE,
    NULL, module_init, worker_start, NULL, NULL, worker_stop, NULL,
    NGX_MODULE_V1_PADDING,
};

/* What nginx looks for in a dynamic module (its build system would write this file). */
BASE_EXPORT ngx_module_t *ngx_modules[] = {&ngx_http_sekisho_module, NULL};
static char module_name[] = "ngx_http_sekisho_module", copy_filter_name[] = "ngx_http_copy_filter_module";
BASE_EXPORT char *ngx_module_names[] = {module_name, NULL};
/* Filters run from the last to the first: ours after nginx has read files into memory for them. */
BASE_EXPORT char *ngx_module_order[] = {module_name, copy_filter_name, NULL};
/* clang-format on */

/* ---- configuration ---- */

static void *main_conf_create(ngx_conf_t *cf)
{
    guard_main_conf_t *conf = ngx_pcalloc(cf->pool, sizeof *conf);
    if (!conf ||
        ngx_array_init(&conf->rule_lists, cf->pool, 4, sizeof(guard_rules_t *)) != NGX_OK) {
        return NULL;
    }
    conf->test = NGX_CONF_UNSET;
    conf->hold_bytes = NGX_CONF_UNSET_SIZE;
    conf->quiet = NGX_CONF_UNSET;
    conf->wall = NGX_CONF_UNSET;
    return conf;
}

static void *srv_conf_create(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(guard_srv_conf_t));
}

/* sekisho_fail open | closed; */
static char *fail_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf_any)
{
    static char twice[] = "is duplicate", unknown[] = "is neither open nor closed";
    guard_loc_conf_t *conf = conf_any;
    slice_t word = guard_slice(((ngx_str_t *)cf->args->elts)[1]);
    if (conf->fail_open != NGX_CONF_UNSET) {
        return twice;
    }
    conf->fail_open = slice_eq(word, SLICE("open"));
    return conf->fail_open || slice_eq(word, SLICE("closed")) ? NGX_CONF_OK : unknown;
}

static ngx_int_t variables_add(ngx_conf_t *cf)
{
    return guard_front_variables(cf) == NGX_OK ? guard_after_variables(cf) : NGX_ERROR;
}

static ngx_int_t clock_map(ngx_conf_t *cf, const guard_main_conf_t *conf)
{
    char path[512];
    int n =
        snprintf(path, sizeof path, "%.*s", (int)conf->clock.len, (const char *)conf->clock.data);
    int fd = n > 0 && (size_t)n < sizeof path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at =
        fd >= 0 ? mmap(NULL, sizeof(clock_cell_t), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (fd >= 0) {
        close(fd);
    }
    if (at == MAP_FAILED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno, "sekisho_clock: cannot map");
        return NGX_ERROR;
    }
    clock_attach(at);
    return NGX_OK;
}

/* What only tests may do exists in no other profile; no profile counts as production. */
static bool may_test(const guard_main_conf_t *conf)
{
    static const char *const PROFILES[] = {"test", "bench", "demo"};
    for (size_t i = 0; i < BASE_COUNT(PROFILES); i++) {
        if (slice_eq(guard_slice(conf->profile), slice_cstr_in(PROFILES[i]))) {
            return true;
        }
    }
    return false;
}

static char *main_conf_init(ngx_conf_t *cf, void *conf_any)
{
    enum { HOLD_BYTES = 256 * 1024 * 1024 };
    guard_main_conf_t *conf = conf_any;
    ngx_conf_init_value(conf->test, 0);
    ngx_conf_init_value(conf->wall, 0);
    ngx_conf_init_size_value(conf->hold_bytes, HOLD_BYTES);
    ngx_conf_init_value(conf->quiet, conf->secrets.len > 0);
    if (conf->test && !may_test(conf)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "sekisho_test on: only with sekisho_profile test, bench or demo");
        return NGX_CONF_ERROR;
    }
    if (conf->ledger.len && conf->secrets.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "sekisho_ledger needs sekisho_secrets");
        return NGX_CONF_ERROR;
    }
    if (conf->evidence.len && conf->ledger.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "sekisho_evidence needs sekisho_ledger");
        return NGX_CONF_ERROR;
    }
    if (conf->ring.len && conf->evidence.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "sekisho_ring needs sekisho_evidence");
        return NGX_CONF_ERROR;
    }
    if (sodium_init() < 0 || (conf->secrets.len && guard_key_load(cf, conf) != NGX_OK)) {
        return NGX_CONF_ERROR;
    }
    if (conf->clock.len && clock_map(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }
    return NGX_CONF_OK;
}

static void *loc_conf_create(ngx_conf_t *cf)
{
    guard_loc_conf_t *conf = ngx_pcalloc(cf->pool, sizeof *conf);
    if (!conf) {
        return NULL;
    }
    ngx_flag_t *const flags[] = {&conf->card_check, &conf->is_static,      &conf->host_check,
                                 &conf->upgrade,    &conf->body_in_memory, &conf->fail_open,
                                 &conf->error_log,  &conf->show_rules};
    for (size_t i = 0; i < BASE_COUNT(flags); i++) {
        *flags[i] = NGX_CONF_UNSET;
    }
    conf->mode = NGX_CONF_UNSET_UINT;
    conf->memory = NGX_CONF_UNSET_SIZE;
    return conf;
}

static char *loc_conf_merge(ngx_conf_t *cf, void *parent_any, void *child_any)
{
    enum { MEMORY = 8 * 1024 * 1024 };
    static char tests_only[] = "sekisho_show_rules on: only with sekisho_test on";
    guard_main_conf_t *main = ngx_http_conf_get_module_main_conf(cf, ngx_http_sekisho_module);
    guard_loc_conf_t *parent = parent_any, *child = child_any;
    ngx_conf_merge_value(child->card_check, parent->card_check, 0);
    ngx_conf_merge_value(child->is_static, parent->is_static, 0);
    ngx_conf_merge_value(child->host_check, parent->host_check, 0);
    ngx_conf_merge_value(child->upgrade, parent->upgrade, 1);
    ngx_conf_merge_value(child->body_in_memory, parent->body_in_memory, 0);
    ngx_conf_merge_value(child->fail_open, parent->fail_open, 0);
    ngx_conf_merge_value(child->error_log, parent->error_log, 1);
    ngx_conf_merge_value(child->show_rules, parent->show_rules, 0);
    ngx_conf_merge_size_value(child->memory, parent->memory, MEMORY);
    if (!child->transaction_id) {
        child->transaction_id = parent->transaction_id;
    }
    if (!child->origin_key.data) {
        child->origin_key = parent->origin_key;
        child->origin_key_name = parent->origin_key_name;
    }
    if (child->show_rules && main->test != 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, tests_only);
        return NGX_CONF_ERROR;
    }
    return guard_rules_merge(cf, parent, child);
}

static ngx_int_t handler_push(ngx_conf_t *cf, ngx_http_phases phase, ngx_http_handler_pt handler)
{
    ngx_http_core_main_conf_t *core = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    ngx_http_handler_pt *h = ngx_array_push(&core->phases[phase].handlers);
    if (!h) {
        return NGX_ERROR;
    }
    *h = handler;
    return NGX_OK;
}

static ngx_int_t handlers_push(ngx_conf_t *cf)
{
    if (handler_push(cf, NGX_HTTP_POST_READ_PHASE, guard_front_handler) != NGX_OK ||
        handler_push(cf, NGX_HTTP_REWRITE_PHASE, guard_rewrite_handler) != NGX_OK ||
        handler_push(cf, NGX_HTTP_ACCESS_PHASE, guard_access_handler) != NGX_OK) {
        return NGX_ERROR;
    }
    return handler_push(cf, NGX_HTTP_LOG_PHASE, guard_record_handler);
}

static ngx_int_t postconfigure(ngx_conf_t *cf)
{
    guard_main_conf_t *conf = ngx_http_conf_get_module_main_conf(cf, ngx_http_sekisho_module);
    if (guard_rules_compile(cf, conf) != NGX_OK || guard_shared_zones(cf, conf) != NGX_OK) {
        return NGX_ERROR;
    }
    if (conf->rule_lists.nelts && guard_headers_see_all(cf) != NGX_OK) {
        return NGX_ERROR;
    }
    if (conf->quiet) {
        guard_quiet_start(cf->cycle);
    }
    guard_body_filters();
    guard_front_filters();
    guard_response_filters();
    return handlers_push(cf);
}

/* In the master, before workers are born. */
static ngx_int_t module_init(ngx_cycle_t *cycle)
{
    guard_main_conf_t *conf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_sekisho_module);
    if (!conf || conf->ledger.len == 0 || guard_keep_make(cycle, conf) != NGX_OK) {
        return conf && conf->ledger.len ? NGX_ERROR : NGX_OK;
    }
    return guard_ring_make(cycle);
}

/* A master that is killed outright must not leave workers behind: they would hold the port and
 * serve on, with nobody to govern them. They end in order, records handed over. */
static void leave_with_master(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != ngx_parent) { /* it died before the line above */
        (void)raise(SIGTERM);
    }
}

/* A worker reads what strangers send, so it is walled in as every other room is: no program, no new
 * process, no socket but to the rooms (connections come from the master's listeners). nginx leaves
 * its workers open to their own user's debuggers; ours are not. */
static ngx_int_t wall_in(ngx_cycle_t *cycle, const guard_main_conf_t *conf)
{
    if (!sandbox_built_in()) { /* sanitizers look into their own process */
        return NGX_OK;
    }
    sandbox_t box = {.report = conf->clock.len != 0}; /* a test house says which call it was */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || err_failed(sandbox_enter(&box))) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno, "the worker cannot be walled in");
        return NGX_ERROR;
    }
    return NGX_OK;
}

static ngx_int_t worker_start(ngx_cycle_t *cycle)
{
    guard_main_conf_t *conf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_sekisho_module);
    bool is_worker = ngx_process == NGX_PROCESS_WORKER || ngx_process == NGX_PROCESS_SINGLE;
    if (!conf || !is_worker) {
        return NGX_OK;
    }
    if (ngx_process == NGX_PROCESS_WORKER) {
        leave_with_master();
    }
    guard_hold_limit(conf->hold_bytes);
    if (guard_shared_worker(conf) != NGX_OK || guard_rules_worker(cycle, conf) != NGX_OK) {
        return NGX_ERROR;
    }
    if (conf->ledger.len && guard_sender_start(cycle, &conf->ledger) != NGX_OK) {
        return NGX_ERROR;
    }
    if (guard_keep_start(cycle, conf) != NGX_OK) {
        return NGX_ERROR;
    }
    return conf->wall && ngx_process == NGX_PROCESS_WORKER ? wall_in(cycle, conf) : NGX_OK;
}

static void worker_stop(ngx_cycle_t *cycle)
{
    guard_sender_stop();
}
