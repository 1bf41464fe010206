#include "path.h"

enum { LAYERS = 3, CHUNK = 512, OVERLAP = 96 };

/* ---- seeing through disguises ----
 * A value is read in chunks; each is decoded up to three times in place. What is longer than a
 * chunk is read with an overlap, so that nothing hides at a seam. */

static unsigned hex(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    uint8_t l = c | 0x20;
    return l >= 'a' && l <= 'f' ? (unsigned)(l - 'a' + 10) : 99;
}

static bool hex_pair(const uint8_t *p, size_t left, uint8_t *ret)
{
    if (left < 2 || hex(p[0]) > 15 || hex(p[1]) > 15) {
        return false;
    }
    *ret = (uint8_t)(hex(p[0]) << 4 | hex(p[1]));
    return true;
}

/* %2e, %u002e, \u002e, 0x2e: the three signs that matter, as letters and digits. */
static bool escape_at(const uint8_t *p, size_t left, uint8_t *ret, size_t *ret_len)
{
    uint8_t high;
    if (p[0] == '%' && hex_pair(p + 1, left - 1, ret)) {
        *ret_len = 3;
        return true;
    }
    if ((p[0] == '%' || p[0] == '\\') && left > 5 && (p[1] | 0x20) == 'u' &&
        hex_pair(p + 2, left - 2, &high) && hex_pair(p + 4, left - 4, ret)) {
        *ret = high == 0xFF && *ret < 0x5F    ? (uint8_t)(*ret + 0x20)
               : high == 0                    ? *ret
               : high == 0x22 && *ret == 0x15 ? '/'
                                              : 0x80;
        *ret_len = 6;
        return true;
    }
    if (left > 3 && p[0] == '0' && (p[1] | 0x20) == 'x' && hex_pair(p + 2, left - 2, ret) &&
        (*ret == '.' || *ret == '/' || *ret == '\\')) {
        *ret_len = 4;
        return true;
    }
    if (left > 2 && (p[0] | 0x20) == 'x' && hex_pair(p + 1, left - 1, ret) &&
        (*ret == '.' || *ret == '/')) {
        *ret_len = 3;
        return true;
    }
    return false;
}

/* Overlong UTF-8 of ASCII (C0 AE, E0 80 AF), full-width signs and other strokes that servers fold.
 */
static bool overlong_at(const uint8_t *p, size_t left, uint8_t *ret, size_t *ret_len)
{
    if (left > 1 && (p[0] == 0xC0 || p[0] == 0xC1)) {
        *ret = (uint8_t)((p[0] & 1) << 6 | (p[1] & 0x3F));
        *ret_len = 2;
        return true;
    }
    if (left > 2 && p[0] == 0xE0 && p[1] < 0xA0) {
        *ret = (uint8_t)((p[1] & 1) << 6 | (p[2] & 0x3F));
        *ret_len = 3;
        return true;
    }
    if (left > 2 && p[0] == 0xEF && p[1] == 0xBC && (p[2] == 0x8E || p[2] == 0x8F)) {
        *ret = p[2] == 0x8E ? '.' : '/';
        *ret_len = 3;
        return true;
    }
    return false;
}

static size_t decode(uint8_t *p, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        uint8_t c = p[i];
        size_t used = 1;
        if ((c == '%' || c == '\\' || c == '0' || (c | 0x20) == 'x') &&
            escape_at(p + i, len - i, &c, &used)) {
        } else if (c >= 0xC0) {
            (void)overlong_at(p + i, len - i, &c, &used);
        }
        i += used;
        p[n++] = c;
    }
    return n;
}

/* ---- what is looked for ---- */

/* Files that no visitor has business with, written without separators and in lower case: scanners'
 * separators get lost on the way ("..etcpasswd"), so they are left out here as well. */
