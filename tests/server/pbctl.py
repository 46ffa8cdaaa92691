#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pbctl against the real patchbayd: every subcommand, for people and for
programs, and what it says when it is refused."""
import base64
import json
import os
import pty
import signal
import stat
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "common"))
from pbtest import (PBCTL, WATCHDOG, Skipped, environment, expect,  # noqa: E402
                    need, run, test, until)


class Answer:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        """The one value on standard output."""
        lines = self.out.strip().split("\n")
        expect(len(lines) == 1, f"one line of JSON, not: {self.out!r}")
        return json.loads(lines[0])


def pbctl(server, *argv, token=None, code=0, stdin=None, **more):
    env = environment(PATCHBAY_TOKEN=token, NO_COLOR="1", **more)
    env["PATCHBAY_SERVER"] = server if isinstance(server, str) else server.url
    done = subprocess.run([PBCTL, *argv], env=env, input=stdin, text=True,
                          stdin=None if stdin is not None else subprocess.DEVNULL,
                          capture_output=True, timeout=WATCHDOG, check=False)
    answer = Answer(done.returncode, done.stdout, done.stderr)
    expect(answer.code == code, f"pbctl {' '.join(argv)}: status {answer.code},"
           f" not {code}\n{answer.out}\n{answer.err}")
    return answer


def create(scope, server, *slots):
    """The admin's token, by way of a file."""
    name = scope.path("admin")
    pbctl(server, "session", "create", "demo", *(slots or ("cam-wide",)),
          "--token-out", name)
    with open(name, encoding="ascii") as handle:
        return handle.read().strip()


def claims(token):
    text = token[2:].split(".")[0]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@test("help teaches: every command has one, with an example, and status 0")
def help_teaches(scope):
    text = pbctl("", "--help").out
    for command in ("session", "token", "qr", "connect", "watch", "tally",
                    "cue", "health", "secret"):
        expect("\n  " + command in text, f"{command} in the list")
        more = pbctl("", command, "--help").out
        expect("pbctl " + command in more, f"{command} --help: {more}")
        expect(pbctl("", "help", command).out == more, f"help {command}")
    for verb in ("create", "show", "extend", "add", "close"):
        expect("Example" in pbctl("", "session", verb, "--help").out, verb)
        expect("session " + verb in pbctl("", "session", "--help").out, verb)
    for verb in ("list", "revoke"):
        expect("Example" in pbctl("", "token", verb, "--help").out, verb)
    for option in ("--server", "--token", "--session", "--allow-plain"):
        expect(option in pbctl("", "token", "--help").out, option)
        expect(option not in pbctl("", "secret", "--help").out, option)
    expect(pbctl("", "--version").out.startswith("pbctl "), "version")


@test("a wrong command line is status 2 and says where to read on")
def usage(scope):
    for argv in ([], ["dance"], ["--dance"], ["session"], ["session", "dance"],
                 ["session", "create"], ["session", "create", "a b"],
                 ["session", "create", "demo", "-x"],
                 ["session", "create", "demo", "--ttl", "soon"],
                 ["session", "extend", "a", "b"], ["session", "add"],
                 ["session", "extend", "--ttl", "soon"],
                 ["session", "add", "a", "b"], ["session", "add", "a b"],
                 ["token", "list", "x"], ["token", "revoke"],
                 ["token", "revoke", "x"], ["token", "revoke", "a" * 15 + "-"],
                 ["token", "revoke", "a" * 16, "b" * 16],
                 ["token", "--label", ""], ["token", "--label", "x" * 65],
                 ["token", "a", "b"], ["token", "--direction", "up"],
                 ["token", "--ttl", "-1"], ["token", "../x"],
                 ["qr", "--format", "gif"], ["connect", "--client", "skype"],
                 ["connect", "--direction", "observe"], ["tally", "cam"],
                 ["tally", "cam", "red"], ["watch", "cam"], ["cue", "cam"],
                 ["cue", "cam", ""], ["cue", "cam", "x" * 141],
                 ["cue", "cam", "two\nlines"], ["cue", "../x", "go"],
                 ["watch", "--seconds", "-1"], ["health", "x"]):
        answer = pbctl("", *argv, code=2)
        expect("--help" in answer.err, f"{argv}: {answer.err}")
        expect(answer.out == "", f"{argv}: {answer.out}")
        if argv and argv[0] not in ("--dance",):
            error = pbctl("", "--json", *argv, code=2).json()
            expect(error["error"]["reason"] == "USAGE", f"{argv}: {error}")


