/* Compiler attributes that differ between gcc 12 and clang 14, and the one assertion of the house.
 */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

/* A type whose values may not be dropped: C2x only (clang 14 does not know [[...]] in gnu17 units,
 * nginx's). */
#if defined(__STDC_VERSION__) && __STDC_VERSION__ > 201710L
#define BASE_NODISCARD_TYPE [[nodiscard]]
#else
#define BASE_NODISCARD_TYPE
#endif
#define BASE_NODISCARD __attribute__((warn_unused_result))
#define BASE_CLEANUP(fn) __attribute__((cleanup(fn)))
#define BASE_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define BASE_EXPORT __attribute__((visibility("default")))
#define BASE_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A programming error: print where, abort, in release too. The supervisor starts the room again. */
#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            base_check_failed(#cond, __FILE__, __LINE__);                                          \
        }                                                                                          \
    } while (0)

__attribute__((noreturn)) void base_check_failed(const char *cond, const char *file, int line);

#endif
