/* A front for vault-master, which holds the key for a moment; here no secret passes. */
#include "vault.h"

#include "backup.h"
#include "control.h"
#include "run.h"
#include "vault/api_keyfile.h"

int vault_command(house_t *h, int argc, char **argv)
{
    backup_copies_t copies;
    int code = 1;
    bool rotate = argc == 1 && strcmp(argv[0], "rotate") == 0;
    if (!rotate && !(argc == 1 && strcmp(argv[0], "state") == 0)) {
        house_complain(h, COMMAND_MSG_USAGE_VAULT);
        return 2;
    }
    control_status_t status;
    if (err_failed(control_status(h, &status))) {
        house_complain(h, COMMAND_MSG_DOWN_NOT_RUNNING);
        return 1;
    }
    const char *credentials = getenv("CREDENTIALS_DIRECTORY"), *token = getenv("SOFTHSM2_CONF");
    slice_t lines[2] = {SLICE_EMPTY, SLICE_EMPTY};
    const char *environment[5] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};
    size_t n = 2;
    if (credentials &&
        !err_failed(arena_printf(&h->arena, &lines[0], "CREDENTIALS_DIRECTORY=%s", credentials))) {
        environment[n++] = (const char *)lines[0].ptr;
    }
    if (token && status.profile == PROFILE_TEST &&
        !err_failed(arena_printf(&h->arena, &lines[1], "SOFTHSM2_CONF=%s", token))) {
        environment[n++] = (const char *)lines[1].ptr;
    }
    const char *args[] = {
        house_path(h, h->build, "vault", "vault-master", NULL).text,
        argv[0],
        "--var",
        h->var.text,
        "--profile",
        profile_name(status.profile),
        h->separated ? NULL : "--no-separation",
        NULL,
    };
    err_t e = run_program(args, environment, -1, &code);
    if (err_failed(e)) {
        fprintf(stderr, "sekisho: %s\n", err_text(e.code));
        return 1;
    }
    if (rotate && code == 0) { /* no backup may be left with the old key alone */
        backup_keys_everywhere(h, &copies);
        if (vault_keyfile_needs_secret(house_path(h, h->var, "secrets", "vault", NULL),
                                       house_path(h, h->var, "etc", "vault.ini", NULL))) {
            house_say(h, COMMAND_MSG_VAULT_TYPED);
        }
        return copies.missed ? 1 : 0;
    }
    return code;
}
