#include "guarded.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

guarded_t guarded;

const char *guarded_file(const char *name)
{
    static char mem[16][2 * FRONT_PATH];
    static _Atomic unsigned next;
    char *out = mem[next++ % 16];
    snprintf(out, sizeof mem[0], "%s/%s", guarded.front.dir, name);
    return out;
}

/* ---- asking ---- */

answer_t guarded_ask(const char *source, const char *host, const char *request)
{
    long serial;
    tls_ask_t ask = {.port = guarded.https_port,
                     .name = host,
                     .ca_pem = guarded_file("front-ca.pem"),
                     .source = source};
    int fd = tls_dial(&ask, &serial);
    assert_true(fd >= 0);
    front_say(fd, slice_cstr_in(request));
    answer_t a = front_hear(fd, false);
    close(fd);
    return a;
}

answer_t guarded_get(const char *host, const char *target, const char *head)
{
    char text[4096];
    snprintf(text, sizeof text,
             "GET %s HTTP/1.1\r\nHost: %s\r\n" BROWSER "%sConnection: close\r\n\r\n", target, host,
             head);
    return guarded_ask(NULL, host, text);
}

answer_t guarded_past(const site_t *s, const char *request)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    front_say(fd, slice_cstr_in(request));
    answer_t a = front_hear(fd, false);
    close(fd);
    return a;
}

bool has_member(const answer_t *a)
{
    return answer_has(a, OF_MEMBERS) || answer_has(a, "yamada@example.jp");
}

void status_is(answer_t a, int status, const char *what)
{
    if (a.status != status) {
        fail_msg("%s: %d %s", what, a.status, a.body ? (char *)a.body : "");
    }
    answer_free(&a);
}

void guarded_wait(const char *file, const char *text)
{
    for (int i = 0; i < 1000; i++) {
        if (front_file_has(guarded_file(file), text)) {
            return;
        }
        usleep(10000);
    }
    size_t len;
    fail_msg("%s has no %s: %s", file, text, front_file(guarded_file(file), &len));
}

void guarded_forget(const char *file)
{
    assert_true(truncate(guarded_file(file), 0) == 0);
}

/* ---- setting up ---- */

bool guarded_here(int argc, char **argv)
{
    if (!front_programs(argc, argv) || !site_here()) {
        return false;
    }
    if (!front_has_crs()) {
        fprintf(stderr, "skipped: modsecurity-crs is not here\n");
        return false;
    }
    return true;
}

