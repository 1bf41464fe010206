/* Certificates made on the spot: authorities, and sites' certificates of any name and term. Test
 * code only. */
#ifndef GUARD_TESTS_CERTS_H
#define GUARD_TESTS_CERTS_H

#include "base/test.h"

typedef struct cert_ca cert_ca_t;

/* An authority of its own; its certificate is written to pem_path. */
cert_ca_t *cert_ca_new(const char *name, const char *pem_path);
void cert_ca_free(cert_ca_t *ca);
/* For one DNS name, valid from now + from_s to now + to_s; PEM files, the key's mode 0600. Returns
 * the serial number. */
long cert_make(const cert_ca_t *ca, const char *dns_name, long from_s, long to_s,
               const char *cert_path, const char *key_path);

#endif
