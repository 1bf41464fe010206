/* What visitors type and the shop reads itself: booking numbers, search words, office times in the
 * agency file, documents' blocks. Forms, queries and dates are the floor's, fuzzed there. */
#include <sodium.h>

#include "booking.h"
#include "catalogue.h"
#include "document.h"
#include "fees/office_hours.h"
#include "smtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void letter(arena_t *a, slice_t in)
{
    static const smtp_server_t SERVER = {"127.0.0.1", 25, false, "a@example.com"};
    smtp_letter_t l = {.to = slice_sub(in, 0, 64),
                       .sender_name = in,
                       .subject = in,
                       .text = in,
                       .date_us = (int64_t)in.len};
    slice_t message;
    if (err_failed(smtp_compose(a, &SERVER, &l, &message))) {
        return;
    }
    CHECK(slice_find(l.to, SLICE("\n")) == SIZE_MAX && slice_find(l.to, SLICE("\r")) == SIZE_MAX);
    for (size_t i = 0; i < message.len; i++) {
        CHECK(message.ptr[i] < 0x80); /* whatever was typed, the letter is plain ASCII */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t in = slice_make(data, size < 4096 ? size : 4096), words[3], text = in, block;
    char code[SHOP_CODE_LETTERS];
    int64_t minute;
    bool heading;
    arena_t a;
    arena_init(&a, 4 * 1024 * 1024);
    if (!err_failed(booking_code_parse(in, code))) {
        for (size_t i = 0; i < sizeof code; i++) {
            CHECK(code[i] >= 'A' && code[i] <= 'Z');
        }
    }
    err_ignore(search_words(&a, in, words));
    if (!err_failed(office_minute_parse(in, &minute))) {
        CHECK(minute >= 0 && minute <= 1440);
    }
    while (document_block(&text, &heading, &block)) {
        CHECK(block.len > 0);
    }
    letter(&a, in);
    arena_deinit(&a);
    return 0;
}
