#include "cmdi.h"

#include "cmdi_words.h"

/* White space inside a line. NUL is what at() gives beyond the end, so it is none. */
static bool space(uint8_t c)
{
    return c <= 0x20 && c != '\n' && c != '\r' && c != 0;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool letter(uint8_t c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool word_byte(uint8_t c)
{
    return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static uint8_t at(slice_t v, size_t i)
{
    return i < v.len ? v.ptr[i] : 0;
}

static bool found(cmdi_found_t *ret_found, const char *why, size_t from, size_t to)
{
    if (ret_found) {
        cmdi_found_t f = {.at = from, .len = to - from};
        for (size_t i = 0; why[i] && i < CMDI_FINGERPRINT_MAX; i++) {
            f.fingerprint[i] = why[i];
        }
        *ret_found = f;
    }
    return true;
}

/* ---- one command word, read through the shells' disguises ---- */

typedef struct command {
    uint8_t name[24]; /* lower case, without quotes, path and escapes */
    size_t len;
    size_t end;     /* offset behind it */
    bool path;      /* /bin/x, ./x */
    bool disguised; /* quotes, backslashes, carets, $@ inside; wildcards */
    bool glob;
} command_t;

/* $IFS, ${IFS}, $@, $*, $9, ${x}, $u: vanish or become a space. */
static size_t variable_len(slice_t v, size_t i)
{
    uint8_t n = at(v, i + 1);
    if (at(v, i) == '`' && n == '`') {
        return 2;
    }
    if (at(v, i) != '$') {
        return 0;
    }
    if (n == '(' && at(v, i + 2) == ')') {
        return 3;
    }
    if (n == '{') {
        size_t end = i + 2;
        while (end < v.len && end - i < 32 && v.ptr[end] != '}') {
            end++;
        }
        return at(v, end) == '}' ? end + 1 - i : 0;
    }
    if (n == '@' || n == '*' || n == '!' || (n >= '0' && n <= '9')) {
        return 2;
    }
    if (slice_eq(slice_sub(v, i, 4), SLICE("$IFS"))) {
        return at(v, i + 4) == '$' && at(v, i + 5) >= '0' && at(v, i + 5) <= '9' ? 6 : 4;
    }
    return 0;
}

static bool is_ifs(slice_t v, size_t i)
{
    return slice_eq(slice_sub(v, i, 4), SLICE("$IFS")) ||
           slice_eq(slice_sub(v, i, 5), SLICE("${IFS"));
}

/* A line break written as backslash and letter, for whoever unescapes the value. */
static bool written_break(slice_t v, size_t i)
{
    return at(v, i) == '\\' && (at(v, i + 1) == 'n' || at(v, i + 1) == 'r') &&
           (i + 2 >= v.len || !word_byte(v.ptr[i + 2]));
}

/* What may stand before the first stroke of a command's path. */
static bool begins_path(slice_t part)
{
    static const slice_t PARTS[] = {SLICE(""),     SLICE("."),    SLICE(".."),  SLICE("usr"),
                                    SLICE("bin"),  SLICE("sbin"), SLICE("opt"), SLICE("etc"),
                                    SLICE("home"), SLICE("tmp"),  SLICE("var")};
    for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++) {
        if (slice_eq(part, PARTS[i])) {
            return true;
        }
    }
    return false;
}

static command_t command_at(slice_t v, size_t i)
{
    command_t c = {0}, open = {0}; /* as it was at a quote that is not closed: I'd */
    size_t from = i, quotes[2] = {0};
    bool inside = false;
    unsigned vanished = 0;
    unsigned slashes = 0; /* twin/double? is a question, /bin/c?t a pattern */
    while (i < v.len) {
        uint8_t b = v.ptr[i];
        size_t var = variable_len(v, i);
        if ((var && is_ifs(v, i)) || (i > from && written_break(v, i))) {
            break;
        }
        if (var && ++vanished > 16) {
            break; /* bounded: keeps the time linear */
        }
        if (var) {
            c.disguised |= inside;
            i += var;
            continue;
        }
        if (b == '\'' || b == '"' || b == '\\' || b == '^') {
            bool closes = (b == '\'' || b == '"') && quotes[b == '"'] % 2 == 1;
            if ((b == '\'' || b == '"') && i > from && !closes && !word_byte(at(v, i + 1)) &&
                at(v, i + 1) != b && at(v, i + 1) != '/') {
                break;
            }
            if (inside && (b == '\'' || b == '"')) {
                open = quotes[b == '"']++ % 2 ? open : c;
                open.end = quotes[b == '"'] % 2 ? i : open.end;
            }
            c.disguised |= inside && word_byte(at(v, i + 1));
            c.path |= b == '\\' && inside && c.len > 1;
            i++;
            continue;
        }
        if (b == '/') {
            if (slashes++ == 0 && !begins_path(slice_make(c.name, c.len))) {
                c.len = 0; /* date/time, TCP/IP */
                break;
            }
            c.path = true;
            c.len = 0;
            i++;
            inside = true;
            continue;
        }
        if (b == '?' || b == '*' || b == '[' || b == ']') {
            c.glob |= c.path;
            if (!c.path) {
                break;
            }
        } else if (!word_byte(b)) {
            break;
        }
        inside = true;
        if (c.len < sizeof(c.name)) {
            c.name[c.len++] = lower(b);
        } else {
            c.len = sizeof(c.name) + 1;
            break;
        }
        i++;
    }
    c.end = i;
    c.glob &= slashes > 1;
    c = quotes[0] % 2 || quotes[1] % 2 ? open : c;
    if (c.len > sizeof(c.name)) {
        c.len = 0;
    }
    return c;
}

typedef enum strength { NOT_A_COMMAND, SOFT_COMMAND, HARD_COMMAND } strength_t;

static bool ends(slice_t v, size_t i);

/* cmd.exe is cmd. */
static slice_t name_of(const command_t *c)
{
    slice_t name = slice_make(c->name, c->len);
    return slice_ends(name, SLICE(".exe")) ? slice_sub(name, 0, name.len - 4) : name;
}

static strength_t strength(const command_t *c)
{
    unsigned flags = cmdi_word(name_of(c));
    if (flags & CMDI_SOFT) {
        return c->path || c->disguised || name_of(c).len < c->len ? HARD_COMMAND : SOFT_COMMAND;
    }
    return flags & CMDI_HARD ? HARD_COMMAND : NOT_A_COMMAND;
}

/* Words that are a command together with what stands behind them. */
static const struct {
    slice_t name, behind;
} PAIRS[] = {
    {SLICE("net"), SLICE(" user")},     {SLICE("net"), SLICE(" localgroup")},
    {SLICE("net"), SLICE(" view")},     {SLICE("net"), SLICE(" use ")},
    {SLICE("net"), SLICE(" share")},    {SLICE("net"), SLICE(" start")},
    {SLICE("reg"), SLICE(" add ")},     {SLICE("reg"), SLICE(" query ")},
    {SLICE("reg"), SLICE(" save ")},    {SLICE("reg"), SLICE(" delete ")},
    {SLICE("ps"), SLICE(" aux")},       {SLICE("ps"), SLICE(" ax")},
    {SLICE("ip"), SLICE(" addr")},      {SLICE("ip"), SLICE(" route")},
    {SLICE("ip"), SLICE(" link")},      {SLICE("git"), SLICE(" clone ")},
    {SLICE("apt"), SLICE(" install ")}, {SLICE("yum"), SLICE(" install ")},
    {SLICE("pip"), SLICE(" install ")}, {SLICE("npm"), SLICE(" install ")},
    {SLICE("docker"), SLICE(" run ")},  {SLICE("docker"), SLICE(" exec ")},
    {SLICE("expr"), SLICE(" ")},        {SLICE("docker"), SLICE(" ps")},
    {SLICE("sc"), SLICE(" query")},     {SLICE("query"), SLICE(" user")},
};

static bool paired(slice_t v, const command_t *c)
{
    slice_t name = name_of(c);
    for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]); i++) {
        if (slice_eq(name, PAIRS[i].name) &&
            slice_eq_nocase(slice_sub(v, c->end, PAIRS[i].behind.len), PAIRS[i].behind)) {
            return true;
        }
    }
    return false;
}

