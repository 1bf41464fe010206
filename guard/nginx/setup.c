/* The rules' configuration. Rules of outer levels come before those of inner ones; the same list
 * is compiled once, in the master, and shared by all locations and workers until
 * the configuration's end. */
#include "rules.h"

#include <malloc.h>
#include <pthread.h>

#include "../files/files.h"

/* ---- directives ---- */

/* sekisho on | detect | off;  modsecurity on | off; (then SecRuleEngine decides) */
char *guard_mode_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf_any)
{
    static char twice[] = "is duplicate", unknown[] = "has an unknown value";
    guard_loc_conf_t *conf = conf_any;
    slice_t word = guard_slice(((ngx_str_t *)cf->args->elts)[1]);
    bool alias = slice_eq(guard_slice(cmd->name), SLICE("modsecurity"));
    if (conf->mode != NGX_CONF_UNSET_UINT) {
        return twice;
    }
    if (slice_eq(word, SLICE("on"))) {
        conf->mode = alias ? GUARD_AS_RULES : GUARD_ON;
    } else if (slice_eq(word, SLICE("off"))) {
        conf->mode = GUARD_OFF;
    } else if (!alias && slice_eq(word, SLICE("detect"))) {
        conf->mode = GUARD_DETECT;
    } else {
        return unknown;
    }
    return NGX_CONF_OK;
}

static guard_source_t *source_add(ngx_conf_t *cf, guard_loc_conf_t *conf)
{
    if (!conf->own) {
        conf->own = ngx_array_create(cf->pool, 4, sizeof(guard_source_t));
    }
    guard_source_t *s = conf->own ? ngx_array_push(conf->own) : NULL;
    if (s) {
        *s = (guard_source_t){.text = ((ngx_str_t *)cf->args->elts)[1],
                              .conf_file = cf->conf_file->file.name,
                              .line = cf->conf_file->line};
    }
    return s;
}

char *guard_rules_file_add(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    static char empty[] = "needs a file name";
    guard_source_t *s = source_add(cf, conf);
    if (!s) {
        return NGX_CONF_ERROR;
    }
    if (s->text.len == 0) {
        return empty;
    }
    s->is_file = true;
    return ngx_conf_full_name(cf->cycle, &s->text, 1) == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}

char *guard_rules_text_add(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return source_add(cf, conf) ? NGX_CONF_OK : NGX_CONF_ERROR;
}

/* Rules from the network would be code that nobody has looked at. */
char *guard_rules_remote_refuse(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    static char refused[] = "is not supported: fetch the rules, look at them, and name the file by "
                            "modsecurity_rules_file";
    return refused;
}

/* ---- lists ---- */

static bool sources_eq(const ngx_array_t *a, const ngx_array_t *b)
{
    const guard_source_t *x = a->elts, *y = b->elts;
    if (a == b) {
        return true;
    }
    if (a->nelts != b->nelts) {
        return false;
    }
    for (ngx_uint_t i = 0; i < a->nelts; i++) {
        if (x[i].is_file != y[i].is_file ||
            !slice_eq(guard_slice(x[i].text), guard_slice(y[i].text))) {
            return false;
        }
    }
    return true;
}

static ngx_array_t *joined(ngx_conf_t *cf, const ngx_array_t *outer, const ngx_array_t *own)
{
    ngx_array_t *all =
        ngx_array_create(cf->pool, outer->nelts + own->nelts, sizeof(guard_source_t));
    void *at = all ? ngx_array_push_n(all, outer->nelts + own->nelts) : NULL;
    if (!at) {
        return NULL;
    }
    ngx_memcpy(at, outer->elts, outer->nelts * sizeof(guard_source_t));
    ngx_memcpy((guard_source_t *)at + outer->nelts, own->elts, own->nelts * sizeof(guard_source_t));
    return all;
}

static guard_rules_t *list_of(ngx_conf_t *cf, guard_main_conf_t *main, ngx_array_t *sources)
{
    guard_rules_t **lists = main->rule_lists.elts;
    for (ngx_uint_t i = 0; i < main->rule_lists.nelts; i++) {
        if (sources_eq(lists[i]->sources, sources)) {
            return lists[i];
        }
    }
    guard_rules_t *fresh = ngx_pcalloc(cf->pool, sizeof *fresh);
    guard_rules_t **place = fresh ? ngx_array_push(&main->rule_lists) : NULL;
    if (!place) {
        return NULL;
    }
    *fresh = (guard_rules_t){.sources = sources};
    return *place = fresh;
}

