#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole pipelines, processes and all. CPU of a sender and a receiver of one
transport stream of 50 Mbit/s, AES-256: pbsrtbin beside srtsink and srtsrc,
interleaved. Usage: bench-element.py [ROUNDS]
"""
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "common"))
from pbtest import Scope, free_port  # noqa: E402

RATE = 50e6
WARM_S, MEASURED_S = 1.5, 4
KEY = "benchmarkbenchmarkbenchmark12345"


def make_stream(scope):
    """A file of constant rate, padded by the muxer."""
    path = scope.path("stream.ts")
    frames = int((WARM_S + MEASURED_S + 6) * 25)
    made = scope.pipeline("make", (
        "videotestsrc num-buffers=%d ! video/x-raw,width=160,height=90,"
        "framerate=25/1 ! x264enc tune=zerolatency speed-preset=ultrafast "
        "key-int-max=25 ! mpegtsmux alignment=7 bitrate=%d ! "
        "filesink location=%s") % (frames, RATE, path))
    made.wait(120)
    return path


def cpu(child):
    with open("/proc/%d/stat" % child.process.pid, encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def received(child):
    counts = [e for e in child.events() if e["event"] == "count"]
    return counts[-1]["bytes"]


def measure(sender, receiver):
    """CPU-seconds for each gigabyte that arrived, of both."""
    receiver.wait_event("first-buffer", timeout=20)
    time.sleep(WARM_S)
    before = cpu(sender), cpu(receiver), received(receiver)
    time.sleep(MEASURED_S)
    after = cpu(sender), cpu(receiver), received(receiver)
    gigabytes = (after[2] - before[2]) / 1e9
    return [(after[i] - before[i]) / gigabytes for i in (0, 1)] + [
        gigabytes * 8e3 / MEASURED_S]


def run_plain(path):
    scope = Scope()
    try:
        address = "srt://127.0.0.1:%d" % free_port()
        common = "latency=60 pbkeylen=32 passphrase=" + KEY
        receiver = scope.pipeline(
            "receiver", 'srtsrc uri="%s?mode=listener" %s ! fakesink name=out '
            "sync=false" % (address, common), count=("out",))
        receiver.wait_event("state")
        sender = scope.pipeline(
            "sender", "filesrc location=%s ! tsparse set-timestamps=true "
            "alignment=7 ! srtsink uri=%s wait-for-connection=true %s" % (
                path, address, common))
        return measure(sender, receiver)
    finally:
        scope.close()


def run_ours(path):
    scope = Scope()
    try:
        server = scope.server()
        admin = server.create(latency=60)["token"]
        receiver = scope.pipeline(
            "receiver", "pbsrtbin uri=%s ! fakesink name=out sync=false" %
            server.uri(), token=server.mint(admin, "cam-wide", "receive"),
            count=("out",))
        receiver.wait_message("pb-session", signalling="connected")
        sender = scope.pipeline(
            "sender", "filesrc location=%s ! tsparse set-timestamps=true "
            "alignment=7 ! pbsrtbin uri=%s" % (path, server.uri()),
            token=server.mint(admin, "cam-wide", "send"))
        return measure(sender, receiver)
    finally:
        scope.close()


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    scope = Scope()
    try:
        path = make_stream(scope)
        plain, ours = [], []
        for _ in range(rounds):
            plain.append(run_plain(path))
            ours.append(run_ours(path))
    finally:
        scope.close()
    for i, end in enumerate(("send", "receive")):
        bare = statistics.median(r[i] for r in plain)
        mine = statistics.median(r[i] for r in ours)
        print("element-%s %.1f CPU-s/GB (tsparse with srt elements %.1f)" % (
            end, mine, bare))
        print("element-%s-ratio %.2f x srt elements%s" % (
            end, mine / bare, " (goal 0.5)" if end == "send" else ""))
    print("element-rate %.1f Mbit/s (srt elements %.1f)" % (
        statistics.median(r[2] for r in ours),
        statistics.median(r[2] for r in plain)))


if __name__ == "__main__":
    main()