/* sleep 5, timeout 10: a number and nothing else. */
static bool waits(slice_t v, const command_t *c)
{
    slice_t name = name_of(c);
    size_t i = c->end;
    if (!slice_eq(name, SLICE("sleep")) && !slice_eq(name, SLICE("timeout"))) {
        return false;
    }
    while (space(at(v, i))) {
        i++;
    }
    size_t digits = i;
    while (at(v, i) >= '0' && at(v, i) <= '9') {
        i++;
    }
    return i > digits && (ends(v, i) || slice_starts(slice_from(v, i), SLICE(" --")));
}

/* host a.example, ssh root@10.0.0.1: a name with a dot inside, or somebody at a host. */
static bool names_host(slice_t v, const command_t *c)
{
    size_t i = c->end, dots = 0, ats = 0;
    if (!(cmdi_word(name_of(c)) & CMDI_NETWORK) || !space(at(v, i))) {
        return false;
    }
    while (space(at(v, i))) {
        i++;
    }
    while ((at(v, i) == '+' || at(v, i) == '-') && letter(at(v, i + 1))) { /* dig +short */
        while (at(v, i) > ' ') {
            i++;
        }
        while (space(at(v, i))) {
            i++;
        }
    }
    for (; word_byte(at(v, i)) || at(v, i) == '@'; i++) {
        dots += at(v, i) == '.' && word_byte(at(v, i + 1));
        ats += at(v, i) == '@' && word_byte(at(v, i + 1));
    }
    return dots || ats;
}

