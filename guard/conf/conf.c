/* Prints nginx.conf. What stands here is the whole of the front's configuration: buffers stay in
 * memory (law 5), rooms are reached by unix sockets, no inbound header that only the guard may
 * write reaches a room, and nginx's own errors become the guard's pages. */
#include "guard/api.h"

enum { BODY_MAX_KB = 256 };

/* Paths go into the file in quotes; what could end them is refused. */
static bool path_is_plain(const char *path)
{
    for (const char *c = path; *c; c++) {
        if ((unsigned char)*c < 0x20 || strchr("\"'\\$;{}", *c)) {
            return false;
        }
    }
    return path[0] == '/';
}

static bool user_is_plain(const char *user)
{
    for (const char *c = user; *c; c++) {
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '-' && *c != '_') {
            return false;
        }
    }
    return user[0] != 0;
}

static void line(buf_t *b, const char *before, const char *middle, const char *after)
{
    buf_cstr(b, before);
    buf_cstr(b, middle);
    buf_cstr(b, after);
    buf_u8(b, '\n');
}

static void number_line(buf_t *b, const char *before, unsigned n, const char *after)
{
    buf_cstr(b, before);
    buf_dec(b, n);
    buf_cstr(b, after);
    buf_u8(b, '\n');
}

static void main_part(buf_t *b, const guard_conf_t *c)
{
    buf_cstr(b, "# Printed by sekisho at each start; do not edit.\n");
    line(b, "load_module \"", c->module_so, "\";");
    if (c->user) {
        line(b, "user ", c->user, ";");
    }
    if (c->worker_processes) {
        number_line(b, "worker_processes ", c->worker_processes, ";");
    } else {
        buf_cstr(b, "worker_processes auto;\n");
    }
    buf_cstr(b, "daemon off;\n"
                "# The module rewrites each line: nothing of a request stands in it (law 5).\n"
                "error_log stderr warn;\n"
                "worker_rlimit_core 0;\n"
                "worker_rlimit_nofile 16384;\n"
                "worker_shutdown_timeout 5s;\n"
                "events { worker_connections 4096; }\n"
                "http {\n");
}

/* Root writes here and nowhere that a worker owns: a worker could lay a link in its way. */
static void pid_part(buf_t *b, const guard_conf_t *c)
{
    line(b, "pid \"", c->run_dir, "/nginx.pid\";");
}

static void sekisho_part(buf_t *b, const guard_conf_t *c)
{
    line(b, "    sekisho_ledger \"", c->run_dir, "/ledger.sock\";");
    line(b, "    sekisho_secrets \"", c->secrets_dir, "\";");
    if (c->etc_dir) {
        line(b, "    sekisho_evidence \"", c->etc_dir, "\";");
        line(b, "    sekisho_ring \"", c->prefix, "/ring\";");
    }
    if (c->clock_cell) {
        line(b, "    sekisho_clock \"", c->clock_cell, "\";");
    }
    buf_cstr(b, c->card_check ? "    sekisho_card_check on;\n" : "    sekisho_card_check off;\n");
    line(b, "    sekisho_profile ", c->profile ? c->profile : "production", ";");
    buf_cstr(b, "    sekisho_host_check on; sekisho_upgrade off; sekisho_body_in_memory on; "
                "sekisho_wall on;\n");
}

static void include_line(buf_t *b, const char *word, const char *folder, const char *leaf)
{
    buf_cstr(b, word);
    buf_cstr(b, " \"");
    buf_cstr(b, folder);
    line(b, leaf, "\"", "");
}

/* Settings; CRS's setup; the house's rules before CRS; CRS; the house's corrections after it. Paths
 * hold no quotation mark of either kind. */
static void rules_part(buf_t *b, const guard_conf_t *c)
{
    if (!c->rules_dir) {
        return;
    }
    buf_cstr(b, "    sekisho on; sekisho_fail closed; sekisho_collections 2m;\n"
                "    modsecurity_use_error_log off; # matches are records, not log lines (law 5)\n"
                "    sekisho_rules_text '\n");
    include_line(b, "Include", c->rules_dir, "/settings.conf");
    if (c->crs_setup) {
        include_line(b, "Include", c->crs_setup, "");
    } else {
        include_line(b, "Include", c->rules_dir, "/alone-setup.conf");
    }
    include_line(b, "IncludeOptional", c->rules_dir, "/before-*.conf");
    if (c->crs_setup) {
        include_line(b, "Include", c->crs_rules, "/*.conf");
    } else {
        include_line(b, "Include", c->rules_dir, "/alone-end.conf");
    }
    include_line(b, "IncludeOptional", c->rules_dir, "/after-*.conf");
    buf_cstr(b, "    ';\n");
}

