/* Audit log entries in ModSecurity's own forms, so that tools which read them go on working: the
 * serial native form and one JSON line. Everything from a request is cut by law 5 first (mask.h).
 * Pure: the caller writes. */
#ifndef GUARD_AUDIT_H
#define GUARD_AUDIT_H

#include "../engine/engine.h"

typedef struct audit_header {
    slice_t name, value;
} audit_header_t;

/* All borrowed. */
typedef struct audit_entry {
    slice_t id, client_addr, server_addr, host;
    uint16_t client_port, server_port;
    int64_t wall_us;
    slice_t method, uri, protocol; /* as sent */
    const audit_header_t *request_headers;
    size_t request_header_count;
    slice_t request_type, request_body; /* body: as far as it was looked at */
    unsigned status;
    const audit_header_t *response_headers;
    size_t response_header_count;
    slice_t response_type, response_body;
    const engine_match_t *const *matches; /* those that are to be in the log */
    size_t match_count;
    uint32_t blocking_rule; /* 0: nothing was blocked */
    unsigned blocking_phase, blocking_status;
    engine_mode_t mode;
    uint32_t parts; /* engine_settings_t.audit_parts */
} audit_entry_t;

/* LIMIT when out is too small, MEMORY when scratch is used up. */
err_t audit_serial_put(const audit_entry_t *e, arena_t *scratch, buf_t *out);
err_t audit_json_put(const audit_entry_t *e, arena_t *scratch, buf_t *out);
/* "ModSecurity: Warning. Matched ..." without line end: for error logs and part H. */
void audit_match_put(const audit_entry_t *e, const engine_match_t *m, arena_t *scratch, buf_t *out);
/* Bytes that surely hold any form of the entry. */
size_t audit_bytes_max(const audit_entry_t *e);

#endif