/* which python, timeout 5 tcpdump: another command behind it. */
static bool starts_another(slice_t v, const command_t *c)
{
    static const char *const FIRST[] = {"which", "whereis", "timeout", "nohup", "time",
                                        "env",   "man",     "exec",    "xargs", "nice"};
    bool first = false;
    size_t i = c->end;
    for (size_t n = 0; n < sizeof(FIRST) / sizeof(FIRST[0]); n++) {
        first |= slice_eq(name_of(c), slice_make(FIRST[n], strlen(FIRST[n])));
    }
    while (first && (space(at(v, i)) || (at(v, i) >= '0' && at(v, i) <= '9'))) {
        i++;
    }
    if (!first || i == c->end) {
        return false;
    }
    command_t next = command_at(v, i);
    return (cmdi_word(name_of(&next)) & CMDI_HARD) && ends(v, next.end);
}

/* Does what stands behind a command look like a shell's argument rather than like prose? */
static bool shell_argument(slice_t v, size_t i)
{
    if (is_ifs(v, i) || at(v, i) == '<' || at(v, i) == '>') {
        return true;
    }
    if (at(v, i) == '{' || (at(v, i) == ',' && letter(at(v, i + 1)))) {
        return false;
    }
    if (!space(at(v, i)) && at(v, i) != '+') {
        return false;
    }
    while (space(at(v, i)) || at(v, i) == '+') {
        i++;
    }
    uint8_t c = at(v, i), n = at(v, i + 1);
    if (c == '-' || (c == '/' && n > 0x20)) {
        bool glob = c == '/' && (n == '?' || n == '*' || n == '[');
        return glob || (word_byte(n) && n != '-') || (c == '-' && n == '-' && letter(at(v, i + 2)));
    }
    if ((c == '%' && letter(n)) || (c == '/' && n == ' ' && at(v, i + 2) == '-')) {
        return true; /* %PATH%; / -perm */
    }
    uint8_t third = at(v, i + 2);
    bool money = c == '$' && n >= '0' && n <= '9', stress = c == '*' && letter(n);
    if (money || stress) {
        return false; /* at $300; if *you* */
    }
    if (c == '$' || c == '`' || c == '~' || c == '*' || c == '<' || c == '>' ||
        (c == '.' && ((n == '.' && third != '.') || n == '/' || n == ' '))) {
        return true;
    }
    if (letter(c) && n == ':' && !word_byte(at(v, i + 2)) && at(v, i + 2) < 0x80) {
        return true; /* c:\ */
    }
    if (c >= '0' && c <= '9') { /* an address: 127.0.0.1 */
        unsigned dots = 0;
        while (at(v, i) == '.' || (at(v, i) >= '0' && at(v, i) <= '9')) {
            dots += at(v, i++) == '.';
        }
        return dots == 3;
    }
    /* a name with a path or an ending in it */
    size_t end = i, slashes = 0;
    while (end < v.len && v.ptr[end] > 0x20 && v.ptr[end] < 0x80 && end - i < 64) {
        slashes += v.ptr[end] == '/' && end > i;
        end++;
    }
    static const slice_t SCRIPTS[] = {SLICE(".sh"),  SLICE(".py"),  SLICE(".pl"), SLICE(".php"),
                                      SLICE(".exe"), SLICE(".bat"), SLICE(".ps1")};
    for (size_t k = 0; k < sizeof(SCRIPTS) / sizeof(SCRIPTS[0]); k++) {
        if (slice_ends(slice_sub(v, i, end - i), SCRIPTS[k])) {
            return true;
        }
    }
    return slashes > 1 || slice_find(slice_sub(v, i, end - i), SLICE("://")) != SIZE_MAX;
}

