/* Functions that have no bounds, hide an allocation or share state do not compile in this house.
 * Included from err.h after the system headers they are declared in; every unit sees it. A foreign
 * header that itself names one of these must be included before any header of ours. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf
#undef strtok
#undef alloca
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok atoi atol atoll gets
#pragma GCC poison localtime gmtime ctime asctime alloca system popen tmpnam mktemp

#endif
