#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pbsrcsink beside two webrtcbins: a picture of 720p at 30 frames a second,
H.264 of 3 Mbit/s, encoder and decoder the same; interleaved rounds, medians.
`bare` is webrtcbin as it comes; `able` one that does what pbsrcsink does: NACK,
RTX, TWCC, a data channel. And what a second consumer costs. In a network
namespace of its own.
Usage: bench-webrtc.py [ROUNDS]
"""
import os
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "common"))
from pbtest import BUILD, Failed, Scope, environment  # noqa: E402

PAIR = os.path.join(BUILD, "tests", "bench", "webrtc-pair")
MEASURED_S = 4
NEEDED = ("unshare", "ip")
INSIDE = "PATCHBAY_BENCH_INSIDE"
SENDER = (
    "videotestsrc is-live=true pattern=smpte horizontal-speed=4 ! "
    "video/x-raw,width=1280,height=720,framerate=30/1 ! "
    "pbsrcsink name=pb direction=send transport=webrtc min-bitrate=3000 "
    "max-bitrate=3000 uri=%s")
RECEIVER = ("pbsrcsink name=pb direction=receive transport=webrtc uri=%s ! "
            "fakesink name=out sync=false async=false")


def pair(*args, **tokens):
    done = subprocess.run([PAIR, *args], env=environment(**tokens), check=False,
                          capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Failed("webrtc-pair %s: %s" % (args[0], done.stderr.strip()))
    row = {key: float(value) for key, value in
           (word.split("=") for word in done.stdout.split())}
    row["cpu"] *= 1000 / row["frames"]
    return row


def ours(scope, server, number):
    name = "bench%d" % number
    admin = server.create(name=name)["token"]
    uri = server.uri(session=name)
    return pair("ours", str(MEASURED_S), uri,
                PB_SEND=server.mint(admin, "cam-wide", "send", session=name),
                PB_RECEIVE=server.mint(admin, "cam-wide", "receive", session=name))


def cpu(child):
    with open("/proc/%d/stat" % child.process.pid, encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def second_consumer(scope, server, number):
    """The sender's CPU with one consumer, and with two."""
    name = "second%d" % number
    admin = server.create(name=name)["token"]
    uri = server.uri(session=name)
    sender = scope.pipeline("sender", SENDER % uri,
                            token=server.mint(admin, "cam-wide", "send", session=name))
    used, receivers = [], []
    for i in range(2):
        receivers.append(scope.pipeline(
            "receiver%d" % i, RECEIVER % uri, count=("out",),
            token=server.mint(admin, "cam-wide", "receive", session=name)))
        receivers[-1].wait_event("first-buffer", timeout=20)
        time.sleep(1)  # the pace of a measurement, not a wait
        before = cpu(sender)
        time.sleep(MEASURED_S)
        used.append(cpu(sender) - before)
    for child in receivers + [sender]:
        child.stop()
    return used


def line(name, rows, figure, unit, goal):
    mine, bare, able = (statistics.median(r[figure] for r in rows[of])
                        for of in ("ours", "bare", "able"))
    print("webrtc-%s %.2f x bare webrtcbin, %.2f x an able one (%s; %.2f "
          "against %.2f and %.2f %s)" % (name, mine / bare, mine / able, goal,
                                         mine, bare, able, unit))


def main():
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        print("# webrtc: needs root and %s" % ", ".join(NEEDED))
        return
    if INSIDE not in os.environ:
        sys.exit(subprocess.run(["unshare", "--net", sys.executable] + sys.argv,
                                env=dict(os.environ, **{INSIDE: "1"}),
                                check=False).returncode)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for command in ("link set lo up",
                    "link add pb0 type veth peer name pb1",
                    "address add 10.9.9.1/24 dev pb0",
                    "link set pb0 up", "link set pb1 up"):
        subprocess.run(["ip", *command.split()], check=True)
    rows, consumers = {"ours": [], "bare": [], "able": []}, []
    scope = Scope()
    try:
        server = scope.server()
        for number in range(rounds):
            for which in ("bare", "able"):
                rows[which].append(pair(which, str(MEASURED_S)))
            rows["ours"].append(ours(scope, server, number))
        for number in range(min(rounds, 3)):
            consumers.append(second_consumer(scope, server, number))
    finally:
        scope.close()
    for figure, name, unit, goal in (
            ("cpu", "cpu", "CPU-ms a frame", "goal 1.1"),
            ("p50", "capture-to-decoded-p50", "ms", "goal 1.1"),
            ("p99", "capture-to-decoded-p99", "ms", "no goal"),
            ("frames", "frames", "frames", "goal 1.0: none is held back")):
        line(name, rows, figure, unit, goal)
    first = {of: statistics.median(r["first"] for r in rows[of]) for of in rows}
    print("webrtc-first-frame %+.0f ms beside bare webrtcbin, %+.0f beside an "
          "able one (goal +50; %.0f against %.0f and %.0f ms)" % (
              first["ours"] - first["bare"], first["ours"] - first["able"],
              first["ours"], first["bare"], first["able"]))
    one = statistics.median(c[0] for c in consumers)
    two = statistics.median(c[1] for c in consumers)
    print("webrtc-second-consumer %+.0f %% of the first "
          "(goal 15; %.2f and %.2f CPU-s)" % (100 * (two - one) / one, one, two))


if __name__ == "__main__":
    try:
        main()
    except (Failed, subprocess.CalledProcessError,
            subprocess.TimeoutExpired) as error:
        print("bench-webrtc: %s" % error, file=sys.stderr)
        sys.exit(1)