/* The end of a command: of the value, a separator, a closing sign. */
static bool ends(slice_t v, size_t i)
{
    while (space(at(v, i)) && i < v.len) {
        i++;
    }
    return i >= v.len || memchr(";|&`)\n\r#\"'>}", v.ptr[i], 12) != NULL || written_break(v, i);
}

/* Words that stand before a command: sudo, nohup, X=1, {, (, ! */
static size_t before_command(slice_t v, size_t i)
{
    unsigned signs = 0; /* bounded: keeps the time linear */
    for (unsigned n = 0; n < 8; n++) {
        for (uint8_t c = at(v, i); space(c) || (c && memchr("({!@+\n\r", c, 7)); c = at(v, ++i)) {
            if (!space(c) && ++signs > 32) {
                return i;
            }
        }
        size_t var = variable_len(v, i);
        if (var && is_ifs(v, i)) {
            i += var;
        } else if (slice_eq_nocase(slice_sub(v, i, 5), SLICE("sudo "))) {
            i += 5;
        } else {
            break;
        }
    }
    return i;
}

/* ---- separators ---- */

typedef enum separator { SEP_NONE, SEP_WEAK, SEP_STRONG } separator_t;

/* A separator at i; *ret_next: behind it. STRONG ones are not written between words of prose. */
static separator_t separator_at(slice_t v, size_t i, size_t *ret_next)
{
    uint8_t c = v.ptr[i], n = at(v, i + 1);
    *ret_next = i + 1;
    switch (c) {
    case ';':
    case '\n':
    case '\r':
        return SEP_WEAK;
    case '\\':
        *ret_next = i + 2;
        return n == 'n' || n == 'r' ? SEP_WEAK : SEP_NONE;
    case '|':
        *ret_next += n == '|';
        return n == '|' ? SEP_STRONG : SEP_WEAK;
    case '&':
        if (slice_starts(slice_from(v, i), SLICE("&copy;")) ||
            slice_starts(slice_from(v, i), SLICE("&reg;"))) {
            return SEP_NONE;
        }
        *ret_next += n == '&';
        return n == '&' ? SEP_STRONG : SEP_WEAK;
    case '`':
        return SEP_STRONG;
    case '$':
        *ret_next += n == '(';
        return n == '(' ? SEP_STRONG : SEP_NONE;
    case '<':
    case '>':
        *ret_next += n == '(';
        return n == '(' ? SEP_STRONG : SEP_NONE;
    default:
        return SEP_NONE;
    }
}

static bool closed_substitution(slice_t v, size_t open, size_t from)
{
    uint8_t close = v.ptr[open] == '`' ? '`' : ')';
    size_t end = slice_find_byte(slice_sub(v, from, 1024), close); /* bounded: linear */
    return end != SIZE_MAX;
}

