#include "house.h"

#include <limits.h>
#include <stdarg.h>
#include <unistd.h>

/* Start order; stop is the reverse. */
/* clang-format off */
const process_row_t HOUSE_PROCESSES[] = {
    {"ledger",  ROOM_LEDGER,  PROCESS_ROOM,     "ledger/ledgerd",       true},
    {"push",    ROOM_PUSH,    PROCESS_ROOM,     "ledger/push/ledger-push", true},
    {"vault",   ROOM_VAULT,   PROCESS_ROOM,     "vault/vaultd",         true},
    {"paysim",  ROOM_PAYSIM,  PROCESS_STAND_IN, "pay/paysim/paysim",    false},
    {"mailsim", ROOM_MAILSIM, PROCESS_STAND_IN, "shop/mailsim/mailsim", false},
    {"pay",     ROOM_PAY,     PROCESS_ROOM,     "pay/payd",             true},
    {"shop",    ROOM_SHOP,    PROCESS_ROOM,     "shop/shopd",           true},
    {"guard",   ROOM_GUARD,   PROCESS_NGINX,    "guard/nginx/ngx_http_sekisho_module.so", false},
};
/* clang-format on */
const size_t HOUSE_PROCESS_COUNT = BASE_COUNT(HOUSE_PROCESSES);

bool house_runs(const house_t *h, const process_row_t *row)
{
    char policy[PATH_MAX];
    if (row->room == ROOM_PUSH) { /* a house without witnesses opens no way to the net for them */
        int len = snprintf(policy, sizeof policy, "%s/etc/push.policy", h->var.text);
        return len > 0 && (size_t)len < sizeof policy && access(policy, F_OK) == 0;
    }
    return row->kind != PROCESS_STAND_IN || h->profile != PROFILE_PRODUCTION;
}

path_t house_path(house_t *h, path_t dir, ...)
{
    va_list names;
    va_start(names, dir);
    for (const char *name; (name = va_arg(names, const char *));) {
        path_t longer;
        CHECK(!err_failed(path_join(&h->arena, dir, slice_cstr_in(name), &longer)));
        dir = longer;
    }
    va_end(names);
    return dir;
}

static i18n_lang_t lang_from_environment(void)
{
    static const char *const NAMES[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        const char *value = getenv(NAMES[i]);
        if (value && value[0]) {
            return strncmp(value, "en", 2) == 0 ? I18N_EN : I18N_JA;
        }
    }
    return I18N_JA;
}

static err_t profile_parse(slice_t name, profile_t *ret_profile)
{
    for (profile_t p = PROFILE_DEMO; p <= PROFILE_PRODUCTION; p++) {
        if (slice_eq(name, slice_cstr_in(profile_name(p)))) {
            *ret_profile = p;
            return OK;
        }
    }
    return FAIL(ERR_USAGE);
}

typedef struct options {
    const char *var, *profile, *lang;
} options_t;

/* Takes the global options out; all else keeps its order. */
static err_t options_take(options_t *o, int *io_argc, char **argv)
{
    int kept = 1;
    for (int i = 1; i < *io_argc; i++) {
        const char **slot = strcmp(argv[i], "--var") == 0       ? &o->var
                            : strcmp(argv[i], "--profile") == 0 ? &o->profile
                            : strcmp(argv[i], "--lang") == 0    ? &o->lang
                                                                : NULL;
        if (!slot) {
            argv[kept++] = argv[i];
            continue;
        }
        ENSURE(i + 1 < *io_argc, ERR_USAGE);
        *slot = argv[++i];
    }
    argv[kept] = NULL;
    *io_argc = kept;
    return OK;
}

/* build/command/sekisho -> build/ -> tree. */
static err_t places_find(house_t *h)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    ENSURE(n > 0, ERR_IO);
    exe[n] = 0;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(exe, '/');
        ENSURE(slash, ERR_CONFIG);
        *slash = 0;
    }
    TRY(path_from_conf(&h->arena, slice_cstr_in(exe), &h->build));
    const char *tree = getenv("SEKISHO_TREE");
    char *slash = strrchr(exe, '/');
    ENSURE(tree || slash, ERR_CONFIG);
    if (!tree) {
        *slash = 0;
        tree = exe;
    }
    return path_from_conf(&h->arena, slice_cstr_in(tree), &h->tree);
}

static err_t var_find(house_t *h, const char *option)
{
    const char *name = option ? option : getenv("SEKISHO_VAR");
    if (!name) {
        h->var = house_path(h, h->tree, "var", NULL);
        return OK;
    }
    char whole[PATH_MAX];
    if (name[0] == '/') {
        return path_from_conf(&h->arena, slice_cstr_in(name), &h->var);
    }
    ENSURE(getcwd(whole, sizeof whole), ERR_IO);
    slice_t text;
    TRY(arena_printf(&h->arena, &text, "%s/%s", whole, name));
    return path_from_conf(&h->arena, text, &h->var);
}

err_t house_open(house_t *h, int *io_argc, char **argv)
{
    options_t o = {0};
    *h = (house_t){.port = HOUSE_PORT, .profile = PROFILE_DEMO, .separated = geteuid() == 0};
    arena_init(&h->arena, 256 * 1024);
    h->lang = lang_from_environment();
    TRY(options_take(&o, io_argc, argv));
    if (o.lang) {
        TRY(i18n_lang_of_code(slice_cstr_in(o.lang), &h->lang));
    }
    if (o.profile) {
        TRY(profile_parse(slice_cstr_in(o.profile), &h->profile));
    }
    TRY(places_find(h));
    TRY(var_find(h, o.var));
    const char *port = getenv("SEKISHO_PORT");
    if (port && port[0]) {
        uint64_t value;
        TRY(slice_parse_u64(slice_cstr_in(port), 65000, &value));
        ENSURE(value >= 1024, ERR_RANGE);
        h->port = (unsigned)value;
    }
    return OK;
}

void house_close(house_t *h)
{
    arena_deinit(&h->arena);
}

void house_print(slice_t text)
{
    fwrite(text.ptr, 1, text.len, stdout);
}

void house_say(const house_t *h, command_msg_t msg)
{
    house_print(i18n_text(&command_catalog, h->lang, msg));
    fputc('\n', stdout);
}

void house_complain(const house_t *h, command_msg_t msg)
{
    slice_t text = i18n_text(&command_catalog, h->lang, msg);
    fprintf(stderr, "sekisho: %.*s\n", SLICE_FMT(text));
}
