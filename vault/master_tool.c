/* vault-master: the next master key of a running vault (`sekisho vault rotate`).
 *
 *   vault-master state            which one is in use
 *   vault-master rotate           makes the next one, stores it as vault.ini says, hands it to
 * vaultd, waits until the old one is destroyed
 *
 * and the daemon's own options (--var, --profile, --no-separation). What must be typed is asked for
 * at a terminal, else read from standard input. The key is here for the time of one call: longer
 * than vaultd has its file, so that a crash anywhere leaves a key that opens. */
#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#include "conf.h"
#include "io/log.h"

enum { WAIT_US = 100000, RETRY_S = 3600 };

static vault_conf_t conf;

static void typed_wipe(master_secret_t *s)
{
    sodium_memzero(s, sizeof *s);
}

/* One line from standard input, not shown at a terminal. */
static err_t line_read(const char *ask, master_secret_t *ret)
{
    struct termios shown, hidden;
    bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &shown) == 0;
    uint8_t byte;
    if (terminal) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
        fputs(ask, stderr);
    }
    ret->len = 0;
    while (ret->len < sizeof ret->b && read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n') {
        ret->b[ret->len++] = byte;
    }
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        fputc('\n', stderr);
    }
    ENSURE(ret->len > 0 && ret->len < sizeof ret->b, ERR_LIMIT);
    return OK;
}

static err_t typed_ask(master_secret_t *ret)
{
    if (conf.source == MASTER_TOKEN) {
        return line_read("PIN of the token: ", ret);
    }
    if (conf.source != MASTER_PASSPHRASE) {
        return OK;
    }
    TRY(line_read("New passphrase: ", ret));
    ENSURE(ret->len >= 12, ERR_LIMIT);
    if (isatty(STDIN_FILENO)) {
        BASE_CLEANUP(typed_wipe) master_secret_t again = {.len = 0};
        TRY(line_read("Once more: ", &again));
        ENSURE(again.len == ret->len && sodium_memcmp(again.b, ret->b, ret->len) == 0,
               ERR_CONFLICT);
    }
    return OK;
}

/* Left by a call that was killed before vaultd heard of it: nobody uses it, and nobody knows who
 * saw it. Only vaultd may remove it: a start of vaultd takes what lies there. */
static err_t leftover_remove(const daemon_t *d, vault_client_t *vault, const vault_master_t *now)
{
    ENSURE(now->newest == now->oldest, ERR_CONFLICT);
    TRY(master_sweep(d->secrets));
    return vault_discard(vault, now->newest + 1);
}

/* One such call at a time. */
static err_t lock_take(const daemon_t *d, int *ret_fd)
{
    TRY(fd_open(d->secrets, O_RDONLY | O_DIRECTORY, 0, ret_fd));
    ENSURE(flock(*ret_fd, LOCK_EX | LOCK_NB) == 0, ERR_CONFLICT);
    return OK;
}

static err_t finished(vault_client_t *vault, uint32_t epoch)
{
    vault_master_t now = {0};
    for (int64_t waited = 0; waited < RETRY_S * INT64_C(1000000); waited += WAIT_US) {
        err_t e = vault_master(vault, &now);
        if (!err_failed(e) && now.newest == epoch && now.oldest == epoch) {
            return OK;
        }
        ENSURE(err_failed(e) || !now.trouble, now.trouble);
        usleep(WAIT_US); /* vaultd may be starting anew: it goes on by itself */
    }
    return FAIL(ERR_TIMEOUT);
}

static err_t rotate(daemon_t *d, vault_client_t *vault, master_why_t *why)
{
    BASE_CLEANUP(typed_wipe) master_secret_t typed = {.len = 0};
    FD_SCOPED int lock = -1;
    vault_master_t now;
    keys_master_t next;
    master_source_t source = vault_conf_source(&conf, d, &typed);
    TRY(lock_take(d, &lock));
    TRY(vault_master(vault, &now));
    TRY(leftover_remove(d, vault, &now));
    TRY(typed_ask(&typed));
    next.epoch = now.newest + 1;
    random_bytes(next.key.b, sizeof next.key.b);
    err_t e = master_store(d->secrets, d->uid, d->gid, &source, &next, why);
    uint32_t epoch = next.epoch;
    if (!err_failed(e)) {
        e = vault_rotate(vault, epoch, next.key.b);
    }
    sodium_memzero(&next, sizeof next);
    /* Refused, or not heard of it: then the file goes. CONFLICT: a start of vaultd has found it,
     * and that is as good. */
    if (err_failed(e) && !err_is(vault_discard(vault, epoch), ERR_CONFLICT)) {
        return e;
    }
    TRY(finished(vault, epoch));
    printf("master key %u is in use, the one before is destroyed\n", (unsigned)epoch);
    return OK;
}

static err_t state(vault_client_t *vault)
{
    vault_master_t now;
    TRY(vault_master(vault, &now));
    printf("master key %u", (unsigned)now.newest);
    if (now.oldest != now.newest) {
        printf(" takes the place of %u: %llu keys looked at", (unsigned)now.oldest,
               (unsigned long long)now.slots);
    }
    printf("%s%s\n", now.trouble ? "; stopped: " : "",
           now.trouble ? err_text((err_code_t)now.trouble) : "");
    printf("honey customers %u\n", (unsigned)now.honey);
    return OK;
}

static err_t run(daemon_t *d, const char *verb, master_why_t *why)
{
    vault_client_t *vault;
    path_t socket;
    TRY(daemon_socket_of(d, ROOM_VAULT, &socket));
    TRY(vault_client_new(socket.text, ROOM_COMMAND, &vault));
    err_t e = strcmp(verb, "rotate") == 0  ? rotate(d, vault, why)
              : strcmp(verb, "state") == 0 ? state(vault)
                                           : FAIL(ERR_USAGE);
    vault_client_free(vault);
    return e;
}

int main(int argc, char **argv)
{
    static daemon_t d;
    master_why_t why = {""};
    if (argc < 2) {
        fprintf(stderr, "usage: vault-master state|rotate --var DIR [--profile P]\n");
        return 2;
    }
    const char *verb = argv[1];
    argv[1] = argv[0];
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    CHECK(sodium_init() >= 0);
    err_t e = daemon_begin(argc - 1, argv + 1, &VAULT_SPEC, &conf, &d);
    if (!err_failed(e)) {
        e = run(&d, verb, &why);
    }
    if (err_failed(e)) {
        fprintf(stderr, "vault-master: %s%s%s (%s:%u)\n", why.text, why.text[0] ? ": " : "",
                err_text(e.code), e.where ? e.where : "-", (unsigned)e.line);
        return 1;
    }
    return 0;
}
