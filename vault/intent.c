#include "intent.h"

enum {
    NAME_BYTES = 2 * VAULT_NAME_MAX + 1,
    NAMES_MAX =
        640, /* bytes of one record's field names; with the other facts below LEDGER_TEXT_MAX */
};

static void facts_begin(buf_t *facts, const intent_t *it)
{
    char id[ID_TEXT];
    id_encode(it->id, id);
    ledger_fact(facts, "reveal", slice_make(id, sizeof id));
    ledger_fact(facts, "room", slice_cstr_in(room_name(it->room)));
    ledger_fact_i64(facts, "process", it->process);
    ledger_fact(facts, "purpose", slice_cstr_in(vault_purpose_name(it->context.purpose)));
}

static ledger_record_t record_of(const intent_t *it, ledger_type_t type)
{
    return (ledger_record_t){.type = type,
                             .request = it->context.request,
                             .object = it->context.object,
                             .actor = it->context.actor};
}

/* The same column was already counted with an earlier item of this person. */
static bool named_before(const intent_t *it, size_t item)
{
    const vault_item_t *one = &it->items.items[item];
    for (size_t i = 0; i < item; i++) {
        const vault_item_t *other = &it->items.items[i];
        if (it->whose[i] == it->whose[item] && slice_eq(one->table, other->table) &&
            slice_eq(one->column, other->column)) {
            return true;
        }
    }
    return false;
}

static uint32_t count_of_name(const intent_t *it, size_t item)
{
    const vault_item_t *one = &it->items.items[item];
    uint32_t count = 0;
    for (size_t i = item; i < it->items.n; i++) {
        const vault_item_t *other = &it->items.items[i];
        count += it->whose[i] == it->whose[item] && slice_eq(one->table, other->table) &&
                 slice_eq(one->column, other->column);
    }
    return count;
}

static err_t put_intent(const intent_t *it, size_t person, buf_t *names, uint32_t count,
                        intent_sink_t sink)
{
    uint8_t mem[LEDGER_TEXT_MAX];
    buf_t facts = BUF_ON_ARRAY(mem);
    facts_begin(&facts, it);
    ledger_fact(&facts, "fields", buf_slice(names));
    TRY(buf_check(&facts));
    ledger_record_t record = record_of(it, LEDGER_REVEAL_INTENT);
    record.subject = it->people[person].pseudonym;
    record.count = count;
    record.facts = buf_slice(&facts);
    buf_reset(names);
    return sink.put(sink.ctx, &record);
}

static err_t records_of_person(const intent_t *it, size_t person, intent_sink_t sink)
{
    uint8_t mem[NAMES_MAX];
    buf_t names = BUF_ON_ARRAY(mem);
    uint32_t count = 0;
    for (size_t i = 0; i < it->items.n; i++) {
        if (it->whose[i] != person || named_before(it, i)) {
            continue;
        }
        if (names.len + NAME_BYTES + 1 > names.cap) {
            TRY(put_intent(it, person, &names, count, sink));
            count = 0;
        }
        if (names.len) {
            buf_u8(&names, ',');
        }
        buf_put(&names, it->items.items[i].table);
        buf_u8(&names, '.');
        buf_put(&names, it->items.items[i].column);
        count += count_of_name(it, i);
    }
    return put_intent(it, person, &names, count, sink);
}

err_t intent_records(const intent_t *it, intent_sink_t sink)
{
    for (size_t person = 0; person < it->people_count; person++) {
        TRY(records_of_person(it, person, sink));
    }
    return OK;
}

err_t intent_outcomes(const intent_t *it, bool delivered, intent_sink_t sink)
{
    for (size_t person = 0; person < it->people_count; person++) {
        uint8_t mem[LEDGER_TEXT_MAX];
        buf_t facts = BUF_ON_ARRAY(mem);
        facts_begin(&facts, it);
        ledger_fact_i64(&facts, "bytes", it->people[person].bytes);
        ledger_fact_i64(&facts, "delivered", delivered);
        ledger_record_t record = record_of(it, LEDGER_REVEAL_OUTCOME);
        record.subject = it->people[person].pseudonym;
        record.count = it->people[person].fields;
        record.facts = buf_slice(&facts);
        TRY(sink.put(sink.ctx, &record));
    }
    return OK;
}

static void budget_facts(buf_t *facts, const intent_t *it)
{
    if (it->budget) {
        ledger_fact(facts, "budget", slice_cstr_in(it->budget));
        ledger_fact_i64(facts, "limit", it->budget_limit);
    }
}

err_t intent_alarm(const intent_t *it, intent_sink_t sink)
{
    uint8_t mem[LEDGER_TEXT_MAX];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact(&facts, "what", it->honey ? SLICE("vault_honey") : SLICE("vault_budget"));
    facts_begin(&facts, it);
    budget_facts(&facts, it);
    ledger_record_t record = record_of(it, LEDGER_ALARM);
    record.subject = it->honey ? it->people[it->honey_person].pseudonym : id_zero();
    record.count = (uint32_t)it->people_count;
    record.facts = buf_slice(&facts);
    return sink.put(sink.ctx, &record);
}

err_t intent_refused(const intent_t *it, err_t why, intent_sink_t sink)
{
    uint8_t mem[LEDGER_TEXT_MAX];
    buf_t facts = BUF_ON_ARRAY(mem);
    facts_begin(&facts, it);
    ledger_fact(&facts, "reason", it->honey ? SLICE("HONEY") : slice_cstr_in(err_name(why.code)));
    budget_facts(&facts, it);
    ledger_record_t record = record_of(it, LEDGER_REVEAL_REFUSED);
    record.subject = it->people_count == 1 ? it->people[0].pseudonym : id_zero();
    record.count = (uint32_t)it->items.n;
    record.facts = buf_slice(&facts);
    return sink.put(sink.ctx, &record);
}