/* A server is what it is; a location may be a door beside it. */
static bool is_apart(ngx_conf_t *cf, const guard_loc_conf_t *parent, const guard_loc_conf_t *child)
{
    ngx_http_core_loc_conf_t *core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    bool differs = child->mode != parent->mode || child->own;
    return core->name.len && parent->mode != GUARD_OFF && parent->mode != NGX_CONF_UNSET_UINT &&
           (parent->is_apart || differs);
}

char *guard_rules_merge(ngx_conf_t *cf, guard_loc_conf_t *parent, guard_loc_conf_t *child)
{
    guard_main_conf_t *main = ngx_http_conf_get_module_main_conf(cf, ngx_http_sekisho_module);
    ngx_array_t *outer = parent->all ? parent->all : parent->own;
    ngx_conf_merge_uint_value(child->mode, parent->mode, GUARD_OFF);
    child->is_apart = is_apart(cf, parent, child);
    child->all = !child->own ? outer : !outer ? child->own : joined(cf, outer, child->own);
    if (!child->all) {
        return child->own && outer ? NGX_CONF_ERROR : NGX_CONF_OK;
    }
    guard_rules_t *list = list_of(cf, main, child->all);
    if (!list) {
        return NGX_CONF_ERROR;
    }
    list->is_used = list->is_used || child->mode != GUARD_OFF;
    child->rules = child->mode == GUARD_OFF ? NULL : list;
    return NGX_CONF_OK;
}

/* ---- compilation ---- */

/* A text's lines are counted from its own beginning: it is named by where its directive ends. */
static err_t source_put(engine_builder_t *b, const guard_source_t *s, engine_fault_t *fault)
{
    uint8_t mem[300];
    buf_t name = BUF_ON_ARRAY(mem);
    if (s->is_file) {
        return engine_builder_file(b, guard_slice(s->text), fault);
    }
    buf_put(&name, slice_sub(guard_slice(s->conf_file), 0, 200));
    buf_u8(&name, ':');
    buf_dec(&name, (int64_t)s->line);
    return engine_builder_text(b, buf_slice(&name), guard_slice(s->text), fault);
}

static err_t list_build(const guard_rules_t *list, engine_builder_t *b, engine_fault_t *fault,
                        const guard_source_t **io_at, engine_set_t **ret_set)
{
    const guard_source_t *sources = list->sources->elts;
    for (ngx_uint_t i = 0; i < list->sources->nelts; i++) {
        *io_at = &sources[i];
        TRY(source_put(b, &sources[i], fault));
    }
    return engine_builder_build(b, fault, ret_set);
}

/* While a reload compiles the new set the old one is still there: afterwards the allocator would
 * keep the room of both. */
static void set_cleanup(void *set)
{
    engine_set_free(set);
    (void)malloc_trim(0);
}

static ngx_int_t set_own(ngx_conf_t *cf, engine_set_t *set)
{
    ngx_pool_cleanup_t *mark = ngx_pool_cleanup_add(cf->pool, 0);
    if (!mark) {
        engine_set_free(set);
        return NGX_ERROR;
    }
    mark->handler = set_cleanup;
    mark->data = set;
    return NGX_OK;
}

/* A fault's place: a line of a rule file, or of the directive's text. */
static void fault_say(ngx_conf_t *cf, const guard_source_t *at, const engine_fault_t *f, err_t e)
{
    if (f->text[0] == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "rules of %V:%ui: %s", &at->conf_file, at->line,
                      err_text(e.code));
        return;
    }
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "rules of %V:%ui: %s line %ud: %s [%s]",
                  &at->conf_file, at->line, f->file, f->line, f->text, f->word);
}

static ngx_int_t audit_open(ngx_conf_t *cf, guard_rules_t *list)
{
    const engine_settings_t *s = engine_set_settings(list->set);
    if (s->audit == ENGINE_AUDIT_OFF || s->audit_log.len == 0) {
        return NGX_OK;
    }
    if (s->audit_form != ENGINE_AUDIT_SERIAL) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "SecAuditLogType: only Serial is written; entries go to SecAuditLog");
    }
    u_char *copy = ngx_pnalloc(cf->pool, s->audit_log.len + 1);
    if (!copy) {
        return NGX_ERROR;
    }
    ngx_memcpy(copy, s->audit_log.ptr, s->audit_log.len);
    copy[s->audit_log.len] = 0;
    ngx_str_t name = {s->audit_log.len, copy};
    list->audit_log = ngx_conf_open_file(cf->cycle, &name);
    return list->audit_log ? NGX_OK : NGX_ERROR;
}

