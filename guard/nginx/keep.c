/* Sealed evidence (law 5): the request as far as it may be kept (guard/evidence), closed with one
 * of the vault's public keys and with the investigator's, as a record's payload on its way to
 * ledgerd. The worker has public halves only; it opens nothing. Nothing here blocks a request: it
 * is over.
 *
 * The vault has a key for each (session, month); which of them is which session's is decided here,
 * in a table that all workers share. A client without a session is known by its address. When there
 * are more than keys, or after a restart, some share one. */
#include "ring.h"
#include "rules.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "../evidence/kept.h"
#include "base/clock.h"
#include "io/evidence.h"
#include "io/fd.h"

enum {
    LOOK_AGAIN_MS = 5000,
    TRIES = 64,
    SHARE_MAX = 16 * 1024 * 1024,    /* bytes of evidence at once */
    SHARE_PER_S = 16 * 1024,         /* and in the long run: 1.4 GB a day and worker */
    ADDRESSES = 1024,                /* shares of addresses: 16 KiB a worker */
    ADDRESS_MAX = 4 * 1024 * 1024,   /* of the share, what one address may have at once */
    ADDRESS_PER_S = SHARE_PER_S / 4, /* and in the long run */
    RULES_MAX = 300,
    RING_EACH = 8,        /* of ordinary requests one in so many goes into the tuning ring */
    RING_KEY_MS = 600000, /* a key of the ring lasts so long */
    RING_KEY_REQUESTS = 1000,
};

typedef struct owners {
    ngx_atomic_t month;
    ngx_atomic_t of[EVIDENCE_SLOTS]; /* hash of the session; 0: nobody's yet */
} owners_t;

static owners_t *owners; /* made once: outlives configurations */

static struct keys {
    arena_t arena;
    path_t investigator_file, sheet_file;
    bool named, ready;
    ngx_msec_t looked_ms;
    struct timespec changed;
    uint8_t investigator[EVIDENCE_KEY];
    evidence_sheet_t sheet;
    uint8_t file[EVIDENCE_SHEET_FILE];
} keys;

/* The head of the ring's file; its slots follow. */
typedef struct ring_head {
    uint8_t magic[8];
    uint32_t slots, bytes;
    uint8_t unused[48];
    ngx_atomic_t next; /* number of the slot to come; grows for ever */
} ring_head_t;

static struct ring_map {
    ring_head_t *head; /* NULL: there is none */
    uint8_t *slots;
    evidence_ring_key_t key;
    bool has_key;
    ngx_msec_t key_ms;
    unsigned key_uses, passed;
} tune;

/* All of it is written before it is mapped: a store can then meet no full disk. */
static err_t ring_file(path_t file, int *ret_fd)
{
    static const uint8_t ZEROS[64 * 1024];
    FD_SCOPED int fd = -1;
    ring_head_t head = {.slots = EVIDENCE_RING_SLOTS, .bytes = EVIDENCE_RING_BYTES}, was;
    off_t size = (off_t)(EVIDENCE_RING_SLOTS + 1) * EVIDENCE_RING_BYTES;
    struct stat st;
    memcpy(head.magic, EVIDENCE_RING_MAGIC, sizeof head.magic);
    TRY(fd_open(file, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &fd));
    ENSURE(fstat(fd, &st) == 0, ERR_IO);
    bool fits = st.st_size == size && !err_failed(fd_pread_all(fd, &was, sizeof was, 0)) &&
                memcmp(&was, &head, offsetof(ring_head_t, next)) == 0;
    for (off_t at = 0; !fits && at < size; at += (off_t)sizeof ZEROS) {
        TRY(fd_pwrite_all(fd, slice_make(ZEROS, sizeof ZEROS), at));
    }
    if (!fits) {
        TRY(fd_pwrite_all(fd, slice_make(&head, sizeof head), 0));
    }
    *ret_fd = fd_take(&fd);
    return OK;
}