/* Commands that are tried behind a lone | or & at the very beginning of a value. */
static bool begins_with(const command_t *c)
{
    static const char *const BEGINS[] = {"echo",   "touch", "cat", "rm",   "cp",  "mv", "nc",
                                         "printf", "type",  "net", "copy", "del", "ls", "ps"};
    for (size_t i = 0; i < sizeof(BEGINS) / sizeof(BEGINS[0]); i++) {
        if (slice_eq(name_of(c), slice_make(BEGINS[i], strlen(BEGINS[i])))) {
            return true;
        }
    }
    return false;
}

/* ;a=w;b=hoami;$a$b: what is run is a variable that the value has set before. */
static bool assigned(slice_t v, size_t i, size_t from)
{
    size_t end = from + 1;
    while (letter(at(v, end)) || at(v, end) == '_') {
        end++;
    }
    if (at(v, from) != '$' || end == from + 1) {
        return false;
    }
    slice_t name = slice_sub(v, from + 1, end - from - 1);
    size_t at_name = slice_find(slice_sub(v, 0, i < 256 ? i : 256), name);
    return at_name != SIZE_MAX && at(v, at_name + name.len) == '=' &&
           (at_name == 0 || !word_byte(v.ptr[at_name - 1]));
}

static bool blank_line(slice_t v, size_t i, size_t next)
{
    if (v.ptr[i] != '\n' && v.ptr[i] != '\r') {
        return false;
    }
    while (space(at(v, next))) {
        next++;
    }
    return at(v, next) == '\n' || at(v, next) == '\r';
}

static bool small_letters(slice_t v, size_t i, size_t end)
{
    while (i < end && !(v.ptr[i] >= 'A' && v.ptr[i] <= 'Z')) {
        i++;
    }
    return i == end;
}

static bool separated(slice_t v, size_t i, cmdi_found_t *ret_found)
{
    size_t next;
    separator_t sep = separator_at(v, i, &next);
    if (sep == SEP_NONE) {
        return false;
    }
    bool substitution = v.ptr[i] == '`' || v.ptr[i] == '$' || v.ptr[i] == '<' || v.ptr[i] == '>';
    if (blank_line(v, i, next)) {
        return false; /* the last of a run of line ends decides: keeps the time linear */
    }
    size_t from = before_command(v, next);
    command_t c = command_at(v, from);
    strength_t s = strength(&c);
    unsigned flags = cmdi_word(name_of(&c));
    bool argument = shell_argument(v, c.end) || waits(v, &c) || paired(v, &c) ||
                    names_host(v, &c) || starts_another(v, &c),
         end = ends(v, c.end);
    bool braces = from > 0 && at(v, from - 1) == '{' && at(v, c.end) == ','; /* {cat,/etc/passwd} */
    argument |= braces;
    if (c.glob && c.path && (argument || end)) {
        return found(ret_found, "glob", i, c.end);
    }
    if (s == NOT_A_COMMAND) {
        bool here =
            slice_starts(slice_from(v, from), SLICE("./")) && letter(at(v, from + 2)); /* ;./x */
        return !substitution && ((here && c.path) || assigned(v, i, from)) &&
               found(ret_found, "variable", i, c.end);
    }
    if (substitution) {
        if (!closed_substitution(v, i, next)) {
            return false;
        }
        bool alone = v.ptr[i] == '`' && s == SOFT_COMMAND && !argument;
        size_t close = c.end;
        while (space(at(v, close))) {
            close++;
        }
        /* `make' a second time: an old way to quote */
        return (!alone || (at(v, close) == '`' && i + 1 == from && c.len > 1)) &&
               found(ret_found, "substitution", i, c.end);
    }
    bool glued = from == next;
    bool language = (flags & CMDI_LANGUAGE) &&
                    !((glued || sep == SEP_STRONG) && flags & CMDI_ALONE) && !c.path &&
                    !c.disguised && !argument;
    uint8_t first = at(v, c.end + 1);
    bool told = at(v, c.end) == ' ' &&
                (word_byte(first) || (first && memchr("+/*\"'$~", first, 7))); /* |getent hosts x */
    size_t leads = 0;
    while (leads < 32 && (space(at(v, leads)) || at(v, leads) == '\'' || at(v, leads) == '"' ||
                          at(v, leads) == '\n')) {
        leads++;
    }
    bool begins =
        leads == i && v.ptr[i] != '\n' && v.ptr[i] != '\\' && small_letters(v, from, c.end) &&
        ((end && (flags & (CMDI_ALONE | CMDI_HARD) || sep == SEP_STRONG || v.ptr[i] == ';')) ||
         (told && (sep == SEP_STRONG || v.ptr[i] == ';' || begins_with(&c))));
    bool echoes = told && slice_eq(name_of(&c), SLICE("echo")) && v.ptr[i] != '\n' &&
                  (glued || sep == SEP_STRONG);
    if (s == HARD_COMMAND && !language && (argument || end || c.path || c.disguised || told)) {
        return found(ret_found, "command", i, c.end);
    }
    if (argument || begins || echoes) {
        return found(ret_found, "command", i, c.end);
    }
    /* ;id  |ls  && dir: nothing behind, nothing between */
    bool alone = s == HARD_COMMAND ? !language
                 : sep == SEP_STRONG
                     ? (flags & CMDI_ALONE) != 0
                     : glued && (flags & CMDI_TERSE) && small_letters(v, from, c.end);
    return end && alone && (sep == SEP_STRONG || glued) && c.len > 1 &&
           found(ret_found, "command", i, c.end);
}

