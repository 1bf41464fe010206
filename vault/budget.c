/* Holds no name and no id: keyed hashes of them, counted. */
#include "budget.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/mman.h>

#include "base/clock.h"

enum {
    VERSION = 1,
    ACTORS = 8192,
    SEEN = 262144,
    WAYS = 16,        /* places where an entry may lie */
    MINUTE_PARTS = 7, /* of 10 s: the one that runs and six whole ones */
    DAY_PARTS = 25,   /* of an hour */
    PART_S = 10,
    HOUR_S = 3600,
    DAY_HOURS = 24,
};

/* Counts of the last minute and day, as rings of parts. Zero is an empty one. */
typedef struct counter {
    uint64_t key;               /* of the actors' table */
    uint32_t minute_at, day_at; /* number of the part that runs */
    uint32_t minute[MINUTE_PARTS], day[DAY_PARTS];
    uint32_t alarm_at; /* hour of the last alarm, + 1 */
    uint32_t zero;
} counter_t;

/* A person who counted in a scope. */
typedef struct seen {
    uint64_t key; /* 0 = free */
    uint32_t hour;
    uint32_t zero;
} seen_t;

typedef struct board {
    uint8_t magic[8];
    uint32_t version, bytes;
    uint8_t hash_key[crypto_shorthash_KEYBYTES];
    int64_t time_us; /* our own time: grows while we run, and by the wall clock between two runs */
    int64_t wall_us;
    counter_t rooms[ROOM_COUNT][BUDGET_PURPOSES];
    counter_t actors[ACTORS];
    seen_t seen[SEEN];
} board_t;

_Static_assert(sizeof(counter_t) == 152 && sizeof(seen_t) == 16, "FORMAT.md");

static const uint8_t MAGIC[8] = {'S', 'e', 'k', 'i', 'B', 'u', 'd', 'g'};

struct budget {
    budget_conf_t conf;
    board_t *board;
    int64_t mono_us; /* when time_us was set last */
};

budget_limits_t budget_default(unsigned purpose, bool wide)
{
    static const budget_limits_t DEFAULTS[BUDGET_PURPOSES] = {
        [BUDGET_ALL] = {0, 0, 900, 25000},
        [VAULT_FOR_SHOW_TO_OWNER] = {30, 200, 600, 20000},
        [VAULT_FOR_MAIL] = {30, 200, 600, 20000},
        [VAULT_FOR_PAPER] = {30, 200, 300, 10000},
        [VAULT_FOR_DESK] = {30, 600, 120, 5000},
        [VAULT_FOR_INCIDENT] = {2000, 200000, 2000, 200000},
    };
    budget_limits_t l = DEFAULTS[purpose];
    if (wide) {
        l.room_minute = l.room_day = BUDGET_MAX;
    }
    return l;
}

/* The file. */

static void board_begin(board_t *b)
{
    memset(b, 0, sizeof *b);
    memcpy(b->magic, MAGIC, sizeof b->magic);
    b->version = VERSION;
    b->bytes = sizeof *b;
    random_bytes(b->hash_key, sizeof b->hash_key);
    b->time_us = 2 * CLOCK_DAY_US; /* so that no part has a number below the rings' length */
    b->wall_us = clock_wall_us();
}

static bool board_is_ours(const board_t *b)
{
    return memcmp(b->magic, MAGIC, sizeof MAGIC) == 0 && b->version == VERSION &&
           b->bytes == sizeof *b && b->time_us >= 2 * CLOCK_DAY_US && b->time_us < INT64_MAX / 2 &&
           b->wall_us >= 0;
}

/* Zeros are written, not only reserved: a store into the map can then never meet a full disk. */
static err_t file_fill(int fd, size_t have)
{
    static const uint8_t ZEROS[65536];
    for (size_t at = have; at < sizeof(board_t);) {
        size_t left = sizeof(board_t) - at;
        size_t n = left < sizeof ZEROS ? left : sizeof ZEROS;
        TRY(fd_pwrite_all(fd, slice_make(ZEROS, n), (int64_t)at));
        at += n;
    }
    return fd_datasync(fd);
}

/* *ret_whole: it had all its bytes already. */
static err_t board_map(path_t path, board_t **ret_board, bool *ret_whole)
{
    FD_SCOPED int fd = -1;
    struct stat st;
    TRY(fd_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &fd));
    if (fstat(fd, &st) != 0) {
        return fd_err(errno);
    }
    ENSURE(S_ISREG(st.st_mode), ERR_DENIED);
    *ret_whole = st.st_size >= (off_t)sizeof(board_t);
    TRY(file_fill(fd, *ret_whole ? sizeof(board_t) : (size_t)st.st_size));
    void *mem = mmap(NULL, sizeof(board_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mem == MAP_FAILED) {
        return FAIL_SYS(ERR_MEMORY, errno);
    }
    *ret_board = mem;
    return OK;
}

