/* The guard's pages: which one for which status, in which language, and that they are whole. */
#include "base/test.h"
#include "page.h"

static void which_page(void **state)
{
    static const struct {
        unsigned status;
        bool is_card;
        guard_page_t want;
    } ROWS[] = {
        {422, true, GUARD_PAGE_CARD},         {422, false, GUARD_PAGE_UNREADABLE},
        {400, false, GUARD_PAGE_UNREADABLE},  {415, false, GUARD_PAGE_UNREADABLE},
        {413, false, GUARD_PAGE_TOO_LARGE},   {431, false, GUARD_PAGE_TOO_LARGE},
        {414, false, GUARD_PAGE_TOO_LARGE},   {404, false, GUARD_PAGE_NOT_FOUND},
        {405, false, GUARD_PAGE_NOT_FOUND},   {421, false, GUARD_PAGE_OTHER_HOST},
        {502, false, GUARD_PAGE_UNAVAILABLE}, {503, false, GUARD_PAGE_UNAVAILABLE},
        {504, false, GUARD_PAGE_UNAVAILABLE}, {500, false, GUARD_PAGE_UNAVAILABLE},
        {501, false, GUARD_PAGE_UNREADABLE},  {505, false, GUARD_PAGE_UNREADABLE},
        {500, true, GUARD_PAGE_UNAVAILABLE},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        assert_int_equal(guard_page_of(ROWS[i].status, ROWS[i].is_card), ROWS[i].want);
    }
}

static void all_pages_in_both_languages(void **state)
{
    slice_t id = SLICE("bcdfghjkmnpqrstvbcdfghjkmnpqrstv");
    for (unsigned page = GUARD_PAGE_CARD; page <= GUARD_PAGE_UNAVAILABLE; page++) {
        for (int en = 0; en < 2; en++) {
            uint8_t mem[16 * 1024];
            buf_t out = BUF_ON_ARRAY(mem);
            guard_page_put(&out, (guard_page_t)page, en ? SLICE("en") : SLICE("ja"), SLICE("de"),
                           id);
            assert_ok(buf_check(&out));
            slice_t text = buf_slice(&out);
            assert_true(slice_starts(text, SLICE("<!DOCTYPE html>")));
            assert_true(slice_find(text, id) != SIZE_MAX);
            assert_true(slice_find(text, en ? SLICE("lang=\"en\"") : SLICE("lang=\"ja\"")) !=
                        SIZE_MAX);
            assert_true(slice_find(text, SLICE("/.guard/guard.css")) != SIZE_MAX);
            assert_true(slice_find(text, SLICE("<script")) == SIZE_MAX);
        }
    }
    assert_true(guard_page_style().len > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(which_page),
                                       cmocka_unit_test(all_pages_in_both_languages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
