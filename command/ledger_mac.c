/* Holds the start key for the moment in which it is written to its two places. */
#include "ledger_mac.h"

#include <sodium.h>
#include <unistd.h>

#include "base/id.h"
#include "base/secret.h"
#include "io/secrets.h"

enum { LINE = 96, NAME = 48 };
static const char STATE[] = "mac", START[] = "mac.start";

/* ledger-mac-<8>.key: the first letters of what the RATCHET record says of the key, so that each is
 * found for its chain. */
static void name_put(const secret_t *key, char out[NAME])
{
    uint8_t in[64], sum[32], hex_mem[2 * sizeof sum];
    buf_t text = BUF_ON_ARRAY(in), hex = BUF_ON_ARRAY(hex_mem);
    buf_cstr(&text, "sekisho ledger mac start v1");
    buf_put(&text, slice_make(key->b, sizeof key->b));
    CHECK(crypto_generichash(sum, sizeof sum, text.ptr, text.len, NULL, 0) == 0);
    sodium_memzero(in, sizeof in);
    buf_hex(&hex, slice_make(sum, sizeof sum));
    snprintf(out, NAME, "ledger-mac-%.8s.key", (const char *)hex.ptr);
}

static err_t offline_put(house_t *h, const secret_t *key)
{
    uint8_t mem[LINE];
    buf_t line = BUF_ON_ARRAY(mem);
    char name[NAME];
    name_put(key, name);
    buf_cstr(&line, "ledger-mac ");
    buf_hex(&line, slice_make(key->b, sizeof key->b));
    buf_u8(&line, '\n');
    err_t e = file_create(house_path(h, h->var, "offline", name, NULL), buf_slice(&line), 0400,
                          (uid_t)-1, (gid_t)-1);
    sodium_memzero(mem, sizeof mem);
    return e;
}

err_t ledger_mac_make(house_t *h, uid_t owner, gid_t group)
{
    SECRET_SCOPED secret_t key;
    path_t dir = house_path(h, h->var, "secrets", "ledger", NULL);
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    if (access(house_path(h, dir, STATE, NULL).text, F_OK) == 0 ||
        access(house_path(h, dir, START, NULL).text, F_OK) == 0) {
        return OK;
    }
    random_bytes(key.b, sizeof key.b);
    /* The investigator's first: a chain that nobody can check would be for nothing. */
    TRY(offline_put(h, &key));
    return secrets_store_in(dir, START, owner == (uid_t)-1 ? geteuid() : owner, group, key.b,
                            sizeof key.b);
}
