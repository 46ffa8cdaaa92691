# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the integration tests share: the real programs as child processes, their output as events, a watchdog on every wait, TAP.

A test is a function decorated with @test("a sentence"); run() runs them all, or those named on the command line. Everything a test starts is
registered with it and ended, by process id, when it is over, however it ends. The build directory comes in PATCHBAY_BUILDDIR.
"""
import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request

BUILD = os.environ.get("PATCHBAY_BUILDDIR", os.path.join(os.path.dirname(__file__), "..", "..", "build"))
BUILD = os.path.abspath(BUILD)
WATCHDOG = float(os.environ.get("PB_WATCHDOG", "60"))
PATCHBAYD = os.path.join(BUILD, "signaling-server", "patchbayd")
PBCTL = os.path.join(BUILD, "signaling-server", "cli", "pbctl")
RUNNER = os.path.join(BUILD, "tests", "common", "pb-run-pipeline")
SECRET = "an-integration-test-secret-that-is-long-enough-to-be-accepted-0123456789"

SENDER = ("videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=25/1 ! "
          "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=12 bitrate=600 ! h264parse ! pbsrtbin name=pb")
RECEIVER = "pbsrtbin name=pb"
DECODE = " ! tsdemux ! h264parse ! avdec_h264 ! fakesink name=out sync=false"


class Failed(Exception):
    """A test did not see what it must see."""


class Skipped(Exception):
    """This machine lacks what the test needs."""


# What GStreamer 1.22 says about one start in a hundred, and goes on: common/pb-known-criticals.h has the reason.
KNOWN_CRITICAL = "g_hash_table_foreach: assertion 'version == hash_table->version' failed"
# And what it may say once it has been told to end.
ENDING_CRITICAL = "gst_mini_object_unref: assertion 'mini_object != NULL' failed"


def foreign_environment(**more):
    """For a program that is not ours and runs our elements: a critical does not end it, Scope.check() finds it."""
    return environment(**dict(more, G_DEBUG=""))


def environment(**more):
    env = dict(os.environ)
    env.pop("PATCHBAY_TOKEN", None)
    env["GST_PLUGIN_PATH"] = os.path.join(BUILD, "plugins")
    env.setdefault("GST_REGISTRY", os.path.join(BUILD, "tests", "gst-registry.bin"))
    env["LD_LIBRARY_PATH"] = os.path.join(BUILD, "gst")
    env["G_DEBUG"] = "fatal-criticals"
    env.update({k: v for k, v in more.items() if v is not None})
    return env


class Child:
    """A process whose lines of output are read by a thread; `on_line` may turn each into an event."""

    def __init__(self, scope, name, argv, env=None, cwd=None, merge=True):
        self.name, self.argv, self.lines, self.seen = name, argv, queue.Queue(), []
        self.n_before_end = None  # lines, when it was first told to end
        self.process = subprocess.Popen(argv, env=env or environment(), cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT if merge else subprocess.DEVNULL)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        scope.children.append(self)

    def _read(self):
        rest = b""
        while chunk := self.process.stdout.read1(65536):
            # ffmpeg ends its progress lines with a carriage return
            *lines, rest = re.split(rb"[\r\n]+", rest + chunk)
            for raw in lines:
                self._take(raw)
        if rest:
            self._take(rest)
        self.lines.put(None)

    def _take(self, raw):
        line = raw.decode("utf-8", "replace")
        self.seen.append(line)
        self.lines.put(line)

    def wait_line(self, accept, what, timeout=None):
        """The first line not yet consumed for which accept() is true; fails with all output otherwise."""
        deadline = time.monotonic() + (timeout or WATCHDOG)
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise Failed(f"{self.name}: no {what} in time\n{self.tail()}") from None
            if line is None:
                self.lines.put(None)
                raise Failed(f"{self.name}: ended with {self.process.wait()} before {what}\n{self.tail()}")
            result = accept(line)
            if result:
                return result

    def tail(self, n=40):
        return "\n".join(f"  {self.name}| {line[:400]}" for line in self.seen[-n:])

    def signal(self, number):
        if self.n_before_end is None:
            self.n_before_end = len(self.seen)
        if self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self, timeout=None):
        try:
            code = self.process.wait(timeout or WATCHDOG)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name}: does not end\n{self.tail()}") from None
        self.reader.join(WATCHDOG)
        return code

    def stop(self):
        """Ends it in order; fails where it does not obey."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.reader.join(5)


