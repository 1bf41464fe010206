/* The agency file. */
#include "agency.h"
#include "jsonconf.h"

/* Members of record agency that are texts, and days. */
#define AGENCY_TEXTS(X)                                                                            \
    X(name)                                                                                        \
    X(tagline)                                                                                     \
    X(logo)                                                                                        \
    X(company)                                                                                     \
    X(representative)                                                                              \
    X(postal) X(address) X(phone) X(registrar) X(reg_class) X(reg_no) X(invoice_no) X(association) X(guarantee)  \
        X(consigners) X(privacy_officer) X(founded)
#define AGENCY_DAYS(X) X(reg_day) X(reg_from) X(reg_until)
#define OFFICE_TEXTS(X)                                                                            \
    X(code)                                                                                        \
    X(name) X(postal) X(address) X(phone) X(email) X(closed) X(languages) X(access) X(manager)

static err_t load_facts(arena_t *a, const json_t *obj, struct tpl_agency page[I18N_LANGS],
                        slice_t *ret_fault)
{
    slice_t two[2];
    date_t day;
#define LOAD_TEXT(member)                                                                          \
    *ret_fault = SLICE("agency." #member);                                                         \
    TRY(jsonconf_two(a, obj, #member, two));                                                       \
    page[0].member = two[0];                                                                       \
    page[1].member = two[1];
    AGENCY_TEXTS(LOAD_TEXT)
#undef LOAD_TEXT
#define LOAD_DAY(member)                                                                           \
    *ret_fault = SLICE("agency." #member);                                                         \
    TRY(jsonconf_text(a, obj, #member, &two[0]));                                                  \
    TRY(date_parse(two[0], &day));                                                                 \
    page[0].member = page[1].member = day;
    AGENCY_DAYS(LOAD_DAY)
#undef LOAD_DAY
    return OK;
}

static err_t load_span(arena_t *a, const json_t *row, office_hours_t *hours)
{
    slice_t from, to;
    int64_t from_min, to_min;
    const json_t *days = json_object_get(row, "days");
    TRY(jsonconf_text(a, row, "from", &from));
    TRY(jsonconf_text(a, row, "to", &to));
    TRY(office_minute_parse(from, &from_min));
    TRY(office_minute_parse(to, &to_min));
    for (size_t i = 0; i < json_array_size(days); i++) {
        int64_t iso = (int64_t)json_integer_value(json_array_get(days, i)); /* 1 Mon .. 7 Sun */
        ENSURE(iso >= 1 && iso <= 7, ERR_RANGE);
        TRY(office_hours_add(hours, (unsigned)(iso % 7), from_min, to_min));
    }
    return OK;
}

/* "closed_yearly": [["12-30", "01-03"], ..], "closed_on_holidays": true */
static err_t load_yearly(const json_t *obj, office_hours_t *hours)
{
    const json_t *rows = json_object_get(obj, "closed_yearly");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        TRY(office_hours_yearly(hours, slice_cstr_in(json_string_value(json_array_get(row, 0))),
                                slice_cstr_in(json_string_value(json_array_get(row, 1)))));
    }
    hours->holidays_closed = json_is_true(json_object_get(obj, "closed_on_holidays"));
    return OK;
}

static err_t load_hours(arena_t *a, const json_t *obj, office_hours_t *hours)
{
    const json_t *rows = json_object_get(obj, "hours"),
                 *closed = json_object_get(obj, "closed_days");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        TRY(load_span(a, json_array_get(rows, i), hours));
    }
    for (size_t i = 0; i < json_array_size(closed); i++) {
        const char *text = json_string_value(json_array_get(closed, i));
        ENSURE(hours->n_closed < OFFICE_CLOSED_DAYS, ERR_LIMIT);
        TRY(date_parse(slice_cstr_in(text), &hours->closed[hours->n_closed++]));
    }
    return load_yearly(obj, hours);
}

static unsigned days_mask(const json_t *row)
{
    unsigned mask = 0;
    const json_t *days = json_object_get(row, "days");
    for (size_t i = 0; i < json_array_size(days); i++) {
        mask |= 1U << json_integer_value(json_array_get(days, i));
    }
    return mask;
}

enum { MASK_WEEKDAYS = 0x3e, MASK_DAILY = 0xfe, MASK_SATURDAY = 0x40, MASK_SUNDAY = 0x80 };

static err_t days_text(arena_t *a, i18n_lang_t lang, unsigned mask, slice_t *ret_text)
{
    static const char *const NAMES[I18N_LANGS][8] = {
        {"", "月", "火", "水", "木", "金", "土", "日"},
        {"", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}};
    shop_msg_t whole = mask == MASK_WEEKDAYS   ? SHOP_MSG_DAYS_WEEKDAYS
                       : mask == MASK_DAILY    ? SHOP_MSG_DAYS_DAILY
                       : mask == MASK_SATURDAY ? SHOP_MSG_DAYS_SATURDAY
                       : mask == MASK_SUNDAY   ? SHOP_MSG_DAYS_SUNDAY
                                               : SHOP_MSG_NONE;
    if (whole != SHOP_MSG_NONE) {
        *ret_text = i18n_text(&shop_catalog, lang, whole);
        return OK;
    }
    uint8_t list_mem[64];
    buf_t list = BUF_ON_ARRAY(list_mem), out;
    for (unsigned d = 1; d <= 7; d++) {
        if (mask & (1U << d)) {
            buf_cstr(&list, list.len == 0 ? "" : lang == I18N_JA ? "・" : ", ");
            buf_cstr(&list, NAMES[lang][d]);
        }
    }
    TRY(arena_buf(a, 128, &out));
    shop_msg_days_list(&out, lang, buf_slice(&list));
    TRY(buf_check(&out));
    *ret_text = buf_slice(&out);
    return OK;
}

static err_t times_text(arena_t *a, const json_t *rows, unsigned mask, slice_t *ret_text)
{
    buf_t out;
    TRY(arena_buf(a, 128, &out));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (days_mask(row) == mask) {
            buf_cstr(&out, out.len ? " / " : "");
            buf_cstr(&out, json_string_value(json_object_get(row, "from")));
            buf_cstr(&out, "–");
            buf_cstr(&out, json_string_value(json_object_get(row, "to")));
        }
    }
    TRY(buf_check(&out));
    *ret_text = buf_slice(&out);
    return OK;
}

/* One line for each set of days, in the order of the file. */
static err_t hours_lines(arena_t *a, const json_t *rows, i18n_lang_t lang, struct tpl_office *page)
{
    struct tpl_hours *lines = ARENA_ARRAY(a, struct tpl_hours, json_array_size(rows) + 1);
    ENSURE(lines, ERR_MEMORY);
    unsigned seen[16];
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(rows) && n < BASE_COUNT(seen); i++) {
        unsigned mask = days_mask(json_array_get(rows, i));
        bool again = false;
        for (size_t k = 0; k < n; k++) {
            again = again || seen[k] == mask;
        }
        if (!again) {
            TRY(days_text(a, lang, mask, &lines[n].days));
            TRY(times_text(a, rows, mask, &lines[n].times));
            seen[n++] = mask;
        }
    }
    page->hours = lines;
    page->hours_count = n;
    return OK;
}

static err_t links(arena_t *a, struct tpl_office *page)
{
    TRY(arena_printf(a, &page->email_href, "mailto:%.*s", SLICE_FMT(page->email)));
    buf_t tel;
    TRY(arena_buf(a, 40, &tel));
    buf_cstr(&tel, "tel:");
    for (size_t i = 0; i < page->phone.len && i < 20; i++) {
        if ((page->phone.ptr[i] >= '0' && page->phone.ptr[i] <= '9') || page->phone.ptr[i] == '+') {
            buf_u8(&tel, page->phone.ptr[i]);
        }
    }
    page->phone_href = buf_slice(&tel);
    return OK;
}

static err_t load_office(arena_t *a, const json_t *obj, office_t *o, slice_t *ret_fault)
{
    slice_t two[2];
#define LOAD_TEXT(member)                                                                          \
    *ret_fault = SLICE("offices[]." #member);                                                      \
    TRY(jsonconf_two(a, obj, #member, two));                                                       \
    o->page[0].member = two[0];                                                                    \
    o->page[1].member = two[1];
    OFFICE_TEXTS(LOAD_TEXT)
#undef LOAD_TEXT
    *ret_fault = SLICE("offices[].hours");
    o->code = o->page[0].code;
    TRY(load_hours(a, obj, &o->hours));
    for (int lang = I18N_JA; lang < I18N_LANGS; lang++) {
        TRY(hours_lines(a, json_object_get(obj, "hours"), (i18n_lang_t)lang, &o->page[lang]));
        TRY(links(a, &o->page[lang]));
    }
    return OK;
}

err_t agency_load(arena_t *a, path_t file, agency_t *ret_agency, slice_t *ret_fault)
{
    JSONCONF_SCOPED json_t *doc = NULL;
    *ret_fault = SLICE("file");
    TRY(jsonconf_load(a, file, AGENCY_FILE_BYTES, &doc, ret_fault));
    TRY(load_facts(a, json_object_get(doc, "agency"), ret_agency->page, ret_fault));
    const json_t *rows = json_object_get(doc, "offices");
    *ret_fault = SLICE("offices");
    ENSURE(json_array_size(rows) >= 1 && json_array_size(rows) <= AGENCY_OFFICES, ERR_SYNTAX);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        TRY(load_office(a, json_array_get(rows, i), &ret_agency->offices[i], ret_fault));
    }
    ret_agency->n_offices = json_array_size(rows);
    return OK;
}

const office_t *agency_office(const agency_t *agency, slice_t code)
{
    for (size_t i = 0; i < agency->n_offices; i++) {
        if (slice_eq(agency->offices[i].code, code)) {
            return &agency->offices[i];
        }
    }
    return &agency->offices[0];
}

err_t agency_office_page(arena_t *a, const office_t *office, i18n_lang_t lang, int64_t now_us,
                         struct tpl_office *ret_page)
{
    uint8_t time_mem[16];
    buf_t time = BUF_ON_ARRAY(time_mem), next;
    office_now_t now = office_hours_at(&office->hours, now_us);
    *ret_page = office->page[lang];
    ret_page->open = now.open;
    if (!now.known) {
        return OK;
    }
    TRY(arena_buf(a, 160, &next));
    tmpl_put_time(&time, lang, now.change_us);
    if (now.open) {
        shop_msg_office_open_until(&next, lang, buf_slice(&time));
    } else {
        shop_msg_office_opens_at(&next, lang, tokyo_date(now.change_us), buf_slice(&time));
    }
    TRY(buf_check(&next));
    ret_page->next = buf_slice(&next);
    return OK;
}

err_t agency_offices_page(arena_t *a, const agency_t *agency, i18n_lang_t lang, int64_t now_us,
                          const struct tpl_office **ret_pages)
{
    struct tpl_office *pages = ARENA_ARRAY(a, struct tpl_office, agency->n_offices);
    ENSURE(pages, ERR_MEMORY);
    for (size_t i = 0; i < agency->n_offices; i++) {
        TRY(agency_office_page(a, &agency->offices[i], lang, now_us, &pages[i]));
    }
    *ret_pages = pages;
    return OK;
}
