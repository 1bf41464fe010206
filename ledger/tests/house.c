#include "house.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "io/secrets.h"
#include "io/wire_client.h"

static const char *program, *shim_program;

void house_programs(const char *ledgerd, const char *shim)
{
    program = ledgerd;
    shim_program = shim;
}

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

void house_init(house_t *h, const char *where)
{
    *h = (house_t){0};
    if (where) {
        snprintf(h->tmp.path, sizeof h->tmp.path, "%s/house", where);
        CHECK(mkdir(h->tmp.path, 0755) == 0);
    } else {
        h->tmp = tmpdir_make();
    }
    snprintf(h->var, sizeof h->var, "%s/var", h->tmp.path);
    snprintf(h->ledger, sizeof h->ledger, "%s/ledger", h->var);
    snprintf(h->socket, sizeof h->socket, "%s/run/ledger.sock", h->var);
    snprintf(h->shim_file, sizeof h->shim_file, "%s/shim", h->tmp.path);
    CHECK(mkdir(h->var, 0755) == 0 && mkdir(in_dir(h->var, "etc"), 0755) == 0);
    write_text(in_dir(h->var, "etc/ledger.ini"),
               "[log]\norigin = sekisho.local/test\npiece_mib = 1\nseal_ms = 20\n");
    int fd = open(h->shim_file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && ftruncate(fd, sizeof(shim_t)) == 0);
    h->shim = mmap(NULL, sizeof(shim_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(h->shim != MAP_FAILED);
    close(fd);
}

void house_macs(house_t *h)
{
    static const uint8_t START[32] = {4, 2};
    uint8_t mem[128];
    buf_t line = BUF_ON_ARRAY(mem);
    char secrets[128];
    snprintf(secrets, sizeof secrets, "%s/secrets", h->var);
    CHECK(mkdir(secrets, 0711) == 0);
    snprintf(secrets, sizeof secrets, "%s/secrets/ledger", h->var);
    CHECK(mkdir(secrets, 0700) == 0);
    CHECK(!err_failed(secrets_store_in((path_t){secrets}, "mac.start", geteuid(), (gid_t)-1, START,
                                       sizeof START)));
    buf_cstr(&line, "ledger-mac ");
    buf_hex(&line, slice_make(START, sizeof START));
    buf_u8(&line, 0);
    snprintf(h->mac_key, sizeof h->mac_key, "%s/mac.key", h->tmp.path);
    write_text(h->mac_key, (const char *)line.ptr);
}

void house_small(house_t *h)
{
    write_text(in_dir(h->var, "etc/ledger.ini"),
               "[log]\norigin = sekisho.local/test\npiece_mib = 1\nseal_ms = 20\nsegment = 256\n"
               "[retention]\ndays = 1\npolicy = 2026-11-27: a test\n");
    house_macs(h);
}

void house_deinit(house_t *h)
{
    house_kill(h);
    munmap(h->shim, sizeof(shim_t));
    tmpdir_remove(&h->tmp);
}

static void run_program(const house_t *h, int ready_fd)
{
    char ready[16];
    snprintf(ready, sizeof ready, "%d", ready_fd);
    if (h->preload) {
        setenv("LD_PRELOAD", shim_program, 1);
        setenv("LEDGER_SHIM", h->shim_file, 1);
        setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1); /* in a sanitizer build */
    }
    if (!getenv("LEDGER_TEST_LOUD")) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDERR_FILENO);
        dup2(null, STDOUT_FILENO); /* left behind by a test that was killed it must hold no pipe */
    }
    execl(program, program, "--var", h->var, "--profile", h->profile ? h->profile : "test",
          "--no-separation", "--ready-fd", ready, (char *)NULL);
    _exit(127);
}

bool house_start(house_t *h)
{
    int pipe_fds[2];
    char byte;
    CHECK(pipe(pipe_fds) == 0 && h->pid == 0);
    h->pid = fork();
    CHECK(h->pid >= 0);
    if (h->pid == 0) {
        close(pipe_fds[0]);
        run_program(h, pipe_fds[1]);
    }
    close(pipe_fds[1]);
    bool ready = read(pipe_fds[0], &byte, 1) == 1;
    close(pipe_fds[0]);
    if (!ready) {
        CHECK(waitpid(h->pid, NULL, 0) == h->pid);
        h->pid = 0;
    }
    return ready;
}

void house_kill(house_t *h)
{
    if (h->pid) {
        kill(h->pid, SIGCONT);
        kill(h->pid, SIGKILL);
        CHECK(waitpid(h->pid, NULL, 0) == h->pid);
        h->pid = 0;
    }
}

int house_stop(house_t *h)
{
    int status;
    CHECK(h->pid && kill(h->pid, SIGTERM) == 0 && waitpid(h->pid, &status, 0) == h->pid);
    h->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

ledger_client_t *house_client(const house_t *h, unsigned room)
{
    ledger_client_t *c;
    CHECK(!err_failed(ledger_client_new(h->socket, room, &c)));
    return c;
}

err_t house_append(ledger_client_t *c, id128_t request, uint64_t *ret_seq)
{
    ledger_record_t rec = {.type = LEDGER_CONSENT,
                           .request = request,
                           .object = id_new(),
                           .facts = SLICE("text=terms-2026-04&version=3&doc=0123456789abcdef"
                                          "0123456789abcdef0123456789abcdef0123456789abcdef")};
    return ledger_append(c, &rec, 1, ret_seq);
}

int64_t house_metric(const house_t *h, const char *name)
{
    wire_client_t wire;
    arena_t a BASE_CLEANUP(arena_deinit);
    slice_t text, line;
    int64_t value = -1;
    arena_init(&a, 4 * WIRE_MAX_BYTES);
    wire_client_init(&wire, &(wire_client_conf_t){.path = {h->socket},
                                                  .self = ROOM_TEST,
                                                  .peer = ROOM_LEDGER,
                                                  .api_version = LEDGER_API_VERSION});
    CHECK(!err_failed(wire_client_metrics(&wire, &a, 5000, &text)));
    while (slice_split(&text, '\n', &line)) {
        slice_t key;
        if (slice_split(&line, ' ', &key) && slice_eq(key, slice_cstr_in(name))) {
            CHECK(!err_failed(slice_parse_i64(line, INT64_MIN, INT64_MAX, &value)));
        }
    }
    wire_client_deinit(&wire);
    return value;
}

verdict_t house_verify(const house_t *h, report_t *ret_report)
{
    verify_ask_t ask = {.dir = h->ledger};
    if (h->mac_key[0] && access(in_dir(h->ledger, "signed"), F_OK) == 0) {
        ask.mac_key_files[ask.mac_key_count++] = h->mac_key;
    }
    verify_run(&ask, ret_report);
    return ret_report->verdict;
}
