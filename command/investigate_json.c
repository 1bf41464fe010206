/* Answers as JSON: the same words in every language. */
#include "investigate.h"

static json_t *id_json(id128_t id)
{
    char text[ID_TEXT];
    if (id_is_zero(id)) {
        return json_null();
    }
    id_encode(id, text);
    return json_stringn(text, sizeof text);
}

static json_t *time_json(int64_t us)
{
    char text[40];
    investigate_time(us, text);
    return us == INT64_MIN || us == INT64_MAX ? json_null() : json_string(text);
}

/* Facts and paths are ASCII by contract; a hostile room could send other bytes. */
static json_t *text_json(slice_t s)
{
    json_t *text = json_stringn((const char *)s.ptr, s.len);
    return text ? text : json_string("?");
}

static json_t *question_json(const investigation_t *v)
{
    const leak_ask_t *a = &v->ask;
    json_t *exposures = json_array();
    for (size_t i = 0; i < a->exposure_count; i++) {
        json_array_append_new(exposures, json_pack("{s:s, s:o, s:o}", "host",
                                                   leak_host_name(a->exposures[i].host), "from",
                                                   time_json(a->exposures[i].from_us), "to",
                                                   time_json(a->exposures[i].to_us)));
    }
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:I, s:o}", "verb", v->verb, "from",
                     time_json(a->from_us), "to", time_json(a->to_us), "request",
                     id_json(a->request), "subject", id_json(a->subject), "actor",
                     id_json(a->actor), "address", id_json(a->address), "session", a->session,
                     "process", (json_int_t)a->process, "compromised", exposures);
}

static json_t *rests_json(const investigation_t *v)
{
    query_scope_t s = query_scope(v->q);
    char root[65];
    buf_t b = buf_on(root, 64);
    buf_hex(&b, slice_make(s.root, sizeof s.root));
    root[b.len] = 0;
    return json_pack("{s:I, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:o, s:o}", "records",
                     (json_int_t)s.size, "root", root, "key", s.key, "key_given", (int)s.key_given,
                     "indexed_segments", (json_int_t)s.segments, "scanned", (json_int_t)s.tail,
                     "removed_below", (json_int_t)s.first, "rebuilt_indexes", (json_int_t)s.rebuilt,
                     "first", time_json(s.first_us), "last", time_json(s.last_us));
}

static json_t *boundary_json(const boundary_t *rows, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const boundary_t *r = &rows[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:o, s:o, s:I, s:I, s:s}", "kind",
                                        boundary_kind_name(r->kind), "host",
                                        r->kind == BOUNDARY_EXPOSURE ? leak_host_name(r->host)
                                        : r->room                    ? investigate_room(r->room)
                                                                     : "host",
                                        "from", time_json(r->from_us), "to", time_json(r->to_us),
                                        "count", (json_int_t)r->count, "record", (json_int_t)r->seq,
                                        "inside", "all customers whose data that host could open"));
    }
    return list;
}

static json_t *subjects_json(const leak_t *leak, leak_class_t class_)
{
    json_t *list = json_array();
    for (size_t i = 0; i < leak->subject_count; i++) {
        const leak_subject_t *s = &leak->subjects[i];
        if (s->class_ == class_) {
            json_array_append_new(
                list, json_pack("{s:o, s:s, s:I, s:o, s:o}", "subject", id_json(s->subject), "why",
                                leak_why_name(s->why), "reveals", (json_int_t)s->events, "first",
                                time_json(s->first_us), "last", time_json(s->last_us)));
        }
    }
    return list;
}

static json_t *events_json(const leak_t *leak)
{
    json_t *list = json_array();
    for (size_t i = 0; i < leak->event_count; i++) {
        const leak_event_t *e = &leak->events[i];
        uint8_t mem[1100], purpose_mem[64], process_mem[16], path_mem[256];
        buf_t path = BUF_ON_ARRAY(path_mem);
        investigate_path(e, &path);
        json_array_append_new(
            list,
            json_pack(
                "{s:I, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "record",
                (json_int_t)e->intent->seq, "time", time_json(e->intent->time_us), "class",
                leak_class_name(e->class_), "why", leak_why_name(e->why), "subject",
                id_json(e->intent->subject), "actor", id_json(e->intent->actor), "address",
                e->http ? id_json(e->http->address) : json_null(), "request",
                id_json(e->intent->request), "object", id_json(e->intent->object), "path",
                text_json(buf_slice(&path)), "purpose",
                text_json(investigate_fact(e->intent, "purpose", purpose_mem, sizeof purpose_mem)),
                "process",
                text_json(investigate_fact(e->intent, "process", process_mem, sizeof process_mem)),
                "fields", text_json(investigate_fact(e->intent, "fields", mem, sizeof mem))));
    }
    return list;
}

/* "none" stands only where nothing is outside of what is proved. */
static const char *answer_word(const leak_t *leak)
{
    return leak->all                                                 ? "all"
           : leak->count[LEAK_CERTAIN] || leak->count[LEAK_POSSIBLE] ? "listed"
           : leak->boundary_count                                    ? "none outside the boundary"
                                                                     : "none";
}

json_t *investigate_json_leak(investigation_t *v, const leak_t *leak)
{
    return json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:b, s:o}", "question", question_json(v),
        "answer", answer_word(leak), "certain", subjects_json(leak, LEAK_CERTAIN), "possible",
        subjects_json(leak, LEAK_POSSIBLE), "inferable", subjects_json(leak, LEAK_INFERABLE),
        "reveals", events_json(leak), "boundary",
        boundary_json(leak->boundary, leak->boundary_count), "known_customers",
        (json_int_t)leak->known_subjects, "known_bookings", (json_int_t)leak->known_bookings,
        "inferable_cut", (int)leak->cut, "rests_on", rests_json(v));
}

json_t *investigate_json_records(investigation_t *v, const query_record_t **list, size_t n,
                                 const boundary_t *rows, size_t row_count)
{
    json_t *records = json_array();
    for (size_t i = 0; i < n; i++) {
        const query_record_t *r = list[i];
        json_array_append_new(
            records, json_pack("{s:I, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o}",
                               "seq", (json_int_t)r->seq, "time", time_json(r->time_us), "room",
                               investigate_room(r->room), "type", investigate_type(r->type),
                               "request", id_json(r->request), "object", id_json(r->object),
                               "parent", id_json(r->parent), "subject", id_json(r->subject),
                               "actor", id_json(r->actor), "address", id_json(r->address), "count",
                               (json_int_t)r->count, "facts", text_json(r->facts)));
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "question", question_json(v), "records", records,
                     "boundary", boundary_json(rows, row_count), "rests_on", rests_json(v));
}