static const char *const FILES[] = {
    "etcpasswd",
    "etcshadow",
    "etcgroup",
    "etchosts",
    "etcissue",
    "etcfstab",
    "etcmotd",
    "boot.ini",
    "oot.ini",
    "win.ini",
    "system.ini",
    "web-infweb.xml",
    "meta-infcontext.xml",
    "inetpubwwwroot",
    "global.asa",
    "procself",
    "procversion",
    "proccpuinfo",
    "windowssystem32",
    "winntsystem32",
    "windowsrepair",
    ".sshid_rsa",
    ".sshauthorized_keys",
    ".bash_history",
    ".gitconfig",
    ".githead",
    ".svnentries",
    "wp-config.php",
    "ntuser.dat",
    ".aws/credentials",
    ".awscredentials",
    "varlogapache",
    "varloghttpd",
    "varlognginx",
    "varlogauth",
    "etcapache2",
    "etcnginx",
    "etchttpd",
    "etcmysql",
    "etcssh",
    "etccrontab",
    "rootdir",
    "pagefile.sys",
    "documentsandsettings",
    "{file}",
    "$recycle.bin",
    "etcpasswd%00",
    "etcresolv.conf",
    "usrlocaletc",
    "windowswin",
    "php.ini",
    "httpd.conf",
    ".htpasswd",
    ".htaccess",
    "etcmaster.passwd",
    "etcsecuritypasswd",
    "web.config",
    "application.properties",
    "machine.config",
    "applicationhost.config",
    "autoexec.bat",
    "varmailroot",
    "varspoolcron",
    "bootgrub",
    "confserver.xml",
    "tomcat-users.xml",
    "meta-infmanifest.mf",
    "web-infclasses",
};

static const slice_t SCHEMES[] = {
    SLICE("file:/"),     SLICE("php://"),    SLICE("phar://"),   SLICE("zip://"),
    SLICE("expect://"),  SLICE("netdoc:/"),  SLICE("jar:file:"), SLICE("glob://"),
    SLICE("jar:http"),   SLICE("gopher://"), SLICE("dict://"),   SLICE("compress.zlib://"),
    SLICE("data://text")};

static bool separator(uint8_t c)
{
    return c == '/' || c == '\\';
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

typedef struct steps {
    size_t first;  /* where the first step upwards stands */
    unsigned up;   /* segments of two dots */
    unsigned many; /* segments of three dots and more */
    unsigned here; /* segments of one dot */
} steps_t;

/* Counts segments that are dots only, with a separator behind. */
static steps_t steps_of(const uint8_t *p, size_t len)
{
    steps_t s = {.first = SIZE_MAX};
    for (size_t i = 0; i < len;) {
        if (p[i] != '.') {
            i++;
            continue;
        }
        size_t end = i;
        while (end < len && (p[end] == '.' || p[end] == 0)) {
            end++;
        }
        bool before = i == 0 || separator(p[i - 1]) || p[i - 1] == '=' || p[i - 1] == ':' ||
                      p[i - 1] == ' ' || p[i - 1] == ',';
        bool behind = end < len && (separator(p[end]) ||
                                    (p[end] == ';' && end + 1 < len && separator(p[end + 1])));
        /* /..{file}: the separator in front is enough where a name follows at once */
        if (behind && (before || end - i > 1)) {
            unsigned *kind = end - i == 1 ? &s.here : end - i == 2 ? &s.up : &s.many;
            (*kind)++;
            s.first = s.first == SIZE_MAX ? i : s.first;
        }
        i = end;
    }
    return s;
}

static bool known_file(const uint8_t *p, size_t len)
{
    uint8_t plain[CHUNK];
    size_t n = 0;
    for (size_t i = 0; i < len && n < CHUNK; i++) {
        if (!separator(p[i]) && p[i] != 0 && p[i] != '\'' && p[i] != '"' && p[i] != '?' &&
            p[i] != '*' &&
            !(p[i] == '.' && i + 1 < len && (separator(p[i + 1]) || p[i + 1] == '.'))) {
            plain[n++] = lower(p[i]);
        }
    }
    for (size_t i = 0; i + 6 <= n; i++) {
        for (size_t f = 0; f < sizeof(FILES) / sizeof(FILES[0]); f++) {
            if ((uint8_t)FILES[f][0] == plain[i] && (uint8_t)FILES[f][1] == plain[i + 1]) {
                size_t want = strlen(FILES[f]);
                if (want <= n - i && memcmp(FILES[f], plain + i, want) == 0) {
                    return true;
                }
            }
        }
    }
    return false;
}

static bool scheme(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < sizeof(SCHEMES) / sizeof(SCHEMES[0]); i++) {
        if (slice_eq_nocase(slice_sub(slice_make(p, len), 0, SCHEMES[i].len), SCHEMES[i])) {
            return true;
        }
    }
    return false;
}

