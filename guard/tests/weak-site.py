#!/usr/bin/env python3
"""weak-site.py - somebody else's application, of the kind that agencies were robbed through: Python's own HTTP server,
SQLite, and statements glued together from what visitors type. Tests put the guard in front of it; it is never installed.

    weak-site.py --log FILE [--address 127.0.0.2] [--cert PEM --key PEM] [--origin-key FILE] [--framing]

Prints its port when it listens. A line in the log for each request that it read: id, method, target and body, spelled as
nginx's escape=json does, then the header lines as JSON, then all bytes that it took for this request, in hex. Lines
that begin with "! " are connections that ended otherwise. --framing: nothing is done with what was read; with
--leave-bodies the bodies are not even taken off the connection, as careless applications do.
"""
import argparse
import hmac
import http.server
import json
import sqlite3
import ssl
import threading
import time
import urllib.parse

SECRET = 'row-of-a-member-7Q3'

options = argparse.ArgumentParser()
options.add_argument('--log', required=True)
options.add_argument('--address', default='127.0.0.2')
options.add_argument('--cert')
options.add_argument('--key')
options.add_argument('--origin-key')
options.add_argument('--framing', action='store_true')
options.add_argument('--leave-bodies', action='store_true')
options = options.parse_args()

log_lock = threading.Lock()
log_file = open(options.log, 'ab', buffering=0)
base = sqlite3.connect(':memory:', check_same_thread=False)
base_lock = threading.Lock()
base.executescript(f"""
    CREATE TABLE tours (id INTEGER PRIMARY KEY, name TEXT, price INTEGER);
    INSERT INTO tours VALUES (1, 'Nikko in autumn', 19800), (2, 'Kyoto, a quiet morning', 24800), (3, '月旅行', 99000);
    CREATE TABLE members (id INTEGER PRIMARY KEY, name TEXT, mail TEXT, secret TEXT);
    INSERT INTO members VALUES (1, 'Yamada', 'yamada@example.jp', '{SECRET}');
""")
origin_key = open(options.origin_key, encoding='ascii').read().strip() if options.origin_key else None


def spelled(text):
    """As nginx's escape=json writes bytes."""
    short = {0x22: b'\\"', 0x5c: b'\\\\', 0x0a: b'\\n', 0x0d: b'\\r', 0x09: b'\\t', 0x08: b'\\b', 0x0c: b'\\f'}
    return b''.join(short.get(c) or (b'\\u%04X' % c if c < 0x20 else bytes([c])) for c in text)


def log(line):
    with log_lock:
        log_file.write(line + b'\n')


class Tee:
    """What is read passes through, and is remembered."""
    def __init__(self, inner):
        self.inner, self.taken = inner, bytearray()

    def readline(self, size=-1):
        got = self.inner.readline(size)
        self.taken += got
        return got

    def read(self, size=-1):
        got = self.inner.read(size)
        self.taken += got
        return got

    def close(self):
        self.inner.close()

    @property
    def closed(self):
        return self.inner.closed


class Visit(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = 30

    def setup(self):
        super().setup()
        self.rfile = Tee(self.rfile)

    def log_message(self, *ignored):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError as fault:
            log(b'! ' + type(fault).__name__.encode())
        if self.rfile.taken:
            log(b'! left ' + self.rfile.taken.hex().encode())

    def respond(self, status, text, kind='text/html; charset=utf-8'):
        body = text.encode('utf-8', 'replace')
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def body_read(self):
        length = self.headers.get('Content-Length', '0').strip()
        return self.rfile.read(int(length)) if length.isdigit() else b''

    def remember(self, body):
        name = (self.headers.get('X-Request-Id') or '-').encode()
        lines = json.dumps(self.headers.items()).encode()
        log(b' '.join((name, self.command.encode(), spelled(self.path.encode('latin-1')), b'"' + spelled(body) + b'"',
                       lines, bytes(self.rfile.taken).hex().encode())))
        self.rfile.taken.clear()

    def select(self, statement):
        """The fault that robbed the agency: what the visitor typed is part of the statement."""
        with base_lock:
            try:
                rows = base.execute(statement).fetchall()
            except sqlite3.Error as fault:
                return self.respond(500, f'<p>SQLite error: {fault}</p>')
        items = ''.join(f'<li>{" ".join(str(cell) for cell in row)}</li>' for row in rows)
        return self.respond(200, f'<!doctype html><title>Tours</title><ul>{items}</ul><p>{len(rows)} found</p>')

    def page(self, path, query, body):
        given = lambda values, name: values.get(name, [''])[0]
        if path == '/tours':
            return self.select(f"SELECT name, price FROM tours WHERE name LIKE '%{given(query, 'q')}%'")
        if path == '/tour':
            return self.select(f"SELECT name, price FROM tours WHERE id = {given(query, 'id') or 0}")
        if path.startswith('/tours/'): # `..` and all: this server takes a path as it is written
            return self.select(f"SELECT name, price FROM tours WHERE name = '{given(query, 'q') or urllib.parse.unquote(path[7:])}'")
        if path == '/lookup': # reads a form, whatever its type is said to be
            form = urllib.parse.parse_qs(body.decode('utf-8', 'replace'), keep_blank_values=True)
            return self.select(f"SELECT name, mail FROM members WHERE mail = '{given(form, 'mail')}'")
        if path == '/upload': # of a multipart form: what follows the first blank line
            value = body.partition(b'\r\n\r\n')[2].partition(b'\r\n--')[0].decode('utf-8', 'replace')
            return self.select(f"SELECT name, price FROM tours WHERE name = '{value}'")
        if path == '/api':
            try:
                wanted = json.loads(body)['q']
            except (ValueError, KeyError, TypeError):
                return self.respond(400, 'no JSON')
            return self.select(f"SELECT name, price FROM tours WHERE name LIKE '%{wanted}%'")
        if path == '/mine':
            jar = dict(pair.strip().partition('=')[::2] for pair in (self.headers.get('Cookie') or '').split(';'))
            name = urllib.parse.unquote(jar.get('member', ''))
            return self.select(f"SELECT name FROM members WHERE name = '{name}'")
        if path == '/agent':
            return self.select(f"SELECT name FROM tours WHERE name = '{self.headers.get('User-Agent', '')}'")
        if path == '/slow':
            time.sleep(0.05)
        return self.respond(200, f'<!doctype html><title>Agency</title><p>welcome to {path}</p>')

    def serve(self):
        body = b'' if options.leave_bodies else self.body_read()
        self.remember(body)
        if options.framing:
            return self.respond(200, 'ok', 'text/plain') # the connection goes on if the guard has not said otherwise
        if origin_key and not hmac.compare_digest(self.headers.get('X-Sekisho-Origin-Key') or '', origin_key):
            return self.respond(403, '<p>not through the guard</p>')
        path, _, query = self.path.partition('?')
        return self.page(path, urllib.parse.parse_qs(query, keep_blank_values=True), body)

    def __getattr__(self, name):
        if name.startswith('do_'):
            return self.serve
        raise AttributeError(name)


class Site(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request, address):
        log(b'! fault')


site = Site((options.address, 0), Visit)
if options.cert:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.cert, options.key)
    site.socket = context.wrap_socket(site.socket, server_side=True, do_handshake_on_connect=False)
print(site.server_address[1], flush=True)
site.serve_forever()
