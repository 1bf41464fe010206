/* witness-cosign NAME SEED TIME: cosigns the checkpoint text on standard input as witnessd does:
 * verifier key, newline, signature line. For the interop test, which compares both with what Go
 * makes. */
#include <unistd.h>

#include "text/b64.h"
#include "wnote.h"

int main(int argc, char **argv)
{
    static uint8_t text[WNOTE_MAX];
    uint8_t seed[32], mem[1024];
    buf_t seed_out = BUF_ON_ARRAY(seed), out = BUF_ON_ARRAY(mem);
    uint64_t time_s;
    wsigner_t s;
    if (argc != 4 || err_failed(hex_decode(slice_cstr_in(argv[2]), &seed_out)) ||
        seed_out.len != sizeof seed ||
        err_failed(slice_parse_u64(slice_cstr_in(argv[3]), INT64_MAX, &time_s)) ||
        err_failed(wsigner_init(slice_cstr_in(argv[1]), seed, &s))) {
        return 2;
    }
    ssize_t n = read(STDIN_FILENO, text, sizeof text);
    if (n <= 0) {
        return 2;
    }
    wkey_put(&out, &s.pub);
    buf_u8(&out, '\n');
    wsigner_cosign(&s, slice_make(text, (size_t)n), time_s, &out);
    wsigner_wipe(&s);
    fwrite(out.ptr, 1, out.len, stdout);
    return fflush(stdout) == 0 && !out.full ? 0 : 1;
}