/* In the master, still root: workers have the memory, and cannot open the file. */
static err_t ring_map_make(slice_t name)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    FD_SCOPED int fd = -1;
    path_t file;
    size_t size = (size_t)(EVIDENCE_RING_SLOTS + 1) * EVIDENCE_RING_BYTES;
    arena_init(&a, 16 * 1024);
    TRY(path_from_conf(&a, name, &file));
    TRY(ring_file(file, &fd));
    uint8_t *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ENSURE(at != MAP_FAILED, ERR_MEMORY);
    tune.head = (ring_head_t *)(void *)at;
    tune.slots = at + EVIDENCE_RING_BYTES;
    return OK;
}

static void ring_make(ngx_cycle_t *cycle, const guard_main_conf_t *conf)
{
    err_t e = conf->ring.len && !tune.head ? ring_map_make(guard_slice(conf->ring)) : OK;
    if (err_failed(e)) { /* no reason not to serve */
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "sekisho_ring: %s", err_text(e.code));
    }
}

ngx_int_t guard_keep_make(ngx_cycle_t *cycle, const guard_main_conf_t *conf)
{
    if (!ngx_test_config) {
        ring_make(cycle, conf);
    }
    if (ngx_test_config || owners) {
        return NGX_OK;
    }
    void *at =
        mmap(NULL, sizeof *owners, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno, "sekisho: no memory for evidence");
        return NGX_ERROR;
    }
    owners = at;
    return NGX_OK;
}

ngx_int_t guard_keep_start(ngx_cycle_t *cycle, guard_main_conf_t *conf)
{
    path_t dir;
    if (conf->evidence.len == 0) {
        return NGX_OK;
    }
    arena_init(&keys.arena, 32 * 1024);
    err_t e = path_from_conf(&keys.arena, guard_slice(conf->evidence), &dir);
    if (!err_failed(e)) {
        e = path_join(&keys.arena, dir, SLICE("investigator.pub"), &keys.investigator_file);
    }
    if (!err_failed(e)) {
        e = path_join(&keys.arena, dir, SLICE("evidence-keys"), &keys.sheet_file);
    }
    if (err_failed(e)) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0, "sekisho_evidence: %s", err_text(e.code));
        return NGX_ERROR;
    }
    keys.named = true;
    return NGX_OK;
}

/* ---- keys ---- */

static err_t investigator_read(void)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    slice_t text;
    arena_init(&a, 4096);
    TRY(file_read(&a, keys.investigator_file, 1024, &text));
    return evidence_key_read(text, "x25519 ", keys.investigator);
}

/* A sheet that is just being written is read again at the next look; the old one serves on. */
static err_t sheet_read(void)
{
    FD_SCOPED int fd = -1;
    struct stat st;
    unsigned half;
    evidence_sheet_t sheet;
    TRY(fd_open(keys.sheet_file, O_RDONLY | O_NOFOLLOW, 0, &fd));
    ENSURE(fstat(fd, &st) == 0, ERR_IO);
    if (keys.ready && st.st_mtim.tv_sec == keys.changed.tv_sec &&
        st.st_mtim.tv_nsec == keys.changed.tv_nsec) {
        return OK;
    }
    size_t size = st.st_size < EVIDENCE_SHEET_FILE ? (size_t)st.st_size : EVIDENCE_SHEET_FILE;
    keys.ready = false; /* its keys point into the file that is read now */
    TRY(fd_pread_all(fd, keys.file, size, 0));
    TRY(evidence_sheet_read(slice_make(keys.file, size), &sheet, &half));
    keys.sheet = sheet;
    keys.changed = st.st_mtim;
    return investigator_read();
}

static bool keys_ready(ngx_log_t *log)
{
    bool due = !keys.looked_ms || ngx_current_msec - keys.looked_ms >= LOOK_AGAIN_MS;
    if (due) {
        err_t e = sheet_read();
        keys.looked_ms = ngx_current_msec ? ngx_current_msec : 1;
        keys.ready = !err_failed(e);
        if (err_failed(e)) {
            ngx_log_error(NGX_LOG_ERR, log, 0, "sekisho: no keys for evidence: %s",
                          err_text(e.code));
        }
    }
    return keys.ready;
}

