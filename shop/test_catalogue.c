/* The demo's catalogue on both back ends: loading, search, tours, notices, documents. */
#include "catalogue.h"
#include "demo.h"
#include "document.h"
#include "notice.h"
#include "test_base.h"

static size_t load(test_shop_t *s, int64_t now_us)
{
    size_t departures = 0;
    slice_t fault = SLICE_EMPTY;
    err_t e = demo_load(s->db, &s->arena, (path_t){SHOP_DATA_DIR "/demo/catalogue.json"}, now_us,
                        &departures, &fault);
    if (err_failed(e)) {
        fail_msg("%s: %.*s", err_name(e.code), SLICE_FMT(fault));
    }
    return departures;
}

/* The fixture's own tour goes first: the demo loads into an empty house only. */
static void empty(test_shop_t *s)
{
    assert_int_equal(load(s, TEST_NOW), 0); /* not empty: nothing happens */
    GOOD(db_run(s->db, SQL("DELETE FROM tour"), DB_NO_ARGS, NULL));
    GOOD(db_run(s->db, SQL("DELETE FROM place"), DB_NO_ARGS, NULL));
    GOOD(db_run(s->db, SQL("DELETE FROM city"), DB_NO_ARGS, NULL));
}

static int64_t found(test_shop_t *s, const search_t *q, tour_t **ret_tours, size_t *ret_n)
{
    int64_t total;
    GOOD(search_tours(s->db, &s->arena, 0, q, ret_tours, ret_n, &total));
    return total;
}

static void check_sorted(test_shop_t *s, search_t q)
{
    tour_t *tours;
    size_t n;
    int64_t last = 0;
    q.sort = 1;
    (void)found(s, &q, &tours, &n);
    for (size_t i = 0; i < n; i++) {
        int64_t price = test_i64(s, SQL("SELECT MIN(adult) FROM departure WHERE tour = ?1"),
                                 DB_ARGS(db_id(&tours[i].id)));
        assert_true(price >= last);
        last = price;
    }
}

static void test_search(void **state)
{
    test_shop_t *s = *state;
    tour_t *tours;
    size_t n;
    date_t today = tokyo_date(TEST_NOW);
    empty(s);
    assert_true(load(s, TEST_NOW) >= 150);
    search_t q = {.page = 1, .now_us = TEST_NOW};
    int64_t all = found(s, &q, &tours, &n);
    assert_true(all >= 12);
    assert_int_equal(n, SHOP_PAGE_ROWS);
    check_sorted(s, q);
    q.page = 2; /* the pages meet without gap */
    (void)found(s, &q, &tours, &n);
    assert_int_equal(n,
                     all - SHOP_PAGE_ROWS < SHOP_PAGE_ROWS ? all - SHOP_PAGE_ROWS : SHOP_PAGE_ROWS);
    q = (search_t){.page = 1, .now_us = TEST_NOW, .city = SLICE("sapporo")};
    int64_t sapporo = found(s, &q, &tours, &n);
    assert_true(sapporo > 0 && sapporo < all);
    q.place = SLICE("okinawa");
    assert_true(found(s, &q, &tours, &n) <= sapporo);
    q = (search_t){.page = 1, .now_us = TEST_NOW, .max_yen = 15000};
    int64_t cheap = found(s, &q, &tours, &n);
    assert_true(cheap > 0 && cheap < all);
    q = (search_t){.page = 1, .now_us = TEST_NOW};
    GOOD(search_words(&s->arena, SLICE("流氷"), q.words));
    assert_int_equal(found(s, &q, &tours, &n), 1);
    GOOD(search_words(&s->arena, SLICE("100%_'; DROP TABLE tour --"), q.words));
    assert_int_equal(found(s, &q, &tours, &n), 0);
    q = (search_t){.page = 1, .now_us = TEST_NOW, .from = today + 2000};
    assert_int_equal(found(s, &q, &tours, &n), 0);
}