/* Words of letters alone: prose has more of them than a command line. */
static size_t plain_words(slice_t v)
{
    size_t count = 0;
    for (size_t i = 0; i < v.len;) {
        size_t from = i;
        while (letter(at(v, i))) {
            i++;
        }
        count +=
            i > from && (i == v.len || space(v.ptr[i])) && (from == 0 || space(v.ptr[from - 1]));
        i += i == from || i < v.len;
    }
    return count;
}

/* id|  id;  cat x|: the value is the command and the separator follows. */
static bool leading(slice_t v, cmdi_found_t *ret_found)
{
    size_t from = before_command(v, 0);
    while (at(v, from) == '"' || at(v, from) == '\'') {
        from++;
    }
    from = before_command(v, from);
    command_t c = command_at(v, from);
    bool argument = shell_argument(v, c.end);
    uint8_t behind = at(v, c.end);
    if (!c.path && !argument && behind != '|' && behind != ';') {
        return false; /* most values end here */
    }
    strength_t s = strength(&c);
    if (s == NOT_A_COMMAND) {
        return false;
    }
    if (c.path && (ends(v, c.end) || argument)) {
        static const slice_t FOLDERS[] = {SLICE("/bin/"),    SLICE("/usr/"), SLICE("/sbin/"),
                                          SLICE("usr/bin/"), SLICE("./"),    SLICE("bin/")};
        for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
            if (slice_starts(slice_from(v, from), FOLDERS[i])) {
                return found(ret_found, "path", from, c.end);
            }
        }
    }
    if ((behind == '|' || behind == ';') && c.end + 1 == v.len &&
        (s == HARD_COMMAND ||
         ((cmdi_word(name_of(&c)) & CMDI_TERSE) && small_letters(v, from, c.end)))) {
        return found(ret_found, "command", from, c.end + 1);
    }
    if (c.disguised && argument) {
        return found(ret_found, "command", from, c.end);
    }
    /* the whole value is one command line: cat /etc/passwd, ping -n 30 127.0.0.1 */
    slice_t name = name_of(&c), rest = slice_from(v, c.end);
    bool ping = slice_eq(name, SLICE("ping")) && argument && slice_find_byte(rest, '.') != SIZE_MAX;
    bool reads = argument && (slice_find(rest, SLICE("/etc/")) != SIZE_MAX ||
                              slice_find(rest, SLICE("c:\\")) != SIZE_MAX ||
                              slice_find(rest, SLICE("/proc/")) != SIZE_MAX);
    bool shell = argument && s == HARD_COMMAND &&
                 (slice_find(rest, SLICE(" -c ")) != SIZE_MAX ||
                  slice_find(rest, SLICE("://")) != SIZE_MAX ||
                  slice_find(rest, SLICE(" -e ")) != SIZE_MAX ||
                  slice_find(rest, SLICE(" /c ")) != SIZE_MAX);
    bool option = argument && s == HARD_COMMAND && !(cmdi_word(name) & CMDI_LANGUAGE) &&
                  plain_words(rest) < 2;
    return (ping || reads || shell || option) && found(ret_found, "line", from, v.len);
}