/* While we were away the wall clock is all there is; a step of it gives at most a day. */
static void time_resume(board_t *b)
{
    int64_t now_us = clock_wall_us();
    int64_t away_us = now_us - b->wall_us;
    if (away_us > CLOCK_DAY_US) {
        away_us = CLOCK_DAY_US;
    }
    b->time_us += away_us > 0 ? away_us : 0;
    b->wall_us = now_us;
}

err_t budget_open(const budget_conf_t *conf, budget_t **ret_budget, bool *ret_fresh)
{
    budget_t *b = calloc(1, sizeof *b);
    ENSURE(b, ERR_MEMORY);
    b->conf = *conf;
    bool whole;
    err_t e = board_map(conf->path, &b->board, &whole);
    if (err_failed(e)) {
        free(b);
        return e;
    }
    *ret_fresh = !whole || !board_is_ours(b->board);
    if (*ret_fresh) {
        board_begin(b->board);
    } else {
        time_resume(b->board);
    }
    b->mono_us = clock_mono_us();
    *ret_budget = b;
    return OK;
}

void budget_close(budget_t *b)
{
    if (!b) {
        return;
    }
    msync(b->board, sizeof *b->board, MS_SYNC);
    munmap(b->board, sizeof *b->board);
    free(b);
}

/* Time and rings. */

static int64_t now_s(budget_t *b)
{
    int64_t mono_us = clock_mono_us();
    if (mono_us > b->mono_us) { /* a test's clock may be set back */
        b->board->time_us += mono_us - b->mono_us;
    }
    b->mono_us = mono_us;
    b->board->wall_us = clock_wall_us();
    return b->board->time_us / CLOCK_SECOND_US;
}

static void ring_turn(uint32_t *parts, size_t n, uint32_t *io_at, uint32_t now)
{
    for (size_t i = 0; *io_at != now && i < n; i++) {
        *io_at = now - *io_at > n ? now - (uint32_t)n : *io_at;
        ++*io_at;
        parts[*io_at % n] = 0;
    }
}

static void counter_turn(counter_t *c, int64_t at_s)
{
    ring_turn(c->minute, MINUTE_PARTS, &c->minute_at, (uint32_t)(at_s / PART_S));
    ring_turn(c->day, DAY_PARTS, &c->day_at, (uint32_t)(at_s / HOUR_S));
}

static int64_t ring_sum(const uint32_t *parts, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += parts[i];
    }
    return sum;
}

static void counter_add(counter_t *c, size_t n)
{
    c->minute[c->minute_at % MINUTE_PARTS] += (uint32_t)n;
    c->day[c->day_at % DAY_PARTS] += (uint32_t)n;
}

/* Scopes: the actor's, the room's. */

typedef struct scope {
    counter_t *counter;
    int64_t minute, day; /* limits */
    const char *of_minute, *of_day;
    unsigned purpose; /* or BUDGET_ALL */
    id128_t actor;    /* zero for the room's */
} scope_t;

static uint64_t hash_of(const budget_t *b, room_id_t room, unsigned purpose, id128_t actor,
                        id128_t subject)
{
    uint8_t mem[2 + 2 * ID_BYTES];
    uint64_t hash;
    buf_t in = BUF_ON_ARRAY(mem);
    buf_u8(&in, (uint8_t)room);
    buf_u8(&in, (uint8_t)purpose);
    buf_put(&in, id_slice(&actor));
    buf_put(&in, id_slice(&subject));
    crypto_shorthash((uint8_t *)&hash, in.ptr, in.len, b->board->hash_key);
    return hash ? hash : 1;
}

/* The actor's counter. Full: the one that was quiet for longest makes room - the room's scope still
 * counts for it. */
static counter_t *actor_counter(budget_t *b, const budget_ask_t *ask)
{
    uint64_t key = hash_of(b, ask->room, ask->purpose, ask->actor, id_zero());
    counter_t *first = &b->board->actors[key % (ACTORS / WAYS) * WAYS], *oldest = first;
    for (size_t i = 0; i < WAYS; i++) {
        if (first[i].key == key) {
            return &first[i];
        }
        oldest = first[i].minute_at < oldest->minute_at ? &first[i] : oldest;
    }
    memset(oldest, 0, sizeof *oldest);
    oldest->key = key;
    return oldest;
}