/* The slot of this session: its own one where there is one left near its place. */
static bool slot_of(uint64_t who, uint32_t *ret_slot, const uint8_t **ret_key)
{
    uint32_t home = (uint32_t)((who * UINT64_C(0x9e3779b97f4a7c15)) >> 52), live = EVIDENCE_SLOTS;
    ngx_atomic_uint_t month = keys.sheet.month, was = owners->month;
    if (was != month && ngx_atomic_cmp_set(&owners->month, was, month)) {
        memset((void *)(uintptr_t)owners->of, 0, sizeof owners->of);
    }
    for (uint32_t i = 0; i < TRIES; i++) {
        uint32_t slot = (home + i) % EVIDENCE_SLOTS;
        if (!evidence_sheet_key(&keys.sheet, slot, ret_key)) {
            continue;
        }
        live = live == EVIDENCE_SLOTS ? slot : live;
        if (owners->of[slot] == who || ngx_atomic_cmp_set(&owners->of[slot], 0, who) ||
            owners->of[slot] == who) {
            *ret_slot = slot;
            return true;
        }
    }
    *ret_slot = live;
    return live < EVIDENCE_SLOTS && evidence_sheet_key(&keys.sheet, live, ret_key);
}

/* ---- what is kept ---- */

typedef struct listing {
    kept_header_t at[KEPT_HEADERS_MAX];
    size_t n;
} listing_t;

static ngx_int_t header_list(void *user, slice_t name, slice_t value)
{
    listing_t *l = user;
    if (l->n < KEPT_HEADERS_MAX) {
        l->at[l->n++] = (kept_header_t){name, value};
    }
    return NGX_OK;
}

static slice_t line_of(ngx_http_request_t *r)
{
    return guard_slice(r->request_line);
}

static err_t plain_make(ngx_http_request_t *r, const guard_ctx_t *ctx, const char *why,
                        size_t max_bytes, arena_t *a, buf_t *out)
{
    static listing_t list;
    uint8_t rules_mem[RULES_MAX];
    buf_t rules = BUF_ON_ARRAY(rules_mem);
    size_t types;
    slice_t body = SLICE_EMPTY;
    ngx_http_core_srv_conf_t *server = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    list.n = 0;
    (void)guard_headers_each(ctx, &list, header_list);
    if (ctx->judge) {
        guard_rule_ids_put(ctx->judge, true, &rules);
    }
    if (ctx->body_asked) {
        (void)guard_body_of(r, &body);
    }
    kept_request_t kept = {.id = ctx->id,
                           .wall_us = clock_wall_us(),
                           .client = guard_slice(r->connection->addr_text),
                           .host = guard_slice(server->server_name),
                           .why = slice_cstr_in(why),
                           .rules = buf_slice(&rules),
                           .status = (unsigned)r->headers_out.status,
                           .line = line_of(r),
                           .headers = list.at,
                           .n_headers = list.n,
                           .content_type = guard_header(r, "content-type", &types),
                           .body = body,
                           .max_bytes = max_bytes,
                           .body_unread =
                               !ctx->body_asked && r->headers_in.content_length_n != 0 &&
                               (r->headers_in.content_length_n > 0 || r->headers_in.chunked)};
    return kept_put(&kept, a, out);
}

static void month_fact(buf_t *facts, uint32_t month)
{
    uint8_t mem[16];
    buf_t text = BUF_ON_ARRAY(mem);
    buf_dec_pad(&text, month / 12, 4);
    buf_u8(&text, '-');
    buf_dec_pad(&text, month % 12 + 1, 2);
    ledger_fact(facts, "month", buf_slice(&text));
}

static void session_fact(buf_t *facts, uint64_t session)
{
    uint8_t bytes[8], text[16];
    buf_t b = BUF_ON_ARRAY(bytes), hex = BUF_ON_ARRAY(text);
    buf_u64be(&b, session);
    buf_hex(&hex, buf_slice(&b));
    ledger_fact(facts, "ses", buf_slice(&hex));
}

