/* shop_tables: prints the shop's const tables as Markdown, for documents (law 8: printed, not
 * copied). */
#include <unistd.h>

#include "booking_state.h"
#include "io/fd.h"
#include "routes.h"

int main(void)
{
    static uint8_t mem[64 * 1024];
    buf_t out = buf_on(mem, sizeof mem);
    buf_cstr(&out, "## Routes of the shop\n\n");
    web_routes_print(SHOP_ROUTES, SHOP_ROUTES_COUNT, &out);
    buf_cstr(&out, "\n## Steps of a booking\n\n");
    booking_state_print(&out);
    return err_failed(buf_check(&out)) || err_failed(fd_write_all(STDOUT_FILENO, buf_slice(&out)));
}
