/* The vault's door for backups: its key files as files. For the command only.
 *
 * The copying half holds no key: wrapped slots go from file to file. The checking half opens a
 * copied file with its master key for the time of one call; plain values are wiped, never handed
 * out. Format: FORMAT.md, "The key files". */
#ifndef VAULT_API_KEYFILE_H
#define VAULT_API_KEYFILE_H

#include "base/id.h"
#include "io/fd.h"

typedef struct vault_keyfile_counts {
    uint64_t slots, live, erased, damaged;
} vault_keyfile_counts_t;

/* A copy of a key file that vaultd may be writing at the same time. Each slot is taken whole: one
 * being filled counts as free (nobody was told of it), one being erased as erased. `to` must not
 * exist. CORRUPT, VERSION, DISK_FULL, IO. */
err_t vault_keyfile_copy(path_t from, path_t to, vault_keyfile_counts_t *ret_counts);

/* Erases in `restored` what is erased in `survivor`, a younger key file of the same house; slots
 * that only the survivor has are not taken. Nobody may have either open. *ret_erased: keys that
 * were destroyed. CONFLICT: not the same file (its random name differs). */
err_t vault_keyfile_take_erasures(path_t restored, path_t survivor, uint64_t *ret_erased);

/* Erases in a pair of key files what the record says was erased: the subjects' slots by number, and
 * all months of these subjects. `file`: the random name of the subjects' file that the numbers are
 * of (CONFLICT when this is another one). Slots that are free or erased already are passed over.
 * Nobody may have either open. */
err_t vault_keyfile_erase_slots(path_t subjects, path_t months, id128_t file, const uint32_t *slots,
                                size_t n, uint64_t *ret_erased);

/* Legal holds that stand in `survivor` and not in `restored` (both vault/register.db; nobody has
 * either open): a hold that was set after the backup still wins. NOT_FOUND: one of them is missing.
 */
err_t vault_holds_take(path_t restored, path_t survivor, uint64_t *ret_taken);

/* A sealed value as it stands in a room's table, to be tried on a copy. */
typedef struct vault_keyfile_sample {
    id128_t subject, row;
    slice_t table, column, sealed;
} vault_keyfile_sample_t;

/* Opens both key files in `dir` (a copy: locks and recovery write to them) with the master key's
 * file in `secrets`; counts what they hold; opens the sample with its subject's key when there is
 * one (NULL: none). *ret_opened false: the master key is sealed by something that is not at hand
 * here (a passphrase, a token), so the slots were counted and nothing was opened. CRYPTO: master
 * key and key files, or key and sealed value, do not belong together. EXPIRED: the sample's subject
 * was erased. NOT_FOUND: its key is missing. */
err_t vault_keyfile_check(path_t dir, path_t secrets, const vault_keyfile_sample_t *sample,
                          vault_keyfile_counts_t *ret_counts, bool *ret_opened);

/* A file in a folder of secrets that belongs to the master key: it goes along with the key files.
 */
bool vault_keyfile_is_master(const char *name);
/* True when somebody must type something before vaultd can start: its master key's file is sealed
 * by a passphrase or by a token with a PIN, or, at the first run, `ini` (vault.ini) wants it so. */
bool vault_keyfile_needs_secret(path_t secrets, path_t ini);

#endif
