/* Rows of sample data for the preview, made from the demo catalogue (development only). The state
 * is the program's own: one language at a time. */
#ifndef SHOP_PREVIEW_H
#define SHOP_PREVIEW_H

#include <jansson.h>

#include "base/arena.h"
#include "pages.h"

enum { PREVIEW_MAX = 32 };

extern json_t *preview_cat;
extern arena_t preview_arena;
extern i18n_lang_t preview_lang;
extern int64_t preview_today, preview_now_us;

slice_t preview_str(const json_t *obj, const char *key);
int64_t preview_num(const json_t *obj, const char *key);
slice_t preview_msg(shop_msg_t m);
size_t preview_paras(const json_t *list, struct tpl_para *ret);
const json_t *preview_in_lang(const json_t *obj, const char *key);
struct tpl_agency preview_agency_of(void);
struct tpl_office preview_office_of(size_t i);
struct tpl_page preview_page_of(slice_t nav, const char *file);
struct tpl_tour_card preview_card_of(const json_t *t, size_t i);
size_t preview_departures_of(const json_t *t, struct tpl_departure *ret);
size_t preview_fees_of(struct tpl_fee *ret, int64_t day);
const json_t *preview_tour_at(size_t i);
struct tpl_booking preview_booking_of(size_t i, shop_msg_t state, const char *code);
struct tpl_document preview_document_of(size_t i, struct tpl_section *sections);
size_t preview_notices_of(struct tpl_notice_item *ret);
size_t preview_options_of(const char *list, struct tpl_option *ret);
size_t preview_rooms_of(const json_t *series, struct tpl_room *ret);
size_t preview_numbers_of(struct tpl_option *ret, int64_t from, int64_t to);
struct tpl_person preview_person_of(void);
size_t preview_travellers_of(struct tpl_traveller *ret);

#endif