@test("session create prints the admin's token once; the file is its owner's")
def session_create(scope):
    server = scope.server()
    text = pbctl(server, "session", "create", "one", "cam-wide", "cam-close",
                 "--latency", "300", "--ttl", "1h", "--cipher", "aes-128").out
    expect("p_" in text and "cam-wide, cam-close" in text and
           "300 ms" in text and "aes-128" in text, text)
    made = pbctl(server, "--json", "session", "create", "two").json()
    expect(made["session"] == "two" and made["streams"] == ["main"] and
           claims(made["token"])["role"] == "admin", str(made))

    name = scope.path("token")
    text = pbctl(server, "session", "create", "three", "--token-out", name).out
    expect("p_" not in text, text)
    expect(stat.S_IMODE(os.stat(name).st_mode) == 0o600, "mode 0600")
    made = pbctl(server, "--json", "session", "create", "four", "--token-out",
                 name).json()
    expect("token" not in made, str(made))
    with open(name, encoding="ascii") as handle:
        expect(claims(handle.read().strip())["session"] == "four", "replaced")
    only = pbctl(server, "session", "create", "five", "--token-out", "-").out
    expect(only.count("\n") == 1 and only.startswith("p_"), only)


@test("where the token cannot be written, no session is created")
def session_create_no_file(scope):
    server = scope.server()
    answer = pbctl(server, "session", "create", "demo", "--token-out",
                   scope.path("no/such/folder"), code=1)
    expect("cannot write" in answer.err, answer.err)
    pbctl(server, "session", "create", "demo")


@test("session show tells who is there, session close ends it")
def session_show_close(scope):
    server = scope.server()
    admin = create(scope, server, "cam-wide", "cam-close")
    text = pbctl(server, "session", "show", token=admin).out
    expect("demo" in text and "cam-close" in text and "WAITING" in text, text)
    shown = pbctl(server, "session", "show", "demo", "--json", token=admin)
    expect([s["stream"] for s in shown.json()["streams"]] ==
           ["cam-wide", "cam-close"], shown.out)
    closed = pbctl(server, "session", "close", "--json", token=admin).json()
    expect(closed == {"session": "demo", "state": "CLOSED"}, str(closed))
    answer = pbctl(server, "session", "show", token=admin, code=1)
    expect("pbctl: cannot show session demo" in answer.err, answer.err)


@test("session extend gives more time, session add one more slot, and neither to a peer")
def session_change(scope):
    server = scope.server()
    admin = create(scope, server)
    before = server.show(admin)["expires"]
    text = pbctl(server, "session", "extend", "--ttl", "2h", token=admin).out
    expect("session demo ends in " in text, text)
    after = server.show(admin)["expires"]
    expect(5300 < after - before < 5500, f"{before} {after}")
    made = pbctl(server, "session", "extend", "demo", "--ttl", "3h", "--json",
                 token=admin).json()
    expect(made["ttl"] == 10800 and made["expires"] > after, str(made))
    # Half an hour, unless told otherwise: that would be less.
    error = pbctl(server, "session", "extend", "--json", token=admin,
                  code=1).json()["error"]
    expect(error["reason"] == "WRONG_STATE", str(error))

    text = pbctl(server, "session", "add", "cam-3", token=admin).out
    expect(text.startswith("slot cam-3 is there, port "), text)
    made = pbctl(server, "session", "add", "cam-4", "--json",
                 token=admin).json()
    expect(made["stream"] == "cam-4" and made["state"] == "WAITING", str(made))
    answer = pbctl(server, "session", "add", "cam-3", token=admin, code=1)
    expect("cannot add slot cam-3" in answer.err, answer.err)
    expect([s["stream"] for s in server.show(admin)["streams"]] ==
           ["cam-wide", "cam-3", "cam-4"], "the slots")
    peer = server.mint(admin, "cam-wide", "send")
    for argv in (["extend", "--ttl", "4h"], ["add", "cam-5"]):
        error = pbctl(server, "--json", "session", *argv, token=peer,
                      code=1).json()["error"]
        expect(error["reason"] == "PERMISSION_DENIED", str(error))


