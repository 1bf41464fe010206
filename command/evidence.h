/* sekisho evidence list | open: sealed evidence (vault/FORMAT.md, "Sealed evidence").
 *
 * Opening takes the investigator's key file, which is read here for the time of one order, and the
 * vault, which puts each opening on record before it does its half. */
#ifndef COMMAND_EVIDENCE_H
#define COMMAND_EVIDENCE_H

#include "house.h"
#include "ledger/api.h"
#include "vault/api_evidence.h"

int evidence_command(house_t *h, int argc, char **argv);

/* Destroys the keys of all evidence of the sessions of a person: of every request that the record
 * ties to the pseudonym, of every other request in the same sessions, and of what is about the same
 * bookings. *ret_destroyed: keys; evidence that shared one of them is gone as well. For whoever
 * erases a person; a legal hold is the caller's to ask about. */
err_t evidence_forget(house_t *h, id128_t pseudonym, const vault_evidence_order_t *order,
                      unsigned *ret_destroyed);

/* The value of a fact of a record, percent-encoded as it stands; the empty slice when there is
 * none.
 */
slice_t evidence_fact(slice_t facts, const char *key);
/* Who does it, for records: --by, else the login name, else "root". */
slice_t evidence_by(const char *option);

/* Every record from the first on; an error of fn ends it. */
typedef err_t evidence_each_fn(void *ctx, const ledger_entry_t *entry);
err_t evidence_each(ledger_client_t *ledger, evidence_each_fn *fn, void *ctx);

#endif
