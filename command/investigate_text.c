/* Answers as text. Records are not to be trusted with a terminal: what is not graphic ASCII is cut.
 */
#include "investigate.h"

#include "io/room.h"
#include "ledger/api.h"
#include "text/time.h"

enum { LINE = 1024, PATHS_MAX = 4096, HOURS_MAX = 100000, FACT = 1100 };

slice_t investigate_fact(const query_record_t *r, const char *key, uint8_t *mem, size_t cap)
{
    buf_t b = buf_on(mem, cap);
    return r && query_fact(r, key, &b) ? buf_slice(&b) : SLICE_EMPTY;
}

void investigate_time(int64_t us, char out[40])
{
    buf_t b = buf_on(out, 39);
    if (us == INT64_MIN || us == INT64_MAX) {
        buf_cstr(&b, "-");
    } else {
        time_put_rfc3339_tokyo(&b, us);
    }
    out[b.len] = 0;
}

const char *investigate_type(unsigned type)
{
    return ledger_type_name(type);
}

const char *investigate_room(unsigned room)
{
    return room_name((room_id_t)room);
}

void investigate_path(const leak_event_t *e, buf_t *out)
{
    uint8_t mem[FACT];
    if (e->http) {
        buf_put(out, investigate_fact(e->http, "m", mem, sizeof mem));
        buf_u8(out, ' ');
        buf_put(out, investigate_fact(e->http, "p", mem, sizeof mem));
    } else if (id_is_zero(e->intent->request)) {
        buf_u8(out, '(');
        buf_put(out, investigate_fact(e->intent, "purpose", mem, sizeof mem));
        buf_u8(out, ')');
    } else {
        buf_cstr(out, "(unknown)");
    }
}

static void put_safe(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        fputc(c == '&' ? ' ' : c >= 0x20 && c < 0x7f ? c : '?', stdout);
    }
}

static void say_line(const investigation_t *v, buf_t *b)
{
    house_print(buf_slice(b));
    fputc('\n', stdout);
    (void)v;
}

#define SAY(v, call, ...)                                                                          \
    do {                                                                                           \
        uint8_t say_mem_[LINE];                                                                    \
        buf_t say_b_ = BUF_ON_ARRAY(say_mem_);                                                     \
        call(&say_b_, (v)->h->lang, __VA_ARGS__);                                                  \
        say_line((v), &say_b_);                                                                    \
    } while (0)

static void put_id(id128_t id)
{
    char text[ID_TEXT + 1] = "-";
    if (!id_is_zero(id)) {
        id_encode(id, text);
        text[ID_TEXT] = 0;
    }
    printf("%-32s", text);
}

/* ---- what it rests on, and where it ends ---- */

void investigate_print_rests(investigation_t *v)
{
    query_scope_t s = query_scope(v->q);
    char root[65], first[40], last[40];
    buf_t b = buf_on(root, 64);
    buf_hex(&b, slice_make(s.root, sizeof s.root));
    root[b.len] = 0;
    investigate_time(s.first_us, first);
    investigate_time(s.last_us, last);
    fputc('\n', stdout);
    SAY(v, command_msg_ask_rests, (int64_t)s.size, slice_cstr_in(first), slice_cstr_in(last));
    SAY(v, command_msg_ask_root, slice_cstr_in(root), slice_cstr_in(s.key));
    SAY(v, command_msg_ask_segments, (int64_t)s.segments, (int64_t)s.tail);
    if (s.rebuilt) {
        SAY(v, command_msg_ask_rebuilt, (int64_t)s.rebuilt);
    }
    house_say(v->h, s.key_given ? COMMAND_MSG_ASK_KEY_GIVEN : COMMAND_MSG_ASK_KEY_OWN);
}

static command_msg_t boundary_msg(boundary_kind_t kind)
{
    static const command_msg_t MSGS[] = {
        [BOUNDARY_GAP] = COMMAND_MSG_BOUNDARY_GAP,
        [BOUNDARY_DIED] = COMMAND_MSG_BOUNDARY_DIED,
        [BOUNDARY_DOWN] = COMMAND_MSG_BOUNDARY_DOWN,
        [BOUNDARY_CLOCK] = COMMAND_MSG_BOUNDARY_CLOCK,
        [BOUNDARY_BEFORE] = COMMAND_MSG_BOUNDARY_BEFORE,
        [BOUNDARY_AFTER] = COMMAND_MSG_BOUNDARY_AFTER,
        [BOUNDARY_PRUNED] = COMMAND_MSG_BOUNDARY_PRUNED,
        [BOUNDARY_EXPOSURE] = COMMAND_MSG_BOUNDARY_EXPOSURE,
    };
    return MSGS[kind];
}