static void put(const char *name, const char *text, mode_t mode)
{
    int fd = open(guarded_file(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    CHECK(fchmod(fd, mode) == 0);
    close(fd);
}

long guarded_cert(const char *host)
{
    char cert[FRONT_PATH], key[FRONT_PATH];
    snprintf(cert, sizeof cert, "live/%s/fullchain.pem", host);
    snprintf(key, sizeof key, "live/%s/privkey.pem", host);
    return cert_make(guarded.front_ca, host, -60, 7200, guarded_file(cert), guarded_file(key));
}

static void origin_start(site_t *s, const char *name, const cert_ca_t *ca, const char *dns,
                         long from_s, long to_s, bool keyed)
{
    char cert[64], key[64];
    snprintf(cert, sizeof cert, "%s.pem", name);
    snprintf(key, sizeof key, "%s.key", name);
    (void)cert_make(ca, dns, from_s, to_s, guarded_file(cert), guarded_file(key));
    const char *options[] = {"--cert",       guarded_file(cert),         "--key", guarded_file(key),
                             "--origin-key", guarded_file("agency.key"), NULL};
    options[4] = keyed ? options[4] : NULL;
    site_start(s, &guarded.front, name, options);
}

static void origins_start(void)
{
    const char *const plain[] = {NULL};
    cert_ca_t *stranger = cert_ca_new("Somebody else's CA", guarded_file("stranger-ca.pem"));
    origin_start(&guarded.app, "app", guarded.origin_ca, APP, -60, 7200, true);
    origin_start(&guarded.wrong_ca, "wrong-ca", stranger, APP, -60, 7200, false);
    origin_start(&guarded.wrong_name, "wrong-name", guarded.origin_ca, "evil.example", -60, 7200,
                 false);
    origin_start(&guarded.expired, "expired", guarded.origin_ca, APP, -7200, -60, false);
    site_start(&guarded.other, &guarded.front, "other", plain);
    cert_ca_free(stranger);
}

static void syslog_open(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct timeval ten = {.tv_sec = 10};
    snprintf(at.sun_path, sizeof at.sun_path, "%.80s/run/log", guarded.front.dir);
    guarded.syslog_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(bind(guarded.syslog_fd, (struct sockaddr *)&at, sizeof at) == 0);
    setsockopt(guarded.syslog_fd, SOL_SOCKET, SO_RCVTIMEO, &ten, sizeof ten);
}

/* What this machine has instead of what the document names. */
void guarded_conf(const char *more)
{
    const front_t *f = &guarded.front;
    char pid[400], listen[64], plain[64], origin[64], other[64], rules[FRONT_PATH + 16], log[200],
        live[200], syslog[200], on[300];
    static char places[2048], last[1024];
    snprintf(pid, sizeof pid, "pid \"%.100s/run/nginx.pid\";\ndaemon off;\n%s", f->dir,
             geteuid() == 0 ? "user root;\n" : "");
    snprintf(listen, sizeof listen, "listen 127.0.0.1:%u ssl", guarded.https_port);
    snprintf(plain, sizeof plain, "listen 127.0.0.1:%u default_server", f->port);
    snprintf(origin, sizeof origin, "https://127.0.0.2:%u", guarded.app.port);
    snprintf(other, sizeof other, "http://127.0.0.2:%u", guarded.other.port);
    snprintf(rules, sizeof rules, "%s/", front_rules_dir());
    snprintf(log, sizeof log, "%.100s/", f->dir);
    snprintf(live, sizeof live, "%.100s/live/", f->dir);
    snprintf(syslog, sizeof syslog, "unix:%.100s/run/log", f->dir);
    snprintf(on, sizeof on,
             "    client_body_temp_path body.tmp; proxy_temp_path proxy.tmp; fastcgi_temp_path "
             "f.tmp; uwsgi_temp_path u.tmp;\n    scgi_temp_path s.tmp; %s\n    sekisho on;\n",
             more);
    snprintf(places, sizeof places,
             "location /wrong-ca/ { proxy_pass https://127.0.0.2:%u; }\n"
             "location /wrong-name/ { proxy_pass https://127.0.0.2:%u; }\n"
             "location /expired/ { proxy_pass https://127.0.0.2:%u; }\n"
             "location = /guard-metrics",
             guarded.wrong_ca.port, guarded.wrong_name.port, guarded.expired.port);
    snprintf(last, sizeof last,
             "server { listen 127.0.0.1:%u ssl proxy_protocol; server_name " WWW ";\n"
             "  ssl_certificate %s" WWW "/fullchain.pem; ssl_certificate_key %s" WWW
             "/privkey.pem;\n  real_ip_header proxy_protocol;\n"
             "  location / { sekisho_origin_key %s/agency.key; proxy_ssl_name " APP
             "; proxy_pass %s; }\n}\n    server { listen 80",
             guarded.proxy_port, live, live, f->dir, origin);
    const site_change_t changes[] = {
        {"user www-data;\n", pid},
        {"worker_processes auto;", "worker_processes 2;"},
        {"    sekisho on;\n", on},
        {"location = /guard-metrics", places},
        {"server { listen 80", last},
        {"listen 443 ssl", listen},
        {"listen 80 default_server", plain},
        {"proxy_pass https://app.agency.example;", "proxy_pass ORIGIN;"},
        {"ORIGIN", origin},
        {"http://192.0.2.20:8000", other},
        {"set_real_ip_from 192.0.2.10;", "set_real_ip_from 127.0.0.3;"},
        {"/opt/sekisho/ngx_http_sekisho_module.so", front_module()},
        {"/opt/sekisho/rules/", rules},
        {"/var/log/nginx/", log},
        {"/etc/letsencrypt/live/", live},
        {"/etc/nginx/agency.key", guarded_file("agency.key")},
        {"unix:/dev/log", syslog},
        {"/etc/ssl/certs/ca-certificates.crt", guarded_file("origin-ca.pem")},
    };
    site_conf(&guarded.front, changes, BASE_COUNT(changes));
}

void guarded_start(const char *more)
{
    front_init(&guarded.front, 2, NULL);
    guarded.https_port = front_free_port();
    guarded.proxy_port = front_free_port();
    CHECK(mkdir(guarded_file("live"), 0755) == 0 && mkdir(guarded_file("live/" WWW), 0755) == 0 &&
          mkdir(guarded_file("live/" NEW), 0755) == 0);
    put("agency.key", ORIGIN_KEY "\n", 0600);
    guarded.front_ca = cert_ca_new("The guard's CA", guarded_file("front-ca.pem"));
    guarded.origin_ca = cert_ca_new("The origin's CA", guarded_file("origin-ca.pem"));
    (void)guarded_cert(WWW);
    (void)guarded_cert(NEW);
    syslog_open();
    origins_start();
    guarded_conf(more);
    front_nginx(&guarded.front);
}

void guarded_stop(void)
{
    site_t *const sites[] = {&guarded.app, &guarded.other, &guarded.wrong_ca, &guarded.wrong_name,
                             &guarded.expired};
    for (size_t i = 0; i < BASE_COUNT(sites); i++) {
        site_stop(sites[i]);
    }
    close(guarded.syslog_fd);
    cert_ca_free(guarded.front_ca);
    cert_ca_free(guarded.origin_ca);
    front_deinit(&guarded.front);
}
