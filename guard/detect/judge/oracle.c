#include <dlfcn.h>

#include "oracle.h"

bool oracle_open(oracle_t *ret_oracle)
{
    void *lib = dlopen("libmodsecurity.so.3", RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        return false;
    }
    *(void **)&ret_oracle->sqli = dlsym(lib, "libinjection_sqli");
    *(void **)&ret_oracle->xss = dlsym(lib, "libinjection_xss");
    return ret_oracle->sqli && ret_oracle->xss;
}