enum { SCOPES = 3 };

static scope_t room_scope(budget_t *b, room_id_t room, unsigned purpose)
{
    const budget_limits_t *l = &b->conf.limits[purpose];
    bool all = purpose == BUDGET_ALL;
    return (scope_t){.counter = &b->board->rooms[room][purpose],
                     .minute = l->room_minute,
                     .day = l->room_day,
                     .of_minute = all ? "all_minute" : "room_minute",
                     .of_day = all ? "all_day" : "room_day",
                     .purpose = purpose};
}

static size_t scopes_of(budget_t *b, const budget_ask_t *ask, int64_t at_s, scope_t out[SCOPES])
{
    const budget_limits_t *l = &b->conf.limits[ask->purpose];
    size_t n = 0;
    out[n++] = room_scope(b, ask->room, ask->purpose);
    if (ask->purpose != VAULT_FOR_INCIDENT) { /* by order, and to very many */
        out[n++] = room_scope(b, ask->room, BUDGET_ALL);
    }
    if (!id_is_zero(ask->actor)) {
        out[n++] = (scope_t){.counter = actor_counter(b, ask),
                             .minute = l->actor_minute,
                             .day = l->actor_day,
                             .of_minute = "actor_minute",
                             .of_day = "actor_day",
                             .purpose = ask->purpose,
                             .actor = ask->actor};
    }
    for (size_t i = 0; i < n; i++) {
        counter_turn(out[i].counter, at_s);
    }
    return n;
}

static seen_t *seen_place(budget_t *b, uint64_t key, uint32_t hour, bool *ret_counted)
{
    seen_t *first = &b->board->seen[key % (SEEN / WAYS) * WAYS], *oldest = first;
    *ret_counted = false;
    for (size_t i = 0; i < WAYS; i++) {
        if (first[i].key == key) {
            *ret_counted = hour - first[i].hour < DAY_HOURS;
            return &first[i];
        }
        oldest = first[i].hour < oldest->hour ? &first[i] : oldest;
    }
    return oldest; /* whoever is pushed out counts once more when she is read again */
}

static size_t fresh_count(budget_t *b, const budget_ask_t *ask, const scope_t *s, uint32_t hour)
{
    size_t n = 0;
    for (size_t i = 0; i < ask->n; i++) {
        bool counted;
        seen_place(b, hash_of(b, ask->room, s->purpose, s->actor, ask->subjects[i]), hour,
                   &counted);
        n += !counted;
    }
    return n;
}

static bool fits(const scope_t *s, size_t n, uint32_t hour, budget_hit_t *ret_hit)
{
    bool minute = ring_sum(s->counter->minute, MINUTE_PARTS) + (int64_t)n <= s->minute;
    bool day = ring_sum(s->counter->day, DAY_PARTS) + (int64_t)n <= s->day;
    if (n == 0 || (minute && day)) {
        return true;
    }
    *ret_hit = (budget_hit_t){.which = day ? s->of_minute : s->of_day,
                              .limit = day ? s->minute : s->day,
                              .alarm = s->counter->alarm_at != hour + 1};
    s->counter->alarm_at = hour + 1;
    return false;
}

/* Counted first, marked as seen after: what a kill leaves between counts twice, not never. */
static void take(budget_t *b, const budget_ask_t *ask, const scope_t *s, uint32_t hour)
{
    for (size_t i = 0; i < ask->n; i++) {
        bool counted;
        uint64_t key = hash_of(b, ask->room, s->purpose, s->actor, ask->subjects[i]);
        seen_t *place = seen_place(b, key, hour, &counted);
        if (!counted) {
            counter_add(s->counter, 1);
            *place = (seen_t){.key = key, .hour = hour};
        }
    }
}

err_t budget_take(budget_t *b, const budget_ask_t *ask, budget_hit_t *ret_hit)
{
    scope_t scopes[SCOPES];
    CHECK(ask->room < ROOM_COUNT && (unsigned)ask->purpose - 1 < BUDGET_PURPOSES - 1);
    int64_t at_s = now_s(b);
    uint32_t hour = (uint32_t)(at_s / HOUR_S);
    size_t n = scopes_of(b, ask, at_s, scopes);
    for (size_t i = 0; i < n; i++) {
        size_t fresh = fresh_count(b, ask, &scopes[i], hour);
        ENSURE(fits(&scopes[i], fresh, hour, ret_hit), ERR_BUDGET);
    }
    for (size_t i = 0; i < n; i++) {
        take(b, ask, &scopes[i], hour);
    }
    return OK;
}
