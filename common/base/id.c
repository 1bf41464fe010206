#include "base/id.h"

#include <errno.h>
#include <sys/random.h>

#include "base/clock.h"

_Static_assert(sizeof(ID_ALPHABET) == 17, "sixteen letters");

void random_bytes(void *out, size_t len)
{
    uint8_t *at = out;
    while (len) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        CHECK(got > 0);
        at += got;
        len -= (size_t)got;
    }
}

void random_letters(char *out, size_t letters)
{
    uint8_t bytes[64];
    for (size_t done = 0; done < letters;) {
        size_t n = letters - done < sizeof bytes ? letters - done : sizeof bytes;
        random_bytes(bytes, n);
        for (size_t i = 0; i < n; i++) {
            out[done + i] = ID_ALPHABET[bytes[i] & 15];
        }
        done += n;
    }
    explicit_bzero(bytes, sizeof bytes);
}

id128_t id_new(void)
{
    id128_t id;
    random_bytes(id.b, sizeof id.b);
    uint64_t ms = (uint64_t)(clock_wall_us() / 1000);
    for (size_t i = 0; i < 6; i++) {
        id.b[i] = (uint8_t)(ms >> (40 - 8 * i));
    }
    id.b[6] = (uint8_t)(0x70 | (id.b[6] & 0x0f));
    id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3f));
    return id;
}

id128_t id_zero(void)
{
    return (id128_t){{0}};
}

bool id_eq(id128_t a, id128_t b)
{
    return memcmp(a.b, b.b, ID_BYTES) == 0;
}

bool id_is_zero(id128_t id)
{
    return id_eq(id, id_zero());
}

int64_t id_time_ms(id128_t id)
{
    uint64_t ms = 0;
    for (size_t i = 0; i < 6; i++) {
        ms = ms << 8 | id.b[i];
    }
    return (int64_t)ms;
}

void id_encode(id128_t id, char out[ID_TEXT])
{
    for (size_t i = 0; i < ID_BYTES; i++) {
        out[2 * i] = ID_ALPHABET[id.b[i] >> 4];
        out[2 * i + 1] = ID_ALPHABET[id.b[i] & 15];
    }
}

void buf_id(buf_t *b, id128_t id)
{
    char text[ID_TEXT];
    id_encode(id, text);
    buf_put(b, slice_make(text, sizeof text));
}

err_t id_decode(slice_t text, id128_t *ret_id)
{
    id128_t id;
    ENSURE(text.len == ID_TEXT, ERR_SYNTAX);
    for (size_t i = 0; i < ID_TEXT; i++) {
        const char *at = text.ptr[i] ? strchr(ID_ALPHABET, text.ptr[i]) : NULL;
        ENSURE(at, ERR_SYNTAX);
        uint8_t nibble = (uint8_t)(at - ID_ALPHABET);
        id.b[i / 2] = (uint8_t)(i % 2 ? (id.b[i / 2] | nibble) : (nibble << 4));
    }
    *ret_id = id;
    return OK;
}

id128_t id_from_bytes(const void *sixteen_bytes)
{
    id128_t id;
    memcpy(id.b, sixteen_bytes, ID_BYTES);
    return id;
}
