/* `sekisho status [--json]`: what runs, and what each room says of itself. Truthful: what cannot be
 * asked is "down". */
#include "status.h"

#include <jansson.h>

#include "base/clock.h"
#include "control.h"
#include "process.h"

enum { HEALTH_WAIT_MS = 1500 };

typedef struct line {
    const process_row_t *process;
    control_row_t control;
    health_t health;
    bool heard; /* health is the room's own answer */
} line_t;

typedef struct report {
    control_status_t control;
    line_t lines[CONTROL_PROCESSES];
    size_t n;
    health_state_t worst;
} report_t;

static const process_row_t *process_by_name(const char *name)
{
    for (size_t i = 0; i < HOUSE_PROCESS_COUNT; i++) {
        if (strcmp(HOUSE_PROCESSES[i].name, name) == 0) {
            return &HOUSE_PROCESSES[i];
        }
    }
    return NULL;
}

static void room_ask(house_t *h, line_t *line)
{
    wire_client_t client;
    slice_t name;
    CHECK(!err_failed(arena_printf(&h->arena, &name, "%s.sock", line->process->name)));
    wire_client_conf_t conf = {.path = house_path(h, h->var, "run", (const char *)name.ptr, NULL),
                               .self = ROOM_COMMAND,
                               .peer = line->process->room,
                               .api_version = 1,
                               .max_conns = 1};
    wire_client_init(&client, &conf);
    err_t e = wire_client_health(&client, HEALTH_WAIT_MS, &line->health);
    wire_client_deinit(&client);
    line->heard = !err_failed(e);
    if (!line->heard) {
        line->health = (health_t){0};
        health_add(&line->health, HEALTH_DOWN, "answer", "%s", err_text(e.code));
    }
}

static void guard_judge(house_t *h, line_t *line)
{
    if (!process_port_answers(h->port, HEALTH_WAIT_MS)) {
        health_add(&line->health, HEALTH_DOWN, "port", "does not answer");
    }
    if (!process_guard_has_crs(h)) {
        health_add(&line->health, HEALTH_DEGRADED, "rules",
                   "OWASP CRS was not found: only the house's own rules are in use");
    }
}

static void line_judge(house_t *h, line_t *line)
{
    if (line->control.state != PROCESS_READY) {
        health_add(&line->health, HEALTH_DOWN, "process", "%s",
                   process_state_name(line->control.state));
    } else if (line->process->wire) {
        room_ask(h, line);
    } else if (line->process->kind == PROCESS_NGINX) {
        guard_judge(h, line);
    }
}

static err_t report_make(house_t *h, report_t *r)
{
    *r = (report_t){0};
    TRY(control_status(h, &r->control));
    h->port = r->control.port;
    for (size_t i = 0; i < r->control.n; i++) {
        const process_row_t *process = process_by_name(r->control.rows[i].name);
        ENSURE(process, ERR_VERSION);
        line_t *line = &r->lines[r->n++];
        *line = (line_t){.process = process, .control = r->control.rows[i]};
        line_judge(h, line);
        r->worst = line->health.state > r->worst ? line->health.state : r->worst;
    }
    return OK;
}

static json_t *line_json(const line_t *line)
{
    json_t *rows = json_array();
    for (unsigned i = 0; i < line->health.count; i++) {
        json_array_append_new(rows,
                              json_pack("{s:s, s:s, s:s}", "name", line->health.rows[i].name,
                                        "state", health_state_name(line->health.rows[i].state),
                                        "text", line->health.rows[i].text));
    }
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:o}", "name", line->process->name, "process",
                     process_state_name(line->control.state), "health",
                     health_state_name(line->health.state), "pid", (int)line->control.pid,
                     "restarts", (int)line->control.restarts, "reasons", rows);
}

static void print_json(const report_t *r)
{
    json_t *rooms = json_array();
    for (size_t i = 0; i < r->n; i++) {
        json_array_append_new(rooms, line_json(&r->lines[i]));
    }
    json_t *all =
        json_pack("{s:s, s:s, s:b, s:i, s:o}", "health", health_state_name(r->worst), "profile",
                  profile_name(r->control.profile), "separated", (int)r->control.separated, "port",
                  (int)r->control.port, "rooms", rooms);
    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    fputc('\n', stdout);
    json_decref(all);
}

static void print_text(const house_t *h, const report_t *r)
{
    static const char *const MARKS[] = {"●", "◐", "○"};
    for (size_t i = 0; i < r->n; i++) {
        const line_t *line = &r->lines[i];
        printf("%s %-8s %-9s %-9s pid %-7d restarts %u\n", MARKS[line->health.state],
               line->process->name, process_state_name(line->control.state),
               health_state_name(line->health.state), (int)line->control.pid,
               line->control.restarts);
        for (unsigned k = 0; k < line->health.count; k++) {
            if (line->health.rows[k].state != HEALTH_OK) {
                printf("    %s: %s\n", line->health.rows[k].name, line->health.rows[k].text);
            }
        }
    }
    if (!r->control.separated) {
        house_say(h, COMMAND_MSG_STATUS_NOT_SEPARATED);
    }
    house_say(h, r->worst == HEALTH_OK ? COMMAND_MSG_STATUS_WELL : COMMAND_MSG_STATUS_ILL);
}

/* Prometheus text of every room, from the rooms' own sockets. */
static void print_metrics(house_t *h, const report_t *r)
{
    for (size_t i = 0; i < r->n; i++) {
        slice_t name, text;
        wire_client_t client;
        if (!r->lines[i].process->wire) {
            continue;
        }
        CHECK(!err_failed(arena_printf(&h->arena, &name, "%s.sock", r->lines[i].process->name)));
        wire_client_conf_t conf = {.path =
                                       house_path(h, h->var, "run", (const char *)name.ptr, NULL),
                                   .self = ROOM_COMMAND,
                                   .peer = r->lines[i].process->room,
                                   .api_version = 1,
                                   .max_conns = 1};
        wire_client_init(&client, &conf);
        if (!err_failed(wire_client_metrics(&client, &h->arena, HEALTH_WAIT_MS, &text))) {
            house_print(text);
        }
        wire_client_deinit(&client);
    }
}

int status_command(house_t *h, int argc, char **argv)
{
    static report_t report;
    bool json = argc == 1 && strcmp(argv[0], "--json") == 0;
    bool metrics = argc == 1 && strcmp(argv[0], "--metrics") == 0;
    if (argc > 1 || (argc == 1 && !json && !metrics)) {
        house_complain(h, COMMAND_MSG_USAGE_STATUS);
        return 2;
    }
    err_t e = report_make(h, &report);
    if (err_failed(e)) {
        if (json) {
            puts("{\"health\": \"down\", \"rooms\": []}");
        } else {
            house_complain(h, COMMAND_MSG_DOWN_NOT_RUNNING);
        }
        return 3;
    }
    if (metrics) {
        print_metrics(h, &report);
    } else if (json) {
        print_json(&report);
    } else {
        print_text(h, &report);
    }
    return report.worst == HEALTH_OK ? 0 : 1;
}
