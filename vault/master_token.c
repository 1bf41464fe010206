/* A PKCS#11 module is foreign code: it runs in a child with the vault's rights alone, started
 * before the vault has a ring of keys, and ends after one call. Not a byte of it is ever in
 * vaultd's own address space. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <p11-kit/pkcs11.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "master.h"

enum { TOKEN_WAIT_MS = 20000, SLOTS_MAX = 64, OUT_MAX = SECRET_BYTES + 16, LABEL = 32 };

/* What the child says. */
typedef struct answer {
    uint32_t code; /* err_code_t */
    uint32_t len;
    char why[MASTER_WHY];
    uint8_t out[OUT_MAX];
} answer_t;

typedef struct call {
    const master_token_t *token;
    const master_secret_t *pin;
    bool encrypt;
    slice_t iv, aad, in;
    CK_FUNCTION_LIST_PTR p11;
    CK_SESSION_HANDLE session;
    answer_t answer;
} call_t;

static bool fails(call_t *c, err_code_t code, const char *text, unsigned long rv)
{
    c->answer.code = code;
    snprintf(c->answer.why, sizeof c->answer.why, "%s (PKCS#11 0x%lx)", text, rv);
    return false;
}

static bool module_open(call_t *c)
{
    void *lib = dlopen(c->token->module, RTLD_NOW | RTLD_LOCAL);
    union { /* dlsym gives data, C wants a function */
        void *data;
        CK_C_GetFunctionList fn;
    } get = {.data = lib ? dlsym(lib, "C_GetFunctionList") : NULL};
    if (!get.data) {
        return fails(c, ERR_UNAVAILABLE, "the token's module cannot be loaded", 0);
    }
    CK_RV rv = get.fn(&c->p11);
    rv = rv == CKR_OK ? c->p11->C_Initialize(NULL) : rv;
    return rv == CKR_OK || fails(c, ERR_UNAVAILABLE, "the token's module does not start", rv);
}

/* Labels are padded with blanks. */
static bool label_is(const unsigned char label[LABEL], const char *want)
{
    size_t n = strlen(want);
    for (size_t i = 0; i < LABEL; i++) {
        if (label[i] != (i < n ? (unsigned char)want[i] : ' ')) {
            return false;
        }
    }
    return n <= LABEL;
}

static bool token_find(call_t *c, CK_SLOT_ID *ret_slot)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG n = SLOTS_MAX;
    CK_RV rv = c->p11->C_GetSlotList(1, slots, &n);
    for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
        CK_TOKEN_INFO info;
        if (c->p11->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            label_is(info.label, c->token->label)) {
            *ret_slot = slots[i];
            return (info.flags & CKF_USER_PIN_LOCKED)
                       ? fails(c, ERR_AUTH, "the token's PIN is locked", CKR_PIN_LOCKED)
                       : true;
        }
    }
    return fails(c, ERR_UNAVAILABLE, "there is no token of that label", rv);
}

static bool log_in(call_t *c)
{
    CK_SLOT_ID slot;
    if (!token_find(c, &slot)) {
        return false;
    }
    CK_RV rv = c->p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &c->session);
    if (rv != CKR_OK) {
        return fails(c, ERR_UNAVAILABLE, "the token opens no session", rv);
    }
    master_secret_t pin = *c->pin;
    rv = c->p11->C_Login(c->session, CKU_USER, pin.b, pin.len);
    sodium_memzero(&pin, sizeof pin);
    switch (rv) {
    case CKR_OK:
        return true;
    case CKR_PIN_LOCKED:
        return fails(c, ERR_AUTH, "the token's PIN is locked", rv);
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
        return fails(c, ERR_AUTH, "the token's PIN is wrong", rv);
    default:
        return fails(c, ERR_UNAVAILABLE, "the token refuses the log-in", rv);
    }
}

static bool key_find(call_t *c, CK_OBJECT_HANDLE *ret_key)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    char label[256];
    snprintf(label, sizeof label, "%s", c->token->key);
    CK_ATTRIBUTE want[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, label, strlen(label)}};
    CK_OBJECT_HANDLE keys[2];
    CK_ULONG n = 0;
    CK_RV rv = c->p11->C_FindObjectsInit(c->session, want, BASE_COUNT(want));
    rv = rv == CKR_OK ? c->p11->C_FindObjects(c->session, keys, 2, &n) : rv;
    c->p11->C_FindObjectsFinal(c->session);
    if (rv != CKR_OK || n != 1) {
        return fails(c, ERR_UNAVAILABLE,
                     n > 1 ? "the token has two keys of that label"
                           : "the token has no key of that label",
                     rv);
    }
    *ret_key = keys[0];
    return true;
}