/* ---- code of the languages that pages are written in ---- */

/* '.system('id').': a string of the host, and a call joined to it. */
static bool joined(slice_t v, size_t i)
{
    return i > 1 && v.ptr[i - 1] == '.' && (v.ptr[i - 2] == '\'' || v.ptr[i - 2] == '"');
}

static bool starter_at(slice_t v, size_t i, cmdi_found_t *ret_found)
{
    size_t end = i;
    while (end < v.len && (word_byte(v.ptr[end])) && end - i < 32) {
        end++;
    }
    if (at(v, end) != '(' || end - i >= 32) {
        return false;
    }
    uint8_t name[32];
    for (size_t n = 0; n < end - i; n++) {
        name[n] = lower(v.ptr[i + n]);
    }
    if (!cmdi_starter(slice_make(name, end - i))) {
        return false;
    }
    size_t open = end;
    while (space(at(v, open))) {
        open++;
    }
    if (at(v, open) != '(') {
        return false;
    }
    uint8_t arg = at(v, open + 1);
    bool text = arg == '\'' || arg == '"' || arg == '$' || arg == '`' || arg == ')' || arg == '[';
    bool code = i == 0 || !word_byte(v.ptr[i - 1]) || joined(v, i);
    bool plain = end - i < 6; /* exec, eval, md5: prose and other languages have them */
    uint8_t before = i > 0 ? v.ptr[i - 1] : 0;
    bool sign = before == ';' || before == '.' || before == '@' || before == '(' || before == '{' ||
                before == '$';
    return code && text && open == end && (!plain || sign) &&
           (arg != ')' || sign || end - i == 7) && found(ret_found, "code", i, open + 1);
}

/* ${...}, #{...}, {{...}}, <%...%>: an expression that a template engine would work out. */
static bool expression_at(slice_t v, size_t i, cmdi_found_t *ret_found)
{
    slice_t rest = slice_from(v, i);
    size_t open = slice_starts(rest, SLICE("${")) || slice_starts(rest, SLICE("#{")) ||
                          slice_starts(rest, SLICE("{{")) || slice_starts(rest, SLICE("%{")) ||
                          slice_starts(rest, SLICE("<%")) || slice_starts(rest, SLICE("*{"))
                      ? 2
                      : 0;
    if (!open) {
        return false;
    }
    size_t digits = 0, stars = 0, calls = 0, at_signs = 0;
    for (size_t j = i + open; j < v.len && j - i < 200; j++) {
        uint8_t c = v.ptr[j];
        if (c == '}' || (c == '%' && at(v, j + 1) == '>')) {
            bool sum = digits > 1 && stars == 1 && j - i < 24;
            bool call =
                calls && (at_signs || slice_find_byte(slice_sub(v, i, j - i), '.') != SIZE_MAX ||
                          slice_find_byte(slice_sub(v, i, j - i), '\'') != SIZE_MAX ||
                          slice_find_byte(slice_sub(v, i, j - i), '"') != SIZE_MAX);
            return (sum || call) && found(ret_found, "template", i, j + 1);
        }
        digits += c >= '0' && c <= '9';
        stars += c == '*';
        calls += c == '(' && j > i + open && word_byte(v.ptr[j - 1]);
        at_signs += c == '@';
        if (j - i == 2 + 4 && slice_eq_nocase(slice_sub(v, i + 2, 5), SLICE("jndi:"))) {
            return found(ret_found, "jndi", i, j);
        }
    }
    return false;
}