static void test_tour(void **state)
{
    test_shop_t *s = *state;
    tour_t t, same;
    tour_text_t *texts;
    departure_t *rows, one;
    size_t n;
    catalogue_choice_t *choices;
    date_t today = tokyo_date(TEST_NOW);
    empty(s);
    (void)load(s, TEST_NOW);
    GOOD(catalogue_tour(s->db, &s->arena, 1, SLICE("okhotsk-drift-ice"), &t));
    GOOD(catalogue_tour_by_id(s->db, &s->arena, 0, t.id, &same));
    assert_false(slice_eq(t.title, same.title)); /* two languages */
    BAD(NOT_FOUND, catalogue_tour(s->db, &s->arena, 0, SLICE("none"), &t));
    GOOD(catalogue_texts(s->db, &s->arena, 0, t.id, SLICE("day"), &texts, &n));
    assert_int_equal(n, t.days);
    GOOD(catalogue_departures(s->db, &s->arena, 0, t.id, today, NULL, &rows, &n));
    assert_true(n > 0);
    GOOD(catalogue_departure(s->db, &s->arena, 0, rows[0].id, &one));
    assert_int_equal(one.day, rows[0].day);
    search_t narrow = {.city = SLICE("tokyo"), .max_yen = 1};
    GOOD(catalogue_departures(s->db, &s->arena, 0, t.id, today, &narrow, &rows, &n));
    assert_int_equal(n, 0);
    tour_t *featured;
    GOOD(catalogue_featured(s->db, &s->arena, 0, today, &featured, &n));
    assert_true(n >= 1 && n <= 6);
    GOOD(catalogue_places(s->db, &s->arena, 0, &choices, &n));
    assert_true(n >= 2);
    GOOD(catalogue_cities(s->db, &s->arena, 0, &choices, &n));
    assert_int_equal(n, 2);
}

/* Every status that customers can read stands somewhere in the demo. */
static void test_statuses(void **state)
{
    test_shop_t *s = *state;
    tour_t *tours;
    size_t n;
    int64_t seen[STATUS_STOPPED + 1] = {0};
    empty(s);
    (void)load(s, TEST_NOW);
    for (int64_t page = 1; page < 5; page++) {
        search_t q = {.page = page, .now_us = TEST_NOW};
        (void)found(s, &q, &tours, &n);
        for (size_t i = 0; i < n; i++) {
            departure_t *rows;
            size_t rows_n;
            GOOD(catalogue_departures(s->db, &s->arena, 0, tours[i].id, tokyo_date(TEST_NOW), NULL,
                                      &rows, &rows_n));
            for (size_t k = 0; k < rows_n; k++) {
                seen[status_of(&rows[k].seats, TEST_NOW)]++;
            }
        }
    }
    for (int status = STATUS_OPEN; status <= STATUS_STOPPED; status++) {
        if (seen[status] == 0) {
            fail_msg("no departure is %s", status_code((status_t)status));
        }
    }
}

static void test_texts(void **state)
{
    test_shop_t *s = *state;
    document_t doc;
    const struct tpl_notice_item *items;
    size_t n;
    empty(s);
    (void)load(s, TEST_NOW);
    for (int64_t lang = 0; lang < 2; lang++) {
        GOOD(document_current(s->db, &s->arena, SLICE("conditions"), lang, &doc));
        assert_true(doc.text.len > 500);
    }
    GOOD(db_run(s->db, SQL("UPDATE document SET text = text || '!' WHERE kind = 'conditions'"),
                DB_NO_ARGS, NULL));
    BAD(CORRUPT, document_current(s->db, &s->arena, SLICE("conditions"), 0, &doc));
    BAD(NOT_FOUND, document_current(s->db, &s->arena, SLICE("none"), 0, &doc));
    GOOD(notice_list(s->db, &s->arena, I18N_JA, 100, &items, &n));
    assert_true(n >= 2);
    struct tpl_notice_args p = {0};
    GOOD(notice_one(s->db, &s->arena, I18N_EN, SLICE("payment-page"), &p));
    assert_true(p.paras_count > 0 && p.revisions_count > 0);
    BAD(NOT_FOUND, notice_one(s->db, &s->arena, I18N_EN, SLICE("none"), &p));
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_tour),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_texts),
    };
    return test_both("catalogue", cases, BASE_COUNT(cases));
}