@test("token list tells whom a token is for and never the token; token revoke ends it")
def token_list_revoke(scope):
    server = scope.server()
    admin = create(scope, server)
    made = pbctl(server, "token", "cam-wide", "--direction", "send", "--label",
                 "Kim, cämera 2", "--json", token=admin).json()
    peer, name = made["token"], made["id"]
    expect(made["label"] == "Kim, cämera 2", str(made))
    text = pbctl(server, "token", token=admin).out
    expect("\nid     " in text, text)

    text = pbctl(server, "token", "list", token=admin).out
    lines = text.rstrip("\n").split("\n")
    expect(len(lines) == 3 and "p_" not in text, text)
    row = next(line for line in lines if name in line)
    expect(row.startswith("  " + name) and "cam-wide" in row and "send" in row
           and "0 live" in row and row.endswith("Kim, cämera 2"), row)
    own = lines[-1]
    expect(own.startswith("* ") and "admin" in own and "all slots" in own, own)
    # More than one answer holds; none is told twice.
    for _ in range(110):
        server.mint(admin, "cam-wide", "send")
    rows = pbctl(server, "token", "list", "--json", token=admin).json()
    rows = rows["tokens"]
    expect(len(rows) == 113 and len({row["id"] for row in rows}) == 113,
           f"{len(rows)} rows")

    watcher = scope.run("watch", [PBCTL, "watch", "--server", server.url],
                        env=environment(PATCHBAY_TOKEN=peer))
    watcher.wait_line(lambda line: "cam-wide" in line, "the slot")
    rows = pbctl(server, "token", "list", "--json", token=admin).json()
    expect([row["live"] for row in rows["tokens"] if row["id"] == name] == [1],
           "connected")
    expect(pbctl(server, "token", "revoke", name, token=admin).out ==
           f"token {name} is revoked\n", "what it says")
    watcher.wait()
    done = pbctl(server, "--json", "token", "revoke", name, token=admin)
    expect(done.json() == {"id": name, "revoked": True}, done.out)
    text = pbctl(server, "token", "list", token=admin).out
    row = next(line for line in text.split("\n") if name in line)
    expect("revoked" in row and "0 live" in row, row)
    answer = pbctl(server, "session", "show", token=peer, code=1)
    expect("took it back" in answer.err, answer.err)

    own = own.split()[1]
    error = pbctl(server, "--json", "token", "revoke", own, token=admin,
                  code=1).json()["error"]
    expect(error["reason"] == "WRONG_STATE", str(error))
    answer = pbctl(server, "token", "revoke", "a" * 16, token=admin, code=1)
    expect("cannot revoke token " + "a" * 16 in answer.err, answer.err)
    # What the server says is shown as text, whatever stands in it.
    answer = pbctl(server, "token", "--label", "a\033[31mb", token=admin,
                   code=1)
    expect("\033" not in answer.err, answer.err)


@test("a slot may be called list")
def token_slot_list(scope):
    server = scope.server()
    admin = create(scope, server, "list")
    made = pbctl(server, "token", "--json", "--", "list", token=admin).json()
    expect(made["stream"] == "list", str(made))
    made = pbctl(server, "token", "--", "list", token=admin).out
    expect("demo, list" in made, made)


@test("token mints for one slot, one direction, one time; never in print where a file was asked")
def token(scope):
    server = scope.server()
    admin = create(scope, server, "cam-wide", "cam-close")
    made = pbctl(server, "token", "cam-wide", "--direction", "send", "--ttl",
                 "10m", "--json", token=admin).json()
    read = claims(made["token"])
    expect(read["role"] == "peer" and read["stream"] == "cam-wide" and
           read["perm"] == ["send"] and read["session"] == "demo", str(read))
    expect("#t=" in made["url"], made["url"])
    text = pbctl(server, "token", token=admin).out
    expect("all slots" in text and "token  p_" in text, text)

    name = scope.path("mcr")
    for more in ((), ("--json",)):
        text = pbctl(server, "token", "--direction", "receive", "--token-out",
                     name, *more, token=admin).out
        expect("p_" not in text, text)
    expect(stat.S_IMODE(os.stat(name).st_mode) == 0o600, "mode 0600")

    peer = made["token"]
    answer = pbctl(server, "token", "cam-wide", token=peer, code=1)
    expect("admin" in answer.err, answer.err)
    error = pbctl(server, "--json", "token", "cam-wide", token=peer,
                  code=1).json()["error"]
    expect(error["reason"] == "PERMISSION_DENIED" and error["hint"],
           str(error))
    answer = pbctl(server, "token", "cam-none", token=admin, code=1)
    expect("cam-none" in answer.err, answer.err)


