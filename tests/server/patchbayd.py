#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""patchbayd as a program: what it refuses to start with, its first line, its
signals, its picture of a QR code."""
import os
import signal
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "common"))
from pbtest import (PATCHBAYD, WATCHDOG, environment, expect, need, run,  # noqa: E402
                    test, until)

GOOD = "secret-canary-" * 5


def start(*argv, code=None, **env):
    """A run that ends by itself."""
    done = subprocess.run([PATCHBAYD, *argv], env=environment(**env), text=True,
                          capture_output=True, timeout=WATCHDOG, check=False,
                          stdin=subprocess.DEVNULL)
    if code is not None:
        expect(done.returncode == code, f"{argv}: status {done.returncode}, not {code}: {done.stderr}")
    expect("secret-canary" not in done.stdout + done.stderr, "no secret is printed")
    return done


def write(scope, name, text, mode=0o600):
    path = scope.path(name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


@test("it says its version and makes secrets of 64 characters or more")
def _(scope):
    expect(start("--version", code=0).stdout.startswith("patchbayd "), "its name")
    one, two = (start("--generate-secret", code=0).stdout.strip() for _ in range(2))
    expect(len(one) >= 64 and one.isalnum() and one != two, "two good secrets")


@test("without configuration it serves loopback and says whose secret that is")
def _(scope):
    child = scope.run("patchbayd", [PATCHBAYD, "--listen", "127.0.0.1:0"], merge=False)
    line = child.wait_line(lambda line: line, "its first line")
    expect(line.startswith("listening on http://127.0.0.1:"), line)
    expect(child.seen == [line], "nothing before it")
    both = scope.run("patchbayd", [PATCHBAYD, "--listen", "127.0.0.1:0"])
    both.wait_line(lambda line: "this run has one of its own" in line, "whose secret")


@test("a wrong command line or configuration is refused in a sentence")
def _(scope):
    short = write(scope, "short", "x" * 63)
    open_ = write(scope, "open", GOOD, 0o644)
    group = write(scope, "group", GOOD, 0o640)
    unknown = write(scope, "unknown.conf", "[server]\nlisen = 127.0.0.1:1\n")
    nogroup = write(scope, "nogroup.conf", "[nothing]\nlisten = 127.0.0.1:1\n")
    number = write(scope, "number.conf", "[sessions]\nmax = many\n")
    ports = write(scope, "ports.conf", "[sessions]\nports = 3000-2000\n")
    who = write(scope, "who.conf", "[sessions]\ncreate = nobody\n")
    broken = write(scope, "broken.conf", "listen\n")
    relay = write(scope, "relay-secret", GOOD)
    weak = write(scope, "weak", "x" * 31)

    def turn(name, text):
        return ("--config", write(scope, name + ".conf", "[turn]\n" + text))
    readable = write(scope, "readable.conf", "[server]\n", 0o644)
    for words, argv in (
            ("64 characters", ("--secret-file", short)),
            ("others may read", ("--secret-file", open_)),
            ("others may read", ("--secret-file", group)),
            ("cannot be opened", ("--secret-file", scope.path("absent"))),
            ("[server] lisen: there is no such key", ("--config", unknown)),
            ("[nothing] listen: there is no such key", ("--config", nogroup)),
            ("[sessions] max is a number", ("--config", number)),
            ("[sessions] ports is a range", ("--config", ports)),
            ("[sessions] create is anyone or local, not “nobody”", ("--config", who)),
            ("broken.conf", ("--config", broken)),
            ("others may read", ("--config", readable)),
            ("ADDRESS:PORT", ("--listen", "localhost:8080")),
            ("ADDRESS:PORT", ("--listen", "127.0.0.1:70000")),
            ("in the clear", ("--listen", "192.0.2.1:0")),
            ("public-url", ("--listen", "0.0.0.0:0", "--behind-proxy")),
            ("needs a secret", ("--listen", "192.0.2.1:0", "--behind-proxy")),
            ("[turn] urls need the secret", turn("t1", "urls = turn:192.0.2.1\n")),
            ("and no [turn] urls", turn("t2", f"secret-file = {relay}\n")),
            ("32 characters", turn("t3", f"urls = turn:192.0.2.1\nsecret-file = {weak}\n")),
            ("others may read", turn("t4", f"urls = turn:192.0.2.1\nsecret-file = {open_}\n")),
            ("begins with turn:", turn("t5", f"urls = stun:192.0.2.1\nsecret-file = {relay}\n")),
            ("twice", turn("t6", f"urls = turn:192.0.2.1, turn:192.0.2.1\nsecret-file = {relay}\n")),
            ("8 at most", turn("t7", "urls = " + " ".join(f"turn:192.0.2.{i}" for i in range(9)) + f"\nsecret-file = {relay}\n")),
            ("from 60 to 600", turn("t8", f"urls = turn:192.0.2.1\nsecret-file = {relay}\nttl = 3600\n")),
            ("there is no such key", turn("t9", "credential = x\n")),
            ("public URL", ("--public-url", "ftp://example.org")),
            ("public URL", ("--public-url", "https://user@example.org"))):
        done = start(*argv, "--check-config", code=1)
        expect(words in done.stderr, f"{argv}: {done.stderr}")
        expect(done.stderr.count("\n") == 1, f"one sentence: {done.stderr}")
    expect("63" in start("--check-config", code=1, PATCHBAY_SECRET="y" * 63).stderr, "how long it is")
    start("--nothing", code=2)
    start("argument", code=2)


@test("a credential of systemd shows its access list's mask as the group's mode, and is taken; one that all may read is not")
def _(scope):
    secret = write(scope, "secret", GOOD, 0o440)
    start("--secret-file", secret, "--check-config", code=1)
    start("--secret-file", secret, "--check-config", code=1, CREDENTIALS_DIRECTORY="/run/credentials")
    out = start("--check-config", code=0, PATCHBAY_SECRET_FILE=secret, CREDENTIALS_DIRECTORY=scope.directory).stdout
    expect("# the secret: given" in out, out)
    os.chmod(secret, 0o444)
    start("--secret-file", secret, "--check-config", code=1, CREDENTIALS_DIRECTORY=scope.directory)


@test("--check-config prints what is effective, and no secret")
def _(scope):
    secret = write(scope, "secret", GOOD)
    conf = write(scope, "patchbayd.conf", f"[server]\nlisten = 127.0.0.1:8081\n"
                 f"public-url = https://pb.example.org/\n[secret]\nfile = {secret}\n"
                 "[sessions]\nports = 21000-21009\n[stun]\nlisten = off\n"
                 "[turn]\nurls = turn:192.0.2.1:3478?transport=udp, turns:turn.example.org\n"
                 f"secret-file = {secret}\nttl = 300\n")
    out = start("--config", conf, "--listen", "127.0.0.1:8082", "--check-config", code=0).stdout
    for line in ("listen = 127.0.0.1:8082", "public-url = https://pb.example.org", "ports = 21000-21009",
                 "listen = off", "# the secret: given", "urls = turn:192.0.2.1:3478?transport=udp turns:turn.example.org",
                 "ttl = 300", "# the relay's secret: given"):
        expect(line in out.split("\n"), f"{line!r} in {out}")
    again = write(scope, "again.conf", out)
    expect(start("--config", again, "--check-config", code=0).stdout == out, "it reads what it prints")


@test("a port in use is said, and nothing else happens")
def _(scope):
    server = scope.server()
    done = start("--listen", f"127.0.0.1:{server.port}", code=1)
    expect("Listening on 127.0.0.1" in done.stderr, done.stderr)


@test("its memory and environment are not for others to read")
def _(scope):
    server = scope.server(PATCHBAY_UNUSED="1")
    with open(f"/proc/{server.process.pid}/cmdline", "rb") as f:
        expect(b"secret-canary" not in f.read(), "no secret in its arguments")
    with open(f"/proc/{server.process.pid}/limits", encoding="ascii") as f:
        limits = f.read()
    core = next(line for line in limits.split("\n") if line.startswith("Max core file size"))
    expect(core.split()[4] == "0", core)
    owner = os.stat(f"/proc/{server.process.pid}/environ").st_uid
    expect(owner == 0, "not dumpable: /proc shows it to root alone")


@test("SIGTERM and SIGINT end it with status 0")
def _(scope):
    for number in (signal.SIGTERM, signal.SIGINT):
        server = scope.server()
        server.create()
        server.signal(number)
        expect(server.wait() == 0, "status 0")


@test("SIGHUP takes a new secret from the file")
def _(scope):
    server = scope.server()
    admin = server.create()["token"]
    secret = os.path.join(server.directory, "secret")
    expect(server.call("GET", "/api/session/demo", token=admin)[0] == 200, "the old one holds")
    with open(secret, "w", encoding="ascii") as f:
        f.write("short")
    server.signal(signal.SIGHUP)
    server.wait_line(lambda line: "nothing was changed" in line, "a refusal")
    expect(server.call("GET", "/api/session/demo", token=admin)[0] == 200, "the old one still holds")
    with open(secret, "w", encoding="ascii") as f:
        f.write("another-canary-" * 5)
    server.signal(signal.SIGHUP)
    until(lambda: server.call("GET", "/api/session/demo", token=admin)[0] == 401, "the old one is refused")


@test("the audit log is a private file, opened again on SIGHUP")
def _(scope):
    log = scope.path("audit.log")
    server = scope.server(extra=("--audit-log", log))
    expect(stat.S_IMODE(os.stat(log).st_mode) == 0o600, "mode 0600")
    os.rename(log, log + ".1")
    server.signal(signal.SIGHUP)
    until(lambda: os.path.exists(log), "a new file")


@test("a QR code says the page and a fresh token, in each format")
def _(scope):
    need("zbarimg")
    server = scope.server()
    admin = server.create()["token"]
    seen = set()
    for form in ("png", "png"):  # each time another token
        status, picture = server.call("GET", f"/s/demo/qr?format={form}&stream=cam-wide", token=admin)
        expect(status == 200, "a picture")
        path = scope.path("qr." + form)
        with open(path, "wb") as f:
            f.write(picture)
        text = subprocess.run(["zbarimg", "-q", "--raw", path], capture_output=True, text=True,
                              timeout=WATCHDOG, check=True).stdout.strip()
        page, _, token = text.partition("#t=")
        expect(page == server.url + "/s/demo", page)
        expect(token.startswith("p_") and token not in seen, "a token of its own")
        seen.add(token)
        expect(server.call("GET", "/api/session/demo", token=token)[0] == 200, "it opens the session")
        expect(server.call("GET", "/api/session/demo/connect", token=token)[0] == 403, "and no more")
    text = server.call("GET", "/s/demo/qr?format=text", token=admin)[1].decode()
    rows = text.rstrip("\n").split("\n")
    width = len(rows[0])
    expect(all(len(row) == width for row in rows), "a rectangle")
    pixels = bytearray()
    for row in rows:
        pixels += bytes(255 if c in "█▀" else 0 for c in row)
        pixels += bytes(255 if c in "█▄" else 0 for c in row)
    big = bytearray()
    for y in range(len(rows) * 2):
        line = b"".join(bytes([p]) * 4 for p in pixels[y * width:(y + 1) * width])
        big += line * 4
    path = scope.path("qr.pgm")
    with open(path, "wb") as f:
        f.write(b"P5 %d %d 255\n" % (width * 4, len(rows) * 8) + big)
    text = subprocess.run(["zbarimg", "-q", "--raw", path], capture_output=True, text=True,
                          timeout=WATCHDOG, check=True).stdout.strip()
    expect(text.startswith(server.url + "/s/demo#t=p_"), "the terminal's picture")


run()
