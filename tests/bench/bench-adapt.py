#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the estimate follows a bottleneck, with real encoders over WebRTC.

The line has 1 Mbit/s, from the 14th second 400 kbit/s, from the 26th 1 Mbit/s
again (tests/elements/webrtc-adapt.c), 20 ms each way and a queue of 500 ms.

usage: bench-adapt.py [ROUNDS]
"""

import os
import re
import statistics
import subprocess
import sys

BUILD = os.environ.get("PATCHBAY_BUILDDIR", "build")
PROGRAM = os.path.join(BUILD, "tests", "elements", "webrtc-adapt")
WAYS = {
    "clean": [],
    "2 % loss": ["--loss", "2"],
    "5 ms jitter, 1 % reordered": ["--jitter", "5", "--reorder", "1"],
}


def measure(options):
    out = subprocess.run([PROGRAM, "--figures"] + options, check=True,
                         capture_output=True, text=True, timeout=180).stdout
    line = [l for l in out.splitlines() if l.startswith("wide=")][0]
    figures = {}
    for name, value in re.findall(r"(\w+)=([-\d/]+)", line):
        figures[name] = [int(part) for part in value.split("/")]
    figures["full"] = [int(re.search(r"full (\d+)", line).group(1))]
    figures["passed"] = [int(re.search(r"passed (\d+)", line).group(1))]
    return figures


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    for name, options in WAYS.items():
        all_figures = [measure(options) for _ in range(rounds)]

        def mid(key, part=0):
            return statistics.median(f[key][part] for f in all_figures)

        print("adapt, %s: estimate %d and received %d of 1000 "
              "kbit/s; below 400 after %.1f s; then %d and %d of 400; up again "
              "%.1f s; %d and %d of 1000; %.1f %% lost at the queue" % (
                  name, mid("wide"), mid("wide", 1),
                  mid("down") / 1000, mid("narrow"), mid("narrow", 1),
                  mid("back") / 1000, mid("again"), mid("again", 1),
                  100 * mid("full") / (mid("full") + mid("passed"))),
              flush=True)


if __name__ == "__main__":
    main()
