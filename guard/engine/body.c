/* The request's body, read by the processor that headers or rules chose. */
#include "tx.h"

static err_t on_arg(void *user, slice_t name, slice_t value)
{
    engine_tx_t *tx = user;
    TRY(list_add(tx, VAR_ARGS_POST, name, value));
    TRY(list_add(tx, VAR_ARGS_POST_NAMES, name, name));
    TRY(list_add(tx, VAR_ARGS, name, value));
    return list_add(tx, VAR_ARGS_NAMES, name, name);
}

static err_t on_file(void *user, const body_file_t *file)
{
    engine_tx_t *tx = user;
    slice_t size = number_text(tx, (int64_t)file->content.len);
    ENSURE(!tx->memory_out, ERR_MEMORY);
    TRY(list_add(tx, VAR_FILES, file->name, file->filename));
    TRY(list_add(tx, VAR_FILES_NAMES, file->name, file->name));
    TRY(list_add(tx, VAR_FILES_SIZES, file->name, size));
    TRY(list_add(tx, VAR_MULTIPART_FILENAME, file->name, file->filename));
    TRY(list_add(tx, VAR_MULTIPART_NAME, file->name, file->name));
    return list_add(tx, VAR_FILES_TMP_CONTENT, file->name, file->content);
}

static err_t on_part_header(void *user, slice_t name, slice_t line)
{
    return list_add(user, VAR_MULTIPART_PART_HEADERS, name, line);
}

static err_t on_text(void *user, slice_t element, slice_t text)
{
    return list_add(user, VAR_XML_TEXT, SLICE_EMPTY, text);
}

static err_t on_attribute(void *user, slice_t name, slice_t value)
{
    return list_add(user, VAR_XML_ATTRIBUTES, name, value);
}

/* XML: all text is one value, as an XPath of the root element gives it. */
static err_t join_text(engine_tx_t *tx)
{
    list_t *l = &tx->lists[VAR_XML_TEXT];
    size_t total = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        total += l->items[i].value.len;
    }
    if (l->count < 2) {
        return OK;
    }
    buf_t out;
    TRY(arena_buf(tx->arena, total, &out));
    for (uint32_t i = 0; i < l->count; i++) {
        buf_put(&out, l->items[i].value);
    }
    return list_set(tx, VAR_XML_TEXT, buf_slice(&out));
}

static err_t run_processor(engine_tx_t *tx, const body_limits_t *limits, const body_visitor_t *v,
                           body_result_t *result)
{
    slice_t body = tx->request_body;
    switch ((body_processor_t)tx->processor) {
    case PROCESSOR_URLENCODED:
        return body_urlencoded(body, limits, v, tx->arena, result);
    case PROCESSOR_MULTIPART:
        return body_multipart(tx->content_type, body, limits, v, tx->arena, result);
    case PROCESSOR_JSON:
        return body_json(body, limits, v, tx->arena, result);
    case PROCESSOR_XML:
        TRY(body_xml(body, limits, v, tx->arena, result));
        return join_text(tx);
    case PROCESSOR_NONE:
    default:
        *result = (body_result_t){.error = ""};
        return OK;
    }
}

/* REQUEST_BODY: the raw bytes, but not of XML and multipart unless a rule forces it (as version 2:
 * rules for raw text would judge markup and file contents). */
static bool shows_body(const engine_tx_t *tx)
{
    return tx->force_body || tx->processor == PROCESSOR_URLENCODED ||
           tx->processor == PROCESSOR_JSON;
}

err_t body_read(engine_tx_t *tx)
{
    if (tx->body_parsed || !tx->has_request_body || !tx->settings.request_body_access) {
        return OK;
    }
    tx->body_parsed = true;
    body_limits_t limits = {.max_args = tx->settings.args_limit,
                            .max_files = tx->settings.upload_file_limit,
                            .max_depth = tx->settings.json_depth,
                            .separator = tx->settings.argument_separator};
    body_visitor_t visitor = {.user = tx,
                              .arg = on_arg,
                              .file = on_file,
                              .part_header = on_part_header,
                              .xml_text = on_text,
                              .xml_attribute = on_attribute};
    body_result_t result = {.error = ""};
    if (tx->request_body.len) {
        TRY(run_processor(tx, &limits, &visitor, &result));
    }
    tx->flags |= result.flags;
    tx->args_bytes += result.names_bytes + result.values_bytes;
    tx->files_bytes += result.files_bytes;
    tx->body_error = slice_cstr_in(result.error);
    return shows_body(tx) && tx->request_body.len ? list_set(tx, VAR_REQUEST_BODY, tx->request_body)
                                                  : OK;
}
