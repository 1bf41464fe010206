/* Case lines and office definitions of scenes/oracle/fees/format.md, read for the fee engine. */
#ifndef SHOP_DRIVER_CASE_H
#define SHOP_DRIVER_CASE_H

#include "driver_json.h"
#include "fee.h"

enum { DRIVER_OFFICES = 64 };

typedef struct driver {
    arena_t offices_arena;
    struct {
        slice_t id;
        office_hours_t *hours;
    } offices[DRIVER_OFFICES];
    size_t n_offices;
    bool own_holidays; /* the house's table instead of the definitions' lists */
} driver_t;

/* {"id": ..., "weekly": ...}: replaces an earlier one of that id. */
err_t driver_office_add(driver_t *d, slice_t json);
/* A case; *ret_id is set as soon as it could be read. */
fee_fault_t driver_case(driver_t *d, arena_t *a, const node_t *line, slice_t *ret_id,
                        fee_case_t *ret_case);

#endif