/* \\host\c$, \\.\device, C:\windows */
static bool windows(const uint8_t *p, size_t len)
{
    if (len > 6 && separator(p[0]) && p[1] == p[0] &&
        slice_find_byte(slice_make(p, len), '$') != SIZE_MAX) {
        size_t dollar = slice_find_byte(slice_make(p, len), '$');
        return dollar + 1 < len && separator(p[dollar + 1]) && separator(p[dollar - 2]);
    }
    static const slice_t FOLDERS[] = {SLICE("windows"), SLICE("winnt"), SLICE("inetpub"),
                                      SLICE("boot"), SLICE("program files")};
    if (len < 7 || p[1] != ':' || (p[0] | 0x20) < 'a' || (p[0] | 0x20) > 'z') {
        return false;
    }
    slice_t rest = slice_make(p + 2 + separator(p[2]), len - 2 - separator(p[2]));
    for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
        if (separator(p[2]) && slice_eq_nocase(slice_sub(rest, 0, FOLDERS[i].len), FOLDERS[i])) {
            return true;
        }
    }
    return false;
}

/* Beginnings of a machine's own paths; what follows /etc/ and /home/x/ decides there, since sites
 * have folders of these names. */
static bool system_path(const uint8_t *p, size_t len)
{
    static const slice_t FOLDERS[] = {
        SLICE("/var/log/"),    SLICE("/var/logs/"),    SLICE("/var/mail/"),
        SLICE("/var/spool/"),  SLICE("/var/run/"),     SLICE("/var/lib/"),
        SLICE("/var/www/"),    SLICE("/var/adm/"),     SLICE("/var/cache/"),
        SLICE("/var/db/"),     SLICE("/proc/"),        SLICE("/sys/class/"),
        SLICE("/sys/kernel/"), SLICE("/sys/module/"),  SLICE("/sys/devices"),
        SLICE("/usr/local/"),  SLICE("/usr/share/"),   SLICE("/usr/lib/"),
        SLICE("/usr/bin/"),    SLICE("/usr/sbin/"),    SLICE("/root/."),
        SLICE("/run/secrets"), SLICE("/dev/null"),     SLICE("/dev/random"),
        SLICE("/dev/urandom"), SLICE("/dev/tcp/"),     SLICE("/dev/shm/"),
        SLICE("/dev/mem"),     SLICE("/dev/fd/"),      SLICE("/opt/lampp/"),
        SLICE("/opt/xampp/"),  SLICE("/private/etc/"), SLICE("/private/var/"),
        SLICE("/etc/init.d/"), SLICE("/etc/pam.d/"),   SLICE("/etc/cron")};
    static const slice_t ENDS[] = {
        SLICE(".conf"), SLICE(".cnf"),         SLICE(".cfg"),    SLICE(".ini"), SLICE("tab"),
        SLICE("/.env"), SLICE("passwd"),       SLICE("shadow"),  SLICE("_log"), SLICE(".allow"),
        SLICE(".deny"), SLICE("/environment"), SLICE("/sudoers")};
    while (len > 1 && p[0] == '/' && p[1] == '/') {
        p++;
        len--;
    }
    slice_t v = slice_make(p, len);
    for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
        if (slice_starts(v, FOLDERS[i])) {
            return true;
        }
    }
    bool etc = slice_starts(v, SLICE("/etc/"));
    for (size_t i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]) && etc; i++) {
        if (slice_ends(v, ENDS[i])) {
            return true;
        }
    }
    return (slice_starts(v, SLICE("/home/")) && slice_find(v, SLICE("/.")) != SIZE_MAX) ||
           slice_ends(v, SLICE("/.env"));
}

/* ---- */

static bool found(path_found_t *ret_found, const char *why, size_t at, size_t len)
{
    if (ret_found) {
        path_found_t f = {.at = at, .len = len};
        for (size_t i = 0; why[i] && i < PATH_FINGERPRINT_MAX; i++) {
            f.fingerprint[i] = why[i];
        }
        *ret_found = f;
    }
    return true;
}

