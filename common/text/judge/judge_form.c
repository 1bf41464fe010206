/* The repeatable generator and the template language of judge.h. */
#include "judge.h"

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

rng_t rng_at(uint64_t seed, unsigned set, unsigned index)
{
    return (rng_t){.state = mix(mix(seed) ^ ((uint64_t)set << 32 | index)), .gap = " "};
}

unsigned rng_below(rng_t *r, unsigned bound)
{
    r->state += UINT64_C(0x9e3779b97f4a7c15);
    return (unsigned)((mix(r->state) >> 32) * bound >> 32);
}

unsigned rng_between(rng_t *r, unsigned low, unsigned high)
{
    return low + rng_below(r, high - low + 1);
}

bool rng_percent(rng_t *r, unsigned percent)
{
    return rng_below(r, 100) < percent;
}

const char *form_pick(rng_t *r, const char *const *forms)
{
    unsigned count = 0;
    while (forms[count]) {
        count++;
    }
    return forms[rng_below(r, count)];
}

static slice_t class_of(char sign)
{
    switch (sign) {
    case '#':
        return SLICE("0123456789");
    case '!':
        return SLICE("123456789");
    case '^':
        return SLICE("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    case '*':
        return SLICE("0123456789abcdefghijklmnopqrstuvwxyz");
    case '$':
        return SLICE("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    case '~':
        return SLICE("0123456789abcdef");
    case '`':
        return SLICE("0123456789ABCDEF");
    default:
        return SLICE_EMPTY;
    }
}

static void one_of(rng_t *r, slice_t letters, buf_t *out)
{
    CHECK(letters.len);
    buf_u8(out, letters.ptr[rng_below(r, (unsigned)letters.len)]);
}

/* The inside of {...}. */
static void word_put(rng_t *r, slice_t inside, buf_t *out)
{
    CHECK(inside.len);
    slice_t letters = class_of((char)inside.ptr[0]);
    if (letters.len) {
        uint64_t times = 0;
        CHECK(!err_failed(slice_parse_u64(slice_from(inside, 1), 4096, &times)));
        for (uint64_t i = 0; i < times; i++) {
            one_of(r, letters, out);
        }
        return;
    }
    size_t colon = slice_find_byte(inside, ':');
    slice_t name = colon == SIZE_MAX ? inside : slice_sub(inside, 0, colon);
    slice_t arg = colon == SIZE_MAX ? SLICE_EMPTY : slice_from(inside, colon + 1);
    if (slice_eq(name, SLICE("card"))) {
        buf_put(out, r->card);
    } else if (slice_eq(name, SLICE("gap"))) {
        form_put(r, r->gap, out);
    } else {
        const kind_t *word = word_find(name);
        word->forms ? form_put(r, form_pick(r, word->forms), out) : word->make(r, arg, out);
    }
}

void form_put(rng_t *r, const char *form, buf_t *out)
{
    slice_t rest = slice_cstr_in(form);
    while (rest.len) {
        char sign = (char)rest.ptr[0];
        size_t used = 1;
        if (sign == '\\' && rest.len > 1) {
            buf_u8(out, rest.ptr[1]);
            used = 2;
        } else if (sign == '[' || sign == '{') {
            used = slice_find_byte(rest, sign == '[' ? ']' : '}');
            CHECK(used != SIZE_MAX);
            slice_t inside = slice_sub(rest, 1, used - 1);
            sign == '[' ? one_of(r, inside, out) : word_put(r, inside, out);
            used++;
        } else if (class_of(sign).len) {
            one_of(r, class_of(sign), out);
        } else {
            buf_u8(out, (uint8_t)sign);
        }
        rest = slice_from(rest, used);
    }
}

size_t kind_pick(rng_t *r, const kind_t *rows, size_t count)
{
    unsigned total = 0;
    for (size_t i = 0; i < count; i++) {
        total += rows[i].weight;
    }
    unsigned point = rng_below(r, total);
    size_t i = 0;
    while (point >= rows[i].weight) {
        point -= rows[i++].weight;
    }
    return i;
}

void kind_put(rng_t *r, const kind_t *kind, buf_t *out)
{
    if (kind->forms) {
        form_put(r, form_pick(r, kind->forms), out);
    } else {
        kind->make(r, SLICE_EMPTY, out);
    }
}

void utf8_write(uint32_t code, buf_t *out)
{
    if (code < 0x80) {
        buf_u8(out, (uint8_t)code);
    } else if (code < 0x800) {
        buf_u8(out, (uint8_t)(0xc0 | code >> 6));
        buf_u8(out, (uint8_t)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        buf_u8(out, (uint8_t)(0xe0 | code >> 12));
        buf_u8(out, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
        buf_u8(out, (uint8_t)(0x80 | (code & 0x3f)));
    } else {
        buf_u8(out, (uint8_t)(0xf0 | code >> 18));
        buf_u8(out, (uint8_t)(0x80 | (code >> 12 & 0x3f)));
        buf_u8(out, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
        buf_u8(out, (uint8_t)(0x80 | (code & 0x3f)));
    }
}

uint32_t utf8_next(slice_t *s)
{
    uint8_t lead = s->ptr[0];
    size_t more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    CHECK(s->len > more);
    uint32_t code = more == 0 ? lead : lead & (0x3fU >> more);
    for (size_t i = 1; i <= more; i++) {
        code = code << 6 | (s->ptr[i] & 0x3f);
    }
    *s = slice_from(*s, more + 1);
    return code;
}
