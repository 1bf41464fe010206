/* Holds passwords in clear in locked memory from the message to the end of one hashing, and hashes
 * in the vault's own database. No answer, record or log line carries either. */
#include "passwords.h"

#include <pthread.h>
#include <sodium.h>

#include "base/clock.h"
#include "db/migrate.h"

extern const db_migrations_t vault_migrations;

typedef enum job_state { JOB_FREE, JOB_WAITING, JOB_HASHING, JOB_DONE } job_state_t;

typedef struct job {
    job_state_t state;
    uint64_t order; /* first come, first served */
    wire_conn_t from;
    bool set;
    id128_t request, account;
    size_t len;
    char password[VAULT_PASSWORD_MAX];
    passwords_done_t done;
} job_t;

struct passwords {
    passwords_conf_t conf;
    char dummy[crypto_pwhash_STRBYTES]; /* what an unknown account is compared with */
    job_t *jobs;                        /* conf.queue, locked memory */
    uint64_t next_order;
    bool stop;
    passwords_counts_t counts;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct worker {
        pthread_t thread;
        passwords_t *owner;
        db_t *db;
        bool started;
    } workers[PASSWORDS_THREADS];
};

static err_t make_hash(const passwords_t *p, const char *password, size_t len,
                       char ret_hash[crypto_pwhash_STRBYTES])
{
    ENSURE(crypto_pwhash_str_alg(ret_hash, password, len, p->conf.passes, p->conf.memory_bytes,
                                 crypto_pwhash_ALG_ARGON2ID13) == 0,
           ERR_MEMORY);
    return OK;
}

static err_t load_hash(db_t *db, id128_t account, char ret_hash[crypto_pwhash_STRBYTES])
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 16 * 1024);
    db_rows_t row;
    TRY(db_query_one(db, &a, SQL("SELECT hash FROM password WHERE account = ?1"),
                     DB_ARGS(db_id(&account)), &row));
    slice_t text = db_col_text(&row, 0);
    ENSURE(text.len < crypto_pwhash_STRBYTES, ERR_CORRUPT);
    memcpy(ret_hash, text.ptr, text.len);
    ret_hash[text.len] = 0;
    return OK;
}

static err_t store_hash(db_t *db, id128_t account, const char *hash)
{
    return db_run(db,
                  SQL("INSERT INTO password (account, hash, changed_us) VALUES (?1, ?2, ?3) "
                      "ON CONFLICT (account) DO UPDATE SET hash = excluded.hash, "
                      "changed_us = excluded.changed_us"),
                  DB_ARGS(db_id(&account), db_text(slice_cstr_in(hash)), db_i64(clock_wall_us())),
                  NULL);
}

static err_t set_password(passwords_t *p, db_t *db, const job_t *job)
{
    char hash[crypto_pwhash_STRBYTES];
    TRY(make_hash(p, job->password, job->len, hash));
    err_t e = store_hash(db, job->account, hash);
    sodium_memzero(hash, sizeof hash);
    return e;
}

static void note_login(passwords_t *p, const job_t *job, bool right)
{
    ledger_note(p->conf.ledger,
                &(ledger_record_t){.type = right ? LEDGER_LOGIN_OK : LEDGER_LOGIN_FAILED,
                                   .request = job->request,
                                   .object = job->account});
}

/* Other parameters than today's: hashed anew while the password is here. A failure is no reason to
 * refuse the login; the next one tries again. */
static void rehash_if_old(passwords_t *p, db_t *db, const job_t *job, const char *hash)
{
    if (crypto_pwhash_str_needs_rehash(hash, p->conf.passes, p->conf.memory_bytes) != 0) {
        err_ignore(set_password(p, db, job));
    }
}

static err_t check_password(passwords_t *p, db_t *db, const job_t *job, bool *ret_right)
{
    char hash[crypto_pwhash_STRBYTES];
    err_t e = load_hash(db, job->account, hash);
    bool known = !err_failed(e);
    if (err_is(e, ERR_NOT_FOUND)) {
        memcpy(hash, p->dummy, sizeof hash);
    } else {
        TRY(e);
    }
    bool right = crypto_pwhash_str_verify(hash, job->password, job->len) == 0 && known;
    if (right) {
        rehash_if_old(p, db, job, hash);
    }
    sodium_memzero(hash, sizeof hash);
    note_login(p, job, right);
    *ret_right = right;
    return OK;
}

static job_t *oldest(passwords_t *p, job_state_t state)
{
    job_t *best = NULL;
    for (unsigned i = 0; i < p->conf.queue; i++) {
        job_t *job = &p->jobs[i];
        if (job->state == state && (!best || job->order < best->order)) {
            best = job;
        }
    }
    return best;
}