static const char *boundary_host(const boundary_t *row)
{
    return row->kind == BOUNDARY_EXPOSURE ? leak_host_name(row->host)
           : row->room                    ? investigate_room(row->room)
                                          : "host";
}

void investigate_print_boundary(investigation_t *v, const boundary_t *rows, size_t n,
                                size_t customers)
{
    house_say(v->h, n ? COMMAND_MSG_BOUNDARY_TITLE : COMMAND_MSG_BOUNDARY_NONE);
    for (size_t i = 0; i < n; i++) {
        char from[40], to[40];
        investigate_time(rows[i].from_us, from);
        investigate_time(rows[i].to_us, to);
        printf("  %s .. %s  %-7s ", from, to, boundary_host(&rows[i]));
        house_print(i18n_text(&command_catalog, v->h->lang, boundary_msg(rows[i].kind)));
        if (rows[i].count) {
            printf(" (%llu)", (unsigned long long)rows[i].count);
        }
        fputc('\n', stdout);
    }
    if (n) {
        SAY(v, command_msg_boundary_inside, (int64_t)customers);
    }
}

/* ---- leak ---- */

static command_msg_t why_msg(leak_why_t why)
{
    static const command_msg_t MSGS[] = {
        [LEAK_DELIVERED] = COMMAND_MSG_WHY_DELIVERED,
        [LEAK_NO_OUTCOME] = COMMAND_MSG_WHY_NO_OUTCOME,
        [LEAK_NOT_DELIVERED] = COMMAND_MSG_WHY_NOT_DELIVERED,
        [LEAK_ANSWER_UNKNOWN] = COMMAND_MSG_WHY_ANSWER_UNKNOWN,
        [LEAK_ANSWER_ERROR] = COMMAND_MSG_WHY_ANSWER_ERROR,
        [LEAK_SAME_REQUEST] = COMMAND_MSG_WHY_SAME_REQUEST,
        [LEAK_SAME_OBJECT] = COMMAND_MSG_WHY_SAME_OBJECT,
        [LEAK_HOST] = COMMAND_MSG_WHY_HOST,
        [LEAK_WAS_REFUSED] = COMMAND_MSG_WHY_REFUSED,
        [LEAK_TO_HOST] = COMMAND_MSG_WHY_TO_HOST,
    };
    return MSGS[why];
}

static void print_subjects(investigation_t *v, const leak_t *leak, leak_class_t class_)
{
    for (size_t i = 0; i < leak->subject_count; i++) {
        const leak_subject_t *s = &leak->subjects[i];
        char first[40], last[40];
        if (s->class_ != class_) {
            continue;
        }
        investigate_time(s->first_us, first);
        investigate_time(s->last_us, last);
        fputs("  ", stdout);
        put_id(s->subject);
        printf("  %5zu  %s .. %s  ", s->events, first, last);
        house_print(i18n_text(&command_catalog, v->h->lang, why_msg(s->why)));
        fputc('\n', stdout);
    }
}

typedef struct path_row {
    char text[160];
    size_t reveals, certain;
} path_row_t;

static int by_reveals(const void *a, const void *b)
{
    const path_row_t *x = a, *y = b;
    return (x->reveals < y->reveals) - (x->reveals > y->reveals);
}

static void print_paths(const leak_t *leak)
{
    path_row_t *rows = calloc(PATHS_MAX, sizeof *rows);
    size_t n = 0;
    CHECK(rows);
    for (size_t i = 0; i < leak->event_count; i++) {
        uint8_t mem[160];
        buf_t b = buf_on(mem, sizeof mem - 1);
        size_t k = 0;
        investigate_path(&leak->events[i], &b);
        mem[b.len] = 0;
        while (k < n && strcmp(rows[k].text, (const char *)mem) != 0) {
            k++;
        }
        if (k == PATHS_MAX) {
            continue;
        }
        memcpy(rows[k].text, mem, b.len + 1);
        rows[k].reveals++;
        rows[k].certain += leak->events[i].class_ == LEAK_CERTAIN;
        n += k == n;
    }
    if (n) {
        qsort(rows, n, sizeof *rows, by_reveals);
    }
    for (size_t i = 0; i < n; i++) {
        printf("  %7zu / %-7zu ", rows[i].certain, rows[i].reveals);
        put_safe(slice_cstr_in(rows[i].text));
        fputc('\n', stdout);
    }
    free(rows);
}