/* Where no rule is asked: a directive, or nothing when there are none at all. */
static const char *rules_off(const guard_conf_t *c)
{
    return c->rules_dir ? "sekisho off; " : "";
}

static void http_part(buf_t *b)
{
    buf_cstr(
        b, "    access_log off;\n"
           "    server_tokens off;\n"
           "    default_type application/octet-stream;\n"
           "    types {\n"
           "        text/css css; image/svg+xml svg; image/png png; image/jpeg jpg jpeg; "
           "image/webp webp;\n"
           "        font/woff2 woff2; image/x-icon ico; text/plain txt; application/manifest+json "
           "webmanifest;\n"
           "    }\n"
           "    charset utf-8;\n"
           "    charset_types text/css text/plain image/svg+xml;\n"
           "    sendfile on; tcp_nopush on;\n"
           "    keepalive_timeout 65s;\n"
           "    client_header_timeout 15s; client_body_timeout 20s; send_timeout 30s;\n"
           "    reset_timedout_connection on;\n"
           "    large_client_header_buffers 4 8k;\n"
           "    absolute_redirect off; port_in_redirect off;\n"
           "    gzip on; gzip_comp_level 5; gzip_min_length 512; gzip_proxied any; gzip_vary on;\n"
           "    gzip_types text/css image/svg+xml application/json text/plain;\n");
}

static void body_part(buf_t *b)
{
    buf_cstr(b,
             "    # Nothing of a body or an answer goes to disk (law 5). Bodies: the module keeps "
             "them in memory, up to the limit.\n");
    number_line(b, "    client_max_body_size ", BODY_MAX_KB, "k;");
    buf_cstr(b, "    client_body_buffer_size 16k; client_body_in_file_only off;\n"
                "    proxy_max_temp_file_size 0; proxy_buffers 32 16k; proxy_buffer_size 16k;\n"
                "    client_body_temp_path body.tmp; proxy_temp_path proxy.tmp; fastcgi_temp_path "
                "fastcgi.tmp;\n"
                "    uwsgi_temp_path uwsgi.tmp; scgi_temp_path scgi.tmp;\n");
}

/* next_upstream error: a room that has closed an idle connection is asked once more; nginx does
 * that for no request that may have had an effect. */
static void proxy_part(buf_t *b)
{
    static const char *const DROPPED[] = {"Upgrade",          "Proxy",
                                          "Forwarded",        "X-Forwarded-For",
                                          "X-Forwarded-Host", "X-Forwarded-Proto",
                                          "X-Forwarded-Port", "X-Real-IP",
                                          "Accept-Encoding"};
    buf_cstr(b, "    proxy_http_version 1.1;\n"
                "    proxy_connect_timeout 2s; proxy_read_timeout 30s; proxy_send_timeout 10s;\n"
                "    proxy_next_upstream error;\n"
                "    proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate "
                "X-Accel-Buffering X-Accel-Charset;\n"
                "    proxy_set_header Connection \"\";\n"
                "    # The module lets no Host pass that is not the server's name.\n"
                "    proxy_set_header Host $http_host;\n"
                "    proxy_set_header X-Sekisho-Id $sekisho_id;\n"
                "    proxy_set_header X-Sekisho-Client $remote_addr;\n");
    for (size_t i = 0; i < BASE_COUNT(DROPPED); i++) {
        line(b, "    proxy_set_header ", DROPPED[i], " \"\";");
    }
}

/* Statuses that nginx or the module answers by itself; a room's own error pages pass as they are.
 */
static void page_part(buf_t *b)
{
    buf_cstr(b,
             "    error_page 400 403 404 405 408 411 412 413 414 415 416 421 422 500 501 502 503 "
             "504 505 /.guard/page;\n"
             "    error_page 494 =431 /.guard/page;\n");
}

static void upstream_part(buf_t *b, const guard_conf_t *c, const char *name)
{
    line(b, "    upstream ", name, " {");
    buf_cstr(b, "        server \"unix:");
    buf_cstr(b, c->run_dir);
    buf_u8(b, '/');
    line(b, name, ".http.sock", "\" max_fails=0;");
    /* An idle connection holds one of the room's places: workers x keepalive stays well below them.
     */
    buf_cstr(b, "        keepalive 8;\n        keepalive_timeout 5s;\n    }\n");
}