static err_t seal_and_send(ngx_http_request_t *r, const guard_ctx_t *ctx, const char *why,
                           arena_t *a)
{
    guard_main_conf_t *conf = ngx_http_get_module_main_conf(r, ngx_http_sekisho_module);
    slice_t address = guard_slice(r->connection->addr_text);
    uint64_t session = guard_short_hash(conf, "session", guard_session_cookie(r));
    uint64_t who = session ? session : guard_short_hash(conf, "address", address);
    evidence_place_t place = {.month = keys.sheet.month};
    const uint8_t *key;
    uint8_t mem[200];
    buf_t plain, sealed, facts = BUF_ON_ARRAY(mem);
    TRY(arena_buf(a, KEPT_MAX, &plain));
    TRY(arena_buf(a, KEPT_MAX + EVIDENCE_OVERHEAD, &sealed));
    TRY(plain_make(r, ctx, why, 0, a, &plain));
    ENSURE(slot_of(who ? who : 1, &place.slot, &key), ERR_NOT_FOUND);
    TRY(evidence_seal(a, keys.investigator, place, key, buf_slice(&plain), &sealed));
    ledger_fact(&facts, "why", slice_cstr_in(why));
    month_fact(&facts, place.month);
    ledger_fact_i64(&facts, "slot", place.slot);
    if (session) {
        session_fact(&facts, session);
    }
    guard_sender_keep(&(ledger_record_t){.type = LEDGER_EVIDENCE,
                                         .request = ctx->id,
                                         .address = guard_pseudonym(conf, "address", address),
                                         .count = (uint32_t)plain.len,
                                         .facts = buf_slice(&facts),
                                         .payload = buf_slice(&sealed)});
    guard_sender_kept()->share -= (int64_t)sealed.len;
    return OK;
}

/* ---- when ---- */

static const char *why_keep(const guard_ctx_t *ctx)
{
    if (ctx->is_card) {
        return "card";
    }
    return ctx->judge && guard_matches_logged(ctx->judge) ? "rule" : ctx->keep;
}

/* Bytes that grow again with time, up to a bound. *io_ms 0: nothing was taken yet. */
static bool has_left(uint32_t *io_ms, int64_t *io_left, int64_t max, int64_t per_s)
{
    uint32_t now = (uint32_t)ngx_current_msec, passed = now - *io_ms;
    if (*io_ms == 0) {
        *io_left = max;
        *io_ms = now ? now : 1;
    } else if (passed >= 1000) {
        *io_left += (int64_t)(passed / 1000) * per_s;
        *io_left = *io_left < max ? *io_left : max;
        *io_ms = now ? now : 1;
    }
    return *io_left > 0;
}

/* A flood cannot fill the record: past the share only the short records of these requests stand. */
static bool has_share(kept_queue_t *q)
{
    return has_left(&q->share_ms, &q->share, SHARE_MAX, SHARE_PER_S);
}

/* And one who floods cannot push out others' evidence: an address has a part of the share. Which
 * addresses share a place is decided by a key that nobody outside has; of IPv6 the first 64 bits
 * count, for the rest is the client's to choose. */
typedef struct address_share {
    uint32_t ms;
    int64_t left;
} address_share_t;

static address_share_t address_shares[ADDRESSES];

static address_share_t *share_of(ngx_http_request_t *r)
{
    guard_main_conf_t *conf = ngx_http_get_module_main_conf(r, ngx_http_sekisho_module);
    slice_t who = guard_slice(r->connection->addr_text);
    if (r->connection->sockaddr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *at = (const void *)r->connection->sockaddr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&at->sin6_addr);
        who = slice_make(at->sin6_addr.s6_addr, mapped ? 16 : 8);
    }
    return &address_shares[guard_short_hash(conf, "share", who) % ADDRESSES];
}

static arena_t scratch_of(ngx_http_request_t *r)
{
    arena_t a;
    arena_init(&a, KEPT_SCRATCH_MIN + KEPT_SCRATCH_FACTOR *
                                          (size_t)(r->request_length + (off_t)r->unparsed_uri.len));
    return a;
}