static void print_hours(const leak_t *leak)
{
    const int64_t hour = INT64_C(3600) * 1000000;
    for (size_t i = 0, end; i < leak->event_count; i = end) {
        int64_t at = leak->events[i].intent->time_us / hour;
        size_t certain = 0;
        char text[40];
        for (end = i; end < leak->event_count && leak->events[end].intent->time_us / hour == at;
             end++) {
            certain += leak->events[end].class_ == LEAK_CERTAIN;
        }
        investigate_time(at * hour, text);
        printf("  %7zu / %-7zu %s\n", certain, end - i, text);
    }
}

static void print_answer(investigation_t *v, const leak_t *leak)
{
    size_t affected = leak->count[LEAK_CERTAIN] + leak->count[LEAK_POSSIBLE];
    fputc('\n', stdout);
    if (leak->all) {
        SAY(v, command_msg_leak_all, (int64_t)leak->known_subjects, (int64_t)leak->known_bookings);
    } else if (affected) {
        SAY(v, command_msg_leak_answer, (int64_t)leak->count[LEAK_CERTAIN],
            (int64_t)leak->count[LEAK_POSSIBLE]);
    } else {
        house_say(v->h,
                  leak->boundary_count ? COMMAND_MSG_LEAK_NONE_OUTSIDE : COMMAND_MSG_LEAK_NONE);
    }
}

void investigate_print_leak(investigation_t *v, const leak_t *leak)
{
    char from[40], to[40];
    investigate_time(v->ask.from_us, from);
    investigate_time(v->ask.to_us, to);
    SAY(v, command_msg_leak_title, slice_cstr_in(from), slice_cstr_in(to));
    SAY(v, command_msg_leak_certain, (int64_t)leak->count[LEAK_CERTAIN]);
    print_subjects(v, leak, LEAK_CERTAIN);
    SAY(v, command_msg_leak_possible, (int64_t)leak->count[LEAK_POSSIBLE]);
    print_subjects(v, leak, LEAK_POSSIBLE);
    SAY(v, command_msg_leak_inferable, (int64_t)leak->count[LEAK_INFERABLE]);
    print_subjects(v, leak, LEAK_INFERABLE);
    if (leak->cut) {
        house_say(v->h, COMMAND_MSG_LEAK_CUT);
    }
    if (leak->event_count) {
        house_say(v->h, COMMAND_MSG_LEAK_BY_PATH);
        print_paths(leak);
        house_say(v->h, COMMAND_MSG_LEAK_BY_TIME);
        print_hours(leak);
    }
    investigate_print_rests(v);
    investigate_print_boundary(v, leak->boundary, leak->boundary_count, leak->known_subjects);
    print_answer(v, leak);
}

/* ---- who-saw ---- */

static void print_event(investigation_t *v, const leak_event_t *e)
{
    uint8_t mem[FACT], path_mem[256];
    char when[40];
    buf_t path = BUF_ON_ARRAY(path_mem);
    investigate_time(e->intent->time_us, when);
    printf("%s  %-9s ", when, leak_class_name(e->class_));
    put_id(e->intent->actor);
    putchar(' ');
    put_id(e->http ? e->http->address : id_zero());
    putchar(' ');
    investigate_path(e, &path);
    put_safe(buf_slice(&path));
    fputs("  ", stdout);
    put_safe(investigate_fact(e->intent, "purpose", mem, sizeof mem));
    fputs("  ", stdout);
    put_safe(investigate_fact(e->intent, "fields", mem, sizeof mem));
    fputs("  ", stdout);
    house_print(i18n_text(&command_catalog, v->h->lang, why_msg(e->why)));
    fputc('\n', stdout);
}

void investigate_print_events(investigation_t *v, const leak_t *leak)
{
    char subject[ID_TEXT + 1];
    id_encode(v->ask.subject, subject);
    subject[ID_TEXT] = 0;
    SAY(v, command_msg_who_saw_title, slice_cstr_in(subject), (int64_t)leak->event_count);
    for (size_t i = 0; i < leak->event_count; i++) {
        print_event(v, &leak->events[i]);
    }
    investigate_print_rests(v);
    investigate_print_boundary(v, leak->boundary, leak->boundary_count, leak->known_subjects);
}

/* ---- records ---- */

void investigate_print_records(investigation_t *v, const query_record_t **list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char when[40];
        investigate_time(list[i]->time_us, when);
        printf("%8llu  %s  %-7s %-18s ", (unsigned long long)list[i]->seq, when,
               investigate_room(list[i]->room), investigate_type(list[i]->type));
        put_id(list[i]->request);
        fputs("  ", stdout);
        put_safe(list[i]->facts);
        fputc('\n', stdout);
    }
    if (!n) {
        house_say(v->h, COMMAND_MSG_ASK_NOTHING);
    }
}