/* In each server: the guard's pages. */
static void own_part(buf_t *b, const guard_conf_t *c)
{
    line(b, "        location = /.guard/page { internal; ", rules_off(c),
         "sekisho_card_check off; sekisho_answer page; }");
    line(b, "        location = /.guard/guard.css { ", rules_off(c),
         "sekisho_static on; sekisho_answer style; }");
}

static void shop_part(buf_t *b, const guard_conf_t *c)
{
    buf_cstr(b, "    server {\n");
    number_line(b, "        listen 127.0.0.1:", c->port, " default_server;");
    buf_cstr(b, "        server_name shop.localhost;\n");
    own_part(b, c);
    buf_cstr(b, "        location / { proxy_pass http://shop; }\n"
                "        # Judged by payd after the signature, on named fields only.\n");
    line(b, "        location /pay/notify/ { ", rules_off(c),
         "sekisho_card_check off; proxy_pass http://pay; }");
    buf_cstr(b, "        # payd's own page: the signed form to a provider of the link type.\n"
                "        location /pay/go/ { proxy_pass http://pay; }\n"
                "        location /static/ {\n");
    line(b, "            ", rules_off(c), "sekisho_static on; log_not_found off;");
    line(b, "            alias \"", c->static_dir, "/\";");
    buf_cstr(b, "            expires 1h;\n"
                "            add_header X-Content-Type-Options nosniff always;\n"
                "            add_header Content-Security-Policy \"default-src 'none'; style-src "
                "'unsafe-inline'; "
                "frame-ancestors 'none'\" always;\n"
                "            add_header Cross-Origin-Resource-Policy same-site always;\n"
                "        }\n"
                "        location = /favicon.ico {\n");
    line(b, "            ", rules_off(c),
         "sekisho_static on; log_not_found off; types { } default_type image/svg+xml;");
    line(b, "            alias \"", c->static_dir, "/favicon.svg\";");
    buf_cstr(b, "        }\n    }\n");
}

static void mail_part(buf_t *b, const guard_conf_t *c)
{
    if (!c->has_mail) {
        return;
    }
    buf_cstr(b, "    server {\n");
    number_line(b, "        listen 127.0.0.1:", c->port, ";");
    buf_cstr(b, "        server_name mail.localhost;\n");
    own_part(b, c);
    /* letters hold whatever people wrote: looked at, never held back */
    line(b, "        location / { ", c->rules_dir ? "sekisho detect; " : "",
         "proxy_pass http://mailsim; }\n    }");
}

err_t guard_conf_print(buf_t *out, const guard_conf_t *c)
{
    const char *const paths[] = {c->module_so, c->prefix, c->run_dir, c->static_dir,
                                 c->secrets_dir};
    for (size_t i = 0; i < BASE_COUNT(paths); i++) {
        ENSURE(path_is_plain(paths[i]), ERR_USAGE);
    }
    ENSURE(!c->etc_dir || path_is_plain(c->etc_dir), ERR_USAGE);
    ENSURE(!c->clock_cell || path_is_plain(c->clock_cell), ERR_USAGE);
    ENSURE(!c->rules_dir || path_is_plain(c->rules_dir), ERR_USAGE);
    ENSURE(!c->crs_setup || (path_is_plain(c->crs_setup) && c->crs_rules), ERR_USAGE);
    ENSURE(!c->crs_rules || path_is_plain(c->crs_rules), ERR_USAGE);
    ENSURE(!c->profile || user_is_plain(c->profile), ERR_USAGE);
    ENSURE(!c->user || user_is_plain(c->user), ERR_USAGE);
    ENSURE(c->port > 0 && c->port <= 65535, ERR_USAGE);
    pid_part(out, c);
    main_part(out, c);
    sekisho_part(out, c);
    rules_part(out, c);
    http_part(out);
    body_part(out);
    proxy_part(out);
    page_part(out);
    upstream_part(out, c, "shop");
    upstream_part(out, c, "pay");
    if (c->has_mail) {
        upstream_part(out, c, "mailsim");
    }
    shop_part(out, c);
    mail_part(out, c);
    buf_cstr(out, "}\n");
    return buf_check(out);
}
