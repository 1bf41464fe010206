/* Putting together. */
#include <sodium.h>

#include "account.h"
#include "base/clock.h"
#include "demo.h"
#include "guest.h"
#include "house.h"
#include "io/log.h"
#include "migrate_shop.h"
#include "outbox.h"
#include "routes.h"

enum { DEMO_ARENA_BYTES = 64 * 1024 * 1024 };

/* The name of what is wrong goes to the arena that lives on. */
static err_t load_demo(db_t *db, arena_t *arena, path_t catalogue, size_t *ret_departures,
                       slice_t *ret_fault)
{
    BASE_CLEANUP(arena_deinit) arena_t scratch;
    slice_t fault = SLICE_EMPTY;
    arena_init(&scratch, DEMO_ARENA_BYTES);
    err_t e = demo_load(db, &scratch, catalogue, clock_wall_us(), ret_departures, &fault);
    if (err_failed(e)) {
        err_ignore(arena_copy(arena, fault, ret_fault)); /* then without its name */
    }
    return e;
}

static err_t open_database(shop_t *shop, arena_t *arena, const house_paths_t *paths,
                           slice_t *ret_fault)
{
    size_t departures = 0;
    bool demo = shop->profile == PROFILE_DEMO || shop->profile == PROFILE_TEST ||
                shop->profile == PROFILE_BENCH;
    shop->db_url = paths->db_url;
    TRY(db_pool_open(paths->db_url, (unsigned)shop->conf->db_connections, &shop->db));
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    err_t e = db_migrate(lease.db, &shop_migrations);
    if (err_failed(e)) {
        *ret_fault = slice_cstr_in(db_last_error(lease.db));
        return e;
    }
    if (demo) {
        TRY(load_demo(lease.db, arena, paths->catalogue, &departures, ret_fault));
    }
    if (departures > 0) {
        log_event(LOG_INFO, id_zero(), "demo.loaded", "departures=%zu", departures);
    }
    return OK;
}

static err_t open_rooms(shop_t *shop, const house_paths_t *paths)
{
    TRY(ledger_client_new(paths->ledger.text, ROOM_SHOP, &shop->ledger));
    TRY(vault_client_new(paths->vault.text, ROOM_SHOP, &shop->vault));
    TRY(pay_client_new(paths->pay.text, ROOM_SHOP, &shop->pay));
    TRY(brake_reader_new(paths->brake_dir, paths->brake_seen, &shop->brake));
    shop->way = record_way_ledger(shop->ledger);
    return OK;
}

typedef struct session_write {
    web_write_work_fn *work;
    void *ctx;
} session_write_t;

static err_t session_job(job_t *job, db_t *db)
{
    const session_write_t *w = job->ctx;
    return w->work(w->ctx, db);
}

/* A visitor's row goes into the batch that is being made anyway. */
static err_t session_write(void *user, web_write_work_fn *work, void *ctx)
{
    session_write_t w = {work, ctx};
    return writer_run(user, NULL, session_job, &w);
}

err_t house_open(shop_t *shop, arena_t *arena, const shop_conf_t *conf, profile_t profile,
                 const house_paths_t *paths, const secret_t *session_key, slice_t *ret_fault)
{
    path_t agency = paths->catalogue;
    shop->conf = conf;
    shop->profile = profile;
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    throttle_init(&shop->logins, LOGIN_TRIES, LOGIN_WINDOW_S * CLOCK_SECOND_US);
    throttle_init(&shop->lookups, GUEST_TRIES, GUEST_WINDOW_S * CLOCK_SECOND_US);
    throttle_init(&shop->holds, (unsigned)conf->holds_per_hour, 3600 * CLOCK_SECOND_US);
    throttle_init(&shop->registers, REGISTER_TRIES, REGISTER_WINDOW_S * CLOCK_SECOND_US);
    if (conf->agency_file[0]) {
        TRY(path_from_conf(arena, slice_cstr_in(conf->agency_file), &agency));
    }
    TRY(agency_load(arena, agency, &shop->agency, ret_fault));
    TRY(open_database(shop, arena, paths, ret_fault));
    TRY(open_rooms(shop, paths));
    TRY(writer_start(paths->db_url, &shop->way, &shop->writer));
    web_sessions_config_t sessions = {
        .db = shop->db, .write = session_write, .write_user = shop->writer, .key = *session_key};
    return web_sessions_new(&sessions, &shop->sessions);
}

err_t house_serve(shop_t *shop, int listen_fd)
{
    static slice_t origins[1];
    origins[0] = slice_cstr_in(shop->conf->provider_origin);
    static web_config_t config;
    config = (web_config_t){.listen_fd = listen_fd,
                            .room = shop,
                            .routes = SHOP_ROUTES,
                            .n_routes = SHOP_ROUTES_COUNT,
                            .handoff_origins = origins,
                            .n_handoff_origins = 1,
                            .tls = shop->conf->tls,
                            .sessions = shop->sessions,
                            .login_path = {SLICE("/login")},
                            .render_error = routes_error,
                            .on_done = web_done_log};
    return web_app_start(&config, &shop->app);
}

void house_close(shop_t *shop, int drain_ms)
{
    if (shop->app) {
        web_app_stop(shop->app, drain_ms);
    }
    writer_stop(shop->writer);
    web_sessions_free(shop->sessions);
    brake_reader_free(shop->brake);
    pay_client_free(shop->pay);
    vault_client_free(shop->vault);
    ledger_client_free(shop->ledger);
    db_pool_close(shop->db);
    throttle_deinit(&shop->logins);
    throttle_deinit(&shop->lookups);
    throttle_deinit(&shop->registers);
    throttle_deinit(&shop->holds);
}

static void database_metrics(shop_t *shop, buf_t *out)
{
    int64_t waiting = 0;
    DB_LEASE_SCOPED db_lease_t lease = {0};
    if (!err_failed(db_lease(shop->db, 100, &lease)) &&
        !err_failed(outbox_waiting(lease.db, &waiting))) {
        metrics_put(out, "sekisho_shop_outbox_waiting", waiting);
    }
}

void house_metrics(shop_t *shop, buf_t *out)
{
    shop_counts_t *c = &shop->counts;
    writer_counts_t w = writer_counts(shop->writer);
    metrics_put(out, "sekisho_shop_holds_total", atomic_load(&c->holds));
    metrics_put(out, "sekisho_shop_holds_refused_full_total", atomic_load(&c->holds_full));
    metrics_put(out, "sekisho_shop_holds_expired_total", atomic_load(&c->expired));
    metrics_put(out, "sekisho_shop_bookings_confirmed_total", atomic_load(&c->confirmed));
    metrics_put(out, "sekisho_shop_seats_reacquired_total", atomic_load(&c->reacquired));
    metrics_put(out, "sekisho_shop_refunds_ordered_total", atomic_load(&c->refunds));
    metrics_put(out, "sekisho_shop_mails_sent_total", atomic_load(&c->mails_sent));
    metrics_put(out, "sekisho_shop_mail_failures_total", atomic_load(&c->mails_failed));
    metrics_put(out, "sekisho_shop_reveals_refused_total", atomic_load(&c->reveals_refused));
    metrics_put(out, "sekisho_shop_writer_jobs_total", w.jobs);
    metrics_put(out, "sekisho_shop_writer_commits_total", w.batches);
    metrics_put(out, "sekisho_shop_writer_refused_total", w.refused);
    metrics_put(out, "sekisho_shop_writer_waiting", w.waiting);
    database_metrics(shop, out);
    if (shop->app) {
        web_app_metrics(shop->app, "shop", out);
    }
}