static bool fixed(slice_t v, cmdi_found_t *ret_found)
{
    static const slice_t SIGNS[] = {SLICE("() {"),
                                    SLICE("<!--#exec"),
                                    SLICE("<!--#include"),
                                    SLICE("<?php"),
                                    SLICE("<?="),
                                    SLICE("/dev/tcp/"),
                                    SLICE("/dev/udp/"),
                                    SLICE("!!python/"),
                                    SLICE("!!javax."),
                                    SLICE("!ruby/object"),
                                    SLICE("$(("),
                                    SLICE("@ognl."),
                                    SLICE("(#_memberaccess"),
                                    SLICE("powershell -"),
                                    SLICE("cmd /c"),
                                    SLICE("cmd.exe /c"),
                                    SLICE("getruntime("),
                                    SLICE("processbuilder("),
                                    SLICE("__import__("),
                                    SLICE("freemarker.template.utility"),
                                    SLICE("__class__.__"),
                                    SLICE("server.scripttimeout"),
                                    SLICE("${${"),
                                    SLICE("${::-"),
                                    SLICE("${env:"),
                                    SLICE("child_process"),
                                    SLICE("class.module.classloader"),
                                    SLICE("__globals__"),
                                    SLICE("__builtins__"),
                                    SLICE("__subclasses__"),
                                    SLICE("__mro__"),
                                    SLICE("_$$nd_func$$_"),
                                    SLICE("<%@"),
                                    SLICE("<esi:"),
                                    SLICE("hklm\\"),
                                    SLICE("hkey_local_machine\\"),
                                    SLICE("java.lang.runtime")};
    static const bool FIRST[128] = {
        ['('] = true, ['<'] = true, ['/'] = true, ['!'] = true, ['$'] = true,
        ['@'] = true, ['p'] = true, ['c'] = true, ['g'] = true, ['_'] = true,
        ['f'] = true, ['s'] = true, ['j'] = true, ['h'] = true};
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = lower(v.ptr[i]);
        if (c >= 0x80 || !FIRST[c] || (letter(c) && i > 0 && letter(v.ptr[i - 1]))) {
            continue;
        }
        uint8_t next = lower(at(v, i + 1));
        for (size_t s = 0; s < sizeof(SIGNS) / sizeof(SIGNS[0]); s++) {
            if (SIGNS[s].ptr[0] == c && SIGNS[s].ptr[1] == next &&
                slice_eq_nocase(slice_sub(v, i, SIGNS[s].len), SIGNS[s])) {
                return found(ret_found, "code", i, i + SIGNS[s].len);
            }
        }
    }
    return false;
}

bool cmdi_possible(uint32_t seen, size_t len)
{
    const uint32_t signs = BYTES_SEMICOLON | BYTES_PIPE | BYTES_AMPERSAND | BYTES_BACKTICK |
                           BYTES_DOLLAR | BYTES_SLASH | BYTES_PAREN | BYTES_BRACE | BYTES_LESS |
                           BYTES_CONTROL | BYTES_MINUS | BYTES_CARET | BYTES_BACKSLASH;
    return len > 2 && (seen & (BYTES_LETTER | BYTES_BRACE | BYTES_PERCENT)) &&
           ((seen & signs) || (seen & BYTES_QUESTION && seen & BYTES_SLASH));
}

bool cmdi_detect(slice_t value, cmdi_found_t *ret_found)
{
    uint32_t seen = bytes_seen(value);
    if (!cmdi_possible(seen, value.len)) {
        return false;
    }
    if (leading(value, ret_found) || fixed(value, ret_found)) {
        return true;
    }
    static const bool SIGN[256] = {
        [';'] = true, ['|'] = true, ['&'] = true,  ['`'] = true,  ['$'] = true,
        ['<'] = true, ['>'] = true, ['\n'] = true, ['\r'] = true, ['#'] = true,
        ['{'] = true, ['%'] = true, ['*'] = true,  ['\\'] = true};
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        if (!SIGN[c] && (!(seen & BYTES_PAREN) || c >= 0x80)) {
            continue;
        }
        if (SIGN[c] && separated(value, i, ret_found)) {
            return true;
        }
        if ((c == '$' || c == '#' || c == '{' || c == '%' || c == '<' || c == '*') &&
            expression_at(value, i, ret_found)) {
            return true;
        }
        if ((seen & BYTES_PAREN) && (letter(c) || c == '_') &&
            (i == 0 || !word_byte(value.ptr[i - 1]) || joined(value, i)) &&
            starter_at(value, i, ret_found)) {
            return true;
        }
    }
    return false;
}