class Pipeline(Child):
    """pb-run-pipeline: events are dicts."""

    def __init__(self, scope, name, pipeline, token=None, count=(), stats=None, **env):
        argv = [RUNNER]
        for element in count:
            argv += ["--count", element]
        if stats:
            argv += ["--stats", stats]
        super().__init__(scope, name, argv + [pipeline], environment(PATCHBAY_TOKEN=token, **env))

    @staticmethod
    def _event(line):
        if not line.startswith('{"ms"'):
            return None
        return json.loads(line)

    def events(self):
        return [e for e in map(self._event, list(self.seen)) if e]

    def wait_event(self, event, what=None, timeout=None, where=lambda e: True):
        def accept(line):
            e = self._event(line)
            return e if e and e["event"] == event and where(e) else None
        return self.wait_line(accept, what or event, timeout)

    def wait_message(self, name, timeout=None, **fields):
        """The next bus message of this name whose fields match."""
        def where(e):
            return e["name"] == name and all(e["fields"].get(k.replace("_", "-")) == v for k, v in fields.items())
        return self.wait_event("message", f"{name} {fields}", timeout, where)["fields"]

    def wait_count(self, element, buffers, timeout=None):
        return self.wait_event("count", f"{buffers} buffers at {element}", timeout,
                               lambda e: e["element"] == element and e["buffers"] >= buffers)

    def count(self, element):
        """The latest count that was printed."""
        counts = [e["buffers"] for e in self.events() if e["event"] == "count" and e["element"] == element]
        return counts[-1] if counts else 0

    def wait_more(self, element, more=25, timeout=None):
        return self.wait_count(element, self.count(element) + more, timeout)