static void keep(ngx_http_request_t *r, const guard_ctx_t *ctx, kept_queue_t *q, const char *why)
{
    address_share_t *address = share_of(r);
    if (!has_left(&address->ms, &address->left, ADDRESS_MAX, ADDRESS_PER_S)) {
        q->lost[KEPT_OVER_ADDRESS]++;
        return;
    }
    if (!has_share(q)) {
        q->lost[KEPT_OVER_SHARE]++;
        return;
    }
    if (!keys_ready(r->connection->log)) {
        q->lost[KEPT_NO_KEYS]++;
        return;
    }
    BASE_CLEANUP(arena_deinit) arena_t a = scratch_of(r);
    int64_t before = q->share;
    err_t e = seal_and_send(r, ctx, why, &a);
    address->left -= before - q->share;
    if (err_failed(e)) {
        q->lost[KEPT_NOT_MADE]++;
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0, "sekisho: evidence could not be made: %s",
                      err_text(e.code));
    }
}

/* ---- the tuning ring ---- */

static void ring_key_renew(void)
{
    bool old = ngx_current_msec - tune.key_ms >= RING_KEY_MS ||
               tune.key_uses >= RING_KEY_REQUESTS || tune.key.month != keys.sheet.month;
    if (tune.has_key && !old) {
        tune.key_uses++;
        return;
    }
    evidence_ring_key_make(&keys.sheet, &tune.key);
    tune.has_key = true;
    tune.key_ms = ngx_current_msec;
    tune.key_uses = 1;
}

/* Two workers never write one slot but when one of them is overtaken by a whole round; such a slot
 * does not open. */
static err_t ring_put(ngx_http_request_t *r, const guard_ctx_t *ctx, const char *why, arena_t *a)
{
    static uint8_t slot[EVIDENCE_RING_BYTES];
    buf_t plain;
    TRY(arena_buf(a, EVIDENCE_RING_PLAIN_MAX, &plain));
    TRY(plain_make(r, ctx, why, EVIDENCE_RING_PLAIN_MAX, a, &plain));
    ring_key_renew();
    uint64_t number = ngx_atomic_fetch_add(&tune.head->next, 1);
    TRY(evidence_ring_put(&tune.key, number, clock_wall_us(), buf_slice(&plain), slot));
    memcpy(tune.slots + (number % EVIDENCE_RING_SLOTS) * EVIDENCE_RING_BYTES, slot, sizeof slot);
    return OK;
}

static void ring_keep(ngx_http_request_t *r, const guard_ctx_t *ctx, const char *why)
{
    guard_loc_conf_t *conf = ngx_http_get_module_loc_conf(r, ngx_http_sekisho_module);
    if (!tune.head || conf->is_static || (!why && tune.passed++ % RING_EACH != 0) ||
        !keys_ready(r->connection->log)) {
        return;
    }
    BASE_CLEANUP(arena_deinit) arena_t a = scratch_of(r);
    err_t e = ring_put(r, ctx, why ? why : "passed", &a);
    if (err_failed(e)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0, "sekisho: the ring: %s",
                      err_text(e.code));
    }
}

void guard_keep(ngx_http_request_t *r, guard_ctx_t *ctx)
{
    kept_queue_t *q = keys.named ? guard_sender_kept() : NULL;
    const char *why = q ? why_keep(ctx) : NULL;
    if (why) {
        keep(r, ctx, q, why);
    }
    if (q) {
        ring_keep(r, ctx, why);
    }
}

void guard_keep_asked(ngx_http_request_t *r, guard_ctx_t *ctx)
{
    static const char *const WORDS[] = {"login", "lookup", "card"};
    for (ngx_list_part_t *part = &r->headers_out.headers.part; r->upstream && part;
         part = part->next) {
        ngx_table_elt_t *h = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (h[i].hash == 0 ||
                !slice_eq_nocase(guard_slice(h[i].key), SLICE("X-Sekisho-Keep"))) {
                continue;
            }
            h[i].hash = 0; /* not the client's business */
            for (size_t w = 0; w < BASE_COUNT(WORDS); w++) {
                if (slice_eq(guard_slice(h[i].value), slice_cstr_in(WORDS[w]))) {
                    ctx->keep = WORDS[w];
                }
            }
        }
    }
}