static bool key_crypt(call_t *c)
{
    uint8_t iv[32], aad[128], in[OUT_MAX];
    CK_OBJECT_HANDLE key;
    CK_ULONG n = sizeof c->answer.out;
    if (!key_find(c, &key)) {
        return false;
    }
    CHECK(c->iv.len <= sizeof iv && c->aad.len <= sizeof aad && c->in.len <= sizeof in);
    memcpy(iv, c->iv.ptr, c->iv.len);
    memcpy(aad, c->aad.ptr, c->aad.len);
    memcpy(in, c->in.ptr, c->in.len);
    CK_GCM_PARAMS gcm = {iv, c->iv.len, c->iv.len * 8, aad, c->aad.len, 128};
    CK_MECHANISM how = {CKM_AES_GCM, &gcm, sizeof gcm};
    CK_RV rv;
    if (c->encrypt) {
        rv = c->p11->C_EncryptInit(c->session, &how, key);
        rv = rv == CKR_OK ? c->p11->C_Encrypt(c->session, in, c->in.len, c->answer.out, &n) : rv;
    } else {
        rv = c->p11->C_DecryptInit(c->session, &how, key);
        rv = rv == CKR_OK ? c->p11->C_Decrypt(c->session, in, c->in.len, c->answer.out, &n) : rv;
    }
    sodium_memzero(in, sizeof in);
    c->answer.len = (uint32_t)n;
    return rv == CKR_OK || fails(c, ERR_CRYPTO, "the token's key does not open the master key", rv);
}

__attribute__((noreturn)) static void child_run(call_t *c, int fd)
{
    const master_token_t *t = c->token;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bool dropped =
        t->uid == (uid_t)-1 || (setgroups(0, NULL) == 0 && setresgid(t->gid, t->gid, t->gid) == 0 &&
                                setresuid(t->uid, t->uid, t->uid) == 0);
    if (!dropped) {
        fails(c, ERR_DENIED, "the module's process cannot take the vault's rights", 0);
    } else if (module_open(c) && log_in(c)) {
        key_crypt(c);
    }
    ssize_t n = write(fd, &c->answer, sizeof c->answer); /* less than a pipe holds: all or none */
    sodium_memzero(&c->answer, sizeof c->answer);
    _exit(n == sizeof c->answer ? 0 : 1);
}

static err_t answer_take(int fd, pid_t child, answer_t *ret)
{
    err_t e = fd_wait(fd, POLLIN, deadline_in_ms(TOKEN_WAIT_MS));
    if (!err_failed(e)) {
        e = fd_read_all(fd, ret, sizeof *ret);
    }
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    return e;
}

err_t master_token_crypt(const master_token_t *t, const master_secret_t *pin, bool encrypt,
                         slice_t iv, slice_t aad, slice_t in, uint8_t *out, master_why_t *ret_why)
{
    call_t c = {.token = t, .pin = pin, .encrypt = encrypt, .iv = iv, .aad = aad, .in = in};
    answer_t answer;
    int ends[2];
    if (!t->module || !t->module[0] || pin->len == 0) {
        snprintf(ret_why->text, sizeof ret_why->text,
                 pin->len ? "vault.ini names no PKCS#11 module"
                          : "the token's PIN is needed: sekisho up asks for it, or "
                            "--vault-secret-fd gives it");
        return FAIL(ERR_NOT_FOUND);
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return fd_err(errno);
    }
    pid_t child = fork();
    if (child == 0) {
        child_run(&c, ends[1]);
    }
    close(ends[1]);
    err_t e = child > 0 ? answer_take(ends[0], child, &answer) : FAIL_SYS(ERR_MEMORY, errno);
    close(ends[0]);
    if (err_failed(e)) {
        snprintf(ret_why->text, sizeof ret_why->text, "the token's module gave no answer");
        return FAIL(ERR_UNAVAILABLE);
    }
    err_code_t code = (err_code_t)answer.code;
    if (code == ERR_NONE && answer.len == (encrypt ? in.len + 16 : in.len - 16)) {
        memcpy(out, answer.out, answer.len);
    } else if (code == ERR_NONE) {
        code = ERR_CRYPTO;
    }
    snprintf(ret_why->text, sizeof ret_why->text, "%.*s", MASTER_WHY - 1, answer.why);
    sodium_memzero(&answer, sizeof answer);
    ENSURE(code == ERR_NONE, code);
    return OK;
}
