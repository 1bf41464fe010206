#include "certs.h"

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

struct cert_ca {
    EVP_PKEY *key;
    X509 *cert;
};

static void name_set(X509_NAME *at, const char *name)
{
    CHECK(X509_NAME_add_entry_by_NID(at, NID_commonName, MBSTRING_UTF8, (const unsigned char *)name,
                                     -1, -1, 0) == 1);
}

static void extend(X509 *cert, const X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    union { /* the context takes it not const, and changes nothing */
        const X509 *ro;
        X509 *rw;
    } by = {.ro = issuer};
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, by.rw, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    CHECK(e && X509_add_ext(cert, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static X509 *cert_begin(const char *name, EVP_PKEY *key, const X509 *issuer, long from_s, long to_s,
                        long *ret_serial)
{
    static long serial = 1000;
    X509 *cert = X509_new();
    CHECK(cert && X509_set_version(cert, 2) == 1 && X509_set_pubkey(cert, key) == 1);
    *ret_serial = ++serial;
    CHECK(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial) == 1);
    CHECK(X509_gmtime_adj(X509_getm_notBefore(cert), from_s) &&
          X509_gmtime_adj(X509_getm_notAfter(cert), to_s));
    name_set(X509_get_subject_name(cert), name);
    CHECK(X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert)) == 1);
    return cert;
}

static void pem_write(const char *path, X509 *cert, EVP_PKEY *key)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, key ? 0600 : 0644);
    FILE *out = fdopen(fd, "w");
    CHECK(out);
    CHECK(key ? PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1
              : PEM_write_X509(out, cert) == 1);
    CHECK(fclose(out) == 0);
}

cert_ca_t *cert_ca_new(const char *name, const char *pem_path)
{
    long serial;
    cert_ca_t *ca = malloc(sizeof *ca);
    CHECK(ca);
    ca->key = EVP_EC_gen("P-256");
    CHECK(ca->key);
    ca->cert = cert_begin(name, ca->key, NULL, -3600, 86400, &serial);
    extend(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE");
    extend(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    CHECK(X509_sign(ca->cert, ca->key, EVP_sha256()) > 0);
    pem_write(pem_path, ca->cert, NULL);
    return ca;
}

void cert_ca_free(cert_ca_t *ca)
{
    X509_free(ca->cert);
    EVP_PKEY_free(ca->key);
    free(ca);
}

long cert_make(const cert_ca_t *ca, const char *dns_name, long from_s, long to_s,
               const char *cert_path, const char *key_path)
{
    char names[200];
    long serial;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    CHECK(key);
    X509 *cert = cert_begin(dns_name, key, ca->cert, from_s, to_s, &serial);
    snprintf(names, sizeof names, "DNS:%s", dns_name);
    extend(cert, ca->cert, NID_subject_alt_name, names);
    extend(cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE");
    CHECK(X509_sign(cert, ca->key, EVP_sha256()) > 0);
    pem_write(cert_path, cert, NULL);
    pem_write(key_path, NULL, key);
    X509_free(cert);
    EVP_PKEY_free(key);
    return serial;
}
