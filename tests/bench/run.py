#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs what measures, one after the other: every program bench-NAME that was
built, and every script bench-NAME.py beside this one. Each prints one line per
figure, and says in it what it is compared with.

usage: ./run bench [--quick] [NAME...]
"""

import argparse
import os
import platform
import subprocess
import sys

# The rounds of a quick look; alone they prove little.
QUICK = {"srt": ["1", "2"], "relay": ["1"], "server": ["1"],
         "element": ["1"], "start": ["3"], "webrtc": ["1"],
         "adapt": ["1"], "wall": ["30"]}
USUAL = {"srt": ["5", "2"], "relay": ["3"], "server": ["5"],
         "element": ["3"], "start": ["11"], "webrtc": ["5"],
         "adapt": ["3"], "wall": ["600"]}
# Run only where it is named, and how long it may take.
LONG = {"wall": 1500}

HERE = os.path.dirname(os.path.abspath(__file__))


def find(build):
    """name -> command"""
    found = {}
    folder = os.path.join(build, "tests", "bench")
    for where, suffix in ((folder, ""), (HERE, ".py")):
        if not os.path.isdir(where):
            continue
        for file in sorted(os.listdir(where)):
            path = os.path.join(where, file)
            name, ext = os.path.splitext(file)
            if not name.startswith("bench-") or ext != suffix or \
                    not os.path.isfile(path):
                continue
            if suffix == "" and not os.access(path, os.X_OK):
                continue
            found[name[len("bench-"):]] = (
                [path] if suffix == "" else [sys.executable, path])
    return found


def machine():
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as handle:
            for line in handle:
                if line.startswith("model name"):
                    model = line.split(":", 1)[1].strip()
                    break
    except OSError:
        pass
    return "%d x %s, load %.1f" % (os.cpu_count() or 1, model,
                                   os.getloadavg()[0])


def main():
    parser = argparse.ArgumentParser(prog="./run bench",
                                     description="Measures.")
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--list", action="store_true",
                        help="say what there is")
    parser.add_argument("--quick", action="store_true",
                        help="a round of each: a look, no proof")
    parser.add_argument("name", nargs="*")
    args = parser.parse_args()
    benches = find(args.build)
    if args.list:
        print("\n".join(benches))
        return 0
    unknown = [name for name in args.name if name not in benches]
    if unknown or not benches:
        print("bench: %s; there are: %s" % (
            "no such: " + ", ".join(unknown) if unknown else "none is built",
            ", ".join(benches) or "none"), file=sys.stderr)
        return 2

    print("# " + machine(), flush=True)
    env = dict(os.environ, PATCHBAY_BUILDDIR=args.build,
               PATCHBAY_SRCDIR=os.path.dirname(os.path.dirname(HERE)))
    bad = 0
    rounds = QUICK if args.quick else USUAL
    for name in args.name or [one for one in benches
                              if args.quick or one not in LONG]:
        print("# " + name, flush=True)
        try:
            status = subprocess.run(benches[name] + rounds.get(name, []), env=env, check=False,
                                    stdin=subprocess.DEVNULL,
                                    timeout=LONG.get(name, 180)).returncode
        except subprocess.TimeoutExpired:
            status = "no end in sight"
        if status != 0:
            print("bench: %s: %s" % (name, status), file=sys.stderr)
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
