/* What only root may do, once: users, folders, keys. The command holds keys here for a moment,
 * writes them to their owners' folders and wipes them. */
#include "setup.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backup_keys.h"
#include "base/clock.h"
#include "base/secret.h"
#include "brake/api_writer.h"
#include "io/secrets.h"
#include "ledger_mac.h"

static const uid_t KEEP = (uid_t)-1;

static err_t user_add(const char *user)
{
    const char *const argv[] = {"useradd",      "--system",
                                "--user-group", "--no-create-home",
                                "--home-dir",   "/nonexistent",
                                "--shell",      "/usr/sbin/nologin",
                                user,           NULL};
    static char path_variable[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    char *environment[] = {path_variable, NULL};
    union { /* posix_spawn takes char *const[] but changes nothing */
        const char *const *ro;
        char *const *rw;
    } args = {.ro = argv};
    pid_t child;
    int status = 0;
    ENSURE(posix_spawn(&child, "/usr/sbin/useradd", NULL, NULL, args.rw, environment) == 0, ERR_IO);
    ENSURE(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0,
           ERR_IO);
    return OK;
}

/* Another house may be making the same users at this moment: useradd then fails because the user
 * has come into being, or because the other holds the lock of the password file. */
static err_t user_ensure(room_id_t room)
{
    enum { TRIES = 50, PAUSE_US = 100000 };
    err_t e = OK;
    for (int i = 0; i < TRIES; i++) {
        uid_t uid;
        gid_t gid;
        if (!err_failed(room_ids(room, &uid, &gid))) {
            return OK;
        }
        e = user_add(room_user(room));
        if (err_failed(e)) {
            usleep(PAUSE_US);
        }
    }
    return e;
}

static err_t users_make(void)
{
    for (size_t i = 0; i < HOUSE_PROCESS_COUNT; i++) {
        TRY(user_ensure(HOUSE_PROCESSES[i].room));
    }
    return OK;
}

int setup_users(house_t *h, int argc, char **argv)
{
    if (argc != 0) {
        house_complain(h, COMMAND_MSG_USAGE_USERS);
        return 2;
    }
    if (geteuid() != 0) {
        house_complain(h, COMMAND_MSG_USERS_ROOT);
        return 1;
    }
    err_t e = users_make();
    if (err_failed(e)) {
        fprintf(stderr, "sekisho: %s (%s:%d)\n", err_text(e.code), e.where, e.line);
        return 1;
    }
    return 0;
}

static err_t owner_of(const house_t *h, room_id_t room, uid_t *ret_uid, gid_t *ret_gid)
{
    if (!h->separated) {
        *ret_uid = KEEP;
        *ret_gid = (gid_t)-1;
        return OK;
    }
    return room_ids(room, ret_uid, ret_gid);
}

/* name, mode, owner: ROOM_COMMAND = root (or whoever runs the house). */
typedef struct folder_row {
    const char *name;
    mode_t mode;
} folder_row_t;

static const folder_row_t FOLDERS[] = {
    {"etc", 0755}, {"secrets", 0711}, {"run", 0755},
    {"log", 0750}, {"brake", 0755},   {"offline", 0700},
};

/* nginx's master is root and works in its prefix at each start, so the prefix and the key's folder
 * are root's: a worker that was taken over finds nothing there that it could turn into a link. Only
 * the (empty) folders for temporary files are the worker's. */
static err_t guard_folders_make(house_t *h, const char *name, uid_t uid, gid_t gid)
{
    static const char *const TEMPORARY[] = {"body.tmp", "proxy.tmp", "fastcgi.tmp", "uwsgi.tmp",
                                            "scgi.tmp"};
    uid_t root = h->separated ? 0 : KEEP;
    gid_t root_group = h->separated ? 0 : (gid_t)-1;
    TRY(dir_ensure(house_path(h, h->var, name, NULL), 0755, root, root_group));
    TRY(dir_ensure(house_path(h, h->var, "secrets", name, NULL), 0700, root, root_group));
    for (size_t i = 0; i < BASE_COUNT(TEMPORARY); i++) {
        TRY(dir_ensure(house_path(h, h->var, name, TEMPORARY[i], NULL), 0700, uid, gid));
    }
    return OK;
}

static err_t folders_make(house_t *h)
{
    TRY(dir_ensure(h->var, 0755, KEEP, KEEP));
    for (size_t i = 0; i < BASE_COUNT(FOLDERS); i++) {
        TRY(dir_ensure(house_path(h, h->var, FOLDERS[i].name, NULL), FOLDERS[i].mode, KEEP, KEEP));
    }
    TRY(dir_ensure(house_path(h, h->var, "secrets", "command", NULL), 0700, KEEP, KEEP));
    for (size_t i = 0; i < HOUSE_PROCESS_COUNT; i++) {
        uid_t uid;
        gid_t gid;
        TRY(owner_of(h, HOUSE_PROCESSES[i].room, &uid, &gid));
        const char *name = room_name(HOUSE_PROCESSES[i].room);
        if (HOUSE_PROCESSES[i].kind == PROCESS_NGINX) {
            TRY(guard_folders_make(h, name, uid, gid));
            continue;
        }
        TRY(dir_ensure(house_path(h, h->var, name, NULL), 0700, uid, gid));
        TRY(dir_ensure(house_path(h, h->var, "secrets", name, NULL), 0700, uid, gid));
    }
    return OK;
}

/* The provider's account, as its contract letter would bring it: payd and the stand-in share it. In
 * production a person puts the provider's real keys into var/secrets/pay. */
static err_t provider_key_share(house_t *h, const char *name)
{
    SECRET_SCOPED secret_t key;
    static const room_id_t HOLDERS[] = {ROOM_PAY, ROOM_PAYSIM};
    path_t pay = house_path(h, h->var, "secrets", "pay", NULL);
    if (access(house_path(h, pay, name, NULL).text, F_OK) == 0) {
        return OK;
    }
    random_letters((char *)key.b, sizeof key.b);
    for (size_t i = 0; i < BASE_COUNT(HOLDERS); i++) {
        uid_t uid;
        gid_t gid;
        path_t dir = house_path(h, h->var, "secrets", room_name(HOLDERS[i]), NULL);
        TRY(owner_of(h, HOLDERS[i], &uid, &gid));
        TRY(secrets_store_in(dir, name, uid, gid, key.b, sizeof key.b));
    }
    return OK;
}

static err_t brake_make(house_t *h)
{
    path_t dir = house_path(h, h->var, "brake", NULL);
    if (access(house_path(h, dir, "board", NULL).text, F_OK) == 0) {
        return OK;
    }
    brake_signing_key_t key[3];
    brake_enrolment_t who[3] = {
        {true, "ciso", {0}}, {true, "director", {0}}, {false, "machine", {0}}};
    for (size_t i = 0; i < 3; i++) {
        brake_key_make(&key[i]);
        memcpy(who[i].key, key[i].b + BRAKE_SIGN_KEY_BYTES - BRAKE_PUBLIC_KEY_BYTES,
               BRAKE_PUBLIC_KEY_BYTES);
    }
    path_t offline = house_path(h, h->var, "offline", NULL);
    path_t own = house_path(h, h->var, "secrets", "command", NULL);
    err_t e =
        secrets_store_in(offline, SETUP_CISO_KEY, KEEP, (gid_t)-1, key[0].b, BRAKE_SIGN_KEY_BYTES);
    if (!err_failed(e)) {
        e = secrets_store_in(offline, SETUP_DIRECTOR_KEY, KEEP, (gid_t)-1, key[1].b,
                             BRAKE_SIGN_KEY_BYTES);
    }
    if (!err_failed(e)) {
        e = secrets_store_in(own, SETUP_MACHINE_KEY, KEEP, (gid_t)-1, key[2].b,
                             BRAKE_SIGN_KEY_BYTES);
    }
    if (!err_failed(e)) {
        e = brake_board_create(dir.text, who, 3, key, "first run");
    }
    for (size_t i = 0; i < 3; i++) {
        brake_key_wipe(&key[i]);
    }
    return e;
}

/* What depends on SEKISHO_PORT. At the default port every room's own default file is right and is
 * left to the room. */
typedef struct port_row {
    const char *room, *section, *key, *before; /* value = before, port + offset, after */
    unsigned offset;
    const char *after;
} port_row_t;

/* clang-format off */
static const port_row_t PORT_ROWS[] = {
    {"mailsim", "listen", "port",            "",                           HOUSE_SMTP_OFFSET, ""},
    {"pay",     "site",   "return_base",     "http://shop.localhost:",     0,                 ""},
    {"pay",     "komoju", "url",             "http://psp.localhost:",      HOUSE_PSP_OFFSET,  ""},
    {"pay",     "komoju", "resolve",         "psp.localhost:",             HOUSE_PSP_OFFSET,  ":127.0.0.1"},
    {"pay",     "stripe", "url",             "http://psp.localhost:",      HOUSE_PSP_OFFSET,  ""},
    {"pay",     "stripe", "resolve",         "psp.localhost:",             HOUSE_PSP_OFFSET,  ":127.0.0.1"},
    {"pay",     "sbps", "url",             "http://psp.localhost:",      HOUSE_PSP_OFFSET,  ""},
    {"pay",     "sbps", "resolve",         "psp.localhost:",             HOUSE_PSP_OFFSET,  ":127.0.0.1"},
    {"paysim",  "listen", "port",            "",                           HOUSE_PSP_OFFSET,  ""},
    {"paysim",  "listen", "origin",          "http://psp.localhost:",      HOUSE_PSP_OFFSET,  ""},
    {"paysim",  "shop",   "origin",          "http://shop.localhost:",     0,                 ""},
    {"paysim",  "shop",   "notify_url",      "http://127.0.0.1:",          0,                 "/pay/notify/komoju"},
    {"paysim",  "shop",   "notify_host",     "shop.localhost:",            0,                 ""},
    {"shop",    "site",   "base_url",        "http://shop.localhost:",     0,                 ""},
    {"shop",    "pay",    "provider_origin", "http://psp.localhost:",      HOUSE_PSP_OFFSET,  ""},
    {"shop",    "mail",   "smtp_port",       "",                           HOUSE_SMTP_OFFSET, ""},
};
/* clang-format on */

static void ini_print(const house_t *h, const char *room, buf_t *out)
{
    const char *section = "";
    buf_cstr(out, "; Made at first run for another port than 8080. All keys not named here have "
                  "their defaults\n"
                  "; (the room's README lists them).\n");
    for (size_t i = 0; i < BASE_COUNT(PORT_ROWS); i++) {
        const port_row_t *row = &PORT_ROWS[i];
        if (strcmp(row->room, room) != 0) {
            continue;
        }
        if (strcmp(row->section, section) != 0) {
            section = row->section;
            buf_cstr(out, "[");
            buf_cstr(out, section);
            buf_cstr(out, "]\n");
        }
        buf_cstr(out, row->key);
        buf_cstr(out, " = ");
        buf_cstr(out, row->before);
        buf_dec(out, h->port + row->offset);
        buf_cstr(out, row->after);
        buf_u8(out, '\n');
    }
}

static err_t inis_make(house_t *h)
{
    static const char *const ROOMS[] = {"mailsim", "pay", "paysim", "shop"};
    for (size_t i = 0; h->port != HOUSE_PORT && i < BASE_COUNT(ROOMS); i++) {
        uint8_t mem[2048];
        slice_t name;
        buf_t text = BUF_ON_ARRAY(mem);
        TRY(arena_printf(&h->arena, &name, "%s.ini", ROOMS[i]));
        path_t file = house_path(h, h->var, "etc", (const char *)name.ptr, NULL);
        if (access(file.text, F_OK) == 0) {
            continue;
        }
        ini_print(h, ROOMS[i], &text);
        TRY(buf_check(&text));
        TRY(file_create(file, buf_slice(&text), 0644, KEEP, (gid_t)-1));
    }
    return OK;
}

/* A test house shares one cell of time (law 10); no other profile has the file. */
static err_t clock_make(house_t *h)
{
    static const clock_cell_t ZERO = {0};
    path_t cell = house_path(h, h->var, "run", "clock", NULL);
    if (h->profile != PROFILE_TEST && h->profile != PROFILE_BENCH) {
        unlink(cell.text);
        return OK;
    }
    return file_replace(cell, slice_make(&ZERO, sizeof ZERO), 0644);
}

err_t setup_users_make(const house_t *h)
{
    return h->separated ? users_make() : OK;
}

err_t setup_house(house_t *h)
{
    TRY(setup_users_make(h));
    TRY(folders_make(h));
    if (h->profile != PROFILE_PRODUCTION) {
        static const char *const KEYS[] = {"komoju_api_key", "komoju_webhook_key",
                                           "stripe_api_key", "stripe_webhook_key",
                                           "sbps_api_key",   "sbps_webhook_key"};
        for (size_t i = 0; i < BASE_COUNT(KEYS); i++) {
            TRY(provider_key_share(h, KEYS[i]));
        }
    }
    TRY(inis_make(h));
    TRY(brake_make(h));
    TRY(backup_keys_make(h));
    uid_t uid;
    gid_t gid;
    TRY(owner_of(h, ROOM_LEDGER, &uid, &gid));
    TRY(ledger_mac_make(h, uid, gid));
    return clock_make(h);
}