static const char *why_of(const uint8_t *p, size_t len, bool whole, bool disguised)
{
    steps_t s = steps_of(p, len);
    bool words = slice_find_byte(slice_make(p, len), ' ') != SIZE_MAX;
    size_t scheme_at = slice_find(slice_make(p, len), SLICE("://"));
    bool url = scheme_at != SIZE_MAX && scheme_at < s.first;
    if (s.up + s.many > 1 || (s.up && (disguised || (!words && !url))) ||
        (s.many && s.here + s.many > 1 && !words)) {
        size_t named = s.first;
        while (named < len && (separator(p[named]) || p[named] == '.')) {
            named++;
        }
        uint8_t next = named < len ? p[named] : 0;
        if ((next != '"' && next != '\'' && next != '>') || s.up > 1) { /* <a href="../"> */
            return "up";
        }
    }
    if (known_file(p, len)) {
        return "file";
    }
    if (whole && scheme(p, len)) {
        return "scheme";
    }
    if (whole && !words && len > 0 && p[0] == '/' && system_path(p, len)) {
        return "system";
    }
    if (whole && windows(p, len)) {
        return "windows";
    }
    return whole && s.here > 3 && s.here * 2 + 8 > len / 2       ? "here"
           : whole && slice_eq(slice_make(p, len), SLICE("/./")) ? "here"
                                                                 : NULL;
}

bool path_possible(uint32_t seen, size_t len)
{
    return len > 3 &&
           (seen & (BYTES_SLASH | BYTES_BACKSLASH | BYTES_PERCENT | BYTES_DOT | BYTES_BRACE |
                    BYTES_HIGH | BYTES_DIGIT)) &&
           (seen &
            (BYTES_SLASH | BYTES_BACKSLASH | BYTES_PERCENT | BYTES_DOT | BYTES_BRACE | BYTES_HIGH));
}

/* Whether a decoding could change anything that matters. */
static bool disguises(slice_t v)
{
    for (size_t i = 0; i + 1 < v.len; i++) {
        uint8_t c = v.ptr[i], n = v.ptr[i + 1] | 0x20;
        if ((c == '%' && (hex(v.ptr[i + 1]) < 16 || n == 'u')) || (c == '0' && n == 'x') ||
            (c == '\\' && n == 'u') || c == 0xC0 || c == 0xC1 ||
            (c == 0xE0 && v.ptr[i + 1] < 0xA0) || (c == 0xEF && v.ptr[i + 1] == 0xBC)) {
            return true;
        }
    }
    return false;
}

static bool chunk_looks(slice_t part, size_t at, bool whole, path_found_t *ret_found)
{
    const char *why = why_of(part.ptr, part.len, whole, false);
    if (!why && disguises(part)) {
        uint8_t text[CHUNK];
        size_t n = part.len;
        memcpy(text, part.ptr, n);
        bool text_encoded =
            slice_find(part, SLICE("%20")) != SIZE_MAX; /* no disguise, as cookies are written */
        for (unsigned layer = 0; layer < LAYERS && !why; layer++) {
            size_t before = n;
            n = decode(text, n);
            if (n == before) {
                break;
            }
            why = why_of(text, n, whole, layer > 0 || !text_encoded);
        }
    }
    return why && found(ret_found, why, at, part.len);
}

static bool two_dots(slice_t v)
{
    for (size_t i = 1; i < v.len; i += 2) {
        if (v.ptr[i] == '.' && (v.ptr[i - 1] == '.' || (i + 1 < v.len && v.ptr[i + 1] == '.'))) {
            return true;
        }
    }
    return false;
}

bool path_detect(slice_t value, path_found_t *ret_found)
{
    uint32_t seen = bytes_seen(value);
    if (!path_possible(seen, value.len)) {
        return false;
    }
    /* names of files need a separator, dots in a row, or something that stands for one */
    bool drive = value.ptr[1] == ':'; /* c:inetpub: the separators got lost on the way */
    if (!drive && !(seen & (BYTES_SLASH | BYTES_BACKSLASH | BYTES_BRACE)) &&
        !((seen & BYTES_DOT) && two_dots(value)) && !disguises(value)) {
        return false;
    }
    for (size_t at = 0; at < value.len; at += CHUNK - OVERLAP) {
        if (chunk_looks(slice_sub(value, at, CHUNK), at, at == 0, ret_found)) {
            return true;
        }
        if (value.len - at <= CHUNK) {
            break;
        }
    }
    return false;
}
