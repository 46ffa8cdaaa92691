#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""From PLAYING to the first media: a receiver joins a sender that runs. The
signalling, ICE, SRT's handshake and its latency (200 ms) are all in it. In a
network namespace of its own, once as it is, once with 5 % of all UDP packets
lost. Usage: bench-start.py [STARTS]
"""
import os
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "common"))
from pbtest import Failed, Scope  # noqa: E402

LATENCY_MS = 200
NEEDED = ("unshare", "ip", "nft")
INSIDE = "PATCHBAY_BENCH_INSIDE"
RULES = """
table ip bad {
  chain out {
    type filter hook output priority 0;
    ip protocol udp numgen random mod 100 < %d drop
  }
}
"""


def sh(*argv, **more):
    subprocess.run(argv, check=True, **more)


def measure(starts):
    scope = Scope()
    result = {"first": [], "server": [], "srt": []}
    try:
        server = scope.server()
        admin = server.create(latency=LATENCY_MS)["token"]
        sender = scope.sender(server, server.mint(admin, "cam-wide", "send"))
        sender.wait_message("pb-session", signalling="connected")
        for _ in range(starts):
            receiver = scope.pipeline(
                "receiver", "pbsrtbin uri=%s ! fakesink name=out sync=false" %
                server.uri(),
                token=server.mint(admin, "cam-wide", "receive"),
                count=("out",))
            first = receiver.wait_event("first-buffer", timeout=20)
            begin = [e for e in receiver.events() if e["event"] == "state"][0]
            result["first"].append(first["after_ms"])
            for event in receiver.events():
                if event["event"] != "message":
                    continue
                fields, after = event["fields"], event["ms"] - begin["ms"]
                if fields.get("signalling") == "connected":
                    result["server"].append(after)
                elif fields.get("srt") == "connected":
                    result["srt"].append(after)
            receiver.stop()
    finally:
        scope.close()
    return result


def report(name, result, goal):
    first = sorted(result["first"])
    print("start%s %.0f ms, latency of %d ms included (%s; worst %.0f)" % (
        name, statistics.median(first), LATENCY_MS, goal, first[-1]))
    for step, title in (("server", "signed on"), ("srt", "SRT connected")):
        if result[step]:
            print("start%s-%s %.0f ms (%s)" % (
                name, step, statistics.median(result[step]), title))


def main():
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        print("# start: needs root and %s" % ", ".join(NEEDED))
        return
    if INSIDE not in os.environ:
        # The namespace goes with the last process in it.
        status = subprocess.run(
            ["unshare", "--net", sys.executable] + sys.argv,
            env=dict(os.environ, **{INSIDE: "1"}), check=False).returncode
        sys.exit(status)
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    # An address beside loopback, or ICE would find nothing to offer
    sh("ip", "link", "set", "lo", "up")
    sh("ip", "link", "add", "pb0", "type", "veth", "peer", "name", "pb1")
    sh("ip", "address", "add", "10.9.9.1/24", "dev", "pb0")
    for device in ("pb0", "pb1"):
        sh("ip", "link", "set", device, "up")
    report("", measure(starts), "no loss")
    sh("nft", "-f", "-", input=(RULES % 5).encode())
    report("-loss", measure(starts), "goal 500")


if __name__ == "__main__":
    try:
        main()
    except (Failed, subprocess.CalledProcessError) as error:
        print("bench-start: %s" % error, file=sys.stderr)
        sys.exit(1)