@test("the token may come from a file, standard input or the option; and the list of processes shows none")
def token_sources(scope):
    server = scope.server()
    admin = create(scope, server)
    name = scope.path("admin")
    pbctl(server, "session", "show", "--token-file", name)
    pbctl(server, "--token-file", "-", "session", "show", stdin=admin + "\n")
    pbctl(server, "--token", admin, "session", "show")
    pbctl(server, "session", "show", "--token=" + admin)
    # The option wins over the environment.
    pbctl(server, "session", "show", "--token-file", name, token="p_no.no")
    os.chmod(name, 0o644)
    answer = pbctl(server, "session", "show", "--token-file", name)
    expect("chmod 600" in answer.err, answer.err)
    answer = pbctl(server, "session", "show", code=1)
    expect("PATCHBAY_TOKEN" in answer.err, answer.err)
    answer = pbctl(server, "session", "show", "--token-file",
                   scope.path("none"), code=1)
    expect("cannot read" in answer.err, answer.err)
    for bad in ("hello", "p_" + "x" * 2000, "p_a b.c"):
        answer = pbctl(server, "session", "show", token=bad, code=1)
        expect(bad not in answer.err, "a wrong token is not repeated")

    for argv in (["watch"], ["watch", "--token", admin],
                 ["watch", "--token=" + admin]):
        child = scope.run("pbctl", [PBCTL, "--server", server.url, *argv],
                          env=environment(PATCHBAY_TOKEN=admin))
        child.wait_line(lambda line: "cam-wide" in line, "the slot")
        with open(f"/proc/{child.process.pid}/cmdline", "rb") as handle:
            line = handle.read().decode()
        expect(admin not in line and admin[:20] not in line, line)
        child.stop()


@test("qr is a page's address with a fresh token, in the terminal, as svg and as png")
def qr(scope):
    need("zbarimg")
    server = scope.server()
    admin = create(scope, server)
    text = pbctl(server, "qr", "cam-wide", token=admin).out
    expect("█" in text or "▀" in text or "▄" in text, text)
    name = scope.path("code.png")
    pbctl(server, "qr", "cam-wide", "--format", "png", "-o", name,
          token=admin)
    expect(stat.S_IMODE(os.stat(name).st_mode) == 0o600, "mode 0600")
    seen = subprocess.run(["zbarimg", "-q", "--raw", name], text=True,
                          capture_output=True, check=True).stdout.strip()
    expect(seen.startswith(server.url + "/s/demo#t=p_"), seen)
    read = claims(seen.split("#t=")[1])
    expect(read["stream"] == "cam-wide" and read["perm"] == ["send"],
           str(read))
    svg = pbctl(server, "qr", "--format", "svg", "--json", token=admin).json()
    expect("<svg" in svg["picture"] and svg["stream"] is None, str(svg)[:200])
    png = pbctl(server, "qr", "--format", "png", "--json", token=admin).json()
    expect(base64.b64decode(png["picture"])[:4] == b"\x89PNG", "png")


@test("connect lays the strings out for people; one alone for scripts; all as JSON")
def connect(scope):
    server = scope.server()
    admin = create(scope, server, "cam-wide", "cam-close")
    text = pbctl(server, "connect", token=admin).out
    for word in ("cam-wide", "cam-close", "FFmpeg", "OBS", "vMix",
                 "srt-live-transmit", "Larix", "GStreamer", "passphrase",
                 "ADDRESS"):
        expect(word in text, f"{word} in {text}")
    text = pbctl(server, "connect", "cam-wide", "--client", "obs",
                 "--direction", "send", "--json", token=admin)
    slot = text.json()["streams"][0]
    expect(slot["stream"] == "cam-wide" and len(slot["passphrase"]) == 32,
           str(slot))
    text = pbctl(server, "connect", "cam-wide", "--client", "ffmpeg",
                 token=admin).out
    expect("FFmpeg" in text and "OBS" not in text, text)
    # Nobody is there to connect to: a script must not get half a line.
    answer = pbctl(server, "connect", "cam-wide", "--client", "ffmpeg",
                   "--direction", "send", token=admin, code=1)
    expect(answer.out == "" and "not there yet" in answer.err, answer.err)


