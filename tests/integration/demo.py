#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The demo does what it says, ends what it started, and fails in words."""
import os
import re
import signal
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "common"))
from pbtest import BUILD, expect, foreign_environment, run, test, until  # noqa: E402

DEMO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                    "presets", "demo", "demo.py")
TOKEN = re.compile(r"p_[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}")


def start(scope, *argv, **env):
    path = os.pathsep.join([os.path.join(BUILD, "signaling-server"),
                            os.path.join(BUILD, "signaling-server", "cli"),
                            os.environ["PATH"]])
    return scope.run("demo", [sys.executable, DEMO, "--output",
                              scope.path("out"), *argv],
                     env=foreign_environment(**dict(dict(PATH=path), **env)))


def descendants(pid):
    """pid -> command line, of everything below this process"""
    parents, lines = {}, {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8") as handle:
                parents[int(name)] = int(handle.read().rsplit(")", 1)[1].split()[1])
            with open(f"/proc/{name}/cmdline", encoding="utf-8") as handle:
                lines[int(name)] = handle.read().replace("\0", " ")
        except OSError:
            continue
    found, more = {}, [pid]
    while more:
        parent = more.pop()
        for child, its in parents.items():
            if its == parent and child not in found:
                found[child] = lines.get(child, "")
                more.append(child)
    return found


def gone(pids):
    return not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]


@test("by itself: pictures arrive, tally is seen at both ends, a summary, a PNG, and nothing is left")
def by_itself(scope):
    demo = start(scope, "--seconds", "8")
    demo.wait_line(lambda line: "the first picture is here" in line,
                   "a picture")
    below = descendants(demo.process.pid)
    expect(len(below) >= 4, f"server, sender, receiver, watch: {below}")
    for line in below.values():
        expect(not TOKEN.search(line), f"a token on a command line: {line}")
    expect(demo.wait() == 0, demo.tail())
    text = "\n".join(demo.seen)
    expect(not TOKEN.search(text), "a token was printed")
    for word in ("sender    tally: preview", "receiver  tally: preview",
                 "healthy", "▄", "ffmpeg", "OBS"):
        expect(word in text, f"{word!r} in:\n{text}")
    summary = re.search(
        r"sent (\d+) frames; the receiver decoded (\d+), and (\d+) are missing.*"
        r"first media took (\d+) ms.*Latency (\d+) ms.*cipher aes-256", text)
    expect(summary, demo.tail(5))
    sent, decoded = int(summary.group(1)), int(summary.group(2))
    expect(sent >= decoded > 25, summary.group(0))
    expect(int(summary.group(5)) >= 200, summary.group(0))
    with open(scope.path("out/received.png"), "rb") as handle:
        head = handle.read(24)
    expect(struct.unpack(">II", head[16:24]) == (640, 360), "its size")
    expect(gone(below), "every process is gone")


@test("Ctrl-C ends everything that was started, with the summary")
def interrupted(scope):
    demo = start(scope)
    demo.wait_line(lambda line: "the first picture is here" in line,
                   "a picture")
    below = descendants(demo.process.pid)
    demo.signal(signal.SIGINT)
    expect(demo.wait() == 0, demo.tail())
    expect("Summary" in "\n".join(demo.seen), demo.tail())
    until(lambda: gone(below), "every process is gone")


@test("killed outright, it leaves no process behind")
def killed(scope):
    demo = start(scope)
    demo.wait_line(lambda line: "the first picture is here" in line,
                   "a picture")
    below = descendants(demo.process.pid)
    demo.kill()
    until(lambda: gone(below), "every process is gone")


@test("what is missing is named, with status 1")
def fails(scope):
    demo = start(scope, "--seconds", "5", PATH="/usr/bin:/bin")
    expect(demo.wait() == 1, demo.tail())
    expect("demo: cannot run patchbayd" in "\n".join(demo.seen), demo.tail())
    demo = start(scope, "--seconds", "5", GST_PLUGIN_PATH=scope.directory,
                 GST_REGISTRY=scope.path("registry"))
    expect(demo.wait() == 1, demo.tail())
    expect('no element "pbsrtbin"' in "\n".join(demo.seen), demo.tail())


if __name__ == "__main__":
    run()