static void hash_one(passwords_t *p, db_t *db, job_t *job)
{
    passwords_done_t done = {.to = job->from, .was_set = job->set};
    done.result = job->set ? set_password(p, db, job) : check_password(p, db, job, &done.right);
    sodium_memzero(job->password, sizeof job->password);
    pthread_mutex_lock(&p->lock);
    p->counts.set += done.was_set && !err_failed(done.result);
    p->counts.right += !done.was_set && done.right;
    p->counts.wrong += !done.was_set && !done.right && !err_failed(done.result);
    job->done = done;
    job->state = JOB_DONE;
    pthread_mutex_unlock(&p->lock);
    p->conf.on_done(p->conf.ctx);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    passwords_t *p = w->owner;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        job_t *job = oldest(p, JOB_WAITING);
        if (!job && p->stop) {
            break;
        }
        if (!job) {
            pthread_cond_wait(&p->filled, &p->lock);
            continue;
        }
        job->state = JOB_HASHING;
        pthread_mutex_unlock(&p->lock);
        hash_one(p, w->db, job);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static err_t start(passwords_t *p)
{
    ENSURE(p->conf.queue >= 1 && p->conf.queue <= PASSWORDS_QUEUE_MAX, ERR_USAGE);
    p->jobs = sodium_allocarray(p->conf.queue, sizeof *p->jobs);
    ENSURE(p->jobs, ERR_MEMORY);
    memset(p->jobs, 0, p->conf.queue * sizeof *p->jobs);
    uint8_t nobody[32];
    random_bytes(nobody, sizeof nobody);
    TRY(make_hash(p, (const char *)nobody, sizeof nobody, p->dummy));
    for (size_t i = 0; i < PASSWORDS_THREADS; i++) {
        struct worker *w = &p->workers[i];
        w->owner = p;
        TRY(db_open(p->conf.db_url, &w->db));
        if (i == 0) {
            TRY(db_migrate(w->db, &vault_migrations));
        }
        w->started = pthread_create(&w->thread, NULL, work, w) == 0;
        ENSURE(w->started, ERR_MEMORY);
    }
    return OK;
}

err_t passwords_new(const passwords_conf_t *conf, passwords_t **ret_passwords)
{
    CHECK(sodium_init() >= 0);
    passwords_t *p = calloc(1, sizeof *p);
    ENSURE(p, ERR_MEMORY);
    p->conf = *conf;
    CHECK(pthread_mutex_init(&p->lock, NULL) == 0);
    CHECK(pthread_cond_init(&p->filled, NULL) == 0);
    err_t e = start(p);
    if (err_failed(e)) {
        passwords_free(p);
        return e;
    }
    *ret_passwords = p;
    return OK;
}

void passwords_free(passwords_t *p)
{
    if (!p) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->filled);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < PASSWORDS_THREADS; i++) {
        if (p->workers[i].started) {
            pthread_join(p->workers[i].thread, NULL);
        }
        db_close(p->workers[i].db);
    }
    sodium_free(p->jobs);
    pthread_cond_destroy(&p->filled);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

err_t passwords_submit(passwords_t *p, wire_conn_t from, bool set, const decode_password_t *ask)
{
    CHECK(ask->password.len <= VAULT_PASSWORD_MAX);
    pthread_mutex_lock(&p->lock);
    job_t *job = p->stop ? NULL : oldest(p, JOB_FREE);
    if (job) {
        job->from = from;
        job->set = set;
        job->request = ask->request;
        job->account = ask->account;
        job->len = ask->password.len;
        memcpy(job->password, ask->password.ptr, ask->password.len);
        job->order = ++p->next_order;
        job->state = JOB_WAITING;
        p->counts.queued++;
        pthread_cond_signal(&p->filled);
    } else {
        p->counts.refused++;
    }
    pthread_mutex_unlock(&p->lock);
    ENSURE(job, ERR_TOO_MANY);
    return OK;
}

err_t passwords_forget(passwords_t *p, id128_t account)
{
    db_t *db = NULL;
    int64_t busy = 0;
    TRY(db_open(p->conf.db_url, &db));
    err_t e =
        db_run(db, SQL("DELETE FROM password WHERE account = ?1"), DB_ARGS(db_id(&account)), NULL);
    /* The row's page was overwritten (secure_delete); what the log still has of it goes, too. */
    err_ignore(db_query_i64(db, SQL("PRAGMA wal_checkpoint(TRUNCATE)"), DB_NO_ARGS, &busy));
    db_close(db);
    return e;
}

bool passwords_take(passwords_t *p, passwords_done_t *ret_done)
{
    pthread_mutex_lock(&p->lock);
    job_t *job = oldest(p, JOB_DONE);
    if (job) {
        *ret_done = job->done;
        job->state = JOB_FREE;
        p->counts.queued--;
    }
    pthread_mutex_unlock(&p->lock);
    return job != NULL;
}

passwords_counts_t passwords_counts(passwords_t *p)
{
    pthread_mutex_lock(&p->lock);
    passwords_counts_t counts = p->counts;
    pthread_mutex_unlock(&p->lock);
    return counts;
}