@test("tally reaches the session, and a peer may not set it")
def tally(scope):
    server = scope.server()
    admin = create(scope, server)
    expect(pbctl(server, "tally", "cam-wide", "program", token=admin).out ==
           "cam-wide: program\n", "what it says")
    expect(server.show(admin)["streams"][0]["tally"] == "program", "program")
    # The same once more is no error, and no wait.
    pbctl(server, "tally", "cam-wide", "program", token=admin)
    done = pbctl(server, "--json", "tally", "cam-wide", "off", token=admin)
    expect(done.json() == {"stream": "cam-wide", "state": "off"}, done.out)
    peer = server.mint(admin, "cam-wide", "observe")
    answer = pbctl(server, "tally", "cam-wide", "program", token=peer, code=1)
    expect("cannot set the tally" in answer.err, answer.err)
    answer = pbctl(server, "tally", "cam-none", "program", token=admin, code=1)
    expect("cannot set the tally of cam-none" in answer.err, answer.err)
    expect(server.show(admin)["streams"][0]["tally"] == "off", "still off")


@test("a cue is taken from the admin, and from nobody else")
def cue(scope):
    server = scope.server()
    admin = create(scope, server)
    expect(pbctl(server, "cue", "cam-wide", "stand by, cam 2", token=admin).out
           == "cam-wide: stand by, cam 2\n", "what it says")
    done = pbctl(server, "--json", "cue", "cam-wide", "ten", "secönds",
                 token=admin)
    expect(done.json() == {"stream": "cam-wide", "text": "ten secönds"},
           done.out)
    peer = server.mint(admin, "cam-wide", "observe")
    answer = pbctl(server, "cue", "cam-wide", "go", token=peer, code=1)
    expect("cannot give the cue to cam-wide" in answer.err, answer.err)
    answer = pbctl(server, "cue", "cam-none", "go", token=admin, code=1)
    expect("cannot give the cue to cam-none" in answer.err, answer.err)


@test("alarms are listed and acknowledged, and not by a peer; watch tells of them")
def alarms(scope):
    server = scope.server()
    admin = create(scope, server)
    expect(pbctl(server, "alarms", token=admin).out == "", "none")
    plain = scope.run("watch", [PBCTL, "watch", "--server", server.url],
                      env=environment(PATCHBAY_TOKEN=admin))
    plain.wait_line(lambda line: "cam-wide" in line, "cam-wide")
    # on the air without a feed
    pbctl(server, "tally", "cam-wide", "program", token=admin)
    plain.wait_line(lambda line: "alarm   1 " in line, "alarm   1 ")
    out = pbctl(server, "alarms", "--open", token=admin).out
    expect(out.startswith("  1 ") and "critical cam-wide no-feed" in out, out)
    eyes = server.mint(admin, "cam-wide", "observe")
    expect("no-feed" in pbctl(server, "alarms", token=eyes).out, "who watches")
    done = pbctl(server, "alarms", "--ack", "1", token=eyes, code=1)
    expect("cannot acknowledge alarm 1" in done.err, done.err)
    pbctl(server, "alarms", "--ack", "2", token=admin, code=1)
    done = pbctl(server, "alarms", "--ack", "1", "--by", "Kim", token=admin)
    expect(done.out == "alarm 1: seen\n", done.out)
    plain.wait_line(lambda line: "seen by Kim" in line, "seen by Kim")
    pbctl(server, "tally", "cam-wide", "off", token=admin)
    plain.wait_line(lambda line: "cleared" in line, "cleared")
    expect(pbctl(server, "alarms", "--open", token=admin).out == "", "cleared")
    done = pbctl(server, "--json", "alarms", token=admin).json()
    expect(done["alarms"][0]["by"] == "Kim" and done["more"] == 0, str(done))
    done = pbctl(server, "alarms", "--by", "Kim", token=admin, code=2)
    expect("--by goes with --ack" in done.err, done.err)


