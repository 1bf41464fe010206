#include "house.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

enum { HOUSE_ARENA = 64 * 1024, ASK_MS = 2000, PAGE_MS = 3000 };

err_t fault_house_open(fault_house_t *h, const char *var, unsigned port)
{
    path_t dir, control;
    *h = (fault_house_t){.port = port};
    arena_init(&h->arena, HOUSE_ARENA);
    TRY(path_from_conf(&h->arena, slice_cstr_in(var), &dir));
    TRY(path_join(&h->arena, dir, SLICE("run"), &h->run));
    TRY(path_join(&h->arena, h->run, SLICE("control.sock"), &control));
    wire_client_conf_t conf = {.path = control,
                               .self = ROOM_COMMAND,
                               .peer = ROOM_COMMAND,
                               .api_version = CONTROL_VERSION,
                               .max_conns = 1};
    wire_client_init(&h->control, &conf);
    h->shop = (http_peer_t){NULL, port, "shop.localhost"};
    return OK;
}

void fault_house_close(fault_house_t *h)
{
    wire_client_deinit(&h->control);
    arena_deinit(&h->arena);
}

err_t fault_status(fault_house_t *h, control_status_t *ret_status)
{
    uint8_t request_mem[16], mem[4096];
    buf_t request = BUF_ON_ARRAY(request_mem), out = BUF_ON_ARRAY(mem);
    cursor_t body;
    wire_begin(&request, CONTROL_STATUS);
    TRY(wire_client_ask(&h->control, buf_slice(&request), ASK_MS, &out, CONTROL_STATUS_IS, &body));
    return control_status_get(&body, ret_status);
}

err_t fault_clock(fault_house_t *h, int64_t add_us)
{
    uint8_t request_mem[16], mem[256];
    buf_t request = BUF_ON_ARRAY(request_mem), out = BUF_ON_ARRAY(mem);
    cursor_t body;
    wire_begin(&request, CONTROL_CLOCK);
    buf_i64(&request, add_us);
    TRY(wire_client_ask(&h->control, buf_slice(&request), ASK_MS, &out, CONTROL_CLOCK_IS, &body));
    cur_i64(&body);
    return cur_end(&body);
}

const control_row_t *fault_row(const control_status_t *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->rows[i].name, name) == 0) {
            return &s->rows[i];
        }
    }
    return NULL;
}

/* Those that answer HEALTH (command/house.c, HOUSE_PROCESSES). */
static const room_id_t WIRED[] = {ROOM_LEDGER, ROOM_VAULT, ROOM_PAY, ROOM_SHOP};

static bool room_is_well(fault_house_t *h, room_id_t room, char why[FAULT_WHY])
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    slice_t name;
    path_t path;
    health_t health = {0};
    wire_client_t client;
    arena_init(&a, 16 * 1024);
    CHECK(!err_failed(arena_printf(&a, &name, "%s.sock", room_name(room))) &&
          !err_failed(path_join(&a, h->run, name, &path)));
    wire_client_conf_t conf = {
        .path = path, .self = ROOM_COMMAND, .peer = room, .api_version = 1, .max_conns = 1};
    wire_client_init(&client, &conf);
    err_t e = wire_client_health(&client, ASK_MS, &health);
    wire_client_deinit(&client);
    if (err_failed(e)) {
        snprintf(why, FAULT_WHY, "%s: %s", room_name(room), err_text(e.code));
        return false;
    }
    for (unsigned i = 0; i < health.count; i++) {
        if (health.rows[i].state != HEALTH_OK) {
            snprintf(why, FAULT_WHY, "%s: %s: %.40s", room_name(room), health.rows[i].name,
                     health.rows[i].text);
            break;
        }
    }
    return health.state == HEALTH_OK;
}

static bool page_is_well(fault_house_t *h, char why[FAULT_WHY])
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    http_conn_t conn;
    http_answer_t answer = {0};
    http_request_t ask = {.method = "GET", .target = SLICE("/health?format=json")};
    arena_init(&a, 4 * 1024 * 1024);
    http_init(&conn, &h->shop, 0, PAGE_MS);
    err_t e = http_ask(&conn, &ask, &a, &answer);
    http_deinit(&conn);
    snprintf(why, FAULT_WHY, "health page: %s %d", err_text(e.code), answer.status);
    return !err_failed(e) && answer.status == 200;
}

bool fault_healthy(fault_house_t *h, char why[FAULT_WHY])
{
    control_status_t status;
    err_t e = fault_status(h, &status);
    if (err_failed(e)) {
        snprintf(why, FAULT_WHY, "supervisor: %s", err_text(e.code));
        return false;
    }
    for (size_t i = 0; i < status.n; i++) {
        if (status.rows[i].state != PROCESS_READY) {
            snprintf(why, FAULT_WHY, "%s: not ready", status.rows[i].name);
            return false;
        }
    }
    for (size_t i = 0; i < BASE_COUNT(WIRED); i++) {
        if (!room_is_well(h, WIRED[i], why)) {
            return false;
        }
    }
    return page_is_well(h, why);
}

/* The parent's number is the fourth word of /proc/PID/stat, counted behind the name's bracket. */
static pid_t parent_of(const char *pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f) {
        fclose(f);
    }
    text[n] = 0;
    const char *bracket = strrchr(text, ')');
    return bracket && strlen(bracket) > 4 ? (pid_t)strtol(bracket + 4, NULL, 10) : 0;
}

size_t fault_children(pid_t parent, pid_t *ret_pids, size_t cap)
{
    size_t n = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *row; proc && n < cap && (row = readdir(proc));) {
        if (row->d_name[0] >= '1' && row->d_name[0] <= '9' && parent_of(row->d_name) == parent) {
            ret_pids[n++] = (pid_t)strtol(row->d_name, NULL, 10);
        }
    }
    if (proc) {
        closedir(proc);
    }
    return n;
}
