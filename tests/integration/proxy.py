#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""presets/nginx/patchbay.conf in a real nginx on loopback, under a certificate made for this run, before a real patchbayd."""
import base64
import http.client
import json
import os
import re
import socket
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from pbtest import WATCHDOG, environment, expect, need, run, test, until  # noqa: E402

PRESET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "presets", "nginx", "patchbay.conf")


def free_tcp_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Proxy:
    """The preset as it is, but for names, ports and files."""

    def __init__(self, scope):
        os.environ["PATH"] += ":/usr/sbin:/sbin"
        need("nginx", "openssl")
        self.scope = scope
        self.port, plain = free_tcp_port(), free_tcp_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.server = scope.server(extra=["--behind-proxy", "--public-url", self.url])
        made = scope.run("openssl", ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                                     "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                                     "-keyout", scope.path("key.pem"), "-out", scope.path("fullchain.pem")])
        expect(made.wait() == 0, made.tail())
        with open(PRESET, encoding="utf-8") as f:
            text = f.read()
        for old, new in (("server 127.0.0.1:8080", f"server 127.0.0.1:{self.server.port}"), ("/etc/ssl/patchbay", scope.directory),
                         ("/var/log/nginx", scope.directory), ("patchbay.example.org;", "127.0.0.1;"),
                         ("listen 443", f"listen 127.0.0.1:{self.port}"), ("listen 80", f"listen 127.0.0.1:{plain}")):
            expect(old in text, f"the preset has {old}")
            text = text.replace(old, new)
        text = re.sub(r"^  listen \[::\].*\n", "", text, flags=re.M)
        temporary = "".join(f"  {kind}_temp_path {scope.path(kind)};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(scope.path("nginx.conf"), "w", encoding="utf-8") as f:
            f.write(f"daemon off;\nmaster_process off;\npid {scope.path('nginx.pid')};\nerror_log {scope.path('start.log')};\n"
                    f"events {{ worker_connections 256; }}\nhttp {{\n{temporary}{text}}}\n")
        self.nginx = scope.run("nginx", ["nginx", "-e", scope.path("start.log"), "-p", scope.directory, "-c", scope.path("nginx.conf")], environment())
        until(lambda: self.nginx.process.poll() is not None or self.is_open(), "nginx to listen")
        expect(self.nginx.process.poll() is None, self.nginx.tail())

    def is_open(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), WATCHDOG).close()
        except ConnectionRefusedError:
            return False
        return True

    def context(self):
        return ssl.create_default_context(cafile=self.scope.path("fullchain.pem"))

    def call(self, method, path, body=None, **headers):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=WATCHDOG, context=self.context())
        data = None if body is None else json.dumps(body)
        if data is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), text

    def log(self):
        with open(self.scope.path("patchbay.log"), encoding="utf-8") as f:
            return f.read()


@test("health over HTTPS, links under the public address, and /metrics for nobody")
def test_https(scope):
    proxy = Proxy(scope)
    status, headers, text = proxy.call("GET", "/api/health")
    expect(status == 200 and json.loads(text)["status"] == "ok", f"{status} {text}")
    expect("Strict-Transport-Security" in headers, f"{headers}")
    status, _, text = proxy.call("POST", "/api/session", {"name": "demo"})
    expect(status == 201 and json.loads(text)["url"] == f"{proxy.url}/s/demo", f"{status} {text}")
    status, _, _ = proxy.call("GET", "/metrics")
    expect(status == 404, f"/metrics: {status}")
    status, _ = proxy.server.call("GET", "/metrics")
    expect(status == 200, f"/metrics on the machine itself: {status}")


def upgrade(proxy, path, *lines):
    """The first octets of the answer, and the socket."""
    raw = socket.create_connection(("127.0.0.1", proxy.port), WATCHDOG)
    tls = proxy.context().wrap_socket(raw, server_hostname="127.0.0.1")
    key = base64.b64encode(os.urandom(16)).decode()
    head = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{proxy.port}", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}", *lines, "", ""]
    tls.sendall("\r\n".join(head).encode())
    text = b""
    while b"\r\n\r\n" not in text:
        piece = tls.recv(4096)
        expect(piece, f"an answer to the upgrade: {text}")
        text += piece
    return text.partition(b"\r\n\r\n"), tls


def frame(text):
    data, mask = text.encode(), os.urandom(4)
    expect(len(data) < 126, "a short frame")
    return bytes([0x81, 0x80 | len(data)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))


