/* Tours and their departures, as read for one language. Public data only. */
#ifndef SHOP_CATALOGUE_H
#define SHOP_CATALOGUE_H

#include "db/db.h"
#include "status.h"
#include "text/time.h"

typedef struct tour {
    id128_t id;
    slice_t slug, place, place_name, picture, title, lead, alt;
    slice_t includes, excludes, hotel, guide;
    int64_t days, nights;
} tour_t;

typedef struct departure {
    id128_t id, tour;
    slice_t city, city_name, office, meeting;
    date_t day;
    int64_t adult, child;
    int64_t decide_us; /* when it is decided whether it runs; 0: by hand */
    seats_t seats;
} departure_t;

typedef struct tour_text {
    slice_t text, meals; /* meals "B/L/D" with '-' for none; days of the itinerary only */
    int64_t n;
} tour_text_t;

/* A code and its name: places, departure cities. */
typedef struct catalogue_choice {
    slice_t code, name;
} catalogue_choice_t;

/* What search() narrows by; an empty slice or a zero = any. */
typedef struct search {
    slice_t place, city;
    slice_t words[3]; /* folded (search_words) */
    date_t from, to;
    int64_t max_yen;
    int64_t sort; /* 0 date, 1 price, 2 price falling, 3 days */
    int64_t page; /* from 1 */
    int64_t now_us;
} search_t;

/* NOT_FOUND. */
err_t catalogue_tour(db_t *db, arena_t *a, int64_t lang, slice_t slug, tour_t *ret_tour);
err_t catalogue_tour_by_id(db_t *db, arena_t *a, int64_t lang, id128_t id, tour_t *ret_tour);
err_t catalogue_texts(db_t *db, arena_t *a, int64_t lang, id128_t tour, slice_t kind,
                      tour_text_t **ret_texts, size_t *ret_n);
err_t catalogue_departure(db_t *db, arena_t *a, int64_t lang, id128_t id,
                          departure_t *ret_departure);
/* All of a tour that lie ahead and fit `narrow` (its city, days and price; NULL = all), by day. */
err_t catalogue_departures(db_t *db, arena_t *a, int64_t lang, id128_t tour, date_t today,
                           const search_t *narrow, departure_t **ret_rows, size_t *ret_n);
err_t catalogue_featured(db_t *db, arena_t *a, int64_t lang, date_t today, tour_t **ret_tours,
                         size_t *ret_n);
err_t catalogue_places(db_t *db, arena_t *a, int64_t lang, catalogue_choice_t **ret_rows,
                       size_t *ret_n);
err_t catalogue_cities(db_t *db, arena_t *a, int64_t lang, catalogue_choice_t **ret_rows,
                       size_t *ret_n);

/* Up to three words of what a visitor typed, folded as tour.search is. ENCODING. */
err_t search_words(arena_t *a, slice_t typed, slice_t ret_words[3]);
/* One page (SHOP_PAGE_ROWS) of tours that have a departure that fits, and how many there are. */
err_t search_tours(db_t *db, arena_t *a, int64_t lang, const search_t *s, tour_t **ret_tours,
                   size_t *ret_n, int64_t *ret_total);

#endif