class Server(Child):
    """patchbayd on a port of its own; `port` to come back on the same one."""

    def __init__(self, scope, port=0, debug=False, extra=(), **env):
        self.directory = scope.directory
        secret = os.path.join(self.directory, "secret")
        if not os.path.exists(secret):
            with open(os.open(secret, os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
                f.write(SECRET)
        argv = [PATCHBAYD, "--listen", f"127.0.0.1:{port}", "--secret-file", secret, "--stun", "127.0.0.1:0"]
        super().__init__(scope, "patchbayd", argv + (["--debug"] if debug else []) + list(extra), environment(**env))
        self.url = self.wait_line(lambda line: line.partition("listening on ")[2].strip(), "its address")
        self.port = int(self.url.rsplit(":", 1)[1])

    def call(self, method, path, body=None, token=None, raw=None):
        """(status, parsed answer)"""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", "Bearer " + token)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=WATCHDOG) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as e:
            status, text = e.code, e.read()
        try:
            return status, json.loads(text) if text else None
        except ValueError:
            return status, text

    def create(self, name="demo", streams=("cam-wide",), **more):
        status, answer = self.call("POST", "/api/session", dict(name=name, streams=list(streams), **more))
        expect(status == 201, f"create: {status} {answer}")
        return answer

    def mint(self, admin, stream, direction, session="demo", **more):
        status, answer = self.call("POST", f"/api/session/{session}/token",
                                   dict(role="peer", stream=stream, direction=direction, **more), admin)
        expect(status == 201, f"mint: {status} {answer}")
        return answer["token"]

    def show(self, token, session="demo"):
        status, answer = self.call("GET", f"/api/session/{session}", token=token)
        expect(status == 200, f"show: {status} {answer}")
        return answer

    def strings(self, admin, stream="cam-wide", session="demo"):
        status, answer = self.call("GET", f"/api/session/{session}/connect?stream={stream}", token=admin)
        expect(status == 200, f"connect: {status} {answer}")
        return answer["streams"][0]

    def wait_ready(self, admin, direction, stream="cam-wide", session="demo"):
        """The END of /connect for a client of this direction, once our end is there."""
        return until(lambda: (lambda end: end if end["ready"] else None)(self.strings(admin, stream, session)[direction]),
                     f"/connect ready for a client that {direction}s")

    def uri(self, stream="cam-wide", session="demo"):
        return f"pb://127.0.0.1:{self.port}/{session}/{stream}"


class Scope:
    """What one test started and must end."""

    def __init__(self):
        self.children = []
        self.directory = tempfile.mkdtemp(prefix="patchbay-test-")

    def check(self):
        """No program has complained of a bug."""
        for child in self.children:
            for i, line in enumerate(getattr(child, "seen", ())):
                is_known = KNOWN_CRITICAL in line or (child.n_before_end is not None and i >= child.n_before_end and ENDING_CRITICAL in line)
                expect("-CRITICAL **" not in line or is_known, f"{child.name}: {line}")

    def close(self):
        for child in reversed(self.children):
            child.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def server(self, **kw):
        return Server(self, **kw)

    def pipeline(self, name, text, **kw):
        return Pipeline(self, name, text, **kw)

    def sender(self, server, token, stream="cam-wide", more="", **kw):
        return Pipeline(self, "sender", f"{SENDER} uri={server.uri(stream)} {more}", token=token, **kw)

    def receiver(self, server, token, stream="cam-wide", more="", **kw):
        return Pipeline(self, "receiver", f"{RECEIVER} uri={server.uri(stream)} {more}{DECODE}", token=token, count=("out",), **kw)

    def run(self, name, argv, env=None, **kw):
        return Child(self, name, argv, env, **kw)

    def shell(self, name, command, cwd=None, **env):
        """A printed command line, as a person pastes it. exec: the signal reaches the program itself."""
        for screen in ("autovideosink", "autoaudiosink"):  # no screen, no loudspeaker here
            command = command.replace(screen, "fakesink sync=true")
        return Child(self, name, ["bash", "-c", "exec " + command], foreign_environment(**env), cwd or self.directory)


def expect(condition, what):
    if not condition:
        raise Failed(what)


def until(poll, what, timeout=None):
    """For what can only be asked, not awaited (another program's HTTP interface): asks again until it is so."""
    deadline = time.monotonic() + (timeout or WATCHDOG)
    while time.monotonic() < deadline:
        result = poll()
        if result:
            return result
        threading.Event().wait(0.05)
    raise Failed(f"not in time: {what}")


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            raise Skipped(f"{program} is not installed")


def free_port():
    """A UDP port of loopback that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


TESTS = []


def test(sentence):
    def register(function):
        TESTS.append((sentence, function))
        return function
    return register


def run():
    chosen = [t for t in TESTS if len(sys.argv) < 2 or t[1].__name__ in sys.argv[1:]]
    bad = 0
    print(f"1..{len(chosen)}", flush=True)
    for number, (sentence, function) in enumerate(chosen, 1):
        scope, text = Scope(), ""
        try:
            function(scope)
            scope.check()
        except Skipped as e:
            text = f"ok {number} {sentence} # SKIP {e}"
        except Exception as e:  # a failed wait and a bug in the test read the same: as a failure
            bad += 1
            trace = str(e) if isinstance(e, Failed) else traceback.format_exc()
            tails = "\n".join(child.tail() for child in scope.children)
            text = f"not ok {number} {sentence}\n" + "\n".join("# " + line for line in (trace + "\n" + tails).split("\n"))
        else:
            text = f"ok {number} {sentence}"
        finally:
            scope.close()
        print(text, flush=True)
    sys.exit(1 if bad else 0)