@test("watch: one look, plain lines in a pipe when something changes, JSON per message")
def watch(scope):
    server = scope.server()
    admin = create(scope, server, "cam-wide", "cam-close")
    text = pbctl(server, "watch", "--once", token=admin).out
    lines = text.strip().split("\n")
    expect(len(lines) == 2 and "cam-wide" in lines[0] and
           "nobody there" in lines[0] and "\033" not in text, text)
    first = pbctl(server, "watch", "--once", "--json", token=admin).json()
    expect(first["type"] == "session", str(first))

    plain = scope.run("watch", [PBCTL, "watch", "--server", server.url],
                      env=environment(PATCHBAY_TOKEN=admin))
    objects = scope.run("objects", [PBCTL, "watch", "--json", "--server",
                                    server.url],
                        env=environment(PATCHBAY_TOKEN=admin))
    plain.wait_line(lambda line: "cam-close" in line, "the slots")
    objects.wait_line(lambda line: '"session"' in line, "the session")
    pbctl(server, "tally", "cam-close", "program", token=admin)
    line = plain.wait_line(lambda line: "PROGRAM" in line and line, "the light")
    expect("cam-close" in line, line)
    event = objects.wait_line(
        lambda line: json.loads(line)["type"] == "tally" and json.loads(line),
        "the light")
    expect(event["stream"] == "cam-close" and event["state"] == "program",
           str(event))
    expect(objects.stop() == 0, "SIGTERM is an end like another")
    plain.signal(signal.SIGINT)
    expect(plain.wait() == 0, "so is Ctrl-C")


@test("watch ends with the session, and says so")
def watch_end(scope):
    server = scope.server()
    admin = create(scope, server)
    child = scope.run("watch", [PBCTL, "watch", "--server", server.url],
                      env=environment(PATCHBAY_TOKEN=admin))
    child.wait_line(lambda line: "cam-wide" in line, "the slot")
    pbctl(server, "session", "close", token=admin)
    child.wait_line(lambda line: "closed" in line, "the reason")
    expect(child.wait() == 0, "status 0")


@test("watch on a terminal redraws its lines in place, in colour unless told not to")
def watch_terminal(scope):
    server = scope.server()
    admin = create(scope, server)
    for colour in (True, False):
        try:
            master, slave = pty.openpty()
        except OSError as error:
            raise Skipped(f"no terminal to be had: {error}") from None
        env = environment(PATCHBAY_TOKEN=admin, TERM="xterm")
        env.pop("NO_COLOR", None)
        if not colour:
            env["NO_COLOR"] = "1"
        child = subprocess.Popen([PBCTL, "watch", "--server", server.url],
                                 env=env, stdin=subprocess.DEVNULL,
                                 stdout=slave, stderr=slave)
        os.close(slave)
        seen = []
        reader = threading.Thread(target=drain, args=(master, seen),
                                  daemon=True)
        reader.start()
        try:
            until(lambda: b"cam-wide" in b"".join(seen), "a drawing")
            pbctl(server, "tally", "cam-wide", "program", token=admin)
            until(lambda: b"PROGRAM" in b"".join(seen), "the light")
        finally:
            child.terminate()
            child.wait(WATCHDOG)
        reader.join(WATCHDOG)
        os.close(master)
        text = b"".join(seen)
        expect(b"\033[3A\r\033[J" in text, "goes back over its three lines")
        expect((b"41m" in text) == colour, f"colour {colour}: {text!r}")
        pbctl(server, "tally", "cam-wide", "off", token=admin)


def drain(master, seen):
    """The terminal's side; an error is its end."""
    while True:
        try:
            data = os.read(master, 4096)
        except OSError:
            return
        if not data:
            return
        seen.append(data)


@test("health needs no token; a server that is not there is named, with what to do")
def health(scope):
    server = scope.server()
    expect("ok" in pbctl(server, "health").out, "for people")
    expect(pbctl(server, "health", "--json").json()["protocol"] == "1.0",
           "for programs")
    server.stop()
    for argv in (["health"], ["session", "create", "demo"]):
        answer = pbctl(server, *argv, code=1)
        expect(server.url in answer.err and "patchbayd" in answer.err,
               answer.err)
        error = pbctl(server, "--json", *argv, code=1).json()["error"]
        expect(error["reason"] == "UNAVAILABLE", str(error))


@test("plain http to another machine is refused before anything is sent")
def plain(scope):
    for argv in (["session", "create", "demo"], ["health"]):
        answer = pbctl("http://192.0.2.1:8080", *argv, code=1)
        expect("https" in answer.err or "encrypt" in answer.err, answer.err)


@test("secret draws 64 characters that patchbayd takes, another each time")
def secret(scope):
    one, two = pbctl("", "secret").out, pbctl("", "secret").out
    expect(one != two and len(one) == 65 and one[:-1].isalnum(), "random")
    name = scope.path("drawn")
    pbctl("", "secret", "--output", name)
    expect(stat.S_IMODE(os.stat(name).st_mode) == 0o600, "mode 0600")
    expect(len(pbctl("", "secret", "--json").json()["secret"]) == 64, "json")


if __name__ == "__main__":
    run()