/* The master does not judge: while a new configuration is read its old sets need no machine code.
 * If the new one is refused, the workers of the old have their copies, and a worker that starts
 * wakes its own. */
static void sets_rest(ngx_conf_t *cf)
{
    ngx_cycle_t *old = cf->cycle->old_cycle;
    guard_main_conf_t *conf =
        old && !ngx_is_init_cycle(old)
            ? ngx_http_cycle_get_module_main_conf(old, ngx_http_sekisho_module)
            : NULL;
    guard_rules_t **lists = conf ? conf->rule_lists.elts : NULL;
    for (ngx_uint_t i = 0; lists && i < conf->rule_lists.nelts; i++) {
        if (lists[i]->set && err_failed(engine_set_rest(lists[i]->set))) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "sekisho: no memory to lay the old rules to rest");
        }
    }
}

static ngx_int_t list_compile(ngx_conf_t *cf, guard_rules_t *list)
{
    engine_reader_t reader = files_reader();
    engine_builder_t *b = NULL;
    engine_fault_t fault = {0};
    const guard_source_t *at = list->sources->elts;
    err_t e = engine_builder_new(&reader, &b);
    if (!err_failed(e)) {
        e = list_build(list, b, &fault, &at, &list->set);
    }
    if (b) {
        engine_builder_free(b);
    }
    if (err_failed(e)) {
        fault_say(cf, at, &fault, e);
        return NGX_ERROR;
    }
    return set_own(cf, list->set) == NGX_OK ? audit_open(cf, list) : NGX_ERROR;
}

typedef struct compiling {
    ngx_conf_t *cf;
    guard_main_conf_t *conf;
    ngx_int_t rc;
} compiling_t;

/* A list that is switched off everywhere is compiled all the same: a mistake in it must not wait
 * for the day when it is switched on. */
static void *lists_compile(void *compiling_any)
{
    compiling_t *c = compiling_any;
    guard_rules_t **lists = c->conf->rule_lists.elts;
    for (ngx_uint_t i = 0; i < c->conf->rule_lists.nelts && c->rc == NGX_OK; i++) {
        c->rc = list_compile(c->cf, lists[i]);
    }
    return NULL;
}

/* On a thread of its own, waited for at once: the allocator gives a thread its own heap, and what
 * compilers leave behind there does not lie between the pieces of nginx's configurations, which
 * come and go with each reload. */
ngx_int_t guard_rules_compile(ngx_conf_t *cf, guard_main_conf_t *conf)
{
    compiling_t c = {.cf = cf, .conf = conf, .rc = NGX_OK};
    pthread_t thread;
    sets_rest(cf);
    if (conf->rule_lists.nelts == 0) {
        return NGX_OK;
    }
    if (pthread_create(&thread, NULL, lists_compile, &c) == 0) {
        (void)pthread_join(thread, NULL);
    } else {
        (void)lists_compile(&c);
    }
    (void)malloc_trim(0); /* workers would inherit it */
    return c.rc;
}

static void worker_cleanup(void *worker)
{
    engine_worker_free(worker);
}

ngx_int_t guard_rules_worker(ngx_cycle_t *cycle, guard_main_conf_t *conf)
{
    guard_rules_t **lists = conf->rule_lists.elts;
    for (ngx_uint_t i = 0; i < conf->rule_lists.nelts; i++) {
        ngx_pool_cleanup_t *mark = ngx_pool_cleanup_add(cycle->pool, 0);
        if (!lists[i]->is_used) {
            continue;
        }
        if (!mark || err_failed(engine_set_wake(lists[i]->set)) ||
            err_failed(engine_worker_new(lists[i]->set, &lists[i]->worker))) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, 0, "sekisho: no memory for a worker's rules");
            return NGX_ERROR;
        }
        mark->handler = worker_cleanup;
        mark->data = lists[i]->worker;
    }
    return NGX_OK;
}
