/* Notices to customers, with the days on which they were revised. */
#ifndef SHOP_NOTICE_H
#define SHOP_NOTICE_H

#include "db/db.h"
#include "pages.h"

/* Newest (by last revision) first. */
err_t notice_list(db_t *db, arena_t *a, i18n_lang_t lang, int64_t max,
                  const struct tpl_notice_item **ret_rows, size_t *ret_n);
/* NOT_FOUND. Fills n, paras and revisions. */
err_t notice_one(db_t *db, arena_t *a, i18n_lang_t lang, slice_t id, struct tpl_notice_args *p);

#endif