@test("a WebSocket goes through it, both ways, from a browser's Origin")
def test_websocket(scope):
    proxy = Proxy(scope)
    admin = proxy.server.create()["token"]
    (head, _, rest), tls = upgrade(proxy, "/api/ws/demo", f"Origin: {proxy.url}", f"Sec-WebSocket-Protocol: patchbay.v1, {admin}")
    expect(head.startswith(b"HTTP/1.1 101") and b"patchbay.v1" in head, f"{head}")
    tls.sendall(frame('{"type":"register","id":7,"direction":"observe"}'))
    while b'"registered"' not in rest:
        piece = tls.recv(4096)
        expect(piece, f"registered: {rest}")
        rest += piece
    tls.close()


@test("a token in a query reaches no log of the proxy, refused requests included")
def test_log(scope):
    proxy = Proxy(scope)
    admin = proxy.server.create()["token"]
    status, _, _ = proxy.call("GET", f"/api/session/demo?t={admin}")
    expect(status == 200, f"?t= is read: {status}")
    for path in (f"/nothing?t={admin}", f"/api/session/demo?bad&t={admin}", f"/api/ws/demo?t={admin}"):
        expect(proxy.call("GET", path, Referer=f"{proxy.url}/s/demo?t={admin}")[0] >= 400, path)
    seen = until(lambda: (lambda text: text if "/api/ws/demo" in text else None)(proxy.log()), "four lines in the log")
    expect('"GET /api/session/demo" 200' in seen, seen)
    for name in os.listdir(scope.directory):
        if os.path.isfile(scope.path(name)):
            with open(scope.path(name), "rb") as f:
                expect(admin.encode() not in f.read(), f"the token stands in {name}")
    expect("?" not in seen and "p_" not in seen, seen)


@test("the eleventh session of a minute from one address is refused in our own envelope, others and reading are not")
def test_rate(scope):
    proxy = Proxy(scope)
    for number in range(10):
        status, _, text = proxy.call("POST", "/api/session", {"name": f"s{number}"})
        expect(status == 201, f"session {number}: {status} {text}")
    status, headers, text = proxy.call("POST", "/api/session", {"name": "s10"})
    error = json.loads(text)["error"]
    expect(status == 429 and error["reason"] == "RATE_LIMIT_EXCEEDED" and headers["Retry-After"] == "60", f"{status} {headers} {text}")
    expect(proxy.call("GET", "/api/health")[0] == 200, "health is not limited")


OFFER = "\r\n".join(("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=ice-ufrag:offr",
                     "a=ice-pwd:offeroffer/offeroffer+r", "a=fingerprint:sha-256 " + ":".join(["AB"] * 32), "a=setup:actpass", "a=mid:0", "a=sendonly",
                     "a=rtcp-mux", "a=rtpmap:111 opus/48000/2", ""))


def ask(proxy, method, path, text=None, **headers):
    connection = http.client.HTTPSConnection("127.0.0.1", proxy.port, timeout=WATCHDOG, context=proxy.context())
    connection.request(method, path, text, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


@test("WHIP goes through it: preflight, offer, PATCH and DELETE, with the token; and an address has its fill of offers")
def test_whip(scope):
    proxy = Proxy(scope)
    bearer = {"Authorization": "Bearer " + proxy.server.create()["token"]}
    path, resource = "/whip/demo/cam-wide", "/whip/demo/cam-wide/abcdefghijklmnopqrstuvwx"
    status, headers, _ = ask(proxy, "OPTIONS", path, Origin="https://studio.example", Access_Control_Request_Method="POST")
    expect(status == 200 and headers["Access-Control-Allow-Origin"] == "*" and headers["Accept-Post"] == "application/sdp", f"{status} {headers}")
    status, headers, text = ask(proxy, "POST", path, OFFER, Content_Type="application/sdp", **bearer)
    expect(status == 503 and json.loads(text)["error"]["reason"] == "PEER_ABSENT" and "Retry-After" in headers, f"{status} {headers} {text}")
    for method in ("PATCH", "DELETE"):
        status, _, text = ask(proxy, method, resource, None if method == "DELETE" else "a=end-of-candidates\r\n",
                              Content_Type="application/trickle-ice-sdpfrag", If_Match="*", **bearer)
        expect(status == 404 and json.loads(text)["error"]["reason"] == "NOT_FOUND", f"{method}: {status} {text}")
        expect(ask(proxy, method, resource)[0] in (401, 415), f"{method} without a token")
    seen = [ask(proxy, "POST", path, OFFER, Content_Type="application/sdp", **bearer)[0] for _ in range(31)]
    expect(seen[0] == 503 and seen[-1] == 429, f"{seen}")


@test("the server believes the proxy's address, and not one that the client made up")
def test_address(scope):
    proxy = Proxy(scope)
    expect(proxy.call("GET", "/api/session/demo", **{"X-Forwarded-For": "203.0.113.7"})[0] == 401, "no token")
    line = proxy.server.wait_line(lambda text: json.loads(text) if '"auth_failed"' in text else None, "the failure in the audit log")
    expect(line["source_ip"] == "127.0.0.1", f"{line}")


run()
